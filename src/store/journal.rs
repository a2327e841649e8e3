//! An open journal: append, commit, compact.

use std::io;

use super::codec::{encode, encode_header, Header, Identity, Opening, OpeningKind, Stamp};
use super::disk::{is_full, zero, Disk};
use super::error::JournalError;
use super::segment::dirty_bytes;
use crate::core::record::Record;
use crate::limits::{
    COMPACT_BYTES, JOURNAL_HEADER_BYTES, JOURNAL_RESERVE_BYTES, RECORD_BYTES_MAX, SEGMENT_BYTES,
};

pub(super) const HEADER: &str = "header";
pub(super) const HEADER_NEXT: &str = "header.next";
pub(super) const SEGMENTS: [&str; 2] = ["segment-a", "segment-b"];

/// How large a journal is. Products take the default; tests take small ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Each of the two segments.
    pub segment_bytes: u64,
    /// Kept free of new orders.
    pub reserve_bytes: u64,
    /// Compaction is wanted from here on.
    pub compact_bytes: u64,
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes {
            segment_bytes: SEGMENT_BYTES,
            reserve_bytes: JOURNAL_RESERVE_BYTES,
            compact_bytes: COMPACT_BYTES,
        }
    }
}

/// The journal of one engine. One thread uses it; calls block for the disk.
///
/// `append` and `commit` are two calls so that everything one turn of the engine appends
/// costs one write and one sync. What `append` took is not stored before `commit` returned
/// `Ok`; after a crash in between, any number of the records from the first one on may be
/// there.
pub struct Journal<D: Disk> {
    pub(super) disk: D,
    pub(super) sizes: Sizes,
    pub(super) identity: Identity,
    pub(super) active: usize,
    pub(super) generation: u64,
    /// The lsn of the first record that is not on disk.
    pub(super) next_lsn: u64,
    pub(super) used: u64,
    /// Of `used`, the snapshot that the segment began with.
    pub(super) snapshot_used: u64,
    /// Encoded records that wait for `commit`, and how many they are.
    pub(super) pending: Vec<u8>,
    pub(super) pending_records: u64,
    pub(super) poison: Option<String>,
}

impl<D: Disk> Journal<D> {
    /// Takes one record, in memory. `commit` stores it.
    pub fn append(&mut self, record: &Record) -> Result<(), JournalError> {
        self.check_poison()?;
        let start = self.pending.len();
        let stamp = Stamp {
            lsn: self.next_lsn + self.pending_records,
            generation: self.generation,
            commit: self.next_lsn,
        };
        encode(stamp, record, &mut self.pending).map_err(|error| JournalError::Io(error.into()))?;
        let fits = self.check_size(start);
        match fits {
            Ok(()) => self.pending_records += 1,
            Err(_) => self.pending.truncate(start),
        }
        fits
    }

    fn check_size(&self, start: usize) -> Result<(), JournalError> {
        let bytes = self.pending.len() - start;
        if bytes > RECORD_BYTES_MAX {
            return Err(JournalError::TooLarge { bytes, bytes_max: RECORD_BYTES_MAX });
        }
        let bytes_left = self.sizes.segment_bytes - self.used - start as u64;
        if bytes as u64 > bytes_left {
            return Err(JournalError::Full { bytes: bytes as u64, bytes_left });
        }
        Ok(())
    }

    /// Stores everything that was appended: one write, one sync; none if there is nothing.
    /// The first failure poisons the journal, since a later sync that succeeds would prove
    /// nothing about this one.
    pub fn commit(&mut self) -> Result<(), JournalError> {
        self.check_poison()?;
        if self.pending.is_empty() {
            return Ok(());
        }
        let name = SEGMENTS[self.active];
        let stored = self
            .disk
            .write_at(name, self.used, &self.pending)
            .and_then(|()| self.disk.sync_data(name));
        stored.map_err(|error| self.poisoned(error))?;
        self.used += self.pending.len() as u64;
        self.next_lsn += self.pending_records;
        self.pending.clear();
        self.pending_records = 0;
        Ok(())
    }

    /// Replaces all records by `snapshot`, which must fold into the same state; commits what
    /// was appended first. `Full`: nothing changed, the journal goes on as it was.
    pub fn compact(&mut self, snapshot: Vec<Record>) -> Result<(), JournalError> {
        self.commit()?;
        let bytes = self.encode_snapshot(&snapshot)?;
        self.ready_header_next()?;
        let next = Header {
            identity: self.identity.clone(),
            active: 1 - self.active,
            generation: self.generation + 1,
        };
        let segment_bytes = self.sizes.segment_bytes;
        write_segment(&mut self.disk, SEGMENTS[next.active], segment_bytes, &bytes)
            .and_then(|()| replace_header(&mut self.disk, &next))
            .map_err(|error| self.poisoned(error))?;
        self.active = next.active;
        self.generation = next.generation;
        self.next_lsn += 1 + snapshot.len() as u64;
        self.used = bytes.len() as u64;
        self.snapshot_used = self.used;
        // The header's old block has just become free. If somebody else was faster, the next
        // compaction tries again.
        let _ = make_header_next(&mut self.disk);
        Ok(())
    }

