//! The protocol client against an engine that misbehaves on demand.
#![cfg(feature = "client")]

mod fake;

use std::time::{Duration, Instant};

use alitv_pay::client::{Client, Event, Kind, Options};
use alitv_pay::core::code::Code;
use alitv_pay::core::facts::{AppKey, OrderId};
use alitv_pay::core::report::State;
use alitv_pay::ipc::proto::{ListOrders, Pay};
use alitv_pay::limits::REQUESTS_MAX;
use alitv_pay::money::Fen;
use fake::{Fake, Manners};
use serde_json::json;

fn open(fake: &Fake) -> Client {
    open_with(fake, Options::default())
}

fn open_with(fake: &Fake, options: Options) -> Client {
    Client::open(Options { socket_path: Some(fake.path.clone()), ..options }).unwrap()
}

fn id(text: &str) -> OrderId {
    OrderId::new(text).unwrap()
}

fn pay(order_id: &str, amount_fen: i64) -> Pay {
    Pay {
        app_key: None,
        order_id: id(order_id),
        title: "60 gems".into(),
        amount_fen: Fen::new(amount_fen).unwrap(),
        subject_id: None,
        notify_url: None,
        expires_s: None,
    }
}

/// The next event, or a failed test.
fn next(client: &mut Client) -> Event {
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        if let Some(event) = client.next_event() {
            return event;
        }
        assert!(Instant::now() < until, "no event came");
        client.wait(Some(Duration::from_secs(30)));
    }
}

/// Reads until an event of this kind, and returns it.
fn until(client: &mut Client, kind: Kind) -> Event {
    loop {
        let event = next(client);
        if event.kind == kind {
            return event;
        }
    }
}

fn about(event: &Event) -> (Kind, State, u64) {
    let report = event.report.as_ref().unwrap_or_else(|| panic!("no report in {event:?}"));
    (event.kind, report.state, report.sequence)
}

#[test]
fn a_payment_from_the_first_word_to_the_ack() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(directory.path());
    let mut client = open(&fake);
    assert_eq!(next(&mut client).kind, Kind::Online);

    let op = client.pay(pay("A", 600), 77).unwrap();
    let created = next(&mut client);
    assert_eq!(about(&created), (Kind::Order, State::Created, 1));
    assert_eq!((created.op, created.tag, &*created.environment), (op, 77, "sandbox"));

    fake.set("A", "qr", json!({"state": "pending", "qr_text": "https://q/1", "expires_s": 300}));
    let qr = next(&mut client);
    assert_eq!(about(&qr), (Kind::Qr, State::Pending, 2));
    assert_eq!(qr.report.unwrap().qr_text.as_deref(), Some("https://q/1"));
    fake.set("A", "order", json!({}));
    assert_eq!(about(&next(&mut client)), (Kind::Order, State::Pending, 3));

    fake.set("A", "order", json!({"state": "paid", "qr_text": null, "sequence": 9}));
    let paid = next(&mut client);
    assert_eq!(about(&paid), (Kind::Order, State::Paid, 9));
    assert_eq!((paid.op, paid.result), (0, Code::OK));

    // Told again, because nobody acked it.
    fake.set("A", "order", json!({"sequence": 9}));
    assert_eq!(about(&next(&mut client)), (Kind::Order, State::Paid, 9));
    let ack = client.ack(&id("A"), 9, 5).unwrap();
    let reply = next(&mut client);
    assert_eq!((reply.kind, reply.op, reply.tag, reply.result), (Kind::Reply, ack, 5, Code::OK));
    assert_eq!(fake.order("A").unwrap()["acked"], true);
}

#[test]
fn requests_made_before_the_daemon_is_there_are_sent_when_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut fake = Fake::start(directory.path());
    fake.stop();
    let mut client = open(&fake);
    let offline = next(&mut client);
    assert_eq!((offline.kind, offline.result), (Kind::Offline, Code::OFFLINE));
    let op = client.pay(pay("A", 600), 0).unwrap();
    fake.restart();
    assert_eq!(next(&mut client).kind, Kind::Online);
    let created = next(&mut client);
    assert_eq!((about(&created), created.op), ((Kind::Order, State::Created, 1), op));
}

#[test]
fn what_was_not_answered_is_asked_again_but_for_raw_requests() {
    let directory = tempfile::tempdir().unwrap();
    let mut fake = Fake::start(directory.path());
    let mut client = open(&fake);
    assert_eq!(next(&mut client).kind, Kind::Online);
    fake.manners(|m| m.die_on = Some("status"));
    let raw = client.request("status", None, 3).unwrap();
    let op = client.pay(pay("A", 600), 0).unwrap();
    let reply = next(&mut client);
    assert_eq!((reply.kind, reply.op, reply.tag), (Kind::Reply, raw, 3));
    assert_eq!(reply.result, Code::OFFLINE);
    assert_eq!(next(&mut client).kind, Kind::Offline);
    fake.stop();
    fake.restart();
    assert_eq!(next(&mut client).kind, Kind::Online);
    assert_eq!(next(&mut client).op, op);
    assert_eq!((fake.count("status"), fake.count("hello")), (1, 2));
}

