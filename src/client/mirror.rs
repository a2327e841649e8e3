//! The orders as the engine last told them: the fold of the snapshot, of events and of
//! answers. The newer sequence wins, so it does not matter by which way a report came.

use std::collections::BTreeMap;

use crate::core::facts::OrderId;
use crate::core::record::Key;
use crate::core::report::{Report, State};
use crate::limits::MIRROR_ORDERS_MAX;

#[derive(Debug)]
pub(super) struct Entry {
    pub report: Report,
    /// Highest sequence that an `Order` event carried to the owner.
    told: u64,
    /// The code that a `Qr` event carried.
    told_qr: Option<String>,
    /// A final state that is told once more under its old sequence.
    retell: bool,
    /// This client asked for the payment.
    own: bool,
}

impl Entry {
    fn owes_order(&self) -> bool {
        self.report.sequence > self.told || self.retell
    }

    fn owes_qr(&self) -> bool {
        !self.report.state.is_final()
            && self.report.qr_text.is_some()
            && self.report.qr_text != self.told_qr
    }

    /// Nothing more will be told of it.
    fn is_done(&self) -> bool {
        self.report.state.is_final() && self.report.acked && !self.owes_order()
    }
}

/// What a report brought that is worth an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub order: bool,
    pub qr: bool,
}

#[derive(Debug, Default)]
pub(super) struct Mirror {
    orders: BTreeMap<Key, Entry>,
}

pub(super) fn key(report: &Report) -> Key {
    Key { app_key: report.app_key.clone(), order_id: report.order_id.clone() }
}

impl Mirror {
    /// Takes a report in. `acking` is the sequence that an ack is on its way for; a state
    /// that it covers is not told again. `None`: there are more orders than may be.
    pub fn fold(&mut self, report: Report, acking: u64) -> Option<News> {
        let key = key(&report);
        if !self.orders.contains_key(&key) && self.orders.len() >= MIRROR_ORDERS_MAX {
            return None;
        }
        if report.state.is_final() && report.acked && !self.orders.contains_key(&key) {
            // Over and done with before we heard of it, or after we forgot it.
            return Some(News::default());
        }
        let entry = self.orders.entry(key.clone()).or_insert_with(|| Entry {
            report: report.clone(),
            told: 0,
            told_qr: None,
            retell: false,
            own: false,
        });
        if report.sequence < entry.report.sequence {
            return Some(News::default());
        }
        let covered = report.acked || acking >= report.sequence;
        if report.state.is_final() && report.sequence <= entry.told && !covered {
            entry.retell = true;
        }
        entry.report = report;
        let news = News { order: entry.owes_order(), qr: entry.owes_qr() };
        if entry.is_done() {
            self.orders.remove(&key);
        }
        Some(news)
    }

    /// The snapshot of a new connection counts even with a lower sequence: the journal may
    /// be another one.
    pub fn restart(&mut self, report: &Report) {
        let key = key(report);
        if self.orders.get(&key).is_some_and(|known| known.report.sequence > report.sequence) {
            let own = self.orders.remove(&key).is_some_and(|entry| entry.own);
            self.fold(report.clone(), 0);
            self.set_own(&key, own);
        }
    }

    pub fn get(&self, key: &Key) -> Option<&Report> {
        self.orders.get(key).map(|entry| &entry.report)
    }

    /// The only order with this id, whatever its app.
    pub fn find(&self, order_id: &OrderId) -> Option<&Report> {
        let mut found = self.orders.iter().filter(|(key, _)| key.order_id == *order_id);
        match (found.next(), found.next()) {
            (Some((_, entry)), None) => Some(&entry.report),
            _ => None,
        }
    }

    pub fn set_own(&mut self, key: &Key, own: bool) {
        if let Some(entry) = self.orders.get_mut(key) {
            entry.own = own;
        }
    }

