//! SIGKILL at every write, sync and rename: of the daemon in a payment, of the game while it
//! stores the goods, and of a game that carries the engine in itself. Whatever dies is started
//! again; in the end the order is paid, acked, and the goods are there once.

mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

use serde_json::json;
use stage::{example, until, Process, Sandbox, TvBox};

/// What changes the world outside the process. `strace` counts each call of each thread for
/// itself, so every one has a sweep of its own.
const DAEMON_CALLS: [&str; 6] =
    ["pwrite64", "fdatasync", "fsync", "rename,renameat,renameat2", "sendto,sendmsg", "write"];
const GAME_CALLS: [&str; 4] = ["write", "fsync", "rename,renameat,renameat2", "sendto,sendmsg"];

/// A sweep that never runs clean has found a daemon that never starts.
const KILLS_MAX: usize = 400;

fn need(tool: &str) {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
    assert!(found.is_ok(), "{tool} is missing: tools/needs installs it");
}

/// Wraps a command so that it dies at the `nth` of some calls.
fn strace(calls: &str, nth: usize) -> Vec<String> {
    // A call that this machine does not have is no reason to stop: `?`.
    let set: Vec<String> = calls.split(',').map(|call| format!("?{call}")).collect();
    let set = set.join(",");
    let words = ["strace", "-f", "-qqq", "-o", "/dev/null"].map(str::to_owned);
    let inject = format!("inject={set}:signal=SIGKILL:when={nth}");
    words.into_iter().chain(["-e".into(), format!("trace={set}"), "-e".into(), inject]).collect()
}

/// Runs `round(call, n)` for n = 1, 2, … of each call until one runs clean; some at a time.
fn sweep(calls: &[&str], round: impl Fn(&str, usize) -> bool + Sync) -> usize {
    let kills = AtomicUsize::new(0);
    let next = Mutex::new(calls.iter());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| loop {
                let Some(call) = next.lock().unwrap().next() else { return };
                let clean = (1..=KILLS_MAX).find(|n| {
                    let killed = round(call, *n);
                    kills.fetch_add(killed as usize, Ordering::Relaxed);
                    !killed
                });
                println!("{call}: {} kills", clean.expect("a clean run") - 1);
            });
        }
    });
    kills.into_inner()
}

fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// A stage for one sweep: one sandbox that pays by itself, and a directory for each round.
struct Sweep {
    dir: tempfile::TempDir,
    sandbox: Sandbox,
    rounds: AtomicUsize,
}

impl Sweep {
    fn new() -> Sweep {
        need("strace");
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(dir.path());
        sandbox.scenario_of_all("success");
        Sweep { dir, sandbox, rounds: AtomicUsize::new(0) }
    }

    /// A box of its own and an order number of its own.
    fn round(&self) -> (TvBox, String, PathBuf) {
        let n = self.rounds.fetch_add(1, Ordering::Relaxed);
        let dir = self.dir.path().join(n.to_string());
        fs::create_dir(&dir).unwrap();
        let tv = TvBox::new(&dir, &self.sandbox);
        (tv, format!("K{n}"), dir.join("goods.txt"))
    }
}

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

/// Stops a daemon that runs under strace, if it still does; its exit code.
fn end_of_traced(daemon: &mut Process) -> i32 {
    let children = format!("/proc/{0}/task/{0}/children", daemon.0.id());
    let pid = fs::read_to_string(children).ok().and_then(|text| text.trim().parse().ok());
    if let Some(pid) = pid {
        // SAFETY: a signal to a grandchild that its parent has not waited for.
        unsafe { libc::kill(pid, libc::SIGTERM) };
    }
    until("the daemon's end", || daemon.exit())
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
