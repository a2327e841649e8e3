//! Questions of callers that are answered when the gateway has answered.

use super::{Asker, Clock, Effect, Engine};
use crate::core::call::{DoubtKind, Reply};
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::core::lookup::{Found, Lookup, Ticket};
use crate::core::user::UserId;
use crate::limits::LOOKUPS_PER_APP_MAX;

/// A look-up that has no answer yet.
pub(super) struct Asked {
    ticket: Ticket,
    app_key: AppKey,
    lookup: Lookup,
    /// Whom it is about, if it is about a user.
    user_id: Option<UserId>,
    /// It went out a second time: what comes back is the answer.
    repeated: bool,
}

impl Engine {
    /// Looks something up at the gateway. After `Ok` exactly one `Effect::Answer` with this
    /// ticket follows.
    ///
    /// # Errors
    /// DENIED an app that is not served; UNAUTHORIZED if it is about a user and nobody is
    /// signed in who has authorised the app; LIMIT the bound.
    pub fn lookup(
        &mut self,
        app_key: &AppKey,
        lookup: Lookup,
        ticket: Ticket,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        self.check_app(app_key)?;
        let user_id = lookup.needs_user().then(|| self.authorised_user(app_key)).transpose()?;
        let waiting = self.apps.get(app_key).map_or(0, |app| app.lookups);
        if waiting >= LOOKUPS_PER_APP_MAX {
            let text = format!("{LOOKUPS_PER_APP_MAX} look-ups of this app wait for the gateway");
            return Err(Refusal::new(Code::LIMIT, text));
        }
        self.probe_if_old(clock, out);
        if let Some(app) = self.apps.get_mut(app_key) {
            app.lookups += 1;
        }
        let asked = Asked { ticket, app_key: app_key.clone(), lookup, user_id, repeated: false };
        self.ask_lookup(asked, out);
        Ok(())
    }

    fn ask_lookup(&mut self, asked: Asked, out: &mut Vec<Effect>) {
        let app_key = asked.app_key.clone();
        let session = self.authorised_session(&app_key);
        let ask = asked.lookup.ask();
        self.send(Asker::Lookup(asked), app_key, session, ask, out);
    }

    pub(super) fn on_lookup_reply(
        &mut self,
        mut asked: Asked,
        reply: Reply,
        out: &mut Vec<Effect>,
    ) {
        let first = !std::mem::replace(&mut asked.repeated, true);
        match &reply {
            // The gateway's clock is being asked for: signed by it the question may pass.
            Reply::InDoubt(doubt) if first && doubt.kind == DoubtKind::Clock => {
                return self.lookups_waiting.push(asked);
            }
            // The lotteries are there for everybody.
            Reply::NoSession if first && asked.user_id.is_none() => {
                return self.ask_lookup(asked, out);
            }
            _ => {}
        }
        let user_id = self.authorised_user(&asked.app_key).ok();
        let answer = if asked.user_id.is_some() && asked.user_id != user_id {
            Err(Refusal::new(Code::UNAUTHORIZED, "the user has signed out meanwhile"))
        } else {
            asked.answer(reply)
        };
        if let Some(app) = self.apps.get_mut(&asked.app_key) {
            app.lookups -= 1;
        }
        out.push(Effect::Answer(asked.ticket, answer));
    }

    /// The gateway has said what time it is, or has not: look-ups that waited for that go out
    /// again, and that is their last time.
    pub(super) fn repeat_lookups(&mut self, out: &mut Vec<Effect>) {
        for asked in std::mem::take(&mut self.lookups_waiting) {
            self.ask_lookup(asked, out);
        }
    }
}

impl Asked {
    fn answer(&self, reply: Reply) -> Result<Found, Refusal> {
        let refuse = |code, text: String| Err(Refusal::new(code, text));
        match reply {
            Reply::Rejected { code, text } => refuse(Code::GATEWAY, format!("{code}: {text}")),
            Reply::InDoubt(doubt) => refuse(doubt.kind.code(), doubt.detail),
            Reply::Throttled { after_s } => {
                refuse(Code::LIMIT, format!("the gateway is asked too often: again in {after_s} s"))
            }
            Reply::NoSession => {
                refuse(Code::UNAUTHORIZED, "the gateway does not know the session".to_owned())
            }
            reply => match self.lookup.found(reply) {
                Some(Found::User(user)) if self.user_id.as_ref() != Some(&user.user_id) => refuse(
                    Code::SIGNATURE,
                    "the gateway has answered about another user".to_owned(),
                ),
                Some(found) => Ok(found),
                None => refuse(Code::GATEWAY, "the answer does not fit the question".to_owned()),
            },
        }
    }
}
