//! The daily look at everything that is not final, and at what was granted of late: asks the
//! platform about each order, settles it, and says where money and goods do not go together.

use std::time::Duration;

use serde::Serialize;

use super::ledger::{Entry, Filter, GrantState, Ledger, LedgerError, OrderState, Settled, Which};
use super::top::{Ask, QueryOutcome};
use crate::core::facts::OrderId;
use crate::limits::{
    LEDGER_LIST_MAX, RECONCILE_DOUBTS_MAX, RECONCILE_PER_S_MAX, RECONCILE_WAITS_MAX,
};
use crate::money::Fen;

const DAY_MS: i64 = 86_400_000;

/// How far and how fast to look.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Orders that were paid in the last so many days are asked about as well, since the money
    /// may have gone back.
    pub days: u32,
    /// Questions a second, 1 to `RECONCILE_PER_S_MAX`.
    pub per_s: u32,
    /// Goods that are owed for longer than this need a person.
    pub grace_ms: i64,
}

/// What passes while the platform is asked: a clock, and a wait that somebody can end.
pub trait Pace {
    /// Unix milliseconds.
    fn now_ms(&self) -> i64;
    /// Waits. False: give up.
    fn wait(&self, time: Duration) -> bool;
}

/// What the platform said, and what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Questions that were answered.
    pub asked: usize,
    /// Orders that turned out to be paid: their goods are owed from now on.
    pub granted: Vec<OrderId>,
    /// Orders that turned out to be closed.
    pub closed: Vec<OrderId>,
    /// Orders that nobody has paid yet.
    pub waiting: usize,
    /// Orders that the platform does not know: no box has shown a code for them.
    pub absent: usize,
    /// Orders about which no answer could be believed.
    pub unknown: Vec<Unanswered>,
    /// Why not every order was asked about; none if every one was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<String>,
    /// Paid, and the goods not known to be handed out.
    pub paid_not_granted: Vec<Finding>,
    /// Paid for something else than was agreed, and not accepted.
    pub mismatched: Vec<Finding>,
    /// Granted, and the money went back in the last `days`.
    pub granted_not_paid: Vec<Finding>,
    /// Whether somebody has to look at one of these.
    pub person_needed: bool,
}

/// An order without an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unanswered {
    /// The order.
    pub order_no: OrderId,
    /// Why.
    pub why: String,
}

/// An order whose money and goods do not go together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The order.
    pub order_no: OrderId,
    /// What it costs.
    pub price_fen: Fen,
    /// What was bought.
    pub subject: String,
    /// Since when, Unix milliseconds.
    pub since_ms: i64,
    /// Whether the goods were handed out.
    pub delivered: bool,
    /// How often handing them out has failed.
    pub tries: u32,
    /// Of a mismatch, or of the last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Whether it needs a person: goods that were paid a moment ago do not.
    pub overdue: bool,
}

/// Asks about every order that is not final and every one paid of late, one after the other,
/// writes down what is answered, and looks at what is left. A platform that wants fewer calls
/// is waited for as long as it says.
///
/// # Errors
/// Those of the ledger. What was settled before stays so.
pub fn reconcile(
    ledger: &Ledger,
    ask: &dyn Ask,
    options: Options,
    pace: &dyn Pace,
) -> Result<Report, LedgerError> {
    let mut pass =
        Pass { ledger, ask, options, pace, report: Report::default(), waits: 0, doubts: 0 };
    let began_ms = pace.now_ms();
    let since_ms = began_ms.saturating_sub(i64::from(options.days) * DAY_MS);
    pass.over(Which::NotFinal, |_| true)?;
    // Not those that the pass before has just settled.
    let unasked = |entry: &Entry| entry.asked_ms.is_none_or(|asked_ms| asked_ms < began_ms);
    pass.over(Which::State(OrderState::Mismatch), unasked)?;
    let is_late = |entry: &Entry| entry.paid_ms.is_some_and(|paid_ms| paid_ms >= since_ms);
    pass.over(Which::State(OrderState::Paid), |entry| is_late(entry) && unasked(entry))?;
    let mut report = pass.report;
    let now_ms = pace.now_ms();
    let overdue = |ms: i64| now_ms.saturating_sub(ms) >= options.grace_ms;
    report.paid_not_granted = findings(ledger, Which::PaidNotGranted, |entry| {
        let since_ms = entry.settled_ms.unwrap_or(entry.created_ms);
        Some((since_ms, overdue(since_ms)))
    })?;
    report.mismatched = findings(ledger, Which::State(OrderState::Mismatch), |entry| {
        Some((entry.settled_ms.unwrap_or(entry.created_ms), true))
    })?;
    report.granted_not_paid = findings(ledger, Which::GrantedNotPaid, |entry| {
        entry
            .closed_ms
            .filter(|closed_ms| *closed_ms >= since_ms)
            .map(|closed_ms| (closed_ms, true))
    })?;
    let lists = [&report.paid_not_granted, &report.mismatched, &report.granted_not_paid];
    report.person_needed = lists.iter().any(|list| list.iter().any(|finding| finding.overdue));
    Ok(report)
}

