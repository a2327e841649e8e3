//! The methods a TV box calls, as both ends see them: the gateway client writes requests
//! and reads results, the sandbox the other way round. docs/wire-alitv.md is the contract,
//! and says which parts of it are ours and not the platform's.

use serde::{Deserialize, Serialize};
use serde_json::value::{to_raw_value, RawValue};

use super::json::{check_json, read_object, JsonError};
use super::numbers;
use super::secret::Secret;
use super::sign::{hex_eq, hmac_sha256};
use super::top::{response, ErrorResponse, Params};
use crate::limits::{NONCE_BYTES_MAX, ORDER_ID_BYTES_MAX, WAIT_S_MAX};
use crate::money::Fen;

/// Configuration of the app, and what the gateway offers.
pub const APPINFO_GET: &str = "taobao.tvpay.appinfo.get";
/// The gateway's clock. The only method that takes any `timestamp`.
pub const SERVER_DATE_GET: &str = "taobao.baodian.server.date.get";
/// Registers an order and gives its code; the same code when asked again.
pub const ORDER_PRECREATE: &str = "taobao.tvpay.order.precreate";
/// Where an order stands.
pub const ORDER_QUERY: &str = "taobao.tvpay.order.query";
/// Ours: makes an order unpayable unless it is paid. Never refunds.
pub const ORDER_CLOSE: &str = "taobao.tvpay.order.close";

/// Refusal: this app has no order of that number.
pub const ORDER_NOT_FOUND: &str = "ORDER_NOT_FOUND";
/// Refusal of precreate: the number is taken by an order with other facts.
pub const ORDER_CONFLICT: &str = "ORDER_CONFLICT";
/// Refusal that decides nothing: ask again.
pub const SYSTEM_ERROR: &str = "SYSTEM_ERROR";

/// One request of a box, without the common parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceRequest {
    /// `APPINFO_GET`.
    AppInfo,
    /// `SERVER_DATE_GET`.
    ServerDate,
    /// `ORDER_PRECREATE`.
    Precreate(PrecreateData),
    /// `ORDER_QUERY`.
    Query {
        /// The merchant's order number.
        partner_order_no: String,
        /// Ours: hold the answer up to so many seconds until the status changes; 0 to
        /// `WAIT_S_MAX`.
        wait_s: u32,
    },
    /// `ORDER_CLOSE`.
    Close {
        /// The merchant's order number.
        partner_order_no: String,
    },
}

/// The order of a precreate: the JSON of its parameter `data`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrecreateData {
    /// The merchant's order number.
    pub partner_order_no: String,
    /// What the payer reads.
    pub subject: String,
    /// The merchant's product id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// Total in fen; written as a string, read from a string or an integer.
    #[serde(with = "numbers::fen")]
    pub price: Fen,
    /// Where the merchant is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_notify_url: Option<String>,
    /// Ours: wanted lifetime of the code in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
}

