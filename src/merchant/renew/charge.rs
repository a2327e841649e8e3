//! One round of work on one charge: the machine's steps, carried out.

use std::thread;
use std::time::{Duration, Instant};

use super::super::ledger::{Entry, Ledger, LedgerError, NewOrder, OrderState, Plan};
use super::super::top::{Ask, Asker, ChargeOutcome};
use super::machine::{End, Event, Refusal, Round, Step};
use super::next::request_of;
use crate::core::facts::OrderId;
use crate::wire::partner::RenewalPay;

/// What charging needs of the platform.
pub trait Platform: Ask {
    /// Sends a charge, once.
    fn renewal_pay(&self, charge: &RenewalPay) -> ChargeOutcome;
}

impl Platform for Asker {
    fn renewal_pay(&self, charge: &RenewalPay) -> ChargeOutcome {
        self.client.renewal_pay(charge)
    }
}

/// How long a round may wait for an outcome in all. Requests that are under way are not
/// counted.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    until: Instant,
}

impl Patience {
    /// From now on.
    pub fn new(time: Duration) -> Patience {
        Patience { until: Instant::now() + time }
    }

    /// Waits, if there is time for it.
    fn wait(self, ms: u64) -> Event {
        let time = Duration::from_millis(ms);
        if Instant::now() + time > self.until {
            return Event::NoTime;
        }
        thread::sleep(time);
        Event::Waited
    }
}

/// What a charge is made of.
pub struct Charging<'a> {
    /// Where it is recorded.
    pub ledger: &'a Ledger,
    /// Who takes the money.
    pub platform: &'a dyn Platform,
    /// The subscription.
    pub plan: &'a Plan,
    /// The charge, as `next::order_of` makes it.
    pub order: &'a NewOrder,
    /// The platform's clock, Unix milliseconds; written beside what happened.
    pub now_ms: i64,
}

impl Charging<'_> {
    /// One round: records, sends and asks until the outcome is known or `patience` is at its
    /// end. `recorded` is what the ledger has of the charge. Can be killed anywhere: the next
    /// round goes on.
    ///
    /// # Errors
    /// The ledger's. Nothing is sent that it could not write down.
    pub fn round(
        &self,
        recorded: Option<OrderState>,
        patience: Patience,
    ) -> Result<End, LedgerError> {
        let mut round = Round::new(recorded);
        loop {
            let event = match round.step() {
                Step::Record => Event::Recorded(self.ledger.register(self.order, self.now_ms)?),
                Step::Send => Event::Charged(self.send()?),
                Step::Ask => {
                    self.ledger.asked(self.order_no(), self.now_ms)?;
                    Event::Answered(self.platform.order_query(self.order_no()))
                }
                Step::Settle(order) => {
                    Event::Settled(self.ledger.settle(self.order_no(), &order, self.now_ms)?)
                }
                Step::Pause { ms } => patience.wait(ms),
                Step::End(End::Refused(refusal)) => return self.refused(refusal),
                Step::End(end) => return Ok(end),
            };
            round.on(event);
        }
    }

    fn order_no(&self) -> &OrderId {
        &self.order.order_no
    }

    fn send(&self) -> Result<ChargeOutcome, LedgerError> {
        let charge = self.order.charge.as_ref();
        let charge = charge.ok_or_else(|| LedgerError::Unknown(self.order_no().clone()))?;
        self.ledger.sending(self.order_no(), self.now_ms)?;
        Ok(self.platform.renewal_pay(&request_of(self.order, charge, self.plan)))
    }

    /// Keeps the refusal for later runs, and sets the charge aside if they could only be
    /// refused again.
    fn refused(&self, refusal: Refusal) -> Result<End, LedgerError> {
        self.ledger.refused(self.order_no(), &refusal.code, &refusal.message, self.now_ms)?;
        if refusal.passes() || refusal.concerns_the_app() {
            return Ok(End::Refused(refusal));
        }
        let why = format!("{}: {}", refusal.code, refusal.message);
        match self.ledger.hold(self.order_no(), &why) {
            Ok(()) => Ok(End::Refused(refusal)),
            // Somebody else has learned meanwhile how it ended.
            Err(LedgerError::Unknown(_)) => {
                let entry = self.ledger.find(self.order_no())?;
                Ok(entry.and_then(|entry| end_of(&entry)).unwrap_or(End::Refused(refusal)))
            }
            Err(error) => Err(error),
        }
    }
}

fn end_of(entry: &Entry) -> Option<End> {
    match Round::new(Some(entry.state)).step() {
        Step::End(end) => Some(end),
        _ => None,
    }
}
