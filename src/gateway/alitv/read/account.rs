//! Answers about signing in, and about the user.

use super::super::text::{cut, link};
use super::super::verify::{gateway, Expected};
use super::{refused, rejected, said, same, Errors, Said};
use crate::core::call::{AuthStatus, Doubt, Reply};
use crate::core::user::{User, UserId};
use crate::gateway::HttpAnswer;
use crate::limits::{
    AUTH_INTERVAL_S_DEFAULT, AUTH_INTERVAL_S_MAX, AUTH_INTERVAL_S_MIN, EXPIRES_S_DEFAULT,
    EXPIRES_S_MAX, NAME_CHARS_MAX,
};
use crate::wire::device::{AuthData, AuthWord, UserData};

/// The code to sign in with. `may_show` decides about its text.
pub(in super::super) fn applied(
    attempt: &str,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
    may_show: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<Reply, Doubt> {
    let data = match said(expected, answer, Errors::Refuse, of_attempt(attempt))? {
        Said::Data(data) => data,
        Said::Refused { code, message, data } if data.qr_code.is_none() => {
            return Ok(rejected(&code, &message));
        }
        Said::Refused { code, .. } => return Err(refused(&code)),
        Said::Reply(reply) => return Ok(reply),
    };
    let qr_text = data.qr_code.unwrap_or_default();
    may_show(&qr_text).map_err(|why| gateway(format!("the code {why}")))?;
    let expires_s = data.expires_s.unwrap_or(EXPIRES_S_DEFAULT);
    if !(1..=EXPIRES_S_MAX).contains(&expires_s) {
        return Err(gateway(format!("expires_s is {expires_s}: 1 to {EXPIRES_S_MAX}")));
    }
    let interval_s = data.interval_s.unwrap_or(AUTH_INTERVAL_S_DEFAULT);
    let interval_s = interval_s.clamp(AUTH_INTERVAL_S_MIN, AUTH_INTERVAL_S_MAX);
    Ok(Reply::Code { qr_text, expires_s, interval_s })
}

/// What became of the attempt.
pub(in super::super) fn auth(
    attempt: &str,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    match said(expected, answer, Errors::Doubtful, of_attempt(attempt))? {
        Said::Data(data) => status(data).map(Reply::Auth),
        Said::Refused { code, .. } => Err(refused(&code)),
        Said::Reply(reply) => Ok(reply),
    }
}

/// The code is dead.
pub(in super::super) fn cancelled(
    attempt: &str,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    Ok(match said(expected, answer, Errors::Doubtful, of_attempt(attempt))? {
        Said::Data(_) => Reply::Done,
        Said::Refused { code, message, .. } => rejected(&code, &message),
        Said::Reply(reply) => reply,
    })
}

/// The session is over. One that the gateway does not know is over as well.
pub(in super::super) fn signed_out(
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    Ok(match said::<AuthData>(expected, answer, Errors::Doubtful, |_| Ok(()))? {
        Said::Data(_) | Said::Reply(Reply::NoSession) => Reply::Done,
        Said::Refused { code, message, .. } => rejected(&code, &message),
        Said::Reply(reply) => reply,
    })
}

/// Who it is.
pub(in super::super) fn user(expected: &Expected<'_>, answer: &HttpAnswer) -> Result<Reply, Doubt> {
    let data = match said::<UserData>(expected, answer, Errors::Refuse, |_| Ok(()))? {
        Said::Data(data) => data,
        Said::Refused { code, message, .. } => return Ok(rejected(&code, &message)),
        Said::Reply(reply) => return Ok(reply),
    };
    let named = |text: &String| !text.is_empty();
    Ok(Reply::User(User {
        user_id: user_id(data.user_str_id)?,
        nick: data.user_nick.map(|nick| cut(&nick, NAME_CHARS_MAX)).filter(named),
        avatar_url: data.avatar_url.map(|url| link(&url)).filter(named),
        points: data.game_point.filter(|points| *points >= 0),
    }))
}

fn of_attempt(attempt: &str) -> impl Fn(&AuthData) -> Result<(), Doubt> + '_ {
    move |data| same("attempt", data.out_approve_id.as_deref(), attempt)
}

fn status(data: AuthData) -> Result<AuthStatus, Doubt> {
    Ok(match data.auth_status.ok_or_else(|| gateway("the answer has no auth_status"))? {
        AuthWord::Waiting => AuthStatus::Waiting,
        AuthWord::Scanned => AuthStatus::Scanned,
        AuthWord::Denied => AuthStatus::Denied,
        AuthWord::Expired => AuthStatus::Expired,
        AuthWord::Granted => AuthStatus::Granted {
            user_id: user_id(data.user_str_id)?,
            token: data.session.ok_or_else(|| gateway("the answer has no session"))?,
            authorised: data.authorised.ok_or_else(|| gateway("the answer has no authorised"))?,
        },
    })
}

fn user_id(text: Option<String>) -> Result<UserId, Doubt> {
    let text = text.ok_or_else(|| gateway("the answer has no user_str_id"))?;
    UserId::new(text).map_err(|refusal| gateway(refusal.message))
}
