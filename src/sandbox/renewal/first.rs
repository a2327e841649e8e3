//! The rules of a subscription's first order (protocol notes 5). Pure.

use super::super::settings::Settings;
use super::super::state::Refused;
use crate::wire::device::{
    PrecreateData, RENEWAL_ORDER_INFO_ERROR, RENEWAL_ORDER_NOT_ALLOWED, RENEWAL_PRICE_EXCEED_LIMIT,
    TERM_COUNT_EXCEED_LIMIT,
};

/// Checks them in the order of the notes. A plain order passes.
///
/// # Errors
/// The first rule that is broken.
pub fn check(data: &PrecreateData, settings: &Settings) -> Result<(), Refused> {
    let Some(renewal) = &data.renewal else { return Ok(()) };
    if !settings.renewal {
        let message = "operations have not enabled the app for renewal";
        return Err(Refused::new(RENEWAL_ORDER_NOT_ALLOWED, message));
    }
    if renewal.prices.first() != Some(&data.price) {
        let message = "price_list must begin with price";
        return Err(Refused::new(RENEWAL_ORDER_INFO_ERROR, message));
    }
    let (count, most) = (renewal.prices.len(), renewal.interval.charges_max());
    if count > most {
        let by = renewal.interval.name();
        let message = format!("price_list has {count} charges: at most {most} by {by}");
        return Err(Refused::new(TERM_COUNT_EXCEED_LIMIT, message));
    }
    let total_fen: i64 = renewal.prices.iter().map(|price| price.get()).sum();
    match settings.renewal_cap_fen {
        Some(cap) if total_fen > cap.get() => {
            let message = format!("all charges come to {total_fen} fen: at most {}", cap.get());
            Err(Refused::new(RENEWAL_PRICE_EXCEED_LIMIT, message))
        }
        _ => Ok(()),
    }
}
