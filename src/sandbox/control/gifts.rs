//! Gift records.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Extracted};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{json, Value};

use super::super::check;
use super::super::fields::{ApiError, Fields};
use super::super::gifts::{GiftRecord, NewGift};
use super::super::shared::Shared;
use super::super::state::State;
use super::{body, checked, conflict, limit, not_found, whole, Answer, Body, Sandbox};
use crate::core::award::GiftId;

/// The routes.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/gifts", get(list).post(lay_out))
        .route("/gifts/{gift}", get(show))
        .route("/gifts/{gift}/{action}", post(act))
}

async fn list(Extracted(shared): Sandbox, RawQuery(query): RawQuery) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let (app_key, user) = (fields.text("app_key")?, fields.text("user")?);
    let state_name = fields.text("state")?;
    let limit = limit(&mut fields)?;
    fields.finish()?;
    let told: Vec<Value> = shared.look(|state, _| {
        let fits = |gift: &&GiftRecord| {
            app_key.as_ref().is_none_or(|key| *key == gift.app_key)
                && user.as_ref().is_none_or(|id| *id == gift.user_id.as_str())
                && state_name.as_ref().is_none_or(|name| name == gift.state_name())
        };
        state.gifts().newest().filter(fits).take(limit).map(gift_json).collect()
    });
    Ok(Json(json!({ "gifts": told })))
}

async fn lay_out(Extracted(shared): Sandbox, body: Body) -> Answer {
    let gift: NewGift = body::read(&whole(body)?)?;
    let made = shared.act(|state, _| {
        checked(state, |known| check::gift(&gift, known))?;
        let gift_id = state.lay_out(gift).map_err(|why| conflict("gift_id", why))?;
        told(state, gift_id)
    });
    made.await.map(Json)
}

async fn show(Extracted(shared): Sandbox, Path(gift): Path<String>) -> Answer {
    let gift_id = number(&gift)?;
    shared.look(|state, _| told(state, gift_id)).map(Json)
}

async fn act(
    Extracted(shared): Sandbox,
    Path((gift, action)): Path<(String, String)>,
    body: Body,
) -> Answer {
    Fields::read(&whole(body)?)?.finish()?;
    let gift_id = number(&gift)?;
    let done = shared.act(|state, _| {
        told(state, gift_id)?;
        let applied = match action.as_str() {
            "release" => state.release_gift(gift_id),
            "expire" => state.end_gift(gift_id),
            _ => {
                let message = format!("there is no {action:?}: release, expire");
                return Err(not_found("action", message));
            }
        };
        applied.map_err(|why| conflict("gift", why))?;
        told(state, gift_id)
    });
    done.await.map(Json)
}

fn number(gift: &str) -> Result<GiftId, ApiError> {
    GiftId::parse(gift).ok_or_else(|| not_found("gift", format!("there is no gift {gift:?}")))
}

fn told(state: &State, gift_id: GiftId) -> Result<Value, ApiError> {
    let unknown = || not_found("gift", format!("there is no gift {}", gift_id.get()));
    state.gifts().get(gift_id).map(gift_json).ok_or_else(unknown)
}

fn gift_json(gift: &GiftRecord) -> Value {
    json!({
        "gift_id": gift.gift_id,
        "app_key": gift.app_key,
        "user": gift.user_id,
        "cp_item_id": gift.cp_item_id,
        "name": gift.name,
        "state": gift.state_name(),
        "taken_by": gift.taken_by,
        "app_order_id": gift.app_order_id,
        "created_ms": gift.created_ms,
        "expires_ms": gift.expires_ms,
        "reserved_ms": gift.reserved_ms,
        "activated_ms": gift.activated_ms,
    })
}
