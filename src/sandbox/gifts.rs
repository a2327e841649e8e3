//! Gift records: laid out for a user, reserved by a box, activated once, by a box or by the
//! merchant's server. Pure.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::gmt8::Gmt8;
use super::rng::Rng;
use crate::core::award::{GiftId, GiftStatus};
use crate::core::user::UserId;
use crate::limits::SANDBOX_GIFTS_MAX;

/// A gift to be laid out, as the seed file and the control API write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewGift {
    /// The platform's number; made if it is left out.
    #[serde(default)]
    pub gift_id: Option<GiftId>,
    /// For whom.
    pub user_id: UserId,
    /// Of which app.
    pub app_key: String,
    /// The merchant's item.
    pub cp_item_id: String,
    /// What it is called, for people.
    #[serde(default)]
    pub name: String,
    /// Until when it can be taken; for ever if it is left out.
    #[serde(default)]
    pub end_time: Option<Gmt8>,
    /// How it stands from the start.
    #[serde(default = "pending")]
    pub status: GiftStatus,
}

fn pending() -> GiftStatus {
    GiftStatus::Pending
}

/// A gift record. Times are Unix milliseconds of the sandbox's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftRecord {
    /// The platform's number.
    pub gift_id: GiftId,
    /// Whose.
    pub user_id: UserId,
    /// Of which app.
    pub app_key: String,
    /// The merchant's item.
    pub cp_item_id: String,
    /// What it is called, for people.
    pub name: String,
    /// How it stands.
    pub status: GiftStatus,
    /// When it was laid out.
    pub created_ms: i64,
    /// When it cannot be taken any more.
    pub expires_ms: Option<i64>,
    /// Which taking holds it, or has activated it.
    pub taken_by: Option<String>,
    /// What the merchant's server called giving it out, if it was the one to mark it.
    pub app_order_id: Option<String>,
    /// Since when it is held.
    pub reserved_ms: Option<i64>,
    /// When it was activated.
    pub activated_ms: Option<i64>,
}

impl GiftRecord {
    /// Held by a taking and not activated: it does not expire, since its goods may be given.
    pub fn is_reserved(&self) -> bool {
        self.status == GiftStatus::Pending && self.taken_by.is_some()
    }

    /// How the merchant's server sees it. A reserved record counts as given out: its box may
    /// have stored the goods already, and a server that gave them too would give them twice.
    pub fn status_for_merchant(&self) -> GiftStatus {
        if self.is_reserved() {
            return GiftStatus::Activated;
        }
        self.status
    }

    /// The word for people and scripts.
    pub fn state_name(&self) -> &'static str {
        match self.status {
            GiftStatus::Pending if self.is_reserved() => "reserved",
            GiftStatus::Pending => "pending",
            GiftStatus::Activated => "activated",
            GiftStatus::Expired => "expired",
        }
    }

    /// When time will do something to it.
    pub fn due_ms(&self) -> Option<i64> {
        let waits = self.status == GiftStatus::Pending && self.taken_by.is_none();
        self.expires_ms.filter(|_| waits)
    }
}

/// All gift records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gifts {
    records: BTreeMap<GiftId, GiftRecord>,
    number_last: i64,
}

/// Made numbers have ten digits.
const NUMBERS_FROM: i64 = 1_000_000_000;
const NUMBERS_BEGIN_WITHIN: u64 = 8_000_000_000;

impl Gifts {
    /// No gifts. Their numbers begin somewhere, so that a box does not take the gifts of this
    /// sandbox for those of an earlier one, which it has in its journal.
    pub fn new(rng: &mut Rng) -> Gifts {
        let begin = i64::try_from(rng.below(NUMBERS_BEGIN_WITHIN)).unwrap_or(0);
        Gifts { records: BTreeMap::new(), number_last: NUMBERS_FROM + begin }
    }

    /// Forgets all records; no made number comes again.
    pub fn clear(&mut self) {
        self.records.clear();
    }

    /// A record by its number.
    pub fn get(&self, gift_id: GiftId) -> Option<&GiftRecord> {
        self.records.get(&gift_id)
    }

    /// The same, to change it.
    pub fn get_mut(&mut self, gift_id: GiftId) -> Option<&mut GiftRecord> {
        self.records.get_mut(&gift_id)
    }

    /// All records, those of the smallest number first.
    pub fn oldest(&self) -> impl Iterator<Item = &GiftRecord> {
        self.records.values()
    }

    /// All records, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &GiftRecord> {
        self.records.values().rev()
    }

    /// Lays out a gift. With `SANDBOX_GIFTS_MAX` records the oldest that is over is forgotten.
    ///
    /// # Errors
    /// All records wait, or the number is taken.
    pub fn lay_out(&mut self, gift: NewGift, now_ms: i64) -> Result<GiftId, String> {
        if self.records.len() >= SANDBOX_GIFTS_MAX {
            let over = self.records.values().find(|record| record.status != GiftStatus::Pending);
            let Some(gift_id) = over.map(|record| record.gift_id) else {
                return Err(format!("{SANDBOX_GIFTS_MAX} gifts wait to be taken"));
            };
            self.records.remove(&gift_id);
        }
        let gift_id = match gift.gift_id {
            Some(gift_id) if self.records.contains_key(&gift_id) => {
                return Err(format!("there is a gift {} already", gift_id.get()));
            }
            Some(gift_id) => gift_id,
            None => self.new_id()?,
        };
        let record = GiftRecord {
            gift_id,
            user_id: gift.user_id,
            app_key: gift.app_key,
            cp_item_id: gift.cp_item_id,
            name: gift.name,
            status: gift.status,
            created_ms: now_ms,
            expires_ms: gift.end_time.map(Gmt8::ms),
            taken_by: None,
            app_order_id: None,
            reserved_ms: None,
            activated_ms: (gift.status == GiftStatus::Activated).then_some(now_ms),
        };
        self.records.insert(gift_id, record);
        Ok(gift_id)
    }

    fn new_id(&mut self) -> Result<GiftId, String> {
        loop {
            self.number_last = self.number_last.saturating_add(1);
            let gift_id = GiftId::new(self.number_last).ok_or("there are no more numbers")?;
            if !self.records.contains_key(&gift_id) {
                return Ok(gift_id);
            }
        }
    }
}
