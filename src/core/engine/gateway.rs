//! What is known of the gateway, and when it is asked who it is.

use super::{Asker, Clock, Effect, Engine};
use crate::core::call::{Ask, CallNo, Reply};
use crate::core::code::Code;
use crate::core::item::Item;
use crate::core::step::Input;
use crate::limits::{BACKOFF_MS_MAX, BACKOFF_MS_MIN, PROBE_AGE_MS_MAX, WAIT_S_MAX};

/// What is known of the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayHealth {
    /// The last answer was usable.
    pub online: bool,
    /// 0, or what was wrong with it.
    pub result: Code,
    /// Milliseconds that its clock is ahead of ours.
    pub clock_offset_ms: Option<i64>,
}

#[derive(Default)]
pub(super) struct Gateway {
    /// Server clock minus boot clock.
    pub(super) offset_ms: Option<i64>,
    pub(super) wait_s_max: u32,
    pub(super) trouble: Option<Code>,
    pub(super) probing: Option<CallNo>,
    pub(super) probed_at: Option<u64>,
    pub(super) probe_at: Option<u64>,
    pub(super) probe_tries: u32,
}

impl Engine {
    /// What is known of the gateway.
    pub fn gateway(&self, clock: Clock) -> GatewayHealth {
        GatewayHealth {
            online: self.gateway.trouble.is_none() && self.gateway.offset_ms.is_some(),
            result: self.gateway.trouble.unwrap_or(Code::OK),
            clock_offset_ms: self.known_server_ms(clock).map(|server| server - clock.wall_ms),
        }
    }

    /// The best estimate of the gateway's clock, Unix milliseconds, for signing a call.
    pub fn server_ms(&self, clock: Clock) -> i64 {
        self.known_server_ms(clock).unwrap_or(clock.wall_ms)
    }

    pub(super) fn known_server_ms(&self, clock: Clock) -> Option<i64> {
        self.gateway.offset_ms.map(|offset| clock.boot_ms as i64 + offset)
    }

    pub(super) fn note_health(&mut self, reply: &Reply, clock: Clock) {
        self.gateway.trouble = match reply {
            Reply::InDoubt(doubt) => Some(doubt.kind.code()),
            _ => None,
        };
        let server_ms = match reply {
            Reply::Probed { server_ms, .. } => Some(*server_ms),
            Reply::Shown { server_ms, .. } => *server_ms,
            Reply::Status(trade) => trade.server_ms,
            _ => None,
        };
        if let Some(server_ms) = server_ms {
            self.gateway.offset_ms = Some(server_ms.saturating_sub(clock.boot_ms as i64));
        }
    }

    pub(super) fn probe(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        let Some(app_key) = self.apps.keys().next().cloned() else { return };
        if self.gateway.probing.is_some() {
            return;
        }
        self.gateway.probe_at = None;
        self.gateway.probed_at = Some(clock.boot_ms);
        self.gateway.probing = Some(self.send(Asker::Probe, app_key, None, Ask::Probe, out));
    }

    pub(super) fn probe_if_old(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        let age = self.gateway.probed_at.map(|at| clock.boot_ms.saturating_sub(at));
        if self.gateway.offset_ms.is_none() || age.is_none_or(|age| age >= PROBE_AGE_MS_MAX) {
            self.probe(clock, out);
        }
    }

    pub(super) fn on_probe(
        &mut self,
        call: CallNo,
        reply: Reply,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        self.gateway.probing = self.gateway.probing.filter(|probing| *probing != call);
        self.repeat_lookups(out);
        match reply {
            Reply::Probed { wait_s_max, .. } => {
                let held_before = self.gateway.wait_s_max > 0;
                self.gateway.wait_s_max = wait_s_max.min(WAIT_S_MAX);
                self.gateway.probe_tries = 0;
                if !held_before && self.gateway.wait_s_max > 0 {
                    self.hold_shown(clock, out);
                }
            }
            _ if self.is_busy() => {
                let pause_ms = BACKOFF_MS_MIN << self.gateway.probe_tries.min(16);
                self.gateway.probe_tries = self.gateway.probe_tries.saturating_add(1);
                self.gateway.probe_at = Some(clock.boot_ms + pause_ms.min(BACKOFF_MS_MAX));
            }
            // An idle box does not wake up for this; the next order asks again.
            _ => {}
        }
    }

    /// Something goes on that needs the gateway.
    fn is_busy(&self) -> bool {
        self.is_signing_in() || self.items.values().any(|slot| !slot.item.state().is_final())
    }

    /// A code that was shown before we knew that queries can be held need not wait for its
    /// next poll.
    pub(super) fn hold_shown(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        for key in self.keys(Item::is_shown) {
            self.step(&key, Input::Hurry, clock, out);
        }
    }

    /// The gateway is back: nobody waits out a long backoff.
    pub(super) fn hurry_all(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        for key in self.keys(Item::is_in_doubt) {
            self.step(&key, Input::Hurry, clock, out);
        }
        self.hurry_accounts(clock, out);
        self.ask_profiles(clock, out);
    }
}
