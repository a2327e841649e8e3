//! `/operator`: the sandbox in the hands of a person. One tab, one file: what it shows and
//! what its forms do. Every change is a form with the token of `access`; there is no script.

mod apps;
mod calls;
mod clock;
mod events;
mod gifts;
mod layout;
mod lottery;
mod notifies;
mod orders;
mod renewals;
mod signins;
mod top;
mod users;
mod words;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, Query, Request, State as Extracted};
use axum::http::{header, HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::Router;
use maud::Markup;
use serde::Deserialize;

use super::access::Peer;
use super::fields::{ApiError, Fields};
use super::shared::Shared;
use super::state::State;
use super::texts::Lang;

/// The style sheet, served as `/operator.css`.
pub const STYLE: &str = include_str!("style.css");

/// What the address says.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Asked {
    lang: Option<String>,
    /// Only of this app.
    app_key: Option<String>,
    /// Only this notify.
    notify: Option<String>,
    /// Secrets are shown.
    secrets: Option<String>,
}

/// A page of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tab {
    Apps,
    Orders,
    Notifies,
    Renewals,
    SignIns,
    Users,
    Lottery,
    Gifts,
    Clock,
    Events,
    Calls,
}

/// What a view needs besides the state.
struct View<'a> {
    lang: Lang,
    tab: Tab,
    asked: &'a Asked,
    shared: &'a Shared,
    now_ms: i64,
}

impl Tab {
    const ALL: [Tab; 11] = [
        Tab::Apps,
        Tab::Orders,
        Tab::Notifies,
        Tab::Renewals,
        Tab::SignIns,
        Tab::Users,
        Tab::Lottery,
        Tab::Gifts,
        Tab::Clock,
        Tab::Events,
        Tab::Calls,
    ];

    /// Last part of its path.
    fn name(self) -> &'static str {
        match self {
            Tab::Apps => "apps",
            Tab::Orders => "orders",
            Tab::Notifies => "notifies",
            Tab::Renewals => "renewals",
            Tab::SignIns => "signins",
            Tab::Users => "users",
            Tab::Lottery => "lottery",
            Tab::Gifts => "gifts",
            Tab::Clock => "clock",
            Tab::Events => "events",
            Tab::Calls => "calls",
        }
    }

    fn title(self, lang: Lang) -> &'static str {
        match self {
            Tab::Apps => lang.say("应用", "Apps"),
            Tab::Orders => lang.say("订单", "Orders"),
            Tab::Notifies => lang.say("通知", "Notifies"),
            Tab::Renewals => lang.say("续费", "Renewals"),
            Tab::SignIns => lang.say("登录请求", "Sign-ins"),
            Tab::Users => lang.say("用户与积分", "Users"),
            Tab::Lottery => lang.say("抽奖", "Lottery"),
            Tab::Gifts => lang.say("礼包", "Gifts"),
            Tab::Clock => lang.say("场景与时钟", "Scenarios and clock"),
            Tab::Events => lang.say("事件", "Events"),
            Tab::Calls => lang.say("网关调用", "Gateway calls"),
        }
    }

    /// Pages with fields do not look again by themselves: what was half typed would be gone.
    fn refresh_s(self) -> Option<u32> {
        match self {
            Tab::Orders
            | Tab::Notifies
            | Tab::Renewals
            | Tab::SignIns
            | Tab::Events
            | Tab::Calls => Some(3),
            Tab::Apps | Tab::Users | Tab::Lottery | Tab::Gifts | Tab::Clock => None,
        }
    }

    fn view(self, view: &View, state: &State) -> Markup {
        match self {
            Tab::Apps => apps::view(view, state),
            Tab::Orders => orders::view(view, state),
            Tab::Notifies => notifies::view(view, state),
            Tab::Renewals => renewals::view(view, state),
            Tab::SignIns => signins::view(view, state),
            Tab::Users => users::view(view, state),
            Tab::Lottery => lottery::view(view, state),
            Tab::Gifts => gifts::view(view, state),
            Tab::Clock => clock::view(view, state),
            Tab::Events => events::view(view, state),
            Tab::Calls => calls::view(view, state),
        }
    }

    fn act(self, action: &str, form: Fields, state: &mut State, now_ms: i64) -> Done {
        match self {
            Tab::Apps => apps::act(action, form, state),
            Tab::Orders => orders::act(action, form, state, now_ms),
            Tab::Notifies => notifies::act(action, form, state),
            Tab::Renewals => renewals::act(action, form, state, now_ms),
            Tab::Users => users::act(action, form, state),
            Tab::Lottery => lottery::act(action, form, state, now_ms),
            Tab::Gifts => gifts::act(action, form, state),
            Tab::Clock => clock::act(action, form, state, now_ms),
            Tab::SignIns | Tab::Events | Tab::Calls => Err(no_action()),
        }
    }
}

/// What came of a form.
type Done = Result<(), ApiError>;

fn no_action() -> ApiError {
    ApiError::invalid("action", "is not known here")
}

