//! What the HTTP side takes for an answer. Each way in which a server, a proxy, a captive
//! portal or a cut cable can spoil one has a name here and must come back as in doubt.
#![cfg(any(feature = "engine", feature = "os-roots"))]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{channel, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use alitv_pay::core::call::{Doubt, DoubtKind};
use alitv_pay::gateway::http::Http;
use alitv_pay::gateway::{HttpAnswer, HttpRequest, Transport};
use alitv_pay::limits::{
    HTTP_BODY_BYTES_MAX, HTTP_HEADERS_BYTES_MAX, HTTP_HEADERS_MAX, HTTP_STATUS_LINE_BYTES_MAX,
};

const DEADLINE_S: u64 = 20;
const JSON: &str = r#"{"a":1}"#;

/// A server that hands each connection, with its request read, to `answer`. The receiver
/// gets the text of every request.
fn serve(answer: impl Fn(TcpStream) + Send + 'static) -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/router/rest", listener.local_addr().unwrap());
    let (seen, requests) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            if seen.send(read_request(&mut stream)).is_err() {
                return;
            }
            answer(stream);
        }
    });
    (url, requests)
}

fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|n| n == 1) {
        request.push(byte[0]);
        let text = String::from_utf8_lossy(&request);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
        if body.len() == length.unwrap_or("0").parse::<usize>().unwrap() {
            break;
        }
    }
    String::from_utf8(request).unwrap()
}

fn post(url: &str, deadline_s: u64) -> Result<HttpAnswer, Doubt> {
    Http::new().send(&HttpRequest { url: url.into(), body: "sign=AB&x=%20".into(), deadline_s })
}

/// Sends one request to a server that answers with these bytes and closes.
fn answered(bytes: Vec<u8>) -> Result<HttpAnswer, Doubt> {
    let (url, _requests) = serve(move |mut stream| {
        // The client hangs up in the middle of an answer that is too large.
        let _ = stream.write_all(&bytes);
    });
    post(&url, DEADLINE_S)
}

fn ok_with(headers: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\n{headers}\r\n{body}").into_bytes()
}

fn length_is(value: &str) -> Vec<u8> {
    ok_with(&format!("Content-Length: {value}\r\n"), JSON)
}

fn status_is(line: &str) -> Vec<u8> {
    format!("{line}\r\nContent-Length: 7\r\n\r\n{JSON}").into_bytes()
}

#[test]
fn a_plain_answer_is_taken() {
    let many = "X-Filler: 1\r\n".repeat(HTTP_HEADERS_MAX - 1);
    let large = "x".repeat(HTTP_BODY_BYTES_MAX);
    let good: Vec<(Vec<u8>, &str)> = vec![
        (ok_with("Content-Length: 7\r\n", JSON), JSON),
        (ok_with("CONTENT-LENGTH:7\r\nServer: x\r\n", JSON), JSON),
        (ok_with("content-length:  7 \r\nContent-Encoding: identity\r\n", JSON), JSON),
        (b"HTTP/1.0 200 \r\nContent-Length: 7\r\n\r\n{\"a\":1}".to_vec(), JSON),
        (ok_with(&format!("{many}Content-Length: 7\r\n"), JSON), JSON),
        (ok_with("Content-Length: 0\r\n", ""), ""),
        (ok_with("Content-Length: 7\r\n", "{\"a\":1}HTTP/1.1 200 OK"), JSON),
        (ok_with(&format!("Content-Length: {HTTP_BODY_BYTES_MAX}\r\n"), &large), &large),
    ];
    for (bytes, body) in good {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned();
        let answer = answered(bytes).unwrap_or_else(|doubt| panic!("{shown}: {doubt:?}"));
        assert_eq!(answer.body, body);
    }
}

