//! How the socket behaves: framing, ends, bounds, users. Each test has a server of its own.

mod common;

use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use alitv_pay::ipc::access::Access;
use alitv_pay::ipc::sys;
use alitv_pay::limits::*;
use common::*;
use serde_json::{json, Value};

const STATUS: &str = r#"{"id":7,"method":"status"}"#;

fn is_status(answer: &Value) -> bool {
    answer["id"] == 7 && answer["result"]["environment"] == "sandbox"
}

#[test]
fn a_line_may_come_in_any_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let (mut peer, mut other) = (server.connect(), server.connect());
    let text = format!("{STATUS}\r\n\n{STATUS}\n");
    for at in 1..text.len() {
        peer.send_raw(&text.as_bytes()[..at]);
        // Its answer comes out of a round that has read the first piece.
        assert!(is_status(&other.ask(STATUS)));
        peer.send_raw(&text.as_bytes()[at..]);
        assert!(is_status(&peer.value()), "split at {at}");
        assert!(is_status(&peer.value()), "split at {at}");
    }
}

#[test]
fn a_line_has_a_bound_and_the_next_one_works() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let mut peer = server.connect();
    let line_of = |bytes: usize| {
        let bare = r#"{"id":7,"method":"status","pad":""}"#.len() + 1;
        format!("{{\"id\":7,\"method\":\"status\",\"pad\":\"{}\"}}\n", "x".repeat(bytes - bare))
    };
    for bytes in [LINE_BYTES_MAX - 1, LINE_BYTES_MAX] {
        peer.send_raw(line_of(bytes).as_bytes());
        assert!(is_status(&peer.value()), "{bytes}");
    }
    for bytes in [LINE_BYTES_MAX + 1, 3 * LINE_BYTES_MAX] {
        peer.send_raw(line_of(bytes).as_bytes());
        let refused = peer.value();
        assert_eq!(code(&refused), -32600, "{bytes}");
        assert!(refused["id"].is_null());
        assert!(refused["error"]["message"].as_str().unwrap().contains("65536"));
        assert!(is_status(&peer.ask(STATUS)), "{bytes}");
    }
}

#[test]
fn bytes_that_are_no_text_are_answered_too() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let mut peer = server.connect();
    for garbage in [&b"\xff\xfe\x00"[..], b"{\"id\":1,\"method\":\"\xc3\x28\"}", b"\0", b"\x1b[2J"]
    {
        peer.send_raw(garbage);
        peer.send_raw(b"\n");
        assert_eq!(code(&peer.value()), -32700, "{garbage:?}");
    }
    let deep = format!("{}{}", "[".repeat(30_000), "]".repeat(30_000));
    peer.send(&format!(r#"{{"id":1,"method":"status","x":{deep}}}"#));
    peer.value();
    assert!(is_status(&peer.ask(STATUS)));
}

#[test]
fn requests_in_one_write_are_answered_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let mut peer = server.connect();
    let count = 3 * ROUND_LINES_MAX;
    let lines: String =
        (0..count).map(|id| format!("{{\"id\":{id},\"method\":\"unwatch\"}}\n")).collect();
    peer.send_raw(lines.as_bytes());
    for id in 0..count {
        assert_eq!(peer.value(), json!({"jsonrpc": "2.0", "id": id, "result": {}}));
    }
}

#[test]
fn a_peer_that_has_ended_gets_its_answers_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let mut peer = server.connect();
    peer.send_raw(format!("{STATUS}\n{STATUS}").as_bytes());
    peer.end();
    assert!(is_status(&peer.value()));
    assert!(is_status(&peer.value()), "the last line needs no newline");
    assert_eq!(peer.line(), None);

    let mut watcher = server.connect();
    watcher.send(r#"{"id":1,"method":"watch"}"#);
    watcher.end();
    assert_eq!(watcher.value()["result"]["orders"], json!([]));
    server.connect().ask(&pay_line("A1"));
    assert_eq!(watcher.event(|event| event["kind"] == "qr")["order_id"], "A1");
}

