//! TLS against a server with a private CA, which `SSL_CERT_FILE` names:
//! `cargo test --no-default-features --features client,os-roots --test tls`.
//! The roots are read once for each process, so a child of this very program does each call.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use alitv_pay::gateway::http::Http;
use alitv_pay::gateway::{HttpMethod, HttpRequest, Transport};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n{\"a\":1}";

/// A CA of its own, its certificate in a file.
struct Ca {
    issuer: Issuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
}

impl Ca {
    fn new() -> Ca {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(1970, 1, 1);
        params.not_after = rcgen::date_time_ymd(2200, 1, 1);
        let key = KeyPair::generate().unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), params.self_signed(&key).unwrap().pem()).unwrap();
        Ca { issuer: Issuer::new(params, key), file }
    }

    /// A server certificate for a host, valid from the first day of one year to that of another.
    fn certificate(&self, host: &str, years: (i32, i32)) -> Arc<ServerConfig> {
        let mut params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap())
    }
}

/// A server on a port of its own; `answer` gets each connection behind its request.
fn serve(
    config: Arc<ServerConfig>,
    answer: impl Fn(&mut StreamOwned<ServerConnection, TcpStream>) + Send + 'static,
) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let session = ServerConnection::new(config.clone()).unwrap();
            let mut stream = StreamOwned::new(session, stream);
            // Fails where the client refuses the certificate.
            if stream.read(&mut [0; 4096]).is_ok() {
                answer(&mut stream);
            }
        }
    });
    url
}

fn answer_at_once(stream: &mut StreamOwned<ServerConnection, TcpStream>) {
    let _ = stream.write_all(ANSWER);
    stream.conn.send_close_notify();
    let _ = stream.flush();
}

/// What a child makes of a call to the URL: the body, or the kind of doubt and its detail.
fn call(url: &str, roots: &Path, environment: &[(&str, &str)]) -> String {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.env("ALITV_TEST_URL", url).env("SSL_CERT_FILE", roots).env_remove("SSL_CERT_DIR");
    child.envs(environment.iter().copied());
    let output = child.args(["--exact", "child", "--nocapture"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = said.lines().find_map(|line| line.split_once("child got "));
    line.unwrap_or_else(|| panic!("{said}{}", String::from_utf8_lossy(&output.stderr))).1.to_owned()
}

/// Does something only as a child of `call`.
#[test]
fn child() {
    let Ok(url) = std::env::var("ALITV_TEST_URL") else { return };
    let deadline_s = std::env::var("ALITV_TEST_DEADLINE_S").map_or(20, |s| s.parse().unwrap());
    let request = HttpRequest { method: HttpMethod::Post, url, body: "a=1".into(), deadline_s };
    match Http::new().send(&request) {
        Ok(answer) => println!("\nchild got {}", answer.body),
        Err(doubt) => println!("\nchild got {:?}: {}", doubt.kind, doubt.detail),
    }
}

fn answer_of(ca: &Ca, host: &str, years: (i32, i32), environment: &[(&str, &str)]) -> String {
    let url = serve(ca.certificate(host, years), answer_at_once);
    call(&url, ca.file.path(), environment)
}

#[test]
fn the_right_host_under_a_private_ca_is_trusted() {
    assert_eq!(answer_of(&Ca::new(), "localhost", (2020, 2100), &[]), "{\"a\":1}");
}

#[test]
fn another_host_or_another_ca_is_not() {
    let ca = Ca::new();
    let other_host = answer_of(&ca, "other.example", (2020, 2100), &[]);
    assert!(other_host.starts_with("Network: "), "{other_host}");
    let url = serve(ca.certificate("localhost", (2020, 2100)), answer_at_once);
    let other_ca = call(&url, Ca::new().file.path(), &[]);
    assert!(
        other_ca.starts_with("Network: ") && other_ca.contains("peer certificate"),
        "{other_ca}"
    );
}

#[test]
fn a_certificate_out_of_its_time_is_not_trusted() {
    let ca = Ca::new();
    let expired = answer_of(&ca, "localhost", (2001, 2002), &[]);
    assert!(expired.starts_with("Network: ") && expired.contains("expired"), "{expired}");
    let early = answer_of(&ca, "localhost", (2100, 2101), &[]);
    assert!(early.starts_with("Network: ") && early.contains("not valid yet"), "{early}");
}

#[test]
fn a_clock_of_the_seventies_is_named() {
    let library = libfaketime();
    let clock = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME", "@1971-06-01 00:00:00"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let ca = Ca::new();
    let early = answer_of(&ca, "localhost", (2020, 2100), &clock);
    assert!(early.starts_with("Clock: ") && early.contains("not valid yet"), "{early}");
    let other_host = answer_of(&ca, "other.example", (1970, 2100), &clock);
    assert!(other_host.starts_with("Network: "), "{other_host}");
    let expired = answer_of(&ca, "localhost", (1970, 1971), &clock);
    assert!(expired.starts_with("Network: "), "{expired}");
    assert_eq!(answer_of(&ca, "localhost", (1970, 2100), &clock), "{\"a\":1}");
}

fn libfaketime() -> PathBuf {
    let homes = std::fs::read_dir("/usr/lib").unwrap().flatten().map(|entry| entry.path());
    homes
        .chain([PathBuf::from("/usr/lib"), PathBuf::from("/usr/local/lib")])
        .map(|home| home.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists())
        .expect("libfaketime is missing: install the package `faketime`")
}

/// Each read of a byte succeeds, so a deadline for reads alone would never pass.
#[test]
fn a_record_that_arrives_in_drops_heeds_the_deadline() {
    let ca = Ca::new();
    let url = serve(ca.certificate("localhost", (2020, 2100)), |stream| {
        let head = ANSWER.len() - 7;
        let _ = stream.write_all(&ANSWER[..head]);
        let _ = stream.flush();
        let mut record = Vec::new();
        stream.conn.writer().write_all(&ANSWER[head..]).unwrap();
        stream.conn.write_tls(&mut record).unwrap();
        for byte in record {
            thread::sleep(Duration::from_millis(700));
            if stream.sock.write_all(&[byte]).is_err() {
                return;
            }
        }
    });
    let began = Instant::now();
    let late = call(&url, ca.file.path(), &[("ALITV_TEST_DEADLINE_S", "2")]);
    assert!(late.starts_with("Network: ") && late.contains("in time"), "{late}");
    // All of the record takes 20 s.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[test]
fn plain_text_on_the_port_is_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://localhost:{}/", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(ANSWER);
        }
    });
    let said = call(&url, Ca::new().file.path(), &[]);
    assert!(said.starts_with("Network: "), "{said}");
}
