//! The HTTP server: routes, the gate in front of them, the request log, and how it ends.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use axum::extract::{DefaultBodyLimit, Request, State as Extracted};
use axum::http::{header, HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{any, get};
use axum::serve::Listener;
use axum::Router;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::access::Peer;
use super::shared::{Place, Shared};
use super::{coin, control, notifier, operator, pages, phone, signin, top, web};
use crate::limits::{SANDBOX_BODY_BYTES_MAX, SANDBOX_CONNECTIONS_MAX};

/// Scripts, frames and foreign content are off for every page.
const POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
/// Longest text of a request that is logged.
const LOG_BYTES_MAX: usize = 100;
/// What answers get to leave when the sandbox stops.
const DRAIN: Duration = Duration::from_secs(2);

/// What a handler wants its request to be called in the log.
#[derive(Clone)]
pub struct LogName(String);

impl LogName {
    /// Printable ASCII, cut short: the log goes to a terminal.
    pub fn new(name: &str) -> LogName {
        LogName(printable(name))
    }
}

/// Printable ASCII without blanks, cut short.
pub fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_ascii_graphic() { c } else { '?' };
    text.chars().take(LOG_BYTES_MAX).map(shown).collect()
}

fn router(shared: &Arc<Shared>) -> Router {
    let page = || get(phone::open).post(phone::press);
    let sign_in = || get(signin::open).post(signin::press);
    Router::new()
        .route("/", get(phone::index))
        .route("/style.css", get(phone::style))
        .route("/operator.css", get(operator::style))
        .route("/Q/{code}", page())
        .route("/q/{code}", page())
        .route("/A/{code}", sign_in())
        .route("/a/{code}", sign_in())
        .route("/h5/{app_key}/{kind}", get(web::h5))
        .route("/activity/{id}", get(web::activity))
        .route("/award/{id}", get(web::award))
        .route("/goods/{app_key}", get(web::goods))
        .route("/avatar/{file}", get(web::picture))
        .route("/router/rest", any(top::serve))
        .merge(coin::router())
        .nest("/control", control::router(shared))
        .nest("/operator", operator::router(shared))
        .fallback(|| async { (StatusCode::NOT_FOUND, Html(pages::plain("404: nothing here"))) })
        .layer(DefaultBodyLimit::max(SANDBOX_BODY_BYTES_MAX))
        .layer(middleware::from_fn_with_state(shared.clone(), gate))
        .with_state(shared.clone())
}

/// Stands before everything: who may ask, what the answer's reader may do, and the log.
async fn gate(Extracted(shared): Extracted<Arc<Shared>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().to_string();
    let path = LogName::new(request.uri().path());
    let mut response = if is_for_us(request.headers(), &shared.place) {
        next.run(request).await
    } else {
        let why = pages::plain("421: this sandbox was not started for that host name");
        (StatusCode::MISDIRECTED_REQUEST, Html(why)).into_response()
    };
    protect(response.headers_mut());
    let LogName(name) = response.extensions().get::<LogName>().unwrap_or(&path);
    let (status, ms) = (response.status().as_u16(), began.elapsed().as_millis());
    (shared.log)(&format!("<-- {method} {name} {status} {ms}ms"));
    response
}

/// A page of another origin whose name was made to lead here has that name in `Host`.
fn is_for_us(headers: &HeaderMap, place: &Place) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let host = match host.strip_suffix(&format!(":{}", place.port)) {
        Some(name) => name,
        None if place.port == 80 => host,
        None => return false,
    };
    let own = host.eq_ignore_ascii_case("localhost") || host == "127.0.0.1";
    own || (place.lan && host.parse::<std::net::Ipv4Addr>().is_ok())
}

fn protect(headers: &mut HeaderMap) {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// Serves until the sandbox is stopped; then the state is in its file.
pub async fn serve(shared: Arc<Shared>, listener: TcpListener, state_file: Option<PathBuf>) {
    let timer = shared.clone();
    tokio::spawn(async move { timer.keep_time().await });
    tokio::spawn(notifier::send::run(shared.clone()));
    if let Some(path) = state_file.clone() {
        let keeper = shared.clone();
        tokio::spawn(async move { keeper.keep_file(path).await });
    }
    let room = Arc::new(Semaphore::new(SANDBOX_CONNECTIONS_MAX));
    let stopping = shared.clone();
    let routes = router(&shared).into_make_service_with_connect_info::<Peer>();
    let server = axum::serve(Limited { listener, room }, routes)
        .with_graceful_shutdown(async move { stopping.stopped().await });
    let drained = async {
        shared.stopped().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        // It ends without an error, only when it is told to.
        _ = server => {}
        () = drained => {}
    }
    if let Some(path) = state_file {
        shared.save(path).await;
    }
}

/// Takes a connection only when there is room for it.
pub struct Limited {
    listener: TcpListener,
    room: Arc<Semaphore>,
}

impl Listener for Limited {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Counted, SocketAddr) {
        let place = self.room.clone().acquire_owned().await;
        let (stream, address) = Listener::accept(&mut self.listener).await;
        // Held answers are small and late: they must not wait for a full segment.
        let _ = stream.set_nodelay(true);
        (Counted { stream, _place: place.ok() }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that gives its place back when it ends.
pub struct Counted {
    stream: TcpStream,
    _place: Option<OwnedSemaphorePermit>,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(host: &str, port: u16, lan: bool) -> bool {
        let place = Place { base_url: String::new(), qr_prefix: String::new(), port, lan };
        let mut headers = HeaderMap::new();
        headers.insert(header::HOST, HeaderValue::from_str(host).unwrap());
        is_for_us(&headers, &place)
    }

    #[test]
    fn addresses_of_the_network_are_served_on_request_and_names_never() {
        assert!(served("127.0.0.1:8420", 8420, false) && served("localhost:8420", 8420, true));
        assert!(!served("192.168.1.5:8420", 8420, false));
        assert!(served("192.168.1.5:8420", 8420, true));
        assert!(served("192.168.1.5", 80, true) && !served("192.168.1.5", 8420, true));
        for lan in [false, true] {
            for host in
                ["evil.example:8420", "192.168.1.5.evil:8420", ":8420", "", "192.168.1:8420"]
            {
                assert!(!served(host, 8420, lan), "{host}");
            }
        }
    }

    #[test]
    fn a_request_without_or_with_two_hosts_is_not_served() {
        let place = Place { base_url: String::new(), qr_prefix: String::new(), port: 1, lan: true };
        let mut headers = HeaderMap::new();
        assert!(!is_for_us(&headers, &place));
        headers.append(header::HOST, HeaderValue::from_static("127.0.0.1:1"));
        assert!(is_for_us(&headers, &place));
        headers.append(header::HOST, HeaderValue::from_static("127.0.0.1:1"));
        assert!(!is_for_us(&headers, &place));
    }
}
