//! Activities, draws, and chance that can be repeated.

use std::sync::Arc;

use alitv_pay::core::award::{Activity, LuckyType};
use alitv_pay::core::call::{Ask, Drawn, Reply};
use alitv_pay::core::facts::{AppKey, DrawFacts, EventKey, OrderId};
use alitv_pay::core::user::{Token, UserId};
use alitv_pay::sandbox::Options;
use alitv_pay::wire::confirm::{confirm_key, ConfirmFacts};
use alitv_pay::wire::secret::Secret;

use crate::harness::World;

struct Player<'a> {
    world: &'a World,
    user: &'static str,
    session: Token,
}

impl<'a> Player<'a> {
    fn new(world: &'a World, user: &'static str) -> Player<'a> {
        Player { world, user, session: world.sign_in(user) }
    }

    fn facts(&self, draw: &str, event_key: &str) -> DrawFacts {
        DrawFacts {
            app_key: AppKey::new(self.world.app_key()).unwrap(),
            draw_id: OrderId::new(format!("draw-{draw}")).unwrap(),
            event_key: EventKey::new(event_key).unwrap(),
            user_id: UserId::new(self.user).unwrap(),
            confirm_key: None,
            behavior_key: None,
        }
    }

    fn ask(&self, facts: DrawFacts) -> Reply {
        self.world.ask_as(&self.session, Ask::Draw(Arc::new(facts)))
    }

    fn look_up(&self, facts: DrawFacts) -> Reply {
        self.world.ask(facts.app_key.clone(), Ask::DrawQuery(Arc::new(facts)))
    }

    fn draw(&self, draw: &str, event_key: &str) -> Drawn {
        drawn(self.ask(self.facts(draw, event_key)))
    }

    fn points(&self) -> i64 {
        self.world.points(self.user)
    }
}

fn drawn(reply: Reply) -> Drawn {
    match reply {
        Reply::Drawn(drawn) => *drawn,
        other => panic!("{other:?}"),
    }
}

