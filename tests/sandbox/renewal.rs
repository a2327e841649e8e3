//! The first order of a subscription.

use std::sync::Arc;

use alitv_pay::core::call::Reply;
use alitv_pay::core::facts::{AppKey, Facts, Interval, Renewal};
use alitv_pay::money::Fen;

use crate::harness::World;

fn fen(fen: i64) -> Fen {
    Fen::new(fen).unwrap()
}

pub fn subscription(world: &World, order: &str, interval: Interval, prices: &[i64]) -> Facts {
    let prices_fen = prices.iter().copied().map(fen).collect();
    let renewal = Renewal {
        interval,
        prices_fen,
        subject: "VIP by month".into(),
        description: Some("one month of VIP".into()),
    };
    Facts {
        amount_fen: fen(prices[0]),
        renewal: Some(renewal),
        ..Facts::clone(&world.facts(order))
    }
}

fn refusal(reply: Reply) -> String {
    match reply {
        Reply::Rejected { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_thread_is_kept_with_its_first_order() {
    let world = World::new();
    let facts = Arc::new(subscription(&world, "A", Interval::Month, &[100, 200, 300]));
    let first = world.precreate_facts(&facts);
    assert!(matches!(first, Reply::Shown { .. }), "{first:?}");
    assert!(matches!(world.precreate_facts(&facts), Reply::Shown { .. }));
    let told = world.does("POST", "/orders/A/pay", "");
    assert_eq!(told["renewal"]["interval"], "month");
    assert_eq!(told["renewal"]["prices_fen"], serde_json::json!([100, 200, 300]));
    assert_eq!(told["renewal"]["subject"], "VIP by month");
    let other = subscription(&world, "A", Interval::Month, &[100, 200]);
    match world.precreate_facts(&Arc::new(other)) {
        Reply::Rejected { code, text } => {
            assert_eq!(code, "ORDER_CONFLICT");
            assert!(text.contains("price_list"), "{text}");
        }
        other => panic!("{other:?}"),
    }
    world.order("PLAIN");
    assert!(world.does("GET", "/orders/PLAIN", "")["renewal"].is_null());
}

#[test]
fn each_rule_has_its_code() {
    let world = World::new();
    let ask = |facts: Facts| refusal(world.precreate_facts(&Arc::new(facts)));
    let month = |prices: &[i64]| subscription(&world, "A", Interval::Month, prices);
    let mut other_app = month(&[100]);
    other_app.app_key = AppKey::new(world.sandbox.apps[1].app_key.clone()).unwrap();
    assert_eq!(ask(other_app), "RENEWAL_ORDER_NOT_ALLOWED");
    assert_eq!(ask(month(&[1; 13])), "TERM_COUNT_EXCEED_LIMIT");
    let season = subscription(&world, "A", Interval::Season, &[1; 5]);
    assert_eq!(ask(season), "TERM_COUNT_EXCEED_LIMIT");
    assert_eq!(ask(month(&[60_000, 60_001])), "RENEWAL_PRICE_EXCEED_LIMIT");
    let cheaper = Facts { amount_fen: fen(99), ..month(&[100]) };
    assert_eq!(ask(cheaper), "RENEWAL_ORDER_INFO_ERROR");
    // No order was made by any of them.
    assert_eq!(world.query("A", 0), Reply::NoTrade);
    for (order, facts) in [
        ("B", subscription(&world, "B", Interval::Month, &[1; 12])),
        ("C", subscription(&world, "C", Interval::Season, &[1; 4])),
        ("D", subscription(&world, "D", Interval::Month, &[60_000, 60_000])),
    ] {
        let reply = world.precreate_facts(&Arc::new(facts));
        assert!(matches!(reply, Reply::Shown { .. }), "{order}: {reply:?}");
    }
    world.does("PATCH", "/apps/23012345", r#"{"renewal":false}"#);
    assert_eq!(ask(month(&[100])), "RENEWAL_ORDER_NOT_ALLOWED");
}
