//! Apps: their keys, their secrets, and what operations have switched on for them.

use maud::{html, Markup};

use super::layout::field;
use super::{no_action, top, Done, View};
use crate::core::report::WebKind;
use crate::limits::{
    LINK_BYTES_MAX, NAME_CHARS_MAX, SANDBOX_EARLY_DAYS_MAX, SANDBOX_PAGE_CHARS_MAX,
};
use crate::money::Fen;
use crate::sandbox::apps::App;
use crate::sandbox::check;
use crate::sandbox::control::{checked, not_found};
use crate::sandbox::fields::{required, ApiError, Fields};
use crate::sandbox::pages::web::kind_name;
use crate::sandbox::settings::{H5Page, NotifyMethod, Settings};
use crate::sandbox::state::State;
use crate::sandbox::texts::Lang;

const HIDDEN: &str = "••••••••";

/// One card for each app.
pub fn view(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let shown = view.asked.secrets.is_some();
    html! {
        p.toolbar {
            span { (lang.say("网关", "Gateway")) " "
                span.mono { (view.shared.place.base_url) "/router/rest" } }
            @if shown {
                a href={ "?lang=" (lang.code()) } { (lang.say("隐藏密钥", "Hide secrets")) }
            } @else {
                a href={ "?lang=" (lang.code()) "&secrets=1" } {
                    (lang.say("显示密钥", "Show secrets"))
                }
            }
        }
        div.cards { @for app in state.apps() {
            (card(view, app, &state.settings(&app.app_key), shown))
        } }
    }
}

fn card(view: &View, app: &App, settings: &Settings, shown: bool) -> Markup {
    let secret = if shown { &*app.app_secret } else { HIDDEN };
    html! {
        section.card {
            div.title { h2 { bdi { (app.name) } } }
            dl {
                dt { "app_key" } dd.mono { (app.app_key) }
                dt { "app_secret" } dd.mono { (secret) }
                dt { "gift_secret" } dd.mono { (if shown { &*app.gift_secret } else { HIDDEN }) }
                dt { "RSA" } dd { (public_key(view.lang, app)) }
            }
            (view.form("settings", &settings_fields(view, app, settings)))
        }
    }
}

fn public_key(lang: Lang, app: &App) -> Markup {
    match &app.public_key {
        None => html! { (lang.say("未上传商户公钥", "no public key was uploaded")) },
        Some(text) => html! { details {
            summary { (lang.say("商户公钥", "merchant's public key")) }
            pre { (text) }
        } },
    }
}

fn settings_fields(view: &View, app: &App, settings: &Settings) -> Markup {
    let lang = view.lang;
    let cap = settings.renewal_cap_fen.map(Fen::get);
    html! {
        input type="hidden" name="app_key" value=(app.app_key);
        (switch("profile", settings.profile, lang.say(
            "允许获取用户昵称和头像（用户同意后）",
            "May have nick and picture of users who agree",
        )))
        (switch("renewal", settings.renewal, lang.say("允许续费", "May sell subscriptions")))
        (switch("notify_closed", settings.notify_closed, lang.say(
            "关闭和退款的订单也通知",
            "Closed and refunded orders are notified, too",
        )))
        (field(lang.say("通知方式", "Notifies go by"), &html! {
            select name="notify_method" { @for method in NotifyMethod::ALL {
                option value=(method.name()) selected[method == settings.notify_method] {
                    (method.name().to_ascii_uppercase())
                }
            } }
        }))
        (field(lang.say("续费总额上限（分，可空）", "Most of all charges, in fen (may be empty)"), &html! {
            input type="number" name="renewal_cap_fen" min="1" value=[cap];
        }))
        (switch("renewal_pay_fail", settings.renewal_pay_fail, lang.say(
            "续费扣款全部失败",
            "Every deduction for a subscription is refused",
        )))
        (field(lang.say("可提前扣款天数", "Days a charge may come early"), &html! {
            input type="number" name="renewal_early_days" min="0" max=(SANDBOX_EARLY_DAYS_MAX)
                value=(settings.renewal_early_days);
        }))
        (wide(lang.say("商品二维码页面 URL", "Page for the goods QR code"), &html! {
            input name="qr_url" maxlength=(LINK_BYTES_MAX) value=[settings.qr_url.as_deref()];
        }))
        (top::fields(lang, settings))
        @for kind in WebKind::ALL { (page_fields(lang, app, kind, settings.pages.get(&kind))) }
        button.main { (lang.say("保存", "Save")) }
    }
}

