//! The C ABI as a game sees it: each program of `tests/c` is compiled against the header and
//! the library that this test run has built, and run with an engine at the other end.
#![cfg(feature = "client")]

mod build;
#[path = "../fake/mod.rs"]
mod fake;
mod plays;
mod wrapper;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use build::{compile, finish, libraries, valgrind, ROOT};
use fake::{Fake, Manners};
use serde_json::json;

fn program(name: &str, directory: &Path) -> PathBuf {
    compile(Path::new(&format!("{ROOT}/tests/c/{name}.c")), directory, false)
}

fn command(program: &Path, fake: &Fake) -> Command {
    let mut command = Command::new(program);
    command.env("ALITV_PAY_SOCKET", &fake.path);
    command
}

fn run(name: &str, manners: Manners, prepare: impl FnOnce(&Fake)) {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start_with(directory.path(), manners);
    prepare(&fake);
    finish(command(&program(name, directory.path()), &fake), Duration::from_secs(120));
}

fn pays() -> Manners {
    Manners { pays_at_once: true, ..Manners::default() }
}

#[test]
fn misuse() {
    run("misuse", Manners::default(), |_| {});
}

#[test]
fn events() {
    run("events", pays(), |fake| fake.put("left", json!({})));
}

#[test]
fn callbacks() {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start_with(directory.path(), pays());
    for state in ["failed", "refunded", "expired", "cancelled"] {
        let result = if state == "failed" { -3002 } else { 0 };
        fake.put(state, json!({"state": state, "sequence": 7, "result": result}));
    }
    fake.put("conflict", json!({}));
    finish(command(&program("callbacks", directory.path()), &fake), Duration::from_secs(120));
    // The last ack is on its way when the client is destroyed.
    fake.wait_for("ack", 6);
    for id in ["failed", "refunded", "expired", "cancelled", "A", "B"] {
        let until = Instant::now() + Duration::from_secs(30);
        while fake.order(id).unwrap()["acked"] != true {
            assert!(Instant::now() < until, "{id} was not acked");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn offline() {
    run("offline", Manners::default(), |_| {});
}

#[test]
fn sigpipe() {
    run("sigpipe", Manners { die_on: Some("status"), ..Manners::default() }, |_| {});
}

#[test]
fn counts() {
    run("counts", Manners::default(), |_| {});
}

#[test]
fn wakeup() {
    run("wakeup", Manners::default(), |_| {});
}

#[test]
fn threads() {
    run("threads", Manners::default(), |_| {});
}

#[test]
fn fork() {
    run("fork", Manners::default(), |_| {});
}

#[cfg(feature = "sandbox")]
#[test]
fn embedded() {
    use alitv_pay::sandbox::{self, Scenario};
    let directory = tempfile::tempdir().unwrap();
    let sandbox = sandbox::start(sandbox::Options::default()).unwrap();
    sandbox.play_next(Scenario::try_from("success".to_owned()).unwrap()).unwrap();
    let mut command = Command::new(program("embedded", directory.path()));
    command.env("TEST_GATEWAY_URL", &sandbox.gateway_url);
    command.env("TEST_APP_KEY", &sandbox.apps[0].app_key);
    command.env("TEST_APP_SECRET", &sandbox.apps[0].app_secret);
    command.env("TEST_JOURNAL_DIR", directory.path().join("journal"));
    finish(command, Duration::from_secs(120));
    sandbox.stop();
}

/// The program in the header's first comment is what people copy.
#[test]
fn the_program_of_the_manual() {
    let header = std::fs::read_to_string(format!("{ROOT}/include/alitv_pay.h")).unwrap();
    let begin = header.find(" *   #include \"alitv_pay.h\"").unwrap();
    let end = begin + header[begin..].find("\n *\n *   cc pay.c").unwrap();
    let source: String = header[begin..end]
        .lines()
        .map(|line| line.strip_prefix(" *   ").or(line.strip_prefix(" *")).unwrap())
        .map(|line| format!("{line}\n"))
        .collect();
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start_with(directory.path(), pays());
    let file = directory.path().join("manual.c");
    std::fs::write(&file, source).unwrap();
    let program = compile(&file, directory.path(), true);
    let output = finish(command(&program, &fake), Duration::from_secs(60));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("paid 600 fen for 60 gems: deliver order "), "{text}");
}

/// valgrind sees what no assertion does: reads of freed events, leaks, uninitialised bytes.
#[test]
fn valgrind_finds_nothing() {
    let Some(mut valgrind) = valgrind() else { return };
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start_with(directory.path(), pays());
    fake.put("left", json!({}));
    valgrind.arg(program("events", directory.path())).env("ALITV_PAY_SOCKET", &fake.path);
    finish(valgrind, Duration::from_secs(300));
}

#[test]
fn the_shared_library_exports_our_names_only() {
    let library = libraries().join("libalitv_pay.so");
    let mut nm = Command::new("nm");
    nm.args(["-D", "--defined-only"]).arg(&library);
    let output = finish(nm, Duration::from_secs(60));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut exported: Vec<&str> =
        text.lines().map(|line| line.split_whitespace().last().unwrap()).collect();
    let header = std::fs::read_to_string(format!("{ROOT}/include/alitv_pay.h")).unwrap();
    let declared = header.split("extern \"C\" {").nth(1).unwrap();
    let mut names: Vec<&str> = declared
        .lines()
        .filter(|line| !line.trim_start().starts_with('*'))
        .filter_map(|line| line.split_once('('))
        .filter_map(|(before, _)| before.rsplit([' ', '*']).next())
        .filter(|name| name.starts_with("alitv_"))
        .collect();
    exported.sort_unstable();
    names.sort_unstable();
    assert_eq!(exported, names);

    let mut readelf = Command::new("readelf");
    readelf.arg("-d").arg(library);
    let output = finish(readelf, Duration::from_secs(60));
    assert!(String::from_utf8_lossy(&output.stdout).contains("[libalitv_pay.so.0]"));
}
