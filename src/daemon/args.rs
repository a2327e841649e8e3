//! The command line of the daemon.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::prelude::*;

use super::config::CONFIG_PATH;

/// What `--help` prints.
pub const HELP: &str = "\
alitv-payd: the payment daemon. Owns the journal, talks to the gateway, serves a local socket.

Usage: alitv-payd [--config FILE] [--socket PATH] [--check | --openrpc]

  --config FILE   configuration; default /etc/alitv-pay/alitv-pay.toml
  --socket PATH   listen there, whatever the configuration and ALITV_PAY_SOCKET say
  --check         read the configuration, say what it means, and end
  --openrpc       print what the socket understands as an OpenRPC document, and end
  --version       print the version and end
  --help          print this and end

Runs in the foreground until SIGTERM or SIGINT. LISTEN_FDS hands it a socket, NOTIFY_SOCKET is
told READY=1 and STOPPING=1.

Exit codes:
  0   stopped on request, or --check found nothing wrong
  64  the command line is wrong
  66  the configuration cannot be read
  69  the socket cannot be listened at
  71  the system refused something that a daemon needs
  73  the journal cannot be opened, or is damaged: keep its files
  74  the journal could not be written while running; nothing unwritten was promised
  75  another process holds the journal
  78  the configuration is wrong
";

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Serve, or only check the configuration.
    Run {
        /// The configuration file.
        config: PathBuf,
        /// Where to listen, above all else.
        socket: Option<PathBuf>,
        /// Do nothing but check.
        check: bool,
    },
    /// Print the protocol as an OpenRPC document.
    OpenRpc,
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}

/// Reads the arguments, without the program's name.
///
/// # Errors
/// A sentence that names the argument.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Command, String> {
    let (mut config, mut socket, mut check) = (PathBuf::from(CONFIG_PATH), None, false);
    let mut parser = lexopt::Parser::from_args(args);
    let text = |error: lexopt::Error| error.to_string();
    while let Some(arg) = parser.next().map_err(text)? {
        match arg {
            Short('c') | Long("config") => config = parser.value().map_err(text)?.into(),
            Long("socket") => socket = Some(parser.value().map_err(text)?.into()),
            Long("check") => check = true,
            Long("openrpc") => return Ok(Command::OpenRpc),
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            other => return Err(other.unexpected().to_string()),
        }
    }
    Ok(Command::Run { config, socket, check })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(args: &[&str]) -> Result<Command, String> {
        parse(args.iter().map(OsString::from))
    }

    #[test]
    fn reads_what_the_help_says() {
        let run = Command::Run { config: CONFIG_PATH.into(), socket: None, check: false };
        assert_eq!(parsed(&[]), Ok(run));
        let run = Command::Run { config: "a".into(), socket: Some("b".into()), check: true };
        assert_eq!(parsed(&["--config=a", "--check", "--socket", "b"]), Ok(run));
        assert_eq!(parsed(&["--version"]), Ok(Command::Version));
        assert_eq!(parsed(&["--openrpc"]), Ok(Command::OpenRpc));
        assert_eq!(parsed(&["-h"]), Ok(Command::Help));
        assert!(HELP.contains(CONFIG_PATH));
    }

    #[test]
    fn refuses_what_it_does_not_know_by_name() {
        for (args, named) in
            [(&["--chek"][..], "--chek"), (&["--config"], "--config"), (&["stray"], "stray")]
        {
            let error = parsed(args).unwrap_err();
            assert!(error.contains(named), "{error}");
        }
    }
}
