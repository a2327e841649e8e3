//! Every function of the Java SDK, row by row as `docs/integration.md` lists them, through C,
//! through the socket and through the command line, against a real daemon and the sandbox:
//! that it works, and each error that is documented for it.
#![cfg(all(feature = "cli", feature = "sandbox"))]

mod stage;

mod functions {
    pub mod account;
    pub mod kit;
    pub mod lifecycle;
    pub mod payments;
    pub mod rewards;
    pub mod web;
}
