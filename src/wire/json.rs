//! Strict reading of JSON from outside. serde_json takes the last of two members of one
//! name where another reader takes the first, so a doubled member is no answer at all.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use crate::limits::{JSON_DEPTH_MAX, JSON_STRING_BYTES_MAX};

/// Why a text is not accepted as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonError(String);

impl JsonError {
    pub(super) fn new(text: impl Into<String>) -> JsonError {
        JsonError(text.into())
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for JsonError {}

/// Takes one JSON value whose objects name no member twice, whose nesting is at most
/// `JSON_DEPTH_MAX` and whose strings have at most `JSON_STRING_BYTES_MAX` bytes.
pub fn check_json(text: &str) -> Result<(), JsonError> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let checked = Strict { depth: 0 }.deserialize(&mut reader).and_then(|()| reader.end());
    checked.map_err(|error| JsonError(error.to_string()))
}

/// Reads one object. A derived reader alone would also take a list of the same values.
pub fn read_object<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T, JsonError> {
    if !text.trim_start().starts_with('{') {
        return Err(JsonError::new("an object is expected"));
    }
    serde_json::from_str(text).map_err(|error| JsonError(error.to_string()))
}

#[derive(Clone, Copy)]
struct Strict {
    depth: usize,
}

impl Strict {
    fn inner<E: Error>(self) -> Result<Strict, E> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(E::custom(format!("nested deeper than {JSON_DEPTH_MAX}")));
        }
        Ok(Strict { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if text.len() > JSON_STRING_BYTES_MAX {
            return Err(E::custom(format!("a string is longer than {JSON_STRING_BYTES_MAX}")));
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        while list.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<(), A::Error> {
        let inner = self.inner()?;
        let mut names = HashSet::new();
        while let Some(name) = object.next_key::<String>()? {
            self.visit_str(&name)?;
            object.next_value_seed(inner)?;
            if let Some(name) = names.replace(name) {
                return Err(A::Error::custom(format!("member {name:?} comes twice")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_pass() {
        let deep = format!("{}{}", "[".repeat(JSON_DEPTH_MAX), "]".repeat(JSON_DEPTH_MAX));
        let long = format!("\"{}\"", "x".repeat(JSON_STRING_BYTES_MAX));
        let good = ["null", "true", "-1", "18446744073709551615", "1.5e300", "\"x\"", "[1,[2]]"];
        for text in good.into_iter().chain([r#"{"a":{"a":1},"b":{"a":1}}"#, &deep, &long]) {
            assert_eq!(check_json(text), Ok(()), "{text}");
        }
    }

    #[test]
    fn doubles_depth_and_length_are_refused() {
        let over = JSON_DEPTH_MAX + 1;
        let cases = [
            (r#"{"a":1,"a":1}"#.to_owned(), "twice"),
            (r#"[{"x":{"a":1,"b":2,"\u0061":3}}]"#.to_owned(), "twice"),
            (format!("{}{}", "[".repeat(over), "]".repeat(over)), "deeper"),
            (format!("\"{}\"", "x".repeat(JSON_STRING_BYTES_MAX + 1)), "longer"),
            (format!("{{\"{}\":1}}", "x".repeat(JSON_STRING_BYTES_MAX + 1)), "longer"),
            ("[1] 2".to_owned(), "trailing"),
            ("\"\\ud800\"".to_owned(), "hex escape"),
            ("01".to_owned(), "invalid number"),
            ("NaN".to_owned(), "expected"),
            ("1e999".to_owned(), "range"),
        ];
        for (text, why) in cases {
            let error = check_json(&text).expect_err(&text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
