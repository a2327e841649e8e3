//! Activities and the ledger of draws. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::gmt8::Gmt8;
use super::prize::{self, Prize};
use super::rng::Rng;
use crate::core::award::{Award, LuckyType};
use crate::core::facts::EventKey;
use crate::core::user::UserId;
use crate::limits::SANDBOX_DRAWS_MAX;

/// A lottery, as the seed file and the control API write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Activity {
    /// Whose.
    pub app_key: String,
    /// What a draw names. Two activities of one key do not overlap in time.
    pub event_key: EventKey,
    /// The platform's number; made if it is left out. Unique in the sandbox.
    #[serde(default)]
    pub activity_id: String,
    /// What it is called.
    pub name: String,
    /// When it begins.
    pub start_time: Gmt8,
    /// When it is over.
    pub end_time: Gmt8,
    /// What a draw costs.
    pub lucky_type: LuckyType,
    /// Points for a draw, unless it is free.
    #[serde(default)]
    pub consume_amount: i64,
    /// Free draws of each user, unless it is consuming.
    #[serde(default)]
    pub access_amount: i64,
    /// A page about it; `{base}` stands for the sandbox's own address. The sandbox's own page
    /// if it is left out.
    #[serde(default)]
    pub activity_url: Option<String>,
    /// If it is set, a draw needs a confirmKey made with it.
    #[serde(default)]
    pub confirm_secret: Option<String>,
    /// The behaviorKeys that may draw; any, or none, if the list is empty.
    #[serde(default)]
    pub behavior_keys: Vec<EventKey>,
    /// The part of the chance that wins nothing.
    #[serde(default)]
    pub lose_weight: u32,
    /// What can be won.
    #[serde(default, alias = "award")]
    pub awards: Vec<Prize>,
}

impl Activity {
    /// Whether it can be played.
    pub fn is_on(&self, now_ms: i64) -> bool {
        (self.start_time.ms()..=self.end_time.ms()).contains(&now_ms)
    }

    /// Free draws of each user.
    pub fn free_draws(&self) -> i64 {
        match self.lucky_type {
            LuckyType::Consuming => 0,
            LuckyType::Free | LuckyType::Mixed => self.access_amount,
        }
    }

    /// Draws one of the awards; none: not won.
    pub fn draw(&mut self, chance: &mut Rng) -> Option<Prize> {
        prize::draw(&mut self.awards, self.lose_weight, chance).cloned()
    }

    /// Points for a draw that is not free; none if all are.
    pub fn price(&self) -> Option<i64> {
        match self.lucky_type {
            LuckyType::Free => None,
            LuckyType::Consuming | LuckyType::Mixed => Some(self.consume_amount),
        }
    }
}

/// What a draw has cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cost {
    /// Nothing: there was nothing to play.
    Nothing,
    /// A free draw.
    FreeDraw,
    /// Points.
    Points(i64),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Drawn {
    /// Won.
    Won(Award),
    /// Not won.
    Lost,
    /// It was not drawn.
    Refused {
        /// Such as `POINTS_NOT_ENOUGH`.
        code: String,
        /// For people.
        message: String,
    },
}

/// A draw that was asked for. It is decided once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draw {
    /// Grows with age.
    pub number: u64,
    /// Which app.
    pub app_key: String,
    /// What the box calls it.
    pub draw_id: String,
    /// Who drew.
    pub user_id: UserId,
    /// What was named.
    pub event_key: String,
    /// Which behaviour was named.
    pub behavior_key: Option<String>,
    /// The activity that was played.
    pub activity_id: Option<String>,
    /// When.
    pub at_ms: i64,
    /// What it has cost.
    pub cost: Cost,
    /// What came of it.
    pub drawn: Drawn,
    /// Points of the user behind it.
    pub points_left: i64,
    /// Free draws of the user behind it.
    pub free_left: i64,
}

