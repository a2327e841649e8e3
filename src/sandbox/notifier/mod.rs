//! Tells the merchants' servers what has become of their orders (protocol notes 6): what is to
//! be sent, when, and what came of it.

pub mod queue;
pub mod send;

pub use queue::{Attempt, Item, Kind, NewNotify, Queue, Stage};

/// Public key of a merchant who does not exist.
pub const NOBODYS_KEY_PEM: &str = include_str!("../demo-keys/nobody-public.pem");
