//! `alitv-pay repay`: the first charge of a subscription.

use clap::{Args, ValueEnum};

use super::args::{amount, order_id, Global};
use super::exit::Fail;
use super::out::Out;
use super::pay::{some_app, Checkout};
use crate::core::facts::{self, OrderId};
use crate::ipc::proto;
use crate::money::Fen;

/// Options of `repay`.
#[derive(Args, Debug)]
#[command(
    override_usage = "alitv-pay repay --order <ID> --notify <URL> --title <TITLE> \
        --subject <SUBJECT>\n       --interval <INTERVAL> --price <FEN>... [OPTIONS]",
    before_help = "\
Examples:
  alitv-pay repay --order S1 --notify https://example.com/n --title 'Monthly pass' \\
      --subject 'Gem Garden monthly' --interval month --price 600 --price 600 --price 900
The first --price is charged at once; your server starts the later ones, at most 12 in all by
month and 4 by season. The platform must have switched subscriptions on: alitv-pay profile.
Exit codes, Ctrl-C and acknowledging are those of pay. Java: AliTvSdk.repayFromServer."
)]
pub struct Repay {
    /// What is bought
    #[arg(long)]
    title: String,
    /// Name of the subscription
    #[arg(long)]
    subject: String,
    /// How often it is charged: month or season
    #[arg(long, value_enum, hide_possible_values = true)]
    interval: Interval,
    /// Of each charge in fen, this one first; once for each
    #[arg(long = "price", value_name = "FEN", value_parser = amount, required = true,
        allow_hyphen_values = true)]
    prices: Vec<Fen>,
    /// What the subscriber is entitled to
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
    /// The order number that your server made
    #[arg(long, value_name = "ID", value_parser = order_id)]
    order: OrderId,
    /// Your server is told here
    #[arg(long, value_name = "URL")]
    notify: String,
    /// Your product id; without it there is no consumption lottery
    #[arg(long, value_name = "ID")]
    subject_id: Option<String>,
    #[command(flatten)]
    checkout: Checkout,
}

/// How often a subscription is charged.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Interval {
    /// Every month
    Month,
    /// Every three months
    Season,
}

impl From<Interval> for facts::Interval {
    fn from(interval: Interval) -> facts::Interval {
        match interval {
            Interval::Month => facts::Interval::Month,
            Interval::Season => facts::Interval::Season,
        }
    }
}

impl Repay {
    /// Runs it; the exit code tells the final state.
    ///
    /// # Errors
    /// No daemon, a refused order, or one that was left before its end.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let repay = proto::Repay {
            app_key: global.app_key.clone(),
            order_id: self.order.clone(),
            title: self.title,
            subject: self.subject,
            interval: self.interval.into(),
            prices_fen: self.prices,
            description: self.description,
            subject_id: self.subject_id,
            notify_url: self.notify,
            expires_s: self.checkout.expires,
        };
        repay.clone().into_facts(some_app(global)?)?.check()?;
        self.checkout.run(global, out, &self.order, |client| client.repay(repay, 0))
    }
}
