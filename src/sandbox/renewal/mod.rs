//! Subscriptions: the rules of the first order and of every later charge (protocol notes 5).
//! Pure: a thread is what its orders say.

mod charge;
mod first;
mod thread;

pub use charge::{check, check_app, check_repeat, Charge};
pub use first::check as check_first;
pub use thread::{Agreement, ChargeOf, Standing, Thread};
