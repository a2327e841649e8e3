//! pay, pay_from_server, repay, cancel, query, ack, orders

use super::access::{choose, choose_all};
use super::desk::{key_of, Caller, Desk, Nothing, Outcome};
use super::lists::Room;
use super::members::Members;
use super::proto::{Orders, Pay, Which};
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, Facts};
use crate::core::record::Key;
use crate::core::report::Report;
use crate::limits::ORDERS_LIST_MAX;

impl Desk {
    pub(super) fn pay(&mut self, caller: &Caller, pay: Pay) -> Outcome<Report> {
        let app_key = choose(&caller.apps, pay.app_key.clone())?;
        self.accept(pay.into_facts(app_key))
    }

    pub(super) fn repay(&mut self, caller: &Caller, members: &Members) -> Outcome<Report> {
        let repay = members.repay()?;
        let app_key = choose(&caller.apps, repay.app_key.clone())?;
        self.accept(repay.into_facts(app_key)?)
    }

    fn accept(&mut self, facts: Facts) -> Outcome<Report> {
        self.gateway.check(&facts)?;
        self.check_room(&facts.key())?;
        Ok(self.engine.pay(facts, self.clock, &mut self.effects)?)
    }

    /// Refuses what is new while the journal has no room for it.
    pub(super) fn check_room(&self, key: &Key) -> Result<(), Refusal> {
        if self.has_room || self.engine.has_item(key) {
            return Ok(());
        }
        let text = "the journal is full of what is open or not acked";
        Err(Refusal::new(Code::STORAGE, text))
    }

    pub(super) fn cancel(&mut self, caller: &Caller, members: &Members) -> Outcome<Report> {
        let wanted = members.order_ref()?;
        let key = key_of(caller, wanted.app_key, wanted.order_id)?;
        Ok(self.engine.cancel(&key, self.clock, &mut self.effects)?)
    }

    pub(super) fn query(&mut self, caller: &Caller, members: &Members) -> Outcome<Report> {
        let wanted = members.order_ref()?;
        let key = key_of(caller, wanted.app_key, wanted.order_id)?;
        Ok(self.engine.query(&key, self.clock, &mut self.effects)?)
    }

    pub(super) fn ack(&mut self, caller: &Caller, members: &Members) -> Outcome<Nothing> {
        let ack = members.ack()?;
        let key = key_of(caller, ack.app_key, ack.order_id)?;
        self.engine.ack(&key, ack.sequence, self.clock, &mut self.effects)?;
        Ok(Nothing {})
    }

    /// Oldest first. Where not all fit, the newest ones are listed: the others are told again
    /// as events until they are acked.
    pub(super) fn orders(&self, caller: &Caller, members: &Members) -> Outcome<Orders> {
        let wanted = members.list()?;
        let apps = choose_all(&caller.apps, wanted.app_key)?;
        let mut orders = self.reports(&apps, wanted.which);
        let limit = wanted.limit.unwrap_or(ORDERS_LIST_MAX);
        let more = Room::new().keep_last(&mut orders, limit);
        Ok(Orders { orders, more })
    }

    fn reports(&self, apps: &[AppKey], which: Which) -> Vec<Report> {
        let reports = |app| self.engine.reports(app, which, self.clock);
        let mut orders: Vec<Report> = apps.iter().flat_map(reports).collect();
        if apps.len() > 1 {
            orders.sort_by_key(|report| report.created_ms);
        }
        orders
    }
}
