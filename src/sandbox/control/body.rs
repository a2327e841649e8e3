//! Bodies that are a part of the seed, or a change to one.

use serde::de::DeserializeOwned;
use serde::Serialize;
use serde_json::Value;

use super::super::fields::ApiError;

/// Reads a body as a whole part of the seed.
///
/// # Errors
/// The member that is wrong, by its path.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    typed(value(body)?)
}

/// The part with the members of the body in the place of its own; objects are merged, and a
/// null takes a member away (RFC 7386).
///
/// # Errors
/// As `read`.
pub fn change<T: Serialize + DeserializeOwned>(old: &T, body: &[u8]) -> Result<T, ApiError> {
    let mut merged = serde_json::to_value(old).map_err(|e| invalid("body", e.to_string()))?;
    merge(&mut merged, value(body)?);
    typed(merged)
}

fn value(body: &[u8]) -> Result<Value, ApiError> {
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) => Err(invalid("body", "must be a JSON object")),
        Err(error) => Err(invalid("body", format!("is no JSON: {error}"))),
    }
}

fn typed<T: DeserializeOwned>(value: Value) -> Result<T, ApiError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        let message = error.into_inner().to_string();
        let named = ["missing field `", "unknown field `"].into_iter().find_map(|start| {
            let (name, _) = message.strip_prefix(start)?.split_once('`')?;
            Some(name)
        });
        let field = match (path.as_str(), named) {
            (".", Some(name)) => name.to_owned(),
            (".", None) => "body".to_owned(),
            (path, Some(name)) if !ends_with(path, name) => format!("{path}.{name}"),
            (path, _) => path.to_owned(),
        };
        invalid(&field, message)
    })
}

fn ends_with(path: &str, name: &str) -> bool {
    path == name || path.strip_suffix(name).is_some_and(|before| before.ends_with('.'))
}

fn invalid(field: &str, message: impl Into<String>) -> ApiError {
    ApiError::invalid(field, message)
}

fn merge(into: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *into = patch;
        return;
    };
    if !into.is_object() {
        *into = Value::Object(serde_json::Map::new());
    }
    let Some(members) = into.as_object_mut() else { return };
    for (name, value) in patch {
        if value.is_null() {
            members.remove(&name);
        } else {
            merge(members.entry(name).or_insert(Value::Null), value);
        }
    }
}
