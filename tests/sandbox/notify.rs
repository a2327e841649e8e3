//! The notifier: what reaches a merchant's server, how often, and what it takes to end it.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use alitv_pay::core::call::Reply;
use alitv_pay::core::facts::{AppKey, Facts};
use alitv_pay::limits::{SANDBOX_NOTIFY_LADDER_S, SANDBOX_NOTIFY_SCALE_MAX};
use alitv_pay::sandbox::{start, Action, App, Log, Options, Seed};
use alitv_pay::wire::blocks;
use alitv_pay::wire::keys::PrivateKey;
use alitv_pay::wire::notify::{data_of, Notify};
use alitv_pay::wire::partner::PartnerStatus;
use serde_json::{json, Value};

use crate::harness::{escaped, form_token, World};

/// What a receiver got.
#[derive(Clone, Debug)]
struct Got {
    method: String,
    path: String,
    query: String,
    head: String,
    body: String,
}

impl Got {
    fn data(&self) -> String {
        data_of(&self.query, &self.body).unwrap()
    }

    fn notify(&self) -> Notify {
        let key = PrivateKey::read(App::RSA_PRIVATE_KEY_PEM).unwrap();
        Notify::parse(&blocks::decrypt(&key, &self.data()).unwrap()).unwrap()
    }
}

/// A merchant's server.
struct Receiver {
    url: String,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    /// Answers the n-th request, counted from 1, with these bytes and closes.
    fn answering(answer: impl Fn(usize) -> Vec<u8> + Send + Sync + 'static) -> Receiver {
        Receiver::serving(move |n, mut stream| {
            let _ = stream.write_all(&answer(n));
        })
    }

    fn serving(serve: impl Fn(usize, TcpStream) + Send + Sync + 'static) -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/notify", listener.local_addr().unwrap());
        let got = Arc::new(Mutex::new(Vec::new()));
        let (into, serve) = (got.clone(), Arc::new(serve));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (into, serve) = (into.clone(), serve.clone());
                thread::spawn(move || {
                    let mut stream = stream.unwrap();
                    let Some(request) = read_request(&mut stream) else { return };
                    let n = {
                        let mut got = into.lock().unwrap();
                        got.push(request);
                        got.len()
                    };
                    serve(n, stream);
                });
            }
        });
        Receiver { url, got }
    }

    fn good() -> Receiver {
        Receiver::answering(|_| ok("success"))
    }

    fn failing() -> Receiver {
        Receiver::answering(|_| ok("fail"))
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }

    /// Waits for so many requests.
    fn wait(&self, count: usize) -> Vec<Got> {
        until(|| self.got().len() >= count, || format!("{} of {count} requests", self.got().len()));
        self.got()
    }
}

fn read_request(stream: &mut TcpStream) -> Option<Got> {
    let mut bytes = Vec::new();
    let mut byte = [0];
    loop {
        if !stream.read(&mut byte).is_ok_and(|n| n == 1) {
            return None;
        }
        bytes.push(byte[0]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        if body.len() < length.unwrap_or("0").parse::<usize>().unwrap() {
            continue;
        }
        let mut words = head.split(' ');
        let (method, target) = (words.next().unwrap(), words.next().unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let owned = |text: &str| text.to_owned();
        return Some(Got {
            method: owned(method),
            path: owned(path),
            query: owned(query),
            head: owned(head),
            body: owned(body),
        });
    }
}

fn with_status(status: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
}

fn ok(body: &str) -> Vec<u8> {
    with_status("200 OK", body)
}

/// Waits until something is so. The minute is for a machine that is very busy.
fn until(is_so: impl Fn() -> bool, why: impl Fn() -> String) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain: {}", why());
        thread::sleep(Duration::from_millis(10));
    }
}

