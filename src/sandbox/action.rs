//! What can be done to an order from outside the box: by the payer, by time, by the bank.

use super::order::Order;

/// One thing that can be done to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The payer opens the code.
    Scan,
    /// The payer pays.
    Pay,
    /// The payer gives up; the order is closed.
    Cancel,
    /// The payer has not enough money; the order stays payable.
    Insufficient,
    /// The code runs out now.
    Expire,
    /// The money goes back.
    Refund,
}

const NAMES: [(Action, &str); 6] = [
    (Action::Scan, "scan"),
    (Action::Pay, "pay"),
    (Action::Cancel, "cancel"),
    (Action::Insufficient, "insufficient"),
    (Action::Expire, "expire"),
    (Action::Refund, "refund"),
];

impl Action {
    /// Reads a name.
    pub fn parse(name: &str) -> Option<Action> {
        NAMES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// All names, for a message.
    pub fn names() -> String {
        NAMES.map(|row| row.1).join(", ")
    }

    /// Whether the buttons of the phone page may do it.
    pub fn is_for_payer(self) -> bool {
        matches!(self, Action::Pay | Action::Cancel | Action::Insufficient)
    }

    /// Does it.
    ///
    /// # Errors
    /// The order is in a state in which this cannot be done.
    pub fn apply(self, order: &mut Order, now_ms: i64) -> Result<(), String> {
        match self {
            Action::Scan => order.scan(now_ms),
            Action::Pay => order.pay(now_ms),
            Action::Cancel => order.cancel(now_ms),
            Action::Insufficient => order.lack_money(now_ms),
            Action::Expire => order.expire(now_ms),
            Action::Refund => order.refund(now_ms),
        }
    }
}
