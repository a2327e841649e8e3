//! The platform's users and the sessions that speak for them.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use crate::core::facts::AppKey;
use crate::core::user::UserId;
use crate::limits::{SANDBOX_SESSIONS_MAX, SANDBOX_USERS_MAX};

/// A user, as the seed file and the control API write one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The platform's id.
    pub user_id: UserId,
    /// Name.
    pub nick: String,
    /// Picture; `{base}` stands for the sandbox's own address.
    #[serde(default)]
    pub avatar_url: Option<String>,
    /// Points, never negative.
    #[serde(default)]
    pub points: i64,
    /// Deductions for subscriptions of this user are refused.
    #[serde(default)]
    pub renewal_pay_fail: bool,
    /// The apps that the user has authorised.
    #[serde(default)]
    pub authorised: BTreeMap<AppKey, Grant>,
}

/// What a user has allowed an app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// To see nick and picture, if operations let the app have them.
    #[serde(default)]
    pub profile: bool,
}

/// A user signed in at an app on a box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// What the box shows for it.
    pub token: String,
    /// Who.
    pub user_id: UserId,
    /// Where.
    pub app_key: String,
    /// On which box, if it names itself.
    pub device_id: Option<String>,
    /// Since when.
    pub since_ms: i64,
}

/// All users and sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Users {
    users: BTreeMap<UserId, User>,
    /// Oldest first.
    sessions: VecDeque<Session>,
}

impl Users {
    /// A user by id.
    pub fn get(&self, user_id: &str) -> Option<&User> {
        UserId::new(user_id).ok().and_then(|id| self.users.get(&id))
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, user_id: &str) -> Option<&mut User> {
        UserId::new(user_id).ok().and_then(|id| self.users.get_mut(&id))
    }

    /// All of them, by id.
    pub fn all(&self) -> impl Iterator<Item = &User> {
        self.users.values()
    }

    /// Adds a user, or puts this one in the place of the one that has the id.
    ///
    /// # Errors
    /// There are `SANDBOX_USERS_MAX` of them.
    pub fn put(&mut self, user: User) -> Result<(), String> {
        if self.users.len() >= SANDBOX_USERS_MAX && !self.users.contains_key(&user.user_id) {
            return Err(format!("there are {SANDBOX_USERS_MAX} users already"));
        }
        self.users.insert(user.user_id.clone(), user);
        Ok(())
    }

    /// Removes a user; false if there is none of that id.
    pub fn remove(&mut self, user_id: &str) -> bool {
        UserId::new(user_id).is_ok_and(|id| self.users.remove(&id).is_some())
    }

    /// Whether the user has authorised the app, and what for.
    pub fn grant(&self, user_id: &str, app_key: &str) -> Option<Grant> {
        let key = AppKey::new(app_key).ok()?;
        self.get(user_id)?.authorised.get(&key).copied()
    }

    /// The session of a token; at another app it is none.
    pub fn session(&self, token: &str, app_key: &str) -> Option<&Session> {
        self.sessions.iter().find(|s| s.token == token && s.app_key == app_key)
    }

    /// All sessions, oldest first.
    pub fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.iter()
    }

    /// Signs a user in. With `SANDBOX_SESSIONS_MAX` sessions the oldest ends.
    pub fn open(&mut self, session: Session) {
        if self.sessions.len() >= SANDBOX_SESSIONS_MAX {
            self.sessions.pop_front();
        }
        self.sessions.push_back(session);
    }

    /// Ends the sessions that `which` picks, and says how many.
    pub fn close(&mut self, which: impl Fn(&Session) -> bool) -> usize {
        let before = self.sessions.len();
        self.sessions.retain(|session| !which(session));
        before - self.sessions.len()
    }
}
