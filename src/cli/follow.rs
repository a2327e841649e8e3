//! Watching one order until it is final: events as data, the code and a countdown as
//! progress, Ctrl-C as a cancel.

use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use super::exit::{Fail, UNKNOWN};
use super::out::{Out, QrStyle};
use super::session::{refused, Session};
use super::{clock, show, sys};
use crate::client::{Event, Kind, Op};
use crate::core::code::Code;
use crate::core::facts::OrderId;
use crate::core::report::{Report, State};

/// The countdown moves once a second; four looks a second never skip one.
const LOOK: Duration = Duration::from_millis(250);

/// What somebody else at the keyboard or the phone does meanwhile.
pub trait Company {
    /// Wakes the watch when it can be read.
    fn fd(&self) -> Option<RawFd>;
    /// Called a few times a second. True: cancel the order.
    ///
    /// # Errors
    /// Ends the watch.
    fn look(&mut self, order: Option<&Report>) -> Result<bool, Fail>;
    /// The sentence above a code.
    fn invitation(&self, out: &Out) -> String;
}

/// `pay`: nobody but the payer.
pub struct Alone;

impl Company for Alone {
    fn fd(&self) -> Option<RawFd> {
        None
    }

    fn look(&mut self, _order: Option<&Report>) -> Result<bool, Fail> {
        Ok(false)
    }

    fn invitation(&self, out: &Out) -> String {
        out.lang.scan().to_owned()
    }
}

/// What to watch, and how.
pub struct Watch<'a> {
    /// The order.
    pub order_id: &'a OrderId,
    /// The request that started it, if it was started here: its refusal ends the watch.
    pub op: Op,
    /// How codes are shown.
    pub qr: &'a QrStyle,
    /// Give up waiting after this long.
    pub timeout: Option<Duration>,
}

/// How the watch ended.
pub struct Ended {
    /// The final report.
    pub report: Report,
    /// The reader had it: it was written and flushed.
    pub printed: bool,
}

struct Watching<'a> {
    watch: Watch<'a>,
    last: Option<Report>,
    shown_qr: Option<String>,
    expires_at: Option<Instant>,
    interrupts: u32,
    cancelled: bool,
    /// Nobody reads stdout any more. The order goes on.
    closed: bool,
}

/// Watches until the order is final.
///
/// # Errors
/// The order was refused, or left before its end (exit 13).
pub fn follow(
    session: &mut Session,
    out: &mut Out,
    watch: Watch,
    company: &mut dyn Company,
) -> Result<Ended, Fail> {
    let deadline = watch.timeout.map(|timeout| Instant::now() + timeout);
    let mut state = Watching {
        watch,
        last: None,
        shown_qr: None,
        expires_at: None,
        interrupts: sys::interrupts(),
        cancelled: false,
        closed: false,
    };
    loop {
        while let Some(event) = session.next_event() {
            state.take(event, out, company)?;
        }
        if let Some(report) = state.last.take_if(|report| report.state.is_final()) {
            out.clear_status();
            return Ok(Ended { report, printed: !state.closed });
        }
        if company.look(state.last.as_ref())? {
            state.cancel(session)?;
        }
        state.heed_interrupts(session, out)?;
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(state.left("the time of --timeout is up"));
        }
        state.show_status(out);
        let fds: Vec<RawFd> = [Some(session.fd()), company.fd()].into_iter().flatten().collect();
        sys::wait_readable(&fds, LOOK);
    }
}

impl Watching<'_> {
    fn take(&mut self, event: Event, out: &mut Out, company: &dyn Company) -> Result<(), Fail> {
        match event.kind {
            Kind::Reply if event.op == self.watch.op && event.result != Code::OK => {
                out.clear_status();
                return Err(refused(&event));
            }
            Kind::Offline => out.note(out.lang.offline()),
            Kind::Log => out.detail(&show::clean(&event.message)),
            Kind::Qr | Kind::Order => {
                if let Some(report) = event.report.filter(|report| self.is_news(report)) {
                    let kind = match event.kind {
                        Kind::Qr => show::EventKind::Qr,
                        _ => show::EventKind::Order,
                    };
                    return self.tell(kind, report, out, company);
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// The same report comes as an answer and as an event, and finals come again.
    fn is_news(&self, report: &Report) -> bool {
        let known = self.last.as_ref().map_or(0, |last| last.sequence);
        report.order_id == *self.watch.order_id && report.sequence > known
    }

    fn tell(
        &mut self,
        kind: show::EventKind,
        report: Report,
        out: &mut Out,
        company: &dyn Company,
    ) -> Result<(), Fail> {
        let now_ms = clock::now_ms();
        let line = match out.json {
            true => show::event_json(now_ms, kind, &report),
            false => show::event_text(now_ms, kind, &report),
        };
        self.print(&line, out)?;
        if let Some(text) = report.qr_text.as_ref() {
            let left = report.expires_s.map(|s| Duration::from_secs(s.into()));
            self.expires_at = left.map(|left| Instant::now() + left);
            if self.shown_qr.as_ref() != Some(text) {
                self.show_qr(text, out, company)?;
                self.shown_qr = Some(text.clone());
            }
        }
        self.last = Some(report);
        Ok(())
    }

    fn print(&mut self, line: &str, out: &mut Out) -> Result<(), Fail> {
        if self.closed {
            return Ok(());
        }
        match out.data(line) {
            Err(fail) if fail.is_silent() => {
                self.closed = true;
                Ok(())
            }
            other => other,
        }
    }

    fn show_qr(&self, text: &str, out: &mut Out, company: &dyn Company) -> Result<(), Fail> {
        super::qr::show(text, self.watch.qr, out)?;
        out.note(&company.invitation(out));
        Ok(())
    }

    fn cancel(&mut self, session: &mut Session) -> Result<(), Fail> {
        if !self.cancelled {
            session.client.cancel(self.watch.order_id, 0)?;
            self.cancelled = true;
        }
        Ok(())
    }

    fn heed_interrupts(&mut self, session: &mut Session, out: &mut Out) -> Result<(), Fail> {
        let seen = sys::interrupts();
        let new = seen - self.interrupts;
        self.interrupts = seen;
        if new > 1 || (new == 1 && self.cancelled) {
            return Err(self.left("interrupted"));
        }
        if new == 1 {
            self.cancel(session)?;
            out.note(out.lang.interrupt_leaves());
        }
        Ok(())
    }

    fn left(&self, why: &str) -> Fail {
        let id = self.watch.order_id;
        let state = self.last.as_ref().map_or("not accepted yet", |last| last.state.name());
        Fail::new(
            UNKNOWN,
            format!("{why}: order {id} is {state}, its end is not known"),
            format!("the daemon goes on with it; ask later: alitv-pay query {id}"),
        )
    }

    fn show_status(&self, out: &mut Out) {
        let state = self.last.as_ref().map_or(State::Created, |last| last.state);
        let mut parts = vec![out.lang.state(state).to_owned()];
        if let (State::Pending | State::Scanned, Some(at)) = (state, self.expires_at) {
            parts.push(out.lang.left(at.saturating_duration_since(Instant::now()).as_secs()));
        }
        if !self.cancelled {
            parts.push(out.lang.interrupt_cancels().to_owned());
        }
        out.status(&parts.join("  "));
    }
}
