//! `renew run`: every charge that is due, one after the other.

use std::time::Duration;

use serde::Serialize;

use super::super::ledger::{Attempt, Entry, Ledger, LedgerError, OrderState, Plan};
use super::charge::{Charging, Patience, Platform};
use super::machine::{End, Refusal, Trouble};
use super::next::{next, order_of, recorded, Next};
use crate::core::call::{Doubt, DoubtKind};
use crate::core::facts::OrderId;
use crate::limits::{RENEW_AGAIN_MS, RENEW_DOUBTS_MAX};
use crate::money::Fen;
use crate::wire::partner::RenewalCode;

/// How to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Only say what would be done: nothing is written, sent or asked.
    pub dry_run: bool,
    /// Charges to work on at most.
    pub limit: usize,
    /// How long to wait for the outcome of one charge.
    pub patience: Duration,
}

/// What is said about one charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// Number of the subscription's first order.
    pub order_no: OrderId,
    /// Number of the charge.
    pub seq: u32,
    /// The charge's own order number.
    pub charge_no: OrderId,
    /// What it costs.
    pub price_fen: Fen,
    /// How it stands.
    pub outcome: Outcome,
    /// Why, if it is not paid: a word or a number of the platform.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The sentence to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where a doubt comes from, for advice.
    #[serde(skip)]
    pub doubt: Option<DoubtKind>,
}

/// How a charge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The platform has the money, for what was agreed.
    Paid,
    /// It would be taken, if this were no dry run.
    Due,
    /// The platform has the charge and waits for the money.
    Waiting,
    /// It was refused in a way that passes: a later run tries it again.
    Later,
    /// Not known: a later run asks again.
    Unknown,
    /// It was refused.
    Refused,
    /// It was refused earlier, or a person has set it aside.
    Held,
    /// It ended without money.
    Closed,
    /// It is paid, but not for what was agreed.
    Mismatch,
}

impl Outcome {
    /// One lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Paid => "paid",
            Outcome::Due => "due",
            Outcome::Waiting => "waiting",
            Outcome::Later => "later",
            Outcome::Unknown => "unknown",
            Outcome::Refused => "refused",
            Outcome::Held => "held",
            Outcome::Closed => "closed",
            Outcome::Mismatch => "mismatch",
        }
    }

    /// Whether a person has to do something before it can go on.
    pub fn needs_a_person(self) -> bool {
        match self {
            Outcome::Refused | Outcome::Held | Outcome::Closed | Outcome::Mismatch => true,
            Outcome::Paid | Outcome::Due | Outcome::Waiting | Outcome::Later | Outcome::Unknown => {
                false
            }
        }
    }

    /// Whether another run goes on with it.
    pub fn is_open(self) -> bool {
        matches!(self, Outcome::Waiting | Outcome::Unknown)
    }
}

/// Why a run stopped before it had looked at every subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It has worked on as many charges as it was told to.
    Limit,
    /// The platform refuses the app as a whole: every other charge would be refused too.
    App,
    /// The platform wants fewer calls.
    Limited {
        /// Seconds.
        wait_s: u32,
    },
    /// `RENEW_DOUBTS_MAX` charges one after the other had no answer.
    Silence,
}

/// How to run, and on what.
pub struct Run<'a> {
    /// Where subscriptions and charges are.
    pub ledger: &'a Ledger,
    /// Who takes the money.
    pub platform: &'a dyn Platform,
    /// How.
    pub options: Options,
    /// The platform's clock, Unix milliseconds.
    pub now_ms: i64,
}

/// What a run keeps between two charges.
#[derive(Default)]
struct Tally {
    worked: usize,
    doubts: usize,
    stop: Option<Stop>,
}

