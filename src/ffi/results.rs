//! results

use std::ffi::c_char;
use std::panic::catch_unwind;

use super::{guard, strings};

/// Result of a call: ALITV_OK, or a negative ALITV_E_* value. The same numbers are the error
/// codes of the daemon protocol and the `result` of an event. Values are never renumbered and
/// never reused; treat an unknown one as a failure.
pub type alitv_result = i32;

/// It worked.
pub const ALITV_OK: alitv_result = 0;

/// A required pointer was NULL.
pub const ALITV_E_NULL: alitv_result = -1001;
/// A string was not valid UTF-8, empty where that is not allowed, or too long.
pub const ALITV_E_STRING: alitv_result = -1002;
/// A field or argument is out of range.
pub const ALITV_E_INVALID: alitv_result = -1003;
/// The struct has no size, or sets fields this library does not know.
pub const ALITV_E_ABI: alitv_result = -1004;
/// Not a client, or one that was destroyed.
pub const ALITV_E_HANDLE: alitv_result = -1005;
/// Called from inside a callback that may not call this function.
pub const ALITV_E_REENTRANT: alitv_result = -1006;
/// Another thread is already inside alitv_next_event or alitv_dispatch.
pub const ALITV_E_BUSY: alitv_result = -1007;
/// The client was opened in another process, before fork.
pub const ALITV_E_FORKED: alitv_result = -1008;
/// The output buffer is too small; the required size was written.
pub const ALITV_E_BUFFER: alitv_result = -1009;
/// Another payment of this client is still on screen.
pub const ALITV_E_ON_SCREEN: alitv_result = -1010;

/// The library hit a bug and refused to continue. Destroy the client.
pub const ALITV_E_PANIC: alitv_result = -1101;
/// Out of memory, threads or descriptors.
pub const ALITV_E_RESOURCE: alitv_result = -1102;
/// The journal cannot be written. Nothing was sent.
pub const ALITV_E_STORAGE: alitv_result = -1103;
/// Another process holds the journal.
pub const ALITV_E_LOCKED: alitv_result = -1104;
/// The configuration cannot be used.
pub const ALITV_E_CONFIG: alitv_result = -1105;

/// The engine went away before it answered.
pub const ALITV_E_OFFLINE: alitv_result = -1201;
/// The engine refused this user or app.
pub const ALITV_E_DENIED: alitv_result = -1202;
/// The engine speaks no protocol version this library speaks.
pub const ALITV_E_PROTOCOL: alitv_result = -1203;
/// Too many requests, orders or unacknowledged results. Nothing was accepted.
pub const ALITV_E_LIMIT: alitv_result = -1204;

/// Not known before the engine has answered for the first time.
pub const ALITV_E_NOT_READY: alitv_result = -1205;
/// Nobody did in time what was waited for.
pub const ALITV_E_TIMEOUT: alitv_result = -1206;

/// No such order, draw, gift, page or sign-in.
pub const ALITV_E_NOT_FOUND: alitv_result = -1301;
/// The order exists with other facts. It was left as it is.
pub const ALITV_E_CONFLICT: alitv_result = -1302;
/// Not possible in the order's current state.
pub const ALITV_E_STATE: alitv_result = -1303;
/// The payment was given back before it could be reported.
pub const ALITV_E_REFUNDED: alitv_result = -1304;
/// The gift was given out to somebody else.
pub const ALITV_E_GIFT_TAKEN: alitv_result = -1305;
/// The gift was not taken in time.
pub const ALITV_E_GIFT_EXPIRED: alitv_result = -1306;
/// The lottery refused the draw; see gateway_code. Nothing was spent.
pub const ALITV_E_DRAW_DENIED: alitv_result = -1307;

/// Nobody is signed in, or the user has not authorised the app.
pub const ALITV_E_UNAUTHORIZED: alitv_result = -2201;
/// The user gave up signing in or authorising.
pub const ALITV_E_AUTH_CANCELLED: alitv_result = -2205;
/// The code to sign in with ran out before anybody used it.
pub const ALITV_E_AUTH_EXPIRED: alitv_result = -2206;
/// Signing in failed for another reason; see message.
pub const ALITV_E_AUTH_OTHER: alitv_result = -2299;

/// The gateway could not be reached. The outcome is unknown until the order is final.
pub const ALITV_E_NETWORK: alitv_result = -3001;
/// The gateway answered with an error; see gateway_code.
pub const ALITV_E_GATEWAY: alitv_result = -3002;
/// The gateway's answer was not signed by it, or was about something else.
pub const ALITV_E_SIGNATURE: alitv_result = -3003;
/// The clock of this box is too wrong to talk to the gateway.
pub const ALITV_E_CLOCK: alitv_result = -3004;

/// Name such as "ALITV_E_OFFLINE"; "ALITV_E_UNKNOWN" for a number this library does not know.
/// Static, never NULL.
#[no_mangle]
pub extern "C" fn alitv_result_name(result: alitv_result) -> *const c_char {
    catch_unwind(|| strings::result_name(result)).unwrap_or(c"ALITV_E_UNKNOWN".as_ptr())
}

/// One English sentence for programmers, not for players. Static, never NULL.
#[no_mangle]
pub extern "C" fn alitv_strerror(result: alitv_result) -> *const c_char {
    catch_unwind(|| strings::result_sentence(result)).unwrap_or(c"".as_ptr())
}

/// Detail of the last call on this thread, "" if it was not refused: which field, which bound.
/// Valid until the next alitv call on this thread. Never NULL. The functions of this section
/// and of "states" and "version" leave it alone.
#[no_mangle]
pub extern "C" fn alitv_last_error() -> *const c_char {
    guard::last_error()
}
