//! What the payer sees of an order.

pub mod qr;
