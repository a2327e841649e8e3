//! The programs of `c-examples`, each against a real daemon and the sandbox.

mod stage;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;
use stage::{example, Sandbox, TvBox};

/// A stage on which every order goes by the scenario.
fn stage(scenario: &str) -> (tempfile::TempDir, Sandbox, TvBox) {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(dir.path());
    sandbox.scenario_of_all(scenario);
    let tv = TvBox::new(dir.path(), &sandbox);
    (dir, sandbox, tv)
}

fn run(tv: &TvBox, name: &str, args: &[&str]) -> (i32, String) {
    let output: Output = Command::new(example(name))
        .args(args)
        .env("ALITV_PAY_SOCKET", &tv.socket)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    (output.status.code().unwrap_or(-1), text)
}

#[test]
fn minimal_buys_once_with_the_engine_inside() {
    let (dir, _sandbox, tv) = stage("success");
    let goods = dir.path().join("goods.txt");
    let args = [tv.config.to_str().unwrap(), goods.to_str().unwrap(), "A1"];
    let (exit, said) = run(&tv, "minimal", &args);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("qr A1 HTTP://") && said.contains("paid A1"), "{said}");
    assert_eq!(fs::read_to_string(&goods).unwrap(), "A1 60 gems\n");
}

#[test]
fn poll_loop_buys_and_is_acked() {
    let (dir, _sandbox, tv) = stage("success");
    let _daemon = tv.start();
    let goods = dir.path().join("goods.txt");
    let (exit, said) = run(&tv, "poll_loop", &["A1", "600", goods.to_str().unwrap()]);
    assert_eq!(exit, 0, "{said}");
    assert_eq!(fs::read_to_string(&goods).unwrap(), "A1 60 gems\n");
    let mut rpc = tv.connect();
    stage::until("the ack", || (rpc.ok("orders", json!({}))["orders"] == json!([])).then_some(()));
}

#[test]
fn game_tick_buys_while_it_draws() {
    let (dir, _sandbox, tv) = stage("success");
    let _daemon = tv.start();
    let goods = dir.path().join("goods.txt");
    let (exit, said) = run(&tv, "game_tick", &["A1", "600", goods.to_str().unwrap()]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("modules") && said.contains("frames, longest dispatch"), "{said}");
    assert_eq!(fs::read_to_string(&goods).unwrap(), "A1 60 gems\n");
}

#[test]
fn a_buyer_who_gives_up_buys_nothing() {
    let (dir, _sandbox, tv) = stage("cancel.buyer");
    let goods = dir.path().join("goods.txt");
    let goods = goods.to_str().unwrap();
    let (exit, said) = run(&tv, "minimal", &[tv.config.to_str().unwrap(), goods, "A1"]);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("cancelled A1"), "{said}");
    let _daemon = tv.start();
    assert_eq!(run(&tv, "poll_loop", &["A2", "600", goods]).0, 1);
    assert_eq!(run(&tv, "game_tick", &["A3", "600", goods]).0, 1);
    assert!(!Path::new(goods).exists());
}

#[test]
fn bad_amounts_are_refused_by_name() {
    let (_dir, _sandbox, tv) = stage("success");
    let _daemon = tv.start();
    for amount in ["0", "-1", "1000000000", "abc"] {
        let (exit, said) = run(&tv, "poll_loop", &["A1", amount]);
        assert_eq!(exit, 2, "{said}");
        assert!(said.contains("amount_fen") && said.contains("99999999"), "{said}");
    }
}
