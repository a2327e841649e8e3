//! Ids of orders and draws for callers that bring none.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::core::code::{Code, Refusal};
use crate::core::facts::{OrderId, DRAW_PREFIX};

const DIGITS: &[u8; 36] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
/// 103 bits: no two boxes will ever meet, clock set or not.
const RANDOM_DIGITS: usize = 20;

/// A new id: Unix milliseconds and random digits, both `[0-9A-Z]`, so that ids of one box
/// sort by time and every gateway takes them. `Code::RESOURCE` when the system has no
/// randomness: an id that could repeat would be another customer's order.
pub fn make() -> Result<OrderId, Refusal> {
    let now_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |past| past.as_millis());
    let mut text = String::new();
    for place in (0..9).rev() {
        text.push(digit((now_ms / 36_u128.pow(place) % 36) as usize));
    }
    while text.len() < 9 + RANDOM_DIGITS {
        let mut bytes = [0_u8; 32];
        getrandom::fill(&mut bytes)
            .map_err(|error| Refusal::new(Code::RESOURCE, format!("no randomness: {error}")))?;
        // Bytes from 252 up would make the first digits likelier than the last ones.
        let fair = bytes.iter().filter(|byte| **byte < 252);
        text.extend(fair.map(|byte| digit(usize::from(byte % 36))));
    }
    text.truncate(9 + RANDOM_DIGITS);
    OrderId::new(text)
}

/// A new id of a draw: as `make`, behind the prefix of draws.
pub fn make_draw() -> Result<OrderId, Refusal> {
    make().and_then(|id| OrderId::new(format!("{DRAW_PREFIX}{id}")))
}

fn digit(value: usize) -> char {
    char::from(DIGITS[value % 36])
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_are_plain_sorted_by_time_and_never_the_same() {
        let ids: HashSet<String> = (0..1000).map(|_| make().unwrap().to_string()).collect();
        assert_eq!(ids.len(), 1000);
        assert!(ids.iter().all(|id| id.len() == 29));
        assert!(ids
            .iter()
            .all(|id| id.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_uppercase())));
        let earlier = make().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(3));
        assert!(earlier.as_str()[..9] < make().unwrap().as_str()[..9]);
    }
}
