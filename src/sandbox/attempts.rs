//! Attempts to sign in or to authorise an app, as the phone and the box see them. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::users::Session;
use crate::core::user::UserId;
use crate::limits::{
    SANDBOX_ATTEMPTS_MAX, SANDBOX_AUTH_EXPIRES_MS, SANDBOX_AUTH_INTERVAL_S, SANDBOX_POLL_SLACK_MS,
};

/// Where an attempt stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Nobody has opened the code.
    Waiting,
    /// Opened on a phone.
    Scanned,
    /// The user has signed in on the phone and is asked whether to authorise the app.
    Asked,
    /// The box may have its session.
    Granted {
        /// Whether the app was authorised.
        authorised: bool,
    },
    /// The user said no before signing in, or to authorising.
    Denied,
    /// Time ran out.
    Expired,
    /// The box has asked for another code.
    Replaced,
    /// The box has given up.
    Cancelled,
}

/// What the box is told of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Seen {
    /// Nobody has opened the code.
    Waiting,
    /// Opened, not decided.
    Scanned,
    /// Signed in.
    Granted,
    /// Refused.
    Denied,
    /// Of no use any more.
    Expired,
}

/// An attempt. Times are Unix milliseconds of the sandbox's clock.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Attempt {
    /// Grows with age.
    pub number: u64,
    /// What the box calls it.
    pub attempt: String,
    /// Which app.
    pub app_key: String,
    /// Which box, if it names itself.
    pub device_id: Option<String>,
    /// The user is signed in on the box and only has to authorise the app.
    pub authorise: bool,
    /// Last part of the page's path, in capitals.
    pub code: String,
    /// Proves that a form was on a page of ours.
    pub form_token: String,
    /// When the code was made.
    pub created_ms: i64,
    /// When it ends.
    pub expires_ms: i64,
    /// Where it stands.
    pub step: Step,
    /// Who has signed in; of an attempt to authorise, who is asked.
    pub user_id: Option<UserId>,
    /// The session that was opened, or that is to be authorised.
    pub token: Option<String>,
    /// What the box was told last: a held question waits only if there is nothing newer.
    pub told: Seen,
    /// When the box asked last.
    pub polled_ms: Option<i64>,
    /// Woken at each change.
    #[serde(skip)]
    pub changed: watch::Sender<()>,
}

/// What is made for a new attempt.
pub struct Made {
    /// See `Attempt::number`.
    pub number: u64,
    /// See `Attempt::code`.
    pub code: String,
    /// See `Attempt::form_token`.
    pub form_token: String,
}

/// Who asks for a code.
#[derive(Clone, Copy, Debug)]
pub struct Device<'a> {
    /// Which app.
    pub app_key: &'a str,
    /// Which box, if it names itself.
    pub device_id: Option<&'a str>,
}

impl Attempt {
    /// Seconds between two questions of the box.
    pub const INTERVAL_S: u32 = SANDBOX_AUTH_INTERVAL_S;

    /// A new one. `session`: of the user who is to authorise.
    pub fn new(
        attempt: &str,
        at: Device,
        session: Option<&Session>,
        made: Made,
        now_ms: i64,
    ) -> Attempt {
        Attempt {
            number: made.number,
            attempt: attempt.to_owned(),
            app_key: at.app_key.to_owned(),
            device_id: at.device_id.map(str::to_owned),
            authorise: session.is_some(),
            code: made.code,
            form_token: made.form_token,
            created_ms: now_ms,
            expires_ms: now_ms + SANDBOX_AUTH_EXPIRES_MS,
            step: Step::Waiting,
            user_id: session.map(|session| session.user_id.clone()),
            token: session.map(|session| session.token.clone()),
            told: Seen::Waiting,
            polled_ms: None,
            changed: watch::Sender::default(),
        }
    }

    /// Whether something can still become of it.
    pub fn is_open(&self) -> bool {
        matches!(self.step, Step::Waiting | Step::Scanned | Step::Asked)
    }

