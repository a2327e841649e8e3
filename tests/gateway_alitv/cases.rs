//! One genuine answer to each question about accounts, lotteries and gifts.

use std::sync::Arc;

use alitv_pay::core::award::{Activity, Award, Gift, GiftId, GiftStatus, LuckyType};
use alitv_pay::core::call::{Ask, AuthStatus, Call, Drawn, Reply};
use alitv_pay::core::facts::{AppKey, DrawFacts, EventKey, GiftFacts, OrderId};
use alitv_pay::core::user::{Token, User, UserId};
use alitv_pay::wire::device;
use serde_json::{json, Value};

/// A question and its genuine answer.
pub struct Case {
    pub call: Call,
    pub method: &'static str,
    /// The data of a success, without what every answer repeats.
    pub members: Value,
    /// Members that must repeat the question, in refusals too.
    pub repeated: &'static [&'static str],
    /// Other members without which there is no answer.
    pub needed: &'static [&'static str],
    pub reply: Reply,
    /// What a refusal for good is worth.
    pub refusal: Worth,
    /// What an unsigned error of the caller's fault is worth.
    pub error: Worth,
    /// What it means that there is no session.
    pub no_session: Worth,
}

/// What is made of an answer that is no success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    Rejected,
    Doubt,
    NoSession,
    Done,
}

pub fn token() -> Token {
    Token::new("session", "5e55-10n").unwrap()
}

pub fn user_id() -> UserId {
    UserId::new("u-1").unwrap()
}

pub fn app_key() -> AppKey {
    AppKey::new("23012345").unwrap()
}

pub fn call(session: bool, ask: Ask) -> Call {
    Call { app_key: app_key(), session: session.then(token), ask }
}

pub fn event_key() -> EventKey {
    EventKey::new("spring").unwrap()
}

pub fn draw_facts() -> Arc<DrawFacts> {
    Arc::new(DrawFacts {
        app_key: app_key(),
        draw_id: OrderId::new("draw-1").unwrap(),
        event_key: event_key(),
        user_id: user_id(),
        confirm_key: Some(Token::new("confirm_key", "1466395200000.00ff").unwrap()),
        behavior_key: Some(EventKey::new("daily").unwrap()),
    })
}

pub fn gift_facts() -> Arc<GiftFacts> {
    Arc::new(GiftFacts {
        app_key: app_key(),
        gift_id: GiftId::new(7).unwrap(),
        user_id: user_id(),
        take_id: OrderId::new("t-1").unwrap(),
    })
}

pub fn award_json() -> Value {
    json!({
        "award_id": "9007199254740993", "name": "T恤", "award_type": 3, "type_name": "实物",
        "amount": 1, "unit": "件", "price": "4900",
        "hyperlink_url": "https://shop.example.com/1", "hyperlink_desc": "扫码领取",
        "simple_desc": "一件T恤", "full_desc": "凭码领取一件T恤",
    })
}

pub fn award() -> Award {
    Award {
        award_id: "9007199254740993".into(),
        name: "T恤".into(),
        award_type: 3,
        type_name: "实物".into(),
        amount: 1,
        unit: "件".into(),
        price_fen: 4_900,
        hyperlink_url: "https://shop.example.com/1".into(),
        hyperlink_desc: "扫码领取".into(),
        simple_desc: "一件T恤".into(),
        full_desc: "凭码领取一件T恤".into(),
    }
}

pub fn activity_json() -> Value {
    json!({
        "activity_id": "31", "event_key": "spring", "name": "春节抽奖",
        "start_time": "2016-06-01 00:00:00", "end_time": "2016-06-30 23:59:59",
        "lucky_type": 3, "consume_amount": 10, "access_amount": 2,
        "activity_url": "https://h5.example.com/31", "awards": [award_json()],
    })
}

pub fn activity() -> Activity {
    let (simple_desc, full_desc) = (String::new(), String::new());
    Activity {
        activity_id: "31".into(),
        event_key: "spring".into(),
        name: "春节抽奖".into(),
        start_time: "2016-06-01 00:00:00".into(),
        end_time: "2016-06-30 23:59:59".into(),
        lucky_type: LuckyType::Mixed,
        consume_amount: 10,
        access_amount: 2,
        activity_url: "https://h5.example.com/31".into(),
        awards: vec![Award { simple_desc, full_desc, ..award() }],
    }
}

pub fn cases() -> Vec<Case> {
    [account(), lottery(), gifts()].into_iter().flatten().collect()
}

