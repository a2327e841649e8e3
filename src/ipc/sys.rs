//! The system calls of the socket that std does not offer, those of both ends included.
//! Every descriptor made here is closed on exec.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use crate::limits::SOCKET_PATH_BYTES_MAX;

pub(crate) fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(result)
}

pub(crate) fn owned(result: libc::c_int) -> io::Result<OwnedFd> {
    // SAFETY: the call has just returned this descriptor; nobody else owns it.
    checked(result).map(|fd| unsafe { OwnedFd::from_raw_fd(fd) })
}

/// The user this process acts as.
pub fn own_uid() -> u32 {
    // SAFETY: always succeeds.
    unsafe { libc::geteuid() }
}

/// Who runs the other end, as the kernel knows it since the connection was made.
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

/// Makes a listening socket that nobody but its owner can connect to until its mode is
/// widened. The path must not exist.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    let address = address_of(path)?;
    let kind = libc::SOCK_STREAM | libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC;
    // SAFETY: no pointers.
    let socket = owned(unsafe { libc::socket(libc::AF_UNIX, kind, 0) })?;
    // Linux gives the file the mode that the socket had before `bind`. Unlike `umask` this
    // touches no other thread.
    // SAFETY: no pointers.
    checked(unsafe { libc::fchmod(socket.as_raw_fd(), 0o600) })?;
    let size = size_of::<libc::sockaddr_un>() as libc::socklen_t;
    // SAFETY: `address` lives across the call and `size` is its size.
    checked(unsafe { libc::bind(socket.as_raw_fd(), (&raw const address).cast(), size) })?;
    // SAFETY: no pointers.
    checked(unsafe { libc::listen(socket.as_raw_fd(), 128) })?;
    Ok(UnixListener::from(socket))
}

