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
    let repay = |with: &[(&str, &str)]| -> Vec<String> {
        let usual = [
            ("order", "S1"),
            ("notify", "http://h/"),
            ("title", "Pass"),
            ("subject", "Monthly"),
            ("interval", "month"),
            ("price", "600"),
        ];
        let usual = usual.iter().filter(|(name, _)| with.iter().all(|(other, _)| other != name));
        let options = usual.chain(with).map(|(name, value)| format!("--{name}={value}"));
        std::iter::once("repay".to_owned()).chain(options).collect()
    };
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
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
        (pay("subject-id", &long_id), "subject_id", "64"),
        (pay("title", &"宝".repeat(10_000)), "title", "128"),
        (pay("order", "draw-1"), "order_id", "reserved"),
        (pay("notify", "ftp://h/"), "notify_url", "http://"),
        (pay("notify", &long_url), "notify_url", "1024"),
        (pay("expires", "29"), "expires_s", "30"),
        (pay("expires", "7201"), "expires_s", "7200"),
        (pay("app-key", "a-b"), "app_key", "32"),
        (pay("qr", "png="), "qr", "png=FILE"),
        (order("query", "a/b"), "order_id", "64"),
        (order("cancel", &long_id), "order_id", "64"),
        (order("ack", ""), "order_id", "64"),
        (repay(&[("price", "0")]), "amount_fen", "99999999"),
        (repay(&[("interval", "week")]), "interval", "season"),
        (repay(&[("subject", "")]), "subject", "128"),
        (repay(&[("subject", &"宝".repeat(10_000))]), "subject", "128"),
        (repay(&[("description", &"x".repeat(257))]), "description", "256"),
        (repay(&[("notify", "h")]), "notify_url", "http://"),
        (repay(&[("price", "1"); 13]), "prices_fen", "12 by month"),
        (words("pay --from-server --title t --amount 1"), "--order", "--notify"),
        (words("lottery draw"), "KEY", "Usage"),
        (words(&format!("lottery draw {long_id}")), "event_key", "64"),
        (words("lottery draw a --draw-id a/b"), "order_id", "64"),
        (words(&format!("lottery draw a --confirm-key {}", "x".repeat(257))), "confirm_key", "256"),
        (words("gift take 0"), "gift_id", "digits"),
        (words("gift take 1e3"), "gift_id", "digits"),
        (words("web open window"), "KIND", "start"),
        (words("web open start --param level"), "param", "NAME=VALUE"),
        (words("web open start --param a=1 --param a=2"), "param a", "once"),
        (words(&format!("web open start --param a={}", "x".repeat(513))), "params", "512"),
        (words("web open start --timeout 9"), "timeout_s", "10"),
        (words("log --level all"), "level", "debug"),
        (words("auth --qr png="), "qr", "png=FILE"),
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
    let commands: [&[&str]; 21] = [
        &["pay", "--from-server", "--order=A", "--notify=http://h/", "--title=t", "--amount=1"],
        &[
            "repay",
            "--order=S1",
            "--notify=http://h/",
            "--title=Pass",
            "--subject=Monthly",
            "--interval=month",
            "--price=600",
        ],
        &["auth"],
        &["auth", "--change"],
        &["auth", "state"],
        &["auth", "cancel"],
        &["logout"],
        &["user"],
        &["web", "open", "start"],
        &["web", "close", "1"],
        &["lottery", "activities"],
        &["lottery", "draw", "summer"],
        &["gift", "list"],
        &["qr-url"],
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
    let commands = [
        "sandbox",
        "pay",
        "repay",
        "orders",
        "tail",
        "cancel",
        "ack",
        "query",
        "rpc",
        "auth",
        "auth state",
        "auth cancel",
        "logout",
        "user",
        "web",
        "web open",
        "web close",
        "lottery",
        "lottery activities",
        "lottery draw",
        "gift",
        "gift list",
        "gift take",
        "qr-url",
        "profile",
        "status",
        "log",
        "version",
        "keygen",
        "keys",
        "keys check",
        "keys show",
        "sign",
        "verify",
        "encrypt",
        "decrypt",
        "confirm-key",
    ];
    for command in commands {
        let words: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let done = run(&words).ends_with(0);
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
fn the_names_of_the_java_sdk_lead_to_the_commands() {
    let names = [
        ("pay", "AliTvSdk.payFromServer"),
        ("repay", "AliTvSdk.repayFromServer"),
        ("auth", "AliTvSdk.Account.checkAuthAndLogin"),
        ("user", "AliTvSdk.Account.getUserInfo"),
        ("web", "AliTvSdk.Web.openWebviewOnStart"),
        ("lottery", "AliTvSdk.Lottery.getActivitesInfo"),
        ("gift", "AliTvSdk.queryGifts"),
        ("qr-url", "AliTvSdk.Web.getQRUrl"),
        ("status", "AliTvSdk.init"),
        ("log", "AliTvSdk.logSwitch"),
        ("version", "AliTvSdk.getSdkVersion"),
    ];
    let all = run(&["--help"]).ends_with(0).stdout;
    for (command, name) in names {
        let help = run(&[command, "--help"]).ends_with(0).stdout;
        assert!(help.replace('\n', " ").contains(name), "{command}: {name}");
        assert!(all.contains(name.rsplit('.').next().unwrap()), "{name}");
    }
}

#[test]
fn the_version_needs_no_daemon() {
    let done = run(&["version", "--socket", NOBODY]).ends_with(0);
    let wanted = format!("sdk       ostv_{}.0\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), (wanted.as_str(), ""));
    let json = &run(&["version", "--json", "--socket", NOBODY]).ends_with(0).json()[0];
    assert_eq!(json["sdk_version"], format!("ostv_{}.0", env!("CARGO_PKG_VERSION")));
    assert!(json["daemon"].is_null());
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