fn page_fields(lang: Lang, app: &App, kind: WebKind, page: Option<&H5Page>) -> Markup {
    let name = kind.name();
    let shown = page.cloned().unwrap_or_default();
    html! {
        fieldset {
            legend {
                (kind_name(lang, kind))
                @if page.is_some() {
                    " · " a href={ "/h5/" (app.app_key) "/" (name) "?lang=" (lang.code()) } {
                        (lang.say("查看", "View"))
                    }
                }
            }
            (switch(&format!("{name}.on"), page.is_some(), lang.say("启用", "On")))
            (wide(lang.say("URL（空为沙箱页面）", "URL (empty: the sandbox's own)"), &html! {
                input name={ (name) ".url" } maxlength=(LINK_BYTES_MAX)
                    value=[shown.url.as_deref()];
            }))
            (wide(lang.say("标题", "Title"), &html! {
                input name={ (name) ".title" } maxlength=(NAME_CHARS_MAX) value=(shown.title);
            }))
            (long(lang.say("正文", "Text"), &html! {
                textarea name={ (name) ".text" } maxlength=(SANDBOX_PAGE_CHARS_MAX) rows="2" {
                    (shown.text)
                }
            }))
        }
    }
}

/// A box to tick.
pub fn switch(name: &str, on: bool, label: &str) -> Markup {
    html! { label.check {
        input type="checkbox" name=(name) value="yes" checked[on];
        span { (label) }
    } }
}

/// A field as wide as the form.
pub fn wide(label: &str, input: &Markup) -> Markup {
    html! { label.field.whole { span { (label) } (input) } }
}

fn long(label: &str, input: &Markup) -> Markup {
    html! { label.field.whole.long { span { (label) } (input) } }
}

/// The forms of this page.
pub fn act(action: &str, mut form: Fields, state: &mut State) -> Done {
    if action != "settings" {
        return Err(no_action());
    }
    let app_key = required("app_key", form.text("app_key")?)?;
    state.app(&app_key).ok_or_else(|| not_found("app_key", "there is no such app"))?;
    let mut settings = Settings {
        qr_url: form.line("qr_url")?,
        renewal: form.text("renewal")?.is_some(),
        renewal_cap_fen: cap(&mut form)?,
        renewal_early_days: early_days(&mut form)?,
        renewal_pay_fail: form.text("renewal_pay_fail")?.is_some(),
        profile: form.text("profile")?.is_some(),
        notify_method: notify_method(&mut form)?,
        notify_closed: form.text("notify_closed")?.is_some(),
        ..top::read(&mut form, state.settings(&app_key).flow)?
    };
    for kind in WebKind::ALL {
        settings.pages.extend(read_page(&mut form, kind)?.map(|page| (kind, page)));
    }
    form.finish()?;
    checked(state, |_| check::settings(&settings))?;
    state.set_settings(&app_key, settings);
    Ok(())
}

fn notify_method(form: &mut Fields) -> Result<NotifyMethod, ApiError> {
    let Some(name) = form.text("notify_method")? else { return Ok(NotifyMethod::default()) };
    let known = NotifyMethod::ALL.into_iter().find(|method| method.name() == name);
    known.ok_or_else(|| ApiError::invalid("notify_method", "is get or post"))
}

fn cap(form: &mut Fields) -> Result<Option<Fen>, ApiError> {
    let fen = form.number("renewal_cap_fen", 1, i64::MAX)?.map(Fen::new).transpose();
    fen.map_err(|error| ApiError::invalid("renewal_cap_fen", error.to_string()))
}

fn early_days(form: &mut Fields) -> Result<u32, ApiError> {
    let days = form.number("renewal_early_days", 0, i64::from(SANDBOX_EARLY_DAYS_MAX))?;
    Ok(days.and_then(|days| u32::try_from(days).ok()).unwrap_or(0))
}

fn read_page(form: &mut Fields, kind: WebKind) -> Result<Option<H5Page>, ApiError> {
    let name = kind.name();
    let on = form.text(&format!("{name}.on"))?.is_some();
    let url = form.line(&format!("{name}.url"))?;
    let title = form.line(&format!("{name}.title"))?.unwrap_or_default();
    // A browser ends the lines of a form with CR LF.
    let text = form.line(&format!("{name}.text"))?.unwrap_or_default().replace('\r', "");
    Ok(on.then_some(H5Page { url, title, text }))
}
