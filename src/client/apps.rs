//! How each app stands, as the engine last told it: account, profile and open page.

use std::collections::BTreeMap;

use crate::core::facts::AppKey;
use crate::core::report::{AccountReport, Profile};
use crate::ipc::proto::AppSnapshot;

#[derive(Debug, Default)]
pub(super) struct Apps {
    apps: BTreeMap<AppKey, AppSnapshot>,
    own: Option<AppKey>,
}

impl Apps {
    pub fn new(own: Option<AppKey>) -> Apps {
        Apps { apps: BTreeMap::new(), own }
    }

    /// The account of the client's own app.
    pub fn account(&self) -> Option<&AccountReport> {
        self.app().map(|app| &app.account)
    }

    /// What is switched on for the client's own app.
    pub fn profile(&self) -> Option<&Profile> {
        self.app().and_then(|app| app.profile.as_ref())
    }

    fn app(&self) -> Option<&AppSnapshot> {
        match &self.own {
            Some(app_key) => self.apps.get(app_key),
            None => self.apps.values().next().filter(|_| self.apps.len() == 1),
        }
    }

    pub fn restart(&mut self, apps: Vec<AppSnapshot>) {
        self.apps = apps.into_iter().map(|app| (app.account.app_key.clone(), app)).collect();
    }
}
