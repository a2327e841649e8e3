//! Everything the Ali side knows. Pure; callers bring the time and call `settle` before they
//! look. What belongs to one subject is in the file of that name.

mod accounts;
mod draws;
mod gifts;
mod notifies;
mod orders;
mod renewals;
mod saved;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::apps::App;
use super::attempts::Attempts;
use super::events::Events;
use super::flow::{Banned, Flows};
use super::gifts::Gifts;
use super::lottery::Lottery;
use super::method::Method;
use super::notifier::Queue;
use super::order::Order;
use super::plans::Plans;
use super::prize::ProductPrize;
use super::rng::Rng;
use super::scenario::Fault;
use super::seed::Seed;
use super::settings::Settings;
use super::users::Users;
use crate::core::award::GiftId;
use crate::limits::{SANDBOX_AHEAD_S_MAX, SANDBOX_CODE_CHARS};

pub use accounts::Asked;
pub use draws::DrawRequest;

/// A business refusal: the code on the wire and its sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Refused {
    /// Such as `ORDER_CONFLICT`.
    pub code: &'static str,
    /// For people.
    pub message: String,
    /// The price that is known for the order, for the echo.
    pub known: bool,
}

impl Refused {
    /// Nothing is known of an order.
    pub fn new(code: &'static str, message: impl Into<String>) -> Refused {
        Refused { code, message: message.into(), known: false }
    }
}

/// What time will do something to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Order(u64),
    Attempt(u64),
    Gift(GiftId),
    Notify(u64),
    /// The next charge of the subscription that this order began.
    Charge(u64),
}

/// The state.
pub struct State {
    /// Counts changes, for whoever saves them.
    pub version: u64,
    /// A whole signed answer that said paid, by app: what an attacker would replay.
    pub paid_answers: HashMap<String, String>,
    /// What a reset goes back to.
    seed: Seed,
    plans: Plans,
    apps: Vec<App>,
    settings: BTreeMap<String, Settings>,
    flows: Flows,
    users: Users,
    attempts: Attempts,
    lottery: Lottery,
    prizes: Vec<ProductPrize>,
    gifts: Gifts,
    events: Events,
    notifies: Queue,
    notify_scale: u32,
    ahead_ms: i64,
    /// The moment that is being looked at.
    now_ms: i64,
    orders: BTreeMap<u64, Order>,
    by_name: HashMap<(String, String), u64>,
    by_code: HashMap<String, u64>,
    /// The later charges of a subscription, oldest first, by `Order::number` of its first order.
    charges: HashMap<u64, Vec<u64>>,
    timers: BTreeSet<(i64, Due)>,
    number_last: u64,
    rng: Rng,
}

impl State {
    /// What the seed says, and nothing else. Secrets that it does not name are made.
    pub fn new(seed: Seed, mut rng: Rng, now_ms: i64) -> State {
        let apps = seed.apps.iter().map(|app| App::new(app, || rng.hex(32))).collect();
        let gifts = Gifts::new(&mut rng);
        let mut state = State {
            version: 0,
            plans: Plans::default(),
            paid_answers: HashMap::new(),
            seed,
            apps,
            settings: BTreeMap::new(),
            flows: Flows::default(),
            users: Users::default(),
            attempts: Attempts::default(),
            lottery: Lottery::default(),
            prizes: Vec::new(),
            gifts,
            events: Events::default(),
            notifies: Queue::default(),
            notify_scale: 1,
            ahead_ms: 0,
            now_ms,
            orders: BTreeMap::new(),
            by_name: HashMap::new(),
            by_code: HashMap::new(),
            charges: HashMap::new(),
            timers: BTreeSet::new(),
            number_last: 0,
            rng,
        };
        state.plant();
        state
    }

    /// Puts into place what the seed sets up.
    fn plant(&mut self) {
        let key = |app: &super::seed::SeedApp| app.app_key.as_str().to_owned();
        self.settings = self.seed.apps.iter().map(|app| (key(app), app.settings.clone())).collect();
        self.users = Users::default();
        for user in self.seed.users.clone() {
            // The seed was checked: there is room, and no number comes twice.
            let _ = self.users.put(user);
        }
        self.lottery = Lottery::default();
        for activity in self.seed.activities.clone() {
            let _ = self.add_activity(activity);
        }
        self.prizes.clear();
        for product in self.seed.prizes.clone() {
            let _ = self.set_product_prize(product);
        }
        self.gifts.clear();
        for gift in self.seed.gifts.clone() {
            let _ = self.lay_out(gift);
        }
        self.events.clear();
    }

    /// Goes back to the seed: forgets orders, attempts, sessions, draws, scenarios and what was
    /// changed, and sets the clock right. Keys and secrets of the apps stay, and no code comes
    /// again; draws are repeated.
    pub fn reset(&mut self) {
        self.orders.clear();
        self.by_name.clear();
        self.by_code.clear();
        self.charges.clear();
        self.timers.clear();
        self.paid_answers.clear();
        self.attempts.clear();
        self.notifies.clear();
        self.plans = Plans::default();
        self.flows.clear();
        self.now_ms -= self.ahead_ms;
        self.ahead_ms = 0;
        self.plant();
        self.note(None, "reset", "everything is as the seed says".into());
    }

