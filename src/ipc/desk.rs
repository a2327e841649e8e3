//! The methods of the protocol, carried out against the engine. Pure but for the value of
//! the clock: what has to be done afterwards is in `effects`.

use std::io;
use std::sync::Arc;

use serde::Serialize;

use super::access::{choose, choose_all, Access};
use super::members::Members;
use super::proto::{
    Answer, Hello, Id, Orders, Request, RpcError, Status, Welcome, Which, METHODS,
    METHOD_NOT_FOUND, PROTOCOL,
};
use crate::core::code::{Code, Refusal};
use crate::core::engine::{Clock, Effect, Engine};
use crate::core::facts::AppKey;
use crate::core::record::Key;
use crate::core::report::Report;
use crate::gateway::Gateway;
use crate::limits::{LINE_BYTES_MAX, ORDERS_LIST_MAX};

/// What this server calls itself.
pub const SERVER: &str = concat!("alitv-payd/", env!("CARGO_PKG_VERSION"));
/// Of a line with orders, kept for all but the orders: the longest id, escaped, and names.
const ENVELOPE_BYTES: usize = 1024;

/// Who is at the other end of a connection.
pub struct Caller {
    /// As the kernel says, or none for a peer that needs no rules.
    pub uid: Option<u32>,
    /// Apps it may act for.
    pub apps: Vec<AppKey>,
    /// Apps whose events it wants.
    pub watching: Vec<AppKey>,
}

impl Caller {
    /// Somebody who has said nothing yet.
    pub fn new(uid: Option<u32>, apps: Vec<AppKey>) -> Caller {
        Caller { uid, apps, watching: Vec::new() }
    }
}

/// The engine and what its answers depend on.
pub struct Desk {
    /// All orders.
    pub engine: Engine,
    /// What is still to be done for the answers given, in this order.
    pub effects: Vec<Effect>,
    /// Set before each round.
    pub clock: Clock,
    /// Whether the journal takes new orders. Set before each round.
    pub has_room: bool,
    /// Bytes in the journal. Set before each round.
    pub journal_bytes: u64,
    gateway: Arc<dyn Gateway>,
    access: Access,
    environment: String,
    started_ms: u64,
}

type Outcome<T> = Result<T, RpcError>;

/// The result of methods that have nothing to say.
#[derive(Serialize)]
struct Nothing {}

impl Desk {
    /// A desk whose first round has not begun.
    pub fn new(
        engine: Engine,
        gateway: Arc<dyn Gateway>,
        access: Access,
        environment: String,
        clock: Clock,
    ) -> Desk {
        Desk {
            engine,
            effects: Vec::new(),
            clock,
            has_room: true,
            journal_bytes: 0,
            gateway,
            access,
            environment,
            started_ms: clock.boot_ms,
        }
    }

    /// Who may do what.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Carries out one request and writes its answer line, if it wants one, to `out`.
    pub fn serve(&mut self, caller: &mut Caller, request: &Request, out: &mut Vec<u8>) {
        let id = request.id.as_ref();
        let params = match Members::read(request.params) {
            Ok(params) => params,
            Err(error) => return write(out, id, Err::<Nothing, _>(error)),
        };
        match request.method.as_ref() {
            "hello" => write(out, id, self.hello(caller, &params)),
            "status" => write(out, id, Ok(self.status(caller))),
            "watch" => write(out, id, self.watch(caller, &params)),
            "unwatch" => write(out, id, unwatch(caller, &params)),
            "pay" => write(out, id, self.pay(caller, &params)),
            "cancel" => write(out, id, self.cancel(caller, &params)),
            "query" => write(out, id, self.query(caller, &params)),
            "ack" => write(out, id, self.ack(caller, &params)),
            "orders" => write(out, id, self.orders(caller, &params)),
            other => write(out, id, Err::<Nothing, _>(no_method(other))),
        }
    }

    fn hello(&mut self, caller: &mut Caller, params: &Members) -> Outcome<Welcome> {
        let Hello { client, protocol, token } = params.hello()?;
        let protocol = agree(protocol.unwrap_or(PROTOCOL))?;
        if let (Some(uid), Some(token)) = (caller.uid, token) {
            caller.apps = self.access.apps_with_token(uid, &token)?;
        }
        log::debug!("hello from {client:?}, uid {:?}, {} apps", caller.uid, caller.apps.len());
        Ok(Welcome {
            protocol,
            server: SERVER.to_owned(),
            app_keys: caller.apps.clone(),
            environment: self.environment.clone(),
            features: Vec::new(),
        })
    }

    fn status(&self, caller: &Caller) -> Status {
        let health = self.engine.gateway(self.clock);
        let [open, unacked] = self.engine.counts(&caller.apps);
        Status {
            server: SERVER.to_owned(),
            environment: self.environment.clone(),
            gateway: self.gateway.name().to_owned(),
            gateway_online: health.online,
            gateway_result: health.result,
            clock_offset_ms: health.clock_offset_ms,
            orders_open: open as u64,
            orders_unacked: unacked as u64,
            journal_bytes: self.journal_bytes,
            uptime_s: self.clock.boot_ms.saturating_sub(self.started_ms) / 1_000,
        }
    }