/// Every page of a set, since orders leave it while they are settled.
fn pages(
    ledger: &Ledger,
    which: Which,
    mut take: impl FnMut(&Entry) -> Result<bool, LedgerError>,
) -> Result<(), LedgerError> {
    let mut before = None;
    loop {
        let page = ledger.list(&Filter { which, limit: LEDGER_LIST_MAX, before })?;
        for entry in &page {
            if !take(entry)? {
                return Ok(());
            }
        }
        match page.last() {
            Some(last) if page.len() == LEDGER_LIST_MAX => before = Some(last.order_no.clone()),
            _ => return Ok(()),
        }
    }
}

fn findings(
    ledger: &Ledger,
    which: Which,
    judge: impl Fn(&Entry) -> Option<(i64, bool)>,
) -> Result<Vec<Finding>, LedgerError> {
    let mut findings = Vec::new();
    pages(ledger, which, |entry| {
        let Some((since_ms, overdue)) = judge(entry) else { return Ok(true) };
        let (delivered, tries) = match entry.grant {
            Some(GrantState::Delivered { .. }) => (true, 0),
            Some(GrantState::Due { tries, .. }) => (false, tries),
            None => (false, 0),
        };
        findings.push(Finding {
            order_no: entry.order_no.clone(),
            price_fen: entry.price_fen,
            subject: entry.subject.clone(),
            since_ms,
            delivered,
            tries,
            why: entry.why.clone(),
            overdue,
        });
        Ok(true)
    })?;
    Ok(findings)
}

struct Pass<'a> {
    ledger: &'a Ledger,
    ask: &'a dyn Ask,
    options: Options,
    pace: &'a dyn Pace,
    report: Report,
    /// How often the platform was waited for.
    waits: usize,
    /// Questions without an answer, one after the other.
    doubts: usize,
}

