//! The local socket: framing, the types of the protocol, sessions and the loop that owns
//! the engine.

pub mod line;
pub mod path;
pub mod proto;
pub mod sys;
