//! The receiver of notifies, call by call.

use std::net::IpAddr;
use std::sync::Arc;
use std::thread;

use alitv_pay::core::call::{Doubt, DoubtKind};
use alitv_pay::limits::{
    NOTIFY_ASKS_MAX, NOTIFY_COOL_DOWN_MS, NOTIFY_COOL_DOWN_MS_MAX, NOTIFY_TICK_ASKS_MAX,
    ORDER_ID_BYTES_MAX,
};
use alitv_pay::merchant::ledger::{GrantId, Ledger, LedgerError, OrderState};
use alitv_pay::merchant::notify::{Limits, Outcome, Rate, Receiver, Verdict};
use alitv_pay::merchant::top::QueryOutcome;
use alitv_pay::money::Fen;
use alitv_pay::wire::blocks::{decrypt, encrypt};
use alitv_pay::wire::keys::PrivateKey;
use alitv_pay::wire::notify::form;
use alitv_pay::wire::partner::PartnerOrder;
use serde_json::Value;

use crate::shop::{answer, key, limits, new_order, order_no, vectors, Shop, NOW_MS, PLATFORM};

/// The order of the vectors.
const VECTOR: &str = "1466394000000";

fn doubt() -> QueryOutcome {
    QueryOutcome::InDoubt(Doubt { kind: DoubtKind::Network, detail: "connection reset".into() })
}

#[test]
fn every_vector_is_read_by_either_method_and_spelling() {
    let vectors = vectors();
    for vector in vectors["vectors"].as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap();
        let shop = Shop::limited(text("key"), &[VECTOR], limits());
        shop.platform.says(VECTOR, "TRADE_SUCCESS");
        let plain: Result<Value, _> = serde_json::from_str(text("plaintext"));
        let waits = text("plaintext").contains("WAIT_BUYER_PAY");
        let spellings = ["data_urlencoded", "plus_trap_value", "data_base64"];
        for (n, spelling) in spellings.into_iter().enumerate() {
            let data = format!("data={}", text(spelling));
            let (query, form) = if n % 2 == 0 { (&*data, "a=1") } else { ("a=1", &*data) };
            let verdict = shop.receiver.receive(PLATFORM, query, form, NOW_MS);
            let expected = match (&plain, waits, n) {
                (Err(_), ..) => None,
                (Ok(_), true, _) => Some(Outcome::Unpaid),
                (Ok(_), false, 0) => Some(Outcome::Granted),
                (Ok(_), false, _) => Some(Outcome::AlreadyPaid),
            };
            match expected {
                Some(expected) => assert_eq!(shop.outcome(), expected, "{}", text("name")),
                None => assert!(
                    matches!(shop.outcome(), Outcome::NotANotify(_)),
                    "{}: {:?}",
                    text("name"),
                    shop.outcome()
                ),
            }
            assert_eq!(verdict, shop.outcome().verdict());
        }
        let granted = plain.is_ok() && !waits;
        assert_eq!(shop.grants().len(), usize::from(granted), "{}", text("name"));
        assert_eq!(shop.platform.asked(), usize::from(granted), "{}", text("name"));
    }
}

#[test]
fn no_negative_vector_grants_anything() {
    for vector in vectors()["negative"].as_array().unwrap() {
        let text = |name: &str| vector[name].as_str().unwrap();
        let shop = Shop::limited(text("key"), &[VECTOR], limits());
        let hear = || shop.hear(&form(text("data_base64")), NOW_MS);
        assert_eq!(hear(), Verdict::Fail, "{}", text("name"));
        let outcome = shop.outcome();
        match text("name") {
            "truncated-by-one-byte" | "not-base64" => {
                assert!(matches!(outcome, Outcome::NotEncrypted(_)), "{outcome:?}");
            }
            "empty" => assert!(matches!(outcome, Outcome::NoData(_)), "{outcome:?}"),
            "forged-by-third-party" => {
                assert_eq!(outcome, Outcome::UnknownOrder);
                shop.ledger.register(&new_order("FORGED-1"), NOW_MS).unwrap();
                assert_eq!(hear(), Verdict::Fail);
                // It is well formed, so the platform is asked, and knows of no payment.
                assert_eq!((shop.outcome(), shop.platform.asked()), (Outcome::NotFound, 1));
            }
            name => assert!(
                matches!(outcome, Outcome::NotANotify(_) | Outcome::NotEncrypted(_)),
                "{name}: {outcome:?}"
            ),
        }
        let forged = text("name") == "forged-by-third-party";
        assert_eq!(shop.platform.asked(), usize::from(forged), "{}", text("name"));
        assert_eq!(shop.grants(), [""; 0]);
        assert_eq!(shop.state(VECTOR), OrderState::Open);
    }
}

