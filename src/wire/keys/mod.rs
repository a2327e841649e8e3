//! RSA keys of a merchant: the platform encrypts to the public one, the merchant decrypts and
//! signs with the private one (protocol/alitv.md 6.2 and 8). Keys are pasted and mailed in
//! many shapes; [`PrivateKey::read`] and [`PublicKey::read`] take every usual one, and
//! [`inspect`] says what a text is.

mod der;
mod error;
mod text;

use std::fmt;

use base64::engine::general_purpose::STANDARD;
use base64::Engine;
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding};
use rsa::traits::PublicKeyParts;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use self::der::Material;
pub use self::der::{KeyForm, KeyKind};
pub use self::error::{Expected, Found, KeyError};
pub use self::text::Layout;
use crate::limits::{RSA_BITS_MAX, RSA_BITS_MIN, RSA_BITS_WEAK};

/// An encoding of a key that was read or made cannot fail: its numbers are positive, and far
/// below what DER can hold.
const ENCODES: &str = "the numbers of a valid key can be encoded";

/// The private half. Cannot be printed; its memory is overwritten on drop.
#[derive(Clone)]
pub struct PrivateKey(rsa::PrivateKey);

/// The public half.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(rsa::PublicKey);

/// What a pasted key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyFacts {
    /// Private or public.
    pub kind: KeyKind,
    /// How its numbers are wrapped up.
    pub form: KeyForm,
    /// How the text is laid out.
    pub layout: Layout,
    /// Bits of the modulus.
    pub bits: usize,
    /// [`PublicKey::fingerprint`], of the public half.
    pub fingerprint: String,
    /// The header line names another form than the body has. We read such a key; openssl,
    /// and with it PHP, does not.
    pub wrong_label: bool,
    /// Lines end in CR LF.
    pub crlf: bool,
    /// The text begins with a byte order mark, which openssl stumbles over.
    pub bom: bool,
    /// There is text before or behind the header and footer lines; it is ignored.
    pub other_text: bool,
}

/// Says what a text is: any private or public RSA key that [`PrivateKey::read`] or
/// [`PublicKey::read`] takes.
///
/// # Errors
/// What the text is instead.
pub fn inspect(text: &str) -> Result<KeyFacts, KeyError> {
    let wrap = |found| KeyError::new(found, Expected::Key);
    let read = text::read(text).map_err(wrap)?;
    let (form, material) = der::read(&read.der).map_err(wrap)?;
    let (kind, public) = match material {
        Material::Private(key) => (KeyKind::Private, PrivateKey(*key).public()),
        Material::Public(key) => (KeyKind::Public, PublicKey(key)),
    };
    Ok(KeyFacts {
        kind,
        form,
        layout: read.layout,
        bits: public.bits(),
        fingerprint: public.fingerprint(),
        wrong_label: read.label.is_some_and(|label| label != form.label(kind)),
        crlf: read.crlf,
        bom: read.bom,
        other_text: read.other_text,
    })
}

impl PrivateKey {
    /// Reads a private key: PKCS#8 or PKCS#1, as PEM or as the base64 inside it, on one line
    /// or on many. Blanks around it, CR LF and a byte order mark do no harm.
    ///
    /// # Errors
    /// What the text is instead, or that the key has not `RSA_BITS_MIN` to `RSA_BITS_MAX` bits.
    pub fn read(text: &str) -> Result<PrivateKey, KeyError> {
        let wrap = |found| KeyError::new(found, Expected::Private);
        let read = text::read(text).map_err(wrap)?;
        match der::read(&read.der).map_err(wrap)? {
            (_, Material::Private(key)) => Ok(PrivateKey(*key)),
            (form, Material::Public(_)) => Err(wrap(Found::Key(KeyKind::Public, form))),
        }
    }

