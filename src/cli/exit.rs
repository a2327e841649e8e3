//! How a command ends. Scripts rely on the numbers (DESIGN.md section 4).

use std::fmt;

use serde::Serialize;

use crate::core::code::{Code, Refusal};
use crate::core::report::State;

/// Done; of `pay`: paid.
pub const DONE: u8 = 0;
/// Something else went wrong.
pub const OTHER: u8 = 1;
/// The arguments cannot be used.
pub const USAGE: u8 = 2;
/// Nobody listens on the socket.
pub const NO_DAEMON: u8 = 3;
/// The user gave up.
pub const CANCELLED: u8 = 10;
/// Nobody used the code in time.
pub const EXPIRED: u8 = 11;
/// It was refused.
pub const FAILED: u8 = 12;
/// It was left before its outcome was known.
pub const UNKNOWN: u8 = 13;
/// The payment was given back.
pub const REFUNDED: u8 = 14;
/// The platform has no such page, link or order for the app.
pub const NONE: u8 = 15;
/// Of a merchant's question: nobody has paid yet.
pub const WAITING: u8 = 16;
/// Of a merchant's question: closed, and nobody has paid.
pub const CLOSED: u8 = 17;
/// Money and goods of a merchant do not go together: a person has to look.
pub const ATTENTION: u8 = 18;

/// The exit code of a command whose order, draw or gift ended in `state`.
pub fn of_state(state: State) -> u8 {
    match state {
        State::Paid | State::Won | State::Lost | State::Granted => DONE,
        State::Cancelled => CANCELLED,
        State::Expired => EXPIRED,
        State::Failed => FAILED,
        State::Refunded => REFUNDED,
        State::Created | State::Pending | State::Scanned | State::Closing | State::Unknown => {
            UNKNOWN
        }
    }
}

/// Why a command gives up, and what the reader can do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fail {
    /// For the shell.
    pub exit: u8,
    /// Of the engine, or `Code::OK` if it was not asked.
    pub code: Code,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub next: String,
}

/// A `Fail` under `--json`, one line on stderr.
#[derive(Serialize)]
struct FailLine<'a> {
    error: FailBody<'a>,
}

#[derive(Serialize)]
struct FailBody<'a> {
    code: Code,
    name: &'a str,
    message: &'a str,
    next: &'a str,
}

impl Fail {
    /// A failure that the engine has no code for.
    pub fn new(exit: u8, message: impl Into<String>, next: impl Into<String>) -> Fail {
        Fail { exit, code: Code::OK, message: message.into(), next: next.into() }
    }

    /// The arguments cannot be used.
    pub fn usage(message: impl Into<String>, next: impl Into<String>) -> Fail {
        Fail::new(USAGE, message, next)
    }

    /// Nobody reads the output any more: end without a word, as `head` expects.
    pub fn silent() -> Fail {
        Fail::new(DONE, "", "")
    }

    /// Whether it is `silent`.
    pub fn is_silent(&self) -> bool {
        self.message.is_empty()
    }

    /// What the engine refused.
    pub fn refused(refusal: Refusal) -> Fail {
        let code = refusal.code;
        let (exit, next) = advice(code);
        Fail { exit, code, message: refusal.message, next: next.into() }
    }

    /// The same with this advice, if the engine refused with `code`.
    pub fn advised(self, code: Code, next: impl Into<String>) -> Fail {
        match self.code == code {
            true => Fail { next: next.into(), ..self },
            false => self,
        }
    }

    /// The line of `--json`.
    pub fn to_json(&self) -> String {
        let name = if self.code == Code::OK { "" } else { self.code.name() };
        let body = FailBody { code: self.code, name, message: &self.message, next: &self.next };
        serde_json::to_string(&FailLine { error: body }).unwrap_or_default()
    }
}

