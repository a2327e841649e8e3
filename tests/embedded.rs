//! The engine inside this process: one for each journal, shared and counted.

mod common;

use std::fs;
use std::path::Path;

use alitv_pay::core::code::{Code, Refusal};
use alitv_pay::daemon::config::{App, Config, Log};
use alitv_pay::daemon::embedded::{spawn, Handle};
use alitv_pay::gateway::Environment;
use alitv_pay::store::{Journal, OpenError, RealDisk};
use alitv_pay::wire::secret::Secret;
use common::*;

/// A gateway at a port where nothing listens: orders are accepted and stay open.
fn config(journal: &Path, secret: &str) -> Config {
    Config {
        environment: Environment::Sandbox,
        journal: journal.to_owned(),
        socket: None,
        allow_http: true,
        url: "http://127.0.0.1:9/router/rest".into(),
        qr_hosts: vec![],
        device_id: None,
        log: Log::default(),
        apps: vec![App {
            app_key: app("23012345"),
            app_secret: Secret::new(secret).unwrap(),
            uids: vec![],
            token: None,
        }],
    }
}

fn open(journal: &Path) -> Result<(Peer, Handle), Refusal> {
    spawn(config(journal, "secret")).map(|(stream, handle)| (Peer::new(stream), handle))
}

/// Whether somebody has the journal.
fn is_open(journal: &Path) -> bool {
    matches!(Journal::open(RealDisk::open(journal).unwrap(), "sandbox"), Err(OpenError::Locked))
}

#[test]
fn two_clients_of_a_journal_share_an_engine() {
    let dir = tempfile::tempdir().unwrap();
    let journal = dir.path().join("new/journal");
    let (mut one, first) = open(&journal).unwrap();
    let (mut two, second) = open(&dir.path().join("new/../new/journal")).unwrap();
    two.ask(r#"{"id":1,"method":"watch"}"#);
    assert_eq!(one.ask(&pay_line("A1"))["result"]["state"], "created");
    assert_eq!(two.event(|event| event["order_id"] == "A1")["state"], "created");

    drop((one, first));
    assert!(two.ask(&pay_line("A1"))["result"].is_object(), "the engine goes on");
    assert!(is_open(&journal));
    drop(second);
    assert_eq!(two.line(), None);
    assert!(!is_open(&journal));

    let (mut again, _handle) = open(&journal).unwrap();
    let orders = again.ask(r#"{"id":1,"method":"watch"}"#)["result"]["orders"].take();
    assert_eq!(orders[0]["order_id"], "A1");
}

#[test]
fn another_secret_or_gateway_is_a_conflict() {
    let dir = tempfile::tempdir().unwrap();
    let (_peer, handle) = open(dir.path()).unwrap();
    let refusal = spawn(config(dir.path(), "other")).err().unwrap();
    assert_eq!(refusal.code, Code::CONFLICT);
    assert!(!refusal.message.contains("secret\""), "{refusal}");
    let mut moved = config(dir.path(), "secret");
    moved.url = "http://127.0.0.1:10/router/rest".into();
    assert_eq!(spawn(moved).err().unwrap().code, Code::CONFLICT);
    drop(handle);
    assert!(spawn(config(dir.path(), "other")).is_ok());
}

#[test]
fn a_journal_in_use_elsewhere_is_locked_and_a_bad_configuration_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let disk = RealDisk::open(dir.path()).unwrap();
    let _elsewhere = Journal::open(disk, "sandbox").unwrap();
    assert_eq!(open(dir.path()).err().unwrap().code, Code::LOCKED);

    type Spoil = fn(&mut Config);
    let cases: [(Code, &str, Spoil); 6] = [
        (Code::CONFIG, "app", |config| config.apps.clear()),
        (Code::CONFIG, "journal", |config| config.journal = "relative".into()),
        (Code::CONFIG, "allow_http", |config| config.environment = Environment::Production),
        (Code::CONFIG, "alitv.url", |config| config.url = "nonsense".into()),
        (Code::CONFIG, "alitv.url", |config| config.allow_http = false),
        (Code::STORAGE, "journal", |config| config.journal = "/dev/null/x".into()),
    ];
    let other = tempfile::tempdir().unwrap();
    for (code, named, spoil) in cases {
        let mut spoilt = config(other.path(), "secret");
        spoil(&mut spoilt);
        let refusal = spawn(spoilt).err().expect(named);
        assert_eq!(refusal.code, code, "{refusal}");
        assert!(refusal.message.starts_with(named), "{refusal}");
    }
}

#[test]
fn nothing_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let count = || fs::read_dir("/proc/self/fd").unwrap().count();
    drop(open(dir.path()).unwrap());
    let before = count();
    for _ in 0..20 {
        let (mut peer, handle) = open(dir.path()).unwrap();
        assert!(peer.ask(r#"{"id":7,"method":"status"}"#)["result"].is_object());
        drop((peer, handle));
    }
    // Calls that were on their way end a little later; other tests come and go.
    assert!(count() < before + 40, "{before} became {}", count());
    assert!(!is_open(dir.path()));
}
