//! RSA in blocks: how the platform encrypts a notify and the answer of an order query to the
//! merchant's public key (protocol/alitv.md 6.2). The text is cut into pieces of at most
//! k - 11 bytes, where k is the length of the modulus; each piece becomes one block of k bytes
//! (RSAES-PKCS1-v1_5), the blocks are joined and written as base64.
//!
//! That something decrypts proves nothing. The public key is known to others, nothing binds
//! the blocks of a text together, and a block that was not made with this key decrypts to
//! made-up bytes instead of an error, since an error would tell a stranger about the padding.

use std::fmt;

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use zeroize::Zeroizing;

use super::keys::{PrivateKey, PublicKey};
use crate::limits::BLOCKS_MAX;

/// Bytes of each block that the padding takes.
const PADDING_BYTES: usize = 11;

/// Why a text was not encrypted or decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlocksError {
    /// No bytes at all.
    Empty,
    /// A text that needs more than `BLOCKS_MAX` blocks.
    TooMany {
        /// Blocks it would need.
        blocks: usize,
    },
    /// Not standard base64 with padding, without blanks and line ends.
    Base64,
    /// No whole number of blocks: cut off, or encrypted to a key of another size.
    Length {
        /// Bytes that the base64 holds.
        bytes: usize,
        /// Bytes of a block.
        block: usize,
    },
    /// A block that no text can be encrypted to with this key.
    Block,
    /// The system gives no random numbers, or the processor computes wrong ones.
    System,
}

impl fmt::Display for BlocksError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlocksError::Empty => write!(f, "the text is empty"),
            BlocksError::TooMany { blocks } => {
                write!(f, "{blocks} blocks; there may be {BLOCKS_MAX}")
            }
            BlocksError::Base64 => write!(f, "this is not base64"),
            BlocksError::Length { bytes, block } => {
                write!(f, "{bytes} bytes are no whole number of blocks of {block} bytes")
            }
            BlocksError::Block => write!(f, "a block was not made with this key"),
            BlocksError::System => write!(f, "the system gives no random numbers"),
        }
    }
}

impl std::error::Error for BlocksError {}

/// Encrypts; the padding is random, so two calls give two texts. Standard base64 with padding,
/// on one line.
///
/// # Errors
/// `Empty`, `TooMany` or `System`.
pub fn encrypt(key: &PublicKey, plain: &[u8]) -> Result<String, BlocksError> {
    let piece = key.block_bytes() - PADDING_BYTES;
    let blocks = plain.len().div_ceil(piece);
    check_count(blocks)?;
    let mut joined = Vec::with_capacity(blocks * key.block_bytes());
    for part in plain.chunks(piece) {
        let block = key.rsa().pkcs1v15_encrypt(part).map_err(|_| BlocksError::System)?;
        joined.extend_from_slice(&block);
    }
    Ok(STANDARD.encode(joined))
}

/// Decrypts, with blinding. The bytes are joined before anything reads them as text: a
/// character may lie across a border.
///
/// # Errors
/// Any but `System` says that the text was not encrypted to this key. No error does not say
/// that it was.
pub fn decrypt(key: &PrivateKey, base64: &str) -> Result<Zeroizing<Vec<u8>>, BlocksError> {
    let block = key.public().block_bytes();
    let most = (BLOCKS_MAX * block).div_ceil(3) * 4;
    if base64.len() > most {
        return Err(BlocksError::TooMany { blocks: base64.len() / 4 * 3 / block });
    }
    let joined = STANDARD.decode(base64).map_err(|_| BlocksError::Base64)?;
    if joined.len() % block != 0 {
        return Err(BlocksError::Length { bytes: joined.len(), block });
    }
    check_count(joined.len() / block)?;
    let mut plain = Zeroizing::new(Vec::with_capacity(joined.len()));
    for part in joined.chunks(block) {
        let piece = key.rsa().pkcs1v15_decrypt(part).map_err(|error| match error {
            rsa::Error::Decryption | rsa::Error::Decode(_) => BlocksError::Block,
            _ => BlocksError::System,
        })?;
        plain.extend_from_slice(&Zeroizing::new(piece));
    }
    Ok(plain)
}