/// Whatever is wrong, the sender sees one and the same thing, and no state has changed.
#[test]
fn all_failures_look_alike_to_the_sender() {
    let shop = Shop::with(&["A-1"]);
    let whole = shop.notify("A-1", "TRADE_SUCCESS");
    let data = alitv_pay::wire::notify::data_of(&whole, "").unwrap();
    let flipped = form(&data.replacen(&data[5..6], if &data[5..6] == "A" { "B" } else { "A" }, 1));
    let other = PrivateKey::generate(1024).unwrap();
    let plain = decrypt(&key("1024"), &data).unwrap();
    let wrong_key = form(&encrypt(&other.public(), &plain).unwrap());
    let bad_padding = {
        // Below every modulus of 1024 bits with its first bit set, and no text of anybody's.
        let mut block = vec![0x5a; 128];
        block[0] = 0;
        form(&base64(&block))
    };
    let long = format!("data={}", "A".repeat(9_000));
    let cases = [
        String::new(),
        "data=".into(),
        "data=a&data=b".into(),
        long,
        "data=%%%".into(),
        form("AAAA"),
        flipped,
        wrong_key,
        bad_padding,
        shop.sealed("x"),
        shop.sealed("{}"),
        shop.sealed("[1]"),
        shop.sealed(r#"{"partner_order_no":"A-1","order_status":"TRADE_SUCCESS"}"#),
        shop.notify("B-1", "TRADE_SUCCESS"),
        shop.notify("A-1", "WAIT_BUYER_PAY"),
        shop.notify("../A-1", "TRADE_SUCCESS"),
    ];
    for (n, case) in cases.iter().enumerate() {
        let verdict = shop.hear(case, NOW_MS);
        assert_eq!((verdict, verdict.body()), (Verdict::Fail, "fail"), "case {n}");
    }
    assert_eq!(shop.platform.asked(), 0);
    assert_eq!(shop.entry("A-1").hinted_ms, None);
    // What goes on to the platform fails alike, whatever the platform says.
    let troubles = [
        QueryOutcome::NotFound,
        QueryOutcome::Refused { code: "PUBLIC_KEY_NOT_SET".into(), message: String::new() },
        doubt(),
        QueryOutcome::Order(answer("A-1", "WAIT_BUYER_PAY")),
        QueryOutcome::Order(answer("B-1", "TRADE_SUCCESS")),
        QueryOutcome::Limited { wait_s: 3 },
    ];
    let count = troubles.len();
    for (n, trouble) in troubles.into_iter().enumerate() {
        shop.platform.tells("A-1", trouble);
        let verdict = shop.hear(&whole, NOW_MS + n as i64 * NOTIFY_COOL_DOWN_MS);
        assert_eq!((verdict, verdict.body()), (Verdict::Fail, "fail"), "trouble {n}");
    }
    assert_eq!(shop.platform.asked(), count);
    assert_eq!((shop.state("A-1"), shop.grants().len()), (OrderState::Open, 0));
    let stranger = shop.receiver.receive("10.0.0.1".parse().unwrap(), &whole, "", NOW_MS);
    assert_eq!(stranger, Verdict::Fail);
    assert_eq!(Verdict::Success.body(), "success");
}

/// Wrong padding takes the way of a wrong text to its end: the same reading, the same look
/// into the ledger, the same outcome. No error says that a block had no padding.
#[test]
fn a_wrong_padding_is_one_more_wrong_text() {
    let shop = Shop::with(&["A-1"]);
    let mut outcomes = Vec::new();
    for n in 0..=255_u8 {
        // 256 blocks of which at most a few can have a padding by chance.
        let mut block = vec![n; 128];
        block[0] = 0;
        block[1] = n;
        assert_eq!(shop.hear(&form(&base64(&block)), NOW_MS), Verdict::Fail);
        outcomes.push(shop.outcome());
    }
    shop.hear(&shop.sealed("no JSON"), NOW_MS);
    let wrong_text = shop.outcome();
    assert!(matches!(wrong_text, Outcome::NotANotify(_)), "{wrong_text:?}");
    // A block of zeros is no number that RSA can have made, which its sender knows as well.
    let odd = outcomes.iter().filter(|outcome| **outcome != wrong_text).count();
    assert!(odd <= 1, "{odd} of 256: {outcomes:?}");
}

fn base64(bytes: &[u8]) -> String {
    use std::fmt::Write;
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let byte = |n: usize| u32::from(part.get(n).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * n) & 63) as usize] as char;
            let shown = if n <= part.len() { digit } else { '=' };
            write!(text, "{shown}").unwrap();
        }
    }
    text
}

