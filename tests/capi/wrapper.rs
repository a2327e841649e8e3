//! `alitv_pay.hpp`.

use std::process::Command;
use std::time::Duration;

use serde_json::json;

use super::build::{finish, link_shared, ROOT};
use super::fake::Fake;
use super::{command, pays};

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