fn account() -> Vec<Case> {
    let attempt = || "at-1".to_owned();
    let apply = |session| Case {
        call: call(session, Ask::AuthApply { attempt: attempt() }),
        method: device::AUTH_APPLY,
        members: json!({
            "out_approve_id": "at-1", "qr_code": "https://qr.alipay.com/a1",
            "expires_s": 120, "interval_s": 7,
        }),
        repeated: &["out_approve_id"],
        needed: &["qr_code"],
        reply: Reply::Code {
            qr_text: "https://qr.alipay.com/a1".into(),
            expires_s: 120,
            interval_s: 7,
        },
        refusal: Worth::Rejected,
        error: Worth::Rejected,
        no_session: if session { Worth::NoSession } else { Worth::Doubt },
    };
    vec![
        apply(false),
        apply(true),
        Case {
            call: call(false, Ask::AuthQuery { attempt: attempt(), wait_s: 20 }),
            method: device::AUTH_QUERY,
            members: json!({
                "out_approve_id": "at-1", "auth_status": "GRANTED", "user_str_id": "u-1",
                "session": "5e55-10n", "authorised": true,
            }),
            repeated: &["out_approve_id"],
            needed: &["auth_status", "user_str_id", "session", "authorised"],
            reply: Reply::Auth(AuthStatus::Granted {
                user_id: user_id(),
                token: token(),
                authorised: true,
            }),
            refusal: Worth::Doubt,
            error: Worth::Doubt,
            no_session: Worth::Doubt,
        },
        Case {
            call: call(false, Ask::AuthCancel { attempt: attempt() }),
            method: device::AUTH_CANCEL,
            members: json!({"out_approve_id": "at-1"}),
            repeated: &["out_approve_id"],
            needed: &[],
            reply: Reply::Done,
            refusal: Worth::Rejected,
            error: Worth::Doubt,
            no_session: Worth::Doubt,
        },
        Case {
            call: call(true, Ask::SignOut),
            method: device::AUTH_LOGOUT,
            members: json!({}),
            repeated: &[],
            needed: &[],
            reply: Reply::Done,
            refusal: Worth::Rejected,
            error: Worth::Doubt,
            no_session: Worth::Done,
        },
        Case {
            call: call(true, Ask::UserInfo),
            method: device::USER_GET,
            members: json!({
                "user_str_id": "u-1", "user_nick": "小明",
                "avatar_url": "https://img.example.com/1.png", "game_point": 250,
                "deposit": "1000", "new_user": false,
            }),
            repeated: &[],
            needed: &["user_str_id"],
            reply: Reply::User(User {
                user_id: user_id(),
                nick: Some("小明".into()),
                avatar_url: Some("https://img.example.com/1.png".into()),
                points: Some(250),
            }),
            refusal: Worth::Rejected,
            error: Worth::Rejected,
            no_session: Worth::NoSession,
        },
    ]
}

fn lottery() -> Vec<Case> {
    let drawn = json!({
        "draw_id": "draw-1", "draw_status": "WON", "award": award_json(),
        "total_amount": 240, "access_amount": 0,
    });
    let reply = || {
        Reply::Drawn(Box::new(Drawn {
            award: Some(award()),
            points_left: Some(240),
            free_left: Some(0),
        }))
    };
    let activities = |event_key: Option<EventKey>| Case {
        members: match event_key {
            None => json!({"activities": [activity_json()]}),
            Some(_) => json!({"event_key": "spring", "activities": [activity_json()]}),
        },
        repeated: if event_key.is_some() { &["event_key"] } else { &[] },
        call: call(true, Ask::Activities { event_key }),
        method: device::ACTIVITIES_GET,
        needed: &["activities"],
        reply: Reply::Activities(vec![activity()]),
        refusal: Worth::Rejected,
        error: Worth::Rejected,
        no_session: Worth::NoSession,
    };
    vec![
        activities(None),
        activities(Some(event_key())),
        Case {
            call: call(true, Ask::Draw(draw_facts())),
            method: device::DRAW,
            members: drawn.clone(),
            repeated: &["draw_id"],
            needed: &["draw_status", "award"],
            reply: reply(),
            refusal: Worth::Rejected,
            error: Worth::Doubt,
            no_session: Worth::NoSession,
        },
        Case {
            call: call(true, Ask::DrawQuery(draw_facts())),
            method: device::DRAW_QUERY,
            members: drawn,
            repeated: &["draw_id"],
            needed: &["draw_status", "award"],
            reply: reply(),
            refusal: Worth::Doubt,
            error: Worth::Doubt,
            no_session: Worth::Doubt,
        },
    ]
}

fn gifts() -> Vec<Case> {
    vec![
        Case {
            call: call(true, Ask::Gifts),
            method: device::GIFTS_QUERY,
            members: json!({
                "records": [{"record_id": "7", "status": 1, "cp_item_id": "sword"}],
            }),
            repeated: &[],
            needed: &["records"],
            reply: Reply::Gifts(vec![Gift {
                gift_id: GiftId::new(7).unwrap(),
                cp_item_id: "sword".into(),
                status: GiftStatus::Pending,
            }]),
            refusal: Worth::Rejected,
            error: Worth::Rejected,
            no_session: Worth::NoSession,
        },
        Case {
            call: call(true, Ask::GiftTake(gift_facts())),
            method: device::GIFT_TAKE,
            members: json!({"record_id": "7", "app_order_id": "t-1", "cp_item_id": "sword"}),
            repeated: &["record_id", "app_order_id"],
            needed: &["cp_item_id"],
            reply: Reply::Taken { cp_item_id: "sword".into() },
            refusal: Worth::Rejected,
            error: Worth::Doubt,
            no_session: Worth::NoSession,
        },
        Case {
            call: call(true, Ask::GiftMark(gift_facts())),
            method: device::GIFT_MARK,
            members: json!({"record_id": "7", "app_order_id": "t-1"}),
            repeated: &["record_id", "app_order_id"],
            needed: &[],
            reply: Reply::Done,
            refusal: Worth::Rejected,
            error: Worth::Doubt,
            no_session: Worth::Doubt,
        },
    ]
}
