//! `alitv-pay pay`: one payment, from the order to its end.

use std::time::Duration;

use clap::Args;

use super::args::{self, amount, Global};
use super::exit::{of_state, Fail};
use super::follow::{follow, Alone, Ended, Watch};
use super::out::{Out, QrStyle};
use super::session::Session;
use super::sys;
use crate::client::order_id;
use crate::core::facts::{AppKey, OrderId};
use crate::core::report::Report;
use crate::gateway::Environment;
use crate::ipc::proto;
use crate::money::Fen;

/// Options of `pay`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay pay --title '60 gems' --amount 600
  alitv-pay pay --title '60 gems' --amount 600 --order A2 --json --qr png=code.png
Ends with 0 paid, 3 no daemon, 10 cancelled, 11 expired, 12 failed, 13 unknown, 14 refunded.
Ctrl-C cancels the order and waits for its end; a second Ctrl-C leaves.")]
pub struct Pay {
    /// What the payer reads
    #[arg(long)]
    title: String,
    /// Total in fen: 600 is CNY 6.00
    #[arg(long, value_name = "FEN", value_parser = amount, allow_hyphen_values = true)]
    amount: Fen,
    /// Your order number, the idempotency key [default: a new one]
    #[arg(long, value_name = "ID", value_parser = args::order_id)]
    order: Option<OrderId>,
    /// Your product id
    #[arg(long, value_name = "ID")]
    subject: Option<String>,
    /// Your server is told here as well
    #[arg(long, value_name = "URL")]
    notify: Option<String>,
    /// Lifetime of the code in seconds
    #[arg(long, value_name = "SECONDS")]
    expires: Option<u32>,
    /// Drawing of the code: auto, utf8, ascii, none or png=FILE
    #[arg(long, value_name = "HOW", default_value = "auto")]
    qr: QrStyle,
    /// Stop waiting after this many seconds; the order goes on
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Do not acknowledge: somebody else hands out the goods
    #[arg(long)]
    no_ack: bool,
}

impl Pay {
    fn facts(&self, app_key: Option<AppKey>, order_id: OrderId) -> proto::Pay {
        proto::Pay {
            app_key,
            order_id,
            title: self.title.clone(),
            amount_fen: self.amount,
            subject_id: self.subject.clone(),
            notify_url: self.notify.clone(),
            expires_s: self.expires,
        }
    }

    /// Says no to bad facts whether a daemon runs or not.
    fn check(&self, global: &Global) -> Result<(), Fail> {
        // Which app and id it is does not matter to the check.
        let app_key = global.app_key.clone().map_or_else(|| AppKey::new("0"), Ok)?;
        let facts = self.facts(None, OrderId::new("0")?).into_facts(app_key);
        Ok(facts.check()?)
    }

    /// Runs it; the exit code tells the final state.
    ///
    /// # Errors
    /// No daemon, a refused order, or one that was left before its end.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        self.check(global)?;
        sys::catch_interrupts();
        let order_id = match &self.order {
            Some(order_id) => order_id.clone(),
            None => order_id::make()?,
        };
        let mut session = Session::open(global)?;
        if &*session.environment == Environment::Sandbox.as_str() {
            out.note(out.lang.sandbox());
        }
        // Before it is sent: whatever happens then, the reader can ask for it by name.
        out.note(&format!("order {order_id}"));
        let op = session.client.pay(self.facts(global.app_key.clone(), order_id.clone()), 0)?;
        let watch = Watch {
            order_id: &order_id,
            op,
            qr: &self.qr,
            timeout: self.timeout.map(Duration::from_secs),
        };
        let ended = follow(&mut session, out, watch, &mut Alone)?;
        if !self.no_ack {
            acknowledge(&mut session, out, &ended);
        }
        Ok(of_state(ended.report.state))
    }
}

/// A result that was printed is handled; one that nobody could read is not.
pub fn acknowledge(session: &mut Session, out: &mut Out, ended: &Ended) {
    let Report { order_id, sequence, .. } = &ended.report;
    let later = format!("alitv-pay ack {order_id} {sequence}");
    if ended.report.acked {
        return;
    }
    if !ended.printed {
        out.complain(&format!("stdout is closed: not acknowledged. Once it is handled: {later}"));
        return;
    }
    let sent = session.client.ack(order_id, *sequence, 0).map_err(Fail::from);
    match sent.and_then(|op| session.answer(op)) {
        Ok(_) => out.detail(&format!("acknowledged {order_id} {sequence}")),
        Err(fail) => out.complain(&format!("not acknowledged: {fail}\n later: {later}")),
    }
}
