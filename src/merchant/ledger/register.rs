//! Orders on their way in, and marks that change no state.

use rusqlite::{params, Connection};

use super::row::{cut, find, one_row};
use super::{Charge, Entry, Ledger, LedgerError, NewOrder, Plan, Registered};
use crate::core::facts::OrderId;

impl Ledger {
    /// Writes an order down, before anybody can pay for it. The same order again is left as
    /// it is, whatever its state.
    ///
    /// # Errors
    /// `Conflict` if the number is there with another fact, or the charge under another
    /// number; `Invalid` for a field out of its bounds, or a charge that its plan does not
    /// have; `Unknown` for a charge whose first order is not in the ledger.
    pub fn register(&self, order: &NewOrder, now_ms: i64) -> Result<Registered, LedgerError> {
        order.check()?;
        self.write(|ledger| register(ledger, order, now_ms))
    }

    /// Registers all of these, or none: in one transaction.
    ///
    /// # Errors
    /// Of every order that cannot be taken its place in the list and why, as `register` says
    /// it; without a place, why the ledger as a whole could not.
    pub fn register_all(
        &self,
        orders: &[NewOrder],
        now_ms: i64,
    ) -> Result<Vec<Registered>, Vec<(Option<usize>, LedgerError)>> {
        let mut refused = Vec::new();
        let done = self.write(|ledger| {
            let mut done = Vec::new();
            for (at, order) in orders.iter().enumerate() {
                match order.check().and_then(|()| register(ledger, order, now_ms)) {
                    Ok(how) => done.push(how),
                    Err(error) => refused.push((Some(at), error)),
                }
            }
            refused.first().map_or(Ok(done), |(_, error)| Err(error.clone()))
        });
        match done {
            Ok(done) => Ok(done),
            Err(error) if refused.is_empty() => Err(vec![(None, error)]),
            Err(_) => Err(refused),
        }
    }

    /// One order, or none of this number.
    pub fn find(&self, order_no: &OrderId) -> Result<Option<Entry>, LedgerError> {
        find(&self.lock(), order_no)
    }

    /// Writes down that the platform is about to be asked about an order.
    ///
    /// # Errors
    /// `Unknown`.
    pub fn asked(&self, order_no: &OrderId, now_ms: i64) -> Result<(), LedgerError> {
        let sql = "UPDATE orders SET asked_ms = ?2 WHERE order_no = ?1";
        let changed = self.lock().prepare_cached(sql)?.execute(params![order_no, now_ms])?;
        one_row(changed, order_no)
    }

    /// As `asked`, because of a notify, unless somebody, in this process or another, has asked
    /// less than `cool_down_ms` ago: then nothing is written, and the answer is false. A time
    /// that lies as far ahead, as after a clock was set back, counts as long ago. The notify
    /// waits until `settle` or `answered`, so that a process that dies meanwhile leaves it to
    /// the next one.
    pub fn try_ask(
        &self,
        order_no: &OrderId,
        cool_down_ms: i64,
        now_ms: i64,
    ) -> Result<bool, LedgerError> {
        let sql = "UPDATE orders SET asked_ms = ?2, hinted_ms = coalesce(hinted_ms, ?2)
            WHERE order_no = ?1 AND settled_ms IS NULL
            AND (asked_ms IS NULL OR abs(asked_ms - ?2) >= ?3)";
        let connection = self.lock();
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.execute(params![order_no, now_ms, cool_down_ms])? == 1)
    }

    /// Writes down that a notify about an order waits for a question to the platform, if none
    /// does yet and the order is not settled.
    pub fn hint(&self, order_no: &OrderId, now_ms: i64) -> Result<(), LedgerError> {
        let sql = "UPDATE orders SET hinted_ms = ?2
            WHERE order_no = ?1 AND hinted_ms IS NULL AND settled_ms IS NULL";
        self.lock().prepare_cached(sql)?.execute(params![order_no, now_ms])?;
        Ok(())
    }

    /// The platform has answered, and there is nothing to settle: no notify waits any more.
    pub fn answered(&self, order_no: &OrderId) -> Result<(), LedgerError> {
        answered(&self.lock(), order_no)
    }

    /// Sets an open order aside, with the reason: nothing asks or charges by itself until
    /// `release`. A notify, or anybody's `settle`, still moves it.
    ///
    /// # Errors
    /// `Unknown` unless the order is open or held.
    pub fn hold(&self, order_no: &OrderId, why: &str) -> Result<(), LedgerError> {
        let sql = "UPDATE orders SET state = 'held', why = ?2
            WHERE order_no = ?1 AND state IN ('open', 'held')";
        let changed = self.lock().prepare_cached(sql)?.execute(params![order_no, cut(why)])?;
        one_row(changed, order_no)
    }

    /// Opens a held order again.
    ///
    /// # Errors
    /// `Unknown` unless the order is held or open.
    pub fn release(&self, order_no: &OrderId) -> Result<(), LedgerError> {
        let sql = "UPDATE orders SET state = 'open', why = NULL
            WHERE order_no = ?1 AND state IN ('open', 'held')";
        let changed = self.lock().prepare_cached(sql)?.execute(params![order_no])?;
        one_row(changed, order_no)
    }
}

