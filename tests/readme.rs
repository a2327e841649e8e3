//! Both READMEs, as they are written: every code block is run. Shell blocks run in their
//! order in one directory, the C program is compiled and buys something, and the transcript
//! is compared with a run of today, line by line, all but times, numbers and names made new.

use std::fs;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A fenced block: its language and its text.
fn blocks(file: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push((language.to_owned(), body.join("\n") + "\n"));
        }
    }
    blocks
}

/// A directory that looks like the checkout to the commands of the README, except that
/// `cargo run` is the program that is already built, and `cargo build` and `make` are only
/// asked whether they know what to do.
fn checkout() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for name in ["include", "target"] {
        std::os::unix::fs::symlink(Path::new(ROOT).join(name), dir.path().join(name)).unwrap();
    }
    dir
}

const PRELUDE: &str = r#"
set -eu
exec 2>&1
cargo() {
  verb=$1; shift
  case $verb in
    run) while [ "$1" != -- ]; do shift; done; shift; alitv-pay "$@" ;;
    build) command cargo build --help >/dev/null; case " $* " in *" --features "*) ;; *) exit 9 ;; esac ;;
    *) exit 9 ;;
  esac
}
make() { command make -n -C "$ROOT" "$@" >/dev/null; }
"#;

/// Runs the script, and ends what it left running.
fn shell(dir: &Path, script: &str) -> String {
    let bin = PathBuf::from(env!("CARGO_BIN_EXE_alitv-pay"));
    let path = format!("{}:{}", bin.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let script = format!("{PRELUDE}\n{script}");
    let log = dir.join("said");
    let mut child = Command::new("bash")
        .args(["-c", &script])
        .current_dir(dir)
        .env("PATH", path)
        .env("ROOT", ROOT)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .stdout(fs::File::create(&log).unwrap())
        .process_group(0)
        .spawn()
        .unwrap();
    let group = -(child.id() as i32);
    let status = child.wait().unwrap();
    // SAFETY: a signal to the group that was made for the script.
    unsafe { libc::kill(group, libc::SIGTERM) };
    let said = fs::read_to_string(&log).unwrap();
    assert!(status.success(), "{status}: {said}\n---\n{script}");
    said
}

/// Takes out what is another in each run.
fn shape(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.lines().map(shape_of_line).collect();
    // Data and progress go to two streams: their order among each other is nobody's promise.
    lines.sort();
    lines
}

fn shape_of_line(line: &str) -> String {
    let words = line.split_whitespace().map(|word| {
        let made_new = word.contains("127.0.0.1:")
            || word.contains("alitv-pay-demo-")
            || word.len() == 8 && word.matches(':').count() == 2;
        match word {
            _ if made_new => "*".to_owned(),
            _ if word.starts_with("T20") => "T*".to_owned(),
            word => word.to_owned(),
        }
    });
    words.collect::<Vec<String>>().join(" ")
}

fn transcripts(file: &str) {
    for (_, text) in blocks(file).iter().filter(|block| block.0 == "console") {
        let (command, expected) = text.split_once('\n').unwrap();
        let command = command.strip_prefix("$ ").expect("a transcript begins with its command");
        let said = shell(checkout().path(), command);
        assert_eq!(shape(&said), shape(expected), "{file}: {said}");
    }
}

/// The port that the manuals name, as one that is free: two of them may run at once.
fn with_free_port(text: &str) -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    text.replace("127.0.0.1:3000", &format!("127.0.0.1:{free}"))
        .replace("--port 3000", &format!("--port {free}"))
}

fn shell_blocks_and_c(file: &str) {
    let dir = checkout();
    let blocks = blocks(file);
    let mut script = String::new();
    for (language, text) in &blocks {
        match language.as_str() {
            "console" => {}
            "sh" => script += &format!("{text}\n"),
            "c" => fs::write(dir.path().join("pay.c"), text).unwrap(),
            other => panic!("{file}: nobody runs a block of {other:?}"),
        }
    }
    // The program of the C block, with a phone that pays.
    script += "alitv-pay sandbox --port 0 --daemon-config c.toml --scenario success &\n\
               until [ -s c.toml ]; do sleep 0.1; done\n\
               sed -i \"s|^journal.*|journal = '$PWD/c-journal'|\" c.toml\n\
               export ALITV_PAY_SOCKET=$PWD/c.sock\n\
               alitv-payd --config c.toml &\n\
               timeout 60 ./pay\n";
    let said = shell(dir.path(), &with_free_port(&script));
    let goods = fs::read_to_string(dir.path().join("shop/goods.txt")).unwrap();
    assert!(goods.starts_with("grant-T1 60 ") && goods.lines().count() == 1, "{goods}");
    assert!(said.contains("\"gateway_online\":true"), "{said}");
    assert!(said.matches("order.paid").count() == 2, "{said}");
    assert!(said.contains("paid: 60 "), "{said}");
}

#[test]
fn the_transcripts_are_what_the_program_says() {
    transcripts("README.md");
    transcripts("README.zh-CN.md");
}

#[test]
fn the_commands_and_the_c_program_run() {
    shell_blocks_and_c("README.md");
}

#[test]
fn the_chinese_ones_run_too() {
    shell_blocks_and_c("README.zh-CN.md");
}

/// The session of the merchant's manual: section 1.
fn first_order(file: &str) {
    let dir = checkout();
    let text = fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
    let section = text.split("\n## ").nth(2).unwrap();
    let blocks: Vec<&str> = section.split("```sh\n").skip(1).collect();
    let blocks = blocks.iter().map(|rest| rest.split("```").next().unwrap());
    // The receiver's line leaves with its answer, which nobody in the session waits for.
    let script = blocks.collect::<String>()
        + "until grep -q '^<-- .200. success' said; do sleep 0.1; done\n\
           until grep -q 'grant-T1 delivered' said; do sleep 0.1; done\n";
    let said = shell(dir.path(), &with_free_port(&script));
    for line in section.split("```\n--> ").nth(1).unwrap().split("```").next().unwrap().lines() {
        // All but how long it took.
        let words = line.split("500ms");
        assert!(words.clone().all(|words| said.contains(words)), "{line}: {said}");
    }
    assert_eq!(fs::read_to_string(dir.path().join("goods.txt")).unwrap(), "grant-T1 60 gems\n");
    assert!(said.contains("TRADE_SUCCESS"), "{said}");
}

#[test]
fn the_merchants_first_order_takes_ten_minutes_or_less() {
    first_order("docs/merchant.md");
}

#[test]
fn the_chinese_merchants_first_order_too() {
    first_order("docs/merchant.zh-CN.md");
}

#[test]
fn links_lead_somewhere() {
    for file in ["README.md", "README.zh-CN.md"] {
        let text = fs::read_to_string(Path::new(ROOT).join(file)).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            let there = link.starts_with("http") || Path::new(ROOT).join(link).exists();
            assert!(there, "{file}: {link} leads nowhere");
        }
    }
}
