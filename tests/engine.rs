//! Orders in the engine, by their behaviour.

mod bench;

use alitv_pay::core::call::{Ask, Call, DoubtKind, Reply, Trade, TradeStatus};
use alitv_pay::core::code::Code;
use alitv_pay::core::engine::{Clock, Effect, Engine, Which};
use alitv_pay::core::facts::{AppKey, Facts, OrderId};
use alitv_pay::core::record::Record;
use alitv_pay::core::report::{Event, ItemReport, Report, State};
use alitv_pay::limits::*;
use alitv_pay::money::Fen;
use bench::{app, key, lost, Bench, BOOT_MS, SERVER_MS};

/// What these cases do again and again.
trait Payments {
    fn all(&self) -> Vec<Report>;
    fn pay(&mut self, id: &str) -> Report;
    fn show(&mut self, id: &str);
    fn state(&self, id: &str) -> State;
    fn report(&self, id: &str) -> Report;
    fn finals_told(&self) -> usize;
}

impl Payments for Bench {
    fn all(&self) -> Vec<Report> {
        self.engine.reports(&app(), Which::All, self.clock)
    }

    fn pay(&mut self, id: &str) -> Report {
        self.with(|engine, clock, out| engine.pay(facts(id), clock, out)).unwrap()
    }

    /// An order with its code on the screen.
    fn show(&mut self, id: &str) {
        self.pay(id);
        self.answer(shown());
    }

    fn state(&self, id: &str) -> State {
        self.report(id).state
    }

    fn report(&self, id: &str) -> Report {
        self.engine.report(&key(id), self.clock).unwrap()
    }

    fn finals_told(&self) -> usize {
        self.told.iter().filter(|event| order_of(event).state.is_final()).count()
    }
}

/// The order that an event is about.
fn order_of(event: &Event) -> Report {
    match event.item() {
        Some(ItemReport::Order(report)) => report,
        other => panic!("no order: {other:?}"),
    }
}

fn facts(id: &str) -> Facts {
    Facts {
        app_key: app(),
        order_id: OrderId::new(id).unwrap(),
        title: "60 gems".into(),
        amount_fen: Fen::new(600).unwrap(),
        subject_id: None,
        notify_url: None,
        expires_s: None,
        renewal: None,
        user_id: None,
    }
}

fn shown() -> Reply {
    Reply::Shown { qr_text: "https://qr.alipay.com/bax1".into(), expires_s: 300, server_ms: None }
}

fn trade(status: TradeStatus) -> Reply {
    Reply::Status(Trade {
        status,
        trade_no: "2026112500001".into(),
        amount_fen: Fen::new(600).unwrap(),
        paid_ms: (status == TradeStatus::Success).then_some(SERVER_MS),
        server_ms: None,
        awards: Vec::new(),
    })
}

#[test]
fn an_order_runs_from_intent_to_ack() {
    let mut bench = Bench::probed(0);
    let report = bench.pay("A1");
    assert_eq!((report.state, report.sequence), (State::Created, 1));
    assert!(matches!(bench.journal[..], [Record::Intent { .. }]));
    bench.answer(shown());
    assert_eq!(order_of(bench.told.last().unwrap()).state, State::Pending);
    let qr = bench.told.iter().find(|event| matches!(event, Event::Qr(_))).unwrap();
    assert_eq!(order_of(qr).qr_text.as_deref(), Some("https://qr.alipay.com/bax1"));
    assert_eq!(order_of(qr).expires_s, Some(300));

    bench.pass(POLL_MS - 1);
    assert!(bench.sent.is_empty(), "the first look comes after {POLL_MS} ms");
    bench.pass(1);
    bench.answer(trade(TradeStatus::WaitBuyerPay));
    assert_eq!(bench.state("A1"), State::Scanned);
    bench.pass(POLL_MS);
    bench.answer(trade(TradeStatus::Success));
    let paid = bench.report("A1");
    assert_eq!(paid.state, State::Paid);
    assert_eq!((paid.trade_no.as_deref(), paid.paid_ms), (Some("2026112500001"), Some(SERVER_MS)));
    assert_eq!(paid.qr_text, None);

    let records = bench.journal.len();
    bench.with(|engine, clock, out| engine.ack(&key("A1"), paid.sequence, clock, out)).unwrap();
    assert!(matches!(bench.journal[records..], [Record::Ack { .. }]));
    assert_eq!(bench.engine.wake_at(), None, "nothing is left to do");
    assert!(bench.report("A1").acked);
    assert!(bench.journal.len() <= 6, "at most 6 syncs an order");
}

