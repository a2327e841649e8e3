//! `alitv-pay renew`: later charges of subscriptions.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::args::order_id;
use super::exit::{Fail, CLOSED, DONE, FAILED, OTHER, UNKNOWN, WAITING};
use super::merchant::{asker, ledger_fail, open_ledger, MerchantArgs};
use super::out::Out;
use super::text::Lang;
use super::{clock, show, sys};
use crate::core::facts::OrderId;
use crate::limits::{RENEW_LIMIT_DEFAULT, RENEW_WAIT_S_DEFAULT, RENEW_WAIT_S_MAX};
use crate::merchant::advice::{of_code, of_doubt};
use crate::merchant::config::Config;
use crate::merchant::ledger::{Entry, Ledger, LedgerError, OrderState, Plan};
use crate::merchant::renew::charge::{Charging, Patience};
use crate::merchant::renew::lock::RenewLock;
use crate::merchant::renew::next::{order_of, recorded};
use crate::merchant::renew::run::{told, Options, Outcome, Row, Run as Runner, Stop};
use crate::merchant::top::{Ask, Asker, ClockError, QueryOutcome};

/// Options of `renew`.
#[derive(Args, Debug)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    before_help = "\
Examples:
  alitv-pay renew 20160620-0001 --seq 1     take charge 1 of a subscription of the ledger
  alitv-pay renew run                       take every charge that is due
  alitv-pay renew stop 20160620-0001        take no more charges of it
Ends with 0 paid, 12 not paid and a person has to look, 13 not known or not paid yet: run it again.
A charge is known by first order and number, and its own order number is made from the two: a
command that was killed or had no answer can be repeated, and never charges twice. Subscriptions are
written down by alitv-pay orders add --interval ..."
)]
pub struct Renew {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    one: One,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Take every charge that is due, one after the other
    Run(Run),
    /// Take no more charges of a subscription, as when the customer has cancelled it
    Stop(First),
    /// Take charges of a stopped subscription again
    Resume(First),
}

/// One charge.
#[derive(Args, Debug)]
struct One {
    /// Number of the subscription's first order
    #[arg(value_name = "ORDER", value_parser = order_id, required = true)]
    order: Option<OrderId>,
    /// Which charge: 1 is the first after the payment on the box
    #[arg(long, value_name = "N", required = true, value_parser = clap::value_parser!(u32).range(1..))]
    seq: Option<u32>,
    #[command(flatten)]
    common: Common,
}

/// What every charge needs.
#[derive(Args, Debug)]
struct Common {
    /// How long to wait for the outcome of one charge, in seconds
    #[arg(long, value_name = "S", default_value_t = RENEW_WAIT_S_DEFAULT,
        value_parser = clap::value_parser!(u32).range(..=i64::from(RENEW_WAIT_S_MAX)))]
    wait: u32,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// Options of `renew run`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay renew run --dry-run         what would be taken; nothing is sent or written
  alitv-pay renew run                   from cron, once a day or more often
  alitv-pay renew run --json | jq -r 'select(.outcome != \"paid\") | .order_no'
Due is what the gateway's clock says. Within a subscription a charge is taken only when the one
before it is paid. It can be killed anywhere and started twice: a charge is taken once.
Ends with 0 nothing left to do, 12 a person has to look at what the table says, 13 something is
not known or not paid yet: run it again.")]
struct Run {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Charges to take at most
    #[arg(long, value_name = "N", default_value_t = RENEW_LIMIT_DEFAULT)]
    limit: usize,
    #[command(flatten)]
    common: Common,
}

/// A subscription.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay renew stop 20160620-0001
  alitv-pay renew resume 20160620-0001
This is about the ledger only: at the platform the agreement stays until the customer ends it.")]
struct First {
    /// Number of the subscription's first order
    #[arg(value_name = "ORDER", value_parser = order_id)]
    order: OrderId,
    #[command(flatten)]
    merchant: MerchantArgs,
}

impl Renew {
    /// Runs it.
    ///
    /// # Errors
    /// No configuration, no ledger, a subscription that cannot be charged.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        match self.what {
            Some(What::Run(run)) => run.run(out),
            Some(What::Stop(first)) => {
                first.mark(|ledger| ledger.stop(&first.order, clock::now_ms()))?;
                out.note(&out.lang.renew_stopped(first.order.as_str()));
                Ok(DONE)
            }
            Some(What::Resume(first)) => {
                first.mark(|ledger| ledger.resume(&first.order))?;
                out.note(&out.lang.renew_resumed(first.order.as_str()));
                Ok(DONE)
            }
            None => self.one.run(out),
        }
    }
}

impl First {
    fn mark(&self, mark: impl FnOnce(&Ledger) -> Result<(), LedgerError>) -> Result<(), Fail> {
        let config = self.merchant.read()?;
        mark(&open_ledger(&config)?).map_err(|error| no_subscription(error, &self.order))
    }
}

fn no_subscription(error: LedgerError, order: &OrderId) -> Fail {
    match error {
        LedgerError::Unknown(_) => Fail::new(
            OTHER,
            format!("the ledger has no subscription that began with {order}"),
            "write it down: alitv-pay orders add ORDER --interval month --prices ...",
        ),
        error => ledger_fail(error),
    }
}

