//! `alitv-pay qr-url`: where the app's goods are sold.

use clap::Args;

use super::args::Global;
use super::exit::{Fail, DONE, NONE};
use super::out::{Out, QrStyle};
use super::session::Session;
use super::{qr, show};
use crate::ipc::proto::{AppRef, QrUrl as Answer};

/// Options of `qr-url`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay qr-url
  alitv-pay qr-url --qr                draws it as well
Ends with 0, or 15 if the platform has none for the app. Java: AliTvSdk.Web.getQRUrl.")]
pub struct QrUrl {
    /// Draw the code: auto, utf8, ascii or png=FILE
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "auto",
        default_value = "none", hide_default_value = true)]
    qr: QrStyle,
}

impl QrUrl {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, or a gateway that has not answered yet.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        let app = AppRef { app_key: global.app_key.clone() };
        let answer: Answer = session.call_ready("qr_url", &app)?;
        if out.json {
            out.data_json(&answer)?;
        }
        if answer.qr_url.is_empty() {
            out.note(out.lang.no_qr_url());
            return Ok(NONE);
        }
        if !out.json {
            out.data(&show::clean(&answer.qr_url))?;
        }
        qr::show(&answer.qr_url, &self.qr, out)?;
        Ok(DONE)
    }
}
