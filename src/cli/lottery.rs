//! `alitv-pay lottery`: what can be played, and a draw to its end.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::args::{self, event_key, token, Global};
use super::exit::{of_state, Fail, DONE};
use super::items::Item;
use super::out::Out;
use super::session::Session;
use super::wait::wait;
use super::{ack, lists, sys};
use crate::client::order_id;
use crate::core::facts::{EventKey, OrderId};
use crate::core::user::Token;
use crate::ipc::proto;

/// Options of `lottery`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay lottery activities
  alitv-pay lottery draw summer
Java: AliTvSdk.Lottery.getActivitesInfo and getLotteryResultWithPermission.")]
pub struct Lottery {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List what can be played and won (getActivitesInfo)
    Activities(Activities),
    /// Draw once and wait for the result (getLotteryResultWithPermission)
    Draw(Draw),
}

/// Options of `lottery activities`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay lottery activities
  alitv-pay lottery activities --event-key summer --json | jq '.activities[].awards'")]
struct Activities {
    /// Only this activity
    #[arg(long, value_name = "KEY", value_parser = event_key)]
    event_key: Option<EventKey>,
}

/// Options of `lottery draw`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay lottery draw summer
  alitv-pay lottery draw summer --draw-id draw-7 --json | jq 'select(.event == \"draw.won\").award'
Ends with 0 won or not won (the event says which), 3 no daemon, 12 refused, such as for lack of
points, 13 unknown. A result that was printed is acknowledged. Repeating a draw id draws once.
Needs an authorised user: alitv-pay auth.")]
struct Draw {
    /// Which activity
    #[arg(value_name = "KEY", value_parser = event_key)]
    event_key: EventKey,
    /// Made by your server, where the activity wants one
    #[arg(long, value_name = "KEY", value_parser = token)]
    confirm_key: Option<Token>,
    /// The behaviour that earned the draw, where the activity wants one
    #[arg(long, value_name = "KEY", value_parser = event_key)]
    behavior_key: Option<EventKey>,
    /// Your number of it: `draw-` and something unique [default: new]
    #[arg(long, value_name = "ID", value_parser = args::order_id)]
    draw_id: Option<OrderId>,
    /// Stop waiting after this many seconds; the draw goes on
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
    /// Do not acknowledge: somebody else hands out the award
    #[arg(long)]
    no_ack: bool,
}

impl Lottery {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, nobody authorised, a gateway that does not answer.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        match self.what {
            What::Activities(activities) => activities.run(global, out),
            What::Draw(draw) => draw.run(global, out),
        }
    }
}

impl Activities {
    fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        let (app_key, event_key) = (global.app_key.clone(), self.event_key);
        let list = proto::ListActivities { app_key, event_key };
        let answer: proto::Activities = session.call("lottery.activities", &list)?;
        if out.json {
            out.data_json(&answer)?;
            return Ok(DONE);
        }
        if answer.activities.is_empty() {
            out.note(out.lang.no_activities());
            return Ok(DONE);
        }
        let columns = sys::stdout_columns().unwrap_or(usize::MAX);
        out.data(&lists::activities_text(out.lang, &answer.activities, columns))?;
        if answer.more {
            out.note(out.lang.there_are_more());
        }
        Ok(DONE)
    }
}

impl Draw {
    fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let draw_id = match self.draw_id {
            Some(draw_id) => draw_id,
            None => order_id::make_draw()?,
        };
        let mut session = Session::open(global)?;
        sys::catch_interrupts();
        // Before it is sent: whatever happens then, the reader can repeat it by name.
        out.note(&format!("draw {draw_id}"));
        let draw = proto::Draw {
            app_key: global.app_key.clone(),
            draw_id: draw_id.clone(),
            event_key: self.event_key,
            confirm_key: self.confirm_key,
            behavior_key: self.behavior_key,
        };
        let op = session.client.draw(draw, 0)?;
        let timeout = self.timeout.map(Duration::from_secs);
        let ended = wait(&mut session, out, timeout, Item::new(&draw_id, op))?;
        if !self.no_ack {
            ack::at_end(&mut session, out, &ended.report, ended.printed);
        }
        Ok(of_state(ended.report.state()))
    }
}
