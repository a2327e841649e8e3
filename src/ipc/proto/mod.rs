//! The socket protocol: newline-delimited JSON-RPC 2.0. These types are the contract;
//! `docs/protocol.md` tells it in prose. Unknown members are ignored, members are only
//! added, a meaning never changes.

mod account;
mod awards;
mod orders;
mod rpc;

use serde::{Deserialize, Serialize};

pub use self::account::{Auth, QrUrl, WebClosed, WebOpen, WebOpened};
pub use self::awards::{Activities, Draw, Gifts, ListActivities, TakeGift};
pub use self::orders::{Ack, ListOrders, OrderRef, Orders, Pay, Repay};
pub use self::rpc::{
    Answer, ErrorData, Id, Incoming, Notification, Request, RpcError, INVALID_PARAMS,
    INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR,
};
use crate::core::code::Code;
pub use crate::core::engine::Which;
use crate::core::facts::AppKey;
use crate::core::report::{AccountReport, DrawReport, GiftReport, Profile, Report, WebReport};

/// The protocol version this build speaks, oldest and newest.
pub const PROTOCOL: [u32; 2] = [1, 1];

/// The version in the form of the Java SDK's `getSdkVersion`.
pub const SDK_VERSION: &str = SDK_VERSION_Z.split_at(SDK_VERSION_Z.len() - 1).0;

/// The same, with the NUL that C wants behind it.
pub const SDK_VERSION_Z: &str = concat!(
    "ostv_",
    env!("CARGO_PKG_VERSION_MAJOR"),
    ".",
    env!("CARGO_PKG_VERSION_MINOR"),
    ".",
    env!("CARGO_PKG_VERSION_PATCH"),
    ".0\0"
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
