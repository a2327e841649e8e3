//! The app's settings, and the gateway's clock.

use serde::{Deserialize, Serialize};

use super::result::Echo;
use crate::wire::numbers;

/// Configuration of the app, and what the gateway offers.
pub const APPINFO_GET: &str = "taobao.tvpay.appinfo.get";
/// The gateway's clock. The only method that takes any `timestamp`.
pub const SERVER_DATE_GET: &str = "taobao.baodian.server.date.get";

/// `data` of `APPINFO_GET`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppInfoData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// Settings of the app.
    #[serde(default)]
    pub app_config: AppConfig,
}

/// Settings of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppConfig {
    /// What the gateway offers. Anything but an object of ours offers nothing.
    #[serde(default, deserialize_with = "numbers::or_default")]
    pub config_props: ConfigProps,
}

/// What the gateway offers, and what the platform has switched on for the app (ours).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfigProps {
    /// Longest `wait_s` of `ORDER_QUERY` and `AUTH_QUERY`; 0 if they are not held.
    pub wait_s_max: u32,
    /// Web pages.
    pub pages: Pages,
    /// Page for a QR code with the app's goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr_url: Option<String>,
    /// Subscriptions may be sold.
    pub renewal: bool,
}

/// Web pages of an app; none: not switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pages {
    /// Shown when the game starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// Shown when the game wants it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<String>,
    /// Shown before the game quits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exit: Option<String>,
}

/// `data` of `SERVER_DATE_GET`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDateData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// Unix milliseconds.
    #[serde(default, with = "numbers::opt_i64", skip_serializing_if = "Option::is_none")]
    pub server_date: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strange_config_props_offer_nothing() {
        for (props, wait_s_max) in
            [(r#"{"wait_s_max":20}"#, 20), ("{}", 0), (r#""{}""#, 0), ("null", 0), ("[1]", 0)]
        {
            let text = format!(r#"{{"app_config":{{"config_props":{props}}}}}"#);
            let data: AppInfoData = serde_json::from_str(&text).unwrap();
            assert_eq!(data.app_config.config_props.wait_s_max, wait_s_max, "{props}");
        }
    }

    #[test]
    fn what_is_switched_on_is_read_back() {
        let props = ConfigProps {
            wait_s_max: 20,
            pages: Pages {
                start: Some("https://h/start".into()),
                custom: None,
                exit: Some("https://h/exit?a=1".into()),
            },
            qr_url: Some("https://h/goods".into()),
            renewal: true,
        };
        let text = serde_json::to_string(&props).unwrap();
        assert!(!text.contains("custom"), "{text}");
        assert_eq!(serde_json::from_str::<ConfigProps>(&text).unwrap(), props);
    }
}
