//! The account of one app: who is signed in, and the attempt to sign in that is going on.
//! How it moves is in `sign_in`.
//!
//! The user is journalled; the attempt is not, and is gone after a restart. Sequences count
//! what was told since the engine started.

use super::code::Code;
use super::facts::AppKey;
use super::order::Now;
use super::record::Record;
use super::report::{AccountReport, AccountState, AuthPhase, AuthReport};
use super::user::{Token, UserId};

/// An account. `apply` is the only way its durable part changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    pub(super) app_key: AppKey,
    /// Durable.
    pub(super) user: Option<SignedIn>,
    pub(super) attempt: Option<Attempt>,
    /// Of the last thing told.
    pub(super) sequence: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SignedIn {
    pub user_id: UserId,
    pub token: Token,
    pub authorised: bool,
}

/// A try to sign in, or to authorise. It lives as long as its outcome is open.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    /// Not to be guessed; binds the code to this box.
    pub id: String,
    /// The user is signed in and is asked to authorise the app.
    pub authorise: bool,
    /// None: STARTED.
    pub code: Option<AuthCode>,
    /// The question that is out. An answer to any other is dropped.
    pub awaiting: Option<Awaiting>,
    /// Why there was no usable answer the last time.
    pub trouble: Option<(Code, String)>,
    /// When to ask next; none while a question is out.
    pub poll_at: Option<u64>,
    /// When the last question went out.
    pub asked_at: u64,
    /// When it has failed: no code by then, or the code has run out.
    pub ends_at: u64,
    /// Questions in a row without a usable answer.
    pub tries: u32,
    /// Between two questions, as the gateway wants it.
    pub interval_ms: u64,
    /// Added to every interval, since the gateway said that we ask too often.
    pub slow_down_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct AuthCode {
    pub qr_text: String,
    pub scanned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Awaiting {
    Code,
    Outcome { held: bool },
}

impl Account {
    /// An account that nobody has signed in to.
    pub fn new(app_key: AppKey) -> Account {
        Account { app_key, user: None, attempt: None, sequence: 0 }
    }

    /// Where its user stands.
    pub fn state(&self) -> AccountState {
        match &self.user {
            None => AccountState::SignedOut,
            Some(user) if user.authorised => AccountState::Authorised,
            Some(_) => AccountState::SignedIn,
        }
    }

    /// Somebody is signed in and has authorised the app.
    pub fn is_authorised(&self) -> bool {
        self.state() == AccountState::Authorised
    }

    /// Who is signed in.
    pub fn user_id(&self) -> Option<&UserId> {
        self.user.as_ref().map(|user| &user.user_id)
    }

    /// Speaks for the user who is signed in.
    pub fn session(&self) -> Option<&Token> {
        self.user.as_ref().map(|user| &user.token)
    }

    /// An attempt is going on.
    pub fn is_signing_in(&self) -> bool {
        self.attempt.is_some()
    }

    /// Folds one record in; records of other kinds change nothing. A record says who is
    /// signed in afterwards, whatever was before: no order of them is a contradiction.
    pub(super) fn apply(&mut self, record: &Record) {
        match record {
            Record::SignedIn { user_id, token, authorised, .. } => {
                self.user = Some(SignedIn {
                    user_id: user_id.clone(),
                    token: token.clone(),
                    authorised: *authorised,
                });
            }
            Record::SignedOut { .. } => self.user = None,
            _ => {}
        }
    }

    /// The shortest records that fold into this account.
    pub(super) fn records(&self) -> Vec<Record> {
        let record = |user: &SignedIn| Record::SignedIn {
            app_key: self.app_key.clone(),
            user_id: user.user_id.clone(),
            token: user.token.clone(),
            authorised: user.authorised,
        };
        self.user.iter().map(record).collect()
    }

    /// The account as it stands.
    pub fn report(&self, now: &Now) -> AccountReport {
        self.report_with(self.attempt.as_ref().map(|attempt| attempt.report(now)))
    }

    pub(super) fn report_with(&self, auth: Option<AuthReport>) -> AccountReport {
        AccountReport {
            app_key: self.app_key.clone(),
            state: self.state(),
            sequence: self.sequence,
            user_id: self.user_id().cloned(),
            auth,
        }
    }
}

impl Attempt {
    pub(super) fn phase(&self) -> AuthPhase {
        match &self.code {
            None => AuthPhase::Started,
            Some(code) if code.scanned => AuthPhase::Scanned,
            Some(_) => AuthPhase::Code,
        }
    }

    fn report(&self, now: &Now) -> AuthReport {
        let left_ms = self.ends_at.saturating_sub(now.boot_ms);
        let code = self.code.as_ref().filter(|_| left_ms > 0);
        AuthReport {
            attempt: self.id.clone(),
            phase: self.phase(),
            authorise: self.authorise,
            qr_text: code.map(|code| code.qr_text.clone()),
            expires_s: code.map(|_| left_ms.div_ceil(1_000) as u32),
            result: Code::OK,
            message: None,
        }
    }
}