    /// What the box is told. What was granted is repeated for as long as the code could have
    /// been used.
    pub fn seen(&self, now_ms: i64) -> Seen {
        match self.step {
            Step::Granted { .. } if now_ms >= self.expires_ms => Seen::Expired,
            Step::Waiting => Seen::Waiting,
            Step::Scanned | Step::Asked => Seen::Scanned,
            Step::Granted { .. } => Seen::Granted,
            Step::Denied => Seen::Denied,
            Step::Expired | Step::Replaced | Step::Cancelled => Seen::Expired,
        }
    }

    /// The word for people and scripts.
    pub fn step_name(&self) -> &'static str {
        match self.step {
            Step::Waiting => "waiting",
            Step::Scanned => "scanned",
            Step::Asked => "asked",
            Step::Granted { .. } => "granted",
            Step::Denied => "denied",
            Step::Expired => "expired",
            Step::Replaced => "replaced",
            Step::Cancelled => "cancelled",
        }
    }

    /// When time will do something to it.
    pub fn due_ms(&self) -> Option<i64> {
        self.is_open().then_some(self.expires_ms)
    }

    /// Whole seconds in which it can still be used, begun ones included.
    pub fn left_s(&self, now_ms: i64) -> u32 {
        let left_ms = self.expires_ms.saturating_sub(now_ms).max(0);
        u32::try_from((left_ms + 999) / 1_000).unwrap_or(u32::MAX)
    }

    /// Goes on to `step`.
    pub fn set(&mut self, step: Step) {
        self.step = step;
        self.changed.send_replace(());
    }

    /// Counts a question of the box; false if it came too soon.
    pub fn poll(&mut self, now_ms: i64) -> bool {
        let gap_ms = i64::from(SANDBOX_AUTH_INTERVAL_S) * 1_000 - SANDBOX_POLL_SLACK_MS;
        let soon = self.polled_ms.is_some_and(|last_ms| now_ms - last_ms < gap_ms);
        self.polled_ms = Some(now_ms);
        !soon
    }

    fn is_at(&self, at: Device) -> bool {
        self.app_key == at.app_key && self.device_id.as_deref() == at.device_id
    }
}

/// All attempts that are remembered.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Attempts {
    all: BTreeMap<u64, Attempt>,
    /// The number of the newest one.
    pub number_last: u64,
}

impl Attempts {
    /// Forgets them; the numbers go on.
    pub fn clear(&mut self) {
        self.all.clear();
    }

    /// An attempt by its number.
    pub fn get(&self, number: u64) -> Option<&Attempt> {
        self.all.get(&number)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, number: u64) -> Option<&mut Attempt> {
        self.all.get_mut(&number)
    }

    /// All of them, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Attempt> {
        self.all.values().rev()
    }

    /// An attempt by what the box calls it.
    pub fn find(&self, at: Device, attempt: &str) -> Option<&Attempt> {
        self.newest().find(|a| a.attempt == attempt && a.is_at(at))
    }

    /// An attempt by the code of its page, in either case.
    pub fn find_code(&self, code: &str) -> Option<&Attempt> {
        self.newest().find(|attempt| attempt.code.eq_ignore_ascii_case(code))
    }

    /// The open attempts of a box: there is at most one.
    pub fn open_at(&self, at: Device) -> Option<&Attempt> {
        self.newest().find(|attempt| attempt.is_open() && attempt.is_at(at))
    }

    /// Adds one. Beyond `SANDBOX_ATTEMPTS_MAX` the oldest is forgotten; it is given back.
    pub fn insert(&mut self, attempt: Attempt) -> Option<Attempt> {
        self.number_last = self.number_last.max(attempt.number);
        self.all.insert(attempt.number, attempt);
        let full = self.all.len() > SANDBOX_ATTEMPTS_MAX;
        full.then(|| self.all.pop_first()).flatten().map(|(_, attempt)| attempt)
    }
}
