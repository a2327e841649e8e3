//! Why a text is not the key that was wanted, in words that say what to do.

use std::fmt;

use super::der::{KeyForm, KeyKind};
use crate::limits::{KEY_TEXT_BYTES_MAX, RSA_BITS_MAX, RSA_BITS_MIN};

/// What was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// An RSA private key.
    Private,
    /// An RSA public key.
    Public,
    /// Either.
    Key,
}

/// What a text is, if it is not the key that was wanted. Never quotes a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing but blanks.
    Empty,
    /// Header and footer with nothing between, as in the platform's example.
    EmptyPem,
    /// More than `KEY_TEXT_BYTES_MAX` bytes.
    TooLong,
    /// So many PEM blocks, with their labels.
    Several(Vec<String>),
    /// A header line without its footer.
    NoFooter,
    /// A footer line without its header.
    NoHeader,
    /// Header and footer name different things.
    Labels(String, String),
    /// Line ends are spelt as a backslash and a letter.
    Escaped,
    /// In quotation marks.
    Quoted,
    /// A web page.
    Html,
    /// JSON.
    Json,
    /// Neither PEM nor base64.
    NotBase64,
    /// Base64 of something that is no DER.
    NotDer,
    /// DER whose length says more bytes than there are.
    Cut {
        /// Bytes that are there.
        bytes: usize,
        /// Bytes that the length asks for.
        wanted: usize,
    },
    /// Bytes behind the end of the DER, so many.
    Trailing(usize),
    /// DER, but of nothing known here.
    OtherDer,
    /// The shape of an RSA key, but its numbers do not make one.
    Damaged(KeyKind, KeyForm),
    /// An RSA key of another kind than expected.
    Key(KeyKind, KeyForm),
    /// An RSA key of so many bits.
    Bits(usize),
    /// A key that needs a password.
    Encrypted,
    /// An X.509 certificate.
    Certificate,
    /// A certificate signing request.
    Request,
    /// A PKCS#12 store.
    Pkcs12,
    /// A private key in OpenSSH's own format.
    OpenSsh,
    /// A public key in the format of `authorized_keys`, or of SSH2.
    SshPublic,
    /// A PuTTY key.
    Putty,
    /// A PGP block.
    Pgp,
    /// A key of another algorithm, by its name or object identifier.
    Algorithm(String),
    /// PEM of another label.
    Label(String),
    /// The system gives no random numbers to make a key of.
    NoRandom,
}

/// Why a text was not taken: what it is, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError {
    /// What it is.
    pub found: Found,
    /// What was expected.
    pub expected: Expected,
}

impl KeyError {
    pub(super) fn new(found: Found, expected: Expected) -> KeyError {
        KeyError { found, expected }
    }
}

impl std::error::Error for KeyError {}

impl KeyError {
    /// What the text is, and what was expected.
    pub fn sentence(&self) -> String {
        match self.found {
            Found::NoRandom => self.found.to_string(),
            _ => format!("{}; expected {}", self.found, self.expected),
        }
    }

    /// What to do about it.
    pub fn advice(&self) -> &'static str {
        self.found.advice(self.expected)
    }
}

/// Sentence and advice.
impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.sentence(), self.advice())
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Expected::Private => "an RSA private key",
            Expected::Public => "an RSA public key",
            Expected::Key => "an RSA key",
        })?;
        write!(f, " of {RSA_BITS_MIN} to {RSA_BITS_MAX} bits")
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Found::Several(labels) => {
                return write!(f, "these are {} PEM blocks ({})", labels.len(), labels.join(", "));
            }
            Found::TooLong => {
                return write!(f, "the text has more than {KEY_TEXT_BYTES_MAX} bytes");
            }
            Found::Labels(begin, end) => {
                return write!(f, "the text begins as {begin:?} and ends as {end:?}");
            }
            Found::Cut { bytes, wanted } => {
                return write!(f, "the key is cut off: it has {bytes} of {wanted} bytes");
            }
            Found::Trailing(bytes) => return write!(f, "there are {bytes} bytes behind the key"),
            Found::Damaged(kind, form) => {
                return write!(f, "this has the shape of {kind} ({form}), but is damaged");
            }
            Found::Key(kind, form) => return write!(f, "this is {kind} ({form})"),
            Found::Bits(bits) => return write!(f, "an RSA key of {bits} bits is not taken"),
            Found::Algorithm(name) => return write!(f, "this is a key of another kind: {name}"),
            Found::Label(label) => return write!(f, "this is PEM of another kind: {label:?}"),
            _ => {}
        }
        f.write_str(self.plain())
    }
}

impl Found {
    fn plain(&self) -> &'static str {
        match self {
            Found::Empty => "the text is empty",
            Found::EmptyPem => "there is nothing between the header and the footer",
            Found::NoFooter => "there is no -----END line",
            Found::NoHeader => "there is no -----BEGIN line",
            Found::Escaped => "the line ends are written out as \\n or \\r",
            Found::Quoted => "the text is in quotation marks",
            Found::Html => "this is a web page",
            Found::Json => "this is JSON",
            Found::NotBase64 => "this is neither PEM nor base64",
            Found::NotDer => "this is base64, but not of a key",
            Found::OtherDer => "this is DER, but not of a key",
            Found::Encrypted => "this key is encrypted with a password",
            Found::Certificate => "this is an X.509 certificate",
            Found::Request => "this is a certificate signing request",
            Found::Pkcs12 => "this is a PKCS#12 store",
            Found::OpenSsh => "this is a private key in OpenSSH's own format",
            Found::SshPublic => "this is a public key in SSH's own format",
            Found::Putty => "this is a key of PuTTY",
            Found::Pgp => "this is PGP",
            Found::NoRandom => "the system gives no random numbers",
            _ => "",
        }
    }

    fn advice(&self, expected: Expected) -> &'static str {
        match self {
            Found::EmptyPem => "put the key's base64 between them",
            Found::Several(_) => "keep the one that is meant",
            Found::NoFooter | Found::NoHeader | Found::Cut { .. } => "copy the whole text again",
            Found::Escaped => "write real line ends",
            Found::Quoted => "take the quotation marks away",
            Found::Encrypted => "take the password away: openssl pkey -in FILE -out NEW",
            Found::Certificate if expected != Expected::Private => {
                "take the key out of it: openssl x509 -in FILE -pubkey -noout"
            }
            Found::OpenSsh => "convert a copy of it: ssh-keygen -p -m PEM -f COPY",
            Found::SshPublic => "write it as PEM: ssh-keygen -e -m PKCS8 -f FILE",
            Found::Pkcs12 => "take the key out of it: openssl pkcs12 -in FILE -nodes -nocerts",
            Found::Key(KeyKind::Public, _) => "name the file of the private half",
            Found::Key(KeyKind::Private, _) => {
                "take the public half: alitv-pay keys show --pem FILE; show the private to nobody"
            }
            Found::Bits(bits) if *bits < RSA_BITS_MIN => "make a new one: alitv-pay keygen",
            Found::NoRandom => "run it again",
            _ => "name the file of the key that is meant; to make one: alitv-pay keygen",
        }
    }
}
