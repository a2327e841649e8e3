//! Opening a journal: make it, read it, mend what a crash left, refuse the rest.

use std::io;

use super::codec::{decode_header, Header, Identity, FORMAT};
use super::disk::{is_full, preallocate, zero, Disk};
use super::error::OpenError;
use super::journal::{
    encode_segment, make_header_next, replace_header, write_segment, Journal, Sizes, HEADER,
    HEADER_NEXT, SEGMENTS,
};
use super::segment::{dirty_bytes, read, strays, Damage, Segment};
use crate::core::record::Record;
use crate::limits::JOURNAL_HEADER_BYTES;

/// A journal and what was in it.
pub struct Opened<D: Disk> {
    /// Ready to append.
    pub journal: Journal<D>,
    /// Everything it holds, oldest first. All of it is on disk.
    pub records: Vec<Record>,
    /// What was mended, one English sentence each, for the log.
    pub notes: Vec<String>,
}

impl<D: Disk> std::fmt::Debug for Opened<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened")
            .field("records", &self.records)
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}

impl<D: Disk> Journal<D> {
    /// Opens the journal of a directory, or makes one if the directory never held any.
    /// `environment` becomes part of a new journal, and must match that of an old one.
    pub fn open(disk: D, environment: &str) -> Result<Opened<D>, OpenError> {
        Journal::open_sized(disk, environment, Sizes::default())
    }

    /// As `open`, with other sizes. `segment_bytes` must be what the journal was made with.
    pub fn open_sized(
        mut disk: D,
        environment: &str,
        sizes: Sizes,
    ) -> Result<Opened<D>, OpenError> {
        if !disk.lock().map_err(OpenError::io("locking the journal"))? {
            return Err(OpenError::Locked);
        }
        let mut notes = Vec::new();
        let files = Files::read(&mut disk, sizes)?;
        let chosen = match files.choose(&mut notes)? {
            Some(chosen) => chosen,
            None => create(&mut disk, environment, sizes)?,
        };
        chosen.check_identity(environment, sizes)?;
        mend(&mut disk, &files, &chosen, sizes, &mut notes)?;
        let Chosen { header, segment, .. } = chosen;
        let journal = Journal {
            disk,
            sizes,
            identity: header.identity,
            active: header.active,
            generation: header.generation,
            next_lsn: segment.last_lsn + 1,
            used: segment.used as u64,
            snapshot_used: segment.snapshot_used.unwrap_or(segment.used) as u64,
            pending: Vec::new(),
            pending_records: 0,
            poison: None,
        };
        Ok(Opened { journal, records: segment.records, notes })
    }
}

/// What opening a journal would come to.
pub(super) struct Judged {
    /// Everything it holds, oldest first.
    pub records: Vec<Record>,
    /// What would be mended.
    pub notes: Vec<String>,
}

/// Reads and judges as `Journal::open` does, and changes nothing. None if the directory never
/// held a record.
pub(super) fn judge(
    disk: &mut dyn Disk,
    environment: &str,
    sizes: Sizes,
) -> Result<Option<Judged>, OpenError> {
    let mut notes = Vec::new();
    let Some(chosen) = Files::read(disk, sizes)?.choose(&mut notes)? else { return Ok(None) };
    chosen.check_identity(environment, sizes)?;
    Ok(Some(Judged { records: chosen.segment.records, notes }))
}

/// What the directory holds.
struct Files {
    header: Option<Vec<u8>>,
    segments: [Option<Vec<u8>>; 2],
}

/// The segment to go on with.
struct Chosen {
    header: Header,
    segment: Segment,
    /// The header file does not say so yet.
    rewrite_header: bool,
    /// Made just now: there is nothing to mend.
    fresh: bool,
}

