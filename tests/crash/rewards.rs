//! SIGKILL of the daemon while a user signs in, draws, and takes a gift. The game is this test:
//! it comes back to whatever daemon there is, asks for the same again, stores what it was
//! given and acks it. In the end the points were spent once, and the gift was given once.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use minreq::Method;
use serde_json::{json, Value};

use crate::kit::{end_of_traced, strace, sweep, Sweep, DAEMON_CALLS};
use crate::stage::{until, Sandbox, TvBox};

const USER: &str = "100003";
const ACTIVITY: &str = "LUCKY_WHEEL";

/// A connection that may end at any moment: then everything is `None`.
struct Talk {
    read: BufReader<UnixStream>,
    write: UnixStream,
    events: Vec<Value>,
}

impl Talk {
    fn open(tv: &TvBox) -> Option<Talk> {
        let write = UnixStream::connect(&tv.socket).ok()?;
        write.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let read = BufReader::new(write.try_clone().unwrap());
        Some(Talk { read, write, events: Vec::new() })
    }

    fn line(&mut self) -> Option<Value> {
        let mut line = String::new();
        let count = self.read.read_line(&mut line).ok()?;
        (count > 0).then(|| serde_json::from_str(&line).ok())?
    }

    /// The result. A refusal means that the daemon could not store it, and is about to die.
    fn call(&mut self, method: &str, params: Value) -> Option<Value> {
        let request = json!({ "id": 1, "method": method, "params": params });
        self.write.write_all(format!("{request}\n").as_bytes()).ok()?;
        loop {
            let mut line = self.line()?;
            if line["method"].is_null() {
                return Some(line["result"].take()).filter(|result| !result.is_null());
            }
            self.events.push(line["params"].take());
        }
    }

    fn event(&mut self) -> Option<Value> {
        if !self.events.is_empty() {
            return Some(self.events.remove(0));
        }
        Some(self.line()?["params"].take())
    }
}

/// One player's game: what it wants, and what it has stored.
struct Game<'a> {
    sandbox: &'a Sandbox,
    draw_id: String,
    gift_id: String,
    goods: BTreeSet<String>,
    acked: BTreeSet<String>,
}

impl Game<'_> {
    /// Plays until everything is stored and acked. `None`: the daemon has gone.
    fn play(&mut self, tv: &TvBox) -> Option<()> {
        let mut talk = Talk::open(tv)?;
        let snapshot = talk.call("watch", json!({}))?;
        self.sign_in(&mut talk)?;
        if !self.is_done() {
            let draw = json!({ "draw_id": self.draw_id, "event_key": ACTIVITY });
            let drawn = talk.call("lottery.draw", draw)?;
            let taken = talk.call("gift.take", json!({ "gift_id": self.gift_id }))?;
            let listed = |name: &str| snapshot[name].as_array().cloned().unwrap_or_default();
            for report in listed("draws").into_iter().chain(listed("gifts")) {
                self.take_in(&mut talk, &report)?;
            }
            self.take_in(&mut talk, &drawn)?;
            self.take_in(&mut talk, &taken)?;
        }
        while !self.is_done() {
            let event = talk.event()?;
            self.take_in(&mut talk, &event)?;
        }
        Some(())
    }

    fn sign_in(&self, talk: &mut Talk) -> Option<()> {
        let mut account = talk.call("auth", json!({}))?;
        while account["state"] != "authorised" {
            let auth = &account["auth"];
            match auth["phase"].as_str() {
                Some("code") => {
                    let path = format!("/auth/{}/authorise", auth["attempt"].as_str().unwrap());
                    self.sandbox.control(Method::Post, &path, json!({ "user": USER }));
                }
                Some("cancelled" | "failed") => panic!("{account}"),
                _ => {}
            }
            account = talk.event()?;
            while account["kind"] != "account" {
                account = talk.event()?;
            }
        }
        Some(())
    }

    /// Stores what a final report gives, then acks it.
    fn take_in(&mut self, talk: &mut Talk, report: &Value) -> Option<()> {
        let id = ["draw_id", "id"].into_iter().find_map(|name| report[name].as_str());
        let Some(id) = id.map(str::to_owned) else { return Some(()) };
        match report["state"].as_str() {
            Some("won" | "granted") => drop(self.goods.insert(id.clone())),
            Some("lost") => {}
            Some("failed") => panic!("{report}"),
            _ => return Some(()),
        }
        talk.call("ack", json!({ "order_id": id, "sequence": report["sequence"] }))?;
        self.acked.insert(id);
        Some(())
    }

    fn is_done(&self) -> bool {
        self.acked.len() == 2
    }

    /// What the Ali side has in its books.
    fn settled(&self, tv: &TvBox) {
        let gift =
            || self.sandbox.control(Method::Get, &format!("/gifts/{}", self.gift_id), json!({}));
        until("the gift to be marked", || (gift()["state"] == "activated").then_some(()));
        assert!(self.goods.contains(&format!("gift-{}", self.gift_id)));
        let draws = self.sandbox.control(Method::Get, "/draws?limit=100", json!({}));
        let draws = draws["draws"].as_array().unwrap().clone();
        let ours: Vec<&Value> = draws.iter().filter(|d| d["draw_id"] == *self.draw_id).collect();
        assert_eq!(ours.len(), 1, "{draws:?}");
        assert_eq!(ours[0]["state"] == "won", self.goods.contains(&self.draw_id), "{ours:?}");
        let status = tv.connect().ok("status", json!({}));
        assert_eq!((&status["orders_open"], &status["orders_unacked"]), (&json!(0), &json!(0)));
    }
}

fn points(sandbox: &Sandbox) -> i64 {
    let user = sandbox.control(Method::Get, &format!("/users/{USER}"), json!({}));
    user["points"].as_i64().unwrap()
}

#[test]
fn the_daemon_dies_anywhere_while_somebody_signs_in_draws_and_takes_a_gift() {
    let sweep_ = Sweep::new();
    let sandbox = &sweep_.sandbox;
    let app_key = sandbox.app_key().to_owned();
    sandbox.control(Method::Patch, &format!("/users/{USER}"), json!({ "points": 100_000 }));
    let rounds = std::sync::atomic::AtomicI64::new(0);
    let kills = sweep(&DAEMON_CALLS, |call, nth| {
        let (tv, number, _) = sweep_.round();
        rounds.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let gift = json!({ "app_key": app_key, "user_id": USER, "cp_item_id": "sword" });
        let gift = sandbox.control(Method::Post, "/gifts", gift);
        let mut game = Game {
            sandbox,
            draw_id: format!("draw-{number}"),
            gift_id: gift["gift_id"].as_str().unwrap().to_owned(),
            goods: BTreeSet::new(),
            acked: BTreeSet::new(),
        };
        let wrapper = strace(call, nth);
        let wrapper: Vec<&str> = wrapper.iter().map(String::as_str).collect();
        let mut daemon = tv.start_under(&wrapper);
        let mut killed = false;
        until("the game to be done", || {
            if daemon.exit().is_some() {
                assert!(!killed, "{}", tv.log());
                killed = true;
                daemon = tv.start();
            }
            game.play(&tv)
        });
        if !killed {
            killed = end_of_traced(&mut daemon) != 0;
            daemon = tv.start();
        }
        game.settled(&tv);
        assert_eq!(daemon.terminate(), 0, "{}", tv.log());
        killed
    });
    println!("{kills} kills of the daemon");
    assert!(kills >= 20, "the sweep killed only {kills} times");
    let spent = 100_000 - points(sandbox);
    assert_eq!(spent, 50 * rounds.into_inner(), "every draw was paid for once");
}
