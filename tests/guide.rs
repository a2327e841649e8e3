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
    let (source, program) = (directory.join("game.c"), directory.join("game"));
    fs::write(&source, blocks(file, "c")).unwrap();
    // Where cargo puts the library of this very build: beside the test binary.
    let library = std::env::current_exe().unwrap().with_file_name("libalitv_pay.a");
    let output = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".into()))
        .args(["-std=c99", "-g", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror"])
        .arg(format!("-I{ROOT}/include"))
        .arg(&source)
        .arg(library)
        .args(["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl", "-lc", "-o"])
        .arg(&program)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{file}: {}", String::from_utf8_lossy(&output.stderr));
    program
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
        assert_eq!(left_out, [&"status", &"unwatch"], "{file}");
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
