//! `alitv-pay reconcile`: the daily look at what is not final.

use std::time::{Duration, Instant};

use clap::Args;

use super::exit::{Fail, ATTENTION, DONE, UNKNOWN};
use super::merchant::{asker, ledger_fail, open_ledger, MerchantArgs};
use super::out::Out;
use super::text::Lang;
use super::{clock, show, sys};
use crate::limits::RECONCILE_PER_S_MAX;
use crate::merchant::reconcile::{reconcile, Finding, Options, Pace, Report};

/// Options of `reconcile`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay reconcile                     once a day, from cron or a timer
  alitv-pay reconcile --json | jq -r '.paid_not_granted[].order_no'
Asks the platform about every order that is not final, and about what was paid of late. Ends
with 0 if money and goods go together, 13 if not every order could be asked about, 18 if a
person has to look at one.")]
pub struct Reconcile {
    /// Ask again about orders paid in the last so many days, since the money may have gone back
    #[arg(long, value_name = "DAYS", default_value_t = 30,
        value_parser = clap::value_parser!(u32).range(0..=3_650))]
    days: u32,
    /// Questions a second
    #[arg(long, value_name = "N", default_value_t = 5,
        value_parser = clap::value_parser!(u32).range(1..=i64::from(RECONCILE_PER_S_MAX)))]
    per_second: u32,
    /// Goods that are owed for less than this need nobody yet
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    grace: u32,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// This machine's clock, and waits that end with a signal.
struct Here;

impl Pace for Here {
    fn now_ms(&self) -> i64 {
        clock::now_ms()
    }

    fn wait(&self, time: Duration) -> bool {
        let began = Instant::now();
        while sys::interrupts() == 0 {
            let Some(left) = time.checked_sub(began.elapsed()).filter(|left| !left.is_zero())
            else {
                return true;
            };
            sys::wait_readable(&[], left.max(Duration::from_millis(1)));
        }
        false
    }
}

impl Reconcile {
    /// Runs it; the exit code says whether somebody is needed.
    ///
    /// # Errors
    /// No configuration, or the ledger cannot be used.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let config = self.merchant.read()?;
        let (ledger, asker) = (open_ledger(&config)?, asker(&config)?);
        sys::catch_interrupts();
        let options = Options {
            days: self.days,
            per_s: self.per_second,
            grace_ms: i64::from(self.grace) * 1_000,
        };
        let report = reconcile(&ledger, &asker, options, &Here).map_err(ledger_fail)?;
        match out.json {
            true => out.data_json(&report)?,
            false => {
                let columns = sys::stdout_columns().unwrap_or(usize::MAX);
                out.data(&text(clock::now_ms(), out.lang, &report, columns))?;
            }
        }
        Ok(exit(&report))
    }
}

fn exit(report: &Report) -> u8 {
    let whole = report.stopped.is_none() && report.unknown.is_empty();
    match (report.person_needed, whole) {
        (true, _) => ATTENTION,
        (false, false) => UNKNOWN,
        (false, true) => DONE,
    }
}

fn text(now_ms: i64, lang: Lang, report: &Report, columns: usize) -> String {
    let mut rows = vec![
        ("asked", report.asked.to_string()),
        ("granted", report.granted.len().to_string()),
        ("closed", report.closed.len().to_string()),
        ("waiting", report.waiting.to_string()),
        ("absent", report.absent.to_string()),
        ("unknown", report.unknown.len().to_string()),
    ];
    rows.extend(report.stopped.iter().map(|why| ("stopped", why.clone())));
    let mut parts = vec![show::rows(&rows)];
    for (head, findings) in [
        (lang.paid_not_granted(), &report.paid_not_granted),
        (lang.mismatched(), &report.mismatched),
        (lang.granted_not_paid(), &report.granted_not_paid),
    ] {
        if !findings.is_empty() {
            parts.push(format!("\n{head}\n{}", table(now_ms, lang, findings, columns)));
        }
    }
    if !report.person_needed {
        parts.push(format!("\n{}", lang.all_is_well()));
    }
    parts.join("\n")
}

fn table(now_ms: i64, lang: Lang, findings: &[Finding], columns: usize) -> String {
    let mut rows = vec![lang.finding_heads().map(str::to_owned)];
    rows.extend(findings.iter().map(|finding| {
        [
            finding.order_no.to_string(),
            finding.price_fen.to_string(),
            clock::age(now_ms - finding.since_ms),
            show::yes_no(finding.delivered).to_owned(),
            finding.tries.to_string(),
            finding.why.clone().unwrap_or_else(|| finding.subject.clone()),
        ]
    }));
    show::table(&rows, columns)
}

impl Lang {
    fn paid_not_granted(self) -> &'static str {
        match self {
            Lang::En => "paid, goods not handed out: see that notify listen runs, or why it fails",
            Lang::Zh => "已付款未发货：请确认 notify listen 在运行，或查看失败原因",
        }
    }

    fn mismatched(self) -> &'static str {
        match self {
            Lang::En => "paid, not as agreed: alitv-pay orders accept ORDER, or give it back",
            Lang::Zh => "已付款但与约定不符：alitv-pay orders accept 订单号，或退款",
        }
    }

    fn granted_not_paid(self) -> &'static str {
        match self {
            Lang::En => "granted, and the money went back: take the goods back if you can",
            Lang::Zh => "已发货但钱已退回：能收回商品的请收回",
        }
    }

    fn all_is_well(self) -> &'static str {
        match self {
            Lang::En => "nobody has to do anything",
            Lang::Zh => "无需人工处理",
        }
    }

    fn finding_heads(self) -> [&'static str; 6] {
        match self {
            Lang::En => ["ORDER", "AMOUNT", "SINCE", "HANDED OUT", "TRIES", "WHY"],
            Lang::Zh => ["订单", "金额", "多久", "已交付", "次数", "原因"],
        }
    }
}
