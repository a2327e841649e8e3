//! The system calls of a client that std does not offer: a connect that never blocks, and one
//! descriptor that says "there is work". What both ends need is in `ipc::sys`.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::ipc::sys::{address_of, checked, owned};
pub use crate::ipc::sys::{own_uid, peer_uid, send, signal, EventFd};

/// Connects without waiting. A full backlog is `WouldBlock`: try again later, there is no
/// connection that could still become one.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let address = address_of(path)?;
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let socket = owned(unsafe { libc::socket(libc::AF_UNIX, kind, 0) })?;
    let size = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: `address` lives across the call and `size` is its size.
    checked(unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), size) })?;
    Ok(UnixStream::from(socket))
}

/// Waits until `fd` is readable. Ok(false) when the time is over; `None` waits for ever.
pub fn wait_readable(fd: RawFd, timeout: Option<Duration>) -> io::Result<bool> {
    let until = timeout.map(|wait| Instant::now() + wait);
    loop {
        let left_ms = match until {
            None => -1,
            // Rounded up, so that the last part of a millisecond is not spent spinning.
            Some(until) => until
                .saturating_duration_since(Instant::now())
                .as_micros()
                .div_ceil(1000)
                .try_into()
                .unwrap_or(libc::c_int::MAX),
        };
        let mut entry = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
        // SAFETY: one entry, which lives across the call.
        match checked(unsafe { libc::poll(&raw mut entry, 1, left_ms) }) {
            Ok(0) if left_ms == libc::c_int::MAX => {}
            Ok(ready) => return Ok(ready > 0),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// One descriptor over the socket, a timer, "the queue is not empty" and "stop waiting".
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    ready: EventFd,
    interrupt: Arc<EventFd>,
    /// Set by somebody who has something for the owner that is not in the queue.
    nudge: Option<Arc<EventFd>>,
    is_ready: bool,
    timer_ms: Option<u64>,
    socket: Option<(RawFd, bool)>,
}

impl Poller {
    /// Takes four descriptors, all closed on exec.
    pub fn new() -> io::Result<Poller> {
        // SAFETY: no pointers.
        let epoll = owned(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: no pointers.
        let timer = owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        let (ready, interrupt) = (EventFd::new()?, Arc::new(EventFd::new()?));
        let poller = Poller {
            epoll,
            timer,
            ready,
            interrupt,
            nudge: None,
            is_ready: false,
            timer_ms: None,
            socket: None,
        };
        for fd in [poller.timer.as_raw_fd(), poller.ready.as_raw_fd(), poller.interrupt.as_raw_fd()]
        {
            poller.control(libc::EPOLL_CTL_ADD, fd, libc::EPOLLIN)?;
        }
        Ok(poller)
    }

    /// The descriptor to poll.
    pub fn fd(&self) -> RawFd {
        self.epoll.as_raw_fd()
    }

    /// Set it to end a wait early.
    pub fn interrupt(&self) -> &Arc<EventFd> {
        &self.interrupt
    }

    /// Readable when `nudge` is set, until `clear_nudge`.
    pub fn watch_nudge(&mut self, nudge: Arc<EventFd>) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, nudge.as_raw_fd(), libc::EPOLLIN)?;
        self.nudge = Some(nudge);
        Ok(())
    }

    /// Somebody looks.
    pub fn clear_nudge(&self) {
        if let Some(nudge) = &self.nudge {
            nudge.clear();
        }
    }

    /// Readable while `ready` is true.
    pub fn set_ready(&mut self, ready: bool) {
        if ready && !self.is_ready {
            self.ready.set();
        } else if !ready && self.is_ready {
            self.ready.clear();
        }
        self.is_ready = ready;
    }

    /// Readable once `at_ms` has come, counted from now by `now_ms`; `None` stops the timer.
    pub fn set_timer(&mut self, at_ms: Option<u64>, now_ms: u64) -> io::Result<()> {
        // A timer that has expired stays readable until it is set again.
        if at_ms == self.timer_ms && at_ms.is_none_or(|at| at > now_ms) {
            return Ok(());
        }
        // SAFETY: all-zero bytes are a valid itimerspec.
        let mut spec: libc::itimerspec = unsafe { zeroed() };
        if let Some(at) = at_ms {
            // Zero would stop the timer.
            let wait =
                Duration::from_millis(at.saturating_sub(now_ms)).max(Duration::from_nanos(1));
            spec.it_value.tv_sec = wait.as_secs() as libc::time_t;
            spec.it_value.tv_nsec = wait.subsec_nanos() as _;
        }
        let fd = self.timer.as_raw_fd();
        // SAFETY: `spec` lives across the call.
        checked(unsafe { libc::timerfd_settime(fd, 0, &raw const spec, std::ptr::null_mut()) })?;
        self.timer_ms = at_ms;
        Ok(())
    }

    /// Watches the socket, and for room to send if `to_send`. Call it with `None` before the
    /// socket is closed.
    pub fn set_socket(&mut self, socket: Option<(RawFd, bool)>) -> io::Result<()> {
        if socket == self.socket {
            return Ok(());
        }
        match (self.socket.take(), socket) {
            (Some((old, _)), Some((new, to_send))) if old == new => {
                self.control(libc::EPOLL_CTL_MOD, new, interest(to_send))?;
            }
            (old, new) => {
                if let Some((fd, _)) = old {
                    self.control(libc::EPOLL_CTL_DEL, fd, 0)?;
                }
                if let Some((fd, to_send)) = new {
                    self.control(libc::EPOLL_CTL_ADD, fd, interest(to_send))?;
                }
            }
        }
        self.socket = socket;
        Ok(())
    }

    fn control(&self, what: libc::c_int, fd: RawFd, events: libc::c_int) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events as u32, u64: 0 };
        // SAFETY: `event` lives across the call.
        checked(unsafe { libc::epoll_ctl(self.epoll.as_raw_fd(), what, fd, &raw mut event) })?;
        Ok(())
    }

    /// The descriptors it holds, for a forked child that may do nothing but close them.
    pub fn descriptors(&self) -> Vec<RawFd> {
        let own = [&self.epoll, &self.timer].map(|fd| fd.as_raw_fd());
        let counters = [Some(&self.ready), Some(&*self.interrupt), self.nudge.as_deref()];
        own.into_iter().chain(counters.into_iter().flatten().map(|fd| fd.as_raw_fd())).collect()
    }
}

