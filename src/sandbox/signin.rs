//! The phone of somebody who signs in: the page behind the code of an attempt.

use std::sync::Arc;

use axum::extract::{Form, Path, Query, State as Extracted};
use axum::http::{HeaderMap, Method};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::access::equal;
use super::attempts::Attempt;
use super::pages::signin::{phone, Scene};
use super::phone::{bad_form, unknown, Asked};
use super::shared::Shared;
use super::state::State;
use super::texts::Lang;

/// The forms of the page.
#[derive(Deserialize)]
pub struct Pressed {
    action: String,
    token: String,
    user_id: Option<String>,
    profile: Option<String>,
}

/// `GET /A/CODE`: opening it is scanning it. A HEAD, as link previews send it, is not.
pub async fn open(
    Extracted(shared): Extracted<Arc<Shared>>,
    Path(code): Path<String>,
    Query(asked): Query<Asked>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let lang = asked.lang(&headers);
    let opened = shared.act(|state, now_ms| {
        let number = state.attempts().find_code(&code)?.number;
        if method == Method::GET {
            // False: it is over, and the page says so.
            state.auth_scan(number);
        }
        Some(page(lang, state, state.attempts().get(number)?, now_ms))
    });
    match opened.await {
        Some(page) => Html(page).into_response(),
        None => unknown(lang).into_response(),
    }
}

fn page(lang: Lang, state: &State, attempt: &Attempt, now_ms: i64) -> String {
    let users = state.users();
    let user_id = attempt.user_id.as_ref().map(|id| id.as_str());
    let scene = Scene {
        app: &state.app_name(&attempt.app_key),
        users: users.all().collect(),
        user: user_id.and_then(|id| users.get(id)),
        profile: state.settings(&attempt.app_key).profile,
        now_ms,
    };
    phone(lang, attempt, &scene)
}

/// `POST /A/CODE`: a button. What came too late changes nothing, and the page says why.
pub async fn press(
    Extracted(shared): Extracted<Arc<Shared>>,
    Path(code): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    Form(pressed): Form<Pressed>,
) -> Response {
    let lang = asked.lang(&headers);
    let done = shared.act(|state, now_ms| {
        let attempt = state.attempts().find_code(&code).ok_or_else(|| unknown(lang))?;
        let (number, code) = (attempt.number, attempt.code.clone());
        if !equal(&pressed.token, &attempt.form_token) {
            return Err(bad_form(lang));
        }
        apply(&pressed, number, state, now_ms).map_err(|()| bad_form(lang))?;
        Ok(code)
    });
    match done.await {
        Ok(code) => Redirect::to(&format!("/A/{code}?lang={}", lang.code())).into_response(),
        Err(page) => page.into_response(),
    }
}

/// An error: no button of ours does that.
fn apply(pressed: &Pressed, number: u64, state: &mut State, now_ms: i64) -> Result<(), ()> {
    // A refusal is an attempt that is over by now, or a user who is gone: the page shows it.
    let _ = match (&*pressed.action, &pressed.user_id) {
        ("sign_in", Some(user_id)) => state.auth_login(number, user_id, now_ms),
        ("authorise", _) => state.auth_authorise(number, None, pressed.profile.is_some(), now_ms),
        ("deny", _) => state.auth_deny(number, now_ms),
        _ => return Err(()),
    };
    Ok(())
}
