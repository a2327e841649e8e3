//! Signing in and out.

use super::requests::{Draft, Want};
use super::{Client, Op};
use crate::core::code::Refusal;
use crate::core::report::AccountState;
use crate::ipc::proto::{AppRef, Auth};

impl Client {
    /// Makes sure that a user is signed in and has authorised the app; with `change`, lets
    /// somebody sign in anew. `None`: a user has, and nothing follows.
    ///
    /// With an op exactly one of these ends it: `Auth` with a phase that is over, or `Reply` with
    /// an error. Before that come `Auth` events without the op: the code to show, and that it was
    /// scanned. A new connection goes on with the same attempt, or ends it.
    pub fn auth(&mut self, change: bool, tag: u64) -> Result<Option<Op>, Refusal> {
        if !change && self.is_auth() {
            return Ok(None);
        }
        let params = Some(Auth { app_key: self.session.app_key.clone(), change });
        let want = Want::Auth { change };
        self.ask(Draft { method: "auth", params, tag, want, target: None, silent: false }).map(Some)
    }

    /// Gives up the attempt to sign in. Event: `Reply`, and `Auth` for the attempt.
    pub fn auth_cancel(&mut self, tag: u64) -> Result<Op, Refusal> {
        self.ask_app("auth.cancel", Want::Account, tag)
    }

    /// Signs the user out. Event: `Reply`, and `Logout` if somebody was signed in.
    pub fn logout(&mut self, tag: u64) -> Result<Op, Refusal> {
        self.ask_app("auth.logout", Want::Account, tag)
    }

    /// A user is signed in and has authorised the app, as far as this client was told. Never
    /// asks; false before the first ONLINE.
    pub fn is_auth(&self) -> bool {
        self.session.apps.account().is_some_and(|a| a.state == AccountState::Authorised)
    }

    /// Asks who is signed in. Event: `User`, or `Reply` with an error.
    pub fn user_info(&mut self, tag: u64) -> Result<Op, Refusal> {
        self.ask_app("user.info", Want::User, tag)
    }

    /// A request that says nothing but the app.
    pub(super) fn ask_app(&mut self, method: &str, want: Want, tag: u64) -> Result<Op, Refusal> {
        let params = Some(AppRef { app_key: self.session.app_key.clone() });
        self.ask(Draft { method, params, tag, want, target: None, silent: false })
    }
}
