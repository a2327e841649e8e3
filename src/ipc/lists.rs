//! Lists that are cut to what one line holds.

use std::io;

use serde::Serialize;

use crate::limits::LINE_BYTES_MAX;

/// Of a line, kept for all but the lists: the longest id, escaped, and names.
const ENVELOPE_BYTES: usize = 1024;

/// What is left of one line.
pub struct Room(usize);

impl Room {
    /// A line with nothing in it.
    pub fn new() -> Room {
        Room(LINE_BYTES_MAX - ENVELOPE_BYTES)
    }

    /// Takes the room of a value, if there is so much.
    pub fn take(&mut self, value: &impl Serialize) -> bool {
        let size = json_bytes(value) + 1;
        let fits = size <= self.0;
        if fits {
            self.0 -= size;
        }
        fits
    }

    /// Keeps the first ones that fit. Were some left out?
    pub fn keep_first<T: Serialize>(&mut self, list: &mut Vec<T>) -> bool {
        let fitting = list.iter().take_while(|value| self.take(value)).count();
        let is_cut = fitting < list.len();
        list.truncate(fitting);
        is_cut
    }

    /// Keeps the last ones that fit, `limit` at most. Were some left out?
    pub fn keep_last<T: Serialize>(&mut self, list: &mut Vec<T>, limit: usize) -> bool {
        let last = list.iter().rev().take(limit);
        let surplus = list.len() - last.take_while(|value| self.take(value)).count();
        list.drain(..surplus);
        surplus > 0
    }
}

fn json_bytes(value: &impl Serialize) -> usize {
    struct Count(usize);
    impl io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    // What cannot be counted counts as too long.
    serde_json::to_writer(&mut count, value).map_or(LINE_BYTES_MAX, |()| count.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_fits_a_line_and_what_would_fit_is_kept() {
        let text = "宝".repeat(100);
        let all: Vec<&str> = std::iter::repeat_n(&*text, 1_000).collect();
        let most = (LINE_BYTES_MAX - ENVELOPE_BYTES) / (text.len() + 3);
        let (mut first, mut last) = (all.clone(), all.clone());
        assert!(Room::new().keep_first(&mut first) && Room::new().keep_last(&mut last, 1_000));
        assert_eq!((first.len(), last.len()), (most, most));
        let mut few = vec![1, 2, 3];
        assert!(Room::new().keep_last(&mut few, 2));
        assert_eq!(few, [2, 3]);
        assert!(!Room::new().keep_first(&mut few));
    }
}
