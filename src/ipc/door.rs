//! The listening socket, and what to do when there are no descriptors left.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::{UnixListener, UnixStream};

use super::desk::write_line;
use super::gate::Gate;
use super::proto::{Answer, Id, RpcError};
use super::sys;
use crate::core::code::{Code, Refusal};
use crate::limits::ACCEPT_PAUSE_MS;

/// Takes connections.
pub struct Door {
    listener: UnixListener,
    /// How many may come.
    pub gate: Gate,
    /// Given up for a moment, so that one more connection can be taken and refused. Without
    /// it that connection would keep the listener readable, and the loop spinning.
    spare: Option<File>,
    paused_until_ms: Option<u64>,
}

impl Door {
    /// Takes over a listening socket.
    pub fn new(listener: UnixListener) -> io::Result<Door> {
        listener.set_nonblocking(true)?;
        let spare = Some(File::open("/dev/null")?);
        Ok(Door { listener, gate: Gate::default(), spare, paused_until_ms: None })
    }

    /// What to poll, unless it is paused.
    pub fn fd(&self) -> Option<RawFd> {
        self.paused_until_ms.is_none().then(|| self.listener.as_raw_fd())
    }

    /// Boot milliseconds at which `resume` ends a pause.
    pub fn deadline_ms(&self) -> Option<u64> {
        self.paused_until_ms
    }

    /// Ends a pause that is over.
    pub fn resume(&mut self, now_ms: u64) {
        self.paused_until_ms = self.paused_until_ms.filter(|until| now_ms < *until);
    }

    /// The next connection that waits.
    pub fn next(&mut self, now_ms: u64) -> Option<UnixStream> {
        if self.paused_until_ms.is_some() {
            return None;
        }
        let error = match self.listener.accept() {
            Ok((stream, _)) => return Some(stream),
            Err(error) => error,
        };
        match error.kind() {
            // The next round polls again.
            io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionAborted => return None,
            _ => log::warn!("cannot take a connection: {error}"),
        }
        if matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE)) {
            self.refuse_with_spare();
        }
        self.paused_until_ms = Some(now_ms.saturating_add(ACCEPT_PAUSE_MS));
        None
    }

    fn refuse_with_spare(&mut self) {
        self.spare = None;
        if let Ok((stream, _)) = self.listener.accept() {
            refuse(&stream, Refusal::new(Code::RESOURCE, "the server has no descriptors left"));
        }
        self.spare = File::open("/dev/null").ok();
    }
}

/// Says why a connection is closed at once, as far as the peer can still hear it.
pub fn refuse(stream: &UnixStream, refusal: Refusal) {
    let error = Some(RpcError::from(refusal));
    let mut line = Vec::new();
    write_line(&mut line, &Answer::<()> { jsonrpc: "2.0", id: &Id::Null, result: None, error });
    let _ = sys::send(stream, &line);
}
