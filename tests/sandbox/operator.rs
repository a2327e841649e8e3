//! The operator's page: who may use it, what it shows, and what its forms do.

use alitv_pay::core::call::Ask;
use alitv_pay::core::facts::AppKey;
use alitv_pay::sandbox::Options;
use serde_json::{json, Value};

use crate::harness::{escaped, form_token, Answer, World};

const TABS: [&str; 11] = [
    "apps", "orders", "notifies", "renewals", "signins", "users", "lottery", "gifts", "clock",
    "events", "calls",
];
/// What makes a request look as if it had come through a proxy, from elsewhere.
const FROM_ELSEWHERE: &str = "X-Forwarded-For: 192.168.1.9";

fn show(world: &World, tab: &str) -> String {
    let answer = world.http("GET", &format!("/operator/{tab}?lang=en"), &[], "");
    assert_eq!(answer.status, 200, "{tab}: {}", answer.body);
    answer.body
}

fn submit(world: &World, tab: &str, action: &str, fields: &[(&str, &str)]) -> Answer {
    let token = form_token(&show(world, "clock"));
    let mut all = vec![("token", token.as_str()), ("action", action)];
    all.extend_from_slice(fields);
    world.submit(&format!("/operator/{tab}?lang=en"), &all)
}

fn does(world: &World, tab: &str, action: &str, fields: &[(&str, &str)]) {
    let answer = submit(world, tab, action, fields);
    assert_eq!(answer.status, 303, "{tab} {action} {fields:?}: {}", answer.body);
    let place = format!("location: /operator/{tab}?lang=en");
    assert!(answer.head.contains(&place), "{}", answer.head);
}

fn refused(world: &World, tab: &str, action: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let answer = submit(world, tab, action, fields);
    assert_ne!(answer.status, 303, "{tab} {action} {fields:?}");
    assert!(answer.body.contains("role=\"alert\""), "{}", answer.body);
    assert!(!answer.body.contains("http-equiv"), "a refusal must not vanish by itself");
    (answer.status, answer.body)
}

/// The cookie that an answer sets; it is of lower-case characters.
fn cookie(answer: &Answer) -> &str {
    let line = answer.head.lines().find_map(|line| line.strip_prefix("set-cookie: "));
    line.unwrap().split(';').next().unwrap()
}

fn apply(world: &World, attempt: &str) {
    let app_key = AppKey::new(world.app_key()).unwrap();
    world.ask(app_key, Ask::AuthApply { attempt: attempt.into() });
}

#[test]
fn every_page_is_there_in_both_languages_and_without_scripts() {
    let world = World::new();
    world.order("A");
    world.sign_in("100003");
    for tab in TABS {
        let page = world.http("GET", &format!("/operator/{tab}"), &["Accept-Language: zh"], "");
        assert_eq!(page.status, 200, "{tab}");
        assert!(page.head.contains("content-security-policy: default-src 'none'"), "{tab}");
        assert!(page.body.contains("lang=\"zh-CN\"") && page.body.contains("登录请求"), "{tab}");
        let english = show(&world, tab);
        assert!(english.contains("lang=\"en\"") && english.contains("Sign-ins"), "{tab}");
        for word in ["<script", "javascript:", " onclick", " style="] {
            assert!(!page.body.contains(word) && !english.contains(word), "{word} in {tab}");
        }
    }
    let start = world.http("GET", "/operator?lang=en", &[], "");
    assert!(start.status == 303 && start.head.contains("location: /operator/apps?lang=en"));
    assert_eq!(world.http("GET", "/operator/none", &[], "").status, 404);
    assert_eq!(world.http("GET", "/operator/none/x", &[], "").status, 404);
    assert_eq!(world.http("GET", "/operator.css", &[], "").status, 200);
    assert_eq!(
        world.sandbox.operator_url,
        format!("{}/operator", world.sandbox.base_url),
        "on loopback both have one origin"
    );
    assert!(world.sandbox.table().contains(&world.sandbox.operator_url));
}

