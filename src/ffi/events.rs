//! events

use std::ffi::{c_char, c_int};
use std::ptr::null;
use std::time::{Duration, Instant};

use super::account::{alitv_account, alitv_user};
use super::gifts::{alitv_gift, alitv_gift_taking};
use super::guard::{guard, with_client};
use super::handle::{self, lock, Entered, Shared, Taken};
use super::init::alitv_client;
use super::kept::{count, Kept};
use super::lottery::{alitv_activity, alitv_award, alitv_draw};
use super::orders::{alitv_order, ALITV_FLAG_ACKED, ALITV_FLAG_MORE};
use super::pay::alitv_op;
use super::results::alitv_result;
use super::states::alitv_state;
use super::strings::state_name;
use super::web::{alitv_profile, alitv_web};
use crate::client::{sys, About, Event, Kind};
use crate::core::code::{Code, Refusal};

/// What an event is about: ALITV_EVENT_*. Ignore kinds you do not know.
pub type alitv_event_kind = u32;

/// The engine answers; orders that are not final or not acknowledged follow as ORDER, unless
/// they were told before and have not changed.
pub const ALITV_EVENT_ONLINE: alitv_event_kind = 1;
/// The engine is gone or cannot be reached; result and message say why. Nothing is lost: the
/// library keeps trying, and ONLINE follows. Told once for each reason, not for each try.
pub const ALITV_EVENT_OFFLINE: alitv_event_kind = 2;
/// Show qr_text as a QR code until the order is CLOSING or final or another QR replaces it.
pub const ALITV_EVENT_QR: alitv_event_kind = 3;
/// The order as it stands: its state changed; or op is set and this answers alitv_pay or
/// alitv_query; or it is final and not acknowledged and is told again.
pub const ALITV_EVENT_ORDER: alitv_event_kind = 4;
/// Signing in: `account` and its members say how it stands. Show its qr_text while phase is
/// ALITV_AUTH_CODE.
pub const ALITV_EVENT_AUTH: alitv_event_kind = 5;
/// The user has signed out, here or elsewhere.
pub const ALITV_EVENT_LOGOUT: alitv_event_kind = 6;
/// A request finished that has no event of its own, or any request was refused by the engine:
/// then result says why, and for alitv_pay title and amount_fen say which.
pub const ALITV_EVENT_REPLY: alitv_event_kind = 7;
/// `count` progress events were dropped because nobody read them; the orders that they were
/// about follow as they stand. Final states are never dropped.
pub const ALITV_EVENT_OVERFLOW: alitv_event_kind = 8;
/// message is a line about the connection, or in embedded mode one of the engine; count is its
/// ALITV_LOG_* level.
pub const ALITV_EVENT_LOG: alitv_event_kind = 9;
/// Answer to alitv_orders: `count` entries in `orders`.
pub const ALITV_EVENT_ORDERS: alitv_event_kind = 10;

/// Answer to alitv_user_info: `user`.
pub const ALITV_EVENT_USER: alitv_event_kind = 11;
/// Answer to alitv_lottery_activities: `count` entries in `activities`.
pub const ALITV_EVENT_ACTIVITIES: alitv_event_kind = 12;
/// A draw as it stands: `draw`. Its final states are told until they are acknowledged.
pub const ALITV_EVENT_DRAW: alitv_event_kind = 13;
/// Answer to alitv_gift_list: `count` entries in `gifts`.
pub const ALITV_EVENT_GIFTS: alitv_event_kind = 14;
/// A gift that is being taken, as it stands: `gift`. Its final states are told until they are
/// acknowledged.
pub const ALITV_EVENT_GIFT: alitv_event_kind = 15;
/// A page is to be shown, or to be taken away: `web`.
pub const ALITV_EVENT_WEB: alitv_event_kind = 16;
/// The platform has switched something on or off for the app.
pub const ALITV_EVENT_PROFILE: alitv_event_kind = 17;

