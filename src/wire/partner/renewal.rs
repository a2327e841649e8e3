//! One charge of a subscription.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::core::facts::OrderId;
use crate::limits::{
    NOTIFY_URL_BYTES_MAX, ORDER_ID_BYTES_MAX, SUBJECT_ID_CHARS_MAX, TITLE_CHARS_MAX,
};
use crate::money::Fen;
use crate::wire::device::{check_text, ParamError};
use crate::wire::top::Params;

/// Hexadecimal digits of a digest in a derived order number: 160 bits, so that two first
/// orders never meet in one.
const DIGEST_DIGITS: usize = 40;

/// A charge to be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalPay {
    /// Where the merchant is told about this charge.
    pub partner_notify_url: String,
    /// The merchant's number of this charge: `charge_order_no`.
    pub partner_order_no: String,
    /// What the subscription's list says for this charge.
    pub price: Fen,
    /// The merchant's number of the subscription's first order.
    pub ref_order_no: String,
    /// 1 for the first charge that the server takes; 0 was the payment on the box.
    pub seq: u32,
    /// What the payer reads.
    pub subject: String,
    /// The merchant's product id.
    pub subject_id: String,
}

impl RenewalPay {
    /// Adds the request's own parameters.
    pub fn into_params(self, params: &mut Params) {
        params.set("partner_notify_url", self.partner_notify_url);
        params.set("partner_order_no", self.partner_order_no);
        params.set("price", self.price.get().to_string());
        params.set("ref_order_no", self.ref_order_no);
        params.set("seq", self.seq.to_string());
        params.set("subject", self.subject);
        params.set("subject_id", self.subject_id);
    }
}

/// A charge as the platform receives it. Numbers that break a rule of subscriptions are
/// read all the same, since such a call is refused by a word of `RenewalCode`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenewalForm {
    /// 1 to `NOTIFY_URL_BYTES_MAX` bytes; need not be a URL.
    pub partner_notify_url: String,
    /// 1 to `ORDER_ID_BYTES_MAX` printable ASCII characters, no blanks.
    pub partner_order_no: String,
    /// In fen; none if it is no integer in plain digits.
    pub price: Option<i64>,
    /// As `partner_order_no`.
    pub ref_order_no: String,
    /// None if it is no integer in plain digits.
    pub seq: Option<i64>,
    /// 1 to `TITLE_CHARS_MAX` characters.
    pub subject: String,
    /// 1 to `SUBJECT_ID_CHARS_MAX` characters.
    pub subject_id: String,
}

impl RenewalForm {
    /// Reads the parameters. Each name may begin with a capital, as the seed prints some of
    /// them; both spellings at once are refused, since the caller may have meant either.
    pub fn read(params: &Params) -> Result<RenewalForm, ParamError> {
        let number = |name, capital| aliased(params, name, capital).map(integer);
        let order_no = |name, capital| {
            let text = aliased(params, name, capital)?;
            check_text(text, name, ORDER_ID_BYTES_MAX)?;
            Ok(text.to_owned())
        };
        let url = aliased(params, "partner_notify_url", "Partner_notify_url")?;
        if url.len() > NOTIFY_URL_BYTES_MAX {
            let why = format!("must be 1 to {NOTIFY_URL_BYTES_MAX} bytes");
            return Err(ParamError::Invalid("partner_notify_url", why));
        }
        Ok(RenewalForm {
            partner_notify_url: url.to_owned(),
            partner_order_no: order_no("partner_order_no", "Partner_order_no")?,
            price: number("price", "Price")?,
            ref_order_no: order_no("ref_order_no", "Ref_order_no")?,
            seq: number("seq", "Seq")?,
            subject: words(params, "subject", "Subject", TITLE_CHARS_MAX)?,
            subject_id: words(params, "subject_id", "Subject_id", SUBJECT_ID_CHARS_MAX)?,
        })
    }
}

/// An empty one counts as missing: some clients drop those and some send them.
fn aliased<'a>(
    params: &'a Params,
    name: &'static str,
    capital: &str,
) -> Result<&'a str, ParamError> {
    match (params.get(name), params.get(capital)) {
        (Some(_), Some(_)) => {
            Err(ParamError::Invalid(name, format!("was sent as {capital} as well")))
        }
        (Some(text), None) | (None, Some(text)) if !text.is_empty() => Ok(text),
        _ => Err(ParamError::Missing(name)),
    }
}

fn words(
    params: &Params,
    name: &'static str,
    capital: &str,
    chars_max: usize,
) -> Result<String, ParamError> {
    let text = aliased(params, name, capital)?;
    if text.chars().count() > chars_max {
        return Err(ParamError::Invalid(name, format!("must be 1 to {chars_max} characters")));
    }
    Ok(text.to_owned())
}

