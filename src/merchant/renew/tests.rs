//! Runs against a platform in memory that keeps the rules of subscriptions.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use super::charge::Platform;
use super::run::{Options, Outcome, Row, Run, Stop};
use crate::core::call::{Doubt, DoubtKind};
use crate::core::facts::{Interval, OrderId};
use crate::limits::RENEW_AGAIN_MS;
use crate::merchant::ledger::{Ledger, LedgerError, NewOrder, OrderState, Plan};
use crate::merchant::top::{Ask, ChargeOutcome, QueryOutcome};
use crate::money::Fen;
use crate::wire::partner::{charge_order_no, PartnerOrder, PartnerStatus, RenewalCode, RenewalPay};
use crate::wire::time::due_ms;

const DAY_MS: i64 = 86_400_000;
const PAID_MS: i64 = 1_466_395_200_000;

/// What goes wrong with the next request.
#[derive(Clone)]
enum Trouble {
    AnswerLost,
    RequestLost,
    Refused(RenewalCode),
    Wait,
    Other(&'static str),
    Limited,
}

#[derive(Default)]
struct Bank {
    orders: BTreeMap<String, PartnerOrder>,
    /// Money by first order and number.
    taken: BTreeMap<(String, u32), u32>,
    troubles: Vec<Trouble>,
    calls: Vec<String>,
    query_refused: Option<&'static str>,
    offline: bool,
}

/// The platform.
#[derive(Default)]
struct Fake(Mutex<Bank>);

impl Fake {
    fn with(troubles: &[Trouble]) -> Fake {
        let fake = Fake::default();
        fake.0.lock().unwrap().troubles = troubles.iter().rev().cloned().collect();
        fake
    }

    fn taken(&self) -> Vec<u32> {
        self.0.lock().unwrap().taken.values().copied().collect()
    }

    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().calls)
    }

    /// The payer pays what the platform waits for, or it is closed.
    fn decide(&self, number: &str, status: PartnerStatus) {
        let mut bank = self.0.lock().unwrap();
        let seq = number.rsplit_once("_r").unwrap();
        let key = (seq.0.to_owned(), seq.1.parse().unwrap());
        if status == PartnerStatus::TradeSuccess {
            *bank.taken.entry(key).or_default() += 1;
        }
        bank.orders.get_mut(number).unwrap().order_status = status;
    }
}

impl Bank {
    fn take(&mut self, charge: &RenewalPay, status: PartnerStatus) -> ChargeOutcome {
        if let Some(order) = self.orders.get(&charge.partner_order_no) {
            return ChargeOutcome::Status(order.order_status.clone());
        }
        let key = (charge.ref_order_no.clone(), charge.seq);
        if self.taken.contains_key(&key) {
            return ChargeOutcome::Refused(RenewalCode::ThreadSeqError, "taken".into());
        }
        if status == PartnerStatus::TradeSuccess {
            *self.taken.entry(key).or_default() += 1;
        }
        let order = PartnerOrder {
            partner_order_no: charge.partner_order_no.clone(),
            alipay_trade_no: "x".into(),
            order_status: status.clone(),
            price: charge.price,
            subject: charge.subject.clone(),
            subject_id: charge.subject_id.clone(),
            buyer_logon_id: String::new(),
        };
        self.orders.insert(charge.partner_order_no.clone(), order);
        ChargeOutcome::Status(status)
    }
}

fn silence() -> Doubt {
    Doubt { kind: DoubtKind::Network, detail: "no answer".into() }
}

impl Ask for Fake {
    fn order_query(&self, order: &OrderId) -> QueryOutcome {
        let mut bank = self.0.lock().unwrap();
        bank.calls.push(format!("ask {order}"));
        if bank.offline {
            return QueryOutcome::InDoubt(silence());
        }
        if let Some(code) = bank.query_refused {
            return QueryOutcome::Refused { code: code.into(), message: "no".into() };
        }
        bank.orders
            .get(order.as_str())
            .map_or(QueryOutcome::NotFound, |order| QueryOutcome::Order(order.clone()))
    }
}

