//! Activities and draws, and what a payment brought.

use alitv_pay::core::award::{Activity, LuckyType};
use alitv_pay::core::call::{Ask, Call, DoubtKind, Drawn, Reply};
use alitv_pay::limits::{
    ACTIVITIES_MAX, AWARDS_MAX, AWARD_TEXT_CHARS_MAX, LINK_BYTES_MAX, NAME_CHARS_MAX,
    ORDER_AWARDS_MAX,
};
use alitv_pay::wire::device::{self, ServiceResult};
use serde_json::{json, Value};

use crate::cases::{activity, activity_json, award, award_json, call, draw_facts, event_key};
use crate::kit::*;

fn activities(list: Vec<Value>) -> Vec<Activity> {
    let call = call(false, Ask::Activities { event_key: None });
    match reply_to_data(&call, device::ACTIVITIES_GET, &json!({ "activities": list })) {
        Reply::Activities(activities) => activities,
        other => panic!("{other:?}"),
    }
}

#[test]
fn lists_are_cut_and_may_be_empty() {
    assert_eq!(activities(vec![]), []);
    let many = vec![activity_json(); ACTIVITIES_MAX + 1];
    assert_eq!(activities(many).len(), ACTIVITIES_MAX);
    let awards = vec![award_json(); AWARDS_MAX + 1];
    let found = activities(vec![with(&activity_json(), "awards", awards)]);
    assert_eq!(found[0].awards.len(), AWARDS_MAX);
}

#[test]
fn an_activity_that_nobody_can_draw_in_is_left_out() {
    let bad = [
        ("event_key", json!("")),
        ("event_key", json!("春节")),
        ("event_key", json!("x".repeat(65))),
        ("lucky_type", json!(0)),
        ("lucky_type", json!(4)),
    ];
    for (name, value) in bad {
        let list = vec![with(&activity_json(), name, value.clone()), activity_json()];
        assert_eq!(activities(list), [activity()], "{name} {value}");
    }
    for (number, lucky_type) in
        [(1, LuckyType::Free), (2, LuckyType::Consuming), (3, LuckyType::Mixed)]
    {
        let found = activities(vec![with(&activity_json(), "lucky_type", number)]);
        assert_eq!(found[0].lucky_type, lucky_type);
    }
}

#[test]
fn one_key_has_the_activities_of_that_key() {
    let call = call(true, Ask::Activities { event_key: Some(event_key()) });
    let list = vec![with(&activity_json(), "event_key", "autumn"), activity_json()];
    let members = json!({"event_key": "spring", "activities": list});
    let reply = reply_to_data(&call, device::ACTIVITIES_GET, &members);
    assert_eq!(reply, Reply::Activities(vec![activity()]));
}

#[test]
fn texts_numbers_and_links_of_an_activity_are_bounded() {
    let long = format!("\u{202e}{}", "春".repeat(AWARD_TEXT_CHARS_MAX + 1));
    let strange = json!({
        "activity_id": long, "event_key": "spring", "name": long, "start_time": "yesterday",
        "end_time": "2016-02-30 00:00:00", "lucky_type": 1, "consume_amount": -5,
        "access_amount": "-1", "activity_url": "ftp://h/", "awards": [],
    });
    // An integer in text has no sign.
    let call = call(false, Ask::Activities { event_key: None });
    let members = json!({ "activities": [strange] });
    let reply = reply_to_data(&call, device::ACTIVITIES_GET, &members);
    assert_eq!(doubt_kind(&reply), DoubtKind::Gateway);
    let name = "春".repeat(NAME_CHARS_MAX);
    let found = activities(vec![with(&strange, "access_amount", -1)]);
    let expected = Activity {
        activity_id: name.clone(),
        event_key: "spring".into(),
        name,
        lucky_type: LuckyType::Free,
        ..Activity::default()
    };
    assert_eq!(found, [expected]);
}

fn draw() -> Call {
    call(true, Ask::Draw(draw_facts()))
}

fn draw_query() -> Call {
    call(true, Ask::DrawQuery(draw_facts()))
}

fn won() -> Value {
    json!({"draw_id": "draw-1", "draw_status": "WON", "award": award_json()})
}

