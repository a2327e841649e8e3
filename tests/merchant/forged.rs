//! An attacker who holds the public key (reference/reliability.md H7).

use std::sync::atomic::{AtomicUsize, Ordering};

use alitv_pay::limits::NOTIFY_COOL_DOWN_MS;
use alitv_pay::merchant::ledger::OrderState;
use alitv_pay::merchant::notify::Verdict;
use alitv_pay::money::Fen;

use serde_json::json;

use crate::shop::{answer, order_no, Shop, NOW_MS};

const FORGED: usize = 10_000;
/// Between two of them: more than a quarter of an hour in all.
const PACE_MS: i64 = 100;

/// Runs `call(n)` for each n, some at a time, in an order that hardly differs from theirs.
fn in_parallel(calls: usize, call: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| loop {
                match next.fetch_add(1, Ordering::Relaxed) {
                    n if n < calls => call(n),
                    _ => return,
                }
            });
        }
    });
}

/// A shop with an order in each state.
fn shop() -> Shop {
    let shop = Shop::with(&["OPEN", "PAID", "CLOSED", "MISMATCH", "HELD"]);
    for (no, word) in [("PAID", "TRADE_SUCCESS"), ("CLOSED", "TRADE_CLOSED")] {
        shop.ledger.settle(&order_no(no), &answer(no, word), NOW_MS).unwrap();
    }
    let mut cheap = answer("MISMATCH", "TRADE_SUCCESS");
    cheap.price = Fen::new(1).unwrap();
    shop.ledger.settle(&order_no("MISMATCH"), &cheap, NOW_MS).unwrap();
    shop.ledger.hold(&order_no("HELD"), "set aside").unwrap();
    for no in ["OPEN", "HELD"] {
        shop.platform.says(no, "WAIT_BUYER_PAY");
    }
    shop
}

#[test]
fn ten_thousand_forgeries_grant_nothing_and_ask_only_as_often_as_the_pause_allows() {
    let shop = shop();
    let granted = shop.grants();
    let words = ["TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_FINISHED", "WAIT_BUYER_PAY"];
    let one = |n: usize| {
        let word = words[n / 8 % 4];
        let (no, success) = match n % 8 {
            0 => ("OPEN".to_owned(), false),
            1 => ("HELD".to_owned(), false),
            2 => ("PAID".to_owned(), true),
            3 => ("CLOSED".to_owned(), true),
            4 => ("MISMATCH".to_owned(), false),
            5 => (format!("OPEN'; DELETE FROM orders; -- {n}"), false),
            _ => (format!("F-{}", n.wrapping_mul(2_654_435_761)), false),
        };
        let now_ms = NOW_MS + n as i64 * PACE_MS;
        // The oldest form has three members, and takes one block.
        let notify = json!({"partner_order_no": no, "alipay_trade_no": "", "order_status": word});
        let verdict = shop.hear(&shop.sealed(&notify.to_string()), now_ms);
        assert_eq!(verdict == Verdict::Success, success, "{no} {word}");
    };
    in_parallel(FORGED, one);
    assert_eq!(shop.log().len(), FORGED, "a line a call");

    assert_eq!(shop.grants(), granted);
    assert_eq!(shop.state("OPEN"), OrderState::Open);
    assert_eq!(shop.state("HELD"), OrderState::Held);
    assert_eq!(shop.state("CLOSED"), OrderState::Closed);
    assert_eq!(shop.state("MISMATCH"), OrderState::Mismatch);
    // Of eight forgeries one each was about two orders that may be asked about.
    let most = 2 * (1 + FORGED as i64 * PACE_MS / NOTIFY_COOL_DOWN_MS);
    let asked = shop.platform.asked() as i64;
    println!("{asked} questions; at most {most}");
    assert!((2..=most).contains(&asked), "{asked} questions");
}

#[test]
fn a_forgery_for_an_order_nobody_registered_asks_nobody() {
    let shop = shop();
    // The platform has an order of that number, paid, but it was not made by this shop.
    shop.platform.says("F-1", "TRADE_SUCCESS");
    for no in ["F-1", "PAID", "CLOSED", "MISMATCH", "open", "OPEN ", " OPEN", "OPEN\0", "-"] {
        shop.hear(&shop.notify(no, "TRADE_SUCCESS"), NOW_MS);
    }
    assert_eq!(shop.platform.asked(), 0);
}

#[test]
fn a_forgery_for_an_open_order_delays_the_goods_but_not_beyond_a_pause() {
    let shop = shop();
    shop.hear(&shop.notify("OPEN", "TRADE_SUCCESS"), NOW_MS);
    assert_eq!(shop.platform.asked(), 1);
    shop.platform.says("OPEN", "TRADE_SUCCESS");
    let genuine = shop.notify("OPEN", "TRADE_SUCCESS");
    assert_eq!(shop.hear(&genuine, NOW_MS + 1_000), Verdict::Fail);
    assert_eq!(shop.receiver.tick(NOW_MS + NOTIFY_COOL_DOWN_MS - 1), 0);
    assert_eq!(shop.receiver.tick(NOW_MS + NOTIFY_COOL_DOWN_MS), 1);
    assert_eq!(shop.state("OPEN"), OrderState::Paid);
    assert_eq!(shop.hear(&genuine, NOW_MS + 20_000), Verdict::Success);
    assert_eq!(shop.platform.asked(), 2);
}
