//! What became of one call: a verdict for the sender, everything else for the log.

use std::fmt;
use std::net::IpAddr;

use crate::core::call::Doubt;
use crate::merchant::ledger::LedgerError;
use crate::wire::blocks::BlocksError;
use crate::wire::notify::NotifyError;

/// All that the sender may learn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The order is final, and that is on the device: do not send again.
    Success,
    /// Anything else, for whatever reason: send again.
    Fail,
}

impl Verdict {
    /// The whole body of the answer. Its status is 200 either way, so that failures differ
    /// from each other in nothing.
    pub fn body(self) -> &'static str {
        match self {
            Verdict::Success => "success",
            Verdict::Fail => "fail",
        }
    }
}

/// Why a notify got its verdict. Not for the sender.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Our own question found it paid as agreed, and this call made the grant.
    Granted,
    /// It was known to be paid.
    AlreadyPaid,
    /// Nobody can pay any more, or the money went back.
    Closed,
    /// The source is not on the allow-list.
    NotAllowed,
    /// The source calls too often.
    TooFast,
    /// There is no `data` to decrypt.
    NoData(NotifyError),
    /// `data` is no text that was encrypted to this key.
    NotEncrypted(BlocksError),
    /// What was decrypted is no notify. Most often the sender has another key.
    NotANotify(NotifyError),
    /// No such order was registered. The platform was not asked.
    UnknownOrder,
    /// Nobody has paid, as the platform says, or as the notify itself does.
    Unpaid,
    /// The platform knows no such order.
    NotFound,
    /// Paid, but not as agreed: the platform's name of the field, or what the ledger has
    /// about it. A person decides.
    Mismatch(String),
    /// The platform was asked about this order a moment ago: `tick` asks again.
    CoolDown,
    /// Too many questions at once, or the copy that asks takes long: `tick` asks again.
    Busy,
    /// The platform wants no questions at the moment: `tick` asks again.
    Limited,
    /// The platform refused our question: a word of its, and its sentence.
    Refused(String, String),
    /// The platform gave no answer that can be believed: `tick` asks again.
    InDoubt(Doubt),
    /// The ledger failed. Nothing was promised.
    Ledger(LedgerError),
}

impl Outcome {
    /// What the sender is told.
    pub fn verdict(&self) -> Verdict {
        match self {
            Outcome::Granted | Outcome::AlreadyPaid | Outcome::Closed => Verdict::Success,
            _ => Verdict::Fail,
        }
    }

    /// Somebody should look into it, since waiting does not mend it.
    pub fn is_alarm(&self) -> bool {
        matches!(self, Outcome::Mismatch(_) | Outcome::Refused(..) | Outcome::Ledger(_))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Outcome::Granted => write!(f, "paid; granted"),
            Outcome::AlreadyPaid => write!(f, "paid, as is known"),
            Outcome::Closed => write!(f, "closed"),
            Outcome::NotAllowed => write!(f, "refused: the source is not on the allow-list"),
            Outcome::TooFast => write!(f, "refused: the source calls too often"),
            Outcome::NoData(why) => write!(f, "refused: {why}"),
            Outcome::NotEncrypted(why) => write!(f, "refused: {why}"),
            Outcome::NotANotify(why) => {
                write!(f, "refused: {why}; does the platform have this key's public half?")
            }
            Outcome::UnknownOrder => write!(f, "refused: no such order was registered"),
            Outcome::Unpaid => write!(f, "nobody has paid"),
            Outcome::NotFound => write!(f, "the platform has no such order"),
            Outcome::Mismatch(what) => {
                write!(f, "paid, but not as agreed ({what}); a person has to decide")
            }
            Outcome::CoolDown => write!(f, "asked a moment ago; asks again soon"),
            Outcome::Busy => write!(f, "too many questions at once; asks again soon"),
            Outcome::Limited => write!(f, "the platform wants no questions now; asks again later"),
            Outcome::Refused(code, message) => {
                write!(f, "the platform refused our question: {code} {message}")
            }
            Outcome::InDoubt(doubt) => {
                write!(f, "no answer to our question: {}; asks again soon", doubt.detail)
            }
            Outcome::Ledger(error) => write!(f, "{error}"),
        }
    }
}

/// One call, for the log. Its text is one line without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who called; none for a question of `tick`.
    pub source: Option<IpAddr>,
    /// What became of it.
    pub outcome: Outcome,
    /// The order that it named, as far as it could be read: up to `ORDER_ID_BYTES_MAX` bytes
    /// of anything.
    pub order_no: Option<String>,
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.source {
            Some(source) => write!(f, "notify from {source}")?,
            None => write!(f, "waiting notify")?,
        }
        if let Some(order_no) = &self.order_no {
            write!(f, ", order {order_no:?}")?;
        }
        write!(f, ": {}", self.outcome)
    }
}
