//! `alitv-pay sandbox`: the Ali side on this machine.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::exit::{Fail, DONE, OTHER};
use super::out::Out;
use super::{sandbox_files, sys};
use crate::limits::SANDBOX_NOTIFY_SCALE_MAX;
use crate::sandbox::{start, Options, Scenario, Seed, PORT_DEFAULT};

/// Options of `sandbox`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay sandbox --daemon-config dev.toml     and then: alitv-payd --config dev.toml
  alitv-pay sandbox --merchant-config merchant.toml     the App server's side
  alitv-pay sandbox --lan --port 8420            a phone on this network can open its pages
  alitv-pay sandbox --scenarios                  what can go wrong on purpose
  alitv-pay sandbox --print-seed > seed.toml     users, lotteries and gifts to edit, for --seed-file
Its control calls are in docs/sandbox.md.")]
pub struct Sandbox {
    /// Port to listen on; 0 takes a free one
    #[arg(long, default_value_t = PORT_DEFAULT)]
    port: u16,
    /// Listen on all addresses, for a real phone
    #[arg(long)]
    lan: bool,
    /// Write a configuration of alitv-payd for this sandbox, with secrets
    #[arg(long, value_name = "FILE")]
    daemon_config: Option<PathBuf>,
    /// Write a configuration of the merchant's commands for its first app
    #[arg(long, value_name = "FILE")]
    merchant_config: Option<PathBuf>,
    /// Write URLs, tokens and secrets as JSON once it listens
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    /// Keep orders and secrets in this file across restarts
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Apps, users, lotteries and gifts to start with and to reset to
    #[arg(long, value_name = "FILE")]
    seed_file: Option<PathBuf>,
    /// Print the seed that is built in, to be edited
    #[arg(long)]
    print_seed: bool,
    /// Make secrets, codes and draws repeatable
    #[arg(long, value_name = "NUMBER")]
    seed_rng: Option<u64>,
    /// Divide the waits between attempts of a notify by this
    #[arg(long, value_name = "NUMBER", default_value_t = 1,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(SANDBOX_NOTIFY_SCALE_MAX)))]
    notify_scale: u32,
    /// Play the next order by this scenario
    #[arg(long, value_name = "NAME", value_parser = scenario)]
    scenario: Option<Scenario>,
    /// List the scenarios
    #[arg(long)]
    scenarios: bool,
}

/// A scenario as `--json` lists it.
#[derive(serde::Serialize)]
struct ScenarioLine {
    name: &'static str,
    text: &'static str,
}

fn scenario(name: &str) -> Result<Scenario, String> {
    Scenario::parse(name).ok_or_else(|| "no such scenario; --scenarios lists them".into())
}

impl Sandbox {
    /// Runs until SIGINT or SIGTERM.
    ///
    /// # Errors
    /// The port is taken, a file cannot be read or written.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        if self.scenarios {
            return list(out);
        }
        if self.print_seed {
            out.data(Seed::DEFAULT.trim_end())?;
            return Ok(DONE);
        }
        let bad_seed = |error| {
            let hint = "--print-seed prints one that is good";
            Fail::new(OTHER, format!("seed file: {error}"), hint)
        };
        let seed = self.seed_file.as_deref().map(Seed::read).transpose().map_err(bad_seed)?;
        sys::catch_interrupts();
        let quiet = out.quiet;
        let mut running = start(Options {
            port: self.port,
            lan: self.lan,
            // Written last: whoever waits for it may rely on the rest.
            ready_file: None,
            state_file: self.state,
            seed,
            seed_rng: self.seed_rng,
            notify_scale: self.notify_scale,
            log: Some(Arc::new(move |line| log(line, quiet))),
        })
        .map_err(|error| {
            Fail::new(OTHER, format!("sandbox: {error}"), "choose another --port or another file")
        })?;
        if let Some(scenario) = self.scenario {
            running.play_next(scenario).map_err(|text| Fail::new(OTHER, text, "see --help"))?;
        }
        out.note(running.table().trim_end());
        if let Some(path) = &self.daemon_config {
            sandbox_files::for_daemon(path, &running)?;
            out.note(&format!("daemon    alitv-payd --config {}", path.display()));
        }
        if let Some(path) = &self.merchant_config {
            sandbox_files::for_merchant(path, &running)?;
            out.note(&format!("merchant  --config {}, or as ALITV_PAY_MERCHANT", path.display()));
        }
        if let Some(path) = &self.ready_file {
            let fail = |error| Fail::new(OTHER, format!("{error}"), "name a file you may write");
            running.announce(path).map_err(fail)?;
        }
        while sys::interrupts() == 0 {
            sys::wait_readable(&[], Duration::from_secs(1));
        }
        running.stop();
        Ok(DONE)
    }
}

/// Nobody need be listening.
fn log(line: &str, quiet: bool) {
    if !quiet {
        let _ = writeln!(std::io::stderr(), "{line}");
    }
}

fn list(out: &mut Out) -> Result<u8, Fail> {
    for scenario in Scenario::all() {
        let (name, text) = (scenario.name(), scenario.text());
        match out.json {
            true => out.data_json(&ScenarioLine { name, text })?,
            false => out.data(&format!("{name:<22} {text}"))?,
        }
    }
    Ok(DONE)
}