/// Which parameter of a device request is missing or wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamError {
    /// The named one is missing.
    Missing(&'static str),
    /// The named one has no allowed value; why.
    Invalid(&'static str, String),
}

impl ParamError {
    /// The answer to such a request: 40 or 41 with the name in `sub_code`.
    pub fn answer(&self, request_id: &str) -> ErrorResponse {
        let (code, msg, sub_code, sub_msg) = match self {
            ParamError::Missing(name) => {
                let why = format!("{name} is required");
                (40, "Missing Required Arguments", format!("isv.missing-parameter:{name}"), why)
            }
            ParamError::Invalid(name, why) => {
                let why = format!("{name}: {why}");
                (41, "Invalid Arguments", format!("isv.invalid-parameter:{name}"), why)
            }
        };
        ErrorResponse { code, msg: msg.into(), sub_code, sub_msg, request_id: request_id.into() }
    }
}

impl DeviceRequest {
    /// The API name.
    pub fn method(&self) -> &'static str {
        match self {
            DeviceRequest::AppInfo => APPINFO_GET,
            DeviceRequest::ServerDate => SERVER_DATE_GET,
            DeviceRequest::Precreate(_) => ORDER_PRECREATE,
            DeviceRequest::Query { .. } => ORDER_QUERY,
            DeviceRequest::Close { .. } => ORDER_CLOSE,
        }
    }

    /// Adds the request's own parameters. `nonce` is ours: the answer must repeat it.
    pub fn write(&self, nonce: &str, params: &mut Params) {
        params.set("nonce", nonce);
        match self {
            DeviceRequest::AppInfo | DeviceRequest::ServerDate => {}
            DeviceRequest::Precreate(data) => {
                let text = serde_json::to_string(data);
                params.set("data", text.expect("strings and numbers always make JSON"));
            }
            DeviceRequest::Query { partner_order_no, wait_s } => {
                write_order(partner_order_no, params);
                if *wait_s > 0 {
                    params.set("wait_s", wait_s.to_string());
                }
            }
            DeviceRequest::Close { partner_order_no } => write_order(partner_order_no, params),
        }
    }

    /// Reads the request for `method`; none if it is no device method.
    pub fn read(method: &str, params: &Params) -> Option<Result<DeviceRequest, ParamError>> {
        Some(match method {
            APPINFO_GET => Ok(DeviceRequest::AppInfo),
            SERVER_DATE_GET => Ok(DeviceRequest::ServerDate),
            ORDER_PRECREATE => read_precreate(params).map(DeviceRequest::Precreate),
            ORDER_QUERY => read_query(params),
            ORDER_CLOSE => read_order_no(params)
                .map(|partner_order_no| DeviceRequest::Close { partner_order_no }),
            _ => return None,
        })
    }
}

/// The nonce of a request, if it has one: 1 to `NONCE_BYTES_MAX` letters, digits, `-`, `_`.
pub fn read_nonce(params: &Params) -> Result<Option<String>, ParamError> {
    let Some(nonce) = params.get("nonce") else { return Ok(None) };
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if !(1..=NONCE_BYTES_MAX).contains(&nonce.len()) || !nonce.bytes().all(allowed) {
        let why = format!("must be 1 to {NONCE_BYTES_MAX} characters out of [A-Za-z0-9_-]");
        return Err(ParamError::Invalid("nonce", why));
    }
    Ok(Some(nonce.to_owned()))
}

fn write_order(partner_order_no: &str, params: &mut Params) {
    params.set("order_type", "partner");
    params.set("partner_order_no", partner_order_no);
}

fn read_precreate(params: &Params) -> Result<PrecreateData, ParamError> {
    let text = params.get("data").ok_or(ParamError::Missing("data"))?;
    let invalid = |why: String| ParamError::Invalid("data", why);
    check_json(text).map_err(|error| invalid(error.to_string()))?;
    let data: PrecreateData = read_object(text).map_err(|error| invalid(error.to_string()))?;
    check_order_no(&data.partner_order_no, "data")?;
    Ok(data)
}

fn read_query(params: &Params) -> Result<DeviceRequest, ParamError> {
    let partner_order_no = read_order_no(params)?;
    let wait_s = match params.get("wait_s") {
        None => 0,
        Some(text) => {
            text.parse().ok().filter(|s| *s <= WAIT_S_MAX && !text.starts_with('+')).ok_or_else(
                || ParamError::Invalid("wait_s", format!("must be 0 to {WAIT_S_MAX}")),
            )?
        }
    };
    Ok(DeviceRequest::Query { partner_order_no, wait_s })
}

/// Takes `partner_order_no`, or `out_order_no` as the platform's metadata names it.
fn read_order_no(params: &Params) -> Result<String, ParamError> {
    match params.get("order_type") {
        None => return Err(ParamError::Missing("order_type")),
        Some("partner") => {}
        Some(_) => return Err(ParamError::Invalid("order_type", "must be partner".into())),
    }
    let number = match (params.get("partner_order_no"), params.get("out_order_no")) {
        (Some(ours), Some(theirs)) if ours != theirs => {
            let why = "differs from partner_order_no".into();
            return Err(ParamError::Invalid("out_order_no", why));
        }
        (Some(number), _) | (None, Some(number)) => number,
        (None, None) => return Err(ParamError::Missing("partner_order_no")),
    };
    check_order_no(number, "partner_order_no")?;
    Ok(number.to_owned())
}

