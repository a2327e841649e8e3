//! What an order is about. Checked once, on the way in; never changed afterwards.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::award::GiftId;
use super::code::{Code, Refusal};
use super::user::{Token, UserId};
use crate::limits::{
    APP_KEY_BYTES_MAX, DESCRIPTION_CHARS_MAX, EVENT_KEY_BYTES_MAX, EXPIRES_S_MAX, EXPIRES_S_MIN,
    NOTIFY_URL_BYTES_MAX, ORDER_ID_BYTES_MAX, RENEWAL_MONTHS_MAX, RENEWAL_SEASONS_MAX,
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
    /// Names a lottery activity (eventKey) or the behaviour that earns a draw (behaviorKey).
    EventKey, "event_key", EVENT_KEY_BYTES_MAX,
    |b| b.is_ascii_graphic(), "printable ASCII"
);
id!(
    /// Names an app at the platform. Not a secret.
    AppKey, "app_key", APP_KEY_BYTES_MAX,
    |b| b.is_ascii_alphanumeric() || b == b'_', "[A-Za-z0-9_]"
);

/// What is sold, for how much and to whom the server is told. Two orders with one id are
/// the same order only if all of this is equal, `expires_s` and `user_id` excepted.
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
    /// This is the first charge of a subscription.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
    /// Who was signed in when the order was accepted: prizes for paying are this user's, and
    /// the order is for nobody else though another one signs in. Set by the engine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
}

/// How often a subscription is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum Interval {
    /// Every month: at most `RENEWAL_MONTHS_MAX` charges in all.
    Month = 1,
    /// Every three months: at most `RENEWAL_SEASONS_MAX` charges in all.
    Season = 2,
}

impl Interval {
    /// Charges of one subscription, the first one included.
    pub fn charges_max(self) -> usize {
        match self {
            Interval::Month => RENEWAL_MONTHS_MAX,
            Interval::Season => RENEWAL_SEASONS_MAX,
        }
    }

    /// Calendar months between two charges.
    pub fn months(self) -> u32 {
        match self {
            Interval::Month => 1,
            Interval::Season => 3,
        }
    }

    /// The platform's word.
    pub fn name(self) -> &'static str {
        match self {
            Interval::Month => "month",
            Interval::Season => "season",
        }
    }
}

/// A subscription (protocol notes 5). Later charges are started by the merchant's server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Renewal {
    /// How often.
    pub interval: Interval,
    /// What each charge costs: the first entry is this order's amount.
    pub prices_fen: Vec<Fen>,
    /// Name of the subscription, such as a monthly pass: 1 to `TITLE_CHARS_MAX` characters.
    pub subject: String,
    /// What the payer is entitled to: 1 to `DESCRIPTION_CHARS_MAX` characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Renewal {
    fn check(&self, amount_fen: Fen) -> Result<(), Refusal> {
        let (count, most) = (self.prices_fen.len(), self.interval.charges_max());
        let invalid = |why: String| Err(Refusal::new(Code::INVALID, why));
        if count == 0 || count > most {
            let interval = self.interval.name();
            return invalid(format!(
                "prices_fen has {count} entries: allowed are 1 to {most} by {interval}"
            ));
        }
        if self.prices_fen[0] != amount_fen {
            return invalid(format!(
                "prices_fen begins with {}, not amount_fen",
                self.prices_fen[0]
            ));
        }
        check_text("subject", &self.subject, TITLE_CHARS_MAX)?;
        match &self.description {
            Some(description) => check_text("description", description, DESCRIPTION_CHARS_MAX),
            None => Ok(()),
        }
    }
}

/// What ids of draws begin with. An order id must not.
pub const DRAW_PREFIX: &str = "draw-";
/// What ids of gifts begin with. An order id must not.
pub const GIFT_PREFIX: &str = "gift-";

/// A draw of the lottery.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct DrawFacts {
    /// The app.
    pub app_key: AppKey,
    /// `DRAW_PREFIX` and something unique, made by the caller: the idempotency key.
    pub draw_id: OrderId,
    /// Which activity.
    pub event_key: EventKey,
    /// The user who draws, as it was when the draw was accepted.
    pub user_id: UserId,
    /// Made by the merchant's server (protocol notes 12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_key: Option<Token>,
    /// Which behaviour earned the draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior_key: Option<EventKey>,
}

