//! Framing: one JSON object per `\n`. A line that is too long is reported once and skipped,
//! so that the next one is read as if nothing had happened.

use std::io::{self, Read};

use crate::limits::{LINE_BUFFER_BYTES, LINE_BYTES_MAX};

/// What stands between two newlines.
#[derive(Debug, PartialEq, Eq)]
pub enum Line<'a> {
    /// A line that is not empty, without its `\n` or `\r\n`. Not yet known to be UTF-8.
    Bytes(&'a [u8]),
    /// A line over `LINE_BYTES_MAX`. What it said is lost; its rest is skipped silently.
    TooLong,
}

/// Collects bytes and gives out lines. It never holds more than `LINE_BYTES_MAX` bytes.
#[derive(Debug, Default)]
pub struct LineReader {
    /// `buffer[begin..end]` was read and not given out.
    buffer: Vec<u8>,
    begin: usize,
    end: usize,
    /// `buffer[begin..scanned]` holds no newline.
    scanned: usize,
    /// The rest of an over-long line is still to come.
    skipping: bool,
    /// Nothing more comes: what is left is a line.
    ended: bool,
}

impl LineReader {
    /// An empty reader. It takes memory with the first byte only.
    pub fn new() -> LineReader {
        LineReader::default()
    }

    /// Reads once from `source`. Take all lines out before the next call. `Ok(0)` is the end
    /// of the source; what was begun without a newline becomes the last line.
    pub fn read_from(&mut self, source: &mut impl Read) -> io::Result<usize> {
        self.make_room();
        let count = source.read(&mut self.buffer[self.end..])?;
        self.end += count;
        self.ended |= count == 0;
        Ok(count)
    }

    /// The next whole line, or none until more is read. Empty lines are passed over.
    pub fn next_line(&mut self) -> Option<Line<'_>> {
        loop {
            let Some((from, to)) = self.cut() else {
                return self.is_over_long().then_some(Line::TooLong);
            };
            let was_skipping = std::mem::take(&mut self.skipping);
            if was_skipping {
                continue;
            }
            let line = trim(&self.buffer[from..to]);
            // Looked at twice, because a loop that returns a borrow must not hold one.
            if !line.is_empty() {
                return Some(Line::Bytes(trim(&self.buffer[from..to])));
            }
        }
    }

    /// A line was begun and its newline has not come.
    pub fn is_partial(&self) -> bool {
        self.end > self.begin || self.skipping
    }

    /// A whole line waits in the buffer, or an over-long one to be reported.
    pub fn has_line(&self) -> bool {
        let waiting = &self.buffer[self.scanned.max(self.begin)..self.end];
        (self.ended && self.end > self.begin)
            || self.end - self.begin >= LINE_BYTES_MAX
            || waiting.contains(&b'\n')
    }

    /// Takes the next line out and says where it is, without its newline.
    fn cut(&mut self) -> Option<(usize, usize)> {
        let from = self.begin;
        let newline = self.buffer[self.scanned..self.end].iter().position(|b| *b == b'\n');
        let to = match newline {
            Some(at) => self.scanned + at,
            None if self.ended && self.end > self.begin => self.end,
            None => {
                self.scanned = self.end;
                return None;
            }
        };
        self.begin = (to + 1).min(self.end);
        self.scanned = self.begin;
        Some((from, to))
    }

    /// Drops what belongs to an over-long line; true the first time for each such line.
    fn is_over_long(&mut self) -> bool {
        let first = !self.skipping && self.end - self.begin >= LINE_BYTES_MAX;
        if first || self.skipping {
            self.skipping = true;
            (self.begin, self.end, self.scanned) = (0, 0, 0);
        }
        first
    }

    /// Moves what is left to the front and offers at least one free byte.
    fn make_room(&mut self) {
        if self.begin == self.end {
            (self.begin, self.end, self.scanned) = (0, 0, 0);
            if self.buffer.len() > LINE_BUFFER_BYTES {
                self.buffer = Vec::new();
            }
        }
        if self.buffer.is_empty() {
            self.buffer = vec![0; LINE_BUFFER_BYTES];
        }
        if self.end < self.buffer.len() {
            return;
        }
        self.buffer.copy_within(self.begin..self.end, 0);
        (self.end, self.scanned) = (self.end - self.begin, self.scanned - self.begin);
        self.begin = 0;
        if self.end == self.buffer.len() {
            let wanted = (self.buffer.len() * 2).min(LINE_BYTES_MAX);
            self.buffer.resize(wanted.max(self.end + 1), 0);
        }
    }
}

