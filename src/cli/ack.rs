//! `alitv-pay ack`.

use clap::Args;

use super::args::{order_id, Global};
use super::exit::{Fail, DONE, OTHER};
use super::items;
use super::out::Out;
use super::session::Session;
use crate::core::facts::{OrderId, DRAW_PREFIX, GIFT_PREFIX};
use crate::core::report::{ItemReport, State};

/// Options of `ack`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay ack T1                     the goods of T1 are stored, stop telling me
  alitv-pay ack gift-12 3              the same of a gift; draws are named draw-...")]
pub struct Ack {
    /// Which order, draw or gift
    #[arg(value_name = "ORDER", value_parser = order_id)]
    order: OrderId,
    /// Of the report that was handled [default: that of the final state]
    #[arg(value_name = "SEQUENCE")]
    sequence: Option<u64>,
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Acked<'a> {
    order_id: &'a OrderId,
    sequence: u64,
    acked: bool,
}

impl Ack {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, no such order, an order that is not final.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        let sequence = match self.sequence {
            Some(sequence) => sequence,
            None => self.final_sequence(&mut session)?,
        };
        let op = session.client.ack(&self.order, sequence, 0)?;
        session.answer(op)?;
        match out.json {
            true => {
                out.data_json(&Acked { order_id: &self.order, sequence, acked: true })?;
            }
            false => out.data(&format!("acknowledged  {}  {sequence}", self.order))?,
        }
        Ok(DONE)
    }

    fn final_sequence(&self, session: &mut Session) -> Result<u64, Fail> {
        let id = self.order.as_str();
        if id.starts_with(DRAW_PREFIX) || id.starts_with(GIFT_PREFIX) {
            return self.of_snapshot(session);
        }
        let op = session.client.query(&self.order, 0)?;
        let report = session.report(op)?;
        self.of_final(report.state, report.sequence)
    }

    /// Draws and gifts cannot be asked for, but those that wait for an ack come by themselves.
    fn of_snapshot(&self, session: &mut Session) -> Result<u64, Fail> {
        while let Some(event) = session.next_event() {
            if let Some(report) = items::report(&event) {
                if event.order_id.as_ref() == Some(&self.order) {
                    return self.of_final(report.state(), report.sequence());
                }
            }
        }
        let text = format!("{} does not wait for an acknowledgement", self.order);
        Err(Fail::new(OTHER, text, "see what does: alitv-pay tail"))
    }

    fn of_final(&self, state: State, sequence: u64) -> Result<u64, Fail> {
        if state.is_final() {
            return Ok(sequence);
        }
        let id = &self.order;
        Err(Fail::new(
            OTHER,
            format!("{id} is {}: not final yet", state.name()),
            format!("wait for its end: alitv-pay tail --order {id}"),
        ))
    }
}

/// A result that was printed is handled; one that nobody could read is not.
pub fn at_end(session: &mut Session, out: &mut Out, report: &ItemReport, printed: bool) {
    let (id, sequence) = (report.key().order_id, report.sequence());
    let later = format!("alitv-pay ack {id} {sequence}");
    if report.acked() {
        return;
    }
    if !printed {
        out.complain(&format!("stdout is closed: not acknowledged. Once it is handled: {later}"));
        return;
    }
    let sent = session.client.ack(&id, sequence, 0).map_err(Fail::from);
    match sent.and_then(|op| session.answer(op)) {
        Ok(_) => out.detail(&format!("acknowledged {id} {sequence}")),
        Err(fail) => out.complain(&format!("not acknowledged: {fail}\n later: {later}")),
    }
}
