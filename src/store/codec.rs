//! One line of the journal and the header file: `crc32 SP json LF`.

use serde::{Deserialize, Serialize};

use crate::limits::{JOURNAL_HEADER_BYTES, RECORD_BYTES_MAX};

/// Format of a record (`v`) and of the whole journal (`format`) that this version writes.
pub(super) const FORMAT: u32 = 1;

/// `crc32 SP` in front of the JSON.
const PREFIX_BYTES: usize = 9;

/// What every record carries besides what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    pub lsn: u64,
    pub generation: u64,
    /// The lsn of the first record of the same commit: all of them were synced at once.
    pub commit: u64,
}

/// A record as it stands in a segment.
#[derive(Serialize)]
struct Line<'a, B> {
    v: u32,
    lsn: u64,
    #[serde(rename = "gen")]
    generation: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<u64>,
    #[serde(flatten)]
    body: &'a B,
}

/// The part of a record that can be read without knowing its kind.
#[derive(Deserialize)]
struct Envelope {
    v: u32,
    lsn: u64,
    #[serde(rename = "gen")]
    generation: u64,
    commit: Option<u64>,
    kind: String,
}

/// Which journal this is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub format: u32,
    pub environment: String,
    /// Made at random with the journal, 16 hex digits.
    pub journal_id: String,
    /// Length of each segment file.
    pub segment_bytes: u64,
}

/// The header file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    #[serde(flatten)]
    pub identity: Identity,
    /// 0 for `segment-a`, 1 for `segment-b`.
    pub active: usize,
    /// Generation of the active segment; 0: the journal is being made, and holds nothing.
    pub generation: u64,
}

/// The first record of a segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Opening {
    pub kind: OpeningKind,
    #[serde(flatten)]
    pub identity: Identity,
    /// So many records follow as the snapshot; without all of them the segment is not whole.
    pub snapshot: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum OpeningKind {
    Segment,
}

/// A line with a correct CRC.
pub(super) struct Found<'a> {
    pub stamp: Stamp,
    pub kind: String,
    pub json: &'a [u8],
    /// Offset behind the line.
    pub end: usize,
}

/// Writes one record behind what `out` holds.
pub(super) fn encode<B: Serialize>(
    stamp: Stamp,
    body: &B,
    out: &mut Vec<u8>,
) -> Result<(), serde_json::Error> {
    let commit = (stamp.commit != stamp.lsn).then_some(stamp.commit);
    let Stamp { lsn, generation, .. } = stamp;
    line(&Line { v: FORMAT, lsn, generation, commit, body }, out)
}

fn line<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let start = out.len();
    out.extend_from_slice(b"00000000 ");
    if let Err(error) = serde_json::to_writer(&mut *out, value) {
        out.truncate(start);
        return Err(error);
    }
    let crc = format!("{:08x}", crc32fast::hash(&out[start + PREFIX_BYTES..]));
    out[start..start + crc.len()].copy_from_slice(crc.as_bytes());
    out.push(b'\n');
    Ok(())
}

/// The line that begins at `at`, if its CRC is correct: its JSON, and where it ends.
fn checked(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let bytes = &bytes[at..bytes.len().min(at + RECORD_BYTES_MAX)];
    let crc = lower_hex(bytes.get(..8)?)?;
    if bytes.get(8..10)? != b" {" {
        return None;
    }
    let length = bytes.iter().position(|byte| *byte == b'\n')?;
    let json = &bytes[PREFIX_BYTES..length];
    (crc32fast::hash(json) == crc).then_some((json, at + length + 1))
}

/// Strict: two spellings of one CRC would be a change that goes unseen.
fn lower_hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u32::from(digit))
    })
}

/// The record that begins at `at`: none if there is no line with a correct CRC, an error if
/// there is one that this version cannot understand.
pub(super) fn record_at(bytes: &[u8], at: usize) -> Result<Option<Found<'_>>, String> {
    let Some((json, end)) = checked(bytes, at) else { return Ok(None) };
    let envelope: Envelope =
        serde_json::from_slice(json).map_err(|error| format!("not a record: {error}"))?;
    if envelope.v != FORMAT {
        return Err(format!("record format {}; this version knows {FORMAT}", envelope.v));
    }
    let Envelope { lsn, generation, commit, kind, .. } = envelope;
    let stamp = Stamp { lsn, generation, commit: commit.unwrap_or(lsn) };
    Ok(Some(Found { stamp, kind, json, end }))
}

impl Found<'_> {
    /// What the record says.
    pub fn body<T: for<'de> Deserialize<'de>>(&self) -> Result<T, String> {
        serde_json::from_slice(self.json)
            .map_err(|error| format!("record {} of kind {:?}: {error}", self.stamp.lsn, self.kind))
    }
}

/// The header file's bytes, always `JOURNAL_HEADER_BYTES`; none if it does not fit.
pub(super) fn encode_header(header: &Header) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(JOURNAL_HEADER_BYTES);
    line(header, &mut bytes).ok()?;
    (bytes.len() <= JOURNAL_HEADER_BYTES).then(|| {
        bytes.resize(JOURNAL_HEADER_BYTES, 0);
        bytes
    })
}

