//! SIGKILL at every write, sync and rename, and at every message that leaves.

#[cfg(feature = "merchant")]
#[allow(dead_code)]
#[path = "../merchant/desk.rs"]
mod desk;
#[cfg(feature = "merchant")]
#[allow(dead_code)]
#[path = "../sandbox/harness.rs"]
mod harness;
mod kit;
#[cfg(feature = "merchant")]
#[allow(dead_code)]
#[path = "../merchant/market.rs"]
mod market;
#[cfg(feature = "merchant")]
mod notify;
mod payment;
#[cfg(feature = "merchant")]
mod renew;
mod rewards;
#[cfg(feature = "merchant")]
#[allow(dead_code)]
#[path = "../cli/run.rs"]
mod run;
#[path = "../stage/mod.rs"]
mod stage;
