//! What the engine must not lose: an order, a draw or a gift that is being taken. Each is a
//! machine of its own; here is what they have in common.

use super::facts::AppKey;
use super::order::{Now, Order};
use super::record::{Key, Record};
use super::report::{ItemReport, State};
use super::step::{self, Input, Output};
use super::user::UserId;

/// An item. `apply` and `step` are the only ways it changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// A payment.
    Order(Order),
}

impl Item {
    /// The item that begins with this record; none if no item does.
    pub(super) fn begin(record: &Record) -> Option<Item> {
        match record {
            Record::Intent { facts, created_ms } => {
                Some(Item::Order(Order::new(facts.clone(), *created_ms)))
            }
            _ => None,
        }
    }

    /// Whether another item may be begun under its name: a gift that could not be had may be
    /// tried again.
    pub(super) fn gives_way(&self) -> bool {
        match self {
            Item::Order(_) => false,
        }
    }

    /// Its name in the journal.
    pub fn key(&self) -> Key {
        match self {
            Item::Order(order) => order.key(),
        }
    }

    /// Whose it is.
    pub(super) fn app_key(&self) -> &AppKey {
        match self {
            Item::Order(order) => &order.facts().app_key,
        }
    }

    /// The user it is about and stays about, if it is about one.
    pub(super) fn user_id(&self) -> Option<&UserId> {
        match self {
            Item::Order(_) => None,
        }
    }

    /// The state that is told.
    pub fn state(&self) -> State {
        match self {
            Item::Order(order) => order.state(),
        }
    }

    /// A final state whose ack is missing.
    pub fn is_unacked(&self) -> bool {
        match self {
            Item::Order(order) => order.is_unacked(),
        }
    }

    /// The last answer was no answer.
    pub(super) fn is_in_doubt(&self) -> bool {
        match self {
            Item::Order(order) => order.doubt.is_some(),
        }
    }

    /// There is a code that may be scanned.
    pub(super) fn is_shown(&self) -> bool {
        match self {
            Item::Order(order) => order.is_shown(),
        }
    }

    /// Of the last thing told.
    pub(super) fn sequence(&self) -> u64 {
        match self {
            Item::Order(order) => order.sequence,
        }
    }

    /// Unix milliseconds by the box's clock since when nothing is left to do for it.
    pub(super) fn settled_since_ms(&self) -> Option<i64> {
        match self {
            Item::Order(order) => order.acked_since_ms(),
        }
    }

    /// Folds one record in. `Err` means that the journal contradicts itself.
    pub(super) fn apply(&mut self, record: &Record) -> Result<(), String> {
        match self {
            Item::Order(order) => order.apply(record),
        }
    }

    /// The shortest records that fold into this item.
    pub(super) fn records(&self) -> Vec<Record> {
        match self {
            Item::Order(order) => order.records(),
        }
    }

    /// The item as it stands.
    pub fn report(&self, now: &Now) -> ItemReport {
        match self {
            Item::Order(order) => ItemReport::Order(order.report(now)),
        }
    }

    /// Moves it.
    pub(super) fn step(&mut self, input: Input, now: &Now, out: &mut Vec<Output>) {
        match self {
            Item::Order(order) => step::step(order, input, now, out),
        }
    }

    /// Boot milliseconds of the next moment at which `Input::Tick` does something.
    pub(super) fn wake_at(&self) -> Option<u64> {
        match self {
            Item::Order(order) => step::wake_at(order),
        }
    }
}
