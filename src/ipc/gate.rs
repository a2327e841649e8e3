//! How many connections there may be, and how fast they may come.

use crate::core::code::{Code, Refusal};
use crate::limits::{
    SESSIONS_MAX, SESSIONS_NEW_PER_S_MAX, SESSIONS_PER_UID_MAX, SESSIONS_RESERVED,
};

/// Counts new connections. Those that are open are counted by their owner.
#[derive(Default)]
pub struct Gate {
    /// Who came when, within the last second. At most `SESSIONS_NEW_PER_S_MAX` of one uid.
    recent: Vec<(u32, u64)>,
}

impl Gate {
    /// Whether one more connection of `uid` may stay, with the uids of those that are open.
    ///
    /// # Errors
    /// LIMIT names the bound.
    pub fn admit(
        &mut self,
        uid: u32,
        is_privileged: bool,
        open: impl Iterator<Item = u32> + Clone,
        now_ms: u64,
    ) -> Result<(), Refusal> {
        let limit = |text: String| Err(Refusal::new(Code::LIMIT, text));
        self.recent.retain(|entry| now_ms < entry.1 + 1_000);
        if self.recent.iter().filter(|entry| entry.0 == uid).count() >= SESSIONS_NEW_PER_S_MAX {
            return limit(format!(
                "{SESSIONS_NEW_PER_S_MAX} new connections of uid {uid} a second"
            ));
        }
        self.recent.push((uid, now_ms));
        if open.clone().filter(|other| *other == uid).count() >= SESSIONS_PER_UID_MAX {
            return limit(format!("{SESSIONS_PER_UID_MAX} connections of uid {uid} are open"));
        }
        let reserved = if is_privileged { 0 } else { SESSIONS_RESERVED };
        if open.count() >= SESSIONS_MAX - reserved {
            return limit(format!("{} connections are open", SESSIONS_MAX - reserved));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `count` connections, eight of each uid from 1000 on.
    fn crowd(count: u32) -> impl Iterator<Item = u32> + Clone {
        (0..count).map(|number| 1000 + number / SESSIONS_PER_UID_MAX as u32)
    }

    #[test]
    fn one_user_has_its_share_and_root_its_reserve() {
        let mut gate = Gate::default();
        let own = |count| std::iter::repeat_n(7, count);
        assert!(gate.admit(7, false, own(SESSIONS_PER_UID_MAX - 1), 0).is_ok());
        let refusal = gate.admit(7, true, own(SESSIONS_PER_UID_MAX), 0).unwrap_err();
        assert!(refusal.code == Code::LIMIT && refusal.message.contains("uid 7"), "{refusal}");

        let almost = (SESSIONS_MAX - SESSIONS_RESERVED) as u32;
        assert!(gate.admit(7, false, crowd(almost - 1), 0).is_ok());
        assert!(gate.admit(7, false, crowd(almost), 0).unwrap_err().message.contains("62"));
        assert!(gate.admit(0, true, crowd(almost), 0).is_ok());
        assert!(gate.admit(0, true, crowd(SESSIONS_MAX as u32 - 1), 0).is_ok());
        assert!(gate.admit(0, true, crowd(SESSIONS_MAX as u32), 0).is_err());
    }

    #[test]
    fn a_second_later_more_may_come() {
        let mut gate = Gate::default();
        let nobody = || std::iter::empty();
        for _ in 0..SESSIONS_NEW_PER_S_MAX {
            assert!(gate.admit(7, false, nobody(), 5_000).is_ok());
        }
        assert!(gate.admit(7, false, nobody(), 5_999).unwrap_err().message.contains("a second"));
        assert!(gate.admit(8, false, nobody(), 5_999).is_ok());
        assert!(gate.admit(7, false, nobody(), 6_000).is_ok());
        assert_eq!(gate.recent.len(), 2);
    }
}
