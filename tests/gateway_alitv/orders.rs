//! Orders, and the probe.

use std::sync::Mutex;

use alitv_pay::core::call::{Ask, Call, Doubt, DoubtKind, Reply, Trade, TradeStatus};
use alitv_pay::core::facts::{AppKey, Facts};
use alitv_pay::gateway::alitv::{AliTv, AliTvConfig, AppCredentials};
use alitv_pay::gateway::{Environment, Gateway, HttpAnswer, HttpRequest, Prepared, Transport};
use alitv_pay::limits::{EXPIRES_S_DEFAULT, EXPIRES_S_MAX, THROTTLE_S_MAX, WAIT_S_MAX};
use alitv_pay::money::Fen;
use alitv_pay::wire::device::{self, Echo, OrderData, OrderStatus, ServiceResult};
use alitv_pay::wire::secret::Secret;
use alitv_pay::wire::sign;
use alitv_pay::wire::top::Params;

use crate::kit::*;

fn query() -> Call {
    call(Ask::Query { facts: facts(), wait_s: 0 })
}

fn precreate() -> Call {
    call(Ask::Precreate(facts()))
}

/// What a genuine gateway says about the order.
fn data(prepared: &Prepared, status: Option<OrderStatus>) -> OrderData {
    let paid = status == Some(OrderStatus::TradeSuccess);
    OrderData {
        echo: echo(prepared),
        partner_order_no: Some("A-1".into()),
        price: Some(Fen::new(600).unwrap()),
        status,
        alipay_trade_no: paid.then(|| "2016062021001004000000000001".into()),
        gmt_payment: paid.then_some(SERVER_MS - 1_000),
        ..OrderData::default()
    }
}

fn paid(prepared: &Prepared) -> HttpAnswer {
    let data = data(prepared, Some(OrderStatus::TradeSuccess));
    answer(device::ORDER_QUERY, &ServiceResult::success(data), Some(&secret()))
}

fn paid_reply() -> Reply {
    Reply::Status(Trade {
        status: TradeStatus::Success,
        trade_no: "2016062021001004000000000001".into(),
        amount_fen: Fen::new(600).unwrap(),
        paid_ms: Some(SERVER_MS - 1_000),
        server_ms: Some(SERVER_MS),
        awards: Vec::new(),
    })
}

/// Sends the query for the order and gives `answer` the chance to make up the reply.
fn ask(url: &str, answer: impl Fn(&Prepared) -> HttpAnswer) -> Reply {
    let gateway = gateway(url);
    let prepared = gateway.encode(&query(), SERVER_MS).unwrap();
    gateway.decode(&query(), &prepared, &answer(&prepared))
}

#[test]
fn a_genuine_answer_is_believed() {
    for url in [HTTP, HTTPS] {
        assert_eq!(ask(url, paid), paid_reply());
        let lower = |p: &Prepared| {
            let body = paid(p).body;
            let (head, tail) = body.split_once("\"result_sign\":").unwrap();
            text(format!(
                "{head}\"result_sign\":{}",
                tail.replace("\"request_id\"", "\u{1}")
                    .to_lowercase()
                    .replace('\u{1}', "\"request_id\"")
            ))
        };
        assert_eq!(ask(url, lower), paid_reply());
    }
}

#[test]
fn every_status_has_its_meaning() {
    let meanings = [
        (OrderStatus::NotScanned, TradeStatus::NotScanned),
        (OrderStatus::WaitBuyerPay, TradeStatus::WaitBuyerPay),
        (OrderStatus::TradeSuccess, TradeStatus::Success),
        (OrderStatus::TradeClosed, TradeStatus::Closed),
        (OrderStatus::TradeRefunded, TradeStatus::Refunded),
    ];
    for (said, meant) in meanings {
        let reply = ask(HTTP, |p| {
            let result = ServiceResult::success(data(p, Some(said)));
            answer(device::ORDER_QUERY, &result, Some(&secret()))
        });
        let Reply::Status(trade) = reply else { panic!("{said:?}: {reply:?}") };
        assert_eq!(trade.status, meant);
    }
}

/// Every byte of a genuine PAID answer, replaced by others, left out or doubled.
#[test]
fn no_changed_byte_of_a_paid_answer_pays() {
    for url in [HTTP, HTTPS] {
        change_each_byte(url);
    }
}