/// One event. Owned by the client and valid until the next alitv_next_event, alitv_dispatch or
/// alitv_destroy on it. Read it through the pointer only: do not declare, copy or take the
/// size of one, because later versions append fields. String fields are UTF-8 and never NULL;
/// those that do not apply are "", numbers that do not apply are 0.
#[repr(C)]
pub struct alitv_event {
    /// ALITV_EVENT_*.
    pub kind: alitv_event_kind,
    /// ALITV_OK, or why the request was refused, the order, draw or gift is UNKNOWN or FAILED,
    /// the sign-in ended, or the engine is OFFLINE. REFUNDED has ALITV_E_REFUNDED.
    pub result: alitv_result,
    /// The request this answers, or 0.
    pub op: alitv_op,
    /// The tag given with that request, or 0.
    pub tag: u64,
    /// Grows with every event of an order, draw or gift; the larger one is newer. alitv_ack
    /// names it.
    pub sequence: u64,
    /// Total of the order in fen.
    pub amount_fen: i64,
    /// When the order, draw or gift was accepted, Unix milliseconds by the clock of the box.
    pub created_ms: i64,
    /// When it was paid, Unix milliseconds by the clock of the gateway.
    pub paid_ms: i64,
    /// ALITV_STATE_*.
    pub state: alitv_state,
    /// OVERFLOW: events dropped. ORDERS, ACTIVITIES, GIFTS: entries. LOG: level.
    pub count: u32,
    /// QR, AUTH: seconds that the code stays valid.
    pub expires_s: u32,
    /// ALITV_FLAG_*.
    pub flags: u32,
    /// The merchant's order number; of DRAW and GIFT their id. What alitv_ack names.
    pub order_id: *const c_char,
    /// The app.
    pub app_key: *const c_char,
    /// What the payer reads.
    pub title: *const c_char,
    /// Merchant's product id.
    pub subject_id: *const c_char,
    /// The gateway's own trade number.
    pub trade_no: *const c_char,
    /// The code to show, while one may be shown.
    pub qr_text: *const c_char,
    /// The gateway's error code, verbatim, such as "ACQ.SYSTEM_ERROR".
    pub gateway_code: *const c_char,
    /// For logs, in English; not for players.
    pub message: *const c_char,
    /// "sandbox" or "production", once the engine has said so: in the sandbox no money moves.
    pub environment: *const c_char,
    /// As alitv_state_name has it.
    pub state_name: *const c_char,
    /// REPLY to alitv_request: the result, or the whole error, as JSON.
    pub json: *const c_char,
    /// ORDERS: `count` pointers, oldest order first. Otherwise NULL.
    pub orders: *const *const alitv_order,
    /// First charge of a subscription: ALITV_INTERVAL_*. Otherwise 0.
    pub interval: u32,
    /// PAID: entries of awards.
    pub awards_count: u32,
    /// "month", "season" or "".
    pub interval_name: *const c_char,
    /// PAID: what the payer won by paying. Deliver it with the goods. NULL where there is no
    /// order.
    pub awards: *const *const alitv_award,
    /// AUTH, LOGOUT. Otherwise NULL.
    pub account: *const alitv_account,
    /// USER. Otherwise NULL.
    pub user: *const alitv_user,
    /// WEB. Otherwise NULL.
    pub web: *const alitv_web,
    /// PROFILE. Otherwise NULL.
    pub profile: *const alitv_profile,
    /// ACTIVITIES: `count` pointers. Otherwise NULL.
    pub activities: *const *const alitv_activity,
    /// DRAW. Otherwise NULL.
    pub draw: *const alitv_draw,
    /// GIFTS: `count` pointers. Otherwise NULL.
    pub gifts: *const *const alitv_gift,
    /// GIFT. Otherwise NULL.
    pub gift: *const alitv_gift_taking,
}

/// An event and everything it points to.
#[derive(Default)]
pub struct Holder(Kept);

// SAFETY: its pointers lead into its own heap memory or to static texts, and nobody else counts
// references to that.
unsafe impl Send for Holder {}

impl Holder {
    /// Takes an event in place of the last one. The pointer is valid until the next call.
    pub fn hold(&mut self, event: &Event) -> *const alitv_event {
        let mut kept = Kept::default();
        let mut out = blank(event, &mut kept);
        if let Some(report) = &event.report {
            out.tell_order(&alitv_order::new(report, &event.environment, &mut kept));
        } else if let Some(pay) = &event.refused {
            out.amount_fen = pay.amount_fen.get();
            out.title = kept.text(&pay.title);
            out.subject_id = kept.some_text(pay.subject_id.as_deref());
        }
        out.tell_about(&event.about, &mut kept);
        if event.kind == Kind::Orders {
            let orders = event.orders.iter();
            let orders = orders.map(|one| alitv_order::new(one, &event.environment, &mut kept));
            let orders = orders.collect();
            out.orders = kept.list(orders);
        }
        let pointer = kept.one(out);
        self.0 = kept;
        pointer
    }
}