    fn watch(&self, caller: &mut Caller, params: &Members) -> Outcome<Orders> {
        let apps = choose_all(&caller.apps, params.watch()?.app_key)?;
        let orders = self.list(&apps, Which::Unfinished, ORDERS_LIST_MAX);
        for app_key in apps {
            if !caller.watching.contains(&app_key) {
                caller.watching.push(app_key);
            }
        }
        Ok(orders)
    }

    fn pay(&mut self, caller: &Caller, params: &Members) -> Outcome<Report> {
        let pay = params.pay()?;
        let app_key = choose(&caller.apps, pay.app_key.clone())?;
        let facts = pay.into_facts(app_key);
        self.gateway.check(&facts)?;
        if !self.has_room && self.engine.report(&facts.key(), self.clock).is_none() {
            let text = "the journal is full of orders that are open or not acked";
            return Err(Refusal::new(Code::STORAGE, text).into());
        }
        Ok(self.engine.pay(facts, self.clock, &mut self.effects)?)
    }

    fn cancel(&mut self, caller: &Caller, params: &Members) -> Outcome<Report> {
        let wanted = params.order_ref()?;
        let key = key_of(caller, wanted.app_key, wanted.order_id)?;
        Ok(self.engine.cancel(&key, self.clock, &mut self.effects)?)
    }

    fn query(&mut self, caller: &Caller, params: &Members) -> Outcome<Report> {
        let wanted = params.order_ref()?;
        let key = key_of(caller, wanted.app_key, wanted.order_id)?;
        Ok(self.engine.query(&key, self.clock, &mut self.effects)?)
    }

    fn ack(&mut self, caller: &Caller, params: &Members) -> Outcome<Nothing> {
        let ack = params.ack()?;
        let key = key_of(caller, ack.app_key, ack.order_id)?;
        self.engine.ack(&key, ack.sequence, self.clock, &mut self.effects)?;
        Ok(Nothing {})
    }

    fn orders(&self, caller: &Caller, params: &Members) -> Outcome<Orders> {
        let wanted = params.list()?;
        let apps = choose_all(&caller.apps, wanted.app_key)?;
        Ok(self.list(&apps, wanted.which, wanted.limit.unwrap_or(ORDERS_LIST_MAX)))
    }

    /// Oldest first. Where not all fit, the newest ones are listed: the others are told again
    /// as events until they are acked.
    fn list(&self, apps: &[AppKey], which: Which, limit: usize) -> Orders {
        let reports = |app| self.engine.reports(app, which, self.clock);
        let mut orders: Vec<Report> = apps.iter().flat_map(reports).collect();
        if apps.len() > 1 {
            orders.sort_by_key(|report| report.created_ms);
        }
        let mut room = LINE_BYTES_MAX - ENVELOPE_BYTES;
        let fitting = orders.iter().rev().take(limit).take_while(|report| {
            let size = json_bytes(report) + 1;
            let fits = size <= room;
            room = room.saturating_sub(size);
            fits
        });
        let surplus = orders.len() - fitting.count();
        orders.drain(..surplus);
        Orders { orders, more: surplus > 0 }
    }
}

fn unwatch(caller: &mut Caller, params: &Members) -> Outcome<Nothing> {
    match params.watch()?.app_key {
        Some(app_key) => {
            let app_key = choose(&caller.apps, Some(app_key))?;
            caller.watching.retain(|watched| *watched != app_key);
        }
        None => caller.watching.clear(),
    }
    Ok(Nothing {})
}

fn key_of(
    caller: &Caller,
    app_key: Option<AppKey>,
    order_id: crate::core::facts::OrderId,
) -> Outcome<Key> {
    Ok(Key { app_key: choose(&caller.apps, app_key)?, order_id })
}

/// The newest version that both speak.
fn agree([oldest, newest]: [u32; 2]) -> Outcome<u32> {
    let version = newest.min(PROTOCOL[1]);
    if oldest > newest || version < oldest.max(PROTOCOL[0]) {
        let [from, to] = PROTOCOL;
        let text = format!("protocol {oldest} to {newest} is not spoken here: {from} to {to} is");
        return Err(Refusal::new(Code::PROTOCOL, text).into());
    }
    Ok(version)
}

fn no_method(method: &str) -> RpcError {
    let shown: String = method.chars().take(32).collect();
    let message = format!("no method {shown:?}; there are {}", METHODS.join(" "));
    RpcError { code: METHOD_NOT_FOUND, message, data: None }
}

/// Writes one answer line; nothing for a request without id.
pub fn write<T: Serialize>(out: &mut Vec<u8>, id: Option<&Id>, outcome: Outcome<T>) {
    let Some(id) = id else { return };
    let (result, error) = match outcome {
        Ok(result) => (Some(result), None),
        Err(error) => (None, Some(error)),
    };
    write_line(out, &Answer { jsonrpc: "2.0", id, result, error });
}

/// Appends one value as a line. JSON text holds no raw newline.
pub fn write_line(out: &mut Vec<u8>, value: &impl Serialize) {
    let before = out.len();
    match serde_json::to_writer(&mut *out, value) {
        Ok(()) => out.push(b'\n'),
        Err(error) => {
            log::error!("an answer cannot be written as JSON: {error}");
            out.truncate(before);
        }
    }
}

fn json_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What cannot be counted counts as too long.
    serde_json::to_writer(&mut count, value).map_or(LINE_BYTES_MAX, |()| count.0)
}
