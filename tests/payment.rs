//! A payment through every layer, with real processes: sandbox, daemon, socket.

mod stage;

use serde_json::json;
use stage::{Process, Rpc, Sandbox, TvBox};
use tempfile::TempDir;

/// Everything up and connected; what it holds ends with it, the game first.
struct Stage {
    game: Rpc,
    _daemon: Process,
    sandbox: Sandbox,
    _dir: TempDir,
}

impl Stage {
    fn set() -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(dir.path());
        let tv = TvBox::new(dir.path(), &sandbox);
        let daemon = tv.start();
        Stage { game: tv.connect(), _daemon: daemon, sandbox, _dir: dir }
    }
}

#[test]
fn paid_comes_until_it_is_acked() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(dir.path());
    let tv = TvBox::new(dir.path(), &sandbox);
    let mut daemon = tv.start();
    let mut game = tv.connect();
    game.ok("watch", json!({}));
    assert_eq!(game.pay("A1")["state"], "created");
    let pending = game.await_state("A1", &["pending"]);
    assert!(pending["qr_text"].as_str().unwrap().len() > 10, "{pending}");
    sandbox.phone("A1", "scan");
    game.await_state("A1", &["scanned"]);
    sandbox.phone("A1", "pay");
    let paid = game.await_state("A1", &["paid"]);
    assert_eq!(paid["amount_fen"], 600);

    // Not acked: it comes again to the next game, and after a restart of the daemon.
    let again = tv.connect().ok("watch", json!({}));
    assert_eq!(again["orders"][0]["state"], "paid");
    assert_eq!(daemon.terminate(), 0, "{}", tv.log());
    let mut daemon = tv.start();
    let mut game = tv.connect();
    let again = game.ok("watch", json!({}));
    assert_eq!(again["orders"][0]["sequence"], paid["sequence"]);
    game.ok("ack", json!({ "order_id": "A1", "sequence": paid["sequence"] }));
    assert_eq!(game.ok("orders", json!({}))["orders"], json!([]));
    assert_eq!(daemon.terminate(), 0, "{}", tv.log());
    let _daemon = tv.start();
    assert_eq!(tv.connect().ok("watch", json!({}))["orders"], json!([]));
}

#[test]
fn a_gateway_out_of_reach_makes_unknown_and_then_paid() {
    let Stage { mut sandbox, mut game, _daemon, _dir } = Stage::set();
    game.pay("A1");
    game.await_state("A1", &["pending"]);
    sandbox.stop();
    let unknown = game.await_state("A1", &["unknown", "failed", "cancelled", "expired"]);
    assert_eq!(unknown["state"], "unknown", "{unknown}");
    assert_eq!(unknown["result"], -3001, "{unknown}");
    sandbox.restart();
    sandbox.phone("A1", "pay");
    game.await_state("A1", &["paid"]);
}

#[test]
fn cancel_closes_the_code_and_paid_wins() {
    let Stage { sandbox, mut game, _daemon, _dir } = Stage::set();
    game.pay("A1");
    game.await_state("A1", &["pending"]);
    let closing = game.ok("cancel", json!({ "order_id": "A1" }));
    assert!(["closing", "cancelled"].contains(&closing["state"].as_str().unwrap()), "{closing}");
    game.await_state("A1", &["cancelled"]);

    sandbox.scenario("success_after_cancel");
    game.pay("A2");
    game.await_state("A2", &["pending", "scanned"]);
    game.ok("cancel", json!({ "order_id": "A2" }));
    game.await_state("A2", &["paid"]);
}

#[test]
fn answers_that_are_not_genuine_never_make_paid() {
    let Stage { sandbox, mut game, _daemon, _dir } = Stage::set();
    let scenarios = ["amount.mismatch", "order.mismatch", "gateway.badsign", "gateway.replay"];
    for (n, scenario) in scenarios.into_iter().enumerate() {
        let order_id = format!("A{n}");
        sandbox.scenario(scenario);
        game.pay(&order_id);
        let state = game.await_state(&order_id, &["unknown", "paid", "failed"]);
        assert_eq!(state["state"], "unknown", "{scenario}: {state}");
        assert_eq!(state["result"], -3003, "{scenario}: {state}");
    }
}

#[test]
fn an_order_that_runs_out_is_expired() {
    let Stage { sandbox, mut game, _daemon, _dir } = Stage::set();
    game.pay("A1");
    game.await_state("A1", &["pending"]);
    sandbox.control(minreq::Method::Post, "/advance", json!({ "seconds": 301 }));
    game.await_state("A1", &["expired"]);
}
