//! `docs/integration.md` and its Chinese edition, as they are written: the C blocks are one
//! program that is compiled and run, the socket lines are played, and every name in the tables
//! is one that exists.
#![cfg(all(feature = "cli", feature = "sandbox"))]

mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use alitv_pay::core::code::TABLE;
use alitv_pay::ipc::proto::METHODS;
use serde_json::{json, Value};
use stage::{until, Sandbox, TvBox};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const EDITIONS: [&str; 2] = ["docs/integration.md", "docs/integration.zh-CN.md"];

fn read(file: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(file)).unwrap()
}

/// The fenced blocks of one language, in their order, as one text.
fn blocks(file: &str, language: &str) -> String {
    let text = read(file);
    let fence = format!("```{language}\n");
    let blocks: Vec<&str> =
        text.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(blocks.len() >= 5, "{file} has {} blocks of {language}", blocks.len());
    blocks.join("\n")
}

fn compile(file: &str, directory: &Path) -> PathBuf {
    let source = directory.join("game.c");
    fs::write(&source, blocks(file, "c")).unwrap();
    stage::compile_c(&source, directory, "c99")
}

/// The program without its comments and without the blanks that align them.
fn bare(file: &str) -> Vec<String> {
    let text = blocks(file, "c");
    let mut parts = text.split("/*");
    let mut code = parts.next().unwrap().to_owned();
    parts.for_each(|part| code += part.split_once("*/").unwrap().1);
    code.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn both_editions_have_the_same_program_and_the_same_lines() {
    assert_eq!(bare(EDITIONS[0]), bare(EDITIONS[1]));
    assert_eq!(blocks(EDITIONS[0], "jsonl"), blocks(EDITIONS[1], "jsonl"));
}

/// Rows of the table under the heading that has this number.
fn table(file: &str, section: u32) -> Vec<Vec<String>> {
    let text = read(file);
    let rest = text.split(&format!("\n## {section}. ")).nth(1).unwrap();
    let section = rest.split("\n## ").next().unwrap();
    let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = |row: &str| row.split('|').map(|cell| cell.trim().to_owned()).collect();
    rows.map(cells).collect()
}

/// What stands between backquotes.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

#[test]
fn the_table_names_what_there_is_and_all_of_it() {
    let header = read("include/alitv_pay.h");
    for file in EDITIONS {
        let rows = table(file, 1);
        let numbers: Vec<u32> = rows.iter().filter_map(|row| row[1].parse().ok()).collect();
        assert_eq!(numbers, (1..=19).collect::<Vec<u32>>(), "{file}");
        let mut methods = Vec::new();
        for row in &rows {
            let [_, _, java, c, callbacks, socket, command, _] = &row[..] else {
                panic!("{file}: {row:?}")
            };
            for name in names(c).filter(|name| name.starts_with("alitv_")) {
                assert!(header.contains(&format!("{name}(")), "{file}, {java}: {name}");
            }
            for name in names(c).filter(|name| name.starts_with("ALITV_")) {
                assert!(header.contains(&format!("#define {name} ")), "{file}, {java}: {name}");
            }
            for name in names(callbacks) {
                assert!(header.contains(&format!("(*{name})(")), "{file}, {java}: {name}");
            }
            methods.extend(names(socket).filter(|name| METHODS.contains(name)).map(str::to_owned));
            for words in names(command) {
                let output = Command::new(env!("CARGO_BIN_EXE_alitv-pay"))
                    .args(words.split(' ').chain(["--help"]))
                    .output()
                    .unwrap();
                assert!(output.status.success(), "{file}, {java}: {words}");
            }
        }
        let left_out: Vec<&&str> =
            METHODS.iter().filter(|method| !methods.iter().any(|m| m == *method)).collect();
        assert_eq!(left_out, [&"unwatch"], "{file}");
    }
}

#[test]
fn the_errors_are_those_of_the_code() {
    for file in EDITIONS {
        let rows = table(file, 11);
        assert!(rows.len() > 20, "{file}");
        for row in rows {
            let mut known = TABLE.iter().map(|(code, name, _)| (code.0.to_string(), *name));
            assert!(known.any(|(code, name)| code == row[1] && name == row[2]), "{file}: {row:?}");
        }
    }
}

#[test]
fn links_lead_somewhere() {
    for file in EDITIONS {
        let text = read(file);
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(Path::new(ROOT).join("docs").join(link).exists(), "{file}: {link}");
        }
    }
}

