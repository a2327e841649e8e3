//! One draw as a model: gateway with its ledger, engine with its journal, game, and a network
//! that loses, repeats and reorders. The user may sign out and in again.
//!
//! Time is taken out but for what decides: the draw is young enough to be sent (`Young`), or
//! only looked up (`Old`), or no request to draw can be on its way any more (`Past`). The
//! gateway refuses requests that were signed longer ago than that.

use stateright::{Model, Property};

use super::{judge, Goal, Verdict};
use crate::core::award::Award;
use crate::core::call::{Ask, DoubtKind, Drawn, Reply};
use crate::core::draw::{start, step, Awaiting, Draw, Next, Phase};
use crate::core::facts::{AppKey, DrawFacts, EventKey, OrderId};
use crate::core::order::Now;
use crate::core::record::Record;
use crate::core::report::State;
use crate::core::step::{Input, Output};
use crate::core::user::UserId;
use crate::limits::{DRAW_GRACE_MS, DRAW_SEND_MS};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Result {
    Won,
    Lost,
    Refused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Age {
    Young,
    Old,
    Past,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum LastWord {
    No,
    SessionIsOver,
    GraceIsOver,
}

impl LastWord {
    fn of(draw: &Draw) -> LastWord {
        match draw.awaiting {
            Some(Awaiting::Query { last_word: true }) if draw.is_dead => LastWord::SessionIsOver,
            Some(Awaiting::Query { last_word: true }) => LastWord::GraceIsOver,
            _ => LastWord::No,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Message {
    /// `id`: which draw id it carries; a right engine knows one only.
    AskDraw {
        id: usize,
        /// Which session it carries; 0 for none.
        session: u8,
        stale: bool,
    },
    /// An answer belongs to its question: here one is told from another by whether it is the
    /// last word, and whether that is since the session is over.
    AskQuery {
        past: LastWord,
    },
    Drew(Answer),
    Queried {
        answer: Answer,
        past: LastWord,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Answer {
    Is(Result),
    NotSeen,
    NoSession,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    /// What came of each draw id.
    ledger: [Option<Result>; 2],
    /// 1, 0 after signing out, 2 after signing in again: a session never comes back.
    session: u8,
    signed_out: bool,
    age: Age,
    up: bool,
    memory: Option<Draw>,
    durable: Option<Draw>,
    /// A request to draw has left this process.
    sent: bool,
    net: Vec<Message>,
    game_up: bool,
    inbox: Option<Result>,
    known: Option<Result>,
    crashes: u8,
    game_crashes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    DrawOne,
    Poll,
    TimeOut,
    GetsOld,
    GracePasses,
    SignOut,
    SignIn,
    /// Handles a message, keeps a copy of it if told so, and draws this if it has to.
    GatewayHandles(u8, bool, Result),
    Receive(u8),
    Lose(u8),
    Crash,
    Boot,
    Deliver,
    Store,
    Ack,
    GameDies,
    GameStarts,
}

#[derive(Clone, Copy, Debug)]
struct Setup {
    /// The user may sign out, and in again.
    signs_out: bool,
    /// Looking a draw up needs a session too.
    query_needs_session: bool,
    net_max: usize,
    crashes_max: u8,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    NewIdOnRetry,
    JournalAfterDraw,
    /// No answer is "refused"; nothing is looked up.
    SilenceIsRefused,
    NotSeenIsRefused,
    /// The grace counts from the moment of the question, not from when it was over.
    GraceFromAsking,
    SignedOutIsRefused,
    /// A draw that ran out of patience is said to be lost.
    OldIsLost,
    AckOnDelivery,
    NoOutbox,
    NoResume,
}

const SEQUENCE: u64 = 10;
const RESULTS: [Result; 3] = [Result::Won, Result::Lost, Result::Refused];

fn facts() -> DrawFacts {
    DrawFacts {
        app_key: AppKey::new("1").unwrap(),
        draw_id: OrderId::new("draw-1").unwrap(),
        event_key: EventKey::new("e").unwrap(),
        user_id: UserId::new("u").unwrap(),
        confirm_key: None,
        behavior_key: None,
    }
}

impl Age {
    fn boot_ms(self) -> u64 {
        match self {
            Age::Young => 0,
            Age::Old => DRAW_SEND_MS,
            Age::Past => DRAW_GRACE_MS,
        }
    }
}

impl Draw {
    /// Takes everything out that only says when, or how often.
    fn out_of_time(mut self, age: Age) -> Draw {
        let timers = &mut self.course.timers;
        timers.poll_at = timers.poll_at.map(|_| age.boot_ms() + 1);
        timers.retell_at = timers.retell_at.map(|_| u64::MAX / 2);
        (timers.asked_at, timers.tries, timers.retells) = (0, 0, 0);
        timers.doubt_since = None;
        self.course.sequence = SEQUENCE;
        self.course.unknown = false;
        self.course.trouble = None;
        self.sent_at = 0;
        if age != Age::Young {
            (self.next, self.send_until) = (Next::Look, 0);
        }
        self
    }
}

impl World {
    fn now(&self) -> Now {
        Now {
            boot_ms: self.age.boot_ms(),
            wall_ms: self.age.boot_ms() as i64,
            server_ms: None,
            wait_s: 0,
        }
    }

    fn draw(&self) -> Option<&Draw> {
        self.memory.as_ref().filter(|_| self.up)
    }

    fn awaits_draw(&self) -> bool {
        self.draw().is_some_and(|draw| draw.awaiting == Some(Awaiting::Draw))
    }

    fn spends(&self) -> usize {
        self.ledger.iter().flatten().filter(|result| **result != Result::Refused).count()
    }

    /// What the game is told, or will be.
    fn told(&self) -> impl Iterator<Item = Result> + '_ {
        let final_ones = [&self.memory, &self.durable].into_iter().flatten().map(Draw::state);
        final_ones.filter_map(result).chain(self.inbox).chain(self.known)
    }

    fn send(&mut self, setup: &Setup, message: Message) {
        if self.net.len() < setup.net_max && !self.net.contains(&message) {
            self.net.push(message);
            self.net.sort();
        }
    }

    fn input(&mut self, setup: &Setup, input: Input, later_ms: u64) {
        let Some(mut draw) = self.memory.take() else { return };
        let now = Now { boot_ms: self.age.boot_ms() + later_ms, ..self.now() };
        let mut out = Vec::new();
        step(&mut draw, input, &now, &mut out);
        self.memory = Some(draw);
        self.carry_out(setup, out);
    }

    /// The shell: does what the outputs say, in their order.
    fn carry_out(&mut self, setup: &Setup, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Append(record) => self.append(setup, &record),
                Output::Ask(Ask::Draw(_)) => {
                    let again = self.sent && setup.fault == Some(Fault::NewIdOnRetry);
                    let session = self.session;
                    self.send(setup, Message::AskDraw { id: again.into(), session, stale: false });
                    self.sent = true;
                }
                Output::Ask(_) => {
                    let past = self.memory.as_ref().map_or(LastWord::No, LastWord::of);
                    self.send(setup, Message::AskQuery { past });
                }
                Output::Tell(_) => self.tell(setup),
            }
        }
        self.settle(setup);
    }

    fn append(&mut self, setup: &Setup, record: &Record) {
        let late = setup.fault == Some(Fault::JournalAfterDraw);
        match record {
            Record::DrawIntent { .. } if late => {}
            Record::DrawIntent { facts, created_ms } => {
                self.durable = Some(Draw::new(facts.clone(), *created_ms))
            }
            record => {
                let draw = self.durable.get_or_insert_with(|| Draw::new(facts(), 0));
                draw.apply(record).expect("records follow each other");
            }
        }
        let age = self.age;
        self.durable = self.durable.take().map(|draw| draw.out_of_time(age));
    }

    /// A callback out of memory, in the wrong variant: nobody will repeat it.
    fn tell(&mut self, setup: &Setup) {
        let told = self.memory.as_ref().and_then(|draw| result(draw.state()));
        if setup.fault != Some(Fault::NoOutbox) || told.is_none() {
            return;
        }
        self.inbox = told.filter(|_| self.game_up);
        for draw in [&mut self.memory, &mut self.durable].into_iter().flatten() {
            let ack = Record::Ack { key: facts().key(), sequence: draw.sequence() };
            draw.apply(&ack).expect("it is final");
            draw.course.timers.retell_at = None;
        }
    }

    /// A request to draw that may have left at a late moment makes the grace begin again.
    fn settle(&mut self, setup: &Setup) {
        let late = self.memory.as_ref().is_some_and(|draw| draw.sent_at >= DRAW_GRACE_MS);
        if late && setup.fault != Some(Fault::GraceFromAsking) {
            self.age = Age::Old;
        }
        let age = self.age;
        self.memory = self.memory.take().map(|draw| draw.out_of_time(age));
    }

    fn grow(&mut self, setup: &Setup, age: Age) {
        self.age = age;
        // As long as its answer is missing, a request may be waiting for a worker, unsigned.
        if age == Age::Past && !self.awaits_draw() {
            for message in &mut self.net {
                if let Message::AskDraw { stale, .. } = message {
                    *stale = true;
                }
            }
            self.net.dedup();
        }
        self.settle(setup);
    }

    fn receive(&mut self, setup: &Setup, message: Message) {
        let Some(draw) = self.memory.as_ref() else { return };
        let answer = match (message, draw.awaiting) {
            (Message::Drew(answer), Some(Awaiting::Draw)) => answer,
            (Message::Queried { answer, past }, Some(Awaiting::Query { .. }))
                if past == LastWord::of(draw) =>
            {
                answer
            }
            _ => return,
        };
        let reply = match answer {
            Answer::Is(result) => reply(result),
            Answer::NotSeen if setup.fault == Some(Fault::NotSeenIsRefused) => {
                reply(Result::Refused)
            }
            Answer::NotSeen => Reply::NoTrade,
            Answer::NoSession if setup.fault == Some(Fault::SignedOutIsRefused) => {
                reply(Result::Refused)
            }
            Answer::NoSession => Reply::NoSession,
        };
        self.input(setup, Input::Reply(reply), 0);
    }

    /// Each draw id has one fate, also the id of a draw that was refused.
    fn gateway_handles(&mut self, setup: &Setup, message: Message, luck: Result) {
        let answer = match message {
            Message::AskDraw { stale: true, .. } => return,
            Message::AskDraw { session, .. } if session == 0 || session != self.session => {
                Message::Drew(Answer::NoSession)
            }
            Message::AskDraw { id, .. } => {
                Message::Drew(Answer::Is(*self.ledger[id].get_or_insert(luck)))
            }
            Message::AskQuery { past } if self.session == 0 && setup.query_needs_session => {
                Message::Queried { answer: Answer::NoSession, past }
            }
            Message::AskQuery { past } => {
                let answer = self.ledger[0].map_or(Answer::NotSeen, Answer::Is);
                Message::Queried { answer, past }
            }
            _ => unreachable!("answers are not handled"),
        };
        self.send(setup, answer);
    }

    /// Power is back: the journal is read as it would be after a compaction.
    fn boot(&mut self, setup: &Setup) {
        self.up = true;
        let Some(durable) = &self.durable else { return };
        let records = durable.records();
        let mut draw = Draw::new(facts(), 0);
        for record in &records[1..] {
            draw.apply(record).expect("a snapshot replays");
        }
        assert_eq!(draw.records(), records, "a snapshot of a snapshot is the same");
        self.memory = Some(draw);
        if setup.fault == Some(Fault::NoResume) {
            // Whatever it was doing, it does not go on.
            self.memory = None;
        }
        self.input(setup, Input::Resume, 0);
    }
}

fn is_question(message: &Message) -> bool {
    matches!(message, Message::AskDraw { .. } | Message::AskQuery { .. })
}

fn result(state: State) -> Option<Result> {
    match state {
        State::Won => Some(Result::Won),
        State::Lost => Some(Result::Lost),
        State::Failed => Some(Result::Refused),
        _ => None,
    }
}

fn reply(result: Result) -> Reply {
    let award = Some(Award::default()).filter(|_| result == Result::Won);
    match result {
        Result::Refused => Reply::Rejected { code: String::new(), text: String::new() },
        _ => Reply::Drawn(Box::new(Drawn { award, points_left: None, free_left: None })),
    }
}

impl Model for Setup {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            ledger: [None; 2],
            session: 1,
            signed_out: false,
            age: Age::Young,
            up: true,
            memory: None,
            durable: None,
            sent: false,
            net: vec![],
            game_up: true,
            inbox: None,
            known: None,
            crashes: 0,
            game_crashes: 0,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        use Action::*;
        let mut offer = |action, allowed: bool| {
            if allowed {
                actions.push(action)
            }
        };
        let draw = world.draw();
        let begun = world.sent || world.durable.is_some() || world.known.is_some();
        offer(DrawOne, world.up && world.game_up && !begun);
        offer(Poll, draw.is_some_and(|draw| draw.course.timers.poll_at.is_some()));
        offer(TimeOut, draw.is_some_and(|draw| draw.awaiting.is_some()));
        offer(GetsOld, begun && world.age == Age::Young);
        offer(GracePasses, world.age == Age::Old);
        offer(SignOut, self.signs_out && world.session == 1 && !world.signed_out);
        offer(SignIn, world.session == 0);
        for (i, message) in world.net.iter().enumerate() {
            let i = i as u8;
            let open = matches!(message, Message::AskDraw { id, session, stale: false }
                if *session != 0 && *session == world.session && world.ledger[*id].is_none());
            let lucks = if open { &RESULTS[..] } else { &RESULTS[..1] };
            for luck in lucks.iter().filter(|_| is_question(message)) {
                offer(GatewayHandles(i, false, *luck), true);
                offer(GatewayHandles(i, true, *luck), true);
            }
            offer(Receive(i), !is_question(message) && world.up);
            offer(Lose(i), true);
        }
        offer(Crash, world.up && world.crashes < self.crashes_max);
        offer(Boot, !world.up);
        let unacked = draw.is_some_and(Draw::is_unacked);
        let told = draw.and_then(|draw| result(draw.state()));
        offer(Deliver, unacked && world.game_up && world.inbox.is_none());
        offer(Store, world.game_up && world.inbox.is_some());
        offer(Ack, unacked && world.game_up && world.known == told);
        offer(GameDies, world.game_up && world.game_crashes < self.crashes_max);
        offer(GameStarts, !world.game_up);
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::DrawOne => {
                let mut out = Vec::new();
                world.memory = Some(start(facts(), &world.now(), &mut out));
                world.carry_out(self, out);
            }
            Action::Poll => world.input(self, Input::Tick, 1),
            Action::TimeOut => {
                let silence = Reply::in_doubt(DoubtKind::Network, "");
                let reply = match self.fault {
                    Some(Fault::SilenceIsRefused) => reply(Result::Refused),
                    Some(Fault::OldIsLost) if world.age == Age::Past => reply(Result::Lost),
                    _ => silence,
                };
                world.input(self, Input::Reply(reply), 0);
            }
            Action::GetsOld => world.grow(self, Age::Old),
            Action::GracePasses => world.grow(self, Age::Past),
            Action::SignOut => (world.session, world.signed_out) = (0, true),
            Action::SignIn => world.session = 2,
            Action::GatewayHandles(i, again, luck) => {
                let message = world.net[i as usize];
                if !again {
                    world.net.remove(i as usize);
                }
                world.gateway_handles(self, message, luck);
            }
            Action::Receive(i) => {
                let message = world.net.remove(i as usize);
                world.receive(self, message);
            }
            Action::Lose(i) => {
                world.net.remove(i as usize);
            }
            Action::Crash => {
                world.up = false;
                world.memory = None;
                world.crashes += 1;
                world.net.retain(is_question);
            }
            Action::Boot => world.boot(self),
            Action::Deliver => {
                world.inbox = world.memory.as_ref().and_then(|draw| result(draw.state()));
                if self.fault == Some(Fault::AckOnDelivery) {
                    world.input(self, Input::Ack { sequence: SEQUENCE }, 0);
                }
            }
            Action::Store => world.known = world.inbox.take(),
            Action::Ack => world.input(self, Input::Ack { sequence: SEQUENCE }, 0),
            Action::GameDies => {
                world.game_up = false;
                world.inbox = None;
                world.game_crashes += 1;
            }
            Action::GameStarts => world.game_up = true,
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("I11 points are spent once at most", |_, w: &World| w.spends() <= 1),
            Property::always("I11 told is what the gateway did", |_, w: &World| {
                w.told().all(|told| match told {
                    Result::Refused => w.spends() == 0,
                    other => w.ledger.contains(&Some(other)),
                })
            }),
            Property::always("I3 a draw at the gateway is in the journal", |_, w: &World| {
                w.spends() == 0 || w.durable.is_some()
            }),
            Property::sometimes("won", |_, w: &World| w.known == Some(Result::Won)),
            Property::sometimes("lost", |_, w: &World| w.known == Some(Result::Lost)),
            Property::sometimes("refused", |_, w: &World| {
                w.known == Some(Result::Refused) && w.ledger[0] == Some(Result::Refused)
            }),
            Property::sometimes("never reached the gateway", |_, w: &World| {
                w.known == Some(Result::Refused) && w.ledger[0].is_none()
            }),
            Property::sometimes("drawn, and the answer lost in a crash", |_, w: &World| {
                !w.up && w.spends() == 1 && w.net.is_empty()
            }),
            Property::sometimes("looked up when it is old", |_, w: &World| {
                w.age == Age::Old
                    && w.draw().is_some_and(|d| d.phase == Phase::Created && d.awaiting.is_some())
            }),
        ]
    }
}

fn run(setup: Setup) -> Verdict {
    let goals: [Goal<World>; 2] = [
        (
            "L1 drawn => the game can learn what came of it",
            |w| w.spends() > 0,
            |w| w.known.is_some_and(|known| w.ledger[0] == Some(known)),
        ),
        (
            "L2 journalled => the game can learn a result",
            |w| w.durable.is_some(),
            |w| w.known.is_some(),
        ),
    ];
    judge(setup, setup.fault.is_some(), &goals)
}

const SETUPS: [Setup; 3] = {
    let base = Setup {
        signs_out: false,
        query_needs_session: false,
        net_max: 2,
        crashes_max: 1,
        fault: None,
    };
    let signs_out = Setup { signs_out: true, ..base };
    [base, signs_out, Setup { query_needs_session: true, ..signs_out }]
};

#[test]
fn points_are_spent_once_and_the_result_is_told() {
    for setup in SETUPS {
        let verdict = run(setup);
        println!("{} states: {setup:?}", verdict.states);
        assert!(verdict.states > 5_000, "the model lost its states");
        assert_eq!((verdict.broken, verdict.stuck), (vec![], vec![]), "{setup:?}");
    }
}

/// The same with more of everything: a few minutes, best in a release build.
#[test]
#[ignore = "long: cargo test --release --lib model -- --ignored"]
fn points_are_spent_once_through_more_crashes() {
    for setup in SETUPS {
        let setup = Setup { net_max: 3, crashes_max: 2, ..setup };
        let verdict = run(setup);
        println!("{} states: {setup:?}", verdict.states);
        assert_eq!((verdict.broken, verdict.stuck), (vec![], vec![]), "{setup:?}");
    }
}

#[test]
fn every_wrong_draw_dies() {
    let variants = [
        (Fault::NewIdOnRetry, "I11 points"),
        (Fault::JournalAfterDraw, "I3"),
        (Fault::SilenceIsRefused, "I11 told"),
        (Fault::NotSeenIsRefused, "I11 told"),
        (Fault::GraceFromAsking, "I11 told"),
        (Fault::SignedOutIsRefused, "I11 told"),
        (Fault::OldIsLost, "I11 told"),
        (Fault::AckOnDelivery, "L1"),
        (Fault::NoOutbox, "L1"),
        (Fault::NoResume, "L1"),
    ];
    for (fault, killer) in variants {
        let signs_out = fault == Fault::SignedOutIsRefused;
        let verdict = run(Setup { fault: Some(fault), signs_out, ..SETUPS[0] });
        verdict.must_name(killer, fault);
    }
}