fn check_count(blocks: usize) -> Result<(), BlocksError> {
    match blocks {
        0 => Err(BlocksError::Empty),
        1..=BLOCKS_MAX => Ok(()),
        _ => Err(BlocksError::TooMany { blocks }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json::check_json;
    use crate::wire::keys::vectors::{notify, pair};

    #[test]
    fn decrypts_what_openssl_encrypted() {
        let vectors = notify().vectors;
        assert_eq!(vectors.len(), 34);
        for vector in vectors {
            let (key, public) = pair(&vector.key);
            let plain = decrypt(&key, &vector.data_base64).unwrap();
            assert_eq!(plain.as_slice(), vector.plaintext.as_bytes(), "{}", vector.name);
            let again = encrypt(&public, &plain).unwrap();
            assert_eq!(again.len(), vector.data_base64.len(), "{}", vector.name);
            assert_eq!(again.len(), (vector.blocks * public.block_bytes()).div_ceil(3) * 4);
            assert_ne!(again, vector.data_base64, "{}", vector.name);
            assert_eq!(decrypt(&key, &again).unwrap(), plain, "{}", vector.name);
        }
    }

    /// What was not made of one text with this key either fails here, or comes out as bytes
    /// that are no JSON.
    #[test]
    fn what_is_spoilt_fails_here_or_as_json() {
        let negative = notify().negative;
        assert_eq!(negative.len(), 8);
        for case in negative {
            let (key, _) = pair(&case.key);
            let result = decrypt(&key, &case.data_base64);
            let length = |bytes| Err(BlocksError::Length { bytes, block: 128 });
            match case.name.as_str() {
                "truncated-by-one-byte" => assert_eq!(result, length(639)),
                "not-base64" => assert_eq!(result, Err(BlocksError::Base64)),
                "empty" => assert_eq!(result, Err(BlocksError::Empty)),
                "forged-by-third-party" => assert!(is_json(&result.unwrap())),
                "last-block-missing" | "block-bit-flip" | "blocks-swapped" => {
                    assert!(!is_json(&result.unwrap()), "{}", case.name);
                }
                // A number of 2048 bits that may lie above the modulus.
                "wrong-key" => assert!(result.map_or(true, |plain| !is_json(&plain))),
                other => panic!("what is {other}?"),
            }
        }
    }

    fn is_json(plain: &[u8]) -> bool {
        std::str::from_utf8(plain).is_ok_and(|text| check_json(text).is_ok())
    }

    #[test]
    fn the_bounds_of_a_block_and_of_their_number() {
        for bits in ["1024", "2048"] {
            let (key, public) = pair(bits);
            let block = public.block_bytes();
            let piece = block - PADDING_BYTES;
            assert_eq!(encrypt(&public, b""), Err(BlocksError::Empty));
            let most = vec![b'x'; BLOCKS_MAX * piece];
            let data = encrypt(&public, &most).unwrap();
            assert_eq!(*decrypt(&key, &data).unwrap(), most);
            let many = BlocksError::TooMany { blocks: BLOCKS_MAX + 1 };
            assert_eq!(encrypt(&public, &[most.as_slice(), b"x"].concat()), Err(many));
            let long = STANDARD.encode(vec![0; (BLOCKS_MAX + 1) * block]);
            assert_eq!(decrypt(&key, &long), Err(many));
            let one = encrypt(&public, b"x").unwrap();
            for spoilt in [
                one.trim_end_matches('=').to_owned(),
                format!(" {one}"),
                format!("{one}\n"),
                one.replacen('A', "-", 1).replacen(&one[..1], "_", 1),
            ] {
                assert_eq!(decrypt(&key, &spoilt), Err(BlocksError::Base64), "{spoilt}");
            }
            for bytes in [1, block - 1, block + 1] {
                let result = decrypt(&key, &STANDARD.encode(vec![0; bytes]));
                assert_eq!(result, Err(BlocksError::Length { bytes, block }));
            }
            let above = STANDARD.encode(vec![0xff; block]);
            assert_eq!(decrypt(&key, &above), Err(BlocksError::Block));
        }
    }

    /// A stranger learns nothing about the padding: what was not encrypted to this key comes
    /// out as made-up bytes, the same ones each time.
    #[test]
    fn bad_padding_is_no_error() {
        let (key, _) = pair("1024");
        for byte in 1..=8 {
            let data = STANDARD.encode([byte; 128]);
            let plain = decrypt(&key, &data).unwrap();
            assert!(plain.len() <= 128 - PADDING_BYTES);
            assert_eq!(decrypt(&key, &data).unwrap(), plain);
        }
    }
}
