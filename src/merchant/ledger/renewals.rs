//! What `renew` keeps of a charge beyond its state, and which subscriptions it leaves alone.

use rusqlite::{params, OptionalExtension};

use super::row::{cut, one_row};
use super::{Ledger, LedgerError};
use crate::core::facts::OrderId;

/// How often a charge was sent, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Requests in all.
    pub sends: u32,
    /// When the last one was sent, Unix milliseconds of the platform's clock.
    pub sent_ms: i64,
    /// What it was refused with, if it was.
    pub refusal: Option<Refused>,
}

/// A refusal of the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The word, or the number.
    pub code: String,
    /// The sentence to it.
    pub message: String,
    /// When, Unix milliseconds of the platform's clock.
    pub refused_ms: i64,
}

impl Ledger {
    /// Writes down that a charge is about to be sent. Forgets an earlier refusal.
    ///
    /// # Errors
    /// `Unknown` if the order is not in the ledger, or is no charge.
    pub fn sending(&self, order_no: &OrderId, now_ms: i64) -> Result<(), LedgerError> {
        let sql = "INSERT INTO attempts (order_no, sends, sent_ms)
            SELECT order_no, 1, ?2 FROM orders WHERE order_no = ?1 AND seq IS NOT NULL
            ON CONFLICT (order_no) DO UPDATE SET sends = sends + 1, sent_ms = ?2,
                code = NULL, message = NULL, refused_ms = NULL";
        let changed = self.lock().prepare_cached(sql)?.execute(params![order_no, now_ms])?;
        one_row(changed, order_no)
    }

    /// Writes down that the last request was refused. Changes no state.
    ///
    /// # Errors
    /// `Unknown` if the charge was never sent.
    pub fn refused(
        &self,
        order_no: &OrderId,
        code: &str,
        message: &str,
        now_ms: i64,
    ) -> Result<(), LedgerError> {
        let sql = "UPDATE attempts SET code = ?2, message = ?3, refused_ms = ?4
            WHERE order_no = ?1";
        let row = params![order_no, cut(code), cut(message), now_ms];
        let changed = self.lock().prepare_cached(sql)?.execute(row)?;
        one_row(changed, order_no)
    }

    /// What was sent of a charge; none if nothing ever was.
    pub fn attempt(&self, order_no: &OrderId) -> Result<Option<Attempt>, LedgerError> {
        let sql = "SELECT sends, sent_ms, code, message, refused_ms FROM attempts
            WHERE order_no = ?1";
        let connection = self.lock();
        let mut statement = connection.prepare_cached(sql)?;
        let attempt = statement.query_row([order_no], |row| {
            let refused = |code: String| -> rusqlite::Result<Refused> {
                Ok(Refused { code, message: row.get(3)?, refused_ms: row.get(4)? })
            };
            Ok(Attempt {
                sends: row.get(0)?,
                sent_ms: row.get(1)?,
                refusal: row.get::<_, Option<String>>(2)?.map(refused).transpose()?,
            })
        });
        Ok(attempt.optional()?)
    }

    /// No further charge of a subscription is to be taken.
    ///
    /// # Errors
    /// `Unknown` unless the order is the first of a subscription.
    pub fn stop(&self, first: &OrderId, now_ms: i64) -> Result<(), LedgerError> {
        let sql = "UPDATE plans SET stopped_ms = coalesce(stopped_ms, ?2) WHERE order_no = ?1";
        let changed = self.lock().prepare_cached(sql)?.execute(params![first, now_ms])?;
        one_row(changed, first)
    }

    /// Takes `stop` back.
    ///
    /// # Errors
    /// `Unknown` unless the order is the first of a subscription.
    pub fn resume(&self, first: &OrderId) -> Result<(), LedgerError> {
        let sql = "UPDATE plans SET stopped_ms = NULL WHERE order_no = ?1";
        let changed = self.lock().prepare_cached(sql)?.execute([first])?;
        one_row(changed, first)
    }

