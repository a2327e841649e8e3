//! What can be done from outside the box: to an order by the payer, by time, by the bank; to an
//! attempt to sign in by the user.

use super::order::Order;
use super::state::State;

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

/// One thing that can be done to an attempt to sign in or to authorise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthAction {
    /// The user opens the code.
    Scan,
    /// The user signs in on the phone, and is asked to authorise the app unless that was done
    /// before.
    Login,
    /// The user authorises the app.
    Authorise,
    /// The user says no; after signing in, to authorising only.
    Deny,
}

const AUTH_NAMES: [(AuthAction, &str); 4] = [
    (AuthAction::Scan, "scan"),
    (AuthAction::Login, "login"),
    (AuthAction::Authorise, "authorise"),
    (AuthAction::Deny, "deny"),
];

impl AuthAction {
    /// Reads a name.
    pub fn parse(name: &str) -> Option<AuthAction> {
        AUTH_NAMES.iter().find(|row| row.1 == name).map(|row| row.0)
    }

    /// All names, for a message.
    pub fn names() -> String {
        AUTH_NAMES.map(|row| row.1).join(", ")
    }

    /// Does it. `user_id` says who signs in; `profile`, that nick and picture are shared.
    pub(super) fn apply(
        self,
        state: &mut State,
        number: u64,
        user_id: Option<&str>,
        profile: bool,
        now_ms: i64,
    ) -> Result<(), String> {
        match self {
            AuthAction::Scan if state.auth_scan(number) => Ok(()),
            AuthAction::Scan => Err("the attempt is over".into()),
            AuthAction::Login => {
                let user_id = user_id.ok_or("name the user who signs in")?;
                state.auth_login(number, user_id, now_ms)
            }
            AuthAction::Authorise => state.auth_authorise(number, user_id, profile, now_ms),
            AuthAction::Deny => state.auth_deny(number, now_ms),
        }
    }
}
