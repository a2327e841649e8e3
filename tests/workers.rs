//! The threads that wait for the gateway: one reply for each call, bounds on both, and no
//! call in the way of one that a person waits for.
#![cfg(any(feature = "engine", feature = "os-roots"))]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use alitv_pay::core::call::{Ask, Call, CallNo, Doubt, DoubtKind, Reply};
use alitv_pay::core::code::{Code, Refusal};
use alitv_pay::core::facts::{AppKey, Facts, OrderId};
use alitv_pay::gateway::workers::Workers;
use alitv_pay::gateway::{Gateway, HttpAnswer, HttpMethod, HttpRequest, Prepared, Transport};
use alitv_pay::limits::{CALLS_QUEUED_MAX, LOOKUP_WORKERS, WORKERS};
use alitv_pay::money::Fen;

/// Sends the call's order id; what comes back is a code with the answer's body.
struct Echo;

impl Gateway for Echo {
    fn name(&self) -> &'static str {
        "echo"
    }

    fn check(&self, _: &Facts) -> Result<(), Refusal> {
        Ok(())
    }

    fn encode(&self, call: &Call, server_ms: i64) -> Result<Prepared, Refusal> {
        let body = match &call.ask {
            Ask::Probe => "probe".to_owned(),
            Ask::Precreate(facts) | Ask::Close(facts) | Ask::Query { facts, .. } => {
                facts.order_id.to_string()
            }
            Ask::AuthApply { attempt } | Ask::AuthCancel { attempt } => attempt.clone(),
            Ask::AuthQuery { attempt, .. } => format!("query {attempt}"),
            other => format!("{other:?}"),
        };
        if body == "refused" {
            return Err(Refusal::new(Code::DENIED, "not this one"));
        }
        let url = server_ms.to_string();
        let request = HttpRequest { method: HttpMethod::Post, url, body, deadline_s: 1 };
        Ok(Prepared { request, nonce: String::new() })
    }

    fn decode(&self, _: &Call, _: &Prepared, answer: &HttpAnswer) -> Reply {
        assert_ne!(answer.body, "panics", "as the test wants it");
        Reply::Shown { qr_text: answer.body.clone(), expires_s: 1, server_ms: None }
    }
}

/// Answers at once, or each request only when the test lets it.
struct Line {
    running: AtomicUsize,
    most: AtomicUsize,
    started: Mutex<Vec<String>>,
    gate: Option<Mutex<Receiver<()>>>,
}

impl Line {
    fn new(gate: Option<Receiver<()>>) -> Arc<Line> {
        Arc::new(Line {
            running: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            started: Mutex::default(),
            gate: gate.map(Mutex::new),
        })
    }

    fn started(&self) -> Vec<String> {
        self.started.lock().unwrap().clone()
    }
}

impl Transport for Line {
    fn send(&self, request: &HttpRequest) -> Result<HttpAnswer, Doubt> {
        let running = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(running, Ordering::SeqCst);
        self.started.lock().unwrap().push(request.body.clone());
        if let Some(gate) = &self.gate {
            let _ = gate.lock().unwrap().recv();
        }
        self.running.fetch_sub(1, Ordering::SeqCst);
        match request.body.as_str() {
            "signals" => Ok(HttpAnswer { body: blocked_signals() }),
            body => Ok(HttpAnswer { body: body.to_owned() }),
        }
    }
}

fn blocked_signals() -> String {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    status.lines().find_map(|line| line.strip_prefix("SigBlk:\t")).unwrap().to_owned()
}

fn call(ask: fn(Arc<Facts>) -> Ask, order_id: &str) -> Call {
    let app_key = AppKey::new("23012345").unwrap();
    let facts = Facts {
        app_key: app_key.clone(),
        order_id: OrderId::new(order_id).unwrap(),
        title: "x".into(),
        amount_fen: Fen::new(1).unwrap(),
        subject_id: None,
        notify_url: None,
        expires_s: None,
        renewal: None,
        user_id: None,
    };
    Call { app_key, session: None, ask: ask(Arc::new(facts)) }
}

fn query(facts: Arc<Facts>) -> Ask {
    Ask::Query { facts, wait_s: 0 }
}

struct Bench {
    workers: Workers,
    line: Arc<Line>,
    wakes: Receiver<()>,
    gate: Sender<()>,
}

fn bench(gated: bool) -> Bench {
    let (wake, wakes) = channel();
    let (gate, gates) = channel();
    let line = Line::new(gated.then_some(gates));
    let wake = Mutex::new(wake);
    let wake = Arc::new(move || {
        let _ = wake.lock().unwrap().send(());
    });
    Bench { workers: Workers::new(Arc::new(Echo), line.clone(), wake), line, wakes, gate }
}

impl Bench {
    /// Waits for so many replies, woken as the owner would be.
    fn replies(&self, count: usize) -> Vec<(CallNo, Reply)> {
        let mut replies = Vec::new();
        while replies.len() < count {
            self.wakes.recv_timeout(Duration::from_secs(20)).expect("a wake for each reply");
            replies.extend(self.workers.take());
        }
        replies
    }

