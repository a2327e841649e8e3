//! SIGKILL in a merchant's receiver, while it takes one notify and hands out the goods. It is
//! started again; in the end there is one grant, the goods were stored once, and `success` was
//! never said before the grant could survive.

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use alitv_pay::core::facts::OrderId;
use alitv_pay::limits::NOTIFY_COOL_DOWN_MS;
use alitv_pay::merchant::ledger::{Filter, GrantState, Ledger, NewOrder, OrderState, Which};
use alitv_pay::merchant::notify::{Limits, Receiver, Verdict};
use alitv_pay::merchant::top::{Ask, QueryOutcome};
use alitv_pay::money::Fen;
use alitv_pay::wire::keys::PrivateKey;
use alitv_pay::wire::notify::form;
use alitv_pay::wire::partner::{PartnerOrder, PartnerStatus};
use serde_json::Value;

use crate::kit::{lines, need, strace, sweep};

/// The order of the vector.
const ORDER_NO: &str = "1466394000000";
const NOW_MS: i64 = 1_466_395_200_000;
/// Names the directory to a process that is to be killed.
const CHILD: &str = "ALITV_PAY_TEST_MERCHANT";

/// What the receiver and SQLite do to the world. Each lock is one of SQLite's steps as well.
const CALLS: [&str; 7] = [
    "pwrite64",
    "fdatasync,fsync",
    "ftruncate",
    "link,linkat",
    "unlink,unlinkat",
    "write",
    "fcntl",
];

/// A platform that says "paid" and leaves a mark for each question.
struct Paid(PathBuf);

impl Ask for Paid {
    fn order_query(&self, order: &OrderId) -> QueryOutcome {
        append(&self.0, order.as_str());
        QueryOutcome::Order(PartnerOrder {
            partner_order_no: order.to_string(),
            alipay_trade_no: "2016062021001004340200123456".into(),
            order_status: PartnerStatus::TradeSuccess,
            price: Fen::new(200).unwrap(),
            subject: "2 yuan".into(),
            subject_id: String::new(),
            buyer_logon_id: "138****0000".into(),
        })
    }
}

fn append(path: &Path, line: &str) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
    file.sync_all().unwrap();
}

fn vector() -> (PrivateKey, String) {
    let all: Value = serde_json::from_str(include_str!("../vectors/notify.json")).unwrap();
    let key = all["keys"]["1024"]["private_pkcs8_pem"].as_str().unwrap();
    let named = |vector: &&Value| vector["name"] == "notify-4-fields-1024";
    let vector = all["vectors"].as_array().unwrap().iter().find(named).unwrap();
    (PrivateKey::read(key).unwrap(), form(vector["data_base64"].as_str().unwrap()))
}

/// The life of a receiver: a notify until it is answered `success`, as the platform sends it,
/// and the goods. Does nothing in a run of its own.
#[test]
fn child_that_takes_one_notify() {
    let Some(dir) = std::env::var_os(CHILD).map(PathBuf::from) else { return };
    let ledger = Arc::new(Ledger::open(&dir.join("ledger.sqlite")).unwrap());
    let order = NewOrder {
        order_no: OrderId::new(ORDER_NO).unwrap(),
        price_fen: Fen::new(200).unwrap(),
        subject: "2 yuan".into(),
        subject_id: None,
        plan: None,
        charge: None,
    };
    ledger.register(&order, NOW_MS).unwrap();
    let (key, query) = vector();
    let ask = Arc::new(Paid(dir.join("asked.txt")));
    let receiver = Receiver::new(key, ledger.clone(), ask, Limits::default());
    let platform = [127, 0, 0, 1].into();
    let mut now_ms = NOW_MS;
    while receiver.receive(platform, &query, "", now_ms) != Verdict::Success {
        now_ms += NOTIFY_COOL_DOWN_MS;
        receiver.tick(now_ms);
    }
    append(&dir.join("told.txt"), Verdict::Success.body());
    let goods = dir.join("goods.txt");
    for grant in ledger.due_grants(now_ms, 10).unwrap() {
        let name = grant.grant_id.to_string();
        if !lines(&goods).contains(&name) {
            append(&goods, &name);
        }
        ledger.delivered(&grant.grant_id, now_ms).unwrap();
    }
}

