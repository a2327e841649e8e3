//! What the platform answers a merchant's server.

use serde::Deserialize;
use serde_json::{json, Value};

use super::order::PartnerStatus;
use super::{ORDER_QUERY, RENEWAL_PAY};
use crate::wire::json::{read_object, JsonError};
use crate::wire::top::{parse_answer, Answer, ErrorResponse};

/// The code of a `result` that did what was asked.
const SUCCESS: &str = "success";

/// `result` of a query: the order, encrypted to the merchant's key, in base64.
pub fn query_result(encrypted: &str) -> Value {
    good(json!({ "data": encrypted }))
}

/// `result` of a charge that was carried out; how it ended is its status.
pub fn renewal_result(status: &PartnerStatus) -> Value {
    good(json!({ "order_status": status.as_str() }))
}

/// `result` of a call that was refused; it has no `data`.
pub fn refused_result(code: &str, message: &str) -> Value {
    json!({ "success": false, "code": code, "message": message })
}

fn good(data: Value) -> Value {
    json!({ "success": true, "code": SUCCESS, "message": SUCCESS, "data": data })
}

/// What an answer says. Nothing in it is signed: believe it as far as the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartnerReply<T> {
    /// It did what was asked.
    Good(T),
    /// It reached its method, and was refused.
    Refused {
        /// Such as `ORDER_NOT_FOUND`, or a word of `RenewalCode`.
        code: String,
        /// The sentence to it.
        message: String,
    },
    /// It never reached its method, or that failed.
    Error(ErrorResponse),
}

#[derive(Deserialize)]
struct ResultNode {
    success: bool,
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(default)]
    data: Option<String>,
    #[serde(default)]
    order_status: Option<PartnerStatus>,
}

/// Reads the answer to a query: the encrypted order in base64.
pub fn read_query(body: &str) -> Result<PartnerReply<String>, JsonError> {
    read(ORDER_QUERY, body, |data| data.data.ok_or(JsonError::new("result has no data.data")))
}

/// Reads the answer to a charge: where the charge stands.
pub fn read_renewal(body: &str) -> Result<PartnerReply<PartnerStatus>, JsonError> {
    let missing = || JsonError::new("result has no data.order_status");
    read(RENEWAL_PAY, body, |data| data.order_status.ok_or_else(missing))
}

