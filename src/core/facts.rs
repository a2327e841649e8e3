//! What an order is about. Checked once, on the way in; never changed afterwards.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::code::{Code, Refusal};
use crate::limits::{
    APP_KEY_BYTES_MAX, EXPIRES_S_MAX, EXPIRES_S_MIN, NOTIFY_URL_BYTES_MAX, ORDER_ID_BYTES_MAX,
    SUBJECT_ID_CHARS_MAX, TITLE_CHARS_MAX,
};
use crate::money::Fen;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $field:literal, $max:ident, $allowed:expr, $shown:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Checks length and characters; the refusal names the field and the bound.
            pub fn new(text: impl Into<String>) -> Result<$name, Refusal> {
                let text = text.into();
                let allowed: fn(u8) -> bool = $allowed;
                if text.is_empty() || text.len() > $max || !text.bytes().all(allowed) {
                    let message = format!(
                        concat!($field, " must be 1 to {} characters out of ", $shown), $max
                    );
                    return Err(Refusal::new(Code::INVALID, message));
                }
                Ok($name(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl TryFrom<String> for $name {
            type Error = Refusal;
            fn try_from(text: String) -> Result<$name, Refusal> {
                $name::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }
    };
}

id!(
    /// The merchant's order number and the idempotency key of a payment.
    OrderId, "order_id", ORDER_ID_BYTES_MAX,
    |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-', "[A-Za-z0-9_-]"
);
id!(
    /// Names an app at the platform. Not a secret.
    AppKey, "app_key", APP_KEY_BYTES_MAX,
    |b| b.is_ascii_alphanumeric() || b == b'_', "[A-Za-z0-9_]"
);

/// What is sold, for how much and to whom the server is told. Two orders with one id are
/// the same order only if all of this is equal, `expires_s` excepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Facts {
    /// The app that sells.
    pub app_key: AppKey,
    /// The merchant's order number.
    pub order_id: OrderId,
    /// Shown to the payer: 1 to `TITLE_CHARS_MAX` characters, no control characters.
    pub title: String,
    /// Total.
    pub amount_fen: Fen,
    /// Merchant's product id, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// Server-to-server notification URL, or none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify_url: Option<String>,
    /// Wanted lifetime of the code in seconds, or none for the gateway's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
}

impl Facts {
    /// Checks everything that the two id types do not check already.
    pub fn check(&self) -> Result<(), Refusal> {
        text("title", &self.title, TITLE_CHARS_MAX)?;
        if let Some(id) = &self.subject_id {
            text("subject_id", id, SUBJECT_ID_CHARS_MAX)?;
        }
        if let Some(url) = &self.notify_url {
            check_url(url)?;
        }
        match self.expires_s {
            Some(s) if !(EXPIRES_S_MIN..=EXPIRES_S_MAX).contains(&s) => Err(Refusal::new(
                Code::INVALID,
                format!("expires_s is {s}: allowed are {EXPIRES_S_MIN} to {EXPIRES_S_MAX}"),
            )),
            _ => Ok(()),
        }
    }

    /// The name of the first fact in which two orders with one id differ.
    pub fn difference(&self, other: &Facts) -> Option<&'static str> {
        let differs = [
            ("amount_fen", self.amount_fen != other.amount_fen),
            ("title", self.title != other.title),
            ("subject_id", self.subject_id != other.subject_id),
            ("notify_url", self.notify_url != other.notify_url),
        ];
        differs.iter().find(|row| row.1).map(|row| row.0)
    }
}

fn text(field: &str, value: &str, chars_max: usize) -> Result<(), Refusal> {
    let chars = value.chars().count();
    if chars == 0 || chars > chars_max {
        let message = format!("{field} has {chars} characters: allowed are 1 to {chars_max}");
        return Err(Refusal::new(Code::STRING, message));
    }
    if value.chars().any(is_unsafe_on_screen) {
        let message = format!("{field} holds a control or direction character");
        return Err(Refusal::new(Code::STRING, message));
    }
    Ok(())
}

