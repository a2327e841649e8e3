//! Draws and gifts under random sequences of answers, silence, time, acks and power cuts, with
//! the invariants checked after each step. A restart is a replay of what was appended.

use std::fmt::Debug;

use alitv_pay::core::award::{Award, GiftId};
use alitv_pay::core::call::{Ask, DoubtKind, Drawn, Reply};
use alitv_pay::core::draw::{self, Draw};
use alitv_pay::core::facts::{AppKey, DrawFacts, EventKey, GiftFacts, OrderId};
use alitv_pay::core::gift::{self, Taking};
use alitv_pay::core::order::Now;
use alitv_pay::core::record::Record;
use alitv_pay::core::report::{ItemReport, State};
use alitv_pay::core::step::{Input, Output};
use alitv_pay::core::user::UserId;
use alitv_pay::limits::{DRAW_GRACE_MS, DRAW_SEND_MS, TOP_SKEW_MS_MAX};
use proptest::prelude::*;
use proptest::sample::Index;

/// What both machines offer.
trait Machine: Clone + Debug + PartialEq {
    fn start(now: &Now, out: &mut Vec<Output>) -> Self;
    fn begin(record: &Record) -> Self;
    fn apply(&mut self, record: &Record) -> Result<(), String>;
    fn step(&mut self, input: Input, now: &Now, out: &mut Vec<Output>);
    fn wake_at(&self) -> Option<u64>;
    fn records(&self) -> Vec<Record>;
    fn report(&self, now: &Now) -> ItemReport;
    fn is_settled(&self) -> bool;
    /// Takes a gift again that was refused. Says whether it could.
    fn retake(&mut self, now: &Now, out: &mut Vec<Output>) -> bool;
    /// The one thing that every question must carry.
    fn id_of(ask: &Ask) -> Option<OrderId>;
}

fn app() -> AppKey {
    AppKey::new("23012345").unwrap()
}

fn user() -> UserId {
    UserId::new("u1").unwrap()
}

fn draw_facts() -> DrawFacts {
    DrawFacts {
        app_key: app(),
        draw_id: OrderId::new("draw-1").unwrap(),
        event_key: EventKey::new("spring").unwrap(),
        user_id: user(),
        confirm_key: None,
        behavior_key: None,
    }
}

fn gift_facts(take_id: &str) -> GiftFacts {
    GiftFacts {
        app_key: app(),
        gift_id: GiftId::new(7).unwrap(),
        user_id: user(),
        take_id: OrderId::new(take_id).unwrap(),
    }
}

impl Machine for Draw {
    fn start(now: &Now, out: &mut Vec<Output>) -> Draw {
        draw::start(draw_facts(), now, out)
    }
    fn begin(record: &Record) -> Draw {
        match record {
            Record::DrawIntent { facts, created_ms } => Draw::new(facts.clone(), *created_ms),
            other => panic!("a draw begins with {other:?}"),
        }
    }
    fn apply(&mut self, record: &Record) -> Result<(), String> {
        Draw::apply(self, record)
    }
    fn step(&mut self, input: Input, now: &Now, out: &mut Vec<Output>) {
        draw::step(self, input, now, out)
    }
    fn wake_at(&self) -> Option<u64> {
        draw::wake_at(self)
    }
    fn records(&self) -> Vec<Record> {
        Draw::records(self)
    }
    fn report(&self, now: &Now) -> ItemReport {
        ItemReport::Draw(Draw::report(self, now))
    }
    fn is_settled(&self) -> bool {
        self.acked_since_ms().is_some()
    }
    fn retake(&mut self, _: &Now, _: &mut Vec<Output>) -> bool {
        false
    }
    fn id_of(ask: &Ask) -> Option<OrderId> {
        match ask {
            Ask::Draw(facts) | Ask::DrawQuery(facts) => Some(facts.draw_id.clone()),
            _ => None,
        }
    }
}

