//! Lottery activities, what can be won, and gifts, as the platform describes them
//! (protocol notes 1.2). Numbers and types of the platform are opaque and passed on.

use serde::{Deserialize, Serialize};

/// Something that can be won, or that was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Award {
    /// The platform's number of the award.
    pub award_id: String,
    /// What it is called.
    pub name: String,
    /// Kind of award as the platform numbers it; 0 if it did not say. Opaque.
    pub award_type: i32,
    /// Name of that kind.
    pub type_name: String,
    /// How many `unit`s.
    pub amount: i64,
    /// Such as `个`; may be empty.
    pub unit: String,
    /// Worth in fen, 0 if the platform did not say.
    pub price_fen: i64,
    /// Where a physical award is claimed or a discount is used: show it as a QR code. Empty
    /// if there is no such place.
    pub hyperlink_url: String,
    /// What to write beside that code.
    pub hyperlink_desc: String,
    /// One line about it; only of an award that was won.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub simple_desc: String,
    /// Everything about it; only of an award that was won.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub full_desc: String,
}

/// What a draw of an activity costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum LuckyType {
    /// Free draws only.
    #[default]
    Free = 1,
    /// Each draw costs points.
    Consuming = 2,
    /// Free draws first, then points.
    Mixed = 3,
}

/// A lottery.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Activity {
    /// The platform's number.
    pub activity_id: String,
    /// What `lottery.draw` names.
    pub event_key: String,
    /// What it is called.
    pub name: String,
    /// `yyyy-MM-dd HH:mm:ss` in GMT+8.
    pub start_time: String,
    /// As `start_time`.
    pub end_time: String,
    /// What a draw costs.
    pub lucky_type: LuckyType,
    /// Points for a draw, 0 for none.
    pub consume_amount: i64,
    /// Free draws that the user has left.
    pub access_amount: i64,
    /// A page about it, for a QR code; may be empty.
    pub activity_url: String,
    /// What can be won.
    pub awards: Vec<Award>,
}

/// Where a gift record stands (protocol notes 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum GiftStatus {
    /// Waits to be taken.
    Pending = 1,
    /// Was given out.
    Activated = 2,
    /// Was not taken in time.
    Expired = 3,
}

/// A gift of the user, as the platform lists it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Gift {
    /// What `gift.take` names: the platform's record, decimal digits.
    pub gift_id: GiftId,
    /// The merchant's item.
    pub cp_item_id: String,
    /// Where it stands.
    pub status: GiftStatus,
}

/// The platform's number of a gift record. A decimal string on the socket, since some readers
/// lose integers over 2^53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct GiftId(i64);

impl GiftId {
    /// Takes 1 and above.
    pub fn new(number: i64) -> Option<GiftId> {
        Some(GiftId(number)).filter(|_| number > 0)
    }

    /// Reads decimal digits and nothing else.
    pub fn parse(text: &str) -> Option<GiftId> {
        let digits = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        text.parse().ok().filter(|_| digits).and_then(GiftId::new)
    }

    /// The number.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<String> for GiftId {
    type Error = &'static str;
    fn try_from(text: String) -> Result<GiftId, &'static str> {
        GiftId::parse(&text).ok_or("gift_id must be decimal digits, 1 and above")
    }
}

impl From<GiftId> for String {
    fn from(id: GiftId) -> String {
        id.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gift_id_is_plain_digits() {
        assert_eq!(GiftId::parse("9223372036854775807").map(GiftId::get), Some(i64::MAX));
        for bad in ["", "0", "01", "-1", "+1", " 1", "1.0", "x", "9223372036854775808"] {
            assert_eq!(GiftId::parse(bad), None, "{bad}");
        }
        assert_eq!(serde_json::to_string(&GiftId::parse("12").unwrap()).unwrap(), "\"12\"");
    }
}
