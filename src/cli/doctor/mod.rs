//! `alitv-pay doctor`: looks at everything that is set up on this machine and says what is
//! wrong with it, each with the command that mends it. Changes nothing.

mod bundle;
mod daemon;
mod findings;
#[cfg(feature = "merchant")]
mod merchant;
mod network;
mod sdk;

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use self::findings::{Finding, Findings, Verdict};
use super::args::Global;
use super::exit::{Fail, DONE, OTHER};
use super::out::Out;

/// Options of `doctor`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay doctor
  alitv-pay doctor --merchant-config merchant.toml --portal-key portal.txt
  alitv-pay doctor --json | jq -r '.findings[] | select(.verdict == \"fail\").mend'
  sudo alitv-pay doctor --bundle support.json      for a report to support; holds no secret
Looks at what is set up here: the daemon if it has a configuration or a socket, the SDK if it is
installed, the merchant's side if there is a merchant.toml. Changes nothing. Asks the gateway a few
questions. Ends with 1 if something FAILs.")]
pub struct Doctor {
    /// The daemon's file [default: /etc/alitv-pay/alitv-pay.toml if it is there]
    #[arg(long, value_name = "FILE")]
    daemon_config: Option<PathBuf>,
    /// The merchant's file [default: as of the merchant's commands, if it is there]
    #[cfg(feature = "merchant")]
    #[arg(long, value_name = "FILE", env = "ALITV_PAY_MERCHANT", hide_env = true)]
    merchant_config: Option<PathBuf>,
    /// A file with the public key as the open platform shows it: is it this merchant's?
    #[cfg(feature = "merchant")]
    #[arg(long, value_name = "FILE")]
    portal_key: Option<PathBuf>,
    /// Where the SDK is that games are built with, with include and lib below
    /// [default: /usr/local and /usr]
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
    /// Write what was found, and the configuration without secrets, to a new file
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Told<'a> {
    verdict: Verdict,
    findings: &'a [Finding],
}

impl Doctor {
    /// Runs it.
    ///
    /// # Errors
    /// The bundle cannot be written. What is wrong with the machine is data, not an error.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        let mut findings = Findings::default();
        out.status("looking at the daemon ...");
        let daemon = daemon::look(self.daemon_config.as_deref(), global, &mut findings);
        sdk::look(self.sdk.as_deref(), &mut findings);
        #[cfg(feature = "merchant")]
        let merchant = {
            out.status("looking at the merchant's side ...");
            let named = self.merchant_config.as_deref();
            merchant::look(named, self.portal_key.as_deref(), &mut findings)
        };
        #[cfg(not(feature = "merchant"))]
        let merchant: Option<PathBuf> = None;
        let files: Vec<&Path> =
            [&daemon, &merchant].into_iter().flatten().map(AsRef::as_ref).collect();
        if let Some(path) = &self.bundle {
            bundle::write(path, &files, &findings)?;
            out.note(&format!("written: {}", path.display()));
        }
        let verdict = findings.worst();
        match out.json {
            true => out.data_json(&Told { verdict, findings: &findings.0 })?,
            false => out.data(&findings.text())?,
        }
        Ok(if verdict == Verdict::Fail { OTHER } else { DONE })
    }
}

/// `chmod` for a file that others may read or change, if they may.
fn chmod(path: &Path) -> Option<String> {
    use std::os::unix::fs::PermissionsExt;
    let mode = path.metadata().ok()?.permissions().mode();
    (mode & 0o077 != 0).then(|| format!("chmod 600 {}", findings::quoted(&path.display())))
}

/// Room on the disk behind a directory that is there or is to be made.
fn space(check: &'static str, dir: &Path, needed: u64, findings: &mut Findings) {
    let there = dir.ancestors().find(|dir| dir.exists()).unwrap_or(Path::new("/"));
    let place = there.display();
    match super::sys::free_bytes(there) {
        Err(error) => findings.skip(check, format!("{place}: {error}")),
        Ok(free) if free < needed => findings.fail(
            check,
            format!("{place} has {free} bytes free: {needed} are needed"),
            format!("free some: du -xsh {}/* | sort -h", findings::quoted(&place)),
        ),
        Ok(free) => findings.ok(check, format!("{place} has {} MiB free", free >> 20)),
    }
}