#[test]
fn the_program_compiles_without_a_warning() {
    let directory = tempfile::tempdir().unwrap();
    for file in EDITIONS {
        compile(file, directory.path());
    }
}

/// Whether `actual` has all that `expected` has; "…" at the end of a text stands for any rest.
fn fits(expected: &Value, actual: &Value) -> bool {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => expected
            .iter()
            .all(|(name, value)| actual.get(name).is_some_and(|found| fits(value, found))),
        (Value::Array(expected), Value::Array(actual)) => {
            expected.len() == actual.len()
                && expected.iter().zip(actual).all(|(expected, actual)| fits(expected, actual))
        }
        (Value::String(expected), Value::String(actual)) => match expected.strip_suffix('…') {
            Some(start) => actual.starts_with(start),
            None => expected == actual,
        },
        _ => expected == actual,
    }
}

fn act(sandbox: &Sandbox, action: &str) {
    match action.split(' ').collect::<Vec<_>>()[..] {
        ["user", "signs", "in"] => sandbox.sign_in(sandbox.app_key(), "100001"),
        ["phone", "pays", order_id] => sandbox.phone(order_id, "pay"),
        _ => panic!("who does {action:?}?"),
    }
}

/// Events that the guide leaves out may stand between its lines.
#[test]
fn the_socket_lines_are_true() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(dir.path());
    let tv = TvBox::new(dir.path(), &sandbox);
    let _daemon = tv.start();
    let mut rpc = tv.connect();
    until("the platform to say which pages there are", || {
        rpc.call("profile", json!({}))["error"].is_null().then_some(())
    });
    let mut played = 0;
    for line in blocks(EDITIONS[0], "jsonl").lines() {
        if let Some(request) = line.strip_prefix("-> ") {
            rpc.write_line(request);
        } else if let Some(action) = line.strip_prefix("@ ") {
            act(&sandbox, action);
        } else if let Some(expected) = line.strip_prefix("<- ") {
            let expected: Value = serde_json::from_str(expected).unwrap();
            let mut actual = rpc.line();
            while actual["method"].is_string() && !fits(&expected, &actual) {
                actual = rpc.line();
            }
            assert!(fits(&expected, &actual), "{line}\n{actual}");
            played += 1;
        } else {
            assert_eq!(line, "");
        }
    }
    assert!(played > 10);
}

#[test]
fn the_program_does_what_it_says() {
    for file in EDITIONS {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(dir.path());
        sandbox.scenario_of_all("success");
        let tv = TvBox::new(dir.path(), &sandbox);
        let _daemon = tv.start();
        let mut game = Command::new(compile(file, dir.path()))
            .env("ALITV_PAY_SOCKET", &tv.socket)
            .stdin(Stdio::null())
            .stdout(fs::File::create(dir.path().join("said")).unwrap())
            .spawn()
            .unwrap();
        let said = || fs::read_to_string(dir.path().join("said")).unwrap();
        sandbox.await_sign_in(sandbox.app_key());
        sandbox.sign_in(sandbox.app_key(), "100001");
        let status = until("the game to end", || game.try_wait().unwrap());
        assert!(status.success(), "{file}: {}", said());
        let said = said();
        for text in [
            "ready, ostv_",
            "sign in: scan HTTP://",
            "hello 100001 (from 0)\nuser 100001, nick \"小明 Ming\", 500 points\n",
            "show http://",
            "level=3\npage gone, ALITV_OK\n",
            "order A20261125-0001: scan HTTP://",
            "paid 600 fen for 60 gems, order A20261125-0001\nwon by paying: 10 积分",
            "paid 600 fen for Monthly pass, order S20261125-0001\n",
            "DAILY_SIGN: 每日签到 Daily sign-in, 3 awards, 3 free draws\n",
            "draw draw-20261125-0001: ",
            "gift gift-",
            "goods: http://",
            "signed out of 23012345\n",
        ] {
            assert!(said.contains(text), "{file}: {text:?} is not in {said}");
        }
    }
}
