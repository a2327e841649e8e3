//! The seed file: what it can say, and what an error names.

use std::path::PathBuf;

use alitv_pay::sandbox::{start, Options, Seed};

use crate::harness::World;

const SMALL: &str = r#"
[[app]]
app_key = "777"
app_secret = "s3cret"
name = "Small"
[app.settings]
renewal = true

[[user]]
user_id = "u1"
nick = "One"
points = 3

[[gift]]
user_id = "u1"
app_key = "777"
cp_item_id = "sword"
gift_id = "42"
"#;

fn seeded(text: &str) -> Options {
    Options { seed: Some(Seed::parse(text).unwrap()), ..Options::default() }
}

#[test]
fn a_seed_in_toml_and_the_same_in_json_set_everything_up() {
    let json = r#"{"apps":[{"app_key":"777","app_secret":"s3cret","name":"Small",
        "settings":{"renewal":true}}],"users":[{"user_id":"u1","nick":"One","points":3}],
        "gifts":[{"user_id":"u1","app_key":"777","cp_item_id":"sword","gift_id":"42"}]}"#;
    assert!(Seed::parse(json).unwrap() == Seed::parse(SMALL).unwrap());
    let world = World::with(seeded(SMALL));
    let app = &world.sandbox.apps[0];
    assert_eq!((app.app_key.as_str(), app.app_secret.as_str()), ("777", "s3cret"));
    assert_eq!(world.sandbox.apps.len(), 1);
    world.sign_in("u1");
    assert_eq!(world.does("GET", "/gifts/42", "")["cp_item_id"], "sword");
    assert_eq!(world.points("u1"), 3);
}

