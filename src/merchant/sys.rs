//! The one system call of handing out goods that std does not offer.

use std::process::Child;

/// Ends a child that leads a process group, and all that it started in that group.
pub(super) fn kill_group(child: &Child) {
    let Ok(group) = i32::try_from(child.id()) else { return };
    // SAFETY: takes two numbers. The child was not waited for, so the number is still its own.
    unsafe { libc::kill(-group, libc::SIGKILL) };
}
