//! `renew` and `renew run` against the sandbox: whatever happens on the way, a charge is
//! taken once.

use std::sync::Arc;

use alitv_pay::core::facts::{AppKey, Interval};
use alitv_pay::gateway::http::Http;
use alitv_pay::gateway::Environment;
use alitv_pay::limits::RENEW_AGAIN_MS;
use alitv_pay::merchant::advice::of_renewal;
use alitv_pay::merchant::ledger::{GrantState, NewOrder, OrderState};
use alitv_pay::merchant::renew::run::Outcome;
use alitv_pay::merchant::top::{ChargeOutcome, Client, ClientConfig};
use alitv_pay::wire::partner::{PartnerOrder, PartnerStatus, RenewalCode, RenewalPay};
use alitv_pay::wire::secret::Secret;
use serde_json::{json, Value};

use crate::desk::Desk;
use crate::market::{fen, subscription, Market};
use crate::shop::order_no;

const PRICES: [i64; 3] = [1_500, 1_600, 1_700];

/// Rows of `renew run --json` as `ORDER/SEQ outcome`, and the exit code.
fn run(desk: &Desk, args: &[&str]) -> (Vec<String>, i32) {
    let words: Vec<&str> =
        ["renew", "run", "--json"].into_iter().chain(args.iter().copied()).collect();
    let done = desk.run(&words);
    assert!(!done.stderr.contains("panicked"), "{done:?}");
    let row = |row: &Value| {
        let text = |name: &str| row[name].as_str().unwrap().to_owned();
        format!("{}/{} {}", text("order_no"), row["seq"], text("outcome"))
    };
    (done.json().iter().map(row).collect(), done.exit)
}

/// `renew ORDER --seq N` with as much time as a test has.
fn renew(desk: &Desk, order: &str, seq: &str) -> crate::run::Done {
    desk.run(&["renew", order, "--seq", seq, "--wait", "60", "--json"])
}

#[test]
fn a_charge_is_taken_and_its_goods_are_owed() {
    let market = Market::open();
    market.due("R", &PRICES);
    let done = renew(&market.desk, "R", "1").ends_with(0);
    let row = &done.json()[0];
    assert_eq!((&row["outcome"], &row["charge_no"]), (&json!("paid"), &json!("R_r1")));
    assert_eq!((&row["price_fen"], row.get("next")), (&json!(1_600), None));
    assert_eq!(market.charges("R"), ["1 TRADE_SUCCESS"]);
    let entry = market.desk.entry("R_r1");
    assert!(matches!(entry.grant, Some(GrantState::Due { .. })), "{entry:?}");
    let again = renew(&market.desk, "R", "1").ends_with(0);
    assert_eq!(again.json()[0]["outcome"], "paid");
    assert_eq!(market.charges("R"), ["1 TRADE_SUCCESS"]);
}

/// As the manual has it.
#[test]
fn a_subscription_is_written_down_by_orders_add() {
    let market = Market::open();
    market.sold("R", Interval::Month, &PRICES);
    market.to_due("R");
    let done = renew(&market.desk, "R", "1").ends_with(1);
    assert!(done.stderr.contains("orders add"), "{done:?}");
    let text = "orders add R --amount 1500 --title GEMS --subject-id gem60 --interval month \
        --prices 1500,1600,1700 --plan pass --notify http://127.0.0.1:9/notify";
    let words: Vec<&str> =
        text.split(' ').map(|word| if word == "GEMS" { "60 gems" } else { word }).collect();
    market.desk.run(&words).ends_with(0);
    assert_eq!(run(&market.desk, &[]), (vec![], 0), "nobody has said that it is paid");
    renew(&market.desk, "R", "1").ends_with(0);
    assert_eq!(market.charges("R"), ["1 TRADE_SUCCESS"]);
    assert_eq!(market.desk.entry("R").state, OrderState::Paid);
}

/// A way to a code: what is done to the sandbox and the ledger before charge 1 is tried.
type Way = (RenewalCode, fn(&Market));

fn client(market: &Market) -> Client {
    let app = &market.world.sandbox.apps[0];
    let config = ClientConfig {
        environment: Environment::Sandbox,
        url: market.world.sandbox.gateway_url.clone(),
        allow_http: true,
        app_key: AppKey::new(app.app_key.clone()).unwrap(),
        app_secret: Arc::new(Secret::new(app.app_secret.clone()).unwrap()),
    };
    Client::new(config, Arc::new(Http::new())).unwrap()
}

