//! lottery

use std::ffi::c_char;

use super::asked::Asked;
use super::guard::{ask, named, need_str, read_params, read_str, with_client, Params};
use super::ids::{ask_under, IdOut};
use super::init::alitv_client;
use super::kept::{count, Kept};
use super::orders::ALITV_FLAG_ACKED;
use super::pay::alitv_op;
use super::results::alitv_result;
use super::states::alitv_state;
use super::strings::state_name;
use crate::client::order_id;
use crate::core::award::{Activity, Award};
use crate::core::code::{Code, Refusal};
use crate::core::facts::{EventKey, OrderId, DRAW_PREFIX};
use crate::core::report::{DrawReport, State};
use crate::core::user::Token;
use crate::ipc::proto::Draw;
use crate::limits::{EVENT_KEY_BYTES_MAX, ORDER_ID_BYTES_MAX, TOKEN_BYTES_MAX};

/// Free draws only.
pub const ALITV_LUCKY_FREE: u32 = 1;
/// Each draw costs points.
pub const ALITV_LUCKY_CONSUMING: u32 = 2;
/// Free draws first, then points.
pub const ALITV_LUCKY_MIXED: u32 = 3;

/// Something that can be won, or that was. Read through the pointer only, as an alitv_event
/// is. String fields are UTF-8 and never NULL.
#[repr(C)]
pub struct alitv_award {
    /// How many units.
    pub amount: i64,
    /// Worth in fen, 0 if the platform did not say.
    pub price_fen: i64,
    /// Kind of award as the platform numbers it, 0 if it did not say. Opaque.
    pub award_type: i32,
    /// 0.
    pub reserved: u32,
    /// The platform's number of the award.
    pub award_id: *const c_char,
    /// What it is called.
    pub name: *const c_char,
    /// Name of its kind.
    pub type_name: *const c_char,
    /// Unit of amount; may be "".
    pub unit: *const c_char,
    /// Where a physical award is claimed or a discount is used: show it as a QR code. "" if
    /// there is no such place.
    pub hyperlink_url: *const c_char,
    /// What to write beside that code.
    pub hyperlink_desc: *const c_char,
    /// One line about it, if it was won.
    pub simple_desc: *const c_char,
    /// Everything about it, if it was won.
    pub full_desc: *const c_char,
}

/// A lottery. Read through the pointer only, as an alitv_event is. String fields are UTF-8 and
/// never NULL.
#[repr(C)]
pub struct alitv_activity {
    /// Points for a draw, 0 for none.
    pub consume_amount: i64,
    /// Free draws that the player has left.
    pub access_amount: i64,
    /// ALITV_LUCKY_*.
    pub lucky_type: u32,
    /// Entries of awards.
    pub awards_count: u32,
    /// The platform's number.
    pub activity_id: *const c_char,
    /// What alitv_lottery_draw names.
    pub event_key: *const c_char,
    /// What it is called.
    pub name: *const c_char,
    /// "yyyy-MM-dd HH:mm:ss" in GMT+8.
    pub start_time: *const c_char,
    /// As start_time.
    pub end_time: *const c_char,
    /// A page about it, for a QR code; may be "".
    pub activity_url: *const c_char,
    /// What can be won.
    pub awards: *const *const alitv_award,
}

/// One draw as it stands. Read through the pointer only, as an alitv_event is. String fields
/// are UTF-8 and never NULL.
#[repr(C)]
pub struct alitv_draw {
    /// What alitv_ack names, beside draw_id.
    pub sequence: u64,
    /// When it was accepted, Unix milliseconds by the clock of the box.
    pub created_ms: i64,
    /// Points left, or -1 if the platform did not say.
    pub points_left: i64,
    /// Free draws left, or -1 if the platform did not say.
    pub free_left: i64,
    /// ALITV_STATE_CREATED, _UNKNOWN, _WON, _LOST or _FAILED.
    pub state: alitv_state,
    /// ALITV_OK, or why it is UNKNOWN or FAILED.
    pub result: alitv_result,
    /// ALITV_FLAG_ACKED or 0.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// The draw: what alitv_ack names.
    pub draw_id: *const c_char,
    /// The app.
    pub app_key: *const c_char,
    /// Which activity.
    pub event_key: *const c_char,
    /// Who draws.
    pub user_id: *const c_char,
    /// The gateway's error code, verbatim, such as "POINTS_NOT_ENOUGH".
    pub gateway_code: *const c_char,
    /// For logs, in English; not for players.
    pub message: *const c_char,
    /// As alitv_state_name has it.
    pub state_name: *const c_char,
    /// WON: what. Otherwise NULL.
    pub award: *const alitv_award,
}