#[test]
fn the_record_comes_before_what_it_allows() {
    let mut engine = Engine::new([app()]);
    let clock = Clock { boot_ms: BOOT_MS, wall_ms: 0 };
    let mut out = Vec::new();
    engine.pay(facts("A1"), clock, &mut out).unwrap();
    let intent = out.iter().position(|e| matches!(e, Effect::Append(Record::Intent { .. })));
    let asked =
        out.iter().position(|e| matches!(e, Effect::Send(_, Call { ask: Ask::Precreate(_), .. })));
    assert!(intent.unwrap() < asked.unwrap(), "{out:?}");
}

#[test]
fn the_same_facts_resume_and_others_conflict() {
    let mut bench = Bench::probed(0);
    bench.show("A1");
    let before = (bench.journal.clone(), bench.report("A1"));
    assert_eq!(bench.pay("A1"), before.1);
    type Spoil = fn(&mut Facts);
    let others: [(&str, Spoil); 4] = [
        ("amount_fen", |f| f.amount_fen = Fen::new(700).unwrap()),
        ("title", |f| f.title = "70 gems".into()),
        ("subject_id", |f| f.subject_id = Some("gem".into())),
        ("notify_url", |f| f.notify_url = Some("http://h/n".into())),
    ];
    for (field, spoil) in others {
        let mut other = facts("A1");
        spoil(&mut other);
        let refusal =
            bench.with(|engine, clock, out| engine.pay(other, clock, out)).expect_err(field);
        assert_eq!(refusal.code, Code::CONFLICT);
        assert!(refusal.message.contains(field), "{refusal}");
    }
    assert_eq!((bench.journal.clone(), bench.report("A1")), before, "nothing changed");
}

#[test]
fn unknown_apps_and_orders_are_refused() {
    let mut bench = Bench::probed(0);
    let stranger = Facts { app_key: AppKey::new("99").unwrap(), ..facts("A1") };
    let refusal = bench.with(|e, clock, out| e.pay(stranger, clock, out)).unwrap_err();
    assert_eq!(refusal.code, Code::DENIED);
    for refusal in [
        bench.with(|e, clock, out| e.cancel(&key("X"), clock, out)).unwrap_err(),
        bench.with(|e, clock, out| e.query(&key("X"), clock, out)).unwrap_err(),
        bench.with(|e, clock, out| e.ack(&key("X"), 1, clock, out)).unwrap_err(),
    ] {
        assert_eq!(refusal.code, Code::NOT_FOUND);
        assert!(refusal.message.contains("order_id X"), "{refusal}");
    }
    assert!(bench.journal.is_empty());
}

#[test]
fn bounds_of_one_app() {
    let mut bench = Bench::probed(0);
    for n in 0..ORDERS_OPEN_PER_APP_MAX {
        bench.pay(&format!("open{n}"));
    }
    let refusal = bench.with(|e, clock, out| e.pay(facts("over"), clock, out)).unwrap_err();
    assert_eq!(refusal.code, Code::LIMIT);
    assert!(refusal.message.contains("8 orders"), "{refusal}");
    assert_eq!(bench.pay("open0").state, State::Created, "a repeated one is no new one");

    let mut bench = Bench::probed(0);
    for n in 0..ORDERS_NEW_PER_MINUTE_MAX {
        bench.pay(&format!("fast{n}"));
        bench.answer(Reply::Rejected { code: "NO".into(), text: "no".into() });
    }
    let refusal = bench.with(|e, clock, out| e.pay(facts("over"), clock, out)).unwrap_err();
    assert!(refusal.code == Code::LIMIT && refusal.message.contains("minute"), "{refusal}");
    bench.pass(60_000);
    bench.pay("later");

    let mut bench = Bench::probed(0);
    for n in 0..ORDERS_UNACKED_PER_APP_MAX {
        bench.pay(&format!("unacked{n}"));
        bench.answer(Reply::Rejected { code: "NO".into(), text: "no".into() });
        bench.pass(60_000 / ORDERS_NEW_PER_MINUTE_MAX as u64 + 1);
    }
    let refusal = bench.with(|e, clock, out| e.pay(facts("over"), clock, out)).unwrap_err();
    assert!(refusal.code == Code::LIMIT && refusal.message.contains("ack"), "{refusal}");
}