fn bad_status() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nothing at all", vec![]),
        ("a line of text", b"hello\r\n".to_vec()),
        ("bytes", vec![0, 1, 2, 255, 254, b'\n', 0]),
        ("HTTP/0.9, body only", JSON.into()),
        ("HTTP/2 settings", b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x80\n".to_vec()),
        ("a TLS alert", b"\x15\x03\x03\0\x02\x02\x28".to_vec()),
        ("an SMTP greeting", b"220 mail ESMTP\r\n".to_vec()),
        ("no status code", status_is("HTTP/1.1")),
        ("words for a status code", status_is("HTTP/1.1 OK 200")),
        ("status 20", status_is("HTTP/1.1 20 OK")),
        ("status 2000", status_is("HTTP/1.1 2000 OK")),
        ("status -200", status_is("HTTP/1.1 -200 OK")),
        ("status 65736", status_is("HTTP/1.1 65736 OK")),
        ("two blanks", status_is("HTTP/1.1  200 OK")),
        ("status 200x", status_is("HTTP/1.1 200x OK")),
        ("100 before 200", [b"HTTP/1.1 100 Continue\r\n\r\n".to_vec(), length_is("7")].concat()),
        ("103 before 200", [b"HTTP/1.1 103 Early\r\n\r\n".to_vec(), length_is("7")].concat()),
        ("101", status_is("HTTP/1.1 101 Switching Protocols")),
        ("201", status_is("HTTP/1.1 201 Created")),
        ("202", status_is("HTTP/1.1 202 Accepted")),
        ("203", status_is("HTTP/1.1 203 Non-Authoritative Information")),
        ("204", b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
        ("206", status_is("HTTP/1.1 206 Partial Content")),
        ("304", b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec()),
        ("400", status_is("HTTP/1.1 400 Bad Request")),
        ("401", status_is("HTTP/1.1 401 Unauthorized")),
        ("403", status_is("HTTP/1.1 403 Forbidden")),
        ("404", status_is("HTTP/1.1 404 Not Found")),
        ("407", status_is("HTTP/1.1 407 Proxy Authentication Required")),
        ("408", status_is("HTTP/1.1 408 Request Timeout")),
        ("429", status_is("HTTP/1.1 429 Too Many Requests")),
        ("500", status_is("HTTP/1.1 500 Internal Server Error")),
        ("502", status_is("HTTP/1.1 502 Bad Gateway")),
        ("503", status_is("HTTP/1.1 503 Service Unavailable")),
        ("504", status_is("HTTP/1.1 504 Gateway Timeout")),
        ("511 captive portal", status_is("HTTP/1.1 511 Network Authentication Required")),
    ]
}

fn bad_length() -> Vec<(&'static str, Vec<u8>)> {
    let over = (HTTP_BODY_BYTES_MAX + 1).to_string();
    vec![
        ("no length", ok_with("", JSON)),
        ("cut behind the status line", b"HTTP/1.1 200 OK\r\n".to_vec()),
        ("cut in a header", b"HTTP/1.1 200 OK\r\nContent-Len".to_vec()),
        ("cut in the length", b"HTTP/1.1 200 OK\r\nContent-Length: 1".to_vec()),
        ("cut before the body", ok_with("Content-Length: 7\r\n", "")),
        ("cut in the body", ok_with("Content-Length: 7\r\n", "{\"a\":1")),
        ("one byte short", length_is("8")),
        ("far too long a length", length_is("262144")),
        ("length over the bound", length_is(&over)),
        ("length over 64 bits", length_is("99999999999999999999999")),
        ("length of 2^64 + 7", length_is("18446744073709551623")),
        ("negative length", length_is("-7")),
        ("length with a plus", length_is("+7")),
        ("hexadecimal length", length_is("0x7")),
        ("length with a point", length_is("7.0")),
        ("length with an exponent", length_is("7e0")),
        ("empty length", length_is("")),
        ("length in words", length_is("seven")),
        ("length with a unit", length_is("7 bytes")),
        ("list of lengths", length_is("7, 7")),
        ("full-width digit", length_is("７")),
        ("two equal lengths", length_is("7\r\nContent-Length: 7")),
        ("two unequal lengths", length_is("7\r\nContent-Length: 3")),
        ("two lengths in two cases", length_is("3\r\ncontent-LENGTH: 7")),
        ("length and a blank before the colon", ok_with("Content-Length : 7\r\n", JSON)),
        ("length in a folded line", ok_with("X: 1\r\n Content-Length: 7\r\n", JSON)),
        ("length behind a tab", ok_with("\tContent-Length: 7\r\n", JSON)),
        ("second length with a blank", length_is("7\r\nContent-Length : 3")),
        ("chunked", ok_with("Transfer-Encoding: chunked\r\n", "7\r\n{\"a\":1}\r\n0\r\n\r\n")),
        ("chunked and cut off", ok_with("Transfer-Encoding: chunked\r\n", "8\r\n{\"a\":1}")),
        (
            "chunked with a length",
            ok_with("Transfer-Encoding: chunked\r\nContent-Length: 7\r\n", JSON),
        ),
        ("gzip as transfer", length_is("7\r\nTransfer-Encoding: gzip, chunked")),
        ("identity as transfer", length_is("7\r\nTransfer-Encoding: identity")),
        ("gzip", length_is("7\r\nContent-Encoding: gzip")),
        ("br", length_is("7\r\nContent-Encoding: br")),
    ]
}