#[test]
fn nothing_that_differs_from_what_was_agreed_is_granted() {
    let good = || answer("A-1", "TRADE_SUCCESS");
    let spoilt: [(&str, PartnerOrder); 4] = [
        ("price", PartnerOrder { price: Fen::new(1).unwrap(), ..good() }),
        ("price", PartnerOrder { price: Fen::new(20_000).unwrap(), ..good() }),
        ("subject", PartnerOrder { subject: "支付人民币1元".into(), ..good() }),
        ("subject_id", PartnerOrder { subject_id: "vip_year".into(), ..good() }),
    ];
    for (field, spoilt) in spoilt {
        let shop = Shop::with(&["A-1"]);
        shop.platform.tells("A-1", QueryOutcome::Order(spoilt));
        let notify = shop.notify("A-1", "TRADE_SUCCESS");
        assert_eq!(shop.hear(&notify, NOW_MS), Verdict::Fail);
        assert_eq!(shop.outcome(), Outcome::Mismatch(field.into()));
        // It stays so, though the platform comes to say something else; nobody asks again.
        shop.platform.says("A-1", "TRADE_SUCCESS");
        let later_ms = NOW_MS + NOTIFY_COOL_DOWN_MS_MAX;
        assert_eq!(shop.hear(&notify, later_ms), Verdict::Fail);
        assert_eq!(shop.receiver.tick(later_ms), 0);
        assert_eq!((shop.grants().len(), shop.platform.asked()), (0, 1));
        assert_eq!(shop.state("A-1"), OrderState::Mismatch);
    }
    let shop = Shop::with(&["A-1"]);
    shop.platform.tells("A-1", QueryOutcome::Order(answer("B-1", "TRADE_SUCCESS")));
    assert_eq!(shop.hear(&shop.notify("A-1", "TRADE_SUCCESS"), NOW_MS), Verdict::Fail);
    assert_eq!((shop.grants().len(), shop.state("A-1")), (0, OrderState::Open));
}

#[test]
fn only_a_paid_order_is_granted_whatever_the_notify_says() {
    let hints = ["TRADE_SUCCESS", "TRADE_CLOSED", "TRADE_FINISHED", "WAIT_BUYER_PAY"];
    let words = ["TRADE_SUCCESS", "TRADE_CLOSED", "WAIT_BUYER_PAY", "TRADE_FINISHED"];
    for hint in hints {
        for word in words {
            let shop = Shop::with(&["A-1"]);
            shop.platform.says("A-1", word);
            let verdict = shop.hear(&shop.notify("A-1", hint), NOW_MS);
            let asks = hint != "WAIT_BUYER_PAY";
            let (state, success) = match word {
                "TRADE_SUCCESS" if asks => (OrderState::Paid, true),
                "TRADE_CLOSED" if asks => (OrderState::Closed, true),
                _ => (OrderState::Open, false),
            };
            assert_eq!(verdict == Verdict::Success, success, "{hint} {word}");
            assert_eq!(shop.state("A-1"), state, "{hint} {word}");
            let granted = state == OrderState::Paid;
            assert_eq!(shop.grants().len(), usize::from(granted), "{hint} {word}");
            assert_eq!(shop.platform.asked(), usize::from(asks), "{hint} {word}");
        }
    }
}

#[test]
fn eight_parallel_copies_grant_once_and_ask_once() {
    for _ in 0..20 {
        let shop = Shop::with(&["A-1"]);
        shop.platform.says("A-1", "TRADE_SUCCESS");
        shop.platform.hold();
        let copies: Vec<_> = (0..8).map(|_| shop.notify("A-1", "TRADE_SUCCESS")).collect();
        thread::scope(|scope| {
            let hear = |copy: &String| shop.hear(copy, NOW_MS);
            let threads: Vec<_> =
                copies.iter().map(|copy| scope.spawn(move || hear(copy))).collect();
            shop.platform.wait_until_asked(1);
            shop.platform.release();
            for thread in threads {
                assert_eq!(thread.join().unwrap(), Verdict::Success);
            }
        });
        assert_eq!((shop.platform.asked(), shop.grants().len()), (1, 1));
        let granted = shop.log().iter().filter(|line| line.ends_with("granted")).count();
        assert_eq!(granted, 1);
    }
}

