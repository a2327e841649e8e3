//! What the core asks of a gateway, and what a gateway can answer. A gateway cannot wait
//! or repeat: when and how often to ask is decided by `order` and `engine`.

use std::sync::Arc;

use super::award::{Activity, Award, Gift};
use super::code::Code;
use super::facts::{AppKey, DrawFacts, EventKey, Facts, GiftFacts};
use super::report::Profile;
use super::user::{Token, User, UserId};
use crate::money::Fen;

/// Numbers one call of this process. Answers come back under it; never reused.
pub type CallNo = u64;

/// One request to the gateway, made with the credentials of `app_key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Whose credentials sign it.
    pub app_key: AppKey,
    /// Speaks for the user it is about, where it is about one who is signed in.
    pub session: Option<Token>,
    /// What is asked.
    pub ask: Ask,
}

/// The question itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// What time is it at the gateway, and what does it offer? Answered by `Probed`.
    Probe,
    /// Register the order and get a code. The order id makes it idempotent: asked again,
    /// the gateway gives the same code. Answered by `Shown` or `Rejected`.
    Precreate(Arc<Facts>),
    /// Where does the order stand? Held by the gateway up to `wait_s` seconds until
    /// something changes; 0 answers at once. Answered by `Status` or `NoTrade`.
    Query {
        /// The order, and what a genuine answer must agree with.
        facts: Arc<Facts>,
        /// At most `WAIT_S_MAX`, and only if the gateway offered it.
        wait_s: u32,
    },
    /// Make the order unpayable unless it is paid already; never refunds. Answered by
    /// `Status` (what the order is afterwards) or `NoTrade`.
    Close(Arc<Facts>),
    /// What the platform has switched on for the app. Answered by `Profile`.
    Profile,
    /// Make a code to sign in with (no `session`) or to authorise the app with (`session`).
    /// It belongs to this attempt; an older code of the same app is dead. Asked again with
    /// the same attempt, the gateway gives the same code. Answered by `Code` or `Rejected`.
    AuthApply {
        /// Names the attempt; not to be guessed.
        attempt: String,
    },
    /// What became of the attempt? Held like `Query`. Answered by `Auth`.
    AuthQuery {
        /// Which.
        attempt: String,
        /// As in `Query`.
        wait_s: u32,
    },
    /// The player gave up: kill the code. Answered by `Done`; nobody waits for it.
    AuthCancel {
        /// Which.
        attempt: String,
    },
    /// The session is not wanted any more. Answered by `Done`; nobody waits for it.
    SignOut,
    /// Who is it? Answered by `User`.
    UserInfo,
    /// The lotteries of the app, or the one of a key. Answered by `Activities`.
    Activities {
        /// None: all that can be played.
        event_key: Option<EventKey>,
    },
    /// Draw, once for this draw id however often it is asked. Answered by `Drawn` or
    /// `Rejected`.
    Draw(Arc<DrawFacts>),
    /// What came of the draw? Answered by `Drawn`, `Rejected`, or `NoTrade` if the gateway
    /// has not seen the draw id.
    DrawQuery(Arc<DrawFacts>),
    /// Gifts of the user that wait to be taken. Answered by `Gifts`.
    Gifts,
    /// Keep the record for this taking, so that no other one gets it. Repeats harmlessly.
    /// Answered by `Taken` or `Rejected`.
    GiftTake(Arc<GiftFacts>),
    /// The goods are stored: the record is activated. Repeats harmlessly. Answered by `Done`
    /// or `Rejected`.
    GiftMark(Arc<GiftFacts>),
}

