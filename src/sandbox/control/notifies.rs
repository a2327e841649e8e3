//! Notifies: what was told, when, and what came of it.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Extracted};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{json, Value};

use super::super::fields::{ApiError, Fields};
use super::super::notifier::{Attempt, Item};
use super::super::shared::Shared;
use super::super::state::State;
use super::orders::find;
use super::{conflict, limit, not_found, whole, Answer, Body, Sandbox};

/// The routes.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/notifies", get(list))
        .route("/notifies/{notify}", get(show))
        .route("/notifies/{notify}/resend", post(resend))
        .route("/orders/{order}/resend", post(resend_order))
}

async fn list(Extracted(shared): Sandbox, RawQuery(query): RawQuery) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let (app_key, order) = (fields.text("app_key")?, fields.text("order")?);
    let stage = fields.text("state")?;
    let limit = limit(&mut fields)?;
    fields.finish()?;
    let notifies: Vec<Value> = shared.look(|state, _| {
        let fits = |item: &&Item| {
            app_key.as_ref().is_none_or(|key| *key == item.app_key)
                && order.as_ref().is_none_or(|order| *order == item.order)
                && stage.as_deref().is_none_or(|stage| stage == item.stage_name())
        };
        state.notifies().newest().filter(fits).take(limit).map(item_json).collect()
    });
    Ok(Json(json!({ "notifies": notifies })))
}

async fn show(Extracted(shared): Sandbox, Path(notify): Path<String>) -> Answer {
    shared.look(|state, _| told(state, read_number(&notify)?)).map(Json)
}

async fn resend(Extracted(shared): Sandbox, Path(notify): Path<String>, body: Body) -> Answer {
    Fields::read(&whole(body)?)?.finish()?;
    let number = read_number(&notify)?;
    let done = shared.act(|state, _| {
        told(state, number)?;
        state.resend_notify(number).map_err(|why| conflict("notify", why))?;
        told(state, number)
    });
    done.await.map(Json)
}

async fn resend_order(
    Extracted(shared): Sandbox,
    Path(order): Path<String>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    let mut fields = Fields::read(&whole(body)?)?;
    let mut params = Fields::of_query(query.as_deref().unwrap_or(""));
    let app_key = fields.text("app_key")?.or(params.text("app_key")?);
    fields.finish()?;
    params.finish()?;
    let done = shared.act(|state, _| {
        let number = find(state, app_key.as_deref(), &order)?;
        let notify = state.resend_order(number).map_err(|why| conflict("order", why))?;
        told(state, notify)
    });
    done.await.map(Json)
}

fn read_number(text: &str) -> Result<u64, ApiError> {
    text.parse().map_err(|_| unknown(text))
}

fn unknown(number: &str) -> ApiError {
    not_found("notify", format!("there is no notify {number:?}"))
}

fn told(state: &State, number: u64) -> Result<Value, ApiError> {
    let item = state.notifies().get(number);
    item.map(item_json).ok_or_else(|| unknown(&number.to_string()))
}

fn item_json(item: &Item) -> Value {
    json!({
        "notify": item.number,
        "app_key": item.app_key,
        "order": item.order,
        "kind": item.kind.name(),
        "order_status": item.order_status,
        "message": item.message,
        "url": item.url,
        "state": item.stage_name(),
        "created_ms": item.created_ms,
        "due_ms": item.due_ms,
        "sent": item.sent,
        "attempts": item.attempts.iter().map(attempt_json).collect::<Vec<_>>(),
    })
}

fn attempt_json(attempt: &Attempt) -> Value {
    json!({
        "at_ms": attempt.at_ms,
        "took_ms": attempt.took_ms,
        "method": attempt.method,
        "data": attempt.data,
        "status": attempt.status,
        "answer": attempt.answer,
        "trouble": attempt.trouble,
        "acked": attempt.acked,
    })
}
