//! The envelope of the Taobao Open Platform: a signed form goes in, one JSON object with
//! one property comes out (docs/wire-alitv.md).

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use super::json::JsonError;
use super::json::{check_json, read_object};
pub use super::sign::{sign, verify, SignError, SignMethod};
use crate::limits::TOP_PARAMS_MAX;

/// The only version of the protocol.
pub const VERSION: &str = "2.0";

/// Number of the error for a timestamp that is too far off.
const INVALID_TIMESTAMP: i64 = 31;
/// Numbers of the errors for too many calls.
const LIMITED: [i64; 5] = [4, 5, 6, 7, 8];

/// The parameters of one request: decoded, unique, sorted by name. All of them, `sign`
/// excepted, are signed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Params(BTreeMap<String, String>);

/// Why a request's parameters cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParamsError {
    /// A name came twice, in one part or in both. Whoever picks one of the two signs one
    /// and uses the other sooner or later, so none is picked.
    Twice(String),
    /// A value without a name would let two requests share one signature.
    NoName,
    /// More than `TOP_PARAMS_MAX`.
    TooMany,
}

impl fmt::Display for ParamsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParamsError::Twice(name) => write!(f, "parameter {name:?} was sent twice"),
            ParamsError::NoName => write!(f, "a parameter has no name"),
            ParamsError::TooMany => write!(f, "more than {TOP_PARAMS_MAX} parameters"),
        }
    }
}

impl std::error::Error for ParamsError {}

/// Names only: values may be order data, tokens or signatures.
impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Params {
    /// No parameters.
    pub fn new() -> Params {
        Params::default()
    }

    /// Sets one parameter; a later value replaces an earlier one.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them, sorted by the bytes of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The common parameters of a call, without `sign` (`sign_into` adds it).
    pub fn common(method: &str, app_key: &str, server_ms: i64, sign_method: SignMethod) -> Params {
        let mut params = Params::new();
        params.set("method", method);
        params.set("app_key", app_key);
        params.set("timestamp", super::time::format_gmt8(server_ms));
        params.set("format", "json");
        params.set("v", VERSION);
        params.set("sign_method", sign_method.as_str());
        params
    }

    /// `application/x-www-form-urlencoded`, in the order of the names.
    pub fn encode_form(&self) -> String {
        form_urlencoded::Serializer::new(String::new()).extend_pairs(self.iter()).finish()
    }

    /// What a server received: the parameters of the query string and those of the form body
    /// together, since SDKs differ in what they put where. Bytes that are not UTF-8 are
    /// replaced, which breaks the signature.
    pub fn union(query: &str, body: &str) -> Result<Params, ParamsError> {
        let mut params = Params::new();
        for part in [query, body] {
            for (name, value) in form_urlencoded::parse(part.as_bytes()) {
                params.add(name.into_owned(), value.into_owned())?;
            }
        }
        Ok(params)
    }

    fn add(&mut self, name: String, value: String) -> Result<(), ParamsError> {
        if name.is_empty() {
            return Err(ParamsError::NoName);
        }
        if self.0.contains_key(&name) {
            return Err(ParamsError::Twice(name));
        }
        if self.0.len() == TOP_PARAMS_MAX {
            return Err(ParamsError::TooMany);
        }
        self.0.insert(name, value);
        Ok(())
    }
}

/// The property that holds the answer of a method: `taobao.tvpay.order.query` is answered
/// in `tvpay_order_query_response`. Only a leading `taobao.` is dropped.
pub fn root_name(method: &str) -> String {
    let name = method.strip_prefix("taobao.").unwrap_or(method);
    format!("{}_response", name.replace('.', "_"))
}

/// Builds the answer to `method`: `members` in their order, the values as they are, then
/// `request_id`.
pub fn response(method: &str, members: &[(&str, &RawValue)], request_id: &str) -> String {
    let mut text = format!("{{{}:{{", quoted(&root_name(method)));
    for (name, value) in members {
        text.push_str(&format!("{}:{},", quoted(name), value.get()));
    }
    text.push_str(&format!("\"request_id\":{}}}}}", quoted(request_id)));
    text
}

