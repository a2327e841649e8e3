//! Kinds of orders that somebody may want to see.

use serde::{Deserialize, Serialize};

use super::item::Item;

/// Which orders are wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// Not final, or final and not acked: what a game has to look after at its start.
    #[default]
    Unfinished,
    /// Not final.
    Open,
    /// Final and not acked.
    Unacked,
    /// All that the journal still has.
    All,
}

impl Which {
    /// Whether the item is one of them.
    pub fn wants(self, item: &Item) -> bool {
        let open = !item.state().is_final();
        match self {
            Which::Unfinished => open || item.is_unacked(),
            Which::Open => open,
            Which::Unacked => item.is_unacked(),
            Which::All => true,
        }
    }
}
