//! The protocol client, about sign-ins, pages, look-ups, draws and gifts, against an engine that
//! misbehaves on demand.
#![cfg(feature = "client")]

mod fake;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use alitv_pay::client::{order_id, About, AuthFrom, Client, Event, Kind, Level, Options};
use alitv_pay::core::award::GiftId;
use alitv_pay::core::code::Code;
use alitv_pay::core::facts::{EventKey, Interval, OrderId};
use alitv_pay::core::report::{AuthPhase, State, WebKind};
use alitv_pay::ipc::proto::{Draw, Repay};
use alitv_pay::limits::{REQUESTS_MAX, WEB_PARAMS_MAX};
use alitv_pay::money::Fen;
use fake::{Fake, Manners};
use serde_json::{json, Value};

const APP: &str = "23012345";

struct Stage {
    fake: Fake,
    client: Client,
    _directory: tempfile::TempDir,
}

impl Stage {
    /// A client that has read ONLINE.
    fn new(manners: Manners) -> Stage {
        let directory = tempfile::tempdir().unwrap();
        let fake = Fake::start_with(directory.path(), manners);
        let options = Options { socket_path: Some(fake.path.clone()), ..Options::default() };
        let client = Client::open(options).unwrap();
        let mut stage = Stage { fake, client, _directory: directory };
        assert_eq!(stage.next().kind, Kind::Online);
        stage
    }

    /// The next event, or a failed test.
    fn next(&mut self) -> Event {
        let until = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(event) = self.client.next_event() {
                return event;
            }
            assert!(Instant::now() < until, "no event came");
            self.client.wait(Some(Duration::from_secs(30)));
        }
    }

    /// Nothing waits but the answer to a request that is made now.
    fn nothing_more(&mut self) {
        let op = self.client.request("status", None, 0).unwrap();
        let event = self.next();
        assert_eq!((event.kind, event.op), (Kind::Reply, op), "{event:?}");
    }

    /// The engine goes away, changes, and comes back.
    fn reconnect(&mut self, change: impl FnOnce(&mut Manners)) {
        self.fake.stop();
        assert_eq!(self.next().kind, Kind::Offline);
        self.fake.manners(change);
        self.fake.restart();
        assert_eq!(self.next().kind, Kind::Online);
    }
}

fn account(state: &str, sequence: u64, auth: Value) -> Value {
    let mut account = json!({"app_key": APP, "state": state, "sequence": sequence});
    if state != "signed_out" {
        account["user_id"] = json!("u1");
    }
    if !auth.is_null() {
        account["auth"] = auth;
    }
    account
}

fn attempt(name: &str, phase: &str) -> Value {
    let mut auth = json!({"attempt": name, "phase": phase});
    if phase == "code" {
        auth["qr_text"] = json!("https://login/1");
        auth["expires_s"] = json!(180);
    }
    auth
}

fn account_event(account: Value) -> Value {
    let mut event = account;
    event["kind"] = json!("account");
    event
}

fn apps(account: Value, profile: Value, web: Value) -> Value {
    let mut app = json!({ "account": account });
    if !profile.is_null() {
        app["profile"] = profile;
    }
    if !web.is_null() {
        app["web"] = web;
    }
    json!([app])
}

fn signed_out() -> Manners {
    Manners {
        snapshot: [("apps", apps(account("signed_out", 0, Value::Null), Value::Null, Value::Null))]
            .into(),
        results: [("auth", account("signed_out", 1, attempt("a1", "started")))].into(),
        ..Manners::default()
    }
}

fn phase(event: &Event) -> (AuthPhase, AuthFrom) {
    match &event.about {
        About::Account(report, from) => (report.auth.as_ref().unwrap().phase, *from),
        other => panic!("no account: {other:?}"),
    }
}