fn integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    let canonical = plain && (text == "0" || !digits.starts_with('0'));
    text.parse().ok().filter(|_| canonical)
}

/// The merchant's number of charge `seq` of the subscription that `ref_order_no` began. It
/// depends on nothing else, so that whoever tries a charge again can only name the same
/// order. `<ref>_r<seq>` where that is an order number; otherwise `r<seq>_` and the first
/// 40 hexadecimal digits of the SHA-256 of `ref_order_no`.
pub fn charge_order_no(ref_order_no: &str, seq: u32) -> OrderId {
    OrderId::new(format!("{ref_order_no}_r{seq}")).unwrap_or_else(|_| {
        let digest = Sha256::digest(ref_order_no.as_bytes());
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        OrderId::new(format!("r{seq}_{}", &digits[..DIGEST_DIGITS]))
            .expect("52 letters and digits at most")
    })
}

/// Why a charge is refused (seed 002, 2.4.1.3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RenewalCode {
    /// More charges than a year, or the subscription's list, has.
    TermCountExceedLimit,
    /// The price is not the one of the subscription's list.
    PriceError,
    /// The charges together are more than may be taken.
    PriceExceedLimit,
    /// The app may not sell subscriptions.
    OrderNotAllowed,
    /// Something about the order is wrong, such as a number that is taken.
    OrderInfoError,
    /// No subscription began with that order.
    ThreadNotFound,
    /// The subscription cannot be charged: not begun, ended, or a charge is open.
    ThreadStatusError,
    /// The payment itself failed, such as for want of money.
    OrderPayFail,
    /// It is not due yet.
    TimeError,
    /// It is not the next one: skipped, or taken before.
    ThreadSeqError,
}

impl RenewalCode {
    /// All ten, in the order of the seed.
    pub const ALL: [RenewalCode; 10] = [
        RenewalCode::TermCountExceedLimit,
        RenewalCode::PriceError,
        RenewalCode::PriceExceedLimit,
        RenewalCode::OrderNotAllowed,
        RenewalCode::OrderInfoError,
        RenewalCode::ThreadNotFound,
        RenewalCode::ThreadStatusError,
        RenewalCode::OrderPayFail,
        RenewalCode::TimeError,
        RenewalCode::ThreadSeqError,
    ];

    /// The platform's word.
    pub fn as_str(self) -> &'static str {
        match self {
            RenewalCode::TermCountExceedLimit => "TERM_COUNT_EXCEED_LIMIT",
            RenewalCode::PriceError => "RENEWAL_PRICE_ERROR",
            RenewalCode::PriceExceedLimit => "RENEWAL_PRICE_EXCEED_LIMIT",
            RenewalCode::OrderNotAllowed => "RENEWAL_ORDER_NOT_ALLOWED",
            RenewalCode::OrderInfoError => "RENEWAL_ORDER_INFO_ERROR",
            RenewalCode::ThreadNotFound => "RENEWAL_THREAD_NOT_FOUND",
            RenewalCode::ThreadStatusError => "RENEWAL_THREAD_STATUS_ERROR",
            RenewalCode::OrderPayFail => "RENEWAL_ORDER_PAY_FAIL",
            RenewalCode::TimeError => "RENEWAL_TIME_ERROR",
            RenewalCode::ThreadSeqError => "RENEWAL_THREAD_SEQ_ERROR",
        }
    }

    /// Reads a word exactly as it is written.
    pub fn parse(word: &str) -> Option<RenewalCode> {
        RenewalCode::ALL.into_iter().find(|code| code.as_str() == word)
    }
}

