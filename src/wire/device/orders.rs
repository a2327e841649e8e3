//! Orders: precreate, query, close.

use serde::{Deserialize, Serialize};

use super::lottery::AwardData;
use super::params::{check_text, read_wait, required, write_wait, ParamError};
use super::result::Echo;
use crate::core::facts::Interval;
use crate::limits::ORDER_ID_BYTES_MAX;
use crate::money::Fen;
use crate::wire::json::{check_json, read_object};
use crate::wire::numbers;
use crate::wire::top::Params;

/// Registers an order and gives its code; the same code when asked again.
pub const ORDER_PRECREATE: &str = "taobao.tvpay.order.precreate";
/// Where an order stands.
pub const ORDER_QUERY: &str = "taobao.tvpay.order.query";
/// Ours: makes an order unpayable unless it is paid. Never refunds.
pub const ORDER_CLOSE: &str = "taobao.tvpay.order.close";

/// Refusal: this app has no order of that number.
pub const ORDER_NOT_FOUND: &str = "ORDER_NOT_FOUND";
/// Refusal of precreate: the number is taken by an order with other facts.
pub const ORDER_CONFLICT: &str = "ORDER_CONFLICT";
/// Refusal of precreate: the app may not sell subscriptions.
pub const RENEWAL_ORDER_NOT_ALLOWED: &str = "RENEWAL_ORDER_NOT_ALLOWED";
/// Refusal of precreate: something about the subscription is wrong.
pub const RENEWAL_ORDER_INFO_ERROR: &str = "RENEWAL_ORDER_INFO_ERROR";
/// Refusal of precreate: more than a year of charges.
pub const TERM_COUNT_EXCEED_LIMIT: &str = "TERM_COUNT_EXCEED_LIMIT";
/// Refusal of precreate: the charges together are more than the app may take.
pub const RENEWAL_PRICE_EXCEED_LIMIT: &str = "RENEWAL_PRICE_EXCEED_LIMIT";

/// The order of a precreate: the JSON of its parameter `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Flat", into = "Flat")]
pub struct PrecreateData {
    /// The merchant's order number.
    pub partner_order_no: String,
    /// What the payer reads.
    pub subject: String,
    /// The merchant's product id.
    pub subject_id: Option<String>,
    /// Total in fen; written as a string, read from a string or an integer.
    pub price: Fen,
    /// Where the merchant is told.
    pub partner_notify_url: Option<String>,
    /// Ours: wanted lifetime of the code in seconds.
    pub expires_s: Option<u32>,
    /// This is the first charge of a subscription. Its members stand beside the others.
    pub renewal: Option<RenewalData>,
}

/// A subscription: the members that a precreate has for its first charge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalData {
    /// How often it is charged; `month` or `season`.
    pub interval: Interval,
    /// `price_list`: every charge in fen, the first one included, written as strings. At
    /// least one; how many are allowed is the gateway's business.
    pub prices: Vec<Fen>,
    /// What the payer is entitled to.
    pub description: Option<String>,
    /// `renewal_subject`: name of the subscription.
    pub subject: String,
}

#[derive(Serialize, Deserialize)]
struct Flat {
    partner_order_no: String,
    subject: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject_id: Option<String>,
    #[serde(with = "numbers::fen")]
    price: Fen,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partner_notify_url: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires_s: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    interval: Option<Interval>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    price_list: Option<Vec<numbers::FenText>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    renewal_subject: Option<String>,
}

impl From<PrecreateData> for Flat {
    fn from(data: PrecreateData) -> Flat {
        let mut flat = Flat {
            partner_order_no: data.partner_order_no,
            subject: data.subject,
            subject_id: data.subject_id,
            price: data.price,
            partner_notify_url: data.partner_notify_url,
            expires_s: data.expires_s,
            interval: None,
            price_list: None,
            description: None,
            renewal_subject: None,
        };
        if let Some(renewal) = data.renewal {
            flat.interval = Some(renewal.interval);
            flat.price_list = Some(renewal.prices.into_iter().map(numbers::FenText).collect());
            flat.description = renewal.description;
            flat.renewal_subject = Some(renewal.subject);
        }
        flat
    }
}