fn interest(to_send: bool) -> libc::c_int {
    libc::EPOLLIN | if to_send { libc::EPOLLOUT } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::SOCKET_PATH_BYTES_MAX;

    const SOON: Option<Duration> = Some(Duration::ZERO);

    #[test]
    fn a_level_stays_until_it_is_cleared() {
        let mut poller = Poller::new().unwrap();
        assert!(!wait_readable(poller.fd(), SOON).unwrap());
        poller.set_ready(true);
        poller.set_ready(true);
        assert!(wait_readable(poller.fd(), SOON).unwrap());
        assert!(wait_readable(poller.fd(), SOON).unwrap());
        poller.set_ready(false);
        assert!(!wait_readable(poller.fd(), SOON).unwrap());
        poller.interrupt().set();
        assert!(wait_readable(poller.fd(), SOON).unwrap());
        assert!(poller.interrupt().clear());
        assert!(!poller.interrupt().clear());
        assert!(!wait_readable(poller.fd(), SOON).unwrap());
    }

    #[test]
    fn an_expired_timer_stays_readable_until_it_is_set_again() {
        let mut poller = Poller::new().unwrap();
        poller.set_timer(Some(5), 5).unwrap();
        assert!(wait_readable(poller.fd(), Some(Duration::from_secs(10))).unwrap());
        poller.set_timer(Some(1_000_000), 6).unwrap();
        assert!(!wait_readable(poller.fd(), SOON).unwrap());
        poller.set_timer(Some(7), 7).unwrap();
        assert!(wait_readable(poller.fd(), Some(Duration::from_secs(10))).unwrap());
        poller.set_timer(None, 8).unwrap();
        assert!(!wait_readable(poller.fd(), SOON).unwrap());
    }

    #[test]
    fn sockets_are_watched_for_room_only_on_demand() {
        let mut poller = Poller::new().unwrap();
        let (near, far) = UnixStream::pair().unwrap();
        assert_eq!(peer_uid(&near).unwrap(), own_uid());
        poller.set_socket(Some((near.as_raw_fd(), false))).unwrap();
        assert!(!wait_readable(poller.fd(), SOON).unwrap());
        poller.set_socket(Some((near.as_raw_fd(), true))).unwrap();
        assert!(wait_readable(poller.fd(), SOON).unwrap());
        poller.set_socket(Some((near.as_raw_fd(), false))).unwrap();
        assert_eq!(send(&far, b"x").unwrap(), 1);
        assert!(wait_readable(poller.fd(), SOON).unwrap());
        poller.set_socket(None).unwrap();
        assert!(!wait_readable(poller.fd(), SOON).unwrap());
        drop(near);
        assert_eq!(send(&far, b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_path_too_long_is_refused_and_a_missing_one_is_an_error() {
        let long = "x".repeat(SOCKET_PATH_BYTES_MAX + 1);
        for bad in ["", &long] {
            let error = connect(Path::new(bad)).unwrap_err();
            assert!(error.to_string().contains("107"), "{error}");
        }
        assert!(connect(Path::new("/nonexistent/alitv")).is_err());
    }
}
