//! A sandbox, a box that calls it, and a plain HTTP client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alitv_pay::core::call::{Ask, AuthStatus, Call, Reply, Trade, TradeStatus};
use alitv_pay::core::facts::{AppKey, Facts, OrderId};
use alitv_pay::core::user::Token;
use alitv_pay::gateway::alitv::{AliTv, AliTvConfig, AppCredentials};
use alitv_pay::gateway::http::Http;
use alitv_pay::gateway::{Environment, Gateway, Transport};
use alitv_pay::money::Fen;
use alitv_pay::sandbox::{start, AuthAction, Options, Running};
use alitv_pay::wire::secret::Secret;
use serde_json::Value;

pub struct World {
    pub sandbox: Running,
    gateway: AliTv,
    http: Http,
    attempts: AtomicU32,
}

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl World {
    pub fn new() -> World {
        World::with(Options::default())
    }

    pub fn with(options: Options) -> World {
        let sandbox = start(options).unwrap();
        let credentials = |app: &alitv_pay::sandbox::App| AppCredentials {
            app_key: AppKey::new(app.app_key.clone()).unwrap(),
            app_secret: Secret::new(app.app_secret.clone()).unwrap(),
        };
        let config = AliTvConfig {
            url: sandbox.gateway_url.clone(),
            environment: Environment::Sandbox,
            allow_http: true,
            qr_hosts: Vec::new(),
            device_id: None,
            apps: sandbox.apps.iter().map(credentials).collect(),
        };
        let gateway = AliTv::new(config).unwrap();
        World { gateway, http: Http::new(), sandbox, attempts: AtomicU32::new(1) }
    }

    pub fn app_key(&self) -> &str {
        &self.sandbox.apps[0].app_key
    }

    pub fn facts(&self, order: &str) -> Arc<Facts> {
        Arc::new(Facts {
            app_key: AppKey::new(self.app_key()).unwrap(),
            order_id: OrderId::new(order).unwrap(),
            title: "60 gems".into(),
            amount_fen: Fen::new(600).unwrap(),
            subject_id: Some("gem60".into()),
            notify_url: None,
            expires_s: None,
            renewal: None,
            user_id: None,
        })
    }

    /// What the box makes of the answer.
    pub fn ask(&self, app_key: AppKey, ask: Ask) -> Reply {
        self.call(app_key, None, ask)
    }

    /// The same, of the first app and for a user.
    pub fn ask_as(&self, session: &Token, ask: Ask) -> Reply {
        self.call(AppKey::new(self.app_key()).unwrap(), Some(session), ask)
    }

    pub fn call(&self, app_key: AppKey, session: Option<&Token>, ask: Ask) -> Reply {
        let ahead_s = self.control("GET", "/state", "").1["ahead_s"].as_i64().unwrap();
        let call = Call { app_key, session: session.cloned(), ask };
        let prepared = self.gateway.encode(&call, wall_ms() + ahead_s * 1_000).unwrap();
        match self.http.send(&prepared.request) {
            Ok(answer) => self.gateway.decode(&call, &prepared, &answer),
            Err(doubt) => Reply::InDoubt(doubt),
        }
    }

    /// The sandbox's clock, nearly.
    pub fn now_ms(&self) -> i64 {
        self.control("GET", "/state", "").1["now_ms"].as_i64().unwrap()
    }

    /// Signs a user in at the first app, with nick and picture shared.
    pub fn sign_in(&self, user: &str) -> Token {
        let attempt = format!("attempt-{}", self.attempts.fetch_add(1, Ordering::Relaxed));
        let app_key = || AppKey::new(self.app_key()).unwrap();
        let code = self.ask(app_key(), Ask::AuthApply { attempt: attempt.clone() });
        assert!(matches!(code, Reply::Code { .. }), "{code:?}");
        self.sandbox.auth(self.app_key(), AuthAction::Authorise, Some(user)).unwrap();
        match self.ask(app_key(), Ask::AuthQuery { attempt, wait_s: 0 }) {
            Reply::Auth(AuthStatus::Granted { token, user_id, authorised: true }) => {
                assert_eq!(user_id.as_str(), user);
                token
            }
            other => panic!("{other:?}"),
        }
    }

    /// A control call that works.
    pub fn does(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, answer) = self.control(method, path, body);
        assert_eq!(status, 200, "{method} {path} {body}: {answer}");
        answer
    }

    /// A control call that is refused: status, field and message.
    pub fn refused(&self, method: &str, path: &str, body: &str) -> (u16, String, String) {
        let (status, answer) = self.control(method, path, body);
        assert_ne!(status, 200, "{method} {path} {body}: {answer}");
        let text = |name: &str| answer["error"][name].as_str().unwrap_or("").to_owned();
        (status, text("field"), text("message"))
    }

    /// Points of a user.
    pub fn points(&self, user: &str) -> i64 {
        self.does("GET", &format!("/users/{user}"), "")["points"].as_i64().unwrap()
    }

    pub fn precreate(&self, order: &str) -> Reply {
        self.precreate_facts(&self.facts(order))
    }

    pub fn precreate_facts(&self, facts: &Arc<Facts>) -> Reply {
        self.ask(facts.app_key.clone(), Ask::Precreate(facts.clone()))
    }

    pub fn query(&self, order: &str, wait_s: u32) -> Reply {
        let facts = self.facts(order);
        self.ask(facts.app_key.clone(), Ask::Query { facts, wait_s })
    }

    pub fn close(&self, order: &str) -> Reply {
        let facts = self.facts(order);
        self.ask(facts.app_key.clone(), Ask::Close(facts))
    }

    /// Makes an order and gives the path of its page.
    pub fn order(&self, order: &str) -> String {
        match self.precreate(order) {
            Reply::Shown { qr_text, .. } => page_path(&qr_text),
            other => panic!("{other:?}"),
        }
    }

    pub fn status(&self, order: &str) -> TradeStatus {
        self.trade(order).status
    }

    pub fn trade(&self, order: &str) -> Trade {
        match self.query(order, 0) {
            Reply::Status(trade) => trade,
            other => panic!("{other:?}"),
        }
    }

    pub fn scenario(&self, body: &str) -> Value {
        let (status, answer) = self.control("POST", "/scenario", body);
        assert_eq!(status, 200, "{answer}");
        answer
    }

    pub fn control(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let token = format!("Authorization: Bearer {}", self.sandbox.control_token);
        let answer = self.http(method, &format!("/control{path}"), &[&token], body);
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }

    /// A form of a page, as a browser sends it.
    pub fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.http("POST", path, &["Content-Type: application/x-www-form-urlencoded"], &body)
    }

    pub fn http(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        let host = self.sandbox.base_url.strip_prefix("http://").unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|header| header.starts_with("Host:")) {
            head.push_str(&format!("Host: {host}\r\n"));
        }
        headers.iter().for_each(|header| head.push_str(&format!("{header}\r\n")));
        head.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(host).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        stream.write_all(head.as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
    }
}

/// The hidden field of the first form of a page.
pub fn form_token(page: &str) -> String {
    let (_, rest) = page.split_once("name=\"token\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

/// How a text stands in a page; attributes are in double quotes.
pub fn escaped(text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;");
    text.replace('>', "&gt;").replace('"', "&quot;")
}

pub fn page_path(qr_text: &str) -> String {
    assert_eq!(qr_text, qr_text.to_ascii_uppercase());
    let at = qr_text.find("/Q/").unwrap();
    qr_text[at..].to_owned()
}

pub fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}
