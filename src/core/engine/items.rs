//! The slots that orders, draws and gifts live in: counts and bounds, timers, questions and
//! their answers.

use super::{Asker, Clock, Effect, Engine, Slot};
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::core::item::Item;
use crate::core::record::{Key, Record};
use crate::core::report::{ItemReport, Report};
use crate::core::step::{Input, Output};
use crate::core::which::Which;
use crate::limits::{
    HELD_MAX, ORDERS_KEPT_MAX, ORDERS_NEW_PER_MINUTE_MAX, ORDERS_OPEN_PER_APP_MAX,
    ORDERS_UNACKED_PER_APP_MAX, ORDER_KEPT_ACKED_MS,
};

impl Engine {
    /// The wanted orders, draws and gifts of one app, oldest first.
    pub fn items(&self, app_key: &AppKey, which: Which, clock: Clock) -> Vec<ItemReport> {
        let mut slots: Vec<&Slot> = self
            .items
            .values()
            .filter(|slot| slot.item.app_key() == app_key && which.wants(&slot.item))
            .collect();
        slots.sort_by_key(|slot| slot.number);
        let now = self.time(clock);
        slots.iter().map(|slot| slot.item.report(&now)).collect()
    }

    /// The wanted orders of one app, oldest first.
    pub fn reports(&self, app_key: &AppKey, which: Which, clock: Clock) -> Vec<Report> {
        let order = |item| match item {
            ItemReport::Order(report) => Some(report),
            ItemReport::Draw(_) | ItemReport::Gift(_) => None,
        };
        self.items(app_key, which, clock).into_iter().filter_map(order).collect()
    }

    /// How many orders, draws and gifts of these apps are open, and how many wait for an ack.
    pub fn counts(&self, apps: &[AppKey]) -> [usize; 2] {
        let counts = apps.iter().filter_map(|key| self.apps.get(key)).map(|app| app.counts);
        counts.fold([0; 2], |sum, counts| [sum[0] + counts[0], sum[1] + counts[1]])
    }

    /// Forgets what was acked more than `ORDER_KEPT_ACKED_MS` ago and has nothing left to do.
    pub fn prune(&mut self, clock: Clock) {
        let oldest = clock.wall_ms.saturating_sub(ORDER_KEPT_ACKED_MS);
        self.forget(|at_ms| at_ms < oldest);
    }

    /// Forgets everything that was acked, when the journal has no room for a new order
    /// otherwise. Says whether there was any.
    pub fn forget_acked(&mut self) -> bool {
        let before = self.items.len();
        self.forget(|_| true);
        self.items.len() < before
    }

    fn forget(&mut self, old: impl Fn(i64) -> bool) {
        self.items.retain(|_, slot| !slot.item.settled_since_ms().is_some_and(&old));
    }

    /// Folds one record of an item in. One that begins an item may follow the end of another
    /// of its name: that one had nothing left to do, and was forgotten or was tried again.
    pub(super) fn replay_item(&mut self, key: &Key, record: Record) -> Result<(), String> {
        let old = self.item(key);
        let is_over = old.is_none_or(|item| item.settled_since_ms().is_some());
        if let Some(item) = Item::begin(&record).filter(|_| is_over) {
            self.insert(key.clone(), item);
            return Ok(());
        }
        let applied = self.change(key, |item| item.apply(&record));
        applied.unwrap_or_else(|| Err(format!("{} begins with {record:?}", key.order_id)))
    }

    /// The records that replay into the present items, oldest item first.
    pub(super) fn item_records(&self) -> Vec<Record> {
        let mut slots: Vec<&Slot> = self.items.values().collect();
        slots.sort_by_key(|slot| slot.number);
        slots.iter().flat_map(|slot| slot.item.records()).collect()
    }

    /// Takes up an item that was just started.
    pub(super) fn begin(&mut self, item: Item, outputs: Vec<Output>, out: &mut Vec<Effect>) {
        let key = item.key();
        self.insert(key.clone(), item);
        self.carry(&key, outputs, out);
    }

    /// Whether there is such an order, draw or gift.
    pub fn has_item(&self, key: &Key) -> bool {
        self.items.contains_key(key)
    }

    pub(super) fn item(&self, key: &Key) -> Option<&Item> {
        self.items.get(key).map(|slot| &slot.item)
    }

    fn insert(&mut self, key: Key, item: Item) {
        self.slot_last += 1;
        self.tally(&key, [false; 2], standing(&item));
        let slot = Slot { item, number: self.slot_last, call: None, wake_at: None };
        self.items.insert(key, slot);
    }

    /// Lets an item change and keeps the counts of its app right.
    pub(super) fn change<T>(&mut self, key: &Key, act: impl FnOnce(&mut Item) -> T) -> Option<T> {
        let item = &mut self.items.get_mut(key)?.item;
        let before = standing(item);
        let result = act(item);
        let after = standing(item);
        self.tally(key, before, after);
        Some(result)
    }

