//! What can be typed. Values are checked here by the types of the core, so that a refusal
//! names the field and the bound before anything is sent.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::text::Lang;
use super::{ack, cancel, daemon, orders, pay, qr, query, rpc, tail};
#[cfg(feature = "sandbox")]
use super::{demo, sandbox};
use crate::core::facts::{AppKey, OrderId};
use crate::money::Fen;

/// Alipay QR payments for TV boxes: try it, drive the daemon, look into orders.
#[derive(Debug, Parser)]
#[command(name = "alitv-pay", version, before_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  alitv-pay demo                                    one payment, nothing to set up
  alitv-pay sandbox --lan                           play the Ali side on this network
  alitv-pay pay --title '60 gems' --amount 600      CNY 6.00; exit 0 if it was paid
  alitv-pay orders                                  what is open or not acknowledged
  alitv-pay tail --json | jq .event                 follow everything that happens";

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The daemon's socket [default: $ALITV_PAY_SOCKET, or the system's]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub socket: Option<PathBuf>,
    /// The app, where the daemon lets you act for several
    #[arg(long, global = true, value_name = "KEY", value_parser = app_key,
        help_heading = "Global options")]
    pub app_key: Option<AppKey>,
    /// Data as JSON, one value a line; this form is stable, the text is not
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// No progress on stderr
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Details on stderr
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub verbose: bool,
    /// No colours, as with NO_COLOR=1
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
    /// Language of sentences for people, en or zh [default: by the locale]
    #[arg(
        long,
        global = true,
        value_enum,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    pub lang: Option<Lang>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sandbox, daemon and one order in this process: see the whole way once
    #[cfg(feature = "sandbox")]
    Demo(demo::Demo),
    /// Run the daemon; the same program as alitv-payd
    Daemon(daemon::Daemon),
    /// Play the Ali side: gateway, phone page, notifications
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Sandbox),
    /// Take one payment and wait for its end
    Pay(pay::Pay),
    /// List orders
    Orders(orders::Orders),
    /// Follow what happens: open orders first, then every event
    Tail(tail::Tail),
    /// Cancel an order
    Cancel(cancel::Cancel),
    /// Say that the goods of a final order are handed out
    Ack(ack::Ack),
    /// Show one order, and have the gateway asked about it
    Query(query::Query),
    /// Call a method of the socket protocol
    Rpc(rpc::Rpc),
    /// Draw a text as a QR code
    Qr(qr::Qr),
}

/// For `value_parser`.
pub fn amount(text: &str) -> Result<Fen, String> {
    Fen::parse(text).map_err(|error| error.to_string())
}

/// For `value_parser`.
pub fn order_id(text: &str) -> Result<OrderId, String> {
    OrderId::new(text).map_err(|refusal| refusal.message)
}

/// For `value_parser`.
pub fn app_key(text: &str) -> Result<AppKey, String> {
    AppKey::new(text).map_err(|refusal| refusal.message)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_help_begins_with_examples() {
        for command in Cli::command().get_subcommands() {
            let name = command.get_name();
            if name != "daemon" {
                let help = command.clone().render_long_help().to_string();
                assert!(help.starts_with("Example"), "{name}: {help}");
            }
        }
    }
}