impl DrawFacts {
    /// Checks what the types of the members do not.
    ///
    /// # Errors
    /// INVALID for an id without its prefix.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.draw_id.as_str().len() > DRAW_PREFIX.len()
            && self.draw_id.as_str().starts_with(DRAW_PREFIX)
        {
            return Ok(());
        }
        let text = format!("draw_id must begin with {DRAW_PREFIX:?} and go on");
        Err(Refusal::new(Code::INVALID, text))
    }

    /// The name of the first fact in which two draws with one id differ.
    pub fn difference(&self, other: &DrawFacts) -> Option<&'static str> {
        let differs = [
            ("event_key", self.event_key != other.event_key),
            ("behavior_key", self.behavior_key != other.behavior_key),
            ("user_id", self.user_id != other.user_id),
        ];
        differs.iter().find(|row| row.1).map(|row| row.0)
    }
}

/// A gift that is being taken.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GiftFacts {
    /// The app.
    pub app_key: AppKey,
    /// The platform's record.
    pub gift_id: GiftId,
    /// The user whose gift it is.
    pub user_id: UserId,
    /// Made by the engine for this taking: the platform's `app_order_id`. Whoever holds the
    /// record under another one has been given the gift.
    pub take_id: OrderId,
}

impl GiftFacts {
    /// What `ack` names.
    pub fn id(&self) -> OrderId {
        GiftFacts::id_of(self.gift_id)
    }

    /// What `ack` names when this gift is taken.
    pub fn id_of(gift_id: GiftId) -> OrderId {
        let text = format!("{GIFT_PREFIX}{}", gift_id.get());
        OrderId::new(text).expect("a prefix and at most 19 digits make an order id")
    }
}

impl Facts {
    /// Checks everything that the two id types do not check already.
    pub fn check(&self) -> Result<(), Refusal> {
        let reserved = [DRAW_PREFIX, GIFT_PREFIX];
        if let Some(prefix) = reserved.iter().find(|p| self.order_id.as_str().starts_with(**p)) {
            let text = format!("order_id must not begin with {prefix:?}, which is reserved");
            return Err(Refusal::new(Code::INVALID, text));
        }
        check_text("title", &self.title, TITLE_CHARS_MAX)?;
        if let Some(renewal) = &self.renewal {
            renewal.check(self.amount_fen)?;
        }
        if let Some(id) = &self.subject_id {
            check_text("subject_id", id, SUBJECT_ID_CHARS_MAX)?;
        }
        if let Some(url) = &self.notify_url {
            check_notify_url(url)?;
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
            ("renewal", self.renewal != other.renewal),
        ];
        differs.iter().find(|row| row.1).map(|row| row.0)
    }
}

/// Takes 1 to `chars_max` characters that are safe to show; the refusal names the field.
pub(crate) fn check_text(field: &str, value: &str, chars_max: usize) -> Result<(), Refusal> {
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

/// Whether the platform can be told to send its notifies there.
pub(crate) fn check_notify_url(url: &str) -> Result<(), Refusal> {
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
            renewal: None,
            user_id: None,
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

    fn renewal(interval: Interval, charges: usize) -> Renewal {
        let prices_fen = vec![Fen::new(600).unwrap(); charges];
        Renewal { interval, prices_fen, subject: "monthly pass".into(), description: None }
    }

    #[test]
    fn each_fact_is_refused_by_name() {
        assert_eq!(facts().check(), Ok(()));
        for (interval, most) in [(Interval::Month, 12), (Interval::Season, 4)] {
            for charges in [1, most] {
                let subscribed = Facts { renewal: Some(renewal(interval, charges)), ..facts() };
                assert_eq!(subscribed.check(), Ok(()));
            }
        }
        let long = "宝".repeat(TITLE_CHARS_MAX + 1);
        type Spoil = Box<dyn Fn(&mut Facts)>;
        let cases: Vec<(&str, Spoil)> = vec![
            ("order_id", Box::new(|f| f.order_id = OrderId::new("draw-1").unwrap())),
            ("order_id", Box::new(|f| f.order_id = OrderId::new("gift-1").unwrap())),
            ("prices_fen", Box::new(|f| f.renewal = Some(renewal(Interval::Season, 0)))),
            ("prices_fen", Box::new(|f| f.renewal = Some(renewal(Interval::Season, 5)))),
            ("prices_fen", Box::new(|f| f.renewal = Some(renewal(Interval::Month, 13)))),
            (
                "prices_fen",
                Box::new(|f| {
                    f.renewal = Some(renewal(Interval::Month, 2));
                    f.amount_fen = Fen::new(599).unwrap();
                }),
            ),
            (
                "subject",
                Box::new(|f| {
                    f.renewal =
                        Some(Renewal { subject: String::new(), ..renewal(Interval::Month, 2) })
                }),
            ),
            (
                "description",
                Box::new(|f| {
                    let description = Some("x".repeat(DESCRIPTION_CHARS_MAX + 1));
                    f.renewal = Some(Renewal { description, ..renewal(Interval::Month, 2) })
                }),
            ),
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
