//! A conversation with the engine for one command: connect, ask, wait for the answer.

use std::collections::VecDeque;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::value::to_raw_value;

use super::args::Global;
use super::exit::{Fail, NO_DAEMON, OTHER, START_DAEMON};
use crate::client::{Client, Event, Kind, Level, Op, Options};
use crate::core::code::Code;
use crate::core::report::Report;
use crate::limits::{CLI_ANSWER_MS, EVENTS_MAX};

const SAME_VERSION: &str = "install alitv-pay and alitv-payd of the same version";
/// Pause of `call_ready`.
const ASK_AGAIN: Duration = Duration::from_millis(250);

/// The client, and events that came while an answer was awaited.
pub struct Session {
    /// For requests.
    pub client: Client,
    /// `sandbox` or `production`.
    pub environment: Arc<str>,
    early: VecDeque<Event>,
}

impl Session {
    /// Connects to the daemon of `global` and waits until it answers.
    ///
    /// # Errors
    /// Exit 3 if nobody listens, 1 if the daemon refuses us.
    pub fn open(global: &Global) -> Result<Session, Fail> {
        let client = Client::open(Options {
            socket_path: global.socket.clone(),
            app_key: global.app_key.clone(),
            events_max: EVENTS_MAX,
            multiple: true,
            log_level: global.verbose.then_some(Level::Debug),
            name: concat!("alitv-pay/", env!("CARGO_PKG_VERSION")).into(),
            token: None,
        })?;
        Session::online(client)
    }

    /// Waits until the engine answers.
    ///
    /// # Errors
    /// As `open`.
    pub fn online(client: Client) -> Result<Session, Fail> {
        let mut session = Session { client, environment: "".into(), early: VecDeque::new() };
        let (deadline, mut busy) = (deadline(), None);
        while let Some(event) = session.receive(deadline) {
            match event.kind {
                Kind::Online => {
                    session.environment = event.environment;
                    return Ok(session);
                }
                // Too many connections just now; the client tries again.
                Kind::Offline if event.result == Code::LIMIT => busy = Some(event),
                Kind::Offline => return Err(no_daemon(&event)),
                _ => session.keep(event),
            }
        }
        match busy {
            Some(event) => Err(refused(&event)),
            None => Err(Fail::new(NO_DAEMON, "the daemon does not answer", START_DAEMON)),
        }
    }

    /// The answer to the request `op`.
    ///
    /// # Errors
    /// What the engine refused; exit 3 if it went away.
    pub fn answer(&mut self, op: Op) -> Result<Event, Fail> {
        let deadline = deadline();
        while let Some(event) = self.receive(deadline) {
            match event.kind {
                Kind::Reply if event.op == op && event.result != Code::OK => {
                    return Err(refused(&event));
                }
                _ if event.op == op => return Ok(event),
                Kind::Offline => return Err(no_daemon(&event)),
                _ => self.keep(event),
            }
        }
        let wait_s = CLI_ANSWER_MS / 1000;
        Err(Fail::new(
            OTHER,
            format!("the daemon did not answer within {wait_s} s"),
            "see whether it is stuck: alitv-pay status; its log tells more",
        ))
    }

    /// As `answer`, where the answer is an order.
    ///
    /// # Errors
    /// As `answer`.
    pub fn report(&mut self, op: Op) -> Result<Report, Fail> {
        let event = self.answer(op)?;
        event
            .report
            .ok_or_else(|| Fail::new(OTHER, "the daemon's answer has no order in it", SAME_VERSION))
    }

    /// The result of any method.
    ///
    /// # Errors
    /// As `answer`.
    pub fn call<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<T, Fail> {
        let params = to_raw_value(params).map_err(|error| {
            Fail::usage(format!("params of {method}: {error}"), "correct that value")
        })?;
        let op = self.client.request(method, Some(&params), 0)?;
        let answer = self.answer(op)?;
        serde_json::from_str(&answer.json).map_err(|error| {
            let text = format!("the daemon's answer to {method} cannot be read: {error}");
            Fail::new(OTHER, text, SAME_VERSION)
        })
    }

    /// As `call`, but a daemon that has just started gets time to hear from the gateway.
    ///
    /// # Errors
    /// As `call`; NOT_READY if the gateway stays silent.
    pub fn call_ready<T: DeserializeOwned>(
        &mut self,
        method: &str,
        params: &impl Serialize,
    ) -> Result<T, Fail> {
        let deadline = deadline();
        loop {
            match self.call(method, params) {
                Err(fail) if fail.code == Code::NOT_READY && Instant::now() < deadline => {
                    self.client.wait(Some(ASK_AGAIN));
                }
                other => return other,
            }
        }
    }

    /// The next event, if there is one. Never waits.
    pub fn next_event(&mut self) -> Option<Event> {
        self.early.pop_front().or_else(|| self.client.next_event())
    }

    /// Readable when `next_event` has something, or when the client wants to be pumped.
    pub fn fd(&self) -> RawFd {
        self.client.fd()
    }

    /// What does not fit any more is told again: finals by the engine, the rest by the next
    /// snapshot.
    fn keep(&mut self, event: Event) {
        if self.early.len() < EVENTS_MAX {
            self.early.push_back(event);
        }
    }

    /// The next event that is not early. None at the deadline.
    fn receive(&mut self, deadline: Instant) -> Option<Event> {
        loop {
            if let Some(event) = self.client.next_event() {
                return Some(event);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            self.client.wait(Some(left));
        }
    }
}

/// The failure that a refusing event tells.
pub fn refused(event: &Event) -> Fail {
    Fail::refused(crate::core::code::Refusal::new(event.result, event.message.clone()))
}

fn no_daemon(event: &Event) -> Fail {
    match event.result {
        Code::OK | Code::OFFLINE => {
            Fail { exit: NO_DAEMON, next: START_DAEMON.into(), ..refused(event) }
        }
        _ => refused(event),
    }
}

fn deadline() -> Instant {
    Instant::now() + Duration::from_millis(CLI_ANSWER_MS)
}
