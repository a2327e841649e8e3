//! The protocol client: what every C call drives, in daemon mode and in embedded mode.
//!
//! It has no thread and never waits (but in `wait`): `next_event` reads what has come, writes
//! what has to go, and connects again when it is time. Requests are queued whether the engine
//! is there or not; on a new connection the client greets, takes the snapshot, and sends again
//! what has no answer. Everything it repeats is idempotent.
//!
//! ```text
//!           requests ---------------> link ------> engine
//! caller                               |
//!           queue <-- mirror <-- session
//! ```

mod account;
mod answers;
mod apps;
mod awards;
mod event;
mod link;
mod mirror;
pub mod order_id;
mod pages;
mod queue;
mod requests;
mod session;
pub mod sys;

use std::os::fd::RawFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::AtomicI32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::value::RawValue;

pub use self::event::{About, AuthFrom, Event, Kind, Level, Op};
use self::link::{Link, Phase, Source};
use self::requests::{one_line, Draft, Target, Want};
use self::session::Session;
use self::sys::{EventFd, Poller};
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, OrderId};
use crate::ipc::proto::{Ack, ListOrders, OrderRef, Pay, Repay};
use crate::limits::{EVENTS_DEFAULT, EVENTS_MAX, GREETING_MS, METHOD_BYTES_MAX};

/// How a client behaves. `Options::default()` is what most need.
#[derive(Clone, Debug)]
pub struct Options {
    /// The daemon's socket; `None` follows `ipc::path`.
    pub socket_path: Option<PathBuf>,
    /// The app to act for; `None` where the user may act for one only.
    pub app_key: Option<AppKey>,
    /// Progress events held, 1 to `EVENTS_MAX`.
    pub events_max: usize,
    /// Allows a payment while another one is on screen.
    pub multiple: bool,
    /// `Log` events up to this level.
    pub log_level: Option<Level>,
    /// Name and version of the program, for the daemon's log.
    pub name: String,
    /// Content of the app's token file, where one user runs all games.
    pub token: Option<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            socket_path: None,
            app_key: None,
            events_max: EVENTS_DEFAULT,
            multiple: false,
            log_level: None,
            name: concat!("libalitv_pay/", env!("CARGO_PKG_VERSION")).into(),
            token: None,
        }
    }
}

/// A connection to the engine that outlives every single connection. `Send`; one thread at a
/// time.
#[derive(Debug)]
pub struct Client {
    link: Link,
    session: Session,
    poller: Poller,
    opened: Instant,
}

impl Client {
    /// A client of the daemon, which may be down. `Code::INVALID` for an option out of range,
    /// `Code::RESOURCE` when there are no descriptors.
    pub fn open(options: Options) -> Result<Client, Refusal> {
        let source = options.socket_path.clone().map_or(Source::Default, Source::Path);
        Client::new(source, &options)
    }

    /// A client over a stream whose far end runs the engine and is trusted. When the stream
    /// ends the client stays offline.
    pub fn over(stream: UnixStream, options: Options) -> Result<Client, Refusal> {
        stream.set_nonblocking(true).map_err(|error| resource(&error))?;
        Client::new(Source::Given(Some(stream)), &options)
    }

    fn new(source: Source, options: &Options) -> Result<Client, Refusal> {
        if !(1..=EVENTS_MAX).contains(&options.events_max) {
            let text =
                format!("events_max is {}: allowed are 1 to {EVENTS_MAX}", options.events_max);
            return Err(Refusal::new(Code::INVALID, text));
        }
        let mut client = Client {
            link: Link::new(source),
            session: Session::new(options),
            poller: Poller::new().map_err(|error| resource(&error))?,
            opened: Instant::now(),
        };
        client.pump();
        Ok(client)
    }

    /// Asks for a payment, or for one that was asked for before. Events: `Order` with the op
    /// once it is accepted, `Reply` with the op if it is not; then `Qr` and `Order`.
    ///
    /// Refuses bad facts (`INVALID`, `STRING`), a second payment on screen (`ON_SCREEN`) and
    /// too many requests (`LIMIT`).
    pub fn pay(&mut self, pay: Pay, tag: u64) -> Result<Op, Refusal> {
        let app_key = self.app_key(pay.app_key.clone(), &pay.order_id);
        let pay = Pay { app_key: app_key.clone(), ..pay };
        pay.clone().into_facts(some_app(&app_key)?).check()?;
        self.ask_payment("pay", pay.clone(), pay, tag)
    }

    /// Asks for the first charge of a subscription. Otherwise as `pay`.
    pub fn repay(&mut self, repay: Repay, tag: u64) -> Result<Op, Refusal> {
        let app_key = self.app_key(repay.app_key.clone(), &repay.order_id);
        let repay = Repay { app_key: app_key.clone(), ..repay };
        let facts = repay.clone().into_facts(some_app(&app_key)?)?;
        facts.check()?;
        let pay = Pay {
            app_key,
            order_id: facts.order_id,
            title: facts.title,
            amount_fen: facts.amount_fen,
            subject_id: facts.subject_id,
            notify_url: facts.notify_url,
            expires_s: facts.expires_s,
        };
        self.ask_payment("repay", repay, pay, tag)
    }

