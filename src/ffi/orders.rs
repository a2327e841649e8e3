//! orders

use std::ffi::c_char;

use super::guard::{with_client, write_out};
use super::init::alitv_client;
use super::pay::alitv_op;
use super::results::alitv_result;
use super::states::alitv_state;
use super::strings::{state_name, Strings};
use crate::core::code::{Code, Refusal};
use crate::core::report::Report;
use crate::ipc::proto::{ListOrders, Which};
use crate::limits::ORDERS_LIST_MAX;

/// Not final, or final and not acknowledged: what a game has to look after at its start.
pub const ALITV_ORDERS_UNFINISHED: u32 = 0;
/// Not final.
pub const ALITV_ORDERS_OPEN: u32 = 1;
/// Final and not acknowledged.
pub const ALITV_ORDERS_UNACKED: u32 = 2;
/// All that the journal still has.
pub const ALITV_ORDERS_ALL: u32 = 3;

/// The order is final and was acknowledged.
pub const ALITV_FLAG_ACKED: u32 = 1;
/// ORDERS: there are more than were listed.
pub const ALITV_FLAG_MORE: u32 = 2;

/// One order as it stands. Belongs to the event that lists it, and is read through the pointer
/// only, as an alitv_event is. String fields are UTF-8 and never NULL; those that do not apply
/// are "".
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alitv_order {
    /// What alitv_ack names.
    pub sequence: u64,
    /// Total in fen.
    pub amount_fen: i64,
    /// When it was accepted, Unix milliseconds by the clock of the box.
    pub created_ms: i64,
    /// When it was paid, Unix milliseconds by the clock of the gateway, or 0.
    pub paid_ms: i64,
    /// ALITV_STATE_*.
    pub state: alitv_state,
    /// ALITV_OK, or why it is UNKNOWN or FAILED.
    pub result: alitv_result,
    /// Seconds that qr_text stays valid, or 0.
    pub expires_s: u32,
    /// ALITV_FLAG_ACKED or 0.
    pub flags: u32,
    /// The merchant's order number.
    pub order_id: *const c_char,
    /// The app that sells.
    pub app_key: *const c_char,
    /// What the payer reads.
    pub title: *const c_char,
    /// Merchant's product id.
    pub subject_id: *const c_char,
    /// The gateway's own trade number.
    pub trade_no: *const c_char,
    /// The code to show, while one may be shown.
    pub qr_text: *const c_char,
    /// The gateway's error code, verbatim.
    pub gateway_code: *const c_char,
    /// For logs, in English; not for players.
    pub message: *const c_char,
    /// "sandbox" or "production".
    pub environment: *const c_char,
    /// As alitv_state_name has it.
    pub state_name: *const c_char,
}

impl alitv_order {
    pub(super) fn new(report: &Report, environment: &str, strings: &mut Strings) -> alitv_order {
        let state = report.state as u32;
        alitv_order {
            sequence: report.sequence,
            amount_fen: report.amount_fen.get(),
            created_ms: report.created_ms,
            paid_ms: report.paid_ms.unwrap_or(0),
            state,
            result: report.result.0,
            expires_s: report.expires_s.unwrap_or(0),
            flags: if report.acked { ALITV_FLAG_ACKED } else { 0 },
            order_id: strings.keep(report.order_id.as_str()),
            app_key: strings.keep(report.app_key.as_str()),
            title: strings.keep(&report.title),
            subject_id: strings.keep_some(report.subject_id.as_deref()),
            trade_no: strings.keep_some(report.trade_no.as_deref()),
            qr_text: strings.keep_some(report.qr_text.as_deref()),
            gateway_code: strings.keep_some(report.gateway_code.as_deref()),
            message: strings.keep_some(report.message.as_deref()),
            environment: strings.keep(environment),
            state_name: state_name(state),
        }
    }
}

/// Lists orders, oldest first. Event: ORDERS with `count` entries in `orders`.
///
/// @param which  ALITV_ORDERS_*
/// @param limit  at most this many, up to 100; 0: 100
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_orders(
    client: *mut alitv_client,
    which: u32,
    limit: u32,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    with_client(client, |shared| {
        let which = match which {
            ALITV_ORDERS_UNFINISHED => Which::Unfinished,
            ALITV_ORDERS_OPEN => Which::Open,
            ALITV_ORDERS_UNACKED => Which::Unacked,
            ALITV_ORDERS_ALL => Which::All,
            _ => {
                let text = format!("which is {which}: allowed are ALITV_ORDERS_*, 0 to 3");
                return Err(Refusal::new(Code::INVALID, text));
            }
        };
        let limit = Some(limit as usize).filter(|limit| *limit > 0);
        if let Some(limit) = limit.filter(|limit| *limit > ORDERS_LIST_MAX) {
            let text = format!("limit is {limit}: allowed are 0 to {ORDERS_LIST_MAX}");
            return Err(Refusal::new(Code::INVALID, text));
        }
        let op = shared.client().orders(ListOrders { app_key: None, which, limit }, tag)?;
        // SAFETY: the house rules: an out parameter is NULL or writable.
        unsafe { write_out(out_op, op) };
        Ok(0)
    })
}
