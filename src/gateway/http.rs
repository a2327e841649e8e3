//! The only user of the HTTP client. minreq is small and trusting: it takes a cut-off body
//! for a whole one, garbage for status 503, follows redirects with the body, and has no
//! deadline of its own over a body. Each of these is refused here; the tests in
//! `tests/http_rules.rs` name them one by one.
//!
//! `Http` speaks to gateways and is strict; `fetch` speaks to whatever answers at an address
//! that somebody configured, and hands back what it said.

use std::io::{self, Read};
use std::net::ToSocketAddrs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{sync_channel, RecvTimeoutError};
use std::sync::{Arc, LazyLock};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::de::IgnoredAny;

use super::{url, HttpAnswer, HttpMethod, HttpRequest, Transport};
use crate::core::call::{Doubt, DoubtKind};
use crate::limits::{
    FETCH_THREADS_MAX, HTTP_BODY_BYTES_MAX, HTTP_HEADERS_BYTES_MAX, HTTP_HEADERS_MAX,
    HTTP_STATUS_LINE_BYTES_MAX, HTTP_THREADS_MAX, WORKER_STACK_BYTES,
};

const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

/// HTTP/1.1 over TCP or TLS, one connection for each request, no proxy, no redirect.
#[derive(Default)]
pub struct Http {
    exchanges: Arc<AtomicUsize>,
}

impl Http {
    /// No connection yet.
    pub fn new() -> Http {
        Http::default()
    }
}

impl Transport for Http {
    /// Takes an answer with status 200 whose length was announced, or that came in chunks and
    /// is one whole JSON object: minreq cannot tell a last chunk from a cut cable, and an
    /// object that was cut off is none. At most `HTTP_THREADS_MAX` exchanges exist at once.
    fn send(&self, request: &HttpRequest) -> Result<HttpAnswer, Doubt> {
        let slot = Slot::take(&self.exchanges, HTTP_THREADS_MAX)?;
        let request = request.clone();
        in_time(slot, request.deadline_s, move || talk(&request))
    }
}

/// A request to somebody who is not a gateway: a merchant's notify URL, a target to forward to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetch {
    /// With `Get`, neither `body` nor `content_type` is sent.
    pub method: HttpMethod,
    /// `http` or `https`, printable ASCII, with a plain host name or an IPv4 address; a
    /// fragment is dropped.
    pub url: String,
    /// Of `body`; a form if not given.
    pub content_type: Option<&'static str>,
    /// What a POST carries.
    pub body: String,
    /// Header `Idempotency-Key`, printable ASCII: the same for each repetition of one thing.
    pub idempotency_key: Option<String>,
    /// What is read of the answer's body; the rest is not waited for.
    pub body_bytes_max: usize,
    /// From name resolution to the last byte that is read.
    pub deadline_s: u64,
}

/// What came back. That says nothing about who wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Any status, a redirect's too: none is followed.
    pub status: u16,
    /// The first `body_bytes_max` bytes. Shorter than an announced length it never is; chunked
    /// or without a length, it may have been cut off.
    pub body: Vec<u8>,
}

/// Sends once and waits, at most `deadline_s`. Blocks; call it on a thread that may.
///
/// # Errors
/// In doubt if the URL or the key is none, nobody answers in time, or what answers does not speak HTTP;
/// the request may have arrived all the same. More than `FETCH_THREADS_MAX` at once are refused.
pub fn fetch(request: &Fetch) -> Result<Fetched, Doubt> {
    fetch_from(request, false)
}

/// As `fetch`, but only from this machine: a name is looked up first, and each address that it
/// has must be one of loopback.
///
/// # Errors
/// Also if the host is another one; then nothing was sent.
pub fn fetch_on_loopback(request: &Fetch) -> Result<Fetched, Doubt> {
    fetch_from(request, true)
}

