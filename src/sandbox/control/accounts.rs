//! Users, their sessions, and attempts to sign in.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as Extracted};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{json, Value};

use super::super::action::AuthAction;
use super::super::attempts::{Attempt, Step};
use super::super::check;
use super::super::fields::{required, ApiError, Fields};
use super::super::shared::{Place, Shared};
use super::super::state::State;
use super::super::users::{Grant, User};
use super::{body, check_app, checked, conflict, limit, not_found, whole, Answer, Body, Sandbox};
use crate::limits::SANDBOX_POINTS_MAX;

/// The routes.
pub fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/users", get(list).post(create))
        .route("/users/{user}", get(show).patch(change).delete(remove))
        .route("/users/{user}/{action}", post(act))
        .route("/auth", get(attempts))
        .route("/auth/{attempt}", get(attempt))
        .route("/auth/{attempt}/{action}", post(auth))
}

async fn list(Extracted(shared): Sandbox) -> Answer {
    let users = |state: &State| -> Vec<Value> {
        state.users().all().map(|user| user_json(state, user, &shared.place)).collect()
    };
    Ok(Json(json!({ "users": shared.look(|state, _| users(state)) })))
}

async fn show(Extracted(shared): Sandbox, Path(user): Path<String>) -> Answer {
    shared.look(|state, _| told(state, &user, &shared.place)).map(Json)
}

async fn create(Extracted(shared): Sandbox, body: Body) -> Answer {
    let user: User = body::read(&whole(body)?)?;
    let made = shared.act(|state, _| {
        let user_id = user.user_id.as_str().to_owned();
        if state.users().get(&user_id).is_some() {
            return Err(conflict("user_id", format!("there is a user {user_id:?} already")));
        }
        put(state, user)?;
        told(state, &user_id, &shared.place)
    });
    made.await.map(Json)
}

async fn change(Extracted(shared): Sandbox, Path(id): Path<String>, body: Body) -> Answer {
    let body = whole(body)?;
    let changed = shared.act(|state, _| {
        let old = state.users().get(&id).ok_or_else(|| unknown(&id))?;
        let user: User = body::change(old, &body)?;
        if user.user_id.as_str() != id {
            return Err(ApiError::invalid("user_id", "cannot be changed"));
        }
        let lost = old.authorised.keys().filter(|app| !user.authorised.contains_key(*app));
        let lost: Vec<String> = lost.map(|app| app.as_str().to_owned()).collect();
        put(state, user)?;
        lost.iter().for_each(|app_key| {
            state.revoke(&id, Some(app_key));
        });
        told(state, &id, &shared.place)
    });
    changed.await.map(Json)
}

fn put(state: &mut State, user: User) -> Result<(), ApiError> {
    checked(state, |known| check::user(&user, known))?;
    state.put_user(user).map_err(|why| conflict("user_id", why))
}

async fn remove(Extracted(shared): Sandbox, Path(id): Path<String>) -> Answer {
    let removed = shared.act(|state, _| state.remove_user(&id)).await;
    removed.then(|| Json(json!({}))).ok_or_else(|| unknown(&id))
}

async fn act(
    Extracted(shared): Sandbox,
    Path((id, action)): Path<(String, String)>,
    body: Body,
) -> Answer {
    let mut fields = Fields::read(&whole(body)?)?;
    let done = shared.act(|state, _| {
        if state.users().get(&id).is_none() {
            return Err(unknown(&id));
        }
        match action.as_str() {
            "points" => set_points(state, &id, fields),
            "authorise" => authorise(state, &id, fields, true),
            "unauthorise" => authorise(state, &id, fields, false),
            "logout" => {
                let app_key = fields.text("app_key")?;
                fields.finish()?;
                check_app(state, app_key.as_deref())?;
                state.revoke(&id, app_key.as_deref());
                Ok(())
            }
            _ => {
                let message =
                    format!("there is no {action:?}: points, authorise, unauthorise, logout");
                Err(not_found("action", message))
            }
        }?;
        told(state, &id, &shared.place)
    });
    done.await.map(Json)
}

fn set_points(state: &mut State, id: &str, mut fields: Fields) -> Result<(), ApiError> {
    let most = SANDBOX_POINTS_MAX;
    let (set, add) = (fields.number("points", 0, most)?, fields.number("add", -most, most)?);
    fields.finish()?;
    let now = state.users().get(id).map_or(0, |user| user.points);
    let points = match (set, add) {
        (Some(points), None) => points,
        (None, Some(add)) => (now + add).clamp(0, most),
        _ => return Err(ApiError::invalid("points", "name either points or add")),
    };
    state.set_points(id, points).map_err(|why| not_found("user", why))
}

