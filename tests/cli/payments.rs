//! The commands against a real daemon and a real sandbox, all of them processes.

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::run::{alitv_pay, Done};
use crate::stage::{until, Process, Sandbox, TvBox};

struct Stage {
    sandbox: Sandbox,
    tv: TvBox,
    daemon: Process,
    _dir: TempDir,
}

impl Stage {
    fn new() -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(dir.path());
        let tv = TvBox::new(dir.path(), &sandbox);
        let daemon = tv.start();
        Stage { sandbox, tv, daemon, _dir: dir }
    }

    fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = alitv_pay(args);
        command.arg("--socket").arg(&self.tv.socket);
        command
    }

    fn run(&self, args: &[&str]) -> Done {
        self.command(args).output().unwrap().into()
    }

    fn pay(&self, order_id: &str, more: &[&str]) -> Done {
        self.run(&[&pay(order_id), more].concat())
    }

    fn spawn(&self, args: &[&str]) -> Child {
        let mut command = self.command(args);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until the daemon has this order in this state.
    fn await_state(&self, order_id: &str, state: &str) {
        until(&format!("{order_id} {state}"), || {
            let done = self.run(&["query", order_id, "--json"]);
            (done.exit == 0 && done.json()[0]["state"] == state).then_some(())
        });
    }

    fn listed(&self, which: &str) -> Vec<Value> {
        let done = self.run(&["orders", "--json", "--which", which]).ends_with(0);
        done.json()[0]["orders"].as_array().unwrap().clone()
    }
}

fn pay(order_id: &str) -> [&str; 7] {
    ["pay", "--order", order_id, "--title", "60 gems", "--amount", "600"]
}

fn end(child: Child) -> Done {
    child.wait_with_output().unwrap().into()
}

fn signal(child: &Child, signal: i32) {
    // SAFETY: a signal to our own child, which was not waited for.
    unsafe { libc::kill(child.id() as i32, signal) };
}

#[test]
fn pay_ends_with_the_state_and_a_printed_result_is_acknowledged() {
    let stage = Stage::new();
    stage.sandbox.scenario("success");
    let done = stage.pay("A1", &["--json"]).ends_with(0);
    let lines = done.json();
    assert_eq!(lines[0]["event"], "order.created");
    let paid = lines.last().unwrap();
    assert_eq!((&paid["event"], &paid["amount_fen"]), (&"order.paid".into(), &600.into()));
    assert!(paid["trade_no"].is_string() && paid["paid_ms"].is_i64(), "{paid}");
    assert!(done.stderr.starts_with("sandbox: no money moves\norder A1\n"), "{done:?}");
    assert!(stage.listed("unfinished").is_empty());
    assert_eq!(stage.listed("all")[0]["acked"], true);

    let again = stage.pay("A1", &[]).ends_with(0);
    assert!(again.stdout.contains("order.paid") && again.stdout.ends_with("CNY 6.00\n"));

    stage.sandbox.scenario("cancel.buyer");
    stage.pay("A2", &[]).ends_with(10);
    stage.sandbox.scenario("expire");
    stage.pay("A3", &[]).ends_with(11);
    stage.sandbox.scenario("precreate.refused");
    let refused = stage.pay("A4", &[]).ends_with(12);
    assert!(refused.stdout.contains("ORDER_REFUSED"), "{refused:?}");
    assert!(stage.listed("unfinished").is_empty());
}

