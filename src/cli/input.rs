//! What the key tools read: key files, secrets, and the text that is signed or encrypted.
//! Keys and secrets come out of files or the environment, never out of arguments, which every
//! user of the machine can read.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use clap::ValueEnum;
use zeroize::Zeroizing;

use super::exit::{Fail, OTHER};
use super::merchant::MerchantArgs;
use super::out::Out;
use crate::limits::{CLI_TEXT_BYTES_MAX, KEY_TEXT_BYTES_MAX, SECRET_BYTES_MAX};
use crate::merchant::config::Config;
use crate::wire::gbk;
use crate::wire::keys::{inspect, KeyError, KeyKind, PrivateKey, PublicKey};
use crate::wire::secret::Secret;

/// Where the app's secret is, if no file is named.
const APP_SECRET: &str = "ALITV_PAY_APP_SECRET";

/// How a text becomes bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Charset {
    /// UTF-8.
    Utf8,
    /// GBK, as older partners sign.
    Gbk,
}

impl Charset {
    /// The bytes of a text that is given in UTF-8.
    ///
    /// # Errors
    /// A text that is no UTF-8, or has a character that GBK does not have.
    pub fn encode(self, text: &[u8]) -> Result<Vec<u8>, Fail> {
        if self == Charset::Utf8 {
            return Ok(text.to_owned());
        }
        let fail = |message| Fail::usage(message, "give the text in UTF-8; it is converted here");
        let text = std::str::from_utf8(text).map_err(|_| fail("the text is not UTF-8"))?;
        let bytes = gbk::encode(text).map(std::borrow::Cow::into_owned);
        bytes.ok_or_else(|| fail("the text has a character that GBK does not have"))
    }
}

/// The text of a key file; "-" is standard input. `KeyError`s come later, from its reader.
///
/// # Errors
/// A file that cannot be read, or is no text.
pub fn key_text(path: &Path) -> Result<Zeroizing<String>, Fail> {
    let bytes = read(path, KEY_TEXT_BYTES_MAX)?;
    let text = std::str::from_utf8(&bytes).map(|text| Zeroizing::new(text.to_owned()));
    text.map_err(|_| {
        let (what, next) = match bytes.as_slice() {
            [0x30, 0x81 | 0x82, ..] => (
                "this is binary DER; expected text",
                "write it as PEM: openssl pkey -inform DER -in FILE (public: add -pubin)",
            ),
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => {
                ("this is UTF-16; expected UTF-8 or ASCII", "save it again as UTF-8")
            }
            _ => ("this is not a text", "name a file with a key in PEM or base64"),
        };
        Fail::new(OTHER, format!("{}: {what}", path.display()), next)
    })
}

/// A private key. Warns if others can read its file, or if it is weak.
///
/// # Errors
/// The file cannot be read, or is something else.
pub fn private_key(path: &Path, out: &mut Out) -> Result<PrivateKey, Fail> {
    let key = PrivateKey::read(&key_text(path)?).map_err(|error| key_fail(path, &error))?;
    if let Some(mode) = open_to_others(path) {
        out.complain(&out.lang.key_open(&path.display().to_string(), mode));
    }
    warn_if_weak(&key.public(), out);
    Ok(key)
}

/// The private key of `--key`, else the one that the merchant's file names.
///
/// # Errors
/// There is neither, or it cannot be used.
pub fn merchants_key(
    key: Option<&Path>,
    merchant: &MerchantArgs,
    out: &mut Out,
) -> Result<PrivateKey, Fail> {
    let Some(path) = key else {
        let key = configured_key(merchant)?;
        warn_if_weak(&key.public(), out);
        return Ok(key);
    };
    private_key(path, out)
}

/// The public key of `--key`, else the public half of the one that the merchant's file names.
///
/// # Errors
/// There is neither, or it cannot be used.
pub fn merchants_public_key(
    key: Option<&Path>,
    merchant: &MerchantArgs,
) -> Result<PublicKey, Fail> {
    match key {
        Some(path) => public_key(path),
        None => configured_key(merchant).map(|key| key.public()),
    }
}

