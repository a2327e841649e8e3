//! What the sweeps have in common: strace kills, one stage for all rounds of a sweep.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Mutex;

use crate::stage::{until, Process, Sandbox, TvBox};

/// What changes the world outside the process. `strace` counts each call of each thread for
/// itself, so every one has a sweep of its own.
pub const DAEMON_CALLS: [&str; 6] =
    ["pwrite64", "fdatasync", "fsync", "rename,renameat,renameat2", "sendto,sendmsg", "write"];

/// A sweep that never runs clean has found a daemon that never starts.
const KILLS_MAX: usize = 400;

pub fn need(tool: &str) {
    let found = Command::new(tool).arg("--version").stdout(Stdio::null()).status();
    assert!(found.is_ok(), "{tool} is missing: tools/needs installs it");
}

/// Wraps a command so that it dies at the `nth` of some calls.
pub fn strace(calls: &str, nth: usize) -> Vec<String> {
    // A call that this machine does not have is no reason to stop: `?`.
    let set: Vec<String> = calls.split(',').map(|call| format!("?{call}")).collect();
    let set = set.join(",");
    let words = ["strace", "-f", "-qqq", "-o", "/dev/null"].map(str::to_owned);
    let inject = format!("inject={set}:signal=SIGKILL:when={nth}");
    words.into_iter().chain(["-e".into(), format!("trace={set}"), "-e".into(), inject]).collect()
}

/// Runs `round(call, n)` for n = 1, 2, … of each call until one runs clean; some at a time.
pub fn sweep(calls: &[&str], round: impl Fn(&str, usize) -> bool + Sync) -> usize {
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

pub fn lines(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// A stage for one sweep: one sandbox that pays by itself, and a directory for each round.
pub struct Sweep {
    dir: tempfile::TempDir,
    pub sandbox: Sandbox,
    rounds: AtomicUsize,
}

impl Sweep {
    pub fn new() -> Sweep {
        need("strace");
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(dir.path());
        sandbox.scenario_of_all("success");
        Sweep { dir, sandbox, rounds: AtomicUsize::new(0) }
    }

    /// A box of its own and an order number of its own.
    pub fn round(&self) -> (TvBox, String, PathBuf) {
        let n = self.rounds.fetch_add(1, Ordering::Relaxed);
        let dir = self.dir.path().join(n.to_string());
        fs::create_dir(&dir).unwrap();
        let tv = TvBox::new(&dir, &self.sandbox);
        (tv, format!("K{n}"), dir.join("goods.txt"))
    }
}

/// Stops a daemon that runs under strace, if it still does; its exit code.
pub fn end_of_traced(daemon: &mut Process) -> i32 {
    let children = format!("/proc/{0}/task/{0}/children", daemon.0.id());
    let pid = fs::read_to_string(children).ok().and_then(|text| text.trim().parse().ok());
    if let Some(pid) = pid {
        // SAFETY: a signal to a grandchild that its parent has not waited for.
        unsafe { libc::kill(pid, libc::SIGTERM) };
    }
    until("the daemon's end", || daemon.exit())
}
