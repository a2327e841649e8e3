//! Goods that are owed: handed out at least once, each under one name.

use rusqlite::params;

use super::row::{cut, entries, one_row};
use super::{Grant, GrantId, GrantState, Ledger, LedgerError};
use crate::limits::LEDGER_LIST_MAX;

impl Ledger {
    /// Goods to hand out by now, those that have waited longest first; at most `limit`, and at
    /// most `LEDGER_LIST_MAX`. An order whose money went back meanwhile is not among them.
    pub fn due_grants(&self, now_ms: i64, limit: usize) -> Result<Vec<Grant>, LedgerError> {
        let limit = limit.min(LEDGER_LIST_MAX) as i64;
        let condition = "WHERE g.state = 'due' AND g.due_ms <= ?1 AND o.state = 'paid'
            ORDER BY g.due_ms, g.id LIMIT ?2";
        let due = entries(&self.lock(), condition, params![now_ms, limit])?;
        let grants = due.into_iter().map(|entry| {
            let tries = match entry.grant {
                Some(GrantState::Due { tries, .. }) => tries,
                _ => 0,
            };
            Grant { grant_id: GrantId::of(&entry.order_no), entry, tries }
        });
        Ok(grants.collect())
    }

    /// Goods were handed out. False if that was written down before.
    ///
    /// # Errors
    /// `Unknown` if there is no such grant.
    pub fn delivered(&self, grant: &GrantId, now_ms: i64) -> Result<bool, LedgerError> {
        self.write(|ledger| {
            let sql = "UPDATE grants SET state = 'delivered', delivered_ms = ?2, why = NULL
                WHERE order_no = ?1 AND state = 'due'";
            if ledger.prepare_cached(sql)?.execute(params![grant.order_no(), now_ms])? == 1 {
                return Ok(true);
            }
            let sql = "SELECT EXISTS (SELECT 1 FROM grants WHERE order_no = ?1)";
            let mut statement = ledger.prepare_cached(sql)?;
            match statement.query_row([grant.order_no()], |row| row.get(0))? {
                true => Ok(false),
                false => Err(LedgerError::Unknown(grant.order_no().clone())),
            }
        })
    }

    /// Handing out failed, or it is not known whether it worked: it comes again, not before
    /// `until_ms`. What was handed out meanwhile is left as it is.
    ///
    /// # Errors
    /// `Unknown` if there is no such grant that is due.
    pub fn postpone(&self, grant: &GrantId, until_ms: i64, why: &str) -> Result<(), LedgerError> {
        let sql = "UPDATE grants SET tries = tries + 1, due_ms = ?2, why = ?3
            WHERE order_no = ?1 AND state = 'due'";
        let row = params![grant.order_no(), until_ms, cut(why)];
        let changed = self.lock().prepare_cached(sql)?.execute(row)?;
        one_row(changed, grant.order_no())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::facts::OrderId;
    use crate::limits::MESSAGE_BYTES_MAX;
    use crate::merchant::ledger::testing::{answer, TestLedger, NOW_MS};
    use crate::wire::partner::PartnerStatus;

    fn paid(order_nos: &[&str]) -> TestLedger {
        let ledger = TestLedger::with(order_nos);
        for no in order_nos {
            let answer = answer(no, PartnerStatus::TradeSuccess);
            ledger.settle(&OrderId::new(*no).unwrap(), &answer, NOW_MS).unwrap();
        }
        ledger
    }

    fn due(ledger: &TestLedger, now_ms: i64) -> Vec<(String, u32)> {
        let due = ledger.due_grants(now_ms, 10).unwrap();
        due.into_iter().map(|grant| (grant.grant_id.to_string(), grant.tries)).collect()
    }

    #[test]
    fn a_grant_comes_again_until_it_is_delivered() {
        let ledger = paid(&["A-1", "B-1"]);
        let grant = GrantId::parse("grant-A-1").unwrap();
        let both = [("grant-A-1".to_owned(), 0), ("grant-B-1".to_owned(), 0)];
        assert_eq!(due(&ledger, NOW_MS), both);
        assert_eq!(due(&ledger, NOW_MS), both);
        assert_eq!(ledger.due_grants(NOW_MS, 1).unwrap().len(), 1);
        assert_eq!(ledger.delivered(&grant, NOW_MS + 1), Ok(true));
        assert_eq!(ledger.delivered(&grant, NOW_MS + 2), Ok(false));
        assert_eq!(due(&ledger, NOW_MS), both[1..]);
        let entry = ledger.find(grant.order_no()).unwrap().unwrap();
        assert_eq!(entry.grant, Some(GrantState::Delivered { delivered_ms: NOW_MS + 1 }));
    }

    #[test]
    fn a_failure_waits_behind_the_others_and_says_why() {
        let ledger = paid(&["A-1", "B-1"]);
        let grant = GrantId::parse("grant-A-1").unwrap();
        let why = "界".repeat(MESSAGE_BYTES_MAX);
        ledger.postpone(&grant, NOW_MS + 10, &why).unwrap();
        assert_eq!(due(&ledger, NOW_MS + 9), [("grant-B-1".to_owned(), 0)]);
        assert_eq!(due(&ledger, NOW_MS + 10)[1], ("grant-A-1".to_owned(), 1));
        let entry = ledger.find(grant.order_no()).unwrap().unwrap();
        assert_eq!(entry.why.unwrap(), "界".repeat(MESSAGE_BYTES_MAX / 3));
        ledger.postpone(&grant, NOW_MS + 20, "exit status 1").unwrap();
        assert_eq!(due(&ledger, NOW_MS + 20)[1], ("grant-A-1".to_owned(), 2));
        ledger.delivered(&grant, NOW_MS + 21).unwrap();
        assert_eq!(ledger.find(grant.order_no()).unwrap().unwrap().why, None);
        let late = ledger.postpone(&grant, NOW_MS + 30, "x");
        assert_eq!(late, Err(LedgerError::Unknown(grant.order_no().clone())));
    }

    #[test]
    fn only_what_was_granted_can_be_delivered() {
        let ledger = TestLedger::with(&["A-1"]);
        for text in ["grant-A-1", "grant-Z"] {
            let grant = GrantId::parse(text).unwrap();
            let unknown = LedgerError::Unknown(grant.order_no().clone());
            assert_eq!(ledger.delivered(&grant, NOW_MS), Err(unknown.clone()));
            assert_eq!(ledger.postpone(&grant, NOW_MS, "x"), Err(unknown));
        }
        for text in ["", "A-1", "grant-", "grant- A", "Grant-A-1"] {
            assert_eq!(GrantId::parse(text), None, "{text}");
        }
        assert_eq!(ledger.due_grants(i64::MAX, 10), Ok(vec![]));
    }
}
