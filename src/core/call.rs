//! What the core asks of a gateway, and what a gateway can answer. A gateway cannot wait
//! or repeat: when and how often to ask is decided by `order` and `engine`.

use std::sync::Arc;

use super::code::Code;
use super::facts::{AppKey, Facts};
use crate::money::Fen;

/// Numbers one call of this process. Answers come back under it; never reused.
pub type CallNo = u64;

/// One request to the gateway, made with the credentials of `app_key`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Call {
    /// Whose credentials sign it.
    pub app_key: AppKey,
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
    /// To `Precreate`: a verified, definite no. Nobody can have paid.
    Rejected {
        /// The gateway's code, verbatim.
        code: String,
        /// The gateway's sentence.
        text: String,
    },
    /// Nothing is known.
    InDoubt(Doubt),
    /// Ask again, but not before this many seconds.
    Throttled {
        /// At most `THROTTLE_S_MAX`.
        after_s: u32,
    },
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
