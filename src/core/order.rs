//! One payment order: what is known of it, and the fold of its journal records. How it
//! moves is in `step`.

use std::sync::Arc;

use super::award::Award;
use super::call::Doubt;
use super::code::Code;
use super::facts::Facts;
use super::outbox::Outbox;
use super::record::{Key, Reason, Record};
use super::report::{Event, Report, State};
use super::timers::Timers;
use crate::limits::EXPIRY_GRACE_MS;

/// The clocks, and what the engine may offer this order at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Milliseconds since boot, sleep included. All timers run on it.
    pub boot_ms: u64,
    /// The box's idea of Unix time. Only written down, never compared.
    pub wall_ms: i64,
    /// The gateway's Unix time, once it was asked.
    pub server_ms: Option<i64>,
    /// How long a query of this order may be held; 0: it has to poll.
    pub wait_s: u32,
}

/// An order. `apply` is the only way its durable part changes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// What it is about.
    pub(super) facts: Arc<Facts>,
    /// Unix milliseconds by the box's clock.
    pub(super) created_ms: i64,
    pub(super) phase: Phase,
    /// The code, from the moment it was durable.
    pub(super) code: Option<Shown>,
    /// Of the last thing told.
    pub(super) sequence: u64,
    /// The question that is out. An answer to any other is dropped.
    pub(super) awaiting: Option<Awaiting>,
    /// Told as UNKNOWN.
    pub(super) unknown: bool,
    /// The last answer was no answer.
    pub(super) doubt: Option<Doubt>,
    /// Boot milliseconds at which an order that nobody paid starts to close. Never stored.
    pub(super) deadline_at: u64,
    pub(super) timers: Timers,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Phase {
    Created,
    Open { scanned: bool },
    Closing { reason: Reason, round: Round },
    Final(End),
}

