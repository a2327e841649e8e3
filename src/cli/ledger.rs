//! `alitv-pay orders add|import|ledger|accept`: the merchant's side of orders.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::args::{amount, order_id};
use super::exit::{Fail, DONE, OTHER, USAGE};
use super::merchant::{ledger_fail, open_ledger, MerchantArgs};
use super::out::Out;
use super::repay::Interval;
use super::text::Lang;
use super::{clock, show, sys};
use crate::core::facts::OrderId;
use crate::limits::{IMPORT_BYTES_MAX, LEDGER_LIST_MAX};
use crate::merchant::import::{import, BadLine};
use crate::merchant::ledger::{
    Entry, Filter, GrantState, NewOrder, OrderState, Plan, Registered, Which,
};
use crate::money::Fen;

/// Bad lines of a file that are shown.
const BAD_LINES_SHOWN_MAX: usize = 20;

/// What a merchant does with the ledger.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Merchant: write an order into the ledger, before the game pays
    Add(Add),
    /// Merchant: write the orders of a file into the ledger
    Import(Import),
    /// Merchant: list what the ledger has, or show one order of it
    Ledger(List),
    /// Merchant: hand out the goods of an order that was paid otherwise than agreed
    Accept(Accept),
}

impl Command {
    /// Runs it.
    ///
    /// # Errors
    /// No configuration, a bad value, or the ledger cannot be used.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        match self {
            Command::Add(add) => add.run(out),
            Command::Import(import) => import.run(out),
            Command::Ledger(list) => list.run(out),
            Command::Accept(accept) => accept.run(out),
        }
    }
}

/// Options of `orders add`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay orders add T1 --amount 600 --title '60 gems' --subject-id gem60
  alitv-pay orders add S1 --amount 100 --title 'Monthly pass' --interval month \\
      --prices 100,100,200 --plan 'Gem Garden monthly' --notify https://shop.example/notify
Goods are granted only if the platform names the same price, title and product id. The same
command again changes nothing; another price under the same number is refused.")]
pub struct Add {
    /// Your order number, which the game gets from you
    #[arg(value_name = "ORDER", value_parser = order_id)]
    order: OrderId,
    /// Total in fen: 600 is CNY 6.00
    #[arg(long, value_name = "FEN", value_parser = amount, allow_hyphen_values = true)]
    amount: Fen,
    /// What the payer reads: the title that the game pays with
    #[arg(long, value_name = "TEXT", alias = "subject")]
    title: String,
    /// Your product id
    #[arg(long, value_name = "ID")]
    subject_id: Option<String>,
    /// This is the first charge of a subscription by month or season
    #[arg(long, value_enum, hide_possible_values = true, requires_all = ["prices", "plan", "notify"])]
    interval: Option<Interval>,
    /// Of each charge in fen, this one first, with commas between
    #[arg(long, value_name = "FEN,FEN", value_parser = amount, value_delimiter = ',',
        requires = "interval")]
    prices: Vec<Fen>,
    /// Name of the subscription
    #[arg(long, value_name = "TEXT", requires = "interval")]
    plan: Option<String>,
    /// Where the platform tells of the later charges
    #[arg(long, value_name = "URL", requires = "interval")]
    notify: Option<String>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

#[derive(Serialize)]
struct Added<'a> {
    order_no: &'a OrderId,
    new: bool,
}

impl Add {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let plan = match (self.interval, self.plan, self.notify) {
            (Some(interval), Some(subject), Some(notify_url)) => Some(Plan {
                interval: interval.into(),
                prices_fen: self.prices,
                subject,
                notify_url,
            }),
            _ => None,
        };
        let order = NewOrder {
            order_no: self.order,
            price_fen: self.amount,
            subject: self.title,
            subject_id: self.subject_id,
            plan,
            charge: None,
        };
        order.check().map_err(ledger_fail)?;
        let ledger = open_ledger(&self.merchant.read()?)?;
        let new = ledger.register(&order, clock::now_ms()).map_err(ledger_fail)? == Registered::New;
        match out.json {
            true => out.data_json(&Added { order_no: &order.order_no, new })?,
            false => {
                let how = if new { "registered" } else { "known" };
                out.data(&format!("{}  {}  {how}", order.order_no, order.price_fen))?;
            }
        }
        Ok(DONE)
    }
}

/// Options of `orders import`.
#[derive(Args, Debug)]
#[command(before_help = "\
Example:
  alitv-pay orders import orders.ndjson      - is standard input