impl Files {
    /// Syncs before it reads: what a process that died had written, and we build on, must not
    /// vanish with a later power cut.
    fn read(disk: &mut dyn Disk, sizes: Sizes) -> Result<Files, OpenError> {
        disk.sync_dir().map_err(OpenError::io("syncing the journal's directory"))?;
        let mut settled = |name: &str, bytes_max: usize| match disk.sync_data(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(OpenError::io(format!("syncing {name}"))(error)),
            Ok(()) => disk.read(name, bytes_max).map_err(OpenError::io(format!("reading {name}"))),
        };
        // One byte more than it should have, so that a file which is too long is seen.
        let segment_bytes = sizes.segment_bytes as usize + 1;
        Ok(Files {
            header: settled(HEADER, JOURNAL_HEADER_BYTES)?,
            segments: [settled(SEGMENTS[0], segment_bytes)?, settled(SEGMENTS[1], segment_bytes)?],
        })
    }

    fn segment(&self, index: usize) -> &[u8] {
        self.segments[index].as_deref().unwrap_or_default()
    }

    /// None: the directory never held a record.
    fn choose(&self, notes: &mut Vec<String>) -> Result<Option<Chosen>, OpenError> {
        let header = match &self.header {
            None if self.segments.iter().all(Option::is_none) => return Ok(None),
            None => None,
            Some(bytes) => decode_header(bytes).map_err(|why| OpenError::Version {
                file: HEADER,
                offset: 0,
                why,
            })?,
        };
        match header {
            Some(header) if header.generation == 0 => self.check_unused().map(|()| None),
            Some(header) => self.by_header(header).map(Some),
            None => self.by_segments(notes).map(Some),
        }
    }

    /// A journal that was being made holds nothing but, perhaps, its first opening record.
    fn check_unused(&self) -> Result<(), OpenError> {
        (0..2).try_for_each(|index| self.check_other(index, 0, 1))
    }

    fn by_header(&self, header: Header) -> Result<Chosen, OpenError> {
        let Some(name) = SEGMENTS.get(header.active) else {
            return Err(corrupt(HEADER, 0, format!("no segment {}", header.active)));
        };
        let segment = self
            .read_segment(header.active)?
            .ok_or_else(|| corrupt(name, 0, "the first record is missing or damaged".into()))?;
        if segment.generation != header.generation || segment.opening.identity != header.identity {
            let why = format!(
                "generation {} of journal {} stands where the header names {} of {}",
                segment.generation,
                segment.opening.identity.journal_id,
                header.generation,
                header.identity.journal_id
            );
            return Err(corrupt(name, 0, why));
        }
        if segment.snapshot_used.is_none() {
            let why = format!("the snapshot of {} records ends here", segment.opening.snapshot);
            return Err(corrupt(name, segment.used, why));
        }
        self.check_other(1 - header.active, header.generation, segment.last_lsn + 1)?;
        Ok(Chosen { header, segment, rewrite_header: false, fresh: false })
    }

    /// Without a header: the newest segment with a whole snapshot, if there can be no doubt.
    /// A header names a segment only after its snapshot is synced, and `mend` clears one that
    /// is whole but was never named; so a newer one holds everything the older one held.
    fn by_segments(&self, notes: &mut Vec<String>) -> Result<Chosen, OpenError> {
        let mut damage = None;
        let mut newest: Option<(usize, Segment)> = None;
        for index in 0..2 {
            match self.read_segment(index) {
                // An older one may have been half cleared for reuse: damage alone says nothing.
                Err(error) => damage = Some(error),
                Ok(Some(segment)) if segment.snapshot_used.is_some() => {
                    if newest.as_ref().is_none_or(|(_, best)| best.generation < segment.generation)
                    {
                        newest = Some((index, segment));
                    }
                }
                Ok(_) => {}
            }
        }
        let Some((active, segment)) = newest else {
            let why = "it cannot be read, and no segment is whole".into();
            return Err(damage.unwrap_or_else(|| corrupt(HEADER, 0, why)));
        };
        self.check_other(1 - active, segment.generation, segment.last_lsn + 1)?;
        let older = self.segment(1 - active);
        let overlaps = strays(older, 0)
            .filter_map(|(_, stamp)| stamp.ok())
            .any(|stamp| stamp.generation <= segment.generation && stamp.lsn >= segment.first_lsn);
        if overlaps {
            let why = "it cannot be read, and both segments claim to be the newest".into();
            return Err(corrupt(HEADER, 0, why));
        }
        notes.push(format!("header cannot be read: {} is newest and whole", SEGMENTS[active]));
        let identity = segment.opening.identity.clone();
        let header = Header { identity, active, generation: segment.generation };
        Ok(Chosen { header, segment, rewrite_header: true, fresh: false })
    }

