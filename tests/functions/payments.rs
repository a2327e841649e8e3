//! Rows 8 to 10 and 16: payFromServer, repayFromServer, pay, and prizes for paying.

use serde_json::{json, Value};

use super::kit::{Stage, RACER};

const URL: &str = "http://127.0.0.1:9/notify";

fn order(id: &str) -> Value {
    json!({ "order_id": id, "title": "60 gems", "amount_fen": 600, "notify_url": URL })
}

#[test]
fn rows_8_and_10_pay() {
    let stage = Stage::new();
    stage.sandbox.scenario_of_all("success");
    let done = stage.c(&["pay-from-server", "A1", "60 gems", "600", "-", URL]).ends_with(0);
    done.says(&["on_qr A1 HTTP://", "on_pay_success A1 title=60 gems amount=600"]);
    stage.c(&["pay", "-", "60 gems", "600"]).ends_with(0).says(&["on_pay_success"]);

    let mut rpc = stage.rpc();
    rpc.ok("watch", json!({}));
    assert_eq!(rpc.ok("pay_from_server", order("A2"))["state"], "created");
    let paid = rpc.event(|event| event["order_id"] == "A2" && event["state"] == "paid");
    rpc.ok("ack", json!({ "order_id": "A2", "sequence": paid["sequence"] }));
    rpc.ok("pay", json!({ "order_id": "A3", "title": "60 gems", "amount_fen": 600 }));
    let paid = rpc.event(|event| event["order_id"] == "A3" && event["state"] == "paid");
    rpc.ok("ack", json!({ "order_id": "A3", "sequence": paid["sequence"] }));

    let from_server = ["pay", "--from-server", "--title", "60 gems", "--amount", "600"];
    let more = ["--order", "A4", "--notify", URL, "--json"];
    let end = stage.cli(&[&from_server[..], &more].concat()).ends_with(0).json();
    assert_eq!((&end["event"], &end["order_id"]), (&json!("order.paid"), &json!("A4")));
    stage.cli(&["pay", "--title", "60 gems", "--amount", "600"]).ends_with(0);
}

#[test]
fn rows_8_and_10_errors() {
    let stage = Stage::new();
    let long = "宝".repeat(10_000);
    // C refuses at once, and says which field and which bound.
    for (words, says) in [
        (vec!["pay", "-", &long, "600"], ["ALITV_E_STRING", "title"]),
        (vec!["pay", "-", &long[..3 * 129], "600"], ["ALITV_E_STRING", "1 to 128"]),
        (vec!["pay", "-", "", "600"], ["ALITV_E_STRING", "title"]),
        (vec!["pay", "-", "-", "600"], ["ALITV_E_NULL", "title"]),
        (vec!["pay", "-", "60 gems", "0"], ["ALITV_E_INVALID", "amount_fen"]),
        (vec!["pay", "draw-1", "60 gems", "600"], ["ALITV_E_INVALID", "order_id"]),
        (vec!["pay-from-server", "-", "60 gems", "600", "-", URL], ["ALITV_E_NULL", "order_id"]),
        (vec!["pay-from-server", "A1", "60 gems", "600"], ["ALITV_E_NULL", "notify_url"]),
        (
            vec!["pay-from-server", "A1", "60 gems", "600", "-", "ftp://h/"],
            ["ALITV_E_STRING", "notify_url"],
        ),
        (vec!["pay-twice", "A0", "60 gems", "600"], ["ALITV_E_ON_SCREEN", "A0"]),
    ] {
        stage.c(&words).ends_with(1).says(&["refused"]).says(&says);
    }
    let mut rpc = stage.rpc();
    for (method, name, value, code) in [
        ("pay", "title", json!(long), -1002),
        ("pay", "title", json!(""), -1002),
        ("pay", "amount_fen", json!(0), -1003),
        ("pay", "amount_fen", json!("600"), -32602),
        ("pay", "order_id", json!("gift-1"), -1003),
        ("pay_from_server", "order_id", Value::Null, -32602),
        ("pay_from_server", "notify_url", Value::Null, -32602),
        ("pay_from_server", "title", json!(long), -1002),
    ] {
        let mut params = order("B1");
        params[name] = value;
        if params[name].is_null() {
            params.as_object_mut().unwrap().remove(name);
        }
        let (got, text) = rpc.error(method, params);
        assert!(got == code && text.contains(name), "{method} {name}: {got} {text}");
    }
    stage.cli(&["pay", "--title", &long, "--amount", "1"]).ends_with(2).says(&["title", "128"]);

    // The same number for something else.
    rpc.ok("pay", order("B2"));
    stage.c(&["pay", "B2", "60 gems", "700"]).ends_with(0).says(&["on_pay_error ALITV_E_CONFLICT"]);
    let mut other = order("B2");
    other["amount_fen"] = json!(700);
    assert_eq!(rpc.error("pay", other).0, -1302);
    stage
        .cli(&["pay", "--order", "B2", "--title", "60 gems", "--amount", "700"])
        .ends_with(1)
        .says(&["CONFLICT (-1302)", "take a new one"]);

    // What the player and the gateway can do.
    stage.sandbox.scenario("cancel.buyer");
    stage.c(&["pay", "C1", "60 gems", "600"]).ends_with(0).says(&["on_pay_cancel cancelled"]);
    stage.sandbox.scenario("precreate.refused");
    stage
        .c(&["pay", "C2", "60 gems", "600"])
        .ends_with(0)
        .says(&["on_pay_error ALITV_E_GATEWAY ORDER_REFUSED title=60 gems amount=600"]);
    stage.sandbox.scenario("cancel.buyer");
    stage.cli(&["pay", "--title", "60 gems", "--amount", "600"]).ends_with(10);
}

