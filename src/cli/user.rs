//! `alitv-pay user`: who plays.

use clap::Args;

use super::args::Global;
use super::exit::{Fail, DONE};
use super::out::Out;
use super::session::Session;
use super::show;
use crate::core::user;
use crate::ipc::proto::AppRef;

/// Options of `user`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay user
  alitv-pay user --json | jq .points
Nick and avatar are there only if the platform lets the app have them and the user agreed.
Needs an authorised user: alitv-pay auth. Java: AliTvSdk.Account.getUserInfo.")]
pub struct User {}

impl User {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, nobody authorised, a gateway that does not answer.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        let app = AppRef { app_key: global.app_key.clone() };
        let user: user::User = session.call("user.info", &app)?;
        match out.json {
            true => out.data_json(&user)?,
            false => out.data(&text(&user))?,
        }
        Ok(DONE)
    }
}

fn text(user: &user::User) -> String {
    let mut rows = vec![("user", user.user_id.as_str().to_owned())];
    let mut add = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
    add("nick", user.nick.clone());
    add("avatar", user.avatar_url.clone());
    add("points", user.points.map(|points| points.to_string()));
    show::rows(&rows)
}
