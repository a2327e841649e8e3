//! Lottery activities and draws. Members are named as in the SDK (protocol notes 1.2), in
//! the platform's snake case.

use serde::{Deserialize, Serialize};

use super::params::{check_text, read_id, read_optional, required, ParamError};
use super::result::Echo;
use crate::core::user::Token;
use crate::limits::{EVENT_KEY_BYTES_MAX, TOKEN_BYTES_MAX, USER_ID_BYTES_MAX};
use crate::wire::numbers;
use crate::wire::top::Params;

/// Ours: the activities of an app, and what can be won.
pub const ACTIVITIES_GET: &str = "taobao.deg.lottery.activities.get";
/// Ours: draws, once for a draw id.
pub const DRAW: &str = "taobao.deg.lottery.draw";
/// Ours: what came of a draw.
pub const DRAW_QUERY: &str = "taobao.deg.lottery.draw.query";

/// Refusal of a draw: it costs more points than the user has.
pub const POINTS_NOT_ENOUGH: &str = "POINTS_NOT_ENOUGH";
/// Refusal of a draw: the activity wants a confirm key, and this is none, or was used.
pub const CONFIRM_KEY_INVALID: &str = "CONFIRM_KEY_INVALID";
/// Refusal of a draw: the activity does not know this behaviour.
pub const BEHAVIOR_NOT_ALLOWED: &str = "BEHAVIOR_NOT_ALLOWED";
/// Refusal of a draw: the id is taken by a draw with other facts.
pub const DRAW_CONFLICT: &str = "DRAW_CONFLICT";
/// Refusal of a query: this app has no draw of that id.
pub const DRAW_NOT_FOUND: &str = "DRAW_NOT_FOUND";

/// What `DRAW` has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawRequest {
    /// Made by the box: the idempotency key, unique within the app.
    pub draw_id: String,
    /// `user_str_id`: who draws. Must be the user of the session.
    pub user_id: String,
    /// Which activity.
    pub event_key: String,
    /// Made by the merchant's server.
    pub confirm_key: Option<Token>,
    /// Which behaviour earned the draw.
    pub behavior_key: Option<String>,
}

impl DrawRequest {
    pub(super) fn write(&self, params: &mut Params) {
        params.set("draw_id", self.draw_id.as_str());
        params.set("user_str_id", self.user_id.as_str());
        params.set("event_key", self.event_key.as_str());
        if let Some(key) = &self.confirm_key {
            params.set("confirm_key", key.expose());
        }
        if let Some(key) = &self.behavior_key {
            params.set("behavior_key", key.as_str());
        }
    }

    pub(super) fn read(params: &Params) -> Result<DrawRequest, ParamError> {
        let event_key = required(params, "event_key")?;
        check_text(event_key, "event_key", EVENT_KEY_BYTES_MAX)?;
        Ok(DrawRequest {
            draw_id: read_id(params, "draw_id")?,
            user_id: read_user(params)?,
            event_key: event_key.to_owned(),
            confirm_key: read_confirm_key(params)?,
            behavior_key: read_optional(params, "behavior_key", EVENT_KEY_BYTES_MAX)?,
        })
    }
}

fn read_confirm_key(params: &Params) -> Result<Option<Token>, ParamError> {
    let text = read_optional(params, "confirm_key", TOKEN_BYTES_MAX)?;
    let invalid =
        |error: crate::core::code::Refusal| ParamError::Invalid("confirm_key", error.message);
    text.map(|text| Token::new("confirm_key", text)).transpose().map_err(invalid)
}

pub(super) fn read_user(params: &Params) -> Result<String, ParamError> {
    let user_id = required(params, "user_str_id")?;
    check_text(user_id, "user_str_id", USER_ID_BYTES_MAX)?;
    Ok(user_id.to_owned())
}

/// An award: one that can be won, or that was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AwardData {
    /// The platform's number.
    pub award_id: String,
    /// What it is called.
    pub name: String,
    /// Kind of award as the platform numbers it; 0 for none.
    pub award_type: i32,
    /// Name of that kind.
    pub type_name: String,
    /// How many `unit`s.
    pub amount: i64,
    /// Such as `个`.
    pub unit: String,
    /// Worth in fen, 0 for none; written as a string.
    #[serde(with = "numbers::text")]
    pub price: i64,
    /// Where it is claimed or used, for a QR code; "" for no such place.
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