#[test]
fn a_payment_whose_answer_is_lost_is_paid_for_once() {
    let directory = tempfile::tempdir().unwrap();
    let fake =
        Fake::start_with(directory.path(), Manners { die_on: Some("pay"), ..Manners::default() });
    let mut client = open(&fake);
    assert_eq!(next(&mut client).kind, Kind::Online);
    let op = client.pay(pay("A", 600), 0).unwrap();
    assert_eq!(next(&mut client).kind, Kind::Offline);
    fake.manners(|m| m.die_on = None);
    assert_eq!(next(&mut client).kind, Kind::Online);
    let created = next(&mut client);
    assert_eq!((about(&created), created.op), ((Kind::Order, State::Created, 1), op));
    assert_eq!(fake.count("pay"), 2);
}

#[test]
fn a_late_refusal_names_the_op_and_the_payment() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(directory.path());
    fake.put("A", json!({"amount_fen": 600}));
    let mut client = open(&fake);
    let op = client.pay(pay("A", 700), 8).unwrap();
    let reply = until(&mut client, Kind::Reply);
    assert_eq!((reply.op, reply.tag, reply.result), (op, 8, Code::CONFLICT));
    assert_eq!(reply.order_id, Some(id("A")));
    assert_eq!(reply.refused.unwrap().amount_fen.get(), 700);
    // Refused is off the screen.
    client.pay(pay("B", 600), 0).unwrap();
}

#[test]
fn one_payment_is_on_screen() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(directory.path());
    fake.put("old", json!({"state": "pending"}));
    let mut client = open(&fake);
    client.pay(pay("A", 600), 0).unwrap();
    let refused = client.pay(pay("B", 600), 0).unwrap_err();
    assert_eq!(refused.code, Code::ON_SCREEN);
    assert!(refused.message.contains("order A"), "{refused}");
    while about(&until(&mut client, Kind::Order)).1 != State::Created {}
    assert_eq!(client.pay(pay("B", 600), 0).unwrap_err().code, Code::ON_SCREEN);
    client.pay(pay("A", 600), 0).expect("the same order may be asked for again");
    client.cancel(&id("A"), 0).unwrap();
    client.pay(pay("B", 600), 0).expect("A leaves the screen");

    let mut free = open_with(&fake, Options { multiple: true, ..Options::default() });
    free.pay(pay("C", 600), 0).unwrap();
    free.pay(pay("D", 600), 0).unwrap();
}

#[test]
fn bad_facts_are_refused_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(directory.path());
    let mut client = open(&fake);
    let bad = Pay { title: "x".repeat(129), ..pay("A", 600) };
    assert_eq!(client.pay(bad, 0).unwrap_err().code, Code::STRING);
    let bad = Pay { expires_s: Some(29), ..pay("A", 600) };
    assert_eq!(client.pay(bad, 0).unwrap_err().code, Code::INVALID);
    assert_eq!(client.request("", None, 0).unwrap_err().code, Code::STRING);
    assert_eq!(client.request("unwatch", None, 0).unwrap_err().code, Code::INVALID);
}

#[test]
fn an_engine_that_refuses_us_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start_with(
        directory.path(),
        Manners { refuse_hello: Some((-1202, "uid 7 has no app")), ..Manners::default() },
    );
    let mut client = open(&fake);
    let offline = next(&mut client);
    assert_eq!((offline.kind, offline.result), (Kind::Offline, Code::DENIED));
    assert_eq!(offline.message, "uid 7 has no app");
    fake.wait_for("hello", 1);
    let again = Instant::now() + Duration::from_secs(30);
    while fake.count("hello") < 3 {
        assert!(Instant::now() < again);
        client.wait(Some(Duration::from_millis(50)));
        assert!(client.next_event().is_none(), "the same reason is not told at every try");
    }
    fake.manners(|m| m.refuse_hello = None);
    assert_eq!(next(&mut client).kind, Kind::Online);
}

#[test]
fn an_app_of_somebody_else_is_denied() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(directory.path());
    let app_key = Some(AppKey::new("999").unwrap());
    let mut client = open_with(&fake, Options { app_key, ..Options::default() });
    let offline = next(&mut client);
    assert_eq!((offline.kind, offline.result), (Kind::Offline, Code::DENIED));
    assert!(offline.message.contains("999"), "{}", offline.message);
}

