//! Looking through a ledger for damage, without changing it.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::open::is_ours;
use super::{Ledger, LedgerError};
use crate::limits::LEDGER_BUSY_MS;

impl Ledger {
    /// Reads every page and every row of the file, and says how many orders it has. Others may
    /// use it meanwhile. Takes seconds with a million orders.
    ///
    /// # Errors
    /// `Damaged` with the first thing that is wrong; `NotALedger`, `Newer`; `Busy`; `Io`, also
    /// if there is no such file.
    pub fn check(path: &Path) -> Result<u64, LedgerError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_millis(LEDGER_BUSY_MS))?;
        if !is_ours(&connection, path)? {
            return Ok(0);
        }
        let said: String =
            connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
        if said != "ok" {
            return Err(LedgerError::Damaged(said));
        }
        let mut strays = connection.prepare("PRAGMA foreign_key_check")?;
        if let Some(row) = strays.query([])?.next()? {
            let table: String = row.get(0)?;
            return Err(LedgerError::Damaged(format!("a row of {table} has lost its order")));
        }
        let orders: i64 =
            connection.query_row("SELECT count(*) FROM orders", [], |row| row.get(0))?;
        Ok(orders.unsigned_abs())
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::merchant::ledger::testing::{new_order, TestLedger};

    #[test]
    fn a_sound_ledger_is_counted_while_it_is_used() {
        let ledger = TestLedger::with(&["A-1", "A-2"]);
        assert_eq!(Ledger::check(ledger.path().as_path()), Ok(2));
        let missing = ledger.path().with_file_name("none.sqlite");
        assert!(matches!(Ledger::check(&missing), Err(LedgerError::Io(_))));
        assert!(!missing.exists());
        fs::write(&missing, "").unwrap();
        assert_eq!(Ledger::check(&missing), Ok(0));
        fs::write(&missing, "a text that is long enough to be taken for a header of a file")
            .unwrap();
        assert!(matches!(Ledger::check(&missing), Err(LedgerError::NotALedger(_))));
    }

    #[test]
    fn damage_is_found() {
        let ledger = TestLedger::with(&[]);
        for n in 0..200 {
            ledger.register(&new_order(&format!("A-{n}")), 1).unwrap();
        }
        let copy = ledger.path().with_file_name("copy.sqlite");
        ledger.lock().execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
        assert_eq!(Ledger::check(&copy), Ok(200));
        let mut bytes = fs::read(&copy).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4_096].fill(0x5a);
        fs::write(&copy, bytes).unwrap();
        let error = Ledger::check(&copy).unwrap_err();
        assert!(matches!(error, LedgerError::Damaged(_)), "{error}");
    }
}
