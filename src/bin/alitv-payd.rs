//! The payment daemon. Everything is in `alitv_pay::daemon`.

use std::process::ExitCode;

fn main() -> ExitCode {
    alitv_pay::daemon::main(std::env::args_os().skip(1))
}
