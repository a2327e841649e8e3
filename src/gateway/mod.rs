//! What to ask a gateway and how far to believe what comes back. A gateway turns one call
//! into requests and their answers into one reply; it cannot wait or repeat. Whatever is
//! not a verified answer about this very order is in doubt.

pub mod alitv;
pub mod http;
pub(crate) mod sys;
pub(crate) mod url;
pub mod workers;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::core::call::{Call, Doubt, DoubtKind, Reply};
use crate::core::code::{Code, Refusal};
use crate::core::facts::Facts;

/// 128 bits that nobody can guess, as 32 hexadecimal digits: a nonce, an attempt, a box.
pub(crate) fn random_id() -> Result<String, Refusal> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Refusal::new(Code::RESOURCE, format!("no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Whether money is real.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Play money: our sandbox, or the platform's.
    Sandbox,
    /// Real money.
    Production,
}

impl Environment {
    /// `sandbox` or `production`.
    pub fn as_str(self) -> &'static str {
        match self {
            Environment::Sandbox => "sandbox",
            Environment::Production => "production",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Environment {
    type Err = String;

    fn from_str(text: &str) -> Result<Environment, String> {
        [Environment::Sandbox, Environment::Production]
            .into_iter()
            .find(|environment| environment.as_str() == text)
            .ok_or_else(|| format!("environment is {text:?}: sandbox or production"))
    }
}

/// How a request carries its parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpMethod {
    /// As a form in the body.
    Post,
    /// In the URL; there is no body.
    Get,
}

impl HttpMethod {
    /// `POST` or `GET`.
    pub fn as_str(self) -> &'static str {
        match self {
            HttpMethod::Post => "POST",
            HttpMethod::Get => "GET",
        }
    }
}

/// One request to a gateway.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpRequest {
    /// With `Get`, the body is not sent.
    pub method: HttpMethod,
    /// Where to; `http` or `https`.
    pub url: String,
    /// `application/x-www-form-urlencoded`.
    pub body: String,
    /// From name resolution to the last byte of the answer.
    pub deadline_s: u64,
}

/// Without the body and the query, which hold a signature.
impl fmt::Debug for HttpRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.url.split(['?', '#']).next().unwrap_or_default();
        let (method, bytes) = (self.method.as_str(), self.body.len());
        write!(f, "{method} {place} ({bytes} bytes, {} s)", self.deadline_s)
    }
}

/// A whole answer with status 200. That says nothing about who wrote it.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpAnswer {
    /// At most `HTTP_BODY_BYTES_MAX`: as many bytes as were announced or, if it came in
    /// chunks, one whole JSON document.
    pub body: String,
}

/// Without the body, which may hold a session.
impl fmt::Debug for HttpAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an answer of {} bytes", self.body.len())
    }
}

/// Carries one request and one answer.
pub trait Transport: Send + Sync {
    /// Sends once and waits, at most `deadline_s`. Blocks; call it on a thread that may.
    fn send(&self, request: &HttpRequest) -> Result<HttpAnswer, Doubt>;
}

/// A request, and what its answer has to repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// What to send.
    pub request: HttpRequest,
    /// New for each request.
    pub nonce: String,
}

/// One kind of gateway.
pub trait Gateway: Send + Sync {
    /// Such as `alitv`; for logs.
    fn name(&self) -> &'static str;

    /// Refuses an order that this gateway cannot take, naming the field. Asked before the
    /// order is accepted.
    fn check(&self, facts: &Facts) -> Result<(), Refusal>;

    /// The signed request of a call. `server_ms` is the best guess of the gateway's clock.
    fn encode(&self, call: &Call, server_ms: i64) -> Result<Prepared, Refusal>;

    /// What an answer to `prepared` says about `call`.
    fn decode(&self, call: &Call, prepared: &Prepared, answer: &HttpAnswer) -> Reply;

    /// Does a call. Blocks as long as `transport` does. A gateway that needs two requests
    /// for one call has its own.
    fn run(&self, call: &Call, server_ms: i64, transport: &dyn Transport) -> Reply {
        self.run_once(call, server_ms, transport)
    }

    /// Encodes, sends, decodes, once.
    fn run_once(&self, call: &Call, server_ms: i64, transport: &dyn Transport) -> Reply {
        let prepared = match self.encode(call, server_ms) {
            Ok(prepared) => prepared,
            Err(refusal) => return Reply::in_doubt(DoubtKind::Gateway, refusal.message),
        };
        match transport.send(&prepared.request) {
            Ok(answer) => self.decode(call, &prepared, &answer),
            Err(doubt) => Reply::InDoubt(doubt),
        }
    }
}
