//! gateway.6uu.com: a signed query string goes in by GET, JSON comes out (protocol notes 2.3,
//! 2.4 and 9). Everything that is signed is GBK, so parameters are kept as GBK bytes from one
//! end to the other: what is verified is what arrived, not what decoding made of it.

mod calls;

use std::collections::BTreeMap;
use std::fmt;

use md5::{Digest, Md5};

pub use self::calls::*;
use super::gbk;
use super::secret::Secret;
use super::sign::{hex_eq, SignError};
use super::top::ParamsError;
use crate::limits::TOP_PARAMS_MAX;

/// The parameter that is not signed.
const SIGN: &str = "sign";

/// A text has a character that GBK does not have, so that it cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotGbk(pub String);

impl fmt::Display for NotGbk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has a character that GBK does not have", self.0)
    }
}

impl std::error::Error for NotGbk {}

/// The parameters of one request as GBK bytes: unique, sorted by the bytes of their names.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields(BTreeMap<Vec<u8>, Vec<u8>>);

/// Names only: values may be signatures.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys().map(|name| String::from_utf8_lossy(name))).finish()
    }
}

impl Fields {
    /// No parameters.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// Sets one parameter. An empty one is left out: it is neither signed nor sent.
    ///
    /// # Errors
    /// GBK does not have a character of it; the error names the parameter.
    pub fn set(&mut self, name: &str, value: &str) -> Result<(), NotGbk> {
        let bytes = |text| gbk::encode(text).ok_or_else(|| NotGbk(name.to_owned()));
        let (key, value) = (bytes(name)?, bytes(value)?);
        if !value.is_empty() {
            self.0.insert(key.into_owned(), value.into_owned());
        }
        Ok(())
    }

    /// What a server received, with every parameter that is there, empty ones too.
    ///
    /// # Errors
    /// A name comes twice or is empty, or there are more than `TOP_PARAMS_MAX`.
    pub fn parse(query: &str) -> Result<Fields, ParamsError> {
        let mut fields = Fields::new();
        for part in query.split('&').filter(|part| !part.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            fields.add(form_decode(name), form_decode(value))?;
        }
        Ok(fields)
    }

    fn add(&mut self, name: Vec<u8>, value: Vec<u8>) -> Result<(), ParamsError> {
        if name.is_empty() {
            return Err(ParamsError::NoName);
        }
        if self.0.contains_key(&name) {
            return Err(ParamsError::Twice(String::from_utf8_lossy(&name).into_owned()));
        }
        if self.0.len() == TOP_PARAMS_MAX {
            return Err(ParamsError::TooMany);
        }
        self.0.insert(name, value);
        Ok(())
    }

    /// The bytes of a parameter.
    pub fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name.as_bytes()).map(Vec::as_slice)
    }

    /// Lower-case hexadecimal signature over every parameter but `sign`.
    pub fn sign(&self, secret: &Secret) -> String {
        let mut md5 = Md5::new();
        for (name, value) in self.signed() {
            md5.update(name);
            md5.update(value);
        }
        md5.update(secret.as_bytes());
        md5.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The signed query string: `sign` first, then the parameters in the order in which they
    /// are signed.
    pub fn query_string(&self, secret: &Secret) -> String {
        let mut text = format!("{SIGN}={}", self.sign(secret));
        for (name, value) in self.signed() {
            text.push('&');
            text.extend(form_urlencoded::byte_serialize(name));
            text.push('=');
            text.extend(form_urlencoded::byte_serialize(value));
        }
        text
    }

    /// Checks `sign` over exactly the parameters that are there. Takes the same time wherever
    /// the signature differs.
    ///
    /// # Errors
    /// There is no `sign`, or it is another one.
    pub fn verify(&self, secret: &Secret) -> Result<(), SignError> {
        let given = self.bytes(SIGN).filter(|sign| !sign.is_empty()).ok_or(SignError::Missing)?;
        let given = std::str::from_utf8(given).map_err(|_| SignError::Invalid)?;
        hex_eq(&self.sign(secret), given).then_some(()).ok_or(SignError::Invalid)
    }

    fn signed(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let all = self.0.iter().map(|(name, value)| (name.as_slice(), value.as_slice()));
        all.filter(|(name, _)| *name != SIGN.as_bytes())
    }
}

