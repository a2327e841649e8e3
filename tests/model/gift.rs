//! One gift and two boxes of the same user as a model: the platform's record, on each box an
//! engine with its journal and a game, and a network that loses, repeats and reorders.
//!
//! Time is taken out: a timer may fire at any moment.

use stateright::{Model, Property};

use super::{judge, Goal, Verdict};
use crate::core::award::GiftId;
use crate::core::call::{Ask, DoubtKind, Reply};
use crate::core::facts::{AppKey, GiftFacts, OrderId};
use crate::core::gift::{retake, start, step, Awaiting, Taking};
use crate::core::order::Now;
use crate::core::record::Record;
use crate::core::report::State;
use crate::core::step::{Input, Output};
use crate::core::user::UserId;

/// Of one taking: which box, and which of its take ids; a right engine has one only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct TakeId {
    at: usize,
    nth: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Gift {
    Pending,
    Kept(TakeId),
    Activated(TakeId),
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Known {
    Granted,
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Message {
    AskTake(TakeId),
    AskMark(TakeId),
    /// To the box, and whether it has the gift.
    Took(usize, bool),
    Marked(usize, bool),
}

/// A TV box with its game.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
struct TvBox {
    up: bool,
    memory: Option<Taking>,
    durable: Option<Taking>,
    /// The game has asked for the gift.
    begun: bool,
    game_up: bool,
    inbox: Option<Known>,
    known: Option<Known>,
    goods: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    gift: Gift,
    boxes: [TvBox; 2],
    net: Vec<Message>,
    /// The machine said FAILED of a gift that was kept for it.
    lied: bool,
    crashes: u8,
    game_crashes: u8,
    retaken: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Take(usize),
    TakeAgain(usize),
    Poll(usize),
    TimeOut(usize),
    Expire,
    /// Handles a message, and keeps a copy of it if told so.
    GatewayHandles(u8, bool),
    /// Refuses to keep the record, this time.
    GatewayIsMoody(u8),
    Receive(u8),
    Lose(u8),
    Crash(usize),
    Boot(usize),
    Deliver(usize),
    Store(usize),
    Ack(usize),
    GameDies(usize),
    GameStarts(usize),
}

#[derive(Clone, Copy, Debug)]
struct Setup {
    boxes: usize,
    /// The second box and its game may crash too.
    both_crash: bool,
    /// The gateway refuses now and then what it takes the next time.
    moody: bool,
    net_max: usize,
    crashes_max: u8,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// A restart makes a new take id.
    TakeIdNotJournalled,
    /// So does a game that tries again.
    NewTakeIdOnRetake,
    JournalAfterTake,
    SilenceIsFailure,
    /// The game gives out what it has asked for, before it is known whose it is.
    GoodsAtOnce,
    GrantPerEvent,
    /// The record is activated when the game hears of the gift.
    MarkBeforeAck,
    AckOnDelivery,
    NoOutbox,
    /// What was acked is never activated after a restart.
    NoMarkAfterRestart,
}

const SEQUENCE: u64 = 10;

fn facts(id: TakeId) -> GiftFacts {
    GiftFacts {
        app_key: AppKey::new("1").unwrap(),
        gift_id: GiftId::new(1).unwrap(),
        user_id: UserId::new("u").unwrap(),
        take_id: OrderId::new(format!("{}-{}", id.at, id.nth)).unwrap(),
    }
}

fn take_id(taking: &Taking) -> TakeId {
    let text = taking.facts().take_id.as_str();
    let (at, nth) = text.split_once('-').unwrap();
    TakeId { at: at.parse().unwrap(), nth: nth.parse().unwrap() }
}

fn now(boot_ms: u64) -> Now {
    Now { boot_ms, wall_ms: 0, server_ms: None, wait_s: 0 }
}

fn known(state: State) -> Option<Known> {
    match state {
        State::Granted => Some(Known::Granted),
        State::Failed => Some(Known::Failed),
        _ => None,
    }
}

impl Taking {
    /// Takes everything out that only says when, or how often.
    fn out_of_time(mut self) -> Taking {
        let timers = &mut self.course.timers;
        timers.poll_at = timers.poll_at.map(|_| 1);
        timers.retell_at = timers.retell_at.map(|_| u64::MAX / 2);
        (timers.asked_at, timers.tries, timers.retells) = (0, 0, 0);
        timers.doubt_since = None;
        self.course.sequence = SEQUENCE;
        self.course.unknown = false;
        self.course.trouble = None;
        self
    }
}

impl TvBox {
    fn taking(&self) -> Option<&Taking> {
        self.memory.as_ref().filter(|_| self.up)
    }

    fn append(&mut self, setup: &Setup, record: &Record) {
        let late = setup.fault == Some(Fault::JournalAfterTake);
        match (record, &mut self.durable) {
            (Record::GiftIntent { .. }, None) if late => {}
            (Record::GiftIntent { facts, created_ms }, None) => {
                self.durable = Some(Taking::new(facts.clone(), *created_ms))
            }
            (record, durable) => {
                let facts = self.memory.as_ref().map(|taking| taking.facts().clone());
                let new = || Taking::new(facts.expect("it appends"), 0);
                durable.get_or_insert_with(new).apply(record).expect("records follow each other")
            }
        }
        self.durable = self.durable.take().map(Taking::out_of_time);
    }

    /// A callback out of memory, in the wrong variant: nobody will repeat it.
    fn tell(&mut self, setup: &Setup) {
        let told = self.memory.as_ref().and_then(|taking| known(taking.state()));
        if setup.fault != Some(Fault::NoOutbox) || told.is_none() {
            return;
        }
        self.inbox = told.filter(|_| self.game_up);
        for taking in [&mut self.memory, &mut self.durable].into_iter().flatten() {
            let ack = Record::Ack { key: taking.key(), sequence: taking.sequence() };
            taking.apply(&ack).expect("it is final");
            taking.course.timers.retell_at = None;
            taking.course.timers.poll_at = Some(1).filter(|_| taking.is_marking());
        }
    }

    fn store(&mut self, setup: &Setup) {
        let told = self.inbox.take();
        let again = setup.fault == Some(Fault::GrantPerEvent);
        let new = self.known != told || again;
        if told == Some(Known::Granted) && new && self.goods < 2 {
            self.goods += 1;
        }
        self.known = told;
    }
}

impl World {
    fn goods(&self) -> u8 {
        self.boxes.iter().map(|tv| tv.goods).sum()
    }

    /// Who has the record.
    fn owner(&self) -> Option<TakeId> {
        match self.gift {
            Gift::Kept(id) | Gift::Activated(id) => Some(id),
            Gift::Pending | Gift::Expired => None,
        }
    }

    fn owner_box(&self) -> Option<&TvBox> {
        self.owner().map(|id| &self.boxes[id.at])
    }

    fn send(&mut self, setup: &Setup, message: Message) {
        if self.net.len() < setup.net_max && !self.net.contains(&message) {
            self.net.push(message);
            self.net.sort();
        }
    }

    fn input(&mut self, setup: &Setup, at: usize, input: Input, boot_ms: u64) {
        let Some(mut taking) = self.boxes[at].memory.take() else { return };
        let was = taking.state();
        let mut out = Vec::new();
        step(&mut taking, input, &now(boot_ms), &mut out);
        let fails = taking.state() == State::Failed && taking.state() != was;
        self.lied |= fails && self.owner().is_some_and(|id| id.at == at);
        self.boxes[at].memory = Some(taking);
        self.carry_out(setup, at, out);
    }

    /// The shell: does what the outputs say, in their order.
    fn carry_out(&mut self, setup: &Setup, at: usize, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Append(record) => self.boxes[at].append(setup, &record),
                Output::Ask(ask) => {
                    let id = take_id(self.boxes[at].memory.as_ref().expect("it asks"));
                    let mark = matches!(ask, Ask::GiftMark(_));
                    self.send(setup, if mark { Message::AskMark(id) } else { Message::AskTake(id) })
                }
                Output::Tell(_) => self.boxes[at].tell(setup),
            }
        }
        let memory = &mut self.boxes[at].memory;
        *memory = memory.take().map(Taking::out_of_time);
    }

    fn take(&mut self, setup: &Setup, at: usize) {
        let mut out = Vec::new();
        self.boxes[at].begun = true;
        self.boxes[at].memory = Some(start(facts(TakeId { at, nth: 0 }), &now(0), &mut out));
        self.carry_out(setup, at, out);
        if setup.fault == Some(Fault::GoodsAtOnce) {
            (self.boxes[at].known, self.boxes[at].goods) = (Some(Known::Granted), 1);
        }
    }

    fn take_again(&mut self, setup: &Setup, at: usize) {
        let Some(mut taking) = self.boxes[at].memory.take() else { return };
        let mut out = Vec::new();
        self.retaken = true;
        self.boxes[at].known = None;
        if setup.fault == Some(Fault::NewTakeIdOnRetake) {
            let facts = facts(TakeId { at, nth: 1 });
            let record = Record::GiftIntent { facts: facts.clone(), created_ms: 0 };
            taking.apply(&record).expect("it may be retaken");
            out.push(Output::Append(record));
            taking.course.timers.poll_at = Some(1);
        } else {
            retake(&mut taking, facts(TakeId { at, nth: 1 }), &now(0), &mut out);
        }
        self.boxes[at].memory = Some(taking);
        self.carry_out(setup, at, out);
    }

    fn receive(&mut self, setup: &Setup, message: Message) {
        let (at, asked, reply) = match message {
            Message::Took(at, true) => {
                (at, Awaiting::Take, Reply::Taken { cp_item_id: String::new() })
            }
            Message::Took(at, false) => (at, Awaiting::Take, refused()),
            Message::Marked(at, true) => (at, Awaiting::Mark, Reply::Done),
            Message::Marked(at, false) => (at, Awaiting::Mark, refused()),
            _ => unreachable!("questions are not received"),
        };
        if self.boxes[at].taking().is_some_and(|taking| taking.awaiting == Some(asked)) {
            self.input(setup, at, Input::Reply(reply), 0);
        }
    }

    fn gateway_handles(&mut self, setup: &Setup, message: Message) {
        let answer = match message {
            Message::AskTake(id) => {
                if self.gift == Gift::Pending {
                    self.gift = Gift::Kept(id);
                }
                Message::Took(id.at, self.owner() == Some(id))
            }
            Message::AskMark(id) => {
                if self.gift == Gift::Kept(id) {
                    self.gift = Gift::Activated(id);
                }
                Message::Marked(id.at, self.gift == Gift::Activated(id))
            }
            _ => unreachable!("answers are not handled"),
        };
        self.send(setup, answer);
    }

    /// Power is back: the journal is read as it would be after a compaction.
    fn boot(&mut self, setup: &Setup, at: usize) {
        self.boxes[at].up = true;
        let Some(durable) = &self.boxes[at].durable else { return };
        let records = durable.records();
        let mut taking = Taking::new(durable.facts().clone(), 0);
        for record in &records[1..] {
            taking.apply(record).expect("a snapshot replays");
        }
        assert_eq!(taking.records(), records, "a snapshot of a snapshot is the same");
        if setup.fault == Some(Fault::TakeIdNotJournalled) && !taking.state().is_final() {
            taking = Taking::new(facts(TakeId { at, nth: 1 }), 0);
        }
        let dead = setup.fault == Some(Fault::NoMarkAfterRestart) && taking.is_marking();
        self.boxes[at].memory = Some(taking).filter(|_| !dead);
        self.input(setup, at, Input::Resume, 0);
    }
}

