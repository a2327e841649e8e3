//! What the two ends say to each other: the greeting, answers, events. No I/O: lines come in,
//! events for the owner go out.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::apps::Apps;
use super::event::{About, AuthFrom, Event, Kind, Level, Op};
use super::mirror::{self, Mirror};
use super::queue::Queue;
use super::requests::{line, Draft, Request, Requests, Target, Want};
use super::Options;
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, OrderId};
use crate::core::record::Key;
use crate::core::report::{self, Report, State};
use crate::ipc::proto::{
    Activities, Gifts, Hello, Id, Incoming, OrderRef, Orders, RpcError, Snapshot, Watch, WebOpened,
    Welcome, PARSE_ERROR, PROTOCOL,
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
            (_, None) => {
                let text = incoming.error.map_or(String::new(), |error| error.message);
                Err(protocol(format!("the engine did not understand a line: {text}")))
            }
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
        self.apps.restart(snapshot.apps);
        self.online = true;
        self.told_offline = None;
        self.queue.push_link(Event::new(Kind::Online));
        let keys: Vec<Key> = snapshot.orders.iter().map(mirror::key).collect();
        for report in snapshot.orders {
            self.mirror.restart(&report);
            self.fold(report, false)?;
        }
        if !snapshot.more {
            self.look_for_missing(&keys);
        }
        Ok(())
    }

    /// What the engine did not list it has finished with another client, or it has lost it.
    fn look_for_missing(&mut self, listed: &[Key]) {
        self.mirror.acked_elsewhere(listed);
        let missing: Vec<Key> =
            self.mirror.open().filter(|key| !listed.contains(key)).cloned().collect();
        for Key { app_key, order_id } in missing {
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
    }

    fn on_event(&mut self, params: &str) -> Result<(), Refusal> {
        match serde_json::from_str::<report::Event>(params) {
            Ok(report::Event::Qr(report)) => self.fold(report, true),
            Ok(report::Event::Order(report)) => self.fold(report, false),
            Ok(_) => Ok(()),
            // An event of a later version is not for us.
            Err(error) => {
                self.log(Level::Warn, || format!("an event that cannot be read: {error}"));
                Ok(())
            }
        }
    }

    /// Takes a report in and says what is new. `is_qr`: the engine told it for the code, so
    /// that the code says all of it.
    fn fold(&mut self, report: Report, is_qr: bool) -> Result<(), Refusal> {
        let (key, is_final) = (mirror::key(&report), report.state.is_final());
        let acking = self.requests.acking(&key.order_id);
        let news = self.mirror.fold(report, acking).ok_or_else(|| {
            protocol(format!("the engine has more than {MIRROR_ORDERS_MAX} unfinished orders"))
        })?;
        if news.order && !(is_qr && news.qr) {
            self.queue.push_order(&key, is_final);
        }
        if news.qr {
            self.queue.push_qr(&key);
        }
        Ok(())
    }

    fn on_answer(&mut self, id: i64, outcome: Result<&str, &RpcError>) -> Result<(), Refusal> {
        let request = Op::try_from(id).ok().and_then(|op| self.requests.take(op));
        let Some(request) = request else {
            self.log(Level::Warn, || format!("an answer to {id}, which was not asked"));
            return Ok(());
        };
        match outcome {
            Ok(json) => match self.accept(&request, json) {
                Ok(()) => Ok(()),
                Err(refusal) => {
                    self.refuse(&request, refusal, json.to_owned());
                    Ok(())
                }
            },
            Err(error) => {
                let json = serde_json::to_string(error).unwrap_or_default();
                self.refuse(&request, refusal(error), json);
                Ok(())
            }
        }
    }

    fn accept(&mut self, request: &Request, json: &str) -> Result<(), Refusal> {
        match &request.want {
            Want::Pay(_) => {
                let report: Report = parse(json)?;
                let key = mirror::key(&report);
                self.answer_order(request, report)?;
                self.mirror.set_own(&key, true);
            }
            Want::Query => self.answer_order(request, parse(json)?)?,
            Want::Cancel => {
                let report: Report = parse(json)?;
                self.reply(request, Event::about(Kind::Reply, report.clone()));
                self.fold(report, false)?;
            }
            Want::Ack(sequence) => {
                if let Some(key) = self.key_of(request) {
                    self.mirror.acked(&key, *sequence);
                }
                self.reply(request, Event::new(Kind::Reply));
            }
            Want::Orders => {
                let Orders { orders, more } = parse(json)?;
                let count = u32::try_from(orders.len()).unwrap_or(u32::MAX);
                self.reply(request, Event { orders, more, count, ..Event::new(Kind::Orders) });
            }
            Want::Auth => {
                let about = About::Account(parse(json)?, AuthFrom::Call);
                self.reply(request, Event { about, ..Event::new(Kind::Auth) });
            }
            Want::Account | Want::WebClosed => self.reply(request, Event::new(Kind::Reply)),
            Want::User => {
                let about = About::User(parse(json)?);
                self.reply(request, Event { about, ..Event::new(Kind::User) });
            }
            Want::Activities => {
                let Activities { activities, more } = parse(json)?;
                let about = About::Activities(activities);
                self.reply(request, Event { about, more, ..Event::new(Kind::Activities) });
            }
            Want::Draw => {
                let about = About::Draw(parse(json)?);
                self.reply(request, Event { about, ..Event::new(Kind::Draw) });
            }
            Want::Gifts => {
                let Gifts { gifts, more } = parse(json)?;
                let about = About::Gifts(gifts);
                self.reply(request, Event { about, more, ..Event::new(Kind::Gifts) });
            }
            Want::Gift => {
                let about = About::Gift(parse(json)?);
                self.reply(request, Event { about, ..Event::new(Kind::Gift) });
            }
            Want::WebOpen => {
                let WebOpened { web, .. } = parse(json)?;
                let web = web.ok_or_else(|| {
                    Refusal::new(Code::NOT_FOUND, "the platform has no such page")
                })?;
                let about = About::Web(web);
                self.reply(request, Event { about, ..Event::new(Kind::Web) });
            }
            Want::Raw => {
                self.reply(request, Event { json: json.to_owned(), ..Event::new(Kind::Reply) });
            }
        }
        Ok(())
    }

    /// The answer is an event of the order, and stands for the news that it brings.
    fn answer_order(&mut self, request: &Request, report: Report) -> Result<(), Refusal> {
        if !request.silent {
            self.reply(request, Event::about(Kind::Order, report.clone()));
        }
        self.fold(report, false)
    }

    fn refuse(&mut self, request: &Request, refusal: Refusal, json: String) {
        if request.silent {
            return self.refuse_silent(request, &refusal);
        }
        let refused = match &request.want {
            Want::Pay(pay) => Some(pay.clone()),
            _ => None,
        };
        self.reply(request, Event { json, refused, ..Event::refusal(Kind::Reply, refusal) });
    }

    fn refuse_silent(&mut self, request: &Request, refusal: &Refusal) {
        self.log(Level::Warn, || refusal.to_string());
        let gone = refusal.code == Code::NOT_FOUND;
        let key = self.key_of(request).filter(|_| gone);
        let Some(report) = key.and_then(|key| self.mirror.remove(&key)) else { return };
        if report.state.is_final() {
            return;
        }
        // Nobody can say any more what became of it: that is unknown, not failed.
        let lost = Report {
            state: State::Unknown,
            result: Code::NOT_FOUND,
            message: Some("the engine does not know this order any more".into()),
            qr_text: None,
            expires_s: None,
            ..report
        };
        self.queue.push_notice(Event::about(Kind::Order, lost));
    }

    fn reply(&mut self, request: &Request, event: Event) {
        if request.silent {
            return;
        }
        let order_id = request.target.as_ref().map(|target| target.order_id.clone());
        let order_id = event.order_id.clone().or(order_id);
        self.queue.push_answer(Event { op: request.op, tag: request.tag, order_id, ..event });
    }

    fn key_of(&self, request: &Request) -> Option<Key> {
        let target = request.target.as_ref()?;
        match &target.app_key {
            Some(app_key) => {
                let (app_key, order_id) = (app_key.clone(), target.order_id.clone());
                Some(Key { app_key, order_id })
            }
            None => self.mirror.find(&target.order_id).map(mirror::key),
        }
    }

    /// The connection is gone, or there was none.
    pub fn disconnected(&mut self, why: Refusal) {
        for request in self.requests.disconnect() {
            let text = "the connection ended before the answer; it may have been carried out";
            self.refuse(&request, Refusal::new(Code::OFFLINE, text), String::new());
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

    pub fn log(&mut self, level: Level, text: impl FnOnce() -> String) {
        if self.log_level.is_some_and(|most| level <= most) {
            let (message, count) = (text(), level as u32);
            self.queue.push_log(Event { message, count, ..Event::new(Kind::Log) });
        }
    }
}

fn protocol(text: String) -> Refusal {
    Refusal::new(Code::PROTOCOL, text)
}

fn parse<T: DeserializeOwned>(json: &str) -> Result<T, Refusal> {
    serde_json::from_str(json)
        .map_err(|error| protocol(format!("an answer that cannot be read: {error}")))
}

/// The numbers of JSON-RPC are no codes of ours.
fn refusal(error: &RpcError) -> Refusal {
    let code = match error.code {
        PARSE_ERROR => Code::PROTOCOL,
        -32768..=-32000 => Code::INVALID,
        0.. => Code::PROTOCOL,
        own => Code(own),
    };
    Refusal::new(code, error.message.clone())
}
