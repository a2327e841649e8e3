//! Which callback an event is for, and what its return acknowledges.

use std::ffi::{c_char, c_void};

use super::asked::Asked;
use super::callbacks::alitv_callbacks;
use super::events::alitv_event;
use super::handle::{lock, Entered, Taken};
use super::results::{alitv_result, alitv_strerror};
use crate::client::{About, AuthFrom, Event, Kind};
use crate::core::code::Code;
use crate::core::facts::OrderId;
use crate::core::report::{AccountReport, AuthPhase, DrawReport, GiftReport, Report};
use crate::core::report::{State, WebReport};

/// The callbacks of a client, with what they are handed.
#[derive(Clone, Copy)]
pub struct Set {
    pub callbacks: alitv_callbacks,
    pub user_data: *mut c_void,
}

// SAFETY: the pointers are handed back to the caller's own functions, never used here; the
// header says on which thread.
unsafe impl Send for Set {}

/// Runs the callbacks of one event and acknowledges what they settle.
pub fn deliver(entered: &Entered, taken: &Taken) {
    let Taken { event, asked } = taken;
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
    // SAFETY: the event is held until the next one is taken.
    let call = Call { set, about: unsafe { &*pointer } };
    match (event.kind, &event.about) {
        (Kind::Online, _) if !was_online => call.init_finish(),
        (Kind::Offline, _) if !was_online => call.init_error(),
        (Kind::Qr, _) => call.qr(),
        (Kind::Reply, _) if event.result != Code::OK => call.refused(event, asked.as_ref()),
        (Kind::Auth, About::Account(account, from)) => call.auth(event, account, *from),
        (Kind::Logout, _) => call.logout(),
        (Kind::User, _) => call.user(),
        (Kind::Activities, _) => call.activities(),
        (Kind::Gifts, _) => call.gifts(),
        (Kind::Web, About::Web(web)) if asked.is_some() => call.web(web),
        _ => {}
    }
    if let Some(end) = End::of(event) {
        // A client that was destroyed meanwhile acks as well: the goods are stored.
        if call.end(&end) && !end.acked {
            // Refused means that too many wait; the engine will tell the state again.
            let _ = entered.client().ack_silently(end.id, end.sequence);
        }
    }
}

fn current(entered: &Entered) -> Option<Set> {
    if entered.is_closing() {
        return None;
    }
    lock(&entered.callbacks).set
}

/// A final state, which is told again until it is acknowledged.
struct End<'a> {
    of: Item<'a>,
    id: &'a OrderId,
    sequence: u64,
    acked: bool,
}

enum Item<'a> {
    Order(&'a Report),
    Draw(&'a DrawReport),
    Gift(&'a GiftReport),
}

impl End<'_> {
    fn of(event: &Event) -> Option<End<'_>> {
        let (state, end) = match (event.kind, &event.report, &event.about) {
            (Kind::Order, Some(report), _) => {
                let Report { order_id: id, sequence, acked, .. } = report;
                let (of, sequence, acked) = (Item::Order(report), *sequence, *acked);
                (report.state, End { of, id, sequence, acked })
            }
            (Kind::Draw, _, About::Draw(report)) => {
                let DrawReport { draw_id: id, sequence, acked, .. } = &**report;
                let (of, sequence, acked) = (Item::Draw(report), *sequence, *acked);
                (report.state, End { of, id, sequence, acked })
            }
            (Kind::Gift, _, About::Gift(report)) => {
                let GiftReport { id, sequence, acked, .. } = report;
                let (of, sequence, acked) = (Item::Gift(report), *sequence, *acked);
                (report.state, End { of, id, sequence, acked })
            }
            _ => return None,
        };
        Some(end).filter(|_| state.is_final())
    }
}

/// One event on its way to its callback. Those that return a bool say whether what they told
/// is settled: goods are stored, or somebody who could have wanted to know was told, or nobody
/// wants to.
struct Call<'a> {
    set: Set,
    about: &'a alitv_event,
}

