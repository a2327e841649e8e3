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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::AuthFrom;
    use crate::core::award::{Award, GiftId};
    use crate::core::facts::{EventKey, OrderId};
    use crate::core::report::{AccountState, AuthPhase, AuthReport, Page, WebKind};
    use crate::core::user::UserId;

    const EVIL: &str = "\x1b[2Jgone\r\nhere";

    fn app() -> AppKey {
        AppKey::new("23012345").unwrap()
    }

    fn draw_report(state: State) -> DrawReport {
        DrawReport {
            app_key: app(),
            draw_id: OrderId::new("draw-1").unwrap(),
            state,
            sequence: 3,
            event_key: EventKey::new("DAILY_SIGN").unwrap(),
            user_id: UserId::new("100001").unwrap(),
            award: (state == State::Won).then(|| Award {
                name: EVIL.into(),
                amount: 2,
                ..Award::default()
            }),
            points_left: Some(470),
            free_left: None,
            result: Code::OK,
            gateway_code: None,
            message: Some(EVIL.into()),
            created_ms: 0,
            acked: false,
        }
    }

    fn gift_report(state: State, result: Code) -> GiftReport {
        GiftReport {
            app_key: app(),
            id: OrderId::new("gift-12").unwrap(),
            gift_id: GiftId::new(12).unwrap(),
            cp_item_id: EVIL.into(),
            state,
            sequence: 3,
            user_id: UserId::new("100001").unwrap(),
            result,
            gateway_code: Some("RECORD_EXPIRED".into()),
            message: None,
            created_ms: 0,
            acked: false,
            activated: false,
        }
    }

    fn account_report(phase: Option<AuthPhase>) -> AccountReport {
        let auth = |phase| AuthReport {
            attempt: "a".into(),
            phase,
            authorise: false,
            qr_text: (!AuthPhase::is_over(phase)).then(|| EVIL.to_owned()),
            expires_s: Some(180),
            result: if phase == AuthPhase::Failed { Code::AUTH_EXPIRED } else { Code::OK },
            message: Some(EVIL.into()),
        };
        AccountReport {
            app_key: app(),
            state: AccountState::SignedOut,
            sequence: 1,
            user_id: None,
            auth: phase.map(auth),
        }
    }

    fn web_report(open: bool, result: Code) -> WebReport {
        let (web_id, url) = ("w1".into(), "http://h/\x07".into());
        WebReport { app_key: app(), web_id, kind: WebKind::Exit, url, open, result }
    }

    fn profile_of(pages: Vec<Page>) -> Profile {
        Profile { pages, qr_url: None, renewal: true }
    }

    fn event(kind: Kind, about: About) -> Event {
        Event {
            kind,
            result: Code::OK,
            op: 0,
            tag: 0,
            order_id: None,
            report: None,
            about,
            refused: None,
            orders: Vec::new(),
            more: false,
            json: String::new(),
            message: String::new(),
            count: 0,
            environment: "".into(),
        }
    }

    #[test]
    fn events_are_named_and_say_what_matters() {
        let exit = Page { kind: WebKind::Exit, url: "http://h/".into() };
        let told = [
            (draw(0, false, &draw_report(State::Won)), "draw.won", "x2"),
            (draw(0, false, &draw_report(State::Won)), "draw-1", "470 points left"),
            (draw(0, false, &draw_report(State::Lost)), "draw.lost", "DAILY_SIGN"),
            (gift(0, false, &gift_report(State::Granted, Code::OK)), "gift.granted", "gift-12"),
            (
                gift(0, false, &gift_report(State::Failed, Code::GIFT_EXPIRED)),
                "gift.failed",
                "GIFT_EXPIRED RECORD_EXPIRED",
            ),
            (account(0, false, &account_report(Some(AuthPhase::Code))), "auth.code", "180 s"),
            (account(0, false, &account_report(Some(AuthPhase::Failed))), "auth.failed", "EXPIRED"),
            (account(0, false, &account_report(None)), "account.signed_out", "23012345"),
            (web(0, false, &web_report(true, Code::OK)), "web.open", "http://h/"),
            (web(0, false, &web_report(false, Code::TIMEOUT)), "web.close", "exit TIMEOUT"),
            (switched_on(0, false, &app(), &profile_of(vec![exit])), "profile", "exit renewal"),
            (switched_on(0, false, &app(), &profile_of(Vec::new())), "profile", "- renewal"),
        ];
        for (line, name, what) in told {
            assert!(line.contains(name) && line.contains(what), "{name}: {line:?}");
            let harmless = |c: char| !c.is_control() || c == '\n';
            assert!(line.chars().all(harmless) && line.lines().count() <= 2, "{line:?}");
        }
    }

    #[test]
    fn json_has_the_report_with_time_and_name() {
        let account = account_report(Some(AuthPhase::Scanned));
        let event = event(Kind::Auth, About::Account(account, AuthFrom::Call));
        let line: serde_json::Value = serde_json::from_str(&line(true, &event).unwrap()).unwrap();
        assert_eq!(
            (&line["event"], &line["auth"]["phase"]),
            (&"auth.scanned".into(), &"scanned".into())
        );
        assert!(line["time"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn answers_are_no_news() {
        assert_eq!(line(true, &event(Kind::Gifts, About::Gifts(Vec::new()))), None);
        assert_eq!(line(false, &event(Kind::Reply, About::Nothing)), None);
    }
}
