//! `alitv-pay encrypt`: a notify's `data`, as the platform makes it.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Fail, DONE};
use super::input;
use super::merchant::MerchantArgs;
use super::out::Out;
use crate::wire::blocks;
use crate::wire::notify;

/// Options of `encrypt`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay encrypt --key merchant.pub.pem --text '{\"partner_order_no\":\"1466394000000\"}'
  alitv-pay encrypt --key merchant.pub.pem --form <notify.json | curl -d @- http://127.0.0.1:3000/
RSA blocks with PKCS#1 v1.5 padding, joined, base64: what the platform sends in `data`. The
padding is random, so two runs differ. FILE may also hold the private key.")]
pub struct Encrypt {
    /// File of the public key [default: the key of the merchant's file]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// What is encrypted [default: standard input, every byte of it]
    #[arg(long)]
    text: Option<String>,
    /// As a form body or query string: data=, percent-encoded
    #[arg(long)]
    form: bool,
    #[command(flatten)]
    merchant: MerchantArgs,
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Encrypted {
    data: String,
    form: String,
}

impl Encrypt {
    /// Runs it.
    ///
    /// # Errors
    /// A key or a text that cannot be used.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let key = input::merchants_public_key(self.key.as_deref(), &self.merchant)?;
        input::warn_if_weak(&key, out);
        let plain = input::content(self.text.as_deref(), out)?;
        let data = blocks::encrypt(&key, &plain)
            .map_err(|error| Fail::usage(error.to_string(), "give a text, and a shorter one"))?;
        let encrypted = Encrypted { form: notify::form(&data), data };
        if out.json {
            out.data_json(&encrypted)?;
        } else if self.form {
            out.data(&encrypted.form)?;
        } else {
            out.data(&encrypted.data)?;
        }
        Ok(DONE)
    }
}
