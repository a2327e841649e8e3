//! states

use std::ffi::{c_char, c_int};
use std::panic::catch_unwind;

use super::strings;

/// State of an order, of a draw (CREATED, UNKNOWN, WON, LOST, FAILED) or of a gift that is
/// taken (CREATED, UNKNOWN, GRANTED, FAILED): ALITV_STATE_*. New states may appear; see
/// alitv_state_is_final.
pub type alitv_state = u32;

/// Accepted and written to the journal; there is no code to scan yet.
pub const ALITV_STATE_CREATED: alitv_state = 1;
/// Waiting for the player to scan and pay.
pub const ALITV_STATE_PENDING: alitv_state = 2;
/// Scanned; waiting for the player to confirm.
pub const ALITV_STATE_SCANNED: alitv_state = 3;
/// Cancelled or out of time; hide the code. It may still turn out PAID: wait.
pub const ALITV_STATE_CLOSING: alitv_state = 4;
/// The gateway is out of reach or its answers cannot be trusted. The engine keeps asking.
/// Never treat it as a failure: the player may have paid.
pub const ALITV_STATE_UNKNOWN: alitv_state = 5;
/// Final. Money received. Deliver the goods, then call alitv_ack.
pub const ALITV_STATE_PAID: alitv_state = 16;
/// Final. Closed on request; it can no longer be paid.
pub const ALITV_STATE_CANCELLED: alitv_state = 17;
/// Final. Closed because time ran out; it can no longer be paid.
pub const ALITV_STATE_EXPIRED: alitv_state = 18;
/// Final. Refused before anybody could pay, or before anything was drawn or taken; see result
/// and gateway_code.
pub const ALITV_STATE_FAILED: alitv_state = 19;
/// Final. Paid and given back before PAID could be reported. Deliver nothing.
pub const ALITV_STATE_REFUNDED: alitv_state = 20;
/// Final, of a draw. Store the award, then call alitv_ack.
pub const ALITV_STATE_WON: alitv_state = 21;
/// Final, of a draw. Nothing was won.
pub const ALITV_STATE_LOST: alitv_state = 22;
/// Final, of a gift. It is the player's: store it, then call alitv_ack.
pub const ALITV_STATE_GRANTED: alitv_state = 23;

/// 1 if the order, draw or gift will not change any more, 0 if it may or the state is not
/// known. States of later versions follow the same rule: 16 to 31 are final.
#[no_mangle]
pub extern "C" fn alitv_state_is_final(state: alitv_state) -> c_int {
    c_int::from((16..32).contains(&state))
}

/// Lower-case name such as "paid", as on the socket; "unknown" for a state this library does
/// not know, "" for 0. Static, never NULL.
#[no_mangle]
pub extern "C" fn alitv_state_name(state: alitv_state) -> *const c_char {
    catch_unwind(|| strings::state_name(state)).unwrap_or(c"unknown".as_ptr())
}
