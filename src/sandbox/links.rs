//! Where the sandbox's own pages are, and what `{base}` stands for.

use super::lottery::Activity;
use super::settings::Settings;
use super::shared::Place;
use super::users::User;
use crate::core::report::WebKind;

impl Place {
    /// A link of the seed or the control API with `{base}` filled in.
    pub fn fill(&self, link: &str) -> String {
        link.replace("{base}", &self.base_url)
    }

    /// Text of the code of an attempt: capitals take fewer modules.
    pub fn auth_qr(&self, code: &str) -> String {
        format!("{}/A/{code}", self.base_url.to_ascii_uppercase())
    }

    /// The page behind the code of an attempt.
    pub fn auth_page(&self, code: &str) -> String {
        format!("{}/A/{code}", self.base_url)
    }

    /// The web page of a kind, if it is switched on: `url`, or the sandbox's own.
    pub fn web_page(&self, app_key: &str, kind: WebKind, settings: &Settings) -> Option<String> {
        let page = settings.pages.get(&kind)?;
        let own = || format!("{}/h5/{app_key}/{}", self.base_url, kind.name());
        Some(page.url.as_deref().map_or_else(own, |url| self.fill(url)))
    }

    /// The page about an activity: `activity_url`, or the sandbox's own.
    pub fn activity_page(&self, activity: &Activity) -> String {
        let own = || format!("{}/activity/{}", self.base_url, activity.activity_id);
        activity.activity_url.as_deref().map_or_else(own, |url| self.fill(url))
    }

    /// The picture of a user: `avatar_url`, or the sandbox's own.
    pub fn avatar(&self, user: &User) -> String {
        let name = || form_urlencoded::byte_serialize(user.user_id.as_str().as_bytes());
        let own = || format!("{}/avatar/{}.svg", self.base_url, name().collect::<String>());
        user.avatar_url.as_deref().map_or_else(own, |url| self.fill(url))
    }
}
