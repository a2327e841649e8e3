//! `/control/...`: the sandbox in the hands of a script. docs/sandbox.md is its contract.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, RawQuery, Request, State as Extracted};
use axum::http::{header, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{json, Value};

use super::action::Action;
use super::fields::{required, ApiError, Fields};
use super::order::{status_name, Order};
use super::plans::Plan;
use super::scenario::{Scenario, Setting};
use super::shared::Shared;
use super::state::State;
use crate::limits::{
    ORDERS_LIST_MAX, SANDBOX_ADVANCE_S_MAX, SANDBOX_BODY_BYTES_MAX, SANDBOX_PLAN_ORDERS_MAX,
};

type Answer = Result<Json<Value>, ApiError>;
type Sandbox = Extracted<Arc<Shared>>;

/// The routes, behind the token.
pub fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/state", get(show_state))
        .route("/orders", get(list))
        .route("/orders/{order}", get(show))
        .route("/orders/{order}/{action}", post(act))
        .route("/advance", post(advance))
        .route("/scenarios", get(scenarios))
        .route("/scenario", post(choose))
        .route("/reset", post(reset))
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
        json!({
            "now_ms": now_ms,
            "ahead_s": state.ahead_ms() / 1_000,
            "orders": state.order_count(),
            "open": state.newest().filter(|order| order.is_open()).count(),
            "scenarios": state.plans().waiting().map(plan).collect::<Vec<_>>(),
        })
    })))
}

async fn list(Extracted(shared): Sandbox, RawQuery(query): RawQuery) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let app_key = fields.text("app_key")?;
    let status = fields.text("status")?;
    let limit = fields.number("limit", 1, ORDERS_LIST_MAX as i64)?.unwrap_or(20);
    fields.finish()?;
    let limit = usize::try_from(limit).unwrap_or(ORDERS_LIST_MAX);
    let orders: Vec<Value> = shared.look(|state, _| {
        let fits = |order: &&Order| {
            app_key.as_ref().is_none_or(|key| *key == order.app_key)
                && status.as_deref().is_none_or(|status| status == status_name(order.status))
        };
        let chosen = state.newest().filter(fits).take(limit);
        chosen.map(|order| order_json(order, &shared)).collect()
    });
    Ok(Json(json!({ "orders": orders })))
}

async fn show(
    Extracted(shared): Sandbox,
    Path(order): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let app_key = fields.text("app_key")?;
    fields.finish()?;
    let found = |state: &State| {
        let number = find(state, app_key.as_deref(), &order)?;
        state.get(number).map(|order| order_json(order, &shared)).ok_or_else(|| unknown(&order))
    };
    shared.look(|state, _| found(state)).map(Json)
}

