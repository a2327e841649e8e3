//! An order as the platform tells the merchant.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::money::Fen;
use crate::wire::json::{check_json, read_object, JsonError};
use crate::wire::numbers;

/// Where an order stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub enum PartnerStatus {
    /// Not paid, and still can be.
    WaitBuyerPay,
    /// Paid and kept.
    TradeSuccess,
    /// Closed: never paid, or paid and given back. The latter has an `alipay_trade_no`.
    TradeClosed,
    /// A word that is not in the protocol. It says neither that money came nor that none
    /// will.
    Other(String),
}

impl PartnerStatus {
    /// The platform's word.
    pub fn as_str(&self) -> &str {
        match self {
            PartnerStatus::WaitBuyerPay => "WAIT_BUYER_PAY",
            PartnerStatus::TradeSuccess => "TRADE_SUCCESS",
            PartnerStatus::TradeClosed => "TRADE_CLOSED",
            PartnerStatus::Other(word) => word,
        }
    }

    /// Reads a word exactly as it is written; an unknown one is kept.
    pub fn parse(word: &str) -> PartnerStatus {
        [PartnerStatus::WaitBuyerPay, PartnerStatus::TradeSuccess, PartnerStatus::TradeClosed]
            .into_iter()
            .find(|status| status.as_str() == word)
            .unwrap_or_else(|| PartnerStatus::Other(word.to_owned()))
    }
}

impl fmt::Display for PartnerStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<String> for PartnerStatus {
    fn from(word: String) -> PartnerStatus {
        PartnerStatus::parse(&word)
    }
}

impl From<PartnerStatus> for String {
    fn from(status: PartnerStatus) -> String {
        status.as_str().to_owned()
    }
}

/// The order in the answer to a query, before it is encrypted. Every member is a string.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PartnerOrder {
    /// The merchant's order number.
    pub partner_order_no: String,
    /// Alipay's number; "" until somebody has paid.
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub alipay_trade_no: String,
    /// Where it stands.
    pub order_status: PartnerStatus,
    /// Total in fen; written as a string, read from a string or an integer.
    #[serde(with = "numbers::fen")]
    pub price: Fen,
    /// What the payer read.
    pub subject: String,
    /// The merchant's product id; "" if the order has none.
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub subject_id: String,
    /// The payer's Alipay account, masked; "" until somebody has paid.
    #[serde(default, deserialize_with = "text_or_nothing")]
    pub buyer_logon_id: String,
}

impl PartnerOrder {
    /// JSON, to be encrypted to the merchant's key.
    pub fn encode(&self) -> String {
        serde_json::to_string(self).expect("strings always make JSON")
    }

    /// Reads what was decrypted: one UTF-8 object, no member twice, strings of at most
    /// `JSON_STRING_BYTES_MAX` bytes. Members that are not known are left out. Alipay's
    /// number, the product id and the payer may be missing or null, which is "".
    pub fn parse(bytes: &[u8]) -> Result<PartnerOrder, JsonError> {
        let text = std::str::from_utf8(bytes).map_err(|_| JsonError::new("not UTF-8"))?;
        check_json(text)?;
        read_object(text)
    }
}

fn text_or_nothing<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    Option::deserialize(from).map(Option::unwrap_or_default)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> PartnerOrder {
        PartnerOrder {
            partner_order_no: "R20160720000001".into(),
            alipay_trade_no: "2016072021001004220287654321".into(),
            order_status: PartnerStatus::TradeSuccess,
            price: Fen::new(1_500).unwrap(),
            subject: "影视包月 \"第1期\"".into(),
            subject_id: "vip_month".into(),
            buyer_logon_id: "138****0001".into(),
        }
    }

    #[test]
    fn every_member_is_a_string_and_comes_back() {
        let text = order().encode();
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let members = value.as_object().unwrap();
        assert_eq!(members.len(), 7);
        assert!(members.values().all(serde_json::Value::is_string), "{text}");
        assert_eq!(
            (&value["price"], &value["order_status"]),
            (&"1500".into(), &"TRADE_SUCCESS".into())
        );
        assert_eq!(PartnerOrder::parse(text.as_bytes()), Ok(order()));
        let number = text.replace("\"1500\"", "1500");
        assert_eq!(PartnerOrder::parse(number.as_bytes()), Ok(order()));
    }

    #[test]
    fn an_unpaid_order_has_no_trade_and_no_payer() {
        let texts = [
            r#"{"partner_order_no":"A","order_status":"WAIT_BUYER_PAY","price":"1","subject":"x"}"#,
            r#"{"partner_order_no":"A","order_status":"WAIT_BUYER_PAY","price":1,"subject":"x",
                "alipay_trade_no":"","subject_id":null,"buyer_logon_id":"","later":{"a":[1]}}"#,
        ];
        for text in texts {
            let read = PartnerOrder::parse(text.as_bytes()).unwrap();
            assert_eq!(read.order_status, PartnerStatus::WaitBuyerPay);
            let empty = [&read.alipay_trade_no, &read.subject_id, &read.buyer_logon_id];
            assert!(empty.iter().all(|text| text.is_empty()), "{read:?}");
        }
    }

    #[test]
    fn an_unknown_word_is_kept_as_it_is() {
        for word in ["TRADE_FINISHED", "trade_success", " TRADE_SUCCESS", "TRADE_SUCCESS\0", ""] {
            let status = PartnerStatus::parse(word);
            assert_eq!(status, PartnerStatus::Other(word.into()));
            assert_eq!(status.as_str(), word);
        }
        for word in ["WAIT_BUYER_PAY", "TRADE_SUCCESS", "TRADE_CLOSED"] {
            assert!(!matches!(PartnerStatus::parse(word), PartnerStatus::Other(_)));
            assert_eq!(PartnerStatus::parse(word).to_string(), word);
        }
    }

    #[test]
    fn what_is_no_order_is_refused() {
        let whole = order().encode();
        let spoilt = |from: &str, to: &str| whole.replace(from, to);
        let cases = [
            (String::new(), "EOF"),
            (format!("[{whole}]"), "object"),
            (format!("{whole}x"), "trailing"),
            (spoilt("\"price\":\"1500\"", "\"price\":\"1500\",\"price\":\"1\""), "twice"),
            (spoilt("\"price\":\"1500\",", ""), "price"),
            (spoilt("\"subject\":", "\"subjec\":"), "subject"),
            (spoilt("\"1500\"", "\"15.00\""), "digits"),
            (spoilt("\"1500\"", "\"01500\""), "digits"),
            (spoilt("\"1500\"", "1500.0"), "integer"),
            (spoilt("\"1500\"", "0"), "amount_fen"),
            (spoilt("\"1500\"", "-1500"), "amount_fen"),
            (spoilt("\"1500\"", "null"), "null"),
            (spoilt("\"TRADE_SUCCESS\"", "true"), "string"),
            (spoilt("\"R20160720000001\"", "1"), "string"),
            (spoilt("vip_month", &"x".repeat(5_000)), "longer"),
        ];
        for (text, why) in cases {
            let error = PartnerOrder::parse(text.as_bytes()).expect_err(&text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let mut bytes = whole.into_bytes();
        bytes[25] = 0xff;
        assert!(PartnerOrder::parse(&bytes).is_err());
    }
}
