//! auth, auth.cancel, auth.state, auth.logout, qr_url, profile, web.open, web.closed: what is
//! said of an app and its user

use super::access::choose;
use super::desk::{Caller, Desk, Nothing, Outcome};
use super::members::Members;
use super::proto::{QrUrl, WebOpened};
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::core::report::{AccountReport, Profile};
pub(super) use crate::gateway::random_id;

impl Desk {
    pub(super) fn auth(&mut self, caller: &Caller, members: &Members) -> Outcome<AccountReport> {
        let wanted = members.auth()?;
        let app_key = choose(&caller.apps, wanted.app_key)?;
        let (attempt, out) = (random_id()?, &mut self.effects);
        Ok(self.engine.auth(&app_key, wanted.change, attempt, self.clock, out)?)
    }

    pub(super) fn auth_cancel(
        &mut self,
        caller: &Caller,
        members: &Members,
    ) -> Outcome<AccountReport> {
        let app_key = app_of(caller, members)?;
        Ok(self.engine.auth_cancel(&app_key, self.clock, &mut self.effects)?)
    }

    pub(super) fn auth_logout(
        &mut self,
        caller: &Caller,
        members: &Members,
    ) -> Outcome<AccountReport> {
        let app_key = app_of(caller, members)?;
        Ok(self.engine.logout(&app_key, self.clock, &mut self.effects)?)
    }

    pub(super) fn auth_state(&self, caller: &Caller, members: &Members) -> Outcome<AccountReport> {
        Ok(self.engine.account(&app_of(caller, members)?, self.clock))
    }

    pub(super) fn profile(&mut self, caller: &Caller, members: &Members) -> Outcome<Profile> {
        let app_key = app_of(caller, members)?;
        let profile = self.engine.profile(&app_key, self.clock, &mut self.effects);
        let text = "the gateway has not said yet what is switched on for the app";
        Ok(profile.ok_or_else(|| Refusal::new(Code::NOT_READY, text))?)
    }

    pub(super) fn qr_url(&mut self, caller: &Caller, members: &Members) -> Outcome<QrUrl> {
        let profile = self.profile(caller, members)?;
        Ok(QrUrl { qr_url: profile.qr_url.unwrap_or_default() })
    }

    pub(super) fn web_open(&mut self, caller: &Caller, members: &Members) -> Outcome<WebOpened> {
        let open = members.web_open()?;
        let app_key = choose(&caller.apps, open.app_key.clone())?;
        let (wanted, out) = (open.into_wanted(random_id()?), &mut self.effects);
        let web = self.engine.web_open(&app_key, wanted, self.clock, out)?;
        Ok(WebOpened { shown: web.is_some(), web })
    }

    pub(super) fn web_closed(&mut self, caller: &Caller, members: &Members) -> Outcome<Nothing> {
        let closed = members.web_closed()?;
        let app_key = choose(&caller.apps, closed.app_key)?;
        self.engine.web_closed(&app_key, &closed.web_id, &mut self.effects)?;
        Ok(Nothing {})
    }
}

/// The app of a request that names nothing else.
pub(super) fn app_of(caller: &Caller, members: &Members) -> Outcome<AppKey> {
    Ok(choose(&caller.apps, members.app_ref()?.app_key)?)
}
