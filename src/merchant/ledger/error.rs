//! Why the ledger did not do what was asked. Nothing is half done after any of these.

use std::fmt;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use crate::core::facts::OrderId;

/// Why a call of the ledger failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LedgerError {
    /// The order is there with another value of this field; it was left as it is.
    Conflict {
        /// Name of the first field that differs.
        field: &'static str,
    },
    /// A field is out of its bounds: a sentence that names both.
    Invalid(String),
    /// No such order, or none that this call is for.
    Unknown(OrderId),
    /// Another process held the file for all of `LEDGER_BUSY_MS`. Try again.
    Busy,
    /// No space on the device.
    Full,
    /// The file is something else than a ledger. It was not touched.
    NotALedger(PathBuf),
    /// The file was made by a later version of this program. It was not touched.
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// What is in the file cannot be: a sentence.
    Damaged(String),
    /// The file system or SQLite failed in another way: a sentence.
    Io(String),
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LedgerError::Conflict { field } => {
                write!(f, "the ledger has this order with another {field}")
            }
            LedgerError::Invalid(why) => f.write_str(why),
            LedgerError::Unknown(order_no) => {
                write!(f, "the ledger has no such order: {order_no}")
            }
            LedgerError::Busy => write!(f, "another process holds the ledger; try again"),
            LedgerError::Full => write!(f, "no space is left for the ledger"),
            LedgerError::NotALedger(path) => {
                write!(f, "{} is not a ledger of alitv-pay; it was left alone", path.display())
            }
            LedgerError::Newer { path, found } => write!(
                f,
                "{} is a ledger of version {found}, made by a later alitv-pay; it was left alone",
                path.display()
            ),
            LedgerError::Damaged(why) => write!(f, "the ledger is damaged: {why}"),
            LedgerError::Io(why) => write!(f, "the ledger cannot be used: {why}"),
        }
    }
}

impl std::error::Error for LedgerError {}

impl LedgerError {
    pub(super) fn file(path: &Path, error: &std::io::Error) -> LedgerError {
        match error.kind() {
            std::io::ErrorKind::StorageFull => LedgerError::Full,
            _ => LedgerError::Io(format!("{}: {error}", path.display())),
        }
    }
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> LedgerError {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => LedgerError::Busy,
            Some(ErrorCode::DiskFull) => LedgerError::Full,
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                LedgerError::Damaged(error.to_string())
            }
            Some(ErrorCode::ConstraintViolation) => {
                LedgerError::Damaged(format!("a rule of its tables does not hold: {error}"))
            }
            Some(_) => LedgerError::Io(error.to_string()),
            // A value of another type or a missing row: not what this program wrote.
            None => LedgerError::Damaged(error.to_string()),
        }
    }
}
