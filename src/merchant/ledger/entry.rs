//! What the ledger holds, as values.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::core::code::Refusal;
use crate::core::facts::{check_notify_url, check_text, Interval, OrderId};
use crate::limits::{SUBJECT_ID_CHARS_MAX, TITLE_CHARS_MAX};
use crate::money::Fen;

use super::LedgerError;

/// An order as the merchant made it, before anybody has paid. The platform's answers are
/// compared with this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOrder {
    /// The merchant's order number.
    pub order_no: OrderId,
    /// What it costs.
    pub price_fen: Fen,
    /// What is bought, as the platform knows it: the `title` of the payment, 1 to
    /// `TITLE_CHARS_MAX` characters.
    pub subject: String,
    /// Product id, 1 to `SUBJECT_ID_CHARS_MAX` characters. None: the platform has none either.
    pub subject_id: Option<String>,
    /// This order is the first charge of a subscription.
    pub plan: Option<Plan>,
    /// This order is a later charge of one.
    pub charge: Option<Charge>,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Plan {
    /// How often it is charged.
    pub interval: Interval,
    /// What each charge costs. The first entry is the price of the first order.
    pub prices_fen: Vec<Fen>,
    /// Name of the subscription, 1 to `TITLE_CHARS_MAX` characters.
    pub subject: String,
    /// Where the platform sends the notifies of later charges.
    pub notify_url: String,
}

/// Which charge of which subscription.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Charge {
    /// Number of the first order: it has the plan.
    pub ref_order_no: OrderId,
    /// 1 for the first charge that the merchant starts.
    pub seq: u32,
}

impl NewOrder {
    /// Checks what its types do not, and not what the ledger has to say.
    ///
    /// # Errors
    /// `Invalid`: names the field and its bound.
    pub fn check(&self) -> Result<(), LedgerError> {
        let checked = check_text("subject", &self.subject, TITLE_CHARS_MAX)
            .and_then(|()| match &self.subject_id {
                Some(id) => check_text("subject_id", id, SUBJECT_ID_CHARS_MAX),
                None => Ok(()),
            })
            .and_then(|()| self.plan.as_ref().map_or(Ok(()), Plan::check));
        checked.map_err(|refusal| LedgerError::Invalid(refusal.message))?;
        let Some(plan) = &self.plan else { return Ok(()) };
        if self.charge.is_some() {
            let why = "an order is the first charge of a subscription or a later one, not both";
            return Err(LedgerError::Invalid(why.into()));
        }
        let (count, most) = (plan.prices_fen.len(), plan.interval.charges_max());
        if count == 0 || count > most {
            let why = format!("prices_fen has {count} entries: allowed are 1 to {most}");
            return Err(LedgerError::Invalid(why));
        }
        if plan.prices_fen[0] != self.price_fen {
            let why = format!("prices_fen begins with {}, not price_fen", plan.prices_fen[0]);
            return Err(LedgerError::Invalid(why));
        }
        Ok(())
    }

    /// The name of the first field in which two orders with one number differ.
    pub(super) fn difference(&self, other: &NewOrder) -> Option<&'static str> {
        let differs = [
            ("price_fen", self.price_fen != other.price_fen),
            ("subject", self.subject != other.subject),
            ("subject_id", self.subject_id != other.subject_id),
            ("plan", self.plan != other.plan),
            ("charge", self.charge != other.charge),
        ];
        differs.iter().find(|row| row.1).map(|row| row.0)
    }
}

impl Plan {
    fn check(&self) -> Result<(), Refusal> {
        check_text("plan.subject", &self.subject, TITLE_CHARS_MAX)?;
        check_notify_url(&self.notify_url)
    }
}

/// What the ledger knows of an order. The module says who moves it where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum OrderState {
    /// Nobody is known to have paid.
    Open,
    /// Paid as agreed. There is a grant.
    Paid,
    /// Nobody can pay any more, or the money went back. Final.
    Closed,
    /// The platform says paid, but not for what was agreed: a person decides.
    Mismatch,
    /// Set aside: nothing starts a question or a charge by itself. A notify is still looked
    /// into, since money may have moved.
    Held,
}

impl OrderState {
    const ALL: [OrderState; 5] = [
        OrderState::Open,
        OrderState::Paid,
        OrderState::Closed,
        OrderState::Mismatch,
        OrderState::Held,
    ];

    /// One lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            OrderState::Open => "open",
            OrderState::Paid => "paid",
            OrderState::Closed => "closed",
            OrderState::Mismatch => "mismatch",
            OrderState::Held => "held",
        }
    }

    pub(super) fn parse(text: &str) -> Option<OrderState> {
        OrderState::ALL.into_iter().find(|state| state.name() == text)
    }

    /// Paid or closed: the platform need not be asked, and a notify is answered `success`.
    pub fn is_final(self) -> bool {
        matches!(self, OrderState::Paid | OrderState::Closed)
    }
}

