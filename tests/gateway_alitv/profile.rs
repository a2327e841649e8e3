//! What is switched on for the app.

use alitv_pay::core::call::{Ask, DoubtKind, Reply};
use alitv_pay::core::report::{Page, Profile, WebKind};
use alitv_pay::gateway::Gateway;
use alitv_pay::limits::{LINK_BYTES_MAX, QR_TEXT_BYTES_MAX};
use alitv_pay::wire::device::{self, ServiceResult};
use serde_json::{json, Value};

use crate::cases::call;
use crate::kit::*;

fn profile(url: &str, props: &Value, signed: bool) -> Reply {
    reply_to(url, &call(false, Ask::Profile), |prepared| {
        let members = json!({"app_config": {"config_props": props}, "package_name": "x"});
        let data = with_echo(prepared, &members);
        let (data, key) = match signed {
            true => (data, Some(secret())),
            false => (without(&data, "nonce"), None),
        };
        answer(device::APPINFO_GET, &ServiceResult::success(data), key.as_ref())
    })
}

fn page(kind: WebKind, url: &str) -> Page {
    Page { kind, url: url.into() }
}

#[test]
fn pages_goods_and_subscriptions_are_read() {
    let props = json!({
        "wait_s_max": 20, "renewal": true, "qr_url": "https://qr.alipay.com/goods",
        "pages": {"start": "https://h5.qr.alipay.com/s?a=1", "exit": "https://qr.alipay.com/e"},
    });
    let expected = Profile {
        pages: vec![
            page(WebKind::Start, "https://h5.qr.alipay.com/s?a=1"),
            page(WebKind::Exit, "https://qr.alipay.com/e"),
        ],
        qr_url: Some("https://qr.alipay.com/goods".into()),
        renewal: true,
    };
    for url in [HTTP, HTTPS] {
        assert_eq!(profile(url, &props, true), Reply::Profile(expected.clone()));
    }
    // What is switched on is ours: without a signature it is not believed, and the gateway is.
    assert_eq!(profile(HTTPS, &props, false), Reply::Profile(Profile::default()));
    assert_eq!(doubt_kind(&profile(HTTP, &props, false)), DoubtKind::Signature);
    for strange in [json!({}), json!("{}"), json!([1]), json!({"renewal": "yes"}), Value::Null] {
        assert_eq!(profile(HTTPS, &strange, true), Reply::Profile(Profile::default()));
    }
}

#[test]
fn addresses_that_may_not_be_opened_are_left_out() {
    let own = "http://127.0.0.1:8420/h5/start";
    let reply = |url: &str, page: &str| {
        profile(url, &json!({"pages": {"custom": page}, "qr_url": page}), true)
    };
    let both = |url: &str| {
        let pages = vec![page(WebKind::Custom, url)];
        Reply::Profile(Profile { pages, qr_url: Some(url.into()), renewal: false })
    };
    assert_eq!(reply(HTTP, own), both(own));
    for bad in [
        own,
        "",
        "https://evil.com/",
        "http://qr.alipay.com/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://qr.alipay.com@evil.com/",
    ] {
        assert_eq!(reply(HTTPS, bad), Reply::Profile(Profile::default()), "{bad}");
    }
}

/// A page is opened, the goods are scanned: a code of a long address could not be.
#[test]
fn a_page_may_be_longer_than_a_code() {
    let of = |bytes: usize| format!("https://qr.alipay.com/{}", "x".repeat(bytes - 22));
    let found = |address: String| {
        let props = json!({"pages": {"start": address}, "qr_url": address});
        match profile(HTTPS, &props, true) {
            Reply::Profile(profile) => (profile.pages.len(), profile.qr_url.is_some()),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(found(of(QR_TEXT_BYTES_MAX)), (1, true));
    assert_eq!(found(of(QR_TEXT_BYTES_MAX + 1)), (1, false));
    assert_eq!(found(of(LINK_BYTES_MAX)), (1, false));
    assert_eq!(found(of(LINK_BYTES_MAX + 1)), (0, false));
}

#[test]
fn a_refused_profile_is_in_doubt() {
    let call = call(false, Ask::Profile);
    let reply = reply_to_refusal(&call, device::APPINFO_GET, "SOME_REASON", &json!({}));
    assert_eq!(doubt_kind(&reply), DoubtKind::Gateway);
    let reply = reply_to(HTTPS, &call, |_| error(25, "isv.invalid-signature", ""));
    assert_eq!(doubt_kind(&reply), DoubtKind::Gateway);
    let gateway = gateway(HTTP);
    let prepared = gateway.encode(&call, SERVER_MS).unwrap();
    let reply = gateway.decode(&call, &prepared, &text("{}"));
    assert_eq!(doubt_kind(&reply), DoubtKind::Gateway);
}
