//! What callers ask for about orders, and the ack of everything that waits for one.

use super::{Clock, Effect, Engine};
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, Facts};
use crate::core::item::Item;
use crate::core::order::Order;
use crate::core::record::Key;
use crate::core::report::{Report, State};
use crate::core::step::{start, Input};

impl Engine {
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
        self.check_app(&key.app_key)?;
        if let Ok(order) = self.order(&key) {
            let now = self.time(clock);
            return resumed(order, &facts).map(|()| order.report(&now));
        }
        self.admit(&key, clock)?;
        self.probe_if_old(clock, out);
        let now = self.now(clock, self.slot_last + 1);
        let mut outputs = Vec::new();
        let user_id = self.signed_in_user(&key.app_key);
        let order = start(Facts { user_id, ..facts }, &now, &mut outputs);
        let report = order.report(&now);
        self.begin(Item::Order(order), outputs, out);
        Ok(report)
    }

    /// Asks for an end of an order without money. Paid still wins.
    ///
    /// # Errors
    /// NOT_FOUND, or STATE for an order that has ended otherwise.
    pub fn cancel(
        &mut self,
        key: &Key,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<Report, Refusal> {
        let state = self.order(key)?.state();
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
        self.order(key)?;
        self.step(key, Input::Hurry, clock, out);
        self.report(key, clock).ok_or_else(|| not_found(key))
    }

    /// Takes a final state of an order, a draw or a gift out of the outbox. An ack of
    /// something older changes nothing.
    ///
    /// # Errors
    /// NOT_FOUND; STATE for what is not final; INVALID for a sequence that was never told.
    pub fn ack(
        &mut self,
        key: &Key,
        sequence: u64,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        let item = self.item(key).ok_or_else(|| not_found(key))?;
        let (id, told, state) = (&key.order_id, item.sequence(), item.state());
        if sequence > told {
            let text = format!("sequence is {sequence}: {id} has told {told}");
            return Err(Refusal::new(Code::INVALID, text));
        }
        if !state.is_final() {
            let text = format!("{id} is {}: only a final state can be acked", state.name());
            return Err(Refusal::new(Code::STATE, text));
        }
        self.step(key, Input::Ack { sequence }, clock, out);
        Ok(())
    }

    /// One order as it stands.
    pub fn report(&self, key: &Key, clock: Clock) -> Option<Report> {
        Some(self.order(key).ok()?.report(&self.time(clock)))
    }

    fn order(&self, key: &Key) -> Result<&Order, Refusal> {
        match self.item(key) {
            Some(Item::Order(order)) => Ok(order),
            _ => Err(not_found(key)),
        }
    }

    pub(super) fn check_app(&self, app_key: &AppKey) -> Result<(), Refusal> {
        if self.has_app(app_key) {
            return Ok(());
        }
        Err(Refusal::new(Code::DENIED, format!("app_key {app_key} is not served")))
    }
}

fn resumed(order: &Order, facts: &Facts) -> Result<(), Refusal> {
    let Some(field) = order.facts().difference(facts) else { return Ok(()) };
    Err(Refusal::new(
        Code::CONFLICT,
        format!(
            "order {} exists with another {field} ({}, {:?}); it was left as it is",
            facts.order_id,
            order.facts().amount_fen,
            order.facts().title
        ),
    ))
}

fn not_found(key: &Key) -> Refusal {
    Refusal::new(Code::NOT_FOUND, format!("order_id {} is not known", key.order_id))
}
