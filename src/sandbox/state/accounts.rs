//! Signing in, authorising and signing out: what the box, the phone and the operator do.

use super::super::attempts::{Attempt, Device, Made, Seen, Step};
use super::super::users::{Grant, Session, User};
use super::{Due, Refused, State};
use crate::core::facts::AppKey;
use crate::core::user::UserId;
use crate::wire::device::AUTH_CONFLICT;

/// What comes of a box's question about an attempt.
pub enum Asked<'a> {
    /// There is no such attempt.
    Unknown,
    /// Less than the interval has passed since the last question.
    TooSoon,
    /// It stands like this.
    Told(&'a Attempt),
}

impl State {
    /// Makes a code for an attempt, or finds the one that was made. An older code of the same
    /// app on the same box is dead. With a `session`, its user is asked to authorise the app.
    ///
    /// # Errors
    /// `AUTH_CONFLICT`: the attempt was for something else, or is over.
    pub fn auth_apply(
        &mut self,
        attempt: &str,
        at: Device,
        session: Option<&Session>,
        now_ms: i64,
    ) -> Result<u64, Refused> {
        if let Some(old) = self.attempts.find(at, attempt) {
            let same = old.authorise == session.is_some() && old.is_open();
            let message = "the attempt was for something else, or is over";
            return if same { Ok(old.number) } else { Err(Refused::new(AUTH_CONFLICT, message)) };
        }
        if let Some(number) = self.attempts.open_at(at).map(|old| old.number) {
            self.set_step(number, Step::Replaced);
        }
        let number = self.attempts.number_last + 1;
        let made = Made { number, code: self.new_code(), form_token: self.rng.hex(32) };
        let new = Attempt::new(attempt, at, session, made, now_ms);
        self.retime(Due::Attempt(number), None, new.due_ms());
        if let Some(old) = self.attempts.insert(new) {
            self.retime(Due::Attempt(old.number), old.due_ms(), None);
        }
        self.note_attempt(number);
        Ok(number)
    }

