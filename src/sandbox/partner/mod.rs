//! The methods of merchants' servers, carried out on the state.

mod query;
mod renewal;

use serde_json::Value;

use super::apps::App;
use super::state::State;
use crate::wire::partner::PartnerRequest;

/// Does what is asked and says so: the `result` node of the answer.
pub fn carry_out(state: &mut State, app: &App, request: &PartnerRequest, now_ms: i64) -> Value {
    match request {
        PartnerRequest::OrderQuery { order_no } => query::carry_out(state, app, order_no),
        PartnerRequest::RenewalPay(form) => renewal::carry_out(state, app, form, now_ms),
    }
}
