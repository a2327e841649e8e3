//! Reads one request from a connection. hyper knows how; what it would answer by itself to
//! something that is no request (400, 431, …) tells failures apart, so nothing of it leaves.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{HeaderMap, HeaderName};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::Heard;
use crate::limits::{NOTIFY_HEADERS_MAX, NOTIFY_HEAD_BYTES_MAX, NOTIFY_INPUT_BYTES_MAX};

/// Why there is no request to judge. For the log only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread(pub String);

/// Reads the head and the body of the first request.
pub async fn read(
    stream: &mut TcpStream,
    peer: IpAddr,
    trusted_proxy: Option<IpAddr>,
) -> Result<Heard, Unread> {
    let (done, mut request) = mpsc::channel(1);
    let service = service_fn(move |request: Request<Incoming>| {
        let done = done.clone();
        async move {
            // The receiver waits until this is sent.
            let _ = done.send(whole(request, peer, trusted_proxy).await).await;
            std::future::pending::<Result<Response<Empty<Bytes>>, io::Error>>().await
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .keep_alive(false)
        .half_close(true)
        .max_headers(NOTIFY_HEADERS_MAX)
        .max_buf_size(NOTIFY_HEAD_BYTES_MAX)
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(Mute { stream }), service);
    tokio::select! {
        Some(request) = request.recv() => request,
        ended = connection => Err(Unread(match ended {
            Ok(()) => "no request".into(),
            Err(error) => format!("no request: {error}"),
        })),
    }
}

async fn whole(
    request: Request<Incoming>,
    peer: IpAddr,
    trusted_proxy: Option<IpAddr>,
) -> Result<Heard, Unread> {
    let method = match *request.method() {
        Method::GET => "GET",
        Method::POST => "POST",
        _ => return Err(Unread(format!("{} is neither GET nor POST", request.method()))),
    };
    let source = source(request.headers(), peer, trusted_proxy)?;
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = Limited::new(request.into_body(), NOTIFY_INPUT_BYTES_MAX).collect().await;
    let body = body.map_err(|error| Unread(format!("the body: {error}")))?.to_bytes();
    let form = match method {
        "POST" => String::from_utf8(body.into()).map_err(|_| Unread("the body: no text".into()))?,
        _ => String::new(),
    };
    Ok(Heard { method, path, query, form, source })
}

/// The peer, or whom the trusted proxy says it speaks for: the last address, since what stands
/// before it came from outside.
fn source(
    headers: &HeaderMap,
    peer: IpAddr,
    trusted_proxy: Option<IpAddr>,
) -> Result<IpAddr, Unread> {
    const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");
    let peer = peer.to_canonical();
    let Some(value) = headers.get_all(FORWARDED).iter().next_back() else { return Ok(peer) };
    if trusted_proxy != Some(peer) {
        return Ok(peer);
    }
    let last = value.to_str().ok().and_then(|list| list.rsplit(',').next());
    let address = last.and_then(|last| last.trim().parse::<IpAddr>().ok());
    let none = || Unread("the proxy's X-Forwarded-For does not end with an address".into());
    address.map(|address| address.to_canonical()).ok_or_else(none)
}

/// A connection that says nothing but "go on" to a sender that waits to be asked for the body.
struct Mute<'a> {
    stream: &'a mut TcpStream,
}

impl AsyncRead for Mute<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_read(context, into)
    }
}

impl AsyncWrite for Mute<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";
        if bytes == GO_ON {
            return Pin::new(&mut *self.stream).poll_write(context, bytes);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: &str = "127.0.0.1";

    fn source_of(values: &[&str], proxy: Option<&str>) -> Result<String, Unread> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let proxy = proxy.map(|proxy| proxy.parse().unwrap());
        source(&headers, PEER.parse().unwrap(), proxy).map(|source| source.to_string())
    }

    #[test]
    fn nobody_but_the_trusted_proxy_can_name_another_source() {
        assert_eq!(source_of(&["10.0.0.1"], None).unwrap(), PEER);
        assert_eq!(source_of(&["10.0.0.1"], Some("127.0.0.2")).unwrap(), PEER);
        assert_eq!(source_of(&["10.0.0.1"], Some(PEER)).unwrap(), "10.0.0.1");
        assert_eq!(source_of(&[], Some(PEER)).unwrap(), PEER);
    }

    #[test]
    fn what_came_from_outside_stands_first_and_is_passed_over() {
        assert_eq!(source_of(&["127.0.0.1, 10.0.0.1"], Some(PEER)).unwrap(), "10.0.0.1");
        assert_eq!(source_of(&["127.0.0.1", "::ffff:10.0.0.1"], Some(PEER)).unwrap(), "10.0.0.1");
        for bad in ["", "10.0.0.1,", "unknown", "10.0.0.1:80", "127.0.0.1 10.0.0.1"] {
            assert!(source_of(&[bad], Some(PEER)).is_err(), "{bad:?}");
        }
    }
}
