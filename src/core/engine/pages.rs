//! What the platform has switched on for each app, and the web page that is open.

use std::collections::{BTreeMap, VecDeque};

use super::{Asker, Clock, Effect, Engine};
use crate::core::call::{Ask, CallNo, Reply};
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::core::report::{Event, Profile, WebReport};
use crate::core::web::{Wanted, Web};
use crate::limits::{PROFILE_AGE_MS, PROFILE_RETRY_MS_MAX, PROFILE_RETRY_MS_MIN, THROTTLE_S_MAX};

/// One app is asked about at a time, so that many apps leave the workers to payments.
#[derive(Default)]
pub(super) struct Profiles {
    /// What was said, and at which boot milliseconds.
    known: BTreeMap<AppKey, (Profile, u64)>,
    /// Who is asked about next.
    wanted: VecDeque<AppKey>,
    asking: Option<(CallNo, AppKey)>,
    asked_at: u64,
    /// No question before this.
    retry_at: Option<u64>,
    /// Questions in a row without a usable answer; 0 while the gateway wants a pause.
    tries: u32,
}

impl Engine {
    /// What the platform has switched on, as far as it is known. Asks again if that is old.
    pub fn profile(
        &mut self,
        app_key: &AppKey,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Option<Profile> {
        let profile = self.profiles.known.get(app_key).map(|known| known.0.clone());
        if self.has_app(app_key) && !self.profiles.is_fresh(app_key, clock) {
            self.profiles.want(app_key);
            // Somebody waits: a box that was off the net for long may be back.
            self.profiles.hurry(clock);
            self.ask_profile(clock, out);
        }
        profile
    }

    /// Opens a page. None: the platform has none of this kind, and nothing follows. Otherwise
    /// a web event says open, and exactly one closed: when `web_closed` says so, or when the
    /// time is over.
    ///
    /// # Errors
    /// DENIED an app that is not served; INVALID and STRING name the field and the bound;
    /// STATE while another page is open; NOT_READY before the platform has said which pages
    /// there are; GATEWAY for a page whose URL cannot be shown.
    pub fn web_open(
        &mut self,
        app_key: &AppKey,
        wanted: Wanted,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<Option<WebReport>, Refusal> {
        self.check_app(app_key)?;
        wanted.check()?;
        if let Some(open) = self.web(app_key) {
            let text = format!("a page of kind {} is open", open.kind.name());
            return Err(Refusal::new(Code::STATE, text));
        }
        let Some(profile) = self.profile(app_key, clock, out) else {
            let text = "the gateway has not said yet which pages there are";
            return Err(Refusal::new(Code::NOT_READY, text));
        };
        let Some(page) = profile.pages.iter().find(|page| page.kind == wanted.kind) else {
            return Ok(None);
        };
        let web = Web::open(app_key.clone(), page, wanted, clock.boot_ms)?;
        let report = web.report();
        self.webs.insert(app_key.clone(), web);
        out.push(Effect::Tell(Event::Web(report.clone())));
        Ok(Some(report))
    }

    /// Whoever showed the page says that it is closed.
    ///
    /// # Errors
    /// NOT_FOUND for a page that is not open, or not any more.
    pub fn web_closed(
        &mut self,
        app_key: &AppKey,
        web_id: &str,
        out: &mut Vec<Effect>,
    ) -> Result<(), Refusal> {
        if self.webs.get(app_key).is_none_or(|web| web.id() != web_id) {
            return Err(Refusal::new(Code::NOT_FOUND, "web_id names no page that is open"));
        }
        self.close_web(app_key, Code::OK, out);
        Ok(())
    }

    /// The page that is open.
    pub fn web(&self, app_key: &AppKey) -> Option<WebReport> {
        self.webs.get(app_key).map(Web::report)
    }

    fn close_web(&mut self, app_key: &AppKey, result: Code, out: &mut Vec<Effect>) {
        if let Some(web) = self.webs.remove(app_key) {
            out.push(Effect::Tell(Event::Web(web.closed(result))));
        }
    }

    pub(super) fn tick_pages(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        let over = self.webs.iter().filter(|(_, web)| clock.boot_ms >= web.closes_at());
        let over: Vec<AppKey> = over.map(|(app_key, _)| app_key.clone()).collect();
        for app_key in over {
            self.close_web(&app_key, Code::TIMEOUT, out);
        }
        self.ask_profile(clock, out);
    }

    pub(super) fn pages_wake_at(&self) -> Option<u64> {
        self.webs.values().map(Web::closes_at).chain(self.profiles.retry_at).min()
    }

    /// At the start, and when the gateway is back: all that is not known, or old.
    pub(super) fn ask_profiles(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        for app_key in self.apps.keys() {
            if !self.profiles.is_fresh(app_key, clock) {
                self.profiles.want(app_key);
            }
        }
        self.profiles.hurry(clock);
        self.ask_profile(clock, out);
    }

    fn ask_profile(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        let waits = self.profiles.retry_at.is_some_and(|at| clock.boot_ms < at);
        if waits || self.profiles.asking.is_some() {
            return;
        }
        let Some(app_key) = self.profiles.wanted.pop_front() else { return };
        let call = self.send(Asker::Profile, app_key.clone(), None, Ask::Profile, out);
        self.profiles.asked_at = clock.boot_ms;
        self.profiles.retry_at = None;
        self.profiles.asking = Some((call, app_key));
    }

    pub(super) fn on_profile(&mut self, reply: Reply, clock: Clock, out: &mut Vec<Effect>) {
        let Some((_, app_key)) = self.profiles.asking.take() else { return };
        match reply {
            Reply::Profile(profile) => self.learn(app_key, profile, clock, out),
            // A definite no: the platform has nothing switched on for this app.
            Reply::Rejected { .. } => self.learn(app_key, Profile::default(), clock, out),
            Reply::Throttled { after_s } => {
                let pause_ms = u64::from(after_s.clamp(1, THROTTLE_S_MAX)) * 1_000;
                self.profiles.tries = 0;
                self.profiles.retry(app_key, clock.boot_ms + pause_ms);
            }
            _ => {
                let pause_ms = PROFILE_RETRY_MS_MIN << self.profiles.tries.min(16);
                self.profiles.tries = self.profiles.tries.saturating_add(1);
                let pause_ms = pause_ms.min(PROFILE_RETRY_MS_MAX);
                self.profiles.retry(app_key, clock.boot_ms + pause_ms);
            }
        }
        self.ask_profile(clock, out);
    }

    fn learn(&mut self, app_key: AppKey, profile: Profile, clock: Clock, out: &mut Vec<Effect>) {
        self.profiles.tries = 0;
        let new = (profile.clone(), clock.boot_ms);
        let old = self.profiles.known.insert(app_key.clone(), new);
        if old.is_none_or(|old| old.0 != profile) {
            out.push(Effect::Tell(Event::Profile { app_key, profile }));
        }
    }
}

impl Profiles {
    fn is_fresh(&self, app_key: &AppKey, clock: Clock) -> bool {
        let known = self.known.get(app_key);
        known.is_some_and(|known| clock.boot_ms.saturating_sub(known.1) < PROFILE_AGE_MS)
    }

    /// Ends the wait after an answer that was none. Whatever asks for it, and however often:
    /// an app that never gets an answer, beside others that do, is not asked about all the time.
    fn hurry(&mut self, clock: Clock) {
        if self.tries > 0 && clock.boot_ms >= self.asked_at + PROFILE_RETRY_MS_MIN {
            self.retry_at = None;
        }
    }

    fn want(&mut self, app_key: &AppKey) {
        let asking = self.asking.as_ref().is_some_and(|asking| asking.1 == *app_key);
        if !asking && !self.wanted.contains(app_key) {
            self.wanted.push_back(app_key.clone());
        }
    }

    fn retry(&mut self, app_key: AppKey, at: u64) {
        self.wanted.push_back(app_key);
        self.retry_at = Some(at);
    }
}
