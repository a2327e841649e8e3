//! Text to QR modules. Level M, since `reference/ecosystem.md` 2.2 measured it best across a
//! living room; the text is split into numeric, alphanumeric and byte segments where that
//! saves bits, because fewer modules are bigger modules.

use qrcodegen::{QrCode, QrCodeEcc, QrSegment, QrSegmentMode, Version};

use crate::core::code::{Code, Refusal};
use crate::limits::QR_ENCODE_BYTES_MAX;

/// A square of dark and light modules, without the quiet zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modules {
    side: usize,
    /// Row by row.
    dark: Vec<bool>,
}

impl Modules {
    fn new(code: &QrCode) -> Modules {
        let side = code.size();
        let dark = (0..side * side).map(|at| code.get_module(at % side, at / side)).collect();
        Modules { side: side as usize, dark }
    }

    /// Modules along one edge: 21 to 177.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Whether column `x`, row `y` is dark. The quiet zone, that is anything outside, is light.
    pub fn dark(&self, x: usize, y: usize) -> bool {
        x < self.side && y < self.side && self.dark[y * self.side + x]
    }
}

/// Encodes `text` exactly as it is, in the smallest code of level M that holds it.
///
/// Refuses an empty text and one over `QR_ENCODE_BYTES_MAX` bytes with `Code::STRING`.
pub fn encode(text: &str) -> Result<Modules, Refusal> {
    if text.is_empty() || text.len() > QR_ENCODE_BYTES_MAX {
        let length = text.len();
        return Err(Refusal::new(
            Code::STRING,
            format!("text has {length} bytes: a QR code holds 1 to {QR_ENCODE_BYTES_MAX}"),
        ));
    }
    VERSION_RANGES.iter().find_map(|range| encode_in(text, *range)).ok_or_else(|| {
        Refusal::new(Code::STRING, "text does not fit into the largest QR code of level M")
    })
}

/// Versions that share the width of a segment's length field.
const VERSION_RANGES: [(u8, u8); 3] = [(1, 9), (10, 26), (27, 40)];

fn encode_in(text: &str, (first, last): (u8, u8)) -> Option<Modules> {
    let (first, last) = (Version::new(first), Version::new(last));
    let segments = segments(text.as_bytes(), first);
    // No boost: the level is a promise about the picture, not a leftover of its size.
    QrCode::encode_segments_advanced(&segments, QrCodeEcc::Medium, first, last, None, false)
        .ok()
        .map(|code| Modules::new(&code))
}

/// The three ways to store a run of bytes, cheapest a byte first.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Numeric,
    Alphanumeric,
    Byte,
}

const MODES: [Mode; 3] = [Mode::Numeric, Mode::Alphanumeric, Mode::Byte];

impl Mode {
    fn takes(self, byte: u8) -> bool {
        match self {
            Mode::Numeric => byte.is_ascii_digit(),
            Mode::Alphanumeric => {
                byte.is_ascii_digit() || byte.is_ascii_uppercase() || b" $%*+-./:".contains(&byte)
            }
            Mode::Byte => true,
        }
    }

    /// Sixths of a bit for one byte; the rounding at a segment's end is left out.
    fn cost(self) -> u32 {
        match self {
            Mode::Numeric => 20,
            Mode::Alphanumeric => 33,
            Mode::Byte => 48,
        }
    }

    /// Sixths of a bit for the header of a segment, and one bit for its rounding.
    fn header(self, version: Version) -> u32 {
        let mode = match self {
            Mode::Numeric => QrSegmentMode::Numeric,
            Mode::Alphanumeric => QrSegmentMode::Alphanumeric,
            Mode::Byte => QrSegmentMode::Byte,
        };
        6 * (4 + u32::from(length_bits(mode, version)) + u32::from(self != Mode::Byte))
    }

    fn segment(self, run: &[u8]) -> QrSegment {
        match (self, std::str::from_utf8(run)) {
            (Mode::Numeric, Ok(digits)) => QrSegment::make_numeric(digits),
            (Mode::Alphanumeric, Ok(text)) => QrSegment::make_alphanumeric(text),
            _ => QrSegment::make_bytes(run),
        }
    }
}

/// Width of a segment's length field (ISO/IEC 18004 table 3).
fn length_bits(mode: QrSegmentMode, version: Version) -> u8 {
    let column = usize::from((version.value() + 7) / 17);
    match mode {
        QrSegmentMode::Numeric => [10, 12, 14][column],
        QrSegmentMode::Alphanumeric => [9, 11, 13][column],
        _ => [8, 16, 16][column],
    }
}

