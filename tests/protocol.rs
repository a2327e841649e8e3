//! The socket, line by line. `protocol/*.jsonl` and the transcripts in `docs/` are
//! played against a server: `-> ` is sent as it stands, `<- ` must come next, `@ ` is what
//! happens elsewhere. Expected objects may leave members out; "…" at the end of a text stands
//! for any rest, and members that depend on the moment are compared by kind only.

mod common;

use std::fs;
use std::path::Path;

use alitv_pay::core::call::{AuthStatus, TradeStatus};
use common::{FakeGateway, Peer, Running};
use serde_json::Value;

/// Members whose value depends on the moment.
const OF_THE_MOMENT: [&str; 6] =
    ["created_ms", "paid_ms", "uptime_s", "journal_bytes", "clock_offset_ms", "server"];

fn check(expected: &Value, actual: &Value, at: &str) {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            for (name, value) in expected {
                let found =
                    actual.get(name).unwrap_or_else(|| panic!("{at}: no {name}: {actual:?}"));
                if OF_THE_MOMENT.contains(&name.as_str()) {
                    assert_eq!(value.is_string(), found.is_string(), "{at}: {name} is {found}");
                } else {
                    check(value, found, &format!("{at}, {name}"));
                }
            }
        }
        (Value::Array(expected), Value::Array(actual)) => {
            assert_eq!(expected.len(), actual.len(), "{at}: {actual:?}");
            expected.iter().zip(actual).for_each(|(a, b)| check(a, b, at));
        }
        (Value::String(expected), Value::String(actual)) if expected.ends_with('…') => {
            let prefix = expected.trim_end_matches('…');
            assert!(actual.starts_with(prefix), "{at}: {actual:?} instead of {expected:?}");
        }
        _ => assert_eq!(expected, actual, "{at}"),
    }
}

