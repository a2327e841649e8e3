//! The gift gateway, as a merchant's server sees it.

use alitv_pay::core::award::GiftId;
use alitv_pay::core::call::{Ask, Reply};
use alitv_pay::core::facts::{AppKey, GiftFacts, OrderId};
use alitv_pay::core::user::UserId;
use alitv_pay::gateway::http::{fetch, Fetch};
use alitv_pay::gateway::HttpMethod;
use alitv_pay::sandbox::{Options, Seed};
use alitv_pay::wire::baodian::Fields;
use alitv_pay::wire::gbk;
use alitv_pay::wire::secret::Secret;
use serde_json::{json, Value};

use crate::harness::World;

const QUERY: &str = "/coin/query_game_gift_record.action";
const MARK: &str = "/coin/mark_record_as_activated.action";
/// Has authorised both apps in the seed.
const USER: &str = "100003";

/// A world whose first app has a gift secret of its own.
fn world() -> World {
    let mut seed = Seed::default();
    seed.apps[0].gift_secret = Some("gift-secret".into());
    World::with(Options { seed: Some(seed), ..Options::default() })
}

fn secret(world: &World) -> Secret {
    Secret::new(world.sandbox.apps[0].gift_secret.clone()).unwrap()
}

fn fields(world: &World, params: &[(&str, &str)]) -> Fields {
    let mut fields = Fields::new();
    let ts = world.now_ms().to_string();
    for (name, value) in [("app_str_id", world.app_key()), ("user_str_id", USER), ("ts", &ts)] {
        fields.set(name, value).unwrap();
    }
    params.iter().for_each(|(name, value)| fields.set(name, value).unwrap());
    fields
}