/// What a charge needs, opened.
struct Stage {
    ledger: Ledger,
    asker: Asker,
    now_ms: i64,
    _lock: RenewLock,
}

impl Common {
    fn open(&self, config: &Config, lang: Lang) -> Result<Stage, Fail> {
        let ledger = open_ledger(config)?;
        let lock = RenewLock::take(&config.ledger)
            .map_err(|error| ledger_fail(LedgerError::Io(error.to_string())))?;
        let lock = lock.ok_or_else(|| {
            let said = "another alitv-pay renew works on this ledger";
            Fail::new(UNKNOWN, said, "run it again when that one has ended")
        })?;
        let asker = asker(config)?;
        let now_ms = asker.client.clock().map_err(|error| clock_fail(error, lang))?;
        Ok(Stage { ledger, asker, now_ms, _lock: lock })
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(u64::from(self.wait))
    }
}

impl Run {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let stage = self.common.open(&self.common.merchant.read()?, out.lang)?;
        let options =
            Options { dry_run: self.dry_run, limit: self.limit, patience: self.common.patience() };
        let Stage { ledger, asker, now_ms, .. } = &stage;
        let runner = Runner { ledger, platform: asker, options, now_ms: *now_ms };
        let mut rows = Vec::new();
        let stop = runner.run(|row| {
            tell(row, out)?;
            rows.push(row.clone());
            Ok(())
        });
        let stop = stop.map_err(|Failed(fail)| fail)?;
        finish(&rows, stop, out)
    }
}

/// A `Fail` that a run can end with.
struct Failed(Fail);

impl From<LedgerError> for Failed {
    fn from(error: LedgerError) -> Failed {
        Failed(ledger_fail(error))
    }
}

fn tell(row: &Row, out: &mut Out) -> Result<(), Failed> {
    match out.json {
        true => out.data_json(row).map_err(Failed),
        false => {
            out.status(&format!("{} {} {}", row.order_no, row.seq, row.outcome.name()));
            Ok(())
        }
    }
}

fn finish(rows: &[Row], stop: Option<Stop>, out: &mut Out) -> Result<u8, Fail> {
    if rows.is_empty() {
        out.note(out.lang.nothing_due());
    } else if !out.json {
        let columns = sys::stdout_columns().unwrap_or(usize::MAX);
        out.data(&table(rows, out, columns))?;
    }
    let mut said = Vec::new();
    for row in rows {
        let Some(next) = advice(row, out) else { continue };
        if !said.contains(&next) {
            out.note(&format!(" next: {next}"));
            said.push(next);
        }
    }
    if let Some(stop) = stop {
        out.note(&out.lang.stopped(stop));
    }
    Ok(exit(rows, stop))
}

fn table(rows: &[Row], out: &Out, columns: usize) -> String {
    let mut cells = vec![out.lang.renew_heads().map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        let why = [row.code.as_deref(), row.message.as_deref()];
        [
            row.order_no.to_string(),
            row.seq.to_string(),
            row.price_fen.to_string(),
            row.outcome.name().to_owned(),
            why.into_iter().flatten().collect::<Vec<_>>().join(" "),
        ]
    }));
    show::table(&cells, columns)
}

/// What to do about a charge that is not simply paid or due.
fn advice(row: &Row, out: &Out) -> Option<&'static str> {
    let lang = out.lang;
    match row.outcome {
        Outcome::Paid | Outcome::Due => None,
        Outcome::Waiting => Some(lang.renew_waiting()),
        Outcome::Closed => Some(lang.renew_closed()),
        Outcome::Mismatch => Some(lang.renew_mismatch()),
        Outcome::Held if row.code.is_none() => {
            let code = row.message.as_deref().and_then(|why| why.split_once(": "));
            let code = code.map_or("", |(code, _)| code);
            Some(lang.advice(of_code(code))).filter(|_| !code.is_empty())
        }
        Outcome::Held | Outcome::Later | Outcome::Refused | Outcome::Unknown => {
            let of_doubt = row.doubt.map(|kind| lang.advice(of_doubt(kind)));
            of_doubt.or_else(|| row.code.as_deref().map(|code| lang.advice(of_code(code))))
        }
    }
}

fn exit(rows: &[Row], stop: Option<Stop>) -> u8 {
    let person = rows.iter().any(|row| row.outcome.needs_a_person()) || stop == Some(Stop::App);
    let open = rows.iter().any(|row| row.outcome.is_open())
        || matches!(stop, Some(Stop::Limited { .. } | Stop::Silence));
    match (person, open) {
        (true, _) => FAILED,
        (false, true) => UNKNOWN,
        (false, false) => DONE,
    }
}

