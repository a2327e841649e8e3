//! `/control/...`: the sandbox in the hands of a script. docs/sandbox.md is its contract.

mod accounts;
mod apps;
mod body;
mod events;
mod gifts;
mod lottery;
mod notifies;
mod orders;
pub mod renewals;
pub mod scenarios;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Request, State as Extracted};
use axum::http::{header, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{json, Value};

use super::check::{Known, Wrong};
use super::fields::{ApiError, Fields};
use super::plans::{CallPlan, Plan};
use super::shared::{Place, Shared};
use super::span::Span;
use super::state::State;
use crate::core::award::Award;
use crate::limits::{ORDERS_LIST_MAX, SANDBOX_ADVANCE_S_MAX, SANDBOX_BODY_BYTES_MAX};

type Answer = Result<Json<Value>, ApiError>;
type Sandbox = Extracted<Arc<Shared>>;
type Body = Result<Bytes, BytesRejection>;

/// The routes, behind the token.
pub fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/state", get(show_state))
        .route("/advance", post(advance))
        .route("/reset", post(reset))
        .merge(accounts::router())
        .merge(apps::router())
        .merge(events::router())
        .merge(gifts::router())
        .merge(lottery::router())
        .merge(notifies::router())
        .merge(orders::router())
        .merge(renewals::router())
        .merge(scenarios::router())
        .fallback(no_route)
        .method_not_allowed_fallback(no_route)
        .layer(DefaultBodyLimit::max(SANDBOX_BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(shared.clone(), check_token))
}

async fn no_route() -> ApiError {
    ApiError::general(StatusCode::NOT_FOUND, "no such control call; docs/sandbox.md lists them")
}

async fn check_token(Extracted(shared): Sandbox, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION);
    let token = header.and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if token.is_some_and(|token| shared.control_token.matches(token)) {
        return next.run(request).await;
    }
    let message =
        "send the header Authorization: Bearer TOKEN, with control_token of the ready file";
    ApiError::new(StatusCode::UNAUTHORIZED, "Authorization", message).into_response()
}

async fn show_state(Extracted(shared): Sandbox) -> Answer {
    Ok(Json(shared.look(|state, now_ms| {
        let plan = |plan: &Plan| {
            json!({
                "app_key": plan.app_key,
                "order": plan.order,
                "orders": plan.orders,
                "scenario": plan.setting.scenario.name(),
            })
        };
        let call = |plan: &CallPlan| {
            json!({
                "app_key": plan.app_key,
                "method": plan.method,
                "times": plan.spoil.times,
                "scenario": plan.scenario.name(),
            })
        };
        let orders = state.plans().waiting().map(plan);
        json!({
            "now_ms": now_ms,
            "ahead_s": state.ahead_ms() / 1_000,
            "orders": state.order_count(),
            "open": state.newest().filter(|order| order.is_open()).count(),
            "users": state.users().all().count(),
            "sessions": state.users().sessions().count(),
            "scenarios": orders.chain(state.plans().waiting_calls().map(call)).collect::<Vec<_>>(),
        })
    })))
}

async fn advance(Extracted(shared): Sandbox, body: Body) -> Answer {
    let mut fields = Fields::read(&whole(body)?)?;
    let wanted = Advance::read(&mut fields)?;
    fields.finish()?;
    shared.act(|state, now_ms| wanted.apply(state, now_ms)).await?;
    let (now_ms, ahead_ms) = shared.look(|state, now_ms| (now_ms, state.ahead_ms()));
    Ok(Json(json!({ "now_ms": now_ms, "ahead_s": ahead_ms / 1_000 })))
}

/// How far the clock is to be moved, and the field that says so.
pub struct Advance(&'static str, Span);

impl Advance {
    /// Reads `seconds`, or `by`, a span.
    ///
    /// # Errors
    /// Neither or both are there, or one is wrong.
    pub fn read(fields: &mut Fields) -> Result<Advance, ApiError> {
        let seconds = fields.number("seconds", 0, SANDBOX_ADVANCE_S_MAX)?;
        match (seconds, fields.text("by")?) {
            (Some(seconds), None) => Ok(Advance("seconds", Span::Seconds(seconds))),
            (None, Some(text)) => {
                let wrong = || ApiError::invalid("by", Span::SHAPE);
                Span::parse(text.trim()).map(|span| Advance("by", span)).ok_or_else(wrong)
            }
            (None, None) => Err(ApiError::invalid("seconds", "is required, or by")),
            (Some(_), Some(_)) => Err(ApiError::invalid("by", "goes without seconds")),
        }
    }

    /// Moves it.
    ///
    /// # Errors
    /// It would be too far.
    pub fn apply(self, state: &mut State, now_ms: i64) -> Result<(), ApiError> {
        let Advance(field, span) = self;
        let seconds = span.seconds(now_ms).map_err(|why| ApiError::invalid(field, why))?;
        state.advance(seconds).map_err(|why| conflict(field, why))
    }
}

async fn reset(Extracted(shared): Sandbox) -> Answer {
    shared.act(|state, _| state.reset()).await;
    Ok(Json(json!({})))
}

fn whole(body: Body) -> Result<Bytes, ApiError> {
    body.map_err(|_| {
        let message = format!("is unreadable or has more than {SANDBOX_BODY_BYTES_MAX} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body", message)
    })
}

/// What the field names is not there.
pub fn not_found(field: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, field, message)
}

/// What the field names is in a state that forbids this.
pub fn conflict(field: &str, message: impl Into<String>) -> ApiError {
    ApiError::new(StatusCode::CONFLICT, field, message)
}

/// How many entries a list is to have.
fn limit(fields: &mut Fields) -> Result<usize, ApiError> {
    let limit = fields.number("limit", 1, ORDERS_LIST_MAX as i64)?.unwrap_or(20);
    Ok(usize::try_from(limit).unwrap_or(ORDERS_LIST_MAX))
}

/// Runs a check of a part of the seed against what there is.
pub fn checked(
    state: &State,
    check: impl FnOnce(&Known) -> Result<(), Wrong>,
) -> Result<(), ApiError> {
    let app = |app_key: &str| state.app(app_key).is_some();
    let user = |user_id: &str| state.users().get(user_id).is_some();
    let wrong = |Wrong { field, why }| ApiError::invalid(&field, why);
    check(&Known { app: &app, user: &user }).map_err(wrong)
}

fn check_app(state: &State, app_key: Option<&str>) -> Result<(), ApiError> {
    match app_key {
        Some(app_key) if state.app(app_key).is_none() => {
            Err(not_found("app_key", format!("there is no app {app_key:?}")))
        }
        _ => Ok(()),
    }
}

/// An award with its link filled in.
fn award_json(award: &Award, place: &Place) -> Value {
    let hyperlink_url = place.fill(&award.hyperlink_url);
    json!(Award { hyperlink_url, ..award.clone() })
}
