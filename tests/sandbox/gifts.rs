//! Gifts: taken once, marked once, whatever is lost between.

use std::sync::Arc;

use alitv_pay::core::award::{Gift, GiftId, GiftStatus};
use alitv_pay::core::call::{Ask, Reply};
use alitv_pay::core::facts::{AppKey, GiftFacts, OrderId};
use alitv_pay::core::user::{Token, UserId};

use crate::harness::World;

fn list(world: &World, session: &Token) -> Vec<Gift> {
    match world.ask_as(session, Ask::Gifts) {
        Reply::Gifts(gifts) => gifts,
        other => panic!("{other:?}"),
    }
}

fn facts(world: &World, user: &str, gift_id: GiftId, take: &str) -> Arc<GiftFacts> {
    Arc::new(GiftFacts {
        app_key: AppKey::new(world.app_key()).unwrap(),
        gift_id,
        user_id: UserId::new(user).unwrap(),
        take_id: OrderId::new(take).unwrap(),
    })
}

fn take(world: &World, session: &Token, facts: &Arc<GiftFacts>) -> Reply {
    world.ask_as(session, Ask::GiftTake(facts.clone()))
}

/// The game's box need not be signed in any more when it marks.
fn mark(world: &World, facts: &Arc<GiftFacts>) -> Reply {
    world.ask(facts.app_key.clone(), Ask::GiftMark(facts.clone()))
}

fn taken(item: &str) -> Reply {
    Reply::Taken { cp_item_id: item.into() }
}

