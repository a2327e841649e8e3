//! What a server does when its disk fails: it stores before it speaks, or it says STORAGE and
//! stops.

mod common;

use std::path::Path;

use alitv_pay::ipc::access::Access;
use alitv_pay::ipc::server::Stop;
use alitv_pay::ipc::sys;
use alitv_pay::limits::TITLE_CHARS_MAX;
use alitv_pay::store::{Fault, SimDisk, Sizes};
use common::*;
use serde_json::Value;

fn access() -> Access {
    Access::new(NOBODY, vec![rule("23012345", &[sys::own_uid()], None)])
}

fn start(dir: &Path, disk: SimDisk) -> Running {
    Running::on_disk(dir, disk, access(), &["23012345"])
}

#[test]
fn nothing_that_is_not_stored_leaves_the_process() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SimDisk::new(1);
    let mut server = start(dir.path(), disk.clone());
    let (mut watcher, mut peer) = (server.connect(), server.connect());
    watcher.ask(r#"{"id":1,"method":"watch"}"#);
    peer.ask(&pay_line("A1"));
    watcher.event(|event| event["state"] == "pending" && event["kind"] == "order");
    disk.set_fault(Some(Fault::IoForever(disk.ops())));

    peer.send_raw(
        format!("{}\n{}\n", pay_line("A2"), r#"{"id":"s","method":"status"}"#).as_bytes(),
    );
    for id in [Value::from(1), Value::from("s")] {
        let refused = peer.value();
        assert_eq!((&refused["id"], code(&refused)), (&id, -1103), "{refused}");
        assert_eq!(refused["error"]["data"]["name"], "STORAGE");
    }
    assert_eq!(peer.line(), None);
    assert_eq!(watcher.line(), None, "an order that is not stored is not told");
    assert!(matches!(server.wait(), Err(Stop::Journal(_))));
    let calls = server.gateway.calls();
    assert!(!calls.iter().any(|call| call.contains("A2")), "{calls:?}");
}

#[test]
fn after_a_power_cut_the_journal_says_what_is_true() {
    let dir = tempfile::tempdir().unwrap();
    let mut disk = SimDisk::new(2);
    let mut server = start(dir.path(), disk.clone());
    let mut peer = server.connect();
    peer.ask(r#"{"id":1,"method":"watch"}"#);
    peer.ask(&pay_line("A1"));
    peer.event(|event| event["kind"] == "qr");
    disk.set_fault(Some(Fault::PowerOff(disk.ops())));
    server.gateway.pay("A1");
    assert!(matches!(server.wait(), Err(Stop::Journal(_))));
    while let Some(line) = peer.line() {
        assert!(!line.contains("paid"), "{line}");
    }
    drop(server);

    disk.set_fault(None);
    disk.power_cut();
    let server = start(dir.path(), disk);
    server.gateway.pay("A1");
    let mut peer = server.connect();
    let orders = peer.ask(r#"{"id":1,"method":"watch"}"#)["result"]["orders"].take();
    assert_eq!(orders[0]["order_id"], "A1");
    if orders[0]["state"] != "paid" {
        peer.event(|event| event["state"] == "paid");
    }
}

/// A journal that is full after some forty orders.
const SMALL: Sizes =
    Sizes { segment_bytes: 64 * 1024, reserve_bytes: 16 * 1024, compact_bytes: 24 * 1024 };

/// A server with a small journal and so many apps that none reaches its own bounds.
struct Small {
    keys: Vec<String>,
    disk: SimDisk,
}

impl Small {
    fn new(seed: u64) -> Small {
        let keys = (0..40).map(|number| format!("app{number}")).collect();
        Small { keys, disk: SimDisk::new(seed) }
    }

    fn start(&self, dir: &Path) -> Running {
        let rules = self.keys.iter().map(|key| rule(key, &[sys::own_uid()], None)).collect();
        let names: Vec<&str> = self.keys.iter().map(String::as_str).collect();
        let access = Access::new(NOBODY, rules);
        Running::on_disk_sized(dir, self.disk.clone(), SMALL, access, &names)
    }

    fn order(&self, number: usize) -> String {
        let key = &self.keys[number % self.keys.len()];
        format!(r#""app_key":"{key}","order_id":"N{number}""#)
    }

    fn pay(&self, peer: &mut Peer, number: usize) -> Value {
        let (order, title) = (self.order(number), "宝".repeat(TITLE_CHARS_MAX));
        let params = format!(r#"{{{order},"title":"{title}","amount_fen":1}}"#);
        peer.ask(&format!(r#"{{"id":1,"method":"pay","params":{params}}}"#))
    }

    fn ack(&self, peer: &mut Peer, number: usize, sequence: &Value) {
        let params = format!(r#"{{{},"sequence":{sequence}}}"#, self.order(number));
        let answer = peer.ask(&format!(r#"{{"id":1,"method":"ack","params":{params}}}"#));
        assert!(answer["result"].is_object(), "{answer}");
    }

    /// One whole payment; returns the sequence to ack.
    fn buy(&self, server: &Running, peer: &mut Peer, number: usize) -> Value {
        let answer = self.pay(peer, number);
        assert_eq!(answer["result"]["state"], "created", "{answer}");
        self.finish(server, peer, number)
    }

    fn finish(&self, server: &Running, peer: &mut Peer, number: usize) -> Value {
        let id = format!("N{number}");
        peer.event(|event| event["order_id"] == *id && event["kind"] == "qr");
        server.gateway.pay(&id);
        peer.event(|event| event["order_id"] == *id && event["state"] == "paid")["sequence"].take()
    }
}

fn status(peer: &mut Peer, member: &str) -> u64 {
    let answer = peer.ask(r#"{"id":7,"method":"status"}"#);
    answer["result"][member].as_u64().unwrap()
}

#[test]
fn a_journal_is_compacted_while_it_serves() {
    let (small, dir) = (Small::new(3), tempfile::tempdir().unwrap());
    let server = small.start(dir.path());
    let mut peer = server.connect();
    peer.ask(r#"{"id":1,"method":"watch"}"#);
    let kept = small.buy(&server, &mut peer, 0);
    let (mut before, mut compactions) = (0, 0);
    for number in 1..150 {
        let sequence = small.buy(&server, &mut peer, number);
        small.ack(&mut peer, number, &sequence);
        let bytes = status(&mut peer, "journal_bytes");
        assert!(bytes < SMALL.segment_bytes);
        compactions += usize::from(bytes < before);
        before = bytes;
    }
    assert!(compactions >= 2, "{compactions}");
    server.stop().unwrap();

    let server = small.start(dir.path());
    let mut peer = server.connect();
    let answer = peer.ask(r#"{"id":1,"method":"orders"}"#);
    let orders = answer["result"]["orders"].as_array().unwrap();
    assert_eq!((orders.len(), &orders[0]["order_id"]), (1, &Value::from("N0")));
    assert_eq!((&orders[0]["state"], &orders[0]["sequence"]), (&Value::from("paid"), &kept));
}

#[test]
fn a_full_journal_refuses_new_orders_only_until_old_ones_are_acked() {
    let (small, dir) = (Small::new(4), tempfile::tempdir().unwrap());
    let server = small.start(dir.path());
    let mut peer = server.connect();
    peer.ask(r#"{"id":1,"method":"watch"}"#);
    let mut bought = Vec::new();
    let refused = loop {
        let number = bought.len();
        let answer = small.pay(&mut peer, number);
        if answer.get("error").is_some() {
            break answer;
        }
        bought.push(small.finish(&server, &mut peer, number));
    };
    assert_eq!((code(&refused), bought.len() > 10), (-1103, true), "{refused}");
    assert!(refused["error"]["message"].as_str().unwrap().contains("not acked"));
    // What is there already is answered, and what it owes is kept.
    assert_eq!(small.pay(&mut peer, 0)["result"]["state"], "paid");
    assert_eq!(status(&mut peer, "orders_unacked"), bought.len() as u64);
    for (number, sequence) in bought.iter().enumerate() {
        small.ack(&mut peer, number, sequence);
    }
    small.buy(&server, &mut peer, bought.len());
    assert_eq!(status(&mut peer, "orders_unacked"), 1);
}