    /// Own orders that the player can still be looking at.
    pub fn on_screen(&self) -> impl Iterator<Item = &Report> {
        let shown = |state| matches!(state, State::Created | State::Pending | State::Scanned);
        let own = self.orders.values().filter(|entry| entry.own);
        own.map(|entry| &entry.report).filter(move |report| shown(report.state))
    }

    /// Orders that are not final.
    pub fn open(&self) -> impl Iterator<Item = &Key> {
        self.orders.iter().filter(|(_, entry)| !entry.report.state.is_final()).map(|(key, _)| key)
    }

    /// The report for an `Order` event, unless there is nothing to tell by now.
    pub fn tell_order(&mut self, key: &Key) -> Option<Report> {
        let entry = self.orders.get_mut(key).filter(|entry| entry.owes_order())?;
        entry.told = entry.report.sequence;
        entry.retell = false;
        let report = entry.report.clone();
        self.tidy(key);
        Some(report)
    }

    /// The report for a `Qr` event, unless the code is not to be shown by now.
    pub fn tell_qr(&mut self, key: &Key) -> Option<Report> {
        let entry = self.orders.get_mut(key).filter(|entry| entry.owes_qr())?;
        entry.told_qr.clone_from(&entry.report.qr_text);
        Some(entry.report.clone())
    }

    pub fn owes_order(&self, key: &Key) -> bool {
        self.orders.get(key).is_some_and(Entry::owes_order)
    }

    pub fn owes_qr(&self, key: &Key) -> bool {
        self.orders.get(key).is_some_and(Entry::owes_qr)
    }

    /// An answer carried this state to the owner.
    pub fn told(&mut self, key: &Key) {
        if let Some(entry) = self.orders.get_mut(key) {
            entry.told = entry.report.sequence;
            entry.retell = false;
        }
        self.tidy(key);
    }

    /// The engine has the ack.
    pub fn acked(&mut self, key: &Key, sequence: u64) {
        let entry = self.orders.get_mut(key);
        if let Some(entry) = entry.filter(|entry| entry.report.sequence <= sequence) {
            entry.report.acked |= entry.report.state.is_final();
            entry.retell = false;
        }
        self.tidy(key);
    }

    /// Final states that a full list of the unfinished does not have were acked by another.
    pub fn acked_elsewhere(&mut self, unfinished: &[Key]) {
        for (key, entry) in &mut self.orders {
            entry.report.acked |= entry.report.state.is_final() && !unfinished.contains(key);
        }
        self.orders.retain(|_, entry| !entry.is_done());
    }

    /// Forgets an order that the engine does not know; its last report.
    pub fn remove(&mut self, key: &Key) -> Option<Report> {
        self.orders.remove(key).map(|entry| entry.report)
    }

