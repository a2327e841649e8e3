//! How each app stands, as the engine last told it: its account, what is switched on for it,
//! and the page that is open. And who waits for the end of a sign-in.

use std::collections::BTreeMap;

use super::event::{About, AuthFrom, Event, Kind, Op};
use super::queue::Queue;
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::core::report::{AccountReport, AccountState, AuthPhase, AuthReport, Profile, WebReport};
use crate::core::user::UserId;
use crate::ipc::proto::AppSnapshot;
use crate::limits::APPS_MAX;

#[derive(Debug)]
struct App {
    /// Its `auth` is an attempt that is going on.
    account: AccountReport,
    /// Attempt, phase and code that an event carried last.
    told_attempt: Option<(String, AuthPhase, Option<String>)>,
    profile: Option<Profile>,
    told_profile: Option<Profile>,
    web: Option<WebReport>,
}

impl App {
    fn new(app_key: AppKey) -> App {
        App {
            account: signed_out(app_key),
            told_attempt: None,
            profile: None,
            told_profile: None,
            web: None,
        }
    }

    /// What is worth telling of the attempt that is going on.
    fn news(&self) -> Option<(String, AuthPhase, Option<String>)> {
        let auth = self.account.auth.as_ref().filter(|auth| auth.phase != AuthPhase::Started)?;
        let news = (auth.attempt.clone(), auth.phase, auth.qr_text.clone());
        Some(news).filter(|news| self.told_attempt.as_ref() != Some(news))
    }
}

fn attempt_of(account: &AccountReport) -> Option<&str> {
    account.auth.as_ref().map(|auth| auth.attempt.as_str())
}

/// How an attempt has ended that the engine does not have any more, and the result to tell.
/// `is_new`: whoever is signed in is so by this attempt, as far as one can tell.
fn guess_end(account: &AccountReport, is_new: bool) -> (AuthPhase, Option<Code>) {
    match (account.state == AccountState::Authorised, is_new) {
        (true, true) => (AuthPhase::Success, None),
        (true, false) => (AuthPhase::Cancelled, Some(Code::OK)),
        (false, _) => (AuthPhase::Failed, Some(Code::OFFLINE)),
    }
}

/// What ended between two connections that nobody here waits for.
fn unseen_end(before: &AccountReport, now: &AccountReport) -> Option<(AuthPhase, Option<Code>)> {
    let is_new = before.state != AccountState::Authorised || before.user_id != now.user_id;
    let is_success = now.state == AccountState::Authorised && is_new;
    let is_over = before.auth.is_some() && attempt_of(before) != attempt_of(now);
    (is_success || is_over).then(|| guess_end(now, is_new))
}

fn signed_out(app_key: AppKey) -> AccountReport {
    AccountReport {
        app_key,
        state: AccountState::SignedOut,
        sequence: 0,
        user_id: None,
        auth: None,
    }
}

/// An `auth` of this client that was begun and has not ended.
#[derive(Debug)]
pub(super) struct Wait {
    pub op: Op,
    pub tag: u64,
    /// Somebody is to sign in even if somebody is.
    pub change: bool,
    app_key: AppKey,
    attempt: String,
    /// Who was signed in when it began.
    before: Option<UserId>,
}

#[derive(Debug, Default)]
pub(super) struct Apps {
    apps: BTreeMap<AppKey, App>,
    own: Option<AppKey>,
    waits: Vec<Wait>,
}

impl Apps {
    pub fn new(own: Option<AppKey>) -> Apps {
        Apps { own, ..Apps::default() }
    }

    /// The account of the client's own app.
    pub fn account(&self) -> Option<&AccountReport> {
        self.app().ok().map(|app| &app.account)
    }

    /// What is switched on for the client's own app.
    pub fn profile(&self) -> Result<&Profile, Refusal> {
        let text = "the platform has not said yet what is switched on for the app";
        self.app()?.profile.as_ref().ok_or_else(|| Refusal::new(Code::NOT_READY, text))
    }

    fn app(&self) -> Result<&App, Refusal> {
        let mut known = self.apps.values();
        let found = match (&self.own, known.next(), known.next()) {
            (Some(app_key), ..) => self.apps.get(app_key),
            (None, one, None) => one,
            (None, ..) => {
                let text = "there are several apps: the client's options must name its app_key";
                return Err(Refusal::new(Code::INVALID, text));
            }
        };
        let text = "the engine has not answered yet";
        found.ok_or_else(|| Refusal::new(Code::NOT_READY, text))
    }

    /// Ops whose end is still to come.
    pub fn waits(&self) -> usize {
        self.waits.len()
    }

    fn entry(&mut self, app_key: &AppKey) -> Result<&mut App, Refusal> {
        if !self.apps.contains_key(app_key) && self.apps.len() >= APPS_MAX {
            let text = format!("the engine has more than {APPS_MAX} apps");
            return Err(Refusal::new(Code::PROTOCOL, text));
        }
        Ok(self.apps.entry(app_key.clone()).or_insert_with(|| App::new(app_key.clone())))
    }

