//! Looking at a journal without changing anything, while nobody uses it.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::error::OpenError;
use super::journal::Sizes;
use super::open::{judge, Judged};
use super::real::LOCK;
use super::sys;
use crate::core::record::Record;

/// What there is.
#[derive(Debug)]
pub enum Inspected {
    /// Nothing was ever written there.
    Empty,
    /// A daemon or a game has it. It was looked at when that began.
    InUse,
    /// It can be opened.
    Whole {
        /// Everything it holds, oldest first.
        records: Vec<Record>,
        /// What opening it would mend, one English sentence each.
        notes: Vec<String>,
    },
}

/// Reads the journal of a directory as opening it would. The lock is held meanwhile, for some
/// milliseconds, in which a daemon that starts finds it taken.
///
/// # Errors
/// What opening it would say, or that this user may not read it.
pub fn inspect(dir: &Path, environment: &str) -> Result<Inspected, OpenError> {
    let is_there = dir.try_exists().map_err(OpenError::io("looking for the journal"))?;
    if !is_there {
        return Ok(Inspected::Empty);
    }
    let mut disk = ReadDisk { dir: dir.to_owned(), lock: None };
    if !disk.lock().map_err(OpenError::io("locking the journal"))? {
        return Ok(Inspected::InUse);
    }
    Ok(match judge(&mut disk, environment, Sizes::default())? {
        Some(Judged { records, notes }) => Inspected::Whole { records, notes },
        None => Inspected::Empty,
    })
}

/// A directory that is only read.
struct ReadDisk {
    dir: PathBuf,
    lock: Option<File>,
}

impl ReadDisk {
    fn open(&self, name: &str) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(libc::O_NOFOLLOW);
        options.open(self.dir.join(name))
    }
}

fn read_only<T>() -> io::Result<T> {
    Err(ErrorKind::ReadOnlyFilesystem.into())
}

impl Disk for ReadDisk {
    /// A journal without a lock file is not in use.
    fn lock(&mut self) -> io::Result<bool> {
        let file = match self.open(LOCK) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
            other => other?,
        };
        let taken = sys::try_lock(&file)?;
        self.lock = taken.then_some(file);
        Ok(taken)
    }

    fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match self.open(name) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        let mut bytes = Vec::new();
        file.take(bytes_max as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn create(&mut self, _name: &str) -> io::Result<()> {
        read_only()
    }

    fn write_at(&mut self, _name: &str, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        read_only()
    }

    /// Nothing was written, so there is nothing to sync.
    fn sync_data(&mut self, name: &str) -> io::Result<()> {
        self.open(name).map(drop)
    }

    fn rename(&mut self, _from: &str, _to: &str) -> io::Result<()> {
        read_only()
    }

    fn remove(&mut self, _name: &str) -> io::Result<()> {
        read_only()
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn new_id(&mut self) -> io::Result<u64> {
        read_only()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Journal, RealDisk};

    /// Name, length and content of every file, and when it was changed.
    fn picture(dir: &Path) -> Vec<(String, Vec<u8>, std::time::SystemTime)> {
        let mut files: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let changed = path.metadata().unwrap().modified().unwrap();
                (path.display().to_string(), std::fs::read(&path).unwrap(), changed)
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn a_journal_is_looked_at_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        assert!(matches!(inspect(&path, "sandbox"), Ok(Inspected::Empty)));
        assert!(!path.exists());
        let opened = Journal::open(RealDisk::open(&path).unwrap(), "sandbox").unwrap();
        assert!(matches!(inspect(&path, "sandbox"), Ok(Inspected::InUse)));
        drop(opened);
        let before = picture(&path);
        match inspect(&path, "sandbox") {
            Ok(Inspected::Whole { records, notes }) => {
                assert!(records.is_empty() && notes.is_empty(), "{notes:?}");
            }
            other => panic!("{other:?}"),
        }
        let other = inspect(&path, "production").unwrap_err();
        assert!(matches!(other, OpenError::Environment { .. }), "{other}");
        assert_eq!(picture(&path), before);
        // Let go again, so that a daemon can have it.
        assert!(Journal::open(RealDisk::open(&path).unwrap(), "sandbox").is_ok());
    }

    #[test]
    fn damage_is_told_as_opening_would_tell_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal");
        drop(Journal::open(RealDisk::open(&path).unwrap(), "sandbox").unwrap());
        let segment = path.join("segment-a");
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes[3] ^= 1;
        std::fs::write(&segment, bytes).unwrap();
        let seen = inspect(&path, "sandbox").unwrap_err().to_string();
        let opened = Journal::open(RealDisk::open(&path).unwrap(), "sandbox").unwrap_err();
        assert_eq!(seen, opened.to_string());
    }
}
