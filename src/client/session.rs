//! What the two ends say to each other: the greeting, answers, events. No I/O: lines come in,
//! events for the owner go out.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::answers::{too_many, unanswered};
use super::apps::Apps;
use super::event::{Event, Kind, Level};
use super::mirror::Mirror;
use super::queue::Queue;
use super::requests::{line, Draft, Request, Requests, Target, Want};
use super::Options;
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, OrderId};
use crate::core::record::Key;
use crate::core::report::{self, ItemReport};
use crate::ipc::proto::{
    Hello, Id, Incoming, LogLevel, LogLine, OrderRef, RpcError, Snapshot, Watch, Welcome,
    PARSE_ERROR, PROTOCOL,
};
use crate::limits::MIRROR_ORDERS_MAX;

const HELLO: &str = "hello";
const WATCH: &str = "watch";

#[derive(Debug)]
pub(super) struct Session {
    pub app_key: Option<AppKey>,
    multiple: bool,
    pub log_level: Option<Level>,
    name: String,
    token: Option<String>,
    pub requests: Requests,
    pub mirror: Mirror,
    pub apps: Apps,
    pub queue: Queue,
    /// Requests for pages that were sent on a connection which has ended since.
    pub lost_pages: Vec<Request>,
    pub environment: Arc<str>,
    pub online: bool,
    /// What the last `Offline` event said, so that every try is not told anew.
    told_offline: Option<Code>,
}

impl Session {
    pub fn new(options: &Options) -> Session {
        Session {
            app_key: options.app_key.clone(),
            multiple: options.multiple,
            log_level: options.log_level,
            name: options.name.clone(),
            token: options.token.clone(),
            requests: Requests::default(),
            mirror: Mirror::default(),
            apps: Apps::new(options.app_key.clone()),
            queue: Queue::new(options.events_max),
            lost_pages: Vec::new(),
            environment: "".into(),
            online: false,
            told_offline: None,
        }
    }

    /// What a new connection says first.
    pub fn greeting(&self) -> Result<Vec<u8>, Refusal> {
        let client = self.name.clone();
        let hello = Hello { client, protocol: Some(PROTOCOL), token: self.token.clone() };
        let watch = Watch { app_key: self.app_key.clone() };
        let mut lines = line(HELLO, "hello", Some(hello))?;
        lines.extend(line(WATCH, "watch", Some(watch))?);
        Ok(lines)
    }

    /// Takes one line. `Err`: this engine cannot be worked with; close the connection.
    pub fn on_line(&mut self, line: &[u8]) -> Result<(), Refusal> {
        // An array would be read as the members in their order.
        if line.trim_ascii_start().first() != Some(&b'{') {
            return Err(protocol("not a line of the protocol: no JSON object".into()));
        }
        let incoming: Incoming = serde_json::from_slice(line)
            .map_err(|error| protocol(format!("not a line of the protocol: {error}")))?;
        let outcome = match &incoming.error {
            Some(error) => Err(error),
            None => Ok(incoming.result.map_or("null", RawValue::get)),
        };
        match (&incoming.id, incoming.method.as_deref()) {
            (Some(Id::Text(id)), _) if id == HELLO => self.on_welcome(outcome),
            (Some(Id::Text(id)), _) if id == WATCH => self.on_snapshot(outcome),
            (Some(Id::Number(op)), _) => self.on_answer(*op, outcome),
            (None, Some("event")) => self.on_event(incoming.params.map_or("null", RawValue::get)),
            (None, Some("log")) => self.on_log(incoming.params.map_or("null", RawValue::get)),
            (_, None) => Err(incoming.error.map_or_else(not_understood, |error| {
                match refusal(&error) {
                    // Such as LIMIT: the door is shut for the moment.
                    own if own.code.0 == error.code => own,
                    other => protocol(format!("the engine did not understand: {}", other.message)),
                }
            })),
            _ => Ok(()),
        }
    }