    /// The state at the start of a connection: whatever else was known has changed unseen.
    /// `is_partial`: there are apps that it does not name.
    pub fn restart(
        &mut self,
        told: Vec<AppSnapshot>,
        is_partial: bool,
        queue: &mut Queue,
    ) -> Result<(), Refusal> {
        let is_told = |app_key: &AppKey| told.iter().any(|app| app.account.app_key == *app_key);
        let gone = self.apps.keys().filter(|key| !is_partial && !is_told(key));
        let gone: Vec<AppKey> = gone.cloned().collect();
        for app_key in gone {
            let account = signed_out(app_key.clone());
            self.restart_app(AppSnapshot { account, profile: None, web: None }, queue)?;
            self.apps.remove(&app_key);
        }
        told.into_iter().try_for_each(|app| self.restart_app(app, queue))
    }

    fn restart_app(&mut self, told: AppSnapshot, queue: &mut Queue) -> Result<(), Refusal> {
        let AppSnapshot { account, profile, web } = told;
        let is_new = !self.apps.contains_key(&account.app_key);
        let app = self.entry(&account.app_key)?;
        // The engine may have started anew, and so may have its count.
        app.account.sequence = 0;
        let (before, open) = (app.account.clone(), app.web.clone());
        let ends = self.end_lost_waits(&account, queue);
        if !is_new && ends.is_empty() {
            if let Some((phase, why)) = unseen_end(&before, &account) {
                let event =
                    Event::of_attempt(ended(account.clone(), phase, why), AuthFrom::Elsewhere);
                queue.push_account(&account.app_key, event);
            }
        }
        match (open, web) {
            (_, Some(web)) => self.fold_web(web, queue)?,
            (Some(open), None) => self.fold_web(WebReport { open: false, ..open }, queue)?,
            (None, None) => {}
        }
        if let Some(profile) = profile {
            self.fold_profile(&account.app_key, profile, queue)?;
        }
        self.fold_account(account, queue)
    }

    /// Ends those that wait for attempts which the engine does not have any more, from what
    /// can be said of the account.
    fn end_lost_waits(&mut self, account: &AccountReport, queue: &mut Queue) -> Vec<AuthPhase> {
        let running = attempt_of(account);
        let lost = self.take_waits(&account.app_key, |attempt| running != Some(attempt));
        let end = |wait: Wait| {
            let is_new = !wait.change || account.user_id != wait.before;
            let (phase, why) = guess_end(account, is_new);
            end(wait, ended(account.clone(), phase, why), queue);
            phase
        };
        lost.into_iter().map(end).collect()
    }

    fn take_waits(&mut self, app_key: &AppKey, ends: impl Fn(&str) -> bool) -> Vec<Wait> {
        let ends = |wait: &Wait| wait.app_key == *app_key && ends(&wait.attempt);
        let (ended, kept) = std::mem::take(&mut self.waits).into_iter().partition(ends);
        self.waits = kept;
        ended
    }

    /// Takes the answer to an `auth` of this client.
    pub fn begun(
        &mut self,
        (op, tag, change): (Op, u64, bool),
        account: AccountReport,
        queue: &mut Queue,
    ) -> Result<(), Refusal> {
        let app_key = account.app_key.clone();
        let auth = account.auth.as_ref().filter(|auth| !auth.phase.is_over());
        let attempt = auth.map(|auth| auth.attempt.clone());
        let before = account.user_id.clone();
        match attempt {
            _ if !change && account.state == AccountState::Authorised => {
                let report = ended(account.clone(), AuthPhase::Success, None);
                queue.push_answer(Event { op, tag, ..Event::of_attempt(report, AuthFrom::Call) });
            }
            Some(attempt) => self.waits.push(Wait { op, tag, change, app_key, attempt, before }),
            None => {
                let text = "the engine has begun no attempt to sign in";
                return Err(Refusal::new(Code::PROTOCOL, text));
            }
        }
        self.fold_account(account, queue)
    }

    /// Takes a report in and says what is new.
    pub fn fold_account(
        &mut self,
        mut account: AccountReport,
        queue: &mut Queue,
    ) -> Result<(), Refusal> {
        if account.auth.as_ref().is_some_and(|auth| auth.phase.is_over()) {
            // An end counts however old the report is: the next attempt may be told already.
            self.end_attempt(&account, queue);
            account.auth = None;
        }
        let app = self.entry(&account.app_key)?;
        if account.sequence < app.account.sequence {
            return Ok(());
        }
        let was = std::mem::replace(&mut app.account, account.clone()).state;
        if app.news().is_some() {
            queue.push_attempt(&account.app_key);
        }
        if was != AccountState::SignedOut && account.state == AccountState::SignedOut {
            let app_key = account.app_key.clone();
            let about = About::Account(account, AuthFrom::Elsewhere);
            queue.push_account(&app_key, Event { about, ..Event::new(Kind::Logout) });
        }
        Ok(())
    }

