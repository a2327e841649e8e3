//! What the journal needs of a disk, and the two sequences that are made of it.

use std::io;

/// A directory of a few small files. `RealDisk` is one, `SimDisk` is one that can lose power.
/// Names are plain file names. No method retries: the first error is the caller's to judge.
pub trait Disk {
    /// Takes the directory for this process, until `self` is dropped. False: somebody else
    /// has it.
    fn lock(&mut self) -> io::Result<bool>;

    /// The first `bytes_max` bytes of a file, or none if there is no such file. Reads what
    /// the device holds: after a failed sync, pages that the cache believes to be clean may
    /// never have been written.
    fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>>;

    /// Makes an empty file. `AlreadyExists` if there is one.
    fn create(&mut self, name: &str) -> io::Result<()>;

    /// Writes all of `bytes` at `offset`; the file grows if need be.
    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Returns when everything written to the file, its length included, is on the device.
    fn sync_data(&mut self, name: &str) -> io::Result<()>;

    /// Gives a file another name; a file of that name is replaced, atomically.
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&mut self, name: &str) -> io::Result<()>;

    /// Returns when every `create`, `rename` and `remove` is on the device.
    fn sync_dir(&mut self) -> io::Result<()>;

    /// A number that no other journal has.
    fn new_id(&mut self) -> io::Result<u64>;
}

/// Writes zeros through a buffer of this size.
const ZEROS: [u8; 16 * 1024] = [0; 16 * 1024];

/// Fills a range with zeros and syncs it.
pub(super) fn zero(disk: &mut dyn Disk, name: &str, range: std::ops::Range<u64>) -> io::Result<()> {
    let mut at = range.start;
    while at < range.end {
        let length = (range.end - at).min(ZEROS.len() as u64);
        disk.write_at(name, at, &ZEROS[..length as usize])?;
        at += length;
    }
    disk.sync_data(name)
}

/// Makes sure that a file exists and has `bytes` bytes, all of them zeros, on the device.
pub(super) fn preallocate(disk: &mut dyn Disk, name: &str, bytes: u64) -> io::Result<()> {
    match disk.create(name) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        other => other?,
    }
    zero(disk, name, 0..bytes)?;
    disk.sync_dir()
}

/// The file has no room: a condition to live with, not a broken device.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
