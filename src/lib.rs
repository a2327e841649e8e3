//! Alipay QR payments for native games and firmware on TV boxes.
//!
//! A TV shows a QR code, a phone scans it and pays, and the game on the box learns what
//! happened: exactly once, through power cuts, crashes and bad networks. The promise, from
//! the moment an order is accepted:
//!
//! 1. it reaches exactly one final state: PAID, CANCELLED, EXPIRED, FAILED or REFUNDED;
//! 2. that state is handed to the game again and again until the game acknowledges it;
//! 3. "cancelled" and "expired" are never said while the money could still be taken and kept;
//! 4. what is not known is said to be unknown, never failed.
//!
//! # How it runs
//!
//! Everything that decides is in [`core`] and decides by values. [`core::step::step`] takes an
//! order, something that happened and the clocks, and says what to do; [`core::engine`] does
//! the same for many orders. Neither can open a file, read a clock or wait.
//!
//! Around it runs one loop on one thread, in the daemon and in embedded mode alike. A turn of
//! that loop is:
//!
//! 1. wait for a client's line, a finished gateway call or a timer;
//! 2. hand each to the engine and collect the effects, in order;
//! 3. write all the records among them to the journal, with one `fdatasync`;
//! 4. only then send the calls, tell the events and answer the clients.
//!
//! Step 3 before step 4 is what the promise rests on: nothing that a record allows leaves the
//! process before that record would survive a power cut. A crash is nothing special: memory is
//! dropped, the journal is folded into the same orders, and each goes on with its next question.
//!
//! Gateway calls block, so a few worker threads do them. A worker takes a call with its number
//! and brings one reply back under that number; it never repeats a call, and whatever is not a
//! verified answer about this very order comes back as "in doubt". When to ask again is decided
//! in `core`, where it can be tested without waiting.
//!
//! The library is always a client of that loop: over a Unix socket to the daemon, or over a
//! `socketpair` to a thread of its own process. It speaks newline-delimited JSON-RPC and folds
//! snapshots and events into what the C caller sees; in daemon mode it starts no thread.
//!
//! # The house
//!
//! | part | what it holds |
//! |---|---|
//! | `money`, `limits` | an amount in fen; every bound of the system with its reason |
//! | `core` | orders and the engine, pure |
//! | `wire` | codecs of the gateways, pure; used by box, merchant and sandbox |
//! | `gateway` | what to ask a gateway and how far to believe it; the only HTTP client |
//! | `store` | the journal, on a real disk or on one that fails on purpose |
//! | `client` | the protocol client behind the C ABI and the command line |
//! | `cashier` | what the payer sees: QR codes |
//! | `ipc` | the socket: framing, protocol, sessions, the loop |
//! | `config_file` | files with secrets in them, and who else may read them |
//! | `daemon` | configuration, logging and life cycle of that loop, also when embedded |
//! | `ffi` | the C ABI, one file for each section of the header |
//! | `merchant` | the App server's side: ledger, notify, queries, renewal, gifts |
//! | `sandbox` | the other side of the wire: gateway and phone |
//! | `cli` | the command line, one file for each subcommand |
//!
//! Uses run downwards only, `money` and `limits` lowest; `tests/tidy.rs` holds that.
#![deny(missing_docs)]

#[cfg(all(feature = "engine", feature = "os-roots"))]
compile_error!("choose one of the features `engine` (built-in TLS roots) and `os-roots`");

#[cfg(feature = "client")]
pub mod cashier;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "_engine")]
pub mod config_file;
pub mod core;
#[cfg(feature = "_engine")]
pub mod daemon;
#[cfg(feature = "client")]
pub mod ffi;
#[cfg(feature = "_engine")]
pub mod gateway;
pub mod ipc;
pub mod limits;
#[cfg(feature = "merchant")]
pub mod merchant;
pub mod money;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg(feature = "_engine")]
pub mod store;
#[cfg(feature = "_engine")]
pub mod wire;
