//! Orders: where each stands, the page of its code, and what can be done to it.

use maud::{html, Markup};

use super::layout::{nothing, table, time};
use super::{no_action, Done, View};
use crate::limits::ORDERS_LIST_MAX;
use crate::sandbox::action::Action;
use crate::sandbox::control::{conflict, not_found};
use crate::sandbox::fields::{required, Fields};
use crate::sandbox::order::Order;
use crate::sandbox::pages::order::state_class;
use crate::sandbox::pages::yuan;
use crate::sandbox::state::State;
use crate::wire::device::OrderStatus;

/// The newest orders.
pub fn view(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let mut orders =
        state.newest().filter(|o| view.shows(&o.app_key)).take(ORDERS_LIST_MAX).peekable();
    let columns = [
        lang.say("时间", "Time"),
        lang.say("订单号", "Order"),
        lang.say("商品", "Item"),
        lang.say("金额", "Amount"),
        lang.say("状态", "State"),
        lang.say("场景", "Scenario"),
        lang.say("操作", "Actions"),
    ];
    html! {
        (view.app_filter(state))
        @if orders.peek().is_none() {
            (nothing(lang.say(
                "还没有订单。在电视上发起支付后，订单会出现在这里。",
                "No orders yet. Start a payment on the TV and it appears here.",
            )))
        } @else {
            (table(&columns, &html! { @for order in orders { (row(view, state, order)) } }))
        }
    }
}

fn row(view: &View, state: &State, order: &Order) -> Markup {
    let lang = view.lang;
    html! {
        tr {
            td { (time(order.created_ms)) }
            td {
                a.mono href={ "/Q/" (order.code) "?lang=" (lang.code()) } {
                    (order.data.partner_order_no)
                }
                p.sub { bdi { (state.merchant(order)) } }
                @if let Some(charge) = &order.charge {
                    p.sub { (lang.say("续费", "Charge")) " " (charge.seq) " · "
                        span.mono { bdi { (charge.ref_order_no) } } }
                }
            }
            td {
                bdi { (order.data.subject) }
                @if let Some(id) = &order.data.subject_id { p.sub.mono { bdi { (id) } } }
            }
            td.number { "¥" (yuan(order.data.price)) }
            td {
                span class={ "pill " (state_class(order)) } { (lang.standing(order)) }
                @if order.is_open() && order.insufficient {
                    p.sub { (lang.say("余额不足", "Not enough money")) }
                }
            }
            td.mono { (order.setting.scenario.name()) }
            td { div.actions { @for (action, text) in actions(view, order) {
                (button(view, order, action, text))
            } } }
        }
    }
}

/// What can be done to an order as it stands.
fn actions(view: &View, order: &Order) -> Vec<(&'static str, &'static str)> {
    let lang = view.lang;
    match order.status {
        OrderStatus::NotScanned | OrderStatus::WaitBuyerPay => {
            let scan = (order.scanned_ms.is_none()).then(|| ("scan", lang.say("扫码", "Scan")));
            let others = [
                ("pay", lang.say("付款", "Pay")),
                ("insufficient", lang.say("余额不足", "No money")),
                ("cancel", lang.say("取消", "Cancel")),
                ("expire", lang.say("过期", "Expire")),
            ];
            scan.into_iter().chain(others).collect()
        }
        OrderStatus::TradeSuccess => vec![("refund", lang.say("退款", "Refund"))],
        OrderStatus::TradeClosed | OrderStatus::TradeRefunded => Vec::new(),
    }
}

fn button(view: &View, order: &Order, action: &str, text: &str) -> Markup {
    let class = if action == "pay" { "small main" } else { "small" };
    let values = [("app_key", &*order.app_key), ("order", &*order.data.partner_order_no)];
    view.button(action, &values, class, text)
}

/// A button of the list.
pub fn act(action: &str, mut form: Fields, state: &mut State, now_ms: i64) -> Done {
    let action = Action::parse(action).ok_or_else(no_action)?;
    let app_key = required("app_key", form.text("app_key")?)?;
    let name = required("order", form.text("order")?)?;
    form.finish()?;
    let unknown = || not_found("order", format!("there is no order {name:?}"));
    let number = state.find(&app_key, &name).ok_or_else(unknown)?.number;
    let applied = state.change(number, |order| action.apply(order, now_ms));
    applied.ok_or_else(unknown)?.map_err(|why| conflict("order", why))
}
