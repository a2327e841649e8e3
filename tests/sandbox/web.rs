//! Pages that a game shows or that a code leads to, and what is won by paying.

use std::sync::Arc;

use alitv_pay::core::call::{Reply, TradeStatus};
use alitv_pay::core::facts::{Facts, Interval, Renewal};
use alitv_pay::money::Fen;
use serde_json::json;

use crate::harness::{escaped, form_token, page_path, Answer, World};

fn get(world: &World, path: &str) -> Answer {
    world.http("GET", path, &["Accept-Language: en"], "")
}

#[test]
fn an_h5_page_shows_what_is_configured_and_echoes_its_parameters() {
    let world = World::new();
    let page = get(&world, "/h5/23012345/start?level=12&name=%3Cb%3E%22%27&lang=en").body;
    for text in ["开服活动 Opening week", "Gem Garden", "100 gems", "level", "12", "Start page"]
    {
        assert!(page.contains(text), "{text}\n{page}");
    }
    assert!(page.contains("&lt;b&gt;&quot;'") && !page.contains("<b>"), "{page}");
    assert!(!page.contains("<bdi>lang</bdi>"), "the language is ours");
    for path in ["/h5/23012346/start", "/h5/23012345/other", "/h5/1/start"] {
        assert_eq!(get(&world, path).status, 404, "{path}");
    }
    let text = json!({"pages": {"custom": {"title": "<i>", "text": "a\n<u>b"}}});
    world.does("PATCH", "/apps/23012345", &text.to_string());
    let page = get(&world, "/h5/23012345/custom").body;
    assert!(page.contains("&lt;i&gt;") && page.contains("&lt;u&gt;b</p>"), "{page}");
    let many: String = (0..100).map(|at| format!("&p{at}=x")).collect();
    let page = get(&world, &format!("/h5/23012345/exit?{many}")).body;
    assert!(page.contains("<bdi>p31</bdi>") && !page.contains("<bdi>p32</bdi>"), "{page}");
}

#[test]
fn links_of_activities_awards_and_goods_lead_to_pages() {
    let world = World::new();
    let base = world.sandbox.base_url.clone();
    let activities = world.does("GET", "/activities", "");
    let mut links = Vec::new();
    for activity in activities["activities"].as_array().unwrap() {
        links.push((activity["activity_url"].clone(), activity["name"].clone()));
        for award in activity["awards"].as_array().unwrap() {
            links.push((award["hyperlink_url"].clone(), award["name"].clone()));
        }
    }
    assert!(links.len() > 10);
    for (link, name) in links {
        let link = link.as_str().unwrap().replace("{base}", &base);
        let Some(path) = link.strip_prefix(&base) else {
            assert_eq!(link, "");
            continue;
        };
        let page = get(&world, path);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains(&escaped(name.as_str().unwrap())), "{path} shows {name}");
    }
    for path in ["/activity/none", "/award/none", "/goods/1", "/avatar/none.svg", "/avatar/1"] {
        assert_eq!(get(&world, path).status, 404, "{path}");
    }
    let picture = get(&world, "/avatar/100001.svg");
    assert!(picture.head.contains("content-type: image/svg+xml") && picture.body.contains("小"));
}

#[test]
fn the_goods_are_what_was_ordered_last() {
    let world = World::new();
    assert!(get(&world, "/goods/23012345").body.contains("No goods yet"));
    let mut facts = Facts::clone(&world.facts("A"));
    world.precreate_facts(&Arc::new(facts.clone()));
    facts.order_id = alitv_pay::core::facts::OrderId::new("B").unwrap();
    facts.amount_fen = Fen::new(550).unwrap();
    world.precreate_facts(&Arc::new(facts));
    let page = get(&world, "/goods/23012345").body;
    assert!(page.contains("¥5.50") && !page.contains("¥6.00"), "{page}");
    assert_eq!(page.matches("60 gems").count(), 1);
}

#[test]
fn a_payer_who_is_named_wins_by_paying_and_a_stranger_does_not() {
    let world = World::new();
    for (order, payer, won) in [("A", "100001", true), ("B", "", false)] {
        let path = world.order(order);
        let page = get(&world, &path).body;
        assert!(page.contains("小明 Ming (100001)"), "{page}");
        let token = form_token(&page);
        let form = [("token", token.as_str()), ("action", "pay"), ("payer", payer)];
        assert_eq!(world.submit(&path, &form).status, 303);
        assert_eq!(world.status(order), TradeStatus::Success);
        let page = get(&world, &path).body;
        assert_eq!(page.contains("Won by paying") && page.contains("10 积分"), won, "{page}");
    }
    assert_eq!(world.points("100001"), 510);
    let path = world.order("C");
    let token = form_token(&get(&world, &path).body);
    let form = [("token", token.as_str()), ("action", "pay"), ("payer", "nobody")];
    assert_eq!(world.submit(&path, &form).status, 303);
    assert_eq!(world.status("C"), TradeStatus::Success, "paid, by somebody who is not known");
}

#[test]
fn a_subscription_says_what_will_be_charged() {
    let world = World::new();
    let mut facts = Facts::clone(&world.facts("A"));
    let fen = |fen| Fen::new(fen).unwrap();
    facts.renewal = Some(Renewal {
        interval: Interval::Month,
        prices_fen: vec![fen(600), fen(1_500), fen(1_500)],
        subject: "月卡 <b>Pass</b>".into(),
        description: Some("every day 10 gems".into()),
    });
    let Reply::Shown { qr_text, .. } = world.precreate_facts(&Arc::new(facts)) else {
        panic!("not shown")
    };
    let page = get(&world, &page_path(&qr_text)).body;
    for text in ["every month: ¥6.00, ¥15.00 × 2", "every day 10 gems", "月卡 &lt;b&gt;Pass"] {
        assert!(page.contains(text), "{text}\n{page}");
    }
}
