//! Orders: registered by boxes, paid on phones.

use super::super::order::{status_name, Made, Order};
use super::super::prize::{self, ProductPrize};
use super::super::renewal;
use super::super::scenario::Play;
use super::{Due, Refused, State};
use crate::core::facts::Interval;
use crate::core::user::UserId;
use crate::limits::SANDBOX_ORDERS_MAX;
use crate::money::Fen;
use crate::wire::device::{OrderStatus, PrecreateData, ORDER_CONFLICT, SYSTEM_ERROR};

impl State {
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

    /// The same, of what a box registered: a charge is none of its business.
    pub fn find_of_box(&self, app_key: &str, partner_order_no: &str) -> Option<&Order> {
        self.find(app_key, partner_order_no).filter(|order| order.charge.is_none())
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
        let first = self.first_of(number);
        let charge_before = first.and_then(|first| self.charge_due_ms(first));
        let order = self.orders.get_mut(&number)?;
        let before = (order.due_ms(), order.status);
        let result = act(order);
        let after = (order.due_ms(), order.status);
        self.retime(Due::Order(number), before.0, after.0);
        if let Some(first) = first {
            let charge_after = self.charge_due_ms(first);
            self.retime(Due::Charge(first), charge_before, charge_after);
        }
        self.version += 1;
        if before.1 != after.1 {
            if after.1 == OrderStatus::TradeSuccess {
                self.draw_prize(number);
            }
            self.note_order(number);
            self.notify_order(number);
        }
        Some(result)
    }

    fn note_order(&mut self, number: u64) {
        let Some(order) = self.orders.get(&number) else { return };
        let what = match order.status {
            OrderStatus::NotScanned => "order.created",
            OrderStatus::WaitBuyerPay => "order.scanned",
            OrderStatus::TradeSuccess => "order.paid",
            OrderStatus::TradeClosed => "order.closed",
            OrderStatus::TradeRefunded => "order.refunded",
        };
        let mut text = format!("{}: {}", order.data.partner_order_no, status_name(order.status));
        if let Some(user_id) = order.payer.as_ref().filter(|_| order.paid_ms.is_some()) {
            text.push_str(&format!(", payer {}", user_id.as_str()));
        }
        if let Some(charge) = &order.charge {
            text.push_str(&format!(", charge {} of {}", charge.seq, charge.ref_order_no));
        }
        for award in &order.awards {
            text.push_str(&format!(", won {}", award.name));
        }
        let app_key = order.app_key.clone();
        self.note(Some(&app_key), what, text);
    }

    /// Says who pays an order, before it is paid. False: there is no such user or order, or it
    /// is over.
    pub fn set_payer(&mut self, number: u64, user_id: &str) -> bool {
        let Some(user) = self.users.get(user_id).map(|user| user.user_id.clone()) else {
            return false;
        };
        match self.orders.get_mut(&number).filter(|order| order.is_open()) {
            Some(order) => order.payer = Some(user),
            None => return false,
        }
        self.version += 1;
        true
    }

    /// A payer who is known may win something with the product.
    fn draw_prize(&mut self, number: u64) {
        // A payer who is charged by the merchant's server is not there to win anything.
        let order = self.orders.get(&number).filter(|order| order.charge.is_none());
        let Some(order) = order else { return };
        let (Some(payer), Some(subject_id)) = (&order.payer, &order.data.subject_id) else {
            return;
        };
        let (app_key, payer) = (order.app_key.clone(), payer.clone());
        let fits = |p: &ProductPrize| p.app_key == app_key && p.subject_id == *subject_id;
        let Some(at) = self.prizes.iter().position(fits) else { return };
        let mut chance = self.chance(&format!("product {app_key} {subject_id}"));
        let product = &mut self.prizes[at];
        let drawn = prize::draw(&mut product.awards, product.lose_weight, &mut chance);
        let Some(prize) = drawn.cloned() else { return };
        self.orders.entry(number).and_modify(|order| order.awards.push(prize.award(true)));
        self.hand_out(&app_key, &payer, &prize);
    }

