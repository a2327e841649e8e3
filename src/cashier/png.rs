//! A QR code as a PNG file: one bit a pixel, stored without compression. Small enough, and
//! nothing to depend on.

use super::qr::Modules;

/// Quiet zone of the standard, in modules.
const BORDER: usize = 4;

/// The picture, `scale` pixels a module, with the quiet zone around it.
pub fn encode(modules: &Modules, scale: usize) -> Vec<u8> {
    let scale = scale.max(1);
    let side = (modules.side() + 2 * BORDER) * scale;
    let mut header = Vec::new();
    for _ in 0..2 {
        header.extend((side as u32).to_be_bytes());
    }
    // One bit deep, greyscale, deflate, no filter method to choose, not interlaced.
    header.extend([1, 0, 0, 0, 0]);

    let mut out = b"\x89PNG\r\n\x1a\n".to_vec();
    chunk(&mut out, b"IHDR", &header);
    chunk(&mut out, b"IDAT", &stored(&scanlines(modules, scale, side)));
    chunk(&mut out, b"IEND", &[]);
    out
}

fn scanlines(modules: &Modules, scale: usize, side: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for y in 0..side {
        out.push(0); // filter: none
        let light = |x: usize| {
            let at = |pixel: usize| (pixel / scale).wrapping_sub(BORDER);
            x < side && !modules.dark(at(x), at(y))
        };
        let bytes = side.div_ceil(8);
        out.extend(
            (0..bytes).map(|byte| {
                (0..8).fold(0, |bits, bit| bits << 1 | u8::from(light(byte * 8 + bit)))
            }),
        );
    }
    out
}

/// A zlib stream of stored blocks (RFC 1950, RFC 1951 section 3.2.4).
fn stored(data: &[u8]) -> Vec<u8> {
    let mut out = vec![0x78, 0x01];
    let blocks = data.chunks(0xffff);
    let last = blocks.len() - 1;
    for (at, block) in blocks.enumerate() {
        let length = block.len() as u16;
        out.push(u8::from(at == last));
        out.extend(length.to_le_bytes());
        out.extend((!length).to_le_bytes());
        out.extend(block);
    }
    out.extend(adler32(data).to_be_bytes());
    out
}

fn adler32(data: &[u8]) -> u32 {
    let (low, high) = data.iter().fold((1u32, 0u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    out.extend((data.len() as u32).to_be_bytes());
    let start = out.len();
    out.extend(kind);
    out.extend(data);
    let crc = crc32fast::hash(&out[start..]);
    out.extend(crc.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;
    use crate::cashier::qr;

    /// Pixels of a file of ours, read by the rules of the format: true is white.
    fn pixels(file: &[u8]) -> Vec<Vec<bool>> {
        assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
        let (mut at, mut idat, mut side) = (8, Vec::new(), 0);
        while at < file.len() {
            let word = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
            let length = word(at) as usize;
            let data = &file[at + 8..at + 8 + length];
            assert_eq!(word(at + 8 + length), crc32fast::hash(&file[at + 4..at + 8 + length]));
            match &file[at + 4..at + 8] {
                b"IHDR" => side = word(at + 8) as usize,
                b"IDAT" => idat.extend_from_slice(data),
                _ => {}
            }
            at += 12 + length;
        }
        let (mut raw, mut at) = (Vec::new(), 2);
        loop {
            let length = u16::from_le_bytes([idat[at + 1], idat[at + 2]]) as usize;
            raw.extend_from_slice(&idat[at + 5..at + 5 + length]);
            at += 5 + length;
            if idat[at - 5 - length] == 1 {
                break;
            }
        }
        assert_eq!(idat[at..], adler32(&raw).to_be_bytes());
        let stride = 1 + side.div_ceil(8);
        let bit = |row: &[u8], x: usize| row[1 + x / 8] >> (7 - x % 8) & 1 == 1;
        raw.chunks(stride).map(|row| (0..side).map(|x| bit(row, x)).collect()).collect()
    }

    #[test]
    fn pictures_small_and_of_many_blocks_are_read_back() {
        for (text, scale) in [("HTTP://BOX/Q/1", 3), (&"x".repeat(2000) as &str, 5)] {
            let file = encode(&qr::encode(text).unwrap(), scale);
            let pixels = pixels(&file);
            let mut image =
                rqrr::PreparedImage::prepare_from_greyscale(pixels.len(), pixels.len(), |x, y| {
                    if pixels[y][x] {
                        255
                    } else {
                        0
                    }
                });
            assert_eq!(image.detect_grids()[0].decode().unwrap().1, text);
        }
    }

    #[test]
    fn adler32_of_the_rfc() {
        assert_eq!(adler32(b"Wikipedia"), 0x11e6_0398);
    }

    /// A second opinion where zbar is installed; the test above stands without it.
    #[test]
    fn zbar_reads_it_too_where_it_is_installed() {
        if Command::new("zbarimg").arg("--version").output().is_err() {
            println!("zbarimg is not installed: not asked");
            return;
        }
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("qr.png");
        std::fs::write(&path, encode(&qr::encode("HTTP://BOX/Q/1").unwrap(), 4)).unwrap();
        let answer = Command::new("zbarimg")
            .args(["-q", "--raw"])
            .arg(&path)
            .stderr(Stdio::inherit())
            .output()
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&answer.stdout).trim(), "HTTP://BOX/Q/1");
    }
}