    /// Asks to close an order. Events: `Reply` with the op, then `Order`; paid may still win.
    pub fn cancel(&mut self, order_id: &OrderId, tag: u64) -> Result<Op, Refusal> {
        self.ask_about("cancel", order_id, tag, Want::Cancel)
    }

    /// Asks how an order stands, and the engine to look. Event: `Order` with the op, or
    /// `Reply` if there is no such order.
    pub fn query(&mut self, order_id: &OrderId, tag: u64) -> Result<Op, Refusal> {
        self.ask_about("query", order_id, tag, Want::Query)
    }

    /// Says that the final state with this sequence has been stored. Event: `Reply`.
    pub fn ack(&mut self, order_id: &OrderId, sequence: u64, tag: u64) -> Result<Op, Refusal> {
        self.ask_ack(order_id, sequence, tag, false)
    }

    /// `ack` without an answer; if it is lost, the state is told again.
    pub fn ack_silently(&mut self, order_id: &OrderId, sequence: u64) -> Result<(), Refusal> {
        self.ask_ack(order_id, sequence, 0, true).map(drop)
    }

    /// Lists orders. Event: `Orders`.
    pub fn orders(&mut self, list: ListOrders, tag: u64) -> Result<Op, Refusal> {
        let app_key = list.app_key.or_else(|| self.session.app_key.clone());
        let params = Some(ListOrders { app_key, ..list });
        let want = Want::Orders;
        self.ask(Draft { method: "orders", params, tag, want, target: None, silent: false })
    }

    /// Sends any method. Event: `Reply` with `json`. It is not repeated: when the connection
    /// ends before the answer, the reply is `OFFLINE`.
    pub fn request(
        &mut self,
        method: &str,
        params: Option<&RawValue>,
        tag: u64,
    ) -> Result<Op, Refusal> {
        if method.is_empty() || method.len() > METHOD_BYTES_MAX {
            let text = format!("method must have 1 to {METHOD_BYTES_MAX} bytes");
            return Err(Refusal::new(Code::STRING, text));
        }
        if ["hello", "watch", "unwatch"].contains(&method) {
            let text = format!("method {method} belongs to the client itself");
            return Err(Refusal::new(Code::INVALID, text));
        }
        let params = params.map(one_line).transpose()?;
        self.ask(Draft { method, params, tag, want: Want::Raw, target: None, silent: false })
    }

    /// Reads what has come, writes what has to go, connects if it is time. Never waits.
    pub fn pump(&mut self) {
        let now_ms = self.now_ms();
        self.poller.clear_nudge();
        if let Err(refusal) = self.exchange(now_ms) {
            self.lose(refusal, now_ms);
        }
        self.rearm();
    }

    /// The next event, if there is one. Never waits.
    pub fn next_event(&mut self) -> Option<Event> {
        let mut event = self.session.pull();
        if event.is_none() && self.has_work() {
            self.pump();
            event = self.session.pull();
        }
        self.set_ready();
        event.map(|event| Event { environment: self.session.environment.clone(), ..event })
    }

