//! Times as TOP writes them: `yyyy-MM-dd HH:mm:ss` in GMT+8, whatever the zone of the box.

const DAY_S: i64 = 86_400;
const GMT8_S: i64 = 8 * 3_600;
/// The last second that four digits of year can say, in GMT+8.
const LAST_S: i64 = 253_402_300_799 - GMT8_S;

/// Unix milliseconds as text. Times before 1970 or after 9999 give the nearest that fits.
pub fn format_gmt8(unix_ms: i64) -> String {
    let local_s = unix_ms.div_euclid(1_000).clamp(0, LAST_S) + GMT8_S;
    let (year, month, day) = civil(local_s / DAY_S);
    let (hour, minute, second) = (local_s % DAY_S / 3_600, local_s % 3_600 / 60, local_s % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

/// Reads a `timestamp`: the text form in GMT+8, or Unix milliseconds in 13 digits as the
/// official Python SDK sends them. Unix milliseconds.
pub fn parse_timestamp(text: &str) -> Option<i64> {
    if text.len() == 13 && text.bytes().all(|b| b.is_ascii_digit()) {
        return text.parse().ok();
    }
    parse_gmt8(text)
}

/// Reads the text form. Unix milliseconds; none for a time that does not exist.
pub fn parse_gmt8(text: &str) -> Option<i64> {
    let template = b"dddd-dd-dd dd:dd:dd";
    let fits = text.len() == template.len()
        && text.bytes().zip(template).all(|(b, t)| match t {
            b'd' => b.is_ascii_digit(),
            other => b == *other,
        });
    if !fits {
        return None;
    }
    let number = |range: std::ops::Range<usize>| text[range].parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let days = days(year, month, day);
    if year < 1970 || civil(days) != (year, month, day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let local_s = days * DAY_S + hour * 3_600 + minute * 60 + second;
    Some((local_s - GMT8_S) * 1_000)
}

/// Days since 1970-01-01 of a date in the Gregorian calendar; years begin in March here, so
/// that the leap day comes last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The date of a number of days since 1970-01-01; the inverse of `days`.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let years = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * years + years / 4 - years / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (years + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_times_in_both_forms() {
        let known = [
            (0, "1970-01-01 08:00:00"),
            (951_840_000_000, "2000-03-01 00:00:00"),
            (951_753_600_000, "2000-02-29 00:00:00"),
            (1_466_395_200_000, "2016-06-20 12:00:00"),
            (4_107_513_600_000, "2100-02-28 24:00:00"),
        ];
        for (unix_ms, text) in known.into_iter().take(4) {
            assert_eq!(format_gmt8(unix_ms), text);
            assert_eq!(parse_timestamp(text), Some(unix_ms));
        }
        assert_eq!(parse_timestamp(known[4].1), None);
        assert_eq!(parse_timestamp("1466395200123"), Some(1_466_395_200_123));
    }

    #[test]
    fn every_day_of_four_centuries_comes_back() {
        for day in 0..146_097 {
            let unix_ms = (day * DAY_S + 12_345) * 1_000;
            assert_eq!(parse_gmt8(&format_gmt8(unix_ms)), Some(unix_ms));
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let bad = [
            "",
            "2016-06-20",
            "2016-06-20T12:00:00",
            "2016-6-20 12:00:00",
            "2016-06-20 12:00:60",
            "2016-02-30 12:00:00",
            "2015-02-29 12:00:00",
            "2016-00-10 12:00:00",
            "2016-13-10 12:00:00",
            "2016-06-20 12:60:00",
            "1969-12-31 12:00:00",
            "+016-06-20 12:00:00",
            "2016-06-20 12:00:00 ",
            "1466395200",
            "-146639520012",
            "２０１６-06-20",
        ];
        for text in bad {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        assert_eq!(format_gmt8(i64::MIN), "1970-01-01 08:00:00");
        assert_eq!(format_gmt8(i64::MAX), "9999-12-31 23:59:59");
    }
}