/// Control characters, and those that reverse or hide text on the payer's phone
/// (`reference/reliability.md` 4.4).
pub(crate) fn is_unsafe_on_screen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}')
}

fn check_url(url: &str) -> Result<(), Refusal> {
    let bad = |why: &str| Err(Refusal::new(Code::STRING, format!("notify_url {why}")));
    if url.len() > NOTIFY_URL_BYTES_MAX {
        return bad(&format!("has {} bytes: allowed are {NOTIFY_URL_BYTES_MAX}", url.len()));
    }
    let Some(rest) = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")) else {
        return bad("must begin with http:// or https://");
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    if host.is_empty() || host.contains('@') {
        return bad("needs a host and no user name");
    }
    if !url.bytes().all(|b| b.is_ascii_graphic()) {
        return bad("must be printable ASCII; percent-encode the rest");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        Facts {
            app_key: AppKey::new("23012345").unwrap(),
            order_id: OrderId::new("A1").unwrap(),
            title: "60 gems".into(),
            amount_fen: Fen::new(600).unwrap(),
            subject_id: None,
            notify_url: None,
            expires_s: None,
        }
    }

    #[test]
    fn ids_take_their_alphabet_up_to_the_limit() {
        for good in ["A", "a-b_C9", &"x".repeat(ORDER_ID_BYTES_MAX)] {
            assert_eq!(OrderId::new(good).unwrap().as_str(), good);
        }
        for bad in
            ["", " ", "a b", "a/b", "é", "宝", "a\0", "a\n", &"x".repeat(ORDER_ID_BYTES_MAX + 1)]
        {
            let error = OrderId::new(bad).unwrap_err();
            assert!(error.message.contains("order_id") && error.message.contains("64"), "{error}");
        }
    }

    #[test]
    fn each_fact_is_refused_by_name() {
        assert_eq!(facts().check(), Ok(()));
        let long = "宝".repeat(TITLE_CHARS_MAX + 1);
        type Spoil = Box<dyn Fn(&mut Facts)>;
        let cases: Vec<(&str, Spoil)> = vec![
            ("title", Box::new(|f| f.title = String::new())),
            ("title", Box::new(move |f| f.title = long.clone())),
            ("title", Box::new(|f| f.title = "a\nb".into())),
            ("title", Box::new(|f| f.title = "a\u{202e}b".into())),
            ("subject_id", Box::new(|f| f.subject_id = Some(String::new()))),
            ("subject_id", Box::new(|f| f.subject_id = Some("x".repeat(65)))),
            ("notify_url", Box::new(|f| f.notify_url = Some("ftp://h/".into()))),
            ("notify_url", Box::new(|f| f.notify_url = Some("http:///x".into()))),
            ("notify_url", Box::new(|f| f.notify_url = Some("http://u@h/".into()))),
            ("notify_url", Box::new(|f| f.notify_url = Some("http://h/ x".into()))),
            (
                "notify_url",
                Box::new(|f| f.notify_url = Some(format!("http://h/{}", "x".repeat(1020)))),
            ),
            ("expires_s", Box::new(|f| f.expires_s = Some(EXPIRES_S_MIN - 1))),
            ("expires_s", Box::new(|f| f.expires_s = Some(EXPIRES_S_MAX + 1))),
        ];
        for (field, spoil) in cases {
            let mut spoiled = facts();
            spoil(&mut spoiled);
            let error = spoiled.check().expect_err(field);
            assert!(error.message.starts_with(field), "{error}");
        }
    }

    #[test]
    fn expiry_is_not_part_of_the_identity() {
        let mut other = facts();
        other.expires_s = Some(60);
        assert_eq!(facts().difference(&other), None);
        other.amount_fen = Fen::new(601).unwrap();
        assert_eq!(facts().difference(&other), Some("amount_fen"));
    }
}
