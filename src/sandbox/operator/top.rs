//! What an app's servers may do at the gateway: permission, addresses, and how often.

use std::net::IpAddr;

use maud::{html, Markup};

use super::apps::{switch, wide};
use super::layout::field;
use crate::limits::{SANDBOX_FLOW_CALLS_MAX, SANDBOX_FLOW_SPAN_S_MAX};
use crate::sandbox::fields::{required, ApiError, Fields};
use crate::sandbox::flow::{Flow, FlowLimit};
use crate::sandbox::settings::Settings;
use crate::sandbox::texts::Lang;
use crate::wire::partner::{ORDER_QUERY, RENEWAL_PAY};

/// The methods whose limits are in the form; those of others are for the control API.
const METHODS: [&str; 2] = [ORDER_QUERY, RENEWAL_PAY];

/// The part of the settings' form.
pub fn fields(lang: Lang, settings: &Settings) -> Markup {
    let addresses = settings.ip_whitelist.iter().map(IpAddr::to_string);
    let addresses = addresses.collect::<Vec<_>>().join(" ");
    let flow = &settings.flow;
    html! {
        (switch("partner_apis_off", settings.partner_apis_off, lang.say(
            "关闭商户服务器接口（错误 11）",
            "Methods of merchants' servers are off (error 11)",
        )))
        (wide(lang.say("IP 白名单（空格分隔，空为不限）", "IP white list (with blanks between; empty: any)"), &html! {
            input name="ip_whitelist" value=(addresses);
        }))
        fieldset {
            legend { (lang.say("流量限制（空为不限）", "Flow limits (empty: none)")) }
            (limit_fields(lang, "app", lang.say("应用", "App"), flow.app))
            @for method in METHODS {
                (limit_fields(lang, method, short(method), flow.apis.get(method).copied()))
            }
        }
    }
}

fn short(method: &str) -> &str {
    method.strip_prefix("taobao.tvpay.").unwrap_or(method)
}

fn limit_fields(lang: Lang, name: &str, label: &str, limit: Option<FlowLimit>) -> Markup {
    let calls = format!("{label}: {}", lang.say("次数", "calls"));
    let per_s = format!("{label}: {}", lang.say("每多少秒", "in so many seconds"));
    html! {
        (field(&calls, &html! {
            input type="number" name={ "flow." (name) ".calls" } min="1"
                max=(SANDBOX_FLOW_CALLS_MAX) value=[limit.map(|limit| limit.calls)];
        }))
        (field(&per_s, &html! {
            input type="number" name={ "flow." (name) ".per_s" } min="1"
                max=(SANDBOX_FLOW_SPAN_S_MAX) value=[limit.map(|limit| limit.per_s)];
        }))
    }
}

/// Reads that part; the limits of methods that are not in the form stay.
///
/// # Errors
/// The field that is wrong.
pub fn read(form: &mut Fields, old: Flow) -> Result<Settings, ApiError> {
    let mut flow = Flow { app: read_limit(form, "app")?, apis: old.apis };
    for method in METHODS {
        match read_limit(form, method)? {
            Some(limit) => flow.apis.insert(method.to_owned(), limit),
            None => flow.apis.remove(method),
        };
    }
    Ok(Settings {
        partner_apis_off: form.text("partner_apis_off")?.is_some(),
        ip_whitelist: read_addresses(form)?,
        flow,
        ..Settings::default()
    })
}

fn read_addresses(form: &mut Fields) -> Result<Vec<IpAddr>, ApiError> {
    let text = form.line("ip_whitelist")?.unwrap_or_default();
    let words = text.split([' ', ',', '\u{3000}', '，']).filter(|word| !word.is_empty());
    let address = |word: &str| {
        let wrong = |_| ApiError::invalid("ip_whitelist", format!("{word:?} is no IP address"));
        word.parse().map_err(wrong)
    };
    words.map(address).collect()
}

fn read_limit(form: &mut Fields, name: &str) -> Result<Option<FlowLimit>, ApiError> {
    let mut number = |part: &str, most: u32| {
        let name = format!("flow.{name}.{part}");
        let number = form.number(&name, 1, i64::from(most))?;
        Ok((name, number.and_then(|number| u32::try_from(number).ok())))
    };
    match (number("calls", SANDBOX_FLOW_CALLS_MAX)?, number("per_s", SANDBOX_FLOW_SPAN_S_MAX)?) {
        ((_, None), (_, None)) => Ok(None),
        ((calls_name, calls), (span_name, per_s)) => Ok(Some(FlowLimit {
            calls: required(&calls_name, calls)?,
            per_s: required(&span_name, per_s)?,
        })),
    }
}
