//! Ids that are made here when the caller brings none, on their way out.

use std::ffi::c_char;

use super::asked::Asked;
use super::guard::write_out;
use super::handle::Shared;
use super::pay::{alitv_op, ALITV_ORDER_ID_SIZE};
use crate::client::{Client, Op};
use crate::core::code::{Code, Refusal};
use crate::core::facts::OrderId;
use crate::limits::ORDER_ID_BYTES_MAX;

const _: () = assert!(ALITV_ORDER_ID_SIZE as usize == ORDER_ID_BYTES_MAX + 1);

/// Where the id goes: two fields of a parameter struct.
pub struct IdOut {
    /// Name of the field that says the size.
    pub name: &'static str,
    pub to: *mut c_char,
    pub size: usize,
}

impl IdOut {
    fn check(&self) -> Result<(), Refusal> {
        let IdOut { name, size, .. } = self;
        if *size == 0 || *size >= ALITV_ORDER_ID_SIZE as usize {
            return Ok(());
        }
        let text = format!("{name} is {size}: {ALITV_ORDER_ID_SIZE} bytes are needed");
        Err(Refusal::new(Code::BUFFER, text))
    }

    unsafe fn write(&self, id: &OrderId) {
        if self.to.is_null() {
            return;
        }
        let bytes = id.as_str().as_bytes();
        // SAFETY: an id has at most ORDER_ID_BYTES_MAX bytes, and there is one more for the NUL.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), self.to.cast(), bytes.len());
            self.to.add(bytes.len()).write(0);
        }
    }
}

/// Makes a request under this id, and hands out the id and the op.
///
/// # Safety
/// Out parameters are NULL or writable; `out.to` has `ALITV_ORDER_ID_SIZE` bytes, unless its
/// size says less.
pub unsafe fn ask_under(
    shared: &Shared,
    id: &OrderId,
    out: &IdOut,
    out_op: *mut alitv_op,
    asked: Option<Asked>,
    ask: impl FnOnce(&mut Client) -> Result<Op, Refusal>,
) -> Result<i32, Refusal> {
    out.check()?;
    let op = shared.ask(asked, |client| ask(client).map(Some))?;
    // SAFETY: the caller vouches for it, and the size was checked.
    unsafe {
        out.write(id);
        write_out(out_op, op.unwrap_or_default());
    }
    Ok(0)
}
