//! How an order moves: the table of `reference/c-abi.md` 4.5 as one pure function, checked
//! by the model in `tests/model`.
//!
//! ```text
//! CREATED --shown--> PENDING <--> SCANNED         any of these three: UNKNOWN while
//!    |                  |           |             answers are missing or not proved
//!    |  cancel, deadline, the gateway closed it
//!    v                  v           v
//!    CLOSING: query -> close -> query, until one of them is definite
//!       |
//!       v
//! PAID  CANCELLED  EXPIRED  FAILED  REFUNDED      told again until acked
//! ```
//!
//! Paid wins over everything that comes before a final state. "No such trade" is final only
//! when no code was ever shown, or when the code is over by `EXPIRY_GRACE_MS`.

use super::call::{Ask, Doubt, DoubtKind, Reply, Trade, TradeStatus};
use super::facts::Facts;
use super::order::{Awaiting, End, Now, Order, Phase, Round};
use super::outbox::{is_told_at_once, Outbox};
use super::record::{Reason, Record};
use super::report::{Event, State};
use super::timers::is_due;
use crate::limits::{EXPIRES_S_DEFAULT, POLL_MS, POLL_MS_MIN, SEQUENCE_RESTART_GAP};

/// What can happen to an order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// The answer to the question that is out, or the news that there is none.
    Reply(Reply),
    /// Somebody no longer wants to pay.
    Cancel,
    /// Somebody wants to know at once.
    Hurry,
    /// The game has stored what the final state of this sequence meant.
    Ack {
        /// Of the report that was handled.
        sequence: u64,
    },
    /// The engine has started and replayed the journal.
    Resume,
    /// A timer may be due.
    Tick,
}

/// What the engine has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Make it durable before anything behind it leaves the process.
    Append(Record),
    /// Ask the gateway. An earlier question of this order is given up.
    Ask(Ask),
    /// Tell whoever watches.
    Tell(Event),
}

/// Starts an order.
pub fn start(facts: Facts, now: &Now, out: &mut Vec<Output>) -> Order {
    let record = Record::Intent { facts: facts.clone(), created_ms: now.wall_ms };
    let mut order = Order::new(facts, now.wall_ms);
    out.push(Output::Append(record));
    order.deadline_at = now.boot_ms + order.lifetime_ms();
    order.tell(now, out);
    order.ask(now, out);
    order.check();
    order
}

/// The only way an order changes once it exists.
pub fn step(order: &mut Order, input: Input, now: &Now, out: &mut Vec<Output>) {
    match input {
        Input::Reply(reply) => order.on_reply(reply, now, out),
        Input::Cancel => order.close(Reason::Cancelled, now, out),
        Input::Hurry => order.hurry(now),
        Input::Ack { sequence } => order.on_ack(sequence, out),
        Input::Resume => order.resume(now, out),
        Input::Tick => {}
    }
    order.run_timers(now, out);
    order.check();
}

/// Boot milliseconds of the next moment at which `Input::Tick` does something.
pub fn wake_at(order: &Order) -> Option<u64> {
    let timers = &order.timers;
    let open = matches!(order.phase, Phase::Created | Phase::Open { .. });
    let deadline = open.then_some(order.deadline_at);
    let doubt = timers.doubt_at().filter(|_| open && !order.unknown);
    [timers.poll_at, timers.retell_at, deadline, doubt].into_iter().flatten().min()
}

impl Order {
    fn on_reply(&mut self, reply: Reply, now: &Now, out: &mut Vec<Output>) {
        let Some(asked) = self.awaiting.take() else { return };
        match reply {
            Reply::Shown { qr_text, expires_s, .. } if asked == Awaiting::Precreate => {
                self.on_shown(qr_text, expires_s, now, out)
            }
            Reply::Rejected { code, text } if asked == Awaiting::Precreate => {
                let end = End {
                    gateway_code: Some(code),
                    message: Some(text),
                    ..end(State::Failed, now)
                };
                self.finish(end, now, out)
            }
            Reply::Status(trade) => self.on_trade(asked, trade, now, out),
            Reply::NoTrade if asked != Awaiting::Precreate => self.on_no_trade(asked, now, out),
            Reply::Throttled { after_s } => self.timers.throttled(after_s, now),
            Reply::InDoubt(doubt) => self.on_doubt(doubt, now, out),
            _ => {
                let detail = format!("the answer does not fit the question {asked:?}");
                self.on_doubt(Doubt { kind: DoubtKind::Gateway, detail }, now, out)
            }
        }
    }

