//! Attempts to sign in: where each stands, and the page of its code.

use maud::{html, Markup};

use super::layout::{nothing, table, time};
use super::View;
use crate::limits::ORDERS_LIST_MAX;
use crate::sandbox::attempts::{Attempt, Step};
use crate::sandbox::pages::signin::standing;
use crate::sandbox::state::State;
use crate::sandbox::texts::duration;

/// The newest attempts.
pub fn view(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let columns = [
        lang.say("时间", "Time"),
        lang.say("应用", "App"),
        lang.say("请求", "Attempt"),
        lang.say("状态", "State"),
        lang.say("用户", "User"),
        lang.say("剩余", "Left"),
        lang.say("手机页面", "Phone page"),
    ];
    let attempts = state.attempts().newest().filter(|attempt| view.shows(&attempt.app_key));
    let mut attempts = attempts.take(ORDERS_LIST_MAX).peekable();
    html! {
        (view.app_filter(state))
        @if attempts.peek().is_none() {
            (nothing(lang.say(
                "还没有登录请求。在电视上登录后，请求会出现在这里。",
                "Nobody has tried to sign in. Begin on the TV and it appears here.",
            )))
        } @else {
            (table(&columns, &html! {
                @for attempt in attempts { (row(view, state, attempt)) }
            }))
        }
    }
}

fn row(view: &View, state: &State, attempt: &Attempt) -> Markup {
    let lang = view.lang;
    let (_, text) = standing(lang, attempt);
    let kind = if attempt.authorise {
        lang.say("授权", "Authorise")
    } else {
        lang.say("登录", "Sign in")
    };
    html! {
        tr {
            td { (time(attempt.created_ms)) }
            td { bdi { (state.app_name(&attempt.app_key)) }
                @if let Some(device) = &attempt.device_id { p.sub.mono { bdi { (device) } } } }
            td { (kind) p.sub.mono { bdi { (attempt.attempt) } } }
            td { span class={ "pill " (class(attempt)) } { (text) } }
            td.mono { @if let Some(user_id) = &attempt.user_id { (user_id.as_str()) } }
            td { @if attempt.is_open() { (duration(attempt.left_s(view.now_ms))) } }
            td { a.mono href={ "/A/" (attempt.code) "?lang=" (lang.code()) } { (attempt.code) } }
        }
    }
}

fn class(attempt: &Attempt) -> &'static str {
    match attempt.step {
        Step::Granted { .. } => "good",
        Step::Waiting | Step::Scanned | Step::Asked => "open",
        Step::Denied => "bad",
        Step::Expired | Step::Replaced | Step::Cancelled => "",
    }
}
