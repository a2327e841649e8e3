//! One connection without its socket: bytes in, requests carried out, bytes out. What a round
//! says stays behind a mark until the server has made the round durable.

use std::collections::VecDeque;
use std::io::{self, Read};

use serde::Deserialize;

use super::desk::{write, write_line, Caller, Desk};
use super::line::{Line, LineReader};
use super::lines::left_out_line;
use super::proto::{Id, LogLine, Notification, Request, RpcError, INVALID_REQUEST, PARSE_ERROR};
use crate::limits::{
    HALF_CLOSED_MS, LINE_BYTES_MAX, LINE_DEADLINE_MS, REQUEST_ID_BYTES_MAX, SEND_QUEUE_BYTES_MAX,
};

/// A connection's memory.
pub struct Session {
    /// Who it is.
    pub caller: Caller,
    reader: LineReader,
    /// `queue[head..durable]` may be sent; what is behind it belongs to this round.
    queue: Vec<u8>,
    head: usize,
    durable: usize,
    /// Answers to look-ups that have no room in the queue yet. They come when they come, so
    /// reading less cannot keep them away; there are `LOOKUPS_PER_SESSION_MAX` at most.
    late: VecDeque<Vec<u8>>,
    /// Lines of the log that the peer was too slow for.
    left_out: u32,
    /// Ids of the requests answered in this round.
    asked: Vec<Id>,
    /// When the line began that has not ended.
    line_since_ms: Option<u64>,
    /// When the peer said that nothing more comes.
    ended_at_ms: Option<u64>,
    /// Too slow, or out of time: closed after this round, sent or not.
    dropped: bool,
    /// The peer no longer listens. What it said before it left is still carried out: an ack
    /// that a game sends as its last act counts.
    deaf: bool,
}

impl Session {
    /// A connection on which nothing was said.
    pub fn new(caller: Caller) -> Session {
        Session {
            caller,
            reader: LineReader::new(),
            queue: Vec::new(),
            head: 0,
            durable: 0,
            late: VecDeque::new(),
            left_out: 0,
            asked: Vec::new(),
            line_since_ms: None,
            ended_at_ms: None,
            dropped: false,
            deaf: false,
        }
    }

    /// Reads once. `Ok(0)` is the end of what the peer says.
    pub fn read_from(&mut self, source: &mut impl Read, now_ms: u64) -> io::Result<usize> {
        let count = self.reader.read_from(source)?;
        if count == 0 {
            self.ended_at_ms.get_or_insert(now_ms);
        }
        if self.reader.is_partial() {
            self.line_since_ms.get_or_insert(now_ms);
        }
        Ok(count)
    }

    /// Nothing can be sent any more.
    pub fn stop_talking(&mut self) {
        self.deaf = true;
        self.caller.watching.clear();
        self.caller.log_level = None;
        self.fall_silent();
    }

    /// Nothing can be read any more, and nothing sent.
    pub fn end(&mut self, now_ms: u64) {
        self.ended_at_ms.get_or_insert(now_ms);
        self.stop_talking();
    }

    fn fall_silent(&mut self) {
        self.queue.clear();
        self.late.clear();
        (self.head, self.durable) = (0, 0);
    }

    /// Carries out one line, if a whole one is there and its answer fits into the queue.
    pub fn serve_next(&mut self, desk: &mut Desk) -> bool {
        if !self.takes_lines() {
            return false;
        }
        let parsed = match self.reader.next_line() {
            None => return false,
            Some(Line::Bytes(line)) => parse(line),
            Some(Line::TooLong) => {
                let text = format!("the line has more than {LINE_BYTES_MAX} bytes");
                Err((Id::Null, framing(INVALID_REQUEST, text)))
            }
        };
        match parsed {
            Ok(request) => {
                desk.serve(&mut self.caller, &request, &mut self.queue);
                self.asked.extend(request.id);
            }
            Err((id, error)) => {
                write(&mut self.queue, Some(&id), Err::<(), _>(error));
                self.asked.push(id);
            }
        }
        self.line_since_ms = self.reader.is_partial().then_some(desk.clock.boot_ms);
        true
    }

    /// Appends an event line. A queue that overflows drops the connection: nothing is lost by
    /// that, since the next `watch` begins with a snapshot.
    pub fn tell(&mut self, line: &[u8]) {
        if self.deaf {
            return;
        }
        if self.queued() + line.len() > SEND_QUEUE_BYTES_MAX {
            self.dropped = true;
        } else {
            self.queue.extend_from_slice(line);
        }
    }