    fn on_shown(&mut self, qr_text: String, expires_s: u32, now: &Now, out: &mut Vec<Output>) {
        self.believe(now, out);
        let lifetime_ms = u64::from(expires_s) * 1_000;
        let record = Record::Shown {
            key: self.key(),
            qr_text,
            expires_s,
            expires_server_ms: now.server_ms.map(|server| server + lifetime_ms as i64),
            sequence: self.sequence + 1,
        };
        self.record(record, out);
        self.deadline_at = now.boot_ms + lifetime_ms;
        self.timers.poll_at = Some(now.boot_ms + if now.wait_s > 0 { 0 } else { POLL_MS });
        out.push(Output::Tell(Event::Qr(self.report(now))));
        self.tell(now, out);
    }

    fn on_trade(&mut self, asked: Awaiting, trade: Trade, now: &Now, out: &mut Vec<Output>) {
        if trade.amount_fen != self.facts.amount_fen {
            let detail = format!("the gateway says {} for this order", trade.amount_fen);
            return self.on_doubt(Doubt { kind: DoubtKind::Signature, detail }, now, out);
        }
        let ended = |state| End {
            trade_no: Some(trade.trade_no.clone()).filter(|no| !no.is_empty()),
            paid_ms: trade.paid_ms,
            awards: if state == State::Paid { trade.awards.clone() } else { Vec::new() },
            ..end(state, now)
        };
        match trade.status {
            TradeStatus::Success => return self.finish(ended(State::Paid), now, out),
            TradeStatus::Refunded => return self.finish(ended(State::Refunded), now, out),
            TradeStatus::Closed if asked != Awaiting::Close => {
                let state = self.closed_as(trade.server_ms, now).state();
                return self.finish(ended(state), now, out);
            }
            _ => {}
        }
        match self.phase {
            Phase::Open { scanned } => {
                // A phone that went away again does not unscan the code.
                let scanned = scanned || trade.status == TradeStatus::WaitBuyerPay;
                self.on_waiting(scanned, asked, now, out);
            }
            Phase::Closing { .. } => self.on_still_open(asked, trade.status, now, out),
            Phase::Created => {
                self.believe(now, out);
                self.back_off(now);
            }
            Phase::Final(_) => {}
        }
    }

    /// Nobody paid, and nobody closed it.
    fn on_waiting(&mut self, scanned: bool, asked: Awaiting, now: &Now, out: &mut Vec<Output>) {
        let was = self.state();
        self.clear_doubt();
        self.phase = Phase::Open { scanned };
        if self.state() != was {
            self.tell(now, out);
        }
        let held = matches!(asked, Awaiting::Query { held: true, .. });
        let next = if held || now.wait_s > 0 {
            // A gateway that does not hold what it promised to hold must not be flooded.
            now.boot_ms.max(self.timers.asked_at + POLL_MS_MIN)
        } else {
            now.boot_ms + POLL_MS
        };
        self.timers.poll_at = Some(next);
    }

    /// A closing order that can still be paid, as far as this answer goes.
    fn on_still_open(
        &mut self,
        asked: Awaiting,
        status: TradeStatus,
        now: &Now,
        out: &mut Vec<Output>,
    ) {
        self.believe(now, out);
        let Phase::Closing { reason, round } = self.phase else { return };
        let next = match (round, asked) {
            (Round::LookFirst, _) => Round::Close,
            (Round::Close, _) => Round::LookAgain,
            (Round::LookAgain, _) => Round::LookFirst,
        };
        self.phase = Phase::Closing { reason, round: next };
        // A refused close, or a whole round without a result, waits; the rest follows at once.
        let at_once = next == Round::Close || status == TradeStatus::Closed;
        if at_once {
            self.timers.poll_at = Some(now.boot_ms);
        } else {
            self.back_off(now);
        }
    }

