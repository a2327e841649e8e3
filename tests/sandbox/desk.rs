//! Users, scenarios of calls, and the list of what has happened.

use serde_json::json;

use crate::harness::World;

#[test]
fn users_are_made_changed_and_removed() {
    let world = World::new();
    let made = world.does("POST", "/users", r#"{"user_id":"u9","nick":"Nine","points":9}"#);
    assert_eq!((&made["nick"], &made["authorised"]), (&"Nine".into(), &json!({})));
    let body = r#"{"nick":"Neun","avatar_url":"https://p.example.com/9.png"}"#;
    let changed = world.does("PATCH", "/users/u9", body);
    assert_eq!((&changed["nick"], &changed["points"]), (&"Neun".into(), &9.into()));
    assert_eq!(changed["avatar_url"], "https://p.example.com/9.png");
    world.does("POST", "/users/u9/authorise", r#"{"app_key":"23012345","profile":true}"#);
    let told = world.does("GET", "/users/u9", "");
    assert_eq!(told["authorised"], json!({"23012345":{"profile":true}}));
    assert_eq!(world.does("POST", "/users/u9/points", r#"{"add":-100}"#)["points"], 0);
    let ids: Vec<serde_json::Value> = world.does("GET", "/users", "")["users"]
        .as_array()
        .unwrap()
        .iter()
        .map(|user| user["user_id"].clone())
        .collect();
    assert_eq!(json!(ids), json!(["100001", "100002", "100003", "u9"]));
    world.does("DELETE", "/users/u9", "");
    assert_eq!(world.refused("GET", "/users/u9", "").1, "user");
}

#[test]
fn an_authorisation_that_is_patched_away_ends_the_sessions_there() {
    let world = World::new();
    world.sign_in("100001");
    world.does("PATCH", "/users/100001", r#"{"authorised":{"23012345":null}}"#);
    assert_eq!(world.does("GET", "/state", "")["sessions"], 0);
}

#[test]
fn errors_about_users_name_the_field() {
    let world = World::new();
    for (method, path, body, status, field) in [
        ("POST", "/users", r#"{"user_id":"100001","nick":"n"}"#, 409, "user_id"),
        ("POST", "/users", r#"{"user_id":"u 1","nick":"n"}"#, 400, "user_id"),
        ("POST", "/users", r#"{"user_id":"u1"}"#, 400, "nick"),
        ("POST", "/users", r#"{"user_id":"u1","nick":"n","age":1}"#, 400, "age"),
        ("POST", "/users", r#"{"user_id":"u1","nick":"n","points":-1}"#, 400, "points"),
        ("PATCH", "/users/100001", r#"{"user_id":"u2"}"#, 400, "user_id"),
        ("PATCH", "/users/100001", r#"{"nick":null}"#, 400, "nick"),
        ("PATCH", "/users/nobody", "{}", 404, "user"),
        ("POST", "/users/nobody/points", r#"{"points":1}"#, 404, "user"),
        ("POST", "/users/100001/points", "{}", 400, "points"),
        ("POST", "/users/100001/points", r#"{"points":1,"add":1}"#, 400, "points"),
        ("POST", "/users/100001/authorise", "{}", 400, "app_key"),
        ("POST", "/users/100001/authorise", r#"{"app_key":"9"}"#, 404, "app_key"),
        ("POST", "/users/100001/logout", r#"{"app_key":"9"}"#, 404, "app_key"),
        ("POST", "/users/100001/promote", "", 404, "action"),
        ("DELETE", "/users/nobody", "", 404, "user"),
    ] {
        let (got, named, message) = world.refused(method, path, body);
        assert_eq!((got, named.as_str()), (status, field), "{method} {path} {body}: {message}");
    }
}

#[test]
fn scenarios_of_calls_are_planned_by_method() {
    let world = World::new();
    let body = r#"{"scenario":"gateway.badsign","method":"user.info","times":1}"#;
    assert_eq!(world.scenario(body)["applied"], "next");
    world.scenario(r#"{"scenario":"draw.lost","app_key":"23012346"}"#);
    let waiting = world.does("GET", "/state", "")["scenarios"].clone();
    assert_eq!(waiting[0]["method"], "user.info");
    assert_eq!((&waiting[1]["app_key"], &waiting[1]["times"]), (&"23012346".into(), &1.into()));
    let token = world.sign_in("100001");
    let ask = || world.ask_as(&token, alitv_pay::core::call::Ask::UserInfo);
    assert!(matches!(ask(), alitv_pay::core::call::Reply::InDoubt(_)));
    assert!(matches!(ask(), alitv_pay::core::call::Reply::User(_)));
    for (body, field) in [
        (r#"{"scenario":"success","method":"lottery.draw"}"#, "method"),
        (r#"{"scenario":"query.stale","method":"lottery.draw"}"#, "method"),
        (r#"{"scenario":"unknown_then_success","method":"lottery.draw"}"#, "method"),
        (r#"{"scenario":"gateway.replay","method":"lottery.draw"}"#, "method"),
        (r#"{"scenario":"draw.lost","method":"gift.take"}"#, "method"),
        (r#"{"scenario":"gateway.500","method":"order.pay"}"#, "method"),
        (r#"{"scenario":"draw.lost","order":"A"}"#, "order"),
        (r#"{"scenario":"draw.lost","orders":2}"#, "orders"),
        (r#"{"scenario":"draw.lost","default":true}"#, "default"),
        (r#"{"scenario":"draw.lost","play":"manual"}"#, "play"),
        (r#"{"scenario":"draw.lost","times":1001}"#, "times"),
        (r#"{"scenario":"gateway.500","play":"draw.lost"}"#, "play"),
    ] {
        let (status, named, message) = world.refused("POST", "/scenario", body);
        assert_eq!((status, named.as_str()), (400, field), "{body}: {message}");
    }
}

#[test]
fn what_happens_is_listed() {
    let world = World::new();
    world.sign_in("100001");
    world.order("A");
    world.does("POST", "/orders/A/pay", "");
    let list = world.does("GET", "/events?limit=100", "");
    let events = list["events"].as_array().unwrap();
    let what: Vec<&str> = events.iter().map(|event| event["what"].as_str().unwrap()).collect();
    assert_eq!(
        what,
        ["order.paid", "order.created", "auth.granted", "user.authorised", "auth.waiting"]
    );
    assert_eq!(events[0]["app_key"], "23012345");
    assert!(events[0]["text"].as_str().unwrap().contains('A'));
    let number = events[2]["number"].as_i64().unwrap();
    let later = world.does("GET", &format!("/events?after={number}"), "");
    assert_eq!(later["events"].as_array().unwrap().len(), 2);
    let paid = world.does("GET", "/events?what=order.paid&app_key=23012345", "");
    assert_eq!(paid["events"].as_array().unwrap().len(), 1);
    let other = world.does("GET", "/events?app_key=23012346", "");
    assert_eq!(other["events"].as_array().unwrap().len(), 0);
}

/// The calls of the table in a document: method and path, with something for each name.
fn documented(doc: &str) -> Vec<(String, String)> {
    let rows = doc.lines().filter(|line| line.starts_with("| `"));
    let first = rows.filter_map(|row| row.split('|').nth(1));
    let calls = first.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let calls = calls.filter_map(|call| call.split_once(" /control"));
    calls.map(|(method, path)| (method.to_owned(), path.to_owned())).collect()
}

#[test]
fn every_documented_call_is_there_in_both_languages() {
    let world = World::new();
    let calls = documented(include_str!("../../docs/sandbox.md"));
    assert_eq!(documented(include_str!("../../docs/sandbox.zh-CN.md")), calls);
    assert!(calls.len() > 30, "{calls:?}");
    for (method, path) in calls.iter().filter(|(_, path)| path != "/reset") {
        let (_, answer) = world.control(method, path, "");
        let message = answer["error"]["message"].as_str().unwrap_or("");
        assert!(!message.contains("no such control call"), "{method} {path}: {answer}");
    }
}
