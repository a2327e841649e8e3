//! Texts in GBK, as gateway.6uu.com signs them.

use std::borrow::Cow;

use encoding_rs::{EncoderResult, GBK};

/// The bytes of a text; `None` if it has a character that GBK does not have. Nothing is
/// replaced, since a signature over a replacement would be right here and wrong elsewhere.
pub fn encode(text: &str) -> Option<Cow<'_, [u8]>> {
    if text.is_ascii() {
        return Some(Cow::Borrowed(text.as_bytes()));
    }
    let mut encoder = GBK.new_encoder();
    let room = encoder.max_buffer_length_from_utf8_without_replacement(text.len())?;
    let mut bytes = Vec::with_capacity(room);
    match encoder.encode_from_utf8_to_vec_without_replacement(text, &mut bytes, true) {
        (EncoderResult::InputEmpty, _) => Some(Cow::Owned(bytes)),
        (EncoderResult::OutputFull | EncoderResult::Unmappable(_), _) => None,
    }
}

/// The text of some bytes; `None` if they are not exactly what `encode` makes of a text.
pub fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let text = GBK.decode_without_bom_handling_and_without_replacement(bytes)?;
    // The decoder also takes the four-byte characters of GB18030.
    (encode(&text)?.as_ref() == bytes).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_back() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("plain ~", b"plain ~"),
            ("100金币", b"100\xbd\xf0\xb1\xd2"),
            ("鎔", b"\xe6\x67"),
        ] {
            assert_eq!(encode(text).as_deref(), Some(bytes), "{text}");
            assert_eq!(decode(bytes).as_deref(), Some(text), "{text}");
        }
    }

    #[test]
    fn what_gbk_does_not_have_is_not_replaced() {
        for text in ["😀", "a\u{e9}\u{378}", "金\u{1f300}"] {
            assert_eq!(encode(text), None, "{text}");
        }
        for bytes in [&b"\xff"[..], b"\xbd", b"\xe9\x87\x91\xe5\xb8", b"\x81\x30\x81\x30"] {
            assert_eq!(decode(bytes), None, "{bytes:?}");
        }
    }
}
