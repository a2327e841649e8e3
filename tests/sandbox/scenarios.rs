//! What each scenario makes the box believe.

use std::sync::Arc;
use std::time::{Duration, Instant};

use alitv_pay::core::call::{Ask, DoubtKind, Reply, TradeStatus};
use alitv_pay::core::facts::{AppKey, Facts};
use alitv_pay::limits::{EXPIRES_S_DEFAULT, WAIT_S_MAX};
use alitv_pay::money::Fen;
use alitv_pay::sandbox::{Action, Scenario};

use crate::harness::World;

fn doubt(reply: Reply) -> DoubtKind {
    match reply {
        Reply::InDoubt(doubt) => doubt.kind,
        other => panic!("{other:?}"),
    }
}

fn playing(scenario: &str) -> World {
    let world = World::new();
    world.scenario(&format!(r#"{{"scenario":"{scenario}"}}"#));
    world
}

#[test]
fn a_probe_learns_the_time_and_that_queries_are_held() {
    let world = World::new();
    let app_key = AppKey::new(world.app_key()).unwrap();
    let before = crate::harness::wall_ms();
    match world.ask(app_key, Ask::Probe) {
        Reply::Probed { server_ms, wait_s_max } => {
            assert!(server_ms >= before, "{server_ms} {before}");
            assert_eq!(wait_s_max, WAIT_S_MAX);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn manual_waits_for_the_payer() {
    let world = World::new();
    let first = world.precreate("A");
    let Reply::Shown { qr_text, expires_s, .. } = &first else { panic!("{first:?}") };
    assert!(qr_text.starts_with("HTTP://127.0.0.1:"), "{qr_text}");
    assert!(*expires_s <= EXPIRES_S_DEFAULT);
    world.sandbox.advance(200).unwrap();
    assert_eq!(world.status("A"), TradeStatus::NotScanned);
    world.sandbox.act(world.app_key(), "A", Action::Scan).unwrap();
    assert_eq!(world.status("A"), TradeStatus::WaitBuyerPay);
    world.sandbox.act(world.app_key(), "A", Action::Pay).unwrap();
    let paid = world.trade("A");
    assert_eq!((paid.status, paid.amount_fen.get()), (TradeStatus::Success, 600));
    assert!(!paid.trade_no.is_empty() && paid.paid_ms <= paid.server_ms);
    world.sandbox.act(world.app_key(), "A", Action::Refund).unwrap();
    assert_eq!(world.status("A"), TradeStatus::Refunded);
    let again = world.precreate("A");
    assert!(matches!(again, Reply::Shown { qr_text: text, .. } if text == *qr_text));
}

#[test]
fn the_same_facts_give_the_same_code_and_others_a_conflict() {
    let world = World::new();
    let path = world.order("A");
    assert_eq!(world.order("A"), path);
    assert_ne!(world.order("B"), path);
    let mut shorter = Facts::clone(&world.facts("A"));
    shorter.expires_s = Some(30);
    assert!(matches!(world.precreate_facts(&Arc::new(shorter)), Reply::Shown { .. }));
    let mut dearer = Facts::clone(&world.facts("A"));
    dearer.amount_fen = Fen::new(601).unwrap();
    match world.precreate_facts(&Arc::new(dearer)) {
        Reply::Rejected { code, text } => {
            assert_eq!(code, "ORDER_CONFLICT");
            assert!(text.contains("price"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    let mut other_app = Facts::clone(&world.facts("A"));
    other_app.app_key = AppKey::new(world.sandbox.apps[1].app_key.clone()).unwrap();
    assert!(matches!(world.precreate_facts(&Arc::new(other_app)), Reply::Shown { .. }));
    assert_eq!(world.query("C", 0), Reply::NoTrade);
    assert_eq!(world.close("C"), Reply::NoTrade);
}

#[test]
fn payers_that_play_by_themselves() {
    for (scenario, seconds, end) in [
        ("success", 2, TradeStatus::Success),
        ("success.slow", 20, TradeStatus::WaitBuyerPay),
        ("success.slow", 31, TradeStatus::Success),
        ("scanned", 100, TradeStatus::WaitBuyerPay),
        ("cancel.buyer", 2, TradeStatus::Closed),
        ("expire", 4, TradeStatus::Closed),
        ("balance_insufficient", 2, TradeStatus::WaitBuyerPay),
    ] {
        let world = playing(scenario);
        world.order("A");
        world.sandbox.advance(seconds).unwrap();
        assert_eq!(world.status("A"), end, "{scenario}");
    }
}

#[test]
fn a_payer_plays_in_real_time_too() {
    let world = World::new();
    world.sandbox.play_next(Scenario::parse("success").unwrap()).unwrap();
    world.order("A");
    let deadline = Instant::now() + Duration::from_secs(60);
    while world.status("A") != TradeStatus::Success {
        assert!(Instant::now() < deadline, "nobody paid");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn an_unscanned_code_expires_when_the_clock_passes_its_end() {
    let world = World::new();
    world.order("A");
    world.sandbox.advance(EXPIRES_S_DEFAULT - 60).unwrap();
    assert_eq!(world.status("A"), TradeStatus::NotScanned);
    world.sandbox.advance(61).unwrap();
    assert_eq!(world.status("A"), TradeStatus::Closed);
    assert!(world.sandbox.act(world.app_key(), "A", Action::Pay).is_err());
}

#[test]
fn close_kills_an_open_code_and_leaves_a_paid_one() {
    let world = World::new();
    for (order, before, after) in [
        ("A", None, TradeStatus::Closed),
        ("B", Some(Action::Scan), TradeStatus::Closed),
        ("C", Some(Action::Pay), TradeStatus::Success),
    ] {
        world.order(order);
        if let Some(action) = before {
            world.sandbox.act(world.app_key(), order, action).unwrap();
        }
        match world.close(order) {
            Reply::Status(trade) => assert_eq!(trade.status, after, "{order}"),
            other => panic!("{other:?}"),
        }
        assert_eq!(world.status(order), after);
    }
}

#[test]
fn success_after_cancel_takes_the_money_while_the_box_closes() {
    let world = playing("success_after_cancel");
    world.order("A");
    world.sandbox.advance(100).unwrap();
    assert_eq!(world.status("A"), TradeStatus::WaitBuyerPay);
    match world.close("A") {
        Reply::Status(trade) => assert_eq!(trade.status, TradeStatus::Success),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_refused_precreate_makes_no_order() {
    let world = playing("precreate.refused");
    assert!(
        matches!(world.precreate("A"), Reply::Rejected { code, .. } if code == "ORDER_REFUSED")
    );
    assert_eq!(world.query("A", 0), Reply::NoTrade);
}

#[test]
fn the_money_is_taken_and_the_gateway_forgets_to_say_so() {
    let world = playing("unknown_then_success");
    world.order("A");
    assert_eq!(world.status("A"), TradeStatus::NotScanned);
    world.sandbox.advance(2).unwrap();
    assert_eq!(doubt(world.query("A", 0)), DoubtKind::Gateway);
    assert_eq!(doubt(world.close("A")), DoubtKind::Gateway);
    assert_eq!(world.status("A"), TradeStatus::Success);
}

#[test]
fn spoilt_answers_are_doubts_until_they_are_used_up() {
    for (scenario, kind) in [
        ("gateway.500", DoubtKind::Gateway),
        ("gateway.badjson", DoubtKind::Gateway),
        ("gateway.badsign", DoubtKind::Signature),
    ] {
        let world = playing(scenario);
        assert_eq!(doubt(world.precreate("A")), kind, "{scenario}");
        assert_eq!(doubt(world.query("A", 0)), kind, "{scenario}");
        world.sandbox.advance(2).unwrap();
        assert_eq!(doubt(world.close("A")), kind, "{scenario}");
        assert_eq!(world.status("A"), TradeStatus::Success, "{scenario}");
    }
}

#[test]
fn a_lying_answer_about_a_paid_order_is_no_answer() {
    for scenario in ["amount.mismatch", "order.mismatch"] {
        let world = playing(scenario);
        world.order("A");
        assert_eq!(world.status("A"), TradeStatus::NotScanned);
        world.sandbox.advance(2).unwrap();
        for _ in 0..3 {
            assert_eq!(doubt(world.query("A", 0)), DoubtKind::Signature, "{scenario}");
        }
        assert_eq!(world.status("A"), TradeStatus::Success);
    }
}

#[test]
fn stale_queries_still_wait_and_close_does_not() {
    let world = playing("query.stale");
    world.order("A");
    world.sandbox.advance(2).unwrap();
    assert_eq!(world.status("A"), TradeStatus::WaitBuyerPay);
    assert!(matches!(world.close("A"), Reply::Status(t) if t.status == TradeStatus::Success));
    assert_eq!(world.status("A"), TradeStatus::WaitBuyerPay);
    assert_eq!(world.status("A"), TradeStatus::WaitBuyerPay);
    assert_eq!(world.status("A"), TradeStatus::Success);
}

#[test]
fn a_replay_repeats_a_paid_answer_of_another_order_and_is_not_believed() {
    let world = World::new();
    world.order("PAID");
    world.sandbox.act(world.app_key(), "PAID", Action::Pay).unwrap();
    assert_eq!(world.status("PAID"), TradeStatus::Success);
    world.scenario(r#"{"scenario":"gateway.replay","play":"manual","times":2}"#);
    world.order("A");
    for _ in 0..2 {
        assert_eq!(doubt(world.query("A", 0)), DoubtKind::Signature);
    }
    assert_eq!(world.status("A"), TradeStatus::NotScanned);
}

#[test]
fn a_replay_without_a_paid_answer_repeats_the_orders_own_first() {
    let world = World::new();
    world.scenario(r#"{"scenario":"gateway.replay","play":"manual","times":1}"#);
    world.order("A");
    assert_eq!(world.status("A"), TradeStatus::NotScanned);
    assert_eq!(doubt(world.query("A", 0)), DoubtKind::Signature);
    assert_eq!(world.status("A"), TradeStatus::NotScanned);
}

#[test]
fn a_throttled_box_is_told_how_long() {
    let world = playing("gateway.throttle");
    assert_eq!(world.precreate("A"), Reply::Throttled { after_s: 2 });
    assert_eq!(world.query("A", 0), Reply::Throttled { after_s: 2 });
    assert_eq!(world.status("A"), TradeStatus::NotScanned);
}

#[test]
fn a_call_that_is_never_answered_was_carried_out() {
    let world = playing("gateway.timeout");
    assert_eq!(doubt(world.precreate("A")), DoubtKind::Network);
    assert_eq!(world.control("GET", "/orders/A", "").0, 200);
    // Stopping must not wait for the caller that still hangs.
    world.scenario(r#"{"scenario":"gateway.timeout","order":"A"}"#);
    let World { sandbox, .. } = world;
    sandbox.stop();
}

#[test]
fn a_held_query_is_answered_when_the_payer_pays() {
    let world = World::new();
    world.order("A");
    let began = Instant::now();
    let reply = std::thread::scope(|scope| {
        let held = scope.spawn(|| world.query("A", WAIT_S_MAX));
        std::thread::sleep(Duration::from_millis(300));
        assert!(!held.is_finished());
        world.sandbox.act(world.app_key(), "A", Action::Pay).unwrap();
        held.join().unwrap()
    });
    assert!(matches!(reply, Reply::Status(trade) if trade.status == TradeStatus::Success));
    assert!(began.elapsed() < Duration::from_secs(u64::from(WAIT_S_MAX)));
}

#[test]
fn a_held_query_ends_by_itself_and_by_the_clock() {
    let world = World::new();
    world.order("A");
    let began = Instant::now();
    assert!(matches!(world.query("A", 1), Reply::Status(t) if t.status == TradeStatus::NotScanned));
    assert!(began.elapsed() >= Duration::from_secs(1));
    let reply = std::thread::scope(|scope| {
        let held = scope.spawn(|| world.query("A", WAIT_S_MAX));
        std::thread::sleep(Duration::from_millis(300));
        world.sandbox.advance(EXPIRES_S_DEFAULT).unwrap();
        held.join().unwrap()
    });
    assert!(matches!(reply, Reply::Status(trade) if trade.status == TradeStatus::Closed));
    assert!(began.elapsed() < Duration::from_secs(u64::from(WAIT_S_MAX)));
}

#[test]
fn a_query_is_not_held_when_there_is_news() {
    let world = World::new();
    world.order("A");
    world.sandbox.act(world.app_key(), "A", Action::Scan).unwrap();
    let began = Instant::now();
    let reply = world.query("A", WAIT_S_MAX);
    assert!(matches!(reply, Reply::Status(t) if t.status == TradeStatus::WaitBuyerPay));
    world.sandbox.act(world.app_key(), "A", Action::Pay).unwrap();
    for _ in 0..3 {
        let reply = world.query("A", WAIT_S_MAX);
        assert!(matches!(reply, Reply::Status(t) if t.status == TradeStatus::Success));
    }
    assert_eq!(world.query("NONE", WAIT_S_MAX), Reply::NoTrade);
    assert!(began.elapsed() < Duration::from_secs(u64::from(WAIT_S_MAX)));
}
