//! `alitv-pay logout`.

use clap::Args;

use super::args::Global;
use super::auth;
use super::exit::Fail;
use super::out::Out;
use super::session::Session;
use crate::ipc::proto::AppRef;

/// Options of `logout`.
#[derive(Args, Debug)]
#[command(before_help = "\
Example:
  alitv-pay logout                     every client of the app is told
Java: nothing but the box's settings could do this; IAuthListener.onLogout tells of it.")]
pub struct Logout {}

impl Logout {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, nobody to sign out.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        let app = AppRef { app_key: global.app_key.clone() };
        auth::print(&session.call("auth.logout", &app)?, out)
    }
}