fn refusal(reply: Reply) -> String {
    match reply {
        Reply::Rejected { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn lay_out(world: &World, more: &str) -> GiftId {
    let body = format!(r#"{{"user_id":"100001","app_key":"23012345","cp_item_id":"new"{more}}}"#);
    let made = world.does("POST", "/gifts", &body);
    GiftId::parse(made["gift_id"].as_str().unwrap()).unwrap()
}

fn state(world: &World, gift_id: GiftId) -> String {
    let told = world.does("GET", &format!("/gifts/{}", gift_id.get()), "");
    told["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_gift_is_listed_taken_and_marked() {
    let world = World::new();
    let session = world.sign_in("100001");
    let gifts = list(&world, &session);
    let items: Vec<&str> = gifts.iter().map(|gift| gift.cp_item_id.as_str()).collect();
    assert_eq!(items, ["gems_100", "skin_dragon"]);
    assert!(gifts.iter().all(|gift| gift.status == GiftStatus::Pending));
    let first = facts(&world, "100001", gifts[0].gift_id, "take-1");
    for _ in 0..3 {
        assert_eq!(take(&world, &session, &first), taken("gems_100"));
    }
    assert_eq!(state(&world, gifts[0].gift_id), "reserved");
    let second = facts(&world, "100001", gifts[0].gift_id, "take-2");
    assert_eq!(refusal(take(&world, &session, &second)), "RECORD_STATUS_INVALID");
    assert_eq!(refusal(mark(&world, &second)), "RECORD_STATUS_INVALID");
    for _ in 0..3 {
        assert_eq!(mark(&world, &first), Reply::Done);
    }
    assert_eq!(state(&world, gifts[0].gift_id), "activated");
    // An answer that was lost is repeated even now.
    assert_eq!(take(&world, &session, &first), taken("gems_100"));
    assert_eq!(refusal(take(&world, &session, &second)), "RECORD_STATUS_INVALID");
    assert_eq!(list(&world, &session).len(), 1);
}

#[test]
fn a_strangers_gift_is_no_gift() {
    let world = World::new();
    let (first, third) = (world.sign_in("100001"), world.sign_in("100003"));
    let gift_id = list(&world, &third)[0].gift_id;
    let own = facts(&world, "100001", gift_id, "take-1");
    assert_eq!(refusal(take(&world, &first, &own)), "RECORD_NOT_FOUND");
    assert_eq!(refusal(mark(&world, &own)), "RECORD_NOT_FOUND");
    let nothing = facts(&world, "100001", GiftId::new(1).unwrap(), "take-1");
    assert_eq!(refusal(take(&world, &first, &nothing)), "RECORD_NOT_FOUND");
    let theirs = facts(&world, "100003", gift_id, "take-1");
    assert!(!matches!(take(&world, &first, &theirs), Reply::Taken { .. }));
    assert_eq!(take(&world, &third, &theirs), taken("gems_100"));
    let of_other_app = list(&world, &third);
    assert!(of_other_app.iter().all(|gift| gift.cp_item_id != "fuel_10"));
}

#[test]
fn what_ran_out_cannot_be_taken() {
    let world = World::new();
    let session = world.sign_in("100001");
    let old = world.does("GET", "/gifts?user=100001&state=expired", "");
    let old = GiftId::parse(old["gifts"][0]["gift_id"].as_str().unwrap()).unwrap();
    let old = facts(&world, "100001", old, "take-1");
    assert_eq!(refusal(take(&world, &session, &old)), "RECORD_EXPIRED");
    let gift_id = lay_out(&world, "");
    world.does("POST", &format!("/gifts/{}/expire", gift_id.get()), "");
    let gone = facts(&world, "100001", gift_id, "take-2");
    assert_eq!(refusal(take(&world, &session, &gone)), "RECORD_EXPIRED");
    assert_eq!(world.refused("POST", &format!("/gifts/{}/expire", gift_id.get()), "").0, 409);
}

#[test]
fn time_ends_a_gift_that_waits_and_not_one_that_is_reserved() {
    let world = World::new();
    let session = world.sign_in("100001");
    let soon = alitv_pay::wire::time::format_gmt8(world.now_ms() + 60_000);
    let more = format!(r#","end_time":"{soon}""#);
    let (waits, held) = (lay_out(&world, &more), lay_out(&world, &more));
    let held_facts = facts(&world, "100001", held, "take-1");
    assert_eq!(take(&world, &session, &held_facts), taken("new"));
    world.sandbox.advance(61).unwrap();
    assert_eq!((state(&world, waits), state(&world, held)), ("expired".into(), "reserved".into()));
    assert_eq!(mark(&world, &held_facts), Reply::Done);
}

#[test]
fn lost_answers_neither_lose_nor_double_a_gift() {
    let world = World::new();
    let session = world.sign_in("100001");
    let gift_id = list(&world, &session)[0].gift_id;
    let one = facts(&world, "100001", gift_id, "take-1");
    world.scenario(r#"{"scenario":"gift.take_lost"}"#);
    assert!(matches!(take(&world, &session, &one), Reply::InDoubt(_)));
    assert_eq!(state(&world, gift_id), "reserved");
    assert_eq!(take(&world, &session, &one), taken("gems_100"));
    world.scenario(r#"{"scenario":"gift.mark_lost","times":2}"#);
    assert!(matches!(mark(&world, &one), Reply::InDoubt(_)));
    assert_eq!(state(&world, gift_id), "activated");
    assert!(matches!(mark(&world, &one), Reply::InDoubt(_)));
    assert_eq!(mark(&world, &one), Reply::Done);
}

#[test]
fn a_reservation_can_be_released_and_the_goods_that_were_given_count() {
    let world = World::new();
    let session = world.sign_in("100001");
    let gift_id = lay_out(&world, "");
    let (one, two) =
        (facts(&world, "100001", gift_id, "take-1"), facts(&world, "100001", gift_id, "take-2"));
    let path = format!("/gifts/{}/release", gift_id.get());
    assert_eq!(world.refused("POST", &path, "").1, "gift");
    take(&world, &session, &one);
    world.does("POST", &path, "");
    assert_eq!(mark(&world, &one), Reply::Done);
    assert_eq!(refusal(take(&world, &session, &two)), "RECORD_STATUS_INVALID");

    let gift_id = lay_out(&world, "");
    let (one, two) =
        (facts(&world, "100001", gift_id, "take-1"), facts(&world, "100001", gift_id, "take-2"));
    take(&world, &session, &one);
    world.does("POST", &format!("/gifts/{}/release", gift_id.get()), "");
    assert_eq!(take(&world, &session, &two), taken("new"));
    assert_eq!(refusal(mark(&world, &one)), "RECORD_STATUS_INVALID");
    assert_eq!(mark(&world, &two), Reply::Done);
}

#[test]
fn a_taking_needs_a_session_until_it_is_known() {
    let world = World::new();
    let session = world.sign_in("100001");
    let gift_id = list(&world, &session)[0].gift_id;
    let one = facts(&world, "100001", gift_id, "take-1");
    let without = || world.ask(one.app_key.clone(), Ask::GiftTake(one.clone()));
    assert_eq!(without(), Reply::NoSession);
    assert_eq!(take(&world, &session, &one), taken("gems_100"));
    world.sandbox.revoke("100001");
    assert_eq!(without(), taken("gems_100"));
}

#[test]
fn gifts_are_laid_out_by_name() {
    let world = World::new();
    let gift_id = lay_out(&world, r#","gift_id":"77","name":"seven","status":"activated""#);
    assert_eq!((gift_id.get(), state(&world, gift_id).as_str()), (77, "activated"));
    for (body, status, field) in [
        (r#"{"user_id":"9","app_key":"23012345","cp_item_id":"x"}"#, 400, "user_id"),
        (r#"{"user_id":"100001","app_key":"9","cp_item_id":"x"}"#, 400, "app_key"),
        (r#"{"user_id":"100001","app_key":"23012345"}"#, 400, "cp_item_id"),
        (r#"{"user_id":"100001","app_key":"23012345","cp_item_id":"a b"}"#, 400, "cp_item_id"),
        (
            r#"{"user_id":"100001","app_key":"23012345","cp_item_id":"x","end_time":"soon"}"#,
            400,
            "end_time",
        ),
        (
            r#"{"user_id":"100001","app_key":"23012345","cp_item_id":"x","gift_id":"77"}"#,
            409,
            "gift_id",
        ),
    ] {
        let (got, named, message) = world.refused("POST", "/gifts", body);
        assert_eq!((got, named.as_str()), (status, field), "{body}: {message}");
    }
    for (path, field) in [("/gifts/1/release", "gift"), ("/gifts/x/release", "gift")] {
        assert_eq!(world.refused("POST", path, "").1, field);
    }
    assert_eq!(world.refused("POST", "/gifts/77/eat", "").1, "action");
}
