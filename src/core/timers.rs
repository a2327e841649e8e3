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

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now { boot_ms: 1_000, wall_ms: 0, server_ms: None, wait_s: 0 };

    fn pauses(patient: bool) -> Vec<u64> {
        let mut timers = Timers::default();
        (0..=CLOSING_FAST_TRIES)
            .map(|_| {
                timers.back_off(patient, &NOW);
                timers.poll_at.unwrap() - NOW.boot_ms
            })
            .collect()
    }

    #[test]
    fn waits_double_up_to_a_bound_and_the_patient_wait_longer_still() {
        assert_eq!(
            pauses(false)[..8],
            [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]
        );
        assert_eq!(pauses(false).last(), Some(&BACKOFF_MS_MAX));
        assert_eq!(pauses(true).last(), Some(&CLOSING_SLOW_MS));
        assert_eq!(pauses(true)[..30], pauses(false)[..30]);
    }

    #[test]
    fn a_gateway_that_wants_a_pause_gets_no_more_than_the_longest() {
        let mut timers = Timers::default();
        for (after_s, ms) in [(0, 1_000), (7, 7_000), (u32::MAX, 3_600_000)] {
            timers.throttled(after_s, &NOW);
            assert_eq!(timers.poll_at, Some(NOW.boot_ms + ms));
        }
    }

    #[test]
    fn the_last_wait_before_telling_again_repeats() {
        let mut timers = Timers::default();
        timers.told(&NOW);
        let mut waits = vec![timers.retell_at.unwrap() - NOW.boot_ms];
        for _ in 0..5 {
            timers.retold(&NOW);
            waits.push(timers.retell_at.unwrap() - NOW.boot_ms);
        }
        assert_eq!(waits, [1_000, 5_000, 30_000, 300_000, 3_600_000, 3_600_000]);
    }

    #[test]
    fn haste_does_not_flood_the_gateway() {
        let mut timers = Timers::default();
        timers.asked(&NOW);
        timers.hurry(&NOW);
        assert_eq!(timers.poll_at, Some(NOW.boot_ms + POLL_MS_MIN));
    }
}
