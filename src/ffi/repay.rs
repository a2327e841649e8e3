//! repay

use std::ffi::c_char;

use super::guard::{need_str, read_params, read_str, with_client, Params};
use super::ids::{ask_under, IdOut};
use super::init::alitv_client;
use super::pay::{alitv_op, read_amount};
use super::results::alitv_result;
use crate::client::order_id;
use crate::core::code::{Code, Refusal};
use crate::core::facts::{Interval, OrderId};
use crate::ipc::proto::Repay;
use crate::limits::{
    DESCRIPTION_CHARS_MAX, NOTIFY_URL_BYTES_MAX, ORDER_ID_BYTES_MAX, SUBJECT_ID_CHARS_MAX,
    TITLE_CHARS_MAX,
};
use crate::money::Fen;

/// Charged every month, at most 12 times.
pub const ALITV_INTERVAL_MONTH: u32 = 1;
/// Charged every three months, at most 4 times.
pub const ALITV_INTERVAL_SEASON: u32 = 2;

/// Parameters of alitv_repay. Zero means default for those that may be NULL and for expires_s.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alitv_repay_params {
    /// sizeof(alitv_repay_params) as the caller was compiled; set by ALITV_STRUCT_INIT.
    pub struct_size: u32,
    /// ALITV_INTERVAL_*. Required.
    pub interval: u32,
    /// Seconds until the code expires, 30 to 7200. 0: the gateway's default.
    pub expires_s: u32,
    /// Entries of prices_fen: 1 to 12 by month, 1 to 4 by season.
    pub prices_len: u32,
    /// What each charge costs in fen, this one first: 1 to 99999999 each. Required.
    pub prices_fen: *const i64,
    /// As in alitv_pay_params.
    pub order_id: *const c_char,
    /// What is bought: 1 to 128 characters, no control characters. Required.
    pub title: *const c_char,
    /// Name of the subscription, such as a monthly pass: as title. Required.
    pub subject: *const c_char,
    /// What the subscriber is entitled to, 1 to 256 characters. May be NULL.
    pub description: *const c_char,
    /// Merchant's product id, 1 to 64 characters. May be NULL; then nothing can be won by
    /// paying.
    pub subject_id: *const c_char,
    /// Server-to-server notification URL, up to 1024 bytes. Required.
    pub notify_url: *const c_char,
    /// Receives the order id on ALITV_OK. May be NULL.
    pub order_id_out: *mut c_char,
    /// Bytes at order_id_out; at least ALITV_ORDER_ID_SIZE, which 0 stands for.
    pub order_id_out_size: usize,
}

// SAFETY: size first, no padding on 32 and 64 bit, integers and pointers only.
unsafe impl Params for alitv_repay_params {
    const SIZE_MIN: usize = size_of::<alitv_repay_params>();
}

/// Starts or resumes a subscription (repayFromServer): asks for its first charge, prices_fen[0].
/// Later charges are started by the merchant's server. Events, callbacks and errors as for
/// alitv_pay. An app that may not sell subscriptions: FAILED with gateway_code
/// "RENEWAL_ORDER_NOT_ALLOWED".
///
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_repay(
    client: *mut alitv_client,
    params: *const alitv_repay_params,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    with_client(client, |shared| {
        // SAFETY: the house rules: structs are as long as they say, strings end in NUL, out
        // parameters are NULL or writable.
        unsafe {
            let params = read_params("params", params)?;
            let repay = read_repay(&params)?;
            let (to, size) = (params.order_id_out, params.order_id_out_size);
            let out = IdOut { name: "order_id_out_size", to, size };
            let id = repay.order_id.clone();
            ask_under(shared, &id, &out, out_op, None, |client| client.repay(repay, tag))
        }
    })
}

unsafe fn read_repay(params: &alitv_repay_params) -> Result<Repay, Refusal> {
    let interval = match params.interval {
        ALITV_INTERVAL_MONTH => Interval::Month,
        ALITV_INTERVAL_SEASON => Interval::Season,
        other => {
            let text = format!("interval is {other}: allowed are ALITV_INTERVAL_*, 1 and 2");
            return Err(Refusal::new(Code::INVALID, text));
        }
    };
    // SAFETY: handed on.
    unsafe {
        let id = read_str("order_id", params.order_id, ORDER_ID_BYTES_MAX)?;
        Ok(Repay {
            app_key: None,
            order_id: id.map_or_else(order_id::make, OrderId::new)?,
            title: need_str("title", params.title, 4 * TITLE_CHARS_MAX)?,
            subject: need_str("subject", params.subject, 4 * TITLE_CHARS_MAX)?,
            interval,
            prices_fen: read_prices(params, interval)?,
            description: read_str("description", params.description, 4 * DESCRIPTION_CHARS_MAX)?,
            subject_id: read_str("subject_id", params.subject_id, 4 * SUBJECT_ID_CHARS_MAX)?,
            notify_url: need_str("notify_url", params.notify_url, NOTIFY_URL_BYTES_MAX)?,
            expires_s: Some(params.expires_s).filter(|seconds| *seconds != 0),
        })
    }
}

unsafe fn read_prices(params: &alitv_repay_params, by: Interval) -> Result<Vec<Fen>, Refusal> {
    let (len, most) = (params.prices_len as usize, by.charges_max());
    if len == 0 || len > most {
        let text = format!("prices_len is {len}: allowed are 1 to {most} by {}", by.name());
        return Err(Refusal::new(Code::INVALID, text));
    }
    if params.prices_fen.is_null() {
        return Err(Refusal::new(Code::NULL, "prices_fen is NULL"));
    }
    // SAFETY: the caller vouches for `prices_len` entries.
    let price = |at| unsafe { *params.prices_fen.add(at) };
    (0..len).map(|at| read_amount(&format!("prices_fen[{at}]"), price(at))).collect()
}