impl Platform for Fake {
    fn renewal_pay(&self, charge: &RenewalPay) -> ChargeOutcome {
        let mut bank = self.0.lock().unwrap();
        bank.calls.push(format!("pay {}", charge.partner_order_no));
        if bank.offline {
            return ChargeOutcome::InDoubt(silence());
        }
        let trouble = bank.troubles.pop();
        match trouble {
            None => bank.take(charge, PartnerStatus::TradeSuccess),
            Some(Trouble::Wait) => bank.take(charge, PartnerStatus::WaitBuyerPay),
            Some(Trouble::AnswerLost) => {
                bank.take(charge, PartnerStatus::TradeSuccess);
                ChargeOutcome::InDoubt(silence())
            }
            Some(Trouble::RequestLost) => ChargeOutcome::InDoubt(silence()),
            Some(Trouble::Refused(code)) => ChargeOutcome::Refused(code, "no".into()),
            Some(Trouble::Other(code)) => {
                ChargeOutcome::RefusedOther { code: code.into(), message: "no".into() }
            }
            Some(Trouble::Limited) => ChargeOutcome::Limited { wait_s: 60 },
        }
    }
}

struct Stage {
    ledger: Ledger,
    _dir: tempfile::TempDir,
}

/// Subscriptions by month whose first order was paid at `PAID_MS`.
fn stage(firsts: &[&str]) -> Stage {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("ledger.sqlite")).unwrap();
    let fen = |fen| Fen::new(fen).unwrap();
    for first in firsts {
        let plan = Plan {
            interval: Interval::Month,
            prices_fen: vec![fen(100), fen(200), fen(300)],
            subject: "monthly pass".into(),
            notify_url: "https://shop.example/n".into(),
        };
        let order = NewOrder {
            order_no: OrderId::new(*first).unwrap(),
            price_fen: fen(100),
            subject: "VIP".into(),
            subject_id: Some("vip".into()),
            plan: Some(plan),
            charge: None,
        };
        ledger.register(&order, PAID_MS).unwrap();
        let answer = PartnerOrder {
            partner_order_no: (*first).into(),
            alipay_trade_no: "x".into(),
            order_status: PartnerStatus::TradeSuccess,
            price: fen(100),
            subject: "VIP".into(),
            subject_id: "vip".into(),
            buyer_logon_id: String::new(),
        };
        ledger.settle(&order.order_no, &answer, PAID_MS).unwrap();
    }
    Stage { ledger, _dir: dir }
}

impl Stage {
    fn run(&self, fake: &Fake, now_ms: i64) -> (Vec<String>, Option<Stop>) {
        self.run_with(
            fake,
            now_ms,
            Options { dry_run: false, limit: 100, patience: Duration::ZERO },
        )
    }

    fn run_with(&self, fake: &Fake, now_ms: i64, options: Options) -> (Vec<String>, Option<Stop>) {
        let run = Run { ledger: &self.ledger, platform: fake, options, now_ms };
        let mut rows = Vec::new();
        let stop = run.run(|row: &Row| {
            rows.push(format!("{}/{} {}", row.order_no, row.seq, row.outcome.name()));
            Ok::<(), LedgerError>(())
        });
        (rows, stop.unwrap())
    }

    fn state(&self, number: &str) -> Option<OrderState> {
        let entry = self.ledger.find(&OrderId::new(number).unwrap()).unwrap();
        entry.map(|entry| entry.state)
    }
}

fn month(n: u32) -> i64 {
    due_ms(PAID_MS, n)
}

#[test]
fn what_is_due_is_taken_and_what_is_not_is_left() {
    let (stage, fake) = (stage(&["A", "B"]), Fake::default());
    assert_eq!(stage.run(&fake, month(1) - 1), (vec![], None));
    assert!(fake.calls().is_empty());
    let rows = ["A/1 paid", "B/1 paid"].map(str::to_owned).to_vec();
    assert_eq!(stage.run(&fake, month(1)), (rows, None));
    assert_eq!(fake.calls(), ["pay A_r1", "ask A_r1", "pay B_r1", "ask B_r1"]);
    assert_eq!(stage.run(&fake, month(1)), (vec![], None));
    assert!(fake.calls().is_empty());
    assert_eq!(fake.taken(), [1, 1]);
    assert_eq!(stage.state("A_r1"), Some(OrderState::Paid));
}

#[test]
fn months_that_were_missed_are_made_up_for_one_by_one() {
    let (stage, fake) = (stage(&["A"]), Fake::default());
    assert_eq!(stage.run(&fake, month(12)).0, ["A/1 paid", "A/2 paid"]);
    assert_eq!(stage.run(&fake, month(24)), (vec![], None));
    assert_eq!(fake.taken(), [1, 1]);
}

