//! What a believed answer says about the call.

use super::verify::{gateway, signature, Expected, Genuine, Read};
use crate::core::call::{Doubt, DoubtKind, Reply, Trade, TradeStatus};
use crate::core::facts::{is_unsafe_on_screen, Facts};
use crate::gateway::HttpAnswer;
use crate::limits::{
    EXPIRES_S_DEFAULT, EXPIRES_S_MAX, GATEWAY_TEXT_BYTES_MAX, MESSAGE_BYTES_MAX,
    THROTTLE_S_DEFAULT, THROTTLE_S_MAX, WAIT_S_MAX,
};
use crate::wire::device::{
    AppInfoData, OrderData, OrderStatus, ServerDateData, ServiceResult, ORDER_NOT_FOUND,
    SYSTEM_ERROR,
};
use crate::wire::top::ErrorResponse;

/// Numbers of `error_response` that say the request itself was wrong, so that it did nothing.
const CALLERS_FAULT: [i64; 8] = [11, 21, 22, 25, 28, 29, 40, 41];
/// Numbers that mean "too often".
const LIMITED: [i64; 5] = [4, 5, 6, 7, 8];
const INVALID_TIMESTAMP: i64 = 31;

/// The code to show. `may_show` decides about its text.
pub(super) fn precreate(
    facts: &Facts,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
    may_show: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<Reply, Doubt> {
    let genuine = match expected.read::<OrderData>(answer)? {
        Read::Error(error) => return Ok(precreate_error(&error)),
        Read::Result(genuine) => genuine,
    };
    let data = about(&genuine, facts)?;
    let result = &genuine.result;
    if !result.success {
        return refusal_of(&result.code, &result.message, data);
    }
    let qr_text = data.qr_code.as_deref().unwrap_or("");
    may_show(qr_text).map_err(|why| gateway(format!("the code {why}")))?;
    let expires_s = data.expires_s.or(facts.expires_s).unwrap_or(EXPIRES_S_DEFAULT);
    if expires_s > EXPIRES_S_MAX {
        return Err(gateway(format!("expires_s is {expires_s}: at most {EXPIRES_S_MAX}")));
    }
    let server_ms = data.echo.server_date_ms.filter(|ms| *ms > 0);
    Ok(Reply::Shown { qr_text: qr_text.to_owned(), expires_s, server_ms })
}

/// The error of a precreate. Nobody has signed it, but nobody has seen a code either, so
/// to believe it can cost a sale and not a payment. Outside a sandbox it came over https.
fn precreate_error(error: &ErrorResponse) -> Reply {
    let callers = CALLERS_FAULT.contains(&error.code) || error.sub_code.starts_with("isv.");
    match error_reply(error) {
        Reply::InDoubt(doubt)
            if doubt.kind == DoubtKind::Gateway
                && callers
                && !error.sub_code.starts_with("isp.") =>
        {
            rejected(&error_code(error), &sentence(error))
        }
        other => other,
    }
}

/// The gateway's clock.
pub(super) fn server_date(expected: &Expected<'_>, answer: &HttpAnswer) -> Result<i64, Reply> {
    match expected.read::<ServerDateData>(answer).map_err(Reply::InDoubt)? {
        Read::Error(error) => Err(error_reply(&error)),
        Read::Result(genuine) => success(genuine)
            .and_then(|data| data.server_date.ok_or_else(|| gateway("no server_date")))
            .map_err(Reply::InDoubt),
    }
}

/// What the gateway offers, and its clock out of this answer or, before it, `server_ms`.
pub(super) fn probe(
    expected: &Expected<'_>,
    answer: &HttpAnswer,
    server_ms: Option<i64>,
) -> Result<Reply, Doubt> {
    let genuine = match expected.read::<AppInfoData>(answer)? {
        Read::Error(error) => return Ok(error_reply(&error)),
        Read::Result(genuine) => genuine,
    };
    let signed = genuine.signed;
    let data = success(genuine)?;
    let server_ms = data.echo.server_date_ms.or(server_ms);
    let offered = data.app_config.config_props.wait_s_max;
    Ok(Reply::Probed {
        server_ms: server_ms.ok_or_else(|| gateway("no server_date_ms"))?,
        wait_s_max: if signed { offered.min(WAIT_S_MAX) } else { 0 },
    })
}

/// The data of an answer that is about this order. A price that is there must be right, and
/// only a refusal may leave it out.
fn about<'a>(genuine: &'a Genuine<OrderData>, facts: &Facts) -> Result<&'a OrderData, Doubt> {
    let result = &genuine.result;
    let data = result.data.as_ref().ok_or_else(|| signature("the answer repeats nothing"))?;
    if data.echo.app_key.is_none() {
        return Err(signature("the answer names no app"));
    }
    if data.partner_order_no.as_deref() != Some(facts.order_id.as_str()) {
        return Err(signature("the answer is about another order"));
    }
    match data.price {
        Some(price) if price != facts.amount_fen => {
            Err(signature(format!("the answer is about {price}, the order {}", facts.amount_fen)))
        }
        None if result.success => Err(signature("the answer repeats no price")),
        _ => Ok(data),
    }
}

