//! Orders, draws and gifts as the engine last told them: the fold of the snapshot, of events
//! and of answers. The newer sequence wins, so it does not matter by which way a report came.

use std::collections::BTreeMap;

use crate::core::facts::{AppKey, OrderId};
use crate::core::record::Key;
use crate::core::report::{ItemReport, Report, State};
use crate::limits::MIRROR_ORDERS_MAX;

#[derive(Debug)]
pub(super) struct Entry {
    pub report: ItemReport,
    /// Highest sequence that an event carried to the owner.
    told: u64,
    /// The code that a `Qr` event carried.
    told_qr: Option<String>,
    /// A final state that is told once more under its old sequence.
    retell: bool,
    /// This client asked for the payment.
    own: bool,
}

impl Entry {
    fn new(report: ItemReport) -> Entry {
        Entry { report, told: 0, told_qr: None, retell: false, own: false }
    }

    fn owes_state(&self) -> bool {
        self.report.sequence() > self.told || self.retell
    }

    fn owes_qr(&self) -> bool {
        let code = code_of(&self.report);
        code.is_some() && code != self.told_qr.as_ref()
    }

    fn is_final(&self) -> bool {
        self.report.state().is_final()
    }

    /// Nothing more will be told of it.
    fn is_done(&self) -> bool {
        self.is_final() && self.report.acked() && !self.owes_state()
    }
}

/// The code that may be shown.
fn code_of(report: &ItemReport) -> Option<&String> {
    match report {
        ItemReport::Order(report) if !report.state.is_final() => report.qr_text.as_ref(),
        _ => None,
    }
}

fn set_acked(report: &mut ItemReport) {
    match report {
        ItemReport::Order(report) => report.acked = true,
        ItemReport::Draw(report) => report.acked = true,
        ItemReport::Gift(report) => report.acked = true,
    }
}

/// What a report brought that is worth an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct News {
    pub state: bool,
    pub qr: bool,
}

#[derive(Debug, Default)]
pub(super) struct Mirror {
    items: BTreeMap<Key, Entry>,
}

impl Mirror {
    /// Takes a report in. `acking` is the sequence that an ack is on its way for; a state
    /// that it covers is not told again. `None`: there are more items than may be.
    pub fn fold(&mut self, report: ItemReport, acking: u64) -> Option<News> {
        let key = report.key();
        let is_known = self.items.contains_key(&key);
        if !is_known && self.items.len() >= MIRROR_ORDERS_MAX {
            return None;
        }
        if !is_known && report.state().is_final() && report.acked() {
            // Over and done with before we heard of it, or after we forgot it.
            return Some(News::default());
        }
        let entry = self.items.entry(key.clone()).or_insert_with(|| Entry::new(report.clone()));
        if report.sequence() < entry.report.sequence() {
            return Some(News::default());
        }
        let covered = report.acked() || acking >= report.sequence();
        if report.state().is_final() && report.sequence() <= entry.told && !covered {
            entry.retell = true;
        }
        entry.report = report;
        let news = News { state: entry.owes_state(), qr: entry.owes_qr() };
        self.tidy(&key);
        Some(news)
    }

    /// The snapshot of a new connection counts even with a lower sequence: the journal may
    /// be another one.
    pub fn restart(&mut self, report: &ItemReport) {
        let key = report.key();
        if self.items.get(&key).is_some_and(|known| known.report.sequence() > report.sequence()) {
            let own = self.items.remove(&key).is_some_and(|entry| entry.own);
            self.fold(report.clone(), 0);
            self.set_own(&key, own);
        }
    }

    pub fn get(&self, key: &Key) -> Option<&ItemReport> {
        self.items.get(key).map(|entry| &entry.report)
    }

    /// The app of the only item with this id.
    pub fn find(&self, order_id: &OrderId) -> Option<&AppKey> {
        let mut found = self.items.keys().filter(|key| key.order_id == *order_id);
        match (found.next(), found.next()) {
            (Some(key), None) => Some(&key.app_key),
            _ => None,
        }
    }

    pub fn set_own(&mut self, key: &Key, own: bool) {
        if let Some(entry) = self.items.get_mut(key) {
            entry.own = own;
        }
    }

    /// Own orders that the player can still be looking at.
    pub fn on_screen(&self) -> impl Iterator<Item = &Report> {
        let shown = |state| matches!(state, State::Created | State::Pending | State::Scanned);
        let own = self.items.values().filter(|entry| entry.own);
        own.filter_map(move |entry| match &entry.report {
            ItemReport::Order(report) if shown(report.state) => Some(report),
            _ => None,
        })
    }

    /// What is not final.
    pub fn open(&self) -> impl Iterator<Item = (&Key, &ItemReport)> {
        let open = self.items.iter().filter(|(_, entry)| !entry.is_final());
        open.map(|(key, entry)| (key, &entry.report))
    }

