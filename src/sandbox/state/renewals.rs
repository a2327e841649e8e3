//! Subscriptions: what merchants' servers charge, and what their users allow.

use super::super::order::{ClosedBy, Order};
use super::super::renewal::{self, Agreement, Charge, ChargeOf, Standing, Thread};
use super::super::scenario::{Deduction, Scenario, Setting};
use super::{Refused, State};
use crate::limits::SANDBOX_CHARGE_WAIT_MS;
use crate::wire::device::PrecreateData;
use crate::wire::partner::{RenewalCode, RenewalForm};

impl State {
    /// The subscription that an order began, by `Order::number`.
    pub fn thread(&self, first: u64) -> Option<Thread<'_>> {
        let numbers = self.charges.get(&first).map_or(&[][..], Vec::as_slice);
        let charges = numbers.iter().filter_map(|number| self.orders.get(number)).collect();
        Thread::new(self.orders.get(&first)?, charges)
    }

    /// All subscriptions, newest first.
    pub fn threads(&self) -> impl Iterator<Item = Thread<'_>> {
        let firsts = self.orders.values().rev().filter(|order| order.agreement.is_some());
        firsts.filter_map(|order| self.thread(order.number))
    }

    /// Takes a charge that a merchant's server asks for, and gives its order's number. Asked
    /// again under the same number it takes nothing; a deduction that was refused leaves no
    /// order, and so its number is free.
    ///
    /// # Errors
    /// The first rule of protocol notes 5 that is broken, or there is no room.
    pub fn renew(
        &mut self,
        app_key: &str,
        form: &RenewalForm,
        now_ms: i64,
    ) -> Result<u64, Refused> {
        let settings = self.settings(app_key);
        if let Some(known) = self.find(app_key, &form.partner_order_no) {
            return match renewal::check_repeat(known, form) {
                Ok(()) => Ok(known.number),
                Err(other) => renewal::check_app(&settings).and(Err(other)),
            };
        }
        let first = self.find(app_key, &form.ref_order_no).map(|order| order.number);
        let thread = first.and_then(|first| self.thread(first));
        let charge = renewal::check(form, thread.as_ref(), &settings, now_ms)?;
        let Some(first) = first else {
            return Err(Refused::new(RenewalCode::ThreadNotFound.as_str(), "no such order"));
        };
        match self.deduction(first) {
            Deduction::Refused => Err(self.deduction_refused(first, form, charge)),
            deduction => self.take_charge(first, form, charge, deduction, now_ms),
        }
    }

    /// Whether the payer's money can be had: by the switches, else by the scenario.
    fn deduction(&mut self, first: u64) -> Deduction {
        let Some(order) = self.orders.get(&first) else { return Deduction::Refused };
        let app_key = order.app_key.clone();
        let user = order.payer.as_ref().and_then(|payer| self.users.get(payer.as_str()));
        let switched = order.agreement.is_some_and(|agreement| agreement.pay_fail)
            || self.settings(&app_key).renewal_pay_fail
            || user.is_some_and(|user| user.renewal_pay_fail);
        if switched {
            return Deduction::Refused;
        }
        let planned = self.plans.take_deduction(&app_key);
        self.version += u64::from(planned.is_some());
        planned.unwrap_or(Deduction::Taken)
    }

    fn deduction_refused(&mut self, first: u64, form: &RenewalForm, charge: Charge) -> Refused {
        let (seq, of) = (charge.seq, &form.ref_order_no);
        let app_key = self.orders.get(&first).map(|order| order.app_key.clone());
        let text = format!("{}: charge {seq} of {of} was refused", form.partner_order_no);
        self.note(app_key.as_deref(), "renewal.pay_fail", text);
        let message = format!("the payer's money could not be had for charge {seq} of {of}");
        Refused::new(RenewalCode::OrderPayFail.as_str(), message)
    }

    fn take_charge(
        &mut self,
        first: u64,
        form: &RenewalForm,
        charge: Charge,
        deduction: Deduction,
        now_ms: i64,
    ) -> Result<u64, Refused> {
        self.make_room()?;
        let made = self.make();
        let number = made.number;
        let Some(begun) = self.orders.get(&first) else {
            return Err(Refused::new(RenewalCode::ThreadNotFound.as_str(), "no such order"));
        };
        let (app_key, payer) = (begun.app_key.clone(), begun.payer.clone());
        let plan = self.plans.take_for_charge(&app_key, &form.partner_order_no);
        let manual = Setting::of(Scenario::MANUAL);
        let order = Order::new(&app_key, charge_data(form, charge), manual, made, now_ms);
        let charge = ChargeOf { ref_order_no: form.ref_order_no.clone(), first, seq: charge.seq };
        let expires_ms = now_ms.saturating_add(SANDBOX_CHARGE_WAIT_MS);
        self.insert(Order { payer, charge: Some(charge), expires_ms, setting: plan, ..order });
        // Neither can fail: the order is open.
        let waits = deduction == Deduction::Waits;
        let _ =
            self.change(number, |order| if waits { order.scan(now_ms) } else { order.pay(now_ms) });
        Ok(number)
    }

    /// Ends a subscription as its user would. A charge that waits for him is closed.
    ///
    /// # Errors
    /// There is none, or it can not be charged anyway.
    pub fn end_agreement(&mut self, first: u64, now_ms: i64) -> Result<(), String> {
        let thread = self.thread(first).ok_or("this order began no subscription")?;
        let number = thread.first.data.partner_order_no.clone();
        let standing = thread.standing();
        if standing != Standing::Active {
            return Err(format!(
                "subscription {number} is {}: it cannot be ended",
                standing.name()
            ));
        }
        let (app_key, open) = (thread.first.app_key.clone(), thread.open().map(|o| o.number));
        if let Some(open) = open {
            self.change(open, |order| order.close(ClosedBy::Buyer, now_ms));
        }
        self.change_agreement(first, |agreement| agreement.ended_ms = Some(now_ms));
        self.note(Some(&app_key), "renewal.ended", format!("{number}: the user has ended it"));
        Ok(())
    }

    /// Moves the clock to where the next charge falls due; not at all if it is past that.
    ///
    /// # Errors
    /// Nothing will ever be charged, or it is too far away.
    pub fn advance_to_due(&mut self, first: u64, now_ms: i64) -> Result<(), String> {
        let next = self.thread(first).and_then(|thread| thread.next());
        let due_ms = next.ok_or("nothing will be charged for this subscription")?.due_ms;
        let left_ms = due_ms.saturating_sub(now_ms).max(0);
        self.advance(left_ms.saturating_add(999) / 1_000)
    }

    /// Changes what is known of a subscription, and keeps its timer right. False: there is
    /// none.
    pub fn change_agreement(&mut self, first: u64, act: impl FnOnce(&mut Agreement)) -> bool {
        let changed = self.change(first, |order| order.agreement.as_mut().map(act));
        changed.flatten().is_some()
    }

    /// A charge has fallen due.
    pub(super) fn tell_due(&mut self, first: u64) {
        let Some(thread) = self.thread(first) else { return };
        let Some(next) = thread.next() else { return };
        let (app_key, number) = (&thread.first.app_key, &thread.first.data.partner_order_no);
        let text = format!("{number}: charge {} of {} fen is due", next.seq, next.price.get());
        let app_key = app_key.clone();
        self.change_agreement(first, |agreement| agreement.told_due = next.seq);
        self.note(Some(&app_key), "renewal.due", text);
    }

    /// When there will be something to tell of a subscription.
    pub(super) fn charge_due_ms(&self, first: u64) -> Option<i64> {
        let thread = self.thread(first)?;
        let next = thread.next().filter(|_| thread.open().is_none())?;
        (next.seq > thread.agreement.told_due).then_some(next.due_ms)
    }

    /// The first order of the subscription that an order is part of.
    pub fn first_of(&self, number: u64) -> Option<u64> {
        let order = self.orders.get(&number)?;
        let own = order.agreement.map(|_| number);
        own.or_else(|| order.charge.as_ref().map(|charge| charge.first))
    }

    /// Whether a subscription that goes on needs to know this order.
    pub(super) fn is_needed(&self, order: &Order) -> bool {
        let part = order.agreement.is_some() || order.paid_ms.is_some();
        let thread = self.first_of(order.number).and_then(|first| self.thread(first));
        part && thread.is_some_and(|thread| thread.standing().is_live())
    }

    /// Takes a forgotten order out of what leads to it.
    pub(super) fn forget_charge(&mut self, order: &Order) {
        self.charges.remove(&order.number);
        let Some(charge) = &order.charge else { return };
        if let Some(numbers) = self.charges.get_mut(&charge.first) {
            numbers.retain(|number| *number != order.number);
        }
    }
}