    fn until_started(&self, count: usize) {
        let began = Instant::now();
        while self.line.started().len() < count {
            assert!(began.elapsed() < Duration::from_secs(20), "{:?}", self.line.started());
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

#[test]
fn every_call_has_one_reply_under_its_number() {
    let bench = bench(false);
    for round in 0..20 {
        for number in 0..10 {
            bench.workers.submit(round * 10 + number, call(query, &format!("A{number}")), 7);
        }
        let replies = bench.replies(10);
        for (number, reply) in &replies {
            let qr_text = format!("A{}", number % 10);
            assert_eq!(*reply, Reply::Shown { qr_text, expires_s: 1, server_ms: None });
        }
        let numbers: BTreeSet<_> = replies.iter().map(|reply| reply.0).collect();
        assert_eq!(
            numbers.into_iter().collect::<Vec<_>>(),
            (round * 10..round * 10 + 10).collect::<Vec<_>>()
        );
    }
    assert!(bench.workers.take().is_empty());
    assert!(bench.line.most.load(Ordering::SeqCst) <= WORKERS);
}

#[test]
fn a_full_queue_and_a_refused_call_are_in_doubt_at_once() {
    let bench = bench(true);
    for number in 0..WORKERS {
        bench.workers.submit(number as CallNo, call(query, "A"), 0);
        bench.until_started(number + 1);
    }
    for number in 0..CALLS_QUEUED_MAX {
        bench.workers.submit(100 + number as CallNo, call(query, "B"), 0);
    }
    assert!(bench.workers.take().is_empty());
    bench.workers.submit(999, call(Ask::Close, "C"), 0);
    let replies = bench.replies(1);
    assert_eq!(replies[0].0, 999);
    assert!(matches!(&replies[0].1, Reply::InDoubt(doubt) if doubt.kind == DoubtKind::Network));
    assert_eq!(bench.line.most.load(Ordering::SeqCst), WORKERS);
    for _ in 0..WORKERS + CALLS_QUEUED_MAX {
        bench.gate.send(()).unwrap();
    }
    bench.replies(WORKERS + CALLS_QUEUED_MAX);
    bench.workers.submit(1_000, call(query, "refused"), 0);
    let replies = bench.replies(1);
    assert!(matches!(&replies[0].1, Reply::InDoubt(doubt) if doubt.detail == "not this one"));
}

#[test]
fn what_a_person_waits_for_goes_before_the_rest() {
    let bench = bench(true);
    for number in 0..WORKERS {
        bench.workers.submit(number as CallNo, call(query, "busy"), 0);
        bench.until_started(number + 1);
    }
    let attempt = || "A".to_owned();
    let asked = [
        call(query, "Q").ask,
        Ask::Profile,
        Ask::AuthQuery { attempt: attempt(), wait_s: 0 },
        Ask::SignOut,
        call(Ask::Precreate, "P").ask,
        call(Ask::Close, "C").ask,
        Ask::AuthApply { attempt: attempt() },
        Ask::UserInfo,
        Ask::Gifts,
    ];
    let count = asked.len();
    for (number, ask) in asked.into_iter().enumerate() {
        bench.workers.submit(10 + number as CallNo, Call { ask, ..call(query, "x") }, 0);
    }
    for done in 1..=count {
        bench.gate.send(()).unwrap();
        bench.until_started(WORKERS + done);
    }
    let expected = ["P", "C", "A", "Q", "Profile", "query A", "SignOut", "UserInfo", "Gifts"];
    assert_eq!(bench.line.started()[WORKERS..], expected);
    (0..WORKERS).for_each(|_| bench.gate.send(()).unwrap());
    bench.replies(WORKERS + count);
}

#[test]
fn a_panic_is_one_reply_in_doubt_and_no_lost_thread() {
    let bench = bench(false);
    for number in 0..3 * WORKERS as CallNo {
        bench.workers.submit(number, call(query, "panics"), 0);
    }
    for (_, reply) in bench.replies(3 * WORKERS) {
        assert!(matches!(reply, Reply::InDoubt(_)), "{reply:?}");
    }
    bench.workers.submit(99, call(query, "fine"), 0);
    assert!(matches!(bench.replies(1)[0].1, Reply::Shown { .. }));
}

#[test]
fn signals_stay_away_from_workers() {
    let before = blocked_signals();
    let bench = bench(false);
    bench.workers.submit(1, call(query, "signals"), 0);
    let reply = bench.replies(1).remove(0).1;
    let Reply::Shown { qr_text, .. } = reply else { panic!("{reply:?}") };
    let blocked = u64::from_str_radix(&qr_text, 16).unwrap();
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGALRM, libc::SIGCHLD, libc::SIGUSR1] {
        assert_ne!(blocked & 1 << (signal - 1), 0, "signal {signal} in {qr_text}");
    }
    assert_eq!(blocked_signals(), before, "the owner's own mask is as it was");
}

#[test]
fn nothing_is_said_after_the_end() {
    let Bench { workers, line, wakes, gate } = bench(true);
    workers.submit(1, call(query, "A"), 0);
    let began = Instant::now();
    while line.started().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(20));
        std::thread::sleep(Duration::from_millis(2));
    }
    drop(workers);
    gate.send(()).unwrap();
    // The worker lets go of the wake closure when it ends, and so of the sender.
    let ended = wakes.recv_timeout(Duration::from_secs(20));
    assert_eq!(ended, Err(std::sync::mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn look_ups_leave_workers_and_places_to_payments() {
    let bench = bench(true);
    let look_up = |number| {
        bench.workers.submit(number, Call { ask: Ask::Gifts, ..call(query, "x") }, 0);
    };
    (0..CALLS_QUEUED_MAX as CallNo).for_each(look_up);
    bench.until_started(LOOKUP_WORKERS);
    bench.workers.submit(900, call(Ask::Precreate, "P"), 0);
    bench.until_started(LOOKUP_WORKERS + 1);
    assert_eq!(bench.line.started()[LOOKUP_WORKERS], "P");
    assert!(bench.workers.take().is_empty(), "a worker and a place were free for it");
    for _ in 0..=CALLS_QUEUED_MAX {
        bench.gate.send(()).unwrap();
    }
    bench.replies(CALLS_QUEUED_MAX + 1);
    // Two look-ups at a time, and one payment.
    assert!(bench.line.most.load(Ordering::SeqCst) <= LOOKUP_WORKERS + 1);
}