fn change_each_byte(url: &str) {
    let gateway = gateway(url);
    let prepared = gateway.encode(&query(), SERVER_MS).unwrap();
    let genuine = paid(&prepared).body;
    let decode = |body: Vec<u8>| match String::from_utf8(body) {
        Ok(body) => gateway.decode(&query(), &prepared, &text(body)),
        Err(_) => Reply::in_doubt(DoubtKind::Gateway, "not UTF-8"),
    };
    let sign_at = genuine.find("\"result_sign\":\"").unwrap() + 15;
    let request_id_at = genuine.find("\"request_id\":").unwrap();
    let mut tried = 0;
    for at in 0..genuine.len() {
        let bytes = genuine.as_bytes();
        let changes =
            [b'0', b'1', b'9', b' ', b'"', b'}', b'A', b'a', bytes[at] ^ 1, bytes[at] ^ 32];
        let replaced = changes.into_iter().filter(|b| *b != bytes[at]).map(|b| {
            let mut body = bytes.to_vec();
            body[at] = b;
            body
        });
        let without = [&bytes[..at], &bytes[at + 1..]].concat();
        let doubled = [&bytes[..at], &bytes[at..=at], &bytes[at..]].concat();
        for body in replaced.chain([without, doubled, bytes[..at].to_vec()]) {
            tried += 1;
            let shown = String::from_utf8_lossy(&body).into_owned();
            let reply = decode(body);
            // The case of the signature and everything behind it, which nobody signs, may
            // change without changing what is said.
            let free = at >= request_id_at
                || (sign_at..sign_at + 64).contains(&at) && shown.eq_ignore_ascii_case(&genuine);
            match reply {
                Reply::InDoubt(_) => {}
                same if free && same == paid_reply() => {}
                other => panic!("byte {at}: {other:?}\n{shown}"),
            }
        }
    }
    assert!(tried > 5_000, "{tried}");
    assert_eq!(decode(genuine.into_bytes()), paid_reply());
}

#[test]
fn an_answer_to_another_request_is_not_believed() {
    let gateway = gateway(HTTP);
    let first = gateway.encode(&query(), SERVER_MS).unwrap();
    let second = gateway.encode(&query(), SERVER_MS).unwrap();
    assert_ne!(first.nonce, second.nonce);
    let replayed = gateway.decode(&query(), &second, &paid(&first));
    assert_eq!(doubt_kind(&replayed), DoubtKind::Signature);
}

/// Signed by the right key, but about something else, or saying too little.
#[test]
fn a_signed_answer_must_fit_the_order() {
    type Spoil = fn(&mut OrderData);
    let cases: [(&str, Spoil); 10] = [
        ("wrong amount", |d| d.price = Some(Fen::new(601).unwrap())),
        ("smaller amount", |d| d.price = Some(Fen::new(1).unwrap())),
        ("no amount", |d| d.price = None),
        ("wrong order", |d| d.partner_order_no = Some("A-2".into())),
        ("order in another case", |d| d.partner_order_no = Some("a-1".into())),
        ("no order", |d| d.partner_order_no = None),
        ("wrong app", |d| d.echo.app_key = Some("23012346".into())),
        ("no app", |d| d.echo.app_key = None),
        ("wrong nonce", |d| d.echo.nonce = Some("0".repeat(32))),
        ("no nonce", |d| d.echo.nonce = None),
    ];
    for (name, spoil) in cases {
        for url in [HTTP, HTTPS] {
            let reply = ask(url, |p| {
                let mut data = data(p, Some(OrderStatus::TradeSuccess));
                spoil(&mut data);
                answer(device::ORDER_QUERY, &ServiceResult::success(data), Some(&secret()))
            });
            assert_eq!(doubt_kind(&reply), DoubtKind::Signature, "{name} over {url}");
        }
    }
}

