//! The C ABI as a game sees it: each program of `tests/c` is compiled against the header and
//! the library that this test run has built, and run with an engine at the other end.
#![cfg(feature = "client")]

mod fake;

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use fake::{Fake, Manners};
use serde_json::json;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where cargo puts the libraries of this very build: beside the test binary.
fn libraries() -> PathBuf {
    let here = std::env::current_exe().unwrap();
    let directory = here.parent().unwrap().to_owned();
    for name in ["libalitv_pay.so", "libalitv_pay.a"] {
        let file = directory.join(name);
        assert!(file.exists(), "{} is missing: cargo builds it with the tests", file.display());
    }
    directory
}

/// What `rustc --print native-static-libs` says for the static library.
const NATIVE: [&str; 7] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc"];

fn compile(source: &Path, directory: &Path, is_static: bool) -> PathBuf {
    let program = directory.join(source.file_stem().unwrap());
    let mut cc = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".into()));
    cc.args(["-std=gnu11", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]);
    cc.arg("-I").arg(format!("{ROOT}/include")).arg("-I").arg(format!("{ROOT}/tests/c"));
    cc.arg("-o").arg(&program).arg(source);
    if is_static {
        cc.arg(libraries().join("libalitv_pay.a")).args(NATIVE);
    } else {
        link_shared(&mut cc, directory);
    }
    finish(cc, Duration::from_secs(300));
    program
}

fn link_shared(cc: &mut Command, directory: &Path) {
    let library = libraries().join("libalitv_pay.so");
    let soname = directory.join("libalitv_pay.so.0");
    if !soname.exists() {
        symlink(&library, soname).unwrap();
    }
    cc.arg(library).arg("-pthread").arg(format!("-Wl,-rpath,{}", directory.display()));
}

/// Runs a command to its end, which must be a good one and come in time.
fn finish(mut command: Command, limit: Duration) -> Output {
    use std::process::Stdio;
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(|error| {
            panic!("{command:?}: {error}");
        });
    let until = Instant::now() + limit;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > until {
            child.kill().unwrap();
            panic!("{command:?} did not end in time: {:?}", child.wait_with_output());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

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

/// The C++ wrapper in every dialect, with and without exceptions.
#[test]
fn the_wrapper_in_every_dialect() {
    let there = |compiler: &&str| Command::new(compiler).arg("--version").output().is_ok();
    let exceptions: [&[&str]; 3] =
        [&[], &["-fno-exceptions", "-fno-rtti"], &["-DALITV_EXCEPTIONS"]];
    for compiler in ["g++", "clang++"].into_iter().filter(there) {
        for standard in ["-std=c++11", "-std=c++14", "-std=c++17", "-std=c++20"] {
            for flags in exceptions {
                run_wrapper(compiler, &[&[standard], flags].concat());
            }
        }
    }
}

fn run_wrapper(compiler: &str, flags: &[&str]) {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start_with(directory.path(), pays());
    fake.put("left", json!({}));
    let program = directory.path().join("wrapper");
    let mut cc = Command::new(compiler);
    cc.args(["-g", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"]).args(flags);
    cc.arg("-I").arg(format!("{ROOT}/include")).arg("-o").arg(&program);
    cc.arg(format!("{ROOT}/tests/cpp/wrapper.cpp"));
    link_shared(&mut cc, directory.path());
    finish(cc, Duration::from_secs(300));
    finish(command(&program, &fake), Duration::from_secs(120));
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
    if Command::new("valgrind").arg("--version").output().is_err() {
        eprintln!("valgrind is not installed: not checked");
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start_with(directory.path(), pays());
    fake.put("left", json!({}));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--error-exitcode=9", "--leak-check=full"]);
    valgrind.arg("--errors-for-leak-kinds=definite,indirect,possible");
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