#[test]
fn garbage_ends_the_connection_and_not_the_client() {
    let directory = tempfile::tempdir().unwrap();
    for garbage in ["not json", "[]", "{\"id\":null,\"error\":{\"code\":-32700,\"message\":\"x\"}}"]
    {
        let manners = Manners { garbage: Some(garbage), ..Manners::default() };
        let fake = Fake::start_with(directory.path(), manners);
        let mut client = open(&fake);
        let offline = next(&mut client);
        assert_eq!((offline.kind, offline.result), (Kind::Offline, Code::PROTOCOL), "{garbage}");
        fake.manners(|m| m.garbage = None);
        assert_eq!(next(&mut client).kind, Kind::Online);
    }
}

#[test]
fn events_of_later_versions_are_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(directory.path());
    let mut client = open(&fake);
    assert_eq!(next(&mut client).kind, Kind::Online);
    for line in [
        r#"{"jsonrpc":"2.0","method":"event","params":{"kind":"auth","user_id":"u"}}"#,
        r#"{"jsonrpc":"2.0","method":"weather","params":[1]}"#,
        r#"{"jsonrpc":"2.0","id":4711,"result":{}}"#,
    ] {
        fake.say(line);
    }
    let op = client.orders(ListOrders::default(), 0).unwrap();
    let orders = next(&mut client);
    assert_eq!((orders.kind, orders.op, orders.orders.len()), (Kind::Orders, op, 0));
}

#[test]
fn a_new_connection_tells_what_is_not_acked_and_what_is_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut fake = Fake::start(directory.path());
    fake.put("paid", json!({"state": "paid", "sequence": 5}));
    fake.put("gone", json!({"state": "pending", "qr_text": "https://q/1"}));
    fake.put("done", json!({"state": "pending"}));
    let mut client = open(&fake);
    assert_eq!(next(&mut client).kind, Kind::Online);
    let mut first: Vec<_> = (0..4).map(|_| about(&next(&mut client))).collect();
    first.sort_by_key(|row| (row.1, row.0 == Kind::Qr));
    assert_eq!(first[0], (Kind::Order, State::Pending, 1));
    assert_eq!(first[3], (Kind::Order, State::Paid, 5));
    assert_eq!(first.iter().filter(|row| row.0 == Kind::Qr).count(), 1);

    fake.stop();
    assert_eq!(next(&mut client).kind, Kind::Offline);
    fake.forget("gone");
    fake.put("done", json!({"state": "cancelled", "sequence": 4, "acked": true}));
    fake.restart();
    assert_eq!(next(&mut client).kind, Kind::Online);
    assert_eq!(about(&next(&mut client)), (Kind::Order, State::Paid, 5));
    let mut rest: Vec<Event> = (0..2).map(|_| next(&mut client)).collect();
    rest.sort_by_key(|event| event.report.as_ref().unwrap().state);
    assert_eq!(about(&rest[0]).1, State::Unknown);
    assert_eq!((rest[0].result, rest[0].order_id.clone()), (Code::NOT_FOUND, Some(id("gone"))));
    assert_eq!(about(&rest[1]), (Kind::Order, State::Cancelled, 4));
}

#[test]
fn the_number_of_waiting_requests_is_bounded_and_answers_count() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(directory.path());
    let mut client = open(&fake);
    assert_eq!(next(&mut client).kind, Kind::Online);
    for _ in 0..REQUESTS_MAX {
        client.request("status", None, 0).unwrap();
    }
    fake.wait_for("status", REQUESTS_MAX);
    assert!(client.wait(Some(Duration::from_secs(30))));
    assert_eq!(client.request("status", None, 0).unwrap_err().code, Code::LIMIT);
    assert_eq!(next(&mut client).kind, Kind::Reply);
    client.request("status", None, 0).expect("one answer was read");
}

#[test]
fn an_interrupt_ends_a_wait() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(directory.path());
    let mut client = open(&fake);
    assert_eq!(next(&mut client).kind, Kind::Online);
    let interrupt = client.interrupt();
    let thread = std::thread::spawn(move || interrupt.set());
    assert!(!client.wait(None));
    thread.join().unwrap();
    assert!(!client.wait(Some(Duration::ZERO)), "one interrupt ends one wait");
}

#[test]
fn own_acks_are_carried_out_without_an_event() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start(directory.path());
    fake.put("A", json!({"state": "paid", "sequence": 3}));
    let mut client = open(&fake);
    assert_eq!(about(&until(&mut client, Kind::Order)).1, State::Paid);
    client.ack_silently(&id("A"), 3).unwrap();
    fake.set("A", "order", json!({"sequence": 3}));
    client.query(&id("A"), 0).unwrap();
    fake.wait_for("ack", 1);
    let answer = next(&mut client);
    assert_ne!(answer.op, 0, "a state whose ack is under way is not told again");
}