    /// Takes the answer to a look-up.
    pub fn answer(&mut self, line: Vec<u8>) {
        self.caller.lookups = self.caller.lookups.saturating_sub(1);
        if !self.deaf {
            self.late.push_back(line);
        }
    }

    /// Appends a line of the log, unless the peer reads too slowly: half of the queue is for
    /// what matters more.
    pub fn log(&mut self, line: &LogLine) {
        if self.queued() > SEND_QUEUE_BYTES_MAX / 2 {
            self.left_out = self.left_out.saturating_add(1);
            return;
        }
        let left_out = std::mem::take(&mut self.left_out);
        if left_out > 0 {
            self.write_log(&left_out_line(left_out));
        }
        self.write_log(line);
    }

    fn write_log(&mut self, line: &LogLine) {
        if !self.deaf {
            let line = Notification { jsonrpc: "2.0", method: "log", params: line };
            write_line(&mut self.queue, &line);
        }
    }

    fn queued(&self) -> usize {
        self.queue.len() - self.head
    }

    /// Moves late answers into the queue while they fit.
    fn admit_late(&mut self) {
        while let Some(line) = self.late.front() {
            if self.queued() + line.len() > SEND_QUEUE_BYTES_MAX {
                return;
            }
            self.queue.extend_from_slice(line);
            self.late.pop_front();
        }
    }

    /// Ends a round: what it said may be sent, or, with an error, is replaced by that error
    /// for each of its requests.
    pub fn settle(&mut self, error: Option<&RpcError>) {
        if let Some(error) = error {
            self.late.clear();
            self.queue.truncate(self.durable);
            for id in &self.asked {
                write(&mut self.queue, Some(id), Err::<(), _>(error.clone()));
            }
        }
        self.asked.clear();
        if self.deaf {
            self.fall_silent();
        }
        self.admit_late();
        self.durable = self.queue.len();
        if !self.takes_lines() {
            // A peer cannot finish a line that we do not read.
            self.line_since_ms = None;
        }
    }

    /// What may be sent.
    pub fn unsent(&self) -> &[u8] {
        &self.queue[self.head..self.durable]
    }

    /// The first `count` bytes of `unsent` are on their way.
    pub fn sent(&mut self, count: usize) {
        self.head += count;
        if self.head == self.queue.len() {
            self.queue.clear();
            self.queue.shrink_to(LINE_BYTES_MAX);
        } else if self.head >= LINE_BYTES_MAX {
            self.queue.drain(..self.head);
        } else {
            return;
        }
        self.head = 0;
        self.admit_late();
        self.durable = self.queue.len();
    }

    /// Whether the socket is worth reading.
    pub fn wants_read(&self) -> bool {
        self.ended_at_ms.is_none() && self.takes_lines() && !self.reader.has_line()
    }

    /// Whether `serve_next` has something to do without another read.
    pub fn has_work(&self) -> bool {
        self.takes_lines() && self.reader.has_line()
    }

    /// To be closed.
    pub fn is_over(&self) -> bool {
        let answered = self.ended_at_ms.is_some()
            && !self.reader.has_line()
            && self.queued() == 0
            && self.late.is_empty()
            && (self.caller.lookups == 0 || self.deaf);
        let listens = !self.caller.watching.is_empty() || self.caller.log_level.is_some();
        self.dropped || (answered && !listens)
    }

    /// Boot milliseconds at which `expire` has something to do.
    pub fn deadline_ms(&self) -> Option<u64> {
        let line = self.line_since_ms.filter(|_| self.wants_read());
        let line = line.map(|since| since.saturating_add(LINE_DEADLINE_MS));
        let end = self.ended_at_ms.map(|since| since.saturating_add(HALF_CLOSED_MS));
        [line, end].into_iter().flatten().min()
    }

    /// Gives up on a line that is not finished in time, and on a peer that has ended.
    pub fn expire(&mut self, now_ms: u64) {
        if self.deadline_ms().is_none_or(|at| now_ms < at) {
            return;
        }
        self.dropped = true;
        if self.ended_at_ms.is_none() {
            let text = format!("the line was not finished within {LINE_DEADLINE_MS} ms");
            write(&mut self.queue, Some(&Id::Null), Err::<(), _>(framing(INVALID_REQUEST, text)));
        }
    }

