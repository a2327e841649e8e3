//! Signing in, authorising, signing out, and who the user is.

use super::super::attempts::{Attempt, Device, Seen, Step};
use super::super::state::{Asked, State};
use super::spoil::throttled;
use super::{Call, Outcome};
use crate::core::user::Token;
use crate::wire::device::{AuthData, AuthScene, AuthWord, ServiceResult, SessionError, UserData};

impl Call<'_> {
    fn device(&self) -> Device<'_> {
        Device { app_key: &self.app.app_key, device_id: self.device_id }
    }

    fn auth_data(&self, attempt: &str) -> AuthData {
        let out_approve_id = Some(attempt.to_owned());
        AuthData { echo: self.echo(), out_approve_id, ..AuthData::default() }
    }

    pub(super) fn auth_apply(&self, state: &mut State, attempt: &str, scene: AuthScene) -> Outcome {
        let session = match (scene, self.session(state)) {
            (AuthScene::Login, _) => None,
            (AuthScene::Authorise, Ok(session)) => Some(session),
            (AuthScene::Authorise, Err(error)) => return self.no_session(error),
        };
        let data = self.auth_data(attempt);
        match state.auth_apply(attempt, self.device(), session.as_ref(), self.now_ms) {
            Err(refused) => self.refuse(&refused, data),
            Ok(number) => {
                let Some(made) = state.attempts().get(number) else { return Outcome::Http500 };
                self.body(&ServiceResult::success(AuthData {
                    qr_code: Some(self.place.auth_qr(&made.code)),
                    expires_s: Some(made.left_s(self.now_ms).max(1)),
                    interval_s: Some(Attempt::INTERVAL_S),
                    ..data
                }))
            }
        }
    }

    pub(super) fn auth_query(&self, state: &mut State, attempt: &str, wait_s: u32) -> Outcome {
        let data = self.auth_data(attempt);
        let data = match state.auth_query(attempt, self.device(), wait_s == 0, self.now_ms) {
            Asked::TooSoon => {
                return Outcome::Body(throttled(Attempt::INTERVAL_S, self.request_id));
            }
            Asked::Unknown => AuthData { auth_status: Some(AuthWord::Expired), ..data },
            Asked::Told(attempt) => tell(attempt, data),
        };
        self.body(&ServiceResult::success(data))
    }

    pub(super) fn auth_cancel(&self, state: &mut State, attempt: &str) -> Outcome {
        state.auth_cancel(attempt, self.device());
        self.body(&ServiceResult::success(self.auth_data(attempt)))
    }

    pub(super) fn logout(&self, state: &mut State) -> Outcome {
        match self.session(state) {
            Err(error) => self.no_session(error),
            Ok(session) => {
                state.sign_out(&session);
                let data = AuthData { echo: self.echo(), ..AuthData::default() };
                self.body(&ServiceResult::success(data))
            }
        }
    }

    /// Nick and picture are there only if operations let the app have them and the user has
    /// agreed.
    pub(super) fn user(&self, state: &State) -> Outcome {
        let session = match self.session(state) {
            Ok(session) => session,
            Err(error) => return self.no_session(error),
        };
        let user_id = session.user_id.as_str();
        let Some(user) = state.users().get(user_id) else {
            return self.no_session(SessionError::Invalid);
        };
        let echo = UserData { echo: self.echo(), ..UserData::default() };
        let Some(grant) = state.users().grant(user_id, &self.app.app_key) else {
            return self.refuse(&super::not_authorised(), echo);
        };
        let shown = grant.profile && state.settings(&self.app.app_key).profile;
        self.body(&ServiceResult::success(UserData {
            user_str_id: Some(user_id.to_owned()),
            user_nick: shown.then(|| user.nick.clone()),
            avatar_url: shown.then(|| self.place.avatar(user)),
            game_point: Some(user.points),
            ..echo
        }))
    }
}

fn tell(attempt: &Attempt, data: AuthData) -> AuthData {
    let auth_status = Some(match attempt.told {
        Seen::Waiting => AuthWord::Waiting,
        Seen::Scanned => AuthWord::Scanned,
        Seen::Granted => AuthWord::Granted,
        Seen::Denied => AuthWord::Denied,
        Seen::Expired => AuthWord::Expired,
    });
    match (attempt.told, &attempt.step) {
        (Seen::Granted, Step::Granted { authorised }) => AuthData {
            auth_status,
            user_str_id: attempt.user_id.clone().map(String::from),
            // Made by us: always a token.
            session: attempt.token.clone().and_then(|text| Token::new("session", text).ok()),
            authorised: Some(*authorised),
            ..data
        },
        _ => AuthData { auth_status, ..data },
    }
}
