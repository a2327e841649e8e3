//! The command line; see `alitv_pay::cli`.

fn main() -> std::process::ExitCode {
    alitv_pay::cli::main()
}
