//! The confirmKey of a draw (ours; protocol notes 12). The merchant's server makes it with the
//! secret of the activity, the game passes it on, the gateway checks it:
//! `TS.HEX`, where `TS` is Unix milliseconds and `HEX` the lower-case HMAC-SHA256 of
//! `app_key=..&behavior_key=..&event_key=..&ts=..&user_id=..`. It is valid for
//! `CONFIRM_KEY_MS` and for one draw.

use super::secret::Secret;
use super::sign::{hex_eq, hmac_sha256};
use crate::limits::CONFIRM_KEY_MS;

/// What a key allows: one draw of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmFacts<'a> {
    /// The app.
    pub app_key: &'a str,
    /// The behaviour that earned the draw, or "".
    pub behavior_key: &'a str,
    /// The activity.
    pub event_key: &'a str,
    /// Who draws.
    pub user_id: &'a str,
}

impl ConfirmFacts<'_> {
    fn sign(&self, secret: &Secret, ts: &str) -> String {
        let text = format!(
            "app_key={}&behavior_key={}&event_key={}&ts={ts}&user_id={}",
            self.app_key, self.behavior_key, self.event_key, self.user_id
        );
        hmac_sha256(secret, text.as_bytes()).to_ascii_lowercase()
    }
}

/// Makes a key. `ts_ms`: the present moment, Unix milliseconds.
pub fn confirm_key(secret: &Secret, facts: &ConfirmFacts, ts_ms: i64) -> String {
    let ts = ts_ms.to_string();
    let sign = facts.sign(secret, &ts);
    format!("{ts}.{sign}")
}

/// Checks a key, and says until when it is valid, Unix milliseconds. That it was not used
/// before is the caller's to know.
///
/// # Errors
/// Why it is not valid.
pub fn verify_confirm_key(
    secret: &Secret,
    key: &str,
    facts: &ConfirmFacts,
    now_ms: i64,
) -> Result<i64, &'static str> {
    let shape = "confirm_key must be Unix milliseconds, a point and 64 hexadecimal digits";
    let (ts, sign) = key.split_once('.').ok_or(shape)?;
    let digits = (1..=15).contains(&ts.len()) && ts.bytes().all(|b| b.is_ascii_digit());
    let ts_ms: i64 = ts.parse().ok().filter(|_| digits).ok_or(shape)?;
    if !hex_eq(&facts.sign(secret, ts), sign) {
        return Err("confirm_key was made with another secret, or for another draw");
    }
    if (now_ms - ts_ms).abs() > CONFIRM_KEY_MS {
        return Err("confirm_key is too old, or its clock is wrong");
    }
    Ok(ts_ms + CONFIRM_KEY_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: ConfirmFacts = ConfirmFacts {
        app_key: "23012345",
        behavior_key: "share",
        event_key: "LEVEL_UP",
        user_id: "u1",
    };

    fn secret() -> Secret {
        Secret::new("s3cret").unwrap()
    }

    /// Made with `openssl dgst -sha256 -hmac s3cret`.
    #[test]
    fn the_key_is_an_hmac_over_the_named_facts() {
        let key = confirm_key(&secret(), &FACTS, 1_466_395_200_123);
        assert_eq!(
            key,
            "1466395200123.8e0019c4f9c383c2a3c5ac8fce88dbce3fca7d708cb612def1fc13a2ca884997"
        );
    }

    #[test]
    fn it_is_valid_for_ten_minutes_and_for_its_facts_only() {
        let ts_ms = 1_466_395_200_123;
        let key = confirm_key(&secret(), &FACTS, ts_ms);
        let check = |key: &str, facts, now_ms| verify_confirm_key(&secret(), key, &facts, now_ms);
        assert_eq!(check(&key, FACTS, ts_ms), Ok(ts_ms + CONFIRM_KEY_MS));
        assert_eq!(check(&key, FACTS, ts_ms + CONFIRM_KEY_MS), Ok(ts_ms + CONFIRM_KEY_MS));
        assert!(check(&key, FACTS, ts_ms + CONFIRM_KEY_MS + 1).is_err());
        assert!(check(&key, FACTS, ts_ms - CONFIRM_KEY_MS - 1).is_err());
        for facts in [
            ConfirmFacts { app_key: "23012346", ..FACTS },
            ConfirmFacts { behavior_key: "", ..FACTS },
            ConfirmFacts { event_key: "LEVEL", ..FACTS },
            ConfirmFacts { user_id: "u2", ..FACTS },
        ] {
            assert!(check(&key, facts, ts_ms).is_err(), "{facts:?}");
        }
        let other = Secret::new("another").unwrap();
        assert!(verify_confirm_key(&other, &key, &FACTS, ts_ms).is_err());
        for bad in ["", ".", "1466395200123", "1466395200123.", ".ab", "-1.ab", "x.ab"] {
            assert!(check(bad, FACTS, ts_ms).is_err(), "{bad}");
        }
    }
}