impl Machine for Taking {
    fn start(now: &Now, out: &mut Vec<Output>) -> Taking {
        gift::start(gift_facts("take-1"), now, out)
    }
    fn begin(record: &Record) -> Taking {
        match record {
            Record::GiftIntent { facts, created_ms } => Taking::new(facts.clone(), *created_ms),
            other => panic!("a gift begins with {other:?}"),
        }
    }
    fn apply(&mut self, record: &Record) -> Result<(), String> {
        Taking::apply(self, record)
    }
    fn step(&mut self, input: Input, now: &Now, out: &mut Vec<Output>) {
        gift::step(self, input, now, out)
    }
    fn wake_at(&self) -> Option<u64> {
        gift::wake_at(self)
    }
    fn records(&self) -> Vec<Record> {
        Taking::records(self)
    }
    fn report(&self, now: &Now) -> ItemReport {
        ItemReport::Gift(Taking::report(self, now))
    }
    fn is_settled(&self) -> bool {
        self.settled_since_ms().is_some()
    }
    fn retake(&mut self, now: &Now, out: &mut Vec<Output>) -> bool {
        let may = self.may_be_retaken();
        if may {
            gift::retake(self, gift_facts("take-2"), now, out);
        }
        may
    }
    fn id_of(ask: &Ask) -> Option<OrderId> {
        match ask {
            Ask::GiftTake(facts) | Ask::GiftMark(facts) => Some(facts.take_id.clone()),
            _ => None,
        }
    }
}

#[derive(Clone, Debug)]
enum Move {
    /// The answer to the question that is out, or to none.
    Answer(Reply),
    /// The question that is out reaches the gateway, and its answer comes or is lost.
    Arrives {
        answered: bool,
    },
    /// A request that was given up reaches the gateway all the same.
    Straggles(Index),
    /// Timers run as the shell runs them.
    Pass {
        ms: u64,
    },
    WallJumps(i64),
    NextTimer,
    Hurry,
    Cancel,
    Ack {
        right: bool,
    },
    Retake,
    /// The power goes when so many outputs of the next answer, or of the next timer, are
    /// carried out.
    Crash {
        after: usize,
        compacted: bool,
    },
}

fn arrives() -> impl Strategy<Value = Move> {
    any::<bool>().prop_map(|answered| Move::Arrives { answered })
}

fn any_move() -> impl Strategy<Value = Move> {
    prop_oneof![
        3 => reply().prop_map(Move::Answer),
        2 => rest(),
    ]
}

/// What happens with a gateway that is honest, and a network that is not.
fn honest_move() -> impl Strategy<Value = Move> {
    let silence = Just(Move::Answer(Reply::in_doubt(DoubtKind::Network, "silence")));
    prop_oneof![
        2 => arrives(),
        1 => silence,
        1 => any::<Index>().prop_map(Move::Straggles),
        4 => rest(),
    ]
}

