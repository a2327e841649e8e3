//! The C ABI. One file for each section of `include/alitv_pay.h`, which is generated from
//! here: what stands in doc comments is written for the reader of the header. Conversion only;
//! what happens is in `client`.
//!
//! Files without functions of the header: `guard` (panics, pointers, parameter structs),
//! `handle` (what an `alitv_client *` is), `strings` (texts on their way out), `embedded`
//! (the engine in this process), `log` (its lines), `wakeup` (the one thread of daemon mode).
#![allow(non_camel_case_types, reason = "C names, as they stand in the header")]
#![allow(clippy::missing_safety_doc, reason = "the house rules of the header are the contract")]

pub mod callbacks;
mod embedded;
pub mod events;
mod guard;
mod handle;
pub mod init;
#[cfg(feature = "_engine")]
mod log;
pub mod orders;
pub mod pay;
pub mod qr;
pub mod request;
pub mod results;
pub mod states;
mod strings;
pub mod version;
pub mod wakeup;
