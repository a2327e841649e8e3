//! What `data` says: encrypted here and decrypted by openssl, by the seeds' own examples in
//! Java and PHP, and the other way round.

use std::path::Path;
use std::process::Command;

use alitv_pay::wire::keys::PublicKey;
use alitv_pay::wire::{blocks, notify};

use super::keys::{feed, run_with, Dir};
use super::run::run;

/// An answer of an order query whose first block ends inside a Chinese character.
fn split_json(piece: usize) -> String {
    let head = "{\"partner_order_no\":\"1466394000000\",\"order_status\":\"TRADE_SUCCESS\",";
    let pad = "x".repeat((piece - head.len() - "\"subject\":\"".len()) % 3 + 2);
    let json = format!("{head}\"subject\":\"{pad}{}\"}}", "宝石".repeat(80));
    assert!(!json.is_char_boundary(piece), "the border must lie inside a character");
    json
}

fn key_pair(dir: &Dir, bits: usize) -> PublicKey {
    dir.openssl(&format!("genrsa -out key.pem {bits}"));
    dir.openssl("pkey -in key.pem -pubout -out pub.pem");
    PublicKey::read(&dir.read("pub.pem")).unwrap()
}

#[test]
fn openssl_decrypts_what_was_encrypted_here_and_the_other_way_round() {
    for bits in [1024, 2048, 3072] {
        let dir = Dir::new();
        let public = key_pair(&dir, bits);
        let block = public.block_bytes();
        let json = split_json(block - 11);
        let key = dir.text("key.pem");
        let encrypt = ["encrypt", "--key", &dir.text("pub.pem")];
        let ours = run_with(&encrypt, json.as_bytes()).ends_with(0).stdout;
        dir.write("data", ours.trim_end());
        let joined = dir.openssl("base64 -d -A -in data");
        let mut plain = Vec::new();
        for part in joined.chunks(block) {
            plain.extend(dir.openssl_with("pkeyutl -decrypt -inkey key.pem", part));
        }
        assert_eq!(String::from_utf8(plain).unwrap(), json);

        let mut joined = Vec::new();
        for part in json.as_bytes().chunks(block - 11) {
            joined.extend(dir.openssl_with("pkeyutl -encrypt -pubin -inkey pub.pem", part));
        }
        let theirs = String::from_utf8(dir.openssl_with("base64 -A", &joined)).unwrap();
        let form = notify::form(&theirs);
        for text in [
            theirs.clone(),
            format!("{theirs}\n"),
            theirs.replace('+', " "),
            form.strip_prefix("data=").unwrap().to_owned(),
            form.clone(),
            format!("a=1&{form}&b=2"),
            notify::target("http://shop.example/notify?a=1", &theirs),
            notify::target("https://shop.example/notify", &theirs),
        ] {
            let by_stdin = run_with(&["decrypt", "--key", &key], text.as_bytes()).ends_with(0);
            assert_eq!(by_stdin.stdout.trim_end(), json, "{text}");
            let args = ["decrypt", "--key", &key, "--text", &text, "--json"];
            assert_eq!(run(&args).ends_with(0).stdout, by_stdin.stdout);
        }
    }
}

#[test]
fn without_a_named_key_it_is_the_one_of_the_merchants_file() {
    let dir = Dir::new();
    key_pair(&dir, 1024);
    dir.write("key.pem", dir.read("key.pem"));
    let config = dir.write(
        "merchant.toml",
        "environment = \"sandbox\"\n[app]\napp_key = \"23012345\"\napp_secret = \"helloworld\"\n\
         private_key = \"key.pem\"\n[top]\nurl = \"http://127.0.0.1:9/\"\nallow_http = true\n",
    );
    let with = |args: &[&str]| run(&[args, &["--config", &config]].concat()).ends_with(0).stdout;
    let data = with(&["encrypt", "--text", "{\"a\":1}"]);
    assert_eq!(with(&["decrypt", "--text", &data]), "{\"a\":1}\n");
    let signature = with(&["sign", "--text", "gem"]);
    with(&["verify", "--text", "gem", "--signature", signature.trim_end()]);
    let top = with(&["sign", "--top", "a=1", "--json"]);
    let secret = dir.write("secret.txt", "helloworld");
    assert_eq!(top, run(&["sign", "--top", "a=1", "--json", "--secret-file", &secret]).stdout);
    for args in [&["encrypt"][..], &["decrypt"], &["sign"], &["verify", "--signature", "AA=="]] {
        let done = run(&[args, &["--text", "x"]].concat()).ends_with(2);
        assert!(done.stderr.contains("--key") && done.stderr.contains("--config"), "{done:?}");
    }
}

