//! A disk in memory that loses power, fails and fills up on command.
//!
//! What was not synced has not happened yet. At a power cut each such write is, by a seeded
//! generator, kept, dropped, torn at sectors or at bytes, or garbled; the same seed and the
//! same calls give the same disk. A failed sync behaves as on Linux: some of the data never
//! reaches the device, and a later sync succeeds without it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::disk::Disk;

const SECTOR_BYTES: usize = 512;
const BLOCK_BYTES: u64 = 4_096;

/// When an operation fails, and how. Operations count from 0, see `SimDisk::ops`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This one fails with EIO.
    IoOnce(u64),
    /// This one and all later ones fail with EIO.
    IoForever(u64),
    /// This one fails with ENOSPC, if it could need space.
    FullOnce(u64),
    /// From this one on, all that could need space fail with ENOSPC.
    FullForever(u64),
    /// This one, if it is a write, claims success and does nothing.
    LieOnce(u64),
    /// Power goes off while this one is under way; all fail until `SimDisk::power_cut`.
    PowerOff(u64),
}

/// One handle on a simulated disk. Clones are handles of other processes on the same disk.
#[derive(Debug)]
pub struct SimDisk {
    shared: Arc<Mutex<State>>,
    /// Handles from before a power cut are dead.
    boot: u64,
    locked: bool,
}

#[derive(Debug)]
struct State {
    rng: Rng,
    ops: u64,
    fault: Option<Fault>,
    boot: u64,
    locked: bool,
    capacity_bytes: Option<u64>,
    inodes: Vec<Inode>,
    /// As processes see it.
    names: BTreeMap<String, usize>,
    /// As the device has it.
    names_synced: BTreeMap<String, usize>,
    unsynced_dir: Vec<DirChange>,
}

#[derive(Debug, Default)]
struct Inode {
    synced: Vec<u8>,
    unsynced: Vec<(usize, Vec<u8>)>,
}

#[derive(Debug)]
enum DirChange {
    Link(String, usize),
    Rename(String, String, usize),
    Unlink(String),
}

/// splitmix64.
#[derive(Debug)]
struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// 0 to `end` - 1.
    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

impl SimDisk {
    /// An empty disk. What power cuts do to it follows from `seed`.
    pub fn new(seed: u64) -> SimDisk {
        let state = State {
            rng: Rng(seed),
            ops: 0,
            fault: None,
            boot: 0,
            locked: false,
            capacity_bytes: None,
            inodes: Vec::new(),
            names: BTreeMap::new(),
            names_synced: BTreeMap::new(),
            unsynced_dir: Vec::new(),
        };
        SimDisk { shared: Arc::new(Mutex::new(state)), boot: 0, locked: false }
    }

    /// Operations so far, failed ones included: every call of `Disk` save `lock` and `new_id`.
    pub fn ops(&self) -> u64 {
        self.state().ops
    }

    /// Arms one fault, or none.
    pub fn set_fault(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// Limits what all files may hold, in blocks of 4 KiB; none: no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.state().capacity_bytes = bytes;
    }

    /// Cuts the power and turns it on again. This handle stays good, as that of the next
    /// process; all others are dead. The lock is free, no fault is armed.
    pub fn power_cut(&mut self) {
        let mut state = self.state();
        state.boot += 1;
        state.locked = false;
        state.fault = None;
        state.settle_files();
        state.settle_names();
        let boot = state.boot;
        drop(state);
        self.boot = boot;
        self.locked = false;
    }

    /// What the device and the writes that wait for it make of a file.
    pub fn content(&self, name: &str) -> Option<Vec<u8>> {
        let state = self.state();
        state.names.get(name).map(|index| state.inodes[*index].content())
    }

    /// Changes one byte on the device behind everybody's back: `byte ^= mask`.
    ///
    /// # Panics
    /// If the file has no such byte on the device.
    pub fn flip(&self, name: &str, offset: usize, mask: u8) {
        let mut state = self.state();
        let index = state.names[name];
        state.inodes[index].synced[offset] ^= mask;
    }