    fn on_welcome(&mut self, outcome: Result<&str, &RpcError>) -> Result<(), Refusal> {
        let welcome: Welcome = parse(outcome.map_err(refusal)?)?;
        if !(PROTOCOL[0]..=PROTOCOL[1]).contains(&welcome.protocol) {
            let (server, theirs) = (welcome.server, welcome.protocol);
            return Err(protocol(format!("{server} speaks protocol {theirs}, not {PROTOCOL:?}")));
        }
        if let Some(app_key) = &self.app_key {
            if !welcome.app_keys.contains(app_key) {
                let text = format!("this user may not act for app_key {app_key}");
                return Err(Refusal::new(Code::DENIED, text));
            }
        }
        self.environment = welcome.environment.into();
        self.log(Level::Info, || format!("connected to {}", welcome.server));
        Ok(())
    }

    fn on_snapshot(&mut self, outcome: Result<&str, &RpcError>) -> Result<(), Refusal> {
        let snapshot: Snapshot = parse(outcome.map_err(refusal)?)?;
        self.online = true;
        self.told_offline = None;
        self.queue.push_link(Event::new(Kind::Online));
        self.settle_lost_pages(&snapshot)?;
        let Snapshot { orders, draws, gifts, apps, more } = snapshot;
        self.apps.restart(apps, more, &mut self.queue)?;
        let orders = orders.into_iter().map(ItemReport::Order);
        let draws = draws.into_iter().map(ItemReport::Draw);
        let gifts = gifts.into_iter().map(ItemReport::Gift);
        let mut listed = Vec::new();
        for report in orders.chain(draws).chain(gifts) {
            listed.push(report.key());
            self.mirror.restart(&report);
            self.fold(report, false)?;
        }
        if !more {
            self.look_for_missing(&listed);
        }
        Ok(())
    }

    /// What the engine did not list it has finished with another client, or it has lost it.
    fn look_for_missing(&mut self, listed: &[Key]) {
        self.mirror.acked_elsewhere(listed);
        let missing = self.mirror.open().filter(|(key, _)| !listed.contains(key));
        let (orders, others): (Vec<_>, Vec<_>) = missing
            .map(|(key, report)| (key.clone(), matches!(report, ItemReport::Order(_))))
            .partition(|(_, is_order)| *is_order);
        for (key, _) in orders {
            self.look_for(key);
        }
        // There is no way to ask for one of these that could not begin it anew.
        for (key, _) in others {
            self.lose_item(&key);
        }
    }

    fn look_for(&mut self, key: Key) {
        let Key { app_key, order_id } = key;
        let params = OrderRef { app_key: Some(app_key.clone()), order_id: order_id.clone() };
        let draft = Draft {
            method: "query",
            params: Some(params),
            tag: 0,
            want: Want::Query,
            target: Some(Target { app_key: Some(app_key), order_id }),
            silent: true,
        };
        if let Err(refusal) = self.requests.add(draft, 0) {
            self.log(Level::Warn, || refusal.to_string());
        }
    }

    /// A line of the engine's own log, which the owner has asked for by `log.watch`.
    fn on_log(&mut self, params: &str) -> Result<(), Refusal> {
        // A level of a later version is not for us.
        if let Ok(LogLine { level, message }) = serde_json::from_str(params) {
            let count = match level {
                LogLevel::Error => Level::Error,
                LogLevel::Warn => Level::Warn,
                LogLevel::Info => Level::Info,
                LogLevel::Debug => Level::Debug,
            } as u32;
            self.queue.push_log(Event { message, count, ..Event::new(Kind::Log) });
        }
        Ok(())
    }

    fn on_event(&mut self, params: &str) -> Result<(), Refusal> {
        let event = match serde_json::from_str::<report::Event>(params) {
            Ok(event) => event,
            // An event of a later version is not for us.
            Err(error) => {
                self.log(Level::Warn, || format!("an event that cannot be read: {error}"));
                return Ok(());
            }
        };
        let queue = &mut self.queue;
        match event {
            report::Event::Qr(report) => self.fold(ItemReport::Order(report), true),
            report::Event::Order(report) => self.fold(ItemReport::Order(report), false),
            report::Event::Draw(report) => self.fold(ItemReport::Draw(report), false),
            report::Event::Gift(report) => self.fold(ItemReport::Gift(report), false),
            report::Event::Account(account) => self.apps.fold_account(account, queue),
            report::Event::Profile { app_key, profile } => {
                self.apps.fold_profile(&app_key, profile, queue)
            }
            report::Event::Web(web) => self.apps.fold_web(web, queue),
        }
    }

