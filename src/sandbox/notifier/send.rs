//! Sends what is due, several at once, and writes down what came of it. Blocking calls are on
//! threads of their own, and the state is not locked meanwhile.

use std::sync::Arc;
use std::time::Instant;

use super::super::server::printable;
use super::super::settings::NotifyMethod;
use super::super::shared::Shared;
use super::Attempt;
use crate::core::call::Doubt;
use crate::core::facts::is_unsafe_on_screen;
use crate::gateway::http::{fetch, fetch_on_loopback, Fetch, Fetched};
use crate::gateway::HttpMethod;
use crate::limits::{
    SANDBOX_NOTIFY_ANSWER_BYTES_MAX, SANDBOX_NOTIFY_ANSWER_CHARS_MAX, SANDBOX_NOTIFY_DEADLINE_S,
};
use crate::wire::keys::PublicKey;
use crate::wire::{blocks, notify};

/// One attempt that is to be made.
#[derive(Clone, Debug)]
pub struct Send {
    /// Which notify.
    pub number: u64,
    /// The notify URL.
    pub url: String,
    /// How the data travels.
    pub method: NotifyMethod,
    /// What is encrypted.
    pub message: String,
    /// With which public key; none: the app has none any more.
    pub key: Option<String>,
    /// The sandbox's clock, Unix milliseconds.
    pub now_ms: i64,
}

/// Sends until the sandbox stops. What is on its way then counts as not sent.
pub async fn run(shared: Arc<Shared>) {
    loop {
        // What is told is in the state file by then, if there is one.
        for send in shared.act(|state, now_ms| state.take_notifies(now_ms)).await {
            tokio::spawn(send_one(shared.clone(), send));
        }
        tokio::select! {
            () = shared.notifies_due() => {}
            () = shared.stopped() => return,
        }
    }
}

async fn send_one(shared: Arc<Shared>, send: Send) {
    let (number, url, lan) = (send.number, send.url.clone(), shared.place.lan);
    let (at_ms, method) = (send.now_ms, send.method);
    let attempt = tokio::task::spawn_blocking(move || attempt(&send, lan)).await;
    let attempt = attempt.unwrap_or_else(|error| {
        let trouble = Some(format!("the sandbox failed: {error}"));
        Attempt { at_ms, method, trouble, ..Attempt::default() }
    });
    (shared.log)(&format!(
        "--> {} {} {} {}ms",
        method.name().to_ascii_uppercase(),
        printable(&url),
        plain(&attempt.outcome()),
        attempt.took_ms
    ));
    shared.act_now(|state, now_ms| state.notify_done(number, attempt, now_ms));
}

/// Blocks until it is over.
fn attempt(send: &Send, lan: bool) -> Attempt {
    let began = Instant::now();
    let (data, result) = match encrypt(send) {
        Ok(data) => {
            let result = exchange(send, &data, lan).map_err(|doubt| doubt.detail);
            (data, result)
        }
        Err(trouble) => (String::new(), Err(trouble)),
    };
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let attempt =
        Attempt { at_ms: send.now_ms, took_ms, method: send.method, data, ..Attempt::default() };
    match result {
        Ok(answer) => Attempt {
            acked: is_ack(&answer),
            status: Some(answer.status),
            answer: shown(&String::from_utf8_lossy(&answer.body)),
            ..attempt
        },
        Err(trouble) => Attempt { trouble: Some(shown(&trouble)), ..attempt },
    }
}

fn encrypt(send: &Send) -> Result<String, String> {
    let key = send.key.as_deref().ok_or("the app has no public key")?;
    let key = PublicKey::read(key).map_err(|error| format!("the app's public key: {error}"))?;
    blocks::encrypt(&key, send.message.as_bytes()).map_err(|error| error.to_string())
}

/// The URL comes from a box: without `lan` it may lead to this machine only.
fn exchange(send: &Send, data: &str, lan: bool) -> Result<Fetched, Doubt> {
    let (method, url, body) = match send.method {
        NotifyMethod::Get => (HttpMethod::Get, notify::target(&send.url, data), String::new()),
        NotifyMethod::Post => (HttpMethod::Post, send.url.clone(), notify::form(data)),
    };
    let request = Fetch {
        method,
        url,
        content_type: None,
        body,
        idempotency_key: None,
        body_bytes_max: SANDBOX_NOTIFY_ANSWER_BYTES_MAX,
        deadline_s: SANDBOX_NOTIFY_DEADLINE_S,
    };
    if lan {
        fetch(&request)
    } else {
        fetch_on_loopback(&request).map_err(|doubt| {
            let hint = if doubt.detail.contains("not this machine") { "; see --lan" } else { "" };
            Doubt { detail: format!("{}{hint}", doubt.detail), ..doubt }
        })
    }
}

/// Status 200 and the seven bytes, but for white space around them (protocol notes 6.3).
fn is_ack(answer: &Fetched) -> bool {
    answer.status == 200 && answer.body.trim_ascii() == b"success"
}

/// In one line, cut short: it goes to terminals and pages.
fn shown(text: &str) -> String {
    let one_line = |c: char| if c.is_whitespace() { ' ' } else { c };
    let visible = |c: char| if is_unsafe_on_screen(c) { '\u{fffd}' } else { c };
    let text = text.trim().chars().take(SANDBOX_NOTIFY_ANSWER_CHARS_MAX);
    text.map(one_line).map(visible).collect()
}

/// For a terminal: ASCII only.
fn plain(text: &str) -> String {
    let shown = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ack_is_exact() {
        let said = |status: u16, body: &str| is_ack(&Fetched { status, body: body.into() });
        for body in ["success", "success\n", " success", "\r\n\tsuccess\x0c \r\n"] {
            assert!(said(200, body), "{body:?}");
        }
        for body in [
            "",
            "Success",
            "SUCCESS",
            "successful",
            "\"success\"",
            "success.",
            "fail",
            "\u{feff}success",
            "\u{a0}success",
            "suc cess",
            "success\0",
            "<p>success</p>",
        ] {
            assert!(!said(200, body), "{body:?}");
        }
        for status in [100, 199, 201, 202, 204, 206, 301, 302, 400, 404, 500, 503] {
            assert!(!said(status, "success"), "{status}");
        }
    }

    #[test]
    fn what_a_receiver_says_is_one_short_line() {
        assert_eq!(shown("  a\r\nb\tc\u{1b}[31m\0 "), "a  b c\u{fffd}[31m\u{fffd}");
        assert_eq!(shown(&"语".repeat(2_000)).chars().count(), SANDBOX_NOTIFY_ANSWER_CHARS_MAX);
    }
}
