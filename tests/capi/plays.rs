//! Programs that act out a play with their engine. Each `step()` of the program carries out the
//! next step of the script, and goes on when it is done.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{json, Value};

use super::build::{finish, valgrind};
use super::fake::{Fake, Manners};
use super::{command, program};

const APP: &str = "23012345";

type Step = Box<dyn Fn(&Fake)>;

/// An engine that has been played with. It leaves before its directory does.
struct Played {
    fake: Fake,
    _directory: tempfile::TempDir,
}

/// Runs `tests/c/NAME.c` with this script; what the engine was asked is left to look at.
fn play(name: &str, manners: Manners, script: Vec<Step>) -> Played {
    play_under(None, name, manners, script)
}

fn play_under(wrapper: Option<Command>, name: &str, manners: Manners, script: Vec<Step>) -> Played {
    let directory = tempfile::tempdir().unwrap();
    let fake = Fake::start_with(directory.path(), Manners { hold: Some("step"), ..manners });
    let program = program(name, directory.path());
    let program = match wrapper {
        Some(mut wrapper) => {
            wrapper.arg(program).env("ALITV_PAY_SOCKET", &fake.path);
            wrapper
        }
        None => command(&program, &fake),
    };
    let actor = std::thread::spawn(move || finish(program, Duration::from_secs(120)));
    for (done, step) in script.iter().enumerate() {
        let until = Instant::now() + Duration::from_secs(60);
        while fake.count("step") <= done {
            if actor.is_finished() {
                actor.join().unwrap();
                panic!("{name} ended before step {}", done + 1);
            }
            assert!(Instant::now() < until, "{name} does not come to step {}", done + 1);
            std::thread::sleep(Duration::from_millis(2));
        }
        step(&fake);
        fake.release(json!({}));
    }
    actor.join().unwrap();
    assert_eq!(fake.count("step"), script.len(), "{name} has other steps than its script");
    Played { fake, _directory: directory }
}

fn step(act: impl Fn(&Fake) + 'static) -> Step {
    Box::new(act)
}

/// Changes what the engine answers.
fn manners(change: impl Fn(&mut Manners) + 'static) -> Step {
    step(move |fake| fake.manners(&change))
}

/// Tells events.
fn tell(events: Vec<Value>) -> Step {
    step(move |fake| events.iter().for_each(|event| fake.tell(event.clone())))
}

fn with(mut report: Value, members: Value) -> Value {
    for (name, value) in members.as_object().unwrap() {
        report[name] = value.clone();
    }
    report
}

fn account(state: &str, sequence: u64, auth: Value) -> Value {
    let user = if state == "signed_out" { json!({}) } else { json!({"user_id": "u1"}) };
    let auth = if auth.is_null() { json!({}) } else { json!({ "auth": auth }) };
    let account = json!({"app_key": APP, "state": state, "sequence": sequence});
    with(with(account, user), auth)
}

fn attempt(name: &str, phase: &str) -> Value {
    let code = match phase {
        "code" => json!({"qr_text": "https://login/1", "expires_s": 180}),
        _ => json!({}),
    };
    with(json!({"attempt": name, "phase": phase}), code)
}

fn account_event(state: &str, sequence: u64, auth: Value) -> Value {
    with(account(state, sequence, auth), json!({"kind": "account"}))
}

/// Nobody is signed in, and `profile` is switched on.
fn signed_out(profile: Value) -> Manners {
    let mut app = json!({ "account": account("signed_out", 0, Value::Null) });
    if !profile.is_null() {
        app["profile"] = profile;
    }
    Manners { snapshot: [("apps", json!([app]))].into(), ..Manners::default() }
}

/// The next `auth` begins this attempt.
fn will_begin(fake: &Fake, sequence: u64, name: &str) {
    let begun = account("signed_out", sequence, attempt(name, "started"));
    fake.manners(|manners| drop(manners.results.insert("auth", begun)));
}

#[test]
fn account_program() {
    let mut start = signed_out(Value::Null);
    start.results.insert("auth", account("signed_out", 1, attempt("a1", "started")));
    start.results.insert("user.info", json!({"user_id": "u1", "nick": "小明", "points": 500}));
    start.results.insert("auth.cancel", account("authorised", 41, Value::Null));
    start.results.insert("auth.logout", account("signed_out", 42, Value::Null));
    let script = vec![
        tell(vec![account_event("signed_out", 2, attempt("a1", "code"))]),
        tell(vec![
            account_event("signed_out", 3, attempt("a1", "scanned")),
            account_event("authorised", 4, attempt("a1", "success")),
        ]),
        manners(|manners| manners.refuse = Some(("user.info", -2201, "nobody is signed in"))),
        step(|fake| {
            will_begin(fake, 11, "a2");
            fake.tell(account_event("signed_out", 10, Value::Null));
        }),
        step(|fake| {
            fake.wait_for("auth", 2);
            fake.tell(account_event("signed_out", 12, attempt("a2", "cancelled")));
            will_begin(fake, 21, "a3");
        }),
        step(|fake| {
            fake.wait_for("auth", 3);
            let failed = with(attempt("a3", "failed"), json!({"result": -2206}));
            fake.tell(account_event("signed_out", 22, failed));
            fake.manners(|manners| manners.refuse = Some(("auth", -1204, "too many")));
        }),
        tell(vec![
            account_event("signed_out", 31, attempt("x1", "code")),
            account_event("signed_out", 32, attempt("x1", "failed")),
            account_event("signed_out", 33, attempt("x2", "started")),
            account_event("authorised", 34, attempt("x2", "success")),
        ]),
    ];
    let Played { fake, .. } = &play("account", start, script);
    let change: Vec<Value> = fake.asked("auth").iter().map(|a| a["change"].clone()).collect();
    assert_eq!(change, [Value::Null, json!(true), Value::Null, Value::Null]);
}

