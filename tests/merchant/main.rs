//! The merchant's commands as their users meet them: the real binary, the sandbox in place of
//! the platform, a ledger in a directory of its own.
#![cfg(all(feature = "merchant", feature = "cli", feature = "sandbox"))]

mod desk;
mod orders;
#[path = "../cli/run.rs"]
mod run;
