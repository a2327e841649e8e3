//! Lottery and gifts.

use super::requests::{Draft, Target, Want};
use super::{Client, Op};
use crate::core::award::GiftId;
use crate::core::code::Refusal;
use crate::core::facts::EventKey;
use crate::ipc::proto::{Draw, ListActivities, TakeGift};

impl Client {
    /// Asks for the lotteries that can be played, or for the one of a key. Event: `Activities`,
    /// or `Reply` with an error.
    pub fn activities(&mut self, event_key: Option<EventKey>, tag: u64) -> Result<Op, Refusal> {
        let app_key = self.session.app_key.clone();
        let params = Some(ListActivities { app_key, event_key });
        let (method, want) = ("lottery.activities", Want::Activities);
        self.ask(Draft { method, params, tag, want, target: None, silent: false })
    }

    /// Draws, once for each draw id however often it is asked. Event: `Draw` with the op once
    /// the draw is accepted, `Reply` with the op if it is not; then `Draw` until it is acked.
    pub fn draw(&mut self, draw: Draw, tag: u64) -> Result<Op, Refusal> {
        draw.check()?;
        let app_key = self.app_key(draw.app_key.clone(), &draw.draw_id);
        let target = Some(Target { app_key: app_key.clone(), order_id: draw.draw_id.clone() });
        let params = Some(Draw { app_key, ..draw });
        let (method, want) = ("lottery.draw", Want::Draw);
        self.ask(Draft { method, params, tag, want, target, silent: false })
    }

    /// Asks for the gifts that wait to be taken. Event: `Gifts`, or `Reply` with an error.
    pub fn gifts(&mut self, tag: u64) -> Result<Op, Refusal> {
        self.ask_app("gift.list", Want::Gifts, tag)
    }

    /// Takes a gift. Event: `Gift` with the op once that is accepted, `Reply` with the op if it
    /// is not; then `Gift` until it is acked.
    pub fn take_gift(&mut self, gift_id: GiftId, tag: u64) -> Result<Op, Refusal> {
        let app_key = self.session.app_key.clone();
        let params = Some(TakeGift { app_key, gift_id });
        let (method, want) = ("gift.take", Want::Gift);
        self.ask(Draft { method, params, tag, want, target: None, silent: false })
    }
}
