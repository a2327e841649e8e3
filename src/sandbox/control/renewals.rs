//! Subscriptions: their charges, and what their users allow.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Extracted};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::{json, Value};

use super::super::fields::{ApiError, Fields};
use super::super::order::{status_name, Order};
use super::super::renewal::{Standing, Thread};
use super::super::shared::Shared;
use super::super::state::State;
use super::orders::find;
use super::{body, conflict, limit, not_found, whole, Answer, Body, Sandbox};
use crate::money::Fen;

/// The routes.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/renewals", get(list))
        .route("/renewals/{order}", get(show).patch(change))
        .route("/renewals/{order}/{action}", post(act))
}

/// What may be changed of a subscription.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Switches {
    #[serde(default)]
    pay_fail: bool,
    #[serde(default)]
    cap_fen: Option<Fen>,
}

async fn list(Extracted(shared): Sandbox, RawQuery(query): RawQuery) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let app_key = fields.text("app_key")?;
    let wanted = standing(&mut fields)?;
    let due = fields.text("due")?.is_some();
    let limit = limit(&mut fields)?;
    fields.finish()?;
    let threads: Vec<Value> = shared.look(|state, now_ms| {
        let fits = |thread: &Thread| {
            app_key.as_ref().is_none_or(|key| *key == thread.first.app_key)
                && wanted.is_none_or(|standing| standing == thread.standing())
                && (!due || is_due(state, thread, now_ms))
        };
        let chosen = state.threads().filter(fits).take(limit);
        chosen.map(|thread| thread_json(state, &thread, now_ms)).collect()
    });
    Ok(Json(json!({ "renewals": threads })))
}

fn standing(fields: &mut Fields) -> Result<Option<Standing>, ApiError> {
    let Some(text) = fields.text("state")? else { return Ok(None) };
    let found = Standing::NAMES.iter().find(|row| row.1 == text);
    let unknown = || {
        let names = Standing::NAMES.map(|row| row.1).join(", ");
        ApiError::invalid("state", format!("there is no {text:?}: {names}"))
    };
    found.map(|row| Some(row.0)).ok_or_else(unknown)
}

async fn show(
    Extracted(shared): Sandbox,
    Path(order): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let app_key = app_of(query.as_deref())?;
    let found = |state: &State, now_ms| {
        let first = find_first(state, app_key.as_deref(), &order)?;
        told(state, first, &order, now_ms)
    };
    shared.look(found).map(Json)
}

async fn change(
    Extracted(shared): Sandbox,
    Path(order): Path<String>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    let (app_key, body) = (app_of(query.as_deref())?, whole(body)?);
    let changed = shared.act(|state, now_ms| {
        let first = find_first(state, app_key.as_deref(), &order)?;
        let agreement = state.thread(first).map(|thread| thread.agreement);
        let agreement = agreement.ok_or_else(|| unknown(&order))?;
        let old = Switches { pay_fail: agreement.pay_fail, cap_fen: agreement.cap_fen };
        let Switches { pay_fail, cap_fen } = body::change(&old, &body)?;
        state.change_agreement(first, |agreement| {
            agreement.pay_fail = pay_fail;
            agreement.cap_fen = cap_fen;
        });
        told(state, first, &order, now_ms)
    });
    changed.await.map(Json)
}

async fn act(
    Extracted(shared): Sandbox,
    Path((order, action)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    body: Body,
) -> Answer {
    let mut fields = Fields::read(&whole(body)?)?;
    let app_key = fields.text("app_key")?.or(app_of(query.as_deref())?);
    fields.finish()?;
    let done = shared.act(|state, now_ms| {
        let first = find_first(state, app_key.as_deref(), &order)?;
        apply(state, first, &action, now_ms)?;
        Ok(first)
    });
    let first = done.await?;
    // Behind the act, since it may have moved the clock.
    shared.look(|state, now_ms| told(state, first, &order, now_ms)).map(Json)
}

/// Ends a subscription, or moves the clock to where its next charge falls due.
///
/// # Errors
/// There is no such action, or nothing to act on.
pub fn apply(state: &mut State, first: u64, action: &str, now_ms: i64) -> Result<(), ApiError> {
    let refused = |why: String| conflict("order", why);
    match action {
        "end" => state.end_agreement(first, now_ms).map_err(refused),
        "due" => state.advance_to_due(first, now_ms).map_err(refused),
        _ => Err(not_found("action", format!("there is no {action:?}: end, due"))),
    }
}

fn app_of(query: Option<&str>) -> Result<Option<String>, ApiError> {
    let mut fields = Fields::of_query(query.unwrap_or(""));
    let app_key = fields.text("app_key")?;
    fields.finish()?;
    Ok(app_key)
}

/// The first order of the subscription; a later charge leads there, too.
fn find_first(state: &State, app_key: Option<&str>, order: &str) -> Result<u64, ApiError> {
    let number = find(state, app_key, order)?;
    state.first_of(number).ok_or_else(|| unknown(order))
}

fn unknown(order: &str) -> ApiError {
    not_found("order", format!("order {order:?} is not of a subscription"))
}

fn told(state: &State, first: u64, order: &str, now_ms: i64) -> Result<Value, ApiError> {
    let thread = state.thread(first).ok_or_else(|| unknown(order))?;
    Ok(thread_json(state, &thread, now_ms))
}

/// Whether a charge could be taken now.
pub fn is_due(state: &State, thread: &Thread, now_ms: i64) -> bool {
    let early_days = state.settings(&thread.first.app_key).renewal_early_days;
    let next = thread.next().filter(|_| thread.open().is_none());
    next.is_some_and(|next| now_ms >= next.allowed_ms(early_days))
}

fn thread_json(state: &State, thread: &Thread, now_ms: i64) -> Value {
    let (first, terms) = (thread.first, thread.terms);
    let early_days = state.settings(&first.app_key).renewal_early_days;
    let next = thread.next().map(|next| {
        json!({
            "seq": next.seq,
            "price_fen": next.price,
            "due_ms": next.due_ms,
            "from_ms": next.allowed_ms(early_days),
            "due": is_due(state, thread, now_ms),
        })
    });
    json!({
        "app_key": first.app_key,
        "order": first.data.partner_order_no,
        "state": thread.standing().name(),
        "interval": terms.interval.name(),
        "prices_fen": terms.prices,
        "subject": terms.subject,
        "description": terms.description,
        "subject_id": first.data.subject_id,
        "payer": first.payer,
        "first_paid_ms": first.paid_ms,
        "ended_ms": thread.agreement.ended_ms,
        "pay_fail": thread.agreement.pay_fail,
        "cap_fen": thread.cap_fen(),
        "taken_fen": thread.taken_fen(),
        "next": next,
        "charges": thread.charges.iter().map(|order| charge_json(order)).collect::<Vec<_>>(),
    })
}

fn charge_json(order: &Order) -> Value {
    json!({
        "order": order.data.partner_order_no,
        "seq": order.charge.as_ref().map(|charge| charge.seq),
        "price_fen": order.data.price,
        "status": status_name(order.status),
        "trade_no": order.trade_no,
        "created_ms": order.created_ms,
        "paid_ms": order.paid_ms,
        "closed_ms": order.closed_ms,
        "refunded_ms": order.refunded_ms,
    })
}