fn order_at(world: &World, app: usize, order: &str, url: &str) {
    let mut facts = Facts::clone(&world.facts(order));
    facts.app_key = AppKey::new(world.sandbox.apps[app].app_key.clone()).unwrap();
    facts.notify_url = Some(url.to_owned());
    let reply = world.precreate_facts(&Arc::new(facts));
    assert!(matches!(reply, Reply::Shown { .. }), "{reply:?}");
}

fn act(world: &World, order: &str, action: Action) {
    world.sandbox.act(world.app_key(), order, action).unwrap();
}

/// Makes an order of the first app and pays it.
fn pay(world: &World, order: &str, url: &str) {
    order_at(world, 0, order, url);
    act(world, order, Action::Pay);
}

fn notifies(world: &World, query: &str) -> Vec<Value> {
    let list = world.does("GET", &format!("/notifies?limit=100{query}"), "");
    list["notifies"].as_array().unwrap().clone()
}

/// The only notify of an order.
fn notify(world: &World, order: &str) -> Value {
    let all = notifies(world, &format!("&order={order}"));
    assert_eq!(all.len(), 1, "{order}: {all:?}");
    all[0].clone()
}

/// Waits until the only notify of an order has had so many attempts, each written down.
fn attempts(world: &World, order: &str, count: u64) -> Value {
    let sent = || notify(world, order)["sent"].as_u64().unwrap();
    until(|| sent() >= count, || notify(world, order).to_string());
    let notify = notify(world, order);
    assert_eq!(notify["sent"], count, "{notify}");
    notify
}

fn events(world: &World, what: &str) -> Vec<String> {
    let list = world.does("GET", &format!("/events?what={what}"), "");
    let text = |event: &Value| event["text"].as_str().unwrap().to_owned();
    list["events"].as_array().unwrap().iter().map(text).collect()
}

/// A seed whose apps all have the demo merchant's key.
fn all_with_keys() -> Options {
    let mut seed = Seed::default();
    seed.apps.iter_mut().for_each(|app| app.public_key = Some("demo".into()));
    Options { seed: Some(seed), ..Options::default() }
}