fn authorise(
    state: &mut State,
    id: &str,
    mut fields: Fields,
    granted: bool,
) -> Result<(), ApiError> {
    let app_key = required("app_key", fields.text("app_key")?)?;
    let profile = if granted { fields.flag("profile")? } else { false };
    fields.finish()?;
    check_app(state, Some(&app_key))?;
    let grant = granted.then_some(Grant { profile });
    state.authorise(id, &app_key, grant).map_err(|why| ApiError::invalid("app_key", why))
}

fn unknown(id: &str) -> ApiError {
    not_found("user", format!("there is no user {id:?}"))
}

fn told(state: &State, id: &str, place: &Place) -> Result<Value, ApiError> {
    let user = state.users().get(id).ok_or_else(|| unknown(id))?;
    Ok(user_json(state, user, place))
}

fn user_json(state: &State, user: &User, place: &Place) -> Value {
    let own = state.users().sessions().filter(|session| session.user_id == user.user_id);
    let sessions = own.map(|session| {
        json!({
            "app_key": session.app_key,
            "device_id": session.device_id,
            "since_ms": session.since_ms,
        })
    });
    json!({
        "user_id": user.user_id,
        "nick": user.nick,
        "avatar_url": place.avatar(user),
        "points": user.points,
        "renewal_pay_fail": user.renewal_pay_fail,
        "authorised": user.authorised,
        "sessions": sessions.collect::<Vec<_>>(),
    })
}

async fn attempts(Extracted(shared): Sandbox, RawQuery(query): RawQuery) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let app_key = fields.text("app_key")?;
    let limit = limit(&mut fields)?;
    fields.finish()?;
    let told: Vec<Value> = shared.look(|state, _| {
        let fits = |a: &&Attempt| app_key.as_ref().is_none_or(|key| *key == a.app_key);
        let chosen = state.attempts().newest().filter(fits).take(limit);
        chosen.map(|attempt| attempt_json(attempt, &shared.place)).collect()
    });
    Ok(Json(json!({ "attempts": told })))
}

async fn attempt(
    Extracted(shared): Sandbox,
    Path(attempt): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let app_key = fields.text("app_key")?;
    fields.finish()?;
    let found = |state: &State| {
        let attempt = find(state, app_key.as_deref(), &attempt)?;
        Ok(Json(attempt_json(attempt, &shared.place)))
    };
    shared.look(|state, _| found(state))
}

async fn auth(
    Extracted(shared): Sandbox,
    Path((attempt, action)): Path<(String, String)>,
    body: Body,
) -> Answer {
    let mut fields = Fields::read(&whole(body)?)?;
    let (app_key, user) = (fields.text("app_key")?, fields.text("user")?);
    let profile = fields.flag("profile")?;
    fields.finish()?;
    let action = AuthAction::parse(&action).ok_or_else(|| {
        not_found("action", format!("there is no {action:?}: {}", AuthAction::names()))
    })?;
    let done = shared.act(|state, now_ms| {
        let number = find(state, app_key.as_deref(), &attempt)?.number;
        if let Some(id) = user.as_deref().filter(|id| state.users().get(id).is_none()) {
            return Err(unknown(id));
        }
        let applied = action.apply(state, number, user.as_deref(), profile, now_ms);
        applied.map_err(|why| ApiError::new(StatusCode::CONFLICT, "attempt", why))?;
        let attempt = find(state, app_key.as_deref(), &attempt)?;
        Ok(Json(attempt_json(attempt, &shared.place)))
    });
    done.await
}

/// An attempt by what the box calls it, or the `latest` one.
fn find<'a>(
    state: &'a State,
    app_key: Option<&str>,
    attempt: &str,
) -> Result<&'a Attempt, ApiError> {
    let fits = |a: &&Attempt| {
        app_key.is_none_or(|key| key == a.app_key) && (attempt == "latest" || attempt == a.attempt)
    };
    let unknown = || match attempt {
        "latest" => not_found("attempt", "nobody has tried to sign in yet"),
        _ => not_found("attempt", format!("there is no attempt {attempt:?}")),
    };
    state.attempts().newest().find(fits).ok_or_else(unknown)
}

fn attempt_json(attempt: &Attempt, place: &Place) -> Value {
    let authorised = match attempt.step {
        Step::Granted { authorised } => Some(authorised),
        _ => None,
    };
    json!({
        "attempt": attempt.attempt,
        "app_key": attempt.app_key,
        "device_id": attempt.device_id,
        "kind": if attempt.authorise { "authorise" } else { "login" },
        "state": attempt.step_name(),
        "authorised": authorised,
        "user": attempt.user_id,
        "page_url": place.auth_page(&attempt.code),
        "qr_code": place.auth_qr(&attempt.code),
        "created_ms": attempt.created_ms,
        "expires_ms": attempt.expires_ms,
    })
}