#[test]
fn a_copy_waits_for_a_bounded_time_and_other_orders_do_not_wait_for_it() {
    let impatient = Limits { wait_ms: 1, ..limits() };
    let shop = Shop::limited("1024", &["A-1", "B-1"], impatient);
    shop.platform.says("A-1", "TRADE_SUCCESS");
    shop.platform.hold();
    let (a, b) = (shop.notify("A-1", "TRADE_SUCCESS"), shop.notify("B-1", "TRADE_SUCCESS"));
    thread::scope(|scope| {
        let first = scope.spawn(|| shop.hear(&a, NOW_MS));
        shop.platform.wait_until_asked(1);
        assert_eq!(shop.hear(&a, NOW_MS), Verdict::Fail);
        assert_eq!(shop.outcome(), Outcome::Busy);
        let other = scope.spawn(|| shop.hear(&b, NOW_MS));
        shop.platform.wait_until_asked(2);
        shop.platform.release();
        assert_eq!(first.join().unwrap(), Verdict::Success);
        assert_eq!(other.join().unwrap(), Verdict::Fail);
    });
    assert_eq!(shop.entry("A-1").hinted_ms, None, "what waited is settled");
}

#[test]
fn questions_at_once_are_bounded_and_the_rest_waits() {
    let numbers: Vec<String> = (0..=NOTIFY_ASKS_MAX).map(|n| format!("A-{n}")).collect();
    let numbers: Vec<&str> = numbers.iter().map(String::as_str).collect();
    let shop = Shop::with(&numbers);
    for no in &numbers {
        shop.platform.says(no, "TRADE_SUCCESS");
    }
    shop.platform.hold();
    let (last, first) = numbers.split_last().unwrap();
    thread::scope(|scope| {
        for no in first {
            scope.spawn(|| shop.hear(&shop.notify(no, "TRADE_SUCCESS"), NOW_MS));
        }
        shop.platform.wait_until_asked(NOTIFY_ASKS_MAX);
        assert_eq!(shop.hear(&shop.notify(last, "TRADE_SUCCESS"), NOW_MS), Verdict::Fail);
        assert_eq!(shop.outcome(), Outcome::Busy);
        shop.platform.release();
    });
    assert_eq!(shop.grants().len(), NOTIFY_ASKS_MAX);
    assert_eq!(shop.receiver.tick(NOW_MS + 1), 1, "it was never asked about");
    assert_eq!(shop.grants().len(), NOTIFY_ASKS_MAX + 1);
}

#[test]
fn a_refund_is_learned_without_the_goods_being_granted_again() {
    let shop = Shop::with(&["A-1"]);
    shop.platform.says("A-1", "TRADE_SUCCESS");
    shop.hear(&shop.notify("A-1", "TRADE_SUCCESS"), NOW_MS);
    assert_eq!(shop.grants(), ["A-1"]);
    shop.ledger.delivered(&GrantId::of(&order_no("A-1")), NOW_MS).unwrap();
    // The platform tells of the refund: final before, so nobody is asked; a look tells.
    shop.platform.says("A-1", "TRADE_CLOSED");
    let later_ms = NOW_MS + NOTIFY_COOL_DOWN_MS_MAX;
    assert_eq!(shop.hear(&shop.notify("A-1", "TRADE_CLOSED"), later_ms), Verdict::Success);
    assert_eq!((shop.platform.asked(), shop.state("A-1")), (1, OrderState::Paid));
    shop.ledger.settle(&order_no("A-1"), &answer("A-1", "TRADE_CLOSED"), later_ms).unwrap();
    assert!(shop.entry("A-1").is_refunded());
    for word in ["TRADE_SUCCESS", "TRADE_CLOSED"] {
        assert_eq!(shop.hear(&shop.notify("A-1", word), later_ms), Verdict::Success);
    }
    assert_eq!((shop.platform.asked(), shop.grants().len()), (1, 0));
}

