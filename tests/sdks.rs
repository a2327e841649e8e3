//! Public TOP SDKs that were not written here, unchanged, against the sandbox: what they send
//! is understood, and what they make of the answers is right. `tools/sdks` installs them.
#![cfg(all(feature = "sandbox", unix))]

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use alitv_pay::gateway::http::{fetch, Fetch};
use alitv_pay::gateway::HttpMethod;
use alitv_pay::money::Fen;
use alitv_pay::sandbox::{start, Action, App, Options, Running, Scenario, Seed};
use alitv_pay::wire::blocks::decrypt;
use alitv_pay::wire::device::ORDER_PRECREATE;
use alitv_pay::wire::keys::PrivateKey;
use alitv_pay::wire::partner::{PartnerOrder, PartnerStatus, ORDER_QUERY, RENEWAL_PAY};
use alitv_pay::wire::secret::Secret;
use alitv_pay::wire::top::{sign, Params, SignMethod};
use serde_json::{json, Value};

/// A title that is cut by the border between two blocks in the middle of a character.
const TITLE: &str = "影视会员包月套餐（含全部热播剧、院线电影、少儿动画与体育赛事直播回放，首月加倍）<赠 & 60 宝石>";
/// Where most of the SDKs that stamp local time are right.
const ZONE: &str = "Asia/Shanghai";

/// One of them.
struct Sdk {
    script: &'static str,
    /// It gives what is inside of `.._response`, not the whole answer.
    unwraps: bool,
}

const TOPSDK: Sdk = Sdk { script: "use_topsdk.js", unwraps: true };
const TOPCLIENT: Sdk = Sdk { script: "use_topclient.js", unwraps: true };
const TAOBAOPY: Sdk = Sdk { script: "use_taobaopy.py", unwraps: false };
const TAOBAOPYX: Sdk = Sdk { script: "use_taobaopyx.py", unwraps: false };
const OPENAPI: Sdk = Sdk { script: "use_openapi.py", unwraps: false };

impl Sdk {
    /// Runs its script with a plan, and gives what it printed.
    fn run(&self, world: &World, zone: &str, calls: &[Value]) -> Vec<Value> {
        self.run_under(&[], world, zone, calls)
    }

    /// The same in `DAYS` days, at a merchant whose clock is right.
    fn run_later(&self, world: &World, calls: &[Value]) -> Vec<Value> {
        self.run_under(&["faketime", "-f", &format!("+{DAYS}d")], world, ZONE, calls)
    }

    fn run_under(&self, before: &[&str], world: &World, zone: &str, calls: &[Value]) -> Vec<Value> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let installed = root.join("target/sdks");
        let is_there = installed.join("installed").exists();
        assert!(
            is_there,
            "the public SDKs are not installed: run tools/sdks, then this test again"
        );
        let program = match self.script.ends_with(".js") {
            true => PathBuf::from("node"),
            false => installed.join("python/bin/python"),
        };
        let domain = &world.sandbox.base_url;
        let plan = json!({ "url": world.sandbox.gateway_url, "domain": domain, "calls": calls });
        let before = before.iter().map(OsString::from);
        let mut words = before.chain([program.into_os_string()]);
        // Nothing of the environment: a proxy for example would stand in between.
        let mut child = Command::new(words.next().unwrap())
            .args(words)
            .arg(root.join("tests/sdks").join(self.script))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("NODE_PATH", installed.join("node/node_modules"))
            .env("TZ", zone)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}: tools/needs", self.script));
        child.stdin.take().unwrap().write_all(plan.to_string().as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {errors}", self.script);
        let told: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(told.len(), calls.len(), "{told:?}");
        told
    }

    /// `result` of an answer to a method, in the form in which the SDK gives it.
    fn result<'a>(&self, told: &'a Value, root: &str) -> &'a Value {
        let answer = &told["answer"];
        assert!(!answer.is_null(), "{told}");
        let node = if self.unwraps { answer } else { &answer[root] };
        assert!(node["request_id"].as_str().is_some_and(|id| id.starts_with("sandbox")), "{told}");
        &node["result"]
    }
}

/// A sandbox with an order that was paid and one that is open.
struct World {
    sandbox: Running,
}

impl World {
    fn new() -> World {
        World::with(Options::default())
    }

