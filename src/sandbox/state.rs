//! Everything the Ali side knows: apps, orders, scenarios and its clock. Pure; callers
//! bring the time and call `settle` before they look.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::apps::App;
use super::order::{Made, Order};
use super::plans::Plans;
use super::rng::Rng;
use super::scenario::Play;
use crate::limits::{SANDBOX_AHEAD_S_MAX, SANDBOX_CODE_CHARS, SANDBOX_ORDERS_MAX};
use crate::wire::device::{PrecreateData, ORDER_CONFLICT, SYSTEM_ERROR};

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

/// The state.
pub struct State {
    /// Counts changes, for whoever saves them.
    pub version: u64,
    /// A whole signed answer that said paid, by app: what an attacker would replay.
    pub paid_answers: HashMap<String, String>,
    plans: Plans,
    apps: Vec<App>,
    ahead_ms: i64,
    orders: BTreeMap<u64, Order>,
    by_name: HashMap<(String, String), u64>,
    by_code: HashMap<String, u64>,
    timers: BTreeSet<(i64, u64)>,
    number_last: u64,
    rng: Rng,
}

/// What of the state is written to a file.
#[derive(Serialize, Deserialize)]
#[serde(bound(deserialize = "O: Deserialize<'de>, P: Deserialize<'de>"))]
pub struct Saved<O, P> {
    format: u32,
    apps: Vec<App>,
    ahead_ms: i64,
    number_last: u64,
    rng_counter: u64,
    plans: P,
    orders: Vec<O>,
}

/// What `State::restore` takes.
pub type Restored = Saved<Order, Plans>;

const FORMAT: u32 = 1;

impl State {
    /// No orders, and the two demo apps.
    pub fn new(mut rng: Rng) -> State {
        let apps = App::demo(&mut rng);
        State {
            version: 0,
            plans: Plans::default(),
            paid_answers: HashMap::new(),
            apps,
            ahead_ms: 0,
            orders: BTreeMap::new(),
            by_name: HashMap::new(),
            by_code: HashMap::new(),
            timers: BTreeSet::new(),
            number_last: 0,
            rng,
        }
    }

    /// The state as it was saved.
    ///
    /// # Errors
    /// The file is of another format or contradicts itself.
    pub fn restore(saved: Restored, mut rng: Rng) -> Result<State, String> {
        if saved.format != FORMAT {
            return Err(format!("format is {}, this program reads {FORMAT}", saved.format));
        }
        if saved.apps.iter().any(|app| app.secret().is_none()) {
            return Err("an app_secret is not a secret".into());
        }
        rng.skip_to(saved.rng_counter);
        let mut state = State::new(rng);
        state.apps = saved.apps;
        state.ahead_ms = saved.ahead_ms;
        state.plans = saved.plans;
        for order in saved.orders {
            if order.number > saved.number_last || state.orders.contains_key(&order.number) {
                return Err(format!("order {:?} is out of place", order.data.partner_order_no));
            }
            state.insert(order);
        }
        state.number_last = saved.number_last;
        Ok(state)
    }

