//! One gift that is being taken: what is known of it, the fold of its journal records, and
//! how it moves (`reference/reliability.md` 3, Gift). The goods are given out before the
//! platform's record is activated, since a lost activation repeats harmlessly and a lost gift
//! does not.
//!
//! ```text
//! CREATED --GiftTake--> GRANTED --ack--> GiftMark until the platform has heard it
//!    |                     |
//!    |                     told again until acked
//!    +--refused--> FAILED  told again until acked; may be taken again then
//! ```

use std::sync::Arc;

use super::call::{Ask, Reply};
use super::code::Code;
use super::facts::GiftFacts;
use super::order::Now;
use super::outbox::{Course, Inquiry, Outbox, Trouble, SESSION_INVALID};
use super::record::{Key, Record};
use super::report::{Event, GiftReport, State};
use super::step::{Input, Output};
use super::timers::Timers;
use crate::limits::SEQUENCE_RESTART_GAP;

/// The taking of a gift. `apply` is the only way its durable part changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Taking {
    pub(super) facts: Arc<GiftFacts>,
    /// Unix milliseconds by the box's clock.
    pub(super) created_ms: i64,
    pub(super) phase: Phase,
    /// A question is out. An answer to any other is dropped.
    pub(super) awaiting: Option<Awaiting>,
    /// One request to take it has left since it was begun, and no other.
    pub(super) sent_once: bool,
    pub(super) course: Course,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Created,
    Final(End),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Awaiting {
    Take,
    Mark,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct End {
    pub state: State,
    pub cp_item_id: String,
    pub gateway_code: Option<String>,
    pub message: Option<String>,
    pub at_ms: i64,
    pub acked: bool,
    /// The platform knows that the goods were given out.
    pub marked: bool,
}

/// Starts to take a gift.
pub fn start(facts: GiftFacts, now: &Now, out: &mut Vec<Output>) -> Taking {
    let record = Record::GiftIntent { facts: facts.clone(), created_ms: now.wall_ms };
    let mut taking = Taking::new(facts, now.wall_ms);
    out.push(Output::Append(record));
    taking.begin(now, out);
    taking
}

/// Takes a gift again whose taking failed. Call it only when `may_be_retaken`. For the same
/// user the `take_id` stays what it was: a request of the last time that comes late then
/// keeps the record for this taking, and not for one that nobody remembers.
pub fn retake(taking: &mut Taking, facts: GiftFacts, now: &Now, out: &mut Vec<Output>) {
    let mut facts = facts;
    if facts.user_id == taking.facts.user_id {
        facts.take_id = taking.facts.take_id.clone();
    }
    taking.record(Record::GiftIntent { facts, created_ms: now.wall_ms }, out);
    taking.begin(now, out);
}

/// The only way a taking changes once it exists. It cannot be cancelled.
pub fn step(taking: &mut Taking, input: Input, now: &Now, out: &mut Vec<Output>) {
    match input {
        Input::Reply(reply) => taking.on_reply(reply, now, out),
        Input::Hurry => taking.hurry(now),
        Input::Ack { sequence } => taking.on_ack(sequence, now, out),
        Input::Resume => taking.resume(now, out),
        Input::Cancel | Input::Tick => {}
    }
    taking.run_timers(now, out);
    taking.check();
}

/// Boot milliseconds of the next moment at which `Input::Tick` does something.
pub fn wake_at(taking: &Taking) -> Option<u64> {
    taking.course.wake_at(taking.is_open())
}

impl Taking {
    /// A taking out of its intent record, before anything else is known.
    pub fn new(facts: GiftFacts, created_ms: i64) -> Taking {
        Taking {
            facts: Arc::new(facts),
            created_ms,
            phase: Phase::Created,
            awaiting: None,
            sent_once: false,
            course: Course::default(),
        }
    }

    /// What it is about.
    pub fn facts(&self) -> &GiftFacts {
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

    /// The last answer was no answer; of a gift that was given out too.
    pub fn in_doubt(&self) -> bool {
        self.course.trouble.is_some()
    }

    /// A final state whose ack is missing.
    pub fn is_unacked(&self) -> bool {
        matches!(&self.phase, Phase::Final(end) if !end.acked)
    }

    /// Given out and acked, and the platform has not heard of it.
    pub fn is_marking(&self) -> bool {
        matches!(&self.phase, Phase::Final(end) if end.is_marking())
    }

    /// Failed and acked: a new `GiftIntent` may follow.
    pub fn may_be_retaken(&self) -> bool {
        matches!(&self.phase, Phase::Final(end) if end.acked && end.state == State::Failed)
    }

    /// Unix milliseconds by the box's clock of a final state for which nothing is left to do:
    /// it may be forgotten.
    pub fn settled_since_ms(&self) -> Option<i64> {
        match &self.phase {
            Phase::Final(end) if end.acked && !end.is_marking() => Some(end.at_ms),
            _ => None,
        }
    }

    /// Folds one record in, a later `GiftIntent` of the same gift included.
    ///
    /// # Errors
    /// The journal contradicts itself.
    pub fn apply(&mut self, record: &Record) -> Result<(), String> {
        let fits = match record {
            Record::GiftIntent { facts, created_ms } => {
                let fits = self.may_be_retaken() && facts.key() == self.key();
                // The sequences of one gift go on: a reader takes a smaller one for old news.
                let sequence = self.course.sequence;
                *self = Taking::new(facts.clone(), *created_ms);
                self.course.sequence = sequence;
                fits
            }
            Record::GiftFinal { .. } => self.apply_final(record),
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
            Record::GiftMarked { .. } => match &mut self.phase {
                Phase::Final(end) => {
                    let fits = end.is_marking();
                    end.marked = true;
                    fits
                }
                Phase::Created => false,
            },
            _ => false,
        };
        if fits {
            return Ok(());
        }
        let GiftFacts { app_key, gift_id, .. } = self.facts();
        Err(format!("gift {} of app {app_key}: {record:?} does not follow", gift_id.get()))
    }

    fn apply_final(&mut self, record: &Record) -> bool {
        let Record::GiftFinal { state, sequence, cp_item_id, gateway_code, message, at_ms, .. } =
            record
        else {
            return false;
        };
        let first = self.phase == Phase::Created;
        let ends = matches!(state, State::Granted | State::Failed);
        self.phase = Phase::Final(End {
            state: *state,
            cp_item_id: cp_item_id.clone(),
            gateway_code: gateway_code.clone(),
            message: message.clone(),
            at_ms: *at_ms,
            acked: false,
            marked: false,
        });
        ends && first && self.advance(*sequence)
    }

    /// The shortest records that fold into this taking.
    pub fn records(&self) -> Vec<Record> {
        let key = self.key();
        let facts = GiftFacts::clone(&self.facts);
        let mut records = vec![Record::GiftIntent { facts, created_ms: self.created_ms }];
        let sequence = self.course.sequence;
        match &self.phase {
            Phase::Created if sequence > 0 => records.push(Record::Resumed { key, sequence }),
            Phase::Created => {}
            Phase::Final(end) => {
                records.push(end.record(key.clone(), sequence));
                if end.acked {
                    records.push(Record::Ack { key: key.clone(), sequence });
                }
                if end.marked {
                    records.push(Record::GiftMarked { key });
                }
            }
        }
        records
    }

    /// The taking as it stands.
    pub fn report(&self, _now: &Now) -> GiftReport {
        let end = match &self.phase {
            Phase::Final(end) => Some(end),
            Phase::Created => None,
        };
        let trouble = self.course.trouble.as_ref().filter(|_| self.state() == State::Unknown);
        let message = end.and_then(|end| end.message.clone());
        GiftReport {
            app_key: self.facts.app_key.clone(),
            id: self.facts.id(),
            gift_id: self.facts.gift_id,
            cp_item_id: end.map(|end| end.cp_item_id.clone()).unwrap_or_default(),
            state: self.state(),
            sequence: self.course.sequence,
            user_id: self.facts.user_id.clone(),
            result: match end {
                Some(end) => end.result(),
                None => trouble.map_or(Code::OK, |trouble| trouble.code),
            },
            gateway_code: end.and_then(|end| end.gateway_code.clone()),
            message: message.or_else(|| trouble.map(|trouble| trouble.detail.clone())),
            created_ms: self.created_ms,
            acked: end.is_some_and(|end| end.acked),
            activated: end.is_some_and(|end| end.marked),
        }
    }

    fn begin(&mut self, now: &Now, out: &mut Vec<Output>) {
        self.tell(now, out);
        self.ask(now, out);
        self.sent_once = true;
        self.check();
    }

    fn on_reply(&mut self, reply: Reply, now: &Now, out: &mut Vec<Output>) {
        let Some(asked) = self.awaiting.take() else { return };
        match (reply, asked) {
            (Reply::Taken { cp_item_id }, Awaiting::Take) => {
                let end = End { cp_item_id, ..end(State::Granted, now) };
                self.finish(end, now, out)
            }
            (Reply::Rejected { code, text }, Awaiting::Take) => {
                let (gateway_code, message) = (Some(code), Some(text));
                let end = End { gateway_code, message, ..end(State::Failed, now) };
                self.finish(end, now, out)
            }
            // The goods are given out, whatever the platform has against it.
            (Reply::Done | Reply::Rejected { .. }, Awaiting::Mark) => {
                self.record(Record::GiftMarked { key: self.key() }, out);
                self.course.clear_trouble();
            }
            (Reply::Throttled { after_s }, _) => self.course.timers.throttled(after_s, now),
            (Reply::NoSession, Awaiting::Take) if self.sent_once => {
                // Every copy of the one request is as dead as its session.
                let message = Some("the user is not signed in any more".to_owned());
                let gateway_code = Some(SESSION_INVALID.to_owned());
                self.finish(End { gateway_code, message, ..end(State::Failed, now) }, now, out)
            }
            (Reply::NoSession, _) => self.on_trouble(Trouble::no_session(), now, out),
            (Reply::InDoubt(doubt), _) => self.on_trouble(doubt.into(), now, out),
            _ => self.on_trouble(Trouble::misfit(&format!("{asked:?}")), now, out),
        }
    }

    fn hurry(&mut self, now: &Now) {
        if self.awaiting.is_none() && self.asks() {
            self.course.timers.hurry(now);
        }
    }

    fn on_ack(&mut self, sequence: u64, now: &Now, out: &mut Vec<Output>) {
        if self.is_unacked() && sequence == self.course.sequence {
            self.record(Record::Ack { key: self.key(), sequence }, out);
            self.course.timers.retell_at = None;
            if self.is_marking() {
                self.ask(now, out);
            }
        }
    }

    fn resume(&mut self, now: &Now, out: &mut Vec<Output>) {
        let at_once = Some(now.boot_ms);
        if self.is_open() {
            let sequence = self.course.sequence + SEQUENCE_RESTART_GAP;
            self.record(Record::Resumed { key: self.key(), sequence }, out);
        }
        self.course.timers.retell_at = at_once.filter(|_| self.is_unacked());
        self.course.timers.poll_at = at_once.filter(|_| self.asks());
    }

    fn finish(&mut self, end: End, now: &Now, out: &mut Vec<Output>) {
        let record = end.record(self.key(), self.course.sequence + 1);
        self.record(record, out);
        self.course.clear_trouble();
        self.tell_recorded(now, out);
        self.course.timers.told(now);
    }

    /// There is something to ask the gateway.
    fn asks(&self) -> bool {
        self.is_open() || self.is_marking()
    }

    /// Invariants that one taking can break by itself. They stay on in release: stopping is
    /// better than giving a gift away twice.
    fn check(&self) {
        let timers = &self.course.timers;
        let asks = u8::from(self.awaiting.is_some()) + u8::from(timers.poll_at.is_some());
        assert_eq!(asks, u8::from(self.asks()), "it asks or waits to ask while there is need");
        assert!(!self.course.unknown || self.is_open(), "UNKNOWN is never final");
        assert_eq!(timers.retell_at.is_some(), self.is_unacked(), "unacked is told again");
        let marks = self.awaiting == Some(Awaiting::Mark);
        assert!(!marks || self.is_marking(), "activated before the goods are stored");
    }
}

impl Outbox for Taking {
    fn fold(&mut self, record: &Record) -> Result<(), String> {
        self.apply(record)
    }

    fn event(&self, now: &Now) -> Event {
        Event::Gift(self.report(now))
    }

    fn sequence_mut(&mut self) -> &mut u64 {
        &mut self.course.sequence
    }

    fn timers_mut(&mut self) -> &mut Timers {
        &mut self.course.timers
    }
}

impl Inquiry for Taking {
    fn course_mut(&mut self) -> &mut Course {
        &mut self.course
    }

    fn is_open(&self) -> bool {
        self.phase == Phase::Created
    }

    fn ask(&mut self, now: &Now, out: &mut Vec<Output>) {
        let facts = self.facts.clone();
        let (ask, awaiting) = match self.phase {
            Phase::Created => {
                self.sent_once = false;
                (Ask::GiftTake(facts), Awaiting::Take)
            }
            Phase::Final(_) => (Ask::GiftMark(facts), Awaiting::Mark),
        };
        self.awaiting = Some(awaiting);
        self.course.timers.asked(now);
        out.push(Output::Ask(ask));
    }
}

impl End {
    fn is_marking(&self) -> bool {
        self.state == State::Granted && self.acked && !self.marked
    }

    fn result(&self) -> Code {
        match (self.state, self.gateway_code.as_deref()) {
            (State::Granted, _) => Code::OK,
            (_, Some("RECORD_STATUS_INVALID")) => Code::GIFT_TAKEN,
            (_, Some("RECORD_EXPIRED")) => Code::GIFT_EXPIRED,
            (_, Some("RECORD_NOT_FOUND")) => Code::NOT_FOUND,
            (_, Some(SESSION_INVALID)) => Code::UNAUTHORIZED,
            _ => Code::GATEWAY,
        }
    }

    fn record(&self, key: Key, sequence: u64) -> Record {
        Record::GiftFinal {
            key,
            state: self.state,
            sequence,
            cp_item_id: self.cp_item_id.clone(),
            gateway_code: self.gateway_code.clone(),
            message: self.message.clone(),
            at_ms: self.at_ms,
        }
    }
}

fn end(state: State, now: &Now) -> End {
    End {
        state,
        cp_item_id: String::new(),
        gateway_code: None,
        message: None,
        at_ms: now.wall_ms,
        acked: false,
        marked: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::award::GiftId;
    use crate::core::call::DoubtKind;
    use crate::core::facts::{AppKey, OrderId};
    use crate::core::user::UserId;

    const NOW: Now = Now { boot_ms: 0, wall_ms: 5, server_ms: None, wait_s: 0 };

    fn facts(user: &str, take_id: &str) -> GiftFacts {
        GiftFacts {
            app_key: AppKey::new("1").unwrap(),
            gift_id: GiftId::new(7).unwrap(),
            user_id: UserId::new(user).unwrap(),
            take_id: OrderId::new(take_id).unwrap(),
        }
    }

    fn begun() -> Taking {
        start(facts("u", "take-1"), &NOW, &mut Vec::new())
    }

    fn run(taking: &mut Taking, input: Input) -> Vec<Output> {
        let mut out = Vec::new();
        step(taking, input, &NOW, &mut out);
        out
    }

    fn answer(taking: &mut Taking, reply: Reply) -> Vec<Output> {
        run(taking, Input::Reply(reply))
    }

    fn ack(taking: &mut Taking) -> Vec<Output> {
        let sequence = taking.sequence();
        run(taking, Input::Ack { sequence })
    }

    fn rejected(code: &str) -> Reply {
        Reply::Rejected { code: code.into(), text: "no".into() }
    }

    fn granted() -> Taking {
        let mut taking = begun();
        answer(&mut taking, Reply::Taken { cp_item_id: "sword".into() });
        taking
    }

    #[test]
    fn the_record_is_activated_after_the_goods_are_stored() {
        let mut taking = granted();
        let report = taking.report(&NOW);
        assert_eq!((report.state, report.cp_item_id.as_str()), (State::Granted, "sword"));
        let out = ack(&mut taking);
        let fits =
            matches!(&out[..], [Output::Append(Record::Ack { .. }), Output::Ask(Ask::GiftMark(_))]);
        assert!(fits, "{out:?}");
        assert_eq!((taking.is_unacked(), taking.settled_since_ms()), (false, None));
        let out = answer(&mut taking, Reply::Done);
        assert!(matches!(&out[..], [Output::Append(Record::GiftMarked { .. })]), "{out:?}");
        assert!(taking.report(&NOW).activated);
        assert_eq!((taking.settled_since_ms(), wake_at(&taking)), (Some(5), None));
    }

    #[test]
    fn it_goes_on_marking_through_silence_and_a_restart() {
        let mut taking = granted();
        ack(&mut taking);
        answer(&mut taking, Reply::in_doubt(DoubtKind::Network, "silence"));
        assert!(taking.in_doubt() && taking.is_marking() && wake_at(&taking).is_some());
        assert_eq!(taking.state(), State::Granted);
        let mut again = Taking::new(facts("u", "take-1"), 5);
        taking.records()[1..].iter().for_each(|record| again.apply(record).unwrap());
        let out = run(&mut again, Input::Resume);
        assert!(matches!(&out[..], [Output::Ask(Ask::GiftMark(_))]), "{out:?}");
        answer(&mut again, rejected("RECORD_STATUS_INVALID"));
        assert!(again.report(&NOW).activated, "the goods are given, whatever is said");
    }

    #[test]
    fn each_refusal_has_its_result() {
        for (code, result) in [
            ("RECORD_STATUS_INVALID", Code::GIFT_TAKEN),
            ("RECORD_EXPIRED", Code::GIFT_EXPIRED),
            ("RECORD_NOT_FOUND", Code::NOT_FOUND),
            ("CLOSED_FOR_REPAIR", Code::GATEWAY),
        ] {
            let mut taking = begun();
            answer(&mut taking, rejected(code));
            let report = taking.report(&NOW);
            assert_eq!((report.state, report.result), (State::Failed, result));
            assert_eq!(report.gateway_code.as_deref(), Some(code));
            assert!(!taking.may_be_retaken(), "the game has not heard it");
            ack(&mut taking);
            assert_eq!((taking.settled_since_ms(), wake_at(&taking)), (Some(5), None));
            assert!(taking.may_be_retaken());
        }
    }

    #[test]
    fn a_gift_taken_again_keeps_its_take_id_and_its_sequences() {
        let mut taking = begun();
        answer(&mut taking, rejected("RECORD_EXPIRED"));
        ack(&mut taking);
        let mut out = Vec::new();
        let mut other = taking.clone();
        retake(&mut taking, facts("u", "take-2"), &NOW, &mut out);
        assert_eq!(taking.facts().take_id.as_str(), "take-1");
        assert_eq!((taking.state(), taking.sequence()), (State::Created, 3));
        assert!(matches!(out[0], Output::Append(Record::GiftIntent { .. })));
        retake(&mut other, facts("other", "take-2"), &NOW, &mut out);
        assert_eq!(other.facts().take_id.as_str(), "take-2");
        let other_gift = GiftFacts { gift_id: GiftId::new(8).unwrap(), ..facts("u", "take-1") };
        let record = Record::GiftIntent { facts: other_gift, created_ms: 5 };
        assert!(begun().apply(&record).is_err());
    }

    #[test]
    fn records_that_do_not_follow_are_refused() {
        let key = begun().key();
        let intent = Record::GiftIntent { facts: facts("u", "take-1"), created_ms: 5 };
        for bad in [
            intent.clone(),
            Record::GiftMarked { key: key.clone() },
            Record::Ack { key: key.clone(), sequence: 1 },
            end(State::Won, &NOW).record(key.clone(), 2),
            end(State::Granted, &NOW).record(key.clone(), 1),
        ] {
            assert!(begun().apply(&bad).is_err(), "{bad:?}");
        }
        let marked = Record::GiftMarked { key: key.clone() };
        assert!(granted().apply(&marked).is_err(), "activated, and nobody has the goods");
        let mut acked = granted();
        ack(&mut acked);
        assert!(acked.clone().apply(&intent).is_err(), "what was granted is not taken again");
        acked.apply(&marked).unwrap();
        assert!(acked.apply(&marked).is_err());
    }
}