    /// The apps.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// An app by its key.
    pub fn app(&self, app_key: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.app_key == app_key)
    }

    /// The settings of an app; those of an unknown one are off.
    pub fn settings(&self, app_key: &str) -> Settings {
        self.settings.get(app_key).cloned().unwrap_or_default()
    }

    /// Counts a call against the limits of its app.
    ///
    /// # Errors
    /// It is not let through.
    pub fn let_through(&mut self, app_key: &str, method: &str, now_ms: i64) -> Result<(), Banned> {
        let Some(settings) = self.settings.get(app_key) else { return Ok(()) };
        self.flows.count(app_key, method, &settings.flow, now_ms)
    }

    /// Changes the settings of an app. New limits are counted from nought.
    pub fn set_settings(&mut self, app_key: &str, settings: Settings) {
        if self.settings.get(app_key).is_some_and(|old| old.flow != settings.flow) {
            self.flows.forget(app_key);
        }
        self.settings.insert(app_key.to_owned(), settings);
        self.note(Some(app_key), "app.settings", "settings were changed".into());
    }

    /// The merchant's name for the payer.
    pub fn merchant(&self, order: &Order) -> String {
        self.app_name(&order.app_key)
    }

    /// An app's name; its key if it is not known.
    pub fn app_name(&self, app_key: &str) -> String {
        self.app(app_key).map_or_else(|| app_key.to_owned(), |app| app.name.clone())
    }

    /// Which scenario comes next.
    pub fn plans(&self) -> &Plans {
        &self.plans
    }

    /// Changes which scenario comes next.
    pub fn plans_mut(&mut self) -> &mut Plans {
        self.version += 1;
        &mut self.plans
    }

    /// What goes wrong with this call, counted as used. `speaks`: it has a session.
    pub fn take_fault(&mut self, method: Method, app_key: &str, speaks: bool) -> Option<Fault> {
        let fault = self.plans.take_call(method, app_key, speaks);
        self.version += u64::from(fault.is_some());
        fault
    }

    /// Users and sessions.
    pub fn users(&self) -> &Users {
        &self.users
    }

    /// Attempts to sign in.
    pub fn attempts(&self) -> &Attempts {
        &self.attempts
    }

    /// Activities and draws.
    pub fn lottery(&self) -> &Lottery {
        &self.lottery
    }

    /// Consumption prizes.
    pub fn prizes(&self) -> &[ProductPrize] {
        &self.prizes
    }

    /// Gift records.
    pub fn gifts(&self) -> &Gifts {
        &self.gifts
    }

    /// What has happened.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// Adds to what has happened. Every change of the state ends here or counts itself.
    fn note(&mut self, app_key: Option<&str>, what: &str, text: String) {
        self.version += 1;
        self.events.add(self.now_ms, app_key, what, text);
    }

    /// How far the sandbox's clock is ahead of the machine's, in milliseconds.
    pub fn ahead_ms(&self) -> i64 {
        self.ahead_ms
    }

    /// Moves the clock on.
    ///
    /// # Errors
    /// It would be more than `SANDBOX_AHEAD_S_MAX` ahead.
    pub fn advance(&mut self, seconds: i64) -> Result<(), String> {
        let ahead_ms = self.ahead_ms.saturating_add(seconds.saturating_mul(1_000));
        if ahead_ms > SANDBOX_AHEAD_S_MAX * 1_000 {
            return Err(format!("the clock would be more than {SANDBOX_AHEAD_S_MAX} s ahead"));
        }
        self.ahead_ms = ahead_ms;
        self.note(None, "clock.advanced", format!("by {seconds} s"));
        Ok(())
    }

    /// Does everything that was due by now, in the order in which it was due.
    pub fn settle(&mut self, now_ms: i64) {
        while let Some(&(due_ms, due)) = self.timers.first() {
            if due_ms > now_ms {
                break;
            }
            self.now_ms = due_ms;
            match due {
                Due::Order(number) => {
                    self.change(number, |order| order.pass_time());
                }
                Due::Attempt(number) => self.expire_attempt(number),
                Due::Gift(gift_id) => self.expire_gift(gift_id),
                Due::Notify(number) => self.ripen_notify(number),
                Due::Charge(first) => self.tell_due(first),
            }
        }
        self.now_ms = now_ms;
    }

    /// When `settle` will have something to do.
    pub fn due_ms(&self) -> Option<i64> {
        self.timers.first().map(|timer| timer.0)
    }

    fn retime(&mut self, due: Due, before: Option<i64>, after: Option<i64>) {
        if before != after {
            before.map(|due_ms| self.timers.remove(&(due_ms, due)));
            after.map(|due_ms| self.timers.insert((due_ms, due)));
        }
    }

    /// A code that no page has.
    fn new_code(&mut self) -> String {
        loop {
            let code = self.rng.code(SANDBOX_CODE_CHARS);
            if !self.by_code.contains_key(&code) && self.attempts.find_code(&code).is_none() {
                return code;
            }
        }
    }
}
