//! What operations have switched on for an app.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::report::WebKind;
use crate::money::Fen;

/// The settings of one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Web pages that are switched on.
    pub pages: BTreeMap<WebKind, H5Page>,
    /// Page with the app's goods, for a QR code; `{base}` stands for the sandbox's own address.
    pub qr_url: Option<String>,
    /// Subscriptions may be sold.
    pub renewal: bool,
    /// Most that all charges of one subscription may come to.
    pub renewal_cap_fen: Option<Fen>,
    /// The app may have nick and picture of users who agree.
    pub profile: bool,
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
