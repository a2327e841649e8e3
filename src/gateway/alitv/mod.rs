//! The gateway of the Alibaba TV open platform: TOP envelope, app secret
//! (docs/wire-alitv.md).

mod read;
mod verify;

use std::collections::BTreeMap;

use self::verify::Expected;
use super::{url, Environment, Gateway, HttpAnswer, HttpRequest, Prepared, Transport};
use crate::core::call::{Ask, Call, DoubtKind, Reply};
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, Facts, Renewal};
use crate::limits::{DEVICE_ID_BYTES_MAX, HTTP_DEADLINE_S, HTTP_HELD_EXTRA_S, WAIT_S_MAX};
use crate::wire::device::{DeviceRequest, PrecreateData, RenewalData};
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
    /// Names this box to the gateway, if it should be named.
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
        check_url(&config)?;
        let qr_hosts = match config.qr_hosts {
            hosts if hosts.is_empty() => vec![QR_HOST_DEFAULT.to_owned()],
            hosts => hosts,
        };
        if let Some(bad) = qr_hosts.iter().find(|host| !url::is_host(host)) {
            return Err(refuse(format!("alitv.qr_hosts: {bad:?} is no plain host name")));
        }
        let is_id = |id: &String| {
            (1..=DEVICE_ID_BYTES_MAX).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_graphic())
        };
        if !config.device_id.as_ref().is_none_or(is_id) {
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

    fn secret(&self, app_key: &AppKey) -> Result<&Secret, Refusal> {
        self.apps.get(app_key).ok_or_else(|| {
            Refusal::new(Code::DENIED, format!("app_key {app_key} is not configured"))
        })
    }

    fn prepare(
        &self,
        app_key: &AppKey,
        request: &DeviceRequest,
        server_ms: i64,
    ) -> Result<Prepared, Refusal> {
        let secret = self.secret(app_key)?;
        let nonce = nonce()?;
        let method = SignMethod::HmacSha256;
        let mut params = Params::common(request.method(), app_key.as_str(), server_ms, method);
        request.write(&nonce, &mut params);
        if let Some(device_id) = &self.device_id {
            params.set("device_id", device_id.as_str());
        }
        params.set("sign", sign(&params, secret, method));
        let deadline_s = match request {
            DeviceRequest::Query { wait_s, .. } if *wait_s > 0 => {
                u64::from(*wait_s) + HTTP_HELD_EXTRA_S
            }
            _ => HTTP_DEADLINE_S,
        };
        let request = HttpRequest { url: self.url.clone(), body: params.encode_form(), deadline_s };
        Ok(Prepared { request, nonce })
    }

    /// The gateway's clock, asked first: with a wrong one nothing else can be signed.
    fn server_date(
        &self,
        app_key: &AppKey,
        server_ms: i64,
        transport: &dyn Transport,
    ) -> Result<i64, Reply> {
        let request = DeviceRequest::ServerDate;
        let prepared = self.prepare(app_key, &request, server_ms).map_err(refused)?;
        let answer = transport.send(&prepared.request).map_err(Reply::InDoubt)?;
        let expected = self.expected(request.method(), app_key, &prepared).map_err(refused)?;
        read::server_date(&expected, &answer)
    }

    fn app_info(
        &self,
        app_key: &AppKey,
        server_ms: i64,
        transport: &dyn Transport,
    ) -> Result<Reply, Reply> {
        let request = DeviceRequest::AppInfo;
        let prepared = self.prepare(app_key, &request, server_ms).map_err(refused)?;
        let answer = transport.send(&prepared.request).map_err(Reply::InDoubt)?;
        let expected = self.expected(request.method(), app_key, &prepared).map_err(refused)?;
        read::probe(&expected, &answer, Some(server_ms)).map_err(Reply::InDoubt)
    }

    fn expected<'a>(
        &'a self,
        method: &'a str,
        app_key: &'a AppKey,
        prepared: &'a Prepared,
    ) -> Result<Expected<'a>, Refusal> {
        Ok(Expected::new(method, app_key.as_str(), prepared, self.secret(app_key)?))
    }

    fn may_show(&self, qr_text: &str) -> Result<(), &'static str> {
        let sandbox = self.environment == Environment::Sandbox;
        let place = url::parse(&self.url).ok().filter(|_| sandbox);
        url::may_show(qr_text, &self.qr_hosts, place.as_ref())
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
        self.prepare(&call.app_key, &request_of(&call.ask), server_ms)
    }

    fn decode(&self, call: &Call, prepared: &Prepared, answer: &HttpAnswer) -> Reply {
        let method = request_of(&call.ask).method();
        let expected = match self.expected(method, &call.app_key, prepared) {
            Ok(expected) => expected,
            Err(refusal) => return refused(refusal),
        };
        let reply = match &call.ask {
            Ask::Probe => read::probe(&expected, answer, None),
            Ask::Precreate(facts) => {
                read::precreate(facts, &expected, answer, |text| self.may_show(text))
            }
            Ask::Query { facts, .. } | Ask::Close(facts) => read::order(facts, &expected, answer),
            _ => Ok(Reply::Done),
        };
        reply.unwrap_or_else(Reply::InDoubt)
    }

    /// A probe is two requests: the clock, and with it the signed question what is offered.
    fn run(&self, call: &Call, server_ms: i64, transport: &dyn Transport) -> Reply {
        match call.ask {
            Ask::Probe => self
                .server_date(&call.app_key, server_ms, transport)
                .and_then(|server_ms| self.app_info(&call.app_key, server_ms, transport))
                .unwrap_or_else(|reply| reply),
            _ => self.run_once(call, server_ms, transport),
        }
    }
}

