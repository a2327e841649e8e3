//! The system calls that make a process a daemon: signals, limits, an inherited socket.

use std::io;
use std::mem::{size_of, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixListener;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::Arc;

use crate::ipc::sys::{checked, signal, EventFd};

/// Takes over descriptor 3, which a service manager has opened for this process.
///
/// # Errors
/// It is no listening Unix stream socket.
pub fn inherited_listener() -> io::Result<UnixListener> {
    const FIRST: RawFd = 3;
    let option = |name| {
        let (mut value, mut size) = (0 as libc::c_int, size_of::<libc::c_int>() as u32);
        // SAFETY: `value` and `size` live across the call; `size` is the size of `value`.
        checked(unsafe {
            let value = (&raw mut value).cast();
            libc::getsockopt(FIRST, libc::SOL_SOCKET, name, value, &raw mut size)
        })?;
        Ok::<_, io::Error>(value)
    };
    let is_right = option(libc::SO_DOMAIN)? == libc::AF_UNIX
        && option(libc::SO_TYPE)? == libc::SOCK_STREAM
        && option(libc::SO_ACCEPTCONN)? == 1;
    if !is_right {
        let text = "descriptor 3 is no listening Unix stream socket";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
    }
    // SAFETY: no pointers.
    checked(unsafe { libc::fcntl(FIRST, libc::F_SETFD, libc::FD_CLOEXEC) })?;
    // SAFETY: the service manager has left it to this process, and it is taken only once.
    let listener = UnixListener::from(unsafe { OwnedFd::from_raw_fd(FIRST) });
    listener.set_nonblocking(true)?;
    Ok(listener)
}

static STOP_FD: AtomicI32 = AtomicI32::new(-1);

extern "C" fn on_stop_signal(_: libc::c_int) {
    let fd = STOP_FD.load(Ordering::Relaxed);
    if fd >= 0 {
        signal(fd);
    }
}

/// SIGTERM and SIGINT set this event from here on, instead of ending the process. It is kept
/// for the rest of the process. For programs only, never inside a host's process.
pub fn stop_on_signals(event: Arc<EventFd>) -> io::Result<()> {
    STOP_FD.store(event.as_raw_fd(), Ordering::Relaxed);
    // A signal may come at any time, so its descriptor is never closed.
    std::mem::forget(event);
    // SAFETY: all-zero bytes are a valid sigaction.
    let mut action: libc::sigaction = unsafe { zeroed() };
    action.sa_sigaction = on_stop_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
    action.sa_flags = libc::SA_RESTART;
    for number in [libc::SIGTERM, libc::SIGINT] {
        // SAFETY: `action` lives across the call; the handler is safe in a signal handler.
        checked(unsafe { libc::sigaction(number, &raw const action, std::ptr::null_mut()) })?;
    }
    Ok(())
}

/// Asks for at least `wanted` descriptors, as far as the system lets this user.
pub fn want_descriptors(wanted: u64) -> io::Result<()> {
    // SAFETY: all-zero bytes are a valid rlimit.
    let mut limit: libc::rlimit = unsafe { zeroed() };
    // SAFETY: `limit` lives across the call.
    checked(unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) })?;
    let wanted = libc::rlim_t::try_from(wanted).unwrap_or(libc::rlim_t::MAX).min(limit.rlim_max);
    if limit.rlim_cur >= wanted {
        return Ok(());
    }
    limit.rlim_cur = wanted;
    // SAFETY: `limit` lives across the call.
    checked(unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) }).map(drop)
}

/// Keeps the memory of this process, which holds secrets, out of core files and away from
/// debuggers of the same user.
pub fn forbid_dumps() -> io::Result<()> {
    // SAFETY: no pointers.
    checked(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) }).map(drop)
}
