//! A charge of a subscription, taken for its merchant.

use serde_json::Value;

use super::super::apps::App;
use super::super::state::State;
use crate::wire::device::SYSTEM_ERROR;
use crate::wire::partner::{refused_result, renewal_result, RenewalForm};

/// The `result` of a charge: where it stands, or the rule that forbids it.
pub fn carry_out(state: &mut State, app: &App, form: &RenewalForm, now_ms: i64) -> Value {
    let charged = state.renew(&app.app_key, form, now_ms);
    let order = charged.map(|number| state.get(number));
    match order {
        Ok(Some(order)) => renewal_result(&order.partner_status()),
        Ok(None) => refused_result(SYSTEM_ERROR, "the charge was forgotten at once"),
        Err(refused) => refused_result(refused.code, &refused.message),
    }
}
