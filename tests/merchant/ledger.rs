//! The ledger against a plain model of it, and shared by processes.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use alitv_pay::limits::NOTIFY_COOL_DOWN_MS;
use alitv_pay::merchant::ledger::{
    Filter, GrantId, GrantState, Ledger, LedgerError, NewOrder, OrderState, Registered, Settled,
    Which,
};
use alitv_pay::merchant::notify::{Outcome, Receiver, Verdict};
use alitv_pay::money::Fen;
use alitv_pay::wire::blocks::encrypt;
use alitv_pay::wire::notify::form;
use alitv_pay::wire::partner::PartnerOrder;
use proptest::prelude::*;

use crate::shop::{answer, key, limits, new_order, order_no, FakePlatform, NOW_MS, PLATFORM};

const NUMBERS: [&str; 4] = ["A", "B", "C", "D"];

#[derive(Clone, Debug)]
enum Op {
    Register { cheap: bool },
    Settle { word: &'static str, cheap: bool, trade: bool },
    Hold,
    Release,
    Accept,
    Hint,
    Ask,
    Deliver,
    Postpone,
    Reopen,
}

fn ops() -> impl Strategy<Value = (usize, Op)> {
    let words = prop::sample::select(vec!["TRADE_SUCCESS", "TRADE_CLOSED", "WAIT_BUYER_PAY"]);
    let rare = prop::bool::weighted(0.2);
    let settle = (words, rare, any::<bool>()).prop_map(|(word, cheap, trade)| Op::Settle {
        word,
        cheap,
        trade,
    });
    let op = prop_oneof![
        4 => prop::bool::weighted(0.2).prop_map(|cheap| Op::Register { cheap }),
        8 => settle,
        1 => Just(Op::Hold),
        1 => Just(Op::Release),
        1 => Just(Op::Accept),
        1 => Just(Op::Hint),
        1 => Just(Op::Ask),
        3 => Just(Op::Deliver),
        2 => Just(Op::Postpone),
        1 => Just(Op::Reopen),
    ];
    (0..NUMBERS.len(), op)
}

/// What the manual of the ledger says, without a file.
#[derive(Clone, Debug)]
struct Plain {
    cheap: bool,
    state: OrderState,
    /// Somebody paid at some time.
    paid: bool,
    grant: Option<GrantState>,
    waits: bool,
}

fn sold(number: &str, cheap: bool) -> NewOrder {
    let price_fen = Fen::new(if cheap { 1 } else { 200 }).unwrap();
    NewOrder { price_fen, ..new_order(number) }
}

fn told(number: &str, word: &str, cheap: bool, trade: bool) -> PartnerOrder {
    let mut told = answer(number, word);
    told.price = sold(number, cheap).price_fen;
    if !trade {
        told.alipay_trade_no = String::new();
    }
    told
}

impl Plain {
    /// What an answer means, in words of its own.
    fn settle(&mut self, number: &str, word: &str, cheap: bool, trade: bool) -> Settled {
        use OrderState::{Closed, Held, Mismatch, Open, Paid};
        self.waits = false;
        let mismatch = |field| Settled::Mismatch { field };
        match (self.state, word) {
            (Open | Held, "TRADE_SUCCESS") if cheap == self.cheap => {
                (self.state, self.paid) = (Paid, true);
                self.grant = Some(GrantState::Due { tries: 0, due_ms: 0 });
                Settled::Granted(GrantId::of(&order_no(number)))
            }
            (Open | Held, "TRADE_SUCCESS") => {
                (self.state, self.paid) = (Mismatch, true);
                mismatch("price")
            }
            (Closed, "TRADE_SUCCESS") if !self.paid => {
                (self.state, self.paid) = (Mismatch, true);
                mismatch("order_status")
            }
            (_, "TRADE_CLOSED") => {
                self.paid |= trade && self.state != Closed;
                self.state = Closed;
                Settled::Closed
            }
            (Open | Held, _) => Settled::Waiting,
            (Paid, _) => Settled::Already,
            (Closed, _) => Settled::Closed,
            (Mismatch, _) => mismatch("order_status"),
        }
    }
}

type Model = BTreeMap<usize, Plain>;

/// One call of both; their answers must agree.
fn step(ledger: &Ledger, model: &mut Model, at: usize, op: &Op, now_ms: i64) {
    use OrderState::{Held, Mismatch, Open};
    let number = NUMBERS[at];
    let id = order_no(number);
    let unknown = || LedgerError::Unknown(id.clone());
    let known = model.get_mut(&at);
    match op {
        Op::Register { cheap } => {
            let expected = match known {
                None => Ok(Registered::New),
                Some(plain) if plain.cheap == *cheap => Ok(Registered::Known),
                Some(_) => Err(LedgerError::Conflict { field: "price_fen" }),
            };
            assert_eq!(ledger.register(&sold(number, *cheap), now_ms), expected);
            let (cheap, state) = (*cheap, Open);
            let new = Plain { cheap, state, paid: false, grant: None, waits: false };
            model.entry(at).or_insert(new);
        }
        Op::Settle { word, cheap, trade } => {
            let expected = match known {
                None => Settled::Unknown,
                Some(plain) => plain.settle(number, word, *cheap, *trade),
            };
            let told = told(number, word, *cheap, *trade);
            assert_eq!(ledger.settle(&id, &told, now_ms), Ok(expected));
        }
        Op::Hold | Op::Release => {
            let open = known.filter(|plain| matches!(plain.state, Open | Held));
            let expected = if open.is_some() { Ok(()) } else { Err(unknown()) };
            let hold = matches!(op, Op::Hold);
            let done = if hold { ledger.hold(&id, "x") } else { ledger.release(&id) };
            assert_eq!(done, expected);
            if let Some(plain) = open {
                plain.state = if hold { Held } else { Open };
            }
        }
        Op::Accept => {
            let found = known.filter(|plain| plain.state == Mismatch);
            let expected = if found.is_some() { Ok(GrantId::of(&id)) } else { Err(unknown()) };
            assert_eq!(ledger.accept(&id, now_ms), expected);
            if let Some(plain) = found {
                plain.state = OrderState::Paid;
                plain.grant = Some(GrantState::Due { tries: 0, due_ms: 0 });
            }
        }
        Op::Hint => {
            ledger.hint(&id, now_ms).unwrap();
            if let Some(plain) = known {
                plain.waits |= matches!(plain.state, Open | Held);
            }
        }
        Op::Ask => {
            let open = known.filter(|plain| matches!(plain.state, Open | Held));
            assert_eq!(ledger.try_ask(&id, 0, now_ms), Ok(open.is_some()));
            if let Some(plain) = open {
                plain.waits = true;
            }
        }
        Op::Deliver => {
            let grant = known.and_then(|plain| plain.grant.as_mut());
            let expected = match &grant {
                None => Err(unknown()),
                Some(grant) => Ok(matches!(grant, GrantState::Due { .. })),
            };
            assert_eq!(ledger.delivered(&GrantId::of(&id), now_ms), expected);
            if let Some(grant @ GrantState::Due { .. }) = grant {
                *grant = GrantState::Delivered { delivered_ms: now_ms };
            }
        }
        Op::Postpone => {
            let due = known.and_then(|plain| plain.grant.as_mut());
            let done = ledger.postpone(&GrantId::of(&id), now_ms + 3, "x");
            match due {
                Some(GrantState::Due { tries, due_ms }) => {
                    (*tries, *due_ms) = (*tries + 1, now_ms + 3);
                    assert_eq!(done, Ok(()));
                }
                _ => assert_eq!(done, Err(unknown())),
            }
        }
        Op::Reopen => {}
    }
}

/// All that both can say, side by side.
fn compare(ledger: &Ledger, model: &Model, now_ms: i64) {
    for (at, number) in NUMBERS.iter().enumerate() {
        let entry = ledger.find(&order_no(number)).unwrap();
        let plain = model.get(&at);
        assert_eq!(entry.is_some(), plain.is_some());
        let (Some(entry), Some(plain)) = (entry, plain) else { continue };
        assert_eq!(entry.facts(), sold(number, plain.cheap));
        assert_eq!((entry.state, entry.grant), (plain.state, plain.grant), "{number}");
        assert_eq!(entry.hinted_ms.is_some(), plain.waits, "{number}");
        let refunded = plain.state == OrderState::Closed && plain.paid;
        assert_eq!(entry.is_refunded(), refunded, "{number}");
    }
    let of = |wanted: &dyn Fn(&Plain) -> bool| {
        let found = model.iter().filter(|(_, plain)| wanted(plain));
        let mut numbers: Vec<String> = found.map(|(at, _)| NUMBERS[*at].to_owned()).collect();
        numbers.sort();
        numbers
    };
    let listed = |which| {
        let entries = ledger.list(&Filter::newest(which, 10)).unwrap();
        let mut numbers: Vec<String> = entries.iter().map(|e| e.order_no.to_string()).collect();
        numbers.sort();
        numbers
    };
    let due = |plain: &Plain| matches!(plain.grant, Some(GrantState::Due { .. }));
    assert_eq!(listed(Which::All), of(&|_| true));
    let open = |plain: &Plain| matches!(plain.state, OrderState::Open | OrderState::Held);
    assert_eq!(listed(Which::NotFinal), of(&open));
    let owed = |plain: &Plain| plain.state == OrderState::Paid && due(plain);
    assert_eq!(listed(Which::PaidNotGranted), of(&owed));
    let lost = |plain: &Plain| plain.state == OrderState::Closed && plain.grant.is_some();
    assert_eq!(listed(Which::GrantedNotPaid), of(&lost));
    let by_now = |plain: &Plain| {
        let Some(GrantState::Due { due_ms, .. }) = plain.grant else { return false };
        plain.state == OrderState::Paid && due_ms <= now_ms
    };
    let grants = ledger.due_grants(now_ms, 10).unwrap();
    let mut grants: Vec<String> = grants.iter().map(|g| g.entry.order_no.to_string()).collect();
    grants.sort();
    assert_eq!(grants, of(&by_now));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn the_ledger_does_what_a_plain_model_does(ops in prop::collection::vec(ops(), 1..50)) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ledger.sqlite");
        let mut ledger = Ledger::open(&path).unwrap();
        let mut model = Model::new();
        for (n, (at, op)) in ops.iter().enumerate() {
            let now_ms = NOW_MS + n as i64;
            step(&ledger, &mut model, *at, op, now_ms);
            if matches!(op, Op::Reopen) {
                drop(ledger);
                ledger = Ledger::open(&path).unwrap();
            }
            compare(&ledger, &model, now_ms);
        }
    }
}