#[test]
fn old_acked_orders_make_room() {
    let mut bench = Bench::probed(0);
    for n in 0..ORDERS_KEPT_MAX + 5 {
        let id = format!("A{n}");
        bench.pay(&id);
        bench.answer(Reply::Rejected { code: "NO".into(), text: "no".into() });
        let sequence = bench.report(&id).sequence;
        bench.with(|e, clock, out| e.ack(&key(&id), sequence, clock, out)).unwrap();
        bench.pass(60_000 / ORDERS_NEW_PER_MINUTE_MAX as u64 + 1);
    }
    assert_eq!(bench.all().len(), ORDERS_KEPT_MAX);
    assert!(bench.engine.report(&key("A0"), bench.clock).is_none());
    bench.clock.wall_ms += ORDER_KEPT_ACKED_MS;
    bench.engine.prune(bench.clock);
    assert_eq!(bench.all().len(), ORDERS_KEPT_MAX, "not a moment early");
    bench.clock.wall_ms += 1;
    bench.engine.prune(bench.clock);
    assert_eq!(bench.all().len(), 0);
}

#[test]
fn silence_makes_unknown_and_never_failed() {
    let mut bench = Bench::probed(0);
    bench.show("A1");
    bench.pass(POLL_MS);
    bench.answer(lost());
    assert_eq!(bench.state("A1"), State::Pending);
    for _ in 0..5 {
        bench.pass(15_000);
        while !bench.sent.is_empty() {
            bench.answer(lost());
        }
    }
    let report = bench.report("A1");
    assert_eq!((report.state, report.result), (State::Unknown, Code::NETWORK));
    assert!(report.qr_text.is_some(), "the code can still be paid");
    assert_eq!(bench.finals_told(), 0);
    // The gateway is back: nobody waits out the backoff.
    bench.with(|e, clock, out| e.query(&key("A1"), clock, out)).unwrap();
    bench.pass(POLL_MS_MIN);
    bench.answer(trade(TradeStatus::Success));
    assert_eq!(bench.state("A1"), State::Paid);
}

#[test]
fn one_good_answer_wakes_every_order_that_backs_off() {
    let mut bench = Bench::probed(0);
    bench.show("A1");
    bench.show("A2");
    for _ in 0..8 {
        bench.pass(60_000 / 4);
        while !bench.sent.is_empty() {
            bench.answer(lost());
        }
    }
    bench.with(|e, clock, out| e.query(&key("A1"), clock, out)).unwrap();
    bench.pass(POLL_MS_MIN);
    let (call, _) = bench.sent.pop().unwrap();
    bench.sent.clear();
    bench.reply(call, trade(TradeStatus::WaitBuyerPay));
    bench.pass(0);
    assert_eq!(bench.sent.len(), 1, "A2 asks at once: {:?}", bench.asks());
}

#[test]
fn another_amount_is_never_paid() {
    let mut bench = Bench::probed(0);
    bench.show("A1");
    bench.pass(POLL_MS);
    let Reply::Status(mut wrong) = trade(TradeStatus::Success) else { unreachable!() };
    wrong.amount_fen = Fen::new(1).unwrap();
    bench.answer(Reply::Status(wrong));
    let report = bench.report("A1");
    assert_eq!((report.state, report.result), (State::Unknown, Code::SIGNATURE));
    bench.pass(BACKOFF_MS_MIN);
    bench.answer(trade(TradeStatus::NotScanned));
    assert_eq!((bench.state("A1"), bench.report("A1").result), (State::Pending, Code::OK));
}

#[test]
fn a_wrong_clock_is_asked_for_and_named_when_it_stays_wrong() {
    let mut bench = Bench::probed(0);
    bench.pay("A1");
    bench.answer(Reply::in_doubt(DoubtKind::Clock, "31"));
    assert_eq!(bench.asks(), [&Ask::Probe]);
    assert_eq!(bench.state("A1"), State::Created);
    bench.answer(Reply::Probed { server_ms: SERVER_MS + 3_600_000, wait_s_max: 0 });
    assert_eq!(bench.engine.server_ms(bench.clock), SERVER_MS + 3_600_000);
    bench.pass(BACKOFF_MS_MIN);
    bench.answer(Reply::in_doubt(DoubtKind::Clock, "31"));
    assert_eq!(bench.report("A1").result, Code::CLOCK);
    assert_eq!(bench.state("A1"), State::Unknown);
}

