//! An engine on a bench: a clock that only moves when it is told to, no gateway, no disk.
//! Every case goes through the effects that a shell would carry out.

#![allow(dead_code, reason = "each test uses a part of it")]

use alitv_pay::core::call::{Ask, AuthStatus, Call, CallNo, DoubtKind, Reply};
use alitv_pay::core::code::Refusal;
use alitv_pay::core::engine::{Clock, Effect, Engine, Which};
use alitv_pay::core::facts::{AppKey, OrderId};
use alitv_pay::core::lookup::{Found, Ticket};
use alitv_pay::core::record::{Key, Record};
use alitv_pay::core::report::Event;
use alitv_pay::core::user::{Token, UserId};

pub const BOOT_MS: u64 = 5_000_000;
pub const SERVER_MS: i64 = 1_790_000_000_000;

/// The engine, and what it has wanted done.
pub struct Bench {
    pub engine: Engine,
    pub clock: Clock,
    pub journal: Vec<Record>,
    /// Questions that are out, profiles aside.
    pub sent: Vec<(CallNo, Call)>,
    /// Questions for profiles that are out.
    pub profiles: Vec<(CallNo, Call)>,
    pub told: Vec<Event>,
    pub answers: Vec<(Ticket, Result<Found, Refusal>)>,
}

impl Bench {
    pub fn new() -> Bench {
        Bench::after(vec![])
    }

    /// What a restart makes of a journal.
    pub fn after(journal: Vec<Record>) -> Bench {
        let mut engine = Engine::new([app()]);
        for record in &journal {
            engine.replay(record.clone()).unwrap();
        }
        let mut bench = Bench {
            engine,
            clock: Clock { boot_ms: BOOT_MS, wall_ms: 0 },
            journal,
            sent: vec![],
            profiles: vec![],
            told: vec![],
            answers: vec![],
        };
        bench.with(|engine, clock, out| engine.start(clock, out));
        bench
    }

    /// Started, and told by the gateway what time it is and how long it holds a query.
    pub fn probed(wait_s_max: u32) -> Bench {
        let mut bench = Bench::new();
        bench.answer_probe(wait_s_max);
        bench
    }

    /// Answers the oldest question, which is the probe.
    pub fn answer_probe(&mut self, wait_s_max: u32) {
        let (call, probe) = self.sent.remove(0);
        assert_eq!(probe.ask, Ask::Probe);
        self.reply(call, Reply::Probed { server_ms: SERVER_MS, wait_s_max });
    }

    /// Lets the engine do something and carries out what it wants.
    pub fn with<T>(&mut self, act: impl FnOnce(&mut Engine, Clock, &mut Vec<Effect>) -> T) -> T {
        let mut out = Vec::new();
        let result = act(&mut self.engine, self.clock, &mut out);
        for effect in out {
            match effect {
                Effect::Append(record) => self.journal.push(record),
                Effect::Send(call, what) if what.ask == Ask::Profile => {
                    self.profiles.push((call, what));
                }
                Effect::Send(call, what) => self.sent.push((call, what)),
                Effect::Tell(event) => self.told.push(event),
                Effect::Answer(ticket, answer) => self.answers.push((ticket, answer)),
            }
        }
        let listed = |which| self.engine.items(&app(), which, self.clock).len();
        let counted = self.engine.counts(&[app()]);
        assert_eq!(counted, [listed(Which::Open), listed(Which::Unacked)], "counts are kept");
        result
    }

    pub fn reply(&mut self, call: CallNo, reply: Reply) {
        self.with(|engine, clock, out| engine.reply(call, reply, clock, out));
    }

    /// Answers the newest question.
    pub fn answer(&mut self, reply: Reply) {
        let (call, _) = self.sent.pop().expect("a question is out");
        self.reply(call, reply);
    }

    /// Runs the clock on, stopping at every timer as the shell does.
    pub fn pass(&mut self, ms: u64) {
        let until = self.clock.boot_ms + ms;
        while let Some(at) = self.engine.wake_at().filter(|at| *at <= until) {
            self.clock.boot_ms = self.clock.boot_ms.max(at);
            self.with(|engine, clock, out| engine.tick(clock, out));
        }
        self.clock.boot_ms = until;
    }

    pub fn asks(&self) -> Vec<&Ask> {
        self.sent.iter().map(|(_, call)| &call.ask).collect()
    }
}

pub fn app() -> AppKey {
    AppKey::new("23012345").unwrap()
}

pub fn key(id: &str) -> Key {
    Key { app_key: app(), order_id: OrderId::new(id).unwrap() }
}

/// No answer.
pub fn lost() -> Reply {
    Reply::in_doubt(DoubtKind::Network, "cable")
}

pub const USER: &str = "u-1";

impl Bench {
    /// Started, and somebody has signed in who has authorised the app.
    pub fn authorised() -> Bench {
        let mut bench = Bench::probed(0);
        bench.sign_in(USER);
        bench.told.clear();
        bench
    }

    /// A whole attempt that ends well. The session is `session-` and the user.
    pub fn sign_in(&mut self, user: &str) {
        let attempt = format!("attempt-{user}");
        self.with(|engine, clock, out| engine.auth(&app(), true, attempt, clock, out)).unwrap();
        let qr_text = "https://qr.alipay.com/login".into();
        self.answer(Reply::Code { qr_text, expires_s: 300, interval_s: 5 });
        self.pass(5_000);
        let token = Token::new("token", format!("session-{user}")).unwrap();
        let user_id = UserId::new(user).unwrap();
        self.answer(Reply::Auth(AuthStatus::Granted { user_id, token, authorised: true }));
        let is_sign_out = |(_, call): &(CallNo, Call)| call.ask == Ask::SignOut;
        self.sent.retain(|sent| !is_sign_out(sent));
    }
}