#[test]
fn what_was_said_before_hanging_up_is_carried_out() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let mut watcher = server.connect();
    watcher.ask(r#"{"id":1,"method":"watch"}"#);
    let mut peer = server.connect();
    peer.send(&pay_line("A1"));
    drop(peer);
    assert_eq!(watcher.event(|event| event["state"] == "created")["order_id"], "A1");
}

/// Runs a program with `input` and returns what it printed, or none if it is not installed.
fn piped(program: &str, args: &[&str], input: &str) -> Option<String> {
    let mut child = Command::new(program)
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    Some(String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap())
}

#[test]
fn one_liners_of_a_shell_get_their_answer() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let path = server.path.to_str().unwrap();
    let address = format!("UNIX:{path}");
    let programs: [(&str, Vec<&str>); 2] =
        [("nc", vec!["-N", "-U", path]), ("socat", vec!["-t5", "-", &address])];
    let mut tried = 0;
    for (program, args) in programs {
        for input in [format!("{STATUS}\n"), STATUS.to_owned(), format!("{STATUS}\r\n")] {
            let Some(output) = piped(program, &args, &input) else { continue };
            let answer = serde_json::from_str(output.trim_end()).expect(&output);
            assert!(is_status(&answer), "{program}: {output}");
            tried += 1;
        }
    }
    if tried == 0 {
        eprintln!("skipped: neither nc nor socat is installed");
    }
}

#[test]
fn the_ninth_connection_of_a_user_is_told_why_and_closed() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let mut peers: Vec<Peer> = (0..SESSIONS_PER_UID_MAX).map(|_| server.connect()).collect();
    for peer in &mut peers {
        assert!(is_status(&peer.ask(STATUS)));
    }
    let mut ninth = server.connect();
    let refused = ninth.value();
    assert_eq!(refused["error"]["data"]["name"], "LIMIT");
    assert!(refused["error"]["message"].as_str().unwrap().starts_with("8 connections of uid"));
    assert_eq!(ninth.line(), None);
    // A place that is given back can be taken again.
    drop(peers.pop());
    peers[0].ask(STATUS);
    assert!(is_status(&server.connect().ask(STATUS)));
}

#[test]
fn a_peer_that_does_not_read_is_not_read_from_and_loses_no_answer() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let peer = server.connect();
    // Errors of 64 bytes of id and a long text: answers are longer than requests.
    let count = 20_000;
    let mut writer = peer.stream.try_clone().unwrap();
    let writing = thread::spawn(move || {
        for id in 0..count {
            writeln!(writer, r#"{{"id":{id},"method":"x"}}"#).unwrap();
        }
    });
    // While it is stuck, others are served.
    let mut other = server.connect();
    for _ in 0..50 {
        assert!(is_status(&other.ask(STATUS)));
    }
    assert!(!writing.is_finished(), "the server takes what it cannot answer");
    let mut peer = peer;
    for id in 0..count {
        assert_eq!(peer.value()["id"], id);
    }
    writing.join().unwrap();
}

