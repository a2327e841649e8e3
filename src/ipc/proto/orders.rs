//! Payments.

use serde::{Deserialize, Serialize};

use crate::core::code::{Code, Refusal};
use crate::core::engine::Which;
use crate::core::facts::{AppKey, Facts, Interval, OrderId, Renewal};
use crate::core::report::Report;
use crate::money::Fen;

/// Result of `orders`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Orders {
    /// Oldest first.
    pub orders: Vec<Report>,
    /// There are more than `ORDERS_LIST_MAX` or the wanted `limit`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// Params of `pay`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Pay {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// Made and stored by the caller before it asks; the idempotency key.
    pub order_id: OrderId,
    /// What the payer reads.
    pub title: String,
    /// Total, an integer.
    pub amount_fen: Fen,
    /// Merchant's product id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// Server-to-server notification URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify_url: Option<String>,
    /// Wanted lifetime of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
}

impl Pay {
    /// The facts of the order, for the app that the caller turned out to be.
    pub fn into_facts(self, app_key: AppKey) -> Facts {
        Facts {
            app_key,
            order_id: self.order_id,
            title: self.title,
            amount_fen: self.amount_fen,
            subject_id: self.subject_id,
            notify_url: self.notify_url,
            expires_s: self.expires_s,
            renewal: None,
            user_id: None,
        }
    }
}

/// Params of `repay`: the first charge of a subscription. Result and events as for `pay`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Repay {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// As in `Pay`.
    pub order_id: OrderId,
    /// What is bought.
    pub title: String,
    /// Name of the subscription.
    pub subject: String,
    /// How often it is charged.
    pub interval: Interval,
    /// What each charge costs, this one first: at most 12 by month, 4 by season.
    pub prices_fen: Vec<Fen>,
    /// What the subscriber is entitled to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Merchant's product id; without it there is no consumption lottery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// Server-to-server notification URL.
    pub notify_url: String,
    /// Wanted lifetime of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
}

impl Repay {
    /// The facts of the order, for the app that the caller turned out to be. INVALID without
    /// a price.
    pub fn into_facts(self, app_key: AppKey) -> Result<Facts, Refusal> {
        let Some(amount_fen) = self.prices_fen.first().copied() else {
            return Err(Refusal::new(Code::INVALID, "prices_fen has no entries: 1 or more"));
        };
        Ok(Facts {
            app_key,
            order_id: self.order_id,
            title: self.title,
            amount_fen,
            subject_id: self.subject_id,
            notify_url: Some(self.notify_url),
            expires_s: self.expires_s,
            renewal: Some(Renewal {
                interval: self.interval,
                prices_fen: self.prices_fen,
                subject: self.subject,
                description: self.description,
            }),
            user_id: None,
        })
    }
}

/// Params of `cancel` and `query`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderRef {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// Which order.
    pub order_id: OrderId,
}

/// Params of `ack`. Its result is `{}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ack {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// Which order; or the id of a draw or a gift, as its report has it.
    pub order_id: OrderId,
    /// Of the report that was handled.
    pub sequence: u64,
}

/// Params of `orders`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct ListOrders {
    /// Absent: all apps of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// Absent: `unfinished`.
    #[serde(default)]
    pub which: Which,
    /// At most `ORDERS_LIST_MAX`, which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}