fn fetch_from(request: &Fetch, loopback_only: bool) -> Result<Fetched, Doubt> {
    static FETCHES: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);
    url::parse(&request.url).map_err(|why| network(format!("the URL {why}")))?;
    let is_plain = |key: &String| key.bytes().all(|b| b.is_ascii_graphic());
    if !request.idempotency_key.as_ref().is_none_or(is_plain) {
        return Err(network("the idempotency key must be printable ASCII"));
    }
    let slot = Slot::take(&FETCHES, FETCH_THREADS_MAX)?;
    let request = request.clone();
    in_time(slot, request.deadline_s, move || {
        if loopback_only {
            check_loopback(&request.url)?;
        }
        talk_to_anybody(&request)
    })
}

fn check_loopback(url: &str) -> Result<(), Doubt> {
    let url = url::parse(url).map_err(|why| network(format!("the URL {why}")))?;
    let addresses = (url.host, url.port).to_socket_addrs();
    let mut addresses = addresses.map_err(|error| network(error.to_string()))?;
    match addresses.find(|address| !address.ip().is_loopback()) {
        Some(address) => {
            let (host, ip) = (url.host, address.ip());
            let at = if host == ip.to_string() { String::new() } else { format!(" ({ip})") };
            Err(network(format!("{host}{at} is not this machine: nothing was sent")))
        }
        None => Ok(()),
    }
}

/// Runs an exchange on a thread of its own, which is left behind when the deadline passes:
/// name resolution and a TLS record that arrives in drops heed no deadline. It ends by itself;
/// the slot, which it keeps, bounds how many there can be.
fn in_time<T: Send + 'static>(
    slot: Slot,
    deadline_s: u64,
    exchange: impl FnOnce() -> Result<T, Doubt> + Send + 'static,
) -> Result<T, Doubt> {
    let (done, result) = sync_channel(1);
    let run = move || {
        let _slot = slot;
        // The receiver is gone if the deadline has passed; so is the need to know.
        let _ = done.send(exchange());
    };
    thread::Builder::new()
        .name("alitv-http".into())
        .stack_size(WORKER_STACK_BYTES)
        .spawn(run)
        .map_err(|error| network(format!("no thread for the call: {error}")))?;
    match result.recv_timeout(Duration::from_secs(deadline_s)) {
        Ok(result) => result,
        Err(RecvTimeoutError::Timeout) => Err(network("no whole answer in time")),
        Err(RecvTimeoutError::Disconnected) => {
            Err(gateway("the HTTP client gave up on the answer"))
        }
    }
}