#[test]
fn a_sign_in_has_progress_and_one_end() {
    let mut stage = Stage::new(signed_out());
    assert!(!stage.client.is_auth());
    let op = stage.client.auth(false, 9).unwrap().expect("nobody is signed in");
    stage.fake.wait_for("auth", 1);
    for (sequence, name) in [(2, "code"), (3, "scanned")] {
        stage.fake.tell(account_event(account("signed_out", sequence, attempt("a1", name))));
        let event = stage.next();
        assert_eq!((event.kind, event.op, phase(&event).1), (Kind::Auth, 0, AuthFrom::Call));
    }
    stage.fake.tell(account_event(account("authorised", 4, attempt("a1", "success"))));
    let end = stage.next();
    assert_eq!((end.kind, end.op, end.tag, end.result), (Kind::Auth, op, 9, Code::OK));
    assert_eq!(phase(&end), (AuthPhase::Success, AuthFrom::Call));
    assert!(stage.client.is_auth());
    assert_eq!(stage.client.auth(false, 0), Ok(None), "nothing follows");
    stage.nothing_more();
    assert_eq!(stage.fake.count("auth"), 1);

    stage.fake.tell(account_event(account("signed_out", 5, Value::Null)));
    assert_eq!(stage.next().kind, Kind::Logout);
    assert!(!stage.client.is_auth());
    stage.fake.tell(account_event(account("signed_out", 6, Value::Null)));
    stage.nothing_more();
}

#[test]
fn each_who_asked_gets_an_end_and_who_did_not_ask_gets_one_in_all() {
    let mut stage = Stage::new(signed_out());
    let ops: Vec<_> = (0..2).map(|tag| stage.client.auth(false, tag).unwrap()).collect();
    stage.fake.wait_for("auth", 2);
    // The next attempt is told before the end of the one that it replaces.
    stage.fake.tell(account_event(account("signed_out", 9, attempt("b2", "started"))));
    stage.fake.tell(account_event(account("signed_out", 8, attempt("a1", "cancelled"))));
    for op in ops {
        let end = stage.next();
        assert_eq!((Some(end.op), end.result), (op, Code::AUTH_CANCELLED));
        assert_eq!(phase(&end).0, AuthPhase::Cancelled);
    }
    let mut failed = attempt("b2", "failed");
    failed["result"] = json!(Code::AUTH_EXPIRED.0);
    stage.fake.tell(account_event(account("signed_out", 10, failed)));
    let end = stage.next();
    assert_eq!((end.op, end.result), (0, Code::AUTH_EXPIRED));
    assert_eq!(phase(&end), (AuthPhase::Failed, AuthFrom::Elsewhere));
    stage.nothing_more();
}

#[test]
fn a_refused_sign_in_is_a_reply() {
    let refuse = Some(("auth", -1204, "too many"));
    let mut stage = Stage::new(Manners { refuse, ..signed_out() });
    let op = stage.client.auth(true, 0).unwrap();
    let reply = stage.next();
    assert_eq!((reply.kind, Some(reply.op), reply.result), (Kind::Reply, op, Code::LIMIT));
}

#[test]
fn a_sign_in_goes_on_after_a_new_connection() {
    let mut stage = Stage::new(signed_out());
    let op = stage.client.auth(false, 0).unwrap();
    stage.fake.wait_for("auth", 1);
    stage.fake.tell(account_event(account("signed_out", 2, attempt("a1", "code"))));
    assert_eq!(phase(&stage.next()).0, AuthPhase::Code);
    stage.reconnect(|manners| {
        let going_on = account("signed_out", 3, attempt("a1", "scanned"));
        manners.snapshot.insert("apps", apps(going_on, Value::Null, Value::Null));
    });
    let scanned = stage.next();
    assert_eq!((scanned.op, phase(&scanned)), (0, (AuthPhase::Scanned, AuthFrom::Call)));
    stage.fake.tell(account_event(account("authorised", 4, attempt("a1", "success"))));
    assert_eq!(Some(stage.next().op), op);
    stage.nothing_more();
}

