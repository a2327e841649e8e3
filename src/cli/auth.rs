//! `alitv-pay auth`: sign in or authorise, from the code to the end.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::args::Global;
use super::exit::{Fail, CANCELLED, DONE, EXPIRED, FAILED};
use super::out::{Out, QrStyle};
use super::session::{refused, Session};
use super::wait::{wait, Awaited};
use super::{news, qr, show, sys};
use crate::client::{About, Event, Kind, Op};
use crate::core::code::Code;
use crate::core::report::{AccountReport, AuthPhase, AuthReport};
use crate::ipc::proto::AppRef;

/// Options of `auth`.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    before_help = "\
Examples:
  alitv-pay auth                       shows a code unless the user is authorised already
  alitv-pay auth --change              another user
  alitv-pay auth state --json | jq -r .state
Ends with 0 authorised, 3 no daemon, 10 given up, 11 nobody used the code, 12 failed,
13 unknown. Ctrl-C gives up and waits for the end; a second Ctrl-C leaves.
Java: AliTvSdk.Account.checkAuthAndLogin, changeAccount; `auth state` is isAuth."
)]
pub struct Auth {
    #[command(subcommand)]
    other: Option<Other>,
    /// Sign in anew; the old user stays until the new one is there
    #[arg(long)]
    change: bool,
    /// Code drawn as auto, utf8, ascii, none or png=FILE
    #[arg(long, value_name = "HOW", default_value = "auto")]
    qr: QrStyle,
    /// Stop waiting after this many seconds; the attempt goes on
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

/// What is no waiting.
#[derive(Debug, Subcommand)]
enum Other {
    /// Show who is signed in, and an attempt that is going on (isAuth)
    #[command(before_help = "\
Example:
  test \"$(alitv-pay auth state --json | jq -r .state)\" = authorised
The state is signed_out, signed_in (not authorised) or authorised.")]
    State,
    /// Give up the attempt that is going on, whoever began it
    #[command(before_help = "\
Example:
  alitv-pay auth cancel")]
    Cancel,
}

impl Auth {
    /// Runs it; the exit code tells how the attempt ended.
    ///
    /// # Errors
    /// No daemon, or an attempt that was left before its end.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        let app = AppRef { app_key: global.app_key.clone() };
        match self.other {
            None => self.sign_in(&app, &mut session, out),
            Some(Other::State) => print(&session.call("auth.state", &app)?, out),
            Some(Other::Cancel) => {
                let account = session.call("auth.cancel", &app);
                print(&account.map_err(none_to_cancel)?, out)
            }
        }
    }

    fn sign_in(self, app: &AppRef, session: &mut Session, out: &mut Out) -> Result<u8, Fail> {
        sys::catch_interrupts();
        let Some(op) = session.client.auth(self.change, 0)? else {
            out.note(out.lang.authorised_already());
            return print(&session.call("auth.state", app)?, out);
        };
        let attempt = Attempt { op, qr: &self.qr, last: None, shown: None, given_up: false };
        let ended = wait(session, out, self.timeout.map(Duration::from_secs), attempt)?;
        Ok(exit_of(&ended))
    }
}

fn none_to_cancel(fail: Fail) -> Fail {
    fail.advised(Code::NOT_FOUND, "nothing to cancel; begin with: alitv-pay auth")
}

/// The exit code of an attempt that is over.
fn exit_of(auth: &AuthReport) -> u8 {
    match (auth.phase, auth.result) {
        (AuthPhase::Success, _) => DONE,
        (AuthPhase::Cancelled, _) => CANCELLED,
        (_, Code::AUTH_EXPIRED) => EXPIRED,
        _ => FAILED,
    }
}

/// The account as data.
///
/// # Errors
/// As `Out::data`.
pub fn print(account: &AccountReport, out: &mut Out) -> Result<u8, Fail> {
    match out.json {
        true => out.data_json(account)?,
        false => out.data(&text(account))?,
    }
    Ok(DONE)
}

fn text(account: &AccountReport) -> String {
    let mut rows =
        vec![("app", account.app_key.to_string()), ("state", account.state.name().to_owned())];
    let mut add = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
    add("user", account.user_id.as_ref().map(|id| id.as_str().to_owned()));
    let auth = account.auth.as_ref();
    add("attempt", auth.map(|auth| auth.phase.name().to_owned()));
    add("code", auth.and_then(|auth| auth.qr_text.clone()));
    add("expires", auth.and_then(|auth| auth.expires_s).map(|s| format!("in {s} s")));
    show::rows(&rows)
}

struct Attempt<'a> {
    op: Op,
    qr: &'a QrStyle,
    last: Option<AccountReport>,
    shown: Option<String>,
    given_up: bool,
}

impl Attempt<'_> {
    fn phase(&self) -> AuthPhase {
        let auth = self.last.as_ref().and_then(|last| last.auth.as_ref());
        auth.map_or(AuthPhase::Started, |auth| auth.phase)
    }

    fn tell(&mut self, event: &Event, out: &mut Out) -> Result<Option<AuthReport>, Fail> {
        let About::Account(account, _) = &event.about else { return Ok(None) };
        let Some(auth) = account.auth.as_ref() else { return Ok(None) };
        let known = self.last.as_ref().map_or(0, |last| last.sequence);
        let is_end = event.op == self.op && auth.phase.is_over();
        if account.sequence <= known && !is_end {
            return Ok(None);
        }
        if let Some(line) = news::line(out.json, event) {
            out.data(&line)?;
        }
        let code = auth.qr_text.as_ref().filter(|text| self.shown.as_ref() != Some(text));
        if let Some(text) = code {
            qr::show(text, self.qr, out)?;
            out.note(out.lang.scan_auth(auth.authorise));
            self.shown = Some(text.clone());
        }
        self.last = Some(account.clone());
        Ok(is_end.then(|| auth.clone()))
    }
}

impl Awaited for Attempt<'_> {
    type End = AuthReport;

    fn take(&mut self, event: Event, out: &mut Out) -> Result<Option<AuthReport>, Fail> {
        match event.kind {
            Kind::Reply if event.op == self.op && event.result != Code::OK => Err(refused(&event)),
            Kind::Auth => self.tell(&event, out),
            Kind::Offline => {
                out.note(out.lang.offline());
                Ok(None)
            }
            Kind::Log => {
                out.detail(&show::clean(&event.message));
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    fn interrupt(&mut self, session: &mut Session, out: &mut Out) -> Result<bool, Fail> {
        if self.given_up {
            return Ok(true);
        }
        session.client.auth_cancel(0)?;
        self.given_up = true;
        out.note(out.lang.interrupt_leaves());
        Ok(false)
    }

    fn status(&self, out: &Out) -> String {
        let phase = out.lang.auth_phase(self.phase());
        match self.given_up {
            true => phase.to_owned(),
            false => format!("{phase}  {}", out.lang.interrupt_cancels()),
        }
    }

    fn unknown(&self) -> (String, String) {
        let next = "the daemon goes on with it; ask later: alitv-pay auth state";
        (format!("the attempt is at {}", self.phase().name()), next.into())
    }
}
