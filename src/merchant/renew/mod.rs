//! Later charges of subscriptions. The money of a charge can be taken once: it is keyed by
//! the subscription's first order and the number of the charge, and its own order number is
//! derived from the two. `machine` is what decides, `next` says which charge is next, `charge`
//! carries out one, `run` all that are due.

pub mod charge;
pub mod lock;
pub mod machine;
pub mod next;
pub mod run;
#[cfg(test)]
mod tests;
