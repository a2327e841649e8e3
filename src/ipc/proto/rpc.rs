//! The framing of JSON-RPC 2.0.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::core::code::Refusal;

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
pub struct Notification<'a, T: Serialize> {
    /// Always `2.0`.
    pub jsonrpc: &'static str,
    /// `event` or `log`.
    pub method: &'static str,
    /// An `Event` or a `LogLine`.
    pub params: &'a T,
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
