//! The last calls at the gateway, for the operator. Kept in memory only, since a box that asks
//! every few seconds is not to wear out the state file.

use std::collections::VecDeque;

use serde_json::Value;

use super::device::Outcome;
use crate::limits::{SANDBOX_CALLS_MAX, SANDBOX_CALL_CHARS_MAX};
use crate::wire::top::Params;

/// One call, or several in a row that differ in nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Logged {
    /// When, Unix milliseconds of the sandbox's clock; of several, the last one.
    pub at_ms: i64,
    /// How often in a row.
    pub times: u32,
    /// What.
    pub call: Called,
}

/// What is told of a call. Every text is cut to `SANDBOX_CALL_CHARS_MAX`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Called {
    /// Who called; none if the app was not recognised.
    pub app_key: Option<String>,
    /// Such as `tvpay.order.query`.
    pub method: String,
    /// The order, attempt, draw or record it is about.
    pub about: String,
    /// What was answered, such as `TRADE_SUCCESS` or an error.
    pub result: String,
    /// It was refused, or the answer was spoilt.
    pub bad: bool,
}

impl Called {
    /// Of a request and what it was answered with.
    pub fn new(params: &Params, app_key: Option<&str>, outcome: &Outcome) -> Called {
        let method = params.get("method").unwrap_or("?");
        let (result, bad) = result_of(outcome);
        Called {
            app_key: app_key.map(str::to_owned),
            method: cut(method.strip_prefix("taobao.").unwrap_or(method)),
            about: cut(&subject(params)),
            result: cut(&result),
            bad,
        }
    }
}

impl Called {
    /// Of a call at the gift gateway, such as `coin.mark`, and its answer.
    pub fn coin(method: &str, about: &str, app_key: Option<&str>, outcome: &Outcome) -> Called {
        let (result, bad) = coin_result_of(outcome);
        Called {
            app_key: app_key.map(str::to_owned),
            method: cut(method),
            about: cut(about),
            result: cut(&result),
            bad,
        }
    }
}

/// Without what a table cannot show.
fn cut(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().take(SANDBOX_CALL_CHARS_MAX).map(shown).collect()
}

/// The last `SANDBOX_CALLS_MAX` calls.
#[derive(Debug, Default)]
pub struct Calls(VecDeque<Logged>);

impl Calls {
    /// Adds one. The same again with nothing in between is counted, so that a box that waits
    /// does not push everything else out.
    pub fn add(&mut self, at_ms: i64, call: Called) {
        if let Some(last) = self.0.back_mut().filter(|last| last.call == call) {
            (last.at_ms, last.times) = (at_ms, last.times.saturating_add(1));
            return;
        }
        if self.0.len() == SANDBOX_CALLS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(Logged { at_ms, times: 1, call });
    }

    /// The calls, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Logged> {
        self.0.iter().rev()
    }
}

/// The first of the names that say what a call is about, also within `data`.
fn subject(params: &Params) -> String {
    const NAMES: [&str; 8] = [
        "partner_order_no",
        "order_no",
        "out_approve_id",
        "attempt",
        "draw_id",
        "record_id",
        "event_key",
        "data",
    ];
    let Some((name, text)) = NAMES.iter().find_map(|name| Some((*name, params.get(name)?))) else {
        return String::new();
    };
    if name != "data" {
        return text.to_owned();
    }
    let data: Value = serde_json::from_str(text).unwrap_or_default();
    data["partner_order_no"].as_str().unwrap_or_default().to_owned()
}

fn result_of(outcome: &Outcome) -> (String, bool) {
    let body = match outcome {
        Outcome::Body(body) => body,
        Outcome::Http500 => return ("HTTP 500".into(), true),
        Outcome::Hang => return ("no answer".into(), true),
    };
    let Ok(Value::Object(root)) = serde_json::from_str(body) else {
        return ("broken JSON".into(), true);
    };
    let Some((name, answer)) = root.iter().next() else { return ("empty".into(), true) };
    if name == "error_response" {
        let text = |name: &str| answer[name].as_str().unwrap_or_default();
        let why = if text("sub_msg").is_empty() { text("msg") } else { text("sub_msg") };
        return (format!("error {}: {why}", answer["code"]), true);
    }
    let result = &answer["result"];
    if result["success"] == Value::Bool(false) {
        return (result["code"].as_str().unwrap_or("refused").to_owned(), true);
    }
    (result["data"]["status"].as_str().unwrap_or("success").to_owned(), false)
}