/// One of so many exchanges that may exist, abandoned ones included.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(exchanges: &Arc<AtomicUsize>, max: usize) -> Result<Slot, Doubt> {
        let free = |count: usize| (count < max).then_some(count + 1);
        exchanges
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, free)
            .map_err(|_| network("too many earlier calls are still hanging"))?;
        Ok(Slot(exchanges.clone()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A request of ours; nothing in it may come from outside but the URL, which has been read,
/// and the body.
fn request_to(
    method: HttpMethod,
    url: &str,
    (content_type, body): (&str, &str),
    deadline_s: u64,
) -> minreq::Request {
    let request = match method {
        HttpMethod::Get => minreq::get(url),
        HttpMethod::Post => {
            minreq::post(url).with_header("Content-Type", content_type).with_body(body.as_bytes())
        }
    };
    request
        .with_header("User-Agent", concat!("alitv-pay/", env!("CARGO_PKG_VERSION")))
        .with_header("Connection", "close")
        .with_timeout(deadline_s)
        .with_follow_redirects(false)
        .with_max_headers_size(HTTP_HEADERS_BYTES_MAX)
        .with_max_status_line_length(HTTP_STATUS_LINE_BYTES_MAX)
}

fn talk(request: &HttpRequest) -> Result<HttpAnswer, Doubt> {
    let content = (FORM, request.body.as_str());
    let mut response = request_to(request.method, &request.url, content, request.deadline_s)
        .with_header("Accept", "application/json, text/javascript")
        .send_lazy()
        .map_err(doubt_of)?;
    if response.status_code != 200 {
        return Err(gateway(format!("HTTP status {}", response.status_code)));
    }
    let body = match framing(&response.headers)? {
        Framing::Length(length) if length > HTTP_BODY_BYTES_MAX => return Err(too_long()),
        Framing::Length(length) => read_exactly(&mut response, length)?,
        Framing::Chunked => read_object(&mut response)?,
        Framing::UntilClosed => return Err(gateway("the answer has no Content-Length")),
    };
    String::from_utf8(body)
        .map(|body| HttpAnswer { body })
        .map_err(|_| gateway("the answer is not UTF-8"))
}

fn talk_to_anybody(request: &Fetch) -> Result<Fetched, Doubt> {
    let content = (request.content_type.unwrap_or(FORM), request.body.as_str());
    let mut to_send = request_to(request.method, &request.url, content, request.deadline_s)
        .with_header("Accept", "*/*");
    if let Some(key) = &request.idempotency_key {
        to_send = to_send.with_header("Idempotency-Key", key);
    }
    let mut response = to_send.send_lazy().map_err(doubt_of)?;
    let status = response.status_code;
    // What minreq makes of an answer without a status line.
    if status == 503 && response.reason_phrase == "Server did not provide a status line" {
        return Err(gateway("the answer is not HTTP"));
    }
    let max = request.body_bytes_max;
    let body = match framing(&response.headers)? {
        _ if status == 204 || status == 304 => Vec::new(),
        Framing::Length(length) => read_exactly(&mut response, length.min(max))?,
        Framing::Chunked | Framing::UntilClosed => read_up_to(&mut response, max)?,
    };
    Ok(Fetched { status, body })
}

/// What tells where a body ends.
#[derive(Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
    UntilClosed,
}

/// Where the body ends, if the headers leave no doubt about it. minreq has trimmed and
/// compared the names loosely, so a loosely written one is refused whatever it says.
fn framing(headers: &[(String, String)]) -> Result<Framing, Doubt> {
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if headers.len() > HTTP_HEADERS_MAX || bytes > HTTP_HEADERS_BYTES_MAX {
        return Err(gateway("too many headers"));
    }
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if headers.iter().any(|(name, _)| name.is_empty() || !name.bytes().all(is_token)) {
        return Err(gateway("a header has no proper name"));
    }
    let values = |wanted: &str| {
        let wanted = wanted.to_owned();
        headers.iter().filter(move |(name, _)| *name == wanted).map(|(_, value)| value.trim())
    };
    if values("content-encoding").any(|value| !value.eq_ignore_ascii_case("identity")) {
        return Err(gateway("Content-Encoding was not asked for"));
    }
    let codings: Vec<&str> = values("transfer-encoding").collect();
    let lengths: Vec<&str> = values("content-length").collect();
    match (codings.as_slice(), lengths.as_slice()) {
        ([], [digits]) => parse_length(digits),
        ([coding], []) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunked),
        ([], []) => Ok(Framing::UntilClosed),
        ([], _) => Err(gateway("the answer has two Content-Length")),
        (_, []) => Err(gateway("no Transfer-Encoding but chunked is supported")),
        (_, _) => Err(gateway("the answer has a Transfer-Encoding and a Content-Length")),
    }
}

fn parse_length(digits: &str) -> Result<Framing, Doubt> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    let length = digits.parse().ok().filter(|_| plain);
    length.map(Framing::Length).ok_or_else(|| gateway("Content-Length is not a number"))
}

/// Exactly `length` bytes; minreq would take fewer for the whole.
fn read_exactly(response: &mut impl Read, length: usize) -> Result<Vec<u8>, Doubt> {
    let mut body = vec![0; length];
    response.read_exact(&mut body).map_err(doubt_of_body)?;
    Ok(body)
}

/// What comes until the end or `max` bytes.
fn read_up_to(response: &mut impl Read, max: usize) -> Result<Vec<u8>, Doubt> {
    let mut body = Vec::new();
    let mut bounded = response.take(u64::try_from(max).unwrap_or(u64::MAX));
    bounded.read_to_end(&mut body).map_err(doubt_of_body)?;
    Ok(body)
}

