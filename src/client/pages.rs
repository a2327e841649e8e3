//! Web pages of the platform, and what else it has switched on for the app.

use std::collections::BTreeMap;

use super::requests::{Draft, Want};
use super::{Client, Op};
use crate::core::code::Refusal;
use crate::core::report::WebKind;
use crate::ipc::proto::{WebClosed, WebOpen};

impl Client {
    /// Asks for a page. `None`: the platform has no such page, and nothing follows. Otherwise
    /// `Web` with `open` and the op, then `Web` without `open`; or `Reply` with an error.
    ///
    /// NOT_READY before the platform has said which pages there are.
    pub fn web_open(
        &mut self,
        kind: WebKind,
        params: BTreeMap<String, String>,
        timeout_s: Option<u32>,
        tag: u64,
    ) -> Result<Option<Op>, Refusal> {
        if !self.session.apps.profile()?.pages.iter().any(|page| page.kind == kind) {
            return Ok(None);
        }
        let app_key = self.session.app_key.clone();
        let open = WebOpen { app_key, kind, params, timeout_s };
        open.clone().into_wanted(String::new()).check()?;
        let (params, want) = (Some(open), Want::WebOpen(kind));
        self.ask(Draft { method: "web.open", params, tag, want, target: None, silent: false })
            .map(Some)
    }

    /// Says that a page is off the screen. Event: `Reply`, and `Web` for the page.
    pub fn web_closed(&mut self, web_id: &str, tag: u64) -> Result<Op, Refusal> {
        let app_key = self.session.app_key.clone();
        let params = Some(WebClosed { app_key, web_id: web_id.to_owned() });
        let want = Want::WebClosed;
        self.ask(Draft { method: "web.closed", params, tag, want, target: None, silent: false })
    }

    /// Text for a QR code that leads to the app's goods; "" if the platform has none.
    ///
    /// NOT_READY before the platform has said so.
    pub fn qr_url(&self) -> Result<String, Refusal> {
        Ok(self.session.apps.profile()?.qr_url.clone().unwrap_or_default())
    }
}