#[test]
fn held_queries_follow_each_other_and_leave_workers_free() {
    let mut bench = Bench::probed(60);
    bench.show("A1");
    let held = |ask: &Ask| matches!(ask, Ask::Query { wait_s, .. } if *wait_s == WAIT_S_MAX);
    assert!(held(bench.asks()[0]), "asked as soon as the code is shown");
    bench.pass(20_000);
    bench.answer(trade(TradeStatus::NotScanned));
    bench.pass(0);
    assert_eq!(bench.sent.len(), 1, "and asked again at once");
    bench.answer(trade(TradeStatus::NotScanned));
    bench.pass(POLL_MS_MIN - 1);
    assert!(bench.sent.is_empty(), "a gateway that does not hold is not flooded");
    bench.pass(1);
    for n in 2..=4 {
        bench.pay(&format!("A{n}"));
        bench.answer(shown());
    }
    bench.pass(POLL_MS);
    assert_eq!(bench.asks().into_iter().filter(|ask| held(ask)).count(), HELD_MAX);
    assert_eq!(bench.sent.len(), 4, "the others poll");
}

#[test]
fn a_code_shown_before_the_probe_is_answered_is_held_at_once() {
    let mut bench = Bench::new();
    let (probe, _) = bench.sent.remove(0);
    bench.show("A1");
    bench.pass(10);
    bench.reply(probe, Reply::Probed { server_ms: SERVER_MS, wait_s_max: WAIT_S_MAX });
    bench.pass(POLL_MS_MIN);
    let [Ask::Query { wait_s, .. }] = bench.asks()[..] else { panic!("{:?}", bench.asks()) };
    assert_eq!(*wait_s, WAIT_S_MAX);
}

#[test]
fn the_answer_that_shows_a_code_tells_when_it_ends_by_the_gateways_clock() {
    let mut bench = Bench::new();
    bench.pay("A1");
    let qr_text = "https://qr.alipay.com/bax1".into();
    bench.answer(Reply::Shown { qr_text, expires_s: 300, server_ms: Some(SERVER_MS) });
    bench.pass(POLL_MS);
    let Reply::Status(closed) = trade(TradeStatus::Closed) else { unreachable!() };
    let server_ms = Some(SERVER_MS + 300_000);
    bench.answer(Reply::Status(Trade { server_ms, ..closed }));
    assert_eq!(bench.state("A1"), State::Expired);
}

#[test]
fn a_cancel_overtakes_a_held_query_and_paid_wins() {
    let mut bench = Bench::probed(20);
    bench.show("A1");
    let (held, _) = bench.sent.pop().unwrap();
    let report = bench.with(|e, clock, out| e.cancel(&key("A1"), clock, out)).unwrap();
    assert_eq!((report.state, report.qr_text), (State::Closing, None));
    assert!(matches!(bench.asks()[..], [Ask::Query { wait_s: 0, .. }]));
    bench.reply(held, trade(TradeStatus::NotScanned));
    assert_eq!(bench.sent.len(), 1, "the late answer changes nothing");
    bench.answer(trade(TradeStatus::WaitBuyerPay));
    assert!(matches!(bench.asks()[..], [Ask::Close(_)]));
    bench.answer(trade(TradeStatus::Success));
    assert_eq!(bench.state("A1"), State::Paid);
    let refusal = bench.with(|e, clock, out| e.cancel(&key("A1"), clock, out)).unwrap_err();
    assert_eq!(refusal.code, Code::STATE);
}

#[test]
fn cancelled_is_said_after_query_close_query() {
    let mut bench = Bench::probed(0);
    bench.show("A1");
    bench.with(|e, clock, out| e.cancel(&key("A1"), clock, out)).unwrap();
    bench.answer(trade(TradeStatus::NotScanned));
    bench.answer(trade(TradeStatus::Closed));
    assert_eq!(bench.state("A1"), State::Closing, "a close alone is not the last word");
    bench.answer(trade(TradeStatus::Closed));
    assert_eq!(bench.state("A1"), State::Cancelled);
    // Asked again it is what it is.
    let report = bench.with(|e, clock, out| e.cancel(&key("A1"), clock, out)).unwrap();
    assert_eq!(report.state, State::Cancelled);
}