/// The routes.
pub fn router(shared: &Arc<Shared>) -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(index))
        .route("/{tab}", get(show).post(act))
        .route_layer(middleware::from_fn_with_state(shared.clone(), guard))
        // Behind the guard's back: it is where the token is shown.
        .route("/enter", post(enter))
}

/// `/operator.css`.
pub async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], STYLE).into_response()
}

/// Lets in who may come in. Anybody else may show the control token, and do nothing more.
async fn guard(
    Extracted(shared): Extracted<Arc<Shared>>,
    ConnectInfo(Peer(peer)): ConnectInfo<Peer>,
    Query(asked): Query<Asked>,
    request: Request,
    next: Next,
) -> Response {
    if shared.pass.admits(peer.ip(), request.headers()) {
        return next.run(request).await;
    }
    let lang = Lang::of(asked.lang.as_deref(), request.headers());
    ask_token(lang, &asked, false)
}

fn ask_token(lang: Lang, asked: &Asked, wrong: bool) -> Response {
    let page = layout::entrance(lang, asked.secrets.is_some(), wrong);
    (StatusCode::FORBIDDEN, Html(page)).into_response()
}

async fn index(Query(asked): Query<Asked>) -> Redirect {
    let lang = asked.lang.as_deref().and_then(|tag| ["zh", "en"].into_iter().find(|t| *t == tag));
    Redirect::to(&match lang {
        Some(tag) => format!("/operator/apps?lang={tag}"),
        None => "/operator/apps".to_owned(),
    })
}

/// The control token, shown by hand: a cookie stands for it from then on.
async fn enter(
    Extracted(shared): Extracted<Arc<Shared>>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let lang = Lang::of(asked.lang.as_deref(), &headers);
    let token = read_form(&body).and_then(|mut form| form.text("token"));
    let right = token.is_ok_and(|token| {
        token.is_some_and(|token| shared.control_token.matches(token.trim().as_bytes()))
    });
    if !right {
        return ask_token(lang, &asked, true);
    }
    let cookie = [(header::SET_COOKIE, shared.pass.cookie())];
    let secrets = if asked.secrets.is_some() { "&secrets=1" } else { "" };
    let to = format!("/operator/apps?lang={}{secrets}", lang.code());
    (cookie, Redirect::to(&to)).into_response()
}

async fn show(
    Extracted(shared): Extracted<Arc<Shared>>,
    Path(tab): Path<String>,
    Query(asked): Query<Asked>,
    headers: HeaderMap,
) -> Response {
    let Some(tab) = Tab::ALL.into_iter().find(|known| known.name() == tab) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // Whoever sits at this machine may change everything, but a secret is for those who may
    // read the ready file or the terminal.
    if asked.secrets.is_some() && !shared.pass.is_shown(&headers) {
        return ask_token(Lang::of(asked.lang.as_deref(), &headers), &asked, false);
    }
    Html(render(&shared, tab, &asked, &headers, None)).into_response()
}

fn render(
    shared: &Shared,
    tab: Tab,
    asked: &Asked,
    headers: &HeaderMap,
    error: Option<&ApiError>,
) -> String {
    let lang = Lang::of(asked.lang.as_deref(), headers);
    shared.look(|state, now_ms| {
        let view = View { lang, tab, asked, shared, now_ms };
        layout::page(&view, state, error, &tab.view(&view, state))
    })
}

/// A form. What it refuses is said on the page it stands on.
async fn act(
    Extracted(shared): Extracted<Arc<Shared>>,
    Path(tab): Path<String>,
    Query(mut asked): Query<Asked>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(tab) = Tab::ALL.into_iter().find(|known| known.name() == tab) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    // The answer may be a whole page, to somebody who has not shown the token.
    asked.secrets = None;
    let done = match genuine(&shared, &body) {
        Ok((action, form)) => {
            shared.act(|state, now_ms| tab.act(&action, form, state, now_ms)).await
        }
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => Redirect::to(&layout::here(tab, &asked, &headers)).into_response(),
        Err(error) => {
            let page = render(&shared, tab, &asked, &headers, Some(&error));
            (error.status(), Html(page)).into_response()
        }
    }
}

/// The action and the other fields of a form that stood on a page of ours.
fn genuine(shared: &Shared, body: &[u8]) -> Result<(String, Fields), ApiError> {
    let mut form = read_form(body)?;
    let token = form.text("token")?.unwrap_or_default();
    if !shared.pass.is_genuine(&token) {
        let why = "this form is not from a page of this sandbox, or from an earlier run of it";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "token", why));
    }
    let action = form.text("action")?.unwrap_or_default();
    Ok((action, form))
}

/// Fields that were left empty count as not sent.
fn read_form(body: &[u8]) -> Result<Fields, ApiError> {
    let text = std::str::from_utf8(body).map_err(|_| ApiError::invalid("body", "is not UTF-8"))?;
    Ok(Fields::of_form(text))
}
