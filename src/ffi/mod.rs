//! The C ABI. One file for each section of `include/alitv_pay.h`, which is generated from
//! here: what stands in doc comments is written for the reader of the header. Conversion only;
//! what happens is in `client`.
//!
//! Files without functions of the header: `guard` (panics, pointers, parameter structs),
//! `handle` (what an `alitv_client *` is), `ids` (made here when the caller brings none),
//! `asked` (what a refusal is about), `deliver` (which callback an event is for), `kept` (what
//! an event points to), `strings` (static texts), `embedded` (the engine in this process),
//! `log` (its lines).
#![allow(non_camel_case_types, reason = "C names, as they stand in the header")]
#![allow(clippy::missing_safety_doc, reason = "the house rules of the header are the contract")]

pub mod account;
mod asked;
pub mod callbacks;
mod deliver;
mod embedded;
pub mod events;
pub mod gifts;
mod guard;
mod handle;
mod ids;
pub mod init;
mod kept;
#[cfg(feature = "_engine")]
mod log;
pub mod lottery;
pub mod orders;
pub mod pay;
pub mod qr;
pub mod repay;
pub mod request;
pub mod results;
pub mod states;
mod strings;
pub mod version;
pub mod wakeup;
pub mod web;