/// Where a closing order is in query, close, query.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Round {
    LookFirst,
    Close,
    LookAgain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Awaiting {
    Precreate,
    /// `past_grace`: asked when nobody could scan the code any more, so that "no such
    /// trade" is the last word however late the answer is read.
    Query {
        held: bool,
        past_grace: bool,
    },
    Close,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Shown {
    pub qr_text: String,
    pub expires_s: u32,
    pub expires_server_ms: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct End {
    pub state: State,
    pub trade_no: Option<String>,
    pub paid_ms: Option<i64>,
    pub gateway_code: Option<String>,
    pub message: Option<String>,
    pub awards: Vec<Award>,
    pub at_ms: i64,
    pub acked: bool,
}

impl Order {
    /// An order out of its intent record, before anything else is known.
    pub(super) fn new(facts: Facts, created_ms: i64) -> Order {
        Order {
            facts: Arc::new(facts),
            created_ms,
            phase: Phase::Created,
            code: None,
            sequence: 0,
            awaiting: None,
            unknown: false,
            doubt: None,
            deadline_at: 0,
            timers: Timers::default(),
        }
    }

    /// What it is about.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its name in the journal.
    pub fn key(&self) -> Key {
        self.facts.key()
    }

    /// The state that is told.
    pub fn state(&self) -> State {
        match &self.phase {
            Phase::Final(end) => end.state,
            Phase::Closing { .. } => State::Closing,
            _ if self.unknown => State::Unknown,
            Phase::Created => State::Created,
            Phase::Open { scanned: false } => State::Pending,
            Phase::Open { scanned: true } => State::Scanned,
        }
    }

    /// The last answer was no answer.
    pub fn in_doubt(&self) -> bool {
        self.doubt.is_some()
    }

    /// A final state whose ack is missing.
    pub fn is_unacked(&self) -> bool {
        matches!(&self.phase, Phase::Final(end) if !end.acked)
    }

    /// Unix milliseconds by the box's clock of an acked final state.
    pub(super) fn acked_since_ms(&self) -> Option<i64> {
        match &self.phase {
            Phase::Final(end) if end.acked => Some(end.at_ms),
            _ => None,
        }
    }

    /// Folds one record in. `Err` means that the journal contradicts itself.
    pub(super) fn apply(&mut self, record: &Record) -> Result<(), String> {
        let fits = match record {
            Record::Shown { qr_text, expires_s, expires_server_ms, sequence, .. } => {
                let fits = self.phase == Phase::Created;
                self.phase = Phase::Open { scanned: false };
                self.code = Some(Shown {
                    qr_text: qr_text.clone(),
                    expires_s: *expires_s,
                    expires_server_ms: *expires_server_ms,
                });
                fits && self.advance(*sequence)
            }
            Record::Closing { reason, sequence, .. } => {
                let fits = matches!(self.phase, Phase::Created | Phase::Open { .. });
                self.phase = Phase::Closing { reason: *reason, round: Round::LookFirst };
                fits && self.advance(*sequence)
            }
            Record::Final { .. } => self.apply_final(record),
            Record::Resumed { sequence, .. } => {
                !matches!(self.phase, Phase::Final(_)) && self.advance(*sequence)
            }
            Record::Ack { sequence, .. } => match &mut self.phase {
                Phase::Final(end) => {
                    end.acked = true;
                    self.sequence == *sequence
                }
                _ => false,
            },
            _ => false,
        };
        if fits {
            return Ok(());
        }
        Err(format!(
            "order {} of app {}: {record:?} does not follow",
            self.facts.order_id, self.facts.app_key
        ))
    }

    fn apply_final(&mut self, record: &Record) -> bool {
        let Record::Final {
            state,
            sequence,
            trade_no,
            paid_ms,
            gateway_code,
            message,
            awards,
            at_ms,
            ..
        } = record
        else {
            return false;
        };
        let fits = !matches!(self.phase, Phase::Final(_)) && state.is_final();
        self.phase = Phase::Final(End {
            state: *state,
            trade_no: trade_no.clone(),
            paid_ms: *paid_ms,
            gateway_code: gateway_code.clone(),
            message: message.clone(),
            awards: awards.clone(),
            at_ms: *at_ms,
            acked: false,
        });
        fits && self.advance(*sequence)
    }

    /// The shortest records that fold into this order.
    pub(super) fn records(&self) -> Vec<Record> {
        let key = self.key();
        let facts = Facts::clone(&self.facts);
        let mut records = vec![Record::Intent { facts, created_ms: self.created_ms }];
        // Sequences must grow from record to record, and the last is what counts.
        let last = self.sequence;
        let open = matches!(self.phase, Phase::Created | Phase::Open { .. });
        if let (Some(code), false) = (&self.code, self.state().is_final()) {
            records.push(Record::Shown {
                key: key.clone(),
                qr_text: code.qr_text.clone(),
                expires_s: code.expires_s,
                expires_server_ms: code.expires_server_ms,
                sequence: if open { last } else { last - 1 },
            });
        } else if open && last > 0 {
            records.push(Record::Resumed { key: key.clone(), sequence: last });
        }
        match &self.phase {
            Phase::Created | Phase::Open { .. } => {}
            Phase::Closing { reason, .. } => {
                records.push(Record::Closing { key, reason: *reason, sequence: last })
            }
            Phase::Final(end) => {
                records.push(end.record(key.clone(), last));
                if end.acked {
                    records.push(Record::Ack { key, sequence: last });
                }
            }
        }
        records
    }

    /// The code has ended, by the gateway's clock if that is known: nobody can scan it.
    /// Before `EXPIRY_GRACE_MS` more have passed, "no such trade" proves nothing.
    pub(super) fn is_past_grace(&self, now: &Now) -> bool {
        let ends = self.code.as_ref().and_then(|code| code.expires_server_ms);
        match (ends, now.server_ms) {
            (Some(ends), Some(server)) => server >= ends + EXPIRY_GRACE_MS,
            _ => now.boot_ms >= self.deadline_at + EXPIRY_GRACE_MS as u64,
        }
    }

    /// There is a code that may be scanned.
    pub(super) fn is_shown(&self) -> bool {
        matches!(self.phase, Phase::Open { .. })
    }

    /// Milliseconds until the code ends; none if there is no code or it has ended.
    pub(super) fn left_ms(&self, now: &Now) -> Option<u64> {
        let code = self.code.as_ref()?;
        let by_boot = self.deadline_at.checked_sub(now.boot_ms)?;
        let by_server = match (code.expires_server_ms, now.server_ms) {
            (Some(ends), Some(server)) => u64::try_from(ends.saturating_sub(server)).ok()?,
            _ => by_boot,
        };
        Some(by_boot.min(by_server)).filter(|left| *left > 0)
    }

    /// The order as it stands.
    pub fn report(&self, now: &Now) -> Report {
        let end = match &self.phase {
            Phase::Final(end) => Some(end),
            _ => None,
        };
        let left_ms = match self.phase {
            Phase::Open { .. } => self.left_ms(now),
            _ => None,
        };
        let doubt = self.doubt.as_ref().filter(|_| self.state() == State::Unknown);
        let message = end.and_then(|end| end.message.clone());
        Report {
            app_key: self.facts.app_key.clone(),
            order_id: self.facts.order_id.clone(),
            state: self.state(),
            sequence: self.sequence,
            amount_fen: self.facts.amount_fen,
            title: self.facts.title.clone(),
            subject_id: self.facts.subject_id.clone(),
            trade_no: end.and_then(|end| end.trade_no.clone()),
            qr_text: left_ms.and(self.code.as_ref()).map(|code| code.qr_text.clone()),
            expires_s: left_ms.map(|left| left.div_ceil(1_000) as u32),
            result: match self.state() {
                State::Failed => Code::GATEWAY,
                State::Refunded => Code::REFUNDED,
                _ => doubt.map_or(Code::OK, |doubt| doubt.kind.code()),
            },
            gateway_code: end.and_then(|end| end.gateway_code.clone()),
            message: message.or_else(|| doubt.map(|doubt| doubt.detail.clone())),
            created_ms: self.created_ms,
            paid_ms: end.and_then(|end| end.paid_ms),
            awards: end.map(|end| end.awards.clone()).unwrap_or_default(),
            interval: self.facts.renewal.as_ref().map(|renewal| renewal.interval),
            user_id: self.facts.user_id.clone(),
            acked: end.is_some_and(|end| end.acked),
        }
    }
}

impl Outbox for Order {
    fn fold(&mut self, record: &Record) -> Result<(), String> {
        self.apply(record)
    }

    fn event(&self, now: &Now) -> Event {
        Event::Order(self.report(now))
    }

    fn sequence_mut(&mut self) -> &mut u64 {
        &mut self.sequence
    }

    fn timers_mut(&mut self) -> &mut Timers {
        &mut self.timers
    }
}

impl End {
    pub(super) fn record(&self, key: Key, sequence: u64) -> Record {
        Record::Final {
            key,
            state: self.state,
            sequence,
            trade_no: self.trade_no.clone(),
            paid_ms: self.paid_ms,
            gateway_code: self.gateway_code.clone(),
            message: self.message.clone(),
            awards: self.awards.clone(),
            at_ms: self.at_ms,
        }
    }
}
