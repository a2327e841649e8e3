//! pay

use std::ffi::c_char;

use super::guard::{ask, named, need_str, read_params, read_str, with_client, Params};
use super::handle::Shared;
use super::ids::{ask_under, IdOut};
use super::init::alitv_client;
use super::results::alitv_result;
use crate::client::{order_id, Client};
use crate::core::code::{Code, Refusal};
use crate::core::facts::OrderId;
use crate::ipc::proto::Pay;
use crate::limits::{
    NOTIFY_URL_BYTES_MAX, ORDER_ID_BYTES_MAX, SUBJECT_ID_CHARS_MAX, TITLE_CHARS_MAX,
};
use crate::money::{Fen, FenError};

/// Identifies one accepted request within a client. Never 0, never reused.
pub type alitv_op = u64;

/// Room for any order id and its NUL.
pub const ALITV_ORDER_ID_SIZE: u32 = 65;

/// Parameters of alitv_pay. Zero means default for every field but title and amount_fen.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alitv_pay_params {
    /// sizeof(alitv_pay_params) as the caller was compiled; set by ALITV_STRUCT_INIT.
    pub struct_size: u32,
    /// Seconds until the code expires, 30 to 7200. 0: the gateway's default.
    pub expires_s: u32,
    /// Total in fen (CNY 0.01): 1 to 99999999.
    pub amount_fen: i64,
    /// The merchant's order number, 1 to 64 of [A-Za-z0-9_-], stored by the game before it
    /// asks. Repeating it with the same facts resumes that order and never charges twice;
    /// with other facts it is ALITV_E_CONFLICT. It must not begin with "draw-" or "gift-".
    /// NULL: made here, see order_id_out.
    pub order_id: *const c_char,
    /// Shown to the payer: 1 to 128 characters, no control characters. Required.
    pub title: *const c_char,
    /// Merchant's product id, 1 to 64 characters. May be NULL.
    pub subject_id: *const c_char,
    /// Server-to-server notification URL, up to 1024 bytes. May be NULL.
    pub notify_url: *const c_char,
    /// Receives the order id on ALITV_OK. May be NULL.
    pub order_id_out: *mut c_char,
    /// Bytes at order_id_out; at least ALITV_ORDER_ID_SIZE, which 0 stands for.
    pub order_id_out_size: usize,
}

// SAFETY: size first, no padding on 32 and 64 bit, integers and pointers only.
unsafe impl Params for alitv_pay_params {
    const SIZE_MIN: usize = size_of::<alitv_pay_params>();
}

/// Starts or resumes a payment. ALITV_OK: it is queued here and is sent as soon as the engine
/// is there. Events: ORDER with this op once the engine has written it to its journal (from
/// then on it survives a crash of the game, the engine or the box); then QR, then ORDER until
/// final. If the engine refuses it: REPLY with this op.
///
/// ALITV_E_ON_SCREEN: another payment of this client is CREATED, PENDING or SCANNED and no
/// cancel of it is on the way; see alitv_options.multiple.
///
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_pay(
    client: *mut alitv_client,
    params: *const alitv_pay_params,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    with_client(client, |shared| {
        // SAFETY: the house rules: structs are as long as they say, strings end in NUL, out
        // parameters are NULL or writable.
        unsafe { pay(shared, &read_params("params", params)?, tag, out_op) }
    })
}

/// The same for a payment that the merchant's server has begun (payFromServer): order_id, which
/// the server has made, and notify_url are required.
///
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_pay_from_server(
    client: *mut alitv_client,
    params: *const alitv_pay_params,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    with_client(client, |shared| {
        // SAFETY: as in `alitv_pay`.
        unsafe {
            let params = read_params("params", params)?;
            let needed = [("order_id", params.order_id), ("notify_url", params.notify_url)];
            if let Some((name, _)) = needed.iter().find(|field| field.1.is_null()) {
                let text = format!("{name} is NULL: alitv_pay_from_server needs it");
                return Err(Refusal::new(Code::NULL, text));
            }
            pay(shared, &params, tag, out_op)
        }
    })
}

