//! The local socket: framing, the types of the protocol, sessions and the loop that owns
//! the engine.

#[cfg(feature = "_engine")]
pub mod access;
#[cfg(feature = "_engine")]
mod accounts;
#[cfg(feature = "_engine")]
mod awards;
#[cfg(feature = "_engine")]
pub mod control;
#[cfg(feature = "_engine")]
pub mod desk;
#[cfg(feature = "_engine")]
mod door;
#[cfg(feature = "_engine")]
mod gate;
pub mod line;
#[cfg(feature = "_engine")]
pub mod lines;
#[cfg(feature = "_engine")]
mod lists;
#[cfg(feature = "_engine")]
mod lookups;
#[cfg(feature = "_engine")]
pub mod members;
#[cfg(feature = "_engine")]
pub mod openrpc;
#[cfg(feature = "_engine")]
mod orders;
#[cfg(feature = "_engine")]
mod params;
pub mod path;
pub mod proto;
#[cfg(feature = "_engine")]
mod schemas;
#[cfg(feature = "_engine")]
pub mod server;
#[cfg(feature = "_engine")]
mod session;
pub mod sys;
#[cfg(feature = "_engine")]
mod watch;