/// Runs the child; whether it was killed.
fn run(dir: &Path, wrapper: &[String]) -> bool {
    let test = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let own = [test, "--exact".into(), "notify::child_that_takes_one_notify".into()];
    let words: Vec<String> = wrapper.iter().cloned().chain(own).collect();
    let output = Command::new(&words[0]).args(&words[1..]).env(CHILD, dir).output().unwrap();
    let killed = output.status.signal() == Some(libc::SIGKILL)
        || output.status.code() == Some(128 + libc::SIGKILL);
    assert!(killed || output.status.success(), "{words:?}: {output:?}");
    killed
}

/// What must hold at any moment at which somebody may look.
#[track_caller]
fn promise_is_kept(dir: &Path) {
    if lines(&dir.join("told.txt")).is_empty() && lines(&dir.join("goods.txt")).is_empty() {
        return;
    }
    let ledger = Ledger::open(&dir.join("ledger.sqlite")).unwrap();
    let entry = ledger.find(&OrderId::new(ORDER_NO).unwrap()).unwrap().unwrap();
    assert_eq!(entry.state, OrderState::Paid, "success was said before the commit");
    assert!(entry.grant.is_some());
}

#[test]
fn the_receiver_dies_anywhere_in_a_notify() {
    need("strace");
    let dir = tempfile::tempdir().unwrap();
    let rounds = AtomicUsize::new(0);
    let kills = sweep(&CALLS, |call, nth| {
        let round = dir.path().join(rounds.fetch_add(1, Ordering::Relaxed).to_string());
        fs::create_dir(&round).unwrap();
        let killed = run(&round, &strace(call, nth));
        promise_is_kept(&round);
        assert!(!run(&round, &[]), "nothing kills the second run");
        promise_is_kept(&round);
        let ledger = Ledger::open(&round.join("ledger.sqlite")).unwrap();
        let all = ledger.list(&Filter::newest(Which::All, 10)).unwrap();
        assert_eq!(all.len(), 1, "{call} {nth}");
        let delivered = matches!(all[0].grant, Some(GrantState::Delivered { .. }));
        assert!(all[0].state == OrderState::Paid && delivered, "{call} {nth}: {all:?}");
        let goods = lines(&round.join("goods.txt"));
        assert_eq!(goods, [format!("grant-{ORDER_NO}")], "{call} {nth}");
        let asked = lines(&round.join("asked.txt")).len();
        assert!((1..=2).contains(&asked), "{call} {nth}: {asked} questions");
        killed
    });
    println!("{kills} kills of the receiver");
    assert!(kills >= 60, "the sweep killed only {kills} times");
}

/// The commit is on the device, and not only in the kernel, when `success` leaves.
#[test]
fn success_is_written_behind_the_sync_of_the_ledger() {
    need("strace");
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace.txt");
    let words = ["strace", "-f", "-qqq", "-y", "-e", "trace=pwrite64,write,fdatasync,fsync", "-o"];
    let mut wrapper: Vec<String> = words.map(str::to_owned).to_vec();
    wrapper.push(trace.to_str().unwrap().to_owned());
    assert!(!run(dir.path(), &wrapper));
    let trace = lines(&trace);
    let said = trace.iter().position(|line| line.contains("told.txt") && line.contains("success"));
    let before = &trace[..said.expect("success was said")];
    let ledger = |line: &&String| line.contains("ledger.sqlite");
    let last = before.iter().rev().filter(ledger).find(|line| !line.contains(" resumed>"));
    let synced = |line: &str| line.contains("fdatasync(") || line.contains("fsync(");
    assert!(synced(last.expect("the ledger was written")), "{last:?}");
    let written = before.iter().filter(|line| line.contains("pwrite64(")).count();
    assert!(written >= 3, "{written} writes of the ledger");
}