/// Parameters of alitv_lottery_draw.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct alitv_draw_params {
    /// sizeof(alitv_draw_params) as the caller was compiled; set by ALITV_STRUCT_INIT.
    pub struct_size: u32,
    /// Must be 0.
    pub reserved: u32,
    /// Which activity: 1 to 64 printable ASCII characters. Required.
    pub event_key: *const c_char,
    /// Made by the merchant's server, where the activity wants one: up to 256 printable ASCII
    /// characters. NULL or "": none.
    pub confirm_key: *const c_char,
    /// Which behaviour earned the draw, where the activity wants one: up to 64 printable ASCII
    /// characters. NULL or "": none.
    pub behavior_key: *const c_char,
    /// "draw-" and something unique, at most 64 of [A-Za-z0-9_-] in all, stored by the game
    /// before it asks: asking again with it never draws twice. NULL: made here, see draw_id_out.
    pub draw_id: *const c_char,
    /// Receives the draw id on ALITV_OK. May be NULL.
    pub draw_id_out: *mut c_char,
    /// Bytes at draw_id_out; at least ALITV_ORDER_ID_SIZE, which 0 stands for.
    pub draw_id_out_size: usize,
}

// SAFETY: size first, no padding on 32 and 64 bit, integers and pointers only.
unsafe impl Params for alitv_draw_params {
    const SIZE_MIN: usize = size_of::<alitv_draw_params>();
}

impl alitv_award {
    pub(super) fn new(award: &Award, kept: &mut Kept) -> alitv_award {
        alitv_award {
            amount: award.amount,
            price_fen: award.price_fen,
            award_type: award.award_type,
            reserved: 0,
            award_id: kept.text(&award.award_id),
            name: kept.text(&award.name),
            type_name: kept.text(&award.type_name),
            unit: kept.text(&award.unit),
            hyperlink_url: kept.text(&award.hyperlink_url),
            hyperlink_desc: kept.text(&award.hyperlink_desc),
            simple_desc: kept.text(&award.simple_desc),
            full_desc: kept.text(&award.full_desc),
        }
    }

    pub(super) fn list(awards: &[Award], kept: &mut Kept) -> *const *const alitv_award {
        let awards = awards.iter().map(|award| alitv_award::new(award, kept)).collect();
        kept.list(awards)
    }
}

impl alitv_activity {
    pub(super) fn new(activity: &Activity, kept: &mut Kept) -> alitv_activity {
        alitv_activity {
            consume_amount: activity.consume_amount,
            access_amount: activity.access_amount,
            lucky_type: activity.lucky_type as u32,
            awards_count: count(&activity.awards),
            activity_id: kept.text(&activity.activity_id),
            event_key: kept.text(&activity.event_key),
            name: kept.text(&activity.name),
            start_time: kept.text(&activity.start_time),
            end_time: kept.text(&activity.end_time),
            activity_url: kept.text(&activity.activity_url),
            awards: alitv_award::list(&activity.awards, kept),
        }
    }
}

impl alitv_draw {
    pub(super) fn new(report: &DrawReport, kept: &mut Kept) -> alitv_draw {
        // A win always has one, so that nobody need look before reading it.
        let award = report.award.clone().or((report.state == State::Won).then(Award::default));
        let award = award.map(|award| alitv_award::new(&award, kept));
        let state = report.state as u32;
        alitv_draw {
            sequence: report.sequence,
            created_ms: report.created_ms,
            points_left: report.points_left.unwrap_or(-1),
            free_left: report.free_left.unwrap_or(-1),
            state,
            result: report.result.0,
            flags: if report.acked { ALITV_FLAG_ACKED } else { 0 },
            reserved: 0,
            draw_id: kept.text(report.draw_id.as_str()),
            app_key: kept.text(report.app_key.as_str()),
            event_key: kept.text(report.event_key.as_str()),
            user_id: kept.text(report.user_id.as_str()),
            gateway_code: kept.some_text(report.gateway_code.as_deref()),
            message: kept.some_text(report.message.as_deref()),
            state_name: state_name(state),
            award: award.map_or(std::ptr::null(), |award| kept.one(award)),
        }
    }
}

