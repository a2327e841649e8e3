//! qr

use std::ffi::c_char;

use super::guard::{guard, need_str, with_client, write_out};
use super::init::alitv_client;
use super::results::alitv_result;
use crate::cashier::qr::encode;
use crate::core::code::{Code, Refusal};
use crate::limits::{LINK_BYTES_MAX, QR_ENCODE_BYTES_MAX};

/// Room for the largest code: 177 * 177 modules.
pub const ALITV_QR_SIZE_MAX: u32 = 31329;

/// Room for any text of alitv_get_qr_url and its NUL.
pub const ALITV_QR_URL_SIZE: u32 = 1025;

const _: () = assert!(ALITV_QR_URL_SIZE as usize == LINK_BYTES_MAX + 1);

/// Text for a QR code that leads to the app's goods on a phone (getQRUrl), as the engine last
/// told it: no call goes out, nothing waits. "" if the platform has none.
///
/// ALITV_E_NOT_READY: not known before the engine has answered and asked the platform.
///
/// @param buffer      receives the text and its NUL
/// @param buffer_size bytes there; ALITV_QR_URL_SIZE always suffices. Too few are
///                    ALITV_E_BUFFER, and alitv_last_error says how many are needed
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_get_qr_url(
    client: *mut alitv_client,
    buffer: *mut c_char,
    buffer_size: usize,
) -> alitv_result {
    with_client(client, |shared| {
        if buffer.is_null() {
            return Err(Refusal::new(Code::NULL, "buffer is NULL"));
        }
        let url = shared.client().qr_url()?;
        if url.len() >= buffer_size {
            let text = format!("buffer_size is {buffer_size}: {} are needed", url.len() + 1);
            return Err(Refusal::new(Code::BUFFER, text));
        }
        // SAFETY: there is room for the text and its NUL, which the caller vouches for.
        unsafe {
            std::ptr::copy_nonoverlapping(url.as_ptr(), buffer.cast(), url.len());
            buffer.add(url.len()).write(0);
        }
        Ok(0)
    })
}

/// Renders text as a QR code of level M: one byte per module, 1 is dark, row by row, without a
/// border. Draw at least 4 light modules around it, and dark on light.
///
/// @param text        1 to 2331 bytes of UTF-8, such as an event's qr_text
/// @param modules     at least side * side bytes; ALITV_QR_SIZE_MAX always suffices. May be
///                    NULL if modules_len is 0
/// @param modules_len bytes there
/// @param out_side    modules per row, 21 to 177; also set on ALITV_E_BUFFER. May be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_qr_encode(
    text: *const c_char,
    modules: *mut u8,
    modules_len: usize,
    out_side: *mut u32,
) -> alitv_result {
    guard(|| {
        // SAFETY: the house rules: a string is NUL-terminated.
        let text = unsafe { need_str("text", text, QR_ENCODE_BYTES_MAX) }?;
        if modules.is_null() && modules_len > 0 {
            return Err(Refusal::new(Code::NULL, "modules is NULL"));
        }
        let code = encode(&text)?;
        let side = code.side();
        // SAFETY: the house rules: an out parameter is NULL or writable.
        unsafe { write_out(out_side, side as u32) };
        if modules_len < side * side {
            let text = format!("modules_len is {modules_len}: {} are needed", side * side);
            return Err(Refusal::new(Code::BUFFER, text));
        }
        for at in 0..side * side {
            // SAFETY: `at` is below `modules_len`, and the caller vouches for that many.
            unsafe { modules.add(at).write(u8::from(code.dark(at % side, at / side))) };
        }
        Ok(0)
    })
}
