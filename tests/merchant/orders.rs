//! `orders add`, `import`, `ledger` and `accept`.

use std::fs;
use std::io::Write;
use std::process::Stdio;

use alitv_pay::core::facts::OrderId;
use alitv_pay::merchant::ledger::Settled;
use alitv_pay::money::Fen;
use alitv_pay::wire::partner::{PartnerOrder, PartnerStatus};

use crate::desk::Desk;
use crate::run::{run, Done};

const ADD: [&str; 7] = ["orders", "add", "T1", "--amount", "600", "--title", "60 gems"];

#[test]
fn an_order_is_written_down_once_and_never_changed() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::alone(dir.path());
    assert_eq!(desk.run(&ADD).ends_with(0).stdout, "T1  CNY 6.00  registered\n");
    assert_eq!(desk.run(&ADD).ends_with(0).stdout, "T1  CNY 6.00  known\n");
    let json = [&ADD[..], &["--json"]].concat();
    assert_eq!(desk.run(&json).ends_with(0).json()[0]["new"], false);
    let mut dearer = ADD;
    dearer[4] = "601";
    let done = desk.run(&dearer).ends_with(1);
    assert!(done.stderr.contains("price_fen") && done.stderr.contains(" next: "), "{done:?}");
    assert_eq!(desk.entry("T1").price_fen.get(), 600);
}

#[test]
fn a_subscription_is_written_down_with_all_its_prices() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::alone(dir.path());
    let add = "orders add S1 --amount 100 --title Pass --interval month --prices 100,100,200 \
               --plan Monthly --notify https://shop.example/n";
    let words: Vec<&str> = add.split_whitespace().collect();
    desk.run(&words).ends_with(0);
    let plan = desk.entry("S1").plan.unwrap();
    assert_eq!(plan.prices_fen.iter().map(|fen| fen.get()).collect::<Vec<_>>(), [100, 100, 200]);
    let shown = desk.run(&["orders", "ledger", "S1"]).ends_with(0).stdout;
    assert!(
        shown.contains("Monthly, by month, 100,100,200 fen, https://shop.example/n"),
        "{shown}"
    );
    for (from, to) in [
        ("--plan Monthly", ""),
        ("100,100,200", "200,100"),
        ("month", "week"),
        ("--interval month", ""),
    ] {
        let bad = add.replacen(from, to, 1).replace("S1", "S2");
        desk.run(&bad.split_whitespace().collect::<Vec<_>>()).ends_with(2);
    }
    assert_eq!(desk.run(&["orders", "ledger", "S2"]).ends_with(1).stdout, "");
}

fn import(desk: &Desk, text: &str) -> Done {
    let mut child = desk
        .command(&["orders", "import", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_file_is_imported_whole_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::alone(dir.path());
    let line = |no: &str, fen: &str| {
        format!("{{\"order_no\":\"{no}\",\"price_fen\":{fen},\"subject\":\"x\"}}\n")
    };
    let bad = line("T1", "1") + &line("T2", "\"1\"") + &line("T 3", "1");
    let done = import(&desk, &bad).ends_with(2);
    assert!(done.stderr.contains("line 2: price_fen"), "{done:?}");
    assert!(done.stderr.contains("line 3: order_no"), "{done:?}");
    assert!(done.stderr.contains("nothing was imported"), "{done:?}");
    let none = desk.run(&["orders", "ledger", "--json"]).ends_with(0);
    assert_eq!(none.json()[0]["orders"].as_array().unwrap().len(), 0);
    let good = line("T1", "1") + &line("T2", "2");
    assert_eq!(import(&desk, &good).ends_with(0).stdout, "2 registered, 0 known\n");
    fs::write(dir.path().join("more"), good + &line("T3", "3")).unwrap();
    let done = desk.run(&["orders", "import", "more"]).ends_with(0);
    assert_eq!(done.stdout, "1 registered, 2 known\n");
    desk.run(&["orders", "import", "nowhere"]).ends_with(1);
}

fn settle(desk: &Desk, order_no: &str, price: i64) -> Settled {
    let answer = PartnerOrder {
        partner_order_no: order_no.into(),
        alipay_trade_no: "2016062021001004340200123456".into(),
        order_status: PartnerStatus::TradeSuccess,
        price: Fen::new(price).unwrap(),
        subject: "60 gems".into(),
        subject_id: String::new(),
        buyer_logon_id: "138****0000".into(),
    };
    let order_no = OrderId::new(order_no).unwrap();
    desk.ledger().settle(&order_no, &answer, 1_466_395_200_000).unwrap()
}

#[test]
fn a_person_sees_what_is_not_as_agreed_and_may_accept_it() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::alone(dir.path());
    desk.run(&ADD).ends_with(0);
    assert_eq!(settle(&desk, "T1", 1), Settled::Mismatch { field: "price" });
    let shown = desk.run(&["orders", "ledger", "--which", "mismatch"]).ends_with(0).stdout;
    assert!(shown.lines().nth(1).unwrap().starts_with("T1"), "{shown}");
    let shown = desk.run(&["orders", "ledger", "T1"]).ends_with(0).stdout;
    assert!(shown.contains("agreed CNY 6.00, paid CNY 0.01"), "{shown}");
    assert_eq!(desk.run(&["orders", "accept", "T1"]).ends_with(0).stdout, "T1  grant-T1\n");
    desk.run(&["orders", "accept", "T1"]).ends_with(1);
    let owed = desk.run(&["orders", "ledger", "--which", "ungranted", "--json"]).ends_with(0);
    assert_eq!(owed.json()[0]["orders"][0]["order_no"], "T1");
}

#[test]
fn a_long_ledger_comes_in_pages() {
    let dir = tempfile::tempdir().unwrap();
    let desk = Desk::alone(dir.path());
    let lines = (1..=5).map(|n| format!(r#"{{"order_no":"T{n}","price_fen":1,"subject":"x"}}"#));
    import(&desk, &lines.collect::<Vec<_>>().join("\n")).ends_with(0);
    let page = |args: &[&str]| {
        let args = [&["orders", "ledger", "--json", "--limit", "2"], args].concat();
        let page = desk.run(&args).ends_with(0).json().remove(0);
        let orders = page["orders"].as_array().unwrap().iter();
        let names: Vec<String> =
            orders.map(|entry| entry["order_no"].as_str().unwrap().to_owned()).collect();
        (names.join(" "), page["more"].as_bool().unwrap())
    };
    assert_eq!(page(&[]), ("T5 T4".into(), true));
    assert_eq!(page(&["--before", "T4"]), ("T3 T2".into(), true));
    assert_eq!(page(&["--before", "T2"]), ("T1".into(), false));
}

#[test]
fn without_a_file_the_reader_is_told_how_to_get_one() {
    let args = [&ADD[..], &["--config", "/nowhere/merchant.toml"]].concat();
    let done = run(&args).ends_with(1);
    assert!(done.stderr.contains("--merchant-config"), "{done:?}");
}
