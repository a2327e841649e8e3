//! What the payer sees of an order: the code as modules, in a terminal, as a picture.

#[cfg(feature = "cli")]
pub mod png;
pub mod qr;
#[cfg(feature = "cli")]
pub mod terminal;
