//! Rows 1 to 4: init, destroy, getSdkVersion, logSwitch; and what goes wrong with any function
//! when there is no daemon, no gateway, no right to the app or no right secret.

use std::process::Command;

use serde_json::json;

use super::kit::{Stage, GEMS, RACER};
use crate::stage::until;

#[test]
fn row_1_init() {
    let stage = Stage::new();
    stage.c(&["init"]).ends_with(0).says(&["on_init_finish"]);
    let apps = stage.rpc().ok("watch", json!({}))["apps"].clone();
    assert_eq!(apps[0]["account"]["app_key"], GEMS);
    stage.cli(&["status"]).ends_with(0).says(&["alitv  answers", "environment  sandbox"]);

    // An app that is not this user's, or that is none.
    stage.c_as("99999999", &["init"]).ends_with(1).says(&["on_init_error ALITV_E_DENIED"]);
    let (code, text) = stage.rpc_as("99999999").error("watch", json!({}));
    assert!(code == -1202 && text.contains("99999999"), "{code} {text}");
    stage.cli_as("99999999", &["orders"]).ends_with(1).says(&["DENIED (-1202)", "uids"]);
}

#[test]
fn row_1_init_without_a_daemon() {
    let mut stage = Stage::new();
    stage.daemon.kill();
    stage.c(&["init"]).ends_with(1).says(&["on_init_error ALITV_E_OFFLINE"]);
    stage.c(&["early"]).ends_with(0).says(&["early"]);
    stage.cli(&["status"]).ends_with(3);
    stage.cli(&["user"]).ends_with(3).says(&["OFFLINE (-1201)", "alitv-payd"]);
    stage.cli(&["auth"]).ends_with(3);
    stage.cli(&["gift", "list", "--json"]).ends_with(3).says(&["\"name\":\"OFFLINE\""]);
}

#[test]
fn row_2_destroy() {
    let stage = Stage::new();
    stage.c(&["destroy"]).ends_with(0).says(&["destroyed"]);
    // On the socket it is the end of the connection; the account and the orders stay.
    drop(stage.rpc());
    stage.rpc().ok("watch", json!({}));
}

#[test]
fn row_3_get_sdk_version() {
    let stage = Stage::new();
    let version = format!("ostv_{}.0", env!("CARGO_PKG_VERSION"));
    assert_eq!(stage.c(&["version"]).ends_with(0).stdout.trim(), version);
    assert_eq!(stage.rpc().ok("version", json!({}))["sdk_version"], version);
    let both = stage.cli(&["version", "--json"]).ends_with(0).json();
    assert_eq!(
        (&both["sdk_version"], &both["daemon"]["sdk_version"]),
        (&json!(version), &json!(version))
    );
    stage.cli(&["version"]).ends_with(0).says(&["sdk ", "daemon ", "alitv-payd/"]);
}

#[test]
fn row_4_log_switch() {
    let stage = Stage::new();
    stage.c(&["log"]).ends_with(0).says(&["log\n"]);
    assert!(!stage.c(&["init"]).ends_with(0).stdout.contains("log\n"));

    let mut rpc = stage.rpc();
    rpc.ok("log.watch", json!({ "level": "debug" }));
    let follower = stage.cli_spawn(&["log", "--level", "debug", "--json"]);
    let pay = ["pay", "--title", "x", "--amount", "1", "--timeout", "0"];
    let line = until("a line of the log", || {
        stage.cli(&pay).ends_with(13);
        follower.said()
    });
    assert!(line.contains("\"level\":") && line.contains("\"message\":"), "{line}");
    drop(follower);
    let line = rpc.event(|line| line["level"].is_string());
    assert!(line["message"].is_string(), "{line}");
    rpc.ok("log.unwatch", json!({}));
    assert_eq!(rpc.error("log.watch", json!({ "level": "all" })).0, -32602);
    stage.cli(&["log", "--level", "all"]).ends_with(2).says(&["debug"]);
}

#[test]
fn without_a_gateway_a_question_is_answered_and_an_order_is_kept() {
    let mut stage = Stage::new();
    stage.sign_in("100001");
    stage.sandbox.stop();
    stage.c(&["activities"]).ends_with(0).says(&["on_activities_error ALITV_E_NETWORK"]);
    stage.c(&["user"]).ends_with(0).says(&["on_user_info_error ALITV_E_NETWORK"]);
    stage.c(&["gift-list"]).ends_with(0).says(&["on_gift_list_error ALITV_E_NETWORK"]);
    for (method, params) in
        [("user.info", json!({})), ("lottery.activities", json!({})), ("gift.list", json!({}))]
    {
        assert_eq!(stage.rpc().error(method, params).0, -3001, "{method}");
    }
    for words in [&["user"][..], &["lottery", "activities"], &["gift", "list"]] {
        stage.cli(words).ends_with(1).says(&["NETWORK (-3001)", "alitv-pay status"]);
    }
    // A draw, a gift and an order are written down and carried out later.
    stage
        .cli(&["lottery", "draw", "DAILY_SIGN", "--draw-id", "draw-1", "--timeout", "1"])
        .ends_with(13)
        .says(&["alitv-pay tail --order draw-1"]);
    stage
        .cli(&["pay", "--order", "A1", "--title", "x", "--amount", "1", "--timeout", "1"])
        .ends_with(13)
        .says(&["alitv-pay query A1"]);
    stage.sandbox.restart();
    until("the draw to be made", || {
        let done = stage.cli(&["lottery", "draw", "DAILY_SIGN", "--draw-id", "draw-1"]);
        (done.exit == 0).then_some(())
    });
    stage.rpc().await_order("A1", "pending");
}

#[test]
fn with_a_wrong_secret_nothing_is_believed() {
    let stage = Stage::with_secrets(|_, _| "00000000000000000000000000000000".to_owned());
    let (code, text) = stage.rpc().error("lottery.activities", json!({}));
    assert!(code == -3002 && text.to_lowercase().contains("signature"), "{code} {text}");
    stage.c(&["activities"]).ends_with(0).says(&["on_activities_error ALITV_E_GATEWAY"]);
    stage.cli(&["lottery", "activities"]).ends_with(1).says(&["GATEWAY (-3002)"]);
    stage.cli(&["web", "open", "start"]).ends_with(1).says(&["NOT_READY (-1205)"]);
    assert_eq!(stage.rpc().ok("status", json!({}))["gateway_online"], false);
}

#[test]
fn one_app_knows_nothing_of_the_other() {
    let stage = Stage::new();
    stage.sign_in("100003");
    stage.c(&["is-auth"]).ends_with(0).says(&["answer 1"]);
    stage.c_as(RACER, &["is-auth"]).ends_with(0).says(&["answer 0"]);
    assert_eq!(stage.rpc_as(RACER).error("gift.list", json!({})).0, -2201);
    stage.cli_as(RACER, &["user"]).ends_with(1).says(&["UNAUTHORIZED (-2201)"]);
    let without = Command::new(env!("CARGO_BIN_EXE_alitv-pay"))
        .args(["auth", "state", "--socket"])
        .arg(&stage.tv.socket)
        .output()
        .unwrap();
    assert_eq!(without.status.code(), Some(2), "two apps and none is named");
}
