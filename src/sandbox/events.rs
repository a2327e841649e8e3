//! What has happened, for people: a bounded list of lines.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::limits::SANDBOX_EVENTS_MAX;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Grows by one with each.
    pub number: u64,
    /// The sandbox's clock, Unix milliseconds.
    pub at_ms: i64,
    /// At which app; none if it concerns none.
    pub app_key: Option<String>,
    /// What, such as `order.paid`.
    pub what: String,
    /// A sentence, in English.
    pub text: String,
}

/// The newest `SANDBOX_EVENTS_MAX` events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Events {
    number_last: u64,
    ring: VecDeque<Event>,
}

impl Events {
    /// Adds an event; the oldest makes room.
    pub fn add(&mut self, at_ms: i64, app_key: Option<&str>, what: &str, text: String) {
        self.number_last += 1;
        if self.ring.len() >= SANDBOX_EVENTS_MAX {
            self.ring.pop_front();
        }
        let app_key = app_key.map(str::to_owned);
        self.ring.push_back(Event {
            number: self.number_last,
            at_ms,
            app_key,
            what: what.to_owned(),
            text,
        });
    }

    /// Forgets them; the numbers go on.
    pub fn clear(&mut self) {
        self.ring.clear();
    }

    /// The events, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Event> {
        self.ring.iter().rev()
    }
}
