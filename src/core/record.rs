//! What the journal keeps. An order is the fold of its records; replaying them after a
//! crash is the only way an order comes back.

use serde::{Deserialize, Serialize};

use super::facts::{AppKey, Facts, OrderId};
use super::report::State;

/// One record. `fdatasync` stands between it and everything it allows.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
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
}

/// Names an order: ids are unique within an app only.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The app.
    pub app_key: AppKey,
    /// The order.
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
    /// The order it is about.
    pub fn key(&self) -> Key {
        match self {
            Record::Intent { facts, .. } => facts.key(),
            Record::Shown { key, .. }
            | Record::Closing { key, .. }
            | Record::Final { key, .. }
            | Record::Resumed { key, .. }
            | Record::Ack { key, .. } => key.clone(),
        }
    }
}

impl Facts {
    /// The key of the order these facts describe.
    pub fn key(&self) -> Key {
        Key { app_key: self.app_key.clone(), order_id: self.order_id.clone() }
    }
}