    fn on_no_trade(&mut self, asked: Awaiting, now: &Now, out: &mut Vec<Output>) {
        let past_grace = matches!(asked, Awaiting::Query { past_grace: true, .. });
        match self.phase {
            Phase::Open { scanned } => self.on_waiting(scanned, asked, now, out),
            Phase::Closing { reason, round: Round::LookAgain }
                if self.code.is_none() || past_grace =>
            {
                self.finish(end(reason.state(), now), now, out)
            }
            Phase::Closing { reason, round } => {
                self.believe(now, out);
                match round {
                    Round::LookFirst => self.closing_next(reason, Round::Close, now),
                    Round::Close => self.closing_next(reason, Round::LookAgain, now),
                    Round::LookAgain => {
                        self.phase = Phase::Closing { reason, round: Round::LookFirst };
                        self.back_off(now);
                    }
                }
            }
            Phase::Created | Phase::Final(_) => {}
        }
    }

    fn closing_next(&mut self, reason: Reason, round: Round, now: &Now) {
        self.phase = Phase::Closing { reason, round };
        self.timers.poll_at = Some(now.boot_ms);
    }

    /// What a trade that the gateway closed is called.
    fn closed_as(&self, server_ms: Option<i64>, now: &Now) -> Reason {
        if let Phase::Closing { reason, .. } = self.phase {
            return reason;
        }
        let then = Now { server_ms: server_ms.or(now.server_ms), ..*now };
        match self.left_ms(&then) {
            Some(_) => Reason::Cancelled,
            None => Reason::Expired,
        }
    }

    fn on_doubt(&mut self, doubt: Doubt, now: &Now, out: &mut Vec<Output>) {
        self.timers.doubt_since.get_or_insert(now.boot_ms);
        let last = self.doubt.as_ref().map(|doubt| doubt.kind.code());
        let at_once = is_told_at_once(doubt.kind.code(), last);
        self.doubt = Some(doubt);
        if let Phase::Closing { reason, .. } = self.phase {
            self.phase = Phase::Closing { reason, round: Round::LookFirst };
        }
        self.back_off(now);
        if at_once {
            self.tell_unknown(now, out);
        }
    }

    fn tell_unknown(&mut self, now: &Now, out: &mut Vec<Output>) {
        let open = matches!(self.phase, Phase::Created | Phase::Open { .. });
        if open && !self.unknown {
            self.unknown = true;
            self.tell(now, out);
        }
    }

    /// An answer that can be believed, and does not change the state by itself.
    fn believe(&mut self, now: &Now, out: &mut Vec<Output>) {
        let was = self.state();
        self.clear_doubt();
        if self.state() != was {
            self.tell(now, out);
        }
    }

    fn clear_doubt(&mut self) {
        self.unknown = false;
        self.doubt = None;
        self.timers.doubt_since = None;
        if !matches!(self.phase, Phase::Closing { .. }) {
            self.timers.tries = 0;
        }
    }

    fn back_off(&mut self, now: &Now) {
        let closing = matches!(self.phase, Phase::Closing { .. });
        self.timers.back_off(closing, now);
    }

    /// Withdraws the code and goes for a definite end. Asked again it does nothing.
    fn close(&mut self, reason: Reason, now: &Now, out: &mut Vec<Output>) {
        if !matches!(self.phase, Phase::Created | Phase::Open { .. }) {
            return;
        }
        let record = Record::Closing { key: self.key(), reason, sequence: self.sequence + 1 };
        self.record(record, out);
        self.clear_doubt();
        self.timers.tries = 0;
        self.tell_recorded(now, out);
        // Overtakes a held query: its answer will find nobody waiting.
        self.ask(now, out);
    }

    fn hurry(&mut self, now: &Now) {
        if self.awaiting.is_none() && !matches!(self.phase, Phase::Final(_)) {
            self.timers.hurry(now);
        }
    }

    fn on_ack(&mut self, sequence: u64, out: &mut Vec<Output>) {
        if self.is_unacked() && sequence == self.sequence {
            self.record(Record::Ack { key: self.key(), sequence }, out);
            self.timers.retell_at = None;
        }
    }

