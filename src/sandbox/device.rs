//! The methods a box calls, carried out on the state, and their answers spoilt where the
//! order's scenario wants it.

use serde::Serialize;

use super::apps::App;
use super::order::Order;
use super::scenario::{Fault, Spoil};
use super::state::State;
use crate::limits::{
    EXPIRES_S_MAX, EXPIRES_S_MIN, NOTIFY_URL_BYTES_MAX, SANDBOX_BAN_S, SUBJECT_ID_CHARS_MAX,
    TITLE_CHARS_MAX, WAIT_S_MAX,
};
use crate::money::Fen;
use crate::wire::device::{
    answer, AppConfig, AppInfoData, ConfigProps, DeviceRequest, Echo, OrderData, OrderStatus,
    ParamError, PrecreateData, ServerDateData, ServiceResult, ORDER_NOT_FOUND,
};
use crate::wire::secret::Secret;
use crate::wire::top::ErrorResponse;

/// What leaves the gateway.
#[derive(Debug, PartialEq, Eq)]
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
    /// What precedes a code in the text of its QR.
    pub qr_prefix: &'a str,
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

fn is_http_url(url: &str) -> bool {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
    url.len() <= NOTIFY_URL_BYTES_MAX && !host.is_empty()
}

impl Call<'_> {
    /// Does what is asked and writes the answer.
    pub fn carry_out(&self, state: &mut State) -> Outcome {
        match self.request {
            DeviceRequest::AppInfo => {
                let config_props = ConfigProps { wait_s_max: WAIT_S_MAX, ..ConfigProps::default() };
                let app_config = AppConfig { config_props };
                self.body(&ServiceResult::success(AppInfoData { echo: self.echo(), app_config }))
            }
            DeviceRequest::ServerDate => {
                let server_date = Some(self.now_ms);
                self.body(&ServiceResult::success(ServerDateData {
                    echo: self.echo(),
                    server_date,
                }))
            }
            DeviceRequest::Precreate(data) => self.precreate(state, data),
            DeviceRequest::Query { partner_order_no, .. } => self.query(state, partner_order_no),
            DeviceRequest::Close { partner_order_no } => self.close(state, partner_order_no),
            _ => self.not_offered(),
        }
    }

    fn not_offered(&self) -> Outcome {
        let data = AppInfoData { echo: self.echo(), ..AppInfoData::default() };
        let message = "the sandbox does not offer this method";
        self.body(&ServiceResult::refusal("NOT_OFFERED", message, data))
    }

    fn precreate(&self, state: &mut State, data: &PrecreateData) -> Outcome {
        let number = match state.precreate(&self.app.app_key, data, None, self.now_ms) {
            Ok(number) => number,
            Err(refused) => {
                let echo = self.about(&data.partner_order_no, Some(data.price));
                return self.body(&ServiceResult::refusal(refused.code, &refused.message, echo));
            }
        };
        let spoil = take_spoil(state, number, |fault| fault != Fault::Replay);
        let Some(order) = state.get(number) else { return Outcome::Http500 };
        let answer = OrderData {
            qr_code: Some(format!("{}{}", self.qr_prefix, order.code)),
            // A code that ran out has its last second, so that the number is a lifetime.
            expires_s: Some(order.left_s(self.now_ms).max(1)),
            ..self.about(&data.partner_order_no, Some(data.price))
        };
        self.spoilt(answer, spoil)
    }

    fn query(&self, state: &mut State, partner_order_no: &str) -> Outcome {
        let Some(order) = state.find(&self.app.app_key, partner_order_no) else {
            return self.not_found(partner_order_no);
        };
        let number = order.number;
        let paid_answer = state.paid_answers.get(&self.app.app_key);
        let earlier = paid_answer.or(order.earlier_answer.as_ref()).cloned();
        let spoil = take_spoil(state, number, |fault| fault != Fault::Replay || earlier.is_some());
        if let (Some(Fault::Replay), Some(earlier)) = (spoil.map(|spoil| spoil.fault), earlier) {
            return Outcome::Body(earlier);
        }
        let outcome = self.status(state, number, spoil);
        if let (Outcome::Body(body), None) = (&outcome, spoil) {
            self.remember(state, number, body);
        }
        outcome
    }

    fn close(&self, state: &mut State, partner_order_no: &str) -> Outcome {
        let Some(order) = state.find(&self.app.app_key, partner_order_no) else {
            return self.not_found(partner_order_no);
        };
        let number = order.number;
        if order.is_open() {
            state.change(number, |order| order.close_by_box(self.now_ms));
        }
        let for_queries = |fault| matches!(fault, Fault::Replay | Fault::Stale);
        let spoil = take_spoil(state, number, |fault| !for_queries(fault));
        self.status(state, number, spoil)
    }

    /// The answer to query and close: where the order stands.
    fn status(&self, state: &mut State, number: u64, spoil: Option<Spoil>) -> Outcome {
        let Some(order) = state.get(number) else { return Outcome::Http500 };
        let (told, status) = (order.told, order.status);
        let answer = self.order_data(order);
        if told != status {
            state.change(number, |order| order.told = status);
        }
        self.spoilt(answer, spoil)
    }

    fn order_data(&self, order: &Order) -> OrderData {
        OrderData {
            status: Some(order.status),
            alipay_trade_no: order.scanned_ms.map(|_| order.trade_no.clone()),
            gmt_payment: order.paid_ms,
            ..self.about(&order.data.partner_order_no, Some(order.data.price))
        }
    }

    fn not_found(&self, partner_order_no: &str) -> Outcome {
        let echo = self.about(partner_order_no, None);
        let message = "this app has no order of that number";
        self.body(&ServiceResult::refusal(ORDER_NOT_FOUND, message, echo))
    }

    fn echo(&self) -> Echo {
        Echo {
            app_key: Some(self.app.app_key.clone()),
            nonce: self.nonce.clone(),
            server_date_ms: Some(self.now_ms),
        }
    }

    fn about(&self, partner_order_no: &str, price: Option<Fen>) -> OrderData {
        OrderData {
            echo: self.echo(),
            partner_order_no: Some(partner_order_no.to_owned()),
            price,
            ..OrderData::default()
        }
    }

    fn body<T: Serialize>(&self, result: &ServiceResult<T>) -> Outcome {
        match answer(self.request.method(), result, Some(self.secret), self.request_id) {
            Ok(body) => Outcome::Body(body),
            Err(_) => Outcome::Http500,
        }
    }

    /// What a replay of this order, or of another one of the app, can repeat.
    fn remember(&self, state: &mut State, number: u64, body: &str) {
        let Some(order) = state.get(number) else { return };
        if order.status == OrderStatus::TradeSuccess {
            state.paid_answers.insert(self.app.app_key.clone(), body.to_owned());
        }
        let Some(order) = state.get(number) else { return };
        let replays = order.setting.spoil.is_some_and(|spoil| spoil.fault == Fault::Replay);
        if replays && order.earlier_answer.is_none() {
            state.change(number, |order| order.earlier_answer = Some(body.to_owned()));
        }
    }

    fn spoilt(&self, mut data: OrderData, spoil: Option<Spoil>) -> Outcome {
        let fault = spoil.map(|spoil| spoil.fault);
        match fault {
            Some(Fault::Http500) => return Outcome::Http500,
            Some(Fault::Timeout) => return Outcome::Hang,
            Some(Fault::Throttle) => return Outcome::Body(throttled(self.request_id)),
            Some(Fault::Amount) => {
                let fen = data.price.map_or(1, Fen::get);
                data.price = Fen::new(fen + 1).or_else(|_| Fen::new(fen - 1)).ok();
            }
            Some(Fault::OtherOrder) => data.partner_order_no = Some("ANOTHER-ORDER".into()),
            Some(Fault::Stale) => {
                data.status = Some(OrderStatus::WaitBuyerPay);
                data.gmt_payment = None;
            }
            Some(Fault::Replay | Fault::BadJson | Fault::BadSign) | None => {}
        }
        match (fault, self.body(&ServiceResult::success(data))) {
            (Some(Fault::BadJson), Outcome::Body(body)) => Outcome::Body(broken_off(body)),
            (Some(Fault::BadSign), Outcome::Body(body)) => Outcome::Body(wrongly_signed(body)),
            (_, outcome) => outcome,
        }
    }
}

