//! Notifies: what the merchants' servers were told, each attempt, and a button to tell again.

use maud::{html, Markup};

use super::layout::{encode, moment, nothing, table, time};
use super::{no_action, Done, View};
use crate::limits::ORDERS_LIST_MAX;
use crate::sandbox::control::{conflict, not_found};
use crate::sandbox::fields::{required, Fields};
use crate::sandbox::notifier::{Attempt, Item, Kind, Stage};
use crate::sandbox::state::State;
use crate::sandbox::texts::Lang;

/// The newest notifies, or the one that was asked for.
pub fn view(view: &View, state: &State) -> Markup {
    let asked = view.asked.notify.as_deref();
    match asked.map(|number| number.parse().ok().and_then(|n| state.notifies().get(n))) {
        Some(Some(item)) => one(view, state, item),
        Some(None) => html! {
            (back(view))
            (nothing(view.lang.say("没有这个通知。", "There is no such notify.")))
        },
        None => list(view, state),
    }
}

fn list(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let shown = state.notifies().newest().filter(|item| view.shows(&item.app_key));
    let mut shown = shown.take(ORDERS_LIST_MAX).peekable();
    let columns = [
        lang.say("时间", "Time"),
        lang.say("通知", "Notify"),
        lang.say("订单号", "Order"),
        lang.say("内容", "Says"),
        lang.say("状态", "State"),
        lang.say("次数", "Attempts"),
        lang.say("最近应答", "Last answer"),
        lang.say("操作", "Actions"),
    ];
    html! {
        (view.app_filter(state))
        @if shown.peek().is_none() {
            (nothing(lang.say(
                "还没有通知。带通知地址的订单付款后，通知会出现在这里。",
                "No notifies yet. One appears here when an order with a notify URL is paid.",
            )))
        } @else {
            (table(&columns, &html! { @for item in shown { (row(view, state, item)) } }))
        }
    }
}

fn row(view: &View, state: &State, item: &Item) -> Markup {
    html! {
        tr {
            td { (time(item.created_ms)) }
            td { a.mono href=(link(view, item)) { "#" (item.number) } (kind(view.lang, item)) }
            td { span.mono { (item.order) } p.sub { bdi { (state.app_name(&item.app_key)) } } }
            td.mono { (item.order_status) }
            td { (stage(view.lang, item)) }
            td.number { (item.sent) }
            td { @if let Some(last) = item.attempts.back() { (answer(view.lang, last)) } }
            td { div.actions { (resend(view, item)) } }
        }
    }
}

fn link(view: &View, item: &Item) -> String {
    let link = format!("?lang={}&notify={}", view.lang.code(), item.number);
    match &view.asked.app_key {
        Some(key) => format!("{link}&app_key={}", encode(key)),
        None => link,
    }
}

fn back(view: &View) -> Markup {
    html! { p.toolbar { a href={ "?lang=" (view.lang.code()) } {
        (view.lang.say("全部通知", "All notifies"))
    } } }
}

fn one(view: &View, state: &State, item: &Item) -> Markup {
    let lang = view.lang;
    let columns = [
        lang.say("时间", "Time"),
        lang.say("方法", "Method"),
        lang.say("应答", "Answer"),
        lang.say("用时", "Took"),
        "data",
    ];
    html! {
        (back(view))
        section.card {
            div.title { h2 { "#" (item.number) " " (item.order) } (stage(lang, item)) }
            dl {
                dt { (lang.say("应用", "App")) } dd { bdi { (state.app_name(&item.app_key)) } }
                dt { "URL" } dd.mono { bdi { (item.url) } }
                dt { (lang.say("明文", "Plaintext")) } dd.mono { bdi { (item.message) } }
                dt { (lang.say("密钥", "Key")) } dd { (lang.say_kind(item.kind)) }
                @if let Some(due_ms) = item.due_ms {
                    dt { (lang.say("下次发送", "Next attempt")) } dd { (moment(due_ms)) }
                }
            }
            div.actions { (resend(view, item)) }
        }
        @if item.attempts.is_empty() {
            (nothing(lang.say("还没有发送过。", "It was not sent yet.")))
        } @else {
            (table(&columns, &html! { @for attempt in item.attempts.iter().rev() {
                (attempt_row(lang, attempt))
            } }))
        }
    }
}

fn attempt_row(lang: Lang, attempt: &Attempt) -> Markup {
    html! {
        tr {
            td { (moment(attempt.at_ms)) }
            td.mono { (attempt.method.name().to_ascii_uppercase()) }
            td { (answer(lang, attempt)) }
            td.number { (attempt.took_ms) " ms" }
            td { @if !attempt.data.is_empty() {
                details { summary { (attempt.data.len()) } pre { (attempt.data) } }
            } }
        }
    }
}

fn answer(lang: Lang, attempt: &Attempt) -> Markup {
    let class = if attempt.acked { "pill good" } else { "pill bad" };
    let text = attempt.trouble.as_deref().unwrap_or(&attempt.answer);
    html! {
        span class=(class) { @match attempt.status {
            Some(status) => { (status) },
            None => { (lang.say("无应答", "no answer")) },
        } }
        @if !text.is_empty() { p.sub.mono { bdi { (text) } } }
    }
}

fn kind(lang: Lang, item: &Item) -> Markup {
    html! { @if item.kind != Kind::Real { p.sub { (lang.say_kind(item.kind)) } } }
}

fn stage(lang: Lang, item: &Item) -> Markup {
    let (class, text) = match item.stage {
        Stage::Waiting if item.is_sending() => ("warn", lang.say("发送中", "being sent")),
        Stage::Waiting if item.held => ("warn", lang.say("压后", "held back")),
        Stage::Waiting => ("open", lang.say("等待发送", "waiting")),
        Stage::Acked => ("good", lang.say("已确认", "acknowledged")),
        Stage::GivenUp => ("bad", lang.say("已放弃", "given up")),
        Stage::Lost => ("bad", lang.say("从不发送", "never sent")),
    };
    html! {
        span class={ "pill " (class) } { (text) }
        @if let Some(due_ms) = item.due_ms.filter(|_| !item.is_sending()) {
            p.sub { (moment(due_ms)) }
        }
    }
}

fn resend(view: &View, item: &Item) -> Markup {
    let text = view.lang.say("重发", "Send again");
    view.button("resend", &[("notify", &item.number.to_string())], "small", text)
}

impl Lang {
    fn say_kind(self, kind: Kind) -> &'static str {
        match kind {
            Kind::Real => self.say("商户公钥", "the merchant's public key"),
            Kind::Forged => self.say("伪造（商户公钥）", "forged, with the merchant's public key"),
            Kind::WrongKey => self.say("别家的公钥", "another merchant's public key"),
        }
    }
}

/// The button.
pub fn act(action: &str, mut form: Fields, state: &mut State) -> Done {
    if action != "resend" {
        return Err(no_action());
    }
    let number = required("notify", form.number("notify", 1, i64::MAX)?)?;
    form.finish()?;
    let unknown = || not_found("notify", format!("there is no notify {number}"));
    let number = u64::try_from(number).map_err(|_| unknown())?;
    state.notifies().get(number).ok_or_else(unknown)?;
    state.resend_notify(number).map_err(|why| conflict("notify", why))
}
