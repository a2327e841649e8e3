//! The demo, each way it can end.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use super::run::{alitv_pay, Done};

/// A demo whose temporary directory is ours, so that what it leaves behind is seen.
fn demo(args: &[&str]) -> Done {
    let dir = tempfile::tempdir().unwrap();
    let mut command: Command = alitv_pay(&[&["demo"], args].concat());
    let done = Done::from(command.env("TMPDIR", dir.path()).output().unwrap());
    let left = std::fs::read_dir(dir.path()).unwrap().count();
    assert_eq!(left, 0, "the demo left something behind: {done:?}");
    done
}

/// The event names of a transcript, each line of which has the shape that people read.
fn events(done: &Done) -> Vec<String> {
    let lines = done.stdout.lines().filter(|line| !line.starts_with(' '));
    let name = |line: &str| {
        let (time, rest) = line.split_at(10);
        let digits = time.bytes().filter(u8::is_ascii_digit).count();
        assert!(digits == 6 && time.matches(':').count() == 2, "{line:?}");
        let words: Vec<&str> = rest.split_whitespace().collect();
        assert!(words[0].starts_with("order.") && words[1].ends_with("-0001"), "{line:?}");
        words[0].to_owned()
    };
    assert!(done.stdout.lines().all(|line| line.chars().count() <= 80), "{done:?}");
    assert!(!done.stdout.contains('\x1b') && !done.stderr.contains('\x1b'), "{done:?}");
    lines.map(name).collect()
}

#[test]
fn success_ends_paid_with_the_transcript_of_the_readme() {
    let done = demo(&["--auto", "success"]).ends_with(0);
    let events = events(&done);
    assert_eq!(events[..2], ["order.created", "order.qr"]);
    assert_eq!(events.last().unwrap(), "order.paid");
    assert!(done.stdout.contains("HTTP://127.0.0.1:") && done.stdout.contains("/Q/"), "{done:?}");
    assert!(done.stdout.ends_with("CNY 1.00\n"), "{done:?}");
    for line in ["sandbox   http://127.0.0.1:", "daemon    /", "order     T2"] {
        assert!(done.stderr.contains(line), "{done:?}");
    }
}

#[test]
fn without_a_terminal_the_phone_pays_by_itself() {
    let done = demo(&[]).ends_with(0);
    assert_eq!(events(&done).last().unwrap(), "order.paid");
}

#[test]
fn cancel_ends_cancelled() {
    let done = demo(&["--auto", "cancel"]).ends_with(10);
    assert_eq!(events(&done).last().unwrap(), "order.cancelled");
}

#[test]
fn expire_ends_expired_without_waiting_for_the_time() {
    let done = demo(&["--auto", "expire"]).ends_with(11);
    assert_eq!(events(&done).last().unwrap(), "order.expired");
}

#[test]
fn json_is_one_event_a_line_and_quiet_says_nothing_else() {
    let done = demo(&["--auto", "success", "--json", "--quiet"]).ends_with(0);
    assert_eq!(done.stderr, "");
    let lines = done.json();
    assert_eq!(lines[0]["event"], "demo.started");
    assert!(lines[0]["sandbox"].as_str().unwrap().starts_with("http://127.0.0.1:"));
    assert_eq!(lines[1]["event"], "order.created");
    let last = lines.last().unwrap();
    assert_eq!(last["event"], "order.paid");
    assert_eq!(last["amount_fen"], 100);
    assert_eq!(last["order_id"], lines[0]["order_id"]);
    assert!(lines.iter().all(|line| line["time"].as_str().unwrap().ends_with('Z')));
}

#[test]
fn verbose_names_the_journal_and_chinese_is_spoken() {
    let done = demo(&["-v", "--lang", "zh", "--auto", "success"]).ends_with(0);
    assert!(done.stderr.contains("journal   /") && done.stderr.contains("宝石"), "{done:?}");
    assert_eq!(events(&done).last().unwrap(), "order.paid");
}

#[test]
fn a_taken_port_says_so() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let done = demo(&["--port", &port]).ends_with(1);
    assert!(done.stderr.contains(&port) && done.stderr.contains("--port"), "{done:?}");
}

#[test]
fn with_a_closed_stdout_the_order_still_reaches_its_end() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut child = alitv_pay(&["demo", "--auto", "success"])
        .stdout(Stdio::from(OwnedFd::from(writer)))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = String::new();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{stderr}");
    assert!(stderr.contains("not acknowledged") && !stderr.contains("panicked"), "{stderr}");
}
