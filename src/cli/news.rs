//! Events as lines, whatever they are about: what `tail` prints, and what the commands print
//! that wait for an end.

use serde::Serialize;

use super::show::{below, event_json, event_text, json_line, text_line, why, EventKind};
use super::{clock, lists};
use crate::client::{About, Event, Kind};
use crate::core::code::Code;
use crate::core::facts::AppKey;
use crate::core::report::{AccountReport, DrawReport, GiftReport, Profile, State, WebReport};

/// One event as text or as a line of NDJSON; None for what is no news: answers, and the
/// comings and goings of the connection.
pub fn line(json: bool, event: &Event) -> Option<String> {
    let now_ms = clock::now_ms();
    let line = match (event.kind, &event.about) {
        (Kind::Qr, _) => order(now_ms, json, EventKind::Qr, event)?,
        (Kind::Order, _) => order(now_ms, json, EventKind::Order, event)?,
        (Kind::Draw, About::Draw(report)) => draw(now_ms, json, report),
        (Kind::Gift, About::Gift(report)) => gift(now_ms, json, report),
        (Kind::Auth | Kind::Logout, About::Account(report, _)) => account(now_ms, json, report),
        (Kind::Web, About::Web(report)) => web(now_ms, json, report),
        (Kind::Profile, About::Profile(app_key, profile)) => {
            switched_on(now_ms, json, app_key, profile)
        }
        _ => return None,
    };
    Some(line)
}

fn order(now_ms: i64, json: bool, kind: EventKind, event: &Event) -> Option<String> {
    let report = event.report.as_ref()?;
    Some(match json {
        true => event_json(now_ms, kind, report),
        false => event_text(now_ms, kind, report),
    })
}

fn draw(now_ms: i64, json: bool, report: &DrawReport) -> String {
    let name = format!("draw.{}", report.state.name());
    if json {
        return json_line(now_ms, &name, report);
    }
    let detail = match (report.state, &report.award) {
        (State::Won, Some(award)) => lists::award_text(award),
        (State::Unknown | State::Failed, _) => {
            why(report.result, report.gateway_code.as_deref(), report.message.as_deref())
        }
        _ => report.event_key.to_string(),
    };
    let line = text_line(now_ms, &name, report.draw_id.as_str(), &detail);
    let left = [("points", report.points_left), ("free draws", report.free_left)];
    let left = left.iter().filter_map(|(what, n)| n.map(|n| format!("{n} {what} left")));
    let left: Vec<String> = left.collect();
    match left.is_empty() {
        true => line,
        false => below(&line, &left.join(", ")),
    }
}

fn gift(now_ms: i64, json: bool, report: &GiftReport) -> String {
    let name = format!("gift.{}", report.state.name());
    if json {
        return json_line(now_ms, &name, report);
    }
    let detail = match report.state {
        State::Unknown | State::Failed => {
            why(report.result, report.gateway_code.as_deref(), report.message.as_deref())
        }
        _ => report.cp_item_id.clone(),
    };
    text_line(now_ms, &name, report.id.as_str(), &detail)
}

/// `auth.` and the phase while somebody signs in, else `account.` and the state.
fn account(now_ms: i64, json: bool, report: &AccountReport) -> String {
    let name = match &report.auth {
        Some(auth) => format!("auth.{}", auth.phase.name()),
        None => format!("account.{}", report.state.name()),
    };
    if json {
        return json_line(now_ms, &name, report);
    }
    let who = report.user_id.as_ref().map_or("", |id| id.as_str());
    let Some(auth) = &report.auth else {
        return text_line(now_ms, &name, report.app_key.as_str(), who);
    };
    let detail = match auth.result {
        Code::OK => match auth.expires_s.filter(|_| !auth.phase.is_over()) {
            Some(s) => format!("{s} s"),
            None => who.to_owned(),
        },
        result => why(result, None, auth.message.as_deref()),
    };
    let line = text_line(now_ms, &name, report.app_key.as_str(), &detail);
    match &auth.qr_text {
        Some(text) => below(&line, text),
        None => line,
    }
}

fn web(now_ms: i64, json: bool, report: &WebReport) -> String {
    let name = if report.open { "web.open" } else { "web.close" };
    if json {
        return json_line(now_ms, name, report);
    }
    let detail = match report.result {
        Code::OK => report.kind.name().to_owned(),
        result => format!("{} {}", report.kind.name(), result.name()),
    };
    let line = text_line(now_ms, name, &report.web_id, &detail);
    match report.open {
        true => below(&line, &report.url),
        false => line,
    }
}

/// A profile as `--json` prints it.
#[derive(Serialize)]
struct SwitchedOn<'a> {
    app_key: &'a AppKey,
    #[serde(flatten)]
    profile: &'a Profile,
}

fn switched_on(now_ms: i64, json: bool, app_key: &AppKey, profile: &Profile) -> String {
    if json {
        return json_line(now_ms, "profile", &SwitchedOn { app_key, profile });
    }
    let renewal = if profile.renewal { " renewal" } else { "" };
    text_line(now_ms, "profile", app_key.as_str(), &format!("{}{renewal}", pages(profile)))
}

/// Kinds of pages that the platform has switched on, `-` for none.
fn pages(profile: &Profile) -> String {
    let names: Vec<&str> = profile.pages.iter().map(|page| page.kind.name()).collect();
    match names.is_empty() {
        true => "-".into(),
        false => names.join(","),
    }
}
