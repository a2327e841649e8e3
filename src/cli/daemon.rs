//! `alitv-pay daemon`: the same program as `alitv-payd`.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Args;

use super::args::Global;

/// What `alitv-payd` takes.
#[derive(Args, Debug)]
#[command(disable_help_flag = true)]
pub struct Daemon {
    /// Options of alitv-payd; `alitv-pay daemon --help` lists them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "OPTIONS")]
    args: Vec<OsString>,
}

impl Daemon {
    /// Runs until it is told to stop. The exit codes are those of `alitv-payd`.
    pub fn run(self, global: &Global) -> ExitCode {
        let socket = global.socket.iter().flat_map(|path| ["--socket".into(), path.into()]);
        crate::daemon::main(socket.chain(self.args))
    }
}
