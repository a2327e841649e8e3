//! `alitv-pay rpc`: the socket protocol by hand.

use clap::Args;
use serde_json::value::RawValue;

use super::args::Global;
use super::exit::{Fail, DONE};
use super::out::Out;
use super::session::Session;
use crate::ipc::proto::METHODS;

/// Options of `rpc`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay rpc --list
  alitv-pay rpc status
  alitv-pay rpc pay '{\"order_id\":\"A2\",\"title\":\"60 gems\",\"amount_fen\":600}'
The protocol itself: docs/protocol.md.")]
pub struct Rpc {
    /// Print the methods of this version
    #[arg(long)]
    list: bool,
    /// The method
    #[arg(required_unless_present = "list")]
    method: Option<String>,
    /// Its params, a JSON object
    #[arg(value_name = "JSON")]
    params: Option<String>,
}

impl Rpc {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, params that are no object, what the engine refuses.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let Some(method) = self.method.filter(|_| !self.list) else {
            out.data(&METHODS.join("\n"))?;
            return Ok(DONE);
        };
        let params = self.params.map(object).transpose()?;
        let mut session = Session::open(global)?;
        let op = session.client.request(&method, params.as_deref(), 0)?;
        let answer = session.answer(op)?;
        out.data(&answer.json)?;
        Ok(DONE)
    }
}

fn object(text: String) -> Result<Box<RawValue>, Fail> {
    let next = "write it like '{\"order_id\":\"A2\"}'";
    if !text.trim_start().starts_with('{') {
        return Err(Fail::usage("params must be a JSON object", next));
    }
    RawValue::from_string(text).map_err(|error| Fail::usage(format!("params: {error}"), next))
}
