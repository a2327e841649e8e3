//! The lottery: drawing once for a draw id, and handing out what was won.

use super::super::gifts::NewGift;
use super::super::lottery::{Activity, Cost, Draw, Drawn};
use super::super::prize::{Prize, ProductPrize};
use super::super::rng::Rng;
use super::{Refused, State};
use crate::core::award::GiftStatus;
use crate::core::user::UserId;
use crate::limits::SANDBOX_PRODUCTS_MAX;
use crate::wire::confirm::{verify_confirm_key, ConfirmFacts};
use crate::wire::device::{
    BEHAVIOR_NOT_ALLOWED, CONFIRM_KEY_INVALID, DRAW_CONFLICT, POINTS_NOT_ENOUGH,
};
use crate::wire::secret::Secret;

/// What a box wants drawn.
#[derive(Clone, Debug)]
pub struct DrawRequest<'a> {
    /// Which app.
    pub app_key: &'a str,
    /// Makes it one draw however often it is asked.
    pub draw_id: &'a str,
    /// Who.
    pub user_id: &'a UserId,
    /// Which activity.
    pub event_key: &'a str,
    /// Made by the merchant's server.
    pub confirm_key: Option<&'a str>,
    /// Which behaviour.
    pub behavior_key: Option<&'a str>,
}

