//! gateway.6uu.com: gift records for a merchant's server. Signed with the app's gift secret,
//! over the very bytes that arrive (protocol notes 2.3, 2.4, 9).

use std::sync::Arc;

use axum::extract::{Request, State as Extracted};
use axum::http::{header, Method as Verb, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use axum::Router;

use super::calls::Called;
use super::device::{not_authorised, spoil, Outcome};
use super::gifts::GiftRecord;
use super::method::Method;
use super::scenario::Fault;
use super::server::LogName;
use super::shared::Shared;
use super::state::{Refused, State};
use crate::limits::{COIN_SKEW_MS_MAX, SANDBOX_COIN_RECORDS_MAX};
use crate::wire::baodian::{
    coin_marked, coin_records, coin_refused, CoinAction, CoinCall, CoinRecord, CoinRequest, Fields,
    GiftFilter, FAIL, GIFT_MARK_PATH, GIFT_QUERY_PATH, ILLEGAL_ARGUMENT, ILLEGAL_SIGNATURE,
    SIGNATURE_EXPIRED,
};
use crate::wire::device::ParamError;
use crate::wire::gbk;
use crate::wire::sign::SignError;

/// Asks for the answer in another charset than UTF-8. Signed like every parameter.
const OUTPUT_CHARSET: &str = "_output_charset";

/// The routes.
pub fn router() -> Router<Arc<Shared>> {
    Router::new().route(GIFT_QUERY_PATH, any(query)).route(GIFT_MARK_PATH, any(mark))
}

async fn query(Extracted(shared): Extracted<Arc<Shared>>, request: Request) -> Response {
    serve(&shared, CoinAction::Query, read(&request)).await
}

async fn mark(Extracted(shared): Extracted<Arc<Shared>>, request: Request) -> Response {
    serve(&shared, CoinAction::Mark, read(&request)).await
}

fn method_of(action: CoinAction) -> Method {
    match action {
        CoinAction::Query => Method::CoinQuery,
        CoinAction::Mark => Method::CoinMark,
    }
}

async fn serve(shared: &Shared, action: CoinAction, read: Result<Fields, Refused>) -> Response {
    let method = method_of(action);
    let fields = read.as_ref().cloned().unwrap_or_default();
    let charset = Charset::of(&fields);
    let accepted = read.and_then(|fields| accept(shared, action, &fields));
    let known = accepted.as_ref().ok().map(|request| request.app_key.as_str().to_owned());
    let outcome = match accepted {
        Err(refused) => {
            let app_order_id = match action {
                CoinAction::Mark => text(&fields, "app_order_id"),
                CoinAction::Query => None,
            };
            Outcome::Body(refusal(&refused, app_order_id.as_deref()))
        }
        Ok(request) => shared.act(|state, _| carry_out(state, method, &request)).await,
    };
    let about = text(&fields, "record_id").or_else(|| text(&fields, "user_str_id"));
    let about = about.unwrap_or_default();
    shared.log_call(Called::coin(method.name(), &about, known.as_deref(), &outcome));
    let mut response = match outcome {
        Outcome::Body(body) => charset.answer(body),
        Outcome::Http500 => (StatusCode::INTERNAL_SERVER_ERROR, "sandbox scenario").into_response(),
        Outcome::Hang => {
            shared.hang().await;
            (StatusCode::GATEWAY_TIMEOUT, "sandbox scenario").into_response()
        }
    };
    response.extensions_mut().insert(LogName::new(method.name()));
    response
}

fn read(request: &Request) -> Result<Fields, Refused> {
    if request.method() != Verb::GET {
        return Err(Refused::new(ILLEGAL_ARGUMENT, "the call must be a GET"));
    }
    Fields::parse(request.uri().query().unwrap_or(""))
        .map_err(|error| Refused::new(ILLEGAL_ARGUMENT, error.to_string()))
}

fn text(fields: &Fields, name: &str) -> Option<String> {
    fields.bytes(name).and_then(gbk::decode).map(|text| text.into_owned())
}

/// Everything before the business. The signature is looked at before the time, so that a
/// wrong secret is not taken for a wrong clock.
fn accept(shared: &Shared, action: CoinAction, fields: &Fields) -> Result<CoinRequest, Refused> {
    let request = CoinRequest::read(action, fields).map_err(|error| illegal(&error))?;
    let app_key = request.app_key.as_str();
    let (app, now_ms) = shared.look(|state, now_ms| (state.app(app_key).cloned(), now_ms));
    let secret = app.as_ref().and_then(|app| app.gift_secret()).ok_or_else(|| {
        let why = "app_str_id is none of the app keys that the sandbox prints at its start";
        Refused::new(ILLEGAL_ARGUMENT, why)
    })?;
    fields.verify(&secret).map_err(|error| match error {
        SignError::Missing => illegal(&ParamError::Missing("sign")),
        SignError::Method | SignError::Invalid => {
            let why =
                "签名错误: lower-case hexadecimal MD5 over the GBK bytes of all parameters but \
                       sign, sorted by name, then the app's gift_secret";
            Refused::new(ILLEGAL_SIGNATURE, why)
        }
    })?;
    let off_ms = request.ts_ms.saturating_sub(now_ms);
    if off_ms.saturating_abs() > COIN_SKEW_MS_MAX {
        let why = format!(
            "请求签名过期: ts must be Unix milliseconds within {COIN_SKEW_MS_MAX} of {now_ms}"
        );
        return Err(Refused::new(SIGNATURE_EXPIRED, why));
    }
    Charset::read(fields)?;
    Ok(request)
}

fn illegal(error: &ParamError) -> Refused {
    let why = match error {
        ParamError::Missing(name) => format!("{name} is missing"),
        ParamError::Invalid(name, why) => format!("{name} {why}"),
    };
    Refused::new(ILLEGAL_ARGUMENT, why)
}

fn refusal(refused: &Refused, app_order_id: Option<&str>) -> String {
    coin_refused(refused.code, &refused.message, app_order_id)
}

fn carry_out(state: &mut State, method: Method, request: &CoinRequest) -> Outcome {
    let app_order_id = match &request.call {
        CoinCall::Mark { app_order_id, .. } => Some(app_order_id.as_str()),
        CoinCall::Query { .. } => None,
    };
    let fault = state.take_fault(method, request.app_key.as_str(), false);
    let done = match fault {
        Some(Fault::SystemError) => Err(Refused::new(FAIL, "system error")),
        _ => act(state, request),
    };
    let body = done.unwrap_or_else(|refused| refusal(&refused, app_order_id));
    match fault {
        Some(fault) => spoil(Outcome::Body(body), fault, ""),
        None => Outcome::Body(body),
    }
}

fn act(state: &mut State, request: &CoinRequest) -> Result<String, Refused> {
    let (app_key, user_id) = (request.app_key.as_str(), request.user_id.as_str());
    // A user that does not exist looks the same to a stranger.
    if state.users().grant(user_id, app_key).is_none() {
        return Err(not_authorised());
    }
    match &request.call {
        CoinCall::Query { items, filter } => {
            Ok(coin_records(&records(state, request, items, *filter)))
        }
        CoinCall::Mark { record_id, app_order_id } => {
            state.activate_gift(app_key, user_id, *record_id, app_order_id)?;
            Ok(coin_marked(app_order_id))
        }
    }
}

fn records(
    state: &State,
    request: &CoinRequest,
    items: &[String],
    filter: GiftFilter,
) -> Vec<CoinRecord> {
    let fits = |record: &&GiftRecord| {
        record.app_key == request.app_key.as_str()
            && record.user_id == request.user_id
            && filter.takes(record.status_for_merchant())
            && (items.is_empty() || items.contains(&record.cp_item_id))
    };
    let told = state.gifts().oldest().filter(fits).take(SANDBOX_COIN_RECORDS_MAX);
    told.map(|record| CoinRecord {
        cp_item_id: record.cp_item_id.clone(),
        created_ms: record.created_ms,
        record_id: record.gift_id.get(),
        status: record.status_for_merchant(),
        user_id: record.user_id.as_str().to_owned(),
    })
    .collect()
}

/// In which bytes the answer is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Charset {
    Utf8,
    Gbk,
}

