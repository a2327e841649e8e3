//! SIGKILL at every write, sync and rename, and at every message that leaves.

mod kit;
mod payment;
mod rewards;
#[path = "../stage/mod.rs"]
mod stage;
