//! What every answer has, and the proof that it is genuine.

use serde::{Deserialize, Serialize};
use serde_json::value::{to_raw_value, RawValue};

use crate::wire::json::JsonError;
use crate::wire::numbers;
use crate::wire::secret::Secret;
use crate::wire::sign::{hex_eq, hmac_sha256};
use crate::wire::top::response;

/// `result` of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceResult<T> {
    /// Whether the method did what was asked.
    pub success: bool,
    /// `success`, or the refusal, such as `ORDER_NOT_FOUND`.
    #[serde(default)]
    pub code: String,
    /// The sentence to the code.
    #[serde(default)]
    pub message: String,
    /// What was asked for. A refusal has it too, for the echo.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
}

impl<T> ServiceResult<T> {
    /// It worked.
    pub fn success(data: T) -> ServiceResult<T> {
        let (code, message) = ("success".into(), String::new());
        ServiceResult { success: true, code, message, data: Some(data) }
    }

    /// It did not; `data` carries the echo.
    pub fn refusal(code: &str, message: &str, data: T) -> ServiceResult<T> {
        let (code, message) = (code.into(), message.into());
        ServiceResult { success: false, code, message, data: Some(data) }
    }
}

/// What every `data` repeats of the request it answers (ours).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// Whose credentials signed the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_key: Option<String>,
    /// The request's nonce; none if it had none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The gateway's clock when it wrote the answer, Unix milliseconds.
    #[serde(default, with = "numbers::opt_i64", skip_serializing_if = "Option::is_none")]
    pub server_date_ms: Option<i64>,
}

/// Builds a whole answer. With a secret, `result_sign` goes beside `result`.
pub fn answer<T: Serialize>(
    method: &str,
    result: &ServiceResult<T>,
    secret: Option<&Secret>,
    request_id: &str,
) -> Result<String, JsonError> {
    let as_error = |error: serde_json::Error| JsonError::new(error.to_string());
    let result = to_raw_value(result).map_err(as_error)?;
    let sign = secret.map(|secret| to_raw_value(&sign_result(&result, secret))).transpose();
    let sign: Option<Box<RawValue>> = sign.map_err(as_error)?;
    let mut members: Vec<(&str, &RawValue)> = vec![("result", &result)];
    members.extend(sign.as_deref().map(|sign| ("result_sign", sign)));
    Ok(response(method, &members, request_id))
}

/// Ours: the proof that a result comes from the holder of the app secret. Upper-case
/// hexadecimal HMAC-SHA256 over the text of the result, from its `{` to its `}`.
pub fn sign_result(result: &RawValue, secret: &Secret) -> String {
    hmac_sha256(secret, result.get().as_bytes())
}

/// Checks `result_sign`, upper or lower case, in constant time.
pub fn verify_result(result: &RawValue, result_sign: &str, secret: &Secret) -> bool {
    hex_eq(&sign_result(result, secret), result_sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Fen;
    use crate::wire::device::{OrderData, OrderStatus, ORDER_QUERY};
    use crate::wire::top::{parse_answer, Answer};

    #[test]
    fn an_answer_proves_its_own_text_and_no_other() {
        let secret = Secret::new("s3cret").unwrap();
        let data = OrderData {
            echo: Echo {
                app_key: Some("23".into()),
                nonce: Some("n".into()),
                server_date_ms: Some(1_466_395_200_000),
            },
            partner_order_no: Some("A-1".into()),
            price: Some(Fen::new(600).unwrap()),
            status: Some(OrderStatus::TradeSuccess),
            ..OrderData::default()
        };
        let body = answer(ORDER_QUERY, &ServiceResult::success(data.clone()), Some(&secret), "r1")
            .unwrap();
        let Answer::Node(node) = parse_answer(ORDER_QUERY, &body).unwrap() else { panic!() };
        let (result, sign) = (node.raw("result").unwrap(), node.text("result_sign").unwrap());
        assert!(verify_result(result, &sign, &secret));
        assert!(verify_result(result, &sign.to_lowercase(), &secret));
        assert!(!verify_result(result, &sign, &Secret::new("s3creT").unwrap()));
        assert!(!verify_result(result, "", &secret));
        let read: ServiceResult<OrderData> = serde_json::from_str(result.get()).unwrap();
        assert_eq!(read.data, Some(data));
        let other = result.get().replace("600", "601");
        assert!(!verify_result(&RawValue::from_string(other).unwrap(), &sign, &secret));
    }

    #[test]
    fn a_known_result_has_a_known_signature() {
        // openssl dgst -sha256 -hmac helloworld
        let result = RawValue::from_string(r#"{"success":true,"code":"success"}"#.into()).unwrap();
        let sign = sign_result(&result, &Secret::new("helloworld").unwrap());
        assert_eq!(sign, "157F55E6AC90C15DA6FDB344EEE9E0C64E959EFE70641926A1047DEFABCF6D2F");
    }
}
