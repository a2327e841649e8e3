//! The ledger: which orders a merchant made, what the platform said of them, and which goods
//! are owed. One SQLite file; several programs may use it at once, such as `notify listen`,
//! `renew run` and the game's own server.
//!
//! # An order
//!
//! | state | it means | it goes to |
//! |---|---|---|
//! | `open` | nobody is known to have paid | `paid`, `closed`, `mismatch`, `held` |
//! | `held` | set aside: nothing asks or charges by itself | as `open`, and back to it |
//! | `paid` | paid as agreed; the goods are owed or handed out | `closed`, after a refund |
//! | `mismatch` | paid, but not for what was agreed | `closed`; `paid` if a person says so |
//! | `closed` | nobody will pay, or the money went back | `mismatch`, if it is paid all the same |
//!
//! # Who writes what
//!
//! | call | who | what |
//! |---|---|---|
//! | [`Ledger::register`] | whoever makes orders, before the game pays | the order, `open` |
//! | [`Ledger::hint`], [`Ledger::try_ask`] | the receiver of notifies | a notify waits for an answer |
//! | [`Ledger::asked`] | whoever else is about to ask the platform | when |
//! | [`Ledger::settle`], [`Ledger::answered`] | whoever has its answer | the state, and the grant |
//! | [`Ledger::hold`], [`Ledger::release`], [`Ledger::accept`] | a person, or `renew run` | the state |
//! | [`Ledger::delivered`], [`Ledger::postpone`] | whoever hands out goods | the grant |
//! | [`Ledger::sending`], [`Ledger::refused`] | `renew` | what was sent of a charge |
//! | [`Ledger::stop`], [`Ledger::resume`] | a person | that no further charge is taken |
//!
//! # What survives
//!
//! Each call is one transaction. When it returns, what it wrote is on the device; when the
//! process is killed or the device is full, all of it is there or nothing. So a receiver that
//! answers `success` after `settle` has promised nothing that a power cut can take back, and
//! one that dies before it is asked again by the platform's next notify.
//!
//! An order has one grant at most, and the grant has one name for ever ([`GrantId`]). It is
//! handed out at least once: whoever died between the goods and [`Ledger::delivered`] sees it
//! again. So the goods have to be stored together with the name, in one transaction.
//!
//! ```
//! # use alitv_pay::core::facts::OrderId;
//! # use alitv_pay::merchant::ledger::{Ledger, NewOrder, Registered};
//! # use alitv_pay::money::Fen;
//! # let dir = tempfile::tempdir().unwrap();
//! # let path = dir.path().join("ledger.sqlite");
//! # let now_ms = 1_466_395_200_000;
//! let ledger = Ledger::open(&path)?;
//! let order = NewOrder {
//!     order_no: OrderId::new("20160620-0001").unwrap(),
//!     price_fen: Fen::new(600).unwrap(),
//!     subject: "60 gems".into(),
//!     subject_id: Some("gems_60".into()),
//!     plan: None,
//!     charge: None,
//! };
//! assert_eq!(ledger.register(&order, now_ms)?, Registered::New);
//!
//! // The loop of a server that hands out its goods by itself:
//! for grant in ledger.due_grants(now_ms, 100)? {
//!     // In one transaction of your own: unless grant.grant_id is known, add the goods of
//!     // grant.entry.subject_id and remember grant.grant_id. Then:
//!     ledger.delivered(&grant.grant_id, now_ms)?;
//! }
//! # Ok::<(), alitv_pay::merchant::ledger::LedgerError>(())
//! ```

mod check;
mod entry;
mod error;
mod list;
mod open;
mod outbox;
mod register;
mod renewals;
mod row;
mod settle;
#[cfg(test)]
mod testing;

use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};

pub use entry::{
    Charge, Entry, Filter, Grant, GrantId, GrantState, NewOrder, OrderState, Plan, Registered,
    Settled, Which,
};
pub use error::LedgerError;
pub use renewals::{Attempt, Refused};

/// One connection to a ledger. Share it between threads; open another in another process.
pub struct Ledger {
    connection: Mutex<Connection>,
}

impl Ledger {
    /// A panic inside a transaction has rolled it back, so the connection is good.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs one write. It holds the file against other writers from its first statement, so
    /// that what it has read is still true when it commits.
    fn write<T>(
        &self,
        change: impl FnOnce(&Transaction) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let mut connection = self.lock();
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let done = change(&transaction)?;
        transaction.commit()?;
        Ok(done)
    }
}
