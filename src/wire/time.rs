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

/// When a charge of a subscription falls due: 00:00 GMT+8 of the day that lies `months` calendar
/// months behind the day of the first payment (protocol/alitv.md section 5). Counted from the
/// original day and not from one charge to the next, and in a short month the last day: 31
/// January, 29 February, 31 March. Unix milliseconds; beyond what they can say, the last one.
pub fn due_ms(first_paid_ms: i64, months: u32) -> i64 {
    let local_s = first_paid_ms.div_euclid(1_000) + GMT8_S;
    ms_of_day(months_later(local_s.div_euclid(DAY_S), months), 0)
}

/// The same time of the day in GMT+8, `months` calendar months later; in a short month on its
/// last day. Unix milliseconds, saturating.
pub fn months_later_ms(unix_ms: i64, months: u32) -> i64 {
    let local_ms = unix_ms.saturating_add(GMT8_S * 1_000);
    let (day, in_day_ms) = (local_ms.div_euclid(DAY_S * 1_000), local_ms.rem_euclid(DAY_S * 1_000));
    ms_of_day(months_later(day, months), in_day_ms)
}

fn ms_of_day(day: i64, in_day_ms: i64) -> i64 {
    let midnight_ms = day.saturating_mul(DAY_S).saturating_sub(GMT8_S).saturating_mul(1_000);
    midnight_ms.saturating_add(in_day_ms)
}

/// Days since 1970-01-01 of the same day, or the last one, of a later month.
fn months_later(day: i64, months: u32) -> i64 {
    let (year, month, of_month) = civil(day);
    let (year, month) = month_of(year * 12 + month - 1 + i64::from(months));
    let (next_year, next_month) = month_of(year * 12 + month);
    let first = days(year, month, 1);
    let days_of_month = days(next_year, next_month, 1) - first;
    first + of_month.min(days_of_month) - 1
}

/// Year and month of a number of months since the beginning of year 0.
fn month_of(months: i64) -> (i64, i64) {
    (months.div_euclid(12), months.rem_euclid(12) + 1)
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

    fn due(first: &str, months: u32) -> String {
        format_gmt8(due_ms(parse_gmt8(first).unwrap(), months))
    }

    #[test]
    fn charges_fall_due_on_the_original_day_or_the_last_of_a_short_month() {
        let known = [
            ("2016-01-31 12:00:00", 1, "2016-02-29"),
            ("2016-01-31 12:00:00", 2, "2016-03-31"),
            ("2016-01-31 12:00:00", 3, "2016-04-30"),
            ("2016-01-31 12:00:00", 11, "2016-12-31"),
            ("2015-01-31 12:00:00", 1, "2015-02-28"),
            ("2015-01-31 12:00:00", 13, "2016-02-29"),
            ("2016-01-30 12:00:00", 1, "2016-02-29"),
            ("2015-01-30 12:00:00", 1, "2015-02-28"),
            ("2015-01-30 12:00:00", 2, "2015-03-30"),
            ("2016-01-29 12:00:00", 1, "2016-02-29"),
            ("2015-01-29 12:00:00", 1, "2015-02-28"),
            ("2015-01-29 12:00:00", 2, "2015-03-29"),
            ("2016-01-28 12:00:00", 1, "2016-02-28"),
            ("2016-02-29 12:00:00", 12, "2017-02-28"),
            ("2016-02-29 12:00:00", 48, "2020-02-29"),
            ("2000-01-31 12:00:00", 1, "2000-02-29"),
            ("2100-01-31 12:00:00", 1, "2100-02-28"),
            ("2016-05-31 12:00:00", 3, "2016-08-31"),
            ("2016-11-30 12:00:00", 3, "2017-02-28"),
            ("2016-12-15 12:00:00", 1, "2017-01-15"),
            ("2016-12-31 12:00:00", 9, "2017-09-30"),
            ("2016-06-20 12:00:00", 0, "2016-06-20"),
            ("9998-12-31 12:00:00", 12, "9999-12-31"),
        ];
        for (first, months, day) in known {
            assert_eq!(due(first, months), format!("{day} 00:00:00"), "{first} {months}");
        }
    }

    #[test]
    fn the_day_of_a_payment_begins_at_midnight_in_gmt8() {
        for (first, day) in [
            ("2016-01-31 00:00:00", "2016-02-29"),
            ("2016-01-31 23:59:59", "2016-02-29"),
            ("2016-02-01 00:00:00", "2016-03-01"),
            ("2016-01-30 23:59:59", "2016-02-29"),
            // Still the last day of the month in UTC.
            ("2016-03-01 07:59:59", "2016-04-01"),
        ] {
            assert_eq!(due(first, 1), format!("{day} 00:00:00"), "{first}");
        }
        let midnight_ms = parse_gmt8("2016-02-01 00:00:00").unwrap();
        assert_eq!(format_gmt8(due_ms(midnight_ms - 1, 1)), "2016-02-29 00:00:00");
        assert_eq!(format_gmt8(due_ms(midnight_ms, 1)), "2016-03-01 00:00:00");
    }

    #[test]
    fn a_month_later_it_is_the_same_time_of_the_day() {
        for (from, months, to) in [
            ("2016-01-31 12:34:56", 1, "2016-02-29 12:34:56"),
            ("2016-01-31 00:00:00", 2, "2016-03-31 00:00:00"),
            ("2016-12-31 23:59:59", 2, "2017-02-28 23:59:59"),
            ("2016-06-20 07:00:00", 12, "2017-06-20 07:00:00"),
            ("2016-06-20 07:00:00", 0, "2016-06-20 07:00:00"),
        ] {
            let from_ms = parse_gmt8(from).unwrap() + 789;
            let to_ms = parse_gmt8(to).unwrap() + 789;
            assert_eq!(months_later_ms(from_ms, months), to_ms, "{from} {months}");
        }
        assert_eq!(months_later_ms(i64::MAX, u32::MAX), i64::MAX);
    }

    #[test]
    fn charges_of_a_thread_never_go_back_in_time() {
        for day in 0..1_500 {
            let first_ms = parse_gmt8("2015-01-01 12:00:00").unwrap() + day * DAY_S * 1_000;
            let mut before_ms = first_ms - 12 * 3_600_000;
            assert_eq!(due_ms(first_ms, 0), before_ms);
            for months in 1..=24 {
                let at_ms = due_ms(first_ms, months);
                let gap_days = (at_ms - before_ms) / (DAY_S * 1_000);
                assert!((28..=31).contains(&gap_days), "{day} {months}: {gap_days}");
                before_ms = at_ms;
            }
        }
    }

    #[test]
    fn a_due_time_beyond_all_time_is_the_last_one() {
        assert_eq!(due_ms(i64::MAX, u32::MAX), i64::MAX);
        assert_eq!(due_ms(0, u32::MAX), i64::MAX);
        assert!(due_ms(i64::MIN, 0) < 0 && due_ms(i64::MIN, u32::MAX) < i64::MAX);
    }
}
