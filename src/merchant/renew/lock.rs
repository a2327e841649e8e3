//! One `renew` at a time on one ledger. The lock saves requests; it is not what keeps a
//! charge from being taken twice.

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::store::try_lock;

/// Held until it is dropped, or the process ends in any way.
pub struct RenewLock {
    _file: File,
}

impl RenewLock {
    /// The lock of a ledger: an empty file beside it. None if another process holds it.
    ///
    /// # Errors
    /// The file cannot be made.
    pub fn take(ledger: &Path) -> io::Result<Option<RenewLock>> {
        let mut path = OsString::from(ledger);
        path.push(".renew");
        let file =
            OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)?;
        Ok(try_lock(&file)?.then_some(RenewLock { _file: file }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_until_it_is_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = dir.path().join("ledger.sqlite");
        let first = RenewLock::take(&ledger).unwrap().unwrap();
        assert!(RenewLock::take(&ledger).unwrap().is_none());
        assert!(RenewLock::take(&dir.path().join("other.sqlite")).unwrap().is_some());
        drop(first);
        assert!(RenewLock::take(&ledger).unwrap().is_some());
    }
}
