//! A merchant with a ledger and a receiver, and a platform that answers as it is told and
//! counts what it is asked.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex};

use alitv_pay::core::facts::OrderId;
use alitv_pay::merchant::ledger::{Entry, Ledger, NewOrder, OrderState};
use alitv_pay::merchant::notify::{Call, Limits, Outcome, Rate, Receiver, Verdict};
use alitv_pay::merchant::top::{Ask, QueryOutcome};
use alitv_pay::money::Fen;
use alitv_pay::wire::blocks::encrypt;
use alitv_pay::wire::keys::{PrivateKey, PublicKey};
use alitv_pay::wire::notify::{form, Notify};
use alitv_pay::wire::partner::{PartnerOrder, PartnerStatus};
use serde_json::Value;

pub const NOW_MS: i64 = 1_466_395_200_000;
pub const PLATFORM: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// The public vectors of the notify.
pub fn vectors() -> Value {
    serde_json::from_str(include_str!("../vectors/notify.json")).unwrap()
}

/// Keys of the vectors, by bits.
pub fn key(bits: &str) -> PrivateKey {
    let vectors = vectors();
    PrivateKey::read(vectors["keys"][bits]["private_pkcs8_pem"].as_str().unwrap()).unwrap()
}

pub fn order_no(text: &str) -> OrderId {
    OrderId::new(text).unwrap()
}

pub fn new_order(text: &str) -> NewOrder {
    NewOrder {
        order_no: order_no(text),
        price_fen: Fen::new(200).unwrap(),
        subject: "支付人民币2元".into(),
        subject_id: Some("vip_month".into()),
        plan: None,
        charge: None,
    }
}

/// What the platform has of an order of `new_order`.
pub fn answer(order_no: &str, word: &str) -> PartnerOrder {
    let order_status = PartnerStatus::parse(word);
    let unpaid = order_status == PartnerStatus::WaitBuyerPay;
    let paid = |text: &str| if unpaid { String::new() } else { text.to_owned() };
    PartnerOrder {
        partner_order_no: order_no.into(),
        alipay_trade_no: paid("2016062021001004340200123456"),
        order_status,
        price: Fen::new(200).unwrap(),
        subject: "支付人民币2元".into(),
        subject_id: "vip_month".into(),
        buyer_logon_id: paid("138****0000"),
    }
}

#[derive(Default)]
struct Known {
    answers: HashMap<String, QueryOutcome>,
    asked: Vec<String>,
    held: bool,
}

/// Answers NotFound about what it was not told of.
#[derive(Default)]
pub struct FakePlatform {
    known: Mutex<Known>,
    changed: Condvar,
}

impl Ask for FakePlatform {
    fn order_query(&self, order: &OrderId) -> QueryOutcome {
        let mut known = self.known.lock().unwrap();
        known.asked.push(order.to_string());
        self.changed.notify_all();
        let known = self.changed.wait_while(known, |known| known.held).unwrap();
        known.answers.get(order.as_str()).cloned().unwrap_or(QueryOutcome::NotFound)
    }
}

impl FakePlatform {
    pub fn says(&self, order_no: &str, word: &str) {
        self.tells(order_no, QueryOutcome::Order(answer(order_no, word)));
    }

    pub fn tells(&self, order_no: &str, outcome: QueryOutcome) {
        self.known.lock().unwrap().answers.insert(order_no.to_owned(), outcome);
    }

    /// How often it was asked in all.
    pub fn asked(&self) -> usize {
        self.known.lock().unwrap().asked.len()
    }

    /// Keeps every question until `release`.
    pub fn hold(&self) {
        self.known.lock().unwrap().held = true;
    }

    pub fn release(&self) {
        self.known.lock().unwrap().held = false;
        self.changed.notify_all();
    }

    /// Waits until it was asked so often in all.
    pub fn wait_until_asked(&self, times: usize) {
        let known = self.known.lock().unwrap();
        drop(self.changed.wait_while(known, |known| known.asked.len() < times).unwrap());
    }
}

/// No limit that a test does not ask for.
pub fn limits() -> Limits {
    Limits { rate: Rate { per_s: 1_000_000, burst: 1_000_000 }, ..Limits::default() }
}

pub struct Shop {
    pub platform: Arc<FakePlatform>,
    pub ledger: Arc<Ledger>,
    pub receiver: Receiver,
    pub public: PublicKey,
    calls: Arc<Mutex<Vec<Call>>>,
    dir: tempfile::TempDir,
}

impl Shop {
    /// With some orders of `new_order`.
    pub fn with(order_nos: &[&str]) -> Shop {
        Shop::limited("1024", order_nos, limits())
    }

    pub fn limited(bits: &str, order_nos: &[&str], limits: Limits) -> Shop {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Arc::new(Ledger::open(&dir.path().join("ledger.sqlite")).unwrap());
        for text in order_nos {
            ledger.register(&new_order(text), NOW_MS).unwrap();
        }
        let (key, platform) = (key(bits), Arc::new(FakePlatform::default()));
        let (public, calls) = (key.public(), Arc::new(Mutex::new(Vec::new())));
        let kept = calls.clone();
        let receiver = Receiver::new(key, ledger.clone(), platform.clone(), limits)
            .with_log(move |call| kept.lock().unwrap().push(call.clone()));
        Shop { platform, ledger, receiver, public, calls, dir }
    }

    pub fn path(&self) -> PathBuf {
        self.dir.path().join("ledger.sqlite")
    }

    /// A notify as anybody can write it who has the public key.
    pub fn notify(&self, order_no: &str, word: &str) -> String {
        let notify = Notify {
            partner_order_no: order_no.into(),
            alipay_trade_no: "2016062021001004340200123456".into(),
            order_status: PartnerStatus::parse(word),
            buyer_logon_id: "138****0000".into(),
        };
        self.sealed(&notify.encode())
    }

    /// Any text, encrypted, as the query string that carries it.
    pub fn sealed(&self, plain: &str) -> String {
        form(&encrypt(&self.public, plain.as_bytes()).unwrap())
    }

    pub fn hear(&self, query: &str, now_ms: i64) -> Verdict {
        self.receiver.receive(PLATFORM, query, "", now_ms)
    }

    /// What the last call came to.
    pub fn outcome(&self) -> Outcome {
        self.calls.lock().unwrap().last().unwrap().outcome.clone()
    }

    /// The lines of the log.
    pub fn log(&self) -> Vec<String> {
        self.calls.lock().unwrap().iter().map(Call::to_string).collect()
    }

    pub fn entry(&self, text: &str) -> Entry {
        self.ledger.find(&order_no(text)).unwrap().unwrap()
    }

    pub fn state(&self, text: &str) -> OrderState {
        self.entry(text).state
    }

    /// Orders whose goods are owed.
    pub fn grants(&self) -> Vec<String> {
        let due = self.ledger.due_grants(i64::MAX, 1_000).unwrap();
        due.iter().map(|grant| grant.entry.order_no.to_string()).collect()
    }
}