fn play(name: &str, text: &str) {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start_knowing(dir.path(), FakeGateway::with_profile());
    let mut peer = server.connect();
    let (mut lines, mut skip) = (0, false);
    for (number, line) in text.lines().enumerate() {
        let at = format!("{name}:{}", number + 1);
        if let Some(request) = line.strip_prefix("-> ") {
            peer.send(request);
        } else if let Some(expected) = line.strip_prefix("<- ") {
            lines += 1;
            let expected = serde_json::from_str(expected).expect(&at);
            let mut value = peer.value();
            while std::mem::take(&mut skip) && value.get("method").is_some() {
                (value, skip) = (peer.value(), true);
            }
            check(&expected, &value, &at);
        } else if line == "@ skip events" {
            skip = true;
        } else if let Some(action) = line.strip_prefix("@ ") {
            act(&server, &mut peer, action, &at);
        } else {
            assert!(line.is_empty() || line.starts_with('#'), "{at}: {line}");
        }
    }
    assert!(lines > 0, "{name} expects nothing");
    peer.send(r#"{"id":"end","method":"unwatch"}"#);
    let mut next = peer.value();
    while skip && next.get("method").is_some() {
        next = peer.value();
    }
    assert_eq!(next["id"], "end", "{name}: more came than was written down: {next}");
}

fn act(server: &Running, peer: &mut Peer, action: &str, at: &str) {
    let words: Vec<&str> = action.split(' ').collect();
    match words[..] {
        ["phone", "pays", id] => server.gateway.pay(id),
        ["phone", "scans", id] => server.gateway.set(id, TradeStatus::WaitBuyerPay),
        ["phone", "opens", "the", "sign-in"] => server.gateway.sign_in(AuthStatus::Scanned),
        ["phone", "signs", "in", user_id] => server.gateway.grant(user_id, true),
        ["phone", "signs", "in", user_id, "only"] => server.gateway.grant(user_id, false),
        ["phone", "says", "no"] => server.gateway.sign_in(AuthStatus::Denied),
        ["phone", "signs", "out"] => server.gateway.sign_out(),
        ["gateway", "offline"] => server.gateway.set_offline(true),
        ["gateway", "busy"] => server.gateway.set_busy(true),
        ["gateway", "not", "busy"] => server.gateway.set_busy(false),
        ["connect", "again"] => *peer = server.connect(),
        ["close", "the", "page"] => {
            let mut other = server.connect();
            let snapshot = other.ask(r#"{"id":1,"method":"watch"}"#);
            let web_id = snapshot["result"]["apps"][0]["web"]["web_id"].as_str().expect(at);
            let params = format!(r#""params":{{"web_id":"{web_id}"}}"#);
            peer.send(&format!(r#"{{"id":"close","method":"web.closed",{params}}}"#));
        }
        _ => panic!("{at}: {action}"),
    }
}

#[test]
fn transcripts_are_true() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/protocol");
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        play(&file.display().to_string(), &fs::read_to_string(&file).unwrap());
    }
}

#[test]
fn the_documents_tell_a_true_conversation() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for name in ["protocol.md", "protocol.zh-CN.md"] {
        let text = fs::read_to_string(docs.join(name)).unwrap();
        let talks: Vec<&str> = text.split("```jsonl\n").skip(1).collect();
        assert_eq!(talks.len(), 2, "{name}");
        for talk in talks {
            play(name, talk.split_once("```").expect(name).0);
        }
    }
}

/// Every method, state, error and bound that the document names is the one in the code, and
/// none is missing.
#[test]
fn the_documents_name_what_there_is() {
    use alitv_pay::core::code::TABLE;
    use alitv_pay::core::report::State;
    use alitv_pay::ipc::proto::METHODS;
    use alitv_pay::limits::*;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for name in ["protocol.md", "protocol.zh-CN.md"] {
        let text = fs::read_to_string(docs.join(name)).unwrap();
        for method in METHODS {
            assert!(text.contains(&format!("\n| `{method}` |")), "{name}: {method}");
        }
        for state in State::ALL {
            assert!(text.contains(&format!("`{}`", state.name())), "{name}: {state:?}");
        }
        for row in text.lines().filter(|line| line.starts_with("| -") && !line.contains("| -32")) {
            let cells: Vec<&str> = row.split('|').map(str::trim).collect();
            let known = TABLE
                .iter()
                .any(|(code, name, _)| code.0.to_string() == cells[1] && *name == cells[2]);
            assert!(known, "{name}: {row}");
        }
        check_params_and_errors(name, &text);
        for bound in [
            LINE_BYTES_MAX,
            SESSIONS_MAX,
            SESSIONS_PER_UID_MAX,
            SESSIONS_NEW_PER_S_MAX,
            ORDER_ID_BYTES_MAX,
            TITLE_CHARS_MAX,
            NOTIFY_URL_BYTES_MAX,
            AMOUNT_FEN_MAX as usize,
            EXPIRES_S_MAX as usize,
            ORDERS_LIST_MAX,
            ORDERS_UNACKED_PER_APP_MAX,
            AUTHS_NEW_PER_MINUTE_MAX,
            LOOKUPS_PER_APP_MAX,
            LOOKUPS_PER_SESSION_MAX,
            WEB_OPEN_S_MAX as usize,
            WEB_PARAM_VALUE_BYTES_MAX,
            DESCRIPTION_CHARS_MAX,
        ] {
            assert!(text.contains(&bound.to_string()), "{name}: {bound}");
        }
    }
}

/// The table of methods has the params of the OpenRPC document, and the table of errors its
/// errors.
fn check_params_and_errors(name: &str, text: &str) {
    let document = alitv_pay::ipc::openrpc::document();
    for method in document["methods"].as_array().unwrap() {
        let method_name = method["name"].as_str().unwrap();
        let start = format!("| `{method_name}` |");
        let row = text.lines().find(|line| line.starts_with(&start)).unwrap();
        let params = row.split('|').nth(2).unwrap();
        let mut count = 0;
        for param in method["params"].as_array().unwrap() {
            let mark = if param["required"] == true { "" } else { "?" };
            let shown = format!("`{}{mark}`", param["name"].as_str().unwrap());
            if shown != "`app_key?`" {
                assert!(params.contains(&shown), "{name}: {method_name} has {shown}");
                count += usize::from(mark == "?");
            }
        }
        assert_eq!(params.matches("?`").count(), count, "{name}: {method_name} has no more");
        for error in method["errors"].as_array().unwrap() {
            let error = error["$ref"].as_str().unwrap().rsplit('/').next().unwrap();
            assert!(text.contains(&format!(" | {error} | ")), "{name}: {error} of {method_name}");
        }
    }
}