    /// The report for an event, unless there is nothing to tell by now.
    pub fn tell_state(&mut self, key: &Key) -> Option<ItemReport> {
        let entry = self.items.get_mut(key).filter(|entry| entry.owes_state())?;
        entry.told = entry.report.sequence();
        entry.retell = false;
        let report = entry.report.clone();
        self.tidy(key);
        Some(report)
    }

    /// The report for a `Qr` event, unless the code is not to be shown by now.
    pub fn tell_qr(&mut self, key: &Key) -> Option<Report> {
        let entry = self.items.get_mut(key).filter(|entry| entry.owes_qr())?;
        let ItemReport::Order(report) = &entry.report else { return None };
        entry.told_qr.clone_from(&report.qr_text);
        Some(report.clone())
    }

    pub fn owes_state(&self, key: &Key) -> bool {
        self.items.get(key).is_some_and(Entry::owes_state)
    }

    pub fn owes_qr(&self, key: &Key) -> bool {
        self.items.get(key).is_some_and(Entry::owes_qr)
    }

    /// An answer carried this state to the owner.
    pub fn told(&mut self, key: &Key) {
        if let Some(entry) = self.items.get_mut(key) {
            entry.told = entry.report.sequence();
            entry.retell = false;
        }
        self.tidy(key);
    }

    /// The engine has the ack.
    pub fn acked(&mut self, key: &Key, sequence: u64) {
        let entry = self.items.get_mut(key);
        if let Some(entry) = entry.filter(|entry| entry.report.sequence() <= sequence) {
            if entry.is_final() {
                set_acked(&mut entry.report);
            }
            entry.retell = false;
        }
        self.tidy(key);
    }

    /// Final states that a full list of the unfinished does not have were acked by another.
    pub fn acked_elsewhere(&mut self, unfinished: &[Key]) {
        for (key, entry) in &mut self.items {
            if entry.is_final() && !unfinished.contains(key) {
                set_acked(&mut entry.report);
            }
        }
        self.items.retain(|_, entry| !entry.is_done());
    }

    /// Forgets an item that the engine does not know; its last report.
    pub fn remove(&mut self, key: &Key) -> Option<ItemReport> {
        self.items.remove(key).map(|entry| entry.report)
    }

    fn tidy(&mut self, key: &Key) {
        if self.items.get(key).is_some_and(Entry::is_done) {
            self.items.remove(key);
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::core::code::Code;
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
            user_id: None,
            acked: false,
        }
    }

    pub fn key(report: &Report) -> Key {
        ItemReport::Order(report.clone()).key()
    }

    fn fold(mirror: &mut Mirror, report: Report) -> News {
        mirror.fold(ItemReport::Order(report), 0).unwrap()
    }

    #[test]
    fn the_newer_sequence_wins_by_whatever_way_it_came() {
        let mut mirror = Mirror::default();
        let key = key(&report("A", State::Created, 1));
        let news = fold(&mut mirror, report("A", State::Paid, 3));
        assert_eq!(news, News { state: true, qr: false });
        fold(&mut mirror, report("A", State::Scanned, 2));
        assert_eq!(mirror.tell_state(&key).unwrap().state(), State::Paid);
        assert!(mirror.tell_state(&key).is_none());
    }

    #[test]
    fn a_final_state_is_told_again_until_it_is_acked() {
        let mut mirror = Mirror::default();
        let paid = report("A", State::Paid, 3);
        let key = key(&paid);
        fold(&mut mirror, paid.clone());
        assert!(mirror.tell_state(&key).is_some());
        assert!(fold(&mut mirror, paid.clone()).state);
        assert!(mirror.tell_state(&key).is_some());
        assert!(
            !mirror.fold(ItemReport::Order(paid.clone()), 3).unwrap().state,
            "its ack is on the way"
        );
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
        assert!(fold(&mut mirror, acked.clone()).state, "we followed it, so we tell its end");
        assert!(mirror.tell_state(&key(&acked)).is_some());
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
        mirror.restart(&ItemReport::Order(snapshot.clone()));
        assert!(fold(&mut mirror, snapshot.clone()).state);
        assert_eq!(mirror.get(&key(&snapshot)).unwrap().state(), State::Pending);
    }

    #[test]
    fn a_server_cannot_fill_the_memory() {
        let mut mirror = Mirror::default();
        for n in 0..MIRROR_ORDERS_MAX {
            fold(&mut mirror, report(&format!("N{n}"), State::Pending, 1));
        }
        assert!(mirror.fold(ItemReport::Order(report("more", State::Pending, 1)), 0).is_none());
        assert!(fold(&mut mirror, report("N0", State::Paid, 2)).state);
    }
}
