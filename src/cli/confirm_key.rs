//! `alitv-pay confirm-key`: what a merchant's server hands to a game for one draw.

use std::path::PathBuf;

use clap::Args;

use super::args::{event_key, Global};
use super::exit::{Fail, DONE};
use super::out::Out;
use super::{clock, input};
use crate::core::facts::EventKey;
use crate::core::user::UserId;
use crate::limits::CONFIRM_KEY_MS;
use crate::wire::confirm::{confirm_key, ConfirmFacts};

const SECRET_VARIABLE: &str = "ALITV_PAY_CONFIRM_SECRET";

/// Options of `confirm-key`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay confirm-key --app-key 23012345 --secret-file confirm.txt --user u1 LEVEL_UP
  alitv-pay lottery draw LEVEL_UP --confirm-key $(alitv-pay confirm-key ...)
For activities that the platform gave a secret for; it is read from a file or from
ALITV_PAY_CONFIRM_SECRET. A key is valid for ten minutes, for one draw of one user.")]
pub struct ConfirmKey {
    /// The activity
    #[arg(value_name = "KEY", value_parser = event_key)]
    event_key: EventKey,
    /// Who draws
    #[arg(long, value_name = "USER", value_parser = user_id)]
    user: UserId,
    /// The behaviour that earned the draw
    #[arg(long, value_name = "KEY", value_parser = event_key)]
    behavior: Option<EventKey>,
    /// File with the secret of the activity
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// For `value_parser`.
fn user_id(text: &str) -> Result<UserId, String> {
    UserId::new(text).map_err(|refusal| refusal.message)
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Made {
    confirm_key: String,
    valid_until: String,
}

impl ConfirmKey {
    /// Runs it.
    ///
    /// # Errors
    /// No app is named, or there is no secret.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let Some(app_key) = &global.app_key else {
            let next = "name the app with --app-key, or set ALITV_PAY_APP_KEY";
            return Err(Fail::usage("no app is named", next));
        };
        let secret = input::secret(self.secret_file.as_deref(), SECRET_VARIABLE)?;
        let facts = ConfirmFacts {
            app_key: app_key.as_str(),
            behavior_key: self.behavior.as_ref().map_or("", EventKey::as_str),
            event_key: self.event_key.as_str(),
            user_id: self.user.as_str(),
        };
        let now_ms = clock::now_ms();
        let made = Made {
            confirm_key: confirm_key(&secret, &facts, now_ms),
            valid_until: clock::rfc3339(now_ms + CONFIRM_KEY_MS),
        };
        match out.json {
            true => out.data_json(&made)?,
            false => out.data(&made.confirm_key)?,
        }
        Ok(DONE)
    }
}
