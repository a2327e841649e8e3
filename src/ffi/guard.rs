//! What every entry point needs: panics stop here, pointers are checked, parameter structs
//! are read by the caller's size, and the reason of a refusal is kept for `alitv_last_error`
//! on the same thread.

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, CString};
use std::mem::{size_of, MaybeUninit};
use std::panic::{catch_unwind, AssertUnwindSafe};

use super::asked::Asked;
use super::handle::{self, Shared};
use super::init::alitv_client;
use crate::client::{Client, Op};
use crate::core::code::{Code, Refusal};

/// Larger structs will not come to be; a larger number is a struct nobody initialised.
const PARAMS_SIZE_MAX: usize = 4096;

thread_local! {
    static LAST_ERROR: RefCell<CString> = RefCell::default();
    static IN_WAKEUP: Cell<bool> = const { Cell::new(false) };
}

/// Runs the body of an entry point. `Err` and panics become their code; both leave a sentence
/// behind, and success clears it.
pub fn guard(body: impl FnOnce() -> Result<i32, Refusal>) -> i32 {
    let outcome = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|payload| {
        // What was thrown may panic again when it is dropped.
        std::mem::forget(payload);
        Err(Refusal::new(Code::PANIC, "bug in alitv-pay: destroy the client"))
    });
    let (code, text) = match outcome {
        Ok(code) => (code, String::new()),
        Err(refusal) => (refusal.code.0, refusal.message),
    };
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    // During thread exit the slot may be gone; a lost sentence is better than an abort.
    let _ = LAST_ERROR.try_with(|slot| *slot.borrow_mut() = text);
    code
}

/// Runs the body of an entry point that works on a client.
pub fn with_client(
    client: *const alitv_client,
    body: impl FnOnce(&Shared) -> Result<i32, Refusal>,
) -> i32 {
    guard(|| {
        if in_wakeup() {
            let text = "called from the wakeup function, which may only signal";
            return Err(Refusal::new(Code::REENTRANT, text));
        }
        let entered = handle::enter(client).map_err(handle::explain)?;
        entered.check()?;
        match catch_unwind(AssertUnwindSafe(|| body(&entered))) {
            Ok(outcome) => outcome,
            Err(payload) => {
                std::mem::forget(payload);
                entered.poison();
                Err(Refusal::new(Code::PANIC, "bug in alitv-pay: destroy the client"))
            }
        }
    })
}

/// The body of an entry point that makes a request and hands out its op. `asked` has a
/// callback for its refusal.
///
/// # Safety
/// `out_op` is NULL or writable.
pub unsafe fn ask(
    client: *const alitv_client,
    out_op: *mut Op,
    asked: Option<Asked>,
    ask: impl FnOnce(&mut Client) -> Result<Op, Refusal>,
) -> i32 {
    with_client(client, |shared| {
        let op = shared.ask(asked, |client| ask(client).map(Some))?;
        // SAFETY: the caller vouches for it, and a request that is accepted has an op.
        unsafe { write_out(out_op, op.unwrap_or_default()) };
        Ok(0)
    })
}

pub fn last_error() -> *const c_char {
    LAST_ERROR.try_with(|slot| slot.borrow().as_ptr()).unwrap_or(c"".as_ptr())
}

pub fn in_wakeup() -> bool {
    IN_WAKEUP.try_with(Cell::get).unwrap_or(false)
}

/// This thread runs a wakeup function from here on, or does not any more.
pub fn set_in_wakeup(inside: bool) {
    let _ = IN_WAKEUP.try_with(|slot| slot.set(inside));
}

/// Marks `repr(C)` structs that begin with `struct_size: u32`, have no padding, and for which
/// all-zero bytes are a valid value.
///
/// # Safety
/// All three must hold.
pub unsafe trait Params: Copy {
    /// Size in the first release: nothing smaller was ever valid.
    const SIZE_MIN: usize;
}