#[test]
fn an_attempt_that_a_new_connection_does_not_have_ends_as_the_account_stands() {
    let rows = [
        ("authorised", false, AuthPhase::Success, Code::OK),
        ("signed_out", false, AuthPhase::Failed, Code::OFFLINE),
        ("signed_in", true, AuthPhase::Failed, Code::OFFLINE),
    ];
    for (state, change, wanted, result) in rows {
        let mut stage = Stage::new(signed_out());
        let op = stage.client.auth(change, 5).unwrap();
        stage.fake.wait_for("auth", 1);
        stage.fake.tell(account_event(account("signed_out", 2, attempt("a1", "code"))));
        assert_eq!(phase(&stage.next()).0, AuthPhase::Code);
        stage.reconnect(|manners| {
            let now = account(state, 0, Value::Null);
            manners.snapshot.insert("apps", apps(now, Value::Null, Value::Null));
        });
        let end = stage.next();
        assert_eq!((Some(end.op), end.tag, end.result), (op, 5, result), "{state}");
        assert_eq!(phase(&end).0, wanted, "{state}");
        stage.nothing_more();
        assert_eq!(stage.client.is_auth(), state == "authorised");
    }
}

#[test]
fn a_change_of_account_that_changed_nothing_is_cancelled() {
    let authorised = |auth| apps(account("authorised", 1, auth), Value::Null, Value::Null);
    let mut manners = signed_out();
    manners.snapshot.insert("apps", authorised(Value::Null));
    manners.results.insert("auth", account("authorised", 2, attempt("a1", "started")));
    let mut stage = Stage::new(manners);
    let op = stage.client.auth(true, 0).unwrap();
    stage.fake.wait_for("auth", 1);
    stage.fake.tell(account_event(account("authorised", 3, attempt("a1", "code"))));
    assert_eq!(phase(&stage.next()).0, AuthPhase::Code);
    stage.reconnect(|_| {});
    let end = stage.next();
    assert_eq!((Some(end.op), end.result), (op, Code::AUTH_CANCELLED));
    assert!(stage.client.is_auth());
    stage.nothing_more();
}

#[test]
fn what_happened_elsewhere_between_two_connections_is_told() {
    let mut stage = Stage::new(signed_out());
    stage.reconnect(|manners| {
        let now = account("authorised", 0, Value::Null);
        manners.snapshot.insert("apps", apps(now, Value::Null, Value::Null));
    });
    let success = stage.next();
    assert_eq!((success.kind, success.op), (Kind::Auth, 0));
    assert_eq!(phase(&success), (AuthPhase::Success, AuthFrom::Elsewhere));
    stage.reconnect(|_| {});
    stage.nothing_more();
    stage.reconnect(|manners| *manners = signed_out());
    assert_eq!(stage.next().kind, Kind::Logout);
    stage.nothing_more();
}

#[test]
fn sign_ins_that_have_not_ended_count_as_requests() {
    let mut stage = Stage::new(signed_out());
    for _ in 0..REQUESTS_MAX {
        stage.client.auth(false, 0).unwrap();
    }
    stage.fake.wait_for("auth", REQUESTS_MAX);
    assert!(stage.client.next_event().is_none());
    assert_eq!(stage.client.auth(false, 0).unwrap_err().code, Code::LIMIT);
}

fn page(web_id: &str, open: bool) -> Value {
    json!({"app_key": APP, "web_id": web_id, "page": "custom", "url": "https://h/p", "open": open})
}

fn with_pages() -> Manners {
    let profile = json!({"pages": [{"kind": "custom", "url": "https://h/p"}], "renewal": true,
        "qr_url": "https://h/goods"});
    let account = account("signed_out", 0, Value::Null);
    Manners {
        snapshot: [("apps", apps(account, profile, Value::Null))].into(),
        results: [("web.open", json!({"shown": true, "web": page("w1", true)}))].into(),
        ..Manners::default()
    }
}

fn open(stage: &mut Stage, kind: WebKind) -> Result<Option<u64>, Code> {
    stage.client.web_open(kind, BTreeMap::new(), None, 4).map_err(|refusal| refusal.code)
}

fn web(event: &Event) -> (String, bool) {
    match &event.about {
        About::Web(web) => (web.web_id.clone(), web.open),
        other => panic!("no page: {other:?}"),
    }
}