#[test]
fn whoever_comes_from_elsewhere_must_show_the_control_token() {
    let world = World::new();
    let token = form_token(&show(&world, "users"));
    for tab in TABS {
        let page = world.http("GET", &format!("/operator/{tab}"), &[FROM_ELSEWHERE], "");
        assert_eq!(page.status, 403, "{tab}");
        assert!(page.body.contains("type=\"password\"") && !page.body.contains("100001"));
        assert!(!page.body.contains(&token), "{tab}");
    }
    let form = format!("token={token}&action=remove&user_id=100001");
    let headers = [FROM_ELSEWHERE, "Content-Type: application/x-www-form-urlencoded"];
    let pushed = world.http("POST", "/operator/users", &headers, &form);
    assert_eq!(pushed.status, 403);
    assert_eq!(world.points("100001"), 500);

    let enter = |token: &str| {
        let body = format!("token={token}");
        world.http("POST", "/operator/enter?lang=en", &headers, &body)
    };
    for wrong in ["", "x", token.as_str(), &world.sandbox.control_token[1..]] {
        let answer = enter(wrong);
        assert_eq!(answer.status, 403, "{wrong}");
        assert!(!answer.head.contains("set-cookie"), "{wrong}");
    }
    let entered = enter(&world.sandbox.control_token);
    assert_eq!(entered.status, 303, "{}", entered.body);
    assert!(entered.head.contains("; httponly; samesite=strict"), "{}", entered.head);
    assert!(!entered.head.contains(&world.sandbox.control_token), "it is not stored itself");
    let cookie = format!("Cookie: {}", cookie(&entered));
    let page = world.http("GET", "/operator/users", &[FROM_ELSEWHERE, &cookie], "");
    assert!(page.status == 200 && page.body.contains("100001"));
    let headers = [headers[0], headers[1], &cookie];
    assert_eq!(world.http("POST", "/operator/users", &headers, &form).status, 303);
    assert_eq!(world.refused("GET", "/users/100001", "").0, 404);
}

/// A peer of the network has the network's address, its own machine's included.
#[test]
fn on_a_network_only_the_loopback_address_needs_no_token() {
    let world = World::with(Options { lan: true, ..Options::default() });
    let outside = world.http("GET", "/operator/apps", &[], "").status;
    let on_loopback = world.sandbox.base_url.starts_with("http://127.");
    assert_eq!(outside, if on_loopback { 200 } else { 403 }, "{}", world.sandbox.base_url);
    assert!(world.sandbox.operator_url.starts_with("http://127.0.0.1:"));
    let index = world.http("GET", "/", &[], "").body;
    assert_eq!(index.contains("/operator"), on_loopback, "{index}");
}

#[test]
fn a_form_without_the_token_of_this_run_changes_nothing() {
    let world = World::new();
    let other = form_token(&show(&World::new(), "clock"));
    for token in ["", "x", &other, &world.sandbox.control_token] {
        for (tab, action) in [("users", "remove"), ("clock", "reset"), ("apps", "settings")] {
            let fields = [
                ("token", token),
                ("action", action),
                ("user_id", "100001"),
                ("sure", "yes"),
                ("app_key", "23012345"),
            ];
            let answer = world.submit(&format!("/operator/{tab}"), &fields);
            assert_eq!(answer.status, 403, "{tab} {token}");
        }
    }
    let bare = world.submit("/operator/users", &[("action", "remove"), ("user_id", "100001")]);
    assert_eq!(bare.status, 403);
    let binary = world.http("POST", "/operator/users", &[], "token=%FF%00\u{1}");
    assert_eq!(binary.status, 403);
    assert_eq!(world.points("100001"), 500);
    assert_eq!(world.does("GET", "/apps/23012345", "")["settings"]["renewal"], true);
}