    /// Waits until `next_event` has something (true), the time is over or `interrupt` was
    /// set (false). `None` waits for ever.
    pub fn wait(&mut self, timeout: Option<Duration>) -> bool {
        let until = timeout.map(|wait| Instant::now() + wait);
        loop {
            if self.session.settle() {
                return true;
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            match sys::wait_readable(self.fd(), left) {
                Ok(true) if self.poller.interrupt().clear() => return false,
                Ok(true) => self.pump(),
                Ok(false) | Err(_) => return false,
            }
        }
    }

    /// Readable while `pump` or `next_event` has something to do. Only poll it.
    pub fn fd(&self) -> RawFd {
        self.poller.fd()
    }

    /// Set it, from any thread or a signal handler, to end a `wait`.
    pub fn interrupt(&self) -> Arc<EventFd> {
        self.poller.interrupt().clone()
    }

    /// Puts a line of the owner's among the `Log` events, if its level is wanted.
    pub fn log(&mut self, level: Level, text: String) {
        self.session.log(level, || text);
        self.set_ready();
    }

    /// `Log` events up to this level from here on; `None` for none.
    pub fn set_log_level(&mut self, level: Option<Level>) {
        self.session.log_level = level;
    }

    /// Makes `fd` readable, once, each time `nudge` is set.
    pub fn watch_nudge(&mut self, nudge: Arc<EventFd>) -> Result<(), Refusal> {
        self.poller.watch_nudge(nudge).map_err(|error| resource(&error))
    }

    /// Events that wait, at most.
    pub fn waiting(&self) -> usize {
        self.session.queue.len()
    }

    /// The engine answers.
    pub fn is_online(&self) -> bool {
        self.session.online
    }

    /// The descriptors this client holds but for its socket, which the second part has (-1 for
    /// none): what a forked child closes without touching anything else.
    pub fn descriptors(&self) -> (Vec<RawFd>, Arc<AtomicI32>) {
        (self.poller.descriptors(), self.link.descriptor())
    }

    /// `pay` is what is told if the payment is refused.
    fn ask_payment<T: Serialize>(
        &mut self,
        method: &str,
        params: T,
        pay: Pay,
        tag: u64,
    ) -> Result<Op, Refusal> {
        if let Some(other) = self.session.on_screen(&pay.order_id) {
            let text = format!("order {other} is still on screen: cancel it, or wait");
            return Err(Refusal::new(Code::ON_SCREEN, text));
        }
        let target = Some(Target { app_key: pay.app_key.clone(), order_id: pay.order_id.clone() });
        let want = Want::Pay(Box::new(pay));
        self.ask(Draft { method, params: Some(params), tag, want, target, silent: false })
    }

    fn ask_about(
        &mut self,
        method: &str,
        order_id: &OrderId,
        tag: u64,
        want: Want,
    ) -> Result<Op, Refusal> {
        let app_key = self.app_key(None, order_id);
        let params = Some(OrderRef { app_key: app_key.clone(), order_id: order_id.clone() });
        let target = Some(Target { app_key, order_id: order_id.clone() });
        self.ask(Draft { method, params, tag, want, target, silent: false })
    }

    fn ask_ack(
        &mut self,
        order_id: &OrderId,
        sequence: u64,
        tag: u64,
        silent: bool,
    ) -> Result<Op, Refusal> {
        let (app_key, order_id) = (self.app_key(None, order_id), order_id.clone());
        let target = Some(Target { app_key: app_key.clone(), order_id: order_id.clone() });
        let params = Some(Ack { app_key, order_id, sequence });
        let want = Want::Ack(sequence);
        self.ask(Draft { method: "ack", params, tag, want, target, silent })
    }

    fn ask<T: Serialize>(&mut self, draft: Draft<T>) -> Result<Op, Refusal> {
        let op = self.session.requests.add(draft, self.session.owed())?;
        self.link.hurry();
        let now_ms = self.now_ms();
        if let Err(refusal) = self.flush() {
            self.lose(refusal, now_ms);
        }
        self.rearm();
        Ok(op)
    }

    /// The app that is named, ours, or the one whose order it is.
    fn app_key(&self, named: Option<AppKey>, order_id: &OrderId) -> Option<AppKey> {
        let known = || self.session.mirror.find(order_id).cloned();
        named.or_else(|| self.session.app_key.clone()).or_else(known)
    }

    fn exchange(&mut self, now_ms: u64) -> Result<(), Refusal> {
        if self.link.connect(now_ms)? {
            let greeting = self.session.greeting()?;
            self.link.queue(&greeting);
            self.link.phase = Phase::Greeting { until_ms: now_ms + GREETING_MS };
        }
        let Client { link, session, .. } = self;
        link.read(|line| session.on_line(line))?;
        match link.phase {
            Phase::Greeting { .. } if session.online => {
                link.phase = Phase::Online { since_ms: now_ms };
            }
            Phase::Greeting { until_ms } if now_ms >= until_ms => {
                let text = format!("the engine did not answer within {GREETING_MS} ms");
                return Err(Refusal::new(Code::OFFLINE, text));
            }
            _ => {}
        }
        self.flush()
    }

    /// Requests go out only behind the answer to the greeting: before it nobody knows who is
    /// there.
    fn flush(&mut self) -> Result<(), Refusal> {
        let Client { link, session, .. } = self;
        if session.online {
            session.requests.send(|line| link.queue(line));
        }
        link.write()
    }

    fn lose(&mut self, why: Refusal, now_ms: u64) {
        // The poller must let go of the socket before it is closed. If it cannot, closing
        // takes the socket out of it all the same.
        let _ = self.poller.set_socket(None);
        self.link.close(now_ms);
        self.session.disconnected(why);
    }

    /// Tells the kernel what to wake us for.
    fn rearm(&mut self) {
        if let Err(error) = self.poller.set_socket(self.link.socket()) {
            let now_ms = self.now_ms();
            self.lose(resource(&error), now_ms);
        }
        let now_ms = self.now_ms();
        if let Err(error) = self.poller.set_timer(self.link.wake_at_ms(), now_ms) {
            self.session.log(Level::Error, || format!("timer: {error}"));
        }
        self.set_ready();
    }

    fn set_ready(&mut self) {
        let waits = self.session.settle();
        self.poller.set_ready(waits);
    }

    fn has_work(&self) -> bool {
        sys::wait_readable(self.fd(), Some(Duration::ZERO)).unwrap_or(true)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

fn resource(error: &std::io::Error) -> Refusal {
    Refusal::new(Code::RESOURCE, error.to_string())
}

/// The facts need some app; which one does not matter to their check.
fn some_app(app_key: &Option<AppKey>) -> Result<AppKey, Refusal> {
    app_key.clone().map_or_else(|| AppKey::new("0"), Ok)
}