    fn read_segment(&self, index: usize) -> Result<Option<Segment>, OpenError> {
        let bytes = self.segment(index);
        let found = read(bytes).map_err(|damage| refused(SEGMENTS[index], damage))?;
        if let Some(segment) = &found {
            let wanted = segment.opening.identity.segment_bytes;
            if bytes.len() as u64 != wanted {
                let why = format!("the file has {} bytes, not {wanted}", bytes.len());
                return Err(corrupt(SEGMENTS[index], segment.used, why));
            }
        }
        Ok(found)
    }

    /// The segment that is not active may hold newer records only if they are all of a
    /// snapshot that was being taken when everything stopped.
    fn check_other(&self, index: usize, generation: u64, next_lsn: u64) -> Result<(), OpenError> {
        for (offset, stamp) in strays(self.segment(index), 0) {
            match stamp {
                Ok(stamp) if stamp.generation > generation && stamp.commit != next_lsn => {
                    let why = format!(
                        "record {} of generation {} is newer than the active segment, which \
                         has generation {generation} and ends before record {next_lsn}",
                        stamp.lsn, stamp.generation
                    );
                    return Err(corrupt(SEGMENTS[index], offset, why));
                }
                Ok(_) => {}
                Err(why) => {
                    return Err(OpenError::Version {
                        file: SEGMENTS[index],
                        offset: offset as u64,
                        why,
                    })
                }
            }
        }
        Ok(())
    }
}

impl Chosen {
    fn check_identity(&self, environment: &str, sizes: Sizes) -> Result<(), OpenError> {
        let identity = &self.header.identity;
        if identity.environment != environment {
            return Err(OpenError::Environment {
                journal: identity.environment.clone(),
                asked: environment.into(),
            });
        }
        if identity.segment_bytes != sizes.segment_bytes {
            let why = format!(
                "segments of {} bytes; this version has {}",
                identity.segment_bytes, sizes.segment_bytes
            );
            return Err(OpenError::Version { file: HEADER, offset: 0, why });
        }
        Ok(())
    }
}

/// Makes a journal. The header of generation 0 comes first, so that what a crash leaves of
/// this can be told from a journal that lost its header.
fn create(disk: &mut dyn Disk, environment: &str, sizes: Sizes) -> Result<Chosen, OpenError> {
    let id = disk.new_id().map_err(OpenError::io("making a journal id"))?;
    let identity = Identity {
        format: FORMAT,
        environment: environment.into(),
        journal_id: format!("{id:016x}"),
        segment_bytes: sizes.segment_bytes,
    };
    let mut header = Header { identity, active: 0, generation: 0 };
    let made = make_header_next(disk)
        .and_then(|()| replace_header(disk, &header))
        .and_then(|()| SEGMENTS.iter().try_for_each(|s| preallocate(disk, s, sizes.segment_bytes)))
        .and_then(|()| make_header_next(disk));
    if let Err(error) = made {
        return Err(no_room(disk, error, sizes));
    }
    header.generation = 1;
    let bytes = encode_segment(&header.identity, 1, 1, &[])
        .and_then(|bytes| {
            write_segment(disk, SEGMENTS[0], sizes.segment_bytes, &bytes)?;
            replace_header(disk, &header)?;
            Ok(bytes)
        })
        .map_err(OpenError::io("making the journal"))?;
    let segment = read(&bytes).map_err(|damage| refused(SEGMENTS[0], damage))?;
    let segment = segment.ok_or_else(|| {
        corrupt(SEGMENTS[0], 0, "the record that was just made cannot be read".into())
    })?;
    Ok(Chosen { header, segment, rewrite_header: false, fresh: true })
}

