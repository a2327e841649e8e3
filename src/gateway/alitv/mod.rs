//! The gateway of the Alibaba TV open platform: TOP envelope, app secret
//! (docs/wire-alitv.md).

mod ask;
mod read;
mod text;
mod verify;

#[cfg(feature = "merchant")]
pub(crate) use self::text::clean;

use std::collections::BTreeMap;

use self::ask::{request_of, session_of, speaks_for_a_user};
use self::verify::Expected;
use super::{
    random_id, url, Environment, Gateway, HttpAnswer, HttpMethod, HttpRequest, Prepared, Transport,
};
use crate::core::call::{Ask, Call, Doubt, DoubtKind, Reply};
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, Facts};
use crate::limits::{DEVICE_ID_BYTES_MAX, HTTP_DEADLINE_S, HTTP_HELD_EXTRA_S};
use crate::wire::device::{DeviceRequest, SESSION};
use crate::wire::secret::Secret;
use crate::wire::sign::{sign, SignMethod};
use crate::wire::top::Params;

/// The host whose codes are shown unless the configuration names others.
pub const QR_HOST_DEFAULT: &str = "qr.alipay.com";

/// What one app signs with.
pub struct AppCredentials {
    /// The app.
    pub app_key: AppKey,
    /// Known to the app's owner and the gateway.
    pub app_secret: Secret,
}

/// How to reach the gateway.
pub struct AliTvConfig {
    /// Such as `https://eco.taobao.com/router/rest`.
    pub url: String,
    /// Whether money is real.
    pub environment: Environment,
    /// Allows an `http` URL; legal in the sandbox environment only.
    pub allow_http: bool,
    /// Hosts that codes may lead to, and everything below them; empty means
    /// `QR_HOST_DEFAULT`.
    pub qr_hosts: Vec<String>,
    /// Names this box to the gateway. None: see `named`.
    pub device_id: Option<String>,
    /// The apps of this box.
    pub apps: Vec<AppCredentials>,
}

/// The gateway.
pub struct AliTv {
    url: String,
    environment: Environment,
    qr_hosts: Vec<String>,
    device_id: Option<String>,
    apps: BTreeMap<AppKey, Secret>,
}

impl AliTv {
    /// Refuses a configuration that is unsafe or cannot work, naming the field.
    pub fn new(config: AliTvConfig) -> Result<AliTv, Refusal> {
        url::check_gateway("alitv.url", &config.url, config.allow_http, config.environment)
            .map_err(refuse)?;
        let qr_hosts = match config.qr_hosts {
            hosts if hosts.is_empty() => vec![QR_HOST_DEFAULT.to_owned()],
            hosts => hosts,
        };
        if let Some(bad) = qr_hosts.iter().find(|host| !url::is_host(host)) {
            return Err(refuse(format!("alitv.qr_hosts: {bad:?} is no plain host name")));
        }
        if !config.device_id.as_deref().is_none_or(is_device_id) {
            let why = format!("device_id must be 1 to {DEVICE_ID_BYTES_MAX} printable characters");
            return Err(refuse(why));
        }
        let mut apps = BTreeMap::new();
        for app in config.apps {
            if apps.contains_key(&app.app_key) {
                return Err(refuse(format!("app_key {} is configured twice", app.app_key)));
            }
            apps.insert(app.app_key, app.app_secret);
        }
        let (url, environment, device_id) = (config.url, config.environment, config.device_id);
        Ok(AliTv { url, environment, qr_hosts, device_id, apps })
    }

    /// Names the box, where the configuration did not. `id` is a device id.
    pub fn named(self, id: impl FnOnce() -> String) -> AliTv {
        AliTv { device_id: Some(self.device_id.unwrap_or_else(id)), ..self }
    }

    fn secret(&self, app_key: &AppKey) -> Result<&Secret, Refusal> {
        self.apps.get(app_key).ok_or_else(|| {
            Refusal::new(Code::DENIED, format!("app_key {app_key} is not configured"))
        })
    }

    fn prepare(
        &self,
        call: &Call,
        request: &DeviceRequest,
        server_ms: i64,
    ) -> Result<Prepared, Refusal> {
        let secret = self.secret(&call.app_key)?;
        let nonce = random_id()?;
        let method = SignMethod::HmacSha256;
        let app_key = call.app_key.as_str();
        let mut params = Params::common(request.method(), app_key, server_ms, method);
        request.write(&nonce, &mut params);
        if let Some(device_id) = &self.device_id {
            params.set("device_id", device_id.as_str());
        }
        if let Some(token) = session_of(call, request) {
            params.set(SESSION, token.expose());
        }
        params.set("sign", sign(&params, secret, method));
        let deadline_s = match request.wait_s() {
            0 => HTTP_DEADLINE_S,
            wait_s => u64::from(wait_s) + HTTP_HELD_EXTRA_S,
        };
        let (url, body) = (self.url.clone(), params.encode_form());
        let request = HttpRequest { method: HttpMethod::Post, url, body, deadline_s };
        Ok(Prepared { request, nonce })
    }

