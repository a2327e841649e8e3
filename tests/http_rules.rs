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
use alitv_pay::gateway::http::{fetch, fetch_on_loopback, Fetch, Fetched, Http};
use alitv_pay::gateway::{HttpAnswer, HttpMethod, HttpRequest, Transport};
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
    let (url, body) = (url.to_owned(), "sign=AB&x=%20".to_owned());
    Http::new().send(&HttpRequest { method: HttpMethod::Post, url, body, deadline_s })
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

/// In chunks, each with what comes behind its length.
fn chunked(chunks: &str) -> Vec<u8> {
    ok_with("Transfer-Encoding: chunked\r\n", chunks)
}

fn status_is(line: &str) -> Vec<u8> {
    format!("{line}\r\nContent-Length: 7\r\n\r\n{JSON}").into_bytes()
}

#[test]
fn a_plain_answer_is_taken() {
    let many = "X-Filler: 1\r\n".repeat(HTTP_HEADERS_MAX - 1);
    let large = "x".repeat(HTTP_BODY_BYTES_MAX);
    let large_json = format!("{{{}}}", " ".repeat(HTTP_BODY_BYTES_MAX - 2));
    let good: Vec<(Vec<u8>, &str)> = vec![
        (ok_with("Content-Length: 7\r\n", JSON), JSON),
        (ok_with("CONTENT-LENGTH:7\r\nServer: x\r\n", JSON), JSON),
        (ok_with("content-length:  7 \r\nContent-Encoding: identity\r\n", JSON), JSON),
        (b"HTTP/1.0 200 \r\nContent-Length: 7\r\n\r\n{\"a\":1}".to_vec(), JSON),
        (ok_with(&format!("{many}Content-Length: 7\r\n"), JSON), JSON),
        (ok_with("Content-Length: 0\r\n", ""), ""),
        (ok_with("Content-Length: 7\r\n", "{\"a\":1}HTTP/1.1 200 OK"), JSON),
        (ok_with(&format!("Content-Length: {HTTP_BODY_BYTES_MAX}\r\n"), &large), &large),
        (chunked("7\r\n{\"a\":1}\r\n0\r\n\r\n"), JSON),
        (chunked("2;x=y\r\n{\"\r\n05\r\na\":1}\r\n0\r\nX-Trailer: 1\r\n\r\n"), JSON),
        (ok_with("transfer-encoding: Chunked\r\n", "7\r\n{\"a\":1}\r\n0\r\n\r\n"), JSON),
        // Whole, although the cable was cut behind it.
        (chunked("7\r\n{\"a\":1}"), JSON),
        (chunked(&format!("{:x}\r\n{large_json}\r\n0\r\n\r\n", large.len())), &large_json),
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
        ("gzip as transfer", length_is("7\r\nTransfer-Encoding: gzip, chunked")),
        ("identity as transfer", length_is("7\r\nTransfer-Encoding: identity")),
        ("gzip", length_is("7\r\nContent-Encoding: gzip")),
        ("br", length_is("7\r\nContent-Encoding: br")),
    ]
}

