//! The command line as its users meet it: the real binary, its two outputs, its exit code.
#![cfg(all(feature = "cli", feature = "sandbox"))]

mod stage;

mod cli {
    pub mod arguments;
    #[cfg(feature = "merchant")]
    pub mod data;
    pub mod demo;
    #[cfg(feature = "merchant")]
    pub mod doctor;
    #[cfg(feature = "merchant")]
    pub mod gifts;
    #[cfg(feature = "merchant")]
    pub mod keys;
    pub mod payments;
    pub mod run;
    pub mod seed;
    pub mod terminal;
}