fn trim(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives out its pieces one a read, then the end.
    struct Pieces<'a>(Vec<&'a [u8]>);

    impl Read for Pieces<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let Some(piece) = self.0.first_mut() else { return Ok(0) };
            let count = piece.len().min(into.len());
            into[..count].copy_from_slice(&piece[..count]);
            *piece = &piece[count..];
            if piece.is_empty() {
                self.0.remove(0);
            }
            Ok(count)
        }
    }

    fn lines(pieces: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let pieces = pieces.iter().copied().filter(|piece| !piece.is_empty()).collect();
        let (mut source, mut reader, mut found) = (Pieces(pieces), LineReader::new(), vec![]);
        loop {
            let count = reader.read_from(&mut source).unwrap();
            assert!(reader.buffer.len() <= LINE_BYTES_MAX);
            loop {
                let expected = reader.has_line();
                let Some(line) = reader.next_line() else { break };
                assert!(expected);
                found.push(match line {
                    Line::Bytes(bytes) => Some(bytes.to_vec()),
                    Line::TooLong => None,
                });
            }
            if count == 0 {
                assert!(!reader.has_line());
                return found;
            }
        }
    }

    fn text(line: &str) -> Option<Vec<u8>> {
        Some(line.as_bytes().to_vec())
    }

    #[test]
    fn the_split_of_reads_does_not_matter() {
        let whole = b"{\"a\":1}\r\n\n\r\n{\"b\":2}\nlast";
        let expected = vec![text("{\"a\":1}"), text("{\"b\":2}"), text("last")];
        for at in 0..=whole.len() {
            assert_eq!(lines(&[&whole[..at], &whole[at..]]), expected, "split at {at}");
        }
        let single: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(lines(&single), expected);
    }

    #[test]
    fn a_line_may_have_the_bound_and_not_a_byte_more() {
        for (extra, fits) in [(-2_isize, true), (-1, true), (0, false), (1, false)] {
            let mut bytes = vec![b'x'; LINE_BYTES_MAX.saturating_add_signed(extra)];
            bytes.extend_from_slice(b"\n{}\n");
            let length = LINE_BYTES_MAX.saturating_add_signed(extra);
            let long = fits.then(|| vec![b'x'; length]);
            for at in [1, 4095, 4096, 4097, LINE_BYTES_MAX - 1, LINE_BYTES_MAX] {
                let split = lines(&[&bytes[..at], &bytes[at..]]);
                assert_eq!(split, [long.clone(), text("{}")], "{extra} {at}");
            }
        }
    }

    #[test]
    fn an_over_long_line_is_reported_once_whatever_its_length() {
        let mut bytes = vec![b'x'; LINE_BYTES_MAX * 5 + 17];
        bytes.extend_from_slice(b"\nnext\n");
        let more = vec![b'y'; LINE_BYTES_MAX * 2];
        assert_eq!(lines(&[&bytes, &more]), [None, text("next"), None]);
    }

    #[test]
    fn memory_comes_with_the_first_byte_and_long_lines_give_it_back() {
        let mut reader = LineReader::new();
        assert_eq!(reader.buffer.capacity(), 0);
        let mut long = vec![b'x'; LINE_BYTES_MAX - 1];
        long.push(b'\n');
        let mut source = Pieces(vec![&long, b"{}"]);
        while reader.next_line().is_none() {
            reader.read_from(&mut source).unwrap();
        }
        assert!(!reader.is_partial());
        reader.read_from(&mut source).unwrap();
        assert!(reader.is_partial());
        assert_eq!(reader.buffer.len(), LINE_BUFFER_BYTES);
    }
}