#[test]
fn what_does_not_decrypt_says_what_to_compare() {
    let dir = Dir::new();
    key_pair(&dir, 1024);
    dir.openssl("genrsa -out other.pem 1024");
    dir.openssl("genrsa -out large.pem 2048");
    let (key, public) = (dir.text("key.pem"), dir.text("pub.pem"));
    let encrypt = |text: &str| {
        let args = ["encrypt", "--key", &public, "--text", text, "--json"];
        run(&args).ends_with(0).json()[0]["data"].as_str().unwrap().to_owned()
    };
    let data = encrypt("{\"a\":\"b\"}");
    let decrypt = |key: &str, text: &str| run(&["decrypt", "--key", key, "--text", text]);
    assert_eq!(decrypt(&key, &data).ends_with(0).stdout, "{\"a\":\"b\"}\n");
    for (file, text, word) in [
        ("other.pem", data.clone(), "keys show"),
        ("large.pem", data.clone(), "blocks of 256"),
        ("key.pem", data[4..].to_owned(), "blocks of 128"),
        ("key.pem", format!("{data}!"), "not base64"),
        ("key.pem", encrypt("no json"), "no JSON"),
        ("pub.pem", data.clone(), "expected an RSA private key"),
    ] {
        let done = decrypt(&dir.text(file), &text).ends_with(1);
        assert!(done.stderr.contains(word) && done.stdout.is_empty(), "{done:?}");
    }
    decrypt(&key, "http://h/notify?other=1").ends_with(2);
    assert_eq!(run(&["encrypt", "--key", &public, "--text", ""]).exit, 2);
    let long = "x".repeat(24 * 117 + 1);
    let done = run(&["encrypt", "--key", &public, "--text", &long]).ends_with(2);
    assert!(done.stderr.contains("24"), "{done:?}");
    let form = run(&["encrypt", "--key", &public, "--text", "{}", "--form"]).ends_with(0).stdout;
    assert!(form.starts_with("data=") && !form.contains(['+', '/']), "{form}");
    assert_eq!(decrypt(&key, &form).ends_with(0).stdout, "{}\n");
}

fn example(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/merchant").join(name)
}

/// Gives a program what `blocks::encrypt` made, for both key sizes, and checks what it says.
fn decrypts(program: impl Fn(&Path) -> Command) {
    for bits in [1024, 2048] {
        let dir = Dir::new();
        let public = key_pair(&dir, bits);
        let json = split_json(public.block_bytes() - 11);
        let data = blocks::encrypt(&public, json.as_bytes()).unwrap();
        for input in [data.clone(), format!("{data}\n"), data.replace('+', " ")] {
            let output = feed(&mut program(&dir.path("key.pem")), input.as_bytes());
            assert!(output.status.success(), "{output:?}");
            assert_eq!(String::from_utf8(output.stdout).unwrap(), format!("{json}\n"));
        }
        let cut = feed(&mut program(&dir.path("key.pem")), &data.as_bytes()[4..]);
        assert!(!cut.status.success() && cut.stdout.is_empty(), "{cut:?}");
    }
}

/// Adapted from seed 002, 1.4.3.
#[test]
fn the_java_example_decrypts_our_notify() {
    let classes = tempfile::tempdir().unwrap();
    let mut javac = Command::new("javac");
    javac.args(["-encoding", "UTF-8", "-Xlint:all", "-Werror", "-d"]).arg(classes.path());
    let output = javac.arg(example("DecryptNotify.java")).output().expect("javac: tools/needs");
    assert!(output.status.success(), "{output:?}");
    decrypts(|key| {
        let mut java = Command::new("java");
        java.arg("-cp").arg(classes.path()).arg("DecryptNotify").arg(key).env("LC_ALL", "C");
        java
    });
}

/// Adapted from seed 002, 1.4.4.
#[test]
fn the_php_example_decrypts_our_notify() {
    decrypts(|key| {
        let mut php = Command::new("php");
        php.args(["-d", "error_reporting=-1", "-d", "display_errors=stderr"]);
        php.arg(example("decrypt_notify.php")).arg(key);
        php
    });
}
