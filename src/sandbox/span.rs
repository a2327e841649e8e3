//! How far somebody wants to move the clock, as people write it.

use crate::limits::SANDBOX_ADVANCE_S_MAX;
use crate::wire::time::months_later_ms;

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Span {
    /// Of a fixed length.
    Seconds(i64),
    /// Calendar months in GMT+8: how many seconds these are depends on where they begin.
    Months(u32),
}

const DAY_S: i64 = 86_400;

/// Months have two letters, so that nobody gets a month for a minute.
const UNITS: [(&str, Span); 7] = [
    ("s", Span::Seconds(1)),
    ("min", Span::Seconds(60)),
    ("h", Span::Seconds(3_600)),
    ("d", Span::Seconds(DAY_S)),
    ("w", Span::Seconds(7 * DAY_S)),
    ("mo", Span::Months(1)),
    ("y", Span::Months(12)),
];

impl Span {
    /// How a span is written, for a message.
    pub const SHAPE: &'static str = "must be a number and s, min, h, d, w, mo or y, such as 30d";

    /// Reads one: digits and a unit. None: it is no span.
    pub fn parse(text: &str) -> Option<Span> {
        let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, unit) = text.split_at(digits);
        let count: u32 = number.parse().ok()?;
        let unit = UNITS.iter().find(|row| row.0 == unit)?.1;
        Some(match unit {
            Span::Seconds(seconds) => Span::Seconds(i64::from(count) * seconds),
            Span::Months(months) => Span::Months(count.saturating_mul(months)),
        })
    }

    /// How long it is from `now_ms` on.
    ///
    /// # Errors
    /// Longer than `SANDBOX_ADVANCE_S_MAX`.
    pub fn seconds(self, now_ms: i64) -> Result<i64, String> {
        let seconds = match self {
            Span::Seconds(seconds) => seconds,
            Span::Months(months) => {
                months_later_ms(now_ms, months).saturating_sub(now_ms).div_euclid(1_000)
            }
        };
        if seconds <= SANDBOX_ADVANCE_S_MAX {
            return Ok(seconds);
        }
        Err(format!("must be at most {} days", SANDBOX_ADVANCE_S_MAX / DAY_S))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::time::parse_gmt8;

    fn seconds(text: &str) -> Result<i64, String> {
        let now_ms = parse_gmt8("2016-01-31 12:00:00").unwrap();
        Span::parse(text).ok_or("no span")?.seconds(now_ms)
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, expected) in [
            ("0s", 0),
            ("90s", 90),
            ("15min", 900),
            ("12h", 43_200),
            ("1d", 86_400),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            // To 29 February, 31 March, and 31 January of the next year, which is no leap year.
            ("1mo", 29 * 86_400),
            ("2mo", 60 * 86_400),
            ("1y", 366 * 86_400),
            ("3660d", SANDBOX_ADVANCE_S_MAX),
        ] {
            assert_eq!(seconds(text), Ok(expected), "{text}");
        }
        assert!(seconds("3661d").unwrap_err().contains("3660 days"));
        for text in ["4294967295s", "4294967295y", "11y", "999999999d"] {
            assert!(seconds(text).unwrap_err().contains("3660 days"), "{text}");
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        for text in ["", "d", "1", "1 d", "-1d", "1m", "1.5d", "1D", "4294967296s", "１d", "1d1h"]
        {
            assert_eq!(Span::parse(text), None, "{text}");
        }
    }
}
