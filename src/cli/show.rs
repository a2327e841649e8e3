//! Orders and events as lines.

use serde::Serialize;

use super::clock;
use super::lists::award_text;
use super::text::Lang;
use crate::core::code::Code;
use crate::core::report::{Report, State};

/// What an event about an order is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// There is a code.
    Qr,
    /// Its state.
    Order,
}

/// An event as `--json` prints it: what the protocol says, when it was seen and a name.
#[derive(Serialize)]
struct Line<'a, T> {
    time: String,
    event: &'a str,
    #[serde(flatten)]
    about: &'a T,
}

/// `order.qr`, or `order.` and the state.
pub fn event_name(kind: EventKind, state: State) -> String {
    match kind {
        EventKind::Qr => "order.qr".into(),
        EventKind::Order => format!("order.{}", state.name()),
    }
}

/// One line of NDJSON about an order.
pub fn event_json(now_ms: i64, kind: EventKind, report: &Report) -> String {
    json_line(now_ms, &event_name(kind, report.state), report)
}

/// One line of NDJSON about anything.
pub fn json_line(now_ms: i64, event: &str, about: &impl Serialize) -> String {
    let line = Line { time: clock::rfc3339(now_ms), event, about };
    serde_json::to_string(&line).unwrap_or_default()
}

/// `11:03:12  order.paid       T1  CNY 1.00`; the text of a code has a line of its own, so
/// that both can be read and copied in 80 columns.
pub fn event_text(now_ms: i64, kind: EventKind, report: &Report) -> String {
    let event = event_name(kind, report.state);
    let detail = match (kind, report.state) {
        (EventKind::Qr, _) => format!("{} s", report.expires_s.unwrap_or_default()),
        (_, State::Unknown | State::Failed) => reason(report),
        _ => report.amount_fen.to_string(),
    };
    let line = text_line(now_ms, &event, report.order_id.as_str(), &detail);
    let code = report.qr_text.as_ref().filter(|_| kind == EventKind::Qr);
    let awards = report.awards.iter().map(award_text);
    let more = code.cloned().into_iter().chain(awards);
    more.fold(line, |line, text| below(&line, &text))
}

/// `11:03:12  draw.won         draw-1  60 gems`.
pub fn text_line(now_ms: i64, event: &str, id: &str, detail: &str) -> String {
    let time = clock::local(now_ms);
    clean(format!("{time}  {event:<15}  {id}  {detail}").trim_end())
}

/// A line, and below it something long that is to be copied.
pub fn below(line: &str, text: &str) -> String {
    format!("{line}\n          {}", clean(text))
}

/// Why an order is UNKNOWN or FAILED.
fn reason(report: &Report) -> String {
    why(report.result, report.gateway_code.as_deref(), report.message.as_deref())
}