fn is_question(message: &Message) -> bool {
    matches!(message, Message::AskTake(_) | Message::AskMark(_))
}

/// Whether a crash of this box loses the message.
fn is_answer_to(at: usize, message: &Message) -> bool {
    matches!(message, Message::Took(to, _) | Message::Marked(to, _) if *to == at)
}

fn refused() -> Reply {
    Reply::Rejected { code: String::new(), text: String::new() }
}

impl Setup {
    fn actions_at(&self, world: &World, at: usize, actions: &mut Vec<Action>) {
        use Action::*;
        let mut offer = |action, allowed: bool| {
            if allowed {
                actions.push(action)
            }
        };
        let tv = &world.boxes[at];
        let taking = tv.taking();
        offer(Take(at), tv.up && tv.game_up && !tv.begun);
        offer(TakeAgain(at), tv.game_up && taking.is_some_and(Taking::may_be_retaken));
        offer(Poll(at), taking.is_some_and(|taking| taking.course.timers.poll_at.is_some()));
        offer(TimeOut(at), taking.is_some_and(|taking| taking.awaiting.is_some()));
        let fragile = tv.begun && (at == 0 || self.both_crash);
        offer(Crash(at), fragile && tv.up && world.crashes < self.crashes_max);
        offer(Boot(at), !tv.up);
        let unacked = taking.is_some_and(Taking::is_unacked);
        let told = taking.and_then(|taking| known(taking.state()));
        offer(Deliver(at), unacked && tv.game_up && tv.inbox.is_none());
        offer(Store(at), tv.game_up && tv.inbox.is_some());
        offer(Ack(at), unacked && tv.game_up && tv.known == told);
        let dies = tv.game_up && world.game_crashes < self.crashes_max;
        offer(GameDies(at), fragile && dies);
        offer(GameStarts(at), !tv.game_up);
    }

