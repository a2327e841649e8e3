//! A charge of a subscription, taken for its merchant.

use serde_json::Value;

use super::super::apps::App;
use super::super::state::State;
use crate::wire::partner::{refused_result, RenewalCode, RenewalForm};

/// The `result` of a charge.
pub fn carry_out(_: &mut State, _: &App, form: &RenewalForm, _: i64) -> Value {
    let message = format!("there is no subscription {:?}", form.ref_order_no);
    refused_result(RenewalCode::ThreadNotFound.as_str(), &message)
}
