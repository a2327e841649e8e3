//! Reading one segment: where its log ends, and what stands behind that end.

use super::codec::{record_at, Found, Opening, Stamp};
use crate::core::record::Record;

/// A segment that begins with a valid opening record.
pub(super) struct Segment {
    pub opening: Opening,
    pub generation: u64,
    pub first_lsn: u64,
    pub last_lsn: u64,
    pub records: Vec<Record>,
    /// Bytes up to the end of the log.
    pub used: usize,
    /// Bytes up to the end of the snapshot, if all of it is there.
    pub snapshot_used: Option<usize>,
    /// Valid records behind the end. They are of the commit that was cut off there.
    pub cut_off: usize,
}

/// Why a segment cannot be trusted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub offset: usize,
    pub why: String,
    /// Not damage, but more than this version knows.
    pub newer: bool,
}

fn newer(offset: usize) -> impl FnOnce(String) -> Damage {
    move |why| Damage { offset, why, newer: true }
}

/// Reads a segment; none if it does not begin with a valid record.
pub(super) fn read(bytes: &[u8]) -> Result<Option<Segment>, Damage> {
    let Some(first) = record_at(bytes, 0).map_err(newer(0))? else { return Ok(None) };
    let opening: Opening = first.body().map_err(newer(0))?;
    let mut segment = Segment {
        snapshot_used: (opening.snapshot == 0).then_some(first.end),
        opening,
        generation: first.stamp.generation,
        first_lsn: first.stamp.lsn,
        last_lsn: first.stamp.lsn,
        records: Vec::new(),
        used: first.end,
        cut_off: 0,
    };
    while let Some(found) = record_at(bytes, segment.used).map_err(newer(segment.used))? {
        if !segment.is_next(found.stamp) {
            break;
        }
        segment.push(found)?;
    }
    segment.look_behind(bytes)?;
    Ok(Some(segment))
}

impl Segment {
    fn is_next(&self, stamp: Stamp) -> bool {
        stamp.generation == self.generation && stamp.lsn == self.last_lsn + 1
    }

    fn push(&mut self, found: Found<'_>) -> Result<(), Damage> {
        self.records.push(found.body().map_err(newer(self.used))?);
        self.last_lsn = found.stamp.lsn;
        self.used = found.end;
        if self.records.len() as u64 == self.opening.snapshot {
            self.snapshot_used = Some(found.end);
        }
        Ok(())
    }

    /// A commit is synced before the next one is written. So a valid record behind the end
    /// proves that the missing one had been synced, unless both are of one commit.
    fn look_behind(&mut self, bytes: &[u8]) -> Result<(), Damage> {
        let missing = self.last_lsn + 1;
        for (offset, stamp) in strays(bytes, self.used) {
            let Stamp { lsn, commit, generation } = stamp.map_err(newer(offset))?;
            let cut_off = generation == self.generation && commit <= missing && missing < lsn;
            if generation >= self.generation && !cut_off {
                let why = format!(
                    "record {missing} of generation {} is missing or damaged here, \
                     but record {lsn} of generation {generation} follows at byte {offset}",
                    self.generation
                );
                return Err(Damage { offset: self.used, why, newer: false });
            }
            self.cut_off += usize::from(cut_off);
        }
        Ok(())
    }
}

/// Every valid record at or behind `from`, at whatever byte it begins: a damaged newline
/// hides where the next line starts.
pub(super) fn strays(
    bytes: &[u8],
    from: usize,
) -> impl Iterator<Item = (usize, Result<Stamp, String>)> + '_ {
    let bytes = &bytes[..dirty_bytes(bytes)];
    let mut at = from;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let offset = at;
            match record_at(bytes, offset) {
                Ok(None) => at += 1,
                Ok(Some(found)) => {
                    at = found.end;
                    return Some((offset, Ok(found.stamp)));
                }
                Err(why) => {
                    at += 1;
                    return Some((offset, Err(why)));
                }
            }
        }
        None
    })
}

/// Length without the zeros at the end.
pub(super) fn dirty_bytes(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}