#[test]
fn an_order_that_is_left_is_unknown_and_can_be_asked_for() {
    let stage = Stage::new();
    let left = stage.pay("B1", &["--timeout", "1"]).ends_with(13);
    assert!(left.stderr.contains("alitv-pay query B1"), "{left:?}");
    let open = stage.run(&["query", "B1"]).ends_with(0);
    assert!(open.stdout.contains("state     pending"), "{open:?}");
    assert!(open.stdout.contains("amount    CNY 6.00"), "{open:?}");
    let listed = stage.run(&["orders"]).ends_with(0);
    let rows: Vec<&str> = listed.stdout.lines().collect();
    assert!(rows[0].starts_with("ORDER") && rows[1].starts_with("B1 "), "{listed:?}");
    let early = stage.run(&["ack", "B1"]).ends_with(1);
    assert!(early.stderr.contains("not final") && early.stderr.contains("tail --order B1"));

    let report = &stage.run(&["cancel", "B1", "--json"]).ends_with(0).json()[0];
    assert_eq!(report["order_id"], "B1");
    stage.run(&["cancel", "B1", "--wait"]).ends_with(10);
    assert_eq!(stage.listed("unacked").len(), 1, "cancel does not acknowledge");
    stage.run(&["ack", "B1"]).ends_with(0);
    stage.run(&["ack", "B1", "--json"]).ends_with(0);
    assert!(stage.listed("unacked").is_empty());
}

#[test]
fn without_ack_a_result_stays_until_somebody_takes_it() {
    let stage = Stage::new();
    stage.sandbox.scenario("success");
    stage.pay("C1", &["--no-ack"]).ends_with(0);
    assert_eq!(stage.listed("unacked")[0]["order_id"], "C1");

    let mut tail = stage.spawn(&["tail", "--json"]);
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    // What the platform has switched on may come first.
    let mut orders =
        lines.by_ref().map(|line| -> Value { serde_json::from_str(&line.unwrap()).unwrap() });
    let first = orders.find(|line| line["event"] != "profile").unwrap();
    assert_eq!((&first["event"], &first["order_id"]), (&"order.paid".into(), &"C1".into()));
    stage.run(&["ack", "C1"]).ends_with(0);

    stage.sandbox.scenario("success");
    stage.pay("C2", &[]).ends_with(0);
    let mut names = Vec::new();
    while names.last().is_none_or(|name| name != "order.paid") {
        let line: Value = serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap();
        if line["order_id"] == "C2" {
            names.push(line["event"].as_str().unwrap().to_owned());
        }
    }
    assert!(names.contains(&"order.qr".into()), "{names:?}");
    drop(lines);
    // The next line finds nobody that reads it.
    stage.sandbox.scenario("success");
    stage.pay("C3", &[]).ends_with(0);
    let ended = until("tail to end", || tail.try_wait().unwrap());
    assert_eq!(ended.code(), Some(0));
    assert_eq!(end(tail).stderr.lines().count(), 1);
}