    /// One more answer of the longest kind fits into the queue.
    fn takes_lines(&self) -> bool {
        !self.dropped && self.queued() + LINE_BYTES_MAX <= SEND_QUEUE_BYTES_MAX
    }
}

/// Reads one request; a refusal comes with the id to answer it under.
fn parse(line: &[u8]) -> Result<Request<'_>, (Id, RpcError)> {
    let bad = |code, text: String| (Id::Null, framing(code, text));
    let text = std::str::from_utf8(line)
        .map_err(|error| bad(PARSE_ERROR, format!("not UTF-8 at byte {}", error.valid_up_to())))?;
    let text = text.trim_ascii();
    let request: Request = serde_json::from_str(text).map_err(|error| {
        if error.is_data() {
            (id_of(text), framing(INVALID_REQUEST, format!("no request: {error}")))
        } else {
            bad(PARSE_ERROR, error.to_string())
        }
    })?;
    // An array would be read as the members of a request, in their order.
    if !text.starts_with('{') {
        return Err(bad(INVALID_REQUEST, "a request is one object; there are no batches".into()));
    }
    match &request.id {
        Some(Id::Text(id)) if id.len() > REQUEST_ID_BYTES_MAX => {
            let text = format!("id has more than {REQUEST_ID_BYTES_MAX} bytes");
            Err(bad(INVALID_REQUEST, text))
        }
        _ => Ok(request),
    }
}

/// The id of a line that is JSON and no request, if it has a usable one.
fn id_of(text: &str) -> Id {
    #[derive(Deserialize)]
    struct OnlyId {
        id: Id,
    }
    let read = |text| serde_json::from_str::<OnlyId>(text).ok().map(|only| only.id);
    let usable = |id: &Id| !matches!(id, Id::Text(id) if id.len() > REQUEST_ID_BYTES_MAX);
    read(text).filter(usable).unwrap_or_default()
}

