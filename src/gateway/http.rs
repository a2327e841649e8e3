//! The only user of the HTTP client. minreq is small and trusting: it takes a cut-off body
//! for a whole one, garbage for status 503, follows redirects with the body, and has no
//! deadline of its own over a body. Each of these is refused here; the tests in
//! `tests/http_rules.rs` name them one by one.

use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{sync_channel, RecvTimeoutError};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{HttpAnswer, HttpRequest, Transport};
use crate::core::call::{Doubt, DoubtKind};
use crate::limits::{
    HTTP_BODY_BYTES_MAX, HTTP_HEADERS_BYTES_MAX, HTTP_HEADERS_MAX, HTTP_STATUS_LINE_BYTES_MAX,
    HTTP_THREADS_MAX, WORKER_STACK_BYTES,
};

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
    /// The exchange runs on a thread of its own, which is left behind when the deadline
    /// passes: name resolution and a TLS record that arrives in drops heed no deadline. It
    /// ends by itself; `HTTP_THREADS_MAX` bounds how many there can be.
    fn send(&self, request: &HttpRequest) -> Result<HttpAnswer, Doubt> {
        let slot = Slot::take(&self.exchanges)
            .ok_or_else(|| network("too many earlier calls are still hanging"))?;
        let deadline = Duration::from_secs(request.deadline_s);
        let (done, result) = sync_channel(1);
        let request = request.clone();
        let exchange = move || {
            let _slot = slot;
            // The receiver is gone if the deadline has passed; so is the need to know.
            let _ = done.send(talk(&request));
        };
        thread::Builder::new()
            .name("alitv-http".into())
            .stack_size(WORKER_STACK_BYTES)
            .spawn(exchange)
            .map_err(|error| network(format!("no thread for the call: {error}")))?;
        match result.recv_timeout(deadline) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => Err(network("no whole answer in time")),
            Err(RecvTimeoutError::Disconnected) => {
                Err(gateway("the HTTP client gave up on the answer"))
            }
        }
    }
}

/// One of `HTTP_THREADS_MAX` exchanges that may exist, abandoned ones included.
struct Slot(Arc<AtomicUsize>);

impl Slot {
    fn take(exchanges: &Arc<AtomicUsize>) -> Option<Slot> {
        let free = |count: usize| (count < HTTP_THREADS_MAX).then_some(count + 1);
        exchanges.fetch_update(Ordering::AcqRel, Ordering::Acquire, free).ok()?;
        Some(Slot(exchanges.clone()))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

fn talk(request: &HttpRequest) -> Result<HttpAnswer, Doubt> {
    let mut response = minreq::post(&request.url)
        .with_header("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
        .with_header("Accept", "application/json, text/javascript")
        .with_header("User-Agent", concat!("alitv-pay/", env!("CARGO_PKG_VERSION")))
        .with_header("Connection", "close")
        .with_body(request.body.as_bytes())
        .with_timeout(request.deadline_s)
        .with_follow_redirects(false)
        .with_max_headers_size(HTTP_HEADERS_BYTES_MAX)
        .with_max_status_line_length(HTTP_STATUS_LINE_BYTES_MAX)
        .send_lazy()
        .map_err(doubt_of)?;
    if response.status_code != 200 {
        return Err(gateway(format!("HTTP status {}", response.status_code)));
    }
    let length = body_length(&response.headers)?;
    let body = read_body(&mut response, length)?;
    String::from_utf8(body)
        .map(|body| HttpAnswer { body })
        .map_err(|_| gateway("the answer is not UTF-8"))
}

/// The length of the body, if the headers leave no doubt about it. minreq has trimmed and
/// compared the names loosely, so a loosely written one is refused whatever it says.
fn body_length(headers: &[(String, String)]) -> Result<usize, Doubt> {
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
    if values("transfer-encoding").next().is_some() {
        return Err(gateway("Transfer-Encoding is not supported"));
    }
    if values("content-encoding").any(|value| !value.eq_ignore_ascii_case("identity")) {
        return Err(gateway("Content-Encoding was not asked for"));
    }
    let mut lengths = values("content-length");
    match (lengths.next(), lengths.next()) {
        (Some(digits), None) => parse_length(digits),
        (None, _) => Err(gateway("the answer has no Content-Length")),
        (Some(_), Some(_)) => Err(gateway("the answer has two Content-Length")),
    }
}

fn parse_length(digits: &str) -> Result<usize, Doubt> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit());
    match digits.parse() {
        Ok(length) if plain && length <= HTTP_BODY_BYTES_MAX => Ok(length),
        Ok(_) if plain => Err(gateway(format!("longer than {HTTP_BODY_BYTES_MAX} bytes"))),
        _ => Err(gateway("Content-Length is not a number")),
    }
}

/// Exactly `length` bytes; minreq would take fewer for the whole.
fn read_body(response: &mut impl Read, length: usize) -> Result<Vec<u8>, Doubt> {
    let mut body = vec![0; length];
    response.read_exact(&mut body).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => gateway("the answer was cut off"),
        _ => network(error.to_string()),
    })?;
    Ok(body)
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
        let mut slots: Vec<_> =
            (0..HTTP_THREADS_MAX).map(|_| Slot::take(&http.exchanges).unwrap()).collect();
        assert!(Slot::take(&http.exchanges).is_none());
        let url = "http://127.0.0.1:1/".to_owned();
        let request = HttpRequest { url, body: String::new(), deadline_s: 1 };
        let doubt = http.send(&request).unwrap_err();
        assert!(doubt.detail.contains("hanging"), "{doubt:?}");
        slots.pop();
        assert!(Slot::take(&http.exchanges).is_some());
    }

    #[test]
    fn only_an_early_clock_makes_an_early_certificate_a_matter_of_the_clock() {
        let early = rustls::Error::InvalidCertificate(rustls::CertificateError::NotValidYet);
        assert_eq!(tls_doubt(&early).kind, DoubtKind::Network);
        assert!(build_s() > 1_700_000_000 || option_env!("SOURCE_DATE_EPOCH").is_some());
        assert!(now_s() >= build_s(), "the clock of this machine is wrong");
    }
}
