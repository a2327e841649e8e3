//! Gifts: laying out, taking in two steps, the merchant's mark, and time.

use super::super::gifts::{GiftRecord, NewGift};
use super::{Due, Refused, State};
use crate::core::award::{GiftId, GiftStatus};
use crate::wire::device::{RECORD_EXPIRED, RECORD_NOT_FOUND, RECORD_STATUS_INVALID};

impl State {
    /// Lays out a gift.
    ///
    /// # Errors
    /// There is no room, or the number is taken.
    pub fn lay_out(&mut self, gift: NewGift) -> Result<GiftId, String> {
        let text = format!("{} for user {}", gift.cp_item_id, gift.user_id.as_str());
        let app_key = gift.app_key.clone();
        let gift_id = self.gifts.lay_out(gift, self.now_ms)?;
        let due_ms = self.gifts.get(gift_id).and_then(GiftRecord::due_ms);
        self.retime(Due::Gift(gift_id), None, due_ms);
        self.note(Some(&app_key), "gift.laid_out", format!("{}: {text}", gift_id.get()));
        Ok(gift_id)
    }

    /// Keeps a record for a taking, so that no other one gets it. Repeats harmlessly.
    ///
    /// # Errors
    /// `RECORD_NOT_FOUND`, `RECORD_EXPIRED`, `RECORD_STATUS_INVALID`.
    pub fn take_gift(
        &mut self,
        app_key: &str,
        user_id: &str,
        gift_id: GiftId,
        take_id: &str,
    ) -> Result<GiftRecord, Refused> {
        let record = self.gift_of(app_key, user_id, gift_id)?;
        if record.taken_by.as_deref() == Some(take_id) {
            return Ok(record.clone());
        }
        check_free(record)?;
        let now_ms = self.now_ms;
        self.change_gift(gift_id, "gift.reserved", |record| {
            record.taken_by = Some(take_id.to_owned());
            record.reserved_ms = Some(now_ms);
        });
        self.gift_of(app_key, user_id, gift_id).cloned()
    }

    /// The goods of a taking are stored: the record is activated. Repeats harmlessly. A record
    /// whose reservation was released and that nobody else holds is activated too: the goods
    /// are given.
    ///
    /// # Errors
    /// As `take_gift`.
    pub fn mark_gift(
        &mut self,
        app_key: &str,
        user_id: &str,
        gift_id: GiftId,
        take_id: &str,
    ) -> Result<(), Refused> {
        let record = self.gift_of(app_key, user_id, gift_id)?;
        let ours = record.taken_by.as_deref() == Some(take_id);
        if ours && record.status == GiftStatus::Activated {
            return Ok(());
        }
        if !ours || record.status == GiftStatus::Expired {
            check_free(record)?;
        }
        let now_ms = self.now_ms;
        self.change_gift(gift_id, "gift.activated", |record| {
            record.status = GiftStatus::Activated;
            record.taken_by = Some(take_id.to_owned());
            record.activated_ms = Some(now_ms);
        });
        Ok(())
    }

    /// The merchant's server has given the goods out: the record is activated. A second time
    /// is refused, as the platform does it.
    ///
    /// # Errors
    /// `RECORD_NOT_FOUND`; `RECORD_STATUS_INVALID` if it does not wait, or a box holds it.
    pub fn activate_gift(
        &mut self,
        app_key: &str,
        user_id: &str,
        gift_id: GiftId,
        app_order_id: &str,
    ) -> Result<(), Refused> {
        check_free(self.gift_of(app_key, user_id, gift_id)?)
            .map_err(|refused| Refused { code: RECORD_STATUS_INVALID, ..refused })?;
        let now_ms = self.now_ms;
        self.change_gift(gift_id, "gift.activated", |record| {
            record.status = GiftStatus::Activated;
            record.app_order_id = Some(app_order_id.to_owned());
            record.activated_ms = Some(now_ms);
        });
        Ok(())
    }

    /// Lets go of a reservation, as if its box were lost for good.
    ///
    /// # Errors
    /// The record is not reserved.
    pub fn release_gift(&mut self, gift_id: GiftId) -> Result<(), String> {
        let record = self.gifts.get(gift_id).ok_or("there is no such gift")?;
        if !record.is_reserved() {
            return Err(format!("gift {} is not reserved", gift_id.get()));
        }
        self.change_gift(gift_id, "gift.released", |record| {
            record.taken_by = None;
            record.reserved_ms = None;
        });
        Ok(())
    }

    /// Ends the time of a record now, reserved or not.
    ///
    /// # Errors
    /// It is over already.
    pub fn end_gift(&mut self, gift_id: GiftId) -> Result<(), String> {
        let record = self.gifts.get(gift_id).ok_or("there is no such gift")?;
        if record.status != GiftStatus::Pending {
            return Err(format!("gift {} does not wait to be taken", gift_id.get()));
        }
        self.expire_gift(gift_id);
        Ok(())
    }

    pub(super) fn expire_gift(&mut self, gift_id: GiftId) {
        let now_ms = self.now_ms;
        self.change_gift(gift_id, "gift.expired", |record| {
            record.status = GiftStatus::Expired;
            record.expires_ms = Some(record.expires_ms.map_or(now_ms, |ms| ms.min(now_ms)));
        });
    }

    fn change_gift(&mut self, gift_id: GiftId, what: &str, act: impl FnOnce(&mut GiftRecord)) {
        let Some(record) = self.gifts.get_mut(gift_id) else { return };
        let before = record.due_ms();
        act(record);
        let after = record.due_ms();
        let text =
            format!("{}: {} of user {}", gift_id.get(), record.cp_item_id, record.user_id.as_str());
        let app_key = record.app_key.clone();
        self.retime(Due::Gift(gift_id), before, after);
        self.note(Some(&app_key), what, text);
    }

    /// Another app's or another user's record looks as if there were none.
    fn gift_of(
        &self,
        app_key: &str,
        user_id: &str,
        gift_id: GiftId,
    ) -> Result<&GiftRecord, Refused> {
        let record = self.gifts.get(gift_id);
        let own = record.filter(|r| r.app_key == app_key && r.user_id.as_str() == user_id);
        let message = "the user has no gift of that number at this app";
        own.ok_or_else(|| Refused::new(RECORD_NOT_FOUND, message))
    }
}

/// Whether a record waits and nobody holds it.
fn check_free(record: &GiftRecord) -> Result<(), Refused> {
    let no = |code, why: &str| Err(Refused::new(code, why));
    match record.status {
        GiftStatus::Expired => no(RECORD_EXPIRED, "the gift was not taken in time"),
        GiftStatus::Activated => no(RECORD_STATUS_INVALID, "the gift was given out"),
        GiftStatus::Pending if record.taken_by.is_some() => {
            no(RECORD_STATUS_INVALID, "the gift is kept for another taking")
        }
        GiftStatus::Pending => Ok(()),
    }
}
