//! `/router/rest`: the envelope of the Taobao Open Platform around the device methods.
//! Checks come in the order of the platform, the signature before the method, so that
//! strangers learn little.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{to_bytes, Body};
use axum::extract::{Request, State as Extracted};
use axum::http::{header, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tokio::sync::watch;

use super::apps::App;
use super::attempts::Device;
use super::calls::Called;
use super::device::{check, Call, Outcome};
use super::server::LogName;
use super::shared::Shared;
use super::state::State;
use crate::limits::{SANDBOX_BODY_BYTES_MAX, SANDBOX_HANG_MS, TOP_SKEW_MS_MAX};
use crate::wire::device::{
    read_nonce, DeviceRequest, ParamError, SessionUse, SERVER_DATE_GET, SESSION,
};
use crate::wire::secret::Secret;
use crate::wire::time::parse_timestamp;
use crate::wire::top::{verify, ErrorResponse, Params, SignError, VERSION};

/// A refusal of the envelope: code, msg, sub_code and sub_msg.
struct TopError(i64, &'static str, String, String);

impl TopError {
    fn new(code: i64, msg: &'static str, sub_code: &str, sub_msg: &str) -> TopError {
        TopError(code, msg, sub_code.into(), sub_msg.into())
    }

    fn plain(code: i64, msg: &'static str) -> TopError {
        TopError::new(code, msg, "", "")
    }

    fn encode(self, request_id: &str) -> String {
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

/// A request that may be carried out.
struct Accepted {
    app: App,
    secret: Secret,
    request: DeviceRequest,
    nonce: Option<String>,
    session: Option<String>,
    device_id: Option<String>,
}

/// Serves one call.
pub async fn serve(Extracted(shared): Extracted<Arc<Shared>>, request: Request) -> Response {
    let request_id = shared.request_id();
    let read = read_params(request).await;
    let name = read.as_ref().ok().and_then(|params| params.get("method")).unwrap_or("?");
    let log_name = LogName::new(name);
    let params = read.as_ref().cloned().unwrap_or_default();
    let accepted = read.and_then(|params| accept(&shared, &params));
    let app_key = accepted.as_ref().ok().map(|accepted| accepted.app.app_key.clone());
    let outcome = match accepted {
        Err(error) => Outcome::Body(error.encode(&request_id)),
        Ok(accepted) => answer(&shared, accepted, &request_id).await,
    };
    shared.log_call(Called::new(&params, app_key.as_deref(), &outcome));
    let mut response = match outcome {
        Outcome::Body(body) => json(StatusCode::OK, body),
        Outcome::Http500 => json(StatusCode::INTERNAL_SERVER_ERROR, "sandbox scenario".into()),
        Outcome::Hang => hang(&shared).await,
    };
    response.extensions_mut().insert(log_name);
    response
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/javascript;charset=UTF-8")], body).into_response()
}

async fn hang(shared: &Shared) -> Response {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_millis(SANDBOX_HANG_MS)) => {}
        () = shared.stopped() => {}
    }
    json(StatusCode::GATEWAY_TIMEOUT, "sandbox scenario".into())
}

async fn read_params(request: Request<Body>) -> Result<Params, TopError> {
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
fn accept(shared: &Shared, params: &Params) -> Result<Accepted, TopError> {
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
    let request = DeviceRequest::read(method, params).ok_or_else(|| {
        let why = "the sandbox does not know this method";
        TopError::new(22, "Invalid Method", "isv.invalid-method", why)
    })??;
    let nonce = read_nonce(params)?;
    check(&request)?;
    let given = |name| params.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let session = given(SESSION).filter(|_| request.session_use() != SessionUse::Ignored);
    let device_id = given("device_id");
    Ok(Accepted { app, secret, request, nonce, session, device_id })
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

async fn answer(shared: &Shared, accepted: Accepted, request_id: &str) -> Outcome {
    let Accepted { app, secret, request, nonce, session, device_id } = accepted;
    let device = Device { app_key: &app.app_key, device_id: device_id.as_deref() };
    hold(shared, device, &request).await;
    let carry_out = |state: &mut State, now_ms| {
        let call = Call {
            app: &app,
            secret: &secret,
            request: &request,
            nonce,
            request_id,
            now_ms,
            session: session.as_deref(),
            device_id: device_id.as_deref(),
            place: &shared.place,
        };
        call.carry_out(state)
    };
    shared.act(carry_out).await
}

/// Waits until there is something new to say about the order or attempt, `wait_s` at most.
async fn hold(shared: &Shared, device: Device<'_>, request: &DeviceRequest) {
    let wait_s = request.wait_s();
    if wait_s == 0 {
        return;
    }
    let waiting = shared.look(|state, now_ms| waits(state, device, request, now_ms));
    let (Some(mut changed), Ok(_permit)) = (waiting, shared.holds.try_acquire()) else { return };
    tokio::select! {
        // An error means that what was asked for is gone, which is news too.
        _ = changed.changed() => {}
        () = tokio::time::sleep(Duration::from_secs(u64::from(wait_s))) => {}
        () = shared.stopped() => {}
    }
}

/// What tells of a change, if there is nothing new to say yet.
fn waits(
    state: &State,
    device: Device,
    request: &DeviceRequest,
    now_ms: i64,
) -> Option<watch::Receiver<()>> {
    match request {
        DeviceRequest::Query { partner_order_no, .. } => {
            let order = state.find(device.app_key, partner_order_no)?;
            (order.is_open() && order.told == order.status).then(|| order.changed.subscribe())
        }
        DeviceRequest::AuthQuery { attempt, .. } => {
            let found = state.attempts().find(device, attempt)?;
            let known = found.told == found.seen(now_ms);
            (found.is_open() && known).then(|| found.changed.subscribe())
        }
        _ => None,
    }
}