pub(super) fn answered(ledger: &Connection, order_no: &OrderId) -> Result<(), LedgerError> {
    let sql = "UPDATE orders SET hinted_ms = NULL WHERE order_no = ?1 AND hinted_ms IS NOT NULL";
    ledger.prepare_cached(sql)?.execute(params![order_no])?;
    Ok(())
}

fn register(ledger: &Connection, order: &NewOrder, now_ms: i64) -> Result<Registered, LedgerError> {
    if let Some(known) = find(ledger, &order.order_no)? {
        return match known.facts().difference(order) {
            Some(field) => Err(LedgerError::Conflict { field }),
            None => Ok(Registered::Known),
        };
    }
    if let Some(charge) = &order.charge {
        check_charge(ledger, order, charge)?;
    }
    insert(ledger, order, now_ms)?;
    Ok(Registered::New)
}

fn check_charge(ledger: &Connection, order: &NewOrder, charge: &Charge) -> Result<(), LedgerError> {
    let first = find(ledger, &charge.ref_order_no)?;
    let first = first.ok_or_else(|| LedgerError::Unknown(charge.ref_order_no.clone()))?;
    let Some(plan) = first.plan else {
        let why = format!("ref_order_no {} is no subscription's first order", first.order_no);
        return Err(LedgerError::Invalid(why));
    };
    let price = plan.prices_fen.get(charge.seq as usize).filter(|_| charge.seq > 0);
    let Some(price) = price else {
        let last = plan.prices_fen.len() - 1;
        let why = format!("seq is {}: this subscription has 1 to {last}", charge.seq);
        return Err(LedgerError::Invalid(why));
    };
    if *price != order.price_fen {
        let why = format!("price_fen is {}: charge {} costs {price}", order.price_fen, charge.seq);
        return Err(LedgerError::Invalid(why));
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM orders WHERE ref_order_no = ?1 AND seq = ?2)";
    let mut statement = ledger.prepare_cached(sql)?;
    match statement.query_row(params![charge.ref_order_no, charge.seq], |row| row.get(0))? {
        true => Err(LedgerError::Conflict { field: "order_no" }),
        false => Ok(()),
    }
}

fn insert(ledger: &Connection, order: &NewOrder, now_ms: i64) -> Result<(), LedgerError> {
    let sql = "INSERT INTO orders
        (order_no, price_fen, subject, subject_id, ref_order_no, seq, state, created_ms)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'open', ?7)";
    ledger.prepare_cached(sql)?.execute(params![
        order.order_no,
        order.price_fen,
        order.subject,
        order.subject_id,
        order.charge.as_ref().map(|charge| &charge.ref_order_no),
        order.charge.as_ref().map(|charge| charge.seq),
        now_ms,
    ])?;
    let Some(plan) = &order.plan else { return Ok(()) };
    insert_plan(ledger, &order.order_no, plan)
}