#[test]
fn refusals_say_what_to_do() {
    let stage = Stage::new();
    stage.pay("D1", &["--timeout", "1"]).ends_with(13);
    let conflict =
        stage.run(&["pay", "--order", "D1", "--title", "60 gems", "--amount", "700", "--json"]);
    let error: Value = serde_json::from_str(conflict.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((conflict.exit, &error["error"]["name"]), (1, &"CONFLICT".into()));
    assert!(error["error"]["next"].as_str().unwrap().contains("take a new one"));
    for args in [&["query", "nobody"][..], &["cancel", "nobody"], &["ack", "nobody", "1"]] {
        let done = stage.run(args).ends_with(1);
        assert!(done.stderr.contains("NOT_FOUND") && done.stderr.contains("orders"), "{done:?}");
    }
    let denied = stage.run(&["orders", "--app-key", "99999999"]).ends_with(1);
    assert!(denied.stderr.contains("DENIED") && denied.stderr.contains("uids"), "{denied:?}");
}

#[test]
fn rpc_is_the_protocol_by_hand() {
    let stage = Stage::new();
    let status = &stage.run(&["rpc", "status"]).ends_with(0).json()[0];
    assert_eq!(status["environment"], "sandbox");
    let params = r#"{"order_id":"E1","title":"60 gems","amount_fen":600}"#;
    let made = &stage.run(&["rpc", "pay", params]).ends_with(0).json()[0];
    assert_eq!((&made["order_id"], &made["state"]), (&"E1".into(), &"created".into()));
    let free = r#"{"order_id":"E2","title":"60 gems","amount_fen":0}"#;
    let refused = stage.run(&["rpc", "pay", free]);
    assert!(refused.exit != 0 && refused.stderr.contains("amount_fen"), "{refused:?}");
    let misspelt = stage.run(&["rpc", "pya"]).ends_with(2);
    assert!(misspelt.stderr.contains("pya"), "{misspelt:?}");
}

#[test]
fn interrupts_cancel_first_and_leave_second() {
    let mut stage = Stage::new();
    let signals = [("F0", libc::SIGHUP), ("F1", libc::SIGINT), ("F2", libc::SIGTERM)];
    for (order_id, how) in signals {
        let child = stage.spawn(&pay(order_id));
        stage.await_state(order_id, "pending");
        signal(&child, how);
        let done = end(child).ends_with(10);
        assert!(done.stdout.contains("order.cancelled"), "{done:?}");
    }
    let child = stage.spawn(&pay("F3"));
    stage.await_state("F3", "pending");
    stage.sandbox.stop();
    signal(&child, libc::SIGINT);
    stage.await_state("F3", "closing");
    signal(&child, libc::SIGINT);
    let done = end(child).ends_with(13);
    assert!(done.stderr.contains("alitv-pay query F3"), "{done:?}");
}

#[test]
fn a_restarted_daemon_does_not_disturb_a_payment() {
    let mut stage = Stage::new();
    let child = stage.spawn(&pay("G1"));
    stage.await_state("G1", "pending");
    stage.daemon.kill();
    stage.daemon = stage.tv.start();
    stage.sandbox.phone("G1", "pay");
    let done = end(child).ends_with(0);
    assert!(done.stderr.contains("went away") && done.stdout.contains("order.paid"), "{done:?}");
}

#[test]
fn money_that_went_back_before_it_was_told_is_refunded() {
    let mut stage = Stage::new();
    let child = stage.spawn(&pay("R1"));
    stage.await_state("R1", "pending");
    stage.daemon.kill();
    stage.sandbox.phone("R1", "pay");
    stage.sandbox.phone("R1", "refund");
    stage.daemon = stage.tv.start();
    assert!(end(child).ends_with(14).stdout.contains("order.refunded"));
}

#[test]
fn a_result_that_nobody_could_read_is_not_acknowledged() {
    let stage = Stage::new();
    stage.sandbox.scenario("success");
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut command = stage.command(&pay("H1"));
    let output = command.stdout(Stdio::from(OwnedFd::from(writer))).output().unwrap();
    let done = Done::from(output).ends_with(0);
    assert!(done.stderr.contains("alitv-pay ack H1"), "{done:?}");
    assert_eq!(stage.listed("unacked")[0]["order_id"], "H1");
}

#[test]
fn the_daemon_is_a_command_as_well() {
    let stage = Stage::new();
    let help = alitv_pay(&["daemon", "--help"]).output().unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains("--config"));
    let config = stage.tv.config.to_str().unwrap();
    let check = Done::from(alitv_pay(&["daemon", "--config", config, "--check"]).output().unwrap());
    assert!(check.ends_with(0).stdout.contains("is good"));
    let second = Done::from(alitv_pay(&["daemon", "--config", config]).output().unwrap());
    assert_eq!(second.exit, 75, "the journal is locked: {second:?}");
}

#[test]
fn the_sandbox_writes_a_configuration_that_a_daemon_runs_by() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("dev.toml");
    let mut sandbox = Process::spawn(
        alitv_pay(&["sandbox", "--port", "0", "--scenario", "success", "--daemon-config"])
            .arg(&config)
            .stderr(Stdio::null()),
    );
    until("the configuration", || config.exists().then_some(()));
    let socket = dir.path().join("alitv-pay.sock");
    let mut daemon =
        Process::spawn(alitv_pay(&["daemon", "--config"]).arg(&config).stderr(Stdio::null()));
    until("the daemon's socket", || std::os::unix::net::UnixStream::connect(&socket).ok());
    let mut command = alitv_pay(&pay("K1"));
    command.arg("--socket").arg(&socket).args(["--app-key", "23012345"]);
    Done::from(command.output().unwrap()).ends_with(0);
    assert_eq!(daemon.terminate(), 0);
    assert_eq!(sandbox.terminate(), 0);
}