/// The error of a call that never reached its method, or that its back end failed. Not
/// signed by anybody.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ErrorResponse {
    /// Number of the platform's table, such as 29.
    pub code: i64,
    /// The sentence to the code.
    #[serde(default)]
    pub msg: String,
    /// Such as `isv.appkey-not-exists`; "" if there is none.
    #[serde(default)]
    pub sub_code: String,
    /// The sentence to it; "" if there is none.
    #[serde(default)]
    pub sub_msg: String,
    /// Names the call in the platform's logs.
    #[serde(default)]
    pub request_id: String,
}

impl ErrorResponse {
    /// The text of the answer. Empty sub fields are left out.
    pub fn encode(&self) -> String {
        let mut text =
            format!("{{\"error_response\":{{\"code\":{},\"msg\":{}", self.code, quoted(&self.msg));
        for (name, value) in [("sub_code", &self.sub_code), ("sub_msg", &self.sub_msg)] {
            if !value.is_empty() {
                text.push_str(&format!(",\"{name}\":{}", quoted(value)));
            }
        }
        text.push_str(&format!(",\"request_id\":{}}}}}", quoted(&self.request_id)));
        text
    }

    /// The timestamp was too far from the gateway's clock. The request was not carried out.
    pub fn is_about_the_clock(&self) -> bool {
        self.code == INVALID_TIMESTAMP || self.sub_code.starts_with("isv.invalid-timestamp")
    }

    /// There were too many calls. The request was not carried out.
    pub fn is_too_often(&self) -> bool {
        LIMITED.contains(&self.code)
            || self.sub_code.starts_with("accesscontrol.limited")
            || self.sub_code == "isp.call-limited"
    }

    /// The N of "This ban will last for N more seconds".
    pub fn ban_s(&self) -> Option<u32> {
        let rest = self.sub_msg.split_once("ban will last for ")?.1;
        rest.split_once(' ')?.0.parse().ok()
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What came back.
#[derive(Debug)]
pub enum Answer<'a> {
    /// The node of the method.
    Node(Node<'a>),
    /// An `error_response`.
    Error(ErrorResponse),
}

/// The members of an answer's node, as the text they were sent as.
#[derive(Debug)]
pub struct Node<'a>(BTreeMap<String, &'a RawValue>);

impl<'a> Node<'a> {
    /// The text of a member.
    pub fn raw(&self, name: &str) -> Option<&'a RawValue> {
        self.0.get(name).copied()
    }

    /// A member that is a string.
    pub fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.raw(name)?.get()).ok()
    }
}

