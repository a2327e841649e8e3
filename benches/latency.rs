//! Round trips of the socket against a raw echo of the same run, and the way from the phone's
//! "pay" to the callback in a C program. Prints ratios; judges nothing. The journal is on
//! tmpfs where there is one, so that the numbers are about this program and not the disk.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;

#[path = "../tests/stage/mod.rs"]
mod stage;
use stage::{example, until, Process, Sandbox, TvBox};

/// Rounds of the three round trips, one after the other in turn, so that a machine that
/// changes its speed changes it for all of them.
const ROUNDS: usize = 9;
const STATUS_PER_ROUND: usize = 2_000;
/// Bounded by what an app may have open: apps × orders open / rounds.
const PAYS_PER_ROUND: usize = 50;
const APPS: usize = 60;
const PURCHASES: usize = 60;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("echo") {
        return echo();
    }
    let shm = Path::new("/dev/shm");
    let root = if shm.is_dir() { shm } else { Path::new("/tmp") };
    let dir = tempfile::tempdir_in(root).expect("a directory for the journal");
    println!("journal in {} (tmpfs: {})", root.display(), shm.is_dir());
    round_trips(dir.path());
    phone_to_callback(dir.path());
}

/// The other end of the baseline: reads what there is, writes it back.
fn echo() {
    let path = std::env::args().nth(2).expect("a path");
    let listener = UnixListener::bind(path).expect("bind");
    // The first connection only asks whether anybody listens.
    for stream in listener.incoming() {
        let mut stream = stream.expect("accept");
        let mut buffer = [0; 4096];
        while let Ok(n @ 1..) = stream.read(&mut buffer) {
            stream.write_all(&buffer[..n]).expect("write");
        }
    }
}

struct Line {
    read: BufReader<UnixStream>,
    write: UnixStream,
    answer: String,
}

impl Line {
    fn new(stream: UnixStream) -> Line {
        let write = stream.try_clone().expect("a second descriptor");
        Line { read: BufReader::new(stream), write, answer: String::new() }
    }

    fn round_trip(&mut self, request: &str) -> Duration {
        let start = Instant::now();
        self.write.write_all(request.as_bytes()).expect("write");
        self.answer.clear();
        self.read.read_line(&mut self.answer).expect("read");
        start.elapsed()
    }
}

fn round_trips(dir: &Path) {
    let echo_path = dir.join("echo.sock");
    let me = std::env::current_exe().expect("own path");
    let _echo = Process::spawn(Command::new(me).arg("echo").arg(&echo_path));
    let mut echo = Line::new(until("the echo", || UnixStream::connect(&echo_path).ok()));

    let tv = offline_box(dir);
    let _daemon = tv.start();
    let mut line = Line::new(UnixStream::connect(&tv.socket).expect("connect"));

    let status = "{\"id\":1,\"method\":\"status\"}\n";
    let (mut echo_times, mut status_times, mut pay_times) = (vec![], vec![], vec![]);
    line.round_trip(status);
    let payload = line.answer.clone();
    for round in 0..ROUNDS {
        for _ in 0..STATUS_PER_ROUND {
            echo_times.push(echo.round_trip(&payload));
            status_times.push(line.round_trip(status));
            assert!(line.answer.contains("result"), "{}", line.answer);
        }
        for n in 0..PAYS_PER_ROUND {
            let request = pay_line(round * PAYS_PER_ROUND + n);
            pay_times.push(line.round_trip(&request));
            assert!(line.answer.contains("created"), "{}", line.answer);
        }
    }
    println!("\nround trip                   p50 us   p99 us   p50 / echo   p99 / echo");
    let base = Row::new("raw Unix socket echo", &mut echo_times);
    base.print(&base);
    Row::new("status", &mut status_times).print(&base);
    Row::new("pay, accepted and durable", &mut pay_times).print(&base);
}

struct Row {
    name: &'static str,
    p50_ns: u128,
    p99_ns: u128,
}

impl Row {
    fn new(name: &'static str, samples: &mut [Duration]) -> Row {
        samples.sort();
        let at = |percent: usize| samples[(samples.len() - 1) * percent / 100].as_nanos();
        Row { name, p50_ns: at(50), p99_ns: at(99) }
    }

    fn print(&self, base: &Row) {
        let us = |ns: u128| format!("{}.{}", ns / 1_000, ns / 100 % 10);
        let ratio = |a: u128, b: u128| format!("{}.{:02}", a / b, a % b * 100 / b);
        println!(
            "{:<27}{:>8}{:>9}{:>13}{:>13}",
            self.name,
            us(self.p50_ns),
            us(self.p99_ns),
            ratio(self.p50_ns, base.p50_ns),
            ratio(self.p99_ns, base.p99_ns)
        );
    }
}

/// Many apps, so that many orders may be open, and a gateway that nobody listens on: the
/// orders stay where they were accepted.
fn offline_box(dir: &Path) -> TvBox {
    let apps: Vec<(String, String)> =
        (0..APPS).map(|n| (app_key(n), "0123456789abcdef0123456789abcdef".to_owned())).collect();
    TvBox::with_apps(dir, "http://127.0.0.1:9/router/rest", &apps)
}

fn app_key(n: usize) -> String {
    format!("9900{n:04}")
}

fn pay_line(n: usize) -> String {
    let params = json!({ "app_key": app_key(n % APPS), "order_id": format!("B{n}"),
        "title": "60 gems", "amount_fen": 600 });
    format!("{}\n", json!({ "id": 1, "method": "pay", "params": params }))
}

fn phone_to_callback(dir: &Path) {
    let dir = dir.join("phone");
    std::fs::create_dir(&dir).expect("a directory");
    let sandbox = Sandbox::start(&dir);
    let tv = TvBox::new(&dir, &sandbox);
    let _daemon = tv.start();
    let mut waits = Vec::new();
    for n in 0..PURCHASES {
        waits.push(one_purchase(&sandbox, &tv, &format!("P{n}")));
        // An app may start 30 orders a minute.
        std::thread::sleep(Duration::from_secs(2));
    }
    waits.sort();
    let at = |percent: usize| waits[(waits.len() - 1) * percent / 100].as_micros();
    println!("\nphone \"pay\" to callback in C ({PURCHASES} purchases, poll loop, held query)");
    println!("p50 {} us   p99 {} us   max {} us", at(50), at(99), at(100));
}

/// From the moment the phone's request leaves until the C program says that it was told.
fn one_purchase(sandbox: &Sandbox, tv: &TvBox, order_id: &str) -> Duration {
    let mut game = Command::new(example("poll_loop"))
        .env("ALITV_PAY_SOCKET", &tv.socket)
        .args([order_id, "600"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the C program starts");
    let mut lines = BufReader::new(game.stdout.take().expect("piped")).lines();
    let mut wait_for = |word: &str| {
        let said = lines.find(|line| line.as_ref().is_ok_and(|line| line.contains(word)));
        assert!(said.is_some(), "the program ended before it said {word:?}");
    };
    wait_for("qr");
    let start = Instant::now();
    sandbox.phone(order_id, "pay");
    wait_for("paid");
    let waited = start.elapsed();
    assert!(game.wait().expect("it ends").success());
    waited
}
