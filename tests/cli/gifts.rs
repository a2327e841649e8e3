//! `alitv-pay gifts` against the sandbox's gift gateway.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{json, Value};

use super::run::{run, Done};
use crate::stage::Sandbox;

/// Has authorised the first app in the seed, and has one gift there.
const USER: &str = "100003";

struct Shop {
    dir: tempfile::TempDir,
    sandbox: Sandbox,
}

impl Shop {
    fn new() -> Shop {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(dir.path());
        let shop = Shop { dir, sandbox };
        shop.configure("sandbox", "");
        shop
    }

    fn path(&self) -> String {
        self.dir.path().join("merchant.toml").to_str().unwrap().to_owned()
    }

    fn configure(&self, environment: &str, gifts: &str) {
        let app = &self.sandbox.ready["apps"][0];
        let (top, allow) = match environment {
            "sandbox" => (self.sandbox.ready["gateways"]["alitv"].as_str().unwrap(), true),
            _ => ("https://eco.taobao.com/router/rest", false),
        };
        let text = format!(
            "environment = \"{environment}\"\n[app]\napp_key = {}\napp_secret = {}\n\
             private_key = \"key.pem\"\n[top]\nurl = \"{top}\"\nallow_http = {allow}\n\
             [gifts]\nurl = {}\n{gifts}",
            app["app_key"], app["app_secret"], self.sandbox.ready["base_url"]
        );
        write_private(Path::new(&self.path()), &text);
    }

    fn run(&self, args: &[&str]) -> Done {
        let path = self.path();
        let all = [&["gifts"][..], args, &["--lang", "en", "--config", &path]].concat();
        run(&all)
    }

    fn lay_out(&self, item: &str) -> String {
        let body =
            json!({ "user_id": USER, "app_key": self.sandbox.app_key(), "cp_item_id": item });
        let made = self.sandbox.control(minreq::Method::Post, "/gifts", body);
        made["gift_id"].as_str().unwrap().to_owned()
    }

    fn activate(&self, record: &str) -> Done {
        self.run(&["activate", record, "--user", USER, "--app-order-id", "grant-1"])
    }

    fn record(&self, record: &str) -> Value {
        self.sandbox.control(minreq::Method::Get, &format!("/gifts/{record}"), json!({}))
    }
}

fn write_private(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, PermissionsExt::from_mode(0o600)).unwrap();
}

#[test]
fn records_are_listed_and_activated_once() {
    let shop = Shop::new();
    let record = shop.lay_out("sword");
    let listed = shop.run(&["query", "--user", USER, "--json"]).ends_with(0).json().remove(0);
    let items: Vec<&str> = listed["gifts"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| g["cp_item_id"].as_str().unwrap())
        .collect();
    assert_eq!(items, ["gems_100", "sword"]);
    let swords = ["query", "--user", USER, "--item", "sword", "--item", "x", "--status", "all"];
    let text = shop.run(&swords).ends_with(0).stdout;
    assert!(
        text.starts_with("RECORD") && text.contains(&record) && text.contains("pending"),
        "{text}"
    );
    let done = shop.activate(&record).ends_with(0);
    assert_eq!(done.stdout, format!("{record}  activated  grant-1\n"));
    assert_eq!(shop.record(&record)["app_order_id"], "grant-1");
    let again = shop.activate(&record).ends_with(12);
    assert!(again.stderr.contains("RECORD_STATUS_INVALID"), "{}", again.stderr);
    assert!(again.stderr.contains("gifts query --user USER --status all"), "{}", again.stderr);
    let listed = shop.run(&[&swords[..], &["--json"]].concat()).ends_with(0).json().remove(0);
    let gift = &listed["gifts"][0];
    assert_eq!((&gift["record_id"], &gift["status"]), (&json!(record), &json!("activated")));
    let none = shop.run(&["query", "--user", USER, "--status", "expired"]).ends_with(0);
    assert!(none.stdout.is_empty() && none.stderr.contains("no gifts"), "{none:?}");
}

