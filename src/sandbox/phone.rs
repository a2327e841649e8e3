//! The payer's phone: the page behind a QR code, and a list of all of them.

use std::sync::Arc;

use axum::extract::{ConnectInfo, Form, Path, Query, State as Extracted};
use axum::http::{header, HeaderMap, Method, StatusCode};
use axum::response::{Html, IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::access::{equal, Peer};
use super::action::Action;
use super::pages;
use super::pages::order::{Index, Scene, END};
use super::renewal::Standing;
use super::shared::Shared;
use super::texts::Lang;
use crate::limits::ORDERS_LIST_MAX;

/// `?lang=`.
#[derive(Deserialize)]
pub struct Asked {
    lang: Option<String>,
}

impl Asked {
    /// The language to answer in.
    pub fn lang(&self, headers: &HeaderMap) -> Lang {
        Lang::of(self.lang.as_deref(), headers)
    }
}

/// The buttons.
#[derive(Deserialize)]
pub struct Pressed {
    action: String,
    token: String,
    /// Who pays, if the page asked.
    payer: Option<String>,
}

/// `/`: all orders, and the attempts to sign in that are open.
pub async fn index(
    Extracted(shared): Extracted<Arc<Shared>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Html<String> {
    let lang = asked.lang(&headers);
    Html(shared.look(|state, _| {
        let attempts = state.attempts().newest().filter(|attempt| attempt.is_open());
        let orders = state.newest().take(ORDERS_LIST_MAX);
        let index = Index {
            attempts: attempts.map(|at| (state.app_name(&at.app_key), at)).collect(),
            orders: orders.map(|order| (state.merchant(order), order)).collect(),
            operator: shared.pass.admits(peer.ip(), &headers),
        };
        pages::order::index(lang, &index)
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
    let lang = asked.lang(&headers);
    let opened = shared.act(|state, now_ms| {
        let (number, open) = state.find_code(&code).map(|order| (order.number, order.is_open()))?;
        let unscanned = state.get(number)?.scanned_ms.is_none();
        if method == Method::GET && open && unscanned {
            // Cannot fail: it is open.
            let _ = state.change(number, |order| order.scan(now_ms));
        }
        let order = state.get(number)?;
        let (merchant, users) = (&*state.merchant(order), state.users().all().collect());
        let standing = state.thread(number).map(|thread| thread.standing());
        let subscribed = standing == Some(Standing::Active);
        Some(pages::order::phone(lang, order, &Scene { merchant, users, subscribed, now_ms }))
    });
    match opened.await {
        Some(page) => Html(page).into_response(),
        None => unknown(lang).into_response(),
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
    let lang = asked.lang(&headers);
    let action = Action::parse(&pressed.action).filter(|action| action.is_for_payer());
    let done = shared.act(|state, now_ms| {
        let order = state.find_code(&code).ok_or_else(|| unknown(lang))?;
        let (number, code) = (order.number, order.code.clone());
        let genuine = equal(&pressed.token, &order.form_token);
        if genuine && pressed.action == END {
            // What is over already stays so.
            let _ = state.end_agreement(number, now_ms);
            return Ok(code);
        }
        let (Some(action), true) = (action, genuine) else {
            return Err(bad_form(lang));
        };
        if let (Action::Pay, Some(payer)) = (action, &pressed.payer) {
            // False: nobody was chosen, or it is too late.
            state.set_payer(number, payer);
        }
        let _ = state.change(number, |order| action.apply(order, now_ms));
        Ok(code)
    });
    match done.await {
        Ok(code) => Redirect::to(&format!("/Q/{code}?lang={}", lang.code())).into_response(),
        Err(page) => page.into_response(),
    }
}

/// A form that did not come from the page it belongs to.
pub fn bad_form(lang: Lang) -> (StatusCode, Html<String>) {
    let hint = lang.say("请返回页面重试。", "Go back to the page and try again.");
    let page = pages::message(lang, lang.say("请求无效", "Bad request"), hint);
    (StatusCode::FORBIDDEN, Html(page))
}

/// No page has this code.
pub fn unknown(lang: Lang) -> (StatusCode, Html<String>) {
    let hint = lang.say(
        "沙箱中没有这个二维码。请扫描电视上当前显示的二维码。",
        "The sandbox does not know this code. Scan the code the TV shows now.",
    );
    let page = pages::message(lang, lang.say("二维码无效", "Unknown code"), hint);
    (StatusCode::NOT_FOUND, Html(page))
}
