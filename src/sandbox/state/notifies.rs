//! Notifies: which orders the merchants' servers are told of, and when.

use super::super::notifier::queue::scaled_ms;
use super::super::notifier::send::Send;
use super::super::notifier::{Attempt, Item, Kind, NewNotify, Queue, Stage, NOBODYS_KEY_PEM};
use super::super::order::{status_name, Order, UNKNOWN_BUYER};
use super::super::scenario::{NotifyFault, Setting};
use super::{Due, State};
use crate::limits::{SANDBOX_NOTIFIES_MAX, SANDBOX_NOTIFY_HELD_S, SANDBOX_NOTIFY_LATE_S};
use crate::wire::notify::Notify;
use crate::wire::partner::PartnerStatus;
use crate::wire::time::format_gmt8;

impl State {
    /// All notifies that are remembered.
    pub fn notifies(&self) -> &Queue {
        &self.notifies
    }

    /// Divides all waits of notifies by this.
    pub fn set_notify_scale(&mut self, scale: u32) {
        self.notify_scale = scale;
    }

    /// Takes up the notify of an order that has come to its present status, if that is told.
    pub(super) fn notify_order(&mut self, number: u64) {
        let Some(order) = self.orders.get(&number) else { return };
        let told = match order.partner_status() {
            PartnerStatus::TradeSuccess => true,
            PartnerStatus::TradeClosed => self.settings(&order.app_key).notify_closed,
            _ => false,
        };
        let fault = order.setting.scenario.notify();
        let Some(new) = self.compose(order).filter(|_| told) else { return };
        let (now_ms, scale) = (self.now_ms, self.notify_scale);
        match fault {
            None | Some(NotifyFault::Forged) => self.take_up(new),
            Some(NotifyFault::Twice) => {
                self.take_up(new.clone());
                self.take_up(new);
            }
            Some(NotifyFault::Lost) => self.take_up(NewNotify { due_ms: None, ..new }),
            Some(NotifyFault::Late) => {
                let due_ms = Some(now_ms + scaled_ms(SANDBOX_NOTIFY_LATE_S, scale));
                self.take_up(NewNotify { due_ms, ..new });
            }
            Some(NotifyFault::WrongKey) => self.take_up(NewNotify { kind: Kind::WrongKey, ..new }),
            Some(NotifyFault::Reordered) => {
                // One that is held back already waits for this one.
                let held = self.notifies.held_before(&new.app_key, u64::MAX).is_empty();
                let wait_s = if held { SANDBOX_NOTIFY_HELD_S } else { 0 };
                let due_ms = Some(now_ms + scaled_ms(wait_s, scale));
                self.take_up(NewNotify { held, due_ms, ..new });
            }
        }
    }

    /// In the scenario `notify.forged`: somebody says of an order that nobody has paid yet that
    /// it was paid.
    pub(super) fn forge_notify(&mut self, number: u64) {
        let forged = |order: &&Order| {
            order.is_open() && order.setting.scenario.notify() == Some(NotifyFault::Forged)
        };
        let Some(order) = self.orders.get(&number).filter(forged) else { return };
        let Some(new) = self.compose(order) else { return };
        let made_up = Notify {
            partner_order_no: order.data.partner_order_no.clone(),
            // Of the right shape, and not that of the trade.
            alipay_trade_no: order.trade_no.chars().rev().collect(),
            order_status: PartnerStatus::TradeSuccess,
            buyer_logon_id: UNKNOWN_BUYER.into(),
        };
        let order_status = made_up.order_status.to_string();
        let message = made_up.encode();
        self.take_up(NewNotify { kind: Kind::Forged, order_status, message, ..new });
    }

    /// Plays an order by another scenario from this moment on. False: there is no such order.
    pub fn replay(&mut self, number: u64, setting: Setting, now_ms: i64) -> bool {
        let known = self.change(number, |order| order.play(setting, now_ms)).is_some();
        self.forge_notify(number);
        known
    }

    /// What is told of an order. None if it names no notify URL: then nobody waits for it.
    fn compose(&self, order: &Order) -> Option<NewNotify> {
        let url = order.data.partner_notify_url.clone()?;
        let message = Notify {
            partner_order_no: order.data.partner_order_no.clone(),
            alipay_trade_no: order.partner_trade_no().to_owned(),
            order_status: order.partner_status(),
            buyer_logon_id: order.buyer_logon_id(),
        };
        Some(NewNotify {
            app_key: order.app_key.clone(),
            order: order.data.partner_order_no.clone(),
            kind: Kind::Real,
            order_status: message.order_status.to_string(),
            message: message.encode(),
            url,
            due_ms: Some(self.now_ms),
            held: false,
        })
    }

    fn take_up(&mut self, new: NewNotify) {
        let (app_key, order) = (new.app_key.clone(), new.order.clone());
        if let Err(why) = self.try_take_up(new) {
            self.note(Some(&app_key), "notify.none", format!("{order}: {why}"));
        }
    }