fn configured_key(merchant: &MerchantArgs) -> Result<PrivateKey, Fail> {
    let config = read_config(merchant, "no key is named", "--key FILE")?;
    config.private_key().map_err(|error| {
        Fail::new(OTHER, error.to_string(), "see what it is: alitv-pay keys check FILE")
    })
}

/// The app's secret: of a file, of `ALITV_PAY_APP_SECRET`, or of the merchant's file.
///
/// # Errors
/// There is none, or it cannot be used.
pub fn app_secret(file: Option<&Path>, merchant: &MerchantArgs) -> Result<Arc<Secret>, Fail> {
    if file.is_some() || std::env::var_os(APP_SECRET).is_some_and(|value| !value.is_empty()) {
        return secret(file, APP_SECRET).map(Arc::new);
    }
    let instead = format!("--secret-file FILE, or set {APP_SECRET}");
    Ok(read_config(merchant, "no secret is named", &instead)?.app.app_secret)
}

fn read_config(merchant: &MerchantArgs, missing: &str, instead: &str) -> Result<Config, Fail> {
    if merchant.config.is_none() && !merchant.path().exists() {
        let next = format!("name one with {instead}; or the merchant's file with --config FILE");
        return Err(Fail::usage(missing, next));
    }
    merchant.read()
}

/// A public key, or the public half of a private one.
///
/// # Errors
/// The file cannot be read, or is something else.
pub fn public_key(path: &Path) -> Result<PublicKey, Fail> {
    let text = key_text(path)?;
    let fail = |error: KeyError| key_fail(path, &error);
    match inspect(&text).map_err(fail)?.kind {
        KeyKind::Private => PrivateKey::read(&text).map(|key| key.public()).map_err(fail),
        KeyKind::Public => PublicKey::read(&text).map_err(fail),
    }
}

/// Says that a key is weak, if it is.
pub fn warn_if_weak(key: &PublicKey, out: &mut Out) {
    if key.weak() {
        out.complain(&out.lang.key_weak(key.bits()));
    }
}

/// The mode of a file that others than its owner can read or write.
pub fn open_to_others(path: &Path) -> Option<u32> {
    let about = std::fs::metadata(path).ok()?;
    let mode = about.permissions().mode() & 0o777;
    (about.is_file() && mode & 0o077 != 0).then_some(mode)
}

/// What a file is instead of a key, and what helps.
pub fn key_fail(path: &Path, error: &KeyError) -> Fail {
    Fail::new(OTHER, format!("{}: {}", path.display(), error.sentence()), error.advice())
}

/// The text that is worked on: an argument, or standard input to its end, at most
/// `CLI_TEXT_BYTES_MAX` bytes. Of standard input every byte counts, a last newline too, which
/// is said.
///
/// # Errors
/// Standard input cannot be read, or is longer.
pub fn content(argument: Option<&str>, out: &mut Out) -> Result<Vec<u8>, Fail> {
    if let Some(text) = argument {
        return Ok(text.as_bytes().to_owned());
    }
    let bytes = stdin()?;
    if bytes.ends_with(b"\n") {
        out.note(out.lang.newline_counts());
    }
    Ok(bytes)
}

/// Standard input to its end.
///
/// # Errors
/// It cannot be read, or has more than `CLI_TEXT_BYTES_MAX` bytes.
pub fn stdin() -> Result<Vec<u8>, Fail> {
    let bytes = read(Path::new("-"), CLI_TEXT_BYTES_MAX)?;
    if bytes.len() > CLI_TEXT_BYTES_MAX {
        let message = format!("standard input has more than {CLI_TEXT_BYTES_MAX} bytes");
        return Err(Fail::usage(message, "give less at once"));
    }
    Ok(bytes.to_vec())
}

