//! Activities, draws, and what paying for a product may win.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Extracted};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{json, Value};

use super::super::check;
use super::super::fields::{ApiError, Fields};
use super::super::lottery::{Activity, Draw, Drawn};
use super::super::prize::ProductPrize;
use super::super::shared::{Place, Shared};
use super::super::state::State;
use super::{award_json, body, checked, conflict, limit, not_found, whole, Answer, Body, Sandbox};

/// The routes.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/activities", get(list).post(create))
        .route("/activities/{activity}", get(show).patch(change).delete(remove))
        .route("/draws", get(draws))
        .route("/prizes", get(prizes).put(set_prize))
}

async fn list(Extracted(shared): Sandbox, RawQuery(query): RawQuery) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let app_key = fields.text("app_key")?;
    fields.finish()?;
    let told: Vec<Value> = shared.look(|state, now_ms| {
        let fits = |a: &&Activity| app_key.as_ref().is_none_or(|key| *key == a.app_key);
        let chosen = state.lottery().activities.iter().filter(fits);
        chosen.map(|activity| activity_json(activity, &shared.place, now_ms)).collect()
    });
    Ok(Json(json!({ "activities": told })))
}

async fn show(Extracted(shared): Sandbox, Path(id): Path<String>) -> Answer {
    shared.look(|state, now_ms| told(state, &id, &shared.place, now_ms)).map(Json)
}

async fn create(Extracted(shared): Sandbox, body: Body) -> Answer {
    let activity: Activity = body::read(&whole(body)?)?;
    let made = shared.act(|state, now_ms| {
        check_activity(state, &activity, "")?;
        let id = state.add_activity(activity).map_err(|why| conflict("activity_id", why))?;
        told(state, &id, &shared.place, now_ms)
    });
    made.await.map(Json)
}

async fn change(Extracted(shared): Sandbox, Path(id): Path<String>, body: Body) -> Answer {
    let body = whole(body)?;
    let changed = shared.act(|state, now_ms| {
        let old = state.lottery().get(&id).ok_or_else(|| unknown(&id))?;
        let activity: Activity = body::change(old, &body)?;
        check_activity(state, &activity, &id)?;
        state.change_activity(&id, activity).map_err(|why| conflict("activity_id", why))?;
        told(state, &id, &shared.place, now_ms)
    });
    changed.await.map(Json)
}

/// By itself, and beside the others; `id` is the one in whose place it comes.
fn check_activity(state: &State, activity: &Activity, id: &str) -> Result<(), ApiError> {
    checked(state, |known| {
        check::activity(activity, known)?;
        let others = state.lottery().activities.iter().filter(|other| other.activity_id != id);
        check::beside(activity, others)
    })
}

async fn remove(Extracted(shared): Sandbox, Path(id): Path<String>) -> Answer {
    let removed = shared.act(|state, _| state.remove_activity(&id)).await;
    removed.then(|| Json(json!({}))).ok_or_else(|| unknown(&id))
}

fn unknown(id: &str) -> ApiError {
    not_found("activity", format!("there is no activity {id:?}"))
}

fn told(state: &State, id: &str, place: &Place, now_ms: i64) -> Result<Value, ApiError> {
    let activity = state.lottery().get(id).ok_or_else(|| unknown(id))?;
    Ok(activity_json(activity, place, now_ms))
}

fn activity_json(activity: &Activity, place: &Place, now_ms: i64) -> Value {
    let mut told = json!(activity);
    if let Some(members) = told.as_object_mut() {
        members.insert("activity_url".into(), place.activity_page(activity).into());
        members.insert("on".into(), activity.is_on(now_ms).into());
    }
    told
}

async fn draws(Extracted(shared): Sandbox, RawQuery(query): RawQuery) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let (app_key, user) = (fields.text("app_key")?, fields.text("user")?);
    let event_key = fields.text("event_key")?;
    let limit = limit(&mut fields)?;
    fields.finish()?;
    let told: Vec<Value> = shared.look(|state, _| {
        let fits = |draw: &&Draw| {
            app_key.as_ref().is_none_or(|key| *key == draw.app_key)
                && user.as_ref().is_none_or(|id| *id == draw.user_id.as_str())
                && event_key.as_ref().is_none_or(|key| *key == draw.event_key)
        };
        let chosen = state.lottery().newest_draws().filter(fits).take(limit);
        chosen.map(|draw| draw_json(draw, &shared.place)).collect()
    });
    Ok(Json(json!({ "draws": told })))
}

fn draw_json(draw: &Draw, place: &Place) -> Value {
    let (state, award, code) = match &draw.drawn {
        Drawn::Won(award) => ("won", Some(award_json(award, place)), None),
        Drawn::Lost => ("lost", None, None),
        Drawn::Refused { code, .. } => ("refused", None, Some(code)),
    };
    json!({
        "draw_id": draw.draw_id,
        "app_key": draw.app_key,
        "user": draw.user_id,
        "event_key": draw.event_key,
        "behavior_key": draw.behavior_key,
        "activity_id": draw.activity_id,
        "at_ms": draw.at_ms,
        "cost": draw.cost,
        "state": state,
        "award": award,
        "code": code,
        "points_left": draw.points_left,
        "free_left": draw.free_left,
    })
}

async fn prizes(Extracted(shared): Sandbox) -> Answer {
    Ok(Json(shared.look(|state, _| json!({ "prizes": state.prizes() }))))
}

async fn set_prize(Extracted(shared): Sandbox, body: Body) -> Answer {
    let product: ProductPrize = body::read(&whole(body)?)?;
    let set = shared.act(|state, _| {
        checked(state, |known| check::product(&product, known))?;
        state.set_product_prize(product).map_err(|why| conflict("subject_id", why))?;
        Ok(Json(json!({ "prizes": state.prizes() })))
    });
    set.await
}
