//! The disk of this machine.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::sys;

pub(super) const LOCK: &str = "lock";

/// A directory of this machine. Files are 0600, not inherited by programs that this process
/// starts, and never reached through a symbolic link.
///
/// The file system should overwrite in place (ext4, f2fs, XFS): on one that writes elsewhere
/// (UBIFS, btrfs) preallocated segments do not keep a full disk from failing a commit.
#[derive(Debug)]
pub struct RealDisk {
    path: PathBuf,
    dir: File,
    lock: Option<File>,
    /// Files in use. A rename closes both of its names.
    files: Vec<(String, File)>,
}

impl RealDisk {
    /// Opens a directory; makes it, 0700, if there is none. One that belongs to another user,
    /// or that others may write to, is refused: they could put another journal in its place.
    pub fn open(dir: &Path) -> io::Result<RealDisk> {
        let made = !dir.try_exists()?;
        if made {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let path = dir.canonicalize()?;
        let dir = File::open(&path)?;
        check_dir(&path, &dir)?;
        if let (true, Some(parent)) = (made, path.parent()) {
            File::open(parent)?.sync_all()?;
        }
        Ok(RealDisk { path, dir, lock: None, files: Vec::new() })
    }

    fn options() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.read(true).write(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        options
    }

    fn file(&mut self, name: &str) -> io::Result<&mut File> {
        let at = match self.files.iter().position(|(held, _)| held == name) {
            Some(at) => at,
            None => {
                let file = RealDisk::options().open(self.path.join(name))?;
                self.files.push((name.into(), file));
                self.files.len() - 1
            }
        };
        Ok(&mut self.files[at].1)
    }

    fn forget(&mut self, name: &str) {
        self.files.retain(|(held, _)| held != name);
    }
}

fn check_dir(path: &Path, dir: &File) -> io::Result<()> {
    let metadata = dir.metadata()?;
    let refuse = |why: String| {
        let why = format!("{}: {why}", path.display());
        Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
    };
    if !metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::NotADirectory));
    }
    if metadata.uid() != sys::euid() && metadata.uid() != 0 {
        return refuse(format!("belongs to uid {}, not to {}", metadata.uid(), sys::euid()));
    }
    if metadata.mode() & 0o022 != 0 {
        return refuse("others may write to it; use chmod go-w".into());
    }
    Ok(())
}

impl Disk for RealDisk {
    fn lock(&mut self) -> io::Result<bool> {
        if self.lock.is_some() {
            return Ok(true);
        }
        let file = RealDisk::options().create(true).truncate(false).open(self.path.join(LOCK))?;
        let taken = sys::try_lock(&file)?;
        self.lock = taken.then_some(file);
        Ok(taken)
    }

    fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        let file = match self.file(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        sys::drop_cached(file);
        file.seek(SeekFrom::Start(0))?;
        let mut bytes = Vec::new();
        file.take(bytes_max as u64).read_to_end(&mut bytes)?;
        Ok(Some(bytes))
    }

    fn create(&mut self, name: &str) -> io::Result<()> {
        self.forget(name);
        let file = RealDisk::options().create_new(true).open(self.path.join(name))?;
        self.files.push((name.into(), file));
        Ok(())
    }

    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file(name)?.write_all_at(bytes, offset)
    }

    fn sync_data(&mut self, name: &str) -> io::Result<()> {
        self.file(name)?.sync_data()
    }

    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.forget(from);
        self.forget(to);
        std::fs::rename(self.path.join(from), self.path.join(to))
    }

    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.forget(name);
        std::fs::remove_file(self.path.join(name))
    }

    fn sync_dir(&mut self) -> io::Result<()> {
        self.dir.sync_all()
    }

    fn new_id(&mut self) -> io::Result<u64> {
        getrandom::u64().map_err(|error| io::Error::other(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{symlink, PermissionsExt};

    use super::*;

    fn mode(path: &Path) -> u32 {
        path.metadata().unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn directory_and_files_are_private() {
        let base = tempfile::tempdir().unwrap();
        let dir = base.path().join("var/lib/journal");
        let mut disk = RealDisk::open(&dir).unwrap();
        assert!(disk.lock().unwrap());
        disk.create("file").unwrap();
        assert_eq!(mode(&dir), 0o700);
        assert_eq!(mode(&dir.join("file")), 0o600);
        assert_eq!(mode(&dir.join("lock")), 0o600);
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        for bad in [0o770, 0o702, 0o1777] {
            std::fs::set_permissions(dir.path(), Permissions::from_mode(bad)).unwrap();
            let error = RealDisk::open(dir.path()).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
            assert!(error.to_string().contains("chmod go-w"), "{error}");
        }
        std::fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        RealDisk::open(dir.path()).unwrap();
    }

    #[test]
    fn symbolic_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("target");
        std::fs::write(&target, "precious").unwrap();
        let mut disk = RealDisk::open(dir.path()).unwrap();
        for name in ["lock", "header"] {
            symlink(&target, dir.path().join(name)).unwrap();
        }
        assert!(disk.lock().is_err());
        assert!(disk.write_at("header", 0, b"x").is_err());
        assert!(disk.read("header", 9).is_err());
        assert_eq!(disk.create("header").unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(std::fs::read(&target).unwrap(), b"precious");
    }

    #[test]
    fn files_are_not_inherited() {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = RealDisk::open(dir.path()).unwrap();
        assert!(disk.lock().unwrap());
        disk.create("file").unwrap();
        let listed = std::process::Command::new("ls").args(["-l", "/proc/self/fd"]).output();
        let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
        assert!(!listed.contains(&*dir.path().to_string_lossy()), "{listed}");
    }

    #[test]
    fn reads_and_writes_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let mut disk = RealDisk::open(dir.path()).unwrap();
        assert_eq!(disk.read("a", 9).unwrap(), None);
        disk.create("a").unwrap();
        disk.write_at("a", 2, b"xyz").unwrap();
        disk.sync_data("a").unwrap();
        assert_eq!(disk.read("a", 9).unwrap().unwrap(), b"\0\0xyz");
        assert_eq!(disk.read("a", 4).unwrap().unwrap(), b"\0\0xy");
        disk.create("b").unwrap();
        disk.rename("a", "b").unwrap();
        disk.sync_dir().unwrap();
        assert_eq!(disk.read("a", 9).unwrap(), None);
        assert_eq!(disk.read("b", 9).unwrap().unwrap(), b"\0\0xyz");
        disk.remove("b").unwrap();
        assert_eq!(disk.read("b", 9).unwrap(), None);
    }
}
