//! Signing in as a model: gateway, phones, engine with its journal, and a network that loses
//! and reorders, on which everything is asked again. The engine's part is the real `step` and
//! the real fold of records; the wrong variants are faults put around them. Every wrong
//! variant must die, or the properties prove nothing.
//!
//! Time is taken out: a timer may fire at any moment, and so may a code run out. An answer
//! belongs to the attempt that asked for it (the call's number sees to that); answers to
//! older questions of the same attempt are let through, which is more than the engine does.

use stateright::{Checker, Expectation, HasDiscoveries, Model, Property};

use crate::core::account::{Account, Awaiting};
use crate::core::call::{Ask, AuthStatus, DoubtKind, Reply};
use crate::core::facts::AppKey;
use crate::core::order::Now;
use crate::core::record::Record;
use crate::core::report::{AccountReport, AuthPhase, Event};
use crate::core::sign_in::{step, Input, Output};
use crate::core::user::{Token, UserId};

const ATTEMPTS: usize = 2;
const ENDS_AT: u64 = 1_000_000;

const A3: &str = "A3 what is told is stored";
const A4: &str = "A4 signed in => granted by this user, and as authorised as said";
const A5: &str = "A5 an old code signs nobody in";
const A6: &str = "A6 an attempt that has ended signs nobody in";
const A7: &str = "A7 nobody is signed out for nothing";
const A8: &str = "A8 a session that is over is not kept";