fn rest() -> impl Strategy<Value = Move> {
    prop_oneof![
        2 => Just(Move::NextTimer),
        1 => (0u64..40_000).prop_map(|ms| Move::Pass { ms }),
        1 => (0u64..3_000_000).prop_map(|ms| Move::Pass { ms }),
        1 => any::<i32>().prop_map(|ms| Move::WallJumps(ms.into())),
        1 => Just(Move::Hurry),
        1 => Just(Move::Cancel),
        1 => Just(Move::Retake),
        2 => any::<bool>().prop_map(|right| Move::Ack { right }),
        1 => (0usize..4, any::<bool>())
            .prop_map(|(after, compacted)| Move::Crash { after, compacted }),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let drawn = |award: Option<Award>| {
        Reply::Drawn(Box::new(Drawn { award, points_left: Some(5), free_left: None }))
    };
    let doubt = prop_oneof![
        Just(DoubtKind::Network),
        Just(DoubtKind::Gateway),
        Just(DoubtKind::Signature),
        Just(DoubtKind::Clock)
    ];
    prop_oneof![
        6 => doubt.prop_map(|kind| Reply::in_doubt(kind, "no")),
        4 => Just(Reply::NoTrade),
        2 => (0u32..100_000).prop_map(|after_s| Reply::Throttled { after_s }),
        2 => Just(Reply::NoSession),
        1 => Just(drawn(None)),
        1 => Just(drawn(Some(Award::default()))),
        1 => Just(Reply::Rejected { code: "RECORD_EXPIRED".into(), text: "no".into() }),
        1 => Just(Reply::Taken { cp_item_id: "sword".into() }),
        2 => Just(Reply::Done),
        1 => Just(Reply::Probed { server_ms: 0, wait_s_max: 20 }),
    ]
}

/// What the platform has done for the one draw or gift.
#[derive(Default)]
struct Ledger {
    drawn: Option<Reply>,
    spends: u32,
    kept_for: Option<OrderId>,
    activated: bool,
}

impl Ledger {
    fn handle(&mut self, ask: &Ask, win: bool) -> Reply {
        match ask {
            Ask::Draw(_) => {
                self.drawn.get_or_insert_with(|| {
                    self.spends += 1;
                    let award = Some(Award::default()).filter(|_| win);
                    Reply::Drawn(Box::new(Drawn { award, points_left: Some(5), free_left: None }))
                });
                self.drawn.clone().unwrap()
            }
            Ask::DrawQuery(_) => self.drawn.clone().unwrap_or(Reply::NoTrade),
            Ask::GiftTake(facts) => {
                self.kept_for.get_or_insert(facts.take_id.clone());
                Reply::Taken { cp_item_id: "sword".into() }
            }
            Ask::GiftMark(_) => {
                self.activated = true;
                Reply::Done
            }
            other => panic!("nobody asks {other:?}"),
        }
    }
}

struct Bench<M> {
    machine: M,
    journal: Vec<Record>,
    now: Now,
    out: Option<Ask>,
    /// Requests on their way, and when each was signed.
    on_the_way: Vec<(u64, Ask)>,
    ledger: Ledger,
    win: bool,
    /// The last thing told.
    told: Option<ItemReport>,
    /// Boot milliseconds of the last moment at which a request to draw may have left.
    drew_at: u64,
    asked_at: u64,
    /// Boot milliseconds until which a draw may be sent.
    send_until: u64,
    /// Requests to draw or to take since the item was begun, or more after a restart.
    sends: u32,
    /// The session of the only such request was over: no copy of it can be carried out.
    dead: bool,
    /// Outputs that are still carried out before the power goes.
    power: Option<usize>,
}

impl<M: Machine> Bench<M> {
    fn new(win: bool) -> Bench<M> {
        let now = Now { boot_ms: 1_000, wall_ms: 0, server_ms: None, wait_s: 0 };
        let mut outputs = Vec::new();
        let machine = M::start(&now, &mut outputs);
        let mut bench = Bench {
            machine,
            journal: Vec::new(),
            now,
            out: None,
            on_the_way: Vec::new(),
            ledger: Ledger::default(),
            win,
            told: None,
            drew_at: now.boot_ms,
            asked_at: now.boot_ms,
            send_until: now.boot_ms + DRAW_SEND_MS,
            sends: 0,
            dead: false,
            power: None,
        };
        bench.carry(outputs);
        bench
    }

    fn state(&self) -> State {
        self.machine.report(&self.now).state()
    }

    fn input(&mut self, input: Input) {
        let was = self.state();
        let about = match &input {
            Input::Reply(reply) => {
                let asked = self.out.take();
                if matches!(asked, Some(Ask::Draw(_))) {
                    self.drew_at = self.now.boot_ms;
                }
                // A worker may have been free for it, and have signed it, only just now.
                self.on_the_way.extend(asked.clone().map(|ask| (self.now.boot_ms, ask)));
                asked.map(|asked| (asked, reply.clone()))
            }
            _ => None,
        };
        self.dead |= match &about {
            Some((Ask::Draw(_) | Ask::GiftTake(_), Reply::NoSession)) => self.sends == 1,
            _ => false,
        };
        let mut outputs = Vec::new();
        self.machine.step(input, &self.now, &mut outputs);
        if !was.is_final() && self.state().is_final() {
            self.may_end(about);
        }
        self.carry(outputs);
        self.check();
    }

    /// A final state has its reason in the very answer that brought it.
    fn may_end(&self, about: Option<(Ask, Reply)>) {
        let (asked, reply) = about.expect("only an answer ends something");
        let fits = match (self.state(), &asked, &reply) {
            (State::Won, _, Reply::Drawn(drawn)) => drawn.award.is_some(),
            (State::Lost, _, Reply::Drawn(drawn)) => drawn.award.is_none(),
            (State::Failed, Ask::DrawQuery(_), Reply::NoTrade) => {
                self.dead || self.asked_at >= self.drew_at + DRAW_GRACE_MS
            }
            (State::Failed, Ask::GiftTake(_), Reply::NoSession) => self.dead,
            (State::Failed, _, Reply::Rejected { .. }) => true,
            (State::Granted, Ask::GiftTake(_), Reply::Taken { .. }) => true,
            _ => false,
        };
        assert!(fits, "{:?} out of {reply:?} to {asked:?}", self.state());
    }

    fn carry(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match &mut self.power {
                Some(0) => return,
                Some(left) => *left -= 1,
                None => {}
            }
            match output {
                Output::Append(record) => self.journal.push(record),
                Output::Ask(ask) => self.ask(ask),
                Output::Tell(event) => self.tell(event.item().expect("an item")),
            }
        }
    }

    fn ask(&mut self, ask: Ask) {
        let first = M::id_of(&ask).expect("its own kind of question");
        assert!(["draw-1", "take-1"].contains(&first.as_str()), "another id: {ask:?}");
        assert!(self.out.is_none(), "two questions at once");
        assert!(!self.journal.is_empty(), "asked before it was written down");
        match &ask {
            Ask::GiftTake(_) => self.sends += 1,
            Ask::Draw(_) => {
                assert!(!self.dead, "drawn again under a session that is over");
                self.sends += 1;
                assert!(self.now.boot_ms < self.send_until, "an old draw is sent");
                self.drew_at = self.now.boot_ms;
            }
            Ask::GiftMark(_) => {
                let acked = self.journal.iter().any(|r| matches!(r, Record::Ack { .. }));
                assert!(acked, "activated before the goods were stored");
            }
            _ => {}
        }
        self.asked_at = self.now.boot_ms;
        self.out = Some(ask);
    }

    fn tell(&mut self, report: ItemReport) {
        if let Some(last) = self.told.take() {
            if report.sequence() == last.sequence() {
                assert_eq!(report, last, "one sequence, one report");
                assert!(report.state().is_final(), "told twice");
            } else {
                assert!(report.sequence() > last.sequence(), "sequences grow");
                assert!(!last.state().is_final(), "final is final: {last:?} {report:?}");
            }
        }
        self.told = Some(report);
    }

    fn replay(&self, records: &[Record]) -> M {
        let mut machine = M::begin(&records[0]);
        for record in &records[1..] {
            machine.apply(record).expect("the journal replays");
        }
        machine
    }

    fn check(&self) {
        if self.power == Some(0) {
            return;
        }
        let report = self.machine.report(&self.now);
        let replayed = self.replay(&self.journal);
        if report.state().is_final() {
            assert_eq!(replayed.report(&self.now), report, "memory is what a replay makes");
            assert_eq!(replayed.records(), self.machine.records());
        } else {
            assert_eq!(replayed.report(&self.now).state(), State::Created);
        }
        let records = self.machine.records();
        let again = self.replay(&records);
        assert_eq!(again.records(), records, "a snapshot of a snapshot is the same");
        assert_eq!(again.report(&self.now).sequence(), report.sequence());
        let waits = self.out.is_some() || self.machine.wake_at().is_some();
        assert_eq!(waits, !self.machine.is_settled(), "it goes on until nothing is left to do");
        assert!(self.ledger.spends <= 1);
    }

    fn pass(&mut self, ms: u64) {
        let until = self.now.boot_ms + ms;
        for _ in 0..20 {
            let Some(at) = self.machine.wake_at().filter(|at| *at <= until) else { break };
            self.now.boot_ms = self.now.boot_ms.max(at);
            self.input(Input::Tick);
        }
        self.now.boot_ms = self.now.boot_ms.max(until);
    }

    fn arrives(&mut self, answered: bool) {
        let Some(ask) = self.out.clone() else { return };
        let reply = self.ledger.handle(&ask, self.win);
        let silence = Reply::in_doubt(DoubtKind::Network, "the answer was lost");
        self.input(Input::Reply(if answered { reply } else { silence }));
    }

    /// The gateway refuses what was signed too long ago. Our clock may have been ahead.
    fn straggles(&mut self, nth: usize) {
        let Some((signed_at, ask)) = self.on_the_way.get(nth).cloned() else { return };
        if self.now.boot_ms - signed_at < 2 * TOP_SKEW_MS_MAX as u64 {
            self.ledger.handle(&ask, self.win);
        }
    }

    fn ack(&mut self, right: bool) {
        let sequence = self.machine.report(&self.now).sequence();
        let told = self.told.as_ref().is_some_and(|told| told.sequence() == sequence);
        if told || !right {
            self.input(Input::Ack { sequence: if right { sequence } else { sequence + 1 } });
        }
    }

    fn retake(&mut self) {
        let before = self.machine.report(&self.now).sequence();
        let mut outputs = Vec::new();
        if self.machine.retake(&self.now, &mut outputs) {
            (self.sends, self.dead, self.told) = (0, false, None);
            self.carry(outputs);
            let told = self.told.as_ref().map(ItemReport::sequence);
            assert!(told > Some(before), "the sequences of one gift go on");
            self.check();
        }
    }

    fn restart(&mut self, compacted: bool) {
        self.power = None;
        let replayed = self.replay(&self.journal);
        if compacted {
            self.journal = replayed.records();
            self.machine = self.replay(&self.journal);
        } else {
            self.machine = replayed;
        }
        self.on_the_way.extend(self.out.take().map(|ask| (self.now.boot_ms, ask)));
        // It was begun when the clock of the box said 0.
        let age_ms = u64::try_from(self.now.wall_ms);
        let left_ms = age_ms.map_or(0, |age_ms| DRAW_SEND_MS.saturating_sub(age_ms));
        self.send_until = self.now.boot_ms + left_ms;
        (self.sends, self.dead) = (2, false);
        // Whatever left before, left before now.
        self.drew_at = self.now.boot_ms;
        self.input(Input::Resume);
    }

    fn run(&mut self, what: Move) {
        let crashes = match &what {
            Move::Crash { compacted, .. } => Some(*compacted),
            _ => None,
        };
        match what {
            Move::Answer(reply) => self.input(Input::Reply(reply)),
            Move::Arrives { answered } => self.arrives(answered),
            Move::Straggles(which) => self.straggles(which.index(self.on_the_way.len().max(1))),
            Move::Pass { ms } => self.pass(ms),
            Move::WallJumps(by_ms) => self.now.wall_ms += by_ms,
            Move::NextTimer => {
                let at = self.machine.wake_at().unwrap_or(0);
                self.pass(at.saturating_sub(self.now.boot_ms));
            }
            Move::Hurry => self.input(Input::Hurry),
            Move::Cancel => self.input(Input::Cancel),
            Move::Ack { right } => self.ack(right),
            Move::Retake => self.retake(),
            Move::Crash { after, .. } => {
                self.power = Some(after);
                let timer = self.machine.wake_at().unwrap_or(0);
                if self.out.is_some() {
                    self.arrives(true);
                } else {
                    self.now.boot_ms = self.now.boot_ms.max(timer);
                    self.input(Input::Tick);
                }
            }
        }
        if let Some(compacted) = crashes {
            self.restart(compacted);
        }
    }

    /// From here on everything works.
    fn calm(&mut self) {
        for _ in 0..200 {
            if self.machine.is_settled() {
                return;
            }
            self.arrives(true);
            self.ack(true);
            self.run(Move::NextTimer);
        }
        panic!("it came to no end: {:?}", self.machine);
    }
}