#[test]
fn web_program() {
    let pages: Vec<Value> =
        ["start", "custom"].map(|kind| json!({"kind": kind, "url": "https://h/p"})).into();
    let profile = json!({"pages": pages, "renewal": true, "qr_url": "https://h/goods"});
    let page = |web_id: &str, open: bool| {
        json!({"app_key": APP, "web_id": web_id, "page": "custom", "url": "https://h/p?level=3",
            "open": open})
    };
    let event = move |page: Value| with(page, json!({"kind": "web"}));
    let opens = move |web_id: &str| json!({"shown": true, "web": page(web_id, true)});
    // The snapshot has no profile: the program is to see that it is not ready before.
    let mut start = signed_out(Value::Null);
    start.results.insert("web.open", opens("w1"));
    start.results.insert("web.closed", json!({}));
    let script = vec![
        tell(vec![with(profile, json!({"kind": "profile", "app_key": APP}))]),
        step(move |fake| {
            fake.wait_for("web.closed", 1);
            fake.tell(event(page("w1", false)));
            fake.manners(|manners| manners.refuse = Some(("web.open", -1303, "another is open")));
        }),
        manners(move |manners| {
            manners.refuse = None;
            manners.results.insert("web.open", opens("w2"));
        }),
        tell(vec![event(with(page("w2", false), json!({"result": -1206})))]),
        tell(vec![event(page("x1", true))]),
        tell(vec![event(page("x1", false))]),
    ];
    let Played { fake, .. } = &play("web", start, script);
    let asked = fake.asked("web.open");
    assert_eq!(asked.len(), 3);
    assert_eq!(asked[0]["params"], json!({"level": "3"}));
    assert_eq!(asked[0]["timeout_s"], 60);
    assert_eq!(fake.asked("web.closed")[0]["web_id"], "w1");
}

/// Ids that were acknowledged, in their order, once so many were.
fn acked(fake: &Fake, count: usize) -> Vec<(String, u64)> {
    fake.wait_for("ack", count);
    let acks = fake.asked("ack").into_iter();
    let ack =
        |a: Value| (a["order_id"].as_str().unwrap().to_owned(), a["sequence"].as_u64().unwrap());
    acks.map(ack).collect()
}

fn draw(id: &str, state: &str, members: Value) -> Value {
    let sequence = if state == "created" { 1 } else { 3 };
    let report = json!({"kind": "draw", "app_key": APP, "draw_id": id, "state": state,
        "sequence": sequence, "event_key": "wheel", "user_id": "u1", "created_ms": 5});
    with(report, members)
}

fn won(id: &str) -> Value {
    let award = json!({"award_id": "9", "name": "pad", "full_desc": "within 15 days"});
    draw(id, "won", json!({"award": award, "points_left": 450}))
}

fn lost(id: &str) -> Value {
    draw(id, "lost", json!({"free_left": 0}))
}

fn denied(id: &str) -> Value {
    draw(id, "failed", json!({"result": -1307, "gateway_code": "POINTS_NOT_ENOUGH"}))
}

const FIRST: &str = "draw-00000000000000000001";

fn lottery() -> (Manners, Vec<Step>) {
    let awards = json!([
        {"award_id": "9", "name": "pad", "award_type": 7, "amount": 1, "price_fen": 9900,
            "hyperlink_url": "https://shop/1"},
        {"award_id": "10", "name": "toy"},
    ]);
    let wheel = json!({"activity_id": "1", "event_key": "wheel", "name": "转盘",
        "start_time": "2016-01-01 00:00:00", "lucky_type": "mixed", "consume_amount": 50,
        "access_amount": 1, "awards": awards});
    let mut start = signed_out(Value::Null);
    let list = json!({"activities": [wheel, {"activity_id": "2", "event_key": "other"}]});
    start.results.insert("lottery.activities", list);
    start.results.insert("lottery.draw", draw(FIRST, "created", json!({})));
    let script = vec![
        manners(|manners| {
            manners.results.insert("lottery.activities", json!({"activities": []}));
        }),
        manners(|m| m.refuse = Some(("lottery.activities", -3001, "no network"))),
        step(|fake| {
            fake.wait_for("lottery.draw", 1);
            fake.tell(won(FIRST));
        }),
        tell(vec![won(FIRST)]),
        step(|fake| {
            fake.wait_for("ack", 1);
            fake.tell(with(won(FIRST), json!({"acked": true})));
        }),
        tell(vec![lost("draw-2"), denied("draw-3")]),
        manners(|m| m.refuse = Some(("lottery.draw", -2201, "nobody is signed in"))),
        tell(vec![won("draw-4"), lost("draw-5"), denied("draw-6")]),
        tell(vec![won("draw-7"), lost("draw-8"), denied("draw-9")]),
    ];
    (start, script)
}

