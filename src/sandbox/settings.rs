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
    /// The app may have nick and picture of users who agree.
    pub profile: bool,
    /// The app may not call the methods of merchants' servers.
    pub partner_apis_off: bool,
    /// Addresses from which the app's servers may call those methods; empty: any.
    pub ip_whitelist: Vec<IpAddr>,
    /// How often the gateway may be called.
    pub flow: Flow,
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
