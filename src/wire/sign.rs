//! TOP request signatures. The base string is every parameter but `sign`, sorted by name,
//! names and decoded values one after the other without separators. Two requests can share
//! a base string (`a1=b` and `a=1b`), so nothing else may be built on it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::secret::Secret;
use super::top::Params;

/// How a request is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignMethod {
    /// MD5 over secret, base string, secret.
    Md5,
    /// HMAC-MD5.
    Hmac,
    /// HMAC-SHA256.
    HmacSha256,
}

impl SignMethod {
    /// The value of `sign_method`.
    pub fn as_str(self) -> &'static str {
        match self {
            SignMethod::Md5 => "md5",
            SignMethod::Hmac => "hmac",
            SignMethod::HmacSha256 => "hmac-sha256",
        }
    }

    /// Reads a value of `sign_method`.
    pub fn parse(text: &str) -> Option<SignMethod> {
        [SignMethod::Md5, SignMethod::Hmac, SignMethod::HmacSha256]
            .into_iter()
            .find(|method| method.as_str() == text)
    }
}

/// Why a request is not accepted as signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignError {
    /// There is no `sign`.
    Missing,
    /// `sign_method` is none of the three.
    Method,
    /// The signature is another one.
    Invalid,
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SignError::Missing => "sign is missing",
            SignError::Method => "sign_method must be md5, hmac or hmac-sha256",
            SignError::Invalid => "sign does not match the parameters",
        })
    }
}

impl std::error::Error for SignError {}

/// Upper-case hexadecimal signature over every parameter but `sign`.
pub fn sign(params: &Params, secret: &Secret, method: SignMethod) -> String {
    match method {
        SignMethod::Md5 => {
            let mut md5 = Md5::new();
            md5.update(secret.as_bytes());
            each_part(params, |part| md5.update(part));
            md5.update(secret.as_bytes());
            hex(&md5.finalize())
        }
        SignMethod::Hmac => keyed(hmac_of::<Hmac<Md5>>(secret), params),
        SignMethod::HmacSha256 => keyed(hmac_of::<Hmac<Sha256>>(secret), params),
    }
}

/// Checks `sign`, upper or lower case, by the request's `sign_method`; a missing one means
/// md5. Takes the same time wherever the signature differs.
pub fn verify(params: &Params, secret: &Secret) -> Result<(), SignError> {
    let method = match params.get("sign_method") {
        Some(text) => SignMethod::parse(text).ok_or(SignError::Method)?,
        None => SignMethod::Md5,
    };
    let given = params.get("sign").ok_or(SignError::Missing)?.to_ascii_uppercase();
    let right = sign(params, secret, method);
    if right.as_bytes().ct_eq(given.as_bytes()).into() {
        Ok(())
    } else {
        Err(SignError::Invalid)
    }
}

/// The string that is signed, to be compared with the other side's when signatures differ:
/// without the secret, which md5 puts before and behind it.
pub fn base_string(params: &Params) -> String {
    let mut base = Vec::new();
    each_part(params, |part| base.extend_from_slice(part));
    String::from_utf8_lossy(&base).into_owned()
}

/// HMAC-SHA256 of a text, upper-case hexadecimal.
pub(super) fn hmac_sha256(secret: &Secret, text: &[u8]) -> String {
    let mut mac = hmac_of::<Hmac<Sha256>>(secret);
    mac.update(text);
    hex(&mac.finalize().into_bytes())
}

/// Whether two hexadecimal texts are equal, upper or lower case, in constant time.
pub(super) fn hex_eq(right: &str, given: &str) -> bool {
    let (right, given) = (right.to_ascii_uppercase(), given.to_ascii_uppercase());
    right.as_bytes().ct_eq(given.as_bytes()).into()
}

fn hmac_of<M: KeyInit>(secret: &Secret) -> M {
    M::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length")
}

fn keyed<M: Mac>(mut mac: M, params: &Params) -> String {
    each_part(params, |part| mac.update(part));
    hex(&mac.finalize().into_bytes())
}

