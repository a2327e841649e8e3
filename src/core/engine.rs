//! Many orders: who may start one, whose timer is next, which answer belongs to which
//! question, and how many queries may be held. Like `step` it only computes; the shell does
//! what the effects say, in their order, and nothing behind an `Append` before it is durable.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::call::{Ask, Call, CallNo, DoubtKind, Reply};
use super::code::{Code, Refusal};
use super::facts::{AppKey, Facts};
use super::order::{Now, Order};
use super::record::{Key, Record};
use super::report::{Event, Report, State};
use super::step::{start, step, wake_at, Input, Output};
pub use super::which::Which;
use crate::limits::{
    BACKOFF_MS_MAX, BACKOFF_MS_MIN, HELD_MAX, ORDERS_KEPT_MAX, ORDERS_NEW_PER_MINUTE_MAX,
    ORDERS_OPEN_PER_APP_MAX, ORDERS_UNACKED_PER_APP_MAX, ORDER_KEPT_ACKED_MS, PROBE_AGE_MS_MAX,
    WAIT_S_MAX,
};

/// What the shell's clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Milliseconds since boot, sleep included (`CLOCK_BOOTTIME`).
    pub boot_ms: u64,
    /// Unix milliseconds (`CLOCK_REALTIME`); may be anything, and may jump.
    pub wall_ms: i64,
}

/// What the shell has to do. Order matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write it down; what follows waits until that is durable.
    Append(Record),
    /// Ask the gateway and bring exactly one reply back under this number.
    Send(CallNo, Call),
    /// Tell everybody who watches the app.
    Tell(Event),
}

/// What is known of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayHealth {
    /// The last answer was usable.
    pub online: bool,
    /// 0, or what was wrong with it.
    pub result: Code,
    /// Milliseconds that its clock is ahead of ours.
    pub clock_offset_ms: Option<i64>,
}

/// The engine. One per journal.
pub struct Engine {
    apps: BTreeMap<AppKey, App>,
    orders: BTreeMap<Key, Slot>,
    timers: BTreeSet<(u64, Key)>,
    calls: BTreeMap<CallNo, InFlight>,
    call_last: CallNo,
    slot_last: u64,
    gateway: Gateway,
}

#[derive(Default)]
struct App {
    /// Boot milliseconds of the orders started in the last minute.
    started: VecDeque<u64>,
    /// Orders that are open, and orders that wait for an ack.
    counts: [usize; 2],
}

struct Slot {
    order: Order,
    /// Grows with age: a larger number is a newer order.
    number: u64,
    /// The call whose answer the order waits for.
    call: Option<CallNo>,
    wake_at: Option<u64>,
}

struct InFlight {
    /// None: a probe.
    key: Option<Key>,
    held: bool,
}

#[derive(Default)]
struct Gateway {
    /// Server clock minus boot clock.
    offset_ms: Option<i64>,
    wait_s_max: u32,
    trouble: Option<Code>,
    probing: Option<CallNo>,
    probed_at: Option<u64>,
    probe_at: Option<u64>,
    probe_tries: u32,
}

impl Engine {
    /// An engine without orders, for these apps.
    pub fn new(apps: impl IntoIterator<Item = AppKey>) -> Engine {
        Engine {
            apps: apps.into_iter().map(|key| (key, App::default())).collect(),
            orders: BTreeMap::new(),
            timers: BTreeSet::new(),
            calls: BTreeMap::new(),
            call_last: 0,
            slot_last: 0,
            gateway: Gateway::default(),
        }
    }

    /// Folds in one record of the journal, oldest first.
    ///
    /// # Errors
    /// The journal contradicts itself: do not start, keep the file.
    pub fn replay(&mut self, record: Record) -> Result<(), String> {
        let Some(key) = record.key() else { return Ok(()) };
        match record {
            Record::Intent { facts, created_ms } => {
                if self.orders.contains_key(&key) {
                    return Err(format!("order {} is in the journal twice", key.order_id));
                }
                self.insert(key, Order::new(facts, created_ms));
                Ok(())
            }
            record => match self.change(&key, |order| order.apply(&record)) {
                Some(applied) => applied,
                None => Err(format!("order {} begins with {record:?}", key.order_id)),
            },
        }
    }