impl Run<'_> {
    /// Works on every charge that is due or open, the oldest subscription first, and tells of
    /// each. Within a subscription one charge follows the other: the next is touched only
    /// when the one before it is paid.
    ///
    /// # Errors
    /// The ledger's, or those of `tell`.
    pub fn run<E: From<LedgerError>>(
        &self,
        mut tell: impl FnMut(&Row) -> Result<(), E>,
    ) -> Result<Option<Stop>, E> {
        let mut tally = Tally::default();
        for (first, charges) in self.ledger.plans()? {
            if self.ledger.is_stopped(&first.order_no)? {
                continue;
            }
            self.subscription(&first, charges, &mut tally, &mut tell)?;
            if tally.stop.is_some() {
                break;
            }
        }
        Ok(tally.stop)
    }

    fn subscription<E: From<LedgerError>>(
        &self,
        first: &Entry,
        mut charges: Vec<Entry>,
        tally: &mut Tally,
        tell: &mut impl FnMut(&Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(plan) = &first.plan else { return Ok(()) };
        while let Some((seq, work)) = self.work(first, plan, &charges)? {
            let row = match work {
                Work::Tell(row) => row,
                Work::Charge(recorded) if tally.worked < self.options.limit => {
                    tally.worked += 1;
                    match self.charge(first, plan, seq, recorded, tally)? {
                        Some(row) => row,
                        None => return Ok(()),
                    }
                }
                Work::Charge(_) => {
                    tally.stop = Some(Stop::Limit);
                    return Ok(());
                }
            };
            tell(&row)?;
            if row.outcome != Outcome::Paid {
                return Ok(());
            }
            charges.retain(|entry| entry.order_no != row.charge_no);
            charges.extend(self.ledger.find(&row.charge_no)?);
        }
        Ok(())
    }

    /// What there is to do about a subscription; none: nothing, for now.
    fn work(
        &self,
        first: &Entry,
        plan: &Plan,
        charges: &[Entry],
    ) -> Result<Option<(u32, Work)>, LedgerError> {
        let held = |seq: u32, outcome: Outcome| {
            let why = recorded(charges, seq).and_then(|entry| entry.why.clone());
            row(first, plan, seq, outcome).map(|row| (seq, Work::Tell(Row { message: why, ..row })))
        };
        Ok(match next(first, plan, charges) {
            Next::NotBegun | Next::Over | Next::Finished => None,
            Next::Blocked { seq, state: OrderState::Mismatch } => held(seq, Outcome::Mismatch),
            Next::Blocked { seq, .. } => held(seq, Outcome::Closed),
            Next::Charge { seq, recorded: Some(OrderState::Held), .. } => held(seq, Outcome::Held),
            Next::Charge { recorded: None, due_ms, .. } if due_ms > self.now_ms => None,
            Next::Charge { seq, recorded, .. } => {
                let Some(due) = row(first, plan, seq, Outcome::Due) else { return Ok(None) };
                let attempt = match recorded {
                    Some(_) => self.ledger.attempt(&due.charge_no)?,
                    None => None,
                };
                Some((
                    seq,
                    match attempt.and_then(|attempt| self.too_early(attempt)) {
                        Some(refusal) => Work::Tell(refused(due, Outcome::Later, refusal)),
                        None if self.options.dry_run => Work::Tell(due),
                        None => Work::Charge(recorded),
                    },
                ))
            }
        })
    }

    /// The refusal, if it is so young that another try would only annoy the customer's bank.
    fn too_early(&self, attempt: Attempt) -> Option<Refusal> {
        let refused = attempt.refusal?;
        let age_ms = self.now_ms.saturating_sub(refused.refused_ms);
        let failed = RenewalCode::parse(&refused.code) == Some(RenewalCode::OrderPayFail);
        let young = (0..RENEW_AGAIN_MS).contains(&age_ms);
        (failed && young).then_some(Refusal { code: refused.code, message: refused.message })
    }

    fn charge(
        &self,
        first: &Entry,
        plan: &Plan,
        seq: u32,
        recorded: Option<OrderState>,
        tally: &mut Tally,
    ) -> Result<Option<Row>, LedgerError> {
        let Some(order) = order_of(first, plan, seq) else { return Ok(None) };
        let charging = Charging {
            ledger: self.ledger,
            platform: self.platform,
            plan,
            order: &order,
            now_ms: self.now_ms,
        };
        let end = charging.round(recorded, Patience::new(self.options.patience))?;
        tally.doubts = match &end {
            End::Unknown(_) => tally.doubts + 1,
            _ => 0,
        };
        tally.stop = stop_after(&end, tally.doubts);
        Ok(row(first, plan, seq, Outcome::Paid).map(|row| told(row, end)))
    }
}

enum Work {
    /// There is only something to say.
    Tell(Row),
    /// A charge, and what the ledger has of it.
    Charge(Option<OrderState>),
}

fn row(first: &Entry, plan: &Plan, seq: u32, outcome: Outcome) -> Option<Row> {
    let order = order_of(first, plan, seq)?;
    Some(Row {
        order_no: first.order_no.clone(),
        seq,
        charge_no: order.order_no,
        price_fen: order.price_fen,
        outcome,
        code: None,
        message: None,
        doubt: None,
    })
}

fn refused(row: Row, outcome: Outcome, refusal: Refusal) -> Row {
    Row { outcome, code: Some(refusal.code), message: Some(refusal.message), ..row }
}

/// The row of a charge, with how its round ended.
pub fn told(row: Row, end: End) -> Row {
    match end {
        End::Paid => Row { outcome: Outcome::Paid, ..row },
        End::Closed => Row { outcome: Outcome::Closed, ..row },
        End::Waiting => Row { outcome: Outcome::Waiting, ..row },
        End::Held => Row { outcome: Outcome::Held, ..row },
        End::Mismatch { field } => {
            let message = Some(format!("{field} is not as agreed"));
            Row { outcome: Outcome::Mismatch, message, ..row }
        }
        End::Limited { wait_s } => {
            let message = Some(format!("too many calls; {wait_s} s to wait"));
            Row { outcome: Outcome::Later, message, ..row }
        }
        End::Refused(refusal) => {
            let later = refusal.renewal_code() == Some(RenewalCode::TimeError);
            refused(row, if later { Outcome::Later } else { Outcome::Refused }, refusal)
        }
        End::Unknown(Trouble::Refused(refusal)) => refused(row, Outcome::Unknown, refusal),
        End::Unknown(Trouble::Doubt(Doubt { kind, detail })) => {
            Row { outcome: Outcome::Unknown, message: Some(detail), doubt: Some(kind), ..row }
        }
        End::Unknown(Trouble::Lost) => {
            let message = "it was carried out, and the platform does not find its order";
            Row { outcome: Outcome::Unknown, message: Some(message.into()), ..row }
        }
        End::Unknown(Trouble::NotArrived) => {
            let message = "sent without an answer, and the platform does not have it";
            Row { outcome: Outcome::Unknown, message: Some(message.into()), ..row }
        }
    }
}

/// Whether the charges after one that ended so have any hope.
fn stop_after(end: &End, doubts: usize) -> Option<Stop> {
    match end {
        End::Limited { wait_s } => Some(Stop::Limited { wait_s: *wait_s }),
        End::Refused(refusal) | End::Unknown(Trouble::Refused(refusal))
            if refusal.concerns_the_app() =>
        {
            Some(Stop::App)
        }
        _ => (doubts >= RENEW_DOUBTS_MAX).then_some(Stop::Silence),
    }
}