    /// Whether a subscription was stopped, and not resumed.
    pub fn is_stopped(&self, first: &OrderId) -> Result<bool, LedgerError> {
        let sql = "SELECT stopped_ms IS NOT NULL FROM plans WHERE order_no = ?1";
        let connection = self.lock();
        let mut statement = connection.prepare_cached(sql)?;
        Ok(statement.query_row([first], |row| row.get(0)).optional()?.unwrap_or(false))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{new_order, TestLedger, NOW_MS};
    use super::super::{Charge, NewOrder, Plan};
    use super::*;
    use crate::core::facts::Interval;

    fn id(text: &str) -> OrderId {
        OrderId::new(text).unwrap()
    }

    fn ledger() -> TestLedger {
        let ledger = TestLedger::with(&["B"]);
        let price_fen = new_order("A").price_fen;
        let plan = Plan {
            interval: Interval::Month,
            prices_fen: vec![price_fen; 3],
            subject: "monthly pass".into(),
            notify_url: "https://shop.example/n".into(),
        };
        let first = NewOrder { plan: Some(plan), ..new_order("A") };
        let charge = Charge { ref_order_no: id("A"), seq: 1 };
        let charge = NewOrder { charge: Some(charge), ..new_order("A_r1") };
        for order in [first, charge] {
            ledger.register(&order, NOW_MS).unwrap();
        }
        ledger
    }

    #[test]
    fn a_refusal_is_kept_until_the_next_request() {
        let ledger = ledger();
        let charge = id("A_r1");
        assert_eq!(ledger.attempt(&charge), Ok(None));
        ledger.sending(&charge, NOW_MS).unwrap();
        let sent = Attempt { sends: 1, sent_ms: NOW_MS, refusal: None };
        assert_eq!(ledger.attempt(&charge), Ok(Some(sent)));
        ledger.refused(&charge, "RENEWAL_TIME_ERROR", "not yet", NOW_MS + 1).unwrap();
        let refusal = Refused {
            code: "RENEWAL_TIME_ERROR".into(),
            message: "not yet".into(),
            refused_ms: NOW_MS + 1,
        };
        let refused = Attempt { sends: 1, sent_ms: NOW_MS, refusal: Some(refusal) };
        assert_eq!(ledger.attempt(&charge), Ok(Some(refused)));
        ledger.sending(&charge, NOW_MS + 2).unwrap();
        let again = Attempt { sends: 2, sent_ms: NOW_MS + 2, refusal: None };
        assert_eq!(ledger.attempt(&charge), Ok(Some(again)));
    }

    #[test]
    fn only_a_recorded_charge_is_sent() {
        let ledger = ledger();
        for order_no in ["A", "B", "A_r2"] {
            let unknown = Err(LedgerError::Unknown(id(order_no)));
            assert_eq!(ledger.sending(&id(order_no), NOW_MS), unknown);
        }
        let unsent = Err(LedgerError::Unknown(id("A_r1")));
        assert_eq!(ledger.refused(&id("A_r1"), "X", "no", NOW_MS), unsent);
    }

    #[test]
    fn a_subscription_is_stopped_and_resumed() {
        let ledger = ledger();
        assert_eq!(ledger.is_stopped(&id("A")), Ok(false));
        for _ in 0..2 {
            ledger.stop(&id("A"), NOW_MS).unwrap();
            assert_eq!(ledger.is_stopped(&id("A")), Ok(true));
        }
        ledger.resume(&id("A")).unwrap();
        assert_eq!(ledger.is_stopped(&id("A")), Ok(false));
        for order_no in ["B", "A_r1", "C"] {
            assert_eq!(ledger.stop(&id(order_no), NOW_MS), Err(LedgerError::Unknown(id(order_no))));
            assert_eq!(ledger.is_stopped(&id(order_no)), Ok(false));
        }
    }
}
