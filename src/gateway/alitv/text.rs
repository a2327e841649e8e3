//! Texts from outside, made fit for logs and screens.

use crate::core::award::Award;
use crate::core::facts::is_unsafe_on_screen;
use crate::gateway::url;
use crate::limits::{AWARD_TEXT_CHARS_MAX, NAME_CHARS_MAX};
use crate::wire::device::AwardData;

/// Without control and direction characters, cut at a character's border.
pub(crate) fn clean(text: &str, bytes_max: usize) -> String {
    let mut cleaned = String::new();
    for c in text.chars().filter(|c| !is_unsafe_on_screen(*c)) {
        if cleaned.len() + c.len_utf8() > bytes_max {
            break;
        }
        cleaned.push(c);
    }
    cleaned
}

/// As `clean`, for what a player reads.
pub(super) fn cut(text: &str, chars_max: usize) -> String {
    text.chars().filter(|c| !is_unsafe_on_screen(*c)).take(chars_max).collect()
}

/// The link, or "" if it is none.
pub(super) fn link(text: &str) -> String {
    if url::is_link(text) {
        text.to_owned()
    } else {
        String::new()
    }
}

/// An award as it may be shown.
pub(super) fn award(data: &AwardData) -> Award {
    Award {
        award_id: cut(&data.award_id, NAME_CHARS_MAX),
        name: cut(&data.name, NAME_CHARS_MAX),
        award_type: data.award_type,
        type_name: cut(&data.type_name, NAME_CHARS_MAX),
        amount: data.amount.max(0),
        unit: cut(&data.unit, NAME_CHARS_MAX),
        price_fen: data.price.max(0),
        hyperlink_url: link(&data.hyperlink_url),
        hyperlink_desc: cut(&data.hyperlink_desc, AWARD_TEXT_CHARS_MAX),
        simple_desc: cut(&data.simple_desc, AWARD_TEXT_CHARS_MAX),
        full_desc: cut(&data.full_desc, AWARD_TEXT_CHARS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LINK_BYTES_MAX;

    #[test]
    fn texts_are_cut_at_a_character_and_cannot_turn_the_line() {
        assert_eq!(clean("a\u{202e}宝\n石", 5), "a宝");
        assert_eq!(cut("a\u{202e}宝\n石x", 3), "a宝石");
        assert_eq!(cut(&"宝".repeat(NAME_CHARS_MAX + 1), NAME_CHARS_MAX).chars().count(), 64);
    }

    #[test]
    fn links_are_web_addresses_of_bounded_length() {
        let longest = format!("https://h/{}", "x".repeat(LINK_BYTES_MAX - 10));
        for good in ["http://h", "https://shop.example.com:8443/a?b=c#d", "HTTPS://H/1", &longest] {
            assert_eq!(link(good), good);
        }
        let long = format!("{longest}x");
        for bad in
            ["", "h/x", "javascript:alert(1)", "ftp://h/", "https://u@h/", "https://宝/", &long]
        {
            assert_eq!(link(bad), "", "{bad}");
        }
    }

    /// `RECORD_BYTES_MAX` has room for the awards of one payment.
    #[test]
    fn the_largest_award_is_bounded() {
        let text = || "\"\u{10ffff}".repeat(JSON_STRING);
        const JSON_STRING: usize = 800;
        let data = AwardData {
            award_id: text(),
            name: text(),
            award_type: i32::MIN,
            type_name: text(),
            amount: i64::MAX,
            unit: text(),
            price: i64::MIN,
            hyperlink_url: format!("https://h/{}", "\"".repeat(LINK_BYTES_MAX - 10)),
            hyperlink_desc: text(),
            simple_desc: text(),
            full_desc: text(),
        };
        let award = award(&data);
        assert_eq!((award.amount, award.price_fen), (i64::MAX, 0));
        let record = serde_json::to_string(&vec![award; crate::limits::ORDER_AWARDS_MAX]).unwrap();
        assert!(record.len() < crate::limits::RECORD_BYTES_MAX * 3 / 4, "{}", record.len());
    }
}
