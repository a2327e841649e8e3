//! `alitv-pay gift`: what waits for the user, and taking it.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::args::{gift_id, Global};
use super::exit::{of_state, Fail, DONE};
use super::items::Item;
use super::out::Out;
use super::session::Session;
use super::wait::wait;
use super::{ack, lists, sys};
use crate::core::award::GiftId;
use crate::core::facts::{OrderId, GIFT_PREFIX};
use crate::core::report::State;
use crate::ipc::proto;

/// Options of `gift`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay gift list
  alitv-pay gift take 12
Java: AliTvSdk.queryGifts and takeGifts. A merchant's server that gives the goods out itself uses
alitv-pay gifts: give out each record on one of the two ways only.")]
pub struct Gift {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the gifts that wait to be taken (queryGifts)
    List(List),
    /// Take one and wait until it is the user's (takeGifts)
    Take(Take),
}

/// Options of `gift list`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay gift list
  alitv-pay gift list --json | jq -r '.gifts[].gift_id'
Needs an authorised user: alitv-pay auth.")]
struct List {}

/// Options of `gift take`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay gift take 12               store the goods, then acknowledge as it says
  alitv-pay gift take 12 --ack         for tests: acknowledges at once
Ends with 0 granted, 3 no daemon, 12 refused, such as one that was given out before, 13 unknown.
The platform marks the gift as given out only after the acknowledgement. Taking it again before
does no harm.")]
struct Take {
    /// Which gift, out of `gift list`
    #[arg(value_name = "GIFT", value_parser = gift_id)]
    gift_id: GiftId,
    /// Acknowledge once it was printed
    #[arg(long)]
    ack: bool,
    /// Stop waiting after this many seconds; the taking goes on
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

impl Gift {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, nobody authorised, a gateway that does not answer.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        match self.what {
            What::List(_) => list(global, out),
            What::Take(take) => take.run(global, out),
        }
    }
}

fn list(global: &Global, out: &mut Out) -> Result<u8, Fail> {
    let mut session = Session::open(global)?;
    let app = proto::AppRef { app_key: global.app_key.clone() };
    let answer: proto::Gifts = session.call("gift.list", &app)?;
    if out.json {
        out.data_json(&answer)?;
        return Ok(DONE);
    }
    if answer.gifts.is_empty() {
        out.note(out.lang.no_gifts());
        return Ok(DONE);
    }
    let columns = sys::stdout_columns().unwrap_or(usize::MAX);
    out.data(&lists::gifts_text(out.lang, &answer.gifts, columns))?;
    if answer.more {
        out.note(out.lang.there_are_more());
    }
    Ok(DONE)
}

impl Take {
    fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        sys::catch_interrupts();
        let op = session.client.take_gift(self.gift_id, 0)?;
        let id = OrderId::new(format!("{GIFT_PREFIX}{}", self.gift_id.get()))?;
        let timeout = self.timeout.map(Duration::from_secs);
        let ended = wait(&mut session, out, timeout, Item::new(&id, op))?;
        let state = ended.report.state();
        if state == State::Granted && ended.report.acked() {
            out.note(out.lang.gift_acked());
        } else if self.ack || state != State::Granted {
            // A refusal leaves nothing to store.
            ack::at_end(&mut session, out, &ended.report, ended.printed);
        } else {
            let later = format!("alitv-pay ack {id} {}", ended.report.sequence());
            out.note(&out.lang.gift_granted(&later));
        }
        Ok(of_state(state))
    }
}