fn bad_chunks() -> Vec<(&'static str, Vec<u8>)> {
    let whole = "7\r\n{\"a\":1}\r\n0\r\n\r\n";
    let with = |headers: &str| ok_with(&format!("Transfer-Encoding: chunked\r\n{headers}"), whole);
    let over = HTTP_BODY_BYTES_MAX + 1;
    let bomb = format!("{over:x}\r\n{{{}}}\r\n0\r\n\r\n", " ".repeat(over - 2));
    let small_bombs = format!("1000\r\n{}\r\n", " ".repeat(0x1000)).repeat(over / 0x1000 + 1);
    vec![
        ("chunked with a length", with("Content-Length: 7\r\n")),
        ("chunked twice", with("Transfer-Encoding: chunked\r\n")),
        ("chunked and gzip", with("Content-Encoding: gzip\r\n")),
        ("chunked, chunked", ok_with("Transfer-Encoding: chunked, chunked\r\n", whole)),
        ("chunked of some kind", ok_with("Transfer-Encoding: chunked;q=1\r\n", whole)),
        ("a loose name", ok_with("Transfer-Encoding : chunked\r\n", whole)),
        ("nothing behind the headers", chunked("")),
        ("cut in the first chunk", chunked("7\r\n{\"a\":")),
        ("cut between two chunks", chunked("6\r\n{\"a\":1\r\n")),
        ("cut in a chunk's length", chunked("6\r\n{\"a\":1\r\n1")),
        ("an early last chunk", chunked("6\r\n{\"a\":1\r\n0\r\n\r\n1\r\n}\r\n0\r\n\r\n")),
        ("no chunk but the last", chunked("0\r\n\r\n")),
        ("a number, which may have been cut", chunked("2\r\n12\r\n0\r\n\r\n")),
        ("two documents", chunked("9\r\n{\"a\":1}{}\r\n0\r\n\r\n")),
        ("a length in words", chunked("seven\r\n{\"a\":1}\r\n0\r\n\r\n")),
        ("a negative length", chunked("-7\r\n{\"a\":1}\r\n0\r\n\r\n")),
        ("a length over 64 bits", chunked("10000000000000007\r\n{\"a\":1}\r\n0\r\n\r\n")),
        ("an endless length", chunked(&"0".repeat(1 << 16))),
        ("an endless extension", chunked(&format!("7;{}", "x".repeat(1 << 16)))),
        ("a chunk longer than announced", chunked("3\r\n{\"a\":1}\r\n0\r\n\r\n")),
        ("one chunk over the bound", chunked(&bomb)),
        ("many chunks over the bound", chunked(&small_bombs)),
        ("not UTF-8", [&chunked("9\r\n{\"a\":\"")[..], b"\xff\"}\r\n0\r\n\r\n"].concat()),
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
    let cases: Vec<_> = [bad_status(), bad_length(), bad_chunks(), bad_headers()].concat();
    assert!(cases.len() > 100, "{}", cases.len());
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

#[test]
fn a_get_has_no_body() {
    let (url, requests) = serve(|mut stream| {
        let _ = stream.write_all(&length_is("7"));
    });
    let (url, body) = (format!("{url}?sign=AB&x=%20#here"), "not sent".to_owned());
    let request = HttpRequest { method: HttpMethod::Get, url, body, deadline_s: DEADLINE_S };
    assert!(!format!("{request:?}").contains("sign"), "{request:?}");
    Http::new().send(&request).unwrap();
    let request = requests.recv().unwrap();
    assert!(request.starts_with("GET /router/rest?sign=AB&x=%20 HTTP/1.1\r\n"), "{request}");
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert_eq!(body, "");
    assert!(!head.to_lowercase().contains("content-"), "{head}");
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

fn getting(url: &str, deadline_s: u64) -> Fetch {
    Fetch {
        method: HttpMethod::Get,
        url: url.into(),
        content_type: None,
        body: String::new(),
        idempotency_key: None,
        body_bytes_max: 1_024,
        deadline_s,
    }
}

fn get(url: &str, deadline_s: u64) -> Result<Fetched, Doubt> {
    fetch(&getting(url, deadline_s))
}

fn fetched(bytes: Vec<u8>) -> Result<(u16, String), Doubt> {
    let (url, _requests) = serve(move |mut stream| {
        let _ = stream.write_all(&bytes);
    });
    let Fetched { status, body } = get(&url, DEADLINE_S)?;
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

#[test]
fn a_fetch_takes_whatever_speaks_http() {
    let long = "x".repeat(4_000);
    let first = &long[..1_024];
    let good: Vec<(Vec<u8>, u16, &str)> = vec![
        (ok_with("Content-Length: 7\r\n", "success"), 200, "success"),
        (ok_with("", "success"), 200, "success"),
        (chunked("3\r\nsuc\r\n4\r\ncess\r\n0\r\n\r\n"), 200, "success"),
        (b"HTTP/1.0 500 x\r\n\r\nno such order".to_vec(), 500, "no such order"),
        (status_is("HTTP/1.1 404 Not Found"), 404, JSON),
        (status_is("HTTP/1.1 503 Service Unavailable"), 503, JSON),
        (b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(), 204, ""),
        (ok_with("Content-Length: 4000\r\n", &long), 200, first),
        (ok_with("", &long), 200, first),
        (chunked(&format!("fa0\r\n{long}\r\n0\r\n\r\n")), 200, first),
    ];
    for (bytes, status, body) in good {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        assert_eq!(fetched(bytes), Ok((status, body.to_owned())), "{shown}");
    }
}

#[test]
fn a_fetch_doubts_what_does_not() {
    for (name, bytes) in [
        ("nothing", vec![]),
        ("a line of text", b"success\r\n".to_vec()),
        ("an SMTP greeting", b"220 mail ESMTP\r\n".to_vec()),
        ("cut off", length_is("8")),
        ("two lengths", length_is("7\r\nContent-Length: 3")),
        ("gzip", length_is("7\r\nContent-Encoding: gzip")),
        ("spoilt chunks", chunked("seven\r\nsuccess\r\n0\r\n\r\n")),
        ("endless headers", [&b"HTTP/1.1 200 OK\r\nX: "[..], &[b'x'; 1 << 20]].concat()),
    ] {
        match fetched(bytes) {
            Err(doubt) => assert_eq!(doubt.kind, DoubtKind::Gateway, "{name}: {doubt:?}"),
            Ok(answer) => panic!("{name} was taken: {answer:?}"),
        }
    }
}

#[test]
fn a_fetch_follows_no_redirect() {
    let (elsewhere, stolen) = serve(|mut stream| {
        let _ = stream.write_all(&length_is("7"));
    });
    for status in [301, 302, 303, 307, 308] {
        let head = format!("HTTP/1.1 {status} Moved\r\nLocation: {elsewhere}\r\n\r\nsuccess");
        assert_eq!(fetched(head.into_bytes()), Ok((status, "success".into())));
    }
    assert_eq!(stolen.try_iter().count(), 0);
}

#[test]
fn a_fetch_ends_although_the_body_does_not() {
    for head in ["Transfer-Encoding: chunked\r\n", ""] {
        let (url, _requests) = serve(move |mut stream| {
            let _ = stream.write_all(&ok_with(head, ""));
            while stream.write_all(b"8\r\nendless!\r\n").is_ok() {}
        });
        let Fetched { status, body } = get(&url, DEADLINE_S).unwrap();
        assert_eq!((status, body.len()), (200, 1_024), "{head}");
    }
}

#[test]
fn a_fetch_heeds_its_deadline() {
    let (url, _requests) = serve(|mut stream| {
        let _ = stream.write_all(&ok_with("", ""));
        while stream.write_all(b"s").is_ok() {
            thread::sleep(Duration::from_secs(1));
        }
    });
    let began = Instant::now();
    assert_eq!(get(&url, 2).unwrap_err().kind, DoubtKind::Network);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[test]
fn a_fetch_needs_a_server_and_a_proper_url() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [
        format!("http://{closed}/").as_str(),
        "http://no-such-host.invalid/",
        "ftp://127.0.0.1/",
        "http://127.0.0.1/\r\nX: y",
        "http://user@127.0.0.1/",
        "/notify",
    ] {
        assert_eq!(get(url, 5).expect_err(url).kind, DoubtKind::Network, "{url}");
    }
}

#[test]
fn a_fetch_posts_what_it_is_given() {
    let (url, requests) = serve(|mut stream| {
        let _ = stream.write_all(&ok_with("", "success"));
    });
    for (content_type, header) in [
        (None, "Content-Type: application/x-www-form-urlencoded; charset=utf-8"),
        (Some("application/json"), "Content-Type: application/json"),
    ] {
        let request = Fetch {
            method: HttpMethod::Post,
            url: format!("{url}?a=b#here"),
            content_type,
            body: "data=x%2By".into(),
            idempotency_key: Some("grant-T1".into()),
            body_bytes_max: 1_024,
            deadline_s: DEADLINE_S,
        };
        fetch(&request).unwrap();
        let seen = requests.recv().unwrap();
        assert!(seen.starts_with("POST /router/rest?a=b HTTP/1.1\r\n"), "{seen}");
        assert!(seen.contains(header), "{seen}");
        assert!(seen.contains("\r\nIdempotency-Key: grant-T1\r\n"), "{seen}");
        assert!(seen.ends_with("\r\n\r\ndata=x%2By"), "{seen}");
    }
}

#[test]
fn a_key_that_would_be_two_headers_is_not_sent() {
    for key in ["a\r\nHost: evil", "a b", "密"] {
        let key = Some(key.to_owned());
        let request = Fetch { idempotency_key: key, ..getting("http://127.0.0.1:9/", 1) };
        let doubt = fetch(&request).unwrap_err();
        assert!(doubt.detail.contains("printable ASCII"), "{doubt:?}");
    }
}

#[test]
fn a_fetch_on_loopback_leaves_other_machines_alone() {
    let (url, requests) = serve(|mut stream| {
        let _ = stream.write_all(&ok_with("", "success"));
    });
    for url in [url.clone(), url.replace("127.0.0.1", "localhost")] {
        assert_eq!(fetch_on_loopback(&getting(&url, 5)).map(|got| got.status), Ok(200), "{url}");
        requests.recv().unwrap();
    }
    // An address for documentation, and one that leads here without being loopback.
    for host in ["192.0.2.1", "0.0.0.0"] {
        let doubt = fetch_on_loopback(&getting(&url.replace("127.0.0.1", host), 5)).unwrap_err();
        assert!(doubt.detail.contains("not this machine"), "{doubt:?}");
    }
    assert_eq!(requests.try_iter().count(), 0);
}
