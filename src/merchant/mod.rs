//! The App server's side: what a merchant runs to learn that an order was paid and to hand
//! out the goods once. A notify is only a hint, since everybody who knows the merchant's
//! public key can write one; goods are granted on the merchant's own question, answered by
//! the platform over TLS. docs/merchant.md is the manual.

pub mod advice;
pub mod config;
pub mod deliver;
pub mod gifts;
pub mod import;
pub mod ledger;
pub mod listen;
pub mod notify;
pub mod reconcile;
pub mod renew;
pub mod source;
mod sys;
pub mod top;
