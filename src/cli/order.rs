//! `alitv-pay order query`: where an order stands, by the merchant's own question.

use clap::{Args, Subcommand};
use serde::Serialize;

use super::args::order_id;
use super::exit::{Fail, CLOSED, DONE, FAILED, NONE, OTHER, REFUNDED, UNKNOWN, WAITING};
use super::merchant::{asker, ledger_fail, open_ledger, MerchantArgs};
use super::out::Out;
use super::show;
use super::text::Lang;
use crate::core::facts::OrderId;
use crate::merchant::advice::{of_code, of_doubt};
use crate::merchant::config::Config;
use crate::merchant::ledger::{Entry, OrderState};
use crate::merchant::top::{Ask, QueryOutcome};
use crate::wire::partner::{PartnerOrder, PartnerStatus, ORDER_NOT_FOUND};

/// Options of `order`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay order query 20160620-0001
These commands are the merchant server's: they ask the platform with the app's secret. What the
box's journal has is shown by alitv-pay query.")]
pub struct Order {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Ask the platform where an order stands (taobao.tvpay.partner.order.query)
    Query(Query),
}

/// Options of `order query`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay order query 20160620-0001
  alitv-pay order query 20160620-0001 --json | jq -r .outcome
Ends with 0 paid, 12 paid but not as the ledger has it, 13 no answer, 14 paid and given back,
15 no such order, 16 nobody has paid yet, 17 closed unpaid, 1 the question was refused.
Changes nothing, here or there: alitv-pay reconcile settles orders.")]
struct Query {
    /// The merchant's order number
    #[arg(value_name = "ORDER", value_parser = order_id)]
    order: OrderId,
    #[command(flatten)]
    merchant: MerchantArgs,
}

impl Order {
    /// Runs it.
    ///
    /// # Errors
    /// No configuration, no answer, or a refusal of the question.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        match self.what {
            What::Query(query) => query.run(out),
        }
    }
}

impl Query {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let config = self.merchant.read()?;
        let entry = entry(&config, &self.order)?;
        let outcome = asker(&config)?.order_query(&self.order);
        let answer = answer(&self.order, outcome, entry, out.lang)?;
        match out.json {
            true => out.data_json(&answer)?,
            false => out.data(&answer.text())?,
        }
        Ok(answer.exit())
    }
}

/// What the ledger has of the order. A question makes no ledger.
fn entry(config: &Config, order_no: &OrderId) -> Result<Option<Entry>, Fail> {
    match config.ledger.exists() {
        true => open_ledger(config)?.find(order_no).map_err(ledger_fail),
        false => Ok(None),
    }
}

/// What the platform said, beside what the ledger has.
#[derive(Serialize)]
struct Answer {
    order_no: OrderId,
    outcome: Outcome,
    /// None: the platform knows no such order.
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<PartnerOrder>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ledger: Option<Entry>,
    differs: Vec<Difference>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Paid,
    Mismatch,
    Waiting,
    Closed,
    Refunded,
    NotFound,
    Unknown,
}

/// A member that is not the same in both.
#[derive(Serialize)]
struct Difference {
    /// The platform's name of it.
    field: &'static str,
    ledger: String,
    platform: String,
}

fn answer(
    order_no: &OrderId,
    outcome: QueryOutcome,
    ledger: Option<Entry>,
    lang: Lang,
) -> Result<Answer, Fail> {
    let order = match outcome {
        QueryOutcome::Order(order) => Some(order),
        QueryOutcome::NotFound => None,
        QueryOutcome::Refused { code, message } => {
            let said = format!("{code}: {message}");
            return Err(Fail::new(OTHER, said, lang.advice(of_code(&code))));
        }
        QueryOutcome::Limited { wait_s } => {
            let said = format!("the platform wants fewer calls: {wait_s} s to wait");
            return Err(Fail::new(UNKNOWN, said, format!("run it again in {wait_s} s")));
        }
        QueryOutcome::InDoubt(doubt) => {
            return Err(Fail::new(UNKNOWN, doubt.detail, lang.advice(of_doubt(doubt.kind))));
        }
    };
    let differs = match (&order, &ledger) {
        (Some(order), Some(entry)) => differences(order, entry),
        (None, Some(entry)) => vec![Difference {
            field: "order_status",
            ledger: entry.state.name().into(),
            platform: ORDER_NOT_FOUND.into(),
        }],
        (_, None) => Vec::new(),
    };
    let outcome = order.as_ref().map_or(Outcome::NotFound, |order| outcome_of(order, &differs));
    Ok(Answer { order_no: order_no.clone(), outcome, order, ledger, differs })
}

