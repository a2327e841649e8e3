//! `alitv-pay keys`: what a key file is, and what of it goes where.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::exit::{Fail, DONE};
use super::out::Out;
use super::{input, show};
use crate::limits::RSA_BITS_WEAK;
use crate::wire::keys::{inspect, KeyFacts, KeyKind, PrivateKey, PublicKey};

/// Options of `keys`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay keys check merchant.key.pem
  alitv-pay keys show --portal merchant.key.pem
To make a pair: alitv-pay keygen.")]
pub struct Keys {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Say what a file is, and what is wrong with it
    Check(Check),
    /// Show what a key's public half is: its facts, or what is pasted into the portal
    Show(Show),
}

/// Options of `keys check`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay keys check merchant.key.pem
  alitv-pay keys check pasted.txt --expect public
  alitv-pay keys check - <pasted.txt
Takes PKCS#1, PKCS#8 and SubjectPublicKeyInfo, as PEM or as base64. Ends with 0 if it is an RSA
key, of the expected kind if one is named; what other programs would stumble over is a warning.")]
struct Check {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Which half it has to be
    #[arg(long, value_enum)]
    expect: Option<Half>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Half {
    Private,
    Public,
}

/// Options of `keys show`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay keys show merchant.key.pem
  alitv-pay keys show --portal merchant.key.pem      the line for the open platform's form
  alitv-pay keys show --pem merchant.key.pem >merchant.pub.pem
FILE holds a private or a public key. Nothing of a private key is shown but its public half.")]
struct Show {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only the public half on one line, as the open platform's form wants it
    #[arg(long)]
    portal: bool,
    /// Only the public half as PEM
    #[arg(long, conflicts_with = "portal")]
    pem: bool,
}

/// What `keys check --json` prints.
#[derive(serde::Serialize)]
struct Checked {
    kind: &'static str,
    form: String,
    layout: String,
    bits: usize,
    fingerprint: String,
    warnings: Vec<String>,
}

/// What `keys show --json` prints.
#[derive(serde::Serialize)]
struct Shown {
    bits: usize,
    block_bytes: usize,
    fingerprint: String,
    portal: String,
}

impl Keys {
    /// Runs it.
    ///
    /// # Errors
    /// A file that cannot be read, or is no RSA key.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        match self.what {
            What::Check(check) => check.run(out),
            What::Show(show) => show.run(out),
        }
    }
}

impl Check {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let text = input::key_text(&self.file)?;
        let refused = match self.expect {
            Some(Half::Private) => PrivateKey::read(&text).err(),
            Some(Half::Public) => PublicKey::read(&text).err(),
            None => None,
        };
        if let Some(error) = refused {
            return Err(input::key_fail(&self.file, &error));
        }
        let facts = inspect(&text).map_err(|error| input::key_fail(&self.file, &error))?;
        let checked = Checked {
            kind: match facts.kind {
                KeyKind::Private => "private",
                KeyKind::Public => "public",
            },
            form: facts.form.to_string(),
            layout: facts.layout.to_string(),
            bits: facts.bits,
            warnings: warnings(&facts, &self.file, out),
            fingerprint: facts.fingerprint,
        };
        if out.json {
            out.data_json(&checked)?;
            return Ok(DONE);
        }
        out.data(&checked.text())?;
        checked.warnings.iter().for_each(|warning| out.complain(warning));
        Ok(DONE)
    }
}

impl Checked {
    fn text(&self) -> String {
        show::rows(&[
            ("is", format!("an RSA {} key", self.kind)),
            ("form", self.form.clone()),
            ("layout", self.layout.clone()),
            ("bits", self.bits.to_string()),
            ("fingerprint", self.fingerprint.clone()),
        ])
    }
}

/// What works here and may not elsewhere.
fn warnings(facts: &KeyFacts, file: &Path, out: &Out) -> Vec<String> {
    let mut warnings = Vec::new();
    if facts.bits < RSA_BITS_WEAK {
        warnings.push(out.lang.key_weak(facts.bits));
    }
    let open = input::open_to_others(file).filter(|_| facts.kind == KeyKind::Private);
    if let Some(mode) = open {
        warnings.push(out.lang.key_open(&file.display().to_string(), mode));
    }
    let oddities = [
        (facts.wrong_label, out.lang.key_wrong_label()),
        (facts.bom, out.lang.key_bom()),
        (facts.other_text, out.lang.key_other_text()),
    ];
    warnings.extend(oddities.iter().filter(|row| row.0).map(|row| row.1.to_owned()));
    warnings
}

impl Show {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let key = input::public_key(&self.file)?;
        input::warn_if_weak(&key, out);
        let shown = Shown {
            bits: key.bits(),
            block_bytes: key.block_bytes(),
            fingerprint: key.fingerprint(),
            portal: key.line(),
        };
        if out.json {
            out.data_json(&shown)?;
        } else if self.portal {
            out.data(&shown.portal)?;
        } else if self.pem {
            out.data(key.spki_pem().trim_end())?;
        } else {
            out.data(&shown.text())?;
        }
        Ok(DONE)
    }
}

impl Shown {
    fn text(&self) -> String {
        show::rows(&[
            ("bits", self.bits.to_string()),
            ("block", format!("{} bytes", self.block_bytes)),
            ("fingerprint", self.fingerprint.clone()),
            ("portal", self.portal.clone()),
        ])
    }
}
