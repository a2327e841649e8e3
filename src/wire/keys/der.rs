//! From DER to an RSA key, or to what it is instead. What a body is, is told by its shape,
//! whatever a header line may say.

use std::fmt;

use rsa::pkcs1::{RsaPrivateKeyRef, RsaPublicKeyRef};
use rsa::pkcs8::der::asn1::{AnyRef, AsUintRef};
use rsa::pkcs8::der::{Decode, Header, Reader, SliceReader, Tag, Tagged};
use rsa::pkcs8::spki::{AlgorithmIdentifierRef, SubjectPublicKeyInfoRef};
use rsa::pkcs8::{ObjectIdentifier, PrivateKeyInfoRef};

use super::error::Found;
use crate::limits::{RSA_BITS_MAX, RSA_BITS_MIN};

/// Which half a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Decrypts and signs; shown to nobody.
    Private,
    /// Encrypts and verifies; given to the platform.
    Public,
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyKind::Private => "an RSA private key",
            KeyKind::Public => "an RSA public key",
        })
    }
}

/// How the numbers of a key are wrapped up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    /// RSA's own form, private or public.
    Pkcs1,
    /// A private key of any algorithm.
    Pkcs8,
    /// A public key of any algorithm: SubjectPublicKeyInfo.
    Spki,
}

impl KeyForm {
    /// The header line of PEM that belongs to the form.
    pub(super) fn label(self, kind: KeyKind) -> &'static str {
        match (self, kind) {
            (KeyForm::Pkcs1, KeyKind::Private) => "RSA PRIVATE KEY",
            (KeyForm::Pkcs1, KeyKind::Public) => "RSA PUBLIC KEY",
            (KeyForm::Pkcs8, _) => "PRIVATE KEY",
            (KeyForm::Spki, _) => "PUBLIC KEY",
        }
    }
}

impl fmt::Display for KeyForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            KeyForm::Pkcs1 => "PKCS#1",
            KeyForm::Pkcs8 => "PKCS#8",
            KeyForm::Spki => "SubjectPublicKeyInfo",
        })
    }
}

/// A key, with numbers that were checked.
pub(super) enum Material {
    Private(Box<rsa::PrivateKey>),
    Public(rsa::PublicKey),
}

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

pub(super) fn read(der: &[u8]) -> Result<(KeyForm, Material), Found> {
    if der.starts_with(b"openssh-key-v1\0") {
        return Err(Found::OpenSsh);
    }
    if der.starts_with(b"\0\0\0\x07ssh-rsa") {
        return Err(Found::SshPublic);
    }
    check_length(der)?;
    let parts = parts(AnyRef::from_der(der).map_err(|_| Found::NotDer)?);
    let shape: Vec<Tag> = parts.iter().map(Tagged::tag).collect();
    match shape.as_slice() {
        [Tag::Integer, Tag::Sequence, Tag::OctetString, ..] => pkcs8(der),
        [Tag::Integer, Tag::OctetString, ..] => Err(Found::Algorithm("elliptic curve".to_owned())),
        [Tag::Integer, Tag::Integer] => public(KeyForm::Pkcs1, der),
        [Tag::Integer, Tag::Integer, Tag::Integer, Tag::Integer, Tag::Integer, Tag::Integer] => {
            Err(Found::Algorithm("DSA".to_owned()))
        }
        [Tag::Integer, Tag::Integer, Tag::Integer, ..] => private(KeyForm::Pkcs1, der),
        [Tag::Sequence, Tag::BitString] => spki(der),
        [Tag::Sequence, Tag::OctetString] => Err(Found::Encrypted),
        [Tag::Sequence, Tag::Sequence, Tag::BitString] => Err(signed(parts[0])),
        [Tag::Integer, Tag::Sequence, ..] => Err(Found::Pkcs12),
        _ => Err(Found::OtherDer),
    }
}