    fn with(options: Options) -> World {
        let world = World { sandbox: start(options).unwrap() };
        for order in ["PAID-1", "OPEN-1"] {
            world.precreate(json!({
                "partner_order_no": order,
                "subject": TITLE,
                "subject_id": "vip_month",
                "price": "1500",
                "partner_notify_url": "http://127.0.0.1:9/notify",
            }));
        }
        world.sandbox.act(&world.app().app_key, "PAID-1", Action::Pay).unwrap();
        world
    }

    fn app(&self) -> &App {
        &self.sandbox.apps[0]
    }

    /// What a box does.
    fn precreate(&self, data: Value) {
        let app = self.app();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now_ms = i64::try_from(since.as_millis()).unwrap();
        let method = SignMethod::HmacSha256;
        let mut params = Params::common(ORDER_PRECREATE, &app.app_key, now_ms, method);
        params.set("data", data.to_string());
        let secret = Secret::new(app.app_secret.clone()).unwrap();
        let signature = sign(&params, &secret, method);
        params.set("sign", signature);
        let answer = fetch(&Fetch {
            method: HttpMethod::Post,
            url: self.sandbox.gateway_url.clone(),
            content_type: None,
            body: params.encode_form(),
            idempotency_key: None,
            body_bytes_max: 65_536,
            deadline_s: 10,
        });
        let body = String::from_utf8(answer.unwrap().body).unwrap();
        assert!(body.contains("\"qr_code\":\"HTTP"), "{body}");
    }

    /// A call for a script.
    fn call(&self, method: &str, params: Value, how: &str) -> Value {
        let App { app_key, app_secret, .. } = self.app();
        json!({
            "app_key": app_key, "app_secret": app_secret,
            "method": method, "params": params, "how": how,
        })
    }

    fn query(&self, order: &str, how: &str) -> Value {
        self.call(ORDER_QUERY, json!({ "order_no": order }), how)
    }

    fn stranger(&self) -> Value {
        let mut call = self.query("PAID-1", "");
        call["app_key"] = "99999999".into();
        call
    }
}

const QUERY_ROOT: &str = "tvpay_partner_order_query_response";
const RENEWAL_ROOT: &str = "tvpay_partner_renewal_pay_response";
/// How far the clock is ahead when a charge is due: more than the longest month, less than
/// the two shortest.
const DAYS: u32 = 32;

/// What the merchant reads.
fn opened(encrypted: &str) -> PartnerOrder {
    let key = PrivateKey::read(App::RSA_PRIVATE_KEY_PEM).unwrap();
    PartnerOrder::parse(&decrypt(&key, encrypted).unwrap()).unwrap()
}

fn order_in(result: &Value) -> PartnerOrder {
    assert_eq!((&result["success"], &result["code"]), (&json!(true), &json!("success")));
    opened(result["data"]["data"].as_str().unwrap())
}

fn is_paid(order: &PartnerOrder) {
    assert!(!order.encode().is_char_boundary(245), "the border of a block cuts a character");
    assert_eq!(order.partner_order_no, "PAID-1");
    assert_eq!(order.order_status, PartnerStatus::TradeSuccess);
    assert_eq!((order.price, &*order.subject), (Fen::new(1_500).unwrap(), TITLE));
    assert_eq!((&*order.subject_id, order.alipay_trade_no.len()), ("vip_month", 28));
    assert!(!order.buyer_logon_id.is_empty());
}

fn is_open(order: &PartnerOrder) {
    assert_eq!(order.partner_order_no, "OPEN-1");
    assert_eq!(order.order_status, PartnerStatus::WaitBuyerPay);
    assert_eq!((&*order.alipay_trade_no, &*order.buyer_logon_id), ("", ""));
}

fn is_error(told: &Value, code: i64, sub_code: &str) {
    assert_eq!(told["error"]["code"], code, "{told}");
    assert_eq!(told["error"]["sub_code"], sub_code, "{told}");
}

/// What every SDK must be able to do.
fn queries(sdk: &Sdk) {
    let world = World::new();
    let calls = [
        world.query("PAID-1", ""),
        world.query("OPEN-1", ""),
        world.query("NONE-1", ""),
        world.stranger(),
        world.call(ORDER_QUERY, json!({}), ""),
    ];
    let told = sdk.run(&world, ZONE, &calls);
    is_paid(&order_in(sdk.result(&told[0], QUERY_ROOT)));
    is_open(&order_in(sdk.result(&told[1], QUERY_ROOT)));
    let none = sdk.result(&told[2], QUERY_ROOT);
    assert_eq!((&none["success"], &none["code"]), (&json!(false), &json!("ORDER_NOT_FOUND")));
    assert!(none.get("data").is_none(), "{none}");
    is_error(&told[3], 29, "isv.appkey-not-exists");
    is_error(&told[4], 40, "isv.missing-parameter:order_no");
}

