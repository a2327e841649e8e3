//! callbacks

use std::ffi::{c_char, c_int, c_void};

use super::events::{alitv_event, enter_to_pump, wait_for_event};
use super::guard::{guard, read_params, with_client, Params};
use super::handle::{lock, Entered};
use super::init::alitv_client;
use super::results::{alitv_result, alitv_strerror};
use crate::client::{Event, Kind};
use crate::core::code::{Code, Refusal};
use crate::core::report::{Report, State};
use crate::limits::DISPATCH_MAX;

/// The callbacks of a client: the listeners of the Java SDK as one table. NULL for those that
/// are not wanted. They run inside alitv_dispatch, on the thread that called it, with no lock
/// held; they may call any function but alitv_next_event and alitv_dispatch. alitv_destroy
/// takes effect once the callback has returned, and no other callback runs. They must not
/// throw, longjmp or exit the thread.
///
/// `event` is the whole event, valid until the callback returns; `user_data` is what
/// alitv_set_callbacks was given. Strings are never NULL.
///
/// Who acknowledges: on_pay_success by its return value; if it is NULL, nobody but alitv_ack.
/// The other final states are acknowledged when their callback returns, and at once if both
/// their callback and on_event are NULL.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alitv_callbacks {
    /// sizeof(alitv_callbacks) as the caller was compiled; set by ALITV_STRUCT_INIT.
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Every event, before the callback that is named after it. Acknowledges nothing.
    pub on_event: Option<unsafe extern "C" fn(event: *const alitv_event, user_data: *mut c_void)>,
    /// The engine answered for the first time.
    pub on_init_finish: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
    /// The engine has not answered yet, and why. Not the end: the library keeps trying, and
    /// on_init_finish follows when it does.
    pub on_init_error: Option<
        unsafe extern "C" fn(code: alitv_result, text: *const c_char, user_data: *mut c_void),
    >,
    /// Show this code.
    pub on_qr: Option<
        unsafe extern "C" fn(
            order_id: *const c_char,
            qr_text: *const c_char,
            expires_s: u32,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// PAID. Store order_id and goods in one transaction, unless order_id is stored already,
    /// and return non-zero when that is done: this acknowledges it. Return 0 if it could not
    /// be stored: it comes again.
    pub on_pay_success: Option<
        unsafe extern "C" fn(
            order_id: *const c_char,
            title: *const c_char,
            amount_fen: i64,
            event: *const alitv_event,
            user_data: *mut c_void,
        ) -> c_int,
    >,
    /// FAILED, REFUNDED (code ALITV_E_REFUNDED), or the engine did not accept a payment that
    /// alitv_pay had queued. Never called because an outcome is unknown.
    pub on_pay_error: Option<
        unsafe extern "C" fn(
            code: alitv_result,
            title: *const c_char,
            amount_fen: i64,
            text: *const c_char,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// CANCELLED or EXPIRED; the event's state says which.
    pub on_pay_cancel: Option<
        unsafe extern "C" fn(
            title: *const c_char,
            amount_fen: i64,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
}

// SAFETY: size first, no padding on 32 and 64 bit, integers and nullable pointers only.
unsafe impl Params for alitv_callbacks {
    const SIZE_MIN: usize = size_of::<alitv_callbacks>();
}

/// What `alitv_set_callbacks` left, and what was told.
#[derive(Default)]
pub struct Table {
    set: Option<Set>,
    was_online: bool,
}

#[derive(Clone, Copy)]
struct Set {
    callbacks: alitv_callbacks,
    user_data: *mut c_void,
}

// SAFETY: the pointers are handed back to the caller's own functions, never used here; the
// header says on which thread.
unsafe impl Send for Set {}

/// Registers the callbacks of alitv_dispatch in place of those before; also from inside one.
///
/// @param callbacks filled after ALITV_STRUCT_INIT; copied. NULL removes all
/// @param user_data handed to each
#[no_mangle]
pub unsafe extern "C" fn alitv_set_callbacks(
    client: *mut alitv_client,
    callbacks: *const alitv_callbacks,
    user_data: *mut c_void,
) -> alitv_result {
    with_client(client, |shared| {
        let mut set = None;
        if !callbacks.is_null() {
            // SAFETY: the house rules: a struct is as long as it says.
            let callbacks = unsafe { read_params("callbacks", callbacks) }?;
            if callbacks.reserved != 0 {
                return Err(Refusal::new(Code::ABI, "callbacks.reserved is not 0"));
            }
            set = Some(Set { callbacks, user_data });
        }
        lock(&shared.callbacks).set = set;
        Ok(0)
    })
}

/// Waits up to timeout_ms (0: not at all, negative: without limit) for an event, then runs the
/// callbacks for what is queued, at most 256 events. Call it once per frame with 0. One thread
/// at a time. Without callbacks it is ALITV_E_NULL, and the events stay queued.
///
/// @return how many events were delivered, or a negative ALITV_E_*
#[no_mangle]
pub unsafe extern "C" fn alitv_dispatch(client: *mut alitv_client, timeout_ms: i32) -> i32 {
    guard(|| {
        let entered = enter_to_pump(client)?;
        let outcome = dispatch(&entered, timeout_ms);
        entered.leave_dispatch();
        outcome
    })
}

fn dispatch(entered: &Entered, timeout_ms: i32) -> Result<i32, Refusal> {
    let _pumping = entered.pump()?;
    let mut count = 0;
    while count < DISPATCH_MAX as i32 {
        if lock(&entered.callbacks).set.is_none() {
            if count > 0 {
                break;
            }
            return Err(Refusal::new(Code::NULL, "no callbacks: see alitv_set_callbacks"));
        }
        let next = match count {
            0 => wait_for_event(entered, timeout_ms)?,
            _ => entered.next_event(),
        };
        let Some(event) = next else { break };
        deliver(entered, &event);
        count += 1;
        if entered.is_closing() {
            return Ok(count);
        }
    }
    entered.rearm_wakeup();
    Ok(count)
}

/// Runs the callbacks of one event and acknowledges what they settle.
fn deliver(entered: &Entered, event: &Event) {
    let was_online = {
        let mut table = lock(&entered.callbacks);
        let before = table.was_online;
        table.was_online |= event.kind == Kind::Online;
        before
    };
    let pointer = lock(&entered.holder).hold(event);
    if let Some(Set { callbacks, user_data }) = current(entered) {
        if let Some(on_event) = callbacks.on_event {
            // SAFETY: the caller's function, with what its type says; no lock is held.
            unsafe { on_event(pointer, user_data) };
        }
    }
    // on_event may have changed the table or destroyed the client.
    let Some(set) = current(entered) else { return };
    match (event.kind, &event.report) {
        (Kind::Online, _) if !was_online => set.init_finish(),
        (Kind::Offline, _) if !was_online => set.init_error(event.result, pointer),
        (Kind::Qr, _) => set.qr(pointer),
        (Kind::Order, Some(report)) if report.state.is_final() => {
            finish_order(entered, &set, report, event.result, pointer);
        }
        (Kind::Reply, _) if event.refused.is_some() => {
            set.pay_error(event.result, pointer);
        }
        _ => {}
    }
}

fn current(entered: &Entered) -> Option<Set> {
    if entered.is_closing() {
        return None;
    }
    lock(&entered.callbacks).set
}

fn finish_order(
    entered: &Entered,
    set: &Set,
    report: &Report,
    result: Code,
    event: *const alitv_event,
) {
    let stored = match report.state {
        State::Paid => set.pay_success(event),
        State::Cancelled | State::Expired => set.pay_cancel(event),
        _ => set.pay_error(result, event),
    };
    // A client that was destroyed meanwhile acks as well: the goods are stored.
    if stored && !report.acked {
        // Refused means that too many wait; the engine will tell the state again.
        let _ = entered.client().ack_silently(&report.order_id, report.sequence);
    }
}

impl Set {
    fn init_finish(&self) {
        if let Some(callback) = self.callbacks.on_init_finish {
            // SAFETY: the caller's function, with what its type says; no lock is held.
            unsafe { callback(self.user_data) };
        }
    }

    fn init_error(&self, code: Code, event: *const alitv_event) {
        if let Some(callback) = self.callbacks.on_init_error {
            // SAFETY: as above; the event is held until the next one.
            unsafe { callback(code.0, text(event), self.user_data) };
        }
    }

    fn qr(&self, event: *const alitv_event) {
        if let Some(callback) = self.callbacks.on_qr {
            // SAFETY: as above.
            unsafe {
                let about = &*event;
                callback(about.order_id, about.qr_text, about.expires_s, event, self.user_data);
            }
        }
    }

    /// Whether the goods are stored.
    fn pay_success(&self, event: *const alitv_event) -> bool {
        let Some(callback) = self.callbacks.on_pay_success else { return false };
        // SAFETY: as above.
        unsafe {
            let about = &*event;
            callback(about.order_id, about.title, about.amount_fen, event, self.user_data) != 0
        }
    }

    /// Whether somebody who could have wanted to know was told, or nobody wants to.
    fn pay_error(&self, code: Code, event: *const alitv_event) -> bool {
        let Some(callback) = self.callbacks.on_pay_error else {
            return self.callbacks.on_event.is_none();
        };
        // SAFETY: as above.
        unsafe {
            let about = &*event;
            callback(code.0, about.title, about.amount_fen, text(event), event, self.user_data);
        }
        true
    }

    /// As `pay_error`.
    fn pay_cancel(&self, event: *const alitv_event) -> bool {
        let Some(callback) = self.callbacks.on_pay_cancel else {
            return self.callbacks.on_event.is_none();
        };
        // SAFETY: as above.
        unsafe {
            let about = &*event;
            callback(about.title, about.amount_fen, event, self.user_data);
        }
        true
    }
}

/// The event's own words, or those of its result.
unsafe fn text(event: *const alitv_event) -> *const c_char {
    // SAFETY: the event is held, and its strings are NUL-terminated.
    unsafe {
        if *(*event).message == 0 {
            return alitv_strerror((*event).result);
        }
        (*event).message
    }
}