impl fmt::Display for Fail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: ")?;
        if self.code != Code::OK {
            write!(f, "{} ({}): ", self.code.name(), self.code.0)?;
        }
        write!(f, "{}\n next: {}", self.message, self.next)
    }
}

impl From<Refusal> for Fail {
    fn from(refusal: Refusal) -> Fail {
        Fail::refused(refusal)
    }
}

fn advice(code: Code) -> (u8, &'static str) {
    match code {
        Code::STRING | Code::INVALID => (USAGE, "correct that value and run the command again"),
        Code::OFFLINE => (NO_DAEMON, START_DAEMON),
        Code::DENIED => (
            OTHER,
            "name the app with --app-key, or add your uid to `uids` of that [[app]] in \
             /etc/alitv-pay/alitv-pay.toml",
        ),
        Code::NOT_FOUND => (OTHER, "list what the journal has: alitv-pay orders --which all"),
        Code::CONFLICT => {
            (OTHER, "an id stands for one thing: take a new one, or repeat the old facts exactly")
        }
        Code::LIMIT => (OTHER, "end or acknowledge older orders first: alitv-pay orders"),
        Code::STATE => (OTHER, "look at the order first: alitv-pay query ORDER"),
        Code::UNAUTHORIZED => (OTHER, "have the user sign in and authorise first: alitv-pay auth"),
        Code::NOT_READY => (OTHER, "wait until the gateway can be reached: alitv-pay status"),
        Code::TIMEOUT => (OTHER, "run the command again"),
        Code::AUTH_CANCELLED | Code::AUTH_EXPIRED | Code::AUTH_OTHER => {
            (OTHER, "begin again: alitv-pay auth")
        }
        Code::DRAW_DENIED => (OTHER, "see what a draw costs: alitv-pay lottery activities"),
        Code::GIFT_TAKEN | Code::GIFT_EXPIRED => {
            (OTHER, "see what can still be taken: alitv-pay gift list")
        }
        Code::STORAGE => (OTHER, "free space where the journal lives, then start the daemon again"),
        Code::NETWORK | Code::GATEWAY | Code::SIGNATURE | Code::CLOCK => {
            (OTHER, "see how the daemon sees the gateway: alitv-pay status")
        }
        Code::PROTOCOL => (OTHER, "install alitv-pay and alitv-payd of the same version"),
        _ => (OTHER, "run it again with -v, and look into the daemon's log"),
    }
}

/// What helps when nobody answers on the socket.
pub const START_DAEMON: &str = "start one: alitv-payd --config /etc/alitv-pay/alitv-pay.toml \
    (another socket: --socket PATH; to try without one: alitv-pay demo)";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_have_the_exit_codes_of_the_design() {
        let codes = State::ALL.map(|state| (state.name(), of_state(state)));
        let finals = [
            ("paid", 0),
            ("cancelled", 10),
            ("expired", 11),
            ("failed", 12),
            ("refunded", 14),
            ("won", 0),
            ("lost", 0),
            ("granted", 0),
        ];
        for (name, code) in codes {
            let wanted = finals.iter().find(|row| row.0 == name).map_or(13, |row| row.1);
            assert_eq!(code, wanted, "{name}");
        }
    }

    #[test]
    fn every_code_comes_with_advice() {
        for (code, name, _) in crate::core::code::TABLE {
            let fail = Fail::refused(Refusal::new(*code, "x"));
            assert!(!fail.next.is_empty() && fail.exit != DONE, "{name}");
            assert!(fail.to_string().contains(" next: "));
        }
    }

    #[test]
    fn the_json_line_carries_code_and_advice() {
        let fail = Fail::refused(Refusal::new(Code::CONFLICT, "order \"A\" exists"));
        let line: serde_json::Value = serde_json::from_str(&fail.to_json()).unwrap();
        assert_eq!(line["error"]["code"], -1302);
        assert_eq!(line["error"]["name"], "CONFLICT");
        assert!(line["error"]["next"].as_str().unwrap().contains("take a new one"));
    }
}