fn get(world: &World, path: &str, query: &str) -> Value {
    let answer = world.http("GET", &format!("{path}?{query}"), &[], "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.contains("application/json;charset=utf-8"), "{}", answer.head);
    serde_json::from_str(&answer.body).unwrap()
}

fn call(world: &World, path: &str, params: &[(&str, &str)]) -> Value {
    get(world, path, &fields(world, params).query_string(&secret(world)))
}

fn refused(answer: &Value) -> &str {
    assert_eq!(answer["is_success"], "F", "{answer}");
    assert!(!answer["msg"].as_str().unwrap().is_empty(), "{answer}");
    answer["error_code"].as_str().unwrap()
}

/// Item and status of each record.
fn listed(answer: &Value) -> Vec<(String, i64)> {
    assert_eq!(answer["is_success"], "T", "{answer}");
    let row = |record: &Value| {
        assert_eq!(record["userStrId"], USER);
        assert!(record["recordId"].is_i64() && record["gmtCreate"].as_i64().unwrap() > 0);
        (record["cpItemId"].as_str().unwrap().to_owned(), record["status"].as_i64().unwrap())
    };
    answer["record_list"].as_array().unwrap().iter().map(row).collect()
}

fn lay_out(world: &World, item: &str, more: &str) -> String {
    let body = format!(
        r#"{{"user_id":"{USER}","app_key":"{}","cp_item_id":"{item}"{more}}}"#,
        world.app_key()
    );
    world.does("POST", "/gifts", &body)["gift_id"].as_str().unwrap().to_owned()
}

fn mark(world: &World, record: &str, app_order_id: &str) -> Value {
    call(world, MARK, &[("record_id", record), ("app_order_id", app_order_id)])
}

#[test]
fn records_are_listed_by_status_and_item() {
    let world = world();
    lay_out(&world, "sword", "");
    lay_out(&world, "used", r#","status":"activated""#);
    lay_out(&world, "late", r#","status":"expired""#);
    let items = |params: &[(&str, &str)]| listed(&call(&world, QUERY, params));
    let row = |item: &str, status| (item.to_owned(), status);
    let waiting = vec![row("gems_100", 1), row("sword", 1)];
    assert_eq!(items(&[]), waiting);
    assert_eq!(items(&[("status", "1")]), waiting);
    assert_eq!(items(&[("status", "2")]), [row("used", 2)]);
    assert_eq!(items(&[("status", "3")]), [row("late", 3)]);
    assert_eq!(items(&[("status", "0")]).len(), 4);
    assert_eq!(items(&[("game_item_id", "sword")]), [row("sword", 1)]);
    assert_eq!(items(&[("game_item_id", "sword,late"), ("status", "0")]).len(), 2);
    assert_eq!(items(&[("game_item_id", "fuel_10"), ("status", "0")]), []);
}

#[test]
fn a_record_is_marked_once_and_shown_with_the_merchants_number() {
    let world = world();
    let record = lay_out(&world, "sword", "");
    let good = json!({ "is_success": "T", "app_order_id": "订单-7" });
    assert_eq!(mark(&world, &record, "订单-7"), good);
    let again = mark(&world, &record, "订单-7");
    assert_eq!(refused(&again), "RECORD_STATUS_INVALID");
    assert_eq!(again["app_order_id"], "订单-7");
    assert_eq!(listed(&call(&world, QUERY, &[("game_item_id", "sword")])), []);
    let shown = world.does("GET", &format!("/gifts/{record}"), "");
    assert_eq!(shown["state"], "activated");
    assert_eq!((&shown["app_order_id"], &shown["taken_by"]), (&json!("订单-7"), &Value::Null));
    let late = lay_out(&world, "late", r#","status":"expired""#);
    assert_eq!(refused(&mark(&world, &late, "o")), "RECORD_STATUS_INVALID");
    let missing = mark(&world, "1", "o");
    assert_eq!(refused(&missing), "RECORD_NOT_FOUND");
    assert_eq!(missing["app_order_id"], "o");
}

#[test]
fn records_of_others_are_none() {
    let world = world();
    let gifts = world.does("GET", "/gifts?user=100001&state=pending", "");
    let theirs = gifts["gifts"][0]["gift_id"].as_str().unwrap();
    assert_eq!(refused(&mark(&world, theirs, "o")), "RECORD_NOT_FOUND");
    let gifts = world.does("GET", "/gifts?app_key=23012346", "");
    let of_other_app = gifts["gifts"][0]["gift_id"].as_str().unwrap();
    assert_eq!(refused(&mark(&world, of_other_app, "o")), "RECORD_NOT_FOUND");
    for stranger in ["100001", "nobody"] {
        let answer = call(&world, QUERY, &[("user_str_id", stranger)]);
        assert_eq!(refused(&answer), "AUTH_REQUIRED");
    }
    world.does("POST", "/users/100001/authorise", r#"{"app_key":"23012345"}"#);
    let answer = call(&world, QUERY, &[("user_str_id", "100001"), ("status", "0")]);
    assert_eq!(answer["record_list"].as_array().unwrap().len(), 3);
}

#[test]
fn what_a_box_has_reserved_is_not_given_out_by_the_server_too() {
    let world = world();
    let session = world.sign_in(USER);
    let record = lay_out(&world, "sword", "");
    let facts = |take: &str| {
        std::sync::Arc::new(GiftFacts {
            app_key: AppKey::new(world.app_key()).unwrap(),
            gift_id: GiftId::parse(&record).unwrap(),
            user_id: UserId::new(USER).unwrap(),
            take_id: OrderId::new(take).unwrap(),
        })
    };
    let take = |take: &str| world.ask_as(&session, Ask::GiftTake(facts(take)));
    assert!(matches!(take("t1"), Reply::Taken { .. }));
    let sword = |status: &str| {
        listed(&call(&world, QUERY, &[("game_item_id", "sword"), ("status", status)]))
    };
    assert_eq!(sword("1"), []);
    assert_eq!(sword("2"), [("sword".into(), 2)]);
    assert_eq!(sword("0"), [("sword".into(), 2)]);
    assert_eq!(refused(&mark(&world, &record, "o")), "RECORD_STATUS_INVALID");
    world.does("POST", &format!("/gifts/{record}/release"), "");
    assert_eq!(sword("1"), [("sword".into(), 1)]);
    assert_eq!(mark(&world, &record, "t1")["is_success"], "T");
    // The box's own mark comes too late, and a number that is equal by chance changes nothing.
    for id in ["t1", "t2"] {
        assert!(matches!(take(id), Reply::Rejected { .. }), "{id}");
        let late = world.ask(facts(id).app_key.clone(), Ask::GiftMark(facts(id)));
        assert!(matches!(late, Reply::Rejected { .. }), "{late:?}");
    }
}

#[test]
fn signatures_are_over_exactly_what_was_sent_with_the_gift_secret() {
    let world = world();
    let signed = fields(&world, &[]).query_string(&secret(&world));
    for spoiled in
        [format!("{signed}&status=0"), format!("{signed}&x="), signed.replacen("ts=", "ts=0", 1)]
    {
        assert_eq!(refused(&get(&world, QUERY, &spoiled)), "ILLEGAL_SIGNATURE", "{spoiled}");
    }
    let app_secret = Secret::new(world.sandbox.apps[0].app_secret.clone()).unwrap();
    let other = fields(&world, &[]).query_string(&app_secret);
    assert_eq!(refused(&get(&world, QUERY, &other)), "ILLEGAL_SIGNATURE");
    // A parameter that is there and empty is signed as it is there.
    let ts = world.now_ms();
    let bare = format!("app_str_id={}&status=&ts={ts}&user_str_id={USER}", world.app_key());
    let sign = Fields::parse(&bare).unwrap().sign(&secret(&world));
    assert_eq!(listed(&get(&world, QUERY, &format!("{bare}&sign={sign}"))).len(), 1);
    // Without a secret of its own, an app uses the app secret.
    let world = World::new();
    assert_eq!(world.sandbox.apps[0].gift_secret, world.sandbox.apps[0].app_secret);
    assert_eq!(listed(&call(&world, QUERY, &[])).len(), 1);
}

#[test]
fn time_is_looked_at_after_the_signature() {
    let world = world();
    let at = |off_ms: i64, secret: &Secret| {
        let ts = (world.now_ms() + off_ms).to_string();
        get(&world, QUERY, &fields(&world, &[("ts", &ts)]).query_string(secret))
    };
    let right = secret(&world);
    let wrong = Secret::new("x").unwrap();
    for off_ms in [-590_000, 590_000] {
        assert_eq!(listed(&at(off_ms, &right)).len(), 1);
    }
    for off_ms in [-610_000, 610_000] {
        assert_eq!(refused(&at(off_ms, &right)), "SIGNATURE_EXPIRED");
        assert_eq!(refused(&at(off_ms, &wrong)), "ILLEGAL_SIGNATURE");
    }
    let seconds = (world.now_ms() / 1_000).to_string();
    let query = fields(&world, &[("ts", &seconds)]).query_string(&right);
    assert_eq!(refused(&get(&world, QUERY, &query)), "SIGNATURE_EXPIRED");
    world.does("POST", "/advance", r#"{"seconds":86400}"#);
    assert_eq!(listed(&at(0, &right)).len(), 1);
}

#[test]
fn requests_that_cannot_be_read_are_told_so() {
    let world = world();
    let right = secret(&world);
    let full = fields(&world, &[("record_id", "7"), ("app_order_id", "o")]).query_string(&right);
    for name in ["app_str_id", "user_str_id", "ts", "record_id", "app_order_id", "sign"] {
        let without: Vec<&str> =
            full.split('&').filter(|part| !part.starts_with(&format!("{name}="))).collect();
        let answer = get(&world, MARK, &without.join("&"));
        assert_eq!(refused(&answer), "ILLEGAL_ARGUMENT", "{name}");
        assert!(answer["msg"].as_str().unwrap().contains(name), "{answer}");
    }
    for (bad, why) in [
        (format!("{full}&ts=1"), "twice"),
        (full.replace("record_id=7", "record_id=x"), "record_id"),
        (full.replace(&format!("app_str_id={}", world.app_key()), "app_str_id=1"), "app keys"),
        (full.replace("app_order_id=o", "app_order_id=%FF"), "GBK"),
    ] {
        let answer = get(&world, MARK, &bad);
        assert_eq!(refused(&answer), "ILLEGAL_ARGUMENT", "{bad}");
        assert!(answer["msg"].as_str().unwrap().contains(why), "{answer}");
    }
    let status = fields(&world, &[("status", "4")]).query_string(&right);
    assert_eq!(refused(&get(&world, QUERY, &status)), "ILLEGAL_ARGUMENT");
    let answer = world.http("POST", &format!("{MARK}?{full}"), &[], "");
    assert_eq!(answer.status, 200);
    assert_eq!(refused(&serde_json::from_str(&answer.body).unwrap()), "ILLEGAL_ARGUMENT");
    assert_eq!(world.http("GET", "/coin/other.action", &[], "").status, 404);
}

#[test]
fn scenarios_lose_answers_and_fail() {
    let world = world();
    let record = lay_out(&world, "sword", "");
    let state = || world.does("GET", &format!("/gifts/{record}"), "")["state"].clone();
    world.scenario(r#"{"scenario":"coin.mark_fail"}"#);
    let failed = mark(&world, &record, "o");
    assert_eq!((refused(&failed), &failed["app_order_id"]), ("FAIL", &json!("o")));
    assert_eq!(state(), "pending");
    world.scenario(r#"{"scenario":"coin.query_fail","app_key":"23012345"}"#);
    assert_eq!(refused(&call(&world, QUERY, &[])), "FAIL");
    world.scenario(r#"{"scenario":"gateway.badjson","method":"coin.query","times":1}"#);
    let query = fields(&world, &[]).query_string(&secret(&world));
    let broken = world.http("GET", &format!("{QUERY}?{query}"), &[], "");
    assert!(serde_json::from_str::<Value>(&broken.body).is_err());
    world.scenario(r#"{"scenario":"coin.mark_lost"}"#);
    let params = [("record_id", &*record), ("app_order_id", "o")];
    let query = fields(&world, &params).query_string(&secret(&world));
    assert_eq!(world.http("GET", &format!("{MARK}?{query}"), &[], "").status, 500);
    assert_eq!(state(), "activated");
    for (scenario, method) in [
        ("gateway.badsign", "coin.query"),
        ("gateway.throttle", "coin.mark"),
        ("coin.mark_lost", "coin.query"),
        ("query.stale", "coin.query"),
    ] {
        let body = format!(r#"{{"scenario":"{scenario}","method":"{method}"}}"#);
        let (status, field, _) = world.refused("POST", "/scenario", &body);
        assert_eq!((status, &*field), (400, "method"), "{body}");
    }
}

#[test]
fn answers_come_in_gbk_when_they_are_asked_for() {
    let world = world();
    let query = |charset: &str| {
        let params = [("_output_charset", charset), ("record_id", "1"), ("app_order_id", "订单")];
        fields(&world, &params).query_string(&secret(&world))
    };
    let fetched = fetch(&Fetch {
        method: HttpMethod::Get,
        url: format!("{}{MARK}?{}", world.sandbox.base_url, query("GBK")),
        content_type: None,
        idempotency_key: None,
        body: String::new(),
        body_bytes_max: 4_096,
        deadline_s: 10,
    });
    let body = fetched.unwrap().body;
    let text = gbk::decode(&body).unwrap();
    assert!(text.contains("\"app_order_id\":\"订单\""), "{text}");
    let answer = get(&world, MARK, &query("utf-8"));
    assert_eq!((refused(&answer), &answer["app_order_id"]), ("RECORD_NOT_FOUND", &json!("订单")));
    assert_eq!(refused(&get(&world, MARK, &query("latin1"))), "ILLEGAL_ARGUMENT");
}

#[test]
fn calls_stand_in_the_operators_log() {
    let world = world();
    mark(&world, "1", "o");
    call(&world, QUERY, &[]);
    let page = world.http("GET", "/operator/calls?lang=en", &[], "").body;
    for text in ["coin.mark", "RECORD_NOT_FOUND", "coin.query", "records: 1"] {
        assert!(page.contains(text), "{text}: {page}");
    }
}

#[test]
fn records_outlive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        || Options { state_file: Some(dir.path().join("state.json")), ..Options::default() };
    let world = World::with(options());
    let record = lay_out(&world, "sword", "");
    assert_eq!(mark(&world, &record, "o-1")["is_success"], "T");
    drop(world);
    let world = World::with(options());
    let shown = world.does("GET", &format!("/gifts/{record}"), "");
    assert_eq!((&shown["state"], &shown["app_order_id"]), (&json!("activated"), &json!("o-1")));
    assert_eq!(refused(&mark(&world, &record, "o-1")), "RECORD_STATUS_INVALID");
}
