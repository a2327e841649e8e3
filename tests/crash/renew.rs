//! SIGKILL in a run that takes the charges of a subscription: at every write and sync of the
//! ledger, and at every request, before it arrives and before it is answered. The next run
//! goes on; in the end each charge was taken once, and its goods are owed once.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::sync::Arc;

use alitv_pay::core::facts::Interval;
use alitv_pay::merchant::ledger::{GrantState, OrderState};

use crate::desk::Desk;
use crate::kit::{need, strace, sweep};
use crate::market::Market;

/// What SQLite and the lock do to the world, on the one thread that uses them. Requests have
/// threads of their own, which `strace` would count each for itself.
const CALLS: [&str; 6] =
    ["pwrite64", "fdatasync,fsync", "ftruncate", "unlink,unlinkat", "flock", "write"];

/// A subscription with two charges that are due.
fn due() -> Market {
    let (market, prices) = (Market::open(), [1_500, 1_600, 1_700]);
    market.sold("R", Interval::Month, &prices);
    market.agreed("R", Interval::Month, &prices);
    market.world.does("POST", "/advance", r#"{"by":"2mo"}"#);
    market
}

fn was_killed(status: ExitStatus) -> bool {
    status.signal() == Some(libc::SIGKILL) || status.code() == Some(128 + libc::SIGKILL)
}

/// Nothing twice, and no gap, at whatever moment somebody looks.
#[track_caller]
fn never_twice(market: &Market) {
    let charges = market.charges("R");
    let all = ["1 TRADE_SUCCESS", "2 TRADE_SUCCESS"];
    assert!(
        all.starts_with(&charges.iter().map(String::as_str).collect::<Vec<_>>()),
        "{charges:?}"
    );
}

/// The next run, which nothing kills, and what must be true behind it.
#[track_caller]
fn goes_on(market: &Market) {
    never_twice(market);
    market.desk.run(&["renew", "run", "--json"]).ends_with(0);
    assert_eq!(market.charges("R"), ["1 TRADE_SUCCESS", "2 TRADE_SUCCESS"]);
    for charge in ["R_r1", "R_r2"] {
        let entry = market.desk.entry(charge);
        assert_eq!(entry.state, OrderState::Paid, "{charge}");
        assert!(matches!(entry.grant, Some(GrantState::Due { .. })), "{charge}");
    }
    let idle = market.desk.run(&["renew", "run", "--json"]).ends_with(0);
    assert!(idle.stdout.is_empty(), "{idle:?}");
}

#[test]
fn a_run_dies_anywhere_in_its_ledger() {
    need("strace");
    let kills = sweep(&CALLS, |call, nth| {
        let market = due();
        let own = market.desk.command(&["renew", "run", "--json"]);
        let mut traced = Command::new("strace");
        traced.args(&strace(call, nth)[1..]).arg(own.get_program()).args(own.get_args());
        traced.current_dir(&market.desk.dir).env("ALITV_PAY_MERCHANT", &market.desk.config);
        let output = traced.output().unwrap();
        let killed = was_killed(output.status);
        assert!(killed || output.status.success(), "{call} {nth}: {output:?}");
        goes_on(&market);
        killed
    });
    println!("{kills} kills of a run");
    assert!(kills >= 30, "the sweep killed only {kills} times");
}

/// Stands between a run and the gateway, and kills the run at its `nth` request: before the
/// gateway has it, or before its answer comes back.
struct Between {
    url: String,
    run: Arc<AtomicI32>,
}

impl Between {
    fn new(gateway_url: &str, nth: usize, answered: bool) -> Between {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/router/rest", listener.local_addr().unwrap());
        let host =
            gateway_url.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
        let (run, seen) = (Arc::new(AtomicI32::new(0)), AtomicUsize::new(0));
        let victim = run.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let here = seen.fetch_add(1, Ordering::Relaxed) + 1 == nth;
                pass(
                    stream.unwrap(),
                    &host,
                    || {
                        if here {
                            // SAFETY: a signal to our own child, which was not waited for.
                            unsafe { libc::kill(victim.load(Ordering::Relaxed), libc::SIGKILL) };
                        }
                    },
                    answered,
                );
            }
        });
        Between { url, run }
    }
}

fn pass(mut stream: TcpStream, host: &str, kill: impl Fn(), answered: bool) {
    let request = whole(&mut stream);
    if !answered {
        kill();
    }
    let mut gateway = TcpStream::connect(host).unwrap();
    // A run that is dead may have sent it all the same.
    // The sandbox heeds the name by which it is called.
    let own = stream.local_addr().unwrap().to_string();
    let request = String::from_utf8(request).unwrap().replace(&own, host);
    gateway.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    gateway.read_to_end(&mut answer).unwrap();
    if answered {
        kill();
    }
    let _ = stream.write_all(&answer);
}

/// A request with its body.
fn whole(stream: &mut TcpStream) -> Vec<u8> {
    let (mut request, mut part) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request).to_ascii_lowercase();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
            let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
            if body.len() >= length {
                return request;
            }
        }
        let read = stream.read(&mut part).unwrap();
        assert!(read > 0, "a request is whole");
        request.extend_from_slice(&part[..read]);
    }
}

#[test]
fn a_run_dies_at_any_request() {
    let mut kills = 0;
    for answered in [false, true] {
        let clean = (1..50).find(|nth| {
            let market = due();
            let sandbox = &market.world.sandbox;
            let between = Between::new(&sandbox.gateway_url, *nth, answered);
            let app = &sandbox.apps[0];
            let desk = Desk::with(&market.desk.dir, &between.url, &app.app_key, &app.app_secret);
            let command = desk.command(&["renew", "run", "--json"]);
            // It begins once the other side knows whom to kill.
            let mut shell = Command::new("sh");
            shell.args(["-c", "read go && exec \"$0\" \"$@\""]);
            shell.arg(command.get_program()).args(command.get_args());
            shell.current_dir(&desk.dir).env("ALITV_PAY_MERCHANT", &desk.config);
            shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
            let mut child = shell.spawn().unwrap();
            between.run.store(child.id() as i32, Ordering::Relaxed);
            child.stdin.take().unwrap().write_all(b"go\n").unwrap();
            let status = child.wait().unwrap();
            let killed = was_killed(status);
            assert!(killed || status.success(), "{nth}: {status:?}");
            Desk::with(&market.desk.dir, &sandbox.gateway_url, &app.app_key, &app.app_secret);
            goes_on(&market);
            kills += usize::from(killed);
            !killed
        });
        clean.expect("a run without a kill");
    }
    println!("{kills} kills at requests");
    assert!(kills >= 10, "only {kills} kills");
}
