//! The notify: what the platform's server tells the merchant's after a payment, in a parameter
//! `data` of the notify URL or of a form body (protocol notes 6). The value is the base64 of
//! RSA blocks (`blocks`) over a small JSON object.
//!
//! Nothing signs it: whoever knows the merchant's public key can make one that says what he
//! likes. It is a hint to ask the platform, and never more.

use std::fmt;

use form_urlencoded::{byte_serialize, parse};
use serde::Serialize;
use serde_json::{Map, Value};

use super::json::{check_json, read_object};
use super::partner::PartnerStatus;
use crate::limits::{
    GATEWAY_TEXT_BYTES_MAX, NOTIFY_DATA_BYTES_MAX, NOTIFY_INPUT_BYTES_MAX, ORDER_ID_BYTES_MAX,
};

/// What one notify says. None of it may be believed before the platform was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify {
    /// The merchant's order number: 1 to `ORDER_ID_BYTES_MAX` bytes.
    pub partner_order_no: String,
    /// Alipay's number of the trade, at most `GATEWAY_TEXT_BYTES_MAX` bytes; "" if nobody paid.
    pub alipay_trade_no: String,
    /// What became of the order.
    pub order_status: PartnerStatus,
    /// Masked account of the payer, at most `GATEWAY_TEXT_BYTES_MAX` bytes; "" if it is not
    /// told, as in the oldest form of the message.
    pub buyer_logon_id: String,
}

/// Why something is not a notify. Quotes nothing of what it refuses: that came from anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyError {
    /// More than `NOTIFY_INPUT_BYTES_MAX` bytes of query string or of body.
    InputTooLong,
    /// There is no parameter `data`, or an empty one.
    NoData,
    /// There are two, in one part or in both: no reader may choose.
    DataTwice,
    /// It has more than `NOTIFY_DATA_BYTES_MAX` bytes.
    DataTooLong,
    /// What was decrypted is not the UTF-8 text of one JSON object that names no member twice.
    NotJson,
    /// A member that must be there is missing, is no string, or is too long. Its name.
    Member(&'static str),
}

impl fmt::Display for NotifyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotifyError::InputTooLong => {
                write!(f, "query string or body is longer than {NOTIFY_INPUT_BYTES_MAX} bytes")
            }
            NotifyError::NoData => write!(f, "no parameter data"),
            NotifyError::DataTwice => write!(f, "parameter data comes twice"),
            NotifyError::DataTooLong => {
                write!(f, "data is longer than {NOTIFY_DATA_BYTES_MAX} bytes")
            }
            NotifyError::NotJson => write!(f, "the plaintext is not one JSON object"),
            NotifyError::Member(name) => {
                write!(f, "member {name} is missing, is no string, or is too long")
            }
        }
    }
}

impl std::error::Error for NotifyError {}

#[derive(Serialize)]
struct Written<'a> {
    partner_order_no: &'a str,
    alipay_trade_no: &'a str,
    order_status: &'a str,
    buyer_logon_id: &'a str,
}

impl Notify {
    /// The JSON that is encrypted, members in the platform's order.
    pub fn encode(&self) -> String {
        let written = Written {
            partner_order_no: &self.partner_order_no,
            alipay_trade_no: &self.alipay_trade_no,
            order_status: self.order_status.as_str(),
            buyer_logon_id: &self.buyer_logon_id,
        };
        serde_json::to_string(&written).expect("four strings are JSON")
    }

    /// Reads what was decrypted, all blocks joined. Members that it does not know are left
    /// out, so that a platform may add some.
    ///
    /// # Errors
    /// `NotJson` and `Member`.
    pub fn parse(plain: &[u8]) -> Result<Notify, NotifyError> {
        let text = std::str::from_utf8(plain).map_err(|_| NotifyError::NotJson)?;
        check_json(text).map_err(|_| NotifyError::NotJson)?;
        let members: Map<String, Value> = read_object(text).map_err(|_| NotifyError::NotJson)?;
        let order_no = text_of(&members, "partner_order_no", ORDER_ID_BYTES_MAX)?;
        let status = text_of(&members, "order_status", GATEWAY_TEXT_BYTES_MAX)?;
        if order_no.is_empty() {
            return Err(NotifyError::Member("partner_order_no"));
        }
        let buyer = match members.get("buyer_logon_id") {
            None | Some(Value::Null) => "",
            Some(_) => text_of(&members, "buyer_logon_id", GATEWAY_TEXT_BYTES_MAX)?,
        };
        Ok(Notify {
            partner_order_no: order_no.to_owned(),
            alipay_trade_no: text_of(&members, "alipay_trade_no", GATEWAY_TEXT_BYTES_MAX)?.into(),
            order_status: PartnerStatus::parse(status),
            buyer_logon_id: buyer.to_owned(),
        })
    }
}

fn text_of<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
    bytes_max: usize,
) -> Result<&'a str, NotifyError> {
    let text = members.get(name).and_then(Value::as_str);
    text.filter(|text| text.len() <= bytes_max).ok_or(NotifyError::Member(name))
}

