//! The command line as its users meet it: the real binary, its two outputs, its exit code.
#![cfg(all(feature = "cli", feature = "sandbox"))]

mod stage;

mod cli {
    pub mod arguments;
    pub mod demo;
    pub mod payments;
    pub mod run;
    pub mod seed;
    pub mod terminal;
}