fn coin_result_of(outcome: &Outcome) -> (String, bool) {
    let Outcome::Body(body) = outcome else { return result_of(outcome) };
    let Ok(answer) = serde_json::from_str::<Value>(body) else {
        return ("broken JSON".into(), true);
    };
    if answer["is_success"] != "T" {
        return (answer["error_code"].as_str().unwrap_or("refused").to_owned(), true);
    }
    let told = answer["record_list"].as_array();
    (told.map_or("success".into(), |records| format!("records: {}", records.len())), false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(method: &str) -> Called {
        Called { method: method.into(), ..Called::default() }
    }

    #[test]
    fn repeats_are_counted_and_the_oldest_go_first() {
        let mut calls = Calls::default();
        (0..5).for_each(|at_ms| calls.add(at_ms, called("query")));
        let first = calls.newest().next().unwrap();
        assert_eq!((first.times, first.at_ms), (5, 4));
        calls.add(6, called("close"));
        calls.add(7, called("query"));
        assert_eq!(calls.newest().map(|call| call.times).collect::<Vec<_>>(), [1, 1, 5]);
        (0..SANDBOX_CALLS_MAX).for_each(|at| calls.add(8, called(&at.to_string())));
        assert_eq!(calls.newest().count(), SANDBOX_CALLS_MAX);
        assert_eq!(calls.newest().last().unwrap().call.method, "0");
    }

    #[test]
    fn a_call_is_told_by_its_answer() {
        let mut params = Params::new();
        params.set("method", "taobao.tvpay.order.precreate");
        params.set("data", r#"{"partner_order_no":"T1"}"#);
        let told = |outcome: Outcome| {
            let call = Called::new(&params, Some("1"), &outcome);
            assert_eq!((&*call.method, &*call.about), ("tvpay.order.precreate", "T1"));
            (call.result, call.bad)
        };
        let mut query = Params::new();
        query.set("order_no", "T2");
        assert_eq!(Called::new(&query, None, &Outcome::Hang).about, "T2");
        let body = |text: &str| Outcome::Body(text.into());
        let paid = r#"{"x_response":{"result":{"success":true,"data":{"status":"PAID"}}}}"#;
        assert_eq!(told(body(paid)), ("PAID".into(), false));
        let done = r#"{"x_response":{"result":{"success":true,"data":{}}}}"#;
        assert_eq!(told(body(done)), ("success".into(), false));
        let no = r#"{"x_response":{"result":{"success":false,"code":"ORDER_CONFLICT"}}}"#;
        assert_eq!(told(body(no)), ("ORDER_CONFLICT".into(), true));
        let error = r#"{"error_response":{"code":25,"msg":"Invalid Signature","sub_msg":""}}"#;
        assert_eq!(told(body(error)), ("error 25: Invalid Signature".into(), true));
        assert_eq!(told(body("{\"x")), ("broken JSON".into(), true));
        assert_eq!(told(body("{}")), ("empty".into(), true));
        assert_eq!(told(Outcome::Http500), ("HTTP 500".into(), true));
        assert_eq!(told(Outcome::Hang), ("no answer".into(), true));
    }

    #[test]
    fn a_call_about_gifts_is_told_by_its_answer() {
        let told = |outcome: Outcome| {
            let call = Called::coin("coin.mark", "7", Some("1"), &outcome);
            (call.result, call.bad)
        };
        let body = |text: &str| Outcome::Body(text.into());
        assert_eq!(
            told(body(r#"{"is_success":"T","app_order_id":"1"}"#)),
            ("success".into(), false)
        );
        let list = r#"{"is_success":"T","record_list":[]}"#;
        assert_eq!(told(body(list)), ("records: 0".into(), false));
        let no = r#"{"is_success":"F","error_code":"RECORD_NOT_FOUND"}"#;
        assert_eq!(told(body(no)), ("RECORD_NOT_FOUND".into(), true));
        assert_eq!(told(body("{")), ("broken JSON".into(), true));
        assert_eq!(told(Outcome::Http500), ("HTTP 500".into(), true));
    }

    #[test]
    fn texts_of_strangers_are_cut_and_shown_whole_in_one_line() {
        let mut params = Params::new();
        params.set("method", format!("a\n\u{1b}{}", "语".repeat(SANDBOX_CALL_CHARS_MAX)));
        let call = Called::new(&params, None, &Outcome::Http500);
        assert_eq!(call.method.chars().count(), SANDBOX_CALL_CHARS_MAX);
        assert!(call.method.starts_with("a\u{fffd}\u{fffd}语"));
    }
}
