//! Signing in by a code, authorising, signing out, and who the user is.

use std::time::Duration;

use alitv_pay::core::call::{Ask, AuthStatus, Reply};
use alitv_pay::core::facts::AppKey;
use alitv_pay::core::user::Token;
use alitv_pay::limits::WAIT_S_MAX;
use alitv_pay::sandbox::AuthAction;

use crate::harness::World;

fn app(world: &World) -> AppKey {
    AppKey::new(world.app_key()).unwrap()
}

fn apply(world: &World, attempt: &str, session: Option<&Token>) -> Reply {
    world.call(app(world), session, Ask::AuthApply { attempt: attempt.into() })
}

fn code(world: &World, attempt: &str, session: Option<&Token>) -> String {
    match apply(world, attempt, session) {
        Reply::Code { qr_text, .. } => qr_text,
        other => panic!("{other:?}"),
    }
}

fn query(world: &World, attempt: &str, wait_s: u32) -> Reply {
    world.ask(app(world), Ask::AuthQuery { attempt: attempt.into(), wait_s })
}

/// Asks after the interval.
fn poll(world: &World, attempt: &str) -> AuthStatus {
    world.sandbox.advance(5).unwrap();
    match query(world, attempt, 0) {
        Reply::Auth(status) => status,
        other => panic!("{other:?}"),
    }
}

fn granted(status: AuthStatus) -> (String, Token, bool) {
    match status {
        AuthStatus::Granted { user_id, token, authorised } => {
            (user_id.as_str().to_owned(), token, authorised)
        }
        other => panic!("{other:?}"),
    }
}

fn act(world: &World, action: &str, body: &str) -> serde_json::Value {
    world.does("POST", &format!("/auth/latest/{action}"), body)
}

fn user(world: &World, session: &Token) -> Reply {
    world.ask_as(session, Ask::UserInfo)
}

