//! `alitv-pay tail`: everything that happens, open orders first.

use std::time::Duration;

use clap::Args;

use super::args::{order_id, Global};
use super::exit::Fail;
use super::out::Out;
use super::session::Session;
use super::{clock, show};
use crate::client::{Event, Kind};
use crate::core::facts::OrderId;

/// Options of `tail`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay tail
  alitv-pay tail --json | jq -c 'select(.event == \"order.paid\")'
Begins with every order that is open or not acknowledged. A final order comes again until it
is acknowledged.")]
pub struct Tail {
    /// Only this order
    #[arg(long, value_name = "ID", value_parser = order_id)]
    order: Option<OrderId>,
}

impl Tail {
    /// Runs until Ctrl-C, or until nobody reads any more.
    ///
    /// # Errors
    /// No daemon, or stdout cannot be written.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        out.note("following; Ctrl-C ends it");
        loop {
            match session.next_event() {
                Some(event) => self.tell(event, out)?,
                None => {
                    session.client.wait(Some(Duration::from_secs(3600)));
                }
            }
        }
    }

    fn tell(&self, event: Event, out: &mut Out) -> Result<(), Fail> {
        let kind = match event.kind {
            Kind::Qr => show::EventKind::Qr,
            Kind::Order => show::EventKind::Order,
            Kind::Offline => {
                out.note(out.lang.offline());
                return Ok(());
            }
            Kind::Log => {
                out.detail(&show::clean(&event.message));
                return Ok(());
            }
            _ => return Ok(()),
        };
        let wanted = |id: &OrderId| self.order.as_ref().is_none_or(|order| order == id);
        let Some(report) = event.report.filter(|report| wanted(&report.order_id)) else {
            return Ok(());
        };
        let now_ms = clock::now_ms();
        match out.json {
            true => out.data(&show::event_json(now_ms, kind, &report)),
            false => out.data(&show::event_text(now_ms, kind, &report)),
        }
    }
}
