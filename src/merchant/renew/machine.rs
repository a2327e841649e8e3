//! One charge of a subscription, as a pure state machine: what to do next, and what follows
//! from the answer. It opens no file, reads no clock and never waits.
//!
//! ```text
//! IDLE ─record─> RECORDED ─send─> SENT ─ask─> PAID* | CLOSED* | MISMATCH* | WAIT | UNKNOWN | REFUSED
//! ```
//!
//! The charge has one order number for ever (`wire::partner::charge_order_no`), and that is
//! what keeps money from being taken twice:
//!
//! - it is recorded before it is sent; one that was recorded by an earlier round may have
//!   been sent by it, so it is asked for before it is sent again;
//! - whatever the charge is answered, the order is asked for and decides. A refusal is told
//!   only of a charge that the platform does not have: after a lost answer "wrong seq" means
//!   that the first request had worked;
//! - without an answer nothing is told but UNKNOWN, and the next round asks again.

use super::super::ledger::{OrderState, Registered, Settled};
use super::super::top::{ChargeOutcome, QueryOutcome};
use crate::core::call::Doubt;
use crate::limits::{
    BACKOFF_MS_MAX, BACKOFF_MS_MIN, RENEW_ASKS_MAX, RENEW_ASK_MS, RENEW_SENDS_MAX,
};
use crate::wire::partner::{PartnerOrder, RenewalCode, PUBLIC_KEY_NOT_SET};

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// Write the charge into the ledger.
    Record,
    /// Send it: `renewal.pay`, with its one number.
    Send,
    /// Ask for the order of its number: `order.query`.
    Ask,
    /// Hand this answer to the ledger.
    Settle(Box<PartnerOrder>),
    /// Wait, then go on; or, if there is no time for that, end with `Event::NoTime`.
    Pause {
        /// Milliseconds.
        ms: u64,
    },
    /// There is nothing more to do in this round.
    End(End),
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Of `Record`.
    Recorded(Registered),
    /// Of `Send`.
    Charged(ChargeOutcome),
    /// Of `Ask`.
    Answered(QueryOutcome),
    /// Of `Settle`.
    Settled(Settled),
    /// Of `Pause`: the time has passed.
    Waited,
    /// Of `Pause`: nobody can wait for so long.
    NoTime,
}

/// How a round ends. The ledger has what is final; everything else goes on with the next
/// round.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The platform has the money, for what was agreed. Final.
    Paid,
    /// The charge is closed, or its money was given back: its number is used up. Final.
    Closed,
    /// It is paid, but not for what was agreed: a person decides.
    Mismatch {
        /// The platform's name of the field.
        field: &'static str,
    },
    /// The platform has the charge and waits for the money.
    Waiting,
    /// It was not carried out, and the platform does not have it.
    Refused(Refusal),
    /// The platform wants fewer calls.
    Limited {
        /// Seconds that it wants to be left alone for.
        wait_s: u32,
    },
    /// Not known whether it was carried out.
    Unknown(Trouble),
    /// A person has set it aside.
    Held,
}

/// Why a charge was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Refusal {
    /// A word of `RenewalCode`, or as `ChargeOutcome::RefusedOther`.
    pub code: String,
    /// The platform's sentence.
    pub message: String,
}

impl Refusal {
    /// The code, if it is one of a subscription's rules.
    pub fn renewal_code(&self) -> Option<RenewalCode> {
        RenewalCode::parse(&self.code)
    }

    /// Whether every other charge of the app would be refused too: its name, its secret, its
    /// permissions, its clock.
    pub fn concerns_the_app(&self) -> bool {
        let number = self.code.split('/').next().and_then(|number| number.parse::<i64>().ok());
        number.is_some_and(|number| !ONE_CALLS_FAULT.contains(&number))
            || self.code == PUBLIC_KEY_NOT_SET
            || self.renewal_code() == Some(RenewalCode::OrderNotAllowed)
    }

    /// Whether a later try of the same charge may succeed though nobody does anything here:
    /// with time, or with the customer's money.
    pub fn passes(&self) -> bool {
        matches!(self.renewal_code(), Some(RenewalCode::TimeError | RenewalCode::OrderPayFail))
    }
}

/// Numbers of the gateway's errors that are about one call and not about the app.
const ONE_CALLS_FAULT: [i64; 5] = [15, 40, 41, 43, 50];

