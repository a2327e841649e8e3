//! The ready file, the state file, and the life of a sandbox.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, Mutex};

use alitv_pay::core::call::TradeStatus;
use alitv_pay::sandbox::{start, Action, Log, Options};
use serde_json::Value;

use crate::harness::World;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn the_ready_file_says_everything_and_goes_with_the_sandbox() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ready.json");
    let sandbox = start(Options { ready_file: Some(path.clone()), ..Options::default() }).unwrap();
    let ready: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!(ready["base_url"], sandbox.base_url);
    assert_eq!(ready["gateways"]["alitv"], format!("{}/router/rest", sandbox.base_url));
    assert_eq!(ready["control_url"], sandbox.control_url);
    assert_eq!(ready["control_token"], sandbox.control_token);
    assert_eq!(ready["pid"], std::process::id());
    let apps = ready["apps"].as_array().unwrap();
    assert_eq!(apps.len(), 2);
    for (app, own) in apps.iter().zip(&sandbox.apps) {
        assert_eq!(
            (&app["app_key"], &app["name"]),
            (&own.app_key.clone().into(), &own.name.clone().into())
        );
        assert_eq!(app["app_secret"], own.app_secret);
        assert_eq!(app["gift_secret"], own.app_secret);
    }
    assert!(apps[0]["rsa_private_key_pem"].as_str().unwrap().contains("BEGIN PRIVATE KEY"));
    assert!(apps[0]["rsa_public_key_pem"].as_str().unwrap().contains("BEGIN PUBLIC KEY"));
    assert!(apps[1]["rsa_private_key_pem"].is_null() && apps[1]["rsa_public_key_pem"].is_null());
    assert_eq!(mode(&path), 0o600);
    sandbox.stop();
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn the_state_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let options = Options { state_file: Some(path.clone()), ..Options::default() };
    let world = World::with(options.clone());
    let (page, secret) = (world.order("A"), world.sandbox.apps[0].app_secret.clone());
    world.order("B");
    world.scenario(r#"{"scenario":"scanned","order":"C"}"#);
    world.control("POST", "/advance", r#"{"seconds":60}"#);
    world.sandbox.act(world.app_key(), "A", Action::Pay).unwrap();
    drop(world);
    assert_eq!(mode(&path), 0o600);

    let world = World::with(options.clone());
    assert_eq!(world.sandbox.apps[0].app_secret, secret);
    assert_eq!(world.status("A"), TradeStatus::Success);
    assert_eq!(world.status("B"), TradeStatus::NotScanned);
    assert_eq!(world.order("A"), page);
    assert_eq!(world.control("GET", "/state", "").1["ahead_s"], 60);
    world.order("C");
    assert_eq!(world.control("GET", "/orders/C", "").1["scenario"], "scanned");
    world.control("POST", "/advance", r#"{"seconds":241}"#);
    assert_eq!(world.status("B"), TradeStatus::Closed);
}

#[test]
fn an_answer_leaves_after_its_change_is_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    let world = World::with(Options { state_file: Some(path.clone()), ..Options::default() });
    for n in 0..20 {
        let order = format!("A{n}");
        world.order(&order);
        assert!(std::fs::read_to_string(&path).unwrap().contains(&format!("\"{order}\"")));
        world.control("POST", &format!("/orders/{order}/pay"), "");
        let saved: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(saved["orders"][n]["status"], "TRADE_SUCCESS");
    }
}

#[test]
fn a_file_that_cannot_be_read_stops_the_start_and_stays() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.json");
    for text in ["", "{", "[]", r#"{"format":1}"#, "\0"] {
        std::fs::write(&path, text).unwrap();
        let options = Options { state_file: Some(path.clone()), ..Options::default() };
        let error = start(options).err().expect(text).to_string();
        assert!(error.contains("state.json"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
    let nowhere = Some(dir.path().join("no/such/ready.json"));
    assert!(start(Options { ready_file: nowhere, ..Options::default() }).is_err());
}

#[test]
fn a_taken_port_is_named() {
    let first = start(Options::default()).unwrap();
    let port = first.base_url.rsplit(':').next().unwrap().parse().unwrap();
    let error = start(Options { port, ..Options::default() }).err().unwrap().to_string();
    assert!(error.contains(&port.to_string()), "{error}");
    first.stop();
    start(Options { port, ..Options::default() }).unwrap();
}

#[test]
fn a_seed_repeats_secrets_and_no_seed_does_not() {
    let draw = |seed_rng| {
        let sandbox = start(Options { seed_rng, ..Options::default() }).unwrap();
        (sandbox.apps[0].app_secret.clone(), sandbox.control_token.clone())
    };
    assert_eq!(draw(Some(3)), draw(Some(3)));
    assert_ne!(draw(None), draw(None));
}

#[test]
fn each_request_is_one_line_of_the_log() {
    let lines = Arc::new(Mutex::new(Vec::<String>::new()));
    let into = lines.clone();
    let log: Log = Arc::new(move |line: &str| into.lock().unwrap().push(line.to_owned()));
    let world = World::with(Options { log: Some(log), ..Options::default() });
    let page = world.order("A");
    world.http("GET", &page, &[], "");
    world.http("GET", "/router/rest?method=a%0Ab%1B%5B31m", &[], "");
    let lines = lines.lock().unwrap();
    let has = |start: &str| lines.iter().any(|l| l.starts_with(start) && l.ends_with("ms"));
    assert!(has("<-- POST taobao.tvpay.order.precreate 200 "), "{lines:?}");
    assert!(has(&format!("<-- GET {page} 200 ")), "{lines:?}");
    assert!(has("<-- GET a?b?[31m 200 "), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains(char::is_control)));
}
