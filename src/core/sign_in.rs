//! How an account moves, as one pure function, checked by the model in `tests/model`.
//!
//! ```text
//! account:  SIGNED_OUT --granted--> SIGNED_IN --granted--> AUTHORISED
//!               ^-------- logout, here or elsewhere --------'
//!
//! attempt:  STARTED --code--> CODE --opened--> SCANNED     each of these three may end:
//!           SUCCESS    granted, and the app is authorised
//!           CANCELLED  given up here, denied on the phone, or replaced by a newer attempt
//!           FAILED     refused, no code in time, or the code ran out
//! ```
//!
//! The attempt's number binds the code to this box: an answer about any other attempt, or
//! one that comes after the end, finds nobody waiting and signs nobody in.

use super::account::{Account, Attempt, AuthCode, Awaiting, SignedIn};
use super::call::{Ask, AuthStatus, Reply};
use super::code::Code;
use super::order::Now;
use super::record::Record;
use super::report::{AuthPhase, AuthReport, Event};
use super::user::Token;
use crate::limits::{
    AUTH_INTERVAL_S_DEFAULT, AUTH_INTERVAL_S_MAX, AUTH_INTERVAL_S_MIN, AUTH_SLOW_DOWN_MS,
    AUTH_START_MS, BACKOFF_MS_MAX, BACKOFF_MS_MIN, EXPIRES_S_MAX, POLL_MS_MIN, THROTTLE_S_MAX,
};

/// What can happen to an account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// Somebody wants to be signed in and authorised.
    Auth {
        /// Names the attempt, if one is begun. Not to be guessed, never used before.
        attempt: String,
        /// As somebody else, perhaps.
        change: bool,
    },
    /// The player does not want to sign in any more.
    Cancel,
    /// The player signs out.
    Logout,
    /// The answer to the question that is out, or the news that there is none.
    Reply(Reply),
    /// The gateway says that the session of the present user is over.
    NoSession,
    /// The gateway is back.
    Hurry,
    /// A timer may be due.
    Tick,
}

/// What the engine has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Make it durable before anything behind it leaves the process.
    Append(Record),
    /// Ask the gateway. An earlier question of this account is given up.
    Ask(Ask, Option<Token>),
    /// Let the gateway know. Nobody waits for the answer.
    Send(Ask, Option<Token>),
    /// Tell whoever watches.
    Tell(Event),
}

/// The only way an account changes.
pub fn step(account: &mut Account, input: Input, now: &Now, out: &mut Vec<Output>) {
    match input {
        Input::Auth { attempt, change } => account.auth(attempt, change, now, out),
        Input::Cancel => account.give_up("given up on the box", out),
        Input::Logout => account.logout(out),
        Input::Reply(reply) => account.on_reply(reply, now, out),
        Input::NoSession => account.on_no_session(out),
        Input::Hurry => account.hurry(now),
        Input::Tick => {}
    }
    account.run_timers(now, out);
    account.check();
}

/// Boot milliseconds of the next moment at which `Input::Tick` does something.
pub fn wake_at(account: &Account) -> Option<u64> {
    let attempt = account.attempt.as_ref()?;
    attempt.poll_at.into_iter().chain([attempt.ends_at]).min()
}

impl Account {
    fn auth(&mut self, id: String, change: bool, now: &Now, out: &mut Vec<Output>) {
        if !change && (self.is_authorised() || self.attempt.is_some()) {
            return;
        }
        self.give_up("replaced by a newer attempt", out);
        self.attempt = Some(Attempt {
            id,
            authorise: self.user.is_some() && !change,
            code: None,
            awaiting: None,
            trouble: None,
            poll_at: None,
            asked_at: now.boot_ms,
            ends_at: now.boot_ms + AUTH_START_MS,
            tries: 0,
            interval_ms: 0,
            slow_down_ms: 0,
        });
        self.tell(now, out);
        self.ask(now, out);
    }

    /// Ends the attempt on this side. A grant that is under way finds nobody waiting.
    fn give_up(&mut self, why: &str, out: &mut Vec<Output>) {
        let Some(attempt) = self.attempt.as_ref().map(|attempt| attempt.id.clone()) else { return };
        self.end(AuthPhase::Cancelled, Code::AUTH_CANCELLED, why.to_owned(), out);
        out.push(Output::Send(Ask::AuthCancel { attempt }, None));
    }

    /// An attempt ends as well: who has signed out is not signed in by a code that was left
    /// on the screen.
    fn logout(&mut self, out: &mut Vec<Output>) {
        self.give_up("signed out", out);
        let session = self.session().cloned();
        if session.is_some() {
            self.sign_out(out);
            out.push(Output::Send(Ask::SignOut, session));
        }
    }

    fn sign_out(&mut self, out: &mut Vec<Output>) {
        self.record(Record::SignedOut { app_key: self.app_key.clone() }, out);
        self.sequence += 1;
        out.push(Output::Tell(Event::Account(self.report_with(None))));
    }

