//! The TOP front: in which order it refuses, in which forms it answers, and how often it may
//! be called.

use std::io::Read;

use alitv_pay::sandbox::{App, Options, Seed};
use alitv_pay::wire::blocks::decrypt;
use alitv_pay::wire::device::{ORDER_QUERY as DEVICE_QUERY, SERVER_DATE_GET};
use alitv_pay::wire::keys::PrivateKey;
use alitv_pay::wire::partner::{PartnerOrder, ORDER_QUERY};
use alitv_pay::wire::time::format_gmt8;
use alitv_pay::wire::top::{Params, SignMethod};
use flate2::read::GzDecoder;
use serde_json::{json, Value};

use crate::harness::World;
use crate::top_kit::{common, post, send, signed, without, Raw, FORM};

/// A query that is about to be sent, and the rules that it is to break.
struct Call {
    http: &'static str,
    /// Place in the seed: the third is not in the white list of any address here, the second
    /// has used up its calls, the fourth both.
    app: usize,
    params: Params,
    sign: Sign,
}

enum Sign {
    Right,
    None,
    Wrong,
}

impl Call {
    fn set(&mut self, name: &str, value: &str) {
        self.params.set(name, value);
    }

    fn remove(&mut self, name: &str) {
        self.params = without(&self.params, name);
    }
}