#[test]
fn names_of_others_stay_texts() {
    let world = World::new();
    let hostile = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "</title><svg>"];
    for (at, name) in hostile.iter().enumerate() {
        let id = format!("u{at}'\"<b>");
        world.does("POST", "/users", &json!({"user_id": id, "nick": name}).to_string());
        let gift = json!({"user_id": id, "app_key": "23012345", "cp_item_id": "<b>\"'&",
            "name": name});
        world.does("POST", "/gifts", &gift.to_string());
        let activity = json!({"app_key": "23012345", "event_key": format!("<i>{at}\""),
            "name": name, "start_time": "2016-01-01 00:00:00", "end_time": "2099-01-01 00:00:00",
            "lucky_type": "free", "access_amount": 1, "behavior_keys": ["<u>\"'"],
            "awards": [{"name": name, "type_name": name, "weight": 1}]});
        world.does("POST", "/activities", &activity.to_string());
        apply(&world, &format!("<a>\"'&{at}"));
        let page = json!({"pages": {"start": {"title": name, "text": name}}});
        world.does("PATCH", "/apps/23012345", &page.to_string());
        world.http("GET", "/router/rest?method=%3Cscript%3Ealert(1)%3C/script%3E", &[], "");
        for tab in TABS {
            let body = show(&world, tab);
            for tag in ["<script", "<img", "<svg", "<b>\"", "<i>", "<u>", "<a>", "</title><"] {
                let title = tag == "</title><" && body.matches("</title>").count() == 1;
                assert!(title || !body.contains(tag), "{tag} in {tab}: {body}");
            }
        }
        for tab in ["users", "gifts", "lottery", "apps"] {
            assert!(show(&world, tab).contains(&escaped(name)), "{name} in {tab}");
        }
    }
    assert!(show(&world, "calls").contains(&escaped(hostile[0])));
    // What would turn the direction of other people's text round is not taken at all.
    let turned = [("user_id", "u9"), ("nick", "\u{202e}gnorw")];
    assert_eq!(refused(&world, "users", "create", &turned).0, 400);
    let named = [("user_id", "<script>"), ("nick", "<script>alert(2)")];
    does(&world, "users", "create", &named);
    let (_, page) = refused(&world, "users", "create", &named);
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script"), "{page}");
}

#[test]
fn orders_are_acted_on() {
    let world = World::new();
    let (path, app_key) = (world.order("A"), world.app_key());
    let of = [("app_key", app_key), ("order", "A")];
    let page = show(&world, "orders");
    assert!(page.contains(&format!("href=\"{path}?lang=en\"")) && page.contains("Not scanned"));
    for (action, text) in [
        ("scan", "Waiting for payment"),
        ("insufficient", "Not enough money"),
        ("pay", "Paid"),
        ("refund", "Refunded"),
    ] {
        does(&world, "orders", action, &of);
        assert!(show(&world, "orders").contains(text), "{action}");
    }
    assert_eq!(refused(&world, "orders", "pay", &of).0, 409);
    assert_eq!(refused(&world, "orders", "explode", &of).0, 400);
    assert_eq!(refused(&world, "orders", "pay", &[of[0], ("order", "B")]).0, 404);
    assert_eq!(refused(&world, "orders", "pay", &[of[0]]).0, 400);
    let filtered = world.http("GET", "/operator/orders?lang=en&app_key=23012346", &[], "").body;
    assert!(filtered.contains("No orders yet"), "{filtered}");
}

#[test]
fn users_are_made_changed_signed_out_and_removed() {
    let world = World::new();
    let new = [("user_id", "u9"), ("nick", "九 Nine"), ("points", "9"), ("avatar_url", "")];
    does(&world, "users", "create", &new);
    assert_eq!(world.does("GET", "/users/u9", "")["nick"], "九 Nine");
    assert_eq!(refused(&world, "users", "create", &new).0, 409);
    does(&world, "users", "points", &[("user_id", "u9"), ("points", "77")]);
    assert_eq!(world.points("u9"), 77);
    for (points, status) in [("-1", 400), ("", 400), ("1.5", 400), ("99999999999999", 400)] {
        let fields = [("user_id", "u9"), ("points", points)];
        assert_eq!(refused(&world, "users", "points", &fields).0, status, "{points}");
    }
    world.sign_in("100001");
    let page = show(&world, "users");
    assert!(page.contains("Sign out") && page.contains("Take back"), "{page}");
    let place = [("user_id", "100001"), ("app_key", "23012345")];
    does(&world, "users", "sign_out", &place);
    assert_eq!(world.does("GET", "/users/100001", "")["sessions"], json!([]));
    does(&world, "users", "unauthorise", &place);
    assert_eq!(world.does("GET", "/users/100001", "")["authorised"], json!({}));
    does(&world, "users", "remove", &[("user_id", "u9")]);
    assert_eq!(refused(&world, "users", "remove", &[("user_id", "u9")]).0, 404);
    assert_eq!(refused(&world, "users", "nothing", &[("user_id", "100001")]).0, 400);
    let many = [("user_id", "100001"), ("points", "1"), ("more", "x")];
    assert_eq!(refused(&world, "users", "points", &many).0, 400);
}

#[test]
fn no_session_token_stands_in_a_page() {
    let world = World::new();
    let session = world.sign_in("100001");
    for tab in TABS {
        assert!(!show(&world, tab).contains(session.expose()), "{tab}");
    }
}

