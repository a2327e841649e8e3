//! The methods of the protocol, carried out against the engine. Pure but for the value of
//! the clock: what has to be done afterwards is in `effects`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::access::{choose, Access};
use super::lookups::Waiting;
use super::members::Members;
use super::proto::{
    Answer, Hello, Id, LogLevel, Request, RpcError, Status, Version, Welcome, METHODS,
    METHOD_NOT_FOUND, PROTOCOL, SDK_VERSION,
};
use super::watch::unwatch;
use crate::core::code::{Code, Refusal};
use crate::core::engine::{Clock, Effect, Engine};
use crate::core::facts::{AppKey, OrderId};
use crate::core::lookup::Ticket;
use crate::core::record::Key;
use crate::gateway::Gateway;

/// What this server calls itself.
pub const SERVER: &str = concat!("alitv-payd/", env!("CARGO_PKG_VERSION"));
/// What `hello` says that this daemon has.
const FEATURES: [&str; 5] = ["repay", "auth", "web", "lottery", "gift"];

/// Who is at the other end of a connection.
pub struct Caller {
    /// As the kernel says, or none for a peer that needs no rules.
    pub uid: Option<u32>,
    /// Apps it may act for.
    pub apps: Vec<AppKey>,
    /// Apps whose events it wants.
    pub watching: Vec<AppKey>,
    /// Lines of the log that it wants, up to this level.
    pub log_level: Option<LogLevel>,
    /// Names the connection; never reused.
    pub number: u64,
    /// Look-ups that it waits for.
    pub lookups: usize,
}

impl Caller {
    /// Somebody who has said nothing yet.
    pub fn new(uid: Option<u32>, apps: Vec<AppKey>) -> Caller {
        Caller { uid, apps, watching: Vec::new(), log_level: None, number: 0, lookups: 0 }
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
    /// The log has lines for whoever may read them.
    pub has_log: bool,
    pub(super) gateway: Arc<dyn Gateway>,
    access: Access,
    environment: String,
    started_ms: u64,
    pub(super) waiting: BTreeMap<Ticket, Waiting>,
    pub(super) ticket_last: Ticket,
}

pub(super) type Outcome<T> = Result<T, RpcError>;

/// The result of methods that have nothing to say.
#[derive(Serialize)]
pub(super) struct Nothing {}

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
            has_log: false,
            gateway,
            access,
            environment,
            started_ms: clock.boot_ms,
            waiting: BTreeMap::new(),
            ticket_last: 0,
        }
    }

    /// Who may do what.
    pub fn access(&self) -> &Access {
        &self.access
    }

    /// Carries out one request and writes its answer line, if it wants one, to `out`; the
    /// answer to a look-up comes later, as an effect.
    pub fn serve(&mut self, caller: &mut Caller, request: &Request, out: &mut Vec<u8>) {
        let id = request.id.as_ref();
        let members = match Members::read(request.params) {
            Ok(members) => members,
            Err(error) => return write(out, id, Err::<Nothing, _>(error)),
        };
        let all = &members;
        match request.method.as_ref() {
            "hello" => write(out, id, self.hello(caller, all)),
            "status" => write(out, id, Ok(self.status(caller))),
            "version" => write(out, id, Ok(version())),
            "watch" => write(out, id, self.watch(caller, all)),
            "unwatch" => write(out, id, unwatch(caller, all)),
            "log.watch" => write(out, id, self.log_watch(caller, all)),
            "log.unwatch" => write(out, id, Ok(log_unwatch(caller))),
            "pay" => write(out, id, all.pay().and_then(|pay| self.pay(caller, pay))),
            "pay_from_server" => {
                write(out, id, all.pay_from_server().and_then(|pay| self.pay(caller, pay)));
            }
            "repay" => write(out, id, self.repay(caller, all)),
            "cancel" => write(out, id, self.cancel(caller, all)),
            "query" => write(out, id, self.query(caller, all)),
            "ack" => write(out, id, self.ack(caller, all)),
            "orders" => write(out, id, self.orders(caller, all)),
            "auth" => write(out, id, self.auth(caller, all)),
            "auth.cancel" => write(out, id, self.auth_cancel(caller, all)),
            "auth.state" => write(out, id, self.auth_state(caller, all)),
            "auth.logout" => write(out, id, self.auth_logout(caller, all)),
            "web.open" => write(out, id, self.web_open(caller, all)),
            "web.closed" => write(out, id, self.web_closed(caller, all)),
            "qr_url" => write(out, id, self.qr_url(caller, all)),
            "profile" => write(out, id, self.profile(caller, all)),
            "lottery.draw" => write(out, id, self.draw(caller, all)),
            "gift.take" => write(out, id, self.take_gift(caller, all)),
            other => self.serve_late(caller, request, other, all, out),
        }
    }

    /// Look-ups, and what is no method.
    fn serve_late(
        &mut self,
        caller: &mut Caller,
        request: &Request,
        method: &str,
        members: &Members,
        out: &mut Vec<u8>,
    ) {
        let id = request.id.as_ref();
        let wanted = match method {
            "user.info" => self.user_info(caller, members),
            "lottery.activities" => self.activities(caller, members),
            "gift.list" => self.gift_list(caller, members),
            other => Err(no_method(other)),
        };
        if let Err(error) = self.look_up(caller, id, wanted) {
            write(out, id, Err::<Nothing, _>(error));
        }
    }

    fn hello(&mut self, caller: &mut Caller, members: &Members) -> Outcome<Welcome> {
        let Hello { client, protocol, token } = members.hello()?;
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
            features: self.features(),
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

    fn features(&self) -> Vec<String> {
        let log = self.has_log.then_some("log");
        FEATURES.into_iter().chain(log).map(str::to_owned).collect()
    }

    fn log_watch(&self, caller: &mut Caller, members: &Members) -> Outcome<Nothing> {
        let level = members.log_watch()?.level.unwrap_or(LogLevel::Info);
        if caller.uid.is_some_and(|uid| !self.access.is_privileged(uid)) {
            let text = "lines of the log are for root and the daemon's own user";
            return Err(Refusal::new(Code::DENIED, text).into());
        }
        if !self.has_log {
            let text = "this engine runs in a program that has its log";
            return Err(Refusal::new(Code::DENIED, text).into());
        }
        caller.log_level = Some(level);
        Ok(Nothing {})
    }
}

fn version() -> Version {
    Version { sdk_version: SDK_VERSION.to_owned(), server: SERVER.to_owned() }
}

fn log_unwatch(caller: &mut Caller) -> Nothing {
    caller.log_level = None;
    Nothing {}
}

pub(super) fn key_of(caller: &Caller, app_key: Option<AppKey>, order_id: OrderId) -> Outcome<Key> {
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
