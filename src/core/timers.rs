//! When an order, a draw or a gift asks the gateway again, and when it tells its final state
//! again.

use super::order::Now;
use crate::limits::{
    BACKOFF_MS_MAX, BACKOFF_MS_MIN, CLOSING_FAST_TRIES, CLOSING_SLOW_MS, DOUBT_MS, POLL_MS_MIN,
    RETELL_MS, THROTTLE_S_MAX,
};

/// Boot-clock times. Never stored: a restart sets them anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Timers {
    /// When to ask next; none while a question is out.
    pub poll_at: Option<u64>,
    /// When the last question went out.
    pub asked_at: u64,
    /// Since when there was no usable answer.
    pub doubt_since: Option<u64>,
    /// Questions in a row that led nowhere.
    pub tries: u32,
    /// When a final state is told again.
    pub retell_at: Option<u64>,
    /// How often it was told again.
    pub retells: u32,
}

impl Timers {
    /// A question goes out.
    pub fn asked(&mut self, now: &Now) {
        self.poll_at = None;
        self.asked_at = now.boot_ms;
    }

    /// The last question led nowhere. `patient`: nobody looks at the screen for the answer, so
    /// that after many tries the waits may be long.
    pub fn back_off(&mut self, patient: bool, now: &Now) {
        let tries = self.tries;
        self.tries = tries.saturating_add(1);
        let pause_ms = if patient && tries >= CLOSING_FAST_TRIES {
            CLOSING_SLOW_MS
        } else {
            (BACKOFF_MS_MIN << tries.min(16)).min(BACKOFF_MS_MAX)
        };
        self.poll_at = Some(now.boot_ms + pause_ms);
    }

    /// The gateway wants a pause.
    pub fn throttled(&mut self, after_s: u32, now: &Now) {
        let pause_ms = u64::from(after_s.clamp(1, THROTTLE_S_MAX)) * 1_000;
        self.poll_at = Some(now.boot_ms + pause_ms);
    }

    /// Somebody wants to know; the next question waits no longer than it must.
    pub fn hurry(&mut self, now: &Now) {
        self.tries = 0;
        self.poll_at = Some(now.boot_ms.max(self.asked_at + POLL_MS_MIN));
    }

    /// A final state was told for the first time.
    pub fn told(&mut self, now: &Now) {
        self.poll_at = None;
        self.retell_at = Some(now.boot_ms + RETELL_MS[0]);
        self.retells = 0;
    }

    /// A final state was told once more.
    pub fn retold(&mut self, now: &Now) {
        self.retells = self.retells.saturating_add(1);
        let nth = (self.retells as usize).min(RETELL_MS.len() - 1);
        self.retell_at = Some(now.boot_ms + RETELL_MS[nth]);
    }

    /// When doubt becomes something to tell.
    pub fn doubt_at(&self) -> Option<u64> {
        self.doubt_since.map(|since| since + DOUBT_MS)
    }
}

/// Whether a timer has run out.
pub(super) fn is_due(at: Option<u64>, now: &Now) -> bool {
    at.is_some_and(|at| now.boot_ms >= at)
}
