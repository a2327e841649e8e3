//! The page of an order, and the list of all of them.

use maud::{html, Markup};

use super::signin::standing;
use super::{page, yuan};
use crate::core::award::Award;
use crate::core::facts::Interval;
use crate::money::Fen;
use crate::sandbox::attempts::Attempt;
use crate::sandbox::order::Order;
use crate::sandbox::texts::{duration, Lang};
use crate::sandbox::users::User;
use crate::wire::device::{OrderStatus, RenewalData};

/// The action of the button that ends a subscription.
pub const END: &str = "end";

/// What the page shows besides the order.
pub struct Scene<'a> {
    /// The merchant's name.
    pub merchant: &'a str,
    /// Who may pay.
    pub users: Vec<&'a User>,
    /// The order began a subscription that goes on.
    pub subscribed: bool,
    /// The sandbox's clock.
    pub now_ms: i64,
}

/// What the payer sees after the scan.
pub fn phone(lang: Lang, order: &Order, scene: &Scene) -> String {
    let (open, merchant) = (order.is_open(), scene.merchant);
    let body = html! {
        section.card {
            p.merchant dir="auto" { (merchant) }
            p.amount { span.currency { "¥" } (yuan(order.data.price)) }
            @if !open { (outcome(lang, order)) }
            @for award in &order.awards { (won(lang, award)) }
            dl {
                dt { (lang.say("商品", "Item")) } dd dir="auto" { (order.data.subject) }
                @if let Some(renewal) = &order.data.renewal { (plan(lang, renewal)) }
                @if let Some(charge) = &order.charge {
                    dt { (lang.say("续费", "Charge")) }
                    dd dir="auto" { (charge.seq) " · " (charge.ref_order_no) }
                }
                dt { (lang.say("订单号", "Order")) } dd { (order.data.partner_order_no) }
                @if let Some(payer) = &order.payer {
                    dt { (lang.say("付款人", "Payer")) } dd { (payer.as_str()) }
                }
                @if order.paid_ms.is_some() {
                    dt { (lang.say("交易号", "Trade")) } dd { (order.trade_no) }
                }
                @if open {
                    dt { (lang.say("剩余时间", "Time left")) }
                    dd { (duration(order.left_s(scene.now_ms))) }
                }
            }
            @if open {
                (buttons(lang, order, &scene.users))
            } @else {
                @if scene.subscribed { (end_button(lang, order)) }
                @if order.charge.is_none() {
                    p.hint { (lang.say("请回到电视查看结果。", "Look at the TV for the result.")) }
                }
            }
        }
    };
    let title = format!("{} - {merchant}", lang.say("收银台", "Cashier"));
    page(lang, &title, refresh_s(order, scene), &body)
}

/// What is half chosen is not to be thrown away too soon.
fn refresh_s(order: &Order, scene: &Scene) -> Option<u32> {
    let asks = order.payer.is_none() && !scene.users.is_empty();
    order.is_open().then_some(if asks { 60 } else { 10 })
}

fn outcome(lang: Lang, order: &Order) -> Markup {
    let class = match order.status {
        OrderStatus::TradeSuccess => "outcome good",
        _ => "outcome",
    };
    html! {
        p class=(class) role="status" {
            @if order.status == OrderStatus::TradeSuccess { span.tick aria-hidden="true" {} }
            (lang.standing(order))
        }
    }
}

fn won(lang: Lang, award: &Award) -> Markup {
    html! {
        div.won {
            (lang.say("付款奖品：", "Won by paying: ")) b { bdi { (award.name) } }
            @if !award.simple_desc.is_empty() { p.small { bdi { (award.simple_desc) } } }
        }
    }
}

/// The subscription that begins with this charge.
fn plan(lang: Lang, renewal: &RenewalData) -> Markup {
    let often = match renewal.interval {
        Interval::Month => lang.say("每月", "every month"),
        Interval::Season => lang.say("每季", "every three months"),
    };
    let run = |equal: &[Fen]| match equal.len() {
        1 => format!("¥{}", yuan(equal[0])),
        count => format!("¥{} × {count}", yuan(equal[0])),
    };
    let prices: Vec<String> = renewal.prices.chunk_by(|a, b| a == b).map(run).collect();
    html! {
        dt { (lang.say("订阅", "Subscription")) } dd dir="auto" { (renewal.subject) }
        dt { (lang.say("扣款", "Charges")) } dd { (often) ": " (prices.join(", ")) }
        @if let Some(description) = &renewal.description {
            dt { (lang.say("权益", "Entitles to")) } dd dir="auto" { (description) }
        }
    }
}

