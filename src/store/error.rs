//! Why a journal cannot be opened or written.

use std::fmt;
use std::io;

/// Why a journal was not opened. No file was changed, save that a directory which held no
/// journal may hold the beginnings of one.
#[derive(Debug)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process, or another engine of this one, has it open.
    Locked,
    /// It belongs to the other environment.
    Environment {
        /// What the journal was made for.
        journal: String,
        /// What was asked for.
        asked: String,
    },
    /// Something that had been promised to be on disk is damaged. Keep the files.
    Corrupt {
        /// Which file.
        file: &'static str,
        /// Where in it, in bytes.
        offset: u64,
        /// What is wrong there.
        why: String,
    },
    /// Written by a version that knows more than this one. Keep the files, use that version.
    Version {
        /// Which file.
        file: &'static str,
        /// Where in it, in bytes.
        offset: u64,
        /// What is not known.
        why: String,
    },
    /// The disk failed, is full or may not be used.
    Io {
        /// What was being done.
        doing: String,
        /// What the system said.
        error: io::Error,
    },
}

impl OpenError {
    pub(super) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> OpenError {
        let doing = doing.into();
        move |error| OpenError::Io { doing, error }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Locked => f.write_str("the journal is open in another process"),
            OpenError::Environment { journal, asked } => {
                write!(f, "the journal belongs to environment {journal}, not to {asked}")
            }
            OpenError::Corrupt { file, offset, why } => {
                write!(f, "the journal is damaged: {file}, byte {offset}: {why}; keep its files")
            }
            OpenError::Version { file, offset, why } => write!(
                f,
                "the journal was written by a later version: {file}, byte {offset}: {why}"
            ),
            OpenError::Io { doing, error } => write!(f, "{doing}: {error}"),
        }
    }
}

impl std::error::Error for OpenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            OpenError::Io { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// Why something was not stored.
#[derive(Debug)]
#[non_exhaustive]
pub enum JournalError {
    /// The record is larger than any may be. Nothing was appended.
    TooLarge {
        /// Its size, CRC and newline included.
        bytes: usize,
        /// The largest allowed.
        bytes_max: usize,
    },
    /// No room. From `append`: compact, then append again. From `compact`: the snapshot, or
    /// the new header, does not fit; the journal goes on as it was.
    Full {
        /// What was needed.
        bytes: u64,
        /// What there is.
        bytes_left: u64,
    },
    /// A write or sync failed. What was to be stored may or may not be on disk; only opening
    /// the journal again can tell. Every later call answers `Poisoned`.
    Io(io::Error),
    /// An earlier write or sync failed, for the reason given.
    Poisoned(String),
}

impl fmt::Display for JournalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JournalError::TooLarge { bytes, bytes_max } => {
                write!(f, "a journal record has {bytes} bytes: allowed are {bytes_max}")
            }
            JournalError::Full { bytes, bytes_left } => {
                write!(f, "the journal needs {bytes} bytes and has {bytes_left}")
            }
            JournalError::Io(error) => write!(f, "the journal cannot be written: {error}"),
            JournalError::Poisoned(why) => write!(f, "the journal must be opened again: {why}"),
        }
    }
}

impl std::error::Error for JournalError {}
