//! `alitv-pay keygen`: a merchant's key pair.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{Fail, OTHER};
use super::out::Out;
use super::{exit, input, show};
use crate::limits::{RSA_BITS_MAX, RSA_BITS_MIN};
use crate::wire::keys::PrivateKey;

/// Options of `keygen`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay keygen                     merchant.key.pem and merchant.pub.pem
  alitv-pay keygen --out shop --bits 3072
  alitv-pay keygen --json | jq -r .portal
The private key is PKCS#8 with mode 0600; a file that exists is never overwritten. What `portal`
says is pasted into the form of the open platform.")]
pub struct Keygen {
    /// Size of the key: 1024 to 4096, in steps of 8
    #[arg(long, default_value_t = 2048, value_parser = bits)]
    bits: usize,
    /// Begin of the names of both files
    #[arg(long, value_name = "PREFIX", default_value = "merchant")]
    out: PathBuf,
}

/// What `--json` prints.
#[derive(serde::Serialize)]
struct Made {
    private_key: PathBuf,
    public_key: PathBuf,
    bits: usize,
    fingerprint: String,
    portal: String,
}

/// For `value_parser`.
fn bits(text: &str) -> Result<usize, String> {
    let bits = text.parse().ok().filter(|bits: &usize| bits.is_multiple_of(8));
    bits.filter(|bits| (RSA_BITS_MIN..=RSA_BITS_MAX).contains(bits))
        .ok_or_else(|| format!("bits must be {RSA_BITS_MIN} to {RSA_BITS_MAX}, in steps of 8"))
}

impl Keygen {
    /// Runs it.
    ///
    /// # Errors
    /// A file that exists or cannot be written.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let private_path = with_ending(&self.out, ".key.pem");
        let public_path = with_ending(&self.out, ".pub.pem");
        // Before the wait; the writing below would notice as well.
        for path in [&private_path, &public_path] {
            if path.symlink_metadata().is_ok() {
                return Err(exists(path));
            }
        }
        let key = PrivateKey::generate(self.bits)
            .map_err(|error| Fail::new(OTHER, error.sentence(), error.advice()))?;
        let public = key.public();
        write_new(&private_path, key.pkcs8_pem().as_bytes(), 0o600)?;
        write_new(&public_path, public.spki_pem().as_bytes(), 0o644)?;
        input::warn_if_weak(&public, out);
        let made = Made {
            private_key: private_path,
            public_key: public_path,
            bits: public.bits(),
            fingerprint: public.fingerprint(),
            portal: public.line(),
        };
        match out.json {
            true => out.data_json(&made)?,
            false => out.data(&text(&made))?,
        }
        out.note(out.lang.paste_portal());
        Ok(exit::DONE)
    }
}

fn text(made: &Made) -> String {
    show::rows(&[
        ("private", made.private_key.display().to_string()),
        ("public", made.public_key.display().to_string()),
        ("bits", made.bits.to_string()),
        ("fingerprint", made.fingerprint.clone()),
        ("portal", made.portal.clone()),
    ])
}

fn with_ending(prefix: &Path, ending: &str) -> PathBuf {
    let mut name = prefix.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

fn exists(path: &Path) -> Fail {
    let next = "keys are never overwritten: choose another name with --out, or move it away";
    Fail::new(OTHER, format!("{} exists", path.display()), next)
}

/// Written and synced: its public half may be pasted somewhere the next minute.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Fail> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let written = opened.and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => exists(path),
        _ => {
            let next = "choose a directory that you may write to, with --out";
            Fail::new(OTHER, format!("{}: {error}", path.display()), next)
        }
    })
}
