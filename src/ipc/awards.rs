//! lottery.draw, gift.take

use super::access::choose;
use super::accounts::random_id;
use super::desk::{Caller, Desk, Outcome};
use super::members::Members;
use super::proto::Draw;
use crate::core::engine::DrawWish;
use crate::core::facts::{GiftFacts, OrderId};
use crate::core::record::Key;
use crate::core::report::{DrawReport, GiftReport};

impl Desk {
    pub(super) fn draw(&mut self, caller: &Caller, members: &Members) -> Outcome<DrawReport> {
        let Draw { app_key, draw_id, event_key, confirm_key, behavior_key } = members.draw()?;
        let app_key = choose(&caller.apps, app_key)?;
        self.check_room(&Key { app_key: app_key.clone(), order_id: draw_id.clone() })?;
        let wish = DrawWish { app_key, draw_id, event_key, confirm_key, behavior_key };
        Ok(self.engine.draw(wish, self.clock, &mut self.effects)?)
    }

    pub(super) fn take_gift(&mut self, caller: &Caller, members: &Members) -> Outcome<GiftReport> {
        let wanted = members.take_gift()?;
        let app_key = choose(&caller.apps, wanted.app_key)?;
        let order_id = GiftFacts::id_of(wanted.gift_id);
        self.check_room(&Key { app_key: app_key.clone(), order_id })?;
        let (take_id, out) = (OrderId::new(random_id()?)?, &mut self.effects);
        Ok(self.engine.take(&app_key, wanted.gift_id, take_id, self.clock, out)?)
    }
}
