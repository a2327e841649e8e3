//! Signing in, and the user.

use alitv_pay::core::call::{Ask, AuthStatus, Call, DoubtKind, Reply};
use alitv_pay::core::user::User;
use alitv_pay::limits::{
    AUTH_INTERVAL_S_DEFAULT, AUTH_INTERVAL_S_MAX, AUTH_INTERVAL_S_MIN, EXPIRES_S_DEFAULT,
    EXPIRES_S_MAX, LINK_BYTES_MAX, NAME_CHARS_MAX, TOKEN_BYTES_MAX, USER_ID_BYTES_MAX,
};
use alitv_pay::wire::device;
use serde_json::{json, Value};

use crate::cases::{call, user_id};
use crate::kit::*;

fn apply() -> Call {
    call(false, Ask::AuthApply { attempt: "at-1".into() })
}

fn query() -> Call {
    call(false, Ask::AuthQuery { attempt: "at-1".into(), wait_s: 0 })
}

fn code(url: &str, members: Value) -> Reply {
    reply_to(url, &apply(), |prepared| {
        let members = with(&members, "out_approve_id", "at-1");
        let result = device::ServiceResult::success(with_echo(prepared, &members));
        answer(device::AUTH_APPLY, &result, Some(&secret()))
    })
}

#[test]
fn a_code_to_sign_in_with_leads_where_codes_may_lead() {
    let shown = |qr_text: &str| Reply::Code {
        qr_text: qr_text.into(),
        expires_s: EXPIRES_S_DEFAULT,
        interval_s: AUTH_INTERVAL_S_DEFAULT,
    };
    let own = "HTTP://127.0.0.1:8420/L/ABC";
    assert_eq!(code(HTTP, json!({ "qr_code": own })), shown(own));
    let alipay = "https://qr.alipay.com/a1";
    assert_eq!(code(HTTPS, json!({ "qr_code": alipay })), shown(alipay));
    for bad in ["", own, "https://evil.com/", "http://qr.alipay.com/x", "javascript:alert(1)"] {
        let reply = code(HTTPS, json!({ "qr_code": bad }));
        assert_eq!(doubt_kind(&reply), DoubtKind::Gateway, "{bad}");
    }
}

#[test]
fn times_of_a_code_are_bounded() {
    let with_times = |expires_s: u32, interval_s: u32| {
        let qr_code = "https://qr.alipay.com/a1";
        let members = json!({"qr_code": qr_code, "expires_s": expires_s, "interval_s": interval_s});
        code(HTTPS, members)
    };
    for (said, meant) in [
        (0, AUTH_INTERVAL_S_MIN),
        (AUTH_INTERVAL_S_MIN - 1, AUTH_INTERVAL_S_MIN),
        (AUTH_INTERVAL_S_MAX, AUTH_INTERVAL_S_MAX),
        (AUTH_INTERVAL_S_MAX + 1, AUTH_INTERVAL_S_MAX),
        (u32::MAX, AUTH_INTERVAL_S_MAX),
    ] {
        let reply = with_times(EXPIRES_S_MAX, said);
        let Reply::Code { interval_s, expires_s, .. } = reply else { panic!("{reply:?}") };
        assert_eq!((interval_s, expires_s), (meant, EXPIRES_S_MAX));
    }
    for bad in [0, EXPIRES_S_MAX + 1, u32::MAX] {
        assert_eq!(doubt_kind(&with_times(bad, 5)), DoubtKind::Gateway, "{bad}");
    }
}

/// A refusal that comes with a code contradicts itself.
#[test]
fn a_refusal_with_a_code_is_in_doubt() {
    let members = json!({"out_approve_id": "at-1", "qr_code": "https://qr.alipay.com/a1"});
    let reply = reply_to_refusal(&apply(), device::AUTH_APPLY, "AUTH_NOT_ALLOWED", &members);
    assert_eq!(doubt_kind(&reply), DoubtKind::Gateway);
}

#[test]
fn every_word_about_an_attempt_has_its_meaning() {
    let words = [
        ("WAITING", AuthStatus::Waiting),
        ("SCANNED", AuthStatus::Scanned),
        ("DENIED", AuthStatus::Denied),
        ("EXPIRED", AuthStatus::Expired),
    ];
    for (word, status) in words {
        let members = json!({"out_approve_id": "at-1", "auth_status": word});
        let reply = reply_to_data(&query(), device::AUTH_QUERY, &members);
        assert_eq!(reply, Reply::Auth(status));
    }
    let members = json!({"out_approve_id": "at-1", "auth_status": "GIVEN"});
    let reply = reply_to_data(&query(), device::AUTH_QUERY, &members);
    assert_eq!(doubt_kind(&reply), DoubtKind::Gateway);
}

#[test]
fn a_session_or_user_that_cannot_be_kept_is_no_grant() {
    let granted = json!({
        "out_approve_id": "at-1", "auth_status": "GRANTED", "user_str_id": "u-1",
        "session": "s", "authorised": false,
    });
    let longest = "x".repeat(TOKEN_BYTES_MAX);
    let reply = |members: &Value| reply_to_data(&query(), device::AUTH_QUERY, members);
    assert!(matches!(
        reply(&with(&granted, "session", longest.as_str())),
        Reply::Auth(AuthStatus::Granted { authorised: false, .. })
    ));
    let bad = [
        ("session", json!(format!("{longest}x"))),
        ("session", json!("")),
        ("session", json!("a b")),
        ("user_str_id", json!("x".repeat(USER_ID_BYTES_MAX + 1))),
        ("user_str_id", json!("")),
        ("user_str_id", json!("用户")),
        ("authorised", json!("yes")),
    ];
    for (name, value) in bad {
        let reply = reply(&with(&granted, name, value.clone()));
        assert_eq!(doubt_kind(&reply), DoubtKind::Gateway, "{name} {value}");
        let Reply::InDoubt(doubt) = reply else { unreachable!() };
        assert!(!doubt.detail.contains("xxx"), "{}", doubt.detail);
    }
}

#[test]
fn nick_avatar_and_points_are_there_if_they_are_usable() {
    let user = |members: Value| {
        let members = with(&members, "user_str_id", "u-1");
        let call = call(true, Ask::UserInfo);
        match reply_to_data(&call, device::USER_GET, &members) {
            Reply::User(user) => user,
            other => panic!("{other:?}"),
        }
    };
    let bare = User { user_id: user_id(), nick: None, avatar_url: None, points: None };
    assert_eq!(user(json!({})), bare);
    let strange =
        json!({"user_nick": "\u{202e}\n", "avatar_url": "javascript:x", "game_point": -1});
    assert_eq!(user(strange), bare);
    let longest = format!("https://i/{}", "x".repeat(LINK_BYTES_MAX - 10));
    let found = user(json!({
        "user_nick": format!("a\u{200f}{}", "明".repeat(NAME_CHARS_MAX)),
        "avatar_url": longest, "game_point": "0",
    }));
    let nick = format!("a{}", "明".repeat(NAME_CHARS_MAX - 1));
    let avatar_url = Some(longest.clone());
    assert_eq!(found, User { nick: Some(nick), avatar_url, points: Some(0), ..bare.clone() });
    assert_eq!(user(json!({ "avatar_url": format!("{longest}x") })), bare);
}