/// Copies a parameter struct in, as Linux' `copy_struct_from_user` does: an older, shorter
/// one is filled up with zeroes; a newer, longer one is accepted while its tail is zero.
///
/// # Safety
/// `from` is NULL or points to `struct_size` readable bytes.
pub unsafe fn read_params<T: Params>(name: &str, from: *const T) -> Result<T, Refusal> {
    if from.is_null() {
        return Err(Refusal::new(Code::NULL, format!("{name} is NULL")));
    }
    let bytes = from.cast::<u8>();
    // SAFETY: every parameter struct begins with its size.
    let size = unsafe { from.cast::<u32>().read_unaligned() } as usize;
    if size < T::SIZE_MIN || size > PARAMS_SIZE_MAX {
        let text = format!("struct_size of {name} is {size}: use ALITV_STRUCT_INIT");
        return Err(Refusal::new(Code::ABI, text));
    }
    let known = size.min(size_of::<T>());
    // SAFETY: the caller vouches for `size` bytes.
    let tail = unsafe { std::slice::from_raw_parts(bytes.add(known), size - known) };
    if tail.iter().any(|byte| *byte != 0) {
        let text = format!("{name} sets fields that this library does not know");
        return Err(Refusal::new(Code::ABI, text));
    }
    let mut params = MaybeUninit::<T>::zeroed();
    // SAFETY: `known` bytes are readable there and writable here; all-zero is a valid T.
    unsafe {
        std::ptr::copy_nonoverlapping(bytes, params.as_mut_ptr().cast(), known);
        Ok(params.assume_init())
    }
}

/// Reads an optional string of at most `bytes_max` bytes, never looking further than that.
///
/// # Safety
/// `from` is NULL or points to a NUL-terminated string.
pub unsafe fn read_str(
    name: &str,
    from: *const c_char,
    bytes_max: usize,
) -> Result<Option<String>, Refusal> {
    if from.is_null() {
        return Ok(None);
    }
    // SAFETY: byte by byte up to the NUL, which the caller vouches for.
    let len = (0..=bytes_max).find(|at| unsafe { *from.add(*at) } == 0);
    let Some(len) = len else {
        let text = format!("{name} is longer than {bytes_max} bytes");
        return Err(Refusal::new(Code::STRING, text));
    };
    // SAFETY: `len` bytes and their NUL were just seen.
    let bytes = unsafe { std::slice::from_raw_parts(from.cast::<u8>(), len) };
    match std::str::from_utf8(bytes) {
        Ok(text) => Ok(Some(text.to_owned())),
        Err(error) => {
            let text = format!("{name} is not UTF-8 at byte {}", error.valid_up_to());
            Err(Refusal::new(Code::STRING, text))
        }
    }
}

/// `read_str` for a string that must be there.
///
/// # Safety
/// As `read_str`.
pub unsafe fn need_str(
    name: &str,
    from: *const c_char,
    bytes_max: usize,
) -> Result<String, Refusal> {
    // SAFETY: handed on.
    let text = unsafe { read_str(name, from, bytes_max) }?;
    text.ok_or_else(|| Refusal::new(Code::NULL, format!("{name} is NULL")))
}

/// Reads a list of strings; the name of an entry is such as `keys[0]`.
///
/// # Safety
/// `from` is NULL or points to `len` entries, each of them as for `read_str`.
pub unsafe fn read_list(
    name: &str,
    from: *const *const c_char,
    len: usize,
    bytes_max: usize,
) -> Result<Vec<String>, Refusal> {
    if from.is_null() && len > 0 {
        return Err(Refusal::new(Code::NULL, format!("{name} is NULL")));
    }
    // SAFETY: the caller vouches for `len` entries.
    let entry = |at| unsafe { need_str(&format!("{name}[{at}]"), *from.add(at), bytes_max) };
    (0..len).map(entry).collect()
}

/// Names the caller's field in a refusal by a type that serves several.
pub fn named(name: &str) -> impl Fn(Refusal) -> Refusal + '_ {
    move |refusal| {
        let rest = refusal.message.split_once(' ').map_or("", |words| words.1);
        Refusal::new(refusal.code, format!("{name} {rest}"))
    }
}