#[test]
fn no_such_trade_is_final_only_past_the_grace() {
    let mut bench = Bench::probed(0);
    bench.show("A1");
    bench.with(|e, clock, out| e.cancel(&key("A1"), clock, out)).unwrap();
    let mut waited_ms = 0;
    while !bench.state("A1").is_final() {
        match bench.sent.is_empty() {
            true => {
                bench.pass(500);
                waited_ms += 500;
            }
            false => bench.answer(Reply::NoTrade),
        }
        assert!(waited_ms < 1_000_000, "never final");
    }
    assert_eq!(bench.state("A1"), State::Cancelled);
    assert!(waited_ms >= 300_000 + EXPIRY_GRACE_MS as u64, "{waited_ms}");
}

#[test]
fn an_order_without_a_code_is_cancelled_at_once() {
    let mut bench = Bench::probed(0);
    bench.pay("A1");
    bench.with(|e, clock, out| e.cancel(&key("A1"), clock, out)).unwrap();
    for _ in 0..3 {
        bench.answer(Reply::NoTrade);
    }
    assert_eq!(bench.state("A1"), State::Cancelled);
}

#[test]
fn time_running_out_is_expired() {
    let mut bench = Bench::probed(0);
    bench.show("A1");
    while bench.state("A1") == State::Pending {
        bench.pass(1_000);
        if matches!(bench.asks().last(), Some(Ask::Query { .. })) {
            bench.answer(trade(TradeStatus::NotScanned));
        }
    }
    assert_eq!(bench.clock.boot_ms - BOOT_MS, 300_000);
    bench.sent.clear();
    let mut bench = Bench::after(bench.journal);
    let (query, call) = bench.sent.pop().unwrap();
    assert!(matches!(call.ask, Ask::Query { .. }), "{call:?}");
    bench.reply(query, trade(TradeStatus::Closed));
    assert_eq!(bench.state("A1"), State::Expired);

    // The gateway's clock tells a code that ran out from one that the buyer cancelled.
    for (server_ms, state) in
        [(SERVER_MS + 300_000, State::Expired), (SERVER_MS + 10_000, State::Cancelled)]
    {
        let mut bench = Bench::probed(0);
        bench.show("A1");
        bench.pass(POLL_MS);
        let Reply::Status(mut closed) = trade(TradeStatus::Closed) else { unreachable!() };
        closed.server_ms = Some(server_ms);
        bench.answer(Reply::Status(closed));
        assert_eq!(bench.state("A1"), state);
    }
}

#[test]
fn a_definite_no_before_a_code_is_failed() {
    let mut bench = Bench::probed(0);
    bench.pay("A1");
    bench.answer(Reply::Rejected { code: "isv.price".into(), text: "too dear".into() });
    let report = bench.report("A1");
    assert_eq!((report.state, report.result), (State::Failed, Code::GATEWAY));
    assert_eq!(report.gateway_code.as_deref(), Some("isv.price"));
}

#[test]
fn results_are_told_again_until_they_are_acked() {
    let mut bench = Bench::probed(0);
    bench.show("A1");
    bench.pass(POLL_MS);
    bench.answer(trade(TradeStatus::Success));
    let sequence = bench.report("A1").sequence;
    let mut told = bench.finals_told();
    for pause_ms in RETELL_MS.into_iter().chain([RETELL_MS[4], RETELL_MS[4]]) {
        bench.pass(pause_ms - 1);
        assert_eq!(bench.finals_told(), told, "{pause_ms}");
        bench.pass(1);
        told += 1;
        assert_eq!(bench.finals_told(), told, "{pause_ms}");
        assert_eq!(order_of(bench.told.last().unwrap()).sequence, sequence);
    }
    let mut ack = |sequence| {
        bench.with(|e, clock, out| e.ack(&key("A1"), sequence, clock, out)).map_err(|r| r.code)
    };
    assert_eq!(ack(sequence + 1), Err(Code::INVALID));
    assert_eq!(ack(sequence - 1), Ok(()), "older: harmless");
    assert!(bench.engine.wake_at().is_some(), "and still not acked");
    for _ in 0..2 {
        bench.with(|e, clock, out| e.ack(&key("A1"), sequence, clock, out)).unwrap();
    }
    assert_eq!(bench.engine.wake_at(), None);
    let acks = bench.journal.iter().filter(|record| matches!(record, Record::Ack { .. }));
    assert_eq!(acks.count(), 1);
}

