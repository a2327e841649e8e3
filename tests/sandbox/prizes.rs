//! Consumption lottery: what a payer wins by paying.

use alitv_pay::core::call::{Ask, Reply, Trade};
use alitv_pay::core::facts::AppKey;
use alitv_pay::core::user::Token;

use crate::harness::World;

fn order(world: &World, order: &str, session: Option<&Token>) {
    let app_key = AppKey::new(world.app_key()).unwrap();
    let reply = world.call(app_key, session, Ask::Precreate(world.facts(order)));
    assert!(matches!(reply, Reply::Shown { .. }), "{reply:?}");
}

fn pay(world: &World, order: &str, body: &str) -> Trade {
    world.does("POST", &format!("/orders/{order}/pay"), body);
    world.trade(order)
}

#[test]
fn a_payer_who_is_signed_in_wins_once() {
    let world = World::new();
    let session = world.sign_in("100001");
    order(&world, "A", Some(&session));
    assert!(world.trade("A").awards.is_empty());
    let paid = pay(&world, "A", "");
    assert_eq!(paid.awards.len(), 1);
    assert_eq!(paid.awards[0].name, "10 积分 10 points");
    assert_eq!(world.trade("A").awards, paid.awards);
    assert_eq!(world.points("100001"), 510);
    let told = world.does("GET", "/orders/A", "");
    assert_eq!((&told["payer"], &told["awards"][0]["amount"]), (&"100001".into(), &10.into()));
}

#[test]
fn a_payer_who_is_not_known_wins_nothing_and_one_who_is_named_does() {
    let world = World::new();
    order(&world, "A", None);
    assert!(pay(&world, "A", "").awards.is_empty());
    order(&world, "B", None);
    assert_eq!(pay(&world, "B", r#"{"user":"100002"}"#).awards.len(), 1);
    assert_eq!(world.points("100002"), 15);
    order(&world, "C", None);
    let refused = world.refused("POST", "/orders/C/pay", r#"{"user":"9"}"#);
    assert_eq!((refused.0, refused.1.as_str()), (404, "user"));
}

#[test]
fn a_session_that_is_over_makes_no_order_and_a_known_order_is_answered() {
    let world = World::new();
    let session = world.sign_in("100001");
    order(&world, "A", Some(&session));
    world.sandbox.revoke("100001");
    order(&world, "A", Some(&session));
    let app_key = AppKey::new(world.app_key()).unwrap();
    let reply = world.call(app_key, Some(&session), Ask::Precreate(world.facts("B")));
    assert_eq!(reply, Reply::NoSession);
    assert_eq!(world.query("B", 0), Reply::NoTrade);
}

#[test]
fn prizes_of_a_product_are_set_and_taken_away() {
    let world = World::new();
    let set = |body: &str| world.does("PUT", "/prizes", body);
    set(r#"{"app_key":"23012345","subject_id":"gem60","awards":[]}"#);
    order(&world, "A", None);
    assert!(pay(&world, "A", r#"{"user":"100001"}"#).awards.is_empty());
    let all = set(r#"{"app_key":"23012345","subject_id":"gem60",
                      "awards":[{"name":"badge","weight":1,"gift_item":"badge"}]}"#);
    assert!(all["prizes"].as_array().unwrap().iter().any(|p| p["subject_id"] == "gem60"));
    order(&world, "B", None);
    assert_eq!(pay(&world, "B", r#"{"user":"100001"}"#).awards[0].name, "badge");
    let gifts = world.does("GET", "/gifts?user=100001&limit=1", "");
    assert_eq!(gifts["gifts"][0]["cp_item_id"], "badge");
    for (body, field) in [
        (r#"{"app_key":"9","subject_id":"x","awards":[]}"#, "app_key"),
        (r#"{"app_key":"23012345","subject_id":"","awards":[]}"#, "subject_id"),
        (r#"{"app_key":"23012345","subject_id":"x","awards":[{"name":"n"}]}"#, "awards[0].weight"),
        (
            r#"{"app_key":"23012345","subject_id":"x","awards":[{"name":"","weight":1}]}"#,
            "awards[0].name",
        ),
        (
            r#"{"app_key":"23012345","subject_id":"x","awards":[{"name":"n","weight":0}]}"#,
            "lose_weight",
        ),
    ] {
        let (status, named, message) = world.refused("PUT", "/prizes", body);
        assert_eq!((status, named.as_str()), (400, field), "{body}: {message}");
    }
}
