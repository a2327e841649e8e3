//! A gateway, and answers to it that were signed by the right key or not.

use std::sync::Arc;

use alitv_pay::core::call::{Ask, Call, DoubtKind, Reply};
use alitv_pay::core::facts::{AppKey, Facts, OrderId};
use alitv_pay::gateway::alitv::{AliTv, AliTvConfig, AppCredentials};
use alitv_pay::gateway::{Environment, Gateway, HttpAnswer, Prepared};
use alitv_pay::money::Fen;
use alitv_pay::wire::device::{self, Echo, ServiceResult};
use alitv_pay::wire::secret::Secret;
use alitv_pay::wire::top::ErrorResponse;
use serde::Serialize;
use serde_json::Value;

pub const SERVER_MS: i64 = 1_466_395_200_000;
pub const HTTPS: &str = "https://eco.taobao.com/router/rest";
pub const HTTP: &str = "http://127.0.0.1:8420/router/rest";

pub fn secret() -> Secret {
    Secret::new("8f1c2e0b6d4a49f7a1d3c5b7e9f00112").unwrap()
}

pub fn config(url: &str) -> AliTvConfig {
    let http = url.starts_with("http:");
    let app_key = AppKey::new("23012345").unwrap();
    AliTvConfig {
        url: url.into(),
        environment: if http { Environment::Sandbox } else { Environment::Production },
        allow_http: http,
        qr_hosts: Vec::new(),
        device_id: None,
        apps: vec![AppCredentials { app_key, app_secret: secret() }],
    }
}

pub fn gateway(url: &str) -> AliTv {
    AliTv::new(config(url)).unwrap()
}

pub fn facts() -> Arc<Facts> {
    Arc::new(Facts {
        app_key: AppKey::new("23012345").unwrap(),
        order_id: OrderId::new("A-1").unwrap(),
        title: "60 gems".into(),
        amount_fen: Fen::new(600).unwrap(),
        subject_id: Some("gem60".into()),
        notify_url: None,
        expires_s: None,
        renewal: None,
        user_id: None,
    })
}

pub fn call(ask: Ask) -> Call {
    Call { app_key: facts().app_key.clone(), session: None, ask }
}

/// What a genuine answer repeats.
pub fn echo(prepared: &Prepared) -> Echo {
    Echo {
        app_key: Some("23012345".into()),
        nonce: Some(prepared.nonce.clone()),
        server_date_ms: Some(SERVER_MS),
    }
}

pub fn answer<T: Serialize>(
    method: &str,
    result: &ServiceResult<T>,
    key: Option<&Secret>,
) -> HttpAnswer {
    HttpAnswer { body: device::answer(method, result, key, "r1").unwrap() }
}

pub fn text(body: impl Into<String>) -> HttpAnswer {
    HttpAnswer { body: body.into() }
}

#[track_caller]
pub fn doubt_kind(reply: &Reply) -> DoubtKind {
    match reply {
        Reply::InDoubt(doubt) => doubt.kind,
        other => panic!("not in doubt: {other:?}"),
    }
}

pub fn error(code: i64, sub_code: &str, sub_msg: &str) -> HttpAnswer {
    let (msg, sub_code, sub_msg) = ("m".into(), sub_code.into(), sub_msg.into());
    text(ErrorResponse { code, msg, sub_code, sub_msg, request_id: "r".into() }.encode())
}

/// The data of a genuine answer: `members`, and what every answer repeats.
pub fn with_echo(prepared: &Prepared, members: &Value) -> Value {
    let mut data = serde_json::to_value(echo(prepared)).unwrap();
    let all = members.as_object().unwrap().clone();
    data.as_object_mut().unwrap().extend(all);
    data
}

/// What the gateway client makes of what `answer` says to its request.
pub fn reply_to(url: &str, call: &Call, answer: impl Fn(&Prepared) -> HttpAnswer) -> Reply {
    let gateway = gateway(url);
    let prepared = gateway.encode(call, SERVER_MS).unwrap();
    gateway.decode(call, &prepared, &answer(&prepared))
}

/// As `reply_to`, for a signed success with these members.
pub fn reply_to_data(call: &Call, method: &str, members: &Value) -> Reply {
    reply_to(HTTP, call, |prepared| {
        let result = ServiceResult::success(with_echo(prepared, members));
        answer(method, &result, Some(&secret()))
    })
}

/// As `reply_to`, for a signed refusal with these members.
pub fn reply_to_refusal(call: &Call, method: &str, code: &str, members: &Value) -> Reply {
    reply_to(HTTP, call, |prepared| {
        let result = ServiceResult::refusal(code, "no\u{202e}\n", with_echo(prepared, members));
        answer(method, &result, Some(&secret()))
    })
}

/// The members without one of them.
pub fn without(members: &Value, name: &str) -> Value {
    let mut members = members.clone();
    members.as_object_mut().unwrap().remove(name);
    members
}

/// The members with one of them set.
pub fn with(members: &Value, name: &str, value: impl Into<Value>) -> Value {
    let mut members = members.clone();
    members[name] = value.into();
    members
}
