//! The pure part: what an order is and how it moves. No files, sockets, threads, clocks,
//! JSON text or log lines here; everything comes in as a value and goes out as a value.

pub mod account;
pub mod award;
pub mod call;
pub mod code;
pub mod draw;
pub mod engine;
pub mod facts;
pub mod gift;
pub mod item;
pub mod lookup;
pub mod order;
mod outbox;
pub mod record;
pub mod report;
pub mod sign_in;
pub mod step;
mod timers;
pub mod user;
pub mod web;
pub mod which;

#[cfg(test)]
#[path = "../../tests/model/mod.rs"]
mod model;