/// Takes the spoil of the order if it is one of a fitting kind. Saves nothing otherwise.
fn take_spoil(state: &mut State, number: u64, fits: impl Fn(Fault) -> bool) -> Option<Spoil> {
    state.get(number)?.setting.spoil.filter(|spoil| spoil.times > 0)?;
    state.change(number, |order| order.take_spoil(|spoil| fits(spoil.fault))).flatten()
}

fn throttled(request_id: &str) -> String {
    let error = ErrorResponse {
        code: 7,
        msg: "App Call Limited".into(),
        sub_code: "accesscontrol.limited-by-app-access-count".into(),
        sub_msg: format!("This ban will last for {SANDBOX_BAN_S} more seconds"),
        request_id: request_id.into(),
    };
    error.encode()
}

fn broken_off(mut body: String) -> String {
    let mut half = body.len() / 2;
    while !body.is_char_boundary(half) {
        half -= 1;
    }
    body.truncate(half);
    body
}

fn wrongly_signed(body: String) -> String {
    let name = "\"result_sign\":\"";
    let Some(at) = body.rfind(name).map(|at| at + name.len()) else { return body };
    let (before, sign) = body.split_at(at);
    let other = if sign.starts_with('0') { "1" } else { "0" };
    format!("{before}{other}{}", sign.get(1..).unwrap_or(""))
}
