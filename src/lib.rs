//! alitv-pay: Alipay QR payments for TV boxes. This page becomes the manual.
#![deny(missing_docs)]

pub mod core;
pub mod ipc;
pub mod limits;
pub mod money;
