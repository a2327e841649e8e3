//! The members of params: each name once, what it may hold, and how to read it. The document
//! of `openrpc` is written from the same table.

use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::proto::{RpcError, INVALID_PARAMS};
use crate::limits::{
    AMOUNT_FEN_MAX, AMOUNT_FEN_MIN, APP_KEY_BYTES_MAX, CLIENT_NAME_CHARS_MAX,
    DESCRIPTION_CHARS_MAX, EVENT_KEY_BYTES_MAX, EXPIRES_S_MAX, EXPIRES_S_MIN, NOTIFY_URL_BYTES_MAX,
    ORDERS_LIST_MAX, ORDER_ID_BYTES_MAX, RENEWAL_MONTHS_MAX, SECRET_BYTES_MAX,
    SUBJECT_ID_CHARS_MAX, TITLE_CHARS_MAX, TOKEN_BYTES_MAX, WEB_ID_BYTES_MAX, WEB_OPEN_S_MAX,
    WEB_OPEN_S_MIN, WEB_PARAMS_MAX, WEB_PARAM_VALUE_BYTES_MAX,
};

/// What a member may hold. The kind decides between -32602 and a code: a value of the kind that
/// is out of its bounds is INVALID or STRING.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// So many characters, no control characters.
    Text {
        /// At least.
        min: usize,
        /// At most.
        max: usize,
    },
    /// Text that fits a pattern, with an example; so many characters, all ASCII.
    Pattern {
        /// As in JSON Schema: unanchored unless it says so.
        pattern: &'static str,
        /// At most.
        max: usize,
        /// A value that the daemon takes.
        example: &'static str,
    },
    /// An integer. `max` of `None`: up to 2^64 - 1.
    Integer {
        /// At least.
        min: i64,
        /// At most.
        max: Option<i64>,
    },
    /// True or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
    /// `[oldest, newest]`.
    Versions,
    /// Amounts in fen, one for each charge.
    Prices,
    /// Names and texts.
    Texts,
}

impl fmt::Display for Shape {
    /// What follows "must be" in a refusal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Text { .. } | Shape::Pattern { .. } => f.write_str("a string"),
            Shape::Integer { min, max: Some(max) } => write!(f, "an integer of {min} to {max}"),
            Shape::Integer { min, max: None } => write!(f, "an integer of {min} or more"),
            Shape::Flag => f.write_str("true or false"),
            Shape::Word(words) => {
                let (last, first) = words.split_last().unwrap_or((&"", &[]));
                let first: Vec<String> = first.iter().map(|word| format!("{word:?}")).collect();
                write!(f, "{} or {last:?}", first.join(", "))
            }
            Shape::Versions => f.write_str("[oldest, newest], two integers"),
            Shape::Prices => {
                write!(f, "an array of integers of {AMOUNT_FEN_MIN} to {AMOUNT_FEN_MAX}")
            }
            Shape::Texts => f.write_str("an object of strings"),
        }
    }
}

/// One member.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// Its name.
    pub name: &'static str,
    /// What it may hold.
    pub shape: Shape,
    /// What it says, for a reader of the document.
    pub about: &'static str,
}

macro_rules! members {
    ($($name:ident: $shape:expr, $about:literal;)*) => {
        /// The members of one request, as they came. Others are ignored, null is absent.
        #[derive(Default, Deserialize)]
        pub struct Members<'a> {
            $(#[doc = $about] #[serde(borrow, default)] pub $name: Option<&'a RawValue>,)*
        }

        /// All members that methods of protocol 1 know.
        pub const MEMBERS: &[Member] =
            &[$(Member { name: stringify!($name), shape: $shape, about: $about },)*];
    };
}

/// Printable ASCII.
const fn ascii(max: usize, example: &'static str) -> Shape {
    Shape::Pattern { pattern: "^[!-~]+$", max, example }
}

/// An integer of so much to so much.
const fn range(min: i64, max: i64) -> Shape {
    Shape::Integer { min, max: Some(max) }
}

const APP_KEY: Shape =
    Shape::Pattern { pattern: "^[A-Za-z0-9_]+$", max: APP_KEY_BYTES_MAX, example: "23012345" };
const ORDER_ID: Shape =
    Shape::Pattern { pattern: "^[A-Za-z0-9_-]+$", max: ORDER_ID_BYTES_MAX, example: "A1" };
const DRAW_ID: Shape =
    Shape::Pattern { pattern: "^draw-[A-Za-z0-9_-]+$", max: ORDER_ID_BYTES_MAX, example: "draw-1" };
const GIFT_ID: Shape = Shape::Pattern { pattern: "^[1-9][0-9]*$", max: 19, example: "7" };
const URL: Shape = Shape::Pattern {
    pattern: "^https?://[!-~]+$",
    max: NOTIFY_URL_BYTES_MAX,
    example: "https://shop.example/notify",
};