    /// A disk of its own with the same content, as synced, and another seed.
    pub fn copy(&self, seed: u64) -> SimDisk {
        let copy = SimDisk::new(seed);
        let (from, mut to) = (self.state(), copy.state());
        let synced = |inode: &Inode| Inode { synced: inode.synced.clone(), unsynced: Vec::new() };
        to.inodes = from.inodes.iter().map(synced).collect();
        to.names = from.names_synced.clone();
        to.names_synced = from.names_synced.clone();
        drop((from, to));
        copy
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves a disk as a crash does.
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one operation and says how it goes.
    fn begin(&self, needs_space: bool) -> (MutexGuard<'_, State>, Outcome) {
        let mut state = self.state();
        let op = state.ops;
        state.ops += 1;
        let outcome = match state.fault {
            _ if self.boot != state.boot => Outcome::Dead,
            Some(Fault::IoOnce(at)) if op == at => Outcome::Io,
            Some(Fault::IoForever(at)) if op >= at => Outcome::Io,
            Some(Fault::FullOnce(at)) if op == at && needs_space => Outcome::Full,
            Some(Fault::FullForever(at)) if op >= at && needs_space => Outcome::Full,
            Some(Fault::LieOnce(at)) if op == at => Outcome::Lie,
            Some(Fault::PowerOff(at)) if op == at => Outcome::PowerOff,
            Some(Fault::PowerOff(at)) if op > at => Outcome::Dead,
            _ => Outcome::Good,
        };
        (state, outcome)
    }
}

/// How an operation goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Good,
    Io,
    Full,
    /// A write that did nothing and says otherwise.
    Lie,
    /// It was under way: its effect may be on the device, but is not synced.
    PowerOff,
    /// Nothing happens any more.
    Dead,
}

impl Outcome {
    fn result(self) -> io::Result<()> {
        match self {
            Outcome::Good | Outcome::Lie => Ok(()),
            Outcome::Full => Err(io::Error::from_raw_os_error(libc::ENOSPC)),
            Outcome::Io | Outcome::PowerOff | Outcome::Dead => {
                Err(io::Error::from_raw_os_error(libc::EIO))
            }
        }
    }

    fn reaches_the_device(self) -> bool {
        matches!(self, Outcome::Good | Outcome::Lie | Outcome::PowerOff)
    }
}

impl Clone for SimDisk {
    fn clone(&self) -> SimDisk {
        let boot = self.state().boot;
        SimDisk { shared: Arc::clone(&self.shared), boot, locked: false }
    }
}

impl Drop for SimDisk {
    fn drop(&mut self) {
        let mut state = self.state();
        if self.locked && self.boot == state.boot {
            state.locked = false;
        }
    }
}

impl Disk for SimDisk {
    fn lock(&mut self) -> io::Result<bool> {
        if !self.locked {
            let mut state = self.state();
            let taken = !state.locked && state.boot == self.boot;
            state.locked |= taken;
            drop(state);
            self.locked = taken;
        }
        Ok(self.locked)
    }

    fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let (state, outcome) = self.begin(false);
        outcome.result()?;
        let Some(index) = state.names.get(name) else { return Ok(None) };
        let mut bytes = state.inodes[*index].content();
        bytes.truncate(bytes_max);
        Ok(Some(bytes))
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        let (mut state, outcome) = self.begin(true);
        if outcome.reaches_the_device() {
            if state.names.contains_key(name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            let index = state.inodes.len();
            state.inodes.push(Inode::default());
            state.names.insert(name.into(), index);
            state.unsynced_dir.push(DirChange::Link(name.into(), index));
        }
        outcome.result()
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let (mut state, outcome) = self.begin(true);
        let index = state.index(name)?;
        let room = state.room(index, offset);
        // A write that fails may have written a part.
        let written = match outcome {
            Outcome::Dead => 0,
            Outcome::Lie => return Ok(()),
            Outcome::Good | Outcome::PowerOff => bytes.len().min(room),
            Outcome::Io | Outcome::Full => state.rng.below(bytes.len() + 1).min(room),
        };
        if written > 0 {
            let piece = (offset as usize, bytes[..written].to_vec());
            state.inodes[index].unsynced.push(piece);
        }
        outcome.result()?;
        if written < bytes.len() {
            Outcome::Full.result()
        } else {
            Ok(())
        }
    }