#[test]
fn lottery_program() {
    let (start, script) = lottery();
    let Played { fake, .. } = &play("lottery", start, script);
    let ids = [FIRST, "draw-2", "draw-3", "draw-8", "draw-9"];
    assert_eq!(acked(fake, ids.len()), ids.map(|id| (id.to_owned(), 3)));
    let draws = fake.asked("lottery.draw");
    assert_eq!(draws.len(), 2);
    assert_eq!((&draws[0]["draw_id"], &draws[0]["confirm_key"]), (&json!(FIRST), &json!("1.ab")));
    assert!(draws[0].get("behavior_key").is_none(), "an empty key is none: {}", draws[0]);
    let keys: Vec<Value> =
        fake.asked("lottery.activities").iter().map(|a| a["event_key"].clone()).collect();
    assert_eq!(keys, [Value::Null, json!("nothing"), Value::Null]);
}

/// Lists in lists, and structs that point to structs.
#[test]
fn valgrind_finds_nothing_in_the_lottery() {
    let Some(valgrind) = valgrind() else { return };
    let (start, script) = lottery();
    play_under(Some(valgrind), "lottery", start, script);
}

fn gift(gift_id: u64, state: &str, members: Value) -> Value {
    let sequence = if state == "created" { 1 } else { 3 };
    let report = json!({"kind": "gift", "app_key": APP, "id": format!("gift-{gift_id}"),
        "gift_id": gift_id.to_string(), "state": state, "sequence": sequence, "user_id": "u1",
        "created_ms": 5});
    with(report, members)
}

fn granted(gift_id: u64) -> Value {
    gift(gift_id, "granted", json!({"cp_item_id": "gems"}))
}

fn taken(gift_id: u64) -> Value {
    gift(gift_id, "failed", json!({"result": -1305}))
}

#[test]
fn gifts_program() {
    let mut start = signed_out(Value::Null);
    let one = json!({"gift_id": "9007199254740993", "cp_item_id": "gems", "status": "pending"});
    start.results.insert("gift.list", json!({"gifts": [one], "more": true}));
    start.results.insert("gift.take", gift(7, "created", json!({})));
    let script = vec![
        manners(|manners| drop(manners.results.insert("gift.list", json!({"gifts": []})))),
        manners(|m| m.refuse = Some(("gift.list", -2201, "nobody is signed in"))),
        step(|fake| {
            fake.wait_for("gift.take", 1);
            fake.tell(granted(7));
        }),
        tell(vec![granted(7)]),
        tell(vec![taken(8)]),
        manners(|m| m.refuse = Some(("gift.take", -2201, "nobody is signed in"))),
        tell(vec![granted(10), taken(11)]),
    ];
    let Played { fake, .. } = &play("gifts", start, script);
    let ids = ["gift-7", "gift-8", "gift-11"];
    assert_eq!(acked(fake, ids.len()), ids.map(|id| (id.to_owned(), 3)));
    assert_eq!(fake.asked("gift.take")[0]["gift_id"], "7");
}

#[test]
fn repay_program() {
    let award = json!({"award_id": "1", "name": "10 points", "amount": 10});
    let paid = json!({"app_key": APP, "order_id": "S1", "state": "paid", "sequence": 3,
        "amount_fen": 600, "title": "monthly pass", "created_ms": 1, "interval": "month",
        "awards": [award]});
    let mut start = signed_out(Value::Null);
    start.results.insert("repay", paid);
    let script = vec![step(|fake| {
        fake.wait_for("cancel", 1);
        fake.manners(|manners| manners.refuse = Some(("repay", -1302, "exists already")));
    })];
    let Played { fake, .. } = &play("repay", start, script);
    let asked = &fake.asked("repay")[0];
    let wanted = json!({"order_id": "S1", "title": "monthly pass", "subject": "pass",
        "interval": "month", "prices_fen": [600, 500, 400], "description": "no adverts",
        "subject_id": "vip_month", "notify_url": "https://merchant.example/notify",
        "expires_s": 60});
    for (name, value) in wanted.as_object().unwrap() {
        assert_eq!(asked[name], *value, "{name}");
    }
}
