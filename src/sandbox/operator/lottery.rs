//! Activities with their odds and stock, what paying for a product may win, and the ledger of
//! draws.

use maud::{html, Markup};

use super::layout::{app_choice, field, nothing, table, time};
use super::{no_action, Done, View};
use crate::core::award::LuckyType;
use crate::core::facts::EventKey;
use crate::limits::{
    EVENT_KEY_BYTES_MAX, NAME_CHARS_MAX, SANDBOX_POINTS_MAX, SUBJECT_ID_CHARS_MAX,
};
use crate::sandbox::check;
use crate::sandbox::control::{checked, conflict, not_found};
use crate::sandbox::fields::{required, ApiError, Fields};
use crate::sandbox::gmt8::Gmt8;
use crate::sandbox::lottery::{Activity, Cost, Draw, Drawn};
use crate::sandbox::pages::web::cost;
use crate::sandbox::prize::{Prize, ProductPrize};
use crate::sandbox::state::State;
use crate::sandbox::texts::Lang;
use crate::wire::time::format_gmt8;

/// Draws above the activities; the control API lists more.
const DRAWS_SHOWN: usize = 20;
/// How long an activity that is made here runs.
const NEW_ACTIVITY_MS: i64 = 30 * 86_400_000;

/// Activities, products and draws.
pub fn view(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let activities = state.lottery().activities.iter().filter(|a| view.shows(&a.app_key));
    let products = state.prizes().iter().filter(|product| view.shows(&product.app_key));
    html! {
        (view.app_filter(state))
        h2 { (lang.say("最近的抽奖", "Latest draws")) }
        (draws(view, state))
        h2 { (lang.say("活动", "Activities")) }
        div.stack { @for activity in activities { (card(view, state, activity)) } }
        details.more {
            summary { (lang.say("新建活动", "New activity")) }
            (view.form("create", &create_fields(lang, state)))
        }
        h2 { (lang.say("消费抽奖：付款后可能得到的奖品", "Consumption prizes: won by paying")) }
        div.stack { @for product in products { (product_card(view, state, product)) } }
        details.more {
            summary { (lang.say("新建消费抽奖", "New consumption prize")) }
            (view.form("add_prize", &html! {
                (field(lang.say("应用", "App"), &app_choice(state)))
                (field("subject_id", &html! {
                    input name="subject_id" required maxlength=(SUBJECT_ID_CHARS_MAX);
                }))
                (prize_fields(lang))
            }))
        }
    }
}

fn card(view: &View, state: &State, activity: &Activity) -> Markup {
    let lang = view.lang;
    let id = activity.activity_id.as_str();
    let on = activity.is_on(view.now_ms);
    let period =
        [activity.start_time, activity.end_time].map(|at| format_gmt8(at.ms())).join(" – ");
    html! {
        section.card {
            div.title {
                h2 { bdi { (activity.name) } }
                @if on { span.pill.good { (lang.say("进行中", "On")) } }
                @else { span.pill { (lang.say("未进行", "Off")) } }
            }
            p.sub {
                bdi { (state.app_name(&activity.app_key)) } " · "
                span.mono { (activity.event_key.as_str()) } " · " (cost(lang, activity)) " · "
                (period)
            }
            @if activity.confirm_secret.is_some() {
                p.sub { (lang.say("抽奖需要 confirmKey", "A draw needs a confirmKey")) }
            }
            @if !activity.behavior_keys.is_empty() {
                p.sub { "behaviorKey: " @for key in &activity.behavior_keys {
                    span.pill.mono { (key.as_str()) } " "
                } }
            }
            (view.form("change", &html! {
                input type="hidden" name="activity_id" value=(id);
                (odds(lang, &activity.awards, activity.lose_weight))
                (price(lang, activity))
                button.main { (lang.say("保存", "Save")) }
            }))
            details.more {
                summary { (lang.say("添加奖品", "Add an award")) }
                (view.form("add_award", &html! {
                    input type="hidden" name="activity_id" value=(id);
                    (prize_fields(lang))
                }))
            }
            div.actions {
                @if on {
                    (view.button("end", &[("activity_id", id)], "small",
                        lang.say("立即结束", "End now")))
                }
                (view.button("remove", &[("activity_id", id)], "small",
                    lang.say("删除活动", "Remove")))
            }
        }
    }
}

/// What a draw costs; only what its kind knows.
fn price(lang: Lang, activity: &Activity) -> Markup {
    html! {
        @if activity.lucky_type != LuckyType::Free {
            (field(lang.say("积分/次", "Points a draw"), &html! {
                input type="number" name="consume_amount" min="1" max=(SANDBOX_POINTS_MAX)
                    value=(activity.consume_amount);
            }))
        }
        @if activity.lucky_type != LuckyType::Consuming {
            (field(lang.say("免费次数", "Free draws"), &html! {
                input type="number" name="access_amount" min="0" max=(SANDBOX_POINTS_MAX)
                    value=(activity.access_amount);
            }))
        }
    }
}