    /// Registers an order, or finds the one that was registered under this number.
    ///
    /// # Errors
    /// Other facts under the same number, a subscription that is not allowed, no room, or a
    /// scenario that refuses.
    pub fn precreate(
        &mut self,
        app_key: &str,
        data: &PrecreateData,
        payer: Option<UserId>,
        now_ms: i64,
    ) -> Result<u64, Refused> {
        if let Some(order) = self.find(app_key, &data.partner_order_no) {
            return match difference(order, data) {
                None => Ok(order.number),
                Some(field) => {
                    let message = format!("{field} differs from the order of this number");
                    Err(Refused { known: true, ..Refused::new(ORDER_CONFLICT, message) })
                }
            };
        }
        renewal::check_first(data, &self.settings(app_key))?;
        self.make_room()?;
        let setting = self.plans.take(app_key, &data.partner_order_no);
        self.version += 1;
        if setting.play.play() == Play::Refused {
            let message = "the scenario precreate.refused";
            return Err(Refused::new("ORDER_REFUSED", message));
        }
        let made = self.make();
        let number = made.number;
        let order = Order::new(app_key, data.clone(), setting, made, now_ms);
        self.insert(Order { payer, ..order });
        self.note_order(number);
        self.forge_notify(number);
        Ok(number)
    }

    pub(super) fn make(&mut self) -> Made {
        self.number_last += 1;
        let code = self.new_code();
        let trade_no = format!("2088{}{:08}", self.rng.digits(16), self.number_last);
        Made { number: self.number_last, code, form_token: self.rng.hex(32), trade_no }
    }

    /// Forgets the oldest finished order if there are too many. One that a subscription still
    /// needs stays.
    pub(super) fn make_room(&mut self) -> Result<(), Refused> {
        if self.orders.len() < SANDBOX_ORDERS_MAX {
            return Ok(());
        }
        let finished = |order: &&Order| !order.is_open() && !self.is_needed(order);
        let Some(number) = self.orders.values().find(finished).map(|order| order.number) else {
            let message = format!("{SANDBOX_ORDERS_MAX} orders are open or of live subscriptions");
            return Err(Refused::new(SYSTEM_ERROR, message));
        };
        if let Some(order) = self.orders.remove(&number) {
            self.by_code.remove(&order.code);
            self.forget_charge(&order);
            self.by_name.remove(&(order.app_key, order.data.partner_order_no));
        }
        Ok(())
    }

    pub(super) fn insert(&mut self, order: Order) {
        let number = order.number;
        let name = (order.app_key.clone(), order.data.partner_order_no.clone());
        self.by_name.insert(name, number);
        self.by_code.insert(order.code.clone(), number);
        self.timers.extend(order.due_ms().map(|due_ms| (due_ms, Due::Order(number))));
        let first = order.charge.as_ref().map(|charge| charge.first);
        let charge_before = first.and_then(|first| self.charge_due_ms(first));
        self.orders.insert(number, order);
        if let Some(first) = first {
            self.charges.entry(first).or_default().push(number);
            let charge_after = self.charge_due_ms(first);
            self.retime(Due::Charge(first), charge_before, charge_after);
        }
    }
}

fn prices(data: &PrecreateData) -> Option<&[Fen]> {
    data.renewal.as_ref().map(|renewal| renewal.prices.as_slice())
}

fn interval(data: &PrecreateData) -> Option<Interval> {
    data.renewal.as_ref().map(|renewal| renewal.interval)
}

/// The first fact that makes two orders of one number different. The lifetime is none.
fn difference(order: &Order, new: &PrecreateData) -> Option<&'static str> {
    let old = &order.data;
    let differs = [
        ("renewal", order.charge.is_some()),
        ("price", old.price != new.price),
        ("subject", old.subject != new.subject),
        ("subject_id", old.subject_id != new.subject_id),
        ("partner_notify_url", old.partner_notify_url != new.partner_notify_url),
        ("price_list", prices(old) != prices(new)),
        ("interval", interval(old) != interval(new)),
        ("renewal", old.renewal != new.renewal),
    ];
    differs.iter().find(|row| row.1).map(|row| row.0)
}

