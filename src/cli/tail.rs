//! `alitv-pay tail`: everything that happens, open orders first.

use std::time::Duration;

use clap::Args;

use super::args::{order_id, Global};
use super::exit::Fail;
use super::out::Out;
use super::session::Session;
use super::{news, show};
use crate::client::{Event, Kind};
use crate::core::facts::OrderId;

/// Options of `tail`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay tail
  alitv-pay tail --json | jq -c 'select(.event == \"order.paid\")'
Begins with every order, draw and gift that is open or not acknowledged; a final one comes
again until it is. Events are order.STATE, order.qr, draw.STATE, gift.STATE, auth.PHASE,
account.STATE, web.open, web.close and profile.")]
pub struct Tail {
    /// Only this order, draw or gift
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
                Some(event) => self.tell(&event, out)?,
                None => {
                    session.client.wait(Some(Duration::from_secs(3600)));
                }
            }
        }
    }

    fn tell(&self, event: &Event, out: &mut Out) -> Result<(), Fail> {
        match event.kind {
            Kind::Offline => out.note(out.lang.offline()),
            Kind::Log => out.detail(&show::clean(&event.message)),
            _ if self.order.is_none() || self.order == event.order_id => {
                if let Some(line) = news::line(out.json, event) {
                    return out.data(&line);
                }
            }
            _ => {}
        }
        Ok(())
    }
}
