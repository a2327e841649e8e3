//! The command line. One file per subcommand; what they share is in `session` (the
//! conversation with the engine), `follow` (one order to its end), `out`, `show` and `exit`.

pub mod ack;
pub mod args;
pub mod cancel;
pub mod clock;
pub mod daemon;
#[cfg(feature = "sandbox")]
pub mod demo;
pub mod exit;
pub mod follow;
pub mod orders;
pub mod out;
pub mod pay;
pub mod qr;
pub mod query;
pub mod rpc;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod session;
pub mod show;
pub mod sys;
pub mod tail;
pub mod text;

use std::process::ExitCode;

use clap::Parser;

use self::args::{Cli, Command, Global};
use self::exit::{Fail, USAGE};
use self::out::Out;

/// The whole program: reads the arguments of this process, runs the command, tells how it
/// ended.
pub fn main() -> ExitCode {
    let Cli { global, command } = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to stdout, a complaint to stderr; if that is closed, nobody reads it.
            let _ = error.print();
            return if error.use_stderr() { USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    let mut out = Out::new(global.json, global.quiet, global.verbose, global.no_color, global.lang);
    match run(command, &global, &mut out) {
        Ok(exit) => exit,
        Err(fail) => {
            if !fail.is_silent() {
                let line = if global.json { fail.to_json() } else { fail.to_string() };
                out.complain(&line);
            }
            fail.exit.into()
        }
    }
}

fn run(command: Command, global: &Global, out: &mut Out) -> Result<ExitCode, Fail> {
    let exit = match command {
        #[cfg(feature = "sandbox")]
        Command::Demo(demo) => demo.run(global, out),
        Command::Daemon(daemon) => return Ok(daemon.run(global)),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(sandbox) => sandbox.run(out),
        Command::Pay(pay) => pay.run(global, out),
        Command::Orders(orders) => orders.run(global, out),
        Command::Tail(tail) => tail.run(global, out),
        Command::Cancel(cancel) => cancel.run(global, out),
        Command::Ack(ack) => ack.run(global, out),
        Command::Query(query) => query.run(global, out),
        Command::Rpc(rpc) => rpc.run(global, out),
        Command::Qr(qr) => qr.run(out),
    };
    exit.map(ExitCode::from)
}
