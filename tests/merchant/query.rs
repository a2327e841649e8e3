//! `order query`.

use std::io::{Read, Write};
use std::net::TcpListener;

use alitv_pay::merchant::ledger::{NewOrder, OrderState};
use alitv_pay::wire::blocks::encrypt;
use alitv_pay::wire::keys::PrivateKey;
use alitv_pay::wire::partner::{query_result, PartnerOrder, PartnerStatus, ORDER_QUERY};
use alitv_pay::wire::top::response;
use serde_json::value::to_raw_value;

use crate::desk::{private, Desk};
use crate::market::{fen, Market};
use crate::shop::order_no;

fn new_order(text: &str) -> NewOrder {
    NewOrder {
        order_no: order_no(text),
        price_fen: fen(600),
        subject: "60 gems".into(),
        subject_id: Some("gem60".into()),
        plan: None,
        charge: None,
    }
}

/// What `order query --json` says: exit code and outcome.
fn outcome(desk: &Desk, order: &str) -> (i32, String) {
    let done = desk.run(&["order", "query", order, "--json"]);
    let said = done.json();
    let outcome = said.first().map_or("", |said| said["outcome"].as_str().unwrap());
    (done.exit, outcome.to_owned())
}

#[test]
fn each_place_of_an_order_has_its_exit_code() {
    let market = Market::open();
    let (world, desk) = (&market.world, &market.desk);
    let says = |order: &str| outcome(desk, order);
    assert_eq!(says("A"), (15, "notfound".into()));
    for order in ["A", "B"] {
        world.order(order);
        assert_eq!(says(order), (16, "waiting".into()));
    }
    world.does("POST", "/orders/A/pay", "");
    assert_eq!(says("A"), (0, "paid".into()));
    world.does("POST", "/orders/A/refund", "");
    assert_eq!(says("A"), (14, "refunded".into()));
    world.does("POST", "/orders/B/cancel", "");
    assert_eq!(says("B"), (17, "closed".into()));
    assert!(!desk.dir.join("ledger.sqlite").exists(), "a question makes no ledger");
}

#[test]
fn what_the_ledger_has_is_compared() {
    let market = Market::open();
    let (world, desk) = (&market.world, &market.desk);
    let other_price = NewOrder { price_fen: fen(500), ..new_order("P") };
    let other_title = NewOrder { subject: "90 gems".into(), ..new_order("T") };
    let other_id = NewOrder { subject_id: None, ..new_order("I") };
    for order in [new_order("A"), other_price, other_title, other_id] {
        desk.ledger().register(&order, 1).unwrap();
        world.order(order.order_no.as_str());
        let waiting = desk.run(&["order", "query", order.order_no.as_str(), "--json"]);
        assert_eq!(waiting.exit, 16);
        world.does("POST", &format!("/orders/{}/pay", order.order_no), "");
    }
    for (order, exit, fields) in [
        ("A", 0, vec!["order_status"]),
        ("P", 12, vec!["price", "order_status"]),
        ("T", 12, vec!["subject", "order_status"]),
        ("I", 12, vec!["subject_id", "order_status"]),
    ] {
        let done = desk.run(&["order", "query", order, "--json"]).ends_with(exit);
        let said = &done.json()[0];
        let differs = said["differs"].as_array().unwrap().iter();
        let named: Vec<&str> = differs.map(|row| row["field"].as_str().unwrap()).collect();
        assert_eq!(named, fields, "{order}");
        assert_eq!(said["ledger"]["state"], "open");
    }
    let text = desk.run(&["order", "query", "P"]).ends_with(12).stdout;
    assert!(text.contains("ledger 500, platform 600"), "{text}");
    assert_eq!(desk.entry("A").state, OrderState::Open, "a question settles nothing");
    desk.ledger().register(&new_order("GONE"), 1).unwrap();
    let text = desk.run(&["order", "query", "GONE"]).ends_with(15).stdout;
    assert!(text.contains("ledger open, platform ORDER_NOT_FOUND"), "{text}");
}

#[test]
fn whoever_may_not_ask_is_told_what_to_do() {
    let market = Market::open();
    let sandbox = &market.world.sandbox;
    let (url, app) = (sandbox.gateway_url.as_str(), &sandbox.apps[0]);
    let other = &sandbox.apps[1];
    for (name, desk, exit, word) in [
        ("secret", market.desk_with("s", url, &app.app_key, "wrong"), 1, "app_secret"),
        ("key", market.desk_with("k", url, "99999999", &app.app_secret), 1, "app.app_key"),
        ("public", market.desk_with("p", url, &other.app_key, &other.app_secret), 15, ""),
        (
            "down",
            market.desk_with("d", "http://127.0.0.1:9/router/rest", &app.app_key, "s"),
            13,
            "top.url",
        ),
    ] {
        let done = desk.run(&["order", "query", "A"]).ends_with(exit);
        assert!(done.stderr.contains(word), "{name}: {done:?}");
    }
    let wrong = market.desk_with("zh", url, &app.app_key, "wrong");
    let done = wrong.run(&["order", "query", "A", "--lang", "zh"]).ends_with(1);
    assert!(done.stderr.contains("密钥"), "{done:?}");
}

