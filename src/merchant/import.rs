//! Orders from a file: one JSON object a line. All of them are registered, or none.

use serde::Deserialize;

use super::ledger::{Ledger, LedgerError, NewOrder, Plan, Registered};
use crate::core::facts::{Interval, OrderId};
use crate::limits::IMPORT_ORDERS_MAX;
use crate::money::Fen;
use crate::wire::json::check_json;

/// A line that cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct BadLine {
    /// 1 for the first line of the file.
    pub line: usize,
    /// What is wrong with it, naming the field.
    pub message: String,
}

/// What was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Imported {
    /// Orders that were not there.
    pub new: usize,
    /// Orders that were there with the same facts.
    pub known: usize,
}

/// Reads the text of a file and registers its orders in one transaction. A line is such as
/// `{"order_no":"T1","price_fen":600,"subject":"60 gems"}`, with `subject_id` and `plan` as
/// the ledger's own JSON has them. Empty lines are passed over.
///
/// # Errors
/// Every bad line, in their order: nothing was registered then. A file of more than
/// `IMPORT_ORDERS_MAX` orders is bad at the first line too many. A failure of the ledger as a
/// whole is one bad line of number 0.
pub fn import(ledger: &Ledger, text: &str, now_ms: i64) -> Result<Imported, Vec<BadLine>> {
    let (orders, lines) = read(text)?;
    let registered = ledger.register_all(&orders, now_ms).map_err(|refused| {
        let bad = refused.into_iter().map(|(at, error)| BadLine {
            line: at.map_or(0, |at| lines[at]),
            message: sentence(&error),
        });
        bad.collect::<Vec<_>>()
    })?;
    let new = registered.iter().filter(|how| **how == Registered::New).count();
    Ok(Imported { new, known: registered.len() - new })
}

fn sentence(error: &LedgerError) -> String {
    match error {
        LedgerError::Conflict { field } => {
            format!("{field}: an order with this number, and another {field}, is there already")
        }
        error => error.to_string(),
    }
}