#[test]
fn a_code_leads_through_signing_in_to_a_session() {
    let world = World::new();
    let first = apply(&world, "a-1", None);
    let Reply::Code { qr_text, expires_s, interval_s } = &first else { panic!("{first:?}") };
    assert!(qr_text.starts_with("HTTP://127.0.0.1:") && qr_text.contains("/A/"), "{qr_text}");
    assert!((170..=180).contains(expires_s) && *interval_s == 5, "{expires_s} {interval_s}");
    assert_eq!(code(&world, "a-1", None), *qr_text);
    assert_eq!(poll(&world, "a-1"), AuthStatus::Waiting);
    assert_eq!(act(&world, "scan", "")["state"], "scanned");
    assert_eq!(poll(&world, "a-1"), AuthStatus::Scanned);
    let asked = act(&world, "login", r#"{"user":"100001"}"#);
    assert_eq!((&asked["state"], &asked["user"]), (&"asked".into(), &"100001".into()));
    assert_eq!(poll(&world, "a-1"), AuthStatus::Scanned);
    assert_eq!(act(&world, "authorise", "{}")["authorised"], true);
    let (user_id, token, authorised) = granted(poll(&world, "a-1"));
    assert_eq!((user_id.as_str(), authorised), ("100001", true));
    // An answer that was lost is repeated, until the code would have run out.
    assert_eq!(granted(poll(&world, "a-1")).1, token);
    world.sandbox.advance(180).unwrap();
    assert_eq!(poll(&world, "a-1"), AuthStatus::Expired);
    assert!(matches!(user(&world, &token), Reply::User(_)));
}

#[test]
fn who_has_authorised_the_app_before_only_signs_in() {
    let world = World::new();
    code(&world, "a-1", None);
    assert_eq!(act(&world, "login", r#"{"user":"100003"}"#)["state"], "granted");
    assert_eq!(granted(poll(&world, "a-1")).0, "100003");
}

#[test]
fn a_user_can_say_no_to_all_or_to_authorising_only() {
    let world = World::new();
    code(&world, "a-1", None);
    act(&world, "deny", "");
    assert_eq!(poll(&world, "a-1"), AuthStatus::Denied);
    code(&world, "a-2", None);
    act(&world, "login", r#"{"user":"100001"}"#);
    act(&world, "deny", "");
    let (_, token, authorised) = granted(poll(&world, "a-2"));
    assert!(!authorised);
    let refused = user(&world, &token);
    assert!(matches!(&refused, Reply::Rejected { code, .. } if code == "AUTH_REQUIRED"));

    code(&world, "a-3", Some(&token));
    assert_eq!(act(&world, "scan", "")["kind"], "authorise");
    act(&world, "deny", "");
    assert_eq!(poll(&world, "a-3"), AuthStatus::Denied);
    code(&world, "a-4", Some(&token));
    let other = world.refused("POST", "/auth/latest/authorise", r#"{"user":"100002"}"#);
    assert_eq!((other.0, other.1.as_str()), (409, "attempt"));
    act(&world, "authorise", "");
    assert_eq!(granted(poll(&world, "a-4")), ("100001".into(), token.clone(), true));
    assert!(matches!(user(&world, &token), Reply::User(_)));
}

#[test]
fn a_new_code_kills_the_old_one_of_its_app() {
    let world = World::new();
    let other = AppKey::new(world.sandbox.apps[1].app_key.clone()).unwrap();
    let of_other = Ask::AuthApply { attempt: "a-1".into() };
    assert!(matches!(world.ask(other.clone(), of_other), Reply::Code { .. }));
    let first = code(&world, "a-1", None);
    assert_ne!(code(&world, "a-2", None), first);
    assert_eq!(poll(&world, "a-1"), AuthStatus::Expired);
    assert_eq!(poll(&world, "a-2"), AuthStatus::Waiting);
    let of_other = Ask::AuthQuery { attempt: "a-1".into(), wait_s: 0 };
    assert_eq!(world.ask(other, of_other), Reply::Auth(AuthStatus::Waiting));
    assert_eq!(world.does("GET", "/auth/a-1?app_key=23012345", "")["state"], "replaced");
    let gone = world.refused("POST", "/auth/a-1/scan", r#"{"app_key":"23012345"}"#);
    assert_eq!((gone.0, gone.1.as_str()), (409, "attempt"));
    let over = apply(&world, "a-1", None);
    assert!(matches!(over, Reply::Rejected { code, .. } if code == "AUTH_CONFLICT"));
}

#[test]
fn a_code_runs_out_and_one_that_was_never_made_has() {
    let world = World::new();
    code(&world, "a-1", None);
    world.sandbox.advance(181).unwrap();
    assert_eq!(poll(&world, "a-1"), AuthStatus::Expired);
    assert_eq!(poll(&world, "nobody"), AuthStatus::Expired);
    assert!(world.sandbox.auth(world.app_key(), AuthAction::Scan, None).is_err());
    assert_eq!(world.does("GET", "/auth/latest", "")["state"], "expired");
}

#[test]
fn a_box_that_asks_too_often_is_slowed_down_and_one_that_is_held_is_not() {
    let world = World::new();
    code(&world, "a-1", None);
    assert_eq!(query(&world, "a-1", 0), Reply::Auth(AuthStatus::Waiting));
    assert_eq!(query(&world, "a-1", 0), Reply::Throttled { after_s: 5 });
    assert_eq!(query(&world, "a-1", 1), Reply::Auth(AuthStatus::Waiting));
    assert_eq!(poll(&world, "a-1"), AuthStatus::Waiting);
    world.scenario(r#"{"scenario":"auth.slow_down"}"#);
    assert_eq!(query(&world, "a-1", 1), Reply::Throttled { after_s: 2 });
    assert_eq!(query(&world, "a-1", 1), Reply::Throttled { after_s: 2 });
    assert_eq!(poll(&world, "a-1"), AuthStatus::Waiting);
}

#[test]
fn a_held_question_is_answered_when_the_user_acts() {
    let world = World::new();
    code(&world, "a-1", None);
    for (action, user) in [(AuthAction::Scan, None), (AuthAction::Authorise, Some("100001"))] {
        let reply = std::thread::scope(|scope| {
            let held = scope.spawn(|| query(&world, "a-1", WAIT_S_MAX));
            std::thread::sleep(Duration::from_millis(300));
            assert!(!held.is_finished());
            world.sandbox.auth(world.app_key(), action, user).unwrap();
            held.join().unwrap()
        });
        assert_ne!(reply, Reply::Auth(AuthStatus::Waiting));
    }
    // What is over is answered at once.
    granted(poll(&world, "a-1"));
    let again = query(&world, "a-1", WAIT_S_MAX);
    assert!(matches!(again, Reply::Auth(AuthStatus::Granted { .. })));
}

#[test]
fn a_box_that_gives_up_leaves_no_code_and_no_session() {
    let world = World::new();
    code(&world, "a-1", None);
    let cancel = || world.ask(app(&world), Ask::AuthCancel { attempt: "a-1".into() });
    assert_eq!((cancel(), cancel()), (Reply::Done, Reply::Done));
    assert_eq!(world.does("GET", "/auth/latest", "")["state"], "cancelled");
    assert_eq!(poll(&world, "a-1"), AuthStatus::Expired);
    // Granted on the phone while the box gave up.
    code(&world, "a-2", None);
    act(&world, "authorise", r#"{"user":"100001"}"#);
    assert_eq!(world.does("GET", "/state", "")["sessions"], 1);
    assert_eq!(world.ask(app(&world), Ask::AuthCancel { attempt: "a-2".into() }), Reply::Done);
    assert_eq!(world.does("GET", "/state", "")["sessions"], 0);
    assert_eq!(poll(&world, "a-2"), AuthStatus::Expired);
}

#[test]
fn nick_and_picture_need_the_app_and_the_user() {
    for (app_may, agreed, shown) in
        [(true, true, true), (true, false, false), (false, true, false), (false, false, false)]
    {
        let world = World::new();
        world.does("PATCH", "/apps/23012345", &format!(r#"{{"profile":{app_may}}}"#));
        code(&world, "a-1", None);
        act(&world, "authorise", &format!(r#"{{"user":"100001","profile":{agreed}}}"#));
        let (_, token, _) = granted(poll(&world, "a-1"));
        let Reply::User(user) = user(&world, &token) else { panic!("no user") };
        assert_eq!((user.user_id.as_str(), user.points), ("100001", Some(500)));
        assert_eq!(user.nick.as_deref(), shown.then_some("小明 Ming"), "{app_may} {agreed}");
        let avatar = format!("{}/avatar/100001.svg", world.sandbox.base_url);
        assert_eq!(user.avatar_url, shown.then_some(avatar));
    }
}

#[test]
fn a_session_ends_by_the_box_the_settings_and_the_withdrawal() {
    let world = World::new();
    let token = world.sign_in("100001");
    assert_eq!(world.ask_as(&token, Ask::SignOut), Reply::Done);
    assert_eq!(user(&world, &token), Reply::NoSession);
    assert_eq!(world.ask_as(&token, Ask::SignOut), Reply::Done);

    let token = world.sign_in("100001");
    world.does("POST", "/users/100001/logout", r#"{"app_key":"23012346"}"#);
    assert!(matches!(user(&world, &token), Reply::User(_)));
    world.does("POST", "/users/100001/logout", "");
    assert_eq!(user(&world, &token), Reply::NoSession);

    let token = world.sign_in("100001");
    world.does("POST", "/users/100001/unauthorise", r#"{"app_key":"23012345"}"#);
    assert_eq!(user(&world, &token), Reply::NoSession);

    let token = world.sign_in("100001");
    assert_eq!(world.sandbox.revoke("100001"), 1);
    assert_eq!(user(&world, &token), Reply::NoSession);

    let token = world.sign_in("100001");
    world.does("DELETE", "/users/100001", "");
    assert_eq!(user(&world, &token), Reply::NoSession);
}

#[test]
fn a_session_is_of_its_app_and_is_needed() {
    let world = World::new();
    let token = world.sign_in("100003");
    let other = AppKey::new(world.sandbox.apps[1].app_key.clone()).unwrap();
    assert_eq!(world.call(other, Some(&token), Ask::UserInfo), Reply::NoSession);
    let unknown = Token::new("token", "unknown").unwrap();
    for ask in [Ask::UserInfo, Ask::Gifts, Ask::Activities { event_key: None }] {
        assert_eq!(world.ask_as(&unknown, ask), Reply::NoSession);
    }
    for ask in [Ask::UserInfo, Ask::Gifts] {
        assert_eq!(world.ask(app(&world), ask), Reply::NoSession);
    }
    assert!(matches!(world.ask_as(&token, Ask::UserInfo), Reply::User(_)));
}

#[test]
fn a_session_can_be_revoked_in_the_middle_of_a_call() {
    let world = World::new();
    let token = world.sign_in("100001");
    world.scenario(r#"{"scenario":"session.revoked","method":"gift.list"}"#);
    assert!(matches!(user(&world, &token), Reply::User(_)));
    assert_eq!(world.ask_as(&token, Ask::Gifts), Reply::NoSession);
    assert_eq!(user(&world, &token), Reply::NoSession);
    let token = world.sign_in("100001");
    world.scenario(r#"{"scenario":"session.revoked"}"#);
    assert_eq!(user(&world, &token), Reply::NoSession);
    assert_eq!(world.does("GET", "/users/100001", "")["sessions"].as_array().unwrap().len(), 0);
}

#[test]
fn attempts_are_named_and_errors_name_the_field() {
    let world = World::new();
    assert_eq!(world.refused("POST", "/auth/latest/scan", "").1, "attempt");
    code(&world, "a-1", None);
    for (path, body, status, field) in [
        ("/auth/nobody/scan", "", 404, "attempt"),
        ("/auth/a-1/explode", "", 404, "action"),
        ("/auth/a-1/login", "", 409, "attempt"),
        ("/auth/a-1/login", r#"{"user":"999"}"#, 404, "user"),
        ("/auth/a-1/authorise", "", 409, "attempt"),
        ("/auth/a-1/scan", r#"{"x":1}"#, 400, "x"),
        ("/auth/a-1/scan", r#"{"app_key":"23012346"}"#, 404, "attempt"),
    ] {
        let (got, named, message) = world.refused("POST", path, body);
        assert_eq!((got, named.as_str()), (status, field), "{path} {body}: {message}");
    }
    let list = world.does("GET", "/auth?app_key=23012345", "");
    assert_eq!(list["attempts"][0]["attempt"], "a-1");
    assert_eq!(list["attempts"][0]["state"], "waiting");
    let none = world.does("GET", "/auth?app_key=23012346", "");
    assert!(none["attempts"].as_array().unwrap().is_empty());
}