#[test]
fn a_question_in_doubt_is_asked_again_by_a_tick() {
    let shop = Shop::with(&["A-1"]);
    let notify = shop.notify("A-1", "TRADE_SUCCESS");
    shop.platform.tells("A-1", doubt());
    assert_eq!(shop.hear(&notify, NOW_MS), Verdict::Fail);
    assert_eq!(shop.receiver.tick(NOW_MS + NOTIFY_COOL_DOWN_MS), 1);
    assert_eq!(shop.state("A-1"), OrderState::Open, "unknown is not failed");
    shop.platform.says("A-1", "TRADE_SUCCESS");
    assert_eq!(shop.receiver.tick(NOW_MS + 2 * NOTIFY_COOL_DOWN_MS), 1);
    assert_eq!(shop.grants(), ["A-1"]);
    assert_eq!(shop.receiver.tick(NOW_MS + 9 * NOTIFY_COOL_DOWN_MS), 0, "nothing waits");
    assert_eq!(shop.hear(&notify, NOW_MS + 9 * NOTIFY_COOL_DOWN_MS), Verdict::Success);
    assert_eq!(shop.platform.asked(), 3);
}

/// A process that dies while it asks has written down that it would.
#[test]
fn what_waits_waits_for_the_next_process_too() {
    let shop = Shop::with(&["A-1"]);
    shop.platform.tells("A-1", doubt());
    shop.hear(&shop.notify("A-1", "TRADE_SUCCESS"), NOW_MS);
    assert_eq!(shop.entry("A-1").asked_ms, Some(NOW_MS));
    shop.platform.says("A-1", "TRADE_SUCCESS");
    let ledger = Arc::new(Ledger::open(&shop.path()).unwrap());
    let next = Receiver::new(key("1024"), ledger, shop.platform.clone(), limits());
    let soon = next.receive(PLATFORM, &shop.notify("A-1", "TRADE_SUCCESS"), "", NOW_MS + 1);
    assert_eq!((soon, shop.platform.asked()), (Verdict::Fail, 1));
    assert_eq!(next.tick(NOW_MS + NOTIFY_COOL_DOWN_MS), 1);
    assert_eq!(shop.grants(), ["A-1"]);
}

#[test]
fn nobody_has_paid_is_an_answer_and_the_next_notify_is_asked_about_after_a_pause() {
    let shop = Shop::with(&["A-1"]);
    let notify = shop.notify("A-1", "TRADE_SUCCESS");
    for said in [QueryOutcome::NotFound, QueryOutcome::Order(answer("A-1", "WAIT_BUYER_PAY"))] {
        shop.platform.tells("A-1", said);
        assert_eq!(shop.hear(&notify, NOW_MS), Verdict::Fail);
        assert_eq!(shop.entry("A-1").hinted_ms, None);
        shop.ledger.asked(&order_no("A-1"), NOW_MS - NOTIFY_COOL_DOWN_MS).unwrap();
    }
    assert_eq!(shop.receiver.tick(NOW_MS + NOTIFY_COOL_DOWN_MS_MAX), 0);
    assert_eq!(shop.platform.asked(), 2);
}

#[test]
fn an_order_that_waits_long_is_asked_about_less_often() {
    let shop = Shop::with(&["A-1"]);
    shop.platform.says("A-1", "WAIT_BUYER_PAY");
    let notify = shop.notify("A-1", "TRADE_SUCCESS");
    let mut asked_at = Vec::new();
    for s in 0..24 * 3_600 / 5 {
        let before = shop.platform.asked();
        let now_ms = NOW_MS + s * 5_000;
        // Reading the notify is no part of this: `tick` asks as often as a notify would.
        shop.ledger.hint(&order_no("A-1"), now_ms).unwrap();
        shop.receiver.tick(now_ms);
        asked_at.extend((shop.platform.asked() > before).then_some(now_ms - NOW_MS));
    }
    assert!((100..=200).contains(&asked_at.len()), "{} questions in a day", asked_at.len());
    let pauses: Vec<i64> = asked_at.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses[0], NOTIFY_COOL_DOWN_MS);
    assert!(pauses.is_sorted());
    assert_eq!(*pauses.last().unwrap(), NOTIFY_COOL_DOWN_MS_MAX);
    assert_eq!(shop.hear(&notify, NOW_MS + 24 * 3_600_000), Verdict::Fail);
    assert_eq!(shop.outcome(), Outcome::CoolDown);
}

