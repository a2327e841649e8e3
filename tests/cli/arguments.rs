//! What needs no daemon: arguments, help, codes, outputs.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use super::run::{alitv_pay, run};

const NOBODY: &str = "/nonexistent/alitv-pay.sock";

#[test]
fn bad_values_are_refused_by_name_and_bound_before_anything_is_sent() {
    let long_id = "x".repeat(65);
    let long_title = "宝".repeat(129);
    let long_url = format!("http://h/{}", "x".repeat(1020));
    let pay = |name: &'static str, value: &str| -> Vec<String> {
        let mut args = vec!["pay".to_owned(), format!("--{name}={value}")];
        for (other, usual) in [("title", "60 gems"), ("amount", "600")] {
            if other != name {
                args.push(format!("--{other}={usual}"));
            }
        }
        args
    };
    let order = |command: &str, id: &str| vec![command.to_owned(), id.to_owned()];
    let cases: Vec<(Vec<String>, &str, &str)> = vec![
        (pay("amount", "1.0"), "amount_fen", "99999999"),
        (pay("amount", "+1"), "amount_fen", "99999999"),
        (pay("amount", ""), "amount_fen", "99999999"),
        (pay("amount", "0"), "amount_fen", "99999999"),
        (pay("amount", "-1"), "amount_fen", "99999999"),
        (pay("amount", "1000000000"), "amount_fen", "99999999"),
        (pay("amount", "1e2"), "amount_fen", "99999999"),
        (pay("amount", "１"), "amount_fen", "99999999"),
        (pay("order", ""), "order_id", "64"),
        (pay("order", "a b"), "order_id", "64"),
        (pay("order", "宝"), "order_id", "64"),
        (pay("order", &long_id), "order_id", "64"),
        (pay("title", ""), "title", "128"),
        (pay("title", &long_title), "title", "128"),
        (pay("title", "a\nb"), "title", "control"),
        (pay("subject", &long_id), "subject_id", "64"),
        (pay("notify", "ftp://h/"), "notify_url", "http://"),
        (pay("notify", &long_url), "notify_url", "1024"),
        (pay("expires", "29"), "expires_s", "30"),
        (pay("expires", "7201"), "expires_s", "7200"),
        (pay("app-key", "a-b"), "app_key", "32"),
        (pay("qr", "png="), "qr", "png=FILE"),
        (order("query", "a/b"), "order_id", "64"),
        (order("cancel", &long_id), "order_id", "64"),
        (order("ack", ""), "order_id", "64"),
        (order("qr", ""), "text", "2331"),
        (order("qr", &"x".repeat(2332)), "text", "2331"),
    ];
    for (args, field, bound) in cases {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let done = run(&[&args[..], &["--socket", NOBODY]].concat()).ends_with(2);
        assert!(done.stderr.contains(field) && done.stderr.contains(bound), "{args:?} {done:?}");
        assert_eq!(done.stdout, "", "{args:?}");
    }
}

#[test]
fn without_a_daemon_the_exit_is_3_and_says_what_to_start() {
    let commands: [&[&str]; 7] = [
        &["pay", "--title", "60 gems", "--amount", "600"],
        &["orders"],
        &["tail"],
        &["cancel", "A1"],
        &["ack", "A1"],
        &["query", "A1"],
        &["rpc", "status"],
    ];
    for args in commands {
        let done = run(&[args, &["--socket", NOBODY]].concat()).ends_with(3);
        assert!(done.stderr.contains(NOBODY) && done.stderr.contains("alitv-payd"), "{done:?}");
        let done = run(&[args, &["--socket", NOBODY, "--json"]].concat()).ends_with(3);
        let error: serde_json::Value = serde_json::from_str(done.stderr.trim()).unwrap();
        assert_eq!(error["error"]["name"], "OFFLINE");
        assert!(error["error"]["next"].as_str().unwrap().contains("alitv-payd"));
    }
    let by_variable = alitv_pay(&["orders"]).env("ALITV_PAY_SOCKET", NOBODY).output().unwrap();
    assert_eq!(by_variable.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&by_variable.stderr).contains(NOBODY));
}

