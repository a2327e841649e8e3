//! What requests were about. The event that refuses one says no more than its op, and each has
//! a callback of its own for that.

use std::collections::BTreeMap;

use crate::client::{About, Event, Kind, Op};
use crate::core::award::GiftId;
use crate::core::facts::OrderId;

/// A request whose refusal has a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    Auth,
    User,
    Web,
    Activities,
    Draw(OrderId),
    Gifts,
    Gift(GiftId),
}

/// Those that have not ended. The client bounds their number.
#[derive(Default)]
pub struct Asks(BTreeMap<Op, Asked>);

impl Asks {
    /// A request was accepted.
    pub fn note(&mut self, op: Op, asked: Asked) {
        self.0.insert(op, asked);
    }

    /// What an event answers; it is forgotten when nothing more will come under its op.
    pub fn settle(&mut self, event: &Event) -> Option<Asked> {
        if goes_on(event) {
            return self.0.get(&event.op).cloned();
        }
        self.0.remove(&event.op)
    }
}

fn goes_on(event: &Event) -> bool {
    match (event.kind, &event.about) {
        (Kind::Auth, About::Account(account, _)) => {
            account.auth.as_ref().is_some_and(|auth| !auth.phase.is_over())
        }
        _ => false,
    }
}
