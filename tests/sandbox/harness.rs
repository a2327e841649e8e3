//! A sandbox, a box that calls it, and a plain HTTP client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alitv_pay::core::call::{Ask, Call, Reply, Trade, TradeStatus};
use alitv_pay::core::facts::{AppKey, Facts, OrderId};
use alitv_pay::gateway::alitv::{AliTv, AliTvConfig, AppCredentials};
use alitv_pay::gateway::http::Http;
use alitv_pay::gateway::{Environment, Gateway, Transport};
use alitv_pay::money::Fen;
use alitv_pay::sandbox::{start, Options, Running};
use alitv_pay::wire::secret::Secret;
use serde_json::Value;

pub struct World {
    pub sandbox: Running,
    gateway: AliTv,
    http: Http,
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
        World { gateway: AliTv::new(config).unwrap(), http: Http::new(), sandbox }
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
        let ahead_s = self.control("GET", "/state", "").1["ahead_s"].as_i64().unwrap();
        let call = Call { app_key, session: None, ask };
        let prepared = self.gateway.encode(&call, wall_ms() + ahead_s * 1_000).unwrap();
        match self.http.send(&prepared.request) {
            Ok(answer) => self.gateway.decode(&call, &prepared, &answer),
            Err(doubt) => Reply::InDoubt(doubt),
        }
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

pub fn page_path(qr_text: &str) -> String {
    assert_eq!(qr_text, qr_text.to_ascii_uppercase());
    let at = qr_text.find("/Q/").unwrap();
    qr_text[at..].to_owned()
}

pub fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}
