//! alitv-pay: Alipay QR payments for TV boxes. This page becomes the manual.
#![deny(missing_docs)]

#[cfg(feature = "client")]
pub mod cashier;
pub mod core;
pub mod ipc;
pub mod limits;
pub mod money;