/// What came of a call. Whatever is not a verified answer about this very order is
/// `InDoubt`, never a refusal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Reply {
    /// To `Probe`.
    Probed {
        /// The gateway's clock, Unix milliseconds, at the moment of the answer.
        server_ms: i64,
        /// Longest `wait_s` it holds a query for; 0 if it holds none.
        wait_s_max: u32,
    },
    /// To `Precreate`: the code to show.
    Shown {
        /// Checked against the allow-list of the gateway.
        qr_text: String,
        /// Seconds it can be scanned, from now.
        expires_s: u32,
        /// The gateway's clock at the moment of the answer, Unix milliseconds, if it said so.
        server_ms: Option<i64>,
    },
    /// To `Query` and `Close`.
    Status(Trade),
    /// The gateway knows no trade of this number. Before the first scan some gateways
    /// answer so even for a code that can be paid.
    NoTrade,
    /// A verified, definite no: nobody can have paid, nothing was drawn or taken.
    Rejected {
        /// The gateway's code, verbatim.
        code: String,
        /// The gateway's sentence.
        text: String,
    },
    /// To `Profile`.
    Profile(Profile),
    /// To `AuthApply`.
    Code {
        /// Text of the code; a URL that the phone, or a browser of the box, opens.
        qr_text: String,
        /// Seconds it can be used, from now.
        expires_s: u32,
        /// Seconds between two questions about it.
        interval_s: u32,
    },
    /// To `AuthQuery`.
    Auth(AuthStatus),
    /// To `UserInfo`.
    User(User),
    /// To `Activities`.
    Activities(Vec<Activity>),
    /// To `Draw` and `DrawQuery`.
    Drawn(Box<Drawn>),
    /// To `Gifts`.
    Gifts(Vec<Gift>),
    /// To `GiftTake`.
    Taken {
        /// The merchant's item.
        cp_item_id: String,
    },
    /// It was done, or had been.
    Done,
    /// The call's session is not valid any more: the user signed out elsewhere.
    NoSession,
    /// Nothing is known.
    InDoubt(Doubt),
    /// Ask again, but not before this many seconds.
    Throttled {
        /// At most `THROTTLE_S_MAX`.
        after_s: u32,
    },
}

/// What became of an attempt to sign in or to authorise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AuthStatus {
    /// Nobody has opened the code.
    Waiting,
    /// Opened; the user has not decided.
    Scanned,
    /// Signed in. Asked again, the gateway says the same until the code would have run out.
    Granted {
        /// Who.
        user_id: UserId,
        /// Speaks for the user from now on.
        token: Token,
        /// False: signed in, but the app was not authorised.
        authorised: bool,
    },
    /// The user said no.
    Denied,
    /// The code ran out, was killed by a newer one, or was never made.
    Expired,
}

/// What a draw brought.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Drawn {
    /// None: not won.
    pub award: Option<Award>,
    /// Points that the user has left, if the gateway said so.
    pub points_left: Option<i64>,
    /// Free draws that are left, if the gateway said so.
    pub free_left: Option<i64>,
}

/// A verified answer about one order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Trade {
    /// Where it stands.
    pub status: TradeStatus,
    /// The gateway's own number, "" until there is one.
    pub trade_no: String,
    /// Echo of the order's total; the core checks it once more.
    pub amount_fen: Fen,
    /// When it was paid, Unix milliseconds of the gateway's clock.
    pub paid_ms: Option<i64>,
    /// The gateway's clock when it answered, Unix milliseconds, if the answer carries it.
    /// Tells a code that ran out from one that was cancelled.
    pub server_ms: Option<i64>,
    /// What the payer won by paying (consumption lottery).
    pub awards: Vec<Award>,
}

/// Where a trade stands at the gateway (DESIGN.md section 4, "device protocol").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TradeStatus {
    /// There is a code and nobody scanned it.
    NotScanned,
    /// Scanned, not paid (`WAIT_BUYER_PAY`).
    WaitBuyerPay,
    /// Paid and kept.
    Success,
    /// Closed without money.
    Closed,
    /// Paid and given back.
    Refunded,
}

/// Why nothing is known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Doubt {
    /// What kind of trouble.
    pub kind: DoubtKind,
    /// For logs, without secrets.
    pub detail: String,
}

/// The kinds of trouble that leave an outcome unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DoubtKind {
    /// No answer: name, connection, TLS, time-out.
    Network,
    /// An answer that is no usable one: status, length, JSON, an error of the gateway.
    Gateway,
    /// An answer that is not proved to be about this request.
    Signature,
    /// The gateway or its certificate says that our clock is wrong.
    Clock,
}

impl DoubtKind {
    /// The code an UNKNOWN order carries for it.
    pub fn code(self) -> Code {
        match self {
            DoubtKind::Network => Code::NETWORK,
            DoubtKind::Gateway => Code::GATEWAY,
            DoubtKind::Signature => Code::SIGNATURE,
            DoubtKind::Clock => Code::CLOCK,
        }
    }
}

impl Reply {
    /// An `InDoubt` with its detail.
    pub fn in_doubt(kind: DoubtKind, detail: impl Into<String>) -> Reply {
        Reply::InDoubt(Doubt { kind, detail: detail.into() })
    }
}
