//! Rows 5 to 7: isAuth, checkAuthAndLogin, getUserInfo; with changeAccount and signing out.

use serde_json::json;

use super::kit::{Stage, GEMS};
use crate::stage::until;

#[test]
fn rows_5_and_6_sign_in_through_each_way() {
    let stage = Stage::new();
    stage.c(&["is-auth"]).ends_with(0).says(&["answer 0"]);
    assert_eq!(stage.rpc().ok("auth.state", json!({}))["state"], "signed_out");
    stage.cli(&["auth", "state"]).ends_with(0).says(&["state     signed_out"]);

    // C: a code, then exactly one end.
    let (game, line) = stage.c_until(&["auth"], "on_auth_qr");
    assert!(line.contains("HTTP://") && line.contains("authorise=0"), "{line}");
    stage.sandbox.sign_in(GEMS, "100001");
    let done = game.end().ends_with(0).says(&["on_auth_success from=0 user=100001"]);
    assert_eq!(done.stdout.matches("on_auth_success").count(), 1);
    stage.c(&["auth"]).ends_with(0).says(&["answer 1"]);
    stage.c(&["is-auth"]).ends_with(0).says(&["answer 1"]);

    // The socket: another user (changeAccount).
    let mut rpc = stage.rpc();
    rpc.ok("watch", json!({}));
    assert_eq!(rpc.ok("auth", json!({}))["state"], "authorised", "nothing follows");
    rpc.ok("auth", json!({ "change": true }));
    rpc.event(|event| event["auth"]["phase"] == "code");
    stage.sandbox.sign_in(GEMS, "100002");
    let end = rpc.event(|event| event["auth"]["phase"] == "success");
    assert_eq!((&end["state"], &end["user_id"]), (&json!("authorised"), &json!("100002")));

    // The command line: another one again.
    let (command, line) = stage.cli_until(&["auth", "--change", "--json"], "auth.code");
    assert!(line.contains("\"qr_text\":\"HTTP://"), "{line}");
    stage.sandbox.sign_in(GEMS, "100003");
    let end = command.end().ends_with(0).json();
    assert_eq!((&end["event"], &end["user_id"]), (&json!("auth.success"), &json!("100003")));
    stage.cli(&["auth"]).ends_with(0).says(&["state     authorised", "user      100003"]);
}

#[test]
fn row_6_sign_in_that_is_given_up_or_expires() {
    let stage = Stage::new();
    // On the phone.
    let (game, _) = stage.c_until(&["auth"], "on_auth_qr");
    stage.sandbox.deny(GEMS);
    game.end().ends_with(0).says(&["on_auth_cancel ALITV_E_AUTH_CANCELLED"]);
    // On the box, by somebody else.
    let (game, _) = stage.c_until(&["auth"], "on_auth_qr");
    stage.cli(&["auth", "cancel"]).ends_with(0).says(&["state     signed_out"]);
    game.end().ends_with(0).says(&["on_auth_cancel"]);
    let (command, _) = stage.cli_until(&["auth", "--json"], "auth.code");
    stage.c(&["auth-cancel"]).ends_with(0).says(&["reply ALITV_OK"]);
    command.end().ends_with(10).says(&["auth.cancelled"]);
    // Ctrl-C.
    let (command, _) = stage.cli_until(&["auth"], "auth.code");
    command.signal(libc::SIGINT);
    command.end().ends_with(10).says(&["auth.cancelled"]);
    // There is none.
    stage.c(&["auth-cancel"]).ends_with(0).says(&["reply ALITV_E_NOT_FOUND"]);
    assert_eq!(stage.rpc().error("auth.cancel", json!({})).0, -1301);
    stage.cli(&["auth", "cancel"]).ends_with(1).says(&["NOT_FOUND", "alitv-pay auth"]);

    // Nobody uses the code.
    let (game, _) = stage.c_until(&["auth"], "on_auth_qr");
    stage.sandbox.advance(181);
    game.end().ends_with(0).says(&["on_auth_error ALITV_E_AUTH_EXPIRED"]);
    let (command, _) = stage.cli_until(&["auth", "--json"], "auth.code");
    stage.sandbox.advance(181);
    command.end().ends_with(11).says(&["auth.failed", "-2206"]);

    // Left before its end: it goes on.
    stage.cli(&["auth", "--timeout", "0"]).ends_with(13).says(&["alitv-pay auth state"]);
    let mut rpc = stage.rpc();
    until("the attempt to have a code", || {
        let state = rpc.ok("auth.state", json!({}));
        (state["auth"]["phase"] == "code").then_some(())
    });
    stage.cli(&["auth", "state"]).ends_with(0).says(&["attempt   code", "HTTP://"]);
}