unsafe fn pay(
    shared: &Shared,
    params: &alitv_pay_params,
    tag: u64,
    out_op: *mut alitv_op,
) -> Result<i32, Refusal> {
    let (to, size) = (params.order_id_out, params.order_id_out_size);
    let out = IdOut { name: "order_id_out_size", to, size };
    // SAFETY: handed on.
    unsafe {
        let pay = read_pay(params)?;
        let id = pay.order_id.clone();
        ask_under(shared, &id, &out, out_op, None, |client| client.pay(pay, tag))
    }
}

unsafe fn read_pay(params: &alitv_pay_params) -> Result<Pay, Refusal> {
    // SAFETY: handed on.
    unsafe {
        let id = read_str("order_id", params.order_id, ORDER_ID_BYTES_MAX)?;
        let title = need_str("title", params.title, 4 * TITLE_CHARS_MAX)?;
        let subject_id = read_str("subject_id", params.subject_id, 4 * SUBJECT_ID_CHARS_MAX)?;
        let notify_url = read_str("notify_url", params.notify_url, NOTIFY_URL_BYTES_MAX)?;
        Ok(Pay {
            app_key: None,
            order_id: id.map_or_else(order_id::make, OrderId::new)?,
            title,
            amount_fen: read_amount("amount_fen", params.amount_fen)?,
            subject_id,
            notify_url,
            expires_s: Some(params.expires_s).filter(|seconds| *seconds != 0),
        })
    }
}

/// An amount of fen; the refusal names the field.
pub(super) fn read_amount(name: &str, fen: i64) -> Result<Fen, Refusal> {
    let invalid = |error: FenError| Refusal::new(Code::INVALID, error.to_string());
    Fen::new(fen).map_err(invalid).map_err(named(name))
}

/// A request about one order.
unsafe fn about_order(
    client: *mut alitv_client,
    order_id: *const c_char,
    out_op: *mut alitv_op,
    about: impl FnOnce(&mut Client, &OrderId) -> Result<alitv_op, Refusal>,
) -> alitv_result {
    // SAFETY: the house rules: a string is NUL-terminated, an out parameter writable.
    unsafe {
        ask(client, out_op, None, |client| {
            let id = need_str("order_id", order_id, ORDER_ID_BYTES_MAX)?;
            about(client, &OrderId::new(id)?)
        })
    }
}

/// Asks to close an unpaid order. Events: REPLY, then ORDER: CLOSING at once, and CANCELLED
/// when it is certain that it cannot be paid any more. If the player was faster it is PAID.
///
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_cancel(
    client: *mut alitv_client,
    order_id: *const c_char,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    // SAFETY: handed on.
    unsafe { about_order(client, order_id, out_op, |client, id| client.cancel(id, tag)) }
}

/// Asks how an order stands, and the engine to look at the gateway now if it is not final.
/// Event: ORDER with this op, from what the engine knows; news follow as further ORDERs.
///
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_query(
    client: *mut alitv_client,
    order_id: *const c_char,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    // SAFETY: handed on.
    unsafe { about_order(client, order_id, out_op, |client, id| client.query(id, tag)) }
}

/// Says that what a final ORDER, DRAW or GIFT event reported was handled and stored (goods
/// delivered). Until then it is told again: after every ONLINE, and at growing intervals from
/// one second to one hour. Repeating it is harmless. Event: REPLY.
///
/// @param order_id of the event; that of a draw is its draw_id, that of a gift its id
/// @param sequence of the event that was handled; a later one stays unacknowledged
/// @param out_op   may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_ack(
    client: *mut alitv_client,
    order_id: *const c_char,
    sequence: u64,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    // SAFETY: handed on.
    unsafe { about_order(client, order_id, out_op, |client, id| client.ack(id, sequence, tag)) }
}
