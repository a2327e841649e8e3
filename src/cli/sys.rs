//! What the command line needs of the C library: the terminal's size and modes, Ctrl-C, the
//! local time, room on a disk, its own version. The only file of `cli` with `unsafe`.

#[cfg(target_env = "gnu")]
use std::ffi::CStr;
use std::ffi::CString;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

static INTERRUPTS: AtomicU32 = AtomicU32::new(0);

extern "C" fn count_interrupt(_signal: libc::c_int) {
    INTERRUPTS.fetch_add(1, Ordering::Relaxed);
}

/// From here on SIGINT, SIGTERM and SIGHUP are counted instead of ending the process; those
/// that the caller has switched off, as `nohup` does, stay so.
pub fn catch_interrupts() {
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: a zeroed sigaction is a valid one; the handler only adds to an atomic.
        // No SA_RESTART: a blocked poll or read comes back at once.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = count_interrupt as extern "C" fn(libc::c_int) as usize;
            let mut before: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, &action, &mut before);
            if before.sa_sigaction == libc::SIG_IGN {
                libc::sigaction(signal, &before, std::ptr::null_mut());
            }
        }
    }
}

/// How many of them came since `catch_interrupts`.
pub fn interrupts() -> u32 {
    INTERRUPTS.load(Ordering::Relaxed)
}

/// Columns and rows of the terminal behind `fd`; None if there is no terminal, or it does
/// not know.
pub fn terminal_size(fd: RawFd) -> Option<(usize, usize)> {
    let mut size = MaybeUninit::<libc::winsize>::zeroed();
    // SAFETY: TIOCGWINSZ writes one winsize, and all zeros is a valid one.
    let size = unsafe {
        if libc::ioctl(fd, libc::TIOCGWINSZ, size.as_mut_ptr()) != 0 {
            return None;
        }
        size.assume_init()
    };
    let (columns, rows) = (usize::from(size.ws_col), usize::from(size.ws_row));
    (columns > 0 && rows > 0).then_some((columns, rows))
}

/// Columns of the terminal that stdout is, if it is one.
pub fn stdout_columns() -> Option<usize> {
    terminal_size(io::stdout().as_raw_fd()).map(|size| size.0)
}

/// Hours, minutes and seconds of `unix_s` in the local time zone.
pub fn local_time(unix_s: i64) -> (u32, u32, u32) {
    let mut tm = MaybeUninit::<libc::tm>::zeroed();
    let time = unix_s as libc::time_t;
    // SAFETY: localtime_r reads one time_t and writes one tm, of which all zeros is a valid
    // one if it fails.
    let tm = unsafe {
        libc::localtime_r(&time, tm.as_mut_ptr());
        tm.assume_init()
    };
    (tm.tm_hour as u32, tm.tm_min as u32, tm.tm_sec as u32)
}

/// Bytes that this user can still write below a directory.
///
/// # Errors
/// The directory is not there, or has a name with a NUL.
pub fn free_bytes(dir: &Path) -> io::Result<u64> {
    let name = CString::new(dir.as_os_str().as_bytes())?;
    let mut found = MaybeUninit::<libc::statvfs>::zeroed();
    // SAFETY: `name` ends with a NUL; statvfs writes one struct, of which all zeros is valid.
    let (result, found) =
        unsafe { (libc::statvfs(name.as_ptr(), found.as_mut_ptr()), found.assume_init()) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // The members are of different widths on different machines.
    #[allow(clippy::unnecessary_cast)]
    Ok((found.f_bavail as u64).saturating_mul(found.f_frsize as u64))
}

/// Version of the C library that this process runs with, such as `2.36`; None if it is not glibc.
pub fn glibc_version() -> Option<String> {
    #[cfg(target_env = "gnu")]
    {
        // SAFETY: gives a static text that ends with a NUL.
        let text = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
        Some(text.to_string_lossy().into_owned())
    }
    #[cfg(not(target_env = "gnu"))]
    None
}

/// Waits until one of `fds` can be read. Comes back early on a signal.
pub fn wait_readable(fds: &[RawFd], timeout: Duration) {
    let mut polled: Vec<libc::pollfd> =
        fds.iter().map(|fd| libc::pollfd { fd: *fd, events: libc::POLLIN, revents: 0 }).collect();
    let timeout_ms = timeout.as_millis().min(i32::MAX as u128) as libc::c_int;
    // SAFETY: the pointer and the count describe `polled`.
    unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, timeout_ms) };
}

/// The keyboard without line editing and echo, until it is dropped: also while a panic
/// unwinds. Ctrl-C stays a signal; Ctrl-\ is off, since it would leave the terminal as it is.
pub struct Keyboard {
    fd: RawFd,
    before: libc::termios,
}

impl Keyboard {
    /// Takes over standard input, if that is a terminal.
    pub fn open() -> Option<Keyboard> {
        let fd = io::stdin().as_raw_fd();
        let mut modes = MaybeUninit::<libc::termios>::zeroed();
        // SAFETY: tcgetattr writes one termios; all zeros is a valid one.
        let before = unsafe {
            if libc::tcgetattr(fd, modes.as_mut_ptr()) != 0 {
                return None;
            }
            modes.assume_init()
        };
        let mut raw = before;
        raw.c_lflag &= !(libc::ICANON | libc::ECHO);
        raw.c_cc[libc::VMIN] = 0;
        raw.c_cc[libc::VTIME] = 0;
        raw.c_cc[libc::VQUIT] = libc::_POSIX_VDISABLE;
        // SAFETY: `raw` is a termios that the terminal itself gave.
        let set = unsafe { libc::tcsetattr(fd, libc::TCSANOW, &raw) };
        (set == 0).then_some(Keyboard { fd, before })
    }

    /// For `wait_readable`.
    pub fn fd(&self) -> RawFd {
        self.fd
    }

    /// A key that was pressed, if there is one. Never waits.
    pub fn key(&self) -> Option<u8> {
        let mut byte = 0u8;
        // SAFETY: reads at most one byte into one byte.
        let read = unsafe { libc::read(self.fd, (&raw mut byte).cast(), 1) };
        (read == 1).then_some(byte)
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        // SAFETY: `before` is what tcgetattr gave for this terminal.
        unsafe { libc::tcsetattr(self.fd, libc::TCSANOW, &self.before) };
    }
}