    fn tidy(&mut self, key: &Key) {
        if self.orders.get(key).is_some_and(Entry::is_done) {
            self.orders.remove(key);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::core::code::Code;
    use crate::core::facts::AppKey;
    use crate::money::Fen;

    pub fn report(order_id: &str, state: State, sequence: u64) -> Report {
        Report {
            app_key: AppKey::new("23012345").unwrap(),
            order_id: OrderId::new(order_id).unwrap(),
            state,
            sequence,
            amount_fen: Fen::new(600).unwrap(),
            title: "60 gems".into(),
            subject_id: None,
            trade_no: None,
            qr_text: None,
            expires_s: None,
            result: Code::OK,
            gateway_code: None,
            message: None,
            created_ms: 1,
            paid_ms: None,
            awards: Vec::new(),
            interval: None,
            acked: false,
        }
    }

    fn fold(mirror: &mut Mirror, report: Report) -> News {
        mirror.fold(report, 0).unwrap()
    }

    #[test]
    fn the_newer_sequence_wins_by_whatever_way_it_came() {
        let mut mirror = Mirror::default();
        let key = key(&report("A", State::Created, 1));
        let news = fold(&mut mirror, report("A", State::Paid, 3));
        assert_eq!(news, News { order: true, qr: false });
        fold(&mut mirror, report("A", State::Scanned, 2));
        assert_eq!(mirror.tell_order(&key).unwrap().state, State::Paid);
        assert!(mirror.tell_order(&key).is_none());
    }

    #[test]
    fn a_final_state_is_told_again_until_it_is_acked() {
        let mut mirror = Mirror::default();
        let paid = report("A", State::Paid, 3);
        let key = key(&paid);
        fold(&mut mirror, paid.clone());
        assert!(mirror.tell_order(&key).is_some());
        assert!(fold(&mut mirror, paid.clone()).order);
        assert!(mirror.tell_order(&key).is_some());
        assert!(!mirror.fold(paid.clone(), 3).unwrap().order, "its ack is on the way");
        mirror.acked(&key, 2);
        assert!(mirror.get(&key).is_some(), "an ack of something older");
        mirror.acked(&key, 3);
        assert!(mirror.get(&key).is_none());
    }

    #[test]
    fn what_is_acked_is_no_news_to_who_does_not_know_the_order() {
        let mut mirror = Mirror::default();
        let acked = Report { acked: true, ..report("A", State::Paid, 3) };
        assert_eq!(fold(&mut mirror, acked.clone()), News::default());
        assert!(mirror.get(&key(&acked)).is_none());
        fold(&mut mirror, report("A", State::Pending, 2));
        assert!(fold(&mut mirror, acked.clone()).order, "we followed it, so we tell its end");
        assert!(mirror.tell_order(&key(&acked)).is_some());
        assert!(mirror.get(&key(&acked)).is_none());
    }

    #[test]
    fn a_code_is_told_once_and_only_while_it_may_be_shown() {
        let mut mirror = Mirror::default();
        let pending = Report {
            qr_text: Some("https://qr.alipay.com/x".into()),
            ..report("A", State::Pending, 2)
        };
        let key = key(&pending);
        assert!(fold(&mut mirror, pending.clone()).qr);
        assert!(mirror.tell_qr(&key).is_some());
        assert!(!fold(&mut mirror, pending.clone()).qr);
        let other = Report { qr_text: Some("https://qr.alipay.com/y".into()), ..pending };
        assert!(fold(&mut mirror, Report { sequence: 3, ..other }).qr);
        fold(&mut mirror, report("A", State::Closing, 4));
        assert!(mirror.tell_qr(&key).is_none());
    }

    #[test]
    fn only_own_orders_are_on_screen() {
        let mut mirror = Mirror::default();
        for (id, state) in [("A", State::Pending), ("B", State::Pending), ("C", State::Unknown)] {
            fold(&mut mirror, report(id, state, 1));
        }
        mirror.set_own(&key(&report("A", State::Pending, 1)), true);
        mirror.set_own(&key(&report("C", State::Pending, 1)), true);
        let shown: Vec<&str> = mirror.on_screen().map(|r| r.order_id.as_str()).collect();
        assert_eq!(shown, ["A"]);
    }

    #[test]
    fn a_snapshot_of_another_journal_counts_with_lower_sequences() {
        let mut mirror = Mirror::default();
        fold(&mut mirror, report("A", State::Scanned, 900));
        let snapshot = report("A", State::Pending, 2);
        mirror.restart(&snapshot);
        assert!(fold(&mut mirror, snapshot.clone()).order);
        assert_eq!(mirror.get(&key(&snapshot)).unwrap().state, State::Pending);
    }

    #[test]
    fn a_server_cannot_fill_the_memory() {
        let mut mirror = Mirror::default();
        for n in 0..MIRROR_ORDERS_MAX {
            fold(&mut mirror, report(&format!("N{n}"), State::Pending, 1));
        }
        assert!(mirror.fold(report("more", State::Pending, 1), 0).is_none());
        assert!(mirror.fold(report("N0", State::Paid, 2), 0).is_some());
    }
}
