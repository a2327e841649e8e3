//! What is said on the wire, as pure codecs: text in, values out, and back. No sockets and no
//! clocks; no random numbers but those that RSA itself asks for. The engine, the merchant's
//! tools and the sandbox share them, so both ends of a test read the same rules.

#[cfg(feature = "_rsa")]
pub mod baodian;
#[cfg(feature = "_rsa")]
pub mod blocks;
pub mod confirm;
pub mod device;
#[cfg(feature = "_rsa")]
pub mod gbk;
pub mod json;
#[cfg(feature = "_rsa")]
pub mod keys;
#[cfg(feature = "_rsa")]
pub mod notify;
mod numbers;
#[cfg(feature = "_rsa")]
pub mod partner;
#[cfg(feature = "_rsa")]
pub mod rsa_sign;
pub mod secret;
pub mod sign;
pub mod time;
pub mod top;
