//! Pages that a game or a QR code leads to: the H5 pages of an app, its lotteries, where an
//! award is claimed or used, and its goods.

use maud::{html, Markup};

use super::{page, yuan};
use crate::core::award::LuckyType;
use crate::core::report::WebKind;
use crate::money::Fen;
use crate::sandbox::lottery::Activity;
use crate::sandbox::prize::Prize;
use crate::sandbox::settings::H5Page;
use crate::sandbox::texts::Lang;
use crate::wire::time::format_gmt8;

/// A start, custom or exit page, with the parameters the game gave it.
pub fn h5(
    lang: Lang,
    app: &str,
    kind: WebKind,
    shown: &H5Page,
    params: &[(String, String)],
) -> String {
    let title = if shown.title.is_empty() { kind_name(lang, kind) } else { &shown.title };
    let body = html! {
        section.card {
            p.merchant dir="auto" { (app) }
            h1.center dir="auto" { (title) }
            @for line in shown.text.lines() { p dir="auto" { (line) } }
            @if !params.is_empty() {
                p.small { (lang.say("应用传入的参数", "Parameters from the app")) }
                dl.params { @for (name, value) in params {
                    dt { bdi { (name) } } dd { bdi { (value) } }
                } }
            }
            p.hint { (kind_name(lang, kind)) }
        }
    };
    page(lang, title, None, &body)
}

/// What a page is for.
pub fn kind_name(lang: Lang, kind: WebKind) -> &'static str {
    match kind {
        WebKind::Start => lang.say("启动页", "Start page"),
        WebKind::Custom => lang.say("自定义页", "Custom page"),
        WebKind::Exit => lang.say("退出页", "Exit page"),
    }
}

/// A lottery and what can be won.
pub fn activity(lang: Lang, app: &str, activity: &Activity, now_ms: i64) -> String {
    let end = format_gmt8(activity.end_time.ms());
    let body = html! {
        section.card {
            p.merchant dir="auto" { (app) }
            h1.center dir="auto" { (activity.name) }
            @if !activity.is_on(now_ms) {
                p.warning { (lang.say("活动未开始或已结束。", "It has not begun or is over.")) }
            }
            dl {
                dt { (lang.say("开始", "Begins")) } dd { (format_gmt8(activity.start_time.ms())) }
                dt { (lang.say("结束", "Ends")) } dd { (end) }
                dt { (lang.say("每次抽奖", "A draw")) } dd { (cost(lang, activity)) }
            }
            ul.prizes { @for prize in &activity.awards { li {
                b dir="auto" { (prize.name) }
                span.small dir="auto" { (prize.type_name) }
                @if !prize.simple_desc.is_empty() { p.small dir="auto" { (prize.simple_desc) } }
            } } }
            p.hint { (lang.say("请在电视上抽奖。", "Draw on the TV.")) }
        }
    };
    page(lang, &activity.name, None, &body)
}

/// What a draw costs, in words.
pub fn cost(lang: Lang, activity: &Activity) -> String {
    let free = activity.access_amount;
    let points = activity.consume_amount;
    match (activity.lucky_type, lang) {
        (LuckyType::Free, Lang::Zh) => format!("免费 {free} 次"),
        (LuckyType::Free, Lang::En) => format!("{free} free"),
        (LuckyType::Consuming, Lang::Zh) => format!("{points} 积分"),
        (LuckyType::Consuming, Lang::En) => format!("{points} points"),
        (LuckyType::Mixed, Lang::Zh) => format!("免费 {free} 次，之后 {points} 积分"),
        (LuckyType::Mixed, Lang::En) => format!("{free} free, then {points} points"),
    }
}

/// Where an award is claimed or used.
pub fn award(lang: Lang, app: &str, prize: &Prize) -> String {
    let full = if prize.full_desc.is_empty() { &prize.simple_desc } else { &prize.full_desc };
    let body = html! {
        section.card {
            p.merchant dir="auto" { (app) }
            h1.center dir="auto" { (prize.name) }
            dl {
                @if !prize.type_name.is_empty() {
                    dt { (lang.say("类型", "Kind")) } dd { bdi { (prize.type_name) } }
                }
                dt { (lang.say("数量", "Amount")) } dd { (prize.amount) " " bdi { (prize.unit) } }
                @if let Ok(fen) = Fen::new(prize.price_fen) {
                    dt { (lang.say("价值", "Worth")) } dd { "¥" (yuan(fen)) }
                }
            }
            @if !full.is_empty() { p dir="auto" { (full) } }
            @if !prize.hyperlink_desc.is_empty() { p dir="auto" { (prize.hyperlink_desc) } }
            p.hint { (lang.say(
                "在正式平台上，中奖者在此填写收货地址或使用优惠。沙箱不发奖品。",
                "On the platform the winner gives an address or uses the discount here. \
                 The sandbox sends nothing.",
            )) }
        }
    };
    page(lang, &prize.name, None, &body)
}

/// A product that somebody has ordered.
pub struct Product<'a> {
    /// As the payer read it.
    pub title: &'a str,
    /// The merchant's product id.
    pub subject_id: Option<&'a str>,
    /// What it cost last.
    pub price: Fen,
}

/// The app's goods, as far as orders have told.
pub fn goods(lang: Lang, app: &str, products: &[Product]) -> String {
    let title = lang.say("商品", "Goods");
    let body = html! {
        section.card {
            p.merchant dir="auto" { (app) }
            h1.center { (title) }
            (goods_list(lang, products))
        }
    };
    page(lang, title, None, &body)
}

fn goods_list(lang: Lang, products: &[Product]) -> Markup {
    html! {
        @if products.is_empty() {
            p.hint { (lang.say(
                "还没有商品：应用下单后，商品会出现在这里。",
                "No goods yet: what the app sells appears here once it is ordered.",
            )) }
        }
        ul.prizes { @for product in products { li {
            span.row { b dir="auto" { (product.title) } b { "¥" (yuan(product.price)) } }
            @if let Some(id) = product.subject_id { span.small { bdi { (id) } } }
        } } }
    }
}