#[test]
fn a_restart_goes_on_where_the_journal_ends() {
    let mut bench = Bench::probed(0);
    bench.show("shown");
    bench.pay("created");
    bench.show("closing");
    bench.with(|e, clock, out| e.cancel(&key("closing"), clock, out)).unwrap();
    bench.show("paid");
    bench.pass(POLL_MS);
    let (call, _) = bench
        .sent
        .iter()
        .rev()
        .find(|(_, call)| matches!(&call.ask, Ask::Query { facts, .. } if facts.order_id.as_str() == "paid"))
        .cloned()
        .unwrap();
    bench.reply(call, trade(TradeStatus::Success));
    let told: u64 = bench.told.iter().map(|event| order_of(event).sequence).max().unwrap();

    let after = Bench::after(bench.journal.clone());
    assert_eq!(after.state("shown"), State::Pending);
    assert_eq!(after.report("shown").qr_text, bench.report("shown").qr_text);
    assert_eq!(after.state("created"), State::Created);
    assert_eq!(after.state("closing"), State::Closing);
    assert_eq!(after.state("paid"), State::Paid);
    assert_eq!(after.asks().len(), 4, "a probe and one question for each open order");
    assert_eq!(after.finals_told(), 1, "the result comes again");
    assert!(after.report("shown").sequence > told, "and sequences go on growing");
    assert_eq!(after.report("paid").sequence, bench.report("paid").sequence);

    // A compacted journal replays into the same.
    let compacted = Bench::after(after.engine.snapshot());
    for id in ["shown", "created", "closing", "paid"] {
        assert_eq!(compacted.state(id), after.state(id));
        assert!(compacted.report(id).sequence >= after.report(id).sequence);
    }
}

#[test]
fn a_journal_that_contradicts_itself_is_refused() {
    let mut bench = Bench::probed(0);
    bench.show("A1");
    bench.pass(POLL_MS);
    bench.answer(trade(TradeStatus::Success));
    let journal = bench.journal;
    for (n, broken) in [
        vec![journal[0].clone(), journal[0].clone()],
        vec![journal[1].clone()],
        vec![journal[0].clone(), journal[1].clone(), journal[1].clone()],
        vec![journal[0].clone(), journal[2].clone(), journal[2].clone()],
        vec![journal[0].clone(), journal[2].clone(), journal[1].clone()],
    ]
    .into_iter()
    .enumerate()
    {
        let mut engine = Engine::new([app()]);
        let replayed = broken.into_iter().try_for_each(|record| engine.replay(record));
        assert!(replayed.is_err(), "case {n}");
    }
}

#[test]
fn a_throttling_gateway_gets_its_pause() {
    let mut bench = Bench::probed(0);
    bench.show("A1");
    bench.pass(POLL_MS);
    bench.answer(Reply::Throttled { after_s: 30 });
    bench.pass(29_999);
    assert!(bench.sent.is_empty());
    bench.pass(1);
    assert_eq!(bench.sent.len(), 1);
    assert_eq!(bench.state("A1"), State::Pending, "a busy gateway is no doubt");
}

#[test]
fn an_idle_engine_sets_no_timer() {
    let mut bench = Bench::new();
    assert_eq!(bench.asks(), [&Ask::Probe]);
    bench.answer(lost());
    assert_eq!(bench.engine.wake_at(), None, "the next order asks again");
    bench.pay("A1");
    assert_eq!(bench.asks().len(), 2);
}

#[test]
fn an_order_is_for_the_user_it_began_with() {
    let mut bench = Bench::authorised();
    bench.pay("A1");
    let session = |bench: &Bench| bench.sent.last().unwrap().1.session.clone();
    assert_eq!(session(&bench).unwrap().expose(), "session-u-1");
    assert_eq!(bench.report("A1").user_id.unwrap().as_str(), "u-1");
    bench.answer(lost());
    bench.with(|engine, clock, out| engine.logout(&app(), clock, out)).unwrap();
    bench.sent.clear();
    bench.pass(BACKOFF_MS_MIN);
    assert!(matches!(bench.asks()[..], [Ask::Precreate(_)]));
    assert_eq!(session(&bench), None);
    assert_eq!(bench.pay("A1").user_id.unwrap().as_str(), "u-1", "it is the same order");
}

#[test]
fn an_order_that_was_forgotten_and_begun_again_replays() {
    let mut bench = Bench::probed(0);
    for round in 0..2 {
        bench.show("A1");
        bench.pass(POLL_MS);
        bench.answer(trade(TradeStatus::Success));
        let sequence = bench.report("A1").sequence;
        bench.with(|engine, clock, out| engine.ack(&key("A1"), sequence, clock, out)).unwrap();
        assert!(round == 1 || bench.engine.forget_acked());
    }
    assert_eq!(Bench::after(bench.journal).state("A1"), State::Paid);
}