    fn on_no_session(&mut self, out: &mut Vec<Output>) {
        if self.attempt.as_ref().is_some_and(|attempt| attempt.authorise) {
            let text = "the user has signed out elsewhere; sign in anew".to_owned();
            self.end(AuthPhase::Failed, Code::UNAUTHORIZED, text, out);
        }
        if self.user.is_some() {
            self.sign_out(out);
        }
    }

    fn on_reply(&mut self, reply: Reply, now: &Now, out: &mut Vec<Output>) {
        let Some(attempt) = &mut self.attempt else { return };
        let Some(asked) = attempt.awaiting.take() else { return };
        match (reply, asked) {
            (Reply::Code { qr_text, expires_s, interval_s }, Awaiting::Code) => {
                attempt.on_code(qr_text, expires_s, interval_s, now);
                self.tell(now, out);
            }
            (Reply::Auth(status), Awaiting::Outcome { held }) => {
                self.on_status(status, held, now, out)
            }
            (Reply::Rejected { code, text }, _) => {
                let text = format!("{code}: {text}");
                self.end(AuthPhase::Failed, Code::AUTH_OTHER, text, out)
            }
            (Reply::NoSession, Awaiting::Code) if attempt.authorise => self.on_no_session(out),
            (Reply::Throttled { after_s }, _) => attempt.on_throttled(after_s, now),
            (Reply::InDoubt(doubt), _) => attempt.on_doubt(doubt.kind.code(), doubt.detail, now),
            _ => {
                let text = format!("the answer does not fit the question {asked:?}");
                attempt.on_doubt(Code::GATEWAY, text, now)
            }
        }
    }

    fn on_status(&mut self, status: AuthStatus, held: bool, now: &Now, out: &mut Vec<Output>) {
        match status {
            AuthStatus::Waiting => self.on_waiting(false, held, now, out),
            AuthStatus::Scanned => self.on_waiting(true, held, now, out),
            AuthStatus::Granted { user_id, token, authorised } => {
                self.on_granted(SignedIn { user_id, token, authorised }, out)
            }
            AuthStatus::Denied => {
                let text = "denied on the phone".to_owned();
                self.end(AuthPhase::Cancelled, Code::AUTH_CANCELLED, text, out)
            }
            AuthStatus::Expired => self.on_expired(out),
        }
    }

    fn on_waiting(&mut self, opened: bool, held: bool, now: &Now, out: &mut Vec<Output>) {
        let Some(attempt) = &mut self.attempt else { return };
        let before = attempt.phase();
        attempt.on_waiting(opened, held, now);
        if attempt.phase() != before {
            self.tell(now, out);
        }
    }

    fn on_granted(&mut self, granted: SignedIn, out: &mut Vec<Output>) {
        let authorise = self.attempt.as_ref().is_some_and(|attempt| attempt.authorise);
        let before = self.user.clone();
        if authorise && before.as_ref().is_some_and(|user| user.user_id != granted.user_id) {
            let text = "another user has answered than the one who is signed in".to_owned();
            self.end(AuthPhase::Failed, Code::AUTH_OTHER, text, out);
            return out.push(Output::Send(Ask::SignOut, Some(granted.token)));
        }
        let replaces = before.as_ref().is_some_and(|user| user.user_id != granted.user_id);
        if replaces && self.is_authorised() && !granted.authorised {
            let text = "another user signed in, but did not authorise the app".to_owned();
            self.end(AuthPhase::Cancelled, Code::AUTH_CANCELLED, text, out);
            return out.push(Output::Send(Ask::SignOut, Some(granted.token)));
        }
        let record = Record::SignedIn {
            app_key: self.app_key.clone(),
            user_id: granted.user_id.clone(),
            token: granted.token,
            authorised: granted.authorised,
        };
        self.record(record, out);
        if granted.authorised {
            self.end(AuthPhase::Success, Code::OK, String::new(), out);
        } else {
            let text = "signed in, but the app was not authorised".to_owned();
            self.end(AuthPhase::Cancelled, Code::AUTH_CANCELLED, text, out);
        }
        if let Some(old) = before.filter(|user| user.user_id != granted.user_id) {
            out.push(Output::Send(Ask::SignOut, Some(old.token)));
        }
    }

    fn on_expired(&mut self, out: &mut Vec<Output>) {
        let text = "the code ran out before it was used".to_owned();
        self.end(AuthPhase::Failed, Code::AUTH_EXPIRED, text, out)
    }

    fn hurry(&mut self, now: &Now) {
        let Some(attempt) = &mut self.attempt else { return };
        if attempt.awaiting.is_none() && attempt.tries > 0 {
            attempt.tries = 0;
            attempt.poll_at = Some(now.boot_ms.max(attempt.asked_at + attempt.gap_ms()));
        }
    }

    fn run_timers(&mut self, now: &Now, out: &mut Vec<Output>) {
        let Some(attempt) = &self.attempt else { return };
        if now.boot_ms >= attempt.ends_at {
            if attempt.code.is_some() {
                return self.on_expired(out);
            }
            let silence = || (Code::NETWORK, "the gateway has not answered".to_owned());
            let (code, text) = attempt.trouble.clone().unwrap_or_else(silence);
            self.end(AuthPhase::Failed, code, text, out);
        } else if attempt.poll_at.is_some_and(|at| now.boot_ms >= at) {
            self.ask(now, out);
        }
    }

