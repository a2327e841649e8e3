//! What operations have switched on for an app.

use alitv_pay::core::call::{Ask, Reply};
use alitv_pay::core::facts::AppKey;
use alitv_pay::core::report::{Profile, WebKind};

use crate::harness::World;

fn profile(world: &World, app_key: &str) -> Profile {
    match world.ask(AppKey::new(app_key).unwrap(), Ask::Profile) {
        Reply::Profile(profile) => profile,
        other => panic!("{other:?}"),
    }
}

fn page(profile: &Profile, kind: WebKind) -> Option<&str> {
    profile.pages.iter().find(|page| page.kind == kind).map(|page| page.url.as_str())
}

#[test]
fn pages_goods_and_renewal_are_told() {
    let world = World::new();
    let base = &world.sandbox.base_url;
    let first = profile(&world, "23012345");
    for kind in WebKind::ALL {
        let own = format!("{base}/h5/23012345/{}", kind.name());
        assert_eq!(page(&first, kind), Some(own.as_str()));
    }
    assert_eq!(first.qr_url, Some(format!("{base}/goods/23012345")));
    assert!(first.renewal);
    assert_eq!(profile(&world, "23012346"), Profile::default());
}

#[test]
fn settings_change_member_by_member() {
    let world = World::new();
    let patch = r#"{"pages":{"exit":null,"custom":{"url":"{base}/goods/23012345"}},
                    "qr_url":"{base}/goods/23012345?from=tv","renewal":false}"#;
    let told = world.does("PATCH", "/apps/23012345", patch);
    assert_eq!(told["settings"]["profile"], true);
    assert_eq!(told["settings"]["pages"]["custom"]["title"], "宝石商店 Gem shop");
    let now = profile(&world, "23012345");
    assert_eq!(page(&now, WebKind::Exit), None);
    let goods = format!("{}/goods/23012345", world.sandbox.base_url);
    assert_eq!(page(&now, WebKind::Custom), Some(goods.as_str()));
    assert!(page(&now, WebKind::Start).is_some() && !now.renewal);
    assert!(now.qr_url.unwrap().ends_with("/goods/23012345?from=tv"));
    world.does("PATCH", "/apps/23012345", r#"{"qr_url":null}"#);
    assert_eq!(profile(&world, "23012345").qr_url, None);
    let apps = world.does("GET", "/apps", "");
    assert_eq!(apps["apps"][1]["settings"]["renewal"], false);
    assert_eq!(world.does("GET", "/apps/23012345", "")["name"], "宝石花园 Gem Garden");
}

#[test]
fn errors_name_the_member() {
    let world = World::new();
    for (path, body, status, field) in [
        ("/apps/1", "{}", 404, "app"),
        ("/apps/23012345", r#"{"color":"red"}"#, 400, "color"),
        ("/apps/23012345", r#"{"renewal":"yes"}"#, 400, "renewal"),
        ("/apps/23012345", r#"{"pages":{"start":{"url":"ftp://h/"}}}"#, 400, "pages.start.url"),
        ("/apps/23012345", r#"{"pages":{"begin":{}}}"#, 400, "pages"),
        ("/apps/23012345", r#"{"pages":{"start":{"size":1}}}"#, 400, "pages.start.size"),
        ("/apps/23012345", r#"{"renewal_cap_fen":0}"#, 400, "renewal_cap_fen"),
        ("/apps/23012345", r#"{"qr_url":"shop"}"#, 400, "qr_url"),
        ("/apps/23012345", "[]", 400, "body"),
        ("/apps/23012345", "", 400, "body"),
    ] {
        let (got, named, message) = world.refused("PATCH", path, body);
        assert_eq!((got, named.as_str()), (status, field), "{body}: {message}");
    }
    assert!(profile(&world, "23012345").renewal);
}
