//! The state in a file.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::super::apps::App;
use super::super::attempts::Attempts;
use super::super::events::Events;
use super::super::gifts::Gifts;
use super::super::lottery::Lottery;
use super::super::notifier::{Item, Queue};
use super::super::order::Order;
use super::super::plans::Plans;
use super::super::prize::ProductPrize;
use super::super::rng::Rng;
use super::super::seed::Seed;
use super::super::settings::Settings;
use super::super::users::Users;
use super::{Due, State};

/// What of the state is written to a file.
#[derive(Serialize, Deserialize)]
struct Saved<'a> {
    format: u32,
    seed: Cow<'a, Seed>,
    apps: Cow<'a, [App]>,
    settings: Cow<'a, BTreeMap<String, Settings>>,
    ahead_ms: i64,
    number_last: u64,
    rng_counter: u64,
    plans: Cow<'a, Plans>,
    users: Cow<'a, Users>,
    attempts: Cow<'a, Attempts>,
    lottery: Cow<'a, Lottery>,
    prizes: Cow<'a, [ProductPrize]>,
    gifts: Cow<'a, Gifts>,
    events: Cow<'a, Events>,
    notifies: Cow<'a, Queue>,
    orders: Vec<Cow<'a, Order>>,
}

/// The number of the file's format, alone.
#[derive(Deserialize)]
struct Format {
    format: u32,
}

const FORMAT: u32 = 3;

impl State {
    /// Reads what `save` wrote. With a `seed`, that is what a reset goes back to from then on,
    /// and its apps are the apps; those that were known keep their secrets.
    ///
    /// # Errors
    /// The text is of another format or contradicts itself.
    pub fn restore(text: &[u8], seed: Option<Seed>, mut rng: Rng) -> Result<State, String> {
        let wrong = |error: serde_json::Error| error.to_string();
        let Format { format } = serde_json::from_slice(text).map_err(wrong)?;
        if format != FORMAT {
            return Err(format!("format is {format}, this program reads {FORMAT}"));
        }
        let saved: Saved = serde_json::from_slice(text).map_err(wrong)?;
        if saved.apps.iter().any(|app| app.secret().is_none() || app.gift_secret().is_none()) {
            return Err("an app_secret or a gift_secret is not a secret".into());
        }
        if saved.apps.iter().any(|app| app.public_key.is_some() != app.public_key().is_some()) {
            return Err("a public_key is not a public RSA key".into());
        }
        rng.skip_to(saved.rng_counter);
        let seed = seed.unwrap_or_else(|| saved.seed.into_owned());
        let mut state = State::new(seed, rng, 0);
        state.keep_secrets(&saved.apps);
        state.settings.extend(saved.settings.into_owned());
        state.ahead_ms = saved.ahead_ms;
        state.plans = saved.plans.into_owned();
        state.users = saved.users.into_owned();
        state.attempts = saved.attempts.into_owned();
        state.lottery = saved.lottery.into_owned();
        state.prizes = saved.prizes.into_owned();
        state.gifts = saved.gifts.into_owned();
        state.events = saved.events.into_owned();
        state.notifies = saved.notifies.into_owned();
        state.timers.clear();
        for order in saved.orders {
            if order.number > saved.number_last || state.orders.contains_key(&order.number) {
                return Err(format!("order {:?} is out of place", order.data.partner_order_no));
            }
            state.insert(order.into_owned());
        }
        state.number_last = saved.number_last;
        state.set_timers();
        Ok(state)
    }

    fn set_timers(&mut self) {
        let attempts = self.attempts.newest();
        let attempts = attempts.filter_map(|a| Some((a.due_ms()?, Due::Attempt(a.number))));
        let gifts = self.gifts.newest();
        let gifts = gifts.filter_map(|gift| Some((gift.due_ms()?, Due::Gift(gift.gift_id))));
        let notifies = self.notifies.newest();
        let due = |item: &Item| Some((item.timer_ms()?, Due::Notify(item.number)));
        let firsts = self.orders.values().filter(|order| order.agreement.is_some());
        let charges = firsts.filter_map(|order| {
            Some((self.charge_due_ms(order.number)?, Due::Charge(order.number)))
        });
        let timers: Vec<(i64, Due)> =
            attempts.chain(gifts).chain(notifies.filter_map(due)).chain(charges).collect();
        self.timers.extend(timers);
    }

    /// An app that was known keeps its secret, unless the seed names one.
    fn keep_secrets(&mut self, known: &[App]) {
        for (app, seed) in self.apps.iter_mut().zip(&self.seed.apps) {
            if let Some(old) = known.iter().find(|old| old.app_key == app.app_key) {
                *app = App::new(seed, || old.app_secret.clone());
            }
        }
    }

    /// What `restore` takes.
    pub fn save(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Saved {
            format: FORMAT,
            seed: Cow::Borrowed(&self.seed),
            apps: Cow::Borrowed(&self.apps),
            settings: Cow::Borrowed(&self.settings),
            ahead_ms: self.ahead_ms,
            number_last: self.number_last,
            rng_counter: self.rng.counter(),
            plans: Cow::Borrowed(&self.plans),
            users: Cow::Borrowed(&self.users),
            attempts: Cow::Borrowed(&self.attempts),
            lottery: Cow::Borrowed(&self.lottery),
            prizes: Cow::Borrowed(&self.prizes),
            gifts: Cow::Borrowed(&self.gifts),
            events: Cow::Borrowed(&self.events),
            notifies: Cow::Borrowed(&self.notifies),
            orders: self.orders.values().map(Cow::Borrowed).collect(),
        })
    }
}
