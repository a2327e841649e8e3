//! The page behind a QR code, as a browser without scripts uses it.

use std::sync::Arc;

use alitv_pay::core::call::{Reply, TradeStatus};
use alitv_pay::core::facts::Facts;
use alitv_pay::sandbox::Action;

use crate::harness::{page_path, Answer, World};

fn open(world: &World, path: &str) -> Answer {
    world.http("GET", path, &["Accept-Language: en"], "")
}

/// The hidden field of the form.
fn token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn press(world: &World, path: &str, action: &str, token: &str) -> Answer {
    let form = ["Content-Type: application/x-www-form-urlencoded"];
    world.http("POST", path, &form, &format!("action={action}&token={token}"))
}

#[test]
fn opening_the_page_is_the_scan_and_a_head_request_is_not() {
    let world = World::new();
    let path = world.order("A");
    assert_eq!(world.http("HEAD", &path, &[], "").status, 200);
    assert_eq!(world.status("A"), TradeStatus::NotScanned);
    let page = open(&world, &path);
    assert_eq!(page.status, 200);
    for text in ["60 gems", "6.00", ">A<", "Gem Garden", "sandbox: no money moves", "Pay"] {
        assert!(page.body.contains(text), "{text}\n{}", page.body);
    }
    assert!(page.head.contains("content-security-policy: default-src 'none'"), "{}", page.head);
    assert!(page.head.contains("x-content-type-options: nosniff"));
    assert_eq!(world.status("A"), TradeStatus::WaitBuyerPay);
    assert_eq!(open(&world, &path.to_ascii_lowercase()).status, 200);
    assert_eq!(open(&world, "/Q/ZZZZZZ").status, 404);
}

#[test]
fn the_page_speaks_chinese_and_english() {
    let world = World::new();
    let path = world.order("A");
    let chinese = world.http("GET", &path, &["Accept-Language: zh-CN,en;q=0.5"], "").body;
    assert!(chinese.contains("沙箱：不会动用资金") && chinese.contains("确认付款"), "{chinese}");
    let asked = world.http("GET", &format!("{path}?lang=en"), &["Accept-Language: zh"], "").body;
    assert!(asked.contains("sandbox: no money moves") && asked.contains("lang=\"en\""));
}

#[test]
fn the_buttons_pay_cancel_and_fail() {
    for (action, end, text) in [
        ("pay", TradeStatus::Success, "Paid"),
        ("cancel", TradeStatus::Closed, "Cancelled"),
        ("insufficient", TradeStatus::WaitBuyerPay, "Not enough money"),
    ] {
        let world = World::new();
        let path = world.order("A");
        let token = token(&open(&world, &path).body);
        let answer = press(&world, &path, action, &token);
        assert_eq!(answer.status, 303, "{}", answer.head);
        assert_eq!(world.status("A"), end);
        let page = open(&world, &path).body;
        assert!(page.contains(text), "{page}");
        assert_eq!(page.contains("<form"), end == TradeStatus::WaitBuyerPay);
        // Pressed twice, or after going back: nothing changes.
        assert_eq!(press(&world, &path, "cancel", &token).status, 303);
        let finally = if action == "insufficient" { TradeStatus::Closed } else { end };
        assert_eq!(world.status("A"), finally);
    }
}

#[test]
fn finished_orders_say_what_became_of_them() {
    let world = World::new();
    let page = |order: &str| open(&world, &world.order(order)).body;
    world.order("A");
    world.sandbox.act(world.app_key(), "A", Action::Expire).unwrap();
    assert!(page("A").contains("Code expired"));
    world.order("B");
    world.close("B");
    assert!(page("B").contains("Order closed"));
    world.order("C");
    world.sandbox.act(world.app_key(), "C", Action::Pay).unwrap();
    world.sandbox.act(world.app_key(), "C", Action::Refund).unwrap();
    assert!(page("C").contains("Refunded"));
}

#[test]
fn a_form_that_is_not_from_our_page_pays_nothing() {
    let world = World::new();
    let path = world.order("A");
    let other = token(&open(&world, &world.order("B")).body);
    let own = token(&open(&world, &path).body);
    for (action, token) in
        [("pay", ""), ("pay", "0"), ("pay", &other), ("refund", &own), ("expire", &own), ("", &own)]
    {
        assert_eq!(press(&world, &path, action, token).status, 403, "{action} {token}");
    }
    let bare = world.http("POST", &path, &[], "action=pay");
    assert!((400..500).contains(&bare.status));
    assert_eq!(world.status("A"), TradeStatus::WaitBuyerPay);
}

#[test]
fn texts_of_others_stay_texts() {
    let world = World::new();
    for (at, payload) in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "'onmouseover='alert(1)",
        "</title><svg onload=alert(1)>",
        "&lt;b&gt; {{7*7}} ${7*7}",
        "<!--",
    ]
    .iter()
    .enumerate()
    {
        let mut facts = Facts::clone(&world.facts(&format!("X{at}")));
        facts.title = (*payload).to_owned();
        let Reply::Shown { qr_text, .. } = world.precreate_facts(&Arc::new(facts)) else {
            panic!("{payload}")
        };
        for path in [page_path(&qr_text), "/".into()] {
            let body = open(&world, &path).body;
            // Attributes stand in double quotes, so a single one needs no escape.
            let escaped = payload.replace('&', "&amp;").replace('<', "&lt;");
            let escaped = escaped.replace('>', "&gt;").replace('"', "&quot;");
            assert!(body.contains(&format!(">{escaped}</")), "{body}");
            for tag in ["<script", "<img", "<svg", "<!--", "{{49"] {
                assert!(!body.contains(tag), "{tag} in {body}");
            }
        }
    }
    let hostile = open(&world, "/Q/%3Cscript%3Ealert(1)%3C%2Fscript%3E");
    assert!(hostile.status == 404 && !hostile.body.contains("<script"));
}

#[test]
fn the_index_lists_orders_and_scans_none() {
    let world = World::new();
    assert!(open(&world, "/").body.contains("No orders yet"));
    let path = world.order("A");
    let list = open(&world, "/").body;
    assert!(list.contains(&format!("href=\"{path}")) && list.contains("Not scanned"), "{list}");
    assert_eq!(world.status("A"), TradeStatus::NotScanned);
    let style = open(&world, "/style.css");
    assert!(style.status == 200 && style.head.contains("content-type: text/css"));
}

#[test]
fn only_the_hosts_it_was_started_for_are_served() {
    let world = World::new();
    let path = world.order("A");
    let port = world.sandbox.base_url.rsplit(':').next().unwrap();
    for host in [
        "evil.example".to_owned(),
        format!("evil.example:{port}"),
        format!("127.0.0.1.evil.example:{port}"),
        format!("192.168.1.5:{port}"),
        "127.0.0.1".to_owned(),
        "127.0.0.1:1".to_owned(),
        String::new(),
    ] {
        let host = format!("Host: {host}");
        for path in [path.as_str(), "/", "/control/state", "/router/rest"] {
            assert_eq!(world.http("GET", path, &[&host], "").status, 421, "{host} {path}");
        }
    }
    let local = format!("Host: LOCALHOST:{port}");
    assert_eq!(world.http("GET", "/", &[&local], "").status, 200);
    assert_eq!(world.status("A"), TradeStatus::NotScanned);
}