    /// Makes a new one. 2048 bits take about a second; 4096 may take many.
    ///
    /// # Errors
    /// `bits` is not `RSA_BITS_MIN` to `RSA_BITS_MAX`, or the system has no random numbers.
    pub fn generate(bits: usize) -> Result<PrivateKey, KeyError> {
        let wrap = |found| KeyError::new(found, Expected::Private);
        if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
            return Err(wrap(Found::Bits(bits)));
        }
        let key = rsa::PrivateKey::new(&mut getrandom::SysRng, bits);
        key.map(PrivateKey).map_err(|_| wrap(Found::NoRandom))
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.to_public_key())
    }

    /// Bits of the modulus.
    pub fn bits(&self) -> usize {
        bits(&self.0)
    }

    /// PKCS#8 in PEM: what Java reads, and what `openssl genrsa` writes since OpenSSL 3.
    pub fn pkcs8_pem(&self) -> Zeroizing<String> {
        self.0.to_pkcs8_pem(LineEnding::LF).expect(ENCODES)
    }

    /// PKCS#1 in PEM: what older openssl wrote.
    pub fn pkcs1_pem(&self) -> Zeroizing<String> {
        self.0.to_pkcs1_pem(LineEnding::LF).expect(ENCODES)
    }

    /// PKCS#8 as base64 on one line, without header: what the Java example of the platform
    /// wants in its source.
    pub fn line(&self) -> Zeroizing<String> {
        let der = self.0.to_pkcs8_der().expect(ENCODES);
        Zeroizing::new(STANDARD.encode(der.as_bytes()))
    }

    pub(super) fn rsa(&self) -> &rsa::PrivateKey {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PrivateKey({} bits)", self.bits())
    }
}

impl PublicKey {
    /// Reads a public key: SubjectPublicKeyInfo or PKCS#1, laid out in any of the ways of
    /// [`PrivateKey::read`].
    ///
    /// # Errors
    /// What the text is instead, or that the key has not `RSA_BITS_MIN` to `RSA_BITS_MAX` bits.
    pub fn read(text: &str) -> Result<PublicKey, KeyError> {
        let wrap = |found| KeyError::new(found, Expected::Public);
        let read = text::read(text).map_err(wrap)?;
        match der::read(&read.der).map_err(wrap)? {
            (_, Material::Public(key)) => Ok(PublicKey(key)),
            (form, Material::Private(_)) => Err(wrap(Found::Key(KeyKind::Private, form))),
        }
    }

    /// Bits of the modulus.
    pub fn bits(&self) -> usize {
        bits(&self.0)
    }

    /// Whether the key is so small that its owner should be told: under `RSA_BITS_WEAK` bits.
    pub fn weak(&self) -> bool {
        self.bits() < RSA_BITS_WEAK
    }

    /// Bytes of one encrypted block, and of a signature: the modulus rounded up.
    pub fn block_bytes(&self) -> usize {
        self.0.size()
    }

    /// SubjectPublicKeyInfo in PEM, as `openssl rsa -pubout` writes it.
    pub fn spki_pem(&self) -> String {
        self.0.to_public_key_pem(LineEnding::LF).expect(ENCODES)
    }

    /// SubjectPublicKeyInfo as base64 on one line, without header: what is pasted into the
    /// form of the open platform (seed 002, 1.4.1).
    pub fn line(&self) -> String {
        STANDARD.encode(self.spki_der())
    }

    /// The first 16 lower-case hexadecimal digits of the SHA-256 of the
    /// SubjectPublicKeyInfo: enough to tell keys apart in a log.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.spki_der());
        digest[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn spki_der(&self) -> Vec<u8> {
        self.0.to_public_key_der().expect(ENCODES).into_vec()
    }

    pub(super) fn rsa(&self) -> &rsa::PublicKey {
        &self.0
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({} bits, {})", self.bits(), self.fingerprint())
    }
}

fn bits(key: &impl PublicKeyParts) -> usize {
    key.n().bit_width_vartime() as usize
}

/// The keys that the vectors use; in `src` since unit tests of other files want them too.
#[cfg(test)]
pub(crate) mod vectors {
    use std::collections::BTreeMap;

    use super::{PrivateKey, PublicKey};

    #[derive(serde::Deserialize)]
    pub(crate) struct Notify {
        pub keys: BTreeMap<String, Key>,
        pub vectors: Vec<Vector>,
        pub negative: Vec<Negative>,
    }

    #[derive(serde::Deserialize)]
    pub(crate) struct Key {
        pub bits: usize,
        pub block_bytes: usize,
        pub private_pkcs1_pem: String,
        pub private_pkcs8_pem: String,
        pub private_pkcs8_one_line: String,
        pub public_spki_pem: String,
        pub public_spki_one_line: String,
    }

    #[derive(serde::Deserialize)]
    pub(crate) struct Vector {
        pub name: String,
        pub key: String,
        pub plaintext: String,
        pub blocks: usize,
        pub data_base64: String,
    }

    #[derive(serde::Deserialize)]
    pub(crate) struct Negative {
        pub name: String,
        pub key: String,
        pub data_base64: String,
    }

    pub(crate) fn notify() -> Notify {
        serde_json::from_str(include_str!("../../../tests/vectors/notify.json")).unwrap()
    }

