//! The members of a control request, read one by one so that an error names the member.

use std::fmt;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::Json;
use serde_json::{json, Map, Value};

/// Why a control request was not carried out.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    field: Option<String>,
    message: String,
}

impl ApiError {
    /// With the status and the field that is to blame.
    pub fn new(status: StatusCode, field: &str, message: impl Into<String>) -> ApiError {
        ApiError { status, field: Some(field.to_owned()), message: message.into() }
    }

    /// A field has a value that is not allowed.
    pub fn invalid(field: &str, message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, field, message)
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The field that is to blame.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// Why, in English.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Two apps have an order of this number.
    pub fn ambiguous(order: &str) -> ApiError {
        let message = format!("several apps have an order {order:?}: name one");
        ApiError::new(StatusCode::CONFLICT, "app_key", message)
    }

    /// Whether it is that.
    pub fn is_ambiguous(&self) -> bool {
        self.status == StatusCode::CONFLICT && self.field.as_deref() == Some("app_key")
    }

    /// No field is to blame.
    pub fn general(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { status, field: None, message: message.into() }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "{field}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = json!({ "field": self.field, "message": self.message });
        (self.status, Json(json!({ "error": error }))).into_response()
    }
}

/// An object of which each member is taken once.
pub struct Fields(Map<String, Value>);

impl Fields {
    /// Reads a body. An empty one is an empty object.
    pub fn read(body: &[u8]) -> Result<Fields, ApiError> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Fields(Map::new()));
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Fields(members)),
            Ok(_) => Err(ApiError::invalid("body", "must be a JSON object")),
            Err(error) => Err(ApiError::invalid("body", format!("is no JSON: {error}"))),
        }
    }

    /// The parameters of a query string.
    pub fn of_query(query: &str) -> Fields {
        let pairs = form_urlencoded::parse(query.as_bytes());
        Fields(pairs.map(|(name, value)| (name.into_owned(), Value::from(value))).collect())
    }

    /// The fields of an HTML form. A browser sends those that were left empty, too; here they
    /// count as not sent.
    pub fn of_form(form: &str) -> Fields {
        let pairs = form_urlencoded::parse(form.as_bytes()).filter(|(_, value)| !value.is_empty());
        Fields(pairs.map(|(name, value)| (name.into_owned(), Value::from(value))).collect())
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name).filter(|value| !value.is_null())
    }

    /// A text of 1 to 64 bytes.
    pub fn text(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) if (1..=64).contains(&text.len()) => Ok(Some(text)),
            Some(_) => Err(ApiError::invalid(name, "must be a text of 1 to 64 bytes")),
        }
    }

    /// A text of any length: whoever takes it checks it. It came in a body, which is bounded.
    pub fn line(&mut self, name: &str) -> Result<Option<String>, ApiError> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(ApiError::invalid(name, "must be a text")),
        }
    }

    /// A whole number in a range, as a number or in digits.
    pub fn number(&mut self, name: &str, min: i64, max: i64) -> Result<Option<i64>, ApiError> {
        let Some(value) = self.take(name) else { return Ok(None) };
        let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
        let number = number.filter(|number| (min..=max).contains(number));
        let wrong = || ApiError::invalid(name, format!("must be a whole number, {min} to {max}"));
        number.map(Some).ok_or_else(wrong)
    }

    /// True or false.
    pub fn flag(&mut self, name: &str) -> Result<bool, ApiError> {
        match self.take(name) {
            None => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(ApiError::invalid(name, "must be true or false")),
        }
    }

    /// Nothing else may be left.
    pub fn finish(self) -> Result<(), ApiError> {
        match self.0.keys().next() {
            None => Ok(()),
            Some(name) => Err(ApiError::invalid(name, "is not known here")),
        }
    }
}

/// A field that must be there.
pub fn required<T>(name: &str, value: Option<T>) -> Result<T, ApiError> {
    value.ok_or_else(|| ApiError::invalid(name, "is required"))
}