fn activity(world: &World, event_key: &str) -> Value {
    let all = world.does("GET", "/activities?app_key=23012345", "");
    let list = all["activities"].as_array().unwrap().clone();
    list.into_iter().find(|a| a["event_key"] == event_key).unwrap_or_default()
}

#[test]
fn activities_odds_and_stock_are_changed() {
    let world = World::new();
    let new = [
        ("app_key", "23012345"),
        ("event_key", "NEW"),
        ("name", "新活动"),
        ("lucky_type", "mixed"),
        ("consume_amount", "5"),
        ("access_amount", "2"),
        ("lose_weight", "3"),
    ];
    does(&world, "lottery", "create", &new);
    assert_eq!(refused(&world, "lottery", "create", &new).0, 400, "two of one key at a time");
    let made = activity(&world, "NEW");
    assert_eq!((&made["consume_amount"], &made["on"]), (&5.into(), &true.into()));
    let id = made["activity_id"].as_str().unwrap();
    let award = [
        ("activity_id", id),
        ("name", "奖 Prize"),
        ("weight", "1"),
        ("stock", "2"),
        ("points", "7"),
        ("gift_item", "pack"),
        ("hyperlink_url", "https://shop.example.com/x"),
    ];
    does(&world, "lottery", "add_award", &award);
    assert!(show(&world, "lottery").contains("25.00%"));
    let odds = [
        ("activity_id", id),
        ("weight0", "9"),
        ("stock0", ""),
        ("lose_weight", "1"),
        ("consume_amount", "6"),
        ("access_amount", "1"),
    ];
    does(&world, "lottery", "change", &odds);
    let changed = activity(&world, "NEW");
    let prize = &changed["awards"][0];
    assert_eq!((&prize["weight"], &prize["stock"]), (&9.into(), &Value::Null));
    assert_eq!((&prize["points"], &prize["gift_item"]), (&7.into(), &"pack".into()));
    assert_eq!((&changed["lose_weight"], &changed["consume_amount"]), (&1.into(), &6.into()));
    let none = [("activity_id", id), ("weight0", "0"), ("lose_weight", "0"), odds[4], odds[5]];
    assert_eq!(refused(&world, "lottery", "change", &none).0, 400);
    let bad = [award[0], award[1], ("hyperlink_url", "ftp://x")];
    assert_eq!(refused(&world, "lottery", "add_award", &bad).0, 400);
    does(&world, "lottery", "end", &[("activity_id", id)]);
    assert_eq!(activity(&world, "NEW")["on"], false);
    does(&world, "lottery", "remove", &[("activity_id", id)]);
    assert_eq!(activity(&world, "NEW"), Value::Null);
    assert_eq!(refused(&world, "lottery", "end", &[("activity_id", id)]).0, 404);
}

#[test]
fn consumption_prizes_are_changed() {
    let world = World::new();
    let of = [("app_key", "23012345"), ("subject_id", "sword")];
    does(&world, "lottery", "add_prize", &[of[0], of[1], ("name", "鞘 Sheath"), ("weight", "1")]);
    let prize = |world: &World| {
        let prizes = world.does("GET", "/prizes", "")["prizes"].as_array().unwrap().clone();
        prizes.into_iter().find(|p| p["subject_id"] == "sword").unwrap_or_default()
    };
    assert_eq!(prize(&world)["awards"][0]["name"], "鞘 Sheath");
    let odds = [of[0], of[1], ("weight0", "2"), ("stock0", "5"), ("lose_weight", "8")];
    does(&world, "lottery", "change_prize", &odds);
    assert_eq!(prize(&world)["awards"][0]["stock"], 5);
    assert_eq!(prize(&world)["lose_weight"], 8);
    does(&world, "lottery", "remove_prize", &of);
    assert_eq!(prize(&world), Value::Null);
    assert_eq!(refused(&world, "lottery", "remove_prize", &of).0, 404);
}

