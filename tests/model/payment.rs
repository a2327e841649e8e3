//! One payment as a model: gateway, payer, merchant's server, engine with its journal, game
//! and a network that loses, repeats and reorders. The engine's part is the real `step` and
//! the real fold of records; the wrong variants are faults put around them. Every wrong
//! variant must die, or the properties prove nothing.
//!
//! Time is taken out: a timer may fire at any moment, and the gateway's clock is either
//! before the end of the code or `EXPIRY_GRACE_MS` past it. An answer belongs to the
//! question that asked for it (connection and nonce see to that); here a question is told
//! from another by its kind and by whether it was asked past the grace.

use stateright::{Model, Property};

use super::{judge, Goal, Verdict};
use crate::core::call::{Ask, DoubtKind, Reply, Trade, TradeStatus};
use crate::core::facts::{AppKey, Facts, OrderId};
use crate::core::order::{Awaiting, Now, Order, Phase};
use crate::core::record::Record;
use crate::core::report::{Event, ItemReport, State};
use crate::core::step::{start, step, Input, Output};
use crate::money::Fen;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Gw {
    Absent,
    Code,
    Wait,
    Paid,
    Closed,
    Refunded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Known {
    Nothing,
    Paid,
    NotPaid,
    Refunded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Message {
    AskPrecreate,
    AskQuery { past: bool },
    AskClose,
    Shown,
    Queried { status: Answer, past: bool },
    CloseDone { status: Answer },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Answer {
    NoTrade,
    NotScanned,
    Wait,
    Paid,
    Closed,
    Refunded,
    /// The gateway refuses and does not say why.
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    gw: Gw,
    scanned: bool,
    expired: bool,
    seen: bool,
    server_gave: bool,
    up: bool,
    on_screen: bool,
    memory: Option<Order>,
    durable: Option<Order>,
    net: Vec<Message>,
    game_up: bool,
    inbox: Known,
    known: Known,
    grants: u8,
    crashes: u8,
    game_crashes: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Pay,
    Poll,
    Deadline,
    UserCancels,
    TimeOut,
    Look,
    Scan,
    PayOnPhone,
    Expire,
    ServerGives,
    GatewayHandles(u8, bool),
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

/// The gateway's manners, how much may go wrong, and the fault of a wrong variant.
#[derive(Clone, Copy, Debug, Default)]
struct Setup {
    /// Answers NOT_SCANNED and closes unscanned codes, as the alitv gateway does. Otherwise
    /// an unscanned code is "no such trade".
    tells_unscanned: bool,
    /// Closing an unscanned code kills it all the same.
    close_poisons: bool,
    net_max: usize,
    crashes_max: u8,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// `trade.cancel` in place of close: refunds what is paid.
    CancelRefunds,
    /// The same, and after the first cancel a payment is no longer believed.
    CancelWins,
    JournalAfterPrecreate,
    CancelledAtOnce,
    NoTradeIsClosed,
    CloseIsTheLastWord,
    AckOnDelivery,
    NoOutbox,
    GrantPerEvent,
    NoResume,
}

/// The fixed place in time at which an order stands between two steps.
const SEQUENCE: u64 = 10;
const DEADLINE_AT: u64 = 1_000_000;
const EXPIRES_SERVER_MS: i64 = 300_000;
const PAST_SERVER_MS: i64 = 10_000_000;

fn facts() -> Facts {
    Facts {
        app_key: AppKey::new("1").unwrap(),
        order_id: OrderId::new("A").unwrap(),
        title: "t".into(),
        amount_fen: Fen::new(1).unwrap(),
        subject_id: None,
        notify_url: None,
        expires_s: None,
        renewal: None,
        user_id: None,
    }
}

impl Order {
    /// Takes everything out that only says when, or how often.
    fn out_of_time(mut self) -> Order {
        self.sequence = SEQUENCE;
        self.unknown = false;
        self.doubt = None;
        self.deadline_at = DEADLINE_AT;
        let timers = &mut self.timers;
        timers.poll_at = timers.poll_at.map(|_| 1);
        timers.retell_at = timers.retell_at.map(|_| u64::MAX / 2);
        (timers.asked_at, timers.tries, timers.retells) = (0, 0, 0);
        timers.doubt_since = None;
        if let Some(code) = &mut self.code {
            code.expires_server_ms = Some(EXPIRES_SERVER_MS);
        }
        self
    }

    fn is_open(&self) -> bool {
        !self.state().is_final()
    }
}

impl World {
    fn now(&self) -> Now {
        let server_ms = if self.expired { PAST_SERVER_MS } else { 0 };
        Now { boot_ms: 0, wall_ms: 0, server_ms: Some(server_ms), wait_s: 0 }
    }

    fn order(&self) -> Option<&Order> {
        self.memory.as_ref().filter(|_| self.up)
    }

    fn send(&mut self, setup: &Setup, message: Message) {
        if self.net.len() < setup.net_max && !self.net.contains(&message) {
            self.net.push(message);
            self.net.sort();
        }
    }

    fn input(&mut self, setup: &Setup, input: Input, boot_ms: u64) {
        let Some(mut order) = self.memory.take() else { return };
        let now = Now { boot_ms, ..self.now() };
        let mut out = Vec::new();
        step(&mut order, input, &now, &mut out);
        self.memory = Some(order);
        self.carry_out(setup, out);
    }

    /// The shell: does what the outputs say, in their order.
    fn carry_out(&mut self, setup: &Setup, out: Vec<Output>) {
        for output in out {
            match output {
                Output::Append(record) => self.append(setup, &record),
                Output::Ask(Ask::Precreate(_)) => self.send(setup, Message::AskPrecreate),
                Output::Ask(Ask::Close(_)) => self.send(setup, Message::AskClose),
                Output::Ask(_) => {
                    let order = self.memory.as_ref().expect("it asked");
                    let past =
                        matches!(order.awaiting, Some(Awaiting::Query { past_grace: true, .. }));
                    self.send(setup, Message::AskQuery { past });
                }
                Output::Tell(event) => {
                    let is_qr = matches!(event, Event::Qr(_));
                    let Some(ItemReport::Order(report)) = event.item() else { return };
                    self.on_screen = is_qr || (self.on_screen && report.qr_text.is_some());
                    if setup.fault == Some(Fault::NoOutbox) && report.state.is_final() {
                        self.tell_once(report.state);
                    }
                }
            }
        }
        self.memory = self.memory.take().map(Order::out_of_time);
    }

    fn append(&mut self, setup: &Setup, record: &Record) {
        let late = setup.fault == Some(Fault::JournalAfterPrecreate);
        match record {
            Record::Intent { .. } if late => {}
            Record::Intent { facts, created_ms } => {
                self.durable = Some(Order::new(facts.clone(), *created_ms))
            }
            Record::Shown { .. } if late && self.durable.is_none() => {
                self.durable = Some(Order::new(facts(), 0));
                self.append(setup, record);
            }
            record => {
                if let Some(durable) = &mut self.durable {
                    durable.apply(record).expect("records follow each other");
                }
            }
        }
        self.durable = self.durable.take().map(Order::out_of_time);
    }

    /// A callback out of memory: nobody will repeat it.
    fn tell_once(&mut self, state: State) {
        if self.game_up {
            self.inbox = known(state);
        }
        let key = facts().key();
        let ack = Record::Ack { key, sequence: SEQUENCE };
        for order in [&mut self.memory, &mut self.durable].into_iter().flatten() {
            order.sequence = SEQUENCE;
            order.apply(&ack).expect("it is final");
            order.timers.retell_at = None;
        }
    }

    fn receive(&mut self, setup: &Setup, message: Message) {
        let Some(order) = self.memory.as_mut() else { return };
        let fits = matches!(
            (message, order.awaiting),
            (Message::Shown, Some(Awaiting::Precreate))
                | (Message::CloseDone { .. }, Some(Awaiting::Close))
        ) || matches!((message, order.awaiting),
            (Message::Queried { past, .. }, Some(Awaiting::Query { past_grace, .. }))
                if past == past_grace);
        if !fits {
            return;
        }
        let closing = matches!(order.phase, Phase::Closing { .. });
        let reply = match message {
            Message::Shown => Reply::Shown { qr_text: "q".into(), expires_s: 300, server_ms: None },
            Message::Queried { status, .. } => reply(setup, status),
            Message::CloseDone { status } => {
                let last_word = setup.fault == Some(Fault::CloseIsTheLastWord);
                if last_word && matches!(status, Answer::NoTrade | Answer::Closed) {
                    order.awaiting = Some(Awaiting::Query { held: false, past_grace: true });
                    trade(TradeStatus::Closed)
                } else {
                    reply(setup, status)
                }
            }
            _ => unreachable!("questions are not received"),
        };
        let paid = reply == trade(TradeStatus::Success);
        let reply = if setup.fault == Some(Fault::CancelWins) && closing && paid {
            Reply::in_doubt(DoubtKind::Gateway, "")
        } else {
            reply
        };
        self.input(setup, Input::Reply(reply), 0);
    }

    fn gateway_handles(&mut self, setup: &Setup, message: Message) {
        let answer = match message {
            Message::AskPrecreate => {
                if self.gw == Gw::Absent {
                    self.gw = Gw::Code;
                }
                Message::Shown
            }
            Message::AskQuery { past } => Message::Queried { status: self.status(setup), past },
            Message::AskClose => Message::CloseDone { status: self.close(setup) },
            _ => unreachable!("answers are not handled"),
        };
        self.send(setup, answer);
    }

    fn status(&self, setup: &Setup) -> Answer {
        match self.gw {
            Gw::Absent => Answer::NoTrade,
            Gw::Code if setup.tells_unscanned => Answer::NotScanned,
            Gw::Code => Answer::NoTrade,
            Gw::Wait => Answer::Wait,
            Gw::Paid => Answer::Paid,
            Gw::Refunded => Answer::Refunded,
            Gw::Closed if self.scanned || setup.tells_unscanned => Answer::Closed,
            Gw::Closed => Answer::NoTrade,
        }
    }

    fn close(&mut self, setup: &Setup) -> Answer {
        let refunds = matches!(setup.fault, Some(Fault::CancelRefunds | Fault::CancelWins));
        match self.gw {
            Gw::Code if setup.tells_unscanned => self.gw = Gw::Closed,
            Gw::Code if setup.close_poisons => self.gw = Gw::Closed,
            Gw::Wait => self.gw = Gw::Closed,
            Gw::Paid if refunds => self.gw = Gw::Refunded,
            Gw::Paid if !setup.tells_unscanned => return Answer::Refused,
            _ => {}
        }
        self.status(setup)
    }
}

fn known(state: State) -> Known {
    match state {
        State::Paid => Known::Paid,
        State::Cancelled | State::Expired => Known::NotPaid,
        State::Refunded => Known::Refunded,
        _ => Known::Nothing,
    }
}

fn trade(status: TradeStatus) -> Reply {
    let amount_fen = facts().amount_fen;
    Reply::Status(Trade {
        status,
        trade_no: String::new(),
        amount_fen,
        paid_ms: None,
        server_ms: None,
        awards: Vec::new(),
    })
}

fn reply(setup: &Setup, answer: Answer) -> Reply {
    match answer {
        Answer::NoTrade if setup.fault == Some(Fault::NoTradeIsClosed) => {
            trade(TradeStatus::Closed)
        }
        Answer::NoTrade => Reply::NoTrade,
        Answer::NotScanned => trade(TradeStatus::NotScanned),
        Answer::Wait => trade(TradeStatus::WaitBuyerPay),
        Answer::Paid => trade(TradeStatus::Success),
        Answer::Closed => trade(TradeStatus::Closed),
        Answer::Refunded => trade(TradeStatus::Refunded),
        Answer::Refused => Reply::in_doubt(DoubtKind::Gateway, ""),
    }
}

impl Model for Setup {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![World {
            gw: Gw::Absent,
            scanned: false,
            expired: false,
            seen: false,
            server_gave: false,
            up: true,
            on_screen: false,
            memory: None,
            durable: None,
            net: vec![],
            game_up: true,
            inbox: Known::Nothing,
            known: Known::Nothing,
            grants: 0,
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
        let order = world.order();
        let dead = self.fault == Some(Fault::NoResume) && world.crashes > 0;
        let open = order.is_some_and(|order| order.is_open() && !dead);
        let before_closing = order.is_some_and(|order| {
            open && matches!(order.phase, Phase::Created | Phase::Open { .. })
        });
        let fresh = world.memory.is_none() && world.durable.is_none();
        offer(Pay, world.up && world.game_up && fresh && world.known == Known::Nothing);
        offer(Poll, open && order.is_some_and(|order| order.timers.poll_at.is_some()));
        offer(Deadline, before_closing);
        offer(UserCancels, before_closing);
        offer(TimeOut, open && order.is_some_and(|order| order.awaiting.is_some()));
        offer(Look, world.on_screen && !world.seen);
        offer(Scan, world.seen && world.gw == Gw::Code && !world.expired);
        offer(PayOnPhone, world.gw == Gw::Wait && !world.expired);
        offer(Expire, !world.expired && world.gw != Gw::Absent);
        offer(ServerGives, world.gw == Gw::Paid && !world.server_gave);
        for (i, message) in world.net.iter().enumerate() {
            let i = i as u8;
            let question = matches!(
                message,
                Message::AskPrecreate | Message::AskQuery { .. } | Message::AskClose
            );
            offer(GatewayHandles(i, false), question);
            offer(GatewayHandles(i, true), question);
            offer(Receive(i), !question && world.up);
            offer(Lose(i), true);
        }
        offer(Crash, world.up && world.crashes < self.crashes_max);
        offer(Boot, !world.up);
        let unacked = order.is_some_and(Order::is_unacked);
        let told = order.map_or(Known::Nothing, |order| known(order.state()));
        offer(Deliver, unacked && world.game_up && world.inbox == Known::Nothing);
        offer(Store, world.game_up && world.inbox != Known::Nothing);
        offer(Ack, unacked && world.game_up && world.known == told);
        offer(GameDies, world.game_up && world.game_crashes < self.crashes_max);
        offer(GameStarts, !world.game_up);
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Pay => {
                let mut out = Vec::new();
                world.memory = Some(start(facts(), &world.now(), &mut out));
                world.carry_out(self, out);
            }
            Action::Poll => world.input(self, Input::Tick, 1),
            Action::Deadline => world.input(self, Input::Tick, DEADLINE_AT),
            Action::UserCancels => {
                world.input(self, Input::Cancel, 0);
                if self.fault == Some(Fault::CancelledAtOnce) {
                    world.inbox = Known::NotPaid;
                }
            }
            Action::TimeOut => {
                let reply = Reply::in_doubt(DoubtKind::Network, "");
                world.input(self, Input::Reply(reply), 0);
            }
            Action::Look => world.seen = true,
            Action::Scan => (world.gw, world.scanned) = (Gw::Wait, true),
            Action::PayOnPhone => world.gw = Gw::Paid,
            Action::Expire => {
                world.expired = true;
                if matches!(world.gw, Gw::Code | Gw::Wait) {
                    world.gw = Gw::Closed;
                }
            }
            Action::ServerGives => world.server_gave = true,
            Action::GatewayHandles(i, again) => {
                let message = world.net[i as usize];
                if !again {
                    world.net.remove(i as usize);
                }
                world.gateway_handles(self, message);
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
                world.on_screen = false;
                world.memory = None;
                world.crashes += 1;
                world.net.retain(|message| {
                    matches!(
                        message,
                        Message::AskPrecreate | Message::AskQuery { .. } | Message::AskClose
                    )
                });
            }
            Action::Boot => world.boot(self),
            Action::Deliver => {
                world.inbox = world.memory.as_ref().map_or(Known::Nothing, |o| known(o.state()));
                if self.fault == Some(Fault::AckOnDelivery) {
                    world.input(self, Input::Ack { sequence: SEQUENCE }, 0);
                }
            }
            Action::Store => {
                let told = std::mem::replace(&mut world.inbox, Known::Nothing);
                let again = self.fault == Some(Fault::GrantPerEvent);
                if told == Known::Paid && (world.known != Known::Paid || again) && world.grants < 3
                {
                    world.grants += 1;
                }
                world.known = told;
            }
            Action::Ack => world.input(self, Input::Ack { sequence: SEQUENCE }, 0),
            Action::GameDies => {
                world.game_up = false;
                world.inbox = Known::Nothing;
                world.game_crashes += 1;
            }
            Action::GameStarts => world.game_up = true,
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always("P1 told not paid => money is not kept", |_, w: &World| {
                !(w.known == Known::NotPaid && w.gw == Gw::Paid)
            }),
            Property::always("P2 at most one grant", |_, w: &World| w.grants <= 1),
            Property::always("P3 a grant => paid", |_, w: &World| {
                w.grants == 0 || w.gw == Gw::Paid
            }),
            Property::always("P4 goods of the server => money is kept", |_, w: &World| {
                !(w.server_gave && w.gw == Gw::Refunded)
            }),
            Property::always("P5 a trade at the gateway is in the journal", |_, w: &World| {
                w.gw == Gw::Absent || w.durable.is_some()
            }),
            Property::sometimes("paid delivered", |_, w: &World| w.known == Known::Paid),
            Property::sometimes("not paid delivered", |_, w: &World| w.known == Known::NotPaid),
            Property::sometimes("cancel races payment", |_, w: &World| {
                let closing = |o: &Order| matches!(o.phase, Phase::Closing { .. });
                w.memory.as_ref().is_some_and(closing) && w.gw == Gw::Paid
            }),
            Property::sometimes("crash with a code out", |_, w: &World| {
                !w.up && w.seen && w.gw == Gw::Wait
            }),
        ]
    }
}

impl World {
    /// Power is back: the journal is read as it would be after a compaction.
    fn boot(&mut self, setup: &Setup) {
        self.up = true;
        let Some(durable) = &self.durable else { return };
        let records = durable.records();
        let mut order = Order::new(facts(), 0);
        for record in &records[1..] {
            order.apply(record).expect("a snapshot replays");
        }
        assert_eq!(order.records(), records, "a snapshot of a snapshot is the same");
        self.memory = Some(order);
        if setup.fault == Some(Fault::NoResume) {
            // Whatever it was doing, it does not go on.
            let order = self.memory.as_mut().expect("just set");
            order.timers.poll_at = Some(1).filter(|_| order.is_open());
            order.timers.retell_at = Some(1).filter(|_| order.is_unacked());
        } else {
            self.input(setup, Input::Resume, 0);
        }
        self.memory = self.memory.take().map(Order::out_of_time);
        let now = self.now();
        self.on_screen =
            self.memory.as_ref().is_some_and(|order| order.report(&now).qr_text.is_some());
    }
}

fn run(setup: Setup) -> Verdict {
    let goals: [Goal<World>; 2] = [
        (
            "L1 paid => the game can learn it",
            |w| w.gw == Gw::Paid,
            |w| w.known == Known::Paid || (w.known == Known::Refunded && w.gw == Gw::Refunded),
        ),
        (
            "L2 journalled => the game can learn a result",
            |w| w.durable.is_some(),
            |w| w.known != Known::Nothing,
        ),
    ];
    judge(setup, setup.fault.is_some(), &goals)
}

const GATEWAYS: [Setup; 3] = {
    let base = Setup {
        tells_unscanned: false,
        close_poisons: false,
        net_max: 2,
        crashes_max: 1,
        fault: None,
    };
    [Setup { tells_unscanned: true, ..base }, base, Setup { close_poisons: true, ..base }]
};

#[test]
fn the_design_holds_on_every_kind_of_gateway() {
    for setup in GATEWAYS {
        let verdict = run(setup);
        println!("{} states: {setup:?}", verdict.states);
        assert!(verdict.states > 10_000, "the model lost its states");
        assert_eq!(verdict.broken, Vec::<&str>::new(), "{setup:?}");
        assert_eq!(verdict.stuck, vec![], "{setup:?}");
    }
}

/// The same with more of everything: a few minutes, best in a release build.
#[test]
#[ignore = "long: cargo test --release --lib model -- --ignored"]
fn the_design_holds_through_more_crashes() {
    for setup in GATEWAYS {
        let setup = Setup { net_max: 3, crashes_max: 3, ..setup };
        let verdict = run(setup);
        println!("{} states: {setup:?}", verdict.states);
        assert_eq!((verdict.broken, verdict.stuck), (vec![], vec![]), "{setup:?}");
    }
}

#[test]
fn every_wrong_variant_dies() {
    // The gateway on which the fault shows, and the property that must catch it.
    let unscanned_is_unknown = 1;
    let variants = [
        (Fault::CancelRefunds, unscanned_is_unknown, "P3"),
        (Fault::CancelWins, unscanned_is_unknown, "P4"),
        (Fault::JournalAfterPrecreate, 0, "P5"),
        (Fault::CancelledAtOnce, unscanned_is_unknown, "P1"),
        (Fault::NoTradeIsClosed, unscanned_is_unknown, "P1"),
        (Fault::CloseIsTheLastWord, unscanned_is_unknown, "P1"),
        (Fault::AckOnDelivery, 0, "L1"),
        (Fault::NoOutbox, 0, "L1"),
        (Fault::GrantPerEvent, 0, "P2"),
        (Fault::NoResume, 0, "L1"),
    ];
    for (fault, gateway, killer) in variants {
        let verdict = run(Setup { fault: Some(fault), ..GATEWAYS[gateway] });
        verdict.must_name(killer, fault);
    }
}
