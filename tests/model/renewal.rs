//! Charges of one subscription as a model: the platform, a ledger, and merchants' processes
//! that charge, die and begin again, over a network that loses, delays and repeats. The
//! platform knows a charge by its order number alone: its other checks come and go, so that
//! nothing can lean on them.
//!
//! Time is taken out: any wait may end, or find no time.

use stateright::{Model, Property};

use super::{judge, Goal, Verdict};
use crate::core::call::{Doubt, DoubtKind};
use crate::core::facts::OrderId;
use crate::merchant::ledger::{GrantId, OrderState, Registered, Settled};
use crate::merchant::renew::machine::{End, Event, Round, Step};
use crate::merchant::top::{ChargeOutcome, QueryOutcome};
use crate::money::Fen;
use crate::wire::partner::{PartnerOrder, PartnerStatus, RenewalCode};

/// Order number of a charge; a right merchant has one for each seq.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Number {
    seq: usize,
    nth: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Trade {
    Waiting,
    Paid,
    Closed,
}

/// What the platform does with a request that it is free to judge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Mood {
    Pay,
    Wait,
    NoMoney,
    /// "Wrong seq", for a new charge as well as for one that it has.
    SeqError,
}

const MOODS: [Mood; 4] = [Mood::Pay, Mood::Wait, Mood::NoMoney, Mood::SeqError];

/// What the network does with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fate {
    Answered,
    AnswerLost,
    RequestLost,
    /// The caller gives up, and the request arrives when it likes.
    Delayed,
    /// It is answered, and a copy of it arrives when it likes.
    Twice,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Worker {
    number: Number,
    round: Round,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    ledger: [Option<OrderState>; SEQS],
    trades: Vec<(Number, Trade)>,
    /// How often money was taken.
    money: [u8; SEQS],
    /// Requests that are on their way though nobody waits for them.
    adrift: Vec<Number>,
    workers: Vec<Option<Worker>>,
    told: [bool; SEQS],
    /// PAID was told of a charge that was not taken.
    lied: bool,
    /// REFUSED was told of a charge that the platform had.
    slandered: bool,
    /// A charge was taken that the ledger did not have at that moment.
    unrecorded: bool,
    /// "Wrong seq" was the answer to a charge that the platform had.
    misled: bool,
    faults: u8,
    crashes: u8,
    /// Numbers that a wrong variant has used up.
    next_nth: u8,
    /// A round of the first charge ended without an outcome.
    gave_up: bool,
}

const SEQS: usize = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Begin(usize),
    Send(usize, Fate, Mood),
    /// Asks, and has an answer or none.
    Ask(usize, bool),
    /// Does any other step; a wait is given its time or not.
    Go(usize, bool),
    Crash(usize),
    Arrive(usize, Mood),
    /// The payer pays, or never will.
    Decide(usize, bool),
    /// A person opens what was set aside.
    Release(usize),
}

#[derive(Clone, Copy, Debug)]
struct Setup {
    workers: usize,
    seqs: usize,
    faults_max: u8,
    crashes_max: u8,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Each round has an order number of its own.
    NumberPerRound,
    /// A charge without an answer is sent again under another number.
    NumberPerDoubt,
    /// It is written down when its outcome is known.
    SendBeforeRecord,
    /// "Wrong seq" is taken for "paid before".
    SeqErrorIsPaid,
    /// A refusal is believed without a question.
    RefusalIsBelieved,
    /// No answer is taken for success.
    SilenceIsPaid,
    /// The next charge is taken though this one has no outcome.
    NextAfterDoubt,
    /// The first answer, "waiting" included, is taken for the end.
    StatusIsPaid,
}

fn order(number: Number, trade: Trade) -> PartnerOrder {
    PartnerOrder {
        partner_order_no: format!("{}-{}", number.seq, number.nth),
        alipay_trade_no: String::new(),
        order_status: status(trade),
        price: Fen::new(1).unwrap(),
        subject: String::new(),
        subject_id: String::new(),
        buyer_logon_id: String::new(),
    }
}

fn status(trade: Trade) -> PartnerStatus {
    match trade {
        Trade::Waiting => PartnerStatus::WaitBuyerPay,
        Trade::Paid => PartnerStatus::TradeSuccess,
        Trade::Closed => PartnerStatus::TradeClosed,
    }
}

fn silence() -> Doubt {
    Doubt { kind: DoubtKind::Network, detail: String::new() }
}

impl World {
    fn trade(&self, number: Number) -> Option<Trade> {
        self.trades.iter().find(|(known, _)| *known == number).map(|(_, trade)| *trade)
    }

    fn set(&mut self, number: Number, trade: Trade) {
        self.trades.retain(|(known, _)| *known != number);
        self.trades.push((number, trade));
        self.trades.sort();
        if trade == Trade::Paid {
            self.money[number.seq] += 1;
        }
    }