#[test]
fn an_app_without_a_public_key_is_told_to_upload_one() {
    let market = Market::open();
    let sandbox = &market.world.sandbox;
    let app = &sandbox.apps[1];
    let desk = market.desk_with("p", &sandbox.gateway_url, &app.app_key, &app.app_secret);
    let facts = alitv_pay::core::facts::Facts {
        app_key: alitv_pay::core::facts::AppKey::new(app.app_key.clone()).unwrap(),
        ..alitv_pay::core::facts::Facts::clone(&market.world.facts("A"))
    };
    market.world.precreate_facts(&std::sync::Arc::new(facts));
    let done = desk.run(&["order", "query", "A"]).ends_with(1);
    assert!(done.stderr.contains("PUBLIC_KEY_NOT_SET"), "{done:?}");
    assert!(done.stderr.contains("keys show"), "{done:?}");
}

#[test]
fn another_private_key_does_not_open_the_answer() {
    let market = Market::open();
    market.world.order("A");
    let key = PrivateKey::generate(1024).unwrap().pkcs8_pem();
    private(&market.desk.dir.join("key.pem"), &key);
    let done = market.desk.run(&["order", "query", "A"]).ends_with(13);
    assert!(done.stderr.contains("keys check"), "{done:?}");
}

#[test]
fn a_clock_that_is_an_hour_off_does_not_matter() {
    let market = Market::open();
    market.world.order("A");
    market.world.does("POST", "/orders/A/pay", "");
    market.world.does("POST", "/advance", r#"{"seconds":3600}"#);
    assert_eq!(outcome(&market.desk, "A"), (0, "paid".into()));
}

#[test]
fn faults_of_the_gateway_leave_it_unknown() {
    let market = Market::open();
    market.world.order("A");
    market.world.does("POST", "/orders/A/pay", "");
    for fault in ["gateway.500", "gateway.badjson", "gateway.throttle"] {
        let body = format!(r#"{{"scenario":"{fault}","method":"partner.query","times":1}}"#);
        market.world.scenario(&body);
        market.desk.run(&["order", "query", "A"]).ends_with(13);
    }
    market.world.scenario(r#"{"scenario":"query.system_error"}"#);
    market.desk.run(&["order", "query", "A"]).ends_with(13);
    market.world.does("POST", "/advance", r#"{"seconds":10}"#);
    assert_eq!(outcome(&market.desk, "A"), (0, "paid".into()));
}

#[test]
fn production_is_not_asked_over_http() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::alone(dir.path());
    let text = std::fs::read_to_string(&desk.config).unwrap();
    for wrong in [
        text.replace("\"sandbox\"", "\"production\""),
        text.replace("\"sandbox\"", "\"production\"").replace("allow_http = true\n", ""),
        text.replace("allow_http = true\n", ""),
    ] {
        private(&desk.config, &wrong);
        let done = desk.run(&["order", "query", "A"]).ends_with(1);
        assert!(done.stderr.contains("https") || done.stderr.contains("allow_http"), "{done:?}");
    }
}

/// A gateway that gives one answer to whatever comes.
fn gateway(body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/router/rest", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut part = [0; 4096];
        while !request.windows(4).any(|four| four == b"\r\n\r\n") || !ends(&request) {
            let read = stream.read(&mut part).unwrap();
            assert!(read > 0, "the request is whole");
            request.extend_from_slice(&part[..read]);
        }
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
    });
    url
}

/// Whether as much is there as was announced.
fn ends(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    length.is_none_or(|length: usize| body.len() >= length)
}

fn order(number: &str) -> PartnerOrder {
    PartnerOrder {
        partner_order_no: number.into(),
        alipay_trade_no: "20881234567890123456".into(),
        order_status: PartnerStatus::TradeSuccess,
        price: fen(600),
        subject: "60 gems".into(),
        subject_id: "gem60".into(),
        buyer_logon_id: String::new(),
    }
}

fn sealed(text: &str) -> String {
    let key = PrivateKey::read(alitv_pay::sandbox::App::RSA_PRIVATE_KEY_PEM).unwrap();
    let result = query_result(&encrypt(&key.public(), text.as_bytes()).unwrap());
    response(ORDER_QUERY, &[("result", &to_raw_value(&result).unwrap())], "r1")
}

/// Answers that somebody could give who is not the platform, or is not well.
#[test]
fn no_answer_but_the_platforms_passes_for_paid() {
    let dir = tempfile::tempdir().unwrap();
    let good = sealed(&order("A").encode());
    for (name, body, exit) in [
        ("right", good.clone(), 0),
        ("another order", sealed(&order("B").encode()), 13),
        ("no price", sealed(&order("A").encode().replace("price", "prize")), 13),
        ("twice", sealed(&order("A").encode().replace("{", "{\"price\":\"1\",")), 13),
        ("a word more", sealed(&order("A").encode().replace("SUCCESS", "FINISHED")), 13),
        ("not sealed", good.replace("\"data\":\"", "\"data\":\"AA"), 13),
        ("cut off", good[..good.len() - 9].to_owned(), 13),
        ("refused and good", good.replace("true", "false"), 13),
        ("another method", good.replace("order_query", "renewal_pay"), 13),
        ("two answers", good.replacen('{', "{\"error_response\":{\"code\":1},", 1), 13),
        ("a page", "<html>success</html>".into(), 13),
        ("a word", "success".into(), 13),
        ("nothing", String::new(), 13),
        (
            "busy",
            r#"{"error_response":{"code":15,"sub_code":"isp.remote-service-timeout"}}"#.into(),
            13,
        ),
    ] {
        let desk = Desk::with(dir.path(), &gateway(body), "23012345", "s3cret");
        let done = desk.run(&["order", "query", "A", "--json"]);
        assert_eq!(done.exit, exit, "{name}: {done:?}");
    }
}