    fn try_take_up(&mut self, new: NewNotify) -> Result<u64, String> {
        if self.app(&new.app_key).is_none_or(|app| app.public_key.is_none()) {
            let why = "the app has no public key to encrypt the notify with";
            return Err(why.into());
        }
        let (app_key, order, lost) = (new.app_key.clone(), new.order.clone(), new.due_ms.is_none());
        let full = || format!("{SANDBOX_NOTIFIES_MAX} notifies are waiting already");
        let number = self.notifies.add(new, self.now_ms).ok_or_else(full)?;
        self.retime_notify(number, None);
        self.version += 1;
        if lost {
            self.note(Some(&app_key), "notify.lost", format!("{order}: is never sent"));
        }
        Ok(number)
    }

    fn retime_notify(&mut self, number: u64, before: Option<i64>) {
        let after = self.notifies.get(number).and_then(Item::timer_ms);
        self.retime(Due::Notify(number), before, after);
    }

    /// A notify is due: it waits for a free place from then on.
    pub(super) fn ripen_notify(&mut self, number: u64) {
        let before = self.notifies.get(number).and_then(Item::timer_ms);
        self.notifies.ripen(number);
        self.retime_notify(number, before);
    }

    /// What is to be sent at this moment, as many as may be on their way.
    pub fn take_notifies(&mut self, now_ms: i64) -> Vec<Send> {
        let mut sends = Vec::new();
        while let Some(item) = self.notifies.take() {
            let (number, app_key, kind) = (item.number, item.app_key.clone(), item.kind);
            let (url, message) = (item.url.clone(), item.message.clone());
            let key = match kind {
                Kind::WrongKey => Some(NOBODYS_KEY_PEM.to_owned()),
                Kind::Real | Kind::Forged => self.app(&app_key).and_then(|a| a.public_key.clone()),
            };
            let method = self.settings(&app_key).notify_method;
            sends.push(Send { number, url, method, message, key, now_ms });
        }
        sends
    }

    /// Writes down what came of an attempt, and lets those go that waited for it.
    pub fn notify_done(&mut self, number: u64, attempt: Attempt, now_ms: i64) {
        let outcome = attempt.outcome();
        let Some(item) = self.notifies.done(number, attempt, now_ms, self.notify_scale) else {
            return;
        };
        let app_key = item.app_key.clone();
        let (what, next) = match (item.stage, item.due_ms) {
            (Stage::Acked, _) => ("notify.acked", String::new()),
            (_, Some(due_ms)) => ("notify.failed", format!("; again at {}", format_gmt8(due_ms))),
            (_, None) => ("notify.given_up", "; not again".to_owned()),
        };
        let forged = if item.kind == Kind::Forged { "forged " } else { "" };
        let (order, status, sent) = (&item.order, &item.order_status, item.sent);
        let text = format!("{order}: {forged}{status}, attempt {sent}: {outcome}{next}");
        let first = item.sent == 1 && item.kind != Kind::Forged;
        self.note(Some(&app_key), what, text);
        self.retime_notify(number, None);
        if first {
            for held in self.notifies.held_before(&app_key, number) {
                let before = self.notifies.get(held).and_then(Item::timer_ms);
                self.notifies.release(held, now_ms);
                self.retime_notify(held, before);
            }
        }
    }

    /// Sends a notify again, and goes through the whole ladder if need be.
    ///
    /// # Errors
    /// It is on its way at this moment, or there is none of that number.
    pub fn resend_notify(&mut self, number: u64) -> Result<(), String> {
        let unknown = || format!("there is no notify {number}");
        let item = self.notifies.get(number).ok_or_else(unknown)?;
        let (app_key, before) = (item.app_key.clone(), item.timer_ms());
        let text = format!("{}: {} is sent again", item.order, item.order_status);
        if !self.notifies.restart(number, self.now_ms) {
            return Err(format!("notify {number} is on its way at this moment"));
        }
        self.retime_notify(number, before);
        self.note(Some(&app_key), "notify.resend", text);
        Ok(())
    }

    /// Sends the last notify that says where an order stands again; makes one if there is none.
    /// Gives its number.
    ///
    /// # Errors
    /// The order is in a state that is not told, or has nobody to tell.
    pub fn resend_order(&mut self, number: u64) -> Result<u64, String> {
        let order = self.orders.get(&number).ok_or("there is no such order")?;
        let name = &order.data.partner_order_no;
        if order.is_open() {
            return Err(format!("order {name} is {}: not told", status_name(order.status)));
        }
        let status = order.partner_status();
        let own = |item: &&Item| item.app_key == order.app_key && item.order == *name;
        // An older one may say what is true no more.
        let holds =
            |item: &&Item| item.kind != Kind::Forged && item.order_status == status.as_str();
        let newest = self.notifies.newest().filter(own).find(holds);
        if let Some(notify) = newest.map(|item| item.number) {
            return self.resend_notify(notify).map(|()| notify);
        }
        let new = self.compose(order);
        let new = new.ok_or_else(|| format!("order {name} names no notify URL"))?;
        self.try_take_up(new)
    }
}
