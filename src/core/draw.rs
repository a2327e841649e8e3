//! One draw of a lottery: what is known of it, the fold of its journal records, and how it
//! moves (`reference/reliability.md` 3, Lottery). Points are spent at most once, whatever is
//! lost on the way, and what is told is what the gateway did.
//!
//! ```text
//! CREATED --Draw--> WON | LOST | FAILED           told again until acked
//!    |                 ^
//!    no usable answer: |                          UNKNOWN after a while
//!    +--DrawQuery------+<--"no such draw", and no request can be on its way any more
//!         |
//!         +--"no such draw" while young: Draw once more, with the same id
//! ```

use std::sync::Arc;

use super::award::Award;
use super::call::{Ask, Drawn, Reply};
use super::code::Code;
use super::facts::DrawFacts;
use super::order::Now;
use super::outbox::{Course, Inquiry, Outbox, Trouble, SESSION_INVALID};
use super::record::{Key, Record};
use super::report::{DrawReport, Event, State};
use super::step::{Input, Output};
use super::timers::Timers;
use crate::limits::{DRAW_GRACE_MS, DRAW_SEND_MS, SEQUENCE_RESTART_GAP};

/// A draw. `apply` is the only way its durable part changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Draw {
    pub(super) facts: Arc<DrawFacts>,
    /// Unix milliseconds by the box's clock.
    pub(super) created_ms: i64,
    pub(super) phase: Phase,
    /// The question that is out. An answer to any other is dropped.
    pub(super) awaiting: Option<Awaiting>,
    /// What the next question is, as long as the draw may be sent.
    pub(super) next: Next,
    /// Boot milliseconds until which the draw may be sent, the first time or again. Not
    /// stored: after a restart the clock of the box says how old it is, and where that cannot
    /// be, it is only looked up.
    pub(super) send_until: u64,
    /// Boot milliseconds of the last moment at which a request to draw may have left.
    pub(super) sent_at: u64,
    /// One request has left since the draw was begun, and no other.
    pub(super) sent_once: bool,
    /// The session of that one request is over, and with it every copy of the request.
    pub(super) is_dead: bool,
    pub(super) course: Course,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Created,
    Final(Box<End>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Next {
    Send,
    Look,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Awaiting {
    Draw,
    /// `last_word`: asked when no request to draw could be carried out any more, so that "no
    /// such draw" is the end however late the answer is read.
    Query {
        last_word: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct End {
    pub state: State,
    pub award: Option<Award>,
    pub points_left: Option<i64>,
    pub free_left: Option<i64>,
    pub gateway_code: Option<String>,
    pub message: Option<String>,
    pub at_ms: i64,
    pub acked: bool,
}

/// Starts a draw.
pub fn start(facts: DrawFacts, now: &Now, out: &mut Vec<Output>) -> Draw {
    let record = Record::DrawIntent { facts: facts.clone(), created_ms: now.wall_ms };
    let mut draw = Draw::new(facts, now.wall_ms);
    out.push(Output::Append(record));
    draw.next = Next::Send;
    draw.send_until = now.boot_ms + DRAW_SEND_MS;
    draw.tell(now, out);
    draw.ask(now, out);
    draw.sent_once = true;
    draw.check();
    draw
}

/// The only way a draw changes once it exists. It cannot be cancelled.
pub fn step(draw: &mut Draw, input: Input, now: &Now, out: &mut Vec<Output>) {
    match input {
        Input::Reply(reply) => draw.on_reply(reply, now, out),
        Input::Hurry => draw.hurry(now),
        Input::Ack { sequence } => draw.on_ack(sequence, out),
        Input::Resume => draw.resume(now, out),
        Input::Cancel | Input::Tick => {}
    }
    draw.run_timers(now, out);
    draw.check();
}

/// Boot milliseconds of the next moment at which `Input::Tick` does something.
pub fn wake_at(draw: &Draw) -> Option<u64> {
    draw.course.wake_at(draw.is_open())
}

impl Draw {
    /// A draw out of its intent record, before anything else is known.
    pub fn new(facts: DrawFacts, created_ms: i64) -> Draw {
        Draw {
            facts: Arc::new(facts),
            created_ms,
            phase: Phase::Created,
            awaiting: None,
            next: Next::Look,
            send_until: 0,
            sent_at: 0,
            sent_once: false,
            is_dead: false,
            course: Course::default(),
        }
    }

    /// What it is about.
    pub fn facts(&self) -> &DrawFacts {
        &self.facts
    }

    /// Its name in the journal.
    pub fn key(&self) -> Key {
        self.facts.key()
    }

    /// The state that is told.
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Final(end) => end.state,
            Phase::Created if self.course.unknown => State::Unknown,
            Phase::Created => State::Created,
        }
    }

    /// Of the last thing told.
    pub fn sequence(&self) -> u64 {
        self.course.sequence
    }

    /// The last answer was no answer.
    pub fn in_doubt(&self) -> bool {
        self.course.trouble.is_some()
    }

    /// A final state whose ack is missing.
    pub fn is_unacked(&self) -> bool {
        matches!(&self.phase, Phase::Final(end) if !end.acked)
    }

    /// Unix milliseconds by the box's clock of an acked final state: it may be forgotten.
    pub fn acked_since_ms(&self) -> Option<i64> {
        match &self.phase {
            Phase::Final(end) if end.acked => Some(end.at_ms),
            _ => None,
        }
    }

    /// Folds one record in.
    ///
    /// # Errors
    /// The journal contradicts itself.
    pub fn apply(&mut self, record: &Record) -> Result<(), String> {
        let fits = match record {
            Record::DrawFinal { .. } => self.apply_final(record),
            Record::Resumed { sequence, .. } => {
                self.phase == Phase::Created && self.advance(*sequence)
            }
            Record::Ack { sequence, .. } => match &mut self.phase {
                Phase::Final(end) => {
                    end.acked = true;
                    self.course.sequence == *sequence
                }
                Phase::Created => false,
            },
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let DrawFacts { app_key, draw_id, .. } = self.facts();
        Err(format!("draw {draw_id} of app {app_key}: {record:?} does not follow"))
    }

    fn apply_final(&mut self, record: &Record) -> bool {
        let Record::DrawFinal {
            state,
            sequence,
            award,
            points_left,
            free_left,
            gateway_code,
            message,
            at_ms,
            ..
        } = record
        else {
            return false;
        };
        let ends = matches!(state, State::Won | State::Lost | State::Failed);
        let fits = ends && award.is_some() == (*state == State::Won);
        let first = self.phase == Phase::Created;
        self.phase = Phase::Final(Box::new(End {
            state: *state,
            award: award.clone(),
            points_left: *points_left,
            free_left: *free_left,
            gateway_code: gateway_code.clone(),
            message: message.clone(),
            at_ms: *at_ms,
            acked: false,
        }));
        fits && first && self.advance(*sequence)
    }

    /// The shortest records that fold into this draw.
    pub fn records(&self) -> Vec<Record> {
        let key = self.key();
        let facts = DrawFacts::clone(&self.facts);
        let mut records = vec![Record::DrawIntent { facts, created_ms: self.created_ms }];
        let sequence = self.course.sequence;
        match &self.phase {
            Phase::Created if sequence > 0 => records.push(Record::Resumed { key, sequence }),
            Phase::Created => {}
            Phase::Final(end) => {
                records.push(end.record(key.clone(), sequence));
                if end.acked {
                    records.push(Record::Ack { key, sequence });
                }
            }
        }
        records
    }

    /// The draw as it stands.
    pub fn report(&self, _now: &Now) -> DrawReport {
        let end = match &self.phase {
            Phase::Final(end) => Some(end),
            Phase::Created => None,
        };
        let trouble = self.course.trouble.as_ref().filter(|_| self.state() == State::Unknown);
        let message = end.and_then(|end| end.message.clone());
        DrawReport {
            app_key: self.facts.app_key.clone(),
            draw_id: self.facts.draw_id.clone(),
            state: self.state(),
            sequence: self.course.sequence,
            event_key: self.facts.event_key.clone(),
            user_id: self.facts.user_id.clone(),
            award: end.and_then(|end| end.award.clone()),
            points_left: end.and_then(|end| end.points_left),
            free_left: end.and_then(|end| end.free_left),
            result: match self.state() {
                State::Failed if end.is_some_and(|end| end.is_for_lack_of_session()) => {
                    Code::UNAUTHORIZED
                }
                State::Failed => Code::DRAW_DENIED,
                _ => trouble.map_or(Code::OK, |trouble| trouble.code),
            },
            gateway_code: end.and_then(|end| end.gateway_code.clone()),
            message: message.or_else(|| trouble.map(|trouble| trouble.detail.clone())),
            created_ms: self.created_ms,
            acked: end.is_some_and(|end| end.acked),
        }
    }

    fn on_reply(&mut self, reply: Reply, now: &Now, out: &mut Vec<Output>) {
        let Some(asked) = self.awaiting.take() else { return };
        if asked == Awaiting::Draw {
            // A worker may have been free for it only just now.
            self.sent_at = now.boot_ms;
        }
        match (reply, asked) {
            (Reply::Drawn(drawn), _) => self.finish(ended(*drawn, now), now, out),
            (Reply::Rejected { code, text }, _) => {
                self.finish(failed(Some(code), text, now), now, out)
            }
            (Reply::NoTrade, Awaiting::Query { last_word }) => {
                self.on_not_seen(last_word, now, out)
            }
            (Reply::Throttled { after_s }, _) => {
                // It was not carried out, and the same id makes a second request harmless.
                self.next = if asked == Awaiting::Draw { Next::Send } else { Next::Look };
                self.course.timers.throttled(after_s, now);
            }
            (Reply::NoSession, Awaiting::Draw) if self.sent_once => {
                // Nobody has signed this answer; the look-up's is signed.
                self.is_dead = true;
                self.course.timers.poll_at = Some(now.boot_ms);
            }
            (Reply::NoSession, _) => self.on_trouble(Trouble::no_session(), now, out),
            (Reply::InDoubt(doubt), _) => self.on_trouble(doubt.into(), now, out),
            _ => self.on_trouble(Trouble::misfit(&format!("{asked:?}")), now, out),
        }
    }

    /// The gateway has not seen the draw id. It may still be on its way.
    fn on_not_seen(&mut self, last_word: bool, now: &Now, out: &mut Vec<Output>) {
        if last_word && self.is_dead {
            let text = "the user is not signed in any more; nothing was drawn".to_owned();
            return self.finish(failed(Some(SESSION_INVALID.into()), text, now), now, out);
        }
        if last_word {
            let text = "the draw never reached the gateway".to_owned();
            return self.finish(failed(None, text, now), now, out);
        }
        self.next = Next::Send;
        let trouble = Trouble::new(Code::NETWORK, "the gateway has not seen the draw");
        self.on_trouble(trouble, now, out);
    }

    fn hurry(&mut self, now: &Now) {
        if self.awaiting.is_none() && self.is_open() {
            self.course.timers.hurry(now);
        }
    }

    fn on_ack(&mut self, sequence: u64, out: &mut Vec<Output>) {
        if self.is_unacked() && sequence == self.course.sequence {
            self.record(Record::Ack { key: self.key(), sequence }, out);
            self.course.timers.retell_at = None;
        }
    }

    fn resume(&mut self, now: &Now, out: &mut Vec<Output>) {
        match &self.phase {
            Phase::Final(end) => {
                self.course.timers.retell_at = Some(now.boot_ms).filter(|_| !end.acked);
            }
            Phase::Created => {
                let sequence = self.course.sequence + SEQUENCE_RESTART_GAP;
                self.record(Record::Resumed { key: self.key(), sequence }, out);
                self.sent_at = now.boot_ms;
                self.send_until = now.boot_ms + self.youth_left_ms(now);
                self.course.timers.poll_at = Some(now.boot_ms);
            }
        }
    }

    /// How long the draw may still be sent, by the clock of the box. If that has jumped, the
    /// player may get late what was asked for, but never twice.
    fn youth_left_ms(&self, now: &Now) -> u64 {
        let age_ms = u64::try_from(now.wall_ms.saturating_sub(self.created_ms));
        age_ms.map_or(0, |age_ms| DRAW_SEND_MS.saturating_sub(age_ms))
    }

    fn finish(&mut self, end: End, now: &Now, out: &mut Vec<Output>) {
        let record = end.record(self.key(), self.course.sequence + 1);
        self.record(record, out);
        self.course.clear_trouble();
        self.tell_recorded(now, out);
        self.course.timers.told(now);
    }

    /// Invariants that one draw can break by itself. They stay on in release: stopping is
    /// better than telling a lie about somebody's points.
    fn check(&self) {
        let timers = &self.course.timers;
        let asks = u8::from(self.awaiting.is_some()) + u8::from(timers.poll_at.is_some());
        let open = u8::from(self.is_open());
        assert_eq!(asks, open, "an open draw asks or waits to ask, a final one never");
        assert!(!self.course.unknown || self.is_open(), "UNKNOWN is never final");
        assert_eq!(timers.retell_at.is_some(), self.is_unacked(), "unacked is told again");
    }
}

impl Outbox for Draw {
    fn fold(&mut self, record: &Record) -> Result<(), String> {
        self.apply(record)
    }

    fn event(&self, now: &Now) -> Event {
        Event::Draw(self.report(now))
    }

    fn sequence_mut(&mut self) -> &mut u64 {
        &mut self.course.sequence
    }

    fn timers_mut(&mut self) -> &mut Timers {
        &mut self.course.timers
    }
}

impl Inquiry for Draw {
    fn course_mut(&mut self) -> &mut Course {
        &mut self.course
    }

    fn is_open(&self) -> bool {
        self.phase == Phase::Created
    }

    fn ask(&mut self, now: &Now, out: &mut Vec<Output>) {
        let facts = self.facts.clone();
        let may_send = now.boot_ms < self.send_until && !self.is_dead;
        let (ask, awaiting) = if self.next == Next::Send && may_send {
            self.sent_at = now.boot_ms;
            self.sent_once = false;
            (Ask::Draw(facts), Awaiting::Draw)
        } else {
            let past_grace = now.boot_ms >= self.sent_at + DRAW_GRACE_MS;
            (Ask::DrawQuery(facts), Awaiting::Query { last_word: past_grace || self.is_dead })
        };
        // Whatever is lost from here on is looked up first.
        self.next = Next::Look;
        self.awaiting = Some(awaiting);
        self.course.timers.asked(now);
        out.push(Output::Ask(ask));
    }
}

impl End {
    fn is_for_lack_of_session(&self) -> bool {
        self.gateway_code.as_deref() == Some(SESSION_INVALID)
    }

    fn record(&self, key: Key, sequence: u64) -> Record {
        Record::DrawFinal {
            key,
            state: self.state,
            sequence,
            award: self.award.clone(),
            points_left: self.points_left,
            free_left: self.free_left,
            gateway_code: self.gateway_code.clone(),
            message: self.message.clone(),
            at_ms: self.at_ms,
        }
    }
}

fn ended(drawn: Drawn, now: &Now) -> End {
    End {
        state: if drawn.award.is_some() { State::Won } else { State::Lost },
        award: drawn.award,
        points_left: drawn.points_left,
        free_left: drawn.free_left,
        gateway_code: None,
        message: None,
        at_ms: now.wall_ms,
        acked: false,
    }
}

fn failed(gateway_code: Option<String>, text: String, now: &Now) -> End {
    let drawn = Drawn { award: None, points_left: None, free_left: None };
    let message = Some(text);
    End { state: State::Failed, gateway_code, message, ..ended(drawn, now) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::call::DoubtKind;
    use crate::core::facts::{AppKey, EventKey, OrderId};
    use crate::core::user::UserId;
    use crate::limits::{DOUBT_MS, RETELL_MS};

    fn at(boot_ms: u64) -> Now {
        Now { boot_ms, wall_ms: 5, server_ms: None, wait_s: 0 }
    }

    fn begun() -> Draw {
        let facts = DrawFacts {
            app_key: AppKey::new("1").unwrap(),
            draw_id: OrderId::new("draw-1").unwrap(),
            event_key: EventKey::new("spring").unwrap(),
            user_id: UserId::new("u").unwrap(),
            confirm_key: None,
            behavior_key: None,
        };
        start(facts, &at(0), &mut Vec::new())
    }

    fn run(draw: &mut Draw, input: Input, boot_ms: u64) -> Vec<Output> {
        let mut out = Vec::new();
        step(draw, input, &at(boot_ms), &mut out);
        out
    }

    fn answer(draw: &mut Draw, reply: Reply, boot_ms: u64) -> Vec<Output> {
        run(draw, Input::Reply(reply), boot_ms)
    }

    /// Lets timers run out until something is asked; when, and what.
    fn next_ask(draw: &mut Draw) -> (u64, Ask) {
        loop {
            let boot_ms = wake_at(draw).expect("a timer");
            for output in run(draw, Input::Tick, boot_ms) {
                if let Output::Ask(ask) = output {
                    return (boot_ms, ask);
                }
            }
        }
    }

    fn silence() -> Reply {
        Reply::in_doubt(DoubtKind::Network, "silence")
    }

    fn won() -> Reply {
        let award = Some(Award { name: "sword".into(), ..Award::default() });
        Reply::Drawn(Box::new(Drawn { award, points_left: Some(5), free_left: None }))
    }

    #[test]
    fn what_was_won_is_told_until_it_is_acked() {
        let mut draw = begun();
        let out = answer(&mut draw, won(), 10);
        assert!(matches!(out[..], [Output::Append(_), Output::Tell(_)]), "{out:?}");
        let report = draw.report(&at(10));
        assert_eq!((report.state, report.sequence), (State::Won, 2));
        assert_eq!(report.award.unwrap().name, "sword");
        assert_eq!(wake_at(&draw), Some(10 + RETELL_MS[0]));
        assert_eq!(run(&mut draw, Input::Tick, 10 + RETELL_MS[0]).len(), 1);
        assert!(run(&mut draw, Input::Ack { sequence: 1 }, 2_000).is_empty(), "another sequence");
        run(&mut draw, Input::Ack { sequence: 2 }, 2_000);
        assert_eq!((wake_at(&draw), draw.acked_since_ms()), (None, Some(5)));
    }

    #[test]
    fn silence_is_looked_up_and_only_a_young_draw_is_sent_again() {
        let mut draw = begun();
        answer(&mut draw, silence(), 10);
        let (now, ask) = next_ask(&mut draw);
        assert!(matches!(ask, Ask::DrawQuery(_)), "{ask:?}");
        answer(&mut draw, Reply::NoTrade, now);
        let (now, ask) = next_ask(&mut draw);
        assert!(now < DRAW_SEND_MS && matches!(ask, Ask::Draw(_)), "{ask:?}");
        answer(&mut draw, silence(), DRAW_SEND_MS);
        let (now, _) = next_ask(&mut draw);
        answer(&mut draw, Reply::NoTrade, now);
        assert!(matches!(next_ask(&mut draw).1, Ask::DrawQuery(_)), "too old to be sent");
    }

    #[test]
    fn a_draw_that_never_arrived_fails_after_the_grace_and_not_before() {
        let mut draw = begun();
        let mut now = DRAW_SEND_MS;
        answer(&mut draw, silence(), now);
        while draw.is_open() {
            let (asked_at, ask) = next_ask(&mut draw);
            assert!(matches!(ask, Ask::DrawQuery(_)));
            now = asked_at;
            answer(&mut draw, Reply::NoTrade, now);
        }
        assert!(now >= DRAW_SEND_MS + DRAW_GRACE_MS, "{now}");
        assert!(now <= DRAW_SEND_MS + DRAW_GRACE_MS + 60_000, "{now}");
        let report = draw.report(&at(now));
        assert_eq!((report.state, report.result), (State::Failed, Code::DRAW_DENIED));
        assert_eq!(report.gateway_code, None);
    }

    #[test]
    fn a_refusal_carries_the_gateways_code() {
        let mut draw = begun();
        let reply = Reply::Rejected { code: "POINTS_NOT_ENOUGH".into(), text: "no".into() };
        answer(&mut draw, reply, 10);
        let report = draw.report(&at(10));
        assert_eq!((report.state, report.result), (State::Failed, Code::DRAW_DENIED));
        assert_eq!(report.gateway_code.as_deref(), Some("POINTS_NOT_ENOUGH"));
        assert_eq!(report.message.as_deref(), Some("no"));
    }

    #[test]
    fn unknown_says_why_and_a_dead_session_says_it_at_once() {
        let mut draw = begun();
        answer(&mut draw, silence(), 0);
        assert_eq!(draw.state(), State::Created);
        run(&mut draw, Input::Tick, DOUBT_MS);
        let report = draw.report(&at(DOUBT_MS));
        assert_eq!((report.state, report.result), (State::Unknown, Code::NETWORK));
        answer(&mut draw, Reply::NoTrade, DOUBT_MS);
        while !matches!(next_ask(&mut draw).1, Ask::Draw(_)) {
            answer(&mut draw, Reply::NoTrade, DOUBT_MS);
        }
        answer(&mut draw, Reply::NoSession, DOUBT_MS + 1);
        let report = draw.report(&at(DOUBT_MS + 1));
        assert_eq!((report.state, report.result), (State::Unknown, Code::UNAUTHORIZED));
        assert!(draw.in_doubt(), "the first request may have been carried out");
    }

    #[test]
    fn a_session_that_was_over_from_the_start_draws_nothing_and_says_so_at_once() {
        let mut draw = begun();
        answer(&mut draw, Reply::NoSession, 0);
        assert_eq!(draw.state(), State::Created);
        assert_eq!(draw.awaiting, Some(Awaiting::Query { last_word: true }), "at once");
        answer(&mut draw, Reply::NoTrade, 5);
        let report = draw.report(&at(5));
        assert_eq!((report.state, report.result), (State::Failed, Code::UNAUTHORIZED));
    }

    #[test]
    fn after_a_restart_it_is_looked_up_and_sent_again_only_while_it_is_young() {
        let before = begun();
        let records = before.records();
        let last = i64::try_from(DRAW_SEND_MS).unwrap() - 1;
        for (age_ms, young) in [(0, true), (last, true), (last + 1, false), (-1, false)] {
            let mut draw = Draw::new(DrawFacts::clone(&before.facts), before.created_ms);
            records[1..].iter().for_each(|record| draw.apply(record).unwrap());
            let now = Now { wall_ms: before.created_ms + age_ms, ..at(3) };
            let mut out = Vec::new();
            step(&mut draw, Input::Resume, &now, &mut out);
            assert!(matches!(&out[1], Output::Ask(Ask::DrawQuery(_))), "{out:?}");
            assert_eq!(draw.send_until > 3, young, "{age_ms}");
            answer(&mut draw, Reply::NoTrade, 3);
            let sent = matches!(next_ask(&mut draw).1, Ask::Draw(_));
            assert_eq!(sent, age_ms == 0, "{age_ms}");
            assert!(draw.sequence() > SEQUENCE_RESTART_GAP);
        }
    }

    #[test]
    fn records_that_do_not_follow_are_refused() {
        let ended = |draw: &Draw, state, award| {
            let End { at_ms, .. } = failed(None, String::new(), &at(0));
            let key = draw.key();
            Record::DrawFinal {
                key,
                state,
                sequence: 9,
                award,
                points_left: None,
                free_left: None,
                gateway_code: None,
                message: None,
                at_ms,
            }
        };
        let draw = begun();
        let key = draw.key();
        let lost = ended(&draw, State::Lost, None);
        for bad in [
            ended(&draw, State::Won, None),
            ended(&draw, State::Lost, Some(Award::default())),
            ended(&draw, State::Paid, None),
            Record::Ack { key: key.clone(), sequence: 1 },
            Record::Resumed { key: key.clone(), sequence: 1 },
            Record::GiftMarked { key: key.clone() },
        ] {
            assert!(draw.clone().apply(&bad).is_err(), "{bad:?}");
        }
        let mut draw = draw;
        draw.apply(&lost).unwrap();
        for bad in [lost, Record::Resumed { key: key.clone(), sequence: 10 }] {
            assert!(draw.clone().apply(&bad).is_err(), "{bad:?}");
        }
        draw.apply(&Record::Ack { key, sequence: 9 }).unwrap();
    }
}