#[test]
fn a_platform_that_wants_no_questions_gets_none_for_as_long() {
    let shop = Shop::with(&["A-1", "B-1", "C-1"]);
    shop.platform.tells("A-1", QueryOutcome::Limited { wait_s: 60 });
    for no in ["B-1", "C-1"] {
        shop.platform.says(no, "TRADE_SUCCESS");
    }
    shop.hear(&shop.notify("A-1", "TRADE_SUCCESS"), NOW_MS);
    let b = shop.notify("B-1", "TRADE_SUCCESS");
    assert_eq!(shop.hear(&b, NOW_MS + 59_999), Verdict::Fail);
    assert_eq!(shop.outcome(), Outcome::Limited);
    assert_eq!(shop.receiver.tick(NOW_MS + 59_999), 0);
    assert_eq!(shop.platform.asked(), 1);
    shop.platform.says("A-1", "TRADE_SUCCESS");
    assert_eq!(shop.receiver.tick(NOW_MS + 60_000), 2);
    assert_eq!(shop.grants().len(), 2);
    // A clock that was set back is no reason to wait for a year.
    shop.platform.tells("C-1", QueryOutcome::Limited { wait_s: 60 });
    let c = shop.notify("C-1", "TRADE_SUCCESS");
    let ahead_ms = NOW_MS + 366 * 86_400_000;
    shop.hear(&c, ahead_ms);
    shop.platform.says("C-1", "TRADE_SUCCESS");
    assert_eq!(shop.hear(&c, NOW_MS), Verdict::Success);
}

#[test]
fn a_tick_ends_and_the_next_one_goes_on() {
    let numbers: Vec<String> = (0..NOTIFY_TICK_ASKS_MAX + 3).map(|n| format!("A-{n}")).collect();
    let shop = Shop::with(&numbers.iter().map(String::as_str).collect::<Vec<_>>());
    for no in &numbers {
        shop.platform.tells(no, doubt());
        shop.ledger.hint(&order_no(no), NOW_MS).unwrap();
    }
    assert_eq!(shop.receiver.tick(NOW_MS), NOTIFY_TICK_ASKS_MAX);
    assert_eq!(shop.receiver.tick(NOW_MS), 3);
    assert_eq!(shop.receiver.tick(NOW_MS), 0);
    assert_eq!(shop.receiver.tick(NOW_MS + NOTIFY_COOL_DOWN_MS), NOTIFY_TICK_ASKS_MAX);
}

#[test]
fn only_sources_of_the_list_are_heard() {
    let allow = vec!["203.0.113.0/24".parse().unwrap(), "2001:db8::/32".parse().unwrap()];
    let shop = Shop::limited("1024", &["A-1"], Limits { allow, ..limits() });
    shop.platform.says("A-1", "TRADE_SUCCESS");
    let notify = shop.notify("A-1", "TRADE_SUCCESS");
    let from = |text: &str| {
        let source: IpAddr = text.parse().unwrap();
        shop.receiver.receive(source, &notify, "", NOW_MS)
    };
    for source in ["127.0.0.1", "203.0.114.1", "2001:db9::1", "::ffff:203.0.114.1"] {
        assert_eq!(from(source), Verdict::Fail, "{source}");
        assert_eq!(shop.outcome(), Outcome::NotAllowed);
    }
    assert_eq!(shop.platform.asked(), 0);
    for source in ["203.0.113.9", "::ffff:203.0.113.9", "2001:db8::1"] {
        assert_eq!(from(source), Verdict::Success, "{source}");
    }
    assert!(shop.log()[4].starts_with("notify from 203.0.113.9, order \"A-1\": paid"));
}

#[test]
fn a_source_that_calls_too_often_is_refused_before_anything_is_decrypted() {
    let rate = Rate { per_s: 10, burst: 5 };
    let shop = Shop::limited("1024", &["A-1"], Limits { rate, ..limits() });
    shop.platform.says("A-1", "TRADE_SUCCESS");
    let notify = shop.notify("A-1", "TRADE_SUCCESS");
    for _ in 0..5 {
        shop.hear("data=%%%", NOW_MS);
        assert!(matches!(shop.outcome(), Outcome::NotEncrypted(_)));
    }
    for _ in 0..100 {
        assert_eq!(shop.hear(&notify, NOW_MS), Verdict::Fail);
        assert_eq!(shop.outcome(), Outcome::TooFast);
    }
    assert_eq!(shop.platform.asked(), 0);
    let other = shop.receiver.receive("127.0.0.2".parse().unwrap(), &notify, "", NOW_MS);
    assert_eq!(other, Verdict::Success);
    assert_eq!(shop.hear(&notify, NOW_MS + 100), Verdict::Success);
}

