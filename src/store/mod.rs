//! The journal: what an order went through, on a disk that may lose power at any byte.
//!
//! A directory holds four files, and for moments a fifth:
//!
//! | file | content |
//! |---|---|
//! | `lock` | empty; `flock`ed for as long as the journal is open |
//! | `header` | identity, which segment is active, its generation; one sector, replaced whole |
//! | `header.next` | room for the next header, so that a full disk cannot stop a compaction |
//! | `segment-a`, `segment-b` | records; preallocated with zeros, used in turn |
//!
//! A segment is `crc32 SP json LF` per record, from its first byte, then zeros. Every record
//! carries `lsn` (consecutive, over both segments), `gen` (the segment's generation) and, if
//! it was not the first of its commit, `commit` (the lsn of that first one). A segment
//! begins with a record of kind `segment`: the identity, and how many records of snapshot
//! follow. So a segment can be understood without the header.
//!
//! How damage is told apart, at the first place that holds no valid record with the next
//! lsn of this generation:
//! - zeros behind it: the end of the log;
//! - bytes, and valid records of the commit that failed here only: that commit was cut off
//!   by a crash before it was synced, and nothing was promised about it. The rest of the
//!   segment is zeroed and synced before anything is appended, so that a later, shorter
//!   record cannot make stale bytes behind it look valid;
//! - a valid record of a later commit: this commit *was* synced, and is damaged. Refuse.
//!
//! What is assumed of the device: an overwrite that loses power may leave any bytes inside
//! the range that was written, and none outside it ("powersafe overwrite" in SQLite's
//! words); a sync that returned success holds.

mod codec;
mod disk;
mod error;
mod inspect;
mod journal;
mod open;
mod real;
mod segment;
mod sim;
mod sys;

#[cfg(feature = "merchant")]
pub(crate) use self::sys::try_lock;

pub use disk::Disk;
pub use error::{JournalError, OpenError};
pub use inspect::{inspect, Inspected};
pub use journal::{Journal, Sizes};
pub use open::Opened;
pub use real::RealDisk;
pub use sim::{Fault, SimDisk};