/// An activity.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ActivityData {
    /// The platform's number.
    pub activity_id: String,
    /// What a draw names.
    pub event_key: String,
    /// What it is called.
    pub name: String,
    /// `yyyy-MM-dd HH:mm:ss` in GMT+8.
    pub start_time: String,
    /// As `start_time`.
    pub end_time: String,
    /// 1 free, 2 consuming, 3 mixed.
    pub lucky_type: u32,
    /// Points for a draw, 0 for none.
    pub consume_amount: i64,
    /// Free draws that the user of the session has left; without a session, that a new user
    /// has.
    pub access_amount: i64,
    /// A page about it, for a QR code; "" for none.
    pub activity_url: String,
    /// What can be won.
    pub awards: Vec<AwardData>,
}

/// `data` of `ACTIVITIES_GET`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActivitiesData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// The event key of the request, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_key: Option<String>,
    /// What can be played: all, or that of the key. None in a refusal only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activities: Option<Vec<ActivityData>>,
}

/// `data` of `DRAW` and `DRAW_QUERY`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// Which draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw_id: Option<String>,
    /// What came of it; none if the draw is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draw_status: Option<DrawWord>,
    /// WON: what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub award: Option<AwardData>,
    /// Points left; a negative number says nothing.
    #[serde(default, with = "numbers::opt_i64", skip_serializing_if = "Option::is_none")]
    pub total_amount: Option<i64>,
    /// Free draws left; a negative number says nothing.
    #[serde(default, with = "numbers::opt_i64", skip_serializing_if = "Option::is_none")]
    pub access_amount: Option<i64>,
}

/// What came of a draw. An unknown word is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DrawWord {
    /// Something was won.
    Won,
    /// Nothing was won.
    Lost,
    /// It was refused for good, with the `code` of the result; nothing was spent.
    Refused,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_award_is_read_back_and_its_worth_is_text() {
        let award = AwardData {
            award_id: "9007199254740993".into(),
            name: "T恤".into(),
            award_type: 3,
            amount: 1,
            unit: "件".into(),
            price: 4_900,
            hyperlink_url: "https://shop.example.com/1".into(),
            ..AwardData::default()
        };
        let text = serde_json::to_string(&award).unwrap();
        assert!(text.contains(r#""price":"4900""#) && !text.contains("full_desc"), "{text}");
        assert_eq!(serde_json::from_str::<AwardData>(&text).unwrap(), award);
        assert_eq!(serde_json::from_str::<AwardData>("{}").unwrap(), AwardData::default());
        for good in [r#"{"price":4900}"#, r#"{"price":"4900"}"#] {
            assert_eq!(serde_json::from_str::<AwardData>(good).unwrap().price, 4_900);
        }
        let bad = [
            r#"{"price":"49.00"}"#,
            r#"{"price":49.0}"#,
            r#"{"price":null}"#,
            r#"{"award_id":7}"#,
            r#"{"award_type":"x"}"#,
            r#"{"award_type":2147483648}"#,
        ];
        for bad in bad {
            assert!(serde_json::from_str::<AwardData>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_draw_is_read_back_and_an_unknown_word_is_no_answer() {
        let data = DrawData {
            draw_id: Some("draw-1".into()),
            draw_status: Some(DrawWord::Won),
            award: Some(AwardData { name: "x".into(), ..AwardData::default() }),
            total_amount: Some(-1),
            access_amount: Some(0),
            ..DrawData::default()
        };
        let text = serde_json::to_string(&data).unwrap();
        assert_eq!(serde_json::from_str::<DrawData>(&text).unwrap(), data);
        for bad in [r#"{"draw_status":"won"}"#, r#"{"draw_status":true}"#, r#"{"award":"x"}"#] {
            assert!(serde_json::from_str::<DrawData>(bad).is_err(), "{bad}");
        }
    }
}