impl Pass<'_> {
    fn over(&mut self, which: Which, wanted: impl Fn(&Entry) -> bool) -> Result<(), LedgerError> {
        pages(self.ledger, which, |entry| {
            if self.report.stopped.is_none() && wanted(entry) {
                self.look_into(&entry.order_no)?;
            }
            Ok(self.report.stopped.is_none())
        })
    }

    fn look_into(&mut self, order_no: &OrderId) -> Result<(), LedgerError> {
        let per_s = self.options.per_s.clamp(1, RECONCILE_PER_S_MAX);
        while self.report.stopped.is_none() {
            if !self.pace.wait(Duration::from_secs(1) / per_s) {
                self.report.stopped = Some("it was interrupted".into());
                break;
            }
            self.ledger.asked(order_no, self.pace.now_ms())?;
            let QueryOutcome::Limited { wait_s } = self.take(order_no)? else { break };
            self.rest(wait_s);
        }
        Ok(())
    }

    /// Asks once and writes down what is answered.
    fn take(&mut self, order_no: &OrderId) -> Result<QueryOutcome, LedgerError> {
        let outcome = self.ask.order_query(order_no);
        match &outcome {
            QueryOutcome::Order(answer) => {
                self.answered();
                let settled = self.ledger.settle(order_no, answer, self.pace.now_ms())?;
                match settled {
                    Settled::Granted(_) => self.report.granted.push(order_no.clone()),
                    Settled::Closed => self.report.closed.push(order_no.clone()),
                    Settled::Waiting => self.report.waiting += 1,
                    Settled::Already | Settled::Mismatch { .. } | Settled::Unknown => {}
                }
            }
            QueryOutcome::NotFound => {
                self.answered();
                self.ledger.answered(order_no)?;
                self.report.absent += 1;
            }
            QueryOutcome::Limited { .. } => {}
            // The next question would be refused as well.
            QueryOutcome::Refused { code, message } => {
                self.report.stopped = Some(format!("the platform refused: {code} {message}"));
            }
            QueryOutcome::InDoubt(doubt) => self.in_doubt(order_no, &doubt.detail),
        }
        Ok(outcome)
    }

    fn answered(&mut self) {
        self.report.asked += 1;
        self.doubts = 0;
    }

    fn in_doubt(&mut self, order_no: &OrderId, why: &str) {
        self.report.unknown.push(Unanswered { order_no: order_no.clone(), why: why.to_owned() });
        self.doubts += 1;
        if self.doubts == RECONCILE_DOUBTS_MAX {
            self.report.stopped = Some(format!("the platform gives no answer: {why}"));
        }
    }

    fn rest(&mut self, wait_s: u32) {
        self.waits += 1;
        if self.waits > RECONCILE_WAITS_MAX {
            self.report.stopped = Some("the platform wants fewer calls; run it again later".into());
        } else if !self.pace.wait(Duration::from_secs(wait_s.into())) {
            self.report.stopped = Some("it was interrupted".into());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;
    use crate::core::call::{Doubt, DoubtKind};
    use crate::merchant::ledger::{GrantId, NewOrder};
    use crate::wire::partner::{PartnerOrder, PartnerStatus};

    const NOW_MS: i64 = 1_466_395_200_000;
    const OPTIONS: Options = Options { days: 30, per_s: 50, grace_ms: 600_000 };

    fn new_order(order_no: &str) -> NewOrder {
        NewOrder {
            order_no: OrderId::new(order_no).unwrap(),
            price_fen: Fen::new(600).unwrap(),
            subject: "60 gems".into(),
            subject_id: None,
            plan: None,
            charge: None,
        }
    }

    fn answer(order_no: &str, status: &str) -> PartnerOrder {
        PartnerOrder {
            partner_order_no: order_no.into(),
            alipay_trade_no: "2016".into(),
            order_status: PartnerStatus::parse(status),
            price: Fen::new(600).unwrap(),
            subject: "60 gems".into(),
            subject_id: String::new(),
            buyer_logon_id: String::new(),
        }
    }

    /// A platform that answers by number, and else does not know the order.
    #[derive(Default)]
    struct Platform {
        answers: Mutex<BTreeMap<String, Vec<QueryOutcome>>>,
        asked: Mutex<Vec<String>>,
    }

    impl Platform {
        /// The last of these is repeated.
        fn says(&self, order_no: &str, outcomes: &[QueryOutcome]) {
            let mut outcomes = outcomes.to_vec();
            outcomes.reverse();
            self.answers.lock().unwrap().insert(order_no.to_owned(), outcomes);
        }

        fn is(&self, order_no: &str, status: &str) {
            self.says(order_no, &[QueryOutcome::Order(answer(order_no, status))]);
        }

        fn asked(&self) -> Vec<String> {
            std::mem::take(&mut self.asked.lock().unwrap())
        }
    }

    impl Ask for Platform {
        fn order_query(&self, order: &OrderId) -> QueryOutcome {
            self.asked.lock().unwrap().push(order.to_string());
            let mut answers = self.answers.lock().unwrap();
            let Some(outcomes) = answers.get_mut(order.as_str()) else {
                return QueryOutcome::NotFound;
            };
            match outcomes.len() {
                1 => outcomes[0].clone(),
                _ => outcomes.pop().unwrap(),
            }
        }
    }

    struct Paced {
        now_ms: RefCell<i64>,
        waits: RefCell<Vec<Duration>>,
        give_up_at: usize,
    }

    impl Paced {
        fn new(now_ms: i64) -> Paced {
            Paced { now_ms: now_ms.into(), waits: RefCell::default(), give_up_at: usize::MAX }
        }
    }

    impl Pace for Paced {
        fn now_ms(&self) -> i64 {
            *self.now_ms.borrow()
        }
        fn wait(&self, time: Duration) -> bool {
            *self.now_ms.borrow_mut() += time.as_millis() as i64;
            self.waits.borrow_mut().push(time);
            self.waits.borrow().len() < self.give_up_at
        }
    }

    struct Books {
        ledger: Ledger,
        _dir: tempfile::TempDir,
    }

    impl Books {
        fn with(order_nos: &[&str]) -> Books {
            let dir = tempfile::tempdir().unwrap();
            let ledger = Ledger::open(&dir.path().join("ledger.sqlite")).unwrap();
            for order_no in order_nos {
                ledger.register(&new_order(order_no), NOW_MS).unwrap();
            }
            Books { ledger, _dir: dir }
        }

        fn settle(&self, order_no: &str, status: &str, now_ms: i64) {
            let id = OrderId::new(order_no).unwrap();
            self.ledger.settle(&id, &answer(order_no, status), now_ms).unwrap();
        }

        fn look(&self, platform: &Platform, now_ms: i64) -> Report {
            reconcile(&self.ledger, platform, OPTIONS, &Paced::new(now_ms)).unwrap()
        }
    }

    fn names(findings: &[Finding]) -> Vec<&str> {
        findings.iter().map(|finding| finding.order_no.as_str()).collect()
    }

    #[test]
    fn every_order_that_is_not_final_is_asked_about_once_and_settled() {
        let books = Books::with(&["PAID", "SHUT", "WAIT", "GONE", "HELD", "ODD"]);
        books.ledger.hold(&OrderId::new("HELD").unwrap(), "x").unwrap();
        let platform = Platform::default();
        platform.is("PAID", "TRADE_SUCCESS");
        platform.is("SHUT", "TRADE_CLOSED");
        platform.is("WAIT", "WAIT_BUYER_PAY");
        platform.is("HELD", "TRADE_SUCCESS");
        let mut odd = answer("ODD", "TRADE_SUCCESS");
        odd.price = Fen::new(1).unwrap();
        platform.says("ODD", &[QueryOutcome::Order(odd)]);
        let report = books.look(&platform, NOW_MS + 1);
        assert_eq!(platform.asked(), ["ODD", "HELD", "GONE", "WAIT", "SHUT", "PAID"]);
        assert_eq!(
            report.granted.iter().map(OrderId::as_str).collect::<Vec<_>>(),
            ["HELD", "PAID"]
        );
        assert_eq!(report.closed.len(), 1);
        assert_eq!((report.waiting, report.absent, report.asked), (1, 1, 6));
        assert_eq!(names(&report.paid_not_granted), ["HELD", "PAID"]);
        assert!(report.paid_not_granted.iter().all(|finding| !finding.overdue));
        assert_eq!(names(&report.mismatched), ["ODD"]);
        assert_eq!(
            report.mismatched[0].why.as_deref(),
            Some("price: agreed CNY 6.00, paid CNY 0.01")
        );
        assert!(report.person_needed && report.stopped.is_none());
    }

    #[test]
    fn goods_that_are_owed_for_long_need_a_person_and_delivered_ones_do_not() {
        let books = Books::with(&["T1", "T2"]);
        books.settle("T1", "TRADE_SUCCESS", NOW_MS);
        books.settle("T2", "TRADE_SUCCESS", NOW_MS);
        let (t1, t2) = (OrderId::new("T1").unwrap(), OrderId::new("T2").unwrap());
        books.ledger.delivered(&GrantId::of(&t2), NOW_MS).unwrap();
        let platform = Platform::default();
        platform.is("T1", "TRADE_SUCCESS");
        platform.is("T2", "TRADE_SUCCESS");
        assert!(!books.look(&platform, NOW_MS + 1).person_needed);
        books.ledger.postpone(&GrantId::of(&t1), NOW_MS, "exit status: 1").unwrap();
        let report = books.look(&platform, NOW_MS + OPTIONS.grace_ms);
        assert!(report.person_needed);
        let finding = &report.paid_not_granted[0];
        assert_eq!((names(&report.paid_not_granted), finding.tries), (vec!["T1"], 1));
        assert_eq!(finding.why.as_deref(), Some("exit status: 1"));
        books.ledger.delivered(&GrantId::of(&t1), NOW_MS).unwrap();
        assert!(!books.look(&platform, NOW_MS + OPTIONS.grace_ms).person_needed);
    }

    #[test]
    fn money_that_went_back_after_the_goods_is_found_for_so_many_days() {
        let books = Books::with(&["OLD", "NEW"]);
        let day = |days: i64| NOW_MS + days * DAY_MS;
        books.settle("OLD", "TRADE_SUCCESS", NOW_MS);
        books.settle("NEW", "TRADE_SUCCESS", day(20));
        for order_no in ["OLD", "NEW"] {
            let grant = GrantId::of(&OrderId::new(order_no).unwrap());
            books.ledger.delivered(&grant, NOW_MS).unwrap();
        }
        let platform = Platform::default();
        platform.is("OLD", "TRADE_CLOSED");
        platform.is("NEW", "TRADE_CLOSED");
        let report = books.look(&platform, day(31));
        assert_eq!(platform.asked(), ["NEW"], "OLD was paid too long ago");
        assert_eq!(names(&report.granted_not_paid), ["NEW"]);
        assert!(report.granted_not_paid[0].delivered && report.person_needed);
        assert_eq!(names(&books.look(&platform, day(60)).granted_not_paid), ["NEW"]);
        let later = books.look(&platform, day(62));
        assert_eq!((names(&later.granted_not_paid).len(), later.person_needed), (0, false));
        assert_eq!(platform.asked(), [""; 0], "what is final is not asked about");
    }

    #[test]
    fn a_platform_that_wants_fewer_calls_is_waited_for_as_long_as_it_says() {
        let books = Books::with(&["T1"]);
        let platform = Platform::default();
        let paid = QueryOutcome::Order(answer("T1", "TRADE_SUCCESS"));
        platform.says("T1", &[QueryOutcome::Limited { wait_s: 7 }, paid]);
        let pace = Paced::new(NOW_MS);
        let report = reconcile(&books.ledger, &platform, OPTIONS, &pace).unwrap();
        assert_eq!(report.granted.len(), 1);
        let between = Duration::from_millis(20);
        assert_eq!(*pace.waits.borrow(), [between, Duration::from_secs(7), between]);
        let books = Books::with(&["T1", "T2"]);
        platform.says("T2", &[QueryOutcome::Limited { wait_s: 7 }]);
        let report = books.look(&platform, NOW_MS);
        assert!(report.stopped.unwrap().contains("fewer calls"));
        assert_eq!(platform.asked().len(), 2 + RECONCILE_WAITS_MAX + 1);
    }

    #[test]
    fn it_stops_where_going_on_makes_no_sense() {
        let order_nos: Vec<String> = (0..20).map(|n| format!("T{n:02}")).collect();
        let order_nos: Vec<&str> = order_nos.iter().map(String::as_str).collect();
        let doubt = Doubt { kind: DoubtKind::Network, detail: "unplugged".into() };
        let refused = || QueryOutcome::Refused { code: "25".into(), message: "sign".into() };
        for (outcome, count, why) in [
            (QueryOutcome::InDoubt(doubt), RECONCILE_DOUBTS_MAX, "unplugged"),
            (refused(), 1, "25 sign"),
        ] {
            let books = Books::with(&order_nos);
            let platform = Platform::default();
            order_nos.iter().for_each(|no| platform.says(no, std::slice::from_ref(&outcome)));
            let report = books.look(&platform, NOW_MS);
            assert_eq!(platform.asked().len(), count);
            assert!(report.stopped.unwrap().contains(why));
            assert_eq!(report.asked, 0);
        }
        let books = Books::with(&order_nos);
        let pace = Paced { give_up_at: 3, ..Paced::new(NOW_MS) };
        let platform = Platform::default();
        let report = reconcile(&books.ledger, &platform, OPTIONS, &pace).unwrap();
        assert_eq!((platform.asked().len(), report.absent), (2, 2));
        assert!(report.stopped.unwrap().contains("interrupted"));
    }

    #[test]
    fn a_ledger_of_many_pages_is_looked_through() {
        let order_nos: Vec<String> = (0..=LEDGER_LIST_MAX).map(|n| format!("T{n:05}")).collect();
        let books = Books::with(&[]);
        let orders: Vec<NewOrder> = order_nos.iter().map(|no| new_order(no)).collect();
        books.ledger.register_all(&orders, NOW_MS).unwrap();
        let mut seen = Vec::new();
        pages(&books.ledger, Which::NotFinal, |entry| {
            seen.push(entry.order_no.to_string());
            Ok(true)
        })
        .unwrap();
        seen.reverse();
        assert_eq!(seen, order_nos);
    }
}
