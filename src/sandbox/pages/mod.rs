//! The pages as HTML. Every text goes through maud, which escapes it. No script, no brand.

pub mod avatar;
pub mod order;
pub mod signin;
pub mod web;

use maud::{html, Markup, PreEscaped, DOCTYPE};

use super::texts::Lang;
use crate::money::Fen;

/// The style sheet, served as `/style.css`.
pub const STYLE: &str = include_str!("../style.css");

/// The frame around every page. `refresh_s`: the page looks again by itself.
fn page(lang: Lang, title: &str, refresh_s: Option<u32>, body: &Markup) -> String {
    let other = lang.other();
    let html = html! {
        (DOCTYPE)
        html lang=(lang.tag()) {
            (head(title, refresh_s, &["/style.css"]))
            body {
                (banner(lang))
                main { (body) }
                footer { a href={ "?lang=" (other.code()) } { (other.name()) } }
            }
        }
    };
    html.into_string()
}

/// What every page has in its head. `sheets`: addresses of style sheets.
pub fn head(title: &str, refresh_s: Option<u32>, sheets: &[&str]) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width, initial-scale=1";
            @if let Some(seconds) = refresh_s {
                meta http-equiv="refresh" content=(seconds);
            }
            title { (title) }
            @for sheet in sheets { link rel="stylesheet" href=(sheet); }
        }
    }
}

/// Stands above every page.
pub fn banner(lang: Lang) -> Markup {
    let text = lang.say("沙箱：不会动用资金", "sandbox: no money moves");
    html! { p.banner role="note" { (text) } }
}

/// Such as `6.00`.
pub fn yuan(fen: Fen) -> String {
    format!("{}.{:02}", fen.get() / 100, fen.get() % 100)
}

/// A page that says what is wrong.
pub fn message(lang: Lang, title: &str, hint: &str) -> String {
    let body = html! { section.card { p.outcome { (title) } p.hint { (hint) } } };
    page(lang, title, None, &body)
}

/// A message of the sandbox itself, before there is a language.
pub fn plain(title: &str) -> String {
    let html = html! {
        (DOCTYPE) title { (title) } (PreEscaped("\n")) p { (title) }
    };
    html.into_string()
}