#[test]
fn a_watcher_that_does_not_read_is_dropped_and_hurts_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let keys: Vec<String> = (0..APPS_MAX).map(|number| format!("app{number}")).collect();
    let rules = keys.iter().map(|key| rule(key, &[sys::own_uid()], None)).collect();
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let server = Running::with_access(dir.path(), Access::new(NOBODY, rules), &names);
    let mut slow = server.connect();
    slow.send(r#"{"id":1,"method":"watch"}"#);
    let mut peer = server.connect();
    let title = "宝".repeat(TITLE_CHARS_MAX);
    for key in &keys {
        for number in 0..ORDERS_OPEN_PER_APP_MAX {
            let order = format!(r#""app_key":"{key}","order_id":"{key}-{number}""#);
            let pay = format!(
                r#"{{"id":1,"method":"pay","params":{{{order},"title":"{title}","amount_fen":1}}}}"#
            );
            assert_eq!(peer.ask(&pay)["result"]["state"], "created");
            let cancel = format!(r#"{{"id":1,"method":"cancel","params":{{{order}}}}}"#);
            assert!(peer.ask(&cancel)["result"].is_object());
        }
    }
    let mut rest = Vec::new();
    // Ends with what the kernel held: the connection is closed.
    let _ = slow.stream.read_to_end(&mut rest);
    assert!(rest.len() < 2 * SEND_QUEUE_BYTES_MAX, "{}", rest.len());
    assert!(peer.ask(STATUS)["result"].is_object());
}

#[test]
fn two_watchers_hear_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let (mut one, mut two) = (server.connect(), server.connect());
    for peer in [&mut one, &mut two] {
        peer.ask(r#"{"id":1,"method":"watch"}"#);
    }
    let mut third = server.connect();
    third.ask(&pay_line("A1"));
    for peer in [&mut one, &mut two] {
        peer.event(|event| event["kind"] == "qr");
    }
    server.gateway.pay("A1");
    let paid = [&mut one, &mut two].map(|peer| peer.event(|event| event["state"] == "paid"));
    assert_eq!(paid[0], paid[1]);
    // Who does not watch hears nothing unasked.
    third.end();
    assert_eq!(third.line(), None);
}

#[test]
fn an_order_survives_its_server() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let mut peer = server.connect();
    peer.ask(r#"{"id":1,"method":"watch"}"#);
    peer.ask(&pay_line("A1"));
    peer.event(|event| event["kind"] == "qr");
    server.stop().unwrap();
    while peer.line().is_some() {}

    let server = Running::start(dir.path());
    server.gateway.pay("A1");
    let mut peer = server.connect();
    let orders = peer.ask(r#"{"id":1,"method":"watch"}"#)["result"]["orders"].take();
    assert_eq!(orders[0]["order_id"], "A1");
    let paid = match &orders[0]["state"] {
        Value::String(state) if state == "paid" => orders[0].clone(),
        _ => peer.event(|event| event["state"] == "paid"),
    };
    let ack = json!({"order_id": "A1", "sequence": paid["sequence"]});
    peer.ask(&format!(r#"{{"id":2,"method":"ack","params":{ack}}}"#));
    server.stop().unwrap();

    let server = Running::start(dir.path());
    let mut peer = server.connect();
    assert_eq!(peer.ask(r#"{"id":1,"method":"watch"}"#)["result"]["orders"], json!([]));
    let again = peer.ask(&pay_line("A1"));
    assert_eq!(
        (&again["result"]["state"], &again["result"]["acked"]),
        (&json!("paid"), &json!(true))
    );
}

#[test]
fn many_orders_fit_into_one_line() {
    let dir = tempfile::tempdir().unwrap();
    let keys: Vec<String> = (0..40).map(|number| format!("app{number}")).collect();
    let rules = keys.iter().map(|key| rule(key, &[sys::own_uid()], None)).collect();
    let names: Vec<&str> = keys.iter().map(String::as_str).collect();
    let server = Running::with_access(dir.path(), Access::new(NOBODY, rules), &names);
    let mut peer = server.connect();
    let title = "宝".repeat(TITLE_CHARS_MAX);
    for (number, key) in keys.iter().cycle().take(120).enumerate() {
        peer.ask(&format!(
            r#"{{"id":1,"method":"pay","params":{{"app_key":"{key}","order_id":"N{number}","title":"{title}","amount_fen":1}}}}"#
        ));
    }
    peer.send(r#"{"id":2,"method":"orders"}"#);
    let line = peer.line().unwrap();
    assert!(line.len() < LINE_BYTES_MAX, "{}", line.len());
    let answer: Value = serde_json::from_str(&line).unwrap();
    let listed = answer["result"]["orders"].as_array().unwrap();
    assert!(listed.len() > 50 && answer["result"]["more"] == true, "{}", listed.len());
    assert_eq!(listed.last().unwrap()["order_id"], "N119", "the newest are listed");
    let few = peer.ask(r#"{"id":3,"method":"orders","params":{"app_key":"app3","limit":2}}"#);
    let ids: Vec<&Value> = few["result"]["orders"]
        .as_array()
        .unwrap()
        .iter()
        .map(|order| &order["order_id"])
        .collect();
    assert_eq!(ids, ["N43", "N83"]);
}

/// Runs `act` as another user; only root can. The kernel keeps users per thread.
fn as_uid<T: Send + 'static>(uid: u32, act: impl FnOnce() -> T + Send + 'static) -> T {
    let become_user = move || {
        // SAFETY: no pointers; it changes this thread only, which ends here.
        let result = unsafe { libc::syscall(libc::SYS_setresuid, uid, uid, uid) };
        assert_eq!(result, 0);
        act()
    };
    thread::spawn(become_user).join().unwrap()
}

fn open_to_all(server: &Running, dir: &Path) {
    fs::set_permissions(dir, Permissions::from_mode(0o711)).unwrap();
    fs::set_permissions(&server.path, Permissions::from_mode(0o666)).unwrap();
}

fn connect_as(server: &Running, uid: u32) -> Peer {
    let path = server.path.clone();
    Peer::new(as_uid(uid, move || UnixStream::connect(path).unwrap()))
}

fn is_root() -> bool {
    let root = sys::own_uid() == 0;
    if !root {
        eprintln!("skipped: only root can act as other users");
    }
    root
}

#[test]
fn users_see_their_own_orders_only() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let rules = vec![
        rule("one", &[1001], None),
        rule("two", &[1002], None),
        rule("token", &[1001, 1003], Some("open-sesame")),
    ];
    let server =
        Running::with_access(dir.path(), Access::new(NOBODY, rules), &["one", "two", "token"]);
    open_to_all(&server, dir.path());
    let (mut one, mut two) = (connect_as(&server, 1001), connect_as(&server, 1002));
    let (mut none, mut root) = (connect_as(&server, 1004), server.connect());
    assert_eq!(one.ask(&pay_line("A1"))["result"]["app_key"], "one");
    two.ask(r#"{"id":1,"method":"watch"}"#);

    let query = r#"{"id":1,"method":"query","params":{"order_id":"A1"}}"#;
    assert_eq!(code(&two.ask(query)), -1301, "a foreign order is not there");
    assert_eq!(two.ask(&pay_line("A1"))["result"]["app_key"], "two", "ids are per app");
    let of_two = two.event(|event| event["kind"] == "qr");
    assert_eq!(of_two["app_key"], "two");
    let foreign = r#"{"id":1,"method":"query","params":{"order_id":"A1","app_key":"one"}}"#;
    assert_eq!(code(&two.ask(foreign)), -1202);
    let listed = two.ask(r#"{"id":1,"method":"orders"}"#);
    assert_eq!(listed["result"]["orders"].as_array().unwrap().len(), 1);

    for method in ["watch", "orders"] {
        let refused = none.ask(&format!(r#"{{"id":1,"method":"{method}"}}"#));
        assert_eq!(code(&refused), -1202, "{method}");
    }
    assert_eq!(code(&none.ask(&pay_line("A2"))), -1202);
    assert_eq!(none.ask(STATUS)["result"]["orders_open"], 0);
    assert_eq!(none.ask(r#"{"id":1,"method":"hello"}"#)["result"]["app_keys"], json!([]));

    let unnamed = root.ask(query);
    assert_eq!(code(&unnamed), -1003);
    let text = unnamed["error"]["message"].as_str().unwrap();
    assert!(text.starts_with("app_key is needed") && text.contains("one, two, token"), "{text}");
    assert_eq!(root.ask(foreign)["result"]["order_id"], "A1");
    assert_eq!(root.ask(r#"{"id":1,"method":"orders"}"#)["result"]["orders"][1]["app_key"], "two");

    let mut third = connect_as(&server, 1003);
    assert_eq!(code(&third.ask(&pay_line("A1"))), -1202);
    let hello = r#"{"id":1,"method":"hello","params":{"token":"open-sesame"}}"#;
    assert_eq!(third.ask(hello)["result"]["app_keys"], json!(["token"]));
    assert_eq!(third.ask(&pay_line("A1"))["result"]["app_key"], "token");
    assert_eq!(code(&none.ask(hello)), -1202, "a token is for its users");
}

#[test]
fn the_last_places_are_kept_for_root() {
    if !is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    open_to_all(&server, dir.path());
    let places = SESSIONS_MAX - SESSIONS_RESERVED;
    let mut crowd: Vec<Peer> = (0..places)
        .map(|number| connect_as(&server, 2000 + (number / SESSIONS_PER_UID_MAX) as u32))
        .collect();
    assert!(is_status(&crowd[places - 1].ask(STATUS)));
    let mut late = connect_as(&server, 3000);
    assert_eq!(late.value()["error"]["message"], "62 connections are open");
    assert_eq!(late.line(), None);
    let mut kept: Vec<Peer> = (0..SESSIONS_RESERVED).map(|_| server.connect()).collect();
    assert!(kept.iter_mut().all(|peer| is_status(&peer.ask(STATUS))));
    assert_eq!(server.connect().value()["error"]["message"], "64 connections are open");
}

#[test]
fn a_user_that_connects_in_a_loop_is_slowed_down() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    let mut refused = 0;
    for _ in 0..4 * SESSIONS_NEW_PER_S_MAX {
        let mut peer = server.connect();
        // It may be closed already.
        let _ = writeln!(peer.stream, "{STATUS}");
        let answer = peer.value();
        if answer["error"]["data"]["name"] == "LIMIT" {
            let text = answer["error"]["message"].as_str().unwrap();
            refused += usize::from(text.starts_with("20 new connections"));
        }
    }
    assert!(refused > 0);
}

const LOOK_UP: &str = r#"{"id":"late","method":"lottery.activities"}"#;

#[test]
fn a_peer_that_has_ended_stays_for_its_look_ups() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    server.gateway.set_busy(true);
    let mut peer = server.connect();
    peer.send(LOOK_UP);
    peer.send(STATUS);
    peer.end();
    assert!(is_status(&peer.value()), "what comes behind a look-up does not wait for it");
    server.gateway.set_busy(false);
    let answer = peer.value();
    assert_eq!((answer["id"].as_str(), answer["error"].as_str()), (Some("late"), None));
    assert_eq!(peer.line(), None);
}

#[test]
fn look_ups_of_one_connection_are_bounded_and_those_of_a_gone_one_are_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start(dir.path());
    server.gateway.set_busy(true);
    let mut peer = server.connect();
    let mut gone = server.connect();
    gone.send(LOOK_UP);
    assert!(is_status(&gone.ask(STATUS)));
    drop(gone);
    for _ in 0..LOOKUPS_PER_SESSION_MAX {
        peer.send(LOOK_UP);
    }
    let refused = peer.ask(LOOK_UP);
    assert_eq!(code(&refused), -1204, "{refused}");
    assert!(is_status(&peer.ask(STATUS)));
    server.gateway.set_busy(false);
    for _ in 0..LOOKUPS_PER_SESSION_MAX {
        let answer = peer.value();
        assert_eq!((&answer["id"], answer.get("error")), (&json!("late"), None), "{answer}");
    }
    assert!(peer.ask(LOOK_UP)["result"].is_object(), "there is room again");
}

#[test]
fn an_account_is_told_to_those_who_watch_its_app_only() {
    let dir = tempfile::tempdir().unwrap();
    let access = Access::new(NOBODY, vec![rule("one", &[sys::own_uid()], None)]);
    let server = Running::with_access(dir.path(), access, &["one", "two"]);
    let (near, far) = UnixStream::pair().unwrap();
    server.attacher.attach(far, vec![app("two")]).unwrap();
    let mut other = Peer::new(near);
    let mut peer = server.connect();
    for watcher in [&mut peer, &mut other] {
        watcher.ask(r#"{"id":1,"method":"watch"}"#);
    }
    peer.ask(r#"{"id":1,"method":"auth"}"#);
    let started = peer.event(|event| event["kind"] == "account");
    assert_eq!(started["app_key"], "one");
    other.ask(&pay_line("A1"));
    let first = other.event(|_| true);
    assert_eq!((&first["kind"], &first["app_key"]), (&json!("order"), &json!("two")));
}