/// A user of the platform.
type Who = u8;
/// A token bears the number of the attempt that brought it; the first one was there before.
type Ticket = u8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Gw {
    Absent,
    Code,
    Scanned,
    Granted,
    Denied,
    Dead,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Message {
    AskCode { attempt: u8, session: Option<Ticket> },
    AskOutcome { attempt: u8 },
    Code { attempt: u8 },
    Outcome { attempt: u8, is: Gw },
    NoCode { attempt: u8, session: Ticket },
    NoUser { session: Ticket },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    gw: [Gw; ATTEMPTS],
    /// What phones have granted, and whether the app was authorised.
    granted: [Option<(Who, bool)>; ATTEMPTS],
    /// Tokens that are not valid any more, by their number.
    over: [bool; ATTEMPTS + 1],
    up: bool,
    memory: Account,
    durable: Account,
    net: Vec<Message>,
    begun: u8,
    ends: [u8; ATTEMPTS],
    /// Attempts that a crash has taken.
    lost: [bool; ATTEMPTS],
    crashes: u8,
    /// What went wrong where a single state does not show it.
    wrong: Option<&'static str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Action {
    Auth {
        change: bool,
    },
    Cancel,
    Logout,
    Poll,
    TimeOut,
    OutOfTime,
    /// Something is asked in the name of a user who has signed out elsewhere.
    AskUser,
    Scan(u8),
    Grant {
        attempt: u8,
        who: Who,
        authorised: bool,
    },
    Deny(u8),
    Expire(u8),
    /// The user signs out on another device.
    OutElsewhere,
    GatewayHandles(u8),
    Receive(u8),
    Lose(u8),
    Crash,
    Boot,
}

#[derive(Clone, Copy, Debug)]
struct Setup {
    /// Who is signed in at the beginning, and whether the app is authorised.
    first: Option<bool>,
    /// The gateway lets old codes live.
    careless: bool,
    /// Who may grant on a phone, whoever the code is for, and how.
    grants: [(Who, bool); 2],
    net_max: usize,
    crashes_max: u8,
    fault: Option<Fault>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// The answer about one attempt is taken for one about another.
    AnyAnswer,
    /// Success is told, and then the token is stored.
    SuccessBeforeToken,
    /// Logout is told, and then the token is deleted.
    LogoutBeforeDelete,
    /// An end is not told.
    SilentEnd,
    /// An attempt goes on after its end was told.
    CancelledGoesOn,
    ScannedIsGranted,
    UnauthorisedIsAuthorised,
    /// Whoever answered is taken for the user who is signed in.
    AnyUser,
    /// "No session" is taken to be about the present user, whoever it is about.
    AnyNoSession,
    NoSessionIgnored,
}

fn app() -> AppKey {
    AppKey::new("1").unwrap()
}

fn token(ticket: Ticket) -> Token {
    Token::new("token", format!("t{ticket}")).unwrap()
}

fn ticket(token: &Token) -> Ticket {
    token.expose()[1..].parse().unwrap()
}

fn user(who: Who) -> UserId {
    UserId::new(format!("u{who}")).unwrap()
}

fn number(attempt: &str) -> u8 {
    attempt.parse().unwrap()
}

impl Account {
    /// Takes everything out that only says when, or how often.
    fn out_of_time(mut self) -> Account {
        self.sequence = 0;
        if let Some(attempt) = &mut self.attempt {
            attempt.poll_at = attempt.poll_at.map(|_| 1);
            attempt.ends_at = ENDS_AT;
            attempt.trouble = None;
            (attempt.asked_at, attempt.tries) = (0, 0);
            (attempt.interval_ms, attempt.slow_down_ms) = (0, 0);
        }
        self
    }

    fn running(&self) -> Option<u8> {
        self.attempt.as_ref().map(|attempt| number(&attempt.id))
    }

    fn awaiting(&self) -> Option<Awaiting> {
        self.attempt.as_ref().and_then(|attempt| attempt.awaiting)
    }

    fn ticket(&self) -> Option<Ticket> {
        self.session().map(ticket)
    }
}

impl World {
    fn send(&mut self, setup: &Setup, message: Message) {
        if self.net.len() < setup.net_max && !self.net.contains(&message) {
            self.net.push(message);
            self.net.sort();
        }
    }

    fn input(&mut self, setup: &Setup, input: Input, boot_ms: u64) {
        let now = Now { boot_ms, wall_ms: 0, server_ms: None, wait_s: 0 };
        let asked_for_logout = input == Input::Logout;
        let before = self.memory.attempt.clone();
        let mut out = Vec::new();
        step(&mut self.memory, input.clone(), &now, &mut out);
        if setup.fault == Some(Fault::CancelledGoesOn) && input == Input::Cancel {
            self.memory.attempt = before;
        }
        let is_tell = |output: &Output| matches!(output, Output::Tell(_));
        let appends = |wanted: fn(&Record) -> bool| {
            out.iter().any(|output| matches!(output, Output::Append(record) if wanted(record)))
        };
        let hasty = match setup.fault {
            Some(Fault::SuccessBeforeToken) => {
                appends(|record| matches!(record, Record::SignedIn { .. }))
            }
            Some(Fault::LogoutBeforeDelete) => {
                appends(|record| matches!(record, Record::SignedOut { .. }))
            }
            _ => false,
        };
        if hasty {
            out.sort_by_key(|output| !is_tell(output));
        }
        for output in out {
            self.carry_out(setup, output, asked_for_logout);
        }
        self.memory = self.memory.clone().out_of_time();
    }

    /// The shell: does what an output says, and looks whether it may be said now.
    fn carry_out(&mut self, setup: &Setup, output: Output, asked_for_logout: bool) {
        match output {
            Output::Append(record) => self.append(&record, asked_for_logout),
            Output::Ask(ask, session) | Output::Send(ask, session) => {
                let session = session.as_ref().map(ticket);
                let message = match (ask, session) {
                    (Ask::AuthApply { attempt }, session) => {
                        Message::AskCode { attempt: number(&attempt), session }
                    }
                    (Ask::AuthQuery { attempt, .. }, None) => {
                        Message::AskOutcome { attempt: number(&attempt) }
                    }
                    // What comes of these, `Expire` and `OutElsewhere` do at any time.
                    (Ask::AuthCancel { .. }, None) | (Ask::SignOut, Some(_)) => return,
                    other => panic!("an account does not ask {other:?}"),
                };
                self.send(setup, message);
            }
            Output::Tell(Event::Account(report)) => self.tell(setup, report),
            Output::Tell(event) => panic!("an account does not tell {event:?}"),
        }
    }

    fn append(&mut self, record: &Record, asked_for_logout: bool) {
        let before = self.durable.ticket();
        self.durable.apply(record);
        match record {
            Record::SignedIn { user_id, token, authorised, .. } => {
                let by = ticket(token);
                let genuine = self.granted[by as usize - 1]
                    .is_some_and(|(who, granted)| user(who) == *user_id && granted == *authorised);
                self.note(genuine, A4);
                self.note(by == self.begun, A5);
                let ended = self.ends[by as usize - 1] > 0 || self.lost[by as usize - 1];
                self.note(!ended, A6);
            }
            Record::SignedOut { .. } => {
                let valid = before.is_some_and(|t| !self.over[t as usize]);
                self.note(asked_for_logout || !valid, A7);
            }
            other => panic!("an account does not append {other:?}"),
        }
    }

    fn tell(&mut self, setup: &Setup, report: AccountReport) {
        let ended = report.auth.as_ref().filter(|auth| auth.phase.is_over());
        if setup.fault == Some(Fault::SilentEnd) && ended.is_some() {
            return;
        }
        let stored = (self.durable.state(), self.durable.user_id().cloned());
        self.note(stored == (report.state, report.user_id.clone()), A3);
        let Some(auth) = ended else { return };
        self.ends[number(&auth.attempt) as usize - 1] += 1;
        if auth.phase == AuthPhase::Success {
            self.note(self.durable.is_authorised(), A3);
        }
    }

    fn note(&mut self, holds: bool, name: &'static str) {
        if !holds {
            self.wrong.get_or_insert(name);
        }
    }

    fn receive(&mut self, setup: &Setup, message: Message) {
        let any = setup.fault == Some(Fault::AnyAnswer);
        let current = |attempt| any || self.memory.running() == Some(attempt);
        let awaits = self.memory.awaiting();
        let reply = match message {
            Message::Code { attempt } if current(attempt) && awaits == Some(Awaiting::Code) => {
                Reply::Code { qr_text: "q".into(), expires_s: 300, interval_s: 5 }
            }
            Message::Outcome { attempt, is }
                if current(attempt) && matches!(awaits, Some(Awaiting::Outcome { .. })) =>
            {
                self.outcome(setup, attempt, is)
            }
            Message::NoCode { attempt, session } => {
                if current(attempt) && awaits == Some(Awaiting::Code) {
                    self.input(setup, Input::Reply(Reply::NoSession), 0);
                }
                return self.no_session(setup, session);
            }
            Message::NoUser { session } => return self.no_session(setup, session),
            _ => return,
        };
        self.input(setup, Input::Reply(reply), 0);
    }

    fn outcome(&self, setup: &Setup, attempt: u8, is: Gw) -> Reply {
        let granted = |who, authorised| AuthStatus::Granted {
            user_id: user(who),
            token: token(attempt),
            authorised,
        };
        Reply::Auth(match is {
            Gw::Scanned if setup.fault == Some(Fault::ScannedIsGranted) => granted(1, true),
            Gw::Scanned => AuthStatus::Scanned,
            Gw::Granted if setup.fault == Some(Fault::AnyUser) => {
                let user_id = self.memory.user_id().cloned().unwrap_or_else(|| user(1));
                AuthStatus::Granted { user_id, token: token(attempt), authorised: true }
            }
            Gw::Granted => {
                let (who, authorised) = self.granted[attempt as usize - 1].expect("granted");
                let lax = setup.fault == Some(Fault::UnauthorisedIsAuthorised);
                granted(who, authorised || lax)
            }
            Gw::Denied => AuthStatus::Denied,
            Gw::Code => AuthStatus::Waiting,
            Gw::Absent | Gw::Dead => AuthStatus::Expired,
        })
    }

    /// The engine: only the present session can be over.
    fn no_session(&mut self, setup: &Setup, session: Ticket) {
        let current = self.memory.ticket() == Some(session);
        let any = setup.fault == Some(Fault::AnyNoSession) && self.memory.ticket().is_some();
        let ignored = setup.fault == Some(Fault::NoSessionIgnored);
        if (current || any) && !ignored {
            self.input(setup, Input::NoSession, 0);
        }
        let kept = self.memory.ticket() == Some(session);
        self.note(!kept, A8);
    }

    fn gateway_handles(&mut self, setup: &Setup, message: Message) {
        match message {
            Message::AskCode { attempt, session } => {
                if let Some(session) = session.filter(|s| self.over[*s as usize]) {
                    return self.send(setup, Message::NoCode { attempt, session });
                }
                let i = attempt as usize - 1;
                if self.gw[i] == Gw::Absent {
                    for old in self.gw.iter_mut().filter(|_| !setup.careless) {
                        if matches!(old, Gw::Code | Gw::Scanned) {
                            *old = Gw::Dead;
                        }
                    }
                    self.gw[i] = Gw::Code;
                }
                self.send(setup, Message::Code { attempt });
            }
            Message::AskOutcome { attempt } => {
                let is = self.gw[attempt as usize - 1];
                self.send(setup, Message::Outcome { attempt, is });
            }
            _ => unreachable!("answers are not handled"),
        }
    }

    /// Power is back: the journal is read as it would be after a compaction.
    fn boot(&mut self) {
        self.up = true;
        let records = self.durable.records();
        self.memory = Account::new(app());
        records.iter().for_each(|record| self.memory.apply(record));
        assert_eq!(self.memory.records(), records, "a snapshot of a snapshot is the same");
    }

    /// For each attempt that was begun: how many of "it goes on", "its end was told" and "a
    /// crash has taken it" are true.
    fn fates(&self) -> impl Iterator<Item = u8> + '_ {
        (1..=self.begun).map(|attempt| {
            let i = attempt as usize - 1;
            let runs = self.memory.running() == Some(attempt);
            runs as u8 + self.ends[i] + self.lost[i] as u8
        })
    }
}

