//! Where an order stands, told to its merchant.

use serde_json::Value;

use super::super::apps::App;
use super::super::state::State;
use crate::wire::partner::{refused_result, ORDER_NOT_FOUND, PUBLIC_KEY_NOT_SET};

/// The `result` of a query.
pub fn carry_out(state: &State, app: &App, order_no: &str) -> Value {
    if state.find(&app.app_key, order_no).is_none() {
        return refused_result(ORDER_NOT_FOUND, "this app has no order of that number");
    }
    refused_result(PUBLIC_KEY_NOT_SET, "upload the merchant's public RSA key")
}
