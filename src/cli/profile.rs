//! `alitv-pay profile`: what the platform has switched on.

use clap::Args;

use super::args::Global;
use super::exit::{Fail, DONE};
use super::out::Out;
use super::session::Session;
use super::show;
use crate::core::report;
use crate::ipc::proto::AppRef;

/// Options of `profile`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay profile
  alitv-pay profile --json | jq -r '.pages[].kind'
Pages, the link to the goods, and whether subscriptions may be sold. Operations of the
platform switch them on; in the sandbox its operator's page does.")]
pub struct Profile {}

impl Profile {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, or a gateway that has not answered yet.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        let app = AppRef { app_key: global.app_key.clone() };
        let profile: report::Profile = session.call_ready("profile", &app)?;
        match out.json {
            true => out.data_json(&profile)?,
            false => out.data(&text(&profile))?,
        }
        Ok(DONE)
    }
}

fn text(profile: &report::Profile) -> String {
    let mut rows: Vec<(&str, String)> =
        profile.pages.iter().map(|page| (page.kind.name(), page.url.clone())).collect();
    rows.push(("qr-url", profile.qr_url.clone().unwrap_or_else(|| "-".into())));
    rows.push(("renewal", show::yes_no(profile.renewal).to_owned()));
    show::rows(&rows)
}