impl Charset {
    fn read(fields: &Fields) -> Result<Charset, Refused> {
        let named = text(fields, OUTPUT_CHARSET).unwrap_or_default().to_ascii_lowercase();
        match &*named {
            "" | "utf-8" | "utf8" => Ok(Charset::Utf8),
            "gbk" => Ok(Charset::Gbk),
            _ => Err(Refused::new(ILLEGAL_ARGUMENT, "_output_charset must be UTF-8 or GBK")),
        }
    }

    /// Of an answer, also of one that refuses the charset.
    fn of(fields: &Fields) -> Charset {
        Charset::read(fields).unwrap_or(Charset::Utf8)
    }

    fn answer(self, body: String) -> Response {
        match self {
            Charset::Utf8 => {
                ([(header::CONTENT_TYPE, "application/json;charset=UTF-8")], body).into_response()
            }
            Charset::Gbk => {
                ([(header::CONTENT_TYPE, "application/json;charset=GBK")], in_gbk(&body))
                    .into_response()
            }
        }
    }
}

/// JSON in GBK. A character that GBK does not have can only stand in a string, where it is
/// escaped.
fn in_gbk(json: &str) -> Vec<u8> {
    if let Some(bytes) = gbk::encode(json) {
        return bytes.into_owned();
    }
    let mut bytes = Vec::with_capacity(json.len());
    let mut buffer = [0; 4];
    for character in json.chars() {
        match gbk::encode(character.encode_utf8(&mut buffer)) {
            Some(known) => bytes.extend_from_slice(&known),
            None => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    bytes.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
                }
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_gbk_does_not_have_is_escaped() {
        let text = r#"{"msg":"金😀é"}"#;
        let bytes = in_gbk(text);
        let decoded = gbk::decode(&bytes).unwrap();
        assert!(decoded.contains("金\\ud83d\\ude00"), "{decoded}");
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&decoded), value(text));
        assert_eq!(in_gbk("{}"), b"{}");
    }
}