const ORDERS: usize = 40;
const CHILD: &str = "ALITV_PAY_TEST_LEDGER";

/// The other process of the next test; does nothing in a run of its own.
#[test]
fn child_that_settles_and_delivers() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let ledger = Arc::new(Ledger::open(Path::new(&path)).unwrap());
    let key = key("1024");
    let public = key.public();
    let platform = Arc::new(FakePlatform::default());
    let receiver =
        Receiver::new(key, ledger.clone(), platform.clone(), limits()).with_log(|call| {
            if call.outcome == Outcome::Granted {
                println!("\ngranted {}", call.order_no.as_ref().unwrap());
            }
        });
    for n in 0..ORDERS {
        let number = format!("A-{n}");
        ledger.register(&new_order(&number), NOW_MS).unwrap();
        platform.says(&number, "TRADE_SUCCESS");
        let plain = alitv_pay::wire::notify::Notify {
            partner_order_no: number.clone(),
            alipay_trade_no: String::new(),
            order_status: alitv_pay::wire::partner::PartnerStatus::TradeSuccess,
            buyer_logon_id: String::new(),
        };
        let notify = form(&encrypt(&public, plain.encode().as_bytes()).unwrap());
        // Until one of the processes has asked, settled and said so.
        let mut now_ms = NOW_MS;
        while receiver.receive(PLATFORM, &notify, "", now_ms) != Verdict::Success {
            now_ms += NOTIFY_COOL_DOWN_MS;
        }
        for grant in ledger.due_grants(i64::MAX, 3).unwrap() {
            if ledger.delivered(&grant.grant_id, now_ms).unwrap() {
                println!("\ndelivered {}", grant.entry.order_no);
            }
        }
    }
    for grant in ledger.due_grants(i64::MAX, ORDERS).unwrap() {
        if ledger.delivered(&grant.grant_id, NOW_MS).unwrap() {
            println!("\ndelivered {}", grant.entry.order_no);
        }
    }
}

fn child(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "--nocapture", "ledger::child_that_settles_and_delivers"])
        .env(CHILD, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn processes_that_share_a_ledger_grant_and_deliver_once_between_them() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.sqlite");
    let children: Vec<Child> = (0..3).map(|_| child(&path)).collect();
    let mut lines = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}");
        lines.extend(text.lines().map(str::to_owned));
    }
    for word in ["granted", "delivered"] {
        let mut numbers: Vec<&str> =
            lines.iter().filter_map(|line| line.strip_prefix(word)?.strip_prefix(' ')).collect();
        numbers.sort_unstable();
        let mut expected: Vec<String> = (0..ORDERS).map(|n| format!("A-{n}")).collect();
        expected.sort_unstable();
        assert_eq!(numbers, expected, "{word}");
    }
    let ledger = Ledger::open(&path).unwrap();
    let paid = ledger.list(&Filter::newest(Which::State(OrderState::Paid), 99)).unwrap();
    assert_eq!(paid.len(), ORDERS);
}
