//! orders

use std::ffi::c_char;

use super::guard::{ask, within};
use super::init::alitv_client;
use super::kept::{count, Kept};
use super::lottery::alitv_award;
use super::pay::alitv_op;
use super::results::alitv_result;
use super::states::alitv_state;
use super::strings::state_name;
use crate::core::code::{Code, Refusal};
use crate::core::facts::Interval;
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

/// The order, draw or gift is final and was acknowledged.
pub const ALITV_FLAG_ACKED: u32 = 1;
/// ORDERS, ACTIVITIES, GIFTS: there are more than were listed.
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
    /// First charge of a subscription: ALITV_INTERVAL_*. Otherwise 0.
    pub interval: u32,
    /// Entries of awards.
    pub awards_count: u32,
    /// "month", "season" or "".
    pub interval_name: *const c_char,
    /// PAID: what the payer won by paying. Deliver it with the goods.
    pub awards: *const *const alitv_award,
}

impl alitv_order {
    pub(super) fn new(report: &Report, environment: &str, kept: &mut Kept) -> alitv_order {
        let state = report.state as u32;
        let interval_name = report.interval.map(Interval::name);
        alitv_order {
            sequence: report.sequence,
            amount_fen: report.amount_fen.get(),
            created_ms: report.created_ms,
            paid_ms: report.paid_ms.unwrap_or(0),
            state,
            result: report.result.0,
            expires_s: report.expires_s.unwrap_or(0),
            flags: if report.acked { ALITV_FLAG_ACKED } else { 0 },
            order_id: kept.text(report.order_id.as_str()),
            app_key: kept.text(report.app_key.as_str()),
            title: kept.text(&report.title),
            subject_id: kept.some_text(report.subject_id.as_deref()),
            trade_no: kept.some_text(report.trade_no.as_deref()),
            qr_text: kept.some_text(report.qr_text.as_deref()),
            gateway_code: kept.some_text(report.gateway_code.as_deref()),
            message: kept.some_text(report.message.as_deref()),
            environment: kept.text(environment),
            state_name: state_name(state),
            interval: report.interval.map_or(0, |interval| interval as u32),
            awards_count: count(&report.awards),
            interval_name: kept.some_text(interval_name),
            awards: alitv_award::list(&report.awards, kept),
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
    // SAFETY: the house rules: an out parameter is NULL or writable.
    unsafe {
        ask(client, out_op, None, |client| {
            let which = read_which(which)?;
            let limit = within("limit", limit, 0, ORDERS_LIST_MAX as u32)? as usize;
            let limit = Some(limit).filter(|limit| *limit > 0);
            client.orders(ListOrders { app_key: None, which, limit }, tag)
        })
    }
}

fn read_which(which: u32) -> Result<Which, Refusal> {
    match which {
        ALITV_ORDERS_UNFINISHED => Ok(Which::Unfinished),
        ALITV_ORDERS_OPEN => Ok(Which::Open),
        ALITV_ORDERS_UNACKED => Ok(Which::Unacked),
        ALITV_ORDERS_ALL => Ok(Which::All),
        _ => {
            let text = format!("which is {which}: allowed are ALITV_ORDERS_*, 0 to 3");
            Err(Refusal::new(Code::INVALID, text))
        }
    }
}
