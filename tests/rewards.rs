//! Draws and gifts in the engine, by their behaviour.

mod bench;

use alitv_pay::core::award::{Award, GiftId};
use alitv_pay::core::call::{Ask, Drawn, Reply};
use alitv_pay::core::code::{Code, Refusal};
use alitv_pay::core::engine::{DrawWish, Which};
use alitv_pay::core::facts::{EventKey, OrderId};
use alitv_pay::core::record::Record;
use alitv_pay::core::report::{AccountState, DrawReport, Event, GiftReport, ItemReport, State};
use alitv_pay::limits::*;
use bench::{app, key, lost, Bench, USER};

const DRAW: &str = "draw-1";
const GIFT: &str = "gift-77";

trait Rewards {
    fn try_draw(&mut self, id: &str, event_key: &str) -> Result<DrawReport, Refusal>;
    fn try_take(&mut self, take_id: &str) -> Result<GiftReport, Refusal>;
    fn item(&self, id: &str) -> ItemReport;
    fn ack(&mut self, id: &str) -> Result<(), Refusal>;
    fn session_of_last(&self) -> Option<String>;
}

impl Rewards for Bench {
    fn try_draw(&mut self, id: &str, event_key: &str) -> Result<DrawReport, Refusal> {
        let wish = DrawWish {
            app_key: app(),
            draw_id: OrderId::new(id).unwrap(),
            event_key: EventKey::new(event_key).unwrap(),
            confirm_key: None,
            behavior_key: None,
        };
        self.with(|engine, clock, out| engine.draw(wish, clock, out))
    }

    fn try_take(&mut self, take_id: &str) -> Result<GiftReport, Refusal> {
        let take_id = OrderId::new(take_id).unwrap();
        let gift_id = GiftId::new(77).unwrap();
        self.with(|engine, clock, out| engine.take(&app(), gift_id, take_id, clock, out))
    }

    fn item(&self, id: &str) -> ItemReport {
        let items = self.engine.items(&app(), Which::All, self.clock);
        items.into_iter().find(|item| item.key() == key(id)).unwrap()
    }

    fn ack(&mut self, id: &str) -> Result<(), Refusal> {
        let sequence = self.item(id).sequence();
        self.with(|engine, clock, out| engine.ack(&key(id), sequence, clock, out))
    }

    fn session_of_last(&self) -> Option<String> {
        let session = self.sent.last().unwrap().1.session.as_ref()?;
        Some(session.expose().to_owned())
    }
}

fn won() -> Reply {
    let award = Award { name: "60 gems".into(), ..Award::default() };
    Reply::Drawn(Box::new(Drawn { award: Some(award), points_left: Some(40), free_left: Some(0) }))
}

fn taken() -> Reply {
    Reply::Taken { cp_item_id: "sword".into() }
}

fn rejected(code: &str) -> Reply {
    Reply::Rejected { code: code.into(), text: "no".into() }
}

#[test]
fn a_draw_is_told_until_it_is_acked_also_after_a_restart() {
    let mut bench = Bench::authorised();
    let report = bench.try_draw(DRAW, "spring").unwrap();
    assert_eq!((report.state, report.user_id.as_str()), (State::Created, USER));
    assert!(matches!(bench.journal.last(), Some(Record::DrawIntent { .. })));
    assert!(matches!(bench.asks()[..], [Ask::Draw(_)]));
    assert_eq!(bench.session_of_last().as_deref(), Some("session-u-1"));
    assert_eq!(bench.ack(DRAW).unwrap_err().code, Code::STATE);
    bench.answer(won());
    let ItemReport::Draw(report) = bench.item(DRAW) else { panic!("a draw") };
    assert_eq!((report.state, report.points_left), (State::Won, Some(40)));

    let mut bench = Bench::after(bench.journal);
    let told: Vec<&Event> = bench.told.iter().filter(|e| matches!(e, Event::Draw(_))).collect();
    assert_eq!(told, [&Event::Draw(report.clone())], "told again under its sequence");
    assert_eq!(bench.try_draw(DRAW, "spring").unwrap(), report, "asked again it is the same");
    bench.ack(DRAW).unwrap();
    let snapshot = bench.engine.snapshot();
    assert!(Bench::after(snapshot).told.iter().all(|event| !matches!(event, Event::Draw(_))));
}

