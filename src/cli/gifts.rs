//! `alitv-pay gifts`: gift records at gateway.6uu.com, for the merchant's server.

use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;

use super::args::gift_id;
use super::exit::{Fail, DONE, FAILED, OTHER, UNKNOWN};
use super::lists::gift_status;
use super::merchant::MerchantArgs;
use super::out::Out;
use super::text::Lang;
use super::{clock, show, sys};
use crate::core::award::{GiftId, GiftStatus};
use crate::core::call::Doubt;
use crate::core::user::UserId;
use crate::gateway::http::Http;
use crate::gateway::Environment;
use crate::merchant::advice::{of_gift, of_gift_doubt};
use crate::merchant::config::Config;
use crate::merchant::gifts::{Client, CoinRecord, GiftFilter, Outcome};
use crate::wire::device::{RECORD_NOT_FOUND, RECORD_STATUS_INVALID};

/// Options of `gifts`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay gifts query --user 100003
  alitv-pay gifts activate 1000000007 --user 100003 --app-order-id grant-1000000007
These commands are the merchant server's: they ask gateway.6uu.com with the app's secret. On a
box, through the daemon, it is alitv-pay gift. Give out each record on one of the two ways only.")]
pub struct Gifts {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List a user's gift records (query_game_gift_record)
    Query(Query),
    /// Say that the goods of a record were given out (mark_record_as_activated)
    Activate(Activate),
}

/// Options of `gifts query`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay gifts query --user 100003
  alitv-pay gifts query --user 100003 --item gems_100 --item sword --status all
  alitv-pay gifts query --user 100003 --json | jq -r '.gifts[].record_id'
The user must have authorised the app. Over http nobody vouches for the answer.
Ends with 0, 13 no answer, 1 the question was refused.")]
struct Query {
    /// The user, as the platform calls him (user_str_id)
    #[arg(long, value_name = "USER", value_parser = user_id)]
    user: UserId,
    /// Only records of this item of yours (cpItemId); may be repeated
    #[arg(long = "item", value_name = "ID")]
    items: Vec<String>,
    /// How they stand
    #[arg(long, value_enum, default_value = "pending")]
    status: Status,
    #[command(flatten)]
    merchant: MerchantArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Status {
    Pending,
    Activated,
    Expired,
    All,
}

/// Options of `gifts activate`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay gifts activate 1000000007 --user 100003 --app-order-id grant-1000000007
First store the goods on your side, keyed by the record, so that a second time gives nothing;
then run this. Ends with 0 marked, 12 the record is not there or does not wait, 13 no answer: run it
again, and 12 with RECORD_STATUS_INVALID then means that it probably was marked; 1 refused.")]
struct Activate {
    /// Which record, out of `gifts query`
    #[arg(value_name = "RECORD", value_parser = gift_id)]
    record: GiftId,
    /// Whose it is (user_str_id)
    #[arg(long, value_name = "USER", value_parser = user_id)]
    user: UserId,
    /// Your own number of giving it out; the platform keeps it
    #[arg(long, value_name = "ID")]
    app_order_id: String,
    #[command(flatten)]
    merchant: MerchantArgs,
}

fn user_id(text: &str) -> Result<UserId, String> {
    UserId::new(text).map_err(|refusal| refusal.message)
}

impl Gifts {
    /// Runs it.
    ///
    /// # Errors
    /// No configuration, no answer, or a refusal.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        match self.what {
            What::Query(query) => query.run(out),
            What::Activate(activate) => activate.run(out),
        }
    }
}

fn client(merchant: &MerchantArgs, out: &mut Out) -> Result<Client, Fail> {
    let config: Config = merchant.read()?;
    if config.environment == Environment::Production && config.gifts.url.starts_with("http://") {
        out.note(out.lang.gifts_unproven());
    }
    Ok(Client::new(&config, Arc::new(Http::new())))
}

/// A record as `--json` prints it.
#[derive(Serialize)]
struct Row<'a> {
    /// Decimal digits.
    record_id: String,
    cp_item_id: &'a str,
    status: &'static str,
    created_ms: i64,
}

#[derive(Serialize)]
struct Listed<'a> {
    user_id: &'a UserId,
    gifts: Vec<Row<'a>>,
}

