//! The methods a TV box calls, as both ends see them: the gateway client writes requests
//! and reads results, the sandbox the other way round. docs/wire-alitv.md is the contract,
//! and says which parts of it are ours and not the platform's.

mod account;
mod app;
mod gifts;
mod lottery;
mod orders;
mod params;
mod request;
mod result;

pub use self::account::*;
pub use self::app::*;
pub use self::gifts::*;
pub use self::lottery::*;
pub use self::orders::*;
#[cfg(feature = "_rsa")]
pub(in crate::wire) use self::params::check_text;
pub use self::params::{read_nonce, ParamError, SessionError, SessionUse, SESSION};
pub use self::request::DeviceRequest;
pub use self::result::{answer, sign_result, verify_result, Echo, ServiceResult};

/// Refusal that decides nothing: ask again.
pub const SYSTEM_ERROR: &str = "SYSTEM_ERROR";
/// Refusal that means what error 27 means.
pub const SESSION_INVALID: &str = "SESSION_INVALID";
