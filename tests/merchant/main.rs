//! The merchant's commands as their users meet them: the real binary, the sandbox in place of
//! the platform, a ledger in a directory of its own. And the parts beneath them, against a
//! platform that does what the test says.
#![cfg(all(feature = "merchant", feature = "cli", feature = "sandbox"))]

mod desk;
mod forged;
mod ledger;
mod listen;
mod orders;
mod receiver;
mod reconcile;
#[path = "../cli/run.rs"]
mod run;
mod shop;
#[path = "../stage/mod.rs"]
mod stage;
mod world;
