//! Answers about an order.

use super::super::text::{award, clean};
use super::super::verify::{gateway, signature, Expected, Genuine, Read};
use super::{error_reply, is_undecided, refused, rejected, Errors};
use crate::core::call::{Doubt, Reply, Trade, TradeStatus};
use crate::core::facts::Facts;
use crate::gateway::HttpAnswer;
use crate::limits::{EXPIRES_S_DEFAULT, EXPIRES_S_MAX, GATEWAY_TEXT_BYTES_MAX, ORDER_AWARDS_MAX};
use crate::wire::device::{OrderData, OrderStatus, ORDER_NOT_FOUND, SESSION_INVALID};

/// The code to show. `may_show` decides about its text.
pub(in super::super) fn precreate(
    facts: &Facts,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
    may_show: impl Fn(&str) -> Result<(), &'static str>,
) -> Result<Reply, Doubt> {
    let genuine = match expected.read::<OrderData>(answer)? {
        // Nobody has seen a code, so nobody can have paid.
        Read::Error(error) => return Ok(error_reply(&error, expected, Errors::Refuse)),
        Read::Result(genuine) => genuine,
    };
    let data = about(&genuine, facts)?;
    let result = &genuine.result;
    if !result.success {
        return refusal_of(&result.code, &result.message, data, expected);
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

/// A refused precreate. One that has a status is about a trade that exists, so it is no
/// proof that nobody can pay.
fn refusal_of(
    code: &str,
    message: &str,
    data: &OrderData,
    expected: &Expected<'_>,
) -> Result<Reply, Doubt> {
    if is_undecided(code) || data.status.is_some() {
        return Err(refused(code));
    }
    if code == SESSION_INVALID && expected.session {
        return Ok(Reply::NoSession);
    }
    Ok(rejected(code, message))
}

/// Where the order stands: the answer to a query or a close.
pub(in super::super) fn order(
    facts: &Facts,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    let genuine = match expected.read::<OrderData>(answer)? {
        Read::Error(error) => return Ok(error_reply(&error, expected, Errors::Doubtful)),
        Read::Result(genuine) => genuine,
    };
    let data = about(&genuine, facts)?;
    let result = &genuine.result;
    match (result.success, data.status) {
        (true, Some(status)) => Ok(Reply::Status(trade(facts, status, data, genuine.signed))),
        (false, None) if result.code == ORDER_NOT_FOUND => Ok(Reply::NoTrade),
        (true, None) => Err(gateway("the answer has no status")),
        (false, _) => Err(refused(&result.code)),
    }
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

fn trade(facts: &Facts, status: OrderStatus, data: &OrderData, signed: bool) -> Trade {
    let positive = |ms: &i64| *ms > 0;
    let status = match status {
        OrderStatus::NotScanned => TradeStatus::NotScanned,
        OrderStatus::WaitBuyerPay => TradeStatus::WaitBuyerPay,
        OrderStatus::TradeSuccess => TradeStatus::Success,
        OrderStatus::TradeClosed => TradeStatus::Closed,
        OrderStatus::TradeRefunded => TradeStatus::Refunded,
    };
    let was_paid = matches!(status, TradeStatus::Success | TradeStatus::Refunded);
    // Prizes are ours: a gateway that does not sign has none to give.
    let wins = status == TradeStatus::Success && signed;
    let awards = if wins { &data.awards[..] } else { &[] };
    Trade {
        status,
        trade_no: clean(data.alipay_trade_no.as_deref().unwrap_or(""), GATEWAY_TEXT_BYTES_MAX),
        amount_fen: facts.amount_fen,
        paid_ms: data.gmt_payment.filter(positive).filter(|_| was_paid),
        server_ms: data.echo.server_date_ms.filter(positive),
        awards: awards.iter().take(ORDER_AWARDS_MAX).map(award).collect(),
    }
}