impl Call<'_> {
    fn init_finish(&self) {
        if let Some(callback) = self.set.callbacks.on_init_finish {
            // SAFETY: the caller's function, with what its type says; no lock is held.
            unsafe { callback(self.set.user_data) };
        }
    }

    fn init_error(&self) {
        if let Some(callback) = self.set.callbacks.on_init_error {
            // SAFETY: as above.
            unsafe { callback(self.about.result, self.text(), self.set.user_data) };
        }
    }

    fn qr(&self) {
        let Call { set, about } = self;
        if let Some(callback) = set.callbacks.on_qr {
            // SAFETY: as above; the texts are those of the event, which is held.
            unsafe {
                callback(about.order_id, about.qr_text, about.expires_s, *about, set.user_data);
            }
        }
    }

    /// A request that will have no other end.
    fn refused(&self, event: &Event, asked: Option<&Asked>) {
        let callbacks = &self.set.callbacks;
        match asked {
            Some(Asked::Auth) => self.error(callbacks.on_auth_error),
            Some(Asked::User) => self.error(callbacks.on_user_info_error),
            Some(Asked::Web) => self.web_close(),
            Some(Asked::Activities) => self.error(callbacks.on_activities_error),
            Some(Asked::Draw(_)) => drop(self.draw_error()),
            Some(Asked::Gifts) => self.error(callbacks.on_gift_list_error),
            Some(Asked::Gift(id)) => drop(self.gift_error(id.get())),
            None if event.refused.is_some() => drop(self.pay_error()),
            None => {}
        }
    }

    fn error(&self, callback: ErrorCallback) {
        if let Some(callback) = callback {
            // SAFETY: as above.
            unsafe { callback(self.about.result, self.text(), self.about, self.set.user_data) };
        }
    }

    /// Of what others began only that is told which changes who plays.
    fn auth(&self, event: &Event, account: &AccountReport, from: AuthFrom) {
        match account.auth.as_ref().map(|auth| auth.phase) {
            Some(AuthPhase::Code) if from == AuthFrom::Call => self.auth_qr(),
            Some(AuthPhase::Success) => self.auth_success(from),
            Some(AuthPhase::Cancelled) if event.op != 0 => self.auth_cancel(),
            Some(AuthPhase::Failed) if event.op != 0 => {
                self.error(self.set.callbacks.on_auth_error);
            }
            _ => {}
        }
    }

    fn auth_qr(&self) {
        let Call { set, about } = self;
        if let Some(callback) = set.callbacks.on_auth_qr {
            // SAFETY: as above.
            unsafe { callback(about.qr_text, about.expires_s, *about, set.user_data) };
        }
    }

    fn auth_success(&self, from: AuthFrom) {
        if let Some(callback) = self.set.callbacks.on_auth_success {
            // SAFETY: as above.
            unsafe { callback(from as u32, self.about, self.set.user_data) };
        }
    }

    fn auth_cancel(&self) {
        if let Some(callback) = self.set.callbacks.on_auth_cancel {
            // SAFETY: as above.
            unsafe { callback(self.about, self.set.user_data) };
        }
    }

    fn logout(&self) {
        if let Some(callback) = self.set.callbacks.on_logout {
            // SAFETY: as above.
            unsafe { callback(self.about, self.set.user_data) };
        }
    }

    fn user(&self) {
        if let Some(callback) = self.set.callbacks.on_user_info {
            // SAFETY: as above.
            unsafe { callback(self.about.user, self.about, self.set.user_data) };
        }
    }

    fn web(&self, web: &WebReport) {
        let Call { set, about } = self;
        match set.callbacks.on_web_open {
            // SAFETY: as above; an event of this kind has a page.
            Some(callback) if web.open => unsafe {
                callback((*about.web).url, *about, set.user_data);
            },
            _ if web.open => {}
            _ => self.web_close(),
        }
    }

    fn web_close(&self) {
        if let Some(callback) = self.set.callbacks.on_web_close {
            // SAFETY: as above.
            unsafe { callback(self.about, self.set.user_data) };
        }
    }

    fn activities(&self) {
        let Call { set, about } = self;
        if let Some(callback) = set.callbacks.on_activities {
            // SAFETY: as above.
            unsafe { callback(about.activities, about.count, *about, set.user_data) };
        }
    }

    fn gifts(&self) {
        let Call { set, about } = self;
        if let Some(callback) = set.callbacks.on_gift_list {
            // SAFETY: as above.
            unsafe { callback(about.gifts, about.count, *about, set.user_data) };
        }
    }

    fn end(&self, end: &End) -> bool {
        match &end.of {
            Item::Order(report) => match report.state {
                State::Paid => self.pay_success(),
                State::Cancelled | State::Expired => self.pay_cancel(),
                _ => self.pay_error(),
            },
            Item::Draw(report) => match report.state {
                State::Won => self.draw().unwrap_or(false),
                State::Lost => self.draw().is_some() || self.nobody_wants_to_know(),
                _ => self.draw_error(),
            },
            Item::Gift(report) => match report.state {
                State::Granted => self.gift(),
                _ => self.gift_error(report.gift_id.get()),
            },
        }
    }

    fn pay_success(&self) -> bool {
        let Call { set, about } = self;
        let Some(callback) = set.callbacks.on_pay_success else { return false };
        // SAFETY: as above.
        unsafe {
            callback(about.order_id, about.title, about.amount_fen, *about, set.user_data) != 0
        }
    }

    fn pay_error(&self) -> bool {
        let Call { set, about } = self;
        let Some(callback) = set.callbacks.on_pay_error else {
            return self.nobody_wants_to_know();
        };
        let (code, title, amount_fen) = (about.result, about.title, about.amount_fen);
        // SAFETY: as above.
        unsafe { callback(code, title, amount_fen, self.text(), *about, set.user_data) };
        true
    }

    fn pay_cancel(&self) -> bool {
        let Call { set, about } = self;
        let Some(callback) = set.callbacks.on_pay_cancel else {
            return self.nobody_wants_to_know();
        };
        // SAFETY: as above.
        unsafe { callback(about.title, about.amount_fen, *about, set.user_data) };
        true
    }

    /// Whether the award is stored; `None` if nobody was told.
    fn draw(&self) -> Option<bool> {
        let callback = self.set.callbacks.on_draw?;
        // SAFETY: as above.
        Some(unsafe { callback(self.about.draw, self.about, self.set.user_data) } != 0)
    }

    fn draw_error(&self) -> bool {
        let Call { set, about } = self;
        let Some(callback) = set.callbacks.on_draw_error else {
            return self.nobody_wants_to_know();
        };
        // SAFETY: as above.
        unsafe { callback(about.result, self.text(), about.order_id, *about, set.user_data) };
        true
    }

    fn gift(&self) -> bool {
        let Some(callback) = self.set.callbacks.on_gift else { return false };
        // SAFETY: as above.
        unsafe { callback(self.about.gift, self.about, self.set.user_data) != 0 }
    }

    fn gift_error(&self, gift_id: i64) -> bool {
        let Call { set, about } = self;
        let Some(callback) = set.callbacks.on_gift_error else {
            return self.nobody_wants_to_know();
        };
        // SAFETY: as above.
        unsafe { callback(about.result, self.text(), gift_id, *about, set.user_data) };
        true
    }

    /// There was no callback for this end.
    fn nobody_wants_to_know(&self) -> bool {
        self.set.callbacks.on_event.is_none()
    }

    /// The event's own words, or those of its result.
    fn text(&self) -> *const c_char {
        // SAFETY: the event is held, and its strings are NUL-terminated.
        if unsafe { *self.about.message } == 0 {
            return alitv_strerror(self.about.result);
        }
        self.about.message
    }
}

type ErrorCallback = Option<
    unsafe extern "C" fn(
        code: alitv_result,
        text: *const c_char,
        event: *const alitv_event,
        user_data: *mut c_void,
    ),
>;
