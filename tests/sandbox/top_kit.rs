//! A caller of the TOP gateway that leaves nothing to a client library.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use alitv_pay::wire::secret::Secret;
use alitv_pay::wire::top::{sign, Params, SignMethod};
use serde_json::Value;

use crate::harness::World;

/// An answer as it came, its body perhaps compressed.
pub struct Raw {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Raw {
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub fn has(&self, header: &str) -> bool {
        self.head.lines().any(|line| line.eq_ignore_ascii_case(header))
    }

    /// The number of an error, in whatever form it came.
    pub fn error(&self) -> i64 {
        assert_eq!(self.status, 200, "{}", self.head);
        let number = match self.text().split_once("<error_response><code>") {
            Some((_, rest)) => rest.split('<').next().unwrap().parse().ok(),
            None => self.json()["error_response"]["code"].as_i64(),
        };
        number.unwrap_or_else(|| panic!("{}", self.text()))
    }

    /// The only property of the answer.
    pub fn json(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.head);
        let value: Value = serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&self.body));
        });
        assert_eq!(value.as_object().unwrap().len(), 1, "{value}");
        value
    }
}

/// The common parameters of a call of an app at this moment, JSON wanted.
pub fn common(world: &World, app: usize, method: &str) -> Params {
    let app_key = &world.sandbox.apps[app].app_key;
    Params::common(method, app_key, world.now_ms(), SignMethod::HmacSha256)
}

/// With the signature of an app.
pub fn signed(world: &World, app: usize, mut params: Params) -> Params {
    let secret = Secret::new(world.sandbox.apps[app].app_secret.clone()).unwrap();
    let named = params.get("sign_method").and_then(SignMethod::parse);
    let sign = sign(&params, &secret, named.unwrap_or(SignMethod::Md5));
    params.set("sign", sign);
    params
}

/// Without a parameter.
pub fn without(params: &Params, name: &str) -> Params {
    let mut rest = Params::new();
    params.iter().filter(|(other, _)| *other != name).for_each(|(n, v)| rest.set(n, v));
    rest
}

/// Signs and posts as a form.
pub fn post(world: &World, app: usize, params: Params) -> Raw {
    send(world, "POST", "", &[FORM], signed(world, app, params).encode_form().as_bytes())
}

/// What a method says: `result` of its answer.
pub fn result(world: &World, app: usize, method: &str, fields: &[(&str, &str)]) -> Value {
    let mut params = common(world, app, method);
    fields.iter().for_each(|(name, value)| params.set(name, *value));
    let answer = post(world, app, params).json();
    let root = answer.as_object().unwrap().values().next().unwrap();
    assert!(root.get("result").is_some(), "{answer}");
    root["result"].clone()
}

pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded;charset=utf-8";

/// Sends whatever it is told to.
pub fn send(world: &World, method: &str, query: &str, headers: &[&str], body: &[u8]) -> Raw {
    let host = world.sandbox.base_url.strip_prefix("http://").unwrap();
    let path = if query.is_empty() { String::new() } else { format!("?{query}") };
    let mut head =
        format!("{method} /router/rest{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
    head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut stream = TcpStream::connect(host).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Raw { status, head, body: answer[end + 4..].to_vec() }
}
