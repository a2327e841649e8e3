//! `/router/rest`: the envelope of the Taobao Open Platform around the methods of boxes and
//! of merchants' servers.

mod envelope;
mod receive;
mod write;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, Request, State as Extracted};
use axum::http::{header, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::write::GzEncoder;
use flate2::Compression;
use serde_json::value::{to_raw_value, Value};
use tokio::sync::watch;

use super::access::Peer;
use super::apps::App;
use super::attempts::Device;
use super::calls::Called;
use super::device::{spoil, throttled, Call, Outcome};
use super::method::Method;
use super::partner;
use super::scenario::Fault;
use super::server::LogName;
use super::shared::Shared;
use super::state::State;
use crate::limits::SANDBOX_BAN_S;
use crate::wire::device::{DeviceRequest, SYSTEM_ERROR};
use crate::wire::partner::{refused_result, PartnerRequest};
use crate::wire::top::{response, Params};
pub use envelope::audience;
use envelope::{accept, Accepted, Asked, DeviceAsked};
use receive::Received;
use write::Style;

/// What a call is answered with.
struct Answer {
    /// As it is logged.
    told: Outcome,
    /// As it leaves.
    sent: Outcome,
}

impl Answer {
    /// An answer of the methods of boxes, which have one form, or one that is none.
    fn plain(outcome: Outcome) -> Answer {
        Answer { sent: outcome.clone(), told: outcome }
    }

    /// The form that is wanted, and then whatever goes wrong with it.
    fn styled(json: String, style: Style, fault: Option<Fault>, request_id: &str) -> Answer {
        let spoilt = |outcome| match fault {
            Some(fault) => spoil(outcome, fault, request_id),
            None => outcome,
        };
        let written = style.write(json.clone()).map_or(Outcome::Http500, Outcome::Body);
        Answer { told: spoilt(Outcome::Body(json)), sent: spoilt(written) }
    }
}

/// Serves one call.
pub async fn serve(
    Extracted(shared): Extracted<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    request: Request,
) -> Response {
    let request_id = shared.request_id();
    let Received { params: read, style, gzip } = Received::read(request).await;
    let name = read.as_ref().ok().and_then(|params| params.get("method")).unwrap_or("?");
    let log_name = LogName::new(name);
    let (params, accepted) = match read {
        Ok(params) => {
            let accepted = accept(&shared, &params, peer.0.ip());
            (params, accepted)
        }
        Err(error) => (Params::new(), Err(error)),
    };
    let app_key = accepted.as_ref().ok().map(|accepted| accepted.app.app_key.clone());
    let answer = match accepted {
        Err(error) => Answer::styled(error.encode(&request_id), style, None, &request_id),
        Ok(accepted) => answer(&shared, accepted, style, &request_id).await,
    };
    shared.log_call(Called::new(&params, app_key.as_deref(), &answer.told));
    let mut response = match answer.sent {
        Outcome::Body(body) => respond(body, style, gzip),
        Outcome::Http500 => plain(StatusCode::INTERNAL_SERVER_ERROR),
        Outcome::Hang => {
            shared.hang().await;
            plain(StatusCode::GATEWAY_TIMEOUT)
        }
    };
    response.extensions_mut().insert(log_name);
    response
}

/// Status 200, whatever the answer says: several SDKs look no further at any other.
fn respond(body: String, style: Style, gzip: bool) -> Response {
    let content_type = (header::CONTENT_TYPE, style.content_type());
    match gzip.then(|| compressed(body.as_bytes())).transpose() {
        Ok(Some(bytes)) => {
            let headers = [
                content_type,
                (header::CONTENT_ENCODING, "gzip"),
                (header::VARY, "accept-encoding"),
            ];
            (headers, bytes).into_response()
        }
        Ok(None) | Err(_) => ([content_type], body).into_response(),
    }
}

fn compressed(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body)?;
    encoder.finish()
}

fn plain(status: StatusCode) -> Response {
    let headers = [(header::CONTENT_TYPE, Style::Json.content_type())];
    (status, headers, "sandbox scenario").into_response()
}

async fn answer(shared: &Shared, accepted: Accepted, style: Style, request_id: &str) -> Answer {
    match &accepted.asked {
        Asked::Device(asked) => {
            Answer::plain(answer_device(shared, &accepted, asked, request_id).await)
        }
        Asked::Partner(request) => {
            answer_partner(shared, &accepted.app, request, style, request_id).await
        }
    }
}

async fn answer_partner(
    shared: &Shared,
    app: &App,
    request: &PartnerRequest,
    style: Style,
    request_id: &str,
) -> Answer {
    let carry_out = |state: &mut State, now_ms| {
        let fault = state.take_fault(Method::of_partner(request), &app.app_key, false);
        let result = match fault {
            // Whoever is limited is not let through.
            Some(Fault::Throttle) => return (throttled(SANDBOX_BAN_S, request_id), None),
            Some(Fault::SystemError) => refused_result(SYSTEM_ERROR, "the sandbox plays a failure"),
            _ => partner::carry_out(state, app, request, now_ms),
        };
        (body_of(request.method(), &result, request_id), fault)
    };
    let (json, fault) = shared.act(carry_out).await;
    Answer::styled(json, style, fault, request_id)
}

fn body_of(method: &str, result: &Value, request_id: &str) -> String {
    let result = to_raw_value(result).expect("a value is always JSON");
    response(method, &[("result", &result)], request_id)
}

async fn answer_device(
    shared: &Shared,
    Accepted { app, secret, .. }: &Accepted,
    asked: &DeviceAsked,
    request_id: &str,
) -> Outcome {
    let DeviceAsked { request, nonce, session, device_id } = asked;
    let device = Device { app_key: &app.app_key, device_id: device_id.as_deref() };
    hold(shared, device, request).await;
    let carry_out = |state: &mut State, now_ms| {
        let call = Call {
            app,
            secret,
            request,
            nonce: nonce.clone(),
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
            let order = state.find_of_box(device.app_key, partner_order_no)?;
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
