//! Accounts, web pages, and what is switched on for an app.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::facts::AppKey;
use crate::core::report::{WebKind, WebReport};
use crate::core::web::Wanted;

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

/// Result of `qr_url`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct QrUrl {
    /// Text for a QR code that leads to the app's goods; "" if the platform has none.
    pub qr_url: String,
}
