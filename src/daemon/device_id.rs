//! What names this box to the gateway. A code to sign in with belongs to one box, and a new one
//! kills the old one of that box only, so two boxes must not have the same name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use log::warn;

use crate::core::code::Refusal;
use crate::gateway::alitv::is_device_id;
use crate::gateway::random_id;

/// Beside the journal, so that it lives as long as the orders do.
const FILE: &str = "device-id";

/// The name in the directory, or a new one that is kept there. A directory that cannot be
/// written is no reason to refuse payments: the name then lasts for this run.
pub fn of(directory: &Path) -> Result<String, Refusal> {
    let path = directory.join(FILE);
    match fs::read_to_string(&path) {
        Ok(text) if is_device_id(text.trim_end()) => return Ok(text.trim_end().to_owned()),
        Ok(_) => warn!("{} holds no device id: a new one is made", path.display()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => warn!("{}: {error}: a new device id is made", path.display()),
    }
    // As long as the device numbers of the platform.
    let id = random_id()?;
    if let Err(error) = keep(directory, &path, &id) {
        warn!("{}: {error}: the device id lasts until the end of this run", path.display());
    }
    Ok(id)
}

/// Whole or not at all, whatever dies in between.
fn keep(directory: &Path, path: &Path, id: &str) -> io::Result<()> {
    let part = directory.join("device-id.new");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_keeps_its_name_and_no_two_have_the_same() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let name = of(one.path()).unwrap();
        assert!(name.len() == 32 && name.bytes().all(|b| b.is_ascii_hexdigit()), "{name}");
        assert_eq!(of(one.path()).unwrap(), name);
        assert_ne!(of(two.path()).unwrap(), name);
        fs::write(one.path().join(FILE), "a b\n").unwrap();
        let other = of(one.path()).unwrap();
        assert_ne!(other, name);
        assert_eq!(of(one.path()).unwrap(), other);
        assert_eq!(fs::read_dir(one.path()).unwrap().count(), 1, "nothing is left over");
    }

    #[test]
    fn a_directory_that_is_not_there_still_has_a_name() {
        assert_eq!(of(Path::new("/nowhere/at/all")).unwrap().len(), 32);
    }
}
