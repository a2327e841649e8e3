//! Where the daemon listens. Only the holder of a journal's lock comes here, so a socket file
//! that nobody answers at is a leftover and may be removed.

use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{chown, DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use crate::ipc::sys;

/// The directory's mode, if it has to be made.
const DIR_MODE: u32 = 0o750;
/// Owner and group may connect; which group that is, the directory says.
const SOCKET_MODE: u32 = 0o660;

/// A socket file of ours. Removes it on drop, unless somebody has replaced it.
pub struct SocketFile {
    path: PathBuf,
    identity: (u64, u64),
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).map(|found| identity(&found));
        if is_ours.is_ok_and(|found| found == self.identity) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// Listens at `path`. Call it only while holding the journal's lock.
///
/// # Errors
/// What is in the way, with the path.
pub fn bind(path: &Path) -> Result<(UnixListener, SocketFile), String> {
    let at = |what: &str, error: io::Error| format!("socket {}: {what}: {error}", path.display());
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty());
    let dir = dir.unwrap_or(Path::new("."));
    let gid = ready_dir(dir).map_err(|error| at("its directory", error))?;
    clear_leftover(path)?;
    let listener = sys::listen(path).map_err(|error| at("cannot listen", error))?;
    let metadata = fs::symlink_metadata(path).map_err(|error| at("just made", error))?;
    let file = SocketFile { path: path.to_owned(), identity: identity(&metadata) };
    if metadata.gid() != gid {
        if let Err(error) = chown(path, None, Some(gid)) {
            log::info!("{}", at("cannot be given to its directory's group", error));
        }
    }
    fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE))
        .map_err(|error| at("its mode", error))?;
    Ok((listener, file))
}

/// Makes the directory if need be; says which group it belongs to.
fn ready_dir(dir: &Path) -> io::Result<u32> {
    match DirBuilder::new().recursive(true).mode(DIR_MODE).create(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    let metadata = fs::metadata(dir)?;
    let owner = metadata.uid();
    if owner != 0 && owner != sys::own_uid() {
        return Err(io::Error::other(format!(
            "belongs to uid {owner}, who could replace the socket"
        )));
    }
    let mode = metadata.mode();
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        let text = format!("mode {:04o} lets everybody replace the socket", mode & 0o7777);
        return Err(io::Error::other(text));
    }
    Ok(metadata.gid())
}

/// Removes a socket that a crash left behind, and nothing else.
fn clear_leftover(path: &Path) -> Result<(), String> {
    let shown = path.display();
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("socket {shown}: {error}")),
    };
    if !metadata.file_type().is_socket() {
        return Err(format!("socket {shown}: something else is there; it was left alone"));
    }
    match UnixStream::connect(path) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|error| format!("socket {shown}: leftover: {error}"))
        }
        Ok(_) => Err(format!("socket {shown}: another server answers there")),
        Err(error) => Err(format!("socket {shown}: in use, or not ours: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn makes_what_it_needs_and_removes_only_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/alitv-pay/s");
        let (listener, file) = bind(&path).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!(mode(&path), 0o660);
        assert_eq!(mode(path.parent().unwrap()) & 0o027, 0);
        UnixStream::connect(&path).unwrap();
        assert!(bind(&path).err().unwrap().contains("another server answers"));
        drop(file);
        assert!(!path.exists());

        let (_second, file) = bind(&path).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "not a socket").unwrap();
        drop(file);
        assert!(path.exists());
        assert!(bind(&path).err().unwrap().contains("left alone"));
        drop(listener);
    }

    #[test]
    fn a_leftover_is_replaced_and_an_open_directory_is_not_used() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        drop(sys::listen(&path).unwrap());
        assert!(path.exists());
        bind(&path).unwrap();
        let open = dir.path().join("open");
        fs::create_dir(&open).unwrap();
        fs::set_permissions(&open, Permissions::from_mode(0o777)).unwrap();
        let text = bind(&open.join("s")).err().unwrap();
        assert!(text.contains("0777") && text.contains("everybody"), "{text}");
        let long = open.join("x".repeat(120));
        assert!(bind(&long).is_err());
    }
}
