//! What the merchant's commands share: where their configuration is.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::exit::{Fail, OTHER, USAGE};
use crate::gateway::http::Http;
use crate::merchant::config::{Config, CONFIG_PATH};
use crate::merchant::ledger::{Ledger, LedgerError};
use crate::merchant::top::{Asker, Client, ClientConfig};

/// Names the file beside which a merchant works.
const CONFIG_HERE: &str = "merchant.toml";

/// Options of every command of the merchant's side.
#[derive(Args, Clone, Debug)]
pub struct MerchantArgs {
    /// The merchant's file [default: $ALITV_PAY_MERCHANT or merchant.toml]
    #[arg(long, value_name = "FILE", env = "ALITV_PAY_MERCHANT", hide_env = true)]
    pub config: Option<PathBuf>,
}

impl MerchantArgs {
    /// The file that is meant; it need not be there.
    pub fn path(&self) -> PathBuf {
        if let Some(path) = &self.config {
            return path.clone();
        }
        let here = Path::new(CONFIG_HERE);
        if here.exists() { here } else { Path::new(CONFIG_PATH) }.to_owned()
    }

    /// Reads the file.
    ///
    /// # Errors
    /// It is not there, or cannot be used.
    pub fn read(&self) -> Result<Config, Fail> {
        Config::read(&self.path()).map_err(|error| {
            let next = if error.is_missing {
                "name it with --config FILE; alitv-pay sandbox --merchant-config FILE writes one"
            } else {
                "correct that file; docs/merchant.md section 2 has every key"
            };
            Fail::new(OTHER, error.to_string(), next)
        })
    }
}

/// The ledger of a merchant's file; made if it is not there.
///
/// # Errors
/// It cannot be used.
pub fn open_ledger(config: &Config) -> Result<Ledger, Fail> {
    Ledger::open(&config.ledger).map_err(ledger_fail)
}

/// What the ledger refused.
pub fn ledger_fail(error: LedgerError) -> Fail {
    let next = match &error {
        LedgerError::Busy => "run the command again",
        LedgerError::Full => "free space where the ledger lives",
        LedgerError::Invalid(_) => "correct that value and run the command again",
        LedgerError::Conflict { .. } => "an order number stands for one order: take a new one",
        LedgerError::Unknown(_) => "see what it has: alitv-pay orders ledger",
        LedgerError::NotALedger(_) | LedgerError::Newer { .. } => {
            "name another file as `ledger` in merchant.toml"
        }
        LedgerError::Damaged(_) => "keep the file, and go on with a copy of it",
        LedgerError::Io(_) => "see whether the file can be written by this user",
    };
    let exit = match &error {
        LedgerError::Invalid(_) => USAGE,
        _ => OTHER,
    };
    Fail::new(exit, error.to_string(), next)
}

/// The client of the TOP gateway that a merchant's file describes, with the merchant's key.
///
/// # Errors
/// The key cannot be read, or the gateway's address is unsafe.
pub fn asker(config: &Config) -> Result<Asker, Fail> {
    let key = config.private_key().map_err(|error| {
        let next = "look at the file: alitv-pay keys check FILE";
        Fail::new(OTHER, error.to_string(), next)
    })?;
    let client = Client::new(
        ClientConfig {
            environment: config.environment,
            url: config.top.url.clone(),
            allow_http: config.top.allow_http,
            app_key: config.app.app_key.clone(),
            app_secret: config.app.app_secret.clone(),
        },
        Arc::new(Http::new()),
    )?;
    Ok(Asker { client: Arc::new(client), key })
}
