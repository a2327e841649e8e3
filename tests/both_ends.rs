//! The real client at the real server, with a gateway in memory: what one says the other
//! understands.
#![cfg(all(feature = "client", feature = "_engine"))]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use alitv_pay::client::{order_id, About, AuthFrom, Client, Event, Kind, Options};
use alitv_pay::core::award::GiftId;
use alitv_pay::core::code::Code;
use alitv_pay::core::facts::{EventKey, Interval, OrderId};
use alitv_pay::core::report::{AuthPhase, State, WebKind};
use alitv_pay::ipc::proto::{Draw, Repay};
use alitv_pay::money::Fen;
use common::{FakeGateway, Running, PATIENCE};

struct Stage {
    client: Client,
    server: Running,
    _dir: tempfile::TempDir,
}

impl Stage {
    /// A client that has read ONLINE and what is switched on.
    fn set() -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let server = Running::start_knowing(dir.path(), FakeGateway::with_profile());
        let options = Options { socket_path: Some(server.path.clone()), ..Options::default() };
        let mut stage = Stage { client: Client::open(options).unwrap(), server, _dir: dir };
        assert_eq!(stage.next().kind, Kind::Online);
        assert_eq!(stage.next().kind, Kind::Profile);
        stage
    }

    fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.client.next_event() {
                return event;
            }
            assert!(self.client.wait(Some(PATIENCE)), "no event came");
        }
    }

    fn until(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next();
            if wanted(&event) {
                return event;
            }
        }
    }

    fn sign_in(&mut self) {
        let op = self.client.auth(false, 0).unwrap();
        self.until(|event| phase(event) == Some(AuthPhase::Code));
        self.server.gateway.grant("u1", true);
        let end = self.until(|event| phase(event) == Some(AuthPhase::Success));
        assert_eq!(Some(end.op), op);
    }
}

fn phase(event: &Event) -> Option<AuthPhase> {
    match (&event.kind, &event.about) {
        (Kind::Auth, About::Account(report, _)) => report.auth.as_ref().map(|auth| auth.phase),
        _ => None,
    }
}

fn item_state(event: &Event) -> Option<State> {
    match &event.about {
        About::Draw(report) => Some(report.state),
        About::Gift(report) => Some(report.state),
        _ => event.report.as_ref().map(|report| report.state),
    }
}

#[test]
fn signing_in_and_out() {
    let mut stage = Stage::set();
    assert!(!stage.client.is_auth());
    let refused = stage.client.user_info(0).unwrap();
    let reply = stage.next();
    assert_eq!((reply.op, reply.kind, reply.result), (refused, Kind::Reply, Code::UNAUTHORIZED));
    stage.sign_in();
    assert!(stage.client.is_auth());
    assert_eq!(stage.client.auth(false, 0), Ok(None));
    let op = stage.client.user_info(3).unwrap();
    let user = stage.next();
    assert_eq!((user.kind, user.op, user.tag), (Kind::User, op, 3));
    assert!(matches!(&user.about, About::User(user) if user.points == Some(120)));

    // A change that is given up keeps the user.
    let op = stage.client.auth(true, 0).unwrap();
    stage.until(|event| phase(event) == Some(AuthPhase::Code));
    stage.client.auth_cancel(0).unwrap();
    let end = stage.until(|event| phase(event) == Some(AuthPhase::Cancelled));
    assert_eq!((Some(end.op), end.result), (op, Code::AUTH_CANCELLED));
    assert!(stage.client.is_auth());

    let op = stage.client.logout(0).unwrap();
    assert_eq!((stage.next().op, stage.next().kind), (op, Kind::Logout));
    assert!(!stage.client.is_auth());
}

#[test]
fn a_second_client_of_the_app_learns_what_the_first_one_did() {
    let mut stage = Stage::set();
    let options = Options { socket_path: Some(stage.server.path.clone()), ..Options::default() };
    let mut second = Client::open(options).unwrap();
    let mut next = move || loop {
        match second.next_event() {
            Some(event) => return event,
            None => assert!(second.wait(Some(PATIENCE))),
        }
    };
    assert_eq!((next().kind, next().kind), (Kind::Online, Kind::Profile));
    stage.sign_in();
    let end = loop {
        let event = next();
        if phase(&event) == Some(AuthPhase::Success) {
            break event;
        }
    };
    assert!(matches!(&end.about, About::Account(_, AuthFrom::Elsewhere)) && end.op == 0);
    // The platform has ended the session: whoever asks next learns it, and so does the other.
    stage.server.gateway.sign_out();
    stage.client.gifts(0).unwrap();
    stage.until(|event| event.kind == Kind::Logout);
    assert_eq!(next().kind, Kind::Logout);
}