    /// Takes a report in and says what is new. `is_qr`: the engine told it for the code, so
    /// that the code says all of it.
    pub(super) fn fold(&mut self, report: ItemReport, is_qr: bool) -> Result<(), Refusal> {
        let (key, is_final) = (report.key(), report.state().is_final());
        let acking = self.requests.acking(&key.order_id);
        let news = self.mirror.fold(report, acking).ok_or_else(|| too_many(MIRROR_ORDERS_MAX))?;
        if news.state && !(is_qr && news.qr) {
            self.queue.push_state(&key, is_final);
        }
        if news.qr {
            self.queue.push_qr(&key);
        }
        Ok(())
    }

    /// The connection is gone, or there was none.
    pub fn disconnected(&mut self, why: Refusal) {
        for request in self.requests.disconnect() {
            match request.want {
                Want::WebOpen(_) => self.lost_pages.push(request),
                _ => self.refuse(&request, unanswered(), String::new()),
            }
        }
        self.log(Level::Info, || why.to_string());
        self.online = false;
        if self.told_offline != Some(why.code) {
            self.told_offline = Some(why.code);
            self.queue.push_link(Event::refusal(Kind::Offline, why));
        }
    }

    /// An own order other than `order_id` that the player may still be looking at.
    pub fn on_screen(&self, order_id: &OrderId) -> Option<OrderId> {
        if self.multiple {
            return None;
        }
        let leaves = |id: &OrderId| {
            let mut about = self.requests.iter().filter(|request| request.is_about(id));
            about.any(|request| matches!(request.want, Want::Cancel))
        };
        let pays = self.requests.iter().filter(|request| request.is_pay());
        let asked = pays.filter_map(|request| request.target.as_ref().map(|t| &t.order_id));
        let shown = self.mirror.on_screen().map(|report| &report.order_id);
        shown.chain(asked).find(|id| *id != order_id && !leaves(id)).cloned()
    }

    /// Answers that have come or are still to come though their request was answered.
    pub fn owed(&self) -> usize {
        self.queue.answers() + self.apps.waits() + self.lost_pages.len()
    }

    /// The next event that has something to say.
    pub fn pull(&mut self) -> Option<Event> {
        self.queue.pull(&mut self.mirror, &mut self.apps)
    }

    /// Whether there is one.
    pub fn settle(&mut self) -> bool {
        self.queue.settle(&self.mirror, &self.apps)
    }

    pub fn log(&mut self, level: Level, text: impl FnOnce() -> String) {
        if self.log_level.is_some_and(|most| level <= most) {
            let (message, count) = (text(), level as u32);
            self.queue.push_log(Event { message, count, ..Event::new(Kind::Log) });
        }
    }
}

fn not_understood() -> Refusal {
    protocol("the engine said something that is neither an answer nor an event".into())
}

pub(super) fn protocol(text: String) -> Refusal {
    Refusal::new(Code::PROTOCOL, text)
}

pub(super) fn parse<T: DeserializeOwned>(json: &str) -> Result<T, Refusal> {
    serde_json::from_str(json)
        .map_err(|error| protocol(format!("an answer that cannot be read: {error}")))
}

/// The numbers of JSON-RPC are no codes of ours.
pub(super) fn refusal(error: &RpcError) -> Refusal {
    let code = match error.code {
        PARSE_ERROR => Code::PROTOCOL,
        -32768..=-32000 => Code::INVALID,
        0.. => Code::PROTOCOL,
        own => Code(own),
    };
    Refusal::new(code, error.message.clone())
}