/// A refusal of a draw, which is written down like any other end of one.
type No = (&'static str, String);

impl State {
    /// The draw of that id, if it was asked for before.
    ///
    /// # Errors
    /// `DRAW_CONFLICT`: the id is taken by a draw with other facts.
    pub fn drawn(&self, ask: &DrawRequest) -> Result<Option<Draw>, Refused> {
        let Some(draw) = self.lottery.find_draw(ask.app_key, ask.draw_id) else { return Ok(None) };
        let differs = [
            ("user_str_id", draw.user_id != *ask.user_id),
            ("event_key", draw.event_key != ask.event_key),
            ("behavior_key", draw.behavior_key.as_deref() != ask.behavior_key),
        ];
        match differs.iter().find(|row| row.1) {
            None => Ok(Some(draw.clone())),
            Some((field, _)) => {
                let message = format!("{field} differs from the draw of this id");
                Err(Refused::new(DRAW_CONFLICT, message))
            }
        }
    }

    /// Draws, unless that draw id was drawn before: then what came of it then.
    ///
    /// # Errors
    /// As `drawn`.
    pub fn draw(&mut self, ask: &DrawRequest, now_ms: i64) -> Result<Draw, Refused> {
        if let Some(draw) = self.drawn(ask)? {
            return Ok(draw);
        }
        let activity = self.lottery.on(ask.app_key, ask.event_key, now_ms).cloned();
        let (cost, drawn) = match &activity {
            // An activity that is over, or that never was, never wins.
            None => (Cost::Nothing, Drawn::Lost),
            Some(activity) => self.play(activity, ask, now_ms),
        };
        let free_left = activity.as_ref().map(|a| self.lottery.free_left(a, ask.user_id));
        let draw = Draw {
            number: self.lottery.number_last + 1,
            app_key: ask.app_key.to_owned(),
            draw_id: ask.draw_id.to_owned(),
            user_id: ask.user_id.clone(),
            event_key: ask.event_key.to_owned(),
            behavior_key: ask.behavior_key.map(str::to_owned),
            activity_id: activity.map(|activity| activity.activity_id),
            at_ms: now_ms,
            cost,
            drawn,
            points_left: self.users.get(ask.user_id.as_str()).map_or(-1, |user| user.points),
            free_left: free_left.unwrap_or(0),
        };
        self.lottery.write(draw.clone());
        self.note_draw(&draw);
        Ok(draw)
    }

    fn play(&mut self, activity: &Activity, ask: &DrawRequest, now_ms: i64) -> (Cost, Drawn) {
        let allowed = check_behavior(activity, ask)
            .and_then(|()| self.check_confirm_key(activity, ask, now_ms))
            .and_then(|valid_until_ms| Ok((valid_until_ms, self.price_of(activity, ask)?)));
        let (valid_until_ms, cost) = match allowed {
            Ok(allowed) => allowed,
            Err((code, message)) => {
                return (Cost::Nothing, Drawn::Refused { code: code.into(), message })
            }
        };
        match cost {
            // All free draws are used, and there are no others.
            Cost::Nothing => return (cost, Drawn::Lost),
            Cost::FreeDraw => self.lottery.use_free(&activity.activity_id, ask.user_id),
            Cost::Points(points) => self.add_points(ask.user_id, -points),
        }
        if let (Some(until_ms), Some(key)) = (valid_until_ms, ask.confirm_key) {
            self.lottery.use_confirm_key(key, until_ms, now_ms);
        }
        let mut chance = self.chance(&format!("activity {}", activity.activity_id));
        let running = self.lottery.get_mut(&activity.activity_id);
        let won = running.and_then(|activity| activity.draw(&mut chance));
        let Some(won) = won else { return (cost, Drawn::Lost) };
        self.hand_out(ask.app_key, ask.user_id, &won);
        (cost, Drawn::Won(won.award(true)))
    }

    /// Chance for the next play of a list of awards. It depends on the seed of the generator
    /// and on how often this list was played, and on nothing else that happens.
    pub(super) fn chance(&mut self, list: &str) -> Rng {
        let play = self.lottery.next_play(list);
        self.rng.fork(&format!("{list}, play {play}"))
    }

    fn price_of(&self, activity: &Activity, ask: &DrawRequest) -> Result<Cost, No> {
        if self.lottery.free_left(activity, ask.user_id) > 0 {
            return Ok(Cost::FreeDraw);
        }
        let Some(price) = activity.price() else { return Ok(Cost::Nothing) };
        let points = self.users.get(ask.user_id.as_str()).map_or(0, |user| user.points);
        if points < price {
            let message = format!("a draw costs {price} points, the user has {points}");
            return Err((POINTS_NOT_ENOUGH, message));
        }
        Ok(Cost::Points(price))
    }

    /// Until when the key of a draw is valid; none if the activity wants none.
    fn check_confirm_key(
        &self,
        activity: &Activity,
        ask: &DrawRequest,
        now_ms: i64,
    ) -> Result<Option<i64>, No> {
        let Some(secret) = &activity.confirm_secret else { return Ok(None) };
        let invalid = |why: &str| (CONFIRM_KEY_INVALID, why.to_owned());
        let key = ask.confirm_key.ok_or_else(|| invalid("the activity wants a confirm_key"))?;
        let secret = Secret::new(secret.clone());
        let secret = secret.map_err(|_| invalid("confirm_secret is not a secret"))?;
        let facts = ConfirmFacts {
            app_key: ask.app_key,
            behavior_key: ask.behavior_key.unwrap_or(""),
            event_key: ask.event_key,
            user_id: ask.user_id.as_str(),
        };
        let until_ms = verify_confirm_key(&secret, key, &facts, now_ms).map_err(invalid)?;
        if self.lottery.is_confirm_key_used(key, until_ms) {
            return Err(invalid("this confirm_key was used"));
        }
        Ok(Some(until_ms))
    }

    fn add_points(&mut self, user_id: &UserId, points: i64) {
        if let Some(user) = self.users.get_mut(user_id.as_str()) {
            user.points = user.points.saturating_add(points).max(0);
            self.version += 1;
        }
    }

    /// Credits points and lays out the gift of a prize.
    pub(super) fn hand_out(&mut self, app_key: &str, user_id: &UserId, prize: &Prize) {
        if prize.points != 0 {
            self.add_points(user_id, prize.points);
        }
        if let Some(item) = &prize.gift_item {
            let gift = NewGift {
                gift_id: None,
                user_id: user_id.clone(),
                app_key: app_key.to_owned(),
                cp_item_id: item.clone(),
                name: prize.name.clone(),
                end_time: None,
                status: GiftStatus::Pending,
            };
            if let Err(why) = self.lay_out(gift) {
                self.note(Some(app_key), "gift.lost", why);
            }
        }
    }

    fn note_draw(&mut self, draw: &Draw) {
        let (what, result) = match &draw.drawn {
            Drawn::Won(award) => ("draw.won", award.name.clone()),
            Drawn::Lost => ("draw.lost", "nothing".to_owned()),
            Drawn::Refused { code, .. } => ("draw.refused", code.clone()),
        };
        let cost = match draw.cost {
            Cost::Nothing => String::new(),
            Cost::FreeDraw => ", a free draw".into(),
            Cost::Points(points) => format!(", {points} points"),
        };
        let (event, user) = (&draw.event_key, draw.user_id.as_str());
        self.note(Some(&draw.app_key), what, format!("{event}, user {user}{cost}: {result}"));
    }

    /// Adds an activity; makes the numbers that it lacks.
    ///
    /// # Errors
    /// Its number is taken.
    pub fn add_activity(&mut self, mut activity: Activity) -> Result<String, String> {
        if activity.activity_id.is_empty() {
            activity.activity_id = self.lottery.new_activity_id();
        } else if self.lottery.get(&activity.activity_id).is_some() {
            return Err(format!("there is an activity {:?} already", activity.activity_id));
        }
        number_awards(&mut activity.awards, &activity.activity_id);
        let activity_id = activity.activity_id.clone();
        let (app_key, event_key) = (activity.app_key.clone(), activity.event_key.clone());
        self.lottery.activities.push(activity);
        self.note(Some(&app_key), "activity.added", event_key.as_str().to_owned());
        Ok(activity_id)
    }

    /// Puts an activity in the place of the one of that number. Draws that were used stay used.
    ///
    /// # Errors
    /// There is none.
    pub fn change_activity(&mut self, id: &str, mut activity: Activity) -> Result<(), String> {
        id.clone_into(&mut activity.activity_id);
        number_awards(&mut activity.awards, id);
        let (app_key, event_key) = (activity.app_key.clone(), activity.event_key.clone());
        let unknown = || format!("there is no activity {id:?}");
        *self.lottery.get_mut(id).ok_or_else(unknown)? = activity;
        self.note(Some(&app_key), "activity.changed", event_key.as_str().to_owned());
        Ok(())
    }

    /// Removes an activity. Its draws stay in the ledger.
    pub fn remove_activity(&mut self, id: &str) -> bool {
        let Some(activity) = self.lottery.get(id).cloned() else { return false };
        self.lottery.activities.retain(|other| other.activity_id != id);
        let event_key = activity.event_key.as_str().to_owned();
        self.note(Some(&activity.app_key), "activity.removed", event_key);
        true
    }

    /// Says what paying for a product may win; without awards, nothing.
    ///
    /// # Errors
    /// There are too many products.
    pub fn set_product_prize(&mut self, mut product: ProductPrize) -> Result<(), String> {
        number_awards(&mut product.awards, &product.subject_id);
        let same = |other: &ProductPrize| {
            other.app_key == product.app_key && other.subject_id == product.subject_id
        };
        let known = self.prizes.iter().any(same);
        if !known && self.prizes.len() >= SANDBOX_PRODUCTS_MAX {
            return Err(format!("{SANDBOX_PRODUCTS_MAX} products have prizes already"));
        }
        self.prizes.retain(|other| !same(other));
        let (app_key, subject_id) = (product.app_key.clone(), product.subject_id.clone());
        if !product.awards.is_empty() {
            self.prizes.push(product);
        }
        self.note(Some(&app_key), "prize.changed", subject_id);
        Ok(())
    }
}

/// Gives a number to each award that has none: that of its list and its place in it.
pub(super) fn number_awards(awards: &mut [Prize], list: &str) {
    for (at, prize) in awards.iter_mut().enumerate().filter(|(_, p)| p.award_id.is_empty()) {
        prize.award_id = format!("{list}{:02}", at + 1);
    }
}

fn check_behavior(activity: &Activity, ask: &DrawRequest) -> Result<(), No> {
    let list = &activity.behavior_keys;
    let named = ask.behavior_key.is_some_and(|key| list.iter().any(|k| k.as_str() == key));
    if list.is_empty() || named {
        return Ok(());
    }
    let message = match ask.behavior_key {
        Some(key) => format!("the activity does not know the behaviour {key:?}"),
        None => "the activity wants a behavior_key".to_owned(),
    };
    Err((BEHAVIOR_NOT_ALLOWED, message))
}
