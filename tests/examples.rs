//! The programs of `c-examples`, each against a real daemon and the sandbox.

mod stage;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Output, Stdio};
use std::sync::mpsc::{channel, Receiver};

use minreq::Method::{Get, Post};
use serde_json::{json, Value};
use stage::{example, Rpc, Sandbox, TvBox, PATIENCE};

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

/// An example that goes on while the test does something.
struct Running {
    child: Child,
    lines: Receiver<String>,
    stdin: Option<ChildStdin>,
}

impl Running {
    fn start(tv: &TvBox, name: &str, args: &[&str]) -> Running {
        let mut child = Command::new(example(name))
            .args(args)
            .env("ALITV_PAY_SOCKET", &tv.socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| send.send(line))
        });
        let stdin = child.stdin.take();
        Running { child, lines, stdin }
    }

    /// The next line that begins so.
    #[track_caller]
    fn says(&self, begin: &str) -> String {
        let mut said = Vec::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no line begins with {begin:?}: {said:?}"));
            if line.starts_with(begin) {
                return line;
            }
            said.push(line);
        }
    }

    #[track_caller]
    fn ends(&mut self, wanted: i32) {
        let status = stage::until("the example to end", || self.child.try_wait().unwrap());
        assert_eq!(status.code(), Some(wanted), "{:?}", self.lines.iter().collect::<Vec<_>>());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The phone signs in and says yes to the newest attempt.
fn phone_signs_in(sandbox: &Sandbox, user: &str) {
    stage::until("an attempt", || {
        let attempts = sandbox.control(Get, "/auth", Value::Null)["attempts"].clone();
        attempts[0]["state"].as_str().filter(|state| *state != "granted").map(drop)
    });
    sandbox.control(Post, "/auth/latest/login", json!({ "user": user }));
    let attempt = sandbox.control(Get, "/auth/latest", Value::Null);
    if attempt["state"] != "granted" {
        sandbox.control(Post, "/auth/latest/authorise", json!({ "profile": true }));
    }
}

/// The same without an example that asks for it.
fn signed_in(sandbox: &Sandbox, tv: &TvBox, user: &str) -> Rpc {
    let mut rpc = tv.connect();
    rpc.ok("auth", json!({}));
    phone_signs_in(sandbox, user);
    stage::until("the player to be signed in", || {
        (rpc.ok("auth.state", json!({}))["state"] == "authorised").then_some(())
    });
    rpc
}

#[test]
fn account_signs_in_changes_the_player_and_signs_out() {
    let (_dir, sandbox, tv) = stage("success");
    let _daemon = tv.start();
    let mut first = Running::start(&tv, "account", &[]);
    assert!(first.says("scan to sign in: ").contains("HTTP://"));
    phone_signs_in(&sandbox, "100001");
    first.says("signed in 100001");
    assert_eq!(first.says("player"), "player 100001 小明 Ming, 500 points");
    first.ends(0);

    let known = "signed in 100001\nplayer 100001 小明 Ming, 500 points\n";
    assert_eq!(run(&tv, "account", &[]), (0, known.into()));
    let mut change = Running::start(&tv, "account", &["change"]);
    change.says("scan to sign in: ");
    phone_signs_in(&sandbox, "100003");
    change.says("player 100003");
    change.ends(0);

    assert_eq!(run(&tv, "account", &["logout"]), (0, "signed out\n".into()));
    let mut given_up = Running::start(&tv, "account", &[]);
    given_up.says("scan to sign in: ");
    sandbox.control(Post, "/auth/latest/deny", json!({}));
    given_up.says("gave up");
    given_up.ends(1);
}

#[test]
fn subscribe_sells_the_first_month() {
    let (dir, _sandbox, tv) = stage("success");
    let _daemon = tv.start();
    let goods = dir.path().join("goods.txt");
    let url = "https://merchant.example/notify";
    let args = [goods.to_str().unwrap(), "S1", url, "600", "600", "500"];
    let (exit, said) = run(&tv, "subscribe", &args);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("paid S1, 600 fen every month"), "{said}");
    assert_eq!(fs::read_to_string(&goods).unwrap(), "S1 VIP for a month\n");
    let many = [&args[..], &["1"; 10]].concat();
    let (exit, said) = run(&tv, "subscribe", &many);
    assert!(exit == 2 && said.contains("allowed are 1 to 12 by month"), "{said}");
}

#[test]
fn lottery_lists_and_draws_each_id_once() {
    let (dir, sandbox, tv) = stage("success");
    let _daemon = tv.start();
    let goods = dir.path().join("goods.txt");
    let goods = goods.to_str().unwrap();
    let (exit, said) = run(&tv, "lottery", &[]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("DAILY_SIGN") && said.contains(": free, 0 points a draw"), "{said}");
    let (exit, said) = run(&tv, "lottery", &[goods, "draw-0", "DAILY_SIGN"]);
    assert!(exit == 2 && said.contains("not drawn draw-0: ALITV_E_UNAUTHORIZED"), "{said}");

    let mut rpc = signed_in(&sandbox, &tv, "100002");
    let (exit, said) = run(&tv, "lottery", &[goods, "draw-1", "LUCKY_WHEEL"]);
    assert!(exit == 2 && said.contains("POINTS_NOT_ENOUGH"), "{said}");
    assert_eq!(run(&tv, "lottery", &[goods, "draw-2", "SUMMER_2016"]).0, 1);
    let mut won = 0;
    for n in 3..6 {
        let (id, again) = (format!("draw-{n}"), format!("draw-{n}"));
        let (exit, said) = run(&tv, "lottery", &[goods, &id, "DAILY_SIGN"]);
        assert!(exit == 0 || exit == 1, "{said}");
        won += 1 - exit;
        assert_eq!(run(&tv, "lottery", &[goods, &again, "DAILY_SIGN"]).0, exit, "told again");
    }
    let draws = sandbox.control(Get, "/draws", Value::Null)["draws"].as_array().unwrap().len();
    assert_eq!(draws, 5, "one for each id");
    let stored = fs::read_to_string(goods).unwrap_or_default();
    assert_eq!(stored.lines().count(), usize::try_from(won).unwrap(), "{stored}");
    stage::until("the acks", || {
        let left = &rpc.ok("watch", json!({}))["draws"];
        left.as_array().is_none_or(Vec::is_empty).then_some(())
    });
}

