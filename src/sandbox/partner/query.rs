//! Where an order stands, told to its merchant.

use serde_json::Value;

use super::super::apps::App;
use super::super::order::Order;
use super::super::state::State;
use crate::wire::blocks::encrypt;
use crate::wire::device::SYSTEM_ERROR;
use crate::wire::partner::{
    query_result, refused_result, PartnerOrder, ORDER_NOT_FOUND, PUBLIC_KEY_NOT_SET,
};

/// The `result` of a query. An order of another app looks like one that there is not.
pub fn carry_out(state: &State, app: &App, order_no: &str) -> Value {
    let Some(order) = state.find(&app.app_key, order_no) else {
        return refused_result(ORDER_NOT_FOUND, "this app has no order of that number");
    };
    let Some(key) = app.public_key() else {
        let why = "no public RSA key was uploaded for this app, so nothing can be encrypted to it";
        return refused_result(PUBLIC_KEY_NOT_SET, why);
    };
    match encrypt(&key, told(order).encode().as_bytes()) {
        Ok(encrypted) => query_result(&encrypted),
        Err(error) => refused_result(SYSTEM_ERROR, &error.to_string()),
    }
}

fn told(order: &Order) -> PartnerOrder {
    PartnerOrder {
        partner_order_no: order.data.partner_order_no.clone(),
        alipay_trade_no: order.partner_trade_no().to_owned(),
        order_status: order.partner_status(),
        price: order.data.price,
        subject: order.data.subject.clone(),
        subject_id: order.data.subject_id.clone().unwrap_or_default(),
        buyer_logon_id: order.buyer_logon_id(),
    }
}