impl TryFrom<Flat> for PrecreateData {
    type Error = &'static str;

    fn try_from(mut flat: Flat) -> Result<PrecreateData, &'static str> {
        let renewal = renewal(&mut flat)?;
        Ok(PrecreateData {
            partner_order_no: flat.partner_order_no,
            subject: flat.subject,
            subject_id: flat.subject_id,
            price: flat.price,
            partner_notify_url: flat.partner_notify_url,
            expires_s: flat.expires_s,
            renewal,
        })
    }
}

/// A subscription of which a part is missing must not pass for a plain order.
fn renewal(flat: &mut Flat) -> Result<Option<RenewalData>, &'static str> {
    let description = flat.description.take();
    let (interval, prices, subject) =
        match (flat.interval, flat.price_list.take(), flat.renewal_subject.take()) {
            (Some(interval), Some(prices), Some(subject)) => (interval, prices, subject),
            (None, None, None) if description.is_none() => return Ok(None),
            (None, ..) => return Err("interval is required for a subscription"),
            (_, None, _) => return Err("price_list is required for a subscription"),
            (_, _, None) => return Err("renewal_subject is required for a subscription"),
        };
    if prices.is_empty() {
        return Err("price_list must not be empty");
    }
    let prices = prices.into_iter().map(|price| price.0).collect();
    Ok(Some(RenewalData { interval, prices, description, subject }))
}

pub(super) fn write_order(partner_order_no: &str, params: &mut Params) {
    params.set("order_type", "partner");
    params.set("partner_order_no", partner_order_no);
}

pub(super) fn write_query(partner_order_no: &str, wait_s: u32, params: &mut Params) {
    write_order(partner_order_no, params);
    write_wait(wait_s, params);
}

pub(super) fn write_precreate(data: &PrecreateData, params: &mut Params) {
    let text = serde_json::to_string(data);
    params.set("data", text.expect("strings and numbers always make JSON"));
}

pub(super) fn read_precreate(params: &Params) -> Result<PrecreateData, ParamError> {
    let text = required(params, "data")?;
    let invalid = |why: String| ParamError::Invalid("data", why);
    check_json(text).map_err(|error| invalid(error.to_string()))?;
    let data: PrecreateData = read_object(text).map_err(|error| invalid(error.to_string()))?;
    check_order_no(&data.partner_order_no, "data")?;
    Ok(data)
}

pub(super) fn read_query(params: &Params) -> Result<(String, u32), ParamError> {
    Ok((read_order_no(params)?, read_wait(params)?))
}

/// Takes `partner_order_no`, or `out_order_no` as the platform's metadata names it.
pub(super) fn read_order_no(params: &Params) -> Result<String, ParamError> {
    if required(params, "order_type")? != "partner" {
        return Err(ParamError::Invalid("order_type", "must be partner".into()));
    }
    let number = match (params.get("partner_order_no"), params.get("out_order_no")) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            let why = "differs from partner_order_no".into();
            return Err(ParamError::Invalid("out_order_no", why));
        }
        (Some(number), _) | (None, Some(number)) => number,
        (None, None) => return Err(ParamError::Missing("partner_order_no")),
    };
    check_order_no(number, "partner_order_no")?;
    Ok(number.to_owned())
}

fn check_order_no(number: &str, name: &'static str) -> Result<(), ParamError> {
    check_text(number, name, ORDER_ID_BYTES_MAX)
}

