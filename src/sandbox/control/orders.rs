//! Orders.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Extracted};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{json, Value};

use super::super::action::Action;
use super::super::fields::{ApiError, Fields};
use super::super::order::{status_name, Order};
use super::super::renewal::ChargeOf;
use super::super::shared::Shared;
use super::super::state::State;
use super::{award_json, limit, not_found, whole, Answer, Body, Sandbox};
use crate::wire::device::RenewalData;

/// The routes.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/orders", get(list))
        .route("/orders/{order}", get(show))
        .route("/orders/{order}/{action}", post(act))
}

async fn list(Extracted(shared): Sandbox, RawQuery(query): RawQuery) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let app_key = fields.text("app_key")?;
    let status = fields.text("status")?;
    let limit = limit(&mut fields)?;
    fields.finish()?;
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
    body: Body,
) -> Answer {
    let mut fields = Fields::read(&whole(body)?)?;
    let mut params = Fields::of_query(query.as_deref().unwrap_or(""));
    let app_key = fields.text("app_key")?.or(params.text("app_key")?);
    let user = fields.text("user")?;
    fields.finish()?;
    params.finish()?;
    let action = Action::parse(&action).ok_or_else(|| {
        let message = format!("there is no {action:?}: {}", Action::names());
        ApiError::new(StatusCode::NOT_FOUND, "action", message)
    })?;
    let done = shared.act(|state, now_ms| {
        let number = find(state, app_key.as_deref(), &order)?;
        if let Some(user_id) = &user {
            set_payer(state, number, user_id)?;
        }
        let applied = state.change(number, |order| action.apply(order, now_ms));
        let refused = |message| ApiError::new(StatusCode::CONFLICT, "order", message);
        applied.ok_or_else(|| unknown(&order))?.map_err(refused)?;
        state.get(number).map(|order| order_json(order, &shared)).ok_or_else(|| unknown(&order))
    });
    done.await.map(Json)
}

/// Says who pays, before it is paid.
fn set_payer(state: &mut State, number: u64, user_id: &str) -> Result<(), ApiError> {
    if state.users().get(user_id).is_none() {
        return Err(not_found("user", format!("there is no user {user_id:?}")));
    }
    // Of an order that is over, the action says so.
    state.set_payer(number, user_id);
    Ok(())
}

/// The order of that number; of which app may be left out while only one has it.
pub(super) fn find(state: &State, app_key: Option<&str>, order: &str) -> Result<u64, ApiError> {
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
        "payer": order.payer,
        "awards": order.awards.iter().map(|award| award_json(award, &shared.place)).collect::<Vec<_>>(),
        "renewal": order.data.renewal.as_ref().map(renewal_json),
        "charge": order.charge.as_ref().map(charge_json),
    })
}

/// Which charge of which subscription the order is.
fn charge_json(charge: &ChargeOf) -> Value {
    json!({ "ref_order_no": charge.ref_order_no, "seq": charge.seq })
}

/// The thread that the order began: later charges are counted from its `seq` 0.
fn renewal_json(renewal: &RenewalData) -> Value {
    json!({
        "interval": renewal.interval.name(),
        "prices_fen": renewal.prices,
        "subject": renewal.subject,
        "description": renewal.description,
    })
}