/// The orders, and the number of the line of each.
fn read(text: &str) -> Result<(Vec<NewOrder>, Vec<usize>), Vec<BadLine>> {
    let (mut orders, mut lines, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (number, line) in filled.map(|(at, line)| (at + 1, line)) {
        if orders.len() + bad.len() == IMPORT_ORDERS_MAX {
            let message = format!("more than {IMPORT_ORDERS_MAX} orders: split the file");
            bad.push(BadLine { line: number, message });
            break;
        }
        match order(line) {
            Ok(order) => {
                orders.push(order);
                lines.push(number);
            }
            Err(message) => bad.push(BadLine { line: number, message }),
        }
    }
    if bad.is_empty() {
        Ok((orders, lines))
    } else {
        Err(bad)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawOrder {
    order_no: OrderId,
    price_fen: Fen,
    subject: String,
    subject_id: Option<String>,
    plan: Option<RawPlan>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlan {
    interval: Interval,
    prices_fen: Vec<Fen>,
    subject: String,
    notify_url: String,
}

fn order(line: &str) -> Result<NewOrder, String> {
    check_json(line).map_err(|error| error.to_string())?;
    if !line.trim_start().starts_with('{') {
        return Err("an object is expected".into());
    }
    let mut json = serde_json::Deserializer::from_str(line);
    let raw: RawOrder = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.inner().to_string());
        // What is said of the object itself names the member in its text.
        if path == "." {
            inner
        } else {
            format!("{path}: {inner}")
        }
    })?;
    let order = NewOrder {
        order_no: raw.order_no,
        price_fen: raw.price_fen,
        subject: raw.subject,
        subject_id: raw.subject_id,
        plan: raw.plan.map(|plan| Plan {
            interval: plan.interval,
            prices_fen: plan.prices_fen,
            subject: plan.subject,
            notify_url: plan.notify_url,
        }),
        charge: None,
    };
    order.check().map_err(|error| error.to_string())?;
    Ok(order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merchant::ledger::{Filter, Which};

    const NOW_MS: i64 = 1_466_395_200_000;

    fn ledger() -> (tempfile::TempDir, Ledger) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.sqlite")).unwrap();
        (dir, ledger)
    }

    fn line(order_no: &str, price_fen: i64) -> String {
        format!(r#"{{"order_no":"{order_no}","price_fen":{price_fen},"subject":"60 gems"}}"#)
    }

    fn with_plan(interval: &str, first_fen: i64) -> String {
        let plan = format!(
            r#"{{"interval":"{interval}","prices_fen":[{first_fen}],"subject":"x","notify_url":"http://h/"}}"#
        );
        format!(r#"{{"order_no":"T1","price_fen":1,"subject":"x","plan":{plan}}}"#)
    }

    fn count(ledger: &Ledger) -> usize {
        ledger.list(&Filter::newest(Which::All, 1_000)).unwrap().len()
    }

    #[test]
    fn a_file_is_imported_and_imported_again() {
        let (_dir, ledger) = ledger();
        let plan = r#"{"order_no":"S1","price_fen":100,"subject":"Pass","subject_id":"p",
            "plan":{"interval":"month","prices_fen":[100,200],"subject":"Monthly",
            "notify_url":"https://shop.example/n"}}"#;
        let plan = plan.replace('\n', " ");
        let text = format!("\u{feff}{}\r\n\n{plan}\n", line("T1", 600));
        assert_eq!(import(&ledger, &text, NOW_MS), Ok(Imported { new: 2, known: 0 }));
        let more = format!("{text}{}\n", line("T2", 1));
        assert_eq!(import(&ledger, &more, NOW_MS), Ok(Imported { new: 1, known: 2 }));
        let kept = ledger.find(&OrderId::new("S1").unwrap()).unwrap().unwrap();
        assert_eq!(kept.plan.unwrap().prices_fen.len(), 2);
        assert_eq!(import(&ledger, "\n", NOW_MS), Ok(Imported::default()));
    }

    #[test]
    fn every_bad_line_is_named_with_its_field_and_nothing_is_taken() {
        let (_dir, ledger) = ledger();
        let bad = [
            ("{", "EOF"),
            ("[\"T1\",600,\"60 gems\"]", "object"),
            (r#"{"order_no":"T 1","price_fen":600,"subject":"x"}"#, "order_no"),
            (r#"{"order_no":"T1","price_fen":"600","subject":"x"}"#, "price_fen"),
            (r#"{"order_no":"T1","price_fen":0,"subject":"x"}"#, "price_fen"),
            (r#"{"order_no":"T1","price_fen":6.5,"subject":"x"}"#, "price_fen"),
            (r#"{"order_no":"T1","price_fen":600}"#, "subject"),
            (r#"{"order_no":"T1","price_fen":600,"subject":""}"#, "subject"),
            (r#"{"order_no":"T1","price_fen":600,"price_fen":1,"subject":"x"}"#, "twice"),
            (r#"{"order_no":"T1","price_fen":600,"subject":"x","amount":1}"#, "amount"),
            (&with_plan("week", 1), "plan.interval"),
            (&with_plan("month", 2), "prices_fen"),
        ];
        let mut text = line("GOOD", 1);
        bad.iter().for_each(|(bad, _)| text += &format!("\n{bad}"));
        let told = import(&ledger, &text, NOW_MS).unwrap_err();
        assert_eq!(told.len(), bad.len(), "{told:?}");
        for (at, (told, (_, word))) in told.iter().zip(bad).enumerate() {
            assert_eq!(told.line, at + 2);
            assert!(told.message.contains(word), "{told:?} {word}");
        }
        assert_eq!(count(&ledger), 0);
    }

    #[test]
    fn a_line_that_conflicts_with_the_ledger_or_another_line_stops_all() {
        let (_dir, ledger) = ledger();
        import(&ledger, &line("T1", 600), NOW_MS).unwrap();
        let text = [line("T2", 1), line("T1", 601), line("T3", 1), line("T2", 2)].join("\n");
        let told = import(&ledger, &text, NOW_MS).unwrap_err();
        assert_eq!(told.iter().map(|bad| bad.line).collect::<Vec<_>>(), [2, 4]);
        assert!(told.iter().all(|bad| bad.message.contains("price_fen")), "{told:?}");
        assert_eq!(count(&ledger), 1);
    }

    #[test]
    fn a_file_that_is_too_long_is_refused_whole() {
        let (_dir, ledger) = ledger();
        let lines: Vec<String> =
            (0..=IMPORT_ORDERS_MAX).map(|n| line(&format!("T{n}"), 1)).collect();
        let told = import(&ledger, &lines.join("\n"), NOW_MS).unwrap_err();
        assert_eq!(told.len(), 1);
        assert_eq!(told[0].line, IMPORT_ORDERS_MAX + 1);
        assert_eq!(count(&ledger), 0);
    }
}
