//! Money is an integer count of fen (CNY 0.01). Nothing here rounds, and nothing is a float.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::{AMOUNT_FEN_MAX, AMOUNT_FEN_MIN};

/// An amount that can be charged: `AMOUNT_FEN_MIN..=AMOUNT_FEN_MAX` fen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Fen(i64);

/// Why something is not an amount. The text names the field and the bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FenError(String);

impl fmt::Display for FenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for FenError {}

impl Fen {
    /// Takes an integer count of fen.
    pub fn new(fen: i64) -> Result<Fen, FenError> {
        if !(AMOUNT_FEN_MIN..=AMOUNT_FEN_MAX).contains(&fen) {
            return Err(FenError(format!(
                "amount_fen is {fen}: allowed are {AMOUNT_FEN_MIN} to {AMOUNT_FEN_MAX}"
            )));
        }
        Ok(Fen(fen))
    }

    /// Reads decimal digits and nothing else: no sign, point, blank or leading zero
    /// (`protocol/alitv.md` 1.3: the SDK takes the amount as text and must not guess).
    pub fn parse(text: &str) -> Result<Fen, FenError> {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits || text.starts_with('0') {
            let shown: String = text.chars().take(20).collect();
            return Err(FenError(format!(
                "amount_fen is {shown:?}: write whole fen in digits, {AMOUNT_FEN_MIN} to \
                 {AMOUNT_FEN_MAX} (CNY 1.00 is 100)"
            )));
        }
        // More digits than an i64 holds are simply too many fen.
        Fen::new(text.parse().unwrap_or(i64::MAX))
    }

    /// The count of fen.
    pub fn get(self) -> i64 {
        self.0
    }
}

impl TryFrom<i64> for Fen {
    type Error = FenError;
    fn try_from(fen: i64) -> Result<Fen, FenError> {
        Fen::new(fen)
    }
}

impl From<Fen> for i64 {
    fn from(fen: Fen) -> i64 {
        fen.0
    }
}

/// `CNY 6.00`, for people. Never parsed back.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CNY {}.{:02}", self.0 / 100, self.0 % 100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_bounds_and_nothing_beyond() {
        for good in [AMOUNT_FEN_MIN, AMOUNT_FEN_MIN + 1, AMOUNT_FEN_MAX - 1, AMOUNT_FEN_MAX] {
            assert_eq!(Fen::new(good).unwrap().get(), good);
            assert_eq!(Fen::parse(&good.to_string()).unwrap().get(), good);
        }
        for bad in [i64::MIN, -1, 0, AMOUNT_FEN_MAX + 1, i64::MAX] {
            assert!(Fen::new(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn refuses_every_other_spelling() {
        let bad = [
            "",
            " ",
            "0",
            "00",
            "01",
            "-1",
            "+1",
            "1.0",
            "1,0",
            "1e2",
            " 1",
            "1 ",
            "1\n",
            "0x1",
            "１",
            "一",
            "NaN",
            "inf",
            "1_000",
            "100000000",
            "1000000000",
            "9223372036854775808",
            "99999999999999999999999999",
            "1\0",
            "￥1",
            "1元",
            "--1",
            "1-",
        ];
        for text in bad {
            let error = Fen::parse(text).expect_err(text).to_string();
            assert!(error.starts_with("amount_fen"), "{error}");
            assert!(error.contains("99999999"), "{error}");
        }
    }

    #[test]
    fn shows_yuan_with_two_places() {
        assert_eq!(Fen::new(1).unwrap().to_string(), "CNY 0.01");
        assert_eq!(Fen::new(600).unwrap().to_string(), "CNY 6.00");
        assert_eq!(Fen::new(AMOUNT_FEN_MAX).unwrap().to_string(), "CNY 999999.99");
    }
}
