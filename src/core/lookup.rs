//! Questions that change nothing: asked of the gateway at once, answered when it has
//! answered, and never repeated by themselves.

use super::award::{Activity, Gift};
use super::call::{Ask, Reply};
use super::facts::EventKey;
use super::user::User;

/// Names a look-up to whoever asked for it. Made by the asker, unique among its open ones.
pub type Ticket = u64;

/// What is looked up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Lookup {
    /// The user who is signed in.
    User,
    /// Lotteries.
    Activities {
        /// None: all that can be played.
        event_key: Option<EventKey>,
    },
    /// The user's gifts that wait to be taken.
    Gifts,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Found {
    /// To `Lookup::User`.
    User(User),
    /// To `Lookup::Activities`; may be empty.
    Activities(Vec<Activity>),
    /// To `Lookup::Gifts`; may be empty.
    Gifts(Vec<Gift>),
}

impl Lookup {
    /// Whether it is about a user who has authorised the app.
    pub fn needs_user(&self) -> bool {
        !matches!(self, Lookup::Activities { .. })
    }

    /// The question for the gateway.
    pub fn ask(&self) -> Ask {
        match self {
            Lookup::User => Ask::UserInfo,
            Lookup::Activities { event_key } => Ask::Activities { event_key: event_key.clone() },
            Lookup::Gifts => Ask::Gifts,
        }
    }

    /// What an answer of the right kind has found.
    pub fn found(&self, reply: Reply) -> Option<Found> {
        Some(match (self, reply) {
            (Lookup::User, Reply::User(user)) => Found::User(user),
            (Lookup::Activities { .. }, Reply::Activities(all)) => Found::Activities(all),
            (Lookup::Gifts, Reply::Gifts(all)) => Found::Gifts(all),
            _ => return None,
        })
    }
}
