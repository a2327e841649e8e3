//! Requests that wait for their answer, in the order in which they were made. They outlive a
//! connection: what can be repeated is sent again on the next one.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::value::RawValue;

use super::event::Op;
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, OrderId};
use crate::core::report::{WebKind, WebReport};
use crate::ipc::proto::Pay;
use crate::limits::{LINE_BYTES_MAX, MIRROR_ORDERS_MAX, REQUESTS_MAX};

/// What a request wants, and what has to be known when its answer comes.
#[derive(Clone, Debug)]
pub(super) enum Want {
    Pay(Box<Pay>),
    Cancel,
    Query,
    Ack(u64),
    Orders,
    Auth {
        change: bool,
    },
    /// Its answer is an account.
    Account,
    User,
    Activities,
    Draw,
    Gifts,
    Gift,
    /// Not repeated: a page that was read and closed must not open again.
    WebOpen(WebKind),
    WebClosed,
    /// Any method by name: not repeated, since we cannot know whether that does harm.
    Raw,
}

/// Which order, as far as the caller said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub app_key: Option<AppKey>,
    pub order_id: OrderId,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    pub op: Op,
    pub tag: u64,
    pub want: Want,
    pub target: Option<Target>,
    /// Made by the client itself: its answer is not told.
    pub silent: bool,
    line: Vec<u8>,
    sent: bool,
}

impl Request {
    pub fn is_pay(&self) -> bool {
        matches!(self.want, Want::Pay(_))
    }

    /// The page may be the one that it asked for.
    pub fn is_for_page(&self, web: &WebReport) -> bool {
        matches!(self.want, Want::WebOpen(kind) if kind == web.kind)
    }

    pub fn is_about(&self, order_id: &OrderId) -> bool {
        self.target.as_ref().is_some_and(|target| target.order_id == *order_id)
    }
}

#[derive(Debug, Default)]
pub(super) struct Requests {
    list: VecDeque<Request>,
    last_op: Op,
}

#[derive(Serialize)]
struct Line<'a, I: Serialize, T: Serialize> {
    jsonrpc: &'static str,
    id: I,
    method: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<T>,
}

/// One request line, newline included.
pub(super) fn line<I: Serialize, T: Serialize>(
    id: I,
    method: &str,
    params: Option<T>,
) -> Result<Vec<u8>, Refusal> {
    let line = Line { jsonrpc: "2.0", id, method, params };
    let mut bytes = serde_json::to_vec(&line)
        .map_err(|error| Refusal::new(Code::INVALID, format!("params: {error}")))?;
    bytes.push(b'\n');
    if bytes.len() > LINE_BYTES_MAX {
        let size = bytes.len();
        let text = format!("the request has {size} bytes: allowed are {LINE_BYTES_MAX}");
        return Err(Refusal::new(Code::LIMIT, text));
    }
    Ok(bytes)
}

/// Caller's JSON as it may stand in a line: a newline in JSON text is only ever a blank.
pub(super) fn one_line(json: &RawValue) -> Result<Box<RawValue>, Refusal> {
    let text = json.get().replace(['\n', '\r'], " ");
    if !text.trim_start().starts_with('{') {
        return Err(Refusal::new(Code::INVALID, "params must be a JSON object"));
    }
    RawValue::from_string(text)
        .map_err(|error| Refusal::new(Code::INVALID, format!("params: {error}")))
}

/// What a new request consists of.
pub(super) struct Draft<'a, T: Serialize> {
    pub method: &'a str,
    pub params: Option<T>,
    pub tag: u64,
    pub want: Want,
    pub target: Option<Target>,
    pub silent: bool,
}

impl Requests {
    /// Takes a request in; it is sent by and by. So many `answers` wait to be read, or have
    /// still to come.
    pub fn add<T: Serialize>(&mut self, draft: Draft<T>, answers: usize) -> Result<Op, Refusal> {
        let waiting = self.list.iter().filter(|known| known.silent == draft.silent).count();
        let (held, most) = match draft.silent {
            true => (waiting, MIRROR_ORDERS_MAX),
            false => (waiting + answers, REQUESTS_MAX),
        };
        if held >= most {
            let text = format!("{most} requests or answers are waiting: read events first");
            return Err(Refusal::new(Code::LIMIT, text));
        }
        let op = self.last_op + 1;
        let line = line(op, draft.method, draft.params)?;
        self.last_op = op;
        let Draft { tag, want, target, silent, .. } = draft;
        self.list.push_back(Request { op, tag, want, target, silent, line, sent: false });
        Ok(op)
    }

