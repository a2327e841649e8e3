//! Pages that a game shows or that a code of its leads to: `/h5/APP/KIND`, `/activity/ID`,
//! `/award/ID`, `/goods/APP`, and pictures of users.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, RawQuery, State as Extracted};
use axum::http::{header, HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::pages::web::{self, Product};
use super::pages::{self, avatar};
use super::phone::Asked;
use super::prize::Prize;
use super::shared::Shared;
use super::state::State;
use super::texts::Lang;
use crate::core::report::WebKind;
use crate::limits::{ORDERS_LIST_MAX, WEB_PARAMS_MAX};

type Sandbox = Extracted<Arc<Shared>>;

/// `/h5/APP/KIND`: the page that is switched on, with what the game has added to its address.
pub async fn h5(
    Extracted(shared): Sandbox,
    Path((app_key, kind)): Path<(String, String)>,
    Query(asked): Query<Asked>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let lang = asked.lang(&headers);
    let kind = WebKind::ALL.into_iter().find(|known| known.name() == kind);
    let shown = shared.look(|state, _| {
        let (kind, settings) = (kind?, state.settings(&app_key));
        let page = settings.pages.get(&kind)?;
        Some(web::h5(lang, &state.app_name(&app_key), kind, page, &params(query.as_deref())))
    });
    found(lang, shown)
}

/// All but the language, which is ours.
fn params(query: Option<&str>) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(query.unwrap_or("").as_bytes()).into_owned();
    pairs.filter(|(name, _)| name != "lang").take(WEB_PARAMS_MAX).collect()
}

/// `/activity/ID`: a lottery.
pub async fn activity(
    Extracted(shared): Sandbox,
    Path(activity_id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let lang = asked.lang(&headers);
    let shown = shared.look(|state, now_ms| {
        let activity = state.lottery().get(&activity_id)?;
        Some(web::activity(lang, &state.app_name(&activity.app_key), activity, now_ms))
    });
    found(lang, shown)
}

/// `/award/ID`: where an award is claimed or used.
pub async fn award(
    Extracted(shared): Sandbox,
    Path(award_id): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let lang = asked.lang(&headers);
    let shown = shared.look(|state, _| {
        let (app_key, prize) = find_award(state, &award_id)?;
        Some(web::award(lang, &state.app_name(app_key), prize))
    });
    found(lang, shown)
}

/// Among what can be drawn and what can be won by paying.
fn find_award<'a>(state: &'a State, award_id: &str) -> Option<(&'a str, &'a Prize)> {
    let drawn = state.lottery().activities.iter().map(|a| (&*a.app_key, &a.awards));
    let paid = state.prizes().iter().map(|product| (&*product.app_key, &product.awards));
    drawn.chain(paid).find_map(|(app_key, awards)| {
        let prize = awards.iter().find(|prize| prize.award_id == award_id)?;
        Some((app_key, prize))
    })
}

/// `/goods/APP`: what the app has sold lately.
pub async fn goods(
    Extracted(shared): Sandbox,
    Path(app_key): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let lang = asked.lang(&headers);
    let shown = shared.look(|state, _| {
        let app = state.app(&app_key)?;
        Some(web::goods(lang, &app.name, &products(state, &app_key)))
    });
    found(lang, shown)
}

/// One of each product, as it was ordered last.
fn products<'a>(state: &'a State, app_key: &str) -> Vec<Product<'a>> {
    let mut seen = BTreeMap::new();
    for order in state.newest().filter(|order| order.app_key == app_key) {
        let (title, price) = (&*order.data.subject, order.data.price);
        let subject_id = order.data.subject_id.as_deref();
        let name = subject_id.unwrap_or(title);
        seen.entry(name).or_insert(Product { title, subject_id, price });
        if seen.len() == ORDERS_LIST_MAX {
            break;
        }
    }
    seen.into_values().collect()
}

/// `/avatar/USER.svg`: the picture of a user who has no other.
pub async fn picture(Extracted(shared): Sandbox, Path(file): Path<String>) -> Response {
    let drawn = shared.look(|state, _| {
        let user = state.users().get(file.strip_suffix(".svg")?)?;
        Some(avatar::svg(user))
    });
    match drawn {
        Some(svg) => ([(header::CONTENT_TYPE, "image/svg+xml")], svg).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn found(lang: Lang, page: Option<String>) -> Response {
    match page {
        Some(page) => Html(page).into_response(),
        None => {
            let hint = lang.say(
                "该页面未启用或不存在。",
                "The page is not switched on, or there is no such page.",
            );
            let page = pages::message(lang, lang.say("没有此页面", "No such page"), hint);
            (StatusCode::NOT_FOUND, Html(page)).into_response()
        }
    }
}