    fn deliver(&self, world: &mut World, at: usize) {
        let tv = &mut world.boxes[at];
        tv.inbox = tv.memory.as_ref().and_then(|taking| known(taking.state()));
        if self.fault == Some(Fault::AckOnDelivery) {
            world.input(self, at, Input::Ack { sequence: SEQUENCE }, 0);
        } else if self.fault == Some(Fault::MarkBeforeAck) {
            let id = take_id(world.boxes[at].memory.as_ref().expect("it was told"));
            world.send(self, Message::AskMark(id));
        }
    }
}

impl Model for Setup {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let tv = TvBox { up: true, game_up: true, ..TvBox::default() };
        vec![World {
            gift: Gift::Pending,
            boxes: [tv.clone(), tv],
            net: vec![],
            lied: false,
            crashes: 0,
            game_crashes: 0,
            retaken: false,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        use Action::*;
        for at in 0..self.boxes {
            self.actions_at(world, at, actions);
        }
        if world.gift == Gift::Pending {
            actions.push(Expire);
        }
        for (i, message) in world.net.iter().enumerate() {
            let i = i as u8;
            if is_question(message) {
                actions.extend([GatewayHandles(i, false), GatewayHandles(i, true)]);
            } else {
                actions.push(Receive(i));
            }
            if self.moody && matches!(message, Message::AskTake(_)) && world.owner().is_none() {
                actions.push(GatewayIsMoody(i));
            }
            actions.push(Lose(i));
        }
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Take(at) => world.take(self, at),
            Action::TakeAgain(at) => world.take_again(self, at),
            Action::Poll(at) => world.input(self, at, Input::Tick, 1),
            Action::TimeOut(at) => {
                let fails = self.fault == Some(Fault::SilenceIsFailure);
                let silence = Reply::in_doubt(DoubtKind::Network, "");
                let reply = if fails { refused() } else { silence };
                world.input(self, at, Input::Reply(reply), 0);
            }
            Action::Expire => world.gift = Gift::Expired,
            Action::GatewayHandles(i, again) => {
                let message = world.net[i as usize];
                if !again {
                    world.net.remove(i as usize);
                }
                world.gateway_handles(self, message);
            }
            Action::GatewayIsMoody(i) => {
                if let Message::AskTake(id) = world.net.remove(i as usize) {
                    world.send(self, Message::Took(id.at, false));
                }
            }
            Action::Receive(i) => {
                let message = world.net.remove(i as usize);
                world.receive(self, message);
            }
            Action::Lose(i) => {
                world.net.remove(i as usize);
            }
            Action::Crash(at) => {
                world.boxes[at].up = false;
                world.boxes[at].memory = None;
                world.crashes += 1;
                world.net.retain(|message| !is_answer_to(at, message));
            }
            Action::Boot(at) => world.boot(self, at),
            Action::Deliver(at) => self.deliver(&mut world, at),
            Action::Store(at) => world.boxes[at].store(self),
            Action::Ack(at) => world.input(self, at, Input::Ack { sequence: SEQUENCE }, 0),
            Action::GameDies(at) => {
                world.boxes[at].game_up = false;
                world.boxes[at].inbox = None;
                world.game_crashes += 1;
            }
            Action::GameStarts(at) => world.boxes[at].game_up = true,
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("I12 goods are given once at most", |_, w: &World| w.goods() <= 1),
            Property::always("I12 goods => the record is kept for this box", |_, w: &World| {
                w.boxes
                    .iter()
                    .enumerate()
                    .all(|(at, tv)| tv.goods == 0 || w.owner().is_some_and(|id| id.at == at))
            }),
            Property::always("I12 activated => the goods are acked", |_, w: &World| {
                let acked = |tv: &TvBox| tv.durable.as_ref().is_some_and(|t| !t.is_unacked());
                !matches!(w.gift, Gift::Activated(_))
                    || w.owner_box().is_some_and(|tv| tv.goods == 1 && acked(tv))
            }),
            Property::always("I3 what is kept for a box is in its journal", |_, w: &World| {
                let Some(id) = w.owner() else { return true };
                w.boxes[id.at].durable.as_ref().is_some_and(|taking| take_id(taking) == id)
            }),
            Property::sometimes("activated", |_, w: &World| matches!(w.gift, Gift::Activated(_))),
            Property::sometimes("expired", |_, w: &World| {
                w.gift == Gift::Expired && w.boxes[0].known == Some(Known::Failed)
            }),
            Property::sometimes("power is lost before the record is activated", |_, w: &World| {
                matches!(w.gift, Gift::Kept(id) if !w.boxes[id.at].up)
                    && w.goods() == 1
                    && w.net.is_empty()
            }),
        ];
        if self.moody {
            properties.push(Property::sometimes("taken again and had", |_, w: &World| {
                w.retaken && w.goods() == 1
            }));
        } else {
            properties
                .push(Property::always("FAILED => not kept for this box", |_, w: &World| !w.lied));
        }
        if self.boxes == 2 {
            properties.push(Property::sometimes("the other box was faster", |_, w: &World| {
                w.boxes[0].known == Some(Known::Granted) && w.boxes[1].known == Some(Known::Failed)
            }));
        }
        properties
    }
}

