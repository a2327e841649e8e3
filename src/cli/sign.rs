//! `alitv-pay sign`: the merchant's SHA1WithRSA, and TOP's signatures made visible.

use std::path::PathBuf;

use clap::Args;

use super::exit::{Fail, DONE, OTHER};
use super::input::{self, Charset};
use super::merchant::MerchantArgs;
use super::out::Out;
use super::show;
use crate::wire::rsa_sign::sign_sha1;
use crate::wire::secret::Secret;
use crate::wire::sign::{base_string, sign, SignMethod};
use crate::wire::top::Params;

/// Options of `sign`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  printf %s 'partner=1&subject=gem' | alitv-pay sign --key merchant.key.pem
  alitv-pay sign --key merchant.key.pem --charset gbk --text 'subject=宝石'
  alitv-pay sign --top --secret-file secret.txt method=taobao.time.get v=2.0 app_key=23012345
The first two sign as the seeds do: SHA1WithRSA, base64. --top shows the string that a TOP
request signs, and what each of the three methods makes of it; ALITV_PAY_APP_SECRET may hold the
secret, too.")]
pub struct Sign {
    /// File of the private key [default: the key of the merchant's file]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// What is signed [default: standard input, every byte of it]
    #[arg(long, conflicts_with = "top")]
    text: Option<String>,
    /// How characters become bytes: utf8 or gbk
    #[arg(
        long,
        value_enum,
        default_value = "utf8",
        hide_possible_values = true,
        conflicts_with = "top"
    )]
    charset: Charset,
    /// Sign the parameters of a TOP request instead
    #[arg(long, conflicts_with = "key")]
    top: bool,
    /// File with the app's secret [default: the one of the merchant's file]
    #[arg(long, value_name = "FILE", requires = "top")]
    secret_file: Option<PathBuf>,
    #[command(flatten)]
    merchant: MerchantArgs,
    /// Parameters of the request, not percent-encoded; sign itself is left out
    #[arg(value_name = "NAME=VALUE", requires = "top", value_parser = pair)]
    params: Vec<(String, String)>,
}

/// What `sign --json` prints.
#[derive(serde::Serialize)]
struct Signed {
    charset: Charset,
    bytes: usize,
    signature: String,
}

/// What `sign --top --json` prints.
#[derive(serde::Serialize)]
struct Signatures {
    base_string: String,
    md5: String,
    hmac: String,
    #[serde(rename = "hmac-sha256")]
    hmac_sha256: String,
}

/// For `value_parser`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, value) = pair.ok_or("a parameter must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Parameters as they would arrive.
///
/// # Errors
/// A name that comes twice.
pub fn params(pairs: &[(String, String)]) -> Result<Params, Fail> {
    let mut params = Params::new();
    for (name, value) in pairs {
        if params.get(name).is_some() {
            return Err(Fail::usage(format!("parameter {name:?} comes twice"), "name it once"));
        }
        params.set(name, value.as_str());
    }
    Ok(params)
}

impl Sign {
    /// Runs it.
    ///
    /// # Errors
    /// A key, secret or text that cannot be used.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        match self.top {
            false => self.with_key(out)?,
            true => self.with_secret(out)?,
        }
        Ok(DONE)
    }

    fn with_key(&self, out: &mut Out) -> Result<(), Fail> {
        let key = input::merchants_key(self.key.as_deref(), &self.merchant, out)?;
        let content = self.charset.encode(&input::content(self.text.as_deref(), out)?)?;
        let signature = sign_sha1(&key, &content)
            .map_err(|fault| Fail::new(OTHER, fault.to_string(), "run it again"))?;
        match out.json {
            true => {
                out.data_json(&Signed { charset: self.charset, bytes: content.len(), signature })
            }
            false => out.data(&signature),
        }
    }

    fn with_secret(&self, out: &mut Out) -> Result<(), Fail> {
        let params = params(&self.params)?;
        let secret = input::app_secret(self.secret_file.as_deref(), &self.merchant)?;
        let signatures = Signatures::new(&params, &secret);
        match out.json {
            true => out.data_json(&signatures),
            false => out.data(&signatures.text()),
        }
    }
}

impl Signatures {
    fn new(params: &Params, secret: &Secret) -> Signatures {
        Signatures {
            base_string: base_string(params),
            md5: sign(params, secret, SignMethod::Md5),
            hmac: sign(params, secret, SignMethod::Hmac),
            hmac_sha256: sign(params, secret, SignMethod::HmacSha256),
        }
    }

    fn text(&self) -> String {
        show::rows(&[
            ("string", self.base_string.clone()),
            ("md5", format!("{}  (secret + string + secret)", self.md5)),
            ("hmac", self.hmac.clone()),
            ("hmac-sha256", self.hmac_sha256.clone()),
        ])
    }
}
