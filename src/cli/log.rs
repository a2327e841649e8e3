//! `alitv-pay log`: the daemon's log as it is written.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde_json::value::to_raw_value;

use super::args::Global;
use super::clock;
use super::exit::Fail;
use super::out::Out;
use super::session::{refused, Session};
use super::show::{clean, json_line};
use crate::client::{Event, Kind, Op};
use crate::core::code::Code;
use crate::ipc::proto::{LogLevel, LogLine, LogWatch};

/// Options of `log`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay log
  alitv-pay log --level debug --json | jq -r .message
Lines are about all apps: for root and for the user that runs the daemon. Java:
AliTvSdk.logSwitch.")]
pub struct Log {
    /// error, warn, info or debug
    #[arg(long, value_enum, default_value = "info", hide_possible_values = true)]
    level: Wanted,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wanted {
    /// Somebody has to do something
    Error,
    /// It works, but not as it should
    Warn,
    /// Milestones
    Info,
    /// Every step
    Debug,
}

impl From<Wanted> for LogLevel {
    fn from(wanted: Wanted) -> LogLevel {
        match wanted {
            Wanted::Error => LogLevel::Error,
            Wanted::Warn => LogLevel::Warn,
            Wanted::Info => LogLevel::Info,
            Wanted::Debug => LogLevel::Debug,
        }
    }
}

impl Log {
    /// Runs until Ctrl-C, or until nobody reads any more.
    ///
    /// # Errors
    /// No daemon, one that does not let us, or stdout cannot be written.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        // Lines of the connection itself would stand among the daemon's.
        let mut session = Session::open(&Global { verbose: false, ..global.clone() })?;
        let mut op = self.ask(&mut session)?;
        out.note("following; Ctrl-C ends it");
        loop {
            let Some(event) = session.next_event() else {
                session.client.wait(Some(Duration::from_secs(3600)));
                continue;
            };
            match event.kind {
                Kind::Online => op = self.ask(&mut session)?,
                Kind::Offline => out.note(out.lang.offline()),
                // Lost with the connection: asked again on the next one.
                Kind::Reply if event.op == op && event.result == Code::OFFLINE => {}
                Kind::Reply if event.op == op && event.result != Code::OK => {
                    return Err(refused(&event).advised(Code::DENIED, DENIED));
                }
                Kind::Log => out.data(&line(out.json, &event))?,
                _ => {}
            }
        }
    }

    fn ask(&self, session: &mut Session) -> Result<Op, Fail> {
        let params = to_raw_value(&LogWatch { level: Some(self.level.into()) })
            .map_err(|error| Fail::usage(format!("level: {error}"), "see --help"))?;
        Ok(session.client.request("log.watch", Some(&params), 0)?)
    }
}

const DENIED: &str = "run it as root, or as the user that runs the daemon";

fn line(json: bool, event: &Event) -> String {
    let now_ms = clock::now_ms();
    let level = match event.count {
        1 => LogLevel::Error,
        2 => LogLevel::Warn,
        3 => LogLevel::Info,
        _ => LogLevel::Debug,
    };
    if json {
        return json_line(now_ms, "log", &LogLine { level, message: event.message.clone() });
    }
    let name = match level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    clean(&format!("{}  {name:<5}  {}", clock::local(now_ms), event.message))
}
