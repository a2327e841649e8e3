//! The receiver of notifies: what stands behind the URL that the platform calls after a
//! payment. It is a function of a call to a verdict, and listens on nothing by itself:
//! `alitv-pay notify listen` puts it behind a port, and so can a merchant's own server.
//!
//! # What it does with a call
//!
//! 1. Is the source on the allow-list, and does it keep to its rate?
//! 2. Find `data`, decrypt it, read it. From here on it is known which order it is about,
//!    and nothing else: anybody who has the public key can have written it.
//! 3. Was that order registered, and is it not final? If not, the platform is not asked.
//! 4. Ask the platform, over TLS: one question about an order at a time, which copies of the
//!    notify wait for, and a pause until the next one. That it is about to ask is written
//!    down first.
//! 5. Write down what the answer means, with the grant, in one transaction
//!    ([`Ledger::settle`]).
//! 6. Only then say [`Verdict::Success`]; about an order that was final before, at once.
//!
//! Everything else is [`Verdict::Fail`], the same in every case: the sender learns nothing of
//! a padding, a text or an order, and the platform sends again. A notify that comes while its
//! order may not be asked about waits in the ledger, and [`Receiver::tick`] asks.
//!
//! The goods themselves are in the ledger's outbox: [`Ledger::due_grants`].
//!
//! # In a server of your own
//!
//! Give it the address of the caller, the query string of the URL and the body of a form, and
//! answer status 200 with the body that it says. `receive` blocks while it asks the platform,
//! for up to `HTTP_DEADLINE_S`, so call it on a thread that may wait. Answer a failure no
//! earlier than `NOTIFY_FLOOR_MS` after the call came in. Call `tick` every few seconds.
//!
//! ```
//! use std::net::IpAddr;
//! use std::sync::Arc;
//! use std::time::{SystemTime, UNIX_EPOCH};
//!
//! use alitv_pay::merchant::ledger::Ledger;
//! use alitv_pay::merchant::notify::{Limits, Receiver};
//! use alitv_pay::merchant::top::Ask;
//! use alitv_pay::wire::keys::PrivateKey;
//!
//! /// Once, at the start. `ask` is a `merchant::top::Asker`.
//! fn receiver(key: PrivateKey, ledger: Arc<Ledger>, ask: Arc<dyn Ask>) -> Receiver {
//!     let allow = vec!["203.0.113.0/24".parse().unwrap()]; // the platform's addresses
//!     Receiver::new(key, ledger, ask, Limits { allow, ..Limits::default() })
//! }
//!
//! /// In the handler of the notify URL, GET and POST.
//! fn handle(receiver: &Receiver, source: IpAddr, query: &str, body: &str) -> (u16, &'static str) {
//!     (200, receiver.receive(source, query, body, now_ms()).body())
//! }
//!
//! fn now_ms() -> i64 {
//!     SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |past| past.as_millis() as i64)
//! }
//! #
//! # use alitv_pay::core::facts::OrderId;
//! # use alitv_pay::merchant::ledger::NewOrder;
//! # use alitv_pay::merchant::top::QueryOutcome;
//! # use alitv_pay::money::Fen;
//! # use alitv_pay::wire::{blocks, notify, partner::{PartnerOrder, PartnerStatus}};
//! # struct Paid(PartnerOrder);
//! # impl Ask for Paid {
//! #     fn order_query(&self, _: &OrderId) -> QueryOutcome {
//! #         QueryOutcome::Order(self.0.clone())
//! #     }
//! # }
//! # let key = PrivateKey::generate(1024).unwrap();
//! # let public = key.public();
//! # let dir = tempfile::tempdir().unwrap();
//! # let ledger = Arc::new(Ledger::open(&dir.path().join("ledger.sqlite")).unwrap());
//! # let order_no = OrderId::new("20160620-0001").unwrap();
//! # let (price_fen, subject) = (Fen::new(600).unwrap(), String::from("60 gems"));
//! # let order = NewOrder {
//! #     order_no: order_no.clone(), price_fen, subject: subject.clone(),
//! #     subject_id: None, plan: None, charge: None,
//! # };
//! # ledger.register(&order, now_ms()).unwrap();
//! # let (alipay_trade_no, order_status) = (String::from("1"), PartnerStatus::TradeSuccess);
//! # let notify = notify::Notify {
//! #     partner_order_no: order_no.to_string(), alipay_trade_no: alipay_trade_no.clone(),
//! #     order_status: order_status.clone(), buyer_logon_id: String::new(),
//! # };
//! # let paid = PartnerOrder {
//! #     partner_order_no: order_no.to_string(), alipay_trade_no, order_status,
//! #     price: price_fen, subject, subject_id: String::new(), buyer_logon_id: String::new(),
//! # };
//! # let receiver = receiver(key, ledger.clone(), Arc::new(Paid(paid)));
//! # let data = blocks::encrypt(&public, notify.encode().as_bytes()).unwrap();
//! # let platform = "203.0.113.7".parse().unwrap();
//! # let stranger = "127.0.0.1".parse().unwrap();
//! # let query = notify::form(&data);
//! # assert_eq!(handle(&receiver, stranger, &query, ""), (200, "fail"));
//! # assert_eq!(handle(&receiver, platform, &query, ""), (200, "success"));
//! # assert_eq!(ledger.due_grants(now_ms(), 9).unwrap().len(), 1);
//! ```

