//! A text that must not be seen.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::limits::SECRET_BYTES_MAX;

/// An app secret or a token: 1 to `SECRET_BYTES_MAX` bytes of printable ASCII. Cannot be
/// printed, written out or copied; share it in an `Arc`. Its memory is overwritten on drop,
/// and comparing takes the same time wherever two of one length differ.
pub struct Secret(Zeroizing<String>);

/// Why a text is no secret. Does not quote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SecretError;

impl fmt::Display for SecretError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a secret must be 1 to {SECRET_BYTES_MAX} printable ASCII characters, no blanks")
    }
}

impl std::error::Error for SecretError {}

impl Secret {
    /// Takes the text over. A refused text is overwritten too.
    pub fn new(text: impl Into<String>) -> Result<Secret, SecretError> {
        let text = Zeroizing::new(text.into());
        let fits = (1..=SECRET_BYTES_MAX).contains(&text.len());
        if !fits || !text.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(SecretError);
        }
        Ok(Secret(text))
    }

    /// The bytes, as a key for a signature. Do not keep a copy.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Whether a presented text is this secret.
    pub fn matches(&self, presented: &[u8]) -> bool {
        self.as_bytes().ct_eq(presented).into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.matches(other.as_bytes())
    }
}

impl Eq for Secret {}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        Secret::new(String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_bounds_and_never_quotes_what_it_refuses() {
        for good in ["x", &"x".repeat(SECRET_BYTES_MAX)] {
            assert!(Secret::new(good).unwrap().matches(good.as_bytes()));
        }
        for bad in ["", "a b", "a\n", "密", "\u{7f}", &"q".repeat(SECRET_BYTES_MAX + 1)] {
            let error = Secret::new(bad).err().expect(bad).to_string();
            assert!(error.contains("128") && (bad.is_empty() || !error.contains(bad)), "{error}");
        }
    }

    #[test]
    fn compares_whole_texts() {
        let secret = Secret::new("helloworld").unwrap();
        assert!(secret == Secret::new("helloworld").unwrap());
        for other in ["helloworle", "helloworl", "helloworldd", "Helloworld"] {
            assert!(secret != Secret::new(other).unwrap(), "{other}");
        }
    }

    #[test]
    fn reads_from_a_configuration_and_keeps_errors_clean() {
        let secret: Secret = serde_json::from_str("\"s3cret\"").unwrap();
        assert!(secret.matches(b"s3cret"));
        let error = serde_json::from_str::<Secret>("\"my pass\"").err().unwrap().to_string();
        assert!(!error.contains("my pass"), "{error}");
    }
}