#[test]
fn a_page_opens_and_closes_or_is_known_not_to_be_there() {
    let mut stage = Stage::new(with_pages());
    let profile = stage.next();
    assert!(matches!(&profile.about, About::Profile(_, profile) if profile.renewal));
    assert_eq!(stage.client.qr_url().unwrap(), "https://h/goods");
    assert_eq!(open(&mut stage, WebKind::Exit), Ok(None));
    let op = open(&mut stage, WebKind::Custom).unwrap();
    let opened = stage.next();
    assert_eq!((opened.kind, Some(opened.op), opened.tag), (Kind::Web, op, 4));
    assert_eq!(web(&opened), ("w1".into(), true));
    // What the answer said is no news.
    stage.fake.tell(told("web", page("w1", true)));
    let mut closed = page("w1", false);
    closed["result"] = json!(Code::TIMEOUT.0);
    stage.fake.tell(told("web", closed));
    let closed = stage.next();
    assert_eq!((web(&closed), closed.op), (("w1".into(), false), 0));
    assert_eq!(closed.result, Code::TIMEOUT);
    stage.nothing_more();
    stage.fake.tell(told("web", page("w2", true)));
    assert_eq!(web(&stage.next()), ("w2".into(), true), "somebody else's");
    stage.fake.manners(|manners| drop(manners.results.insert("web.closed", json!({}))));
    let op = stage.client.web_closed("w2", 0).unwrap();
    assert_eq!((stage.next().op, stage.fake.count("web.closed")), (op, 1));
}

#[test]
fn before_the_platform_has_said_what_there_is_nothing_can_be_said_of_pages() {
    let mut stage = Stage::new(signed_out());
    assert_eq!(open(&mut stage, WebKind::Start), Err(Code::NOT_READY));
    assert_eq!(stage.client.qr_url().unwrap_err().code, Code::NOT_READY);
    stage.fake.tell(json!({"kind": "profile", "app_key": APP, "pages": [], "renewal": false}));
    assert_eq!(stage.next().kind, Kind::Profile);
    assert_eq!(open(&mut stage, WebKind::Start), Ok(None));
    assert_eq!(stage.client.qr_url().unwrap(), "");
    stage.fake.tell(json!({"kind": "profile", "app_key": APP, "pages": [], "renewal": false}));
    stage.nothing_more();
}

#[test]
fn a_page_that_a_new_connection_does_not_have_is_closed() {
    let mut stage = Stage::new(with_pages());
    assert_eq!(stage.next().kind, Kind::Profile);
    open(&mut stage, WebKind::Custom).unwrap();
    assert_eq!(web(&stage.next()), ("w1".into(), true));
    stage.reconnect(|_| {});
    assert_eq!(web(&stage.next()), ("w1".into(), false));
    stage.nothing_more();
}

#[test]
fn a_page_whose_answer_was_lost_is_found_or_given_up_and_never_opened_twice() {
    for is_open in [true, false] {
        let mut stage = Stage::new(Manners { die_on: Some("web.open"), ..with_pages() });
        assert_eq!(stage.next().kind, Kind::Profile);
        let op = open(&mut stage, WebKind::Custom).unwrap();
        assert_eq!(stage.next().kind, Kind::Offline);
        stage.fake.manners(|manners| {
            manners.die_on = None;
            let web = if is_open { page("w7", true) } else { Value::Null };
            let account = account("signed_out", 0, Value::Null);
            manners.snapshot.insert("apps", apps(account, Value::Null, web));
        });
        assert_eq!(stage.next().kind, Kind::Online);
        let event = stage.next();
        assert_eq!(Some(event.op), op);
        match is_open {
            true => assert_eq!(web(&event), ("w7".into(), true)),
            false => assert_eq!((event.kind, event.result), (Kind::Reply, Code::OFFLINE)),
        }
        stage.nothing_more();
        assert_eq!(stage.fake.count("web.open"), 1);
    }
}

#[test]
fn parameters_of_a_page_are_checked_at_once() {
    let mut stage = Stage::new(with_pages());
    let many: BTreeMap<_, _> =
        (0..=WEB_PARAMS_MAX).map(|n| (n.to_string(), String::new())).collect();
    let long = BTreeMap::from([("k".to_owned(), "x".repeat(513))]);
    let nameless = BTreeMap::from([(String::new(), "x".to_owned())]);
    for (params, timeout_s, named) in [
        (many, None, "params has 33"),
        (long, None, "513 bytes for \"k\""),
        (nameless, None, "a name of 0 bytes"),
        (BTreeMap::new(), Some(9), "timeout_s is 9"),
        (BTreeMap::new(), Some(7_201), "7200"),
    ] {
        let refused = stage.client.web_open(WebKind::Custom, params, timeout_s, 0).unwrap_err();
        assert!(refused.message.contains(named), "{refused}");
    }
}