#[test]
fn draws_and_gifts_until_their_acks() {
    let mut stage = Stage::set();
    stage.sign_in();
    let activities = stage.client.activities(None, 0).unwrap();
    assert_eq!(stage.next().op, activities);
    let draw_id = order_id::make_draw().unwrap();
    let draw = Draw {
        app_key: None,
        draw_id: draw_id.clone(),
        event_key: EventKey::new("spring").unwrap(),
        confirm_key: None,
        behavior_key: None,
    };
    stage.client.draw(draw, 0).unwrap();
    let won = stage.until(|event| item_state(event) == Some(State::Won));
    let About::Draw(report) = &won.about else { panic!("{won:?}") };
    assert_eq!(report.award.as_ref().unwrap().name, "voucher");
    stage.client.ack(&draw_id, report.sequence, 0).unwrap();
    stage.client.gifts(0).unwrap();
    let gifts = stage.until(|event| event.kind == Kind::Gifts);
    assert!(matches!(&gifts.about, About::Gifts(gifts) if gifts.len() == 1));
    let op = stage.client.take_gift(GiftId::new(7).unwrap(), 0).unwrap();
    let granted = stage.until(|event| item_state(event) == Some(State::Granted));
    let id: OrderId = granted.order_id.clone().unwrap();
    let About::Gift(report) = &granted.about else { panic!("{granted:?}") };
    assert!(granted.op == op || granted.op == 0);
    stage.client.ack(&id, report.sequence, 0).unwrap();
    let marked = || stage.server.gateway.calls().iter().any(|call| call == "gift_mark gift-7");
    while !marked() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn pages_and_goods() {
    let mut stage = Stage::set();
    assert_eq!(stage.client.qr_url().unwrap(), "https://shop.example/goods");
    let none = stage.client.web_open(WebKind::Exit, BTreeMap::new(), None, 0);
    assert_eq!(none, Ok(None));
    let params = BTreeMap::from([("level".to_owned(), "3".to_owned())]);
    let op = stage.client.web_open(WebKind::Custom, params, Some(60), 0).unwrap();
    let opened = stage.next();
    let About::Web(web) = &opened.about else { panic!("{opened:?}") };
    assert_eq!((Some(opened.op), web.open), (op, true));
    assert_eq!(web.url, "https://h5.example/custom?level=3");
    let second = stage.client.web_open(WebKind::Start, BTreeMap::new(), None, 0).unwrap();
    let reply = stage.next();
    assert_eq!((Some(reply.op), reply.result), (second, Code::STATE));
    let web_id = web.web_id.clone();
    let op = stage.client.web_closed(&web_id, 0).unwrap();
    assert_eq!(stage.next().op, op);
    assert!(matches!(&stage.next().about, About::Web(web) if !web.open && web.web_id == web_id));
}

#[test]
fn a_subscription_is_paid_for() {
    let mut stage = Stage::set();
    let repay = Repay {
        app_key: None,
        order_id: OrderId::new("S1").unwrap(),
        title: "first month".into(),
        subject: "monthly pass".into(),
        interval: Interval::Month,
        prices_fen: [900, 1_000].map(|price| Fen::new(price).unwrap()).to_vec(),
        description: Some("no ads".into()),
        subject_id: None,
        notify_url: "https://shop.example/n".into(),
        expires_s: None,
    };
    let op = stage.client.repay(repay, 0).unwrap();
    assert_eq!(stage.until(|event| event.kind == Kind::Order).op, op);
    stage.until(|event| event.kind == Kind::Qr);
    stage.server.gateway.pay("S1");
    let paid = stage.until(|event| item_state(event) == Some(State::Paid)).report.unwrap();
    assert_eq!((paid.amount_fen.get(), paid.interval), (900, Some(Interval::Month)));
}
