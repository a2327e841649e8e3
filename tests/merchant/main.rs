//! The merchant's commands as their users meet them: the real binary, the sandbox in place of
//! the platform, a ledger in a directory of its own. And the parts beneath them, against a
//! platform that does what the test says.
#![cfg(all(feature = "merchant", feature = "cli", feature = "sandbox"))]

mod desk;
mod forged;
#[allow(dead_code)]
#[path = "../sandbox/harness.rs"]
mod harness;
mod ledger;
mod listen;
mod market;
mod orders;
mod query;
mod receiver;
mod reconcile;
mod renew;
#[path = "../cli/run.rs"]
mod run;
mod shop;
#[path = "../stage/mod.rs"]
mod stage;
mod world;
