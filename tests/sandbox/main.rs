//! The sandbox over real HTTP: the gateway as the box's own client sees it, the phone as a
//! browser without scripts sees it, and the control API as a shell script sees it.
#![cfg(feature = "sandbox")]

mod control;
mod envelope;
mod files;
mod harness;
mod phone;
mod scenarios;
