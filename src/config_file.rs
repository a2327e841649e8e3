//! Files that tell a program what to do and hold its secrets: who else may read or change
//! them, and errors that name file, key and bound and quote no secret.

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::ipc::sys::own_uid;

/// Why a configuration cannot be used. Names the file, the key and the bound.
#[derive(Debug)]
pub struct ConfigError {
    /// The file, or "" for a value made in code.
    pub file: PathBuf,
    /// There is no such file, or it cannot be read.
    pub is_missing: bool,
    /// Key and bound. Holds no secret.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.file.as_os_str().is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.file.display(), self.message)
    }
}

impl std::error::Error for ConfigError {}

impl ConfigError {
    pub(crate) fn refused(file: &Path, message: String) -> ConfigError {
        ConfigError { file: file.to_owned(), is_missing: false, message }
    }

    pub(crate) fn missing(file: &Path, error: &io::Error) -> ConfigError {
        ConfigError { file: file.to_owned(), is_missing: true, message: error.to_string() }
    }
}

/// What was read, and who else may read it.
pub(crate) struct Found {
    pub text: Zeroizing<String>,
    mode: u32,
    uid: u32,
}

impl Found {
    /// Why this is no place for a secret, if it is none.
    pub fn open_to_others(&self) -> Option<String> {
        let mode = self.mode & 0o777;
        (mode & 0o077 != 0)
            .then(|| format!("mode {mode:04o} lets others read a secret: allowed is 0600 or less"))
    }

    /// Why what it says may not be our own word, if it may not.
    pub fn changeable_by_others(&self) -> Option<String> {
        let mode = self.mode & 0o777;
        if mode & 0o022 != 0 {
            return Some(format!("mode {mode:04o} lets others change it: allowed is 0644 or less"));
        }
        let is_ours = self.uid == 0 || self.uid == own_uid();
        (!is_ours)
            .then(|| format!("belongs to uid {}: allowed are root and {}", self.uid, own_uid()))
    }
}

/// Reads a plain file of at most `bytes_max` bytes of UTF-8.
pub(crate) fn read(path: &Path, bytes_max: u64) -> io::Result<Found> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::other("is no plain file"));
    }
    if metadata.len() > bytes_max {
        return Err(io::Error::other(format!("has more than {bytes_max} bytes")));
    }
    let mut text = Zeroizing::new(String::with_capacity(metadata.len() as usize));
    file.take(bytes_max).read_to_string(&mut text)?;
    Ok(Found { text, mode: metadata.mode(), uid: metadata.uid() })
}

/// Line, key and sentence. The library's own text quotes the line, which may hold a secret.
pub(crate) fn toml_text(error: &toml::de::Error, source: &str) -> String {
    let Some(before) = error.span().and_then(|span| source.get(..span.start)) else {
        return error.message().to_owned();
    };
    let number = before.matches('\n').count() + 1;
    let line = source.lines().nth(number - 1).unwrap_or_default();
    let key = line.split('=').next().unwrap_or_default().trim();
    let is_key = |b: u8| b.is_ascii_alphanumeric() || b"_-.[]".contains(&b);
    if key.is_empty() || !key.bytes().all(is_key) {
        return format!("line {number}: {}", error.message());
    }
    let message = if key.contains("secret") && !error.message().starts_with("a secret") {
        "must be a string"
    } else {
        error.message()
    };
    format!("line {number}, {key}: {message}")
}