#[test]
fn row_6_signed_in_is_not_yet_authorised() {
    let stage = Stage::new();
    let (game, _) = stage.c_until(&["auth"], "on_auth_qr");
    stage.sandbox.sign_in_only(GEMS, "100001");
    game.end().ends_with(0).says(&["on_auth_cancel"]);
    stage.c(&["is-auth"]).ends_with(0).says(&["answer 0"]);
    stage.cli(&["auth", "state"]).ends_with(0).says(&["state     signed_in"]);
    stage.c(&["user"]).ends_with(0).says(&["on_user_info_error ALITV_E_UNAUTHORIZED"]);
    // The next attempt is about authorising.
    let (game, line) = stage.c_until(&["auth"], "on_auth_qr");
    assert!(line.contains("authorise=1"), "{line}");
    stage.sandbox.sign_in(GEMS, "100001");
    game.end().ends_with(0).says(&["on_auth_success"]);
}

#[test]
fn row_1_and_6_logout_comes_at_any_time() {
    let stage = Stage::new();
    stage.sign_in("100001");
    let mut rpc = stage.rpc();
    rpc.ok("watch", json!({}));
    stage.c(&["logout"]).ends_with(0).says(&["on_logout 23012345"]);
    let event = rpc.event(|event| event["kind"] == "account" && event["state"] == "signed_out");
    assert_eq!(event["app_key"], GEMS);
    stage.sign_in("100001");
    assert_eq!(stage.rpc().ok("auth.logout", json!({}))["state"], "signed_out");
    stage.sign_in("100001");
    stage.cli(&["logout"]).ends_with(0).says(&["state     signed_out"]);
    stage.c(&["is-auth"]).ends_with(0).says(&["answer 0"]);
    // The platform ends the session: the next call with it tells.
    stage.sign_in("100001");
    stage.sandbox.revoke("100001");
    stage.cli(&["user"]).ends_with(1).says(&["UNAUTHORIZED"]);
    stage.c(&["is-auth"]).ends_with(0).says(&["answer 0"]);
}

#[test]
fn row_7_get_user_info() {
    let stage = Stage::new();
    stage.c(&["user"]).ends_with(0).says(&["on_user_info_error ALITV_E_UNAUTHORIZED"]);
    let (code, text) = stage.rpc().error("user.info", json!({}));
    assert!(code == -2201 && text.contains("signed in"), "{code} {text}");
    stage.cli(&["user"]).ends_with(1).says(&["UNAUTHORIZED (-2201)", "alitv-pay auth"]);

    stage.sign_in("100003");
    stage.c(&["user"]).ends_with(0).says(&["on_user_info 100003 nick=老王 Wang points=10000"]);
    let user = stage.rpc().ok("user.info", json!({}));
    assert_eq!((&user["user_id"], &user["points"]), (&json!("100003"), &json!(10_000)));
    stage.cli(&["user"]).ends_with(0).says(&["user      100003", "points    10000"]);
    assert_eq!(stage.cli(&["user", "--json"]).ends_with(0).json(), user);
}
