//! The one system call of the workers that std does not offer.

use std::mem::MaybeUninit;

/// Runs `start` with all signals blocked. A thread that is started in it inherits that, so
/// the handlers of the game or the daemon never run on it.
pub(crate) fn with_signals_blocked<T>(start: impl FnOnce() -> T) -> T {
    let (mut all, mut before) = (MaybeUninit::uninit(), MaybeUninit::uninit());
    // SAFETY: sigfillset initialises `all`, and pthread_sigmask `before`, which is read only
    // if that has succeeded. Both live across the calls.
    let blocked = unsafe {
        libc::sigfillset(all.as_mut_ptr());
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr()) == 0
    };
    let result = start();
    if blocked {
        // SAFETY: `before` was written by the successful call above.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), std::ptr::null_mut()) };
    }
    result
}