/// A result that says two things, such as success and the code of a refusal, is no answer.
fn read<T>(
    method: &str,
    body: &str,
    take: impl FnOnce(Data) -> Result<T, JsonError>,
) -> Result<PartnerReply<T>, JsonError> {
    let node = match parse_answer(method, body)? {
        Answer::Error(error) => return Ok(PartnerReply::Error(error)),
        Answer::Node(node) => node,
    };
    let result = node.raw("result").ok_or_else(|| JsonError::new("the answer has no result"))?;
    let result: ResultNode = read_object(result.get())?;
    match (result.success, result.code.as_str()) {
        (true, SUCCESS) => {
            let data = result.data.ok_or_else(|| JsonError::new("result has no data"))?;
            take(data).map(PartnerReply::Good)
        }
        (false, "" | SUCCESS) => Err(JsonError::new("a refusal without a code")),
        (true, _) => Err(JsonError::new("success is true, and code is that of a refusal")),
        (false, _) => Ok(PartnerReply::Refused { code: result.code, message: result.message }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::top::response;
    use serde_json::value::to_raw_value;

    fn body(method: &str, result: &Value) -> String {
        response(method, &[("result", &to_raw_value(result).unwrap())], "118g71ywn59zf")
    }

    /// The shape of the seed's sample: a name of its own for the whole, `data` within `data`.
    #[test]
    fn a_query_is_answered_with_a_sealed_order() {
        let sample = r#"{
            "tvpay_partner_order_query_response": {
                "result": {
                    "code": "success",
                    "data": { "data": "PG5Qgxp5C+Muqohd7s01IE9SK/VnYVSxsY7nPqHFR8c=" },
                    "message": "success",
                    "success": true
                },
                "request_id": "118g71ywn59zf"
            }
        }"#;
        let sealed = "PG5Qgxp5C+Muqohd7s01IE9SK/VnYVSxsY7nPqHFR8c=";
        let good = PartnerReply::Good(sealed.to_owned());
        assert_eq!(read_query(sample), Ok(good.clone()));
        assert_eq!(read_query(&body(ORDER_QUERY, &query_result(sealed))), Ok(good));
    }

    /// The seed's sample of a charge has its status in the open and no `request_id`.
    #[test]
    fn a_charge_is_answered_with_a_plain_status() {
        let sample = r#"{"tvpay_partner_renewal_pay_response":{"result":{"code":"success",
            "data":{"order_status":"TRADE_SUCCESS"},"message":"success","success":true}}}"#;
        assert_eq!(read_renewal(sample), Ok(PartnerReply::Good(PartnerStatus::TradeSuccess)));
        for word in ["WAIT_BUYER_PAY", "TRADE_CLOSED", "TRADE_PENDING"] {
            let status = PartnerStatus::parse(word);
            let text = body(RENEWAL_PAY, &renewal_result(&status));
            assert_eq!(read_renewal(&text), Ok(PartnerReply::Good(status)));
        }
        let both = sample.replace("\"data\":{", "\"data\":{\"data\":\"QUJD\",");
        assert_eq!(read_renewal(&both), Ok(PartnerReply::Good(PartnerStatus::TradeSuccess)));
    }

    #[test]
    fn refusals_and_errors_are_told_apart() {
        let refused =
            PartnerReply::Refused { code: "ORDER_NOT_FOUND".into(), message: "no order A".into() };
        let text = body(ORDER_QUERY, &refused_result("ORDER_NOT_FOUND", "no order A"));
        assert!(!text.contains("\"data\""), "{text}");
        assert_eq!(read_query(&text), Ok(refused));
        let error = ErrorResponse {
            code: 25,
            msg: "Invalid Signature".into(),
            sub_code: "isv.sign".into(),
            ..ErrorResponse::default()
        };
        assert_eq!(read_query(&error.encode()), Ok(PartnerReply::Error(error.clone())));
        assert_eq!(read_renewal(&error.encode()), Ok(PartnerReply::Error(error)));
    }

    #[test]
    fn what_says_nothing_or_two_things_is_no_answer() {
        let good = body(ORDER_QUERY, &query_result("QUJD"));
        let refused = body(ORDER_QUERY, &refused_result("ORDER_NOT_FOUND", ""));
        let cases = [
            (good.replace("\"code\":\"success\"", "\"code\":\"FAIL\""), "code is that"),
            (good.replace("\"code\":\"success\"", "\"x\":1"), "code is that"),
            (good.replace("true", "\"true\""), "boolean"),
            (good.replace("\"success\":true", "\"y\":true"), "success"),
            (good.replace("{\"data\":\"QUJD\"}", "{}"), "data.data"),
            (good.replace("{\"data\":\"QUJD\"}", "null"), "no data"),
            (good.replace("\"QUJD\"", "7"), "string"),
            (good.replace("\"QUJD\"", "\"QUJD\",\"data\":\"QUJE\""), "twice"),
            (good.replace("order_query", "renewal_pay"), "is about"),
            (good.replace("\"result\"", "\"results\""), "no result"),
            (refused.replace("ORDER_NOT_FOUND", ""), "without a code"),
            (refused.replace("ORDER_NOT_FOUND", "success"), "without a code"),
            (good[..good.len() - 1].to_owned(), "EOF"),
        ];
        for (text, why) in cases {
            let error = read_query(&text).expect_err(&text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
        let sealed_only = body(RENEWAL_PAY, &query_result("QUJD"));
        assert!(read_renewal(&sealed_only).unwrap_err().to_string().contains("order_status"));
    }
}