/// What was preallocated in vain is given back: a full disk is bad enough.
fn no_room(disk: &mut dyn Disk, error: io::Error, sizes: Sizes) -> OpenError {
    if !is_full(&error) {
        return OpenError::io("making the journal")(error);
    }
    for name in SEGMENTS.into_iter().chain([HEADER_NEXT]) {
        let _ = disk.remove(name);
    }
    let bytes = 2 * (sizes.segment_bytes + JOURNAL_HEADER_BYTES as u64);
    OpenError::io(format!("the journal needs {bytes} bytes of disk"))(error)
}

/// Brings the files into the state that `Journal` relies on: zeros behind the end, another
/// segment of the right length without newer records, a header, room for the next one.
fn mend(
    disk: &mut dyn Disk,
    files: &Files,
    chosen: &Chosen,
    sizes: Sizes,
    notes: &mut Vec<String>,
) -> Result<(), OpenError> {
    if !chosen.fresh {
        let Header { active, generation, .. } = chosen.header;
        clear_tail(disk, SEGMENTS[active], files.segment(active), &chosen.segment, notes)?;
        clear_other(disk, files, 1 - active, generation, sizes, notes)?;
    }
    let spare = make_header_next(disk);
    if chosen.rewrite_header {
        spare
            .and_then(|()| replace_header(disk, &chosen.header))
            .and_then(|()| make_header_next(disk))
            .map_err(OpenError::io("writing the header"))?;
    } else if let Err(error) = spare {
        notes.push(format!("no room for the next header, compaction has to wait: {error}"));
    }
    Ok(())
}

fn clear_tail(
    disk: &mut dyn Disk,
    name: &str,
    bytes: &[u8],
    segment: &Segment,
    notes: &mut Vec<String>,
) -> Result<(), OpenError> {
    let dirty = dirty_bytes(bytes);
    if dirty <= segment.used {
        return Ok(());
    }
    notes.push(format!(
        "{name}: bytes {} to {dirty} were being written when everything stopped, after record \
         {}; they are ignored ({} records of that commit could be read)",
        segment.used, segment.last_lsn, segment.cut_off
    ));
    zero(disk, name, segment.used as u64..dirty as u64)
        .map_err(OpenError::io(format!("clearing the end of {name}")))
}

fn clear_other(
    disk: &mut dyn Disk,
    files: &Files,
    index: usize,
    generation: u64,
    sizes: Sizes,
    notes: &mut Vec<String>,
) -> Result<(), OpenError> {
    let (name, bytes) = (SEGMENTS[index], files.segment(index));
    let newer = strays(bytes, 0)
        .filter_map(|(_, stamp)| stamp.ok())
        .any(|stamp| stamp.generation > generation);
    if bytes.len() as u64 != sizes.segment_bytes {
        notes.push(format!("{name}: made anew, since it has {} bytes", bytes.len()));
        if files.segments[index].is_some() {
            disk.remove(name).map_err(OpenError::io(format!("removing {name}")))?;
        }
    } else if newer {
        notes.push(format!("{name}: cleared, since it holds a compaction that did not finish"));
    } else {
        return Ok(());
    }
    preallocate(disk, name, sizes.segment_bytes).map_err(OpenError::io(format!(
        "the journal needs {} bytes of disk for {name}",
        sizes.segment_bytes
    )))
}

fn corrupt(file: &'static str, offset: usize, why: String) -> OpenError {
    OpenError::Corrupt { file, offset: offset as u64, why }
}

fn refused(file: &'static str, damage: Damage) -> OpenError {
    let Damage { offset, why, newer } = damage;
    let offset = offset as u64;
    match newer {
        true => OpenError::Version { file, offset, why },
        false => OpenError::Corrupt { file, offset, why },
    }
}
