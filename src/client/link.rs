//! The connection: find the socket, make sure who is at the other end, read and write without
//! waiting, and try again later.

use std::io::ErrorKind;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Arc;

use super::sys;
use crate::core::code::{Code, Refusal};
use crate::ipc::line::{Line, LineReader};
use crate::ipc::path;
use crate::limits::{
    LINE_BYTES_MAX, READ_PASS_BYTES, RECONNECT_MS_MAX, RECONNECT_MS_MIN, RECONNECT_STEADY_MS,
};

/// Where the other end is.
#[derive(Debug)]
pub(super) enum Source {
    /// A socket in the file system; its server is checked at every connect.
    Path(PathBuf),
    /// The default rules, looked up at every connect.
    Default,
    /// The far end of a socketpair: trusted, and cannot be had twice.
    Given(Option<UnixStream>),
}

/// How far the connection has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Down,
    /// `hello` and `watch` are out; given up at this time.
    Greeting {
        until_ms: u64,
    },
    Online {
        since_ms: u64,
    },
}

#[derive(Debug)]
pub(super) struct Link {
    source: Source,
    stream: Option<UnixStream>,
    /// Of `stream`, -1 for none; see `Client::descriptors`.
    descriptor: Arc<AtomicI32>,
    lines: LineReader,
    out: Vec<u8>,
    pub phase: Phase,
    tries: u32,
    tried_ms: Option<u64>,
    /// When to try again; `None` while connected, or when there is nothing to try.
    connect_at_ms: Option<u64>,
}

impl Link {
    pub fn new(source: Source) -> Link {
        Link {
            source,
            stream: None,
            descriptor: Arc::new(AtomicI32::new(-1)),
            lines: LineReader::new(),
            out: Vec::new(),
            phase: Phase::Down,
            tries: 0,
            tried_ms: None,
            connect_at_ms: Some(0),
        }
    }

    pub fn socket(&self) -> Option<(RawFd, bool)> {
        self.stream.as_ref().map(|stream| (stream.as_raw_fd(), !self.out.is_empty()))
    }

    pub fn descriptor(&self) -> Arc<AtomicI32> {
        self.descriptor.clone()
    }

    /// When there is something to do although nothing comes in.
    pub fn wake_at_ms(&self) -> Option<u64> {
        match self.phase {
            Phase::Down => self.connect_at_ms,
            Phase::Greeting { until_ms } => Some(until_ms),
            Phase::Online { .. } => None,
        }
    }

    /// Somebody is waiting: try again soon.
    pub fn hurry(&mut self) {
        if let (Some(at), Some(tried)) = (self.connect_at_ms, self.tried_ms) {
            self.connect_at_ms = Some(at.min(tried + RECONNECT_MS_MIN));
        }
    }

    /// Connects if it is time to. Ok(true): there is a new connection.
    pub fn connect(&mut self, now_ms: u64) -> Result<bool, Refusal> {
        if self.stream.is_some() || self.connect_at_ms.is_none_or(|at| at > now_ms) {
            return Ok(false);
        }
        self.tried_ms = Some(now_ms);
        let stream = match &mut self.source {
            Source::Given(stream) => {
                stream.take().ok_or_else(|| offline("the engine of this client has ended"))
            }
            Source::Path(path) => reach(path),
            Source::Default => reach_any(&path::candidates(sys::own_uid() == 0)),
        };
        match stream {
            Ok(stream) => {
                self.descriptor.store(stream.as_raw_fd(), Ordering::Release);
                self.stream = Some(stream);
            }
            Err(refusal) => {
                self.close(now_ms);
                return Err(refusal);
            }
        }
        self.connect_at_ms = None;
        Ok(true)
    }

    /// Closes the connection and plans the next one.
    pub fn close(&mut self, now_ms: u64) {
        if let Phase::Online { since_ms } = self.phase {
            if now_ms.saturating_sub(since_ms) >= RECONNECT_STEADY_MS {
                self.tries = 0;
            }
        }
        self.descriptor.store(-1, Ordering::Release);
        self.stream = None;
        self.lines = LineReader::new();
        self.out = Vec::new();
        self.phase = Phase::Down;
        self.connect_at_ms = match self.source {
            Source::Given(None) => None,
            _ => Some(now_ms + backoff_ms(self.tries)),
        };
        self.tries = self.tries.saturating_add(1);
    }

    /// Takes a line to be sent, if what waits already is little.
    pub fn queue(&mut self, line: &[u8]) -> bool {
        if self.stream.is_none() || self.out.len() + line.len() > 2 * LINE_BYTES_MAX {
            return false;
        }
        self.out.extend_from_slice(line);
        true
    }