#[test]
fn a_line_of_the_log_is_one_line_and_has_no_secret() {
    let shop = Shop::with(&["A-1"]);
    shop.platform.says("A-1", "WAIT_BUYER_PAY");
    let odd = "A\n2016 INFO granted\u{1b}[31m\u{202e}";
    let whole = shop.notify("A-1", "TRADE_SUCCESS");
    let too_long = "x".repeat(ORDER_ID_BYTES_MAX + 1);
    for query in [shop.notify(odd, "TRADE_SUCCESS"), shop.notify(&too_long, "x"), whole.clone()] {
        shop.hear(&query, NOW_MS);
    }
    for line in shop.log() {
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
        assert!(line.starts_with("notify from 127.0.0.1"), "{line}");
        for secret in [&whole["data=".len()..], "138****0000", "2016062021001004340200123456"] {
            assert!(!line.contains(secret), "{line}");
        }
        assert!(!line.contains(&too_long), "{line}");
    }
    assert!(shop.log()[0].contains("no such order was registered"), "{}", shop.log()[0]);
    assert!(shop.log()[2].ends_with("order \"A-1\": nobody has paid"), "{}", shop.log()[2]);
}

#[test]
fn success_is_not_said_when_the_ledger_cannot_take_it() {
    let shop = Shop::with(&["A-1"]);
    shop.platform.says("A-1", "TRADE_SUCCESS");
    let notify = shop.notify("A-1", "TRADE_SUCCESS");
    // Somebody takes the tables away: each write fails, each reading too.
    let other = rusqlite::Connection::open(shop.path()).unwrap();
    other.execute_batch("ALTER TABLE grants RENAME TO taken").unwrap();
    assert_eq!(shop.hear(&notify, NOW_MS), Verdict::Fail);
    assert!(matches!(shop.outcome(), Outcome::Ledger(_)));
    assert_eq!((shop.platform.asked(), shop.receiver.tick(NOW_MS)), (0, 0));
    other.execute_batch("ALTER TABLE taken RENAME TO grants").unwrap();
    // Only the grant cannot be written: the answer is there, the promise is not.
    other
        .execute_batch(
            "CREATE TRIGGER full BEFORE INSERT ON grants BEGIN SELECT RAISE(ABORT, 'full'); END",
        )
        .unwrap();
    assert_eq!(shop.hear(&notify, NOW_MS), Verdict::Fail);
    assert!(matches!(shop.outcome(), Outcome::Ledger(LedgerError::Damaged(_))));
    assert_eq!((shop.platform.asked(), shop.state("A-1")), (1, OrderState::Open));
    other.execute_batch("DROP TRIGGER full").unwrap();
    assert_eq!(shop.receiver.tick(NOW_MS + NOTIFY_COOL_DOWN_MS), 1);
    assert_eq!(shop.grants(), ["A-1"]);
    assert_eq!(shop.ledger.register(&new_order("B-1"), NOW_MS).map(|_| ()), Ok(()));
}

#[test]
fn keys_of_every_size_are_taken() {
    for bits in [1024, 1032, 2048, 3072, 4096] {
        // Making keys of the larger sizes takes long; openssl made those of the vectors.
        let key = match bits {
            1024 | 2048 => key(&bits.to_string()),
            bits => PrivateKey::generate(bits).unwrap(),
        };
        let shop = Shop::with(&["A-1"]);
        shop.platform.says("A-1", "TRADE_SUCCESS");
        let data = decrypt(
            &crate::shop::key("1024"),
            &alitv_pay::wire::notify::data_of(&shop.notify("A-1", "TRADE_SUCCESS"), "").unwrap(),
        )
        .unwrap();
        let query = form(&encrypt(&key.public(), &data).unwrap());
        let receiver = Receiver::new(key, shop.ledger.clone(), shop.platform.clone(), limits());
        assert_eq!(receiver.receive(PLATFORM, &query, "", NOW_MS), Verdict::Success, "{bits}");
    }
}