fn refusal(reply: Reply) -> String {
    match reply {
        Reply::Rejected { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn activities(world: &World, session: Option<&Token>, event_key: Option<&str>) -> Vec<Activity> {
    let event_key = event_key.map(|key| EventKey::new(key).unwrap());
    let app_key = AppKey::new(world.app_key()).unwrap();
    match world.call(app_key, session, Ask::Activities { event_key }) {
        Reply::Activities(activities) => activities,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_can_be_played_is_listed_with_its_awards() {
    let world = World::new();
    let all = activities(&world, None, None);
    let keys: Vec<&str> = all.iter().map(|a| a.event_key.as_str()).collect();
    assert_eq!(keys, ["DAILY_SIGN", "LUCKY_WHEEL", "BOSS_CHEST", "TREASURE_MAP"]);
    let kinds: Vec<LuckyType> = all.iter().map(|a| a.lucky_type).collect();
    let (free, mixed) = (LuckyType::Free, LuckyType::Mixed);
    assert_eq!(kinds, [free, LuckyType::Consuming, mixed, mixed]);
    let wheel = &activities(&world, None, Some("LUCKY_WHEEL"))[0];
    assert_eq!((wheel.consume_amount, wheel.access_amount), (50, 0));
    assert_eq!((wheel.start_time.as_str(), wheel.awards.len()), ("2016-01-01 00:00:00", 4));
    let url = format!("{}/activity/{}", world.sandbox.base_url, wheel.activity_id);
    assert_eq!(wheel.activity_url, url);
    assert!(wheel.awards.iter().all(|award| award.simple_desc.is_empty()));
    for key in ["SUMMER_2016", "NO_SUCH"] {
        assert!(activities(&world, None, Some(key)).is_empty(), "{key}");
    }
}

#[test]
fn free_draws_are_counted_for_each_user_and_then_never_win() {
    let world = World::new();
    let (first, second) = (Player::new(&world, "100001"), Player::new(&world, "100002"));
    for (n, left) in [(1, 2), (2, 1), (3, 0)] {
        assert_eq!(first.draw(&n.to_string(), "DAILY_SIGN").free_left, Some(left));
    }
    let left = |player: &Player| {
        activities(&world, Some(&player.session), Some("DAILY_SIGN"))[0].access_amount
    };
    assert_eq!((left(&first), left(&second)), (0, 3));
    assert_eq!(activities(&world, None, Some("DAILY_SIGN"))[0].access_amount, 3);
    let before = first.points();
    for n in 4..20 {
        let nothing = first.draw(&n.to_string(), "DAILY_SIGN");
        assert_eq!((nothing.award, nothing.free_left), (None, Some(0)));
    }
    assert_eq!(first.points(), before);
}

#[test]
fn a_consuming_draw_costs_points_and_without_them_is_refused_for_good() {
    let world = World::new();
    let rich = Player::new(&world, "100003");
    assert_eq!(rich.draw("1", "LUCKY_WHEEL").points_left, Some(9_950));
    assert_eq!(rich.points(), 9_950);
    let poor = Player::new(&world, "100002");
    let facts = poor.facts("2", "LUCKY_WHEEL");
    assert_eq!(refusal(poor.ask(facts.clone())), "POINTS_NOT_ENOUGH");
    assert_eq!(poor.points(), 5);
    // Decided is decided: a late duplicate takes no points that came in the meantime.
    world.does("POST", "/users/100002/points", r#"{"add":1000}"#);
    assert_eq!(refusal(poor.ask(facts.clone())), "POINTS_NOT_ENOUGH");
    assert_eq!(refusal(poor.look_up(facts)), "POINTS_NOT_ENOUGH");
    assert_eq!(poor.points(), 1_005);
    assert_eq!(poor.draw("3", "LUCKY_WHEEL").points_left, Some(955));
}

#[test]
fn a_mixed_draw_is_free_first() {
    let world = World::new();
    let player = Player::new(&world, "100001");
    let free = player.draw("1", "TREASURE_MAP");
    assert_eq!((free.points_left, free.free_left), (Some(500), Some(0)));
    assert_eq!(player.draw("2", "TREASURE_MAP").points_left, Some(490));
    let costs: Vec<serde_json::Value> = world.does("GET", "/draws", "")["draws"]
        .as_array()
        .unwrap()
        .iter()
        .map(|draw| draw["cost"].clone())
        .collect();
    assert_eq!(costs, [serde_json::json!({"points": 10}), "free_draw".into()]);
}

#[test]
fn an_activity_that_is_over_or_unknown_never_wins_and_costs_nothing() {
    let world = World::new();
    let player = Player::new(&world, "100001");
    for (n, key) in ["SUMMER_2016", "NO_SUCH"].into_iter().enumerate() {
        let nothing = player.draw(&n.to_string(), key);
        assert_eq!((nothing.award, nothing.points_left), (None, Some(500)), "{key}");
    }
    assert_eq!(player.points(), 500);
}

#[test]
fn a_draw_id_is_drawn_once() {
    let world = World::new();
    let player = Player::new(&world, "100001");
    let facts = player.facts("1", "LUCKY_WHEEL");
    assert_eq!(player.look_up(facts.clone()), Reply::NoTrade);
    let first = player.ask(facts.clone());
    for _ in 0..5 {
        assert_eq!(player.ask(facts.clone()), first);
        assert_eq!(player.look_up(facts.clone()), first);
    }
    // What is known is answered whoever is signed in.
    world.sandbox.revoke("100001");
    assert_eq!(player.ask(facts.clone()), first);
    assert_eq!(player.ask(player.facts("2", "LUCKY_WHEEL")), Reply::NoSession);
    let other = DrawFacts { event_key: EventKey::new("DAILY_SIGN").unwrap(), ..facts.clone() };
    assert_eq!(refusal(player.ask(other)), "DRAW_CONFLICT");
    let other = DrawFacts { behavior_key: Some(EventKey::new("x").unwrap()), ..facts };
    assert_eq!(refusal(player.ask(other)), "DRAW_CONFLICT");
    assert_eq!(world.does("GET", "/draws?user=100001", "")["draws"].as_array().unwrap().len(), 1);
    assert!(player.points() >= 450);
}

#[test]
fn a_draw_whose_answer_is_lost_was_drawn() {
    let world = World::new();
    let player = Player::new(&world, "100001");
    world.scenario(r#"{"scenario":"draw.lost"}"#);
    let facts = player.facts("1", "TREASURE_MAP");
    assert!(matches!(player.ask(facts.clone()), Reply::InDoubt(_)));
    assert_eq!(drawn(player.look_up(facts.clone())).free_left, Some(0));
    assert_eq!(player.look_up(facts.clone()), player.ask(facts));
    assert_eq!(player.points(), 500);
}

#[test]
fn a_draw_needs_an_authorised_user_and_its_own() {
    let world = World::new();
    let player = Player::new(&world, "100001");
    let mut facts = player.facts("1", "DAILY_SIGN");
    facts.user_id = UserId::new("100002").unwrap();
    assert!(!matches!(player.ask(facts.clone()), Reply::Drawn(_)));
    facts.user_id = UserId::new("100001").unwrap();
    let app_key = facts.app_key.clone();
    assert_eq!(world.ask(app_key, Ask::Draw(Arc::new(facts))), Reply::NoSession);
    assert_eq!(world.does("GET", "/draws", "")["draws"].as_array().unwrap().len(), 0);
}

fn boss(player: &Player, draw: &str, behavior: Option<&str>, key: Option<String>) -> Reply {
    player.ask(DrawFacts {
        behavior_key: behavior.map(|key| EventKey::new(key).unwrap()),
        confirm_key: key.map(|key| Token::new("confirm_key", key).unwrap()),
        ..player.facts(draw, "BOSS_CHEST")
    })
}

fn key(secret: &str, behavior: &str, user: &str, ts_ms: i64) -> Option<String> {
    let facts = ConfirmFacts {
        app_key: "23012345",
        behavior_key: behavior,
        event_key: "BOSS_CHEST",
        user_id: user,
    };
    Some(confirm_key(&Secret::new(secret).unwrap(), &facts, ts_ms))
}

#[test]
fn a_confirm_key_is_checked_and_good_for_one_draw() {
    let world = World::new();
    let player = Player::new(&world, "100001");
    let secret = "sandbox-confirm-secret";
    let now_ms = world.now_ms();
    let good = key(secret, "boss_down", "100001", now_ms);
    let bad = [
        None,
        Some("1466395200123.00".to_owned()),
        key("another", "boss_down", "100001", now_ms),
        key(secret, "share", "100001", now_ms),
        key(secret, "boss_down", "100002", now_ms),
        key(secret, "boss_down", "100001", now_ms - 601_000),
        key(secret, "boss_down", "100001", now_ms + 700_000),
    ];
    for (n, bad) in bad.into_iter().enumerate() {
        let refused = boss(&player, &format!("bad{n}"), Some("boss_down"), bad);
        assert_eq!(refusal(refused), "CONFIRM_KEY_INVALID", "{n}");
    }
    let won = drawn(boss(&player, "1", Some("boss_down"), good.clone()));
    assert_eq!(won.award.unwrap().name, "电影票 Cinema ticket");
    let again = drawn(boss(&player, "1", Some("boss_down"), good.clone()));
    assert_eq!(again.free_left, Some(0));
    let used = boss(&player, "2", Some("boss_down"), good);
    assert_eq!(refusal(used), "CONFIRM_KEY_INVALID");
    let next = key(secret, "boss_down", "100001", now_ms + 1);
    assert_eq!(drawn(boss(&player, "3", Some("boss_down"), next)).points_left, Some(400));
}

#[test]
fn a_key_is_not_used_up_by_a_draw_that_was_refused() {
    let world = World::new();
    let player = Player::new(&world, "100002");
    let now_ms = world.now_ms();
    let key_at = |ts_ms| key("sandbox-confirm-secret", "share", "100002", ts_ms);
    drawn(boss(&player, "1", Some("share"), key_at(now_ms)));
    let second = key_at(now_ms + 1);
    assert_eq!(refusal(boss(&player, "2", Some("share"), second.clone())), "POINTS_NOT_ENOUGH");
    world.does("POST", "/users/100002/points", r#"{"points":100}"#);
    assert_eq!(drawn(boss(&player, "3", Some("share"), second)).points_left, Some(0));
}

#[test]
fn only_behaviours_of_the_list_may_draw() {
    let world = World::new();
    let player = Player::new(&world, "100001");
    for (n, behavior) in [None, Some("login")].into_iter().enumerate() {
        let key = key("sandbox-confirm-secret", behavior.unwrap_or(""), "100001", world.now_ms());
        let refused = boss(&player, &n.to_string(), behavior, key);
        assert_eq!(refusal(refused), "BEHAVIOR_NOT_ALLOWED");
    }
    // An activity without a list takes any.
    let facts = player.facts("any", "DAILY_SIGN");
    drawn(player.ask(DrawFacts { behavior_key: Some(EventKey::new("login").unwrap()), ..facts }));
}

#[test]
fn stock_runs_out_and_prizes_are_handed_out() {
    let world = World::new();
    let activity = r#"{"app_key":"23012345","event_key":"NEW","name":"new","lucky_type":"free",
        "access_amount":9,"start_time":"2016-01-01 00:00:00","end_time":"2099-01-01 00:00:00",
        "awards":[{"name":"pack","weight":1,"stock":2,"points":7,"gift_item":"pack_1",
                   "full_desc":"all of it"}]}"#;
    let made = world.does("POST", "/activities", activity);
    let player = Player::new(&world, "100001");
    for n in 1..=2 {
        let won = player.draw(&n.to_string(), "NEW");
        assert_eq!(won.award.unwrap().full_desc, "all of it");
        assert_eq!(won.points_left, Some(500 + 7 * n));
    }
    assert_eq!(player.draw("3", "NEW").award, None);
    let id = made["activity_id"].as_str().unwrap();
    let now = world.does("GET", &format!("/activities/{id}"), "");
    assert_eq!(now["awards"][0]["stock"], 0);
    let gifts = world.does("GET", "/gifts?user=100001&state=pending", "");
    let items = gifts["gifts"].as_array().unwrap().iter();
    assert_eq!(items.filter(|gift| gift["cp_item_id"] == "pack_1").count(), 2);
}

#[test]
fn every_kind_of_prize_comes_with_its_link() {
    let world = World::with(Options { seed_rng: Some(1), ..Options::default() });
    let player = Player::new(&world, "100003");
    let mut kinds = std::collections::BTreeMap::new();
    for n in 0..150 {
        if let Some(award) = player.draw(&n.to_string(), "LUCKY_WHEEL").award {
            assert!(!award.award_id.is_empty() && !award.simple_desc.is_empty());
            kinds.insert(award.award_type, award.hyperlink_url);
        }
    }
    // Physical with and without a shop, a discount, and a virtual one.
    assert_eq!(kinds.keys().copied().collect::<Vec<_>>(), [4, 7, 8, 9]);
    for kind in [7, 8, 9] {
        assert!(kinds[&kind].starts_with(&world.sandbox.base_url), "{kind}: {}", kinds[&kind]);
    }
}

/// What is won in a row of draws.
fn row(world: &World, tag: &str) -> Vec<Option<String>> {
    let player = Player::new(world, "100003");
    let won = |n: u32| player.draw(&format!("{tag}{n}"), "LUCKY_WHEEL").award;
    (0..40).map(|n| won(n).map(|award| award.name)).collect()
}

#[test]
fn the_same_seed_gives_the_same_draws() {
    let seeded = |seed| World::with(Options { seed_rng: Some(seed), ..Options::default() });
    let first = seeded(7);
    let wheel = row(&first, "a");
    let second = seeded(7);
    // What happens beside them does not matter.
    second.order("A");
    Player::new(&second, "100001").draw("x", "DAILY_SIGN");
    assert_eq!(row(&second, "a"), wheel);
    assert_ne!(row(&seeded(8), "a"), wheel);
    // Going on is not beginning again; a reset is.
    assert_ne!(row(&first, "b"), wheel);
    first.does("POST", "/reset", "");
    assert_eq!(row(&first, "a"), wheel);
}

#[test]
fn activities_are_made_changed_and_removed() {
    let world = World::new();
    let id = |key: &str| {
        let all = world.does("GET", "/activities?app_key=23012345", "");
        let found = all["activities"].as_array().unwrap().iter().find(|a| a["event_key"] == key);
        found.unwrap()["activity_id"].as_str().unwrap().to_owned()
    };
    let path = format!("/activities/{}", id("LUCKY_WHEEL"));
    let changed = world.does("PATCH", &path, r#"{"consume_amount":1,"lose_weight":0}"#);
    assert_eq!((&changed["consume_amount"], &changed["on"]), (&1.into(), &true.into()));
    let player = Player::new(&world, "100001");
    assert_eq!(player.draw("1", "LUCKY_WHEEL").points_left, Some(499));
    world.does("PATCH", &path, r#"{"end_time":"2017-01-01 00:00:00"}"#);
    assert_eq!(player.draw("2", "LUCKY_WHEEL").award, None);
    let told = world.does("GET", &format!("/activities/{}", id("SUMMER_2016")), "");
    assert_eq!(told["on"], false);
    world.does("DELETE", &path, "");
    assert_eq!(world.refused("DELETE", &path, "").0, 404);
    assert_eq!(world.refused("GET", &path, "").1, "activity");
}
