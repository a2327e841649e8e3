//! The system calls that std does not offer: a connect and a send that never block or raise
//! SIGPIPE, who is at the other end, and one descriptor that says "there is work".

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits::SOCKET_PATH_BYTES_MAX;

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

fn owned(result: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: the call has just returned this descriptor; nobody else owns it.
    checked(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The user this process acts as.
pub fn own_uid() -> u32 {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() }
}

/// Connects without waiting. A full backlog is `WouldBlock`: try again later, there is no
/// connection that could still become one.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes.len() > SOCKET_PATH_BYTES_MAX || bytes.contains(&0) {
        let text = format!("socket path must have 1 to {SOCKET_PATH_BYTES_MAX} bytes, no NUL");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let socket = owned(unsafe { libc::socket(libc::AF_UNIX, kind, 0) })?;
    // SAFETY: all-zero bytes are a valid sockaddr_un.
    let mut address: libc::sockaddr_un = unsafe { zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    let size = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: `address` lives across the call and `size` is its size.
    checked(unsafe { libc::connect(socket.as_raw_fd(), (&raw const address).cast(), size) })?;
    Ok(UnixStream::from(socket))
}

/// Who runs the other end, as the kernel knows it.
pub fn peer_uid(stream: &UnixStream) -> io::Result<u32> {
    // SAFETY: all-zero bytes are a valid ucred.
    let mut peer: libc::ucred = unsafe { zeroed() };
    let mut size = size_of::<libc::ucred>() as libc::socklen_t;
    // SAFETY: `peer` and `size` live across the call; `size` is the size of `peer`.
    checked(unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut size,
        )
    })?;
    Ok(peer.uid)
}

/// Sends what fits, without waiting and without SIGPIPE, whatever the host has set for it.
pub fn send(stream: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
    let flags = libc::MSG_NOSIGNAL | libc::MSG_DONTWAIT;
    // SAFETY: pointer and length are those of `bytes`.
    let sent = unsafe { libc::send(stream.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), flags) };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
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

/// A counter in the kernel that is readable while it is not zero.
#[derive(Debug)]
pub struct EventFd(OwnedFd);

impl EventFd {
    /// A counter at zero.
    pub fn new() -> io::Result<EventFd> {
        // SAFETY: no pointers.
        let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
        owned(fd).map(EventFd)
    }

    /// Makes it readable.
    pub fn set(&self) {
        signal(self.0.as_raw_fd());
    }

    /// Makes it not readable; says whether it was.
    pub fn clear(&self) -> bool {
        let mut count = 0_u64;
        // SAFETY: eight bytes go into eight bytes.
        let got = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut count).cast(), 8) };
        got == 8 && count > 0
    }
}

impl AsRawFd for EventFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Makes the `EventFd` with this descriptor readable. For signal handlers: nothing but
/// `write`, and `errno` is left as it was.
pub fn signal(fd: RawFd) {
    // SAFETY: errno is a valid thread-local; eight bytes are read from eight bytes. A full
    // counter refuses the write, and is readable already.
    unsafe {
        let errno = libc::__errno_location();
        let before = *errno;
        let one = 1_u64;
        libc::write(fd, (&raw const one).cast(), 8);
        *errno = before;
    }
}

/// One descriptor over the socket, a timer, "the queue is not empty" and "stop waiting".
#[derive(Debug)]
pub struct Poller {
    epoll: OwnedFd,
    timer: OwnedFd,
    ready: EventFd,
    interrupt: Arc<EventFd>,
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
    pub fn descriptors(&self) -> [RawFd; 4] {
        [
            self.epoll.as_raw_fd(),
            self.timer.as_raw_fd(),
            self.ready.as_raw_fd(),
            self.interrupt.as_raw_fd(),
        ]
    }
}

fn interest(to_send: bool) -> libc::c_int {
    libc::EPOLLIN | if to_send { libc::EPOLLOUT } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

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