fn product_card(view: &View, state: &State, product: &ProductPrize) -> Markup {
    let lang = view.lang;
    let of = [("app_key", &*product.app_key), ("subject_id", &*product.subject_id)];
    html! {
        section.card {
            div.title { h2.mono { bdi { (product.subject_id) } } }
            p.sub { bdi { (state.app_name(&product.app_key)) } }
            (view.form("change_prize", &html! {
                @for (name, value) in of { input type="hidden" name=(name) value=(value); }
                (odds(lang, &product.awards, product.lose_weight))
                button.main { (lang.say("保存", "Save")) }
            }))
            div.actions { (view.button("remove_prize", &of, "small", lang.say("删除", "Remove"))) }
        }
    }
}

/// A table of what can be won, with a field for each weight and stock.
fn odds(lang: Lang, awards: &[Prize], lose_weight: u32) -> Markup {
    let all: u64 =
        awards.iter().map(|prize| u64::from(prize.weight)).sum::<u64>() + u64::from(lose_weight);
    let columns = [
        lang.say("奖品", "Award"),
        lang.say("发放", "Hands out"),
        lang.say("权重", "Weight"),
        lang.say("概率", "Chance"),
        lang.say("库存（空为无限）", "Stock (empty: no end)"),
    ];
    let rows = html! {
        @for (at, prize) in awards.iter().enumerate() { tr {
            td { bdi { (prize.name) }
                p.sub { span.mono { (prize.award_id) } " " bdi { (prize.type_name) } } }
            td { (hands_out(lang, prize)) }
            td { (number(&format!("weight{at}"), Some(prize.weight), lang.say("权重", "Weight"))) }
            td.number { (percent(prize.weight, all)) }
            td { (number(&format!("stock{at}"), prize.stock, lang.say("库存", "Stock"))) }
        } }
        tr {
            td { (lang.say("未中奖", "Nothing")) }
            td {}
            td { (number("lose_weight", Some(lose_weight), lang.say("权重", "Weight"))) }
            td.number { (percent(lose_weight, all)) }
            td {}
        }
    };
    html! { div.whole { (table(&columns, &rows)) } }
}

fn hands_out(lang: Lang, prize: &Prize) -> Markup {
    html! {
        @if prize.points > 0 { p { (prize.points) " " (lang.say("积分", "points")) } }
        @if let Some(item) = &prize.gift_item {
            p { (lang.say("礼包", "Gift")) " " span.mono { (item) } }
        }
        @if !prize.hyperlink_url.is_empty() {
            p.sub.mono { bdi { (prize.hyperlink_url) } }
        }
    }
}

fn number(name: &str, value: Option<u32>, label: &str) -> Markup {
    html! { input type="number" name=(name) min="0" max=(u32::MAX) value=[value] aria-label=(label); }
}

/// Two decimals, cut off.
fn percent(weight: u32, all: u64) -> String {
    match (u64::from(weight) * 10_000).checked_div(all) {
        Some(parts) => format!("{}.{:02}%", parts / 100, parts % 100),
        None => "-".into(),
    }
}

fn create_fields(lang: Lang, state: &State) -> Markup {
    html! {
        (field(lang.say("应用", "App"), &app_choice(state)))
        (field("eventKey", &html! {
            input name="event_key" required maxlength=(EVENT_KEY_BYTES_MAX) pattern="[!-~]+";
        }))
        (field(lang.say("名称", "Name"), &html! {
            input name="name" required maxlength=(NAME_CHARS_MAX);
        }))
        (field(lang.say("类型", "Kind"), &html! { select name="lucky_type" {
            option value="free" { (lang.say("免费", "free")) }
            option value="consuming" { (lang.say("消耗积分", "consuming")) }
            option value="mixed" { (lang.say("混合", "mixed")) }
        } }))
        (field(lang.say("积分/次", "Points a draw"), &html! {
            input type="number" name="consume_amount" min="0" max=(SANDBOX_POINTS_MAX) value="0";
        }))
        (field(lang.say("免费次数", "Free draws"), &html! {
            input type="number" name="access_amount" min="0" max=(SANDBOX_POINTS_MAX) value="3";
        }))
        (field(lang.say("未中奖权重", "Weight of nothing"), &html! {
            input type="number" name="lose_weight" min="1" max=(u32::MAX) value="1";
        }))
        button.main { (lang.say("新建（30 天）", "Create, for 30 days")) }
    }
}