#[test]
fn gifts_are_laid_out_released_and_ended() {
    let world = World::new();
    let new = [
        ("user_id", "100002"),
        ("app_key", "23012345"),
        ("cp_item_id", "shield"),
        ("name", "盾"),
        ("end_time", "2099-01-01 00:00:00"),
    ];
    does(&world, "gifts", "create", &new);
    let record = |world: &World| {
        let gifts = world.does("GET", "/gifts", "")["gifts"].as_array().unwrap().clone();
        gifts.into_iter().find(|gift| gift["cp_item_id"] == "shield").unwrap()
    };
    let id = record(&world)["gift_id"].as_str().unwrap().to_owned();
    let gift = [("gift_id", id.as_str())];
    assert!(show(&world, "gifts").contains("2099-01-01 00:00:00"));
    assert_eq!(refused(&world, "gifts", "release", &gift).0, 409);
    does(&world, "gifts", "expire", &gift);
    assert_eq!(record(&world)["state"], "expired");
    assert_eq!(refused(&world, "gifts", "expire", &gift).0, 409);
    assert_eq!(refused(&world, "gifts", "expire", &[("gift_id", "x")]).0, 400);
    for (at, bad) in [(0, "nobody"), (1, "1"), (2, ""), (2, "a b"), (4, "tomorrow")] {
        let mut fields = new;
        fields[at].1 = bad;
        let (status, _) = refused(&world, "gifts", "create", &fields);
        assert!((400..500).contains(&status), "{fields:?}");
    }
}

#[test]
fn settings_are_saved_whole() {
    let world = World::new();
    let form = [
        ("app_key", "23012346"),
        ("profile", "yes"),
        ("renewal_cap_fen", "5000"),
        ("qr_url", "https://shop.example.com/"),
        ("start.on", "yes"),
        ("start.url", ""),
        ("start.title", "标题 Title"),
        ("start.text", "one\r\ntwo"),
        ("exit.url", "https://bye.example.com/"),
    ];
    does(&world, "apps", "settings", &form);
    let settings = world.does("GET", "/apps/23012346", "")["settings"].clone();
    assert_eq!((&settings["profile"], &settings["renewal"]), (&true.into(), &false.into()));
    assert_eq!(settings["renewal_cap_fen"], 5000);
    assert_eq!(settings["pages"]["start"]["text"], "one\ntwo");
    assert_eq!(settings["pages"].get("exit"), None, "what is not switched on is off");
    let bad = [form[0], ("qr_url", "javascript:alert(1)")];
    assert_eq!(refused(&world, "apps", "settings", &bad).0, 400);
    assert_eq!(refused(&world, "apps", "settings", &[("app_key", "1")]).0, 404);
    assert_eq!(refused(&world, "apps", "settings", &[form[0], ("renewal_cap_fen", "0")]).0, 400);
}

#[test]
fn what_servers_may_do_is_set_on_the_same_form() {
    let world = World::new();
    let app = ("app_key", "23012345");
    let date = r#"{"flow":{"apis":{"taobao.baodian.server.date.get":{"calls":7,"per_s":9}}}}"#;
    world.does("PATCH", "/apps/23012345", date);
    let query = "flow.taobao.tvpay.partner.order.query";
    let form = [
        app,
        ("partner_apis_off", "yes"),
        ("ip_whitelist", "127.0.0.1, ::1"),
        ("flow.app.calls", "100"),
        ("flow.app.per_s", "60"),
        (&format!("{query}.calls"), "5"),
        (&format!("{query}.per_s"), "10"),
    ];
    does(&world, "apps", "settings", &form);
    let settings = world.does("GET", "/apps/23012345", "")["settings"].clone();
    assert_eq!(settings["partner_apis_off"], true);
    assert_eq!(settings["ip_whitelist"], serde_json::json!(["127.0.0.1", "::1"]));
    assert_eq!(settings["flow"]["app"]["calls"], 100);
    assert_eq!(settings["flow"]["apis"].as_object().unwrap().len(), 2, "{settings}");
    let page = show(&world, "apps");
    assert!(page.contains("127.0.0.1 ::1") && page.contains(&format!("{query}.per_s")));
    for bad in [("ip_whitelist", "localhost"), ("flow.app.calls", "1"), ("flow.app.per_s", "0")] {
        assert_eq!(refused(&world, "apps", "settings", &[app, bad]).0, 400, "{bad:?}");
    }
    does(&world, "apps", "settings", &[app]);
    let settings = world.does("GET", "/apps/23012345", "")["settings"].clone();
    assert_eq!(
        (&settings["ip_whitelist"], &settings["flow"]["app"]),
        (&serde_json::json!([]), &serde_json::Value::Null)
    );
    assert_eq!(settings["flow"]["apis"].as_object().unwrap().len(), 1, "that of boxes stays");
}