    /// What `restore` takes, as JSON.
    pub fn save(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&Saved::<&Order, &Plans> {
            format: FORMAT,
            apps: self.apps.clone(),
            ahead_ms: self.ahead_ms,
            number_last: self.number_last,
            rng_counter: self.rng.counter(),
            plans: &self.plans,
            orders: self.orders.values().collect(),
        })
    }

    /// The apps.
    pub fn apps(&self) -> &[App] {
        &self.apps
    }

    /// An app by its key.
    pub fn app(&self, app_key: &str) -> Option<&App> {
        self.apps.iter().find(|app| app.app_key == app_key)
    }

    /// The merchant's name for the payer.
    pub fn merchant(&self, order: &Order) -> String {
        self.app(&order.app_key).map_or_else(|| order.app_key.clone(), |app| app.name.clone())
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
        self.version += 1;
        Ok(())
    }

    /// Does everything that was due by now, in the order in which it was due.
    pub fn settle(&mut self, now_ms: i64) {
        while let Some(&(due_ms, number)) = self.timers.first() {
            if due_ms > now_ms {
                return;
            }
            self.change(number, |order| order.pass_time());
        }
    }

    /// When `settle` will have something to do.
    pub fn due_ms(&self) -> Option<i64> {
        self.timers.first().map(|timer| timer.0)
    }

    /// Forgets all orders and scenarios and sets the clock right. Apps stay.
    pub fn reset(&mut self) {
        self.orders.clear();
        self.by_name.clear();
        self.by_code.clear();
        self.timers.clear();
        self.paid_answers.clear();
        self.plans = Plans::default();
        self.ahead_ms = 0;
        self.version += 1;
    }

    /// The orders, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Order> {
        self.orders.values().rev()
    }

    /// How many orders there are.
    pub fn order_count(&self) -> usize {
        self.orders.len()
    }

    /// An order by its app and the merchant's number.
    pub fn find(&self, app_key: &str, partner_order_no: &str) -> Option<&Order> {
        let name = (app_key.to_owned(), partner_order_no.to_owned());
        self.orders.get(self.by_name.get(&name)?)
    }

    /// An order by the code of its page, in either case.
    pub fn find_code(&self, code: &str) -> Option<&Order> {
        self.orders.get(self.by_code.get(&code.to_ascii_uppercase())?)
    }

    /// An order by `Order::number`.
    pub fn get(&self, number: u64) -> Option<&Order> {
        self.orders.get(&number)
    }

    /// Changes an order and keeps its timer right. None if there is no such order.
    pub fn change<R>(&mut self, number: u64, act: impl FnOnce(&mut Order) -> R) -> Option<R> {
        let order = self.orders.get_mut(&number)?;
        let before = order.due_ms();
        let result = act(order);
        let after = order.due_ms();
        if before != after {
            before.map(|due_ms| self.timers.remove(&(due_ms, number)));
            after.map(|due_ms| self.timers.insert((due_ms, number)));
        }
        self.version += 1;
        Some(result)
    }

    /// Registers an order, or finds the one that was registered under this number.
    ///
    /// # Errors
    /// Other facts under the same number, no room, or a scenario that refuses.
    pub fn precreate(
        &mut self,
        app_key: &str,
        data: &PrecreateData,
        now_ms: i64,
    ) -> Result<u64, Refused> {
        if let Some(order) = self.find(app_key, &data.partner_order_no) {
            return match difference(&order.data, data) {
                None => Ok(order.number),
                Some(field) => {
                    let message = format!("{field} differs from the order of this number");
                    Err(Refused { code: ORDER_CONFLICT, message, known: true })
                }
            };
        }
        self.make_room()?;
        let setting = self.plans.take(app_key, &data.partner_order_no);
        self.version += 1;
        if setting.play.play() == Play::Refused {
            let message = "the scenario precreate.refused".into();
            return Err(Refused { code: "ORDER_REFUSED", message, known: false });
        }
        let made = self.make();
        let number = made.number;
        self.insert(Order::new(app_key, data.clone(), setting, made, now_ms));
        Ok(number)
    }

    fn make(&mut self) -> Made {
        self.number_last += 1;
        let mut code = self.rng.code(SANDBOX_CODE_CHARS);
        while self.by_code.contains_key(&code) {
            code = self.rng.code(SANDBOX_CODE_CHARS);
        }
        let trade_no = format!("2088{}{:08}", self.rng.digits(16), self.number_last);
        Made { number: self.number_last, code, form_token: self.rng.hex(32), trade_no }
    }

    fn make_room(&mut self) -> Result<(), Refused> {
        if self.orders.len() < SANDBOX_ORDERS_MAX {
            return Ok(());
        }
        let finished = self.orders.values().find(|order| !order.is_open());
        let Some(number) = finished.map(|order| order.number) else {
            let message = format!("{SANDBOX_ORDERS_MAX} orders are open");
            return Err(Refused { code: SYSTEM_ERROR, message, known: false });
        };
        if let Some(order) = self.orders.remove(&number) {
            self.by_code.remove(&order.code);
            self.by_name.remove(&(order.app_key, order.data.partner_order_no));
        }
        Ok(())
    }

    fn insert(&mut self, order: Order) {
        let number = order.number;
        let name = (order.app_key.clone(), order.data.partner_order_no.clone());
        self.by_name.insert(name, number);
        self.by_code.insert(order.code.clone(), number);
        self.timers.extend(order.due_ms().map(|due_ms| (due_ms, number)));
        self.orders.insert(number, order);
    }
}

/// The first fact that makes two orders of one number different. The lifetime is none.
fn difference(old: &PrecreateData, new: &PrecreateData) -> Option<&'static str> {
    let differs = [
        ("price", old.price != new.price),
        ("subject", old.subject != new.subject),
        ("subject_id", old.subject_id != new.subject_id),
        ("partner_notify_url", old.partner_notify_url != new.partner_notify_url),
    ];
    differs.iter().find(|row| row.1).map(|row| row.0)
}

#[cfg(test)]
mod tests {
    use super::super::scenario::{Scenario, Setting};
    use super::*;
    use crate::money::Fen;
    use crate::wire::device::OrderStatus;

    const APP: &str = "23012345";

    fn state() -> State {
        State::new(Rng::new(Some(1)).unwrap())
    }

    fn data(number: &str) -> PrecreateData {
        PrecreateData {
            partner_order_no: number.into(),
            subject: "60 gems".into(),
            subject_id: None,
            price: Fen::new(600).unwrap(),
            partner_notify_url: None,
            expires_s: None,
            renewal: None,
        }
    }

    fn play(state: &mut State, scenario: &str) {
        let setting = Setting::of(Scenario::parse(scenario).unwrap());
        state.plans_mut().set_lasting(None, setting);
    }

    fn status(state: &State, number: u64) -> OrderStatus {
        state.get(number).unwrap().status
    }