/// What applies to every kind of event.
fn blank(event: &Event, kept: &mut Kept) -> alitv_event {
    let none = c"".as_ptr();
    let order_id = event.order_id.as_ref().map(|id| id.as_str());
    alitv_event {
        kind: number(event.kind),
        result: event.result.0,
        op: event.op,
        tag: event.tag,
        sequence: 0,
        amount_fen: 0,
        created_ms: 0,
        paid_ms: 0,
        state: 0,
        count: event.count,
        expires_s: 0,
        flags: if event.more { ALITV_FLAG_MORE } else { 0 },
        order_id: kept.some_text(order_id),
        app_key: none,
        title: none,
        subject_id: none,
        trade_no: none,
        qr_text: none,
        gateway_code: none,
        message: kept.text(&event.message),
        environment: kept.text(&event.environment),
        state_name: state_name(0),
        json: kept.text(&event.json),
        orders: null(),
        interval: 0,
        awards_count: 0,
        interval_name: none,
        awards: null(),
        account: null(),
        user: null(),
        web: null(),
        profile: null(),
        activities: null(),
        draw: null(),
        gifts: null(),
        gift: null(),
    }
}

impl alitv_event {
    fn tell_order(&mut self, order: &alitv_order) {
        self.sequence = order.sequence;
        self.amount_fen = order.amount_fen;
        self.created_ms = order.created_ms;
        self.paid_ms = order.paid_ms;
        self.state = order.state;
        self.state_name = order.state_name;
        self.expires_s = order.expires_s;
        self.flags |= order.flags & ALITV_FLAG_ACKED;
        self.app_key = order.app_key;
        self.title = order.title;
        self.subject_id = order.subject_id;
        self.trade_no = order.trade_no;
        self.qr_text = order.qr_text;
        self.gateway_code = order.gateway_code;
        self.interval = order.interval;
        self.interval_name = order.interval_name;
        self.awards_count = order.awards_count;
        self.awards = order.awards;
    }

    fn tell_about(&mut self, about: &About, kept: &mut Kept) {
        match about {
            About::Nothing => {}
            About::Account(report, from) => {
                self.tell_account(alitv_account::new(report, *from, kept), kept);
            }
            About::User(user) => {
                let user = alitv_user::new(user, kept);
                self.user = kept.one(user);
            }
            About::Activities(list) => {
                self.count = count(list);
                let list = list.iter().map(|one| alitv_activity::new(one, kept)).collect();
                self.activities = kept.list(list);
            }
            About::Draw(report) => self.tell_draw(alitv_draw::new(report, kept), kept),
            About::Gifts(list) => {
                self.count = count(list);
                let list = list.iter().map(|one| alitv_gift::new(one, kept)).collect();
                self.gifts = kept.list(list);
            }
            About::Gift(report) => self.tell_gift(alitv_gift_taking::new(report, kept), kept),
            About::Web(report) => self.tell_web(alitv_web::new(report, kept), kept),
            About::Profile(app_key, profile) => {
                self.app_key = kept.text(app_key.as_str());
                let profile = alitv_profile::new(profile, kept);
                self.profile = kept.one(profile);
            }
        }
    }

    fn tell_account(&mut self, account: alitv_account, kept: &mut Kept) {
        self.app_key = account.app_key;
        self.qr_text = account.qr_text;
        self.expires_s = account.expires_s;
        self.tell_why(account.result, account.message);
        self.account = kept.one(account);
    }

    fn tell_draw(&mut self, draw: alitv_draw, kept: &mut Kept) {
        self.order_id = draw.draw_id;
        self.app_key = draw.app_key;
        self.sequence = draw.sequence;
        self.created_ms = draw.created_ms;
        self.state = draw.state;
        self.state_name = draw.state_name;
        self.flags |= draw.flags;
        self.gateway_code = draw.gateway_code;
        self.tell_why(draw.result, draw.message);
        self.draw = kept.one(draw);
    }

    fn tell_gift(&mut self, gift: alitv_gift_taking, kept: &mut Kept) {
        self.order_id = gift.id;
        self.app_key = gift.app_key;
        self.sequence = gift.sequence;
        self.created_ms = gift.created_ms;
        self.state = gift.state;
        self.state_name = gift.state_name;
        self.flags |= gift.flags;
        self.gateway_code = gift.gateway_code;
        self.tell_why(gift.result, gift.message);
        self.gift = kept.one(gift);
    }

    fn tell_web(&mut self, web: alitv_web, kept: &mut Kept) {
        self.app_key = web.app_key;
        self.tell_why(web.result, c"".as_ptr());
        self.web = kept.one(web);
    }

    /// What the client says of the event itself counts first.
    fn tell_why(&mut self, result: alitv_result, message: *const c_char) {
        if self.result == Code::OK.0 {
            self.result = result;
        }
        // SAFETY: both are texts of this event.
        if unsafe { *self.message } == 0 {
            self.message = message;
        }
    }
}

