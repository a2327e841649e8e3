//! What the engine must not lose: an order, a draw or a gift that is being taken. Each is a
//! machine of its own; here is what they have in common.

use super::draw::{self, Draw};
use super::facts::{AppKey, GiftFacts};
use super::gift::{self, Taking};
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
    /// A draw of the lottery.
    Draw(Draw),
    /// A gift.
    Gift(Taking),
}

impl Item {
    /// The item that begins with this record; none if no item does.
    pub(super) fn begin(record: &Record) -> Option<Item> {
        match record {
            Record::Intent { facts, created_ms } => {
                Some(Item::Order(Order::new(facts.clone(), *created_ms)))
            }
            Record::DrawIntent { facts, created_ms } => {
                Some(Item::Draw(Draw::new(facts.clone(), *created_ms)))
            }
            Record::GiftIntent { facts, created_ms } => {
                Some(Item::Gift(Taking::new(facts.clone(), *created_ms)))
            }
            _ => None,
        }
    }

    /// Its name in the journal.
    pub fn key(&self) -> Key {
        match self {
            Item::Order(order) => order.key(),
            Item::Draw(draw) => draw.key(),
            Item::Gift(taking) => taking.key(),
        }
    }

    /// Whose it is.
    pub(super) fn app_key(&self) -> &AppKey {
        match self {
            Item::Order(order) => &order.facts().app_key,
            Item::Draw(draw) => &draw.facts().app_key,
            Item::Gift(taking) => &taking.facts().app_key,
        }
    }

    /// The user it is about and stays about, if it is about one.
    pub(super) fn user_id(&self) -> Option<&UserId> {
        match self {
            Item::Order(order) => order.facts().user_id.as_ref(),
            Item::Draw(draw) => Some(&draw.facts().user_id),
            Item::Gift(taking) => Some(&taking.facts().user_id),
        }
    }

    /// The state that is told.
    pub fn state(&self) -> State {
        match self {
            Item::Order(order) => order.state(),
            Item::Draw(draw) => draw.state(),
            Item::Gift(taking) => taking.state(),
        }
    }

    /// A final state whose ack is missing.
    pub fn is_unacked(&self) -> bool {
        match self {
            Item::Order(order) => order.is_unacked(),
            Item::Draw(draw) => draw.is_unacked(),
            Item::Gift(taking) => taking.is_unacked(),
        }
    }

    /// The last answer was no answer.
    pub(super) fn is_in_doubt(&self) -> bool {
        match self {
            Item::Order(order) => order.in_doubt(),
            Item::Draw(draw) => draw.in_doubt(),
            Item::Gift(taking) => taking.in_doubt(),
        }
    }

    /// There is a code that may be scanned.
    pub(super) fn is_shown(&self) -> bool {
        match self {
            Item::Order(order) => order.is_shown(),
            Item::Draw(_) | Item::Gift(_) => false,
        }
    }

    /// Of the last thing told.
    pub(super) fn sequence(&self) -> u64 {
        match self {
            Item::Order(order) => order.sequence,
            Item::Draw(draw) => draw.sequence(),
            Item::Gift(taking) => taking.sequence(),
        }
    }

    /// Unix milliseconds by the box's clock since when nothing is left to do for it.
    pub(super) fn settled_since_ms(&self) -> Option<i64> {
        match self {
            Item::Order(order) => order.acked_since_ms(),
            Item::Draw(draw) => draw.acked_since_ms(),
            Item::Gift(taking) => taking.settled_since_ms(),
        }
    }

    /// Folds one record in. `Err` means that the journal contradicts itself.
    pub(super) fn apply(&mut self, record: &Record) -> Result<(), String> {
        match self {
            Item::Order(order) => order.apply(record),
            Item::Draw(draw) => draw.apply(record),
            Item::Gift(taking) => taking.apply(record),
        }
    }

    /// The shortest records that fold into this item.
    pub(super) fn records(&self) -> Vec<Record> {
        match self {
            Item::Order(order) => order.records(),
            Item::Draw(draw) => draw.records(),
            Item::Gift(taking) => taking.records(),
        }
    }

    /// The item as it stands.
    pub fn report(&self, now: &Now) -> ItemReport {
        match self {
            Item::Order(order) => ItemReport::Order(order.report(now)),
            Item::Draw(draw) => ItemReport::Draw(draw.report(now)),
            Item::Gift(taking) => ItemReport::Gift(taking.report(now)),
        }
    }

    /// Begins the taking of a gift anew that failed and was acked; nothing for others.
    pub(super) fn retake(&mut self, facts: GiftFacts, now: &Now, out: &mut Vec<Output>) {
        if let Item::Gift(taking) = self {
            gift::retake(taking, facts, now, out);
        }
    }

    /// Moves it.
    pub(super) fn step(&mut self, input: Input, now: &Now, out: &mut Vec<Output>) {
        match self {
            Item::Order(order) => step::step(order, input, now, out),
            Item::Draw(draw) => draw::step(draw, input, now, out),
            Item::Gift(taking) => gift::step(taking, input, now, out),
        }
    }

    /// Boot milliseconds of the next moment at which `Input::Tick` does something.
    pub(super) fn wake_at(&self) -> Option<u64> {
        match self {
            Item::Order(order) => step::wake_at(order),
            Item::Draw(draw) => draw::wake_at(draw),
            Item::Gift(taking) => gift::wake_at(taking),
        }
    }
}