fn check_order_no(number: &str, name: &'static str) -> Result<(), ParamError> {
    let printable = number.bytes().all(|b| b.is_ascii_graphic());
    if !(1..=ORDER_ID_BYTES_MAX).contains(&number.len()) || !printable {
        let why = format!("an order number must be 1 to {ORDER_ID_BYTES_MAX} printable characters");
        return Err(ParamError::Invalid(name, why));
    }
    Ok(())
}

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

/// `data` of precreate, query and close.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// The merchant's order number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub partner_order_no: Option<String>,
    /// Total in fen; written as a string. None if the order is not known.
    #[serde(default, with = "numbers::opt_fen", skip_serializing_if = "Option::is_none")]
    pub price: Option<Fen>,
    /// Where the order stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<OrderStatus>,
    /// Alipay's number, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alipay_trade_no: Option<String>,
    /// When it was paid, Unix milliseconds.
    #[serde(default, with = "numbers::opt_i64", skip_serializing_if = "Option::is_none")]
    pub gmt_payment: Option<i64>,
    /// Of precreate: the text of the code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_code: Option<String>,
    /// Of precreate, ours: seconds the code can still be scanned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
}

/// Where an order stands. An unknown word is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum OrderStatus {
    /// Nobody scanned the code.
    NotScanned,
    /// Scanned, not paid.
    WaitBuyerPay,
    /// Paid and kept.
    TradeSuccess,
    /// Closed without money.
    TradeClosed,
    /// Paid and given back.
    TradeRefunded,
}

/// `data` of `APPINFO_GET`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppInfoData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// Settings of the app.
    #[serde(default)]
    pub app_config: AppConfig,
}

/// Settings of an app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppConfig {
    /// What the gateway offers. Anything but an object of ours offers nothing.
    #[serde(default, deserialize_with = "numbers::or_default")]
    pub config_props: ConfigProps,
}

/// What the gateway offers (ours).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigProps {
    /// Longest `wait_s` of `ORDER_QUERY`; 0 if queries are not held.
    #[serde(default)]
    pub wait_s_max: u32,
}

