//! Answers that go wrong on purpose, after the call was carried out.

use super::super::scenario::Fault;
use super::Outcome;
use crate::limits::SANDBOX_BAN_S;
use crate::wire::top::ErrorResponse;

/// What a caller gets instead of a right answer.
pub fn spoil(outcome: Outcome, fault: Fault, request_id: &str) -> Outcome {
    match (fault, outcome) {
        (Fault::Http500, _) => Outcome::Http500,
        (Fault::Timeout, _) => Outcome::Hang,
        (Fault::Throttle | Fault::SlowDown, _) => {
            Outcome::Body(throttled(SANDBOX_BAN_S, request_id))
        }
        (Fault::BadJson, Outcome::Body(body)) => Outcome::Body(broken_off(body)),
        (Fault::BadSign, Outcome::Body(body)) => Outcome::Body(wrongly_signed(body)),
        // The others change what the answer says, not how it is sent.
        (_, outcome) => outcome,
    }
}

/// Error 7 of the platform: come back later.
pub fn throttled(ban_s: u32, request_id: &str) -> String {
    let error = ErrorResponse {
        code: 7,
        msg: "App Call Limited".into(),
        sub_code: "accesscontrol.limited-by-app-access-count".into(),
        sub_msg: format!("This ban will last for {ban_s} more seconds"),
        request_id: request_id.into(),
    };
    error.encode()
}

fn broken_off(mut body: String) -> String {
    let mut half = body.len() / 2;
    while !body.is_char_boundary(half) {
        half -= 1;
    }
    body.truncate(half);
    body
}

fn wrongly_signed(body: String) -> String {
    let name = "\"result_sign\":\"";
    let Some(at) = body.rfind(name).map(|at| at + name.len()) else { return body };
    let (before, sign) = body.split_at(at);
    let other = if sign.starts_with('0') { "1" } else { "0" };
    format!("{before}{other}{}", sign.get(1..).unwrap_or(""))
}
