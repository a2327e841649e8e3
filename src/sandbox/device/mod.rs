//! The methods a box calls, carried out on the state, and their answers spoilt where a
//! scenario wants it.

mod accounts;
mod gifts;
mod lottery;
mod orders;
mod spoil;

pub use spoil::{spoil, throttled};

use serde::Serialize;

use super::apps::App;
use super::method::Method;
use super::scenario::Fault;
use super::shared::Place;
use super::state::{Refused, State};
use super::users::Session;
use crate::core::award::Award;
use crate::core::report::WebKind;
use crate::limits::{
    EXPIRES_S_MAX, EXPIRES_S_MIN, NOTIFY_URL_BYTES_MAX, SUBJECT_ID_CHARS_MAX, TITLE_CHARS_MAX,
    WAIT_S_MAX,
};
use crate::wire::device::{
    answer, AppConfig, AppInfoData, AwardData, ConfigProps, DeviceRequest, Echo, Pages, ParamError,
    ServerDateData, ServiceResult, SessionError, AUTH_REQUIRED,
};
use crate::wire::secret::Secret;

/// What leaves the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Status 200 and this text.
    Body(String),
    /// Status 500.
    Http500,
    /// Nothing, for a long time.
    Hang,
}

/// A verified request of a box, on its way through the gateway.
pub struct Call<'a> {
    /// Who calls.
    pub app: &'a App,
    /// Signs the answer.
    pub secret: &'a Secret,
    /// What is asked.
    pub request: &'a DeviceRequest,
    /// To be repeated.
    pub nonce: Option<String>,
    /// Names the call in the answer.
    pub request_id: &'a str,
    /// The sandbox's clock, Unix milliseconds.
    pub now_ms: i64,
    /// The token that it shows, if it shows one.
    pub session: Option<&'a str>,
    /// Which box, if it names itself.
    pub device_id: Option<&'a str>,
    /// Where the pages are.
    pub place: &'a Place,
}

/// Checks what the codec leaves to the gateway.
pub fn check(request: &DeviceRequest) -> Result<(), ParamError> {
    let DeviceRequest::Precreate(data) = request else { return Ok(()) };
    let invalid = |why: String| Err(ParamError::Invalid("data", why));
    let chars = data.subject.chars().count();
    if !(1..=TITLE_CHARS_MAX).contains(&chars) || data.subject.chars().any(char::is_control) {
        return invalid(format!("subject must be 1 to {TITLE_CHARS_MAX} printable characters"));
    }
    let id_chars = data.subject_id.as_ref().map_or(1, |id| id.chars().count());
    if !(1..=SUBJECT_ID_CHARS_MAX).contains(&id_chars) {
        return invalid(format!("subject_id must be 1 to {SUBJECT_ID_CHARS_MAX} characters"));
    }
    if data.partner_notify_url.as_ref().is_some_and(|url| !is_http_url(url)) {
        let shape = "an http or https URL of at most";
        return invalid(format!("partner_notify_url must be {shape} {NOTIFY_URL_BYTES_MAX} bytes"));
    }
    match data.expires_s {
        Some(s) if !(EXPIRES_S_MIN..=EXPIRES_S_MAX).contains(&s) => {
            invalid(format!("expires_s must be {EXPIRES_S_MIN} to {EXPIRES_S_MAX}"))
        }
        _ => Ok(()),
    }
}

/// Whether notifies could be sent there.
pub fn is_http_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
    url.len() <= NOTIFY_URL_BYTES_MAX && !host.is_empty()
}