    /// The gateway's clock is asked first: with a wrong one nothing else can be signed.
    fn probe(
        &self,
        call: &Call,
        server_ms: i64,
        transport: &dyn Transport,
    ) -> Result<Reply, Doubt> {
        let date = DeviceRequest::ServerDate;
        let date = self.exchange(call, &date, server_ms, transport, read::server_date)?;
        let server_ms = match date {
            Ok(server_ms) => server_ms,
            Err(reply) => return Ok(reply),
        };
        let info = DeviceRequest::AppInfo;
        self.exchange(call, &info, server_ms, transport, |expected, answer| {
            read::probe(expected, answer, Some(server_ms))
        })
    }

    fn exchange<T>(
        &self,
        call: &Call,
        request: &DeviceRequest,
        server_ms: i64,
        transport: &dyn Transport,
        read: impl FnOnce(&Expected<'_>, &HttpAnswer) -> Result<T, Doubt>,
    ) -> Result<T, Doubt> {
        let prepared = self.prepare(call, request, server_ms).map_err(refused)?;
        let answer = transport.send(&prepared.request)?;
        let expected = self.expected(call, request, &prepared).map_err(refused)?;
        read(&expected, &answer)
    }

    fn expected<'a>(
        &'a self,
        call: &'a Call,
        request: &DeviceRequest,
        prepared: &'a Prepared,
    ) -> Result<Expected<'a>, Refusal> {
        Ok(Expected {
            method: request.method(),
            app_key: call.app_key.as_str(),
            nonce: &prepared.nonce,
            secret: self.secret(&call.app_key)?,
            https: prepared.request.url.starts_with("https://"),
            session: speaks_for_a_user(call, request),
        })
    }

    fn may_open(&self, page: &str) -> bool {
        url::may_open(page, &self.qr_hosts, self.sandbox().as_ref()).is_ok()
    }

    fn may_show(&self, qr_text: &str) -> Result<(), &'static str> {
        url::may_show(qr_text, &self.qr_hosts, self.sandbox().as_ref())
    }

    /// Where the sandbox is, if this is one: it shows pages of its own.
    fn sandbox(&self) -> Option<url::Url<'_>> {
        let sandbox = self.environment == Environment::Sandbox;
        url::parse(&self.url).ok().filter(|_| sandbox)
    }

    fn read(
        &self,
        call: &Call,
        expected: &Expected<'_>,
        answer: &HttpAnswer,
    ) -> Result<Reply, Doubt> {
        match &call.ask {
            Ask::Probe => read::probe(expected, answer, None),
            Ask::Precreate(facts) => {
                read::precreate(facts, expected, answer, |text| self.may_show(text))
            }
            Ask::Query { facts, .. } | Ask::Close(facts) => read::order(facts, expected, answer),
            Ask::Profile => {
                let may_show = |text: &str| self.may_show(text).is_ok();
                read::profile(expected, answer, |page| self.may_open(page), may_show)
            }
            Ask::AuthApply { attempt } => {
                read::applied(attempt, expected, answer, |text| self.may_show(text))
            }
            Ask::AuthQuery { attempt, .. } => read::auth(attempt, expected, answer),
            Ask::AuthCancel { attempt } => read::cancelled(attempt, expected, answer),
            Ask::SignOut => read::signed_out(expected, answer),
            Ask::UserInfo => read::user(expected, answer),
            Ask::Activities { event_key } => read::activities(event_key.as_ref(), expected, answer),
            Ask::Draw(facts) => read::drawn(facts, expected, answer),
            Ask::DrawQuery(facts) => read::drawn_before(facts, expected, answer),
            Ask::Gifts => read::gifts(expected, answer),
            Ask::GiftTake(facts) => read::taken(facts, expected, answer),
            Ask::GiftMark(facts) => read::marked(facts, expected, answer),
        }
    }
}

impl Gateway for AliTv {
    fn name(&self) -> &'static str {
        "alitv"
    }

    fn check(&self, facts: &Facts) -> Result<(), Refusal> {
        self.secret(&facts.app_key).map(|_| ())
    }

    fn encode(&self, call: &Call, server_ms: i64) -> Result<Prepared, Refusal> {
        self.prepare(call, &request_of(call), server_ms)
    }

    fn decode(&self, call: &Call, prepared: &Prepared, answer: &HttpAnswer) -> Reply {
        self.expected(call, &request_of(call), prepared)
            .map_err(refused)
            .and_then(|expected| self.read(call, &expected, answer))
            .unwrap_or_else(Reply::InDoubt)
    }

    /// A probe is two requests: the clock, and with it the signed question what is offered.
    fn run(&self, call: &Call, server_ms: i64, transport: &dyn Transport) -> Reply {
        match call.ask {
            Ask::Probe => self.probe(call, server_ms, transport).unwrap_or_else(Reply::InDoubt),
            _ => self.run_once(call, server_ms, transport),
        }
    }
}

/// Whether a text can name a box.
pub fn is_device_id(text: &str) -> bool {
    let graphic = text.bytes().all(|b| b.is_ascii_graphic());
    (1..=DEVICE_ID_BYTES_MAX).contains(&text.len()) && graphic
}

fn refuse(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::CONFIG, why)
}

fn refused(refusal: Refusal) -> Doubt {
    Doubt { kind: DoubtKind::Gateway, detail: refusal.message }
}
