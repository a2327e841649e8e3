//! Waiting until one thing has ended that is no order: an attempt to sign in, a draw, a gift.

use std::time::{Duration, Instant};

use super::exit::{Fail, UNKNOWN};
use super::out::Out;
use super::session::Session;
use super::sys;
use crate::client::Event;

/// A status line moves once a second; four looks a second never skip one.
const LOOK: Duration = Duration::from_millis(250);

/// What is waited for.
pub trait Awaited {
    /// How it ended.
    type End;
    /// Tells what is news, and how it ended once it has.
    ///
    /// # Errors
    /// It was refused.
    fn take(&mut self, event: Event, out: &mut Out) -> Result<Option<Self::End>, Fail>;
    /// Ctrl-C. True: leave without waiting for the end.
    ///
    /// # Errors
    /// Ends the wait.
    fn interrupt(&mut self, session: &mut Session, out: &mut Out) -> Result<bool, Fail>;
    /// Where it stands, for the status line.
    fn status(&self, out: &Out) -> String;
    /// Of what the end is not known, and how to ask later.
    fn unknown(&self) -> (String, String);
}

/// Waits until it has ended.
///
/// # Errors
/// It was refused, or left before its end (exit 13).
pub fn wait<A: Awaited>(
    session: &mut Session,
    out: &mut Out,
    timeout: Option<Duration>,
    mut awaited: A,
) -> Result<A::End, Fail> {
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut interrupts = sys::interrupts();
    loop {
        while let Some(event) = session.next_event() {
            if let Some(end) = awaited.take(event, out)? {
                out.clear_status();
                return Ok(end);
            }
        }
        while interrupts < sys::interrupts() {
            interrupts += 1;
            if awaited.interrupt(session, out)? {
                return Err(left("interrupted", &awaited));
            }
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(left("the time of --timeout is up", &awaited));
        }
        out.status(&awaited.status(out));
        sys::wait_readable(&[session.fd()], LOOK);
    }
}

fn left(why: &str, awaited: &impl Awaited) -> Fail {
    let (what, next) = awaited.unknown();
    Fail::new(UNKNOWN, format!("{why}: {what}, its end is not known"), next)
}
