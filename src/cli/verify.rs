//! `alitv-pay verify`: whether a signature is right, and if not, what it is over instead.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Fail, DONE, OTHER};
use super::input::{self, Charset};
use super::merchant::MerchantArgs;
use super::out::Out;
use super::sign;
use crate::wire::keys::PublicKey;
use crate::wire::rsa_sign::verify_sha1;
use crate::wire::sign::verify;

/// Options of `verify`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay verify --key merchant.pub.pem --signature gLhq...OHW8= --text 'partner=1'
  alitv-pay verify --key merchant.pub.pem --signature gLhq...OHW8= --charset gbk <signed.txt
  alitv-pay verify --top --secret-file secret.txt method=taobao.time.get sign=66987CB1...
Ends with 0 if the signature is right, else with 1. FILE may also hold the private key.")]
pub struct Verify {
    /// File of the public key [default: the key of the merchant's file]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The signature, base64
    #[arg(long, value_name = "BASE64", required_unless_present = "top")]
    signature: Option<String>,
    /// What was signed [default: standard input, every byte of it]
    #[arg(long, conflicts_with = "top")]
    text: Option<String>,
    /// How characters became bytes: utf8 or gbk
    #[arg(
        long,
        value_enum,
        default_value = "utf8",
        hide_possible_values = true,
        conflicts_with = "top"
    )]
    charset: Charset,
    /// Verify the parameters of a TOP request, by its sign and sign_method
    #[arg(long, conflicts_with_all = ["key", "signature"])]
    top: bool,
    /// File with the app's secret [default: the one of the merchant's file]
    #[arg(long, value_name = "FILE", requires = "top")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    merchant: MerchantArgs,
    /// Parameters of the request, not percent-encoded, sign among them
    #[arg(value_name = "NAME=VALUE", requires = "top", value_parser = sign::pair)]
    params: Vec<(String, String)>,
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Valid {
    valid: bool,
}

impl Verify {
    /// Runs it.
    ///
    /// # Errors
    /// A wrong signature; a key, secret or text that cannot be used.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        match &self.signature {
            Some(signature) => self.with_key(signature, out)?,
            None => self.with_secret()?,
        }
        match out.json {
            true => out.data_json(&Valid { valid: true })?,
            false => out.data("the signature is right")?,
        }
        Ok(DONE)
    }

    fn with_key(&self, signature: &str, out: &mut Out) -> Result<(), Fail> {
        let key = input::merchants_public_key(self.key.as_deref(), &self.merchant)?;
        let text = input::content(self.text.as_deref(), out)?;
        if verify_sha1(&key, &self.charset.encode(&text)?, signature) {
            return Ok(());
        }
        let other = match self.charset {
            Charset::Utf8 => (Charset::Gbk, "it is over the text in GBK: --charset gbk"),
            Charset::Gbk => (Charset::Utf8, "it is over the text in UTF-8: --charset utf8"),
        };
        let next = elsewhere(&key, &text, signature, self.charset, other).unwrap_or(
            "compare key, text and charset with what the signer used, blanks and newlines too",
        );
        Err(Fail::new(OTHER, "the signature is wrong", next))
    }

    fn with_secret(&self) -> Result<(), Fail> {
        let params = sign::params(&self.params)?;
        let secret = input::app_secret(self.secret_file.as_deref(), &self.merchant)?;
        verify(&params, &secret).map_err(|error| {
            let next = "compare the string with the caller's: alitv-pay sign --top";
            Fail::new(OTHER, error.to_string(), next)
        })
    }
}

/// The usual slips: another charset, and a newline more or less.
fn elsewhere(
    key: &PublicKey,
    text: &[u8],
    signature: &str,
    charset: Charset,
    (other, other_charset): (Charset, &'static str),
) -> Option<&'static str> {
    let fits = |charset: Charset, text: &[u8]| {
        charset.encode(text).is_ok_and(|bytes| verify_sha1(key, &bytes, signature))
    };
    if fits(other, text) {
        return Some(other_charset);
    }
    let shorter = text.strip_suffix(b"\n").is_some_and(|text| fits(charset, text));
    if shorter {
        return Some("it is over the text without the newline at its end");
    }
    let longer = fits(charset, &[text, b"\n"].concat());
    longer.then_some("it is over the text with a newline at its end")
}
