//! What a call asks for, as a request.

use crate::core::award::GiftStatus;
use crate::core::call::{Ask, Call};
use crate::core::facts::{DrawFacts, Facts, GiftFacts, Renewal};
use crate::core::user::Token;
use crate::limits::WAIT_S_MAX;
use crate::wire::device::{
    AuthScene, DeviceRequest, DrawRequest, GiftRequest, PrecreateData, RenewalData, SessionUse,
};

pub(super) fn request_of(call: &Call) -> DeviceRequest {
    let partner_order_no = |facts: &Facts| facts.order_id.as_str().to_owned();
    match &call.ask {
        Ask::Probe | Ask::Profile => DeviceRequest::AppInfo,
        Ask::Precreate(facts) => DeviceRequest::Precreate(precreate(facts)),
        Ask::Query { facts, wait_s } => {
            let wait_s = (*wait_s).min(WAIT_S_MAX);
            DeviceRequest::Query { partner_order_no: partner_order_no(facts), wait_s }
        }
        Ask::Close(facts) => DeviceRequest::Close { partner_order_no: partner_order_no(facts) },
        Ask::AuthApply { attempt } => {
            let signed_in = call.session.is_some();
            let scene = if signed_in { AuthScene::Authorise } else { AuthScene::Login };
            DeviceRequest::AuthApply { attempt: attempt.clone(), scene }
        }
        Ask::AuthQuery { attempt, wait_s } => {
            let wait_s = (*wait_s).min(WAIT_S_MAX);
            DeviceRequest::AuthQuery { attempt: attempt.clone(), wait_s }
        }
        Ask::AuthCancel { attempt } => DeviceRequest::AuthCancel { attempt: attempt.clone() },
        Ask::SignOut => DeviceRequest::Logout,
        Ask::UserInfo => DeviceRequest::User,
        Ask::Activities { event_key } => {
            let event_key = event_key.as_ref().map(|key| key.as_str().to_owned());
            DeviceRequest::Activities { event_key }
        }
        Ask::Draw(facts) => DeviceRequest::Draw(draw(facts)),
        Ask::DrawQuery(facts) => {
            DeviceRequest::DrawQuery { draw_id: facts.draw_id.as_str().to_owned() }
        }
        Ask::Gifts => DeviceRequest::Gifts { status: GiftStatus::Pending },
        Ask::GiftTake(facts) => DeviceRequest::GiftTake(gift(facts)),
        Ask::GiftMark(facts) => DeviceRequest::GiftMark(gift(facts)),
    }
}

/// The token to send. A stale one must not spoil a question that needs none.
pub(super) fn session_of<'a>(call: &'a Call, request: &DeviceRequest) -> Option<&'a Token> {
    let wanted = request.session_use() != SessionUse::Ignored;
    call.session.as_ref().filter(|_| wanted)
}

/// Whether "no session" can be the answer. An order without a session is nobody's.
pub(super) fn speaks_for_a_user(call: &Call, request: &DeviceRequest) -> bool {
    match call.ask {
        Ask::Precreate(_) => call.session.is_some(),
        _ => request.session_use() != SessionUse::Ignored,
    }
}

fn precreate(facts: &Facts) -> PrecreateData {
    let renewal = |renewal: &Renewal| RenewalData {
        interval: renewal.interval,
        prices: renewal.prices_fen.clone(),
        description: renewal.description.clone(),
        subject: renewal.subject.clone(),
    };
    PrecreateData {
        partner_order_no: facts.order_id.as_str().to_owned(),
        subject: facts.title.clone(),
        subject_id: facts.subject_id.clone(),
        price: facts.amount_fen,
        partner_notify_url: facts.notify_url.clone(),
        expires_s: facts.expires_s,
        renewal: facts.renewal.as_ref().map(renewal),
    }
}

fn draw(facts: &DrawFacts) -> DrawRequest {
    DrawRequest {
        draw_id: facts.draw_id.as_str().to_owned(),
        user_id: facts.user_id.as_str().to_owned(),
        event_key: facts.event_key.as_str().to_owned(),
        confirm_key: facts.confirm_key.clone(),
        behavior_key: facts.behavior_key.as_ref().map(|key| key.as_str().to_owned()),
    }
}

fn gift(facts: &GiftFacts) -> GiftRequest {
    GiftRequest {
        record_id: facts.gift_id,
        take_id: facts.take_id.as_str().to_owned(),
        user_id: facts.user_id.as_str().to_owned(),
    }
}
