//! Answers about gifts.

use super::super::verify::{gateway, signature, Expected};
use super::{refused, rejected, said, same, Errors, Said};
use crate::core::award::{Gift, GiftId};
use crate::core::call::{Doubt, Reply};
use crate::core::facts::{is_unsafe_on_screen, GiftFacts};
use crate::gateway::HttpAnswer;
use crate::limits::{GATEWAY_TEXT_BYTES_MAX, GIFTS_MAX};
use crate::wire::device::{GiftData, GiftsData, RecordData};

/// The records that wait. One that could not be taken or given out is left out.
pub(in super::super) fn gifts(
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    let data = match said::<GiftsData>(expected, answer, Errors::Refuse, |_| Ok(()))? {
        Said::Data(data) => data,
        Said::Refused { code, message, .. } => return Ok(rejected(&code, &message)),
        Said::Reply(reply) => return Ok(reply),
    };
    let all = data.records.ok_or_else(|| gateway("the answer has no records"))?;
    Ok(Reply::Gifts(all.into_iter().filter_map(gift).take(GIFTS_MAX).collect()))
}

fn gift(record: RecordData) -> Option<Gift> {
    let gift_id = GiftId::new(record.record_id)?;
    let item = Some(record.cp_item_id).filter(|item| is_item(item));
    item.map(|cp_item_id| Gift { gift_id, cp_item_id, status: record.status })
}

/// A cut item would be another item.
fn is_item(text: &str) -> bool {
    (1..=GATEWAY_TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(is_unsafe_on_screen)
}

/// The record is kept for this taking.
pub(in super::super) fn taken(
    facts: &GiftFacts,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    match said(expected, answer, Errors::Doubtful, of_taking(facts))? {
        Said::Data(data) => {
            let item = data.cp_item_id.filter(|item| is_item(item));
            let cp_item_id = item.ok_or_else(|| {
                gateway(format!("cp_item_id must have 1 to {GATEWAY_TEXT_BYTES_MAX} bytes"))
            })?;
            Ok(Reply::Taken { cp_item_id })
        }
        Said::Refused { code, message, data } if data.cp_item_id.is_none() => {
            Ok(rejected(&code, &message))
        }
        Said::Refused { code, .. } => Err(refused(&code)),
        Said::Reply(reply) => Ok(reply),
    }
}

/// The record is activated.
pub(in super::super) fn marked(
    facts: &GiftFacts,
    expected: &Expected<'_>,
    answer: &HttpAnswer,
) -> Result<Reply, Doubt> {
    Ok(match said(expected, answer, Errors::Doubtful, of_taking(facts))? {
        Said::Data(_) => Reply::Done,
        Said::Refused { code, message, .. } => rejected(&code, &message),
        Said::Reply(reply) => reply,
    })
}

fn of_taking(facts: &GiftFacts) -> impl Fn(&GiftData) -> Result<(), Doubt> + '_ {
    |data| match data.record_id {
        Some(record_id) if record_id == facts.gift_id.get() => {
            same("app_order_id", data.app_order_id.as_deref(), facts.take_id.as_str())
        }
        Some(_) => Err(signature("the answer is about another record_id")),
        None => Err(signature("the answer names no record_id")),
    }
}