mod call;
mod desk;
mod sources;

use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use self::desk::{Desk, Turn};
use self::sources::Sources;
use super::ledger::{Entry, Ledger, LedgerError, OrderState, Settled};
use super::source::Network;
use super::top::{Ask, QueryOutcome};
use crate::core::facts::OrderId;
use crate::limits::{
    LEDGER_LIST_MAX, NOTIFY_COOL_DOWN_AGE_PARTS, NOTIFY_COOL_DOWN_MS, NOTIFY_COOL_DOWN_MS_MAX,
    NOTIFY_PER_SOURCE_PER_S, NOTIFY_SOURCE_BURST, NOTIFY_TICK_ASKS_MAX, NOTIFY_WAIT_MS,
    RSA_BITS_WEAK, THROTTLE_S_MAX,
};
use crate::wire::blocks::decrypt;
use crate::wire::keys::PrivateKey;
use crate::wire::notify::{data_of, Notify};
use crate::wire::partner::PartnerStatus;

pub use self::call::{Call, Outcome, Verdict};
pub use self::sources::Rate;

/// Who may call, and how often.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Sources that are heard. By default this host alone.
    pub allow: Vec<Network>,
    /// How often each of them.
    pub rate: Rate,
    /// Shortest pause between two questions about one order.
    pub cool_down_ms: i64,
    /// How long a copy of a notify waits for the one that asks.
    pub wait_ms: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            allow: Network::LOOPBACK.to_vec(),
            rate: Rate { per_s: NOTIFY_PER_SOURCE_PER_S, burst: NOTIFY_SOURCE_BURST },
            cool_down_ms: NOTIFY_COOL_DOWN_MS,
            wait_ms: NOTIFY_WAIT_MS,
        }
    }
}

type Log = Box<dyn Fn(&Call) + Send + Sync>;

/// See the module. Share it between threads.
pub struct Receiver {
    key: PrivateKey,
    ledger: Arc<Ledger>,
    ask: Arc<dyn Ask>,
    limits: Limits,
    log: Log,
    sources: Mutex<Sources>,
    desk: Desk,
    /// No questions before this moment: the platform wants none.
    quiet_until_ms: AtomicI64,
}

