//! `alitv-pay orders`: what the journal of the box has. Its subcommands are the merchant's.

use clap::{Args, ValueEnum};

use super::args::Global;
use super::exit::{Fail, DONE};
#[cfg(feature = "merchant")]
use super::ledger;
use super::out::Out;
use super::session::Session;
use super::{clock, show, sys};
use crate::core::engine;
use crate::ipc::proto;

const EXAMPLES: &str = "\
Examples:
  alitv-pay orders                     on a box: open, or final and not acknowledged
  alitv-pay orders --which all --json | jq -r '.orders[].order_id'
  alitv-pay orders add T1 --amount 600 --title '60 gems'     on the merchant's server
  alitv-pay orders ledger              on the merchant's server: what was agreed, paid, handed out
Without a subcommand it asks the daemon of a box; the subcommands use the merchant's ledger.";

/// Options of `orders`.
#[derive(Args, Debug)]
#[command(before_help = EXAMPLES, args_conflicts_with_subcommands = true,
    disable_help_subcommand = true)]
pub struct Orders {
    #[cfg(feature = "merchant")]
    #[command(subcommand)]
    ledger: Option<ledger::Command>,
    /// unfinished (open or unacked), open, unacked or all
    #[arg(long, value_enum, default_value = "unfinished", hide_possible_values = true)]
    which: Which,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

/// Which orders.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    /// Not final, or final and not acknowledged
    Unfinished,
    /// Not final
    Open,
    /// Final and not acknowledged
    Unacked,
    /// All that the journal still has
    All,
}

impl From<Which> for engine::Which {
    fn from(which: Which) -> engine::Which {
        match which {
            Which::Unfinished => engine::Which::Unfinished,
            Which::Open => engine::Which::Open,
            Which::Unacked => engine::Which::Unacked,
            Which::All => engine::Which::All,
        }
    }
}

impl Orders {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, or a refusal.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        #[cfg(feature = "merchant")]
        if let Some(command) = self.ledger {
            return command.run(out);
        }
        let mut session = Session::open(global)?;
        let list = proto::ListOrders {
            app_key: global.app_key.clone(),
            which: self.which.into(),
            limit: self.limit,
        };
        let op = session.client.orders(list, 0)?;
        let answer = session.answer(op)?;
        if out.json {
            out.data_json(&proto::Orders { orders: answer.orders, more: answer.more })?;
            return Ok(DONE);
        }
        if answer.orders.is_empty() {
            out.note("no orders; start one: alitv-pay pay --title '60 gems' --amount 600");
            return Ok(DONE);
        }
        let columns = sys::stdout_columns().unwrap_or(usize::MAX);
        out.data(&show::orders_text(clock::now_ms(), out.lang, &answer.orders, columns))?;
        if answer.more {
            out.note("there are more: name a larger --limit");
        }
        Ok(DONE)
    }
}
