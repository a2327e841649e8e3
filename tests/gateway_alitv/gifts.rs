//! Gift records.

use alitv_pay::core::award::{Gift, GiftId, GiftStatus};
use alitv_pay::core::call::{Ask, DoubtKind, Reply};
use alitv_pay::limits::{GATEWAY_TEXT_BYTES_MAX, GIFTS_MAX};
use alitv_pay::wire::device;
use serde_json::{json, Value};

use crate::cases::{call, gift_facts};
use crate::kit::*;

fn record(number: i64, item: &str) -> Value {
    json!({"record_id": number.to_string(), "status": 1, "cp_item_id": item})
}

fn gifts(records: Vec<Value>) -> Reply {
    let call = call(true, Ask::Gifts);
    reply_to_data(&call, device::GIFTS_QUERY, &json!({ "records": records }))
}

fn gift(number: i64, item: &str) -> Gift {
    let gift_id = GiftId::new(number).unwrap();
    Gift { gift_id, cp_item_id: item.into(), status: GiftStatus::Pending }
}

#[test]
fn the_list_is_cut_and_may_be_empty() {
    assert_eq!(gifts(vec![]), Reply::Gifts(vec![]));
    let many = (1..=GIFTS_MAX as i64 + 1).map(|number| record(number, "x")).collect();
    let expected = (1..=GIFTS_MAX as i64).map(|number| gift(number, "x")).collect();
    assert_eq!(gifts(many), Reply::Gifts(expected));
}

#[test]
fn what_cannot_be_taken_or_given_out_is_left_out() {
    let longest = "x".repeat(GATEWAY_TEXT_BYTES_MAX);
    let strange = [
        json!({"record_id": -7, "status": 1, "cp_item_id": "x"}),
        record(0, "x"),
        record(2, ""),
        record(3, &format!("{longest}x")),
        record(4, "sw\u{202e}ord"),
    ];
    let good = [record(i64::MAX, &longest), record(5, "剑")];
    let list = strange.into_iter().chain(good).collect();
    assert_eq!(gifts(list), Reply::Gifts(vec![gift(i64::MAX, &longest), gift(5, "剑")]));
}

#[test]
fn a_record_of_an_unknown_shape_is_no_answer() {
    for bad in [
        json!({"record_id": "x", "status": 1, "cp_item_id": "x"}),
        json!({"record_id": "1", "status": 0, "cp_item_id": "x"}),
        json!({"record_id": "1", "status": 1}),
        json!(7),
    ] {
        assert_eq!(doubt_kind(&gifts(vec![bad.clone()])), DoubtKind::Gateway, "{bad}");
    }
}

#[test]
fn an_item_that_would_be_another_if_it_were_cut_is_in_doubt() {
    let take = |item: String| {
        let members = json!({"record_id": "7", "app_order_id": "t-1", "cp_item_id": item});
        reply_to_data(&call(true, Ask::GiftTake(gift_facts())), device::GIFT_TAKE, &members)
    };
    let longest = "x".repeat(GATEWAY_TEXT_BYTES_MAX);
    assert_eq!(take(longest.clone()), Reply::Taken { cp_item_id: longest.clone() });
    for bad in [String::new(), format!("{longest}x"), "a\nb".into()] {
        assert_eq!(doubt_kind(&take(bad)), DoubtKind::Gateway);
    }
}

#[test]
fn refusals_are_told_by_their_code() {
    let members = json!({"record_id": "7", "app_order_id": "t-1"});
    let codes = [device::RECORD_NOT_FOUND, device::RECORD_STATUS_INVALID, device::RECORD_EXPIRED];
    for code in codes {
        let rejected = Reply::Rejected { code: code.into(), text: "no".into() };
        let take = call(true, Ask::GiftTake(gift_facts()));
        assert_eq!(reply_to_refusal(&take, device::GIFT_TAKE, code, &members), rejected);
        let mark = call(false, Ask::GiftMark(gift_facts()));
        assert_eq!(reply_to_refusal(&mark, device::GIFT_MARK, code, &members), rejected);
        let given = with(&members, "cp_item_id", "sword");
        let contradiction = reply_to_refusal(&take, device::GIFT_TAKE, code, &given);
        assert_eq!(doubt_kind(&contradiction), DoubtKind::Gateway);
    }
}
