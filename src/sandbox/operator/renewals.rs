//! Subscriptions: what was charged, what comes next, and what their users can do.

use maud::{html, Markup};

use super::layout::{moment, nothing, table};
use super::{no_action, Done, View};
use crate::core::facts::Interval;
use crate::limits::ORDERS_LIST_MAX;
use crate::money::Fen;
use crate::sandbox::control::{not_found, renewals};
use crate::sandbox::fields::{required, Fields};
use crate::sandbox::order::Order;
use crate::sandbox::pages::order::state_class;
use crate::sandbox::pages::yuan;
use crate::sandbox::renewal::{Standing, Thread};
use crate::sandbox::state::State;
use crate::sandbox::texts::Lang;
use crate::wire::device::OrderStatus;

/// The newest subscriptions.
pub fn view(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let threads = state.threads().filter(|thread| view.shows(&thread.first.app_key));
    let mut threads = threads.take(ORDERS_LIST_MAX).peekable();
    let columns = [
        lang.say("首笔订单", "First order"),
        lang.say("订阅", "Subscription"),
        lang.say("状态", "State"),
        lang.say("已扣款", "Charges"),
        lang.say("下一笔", "Next"),
        lang.say("操作", "Actions"),
    ];
    html! {
        (view.app_filter(state))
        @if threads.peek().is_none() {
            (nothing(lang.say(
                "还没有订阅。在电视上发起续费首笔支付后，订阅会出现在这里。",
                "No subscriptions yet. Start one on the TV and it appears here.",
            )))
        } @else {
            (table(&columns, &html! { @for thread in threads { (row(view, state, &thread)) } }))
        }
    }
}

fn row(view: &View, state: &State, thread: &Thread) -> Markup {
    let (lang, first) = (view.lang, thread.first);
    let (class, standing) = standing(lang, thread.standing());
    html! {
        tr {
            td {
                a.mono href={ "/Q/" (first.code) "?lang=" (lang.code()) } {
                    (first.data.partner_order_no)
                }
                p.sub { bdi { (state.merchant(first)) } }
                @if let Some(payer) = &first.payer { p.sub.mono { (payer.as_str()) } }
            }
            td {
                bdi { (thread.terms.subject) }
                p.sub { (interval(lang, thread.terms.interval)) " · "
                    (thread.terms.prices.len()) " " (lang.say("期", "charges")) }
            }
            td { span class={ "pill " (class) } { (standing) } }
            td { (charges(lang, thread)) }
            td { (next(view, state, thread)) }
            td { div.actions { (actions(view, thread)) } }
        }
    }
}

/// Colours and says where a subscription stands.
fn standing(lang: Lang, standing: Standing) -> (&'static str, &'static str) {
    match standing {
        Standing::Created => ("open", lang.say("待首笔付款", "First order unpaid")),
        Standing::Active => ("good", lang.say("生效中", "Active")),
        Standing::Finished => ("", lang.say("已扣完", "All charged")),
        Standing::Cancelled => ("", lang.say("用户已解约", "Ended by the user")),
        Standing::Closed => ("", lang.say("已关闭", "Closed")),
    }
}

fn interval(lang: Lang, interval: Interval) -> &'static str {
    match interval {
        Interval::Month => lang.say("每月", "every month"),
        Interval::Season => lang.say("每季", "every three months"),
    }
}

fn charges(lang: Lang, thread: &Thread) -> Markup {
    let of = |order: &Order| order.charge.as_ref().map_or(0, |charge| charge.seq);
    html! {
        @for order in [thread.first].iter().chain(&thread.charges) {
            p.sub {
                (of(order)) " · ¥" (yuan(order.data.price)) " "
                span class=(state_class(order)) { (lang.standing(order)) } " "
                a.mono href={ "/Q/" (order.code) "?lang=" (lang.code()) } {
                    bdi { (order.data.partner_order_no) }
                }
            }
        }
    }
}

fn next(view: &View, state: &State, thread: &Thread) -> Markup {
    let lang = view.lang;
    let Some(next) = thread.next() else { return html! { "–" } };
    let price: Fen = next.price;
    html! {
        (next.seq) " · ¥" (yuan(price))
        p.sub { (moment(next.due_ms)) }
        @if renewals::is_due(state, thread, view.now_ms) {
            span.pill.open { (lang.say("已到期", "Due")) }
        } @else if thread.open().is_some() {
            span.pill { (lang.say("等待付款人", "Waits for its payer")) }
        }
        @if thread.agreement.pay_fail {
            span.pill.bad { (lang.say("扣款将失败", "Will fail")) }
        }
    }
}

fn actions(view: &View, thread: &Thread) -> Markup {
    let lang = view.lang;
    if !thread.standing().is_live() {
        return html! {};
    }
    let fails = thread.agreement.pay_fail;
    let (turn, text) = if fails {
        ("pay_ok", lang.say("恢复扣款", "Let it succeed"))
    } else {
        ("pay_fail", lang.say("让扣款失败", "Make it fail"))
    };
    html! {
        @if thread.next().is_some_and(|next| next.due_ms > view.now_ms) {
            (button(view, thread.first, "due", lang.say("时钟拨到到期日", "Clock to due")))
        }
        (button(view, thread.first, turn, text))
        @if let Some(open) = thread.open() {
            (button(view, open, "pay", lang.say("付款", "Pay")))
            (button(view, open, "cancel", lang.say("关闭", "Close")))
        }
        @if thread.first.status == OrderStatus::TradeSuccess {
            (button(view, thread.first, "end", lang.say("用户解约", "End by user")))
        }
    }
}

fn button(view: &View, order: &Order, action: &str, text: &str) -> Markup {
    let values = [("app_key", &*order.app_key), ("order", &*order.data.partner_order_no)];
    view.button(action, &values, "small", text)
}

/// A button of the list.
pub fn act(action: &str, mut form: Fields, state: &mut State, now_ms: i64) -> Done {
    if matches!(action, "pay" | "cancel") {
        return super::orders::act(action, form, state, now_ms);
    }
    let app_key = required("app_key", form.text("app_key")?)?;
    let name = required("order", form.text("order")?)?;
    form.finish()?;
    let unknown = || not_found("order", format!("there is no subscription of order {name:?}"));
    let first = state.find(&app_key, &name).map(|order| order.number).ok_or_else(unknown)?;
    match action {
        "pay_fail" | "pay_ok" => {
            let fails = action == "pay_fail";
            let changed = state.change_agreement(first, |agreement| agreement.pay_fail = fails);
            changed.then_some(()).ok_or_else(unknown)
        }
        "due" | "end" => renewals::apply(state, first, action, now_ms),
        _ => Err(no_action()),
    }
}