/// What keeps an outcome from being known.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Trouble {
    /// The last answer could not be believed, or there was none.
    Doubt(Doubt),
    /// The platform does not say where the order stands.
    Refused(Refusal),
    /// The platform has carried the charge out and does not find its order.
    Lost,
    /// It was sent again and again without an answer, and the platform does not find it.
    NotArrived,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum State {
    Idle,
    Sending,
    Asking,
    Settling(Box<PartnerOrder>),
    Pausing { ms: u64, then: Next, or: End },
    Ended(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Next {
    Send,
    Ask,
}

/// One round of work on one charge.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Round {
    state: State,
    /// A request that was sent, in this round or before, may have been carried out.
    maybe: bool,
    /// The platform said that it has carried the charge out.
    carried_out: bool,
    refusal: Option<Refusal>,
    doubt: Option<Doubt>,
    sends: u32,
    asks: u32,
}

impl Round {
    /// Begins with what the ledger has of the charge: none if it was never recorded.
    pub fn new(recorded: Option<OrderState>) -> Round {
        let state = match recorded {
            None => State::Idle,
            Some(OrderState::Open) => State::Asking,
            Some(OrderState::Held) => State::Ended(End::Held),
            Some(OrderState::Paid) => State::Ended(End::Paid),
            Some(OrderState::Closed) => State::Ended(End::Closed),
            Some(OrderState::Mismatch) => State::Ended(End::Mismatch { field: "order_status" }),
        };
        let maybe = recorded.is_some();
        Round { state, maybe, carried_out: false, refusal: None, doubt: None, sends: 0, asks: 0 }
    }

    /// What to do next.
    pub fn step(&self) -> Step {
        match &self.state {
            State::Idle => Step::Record,
            State::Sending => Step::Send,
            State::Asking => Step::Ask,
            State::Settling(order) => Step::Settle(order.clone()),
            State::Pausing { ms, .. } => Step::Pause { ms: *ms },
            State::Ended(end) => Step::End(end.clone()),
        }
    }

    /// Goes on with what came of the step. An event that does not belong to it changes
    /// nothing.
    pub fn on(&mut self, event: Event) {
        let state = match (std::mem::replace(&mut self.state, State::Idle), event) {
            (State::Idle, Event::Recorded(Registered::New)) => State::Sending,
            (State::Idle, Event::Recorded(Registered::Known)) => {
                self.maybe = true;
                State::Asking
            }
            (State::Sending, Event::Charged(outcome)) => self.charged(outcome),
            (State::Asking, Event::Answered(outcome)) => self.answered(outcome),
            (State::Settling(_), Event::Settled(settled)) => self.settled(settled),
            (State::Pausing { then: Next::Send, .. }, Event::Waited) => State::Sending,
            (State::Pausing { then: Next::Ask, .. }, Event::Waited) => State::Asking,
            (State::Pausing { or, .. }, Event::NoTime) => State::Ended(or),
            (state, _) => state,
        };
        self.state = state;
    }

    /// For the model, where any wait may end: takes out what only says how often.
    #[cfg(test)]
    pub(crate) fn forget_time(&mut self) {
        self.asks = 0;
        if let State::Pausing { ms, .. } = &mut self.state {
            *ms = 0;
        }
    }

    fn charged(&mut self, outcome: ChargeOutcome) -> State {
        self.sends += 1;
        match outcome {
            ChargeOutcome::Status(_) => {
                (self.maybe, self.carried_out) = (true, true);
                State::Asking
            }
            ChargeOutcome::Refused(code, message) => {
                self.refusal = Some(Refusal { code: code.as_str().into(), message });
                State::Asking
            }
            ChargeOutcome::RefusedOther { code, message } => {
                self.refusal = Some(Refusal { code, message });
                State::Asking
            }
            ChargeOutcome::Limited { wait_s } => {
                let or = match self.maybe {
                    true => End::Unknown(self.trouble()),
                    false => End::Limited { wait_s },
                };
                self.pause(u64::from(wait_s) * 1_000, Next::Send, or)
            }
            ChargeOutcome::InDoubt(doubt) => {
                self.maybe = true;
                let or = End::Unknown(Trouble::Doubt(doubt.clone()));
                self.doubt = Some(doubt);
                self.pause(backoff_ms(self.sends), Next::Ask, or)
            }
        }
    }

    fn answered(&mut self, outcome: QueryOutcome) -> State {
        self.asks += 1;
        match outcome {
            QueryOutcome::Order(order) => State::Settling(Box::new(order)),
            QueryOutcome::NotFound => self.not_found(),
            QueryOutcome::Refused { code, message } => State::Ended(match self.refusal.take() {
                Some(refusal) if !self.maybe => End::Refused(refusal),
                _ => End::Unknown(Trouble::Refused(Refusal { code, message })),
            }),
            QueryOutcome::Limited { wait_s } => {
                let or = End::Unknown(self.trouble());
                self.pause(u64::from(wait_s) * 1_000, Next::Ask, or)
            }
            QueryOutcome::InDoubt(doubt) => {
                let or = End::Unknown(Trouble::Doubt(doubt.clone()));
                self.doubt = Some(doubt);
                self.pause(backoff_ms(self.asks), Next::Ask, or)
            }
        }
    }

    /// The platform does not have the charge, or not yet.
    fn not_found(&mut self) -> State {
        if self.carried_out {
            return self.pause(backoff_ms(self.asks), Next::Ask, End::Unknown(Trouble::Lost));
        }
        if let Some(refusal) = self.refusal.take() {
            return State::Ended(End::Refused(refusal));
        }
        match self.sends < RENEW_SENDS_MAX {
            true => State::Sending,
            false => State::Ended(End::Unknown(Trouble::NotArrived)),
        }
    }

    fn settled(&mut self, settled: Settled) -> State {
        State::Ended(match settled {
            Settled::Granted(_) | Settled::Already => End::Paid,
            Settled::Closed => End::Closed,
            Settled::Mismatch { field } => End::Mismatch { field },
            Settled::Waiting => return self.pause(RENEW_ASK_MS, Next::Ask, End::Waiting),
            // The ledger lost it between two steps: somebody works on the file by hand.
            Settled::Unknown => End::Unknown(Trouble::Lost),
        })
    }

    fn trouble(&self) -> Trouble {
        self.doubt.clone().map_or(Trouble::Lost, Trouble::Doubt)
    }

    fn pause(&self, ms: u64, then: Next, or: End) -> State {
        match self.asks < RENEW_ASKS_MAX && self.sends < RENEW_ASKS_MAX {
            true => State::Pausing { ms, then, or },
            false => State::Ended(or),
        }
    }
}

/// `BACKOFF_MS_MIN`, doubled with each try.
fn backoff_ms(tries: u32) -> u64 {
    let doubled = 1_u64.checked_shl(tries.saturating_sub(1)).unwrap_or(u64::MAX);
    BACKOFF_MS_MIN.saturating_mul(doubled).min(BACKOFF_MS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::call::DoubtKind;
    use crate::core::facts::OrderId;
    use crate::merchant::ledger::GrantId;
    use crate::money::Fen;
    use crate::wire::partner::PartnerStatus;

    fn order(status: PartnerStatus) -> PartnerOrder {
        PartnerOrder {
            partner_order_no: "A_r1".into(),
            alipay_trade_no: String::new(),
            order_status: status,
            price: Fen::new(100).unwrap(),
            subject: "x".into(),
            subject_id: String::new(),
            buyer_logon_id: String::new(),
        }
    }

    fn doubt() -> Doubt {
        Doubt { kind: DoubtKind::Network, detail: "gone".into() }
    }

    fn refused(code: RenewalCode) -> ChargeOutcome {
        ChargeOutcome::Refused(code, "no".into())
    }

    fn granted() -> Settled {
        Settled::Granted(GrantId::of(&OrderId::new("A_r1").unwrap()))
    }

    /// The platform's word about an order, what the ledger makes of it, and how a round ends.
    type Case = (PartnerStatus, Settled, End);

    fn settled() -> [Case; 3] {
        [
            (PartnerStatus::TradeSuccess, granted(), End::Paid),
            (PartnerStatus::TradeClosed, Settled::Closed, End::Closed),
            (PartnerStatus::WaitBuyerPay, Settled::Waiting, End::Waiting),
        ]
    }

    /// Carries a round to its end with these events, waits without time.
    fn end(mut round: Round, events: impl IntoIterator<Item = Event>) -> End {
        let mut events = events.into_iter();
        loop {
            match round.step() {
                Step::End(end) => return end,
                Step::Pause { .. } => round.on(Event::NoTime),
                step => round.on(events.next().unwrap_or_else(|| panic!("{step:?} comes next"))),
            }
        }
    }

    /// As `end`, of a charge that is new.
    fn end_of_new(outcome: ChargeOutcome, rest: impl IntoIterator<Item = Event>) -> End {
        let first = [Event::Recorded(Registered::New), Event::Charged(outcome)];
        end(Round::new(None), first.into_iter().chain(rest))
    }

    #[test]
    fn a_charge_is_recorded_then_sent_then_asked_for() {
        let mut round = Round::new(None);
        assert_eq!(round.step(), Step::Record);
        round.on(Event::Recorded(Registered::New));
        assert_eq!(round.step(), Step::Send);
        round.on(Event::Charged(ChargeOutcome::Status(PartnerStatus::TradeSuccess)));
        assert_eq!(round.step(), Step::Ask);
        let paid = order(PartnerStatus::TradeSuccess);
        round.on(Event::Answered(QueryOutcome::Order(paid.clone())));
        assert_eq!(round.step(), Step::Settle(Box::new(paid)));
        round.on(Event::Settled(granted()));
        assert_eq!(round.step(), Step::End(End::Paid));
    }

    #[test]
    fn what_may_have_been_sent_before_is_asked_for_before_it_is_sent() {
        for mut round in [Round::new(Some(OrderState::Open)), {
            let mut round = Round::new(None);
            round.on(Event::Recorded(Registered::Known));
            round
        }] {
            assert_eq!(round.step(), Step::Ask);
            round.on(Event::Answered(QueryOutcome::NotFound));
            assert_eq!(round.step(), Step::Send);
        }
    }

    #[test]
    fn what_the_ledger_has_at_its_end_is_left_alone() {
        for (state, wanted) in [
            (OrderState::Paid, End::Paid),
            (OrderState::Closed, End::Closed),
            (OrderState::Held, End::Held),
            (OrderState::Mismatch, End::Mismatch { field: "order_status" }),
        ] {
            assert_eq!(end(Round::new(Some(state)), []), wanted);
        }
    }

    /// All ten codes, each with every answer to the question that follows.
    #[test]
    fn a_refusal_is_told_only_of_what_the_platform_does_not_have() {
        for code in RenewalCode::ALL {
            for (status, said, wanted) in settled() {
                let rest =
                    [Event::Answered(QueryOutcome::Order(order(status))), Event::Settled(said)];
                assert_eq!(end_of_new(refused(code), rest), wanted, "{code}");
            }
            let refusal = Refusal { code: code.as_str().into(), message: "no".into() };
            let none = [Event::Answered(QueryOutcome::NotFound)];
            assert_eq!(end_of_new(refused(code), none), End::Refused(refusal), "{code}");
            let silent = [Event::Answered(QueryOutcome::InDoubt(doubt()))];
            let unknown = End::Unknown(Trouble::Doubt(doubt()));
            assert_eq!(end_of_new(refused(code), silent), unknown, "{code}");
        }
    }

    #[test]
    fn a_status_is_not_believed_without_the_order() {
        for word in ["TRADE_SUCCESS", "TRADE_CLOSED", "WAIT_BUYER_PAY", "TRADE_PENDING"] {
            for (status, said, wanted) in settled() {
                let rest =
                    [Event::Answered(QueryOutcome::Order(order(status))), Event::Settled(said)];
                let outcome = ChargeOutcome::Status(PartnerStatus::parse(word));
                assert_eq!(end_of_new(outcome.clone(), rest), wanted, "{word}");
                let lost = [Event::Answered(QueryOutcome::NotFound)];
                assert_eq!(end_of_new(outcome, lost), End::Unknown(Trouble::Lost), "{word}");
            }
        }
    }

    #[test]
    fn what_is_not_as_agreed_is_not_paid() {
        let rest = [
            Event::Answered(QueryOutcome::Order(order(PartnerStatus::TradeSuccess))),
            Event::Settled(Settled::Mismatch { field: "price" }),
        ];
        let outcome = ChargeOutcome::Status(PartnerStatus::TradeSuccess);
        assert_eq!(end_of_new(outcome, rest), End::Mismatch { field: "price" });
    }

    #[test]
    fn without_an_answer_it_is_asked_for_and_sent_again_a_few_times() {
        let mut round = Round::new(None);
        round.on(Event::Recorded(Registered::New));
        let mut sends = 0;
        let mut waits = Vec::new();
        loop {
            let event = match round.step() {
                Step::Send => {
                    sends += 1;
                    Event::Charged(ChargeOutcome::InDoubt(doubt()))
                }
                Step::Ask => Event::Answered(QueryOutcome::NotFound),
                Step::Pause { ms } => {
                    waits.push(ms);
                    Event::Waited
                }
                Step::End(end) => {
                    assert_eq!(end, End::Unknown(Trouble::NotArrived));
                    break;
                }
                other => panic!("{other:?}"),
            };
            round.on(event);
        }
        assert_eq!((sends, waits), (RENEW_SENDS_MAX, vec![1_000, 2_000, 4_000]));
    }

    #[test]
    fn questions_are_bounded_and_waits_grow() {
        for (answer, wanted) in [
            (QueryOutcome::InDoubt(doubt()), End::Unknown(Trouble::Doubt(doubt()))),
            (QueryOutcome::Order(order(PartnerStatus::WaitBuyerPay)), End::Waiting),
            (QueryOutcome::Limited { wait_s: 1 }, End::Unknown(Trouble::Lost)),
        ] {
            let mut round = Round::new(Some(OrderState::Open));
            let (mut asks, mut waited_ms) = (0, 0);
            let end = loop {
                let event = match round.step() {
                    Step::Ask => {
                        asks += 1;
                        Event::Answered(answer.clone())
                    }
                    Step::Settle(_) => Event::Settled(Settled::Waiting),
                    Step::Pause { ms } => {
                        waited_ms += ms;
                        Event::Waited
                    }
                    Step::End(end) => break end,
                    other => panic!("{other:?}"),
                };
                round.on(event);
            };
            assert_eq!((asks, end), (RENEW_ASKS_MAX, wanted));
            assert!(waited_ms >= u64::from(RENEW_ASKS_MAX - 1) * 1_000, "{waited_ms}");
        }
    }

    #[test]
    fn a_ban_leaves_a_new_charge_untouched_and_an_old_one_unknown() {
        let limited = ChargeOutcome::Limited { wait_s: 60 };
        assert_eq!(end_of_new(limited.clone(), []), End::Limited { wait_s: 60 });
        let events = [Event::Answered(QueryOutcome::NotFound), Event::Charged(limited)];
        let end = end(Round::new(Some(OrderState::Open)), events);
        assert!(matches!(end, End::Unknown(_)), "{end:?}");
    }

    /// With a wrong secret nothing can be asked either.
    #[test]
    fn a_refused_question_leaves_open_what_may_have_been_sent() {
        let no = |code: &str| Refusal { code: code.into(), message: "no".into() };
        let ask = || {
            let Refusal { code, message } = no("25");
            Event::Answered(QueryOutcome::Refused { code, message })
        };
        let Refusal { code, message } = no("25");
        let outcome = ChargeOutcome::RefusedOther { code, message };
        assert_eq!(end_of_new(outcome, [ask()]), End::Refused(no("25")));
        let old = end(Round::new(Some(OrderState::Open)), [ask()]);
        assert_eq!(old, End::Unknown(Trouble::Refused(no("25"))));
        let doubtful = ChargeOutcome::InDoubt(doubt());
        let first = [Event::Recorded(Registered::New), Event::Charged(doubtful), Event::Waited];
        let mut round = Round::new(None);
        first.into_iter().for_each(|event| round.on(event));
        assert_eq!(end(round, [ask()]), End::Unknown(Trouble::Refused(no("25"))));
    }

    #[test]
    fn refusals_of_the_app_are_told_from_those_of_a_charge() {
        let of = |code: &str| Refusal { code: code.into(), message: String::new() };
        for code in ["25", "29/isv.appkey-not-exists", "11/isv.permission-ip-whitelist-limit", "31"]
        {
            assert!(of(code).concerns_the_app() && !of(code).passes(), "{code}");
        }
        for code in [PUBLIC_KEY_NOT_SET, "RENEWAL_ORDER_NOT_ALLOWED"] {
            assert!(of(code).concerns_the_app(), "{code}");
        }
        for code in ["41/isv.invalid-parameter:subject_id", "15/isv.x", "RENEWAL_PRICE_ERROR", "X"]
        {
            assert!(!of(code).concerns_the_app() && !of(code).passes(), "{code}");
        }
        for code in ["RENEWAL_TIME_ERROR", "RENEWAL_ORDER_PAY_FAIL"] {
            assert!(of(code).passes() && !of(code).concerns_the_app(), "{code}");
        }
    }

    #[test]
    fn an_event_of_another_step_changes_nothing() {
        let mut round = Round::new(Some(OrderState::Open));
        let before = round.clone();
        round.on(Event::Waited);
        round.on(Event::Charged(ChargeOutcome::Status(PartnerStatus::TradeSuccess)));
        round.on(Event::Settled(granted()));
        assert_eq!(round, before);
    }
}