/// What became of the goods of a paid order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum GrantState {
    /// Not known to be handed out.
    Due {
        /// How often handing them out has failed.
        tries: u32,
        /// Not before this moment, Unix milliseconds.
        due_ms: i64,
    },
    /// Handed out.
    Delivered {
        /// When that was written down, Unix milliseconds.
        delivered_ms: i64,
    },
}

/// One order of the ledger. Times are Unix milliseconds by the clock of whoever wrote them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The merchant's order number.
    pub order_no: OrderId,
    /// What it costs.
    pub price_fen: Fen,
    /// What is bought.
    pub subject: String,
    /// Product id, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// The subscription whose first charge this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
    /// The later charge that this is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<Charge>,
    /// What is known of it.
    pub state: OrderState,
    /// Alipay's number of the trade, once the platform named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trade_no: Option<String>,
    /// Masked account of the payer, once the platform named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_logon_id: Option<String>,
    /// When it was registered.
    pub created_ms: i64,
    /// When the platform was asked last by ourselves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asked_ms: Option<i64>,
    /// Since when a notify about it waits for an answer of the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hinted_ms: Option<i64>,
    /// When we learned that somebody has paid: the platform does not tell when he did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_ms: Option<i64>,
    /// When we learned that it was closed, after a payment: that the money went back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_ms: Option<i64>,
    /// When it left `Open` and `Held`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub settled_ms: Option<i64>,
    /// The goods; none unless it was paid as agreed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantState>,
    /// Of a mismatch, of a hold, or of the last trouble in handing out the goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Entry {
    /// What was registered.
    pub fn facts(&self) -> NewOrder {
        NewOrder {
            order_no: self.order_no.clone(),
            price_fen: self.price_fen,
            subject: self.subject.clone(),
            subject_id: self.subject_id.clone(),
            plan: self.plan.clone(),
            charge: self.charge.clone(),
        }
    }

    /// Somebody paid and got it back.
    pub fn is_refunded(&self) -> bool {
        self.state == OrderState::Closed && (self.paid_ms.is_some() || self.trade_no.is_some())
    }
}

/// What `register` found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registered {
    /// It was not there.
    New,
    /// It was there with the same facts.
    Known,
}

/// What an answer of the platform meant to an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    /// It is paid, and this call made the grant.
    Granted(GrantId),
    /// It was paid before; its grant is there.
    Already,
    /// Nobody has paid yet.
    Waiting,
    /// It is closed: nobody will pay, or the money went back.
    Closed,
    /// Paid, but this field is not as agreed, or the answer is about another order
    /// (`partner_order_no`). Nothing is granted.
    Mismatch {
        /// The platform's name of the field.
        field: &'static str,
    },
    /// The ledger has no such order.
    Unknown,
}

const GRANT_PREFIX: &str = "grant-";

/// Names a grant for ever: `grant-` and the order number. Whoever hands out goods keeps it
/// with them, so that a grant that comes twice is seen.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantId(OrderId);

impl GrantId {
    /// The grant of an order.
    pub fn of(order_no: &OrderId) -> GrantId {
        GrantId(order_no.clone())
    }

    /// Reads what `Display` wrote.
    pub fn parse(text: &str) -> Option<GrantId> {
        OrderId::new(text.strip_prefix(GRANT_PREFIX)?).ok().map(GrantId)
    }

    /// The order.
    pub fn order_no(&self) -> &OrderId {
        &self.0
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{GRANT_PREFIX}{}", self.0)
    }
}

impl Serialize for GrantId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// Goods that wait to be handed out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// The same each time it comes.
    pub grant_id: GrantId,
    /// The order, paid.
    pub entry: Entry,
    /// How often handing it out has failed.
    pub tries: u32,
}

/// Which orders to list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Which.
    pub which: Which,
    /// How many at most; more than `LEDGER_LIST_MAX` is as much as that.
    pub limit: usize,
    /// Only those that were registered before this one: the last of the page before.
    pub before: Option<OrderId>,
}

/// A set of orders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Every order.
    All,
    /// Open or held: the platform may have news.
    NotFinal,
    /// Those in one state.
    State(OrderState),
    /// Paid as agreed, goods not known to be handed out.
    PaidNotGranted,
    /// There is a grant, and the money went back.
    GrantedNotPaid,
}

impl Filter {
    /// The newest of some orders.
    pub fn newest(which: Which, limit: usize) -> Filter {
        Filter { which, limit, before: None }
    }
}