/// Finds `data` in what a server received: the query string of a GET, the form body of a POST.
/// A sender who did not percent-encode the base64 meant `+` where a space is read; base64 has
/// no spaces, so they are put back.
///
/// # Errors
/// All but `NotJson` and `Member`.
pub fn data_of(query: &str, form: &str) -> Result<String, NotifyError> {
    if query.len().max(form.len()) > NOTIFY_INPUT_BYTES_MAX {
        return Err(NotifyError::InputTooLong);
    }
    let pairs = parse(query.as_bytes()).chain(parse(form.as_bytes()));
    let mut values = pairs.filter(|(name, _)| name == "data").map(|(_, value)| value);
    let data = values.next().filter(|data| !data.is_empty()).ok_or(NotifyError::NoData)?;
    if values.next().is_some() {
        return Err(NotifyError::DataTwice);
    }
    if data.len() > NOTIFY_DATA_BYTES_MAX {
        return Err(NotifyError::DataTooLong);
    }
    Ok(data.replace(' ', "+"))
}

/// The URL to GET: `data` percent-encoded, joined to the URL's own parameters if it has some.
/// A fragment is no business of a server's and is dropped.
pub fn target(url: &str, data: &str) -> String {
    let url = url.split('#').next().unwrap_or_default();
    let joint = match url.split_once('?') {
        None => "?",
        Some((_, own)) if own.is_empty() || own.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{url}{joint}{}", form(data))
}

/// The form body to POST.
pub fn form(data: &str) -> String {
    let encoded: String = byte_serialize(data.as_bytes()).collect();
    format!("data={encoded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notify() -> Notify {
        Notify {
            partner_order_no: "1466394000000".into(),
            alipay_trade_no: "2016062021001004340200123456".into(),
            order_status: PartnerStatus::TradeSuccess,
            buyer_logon_id: "138****0000".into(),
        }
    }

    const FOUR: &str = concat!(
        r#"{"partner_order_no":"1466394000000","#,
        r#""alipay_trade_no":"2016062021001004340200123456","#,
        r#""order_status":"TRADE_SUCCESS","buyer_logon_id":"138****0000"}"#
    );

    #[test]
    fn a_notify_is_written_as_the_platform_writes_it_and_read_back() {
        assert_eq!(notify().encode(), FOUR);
        assert_eq!(Notify::parse(FOUR.as_bytes()), Ok(notify()));
        let other = Notify {
            order_status: PartnerStatus::Other("TRADE_ODD".into()),
            alipay_trade_no: String::new(),
            buyer_logon_id: "买家\"\\".into(),
            ..notify()
        };
        assert_eq!(Notify::parse(other.encode().as_bytes()), Ok(other));
    }

    #[test]
    fn the_oldest_form_has_no_payer_and_a_later_one_may_have_more() {
        let three = FOUR.replace(r#","buyer_logon_id":"138****0000""#, "");
        let expected = Notify { buyer_logon_id: String::new(), ..notify() };
        assert_eq!(Notify::parse(three.as_bytes()), Ok(expected.clone()));
        let null = FOUR.replace(r#""138****0000""#, "null");
        assert_eq!(Notify::parse(null.as_bytes()), Ok(expected));
        let more = FOUR.replace('}', r#","price":600,"x":{"y":[]}}"#);
        assert_eq!(Notify::parse(more.as_bytes()), Ok(notify()));
    }

    #[test]
    fn each_member_has_its_bound() {
        let bounds = [
            ("partner_order_no", "1466394000000", ORDER_ID_BYTES_MAX),
            ("alipay_trade_no", "2016062021001004340200123456", GATEWAY_TEXT_BYTES_MAX),
            ("order_status", "TRADE_SUCCESS", GATEWAY_TEXT_BYTES_MAX),
            ("buyer_logon_id", "138****0000", GATEWAY_TEXT_BYTES_MAX),
        ];
        for (name, value, max) in bounds {
            let with = |text: String| Notify::parse(FOUR.replace(value, &text).as_bytes());
            assert!(with("x".repeat(max)).is_ok(), "{name}");
            assert_eq!(with("x".repeat(max + 1)), Err(NotifyError::Member(name)));
            let number = FOUR.replace(&format!("\"{value}\""), "12");
            assert_eq!(Notify::parse(number.as_bytes()), Err(NotifyError::Member(name)));
        }
        for (name, value, _) in &bounds[..3] {
            let gone = FOUR.replace(&format!("\"{name}\":\"{value}\","), "");
            assert_eq!(Notify::parse(gone.as_bytes()), Err(NotifyError::Member(name)));
        }
        let nameless = FOUR.replace("1466394000000", "");
        assert_eq!(
            Notify::parse(nameless.as_bytes()),
            Err(NotifyError::Member("partner_order_no"))
        );
    }

    #[test]
    fn what_is_not_one_object_is_refused() {
        let twice = FOUR.replace('}', r#","order_status":"TRADE_CLOSED"}"#);
        let escaped = FOUR.replace('}', r#","order\u005fstatus":"TRADE_CLOSED"}"#);
        let (cut, more) = (&FOUR[..FOUR.len() - 1], format!("{FOUR}{FOUR}"));
        let bom = format!("\u{feff}{FOUR}");
        let deep = FOUR.replace('}', &format!(",\"x\":{}1{}}}", "[".repeat(40), "]".repeat(40)));
        let list = r#"["1466394000000","2","TRADE_SUCCESS","x"]"#;
        for text in ["", "x", "null", "{", cut, list, &twice, &escaped, &more, &bom, &deep] {
            assert_eq!(Notify::parse(text.as_bytes()), Err(NotifyError::NotJson), "{text}");
        }
        let mut bytes = FOUR.as_bytes().to_vec();
        bytes[25] = 0xff;
        assert_eq!(Notify::parse(&bytes), Err(NotifyError::NotJson));
    }

    #[test]
    fn data_is_found_in_query_or_form_and_a_space_was_a_plus() {
        let own = "data=a%2Bb%2Fc%3D";
        let more = "x=1&data=a+b/c=&y=%26data%3D2&Data=3&data2=4";
        for (query, form) in [(own, ""), ("", own), (more, "z=1"), ("a", more)] {
            assert_eq!(data_of(query, form).as_deref(), Ok("a+b/c="), "{query} {form}");
        }
        for (query, form) in [("", ""), ("data=", ""), ("data", "x=1"), ("xdata=1", "DATA=2")] {
            assert_eq!(data_of(query, form), Err(NotifyError::NoData), "{query} {form}");
        }
        for (query, form) in [("data=a&data=a", ""), ("data=a", "data=a"), ("data=a&%64ata=", "")] {
            assert_eq!(data_of(query, form), Err(NotifyError::DataTwice), "{query} {form}");
        }
    }

    #[test]
    fn data_and_what_it_comes_in_have_bounds() {
        let longest = "a".repeat(NOTIFY_DATA_BYTES_MAX);
        assert_eq!(data_of(&format!("data={longest}"), "").as_ref(), Ok(&longest));
        let longer = data_of("", &format!("data={longest}a"));
        assert_eq!(longer, Err(NotifyError::DataTooLong));
        let escaped = "%61".repeat(NOTIFY_DATA_BYTES_MAX);
        assert_eq!(data_of(&format!("data={escaped}"), "").as_ref(), Ok(&longest));
        let filled = |more: usize| {
            let blank = "x".repeat(NOTIFY_INPUT_BYTES_MAX - "data=1&".len() + more);
            format!("data=1&{blank}")
        };
        assert_eq!(data_of(&filled(0), "").as_deref(), Ok("1"));
        assert_eq!(data_of(&filled(1), ""), Err(NotifyError::InputTooLong));
        assert_eq!(data_of("", &filled(1)), Err(NotifyError::InputTooLong));
    }

    #[test]
    fn targets_keep_what_the_url_has_of_its_own() {
        let cases = [
            ("http://h/n", "http://h/n?data=a%2Bb%2Fc%3D"),
            ("http://h/n#top", "http://h/n?data=a%2Bb%2Fc%3D"),
            ("http://h/n?a=1", "http://h/n?a=1&data=a%2Bb%2Fc%3D"),
            ("http://h/n?a=1&#x?y", "http://h/n?a=1&data=a%2Bb%2Fc%3D"),
            ("http://h/n?", "http://h/n?data=a%2Bb%2Fc%3D"),
            ("http://h/n?a=?", "http://h/n?a=?&data=a%2Bb%2Fc%3D"),
        ];
        for (url, expected) in cases {
            assert_eq!(target(url, "a+b/c="), expected);
            let query = expected.split_once('?').unwrap().1;
            assert_eq!(data_of(query, "").as_deref(), Ok("a+b/c="), "{url}");
        }
        assert_eq!(form("a+b/c="), "data=a%2Bb%2Fc%3D");
    }

    #[derive(serde::Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        name: String,
        data_base64: String,
        data_urlencoded: String,
        plus_trap_value: String,
    }

    #[test]
    fn every_spelling_of_the_vectors_is_the_same_data() {
        let text = include_str!("../../tests/vectors/notify.json");
        let vectors: Vectors = serde_json::from_str(text).unwrap();
        assert_eq!(vectors.vectors.len(), 34);
        for vector in vectors.vectors {
            let encoded = format!("data={}", vector.data_urlencoded);
            assert_eq!(form(&vector.data_base64), encoded, "{}", vector.name);
            for value in
                [vector.data_urlencoded, vector.plus_trap_value, vector.data_base64.clone()]
            {
                for (query, form) in
                    [(format!("data={value}"), ""), (String::new(), value.as_str())]
                {
                    let form = if form.is_empty() { String::new() } else { format!("data={form}") };
                    let data = data_of(&query, &form);
                    assert_eq!(data.as_ref(), Ok(&vector.data_base64), "{}", vector.name);
                }
            }
        }
    }
}