    /// What the box is told of its attempt. `polled`: the answer was not held, so that the box
    /// must not ask too often.
    pub fn auth_query(
        &mut self,
        attempt: &str,
        at: Device,
        polled: bool,
        now_ms: i64,
    ) -> Asked<'_> {
        let number = self.attempts.find(at, attempt).map(|attempt| attempt.number);
        let Some(found) = number.and_then(|number| self.attempts.get_mut(number)) else {
            return Asked::Unknown;
        };
        if polled && found.is_open() && !found.poll(now_ms) {
            return Asked::TooSoon;
        }
        let seen = found.seen(now_ms);
        if found.told != seen {
            found.told = seen;
            self.version += 1;
        }
        Asked::Told(found)
    }

    /// The box gives up. A session that it has not fetched ends with the attempt.
    pub fn auth_cancel(&mut self, attempt: &str, at: Device) {
        let Some(found) = self.attempts.find(at, attempt) else { return };
        let number = found.number;
        let unfetched = found.told != Seen::Granted && !found.authorise;
        let token = found.token.clone().filter(|_| unfetched);
        if found.is_open() || token.is_some() {
            if let Some(token) = token {
                self.users.close(|session| session.token == token);
            }
            self.set_step(number, Step::Cancelled);
        }
    }

    /// The phone opens the code. False: there is no such attempt, or it is over.
    pub fn auth_scan(&mut self, number: u64) -> bool {
        let Some(attempt) = self.attempts.get(number).filter(|a| a.is_open()) else {
            return false;
        };
        if attempt.step == Step::Waiting {
            let step = if attempt.authorise { Step::Asked } else { Step::Scanned };
            self.set_step(number, step);
        }
        true
    }

    /// A user signs in on the phone. One who has authorised the app before is done; another is
    /// asked.
    ///
    /// # Errors
    /// Who, or which state, is in the way.
    pub fn auth_login(&mut self, number: u64, user_id: &str, now_ms: i64) -> Result<(), String> {
        let (attempt, user_id) = self.for_user(number, user_id)?;
        let app_key = attempt.app_key.clone();
        let asked = attempt.authorise;
        let known = self.users.grant(user_id.as_str(), &app_key).is_some();
        self.with_attempt(number, |attempt| attempt.user_id = Some(user_id));
        if known && !asked {
            return self.grant(number, true, now_ms);
        }
        self.set_step(number, Step::Asked);
        Ok(())
    }

    /// The user authorises the app; signs in first if need be. `profile`: nick and picture
    /// too, if operations let the app have them.
    ///
    /// # Errors
    /// Nobody has signed in, or the attempt is over.
    pub fn auth_authorise(
        &mut self,
        number: u64,
        user_id: Option<&str>,
        profile: bool,
        now_ms: i64,
    ) -> Result<(), String> {
        let asked = self.attempts.get(number).and_then(|attempt| attempt.user_id.clone());
        let user_id = user_id.map(str::to_owned).or(asked.map(String::from));
        let user_id = user_id.ok_or("nobody has signed in yet: name a user")?;
        let (attempt, user_id) = self.for_user(number, &user_id)?;
        let app_key = attempt.app_key.clone();
        let profile = profile && self.settings(&app_key).profile;
        self.authorise(user_id.as_str(), &app_key, Some(Grant { profile }))?;
        self.with_attempt(number, |attempt| attempt.user_id = Some(user_id));
        self.grant(number, true, now_ms)
    }

    /// The user says no: to everything, or after signing in to authorising the app only.
    ///
    /// # Errors
    /// The attempt is over.
    pub fn auth_deny(&mut self, number: u64, now_ms: i64) -> Result<(), String> {
        let attempt = self.open_attempt(number)?;
        if attempt.step == Step::Asked && !attempt.authorise {
            return self.grant(number, false, now_ms);
        }
        self.set_step(number, Step::Denied);
        Ok(())
    }

    /// An attempt that something can still become of.
    fn open_attempt(&self, number: u64) -> Result<&Attempt, String> {
        let attempt = self.attempts.get(number).ok_or("there is no such attempt")?;
        let over = || format!("attempt {} is {}", attempt.attempt, attempt.step_name());
        attempt.is_open().then_some(attempt).ok_or_else(over)
    }

    fn for_user(&self, number: u64, user_id: &str) -> Result<(&Attempt, UserId), String> {
        let attempt = self.open_attempt(number)?;
        let unknown = || format!("there is no user {user_id:?}");
        let user_id = self.users.get(user_id).ok_or_else(unknown)?.user_id.clone();
        match &attempt.user_id {
            Some(asked) if attempt.authorise && *asked != user_id => {
                Err(format!("user {} is signed in on the box and is asked", asked.as_str()))
            }
            _ => Ok((attempt, user_id)),
        }
    }

    fn grant(&mut self, number: u64, authorised: bool, now_ms: i64) -> Result<(), String> {
        let attempt = self.open_attempt(number)?;
        if !attempt.authorise {
            let user_id = attempt.user_id.clone().ok_or("nobody has signed in yet")?;
            let (app_key, device_id) = (attempt.app_key.clone(), attempt.device_id.clone());
            let token = self.rng.hex(48);
            self.with_attempt(number, |attempt| attempt.token = Some(token.clone()));
            self.users.open(Session { token, user_id, app_key, device_id, since_ms: now_ms });
        }
        self.set_step(number, Step::Granted { authorised });
        Ok(())
    }

    fn with_attempt(&mut self, number: u64, act: impl FnOnce(&mut Attempt)) {
        if let Some(attempt) = self.attempts.get_mut(number) {
            act(attempt);
            self.version += 1;
        }
    }

    fn set_step(&mut self, number: u64, step: Step) {
        let Some(attempt) = self.attempts.get_mut(number) else { return };
        let before = attempt.due_ms();
        attempt.set(step);
        let after = attempt.due_ms();
        self.retime(Due::Attempt(number), before, after);
        self.note_attempt(number);
    }

    pub(super) fn expire_attempt(&mut self, number: u64) {
        self.set_step(number, Step::Expired);
    }

    fn note_attempt(&mut self, number: u64) {
        let Some(attempt) = self.attempts.get(number) else { return };
        let kind = if attempt.authorise { "authorise" } else { "login" };
        let mut text = format!("{kind} {}", attempt.attempt);
        if let Some(user_id) = &attempt.user_id {
            text.push_str(&format!(", user {}", user_id.as_str()));
        }
        if attempt.step == (Step::Granted { authorised: false }) {
            text.push_str(", app not authorised");
        }
        let (app_key, what) = (attempt.app_key.clone(), format!("auth.{}", attempt.step_name()));
        self.note(Some(&app_key), &what, text);
    }

    /// The session of a token, whose user exists.
    pub fn session(&self, token: &str, app_key: &str) -> Option<Session> {
        self.users.session(token, app_key).cloned()
    }

    /// The box signs its user out.
    pub fn sign_out(&mut self, session: &Session) {
        self.end_sessions("session.ended", |other| other.token == session.token);
    }

    /// Ends all sessions of a user, or those at one app, as the box's settings or the platform
    /// would. Says how many there were.
    pub fn revoke(&mut self, user_id: &str, app_key: Option<&str>) -> usize {
        self.end_sessions("session.revoked", |session| {
            session.user_id.as_str() == user_id && app_key.is_none_or(|key| key == session.app_key)
        })
    }

    /// Ends one session, as the platform would.
    pub fn revoke_session(&mut self, token: &str) {
        self.end_sessions("session.revoked", |session| session.token == token);
    }

    fn end_sessions(&mut self, what: &str, which: impl Fn(&Session) -> bool) -> usize {
        let picked = self.users.sessions().filter(|session| which(session));
        let picked: Vec<Session> = picked.cloned().collect();
        for session in &picked {
            let text = format!("user {}", session.user_id.as_str());
            self.users.close(|other| other.token == session.token);
            self.note(Some(&session.app_key), what, text);
        }
        picked.len()
    }

    /// Adds a user, or changes the one of that id.
    ///
    /// # Errors
    /// There are too many.
    pub fn put_user(&mut self, user: User) -> Result<(), String> {
        let text = format!("{} {}: {} points", user.user_id.as_str(), user.nick, user.points);
        self.users.put(user)?;
        self.note(None, "user.changed", text);
        Ok(())
    }

    /// Removes a user, with sessions. Orders, draws and gifts keep the id.
    pub fn remove_user(&mut self, user_id: &str) -> bool {
        self.revoke(user_id, None);
        let removed = self.users.remove(user_id);
        if removed {
            self.note(None, "user.removed", user_id.to_owned());
        }
        removed
    }

    /// Sets the points of a user.
    ///
    /// # Errors
    /// There is no such user.
    pub fn set_points(&mut self, user_id: &str, points: i64) -> Result<(), String> {
        let unknown = || format!("there is no user {user_id:?}");
        let user = self.users.get_mut(user_id).ok_or_else(unknown)?;
        user.points = points;
        self.note(None, "user.points", format!("{user_id}: {points}"));
        Ok(())
    }

    /// Lets a user authorise an app, or take that back, which ends the sessions there.
    ///
    /// # Errors
    /// There is no such user.
    pub fn authorise(
        &mut self,
        user_id: &str,
        app_key: &str,
        grant: Option<Grant>,
    ) -> Result<(), String> {
        let key = AppKey::new(app_key).map_err(|refusal| refusal.message)?;
        let unknown = || format!("there is no user {user_id:?}");
        let user = self.users.get_mut(user_id).ok_or_else(unknown)?;
        let had = match grant {
            Some(grant) => user.authorised.insert(key, grant).is_some(),
            None => user.authorised.remove(&key).is_some(),
        };
        if grant.is_some() {
            let with = if grant.is_some_and(|g| g.profile) { " with nick and picture" } else { "" };
            self.note(Some(app_key), "user.authorised", format!("{user_id}{with}"));
        } else if had {
            self.note(Some(app_key), "user.unauthorised", user_id.to_owned());
            self.revoke(user_id, Some(app_key));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::rng::Rng;
    use super::super::super::seed::Seed;
    use super::*;
    use crate::limits::{SANDBOX_ATTEMPTS_MAX, SANDBOX_SESSIONS_MAX};

    const APP: &str = "23012345";

    fn state() -> State {
        State::new(Seed::default(), Rng::new(Some(1)).unwrap(), 0)
    }

    fn at(device_id: &str) -> Device<'_> {
        Device { app_key: APP, device_id: Some(device_id) }
    }

    fn seen(state: &mut State, attempt: &str, device_id: &str, now_ms: i64) -> Option<Seen> {
        match state.auth_query(attempt, at(device_id), false, now_ms) {
            Asked::Told(attempt) => Some(attempt.told),
            Asked::Unknown | Asked::TooSoon => None,
        }
    }

    #[test]
    fn codes_of_two_boxes_do_not_disturb_each_other() {
        let mut state = state();
        let first = state.auth_apply("a", at("box-1"), None, 0).unwrap();
        let second = state.auth_apply("a", at("box-2"), None, 0).unwrap();
        assert_ne!(first, second);
        state.auth_authorise(second, Some("100001"), false, 1).unwrap();
        assert_eq!(seen(&mut state, "a", "box-1", 1), Some(Seen::Waiting));
        assert_eq!(seen(&mut state, "a", "box-2", 1), Some(Seen::Granted));
        assert_eq!(seen(&mut state, "a", "box-3", 1), None);
        let session = state.users().sessions().next().unwrap();
        assert_eq!(session.device_id.as_deref(), Some("box-2"));
    }

    #[test]
    fn time_ends_an_open_attempt_and_what_was_granted_is_repeated_until_then() {
        let mut state = state();
        let open = state.auth_apply("a", at("box-1"), None, 0).unwrap();
        let granted = state.auth_apply("b", at("box-2"), None, 0).unwrap();
        state.auth_authorise(granted, Some("100001"), false, 1).unwrap();
        let end_ms = state.due_ms().unwrap();
        state.settle(end_ms - 1);
        assert_eq!(seen(&mut state, "b", "box-2", end_ms - 1), Some(Seen::Granted));
        state.settle(end_ms);
        assert_eq!(state.attempts().get(open).unwrap().step, Step::Expired);
        assert_eq!(seen(&mut state, "b", "box-2", end_ms), Some(Seen::Expired));
        assert_eq!(state.due_ms(), None);
        assert!(state.auth_deny(open, end_ms).unwrap_err().contains("expired"));
    }

    #[test]
    fn attempts_and_sessions_are_bounded_and_the_oldest_go() {
        let mut state = state();
        for n in 0..=SANDBOX_ATTEMPTS_MAX.max(SANDBOX_SESSIONS_MAX) {
            let device = n.to_string();
            let number = state.auth_apply("a", at(&device), None, 0).unwrap();
            state.auth_authorise(number, Some("100001"), false, 1).unwrap();
        }
        assert_eq!(state.attempts().newest().count(), SANDBOX_ATTEMPTS_MAX);
        assert_eq!(state.users().sessions().count(), SANDBOX_SESSIONS_MAX);
        assert_eq!(seen(&mut state, "a", "0", 1), None);
        assert!(state.users().sessions().all(|session| session.device_id.as_deref() != Some("0")));
    }

    #[test]
    fn attempts_sessions_and_gifts_survive_a_restart_with_their_timers() {
        let mut state = state();
        let open = state.auth_apply("a", at("box-1"), None, 0).unwrap();
        let granted = state.auth_apply("b", at("box-2"), None, 0).unwrap();
        state.auth_authorise(granted, Some("100001"), true, 1).unwrap();
        let saved = state.save().unwrap();
        let mut back = State::restore(&saved, None, Rng::new(Some(1)).unwrap()).unwrap();
        assert_eq!((back.users(), back.gifts()), (state.users(), state.gifts()));
        assert_eq!((back.lottery(), back.events()), (state.lottery(), state.events()));
        assert_eq!(back.due_ms(), state.due_ms());
        back.settle(i64::MAX);
        assert_eq!(back.attempts().get(open).unwrap().step, Step::Expired);
        let next = back.auth_apply("c", at("box-1"), None, 0).unwrap();
        let code = |number| &back.attempts().get(number).unwrap().code;
        assert!(code(next) != code(open) && code(next) != code(granted));
    }
}
