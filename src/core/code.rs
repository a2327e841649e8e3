//! Result codes: one number for the C call, the socket's `error.code` and an event's
//! `result`. Ranges are those of the header; a number is never reused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// 0, or a negative number out of `TABLE`. Unknown numbers are legal: treat them as failure.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Code(pub i32);

macro_rules! codes {
    ($($name:ident = $number:literal, $sentence:literal;)*) => {
        impl Code {
            $(#[doc = $sentence] pub const $name: Code = Code($number);)*
        }
        /// All codes: constant, name without prefix, one English sentence.
        pub const TABLE: &[(Code, &str, &str)] =
            &[$((Code::$name, stringify!($name), $sentence)),*];
    };
}

codes! {
    OK = 0, "It worked.";
    NULL = -1001, "A required pointer was NULL.";
    STRING = -1002, "A string was not valid UTF-8, empty where that is not allowed, or too long.";
    INVALID = -1003, "A field or argument is out of range.";
    ABI = -1004, "The struct has no size, or sets fields this library does not know.";
    HANDLE = -1005, "Not a client, or one that was destroyed.";
    REENTRANT = -1006, "Called from inside a callback that may not call this function.";
    BUSY = -1007, "Another thread is already inside alitv_next_event or alitv_dispatch.";
    FORKED = -1008, "The client was opened in another process, before fork.";
    BUFFER = -1009, "The output buffer is too small; the required size was written.";
    ON_SCREEN = -1010, "Another payment of this client is still on screen.";
    PANIC = -1101, "The library hit a bug and refused to continue. Destroy the client.";
    RESOURCE = -1102, "Out of memory, threads or descriptors.";
    STORAGE = -1103, "The journal cannot be written. Nothing was sent.";
    LOCKED = -1104, "Another process holds the journal.";
    CONFIG = -1105, "The configuration cannot be used.";
    OFFLINE = -1201, "The engine went away before it answered.";
    DENIED = -1202, "The engine refused this user or app.";
    PROTOCOL = -1203, "The engine speaks no protocol version this library speaks.";
    NOT_READY = -1205, "Not known before the engine has answered for the first time.";
    TIMEOUT = -1206, "Nobody did in time what was waited for.";
    LIMIT = -1204, "Too many requests, orders or unacknowledged results. Nothing was accepted.";
    NOT_FOUND = -1301, "No such order, draw, gift, page or sign-in.";
    CONFLICT = -1302, "The order exists with other facts. It was left as it is.";
    STATE = -1303, "Not possible in the order's current state.";
    REFUNDED = -1304, "The payment was given back before it could be reported.";
    GIFT_TAKEN = -1305, "The gift was given out to somebody else.";
    GIFT_EXPIRED = -1306, "The gift was not taken in time.";
    DRAW_DENIED = -1307, "The lottery refused the draw; see gateway_code. Nothing was spent.";
    UNAUTHORIZED = -2201, "Nobody is signed in, or the user has not authorised the app.";
    AUTH_CANCELLED = -2205, "The user gave up signing in or authorising.";
    AUTH_EXPIRED = -2206, "The code to sign in with ran out before anybody used it.";
    AUTH_OTHER = -2299, "Signing in failed for another reason; see message.";
    NETWORK = -3001, "The gateway could not be reached. The outcome is unknown until the order is final.";
    GATEWAY = -3002, "The gateway answered with an error; see gateway_code.";
    SIGNATURE = -3003, "The gateway's answer was not signed by it, or was about something else.";
    CLOCK = -3004, "The clock of this box is too wrong to talk to the gateway.";
}

impl Code {
    /// Name without prefix, such as `CONFLICT`; `UNKNOWN` for a number of a later version.
    pub fn name(self) -> &'static str {
        TABLE.iter().find(|row| row.0 == self).map_or("UNKNOWN", |row| row.1)
    }

    /// One English sentence for programmers.
    pub fn sentence(self) -> &'static str {
        TABLE.iter().find(|row| row.0 == self).map_or("A code of a later version.", |row| row.2)
    }
}

/// Why a request was not accepted: the code for programs, the sentence for people. The
/// sentence names the field and the bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Never `Code::OK`.
    pub code: Code,
    /// For logs, in English.
    pub message: String,
}

impl Refusal {
    /// A refusal with a code and a sentence.
    pub fn new(code: Code, message: impl Into<String>) -> Refusal {
        Refusal { code, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.code.name(), self.code.0, self.message)
    }
}

impl std::error::Error for Refusal {}
