//! What operations have switched on for an app.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::de::{Deserializer, Error};
use serde::{Deserialize, Serialize};

use super::flow::Flow;
use crate::core::report::WebKind;
use crate::money::Fen;

/// The settings of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Web pages that are switched on.
    #[serde(deserialize_with = "by_kind")]
    pub pages: BTreeMap<WebKind, H5Page>,
    /// Page with the app's goods, for a QR code; `{base}` stands for the sandbox's own address.
    pub qr_url: Option<String>,
    /// Subscriptions may be sold.
    pub renewal: bool,
    /// Most that all charges of one subscription may come to.
    pub renewal_cap_fen: Option<Fen>,
    /// A charge may be taken so many days before it is due.
    pub renewal_early_days: u32,
    /// Every deduction for a subscription is refused.
    pub renewal_pay_fail: bool,
    /// The app may have nick and picture of users who agree.
    pub profile: bool,
    /// The app may not call the methods of merchants' servers.
    pub partner_apis_off: bool,
    /// Addresses from which the app's servers may call those methods; empty: any.
    pub ip_whitelist: Vec<IpAddr>,
    /// How often the gateway may be called.
    pub flow: Flow,
    /// How `data` travels to the notify URL.
    pub notify_method: NotifyMethod,
    /// Closed and refunded orders are notified, too.
    pub notify_closed: bool,
}

/// How a notify is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NotifyMethod {
    /// In the query string of a GET.
    #[default]
    Get,
    /// As a form in the body of a POST.
    Post,
}

impl NotifyMethod {
    /// Both.
    pub const ALL: [NotifyMethod; 2] = [NotifyMethod::Get, NotifyMethod::Post];

    /// As it is written in the seed: `get`, `post`.
    pub fn name(self) -> &'static str {
        match self {
            NotifyMethod::Get => "get",
            NotifyMethod::Post => "post",
        }
    }
}

/// Reads the kinds as texts, so that the path of an error names them.
fn by_kind<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<WebKind, H5Page>, D::Error> {
    let kind = |(name, page): (String, H5Page)| {
        let kind = WebKind::ALL.into_iter().find(|kind| kind.name() == name);
        let unknown =
            || D::Error::custom(format!("there is no page {name:?}: start, custom, exit"));
        Ok((kind.ok_or_else(unknown)?, page))
    };
    BTreeMap::deserialize(from)?.into_iter().map(kind).collect()
}

/// A web page of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct H5Page {
    /// Where it is; the sandbox's own page if it is left out. `{base}` stands for the sandbox's
    /// own address.
    pub url: Option<String>,
    /// Heading of the sandbox's own page.
    pub title: String,
    /// Text of the sandbox's own page.
    pub text: String,
}