#[test]
fn gifts_takes_all_of_them_once() {
    let (dir, sandbox, tv) = stage("success");
    let _daemon = tv.start();
    let goods = dir.path().join("goods.txt");
    let (exit, said) = run(&tv, "gifts", &[goods.to_str().unwrap()]);
    assert!(exit == 2 && said.contains("ALITV_E_UNAUTHORIZED"), "{said}");
    let _rpc = signed_in(&sandbox, &tv, "100001");
    for _ in 0..2 {
        let (exit, said) = run(&tv, "gifts", &[goods.to_str().unwrap()]);
        assert_eq!(exit, 0, "{said}");
        let stored = fs::read_to_string(&goods).unwrap();
        let mut items: Vec<&str> =
            stored.lines().map(|line| line.split_once(' ').unwrap().1).collect();
        items.sort_unstable();
        assert_eq!(items, ["gems_100", "skin_dragon"]);
    }
    stage::until("the platform to know", || {
        let of_user = "/gifts?user=100001&state=pending";
        let left = sandbox.control(Get, of_user, Value::Null)["gifts"].clone();
        left.as_array().unwrap().is_empty().then_some(())
    });
}

#[test]
fn web_shows_a_page_until_the_player_closes_it() {
    let (_dir, sandbox, tv) = stage("success");
    let _daemon = tv.start();
    let mut page = Running::start(&tv, "web", &["custom", "level=3", "name=a b"]);
    let url = page.says("open ");
    assert!(url.contains("/h5/") && url.contains("level=3") && url.contains("name=a%20b"), "{url}");
    let (exit, said) = run(&tv, "web", &["start"]);
    assert!(exit == 2 && said.contains("ALITV_E_STATE"), "one page at a time: {said}");
    page.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    page.says("close, ALITV_OK");
    page.ends(0);
    // A browser that ends at once.
    let (exit, said) = run(&tv, "web", &["exit"]);
    assert!(exit == 0 && said.contains("close, ALITV_OK"), "{said}");
    drop(sandbox);
}

#[test]
fn resume_delivers_what_an_earlier_run_left() {
    let (dir, sandbox, tv) = stage("success");
    let goods = dir.path().join("goods.txt");
    {
        let _daemon = tv.start();
        let mut rpc = signed_in(&sandbox, &tv, "100001");
        rpc.pay("A1");
        rpc.await_state("A1", &["paid"]);
        let draw = json!({"draw_id": "draw-1", "event_key": "TREASURE_MAP"});
        let gift = rpc.ok("gift.list", json!({}))["gifts"][0]["gift_id"].clone();
        stage::until("the draw", || {
            let state = rpc.ok("lottery.draw", draw.clone())["state"].clone();
            ["won", "lost"].contains(&state.as_str().unwrap()).then_some(())
        });
        stage::until("the gift", || {
            let taken = rpc.ok("gift.take", json!({ "gift_id": gift }));
            (taken["state"] == "granted").then_some(())
        });
    } // the box loses its power
    let _daemon = tv.start();
    sandbox.scenario_of_all("manual");
    tv.connect().pay("A2");
    let (exit, said) = run(&tv, "resume", &[goods.to_str().unwrap()]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains("paid A1: 60 gems") && said.contains("granted gift-"), "{said}");
    assert!(said.contains("open: A2 "), "{said}");
    let stored = fs::read_to_string(&goods).unwrap();
    let won = usize::from(said.contains("won draw-1"));
    assert_eq!(stored.lines().count(), 2 + won, "{stored}");
    let (exit, said) = run(&tv, "resume", &[goods.to_str().unwrap()]);
    assert!(exit == 0 && said.lines().all(|line| line.starts_with("open: A2 ")), "{said}");
    assert_eq!(fs::read_to_string(&goods).unwrap(), stored);
}

#[test]
fn shop_buys_in_cpp() {
    let (dir, _sandbox, tv) = stage("success");
    let _daemon = tv.start();
    let goods = dir.path().join("goods.txt");
    let (exit, said) = run(&tv, "shop", &[goods.to_str().unwrap(), "A1", "600"]);
    assert_eq!(exit, 0, "{said}");
    assert!(said.contains('█') && said.contains("paid A1"), "{said}");
    assert_eq!(fs::read_to_string(&goods).unwrap(), "A1 60 gems\n");
    let (exit, said) = run(&tv, "shop", &[goods.to_str().unwrap(), "A2", "0"]);
    assert!(exit == 2 && said.contains("amount_fen"), "{said}");
}