fn run(setup: Setup) -> Verdict {
    let goals: [Goal<World>; 2] = [
        (
            "L1 kept => it can be given out and activated",
            |w| w.owner().is_some(),
            |w| w.goods() == 1 && matches!(w.gift, Gift::Activated(_)),
        ),
        (
            "L2 journalled => the game can learn a result",
            |w| w.boxes[0].durable.is_some(),
            |w| w.boxes[0].known.is_some(),
        ),
    ];
    judge(setup, setup.fault.is_some(), &goals)
}

const SETUPS: [Setup; 3] = {
    let base = Setup {
        boxes: 1,
        both_crash: false,
        moody: false,
        net_max: 2,
        crashes_max: 1,
        fault: None,
    };
    [base, Setup { moody: true, ..base }, Setup { boxes: 2, ..base }]
};

#[test]
fn a_gift_is_given_once_and_never_lost() {
    for setup in SETUPS {
        let verdict = run(setup);
        println!("{} states: {setup:?}", verdict.states);
        assert!(verdict.states > 500, "the model lost its states");
        assert_eq!((verdict.broken, verdict.stuck), (vec![], vec![]), "{setup:?}");
    }
}

/// The same with more of everything: a few minutes, best in a release build.
#[test]
#[ignore = "long: cargo test --release --lib model -- --ignored"]
fn a_gift_is_given_once_through_more_crashes() {
    let more = |setup| Setup { net_max: 3, crashes_max: 2, ..setup };
    let both_crash = Setup { both_crash: true, moody: true, ..SETUPS[2] };
    for setup in [more(SETUPS[0]), more(SETUPS[1]), both_crash] {
        let verdict = run(setup);
        println!("{} states: {setup:?}", verdict.states);
        assert_eq!((verdict.broken, verdict.stuck), (vec![], vec![]), "{setup:?}");
    }
}

#[test]
fn every_wrong_taking_dies() {
    // The setup on which the fault shows, and the property that must catch it.
    let (plain, moody, two_boxes) = (0, 1, 2);
    let variants = [
        (Fault::TakeIdNotJournalled, plain, "I3"),
        (Fault::NewTakeIdOnRetake, moody, "I3"),
        (Fault::JournalAfterTake, plain, "I3"),
        (Fault::SilenceIsFailure, plain, "FAILED"),
        (Fault::GoodsAtOnce, two_boxes, "I12 goods are"),
        (Fault::GrantPerEvent, plain, "I12 goods are"),
        (Fault::MarkBeforeAck, plain, "I12 activated"),
        (Fault::AckOnDelivery, plain, "I12 activated"),
        (Fault::NoOutbox, plain, "I12 activated"),
        (Fault::NoMarkAfterRestart, plain, "L1"),
    ];
    for (fault, setup, killer) in variants {
        let verdict = run(Setup { fault: Some(fault), ..SETUPS[setup] });
        verdict.must_name(killer, fault);
    }
}
