//! What the front refuses, in the order of the platform: the signature before the method, so
//! that strangers learn little.

use std::net::IpAddr;

use super::super::apps::App;
use super::super::device::check;
use super::super::flow::Banned;
use super::super::shared::Shared;
use super::receive::TopError;
use crate::limits::TOP_SKEW_MS_MAX;
use crate::wire::device::{
    read_nonce, DeviceRequest, ParamError, SessionUse, SERVER_DATE_GET, SESSION,
};
use crate::wire::partner::PartnerRequest;
use crate::wire::secret::Secret;
use crate::wire::time::parse_timestamp;
use crate::wire::top::{verify, Params, SignError, VERSION};

/// A request that may be carried out.
pub struct Accepted {
    /// Who calls.
    pub app: App,
    /// Its secret.
    pub secret: Secret,
    /// What is asked.
    pub asked: Asked,
}

/// What is asked, and by which kind of caller.
pub enum Asked {
    /// By a box.
    Device(DeviceAsked),
    /// By a merchant's server.
    Partner(PartnerRequest),
}

/// What a box asks.
pub struct DeviceAsked {
    /// The method and its parameters.
    pub request: DeviceRequest,
    /// To be repeated.
    pub nonce: Option<String>,
    /// The token that it shows.
    pub session: Option<String>,
    /// Which box, if it names itself.
    pub device_id: Option<String>,
}

/// For whom a method is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// For boxes.
    Device,
    /// For merchants' servers.
    Partner,
}

/// For whom the method of this name is; none: there is no such method.
pub fn audience(method: &str) -> Option<Audience> {
    let none = Params::new();
    if PartnerRequest::read(method, &none).is_some() {
        return Some(Audience::Partner);
    }
    DeviceRequest::read(method, &none).map(|_| Audience::Device)
}

/// Everything before the business. `peer` is whoever has connected.
///
/// # Errors
/// The first rule that the request breaks.
pub fn accept(shared: &Shared, params: &Params, peer: IpAddr) -> Result<Accepted, TopError> {
    let method = required(params, "method", 21, "Missing Method")?;
    let app_key = required(params, "app_key", 28, "Missing App Key")?;
    let (app, now_ms) = shared.look(|state, now_ms| (state.app(app_key).cloned(), now_ms));
    let unknown = || {
        let why = "the sandbox prints its app keys at its start";
        TopError::new(29, "Invalid App Key", "isv.appkey-not-exists", why)
    };
    let app = app.ok_or_else(unknown)?;
    let secret = app.secret().ok_or_else(unknown)?;
    check_envelope(params, method, now_ms)?;
    verify(params, &secret).map_err(|error| match error {
        SignError::Missing => TopError::plain(24, "Missing Signature"),
        SignError::Method | SignError::Invalid => {
            TopError::new(25, "Invalid Signature", "isv.invalid-signature", error.to_string())
        }
    })?;
    let audience = audience(method).ok_or_else(|| {
        let why = "the sandbox does not know this method";
        TopError::new(22, "Invalid Method", "isv.invalid-method", why)
    })?;
    if audience == Audience::Partner {
        check_permission(shared, app_key, peer)?;
    }
    shared.act_now(|state, now_ms| state.let_through(app_key, method, now_ms)).map_err(banned)?;
    let asked = match audience {
        Audience::Partner => PartnerRequest::read(method, params).map(|r| r.map(Asked::Partner)),
        Audience::Device => DeviceRequest::read(method, params)
            .map(|request| read_device(request?, params).map(Asked::Device)),
    };
    let asked = asked.unwrap_or(Err(ParamError::Missing("method")))?;
    Ok(Accepted { app, secret, asked })
}

fn read_device(request: DeviceRequest, params: &Params) -> Result<DeviceAsked, ParamError> {
    let nonce = read_nonce(params)?;
    check(&request)?;
    let given = |name| params.get(name).filter(|value| !value.is_empty()).map(str::to_owned);
    let session = given(SESSION).filter(|_| request.session_use() != SessionUse::Ignored);
    Ok(DeviceAsked { request, nonce, session, device_id: given("device_id") })
}

fn check_envelope(params: &Params, method: &str, now_ms: i64) -> Result<(), TopError> {
    let timestamp = required(params, "timestamp", 30, "Missing Timestamp")?;
    if required(params, "v", 32, "Missing Version")? != VERSION {
        return Err(TopError::plain(33, "Invalid Version"));
    }
    check_format(params, method)?;
    let near = parse_timestamp(timestamp)
        .is_some_and(|sent_ms| sent_ms.saturating_sub(now_ms).saturating_abs() <= TOP_SKEW_MS_MAX);
    // A box whose battery is dead asks for the time here.
    if !near && method != SERVER_DATE_GET {
        let why = "yyyy-MM-dd HH:mm:ss in GMT+8 or Unix milliseconds, at most 10 minutes off";
        return Err(TopError::new(31, "Invalid Timestamp", "isv.invalid-timestamp", why));
    }
    Ok(())
}

/// An answer to a box proves itself by a signature over its JSON text, so it has no other form.
fn check_format(params: &Params, method: &str) -> Result<(), TopError> {
    let (format, simplify) = (params.get("format"), params.get("simplify"));
    let wrong = |why| Err(TopError::new(23, "Invalid Format", "isv.invalid-parameter:format", why));
    if !matches!(format, None | Some("" | "json" | "xml")) {
        return wrong("format is json or xml");
    }
    let for_boxes = audience(method) == Some(Audience::Device);
    if for_boxes && (format != Some("json") || simplify == Some("true")) {
        return wrong("a method of boxes answers in format=json, without simplify");
    }
    Ok(())
}

/// What holds for merchants' servers and not for boxes, which are in everybody's home.
fn check_permission(shared: &Shared, app_key: &str, peer: IpAddr) -> Result<(), TopError> {
    let refused = |sub_code, why: String| {
        Err(TopError::new(11, "Insufficient isv permissions", sub_code, why))
    };
    let settings = shared.look(|state, _| state.settings(app_key));
    let peer = peer.to_canonical();
    if !settings.ip_whitelist.is_empty() && !settings.ip_whitelist.contains(&peer) {
        let why = format!("{peer} is not in the IP white list of app {app_key}");
        return refused("isv.ip-whitelist-limit", why);
    }
    if settings.partner_apis_off {
        let why = format!("app {app_key} has no permission for the methods of merchants' servers");
        return refused("isv.permission-api-package-limit", why);
    }
    Ok(())
}

fn banned(Banned { by_api, wait_s }: Banned) -> TopError {
    let sub_code = match by_api {
        true => "accesscontrol.limited-by-api-access-count",
        false => "accesscontrol.limited-by-app-access-count",
    };
    let why = format!("This ban will last for {wait_s} more seconds");
    TopError::new(7, "App Call Limited", sub_code, why)
}

fn required<'a>(
    params: &'a Params,
    name: &str,
    code: i64,
    msg: &'static str,
) -> Result<&'a str, TopError> {
    let value = params.get(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| TopError::plain(code, msg))
}
