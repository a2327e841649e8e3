//! Gift records: listing them, taking one, marking it as given out.

use serde::{Deserialize, Serialize};

use super::lottery::read_user;
use super::params::{read_id, required, ParamError};
use super::result::Echo;
use crate::core::award::{GiftId, GiftStatus};
use crate::wire::numbers;
use crate::wire::top::Params;

/// Gift records of the session's user.
pub const GIFTS_QUERY: &str = "taobao.deg.user.gamegift.query";
/// Ours: keeps a record for one taking.
pub const GIFT_TAKE: &str = "taobao.deg.user.gamegift.take";
/// Ours: the goods of a taking are stored; the record is activated.
pub const GIFT_MARK: &str = "taobao.deg.user.gamegift.mark";

/// Refusal: the user has no record of that number at this app.
pub const RECORD_NOT_FOUND: &str = "RECORD_NOT_FOUND";
/// Refusal: the record is kept for another taking, was given out by one, or was not taken.
pub const RECORD_STATUS_INVALID: &str = "RECORD_STATUS_INVALID";
/// Refusal: the record was not taken in time.
pub const RECORD_EXPIRED: &str = "RECORD_EXPIRED";

const STATUSES: [GiftStatus; 3] = [GiftStatus::Pending, GiftStatus::Activated, GiftStatus::Expired];

/// A status as the platform numbers it.
mod number {
    use serde::de::{Deserializer, Error};
    use serde::Serializer;

    use super::*;

    pub fn serialize<S: Serializer>(status: &GiftStatus, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(*status as u32)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<GiftStatus, D::Error> {
        let number = u32::deserialize(from)?;
        let known = STATUSES.into_iter().find(|status| *status as u32 == number);
        known.ok_or_else(|| D::Error::custom("status must be 1, 2 or 3"))
    }
}

pub(super) fn write_status(status: GiftStatus, params: &mut Params) {
    params.set("status", (status as u32).to_string());
}

/// Without the parameter, the records that wait.
pub(super) fn read_status(params: &Params) -> Result<GiftStatus, ParamError> {
    let Some(text) = params.get("status") else { return Ok(GiftStatus::Pending) };
    let known = STATUSES.into_iter().find(|status| (*status as u32).to_string() == text);
    known.ok_or_else(|| ParamError::Invalid("status", "must be 1, 2 or 3".into()))
}

/// What `GIFT_TAKE` and `GIFT_MARK` have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GiftRequest {
    /// Which record.
    pub record_id: GiftId,
    /// `app_order_id`, made by the box: this taking. The record is kept for it.
    pub take_id: String,
    /// `user_str_id`: whose gift it is. Of a take, must be the user of the session.
    pub user_id: String,
}

impl GiftRequest {
    pub(super) fn write(&self, params: &mut Params) {
        params.set("record_id", self.record_id.get().to_string());
        params.set("app_order_id", self.take_id.as_str());
        params.set("user_str_id", self.user_id.as_str());
    }

    pub(super) fn read(params: &Params) -> Result<GiftRequest, ParamError> {
        let record_id = GiftId::parse(required(params, "record_id")?).ok_or_else(|| {
            ParamError::Invalid("record_id", "must be decimal digits, 1 and above".into())
        })?;
        let take_id = read_id(params, "app_order_id")?;
        Ok(GiftRequest { record_id, take_id, user_id: read_user(params)? })
    }
}

/// One gift record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordData {
    /// The platform's number; written as a string, read from a string or an integer.
    #[serde(with = "numbers::text")]
    pub record_id: i64,
    /// Where it stands; a number.
    #[serde(with = "number")]
    pub status: GiftStatus,
    /// The merchant's item.
    pub cp_item_id: String,
}

/// `data` of `GIFTS_QUERY`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftsData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// The records of the wanted status, oldest first. None in a refusal only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records: Option<Vec<RecordData>>,
}

/// `data` of `GIFT_TAKE` and `GIFT_MARK`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// Which record; written as a string.
    #[serde(default, with = "numbers::opt_text", skip_serializing_if = "Option::is_none")]
    pub record_id: Option<i64>,
    /// Which taking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_order_id: Option<String>,
    /// Of a take that succeeded: the merchant's item.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cp_item_id: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_back_and_their_ids_are_text() {
        let record = RecordData {
            record_id: 9_007_199_254_740_993,
            status: GiftStatus::Activated,
            cp_item_id: "sword".into(),
        };
        let data = GiftsData { records: Some(vec![record]), ..GiftsData::default() };
        let text = serde_json::to_string(&data).unwrap();
        let expected = r#"{"record_id":"9007199254740993","status":2,"cp_item_id":"sword"}"#;
        assert!(text.contains(expected), "{text}");
        assert_eq!(serde_json::from_str::<GiftsData>(&text).unwrap(), data);
        let number = text.replace("\"9007199254740993\"", "9007199254740993");
        assert_eq!(serde_json::from_str::<GiftsData>(&number).unwrap(), data);
        for bad in ["0", "4", "\"2\"", "2.0", "null"] {
            let text = text.replace("\"status\":2", &format!("\"status\":{bad}"));
            assert!(serde_json::from_str::<GiftsData>(&text).is_err(), "{bad}");
        }
        for missing in ["record_id", "status", "cp_item_id"] {
            let text = text.replace(&format!("\"{missing}\""), "\"x\"");
            assert!(serde_json::from_str::<GiftsData>(&text).is_err(), "{missing}");
        }
    }

    #[test]
    fn a_taking_is_read_back() {
        let data = GiftData {
            record_id: Some(7),
            app_order_id: Some("t1".into()),
            cp_item_id: Some("sword".into()),
            ..GiftData::default()
        };
        let text = serde_json::to_string(&data).unwrap();
        assert!(text.contains(r#""record_id":"7""#), "{text}");
        assert_eq!(serde_json::from_str::<GiftData>(&text).unwrap(), data);
        for bad in [r#"{"record_id":"x"}"#, r#"{"record_id":null}"#, r#"{"record_id":"07"}"#] {
            assert!(serde_json::from_str::<GiftData>(bad).is_err(), "{bad}");
        }
    }
}