/// The cheapest way to cut `bytes` into segments: a shortest path over the text, one node a
/// byte and mode.
fn segments(bytes: &[u8], version: Version) -> Vec<QrSegment> {
    let modes = cheapest_modes(bytes, version);
    let mut out = Vec::new();
    let mut start = 0;
    for end in 1..=bytes.len() {
        if end == bytes.len() || modes[end] != modes[start] {
            out.push(modes[start].segment(&bytes[start..end]));
            start = end;
        }
    }
    out
}

fn cheapest_modes(bytes: &[u8], version: Version) -> Vec<Mode> {
    const NEVER: u32 = u32::MAX / 2;
    let mut cost = MODES.map(|mode| mode.header(version));
    let mut came_from: Vec<[usize; 3]> = Vec::with_capacity(bytes.len());
    for &byte in bytes {
        let mut next = [NEVER; 3];
        let mut from = [0; 3];
        for (to, mode) in MODES.into_iter().enumerate().filter(|(_, mode)| mode.takes(byte)) {
            for (old, spent) in cost.into_iter().enumerate() {
                let switch = if old == to { 0 } else { mode.header(version) };
                let total = spent + switch + mode.cost();
                if total < next[to] {
                    (next[to], from[to]) = (total, old);
                }
            }
        }
        came_from.push(from);
        cost = next;
    }
    let mut mode = (0..3).min_by_key(|mode| cost[*mode]).unwrap_or(2);
    let mut modes = vec![Mode::Byte; bytes.len()];
    for (at, from) in came_from.iter().enumerate().rev() {
        modes[at] = MODES[mode];
        mode = from[mode];
    }
    modes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a reader that is not ours sees in the modules.
    fn read(modules: &Modules) -> String {
        let (scale, border) = (3, 4);
        let size = (modules.side() + 2 * border) * scale;
        let mut image = rqrr::PreparedImage::prepare_from_greyscale(size, size, |x, y| {
            let (x, y) = ((x / scale).wrapping_sub(border), (y / scale).wrapping_sub(border));
            if modules.dark(x, y) {
                0
            } else {
                255
            }
        });
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1);
        grids[0].decode().unwrap().1
    }

    #[test]
    fn codes_of_the_field_are_read_back() {
        for text in [
            "1",
            "https://qr.alipay.com/bax03431ljhokirwl38f00a7",
            "HTTP://192.168.1.20:8420/Q/K7F3",
            "HTTP://BOX/0123456789012345678901234567890?name=宝石",
            "宝石",
        ] {
            assert_eq!(read(&encode(text).unwrap()), text);
        }
    }

    #[test]
    fn capitals_and_digits_make_smaller_codes() {
        let side = |text: &str| encode(text).unwrap().side();
        assert_eq!(side("HTTP://192.168.1.20:8420/Q/K7F3"), 25);
        assert_eq!(side("http://192.168.1.20:8420/q/k7f3"), 29);
        assert_eq!(side("https://qr.alipay.com/bax03431ljhokirwl38f00a7"), 33);
        let mixed = format!("https://a.b/{}", "7".repeat(60));
        assert!(side(&mixed) < side(&mixed.replace('7', "x")));
    }

    #[test]
    fn the_bound_holds_and_is_named() {
        for text in ["x".repeat(QR_ENCODE_BYTES_MAX - 1), "x".repeat(QR_ENCODE_BYTES_MAX)] {
            assert_eq!(encode(&text).unwrap().side(), 177);
        }
        for text in [String::new(), "x".repeat(QR_ENCODE_BYTES_MAX + 1)] {
            let refusal = encode(&text).unwrap_err();
            assert_eq!(refusal.code, Code::STRING);
            assert!(refusal.message.contains("2331"), "{refusal}");
        }
    }

    #[test]
    fn outside_is_light() {
        let modules = encode("1").unwrap();
        assert!(modules.dark(0, 0));
        assert!(!modules.dark(modules.side(), 0) && !modules.dark(0, usize::MAX));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_text_is_read_back_and_never_larger_than_in_one_segment(
            text in "([0-9]{0,24}|[A-Z /:.$]{0,24}|[a-z?=宝石\u{0}]{0,12}){1,6}"
        ) {
            prop_assume!(!text.is_empty());
            let modules = encode(&text).unwrap();
            prop_assert_eq!(read(&modules), text.clone());
            let one = QrSegment::make_segments(&text);
            let (first, last) = (Version::MIN, Version::MAX);
            let one = QrCode::encode_segments_advanced(
                &one, QrCodeEcc::Medium, first, last, None, false,
            ).unwrap();
            prop_assert!(modules.side() <= one.size() as usize);
        }
    }
}