    fn sync_data(&mut self, name: &str) -> io::Result<()> {
        let (mut state, outcome) = self.begin(false);
        let index = state.index(name)?;
        match outcome {
            Outcome::Good | Outcome::Lie => state.inodes[index].sync(|| true),
            Outcome::Io => {
                let State { inodes, rng, .. } = &mut *state;
                inodes[index].sync(|| rng.coin());
            }
            _ => {}
        }
        outcome.result()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        let (mut state, outcome) = self.begin(false);
        let index = state.index(from)?;
        if outcome.reaches_the_device() {
            state.names.remove(from);
            state.names.insert(to.into(), index);
            state.unsynced_dir.push(DirChange::Rename(from.into(), to.into(), index));
        }
        outcome.result()
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        let (mut state, outcome) = self.begin(false);
        state.index(name)?;
        if outcome.reaches_the_device() {
            state.names.remove(name);
            state.unsynced_dir.push(DirChange::Unlink(name.into()));
        }
        outcome.result()
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        let (mut state, outcome) = self.begin(false);
        if matches!(outcome, Outcome::Good | Outcome::Lie) {
            state.names_synced = state.names.clone();
            state.unsynced_dir.clear();
        }
        outcome.result()
    }

    fn new_id(&mut self) -> io::Result<u64> {
        Ok(self.state().rng.next())
    }
}

impl State {
    fn index(&self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Bytes that can be written to a file at `offset` before the disk is full.
    fn room(&self, index: usize, offset: u64) -> usize {
        let Some(capacity_bytes) = self.capacity_bytes else { return usize::MAX };
        let blocks = |inode: &Inode| (inode.content().len() as u64).div_ceil(BLOCK_BYTES);
        let used: u64 = self.names.values().map(|index| blocks(&self.inodes[*index])).sum();
        let free = (capacity_bytes / BLOCK_BYTES).saturating_sub(used);
        let end = (blocks(&self.inodes[index]) + free) * BLOCK_BYTES;
        end.saturating_sub(offset) as usize
    }

    fn settle_files(&mut self) {
        for inode in &mut self.inodes {
            for (offset, bytes) in std::mem::take(&mut inode.unsynced) {
                inode.settle(offset, &bytes, &mut self.rng);
            }
        }
    }

    /// Each change of the directory is kept or lost by itself.
    fn settle_names(&mut self) {
        for change in std::mem::take(&mut self.unsynced_dir) {
            if self.rng.coin() {
                continue;
            }
            match change {
                DirChange::Link(name, index) => {
                    self.names_synced.insert(name, index);
                }
                DirChange::Rename(from, to, index) => {
                    self.names_synced.remove(&from);
                    self.names_synced.insert(to, index);
                }
                DirChange::Unlink(name) => {
                    self.names_synced.remove(&name);
                }
            }
        }
        self.names = self.names_synced.clone();
    }
}

impl Inode {
    fn content(&self) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (offset, piece) in &self.unsynced {
            put(&mut bytes, *offset, piece);
        }
        bytes
    }

    fn sync(&mut self, mut reaches: impl FnMut() -> bool) {
        for (offset, bytes) in std::mem::take(&mut self.unsynced) {
            if reaches() {
                put(&mut self.synced, offset, &bytes);
            }
        }
    }

    /// What one unsynced write comes to at a power cut.
    fn settle(&mut self, offset: usize, bytes: &[u8], rng: &mut Rng) {
        match rng.below(6) {
            0 => {}
            1 => put(&mut self.synced, offset, bytes),
            2 => self.settle_sectors(offset, bytes, rng),
            3 => put(&mut self.synced, offset, &bytes[..rng.below(bytes.len() + 1)]),
            4 => {
                let lost = rng.below(bytes.len() + 1);
                put(&mut self.synced, offset + lost, &bytes[lost..]);
            }
            _ => put(&mut self.synced, offset, &garbled(bytes, rng)),
        }
    }

    /// Each sector that the write touched is old or new.
    fn settle_sectors(&mut self, offset: usize, bytes: &[u8], rng: &mut Rng) {
        let mut at = offset;
        let end = offset + bytes.len();
        while at < end {
            let next = ((at / SECTOR_BYTES + 1) * SECTOR_BYTES).min(end);
            if rng.coin() {
                put(&mut self.synced, at, &bytes[at - offset..next - offset]);
            }
            at = next;
        }
    }
}

fn put(file: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if bytes.is_empty() {
        return;
    }
    if file.len() < offset + bytes.len() {
        file.resize(offset + bytes.len(), 0);
    }
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// A range of random bytes somewhere in it, as short as one bit or as long as all of it.
fn garbled(bytes: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    if bytes.is_empty() {
        return bytes;
    }
    let start = rng.below(bytes.len());
    if rng.coin() {
        bytes[start] ^= 1 << rng.below(8);
        return bytes;
    }
    let end = start + rng.below(bytes.len() - start + 1);
    bytes[start..end].iter_mut().for_each(|byte| *byte = rng.next() as u8);
    bytes
}
