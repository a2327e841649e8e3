//! The socket protocol: newline-delimited JSON-RPC 2.0. These types are the contract;
//! `docs/protocol.md` tells it in prose. Unknown members are ignored, members are only
//! added, a meaning never changes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::core::award::{Activity, Gift, GiftId};
use crate::core::code::{Code, Refusal};
pub use crate::core::engine::Which;
use crate::core::facts::{AppKey, EventKey, Facts, Interval, OrderId, Renewal, DRAW_PREFIX};
use crate::core::report::{
    AccountReport, DrawReport, GiftReport, Profile, Report, WebKind, WebReport,
};
use crate::core::user::Token;
use crate::core::web::Wanted;
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

/// The version in the form of the Java SDK's `getSdkVersion`.
pub const SDK_VERSION: &str = concat!(
    "ostv_",
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR"),
    ".",
    env!("CARGO_PKG_VERSION_PATCH"),
    ".0"
);

/// The methods of protocol 1.
pub const METHODS: [&str; 27] = [
    "hello",
    "status",
    "version",
    "watch",
    "unwatch",
    "log.watch",
    "log.unwatch",
    "pay",
    "pay_from_server",
    "repay",
    "cancel",
    "query",
    "ack",
    "orders",
    "auth",
    "auth.cancel",
    "auth.state",
    "auth.logout",
    "user.info",
    "web.open",
    "web.closed",
    "lottery.activities",
    "lottery.draw",
    "gift.list",
    "gift.take",
    "qr_url",
    "profile",
];

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

/// Result of `watch`: everything that is not final or not acked, and how the apps stand.
/// Orders are left out first where not all fits a line, then draws, then gifts: they are told
/// again as events.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Snapshot {
    /// Oldest first.
    pub orders: Vec<Report>,
    /// Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub draws: Vec<DrawReport>,
    /// Oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gifts: Vec<GiftReport>,
    /// One for each app that is watched.
    #[serde(default)]
    pub apps: Vec<AppSnapshot>,
    /// Not all orders, draws and gifts did fit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

/// How an app stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AppSnapshot {
    /// Who is signed in; names the app.
    pub account: AccountReport,
    /// What the platform has switched on; absent until the gateway has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<Profile>,
    /// The page that is open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<WebReport>,
}

/// Params of `version`, `auth.cancel`, `auth.state`, `auth.logout`, `user.info`, `gift.list`,
/// `qr_url` and `profile`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AppRef {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
}

/// Result of `version`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// `ostv_x.x.x.x`, as `getSdkVersion` has it.
    pub sdk_version: String,
    /// Such as `alitv-payd/0.1.0`.
    pub server: String,
}

/// Params of `log.watch`, whose result is `{}`; lines follow as `log` notifications. For uid 0
/// and the daemon's own uid, since lines are about all apps.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogWatch {
    /// `error`, `warn`, `info` or `debug`; absent: `info`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<LogLevel>,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Somebody has to do something.
    Error,
    /// It works, but not as it should.
    Warn,
    /// Milestones.
    Info,
    /// Every step.
    Debug,
}

/// Params of `log` notifications.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LogLine {
    /// How much it matters.
    pub level: LogLevel,
    /// One line, without secrets.
    pub message: String,
}

/// Params of `auth`: its result is an `AccountReport`. AUTHORISED: nothing follows. Otherwise
/// its `auth` member names the attempt that was begun, or that was going on, and `account`
/// events tell how it goes on until it has ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Auth {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// Sign in anew even if somebody is signed in (`changeAccount`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub change: bool,
}

/// Params of `web.open`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WebOpen {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// Which page.
    pub kind: WebKind,
    /// Added to the page's URL as a query.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<String, String>,
    /// The page counts as closed after this even if nobody says so: `WEB_OPEN_S_MIN` to
    /// `WEB_OPEN_S_MAX`; absent: `WEB_OPEN_S_DEFAULT`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u32>,
}

impl WebOpen {
    /// What the engine is to open, under a name for this opening of the page.
    pub fn into_wanted(self, web_id: String) -> Wanted {
        let params = self.params.into_iter().collect();
        Wanted { kind: self.kind, params, timeout_s: self.timeout_s, web_id }
    }
}

/// Result of `web.open`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WebOpened {
    /// False: the platform has no such page, and no event follows.
    pub shown: bool,
    /// The page, which `web` events are about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web: Option<WebReport>,
}

/// Params of `web.closed`, said by whoever showed the page; its result is `{}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WebClosed {
    /// Needed only by a caller that may act for several apps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<AppKey>,
    /// Which page.
    pub web_id: String,
}

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

/// Result of `qr_url`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QrUrl {
    /// Text for a QR code that leads to the app's goods; "" if the platform has none.
    pub qr_url: String,
}

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