#[test]
fn topsdk_queries() {
    queries(&TOPSDK);
}

#[test]
fn topclient_queries() {
    queries(&TOPCLIENT);
}

#[test]
fn taobaopy_queries() {
    queries(&TAOBAOPY);
}

#[test]
fn taobaopyx_queries() {
    queries(&TAOBAOPYX);
}

#[test]
fn openapi_queries() {
    queries(&OPENAPI);
}

/// One of them sends a GET with a form body, the other one has everything in the URL.
#[test]
fn a_get_is_as_good() {
    let world = World::new();
    for sdk in [TOPSDK, TOPCLIENT] {
        let told = sdk.run(&world, ZONE, &[world.query("PAID-1", "get")]);
        is_paid(&order_in(sdk.result(&told[0], QUERY_ROOT)));
    }
}

#[test]
fn what_an_sdk_passes_through_comes_in_the_form_that_was_asked_for() {
    let world = World::new();
    let with = |params: Value, how: &str| world.call(ORDER_QUERY, params, how);
    let calls = [
        with(json!({ "order_no": "PAID-1", "simplify": "true" }), "raw"),
        with(json!({ "order_no": "PAID-1", "format": "xml" }), "pipe"),
        with(json!({ "order_no": "a b", "format": "xml" }), "pipe"),
    ];
    let told = TOPSDK.run(&world, ZONE, &calls);
    is_paid(&order_in(&told[0]["answer"]["result"]));
    assert!(told[0]["answer"]["request_id"].is_string(), "{told:?}");
    let xml = told[1]["answer"].as_str().unwrap();
    assert!(xml.starts_with("<?xml") && xml.contains(&format!("<{QUERY_ROOT}>")), "{xml}");
    let (_, encrypted) = xml.split_once("<data><data>").unwrap();
    is_paid(&opened(encrypted.split('<').next().unwrap()));
    let xml = told[2]["answer"].as_str().unwrap();
    assert!(xml.contains("<error_response><code>41</code>"), "{xml}");
}

/// A subscription whose second charge is due, 32 days from today.
fn subscribed() -> World {
    let world = World::new();
    world.precreate(json!({
        "partner_order_no": "SUB-1",
        "subject": TITLE,
        "subject_id": "vip_month",
        "price": "1500",
        "partner_notify_url": "http://127.0.0.1:9/notify",
        "interval": "month",
        "price_list": ["1500", "1200", "900"],
        "renewal_subject": "影视会员连续包月",
    }));
    world.sandbox.act(&world.app().app_key, "SUB-1", Action::Pay).unwrap();
    world.sandbox.advance(DAYS * 86_400).unwrap();
    world
}

fn charge(world: &World, order: &str, seq: u32, price: &str) -> Value {
    let params = json!({
        "partner_notify_url": "http://127.0.0.1:9/notify",
        "partner_order_no": order,
        "price": price,
        "ref_order_no": "SUB-1",
        "seq": seq,
        "subject": "影视会员 & 第2期",
        "subject_id": "vip_month",
    });
    world.call(RENEWAL_PAY, params, "")
}

/// A charge that is due is taken once, however often it is asked for; another is refused.
fn renews(sdk: &Sdk) {
    let world = subscribed();
    let calls = [
        charge(&world, "SUB-1_r1", 1, "1200"),
        charge(&world, "SUB-1_r1", 1, "1200"),
        charge(&world, "SUB-1_r2", 2, "900"),
        charge(&world, "SUB-1_r9", 1, "1200"),
        world.query("SUB-1_r1", ""),
    ];
    let told = sdk.run_later(&world, &calls);
    for again in &told[..2] {
        let result = sdk.result(again, RENEWAL_ROOT);
        assert_eq!((&result["success"], &result["code"]), (&json!(true), &json!("success")));
        assert_eq!(result["data"]["order_status"], "TRADE_SUCCESS", "{again}");
    }
    for (refused, code) in [(2, "RENEWAL_TIME_ERROR"), (3, "RENEWAL_THREAD_SEQ_ERROR")] {
        let result = sdk.result(&told[refused], RENEWAL_ROOT);
        assert_eq!((&result["success"], &result["code"]), (&json!(false), &json!(code)));
    }
    let order = order_in(sdk.result(&told[4], QUERY_ROOT));
    assert_eq!((&*order.partner_order_no, order.price.get()), ("SUB-1_r1", 1_200));
    assert_eq!(order.order_status, PartnerStatus::TradeSuccess);
}