#[test]
fn a_signature_must_be_there_once_and_by_the_right_key() {
    let other = Secret::new("another").unwrap();
    let spoil = |p: &Prepared, from: &str, to: &str| {
        let body = paid(p).body;
        assert!(body.contains(from), "{from}");
        text(body.replacen(from, to, 1))
    };
    let data = |p: &Prepared| data(p, Some(OrderStatus::TradeSuccess));
    type Answer<'a> = Box<dyn Fn(&Prepared) -> HttpAnswer + 'a>;
    let cases: Vec<(&str, Answer)> = vec![
        (
            "missing",
            Box::new(|p| answer(device::ORDER_QUERY, &ServiceResult::success(data(p)), None)),
        ),
        (
            "another key",
            Box::new(|p| {
                answer(device::ORDER_QUERY, &ServiceResult::success(data(p)), Some(&other))
            }),
        ),
        ("too long", Box::new(|p| spoil(p, "\"result_sign\":\"", "\"result_sign\":\"0"))),
        (
            "empty",
            Box::new(|p| {
                let body = paid(p).body;
                let at = body.find("\"result_sign\":\"").unwrap() + 15;
                text(format!("{}{}", &body[..at], &body[at + 64..]))
            }),
        ),
        (
            "null",
            Box::new(|p| {
                let body = paid(p).body;
                let at = body.find("\"result_sign\":\"").unwrap() + 14;
                text(format!("{}null{}", &body[..at], &body[at + 66..]))
            }),
        ),
        ("renamed", Box::new(|p| spoil(p, "\"result_sign\"", "\"result_sigm\""))),
    ];
    for (name, answer) in &cases {
        assert_eq!(doubt_kind(&ask(HTTP, answer)), DoubtKind::Signature, "{name}");
    }
    // Over https a gateway without the extension is believed, but this one has sent a nonce.
    assert_eq!(doubt_kind(&ask(HTTPS, &cases[0].1)), DoubtKind::Signature);
    for (name, answer) in &cases[1..] {
        assert_eq!(doubt_kind(&ask(HTTPS, answer)), DoubtKind::Signature, "{name}");
    }
    let doubled = [
        ("\"result_sign\":", "\"result_sign\":\"x\",\"result_sign\":"),
        ("\"result\":{", "\"result\":{},\"result\":{"),
        ("\"price\":", "\"price\":\"600\",\"price\":"),
        ("\"status\":", "\"status\":\"TRADE_SUCCESS\",\"st\\u0061tus\":"),
        ("{\"tvpay", "{\"error_response\":{\"code\":1},\"tvpay"),
    ];
    for (from, to) in doubled {
        assert_eq!(doubt_kind(&ask(HTTP, |p| spoil(p, from, to))), DoubtKind::Gateway, "{to}");
    }
}

/// The signature covers the text; a reader that signs what it has parsed would be fooled.
#[test]
fn another_text_of_the_same_result_is_not_believed() {
    for (from, to) in [
        ("\"success\":true", "\"success\": true"),
        ("\"600\"", "600"),
        ("\"A-1\"", "\"A\\u002d1\""),
        ("\"message\":\"\"", "\"message\":\"\",\"x\":1"),
    ] {
        let reply = ask(HTTP, |p| text(paid(p).body.replacen(from, to, 1)));
        assert_eq!(doubt_kind(&reply), DoubtKind::Signature, "{to}");
    }
}

#[test]
fn a_gateway_without_the_extension_must_be_https_and_repeat_the_order() {
    let plain = |spoil: fn(&mut OrderData)| {
        move |p: &Prepared| {
            let mut data = data(p, Some(OrderStatus::TradeSuccess));
            data.echo.nonce = None;
            spoil(&mut data);
            answer(device::ORDER_QUERY, &ServiceResult::success(data), None)
        }
    };
    assert_eq!(ask(HTTPS, plain(|_| {})), paid_reply());
    assert_eq!(doubt_kind(&ask(HTTP, plain(|_| {}))), DoubtKind::Signature);
    let spoils: [fn(&mut OrderData); 6] = [
        |d| d.echo.app_key = None,
        |d| d.echo.app_key = Some("1".into()),
        |d| d.partner_order_no = None,
        |d| d.partner_order_no = Some("A-2".into()),
        |d| d.price = None,
        |d| d.price = Some(Fen::new(60).unwrap()),
    ];
    for (at, spoil) in spoils.into_iter().enumerate() {
        assert_eq!(doubt_kind(&ask(HTTPS, plain(spoil))), DoubtKind::Signature, "{at}");
    }
}