/// Asks for lotteries and what can be won in them (getActivitesInfo). Event: ACTIVITIES with
/// this op and `count` entries, perhaps none (on_activities), or REPLY with why not
/// (on_activities_error).
///
/// @param event_key the one to ask for; NULL or "": all that can be played
/// @param out_op    may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_lottery_activities(
    client: *mut alitv_client,
    event_key: *const c_char,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    // SAFETY: the house rules: a string is NULL or NUL-terminated, an out parameter writable.
    unsafe {
        ask(client, out_op, Some(Asked::Activities), |client| {
            let event_key = read_key("event_key", event_key)?;
            client.activities(event_key, tag)
        })
    }
}

/// Draws (getLotteryResultWithPermission). The player must be signed in and have authorised
/// the app. Events: DRAW with this op once the engine has written it to its journal (from then
/// on it is never drawn twice, whatever crashes); then DRAW until it is WON, LOST or FAILED, as
/// an order is followed and acknowledged. If the engine refuses it: REPLY with this op
/// (on_draw_error), such as ALITV_E_UNAUTHORIZED.
///
/// An activity that is over or unknown is LOST. FAILED: the lottery refused, and nothing was
/// spent; gateway_code says why, such as "POINTS_NOT_ENOUGH". UNKNOWN: the engine looks up how
/// the draw ended.
///
/// @param out_op may be NULL
#[must_use]
#[no_mangle]
pub unsafe extern "C" fn alitv_lottery_draw(
    client: *mut alitv_client,
    params: *const alitv_draw_params,
    tag: u64,
    out_op: *mut alitv_op,
) -> alitv_result {
    with_client(client, |shared| {
        // SAFETY: the house rules: structs are as long as they say, strings end in NUL, out
        // parameters are NULL or writable.
        unsafe {
            let params = read_params("params", params)?;
            let draw = read_draw(&params)?;
            let (to, size) = (params.draw_id_out, params.draw_id_out_size);
            let out = IdOut { name: "draw_id_out_size", to, size };
            let id = draw.draw_id.clone();
            let asked = Some(Asked::Draw(id.clone()));
            ask_under(shared, &id, &out, out_op, asked, |client| client.draw(draw, tag))
        }
    })
}

unsafe fn read_draw(params: &alitv_draw_params) -> Result<Draw, Refusal> {
    if params.reserved != 0 {
        return Err(Refusal::new(Code::ABI, "params.reserved is not 0"));
    }
    // SAFETY: handed on.
    unsafe {
        let event_key = need_str("event_key", params.event_key, EVENT_KEY_BYTES_MAX)?;
        let confirm_key = read_str("confirm_key", params.confirm_key, TOKEN_BYTES_MAX)?;
        let confirm_key = confirm_key.filter(|key| !key.is_empty());
        let draw_id = read_str("draw_id", params.draw_id, ORDER_ID_BYTES_MAX)?;
        Ok(Draw {
            app_key: None,
            draw_id: draw_id.map_or_else(order_id::make_draw, check_draw_id)?,
            event_key: EventKey::new(event_key)?,
            confirm_key: confirm_key.map(|key| Token::new("confirm_key", key)).transpose()?,
            behavior_key: read_key("behavior_key", params.behavior_key)?,
        })
    }
}

fn check_draw_id(text: String) -> Result<OrderId, Refusal> {
    if !text.starts_with(DRAW_PREFIX) || text.len() == DRAW_PREFIX.len() {
        let why = format!("draw_id must begin with {DRAW_PREFIX:?} and go on");
        return Err(Refusal::new(Code::INVALID, why));
    }
    OrderId::new(text).map_err(named("draw_id"))
}

/// A key that may be absent, which "" says as well.
unsafe fn read_key(name: &'static str, from: *const c_char) -> Result<Option<EventKey>, Refusal> {
    // SAFETY: handed on.
    let text = unsafe { read_str(name, from, EVENT_KEY_BYTES_MAX) }?;
    let text = text.filter(|text| !text.is_empty());
    text.map(EventKey::new).transpose().map_err(named(name))
}