fn framing(code: i32, message: String) -> RpcError {
    RpcError { code, message, data: None }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::call::{Call, Reply};
    use crate::core::code::{Code, Refusal};
    use crate::core::engine::{Clock, Engine};
    use crate::core::facts::{AppKey, Facts};
    use crate::gateway::{Gateway, HttpAnswer, Prepared};
    use crate::ipc::access::Access;

    struct NoGateway;

    impl Gateway for NoGateway {
        fn name(&self) -> &'static str {
            "none"
        }
        fn check(&self, _: &Facts) -> Result<(), Refusal> {
            Ok(())
        }
        fn encode(&self, _: &Call, _: i64) -> Result<Prepared, Refusal> {
            Err(Refusal::new(Code::GATEWAY, "none"))
        }
        fn decode(&self, _: &Call, _: &Prepared, _: &HttpAnswer) -> Reply {
            Reply::NoTrade
        }
    }

    fn desk() -> Desk {
        let app_key = AppKey::new("1").unwrap();
        let clock = Clock { boot_ms: 0, wall_ms: 0 };
        let access = Access::new(0, Vec::new());
        Desk::new(Engine::new([app_key]), Arc::new(NoGateway), access, "sandbox".into(), clock)
    }

    fn session() -> Session {
        let apps = vec![AppKey::new("1").unwrap()];
        Session::new(Caller::new(None, apps))
    }

    /// Reads `text` and carries out what can be.
    fn feed(session: &mut Session, desk: &mut Desk, text: &str, now_ms: u64) {
        desk.clock.boot_ms = now_ms;
        session.read_from(&mut text.as_bytes(), now_ms).unwrap();
        while session.serve_next(desk) {}
    }

    fn unsent(session: &Session) -> String {
        String::from_utf8(session.unsent().to_vec()).unwrap()
    }

    const UNWATCH: &str = "{\"id\":1,\"method\":\"unwatch\"}\n";

    #[test]
    fn nothing_is_sent_before_the_round_is_settled() {
        let (mut session, mut desk) = (session(), desk());
        feed(&mut session, &mut desk, UNWATCH, 0);
        session.tell(b"event\n");
        assert_eq!(unsent(&session), "");
        session.settle(None);
        assert_eq!(unsent(&session), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}\nevent\n");
        session.sent(5);
        feed(&mut session, &mut desk, &UNWATCH.replace('1', "\"x\""), 0);
        session.tell(b"lost\n");
        session.settle(Some(&framing(-1, "why".into())));
        let text = unsent(&session);
        assert!(text.starts_with("nrpc") && text.contains("event\n"), "what was settled stays");
        assert!(text.ends_with("\"id\":\"x\",\"error\":{\"code\":-1,\"message\":\"why\"}}\n"));
        assert!(!text.contains("lost"));
        session.sent(text.len());
        assert_eq!(unsent(&session), "");
    }

    #[test]
    fn a_line_has_its_time_and_a_new_one_new_time() {
        let (mut session, mut desk) = (session(), desk());
        assert_eq!(session.deadline_ms(), None);
        feed(&mut session, &mut desk, "{\"id\":1,", 1_000);
        assert_eq!(session.deadline_ms(), Some(1_000 + LINE_DEADLINE_MS));
        feed(&mut session, &mut desk, "\"method\":\"unwatch\"}\n{\"id\"", 9_000);
        assert_eq!(session.deadline_ms(), Some(9_000 + LINE_DEADLINE_MS));
        session.settle(None);
        session.expire(8_999 + LINE_DEADLINE_MS);
        assert!(!session.is_over());
        session.expire(9_000 + LINE_DEADLINE_MS);
        session.settle(None);
        assert!(session.is_over() && unsent(&session).contains("not finished within 10000 ms"));
    }

    #[test]
    fn a_full_queue_pauses_reading_and_stops_the_clock_of_the_line() {
        let (mut session, mut desk) = (session(), desk());
        feed(&mut session, &mut desk, "{\"id\"", 0);
        let event = vec![b'x'; SEND_QUEUE_BYTES_MAX - LINE_BYTES_MAX + 1];
        session.tell(&event);
        session.settle(None);
        assert!(!session.wants_read() && !session.is_over());
        assert_eq!(session.deadline_ms(), None);
        session.sent(event.len());
        assert!(session.wants_read());
        assert_eq!(session.deadline_ms(), None, "it starts with the next read");
        session.tell(&vec![b'x'; SEND_QUEUE_BYTES_MAX]);
        assert!(!session.is_over());
        session.tell(b"x");
        assert!(session.is_over(), "an event too many drops the connection");
    }

    #[test]
    fn a_peer_that_has_ended_stays_for_its_answers_or_its_events() {
        let (mut session, mut desk) = (session(), desk());
        feed(&mut session, &mut desk, UNWATCH, 0);
        feed(&mut session, &mut desk, "", 500);
        session.settle(None);
        assert!(!session.is_over() && !session.wants_read());
        session.sent(session.unsent().len());
        assert!(session.is_over());

        let mut session = self::session();
        feed(&mut session, &mut desk, "{\"id\":1,\"method\":\"watch\"}", 0);
        feed(&mut session, &mut desk, "", 500);
        session.settle(None);
        session.sent(session.unsent().len());
        session.expire(499 + HALF_CLOSED_MS);
        assert!(!session.is_over());
        session.expire(500 + HALF_CLOSED_MS);
        assert!(session.is_over());
    }

    #[test]
    fn late_answers_wait_for_room_and_keep_a_peer_that_has_ended() {
        let (mut session, mut desk) = (session(), desk());
        session.caller.lookups = 8;
        feed(&mut session, &mut desk, "", 0);
        let line = [vec![b'x'; LINE_BYTES_MAX - 1], vec![b'\n']].concat();
        (0..8).for_each(|_| session.answer(line.clone()));
        session.settle(None);
        let mut sent = 0;
        while !session.unsent().is_empty() {
            assert!(session.unsent().len() <= SEND_QUEUE_BYTES_MAX && !session.is_over());
            let count = session.unsent().len().min(100_000);
            session.sent(count);
            sent += count;
        }
        assert_eq!(sent, 8 * LINE_BYTES_MAX);
        assert!(session.is_over());
    }

    #[test]
    fn lines_of_the_log_give_way_to_what_matters() {
        let line = LogLine { level: crate::ipc::proto::LogLevel::Info, message: "m".into() };
        let mut session = session();
        session.tell(&vec![b'x'; SEND_QUEUE_BYTES_MAX / 2 + 1]);
        (0..3).for_each(|_| session.log(&line));
        session.settle(None);
        assert_eq!(session.unsent().len(), SEND_QUEUE_BYTES_MAX / 2 + 1);
        session.sent(session.unsent().len());
        session.log(&line);
        session.settle(None);
        let text = unsent(&session);
        assert!(text.contains("3 lines were left out") && text.contains("\"m\""), "{text}");
    }
}