    /// A request arrives.
    fn handle(&mut self, number: Number, mood: Mood) -> ChargeOutcome {
        let known = self.trade(number);
        let refused = |code| ChargeOutcome::Refused(code, String::new());
        match (mood, known) {
            (Mood::SeqError, known) => {
                self.misled |= known == Some(Trade::Paid);
                return refused(RenewalCode::ThreadSeqError);
            }
            (_, Some(trade)) => return ChargeOutcome::Status(status(trade)),
            (Mood::NoMoney, None) => return refused(RenewalCode::OrderPayFail),
            (Mood::Pay | Mood::Wait, None) => {}
        }
        self.unrecorded |= self.ledger[number.seq].is_none();
        let trade = if mood == Mood::Pay { Trade::Paid } else { Trade::Waiting };
        self.set(number, trade);
        ChargeOutcome::Status(status(trade))
    }

    fn send(&mut self, number: Number, fate: Fate, mood: Mood) -> ChargeOutcome {
        self.faults += u8::from(fate != Fate::Answered);
        let outcome = match fate {
            Fate::Answered | Fate::AnswerLost | Fate::Twice => self.handle(number, mood),
            Fate::RequestLost | Fate::Delayed => ChargeOutcome::InDoubt(silence()),
        };
        if matches!(fate, Fate::Delayed | Fate::Twice) {
            self.adrift.push(number);
            self.adrift.sort();
        }
        match fate {
            Fate::AnswerLost => ChargeOutcome::InDoubt(silence()),
            _ => outcome,
        }
    }

    /// What `Ledger::settle` does.
    fn settle(&mut self, seq: usize, answer: &PartnerOrder) -> Settled {
        let state = self.ledger[seq].get_or_insert(OrderState::Open);
        match (&answer.order_status, *state) {
            (_, OrderState::Paid) => Settled::Already,
            (PartnerStatus::TradeSuccess, _) => {
                *state = OrderState::Paid;
                Settled::Granted(GrantId::of(&OrderId::new("x").unwrap()))
            }
            (PartnerStatus::TradeClosed, _) => {
                *state = OrderState::Closed;
                Settled::Closed
            }
            _ => Settled::Waiting,
        }
    }

    fn end(&mut self, number: Number, end: &End, hasty: bool) {
        let seq = number.seq;
        match end {
            End::Paid => {
                self.told[seq] = true;
                self.lied |= self.money[seq] == 0;
            }
            End::Refused(refusal)
                if !refusal.passes() && self.ledger[seq] == Some(OrderState::Open) =>
            {
                self.ledger[seq] = Some(OrderState::Held);
            }
            End::Unknown(_) | End::Waiting => self.gave_up = hasty,
            _ => {}
        }
    }
}

impl Setup {
    /// Which charge a process that starts would work on.
    fn next(&self, world: &World) -> Option<usize> {
        let hasty = self.fault == Some(Fault::NextAfterDoubt) && world.gave_up;
        (0..self.seqs).find_map(|seq| match world.ledger[seq] {
            Some(OrderState::Paid) => None,
            Some(OrderState::Open) if hasty => None,
            Some(OrderState::Closed | OrderState::Held) => Some(None),
            _ => Some(Some(seq)),
        })?
    }

    /// What a wrong merchant makes of an answer; none if it sees nothing wrong with it.
    fn misread(&self, outcome: &ChargeOutcome) -> Option<End> {
        let refused = matches!(outcome, ChargeOutcome::Refused(..));
        let seq_error = matches!(outcome, ChargeOutcome::Refused(RenewalCode::ThreadSeqError, _));
        let silent = matches!(outcome, ChargeOutcome::InDoubt(_));
        let status = matches!(outcome, ChargeOutcome::Status(_));
        match self.fault {
            Some(Fault::SeqErrorIsPaid) if seq_error => Some(End::Paid),
            Some(Fault::SilenceIsPaid) if silent => Some(End::Paid),
            Some(Fault::StatusIsPaid) if status => Some(End::Paid),
            Some(Fault::RefusalIsBelieved) if refused => {
                Some(End::Refused(crate::merchant::renew::machine::Refusal {
                    code: RenewalCode::ThreadSeqError.as_str().into(),
                    message: String::new(),
                }))
            }
            _ => None,
        }
    }

