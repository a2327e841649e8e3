//! Compiling and running programs against the library of this very build.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where cargo puts the libraries of this very build: beside the test binary.
pub fn libraries() -> PathBuf {
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

pub fn compile(source: &Path, directory: &Path, is_static: bool) -> PathBuf {
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

pub fn link_shared(cc: &mut Command, directory: &Path) {
    let library = libraries().join("libalitv_pay.so");
    let soname = directory.join("libalitv_pay.so.0");
    if !soname.exists() {
        symlink(&library, soname).unwrap();
    }
    cc.arg(library).arg("-pthread").arg(format!("-Wl,-rpath,{}", directory.display()));
}

/// Runs a command to its end, which must be a good one and come in time.
pub fn finish(mut command: Command, limit: Duration) -> Output {
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

/// valgrind, if it is there: a program that leaks or reads what it may not ends badly.
pub fn valgrind() -> Option<Command> {
    let mut valgrind = Command::new("valgrind");
    if valgrind.arg("--version").output().is_err() {
        eprintln!("valgrind is not installed: not checked");
        return None;
    }
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--error-exitcode=9", "--leak-check=full"]);
    valgrind.arg("--errors-for-leak-kinds=definite,indirect,possible");
    Some(valgrind)
}
