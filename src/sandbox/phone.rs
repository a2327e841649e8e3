//! The payer's phone: the page behind a QR code, and a list of all of them.

use std::sync::Arc;

use axum::extract::{Form, Path, Query, State as Extracted};
use axum::http::{header, HeaderMap, Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;
use subtle::ConstantTimeEq;

use super::action::Action;
use super::pages;
use super::shared::Shared;
use super::texts::{Lang, Texts};
use crate::limits::ORDERS_LIST_MAX;

/// `?lang=`.
#[derive(Deserialize)]
pub struct Asked {
    lang: Option<String>,
}

impl Asked {
    fn texts(&self, headers: &HeaderMap) -> &'static Texts {
        let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Lang::choose(self.lang.as_deref(), accepted).texts()
    }
}

/// The buttons.
#[derive(Deserialize)]
pub struct Pressed {
    action: String,
    token: String,
}

/// `/`: all orders.
pub async fn index(
    Extracted(shared): Extracted<Arc<Shared>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Html<String> {
    let texts = asked.texts(&headers);
    Html(shared.look(|state, _| {
        let orders = state.newest().take(ORDERS_LIST_MAX);
        pages::index(texts, orders.map(|order| (state.merchant(order), order)))
    }))
}

/// `/style.css`.
pub async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], pages::STYLE).into_response()
}

/// `GET /Q/CODE`: opening it is scanning it. A HEAD, as link previews send it, is not.
pub async fn open(
    Extracted(shared): Extracted<Arc<Shared>>,
    Path(code): Path<String>,
    Query(asked): Query<Asked>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let texts = asked.texts(&headers);
    let opened = shared.act(|state, now_ms| {
        let (number, open) = state.find_code(&code).map(|order| (order.number, order.is_open()))?;
        let unscanned = state.get(number)?.scanned_ms.is_none();
        if method == Method::GET && open && unscanned {
            // Cannot fail: it is open.
            let _ = state.change(number, |order| order.scan(now_ms));
        }
        let order = state.get(number)?;
        Some(pages::phone(texts, &state.merchant(order), order, now_ms))
    });
    match opened.await {
        Some(page) => Html(page).into_response(),
        None => unknown(texts).into_response(),
    }
}

/// `POST /Q/CODE`: a button. What came too late changes nothing, and the page says why.
pub async fn press(
    Extracted(shared): Extracted<Arc<Shared>>,
    Path(code): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    Form(pressed): Form<Pressed>,
) -> Response {
    let texts = asked.texts(&headers);
    let action = Action::parse(&pressed.action).filter(|action| action.is_for_payer());
    let done = shared.act(|state, now_ms| {
        let order = state.find_code(&code).ok_or_else(|| unknown(texts))?;
        let (number, code) = (order.number, order.code.clone());
        let genuine = bool::from(order.form_token.as_bytes().ct_eq(pressed.token.as_bytes()));
        let (Some(action), true) = (action, genuine) else {
            let page = pages::message(texts, texts.bad_form, texts.bad_form_hint);
            return Err((StatusCode::FORBIDDEN, Html(page)));
        };
        let _ = state.change(number, |order| action.apply(order, now_ms));
        Ok(code)
    });
    match done.await {
        Ok(code) => Redirect::to(&format!("/Q/{code}?lang={}", texts.code)).into_response(),
        Err(page) => page.into_response(),
    }
}

fn unknown(texts: &Texts) -> (StatusCode, Html<String>) {
    let page = pages::message(texts, texts.unknown, texts.unknown_hint);
    (StatusCode::NOT_FOUND, Html(page))
}
