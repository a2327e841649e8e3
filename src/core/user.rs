//! Who plays: the platform's users and the tokens that speak for them.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::code::{Code, Refusal};
use crate::limits::{TOKEN_BYTES_MAX, USER_ID_BYTES_MAX};

/// The platform's id of a user: printable ASCII.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UserId(String);

impl UserId {
    /// Checks length and characters.
    ///
    /// # Errors
    /// INVALID, naming the bound.
    pub fn new(text: impl Into<String>) -> Result<UserId, Refusal> {
        graphic("user_id", text.into(), USER_ID_BYTES_MAX).map(UserId)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for UserId {
    type Error = Refusal;
    fn try_from(text: String) -> Result<UserId, Refusal> {
        UserId::new(text)
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> String {
        id.0
    }
}

/// What speaks for a user at the gateway, or allows one draw. It is written to the journal and
/// sent to the gateway; no report carries it, and it cannot be printed.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Token(String);

impl Token {
    /// Checks length and characters.
    ///
    /// # Errors
    /// INVALID, naming `field` and the bound.
    pub fn new(field: &str, text: impl Into<String>) -> Result<Token, Refusal> {
        graphic(field, text.into(), TOKEN_BYTES_MAX).map(Token)
    }

    /// The text, for the gateway.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

impl TryFrom<String> for Token {
    type Error = Refusal;
    fn try_from(text: String) -> Result<Token, Refusal> {
        Token::new("token", text)
    }
}

fn graphic(field: &str, text: String, bytes_max: usize) -> Result<String, Refusal> {
    if text.is_empty() || text.len() > bytes_max || !text.bytes().all(|b| b.is_ascii_graphic()) {
        let why = format!("{field} must be 1 to {bytes_max} printable ASCII characters");
        return Err(Refusal::new(Code::INVALID, why));
    }
    Ok(text)
}

/// What is known of a user. Nick and avatar are there only if the platform lets the app have
/// them and the user has agreed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct User {
    /// The platform's id.
    pub user_id: UserId,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nick: Option<String>,
    /// Picture, an http or https URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
    /// Points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_shows_itself_to_nobody() {
        let token = Token::new("token", "top-secret").unwrap();
        assert_eq!(format!("{token:?}"), "Token(..)");
        for bad in ["", "a b", "é", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
            let error = Token::new("confirm_key", bad).unwrap_err();
            assert!(error.message.starts_with("confirm_key must be 1 to"), "{error}");
        }
    }
}