    /// Begins to work: asks the gateway who it is, takes up every open order and tells
    /// every final one that was not acked. Call it once, after the last `replay`.
    pub fn start(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        self.probe(clock, out);
        let keys: Vec<Key> = self.keys(|_| true);
        for key in keys {
            self.step(&key, Input::Resume, clock, out);
        }
    }

    /// Starts an order, or finds the one that has the same facts.
    ///
    /// # Errors
    /// INVALID and STRING name the fact; DENIED an app that is not served; CONFLICT the fact
    /// that differs; LIMIT the bound. Nothing has changed then.
    pub fn pay(
        &mut self,
        facts: Facts,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<Report, Refusal> {
        facts.check()?;
        let key = facts.key();
        if !self.apps.contains_key(&key.app_key) {
            return Err(Refusal::new(
                Code::DENIED,
                format!("app_key {} is not served", key.app_key),
            ));
        }
        if let Some(slot) = self.orders.get(&key) {
            let now = self.time(clock);
            return resumed(&slot.order, &facts, &now);
        }
        self.admit(&key.app_key, clock)?;
        self.probe_if_old(clock, out);
        let now = self.now(clock, self.slot_last + 1);
        let mut outputs = Vec::new();
        let order = start(facts, &now, &mut outputs);
        let report = order.report(&now);
        self.insert(key.clone(), order);
        self.carry(&key, outputs, out);
        Ok(report)
    }

    /// Asks for an end without money. Paid still wins.
    ///
    /// # Errors
    /// NOT_FOUND, or STATE for an order that has ended otherwise.
    pub fn cancel(
        &mut self,
        key: &Key,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<Report, Refusal> {
        let state = self.slot(key)?.order.state();
        if matches!(state, State::Paid | State::Failed | State::Refunded) {
            let text =
                format!("order {} is {} and cannot be cancelled", key.order_id, state.name());
            return Err(Refusal::new(Code::STATE, text));
        }
        self.step(key, Input::Cancel, clock, out);
        self.report(key, clock).ok_or_else(|| not_found(key))
    }

    /// What is known of the order; an open one is asked about at the gateway as well, and
    /// what comes of that is told as an event.
    ///
    /// # Errors
    /// NOT_FOUND.
    pub fn query(
        &mut self,
        key: &Key,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<Report, Refusal> {
        self.slot(key)?;
        self.step(key, Input::Hurry, clock, out);
        self.report(key, clock).ok_or_else(|| not_found(key))
    }

    /// Takes a final state out of the outbox. An ack of something older changes nothing.
    ///
    /// # Errors
    /// NOT_FOUND; STATE for an order that is not final; INVALID for a sequence that was
    /// never told.
    pub fn ack(
        &mut self,
        key: &Key,
        sequence: u64,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let order = &self.slot(key)?.order;
        let told = order.sequence;
        if sequence > told {
            let text = format!("sequence is {sequence}: order {} has told {told}", key.order_id);
            return Err(Refusal::new(Code::INVALID, text));
        }
        if !order.state().is_final() {
            let text = format!(
                "order {} is {}: only a final state can be acked",
                key.order_id,
                order.state().name()
            );
            return Err(Refusal::new(Code::STATE, text));
        }
        self.step(key, Input::Ack { sequence }, clock, out);
        Ok(())
    }

    /// Brings back what came of a call. A number that is not known is ignored.
    pub fn reply(&mut self, call: CallNo, reply: Reply, clock: Clock, out: &mut Vec<Effect>) {
        let Some(in_flight) = self.calls.remove(&call) else { return };
        let was_online = self.gateway.trouble.is_none();
        self.note_health(&reply, clock);
        match in_flight.key {
            None => self.on_probe(call, reply, clock, out),
            Some(key) => {
                let clock_is_wrong = is_clock(&reply);
                let current = self.orders.get_mut(&key).is_some_and(|slot| {
                    let current = slot.call == Some(call);
                    slot.call = slot.call.filter(|_| !current);
                    current
                });
                if current {
                    self.step(&key, Input::Reply(reply), clock, out);
                }
                if clock_is_wrong {
                    self.probe(clock, out);
                }
            }
        }
        if !was_online && self.gateway.trouble.is_none() {
            self.hurry_all(clock, out);
        }
    }

    /// Runs every timer that is due.
    pub fn tick(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        if self.gateway.probe_at.is_some_and(|at| clock.boot_ms >= at) {
            self.probe(clock, out);
        }
        // A timer that a step sets for this very moment waits for the next tick.
        let due: Vec<Key> = self
            .timers
            .iter()
            .take_while(|timer| timer.0 <= clock.boot_ms)
            .map(|timer| timer.1.clone())
            .collect();
        for key in due {
            self.step(&key, Input::Tick, clock, out);
        }
    }

    /// Boot milliseconds at which `tick` has something to do; none while nothing is open.
    pub fn wake_at(&self) -> Option<u64> {
        let order = self.timers.first().map(|timer| timer.0);
        [order, self.gateway.probe_at].into_iter().flatten().min()
    }

    /// The wanted orders of one app, oldest first.
    pub fn reports(&self, app_key: &AppKey, which: Which, clock: Clock) -> Vec<Report> {
        let mut slots: Vec<&Slot> = self
            .orders
            .values()
            .filter(|slot| slot.order.facts().app_key == *app_key && which.wants(&slot.order))
            .collect();
        slots.sort_by_key(|slot| slot.number);
        let now = self.time(clock);
        slots.iter().map(|slot| slot.order.report(&now)).collect()
    }

    /// How many orders of these apps are open, and how many wait for an ack.
    pub fn counts(&self, apps: &[AppKey]) -> [usize; 2] {
        let counts = apps.iter().filter_map(|key| self.apps.get(key)).map(|app| app.counts);
        counts.fold([0; 2], |sum, counts| [sum[0] + counts[0], sum[1] + counts[1]])
    }

    /// One order as it stands.
    pub fn report(&self, key: &Key, clock: Clock) -> Option<Report> {
        let slot = self.orders.get(key)?;
        Some(slot.order.report(&self.time(clock)))
    }

    /// Whether this engine serves the app.
    pub fn has_app(&self, app_key: &AppKey) -> bool {
        self.apps.contains_key(app_key)
    }

    /// What is known of the gateway.
    pub fn gateway(&self, clock: Clock) -> GatewayHealth {
        GatewayHealth {
            online: self.gateway.trouble.is_none() && self.gateway.offset_ms.is_some(),
            result: self.gateway.trouble.unwrap_or(Code::OK),
            clock_offset_ms: self.known_server_ms(clock).map(|server| server - clock.wall_ms),
        }
    }

    /// The best estimate of the gateway's clock, Unix milliseconds, for signing a call.
    pub fn server_ms(&self, clock: Clock) -> i64 {
        self.known_server_ms(clock).unwrap_or(clock.wall_ms)
    }

    /// The shortest journal that replays into the present state.
    pub fn snapshot(&self) -> Vec<Record> {
        let mut slots: Vec<&Slot> = self.orders.values().collect();
        slots.sort_by_key(|slot| slot.number);
        slots.iter().flat_map(|slot| slot.order.records()).collect()
    }

    /// Forgets orders that were acked more than `ORDER_KEPT_ACKED_MS` ago.
    pub fn prune(&mut self, clock: Clock) {
        let oldest = clock.wall_ms.saturating_sub(ORDER_KEPT_ACKED_MS);
        self.forget(|at_ms| at_ms < oldest);
    }

    /// Forgets every acked order, when the journal has no room for a new one otherwise.
    /// Says whether there was any.
    pub fn forget_acked(&mut self) -> bool {
        let before = self.orders.len();
        self.forget(|_| true);
        self.orders.len() < before
    }

    fn forget(&mut self, old: impl Fn(i64) -> bool) {
        self.orders.retain(|_, slot| !slot.order.acked_since_ms().is_some_and(&old));
    }

    fn insert(&mut self, key: Key, order: Order) {
        self.slot_last += 1;
        self.tally(&key, [false; 2], standing(&order));
        let slot = Slot { order, number: self.slot_last, call: None, wake_at: None };
        self.orders.insert(key, slot);
    }

    /// Lets an order change and keeps the counts of its app right.
    fn change<T>(&mut self, key: &Key, act: impl FnOnce(&mut Order) -> T) -> Option<T> {
        let order = &mut self.orders.get_mut(key)?.order;
        let before = standing(order);
        let result = act(order);
        let after = standing(order);
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

    fn slot(&self, key: &Key) -> Result<&Slot, Refusal> {
        self.orders.get(key).ok_or_else(|| not_found(key))
    }

    fn keys(&self, wanted: impl Fn(&Slot) -> bool) -> Vec<Key> {
        let mut slots: Vec<(&Key, &Slot)> = self.orders.iter().filter(|(_, s)| wanted(s)).collect();
        slots.sort_by_key(|(_, slot)| slot.number);
        slots.into_iter().map(|(key, _)| key.clone()).collect()
    }

    /// Bounds of `reference/reliability.md` 4.6. Counts a start only if it is allowed.
    fn admit(&mut self, app_key: &AppKey, clock: Clock) -> Result<(), Refusal> {
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
        if self.orders.len() >= ORDERS_KEPT_MAX && !self.forget_oldest_acked() {
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

    fn forget_oldest_acked(&mut self) -> bool {
        let oldest = self.keys(|slot| slot.order.acked_since_ms().is_some()).into_iter().next();
        oldest.is_some_and(|key| self.orders.remove(&key).is_some())
    }

    fn step(&mut self, key: &Key, input: Input, clock: Clock, out: &mut Vec<Effect>) {
        let Some(number) = self.orders.get(key).map(|slot| slot.number) else { return };
        let now = self.now(clock, number);
        let mut outputs = Vec::new();
        self.change(key, |order| step(order, input, &now, &mut outputs));
        self.carry(key, outputs, out);
    }

    /// Numbers the questions and sets the order's next timer.
    fn carry(&mut self, key: &Key, outputs: Vec<Output>, out: &mut Vec<Effect>) {
        for output in outputs {
            match output {
                Output::Append(record) => out.push(Effect::Append(record)),
                Output::Tell(event) => out.push(Effect::Tell(event)),
                Output::Ask(ask) => {
                    let call = self.send(Some(key.clone()), key.app_key.clone(), ask, out);
                    if let Some(slot) = self.orders.get_mut(key) {
                        slot.call = Some(call);
                    }
                }
            }
        }
        let Some(slot) = self.orders.get_mut(key) else { return };
        let next = wake_at(&slot.order);
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

    fn send(
        &mut self,
        key: Option<Key>,
        app_key: AppKey,
        ask: Ask,
        out: &mut Vec<Effect>,
    ) -> CallNo {
        self.call_last += 1;
        let held = matches!(ask, Ask::Query { wait_s, .. } if wait_s > 0);
        self.calls.insert(self.call_last, InFlight { key, held });
        out.push(Effect::Send(self.call_last, Call { app_key, session: None, ask }));
        self.call_last
    }

    /// Enough to look at an order.
    fn time(&self, clock: Clock) -> Now {
        let Clock { boot_ms, wall_ms } = clock;
        Now { boot_ms, wall_ms, server_ms: self.known_server_ms(clock), wait_s: 0 }
    }

    /// Enough to let it move.
    fn now(&self, clock: Clock, number: u64) -> Now {
        let wait_s = if self.may_hold(number) { self.gateway.wait_s_max } else { 0 };
        Now { wait_s, ..self.time(clock) }
    }

    /// Only the newest open orders are held, and only while workers are left for the rest.
    fn may_hold(&self, number: u64) -> bool {
        let held = self.calls.values().filter(|call| call.held).count();
        let newer = |slot: &&Slot| slot.number > number && !slot.order.state().is_final();
        held < HELD_MAX && self.orders.values().filter(newer).count() < HELD_MAX
    }

    fn known_server_ms(&self, clock: Clock) -> Option<i64> {
        self.gateway.offset_ms.map(|offset| clock.boot_ms as i64 + offset)
    }

    fn note_health(&mut self, reply: &Reply, clock: Clock) {
        self.gateway.trouble = match reply {
            Reply::InDoubt(doubt) => Some(doubt.kind.code()),
            _ => None,
        };
        let server_ms = match reply {
            Reply::Probed { server_ms, .. } => Some(*server_ms),
            Reply::Shown { server_ms, .. } => *server_ms,
            Reply::Status(trade) => trade.server_ms,
            _ => None,
        };
        if let Some(server_ms) = server_ms {
            self.gateway.offset_ms = Some(server_ms.saturating_sub(clock.boot_ms as i64));
        }
    }

    fn probe(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        let Some(app_key) = self.apps.keys().next().cloned() else { return };
        if self.gateway.probing.is_some() {
            return;
        }
        self.gateway.probe_at = None;
        self.gateway.probed_at = Some(clock.boot_ms);
        self.gateway.probing = Some(self.send(None, app_key, Ask::Probe, out));
    }

    fn probe_if_old(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        let age = self.gateway.probed_at.map(|at| clock.boot_ms.saturating_sub(at));
        if self.gateway.offset_ms.is_none() || age.is_none_or(|age| age >= PROBE_AGE_MS_MAX) {
            self.probe(clock, out);
        }
    }

    fn on_probe(&mut self, call: CallNo, reply: Reply, clock: Clock, out: &mut Vec<Effect>) {
        self.gateway.probing = self.gateway.probing.filter(|probing| *probing != call);
        match reply {
            Reply::Probed { wait_s_max, .. } => {
                let held_before = self.gateway.wait_s_max > 0;
                self.gateway.wait_s_max = wait_s_max.min(WAIT_S_MAX);
                self.gateway.probe_tries = 0;
                if !held_before && self.gateway.wait_s_max > 0 {
                    self.hold_shown(clock, out);
                }
            }
            _ if self.orders.values().any(|slot| !slot.order.state().is_final()) => {
                let pause_ms = BACKOFF_MS_MIN << self.gateway.probe_tries.min(16);
                self.gateway.probe_tries = self.gateway.probe_tries.saturating_add(1);
                self.gateway.probe_at = Some(clock.boot_ms + pause_ms.min(BACKOFF_MS_MAX));
            }
            // An idle box does not wake up for this; the next order asks again.
            _ => {}
        }
    }

    /// A code that was shown before we knew that queries can be held need not wait for its
    /// next poll.
    fn hold_shown(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        for key in self.keys(|slot| slot.order.is_shown()) {
            self.step(&key, Input::Hurry, clock, out);
        }
    }

    /// The gateway is back: nobody waits out a long backoff.
    fn hurry_all(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        for key in self.keys(|slot| slot.order.doubt.is_some()) {
            self.step(&key, Input::Hurry, clock, out);
        }
    }
}

/// Whether an order is open, and whether it waits for its ack.
fn standing(order: &Order) -> [bool; 2] {
    [Which::Open.wants(order), Which::Unacked.wants(order)]
}

fn resumed(order: &Order, facts: &Facts, now: &Now) -> Result<Report, Refusal> {
    match order.facts().difference(facts) {
        None => Ok(order.report(now)),
        Some(field) => Err(Refusal::new(
            Code::CONFLICT,
            format!(
                "order {} exists with another {field} ({}, {:?}); it was left as it is",
                facts.order_id,
                order.facts().amount_fen,
                order.facts().title
            ),
        )),
    }
}

fn not_found(key: &Key) -> Refusal {
    Refusal::new(Code::NOT_FOUND, format!("order_id {} is not known", key.order_id))
}

fn is_clock(reply: &Reply) -> bool {
    matches!(reply, Reply::InDoubt(doubt) if doubt.kind == DoubtKind::Clock)
}
