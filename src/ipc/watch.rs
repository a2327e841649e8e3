//! watch, unwatch, and the snapshot in between

use super::access::{choose, choose_all};
use super::desk::{Caller, Desk, Nothing, Outcome};
use super::lists::Room;
use super::members::Members;
use super::proto::{AppSnapshot, Snapshot, Which};
use crate::core::facts::AppKey;
use crate::core::report::ItemReport;
use crate::limits::ORDERS_LIST_MAX;

impl Desk {
    pub(super) fn watch(&mut self, caller: &mut Caller, members: &Members) -> Outcome<Snapshot> {
        let apps = choose_all(&caller.apps, members.watch()?.app_key)?;
        let snapshot = self.snapshot(&apps);
        for app_key in apps {
            if !caller.watching.contains(&app_key) {
                caller.watching.push(app_key);
            }
        }
        Ok(snapshot)
    }

    /// What comes first has the first claim on the line; what is left out is told again as
    /// events, apps aside, of which so many that they fill a line are nobody's to watch at once.
    fn snapshot(&mut self, apps: &[AppKey]) -> Snapshot {
        let mut snapshot = Snapshot::default();
        let mut room = Room::new();
        for app_key in apps {
            let app = AppSnapshot {
                account: self.engine.account(app_key, self.clock),
                profile: self.engine.profile(app_key, self.clock, &mut self.effects),
                web: self.engine.web(app_key),
            };
            match room.take(&app) {
                true => snapshot.apps.push(app),
                false => snapshot.more = true,
            }
        }
        self.add_items(apps, &mut snapshot);
        let Snapshot { orders, draws, gifts, .. } = &mut snapshot;
        let cut = [
            room.keep_last(gifts, ORDERS_LIST_MAX),
            room.keep_last(draws, ORDERS_LIST_MAX),
            room.keep_last(orders, ORDERS_LIST_MAX),
        ];
        snapshot.more |= cut.contains(&true);
        snapshot
    }

    fn add_items(&self, apps: &[AppKey], snapshot: &mut Snapshot) {
        let Snapshot { orders, draws, gifts, .. } = snapshot;
        for app_key in apps {
            for item in self.engine.items(app_key, Which::Unfinished, self.clock) {
                match item {
                    ItemReport::Order(report) => orders.push(report),
                    ItemReport::Draw(report) => draws.push(report),
                    ItemReport::Gift(report) => gifts.push(report),
                }
            }
        }
        if apps.len() > 1 {
            orders.sort_by_key(|report| report.created_ms);
            draws.sort_by_key(|report| report.created_ms);
            gifts.sort_by_key(|report| report.created_ms);
        }
    }
}

pub(super) fn unwatch(caller: &mut Caller, members: &Members) -> Outcome<Nothing> {
    match members.watch()?.app_key {
        Some(app_key) => {
            let app_key = choose(&caller.apps, Some(app_key))?;
            caller.watching.retain(|watched| *watched != app_key);
        }
        None => caller.watching.clear(),
    }
    Ok(Nothing {})
}
