//! Random bytes for secrets, codes and tokens: HMAC-SHA256 in counter mode under one key,
//! taken from the operating system or, for repeatable runs, from a number.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Alphabet of the codes: no letter or digit that looks like another.
const CODE_ALPHABET: &[u8; 30] = b"23456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The generator.
pub struct Rng {
    key: [u8; 32],
    counter: u64,
}

impl Rng {
    /// Keyed by the operating system, or by `seed`: then everything can be foretold.
    pub fn new(seed: Option<u64>) -> std::io::Result<Rng> {
        let mut key = [0; 32];
        match seed {
            Some(seed) => key[..8].copy_from_slice(&seed.to_le_bytes()),
            None => getrandom::fill(&mut key).map_err(std::io::Error::other)?,
        }
        Ok(Rng { key, counter: 0 })
    }

    /// How far it has come, so that a restart under the same seed can go on from there.
    pub fn counter(&self) -> u64 {
        self.counter
    }

    /// Goes on from there.
    pub fn skip_to(&mut self, counter: u64) {
        self.counter = self.counter.max(counter);
    }

    /// Another generator that repeats with this one, but is not moved on by it.
    pub fn fork(&self, label: &str) -> Rng {
        let mut mac = self.mac();
        mac.update(label.as_bytes());
        Rng { key: mac.finalize().into_bytes().into(), counter: 0 }
    }

    fn mac(&self) -> Hmac<Sha256> {
        Hmac::new_from_slice(&self.key).expect("HMAC takes a key of any length")
    }

    fn block(&mut self) -> [u8; 32] {
        self.counter += 1;
        let mut mac = self.mac();
        mac.update(&self.counter.to_le_bytes());
        mac.finalize().into_bytes().into()
    }

    /// A number below `bound`, each with the same chance; 0 if `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // What is left over at the upper end would make small numbers likelier.
        let end = u64::MAX - u64::MAX % bound.max(1);
        loop {
            let block = self.block();
            let (first, _) = block.split_at(8);
            let number = u64::from_le_bytes(first.try_into().expect("eight bytes were split off"));
            if number < end {
                return number % bound.max(1);
            }
        }
    }

    /// Up to 64 lower-case hexadecimal digits.
    pub fn hex(&mut self, digits: usize) -> String {
        let text: String = self.block().iter().map(|byte| format!("{byte:02x}")).collect();
        text[..digits.min(text.len())].to_owned()
    }

    /// Up to 32 decimal digits.
    pub fn digits(&mut self, digits: usize) -> String {
        self.block().iter().take(digits).map(|byte| char::from(b'0' + byte % 10)).collect()
    }

    /// Up to 32 characters that are hard to confuse.
    pub fn code(&mut self, chars: usize) -> String {
        let pick = |byte: &u8| char::from(CODE_ALPHABET[usize::from(*byte) % CODE_ALPHABET.len()]);
        self.block().iter().take(chars).map(pick).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        let draw = |seed| {
            let mut rng = Rng::new(seed).unwrap();
            (rng.hex(32), rng.digits(16), rng.code(6))
        };
        assert_eq!(draw(Some(7)), draw(Some(7)));
        assert_ne!(draw(Some(7)), draw(Some(8)));
        assert_ne!(draw(None), draw(None));
        let (hex, digits, code) = draw(None);
        assert_eq!((hex.len(), digits.len(), code.len()), (32, 16, 6));
    }

    #[test]
    fn a_restart_goes_on_where_the_seed_was_left() {
        let mut first = Rng::new(Some(1)).unwrap();
        first.hex(8);
        let mut second = Rng::new(Some(1)).unwrap();
        second.skip_to(first.counter());
        assert_eq!(first.hex(8), second.hex(8));
    }

    #[test]
    fn a_fork_repeats_and_is_not_moved_by_what_happens_beside_it() {
        let mut rng = Rng::new(Some(1)).unwrap();
        let row = |mut rng: Rng| (0..8).map(|_| rng.below(1_000)).collect::<Vec<_>>();
        let before = row(rng.fork("a"));
        rng.hex(8);
        assert_eq!(row(rng.fork("a")), before);
        assert_ne!(row(rng.fork("b")), before);
        assert_ne!(row(Rng::new(Some(2)).unwrap().fork("a")), before);
    }

    #[test]
    fn numbers_below_a_bound_reach_both_ends() {
        let mut rng = Rng::new(Some(1)).unwrap();
        let drawn: Vec<u64> = (0..200).map(|_| rng.below(6)).collect();
        assert!((0..6).all(|n| drawn.contains(&n)) && drawn.iter().all(|n| *n < 6));
        assert_eq!((rng.below(1), rng.below(0)), (0, 0));
        assert!(rng.below(u64::MAX) < u64::MAX);
    }
}