pub(crate) fn address_of(path: &Path) -> io::Result<libc::sockaddr_un> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes.len() > SOCKET_PATH_BYTES_MAX || bytes.contains(&0) {
        let text = format!("a socket path must have 1 to {SOCKET_PATH_BYTES_MAX} bytes, no NUL");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    // SAFETY: all-zero bytes are a valid sockaddr_un.
    let mut address: libc::sockaddr_un = unsafe { zeroed() };
    address.sun_family = libc::AF_UNIX as libc::sa_family_t;
    for (to, from) in address.sun_path.iter_mut().zip(bytes) {
        *to = *from as libc::c_char;
    }
    Ok(address)
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

/// Milliseconds since boot, sleep included.
pub fn boot_ms() -> u64 {
    let (seconds, nanoseconds) = read_clock(libc::CLOCK_BOOTTIME);
    seconds.unsigned_abs() * 1_000 + nanoseconds.unsigned_abs() / 1_000_000
}

/// Unix milliseconds as this box believes them.
pub fn wall_ms() -> i64 {
    let (seconds, nanoseconds) = read_clock(libc::CLOCK_REALTIME);
    seconds.saturating_mul(1_000).saturating_add(nanoseconds / 1_000_000)
}

fn read_clock(clock: libc::clockid_t) -> (i64, i64) {
    // SAFETY: all-zero bytes are a valid timespec.
    let mut time: libc::timespec = unsafe { zeroed() };
    // SAFETY: `time` lives across the call. It fails only for clocks that do not exist.
    unsafe { libc::clock_gettime(clock, &raw mut time) };
    // Both are narrower than 64 bits on some targets.
    #[allow(clippy::unnecessary_cast)]
    (time.tv_sec as i64, time.tv_nsec as i64)
}

/// A timer by `boot_ms`: it counts sleep, and nobody can set it back.
#[derive(Debug)]
pub struct Timer {
    fd: OwnedFd,
    at_ms: Option<u64>,
}

impl Timer {
    /// A timer that is not set.
    pub fn new() -> io::Result<Timer> {
        let flags = libc::TFD_NONBLOCK | libc::TFD_CLOEXEC;
        // SAFETY: no pointers.
        let fd = owned(unsafe { libc::timerfd_create(libc::CLOCK_BOOTTIME, flags) })?;
        Ok(Timer { fd, at_ms: None })
    }

    /// Readable from `at_ms` on, until it is set again. `None` stops it. Setting it to what
    /// it is set to costs nothing.
    pub fn set(&mut self, at_ms: Option<u64>) -> io::Result<()> {
        if at_ms == self.at_ms {
            return Ok(());
        }
        // SAFETY: all-zero bytes are a valid itimerspec: a stopped timer.
        let mut spec: libc::itimerspec = unsafe { zeroed() };
        if let Some(at_ms) = at_ms {
            spec.it_value.tv_sec = libc::time_t::try_from(at_ms / 1_000).unwrap_or(0);
            // One more than asked, since zero would stop it.
            spec.it_value.tv_nsec = (at_ms % 1_000 * 1_000_000 + 1) as _;
        }
        let (fd, flags) = (self.fd.as_raw_fd(), libc::TFD_TIMER_ABSTIME);
        // SAFETY: `spec` lives across the call.
        checked(unsafe {
            libc::timerfd_settime(fd, flags, &raw const spec, std::ptr::null_mut())
        })?;
        self.at_ms = at_ms;
        Ok(())
    }

    /// To be called when it was readable: it is not set any more.
    pub fn clear(&mut self) {
        let mut count = 0_u64;
        // SAFETY: eight bytes go into eight bytes.
        unsafe { libc::read(self.fd.as_raw_fd(), (&raw mut count).cast(), 8) };
        self.at_ms = None;
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// What `poll` waits for and what it found. Reused from round to round.
#[derive(Default)]
pub struct PollSet(Vec<libc::pollfd>);

/// What `poll` found at one descriptor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// There is something to read, or the end of it.
    pub readable: bool,
    /// There is room to send.
    pub writable: bool,
    /// Nobody is at the other end any more.
    pub gone: bool,
}

impl PollSet {
    /// Forgets all descriptors.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Waits for `fd`; its place is the number of those before it. Without `read` and
    /// `write` only the end of the connection is found.
    pub fn add(&mut self, fd: RawFd, read: bool, write: bool) {
        let events = if read { libc::POLLIN } else { 0 } | if write { libc::POLLOUT } else { 0 };
        self.0.push(libc::pollfd { fd, events, revents: 0 });
    }

    /// Waits until something is found, or not at all. Says how many descriptors were found
    /// ready; an interrupted wait finds none.
    pub fn wait(&mut self, block: bool) -> io::Result<usize> {
        let timeout_ms = if block { -1 } else { 0 };
        let count = self.0.len() as libc::nfds_t;
        // SAFETY: the entries live across the call and `count` is their number.
        match checked(unsafe { libc::poll(self.0.as_mut_ptr(), count, timeout_ms) }) {
            Ok(ready) => Ok(ready.unsigned_abs() as usize),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.0.iter_mut().for_each(|entry| entry.revents = 0);
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    /// What was found at one place.
    pub fn found(&self, place: usize) -> Found {
        let revents = self.0.get(place).map_or(0, |entry| entry.revents);
        Found {
            readable: revents & libc::POLLIN != 0,
            writable: revents & libc::POLLOUT != 0,
            gone: revents & (libc::POLLHUP | libc::POLLERR | libc::POLLNVAL) != 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn ready(fd: RawFd) -> bool {
        let mut set = PollSet::default();
        set.add(fd, true, false);
        set.wait(false).unwrap() == 1
    }

    #[test]
    fn an_event_stays_until_it_is_cleared() {
        let event = EventFd::new().unwrap();
        assert!(!ready(event.as_raw_fd()));
        event.set();
        event.set();
        assert!(ready(event.as_raw_fd()));
        assert!(event.clear());
        assert!(!event.clear());
        assert!(!ready(event.as_raw_fd()));
    }

    #[test]
    fn a_timer_is_readable_from_its_time_on() {
        let mut timer = Timer::new().unwrap();
        timer.set(Some(boot_ms() + 3_600_000)).unwrap();
        assert!(!ready(timer.as_raw_fd()));
        for past in [0, boot_ms()] {
            timer.set(Some(past)).unwrap();
            let mut set = PollSet::default();
            set.add(timer.as_raw_fd(), true, false);
            assert_eq!(set.wait(true).unwrap(), 1);
            assert!(set.found(0).readable);
            timer.clear();
            assert!(!ready(timer.as_raw_fd()));
        }
        timer.set(Some(0)).unwrap();
        timer.set(None).unwrap();
        assert!(!ready(timer.as_raw_fd()));
    }

    #[test]
    fn a_new_socket_is_for_its_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = listen(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let near = UnixStream::connect(&path).unwrap();
        let (far, _) = listener.accept().unwrap();
        assert_eq!(peer_uid(&far).unwrap(), own_uid());
        assert_eq!(listen(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        drop(near);
        let mut set = PollSet::default();
        set.add(far.as_raw_fd(), false, false);
        assert_eq!(set.wait(true).unwrap(), 1);
        assert!(set.found(0).gone);
        assert_eq!(send(&far, b"x").unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_socket_path_has_its_bound() {
        for bad in ["", &"x".repeat(SOCKET_PATH_BYTES_MAX + 1)] {
            assert!(listen(Path::new(bad)).unwrap_err().to_string().contains("107"));
        }
        assert!(address_of(Path::new(&"x".repeat(SOCKET_PATH_BYTES_MAX))).is_ok());
    }

    #[test]
    fn clocks_run() {
        assert!(boot_ms() > 0);
        assert!(wall_ms() > 1_500_000_000_000);
    }
}
