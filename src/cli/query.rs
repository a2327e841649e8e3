//! `alitv-pay query`: one order in full.

use clap::Args;

use super::args::{order_id, Global};
use super::exit::{Fail, DONE};
use super::out::Out;
use super::session::Session;
use super::show;
use crate::core::facts::OrderId;
use crate::core::report::Report;

/// Options of `query`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay query T1
  test \"$(alitv-pay query T1 --json | jq -r .state)\" = paid")]
pub struct Query {
    /// Which order
    #[arg(value_name = "ORDER", value_parser = order_id)]
    order: OrderId,
}

impl Query {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, no such order.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        let op = session.client.query(&self.order, 0)?;
        let report = session.report(op)?;
        print(&report, out)?;
        Ok(DONE)
    }
}

/// The order as data.
///
/// # Errors
/// As `Out::data`.
pub fn print(report: &Report, out: &mut Out) -> Result<(), Fail> {
    match out.json {
        true => out.data_json(report),
        false => out.data(&show::report_text(report)),
    }
}
