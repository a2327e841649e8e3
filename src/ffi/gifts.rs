//! gifts

use std::ffi::c_char;

use super::asked::Asked;
use super::guard::ask;
use super::init::alitv_client;
use super::kept::Kept;
use super::orders::ALITV_FLAG_ACKED;
use super::pay::alitv_op;
use super::results::alitv_result;
use super::states::alitv_state;
use super::strings::state_name;
use crate::core::award::{Gift, GiftId};
use crate::core::code::{Code, Refusal};
use crate::core::report::GiftReport;

/// Waits to be taken.
pub const ALITV_GIFT_PENDING: u32 = 1;
/// Was given out.
pub const ALITV_GIFT_ACTIVATED: u32 = 2;
/// Was not taken in time.
pub const ALITV_GIFT_EXPIRED: u32 = 3;

/// The platform has been told that the gift was given out.
pub const ALITV_FLAG_ACTIVATED: u32 = 4;

/// A gift of the player, as the platform lists it. Read through the pointer only, as an
/// alitv_event is. String fields are UTF-8 and never NULL.
#[repr(C)]
pub struct alitv_gift {
    /// What alitv_gift_take names.
    pub gift_id: i64,
    /// ALITV_GIFT_*.
    pub status: u32,
    /// 0.
    pub reserved: u32,
    /// The merchant's item.
    pub cp_item_id: *const c_char,
}

/// A gift that is being taken, as it stands. Read through the pointer only, as an alitv_event
/// is. String fields are UTF-8 and never NULL.
#[repr(C)]
pub struct alitv_gift_taking {
    /// What alitv_ack names, beside id.
    pub sequence: u64,
    /// The platform's number.
    pub gift_id: i64,
    /// When it was accepted, Unix milliseconds by the clock of the box.
    pub created_ms: i64,
    /// ALITV_STATE_CREATED, _UNKNOWN, _GRANTED or _FAILED.
    pub state: alitv_state,
    /// ALITV_OK, or why it is UNKNOWN or FAILED.
    pub result: alitv_result,
    /// ALITV_FLAG_ACKED, ALITV_FLAG_ACTIVATED.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// "gift-" and gift_id: what alitv_ack names.
    pub id: *const c_char,
    /// GRANTED: the merchant's item.
    pub cp_item_id: *const c_char,
    /// The app.
    pub app_key: *const c_char,
    /// Whose gift it is.
    pub user_id: *const c_char,
    /// The gateway's error code, verbatim.
    pub gateway_code: *const c_char,
    /// For logs, in English; not for players.
    pub message: *const c_char,
    /// As alitv_state_name has it.
    pub state_name: *const c_char,
}

impl alitv_gift {
    pub(super) fn new(gift: &Gift, kept: &mut Kept) -> alitv_gift {
        alitv_gift {
            gift_id: gift.gift_id.get(),
            status: gift.status as u32,
            reserved: 0,
            cp_item_id: kept.text(&gift.cp_item_id),
        }
    }
}

impl alitv_gift_taking {
    pub(super) fn new(report: &GiftReport, kept: &mut Kept) -> alitv_gift_taking {
        let state = report.state as u32;
        let acked = if report.acked { ALITV_FLAG_ACKED } else { 0 };
        let activated = if report.activated { ALITV_FLAG_ACTIVATED } else { 0 };
        alitv_gift_taking {
            sequence: report.sequence,
            gift_id: report.gift_id.get(),
            created_ms: report.created_ms,
            state,
            result: report.result.0,
            flags: acked | activated,
            reserved: 0,
            id: kept.text(report.id.as_str()),
            cp_item_id: kept.text(&report.cp_item_id),
            app_key: kept.text(report.app_key.as_str()),
            user_id: kept.text(report.user_id.as_str()),
            gateway_code: kept.some_text(report.gateway_code.as_deref()),
            message: kept.some_text(report.message.as_deref()),
            state_name: state_name(state),
        }
    }
}

/// Lists the gifts that wait to be taken (queryGifts). The player must be signed in and have
/// authorised the app. Event: GIFTS with this op and `count` entries, perhaps none
/// (on_gift_list), or REPLY with why not (on_gift_list_error).
///
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_gift_list(
    client: *mut alitv_client,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    // SAFETY: handed on.
    unsafe { ask(client, out_op, Some(Asked::Gifts), |client| client.gifts(tag)) }
}

/// Takes a gift (takeGifts). Events: GIFT with this op once the engine has written it to its
/// journal; then GIFT until it is GRANTED (on_gift) or FAILED (on_gift_error), as an order is
/// followed and acknowledged. If the engine refuses it: REPLY with this op (on_gift_error).
///
/// GRANTED reserves the gift for this box. Store it, then acknowledge: only then does the
/// engine tell the platform that it was given out. FAILED has ALITV_E_GIFT_TAKEN,
/// ALITV_E_GIFT_EXPIRED, ALITV_E_NOT_FOUND or ALITV_E_GATEWAY. Repeating it is harmless.
///
/// @param gift_id out of alitv_gift_list, 1 and above
/// @param out_op  may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_gift_take(
    client: *mut alitv_client,
    gift_id: i64,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    let id = GiftId::new(gift_id);
    let asked = id.map(Asked::Gift);
    // SAFETY: handed on.
    unsafe {
        ask(client, out_op, asked, |client| {
            let text = || format!("gift_id is {gift_id}: allowed are 1 and above");
            client.take_gift(id.ok_or_else(|| Refusal::new(Code::INVALID, text()))?, tag)
        })
    }
}
