//! The control API, as docs/sandbox.md promises it.

use serde_json::Value;

use crate::harness::World;

fn refused(world: &World, method: &str, path: &str, body: &str) -> (u16, String, String) {
    let (status, answer) = world.control(method, path, body);
    let error = &answer["error"];
    let text = |value: &Value| value.as_str().unwrap_or("").to_owned();
    (status, text(&error["field"]), text(&error["message"]))
}

#[test]
fn nothing_goes_without_the_token() {
    let world = World::new();
    world.order("A");
    let token = world.sandbox.control_token.clone();
    for header in [
        "X: y".to_owned(),
        "Authorization: Bearer ".to_owned(),
        format!("Authorization: Bearer {token}x"),
        format!("Authorization: {token}"),
        format!("Authorization: Bearer {}", token.to_uppercase()),
    ] {
        for (method, path) in [
            ("GET", "/control/orders"),
            ("POST", "/control/orders/A/pay"),
            ("POST", "/control/reset"),
            ("GET", "/control/no-such"),
        ] {
            let answer = world.http(method, path, &[&header], "");
            assert_eq!(answer.status, 401, "{header} {path}");
            assert!(answer.body.contains("\"field\":\"Authorization\""), "{}", answer.body);
        }
    }
    assert_eq!(world.control("GET", "/orders/A", "").1["status"], "NOT_SCANNED");
}

#[test]
fn orders_are_shown_and_acted_on() {
    let world = World::new();
    let path = world.order("A");
    let (status, order) = world.control("GET", "/orders/A", "");
    assert_eq!(
        (status, &order["order"], &order["status"]),
        (200, &"A".into(), &"NOT_SCANNED".into())
    );
    assert_eq!((&order["amount_fen"], &order["title"]), (&600.into(), &"60 gems".into()));
    assert_eq!(order["page_url"], format!("{}{path}", world.sandbox.base_url));
    assert_eq!(
        order["expires_ms"].as_i64().unwrap() - order["created_ms"].as_i64().unwrap(),
        300_000
    );
    for (action, status, member) in [
        ("scan", "WAIT_BUYER_PAY", "scanned_ms"),
        ("insufficient", "WAIT_BUYER_PAY", "insufficient"),
        ("pay", "TRADE_SUCCESS", "paid_ms"),
        ("refund", "TRADE_REFUNDED", "refunded_ms"),
    ] {
        let (code, order) = world.control("POST", &format!("/orders/A/{action}"), "");
        assert_eq!((code, &order["status"]), (200, &status.into()), "{action}");
        assert!(order[member].is_i64() || order[member] == true, "{member}: {order}");
    }
    for (order, action, by) in [("B", "cancel", "buyer"), ("C", "expire", "expiry")] {
        world.order(order);
        let (code, closed) = world.control("POST", &format!("/orders/{order}/{action}"), "{}");
        assert_eq!((code, &closed["closed_by"]), (200, &by.into()));
    }
    world.order("D");
    world.close("D");
    assert_eq!(world.control("GET", "/orders/D", "").1["closed_by"], "merchant");
}