#[test]
fn a_reset_goes_back_to_the_seed() {
    let world = World::with(seeded(SMALL));
    let token = world.sign_in("u1");
    world.does("POST", "/users", r#"{"user_id":"u2","nick":"Two"}"#);
    world.does("POST", "/users/u1/points", r#"{"points":99}"#);
    world.does("POST", "/gifts/42/expire", "");
    world.does("PATCH", "/apps/777", r#"{"renewal":false}"#);
    world.does("POST", "/reset", "");
    assert_eq!(world.points("u1"), 3);
    assert_eq!(world.refused("GET", "/users/u2", "").0, 404);
    assert_eq!(world.does("GET", "/gifts/42", "")["state"], "pending");
    assert_eq!(world.does("GET", "/apps/777", "")["settings"]["renewal"], true);
    assert_eq!(world.does("GET", "/users/u1", "")["authorised"], serde_json::json!({}));
    let asked = world.ask_as(&token, alitv_pay::core::call::Ask::UserInfo);
    assert_eq!(asked, alitv_pay::core::call::Reply::NoSession);
    assert_eq!(world.does("GET", "/events", "")["events"][0]["what"], "reset");
}

#[test]
fn the_state_file_keeps_all_of_it_and_a_new_seed_waits_for_the_reset() {
    let dir = tempfile::tempdir().unwrap();
    let state_file = Some(dir.path().join("state.json"));
    let options = Options { state_file: state_file.clone(), ..seeded(SMALL) };
    let world = World::with(options);
    let token = world.sign_in("u1");
    world.does("POST", "/users/u1/points", r#"{"points":99}"#);
    world.does("PATCH", "/apps/777", r#"{"profile":true}"#);
    world.scenario(r#"{"scenario":"draw.lost"}"#);
    drop(world);

    // Without a seed: its own.
    let world = World::with(Options { state_file: state_file.clone(), ..Options::default() });
    assert_eq!(world.points("u1"), 99);
    let again = world.ask_as(&token, alitv_pay::core::call::Ask::UserInfo);
    assert!(matches!(again, alitv_pay::core::call::Reply::User(_)), "{again:?}");
    assert_eq!(world.does("GET", "/apps/777", "")["settings"]["profile"], true);
    assert_eq!(world.does("GET", "/state", "")["scenarios"][0]["method"], "lottery.draw");
    drop(world);

    let other = SMALL.replace("points = 3", "points = 4").replace("app_secret = \"s3cret\"\n", "");
    let world = World::with(Options { state_file, ..seeded(&other) });
    assert_eq!(world.sandbox.apps[0].app_secret, "s3cret");
    assert_eq!(world.points("u1"), 99);
    world.does("POST", "/reset", "");
    assert_eq!(world.points("u1"), 4);
}

#[test]
fn a_state_file_of_another_format_is_refused_clearly() {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("state.json");
    std::fs::write(&path, r#"{"format":1,"apps":[]}"#).unwrap();
    let options = Options { state_file: Some(path), ..Options::default() };
    let error = start(options).err().unwrap().to_string();
    assert!(error.contains("format is 1") && error.contains('3'), "{error}");
}

#[test]
fn an_error_names_the_member() {
    const APP: &str = "[[app]]\napp_key = \"777\"\nname = \"Small\"\n";
    const USER: &str = "[[user]]\nuser_id = \"u1\"\nnick = \"One\"\n";
    let activity = |more: &str| {
        format!(
            "{APP}[[activity]]\napp_key = \"777\"\nevent_key = \"K\"\nname = \"n\"\n\
             start_time = \"2016-01-01 00:00:00\"\nend_time = \"2017-01-01 00:00:00\"\n{more}\n\
             [[activity.award]]\nname = \"a\"\nweight = 1\n"
        )
    };
    let free = "lucky_type = \"free\"\naccess_amount = 1";
    Seed::parse(&activity(free)).unwrap();
    let cases = [
        (String::new(), "apps"),
        ("x = ".into(), "1"),
        ("{".into(), "EOF"),
        ("[[app]]\nname = \"n\"\n".into(), "app_key"),
        ("[[app]]\napp_key = \"7 7\"\nname = \"n\"\n".into(), "app_key"),
        (format!("{APP}color = \"red\"\n"), "color"),
        (format!("{APP}app_secret = \"\"\n"), "apps[0].app_secret"),
        (format!("{APP}{APP}"), "777"),
        (format!("{APP}[app.settings]\nprofile = 1\n"), "profile"),
        (format!("{APP}[app.settings.pages.begin]\nurl = \"http://h/\"\n"), "begin"),
        (
            format!("{APP}[app.settings.pages.exit]\nurl = \"h\"\n"),
            "apps[0].settings.pages.exit.url",
        ),
        (format!("{APP}{USER}points = -1\n"), "users[0].points"),
        (format!("{APP}{USER}points = \"many\"\n"), "points"),
        (format!("{APP}{USER}authorised = {{ 778 = {{}} }}\n"), "users[0].authorised"),
        (format!("{APP}{USER}{USER}"), "u1"),
        (format!("{APP}[[user]]\nuser_id = \"\"\nnick = \"n\"\n"), "user_id"),
        (
            format!("{APP}[[user]]\nuser_id = \"u\"\nnick = \"{}\"\n", "x".repeat(65)),
            "users[0].nick",
        ),
        (activity("lucky_type = \"always\""), "lucky_type"),
        (activity("lucky_type = \"free\""), "activities[0].access_amount"),
        (activity("lucky_type = \"consuming\""), "activities[0].consume_amount"),
        (activity(free).replace("2017-01-01", "2015-01-01"), "activities[0].end_time"),
        (activity(free).replace("2017-01-01", "2017-13-01"), "end_time"),
        (activity(free).replace("weight = 1", "weight = 0"), "activities[0].lose_weight"),
        (activity(free).replace("weight = 1", "weight = -1"), "weight"),
        (activity(free).replace("name = \"a\"", "name = \"\""), "activities[0].awards[0].name"),
        (
            format!("{}{}", activity(free), activity(free).replace(APP, "")),
            "activities[1].event_key",
        ),
        (
            format!(
                "{APP}{USER}[[gift]]\nuser_id = \"u2\"\napp_key = \"777\"\ncp_item_id = \"x\"\n"
            ),
            "gifts[0].user_id",
        ),
        (
            format!("{APP}{USER}[[gift]]\nuser_id = \"u1\"\napp_key = \"7\"\ncp_item_id = \"x\"\n"),
            "gifts[0].app_key",
        ),
        (
            format!("{APP}[[prize]]\napp_key = \"777\"\nsubject_id = \"\"\nawards = []\n"),
            "prizes[0].subject_id",
        ),
    ];
    for (text, word) in cases {
        let error = Seed::parse(&text).err().unwrap_or_else(|| panic!("good: {text}"));
        assert!(error.contains(word), "{error:?} should name {word}:\n{text}");
    }
}

#[test]
fn a_seed_file_is_read_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("seed.toml");
    assert!(Seed::read(&path).unwrap_err().to_string().contains("seed.toml"));
    std::fs::write(&path, SMALL).unwrap();
    assert!(Seed::read(&path).unwrap() == Seed::parse(SMALL).unwrap());
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(Seed::read(&path).unwrap_err().to_string().contains("UTF-8"));
    std::fs::write(&path, format!("#{}", "x".repeat(1024 * 1024))).unwrap();
    assert!(Seed::read(&path).unwrap_err().to_string().contains("larger than"));
}
