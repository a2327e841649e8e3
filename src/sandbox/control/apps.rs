//! Apps and their settings.

use std::sync::Arc;

use axum::extract::{Path, State as Extracted};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{json, Value};

use super::super::apps::App;
use super::super::check::{self, Wrong};
use super::super::fields::ApiError;
use super::super::settings::Settings;
use super::super::shared::Shared;
use super::super::state::State;
use super::{body, not_found, whole, Answer, Body, Sandbox};

/// The routes.
pub fn router() -> Router<Arc<Shared>> {
    Router::new().route("/apps", get(list)).route("/apps/{app}", get(show).patch(change))
}

async fn list(Extracted(shared): Sandbox) -> Answer {
    let apps = |state: &State| -> Vec<Value> {
        state.apps().iter().map(|app| app_json(state, app)).collect()
    };
    Ok(Json(json!({ "apps": shared.look(|state, _| apps(state)) })))
}

async fn show(Extracted(shared): Sandbox, Path(app): Path<String>) -> Answer {
    shared.look(|state, _| told(state, &app)).map(Json)
}

/// The body changes the settings; key and name stay.
async fn change(Extracted(shared): Sandbox, Path(app): Path<String>, body: Body) -> Answer {
    let body = whole(body)?;
    let changed = shared.act(|state, _| {
        told(state, &app)?;
        let settings: Settings = body::change(&state.settings(&app), &body)?;
        let wrong = |Wrong { field, why }| ApiError::invalid(&field, why);
        check::settings(&settings).map_err(wrong)?;
        state.set_settings(&app, settings);
        told(state, &app)
    });
    changed.await.map(Json)
}

fn told(state: &State, app_key: &str) -> Result<Value, ApiError> {
    let unknown = || not_found("app", format!("there is no app {app_key:?}"));
    state.app(app_key).map(|app| app_json(state, app)).ok_or_else(unknown)
}

fn app_json(state: &State, app: &App) -> Value {
    let settings = state.settings(&app.app_key);
    json!({ "app_key": app.app_key, "name": app.name, "settings": settings })
}