    /// Sends what the socket takes.
    pub fn write(&mut self) -> Result<(), Refusal> {
        let Some(stream) = &self.stream else { return Ok(()) };
        while !self.out.is_empty() {
            match sys::send(stream, &self.out) {
                Ok(sent) => drop(self.out.drain(..sent)),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => break,
                    ErrorKind::Interrupted => {}
                    _ => return Err(offline(&format!("the engine hung up: {error}"))),
                },
            }
        }
        Ok(())
    }

    /// Hands every complete line that has come to `each`, up to `READ_PASS_BYTES` in all.
    pub fn read(
        &mut self,
        mut each: impl FnMut(&[u8]) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        let mut total = 0;
        while total < READ_PASS_BYTES {
            match self.lines.read_from(stream) {
                // A line that was cut off there says nothing.
                Ok(0) => return Err(offline("the engine hung up")),
                Ok(got) => total += got,
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => break,
                    ErrorKind::Interrupted => {}
                    _ => return Err(offline(&format!("the engine hung up: {error}"))),
                },
            }
            while let Some(line) = self.lines.next_line() {
                match line {
                    Line::Bytes(bytes) => each(bytes)?,
                    Line::TooLong => return Err(too_long()),
                }
            }
        }
        Ok(())
    }
}

fn offline(text: &str) -> Refusal {
    Refusal::new(Code::OFFLINE, text)
}

fn too_long() -> Refusal {
    let text = format!("the engine sent a line over {LINE_BYTES_MAX} bytes");
    Refusal::new(Code::PROTOCOL, text)
}

/// `RECONNECT_MS_MIN` doubled up to `RECONNECT_MS_MAX`, less up to 20 %, so that the games of
/// a box do not come back all at once.
fn backoff_ms(tries: u32) -> u64 {
    let full = RECONNECT_MS_MIN.saturating_mul(1 << tries.min(16)).min(RECONNECT_MS_MAX);
    let mut random = [0_u8];
    // Without a random number the wait is the full one, which is right as well.
    let _ = getrandom::fill(&mut random);
    full - full * u64::from(random[0] % 21) / 100
}

/// The first of `paths` with a server that may be trusted; the reason why not of the first
/// that exists.
fn reach_any(paths: &[PathBuf]) -> Result<UnixStream, Refusal> {
    let mut refused = None;
    for path in paths {
        match reach(path) {
            Ok(stream) => return Ok(stream),
            Err(refusal) if refused.is_none() || refusal.code == Code::DENIED => {
                refused = Some(refusal);
            }
            Err(_) => {}
        }
    }
    Err(refused.unwrap_or_else(|| offline("there is no socket path to try")))
}

fn reach(path: &Path) -> Result<UnixStream, Refusal> {
    let stream = sys::connect(path).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => {
            let text = format!("{}: this user may not connect", path.display());
            Refusal::new(Code::DENIED, text)
        }
        _ => offline(&format!("{}: {error}", path.display())),
    })?;
    check_server(path, &stream)?;
    Ok(stream)
}

/// A local user must not be able to play the engine. Root may, we may, and so may whoever
/// owns the socket's directory, when nobody else can put a socket there.
fn check_server(path: &Path, stream: &UnixStream) -> Result<(), Refusal> {
    let peer =
        sys::peer_uid(stream).map_err(|error| offline(&format!("{}: {error}", path.display())))?;
    if peer == 0 || peer == sys::own_uid() || peer_owns_directory(path, peer) {
        return Ok(());
    }
    let text = format!(
        "{}: the server runs as uid {peer}, which is neither root nor this user nor the only \
         one who can put a socket there",
        path.display()
    );
    Err(Refusal::new(Code::DENIED, text))
}

fn peer_owns_directory(path: &Path, peer: u32) -> bool {
    let directory = path.parent().and_then(|directory| directory.metadata().ok());
    directory.is_some_and(|meta| meta.uid() == peer && meta.mode() & 0o022 == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn waits_double_up_to_the_limit_less_a_fifth_at_most() {
        for tries in 0..40 {
            let full = RECONNECT_MS_MIN.saturating_mul(1 << tries.min(16)).min(RECONNECT_MS_MAX);
            for _ in 0..50 {
                let wait = backoff_ms(tries);
                assert!((full - full / 5..=full).contains(&wait), "{tries}: {wait}");
            }
        }
    }

    #[test]
    fn only_a_directory_of_its_own_vouches_for_another_user() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.sock");
        let owner = directory.path().metadata().unwrap().uid();
        let mode = |bits| std::fs::Permissions::from_mode(bits);
        for (bits, good) in [(0o755, true), (0o700, true), (0o775, false), (0o757, false)] {
            std::fs::set_permissions(directory.path(), mode(bits)).unwrap();
            assert_eq!(peer_owns_directory(&path, owner), good, "{bits:o}");
            assert!(!peer_owns_directory(&path, owner + 1));
        }
    }

    #[test]
    fn a_given_stream_cannot_be_had_twice() {
        let (near, far) = UnixStream::pair().unwrap();
        near.set_nonblocking(true).unwrap();
        let mut link = Link::new(Source::Given(Some(near)));
        assert!(link.connect(0).unwrap());
        drop(far);
        assert_eq!(link.read(|_| Ok(())).unwrap_err().code, Code::OFFLINE);
        link.close(5);
        assert_eq!(link.wake_at_ms(), None);
        assert_eq!(link.connect(1_000_000), Ok(false));
    }
}
