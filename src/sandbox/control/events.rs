//! What has happened.

use std::sync::Arc;

use axum::extract::{RawQuery, State as Extracted};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;

use super::super::events::Event;
use super::super::fields::Fields;
use super::super::shared::Shared;
use super::{limit, Answer, Sandbox};

/// The routes.
pub fn router() -> Router<Arc<Shared>> {
    Router::new().route("/events", get(list))
}

async fn list(Extracted(shared): Sandbox, RawQuery(query): RawQuery) -> Answer {
    let mut fields = Fields::of_query(query.as_deref().unwrap_or(""));
    let (app_key, what) = (fields.text("app_key")?, fields.text("what")?);
    let after = fields.number("after", 0, i64::MAX)?.and_then(|n| u64::try_from(n).ok());
    let limit = limit(&mut fields)?;
    fields.finish()?;
    Ok(Json(shared.look(|state, _| {
        let fits = |event: &&Event| {
            after.is_none_or(|number| event.number > number)
                && app_key.as_ref().is_none_or(|key| Some(key) == event.app_key.as_ref())
                && what.as_ref().is_none_or(|what| *what == event.what)
        };
        let chosen = state.events().newest().filter(fits).take(limit);
        json!({ "events": chosen.collect::<Vec<_>>() })
    })))
}