async fn act(
    Extracted(shared): Sandbox,
    Path((order, action)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Answer {
    let mut fields = Fields::read(&whole(body)?)?;
    let mut params = Fields::of_query(query.as_deref().unwrap_or(""));
    let app_key = fields.text("app_key")?.or(params.text("app_key")?);
    fields.finish()?;
    params.finish()?;
    let action = Action::parse(&action).ok_or_else(|| {
        let message = format!("there is no {action:?}: {}", Action::names());
        ApiError::new(StatusCode::NOT_FOUND, "action", message)
    })?;
    let done = shared.act(|state, now_ms| {
        let number = find(state, app_key.as_deref(), &order)?;
        let applied = state.change(number, |order| action.apply(order, now_ms));
        let refused = |message| ApiError::new(StatusCode::CONFLICT, "order", message);
        applied.ok_or_else(|| unknown(&order))?.map_err(refused)?;
        state.get(number).map(|order| order_json(order, &shared)).ok_or_else(|| unknown(&order))
    });
    done.await.map(Json)
}

async fn advance(
    Extracted(shared): Sandbox,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Answer {
    let mut fields = Fields::read(&whole(body)?)?;
    let seconds = required("seconds", fields.number("seconds", 0, SANDBOX_ADVANCE_S_MAX)?)?;
    fields.finish()?;
    let moved = shared.act(|state, _| state.advance(seconds)).await;
    moved.map_err(|message| ApiError::new(StatusCode::CONFLICT, "seconds", message))?;
    let (now_ms, ahead_ms) = shared.look(|state, now_ms| (now_ms, state.ahead_ms()));
    Ok(Json(json!({ "now_ms": now_ms, "ahead_s": ahead_ms / 1_000 })))
}

async fn scenarios() -> Json<Value> {
    let row = |scenario: Scenario| {
        let times = scenario.spoil().map(|spoil| spoil.times);
        json!({ "name": scenario.name(), "text": scenario.text(), "times": times })
    };
    Json(json!({ "scenarios": Scenario::all().map(row).collect::<Vec<_>>() }))
}

async fn choose(
    Extracted(shared): Sandbox,
    body: Result<Bytes, axum::extract::rejection::BytesRejection>,
) -> Answer {
    let mut fields = Fields::read(&whole(body)?)?;
    let scenario = required("scenario", scenario_field(&mut fields, "scenario")?)?;
    let play = scenario_field(&mut fields, "play")?;
    let times = fields.number("times", 0, i64::from(u32::MAX))?;
    let times = times.and_then(|times| u32::try_from(times).ok());
    let app_key = fields.text("app_key")?;
    let order = fields.text("order")?;
    let orders = fields.number("orders", 1, i64::from(SANDBOX_PLAN_ORDERS_MAX))?;
    let lasting = fields.flag("default")?;
    fields.finish()?;
    if lasting && (order.is_some() || orders.is_some()) {
        return Err(ApiError::invalid("default", "goes with neither order nor orders"));
    }
    let setting = Setting::new(scenario, play, times)
        .map_err(|(field, message)| ApiError::invalid(field, message))?;
    let orders = orders.and_then(|orders| u32::try_from(orders).ok()).unwrap_or(1);
    let plan = Plan { app_key, order, orders, setting };
    let applied = shared.act(|state, now_ms| plan_or_play(state, plan, lasting, now_ms)).await?;
    Ok(Json(json!({ "scenario": scenario.name(), "applied": applied })))
}

/// Says what became of it: `now`, `next` or `default`.
fn plan_or_play(
    state: &mut State,
    plan: Plan,
    lasting: bool,
    now_ms: i64,
) -> Result<&'static str, ApiError> {
    if plan.app_key.as_deref().is_some_and(|app_key| state.app(app_key).is_none()) {
        return Err(ApiError::new(StatusCode::NOT_FOUND, "app_key", "there is no such app"));
    }
    let named = plan.order.as_deref().map(|order| find(state, plan.app_key.as_deref(), order));
    match named {
        Some(Ok(number)) => {
            state.change(number, |order| order.play(plan.setting, now_ms));
            Ok("now")
        }
        Some(Err(error)) if error.is_ambiguous() => Err(error),
        _ if lasting => {
            state.plans_mut().set_lasting(plan.app_key, plan.setting);
            Ok("default")
        }
        _ => {
            let full = |message| ApiError::new(StatusCode::CONFLICT, "scenario", message);
            state.plans_mut().add(plan).map_err(full)?;
            Ok("next")
        }
    }
}

async fn reset(Extracted(shared): Sandbox) -> Answer {
    shared.act(|state, _| state.reset()).await;
    Ok(Json(json!({})))
}

fn whole(body: Result<Bytes, axum::extract::rejection::BytesRejection>) -> Result<Bytes, ApiError> {
    body.map_err(|_| {
        let message = format!("is unreadable or has more than {SANDBOX_BODY_BYTES_MAX} bytes");
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "body", message)
    })
}

fn scenario_field(fields: &mut Fields, name: &str) -> Result<Option<Scenario>, ApiError> {
    let Some(text) = fields.text(name)? else { return Ok(None) };
    let unknown = || {
        let names: Vec<&str> = Scenario::all().map(Scenario::name).collect();
        ApiError::invalid(name, format!("there is no {text:?}: {}", names.join(", ")))
    };
    Scenario::parse(&text).map(Some).ok_or_else(unknown)
}

/// The order of that number; of which app may be left out while only one has it.
fn find(state: &State, app_key: Option<&str>, order: &str) -> Result<u64, ApiError> {
    if let Some(app_key) = app_key {
        let found = state.find(app_key, order);
        return found.map(|order| order.number).ok_or_else(|| unknown(order));
    }
    let mut found = state.apps().iter().filter_map(|app| state.find(&app.app_key, order));
    match (found.next(), found.next()) {
        (Some(order), None) => Ok(order.number),
        (None, _) => Err(unknown(order)),
        (Some(_), Some(_)) => Err(ApiError::ambiguous(order)),
    }
}

fn unknown(order: &str) -> ApiError {
    ApiError::new(StatusCode::NOT_FOUND, "order", format!("there is no order {order:?}"))
}

fn order_json(order: &Order, shared: &Shared) -> Value {
    json!({
        "app_key": order.app_key,
        "order": order.data.partner_order_no,
        "status": status_name(order.status),
        "amount_fen": order.data.price.get(),
        "title": order.data.subject,
        "subject_id": order.data.subject_id,
        "notify_url": order.data.partner_notify_url,
        "scenario": order.setting.scenario.name(),
        "page_url": format!("{}/Q/{}", shared.place.base_url, order.code),
        "qr_code": format!("{}{}", shared.place.qr_prefix, order.code),
        "trade_no": order.trade_no,
        "created_ms": order.created_ms,
        "expires_ms": order.expires_ms,
        "scanned_ms": order.scanned_ms,
        "paid_ms": order.paid_ms,
        "closed_ms": order.closed_ms,
        "closed_by": order.closed_by,
        "refunded_ms": order.refunded_ms,
        "insufficient": order.insufficient,
    })
}