One JSON object a line: {\"order_no\":\"T1\",\"price_fen\":600,\"subject\":\"60 gems\"}, and if need be
\"subject_id\" and \"plan\":{\"interval\",\"prices_fen\",\"subject\",\"notify_url\"}. Every bad line is told
with its number; if there is one, nothing is imported.")]
pub struct Import {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    merchant: MerchantArgs,
}

impl Import {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let text = read(&self.file)?;
        let ledger = open_ledger(&self.merchant.read()?)?;
        let imported = import(&ledger, &text, clock::now_ms()).map_err(|bad| refused(out, &bad))?;
        match out.json {
            true => out.data_json(&imported)?,
            false => {
                out.data(&format!("{} registered, {} known", imported.new, imported.known))?;
            }
        }
        Ok(DONE)
    }
}

fn read(path: &Path) -> Result<String, Fail> {
    let fail = |error: io::Error| {
        Fail::new(OTHER, format!("{}: {error}", path.display()), "name a file of NDJSON, or -")
    };
    let mut text = String::new();
    let mut bounded: Box<dyn Read> = match path == Path::new("-") {
        true => Box::new(io::stdin().take(IMPORT_BYTES_MAX + 1)),
        false => Box::new(File::open(path).map_err(fail)?.take(IMPORT_BYTES_MAX + 1)),
    };
    bounded.read_to_string(&mut text).map_err(fail)?;
    if text.len() as u64 > IMPORT_BYTES_MAX {
        return Err(fail(io::Error::other(format!("has more than {IMPORT_BYTES_MAX} bytes"))));
    }
    Ok(text)
}

fn refused(out: &mut Out, bad: &[BadLine]) -> Fail {
    for line in bad.iter().take(BAD_LINES_SHOWN_MAX) {
        let text = match out.json {
            true => serde_json::to_string(line).unwrap_or_default(),
            false => show::clean(&format!("line {}: {}", line.line, line.message)),
        };
        out.complain(&text);
    }
    let more = bad.len().saturating_sub(BAD_LINES_SHOWN_MAX);
    let shown = if more > 0 { format!(", {more} of them not shown") } else { String::new() };
    let said = format!("bad lines: {}{shown}; nothing was imported", bad.len());
    Fail::new(USAGE, said, "correct these lines and run the command again")
}

/// Options of `orders ledger`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay orders ledger                       the newest orders of the merchant
  alitv-pay orders ledger T1                    one of them, in full
  alitv-pay orders ledger --which ungranted     paid, and the goods not handed out")]
pub struct List {
    /// Show this one
    #[arg(value_name = "ORDER", value_parser = order_id, conflicts_with_all = ["which", "limit", "before"])]
    order: Option<OrderId>,
    /// all, open, held, paid, closed, mismatch, ungranted or refunded (after the goods were granted)
    #[arg(long, value_enum, default_value = "all", hide_possible_values = true)]
    which: Set,
    /// At most so many, newest first
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
    /// Only older ones than this: the last of the page before
    #[arg(long, value_name = "ORDER", value_parser = order_id)]
    before: Option<OrderId>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Set {
    All,
    Open,
    Held,
    Paid,
    Closed,
    Mismatch,
    Ungranted,
    Refunded,
}

impl From<Set> for Which {
    fn from(set: Set) -> Which {
        match set {
            Set::All => Which::All,
            Set::Open => Which::State(OrderState::Open),
            Set::Held => Which::State(OrderState::Held),
            Set::Paid => Which::State(OrderState::Paid),
            Set::Closed => Which::State(OrderState::Closed),
            Set::Mismatch => Which::State(OrderState::Mismatch),
            Set::Ungranted => Which::PaidNotGranted,
            Set::Refunded => Which::GrantedNotPaid,
        }
    }
}

/// A page of the ledger as `--json` prints it.
#[derive(Serialize)]
struct Page {
    orders: Vec<Entry>,
    more: bool,
}

impl List {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let ledger = open_ledger(&self.merchant.read()?)?;
        if let Some(order_no) = &self.order {
            let entry = ledger.find(order_no).map_err(ledger_fail)?;
            let none = || Fail::new(OTHER, format!("no order {order_no}"), "see --which all");
            return one(out, &entry.ok_or_else(none)?);
        }
        let limit = self.limit.clamp(1, LEDGER_LIST_MAX - 1);
        let filter = Filter { which: self.which.into(), limit: limit + 1, before: self.before };
        let mut orders = ledger.list(&filter).map_err(ledger_fail)?;
        let more = orders.len() > limit;
        orders.truncate(limit);
        if out.json {
            out.data_json(&Page { orders, more })?;
            return Ok(DONE);
        }
        if orders.is_empty() {
            out.note("no such orders; write one down: alitv-pay orders add --help");
            return Ok(DONE);
        }
        let columns = sys::stdout_columns().unwrap_or(usize::MAX);
        out.data(&table(clock::now_ms(), out.lang, &orders, columns))?;
        if let Some(last) = orders.last().filter(|_| more) {
            out.note(&format!("there are more: --before {}", last.order_no));
        }
        Ok(DONE)
    }
}

