//! `alitv-pay cancel`.

use clap::Args;

use super::args::{order_id, Global};
use super::exit::{of_state, Fail, DONE};
use super::follow::{follow, Alone, Watch};
use super::out::{Out, QrStyle};
use super::session::Session;
use super::{query, sys};
use crate::core::facts::OrderId;

/// Options of `cancel`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay cancel T1
  alitv-pay cancel T1 --wait           ends with 10 once it is surely cancelled, 0 if it was paid")]
pub struct Cancel {
    /// Which order
    #[arg(value_name = "ORDER", value_parser = order_id)]
    order: OrderId,
    /// Wait for the end; exit codes are those of `pay`
    #[arg(long)]
    wait: bool,
}

impl Cancel {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, no such order.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        let op = session.client.cancel(&self.order, 0)?;
        if !self.wait {
            let report = session.report(op)?;
            query::print(&report, out)?;
            return Ok(DONE);
        }
        sys::catch_interrupts();
        let watch = Watch { order_id: &self.order, op, qr: &QrStyle::None, timeout: None };
        let ended = follow(&mut session, out, watch, &mut Alone)?;
        Ok(of_state(ended.report.state))
    }
}