impl One {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let (Some(order), Some(seq)) = (&self.order, self.seq) else {
            return Err(Fail::usage("ORDER and --seq are needed", "see alitv-pay renew --help"));
        };
        let config = self.common.merchant.read()?;
        let stage = self.common.open(&config, out.lang)?;
        let (first, charges) = subscription(&stage, order, out.lang)?;
        let Some(plan) = &first.plan else {
            return Err(no_subscription(LedgerError::Unknown(order.clone()), order));
        };
        may_follow(&first, &charges, seq)?;
        let charge = order_of(&first, plan, seq).ok_or_else(|| no_such_charge(plan, seq))?;
        let recorded = self.released(&stage, recorded(&charges, seq))?;
        let charging = Charging {
            ledger: &stage.ledger,
            platform: &stage.asker,
            plan,
            order: &charge,
            now_ms: stage.now_ms,
        };
        let patience = Patience::new(self.common.patience());
        let end = charging.round(recorded, patience).map_err(ledger_fail)?;
        let row = Row {
            order_no: order.clone(),
            seq,
            charge_no: charge.order_no.clone(),
            price_fen: charge.price_fen,
            outcome: Outcome::Paid,
            code: None,
            message: None,
            doubt: None,
        };
        let row = told(row, end);
        if out.json {
            out.data_json(&row)?;
        }
        finish(std::slice::from_ref(&row), None, out).map(|exit| match row.outcome {
            Outcome::Later => FAILED,
            _ => exit,
        })
    }

    /// Who names a charge that was set aside wants it to be tried again.
    fn released(
        &self,
        stage: &Stage,
        recorded: Option<&Entry>,
    ) -> Result<Option<OrderState>, Fail> {
        match recorded {
            Some(entry) if entry.state == OrderState::Held => {
                stage.ledger.release(&entry.order_no).map_err(ledger_fail)?;
                Ok(Some(OrderState::Open))
            }
            recorded => Ok(recorded.map(|entry| entry.state)),
        }
    }
}

/// The subscription, once the platform has said that its first order is paid.
fn subscription(stage: &Stage, order: &OrderId, lang: Lang) -> Result<(Entry, Vec<Entry>), Fail> {
    let found = || stage.ledger.plan(order).map_err(ledger_fail);
    let missing = || no_subscription(LedgerError::Unknown(order.clone()), order);
    let (first, charges) = found()?.ok_or_else(missing)?;
    if stage.ledger.is_stopped(order).map_err(ledger_fail)? {
        let next = format!("to charge it again: alitv-pay renew resume {order}");
        return Err(Fail::new(OTHER, format!("the subscription {order} was stopped"), next));
    }
    if first.state != OrderState::Open {
        return Ok((first, charges));
    }
    stage.ledger.asked(order, stage.now_ms).map_err(ledger_fail)?;
    match stage.asker.order_query(order) {
        QueryOutcome::Order(answer) => {
            stage.ledger.settle(order, &answer, clock::now_ms()).map_err(ledger_fail)?;
            found()?.ok_or_else(missing)
        }
        QueryOutcome::InDoubt(doubt) => {
            Err(Fail::new(UNKNOWN, doubt.detail, lang.advice(of_doubt(doubt.kind))))
        }
        QueryOutcome::Refused { code, message } => Err(refused(&code, &message, lang)),
        QueryOutcome::NotFound | QueryOutcome::Limited { .. } => Ok((first, charges)),
    }
}

fn refused(code: &str, message: &str, lang: Lang) -> Fail {
    Fail::new(FAILED, format!("{code}: {message}"), lang.advice(of_code(code)))
}

fn clock_fail(error: ClockError, lang: Lang) -> Fail {
    match error {
        ClockError::Refused { code, message } => refused(&code, &message, lang),
        ClockError::InDoubt(doubt) => {
            let said = format!("the gateway's clock is not known: {}", doubt.detail);
            Fail::new(UNKNOWN, said, lang.advice(of_doubt(doubt.kind)))
        }
    }
}

/// A charge follows a first order that is paid and kept, and charges of which each was paid;
/// one of those may have been given back.
fn may_follow(first: &Entry, charges: &[Entry], seq: u32) -> Result<(), Fail> {
    let order = &first.order_no;
    let (exit, said) = match first.state {
        OrderState::Paid => (DONE, String::new()),
        OrderState::Closed => (CLOSED, format!("the first order {order} is closed")),
        OrderState::Open | OrderState::Held => {
            (WAITING, format!("the first order {order} is not paid"))
        }
        OrderState::Mismatch => (FAILED, format!("the first order {order} is not as agreed")),
    };
    if exit != DONE {
        let next = format!("see what the platform says: alitv-pay order query {order}");
        return Err(Fail::new(exit, said, next));
    }
    let taken = |seq: u32| {
        recorded(charges, seq).is_some_and(|e| e.state == OrderState::Paid || e.is_refunded())
    };
    match (1..seq).find(|before| !taken(*before)) {
        None => Ok(()),
        Some(before) => Err(Fail::new(
            FAILED,
            format!("charge {before} is not paid, and charge {seq} comes after it"),
            format!("take that one first: alitv-pay renew {order} --seq {before}"),
        )),
    }
}

fn no_such_charge(plan: &Plan, seq: u32) -> Fail {
    let last = plan.prices_fen.len().saturating_sub(1);
    let said = format!("there is no charge {seq}: this subscription has 1 to {last}");
    Fail::usage(said, "name one of those")
}
