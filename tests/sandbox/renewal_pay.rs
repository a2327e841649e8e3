//! Charges of a subscription, as a merchant's server takes them.

use std::path::Path;
use std::sync::Arc;

use alitv_pay::core::call::Reply;
use alitv_pay::core::facts::{Facts, Interval};
use alitv_pay::sandbox::{App, Options, Seed};
use alitv_pay::wire::blocks::decrypt;
use alitv_pay::wire::keys::PrivateKey;
use alitv_pay::wire::partner::{PartnerOrder, ORDER_QUERY, RENEWAL_PAY};
use alitv_pay::wire::time::{format_gmt8, parse_gmt8};
use alitv_pay::wire::top::Params;
use serde_json::{json, Value};

use crate::harness::{wall_ms, World};
use crate::renewal::subscription;
use crate::top_kit::{common, post, result, send, Raw, FORM};

/// A first order, paid now.
pub fn active(world: &World, order: &str, interval: Interval, prices: &[i64]) {
    let facts = Arc::new(subscription(world, order, interval, prices));
    assert!(matches!(world.precreate_facts(&facts), Reply::Shown { .. }));
    world.does("POST", &format!("/orders/{order}/pay"), r#"{"user":"100001"}"#);
}

type Fields = Vec<(&'static str, String)>;

/// The parameters of a charge with the number `<of>_r<seq>`.
fn fields(of: &str, seq: u32, price: i64) -> Fields {
    vec![
        ("partner_notify_url", "http://127.0.0.1:9/notify".into()),
        ("partner_order_no", format!("{of}_r{seq}")),
        ("price", price.to_string()),
        ("ref_order_no", of.into()),
        ("seq", seq.to_string()),
        ("subject", "VIP".into()),
        ("subject_id", "gem60".into()),
    ]
}

fn request(world: &World, fields: &[(&str, String)]) -> Params {
    let mut params = common(world, 0, RENEWAL_PAY);
    fields.iter().for_each(|(name, value)| params.set(name, value.clone()));
    params
}

fn raw(world: &World, fields: &[(&str, String)]) -> Raw {
    post(world, 0, request(world, fields))
}

/// The status of a charge, or the code of its refusal.
fn outcome(result: &Value) -> String {
    if result["success"] == true {
        assert_eq!(
            (&result["code"], result["data"].as_object().unwrap().len()),
            (&json!("success"), 1)
        );
        return result["data"]["order_status"].as_str().unwrap().to_owned();
    }
    assert!(result.get("data").is_none() && result["message"].is_string(), "{result}");
    result["code"].as_str().unwrap().to_owned()
}

fn pay(world: &World, fields: &[(&str, String)]) -> String {
    let answer = raw(world, fields).json();
    outcome(&answer["tvpay_partner_renewal_pay_response"]["result"])
}

/// Charge `seq` of `of` under its own number.
pub fn charge(world: &World, of: &str, seq: u32, price: i64) -> String {
    pay(world, &fields(of, seq, price))
}

fn with(mut fields: Fields, name: &str, value: &str) -> Fields {
    fields.iter_mut().filter(|row| row.0 == name).for_each(|row| row.1 = value.to_owned());
    fields
}

pub fn thread(world: &World, order: &str) -> Value {
    world.does("GET", &format!("/renewals/{order}"), "")
}

pub fn to_due(world: &World, order: &str) {
    world.does("POST", &format!("/renewals/{order}/due"), "");
}

/// What `order.query` says.
fn query(world: &World, order: &str) -> Result<PartnerOrder, String> {
    let result = result(world, 0, ORDER_QUERY, &[("order_no", order)]);
    let Some(sealed) = result["data"]["data"].as_str() else {
        return Err(result["code"].as_str().unwrap().to_owned());
    };
    let key = PrivateKey::read(App::RSA_PRIVATE_KEY_PEM).unwrap();
    Ok(PartnerOrder::parse(&decrypt(&key, sealed).unwrap()).unwrap())
}

fn status(world: &World, order: &str) -> String {
    query(world, order).map_or_else(|code| code, |order| order.order_status.to_string())
}

/// A sandbox whose clock shows this time now: its state file says so.
fn at(time: &str, seed: Seed, state_file: &Path) -> World {
    let options =
        Options { state_file: Some(state_file.to_owned()), seed: Some(seed), ..Options::default() };
    drop(World::with(options.clone()));
    let mut state: Value = serde_json::from_slice(&std::fs::read(state_file).unwrap()).unwrap();
    state["ahead_ms"] = (parse_gmt8(time).unwrap() - wall_ms()).into();
    std::fs::write(state_file, state.to_string()).unwrap();
    World::with(options)
}

#[test]
fn a_whole_year_by_month_from_the_31st_of_january() {
    let dir = tempfile::tempdir().unwrap();
    let world = at("2016-01-31 20:00:00", Seed::default(), &dir.path().join("state.json"));
    let prices: Vec<i64> = (0..12).map(|n| 1_000 + n).collect();
    active(&world, "R", Interval::Month, &prices);
    let days = [
        "2016-02-29",
        "2016-03-31",
        "2016-04-30",
        "2016-05-31",
        "2016-06-30",
        "2016-07-31",
        "2016-08-31",
        "2016-09-30",
        "2016-10-31",
        "2016-11-30",
        "2016-12-31",
    ];
    for (day, seq) in days.iter().zip(1..) {
        let price = prices[seq as usize];
        assert_eq!(charge(&world, "R", seq, price), "RENEWAL_TIME_ERROR", "{day}");
        let next = thread(&world, "R")["next"].clone();
        let due_ms = next["due_ms"].as_i64().unwrap();
        assert_eq!((format_gmt8(due_ms), &next["due"]), (format!("{day} 00:00:00"), &json!(false)));
        to_due(&world, "R");
        assert_eq!(thread(&world, "R")["next"]["due"], true);
        assert_eq!(charge(&world, "R", seq, price), "TRADE_SUCCESS", "{day}");
        let told = query(&world, &format!("R_r{seq}")).unwrap();
        assert_eq!(told.order_status.as_str(), "TRADE_SUCCESS");
        assert_eq!((told.price.get(), &*told.subject, &*told.subject_id), (price, "VIP", "gem60"));
        assert_eq!((told.alipay_trade_no.len(), &*told.buyer_logon_id), (28, "138****0001"));
    }
    let year = thread(&world, "R");
    assert_eq!((&year["state"], &year["next"]), (&json!("FINISHED"), &Value::Null));
    assert_eq!(year["taken_fen"], prices.iter().sum::<i64>());
    assert_eq!(charge(&world, "R", 12, 1_000), "TERM_COUNT_EXCEED_LIMIT");
    let events = world.does("GET", "/events?limit=100&what=renewal.due", "");
    assert_eq!(events["events"].as_array().unwrap().len(), 11);
}

#[test]
fn a_year_of_seasons_and_one_that_is_late() {
    let dir = tempfile::tempdir().unwrap();
    let world = at("2016-11-30 09:00:00", Seed::default(), &dir.path().join("state.json"));
    active(&world, "S", Interval::Season, &[400, 300, 200, 100]);
    for (seq, price, day) in
        [(1, 300, "2017-02-28"), (2, 200, "2017-05-30"), (3, 100, "2017-08-30")]
    {
        let due_ms = thread(&world, "S")["next"]["due_ms"].as_i64().unwrap();
        assert_eq!(format_gmt8(due_ms), format!("{day} 00:00:00"));
        assert_eq!(charge(&world, "S", seq, price), "RENEWAL_TIME_ERROR");
        to_due(&world, "S");
        assert_eq!(charge(&world, "S", seq, price), "TRADE_SUCCESS");
    }
    assert_eq!(charge(&world, "S", 4, 100), "TERM_COUNT_EXCEED_LIMIT");
    // Nobody charges for a year: then one by one, in order.
    active(&world, "LATE", Interval::Season, &[4, 3, 2, 1]);
    world.does("POST", "/advance", r#"{"by":"1y"}"#);
    assert_eq!(charge(&world, "LATE", 2, 2), "RENEWAL_THREAD_SEQ_ERROR");
    for (seq, price) in [(1, 3), (2, 2), (3, 1)] {
        assert_eq!(charge(&world, "LATE", seq, price), "TRADE_SUCCESS");
    }
    assert_eq!(thread(&world, "LATE")["state"], "FINISHED");
}

#[test]
fn every_code_reaches_a_merchant() {
    let world = World::new();
    active(&world, "R", Interval::Month, &[100, 200, 300]);
    world.order("PLAIN");
    world.does("POST", "/orders/PLAIN/pay", "");
    let good = || fields("R", 1, 200);
    let told = |fields: Fields| pay(&world, &fields);
    assert_eq!(told(good()), "RENEWAL_TIME_ERROR");
    to_due(&world, "R");
    world.does("PATCH", "/apps/23012345", r#"{"renewal":false}"#);
    assert_eq!(told(good()), "RENEWAL_ORDER_NOT_ALLOWED");
    world.does("PATCH", "/apps/23012345", r#"{"renewal":true}"#);
    for (name, value) in [
        ("partner_order_no", "PLAIN"),
        ("price", "2.00"),
        ("price", "+200"),
        ("seq", "1.0"),
        ("seq", "one"),
        ("subject_id", "gem6"),
        ("partner_notify_url", "ftp://127.0.0.1/"),
        ("subject", "VIP\u{202e}"),
    ] {
        assert_eq!(told(with(good(), name, value)), "RENEWAL_ORDER_INFO_ERROR", "{name} {value}");
    }
    for other in ["NONE", "PLAIN"] {
        assert_eq!(told(with(good(), "ref_order_no", other)), "RENEWAL_THREAD_NOT_FOUND");
    }
    for far in ["3", "99", "9223372036854775807"] {
        assert_eq!(told(with(good(), "seq", far)), "TERM_COUNT_EXCEED_LIMIT");
    }
    for wrong in ["0", "-1", "2"] {
        assert_eq!(told(with(good(), "seq", wrong)), "RENEWAL_THREAD_SEQ_ERROR");
    }
    for wrong in ["199", "0", "-200", "9223372036854775807"] {
        assert_eq!(told(with(good(), "price", wrong)), "RENEWAL_PRICE_ERROR");
    }
    world.does("PATCH", "/renewals/R", r#"{"cap_fen":299}"#);
    assert_eq!(told(good()), "RENEWAL_PRICE_EXCEED_LIMIT");
    world.does("PATCH", "/renewals/R", r#"{"cap_fen":null}"#);
    world.does("PATCH", "/renewals/R", r#"{"pay_fail":true}"#);
    assert_eq!(told(good()), "RENEWAL_ORDER_PAY_FAIL");
    world.does("PATCH", "/renewals/R", r#"{"pay_fail":false}"#);
    assert_eq!(status(&world, "R_r1"), "ORDER_NOT_FOUND", "none of them left anything behind");
    assert_eq!(told(good()), "TRADE_SUCCESS");
    world.does("POST", "/renewals/R/end", "");
    assert_eq!(told(fields("R", 2, 300)), "RENEWAL_THREAD_STATUS_ERROR");
}

#[test]
fn whoever_lost_the_answer_asks_again_and_nothing_is_taken_twice() {
    let world = World::new();
    active(&world, "R", Interval::Month, &[100, 200, 300]);
    to_due(&world, "R");
    let first = fields("R", 1, 200);
    // Carried out, and the answer lost.
    world.scenario(r#"{"scenario":"renewal.pay_lost"}"#);
    assert_eq!(raw(&world, &first).status, 500);
    for _ in 0..3 {
        assert_eq!(pay(&world, &first), "TRADE_SUCCESS");
    }
    assert_eq!(
        pay(&world, &with(first.clone(), "partner_order_no", "TWIN")),
        "RENEWAL_THREAD_SEQ_ERROR"
    );
    assert_eq!(pay(&world, &with(first.clone(), "price", "201")), "RENEWAL_ORDER_INFO_ERROR");
    // A refusal that was lost: the same call is a new attempt.
    to_due(&world, "R");
    let second = fields("R", 2, 300);
    world.scenario(r#"{"scenario":"renewal.pay_fail"}"#);
    world.scenario(r#"{"scenario":"renewal.pay_lost"}"#);
    assert_eq!(raw(&world, &second).status, 500);
    assert_eq!(status(&world, "R_r2"), "ORDER_NOT_FOUND");
    // Too often: not carried out.
    world.scenario(r#"{"scenario":"renewal.throttle","times":1}"#);
    let limited = raw(&world, &second).json()["error_response"].clone();
    assert_eq!(limited["code"], 7);
    assert_eq!(limited["sub_msg"], "This ban will last for 2 more seconds");
    assert_eq!(status(&world, "R_r2"), "ORDER_NOT_FOUND");
    assert_eq!(pay(&world, &second), "TRADE_SUCCESS");
    let thread = thread(&world, "R");
    assert_eq!((&thread["taken_fen"], &thread["state"]), (&json!(600), &json!("FINISHED")));
    assert_eq!(thread["charges"].as_array().unwrap().len(), 2);
    // Whatever happens afterwards, a repeat says where the charge stands.
    world.does("PATCH", "/apps/23012345", r#"{"renewal":false}"#);
    assert_eq!(pay(&world, &first), "TRADE_SUCCESS");
}

#[test]
fn of_two_charges_of_one_seq_at_the_same_time_one_is_taken() {
    let world = World::new();
    active(&world, "R", Interval::Month, &[100, 200, 300]);
    for (seq, price, same) in [(1, 200, false), (2, 300, true)] {
        to_due(&world, "R");
        let requests: Vec<_> = (0..8)
            .map(|n| match same {
                true => fields("R", seq, price),
                false => with(fields("R", seq, price), "partner_order_no", &format!("N{n}")),
            })
            .collect();
        let ask = |fields: &Fields| pay(&world, fields);
        let told: Vec<String> = std::thread::scope(|scope| {
            let threads: Vec<_> = requests.iter().map(|one| scope.spawn(|| ask(one))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let taken = told.iter().filter(|told| *told == "TRADE_SUCCESS").count();
        assert_eq!(taken, if same { 8 } else { 1 }, "{told:?}");
        let others = told.iter().filter(|told| *told != "TRADE_SUCCESS");
        others.for_each(|told| assert_eq!(told, "RENEWAL_THREAD_SEQ_ERROR"));
        assert_eq!(thread(&world, "R")["charges"].as_array().unwrap().len(), seq as usize);
    }
    assert_eq!(thread(&world, "R")["taken_fen"], 600);
}

#[test]
fn a_charge_that_waits_is_finished_or_closed_later() {
    let world = World::new();
    active(&world, "R", Interval::Month, &[100, 200, 300]);
    to_due(&world, "R");
    world.scenario(r#"{"scenario":"renewal.wait","times":2}"#);
    assert_eq!(charge(&world, "R", 1, 200), "WAIT_BUYER_PAY");
    assert_eq!(
        (charge(&world, "R", 1, 200), status(&world, "R_r1")),
        ("WAIT_BUYER_PAY".into(), "WAIT_BUYER_PAY".into())
    );
    assert_eq!(charge(&world, "R", 2, 300), "RENEWAL_THREAD_STATUS_ERROR");
    assert_eq!(world.does("GET", "/renewals?due=1", "")["renewals"], json!([]));
    world.does("POST", "/orders/R_r1/cancel", "");
    assert_eq!(
        (charge(&world, "R", 1, 200), status(&world, "R_r1")),
        ("TRADE_CLOSED".into(), "TRADE_CLOSED".into())
    );
    assert_eq!(world.does("GET", "/renewals?due=1", "")["renewals"][0]["order"], "R");
    let again = with(fields("R", 1, 200), "partner_order_no", "R_r1b");
    assert_eq!(pay(&world, &again), "WAIT_BUYER_PAY");
    world.does("POST", "/orders/R_r1b/pay", "");
    assert_eq!(
        (pay(&world, &again), status(&world, "R_r1b")),
        ("TRADE_SUCCESS".into(), "TRADE_SUCCESS".into())
    );
    assert_eq!(thread(&world, "R")["taken_fen"], 300);
    // One that nobody looks at is closed after a day.
    to_due(&world, "R");
    world.scenario(r#"{"scenario":"renewal.wait"}"#);
    assert_eq!(charge(&world, "R", 2, 300), "WAIT_BUYER_PAY");
    world.does("POST", "/advance", r#"{"by":"1d"}"#);
    assert_eq!(charge(&world, "R", 2, 300), "TRADE_CLOSED");
    assert_eq!(world.does("GET", "/orders/R_r2", "")["closed_by"], "expiry");
}

#[test]
fn each_charge_is_notified_to_its_own_address() {
    let world = World::new();
    active(&world, "R", Interval::Month, &[100, 200, 300]);
    for (seq, price) in [(1, 200), (2, 300)] {
        to_due(&world, "R");
        // A scenario of orders is for the next order of a box.
        world.scenario(r#"{"scenario":"expire"}"#);
        let scenario = if seq == 2 { "notify.lost" } else { "notify.twice" };
        world.scenario(&format!("{{\"scenario\":\"{scenario}\"}}"));
        let url = format!("http://127.0.0.1:9/notify?charge={seq}");
        let own = with(fields("R", seq, price), "partner_notify_url", &url);
        assert_eq!(pay(&world, &own), "TRADE_SUCCESS");
        let notifies = world.does("GET", &format!("/notifies?order=R_r{seq}"), "");
        let notifies = notifies["notifies"].as_array().unwrap();
        assert_eq!(notifies.len(), if seq == 2 { 1 } else { 2 });
        assert_eq!(
            (&notifies[0]["url"], &notifies[0]["order_status"]),
            (&json!(url), &json!("TRADE_SUCCESS"))
        );
        assert_eq!(notifies[0]["state"] == "lost", seq == 2, "{notifies:?}");
        assert_eq!(world.does("GET", &format!("/orders/R_r{seq}"), "")["scenario"], scenario);
    }
}

#[test]
fn a_charge_that_was_given_back_stays_charged() {
    let world = World::new();
    active(&world, "R", Interval::Month, &[100, 200, 300]);
    to_due(&world, "R");
    assert_eq!(charge(&world, "R", 1, 200), "TRADE_SUCCESS");
    let told = world.does("POST", "/orders/R_r1/refund", "");
    assert_eq!(told["charge"], json!({ "ref_order_no": "R", "seq": 1 }));
    let refunded = query(&world, "R_r1").unwrap();
    assert_eq!(refunded.order_status.as_str(), "TRADE_CLOSED");
    assert_eq!(refunded.alipay_trade_no, told["trade_no"].as_str().unwrap());
    assert_eq!(charge(&world, "R", 1, 200), "TRADE_CLOSED");
    let twin = with(fields("R", 1, 200), "partner_order_no", "TWIN");
    assert_eq!(pay(&world, &twin), "RENEWAL_THREAD_SEQ_ERROR");
    to_due(&world, "R");
    assert_eq!(charge(&world, "R", 2, 300), "TRADE_SUCCESS");
    assert_eq!(thread(&world, "R")["taken_fen"], 400);
}

#[test]
fn a_box_sees_nothing_of_charges_and_cannot_close_them() {
    let world = World::new();
    active(&world, "R", Interval::Month, &[600, 200]);
    to_due(&world, "R");
    world.scenario(r#"{"scenario":"renewal.wait"}"#);
    assert_eq!(charge(&world, "R", 1, 200), "WAIT_BUYER_PAY");
    assert_eq!((world.query("R_r1", 0), world.close("R_r1")), (Reply::NoTrade, Reply::NoTrade));
    assert_eq!(world.query("R_r1", 20), Reply::NoTrade, "nothing to wait for");
    assert_eq!(status(&world, "R_r1"), "WAIT_BUYER_PAY");
    match world.precreate("R_r1") {
        Reply::Rejected { code, .. } => assert_eq!(code, "ORDER_CONFLICT"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn subscriptions_survive_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let options = Options { state_file: Some(dir.path().join("state.json")), ..Options::default() };
    let world = World::with(options.clone());
    active(&world, "R", Interval::Month, &[100, 200, 300]);
    to_due(&world, "R");
    world.scenario(r#"{"scenario":"renewal.pay_lost"}"#);
    assert_eq!(raw(&world, &fields("R", 1, 200)).status, 500);
    world.does("PATCH", "/renewals/R", r#"{"pay_fail":true}"#);
    let before = thread(&world, "R");
    drop(world);
    let world = World::with(options);
    assert_eq!(thread(&world, "R"), before);
    assert_eq!(charge(&world, "R", 1, 200), "TRADE_SUCCESS");
    to_due(&world, "R");
    assert_eq!(charge(&world, "R", 2, 300), "RENEWAL_ORDER_PAY_FAIL");
    world.does("PATCH", "/renewals/R", r#"{"pay_fail":false}"#);
    assert_eq!(charge(&world, "R", 2, 300), "TRADE_SUCCESS");
    assert_eq!(thread(&world, "R")["taken_fen"], 600);
}

/// The bytes that public SDKs sent, at the time they bear, signed over the names as sent.
#[test]
fn both_spellings_of_the_seed_are_taken_as_public_sdks_sign_them() {
    let vectors = include_str!("../vectors/top.json");
    let vectors: Value = serde_json::from_str(vectors).unwrap();
    let all = vectors["vectors"].as_array().unwrap();
    let named = |vector: &&Value| vector["name"].as_str().unwrap().starts_with("renewal-pay-");
    let ours: Vec<&Value> = all.iter().filter(named).collect();
    assert_eq!(ours.len(), 6);
    let seed = json!({ "apps": [{
        "app_key": ours[0]["params"]["app_key"], "app_secret": ours[0]["secret"], "name": "CP",
        "settings": { "renewal": true },
    }], "users": [{ "user_id": "100001", "nick": "Ming" }] });
    let seed = Seed::parse(&seed.to_string()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let world = at("2016-05-20 11:59:00", seed, &dir.path().join("state.json"));
    let first = subscription(&world, "R20160620000001", Interval::Month, &[1_500, 1_500]);
    let first = Facts { subject_id: Some("vip_month".into()), ..first };
    assert!(matches!(world.precreate_facts(&Arc::new(first)), Reply::Shown { .. }));
    world.does("POST", "/orders/R20160620000001/pay", "");
    world.does("POST", "/advance", r#"{"by":"1mo"}"#);
    for vector in &ours {
        let mut params = Params::new();
        let given = vector["params"].as_object().unwrap();
        given.iter().for_each(|(name, value)| params.set(name, value.as_str().unwrap()));
        let mut wrong = params.clone();
        params.set("sign", vector["sign"].as_str().unwrap());
        let answer = send(&world, "POST", "", &[FORM], params.encode_form().as_bytes()).json();
        let result = &answer["tvpay_partner_renewal_pay_response"]["result"];
        assert_eq!(outcome(result), "TRADE_SUCCESS", "{}: {answer}", vector["name"]);
        // Who signs one spelling and sends the other has signed something else.
        let (sent, other) = match params.get("Seq") {
            Some(_) => ("Seq", "seq"),
            None => ("seq", "Seq"),
        };
        wrong = wrong.iter().filter(|(name, _)| *name != sent).fold(
            Params::new(),
            |mut params, (name, value)| {
                params.set(name, value);
                params
            },
        );
        wrong.set(other, "1");
        wrong.set("sign", vector["sign"].as_str().unwrap());
        let answer = send(&world, "POST", "", &[FORM], wrong.encode_form().as_bytes()).json();
        assert_eq!(answer["error_response"]["code"], 25, "{answer}");
    }
    assert_eq!(thread(&world, "R20160620000001")["taken_fen"], 3_000);
}

#[test]
fn parameters_that_are_missing_or_sent_twice_are_named() {
    let world = World::new();
    let error = |fields: &[(&str, String)]| raw(&world, fields).json()["error_response"].clone();
    for (name, _) in fields("R", 1, 1) {
        let mut left: Vec<_> = fields("R", 1, 1);
        left.retain(|row| row.0 != name);
        let missing = error(&left);
        assert_eq!(missing["code"], 40, "{missing}");
        assert_eq!(missing["sub_code"], format!("isv.missing-parameter:{name}"));
    }
    let mut both = fields("R", 1, 1);
    both.push(("Seq", "1".into()));
    let twice = error(&both);
    assert_eq!(
        (&twice["code"], &twice["sub_code"]),
        (&json!(41), &json!("isv.invalid-parameter:seq"))
    );
}
