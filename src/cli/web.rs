//! `alitv-pay web`: pages of the platform, which whoever runs this command shows.

use std::collections::BTreeMap;

use clap::{Args, Subcommand, ValueEnum};

use super::args::Global;
use super::exit::{Fail, DONE, NONE};
use super::out::Out;
use super::session::Session;
use super::show::clean;
use crate::core::code::Code;
use crate::core::report::WebKind;
use crate::core::web::Wanted;
use crate::ipc::proto::{WebClosed, WebOpen, WebOpened};

/// Options of `web`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay web open start --param level=3
  alitv-pay web close 0f3a9c
Java: AliTvSdk.Web.openWebviewOnStart and openWebviewOnExit; `custom` is the one whose name
the documents lost.")]
pub struct Web {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Print the URL of a page, to be shown to the player
    Open(Open),
    /// Say that the page is closed
    Close(Close),
}

/// Options of `web open`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  url=$(alitv-pay web open start) && browser \"$url\"
  alitv-pay web open exit --param level=3 --param gold=120 --json
Ends with 0 if there is a page, 15 if the platform has none: then go on without it. One page
an app is open at a time. A page that nobody closes is closed after --timeout.")]
struct Open {
    /// start, custom or exit
    #[arg(value_enum, hide_possible_values = true)]
    kind: Kind,
    /// Added to the URL; may be given several times
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = param)]
    params: Vec<(String, String)>,
    /// Seconds after which it counts as closed [default: 600]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u32>,
}

/// Options of `web close`.
#[derive(Args, Debug)]
#[command(before_help = "\
Example:
  alitv-pay web close 0f3a9c           as `web open` has named it")]
struct Close {
    /// Which page
    #[arg(value_name = "ID")]
    web_id: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Kind {
    /// When the game starts
    Start,
    /// When the game wants it
    Custom,
    /// Before the game quits
    Exit,
}

impl From<Kind> for WebKind {
    fn from(kind: Kind) -> WebKind {
        match kind {
            Kind::Start => WebKind::Start,
            Kind::Custom => WebKind::Custom,
            Kind::Exit => WebKind::Exit,
        }
    }
}

fn param(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("param must be NAME=VALUE".into()),
    }
}

/// What `web close --json` prints.
#[derive(serde::Serialize)]
struct Closed<'a> {
    web_id: &'a str,
    closed: bool,
}

impl Web {
    /// Runs it.
    ///
    /// # Errors
    /// No daemon, another page is open, no such page to close.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        match self.what {
            What::Open(open) => open.run(global, out),
            What::Close(close) => close.run(global, out),
        }
    }
}

impl Open {
    fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let (kind, timeout_s) = (self.kind.into(), self.timeout);
        let params = self.params.clone();
        Wanted { kind, params, timeout_s, web_id: String::new() }.check()?;
        let params = named_once(self.params)?;
        let open = WebOpen { app_key: global.app_key.clone(), kind, params, timeout_s };
        let mut session = Session::open(global)?;
        let next = "close the page that is open first: alitv-pay tail shows its id";
        let opened: WebOpened = session
            .call_ready("web.open", &open)
            .map_err(|fail| fail.advised(Code::STATE, next))?;
        if out.json {
            out.data_json(&opened)?;
        }
        let Some(web) = opened.web.filter(|_| opened.shown) else {
            out.note(out.lang.no_page());
            return Ok(NONE);
        };
        if !out.json {
            out.data(&clean(&web.url))?;
        }
        out.note(&out.lang.page_shown(&clean(&web.web_id)));
        Ok(DONE)
    }
}

fn named_once(params: Vec<(String, String)>) -> Result<BTreeMap<String, String>, Fail> {
    let mut named = BTreeMap::new();
    for (name, value) in params {
        let text = format!("param {name} is given twice");
        if named.insert(name, value).is_some() {
            return Err(Fail::usage(text, "give each name once"));
        }
    }
    Ok(named)
}

impl Close {
    fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut session = Session::open(global)?;
        let web_id = self.web_id.clone();
        let closed = WebClosed { app_key: global.app_key.clone(), web_id };
        let next = "it is closed already, or timed out; alitv-pay tail shows what is open";
        session
            .call::<serde::de::IgnoredAny>("web.closed", &closed)
            .map_err(|fail| fail.advised(Code::NOT_FOUND, next))?;
        match out.json {
            true => out.data_json(&Closed { web_id: &self.web_id, closed: true })?,
            false => out.data(&clean(&format!("closed  {}", self.web_id)))?,
        }
        Ok(DONE)
    }
}