#[test]
fn a_dry_run_writes_and_sends_nothing() {
    let (stage, fake) = (stage(&["A"]), Fake::default());
    let dry = Options { dry_run: true, limit: 0, patience: Duration::ZERO };
    assert_eq!(stage.run_with(&fake, month(2), dry).0, ["A/1 due"]);
    assert!(fake.calls().is_empty());
    assert_eq!(stage.state("A_r1"), None);
}

#[test]
fn a_limit_bounds_the_charges_of_a_run() {
    let (stage, fake) = (stage(&["A", "B"]), Fake::default());
    let one = Options { dry_run: false, limit: 1, patience: Duration::ZERO };
    assert_eq!(stage.run_with(&fake, month(1), one), (vec!["A/1 paid".into()], Some(Stop::Limit)));
    assert_eq!(stage.run_with(&fake, month(1), one), (vec!["B/1 paid".into()], None));
}

/// Each trouble, and what two runs make of it. Money is taken once whatever happens.
#[test]
fn a_lost_answer_is_found_by_the_next_run() {
    for (trouble, first, second) in [
        (Trouble::AnswerLost, "A/1 unknown", "A/1 paid"),
        (Trouble::RequestLost, "A/1 unknown", "A/1 paid"),
        (Trouble::Wait, "A/1 waiting", "A/1 waiting"),
        (Trouble::Limited, "A/1 later", "A/1 paid"),
        (Trouble::Refused(RenewalCode::TimeError), "A/1 later", "A/1 paid"),
        (Trouble::Refused(RenewalCode::OrderPayFail), "A/1 refused", "A/1 later"),
        (Trouble::Refused(RenewalCode::OrderNotAllowed), "A/1 refused", "A/1 paid"),
        (Trouble::Other("25"), "A/1 refused", "A/1 paid"),
    ] {
        let (stage, fake) = (stage(&["A"]), Fake::with(&[trouble]));
        assert_eq!(stage.run(&fake, month(1)).0, [first]);
        assert_eq!(stage.run(&fake, month(1)).0, [second], "{first}");
        assert!(fake.taken().iter().all(|taken| *taken == 1), "{first}");
    }
}

#[test]
fn what_can_only_be_refused_again_is_set_aside() {
    let codes = RenewalCode::ALL.into_iter().filter(|code| {
        !matches!(
            code,
            RenewalCode::TimeError | RenewalCode::OrderPayFail | RenewalCode::OrderNotAllowed
        )
    });
    for trouble in codes.map(Trouble::Refused).chain([Trouble::Other("41/isv.x")]) {
        let (stage, fake) = (stage(&["A", "B"]), Fake::with(&[trouble]));
        assert_eq!(stage.run(&fake, month(1)).0, ["A/1 refused", "B/1 paid"]);
        fake.calls();
        assert_eq!(stage.run(&fake, month(1)).0, ["A/1 held"]);
        assert!(fake.calls().is_empty());
        assert_eq!(stage.state("A_r1"), Some(OrderState::Held));
    }
}

#[test]
fn a_failed_payment_is_tried_again_after_a_day() {
    let (stage, fake) = (stage(&["A"]), Fake::with(&[Trouble::Refused(RenewalCode::OrderPayFail)]));
    let at = month(1);
    assert_eq!(stage.run(&fake, at).0, ["A/1 refused"]);
    assert_eq!(stage.run(&fake, at + RENEW_AGAIN_MS - 1).0, ["A/1 later"]);
    fake.calls();
    assert_eq!(stage.run(&fake, at + DAY_MS).0, ["A/1 paid"]);
    assert_eq!(fake.calls(), ["ask A_r1", "pay A_r1", "ask A_r1"]);
}

#[test]
fn wrong_seq_after_a_lost_answer_means_that_it_was_taken() {
    let troubles = [Trouble::AnswerLost, Trouble::Refused(RenewalCode::ThreadSeqError)];
    let (stage, fake) = (stage(&["A"]), Fake::with(&troubles));
    stage.run(&fake, month(1));
    assert_eq!(stage.run(&fake, month(1)).0, ["A/1 paid"]);
    assert_eq!(fake.taken(), [1]);
}

/// A ledger out of a backup does not know of a charge that was taken.
#[test]
fn wrong_seq_of_a_charge_that_the_ledger_has_lost_is_found_too() {
    let (before, fake) = (stage(&["A"]), Fake::default());
    before.run(&fake, month(1));
    fake.0.lock().unwrap().troubles = vec![Trouble::Refused(RenewalCode::ThreadSeqError)];
    let restored = stage(&["A"]);
    assert_eq!(restored.run(&fake, month(1)).0, ["A/1 paid"]);
    assert_eq!(fake.taken(), [1]);
}

