//! Parameters that a device request may lack or have wrong.

use crate::limits::{NONCE_BYTES_MAX, ORDER_ID_BYTES_MAX, WAIT_S_MAX};
use crate::wire::top::{ErrorResponse, Params};

/// The common parameter with the token that speaks for a user.
pub const SESSION: &str = "session";

/// Which parameter of a device request is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamError {
    /// The named one is missing.
    Missing(&'static str),
    /// The named one has no allowed value; why.
    Invalid(&'static str, String),
}

impl ParamError {
    /// The answer to such a request: 40 or 41 with the name in `sub_code`.
    pub fn answer(&self, request_id: &str) -> ErrorResponse {
        let (code, msg, sub_code, sub_msg) = match self {
            ParamError::Missing(name) => {
                let why = format!("{name} is required");
                (40, "Missing Required Arguments", format!("isv.missing-parameter:{name}"), why)
            }
            ParamError::Invalid(name, why) => {
                let why = format!("{name}: {why}");
                (41, "Invalid Arguments", format!("isv.invalid-parameter:{name}"), why)
            }
        };
        ErrorResponse { code, msg: msg.into(), sub_code, sub_msg, request_id: request_id.into() }
    }
}

/// What a request does with the common parameter `session`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionUse {
    /// It is not sent, and not looked at.
    Ignored,
    /// There may be one; one that is there must be valid.
    Optional,
    /// Without one nothing can be said.
    Required,
}

/// The request does not speak for a user who is signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionError {
    /// There is no session.
    Missing,
    /// It is not, or not any more, a session of this app.
    Invalid,
}

impl SessionError {
    /// 26 or 27, as in the platform's table.
    pub fn number(self) -> i64 {
        match self {
            SessionError::Missing => 26,
            SessionError::Invalid => 27,
        }
    }

    /// The answer to such a request.
    pub fn answer(self, request_id: &str) -> ErrorResponse {
        let (msg, sub_code) = match self {
            SessionError::Missing => ("Missing Session", "isv.missing-session"),
            SessionError::Invalid => ("Invalid Session", "isv.invalid-session"),
        };
        ErrorResponse {
            code: self.number(),
            msg: msg.into(),
            sub_code: sub_code.into(),
            sub_msg: String::new(),
            request_id: request_id.into(),
        }
    }
}

/// The nonce of a request, if it has one: 1 to `NONCE_BYTES_MAX` letters, digits, `-`, `_`.
pub fn read_nonce(params: &Params) -> Result<Option<String>, ParamError> {
    let Some(nonce) = params.get("nonce") else { return Ok(None) };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !(1..=NONCE_BYTES_MAX).contains(&nonce.len()) || !nonce.bytes().all(allowed) {
        let why = format!("must be 1 to {NONCE_BYTES_MAX} characters out of [A-Za-z0-9_-]");
        return Err(ParamError::Invalid("nonce", why));
    }
    Ok(Some(nonce.to_owned()))
}

pub(super) fn required<'a>(params: &'a Params, name: &'static str) -> Result<&'a str, ParamError> {
    params.get(name).ok_or(ParamError::Missing(name))
}

/// Printable ASCII without blanks.
pub(in crate::wire) fn check_text(
    text: &str,
    name: &'static str,
    bytes_max: usize,
) -> Result<(), ParamError> {
    let printable = text.bytes().all(|b| b.is_ascii_graphic());
    if !(1..=bytes_max).contains(&text.len()) || !printable {
        let why = format!("must be 1 to {bytes_max} printable ASCII characters without blanks");
        return Err(ParamError::Invalid(name, why));
    }
    Ok(())
}

/// An id that the box has made.
pub(super) fn read_id(params: &Params, name: &'static str) -> Result<String, ParamError> {
    let id = required(params, name)?;
    check_text(id, name, ORDER_ID_BYTES_MAX)?;
    Ok(id.to_owned())
}

/// A text that may be left out. An empty one counts as left out, as the SDK has it.
pub(super) fn read_optional(
    params: &Params,
    name: &'static str,
    bytes_max: usize,
) -> Result<Option<String>, ParamError> {
    let Some(text) = params.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    check_text(text, name, bytes_max)?;
    Ok(Some(text.to_owned()))
}

pub(super) fn write_wait(wait_s: u32, params: &mut Params) {
    if wait_s > 0 {
        params.set("wait_s", wait_s.to_string());
    }
}

pub(super) fn read_wait(params: &Params) -> Result<u32, ParamError> {
    let Some(text) = params.get("wait_s") else { return Ok(0) };
    let wait_s = text.parse().ok().filter(|s| *s <= WAIT_S_MAX && !text.starts_with('+'));
    wait_s.ok_or_else(|| ParamError::Invalid("wait_s", format!("must be 0 to {WAIT_S_MAX}")))
}
