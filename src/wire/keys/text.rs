//! From what was pasted to DER: PEM, base64, and what is neither.

use std::fmt;

use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::Engine;
use zeroize::Zeroizing;

use super::error::Found;
use crate::limits::KEY_TEXT_BYTES_MAX;

/// DER knows its own length, so padding that was lost when copying does no harm.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
/// A label that is repeated in an error is cut here; real ones are shorter.
const LABEL_CHARS_MAX: usize = 40;

/// How the text of a key is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Header, lines of base64, footer.
    Pem,
    /// Header, base64 and footer on one line, as in the platform's PHP example.
    PemLine,
    /// Base64 on one line, without header.
    Line,
    /// Base64 on many lines, without header.
    Lines,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Layout::Pem => "PEM",
            Layout::PemLine => "PEM on one line",
            Layout::Line => "base64 on one line",
            Layout::Lines => "base64 on several lines, without header",
        })
    }
}

/// The inside of a text.
pub(super) struct KeyText {
    pub der: Zeroizing<Vec<u8>>,
    pub layout: Layout,
    /// Of PEM.
    pub label: Option<String>,
    pub crlf: bool,
    pub bom: bool,
    pub other_text: bool,
}

pub(super) fn read(text: &str) -> Result<KeyText, Found> {
    if text.len() > KEY_TEXT_BYTES_MAX {
        return Err(Found::TooLong);
    }
    let crlf = text.contains("\r\n");
    let bare = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    let bom = text.starts_with('\u{feff}');
    if bare.is_empty() {
        return Err(Found::Empty);
    }
    if let Some(found) = sniff(bare) {
        return Err(found);
    }
    let read = if bare.contains(BEGIN) { pem(bare)? } else { bare_base64(bare)? };
    Ok(KeyText { crlf, bom, ..read })
}

/// What is plainly something else.
fn sniff(text: &str) -> Option<Found> {
    let starts = |words: &[&str]| words.iter().any(|word| text.starts_with(word));
    if starts(&["<"]) {
        Some(Found::Html)
    } else if starts(&["{", "["]) {
        Some(Found::Json)
    } else if starts(&["\"", "'", "“"]) {
        Some(Found::Quoted)
    } else if starts(&["ssh-", "ecdsa-", "---- BEGIN SSH2"]) {
        Some(Found::SshPublic)
    } else if starts(&["PuTTY-User-Key-File"]) {
        Some(Found::Putty)
    } else if text.contains("\\n") || text.contains("\\r") {
        Some(Found::Escaped)
    } else {
        None
    }
}

fn pem(text: &str) -> Result<KeyText, Found> {
    let labels: Vec<String> = text.split(BEGIN).skip(1).map(label_of).collect();
    if labels.len() > 1 {
        return Err(Found::Several(labels));
    }
    let (before, rest) = text.split_once(BEGIN).ok_or(Found::NoHeader)?;
    let (label, rest) = rest.split_once("-----").ok_or(Found::NoHeader)?;
    if let Some(found) = other_label(label) {
        return Err(found);
    }
    let (body, rest) = rest.split_once(END).ok_or(Found::NoFooter)?;
    let (end, behind) = rest.split_once("-----").ok_or(Found::NoFooter)?;
    if end != label {
        return Err(Found::Labels(label_of(label), label_of(end)));
    }
    if body.contains("ENCRYPTED") {
        return Err(Found::Encrypted);
    }
    let lines = body.trim_end().contains('\n');
    Ok(KeyText {
        der: decode(body)?.ok_or(Found::EmptyPem)?,
        layout: if lines { Layout::Pem } else { Layout::PemLine },
        label: Some(label.to_owned()),
        crlf: false,
        bom: false,
        other_text: !(before.trim().is_empty() && behind.trim().is_empty()),
    })
}

/// PEM of a kind that is no RSA key, by its label.
fn other_label(label: &str) -> Option<Found> {
    Some(match label {
        "PRIVATE KEY" | "PUBLIC KEY" | "RSA PRIVATE KEY" | "RSA PUBLIC KEY" => return None,
        "ENCRYPTED PRIVATE KEY" => Found::Encrypted,
        "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Found::Certificate,
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => Found::Request,
        "OPENSSH PRIVATE KEY" => Found::OpenSsh,
        "EC PRIVATE KEY" | "EC PARAMETERS" => Found::Algorithm("elliptic curve".to_owned()),
        "DSA PRIVATE KEY" => Found::Algorithm("DSA".to_owned()),
        _ if label.starts_with("PGP ") => Found::Pgp,
        _ => Found::Label(label_of(label)),
    })
}

fn label_of(text: &str) -> String {
    let label = text.split("-----").next().unwrap_or_default();
    label.chars().filter(|c| !c.is_control()).take(LABEL_CHARS_MAX).collect()
}

fn bare_base64(text: &str) -> Result<KeyText, Found> {
    if text.contains(END) {
        return Err(Found::NoHeader);
    }
    Ok(KeyText {
        der: decode(text)?.ok_or(Found::Empty)?,
        layout: if text.contains('\n') { Layout::Lines } else { Layout::Line },
        label: None,
        crlf: false,
        bom: false,
        other_text: false,
    })
}

/// Nothing, if there are only blanks.
fn decode(text: &str) -> Result<Option<Zeroizing<Vec<u8>>>, Found> {
    let mut bare = Zeroizing::new(Vec::with_capacity(text.len()));
    bare.extend(text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
    if bare.is_empty() {
        return Ok(None);
    }
    let mut der = Zeroizing::new(Vec::with_capacity(bare.len()));
    BASE64.decode_vec(bare.as_slice(), &mut der).map_err(|_| Found::NotBase64)?;
    Ok(Some(der))
}
