//! The sandbox over real HTTP: the gateway as the box's own client sees it, the phone as a
//! browser without scripts sees it, and the control API as a shell script sees it.
#![cfg(feature = "sandbox")]

mod accounts;
mod apps;
mod coin;
mod control;
mod desk;
mod envelope;
mod files;
mod front;
mod gifts;
mod harness;
mod lottery;
mod notify;
mod operator;
mod partner;
mod phone;
mod prizes;
mod renewal;
mod renewal_desk;
mod renewal_pay;
mod scenarios;
mod seed;
mod signin;
mod top_kit;
mod web;