/// A secret: the only line of a file, or else the value of an environment variable.
///
/// # Errors
/// There is neither, or it is no secret. Never quotes it.
pub fn secret(file: Option<&Path>, variable: &str) -> Result<Secret, Fail> {
    let next = format!("name a file with --secret-file FILE, or set {variable}");
    let (from, text) = match file {
        Some(path) => {
            // Room for a line end of either kind.
            let bytes = read(path, SECRET_BYTES_MAX + 2)?;
            let text = String::from_utf8(bytes.to_vec()).unwrap_or_default();
            (path.display().to_string(), Zeroizing::new(text))
        }
        None => {
            let value = std::env::var(variable).unwrap_or_default();
            if value.is_empty() {
                return Err(Fail::usage("there is no secret", next));
            }
            (variable.to_owned(), Zeroizing::new(value))
        }
    };
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Secret::new(line).map_err(|error| Fail::new(OTHER, format!("{from}: {error}"), next))
}

/// At most one byte more than `bytes_max`, so that its reader sees that there is more.
fn read(path: &Path, bytes_max: usize) -> Result<Zeroizing<Vec<u8>>, Fail> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(bytes_max + 1));
    let mut from: Box<dyn Read> = match path.as_os_str().as_encoded_bytes() {
        b"-" => Box::new(io::stdin().lock()),
        _ => Box::new(File::open(path).map_err(|error| not_read(path, &error))?),
    };
    let room = u64::try_from(bytes_max + 1).unwrap_or(u64::MAX);
    let done = from.by_ref().take(room).read_to_end(&mut bytes);
    done.map_err(|error| not_read(path, &error))?;
    Ok(bytes)
}

fn not_read(path: &Path, error: &io::Error) -> Fail {
    Fail::new(OTHER, format!("{}: {error}", path.display()), "name a file that you may read")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(bytes: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        file
    }

    #[test]
    fn a_secret_is_one_line_of_a_file() {
        for text in ["s3cret", "s3cret\n", "s3cret\r\n"] {
            let read = secret(Some(file(text.as_bytes()).path()), "X").unwrap();
            assert!(read.matches(b"s3cret"), "{text:?}");
        }
        let longest = format!("{}\r\n", "x".repeat(SECRET_BYTES_MAX));
        assert!(secret(Some(file(longest.as_bytes()).path()), "X").is_ok());
        let long = "x".repeat(SECRET_BYTES_MAX + 1);
        for bad in
            [&b""[..], b"\n", b"a b", b"s3cret\n\n", b"s3cret\nother", b"\xff", long.as_bytes()]
        {
            let fail = secret(Some(file(bad).path()), "X").err().unwrap();
            assert!(!fail.message.contains("s3cret") && fail.next.contains('X'), "{fail}");
        }
        let fail = secret(None, "ALITV_PAY_NO_SUCH_VARIABLE").err().unwrap();
        assert!(fail.next.contains("ALITV_PAY_NO_SUCH_VARIABLE"), "{fail}");
    }

    #[test]
    fn what_is_no_text_is_named() {
        let cases: [(&[u8], &str); 3] = [
            (b"\x30\x82\x04\xa4\x02\x01\x00\x02\x82\xff", "DER"),
            (b"\xff\xfeM\0I\0", "UTF-16"),
            (b"\x80\x81", "not a text"),
        ];
        for (bytes, word) in cases {
            let fail = key_text(file(bytes).path()).unwrap_err();
            assert!(fail.message.contains(word), "{fail}");
        }
        assert!(key_text(Path::new("/nonexistent")).unwrap_err().message.contains("/nonexistent"));
    }

    #[test]
    fn gbk_is_made_of_utf8_and_replaces_nothing() {
        assert_eq!(Charset::Utf8.encode(b"\xff").unwrap(), b"\xff");
        assert_eq!(Charset::Gbk.encode("宝石".as_bytes()).unwrap(), b"\xb1\xa6\xca\xaf");
        assert!(Charset::Gbk.encode(b"\xff").is_err());
        assert!(Charset::Gbk.encode("😀".as_bytes()).is_err());
    }
}
