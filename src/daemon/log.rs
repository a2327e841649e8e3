//! Log lines of the daemon: to standard error, or to a file that cannot grow. The library
//! itself installs no logger; only a program may.

use std::fs::{self, File, OpenOptions};
use std::io::{self, LineWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ::log::{Metadata, Record};
use simplelog::{ConfigBuilder, LevelFilter, WriteLogger};

use super::config::Log;
use crate::ipc::lines::Lines;
use crate::limits::LOG_FILE_BYTES_MAX;

static ON_STDERR: AtomicBool = AtomicBool::new(false);

/// The program's own log, and whoever reads along over the socket.
struct Both {
    own: Box<WriteLogger<Box<dyn Write + Send>>>,
    lines: Lines,
}

impl ::log::Log for Both {
    fn enabled(&self, about: &Metadata) -> bool {
        about.target().starts_with("alitv_pay")
    }

    fn log(&self, record: &Record) {
        self.own.log(record);
        if self.enabled(record.metadata()) {
            self.lines.push(record);
        }
    }

    fn flush(&self) {
        self.own.flush();
    }
}

/// Sends the lines of this crate to where `log` says, for the rest of the process, and to who
/// reads what is returned.
///
/// # Errors
/// The file cannot be opened, or the process has a logger already.
pub fn start(log: &Log) -> io::Result<Lines> {
    let writer: Box<dyn Write + Send> = match &log.file {
        None => Box::new(LineWriter::new(io::stderr())),
        Some(path) => Box::new(CappedFile::open(path, LOG_FILE_BYTES_MAX)?),
    };
    let config = ConfigBuilder::new()
        .set_time_format_rfc3339()
        .set_thread_level(LevelFilter::Off)
        .set_target_level(LevelFilter::Off)
        .set_location_level(LevelFilter::Off)
        .add_filter_allow_str("alitv_pay")
        .build();
    let lines = Lines::new(log.level);
    let both = Both { own: WriteLogger::new(log.level, config, writer), lines: lines.clone() };
    ::log::set_boxed_logger(Box::new(both)).map_err(io::Error::other)?;
    ::log::set_max_level(log.level);
    ON_STDERR.store(log.file.is_none() && log.level > LevelFilter::Off, Ordering::Relaxed);
    Ok(lines)
}

/// Whether an error that is logged reaches standard error by that.
pub fn is_on_stderr() -> bool {
    ON_STDERR.load(Ordering::Relaxed)
}

/// A file that moves to `NAME.1` when it is full, so that both together stay below two times
/// the bound. What cannot be written is lost: a full disk must not stop payments.
struct CappedFile {
    path: PathBuf,
    file: File,
    size: u64,
    bytes_max: u64,
    /// The line that has not ended.
    line: Vec<u8>,
}

impl CappedFile {
    fn open(path: &Path, bytes_max: u64) -> io::Result<CappedFile> {
        let file = open(path)?;
        let size = file.metadata()?.len();
        Ok(CappedFile { path: path.to_owned(), file, size, bytes_max, line: Vec::new() })
    }

    fn put(&mut self) -> io::Result<()> {
        if self.size + self.line.len() as u64 > self.bytes_max {
            let mut old = self.path.clone().into_os_string();
            old.push(".1");
            fs::rename(&self.path, old)?;
            self.file = open(&self.path)?;
            self.size = 0;
        }
        self.file.write_all(&self.line)?;
        self.size += self.line.len() as u64;
        Ok(())
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o640).open(path)
}

impl Write for CappedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let take = bytes.iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| at + 1);
        let (part, rest) = bytes.split_at(take);
        self.line.extend_from_slice(part);
        let is_whole = part.ends_with(b"\n");
        if is_whole || self.line.len() as u64 >= self.bytes_max {
            let _ = self.put();
            self.line.clear();
        }
        Ok(bytes.len() - rest.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_moves_aside_when_it_is_full_and_only_between_lines() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let read = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap_or_default();
        let mut log = CappedFile::open(&path, 20).unwrap();
        for piece in ["12345", "6789\n", "123456789\n", "abc", "def\n", "more"] {
            log.write_all(piece.as_bytes()).unwrap();
        }
        assert_eq!(
            (read("log.1"), read("log")),
            ("123456789\n123456789\n".into(), "abcdef\n".into())
        );
        drop(log);
        let mut log = CappedFile::open(&path, 20).unwrap();
        log.write_all(b"0123456789abc\n").unwrap();
        assert_eq!((read("log.1"), read("log")), ("abcdef\n".into(), "0123456789abc\n".into()));
    }
}
