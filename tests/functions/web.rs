//! Rows 11 to 13 and 19: pages, and the link to the goods.

use serde_json::json;

use super::kit::{Stage, RACER};

#[test]
fn rows_11_to_13_pages() {
    let stage = Stage::new();
    for (number, kind) in [("1", "start"), ("2", "custom"), ("3", "exit")] {
        let opened = format!("on_web_open kind={number} http://");
        stage.c(&["web", number, "level", "3 & 4"]).ends_with(0).says(&[
            "answer 1",
            &opened,
            "level=3%20%26%204",
            "on_web_close ALITV_OK",
        ]);

        let mut rpc = stage.rpc();
        rpc.ok("watch", json!({}));
        let params = json!({ "kind": kind, "params": { "level": "3" } });
        let opened = rpc.ready("web.open", params);
        assert_eq!((&opened["shown"], &opened["web"]["page"]), (&json!(true), &json!(kind)));
        let web_id = opened["web"]["web_id"].clone();
        rpc.event(|event| event["kind"] == "web" && event["open"] == true);
        rpc.ok("web.closed", json!({ "web_id": web_id }));
        let closed = rpc.event(|event| event["kind"] == "web" && event["open"] == false);
        assert_eq!(closed["web_id"], web_id);

        let words = ["web", "open", kind, "--param", "level=3"];
        let done = stage.cli(&words).ends_with(0).says(&["alitv-pay web close"]);
        assert!(done.stdout.starts_with("http://") && done.stdout.contains("level=3"), "{done:?}");
        let close = done.stderr.split("web close ").nth(1).unwrap().trim();
        stage.cli(&["web", "close", close]).ends_with(0).says(&["closed"]);
    }
}

#[test]
fn rows_11_to_13_errors() {
    let stage = Stage::new();
    // No such page: false, and nothing follows.
    for number in ["1", "2", "3"] {
        let done = stage.c_as(RACER, &["web", number]).ends_with(0).says(&["answer 0"]);
        assert!(!done.stdout.contains("on_web"), "{done:?}");
    }
    let none = stage.rpc_as(RACER).ready("web.open", json!({ "kind": "start" }));
    assert_eq!(none, json!({ "shown": false }));
    stage.cli_as(RACER, &["web", "open", "start"]).ends_with(15).says(&["no such page"]);
    let none = stage.cli_as(RACER, &["web", "open", "exit", "--json"]).ends_with(15).json();
    assert_eq!(none, json!({ "shown": false }));

    // One at a time.
    let mut rpc = stage.rpc();
    let web_id = rpc.ready("web.open", json!({ "kind": "start" }))["web"]["web_id"].clone();
    stage.c(&["web", "2"]).ends_with(0).says(&["answer 1", "on_web_close ALITV_E_STATE"]);
    assert_eq!(rpc.error("web.open", json!({ "kind": "exit" })).0, -1303);
    stage.cli(&["web", "open", "exit"]).ends_with(1).says(&["STATE (-1303)", "alitv-pay tail"]);
    rpc.ok("web.closed", json!({ "web_id": web_id }));

    // A page that is not open.
    assert_eq!(rpc.error("web.closed", json!({ "web_id": web_id })).0, -1301);
    let web_id = web_id.as_str().unwrap();
    stage.c(&["web-closed", web_id]).ends_with(0).says(&["reply ALITV_E_NOT_FOUND"]);
    stage.cli(&["web", "close", web_id]).ends_with(1).says(&["NOT_FOUND", "closed already"]);

    let long = "x".repeat(513);
    stage.c(&["web", "1", "a", &long]).ends_with(1).says(&["ALITV_E_STRING", "512"]);
    stage.c(&["web", "9"]).ends_with(1).says(&["ALITV_E_INVALID", "kind"]);
    let (code, text) = rpc.error("web.open", json!({ "kind": "start", "params": { "a": long } }));
    assert!(code == -1002 && text.contains("512"), "{code} {text}");
    assert_eq!(rpc.error("web.open", json!({ "kind": "window" })).0, -32602);
    let (code, text) = rpc.error("web.open", json!({ "kind": "start", "timeout_s": 9 }));
    assert!(code == -1003 && text.contains("10"), "{code} {text}");
}

#[test]
fn rows_11_to_13_a_page_that_is_forgotten_is_closed() {
    let stage = Stage::new();
    let mut rpc = stage.rpc();
    rpc.ok("watch", json!({}));
    rpc.ready("web.open", json!({ "kind": "exit", "timeout_s": 10 }));
    let closed = rpc.event(|event| event["kind"] == "web" && event["open"] == false);
    assert_eq!(closed["result"], -1206);
}

#[test]
fn row_19_link_to_the_goods() {
    let stage = Stage::new();
    let url = stage.rpc().ready("qr_url", json!({}))["qr_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("http://") && url.ends_with("/goods/23012345"), "{url}");
    stage.c(&["qr-url"]).ends_with(0).says(&[&format!("url {url}\n")]);
    assert_eq!(stage.cli(&["qr-url"]).ends_with(0).stdout.trim(), url);
    stage.cli(&["qr-url", "--qr", "utf8"]).ends_with(0).says(&["█"]);
    let profile = stage.cli(&["profile", "--json"]).ends_with(0).json();
    assert_eq!((&profile["qr_url"], &profile["renewal"]), (&json!(url), &json!(true)));
    assert_eq!(stage.rpc().ready("profile", json!({})), profile);
    stage.cli(&["profile"]).ends_with(0).says(&["start ", "custom ", "exit ", "renewal   yes"]);

    // The platform has none for the app.
    stage.c_as(RACER, &["qr-url"]).ends_with(0).says(&["url \n"]);
    assert_eq!(stage.rpc_as(RACER).ready("qr_url", json!({}))["qr_url"], "");
    stage.cli_as(RACER, &["qr-url"]).ends_with(15).says(&["no such link"]);
    stage.cli_as(RACER, &["profile"]).ends_with(0).says(&["qr-url    -", "renewal   no"]);
}