#[test]
fn what_waits_is_asked_for_until_it_is_decided() {
    for (status, row, state) in [
        (PartnerStatus::TradeSuccess, vec!["A/1 paid", "A/2 paid"], OrderState::Paid),
        (PartnerStatus::TradeClosed, vec!["A/1 closed"], OrderState::Closed),
    ] {
        let (stage, fake) = (stage(&["A"]), Fake::with(&[Trouble::Wait]));
        assert_eq!(stage.run(&fake, month(2)).0, ["A/1 waiting"], "and no second one");
        fake.calls();
        fake.decide("A_r1", status);
        assert_eq!(stage.run(&fake, month(2)).0, row);
        assert_eq!(fake.calls()[0], "ask A_r1");
        assert_eq!(stage.state("A_r1"), Some(state));
    }
}

#[test]
fn a_run_stops_where_every_other_charge_would_fail_too() {
    let firsts = ["A", "B", "C", "D", "E"];
    let app = Trouble::Refused(RenewalCode::OrderNotAllowed);
    for (trouble, row, stop) in [
        (app, "A/1 refused", Stop::App),
        (Trouble::Other("25/isv.invalid-signature"), "A/1 refused", Stop::App),
        (Trouble::Limited, "A/1 later", Stop::Limited { wait_s: 60 }),
    ] {
        let (stage, fake) = (stage(&firsts), Fake::with(&[trouble]));
        assert_eq!(stage.run(&fake, month(1)), (vec![row.to_owned()], Some(stop)));
    }
    let (stage, fake) = (stage(&firsts), Fake::default());
    fake.0.lock().unwrap().offline = true;
    let (rows, stop) = stage.run(&fake, month(1));
    assert_eq!((rows.len(), stop), (3, Some(Stop::Silence)));
    fake.0.lock().unwrap().offline = false;
    fake.0.lock().unwrap().query_refused = Some("PUBLIC_KEY_NOT_SET");
    let (rows, stop) = stage.run(&fake, month(1));
    assert_eq!((rows, stop), (vec!["A/1 unknown".into()], Some(Stop::App)));
}

#[test]
fn a_stopped_subscription_is_left_alone() {
    let (stage, fake) = (stage(&["A", "B"]), Fake::default());
    let first = OrderId::new("A").unwrap();
    stage.ledger.stop(&first, PAID_MS).unwrap();
    assert_eq!(stage.run(&fake, month(1)).0, ["B/1 paid"]);
    stage.ledger.resume(&first).unwrap();
    assert_eq!(stage.run(&fake, month(1)).0, ["A/1 paid"]);
}

#[test]
fn a_price_that_the_platform_names_otherwise_is_a_mismatch() {
    let (stage, fake) = (stage(&["A"]), Fake::with(&[Trouble::AnswerLost]));
    stage.run(&fake, month(1));
    fake.0.lock().unwrap().orders.get_mut("A_r1").unwrap().price = Fen::new(1).unwrap();
    assert_eq!(stage.run(&fake, month(12)).0, ["A/1 mismatch"]);
    assert_eq!(stage.run(&fake, month(12)).0, ["A/1 mismatch"], "and nothing follows");
}

/// Without the lock that keeps two commands apart.
#[test]
fn two_runs_at_once_take_each_charge_once() {
    let firsts: Vec<String> = (0..8).map(|n| format!("P{n}")).collect();
    let firsts: Vec<&str> = firsts.iter().map(String::as_str).collect();
    let dir = stage(&firsts);
    let path = dir._dir.path().join("ledger.sqlite");
    let fake = Fake::default();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let ledger = Ledger::open(&path).unwrap();
                let options =
                    Options { dry_run: false, limit: 100, patience: Duration::from_secs(5) };
                let run = Run { ledger: &ledger, platform: &fake, options, now_ms: month(12) };
                run.run(|row| {
                    assert_eq!(row.outcome, Outcome::Paid, "{row:?}");
                    Ok::<(), LedgerError>(())
                })
                .unwrap();
            });
        }
    });
    assert_eq!(fake.taken(), vec![1; 16]);
    for first in firsts {
        for seq in [1, 2] {
            let number = charge_order_no(first, seq);
            assert_eq!(dir.state(number.as_str()), Some(OrderState::Paid));
        }
    }
}