#[test]
fn secrets_are_shown_on_request_only() {
    let world = World::new();
    let secret = &world.sandbox.apps[0].app_secret;
    for tab in TABS {
        assert!(!show(&world, tab).contains(secret), "{tab}");
    }
    let asked = world.http("GET", "/operator/apps?secrets=1", &[], "");
    assert!(asked.status == 403 && !asked.body.contains(secret), "a user beside us is no owner");
    let pushed = world.submit("/operator/apps?secrets=1", &[("token", "x")]);
    assert!(pushed.status == 403 && !pushed.body.contains(secret), "nor by a wrong form");
    let token = world.sandbox.control_token.as_str();
    let entered = world.submit("/operator/enter?secrets=1", &[("token", token)]);
    assert!(entered.head.contains("location: /operator/apps?lang=zh&secrets=1"));
    let cookie = format!("Cookie: {}", cookie(&entered));
    let asked = world.http("GET", "/operator/apps?secrets=1", &[&cookie], "");
    assert!(asked.body.contains(secret) && !asked.body.contains(token));
}

#[test]
fn scenarios_clock_and_reset() {
    let world = World::new();
    does(&world, "clock", "scenario", &[("scenario", "success.slow"), ("orders", "2")]);
    let call = [("scenario", "gateway.500"), ("method", "lottery.draw"), ("times", "4")];
    does(&world, "clock", "scenario", &call);
    let page = show(&world, "clock");
    assert!(page.contains("success.slow") && page.contains("lottery.draw"));
    assert_eq!(world.does("GET", "/state", "")["scenarios"].as_array().unwrap().len(), 2);
    assert_eq!(refused(&world, "clock", "scenario", &[("scenario", "x")]).0, 400);
    assert_eq!(refused(&world, "clock", "scenario", &[]).0, 400);
    does(&world, "clock", "advance", &[("by", "1h")]);
    assert_eq!(world.does("GET", "/state", "")["ahead_s"], 3_600);
    assert!(show(&world, "apps").contains("+3600 s"));
    assert!(show(&world, "events").contains("clock.advanced"));
    for seconds in ["-5", "", "99999999999"] {
        assert_eq!(refused(&world, "clock", "advance", &[("seconds", seconds)]).0, 400);
    }
    world.order("A");
    does(&world, "users", "remove", &[("user_id", "100001")]);
    assert_eq!(refused(&world, "clock", "reset", &[]).0, 400, "it wants to be sure");
    assert_eq!(world.does("GET", "/state", "")["orders"], 1);
    does(&world, "clock", "reset", &[("sure", "yes")]);
    let state = world.does("GET", "/state", "");
    assert_eq!((&state["orders"], &state["ahead_s"]), (&0.into(), &0.into()));
    assert_eq!(world.points("100001"), 500);
}

#[test]
fn events_calls_and_attempts_are_listed_newest_first_and_by_app() {
    let world = World::new();
    world.order("A");
    does(&world, "orders", "pay", &[("app_key", world.app_key()), ("order", "A")]);
    apply(&world, "attempt-one");
    apply(&world, "attempt-two");
    let before = |page: &str, first: &str, second: &str| {
        let at = |text: &str| page.find(text).unwrap_or_else(|| panic!("no {text} in {page}"));
        assert!(at(first) < at(second), "{first} is not before {second}");
    };
    let events = show(&world, "events");
    before(&events, "auth.waiting", "order.paid");
    before(&events, "order.paid", "order.created");
    let calls = show(&world, "calls");
    before(&calls, "tvpay.auth.apply", "tvpay.order.precreate");
    let attempts = show(&world, "signins");
    before(&attempts, "attempt-two", "attempt-one");
    assert!(attempts.contains("A newer code has replaced this one"));
    for (tab, text) in [("events", "order.paid"), ("calls", "precreate"), ("signins", "attempt-")] {
        let other = format!("/operator/{tab}?lang=en&app_key=23012346");
        assert!(!world.http("GET", &other, &[], "").body.contains(text), "{tab}");
        assert!(show(&world, tab).contains("http-equiv=\"refresh\""), "{tab} looks again");
    }
    for tab in ["apps", "users", "lottery", "gifts", "clock"] {
        assert!(!show(&world, tab).contains("http-equiv"), "{tab} would lose what was typed");
    }
}