    fn step_actions(&self, world: &World, at: usize, worker: &Worker, actions: &mut Vec<Action>) {
        let spare = world.faults < self.faults_max;
        match worker.round.step() {
            Step::Send => {
                let known = world.trade(worker.number).is_some();
                let moods = MOODS
                    .into_iter()
                    .filter(|mood| !known || matches!(mood, Mood::Pay | Mood::SeqError));
                for mood in moods {
                    actions.push(Action::Send(at, Fate::Answered, mood));
                    if spare {
                        actions.push(Action::Send(at, Fate::AnswerLost, mood));
                        actions.push(Action::Send(at, Fate::Twice, mood));
                    }
                }
                if spare {
                    actions.push(Action::Send(at, Fate::RequestLost, Mood::Pay));
                    actions.push(Action::Send(at, Fate::Delayed, Mood::Pay));
                }
            }
            Step::Ask => {
                actions.push(Action::Ask(at, true));
                if spare {
                    actions.push(Action::Ask(at, false));
                }
            }
            Step::Pause { .. } => actions.extend([Action::Go(at, true), Action::Go(at, false)]),
            Step::Record | Step::Settle(_) => actions.push(Action::Go(at, true)),
            Step::End(_) => {}
        }
    }

    fn send(
        &self,
        world: &mut World,
        mut worker: Worker,
        fate: Fate,
        mood: Mood,
    ) -> Option<Worker> {
        let number = worker.number;
        let outcome = world.send(number, fate, mood);
        if let Some(end) = self.misread(&outcome) {
            let had = world.trade(number).is_some();
            world.slandered |= had && matches!(end, End::Refused(_));
            world.end(number, &end, false);
            return None;
        }
        let silent = matches!(outcome, ChargeOutcome::InDoubt(_));
        if self.fault == Some(Fault::NumberPerDoubt) && silent && world.next_nth < 3 {
            world.next_nth += 1;
            worker.number.nth = world.next_nth;
        }
        worker.round.on(Event::Charged(outcome));
        Some(worker)
    }

    fn ask(&self, world: &mut World, mut worker: Worker, answered: bool) -> Option<Worker> {
        let trade = world.trade(worker.number);
        world.faults += u8::from(!answered);
        let outcome = match (answered, trade) {
            (false, _) => QueryOutcome::InDoubt(silence()),
            (true, None) => QueryOutcome::NotFound,
            (true, Some(trade)) => QueryOutcome::Order(order(worker.number, trade)),
        };
        worker.round.on(Event::Answered(outcome));
        let refused = matches!(worker.round.step(), Step::End(End::Refused(_)));
        world.slandered |= refused && trade.is_some();
        Some(worker)
    }

    /// Tells of a round that is over, and takes the time out of one that is not.
    fn tidy(&self, world: &mut World, at: usize) {
        let Some(worker) = &mut world.workers[at] else { return };
        worker.round.forget_time();
        if let Step::End(end) = worker.round.step() {
            let number = worker.number;
            world.workers[at] = None;
            world.end(number, &end, self.fault == Some(Fault::NextAfterDoubt));
        }
    }

    fn go(&self, world: &mut World, mut worker: Worker, time: bool) -> Option<Worker> {
        let seq = worker.number.seq;
        let event = match worker.round.step() {
            Step::Record if self.fault == Some(Fault::SendBeforeRecord) => {
                Event::Recorded(Registered::New)
            }
            Step::Record => Event::Recorded(match world.ledger[seq] {
                Some(_) => Registered::Known,
                None => {
                    world.ledger[seq] = Some(OrderState::Open);
                    Registered::New
                }
            }),
            Step::Settle(answer) => Event::Settled(world.settle(seq, &answer)),
            Step::Pause { .. } => {
                if time {
                    Event::Waited
                } else {
                    Event::NoTime
                }
            }
            Step::Send | Step::Ask | Step::End(_) => unreachable!("they have actions of their own"),
        };
        worker.round.on(event);
        Some(worker)
    }
}