    fn encode_snapshot(&self, records: &[Record]) -> Result<Vec<u8>, JournalError> {
        let bytes = encode_segment(&self.identity, self.generation + 1, self.next_lsn, records)
            .map_err(JournalError::Io)?;
        let needed = bytes.len() as u64;
        let room = self.sizes.segment_bytes - self.sizes.reserve_bytes;
        // Without its reserve a journal is worth making only if it frees something.
        let bytes_left = if needed < self.used { self.sizes.segment_bytes } else { room };
        if needed > bytes_left {
            return Err(JournalError::Full { bytes: needed, bytes_left });
        }
        Ok(bytes)
    }

    fn ready_header_next(&mut self) -> Result<(), JournalError> {
        match make_header_next(&mut self.disk) {
            Ok(()) => Ok(()),
            Err(error) if is_full(&error) => {
                Err(JournalError::Full { bytes: JOURNAL_HEADER_BYTES as u64, bytes_left: 0 })
            }
            Err(error) => Err(self.poisoned(error)),
        }
    }

    /// There is room for a new order, and for the ends of those that are there.
    pub fn has_room(&self) -> bool {
        self.used_bytes() + self.sizes.reserve_bytes <= self.sizes.segment_bytes
    }

    /// It is time to compact: there is much, and at most half of it came with the last
    /// snapshot; or there is no room, and enough came since then to make a try worth it.
    pub fn wants_compaction(&self) -> bool {
        let used = self.used_bytes();
        let grown = used - self.snapshot_used;
        let much = used >= self.sizes.compact_bytes && grown >= self.snapshot_used;
        much || (!self.has_room() && grown >= self.sizes.reserve_bytes / 4)
    }

    /// Bytes of the active segment in use, those that wait for `commit` included.
    pub fn used_bytes(&self) -> u64 {
        self.used + self.pending.len() as u64
    }

    fn check_poison(&self) -> Result<(), JournalError> {
        match &self.poison {
            None => Ok(()),
            Some(why) => Err(JournalError::Poisoned(why.clone())),
        }
    }

    fn poisoned(&mut self, error: io::Error) -> JournalError {
        self.poison = Some(error.to_string());
        JournalError::Io(error)
    }
}

/// A whole segment: the opening record and a snapshot, as one commit.
pub(super) fn encode_segment(
    identity: &Identity,
    generation: u64,
    first_lsn: u64,
    records: &[Record],
) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let stamp = |lsn| Stamp { lsn, generation, commit: first_lsn };
    let opening = Opening {
        kind: OpeningKind::Segment,
        identity: identity.clone(),
        snapshot: records.len() as u64,
    };
    encode(stamp(first_lsn), &opening, &mut bytes)?;
    for (lsn, record) in (first_lsn + 1..).zip(records) {
        let start = bytes.len();
        encode(stamp(lsn), record, &mut bytes)?;
        if bytes.len() - start > RECORD_BYTES_MAX {
            let why = format!("a record of the snapshot has more than {RECORD_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
    }
    Ok(bytes)
}

/// Clears a segment that is not active, writes `bytes` to it and reads them back. The zeros
/// are synced first: stale records never stand behind new ones.
pub(super) fn write_segment(
    disk: &mut dyn Disk,
    name: &str,
    segment_bytes: u64,
    bytes: &[u8],
) -> io::Result<()> {
    let bytes_max = segment_bytes as usize;
    let held = disk.read(name, bytes_max)?.ok_or(io::ErrorKind::NotFound)?;
    zero(disk, name, 0..dirty_bytes(&held) as u64)?;
    disk.write_at(name, 0, bytes)?;
    disk.sync_data(name)?;
    let stored = disk.read(name, bytes_max)?.unwrap_or_default();
    if stored.get(..bytes.len()) != Some(bytes) || dirty_bytes(&stored) != bytes.len() {
        return Err(io::Error::other(format!("{name}: the disk does not hold what was written")));
    }
    Ok(())
}

/// Replaces the header file, durably. Needs no space: `header.next` is there already.
pub(super) fn replace_header(disk: &mut dyn Disk, header: &Header) -> io::Result<()> {
    let bytes = encode_header(header).ok_or_else(|| {
        let why = format!("the journal's header has more than {JOURNAL_HEADER_BYTES} bytes");
        io::Error::new(io::ErrorKind::InvalidInput, why)
    })?;
    disk.write_at(HEADER_NEXT, 0, &bytes)?;
    disk.sync_data(HEADER_NEXT)?;
    disk.rename(HEADER_NEXT, HEADER)?;
    disk.sync_dir()
}

/// Makes room for the next header, unless it is there already.
pub(super) fn make_header_next(disk: &mut dyn Disk) -> io::Result<()> {
    match disk.create(HEADER_NEXT) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    zero(disk, HEADER_NEXT, 0..JOURNAL_HEADER_BYTES as u64)
}