    fn tally(&mut self, key: &Key, before: [bool; 2], after: [bool; 2]) {
        // An app that is no longer served may still have orders in the journal.
        let Some(app) = self.apps.get_mut(&key.app_key) else { return };
        for (count, (before, after)) in app.counts.iter_mut().zip(before.into_iter().zip(after)) {
            *count = *count + usize::from(after) - usize::from(before);
        }
    }

    /// Oldest first.
    pub(super) fn keys(&self, wanted: impl Fn(&Item) -> bool) -> Vec<Key> {
        let mut slots: Vec<(&Key, &Slot)> =
            self.items.iter().filter(|(_, slot)| wanted(&slot.item)).collect();
        slots.sort_by_key(|(_, slot)| slot.number);
        slots.into_iter().map(|(key, _)| key.clone()).collect()
    }

    /// Bounds of `reference/reliability.md` 4.6 for what is to be begun under `key`. Counts a
    /// start only if it is allowed.
    pub(super) fn admit(&mut self, key: &Key, clock: Clock) -> Result<(), Refusal> {
        let app_key = &key.app_key;
        let limit = |text: String| Err(Refusal::new(Code::LIMIT, text));
        let [open, unacked] = self.counts(std::slice::from_ref(app_key));
        if open >= ORDERS_OPEN_PER_APP_MAX {
            return limit(format!("{ORDERS_OPEN_PER_APP_MAX} orders of this app are open"));
        }
        if unacked >= ORDERS_UNACKED_PER_APP_MAX {
            return limit(format!(
                "{ORDERS_UNACKED_PER_APP_MAX} results of this app wait for an ack"
            ));
        }
        if self.items.len() >= ORDERS_KEPT_MAX && !self.forget_oldest_settled(key) {
            return limit(format!("{ORDERS_KEPT_MAX} orders are kept and none is acked"));
        }
        let Some(app) = self.apps.get_mut(app_key) else { return Ok(()) };
        while app.started.front().is_some_and(|at| clock.boot_ms >= at + 60_000) {
            app.started.pop_front();
        }
        if app.started.len() >= ORDERS_NEW_PER_MINUTE_MAX {
            return limit(format!("{ORDERS_NEW_PER_MINUTE_MAX} orders of this app in one minute"));
        }
        app.started.push_back(clock.boot_ms);
        Ok(())
    }

    /// Makes room for one item, unless it has a place already.
    fn forget_oldest_settled(&mut self, for_key: &Key) -> bool {
        if self.has_item(for_key) {
            return true;
        }
        let oldest = self.keys(|item| item.settled_since_ms().is_some()).into_iter().next();
        oldest.is_some_and(|key| self.items.remove(&key).is_some())
    }

    pub(super) fn step(&mut self, key: &Key, input: Input, clock: Clock, out: &mut Vec<Effect>) {
        let Some(number) = self.items.get(key).map(|slot| slot.number) else { return };
        let now = self.now(clock, number);
        let mut outputs = Vec::new();
        self.change(key, |item| item.step(input, &now, &mut outputs));
        self.carry(key, outputs, out);
    }

    /// Numbers the questions and sets the item's next timer.
    pub(super) fn carry(&mut self, key: &Key, outputs: Vec<Output>, out: &mut Vec<Effect>) {
        for output in outputs {
            match output {
                Output::Append(record) => out.push(Effect::Append(record)),
                Output::Tell(event) => out.push(Effect::Tell(event)),
                Output::Ask(ask) => {
                    let session = self.session_of(key);
                    let asker = Asker::Item(key.clone());
                    let call = self.send(asker, key.app_key.clone(), session, ask, out);
                    if let Some(slot) = self.items.get_mut(key) {
                        slot.call = Some(call);
                    }
                }
            }
        }
        let Some(slot) = self.items.get_mut(key) else { return };
        let next = slot.item.wake_at();
        if next != slot.wake_at {
            if let Some(old) = slot.wake_at {
                self.timers.remove(&(old, key.clone()));
            }
            if let Some(next) = next {
                self.timers.insert((next, key.clone()));
            }
            slot.wake_at = next;
        }
    }

    /// Only the newest open orders are held, and only while workers are left for the rest.
    pub(super) fn may_hold(&self, number: u64) -> bool {
        let newer = |slot: &&Slot| slot.number > number && !slot.item.state().is_final();
        self.held() < HELD_MAX && self.items.values().filter(newer).count() < HELD_MAX
    }
}

/// Whether an item is open, and whether it waits for its ack.
fn standing(item: &Item) -> [bool; 2] {
    [Which::Open.wants(item), Which::Unacked.wants(item)]
}
