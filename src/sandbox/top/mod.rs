//! `/router/rest`: the envelope of the Taobao Open Platform around the methods of boxes and
//! of merchants' servers.

mod envelope;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State as Extracted};
use axum::http::{header, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::value::{to_raw_value, Value};
use tokio::sync::watch;

use super::apps::App;
use super::attempts::Device;
use super::calls::Called;
use super::device::{spoil, Call, Outcome};
use super::method::Method;
use super::partner;
use super::scenario::Fault;
use super::server::LogName;
use super::shared::Shared;
use super::state::State;
use crate::wire::device::{DeviceRequest, SYSTEM_ERROR};
use crate::wire::partner::{refused_result, PartnerRequest};
use crate::wire::top::response;
use envelope::{accept, read_params, Accepted, Asked, DeviceAsked};

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
        Outcome::Hang => {
            shared.hang().await;
            json(StatusCode::GATEWAY_TIMEOUT, "sandbox scenario".into())
        }
    };
    response.extensions_mut().insert(log_name);
    response
}

fn json(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/javascript;charset=UTF-8")], body).into_response()
}

async fn answer(shared: &Shared, accepted: Accepted, request_id: &str) -> Outcome {
    match &accepted.asked {
        Asked::Device(asked) => answer_device(shared, &accepted, asked, request_id).await,
        Asked::Partner(asked) => answer_partner(shared, &accepted.app, asked, request_id).await,
    }
}

async fn answer_partner(
    shared: &Shared,
    app: &App,
    request: &PartnerRequest,
    request_id: &str,
) -> Outcome {
    let carry_out = |state: &mut State, now_ms| {
        let fault = state.take_fault(Method::of_partner(request), &app.app_key, false);
        let outcome = match fault {
            // Whoever is limited is not let through.
            Some(Fault::Throttle) => Outcome::Http500,
            Some(Fault::SystemError) => {
                let result = refused_result(SYSTEM_ERROR, "the sandbox plays a failure");
                body_of(request.method(), &result, request_id)
            }
            _ => {
                let result = partner::carry_out(state, app, request, now_ms);
                body_of(request.method(), &result, request_id)
            }
        };
        match fault {
            Some(fault) => spoil(outcome, fault, request_id),
            None => outcome,
        }
    };
    shared.act(carry_out).await
}

fn body_of(method: &str, result: &Value, request_id: &str) -> Outcome {
    match to_raw_value(result) {
        Ok(result) => Outcome::Body(response(method, &[("result", &result)], request_id)),
        Err(_) => Outcome::Http500,
    }
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
