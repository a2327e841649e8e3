//! The pages as HTML. Every text goes through maud, which escapes it. No script, no brand.

use maud::{html, Markup, PreEscaped, DOCTYPE};

use super::order::Order;
use super::texts::Texts;
use crate::money::Fen;
use crate::wire::device::OrderStatus;

/// The style sheet, served as `/style.css`.
pub const STYLE: &str = include_str!("style.css");

/// The frame around every page. `refresh_s`: the page looks again by itself.
fn page(texts: &Texts, title: &str, refresh_s: Option<u32>, body: &Markup) -> String {
    let html = html! {
        (DOCTYPE)
        html lang=(texts.tag) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                @if let Some(seconds) = refresh_s {
                    meta http-equiv="refresh" content=(seconds);
                }
                title { (title) }
                link rel="stylesheet" href="/style.css";
            }
            body {
                p.banner role="note" { (texts.banner) }
                main { (body) }
                footer { a href={ "?lang=" (texts.other.0) } { (texts.other.1) } }
            }
        }
    };
    html.into_string()
}

fn yuan(fen: Fen) -> String {
    format!("{}.{:02}", fen.get() / 100, fen.get() % 100)
}

/// What the payer sees after the scan.
pub fn phone(texts: &Texts, merchant: &str, order: &Order, now_ms: i64) -> String {
    let open = order.is_open();
    let body = html! {
        section.card {
            p.merchant dir="auto" { (merchant) }
            p.amount { span.currency { "¥" } (yuan(order.data.price)) }
            @if !open { (outcome(texts, order)) }
            dl {
                dt { (texts.item) } dd dir="auto" { (order.data.subject) }
                dt { (texts.order) } dd { (order.data.partner_order_no) }
                @if order.paid_ms.is_some() {
                    dt { (texts.trade) } dd { (order.trade_no) }
                }
                @if open {
                    dt { (texts.left) } dd { (texts.duration(order.left_s(now_ms))) }
                }
            }
            @if open { (buttons(texts, order)) } @else { p.hint { (texts.done_hint) } }
        }
    };
    page(texts, &format!("{} - {merchant}", texts.title), open.then_some(10), &body)
}

fn outcome(texts: &Texts, order: &Order) -> Markup {
    let class = match order.status {
        OrderStatus::TradeSuccess => "outcome good",
        _ => "outcome",
    };
    html! {
        p class=(class) role="status" {
            @if order.status == OrderStatus::TradeSuccess { span.tick aria-hidden="true" {} }
            (texts.standing(order))
        }
    }
}

fn buttons(texts: &Texts, order: &Order) -> Markup {
    html! {
        @if order.insufficient { p.warning role="alert" { (texts.no_money) } }
        form method="post" action={ "/Q/" (order.code) "?lang=" (texts.code) } {
            input type="hidden" name="token" value=(order.form_token);
            button.pay name="action" value="pay" {
                (texts.pay) " ¥" (yuan(order.data.price))
            }
            button name="action" value="insufficient" { (texts.insufficient) }
            button.quiet name="action" value="cancel" { (texts.cancel) }
        }
    }
}

/// The list of orders, newest first.
pub fn index<'a>(texts: &Texts, orders: impl Iterator<Item = (String, &'a Order)>) -> String {
    let mut orders = orders.peekable();
    let body = html! {
        h1 { (texts.orders) }
        @if orders.peek().is_none() { p.hint { (texts.no_orders) } }
        ul.orders {
            @for (merchant, order) in orders {
                li { a.card href={ "/Q/" (order.code) "?lang=" (texts.code) } {
                    span.row {
                        b dir="auto" { (order.data.subject) }
                        b { "¥" (yuan(order.data.price)) }
                    }
                    span.row.small {
                        span dir="auto" { (merchant) }
                        span class=(state_class(order)) { (texts.standing(order)) }
                    }
                    span.small.number { (order.data.partner_order_no) }
                } }
            }
        }
    };
    page(texts, texts.orders, Some(5), &body)
}

fn state_class(order: &Order) -> &'static str {
    match order.status {
        OrderStatus::TradeSuccess => "state good",
        OrderStatus::NotScanned | OrderStatus::WaitBuyerPay => "state open",
        OrderStatus::TradeClosed | OrderStatus::TradeRefunded => "state",
    }
}

/// A page that says what is wrong.
pub fn message(texts: &Texts, title: &str, hint: &str) -> String {
    let body = html! { section.card { p.outcome { (title) } p.hint { (hint) } } };
    page(texts, title, None, &body)
}

/// A message of the sandbox itself, before there is a language.
pub fn plain(title: &str) -> String {
    let html = html! {
        (DOCTYPE) title { (title) } (PreEscaped("\n")) p { (title) }
    };
    html.into_string()
}