impl Receiver {
    /// Writes a line a call to the `log` crate. A key of fewer than `RSA_BITS_WEAK` bits is
    /// warned about once.
    pub fn new(
        key: PrivateKey,
        ledger: Arc<Ledger>,
        ask: Arc<dyn Ask>,
        limits: Limits,
    ) -> Receiver {
        if key.bits() < RSA_BITS_WEAK {
            log::warn!(
                "the key has {} bits; make one of {RSA_BITS_WEAK} and give its public half to \
                 the platform",
                key.bits()
            );
        }
        Receiver {
            key,
            ledger,
            ask,
            limits,
            log: Box::new(to_log),
            sources: Mutex::default(),
            desk: Desk::default(),
            quiet_until_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// Tells something else about each call, instead of the `log` crate.
    pub fn with_log(self, log: impl Fn(&Call) + Send + Sync + 'static) -> Receiver {
        Receiver { log: Box::new(log), ..self }
    }

    /// One call of the notify URL. `query` is the URL's query string, `form` the body of a
    /// POST in `application/x-www-form-urlencoded`, both as they came; "" for what there is
    /// not. `now_ms`: Unix milliseconds. May block for `HTTP_DEADLINE_S`.
    pub fn receive(&self, source: IpAddr, query: &str, form: &str, now_ms: i64) -> Verdict {
        let call = self.judge(source, query, form, now_ms);
        (self.log)(&call);
        call.outcome.verdict()
    }

    /// As `receive`, for a server that writes its own log.
    pub fn judge(&self, source: IpAddr, query: &str, form: &str, now_ms: i64) -> Call {
        let source = source.to_canonical();
        let (outcome, order_no) = match self.admit(source, now_ms) {
            Ok(()) => self.look_into(query, form, now_ms),
            Err(outcome) => (outcome, None),
        };
        Call { source: Some(source), outcome, order_no }
    }

    /// Asks about orders whose notifies wait and whose pause is over: at most
    /// `NOTIFY_TICK_ASKS_MAX`, one after the other. How many it asked about. To be called
    /// every few seconds; what waited before a restart waits after it.
    pub fn tick(&self, now_ms: i64) -> usize {
        if self.is_quiet(now_ms) {
            return 0;
        }
        let waiting = match self.ledger.hinted(LEDGER_LIST_MAX) {
            Ok(waiting) => waiting,
            Err(error) => {
                let outcome = Outcome::Ledger(error);
                (self.log)(&Call { source: None, outcome, order_no: None });
                return 0;
            }
        };
        let due = waiting.iter().filter(|entry| self.may_ask(entry, now_ms));
        let mut asked = 0;
        for entry in due.take(NOTIFY_TICK_ASKS_MAX) {
            let Turn::Ask(_seat) = self.desk.turn(&entry.order_no, Duration::ZERO) else {
                continue;
            };
            let outcome = self.ask_about(&entry.order_no, now_ms);
            let limited = outcome == Outcome::Limited;
            let order_no = Some(entry.order_no.to_string());
            (self.log)(&Call { source: None, outcome, order_no });
            asked += 1;
            if limited {
                break;
            }
        }
        asked
    }

    fn admit(&self, source: IpAddr, now_ms: i64) -> Result<(), Outcome> {
        if !self.limits.allow.iter().any(|network| network.contains(source)) {
            return Err(Outcome::NotAllowed);
        }
        let mut sources = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        match sources.admit(source, self.limits.rate, now_ms) {
            true => Ok(()),
            false => Err(Outcome::TooFast),
        }
    }

    /// What cannot be read is looked up as well, under a number that no notify has: what was
    /// wrong with a text shall not be seen by what is done about it.
    fn look_into(&self, query: &str, form: &str, now_ms: i64) -> (Outcome, Option<String>) {
        let read = self.read(query, form);
        let named = read.as_ref().ok().and_then(|n| OrderId::new(&*n.partner_order_no).ok());
        let nobody = || OrderId::new("-").expect("one character makes an order id");
        let found = self.ledger.find(&named.unwrap_or_else(nobody));
        let notify = match read {
            Ok(notify) => notify,
            Err(outcome) => return (outcome, None),
        };
        let outcome = match found {
            Ok(Some(entry)) if entry.order_no.as_str() == notify.partner_order_no => {
                self.decide(&entry, &notify, now_ms)
            }
            Ok(_) => Outcome::UnknownOrder,
            Err(error) => Outcome::Ledger(error),
        };
        (outcome, Some(notify.partner_order_no))
    }

    fn read(&self, query: &str, form: &str) -> Result<Notify, Outcome> {
        let data = data_of(query, form).map_err(Outcome::NoData)?;
        let plain = decrypt(&self.key, &data).map_err(Outcome::NotEncrypted)?;
        Notify::parse(&plain).map_err(Outcome::NotANotify)
    }

    fn decide(&self, entry: &Entry, notify: &Notify, now_ms: i64) -> Outcome {
        if let Some(outcome) = settled(entry) {
            return outcome;
        }
        // The platform sends none such, and there would be nothing to learn.
        if notify.order_status == PartnerStatus::WaitBuyerPay {
            return Outcome::Unpaid;
        }
        let wait = Duration::from_millis(self.limits.wait_ms);
        match self.desk.turn(&entry.order_no, wait) {
            Turn::Ask(_seat) => self.ask_about(&entry.order_no, now_ms),
            Turn::Waited => match self.ledger.find(&entry.order_no) {
                Ok(Some(entry)) => settled(&entry).unwrap_or(Outcome::Unpaid),
                Ok(None) => Outcome::UnknownOrder,
                Err(error) => Outcome::Ledger(error),
            },
            Turn::Busy => self.wait_for(&entry.order_no, Outcome::Busy, now_ms),
        }
    }

    /// For whoever holds the order's seat.
    fn ask_about(&self, order_no: &OrderId, now_ms: i64) -> Outcome {
        self.try_ask_about(order_no, now_ms).unwrap_or_else(Outcome::Ledger)
    }

    fn try_ask_about(&self, order_no: &OrderId, now_ms: i64) -> Result<Outcome, LedgerError> {
        // Who held the seat before may have settled it since it was looked up.
        let Some(entry) = self.ledger.find(order_no)? else { return Ok(Outcome::UnknownOrder) };
        if let Some(outcome) = settled(&entry) {
            return Ok(outcome);
        }
        if self.is_quiet(now_ms) {
            return Ok(self.wait_for(order_no, Outcome::Limited, now_ms));
        }
        if !self.ledger.try_ask(order_no, self.cool_down_ms(&entry, now_ms), now_ms)? {
            return Ok(self.wait_for(order_no, Outcome::CoolDown, now_ms));
        }
        match self.ask.order_query(order_no) {
            QueryOutcome::Order(answer) => {
                Ok(match self.ledger.settle(order_no, &answer, now_ms)? {
                    Settled::Granted(_) => Outcome::Granted,
                    Settled::Already => Outcome::AlreadyPaid,
                    Settled::Waiting => Outcome::Unpaid,
                    Settled::Closed => Outcome::Closed,
                    Settled::Mismatch { field } => Outcome::Mismatch(field.to_owned()),
                    Settled::Unknown => Outcome::UnknownOrder,
                })
            }
            QueryOutcome::NotFound => {
                self.ledger.answered(order_no)?;
                Ok(Outcome::NotFound)
            }
            QueryOutcome::Limited { wait_s } => {
                let until_ms = now_ms.saturating_add(i64::from(wait_s) * 1_000);
                self.quiet_until_ms.store(until_ms, Ordering::Relaxed);
                Ok(Outcome::Limited)
            }
            QueryOutcome::Refused { code, message } => Ok(Outcome::Refused(code, message)),
            QueryOutcome::InDoubt(doubt) => Ok(Outcome::InDoubt(doubt)),
        }
    }

    fn wait_for(&self, order_no: &OrderId, outcome: Outcome, now_ms: i64) -> Outcome {
        match self.ledger.hint(order_no, now_ms) {
            Ok(()) => outcome,
            Err(error) => Outcome::Ledger(error),
        }
    }

    /// A wait is at most `THROTTLE_S_MAX`: one that is longer is from before a clock was set
    /// back.
    fn is_quiet(&self, now_ms: i64) -> bool {
        let until_ms = self.quiet_until_ms.load(Ordering::Relaxed);
        let left_ms = until_ms.saturating_sub(now_ms);
        (1..=i64::from(THROTTLE_S_MAX) * 1_000).contains(&left_ms)
    }

    /// As `Ledger::try_ask` sees it.
    fn may_ask(&self, entry: &Entry, now_ms: i64) -> bool {
        let pause_ms = self.cool_down_ms(entry, now_ms).unsigned_abs();
        entry.asked_ms.is_none_or(|asked_ms| asked_ms.abs_diff(now_ms) >= pause_ms)
    }

    fn cool_down_ms(&self, entry: &Entry, now_ms: i64) -> i64 {
        let age_ms = now_ms.saturating_sub(entry.created_ms);
        let shortest = self.limits.cool_down_ms.clamp(0, NOTIFY_COOL_DOWN_MS_MAX);
        (age_ms / NOTIFY_COOL_DOWN_AGE_PARTS).clamp(shortest, NOTIFY_COOL_DOWN_MS_MAX)
    }
}

/// What there is to say of an order that needs no question.
fn settled(entry: &Entry) -> Option<Outcome> {
    match entry.state {
        OrderState::Paid => Some(Outcome::AlreadyPaid),
        OrderState::Closed => Some(Outcome::Closed),
        OrderState::Mismatch => Some(Outcome::Mismatch(entry.why.clone().unwrap_or_default())),
        OrderState::Open | OrderState::Held => None,
    }
}

fn to_log(call: &Call) {
    if call.outcome.is_alarm() {
        log::error!("{call}");
    } else {
        log::info!("{call}");
    }
}
