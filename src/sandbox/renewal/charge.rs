//! The rules of a charge, in the order in which they are checked. The last one, whether the
//! payer's money can be had, is not a rule but an attempt.

use super::super::device::is_http_url;
use super::super::order::Order;
use super::super::settings::Settings;
use super::super::state::Refused;
use super::thread::{Standing, Thread};
use crate::core::facts::is_unsafe_on_screen;
use crate::money::Fen;
use crate::wire::partner::{RenewalCode, RenewalForm};
use crate::wire::time::format_gmt8;

/// A charge that may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Its number.
    pub seq: u32,
    /// What it costs.
    pub price: Fen,
}

fn refused<T>(code: RenewalCode, message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused::new(code.as_str(), message))
}

/// Whether the order that has the number already is this very charge. It is answered before
/// any rule is asked: whoever lost the answer learns what became of it, whatever was switched
/// off since.
///
/// # Errors
/// `RENEWAL_ORDER_INFO_ERROR`: it is another order.
pub fn check_repeat(known: &Order, form: &RenewalForm) -> Result<(), Refused> {
    let number = &form.partner_order_no;
    let Some(charge) = &known.charge else {
        let message = format!("partner_order_no {number} is an order that a box registered");
        return refused(RenewalCode::OrderInfoError, message);
    };
    let data = &known.data;
    let differs = [
        ("ref_order_no", charge.ref_order_no != form.ref_order_no),
        ("seq", Some(i64::from(charge.seq)) != form.seq),
        ("price", Some(data.price.get()) != form.price),
        ("subject", data.subject != form.subject),
        ("subject_id", data.subject_id.as_ref() != Some(&form.subject_id)),
        ("partner_notify_url", data.partner_notify_url.as_ref() != Some(&form.partner_notify_url)),
    ];
    match differs.iter().find(|row| row.1) {
        None => Ok(()),
        Some((field, _)) => {
            let message = format!("partner_order_no {number} is a charge with another {field}");
            refused(RenewalCode::OrderInfoError, message)
        }
    }
}

/// Checks a charge whose number is free.
///
/// # Errors
/// The first rule that it breaks.
pub fn check(
    form: &RenewalForm,
    thread: Option<&Thread>,
    settings: &Settings,
    now_ms: i64,
) -> Result<Charge, Refused> {
    check_app(settings)?;
    let (seq, price) = check_info(form, thread)?;
    let Some(thread) = thread else {
        let message = format!("no subscription began with order {}", form.ref_order_no);
        return refused(RenewalCode::ThreadNotFound, message);
    };
    check_standing(thread)?;
    let agreed = check_terms(thread, seq)?;
    let seq = check_seq(thread, seq)?;
    if price != agreed.get() {
        let message = format!("charge {seq} costs {} fen, not {price}", agreed.get());
        return refused(RenewalCode::PriceError, message);
    }
    check_caps(thread, agreed, settings)?;
    check_time(thread, seq, settings, now_ms)?;
    Ok(Charge { seq, price: agreed })
}

/// Rule 1.
///
/// # Errors
/// `RENEWAL_ORDER_NOT_ALLOWED`.
pub fn check_app(settings: &Settings) -> Result<(), Refused> {
    if settings.renewal {
        return Ok(());
    }
    let message = "operations have not enabled the app for renewal";
    refused(RenewalCode::OrderNotAllowed, message)
}

/// Rule 2, but for the number: what can be said of the order by itself, and that it is about
/// the thread's product.
fn check_info(form: &RenewalForm, thread: Option<&Thread>) -> Result<(i64, i64), Refused> {
    let wrong = |message: &str| refused(RenewalCode::OrderInfoError, message);
    let Some(seq) = form.seq else { return wrong("seq is no whole number") };
    let Some(price) = form.price else { return wrong("price is no whole number of fen") };
    if !is_http_url(&form.partner_notify_url) {
        return wrong("partner_notify_url is no http or https URL");
    }
    if form.subject.chars().chain(form.subject_id.chars()).any(is_unsafe_on_screen) {
        return wrong("subject or subject_id holds a control or direction character");
    }
    let product = thread.and_then(|thread| thread.first.data.subject_id.as_ref());
    if product.is_some_and(|product| *product != form.subject_id) {
        return wrong("subject_id is not that of the subscription");
    }
    Ok((seq, price))
}

/// Rule 4. A thread all of whose prices were taken passes: what is asked of it is beyond its
/// list, or a repeat.
fn check_standing(thread: &Thread) -> Result<(), Refused> {
    let why = match (thread.standing(), thread.open()) {
        (Standing::Created, _) => "its first order is not paid".to_owned(),
        (Standing::Closed, _) => "its first order was closed or refunded".to_owned(),
        (Standing::Cancelled, _) => "the user has ended it".to_owned(),
        (_, Some(open)) => format!("charge {} waits for its payer", open.data.partner_order_no),
        (Standing::Active | Standing::Finished, None) => return Ok(()),
    };
    let message = format!("subscription {}: {why}", thread.first.data.partner_order_no);
    refused(RenewalCode::ThreadStatusError, message)
}

/// Rule 5: what the list says for the charge. A list is not longer than a year.
fn check_terms(thread: &Thread, seq: i64) -> Result<Fen, Refused> {
    let Ok(place) = usize::try_from(seq) else {
        // Below the list, which rule 6 is about.
        return Ok(thread.first.data.price);
    };
    match thread.terms.prices.get(place) {
        Some(price) => Ok(*price),
        None => {
            let last = thread.terms.prices.len() - 1;
            let message = format!("seq is {seq}: the last charge of the subscription is {last}");
            refused(RenewalCode::TermCountExceedLimit, message)
        }
    }
}

/// Rule 6.
fn check_seq(thread: &Thread, seq: i64) -> Result<u32, Refused> {
    let next = thread.last_seq() + 1;
    if seq == i64::from(next) {
        return Ok(next);
    }
    refused(RenewalCode::ThreadSeqError, format!("seq is {seq}: the next charge is {next}"))
}

/// Rule 8.
fn check_caps(thread: &Thread, price: Fen, settings: &Settings) -> Result<(), Refused> {
    let total_fen = thread.taken_fen() + price.get();
    let app_fen = settings.renewal_cap_fen.map_or(i64::MAX, Fen::get);
    let cap_fen = thread.cap_fen().min(app_fen);
    if total_fen <= cap_fen {
        return Ok(());
    }
    let message = format!("with this charge {total_fen} fen would be taken: at most {cap_fen}");
    refused(RenewalCode::PriceExceedLimit, message)
}

/// Rule 9.
fn check_time(thread: &Thread, seq: u32, settings: &Settings, now_ms: i64) -> Result<(), Refused> {
    let next = thread.next().filter(|next| next.seq == seq);
    let from_ms = next.map_or(i64::MAX, |next| next.allowed_ms(settings.renewal_early_days));
    if now_ms >= from_ms {
        return Ok(());
    }
    let message = format!("charge {seq} may be taken from {} on, GMT+8", format_gmt8(from_ms));
    refused(RenewalCode::TimeError, message)
}
