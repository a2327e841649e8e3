//! `alitv-pay version`.

use clap::Args;

use super::args::Global;
use super::exit::{Fail, DONE, NO_DAEMON};
use super::out::Out;
use super::session::Session;
use super::show;
use crate::ipc::proto::{AppRef, Version as Answer, SDK_VERSION};

/// Options of `version`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay version
  alitv-pay version --json | jq -r .daemon.sdk_version
The daemon's version is left out if none runs. Java: AliTvSdk.getSdkVersion.")]
pub struct Version {}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Versions<'a> {
    sdk_version: &'a str,
    daemon: Option<Answer>,
}

impl Version {
    /// Runs it.
    ///
    /// # Errors
    /// A daemon that refuses us.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let daemon = match asked(global) {
            Err(fail) if fail.exit == NO_DAEMON => {
                out.detail(&fail.to_string());
                None
            }
            other => Some(other?),
        };
        if out.json {
            out.data_json(&Versions { sdk_version: SDK_VERSION, daemon })?;
            return Ok(DONE);
        }
        let mut rows = vec![("sdk", SDK_VERSION.to_owned())];
        let daemon = daemon.map(|daemon| format!("{}  {}", daemon.sdk_version, daemon.server));
        rows.extend(daemon.map(|daemon| ("daemon", daemon)));
        out.data(&show::rows(&rows))?;
        Ok(DONE)
    }
}

fn asked(global: &Global) -> Result<Answer, Fail> {
    Session::open(global)?.call("version", &AppRef::default())
}