#[test]
fn a_mark_without_an_answer_is_not_a_failure() {
    let shop = Shop::new();
    let record = shop.lay_out("sword");
    shop.sandbox.scenario("coin.mark_lost");
    let lost = shop.activate(&record).ends_with(13);
    assert!(lost.stderr.contains("may have been marked"), "{}", lost.stderr);
    assert_eq!(shop.record(&record)["state"], "activated");
    let again = shop.activate(&record).ends_with(12);
    assert!(again.stderr.contains("RECORD_STATUS_INVALID"), "{}", again.stderr);
    let other = shop.lay_out("shield");
    shop.sandbox.scenario("coin.mark_fail");
    let failed = shop.activate(&other).ends_with(13);
    assert!(failed.stderr.contains("FAIL: system error"), "{}", failed.stderr);
    assert_eq!(shop.record(&other)["state"], "pending");
    let done = shop.run(&["activate", &other, "--user", USER, "--app-order-id", "o", "--json"]);
    let told = done.ends_with(0).json().remove(0);
    let wanted = json!({ "record_id": other, "app_order_id": "o", "outcome": "activated" });
    assert_eq!(told, wanted);
}

#[test]
fn refusals_say_what_to_do_next() {
    let mut shop = Shop::new();
    let stranger = shop.run(&["query", "--user", "100001"]).ends_with(1);
    assert!(stranger.stderr.contains("AUTH_REQUIRED") && stranger.stderr.contains("authorise"));
    let missing = shop.activate("1").ends_with(12);
    assert!(missing.stderr.contains("RECORD_NOT_FOUND"), "{}", missing.stderr);
    shop.configure("sandbox", "secret = \"another\"\n");
    let wrong = shop.run(&["query", "--user", USER]).ends_with(1);
    assert!(wrong.stderr.contains("ILLEGAL_SIGNATURE"), "{}", wrong.stderr);
    assert!(wrong.stderr.contains("gifts.secret") && wrong.stderr.contains("BaodianSecret"));
    shop.configure("sandbox", "");
    shop.sandbox.advance(3_600);
    let late = shop.run(&["query", "--user", USER, "--json"]).ends_with(1);
    let error: Value = serde_json::from_str(&late.stderr).unwrap();
    assert!(error["error"]["message"].as_str().unwrap().contains("SIGNATURE_EXPIRED"));
    assert!(error["error"]["next"].as_str().unwrap().contains("clock"));
    shop.sandbox.stop();
    let down = shop.run(&["query", "--user", USER]).ends_with(13);
    assert!(down.stderr.contains("gifts.url"), "{}", down.stderr);
}

#[test]
fn arguments_are_checked_before_anything_is_sent() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("none.toml");
    let no_config = run(&["gifts", "query", "--user", "u", "--config", nowhere.to_str().unwrap()]);
    assert!(no_config.ends_with(1).stderr.contains("--merchant-config"));
    for bad in [
        &["gifts", "activate", "x", "--user", "u", "--app-order-id", "o"][..],
        &["gifts", "activate", "7", "--app-order-id", "o"],
        &["gifts", "activate", "7", "--user", "u"],
        &["gifts", "query", "--user", "a b"],
        &["gifts", "query", "--user", "u", "--status", "open"],
    ] {
        run(bad).ends_with(2);
    }
    let text = "environment = \"sandbox\"\n[app]\napp_key = \"1\"\napp_secret = \"s\"\n\
        private_key = \"key.pem\"\n[top]\nurl = \"http://127.0.0.1:1/r\"\nallow_http = true\n\
        [gifts]\nurl = \"http://127.0.0.1:1\"\n";
    write_private(&nowhere, text);
    let config = ["--config", nowhere.to_str().unwrap()];
    for bad in [
        &["gifts", "activate", "7", "--user", "u", "--app-order-id", "😀"][..],
        &["gifts", "query", "--user", "u", "--item", "a,b"],
    ] {
        run(&[bad, &config].concat()).ends_with(2);
    }
}

#[test]
fn real_gifts_over_http_come_with_a_warning() {
    let shop = Shop::new();
    shop.configure("production", "");
    let listed = shop.run(&["query", "--user", USER]).ends_with(0);
    assert!(listed.stderr.contains("gifts.url is http"), "{}", listed.stderr);
    shop.configure("sandbox", "");
    let listed = shop.run(&["query", "--user", USER]).ends_with(0);
    assert!(!listed.stderr.contains("http"), "{}", listed.stderr);
}

#[test]
fn both_kinds_of_gifts_tell_each_other_apart() {
    let (box_side, server_side) = (run(&["gift", "--help"]), run(&["gifts", "--help"]));
    assert!(box_side.ends_with(0).stdout.contains("alitv-pay gifts"));
    assert!(server_side.ends_with(0).stdout.contains("it is alitv-pay gift."));
}
