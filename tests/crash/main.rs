//! SIGKILL at every write, sync and rename, and at every message that leaves.

mod kit;
#[cfg(feature = "merchant")]
mod notify;
mod payment;
mod rewards;
#[path = "../stage/mod.rs"]
mod stage;