    fn end_attempt(&mut self, account: &AccountReport, queue: &mut Queue) {
        let Some(auth) = &account.auth else { return };
        let waits = self.take_waits(&account.app_key, |attempt| attempt == auth.attempt);
        if waits.is_empty() {
            let event = Event::of_attempt(account.clone(), AuthFrom::Elsewhere);
            queue.push_account(&account.app_key, event);
        }
        waits.into_iter().for_each(|wait| end(wait, account.clone(), queue));
    }

    /// Takes a profile in.
    pub fn fold_profile(
        &mut self,
        app_key: &AppKey,
        profile: Profile,
        queue: &mut Queue,
    ) -> Result<(), Refusal> {
        let app = self.entry(app_key)?;
        app.profile = Some(profile);
        if app.profile != app.told_profile {
            queue.push_profile(app_key);
        }
        Ok(())
    }

    /// Takes in that a page opened or closed.
    pub fn fold_web(&mut self, web: WebReport, queue: &mut Queue) -> Result<(), Refusal> {
        let app = self.entry(&web.app_key)?;
        let is_known = app.web.as_ref().is_some_and(|known| known.web_id == web.web_id);
        if is_known == web.open {
            return Ok(());
        }
        let old = app.web.take();
        app.web = Some(web.clone()).filter(|web| web.open);
        if let Some(old) = old.filter(|_| !is_known) {
            let closed = WebReport { open: false, ..old };
            queue.push_web(&web.app_key, Event::of_web(closed));
        }
        queue.push_web(&web.app_key.clone(), Event::of_web(web));
        Ok(())
    }

    /// Takes the page in that this client has asked for under `op`.
    pub fn opened(
        &mut self,
        (op, tag): (Op, u64),
        web: WebReport,
        queue: &mut Queue,
    ) -> Result<(), Refusal> {
        let app = self.entry(&web.app_key)?;
        let old = app.web.replace(web.clone()).filter(|old| old.web_id != web.web_id);
        if let Some(old) = old {
            let closed = WebReport { open: false, ..old };
            queue.push_web(&web.app_key, Event::of_web(closed));
        }
        queue.push_answer(Event { op, tag, ..Event::of_web(web) });
        Ok(())
    }

    /// The page of this app that is known to be open.
    pub fn is_open(&self, web: &WebReport) -> bool {
        let known = self.apps.get(&web.app_key).and_then(|app| app.web.as_ref());
        known.is_some_and(|known| known.web_id == web.web_id)
    }

    /// The event about the attempt that is going on, unless there is nothing to tell by now.
    pub fn tell_attempt(&mut self, app_key: &AppKey) -> Option<Event> {
        let app = self.apps.get_mut(app_key)?;
        app.told_attempt = Some(app.news()?);
        let app = self.apps.get(app_key)?;
        let is_ours = |wait: &Wait| {
            wait.app_key == *app_key && attempt_of(&app.account) == Some(wait.attempt.as_str())
        };
        let from = match self.waits.iter().any(is_ours) {
            true => AuthFrom::Call,
            false => AuthFrom::Elsewhere,
        };
        Some(Event::of_attempt(app.account.clone(), from))
    }

    pub fn owes_attempt(&self, app_key: &AppKey) -> bool {
        self.apps.get(app_key).is_some_and(|app| app.news().is_some())
    }

    /// The event about what is switched on, unless there is nothing to tell by now.
    pub fn tell_profile(&mut self, app_key: &AppKey) -> Option<Event> {
        let app = self.apps.get_mut(app_key).filter(|app| app.profile != app.told_profile)?;
        app.told_profile.clone_from(&app.profile);
        let about = About::Profile(app_key.clone(), app.profile.clone()?);
        Some(Event { about, ..Event::new(Kind::Profile) })
    }

    pub fn owes_profile(&self, app_key: &AppKey) -> bool {
        self.apps.get(app_key).is_some_and(|app| app.profile != app.told_profile)
    }
}

fn end(wait: Wait, account: AccountReport, queue: &mut Queue) {
    let Wait { op, tag, .. } = wait;
    queue.push_answer(Event { op, tag, ..Event::of_attempt(account, AuthFrom::Call) });
}

/// The report with an attempt that ended so, which this client has not seen itself.
fn ended(account: AccountReport, phase: AuthPhase, why: Option<Code>) -> AccountReport {
    let message = why.map(|_| "the attempt ended while there was no connection".to_owned());
    let auth = AuthReport {
        attempt: String::new(),
        phase,
        authorise: false,
        qr_text: None,
        expires_s: None,
        result: why.unwrap_or(Code::OK),
        message,
    };
    AccountReport { auth: Some(auth), ..account }
}
