//! Rows 14, 15, 17 and 18: activities, draws, gifts.

use std::time::{SystemTime, UNIX_EPOCH};

use alitv_pay::wire::confirm::{confirm_key, ConfirmFacts};
use alitv_pay::wire::secret::Secret;
use serde_json::{json, Value};

use super::kit::{Socket, Stage, GEMS, RACER};
use crate::stage::until;

#[test]
fn row_14_get_activites_info() {
    let stage = Stage::new();
    let activities = stage.rpc().ok("lottery.activities", json!({}))["activities"].clone();
    let keys: Vec<&str> =
        activities.as_array().unwrap().iter().map(|a| a["event_key"].as_str().unwrap()).collect();
    assert_eq!(
        keys,
        ["DAILY_SIGN", "LUCKY_WHEEL", "BOSS_CHEST", "TREASURE_MAP"],
        "and none is over"
    );
    stage.c(&["activities"]).ends_with(0).says(&[
        "on_activities 4",
        "activity LUCKY_WHEEL lucky=2 costs=50 free=0 from=2016-01-01 00:00:00",
        "activity TREASURE_MAP lucky=3 costs=10",
        "award=无线手柄 Wireless pad type=实物（有店铺）",
    ]);
    let one = stage.cli(&["lottery", "activities", "--event-key", "BOSS_CHEST", "--json"]);
    let one = one.ends_with(0).json();
    assert_eq!(one["activities"].as_array().unwrap().len(), 1);
    assert_eq!(one["activities"][0]["awards"][0]["hyperlink_desc"], "扫码取票 Scan for the ticket");
    stage.cli(&["lottery", "activities"]).ends_with(0).says(&["50 points", "Cinema ticket"]);

    // An unknown one, and one that is over: the list is empty.
    for key in ["NO_SUCH", "SUMMER_2016"] {
        stage.c(&["activities", key]).ends_with(0).says(&["on_activities 0"]);
        let list = stage.rpc().ok("lottery.activities", json!({ "event_key": key }));
        assert_eq!(list["activities"], json!([]));
        stage
            .cli(&["lottery", "activities", "--event-key", key])
            .ends_with(0)
            .says(&["no activities"]);
    }
    let long = "x".repeat(65);
    stage.c(&["activities", &long]).ends_with(1).says(&["event_key", "64"]);
    assert_eq!(stage.rpc().error("lottery.activities", json!({ "event_key": long })).0, -1003);
}

#[test]
fn row_15_get_lottery_result_with_permission() {
    let stage = Stage::new();
    // Not authorised.
    stage.c(&["draw", "DAILY_SIGN"]).ends_with(0).says(&["on_draw_error ALITV_E_UNAUTHORIZED"]);
    let params = |id: &str| json!({ "draw_id": id, "event_key": "DAILY_SIGN" });
    assert_eq!(stage.rpc().error("lottery.draw", params("draw-0")).0, -2201);
    stage
        .cli(&["lottery", "draw", "DAILY_SIGN"])
        .ends_with(1)
        .says(&["UNAUTHORIZED (-2201)", "alitv-pay auth"]);

    // Three free draws, one each way; a repeated number draws once.
    stage.sign_in("100001");
    stage.c(&["draw", "DAILY_SIGN", "draw-1"]).ends_with(0).says(&["on_draw draw-1", "free=2"]);
    stage.c(&["draw", "DAILY_SIGN", "draw-1"]).ends_with(0).says(&["on_draw draw-1", "free=2"]);
    let mut rpc = stage.rpc();
    rpc.ok("watch", json!({}));
    rpc.ok("lottery.draw", params("draw-2"));
    let is_end = |event: &Value| {
        let state = event["state"].as_str().unwrap_or_default();
        event["draw_id"] == "draw-2" && ["won", "lost"].contains(&state)
    };
    let end = rpc.event(is_end);
    assert_eq!(end["free_left"], 1);
    rpc.ok("ack", json!({ "order_id": "draw-2", "sequence": end["sequence"] }));
    let words = ["lottery", "draw", "DAILY_SIGN", "--draw-id", "draw-3", "--json"];
    let end = stage.cli(&words).ends_with(0).json();
    assert_eq!((&end["free_left"], &end["draw_id"]), (&json!(0), &json!("draw-3")));
    let again = stage.cli(&words).ends_with(0).json();
    assert_eq!((&again["state"], &again["free_left"]), (&end["state"], &json!(0)));

    // A wrong key, and one that is over: not won.
    for key in ["NO_SUCH", "SUMMER_2016"] {
        let done = stage.c(&["draw", key]).ends_with(0);
        assert!(done.says(&["on_draw draw-"]).stdout.contains(" lost "));
        stage.cli(&["lottery", "draw", key]).ends_with(0).says(&["draw.lost"]);
    }
    // The number is taken by another draw; a number that is none.
    let other = json!({ "draw_id": "draw-2", "event_key": "TREASURE_MAP" });
    assert_eq!(rpc.error("lottery.draw", other).0, -1302);
    assert_eq!(rpc.error("lottery.draw", params("A1")).0, -1003);
    stage.c(&["draw", "DAILY_SIGN", "A1"]).ends_with(1).says(&["ALITV_E_INVALID", "draw-"]);
    stage.cli(&["lottery", "draw", "DAILY_SIGN", "--draw-id", "A1"]).ends_with(2);
    let long = "x".repeat(65);
    stage.c(&["draw", &long]).ends_with(1).says(&["ALITV_E_STRING", "event_key", "64"]);
    stage.c(&["draw", "-"]).ends_with(1).says(&["ALITV_E_NULL", "event_key"]);
}

