//! wakeup

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;

use super::guard::{set_in_wakeup, with_client};
use super::handle::lock;
use super::init::alitv_client;
use super::results::alitv_result;
use crate::client::sys::EventFd;
use crate::core::code::{Code, Refusal};

/// Says that alitv_dispatch or alitv_next_event has work. Runs on the library's thread: it may
/// only signal (SDL_PushEvent, PostMessage, write to a pipe), and of this library it may call
/// alitv_interrupt only.
pub type alitv_wakeup_fn = Option<unsafe extern "C" fn(user_data: *mut c_void)>;

/// The body of the user's function has a stack of this size.
const STACK_BYTES: usize = 256 * 1024;

/// The thread that waits on `alitv_fd` for loops that cannot.
pub struct Wakeup {
    control: Arc<Control>,
    thread: Option<JoinHandle<()>>,
}

struct Control {
    changed: EventFd,
    stop: AtomicBool,
    /// It was called, and nobody has looked at events since.
    fired: AtomicBool,
}

struct Call {
    wakeup: unsafe extern "C" fn(user_data: *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the header says that the function runs on a thread of the library.
unsafe impl Send for Call {}

/// For loops that cannot poll a descriptor. Once this is set, one thread of the library waits
/// on alitv_fd and calls wakeup when there is work; it calls again only after
/// alitv_next_event or alitv_dispatch was called. NULL removes it and waits for a call that
/// is running to end. The only thread that daemon mode ever starts.
#[no_mangle]
pub unsafe extern "C" fn alitv_set_wakeup(
    client: *mut alitv_client,
    wakeup: alitv_wakeup_fn,
    user_data: *mut c_void,
) -> alitv_result {
    with_client(client, |shared| {
        let mut slot = lock(&shared.wakeup);
        let old = slot.take();
        if let Some(wakeup) = wakeup {
            *slot = Some(Wakeup::start(shared.wait_fd, Call { wakeup, user_data })?);
        }
        // Joined with no lock held.
        drop(slot);
        drop(old);
        Ok(0)
    })
}

impl Wakeup {
    fn start(wait_fd: RawFd, call: Call) -> Result<Wakeup, Refusal> {
        let resource =
            |error: std::io::Error| Refusal::new(Code::RESOURCE, format!("wakeup thread: {error}"));
        let control = Arc::new(Control {
            changed: EventFd::new().map_err(resource)?,
            stop: AtomicBool::new(false),
            fired: AtomicBool::new(false),
        });
        let shared = control.clone();
        let builder = std::thread::Builder::new().name("alitv-wakeup".into());
        let builder = builder.stack_size(STACK_BYTES);
        let thread = with_signals_blocked(|| builder.spawn(move || run(wait_fd, call, &shared)))
            .map_err(resource)?;
        Ok(Wakeup { control, thread: Some(thread) })
    }

    /// Events were looked at; call again for the next ones.
    pub fn rearm(&self) {
        if self.control.fired.swap(false, Ordering::AcqRel) {
            self.control.changed.set();
        }
    }
}

impl Drop for Wakeup {
    fn drop(&mut self) {
        self.control.stop.store(true, Ordering::Release);
        self.control.changed.set();
        if let Some(thread) = self.thread.take() {
            // It cannot have panicked: a panic in the user's function aborts.
            let _ = thread.join();
        }
    }
}

fn run(wait_fd: RawFd, call: Call, control: &Control) {
    let mut armed = true;
    loop {
        let mut watched = [control.changed.as_raw_fd(), wait_fd].map(|fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        });
        let count = if armed { 2 } else { 1 };
        // SAFETY: the first `count` entries of an array of two.
        let ready = unsafe { libc::poll(watched.as_mut_ptr(), count, -1) };
        if control.stop.load(Ordering::Acquire) {
            return;
        }
        if ready > 0 && watched[0].revents != 0 {
            control.changed.clear();
            armed = true;
        } else if ready > 0 && watched[1].revents != 0 {
            armed = false;
            control.fired.store(true, Ordering::Release);
            set_in_wakeup(true);
            // SAFETY: the caller's function with the caller's pointer, as the header says.
            unsafe { (call.wakeup)(call.user_data) };
            set_in_wakeup(false);
        }
    }
}

/// A thread of ours must not run the host's signal handlers.
fn with_signals_blocked<T>(work: impl FnOnce() -> T) -> T {
    let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: both sets are filled by the calls; the mask is this thread's own.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
        let outcome = work();
        libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut());
        outcome
    }
}
