//! The socket protocol: newline-delimited JSON-RPC 2.0. These types are the contract;
//! `docs/protocol.md` tells it in prose. Unknown members are ignored, members are only
//! added, a meaning never changes.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::core::code::{Code, Refusal};
pub use crate::core::engine::Which;
use crate::core::facts::{AppKey, Facts, OrderId};
use crate::core::report::{Event, Report};
use crate::money::Fen;

/// The protocol version this build speaks, oldest and newest.
pub const PROTOCOL: [u32; 2] = [1, 1];

/// JSON that cannot be parsed (JSON-RPC 2.0).
pub const PARSE_ERROR: i32 = -32700;
/// JSON that is no request, or a line over `LINE_BYTES_MAX` (JSON-RPC 2.0).
pub const INVALID_REQUEST: i32 = -32600;
/// A method of a later version, or a misspelt one (JSON-RPC 2.0).
pub const METHOD_NOT_FOUND: i32 = -32601;
/// Params of another shape; out-of-range values are `Code::INVALID` (JSON-RPC 2.0).
pub const INVALID_PARAMS: i32 = -32602;

/// Request id: an integer, text of at most `REQUEST_ID_BYTES_MAX` bytes, or null. It comes
/// back unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// An integer.
    Number(i64),
    /// Text.
    Text(String),
    /// What is answered to a line whose id could not be read.
    #[default]
    Null,
}

/// One request line. `jsonrpc` may be absent.
#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    /// Absent makes it a notification: carried out, not answered.
    #[serde(default, deserialize_with = "present")]
    pub id: Option<Id>,
    /// One of `METHODS`.
    #[serde(borrow)]
    pub method: std::borrow::Cow<'a, str>,
    /// An object, or absent.
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
}

/// Tells `"id":null` (answered) from no id at all (not answered).
fn present<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Id>, D::Error> {
    Id::deserialize(from).map(Some)
}

/// The methods of protocol 1.
pub const METHODS: [&str; 9] =
    ["hello", "status", "watch", "unwatch", "pay", "cancel", "query", "ack", "orders"];

/// Params of `hello`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Hello {
    /// Name and version of the caller, for the daemon's log.
    #[serde(default)]
    pub client: String,
    /// Oldest and newest version that the caller speaks.
    #[serde(default)]
    pub protocol: Option<[u32; 2]>,
    /// Where one uid runs all games: content of the app's token file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// Result of `hello`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Welcome {
    /// The version both speak.
    pub protocol: u32,
    /// Such as `alitv-payd/0.1.0`.
    pub server: String,
    /// Apps the caller may act for.
    pub app_keys: Vec<AppKey>,
    /// `sandbox` or `production`.
    pub environment: String,
    /// Optional parts that this daemon has; see `docs/protocol.md`.
    pub features: Vec<String>,
}

/// Result of `status`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Status {
    /// Such as `alitv-payd/0.1.0`.
    pub server: String,
    /// `sandbox` or `production`.
    pub environment: String,
    /// `alitv` or `alipay`.
    pub gateway: String,
    /// The last call to the gateway came back with a usable answer.
    pub gateway_online: bool,
    /// 0, or what is wrong with the gateway.
    pub gateway_result: Code,
    /// Milliseconds that the gateway's clock is ahead of ours, once it was asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset_ms: Option<i64>,
    /// Orders of the caller's apps that are not final.
    pub orders_open: u64,
    /// Final orders of the caller's apps that wait for an ack.
    pub orders_unacked: u64,
    /// Bytes in the journal's active segment.
    pub journal_bytes: u64,
    /// Seconds since the daemon started.
    pub uptime_s: u64,
}

/// Params of `watch` and `unwatch`: nothing but the app, where the caller has several.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Watch {
    /// Absent: all apps of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
}

/// Result of `watch` (every order that is not final or not acked) and of `orders`.
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
        }
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
    /// Which order.
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

/// One answer line.
#[derive(Debug, Serialize)]
pub struct Answer<'a, T: Serialize> {
    /// Always `2.0`.
    pub jsonrpc: &'static str,
    /// Of the request.
    pub id: &'a Id,
    /// Either this …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<T>,
    /// … or that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<RpcError>,
}

/// Why a request was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RpcError {
    /// A `Code`, or one of -32700 to -32600 for the framing.
    pub code: i32,
    /// For logs, in English; names the field and the bound.
    pub message: String,
    /// The code's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<ErrorData>,
}

/// Beside an error's number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorData {
    /// Such as `CONFLICT`.
    pub name: String,
}

impl From<Refusal> for RpcError {
    fn from(refusal: Refusal) -> RpcError {
        let data = Some(ErrorData { name: refusal.code.name().to_owned() });
        RpcError { code: refusal.code.0, message: refusal.message, data }
    }
}

/// What the server sends unasked.
#[derive(Debug, Serialize)]
pub struct Notification<'a> {
    /// Always `2.0`.
    pub jsonrpc: &'static str,
    /// Always `event`.
    pub method: &'static str,
    /// The event.
    pub params: &'a Event,
}

/// Any line from the server, as a client reads it: an answer (`id`) or an event (`method`).
#[derive(Debug, Deserialize)]
pub struct Incoming<'a> {
    /// Present in an answer.
    #[serde(default)]
    pub id: Option<Id>,
    /// Present in a good answer.
    #[serde(borrow, default)]
    pub result: Option<&'a RawValue>,
    /// Present in a bad answer.
    #[serde(default)]
    pub error: Option<RpcError>,
    /// `event`, or something of a later version.
    #[serde(borrow, default)]
    pub method: Option<std::borrow::Cow<'a, str>>,
    /// Of `method`.
    #[serde(borrow, default)]
    pub params: Option<&'a RawValue>,
}
