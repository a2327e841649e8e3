//! A draw or a gift on its way to its end.

use super::exit::Fail;
use super::out::Out;
use super::session::{refused, Session};
use super::wait::Awaited;
use super::{news, show};
use crate::client::{About, Event, Kind, Op};
use crate::core::code::Code;
use crate::core::facts::OrderId;
use crate::core::report::{ItemReport, State};

/// What is waited for.
pub struct Item<'a> {
    /// The draw or gift, as `ack` names it.
    pub id: &'a OrderId,
    /// The request that began it: its refusal ends the wait.
    pub op: Op,
    last: Option<(State, u64)>,
    /// Nobody reads stdout any more. It goes on.
    closed: bool,
}

/// How it ended.
pub struct Ended {
    /// The final report.
    pub report: ItemReport,
    /// The reader had it: it was written and flushed.
    pub printed: bool,
}

impl<'a> Item<'a> {
    /// Nothing is known of it yet.
    pub fn new(id: &'a OrderId, op: Op) -> Item<'a> {
        Item { id, op, last: None, closed: false }
    }

    fn tell(&mut self, event: &Event, out: &mut Out) -> Result<Option<Ended>, Fail> {
        let Some(report) = report(event).filter(|_| event.order_id.as_ref() == Some(self.id))
        else {
            return Ok(None);
        };
        // The same report comes as an answer and as an event, and finals come again.
        let known = self.last.map_or(0, |last| last.1);
        if report.sequence() <= known {
            return Ok(None);
        }
        self.last = Some((report.state(), report.sequence()));
        self.print(event, out)?;
        let printed = !self.closed;
        Ok(report.state().is_final().then_some(Ended { report, printed }))
    }

    fn print(&mut self, event: &Event, out: &mut Out) -> Result<(), Fail> {
        let Some(line) = news::line(out.json, event).filter(|_| !self.closed) else {
            return Ok(());
        };
        match out.data(&line) {
            Err(fail) if fail.is_silent() => self.closed = true,
            other => return other,
        }
        Ok(())
    }
}

/// The draw or gift that an event tells of.
pub fn report(event: &Event) -> Option<ItemReport> {
    match &event.about {
        About::Draw(report) => Some(ItemReport::Draw((**report).clone())),
        About::Gift(report) => Some(ItemReport::Gift(report.clone())),
        _ => None,
    }
}

impl Awaited for Item<'_> {
    type End = Ended;

    fn take(&mut self, event: Event, out: &mut Out) -> Result<Option<Ended>, Fail> {
        match event.kind {
            Kind::Reply if event.op == self.op && event.result != Code::OK => Err(refused(&event)),
            Kind::Draw | Kind::Gift => self.tell(&event, out),
            Kind::Offline => {
                out.note(out.lang.offline());
                Ok(None)
            }
            Kind::Log => {
                out.detail(&show::clean(&event.message));
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// It cannot be taken back.
    fn interrupt(&mut self, _session: &mut Session, _out: &mut Out) -> Result<bool, Fail> {
        Ok(true)
    }

    fn status(&self, out: &Out) -> String {
        let state = self.last.map_or(State::Created, |last| last.0);
        out.lang.item_state(state).to_owned()
    }

    fn unknown(&self) -> (String, String) {
        let state = self.last.map_or("not accepted yet", |last| last.0.name());
        let id = self.id;
        let next = format!("the daemon goes on with it; follow it: alitv-pay tail --order {id}");
        (format!("{id} is {state}"), next)
    }
}
