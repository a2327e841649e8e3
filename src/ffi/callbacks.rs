//! callbacks

use std::ffi::{c_char, c_int, c_void};
use std::mem::offset_of;

use super::account::alitv_user;
use super::deliver::{deliver, Set};
use super::events::{alitv_event, enter_to_pump, wait_for_event};
use super::gifts::{alitv_gift, alitv_gift_taking};
use super::guard::{guard, read_params, with_client, Params};
use super::handle::{lock, Entered};
use super::init::alitv_client;
use super::lottery::{alitv_activity, alitv_draw};
use super::results::alitv_result;
use crate::core::code::{Code, Refusal};
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
/// Who acknowledges: on_pay_success, on_draw of a win and on_gift by their return value; if they
/// are NULL, nobody but alitv_ack. The other final states are acknowledged when their callback
/// returns, and at once if both their callback and on_event are NULL.
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
    /// Show this code of a sign-in of this client, so that the player signs in or authorises
    /// the app, until one of the following three is called.
    pub on_auth_qr: Option<
        unsafe extern "C" fn(
            qr_text: *const c_char,
            expires_s: u32,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// The player is signed in and has authorised the app. from: ALITV_AUTH_FROM_*.
    pub on_auth_success:
        Option<unsafe extern "C" fn(from: u32, event: *const alitv_event, user_data: *mut c_void)>,
    /// A sign-in of this client failed, or the engine refused it.
    pub on_auth_error: Option<
        unsafe extern "C" fn(
            code: alitv_result,
            text: *const c_char,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// A sign-in of this client was given up, on the box or on the phone.
    pub on_auth_cancel:
        Option<unsafe extern "C" fn(event: *const alitv_event, user_data: *mut c_void)>,
    /// The player has signed out, here or elsewhere.
    pub on_logout: Option<unsafe extern "C" fn(event: *const alitv_event, user_data: *mut c_void)>,
    /// Answer to alitv_user_info.
    pub on_user_info: Option<
        unsafe extern "C" fn(
            user: *const alitv_user,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// alitv_user_info was refused.
    pub on_user_info_error: Option<
        unsafe extern "C" fn(
            code: alitv_result,
            text: *const c_char,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// Show this page, which this client asked for, and call alitv_web_closed with the event's
    /// web->web_id when the player has closed it.
    pub on_web_open: Option<
        unsafe extern "C" fn(url: *const c_char, event: *const alitv_event, user_data: *mut c_void),
    >,
    /// Take the page off the screen; or the engine refused to open one: then the event's web is
    /// NULL and its result says why.
    pub on_web_close:
        Option<unsafe extern "C" fn(event: *const alitv_event, user_data: *mut c_void)>,
    /// Answer to alitv_lottery_activities: `count` pointers.
    pub on_activities: Option<
        unsafe extern "C" fn(
            activities: *const *const alitv_activity,
            count: u32,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// alitv_lottery_activities was refused.
    pub on_activities_error: Option<
        unsafe extern "C" fn(
            code: alitv_result,
            text: *const c_char,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// WON or LOST. WON: store draw_id and award in one transaction, unless draw_id is stored
    /// already, and return non-zero when that is done: this acknowledges it. Return 0 if it
    /// could not be stored: it comes again. LOST is acknowledged either way.
    pub on_draw: Option<
        unsafe extern "C" fn(
            draw: *const alitv_draw,
            event: *const alitv_event,
            user_data: *mut c_void,
        ) -> c_int,
    >,
    /// A draw FAILED, and nothing was spent; or the engine did not accept it: then the event's
    /// draw is NULL. Never called because an outcome is unknown.
    pub on_draw_error: Option<
        unsafe extern "C" fn(
            code: alitv_result,
            text: *const c_char,
            draw_id: *const c_char,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// Answer to alitv_gift_list: `count` pointers.
    pub on_gift_list: Option<
        unsafe extern "C" fn(
            gifts: *const *const alitv_gift,
            count: u32,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// alitv_gift_list was refused.
    pub on_gift_list_error: Option<
        unsafe extern "C" fn(
            code: alitv_result,
            text: *const c_char,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
    /// GRANTED. Store id and item in one transaction, unless id is stored already, and return
    /// non-zero when that is done: this acknowledges it, and only then the platform is told.
    /// Return 0 if it could not be stored: it comes again.
    pub on_gift: Option<
        unsafe extern "C" fn(
            gift: *const alitv_gift_taking,
            event: *const alitv_event,
            user_data: *mut c_void,
        ) -> c_int,
    >,
    /// A gift FAILED, or the engine did not accept it: then the event's gift is NULL. Never
    /// called because an outcome is unknown.
    pub on_gift_error: Option<
        unsafe extern "C" fn(
            code: alitv_result,
            text: *const c_char,
            gift_id: i64,
            event: *const alitv_event,
            user_data: *mut c_void,
        ),
    >,
}

// SAFETY: size first, no padding on 32 and 64 bit, integers and nullable pointers only.
unsafe impl Params for alitv_callbacks {
    const SIZE_MIN: usize = offset_of!(alitv_callbacks, on_auth_qr);
}

/// What `alitv_set_callbacks` left, and what was told.
#[derive(Default)]
pub struct Table {
    pub(super) set: Option<Set>,
    pub(super) was_online: bool,
}

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
        let Some(taken) = next else { break };
        deliver(entered, &taken);
        count += 1;
        if entered.is_closing() {
            return Ok(count);
        }
    }
    entered.rearm_wakeup();
    Ok(count)
}