/// One whole JSON object, so that nothing is missing that has not arrived.
fn read_object(response: &mut impl Read) -> Result<Vec<u8>, Doubt> {
    let body = read_up_to(response, HTTP_BODY_BYTES_MAX + 1)?;
    if body.len() > HTTP_BODY_BYTES_MAX {
        return Err(too_long());
    }
    let begun = body.trim_ascii_start().starts_with(b"{");
    match serde_json::from_slice::<IgnoredAny>(&body) {
        Ok(_) if begun => Ok(body),
        _ => Err(gateway("the answer came in chunks and is not one whole JSON object")),
    }
}

fn doubt_of_body(error: io::Error) -> Doubt {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => gateway("the answer was cut off"),
        // minreq's own errors about chunks.
        io::ErrorKind::Other => gateway(format!("the chunks are spoilt: {error}")),
        _ => network(error.to_string()),
    }
}

fn too_long() -> Doubt {
    gateway(format!("longer than {HTTP_BODY_BYTES_MAX} bytes"))
}

fn doubt_of(error: minreq::Error) -> Doubt {
    use minreq::Error as E;
    match &error {
        E::IoError(io) => {
            let inner = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            match inner {
                Some(tls) => tls_doubt(tls),
                None => network(io.to_string()),
            }
        }
        E::MalformedChunkLength
        | E::MalformedChunkEnd
        | E::MalformedContentLength
        | E::HeadersOverflow
        | E::StatusLineOverflow
        | E::InvalidUtf8InResponse => gateway(error.to_string()),
        _ => network(error.to_string()),
    }
}

/// "Not valid yet" before the day this program was built is the fault of the box's clock,
/// which a TLS error does not tell anybody.
fn tls_doubt(error: &rustls::Error) -> Doubt {
    use rustls::{CertificateError as C, Error as E};
    let early =
        matches!(error, E::InvalidCertificate(C::NotValidYet | C::NotValidYetContext { .. }));
    if early && now_s() < build_s() {
        return Doubt {
            kind: DoubtKind::Clock,
            detail: format!("the clock says {} s after 1970, before this build: {error}", now_s()),
        };
    }
    network(error.to_string())
}

fn now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// When this program was built, or `SOURCE_DATE_EPOCH` (build.rs).
fn build_s() -> u64 {
    env!("ALITV_BUILD_UNIX_S").parse().unwrap_or(0)
}

fn network(detail: impl Into<String>) -> Doubt {
    Doubt { kind: DoubtKind::Network, detail: detail.into() }
}

fn gateway(detail: impl Into<String>) -> Doubt {
    Doubt { kind: DoubtKind::Gateway, detail: detail.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hanging_exchanges_are_bounded() {
        let http = Http::new();
        let take = |http: &Http| Slot::take(&http.exchanges, HTTP_THREADS_MAX);
        let mut slots: Vec<_> = (0..HTTP_THREADS_MAX).map(|_| take(&http).unwrap()).collect();
        assert!(take(&http).is_err());
        let url = "http://127.0.0.1:1/".to_owned();
        let method = HttpMethod::Get;
        let request = HttpRequest { method, url, body: String::new(), deadline_s: 1 };
        let doubt = http.send(&request).unwrap_err();
        assert!(doubt.detail.contains("hanging"), "{doubt:?}");
        slots.pop();
        assert!(take(&http).is_ok());
    }

    #[test]
    fn only_an_early_clock_makes_an_early_certificate_a_matter_of_the_clock() {
        let early = rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidYet);
        assert_eq!(tls_doubt(&early).kind, DoubtKind::Network);
        assert!(build_s() > 1_700_000_000 || option_env!("SOURCE_DATE_EPOCH").is_some());
        assert!(now_s() >= build_s(), "the clock of this machine is wrong");
    }
}