fn number(kind: Kind) -> alitv_event_kind {
    match kind {
        Kind::Online => ALITV_EVENT_ONLINE,
        Kind::Offline => ALITV_EVENT_OFFLINE,
        Kind::Qr => ALITV_EVENT_QR,
        Kind::Order => ALITV_EVENT_ORDER,
        Kind::Reply => ALITV_EVENT_REPLY,
        Kind::Overflow => ALITV_EVENT_OVERFLOW,
        Kind::Log => ALITV_EVENT_LOG,
        Kind::Orders => ALITV_EVENT_ORDERS,
        Kind::Auth => ALITV_EVENT_AUTH,
        Kind::Logout => ALITV_EVENT_LOGOUT,
        Kind::User => ALITV_EVENT_USER,
        Kind::Activities => ALITV_EVENT_ACTIVITIES,
        Kind::Draw => ALITV_EVENT_DRAW,
        Kind::Gifts => ALITV_EVENT_GIFTS,
        Kind::Gift => ALITV_EVENT_GIFT,
        Kind::Web => ALITV_EVENT_WEB,
        Kind::Profile => ALITV_EVENT_PROFILE,
    }
}

/// Takes the next event, waiting up to timeout_ms: 0 polls, negative waits without limit. One
/// thread at a time. An event that was taken from here has run no callback.
///
/// @param out_event set if 1 is returned, untouched otherwise
/// @return 1, or 0 if there is none in time or alitv_interrupt was called, or a negative
///         ALITV_E_*
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_next_event(
    client: *mut alitv_client,
    timeout_ms: i32,
    out_event: *mut *const alitv_event,
) -> i32 {
    guard(|| {
        let entered = enter_to_pump(client)?;
        if out_event.is_null() {
            return Err(Refusal::new(Code::NULL, "out_event is NULL"));
        }
        let _pumping = entered.pump()?;
        let Some(taken) = wait_for_event(&entered, timeout_ms)? else { return Ok(0) };
        let pointer = lock(&entered.holder).hold(&taken.event);
        entered.rearm_wakeup();
        // SAFETY: checked above; the caller vouches that it is writable.
        unsafe { out_event.write(pointer) };
        Ok(1)
    })
}

/// As `with_client`, for calls that may outlast a destroy by another thread.
pub fn enter_to_pump(client: *const alitv_client) -> Result<Entered, Refusal> {
    if super::guard::in_wakeup() {
        let text = "called from the wakeup function, which may only signal";
        return Err(Refusal::new(Code::REENTRANT, text));
    }
    let entered = handle::enter(client).map_err(handle::explain)?;
    entered.check()?;
    Ok(entered)
}

/// The next event, or none when the time is over or the wait was interrupted. Nothing is
/// locked while it waits.
pub fn wait_for_event(entered: &Entered, timeout_ms: i32) -> Result<Option<Taken>, Refusal> {
    let until = u64::try_from(timeout_ms).ok().map(|ms| Instant::now() + Duration::from_millis(ms));
    loop {
        if entered.is_closing() {
            return Err(Refusal::new(Code::HANDLE, "the client was destroyed meanwhile"));
        }
        if let Some(taken) = entered.next_event() {
            return Ok(Some(taken));
        }
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let ready = sys::wait_readable(entered.wait_fd, left)
            .map_err(|error| Refusal::new(Code::RESOURCE, format!("poll: {error}")))?;
        let interrupted = ready && entered.interrupt.clear();
        let over = !ready || left.is_some_and(|left| left.is_zero());
        if (interrupted || over) && !entered.is_closing() {
            entered.rearm_wakeup();
            return Ok(None);
        }
    }
}

impl Shared {
    /// Events were looked at: the wakeup function may be called again.
    pub fn rearm_wakeup(&self) {
        if let Some(wakeup) = &*lock(&self.wakeup) {
            wakeup.rearm();
        }
    }
}

/// A descriptor for poll, select or epoll: readable while alitv_next_event or alitv_dispatch
/// has work. Never read, write or close it. The same for as long as the client lives.
///
/// @return the descriptor, or a negative ALITV_E_*
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_fd(client: *const alitv_client) -> c_int {
    with_client(client, |shared| Ok(shared.wait_fd))
}

/// Makes a thread that waits in alitv_next_event or alitv_dispatch return 0 at once; if none
/// waits, the next such call that finds no event does. Callable from any thread, from the
/// wakeup function and from a signal handler. To stop a thread: interrupt, join it, then
/// alitv_destroy.
#[no_mangle]
pub unsafe extern "C" fn alitv_interrupt(client: *mut alitv_client) -> alitv_result {
    // Not through `guard`: it touches thread-locals and memory, and this must do neither.
    std::panic::catch_unwind(|| handle::interrupt(client).0).unwrap_or(Code::PANIC.0)
}