fn prize_fields(lang: Lang) -> Markup {
    html! {
        (field(lang.say("奖品名称", "Award"), &html! {
            input name="name" required maxlength=(NAME_CHARS_MAX);
        }))
        (field(lang.say("类型名称", "Name of its kind"), &html! {
            input name="type_name" maxlength=(NAME_CHARS_MAX);
        }))
        (field(lang.say("权重", "Weight"), &number("weight", Some(1), "weight")))
        (field(lang.say("库存（空为无限）", "Stock (empty: no end)"), &number("stock", None, "stock")))
        (field(lang.say("积分", "Points"), &html! {
            input type="number" name="points" min="0" max=(SANDBOX_POINTS_MAX);
        }))
        (field(lang.say("礼包 cp_item_id", "Gift cp_item_id"), &html! {
            input name="gift_item" maxlength=(NAME_CHARS_MAX);
        }))
        (field(lang.say("链接", "Link"), &html! { input name="hyperlink_url"; }))
        (field(lang.say("链接文案", "Text beside it"), &html! { input name="hyperlink_desc"; }))
        button.main { (lang.say("添加", "Add")) }
    }
}

fn draws(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let columns = [
        lang.say("时间", "Time"),
        lang.say("用户", "User"),
        "eventKey",
        lang.say("消耗", "Cost"),
        lang.say("结果", "Result"),
        lang.say("剩余", "Left"),
    ];
    let draws = state.lottery().newest_draws().filter(|draw| view.shows(&draw.app_key));
    let mut draws = draws.take(DRAWS_SHOWN).peekable();
    if draws.peek().is_none() {
        return nothing(lang.say("还没有抽奖。", "Nobody has drawn yet."));
    }
    table(
        &columns,
        &html! { @for draw in draws { tr {
            td { (time(draw.at_ms)) }
            td { span.mono { (draw.user_id.as_str()) }
                p.sub { bdi { (state.app_name(&draw.app_key)) } } }
            td.mono { bdi { (draw.event_key) }
                @if let Some(key) = &draw.behavior_key { p.sub { bdi { (key) } } } }
            td { (paid(lang, draw)) }
            td { (result(lang, draw)) p.sub.mono { bdi { (draw.draw_id) } } }
            td { (draw.points_left) " " (lang.say("积分", "points"))
                p.sub { (draw.free_left) " " (lang.say("次免费", "free")) } }
        } } },
    )
}

fn paid(lang: Lang, draw: &Draw) -> String {
    match draw.cost {
        Cost::Nothing => "-".into(),
        Cost::FreeDraw => lang.say("免费", "free").into(),
        Cost::Points(points) => format!("{points} {}", lang.say("积分", "points")),
    }
}

fn result(lang: Lang, draw: &Draw) -> Markup {
    match &draw.drawn {
        Drawn::Won(award) => html! { span.pill.good { bdi { (award.name) } } },
        Drawn::Lost => html! { span.pill { (lang.say("未中奖", "Nothing")) } },
        Drawn::Refused { code, message } => {
            html! { span.pill.bad.mono title=(message) { (code) } }
        }
    }
}

/// The forms of this page.
pub fn act(action: &str, mut form: Fields, state: &mut State, now_ms: i64) -> Done {
    match action {
        "create" => return create(form, state, now_ms),
        "add_prize" | "change_prize" | "remove_prize" => return of_product(action, form, state),
        _ => {}
    }
    let id = required("activity_id", form.text("activity_id")?)?;
    let unknown = || not_found("activity_id", format!("there is no activity {id:?}"));
    let mut activity = state.lottery().get(&id).ok_or_else(unknown)?.clone();
    match action {
        "change" => change(&mut form, &mut activity)?,
        "add_award" => activity.awards.push(read_prize(&mut form)?),
        // The second before this one: an activity is on until its last second is over.
        "end" => {
            activity.end_time = Gmt8::of_ms(now_ms - 1_000);
            activity.start_time = activity.start_time.min(activity.end_time);
        }
        "remove" => {
            form.finish()?;
            return state.remove_activity(&id).then_some(()).ok_or_else(unknown);
        }
        _ => return Err(no_action()),
    }
    form.finish()?;
    checked(state, |known| check::activity(&activity, known))?;
    state.change_activity(&id, activity).map_err(|why| conflict("activity_id", why))
}

fn change(form: &mut Fields, activity: &mut Activity) -> Done {
    activity.lose_weight = read_odds(form, &mut activity.awards)?;
    activity.consume_amount = form.number("consume_amount", 0, SANDBOX_POINTS_MAX)?.unwrap_or(0);
    activity.access_amount = form.number("access_amount", 0, SANDBOX_POINTS_MAX)?.unwrap_or(0);
    Ok(())
}