    /// A question about the outcome goes without a session: the grant may have replaced it.
    fn ask(&mut self, now: &Now, out: &mut Vec<Output>) {
        let session = self.session().cloned();
        let Some(attempt) = &mut self.attempt else { return };
        let id = attempt.id.clone();
        attempt.poll_at = None;
        attempt.asked_at = now.boot_ms;
        if attempt.code.is_none() {
            attempt.awaiting = Some(Awaiting::Code);
            let session = session.filter(|_| attempt.authorise);
            out.push(Output::Ask(Ask::AuthApply { attempt: id }, session));
        } else {
            attempt.awaiting = Some(Awaiting::Outcome { held: now.wait_s > 0 });
            let ask = Ask::AuthQuery { attempt: id, wait_s: now.wait_s };
            out.push(Output::Ask(ask, None));
        }
    }

    fn tell(&mut self, now: &Now, out: &mut Vec<Output>) {
        self.sequence += 1;
        out.push(Output::Tell(Event::Account(self.report(now))));
    }

    fn end(&mut self, phase: AuthPhase, result: Code, message: String, out: &mut Vec<Output>) {
        let Some(attempt) = self.attempt.take() else { return };
        self.sequence += 1;
        let auth = AuthReport {
            attempt: attempt.id,
            phase,
            authorise: attempt.authorise,
            qr_text: None,
            expires_s: None,
            result,
            message: Some(message).filter(|text| !text.is_empty()),
        };
        out.push(Output::Tell(Event::Account(self.report_with(Some(auth)))));
    }

    /// Appends a record and folds it in: what is in memory is what a replay would make.
    fn record(&mut self, record: Record, out: &mut Vec<Output>) {
        self.apply(&record);
        out.push(Output::Append(record));
    }

    /// What an account can break by itself; checked in release as well.
    fn check(&self) {
        let Some(attempt) = &self.attempt else { return };
        let asks = attempt.awaiting.is_some() as u8 + attempt.poll_at.is_some() as u8;
        assert_eq!(asks, 1, "an attempt asks or waits to ask");
        assert!(!attempt.authorise || self.user.is_some(), "authorising without a user");
    }
}

impl Attempt {
    fn on_code(&mut self, qr_text: String, expires_s: u32, interval_s: u32, now: &Now) {
        let interval_s = if interval_s == 0 { AUTH_INTERVAL_S_DEFAULT } else { interval_s };
        let interval_s = interval_s.clamp(AUTH_INTERVAL_S_MIN, AUTH_INTERVAL_S_MAX);
        self.believe();
        self.code = Some(AuthCode { qr_text, scanned: false });
        self.interval_ms = u64::from(interval_s) * 1_000;
        self.ends_at = now.boot_ms + u64::from(expires_s.min(EXPIRES_S_MAX)) * 1_000;
        self.poll_at = Some(now.boot_ms + if now.wait_s > 0 { 0 } else { self.gap_ms() });
    }

    fn on_waiting(&mut self, opened: bool, held: bool, now: &Now) {
        self.believe();
        if let Some(code) = &mut self.code {
            // A phone that went away again does not unscan the code.
            code.scanned |= opened;
        }
        let next = if held || now.wait_s > 0 {
            // A gateway that does not hold what it promised to hold must not be flooded.
            now.boot_ms.max(self.asked_at + POLL_MS_MIN + self.slow_down_ms)
        } else {
            now.boot_ms + self.gap_ms()
        };
        self.poll_at = Some(next);
    }

    fn on_throttled(&mut self, after_s: u32, now: &Now) {
        let most_ms = u64::from(AUTH_INTERVAL_S_MAX) * 1_000;
        self.slow_down_ms = (self.slow_down_ms + AUTH_SLOW_DOWN_MS).min(most_ms);
        let after_s = after_s.clamp(1, THROTTLE_S_MAX);
        let text = format!("the gateway is asked too often: again in {after_s} s");
        self.trouble = Some((Code::LIMIT, text));
        self.tries = 0;
        self.poll_at = Some(now.boot_ms + self.gap_ms().max(u64::from(after_s) * 1_000));
    }

    fn on_doubt(&mut self, code: Code, detail: String, now: &Now) {
        self.trouble = Some((code, detail));
        let pause_ms = (BACKOFF_MS_MIN << self.tries.min(16)).min(BACKOFF_MS_MAX);
        self.tries = self.tries.saturating_add(1);
        self.poll_at = Some(now.boot_ms + pause_ms.max(self.gap_ms()));
    }

    fn believe(&mut self) {
        self.tries = 0;
        self.trouble = None;
    }

    /// The least time between two questions.
    fn gap_ms(&self) -> u64 {
        self.interval_ms.max(POLL_MS_MIN) + self.slow_down_ms
    }
}
