//! The gateway's front as boxes see it: signatures, clocks, sessions, and bad orders.

use alitv_pay::wire::device::{
    AUTH_LOGOUT, GIFTS_QUERY, ORDER_PRECREATE, ORDER_QUERY, SERVER_DATE_GET, USER_GET,
};
use alitv_pay::wire::secret::Secret;
use alitv_pay::wire::time::format_gmt8;
use alitv_pay::wire::top::{sign, Params, SignMethod};
use serde_json::Value;

use crate::harness::{wall_ms, Answer, World};

fn call(world: &World, query: &Params, body: &Params) -> Value {
    let path = format!("/router/rest?{}", query.encode_form());
    let answer = world.http("POST", &path, &[], &body.encode_form());
    value(&answer)
}

fn value(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(answer.head.contains("content-type: text/javascript;charset=utf-8"), "{}", answer.head);
    assert!(answer.head.contains("content-length: "), "{}", answer.head);
    let value: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(value.as_object().unwrap().len(), 1, "{value}");
    value
}

fn error(value: &Value) -> i64 {
    value["error_response"]["code"].as_i64().unwrap_or_else(|| panic!("{value}"))
}

fn signed(world: &World, mut params: Params, method: SignMethod) -> Params {
    let secret = Secret::new(world.sandbox.apps[0].app_secret.clone()).unwrap();
    params.set("sign_method", method.as_str());
    let sign = sign(&params, &secret, method);
    params.set("sign", sign);
    params
}

fn query_params(world: &World) -> Params {
    let mut params =
        Params::common(ORDER_QUERY, world.app_key(), wall_ms(), SignMethod::HmacSha256);
    params.set("order_type", "partner");
    params.set("partner_order_no", "A");
    params
}

#[test]
fn all_signatures_are_taken_and_parts_are_one() {
    let world = World::new();
    world.order("A");
    for method in [SignMethod::Md5, SignMethod::Hmac, SignMethod::HmacSha256] {
        let all = signed(&world, query_params(&world), method);
        let (mut query, mut body) = (Params::new(), Params::new());
        for (at, (name, value)) in all.iter().enumerate() {
            if at % 2 == 0 { &mut query } else { &mut body }.set(name, value);
        }
        let answer = call(&world, &query, &body);
        let data = &answer["tvpay_order_query_response"]["result"]["data"];
        assert_eq!(data["status"], "NOT_SCANNED", "{answer}");
        assert!(data.get("nonce").is_none());
        let path = format!("/router/rest?{}", all.encode_form());
        let got = value(&world.http("GET", &path, &[], ""));
        assert_eq!(got["tvpay_order_query_response"]["result"]["success"], true, "{got}");
    }
}

#[test]
fn a_wrong_secret_and_a_changed_value_are_refused() {
    let world = World::new();
    let none = Params::new();
    let mut changed = signed(&world, query_params(&world), SignMethod::HmacSha256);
    changed.set("partner_order_no", "B");
    assert_eq!(error(&call(&world, &none, &changed)), 25);
    let mut other = query_params(&world);
    other.set("app_key", world.sandbox.apps[1].app_key.clone());
    let other = signed(&world, other, SignMethod::HmacSha256);
    assert_eq!(error(&call(&world, &none, &other)), 25);
}

#[test]
fn ten_minutes_are_near_enough_and_the_clock_can_be_asked_for_at_any() {
    let world = World::new();
    let none = Params::new();
    let at = |method: &str, timestamp: String| {
        let mut params = query_params(&world);
        params.set("method", method);
        params.set("timestamp", timestamp);
        call(&world, &none, &signed(&world, params, SignMethod::HmacSha256))
    };
    for ms in [-9 * 60_000, 9 * 60_000] {
        assert!(at(ORDER_QUERY, format_gmt8(wall_ms() + ms)).get("error_response").is_none());
        assert!(at(ORDER_QUERY, (wall_ms() + ms).to_string()).get("error_response").is_none());
    }
    for ms in [-11 * 60_000, 11 * 60_000] {
        assert_eq!(error(&at(ORDER_QUERY, (wall_ms() + ms).to_string())), 31);
    }
    assert_eq!(error(&at(ORDER_QUERY, "yesterday".into())), 31);
    world.sandbox.advance(86_400).unwrap();
    assert_eq!(error(&at(ORDER_QUERY, format_gmt8(wall_ms()))), 31);
    let date = at(SERVER_DATE_GET, "1970-01-01 08:00:00".into());
    let date = &date["baodian_server_date_get_response"]["result"]["data"]["server_date"];
    let ms: i64 = date.as_i64().or_else(|| date.as_str()?.parse().ok()).unwrap();
    assert!(ms >= wall_ms() + 86_000_000, "{ms}");
}

#[test]
fn bad_orders_are_named() {
    let world = World::new();
    let long = "x".repeat(129);
    for (word, data) in [
        ("subject", r#"{"partner_order_no":"A","subject":"","price":"1"}"#.to_owned()),
        ("subject", format!(r#"{{"partner_order_no":"A","subject":"{long}","price":"1"}}"#)),
        ("subject", r#"{"partner_order_no":"A","subject":"a\nb","price":"1"}"#.to_owned()),
        ("amount_fen", r#"{"partner_order_no":"A","subject":"x","price":"0"}"#.to_owned()),
        ("expires_s", r#"{"partner_order_no":"A","subject":"x","price":1,"expires_s":29}"#.into()),
        (
            "notify_url",
            r#"{"partner_order_no":"A","subject":"x","price":1,"partner_notify_url":"ftp://h"}"#
                .into(),
        ),
        ("subject", r#"{"partner_order_no":"A","price":1}"#.into()),
        ("", "[]".into()),
        ("", "{".into()),
    ] {
        let mut params =
            Params::common(ORDER_PRECREATE, world.app_key(), wall_ms(), SignMethod::Hmac);
        params.set("data", data.clone());
        let answer = call(&world, &Params::new(), &signed(&world, params, SignMethod::Hmac));
        assert_eq!(error(&answer), 41, "{data}");
        let why = answer["error_response"]["sub_msg"].as_str().unwrap();
        assert!(why.contains(word), "{why} should name {word}");
    }
    assert_eq!(world.control("GET", "/orders", "").1["orders"].as_array().unwrap().len(), 0);
}

#[test]
fn a_missing_session_and_one_that_is_over_have_their_numbers() {
    let world = World::new();
    let none = Params::new();
    let live = world.sign_in("100001");
    for method in [USER_GET, GIFTS_QUERY, AUTH_LOGOUT] {
        for (session, code) in [(None, 26), (Some(""), 26), (Some("unknown"), 27)] {
            let mut params =
                Params::common(method, world.app_key(), wall_ms(), SignMethod::HmacSha256);
            session.iter().for_each(|token| params.set("session", *token));
            let refused = call(&world, &none, &signed(&world, params, SignMethod::HmacSha256));
            assert_eq!(error(&refused), code, "{method} {session:?}");
        }
    }
    let mut params = Params::common(USER_GET, world.app_key(), wall_ms(), SignMethod::HmacSha256);
    params.set("session", live.expose());
    let told = call(&world, &none, &signed(&world, params, SignMethod::HmacSha256));
    let data = &told["baodian_deposit_get_with_sdkversion_response"]["result"]["data"];
    assert_eq!((&data["user_str_id"], &data["game_point"]), (&"100001".into(), &500.into()));
}
