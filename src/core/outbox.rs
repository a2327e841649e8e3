//! What an order, a draw and a gift have in common: each is a fold of journal records, and
//! what is told of it goes out under sequences that grow.

use super::call::Doubt;
use super::code::Code;
use super::order::Now;
use super::record::Record;
use super::report::Event;
use super::step::Output;
use super::timers::{is_due, Timers};

/// Something that lives in the journal and is told until it is acked.
pub(super) trait Outbox {
    /// Folds one record in.
    fn fold(&mut self, record: &Record) -> Result<(), String>;
    /// What is told of it.
    fn event(&self, now: &Now) -> Event;
    /// Of the last thing told.
    fn sequence_mut(&mut self) -> &mut u64;
    /// Its timers.
    fn timers_mut(&mut self) -> &mut Timers;

    /// Appends a record and folds it in: what is in memory is what a replay would make.
    fn record(&mut self, record: Record, out: &mut Vec<Output>) {
        let folded = self.fold(&record);
        assert!(folded.is_ok(), "a step broke its own journal: {folded:?}");
        out.push(Output::Append(record));
    }

    /// Tells something that no record carries, under a sequence of its own.
    fn tell(&mut self, now: &Now, out: &mut Vec<Output>) {
        *self.sequence_mut() += 1;
        self.tell_recorded(now, out);
    }

    /// Tells what the last record or the last telling said.
    fn tell_recorded(&self, now: &Now, out: &mut Vec<Output>) {
        out.push(Output::Tell(self.event(now)));
    }

    /// Tells a final state once more.
    fn retell(&mut self, now: &Now, out: &mut Vec<Output>) {
        self.timers_mut().retold(now);
        self.tell_recorded(now, out);
    }

    /// Folds the sequence of a record in; false if it does not grow.
    fn advance(&mut self, sequence: u64) -> bool {
        let last = self.sequence_mut();
        let grows = sequence > *last;
        *last = sequence;
        grows
    }
}

/// Something that is asked about until an answer is definite: a draw or a gift.
pub(super) trait Inquiry: Outbox {
    /// How far it has come.
    fn course_mut(&mut self) -> &mut Course;
    /// Its state is not final.
    fn is_open(&self) -> bool;
    /// Sends the next question.
    fn ask(&mut self, now: &Now, out: &mut Vec<Output>);

    /// There was no usable answer.
    fn on_trouble(&mut self, trouble: Trouble, now: &Now, out: &mut Vec<Output>) {
        let course = self.course_mut();
        let at_once = trouble.is_told_at_once(course.trouble.as_ref().map(|last| last.code));
        course.trouble = Some(trouble);
        course.timers.doubt_since.get_or_insert(now.boot_ms);
        course.timers.back_off(true, now);
        if at_once {
            self.tell_unknown(now, out);
        }
    }

    /// Nobody is told UNKNOWN twice.
    fn tell_unknown(&mut self, now: &Now, out: &mut Vec<Output>) {
        if self.is_open() && !self.course_mut().unknown {
            self.course_mut().unknown = true;
            self.tell(now, out);
        }
    }

    /// Does what is due.
    fn run_timers(&mut self, now: &Now, out: &mut Vec<Output>) {
        if is_due(self.timers_mut().doubt_at(), now) {
            self.tell_unknown(now, out);
        }
        if is_due(self.timers_mut().poll_at, now) {
            self.ask(now, out);
        }
        if is_due(self.timers_mut().retell_at, now) {
            self.retell(now, out);
        }
    }
}

/// How far the asking and telling of a draw or a gift has come.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Course {
    /// Of the last thing told.
    pub sequence: u64,
    /// Told as UNKNOWN.
    pub unknown: bool,
    /// What was wrong with the last answer.
    pub trouble: Option<Trouble>,
    pub timers: Timers,
}

impl Course {
    /// An answer can be believed.
    pub fn clear_trouble(&mut self) {
        self.unknown = false;
        self.trouble = None;
        self.timers.doubt_since = None;
        self.timers.tries = 0;
    }

    /// Boot milliseconds of the next timer.
    pub fn wake_at(&self, open: bool) -> Option<u64> {
        let doubt_at = self.timers.doubt_at().filter(|_| open && !self.unknown);
        [self.timers.poll_at, self.timers.retell_at, doubt_at].into_iter().flatten().min()
    }
}

/// The gateway's word for a session that is over (docs/wire-alitv.md 4.6).
pub(super) const SESSION_INVALID: &str = "SESSION_INVALID";

/// Why it is not known what became of a draw or a gift.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Trouble {
    /// What an UNKNOWN report carries.
    pub code: Code,
    /// For logs.
    pub detail: String,
}

impl Trouble {
    pub fn new(code: Code, detail: impl Into<String>) -> Trouble {
        Trouble { code, detail: detail.into() }
    }

    /// Nobody may ask for the user it is about.
    pub fn no_session() -> Trouble {
        Trouble::new(Code::UNAUTHORIZED, "the user is not signed in any more")
    }

    /// The gateway answered something else than it was asked.
    pub fn misfit(question: &str) -> Trouble {
        Trouble::new(Code::GATEWAY, format!("the answer does not fit the question {question}"))
    }

    fn is_told_at_once(&self, last: Option<Code>) -> bool {
        is_told_at_once(self.code, last) || self.code == Code::UNAUTHORIZED
    }
}

impl From<Doubt> for Trouble {
    fn from(doubt: Doubt) -> Trouble {
        Trouble::new(doubt.kind.code(), doubt.detail)
    }
}

/// Whether UNKNOWN is told before `DOUBT_MS` have passed.
pub(super) fn is_told_at_once(code: Code, last: Option<Code>) -> bool {
    // The engine corrects a wrong clock after the first complaint about it.
    code == Code::SIGNATURE || (code == Code::CLOCK && last == Some(Code::CLOCK))
}