fn insert_plan(ledger: &Connection, order_no: &OrderId, plan: &Plan) -> Result<(), LedgerError> {
    let sql = "INSERT INTO plans (order_no, interval, prices_fen, subject, notify_url)
        VALUES (?1, ?2, ?3, ?4, ?5)";
    let prices = serde_json::to_string(&plan.prices_fen).expect("integers are JSON");
    let interval = plan.interval.name();
    let row = params![order_no, interval, prices, plan.subject, plan.notify_url];
    ledger.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::facts::Interval;
    use crate::limits::{SUBJECT_ID_CHARS_MAX, TITLE_CHARS_MAX};
    use crate::merchant::ledger::testing::{answer, new_order, TestLedger, NOW_MS};
    use crate::merchant::ledger::{Filter, OrderState, Which};
    use crate::money::Fen;
    use crate::wire::partner::PartnerStatus;

    fn subscription(order_no: &str, prices: &[i64]) -> NewOrder {
        let plan = Plan {
            interval: Interval::Month,
            prices_fen: prices.iter().map(|fen| Fen::new(*fen).unwrap()).collect(),
            subject: "Monthly pass".into(),
            notify_url: "http://127.0.0.1:3000/notify".into(),
        };
        NewOrder { plan: Some(plan), ..new_order(order_no) }
    }

    fn charge(order_no: &str, first: &str, seq: u32, price: i64) -> NewOrder {
        let charge = Charge { ref_order_no: OrderId::new(first).unwrap(), seq };
        let price_fen = Fen::new(price).unwrap();
        NewOrder { charge: Some(charge), price_fen, ..new_order(order_no) }
    }

    #[test]
    fn an_order_is_known_again_and_another_under_its_number_is_a_conflict() {
        let ledger = TestLedger::with(&["A-1"]);
        let order = new_order("A-1");
        assert_eq!(ledger.register(&order, NOW_MS + 1), Ok(Registered::Known));
        let paid = answer("A-1", PartnerStatus::TradeSuccess);
        ledger.settle(&order.order_no, &paid, NOW_MS).unwrap();
        assert_eq!(ledger.register(&order, NOW_MS + 1), Ok(Registered::Known));
        let entry = ledger.find(&order.order_no).unwrap().unwrap();
        assert_eq!((entry.created_ms, entry.state), (NOW_MS, OrderState::Paid));
        assert_eq!(entry.facts(), order);
        let others = [
            ("price_fen", NewOrder { price_fen: Fen::new(601).unwrap(), ..order.clone() }),
            ("subject", NewOrder { subject: "61 gems".into(), ..order.clone() }),
            ("subject_id", NewOrder { subject_id: None, ..order.clone() }),
            ("plan", subscription("A-1", &[600])),
            ("charge", charge("A-1", "A-1", 1, 600)),
        ];
        for (field, other) in others {
            assert_eq!(ledger.register(&other, NOW_MS), Err(LedgerError::Conflict { field }));
        }
    }

    #[test]
    fn fields_have_bounds() {
        let ledger = TestLedger::with(&[]);
        let with_subject = |n: usize| NewOrder { subject: "界".repeat(n), ..new_order("A-1") };
        let with_id = |n: usize| NewOrder {
            subject_id: Some("界".repeat(n)),
            order_no: order_no("B-1"),
            ..with_subject(1)
        };
        assert!(ledger.register(&with_subject(TITLE_CHARS_MAX), NOW_MS).is_ok());
        assert!(ledger.register(&with_id(SUBJECT_ID_CHARS_MAX), NOW_MS).is_ok());
        let bad = [
            ("subject", with_subject(TITLE_CHARS_MAX + 1)),
            ("subject", with_subject(0)),
            ("subject", NewOrder { subject: "a\u{202e}b".into(), ..new_order("C-1") }),
            ("subject_id", with_id(SUBJECT_ID_CHARS_MAX + 1)),
            ("subject_id", with_id(0)),
            ("prices_fen", subscription("C-1", &[])),
            ("prices_fen", subscription("C-1", &[601])),
            ("prices_fen", subscription("C-1", &[600; 13])),
            (
                "not both",
                NewOrder { charge: charge("x", "y", 1, 1).charge, ..subscription("C-1", &[600]) },
            ),
        ];
        for (word, order) in bad {
            let error = ledger.register(&order, NOW_MS).unwrap_err();
            assert!(matches!(&error, LedgerError::Invalid(why) if why.contains(word)), "{error}");
        }
        let mut relative = subscription("C-1", &[600]);
        relative.plan.as_mut().unwrap().notify_url = "/notify".into();
        assert!(matches!(ledger.register(&relative, NOW_MS), Err(LedgerError::Invalid(_))));
    }

    fn order_no(text: &str) -> OrderId {
        OrderId::new(text).unwrap()
    }

    #[test]
    fn a_charge_is_one_of_its_plan_and_has_one_number() {
        let ledger = TestLedger::with(&["A-1"]);
        let first = subscription("S-1", &[600, 500, 400]);
        assert_eq!(ledger.register(&first, NOW_MS), Ok(Registered::New));
        assert_eq!(ledger.register(&first, NOW_MS), Ok(Registered::Known));
        let second = charge("S-1_r1", "S-1", 1, 500);
        assert_eq!(ledger.register(&second, NOW_MS), Ok(Registered::New));
        assert_eq!(ledger.register(&second, NOW_MS), Ok(Registered::Known));
        let unknown = ledger.register(&charge("x", "S-2", 1, 500), NOW_MS);
        assert_eq!(unknown, Err(LedgerError::Unknown(order_no("S-2"))));
        let again = ledger.register(&charge("S-1_x1", "S-1", 1, 500), NOW_MS);
        assert_eq!(again, Err(LedgerError::Conflict { field: "order_no" }));
        let bad = [
            ("no subscription", charge("x", "A-1", 1, 500)),
            ("seq is 0", charge("x", "S-1", 0, 600)),
            ("seq is 3", charge("x", "S-1", 3, 400)),
            ("charge 2 costs CNY 4.00", charge("x", "S-1", 2, 500)),
        ];
        for (word, order) in bad {
            let error = ledger.register(&order, NOW_MS).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        }
        let (entry, charges) = ledger.plan(&first.order_no).unwrap().unwrap();
        assert_eq!(entry.facts(), first);
        assert_eq!(charges.iter().map(Entry::facts).collect::<Vec<_>>(), [second]);
        assert_eq!(ledger.plans(), Ok(vec![(entry, charges)]));
        assert_eq!(ledger.plan(&order_no("A-1")), Ok(None));
    }

    #[test]
    fn questions_to_the_platform_are_written_down_and_spaced() {
        let ledger = TestLedger::with(&["A-1"]);
        let order = order_no("A-1");
        let asked = || ledger.find(&order).unwrap().unwrap().asked_ms;
        assert_eq!(asked(), None);
        assert_eq!(ledger.try_ask(&order, 1_000, NOW_MS), Ok(true));
        assert_eq!(ledger.try_ask(&order, 1_000, NOW_MS + 999), Ok(false));
        assert_eq!(asked(), Some(NOW_MS));
        assert_eq!(ledger.try_ask(&order, 1_000, NOW_MS + 1_000), Ok(true));
        assert_eq!(ledger.try_ask(&order, 1_000, NOW_MS + 1), Ok(false), "another thread's clock");
        assert_eq!(ledger.try_ask(&order, 1_000, NOW_MS), Ok(true), "the clock was set back");
        assert_eq!(ledger.asked(&order, NOW_MS + 5), Ok(()));
        assert_eq!(asked(), Some(NOW_MS + 5));
        let nobody = order_no("B-1");
        assert_eq!(ledger.asked(&nobody, NOW_MS), Err(LedgerError::Unknown(nobody.clone())));
        assert_eq!(ledger.try_ask(&nobody, 1_000, NOW_MS), Ok(false));
        let hinted = || ledger.find(&order).unwrap().unwrap().hinted_ms;
        assert_eq!(hinted(), Some(NOW_MS), "the first notify waits");
        ledger.answered(&order).unwrap();
        assert_eq!(hinted(), None);
        let paid = answer("A-1", PartnerStatus::TradeSuccess);
        ledger.settle(&order, &paid, NOW_MS).unwrap();
        assert_eq!(ledger.try_ask(&order, 1_000, NOW_MS + 9_999), Ok(false), "it is settled");
    }

    #[test]
    fn hints_wait_until_the_platform_has_answered() {
        let ledger = TestLedger::with(&["A-1", "B-1", "C-1"]);
        let (a, b, c) = (order_no("A-1"), order_no("B-1"), order_no("C-1"));
        let paid = answer("C-1", PartnerStatus::TradeSuccess);
        ledger.settle(&c, &paid, NOW_MS).unwrap();
        for (order, at_ms) in [(&b, 5), (&a, 9), (&b, 20), (&c, 3), (&order_no("D-1"), 1)] {
            ledger.hint(order, NOW_MS + at_ms).unwrap();
        }
        let hinted = || {
            let hinted = ledger.hinted(10).unwrap();
            hinted
                .into_iter()
                .map(|e| (e.order_no, e.hinted_ms.unwrap() - NOW_MS))
                .collect::<Vec<_>>()
        };
        assert_eq!(hinted(), [(b.clone(), 5), (a.clone(), 9)]);
        assert_eq!(ledger.hinted(1).unwrap().len(), 1);
        ledger.try_ask(&b, 1, NOW_MS + 30).unwrap();
        assert_eq!(hinted(), [(a.clone(), 9), (b.clone(), 5)], "who was never asked about");
        ledger.settle(&b, &answer("B-1", PartnerStatus::WaitBuyerPay), NOW_MS).unwrap();
        assert_eq!(hinted(), [(a.clone(), 9)]);
        ledger.settle(&a, &answer("A-1", PartnerStatus::TradeSuccess), NOW_MS).unwrap();
        assert_eq!(hinted(), []);
    }

    #[test]
    fn lists_are_pages_newest_first() {
        let ledger = TestLedger::with(&["A-1", "B-1", "C-1", "D-1"]);
        ledger.hold(&order_no("B-1"), "x").unwrap();
        ledger.settle(&order_no("C-1"), &answer("C-1", PartnerStatus::TradeSuccess), 1).unwrap();
        let page = |which, limit, before: Option<&str>| {
            let before = before.map(order_no);
            let entries = ledger.list(&Filter { which, limit, before }).unwrap();
            entries.iter().map(|entry| entry.order_no.to_string()).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(page(Which::All, 10, None), "D-1 C-1 B-1 A-1");
        assert_eq!(page(Which::All, 2, None), "D-1 C-1");
        assert_eq!(page(Which::All, 2, Some("C-1")), "B-1 A-1");
        assert_eq!(page(Which::All, 2, Some("A-1")), "");
        assert_eq!(page(Which::NotFinal, 10, None), "D-1 B-1 A-1");
        assert_eq!(page(Which::State(OrderState::Open), 10, None), "D-1 A-1");
        assert_eq!(page(Which::State(OrderState::Held), 10, None), "B-1");
        assert_eq!(page(Which::State(OrderState::Paid), 10, None), "C-1");
        assert_eq!(page(Which::State(OrderState::Closed), 10, None), "");
        assert_eq!(page(Which::State(OrderState::Mismatch), 10, None), "");
        assert_eq!(page(Which::PaidNotGranted, 10, None), "C-1");
        let unknown = Filter { which: Which::All, limit: 1, before: Some(order_no("X")) };
        assert_eq!(ledger.list(&unknown), Err(LedgerError::Unknown(order_no("X"))));
    }
}