fn refuse(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::CONFIG, why)
}

/// Plain http is for a sandbox that allows it; so is, by that, every error that TLS does not
/// vouch for.
fn check_url(config: &AliTvConfig) -> Result<(), Refusal> {
    let url = url::parse(&config.url).map_err(|why| refuse(format!("alitv.url {why}")))?;
    if !url.rest.starts_with('/') || url.rest.contains(['?', '#']) {
        return Err(refuse("alitv.url needs a path such as /router/rest and no query"));
    }
    if config.allow_http && config.environment != Environment::Sandbox {
        return Err(refuse("allow_http is for environment = \"sandbox\" only"));
    }
    if !url.https && !config.allow_http {
        return Err(refuse("alitv.url must be https, or a sandbox with allow_http"));
    }
    Ok(())
}

fn nonce() -> Result<String, Refusal> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Refusal::new(Code::RESOURCE, format!("no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn request_of(ask: &Ask) -> DeviceRequest {
    let partner_order_no = |facts: &Facts| facts.order_id.as_str().to_owned();
    match ask {
        Ask::Probe => DeviceRequest::AppInfo,
        Ask::Precreate(facts) => DeviceRequest::Precreate(PrecreateData {
            partner_order_no: partner_order_no(facts),
            subject: facts.title.clone(),
            subject_id: facts.subject_id.clone(),
            price: facts.amount_fen,
            partner_notify_url: facts.notify_url.clone(),
            expires_s: facts.expires_s,
            renewal: facts.renewal.as_ref().map(renewal_of),
        }),
        Ask::Query { facts, wait_s } => {
            let wait_s = (*wait_s).min(WAIT_S_MAX);
            DeviceRequest::Query { partner_order_no: partner_order_no(facts), wait_s }
        }
        Ask::Close(facts) => DeviceRequest::Close { partner_order_no: partner_order_no(facts) },
        _ => DeviceRequest::AppInfo,
    }
}

fn renewal_of(renewal: &Renewal) -> RenewalData {
    RenewalData {
        interval: renewal.interval,
        prices: renewal.prices_fen.clone(),
        description: renewal.description.clone(),
        subject: renewal.subject.clone(),
    }
}

fn refused(refusal: Refusal) -> Reply {
    Reply::in_doubt(DoubtKind::Gateway, refusal.message)
}