    fn resume(&mut self, now: &Now, out: &mut Vec<Output>) {
        match &self.phase {
            Phase::Final(end) => {
                self.timers.retell_at = Some(now.boot_ms).filter(|_| !end.acked);
            }
            Phase::Created | Phase::Open { .. } | Phase::Closing { .. } => {
                let sequence = self.sequence + SEQUENCE_RESTART_GAP;
                self.record(Record::Resumed { key: self.key(), sequence }, out);
                // How long the engine was away is not known: longer is the safe side, and
                // the gateway's clock, where it is known, has the last word.
                self.deadline_at = now.boot_ms + self.lifetime_ms();
                self.timers.poll_at = Some(now.boot_ms);
            }
        }
    }

    fn run_timers(&mut self, now: &Now, out: &mut Vec<Output>) {
        let open = matches!(self.phase, Phase::Created | Phase::Open { .. });
        let over = self.code.is_some() && self.left_ms(now).is_none();
        if open && (over || now.boot_ms >= self.deadline_at) {
            self.close(Reason::Expired, now, out);
        }
        if is_due(self.timers.doubt_at(), now) {
            self.tell_unknown(now, out);
        }
        if is_due(self.timers.poll_at, now) {
            self.ask(now, out);
        }
        if is_due(self.timers.retell_at, now) {
            self.retell(now, out);
        }
    }

    fn ask(&mut self, now: &Now, out: &mut Vec<Output>) {
        let facts = self.facts.clone();
        let (ask, awaiting) = match self.phase {
            Phase::Created => (Ask::Precreate(facts), Awaiting::Precreate),
            Phase::Open { .. } => {
                let awaiting = Awaiting::Query { held: now.wait_s > 0, past_grace: false };
                (Ask::Query { facts, wait_s: now.wait_s }, awaiting)
            }
            Phase::Closing { round: Round::Close, .. } => (Ask::Close(facts), Awaiting::Close),
            Phase::Closing { .. } => {
                let past_grace = self.is_past_grace(now);
                (Ask::Query { facts, wait_s: 0 }, Awaiting::Query { held: false, past_grace })
            }
            Phase::Final(_) => return,
        };
        self.awaiting = Some(awaiting);
        self.timers.asked(now);
        out.push(Output::Ask(ask));
    }

    fn finish(&mut self, end: End, now: &Now, out: &mut Vec<Output>) {
        let failed = end.state == State::Failed;
        assert!(!failed || self.code.is_none(), "FAILED after a code was shown");
        let record = end.record(self.key(), self.sequence + 1);
        self.record(record, out);
        self.clear_doubt();
        self.awaiting = None;
        self.tell_recorded(now, out);
        self.timers.told(now);
    }

    /// How long the code may be out, or the order may wait for one.
    fn lifetime_ms(&self) -> u64 {
        let wanted_s = self.facts.expires_s.unwrap_or(EXPIRES_S_DEFAULT);
        u64::from(self.code.as_ref().map_or(wanted_s, |code| code.expires_s)) * 1_000
    }

    /// Invariants of `reference/reliability.md` 3 that one order can break by itself. They
    /// stay on in release: stopping is better than telling a lie about money.
    fn check(&self) {
        let is_final = matches!(self.phase, Phase::Final(_));
        let asks = self.awaiting.is_some() as u8 + self.timers.poll_at.is_some() as u8;
        assert_eq!(asks, !is_final as u8, "an open order asks or waits to ask, a final one never");
        assert!(!self.unknown || !is_final, "UNKNOWN is never final");
        assert!(self.code.is_some() || !matches!(self.phase, Phase::Open { .. }), "open, no code");
        assert_eq!(self.timers.retell_at.is_some(), self.is_unacked(), "unacked is told again");
    }
}

fn end(state: State, now: &Now) -> End {
    End {
        state,
        trade_no: None,
        paid_ms: None,
        gateway_code: None,
        message: None,
        awards: Vec::new(),
        at_ms: now.wall_ms,
        acked: false,
    }
}
