//! Calls at the gateway, newest first.

use maud::{html, Markup};

use super::layout::{nothing, table, time};
use super::View;
use crate::sandbox::calls::Logged;
use crate::sandbox::state::State;

/// All calls that are remembered.
pub fn view(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let columns = [
        lang.say("时间", "Time"),
        lang.say("应用", "App"),
        lang.say("方法", "Method"),
        lang.say("对象", "About"),
        lang.say("应答", "Answer"),
        lang.say("次数", "Times"),
    ];
    view.shared.look_at_calls(|calls| {
        let shown = |l: &&Logged| l.call.app_key.as_deref().is_none_or(|key| view.shows(key));
        let mut calls = calls.newest().filter(shown).peekable();
        html! {
            (view.app_filter(state))
            @if calls.peek().is_none() {
                (nothing(lang.say("还没有调用。", "Nobody has called yet.")))
            } @else {
                (table(&columns, &html! { @for logged in calls { (row(state, logged)) } }))
            }
        }
    })
}

fn row(state: &State, logged: &Logged) -> Markup {
    let call = &logged.call;
    html! {
        tr {
            td { (time(logged.at_ms)) }
            td { @if let Some(key) = &call.app_key { bdi { (state.app_name(key)) } } }
            td.mono { bdi { (call.method) } }
            td.mono { bdi { (call.about) } }
            td { span class={ "pill mono " @if call.bad { "bad" } } { bdi { (call.result) } } }
            td { @if logged.times > 1 { "× " (logged.times) } }
        }
    }
}