impl fmt::Display for RenewalCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge() -> RenewalPay {
        RenewalPay {
            partner_notify_url: "http://cp.example.com/callback/notify?app=tv&ch=1".into(),
            partner_order_no: "R20160620000001_r1".into(),
            price: Fen::new(1_500).unwrap(),
            ref_order_no: "R20160620000001".into(),
            seq: 1,
            subject: "影视包月 第1期".into(),
            subject_id: "vip_month".into(),
        }
    }

    fn params() -> Params {
        let mut params = Params::new();
        charge().into_params(&mut params);
        params
    }

    fn with(name: &str, value: &str) -> Params {
        let mut params = params();
        params.set(name, value);
        params
    }

    fn without(left_out: &str) -> Params {
        let mut kept = Params::new();
        params().iter().filter(|(name, _)| *name != left_out).for_each(|(n, v)| kept.set(n, v));
        kept
    }

    fn form() -> RenewalForm {
        RenewalForm {
            partner_notify_url: charge().partner_notify_url,
            partner_order_no: charge().partner_order_no,
            price: Some(1_500),
            ref_order_no: charge().ref_order_no,
            seq: Some(1),
            subject: charge().subject,
            subject_id: charge().subject_id,
        }
    }

    #[test]
    fn a_charge_is_read_as_it_was_written() {
        let sent = Params::union("", &params().encode_form()).unwrap();
        assert_eq!(sent.iter().count(), 7);
        assert_eq!(RenewalForm::read(&sent), Ok(form()));
    }

    #[test]
    fn capitals_of_the_seed_are_understood_but_not_beside_the_plain_name() {
        for (name, value) in params().iter() {
            let capital = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
            let mut aliased = without(name);
            assert_eq!(RenewalForm::read(&aliased), Err(ParamError::Missing(static_name(name))));
            aliased.set(&capital, value);
            assert_eq!(RenewalForm::read(&aliased), Ok(form()), "{capital}");
            let both = RenewalForm::read(&with(&capital, value));
            assert!(matches!(both, Err(ParamError::Invalid(n, _)) if n == name), "{capital}");
        }
    }

    fn static_name(name: &str) -> &'static str {
        let names = ["partner_notify_url", "partner_order_no", "price", "ref_order_no"];
        names.into_iter().chain(["seq", "subject", "subject_id"]).find(|n| *n == name).unwrap()
    }

    #[test]
    fn numbers_outside_the_rules_are_read_and_no_numbers_are_none() {
        for (text, number) in [
            ("0", Some(0)),
            ("-1", Some(-1)),
            ("99999999999", Some(99_999_999_999)),
            ("9223372036854775808", None),
            ("1.0", None),
            ("+1", None),
            ("01", None),
            ("-0", None),
            ("-", None),
            (" 1", None),
            ("1e2", None),
            ("１", None),
        ] {
            let price = RenewalForm::read(&with("price", text)).unwrap();
            let seq = RenewalForm::read(&with("seq", text)).unwrap();
            assert_eq!((price.price, price.seq), (number, Some(1)), "{text}");
            assert_eq!((seq.price, seq.seq), (Some(1_500), number), "{text}");
        }
    }

    #[test]
    fn empty_and_long_texts_are_named() {
        for (name, longest) in [
            ("partner_order_no", "x".repeat(ORDER_ID_BYTES_MAX)),
            ("ref_order_no", "x".repeat(ORDER_ID_BYTES_MAX)),
            ("partner_notify_url", "x".repeat(NOTIFY_URL_BYTES_MAX)),
            ("subject", "宝".repeat(TITLE_CHARS_MAX)),
            ("subject_id", "石".repeat(SUBJECT_ID_CHARS_MAX)),
        ] {
            assert!(RenewalForm::read(&with(name, &longest)).is_ok(), "{name}");
            let long = RenewalForm::read(&with(name, &format!("{longest}x")));
            assert!(matches!(long, Err(ParamError::Invalid(n, _)) if n == name), "{name}");
            let empty = RenewalForm::read(&with(name, ""));
            assert_eq!(empty, Err(ParamError::Missing(static_name(name))));
        }
        let blank = RenewalForm::read(&with("ref_order_no", "a b"));
        assert!(matches!(blank, Err(ParamError::Invalid("ref_order_no", _))));
    }

    #[test]
    fn a_charge_has_one_number_and_no_two_charges_share_one() {
        assert_eq!(charge_order_no("R1", 1).as_str(), "R1_r1");
        let fits = "x".repeat(ORDER_ID_BYTES_MAX - 4);
        assert_eq!(charge_order_no(&fits, 11).as_str(), format!("{fits}_r11"));
        // printf R%%1 | sha256sum
        let odd = charge_order_no("R%1", 3);
        assert_eq!(odd.as_str(), "r3_01a3d332463949d837338d02a3579f3824348e0a");
        let firsts = ["R1", "R%1", "R1_r1", "R", &fits, &format!("{fits}y"), &"z".repeat(64)];
        let mut seen = std::collections::HashSet::new();
        for first in firsts {
            for seq in [0, 1, 2, 10, 11, 12, 112, u32::MAX] {
                let number = charge_order_no(first, seq);
                assert_eq!(number, charge_order_no(first, seq));
                assert!(number.as_str().len() <= ORDER_ID_BYTES_MAX);
                assert!(seen.insert(number), "{first} {seq}");
            }
        }
    }

    #[test]
    fn all_ten_words_are_known_and_no_other() {
        assert_eq!(RenewalCode::ALL.len(), 10);
        for code in RenewalCode::ALL {
            assert_eq!(RenewalCode::parse(code.as_str()), Some(code));
            assert_eq!(RenewalCode::parse(&code.as_str().to_lowercase()), None);
        }
        assert_eq!(RenewalCode::parse("success"), None);
    }
}
