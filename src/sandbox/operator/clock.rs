//! What happens to the next orders, the sandbox's clock, and a fresh start.

use maud::{html, Markup};

use super::layout::{field, nothing, table};
use super::{no_action, words, Done, View};
use crate::limits::{SANDBOX_PLAN_ORDERS_MAX, SANDBOX_TIMES_MAX};
use crate::sandbox::control::scenarios::Wish;
use crate::sandbox::control::Advance;
use crate::sandbox::fields::{required, Fields};
use crate::sandbox::method::Method;
use crate::sandbox::scenario::Scenario;
use crate::sandbox::state::State;
use crate::sandbox::texts::Lang;
use crate::wire::time::format_gmt8;

/// Steps of the clock that somebody wants: past a code's life, a draw's grace, a charge's day.
const STEPS: [(&str, &str, &str); 8] = [
    ("10s", "10 秒", "10 s"),
    ("1min", "1 分钟", "1 min"),
    ("301s", "5 分钟", "5 min"),
    ("1h", "1 小时", "1 h"),
    ("1d", "1 天", "1 day"),
    ("30d", "30 天", "30 days"),
    ("1mo", "1 个月", "1 month"),
    ("3mo", "3 个月", "3 months"),
];

/// Scenarios, clock and reset.
pub fn view(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    html! {
        section {
            h2 { (lang.say("下一个订单或调用的场景", "Scenario of the next order or call")) }
            (view.form("scenario", &scenario_fields(lang, state)))
            (waiting(lang, state))
        }
        section {
            h2 { (lang.say("时钟", "Clock")) }
            p { span.mono { (format_gmt8(view.now_ms)) } " GMT+8" }
            div.actions { @for (by, zh, en) in STEPS {
                @let text = format!("+ {}", lang.say(zh, en));
                (view.button("advance", &[("by", by)], "", &text))
            } }
            (view.form("advance", &advance_fields(lang)))
        }
        section {
            h2 { (lang.say("重置", "Reset")) }
            p { (lang.say(
                "回到初始数据：清除订单、登录和抽奖记录，时钟归位。",
                "Back to the first data: orders, sign-ins and draws are forgotten, and the clock \
                 is set right.",
            )) }
            (view.form("reset", &html! {
                label.check {
                    input type="checkbox" name="sure" value="yes" required;
                    span { (lang.say("确定", "I am sure")) }
                }
                button.danger { (lang.say("重置沙箱", "Reset the sandbox")) }
            }))
        }
    }
}

fn scenario_fields(lang: Lang, state: &State) -> Markup {
    html! {
        (field(lang.say("场景", "Scenario"), &html! {
            select name="scenario" { @for scenario in Scenario::all() {
                option value=(scenario.name()) { (scenario.name()) " – " (words::scenario(lang, scenario)) }
            } }
        }))
        (field(lang.say("应用", "App"), &html! {
            select name="app_key" {
                option value="" { (lang.say("任意应用", "Any app")) }
                @for app in state.apps() { option value=(app.app_key) { (app.name) } }
            }
        }))
        (field(lang.say("订单数（订单场景）", "Orders (of an order scenario)"), &html! {
            input type="number" name="orders" min="1" max=(SANDBOX_PLAN_ORDERS_MAX)
                placeholder="1";
        }))
        (field(lang.say("方法（非订单调用）", "Method (calls without an order)"), &html! {
            select name="method" {
                option value="" { "–" }
                @for method in Method::all() { option value=(method.name()) { (method.name()) } }
            }
        }))
        (field(lang.say("次数", "Times"), &html! {
            input type="number" name="times" min="0" max=(SANDBOX_TIMES_MAX);
        }))
        button.main { (lang.say("设定", "Set")) }
    }
}

fn waiting(lang: Lang, state: &State) -> Markup {
    let plans: Vec<_> = state.plans().waiting().collect();
    let calls: Vec<_> = state.plans().waiting_calls().collect();
    if plans.is_empty() && calls.is_empty() {
        return nothing(lang.say("没有等待中的场景。", "No scenario is waiting."));
    }
    let columns = [
        lang.say("场景", "Scenario"),
        lang.say("应用", "App"),
        lang.say("订单或方法", "Order or method"),
        lang.say("还有几次", "Times left"),
    ];
    let any = lang.say("任意", "any");
    let row = |name: &str, app_key: Option<&str>, what: &str, left: u32| {
        html! { tr {
            td.mono { (name) }
            td { (app_key.map_or_else(|| any.to_owned(), |key| state.app_name(key))) }
            td.mono { bdi { (what) } }
            td { (left) }
        } }
    };
    table(
        &columns,
        &html! {
            @for plan in plans {
                @let order = plan.order.as_deref().unwrap_or(any);
                (row(plan.setting.scenario.name(), plan.app_key.as_deref(), order, plan.orders))
            }
            @for plan in calls {
                @let method = plan.method.map_or(any, Method::name);
                (row(plan.scenario.name(), plan.app_key.as_deref(), method, plan.spoil.times))
            }
        },
    )
}

fn advance_fields(lang: Lang) -> Markup {
    html! {
        (field(lang.say("多久", "How far"), &html! {
            input name="by" required placeholder="45d" pattern="\\s*[0-9]+(s|min|h|d|w|mo|y)\\s*"
                title="90s 15min 12h 30d 2w 1mo 1y";
        }))
        button { (lang.say("拨快", "Advance")) }
    }
}

/// The forms of this page.
pub fn act(action: &str, mut form: Fields, state: &mut State, now_ms: i64) -> Done {
    match action {
        "scenario" => {
            let wish = Wish::read(&mut form)?;
            form.finish()?;
            wish.apply(state, now_ms).map(|_| ())
        }
        "advance" => {
            let wanted = Advance::read(&mut form)?;
            form.finish()?;
            wanted.apply(state, now_ms)
        }
        "reset" => {
            required("sure", form.text("sure")?)?;
            form.finish()?;
            state.reset();
            Ok(())
        }
        _ => Err(no_action()),
    }
}
