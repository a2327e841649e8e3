//! The frame of the operator's pages and the small things they are made of.

use axum::http::HeaderMap;
use maud::{html, Markup, DOCTYPE};

use super::{Asked, Tab, View};
use crate::sandbox::fields::ApiError;
use crate::sandbox::pages::{banner, head};
use crate::sandbox::state::State;
use crate::sandbox::texts::Lang;
use crate::wire::time::format_gmt8;

const SHEETS: [&str; 2] = ["/style.css", "/operator.css"];

/// A whole page.
pub fn page(view: &View, state: &State, error: Option<&ApiError>, body: &Markup) -> String {
    let (lang, title) = (view.lang, view.tab.title(view.lang));
    // What was refused is to be read in peace.
    let refresh_s = view.tab.refresh_s().filter(|_| error.is_none());
    let html = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            (head(&format!("{title} - {}", name(lang)), refresh_s, &SHEETS))
            body.desk {
                (banner(lang))
                (bar(view, state))
                main.wide {
                    h1 { (title) }
                    @if let Some(error) = error { (refusal(lang, error)) }
                    (body)
                }
            }
        }
    };
    html.into_string()
}

fn name(lang: Lang) -> &'static str {
    lang.say("沙箱操作台", "Sandbox desk")
}

fn bar(view: &View, state: &State) -> Markup {
    let lang = view.lang;
    let ahead_s = state.ahead_ms() / 1_000;
    html! {
        header.bar {
            nav aria-label=(name(lang)) {
                @for tab in Tab::ALL {
                    @let current = (tab == view.tab).then_some("page");
                    a href=(link(tab, lang)) aria-current=[current] { (tab.title(lang)) }
                }
            }
            p.clock {
                span.mono { (format_gmt8(view.now_ms)) }
                " GMT+8"
                @if ahead_s > 0 { span.pill.warn { "+" (ahead_s) " s" } }
            }
            a.lang href={ "?lang=" (lang.other().code()) } { (lang.other().name()) }
        }
    }
}

fn link(tab: Tab, lang: Lang) -> String {
    format!("/operator/{}?lang={}", tab.name(), lang.code())
}

/// The address of the page that a form stands on.
pub fn here(tab: Tab, asked: &Asked, headers: &HeaderMap) -> String {
    narrowed(link(tab, Lang::of(asked.lang.as_deref(), headers)), asked)
}

/// The address of a page that shows only what was asked for.
fn narrowed(mut link: String, asked: &Asked) -> String {
    for (name, value) in [("app_key", &asked.app_key), ("notify", &asked.notify)] {
        if let Some(value) = value {
            link = format!("{link}&{name}={}", encode(value));
        }
    }
    link
}

/// A text as a value in an address.
pub fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn refusal(lang: Lang, error: &ApiError) -> Markup {
    html! {
        p.alert role="alert" {
            b { (lang.say("未执行", "Not done")) }
            @if let Some(field) = error.field() { code { (field) } }
            span { (error.message()) }
        }
    }
}

impl View<'_> {
    /// A form that does `action` on this page.
    pub fn form(&self, action: &str, fields: &Markup) -> Markup {
        self.form_of_class("fields", action, fields)
    }

    /// A form that is one button, with the values it stands for.
    pub fn button(&self, action: &str, values: &[(&str, &str)], class: &str, text: &str) -> Markup {
        let fields = html! {
            @for (name, value) in values { input type="hidden" name=(name) value=(value); }
            button class=(class) { (text) }
        };
        self.form_of_class("one", action, &fields)
    }

    /// A form within a row of a table.
    pub fn inline(&self, action: &str, fields: &Markup) -> Markup {
        self.form_of_class("inline", action, fields)
    }

    fn form_of_class(&self, class: &str, action: &str, fields: &Markup) -> Markup {
        let to = narrowed(link(self.tab, self.lang), self.asked);
        html! {
            form class=(class) method="post" action=(to) {
                input type="hidden" name="token" value=(self.shared.pass.form_token());
                input type="hidden" name="action" value=(action);
                (fields)
            }
        }
    }

    /// Links that show one app's things only, or all.
    pub fn app_filter(&self, state: &State) -> Markup {
        let base = link(self.tab, self.lang);
        let chosen = self.asked.app_key.as_deref();
        html! {
            nav.filter aria-label=(self.lang.say("应用", "App")) {
                a href=(base) aria-current=[chosen.is_none().then_some("true")] {
                    (self.lang.say("全部应用", "All apps"))
                }
                @for app in state.apps() {
                    @let current = (chosen == Some(&*app.app_key)).then_some("true");
                    a href={ (base) "&app_key=" (encode(&app.app_key)) } aria-current=[current] {
                        bdi { (app.name) }
                    }
                }
            }
        }
    }

    /// Whether something of this app is to be shown.
    pub fn shows(&self, app_key: &str) -> bool {
        self.asked.app_key.as_deref().is_none_or(|asked| asked == app_key)
    }
}

/// A field with its label.
pub fn field(label: &str, input: &Markup) -> Markup {
    html! { label.field { span { (label) } (input) } }
}

/// A choice among apps.
pub fn app_choice(state: &State) -> Markup {
    html! {
        select name="app_key" required {
            @for app in state.apps() {
                option value=(app.app_key) { (app.name) " (" (app.app_key) ")" }
            }
        }
    }
}

/// A choice among users.
pub fn user_choice(state: &State) -> Markup {
    html! {
        select name="user_id" required {
            @for user in state.users().all() {
                @let id = user.user_id.as_str();
                option value=(id) { (user.nick) " (" (id) ")" }
            }
        }
    }
}

/// A table in a card that scrolls by itself when the page is narrow.
pub fn table(columns: &[&str], rows: &Markup) -> Markup {
    html! {
        div.sheet { table {
            thead { tr { @for column in columns { th scope="col" { (column) } } } }
            tbody { (rows) }
        } }
    }
}

/// What stands where a list is empty.
pub fn nothing(text: &str) -> Markup {
    html! { p.nothing { (text) } }
}

/// Hour, minute and second; the whole time on pointing at it.
pub fn time(ms: i64) -> Markup {
    let text = format_gmt8(ms);
    html! { time.mono title=(text) { (text.get(11..).unwrap_or(&text)) } }
}

/// Date and time.
pub fn moment(ms: i64) -> Markup {
    html! { time.mono { (format_gmt8(ms)) } }
}

/// Where the control token is shown, by somebody who is not at this machine or who wants to
/// see secrets.
pub fn entrance(lang: Lang, secrets: bool, wrong: bool) -> String {
    let title = lang.say("需要令牌", "Token needed");
    let why = if secrets {
        lang.say("查看密钥需要令牌。", "Secrets are shown to whoever has the token.")
    } else {
        lang.say("此页面只对本机开放。", "This page is for this machine.")
    };
    let hint = lang.say(
        "请输入沙箱启动时打印的 control token。",
        "Enter the control token that the sandbox printed at its start.",
    );
    let secrets = if secrets { "&secrets=1" } else { "" };
    let html = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            (head(title, None, &SHEETS))
            body {
                (banner(lang))
                main {
                    section.card.entrance {
                        h1 { (title) }
                        p { (why) " " (hint) }
                        @if wrong {
                            p.warning role="alert" { (lang.say("令牌不对。", "Wrong token.")) }
                        }
                        form method="post" action={
                            "/operator/enter?lang=" (lang.code()) (secrets)
                        } {
                            input type="password" name="token" required autocomplete="off"
                                aria-label="control token";
                            button.pay { (lang.say("进入", "Enter")) }
                        }
                    }
                }
            }
        }
    };
    html.into_string()
}
