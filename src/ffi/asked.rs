//! What requests were about. The event that refuses one says no more than its op, and each has
//! a callback of its own for that.

use std::collections::BTreeMap;

use crate::client::{About, Event, Op};
use crate::core::award::GiftId;
use crate::core::facts::OrderId;
use crate::core::report::{AccountReport, WebReport};

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
pub struct Asks {
    by_op: BTreeMap<Op, Asked>,
    /// Pages that were asked for and are open. What others open is not for this client to show.
    pages: Vec<String>,
}

impl Asks {
    /// A request was accepted.
    pub fn note(&mut self, op: Op, asked: Asked) {
        self.by_op.insert(op, asked);
    }

    /// What an event answers; it is forgotten when nothing more will come of it.
    pub fn settle(&mut self, event: &Event) -> Option<Asked> {
        match &event.about {
            About::Account(account, _) if goes_on(account) => self.by_op.get(&event.op).cloned(),
            About::Web(web) => self.settle_page(event.op, web),
            _ => self.by_op.remove(&event.op),
        }
    }

    fn settle_page(&mut self, op: Op, web: &WebReport) -> Option<Asked> {
        let asked = self.by_op.remove(&op);
        let known = self.pages.iter().position(|page| *page == web.web_id);
        match known {
            Some(at) if !web.open => {
                self.pages.swap_remove(at);
                Some(Asked::Web)
            }
            None if web.open && asked.is_some() => {
                self.pages.push(web.web_id.clone());
                asked
            }
            _ => asked,
        }
    }
}

fn goes_on(account: &AccountReport) -> bool {
    account.auth.as_ref().is_some_and(|auth| !auth.phase.is_over())
}