#[test]
fn a_draw_with_other_facts_is_a_conflict_and_spends_nothing() {
    let mut bench = Bench::authorised();
    bench.try_draw(DRAW, "spring").unwrap();
    let refusal = bench.try_draw(DRAW, "summer").unwrap_err();
    assert_eq!(refusal.code, Code::CONFLICT);
    assert!(refusal.message.contains("event_key"), "{refusal}");
    assert_eq!(bench.asks().len(), 1);
    bench.answer(won());
    bench.sign_in("u-2");
    let refusal = bench.try_draw(DRAW, "spring").unwrap_err();
    assert_eq!(refusal.code, Code::CONFLICT);
    assert!(refusal.message.contains("user_id"), "{refusal}");
    let refusal = bench.try_draw("A1", "spring").unwrap_err();
    assert_eq!(refusal.code, Code::INVALID);
    assert!(refusal.message.starts_with("draw_id must begin with \"draw-\""), "{refusal}");
}

#[test]
fn nothing_is_drawn_or_taken_without_an_authorised_user() {
    let mut bench = Bench::probed(0);
    for refusal in [bench.try_draw(DRAW, "spring").unwrap_err(), bench.try_take("t1").unwrap_err()]
    {
        assert_eq!(refusal.code, Code::UNAUTHORIZED, "{refusal}");
    }
    assert!(bench.journal.is_empty() && bench.sent.is_empty());
}

#[test]
fn a_lost_answer_is_looked_up_and_not_drawn_again() {
    let mut bench = Bench::authorised();
    bench.try_draw(DRAW, "spring").unwrap();
    bench.answer(lost());
    bench.pass(BACKOFF_MS_MIN);
    assert!(matches!(bench.asks()[..], [Ask::DrawQuery(_)]), "{:?}", bench.asks());
    bench.answer(won());
    assert_eq!(bench.item(DRAW).state(), State::Won);
}

#[test]
fn a_draw_stays_with_the_user_who_began_it() {
    let mut bench = Bench::authorised();
    bench.try_draw(DRAW, "spring").unwrap();
    bench.answer(lost());
    bench.with(|engine, clock, out| engine.logout(&app(), clock, out)).unwrap();
    bench.sent.clear();
    bench.pass(BACKOFF_MS_MIN);
    assert!(matches!(bench.asks()[..], [Ask::DrawQuery(_)]), "{:?}", bench.asks());
    assert_eq!(bench.session_of_last(), None, "what was drawn can be looked up all the same");
    bench.answer(won());
    let ItemReport::Draw(report) = bench.item(DRAW) else { panic!("a draw") };
    assert_eq!((report.state, report.user_id.as_str()), (State::Won, USER));
}

#[test]
fn what_waits_for_its_user_goes_on_when_that_one_is_back() {
    let mut bench = Bench::authorised();
    bench.try_take("t1").unwrap();
    bench.answer(lost());
    bench.with(|engine, clock, out| engine.logout(&app(), clock, out)).unwrap();
    bench.sent.clear();
    for _ in 0..12 {
        let at = bench.engine.wake_at().unwrap();
        bench.pass(at - bench.clock.boot_ms);
        bench.answer(Reply::NoSession);
    }
    let pause_ms = bench.engine.wake_at().unwrap() - bench.clock.boot_ms;
    assert!(pause_ms >= BACKOFF_MS_MAX);
    bench.sign_in(USER);
    bench.pass(POLL_MS_MIN);
    assert_eq!(bench.session_of_last().as_deref(), Some("session-u-1"));
    bench.answer(taken());
    assert_eq!(bench.item(GIFT).state(), State::Granted);
}

#[test]
fn a_session_that_has_ended_signs_the_user_out() {
    let mut bench = Bench::authorised();
    bench.try_draw(DRAW, "spring").unwrap();
    bench.answer(Reply::NoSession);
    let account = bench.engine.account(&app(), bench.clock);
    assert_eq!(account.state, AccountState::SignedOut);
    let is_signed_out = |record: &Record| matches!(record, Record::SignedOut { .. });
    assert!(bench.journal.iter().any(is_signed_out));
    assert!(matches!(bench.asks()[..], [Ask::DrawQuery(_)]), "it is looked up at once");
    bench.answer(Reply::NoTrade);
    let ItemReport::Draw(report) = bench.item(DRAW) else { panic!("a draw") };
    assert_eq!((report.state, report.result), (State::Failed, Code::UNAUTHORIZED));
    assert_eq!(bench.try_draw("draw-2", "spring").unwrap_err().code, Code::UNAUTHORIZED);
}