impl Message {
    fn is_question(&self) -> bool {
        matches!(self, Message::AskCode { .. } | Message::AskOutcome { .. })
    }
}

impl Model for Setup {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let mut account = Account::new(app());
        if let Some(authorised) = self.first {
            let (user_id, token) = (user(1), token(0));
            account.apply(&Record::SignedIn { app_key: app(), user_id, token, authorised });
        }
        vec![World {
            gw: [Gw::Absent; ATTEMPTS],
            granted: [None; ATTEMPTS],
            over: [false; ATTEMPTS + 1],
            up: true,
            memory: account.clone(),
            durable: account,
            net: vec![],
            begun: 0,
            ends: [0; ATTEMPTS],
            lost: [false; ATTEMPTS],
            crashes: 0,
            wrong: None,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        use Action::*;
        if world.wrong.is_some() {
            return;
        }
        let mut offer = |action, allowed: bool| {
            if allowed {
                actions.push(action)
            }
        };
        let attempt = world.memory.attempt.as_ref();
        let more = world.up && (world.begun as usize) < ATTEMPTS;
        offer(Auth { change: false }, more && attempt.is_none());
        offer(Auth { change: true }, more && (attempt.is_some() || world.memory.user.is_some()));
        offer(Cancel, attempt.is_some());
        offer(Logout, world.up && (attempt.is_some() || world.memory.user.is_some()));
        offer(Poll, attempt.is_some_and(|attempt| attempt.poll_at.is_some()));
        offer(TimeOut, attempt.is_some_and(|attempt| attempt.awaiting.is_some()));
        offer(OutOfTime, attempt.is_some());
        let held = world.durable.ticket();
        offer(OutElsewhere, held.is_some_and(|t| !world.over[t as usize]));
        offer(AskUser, world.up && held.is_some_and(|t| world.over[t as usize]));
        for attempt in 1..=ATTEMPTS as u8 {
            let code = world.gw[attempt as usize - 1];
            offer(Scan(attempt), code == Gw::Code);
            offer(Deny(attempt), code == Gw::Scanned);
            offer(Expire(attempt), matches!(code, Gw::Code | Gw::Scanned));
            for (who, authorised) in self.grants {
                offer(Grant { attempt, who, authorised }, code == Gw::Scanned);
            }
        }
        for (i, message) in world.net.iter().enumerate() {
            let (i, question) = (i as u8, message.is_question());
            offer(GatewayHandles(i), question);
            offer(Receive(i), !question && world.up);
            offer(Lose(i), true);
        }
        offer(Crash, world.up && world.crashes < self.crashes_max);
        offer(Boot, !world.up);
    }

    fn next_state(&self, last: &World, action: Action) -> Option<World> {
        let mut world = last.clone();
        match action {
            Action::Auth { change } => {
                let attempt = (world.begun + 1).to_string();
                let before = world.memory.running();
                // Until it is known whether an attempt begins, it is the newest one.
                world.begun += 1;
                world.input(self, Input::Auth { attempt, change }, 0);
                if world.memory.running() == before {
                    world.begun -= 1;
                }
            }
            Action::Cancel => world.input(self, Input::Cancel, 0),
            Action::Logout => world.input(self, Input::Logout, 0),
            Action::Poll => world.input(self, Input::Tick, 1),
            Action::TimeOut => {
                let reply = Reply::in_doubt(DoubtKind::Network, "");
                world.input(self, Input::Reply(reply), 0);
            }
            Action::OutOfTime => world.input(self, Input::Tick, ENDS_AT),
            Action::AskUser => {
                let session = world.memory.ticket()?;
                world.send(self, Message::NoUser { session });
            }
            Action::Scan(attempt) => world.gw[attempt as usize - 1] = Gw::Scanned,
            Action::Grant { attempt, who, authorised } => {
                world.gw[attempt as usize - 1] = Gw::Granted;
                world.granted[attempt as usize - 1] = Some((who, authorised));
            }
            Action::Deny(attempt) => world.gw[attempt as usize - 1] = Gw::Denied,
            Action::Expire(attempt) => world.gw[attempt as usize - 1] = Gw::Dead,
            Action::OutElsewhere => world.over[world.durable.ticket()? as usize] = true,
            Action::GatewayHandles(i) => {
                let message = world.net.remove(i as usize);
                world.gateway_handles(self, message);
            }
            Action::Receive(i) => {
                let message = world.net.remove(i as usize);
                world.receive(self, message);
            }
            Action::Lose(i) => {
                world.net.remove(i as usize);
            }
            Action::Crash => world.crash(),
            Action::Boot => world.boot(),
        }
        (world != *last).then_some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let always = |name, holds| Property::always(name, holds);
        let sometimes = |name, holds| Property::sometimes(name, holds);
        vec![
            always("A1 at most one end of an attempt", |_, w: &World| {
                w.ends.iter().all(|ends| *ends <= 1)
            }),
            always("A2 an attempt goes on, or has ended, or was lost", |_, w: &World| {
                w.fates().all(|fates| fates == 1)
            }),
            always(A3, |_, w: &World| w.wrong != Some(A3)),
            always(A4, |_, w: &World| w.wrong != Some(A4)),
            always(A5, |_, w: &World| w.wrong != Some(A5)),
            always(A6, |_, w: &World| w.wrong != Some(A6)),
            always(A7, |_, w: &World| w.wrong != Some(A7)),
            always(A8, |_, w: &World| w.wrong != Some(A8)),
            always("A9 what is in memory is what is stored", |_, w: &World| {
                !w.up || w.memory.user == w.durable.user
            }),
            sometimes("success", |_, w: &World| {
                w.durable.is_authorised() && w.durable.ticket() != Some(0)
            }),
            sometimes("denied", |_, w: &World| {
                (0..ATTEMPTS).any(|i| w.gw[i] == Gw::Denied && w.ends[i] == 1)
            }),
            sometimes("both kinds of grant", |setup: &Setup, w: &World| {
                w.durable.ticket() == Some(2) && w.granted[1] == Some(setup.grants[1])
            }),
            sometimes("an old code was used", |_, w: &World| {
                w.begun == 2 && w.granted[0].is_some() && w.memory.running() == Some(2)
            }),
            sometimes("a grant was lost with the power", |_, w: &World| {
                !w.up && (0..ATTEMPTS).any(|i| w.lost[i] && w.granted[i].is_some())
            }),
        ]
    }
}

impl World {
    fn crash(&mut self) {
        if let Some(attempt) = self.memory.running() {
            self.lost[attempt as usize - 1] = true;
        }
        self.up = false;
        self.memory = Account::new(app());
        self.crashes += 1;
        self.net.retain(Message::is_question);
    }
}

/// What one run found: how many states, and which properties broke.
struct Verdict {
    states: usize,
    broken: Vec<&'static str>,
}

fn run(setup: Setup) -> Verdict {
    let until = match setup.fault {
        Some(_) => HasDiscoveries::AnyFailures,
        None => HasDiscoveries::All,
    };
    let checker = setup.checker().threads(2).finish_when(until).spawn_bfs().join();
    let found = checker.discoveries();
    let mut broken = Vec::new();
    for property in setup.properties() {
        let seen = found.contains_key(property.name);
        match property.expectation {
            Expectation::Always if seen => broken.push(property.name),
            // A run that never gets there has proved nothing.
            Expectation::Sometimes if setup.fault.is_none() => {
                assert!(seen, "{} was never reached: {setup:?}", property.name)
            }
            _ => {}
        }
    }
    Verdict { states: checker.unique_state_count(), broken }
}

const SAME_USER: [(Who, bool); 2] = [(1, true), (1, false)];
const ANY_USER: [(Who, bool); 2] = [(1, true), (2, true)];

/// Nobody signed in, somebody who has not authorised the app, somebody who has; and a gateway
/// that is worth nothing.
const SETUPS: [Setup; 4] = {
    let base = Setup {
        first: None,
        careless: false,
        grants: SAME_USER,
        net_max: 1,
        crashes_max: 1,
        fault: None,
    };
    [
        Setup { net_max: 2, ..base },
        Setup { first: Some(false), ..base },
        Setup { first: Some(true), grants: ANY_USER, ..base },
        Setup { first: Some(false), grants: ANY_USER, careless: true, ..base },
    ]
};

#[test]
fn signing_in_holds_whoever_is_there_before() {
    for setup in SETUPS {
        let verdict = run(setup);
        println!("{} states: {setup:?}", verdict.states);
        assert!(verdict.states > 10_000, "the model lost its states");
        assert_eq!(verdict.broken, Vec::<&str>::new(), "{setup:?}");
    }
}

/// The same with more of everything: a minute.
#[test]
#[ignore = "long: cargo test --release --lib model -- --ignored"]
fn signing_in_holds_on_a_worse_network() {
    for setup in SETUPS {
        let setup = Setup { net_max: setup.net_max + 1, crashes_max: 2, ..setup };
        let verdict = run(setup);
        println!("{} states: {setup:?}", verdict.states);
        assert_eq!(verdict.broken, Vec::<&str>::new(), "{setup:?}");
    }
}

#[test]
fn every_wrong_way_to_sign_in_dies() {
    let [nobody, _, authorised, careless] = SETUPS;
    let variants = [
        (Fault::AnyAnswer, nobody, "A5"),
        (Fault::SuccessBeforeToken, nobody, "A3"),
        (Fault::LogoutBeforeDelete, authorised, "A3"),
        (Fault::SilentEnd, nobody, "A2"),
        (Fault::CancelledGoesOn, nobody, "A2"),
        (Fault::ScannedIsGranted, nobody, "A4"),
        (Fault::UnauthorisedIsAuthorised, nobody, "A4"),
        (Fault::AnyUser, careless, "A4"),
        (Fault::AnyNoSession, Setup { net_max: 2, ..authorised }, "A7"),
        (Fault::NoSessionIgnored, authorised, "A8"),
    ];
    for (fault, setup, killer) in variants {
        let verdict = run(Setup { fault: Some(fault), ..setup });
        println!("{fault:?}: {} states, broken {:?}", verdict.states, verdict.broken);
        let mut broken = verdict.broken.iter();
        assert!(broken.any(|name| name.starts_with(killer)), "{fault:?} survived");
    }
}