fn outcome_of(order: &PartnerOrder, differs: &[Difference]) -> Outcome {
    let agreed = differs.iter().all(|difference| difference.field == "order_status");
    match order.order_status {
        PartnerStatus::TradeSuccess if agreed => Outcome::Paid,
        PartnerStatus::TradeSuccess => Outcome::Mismatch,
        PartnerStatus::WaitBuyerPay => Outcome::Waiting,
        PartnerStatus::TradeClosed if order.alipay_trade_no.is_empty() => Outcome::Closed,
        PartnerStatus::TradeClosed => Outcome::Refunded,
        PartnerStatus::Other(_) => Outcome::Unknown,
    }
}

fn differences(order: &PartnerOrder, entry: &Entry) -> Vec<Difference> {
    let subject_id = entry.subject_id.clone().unwrap_or_default();
    let facts = [
        ("price", entry.price_fen.get().to_string(), order.price.get().to_string()),
        ("subject", entry.subject.clone(), order.subject.clone()),
        ("subject_id", subject_id, order.subject_id.clone()),
    ];
    let facts = facts.into_iter().filter(|(_, ledger, platform)| ledger != platform);
    let mut differs: Vec<Difference> =
        facts.map(|(field, ledger, platform)| Difference { field, ledger, platform }).collect();
    if !agrees(&order.order_status, entry.state) {
        let (ledger, platform) = (entry.state.name().into(), order.order_status.to_string());
        differs.push(Difference { field: "order_status", ledger, platform });
    }
    differs
}

/// Whether the ledger has what the platform says. A mismatch is paid, for something else.
fn agrees(status: &PartnerStatus, state: OrderState) -> bool {
    match state {
        OrderState::Open | OrderState::Held => *status == PartnerStatus::WaitBuyerPay,
        OrderState::Paid | OrderState::Mismatch => *status == PartnerStatus::TradeSuccess,
        OrderState::Closed => *status == PartnerStatus::TradeClosed,
    }
}

impl Answer {
    fn exit(&self) -> u8 {
        match self.outcome {
            Outcome::Paid => DONE,
            Outcome::Mismatch => FAILED,
            Outcome::Waiting => WAITING,
            Outcome::Closed => CLOSED,
            Outcome::Refunded => REFUNDED,
            Outcome::NotFound => NONE,
            Outcome::Unknown => UNKNOWN,
        }
    }

    fn text(&self) -> String {
        let mut rows = vec![("order", self.order_no.to_string())];
        match &self.order {
            None => rows.push(("state", ORDER_NOT_FOUND.to_owned())),
            Some(order) => rows.extend([
                ("state", order.order_status.to_string()),
                ("amount", order.price.to_string()),
                ("title", order.subject.clone()),
                ("subject", order.subject_id.clone()),
                ("trade", order.alipay_trade_no.clone()),
                ("payer", order.buyer_logon_id.clone()),
            ]),
        }
        let ledger = self.ledger.as_ref().map_or("-", |entry| entry.state.name());
        rows.push(("ledger", ledger.to_owned()));
        rows.extend(self.differs.iter().map(|difference| {
            let Difference { field, ledger, platform } = difference;
            ("differs", format!("{field}: ledger {ledger}, platform {platform}"))
        }));
        show::rows(&rows)
    }
}
