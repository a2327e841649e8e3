//! `alitv-pay pay`: one payment, from the order to its end.

use std::time::Duration;

use clap::Args;

use super::args::{self, amount, Global};
use super::exit::{of_state, Fail};
use super::follow::{follow, Alone, Ended, Watch};
use super::out::{Out, QrStyle};
use super::session::Session;
use super::{ack, sys};
use crate::client::{order_id, Client, Op};
use crate::core::code::Refusal;
use crate::core::facts::{AppKey, OrderId};
use crate::core::report::ItemReport;
use crate::gateway::Environment;
use crate::ipc::proto;
use crate::money::Fen;

/// Options of `pay`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay pay --title '60 gems' --amount 600
  alitv-pay pay --title '60 gems' --amount 600 --order A2 --json --qr png=code.png
  alitv-pay pay --from-server --order A3 --notify https://example.com/n --title Sword --amount 1
Ends with 0 paid, 3 no daemon, 10 cancelled, 11 expired, 12 failed, 13 unknown, 14 refunded.
Ctrl-C cancels the order and waits for its end; a second Ctrl-C leaves.
Java: AliTvSdk.pay; with --from-server AliTvSdk.payFromServer.")]
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
    #[arg(long, value_name = "ID", alias = "subject")]
    subject_id: Option<String>,
    /// Your server is told here as well
    #[arg(long, value_name = "URL")]
    notify: Option<String>,
    /// Your server made the order: then --order and --notify are needed
    #[arg(long, requires_all = ["order", "notify"])]
    from_server: bool,
    #[command(flatten)]
    checkout: Checkout,
}

/// How a payment is shown and waited for.
#[derive(Args, Debug)]
pub struct Checkout {
    /// Lifetime of the code in seconds
    #[arg(long, value_name = "SECONDS")]
    pub expires: Option<u32>,
    /// Code drawn as auto, utf8, ascii, none or png=FILE
    #[arg(long, value_name = "HOW", default_value = "auto")]
    pub qr: QrStyle,
    /// Stop waiting after this many seconds; the order goes on
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u64>,
    /// Do not acknowledge: somebody else hands out the goods
    #[arg(long)]
    pub no_ack: bool,
}

impl Pay {
    fn facts(&self, app_key: Option<AppKey>, order_id: OrderId) -> proto::Pay {
        proto::Pay {
            app_key,
            order_id,
            title: self.title.clone(),
            amount_fen: self.amount,
            subject_id: self.subject_id.clone(),
            notify_url: self.notify.clone(),
            expires_s: self.checkout.expires,
        }
    }

    /// Runs it; the exit code tells the final state.
    ///
    /// # Errors
    /// No daemon, a refused order, or one that was left before its end.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let order_id = match &self.order {
            Some(order_id) => order_id.clone(),
            None => order_id::make()?,
        };
        let pay = self.facts(global.app_key.clone(), order_id.clone());
        pay.clone().into_facts(some_app(global)?).check()?;
        self.checkout.run(global, out, &order_id, |client| client.pay(pay, 0))
    }
}

/// Bad facts are refused whether a daemon runs or not; which app it is does not matter to that.
///
/// # Errors
/// None in practice.
pub fn some_app(global: &Global) -> Result<AppKey, Fail> {
    Ok(global.app_key.clone().map_or_else(|| AppKey::new("0"), Ok)?)
}

impl Checkout {
    /// Asks for the payment and waits for its end; the exit code tells the final state.
    ///
    /// # Errors
    /// No daemon, a refused order, or one that was left before its end.
    pub fn run(
        &self,
        global: &Global,
        out: &mut Out,
        order_id: &OrderId,
        ask: impl FnOnce(&mut Client) -> Result<Op, Refusal>,
    ) -> Result<u8, Fail> {
        sys::catch_interrupts();
        let mut session = Session::open(global)?;
        if &*session.environment == Environment::Sandbox.as_str() {
            out.note(out.lang.sandbox());
        }
        // Before it is sent: whatever happens then, the reader can ask for it by name.
        out.note(&format!("order {order_id}"));
        let op = ask(&mut session.client)?;
        let timeout = self.timeout.map(Duration::from_secs);
        let watch = Watch { order_id, op, qr: &self.qr, timeout };
        let Ended { report, printed } = follow(&mut session, out, watch, &mut Alone)?;
        let state = report.state;
        if !self.no_ack {
            ack::at_end(&mut session, out, &ItemReport::Order(report), printed);
        }
        Ok(of_state(state))
    }
}