#[test]
fn lists_are_filtered_and_bounded() {
    let world = World::new();
    for order in ["A", "B", "C"] {
        world.order(order);
    }
    world.control("POST", "/orders/B/pay", "");
    let names = |query: &str| -> Vec<String> {
        let (status, list) = world.control("GET", &format!("/orders{query}"), "");
        assert_eq!(status, 200, "{list}");
        let orders = list["orders"].as_array().unwrap();
        orders.iter().map(|order| order["order"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(""), ["C", "B", "A"]);
    assert_eq!(names("?limit=2"), ["C", "B"]);
    assert_eq!(names("?status=TRADE_SUCCESS"), ["B"]);
    assert_eq!(names("?app_key=23012346"), [""; 0]);
    for (query, field) in
        [("?limit=0", "limit"), ("?limit=101", "limit"), ("?limit=x", "limit"), ("?nope=1", "nope")]
    {
        let (status, named, _) = refused(&world, "GET", &format!("/orders{query}"), "");
        assert_eq!((status, named.as_str()), (400, field), "{query}");
    }
}

#[test]
fn errors_name_the_field() {
    let world = World::new();
    world.order("A");
    world.control("POST", "/orders/A/pay", "");
    let cases = [
        ("GET", "/orders/NONE", "", 404, "order", "NONE"),
        ("POST", "/orders/NONE/pay", "", 404, "order", "NONE"),
        ("POST", "/orders/A/explode", "", 404, "action", "refund"),
        ("POST", "/orders/A/pay", "", 409, "order", "TRADE_SUCCESS"),
        ("POST", "/orders/A/scan", "", 409, "order", "TRADE_SUCCESS"),
        ("POST", "/orders/A/pay", "{", 400, "body", "JSON"),
        ("POST", "/orders/A/pay", "[]", 400, "body", "object"),
        ("POST", "/orders/A/pay", r#"{"x":1}"#, 400, "x", "not known"),
        ("POST", "/orders/A/pay", r#"{"app_key":7}"#, 400, "app_key", "64"),
        ("POST", "/advance", "", 400, "seconds", "required"),
        ("POST", "/advance", r#"{"seconds":-1}"#, 400, "seconds", "0 to"),
        ("POST", "/advance", r#"{"seconds":1.5}"#, 400, "seconds", "whole"),
        ("POST", "/advance", r#"{"seconds":316224001}"#, 400, "seconds", "316224000"),
        ("POST", "/advance", r#"{"by":"30"}"#, 400, "by", "30d"),
        ("POST", "/advance", r#"{"by":"11y"}"#, 400, "by", "3660 days"),
        ("POST", "/advance", r#"{"by":"1d","seconds":1}"#, 400, "by", "without seconds"),
        ("POST", "/scenario", "{}", 400, "scenario", "required"),
        ("POST", "/scenario", r#"{"scenario":"x"}"#, 400, "scenario", "success.slow"),
        ("POST", "/scenario", r#"{"scenario":"success","orders":0}"#, 400, "orders", "1 to 1000"),
        ("POST", "/scenario", r#"{"scenario":"success","times":1}"#, 400, "times", "success"),
        ("POST", "/scenario", r#"{"scenario":"gateway.500","times":1001}"#, 400, "times", "1000"),
        ("POST", "/scenario", r#"{"scenario":"success","app_key":"1"}"#, 404, "app_key", "app"),
        ("POST", "/scenario", r#"{"scenario":"success","default":1}"#, 400, "default", "true"),
        (
            "POST",
            "/scenario",
            r#"{"scenario":"success","default":true,"orders":2}"#,
            400,
            "default",
            "orders",
        ),
        ("GET", "/nowhere", "", 404, "", "docs/sandbox.md"),
        ("GET", "/reset", "", 404, "", "docs/sandbox.md"),
    ];
    for (method, path, body, status, field, word) in cases {
        let (got, named, message) = refused(&world, method, path, body);
        assert_eq!((got, named.as_str()), (status, field), "{method} {path} {body}: {message}");
        assert!(message.contains(word), "{message} should say {word}");
    }
    let large = format!("{{\"x\":\"{}\"}}", "y".repeat(64 * 1024));
    assert_eq!(refused(&world, "POST", "/advance", &large).0, 413);
}

#[test]
fn an_order_that_two_apps_have_needs_its_app() {
    let world = World::new();
    world.order("A");
    let mut facts = alitv_pay::core::facts::Facts::clone(&world.facts("A"));
    let other = world.sandbox.apps[1].app_key.clone();
    facts.app_key = alitv_pay::core::facts::AppKey::new(other.clone()).unwrap();
    world.precreate_facts(&std::sync::Arc::new(facts));
    let (status, field, _) = refused(&world, "POST", "/orders/A/pay", "");
    assert_eq!((status, field.as_str()), (409, "app_key"));
    let ambiguous = r#"{"scenario":"success","order":"A"}"#;
    assert_eq!(refused(&world, "POST", "/scenario", ambiguous).1, "app_key");
    let body = format!(r#"{{"app_key":"{other}"}}"#);
    assert_eq!(world.control("POST", "/orders/A/pay", &body).0, 200);
    let shown = |app: &str| world.control("GET", &format!("/orders/A?app_key={app}"), "").1;
    assert_eq!(shown(&other)["status"], "TRADE_SUCCESS");
    assert_eq!(shown(world.app_key())["status"], "NOT_SCANNED");
}

#[test]
fn scenarios_go_to_the_orders_they_are_for() {
    let world = World::new();
    let scenario = |order: &str| {
        world.precreate(order);
        world.control("GET", &format!("/orders/{order}"), "").1["scenario"].clone()
    };
    assert_eq!(world.scenario(r#"{"scenario":"scanned","orders":2}"#)["applied"], "next");
    assert_eq!(world.scenario(r#"{"scenario":"expire","order":"X"}"#)["applied"], "next");
    assert_eq!(
        world.scenario(r#"{"scenario":"success.slow","default":true}"#)["applied"],
        "default"
    );
    let waiting = world.control("GET", "/state", "").1["scenarios"].clone();
    assert_eq!(waiting.as_array().unwrap().len(), 2, "{waiting}");
    assert_eq!(scenario("A"), "scanned");
    assert_eq!(scenario("B"), "scanned");
    assert_eq!(scenario("C"), "success.slow");
    assert_eq!(scenario("X"), "expire");
    assert_eq!(world.scenario(r#"{"scenario":"cancel.buyer","order":"C"}"#)["applied"], "now");
    world.control("POST", "/advance", r#"{"seconds":2}"#);
    assert_eq!(world.control("GET", "/orders/C", "").1["closed_by"], "buyer");
    let list = world.control("GET", "/scenarios", "").1;
    assert!(list["scenarios"].as_array().unwrap().len() >= 19);
}

#[test]
fn a_reset_forgets_all_but_the_apps() {
    let world = World::new();
    let path = world.order("A");
    world.scenario(r#"{"scenario":"success"}"#);
    world.control("POST", "/advance", r#"{"seconds":100}"#);
    let state = world.control("GET", "/state", "").1;
    assert_eq!(
        (&state["orders"], &state["open"], &state["ahead_s"]),
        (&1.into(), &1.into(), &100.into())
    );
    assert_eq!(world.control("POST", "/reset", "").0, 200);
    let state = world.control("GET", "/state", "").1;
    assert_eq!((&state["orders"], &state["ahead_s"]), (&0.into(), &0.into()));
    assert_eq!(state["scenarios"].as_array().unwrap().len(), 0);
    assert_eq!(world.http("GET", &path, &[], "").status, 404);
    assert_ne!(world.order("A"), path);
}