/// A bound of a number.
pub fn within(name: &str, value: u32, least: u32, most: u32) -> Result<u32, Refusal> {
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(Refusal::new(Code::INVALID, format!("{name} is {value}: allowed are {least} to {most}")))
}

/// Writes an out parameter that may be NULL.
///
/// # Safety
/// `to` is NULL or points to a writable T.
pub unsafe fn write_out<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: the caller vouches for it.
        unsafe { to.write(value) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CStr;

    #[repr(C)]
    #[derive(Clone, Copy)]
    struct V1 {
        struct_size: u32,
        flags: u32,
    }
    #[repr(C)]
    #[derive(Clone, Copy)]
    struct V2 {
        struct_size: u32,
        flags: u32,
        amount: i64,
    }
    // SAFETY: size first, no padding, integers only.
    unsafe impl Params for V1 {
        const SIZE_MIN: usize = 8;
    }
    // SAFETY: size first, no padding, integers only.
    unsafe impl Params for V2 {
        const SIZE_MIN: usize = 8;
    }

    fn code<T>(outcome: Result<T, Refusal>) -> Code {
        outcome.err().map_or(Code::OK, |refusal| refusal.code)
    }

    #[test]
    fn structs_of_older_and_newer_callers_are_read() {
        // SAFETY: the structs are as long as they say, but for sizes that are refused unread.
        unsafe {
            let old = V1 { struct_size: 8, flags: 7 };
            let filled = read_params::<V2>("p", (&raw const old).cast()).unwrap();
            assert_eq!((filled.struct_size, filled.flags, filled.amount), (8, 7, 0));
            let mut new = V2 { struct_size: 16, flags: 7, amount: 0 };
            assert_eq!(read_params::<V1>("p", (&raw const new).cast()).unwrap().flags, 7);
            new.amount = 1;
            assert_eq!(code(read_params::<V1>("p", (&raw const new).cast())), Code::ABI);
            for bad in [0, 4, 7, 4097, u32::MAX] {
                let short = V1 { struct_size: bad, flags: 0 };
                assert_eq!(code(read_params("p", &raw const short)), Code::ABI);
            }
            assert_eq!(code(read_params::<V1>("p", std::ptr::null())), Code::NULL);
        }
    }

    #[test]
    fn strings_are_read_up_to_their_bound() {
        // SAFETY: all are terminated but one, which is longer than its bound.
        unsafe {
            assert_eq!(read_str("t", c"abc".as_ptr(), 3).unwrap().as_deref(), Some("abc"));
            let unterminated = [b'a'; 4];
            assert_eq!(code(read_str("t", unterminated.as_ptr().cast(), 3)), Code::STRING);
            let bad = read_str("t", c"a\xff".as_ptr(), 9).unwrap_err();
            assert_eq!(bad.message, "t is not UTF-8 at byte 1");
            assert_eq!(read_str("t", std::ptr::null(), 9), Ok(None));
            assert_eq!(code(need_str("t", std::ptr::null(), 9)), Code::NULL);
        }
    }

    #[test]
    fn a_panic_becomes_a_code_and_a_sentence() {
        // SAFETY: the text lives until the next call on this thread.
        let text = || unsafe { CStr::from_ptr(last_error()) }.to_str().unwrap().to_owned();
        let refuse = || Err(Refusal::new(Code::NULL, "client is NULL"));
        assert_eq!(guard(refuse), Code::NULL.0);
        assert_eq!(text(), "client is NULL");
        assert_eq!(guard(|| panic!("boom")), Code::PANIC.0);
        assert!(text().starts_with("bug"));
        assert_eq!(guard(|| Ok(3)), 3);
        assert_eq!(text(), "");
        guard(refuse);
        // SAFETY: as above.
        std::thread::spawn(|| assert_eq!(unsafe { *last_error() }, 0)).join().unwrap();
    }
}