#[test]
fn row_15_points_keys_and_behaviours() {
    let stage = Stage::new();
    stage.sign_in("100002");
    // A draw that costs more than the user has is an error, and nothing is spent.
    stage
        .c(&["draw", "LUCKY_WHEEL"])
        .ends_with(0)
        .says(&["on_draw_error ALITV_E_DRAW_DENIED POINTS_NOT_ENOUGH"]);
    stage
        .cli(&["lottery", "draw", "LUCKY_WHEEL"])
        .ends_with(12)
        .says(&["draw.failed", "POINTS_NOT_ENOUGH"]);
    assert_eq!(stage.rpc().ok("user.info", json!({}))["points"], 5);

    // A draw that wants a confirmKey, and one of its behaviours.
    let boss = |behavior_key: &'static str| {
        let secret = Secret::new("sandbox-confirm-secret").unwrap();
        let facts = ConfirmFacts {
            app_key: GEMS,
            behavior_key,
            event_key: "BOSS_CHEST",
            user_id: "100002",
        };
        let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        confirm_key(&secret, &facts, now_ms as i64)
    };
    stage
        .c(&["draw", "BOSS_CHEST", "-", "-", "boss_down"])
        .ends_with(0)
        .says(&["on_draw_error ALITV_E_DRAW_DENIED CONFIRM_KEY_INVALID"]);
    stage
        .c(&["draw", "BOSS_CHEST", "-", &boss("sleep"), "sleep"])
        .ends_with(0)
        .says(&["on_draw_error ALITV_E_DRAW_DENIED BEHAVIOR_NOT_ALLOWED"]);
    let key = boss("boss_down");
    let words =
        ["lottery", "draw", "BOSS_CHEST", "--confirm-key", &key, "--behavior-key", "boss_down"];
    stage.cli(&words).ends_with(0).says(&["draw.won", "Cinema ticket", "/"]);
    // A key is good for one draw.
    stage.cli(&words).ends_with(12).says(&["CONFIRM_KEY_INVALID"]);
    let token = "x".repeat(257);
    stage.c(&["draw", "BOSS_CHEST", "-", &token]).ends_with(1).says(&["confirm_key", "256"]);
}