#[test]
fn a_gift_is_given_out_before_the_platform_hears_of_it() {
    let mut bench = Bench::authorised();
    assert_eq!(bench.try_take("t1").unwrap().state, State::Created);
    assert!(matches!(bench.asks()[..], [Ask::GiftTake(_)]));
    bench.answer(taken());
    let ItemReport::Gift(report) = bench.item(GIFT) else { panic!("a gift") };
    assert_eq!((report.state, report.cp_item_id.as_str()), (State::Granted, "sword"));
    assert!(bench.sent.is_empty(), "nothing is activated before the goods are stored");

    let mut bench = Bench::after(bench.journal);
    bench.answer_probe(0);
    bench.ack(GIFT).unwrap();
    assert!(matches!(bench.asks()[..], [Ask::GiftMark(_)]));
    bench.answer(lost());
    let mut bench = Bench::after(bench.journal);
    let take_id = bench.asks().iter().find_map(|ask| match ask {
        Ask::GiftMark(facts) => Some(facts.take_id.to_string()),
        _ => None,
    });
    assert_eq!(take_id.as_deref(), Some("t1"), "the id of the taking survives");
    bench.answer(Reply::Done);
    let ItemReport::Gift(report) = bench.item(GIFT) else { panic!("a gift") };
    assert!(report.acked && report.activated, "{report:?}");
    assert_eq!(bench.try_take("t2").unwrap(), report, "it is not taken twice");
}

#[test]
fn a_gift_that_could_not_be_had_may_be_tried_again() {
    let mut bench = Bench::authorised();
    bench.try_take("t1").unwrap();
    bench.answer(rejected("RECORD_STATUS_INVALID"));
    let ItemReport::Gift(report) = bench.item(GIFT) else { panic!("a gift") };
    assert_eq!((report.state, report.result), (State::Failed, Code::GIFT_TAKEN));
    assert_eq!(bench.try_take("t2").unwrap(), report, "not before the failure is acked");
    bench.ack(GIFT).unwrap();
    assert!(bench.try_take("t3").unwrap().sequence > report.sequence);
    bench.answer(taken());
    assert_eq!(bench.item(GIFT).state(), State::Granted);
    let again = Bench::after(bench.engine.snapshot());
    assert_eq!(again.item(GIFT).state(), State::Granted);
}

#[test]
fn draws_and_gifts_share_the_bounds_of_orders() {
    let mut bench = Bench::authorised();
    for number in 0..ORDERS_OPEN_PER_APP_MAX {
        bench.try_draw(&format!("draw-{number}"), "spring").unwrap();
    }
    assert_eq!(bench.try_draw("draw-x", "spring").unwrap_err().code, Code::LIMIT);
    assert_eq!(bench.try_take("t1").unwrap_err().code, Code::LIMIT);
}

/// Something that was forgotten for lack of room and asked for again is in the journal twice.
#[test]
fn what_was_forgotten_and_begun_again_replays() {
    let mut bench = Bench::authorised();
    for round in 0..2 {
        bench.try_draw(DRAW, "spring").unwrap();
        bench.answer(won());
        bench.ack(DRAW).unwrap();
        bench.try_take("t1").unwrap();
        bench.answer(taken());
        bench.ack(GIFT).unwrap();
        bench.answer(Reply::Done);
        if round == 0 {
            assert!(bench.engine.forget_acked());
        }
    }
    let again = Bench::after(bench.journal);
    assert_eq!(again.item(DRAW).state(), State::Won);
    assert_eq!(again.item(GIFT).state(), State::Granted);
    // What is still going on is not begun twice.
    let mut bench = Bench::authorised();
    bench.try_draw(DRAW, "spring").unwrap();
    let mut engine = alitv_pay::core::engine::Engine::new([app()]);
    let intent = bench.journal.last().unwrap().clone();
    engine.replay(intent.clone()).unwrap();
    assert!(engine.replay(intent).is_err());
}

/// A gift that is taken again has its place already, and its old number with it.
#[test]
fn a_gift_is_taken_again_though_no_more_is_kept() {
    let mut bench = Bench::authorised();
    bench.try_take("t1").unwrap();
    bench.answer(rejected("RECORD_STATUS_INVALID"));
    bench.ack(GIFT).unwrap();
    for number in 1..ORDERS_KEPT_MAX {
        bench.pass(60_000);
        bench.sent.clear();
        bench.try_draw(&format!("draw-{number}"), "spring").unwrap();
        bench.answer(won());
        bench.ack(&format!("draw-{number}")).unwrap();
    }
    bench.pass(60_000);
    assert_eq!(bench.try_take("t2").unwrap().state, State::Created);
    let Ask::GiftTake(facts) = bench.asks()[bench.asks().len() - 1] else { panic!("a taking") };
    assert_eq!(facts.take_id.as_str(), "t1");
    bench.pass(60_000);
    bench.try_draw("draw-x", "spring").unwrap();
    assert_eq!(bench.engine.items(&app(), Which::All, bench.clock).len(), ORDERS_KEPT_MAX);
}
