//! What is sent.

use std::sync::Arc;

use alitv_pay::core::call::{Ask, Call};
use alitv_pay::core::facts::{Facts, Interval, Renewal};
use alitv_pay::gateway::Gateway;
use alitv_pay::money::Fen;
use alitv_pay::wire::device::{self, DeviceRequest};
use alitv_pay::wire::sign;
use alitv_pay::wire::top::Params;
use serde_json::json;

use crate::cases::{call, cases, draw_facts, event_key, gift_facts};
use crate::kit::*;

fn sent(call: &Call) -> (Params, u64) {
    let prepared = gateway(HTTPS).encode(call, SERVER_MS).unwrap();
    let params = Params::union("", &prepared.request.body).unwrap();
    assert_eq!(sign::verify(&params, &secret()), Ok(()));
    (params, prepared.request.deadline_s)
}

#[test]
fn every_request_is_one_that_a_gateway_reads() {
    for case in cases() {
        let (params, _) = sent(&case.call);
        assert_eq!(params.get("method"), Some(case.method));
        let read = DeviceRequest::read(case.method, &params).unwrap().unwrap();
        assert_eq!(read.method(), case.method);
    }
}

/// A session goes where it is wanted and nowhere else: a stale one would spoil the answer.
#[test]
fn the_session_is_sent_where_it_speaks_for_a_user() {
    let attempt = || "at-1".to_owned();
    let speaks = [
        Ask::AuthApply { attempt: attempt() },
        Ask::SignOut,
        Ask::UserInfo,
        Ask::Activities { event_key: None },
        Ask::Draw(draw_facts()),
        Ask::Gifts,
        Ask::GiftTake(gift_facts()),
        Ask::Precreate(facts()),
    ];
    for ask in speaks {
        let (params, _) = sent(&call(true, ask.clone()));
        assert_eq!(params.get("session"), Some("5e55-10n"), "{ask:?}");
        let (params, _) = sent(&call(false, ask.clone()));
        assert_eq!(params.get("session"), None, "{ask:?}");
    }
    let silent = [
        Ask::Probe,
        Ask::Profile,
        Ask::Query { facts: facts(), wait_s: 0 },
        Ask::Close(facts()),
        Ask::AuthQuery { attempt: attempt(), wait_s: 0 },
        Ask::AuthCancel { attempt: attempt() },
        Ask::DrawQuery(draw_facts()),
        Ask::GiftMark(gift_facts()),
    ];
    for ask in silent {
        let (params, _) = sent(&call(true, ask.clone()));
        assert_eq!(params.get("session"), None, "{ask:?}");
    }
}

#[test]
fn an_attempt_without_a_session_signs_in_and_with_one_authorises() {
    let apply = |session| call(session, Ask::AuthApply { attempt: "at-1".into() });
    for (session, scene) in [(false, "login"), (true, "authorise")] {
        let (params, deadline_s) = sent(&apply(session));
        assert_eq!(params.get("biz_scene"), Some(scene));
        assert_eq!((params.get("out_approve_id"), deadline_s), (Some("at-1"), 10));
    }
}

#[test]
fn a_held_question_has_a_longer_deadline() {
    let query = |wait_s| call(false, Ask::AuthQuery { attempt: "at-1".into(), wait_s });
    for (wait_s, said, deadline) in
        [(0, None, 10), (1, Some("1"), 6), (20, Some("20"), 25), (u32::MAX, Some("20"), 25)]
    {
        let (params, deadline_s) = sent(&query(wait_s));
        assert_eq!((params.get("wait_s"), deadline_s), (said, deadline));
    }
}

#[test]
fn draws_and_gifts_name_their_user_and_what_makes_them_one() {
    let (params, _) = sent(&call(true, Ask::Draw(draw_facts())));
    for (name, value) in [
        ("draw_id", "draw-1"),
        ("user_str_id", "u-1"),
        ("event_key", "spring"),
        ("confirm_key", "1466395200000.00ff"),
        ("behavior_key", "daily"),
    ] {
        assert_eq!(params.get(name), Some(value));
    }
    for ask in [Ask::GiftTake(gift_facts()), Ask::GiftMark(gift_facts())] {
        let (params, _) = sent(&call(true, ask));
        for (name, value) in [("record_id", "7"), ("app_order_id", "t-1"), ("user_str_id", "u-1")] {
            assert_eq!(params.get(name), Some(value));
        }
    }
    let (params, _) = sent(&call(true, Ask::Activities { event_key: Some(event_key()) }));
    assert_eq!(params.get("event_key"), Some("spring"));
    let (params, _) = sent(&call(true, Ask::Gifts));
    assert_eq!(
        (params.get("method"), params.get("status")),
        (Some(device::GIFTS_QUERY), Some("1"))
    );
}

#[test]
fn a_subscription_goes_with_its_first_charge() {
    let prices_fen = [600, 500, 500].map(|fen| Fen::new(fen).unwrap()).into();
    let renewal = Renewal {
        interval: Interval::Month,
        prices_fen,
        subject: "VIP".into(),
        description: Some("No adverts".into()),
    };
    let facts = Facts { renewal: Some(renewal), ..(*facts()).clone() };
    let (params, _) = sent(&call(false, Ask::Precreate(Arc::new(facts))));
    let data: serde_json::Value = serde_json::from_str(params.get("data").unwrap()).unwrap();
    let expected = json!({
        "partner_order_no": "A-1", "subject": "60 gems", "subject_id": "gem60", "price": "600",
        "interval": "month", "price_list": ["600", "500", "500"],
        "description": "No adverts", "renewal_subject": "VIP",
    });
    assert_eq!(data, expected);
}
