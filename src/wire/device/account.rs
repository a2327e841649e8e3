//! Signing in by a code, authorising the app, and who the user is.

use serde::{Deserialize, Serialize};

use super::params::{required, ParamError};
use super::result::Echo;
use crate::core::user::Token;
use crate::wire::numbers;
use crate::wire::top::Params;

/// Makes a code to sign in or to authorise with; the same code when asked again for the
/// same attempt.
pub const AUTH_APPLY: &str = "taobao.tvpay.auth.apply";
/// Ours: what became of an attempt.
pub const AUTH_QUERY: &str = "taobao.tvpay.auth.query";
/// Ours: kills the code of an attempt.
pub const AUTH_CANCEL: &str = "taobao.tvpay.auth.cancel";
/// Ours: ends the session.
pub const AUTH_LOGOUT: &str = "taobao.tvpay.auth.logout";
/// The user of the session.
pub const USER_GET: &str = "taobao.baodian.deposit.get.with.sdkversion";

/// Refusal of apply: the app may not sign users in.
pub const AUTH_NOT_ALLOWED: &str = "AUTH_NOT_ALLOWED";
/// Refusal of apply: the attempt is known and was for something else, or is over.
pub const AUTH_CONFLICT: &str = "AUTH_CONFLICT";
/// Refusal of user, draw, gifts and take: the user has not authorised the app.
pub const AUTH_REQUIRED: &str = "AUTH_REQUIRED";

/// What an attempt is for: `biz_scene` of `AUTH_APPLY`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthScene {
    /// `login`: nobody is signed in, or another user is to be.
    Login,
    /// `authorise`: the user of the session is to authorise the app.
    Authorise,
}

impl AuthScene {
    /// The word on the wire.
    pub fn name(self) -> &'static str {
        match self {
            AuthScene::Login => "login",
            AuthScene::Authorise => "authorise",
        }
    }

    pub(super) fn read(params: &Params) -> Result<AuthScene, ParamError> {
        let word = required(params, "biz_scene")?;
        [AuthScene::Login, AuthScene::Authorise]
            .into_iter()
            .find(|scene| scene.name() == word)
            .ok_or_else(|| ParamError::Invalid("biz_scene", "must be login or authorise".into()))
    }
}

/// `data` of apply, query, cancel and logout.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// The attempt. Of logout: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_approve_id: Option<String>,
    /// Of apply: the text of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_code: Option<String>,
    /// Of apply, ours: seconds the code can still be used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
    /// Of apply, ours: seconds between two queries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval_s: Option<u32>,
    /// Of query, ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_status: Option<AuthWord>,
    /// Of a granted query: who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_str_id: Option<String>,
    /// Of a granted query, ours: speaks for the user from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Token>,
    /// Of a granted query, ours: whether the app is authorised as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorised: Option<bool>,
}

/// What became of an attempt. An unknown word is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthWord {
    /// Nobody has opened the code.
    Waiting,
    /// Opened, not decided.
    Scanned,
    /// Signed in.
    Granted,
    /// The user said no.
    Denied,
    /// The code ran out, was killed, or was never made.
    Expired,
}

/// `data` of `USER_GET`. The platform has more members, which are not used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// The platform's id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_str_id: Option<String>,
    /// Name, if the app may have it and the user has agreed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_nick: Option<String>,
    /// Picture, under the same condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// Points.
    #[serde(default, with = "numbers::opt_i64", skip_serializing_if = "Option::is_none")]
    pub game_point: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grant_is_read_back_and_its_session_is_not_shown() {
        let data = AuthData {
            out_approve_id: Some("a1".into()),
            auth_status: Some(AuthWord::Granted),
            user_str_id: Some("u1".into()),
            session: Some(Token::new("session", "s-e-c-r-e-t").unwrap()),
            authorised: Some(true),
            ..AuthData::default()
        };
        let text = serde_json::to_string(&data).unwrap();
        assert!(text.contains(r#""auth_status":"GRANTED""#) && text.contains("s-e-c-r-e-t"));
        assert_eq!(serde_json::from_str::<AuthData>(&text).unwrap(), data);
        assert!(!format!("{data:?}").contains("s-e-c-r-e-t"));
    }

    #[test]
    fn unknown_words_and_bad_sessions_are_no_answer() {
        for bad in [
            r#"{"auth_status":"granted"}"#,
            r#"{"auth_status":"OK"}"#,
            r#"{"auth_status":1}"#,
            r#"{"session":""}"#,
            r#"{"session":"a b"}"#,
            r#"{"session":7}"#,
            r#"{"authorised":"true"}"#,
            r#"{"expires_s":-1}"#,
        ] {
            assert!(serde_json::from_str::<AuthData>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn points_are_a_number_or_digits() {
        for good in [r#"{"game_point":7}"#, r#"{"game_point":"7"}"#] {
            assert_eq!(serde_json::from_str::<UserData>(good).unwrap().game_point, Some(7));
        }
        for bad in [r#"{"game_point":"7.0"}"#, r#"{"game_point":7.5}"#, r#"{"game_point":""}"#] {
            assert!(serde_json::from_str::<UserData>(bad).is_err(), "{bad}");
        }
    }
}