#[test]
fn row_9_repay() {
    let stage = Stage::new();
    stage.sandbox.scenario_of_all("success");
    let words =
        ["repay", "S1", "Monthly pass", "Gem Garden monthly", "1", URL, "600", "600", "900"];
    stage.c(&words).ends_with(0).says(&["on_pay_success S1", "amount=600 interval=month"]);

    let mut rpc = stage.rpc();
    rpc.ok("watch", json!({}));
    let repay = |id: &str| {
        json!({ "order_id": id, "title": "Pass", "subject": "Gems", "interval": "season",
                "prices_fen": [1800, 1800], "description": "60 gems a day", "notify_url": URL })
    };
    assert_eq!(rpc.ok("repay", repay("S2"))["interval"], "season");
    let paid = rpc.event(|event| event["order_id"] == "S2" && event["state"] == "paid");
    rpc.ok("ack", json!({ "order_id": "S2", "sequence": paid["sequence"] }));

    let command = |id: &'static str| {
        ["repay", "--order", id, "--notify", URL, "--title", "Pass", "--subject", "Gems"]
    };
    let month = ["--interval", "month", "--price", "600", "--price", "600", "--json"];
    let end = stage.cli(&[&command("S3")[..], &month].concat()).ends_with(0).json();
    assert_eq!((&end["state"], &end["interval"]), (&json!("paid"), &json!("month")));
    stage.cli(&["query", "S3"]).ends_with(0).says(&["interval  month"]);

    // Too many prices, no interval, no subject, no address.
    let many: Vec<&str> = words[..6].iter().copied().chain(["1"; 13]).collect();
    stage.c(&many).ends_with(1).says(&["ALITV_E_INVALID", "12"]);
    let no_interval = ["repay", "S4", "Pass", "Gems", "9", URL, "600"];
    stage.c(&no_interval).ends_with(1).says(&["ALITV_E_INVALID", "interval"]);
    let no_subject = ["repay", "S4", "Pass", "-", "1", URL, "600"];
    stage.c(&no_subject).ends_with(1).says(&["ALITV_E_NULL", "subject"]);
    let no_url = ["repay", "S4", "Pass", "Gems", "1", "-", "600"];
    stage.c(&no_url).ends_with(1).says(&["ALITV_E_NULL", "notify_url"]);
    for (name, value, code) in [
        ("prices_fen", json!([]), -1003),
        ("prices_fen", json!([1, 1, 1, 1, 1]), -1003),
        ("interval", json!("week"), -32602),
        ("subject", json!("x".repeat(10_000)), -1002),
        ("description", json!("x".repeat(257)), -1002),
    ] {
        let mut params = repay("S5");
        params[name] = value;
        let (got, text) = rpc.error("repay", params);
        assert!(got == code && text.contains(name), "{name}: {got} {text}");
    }
    stage.cli(&[&command("S5")[..], &["--interval", "week", "--price", "1"]].concat()).ends_with(2);

    // Operations have not switched subscriptions on, or the charges are more than they allow.
    let denied = stage.c_as(RACER, &["repay", "S6", "Pass", "Gems", "1", URL, "600"]);
    denied.ends_with(0).says(&["on_pay_error ALITV_E_GATEWAY RENEWAL_ORDER_NOT_ALLOWED"]);
    stage
        .cli_as(RACER, &[&command("S7")[..], &month].concat())
        .ends_with(12)
        .says(&["RENEWAL_ORDER_NOT_ALLOWED"]);
    let dear = ["repay", "S8", "Pass", "Gems", "1", URL, "600000", "600001"];
    stage.c(&dear).ends_with(0).says(&["on_pay_error ALITV_E_GATEWAY RENEWAL_PRICE_EXCEED_LIMIT"]);
}

#[test]
fn row_16_prizes_for_paying() {
    let stage = Stage::new();
    stage.sandbox.scenario_of_all("success");
    let pay = |id, product| json!({ "order_id": id, "title": "60 gems", "amount_fen": 600, "subject_id": product });
    // Somebody who is not signed in wins nothing.
    let done = stage.c(&["pay", "P1", "60 gems", "600", "gem60"]).ends_with(0);
    assert!(!done.says(&["on_pay_success P1"]).stdout.contains("award="));

    stage.sign_in("100001");
    stage
        .c(&["pay", "P2", "60 gems", "600", "gem60"])
        .ends_with(0)
        .says(&["on_pay_success P2", "award=10 积分 10 points type=商城积分 amount=10"]);
    let mut rpc = stage.rpc();
    rpc.ok("watch", json!({}));
    rpc.ok("pay", pay("P3", "gem60"));
    let paid = rpc.event(|event| event["order_id"] == "P3" && event["state"] == "paid");
    rpc.ok("ack", json!({ "order_id": "P3", "sequence": paid["sequence"] }));
    assert_eq!(paid["awards"][0]["name"], "10 积分 10 points");
    stage.cli(&["query", "P3"]).ends_with(0).says(&["award     10 积分 10 points"]);
    // Another product has none.
    rpc.ok("pay", pay("P4", "other"));
    let paid = rpc.event(|event| event["order_id"] == "P4" && event["state"] == "paid");
    assert!(paid["awards"].is_null(), "{paid}");
}