impl Model for Setup {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            ledger: [None; SEQS],
            trades: vec![],
            money: [0; SEQS],
            adrift: vec![],
            workers: vec![None; self.workers],
            told: [false; SEQS],
            lied: false,
            slandered: false,
            unrecorded: false,
            misled: false,
            faults: 0,
            crashes: 0,
            next_nth: 0,
            gave_up: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        for (at, worker) in world.workers.iter().enumerate() {
            match worker {
                None if self.next(world).is_some() => actions.push(Action::Begin(at)),
                None => {}
                Some(worker) => {
                    self.step_actions(world, at, worker, actions);
                    if world.crashes < self.crashes_max {
                        actions.push(Action::Crash(at));
                    }
                }
            }
        }
        for at in 0..world.adrift.len() {
            actions.extend([Mood::Pay, Mood::Wait, Mood::SeqError].map(|m| Action::Arrive(at, m)));
        }
        for (at, (_, trade)) in world.trades.iter().enumerate() {
            if *trade == Trade::Waiting {
                actions.extend([Action::Decide(at, true), Action::Decide(at, false)]);
            }
        }
        for seq in 0..self.seqs {
            if world.ledger[seq] == Some(OrderState::Held) {
                actions.push(Action::Release(seq));
            }
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Begin(at) => {
                let seq = self.next(&world)?;
                let own = self.fault == Some(Fault::NumberPerRound) && world.next_nth < 3;
                world.next_nth += u8::from(own);
                let nth = if own { world.next_nth } else { 0 };
                let round = Round::new(world.ledger[seq]);
                world.workers[at] = Some(Worker { number: Number { seq, nth }, round });
            }
            Action::Send(at, fate, mood) => {
                let worker = world.workers[at].take()?;
                world.workers[at] = self.send(&mut world, worker, fate, mood);
            }
            Action::Ask(at, answered) => {
                let worker = world.workers[at].take()?;
                world.workers[at] = self.ask(&mut world, worker, answered);
            }
            Action::Go(at, time) => {
                let worker = world.workers[at].take()?;
                world.workers[at] = self.go(&mut world, worker, time);
            }
            Action::Crash(at) => {
                world.workers[at] = None;
                world.crashes += 1;
            }
            Action::Arrive(at, mood) => {
                let number = world.adrift.remove(at);
                world.handle(number, mood);
            }
            Action::Decide(at, pays) => {
                let (number, _) = world.trades[at];
                world.set(number, if pays { Trade::Paid } else { Trade::Closed });
            }
            Action::Release(seq) => world.ledger[seq] = Some(OrderState::Open),
        }
        for at in 0..world.workers.len() {
            self.tidy(&mut world, at);
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("once: money is taken once for each seq", |_, world: &World| {
                world.money.iter().all(|taken| *taken <= 1)
            }),
            Property::always("true: PAID is told only of what was taken", |_, world: &World| {
                let paid = |seq: usize| world.ledger[seq] == Some(OrderState::Paid);
                !world.lied && (0..SEQS).all(|seq| !paid(seq) || world.money[seq] == 1)
            }),
            Property::always(
                "fair: REFUSED is told only of what is not there",
                |_, world: &World| !world.slandered,
            ),
            Property::always("known: what is taken was recorded before", |_, world: &World| {
                !world.unrecorded
            }),
            Property::always("row: no charge before the one before it", |_, world: &World| {
                world.money[1] == 0 || world.money[0] == 1
            }),
            Property::sometimes("paid, after a crash and a fault", |setup, world: &World| {
                let all = (0..setup.seqs).all(|seq| world.told[seq]);
                all && world.crashes > 0 && world.faults > 0
            }),
            Property::sometimes("paid, after a misleading refusal", |_, world: &World| {
                world.told[0] && world.misled
            }),
            Property::sometimes("closed", |_, world: &World| {
                world.ledger[0] == Some(OrderState::Closed)
            }),
            Property::sometimes("set aside", |_, world: &World| {
                world.ledger[0] == Some(OrderState::Held)
            }),
        ]
    }
}

/// Whatever has happened, money that was taken can still become known.
const GOALS: [Goal<World>; 1] = [(
    "heard: what was taken becomes known",
    |world| world.money[0] > 0,
    |world| world.ledger[0] == Some(OrderState::Paid),
)];

fn check(setup: Setup) -> Verdict {
    judge(setup, setup.fault.is_some(), &GOALS)
}

/// Two runs at once, on one charge.
const TWO: Setup = Setup { workers: 2, seqs: 1, faults_max: 2, crashes_max: 1, fault: None };
/// One run, on two charges.
const ROW: Setup = Setup { workers: 1, seqs: 2, faults_max: 1, crashes_max: 1, fault: None };

#[test]
fn a_charge_is_taken_once_and_told_truly() {
    for setup in [TWO, ROW, Setup { faults_max: 3, crashes_max: 3, ..ROW }] {
        let verdict = check(setup);
        println!("{setup:?}: {} states", verdict.states);
        assert!(verdict.broken.is_empty() && verdict.stuck.is_empty(), "{:?}", verdict.broken);
        assert!(verdict.states > 1_000, "{}", verdict.states);
    }
}

#[test]
fn wrong_variants_are_caught() {
    for (setup, fault, killer) in [
        (ROW, Fault::NumberPerRound, "once"),
        (ROW, Fault::NumberPerDoubt, "once"),
        (ROW, Fault::SendBeforeRecord, "known"),
        (ROW, Fault::SeqErrorIsPaid, "true"),
        (ROW, Fault::RefusalIsBelieved, "fair"),
        (ROW, Fault::SilenceIsPaid, "true"),
        (ROW, Fault::NextAfterDoubt, "row"),
        (ROW, Fault::StatusIsPaid, "true"),
    ] {
        check(Setup { fault: Some(fault), ..setup }).must_name(killer, fault);
    }
}
