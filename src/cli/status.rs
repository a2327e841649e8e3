//! `alitv-pay status`: whether everything is there.

use clap::Args;

use super::args::Global;
use super::exit::{Fail, DONE};
use super::out::Out;
use super::session::Session;
use super::show;
use crate::core::code::Code;
use crate::ipc::proto;

/// Options of `status`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay status
  alitv-pay status --json | jq .gateway_online
Exit 0: the daemon answers; 3: there is none. Java: what AliTvSdk.init finds out.")]
pub struct Status {}

impl Status {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, or one that refuses us.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let nothing = serde_json::json!({});
        let status: proto::Status = Session::open(global)?.call("status", &nothing)?;
        match out.json {
            true => out.data_json(&status)?,
            false => out.data(&text(&status))?,
        }
        Ok(DONE)
    }
}

fn text(status: &proto::Status) -> String {
    let gateway = match status.gateway_result {
        Code::OK if status.gateway_online => "answers".to_owned(),
        Code::OK => "not asked yet".to_owned(),
        code => format!("{}: {}", code.name(), code.sentence()),
    };
    let offset = status.clock_offset_ms.map_or("-".into(), |ms| format!("{ms} ms"));
    show::rows(&[
        ("daemon", status.server.clone()),
        ("up", format!("{} s", status.uptime_s)),
        ("environment", status.environment.clone()),
        ("gateway", format!("{}  {gateway}", status.gateway)),
        ("clock-offset", offset),
        ("open", status.orders_open.to_string()),
        ("unacked", status.orders_unacked.to_string()),
        ("journal", format!("{} bytes", status.journal_bytes)),
    ])
}