/// Another program of the merchant takes charge 1 under a number of its own.
fn taken_by_another(market: &Market) {
    let charge = RenewalPay {
        partner_notify_url: "http://127.0.0.1:9/notify".into(),
        partner_order_no: "OTHER-1".into(),
        price: fen(PRICES[1]),
        ref_order_no: "R".into(),
        seq: 1,
        subject: "monthly pass".into(),
        subject_id: "gem60".into(),
    };
    let outcome = client(market).renewal_pay(&charge);
    assert_eq!(outcome, ChargeOutcome::Status(PartnerStatus::TradeSuccess));
}

fn agreed_otherwise(market: &Market, change: impl FnOnce(&mut NewOrder)) {
    market.sold("R", Interval::Month, &PRICES);
    let mut first = subscription("R", Interval::Month, &PRICES);
    change(&mut first);
    market.write_down(&first);
    market.to_due("R");
}

const WAYS: [Way; 10] = [
    (RenewalCode::OrderNotAllowed, |market| {
        market.due("R", &PRICES);
        let app = market.world.app_key().to_owned();
        market.world.does("PATCH", &format!("/apps/{app}"), r#"{"renewal":false}"#);
    }),
    (RenewalCode::OrderInfoError, |market| {
        agreed_otherwise(market, |first| first.subject_id = Some("gem90".into()));
    }),
    (RenewalCode::ThreadNotFound, |market| {
        market.agreed("R", Interval::Month, &PRICES);
    }),
    (RenewalCode::ThreadStatusError, |market| {
        market.due("R", &PRICES);
        market.world.does("POST", "/renewals/R/end", "");
    }),
    (RenewalCode::TermCountExceedLimit, |market| {
        market.sold("R", Interval::Month, &PRICES[..1]);
        market.agreed("R", Interval::Month, &PRICES);
    }),
    (RenewalCode::ThreadSeqError, |market| {
        market.due("R", &PRICES);
        taken_by_another(market);
    }),
    (RenewalCode::PriceError, |market| {
        agreed_otherwise(market, |first| {
            first.plan.as_mut().unwrap().prices_fen[1] = fen(1_601);
        });
    }),
    (RenewalCode::PriceExceedLimit, |market| {
        market.due("R", &PRICES);
        market.world.does("PATCH", "/renewals/R", r#"{"cap_fen":2000}"#);
    }),
    (RenewalCode::TimeError, |market| {
        market.sold("R", Interval::Month, &PRICES);
        market.agreed("R", Interval::Month, &PRICES);
    }),
    (RenewalCode::OrderPayFail, |market| {
        market.due("R", &PRICES);
        market.world.does("PATCH", "/renewals/R", r#"{"pay_fail":true}"#);
    }),
];

#[test]
fn each_of_the_ten_refusals_is_told_with_what_to_do_next() {
    for (code, way) in WAYS {
        let market = Market::open();
        way(&market);
        let done = renew(&market.desk, "R", "1").ends_with(12);
        assert_eq!(done.json()[0]["code"], code.as_str(), "{done:?}");
        assert!(done.stderr.contains(of_renewal(code).en), "{code}: {done:?}");
        let zh = ["renew", "R", "--seq", "1", "--lang", "zh", "--wait", "60"];
        let done = market.desk.run(&zh).ends_with(12);
        assert!(done.stderr.contains(of_renewal(code).zh), "{code}: {done:?}");
        assert!(done.stdout.contains(code.as_str()), "{code}: {done:?}");
    }
}

/// A run tries again by itself what may pass, and leaves to a person what cannot.
#[test]
fn a_run_knows_which_refusals_pass() {
    for (code, way) in WAYS {
        let market = Market::open();
        way(&market);
        if code == RenewalCode::ThreadNotFound || code == RenewalCode::TermCountExceedLimit {
            market.world.does("POST", "/advance", r#"{"by":"1mo"}"#);
        }
        let (first, second) = match code {
            RenewalCode::TimeError => (None, None),
            RenewalCode::OrderNotAllowed => (Some(("refused", 12)), Some(("refused", 12))),
            RenewalCode::OrderPayFail => (Some(("refused", 12)), Some(("later", 0))),
            _ => (Some(("refused", 12)), Some(("held", 12))),
        };
        for wanted in [first, second] {
            let rows = wanted.map(|(word, exit)| (vec![format!("R/1 {word}")], exit));
            assert_eq!(run(&market.desk, &[]), rows.unwrap_or_default(), "{code}");
        }
    }
}

#[test]
fn what_was_refused_is_taken_once_its_cause_is_gone() {
    let market = Market::open();
    market.due("R", &PRICES);
    market.world.does("PATCH", "/renewals/R", r#"{"cap_fen":2000,"pay_fail":true}"#);
    assert_eq!(run(&market.desk, &[]), (vec!["R/1 refused".into()], 12));
    market.world.does("PATCH", "/renewals/R", r#"{"cap_fen":null}"#);
    assert_eq!(run(&market.desk, &[]), (vec!["R/1 held".into()], 12));
    renew(&market.desk, "R", "1").ends_with(12);
    market.world.does("PATCH", "/renewals/R", r#"{"pay_fail":false}"#);
    assert_eq!(run(&market.desk, &[]), (vec!["R/1 later".into()], 0));
    let body = format!(r#"{{"seconds":{}}}"#, RENEW_AGAIN_MS / 1_000 + 60);
    market.world.does("POST", "/advance", &body);
    assert_eq!(run(&market.desk, &[]), (vec!["R/1 paid".into()], 0));
    assert_eq!(market.charges("R"), ["1 TRADE_SUCCESS"]);
}

/// Each fault of a charge's way, and of the question behind it.
#[test]
fn faults_on_the_way_never_charge_twice() {
    let market = Market::open();
    let of_charge = ["gateway.500", "gateway.badjson"].map(|fault| (fault, Some("renewal.pay")));
    let of_question =
        ["gateway.500", "gateway.badjson"].map(|fault| (fault, Some("partner.query")));
    let own =
        ["renewal.pay_lost", "renewal.throttle", "query.system_error"].map(|fault| (fault, None));
    for (n, (fault, method)) in of_charge.into_iter().chain(of_question).chain(own).enumerate() {
        let order = format!("R{n}");
        market.due(&order, &PRICES);
        let mut body = json!({ "scenario": fault });
        if let Some(method) = method {
            body["method"] = method.into();
            body["times"] = 1.into();
        }
        market.world.scenario(&body.to_string());
        let (rows, exit) = run(&market.desk, &["--wait", "60"]);
        assert_eq!((rows, exit), (vec![format!("{order}/1 paid")], 0), "{fault} {method:?}");
        assert_eq!(market.charges(&order), ["1 TRADE_SUCCESS"], "{fault} {method:?}");
        market.desk.run(&["renew", "stop", &order]).ends_with(0);
    }
}

/// The request is held for longer than anybody waits.
#[test]
fn a_charge_without_an_answer_is_unknown_and_found_by_the_next_run() {
    let market = Market::open();
    market.due("R", &PRICES);
    market.world.scenario(r#"{"scenario":"gateway.timeout","method":"renewal.pay","times":1}"#);
    assert_eq!(run(&market.desk, &["--wait", "0"]), (vec!["R/1 unknown".into()], 13));
    assert_eq!(run(&market.desk, &[]), (vec!["R/1 paid".into()], 0));
    assert_eq!(market.charges("R"), ["1 TRADE_SUCCESS"]);
}

#[test]
fn a_charge_that_waits_for_its_payer_is_asked_for_until_it_is_decided() {
    for (does, rows, exit, charges) in [
        ("pay", vec!["R/1 paid"], 0, ["1 TRADE_SUCCESS"]),
        ("cancel", vec!["R/1 closed"], 12, ["1 TRADE_CLOSED"]),
    ] {
        let market = Market::open();
        market.due("R", &PRICES);
        market.world.scenario(r#"{"scenario":"renewal.wait"}"#);
        for _ in 0..2 {
            assert_eq!(run(&market.desk, &["--wait", "0"]), (vec!["R/1 waiting".into()], 13));
        }
        market.world.does("POST", &format!("/orders/R_r1/{does}"), "");
        let rows: Vec<String> = rows.into_iter().map(str::to_owned).collect();
        assert_eq!(run(&market.desk, &["--wait", "0"]), (rows, exit));
        assert_eq!(market.charges("R"), charges);
    }
}

#[test]
fn a_year_by_month_to_its_end() {
    let market = Market::open();
    let prices: Vec<i64> = (0..12).map(|n| 1_000 + n).collect();
    market.sold("R", Interval::Month, &prices);
    market.agreed("R", Interval::Month, &prices);
    assert_eq!(run(&market.desk, &[]), (vec![], 0));
    for seq in 1..12 {
        market.to_due("R");
        let dry = run(&market.desk, &["--dry-run"]);
        assert_eq!(dry, (vec![format!("R/{seq} due")], 0));
        assert_eq!(run(&market.desk, &[]), (vec![format!("R/{seq} paid")], 0));
        assert_eq!(run(&market.desk, &[]), (vec![], 0));
    }
    market.world.does("POST", "/advance", r#"{"by":"1y"}"#);
    assert_eq!(run(&market.desk, &[]), (vec![], 0));
    let thread = market.thread("R");
    assert_eq!(thread["state"], "FINISHED");
    let all: Vec<String> = (1..12).map(|seq| format!("{seq} TRADE_SUCCESS")).collect();
    assert_eq!(market.charges("R"), all);
    let done = renew(&market.desk, "R", "12").ends_with(2);
    assert!(done.stderr.contains("1 to 11"), "{done:?}");
}

#[test]
fn seasons_that_were_missed_are_made_up_for_in_one_run() {
    let market = Market::open();
    market.sold("R", Interval::Season, &[900, 901, 902, 903]);
    market.agreed("R", Interval::Season, &[900, 901, 902, 903]);
    market.world.does("POST", "/advance", r#"{"by":"1y"}"#);
    let rows = [1, 2, 3].map(|seq| format!("R/{seq} paid")).to_vec();
    assert_eq!(run(&market.desk, &[]), (rows, 0));
}

#[test]
fn a_limit_and_a_stop_are_kept() {
    let market = Market::open();
    for order in ["A", "B", "C"] {
        market.sold(order, Interval::Month, &PRICES);
        market.agreed(order, Interval::Month, &PRICES);
    }
    market.to_due("C");
    market.desk.run(&["renew", "stop", "B"]).ends_with(0);
    assert_eq!(run(&market.desk, &["--limit", "1"]), (vec!["A/1 paid".into()], 0));
    assert_eq!(run(&market.desk, &[]), (vec!["C/1 paid".into()], 0));
    let done = renew(&market.desk, "B", "1").ends_with(1);
    assert!(done.stderr.contains("renew resume B"), "{done:?}");
    market.desk.run(&["renew", "resume", "B"]).ends_with(0);
    assert_eq!(run(&market.desk, &[]), (vec!["B/1 paid".into()], 0));
    market.desk.run(&["renew", "stop", "X"]).ends_with(1);
}

#[test]
fn no_charge_before_the_one_before_it() {
    let market = Market::open();
    market.due("R", &PRICES);
    market.world.does("POST", "/advance", r#"{"by":"3mo"}"#);
    let done = renew(&market.desk, "R", "2").ends_with(12);
    assert!(done.stderr.contains("renew R --seq 1"), "{done:?}");
    renew(&market.desk, "R", "1").ends_with(0);
    // Given back: a run leaves what follows to a person.
    market.world.does("POST", "/orders/R_r1/refund", "");
    settle(&market, "R_r1", PartnerStatus::TradeClosed);
    assert_eq!(run(&market.desk, &[]), (vec!["R/1 closed".into()], 12));
    renew(&market.desk, "R", "2").ends_with(0);
    assert_eq!(run(&market.desk, &[]), (vec![], 0));
    // And nothing follows a first order that was given back.
    settle(&market, "R", PartnerStatus::TradeClosed);
    renew(&market.desk, "R", "3").ends_with(17);
    renew(&market.desk, "NOBODY", "1").ends_with(1);
}

/// What a notify or a reconciliation would write down.
fn settle(market: &Market, order: &str, status: PartnerStatus) {
    let entry = market.desk.entry(order);
    let answer = PartnerOrder {
        partner_order_no: order.into(),
        alipay_trade_no: "20881234567890123456".into(),
        order_status: status,
        price: entry.price_fen,
        subject: entry.subject,
        subject_id: entry.subject_id.unwrap_or_default(),
        buyer_logon_id: String::new(),
    };
    market.desk.ledger().settle(&entry.order_no, &answer, market.world.now_ms()).unwrap();
}

#[test]
fn a_first_order_that_nobody_has_paid_is_not_followed() {
    let market = Market::open();
    let first = market.world.facts("R");
    market.world.precreate_facts(&first);
    let order = subscription("R", Interval::Month, &[600, 600]);
    market.desk.ledger().register(&order, 1).unwrap();
    assert_eq!(run(&market.desk, &[]), (vec![], 0));
    renew(&market.desk, "R", "1").ends_with(16);
    market.world.does("POST", "/orders/R/cancel", "");
    renew(&market.desk, "R", "1").ends_with(17);
}

#[test]
fn two_runs_at_once_take_each_charge_once() {
    let market = Market::open();
    let orders: Vec<String> = (0..6).map(|n| format!("R{n}")).collect();
    for order in &orders {
        market.sold(order, Interval::Month, &PRICES);
        market.agreed(order, Interval::Month, &PRICES);
    }
    market.world.does("POST", "/advance", r#"{"by":"1y"}"#);
    let mut runs: Vec<_> = (0..3)
        .map(|_| {
            let mut command = market.desk.command(&["renew", "run", "--json"]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let ends: Vec<i32> = runs.iter_mut().map(|run| run.wait().unwrap().code().unwrap()).collect();
    assert!(ends.iter().all(|end| [0, 13].contains(end)) && ends.contains(&0), "{ends:?}");
    assert_eq!(run(&market.desk, &[]), (vec![], 0));
    for order in &orders {
        assert_eq!(market.charges(order), ["1 TRADE_SUCCESS", "2 TRADE_SUCCESS"]);
    }
}

#[test]
fn a_wrong_secret_charges_nothing_and_says_so() {
    let market = Market::open();
    market.due("R", &PRICES);
    let app = &market.world.sandbox.apps[0];
    let desk = Desk::with(
        &market.desk.dir,
        &market.world.sandbox.gateway_url,
        &app.app_key,
        "0123456789abcdef",
    );
    for args in [vec!["renew", "run"], vec!["renew", "R", "--seq", "1"]] {
        let done = desk.run(&args).ends_with(12);
        assert!(done.stderr.contains("app_secret"), "{done:?}");
    }
    assert!(market.charges("R").is_empty());
    assert_eq!(desk.ledger().find(&order_no("R_r1")), Ok(None));
}

#[test]
fn the_table_has_a_row_for_each_charge_and_advice_once() {
    let market = Market::open();
    for order in ["A", "B"] {
        market.due(order, &PRICES);
        market.world.does("PATCH", &format!("/renewals/{order}"), r#"{"pay_fail":true}"#);
    }
    let done = market.desk.run(&["renew", "run", "--lang", "en"]).ends_with(12);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{done:?}");
    assert!(lines[0].starts_with("FIRST ORDER") && lines[1].starts_with("A "), "{done:?}");
    assert!(lines[2].contains("CNY 16.00  refused  RENEWAL_ORDER_PAY_FAIL"), "{done:?}");
    assert_eq!(done.stderr.matches("next:").count(), 1, "{done:?}");
    let idle = market.desk.run(&["renew", "run", "--dry-run", "--lang", "en"]).ends_with(0);
    assert!(idle.stdout.contains("later"), "{idle:?}");
}

#[test]
fn both_manuals_name_every_code_and_outcome() {
    let manuals =
        [include_str!("../../docs/merchant.md"), include_str!("../../docs/merchant.zh-CN.md")];
    let outcomes = [
        Outcome::Paid,
        Outcome::Waiting,
        Outcome::Later,
        Outcome::Unknown,
        Outcome::Refused,
        Outcome::Held,
        Outcome::Closed,
        Outcome::Mismatch,
    ];
    let codes = RenewalCode::ALL.map(RenewalCode::as_str);
    for word in codes.into_iter().chain(outcomes.map(Outcome::name)) {
        for manual in manuals {
            assert!(manual.contains(&format!("| `{word}` |")), "{word}");
        }
    }
}