#[test]
fn garbage_is_in_doubt() {
    let deep = format!("{{\"tvpay_order_query_response\":{}{}}}", "[".repeat(99), "]".repeat(99));
    let bad = [
        "",
        " ",
        "null",
        "true",
        "[]",
        "{}",
        "<html>please log in</html>",
        "\0",
        "{\"",
        &deep,
        "{\"tvpay_order_query_response\":{}}",
        "{\"tvpay_order_query_response\":{\"request_id\":\"r\"}}",
        "{\"tvpay_order_close_response\":{\"result\":{\"success\":true}}}",
        "{\"result\":{\"success\":true,\"data\":{\"status\":\"TRADE_SUCCESS\"}}}",
    ];
    for body in bad {
        for url in [HTTP, HTTPS] {
            let kind = doubt_kind(&ask(url, |_| text(body)));
            assert!(matches!(kind, DoubtKind::Gateway | DoubtKind::Signature), "{body}");
        }
    }
}

#[test]
fn signed_nonsense_is_in_doubt() {
    let cases = [
        ("\"TRADE_SUCCESS\"", "\"PAID\""),
        ("\"TRADE_SUCCESS\"", "null"),
        ("\"TRADE_SUCCESS\"", "7"),
        ("\"600\"", "600.0"),
        ("\"600\"", "6e2"),
        ("\"600\"", "\"0600\""),
        ("\"600\"", "null"),
        ("\"success\":true", "\"success\":\"true\""),
        ("\"success\":true", "\"success\":1"),
        ("\"gmt_payment\":", "\"gmt_payment\":1.5,\"x\":"),
    ];
    for (from, to) in cases {
        let reply = ask(HTTP, |p| {
            let result = ServiceResult::success(data(p, Some(OrderStatus::TradeSuccess)));
            let result = serde_json::to_string(&result).unwrap();
            assert!(result.contains(from), "{from}");
            let result = serde_json::value::RawValue::from_string(result.replacen(from, to, 1));
            let result = result.unwrap();
            let sign = device::sign_result(&result, &secret());
            text(format!(
                "{{\"tvpay_order_query_response\":{{\"result\":{result},\"result_sign\":\"{sign}\"}}}}"
            ))
        });
        assert_eq!(doubt_kind(&reply), DoubtKind::Gateway, "{to}");
    }
}

fn refusal(code: &'static str, spoil: fn(&mut OrderData)) -> impl Fn(&Prepared) -> HttpAnswer {
    move |p| {
        let mut data = OrderData { price: None, ..data(p, None) };
        spoil(&mut data);
        let result = ServiceResult::refusal(code, "no", data);
        answer(device::ORDER_QUERY, &result, Some(&secret()))
    }
}

#[test]
fn no_trade_needs_a_proved_answer_about_this_order() {
    assert_eq!(ask(HTTP, refusal("ORDER_NOT_FOUND", |_| {})), Reply::NoTrade);
    type Spoil = fn(&mut OrderData);
    let doubts: [(&str, Spoil); 6] = [
        ("ORDER_NOT_FOUND", |d| d.partner_order_no = Some("A-2".into())),
        ("ORDER_NOT_FOUND", |d| d.echo.nonce = Some("x".into())),
        ("ORDER_NOT_FOUND", |d| d.price = Some(Fen::new(1).unwrap())),
        ("ORDER_NOT_FOUND", |d| d.status = Some(OrderStatus::NotScanned)),
        ("SYSTEM_ERROR", |_| {}),
        ("order_not_found", |_| {}),
    ];
    for (code, spoil) in doubts {
        doubt_kind(&ask(HTTP, refusal(code, spoil)));
    }
    let unsigned = |p: &Prepared| {
        let result: ServiceResult<OrderData> = ServiceResult {
            data: None,
            ..ServiceResult::refusal("ORDER_NOT_FOUND", "", data(p, None))
        };
        answer(device::ORDER_QUERY, &result, None)
    };
    for url in [HTTP, HTTPS] {
        assert_eq!(doubt_kind(&ask(url, unsigned)), DoubtKind::Signature);
    }
}