members! {
    app_key: APP_KEY, "The app; needed only by a caller that may act for several.";
    order_id: ORDER_ID,
        "The order, made and stored by the caller before it asks. In ack also a draw or a gift.";
    title: Shape::Text { min: 1, max: TITLE_CHARS_MAX }, "What the payer reads.";
    amount_fen: range(AMOUNT_FEN_MIN, AMOUNT_FEN_MAX), "Total.";
    subject_id: Shape::Text { min: 1, max: SUBJECT_ID_CHARS_MAX }, "The merchant's product.";
    notify_url: URL, "Where the platform tells the merchant's server.";
    expires_s: range(EXPIRES_S_MIN as i64, EXPIRES_S_MAX as i64), "Wanted lifetime of the code.";
    subject: Shape::Text { min: 1, max: TITLE_CHARS_MAX }, "Name of the subscription.";
    interval: Shape::Word(&["month", "season"]), "How often the subscription is charged.";
    prices_fen: Shape::Prices, "What each charge costs, this one first; by season at most 4.";
    description: Shape::Text { min: 1, max: DESCRIPTION_CHARS_MAX },
        "What the subscriber is entitled to.";
    sequence: Shape::Integer { min: 0, max: None }, "Of the report that was handled.";
    which: Shape::Word(&["unfinished", "open", "unacked", "all"]),
        "Which orders; unfinished if absent.";
    limit: range(1, ORDERS_LIST_MAX as i64), "At most so many orders.";
    client: Shape::Text { min: 0, max: CLIENT_NAME_CHARS_MAX }, "Name and version of the caller.";
    protocol: Shape::Versions, "Oldest and newest version that the caller speaks.";
    token: ascii(SECRET_BYTES_MAX, "token-of-the-app"),
        "Content of the app's token file, where one user runs all games.";
    level: Shape::Word(&["error", "warn", "info", "debug"]), "Lines up to this; info if absent.";
    change: Shape::Flag, "Sign in anew even if somebody is signed in.";
    kind: Shape::Word(&["start", "custom", "exit"]), "Which page.";
    params: Shape::Texts, "Added to the page's URL as a query.";
    timeout_s: range(WEB_OPEN_S_MIN as i64, WEB_OPEN_S_MAX as i64),
        "The page counts as closed after this; 600 if absent.";
    web_id: ascii(WEB_ID_BYTES_MAX, "5eb63bbbe01eeed093cb22bb8f5acdc3"), "Which opening of a page.";
    event_key: ascii(EVENT_KEY_BYTES_MAX, "spring"), "Which lottery.";
    draw_id: DRAW_ID, "The draw, made and stored by the caller before it asks.";
    confirm_key: ascii(TOKEN_BYTES_MAX, "by-the-merchant"),
        "Made by the merchant's server, where the lottery wants one.";
    behavior_key: ascii(EVENT_KEY_BYTES_MAX, "daily"),
        "Which behaviour earned the draw, where the lottery wants one.";
    gift_id: GIFT_ID, "Out of gift.list.";
}

/// Bounds of the shapes that stand for themselves.
pub const PRICES_MAX: usize = RENEWAL_MONTHS_MAX;
/// See `PRICES_MAX`.
pub const TEXTS_MAX: usize = WEB_PARAMS_MAX;
/// See `PRICES_MAX`.
pub const TEXT_BYTES_MAX: usize = WEB_PARAM_VALUE_BYTES_MAX;

/// A value of a member, or the refusal that names it.
pub type Checked<T> = Result<T, RpcError>;

/// The member of that name.
pub fn member(name: &str) -> Option<&'static Member> {
    MEMBERS.iter().find(|member| member.name == name)
}

impl<'a> Members<'a> {
    /// Takes the object apart; absent is the same as `{}`.
    pub fn read(raw: Option<&'a RawValue>) -> Checked<Members<'a>> {
        let Some(raw) = raw else { return Ok(Members::default()) };
        if !raw.get().starts_with('{') {
            return Err(refusal("params must be an object".into()));
        }
        serde_json::from_str(raw.get()).map_err(|error| refusal(format!("params: {error}")))
    }
}

/// Reads a member that must be there.
pub fn needed<'a, T: Deserialize<'a>>(name: &str, raw: Option<&'a RawValue>) -> Checked<T> {
    optional(name, raw)?.ok_or_else(|| wrong(name))
}

/// Reads a member that may be absent. The refusal does not quote the value: it may be long, or
/// a token.
pub fn optional<'a, T: Deserialize<'a>>(
    name: &str,
    raw: Option<&'a RawValue>,
) -> Checked<Option<T>> {
    let read = raw.map(|raw| serde_json::from_str(raw.get())).transpose();
    read.map_err(|_| wrong(name))
}

fn wrong(name: &str) -> RpcError {
    let shape = member(name).map_or("of another kind".into(), |m| m.shape.to_string());
    refusal(format!("{name} must be {shape}"))
}

fn refusal(message: String) -> RpcError {
    RpcError { code: INVALID_PARAMS, message, data: None }
}