/// Made numbers of activities begin above this.
const ACTIVITY_IDS_FROM: u64 = 1_000;

/// All activities and draws.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lottery {
    /// The activities, in the order in which they were made.
    pub activities: Vec<Activity>,
    draws: BTreeMap<u64, Draw>,
    /// The number of the newest draw.
    pub number_last: u64,
    /// Free draws that were used, by activity and user.
    free_used: BTreeMap<String, BTreeMap<UserId, i64>>,
    /// How often each list of awards was played: chance goes on from there.
    plays: BTreeMap<String, u64>,
    /// confirmKeys that were used, by the end of their validity.
    confirm_used: BTreeSet<(i64, String)>,
}

impl Lottery {
    /// The activity of a key that can be played now.
    pub fn on(&self, app_key: &str, event_key: &str, now_ms: i64) -> Option<&Activity> {
        let fits = |a: &&Activity| a.app_key == app_key && a.event_key.as_str() == event_key;
        self.activities.iter().filter(fits).find(|activity| activity.is_on(now_ms))
    }

    /// An activity by its number.
    pub fn get(&self, activity_id: &str) -> Option<&Activity> {
        self.activities.iter().find(|activity| activity.activity_id == activity_id)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, activity_id: &str) -> Option<&mut Activity> {
        self.activities.iter_mut().find(|activity| activity.activity_id == activity_id)
    }

    /// Free draws that a user has left.
    pub fn free_left(&self, activity: &Activity, user_id: &UserId) -> i64 {
        let used = self.free_used.get(&activity.activity_id).and_then(|by| by.get(user_id));
        activity.free_draws().saturating_sub(used.copied().unwrap_or(0)).max(0)
    }

    /// Counts a free draw.
    pub fn use_free(&mut self, activity_id: &str, user_id: &UserId) {
        let by_user = self.free_used.entry(activity_id.to_owned()).or_default();
        *by_user.entry(user_id.clone()).or_default() += 1;
    }

    /// Whether a confirmKey was used.
    pub fn is_confirm_key_used(&self, key: &str, valid_until_ms: i64) -> bool {
        self.confirm_used.contains(&(valid_until_ms, key.to_owned()))
    }

    /// Marks a confirmKey as used. Forgets those that ran out.
    pub fn use_confirm_key(&mut self, key: &str, valid_until_ms: i64, now_ms: i64) {
        while self.confirm_used.first().is_some_and(|(until_ms, _)| *until_ms < now_ms) {
            self.confirm_used.pop_first();
        }
        self.confirm_used.insert((valid_until_ms, key.to_owned()));
    }

    /// Counts the plays of a list of awards, from 0.
    pub fn next_play(&mut self, list: &str) -> u64 {
        let plays = self.plays.entry(list.to_owned()).or_default();
        *plays += 1;
        *plays - 1
    }

    /// A number that no activity has.
    pub fn new_activity_id(&self) -> String {
        let number = |activity: &Activity| activity.activity_id.parse::<u64>().ok();
        let last = self.activities.iter().filter_map(number).max().unwrap_or(0);
        last.max(ACTIVITY_IDS_FROM).saturating_add(1).to_string()
    }

    /// A draw by what the box calls it.
    pub fn find_draw(&self, app_key: &str, draw_id: &str) -> Option<&Draw> {
        self.newest_draws().find(|draw| draw.draw_id == draw_id && draw.app_key == app_key)
    }

    /// All draws, newest first.
    pub fn newest_draws(&self) -> impl Iterator<Item = &Draw> {
        self.draws.values().rev()
    }

    /// Writes a draw into the ledger. Beyond `SANDBOX_DRAWS_MAX` the oldest is forgotten.
    pub fn write(&mut self, draw: Draw) {
        self.number_last = self.number_last.max(draw.number);
        self.draws.insert(draw.number, draw);
        if self.draws.len() > SANDBOX_DRAWS_MAX {
            self.draws.pop_first();
        }
    }
}