fn ask_precreate(url: &str, make: impl Fn(&Prepared) -> HttpAnswer) -> Reply {
    let gateway = gateway(url);
    let prepared = gateway.encode(&precreate(), SERVER_MS).unwrap();
    gateway.decode(&precreate(), &prepared, &make(&prepared))
}

fn shown(qr: &'static str, expires_s: Option<u32>) -> impl Fn(&Prepared) -> HttpAnswer {
    move |p| {
        let data = OrderData {
            qr_code: Some(qr.into()),
            expires_s,
            ..data(p, Some(OrderStatus::NotScanned))
        };
        answer(device::ORDER_PRECREATE, &ServiceResult::success(data), Some(&secret()))
    }
}

#[test]
fn a_code_is_shown_if_it_leads_to_alipay() {
    let alipay = "https://qr.alipay.com/bax03431l";
    let reply =
        |expires_s| Reply::Shown { qr_text: alipay.into(), expires_s, server_ms: Some(SERVER_MS) };
    assert_eq!(ask_precreate(HTTPS, shown(alipay, Some(120))), reply(120));
    assert_eq!(ask_precreate(HTTPS, shown(alipay, None)), reply(EXPIRES_S_DEFAULT));
    assert_eq!(ask_precreate(HTTPS, shown(alipay, Some(EXPIRES_S_MAX))), reply(EXPIRES_S_MAX));
    let over = shown(alipay, Some(EXPIRES_S_MAX + 1));
    assert_eq!(doubt_kind(&ask_precreate(HTTPS, over)), DoubtKind::Gateway);
    let own = "http://127.0.0.1:8420/pay/x";
    assert_eq!(
        ask_precreate(HTTP, shown(own, Some(60))),
        Reply::Shown { qr_text: own.into(), expires_s: 60, server_ms: Some(SERVER_MS) }
    );
    let bad = ["", own, "https://evil.com/", "http://qr.alipay.com/x", "https://eco.taobao.com/x"];
    for qr in bad {
        assert_eq!(doubt_kind(&ask_precreate(HTTPS, shown(qr, None))), DoubtKind::Gateway, "{qr}");
    }
    assert_eq!(
        doubt_kind(&ask_precreate(HTTP, shown("http://127.0.0.1:8421/", None))),
        DoubtKind::Gateway
    );
}

#[test]
fn a_proved_refusal_of_a_precreate_is_final_unless_a_trade_exists() {
    let refuse = |code: &'static str, status: Option<OrderStatus>| {
        move |p: &Prepared| {
            let data = OrderData { price: None, status, ..data(p, None) };
            let result = ServiceResult::refusal(code, "no\u{202e}\n", data);
            answer(device::ORDER_PRECREATE, &result, Some(&secret()))
        }
    };
    assert_eq!(
        ask_precreate(HTTP, refuse("ORDER_CONFLICT", None)),
        Reply::Rejected { code: "ORDER_CONFLICT".into(), text: "no".into() }
    );
    let undecided = [
        ("SYSTEM_ERROR", None),
        ("isp.remote-service-timeout", None),
        ("", None),
        ("ORDER_PAID", Some(OrderStatus::TradeSuccess)),
    ];
    for (code, status) in undecided {
        assert_eq!(doubt_kind(&ask_precreate(HTTP, refuse(code, status))), DoubtKind::Gateway);
    }
}

#[test]
fn errors_of_the_platform_refuse_only_what_nobody_can_have_paid() {
    let refused = [
        (11, ""),
        (21, ""),
        (22, "isv.invalid-method"),
        (25, ""),
        (28, ""),
        (29, "isv.appkey-not-exists"),
        (40, "isv.missing-parameter:data"),
        (41, "isv.invalid-parameter:data"),
        (15, "isv.trade-not-allowed"),
    ];
    for (code, sub) in refused {
        let reply = ask_precreate(HTTPS, |_| error(code, sub, ""));
        let name = if sub.is_empty() { code.to_string() } else { sub.to_owned() };
        assert!(matches!(&reply, Reply::Rejected { code, .. } if *code == name), "{reply:?}");
        assert_eq!(doubt_kind(&ask(HTTPS, |_| error(code, sub, ""))), DoubtKind::Gateway);
    }
    for (code, sub) in
        [(10, ""), (15, "isp.remote-service-error"), (41, "isp.x"), (0, ""), (-1, ""), (999, "")]
    {
        let reply = ask_precreate(HTTPS, |_| error(code, sub, ""));
        assert_eq!(doubt_kind(&reply), DoubtKind::Gateway, "{code} {sub}");
    }
    for (code, sub) in [(31, ""), (41, "isv.invalid-timestamp")] {
        assert_eq!(doubt_kind(&ask(HTTPS, |_| error(code, sub, ""))), DoubtKind::Clock);
        assert_eq!(doubt_kind(&ask_precreate(HTTPS, |_| error(code, sub, ""))), DoubtKind::Clock);
    }
}