fn gift_ids(list: &Value) -> Vec<String> {
    let gifts = list["gifts"].as_array().unwrap().iter();
    gifts.map(|gift| gift["gift_id"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the platform has marked what was given out.
fn await_gifts(rpc: &mut Socket, wanted: &[String]) {
    until("the gift to be marked", || {
        let left = gift_ids(&rpc.ok("gift.list", json!({})));
        (left == wanted).then_some(())
    });
}

#[test]
fn row_17_query_gifts() {
    let stage = Stage::new();
    stage.c(&["gift-list"]).ends_with(0).says(&["on_gift_list_error ALITV_E_UNAUTHORIZED"]);
    assert_eq!(stage.rpc().error("gift.list", json!({})).0, -2201);
    stage.cli(&["gift", "list"]).ends_with(1).says(&["UNAUTHORIZED", "alitv-pay auth"]);

    stage.sign_in("100002");
    stage.c(&["gift-list"]).ends_with(0).says(&["on_gift_list 0"]);
    assert_eq!(stage.rpc().ok("gift.list", json!({})), json!({ "gifts": [] }));
    stage.cli(&["gift", "list"]).ends_with(0).says(&["no gifts"]);

    stage.sign_in("100001");
    stage.c(&["gift-list"]).ends_with(0).says(&["on_gift_list 2", "skin_dragon status=1"]);
    let list = stage.rpc().ok("gift.list", json!({}));
    assert_eq!(gift_ids(&list).len(), 2, "the one that ran out is not among them");
    assert_eq!(stage.cli(&["gift", "list", "--json"]).ends_with(0).json(), list);
    stage.cli(&["gift", "list"]).ends_with(0).says(&["GIFT", "gems_100"]);
}

#[test]
fn row_18_take_gifts() {
    let stage = Stage::new();
    stage.c(&["gift-take", "12"]).ends_with(0).says(&["on_gift_error ALITV_E_UNAUTHORIZED 12"]);
    assert_eq!(stage.rpc().error("gift.take", json!({ "gift_id": "12" })).0, -2201);
    stage.cli(&["gift", "take", "12"]).ends_with(1).says(&["UNAUTHORIZED (-2201)"]);

    stage.sign_in("100001");
    let mut rpc = stage.rpc();
    let ids = gift_ids(&rpc.ok("gift.list", json!({})));
    // C: stored and acknowledged by the callback; then it is no longer listed.
    stage.c(&["gift-take", &ids[0]]).ends_with(0).says(&[&format!("on_gift gift-{}", ids[0])]);
    await_gifts(&mut rpc, &ids[1..]);
    // Again: the box knows that it has given it out.
    let again = stage.cli(&["gift", "take", &ids[0]]).ends_with(0);
    again.says(&["gift.granted", "acknowledged before"]);

    // The command line: taken, and told how to acknowledge; taking it again is harmless.
    let done = stage.cli(&["gift", "take", &ids[1]]).ends_with(0).says(&["gift.granted"]);
    let ack = done.stderr.split("alitv-pay ").last().unwrap().trim().to_owned();
    assert!(ack.starts_with(&format!("ack gift-{} ", ids[1])), "{ack}");
    stage.cli(&["gift", "take", &ids[1]]).ends_with(0).says(&["gift.granted"]);
    stage.cli(&ack.split(' ').collect::<Vec<_>>()).ends_with(0).says(&["acknowledged"]);
    await_gifts(&mut rpc, &[]);

    // The socket, with a gift of somebody else, one that does not exist and numbers that are none.
    stage.sign_in("100003");
    let id = gift_ids(&rpc.ok("gift.list", json!({})))[0].clone();
    rpc.ok("watch", json!({}));
    rpc.ok("gift.take", json!({ "gift_id": id }));
    let gift = rpc.event(|event| event["gift_id"] == id && event["state"] == "granted");
    assert_eq!(gift["cp_item_id"], "gems_100");
    rpc.ok("ack", json!({ "order_id": gift["id"], "sequence": gift["sequence"] }));
    stage.c(&["gift-take", "7"]).ends_with(0).says(&["on_gift_error ALITV_E_NOT_FOUND 7"]);
    stage.cli(&["gift", "take", "7"]).ends_with(12).says(&["gift.failed", "NOT_FOUND"]);
    stage.c(&["gift-take", "0"]).ends_with(1).says(&["ALITV_E_INVALID", "gift_id"]);
    for bad in [json!("0"), json!("x"), json!(7)] {
        let (code, text) = rpc.error("gift.take", json!({ "gift_id": bad }));
        assert!(text.contains("gift_id"), "{bad}: {code} {text}");
    }
    stage.cli(&["gift", "take", "x"]).ends_with(2).says(&["gift_id"]);
    stage.cli_as(RACER, &["gift", "take", "7"]).ends_with(1).says(&["UNAUTHORIZED"]);
}
