//! One subscription: its first order, and the charges that were taken for it since.

use serde::{Deserialize, Serialize};

use super::super::order::Order;
use crate::money::Fen;
use crate::wire::device::{OrderStatus, RenewalData};
use crate::wire::time;

const DAY_MS: i64 = 86_400_000;

/// What is known of a subscription beyond its orders. Its first order holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// When the user ended it.
    pub ended_ms: Option<i64>,
    /// Every deduction is refused.
    pub pay_fail: bool,
    /// Most that its charges may come to, the first one included; the sum of its list unless
    /// set.
    pub cap_fen: Option<Fen>,
    /// The newest charge of which it was told that it is due.
    pub told_due: u32,
}

/// Which charge of which subscription an order is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeOf {
    /// The merchant's number of the first order.
    pub ref_order_no: String,
    /// `Order::number` of the first order.
    pub first: u64,
    /// 1 for the first charge that the merchant's server took.
    pub seq: u32,
}

/// Where a subscription stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its first order waits to be paid.
    Created,
    /// It can be charged when it is due.
    Active,
    /// Every price of its list was taken.
    Finished,
    /// The user has ended the agreement.
    Cancelled,
    /// Its first order was never paid, or the money went back.
    Closed,
}

impl Standing {
    /// All of them, with the word for scripts.
    pub const NAMES: [(Standing, &'static str); 5] = [
        (Standing::Created, "CREATED"),
        (Standing::Active, "ACTIVE"),
        (Standing::Finished, "FINISHED"),
        (Standing::Cancelled, "CANCELLED"),
        (Standing::Closed, "CLOSED"),
    ];

    /// The word for scripts.
    pub fn name(self) -> &'static str {
        Standing::NAMES.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// Whether something can still be taken for it.
    pub fn is_live(self) -> bool {
        matches!(self, Standing::Created | Standing::Active)
    }
}

/// The charge that comes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Its number.
    pub seq: u32,
    /// What it costs.
    pub price: Fen,
    /// When it falls due, Unix milliseconds.
    pub due_ms: i64,
}

impl Next {
    /// From when on it may be taken, if `early_days` days early are allowed.
    pub fn allowed_ms(&self, early_days: u32) -> i64 {
        self.due_ms.saturating_sub(i64::from(early_days) * DAY_MS)
    }
}

/// A subscription as a whole.
pub struct Thread<'a> {
    /// The order that began it.
    pub first: &'a Order,
    /// What was agreed.
    pub terms: &'a RenewalData,
    /// See there.
    pub agreement: Agreement,
    /// The later charges, oldest first; those that were closed unpaid are among them.
    pub charges: Vec<&'a Order>,
}

impl<'a> Thread<'a> {
    /// None: the order is a plain one.
    pub fn new(first: &'a Order, charges: Vec<&'a Order>) -> Option<Thread<'a>> {
        let (terms, agreement) = (first.data.renewal.as_ref()?, first.agreement?);
        Some(Thread { first, terms, agreement, charges })
    }

    /// Where it stands.
    pub fn standing(&self) -> Standing {
        match self.first.status {
            OrderStatus::NotScanned | OrderStatus::WaitBuyerPay => Standing::Created,
            OrderStatus::TradeClosed | OrderStatus::TradeRefunded => Standing::Closed,
            OrderStatus::TradeSuccess if self.agreement.ended_ms.is_some() => Standing::Cancelled,
            OrderStatus::TradeSuccess if self.price(self.last_seq() + 1).is_none() => {
                Standing::Finished
            }
            OrderStatus::TradeSuccess => Standing::Active,
        }
    }

    /// The newest charge that was taken; 0 is the first order. One that was given back
    /// afterwards was taken all the same.
    pub fn last_seq(&self) -> u32 {
        let taken = self.charges.iter().filter(|order| order.paid_ms.is_some());
        taken.filter_map(|order| Some(order.charge.as_ref()?.seq)).max().unwrap_or(0)
    }

    /// The charge that waits for its payer, if there is one.
    pub fn open(&self) -> Option<&'a Order> {
        self.charges.iter().copied().find(|order| order.is_open())
    }

    /// What charge `seq` costs; none if the list is not as long.
    pub fn price(&self, seq: u32) -> Option<Fen> {
        self.terms.prices.get(usize::try_from(seq).ok()?).copied()
    }

    /// What comes next. None: nothing ever will.
    pub fn next(&self) -> Option<Next> {
        let seq = self.last_seq() + 1;
        let price = self.price(seq).filter(|_| self.standing() == Standing::Active)?;
        Some(Next { seq, price, due_ms: self.due_ms(seq)? })
    }

    /// When charge `seq` falls due. None: the first order is not paid.
    pub fn due_ms(&self, seq: u32) -> Option<i64> {
        let months = seq.saturating_mul(self.terms.interval.months());
        Some(time::due_ms(self.first.paid_ms?, months))
    }

    /// What was taken and not given back, the first order included.
    pub fn taken_fen(&self) -> i64 {
        let orders = self.charges.iter().chain([&self.first]);
        let kept = orders.filter(|order| order.status == OrderStatus::TradeSuccess);
        kept.map(|order| order.data.price.get()).sum()
    }

    /// Most that may be taken in all.
    pub fn cap_fen(&self) -> i64 {
        let list = || self.terms.prices.iter().map(|price| price.get()).sum();
        self.agreement.cap_fen.map_or_else(list, Fen::get)
    }
}