#[test]
fn a_paid_order_is_told_at_once_and_an_ack_ends_it() {
    let receiver = Receiver::good();
    let world = World::new();
    order_at(&world, 0, "A", &receiver.url);
    act(&world, "A", Action::Scan);
    assert!(notifies(&world, "").is_empty(), "an open order is never told");
    act(&world, "A", Action::Pay);
    let told = attempts(&world, "A", 1);
    assert_eq!((&told["state"], &told["kind"]), (&json!("acked"), &json!("real")));
    assert_eq!((&told["order_status"], &told["due_ms"]), (&json!("TRADE_SUCCESS"), &Value::Null));
    let attempt = &told["attempts"][0];
    assert_eq!((&attempt["status"], &attempt["answer"]), (&json!(200), &json!("success")));
    assert_eq!((&attempt["acked"], &attempt["trouble"]), (&json!(true), &Value::Null));

    let got = receiver.got();
    assert_eq!(got.len(), 1);
    assert_eq!((got[0].method.as_str(), got[0].path.as_str()), ("GET", "/notify"));
    assert_eq!(attempt["data"], got[0].data());
    let said = got[0].notify();
    assert_eq!(said.partner_order_no, "A");
    assert_eq!(said.order_status, PartnerStatus::TradeSuccess);
    assert_eq!(said.alipay_trade_no, world.trade("A").trade_no);
    assert_eq!(said.encode(), told["message"]);
    assert_eq!(events(&world, "notify.acked").len(), 1);
    world.does("POST", "/advance", r#"{"seconds":864000}"#);
    assert_eq!(notify(&world, "A")["state"], "acked");
}

#[test]
fn a_receiver_that_fails_is_asked_again_up_the_whole_ladder() {
    let receiver = Receiver::failing();
    let world = World::new();
    pay(&world, "A", &receiver.url);
    for (count, wait_s) in (1..).zip(&SANDBOX_NOTIFY_LADDER_S[1..]) {
        let told = attempts(&world, "A", count);
        let last = told["attempts"].as_array().unwrap().last().unwrap().clone();
        let waits_ms = told["due_ms"].as_i64().unwrap() - last["at_ms"].as_i64().unwrap();
        assert!(waits_ms >= wait_s * 1_000, "{waits_ms} {wait_s}");
        assert_eq!(told["state"], "waiting");
        // A jump past several steps makes one attempt, not several.
        let jump_s = if count == 3 { wait_s + 86_400 } else { *wait_s + 1 };
        world.does("POST", "/advance", &json!({ "seconds": jump_s }).to_string());
    }
    let told = attempts(&world, "A", 8);
    until(|| notify(&world, "A")["state"] == "given_up", || told.to_string());
    world.does("POST", "/advance", r#"{"seconds":864000}"#);
    assert_eq!(notify(&world, "A")["sent"], 8);
    assert_eq!(receiver.got().len(), 8);
    assert_eq!(events(&world, "notify.failed").len(), 7);
    assert_eq!(events(&world, "notify.given_up").len(), 1);
}

#[test]
fn the_ladder_is_climbed_by_itself_and_as_fast_as_it_is_scaled() {
    let receiver = Receiver::answering(|n| ok(if n == 5 { "success" } else { "fail" }));
    let notify_scale = SANDBOX_NOTIFY_SCALE_MAX;
    let world = World::with(Options { notify_scale, ..Options::default() });
    pay(&world, "A", &receiver.url);
    let told = attempts(&world, "A", 5);
    assert_eq!(told["state"], "acked");
    let at = |n: usize| told["attempts"][n]["at_ms"].as_i64().unwrap();
    let scale = i64::from(SANDBOX_NOTIFY_SCALE_MAX);
    for (n, wait_s) in (1..5).zip(&SANDBOX_NOTIFY_LADDER_S[1..]) {
        assert!(at(n) - at(n - 1) >= wait_s * 1_000 / scale, "{told}");
    }
    let too_much = Options { notify_scale: SANDBOX_NOTIFY_SCALE_MAX + 1, ..Options::default() };
    assert!(start(too_much).err().unwrap().to_string().contains("notify scale"));
}

#[test]
fn the_ack_is_exact() {
    let elsewhere = Receiver::good();
    let moved = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 7\r\n\r\nsuccess",
        elsewhere.url
    );
    let long = format!("success{}", " ".repeat(100_000));
    let cases: Vec<(&str, Vec<u8>, bool)> = vec![
        ("plain", ok("success"), true),
        ("line end", ok("success\n"), true),
        ("blank", ok(" success"), true),
        ("no length", b"HTTP/1.1 200 OK\r\n\r\nsuccess".to_vec(), true),
        (
            "chunked",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nsuccess\r\n0\r\n\r\n"
                .to_vec(),
            true,
        ),
        ("white space without end", ok(&long), true),
        ("capital", ok("Success"), false),
        ("longer", ok("successful"), false),
        ("quoted", ok("\"success\""), false),
        ("empty", ok(""), false),
        ("fail", ok("fail"), false),
        ("JSON", ok(r#"{"msg":"success"}"#), false),
        ("201", with_status("201 Created", "success"), false),
        ("204", b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), false),
        ("302", moved.into_bytes(), false),
        ("404", with_status("404 Not Found", "success"), false),
        ("500", with_status("500 Internal Server Error", "success"), false),
        ("not HTTP", b"success".to_vec(), false),
        ("cut off", b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nsuccess".to_vec(), false),
        ("hung up", Vec::new(), false),
    ];
    let answers: Vec<Vec<u8>> = cases.iter().map(|case| case.1.clone()).collect();
    let world = World::new();
    for (at, (name, _, acked)) in cases.iter().enumerate() {
        let answer = answers[at].clone();
        let receiver = Receiver::answering(move |_| answer.clone());
        let order = format!("A{at}");
        pay(&world, &order, &receiver.url);
        let told = attempts(&world, &order, 1);
        assert_eq!(told["attempts"][0]["acked"], *acked, "{name}: {told}");
        assert_eq!(told["state"] == "acked", *acked, "{name}: {told}");
    }
    let told = notify(&world, "A16");
    assert_eq!(
        (&told["attempts"][0]["status"], &told["attempts"][0]["answer"]),
        (&json!(500), &json!("success"))
    );
    let hung_up = notify(&world, &format!("A{}", cases.len() - 1));
    assert!(hung_up["attempts"][0]["trouble"].is_string(), "{hung_up}");
    assert!(elsewhere.got().is_empty(), "no redirect is followed");
}

#[test]
fn data_joins_what_the_url_has_and_arrives_unspoilt() {
    let receiver = Receiver::good();
    let base = receiver.url.clone();
    let world = World::new();
    for (at, (suffix, path, before)) in [
        ("", "/notify", ""),
        ("?", "/notify", ""),
        ("?a=1&b=%20c", "/notify", "a=1&b=%20c&"),
        ("/x?a=1&", "/notify/x", "a=1&"),
        ("?a=1#top", "/notify", "a=1&"),
        ("#top?x=1", "/notify", ""),
    ]
    .into_iter()
    .enumerate()
    {
        pay(&world, &format!("A{at}"), &format!("{base}{suffix}"));
        let got = receiver.wait(at + 1).pop().unwrap();
        assert_eq!(got.path, path, "{suffix}");
        let value = got.query.strip_prefix(&format!("{before}data=")).expect(suffix);
        // In a query a plus is a blank, and a slash is for others to trip over.
        assert!(!value.contains(['+', '/', '=', '&', '#', ' ']), "{value}");
        assert_eq!(got.notify().partner_order_no, format!("A{at}"));
    }
    assert!(receiver.got().iter().any(|got| got.data().contains('+')), "luck of one in 10^12");
}

#[test]
fn a_post_carries_a_form() {
    let receiver = Receiver::good();
    let world = World::new();
    world.does("PATCH", &format!("/apps/{}", world.app_key()), r#"{"notify_method":"post"}"#);
    pay(&world, "A", &format!("{}?a=1#top", receiver.url));
    let got = receiver.wait(1).pop().unwrap();
    assert_eq!((got.method.as_str(), got.query.as_str()), ("POST", "a=1"));
    assert!(got.head.contains("Content-Type: application/x-www-form-urlencoded"), "{}", got.head);
    assert!(got.body.starts_with("data=") && !got.body.contains(['+', '/']), "{}", got.body);
    assert_eq!(got.notify().partner_order_no, "A");
    assert_eq!(attempts(&world, "A", 1)["attempts"][0]["method"], "post");
    let wrong = world.refused("PATCH", "/apps/23012345", r#"{"notify_method":"put"}"#);
    assert_eq!((wrong.0, wrong.1.as_str()), (400, "notify_method"));
}

#[test]
fn closed_orders_are_told_only_if_that_is_switched_on() {
    let receiver = Receiver::good();
    let world = World::new();
    order_at(&world, 0, "A", &receiver.url);
    act(&world, "A", Action::Cancel);
    assert!(notifies(&world, "").is_empty());
    world.does("PATCH", &format!("/apps/{}", world.app_key()), r#"{"notify_closed":true}"#);
    order_at(&world, 0, "B", &receiver.url);
    act(&world, "B", Action::Cancel);
    attempts(&world, "B", 1);
    pay(&world, "C", &receiver.url);
    attempts(&world, "C", 1);
    act(&world, "C", Action::Refund);
    let got = receiver.wait(3);
    let said: Vec<_> = got.iter().map(Got::notify).collect();
    let status: Vec<_> = said.iter().map(|said| said.order_status.as_str()).collect();
    assert_eq!(status, ["TRADE_CLOSED", "TRADE_SUCCESS", "TRADE_CLOSED"]);
    assert_eq!(said[0].alipay_trade_no, "", "nobody paid it");
    assert_eq!(said[2].alipay_trade_no, said[1].alipay_trade_no, "a refunded one has its trade");
}

#[test]
fn who_cannot_be_told_is_not_told() {
    let receiver = Receiver::good();
    let mut seed = Seed::default();
    seed.apps[0].public_key = None;
    let world = World::with(Options { seed: Some(seed), ..Options::default() });
    pay(&world, "A", &receiver.url);
    let why = events(&world, "notify.none");
    assert!(why.len() == 1 && why[0].contains("public key"), "{why:?}");
    assert_eq!(world.refused("POST", "/orders/A/resend", "").0, 409);
    let world = World::new();
    world.order("B");
    act(&world, "B", Action::Pay);
    assert!(notifies(&world, "").is_empty() && events(&world, "notify.none").is_empty());
    let (status, field, message) = world.refused("POST", "/orders/B/resend", "");
    assert_eq!((status, field.as_str()), (409, "order"));
    assert!(message.contains("notify URL"), "{message}");
    assert!(receiver.got().is_empty());
}

/// The address comes from a box, and this machine can reach what the box cannot.
#[test]
fn other_machines_are_left_alone() {
    let world = World::new();
    for (at, url) in ["http://192.0.2.1/notify", "http://0.0.0.0/", "http://no-such-host.invalid/"]
        .into_iter()
        .enumerate()
    {
        pay(&world, &format!("A{at}"), url);
        let told = attempts(&world, &format!("A{at}"), 1);
        let attempt = &told["attempts"][0];
        let trouble = attempt["trouble"].as_str().unwrap();
        assert_eq!((&attempt["status"], &told["state"]), (&Value::Null, &json!("waiting")));
        assert!(
            at == 2 || trouble.contains("not this machine") && trouble.contains("--lan"),
            "{trouble}"
        );
    }
}

#[test]
fn the_ladder_goes_on_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let options = Options { state_file: Some(path), ..Options::default() };
    let receiver = Receiver::answering(|n| ok(if n == 4 { "success" } else { "fail" }));
    let world = World::with(options.clone());
    pay(&world, "A", &receiver.url);
    attempts(&world, "A", 1);
    world.does("POST", "/advance", r#"{"seconds":241}"#);
    let before = attempts(&world, "A", 2);
    drop(world);

    let world = World::with(options.clone());
    assert_eq!(notify(&world, "A"), before);
    world.does("POST", "/advance", r#"{"seconds":601}"#);
    attempts(&world, "A", 3);
    drop(world);

    let world = World::with(options);
    world.does("POST", "/advance", r#"{"seconds":601}"#);
    let told = attempts(&world, "A", 4);
    assert_eq!(told["state"], "acked");
    assert_eq!(told["attempts"].as_array().unwrap().len(), 4);
    assert_eq!(receiver.got().len(), 4);
}

#[test]
fn what_was_on_its_way_when_the_sandbox_ended_is_sent_again() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let kept = |name: &str| Options { state_file: Some(at(name)), ..Options::default() };
    let receiver = Receiver::serving(|n, mut stream| {
        if n == 1 {
            // Until the other end is gone.
            let _ = stream.read(&mut [0]);
        } else {
            let _ = stream.write_all(&ok("success"));
        }
    });
    let world = World::with(kept("stopped"));
    pay(&world, "A", &receiver.url);
    receiver.wait(1);
    // What a kill at this moment would leave behind.
    std::fs::copy(at("stopped"), at("killed")).unwrap();
    assert_eq!(notify(&world, "A")["state"], "sending");
    let (status, field, _) = world.refused("POST", "/orders/A/resend", "");
    assert_eq!((status, field.as_str()), (409, "order"));
    drop(world);
    for (name, requests) in [("stopped", 2), ("killed", 3)] {
        let world = World::with(kept(name));
        let told = attempts(&world, "A", 1);
        assert_eq!(told["state"], "acked", "{name}");
        assert_eq!(receiver.got().len(), requests, "at least once, and once too often");
    }
}

#[test]
fn whatever_has_become_of_it_a_notify_is_sent_again_on_request() {
    let receiver = Receiver::answering(|n| ok(if n == 2 { "fail" } else { "success" }));
    let world = World::new();
    pay(&world, "A", &receiver.url);
    let number = attempts(&world, "A", 1)["notify"].as_u64().unwrap();
    let again = world.does("POST", &format!("/notifies/{number}/resend"), "");
    assert_eq!(again["notify"], number);
    let failed = attempts(&world, "A", 2);
    assert_eq!(failed["state"], "waiting", "the ladder begins anew");
    world.does("POST", "/orders/A/resend", "");
    assert_eq!(attempts(&world, "A", 3)["state"], "acked");
    assert_eq!(world.does("GET", &format!("/notifies/{number}"), "")["sent"], 3);
    let messages: Vec<Notify> = receiver.got().iter().map(Got::notify).collect();
    assert!(messages.iter().all(|message| *message == messages[0]));
    for path in ["/notifies/99/resend", "/notifies/x/resend", "/orders/NONE/resend"] {
        assert_eq!(world.refused("POST", path, "").0, 404, "{path}");
    }
    assert_eq!(world.refused("GET", "/notifies/99", "").1, "notify");
    assert_eq!(world.refused("POST", &format!("/notifies/{number}/resend"), r#"{"x":1}"#).1, "x");
    world.order("OPEN");
    assert_eq!(world.refused("POST", "/orders/OPEN/resend", "").0, 409);
}

#[test]
fn an_order_that_was_never_told_can_be_told_by_hand() {
    let receiver = Receiver::good();
    let world = World::new();
    order_at(&world, 0, "A", &receiver.url);
    act(&world, "A", Action::Cancel);
    let made = world.does("POST", "/orders/A/resend", "");
    assert_eq!(made["order_status"], "TRADE_CLOSED");
    attempts(&world, "A", 1);
    assert_eq!(receiver.got()[0].notify().order_status, PartnerStatus::TradeClosed);
}

#[test]
fn a_receiver_that_hangs_holds_up_nobody_else() {
    let hanging = Receiver::serving(|_, mut stream| {
        let _ = stream.read(&mut [0]);
    });
    let good = Receiver::good();
    let world = World::with(all_with_keys());
    // At 10 s each, by fours, these alone would take longer than anybody waits here.
    for n in 0..40 {
        pay(&world, &format!("H{n}"), &hanging.url);
    }
    hanging.wait(1);
    for n in 0..20 {
        let order = format!("G{n}");
        order_at(&world, 1, &order, &good.url);
        world.sandbox.act(&world.sandbox.apps[1].app_key, &order, Action::Pay).unwrap();
    }
    let app = world.sandbox.apps[1].app_key.clone();
    let acked = || notifies(&world, &format!("&app_key={app}&state=acked")).len();
    until(|| acked() == 20, || format!("{} of 20", acked()));
}

fn playing(scenario: &str) -> World {
    let world = World::new();
    world.scenario(&json!({ "scenario": scenario, "play": "manual" }).to_string());
    world
}

#[test]
fn a_lost_notify_is_never_sent_but_by_hand() {
    let receiver = Receiver::good();
    let world = playing("notify.lost");
    pay(&world, "A", &receiver.url);
    let told = notify(&world, "A");
    assert_eq!((&told["state"], &told["due_ms"]), (&json!("lost"), &Value::Null));
    world.does("POST", "/advance", r#"{"seconds":864000}"#);
    // The next one overtakes whatever might have been sent.
    pay(&world, "B", &receiver.url);
    attempts(&world, "B", 1);
    assert_eq!(receiver.got().len(), 1);
    world.does("POST", "/orders/A/resend", "");
    attempts(&world, "A", 1);
    assert_eq!(receiver.got()[1].notify().partner_order_no, "A");
}

#[test]
fn a_late_notify_comes_after_a_minute() {
    let receiver = Receiver::good();
    let world = playing("notify.late");
    pay(&world, "A", &receiver.url);
    let told = notify(&world, "A");
    let waits_ms = told["due_ms"].as_i64().unwrap() - told["created_ms"].as_i64().unwrap();
    assert_eq!((&told["sent"], waits_ms), (&json!(0), 60_000));
    world.does("POST", "/advance", r#"{"seconds":61}"#);
    assert_eq!(attempts(&world, "A", 1)["state"], "acked");
}

#[test]
fn a_notify_comes_twice_at_the_same_time() {
    // Each is answered only when both are there.
    let receiver = Arc::new(Mutex::new(0));
    let seen = receiver.clone();
    let receiver = Receiver::serving(move |_, mut stream| {
        *seen.lock().unwrap() += 1;
        until(|| *seen.lock().unwrap() == 2, || "the other one".into());
        let _ = stream.write_all(&ok("success"));
    });
    let world = playing("notify.twice");
    pay(&world, "A", &receiver.url);
    let acked = || notifies(&world, "&order=A&state=acked").len();
    until(|| acked() == 2, || format!("{:?}", notifies(&world, "")));
    let got = receiver.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].notify(), got[1].notify());
}

#[test]
fn a_reordered_notify_comes_after_that_of_the_next_order() {
    let receiver = Receiver::good();
    let world = playing("notify.reordered");
    pay(&world, "A", &receiver.url);
    assert_eq!(notify(&world, "A")["state"], "held");
    pay(&world, "B", &receiver.url);
    attempts(&world, "A", 1);
    let orders: Vec<_> = receiver.got().iter().map(|got| got.notify().partner_order_no).collect();
    assert_eq!(orders, ["B", "A"]);

    // Every order is reordered: they change places by twos.
    world.scenario(r#"{"scenario":"notify.reordered","play":"manual","default":true}"#);
    ["C", "D"].iter().for_each(|order| pay(&world, order, &receiver.url));
    attempts(&world, "C", 1);
    let orders: Vec<_> =
        receiver.got()[2..].iter().map(|got| got.notify().partner_order_no).collect();
    assert_eq!(orders, ["D", "C"]);
    // Nobody comes after it: it goes after an hour.
    pay(&world, "E", &receiver.url);
    assert_eq!(notify(&world, "E")["state"], "held");
    world.does("POST", "/advance", r#"{"seconds":3601}"#);
    attempts(&world, "E", 1);
}

#[test]
fn a_forged_notify_comes_before_the_order_is_paid() {
    let receiver = Receiver::failing();
    let world = playing("notify.forged");
    order_at(&world, 0, "A", &receiver.url);
    let told = attempts(&world, "A", 1);
    assert_eq!((&told["kind"], &told["state"]), (&json!("forged"), &json!("given_up")));
    let forged = receiver.got()[0].notify();
    assert_eq!(forged.order_status, PartnerStatus::TradeSuccess);
    assert_eq!(world.status("A"), alitv_pay::core::call::TradeStatus::NotScanned);
    act(&world, "A", Action::Pay);
    let real = receiver.wait(2)[1].notify();
    assert_eq!(real.order_status, PartnerStatus::TradeSuccess);
    assert_eq!(real.alipay_trade_no, world.trade("A").trade_no);
    assert_ne!(forged.alipay_trade_no, real.alipay_trade_no);
    let kinds: Vec<Value> = notifies(&world, "").iter().map(|n| n["kind"].clone()).collect();
    assert_eq!(kinds, ["real", "forged"], "newest first");

    // An order that is there already can be played by it, too.
    order_at(&world, 0, "B", &receiver.url);
    world.scenario(r#"{"scenario":"notify.forged","play":"manual","order":"B"}"#);
    assert_eq!(attempts(&world, "B", 1)["kind"], "forged");
}

#[test]
fn a_notify_with_another_key_is_for_nobody() {
    let receiver = Receiver::failing();
    let world = playing("notify.wrong_key");
    pay(&world, "A", &receiver.url);
    let told = attempts(&world, "A", 1);
    assert_eq!((&told["kind"], &told["state"]), (&json!("wrong_key"), &json!("waiting")));
    let key = PrivateKey::read(App::RSA_PRIVATE_KEY_PEM).unwrap();
    let plain = blocks::decrypt(&key, &receiver.got()[0].data());
    assert!(plain.is_err() || Notify::parse(&plain.unwrap()).is_err());
}

#[test]
fn each_attempt_is_one_line_of_the_log() {
    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let into = lines.clone();
    let log: Log = Arc::new(move |line: &str| into.lock().unwrap().push(line.to_owned()));
    let receiver =
        Receiver::answering(|n| if n == 1 { ok("no\r\n\u{1b}[31m") } else { ok("success") });
    let world = World::with(Options { log: Some(log), ..Options::default() });
    pay(&world, "A", &receiver.url);
    attempts(&world, "A", 1);
    world.does("POST", "/orders/A/resend", "");
    attempts(&world, "A", 2);
    let lines = lines.lock().unwrap();
    let sent: Vec<&String> = lines.iter().filter(|line| line.starts_with("--> ")).collect();
    assert_eq!(sent.len(), 2, "{sent:?}");
    let starts = |n: usize, what: &str| {
        sent[n].starts_with(&format!("--> GET {} {what} ", receiver.url)) && sent[n].ends_with("ms")
    };
    assert!(starts(0, "200 no  ?[31m") && starts(1, "200 success"), "{sent:?}");
    assert!(lines.iter().all(|line| !line.contains(char::is_control)));
}

#[test]
fn the_operator_sees_each_attempt_and_sends_again() {
    let receiver = Receiver::answering(|n| ok(if n == 1 { "<b>no</b>" } else { "success" }));
    let world = World::new();
    let page = |path: &str| world.http("GET", &format!("/operator/notifies{path}"), &[], "").body;
    assert!(page("?lang=en").contains("No notifies yet"));
    pay(&world, "A", &receiver.url);
    let told = attempts(&world, "A", 1);
    let number = told["notify"].as_u64().unwrap();
    let list = page("?lang=en");
    assert!(list.contains(&format!("notify={number}")) && list.contains(&escaped("<b>no</b>")));
    let one = format!("?lang=en&notify={number}");
    let shown = page(&one);
    for text in [told["message"].as_str().unwrap(), &receiver.url, "200", "waiting"] {
        assert!(shown.contains(&escaped(text)), "{text}: {shown}");
    }
    assert!(shown.contains(told["attempts"][0]["data"].as_str().unwrap()), "{shown}");
    assert!(page("?lang=en&notify=99").contains("no such notify"));

    let token = form_token(&shown);
    let press = |number: &str| {
        let fields = [("token", token.as_str()), ("action", "resend"), ("notify", number)];
        world.submit(&format!("/operator/notifies{one}"), &fields)
    };
    let pressed = press(&number.to_string());
    assert_eq!(pressed.status, 303, "{}", pressed.body);
    assert!(
        pressed.head.contains(&format!("location: /operator/notifies{one}")),
        "{}",
        pressed.head
    );
    assert_eq!(attempts(&world, "A", 2)["state"], "acked");
    assert!(page(&one).contains("acknowledged"));
    assert_eq!(press("99").status, 404);
}

#[test]
fn a_reset_forgets_the_notifies() {
    let hanging = Receiver::serving(|_, mut stream| {
        let _ = stream.read(&mut [0]);
    });
    let receiver = Receiver::good();
    let world = World::new();
    pay(&world, "A", &hanging.url);
    hanging.wait(1);
    world.does("POST", "/reset", "");
    assert!(notifies(&world, "").is_empty());
    pay(&world, "A", &receiver.url);
    assert_eq!(attempts(&world, "A", 1)["state"], "acked");
}