/// Why something is UNKNOWN or FAILED; "" if it is neither.
pub fn why(result: Code, gateway_code: Option<&str>, message: Option<&str>) -> String {
    let name = Some(result.name()).filter(|_| result != Code::OK);
    [name, gateway_code, message].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Rows of a name and a value.
pub fn rows(rows: &[(&str, String)]) -> String {
    let wide = rows.iter().map(|row| row.0.len()).max().unwrap_or(0).max(9);
    let line = |(name, value): &(&str, String)| clean(format!("{name:<wide$} {value}").trim_end());
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// The order in full, a member a line.
pub fn report_text(report: &Report) -> String {
    let mut rows = vec![
        ("order", report.order_id.to_string()),
        ("app", report.app_key.to_string()),
        ("title", report.title.clone()),
        ("amount", report.amount_fen.to_string()),
        ("state", report.state.name().to_owned()),
        ("sequence", report.sequence.to_string()),
    ];
    let mut add = |name, value: Option<String>| rows.extend(value.map(|value| (name, value)));
    add("subject", report.subject_id.clone());
    add("code", report.qr_text.clone());
    add("expires", report.expires_s.map(|s| format!("in {s} s")));
    add("trade", report.trade_no.clone());
    add("created", Some(clock::rfc3339(report.created_ms)));
    add("paid", report.paid_ms.map(clock::rfc3339));
    add("reason", Some(reason(report)).filter(|reason| !reason.is_empty()));
    add("interval", report.interval.map(|interval| interval.name().to_owned()));
    add("acked", report.state.is_final().then(|| yes_no(report.acked).to_owned()));
    rows.extend(report.awards.iter().map(|award| ("award", super::lists::award_text(award))));
    self::rows(&rows)
}

/// A word of a table.
pub fn yes_no(yes: bool) -> &'static str {
    if yes {
        "yes"
    } else {
        "no"
    }
}

/// A table, the title last since it is the one that may be cut.
pub fn orders_text(now_ms: i64, lang: Lang, reports: &[Report], columns: usize) -> String {
    let mut rows = vec![lang.heads().map(str::to_owned)];
    rows.extend(reports.iter().map(|report| {
        let acked = if report.state.is_final() { yes_no(report.acked) } else { "-" };
        [
            report.order_id.to_string(),
            report.amount_fen.to_string(),
            report.state.name().to_owned(),
            clock::age(now_ms - report.created_ms),
            acked.to_owned(),
            report.title.clone(),
        ]
    }));
    table(&rows, columns)
}

/// Rows of cells, the first one the heads, in columns.
pub fn table<const N: usize>(rows: &[[String; N]], columns: usize) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|c| clean(c))).collect();
    let widths: [usize; N] =
        std::array::from_fn(|at| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells = cells.map(|(text, wide)| format!("{text}{}", " ".repeat(wide - width(text))));
        let line = cells.collect::<Vec<_>>().join("  ");
        cut(line.trim_end(), columns)
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// Text from outside without what would command a terminal.
pub fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Cells that `text` takes in a terminal.
pub fn width(text: &str) -> usize {
    text.chars().map(char_width).sum()
}

/// East Asian wide characters and emoji take two cells (Unicode TR 11).
fn char_width(c: char) -> usize {
    let wide = matches!(u32::from(c), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3
        | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f | 0x1f900..=0x1f9ff | 0x20000..=0x3fffd);
    if wide {
        2
    } else {
        1
    }
}

/// As much of `text` as fits into `columns` cells, an ellipsis in place of the rest.
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut left = columns.saturating_sub(3);
    for c in text.chars() {
        let Some(rest) = left.checked_sub(char_width(c)) else { break };
        left = rest;
        out.push(c);
    }
    out + &"..."[..columns.min(3)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::facts::{AppKey, OrderId};
    use crate::money::Fen;

    fn report(state: State) -> Report {
        Report {
            app_key: AppKey::new("23012345").unwrap(),
            order_id: OrderId::new("T20261122-0001").unwrap(),
            state,
            sequence: 7,
            amount_fen: Fen::new(100).unwrap(),
            title: "宝石".into(),
            subject_id: None,
            trade_no: None,
            qr_text: Some("HTTP://192.168.100.200:8420/Q/K7F3XY".into()),
            expires_s: Some(300),
            result: Code::OK,
            gateway_code: None,
            message: None,
            awards: Vec::new(),
            interval: None,
            user_id: None,
            created_ms: 1_795_316_581_412,
            paid_ms: None,
            acked: false,
        }
    }

    #[test]
    fn lines_of_events_fit_80_columns() {
        for state in State::ALL {
            let line = event_text(0, EventKind::Order, &report(state));
            assert!(line.contains(&format!("order.{}", state.name())) && width(&line) <= 80);
        }
        let qr = event_text(0, EventKind::Qr, &report(State::Pending));
        assert!(qr.ends_with("\n          HTTP://192.168.100.200:8420/Q/K7F3XY"), "{qr}");
    }

    #[test]
    fn the_json_of_an_event_is_the_report_with_time_and_name() {
        let line = event_json(1_795_316_581_412, EventKind::Order, &report(State::Paid));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["time"], "2026-11-22T03:03:01.412Z");
        assert_eq!(value["event"], "order.paid");
        assert_eq!(value["amount_fen"], 100);
    }

    #[test]
    fn nothing_from_outside_commands_the_terminal() {
        let mut evil = report(State::Failed);
        evil.message = Some("\x1b[2Jgone\nhere".into());
        evil.title = "a\x1b]0;b\x07".into();
        let shown = [
            event_text(0, EventKind::Order, &evil),
            report_text(&evil).replace('\n', ""),
            orders_text(0, Lang::En, &[evil], 200).replace('\n', ""),
        ];
        for text in shown {
            assert!(!text.contains(|c: char| c.is_control()), "{text:?}");
        }
    }

    #[test]
    fn tables_are_aligned_by_cells_and_cut() {
        let mut other = report(State::Scanned);
        other.title = "宝".repeat(60);
        let table = orders_text(1_795_316_641_412, Lang::Zh, &[report(State::Paid), other], 80);
        let lines: Vec<&str> = table.lines().collect();
        let at = |line: &str| width(&line[..line.find('宝').unwrap()]);
        assert_eq!(at(lines[1]), at(lines[2]));
        assert!(lines.iter().all(|line| width(line) <= 80), "{table}");
        assert!(lines[1].contains("60s") && lines[2].ends_with("..."));
    }

    #[test]
    fn cutting_counts_cells() {
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut("abcd", 3), "...");
        assert_eq!(cut("宝石宝石", 7), "宝石...");
        assert_eq!(cut("abcd", 0), "");
    }
}
