//! Lottery and gifts.

use serde::{Deserialize, Serialize};

use crate::core::award::{Activity, Gift, GiftId};
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, EventKey, OrderId, DRAW_PREFIX};
use crate::core::user::Token;

/// Params of `lottery.activities`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListActivities {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// Absent: all that can be played.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_key: Option<EventKey>,
}

/// Result of `lottery.activities`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Activities {
    /// May be empty.
    pub activities: Vec<Activity>,
    /// Not all did fit a line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Params of `lottery.draw`: its result is a `DrawReport`, and `draw` events follow.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Draw {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// `draw-` and something unique, made and stored by the caller before it asks; the
    /// idempotency key.
    pub draw_id: OrderId,
    /// Which activity.
    pub event_key: EventKey,
    /// Made by the merchant's server, where the activity wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_key: Option<Token>,
    /// Which behaviour earned the draw, where the activity wants one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior_key: Option<EventKey>,
}

impl Draw {
    /// Checks what the types of the members do not.
    ///
    /// # Errors
    /// INVALID for an id without its prefix.
    pub fn check(&self) -> Result<(), Refusal> {
        let id = self.draw_id.as_str();
        if id.strip_prefix(DRAW_PREFIX).is_some_and(|rest| !rest.is_empty()) {
            return Ok(());
        }
        let text = format!("draw_id must begin with {DRAW_PREFIX:?} and go on");
        Err(Refusal::new(Code::INVALID, text))
    }
}

/// Result of `gift.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Gifts {
    /// Gifts that wait to be taken; may be empty.
    pub gifts: Vec<Gift>,
    /// Not all did fit a line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Params of `gift.take`: its result is a `GiftReport`, and `gift` events follow. Repeats
/// harmlessly.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TakeGift {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// Out of `gift.list`: decimal digits.
    pub gift_id: GiftId,
}