    #[test]
    fn the_same_facts_give_the_same_order_and_others_are_refused() {
        let mut state = state();
        let first = state.precreate(APP, &data("A"), 0).unwrap();
        let mut again = data("A");
        again.expires_s = Some(60);
        assert_eq!(state.precreate(APP, &again, 9).unwrap(), first);
        assert_ne!(state.precreate("23012346", &data("A"), 0).unwrap(), first);
        for (field, spoil) in [
            ("price", (|d| d.price = Fen::new(601).unwrap()) as fn(&mut PrecreateData)),
            ("subject", |d| d.subject.push('x')),
            ("subject_id", |d| d.subject_id = Some("x".into())),
            ("partner_notify_url", |d| d.partner_notify_url = Some("http://h/".into())),
        ] {
            let mut other = data("A");
            spoil(&mut other);
            let refused = state.precreate(APP, &other, 0).unwrap_err();
            assert_eq!(refused.code, ORDER_CONFLICT);
            assert!(refused.message.starts_with(&format!("{field} ")), "{refused:?}");
        }
    }

    #[test]
    fn time_expires_an_open_order_and_leaves_a_paid_one() {
        let mut state = state();
        let open = state.precreate(APP, &data("A"), 0).unwrap();
        let paid = state.precreate(APP, &data("B"), 0).unwrap();
        state.change(paid, |order| order.pay(5)).unwrap().unwrap();
        state.settle(299_999);
        assert_eq!(status(&state, open), OrderStatus::NotScanned);
        state.settle(300_000);
        assert_eq!(status(&state, open), OrderStatus::TradeClosed);
        assert_eq!(status(&state, paid), OrderStatus::TradeSuccess);
        assert_eq!(state.due_ms(), None);
        assert!(state.change(open, |order| order.pay(1)).unwrap().is_err());
    }

    #[test]
    fn a_scripted_payer_acts_at_his_times_even_if_the_clock_jumps_past_them() {
        for (scenario, end, paid_ms) in [
            ("success", OrderStatus::TradeSuccess, Some(1_000)),
            ("success.slow", OrderStatus::TradeSuccess, Some(30_000)),
            ("scanned", OrderStatus::TradeClosed, None),
            ("cancel.buyer", OrderStatus::TradeClosed, None),
            ("balance_insufficient", OrderStatus::TradeClosed, None),
            ("expire", OrderStatus::TradeClosed, None),
        ] {
            let mut state = state();
            play(&mut state, scenario);
            let number = state.precreate(APP, &data("A"), 0).unwrap();
            state.settle(1_000_000);
            assert_eq!(status(&state, number), end, "{scenario}");
            assert_eq!(state.get(number).unwrap().paid_ms, paid_ms, "{scenario}");
        }
    }

    #[test]
    fn a_close_kills_at_once_unless_the_payer_is_faster() {
        for (scenario, end) in [
            ("manual", OrderStatus::TradeClosed),
            ("success_after_cancel", OrderStatus::TradeSuccess),
        ] {
            let mut state = state();
            play(&mut state, scenario);
            let number = state.precreate(APP, &data("A"), 0).unwrap();
            state.change(number, |order| order.close_by_box(7)).unwrap();
            assert_eq!(status(&state, number), end);
            state.change(number, |order| order.close_by_box(8)).unwrap();
            assert_eq!(status(&state, number), end);
        }
    }

    #[test]
    fn a_full_house_forgets_the_oldest_finished_order_only() {
        let mut state = state();
        for n in 0..SANDBOX_ORDERS_MAX {
            state.precreate(APP, &data(&format!("A{n}")), 0).unwrap();
        }
        assert_eq!(state.precreate(APP, &data("B"), 0).unwrap_err().code, SYSTEM_ERROR);
        let number = state.find(APP, "A5").unwrap().number;
        state.change(number, |order| order.pay(1)).unwrap().unwrap();
        state.precreate(APP, &data("B"), 0).unwrap();
        assert!(state.find(APP, "A5").is_none() && state.find(APP, "A0").is_some());
        assert_eq!(state.order_count(), SANDBOX_ORDERS_MAX);
    }

    #[test]
    fn what_was_saved_is_restored() {
        let mut state = state();
        play(&mut state, "success.slow");
        let number = state.precreate(APP, &data("A"), 0).unwrap();
        state.advance(60).unwrap();
        let saved = serde_json::from_slice(&state.save().unwrap()).unwrap();
        let mut back = State::restore(saved, Rng::new(Some(1)).unwrap()).unwrap();
        assert_eq!((back.apps(), back.ahead_ms()), (state.apps(), 60_000));
        assert_eq!(back.find(APP, "A").unwrap().code, state.get(number).unwrap().code);
        back.settle(30_000);
        assert_eq!(status(&back, number), OrderStatus::TradeSuccess);
        let next = back.precreate(APP, &data("B"), 0).unwrap();
        assert_ne!(back.get(next).unwrap().code, back.get(number).unwrap().code);
    }

    #[test]
    fn a_file_that_is_none_of_ours_is_refused() {
        let text = String::from_utf8(state().save().unwrap()).unwrap();
        let other = text.replacen("\"format\":1", "\"format\":2", 1);
        let saved = serde_json::from_str(&other).unwrap();
        assert!(State::restore(saved, Rng::new(None).unwrap()).err().unwrap().contains("format"));
    }
}
