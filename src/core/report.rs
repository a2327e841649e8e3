//! What is said about an order: to the socket, to the C caller, to the command line.

use serde::{Deserialize, Serialize};

use super::code::Code;
use super::facts::{AppKey, OrderId};
use crate::money::Fen;

/// State of an order. The numbers are those of the header (`ALITV_STATE_*`), the names
/// those of the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum State {
    /// Journalled; there is no code to scan yet.
    Created = 1,
    /// Waiting for somebody to scan and pay.
    Pending = 2,
    /// Scanned; waiting for the payer to confirm.
    Scanned = 3,
    /// Cancelled or out of time; hide the code. It may still turn out paid.
    Closing = 4,
    /// The gateway is out of reach or cannot be trusted. The engine keeps asking.
    Unknown = 5,
    /// Final: money received.
    Paid = 16,
    /// Final: closed on request, without money.
    Cancelled = 17,
    /// Final: closed because time ran out, without money.
    Expired = 18,
    /// Final: refused before anybody could pay.
    Failed = 19,
    /// Final: paid and given back before it could be reported as paid.
    Refunded = 20,
}

impl State {
    /// All states, in the order of their numbers.
    pub const ALL: [State; 10] = [
        State::Created,
        State::Pending,
        State::Scanned,
        State::Closing,
        State::Unknown,
        State::Paid,
        State::Cancelled,
        State::Expired,
        State::Failed,
        State::Refunded,
    ];

    /// Will not change any more.
    pub fn is_final(self) -> bool {
        self as u32 >= State::Paid as u32
    }

    /// The name on the socket, such as `paid`.
    pub fn name(self) -> &'static str {
        match self {
            State::Created => "created",
            State::Pending => "pending",
            State::Scanned => "scanned",
            State::Closing => "closing",
            State::Unknown => "unknown",
            State::Paid => "paid",
            State::Cancelled => "cancelled",
            State::Expired => "expired",
            State::Failed => "failed",
            State::Refunded => "refunded",
        }
    }

    /// The state of a header number.
    pub fn from_number(number: u32) -> Option<State> {
        State::ALL.into_iter().find(|state| *state as u32 == number)
    }
}

/// One order as it stands: the object that `pay`, `query`, `cancel`, `orders`, the snapshot
/// of `watch` and every event carry. Absent members do not apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The app that sells.
    pub app_key: AppKey,
    /// The merchant's order number.
    pub order_id: OrderId,
    /// Where it stands.
    pub state: State,
    /// Grows with everything that is told of this order; the larger one is newer. A final
    /// state that is told again keeps its number: that is what `ack` names.
    pub sequence: u64,
    /// Total.
    pub amount_fen: Fen,
    /// What the payer reads.
    pub title: String,
    /// Merchant's product id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// The gateway's own trade number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade_no: Option<String>,
    /// The code to show, while one may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_text: Option<String>,
    /// Seconds that `qr_text` stays valid, counted when this was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
    /// 0, or why the order is UNKNOWN or FAILED.
    #[serde(default, skip_serializing_if = "is_ok")]
    pub result: Code,
    /// The gateway's error code, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_code: Option<String>,
    /// For logs, in English; not for players.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the order was accepted, Unix milliseconds by the box's clock.
    pub created_ms: i64,
    /// When it was paid, Unix milliseconds by the gateway's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_ms: Option<i64>,
    /// A final state that the game said it had stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acked: bool,
}

fn is_ok(code: &Code) -> bool {
    *code == Code::OK
}

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Show `qr_text` until the order is CLOSING or final, or another code replaces it.
    Qr,
    /// The state changed, or is told again.
    Order,
}

/// Something to tell everybody who watches the order's app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What it is about.
    pub kind: EventKind,
    /// The order as it stands.
    #[serde(flatten)]
    pub report: Report,
}