impl Query {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let client = client(&self.merchant, out)?;
        let records = match client.query(&self.user, &self.items, self.filter())? {
            Outcome::Done(records) => records,
            Outcome::Refused { code, message } => return Err(refused(&code, &message, out.lang)),
            Outcome::InDoubt(doubt) => return Err(no_answer(doubt, "", out.lang)),
        };
        if out.json {
            let gifts = records.iter().map(row).collect();
            out.data_json(&Listed { user_id: &self.user, gifts })?;
        } else if records.is_empty() {
            out.note(out.lang.no_gifts());
        } else {
            let columns = sys::stdout_columns().unwrap_or(usize::MAX);
            out.data(&text(out.lang, &records, columns))?;
        }
        Ok(DONE)
    }

    fn filter(&self) -> GiftFilter {
        match self.status {
            Status::Pending => GiftFilter::Only(GiftStatus::Pending),
            Status::Activated => GiftFilter::Only(GiftStatus::Activated),
            Status::Expired => GiftFilter::Only(GiftStatus::Expired),
            Status::All => GiftFilter::All,
        }
    }
}

fn row(record: &CoinRecord) -> Row<'_> {
    Row {
        record_id: record.record_id.to_string(),
        cp_item_id: &record.cp_item_id,
        status: gift_status(record.status),
        created_ms: record.created_ms,
    }
}

fn text(lang: Lang, records: &[CoinRecord], columns: usize) -> String {
    let mut rows = vec![lang.record_heads().map(str::to_owned)];
    rows.extend(records.iter().map(|record| {
        let created = clock::rfc3339(record.created_ms.div_euclid(1_000) * 1_000);
        [
            record.record_id.to_string(),
            gift_status(record.status).to_owned(),
            created.replace(".000Z", "Z"),
            record.cp_item_id.clone(),
        ]
    }));
    show::table(&rows, columns)
}

#[derive(Serialize)]
struct Activated<'a> {
    record_id: String,
    app_order_id: &'a str,
    outcome: &'static str,
}

impl Activate {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let client = client(&self.merchant, out)?;
        match client.mark(&self.user, self.record, &self.app_order_id)? {
            Outcome::Done(()) => {}
            Outcome::Refused { code, message } => return Err(refused(&code, &message, out.lang)),
            Outcome::InDoubt(doubt) => {
                return Err(no_answer(doubt, out.lang.gift_perhaps_marked(), out.lang));
            }
        }
        let record_id = self.record.get().to_string();
        let (app_order_id, outcome) = (self.app_order_id.as_str(), "activated");
        match out.json {
            true => out.data_json(&Activated { record_id, app_order_id, outcome })?,
            false => out.data(&show::clean(&format!("{record_id}  {outcome}  {app_order_id}")))?,
        }
        Ok(DONE)
    }
}

fn refused(code: &str, message: &str, lang: Lang) -> Fail {
    let exit = match code {
        RECORD_NOT_FOUND | RECORD_STATUS_INVALID => FAILED,
        _ => OTHER,
    };
    let advice = of_gift(code);
    Fail::new(exit, format!("{code}: {message}"), lang.choose(advice.en, advice.zh))
}

fn no_answer(doubt: Doubt, more: &str, lang: Lang) -> Fail {
    let advice = of_gift_doubt(doubt.kind);
    let next = format!("{}{more}", lang.choose(advice.en, advice.zh));
    Fail::new(UNKNOWN, doubt.detail, next)
}

impl Lang {
    /// Heads of the columns of `gifts query`.
    fn record_heads(self) -> [&'static str; 4] {
        self.choose(["RECORD", "STATUS", "CREATED", "ITEM"], ["记录", "状态", "生成时间", "物品"])
    }

    /// Below the advice to a mark without an answer.
    fn gift_perhaps_marked(self) -> &'static str {
        self.choose(
            "; it may have been marked, and RECORD_STATUS_INVALID then says that it probably was",
            "；该记录可能已标记，此时的 RECORD_STATUS_INVALID 说明多半已标记",
        )
    }

    /// The gift gateway is asked over http for real goods.
    fn gifts_unproven(self) -> &'static str {
        self.choose(
            "note: gifts.url is http, as the platform documents it: anybody on the way can invent \
             or hide records, so that goods of worth need a second source",
            "注意：gifts.url 是 http（平台文档如此）：途中任何人都能伪造或隐藏记录，贵重物品须另行核实",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_a_table() {
        let record = CoinRecord {
            cp_item_id: "sword".into(),
            created_ms: 1_433_948_755_664,
            record_id: 65_498,
            status: GiftStatus::Expired,
            user_id: "u".into(),
        };
        let wanted = "RECORD  STATUS   CREATED               ITEM\n\
                      65498   expired  2015-06-10T15:05:55Z  sword";
        assert_eq!(text(Lang::En, &[record], 80), wanted);
    }
}
