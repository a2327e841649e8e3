//! What the front refuses, in the order of the platform: the signature before the method, so
//! that strangers learn little.

use axum::body::{to_bytes, Body};
use axum::extract::Request;
use axum::http::Method;

use super::super::apps::App;
use super::super::device::check;
use super::super::shared::Shared;
use crate::limits::{SANDBOX_BODY_BYTES_MAX, TOP_SKEW_MS_MAX};
use crate::wire::device::{
    read_nonce, DeviceRequest, ParamError, SessionUse, SERVER_DATE_GET, SESSION,
};
use crate::wire::partner::PartnerRequest;
use crate::wire::secret::Secret;
use crate::wire::time::parse_timestamp;
use crate::wire::top::{verify, ErrorResponse, Params, SignError, VERSION};

/// A request that may be carried out.
pub struct Accepted {
    /// Who calls.
    pub app: App,
    /// Its secret.
    pub secret: Secret,
    /// What is asked.
    pub asked: Asked,
}

/// What is asked, and by which kind of caller.
pub enum Asked {
    /// By a box.
    Device(DeviceAsked),
    /// By a merchant's server.
    Partner(PartnerRequest),
}

/// What a box asks.
pub struct DeviceAsked {
    /// The method and its parameters.
    pub request: DeviceRequest,
    /// To be repeated.
    pub nonce: Option<String>,
    /// The token that it shows.
    pub session: Option<String>,
    /// Which box, if it names itself.
    pub device_id: Option<String>,
}

/// A refusal of the envelope: code, msg, sub_code and sub_msg.
pub struct TopError(i64, &'static str, String, String);

impl TopError {
    fn new(code: i64, msg: &'static str, sub_code: &str, sub_msg: &str) -> TopError {
        TopError(code, msg, sub_code.into(), sub_msg.into())
    }

    fn plain(code: i64, msg: &'static str) -> TopError {
        TopError::new(code, msg, "", "")
    }

    /// The text of the answer.
    pub fn encode(self, request_id: &str) -> String {
        let TopError(code, msg, sub_code, sub_msg) = self;
        let request_id = request_id.into();
        ErrorResponse { code, msg: msg.into(), sub_code, sub_msg, request_id }.encode()
    }
}

impl From<ParamError> for TopError {
    fn from(error: ParamError) -> TopError {
        let answer = error.answer("");
        let msg = match error {
            ParamError::Missing(_) => "Missing Required Arguments",
            ParamError::Invalid(..) => "Invalid Arguments",
        };
        TopError(answer.code, msg, answer.sub_code, answer.sub_msg)
    }
}

/// The parameters of URL and body together.
///
/// # Errors
/// There are none that could be used.
pub async fn read_params(request: Request<Body>) -> Result<Params, TopError> {
    if request.method() != Method::GET && request.method() != Method::POST {
        return Err(TopError::plain(9, "Http Action Not Allowed"));
    }
    let mismatch =
        |why: &str| TopError::new(41, "Invalid Arguments", "isv.parameters-mismatch", why);
    let query = request.uri().query().unwrap_or("").to_owned();
    let body = to_bytes(request.into_body(), SANDBOX_BODY_BYTES_MAX).await.map_err(|_| {
        mismatch(&format!("the body is unreadable or has more than {SANDBOX_BODY_BYTES_MAX} bytes"))
    })?;
    let body = std::str::from_utf8(&body).map_err(|_| mismatch("the body is not UTF-8"))?;
    Params::union(&query, body).map_err(|error| mismatch(&error.to_string()))
}

/// Everything before the business.
///
/// # Errors
/// The first rule that the request breaks.
pub fn accept(shared: &Shared, params: &Params) -> Result<Accepted, TopError> {
    let method = required(params, "method", 21, "Missing Method")?;
    let app_key = required(params, "app_key", 28, "Missing App Key")?;
    let (app, now_ms) = shared.look(|state, now_ms| (state.app(app_key).cloned(), now_ms));
    let unknown = || {
        let why = "the sandbox prints its app keys at its start";
        TopError::new(29, "Invalid App Key", "isv.appkey-not-exists", why)
    };
    let app = app.ok_or_else(unknown)?;
    let secret = app.secret().ok_or_else(unknown)?;
    check_envelope(params, method, now_ms)?;
    verify(params, &secret).map_err(|error| match error {
        SignError::Missing => TopError::plain(24, "Missing Signature"),
        SignError::Method | SignError::Invalid => {
            TopError::new(25, "Invalid Signature", "isv.invalid-signature", &error.to_string())
        }
    })?;
    let asked = read_asked(method, params).ok_or_else(|| {
        let why = "the sandbox does not know this method";
        TopError::new(22, "Invalid Method", "isv.invalid-method", why)
    })??;
    Ok(Accepted { app, secret, asked })
}

/// None: nobody has such a method.
fn read_asked(method: &str, params: &Params) -> Option<Result<Asked, ParamError>> {
    if let Some(partner) = PartnerRequest::read(method, params) {
        return Some(partner.map(Asked::Partner));
    }
    let device = DeviceRequest::read(method, params)?;
    Some(device.and_then(|request| read_device(request, params)).map(Asked::Device))
}

fn read_device(request: DeviceRequest, params: &Params) -> Result<DeviceAsked, ParamError> {
    let nonce = read_nonce(params)?;
    check(&request)?;
    let given = |name| params.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let session = given(SESSION).filter(|_| request.session_use() != SessionUse::Ignored);
    Ok(DeviceAsked { request, nonce, session, device_id: given("device_id") })
}

fn check_envelope(params: &Params, method: &str, now_ms: i64) -> Result<(), TopError> {
    let timestamp = required(params, "timestamp", 30, "Missing Timestamp")?;
    if required(params, "v", 32, "Missing Version")? != VERSION {
        return Err(TopError::plain(33, "Invalid Version"));
    }
    if params.get("format") != Some("json") || params.get("simplify") == Some("true") {
        let why = "the sandbox writes format=json only, without simplify";
        return Err(TopError::new(23, "Invalid Format", "isv.invalid-parameter:format", why));
    }
    let near = parse_timestamp(timestamp)
        .is_some_and(|sent_ms| sent_ms.saturating_sub(now_ms).saturating_abs() <= TOP_SKEW_MS_MAX);
    // A box whose battery is dead asks for the time here.
    if !near && method != SERVER_DATE_GET {
        let why = "yyyy-MM-dd HH:mm:ss in GMT+8 or Unix milliseconds, at most 10 minutes off";
        return Err(TopError::new(31, "Invalid Timestamp", "isv.invalid-timestamp", why));
    }
    Ok(())
}

fn required<'a>(
    params: &'a Params,
    name: &str,
    code: i64,
    msg: &'static str,
) -> Result<&'a str, TopError> {
    let value = params.get(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| TopError::plain(code, msg))
}
