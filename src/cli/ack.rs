//! `alitv-pay ack`.

use clap::Args;

use super::args::{order_id, Global};
use super::exit::{Fail, DONE, OTHER};
use super::out::Out;
use super::session::Session;
use crate::core::facts::OrderId;

/// Options of `ack`.
#[derive(Args, Debug)]
#[command(before_help = "\
Example:
  alitv-pay ack T1                     the goods of T1 are handed out, stop telling me")]
pub struct Ack {
    /// Which order
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
        let op = session.client.query(&self.order, 0)?;
        let report = session.report(op)?;
        if !report.state.is_final() {
            return Err(Fail::new(
                OTHER,
                format!("order {} is {}: not final yet", self.order, report.state.name()),
                format!("wait for its end: alitv-pay tail --order {}", self.order),
            ));
        }
        Ok(report.sequence)
    }
}
