//! What the merchant's commands share: where their configuration is.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Fail, OTHER};
use crate::merchant::config::{Config, CONFIG_PATH};

/// Names the file beside which a merchant works.
const CONFIG_HERE: &str = "merchant.toml";

/// Options of every command of the merchant's side.
#[derive(Args, Clone, Debug)]
pub struct MerchantArgs {
    /// The merchant's file [default: $ALITV_PAY_MERCHANT, ./merchant.toml or
    /// /etc/alitv-pay/merchant.toml]
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
