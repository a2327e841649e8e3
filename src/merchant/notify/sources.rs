//! How often each source may call: a bucket that fills over time.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use crate::limits::NOTIFY_SOURCES_MAX;

/// Rate and burst of every source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Calls in a second over some time; at least 1.
    pub per_s: u32,
    /// Calls at once after a pause; at least 1.
    pub burst: u32,
}

struct Bucket {
    /// Thousandths of a call.
    left: i64,
    seen_ms: i64,
}

/// The sources of the last while.
#[derive(Default)]
pub(super) struct Sources(HashMap<IpAddr, Bucket>);

impl Sources {
    /// Whether a source may call; if so, that call is counted.
    pub fn admit(&mut self, source: IpAddr, rate: Rate, now_ms: i64) -> bool {
        let source = network_of(source);
        if !self.0.contains_key(&source) && self.0.len() == NOTIFY_SOURCES_MAX {
            self.forget_one();
        }
        let full = i64::from(rate.burst.max(1)) * 1_000;
        let bucket = self.0.entry(source).or_insert(Bucket { left: full, seen_ms: now_ms });
        // A clock that was set back fills nothing; one that was set ahead fills it once.
        let passed_ms = now_ms.saturating_sub(bucket.seen_ms).max(0);
        let filled = passed_ms.saturating_mul(rate.per_s.max(1).into());
        bucket.left = bucket.left.saturating_add(filled).min(full);
        bucket.seen_ms = now_ms;
        if bucket.left < 1_000 {
            return false;
        }
        bucket.left -= 1_000;
        true
    }

    fn forget_one(&mut self) {
        let quiet = self.0.iter().min_by_key(|(_, bucket)| bucket.seen_ms);
        if let Some(source) = quiet.map(|(source, _)| *source) {
            self.0.remove(&source);
        }
    }
}

/// One host has as many addresses of an IPv6 network as it likes.
fn network_of(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_s: 10, burst: 5 };

    fn source(n: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(n).into()
    }

    fn admitted(sources: &mut Sources, from: IpAddr, now_ms: i64, tries: usize) -> usize {
        (0..tries).filter(|_| sources.admit(from, RATE, now_ms)).count()
    }

    #[test]
    fn a_source_has_a_burst_and_a_rate_and_no_other_source_pays_for_it() {
        let mut sources = Sources::default();
        assert_eq!(admitted(&mut sources, source(1), 1_000, 20), 5);
        assert_eq!(admitted(&mut sources, source(2), 1_000, 20), 5);
        assert_eq!(admitted(&mut sources, source(1), 1_099, 20), 0);
        assert_eq!(admitted(&mut sources, source(1), 1_100, 20), 1);
        assert_eq!(admitted(&mut sources, source(1), 1_300, 20), 2);
        assert_eq!(admitted(&mut sources, source(1), 99_000, 20), 5);
        let steady = (0..100).filter(|n| sources.admit(source(1), RATE, 99_000 + n * 10)).count();
        assert_eq!(steady, 9, "ten in a second, the first one not before it has begun");
    }

    #[test]
    fn a_clock_that_jumps_locks_nobody_out() {
        let mut sources = Sources::default();
        assert_eq!(admitted(&mut sources, source(1), i64::MAX, 9), 5);
        assert_eq!(admitted(&mut sources, source(1), 1_000, 9), 0);
        assert_eq!(admitted(&mut sources, source(1), 1_100, 9), 1);
        assert_eq!(admitted(&mut sources, source(1), i64::MIN, 9), 0);
        assert_eq!(admitted(&mut sources, source(1), i64::MAX, 9), 5);
    }

    #[test]
    fn the_table_is_bounded_and_forgets_who_was_quiet_longest() {
        let mut sources = Sources::default();
        for n in 0..NOTIFY_SOURCES_MAX as u32 {
            assert_eq!(admitted(&mut sources, source(n), i64::from(n), 5), 5);
        }
        let now_ms = NOTIFY_SOURCES_MAX as i64;
        assert_eq!(admitted(&mut sources, source(1 << 20), now_ms, 9), 5);
        assert_eq!(sources.0.len(), NOTIFY_SOURCES_MAX);
        let last = source(NOTIFY_SOURCES_MAX as u32 - 1);
        assert_eq!(admitted(&mut sources, last, now_ms, 9), 0, "remembered");
        assert_eq!(admitted(&mut sources, source(0), now_ms, 9), 5, "forgotten");
        assert_eq!(sources.0.len(), NOTIFY_SOURCES_MAX);
    }

    #[test]
    fn addresses_of_one_host_are_one_source() {
        let mut sources = Sources::default();
        let mut from = |text: &str| admitted(&mut sources, text.parse().unwrap(), 1_000, 9);
        assert_eq!((from("2001:db8::1"), from("2001:db8::2"), from("2001:db8:0:1::1")), (5, 0, 5));
        assert_eq!((from("::ffff:10.0.0.1"), from("10.0.0.1")), (5, 0));
    }
}
