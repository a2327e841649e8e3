//! A moment that people write: `yyyy-MM-dd HH:mm:ss` in GMT+8, as the platform does.

use serde::{Deserialize, Serialize};

use crate::wire::time::{format_gmt8, parse_gmt8};

/// Unix milliseconds, whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Gmt8(i64);

impl Gmt8 {
    /// The second in which this moment is.
    pub fn of_ms(unix_ms: i64) -> Gmt8 {
        Gmt8(unix_ms.div_euclid(1_000) * 1_000)
    }

    /// Unix milliseconds.
    pub fn ms(self) -> i64 {
        self.0
    }
}

impl TryFrom<String> for Gmt8 {
    type Error = String;
    fn try_from(text: String) -> Result<Gmt8, String> {
        let why = || format!("{text:?} is no time: yyyy-MM-dd HH:mm:ss, in GMT+8");
        parse_gmt8(&text).map(Gmt8).ok_or_else(why)
    }
}

impl From<Gmt8> for String {
    fn from(at: Gmt8) -> String {
        format_gmt8(at.0)
    }
}
