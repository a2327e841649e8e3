//! SIGKILL in a payment: of the daemon, of the game while it stores the goods, and of a game
//! that carries the engine in itself. Whatever dies is started again; in the end the order is
//! paid, acked, and the goods are there once.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::kit::{end_of_traced, lines, strace, sweep, Sweep, DAEMON_CALLS};
use crate::stage::{example, until, Process, TvBox};

const GAME_CALLS: [&str; 4] = ["write", "fsync", "rename,renameat,renameat2", "sendto,sendmsg"];

fn game(config: &str, tv: &TvBox, goods: &Path, order_id: &str, wrapper: &[String]) -> Process {
    let program = example("minimal").to_str().unwrap().to_owned();
    let mut words = wrapper.to_vec();
    words.extend([program, config.into(), goods.to_str().unwrap().into(), order_id.into()]);
    let log = fs::OpenOptions::new().create(true).append(true).open(tv.dir.join("game.log"));
    Process::spawn(
        Command::new(&words[0])
            .args(&words[1..])
            .env("ALITV_PAY_SOCKET", &tv.socket)
            .stdout(log.unwrap()),
    )
}

#[track_caller]
fn settled(tv: &TvBox, goods: &Path, order_id: &str) {
    let mut rpc = tv.connect();
    until("the ack", || {
        let orders = rpc.ok("orders", json!({ "which": "all" }))["orders"].clone();
        assert_eq!(orders.as_array().unwrap().len(), 1, "{orders}");
        assert_eq!(orders[0]["state"], "paid", "{orders}");
        (orders[0]["acked"] == true).then_some(())
    });
    assert_eq!(lines(goods), [format!("{order_id} 60 gems")]);
}

#[test]
fn the_daemon_dies_anywhere_in_a_payment() {
    let sweep_ = Sweep::new();
    let kills = sweep(&DAEMON_CALLS, |call, nth| {
        let (tv, order_id, goods) = sweep_.round();
        let wrapper = strace(call, nth);
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        let mut daemon = tv.start_under(&wrapper);
        let mut game = game("-", &tv, &goods, &order_id, &[]);
        let mut killed = false;
        let exit = until("the game's end", || {
            if !killed && daemon.exit().is_some() {
                killed = true;
                daemon = tv.start();
            }
            game.exit()
        });
        assert_eq!(exit, 0, "{call} {nth}: {}", tv.log());
        if !killed {
            // The end of the daemon is part of its life.
            killed = end_of_traced(&mut daemon) != 0;
            daemon = tv.start();
        }
        settled_or_bought_again(&tv, &goods, &order_id);
        assert_eq!(daemon.terminate(), 0, "{}", tv.log());
        killed
    });
    println!("{kills} kills of the daemon");
    assert!(kills >= 20, "the sweep killed only {kills} times");
}

/// An ack that died on its way is given again by the next run of the game.
fn settled_or_bought_again(tv: &TvBox, goods: &Path, order_id: &str) {
    let orders = tv.connect().ok("orders", json!({}))["orders"].clone();
    if orders != json!([]) {
        let mut again = game("-", tv, goods, order_id, &[]);
        assert_eq!(until("the second game's end", || again.exit()), 0);
    }
    settled(tv, goods, order_id);
}

#[test]
fn the_game_dies_anywhere_in_its_callback() {
    let sweep_ = Sweep::new();
    let kills = sweep(&GAME_CALLS, |call, nth| {
        let (tv, order_id, goods) = sweep_.round();
        let _daemon = tv.start();
        let mut first = game("-", &tv, &goods, &order_id, &strace(call, nth));
        let killed = until("the game's end", || first.exit()) != 0;
        if killed {
            let mut second = game("-", &tv, &goods, &order_id, &[]);
            assert_eq!(until("the second game's end", || second.exit()), 0, "{call} {nth}");
        }
        settled(&tv, &goods, &order_id);
        killed
    });
    println!("{kills} kills of the game");
    assert!(kills >= 5, "the sweep killed only {kills} times");
}

#[test]
fn a_game_with_the_engine_inside_dies_anywhere() {
    let sweep_ = Sweep::new();
    let calls = ["pwrite64", "fdatasync", "fsync", "rename,renameat,renameat2"];
    let kills = sweep(&calls, |call, nth| {
        let (tv, order_id, goods) = sweep_.round();
        let config = tv.config.to_str().unwrap();
        let mut first = game(config, &tv, &goods, &order_id, &strace(call, nth));
        let killed = until("the game's end", || first.exit()) != 0;
        if killed {
            let mut second = game(config, &tv, &goods, &order_id, &[]);
            assert_eq!(until("the second game's end", || second.exit()), 0, "{call} {nth}");
        }
        // The daemon reads the journal that the game left.
        let _daemon = tv.start();
        settled_or_bought_again(&tv, &goods, &order_id);
        killed
    });
    println!("{kills} kills of the game with its engine");
    assert!(kills >= 10, "the sweep killed only {kills} times");
}