fn one(out: &mut Out, entry: &Entry) -> Result<u8, Fail> {
    match out.json {
        true => out.data_json(entry)?,
        false => out.data(&rows(entry))?,
    }
    Ok(DONE)
}

/// Orders of the ledger, the title last since it is the one that may be cut.
pub(super) fn table(now_ms: i64, lang: Lang, entries: &[Entry], columns: usize) -> String {
    let mut rows = vec![lang.ledger_heads().map(str::to_owned)];
    rows.extend(entries.iter().map(|entry| {
        [
            entry.order_no.to_string(),
            entry.price_fen.to_string(),
            entry.state.name().to_owned(),
            goods(entry),
            clock::age(now_ms - entry.created_ms),
            entry.subject.clone(),
        ]
    }));
    show::table(&rows, columns)
}

fn goods(entry: &Entry) -> String {
    match entry.grant {
        None => "-".into(),
        Some(GrantState::Due { tries: 0, .. }) => "due".into(),
        Some(GrantState::Due { tries, .. }) => format!("due, {tries} tries"),
        Some(GrantState::Delivered { .. }) => "delivered".into(),
    }
}

fn rows(entry: &Entry) -> String {
    let mut rows = vec![
        ("order", entry.order_no.to_string()),
        ("title", entry.subject.clone()),
        ("amount", entry.price_fen.to_string()),
        ("state", entry.state.name().to_owned()),
        ("goods", goods(entry)),
    ];
    let mut add = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
    add("subject", entry.subject_id.clone());
    add("why", entry.why.clone());
    add("trade", entry.trade_no.clone());
    add("payer", entry.buyer_logon_id.clone());
    add("created", Some(clock::rfc3339(entry.created_ms)));
    add("asked", entry.asked_ms.map(clock::rfc3339));
    add("notified", entry.hinted_ms.map(clock::rfc3339));
    add("paid", entry.paid_ms.map(clock::rfc3339));
    add("closed", entry.closed_ms.map(clock::rfc3339));
    add("first", entry.charge.as_ref().map(|c| format!("{}, charge {}", c.ref_order_no, c.seq)));
    add("plan", entry.plan.as_ref().map(plan_text));
    show::rows(&rows)
}

fn plan_text(plan: &Plan) -> String {
    let prices: Vec<String> = plan.prices_fen.iter().map(|fen| fen.get().to_string()).collect();
    let Plan { interval, subject, notify_url, .. } = plan;
    format!("{subject}, by {}, {} fen, {notify_url}", interval.name(), prices.join(","))
}

/// Options of `orders accept`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay orders ledger --which mismatch      which those are
  alitv-pay orders ledger T1                    what is not as agreed
  alitv-pay orders accept T1                    hand out the goods all the same
Whoever does not accept gives the money back at the platform; the order is then closed.")]
pub struct Accept {
    /// An order in the state mismatch
    #[arg(value_name = "ORDER", value_parser = order_id)]
    order: OrderId,
    #[command(flatten)]
    merchant: MerchantArgs,
}

impl Accept {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let ledger = open_ledger(&self.merchant.read()?)?;
        let grant_id = ledger.accept(&self.order, clock::now_ms()).map_err(|error| {
            let next = "see which there are: alitv-pay orders ledger --which mismatch";
            Fail { next: next.into(), ..ledger_fail(error) }
        })?;
        match out.json {
            true => out.data_json(&serde_json::json!({ "grant_id": grant_id }))?,
            false => out.data(&format!("{}  {grant_id}", self.order))?,
        }
        Ok(DONE)
    }
}

impl Lang {
    /// Heads of the columns of `orders ledger`.
    fn ledger_heads(self) -> [&'static str; 6] {
        match self {
            Lang::En => ["ORDER", "AMOUNT", "STATE", "GOODS", "AGE", "TITLE"],
            Lang::Zh => ["订单", "金额", "状态", "发货", "时间", "商品"],
        }
    }
}