fn storm<M: Machine>(moves: Vec<Move>, win: bool) -> Bench<M> {
    let mut bench = Bench::<M>::new(win);
    for what in moves {
        bench.run(what);
    }
    bench
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_draw_holds_under_any_answers(moves in prop::collection::vec(any_move(), 0..60)) {
        storm::<Draw>(moves, true);
    }

    #[test]
    fn a_gift_holds_under_any_answers(moves in prop::collection::vec(any_move(), 0..60)) {
        storm::<Taking>(moves, true);
    }

    #[test]
    fn a_draw_ends_as_the_ledger_says(
        moves in prop::collection::vec(honest_move(), 0..60),
        win in any::<bool>(),
    ) {
        let mut bench = storm::<Draw>(moves, win);
        bench.calm();
        let expected = match (&bench.ledger.drawn, win) {
            (None, _) => State::Failed,
            (Some(_), true) => State::Won,
            (Some(_), false) => State::Lost,
        };
        prop_assert_eq!(bench.state(), expected);
        // What is still on its way is refused or changes nothing.
        let spends = bench.ledger.spends;
        for nth in 0..bench.on_the_way.len() {
            bench.straggles(nth);
        }
        prop_assert_eq!(bench.ledger.spends, spends);
    }

    #[test]
    fn a_gift_ends_activated_and_given(moves in prop::collection::vec(honest_move(), 0..60)) {
        let mut bench = storm::<Taking>(moves, true);
        bench.calm();
        prop_assert_eq!(bench.state(), State::Granted);
        prop_assert_eq!(bench.ledger.kept_for.as_ref().map(OrderId::as_str), Some("take-1"));
        prop_assert!(bench.ledger.activated);
    }
}