impl Call<'_> {
    /// Does what is asked and writes the answer.
    pub fn carry_out(&self, state: &mut State) -> Outcome {
        let method = Method::of(self.request);
        let speaks = self.session.is_some();
        let fault = method.and_then(|m| state.take_fault(m, &self.app.app_key, speaks));
        match (fault, self.session) {
            (Some(Fault::NoSession), Some(token)) => {
                state.revoke_session(token);
                self.no_session(SessionError::Invalid)
            }
            (Some(fault @ Fault::SlowDown), _) => spoil(Outcome::Http500, fault, self.request_id),
            (Some(fault), _) => spoil(self.act(state), fault, self.request_id),
            (None, _) => self.act(state),
        }
    }

    fn act(&self, state: &mut State) -> Outcome {
        match self.request {
            DeviceRequest::AppInfo => self.app_info(state),
            DeviceRequest::ServerDate => self.server_date(),
            DeviceRequest::Precreate(data) => self.precreate(state, data),
            DeviceRequest::Query { partner_order_no, .. } => self.query(state, partner_order_no),
            DeviceRequest::Close { partner_order_no } => self.close(state, partner_order_no),
            DeviceRequest::AuthApply { attempt, scene } => self.auth_apply(state, attempt, *scene),
            DeviceRequest::AuthQuery { attempt, wait_s } => {
                self.auth_query(state, attempt, *wait_s)
            }
            DeviceRequest::AuthCancel { attempt } => self.auth_cancel(state, attempt),
            DeviceRequest::Logout => self.logout(state),
            DeviceRequest::User => self.user(state),
            DeviceRequest::Activities { event_key } => self.activities(state, event_key.as_deref()),
            DeviceRequest::Draw(draw) => self.draw(state, draw),
            DeviceRequest::DrawQuery { draw_id } => self.draw_query(state, draw_id),
            DeviceRequest::Gifts { status } => self.gifts(state, *status),
            DeviceRequest::GiftTake(gift) => self.gift_take(state, gift),
            DeviceRequest::GiftMark(gift) => self.gift_mark(state, gift),
        }
    }

    fn app_info(&self, state: &State) -> Outcome {
        let app_key = &self.app.app_key;
        let settings = state.settings(app_key);
        let page = |kind| self.place.web_page(app_key, kind, &settings);
        let pages = Pages {
            start: page(WebKind::Start),
            custom: page(WebKind::Custom),
            exit: page(WebKind::Exit),
        };
        let qr_url = settings.qr_url.as_deref().map(|url| self.place.fill(url));
        let renewal = settings.renewal;
        let config_props = ConfigProps { wait_s_max: WAIT_S_MAX, pages, qr_url, renewal };
        let app_config = AppConfig { config_props };
        self.body(&ServiceResult::success(AppInfoData { echo: self.echo(), app_config }))
    }

    fn server_date(&self) -> Outcome {
        let server_date = Some(self.now_ms);
        self.body(&ServiceResult::success(ServerDateData { echo: self.echo(), server_date }))
    }

    /// Who the request speaks for.
    fn session(&self, state: &State) -> Result<Session, SessionError> {
        let token = self.session.ok_or(SessionError::Missing)?;
        state.session(token, &self.app.app_key).ok_or(SessionError::Invalid)
    }

    fn no_session(&self, error: SessionError) -> Outcome {
        Outcome::Body(error.answer(self.request_id).encode())
    }

    fn wrong_param(&self, name: &'static str, why: &str) -> Outcome {
        Outcome::Body(ParamError::Invalid(name, why.into()).answer(self.request_id).encode())
    }

    fn echo(&self) -> Echo {
        Echo {
            app_key: Some(self.app.app_key.clone()),
            nonce: self.nonce.clone(),
            server_date_ms: Some(self.now_ms),
        }
    }

    fn body<T: Serialize>(&self, result: &ServiceResult<T>) -> Outcome {
        match answer(self.request.method(), result, Some(self.secret), self.request_id) {
            Ok(body) => Outcome::Body(body),
            Err(_) => Outcome::Http500,
        }
    }

    fn refuse<T: Serialize>(&self, refused: &Refused, data: T) -> Outcome {
        self.body(&ServiceResult::refusal(refused.code, &refused.message, data))
    }
}

/// The user has signed in, but has not authorised the app.
pub fn not_authorised() -> Refused {
    Refused::new(AUTH_REQUIRED, "the user has not authorised the app")
}

/// An award on the wire, its link filled in.
fn award_data(award: &Award, place: &Place) -> AwardData {
    AwardData {
        award_id: award.award_id.clone(),
        name: award.name.clone(),
        award_type: award.award_type,
        type_name: award.type_name.clone(),
        amount: award.amount,
        unit: award.unit.clone(),
        price: award.price_fen,
        hyperlink_url: place.fill(&award.hyperlink_url),
        hyperlink_desc: award.hyperlink_desc.clone(),
        simple_desc: award.simple_desc.clone(),
        full_desc: award.full_desc.clone(),
    }
}