/// A number, the parameter that it is about, and how to deserve it.
type Rule = (i64, &'static str, fn(&mut Call));

/// In the order of the protocol notes, 7.6.
const RULES: [Rule; 16] = [
    (9, "http", |call| call.http = "PUT"),
    (21, "method", |call| call.remove("method")),
    (28, "app_key", |call| call.remove("app_key")),
    (29, "app_key", |call| call.set("app_key", "99999999")),
    (30, "timestamp", |call| call.remove("timestamp")),
    (32, "v", |call| call.remove("v")),
    (33, "v", |call| call.set("v", "1.0")),
    (23, "format", |call| call.set("format", "yaml")),
    (31, "timestamp", |call| call.set("timestamp", "2016-07-20 00:00:00")),
    (24, "sign", |call| call.sign = Sign::None),
    (25, "sign", |call| call.sign = Sign::Wrong),
    (22, "method", |call| call.set("method", "taobao.no.such.method")),
    (11, "permission", |call| call.app |= 2),
    (7, "flow", |call| call.app |= 1),
    (40, "order_no", |call| call.remove("order_no")),
    (41, "order_no", |call| call.set("order_no", "a b")),
];

/// Four apps, the last two of which have not been shut out yet.
fn four_apps() -> World {
    let app = |key: &str| json!({ "app_key": key, "name": key, "public_key": "demo" });
    let mut apps = ["1", "2", "3", "4"].map(app);
    for limited in [1, 3] {
        apps[limited]["settings"] = json!({ "flow": { "app": { "calls": 1, "per_s": 86_400 } } });
    }
    let seed = Seed::parse(&json!({ "apps": apps }).to_string()).unwrap();
    World::with(Options { seed: Some(seed), ..Options::default() })
}

fn query(world: &World, app: usize) -> Params {
    let mut params = common(world, app, ORDER_QUERY);
    params.set("order_no", "A");
    params
}

#[test]
fn of_two_broken_rules_the_earlier_one_is_answered() {
    let world = four_apps();
    for used_up in [1, 3] {
        let answer = post(&world, used_up, query(&world, used_up)).json();
        assert_eq!(answer["tvpay_partner_order_query_response"]["result"]["success"], false);
    }
    for shut_out in ["3", "4"] {
        world.does("PATCH", &format!("/apps/{shut_out}"), r#"{"ip_whitelist":["192.0.2.1"]}"#);
    }
    let answered = |rules: &[Rule]| {
        let mut call = Call { http: "POST", app: 0, params: query(&world, 0), sign: Sign::Right };
        rules.iter().for_each(|rule| (rule.2)(&mut call));
        let known = call.params.get("app_key") == Some("1");
        if known {
            let app_key = world.sandbox.apps[call.app].app_key.clone();
            call.set("app_key", &app_key);
        }
        let mut params = signed(&world, call.app, call.params);
        match call.sign {
            Sign::Right => {}
            Sign::None => params = without(&params, "sign"),
            Sign::Wrong => params.set("sign", "0".repeat(64)),
        }
        let answer = send(&world, call.http, "", &[FORM], params.encode_form().as_bytes());
        assert!(!answer.text().is_empty(), "{}", answer.head);
        answer.error()
    };
    for (at, first) in RULES.iter().enumerate() {
        assert_eq!(answered(&[*first]), first.0, "alone");
        for second in RULES[at + 1..].iter().filter(|second| second.1 != first.1) {
            assert_eq!(answered(&[*first, *second]), first.0, "with {}", second.0);
            assert_eq!(answered(&[*second, *first]), first.0, "with {}", second.0);
        }
    }
}

#[test]
fn errors_say_what_is_the_matter() {
    let world = four_apps();
    let error =
        |params: Params, app: usize| post(&world, app, params).json()["error_response"].clone();
    world.does("PATCH", "/apps/1", r#"{"partner_apis_off":true}"#);
    let refused = error(query(&world, 0), 0);
    assert_eq!(
        (&refused["code"], &refused["msg"]),
        (&json!(11), &json!("Insufficient isv permissions"))
    );
    assert_eq!(refused["sub_code"], "isv.permission-api-package-limit");
    world.does("PATCH", "/apps/1", r#"{"ip_whitelist":["192.0.2.1","::1"]}"#);
    let refused = error(query(&world, 0), 0);
    assert_eq!(refused["sub_code"], "isv.ip-whitelist-limit");
    assert!(refused["sub_msg"].as_str().unwrap().contains("127.0.0.1"), "{refused}");
    world.does("PATCH", "/apps/1", r#"{"ip_whitelist":["127.0.0.1"],"partner_apis_off":false}"#);
    assert!(post(&world, 0, query(&world, 0)).json().get("error_response").is_none());
    world.does("PATCH", "/apps/1", r#"{"ip_whitelist":["192.0.2.1"],"partner_apis_off":true}"#);
    let date = common(&world, 0, SERVER_DATE_GET);
    assert!(post(&world, 0, date).json().get("error_response").is_none(), "boxes are anywhere");
    let (mut stranger, key) = (query(&world, 0), "99999999");
    stranger.set("app_key", key);
    let refused = error(stranger, 0);
    assert_eq!(
        (&refused["code"], &refused["sub_code"]),
        (&json!(29), &json!("isv.appkey-not-exists"))
    );
    assert!(refused["request_id"].as_str().unwrap().starts_with("sandbox"));
}

#[test]
fn a_missing_sign_method_is_md5_and_a_box_in_no_zone_may_send_milliseconds() {
    let world = World::new();
    world.order("A");
    let good = |params: Params| {
        let answer = post(&world, 0, params).json();
        assert!(answer.get("tvpay_partner_order_query_response").is_some(), "{answer}");
    };
    good(without(&query(&world, 0), "sign_method"));
    for method in [SignMethod::Md5, SignMethod::Hmac, SignMethod::HmacSha256] {
        for ms in [-599_000, 0, 599_000] {
            let mut params = query(&world, 0);
            params.set("sign_method", method.as_str());
            params.set("timestamp", (world.now_ms() + ms).to_string());
            good(params.clone());
            params.set("timestamp", format_gmt8(world.now_ms() + ms));
            good(params);
        }
    }
    for timestamp in
        [(world.now_ms() / 1_000).to_string(), format_gmt8(world.now_ms() - 8 * 3_600_000)]
    {
        let mut params = query(&world, 0);
        params.set("timestamp", timestamp);
        assert_eq!(post(&world, 0, params).error(), 31);
    }
}

#[test]
fn url_and_body_are_one_whatever_the_method() {
    let world = World::new();
    world.order("A");
    let all = signed(&world, 0, query(&world, 0));
    let (mut url, mut body) = (Params::new(), Params::new());
    for (name, value) in all.iter() {
        if name == "order_no" { &mut body } else { &mut url }.set(name, value);
    }
    let (none, all) = (String::new(), all.encode_form());
    let (url, body) = (url.encode_form(), body.encode_form());
    for (http, query, form) in [
        ("POST", &url, &body),
        ("POST", &none, &all),
        ("POST", &all, &none),
        ("GET", &all, &none),
        ("GET", &none, &all),
        ("GET", &url, &body),
    ] {
        let answer = send(&world, http, query, &[FORM], form.as_bytes()).json();
        assert_eq!(answer["tvpay_partner_order_query_response"]["result"]["success"], true);
    }
    let bare = send(&world, "POST", &url, &[], body.as_bytes()).json();
    assert!(bare.get("tvpay_partner_order_query_response").is_some(), "{bare}");
    for http in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"] {
        assert_eq!(send(&world, http, &all, &[], b"").error(), 9, "{http}");
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_a_sentence() {
    let world = World::new();
    let refused = |query: &str, headers: &[&str], body: &[u8]| {
        let answer = send(&world, "POST", query, headers, body);
        assert_eq!(answer.error(), 41);
        answer.text().to_owned()
    };
    let json = "format=json&method=a";
    assert!(refused(json, &[FORM], b"method=a").contains("\\\"method\\\" was sent twice"));
    assert!(refused(json, &[FORM], &vec![b'x'; 64 * 1024 + 1]).contains("65536 bytes"));
    assert!(refused(json, &[FORM], b"a=\xff").contains("UTF-8"));
    assert!(refused(json, &[FORM], b"=x").contains("no name"));
    let multipart = "Content-Type: multipart/form-data; boundary=PYTHON_SDK_BOUNDARY";
    let body = b"--PYTHON_SDK_BOUNDARY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n";
    assert!(refused(json, &[multipart], body).contains("multipart bodies are for methods"));
    let as_json = refused(json, &["Content-Type: application/json"], b"{}");
    assert!(as_json.contains("application/x-www-form-urlencoded"), "{as_json}");
    assert!(refused("", &[FORM], b"a=1&a=2").starts_with("<?xml"));
    assert_eq!(send(&world, "GET", "method=%FF%00&format=json", &[], b"").error(), 28);
}

fn opened(text: &str) -> PartnerOrder {
    let key = PrivateKey::read(App::RSA_PRIVATE_KEY_PEM).unwrap();
    PartnerOrder::parse(&decrypt(&key, text).unwrap()).unwrap()
}

fn asked(world: &World, format: &[(&str, &str)]) -> Raw {
    let mut params = without(&query(world, 0), "format");
    format.iter().for_each(|(name, value)| params.set(name, *value));
    post(world, 0, params)
}

#[test]
fn every_form_says_the_same() {
    let world = World::new();
    world.order("A");
    let json = asked(&world, &[("format", "json")]);
    assert!(json.has("content-type: text/javascript;charset=UTF-8"), "{}", json.head);
    let result = json.json()["tvpay_partner_order_query_response"]["result"].clone();
    let order = opened(result["data"]["data"].as_str().unwrap());
    let slim = asked(&world, &[("format", "json"), ("simplify", "true")]);
    assert!(slim.has("content-type: text/javascript;charset=UTF-8"), "{}", slim.head);
    let slim: Value = serde_json::from_slice(&slim.body).unwrap();
    assert_eq!(
        (&slim["result"]["code"], slim["request_id"].is_string()),
        (&json!("success"), true)
    );
    assert_eq!(opened(slim["result"]["data"]["data"].as_str().unwrap()), order);
    for format in [
        &[][..],
        &[("format", "xml")],
        &[("format", "")],
        &[("format", "xml"), ("simplify", "true")],
    ] {
        let xml = asked(&world, format);
        assert!(xml.has("content-type: text/xml;charset=UTF-8"), "{}", xml.head);
        let text = xml.text();
        let start =
            "<?xml version=\"1.0\" encoding=\"utf-8\"?><tvpay_partner_order_query_response>";
        assert!(text.starts_with(start) && text.contains("<request_id>sandbox"), "{text}");
        assert!(text.ends_with("</tvpay_partner_order_query_response>"), "{text}");
        assert!(text.contains("<code>success</code>") && text.contains("<success>true</success>"));
        let (_, rest) = text.split_once("<data><data>").unwrap();
        assert_eq!(opened(rest.split('<').next().unwrap()), order);
    }
}

#[test]
fn errors_come_in_every_form_and_are_never_slim() {
    let world = World::new();
    for format in [&[("format", "json")][..], &[("format", "json"), ("simplify", "true")]] {
        let mut params = without(&query(&world, 0), "format");
        format.iter().for_each(|(name, value)| params.set(name, *value));
        params.set("app_key", "99999999");
        assert_eq!(post(&world, 0, params).json()["error_response"]["code"], 29);
    }
    let mut params = without(&query(&world, 0), "format");
    params.set("app_key", "99999999");
    let answer = post(&world, 0, params);
    assert!(answer.text().contains("<error_response><code>29</code><msg>Invalid App Key</msg>"));
    let missing = asked(&world, &[]);
    assert!(missing.text().contains("<code>ORDER_NOT_FOUND</code>"), "{}", missing.text());
}

#[test]
fn answers_are_compressed_for_those_who_ask() {
    let world = World::new();
    world.order("A");
    let form = signed(&world, 0, query(&world, 0)).encode_form();
    for (http, url, body) in [("POST", "", form.as_str()), ("GET", form.as_str(), "")] {
        let packed = send(&world, http, url, &[FORM, "Accept-Encoding: gzip"], body.as_bytes());
        assert!(packed.has("content-encoding: gzip") && packed.has("vary: accept-encoding"));
        let mut text = String::new();
        GzDecoder::new(&*packed.body).read_to_string(&mut text).unwrap();
        assert!(text.starts_with("{\"tvpay_partner_order_query_response\":"), "{text}");
        let plain = send(&world, http, url, &[FORM], body.as_bytes());
        assert!(!plain.head.to_lowercase().contains("content-encoding"), "{}", plain.head);
        plain.json();
    }
    let refused = send(&world, "PUT", "format=json", &["Accept-Encoding: deflate, gzip"], b"");
    let mut text = String::new();
    GzDecoder::new(&*refused.body).read_to_string(&mut text).unwrap();
    assert!(text.contains("\"code\":9"), "{text}");
}

#[test]
fn a_method_of_boxes_is_answered_in_json_only() {
    let world = World::new();
    for format in [&[][..], &[("format", "xml")], &[("format", "json"), ("simplify", "true")]] {
        let mut params = without(&common(&world, 0, DEVICE_QUERY), "format");
        params.set("order_type", "partner");
        params.set("partner_order_no", "A");
        format.iter().for_each(|(name, value)| params.set(name, *value));
        let refused = post(&world, 0, params);
        assert_eq!(refused.error(), 23);
        assert!(refused.text().contains("format=json, without simplify"), "{}", refused.text());
    }
}

#[test]
fn spoilt_answers_are_spoilt_in_every_form() {
    let world = World::new();
    world.order("A");
    let plan = |scenario: &str| {
        let body = json!({ "scenario": scenario, "method": "partner.query", "times": 1 });
        world.does("POST", "/scenario", &body.to_string());
    };
    plan("gateway.throttle");
    assert!(asked(&world, &[]).text().contains("<error_response><code>7</code>"));
    plan("gateway.badjson");
    let broken = asked(&world, &[("format", "xml")]);
    assert!(broken.text().starts_with("<?xml") && !broken.text().contains("</result>"));
}

fn ban(answer: &Raw) -> (String, u32) {
    let error = answer.json()["error_response"].clone();
    assert_eq!((&error["code"], &error["msg"]), (&json!(7), &json!("App Call Limited")));
    let text = error["sub_msg"].as_str().unwrap();
    let wait_s = text.strip_prefix("This ban will last for ").unwrap();
    let wait_s = wait_s.strip_suffix(" more seconds").unwrap().parse().unwrap();
    (error["sub_code"].as_str().unwrap().to_owned(), wait_s)
}

#[test]
fn a_ban_ends_when_it_says() {
    let world = World::new();
    world.order("A");
    world.does("PATCH", "/apps/23012345", r#"{"flow":{"app":{"calls":2,"per_s":3600}}}"#);
    let ask = || post(&world, 0, query(&world, 0));
    for _ in 0..2 {
        assert!(ask().json().get("error_response").is_none());
    }
    world.sandbox.advance(1_000).unwrap();
    let (sub_code, wait_s) = ban(&ask());
    assert_eq!(sub_code, "accesscontrol.limited-by-app-access-count");
    assert!((2_500..=2_600).contains(&wait_s), "{wait_s}");
    let date = common(&world, 0, SERVER_DATE_GET);
    assert_eq!(post(&world, 0, date).error(), 7, "all calls of the app together");
    world.sandbox.advance(wait_s).unwrap();
    assert!(ask().json().get("error_response").is_none());
}

#[test]
fn a_method_has_a_limit_of_its_own_and_reset_and_new_limits_begin_anew() {
    let world = World::new();
    let limit = |calls: u32| {
        let apis = json!({ ORDER_QUERY: { "calls": calls, "per_s": 60 } });
        world.does("PATCH", "/apps/23012345", &json!({ "flow": { "apis": apis } }).to_string());
    };
    let passes = || post(&world, 0, query(&world, 0)).json().get("error_response").is_none();
    limit(1);
    assert!(passes());
    let (sub_code, _) = ban(&post(&world, 0, query(&world, 0)));
    assert_eq!(sub_code, "accesscontrol.limited-by-api-access-count");
    let date = common(&world, 0, SERVER_DATE_GET);
    assert!(post(&world, 0, date).json().get("error_response").is_none());
    limit(2);
    assert!(passes() && passes() && !passes());
    world.does("POST", "/reset", "");
    assert!((0..5).all(|_| passes()), "the seed has no limits");
}

#[test]
fn limits_are_checked_by_name() {
    let world = World::new();
    for (field, change) in [
        ("flow.app.calls", json!({ "flow": { "app": { "calls": 0, "per_s": 1 } } })),
        ("flow.app.per_s", json!({ "flow": { "app": { "calls": 1, "per_s": 86_401 } } })),
        ("flow.apis", json!({ "flow": { "apis": { "taobao.no": { "calls": 1, "per_s": 1 } } } })),
        ("flow.app.per_s", json!({ "flow": { "app": { "calls": 1 } } })),
        ("ip_whitelist[0]", json!({ "ip_whitelist": ["example.com"] })),
        ("ip_whitelist", json!({ "ip_whitelist": vec!["127.0.0.1"; 65] })),
    ] {
        let (status, named, message) =
            world.refused("PATCH", "/apps/23012345", &change.to_string());
        assert_eq!((status, &*named), (400, field), "{message}");
    }
}