/// Weights and stocks; gives the weight of nothing.
fn read_odds(form: &mut Fields, awards: &mut [Prize]) -> Result<u32, ApiError> {
    for (at, prize) in awards.iter_mut().enumerate() {
        prize.weight = part(form, &format!("weight{at}"))?.unwrap_or(0);
        prize.stock = part(form, &format!("stock{at}"))?;
    }
    Ok(part(form, "lose_weight")?.unwrap_or(0))
}

fn part(form: &mut Fields, name: &str) -> Result<Option<u32>, ApiError> {
    let number = form.number(name, 0, i64::from(u32::MAX))?;
    Ok(number.and_then(|number| u32::try_from(number).ok()))
}

fn read_prize(form: &mut Fields) -> Result<Prize, ApiError> {
    Ok(Prize {
        award_id: String::new(),
        name: required("name", form.line("name")?)?,
        award_type: 0,
        type_name: form.line("type_name")?.unwrap_or_default(),
        amount: 1,
        unit: String::new(),
        price_fen: 0,
        hyperlink_url: form.line("hyperlink_url")?.unwrap_or_default(),
        hyperlink_desc: form.line("hyperlink_desc")?.unwrap_or_default(),
        simple_desc: String::new(),
        full_desc: String::new(),
        weight: part(form, "weight")?.unwrap_or(0),
        stock: part(form, "stock")?,
        points: form.number("points", 0, SANDBOX_POINTS_MAX)?.unwrap_or(0),
        gift_item: form.line("gift_item")?,
    })
}

fn create(mut form: Fields, state: &mut State, now_ms: i64) -> Done {
    let event_key = required("event_key", form.line("event_key")?)?;
    let event_key = EventKey::new(event_key)
        .map_err(|refusal| ApiError::invalid("event_key", refusal.message))?;
    let activity = Activity {
        app_key: required("app_key", form.text("app_key")?)?,
        event_key,
        activity_id: String::new(),
        name: required("name", form.line("name")?)?,
        start_time: Gmt8::of_ms(now_ms),
        end_time: Gmt8::of_ms(now_ms + NEW_ACTIVITY_MS),
        lucky_type: lucky_type(&required("lucky_type", form.text("lucky_type")?)?)?,
        consume_amount: form.number("consume_amount", 0, SANDBOX_POINTS_MAX)?.unwrap_or(0),
        access_amount: form.number("access_amount", 0, SANDBOX_POINTS_MAX)?.unwrap_or(0),
        activity_url: None,
        confirm_secret: None,
        behavior_keys: Vec::new(),
        lose_weight: part(&mut form, "lose_weight")?.unwrap_or(0),
        awards: Vec::new(),
    };
    form.finish()?;
    let activity = without_idle(activity);
    checked(state, |known| check::activity(&activity, known))?;
    checked(state, |_| check::beside(&activity, &state.lottery().activities))?;
    let added = state.add_activity(activity);
    added.map(|_| ()).map_err(|why| conflict("activity_id", why))
}

/// The form always has both numbers; the one that the kind does not use is to be 0.
fn without_idle(mut activity: Activity) -> Activity {
    match activity.lucky_type {
        LuckyType::Free => activity.consume_amount = 0,
        LuckyType::Consuming => activity.access_amount = 0,
        LuckyType::Mixed => {}
    }
    activity
}

fn lucky_type(name: &str) -> Result<LuckyType, ApiError> {
    match name {
        "free" => Ok(LuckyType::Free),
        "consuming" => Ok(LuckyType::Consuming),
        "mixed" => Ok(LuckyType::Mixed),
        _ => Err(ApiError::invalid("lucky_type", "must be free, consuming or mixed")),
    }
}

fn of_product(action: &str, mut form: Fields, state: &mut State) -> Done {
    let app_key = required("app_key", form.text("app_key")?)?;
    let subject_id = required("subject_id", form.line("subject_id")?)?;
    let same = |p: &&ProductPrize| p.app_key == app_key && p.subject_id == subject_id;
    let old = state.prizes().iter().find(same).cloned();
    let unknown = || not_found("subject_id", "no prize is set for this product");
    let product = match action {
        "add_prize" => {
            let new = ProductPrize { app_key, subject_id, lose_weight: 0, awards: Vec::new() };
            let mut product = old.unwrap_or(new);
            product.awards.push(read_prize(&mut form)?);
            product
        }
        "change_prize" => {
            let mut product = old.ok_or_else(unknown)?;
            product.lose_weight = read_odds(&mut form, &mut product.awards)?;
            product
        }
        _ => ProductPrize { awards: Vec::new(), ..old.ok_or_else(unknown)? },
    };
    form.finish()?;
    checked(state, |known| check::product(&product, known))?;
    state.set_product_prize(product).map_err(|why| conflict("subject_id", why))
}