#[test]
fn topsdk_renews() {
    renews(&TOPSDK);
}

#[test]
fn topclient_renews() {
    renews(&TOPCLIENT);
}

#[test]
fn taobaopy_renews() {
    renews(&TAOBAOPY);
}

#[test]
fn taobaopyx_renews() {
    renews(&TAOBAOPYX);
}

#[test]
fn openapi_renews() {
    renews(&OPENAPI);
}

/// It sends again by itself on status 500. The charge was taken the first time, and is told.
#[test]
fn a_charge_whose_answer_was_lost_is_sent_again_and_taken_once() {
    let world = subscribed();
    world.sandbox.play_next(Scenario::parse("renewal.pay_lost").unwrap()).unwrap();
    let calls = [
        charge(&world, "SUB-1_r1", 1, "1200"),
        charge(&world, "SUB-1_r9", 1, "1200"),
        world.query("SUB-1_r1", ""),
    ];
    let told = TAOBAOPY.run_later(&world, &calls);
    let result = TAOBAOPY.result(&told[0], RENEWAL_ROOT);
    assert_eq!(result["data"]["order_status"], "TRADE_SUCCESS", "{told:?}");
    let again = TAOBAOPY.result(&told[1], RENEWAL_ROOT);
    assert_eq!(again["code"], "RENEWAL_THREAD_SEQ_ERROR");
    let order = order_in(TAOBAOPY.result(&told[2], QUERY_ROOT));
    assert_eq!(order.order_status, PartnerStatus::TradeSuccess);
}

fn limited(per_s: u32) -> World {
    let flow = json!({ "apis": { ORDER_QUERY: { "calls": 1, "per_s": per_s } } });
    let seed = json!({ "apps": [{
        "app_key": "23012345", "name": "One", "public_key": "demo", "settings": { "flow": flow },
    }] });
    let seed = Seed::parse(&seed.to_string()).unwrap();
    World::with(Options { seed: Some(seed), ..Options::default() })
}

/// It waits and sends again by itself, for longer than the ban lasts.
#[test]
fn taobaopy_rides_out_a_ban() {
    let world = limited(2);
    let told = TAOBAOPY.run(&world, ZONE, &[world.query("PAID-1", ""), world.query("OPEN-1", "")]);
    is_paid(&order_in(TAOBAOPY.result(&told[0], QUERY_ROOT)));
    is_open(&order_in(TAOBAOPY.result(&told[1], QUERY_ROOT)));
}

#[test]
fn a_ban_is_read_with_its_seconds() {
    for sdk in [TOPSDK, TOPCLIENT, TAOBAOPYX, OPENAPI] {
        let world = limited(86_400);
        let calls = [world.query("PAID-1", ""), world.query("PAID-1", "")];
        let told = sdk.run(&world, ZONE, &calls);
        is_paid(&order_in(sdk.result(&told[0], QUERY_ROOT)));
        is_error(&told[1], 7, "accesscontrol.limited-by-api-access-count");
        let text = told[1]["error"]["text"].as_str().unwrap();
        assert!(text.contains("This ban will last for 86"), "{text}");
    }
}

/// They stamp the time of their own zone, and the gateway reads it as GMT+8. The official one
/// for Python stamps Unix milliseconds.
#[test]
fn another_zone_is_told_by_error_31() {
    let world = World::new();
    let call = [world.query("PAID-1", "")];
    for sdk in [TOPSDK, TOPCLIENT, TAOBAOPY, TAOBAOPYX] {
        is_error(&sdk.run(&world, "UTC", &call)[0], 31, "isv.invalid-timestamp");
    }
    is_paid(&order_in(OPENAPI.result(&OPENAPI.run(&world, "UTC", &call)[0], QUERY_ROOT)));
}