/// What the header file says: none if it cannot be read, an error if it is of a later format.
pub(super) fn decode_header(bytes: &[u8]) -> Result<Option<Header>, String> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let Some((json, _)) = checked(bytes, 0) else { return Ok(None) };
    match serde_json::from_slice::<Format>(json) {
        Ok(Format { format }) if format != FORMAT => {
            Err(format!("journal format {format}; this version knows {FORMAT}"))
        }
        _ => serde_json::from_slice(json).map(Some).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::award::Award;
    use crate::core::facts::{AppKey, Facts, OrderId};
    use crate::core::record::{Key, Reason, Record};
    use crate::core::report::State;
    use crate::money::Fen;

    const STAMP: Stamp = Stamp { lsn: u64::MAX, generation: u64::MAX - 1, commit: u64::MAX - 2 };

    /// One of each kind, every optional member set, numbers at their ends.
    fn records() -> Vec<Record> {
        let app_key = AppKey::new("23012345").unwrap();
        let key = Key { app_key: app_key.clone(), order_id: OrderId::new("A-1_z").unwrap() };
        let facts = Facts {
            app_key,
            order_id: key.order_id.clone(),
            title: "60 \"宝石\" \\ {\"v\":1}".into(),
            amount_fen: Fen::new(99_999_999).unwrap(),
            subject_id: Some("gems".into()),
            notify_url: Some("https://h/?a=1&b=2".into()),
            expires_s: Some(7_200),
            renewal: None,
            user_id: None,
        };
        vec![
            Record::Intent { facts, created_ms: i64::MIN },
            Record::Shown {
                key: key.clone(),
                qr_text: "https://qr.alipay.com/bax0".into(),
                expires_s: u32::MAX,
                expires_server_ms: Some(i64::MAX),
                sequence: u64::MAX,
            },
            Record::Closing { key: key.clone(), reason: Reason::Expired, sequence: 1 },
            Record::Final {
                key: key.clone(),
                state: State::Paid,
                sequence: u64::MAX,
                trade_no: Some("2026".into()),
                paid_ms: Some(-1),
                gateway_code: Some("10000".into()),
                message: Some("a\u{0}\n\u{2028}b".into()),
                awards: vec![Award { award_id: "7".into(), ..Award::default() }],
                at_ms: i64::MAX,
            },
            Record::Resumed { key: key.clone(), sequence: 1 << 63 },
            Record::Ack { key, sequence: 0 },
        ]
    }

    fn encoded(record: &Record) -> Vec<u8> {
        let mut bytes = Vec::new();
        encode(STAMP, record, &mut bytes).unwrap();
        bytes
    }

    #[test]
    fn every_kind_comes_back_as_it_went() {
        for record in records() {
            let bytes = encoded(&record);
            let found = record_at(&bytes, 0).unwrap().unwrap();
            assert_eq!((found.stamp, found.end), (STAMP, bytes.len()));
            assert_eq!(found.body::<Record>().unwrap(), record);
        }
    }

    #[test]
    fn a_line_looks_as_documented() {
        let mut bytes = Vec::new();
        let stamp = Stamp { lsn: 7, generation: 2, commit: 7 };
        encode(stamp, &records()[5], &mut bytes).unwrap();
        let json = concat!(
            r#"{"v":1,"lsn":7,"gen":2,"kind":"ack","#,
            r#""app_key":"23012345","order_id":"A-1_z","sequence":0}"#
        );
        let crc = crc32fast::hash(json.as_bytes());
        assert_eq!(String::from_utf8(bytes).unwrap(), format!("{crc:08x} {json}\n"));
    }

    #[test]
    fn no_flipped_bit_goes_unseen() {
        for record in records() {
            let good = encoded(&record);
            for bit in 0..good.len() * 8 {
                let mut bytes = good.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert!(record_at(&bytes, 0).unwrap().is_none(), "bit {bit}");
            }
        }
    }

    #[test]
    fn no_prefix_of_a_line_is_a_line() {
        for record in records() {
            let good = encoded(&record);
            for length in 0..good.len() {
                assert!(record_at(&good[..length], 0).unwrap().is_none());
                let mut torn = good[..length].to_vec();
                torn.resize(good.len(), 0);
                assert!(record_at(&torn, 0).unwrap().is_none());
            }
        }
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let cases = [
            (r#"{"v":2,"lsn":1,"gen":1,"kind":"ack"}"#, "record format 2"),
            (r#"{"v":1,"lsn":-1,"gen":1,"kind":"ack"}"#, "not a record"),
            (r#"{"kind":"ack"}"#, "not a record"),
        ];
        for (json, why) in cases {
            let bytes = format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()));
            let error = record_at(bytes.as_bytes(), 0).err().unwrap();
            assert!(error.contains(why), "{error}");
        }
        let json = r#"{"v":1,"lsn":9,"gen":1,"kind":"gift"}"#;
        let bytes = format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()));
        let error = record_at(bytes.as_bytes(), 0).unwrap().unwrap().body::<Record>().unwrap_err();
        assert!(error.contains("record 9") && error.contains("gift"), "{error}");
    }

    #[test]
    fn header_round_trip_and_its_limit() {
        let identity = Identity {
            format: FORMAT,
            environment: "sandbox".into(),
            journal_id: "0123456789abcdef".into(),
            segment_bytes: 1 << 20,
        };
        let mut header = Header { identity, active: 1, generation: 3 };
        let bytes = encode_header(&header).unwrap();
        assert_eq!(bytes.len(), JOURNAL_HEADER_BYTES);
        assert_eq!(decode_header(&bytes), Ok(Some(header.clone())));
        for bad in [&b""[..], &[0; JOURNAL_HEADER_BYTES], &bytes[1..], &bytes[..20]] {
            assert_eq!(decode_header(bad), Ok(None));
        }
        header.identity.format = 2;
        let error = decode_header(&encode_header(&header).unwrap()).unwrap_err();
        assert!(error.contains("format 2"), "{error}");
        header.identity.environment = "x".repeat(JOURNAL_HEADER_BYTES);
        assert_eq!(encode_header(&header), None);
    }
}
