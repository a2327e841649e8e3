//! `taobao.tvpay.partner.order.query` as a merchant's server calls it.

use std::sync::Arc;

use alitv_pay::core::call::Reply;
use alitv_pay::core::facts::{AppKey, Facts};
use alitv_pay::money::Fen;
use alitv_pay::sandbox::{Action, App, Options, Seed};
use alitv_pay::wire::blocks::decrypt;
use alitv_pay::wire::keys::PrivateKey;
use alitv_pay::wire::partner::{PartnerOrder, PartnerStatus, ORDER_QUERY};
use serde_json::{json, Value};

use crate::harness::World;
use crate::top_kit::{common, post, result};

fn key() -> PrivateKey {
    PrivateKey::read(App::RSA_PRIVATE_KEY_PEM).unwrap()
}

fn query(world: &World, app: usize, order: &str) -> Value {
    result(world, app, ORDER_QUERY, &[("order_no", order)])
}

/// What the merchant reads.
fn opened(result: &Value, key: &PrivateKey) -> PartnerOrder {
    assert_eq!((&result["success"], &result["code"]), (&json!(true), &json!("success")));
    assert_eq!(result["data"].as_object().unwrap().len(), 1, "{result}");
    let plain = decrypt(key, result["data"]["data"].as_str().unwrap()).unwrap();
    PartnerOrder::parse(&plain).unwrap()
}

fn refusal(result: &Value) -> &str {
    assert_eq!(result["success"], false, "{result}");
    assert!(result.get("data").is_none() && result["message"].is_string(), "{result}");
    result["code"].as_str().unwrap()
}

