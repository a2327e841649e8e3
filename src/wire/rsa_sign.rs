//! SHA1WithRSA: the merchant's own signature (seed 002, 1.4.2; protocol/alitv.md 8), over the
//! bytes of a text in a charset that both sides know. Nothing of the platform asks for it any
//! more; the seeds still show it, and older partners check it.

use std::fmt;

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use sha1::Sha1;

use super::keys::{PrivateKey, PublicKey};

/// The system gives no random numbers to blind the computation with, or the processor
/// computed a wrong signature, which was kept back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignFault;

impl fmt::Display for SignFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the system gives no random numbers")
    }
}

impl std::error::Error for SignFault {}

/// Signs bytes: RSASSA-PKCS1-v1_5 with SHA-1, as standard base64 on one line. The same bytes
/// always give the same signature.
///
/// # Errors
/// A fault of the machine; no content is refused.
pub fn sign_sha1(key: &PrivateKey, content: &[u8]) -> Result<String, SignFault> {
    let signature = key.rsa().pkcs1v15_sign::<Sha1>(content).map_err(|_| SignFault)?;
    Ok(STANDARD.encode(signature))
}

/// Whether a signature is this key's over these bytes. Text that is no base64 is no signature.
pub fn verify_sha1(key: &PublicKey, content: &[u8], base64: &str) -> bool {
    let Ok(signature) = STANDARD.decode(base64) else { return false };
    key.rsa().pkcs1v15_verify::<Sha1>(content, &signature).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::keys::vectors::pair;

    #[derive(serde::Deserialize)]
    struct Vectors {
        vectors: Vec<Vector>,
    }

    #[derive(serde::Deserialize)]
    struct Vector {
        key: String,
        content: String,
        charset: String,
        signature_base64: String,
    }

    impl Vector {
        fn bytes(&self) -> Vec<u8> {
            match self.charset.as_str() {
                "GBK" => encoding_rs::GBK.encode(&self.content).0.into_owned(),
                _ => self.content.clone().into_bytes(),
            }
        }
    }

    fn vectors() -> Vec<Vector> {
        let text = include_str!("../../tests/vectors/sha1rsa.json");
        serde_json::from_str::<Vectors>(text).unwrap().vectors
    }

    #[test]
    fn signs_what_openssl_signs() {
        let vectors = vectors();
        assert_eq!(vectors.len(), 14);
        for vector in vectors {
            let (private, public) = pair(&vector.key);
            let content = vector.bytes();
            let signature = sign_sha1(&private, &content).unwrap();
            assert_eq!(signature, vector.signature_base64, "{}", vector.content);
            assert!(verify_sha1(&public, &content, &signature));
        }
    }

    #[test]
    fn nothing_else_is_a_signature() {
        let vector = &vectors()[0];
        let (private, public) = pair(&vector.key);
        let (_, other) = pair("2048");
        let good = &vector.signature_base64;
        assert!(!verify_sha1(&public, b"b", good));
        assert!(!verify_sha1(&other, b"a", good));
        let mut spoilt = STANDARD.decode(good).unwrap();
        for at in 0..spoilt.len() {
            spoilt[at] ^= 1;
            assert!(!verify_sha1(&public, b"a", &STANDARD.encode(&spoilt)), "{at}");
            spoilt[at] ^= 1;
        }
        for text in ["", "AA==", "%%%", &good[1..], &format!("{good}AAAA"), &format!("{good}\n")] {
            assert!(!verify_sha1(&public, b"a", text), "{text}");
        }
        let sha256 = private.rsa().pkcs1v15_sign::<sha2::Sha256>(b"a").unwrap();
        assert!(!verify_sha1(&public, b"a", &STANDARD.encode(sha256)));
    }
}