#[test]
fn look_ups_are_answered_when_they_are_answered() {
    let mut stage = Stage::new(Manners { hold: Some("user.info"), ..signed_out() });
    let first = stage.client.user_info(1).unwrap();
    let second = stage.client.user_info(2).unwrap();
    stage.fake.wait_for("user.info", 2);
    stage.fake.manners(|manners| {
        manners.results.insert(
            "gift.list",
            json!({"gifts": [
            {"gift_id": "7", "cp_item_id": "sword", "status": "pending"}], "more": true}),
        );
        let activity = json!({"activity_id": "1", "event_key": "k", "awards": []});
        manners.results.insert("lottery.activities", json!({"activities": [activity]}));
    });
    stage.nothing_more();
    for (op, user) in [(second, "u2"), (first, "u1")] {
        stage.fake.release(json!({"user_id": user, "points": 7}));
        let event = stage.next();
        assert_eq!((event.kind, event.op), (Kind::User, op));
        assert!(matches!(&event.about, About::User(u) if u.user_id.as_str() == user));
    }
    stage.client.gifts(0).unwrap();
    let gifts = stage.next();
    assert!(gifts.more && matches!(&gifts.about, About::Gifts(gifts) if gifts.len() == 1));
    stage.client.activities(Some(EventKey::new("k").unwrap()), 0).unwrap();
    let activities = stage.next();
    assert!(matches!(&activities.about, About::Activities(all) if all[0].event_key == "k"));
}

fn draw_of(id: &str) -> Draw {
    Draw {
        app_key: None,
        draw_id: OrderId::new(id).unwrap(),
        event_key: EventKey::new("spring").unwrap(),
        confirm_key: None,
        behavior_key: None,
    }
}

fn draw_report(state: &str, sequence: u64) -> Value {
    json!({"app_key": APP, "draw_id": "draw-1", "state": state, "sequence": sequence,
        "event_key": "spring", "user_id": "u1", "created_ms": 1})
}

fn told(kind: &str, mut report: Value) -> Value {
    report["kind"] = json!(kind);
    report
}

fn draw_state(event: &Event) -> (Kind, State) {
    match &event.about {
        About::Draw(report) => (event.kind, report.state),
        other => panic!("no draw: {other:?}"),
    }
}

#[test]
fn a_draw_is_told_as_an_order_is() {
    let mut manners = signed_out();
    manners.results.insert("lottery.draw", draw_report("created", 1));
    let mut stage = Stage::new(manners);
    let op = stage.client.draw(draw_of("draw-1"), 3).unwrap();
    let created = stage.next();
    assert_eq!((draw_state(&created), created.op), ((Kind::Draw, State::Created), op));
    stage.fake.tell(told("draw", draw_report("won", 2)));
    let won = stage.next();
    assert_eq!((draw_state(&won), won.op), ((Kind::Draw, State::Won), 0));
    assert_eq!(won.order_id.as_ref().unwrap().as_str(), "draw-1");
    // Told again until it is acked, and not while the ack is under way.
    stage.fake.tell(told("draw", draw_report("won", 2)));
    assert_eq!(draw_state(&stage.next()).1, State::Won);
    stage.fake.manners(|manners| manners.hold = Some("ack"));
    stage.client.ack_silently(&OrderId::new("draw-1").unwrap(), 2).unwrap();
    stage.fake.tell(told("draw", draw_report("won", 2)));
    stage.nothing_more();
    let made = order_id::make_draw().unwrap();
    stage.client.draw(draw_of(made.as_str()), 0).unwrap();
    for bad in ["A1", "draw-", "gift-1"] {
        let refused = stage.client.draw(draw_of(bad), 0).unwrap_err();
        assert!(refused.message.starts_with("draw_id"), "{refused}");
    }
}

