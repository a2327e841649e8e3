//! What callers ask for about draws and gifts.

use super::{Clock, Effect, Engine};
use crate::core::award::GiftId;
use crate::core::code::{Code, Refusal};
use crate::core::draw;
use crate::core::facts::{AppKey, DrawFacts, EventKey, GiftFacts, OrderId};
use crate::core::gift;
use crate::core::item::Item;
use crate::core::record::Key;
use crate::core::report::{DrawReport, GiftReport};
use crate::core::user::Token;

/// What a caller says about a draw; whose it is the engine knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrawWish {
    /// The app.
    pub app_key: AppKey,
    /// The idempotency key.
    pub draw_id: OrderId,
    /// Which activity.
    pub event_key: EventKey,
    /// Made by the merchant's server.
    pub confirm_key: Option<Token>,
    /// Which behaviour earned the draw.
    pub behavior_key: Option<EventKey>,
}

impl Engine {
    /// Draws, or finds the draw that has the same facts. It is drawn for the user who is
    /// signed in.
    ///
    /// # Errors
    /// UNAUTHORIZED without an authorised user; otherwise as `pay`.
    pub fn draw(
        &mut self,
        wish: DrawWish,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<DrawReport, Refusal> {
        let DrawWish { app_key, draw_id, event_key, confirm_key, behavior_key } = wish;
        self.check_app(&app_key)?;
        let key = Key { app_key: app_key.clone(), order_id: draw_id.clone() };
        let now = self.time(clock);
        if let Some(Item::Draw(draw)) = self.item(&key) {
            // Whoever is signed in must be the one who drew; nobody may be, too.
            let ours = || draw.facts().user_id.clone();
            let user_id = self.signed_in_user(&app_key).unwrap_or_else(ours);
            let facts =
                DrawFacts { app_key, draw_id, event_key, user_id, confirm_key, behavior_key };
            return match draw.facts().difference(&facts) {
                None => Ok(draw.report(&now)),
                Some(field) => Err(conflict("draw", &key.order_id, field)),
            };
        }
        let user_id = self.authorised_user(&app_key)?;
        let facts = DrawFacts { app_key, draw_id, event_key, user_id, confirm_key, behavior_key };
        facts.check()?;
        self.admit(&key, clock)?;
        self.probe_if_old(clock, out);
        let mut outputs = Vec::new();
        let draw = draw::start(facts, &now, &mut outputs);
        let report = draw.report(&now);
        self.begin(Item::Draw(draw), outputs, out);
        Ok(report)
    }

    /// Takes a gift, or finds the taking that is going on or has succeeded. One that failed
    /// and was acked may be taken again. `take_id` is new for each call.
    ///
    /// # Errors
    /// UNAUTHORIZED without an authorised user; DENIED, LIMIT as `pay`.
    pub fn take(
        &mut self,
        app_key: &AppKey,
        gift_id: GiftId,
        take_id: OrderId,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) -> Result<GiftReport, Refusal> {
        self.check_app(app_key)?;
        let user_id = self.authorised_user(app_key)?;
        let facts = GiftFacts { app_key: app_key.clone(), gift_id, user_id, take_id };
        let now = self.time(clock);
        let key = facts.key();
        let again = match self.item(&key) {
            Some(Item::Gift(taking)) if taking.may_be_retaken() => true,
            Some(Item::Gift(taking)) if taking.facts().user_id != facts.user_id => {
                return Err(conflict("gift", &facts.id(), "user_id"));
            }
            Some(Item::Gift(taking)) => return Ok(taking.report(&now)),
            _ => false,
        };
        self.admit(&key, clock)?;
        self.probe_if_old(clock, out);
        let mut outputs = Vec::new();
        if again {
            self.change(&key, |item| item.retake(facts, &now, &mut outputs));
            self.carry(&key, outputs, out);
        } else {
            let taking = gift::start(facts, &now, &mut outputs);
            self.begin(Item::Gift(taking), outputs, out);
        }
        match self.item(&key) {
            Some(Item::Gift(taking)) => Ok(taking.report(&now)),
            _ => Err(Refusal::new(Code::NOT_FOUND, format!("{} is not known", key.order_id))),
        }
    }
}

fn conflict(what: &str, id: &OrderId, field: &str) -> Refusal {
    let text = format!("{what} {id} exists with another {field}; it was left as it is");
    Refusal::new(Code::CONFLICT, text)
}