/// A charge as an order.
fn charge_data(form: &RenewalForm, charge: Charge) -> PrecreateData {
    PrecreateData {
        partner_order_no: form.partner_order_no.clone(),
        subject: form.subject.clone(),
        subject_id: Some(form.subject_id.clone()),
        price: charge.price,
        partner_notify_url: Some(form.partner_notify_url.clone()),
        expires_s: None,
        renewal: None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::super::super::action::Action;
    use super::super::super::plans::CallPlan;
    use super::super::super::rng::Rng;
    use super::super::super::seed::Seed;
    use super::super::Due;
    use super::*;
    use crate::core::facts::Interval;
    use crate::money::Fen;
    use crate::wire::device::{OrderStatus, RenewalData, ORDER_CONFLICT};
    use crate::wire::time::{due_ms, parse_gmt8};

    const APP: &str = "23012345";
    const DAY_MS: i64 = 86_400_000;

    fn fen(fen: i64) -> Fen {
        Fen::new(fen).unwrap()
    }

    fn start_ms() -> i64 {
        parse_gmt8("2016-01-31 12:00:00").unwrap()
    }

    fn state() -> State {
        State::new(Seed::default(), Rng::new(Some(1)).unwrap(), start_ms())
    }

    /// Registers a first order.
    fn begin(state: &mut State, number: &str, interval: Interval, prices: &[i64]) -> u64 {
        let data = PrecreateData {
            partner_order_no: number.into(),
            subject: "VIP".into(),
            subject_id: Some("vip".into()),
            price: fen(prices[0]),
            partner_notify_url: None,
            expires_s: None,
            renewal: Some(RenewalData {
                interval,
                prices: prices.iter().copied().map(fen).collect(),
                description: None,
                subject: "VIP by month".into(),
            }),
        };
        state.precreate(APP, &data, None, start_ms()).unwrap()
    }

    /// The same, paid at the start.
    fn active(state: &mut State, number: &str, prices: &[i64]) -> u64 {
        let first = begin(state, number, Interval::Month, prices);
        state.change(first, |order| order.pay(start_ms())).unwrap().unwrap();
        first
    }

    fn form(number: &str, of: &str, seq: i64, price: i64) -> RenewalForm {
        RenewalForm {
            partner_notify_url: "http://cp.example.com/notify".into(),
            partner_order_no: number.into(),
            price: Some(price),
            ref_order_no: of.into(),
            seq: Some(seq),
            subject: "VIP".into(),
            subject_id: "vip".into(),
        }
    }

    fn month_ms(months: u32) -> i64 {
        due_ms(start_ms(), months)
    }

    fn code(result: Result<u64, Refused>) -> &'static str {
        result.map_or_else(|refused| refused.code, |_| "success")
    }

    fn standing(state: &State, first: u64) -> Standing {
        state.thread(first).unwrap().standing()
    }

    fn set(state: &mut State, act: impl FnOnce(&mut crate::sandbox::settings::Settings)) {
        let mut settings = state.settings(APP);
        act(&mut settings);
        state.set_settings(APP, settings);
    }

    fn play(state: &mut State, name: &str) {
        let scenario = Scenario::parse(name).unwrap();
        let spoil = scenario.spoil().unwrap();
        let plan = CallPlan { app_key: None, method: None, scenario, spoil };
        state.plans_mut().add_call(plan).unwrap();
    }

    /// A thread of 100, 200 and 300 fen whose first charge is due, and a good request for it.
    fn ready() -> (State, u64, RenewalForm, i64) {
        let mut state = state();
        let first = active(&mut state, "R", &[100, 200, 300]);
        (state, first, form("C1", "R", 1, 200), month_ms(1))
    }

    type Spoil = (&'static str, fn(&mut State, u64, &mut RenewalForm, &mut i64));

    /// One way to break each rule, in the order of protocol notes 5.
    const RULES: [Spoil; 10] = [
        ("RENEWAL_ORDER_NOT_ALLOWED", |state, _, _, _| set(state, |s| s.renewal = false)),
        ("RENEWAL_ORDER_INFO_ERROR", |_, _, form, _| form.partner_notify_url = "ftp://h/".into()),
        ("RENEWAL_THREAD_NOT_FOUND", |_, _, form, _| form.ref_order_no = "NONE".into()),
        ("RENEWAL_THREAD_STATUS_ERROR", |state, first, _, _| {
            state.end_agreement(first, start_ms()).unwrap();
        }),
        ("TERM_COUNT_EXCEED_LIMIT", |_, _, form, _| form.seq = Some(3)),
        ("RENEWAL_THREAD_SEQ_ERROR", |_, _, form, _| form.seq = Some(2)),
        ("RENEWAL_PRICE_ERROR", |_, _, form, _| form.price = Some(form.price.unwrap() + 1)),
        ("RENEWAL_PRICE_EXCEED_LIMIT", |state, first, _, _| {
            state.change_agreement(first, |agreement| agreement.cap_fen = Some(fen(299)));
        }),
        ("RENEWAL_TIME_ERROR", |_, _, _, now_ms| *now_ms -= 1),
        ("RENEWAL_ORDER_PAY_FAIL", |state, first, _, _| {
            state.change_agreement(first, |agreement| agreement.pay_fail = true);
        }),
    ];

    #[test]
    fn a_request_that_breaks_several_rules_is_told_the_first() {
        let (mut state, _, good, now_ms) = ready();
        assert_eq!(code(state.renew(APP, &good, now_ms)), "success");
        for (at, (expected, spoil)) in RULES.iter().enumerate() {
            // The rule alone, with each later one, and with all later ones at once.
            let later = (at + 1..RULES.len()).map(|other| vec![other]);
            let all = (at + 1..RULES.len()).rev().collect();
            for others in later.chain([Vec::new(), all]) {
                let (mut state, first, mut form, mut now_ms) = ready();
                for other in &others {
                    // Of the two that set the same field the earlier one must have the last word.
                    (RULES[*other].1)(&mut state, first, &mut form, &mut now_ms);
                }
                spoil(&mut state, first, &mut form, &mut now_ms);
                let told = code(state.renew(APP, &form, now_ms));
                assert_eq!(told, *expected, "broken as well: {others:?}");
                let taken = state.thread(first).unwrap().taken_fen();
                assert_eq!((taken, state.find(APP, "C1").is_none()), (100, true), "{expected}");
            }
        }
    }

    #[test]
    fn every_other_way_to_break_a_rule_has_the_same_code() {
        let cases: [(&str, Spoil); 12] = [
            ("no number", ("RENEWAL_ORDER_INFO_ERROR", |_, _, form, _| form.seq = None)),
            ("no price", ("RENEWAL_ORDER_INFO_ERROR", |_, _, form, _| form.price = None)),
            ("product", ("RENEWAL_ORDER_INFO_ERROR", |_, _, f, _| f.subject_id = "x".into())),
            ("reversed", ("RENEWAL_ORDER_INFO_ERROR", |_, _, f, _| f.subject.push('\u{202e}'))),
            (
                "no host",
                ("RENEWAL_ORDER_INFO_ERROR", |_, _, form, _| {
                    form.partner_notify_url = "http://".into();
                }),
            ),
            (
                "taken",
                ("RENEWAL_ORDER_INFO_ERROR", |_, _, form, _| {
                    form.partner_order_no = form.ref_order_no.clone();
                }),
            ),
            (
                "plain order",
                ("RENEWAL_THREAD_NOT_FOUND", |state, _, form, _| {
                    let data = charge_data(form, Charge { seq: 0, price: fen(1) });
                    let data = PrecreateData { partner_order_no: "PLAIN".into(), ..data };
                    state.precreate(APP, &data, None, start_ms()).unwrap();
                    form.ref_order_no = "PLAIN".into();
                }),
            ),
            (
                "unpaid",
                ("RENEWAL_THREAD_STATUS_ERROR", |state, _, form, _| {
                    begin(state, "UNPAID", Interval::Month, &[100, 200]);
                    form.ref_order_no = "UNPAID".into();
                }),
            ),
            (
                "refunded",
                ("RENEWAL_THREAD_STATUS_ERROR", |state, first, _, now_ms| {
                    state.change(first, |order| order.refund(*now_ms)).unwrap().unwrap();
                }),
            ),
            ("zero", ("RENEWAL_THREAD_SEQ_ERROR", |_, _, form, _| form.seq = Some(0))),
            ("negative", ("RENEWAL_THREAD_SEQ_ERROR", |_, _, form, _| form.seq = Some(i64::MIN))),
            (
                "app's cap",
                ("RENEWAL_PRICE_EXCEED_LIMIT", |state, _, _, _| {
                    set(state, |settings| settings.renewal_cap_fen = Some(fen(299)));
                }),
            ),
        ];
        for (name, (expected, spoil)) in cases {
            let (mut state, first, mut form, mut now_ms) = ready();
            spoil(&mut state, first, &mut form, &mut now_ms);
            assert_eq!(code(state.renew(APP, &form, now_ms)), expected, "{name}");
        }
        let (mut state, _, form, now_ms) = ready();
        assert_eq!(code(state.renew("23012346", &form, now_ms)), "RENEWAL_ORDER_NOT_ALLOWED");
        let (mut state, first, form, now_ms) = ready();
        state.change_agreement(first, |agreement| agreement.cap_fen = Some(fen(300)));
        assert_eq!(code(state.renew(APP, &form, now_ms)), "success");
    }

    #[test]
    fn a_repeat_takes_nothing_and_says_where_the_charge_stands() {
        let (mut state, first, form, now_ms) = ready();
        let number = state.renew(APP, &form, now_ms).unwrap();
        // Whatever was switched off or has happened since.
        set(&mut state, |settings| settings.renewal = false);
        assert_eq!(state.renew(APP, &form, now_ms), Ok(number));
        set(&mut state, |settings| settings.renewal = true);
        state.end_agreement(first, now_ms).unwrap();
        assert_eq!(state.renew(APP, &form, now_ms + DAY_MS), Ok(number));
        assert_eq!(state.thread(first).unwrap().taken_fen(), 300);
        let others: [fn(&mut RenewalForm); 6] = [
            |form| form.ref_order_no = "Q".into(),
            |form| form.seq = Some(2),
            |form| form.price = Some(201),
            |form| form.subject.push('x'),
            |form| form.subject_id.push('x'),
            |form| form.partner_notify_url.push('x'),
        ];
        for spoil in others {
            let mut other = form.clone();
            spoil(&mut other);
            assert_eq!(code(state.renew(APP, &other, now_ms)), "RENEWAL_ORDER_INFO_ERROR");
        }
        assert_eq!(state.thread(first).unwrap().charges.len(), 1);
    }

    #[test]
    fn a_charge_has_one_number_only() {
        let (mut state, _, form_1, now_ms) = ready();
        state.renew(APP, &form_1, now_ms).unwrap();
        let twin = form("C1b", "R", 1, 200);
        assert_eq!(code(state.renew(APP, &twin, now_ms)), "RENEWAL_THREAD_SEQ_ERROR");
        assert_eq!(code(state.renew(APP, &form("C2", "R", 2, 300), now_ms)), "RENEWAL_TIME_ERROR");
        assert_eq!(code(state.renew(APP, &form("C2", "R", 2, 300), month_ms(2))), "success");
        // The list is charged: what is asked for is beyond it, or a repeat.
        let (three, again) = (form("C3", "R", 3, 300), form("C2b", "R", 2, 300));
        assert_eq!(code(state.renew(APP, &three, month_ms(3))), "TERM_COUNT_EXCEED_LIMIT");
        assert_eq!(code(state.renew(APP, &again, month_ms(3))), "RENEWAL_THREAD_SEQ_ERROR");
        let alone = active(&mut state, "ONE", &[100]);
        assert_eq!(standing(&state, alone), Standing::Finished);
        let never = form("N1", "ONE", 1, 100);
        assert_eq!(code(state.renew(APP, &never, month_ms(1))), "TERM_COUNT_EXCEED_LIMIT");
    }

    #[test]
    fn a_refused_deduction_leaves_number_and_charge_free() {
        let (mut state, first, form_1, now_ms) = ready();
        play(&mut state, "renewal.pay_fail");
        let early = state.renew(APP, &form_1, now_ms - 1);
        assert_eq!(code(early), "RENEWAL_TIME_ERROR", "the scenario waits for a deduction");
        assert_eq!(code(state.renew(APP, &form_1, now_ms)), "RENEWAL_ORDER_PAY_FAIL");
        assert!(state.find(APP, "C1").is_none());
        assert_eq!(state.thread(first).unwrap().next().unwrap().seq, 1);
        let last = state.events().newest().next().unwrap();
        assert_eq!((&*last.what, last.app_key.as_deref()), ("renewal.pay_fail", Some(APP)));
        assert_eq!(code(state.renew(APP, &form_1, now_ms)), "success");
        let switches: [fn(&mut State, bool); 2] = [
            |state, on| set(state, |settings| settings.renewal_pay_fail = on),
            |state, on| {
                let first = state.find(APP, "R").unwrap().number;
                state.change_agreement(first, |agreement| agreement.pay_fail = on);
            },
        ];
        let second = form("C2", "R", 2, 300);
        for switch in switches {
            switch(&mut state, true);
            assert_eq!(code(state.renew(APP, &second, month_ms(2))), "RENEWAL_ORDER_PAY_FAIL");
            switch(&mut state, false);
        }
        assert_eq!(code(state.renew(APP, &second, month_ms(2))), "success");
    }

    #[test]
    fn a_payer_without_money_is_refused_by_himself() {
        let mut state = state();
        let first = begin(&mut state, "R", Interval::Month, &[100, 200]);
        assert!(state.set_payer(first, "100001"));
        state.change(first, |order| order.pay(start_ms())).unwrap().unwrap();
        let mut user = state.users().get("100001").unwrap().clone();
        user.renewal_pay_fail = true;
        state.put_user(user.clone()).unwrap();
        let form = form("C1", "R", 1, 200);
        assert_eq!(code(state.renew(APP, &form, month_ms(1))), "RENEWAL_ORDER_PAY_FAIL");
        user.renewal_pay_fail = false;
        state.put_user(user).unwrap();
        let number = state.renew(APP, &form, month_ms(1)).unwrap();
        let charge = state.get(number).unwrap();
        assert_eq!(charge.payer.as_ref().unwrap().as_str(), "100001");
        assert!(charge.awards.is_empty(), "nobody is there to win");
    }

    #[test]
    fn a_charge_that_waits_holds_the_thread_until_it_is_final() {
        let (mut state, first, form_1, now_ms) = ready();
        play(&mut state, "renewal.wait");
        let number = state.renew(APP, &form_1, now_ms).unwrap();
        assert_eq!(state.get(number).unwrap().status, OrderStatus::WaitBuyerPay);
        assert_eq!(state.renew(APP, &form_1, now_ms), Ok(number));
        for other in [form("C1b", "R", 1, 200), form("C2", "R", 2, 300)] {
            assert_eq!(code(state.renew(APP, &other, month_ms(2))), "RENEWAL_THREAD_STATUS_ERROR");
        }
        // Time closes it, and the charge is free again, under another number.
        state.settle(now_ms + SANDBOX_CHARGE_WAIT_MS - 1);
        assert!(state.thread(first).unwrap().open().is_some());
        state.settle(now_ms + SANDBOX_CHARGE_WAIT_MS);
        assert_eq!(state.get(number).unwrap().status, OrderStatus::TradeClosed);
        assert_eq!(state.renew(APP, &form_1, now_ms + SANDBOX_CHARGE_WAIT_MS), Ok(number));
        assert_eq!(state.thread(first).unwrap().taken_fen(), 100);
        play(&mut state, "renewal.wait");
        let again = form("C1b", "R", 1, 200);
        let number = state.renew(APP, &again, month_ms(2)).unwrap();
        state.change(number, |order| order.pay(month_ms(2))).unwrap().unwrap();
        let last = form("C2", "R", 2, 300);
        assert_eq!(code(state.renew(APP, &last, month_ms(2))), "success");
        assert_eq!(state.thread(first).unwrap().taken_fen(), 600);
        assert_eq!(standing(&state, first), Standing::Finished);
    }

    #[test]
    fn who_ends_a_subscription_pays_no_more() {
        let (mut state, first, form_1, now_ms) = ready();
        play(&mut state, "renewal.wait");
        let number = state.renew(APP, &form_1, now_ms).unwrap();
        state.end_agreement(first, now_ms).unwrap();
        assert_eq!(standing(&state, first), Standing::Cancelled);
        assert_eq!(state.get(number).unwrap().status, OrderStatus::TradeClosed);
        let again = form("C1b", "R", 1, 200);
        assert_eq!(code(state.renew(APP, &again, now_ms)), "RENEWAL_THREAD_STATUS_ERROR");
        assert!(state.end_agreement(first, now_ms).unwrap_err().contains("CANCELLED"));
        let unpaid = begin(&mut state, "U", Interval::Month, &[100, 100]);
        assert!(state.end_agreement(unpaid, now_ms).unwrap_err().contains("CREATED"));
        assert!(state.end_agreement(number, now_ms).is_err());
        assert_eq!(state.thread(first).unwrap().taken_fen(), 100);
    }

    #[test]
    fn what_falls_due_is_told_once_and_days_may_be_given() {
        let (mut state, first, form_1, due) = ready();
        let told =
            |state: &State| state.events().newest().filter(|e| e.what == "renewal.due").count();
        state.settle(due - 1);
        assert_eq!((told(&state), state.due_ms()), (0, Some(due)));
        state.settle(due + 100 * DAY_MS);
        assert_eq!((told(&state), state.due_ms()), (1, None));
        assert_eq!(state.events().newest().next().unwrap().at_ms, due);
        state.renew(APP, &form_1, due + 100 * DAY_MS).unwrap();
        state.settle(due + 100 * DAY_MS);
        assert_eq!(told(&state), 2, "the second one is long due");
        let other = active(&mut state, "S", &[100, 200]);
        set(&mut state, |settings| settings.renewal_early_days = 3);
        let early = form("S1", "S", 1, 200);
        let from_ms = due - 3 * DAY_MS;
        assert_eq!(code(state.renew(APP, &early, from_ms - 1)), "RENEWAL_TIME_ERROR");
        assert_eq!(code(state.renew(APP, &early, from_ms)), "success");
        assert_eq!(standing(&state, other), Standing::Finished);
        assert_eq!(standing(&state, first), Standing::Active);
    }

    #[test]
    fn threads_survive_a_restart_with_all_that_is_known_of_them() {
        let (mut state, first, form_1, now_ms) = ready();
        state.settle(now_ms);
        state.renew(APP, &form_1, now_ms).unwrap();
        let cancelled = active(&mut state, "X", &[100, 200]);
        state.end_agreement(cancelled, now_ms).unwrap();
        state.change_agreement(first, |agreement| agreement.cap_fen = Some(fen(600)));
        let saved = state.save().unwrap();
        let mut back = State::restore(&saved, None, Rng::new(Some(1)).unwrap()).unwrap();
        let (old, new) = (state.thread(first).unwrap(), back.thread(first).unwrap());
        assert_eq!((old.standing(), old.taken_fen()), (new.standing(), new.taken_fen()));
        assert_eq!((old.agreement, old.next()), (new.agreement, new.next()));
        assert_eq!(standing(&back, cancelled), Standing::Cancelled);
        let of_charges = |timer: &&(i64, Due)| matches!(timer.1, Due::Charge(_));
        let timers: Vec<_> = back.timers.iter().filter(of_charges).collect();
        assert_eq!(timers, [&(month_ms(2), Due::Charge(first))]);
        assert_eq!(back.renew(APP, &form_1, now_ms), state.renew(APP, &form_1, now_ms));
        assert_eq!(code(back.renew(APP, &form("C2", "R", 2, 300), month_ms(2))), "success");
    }

    #[test]
    fn a_box_neither_finds_nor_takes_the_number_of_a_charge() {
        let (mut state, _, form, now_ms) = ready();
        state.renew(APP, &form, now_ms).unwrap();
        assert!(state.find_of_box(APP, "C1").is_none() && state.find_of_box(APP, "R").is_some());
        let data = charge_data(&form, Charge { seq: 1, price: fen(200) });
        let refused = state.precreate(APP, &data, None, now_ms).unwrap_err();
        assert_eq!(refused.code, ORDER_CONFLICT);
    }

    #[test]
    fn a_full_house_forgets_no_order_that_a_live_subscription_needs() {
        let (mut state, first, form_1, now_ms) = ready();
        let charge = state.renew(APP, &form_1, now_ms).unwrap();
        let over = active(&mut state, "OVER", &[100, 200]);
        state.end_agreement(over, now_ms).unwrap();
        let fill = |state: &mut State, count: usize| {
            for _ in 0..count {
                let number = format!("P{}", state.number_last);
                let data = charge_data(&form(&number, "", 0, 1), Charge { seq: 0, price: fen(1) });
                let number = state.precreate(APP, &data, None, now_ms).unwrap();
                state.change(number, |order| order.pay(now_ms)).unwrap().unwrap();
            }
        };
        fill(&mut state, crate::limits::SANDBOX_ORDERS_MAX + 10);
        assert!(state.get(first).is_some() && state.get(charge).is_some());
        assert!(state.get(over).is_none() && state.thread(over).is_none());
        assert_eq!(state.renew(APP, &form_1, now_ms), Ok(charge));
        assert_eq!(code(state.renew(APP, &form("C2", "R", 2, 300), month_ms(2))), "success");
        fill(&mut state, 3);
        assert!(state.get(first).is_none(), "its subscription is over");
        assert_eq!(state.charges.len(), 0);
    }

    /// What a merchant, a payer, an operator and time can do.
    #[derive(Clone, Debug)]
    enum Move {
        /// Under one of a few numbers, of one of two threads, at the list's price or another.
        Renew {
            number: usize,
            thread: usize,
            seq: i64,
            wrong_price: bool,
        },
        Pass {
            days: i64,
        },
        Act {
            order: usize,
            action: Action,
        },
        Plan(&'static str),
        Fail {
            on: bool,
        },
        End {
            thread: usize,
        },
        Restart,
    }

    const LISTS: [&[i64]; 2] = [&[100, 200, 300, 400], &[7, 8]];

    fn moves() -> impl Strategy<Value = Vec<Move>> {
        let renew = (0..8usize, 0..2usize, -1..5i64, prop::bool::weighted(0.1)).prop_map(
            |(number, thread, seq, wrong_price)| Move::Renew { number, thread, seq, wrong_price },
        );
        let actions = vec![Action::Pay, Action::Cancel, Action::Expire, Action::Refund];
        let act = (0..8usize, prop::sample::select(actions))
            .prop_map(|(order, action)| Move::Act { order, action });
        let plans = vec!["renewal.wait", "renewal.pay_fail", "renewal.pay_lost"];
        let one = prop_oneof![
            12 => renew,
            6 => (0..45i64).prop_map(|days| Move::Pass { days }),
            4 => act,
            2 => prop::sample::select(plans).prop_map(Move::Plan),
            1 => any::<bool>().prop_map(|on| Move::Fail { on }),
            1 => (0..2usize).prop_map(|thread| Move::End { thread }),
            1 => Just(Move::Restart),
        ];
        prop::collection::vec(one, 1..80)
    }

    fn wish(number: usize, thread: usize, seq: i64, wrong_price: bool) -> RenewalForm {
        let listed = usize::try_from(seq).ok().and_then(|at| LISTS[thread].get(at));
        let price = listed.copied().unwrap_or(1) + i64::from(wrong_price);
        form(&format!("C{number}"), &format!("R{thread}"), seq, price)
    }

    /// No charge is taken twice, early, out of order or at another price.
    fn check_threads(state: &State, firsts: &[u64]) -> Result<(), TestCaseError> {
        for (first, list) in firsts.iter().zip(LISTS) {
            let thread = state.thread(*first).unwrap();
            let mut taken: Vec<u32> = Vec::new();
            for order in thread.charges.iter().filter(|order| order.paid_ms.is_some()) {
                let seq = order.charge.as_ref().unwrap().seq;
                prop_assert_eq!(order.data.price.get(), list[seq as usize]);
                prop_assert!(order.paid_ms >= thread.due_ms(seq));
                taken.push(seq);
            }
            taken.sort_unstable();
            let in_order: Vec<u32> = (1..=taken.len() as u32).collect();
            prop_assert_eq!(taken, in_order);
            prop_assert!(thread.charges.iter().filter(|order| order.is_open()).count() <= 1);
            prop_assert!(thread.taken_fen() <= list.iter().sum::<i64>());
        }
        Ok(())
    }

    /// A call, and what it leaves behind: a refused one nothing, a repeat nothing new.
    fn renew_checked(
        state: &mut State,
        wish: &RenewalForm,
        now_ms: i64,
        accepted: &mut HashMap<String, (RenewalForm, u64)>,
    ) -> Result<(), TestCaseError> {
        let before = state.order_count();
        let answer = state.renew(APP, wish, now_ms);
        let known = accepted.get(&wish.partner_order_no).cloned();
        match (answer, known) {
            (Ok(number), Some((form, known))) => prop_assert_eq!((&form, number), (wish, known)),
            (Ok(number), None) => {
                prop_assert_eq!(state.order_count(), before + 1);
                accepted.insert(wish.partner_order_no.clone(), (wish.clone(), number));
                return Ok(());
            }
            (Err(refused), Some((form, _))) => {
                prop_assert_ne!(&form, wish, "a repeat is never refused: {:?}", refused);
                prop_assert_eq!(refused.code, "RENEWAL_ORDER_INFO_ERROR");
            }
            (Err(_), None) => prop_assert!(state.find(APP, &wish.partner_order_no).is_none()),
        }
        prop_assert_eq!(state.order_count(), before);
        Ok(())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

        #[test]
        fn whatever_happens_each_charge_is_taken_once_and_at_its_price(moves in moves()) {
            let mut state = state();
            let firsts: Vec<u64> =
                (0..2).map(|n| active(&mut state, &format!("R{n}"), LISTS[n])).collect();
            let mut now_ms = start_ms();
            let mut accepted = HashMap::new();
            for one in moves {
                match one {
                    Move::Renew { number, thread, seq, wrong_price } => {
                        let wish = wish(number, thread, seq, wrong_price);
                        renew_checked(&mut state, &wish, now_ms, &mut accepted)?;
                    }
                    Move::Pass { days } => now_ms += days * DAY_MS,
                    Move::Act { order, action } => {
                        let found = state.find(APP, &format!("C{order}")).map(|o| o.number);
                        found.map(|number| state.change(number, |o| action.apply(o, now_ms)));
                    }
                    Move::Plan(name) => play(&mut state, name),
                    Move::Fail { on } => set(&mut state, |settings| settings.renewal_pay_fail = on),
                    Move::End { thread } => {
                        let _ = state.end_agreement(firsts[thread], now_ms);
                    }
                    Move::Restart => {
                        let saved = state.save().unwrap();
                        let rng = Rng::new(Some(1)).unwrap();
                        state = State::restore(&saved, None, rng).unwrap();
                    }
                }
                state.settle(now_ms);
                check_threads(&state, &firsts)?;
            }
        }
    }
}