fn bad_headers() -> Vec<(&'static str, Vec<u8>)> {
    let over_count = "X-Filler: 1\r\n".repeat(HTTP_HEADERS_MAX);
    let long_line = format!("X: {}\r\n", "x".repeat(HTTP_HEADERS_BYTES_MAX));
    let over_bytes = format!("X: {}\r\n", "x".repeat(1_000)).repeat(17);
    let reason = "x".repeat(HTTP_STATUS_LINE_BYTES_MAX);
    // Here minreq 3.0.0 subtracts past zero: a panic, or no bound at all.
    let underflow = |less: usize| {
        let line = format!("X: {}", "x".repeat(HTTP_HEADERS_BYTES_MAX - less - 3));
        format!("HTTP/1.1 200 OK\n{line}\nContent-Length: 7\n\n{JSON}").into_bytes()
    };
    let endless = |start: &str| [start.as_bytes().to_vec(), vec![b'x'; 1 << 20]].concat();
    vec![
        ("too many headers", ok_with(&format!("{over_count}Content-Length: 7\r\n"), JSON)),
        ("too long a header", ok_with(&format!("{long_line}Content-Length: 7\r\n"), JSON)),
        ("too many bytes", ok_with(&format!("{over_bytes}Content-Length: 7\r\n"), JSON)),
        ("too long a status line", status_is(&format!("HTTP/1.1 200 {reason}"))),
        ("underflow by one", underflow(1)),
        ("underflow by two", underflow(0)),
        ("endless status line", endless("HTTP/1.1 200 ")),
        ("endless header", endless("HTTP/1.1 200 OK\r\nX: ")),
        ("header without a name", length_is("7\r\n: x")),
        ("header with a blank name", length_is("7\r\n : x")),
        ("header with a NUL", length_is("7\r\nX\0: x")),
        ("header not ASCII", length_is("7\r\nÜ: x")),
        (
            "header not UTF-8",
            [&b"HTTP/1.1 200 OK\r\nX: \xff\r\n"[..], b"Content-Length: 0\r\n\r\n"].concat(),
        ),
        ("body not UTF-8", [&ok_with("Content-Length: 2\r\n", "")[..], b"\xc3\x28"].concat()),
    ]
}

#[test]
fn every_bad_answer_is_in_doubt() {
    let cases: Vec<_> = [bad_status(), bad_length(), bad_headers()].concat();
    assert!(cases.len() > 80, "{}", cases.len());
    for (name, bytes) in cases {
        match answered(bytes) {
            Err(doubt) => assert_eq!(doubt.kind, DoubtKind::Gateway, "{name}: {doubt:?}"),
            Ok(answer) => panic!("{name} was taken: {answer:?}"),
        }
    }
}

#[test]
fn no_redirect_is_followed_and_no_body_sent_again() {
    let (elsewhere, stolen) = serve(|mut stream| {
        let _ = stream.write_all(&length_is("7"));
    });
    for status in [300, 301, 302, 303, 305, 307, 308] {
        for location in [Some(elsewhere.as_str()), Some("/"), Some("//evil/"), None] {
            let location = location.map(|to| format!("Location: {to}\r\n")).unwrap_or_default();
            let (url, requests) = serve(move |mut stream| {
                let head =
                    format!("HTTP/1.1 {status} Moved\r\n{location}Content-Length: 0\r\n\r\n");
                let _ = stream.write_all(head.as_bytes());
            });
            assert_eq!(post(&url, DEADLINE_S).unwrap_err().kind, DoubtKind::Gateway, "{status}");
            assert_eq!(requests.try_iter().count(), 1, "{status}");
        }
    }
    assert_eq!(stolen.try_iter().count(), 0);
}