/// Where the order stands: the answer to a query or a close.
pub(super) fn order(
    facts: &Facts,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    let genuine = match expected.read::<OrderData>(answer)? {
        Read::Error(error) => return Ok(error_reply(&error)),
        Read::Result(genuine) => genuine,
    };
    let data = about(&genuine, facts)?;
    let result = &genuine.result;
    match (result.success, data.status) {
        (true, Some(status)) => Ok(Reply::Status(trade(facts, status, data))),
        (false, None) if result.code == ORDER_NOT_FOUND => Ok(Reply::NoTrade),
        (true, None) => Err(gateway("the answer has no status")),
        (false, _) => Err(gateway(format!("refused: {}", clean(&result.code, MESSAGE_BYTES_MAX)))),
    }
}

fn trade(facts: &Facts, status: OrderStatus, data: &OrderData) -> Trade {
    let positive = |ms: &i64| *ms > 0;
    let status = match status {
        OrderStatus::NotScanned => TradeStatus::NotScanned,
        OrderStatus::WaitBuyerPay => TradeStatus::WaitBuyerPay,
        OrderStatus::TradeSuccess => TradeStatus::Success,
        OrderStatus::TradeClosed => TradeStatus::Closed,
        OrderStatus::TradeRefunded => TradeStatus::Refunded,
    };
    let was_paid = matches!(status, TradeStatus::Success | TradeStatus::Refunded);
    Trade {
        status,
        trade_no: clean(data.alipay_trade_no.as_deref().unwrap_or(""), GATEWAY_TEXT_BYTES_MAX),
        amount_fen: facts.amount_fen,
        paid_ms: data.gmt_payment.filter(positive).filter(|_| was_paid),
        server_ms: data.echo.server_date_ms.filter(positive),
        awards: Vec::new(),
    }
}

/// A refused precreate. One that has a status is about a trade that exists, so it is no
/// proof that nobody can pay.
fn refusal_of(code: &str, message: &str, data: &OrderData) -> Result<Reply, Doubt> {
    let undecided = code.is_empty() || code == SYSTEM_ERROR || code.starts_with("isp.");
    if undecided || data.status.is_some() {
        return Err(gateway(format!("refused: {}", clean(code, MESSAGE_BYTES_MAX))));
    }
    Ok(rejected(code, message))
}

fn success<T>(genuine: Genuine<T>) -> Result<T, Doubt> {
    let ServiceResult { success, code, data, .. } = genuine.result;
    match data {
        Some(data) if success => Ok(data),
        _ => Err(gateway(format!("refused: {}", clean(&code, MESSAGE_BYTES_MAX)))),
    }
}

/// What any `error_response` can be believed to say: wait, look at the clock, or nothing.
fn error_reply(error: &ErrorResponse) -> Reply {
    if error.code == INVALID_TIMESTAMP || error.sub_code.starts_with("isv.invalid-timestamp") {
        return Reply::in_doubt(DoubtKind::Clock, sentence(error));
    }
    let limited =
        error.sub_code.starts_with("accesscontrol.limited") || error.sub_code == "isp.call-limited";
    if LIMITED.contains(&error.code) || limited {
        let after_s = error.ban_s().unwrap_or(THROTTLE_S_DEFAULT).clamp(1, THROTTLE_S_MAX);
        return Reply::Throttled { after_s };
    }
    Reply::in_doubt(DoubtKind::Gateway, sentence(error))
}

fn error_code(error: &ErrorResponse) -> String {
    match error.sub_code.as_str() {
        "" => error.code.to_string(),
        sub_code => sub_code.to_owned(),
    }
}

fn sentence(error: &ErrorResponse) -> String {
    let parts = [&error.code.to_string(), &error.msg, &error.sub_code, &error.sub_msg];
    let said: Vec<&str> = parts.into_iter().map(String::as_str).filter(|s| !s.is_empty()).collect();
    clean(&said.join(" / "), MESSAGE_BYTES_MAX)
}

fn rejected(code: &str, text: &str) -> Reply {
    Reply::Rejected {
        code: clean(code, GATEWAY_TEXT_BYTES_MAX),
        text: clean(text, MESSAGE_BYTES_MAX),
    }
}

/// Text from outside for logs and screens: without control and direction characters, cut at
/// a character's border.
fn clean(text: &str, bytes_max: usize) -> String {
    let mut cleaned = String::new();
    for c in text.chars().filter(|c| !is_unsafe_on_screen(*c)) {
        if cleaned.len() + c.len_utf8() > bytes_max {
            break;
        }
        cleaned.push(c);
    }
    cleaned
}