/// Reads the answer to `method`. The object must have exactly one property, that of the
/// method or `error_response`; no object in it may name a member twice; depth and strings
/// are bounded by `JSON_DEPTH_MAX` and `JSON_STRING_BYTES_MAX`.
pub fn parse_answer<'a>(method: &str, body: &'a str) -> Result<Answer<'a>, JsonError> {
    check_json(body)?;
    let root: BTreeMap<String, &'a RawValue> = read_object(body)?;
    let mut properties = root.into_iter();
    let (Some((name, node)), None) = (properties.next(), properties.next()) else {
        return Err(JsonError::new("the answer must have exactly one property"));
    };
    if name == "error_response" {
        return Ok(Answer::Error(read_object(node.get())?));
    }
    if name != root_name(method) {
        return Err(JsonError::new(format!("the answer is about {name:?}")));
    }
    Ok(Answer::Node(Node(read_object(node.get())?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::secret::Secret;

    #[test]
    fn form_text_is_read_back_as_it_was() {
        let mut params = Params::new();
        params.set("note", "宝石💎 100金币");
        params.set("order_no", "a+b c/d=e%2B&f~*()!'\"<>\\\0\r\n");
        params.set("empty", "");
        let text = params.encode_form();
        assert!(text.is_ascii() && text.starts_with("empty=&note=%E5"), "{text}");
        assert_eq!(Params::union("", &text).unwrap(), params);
        assert_eq!(Params::union(&text, "").unwrap(), params);
    }

    #[test]
    fn query_and_body_are_one_set_without_doubles() {
        let union = Params::union("app_key=1&sign=AB", "order_no=x").unwrap();
        assert_eq!(union.iter().count(), 3);
        for (query, body) in [("a=1&a=1", ""), ("", "a=1&a=2"), ("a=1", "a=2"), ("%61=1", "a=2")] {
            assert_eq!(Params::union(query, body), Err(ParamsError::Twice("a".into())));
        }
        assert_eq!(Params::union("=x", ""), Err(ParamsError::NoName));
        let many = |n: usize| (0..n).map(|i| format!("p{i}=&")).collect::<String>();
        assert!(Params::union(&many(TOP_PARAMS_MAX), "").is_ok());
        assert_eq!(Params::union(&many(TOP_PARAMS_MAX), "x="), Err(ParamsError::TooMany));
    }

    #[test]
    fn a_value_that_is_not_utf8_breaks_the_signature() {
        let secret = Secret::new("s").unwrap();
        let mut params = Params::new();
        params.set("sign_method", "md5");
        params.set("a", "\u{fffd}");
        let sign = sign(&params, &secret, SignMethod::Md5);
        let intact = Params::union(&format!("sign_method=md5&a=%EF%BF%BD&sign={sign}"), "");
        assert_eq!(verify(&intact.unwrap(), &secret), Ok(()));
        let other = Params::union(&format!("sign_method=md5&a=%FF%FE&sign={sign}"), "");
        assert_eq!(verify(&other.unwrap(), &secret), Err(SignError::Invalid));
    }

    #[test]
    fn roots_are_named_after_the_method() {
        assert_eq!(root_name("taobao.tvpay.order.query"), "tvpay_order_query_response");
        assert_eq!(root_name("youku.x.y"), "youku_x_y_response");
        assert_eq!(root_name("alibaba.taobao.x"), "alibaba_taobao_x_response");
    }

    #[test]
    fn answers_are_read_back() {
        let result = RawValue::from_string("{\"success\": true}".into()).unwrap();
        let body = response("taobao.a.b", &[("result", &result)], "r\"1");
        assert_eq!(body, r#"{"a_b_response":{"result":{"success": true},"request_id":"r\"1"}}"#);
        let Answer::Node(node) = parse_answer("taobao.a.b", &body).unwrap() else { panic!() };
        assert_eq!(node.raw("result").unwrap().get(), "{\"success\": true}");
        assert_eq!(node.text("request_id").unwrap(), "r\"1");
        assert_eq!(node.text("result"), None);
    }

    #[test]
    fn errors_are_read_back_and_a_ban_is_understood() {
        let error = ErrorResponse {
            code: 7,
            msg: "App Call Limited".into(),
            sub_code: "accesscontrol.limited-by-app-access-count".into(),
            sub_msg: "This ban will last for 12 more seconds".into(),
            request_id: "r1".into(),
        };
        assert_eq!(error.ban_s(), Some(12));
        let body = error.encode();
        let Answer::Error(read) = parse_answer("taobao.a.b", &body).unwrap() else { panic!() };
        assert_eq!(read, error);
        let plain = ErrorResponse { code: 29, msg: "Invalid App Key".into(), ..error };
        let plain = ErrorResponse { sub_code: String::new(), sub_msg: String::new(), ..plain };
        assert!(!plain.encode().contains("sub_"));
        assert_eq!(plain.ban_s(), None);
    }

    #[test]
    fn anything_but_one_known_property_is_refused() {
        let bad = [
            "",
            "null",
            "[]",
            "{}",
            "{",
            r#"{"a_b_response":{}} x"#,
            r#"{"a_b_response":{},"error_response":{"code":1}}"#,
            r#"{"a_c_response":{}}"#,
            r#"{"a_b_response":[]}"#,
            r#"{"a_b_response":"x"}"#,
            r#"{"a_b_response":{},"a_b_response":{}}"#,
            r#"{"a_b_response":{"result":{"price":"1","price":"2"}}}"#,
            r#"{"a_b_response":{"result":{"price":"1","pri\u0063e":"2"}}}"#,
            r#"{"error_response":{"code":"seven"}}"#,
            r#"{"error_response":{}}"#,
            r#"{"error_response":[29,"Invalid App Key"]}"#,
            "\u{feff}{\"a_b_response\":{}}",
        ];
        for body in bad {
            assert!(parse_answer("taobao.a.b", body).is_err(), "{body}");
        }
    }
}
