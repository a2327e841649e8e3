//! What the journal keeps. An order is the fold of its records; replaying them after a
//! crash is the only way an order comes back.

use serde::{Deserialize, Serialize};

use super::award::Award;
use super::facts::{AppKey, DrawFacts, Facts, GiftFacts, OrderId};
use super::report::State;
use super::user::{Token, UserId};

/// One record. `fdatasync` stands between it and everything it allows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Record {
    /// The order exists. Written before the gateway hears of it.
    Intent {
        /// What it is about.
        #[serde(flatten)]
        facts: Facts,
        /// Unix milliseconds by the box's clock.
        created_ms: i64,
    },
    /// There is a code. Written before anybody sees it.
    Shown {
        /// Which order.
        #[serde(flatten)]
        key: Key,
        /// The code.
        qr_text: String,
        /// Its lifetime in seconds from this record.
        expires_s: u32,
        /// When it ends by the gateway's clock, if that was known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_server_ms: Option<i64>,
        /// Sequence of the QR event.
        sequence: u64,
    },
    /// The code is to be withdrawn and the trade closed.
    Closing {
        /// Which order.
        #[serde(flatten)]
        key: Key,
        /// What it becomes if nobody paid.
        reason: Reason,
        /// Sequence of the CLOSING event.
        sequence: u64,
    },
    /// The end, and the outbox entry in one.
    Final {
        /// Which order.
        #[serde(flatten)]
        key: Key,
        /// One of the final states.
        state: State,
        /// What `ack` has to name.
        sequence: u64,
        /// The gateway's trade number, or none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trade_no: Option<String>,
        /// When it was paid.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        paid_ms: Option<i64>,
        /// The gateway's error code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway_code: Option<String>,
        /// For logs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// What the payer won by paying.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        awards: Vec<Award>,
        /// When it was written, Unix milliseconds by the box's clock.
        at_ms: i64,
    },
    /// The engine started with this order open. What was told before the restart may have
    /// used sequences that no record holds; this one is past all of them.
    Resumed {
        /// Which order.
        #[serde(flatten)]
        key: Key,
        /// Where counting goes on.
        sequence: u64,
    },
    /// The game has stored what the final state meant.
    Ack {
        /// Which order.
        #[serde(flatten)]
        key: Key,
        /// The sequence that was acked.
        sequence: u64,
    },
    /// A draw exists. Written before the gateway hears of it.
    DrawIntent {
        /// What it is about.
        #[serde(flatten)]
        facts: DrawFacts,
        /// Unix milliseconds by the box's clock.
        created_ms: i64,
    },
    /// The end of a draw, and its outbox entry.
    DrawFinal {
        /// Which draw.
        #[serde(flatten)]
        key: Key,
        /// WON, LOST or FAILED.
        state: State,
        /// What `ack` has to name.
        sequence: u64,
        /// What was won.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        award: Option<Award>,
        /// Points left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        points_left: Option<i64>,
        /// Free draws left.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        free_left: Option<i64>,
        /// The gateway's error code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway_code: Option<String>,
        /// For logs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// When it was written, Unix milliseconds by the box's clock.
        at_ms: i64,
    },
    /// A gift is being taken. Written before the gateway hears of it.
    GiftIntent {
        /// What it is about.
        #[serde(flatten)]
        facts: GiftFacts,
        /// Unix milliseconds by the box's clock.
        created_ms: i64,
    },
    /// The gift is ours to give out, or is not, and the outbox entry.
    GiftFinal {
        /// Which gift.
        #[serde(flatten)]
        key: Key,
        /// GRANTED or FAILED.
        state: State,
        /// What `ack` has to name.
        sequence: u64,
        /// The merchant's item.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        cp_item_id: String,
        /// The gateway's error code.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        gateway_code: Option<String>,
        /// For logs.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        message: Option<String>,
        /// When it was written, Unix milliseconds by the box's clock.
        at_ms: i64,
    },
    /// The platform knows that the gift was given out: nothing is left to do for it.
    GiftMarked {
        /// Which gift.
        #[serde(flatten)]
        key: Key,
    },
    /// A user is signed in. Written before anybody is told.
    SignedIn {
        /// At which app.
        app_key: AppKey,
        /// Who.
        user_id: UserId,
        /// Speaks for the user.
        token: Token,
        /// Whether the app is authorised.
        authorised: bool,
    },
    /// Nobody is signed in any more. Written before anybody is told.
    SignedOut {
        /// At which app.
        app_key: AppKey,
    },
}

/// Names an order, a draw or a gift: ids are unique within an app only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The app.
    pub app_key: AppKey,
    /// The order, or the id of the draw or gift, which has a prefix of its own.
    pub order_id: OrderId,
}

/// Why an order is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reason {
    /// Somebody asked for it.
    Cancelled,
    /// Time ran out.
    Expired,
}

impl Reason {
    /// The final state if nobody paid.
    pub fn state(self) -> State {
        match self {
            Reason::Cancelled => State::Cancelled,
            Reason::Expired => State::Expired,
        }
    }
}

impl Record {
    /// The order, draw or gift it is about; none for an account.
    pub fn key(&self) -> Option<Key> {
        Some(match self {
            Record::Intent { facts, .. } => facts.key(),
            Record::DrawIntent { facts, .. } => facts.key(),
            Record::GiftIntent { facts, .. } => facts.key(),
            Record::Shown { key, .. }
            | Record::Closing { key, .. }
            | Record::Final { key, .. }
            | Record::Resumed { key, .. }
            | Record::Ack { key, .. }
            | Record::DrawFinal { key, .. }
            | Record::GiftFinal { key, .. }
            | Record::GiftMarked { key } => key.clone(),
            Record::SignedIn { .. } | Record::SignedOut { .. } => return None,
        })
    }
}

impl DrawFacts {
    /// The key of the draw these facts describe.
    pub fn key(&self) -> Key {
        Key { app_key: self.app_key.clone(), order_id: self.draw_id.clone() }
    }
}

impl GiftFacts {
    /// The key of the gift these facts describe.
    pub fn key(&self) -> Key {
        Key { app_key: self.app_key.clone(), order_id: self.id() }
    }
}

impl Facts {
    /// The key of the order these facts describe.
    pub fn key(&self) -> Key {
        Key { app_key: self.app_key.clone(), order_id: self.order_id.clone() }
    }
}