    /// Lines that have not been sent on this connection, oldest first, while `room` says
    /// that one of this size may go out.
    pub fn send(&mut self, mut room: impl FnMut(&[u8]) -> bool) {
        for request in self.list.iter_mut().filter(|request| !request.sent) {
            if !room(&request.line) {
                return;
            }
            request.sent = true;
        }
    }

    /// The request that an answer belongs to.
    pub fn take(&mut self, op: Op) -> Option<Request> {
        let at = self.list.iter().position(|request| request.op == op && request.sent)?;
        self.list.remove(at)
    }

    /// The connection is gone: returns what must not be repeated.
    pub fn disconnect(&mut self) -> Vec<Request> {
        let is_lost = |request: &Request| {
            request.sent && matches!(request.want, Want::Raw | Want::WebOpen(_))
        };
        let (lost, kept): (Vec<_>, Vec<_>) = self.list.drain(..).partition(is_lost);
        let unsent = |request| Request { sent: false, ..request };
        self.list = kept.into_iter().map(unsent).collect();
        lost
    }

    pub fn iter(&self) -> impl Iterator<Item = &Request> {
        self.list.iter()
    }

    /// The newest sequence of this order that an ack is on its way for.
    pub fn acking(&self, order_id: &OrderId) -> u64 {
        let sequences = self.list.iter().filter(|request| request.is_about(order_id));
        let acks = sequences.filter_map(|request| match request.want {
            Want::Ack(sequence) => Some(sequence),
            _ => None,
        });
        acks.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(requests: &mut Requests, want: Want, silent: bool) -> Result<Op, Refusal> {
        let draft =
            Draft { method: "status", params: None::<()>, tag: 7, want, target: None, silent };
        requests.add(draft, 0)
    }

    #[test]
    fn own_acks_do_not_use_up_the_callers_requests() {
        let mut requests = Requests::default();
        for _ in 0..REQUESTS_MAX {
            add(&mut requests, Want::Raw, false).unwrap();
        }
        assert_eq!(add(&mut requests, Want::Raw, false).unwrap_err().code, Code::LIMIT);
        assert!(add(&mut requests, Want::Ack(1), true).is_ok());
    }

    #[test]
    fn a_lost_connection_repeats_all_but_raw_requests() {
        let mut requests = Requests::default();
        let raw = add(&mut requests, Want::Raw, false).unwrap();
        let query = add(&mut requests, Want::Query, false).unwrap();
        let mut room = 2;
        requests.send(|_| {
            room -= 1;
            room >= 0
        });
        let unsent = add(&mut requests, Want::Raw, false).unwrap();
        let lost: Vec<Op> = requests.disconnect().iter().map(|request| request.op).collect();
        assert_eq!(lost, [raw]);
        assert!(requests.take(query).is_none(), "an answer to a line of the old connection");
        let mut lines = Vec::new();
        requests.send(|line| {
            lines.extend_from_slice(line);
            true
        });
        let text = String::from_utf8(lines).unwrap();
        assert_eq!(text.lines().count(), 2);
        assert!(requests.take(query).is_some() && requests.take(unsent).is_some());
    }

    #[test]
    fn params_stay_on_one_line() {
        let json = RawValue::from_string("{\n \"a\":\r\n\"b\\n\"}".into()).unwrap();
        let params = one_line(&json).unwrap();
        let bytes = line(1, "gift.list", Some(params)).unwrap();
        assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count(), 1);
        let list = RawValue::from_string("[1]".into()).unwrap();
        assert_eq!(one_line(&list).unwrap_err().code, Code::INVALID);
    }

    #[test]
    fn a_line_over_the_limit_is_refused() {
        let big = "x".repeat(LINE_BYTES_MAX);
        assert_eq!(line(1, "m", Some(big)).unwrap_err().code, Code::LIMIT);
    }
}
