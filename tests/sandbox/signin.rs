//! The page of a code to sign in with, as a browser without scripts uses it.

use alitv_pay::core::call::{Ask, AuthStatus, Reply};
use alitv_pay::core::facts::AppKey;
use alitv_pay::core::user::Token;
use serde_json::json;

use crate::harness::{escaped, form_token, Answer, World};

fn app(world: &World) -> AppKey {
    AppKey::new(world.app_key()).unwrap()
}

/// Begins an attempt and gives the path of its page.
fn begin(world: &World, attempt: &str, session: Option<&Token>) -> String {
    let ask = Ask::AuthApply { attempt: attempt.into() };
    match world.call(app(world), session, ask) {
        Reply::Code { qr_text, .. } => {
            assert_eq!(qr_text, qr_text.to_ascii_uppercase());
            qr_text[qr_text.find("/A/").unwrap()..].to_owned()
        }
        other => panic!("{other:?}"),
    }
}

fn status(world: &World, attempt: &str) -> AuthStatus {
    world.sandbox.advance(5).unwrap();
    let ask = Ask::AuthQuery { attempt: attempt.into(), wait_s: 0 };
    match world.ask(app(world), ask) {
        Reply::Auth(status) => status,
        other => panic!("{other:?}"),
    }
}

fn open(world: &World, path: &str) -> String {
    let answer = world.http("GET", path, &["Accept-Language: en"], "");
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

fn press(world: &World, path: &str, action: &str, more: &[(&str, &str)]) -> Answer {
    let token = form_token(&open(world, path));
    let mut fields = vec![("token", token.as_str()), ("action", action)];
    fields.extend_from_slice(more);
    let answer = world.submit(path, &fields);
    assert_eq!(answer.status, 303, "{action}: {}", answer.body);
    answer
}

#[test]
fn opening_the_page_is_the_scan_and_a_head_request_is_not() {
    let world = World::new();
    let path = begin(&world, "a-1", None);
    assert_eq!(world.http("HEAD", &path, &[], "").status, 200);
    assert_eq!(status(&world, "a-1"), AuthStatus::Waiting);
    let page = open(&world, &path);
    for text in ["Sign in on the TV", "小明 Ming", "100002", "10000 points", "Gem Garden"] {
        assert!(page.contains(text), "{text}\n{page}");
    }
    assert_eq!(status(&world, "a-1"), AuthStatus::Scanned);
    let chinese = world.http("GET", &path.to_ascii_lowercase(), &[], "").body;
    assert!(chinese.contains("登录电视应用") && chinese.contains("沙箱：不会动用资金"));
    assert_eq!(world.http("GET", "/A/ZZZZZZ", &[], "").status, 404);
    let index = world.http("GET", "/", &[], "").body;
    assert!(index.contains(&format!("href=\"{path}")), "{index}");
}

#[test]
fn a_new_user_signs_in_and_then_authorises_with_or_without_the_profile() {
    for (profile, shared) in [(vec![("profile", "yes")], true), (vec![], false)] {
        let world = World::new();
        let path = begin(&world, "a-1", None);
        press(&world, &path, "sign_in", &[("user_id", "100001")]);
        assert_eq!(status(&world, "a-1"), AuthStatus::Scanned);
        let page = open(&world, &path);
        assert!(page.contains("Your nick and picture") && page.contains("小明 Ming"), "{page}");
        assert!(!page.contains("100002"));
        press(&world, &path, "authorise", &profile);
        let granted = status(&world, "a-1");
        assert!(matches!(&granted, AuthStatus::Granted { authorised: true, user_id, .. }
            if user_id.as_str() == "100001"));
        assert!(open(&world, &path).contains("Signed in and authorised"));
        let told = world.does("GET", "/users/100001", "");
        assert_eq!(told["authorised"], json!({"23012345": {"profile": shared}}));
    }
}

#[test]
fn a_known_user_is_done_by_signing_in() {
    let world = World::new();
    let path = begin(&world, "a-1", None);
    press(&world, &path, "sign_in", &[("user_id", "100003")]);
    assert!(matches!(status(&world, "a-1"), AuthStatus::Granted { authorised: true, .. }));
    assert!(!open(&world, &path).contains("<form"));
}

#[test]
fn refusing_to_authorise_leaves_the_user_signed_in_and_asked_again() {
    let world = World::new();
    let path = begin(&world, "a-1", None);
    press(&world, &path, "sign_in", &[("user_id", "100001")]);
    press(&world, &path, "deny", &[]);
    assert!(open(&world, &path).contains("Signed in, not authorised"));
    let AuthStatus::Granted { token, authorised: false, .. } = status(&world, "a-1") else {
        panic!("the user has signed in")
    };
    let path = begin(&world, "a-2", Some(&token));
    let page = open(&world, &path);
    assert!(page.contains("Authorise the app") && page.contains("小明 Ming"), "{page}");
    assert!(!page.contains("100002"), "the user is known");
    press(&world, &path, "authorise", &[]);
    assert!(matches!(status(&world, "a-2"), AuthStatus::Granted { authorised: true, .. }));
}

#[test]
fn an_app_that_may_not_have_the_profile_does_not_ask_for_it() {
    let world = World::new();
    world.does("PATCH", "/apps/23012345", r#"{"profile":false}"#);
    let path = begin(&world, "a-1", None);
    press(&world, &path, "sign_in", &[("user_id", "100001")]);
    assert!(!open(&world, &path).contains("Your nick and picture"));
    press(&world, &path, "authorise", &[("profile", "yes")]);
    let told = world.does("GET", "/users/100001", "");
    assert_eq!(told["authorised"], json!({"23012345": {"profile": false}}));
}

#[test]
fn codes_that_are_over_say_why() {
    let world = World::new();
    let first = begin(&world, "a-1", None);
    let token = form_token(&open(&world, &first));
    let second = begin(&world, "a-2", None);
    assert!(open(&world, &first).contains("A newer code has replaced this one"));
    // The form of the dead page changes nothing.
    let fields = [("token", token.as_str()), ("action", "sign_in"), ("user_id", "100003")];
    assert_eq!(world.submit(&first, &fields).status, 303);
    assert_eq!(world.does("GET", "/state", "")["sessions"], 0);
    press(&world, &second, "deny", &[]);
    assert!(open(&world, &second).contains("Refused"));
    assert_eq!(status(&world, "a-2"), AuthStatus::Denied);
    let third = begin(&world, "a-3", None);
    world.ask(app(&world), Ask::AuthCancel { attempt: "a-3".into() });
    assert!(open(&world, &third).contains("The TV has given up"));
    let fourth = begin(&world, "a-4", None);
    world.sandbox.advance(181).unwrap();
    let page = open(&world, &fourth);
    assert!(page.contains("Code expired") && !page.contains("<form"), "{page}");
}

#[test]
fn a_form_that_is_not_from_our_page_signs_nobody_in() {
    let world = World::new();
    let path = begin(&world, "a-1", None);
    let own = form_token(&open(&world, &path));
    let order = form_token(&open(&world, &world.order("A")));
    let cases = [
        ("sign_in", ""),
        ("sign_in", "0"),
        ("sign_in", order.as_str()),
        ("sign_in", world.sandbox.control_token.as_str()),
        ("grant", own.as_str()),
        ("", own.as_str()),
    ];
    for (action, token) in cases {
        let fields = [("action", action), ("token", token), ("user_id", "100003")];
        assert_eq!(world.submit(&path, &fields).status, 403, "{action} {token}");
    }
    let nobody = [("action", "sign_in"), ("token", own.as_str()), ("user_id", "nobody")];
    assert_eq!(world.submit(&path, &nobody).status, 303);
    assert_eq!(world.does("GET", "/state", "")["sessions"], 0);
    assert_eq!(status(&world, "a-1"), AuthStatus::Scanned);
}

#[test]
fn names_of_users_stay_texts() {
    let world = World::new();
    let nick = "<script>alert(1)</script>\"'>";
    world.does("POST", "/users", &json!({"user_id": "\"><b>x", "nick": nick}).to_string());
    let path = begin(&world, "a-1", None);
    for user in ["", "\"><b>x"] {
        if !user.is_empty() {
            press(&world, &path, "sign_in", &[("user_id", user)]);
        }
        let page = open(&world, &path);
        assert!(page.contains(&escaped(nick)) && page.contains("&quot;&gt;&lt;b&gt;x"), "{page}");
        assert!(!page.contains("<script") && !page.contains("<b>x"), "{page}");
    }
}