#[test]
fn a_draw_that_a_new_engine_does_not_know_is_unknown() {
    let mut manners = signed_out();
    manners.snapshot.insert("draws", json!([draw_report("created", 1)]));
    let mut stage = Stage::new(manners);
    assert_eq!(draw_state(&stage.next()).1, State::Created);
    stage.reconnect(|manners| {
        manners.snapshot.insert("draws", json!([]));
        manners.snapshot.insert("more", json!(true));
    });
    stage.nothing_more();
    stage.reconnect(|manners| drop(manners.snapshot.remove("more")));
    let lost = stage.next();
    assert_eq!((draw_state(&lost).1, lost.result), (State::Unknown, Code::NOT_FOUND));
    stage.nothing_more();
}

#[test]
fn a_gift_is_taken_and_told_until_it_is_acked() {
    let gift = |state: &str, sequence: u64| {
        json!({"app_key": APP, "id": "gift-7", "gift_id": "7", "state": state,
            "sequence": sequence, "user_id": "u1", "created_ms": 1, "cp_item_id": "sword"})
    };
    let mut manners = signed_out();
    manners.results.insert("gift.take", gift("created", 1));
    let mut stage = Stage::new(manners);
    let op = stage.client.take_gift(GiftId::new(7).unwrap(), 0).unwrap();
    let created = stage.next();
    assert_eq!((created.kind, created.op), (Kind::Gift, op));
    stage.fake.tell(told("gift", gift("granted", 2)));
    let granted = stage.next();
    assert!(matches!(&granted.about, About::Gift(gift) if gift.cp_item_id == "sword"));
    let id = granted.order_id.unwrap();
    let ack = stage.client.ack(&id, 2, 0).unwrap();
    let reply = stage.next();
    assert_eq!((reply.kind, reply.op, reply.result), (Kind::Reply, ack, Code::OK));
    let mut marked = gift("granted", 3);
    marked["acked"] = json!(true);
    marked["activated"] = json!(true);
    stage.fake.tell(told("gift", marked));
    stage.nothing_more();
}

#[test]
fn a_subscription_that_is_refused_names_what_was_to_be_paid() {
    let repay = |prices: &[i64]| Repay {
        app_key: None,
        order_id: OrderId::new("S1").unwrap(),
        title: "first month".into(),
        subject: "monthly pass".into(),
        interval: Interval::Month,
        prices_fen: prices.iter().map(|price| Fen::new(*price).unwrap()).collect(),
        description: None,
        subject_id: None,
        notify_url: "https://h/n".into(),
        expires_s: None,
    };
    let refuse = Some(("repay", -1204, "too many"));
    let mut stage = Stage::new(Manners { refuse, ..signed_out() });
    let op = stage.client.repay(repay(&[900, 1_000]), 6).unwrap();
    let reply = stage.next();
    assert_eq!((reply.kind, reply.op, reply.tag, reply.result), (Kind::Reply, op, 6, Code::LIMIT));
    let refused = reply.refused.unwrap();
    assert_eq!((refused.amount_fen.get(), &*refused.title), (900, "first month"));
    for prices in [&[][..], &[1; 13]] {
        let refused = stage.client.repay(repay(prices), 0).unwrap_err();
        assert!(refused.message.starts_with("prices_fen"), "{refused}");
    }
}

#[test]
fn log_events_can_be_switched_on_and_off() {
    let mut stage = Stage::new(signed_out());
    stage.client.set_log_level(Some(Level::Info));
    stage.client.log(Level::Debug, "no".into());
    stage.client.log(Level::Info, "yes".into());
    let line = stage.next();
    assert_eq!((line.kind, &*line.message), (Kind::Log, "yes"));
    stage.client.set_log_level(None);
    stage
        .fake
        .say(r#"{"jsonrpc":"2.0","method":"log","params":{"level":"warn","message":"engine"}}"#);
    let line = stage.next();
    assert_eq!((line.kind, &*line.message, line.count), (Kind::Log, "engine", Level::Warn as u32));
    stage.client.log(Level::Error, "no".into());
    stage.nothing_more();
}