/// `data` of `SERVER_DATE_GET`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerDateData {
    /// The repeated facts of the request.
    #[serde(flatten)]
    pub echo: Echo,
    /// Unix milliseconds.
    #[serde(default, with = "numbers::opt_i64", skip_serializing_if = "Option::is_none")]
    pub server_date: Option<i64>,
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
    use crate::wire::top::{parse_answer, Answer};

    fn precreate() -> DeviceRequest {
        DeviceRequest::Precreate(PrecreateData {
            partner_order_no: "A-1".into(),
            subject: "宝石 \"60\"".into(),
            subject_id: Some("gem60".into()),
            price: Fen::new(600).unwrap(),
            partner_notify_url: Some("http://cp.example.com/n?a=1&b=2".into()),
            expires_s: Some(120),
        })
    }

    #[test]
    fn requests_are_read_back() {
        let partner_order_no = "A-1".to_owned();
        let requests = [
            DeviceRequest::AppInfo,
            DeviceRequest::ServerDate,
            precreate(),
            DeviceRequest::Query { partner_order_no: partner_order_no.clone(), wait_s: 0 },
            DeviceRequest::Query { partner_order_no: partner_order_no.clone(), wait_s: WAIT_S_MAX },
            DeviceRequest::Close { partner_order_no },
        ];
        for request in requests {
            let mut params = Params::new();
            request.write("00ff", &mut params);
            let params = Params::union("", &params.encode_form()).unwrap();
            assert_eq!(read_nonce(&params), Ok(Some("00ff".into())));
            assert_eq!(DeviceRequest::read(request.method(), &params), Some(Ok(request)));
        }
        assert_eq!(DeviceRequest::read("taobao.tvpay.partner.order.query", &Params::new()), None);
    }

    #[test]
    fn prices_are_written_as_text_and_read_as_text_or_integer() {
        let DeviceRequest::Precreate(data) = precreate() else { panic!() };
        let text = serde_json::to_string(&data).unwrap();
        assert!(text.contains("\"price\":\"600\""), "{text}");
        let number = text.replace("\"600\"", "600");
        assert_eq!(serde_json::from_str::<PrecreateData>(&number).unwrap(), data);
        for bad in ["600.0", "6e2", "\"600.0\"", "\"0600\"", "0", "-1", "true", "null", "\"\""] {
            let text = text.replace("\"600\"", bad);
            assert!(serde_json::from_str::<PrecreateData>(&text).is_err(), "{bad}");
        }
    }

    #[test]
    fn wrong_parameters_are_named() {
        let long = "x".repeat(ORDER_ID_BYTES_MAX + 1);
        let order = "order_type=partner&partner_order_no=A";
        let cases = [
            (ORDER_QUERY, String::new(), "40 isv.missing-parameter:order_type"),
            (ORDER_QUERY, "order_type=partner".into(), "40 isv.missing-parameter:partner_order_no"),
            (ORDER_QUERY, "order_type=tao".into(), "41 isv.invalid-parameter:order_type"),
            (ORDER_QUERY, format!("{order}&wait_s=21"), "41 isv.invalid-parameter:wait_s"),
            (ORDER_QUERY, format!("{order}&wait_s=-1"), "41 isv.invalid-parameter:wait_s"),
            (ORDER_QUERY, format!("{order}&wait_s=+1"), "41 isv.invalid-parameter:wait_s"),
            (
                ORDER_QUERY,
                format!("{order}&out_order_no=B"),
                "41 isv.invalid-parameter:out_order_no",
            ),
            (
                ORDER_CLOSE,
                format!("order_type=partner&partner_order_no={long}"),
                "41 isv.invalid-parameter:partner_order_no",
            ),
            (ORDER_PRECREATE, String::new(), "40 isv.missing-parameter:data"),
            (ORDER_PRECREATE, "data={}".into(), "41 isv.invalid-parameter:data"),
            (
                ORDER_PRECREATE,
                r#"data={"partner_order_no":"A","subject":"x","price":"1","price":"2"}"#.into(),
                "41 isv.invalid-parameter:data",
            ),
        ];
        for (method, form, expected) in cases {
            let params = Params::union("", &form).unwrap();
            let error = DeviceRequest::read(method, &params).unwrap().expect_err(&form);
            let answer = error.answer("r");
            assert_eq!(format!("{} {}", answer.code, answer.sub_code), expected, "{form}");
        }
        for nonce in ["", "a b", "é", &"x".repeat(NONCE_BYTES_MAX + 1)] {
            let mut params = Params::new();
            params.set("nonce", nonce);
            assert!(matches!(read_nonce(&params), Err(ParamError::Invalid("nonce", _))));
        }
    }

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

    #[test]
    fn strange_config_props_offer_nothing() {
        for (props, wait_s_max) in
            [(r#"{"wait_s_max":20}"#, 20), ("{}", 0), (r#""{}""#, 0), ("null", 0), ("[1]", 0)]
        {
            let text = format!(r#"{{"app_config":{{"config_props":{props}}}}}"#);
            let data: AppInfoData = serde_json::from_str(&text).unwrap();
            assert_eq!(data.app_config.config_props.wait_s_max, wait_s_max, "{props}");
        }
    }

    #[test]
    fn an_unknown_status_is_no_answer() {
        for bad in [r#"{"status":"PAID"}"#, r#"{"status":"trade_success"}"#, r#"{"status":3}"#] {
            assert!(serde_json::from_str::<OrderData>(bad).is_err(), "{bad}");
        }
    }
}