fn each_part(params: &Params, mut take: impl FnMut(&[u8])) {
    for (name, value) in params.iter().filter(|(name, _)| *name != "sign") {
        take(name.as_bytes());
        take(value.as_bytes());
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(serde::Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
        divergent: Vec<Divergent>,
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        name: String,
        secret: String,
        sign_method: String,
        params: std::collections::BTreeMap<String, String>,
        base_string: String,
        sign: String,
    }

    #[derive(serde::Deserialize)]
    struct Divergent {
        secret: String,
        params: std::collections::BTreeMap<String, String>,
        sign_with_name: String,
        sign_without: String,
    }

    fn vectors() -> Vectors {
        serde_json::from_str(include_str!("../../tests/vectors/top.json")).unwrap()
    }

    fn params(map: &std::collections::BTreeMap<String, String>) -> Params {
        let mut params = Params::new();
        map.iter().for_each(|(name, value)| params.set(name, value.as_str()));
        params
    }

    #[test]
    fn signs_what_the_public_sdks_sign() {
        let vectors = vectors().vectors;
        assert_eq!(vectors.len(), 25);
        for vector in vectors {
            let method = SignMethod::parse(&vector.sign_method).unwrap();
            let mut params = params(&vector.params);
            let base = base_string(&params);
            let inner = vector.base_string.trim_start_matches(&vector.secret);
            assert_eq!(base, inner.trim_end_matches(&vector.secret), "{}", vector.name);
            let secret = Secret::new(vector.secret).unwrap();
            assert_eq!(sign(&params, &secret, method), vector.sign, "{}", vector.name);
            for given in [vector.sign.clone(), vector.sign.to_lowercase()] {
                params.set("sign", given);
                assert_eq!(verify(&params, &secret), Ok(()), "{}", vector.name);
            }
        }
    }

    #[test]
    fn signs_exactly_what_arrived_where_sdks_differ() {
        for case in vectors().divergent {
            let secret = Secret::new(case.secret).unwrap();
            let with = params(&case.params);
            assert_eq!(sign(&with, &secret, SignMethod::Md5), case.sign_with_name);
            let mut kept = case.params.clone();
            kept.retain(|_, value| !value.trim().is_empty());
            assert_eq!(sign(&params(&kept), &secret, SignMethod::Md5), case.sign_without);
        }
    }

    #[test]
    fn every_changed_character_is_noticed() {
        let vector = vectors().vectors.remove(2);
        let secret = Secret::new(vector.secret).unwrap();
        let mut signed = params(&vector.params);
        signed.set("sign", vector.sign.as_str());
        for (name, value) in &vector.params {
            let mut spoiled = signed.clone();
            spoiled.set(name, format!("{value}x"));
            assert_ne!(verify(&spoiled, &secret), Ok(()), "{name}");
        }
        for at in 0..vector.sign.len() {
            let mut sign = vector.sign.clone().into_bytes();
            sign[at] = if sign[at] == b'0' { b'1' } else { b'0' };
            signed.set("sign", String::from_utf8(sign).unwrap());
            assert_eq!(verify(&signed, &secret), Err(SignError::Invalid));
        }
        signed.set("sign", "");
        assert_eq!(verify(&signed, &secret), Err(SignError::Invalid));
        let other = Secret::new("another").unwrap();
        signed.set("sign", vector.sign);
        assert_eq!(verify(&signed, &other), Err(SignError::Invalid));
    }

    #[test]
    fn a_missing_sign_or_a_strange_method_has_its_own_error() {
        let secret = Secret::new("s").unwrap();
        let mut params = Params::new();
        assert_eq!(verify(&params, &secret), Err(SignError::Missing));
        params.set("sign", sign(&params, &secret, SignMethod::Md5));
        assert_eq!(verify(&params, &secret), Ok(()));
        for method in ["", "MD5", "sha1", "none"] {
            params.set("sign_method", method);
            assert_eq!(verify(&params, &secret), Err(SignError::Method));
        }
    }
}
