//! The event log, newest first.

use maud::{html, Markup};

use super::layout::{nothing, table, time};
use super::View;
use crate::sandbox::events::Event;
use crate::sandbox::state::State;

/// All events that are remembered.
pub fn view(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let columns = [
        lang.say("时间", "Time"),
        lang.say("应用", "App"),
        lang.say("事件", "Event"),
        lang.say("内容", "Text"),
    ];
    let shown = |event: &&Event| event.app_key.as_deref().is_none_or(|key| view.shows(key));
    let mut events = state.events().newest().filter(shown).peekable();
    html! {
        (view.app_filter(state))
        @if events.peek().is_none() {
            (nothing(lang.say("还没有事件。", "Nothing has happened yet.")))
        } @else {
            (table(&columns, &html! { @for event in events { tr {
                td { (time(event.at_ms)) }
                td { @if let Some(key) = &event.app_key { bdi { (state.app_name(key)) } } }
                td.mono { (event.what) }
                td { bdi { (event.text) } }
            } } }))
        }
    }
}
