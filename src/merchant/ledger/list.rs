//! Lists of orders.

use rusqlite::{params, Connection};

use super::row::entries;
use super::{Entry, Filter, Ledger, LedgerError, OrderState, Which};
use crate::core::facts::OrderId;
use crate::limits::LEDGER_LIST_MAX;

impl Ledger {
    /// Some orders, newest first: in the order in which they were registered, whatever the
    /// clocks said.
    ///
    /// # Errors
    /// `Unknown` if `before` is no order.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Entry>, LedgerError> {
        let connection = self.lock();
        let before = match &filter.before {
            None => i64::MAX,
            Some(order_no) => {
                let sql = "SELECT id FROM orders WHERE order_no = ?1";
                let id = connection.prepare_cached(sql)?.query_row([order_no], |row| row.get(0));
                id.map_err(|error| match error {
                    rusqlite::Error::QueryReturnedNoRows => LedgerError::Unknown(order_no.clone()),
                    error => error.into(),
                })?
            }
        };
        let limit = filter.limit.min(LEDGER_LIST_MAX) as i64;
        let condition = format!(
            "WHERE o.id < ?1 AND {} ORDER BY o.id DESC LIMIT ?2",
            condition_of(filter.which)
        );
        entries(&connection, &condition, params![before, limit])
    }

    /// Orders that are not settled and about which a notify waits for an answer of the
    /// platform; first those about which nobody has asked for longest.
    pub fn hinted(&self, limit: usize) -> Result<Vec<Entry>, LedgerError> {
        let limit = limit.min(LEDGER_LIST_MAX) as i64;
        let condition =
            "WHERE o.hinted_ms IS NOT NULL ORDER BY o.asked_ms, o.hinted_ms, o.id LIMIT ?1";
        entries(&self.lock(), condition, params![limit])
    }

    /// Every subscription, oldest first: its first order, and the later charges that were
    /// registered, by number.
    pub fn plans(&self) -> Result<Vec<(Entry, Vec<Entry>)>, LedgerError> {
        let connection = self.lock();
        let firsts = entries(&connection, "WHERE p.order_no IS NOT NULL ORDER BY o.id", [])?;
        let with_charges = |first: Entry| {
            let charges = charges(&connection, &first.order_no)?;
            Ok((first, charges))
        };
        firsts.into_iter().map(with_charges).collect()
    }

    /// One subscription by its first order; none if this is no subscription's first order.
    pub fn plan(&self, first: &OrderId) -> Result<Option<(Entry, Vec<Entry>)>, LedgerError> {
        let connection = self.lock();
        let condition = "WHERE o.order_no = ?1 AND p.order_no IS NOT NULL";
        let Some(entry) = entries(&connection, condition, [first])?.pop() else {
            return Ok(None);
        };
        Ok(Some((entry, charges(&connection, first)?)))
    }
}

fn charges(connection: &Connection, first: &OrderId) -> Result<Vec<Entry>, LedgerError> {
    entries(connection, "WHERE o.ref_order_no = ?1 ORDER BY o.seq", [first])
}

fn condition_of(which: Which) -> &'static str {
    match which {
        Which::All => "TRUE",
        Which::NotFinal => "o.state IN ('open', 'held')",
        Which::State(OrderState::Open) => "o.state = 'open'",
        Which::State(OrderState::Paid) => "o.state = 'paid'",
        Which::State(OrderState::Closed) => "o.state = 'closed'",
        Which::State(OrderState::Mismatch) => "o.state = 'mismatch'",
        Which::State(OrderState::Held) => "o.state = 'held'",
        Which::PaidNotGranted => "o.state = 'paid' AND g.state = 'due'",
        Which::GrantedNotPaid => "o.state = 'closed' AND g.order_no IS NOT NULL",
    }
}
