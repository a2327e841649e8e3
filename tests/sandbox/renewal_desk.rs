//! Subscriptions in the hands of the operator, of a script and of their user.

use alitv_pay::core::facts::Interval;
use serde_json::{json, Value};

use crate::harness::{form_token, World};
use crate::renewal_pay::{active, charge, thread, to_due};

fn show(world: &World) -> String {
    world.http("GET", "/operator/renewals?lang=en", &[], "").body
}

fn press(world: &World, action: &str, order: &str) -> u16 {
    let token = form_token(&world.http("GET", "/operator/clock", &[], "").body);
    let fields =
        [("token", &*token), ("action", action), ("app_key", world.app_key()), ("order", order)];
    world.submit("/operator/renewals?lang=en", &fields).status
}

fn orders(list: &Value) -> Vec<&str> {
    list["renewals"].as_array().unwrap().iter().map(|t| t["order"].as_str().unwrap()).collect()
}

#[test]
fn the_operator_sees_what_is_due_and_can_make_it_fail_or_end() {
    let world = World::new();
    assert!(show(&world).contains("No subscriptions yet"));
    active(&world, "R", Interval::Month, &[100, 250, 300]);
    let page = show(&world);
    for text in ["VIP by month", "every month", "Active", "2.50", "Clock to due", "End by user"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains(">Due<"));
    assert_eq!(press(&world, "due", "R"), 303);
    assert!(show(&world).contains(">Due<") && !show(&world).contains("Clock to due"));
    assert_eq!(press(&world, "pay_fail", "R"), 303);
    assert!(show(&world).contains("Will fail"));
    assert_eq!(charge(&world, "R", 1, 250), "RENEWAL_ORDER_PAY_FAIL");
    assert_eq!(press(&world, "pay_ok", "R"), 303);
    world.scenario(r#"{"scenario":"renewal.wait"}"#);
    assert_eq!(charge(&world, "R", 1, 250), "WAIT_BUYER_PAY");
    assert!(show(&world).contains("Waits for its payer"));
    assert_eq!(press(&world, "pay", "R_r1"), 303);
    assert_eq!(thread(&world, "R")["charges"][0]["status"], "TRADE_SUCCESS");
    assert!(show(&world).contains("R_r1"));
    assert_eq!(press(&world, "end", "R"), 303);
    assert!(show(&world).contains("Ended by the user"));
    assert_eq!(press(&world, "end", "R"), 409);
    assert_eq!(press(&world, "due", "R"), 409);
    assert_eq!(press(&world, "pay_fail", "NONE"), 404);
    assert_eq!(press(&world, "explode", "R"), 400);
    let orders = world.http("GET", "/operator/orders?lang=en", &[], "").body;
    assert!(orders.contains("Charge 1"), "{orders}");
    for what in ["renewal.due", "renewal.pay_fail", "renewal.ended"] {
        let events = world.does("GET", &format!("/events?what={what}"), "");
        assert_eq!(events["events"].as_array().unwrap().len(), 1, "{what}");
    }
}

#[test]
fn switches_of_the_app_and_of_its_user_are_on_their_pages() {
    let world = World::new();
    active(&world, "R", Interval::Month, &[100, 200, 300]);
    to_due(&world, "R");
    let token = form_token(&world.http("GET", "/operator/clock", &[], "").body);
    let turn = || {
        let fields = [("token", &*token), ("action", "pay_fail"), ("user_id", "100001")];
        assert_eq!(world.submit("/operator/users?lang=en", &fields).status, 303);
    };
    turn();
    assert_eq!(world.does("GET", "/users/100001", "")["renewal_pay_fail"], true);
    assert!(world.http("GET", "/operator/users?lang=en", &[], "").body.contains("Deductions fail"));
    assert_eq!(charge(&world, "R", 1, 200), "RENEWAL_ORDER_PAY_FAIL");
    turn();
    world.does("PATCH", "/apps/23012345", r#"{"renewal_pay_fail":true}"#);
    assert_eq!(charge(&world, "R", 1, 200), "RENEWAL_ORDER_PAY_FAIL");
    world.does("PATCH", "/apps/23012345", r#"{"renewal_pay_fail":false,"renewal_early_days":28}"#);
    assert_eq!(charge(&world, "R", 1, 200), "TRADE_SUCCESS");
    let next = thread(&world, "R")["next"].clone();
    let early_ms = next["due_ms"].as_i64().unwrap() - next["from_ms"].as_i64().unwrap();
    assert_eq!(early_ms, 28 * 86_400_000);
    let refused = world.refused("PATCH", "/apps/23012345", r#"{"renewal_early_days":29}"#);
    assert_eq!((refused.0, &*refused.1), (400, "renewal_early_days"));
    let page = world.http("GET", "/operator/apps?lang=en", &[], "").body;
    let fields = [
        ("token", form_token(&page)),
        ("action", "settings".into()),
        ("app_key", world.app_key().to_owned()),
        ("renewal", "yes".into()),
        ("renewal_pay_fail", "yes".into()),
        ("renewal_early_days", "3".into()),
    ];
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, text)| (*name, &**text)).collect();
    assert_eq!(world.submit("/operator/apps?lang=en", &fields).status, 303);
    let app = world.does("GET", "/apps/23012345", "");
    assert_eq!(app["settings"]["renewal_early_days"], 3);
    assert_eq!(app["settings"]["renewal_pay_fail"], true);
}

#[test]
fn the_user_ends_a_subscription_on_the_page_of_its_first_order() {
    let world = World::new();
    active(&world, "R", Interval::Month, &[100, 200]);
    let page_url = world.does("GET", "/orders/R", "")["page_url"].as_str().unwrap().to_owned();
    let path = format!("{}?lang=en", &page_url[page_url.find("/Q/").unwrap()..]);
    let page = world.http("GET", &path, &[], "").body;
    assert!(page.contains("End the subscription"), "{page}");
    let forged = world.submit(&path, &[("token", "x"), ("action", "end")]);
    assert_eq!(forged.status, 403);
    let token = form_token(&page);
    for _ in 0..2 {
        let pressed = world.submit(&path, &[("token", &token), ("action", "end")]);
        assert_eq!(pressed.status, 303);
        assert_eq!(thread(&world, "R")["state"], "CANCELLED");
    }
    assert!(!world.http("GET", &path, &[], "").body.contains("End the subscription"));
}

#[test]
fn scripts_list_find_and_change_subscriptions() {
    let world = World::new();
    active(&world, "A", Interval::Month, &[100, 200]);
    active(&world, "B", Interval::Season, &[100, 200]);
    world.order("PLAIN");
    assert_eq!(orders(&world.does("GET", "/renewals", "")), ["B", "A"]);
    assert_eq!(orders(&world.does("GET", "/renewals?limit=1", "")), ["B"]);
    assert_eq!(orders(&world.does("GET", "/renewals?due=1", "")).len(), 0);
    to_due(&world, "A");
    assert_eq!(orders(&world.does("GET", "/renewals?due=1", "")), ["A"]);
    assert_eq!(charge(&world, "A", 1, 200), "TRADE_SUCCESS");
    assert_eq!(orders(&world.does("GET", "/renewals?state=FINISHED", "")), ["A"]);
    assert_eq!(orders(&world.does("GET", "/renewals?app_key=23012346", "")).len(), 0);
    // Its charge leads to it, too.
    assert_eq!(thread(&world, "A_r1"), thread(&world, "A"));
    let b = thread(&world, "B");
    assert_eq!((&b["interval"], &b["prices_fen"]), (&json!("season"), &json!([100, 200])));
    assert_eq!((&b["cap_fen"], &b["taken_fen"]), (&json!(300), &json!(100)));
    assert_eq!((&b["payer"], &b["subject"]), (&json!("100001"), &json!("VIP by month")));
    assert_eq!(world.does("PATCH", "/renewals/B", r#"{"cap_fen":150}"#)["cap_fen"], 150);
    for (method, path, body, status, field) in [
        ("GET", "/renewals/NONE", "", 404, "order"),
        ("GET", "/renewals/PLAIN", "", 404, "order"),
        ("GET", "/renewals?state=active", "", 400, "state"),
        ("PATCH", "/renewals/B", r#"{"cap_fen":0}"#, 400, "cap_fen"),
        ("PATCH", "/renewals/B", r#"{"pay_fail":1}"#, 400, "pay_fail"),
        ("PATCH", "/renewals/B", r#"{"seq":1}"#, 400, "seq"),
        ("PATCH", "/renewals/PLAIN", r#"{"pay_fail":true}"#, 404, "order"),
        ("POST", "/renewals/B/explode", "", 404, "action"),
        ("POST", "/renewals/A/end", "", 409, "order"),
        ("POST", "/renewals/A/due", "", 409, "order"),
        ("POST", "/renewals/B/end", r#"{"x":1}"#, 400, "x"),
    ] {
        let told = world.refused(method, path, body);
        assert_eq!((told.0, &*told.1), (status, field), "{method} {path} {body}: {}", told.2);
    }
    assert_eq!(world.does("POST", "/renewals/B/end", "")["state"], "CANCELLED");
}