#[test]
fn help_shows_examples_first_and_a_wrong_command_is_usage() {
    for command in ["sandbox", "pay", "orders", "tail", "cancel", "ack", "query", "rpc"] {
        let done = run(&[command, "--help"]).ends_with(0);
        assert!(done.stdout.starts_with("Example"), "{done:?}");
        assert!(done.stdout.lines().all(|line| line.chars().count() <= 100), "{done:?}");
    }
    assert!(run(&["--help"]).ends_with(0).stdout.starts_with("Examples:\n  alitv-pay "));
    assert!(run(&["--version"]).ends_with(0).stdout.starts_with("alitv-pay "));
    for args in [&[][..], &["buy"], &["pay"], &["pay", "--amount", "1"], &["orders", "extra"]] {
        let done = run(args).ends_with(2);
        assert_eq!(done.stdout, "");
    }
}

#[test]
fn rpc_lists_methods_and_wants_an_object() {
    let list = run(&["rpc", "--list"]).ends_with(0);
    assert!(list.stdout.lines().any(|line| line == "status"), "{list:?}");
    for params in ["[1]", "1", "{", "{} x"] {
        let done = run(&["rpc", "status", params, "--socket", NOBODY]).ends_with(2);
        assert!(done.stderr.contains("params"), "{done:?}");
    }
}

/// The code in a drawing of half blocks, light on dark.
pub fn scan(drawing: &str) -> String {
    let rows: Vec<Vec<char>> = drawing.lines().map(|line| line.chars().collect()).collect();
    let light = |x: usize, y: usize| match rows[y / 2][x] {
        '█' => true,
        '▀' => y.is_multiple_of(2),
        '▄' => !y.is_multiple_of(2),
        ' ' => false,
        other => panic!("{other:?} in a drawing"),
    };
    let (width, height) = (rows[0].len() * 4, rows.len() * 8);
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, |x, y| {
        if light(x / 4, y / 4) {
            255
        } else {
            0
        }
    });
    image.detect_grids()[0].decode().unwrap().1
}

#[test]
fn qr_draws_writes_and_prints_what_a_phone_reads() {
    let text = "HTTP://192.168.1.20:8420/Q/K7F3";
    let drawn = run(&["qr", text]).ends_with(0);
    assert!(!drawn.stdout.contains('\x1b'), "no terminal, no escapes");
    assert_eq!(scan(&drawn.stdout), text);
    assert!(run(&["qr", text, "--qr", "ascii"]).ends_with(0).stdout.is_ascii());

    let json = &run(&["qr", text, "--json"]).ends_with(0).json()[0];
    assert_eq!(json["side"], 25);
    assert_eq!(json["rows"].as_array().unwrap().len(), 25);
    assert!(json["rows"][0].as_str().unwrap().starts_with("11111110"));

    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("code.png");
    let path = path.to_str().unwrap();
    assert_eq!(run(&["qr", text, "--png", path, "-q"]).ends_with(0).stderr, "");
    assert!(std::fs::read(path).unwrap().starts_with(b"\x89PNG"));
    let nowhere = run(&["qr", text, "--png", "/nonexistent/x.png"]).ends_with(1);
    assert!(nowhere.stderr.contains("/nonexistent/x.png") && nowhere.stderr.contains(" next: "));
}

#[test]
fn a_closed_stdout_is_no_panic() {
    for args in [&["qr", "1"][..], &["rpc", "--list"], &["--help"], &["qr", "1", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut child = alitv_pay(args)
            .stdout(Stdio::from(OwnedFd::from(writer)))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        let exit = child.wait().unwrap().code();
        assert_eq!((exit, stderr.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn a_full_disk_is_an_error_and_not_success() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = alitv_pay(&["qr", "1"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("stdout"));
}
