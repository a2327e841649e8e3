//! How far the alitv gateway client believes an answer. Whatever was changed, cut, repeated
//! or taken from elsewhere must never become a statement about an order, a user or a prize.
#![cfg(any(feature = "engine", feature = "os-roots"))]

mod account;
mod cases;
mod every;
mod gifts;
mod kit;
mod lottery;
mod orders;
mod profile;
mod requests;
