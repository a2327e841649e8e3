//! Numbers that some writers send as strings: read from both, exactly, never by way of a
//! float.

use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::money::Fen;

struct Integer;

impl Visitor<'_> for Integer {
    type Value = i64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, or its decimal digits as a string")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<i64, E> {
        Ok(number)
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<i64, E> {
        i64::try_from(number).map_err(|_| E::custom(format!("{number} is too large")))
    }

    /// Digits only: no sign, blank or leading zero.
    fn visit_str<E: Error>(self, text: &str) -> Result<i64, E> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let canonical = digits && (text == "0" || !text.starts_with('0'));
        let number = if canonical { text.parse().ok() } else { None };
        number.ok_or_else(|| E::custom("not an integer in plain digits"))
    }
}

/// An amount; written as a string.
pub(super) mod fen {
    use super::*;

    pub fn serialize<S: Serializer>(fen: &Fen, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&fen.get())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Fen, D::Error> {
        Fen::new(from.deserialize_any(Integer)?).map_err(D::Error::custom)
    }
}

/// An amount of a list; written as a string.
#[derive(Serialize, Deserialize)]
pub(super) struct FenText(#[serde(with = "fen")] pub Fen);

/// An amount that may be missing; null is refused.
pub(super) mod opt_fen {
    use super::*;

    pub fn serialize<S: Serializer>(fen: &Option<Fen>, to: S) -> Result<S::Ok, S::Error> {
        match fen {
            Some(fen) => super::fen::serialize(fen, to),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Fen>, D::Error> {
        super::fen::deserialize(from).map(Some)
    }
}

/// An integer that may be missing, written as a number; null is refused.
pub(super) mod opt_i64 {
    use super::*;

    pub fn serialize<S: Serializer>(n: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
        match n {
            Some(n) => to.serialize_i64(*n),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
        from.deserialize_any(Integer).map(Some)
    }
}

/// An integer, written as a string: some readers lose integers over 2^53.
pub(super) mod text {
    use super::*;

    pub fn serialize<S: Serializer>(n: &i64, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(n)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        from.deserialize_any(Integer)
    }
}

/// As `text`, but it may be missing; null is refused.
pub(super) mod opt_text {
    use super::*;

    pub fn serialize<S: Serializer>(n: &Option<i64>, to: S) -> Result<S::Ok, S::Error> {
        match n {
            Some(n) => super::text::serialize(n, to),
            None => to.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
        super::text::deserialize(from).map(Some)
    }
}

/// An object, or its default if something else stands in its place.
pub(crate) fn or_default<'de, T, D>(from: D) -> Result<T, D::Error>
where
    T: serde::de::DeserializeOwned + Default,
    D: Deserializer<'de>,
{
    let value = serde_json::Value::deserialize(from)?;
    let object = value.is_object().then_some(value);
    Ok(object.and_then(|object| serde_json::from_value(object).ok()).unwrap_or_default())
}