#[test]
fn the_request_is_one_plain_post() {
    let (url, requests) = serve(|mut stream| {
        let _ = stream.write_all(&length_is("7"));
    });
    post(&url, DEADLINE_S).unwrap();
    let request = requests.recv().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "sign=AB&x=%20");
    let mut lines = head.lines();
    assert_eq!(lines.next(), Some("POST /router/rest HTTP/1.1"));
    let host = url.strip_prefix("http://").unwrap().strip_suffix("/router/rest").unwrap();
    let headers: Vec<&str> = lines.collect();
    for wanted in [
        format!("Host: {host}").as_str(),
        "Content-Length: 13",
        "Content-Type: application/x-www-form-urlencoded; charset=utf-8",
        "Connection: close",
    ] {
        assert_eq!(headers.iter().filter(|line| **line == wanted).count(), 1, "{wanted}\n{head}");
    }
    assert!(!head.to_lowercase().contains("expect"), "{head}");
    assert_eq!(requests.try_iter().count(), 0);
}

/// What comes in drops never resets the deadline, wherever it drops.
#[test]
fn the_deadline_covers_everything() {
    let whole = length_is("7");
    let body_at = whole.len() - JSON.len();
    for at_once in [0, 20, body_at, body_at + 3] {
        let bytes = whole.clone();
        let (url, _requests) = serve(move |mut stream| {
            let _ = stream.write_all(&bytes[..at_once]);
            for byte in &bytes[at_once..] {
                thread::sleep(Duration::from_millis(700));
                if stream.write_all(&[*byte]).is_err() {
                    return;
                }
            }
        });
        in_time(&url, &format!("{at_once} bytes at once"));
    }
    let (url, _requests) = serve(|stream| {
        thread::sleep(Duration::from_secs(30));
        drop(stream);
    });
    in_time(&url, "silence");
}

/// The deadline is 2 s; the slack is for a busy machine.
fn in_time(url: &str, name: &str) {
    let began = Instant::now();
    let doubt = post(url, 2).expect_err(name);
    assert_eq!(doubt.kind, DoubtKind::Network, "{name}: {doubt:?}");
    assert!(began.elapsed() < Duration::from_secs(15), "{name}: {:?}", began.elapsed());
}

#[test]
fn no_server_is_a_matter_of_the_network() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [format!("http://{closed}/"), "http://no-such-host.invalid/".into()] {
        assert_eq!(post(&url, 5).expect_err(&url).kind, DoubtKind::Network, "{url}");
    }
}

#[test]
fn a_connection_that_is_dropped_is_in_doubt() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || listener.incoming().for_each(drop));
    assert!(post(&url, DEADLINE_S).is_err());
}

/// An answer that takes 3 s, under a `MINREQ_TIMEOUT` of 1 s and with proxies that lead
/// nowhere. Read once for each process, so a child has to do it.
#[test]
fn the_environment_changes_nothing() {
    let (url, _requests) = serve(|mut stream| {
        thread::sleep(Duration::from_secs(3));
        let _ = stream.write_all(&length_is("7"));
    });
    let mut child = Command::new(std::env::current_exe().unwrap());
    for proxy in
        ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    {
        child.env(proxy, "http://127.0.0.1:1");
    }
    let child = child.env("MINREQ_TIMEOUT", "1").env("ALITV_TEST_URL", url);
    let output = child.args(["--exact", "child", "--nocapture"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("child got {\"a\":1}"), "{said}");
}

/// Does something only as the child of `the_environment_changes_nothing`.
#[test]
fn child() {
    if let Ok(url) = std::env::var("ALITV_TEST_URL") {
        println!("child got {}", post(&url, DEADLINE_S).unwrap().body);
    }
}
