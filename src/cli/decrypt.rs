//! `alitv-pay decrypt`: what a notify's `data` says.

use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use super::exit::{Fail, DONE, OTHER};
use super::merchant::MerchantArgs;
use super::out::Out;
use super::{input, show};
use crate::wire::blocks;
use crate::wire::json::check_json;
use crate::wire::notify;

/// Options of `decrypt`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay decrypt --key merchant.key.pem --text 'http://shop.example/notify?data=dpWBC5x5...'
  alitv-pay decrypt --key merchant.key.pem <body.txt | jq .order_status
Takes the base64 itself, percent-encoded or not, a form body, or a whole URL with its parameters,
and prints the JSON. That it decrypts does not say that the platform sent it: whoever holds the
public key can make one.")]
pub struct Decrypt {
    /// File of the private key [default: the key of the merchant's file]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// What came [default: standard input]
    #[arg(long)]
    text: Option<String>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

impl Decrypt {
    /// Runs it.
    ///
    /// # Errors
    /// A key that cannot be used, no `data`, or one that was not encrypted to this key.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let key = input::merchants_key(self.key.as_deref(), &self.merchant, out)?;
        let given = match &self.text {
            Some(text) => text.clone(),
            None => stdin()?,
        };
        let data = data_of(&given)?;
        let plain = blocks::decrypt(&key, &data).map_err(|error| {
            let next =
                "give it whole and unchanged, and the key whose public half the portal has: \
                        alitv-pay keys show FILE";
            Fail::new(OTHER, format!("data: {error}"), next)
        })?;
        out.data(&json_line(&plain).ok_or_else(no_json)?)?;
        Ok(DONE)
    }
}

fn stdin() -> Result<String, Fail> {
    String::from_utf8(input::stdin()?)
        .map_err(|_| Fail::usage("the text is not UTF-8", "see --help"))
}

/// Finds `data` in whatever was copied. A blank at an end may be a `+` that was not escaped,
/// or a blank: the length of the base64 tells.
fn data_of(given: &str) -> Result<String, Fail> {
    let line = given.trim_matches(['\r', '\n', '\t']);
    match named(line) {
        Ok(data) if data.len().is_multiple_of(4) => Ok(data),
        _ => named(given.trim()),
    }
}

fn named(text: &str) -> Result<String, Fail> {
    let url = text.trim_start();
    let start = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    let query = match start.starts_with("http://") || start.starts_with("https://") {
        true => url.split('#').next().and_then(|url| url.split_once('?')).map_or("", |x| x.1),
        false => text,
    };
    let named = query.split('&').any(|pair| pair.starts_with("data="));
    let query = if named || query != text { query.to_owned() } else { format!("data={query}") };
    notify::data_of(&query, "").map_err(|error| {
        Fail::usage(error.to_string(), "give the base64, a form body or a URL with data=")
    })
}

/// The JSON on one line, with nothing in it that would command a terminal.
fn json_line(plain: &[u8]) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(plain).ok()?;
    // A made-up byte can be a digit, and with it JSON.
    check_json(text).ok().filter(|()| text.trim_start().starts_with('{'))?;
    // Between tokens of JSON a line end is a blank.
    Some(Zeroizing::new(show::clean(&text.trim().replace(['\r', '\n', '\t'], " "))))
}

fn no_json() -> Fail {
    let next =
        "it was encrypted to another key, or is not whole; alitv-pay keys show FILE has the \
                fingerprint to compare";
    Fail::new(OTHER, "data decrypts to something that is no JSON", next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_found_in_whatever_was_copied() {
        for text in [
            "AB+/cd==",
            "AB%2B%2Fcd%3D%3D",
            "AB%2b/cd%3d=",
            "AB /cd==",
            "data=AB+/cd==",
            "a=1&data=AB%2B%2Fcd%3D%3D&b=2",
            "http://h/n?data=AB%2B%2Fcd%3D%3D",
            "HTTPS://h/n?x=1&data=AB+/cd==#top",
        ] {
            for text in [text.to_owned(), format!("{text}\r\n"), format!("  {text}\n")] {
                assert_eq!(data_of(&text).ok().as_deref(), Some("AB+/cd=="), "{text}");
            }
        }
        assert_eq!(data_of(" B+/cde \n").ok().as_deref(), Some("+B+/cde+"));
        for text in ["", "data=", "http://h/n", "http://h/n?x=1", "data=AA==&data=BB=="] {
            assert!(data_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn only_json_is_shown_and_commands_no_terminal() {
        let line = |text: &str| json_line(text.as_bytes()).map(|line| line.to_string());
        assert_eq!(line("{\"a\":\n \"宝\"}\n").as_deref(), Some("{\"a\":  \"宝\"}"));
        assert_eq!(line("{\"a\":\"\u{9b}2J\"}").as_deref(), Some("{\"a\":\"?2J\"}"));
        assert_eq!(line("{\"a\":\"\u{1b}\"}"), None);
        assert_eq!(line("{\"a\":1,\"a\":2}"), None);
        assert_eq!(line("plain"), None);
        assert_eq!(line("7"), None);
        assert_eq!(json_line(b"\xff"), None);
    }
}