#[test]
fn an_award_that_was_won_is_bounded_and_keeps_its_descriptions() {
    let long = || format!("\n{}", "奖".repeat(AWARD_TEXT_CHARS_MAX + 1));
    let mut huge = award_json();
    for name in ["name", "type_name", "unit", "award_id", "hyperlink_desc", "simple_desc"] {
        huge[name] = long().into();
    }
    huge["full_desc"] = long().into();
    huge["hyperlink_url"] = format!("https://h/{}", "x".repeat(LINK_BYTES_MAX)).into();
    huge["price"] = json!(-1);
    huge["amount"] = json!(-1);
    let reply = reply_to_data(&draw(), device::DRAW, &with(&won(), "award", huge));
    let Reply::Drawn(drawn) = reply else { panic!("{reply:?}") };
    let award = drawn.award.expect("it was won");
    let (short, text) = ("奖".repeat(NAME_CHARS_MAX), "奖".repeat(AWARD_TEXT_CHARS_MAX));
    for name in [&award.name, &award.type_name, &award.unit, &award.award_id] {
        assert_eq!(*name, short);
    }
    for desc in [&award.hyperlink_desc, &award.simple_desc, &award.full_desc] {
        assert_eq!(*desc, text);
    }
    assert_eq!((award.hyperlink_url.as_str(), award.price_fen, award.amount), ("", 0, 0));
}

#[test]
fn every_end_of_a_draw_has_its_meaning() {
    let lost = json!({"draw_id": "draw-1", "draw_status": "LOST", "total_amount": -1});
    let refused = json!({"draw_id": "draw-1", "draw_status": "REFUSED"});
    let unknown = json!({"draw_id": "draw-1"});
    let nothing = Reply::Drawn(Box::new(Drawn { award: None, points_left: None, free_left: None }));
    let rejected = |code: &str| Reply::Rejected { code: code.into(), text: "no".into() };
    for (call, method) in [(draw(), device::DRAW), (draw_query(), device::DRAW_QUERY)] {
        assert_eq!(reply_to_data(&call, method, &lost), nothing);
        let Reply::Drawn(drawn) = reply_to_data(&call, method, &won()) else { panic!() };
        assert_eq!((drawn.award, drawn.points_left, drawn.free_left), (Some(award()), None, None));
        let code = "POINTS_NOT_ENOUGH";
        assert_eq!(reply_to_refusal(&call, method, code, &refused), rejected(code));
        for bad in [
            &refused,
            &unknown,
            &with(&lost, "award", award_json()),
            &with(&won(), "award", json!({})),
            &with(&won(), "draw_status", "won"),
        ] {
            assert_eq!(doubt_kind(&reply_to_data(&call, method, bad)), DoubtKind::Gateway, "{bad}");
        }
        // A refusal that says what was drawn contradicts itself.
        for bad in [&won(), &lost] {
            let reply = reply_to_refusal(&call, method, code, bad);
            assert_eq!(doubt_kind(&reply), DoubtKind::Gateway, "{bad}");
        }
    }
    let code = device::DRAW_NOT_FOUND;
    let reply = reply_to_refusal(&draw_query(), device::DRAW_QUERY, code, &unknown);
    assert_eq!(reply, Reply::NoTrade);
    // A draw cannot be told that it does not exist.
    assert_eq!(reply_to_refusal(&draw(), device::DRAW, code, &unknown), rejected(code));
}

fn paid_with(status: &str, awards: Vec<Value>, signed: bool) -> Reply {
    let call = call(false, Ask::Query { facts: facts(), wait_s: 0 });
    reply_to(HTTPS, &call, |prepared| {
        let members = json!({
            "partner_order_no": "A-1", "price": "600", "status": status, "awards": awards,
        });
        let data = with_echo(prepared, &members);
        let (data, key) = match signed {
            true => (data, Some(secret())),
            false => (without(&data, "nonce"), None),
        };
        answer(device::ORDER_QUERY, &ServiceResult::success(data), key.as_ref())
    })
}

#[test]
fn what_a_payment_brought_comes_with_a_proved_payment_only() {
    let awards = |reply: Reply| match reply {
        Reply::Status(trade) => trade.awards,
        other => panic!("{other:?}"),
    };
    let many = || vec![award_json(); ORDER_AWARDS_MAX + 1];
    assert_eq!(awards(paid_with("TRADE_SUCCESS", many(), true)), vec![award(); ORDER_AWARDS_MAX]);
    assert_eq!(awards(paid_with("TRADE_SUCCESS", vec![], true)), []);
    assert_eq!(awards(paid_with("TRADE_SUCCESS", many(), false)), []);
    for status in ["NOT_SCANNED", "WAIT_BUYER_PAY", "TRADE_CLOSED", "TRADE_REFUNDED"] {
        assert_eq!(awards(paid_with(status, many(), true)), [], "{status}");
    }
    let broken = vec![with(&award_json(), "price", "49.00")];
    assert_eq!(doubt_kind(&paid_with("TRADE_SUCCESS", broken, true)), DoubtKind::Gateway);
}