#[cfg(test)]
mod tests {
    use super::super::super::rng::Rng;
    use super::super::super::scenario::{Scenario, Setting};
    use super::super::super::seed::Seed;
    use super::*;

    const APP: &str = "23012345";

    fn state() -> State {
        State::new(Seed::default(), Rng::new(Some(1)).unwrap(), 0)
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
        let first = state.precreate(APP, &data("A"), None, 0).unwrap();
        let mut again = data("A");
        again.expires_s = Some(60);
        assert_eq!(state.precreate(APP, &again, None, 9).unwrap(), first);
        assert_ne!(state.precreate("23012346", &data("A"), None, 0).unwrap(), first);
        for (field, spoil) in [
            ("price", (|d| d.price = Fen::new(601).unwrap()) as fn(&mut PrecreateData)),
            ("subject", |d| d.subject.push('x')),
            ("subject_id", |d| d.subject_id = Some("x".into())),
            ("partner_notify_url", |d| d.partner_notify_url = Some("http://h/".into())),
        ] {
            let mut other = data("A");
            spoil(&mut other);
            let refused = state.precreate(APP, &other, None, 0).unwrap_err();
            assert_eq!(refused.code, ORDER_CONFLICT);
            assert!(refused.message.starts_with(&format!("{field} ")), "{refused:?}");
        }
    }

    #[test]
    fn time_expires_an_open_order_and_leaves_a_paid_one() {
        let mut state = state();
        let open = state.precreate(APP, &data("A"), None, 0).unwrap();
        let paid = state.precreate(APP, &data("B"), None, 0).unwrap();
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
            let number = state.precreate(APP, &data("A"), None, 0).unwrap();
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
            let number = state.precreate(APP, &data("A"), None, 0).unwrap();
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
            state.precreate(APP, &data(&format!("A{n}")), None, 0).unwrap();
        }
        assert_eq!(state.precreate(APP, &data("B"), None, 0).unwrap_err().code, SYSTEM_ERROR);
        let number = state.find(APP, "A5").unwrap().number;
        state.change(number, |order| order.pay(1)).unwrap().unwrap();
        state.precreate(APP, &data("B"), None, 0).unwrap();
        assert!(state.find(APP, "A5").is_none() && state.find(APP, "A0").is_some());
        assert_eq!(state.order_count(), SANDBOX_ORDERS_MAX);
    }

    #[test]
    fn what_was_saved_is_restored() {
        let mut state = state();
        play(&mut state, "success.slow");
        let number = state.precreate(APP, &data("A"), None, 0).unwrap();
        state.advance(60).unwrap();
        let saved = state.save().unwrap();
        let mut back = State::restore(&saved, None, Rng::new(Some(1)).unwrap()).unwrap();
        assert_eq!((back.apps(), back.ahead_ms()), (state.apps(), 60_000));
        assert_eq!(back.find(APP, "A").unwrap().code, state.get(number).unwrap().code);
        back.settle(30_000);
        assert_eq!(status(&back, number), OrderStatus::TradeSuccess);
        let next = back.precreate(APP, &data("B"), None, 0).unwrap();
        assert_ne!(back.get(next).unwrap().code, back.get(number).unwrap().code);
    }

    #[test]
    fn a_file_that_is_none_of_ours_is_refused() {
        let text = String::from_utf8(state().save().unwrap()).unwrap();
        for other in [text.replacen("\"format\":3", "\"format\":1", 1), "{}".into()] {
            let restored = State::restore(other.as_bytes(), None, Rng::new(None).unwrap());
            assert!(restored.err().unwrap().contains("format"));
        }
    }
}