#[test]
fn limits_say_how_long_to_wait() {
    let ban = |text: &'static str| {
        move |_: &Prepared| error(7, "accesscontrol.limited-by-app-access-count", text)
    };
    let cases = [
        ("This ban will last for 12 more seconds", 12),
        ("This ban will last for 0 more seconds", 1),
        ("This ban will last for 999999 more seconds", THROTTLE_S_MAX),
        ("This ban will last for 99999999999 more seconds", 5),
        ("This ban will last for -3 more seconds", 5),
        ("", 5),
    ];
    for (text, after_s) in cases {
        assert_eq!(ask(HTTPS, ban(text)), Reply::Throttled { after_s }, "{text}");
        assert_eq!(ask_precreate(HTTPS, ban(text)), Reply::Throttled { after_s }, "{text}");
    }
}

/// Answers by method, with the nonce of the request, and keeps what was sent.
struct Script {
    sent: Mutex<Vec<Params>>,
    answers: fn(&str, Echo) -> Result<HttpAnswer, Doubt>,
}

impl Transport for Script {
    fn send(&self, request: &HttpRequest) -> Result<HttpAnswer, Doubt> {
        let params = Params::union("", &request.body).unwrap();
        assert_eq!(sign::verify(&params, &secret()), Ok(()));
        let echo = Echo {
            app_key: params.get("app_key").map(str::to_owned),
            nonce: params.get("nonce").map(str::to_owned),
            server_date_ms: None,
        };
        let method = params.get("method").unwrap().to_owned();
        self.sent.lock().unwrap().push(params);
        (self.answers)(&method, echo)
    }
}

fn probe(answers: fn(&str, Echo) -> Result<HttpAnswer, Doubt>) -> (Reply, Vec<Params>) {
    let script = Script { sent: Mutex::default(), answers };
    let reply = gateway(HTTP).run(&call(Ask::Probe), 0, &script);
    (reply, script.sent.into_inner().unwrap())
}

fn date_or_info(method: &str, echo: Echo, wait_s_max: u32) -> HttpAnswer {
    let body = match method {
        device::SERVER_DATE_GET => {
            let data = device::ServerDateData { echo, server_date: Some(SERVER_MS) };
            device::answer(method, &ServiceResult::success(data), Some(&secret()), "r")
        }
        _ => {
            let config_props = device::ConfigProps { wait_s_max, ..device::ConfigProps::default() };
            let app_config = device::AppConfig { config_props };
            let data = device::AppInfoData { echo, app_config };
            device::answer(method, &ServiceResult::success(data), Some(&secret()), "r")
        }
    };
    text(body.unwrap())
}

#[test]
fn a_probe_asks_for_the_clock_and_signs_with_it() {
    let (reply, sent) = probe(|method, echo| Ok(date_or_info(method, echo, 20)));
    assert_eq!(reply, Reply::Probed { server_ms: SERVER_MS, wait_s_max: 20 });
    let timestamps: Vec<_> = sent.iter().map(|params| params.get("timestamp").unwrap()).collect();
    assert_eq!(timestamps, ["1970-01-01 08:00:00", "2016-06-20 12:00:00"]);
    assert_eq!(sent[0].get("method"), Some(device::SERVER_DATE_GET));
    assert_eq!(sent[1].get("method"), Some(device::APPINFO_GET));
    let (reply, _) = probe(|method, echo| Ok(date_or_info(method, echo, 9_999)));
    assert_eq!(reply, Reply::Probed { server_ms: SERVER_MS, wait_s_max: WAIT_S_MAX });
}