    pub(crate) fn pair(bits: &str) -> (PrivateKey, PublicKey) {
        let key = &notify().keys[bits];
        let private = PrivateKey::read(&key.private_pkcs8_pem).unwrap();
        (private, PublicKey::read(&key.public_spki_pem).unwrap())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::vectors::{notify, pair, Key};
    use super::*;
    use crate::limits::KEY_TEXT_BYTES_MAX;

    fn body(pem: &str) -> String {
        pem.lines().filter(|line| !line.starts_with("-----")).collect()
    }

    fn pkcs1_public_pem(key: &Key) -> String {
        let public = PublicKey::read(&key.public_spki_pem).unwrap();
        rsa::pkcs1::EncodeRsaPublicKey::to_pkcs1_pem(&public.0, LineEnding::LF).unwrap()
    }

    /// Every layout of one PEM text, with what `inspect` says of it.
    fn layouts(pem: &str) -> Vec<(String, Layout)> {
        let lines: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        vec![
            (pem.to_owned(), Layout::Pem),
            (pem.trim_end().to_owned(), Layout::Pem),
            (pem.replace('\n', "\r\n"), Layout::Pem),
            (format!("\u{feff}{pem}"), Layout::Pem),
            (format!("\n  {pem}\n\n"), Layout::Pem),
            (pem.replace('\n', "\n  "), Layout::Pem),
            (format!("Key of the shop\n{pem}\nmade in May\n"), Layout::Pem),
            (pem.replace('\n', ""), Layout::PemLine),
            (pem.replace('\n', " "), Layout::PemLine),
            (lines.concat(), Layout::Line),
            (format!(" {}\r\n", lines.concat()), Layout::Line),
            (lines.concat().trim_end_matches('=').to_owned(), Layout::Line),
            (lines.join("\n"), Layout::Lines),
            (lines.join("\r\n"), Layout::Lines),
        ]
    }

    #[test]
    fn every_form_and_layout_of_a_key_is_the_same_key() {
        for (name, key) in notify().keys {
            let (private, public) = pair(&name);
            assert_eq!((private.bits(), public.bits()), (key.bits, key.bits));
            assert_eq!(public.block_bytes(), key.block_bytes);
            assert_eq!(private.public(), public);
            let private_forms = [
                (&key.private_pkcs1_pem, KeyForm::Pkcs1),
                (&key.private_pkcs8_pem, KeyForm::Pkcs8),
            ];
            for (pem, form) in private_forms {
                for (text, layout) in layouts(pem) {
                    let read = PrivateKey::read(&text).unwrap();
                    assert_eq!(*read.pkcs8_pem(), key.private_pkcs8_pem, "{layout}");
                    let facts = inspect(&text).unwrap();
                    assert_eq!((facts.kind, facts.form), (KeyKind::Private, form));
                    assert_eq!((facts.layout, facts.bits), (layout, key.bits));
                    assert_eq!(facts.fingerprint, public.fingerprint());
                    assert!(!facts.wrong_label);
                    let refused = PublicKey::read(&text).unwrap_err().found;
                    assert_eq!(refused, Found::Key(KeyKind::Private, form));
                }
            }
            let public_forms = [
                (key.public_spki_pem.clone(), KeyForm::Spki),
                (pkcs1_public_pem(&key), KeyForm::Pkcs1),
            ];
            for (pem, form) in public_forms {
                for (text, layout) in layouts(&pem) {
                    assert_eq!(PublicKey::read(&text).unwrap(), public, "{layout}");
                    let facts = inspect(&text).unwrap();
                    assert_eq!((facts.kind, facts.form), (KeyKind::Public, form));
                    assert_eq!(facts.layout, layout);
                    let refused = PrivateKey::read(&text).unwrap_err().found;
                    assert_eq!(refused, Found::Key(KeyKind::Public, form));
                }
            }
        }
    }

    #[test]
    fn keys_are_written_as_openssl_writes_them() {
        for (name, key) in notify().keys {
            let (private, public) = pair(&name);
            assert_eq!(*private.pkcs8_pem(), key.private_pkcs8_pem);
            assert_eq!(*private.pkcs1_pem(), key.private_pkcs1_pem);
            assert_eq!(*private.line(), key.private_pkcs8_one_line);
            assert_eq!(public.spki_pem(), key.public_spki_pem);
            assert_eq!(public.line(), key.public_spki_one_line);
            assert_eq!(public.weak(), key.bits == 1024);
        }
    }

    #[test]
    fn what_harms_other_readers_is_told() {
        let pem = &notify().keys["1024"].private_pkcs8_pem;
        let facts = inspect(pem).unwrap();
        assert!(!(facts.crlf || facts.bom || facts.wrong_label || facts.other_text));
        assert!(inspect(&pem.replace('\n', "\r\n")).unwrap().crlf);
        assert!(inspect(&format!("\u{feff}{pem}")).unwrap().bom);
        assert!(inspect(&format!("x\n{pem}")).unwrap().other_text);
        let renamed = pem.replace("PRIVATE", "RSA PRIVATE");
        assert!(inspect(&renamed).unwrap().wrong_label);
        assert!(PrivateKey::read(&renamed).is_ok());
    }

    #[test]
    fn no_print_shows_a_private_key() {
        let (private, public) = pair("1024");
        assert_eq!(format!("{private:?}"), "PrivateKey(1024 bits)");
        assert_eq!(
            format!("{public:?}"),
            format!("PublicKey(1024 bits, {})", public.fingerprint())
        );
        let line = private.line();
        for text in [&line[..line.len() - 8], &line[40..], &format!("{}!", *line)] {
            let error = format!("{0} {0:?}", PrivateKey::read(text).unwrap_err());
            assert!(!error.contains(&line[50..60]), "{error}");
        }
    }

    #[test]
    fn what_is_no_key_is_named() {
        let key = &notify().keys["1024"];
        let pem = &key.private_pkcs8_pem;
        let line = &key.private_pkcs8_one_line;
        let labelled = |label: &str| pem.replace("PRIVATE KEY", label);
        let several = vec!["PRIVATE KEY".to_owned(), "PUBLIC KEY".to_owned()];
        let cut = &line[..400];
        let cases = [
            (String::new(), Found::Empty),
            (" \r\n\u{feff}".to_owned(), Found::Empty),
            ("\u{feff}\n".to_owned(), Found::Empty),
            ("x".repeat(KEY_TEXT_BYTES_MAX + 1), Found::TooLong),
            ("-----BEGIN PRIVATE KEY----------END PRIVATE KEY-----".to_owned(), Found::EmptyPem),
            (format!("{pem}{}", key.public_spki_pem), Found::Several(several)),
            (pem.split("-----END").next().unwrap().to_owned(), Found::NoFooter),
            (pem.split_once('\n').unwrap().1.to_owned(), Found::NoHeader),
            (
                pem.replace("END PRIVATE", "END PUBLIC"),
                Found::Labels("PRIVATE KEY".to_owned(), "PUBLIC KEY".to_owned()),
            ),
            (pem.replace('\n', "\\n"), Found::Escaped),
            (format!("\"{line}\""), Found::Quoted),
            ("<!DOCTYPE html><html>".to_owned(), Found::Html),
            (format!("{{\"key\":\"{line}\"}}"), Found::Json),
            ("the key is in the other mail".to_owned(), Found::NotBase64),
            (format!("{line}!"), Found::NotBase64),
            ("AAAA".to_owned(), Found::NotDer),
            (cut.to_owned(), Found::Cut { bytes: 300, wanted: 633 }),
            (format!("{}MIGf", line.trim_end_matches('=')), Found::Trailing(3)),
            ("MAA=".to_owned(), Found::OtherDer),
            (labelled("ENCRYPTED PRIVATE KEY"), Found::Encrypted),
            (
                pem.replacen('\n', "\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n", 1),
                Found::Encrypted,
            ),
            (labelled("CERTIFICATE"), Found::Certificate),
            (labelled("NEW CERTIFICATE REQUEST"), Found::Request),
            (labelled("OPENSSH PRIVATE KEY"), Found::OpenSsh),
            ("b3BlbnNzaC1rZXktdjEAAAAABG5vbmU=".to_owned(), Found::OpenSsh),
            (labelled("EC PRIVATE KEY"), Found::Algorithm("elliptic curve".to_owned())),
            (labelled("PGP PRIVATE KEY BLOCK"), Found::Pgp),
            (labelled("HARDWARE KEY"), Found::Label("HARDWARE KEY".to_owned())),
            ("ssh-rsa AAAAB3NzaC1yc2E me@host".to_owned(), Found::SshPublic),
            ("AAAAB3NzaC1yc2EAAAADAQAB".to_owned(), Found::SshPublic),
            ("PuTTY-User-Key-File-2: ssh-rsa".to_owned(), Found::Putty),
        ];
        for (text, found) in cases {
            let error = PrivateKey::read(&text).unwrap_err();
            assert_eq!(error.found, found, "{text}");
            assert_eq!(inspect(&text).unwrap_err().found, found, "{text}");
            let sentence = error.to_string();
            assert!(sentence.contains("expected an RSA private key of 1024 to 4096"), "{sentence}");
            assert!(sentence.len() < 300 && !sentence.contains("MIIC"), "{sentence}");
        }
    }

    /// Made with openssl 3: `ecparam -name prime256v1 -genkey`, `genpkey -algorithm ed25519`,
    /// `pkcs8 -topk8` with a password, `req -x509`; then base64 without header.
    #[test]
    fn other_keys_are_told_by_their_shape_where_no_header_names_them() {
        let read = |name: &str| {
            let texts: std::collections::BTreeMap<String, String> =
                serde_json::from_str(include_str!("../../../tests/vectors/not_rsa.json")).unwrap();
            PrivateKey::read(&texts[name]).unwrap_err().found
        };
        let algorithm = |name: &str| Found::Algorithm(name.to_owned());
        assert_eq!(read("ec_sec1"), algorithm("elliptic curve"));
        assert_eq!(read("ec_pkcs8"), algorithm("elliptic curve"));
        assert_eq!(read("ec_public"), algorithm("elliptic curve"));
        assert_eq!(read("ed25519_pkcs8"), algorithm("Ed25519"));
        assert_eq!(read("rsa_pss_pkcs8"), algorithm("RSA for PSS signatures only"));
        assert_eq!(read("rsa_encrypted_pkcs8"), Found::Encrypted);
        assert_eq!(read("certificate"), Found::Certificate);
        assert_eq!(read("request"), Found::Request);
        assert_eq!(read("pkcs12"), Found::Pkcs12);
        assert_eq!(read("rsa_512"), Found::Bits(512));
        assert_eq!(read("rsa_1016"), Found::Bits(1016));
        assert_eq!(read("rsa_4104"), Found::Bits(4104));
    }

    #[test]
    fn a_key_is_made_within_the_bounds_only() {
        for bits in [0, 512, RSA_BITS_MIN - 1, RSA_BITS_MAX + 1, usize::MAX] {
            let error = PrivateKey::generate(bits).unwrap_err();
            assert_eq!(error.found, Found::Bits(bits));
            assert!(error.to_string().contains("1024 to 4096 bits"), "{error}");
        }
        let key = PrivateKey::generate(RSA_BITS_MIN).unwrap();
        assert_eq!(key.bits(), RSA_BITS_MIN);
        assert_eq!(*PrivateKey::read(&key.line()).unwrap().line(), *key.line());
        assert_ne!(*PrivateKey::generate(RSA_BITS_MIN).unwrap().line(), *key.line());
    }

    fn check_all(text: &str) {
        let _ = inspect(text);
        let private = PrivateKey::read(text);
        let public = PublicKey::read(text);
        assert!(private.is_err() || public.is_err());
        if let Ok(key) = private {
            let _ = (key.pkcs1_pem(), key.pkcs8_pem(), key.line(), key.public().fingerprint());
        }
        if let Ok(key) = public {
            let _ = (key.spki_pem(), key.line(), key.fingerprint());
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,200}") {
            check_all(&text);
            check_all(&format!("-----BEGIN {text}"));
            check_all(&format!("-----BEGIN PRIVATE KEY-----{text}-----END PRIVATE KEY-----"));
        }

        #[test]
        fn no_der_makes_it_panic(der in proptest::collection::vec(any::<u8>(), 0..200)) {
            check_all(&STANDARD.encode(&der));
            check_all(&STANDARD.encode([&[0x30, der.len().min(127) as u8][..], &der].concat()));
        }

        #[test]
        fn no_damage_makes_it_panic(
            public in any::<bool>(), pkcs1 in any::<bool>(), at in 0usize..700, byte in any::<u8>(),
        ) {
            let key = &notify().keys["1024"];
            let pem = match (public, pkcs1) {
                (true, true) => pkcs1_public_pem(key),
                (true, false) => key.public_spki_pem.clone(),
                (false, true) => key.private_pkcs1_pem.clone(),
                (false, false) => key.private_pkcs8_pem.clone(),
            };
            let mut der = STANDARD.decode(body(&pem)).unwrap();
            let at = at % der.len();
            check_all(&STANDARD.encode(&der[..at]));
            der[at] = byte;
            check_all(&STANDARD.encode(&der));
        }
    }
}