#[test]
fn an_order_is_told_to_its_merchant_in_every_state() {
    let world = World::new();
    world.order("A");
    let app_key = world.app_key().to_owned();
    let open = PartnerOrder {
        partner_order_no: "A".into(),
        alipay_trade_no: String::new(),
        order_status: PartnerStatus::WaitBuyerPay,
        price: Fen::new(600).unwrap(),
        subject: "60 gems".into(),
        subject_id: "gem60".into(),
        buyer_logon_id: String::new(),
    };
    assert_eq!(opened(&query(&world, 0, "A"), &key()), open);
    world.sandbox.act(&app_key, "A", Action::Scan).unwrap();
    assert_eq!(opened(&query(&world, 0, "A"), &key()), open);
    world.does("POST", "/orders/A/pay", r#"{"user":"100001"}"#);
    let paid = opened(&query(&world, 0, "A"), &key());
    assert_eq!(paid.order_status, PartnerStatus::TradeSuccess);
    assert_eq!((paid.alipay_trade_no.len(), &*paid.buyer_logon_id), (28, "138****0001"));
    assert_eq!((paid.price, &paid.subject), (open.price, &open.subject));
    world.sandbox.act(&app_key, "A", Action::Refund).unwrap();
    let refunded = opened(&query(&world, 0, "A"), &key());
    let closed = PartnerOrder { order_status: PartnerStatus::TradeClosed, ..paid };
    assert_eq!(refunded, closed);
    world.order("B");
    world.sandbox.act(&app_key, "B", Action::Cancel).unwrap();
    let never_paid = opened(&query(&world, 0, "B"), &key());
    let told = (never_paid.order_status, &*never_paid.alipay_trade_no);
    assert_eq!(told, (PartnerStatus::TradeClosed, ""));
}

#[test]
fn two_answers_differ_in_every_byte_that_matters_and_say_the_same() {
    let world = World::new();
    world.order("A");
    let (first, second) = (query(&world, 0, "A"), query(&world, 0, "A"));
    assert_ne!(first["data"]["data"], second["data"]["data"]);
    assert_eq!(opened(&first, &key()), opened(&second, &key()));
}

#[test]
fn refusals_have_their_codes_and_another_apps_order_is_none() {
    let world = World::new();
    world.order("A");
    assert_eq!(refusal(&query(&world, 0, "Z")), "ORDER_NOT_FOUND");
    assert_eq!(query(&world, 1, "A"), query(&world, 1, "Z"));
    assert_eq!(refusal(&query(&world, 1, "A")), "ORDER_NOT_FOUND");
    let app_key = AppKey::new(world.sandbox.apps[1].app_key.clone()).unwrap();
    let facts = Facts { app_key, ..(*world.facts("B")).clone() };
    assert!(matches!(world.precreate_facts(&Arc::new(facts)), Reply::Shown { .. }));
    assert_eq!(refusal(&query(&world, 1, "B")), "PUBLIC_KEY_NOT_SET");
    world.scenario(r#"{"scenario":"query.system_error"}"#);
    assert_eq!(refusal(&query(&world, 0, "A")), "SYSTEM_ERROR");
    assert_eq!(query(&world, 0, "A")["success"], true);
}

#[test]
fn a_merchant_brings_a_key_of_any_size_and_form() {
    for (bits, line) in [(1024, true), (2048, false)] {
        let private = PrivateKey::generate(bits).unwrap();
        let public = private.public();
        let text = if line { public.line() } else { public.spki_pem() };
        let seed = json!({ "apps": [
            { "app_key": "23012345", "name": "One", "public_key": text },
        ] });
        let seed = Seed::parse(&seed.to_string()).unwrap();
        let world = World::with(Options { seed: Some(seed), ..Options::default() });
        world.order("A");
        assert_eq!(opened(&query(&world, 0, "A"), &private).partner_order_no, "A");
    }
}

#[test]
fn a_seed_with_something_else_than_a_public_key_is_refused_by_name() {
    for text in ["", "demo ", "MIIB", App::RSA_PRIVATE_KEY_PEM] {
        let seed = json!({ "apps": [{ "app_key": "1", "name": "One", "public_key": text }] });
        let error = Seed::parse(&seed.to_string()).unwrap_err();
        assert!(error.starts_with("apps[0].public_key: "), "{text}: {error}");
        assert!(!error.contains("PRIVATE KEY-----\n"), "{error}");
    }
}

#[test]
fn parameters_of_a_query_are_named() {
    let world = World::new();
    let error = |order_no: Option<&str>| {
        let mut params = common(&world, 0, ORDER_QUERY);
        order_no.iter().for_each(|text| params.set("order_no", *text));
        post(&world, 0, params).json()["error_response"].clone()
    };
    let missing = error(None);
    assert_eq!(missing["code"], 40);
    assert_eq!(missing["sub_code"], "isv.missing-parameter:order_no");
    let wrong = error(Some("a b"));
    assert_eq!(
        (&wrong["code"], &wrong["sub_code"]),
        (&41.into(), &"isv.invalid-parameter:order_no".into())
    );
}

#[test]
fn what_goes_wrong_with_a_box_goes_wrong_with_a_merchants_server() {
    let world = World::new();
    world.order("A");
    let ask = || {
        let mut params = common(&world, 0, ORDER_QUERY);
        params.set("order_no", "A");
        post(&world, 0, params)
    };
    let plan = |scenario: &str| {
        let body = json!({ "scenario": scenario, "method": "partner.query", "times": 1 });
        world.does("POST", "/scenario", &body.to_string());
    };
    plan("gateway.500");
    assert_eq!(ask().status, 500);
    plan("gateway.badjson");
    let broken = ask();
    assert!(serde_json::from_slice::<Value>(&broken.body).is_err() && !broken.body.is_empty());
    plan("gateway.throttle");
    let limited = ask().json();
    assert_eq!(limited["error_response"]["code"], 7);
    assert_eq!(limited["error_response"]["sub_msg"], "This ban will last for 2 more seconds");
    assert!(ask().json().get("tvpay_partner_order_query_response").is_some());
    let unsigned = json!({ "scenario": "gateway.badsign", "method": "partner.query" });
    let (status, field, message) = world.refused("POST", "/scenario", &unsigned.to_string());
    assert_eq!((status, &*field), (400, "method"));
    assert!(message.contains("not signed"), "{message}");
}