/// `+` is a blank, `%XX` a byte; a `%` without two hexadecimal digits stands for itself.
fn form_decode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex_digit(*high), hex_digit(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push(high << 4 | low);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (other, _) => bytes.push(*other),
        }
    }
    bytes
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        name: String,
        secret: String,
        params: BTreeMap<String, String>,
        base_string: String,
        sign: String,
        query_string_js: String,
        query_string_java: String,
    }

    fn vectors() -> Vec<Vector> {
        let text = include_str!("../../../tests/vectors/baodian.json");
        serde_json::from_str::<Vectors>(text).unwrap().vectors
    }

    fn fields(params: &BTreeMap<String, String>) -> Fields {
        let mut fields = Fields::new();
        params.iter().for_each(|(name, value)| fields.set(name, value).unwrap());
        fields
    }

    #[test]
    fn signs_and_sends_what_the_public_helpers_sign_and_send() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 9);
        for vector in vectors {
            let fields = fields(&vector.params);
            let signed: Vec<u8> =
                fields.signed().flat_map(|(n, v)| [n, v]).flatten().copied().collect();
            let base = format!("{}{}", gbk::decode(&signed).unwrap(), vector.secret);
            assert_eq!(base, vector.base_string, "{}", vector.name);
            let secret = Secret::new(vector.secret).unwrap();
            assert_eq!(fields.sign(&secret), vector.sign, "{}", vector.name);
            for sent in [vector.query_string_js, vector.query_string_java] {
                assert_eq!(fields.query_string(&secret), sent, "{}", vector.name);
                let received = Fields::parse(&sent).unwrap();
                assert_eq!(received.verify(&secret), Ok(()), "{}", vector.name);
                for (name, value) in &vector.params {
                    let bytes = received.bytes(name).unwrap();
                    assert_eq!(gbk::decode(bytes).as_deref(), Some(value.as_str()), "{name}");
                }
            }
        }
    }

    #[test]
    fn every_change_of_a_request_is_noticed() {
        let vector = vectors().pop().unwrap();
        let secret = Secret::new(vector.secret.as_str()).unwrap();
        let sent = vector.query_string_java;
        for spoiled in [
            format!("{sent}&status=1"),
            format!("{sent}&status="),
            sent.replace("ts=1466395200000", "ts=1466395200001"),
            sent.replace("&title=", "&titlf="),
            sent.replace("sign=e354", "sign=e355"),
            sent.replace("%D3%B0", "%E5%BD%B1"),
        ] {
            assert_ne!(spoiled, sent);
            let received = Fields::parse(&spoiled).unwrap();
            assert_eq!(received.verify(&secret), Err(SignError::Invalid), "{spoiled}");
        }
        let received = Fields::parse(&sent).unwrap();
        assert_eq!(received.verify(&Secret::new("x").unwrap()), Err(SignError::Invalid));
        for unsigned in ["ts=1", "sign=&ts=1", ""] {
            let received = Fields::parse(unsigned).unwrap();
            assert_eq!(received.verify(&secret), Err(SignError::Missing), "{unsigned}");
        }
    }

    #[test]
    fn empty_parameters_are_not_sent_but_signed_where_they_arrive() {
        let secret = Secret::new("s").unwrap();
        let mut without = Fields::new();
        without.set("ts", "1").unwrap();
        let mut with = without.clone();
        with.set("status", "").unwrap();
        assert_eq!(with, without);
        let sign = Fields::parse("status=&ts=1").unwrap().sign(&secret);
        assert_ne!(sign, without.sign(&secret));
        let received = Fields::parse(&format!("ts=1&status=&sign={sign}")).unwrap();
        assert_eq!(received.verify(&secret), Ok(()));
    }

    #[test]
    fn doubled_nameless_and_too_many_parameters_are_refused() {
        assert_eq!(Fields::parse("a=1&b=2&%61=3"), Err(ParamsError::Twice("a".into())));
        assert_eq!(Fields::parse("=1"), Err(ParamsError::NoName));
        let many = |n: usize| (0..n).map(|i| format!("p{i}=1")).collect::<Vec<_>>().join("&");
        assert!(Fields::parse(&many(TOP_PARAMS_MAX)).is_ok());
        assert_eq!(Fields::parse(&many(TOP_PARAMS_MAX + 1)), Err(ParamsError::TooMany));
    }

    #[test]
    fn half_escapes_stand_for_themselves() {
        for (text, bytes) in [
            ("a%", &b"a%"[..]),
            ("%4", b"%4"),
            ("%zz1", b"%zz1"),
            ("%4A+%2b", b"J +"),
            ("%+1", b"% 1"),
        ] {
            assert_eq!(form_decode(text), bytes, "{text}");
        }
    }

    #[test]
    fn a_character_that_cannot_be_signed_names_its_parameter() {
        let mut fields = Fields::new();
        let error = fields.set("app_order_id", "😀").unwrap_err();
        assert_eq!(error.to_string(), "app_order_id has a character that GBK does not have");
    }
}
