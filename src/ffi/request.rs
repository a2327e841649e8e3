//! request

use std::ffi::c_char;

use serde_json::value::RawValue;

use super::guard::{need_str, read_str, with_client, write_out};
use super::init::alitv_client;
use super::pay::alitv_op;
use super::results::alitv_result;
use crate::core::code::{Code, Refusal};
use crate::limits::{LINE_BYTES_MAX, METHOD_BYTES_MAX};

/// Sends any method of the daemon protocol, such as "status". Event: REPLY with json. Unlike
/// the typed calls it is not repeated: if the engine goes away before the answer, the REPLY
/// is ALITV_E_OFFLINE and it may or may not have been carried out. "hello", "watch" and
/// "unwatch" belong to the client itself.
///
/// @param method      1 to 64 bytes
/// @param params_json a JSON object, or NULL for none; the whole request is at most 65536
///                    bytes
/// @param out_op      may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_request(
    client: *mut alitv_client,
    method: *const c_char,
    params_json: *const c_char,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    with_client(client, |shared| {
        // SAFETY: the house rules: a string is NULL or NUL-terminated.
        let (method, params) = unsafe {
            (
                need_str("method", method, METHOD_BYTES_MAX)?,
                read_str("params_json", params_json, LINE_BYTES_MAX)?,
            )
        };
        let params = params.map(RawValue::from_string).transpose().map_err(|error| {
            Refusal::new(Code::INVALID, format!("params_json is not JSON: {error}"))
        })?;
        let op = shared.client().request(&method, params.as_deref(), tag)?;
        // SAFETY: the house rules: an out parameter is NULL or writable.
        unsafe { write_out(out_op, op) };
        Ok(0)
    })
}