/// `data` of precreate, query and close.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// The merchant's order number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_order_no: Option<String>,
    /// Total in fen; written as a string. None if the order is not known.
    #[serde(default, with = "numbers::opt_fen", skip_serializing_if = "Option::is_none")]
    pub price: Option<Fen>,
    /// Where the order stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// Alipay's number, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alipay_trade_no: Option<String>,
    /// When it was paid, Unix milliseconds.
    #[serde(default, with = "numbers::opt_i64", skip_serializing_if = "Option::is_none")]
    pub gmt_payment: Option<i64>,
    /// Of precreate: the text of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_code: Option<String>,
    /// Of precreate, ours: seconds the code can still be scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
    /// Of query and close, ours: what the payer won by paying.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awards: Vec<AwardData>,
}

/// Where an order stands. An unknown word is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Nobody scanned the code.
    NotScanned,
    /// Scanned, not paid.
    WaitBuyerPay,
    /// Paid and kept.
    TradeSuccess,
    /// Closed without money.
    TradeClosed,
    /// Paid and given back.
    TradeRefunded,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> PrecreateData {
        PrecreateData {
            partner_order_no: "A-1".into(),
            subject: "宝石 \"60\"".into(),
            subject_id: Some("gem60".into()),
            price: Fen::new(600).unwrap(),
            partner_notify_url: Some("http://cp.example.com/n?a=1&b=2".into()),
            expires_s: Some(120),
            renewal: None,
        }
    }

    #[test]
    fn prices_are_written_as_text_and_read_as_text_or_integer() {
        let text = serde_json::to_string(&plain()).unwrap();
        assert!(text.contains("\"price\":\"600\""), "{text}");
        let number = text.replace("\"600\"", "600");
        assert_eq!(serde_json::from_str::<PrecreateData>(&number).unwrap(), plain());
        for bad in ["600.0", "6e2", "\"600.0\"", "\"0600\"", "0", "-1", "true", "null", "\"\""] {
            let text = text.replace("\"600\"", bad);
            assert!(serde_json::from_str::<PrecreateData>(&text).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_subscription_stands_beside_the_order_and_is_whole() {
        let renewal = RenewalData {
            interval: Interval::Season,
            prices: [600, 500].map(|fen| Fen::new(fen).unwrap()).into(),
            description: Some("会员".into()),
            subject: "VIP".into(),
        };
        let data = PrecreateData { renewal: Some(renewal.clone()), ..plain() };
        let value = serde_json::to_value(&data).unwrap();
        assert_eq!(value["interval"], "season");
        assert_eq!(value["price_list"], serde_json::json!(["600", "500"]));
        assert_eq!(
            (&value["description"], &value["renewal_subject"]),
            (&"会员".into(), &"VIP".into())
        );
        assert_eq!(serde_json::from_value::<PrecreateData>(value.clone()).unwrap(), data);
        for missing in ["interval", "price_list", "renewal_subject"] {
            let mut value = value.clone();
            value.as_object_mut().unwrap().remove(missing);
            let error = serde_json::from_value::<PrecreateData>(value).unwrap_err().to_string();
            assert_eq!(error, format!("{missing} is required for a subscription"));
        }
        let alone = serde_json::json!({
            "partner_order_no": "A", "subject": "x", "price": "1", "description": "y",
        });
        assert!(serde_json::from_value::<PrecreateData>(alone).is_err());
        for (member, bad) in [
            ("interval", serde_json::json!("week")),
            ("price_list", serde_json::json!([])),
            ("price_list", serde_json::json!(["600", "0"])),
            ("price_list", serde_json::json!(["600", "1.5"])),
            ("price_list", serde_json::json!("600,500")),
            ("renewal_subject", serde_json::json!(1)),
        ] {
            let mut value = value.clone();
            value[member] = bad.clone();
            assert!(serde_json::from_value::<PrecreateData>(value).is_err(), "{member} {bad}");
        }
    }

    #[test]
    fn an_unknown_status_is_no_answer() {
        for bad in [r#"{"status":"PAID"}"#, r#"{"status":"trade_success"}"#, r#"{"status":3}"#] {
            assert!(serde_json::from_str::<OrderData>(bad).is_err(), "{bad}");
        }
    }
}