/// DER says how long it is: too short is the commonest damage of a key that was copied.
fn check_length(der: &[u8]) -> Result<(), Found> {
    let frame = || {
        let mut reader = SliceReader::new(der)?;
        let header = Header::decode(&mut reader)?;
        let head: u32 = reader.position().into();
        let body: u32 = header.length().into();
        Ok::<_, rsa::pkcs8::der::Error>((header.tag(), head as usize + body as usize))
    };
    let (tag, wanted) = frame().map_err(|_| Found::NotDer)?;
    let bytes = der.len();
    match tag {
        Tag::Sequence if bytes < wanted => Err(Found::Cut { bytes, wanted }),
        Tag::Sequence if bytes > wanted => Err(Found::Trailing(bytes - wanted)),
        Tag::Sequence => Ok(()),
        _ => Err(Found::NotDer),
    }
}

/// What stands in a sequence; nothing, if it cannot be read.
fn parts(sequence: AnyRef) -> Vec<AnyRef> {
    let read = sequence.sequence(|reader| {
        let mut parts = Vec::new();
        while !reader.is_finished() {
            parts.push(AnyRef::decode(reader)?);
        }
        Ok::<_, rsa::pkcs8::der::Error>(parts)
    });
    read.unwrap_or_default()
}

/// What is signed, by how much there is of it: a request has four parts, a certificate six
/// or more.
fn signed(content: AnyRef) -> Found {
    if parts(content).len() <= 4 {
        Found::Request
    } else {
        Found::Certificate
    }
}

fn pkcs8(der: &[u8]) -> Result<(KeyForm, Material), Found> {
    let damaged = |_| Found::Damaged(KeyKind::Private, KeyForm::Pkcs8);
    let info = PrivateKeyInfoRef::from_der(der).map_err(damaged)?;
    check_algorithm(&info.algorithm)?;
    private(KeyForm::Pkcs8, info.private_key.as_bytes())
}

fn spki(der: &[u8]) -> Result<(KeyForm, Material), Found> {
    let damaged = Found::Damaged(KeyKind::Public, KeyForm::Spki);
    let info = SubjectPublicKeyInfoRef::from_der(der).map_err(|_| damaged.clone())?;
    check_algorithm(&info.algorithm)?;
    public(KeyForm::Spki, info.subject_public_key.as_bytes().ok_or(damaged)?)
}

/// RSA with or without its NULL parameter, which some writers leave out.
fn check_algorithm(algorithm: &AlgorithmIdentifierRef) -> Result<(), Found> {
    if algorithm.oid == RSA {
        return Ok(());
    }
    let oid = algorithm.oid.to_string();
    let name = match oid.as_str() {
        "1.2.840.113549.1.1.10" => "RSA for PSS signatures only",
        "1.2.840.10045.2.1" => "elliptic curve",
        "1.2.840.10040.4.1" => "DSA",
        "1.3.101.112" => "Ed25519",
        "1.3.101.110" => "X25519",
        "1.2.156.10197.1.301" => "SM2",
        other => other,
    };
    Err(Found::Algorithm(name.to_owned()))
}

fn private(form: KeyForm, pkcs1: &[u8]) -> Result<(KeyForm, Material), Found> {
    let damaged = Found::Damaged(KeyKind::Private, form);
    let parts = RsaPrivateKeyRef::from_der(pkcs1).map_err(|_| damaged.clone())?;
    check_bits(parts.modulus.as_uint_ref().as_bytes())?;
    let key = rsa::PrivateKey::try_from(parts).map_err(|_| damaged)?;
    Ok((form, Material::Private(Box::new(key))))
}

fn public(form: KeyForm, pkcs1: &[u8]) -> Result<(KeyForm, Material), Found> {
    let damaged = Found::Damaged(KeyKind::Public, form);
    let parts = RsaPublicKeyRef::from_der(pkcs1).map_err(|_| damaged.clone())?;
    check_bits(parts.modulus.as_uint_ref().as_bytes())?;
    let key = rsa::PublicKey::try_from(parts).map_err(|_| damaged)?;
    Ok((form, Material::Public(key)))
}

/// Before any arithmetic: a modulus of a stranger must not cost minutes.
fn check_bits(modulus: &[u8]) -> Result<(), Found> {
    let leading = modulus.iter().take_while(|byte| **byte == 0).count();
    let zeros = modulus.get(leading).map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = (modulus.len() - leading) * 8 - zeros;
    if (RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
        Ok(())
    } else {
        Err(Found::Bits(bits))
    }
}