#[test]
fn a_probe_that_fails_halfway_is_in_doubt() {
    let (reply, sent) = probe(|method, echo| match method {
        device::SERVER_DATE_GET => Ok(date_or_info(method, echo, 0)),
        _ => Err(Doubt { kind: DoubtKind::Network, detail: "gone".into() }),
    });
    assert_eq!((doubt_kind(&reply), sent.len()), (DoubtKind::Network, 2));
    let (reply, sent) = probe(|_, _| Ok(error(31, "", "")));
    assert_eq!((doubt_kind(&reply), sent.len()), (DoubtKind::Clock, 1));
    let (reply, _) =
        probe(|method, echo| Ok(date_or_info(method, Echo { nonce: Some("x".into()), ..echo }, 0)));
    assert_eq!(doubt_kind(&reply), DoubtKind::Signature);
}

#[test]
fn requests_carry_the_order_and_a_deadline() {
    let gateway = gateway(HTTPS);
    let params = |ask: Ask| {
        let prepared = gateway.encode(&call(ask), SERVER_MS).unwrap();
        (Params::union("", &prepared.request.body).unwrap(), prepared.request.deadline_s)
    };
    let (sent, deadline_s) = params(Ask::Precreate(facts()));
    assert_eq!(deadline_s, 10);
    let data: serde_json::Value = serde_json::from_str(sent.get("data").unwrap()).unwrap();
    let expected = serde_json::json!({
        "partner_order_no": "A-1", "subject": "60 gems", "subject_id": "gem60", "price": "600",
    });
    assert_eq!(data, expected);
    let (sent, deadline_s) = params(Ask::Query { facts: facts(), wait_s: 20 });
    assert_eq!((sent.get("wait_s"), deadline_s), (Some("20"), 25));
    assert_eq!(sent.get("partner_order_no"), Some("A-1"));
    let (sent, deadline_s) = params(Ask::Close(facts()));
    assert_eq!((sent.get("method"), deadline_s), (Some(device::ORDER_CLOSE), 10));
}

#[test]
fn an_unknown_app_sends_nothing() {
    let foreign = Call { app_key: AppKey::new("999").unwrap(), session: None, ask: Ask::Probe };
    let gateway = gateway(HTTP);
    assert!(gateway.encode(&foreign, 0).unwrap_err().message.contains("999"));
    let script = Script { sent: Mutex::default(), answers: |_, _| panic!("was sent") };
    doubt_kind(&gateway.run(&foreign, 0, &script));
    let facts = Facts { app_key: foreign.app_key, ..(*facts()).clone() };
    assert!(gateway.check(&facts).is_err());
}

#[test]
fn an_unsafe_configuration_is_refused_by_field() {
    type Spoil = fn(&mut AliTvConfig);
    let cases: [(&str, Spoil); 13] = [
        ("alitv.url", |c| c.url = "eco.taobao.com/router/rest".into()),
        ("alitv.url", |c| c.url = "https://u@eco.taobao.com/router/rest".into()),
        ("alitv.url", |c| c.url = "https://eco.taobao.com".into()),
        ("alitv.url", |c| c.url = "https://eco.taobao.com/router/rest?a=1".into()),
        ("alitv.url", |c| c.url = "https://eco.taobao.com/router/rest#a".into()),
        ("alitv.url", |c| c.url = "http://eco.taobao.com/router/rest".into()),
        ("alitv.url", |c| {
            c.environment = Environment::Sandbox;
            c.url = "http://eco.taobao.com/router/rest".into()
        }),
        ("allow_http", |c| c.allow_http = true),
        ("alitv.qr_hosts", |c| c.qr_hosts = vec![String::new()]),
        ("alitv.qr_hosts", |c| c.qr_hosts = vec![".alipay.com".into()]),
        ("device_id", |c| c.device_id = Some(String::new())),
        ("device_id", |c| c.device_id = Some("x".repeat(65))),
        ("app_key", |c| {
            let app_key = AppKey::new("23012345").unwrap();
            c.apps.push(AppCredentials { app_key, app_secret: secret() })
        }),
    ];
    for (field, spoil) in cases {
        let mut config = config(HTTPS);
        spoil(&mut config);
        let refusal = AliTv::new(config).err().expect(field);
        assert!(refusal.message.starts_with(field), "{refusal}");
    }
}