/// Who pays, for the consumption prizes: only a user who is known can win one.
fn payer(lang: Lang, order: &Order, users: &[&User]) -> Markup {
    html! { @if order.payer.is_none() && !users.is_empty() {
        label.pick {
            span { (lang.say("付款人", "Payer")) }
            select name="payer" {
                option value="" { (lang.say("未登录", "not signed in")) }
                @for user in users {
                    @let id = user.user_id.as_str();
                    option value=(id) { (user.nick) " (" (id) ")" }
                }
            }
        }
    } }
}

fn buttons(lang: Lang, order: &Order, users: &[&User]) -> Markup {
    let no_money = lang.say(
        "余额不足，付款未完成。可以重试。",
        "Not enough money: nothing was paid. You can try again.",
    );
    html! {
        @if order.insufficient { p.warning role="alert" { (no_money) } }
        form method="post" action={ "/Q/" (order.code) "?lang=" (lang.code()) } {
            input type="hidden" name="token" value=(order.form_token);
            (payer(lang, order, users))
            button.pay name="action" value="pay" {
                (lang.say("确认付款", "Pay")) " ¥" (yuan(order.data.price))
            }
            button name="action" value="insufficient" {
                (lang.say("余额不足", "Not enough money"))
            }
            button.quiet name="action" value="cancel" { (lang.say("取消付款", "Cancel")) }
        }
    }
}

/// The payer ends the subscription that the order began.
fn end_button(lang: Lang, order: &Order) -> Markup {
    html! {
        form method="post" action={ "/Q/" (order.code) "?lang=" (lang.code()) } {
            input type="hidden" name="token" value=(order.form_token);
            button.quiet name="action" value=(END) {
                (lang.say("解除自动续费", "End the subscription"))
            }
        }
    }
}

/// What a list of codes shows.
pub struct Index<'a> {
    /// Attempts to sign in that are open, each with the app's name.
    pub attempts: Vec<(String, &'a Attempt)>,
    /// Orders, newest first, each with the merchant's name.
    pub orders: Vec<(String, &'a Order)>,
    /// Whoever looks may use the operator's page.
    pub operator: bool,
}

/// The list of codes that a phone can open.
pub fn index(lang: Lang, index: &Index) -> String {
    let title = lang.say("订单", "Orders");
    let none = lang.say(
        "还没有订单。在电视上发起支付后，订单会出现在这里。",
        "No orders yet. Start a payment on the TV and it appears here.",
    );
    let body = html! {
        @if index.operator {
            p.desk-link { a href={ "/operator?lang=" (lang.code()) } {
                (lang.say("打开操作台", "Open the operator's page"))
            } }
        }
        @if !index.attempts.is_empty() {
            h1 { (lang.say("登录请求", "Sign-ins")) }
            ul.orders { @for (app, attempt) in &index.attempts {
                li { a.card href={ "/A/" (attempt.code) "?lang=" (lang.code()) } {
                    span.row { b dir="auto" { (app) } b { (attempt.code) } }
                    span.small { (standing(lang, attempt).1) }
                } }
            } }
        }
        h1 { (title) }
        @if index.orders.is_empty() { p.hint { (none) } }
        ul.orders {
            @for (merchant, order) in &index.orders {
                li { a.card href={ "/Q/" (order.code) "?lang=" (lang.code()) } {
                    span.row {
                        b dir="auto" { (order.data.subject) }
                        b { "¥" (yuan(order.data.price)) }
                    }
                    span.row.small {
                        span dir="auto" { (merchant) }
                        span class=(state_class(order)) { (lang.standing(order)) }
                    }
                    span.small.number { (order.data.partner_order_no) }
                } }
            }
        }
    };
    page(lang, title, Some(5), &body)
}

/// Colours where an order stands.
pub fn state_class(order: &Order) -> &'static str {
    match order.status {
        OrderStatus::TradeSuccess => "state good",
        OrderStatus::NotScanned | OrderStatus::WaitBuyerPay => "state open",
        OrderStatus::TradeClosed | OrderStatus::TradeRefunded => "state",
    }
}
