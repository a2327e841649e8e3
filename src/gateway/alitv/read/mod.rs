//! What a believed answer says about the call.

mod account;
mod app;
mod gifts;
mod lottery;
mod orders;

use serde::de::DeserializeOwned;

pub(super) use self::account::{applied, auth, cancelled, signed_out, user};
pub(super) use self::app::{probe, profile, server_date};
pub(super) use self::gifts::{gifts, marked, taken};
pub(super) use self::lottery::{activities, drawn, drawn_before};
pub(super) use self::orders::{order, precreate};
use super::text::clean;
use super::verify::{gateway, signature, Expected, Genuine, HasEcho, Read};
use crate::core::call::{Doubt, DoubtKind, Reply};
use crate::gateway::HttpAnswer;
use crate::limits::{
    GATEWAY_TEXT_BYTES_MAX, MESSAGE_BYTES_MAX, THROTTLE_S_DEFAULT, THROTTLE_S_MAX,
};
use crate::wire::device::{ServiceResult, SessionError, SESSION_INVALID, SYSTEM_ERROR};
use crate::wire::top::ErrorResponse;

/// Numbers of `error_response` that say the request itself was wrong, so that it did nothing.
const CALLERS_FAULT: [i64; 8] = [11, 21, 22, 25, 28, 29, 40, 41];

/// What an `error_response` of the caller's fault is worth. Nobody has signed it; outside a
/// sandbox it came over https.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Errors {
    /// It refuses: to believe a forged one costs a sale or a look, and never money or a prize.
    Refuse,
    /// It says nothing: an earlier request of the same kind may have been carried out.
    Doubtful,
}

/// A signed answer about what was asked.
enum Said<T> {
    /// It was done.
    Data(T),
    /// It was refused, and that is definite.
    Refused { code: String, message: String, data: T },
    /// There is nothing more to read out of it.
    Reply(Reply),
}

/// Reads an answer to a method that needs the signature: one of ours, or one that changes
/// something. `about` checks that it repeats what was asked.
fn said<T: DeserializeOwned + HasEcho>(
    expected: &Expected<'_>,
    answer: &HttpAnswer,
    errors: Errors,
    about: impl Fn(&T) -> Result<(), Doubt>,
) -> Result<Said<T>, Doubt> {
    let genuine = match expected.read::<T>(answer)? {
        Read::Error(error) => return Ok(Said::Reply(error_reply(&error, expected, errors))),
        Read::Result(genuine) => genuine,
    };
    if !genuine.signed {
        return Err(signature("the answer is not signed"));
    }
    let ServiceResult { success, code, message, data } = genuine.result;
    let data = data.ok_or_else(|| signature("the answer repeats nothing"))?;
    about(&data)?;
    if success {
        return Ok(Said::Data(data));
    }
    if code == SESSION_INVALID && expected.session {
        return Ok(Said::Reply(Reply::NoSession));
    }
    if is_undecided(&code) {
        return Err(refused(&code));
    }
    Ok(Said::Refused { code, message, data })
}

/// An answer must name what it is about.
fn same(what: &str, said: Option<&str>, asked: &str) -> Result<(), Doubt> {
    match said {
        Some(said) if said == asked => Ok(()),
        Some(_) => Err(signature(format!("the answer is about another {what}"))),
        None => Err(signature(format!("the answer names no {what}"))),
    }
}

fn is_undecided(code: &str) -> bool {
    code.is_empty() || code == SYSTEM_ERROR || code.starts_with("isp.")
}

fn refused(code: &str) -> Doubt {
    gateway(format!("refused: {code}"))
}

fn success<T>(genuine: Genuine<T>) -> Result<T, Doubt> {
    let ServiceResult { success, code, data, .. } = genuine.result;
    match data {
        Some(data) if success => Ok(data),
        _ => Err(refused(&code)),
    }
}

/// What an `error_response` can be believed to say: wait, look at the clock, sign in again,
/// or nothing; and a refusal where that does no harm.
fn error_reply(error: &ErrorResponse, expected: &Expected<'_>, errors: Errors) -> Reply {
    if error.is_about_the_clock() {
        return Reply::in_doubt(DoubtKind::Clock, sentence(error));
    }
    if error.is_too_often() {
        let after_s = error.ban_s().unwrap_or(THROTTLE_S_DEFAULT).clamp(1, THROTTLE_S_MAX);
        return Reply::Throttled { after_s };
    }
    let no_session = [SessionError::Missing, SessionError::Invalid].map(SessionError::number);
    if expected.session && no_session.contains(&error.code) {
        return Reply::NoSession;
    }
    let callers = CALLERS_FAULT.contains(&error.code) || error.sub_code.starts_with("isv.");
    if errors == Errors::Refuse && callers && !error.sub_code.starts_with("isp.") {
        return rejected(&error_code(error), &sentence(error));
    }
    Reply::in_doubt(DoubtKind::Gateway, sentence(error))
}

fn error_code(error: &ErrorResponse) -> String {
    match error.sub_code.as_str() {
        "" => error.code.to_string(),
        sub_code => sub_code.to_owned(),
    }
}

fn sentence(error: &ErrorResponse) -> String {
    let parts = [&error.code.to_string(), &error.msg, &error.sub_code, &error.sub_msg];
    let said: Vec<&str> = parts.into_iter().map(String::as_str).filter(|s| !s.is_empty()).collect();
    clean(&said.join(" / "), MESSAGE_BYTES_MAX)
}

fn rejected(code: &str, text: &str) -> Reply {
    Reply::Rejected {
        code: clean(code, GATEWAY_TEXT_BYTES_MAX),
        text: clean(text, MESSAGE_BYTES_MAX),
    }
}
