//! What other threads may do with a running server: end it, and give it peers.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use super::sys::EventFd;
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;

/// Ends a server's loop after its present round. From any thread.
#[derive(Clone)]
pub struct Stopper(Arc<EventFd>);

impl Stopper {
    pub(super) fn new() -> io::Result<Stopper> {
        EventFd::new().map(|event| Stopper(Arc::new(event)))
    }

    /// Asks for the end. It cannot be taken back.
    pub fn stop(&self) {
        self.0.set();
    }

    /// The event behind it, for a signal handler.
    pub fn event(&self) -> &Arc<EventFd> {
        &self.0
    }
}

/// Gives a running server one more peer. From any thread.
#[derive(Clone)]
pub struct Attacher {
    /// None: the server has ended.
    inbox: Arc<Mutex<Option<Vec<Attached>>>>,
    wake: Arc<EventFd>,
}

type Attached = (UnixStream, Vec<AppKey>);

impl Attacher {
    /// `wake` is set when somebody was attached.
    pub(super) fn new(wake: Arc<EventFd>) -> Attacher {
        Attacher { inbox: Arc::new(Mutex::new(Some(Vec::new()))), wake }
    }

    pub(super) fn event(&self) -> &EventFd {
        &self.wake
    }

    pub(super) fn wake(&self) -> Arc<EventFd> {
        self.wake.clone()
    }

    /// Hands over the server's end of a connection whose other end may act for `apps`.
    ///
    /// # Errors
    /// OFFLINE: the server has ended.
    pub fn attach(&self, stream: UnixStream, apps: Vec<AppKey>) -> Result<(), Refusal> {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(waiting) = inbox.as_mut() else {
            return Err(Refusal::new(Code::OFFLINE, "the engine has ended"));
        };
        waiting.push((stream, apps));
        drop(inbox);
        self.wake.set();
        Ok(())
    }

    /// Those that were attached since the last time.
    pub(super) fn take(&self) -> Vec<Attached> {
        let mut inbox = self.inbox.lock().unwrap_or_else(PoisonError::into_inner);
        inbox.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Refuses from here on, and lets go of those that nobody took.
    pub(super) fn close(&self) {
        *self.inbox.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
