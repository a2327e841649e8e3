//! Orders: precreate, query, close.

use super::super::order::Order;
use super::super::scenario::{Fault, Spoil};
use super::super::state::State;
use super::spoil::spoil;
use super::{award_data, Call, Outcome};
use crate::money::Fen;
use crate::wire::device::{
    OrderData, OrderStatus, PrecreateData, ServiceResult, SessionError, ORDER_NOT_FOUND,
};

impl Call<'_> {
    pub(super) fn precreate(&self, state: &mut State, data: &PrecreateData) -> Outcome {
        // An order that is known is answered whoever is signed in.
        let known = state.find(&self.app.app_key, &data.partner_order_no).is_some();
        let payer = match self.session(state) {
            Ok(session) => Some(session.user_id),
            Err(SessionError::Invalid) if !known => return self.no_session(SessionError::Invalid),
            Err(_) => None,
        };
        let number = match state.precreate(&self.app.app_key, data, payer, self.now_ms) {
            Ok(number) => number,
            Err(refused) => {
                let echo = self.about(&data.partner_order_no, Some(data.price));
                return self.body(&ServiceResult::refusal(refused.code, &refused.message, echo));
            }
        };
        let spoil = take_spoil(state, number, |fault| fault != Fault::Replay);
        let Some(order) = state.get(number) else { return Outcome::Http500 };
        let answer = OrderData {
            qr_code: Some(format!("{}{}", self.place.qr_prefix, order.code)),
            // A code that ran out has its last second, so that the number is a lifetime.
            expires_s: Some(order.left_s(self.now_ms).max(1)),
            ..self.about(&data.partner_order_no, Some(data.price))
        };
        self.spoilt(answer, spoil)
    }

    pub(super) fn query(&self, state: &mut State, partner_order_no: &str) -> Outcome {
        let Some(order) = state.find_of_box(&self.app.app_key, partner_order_no) else {
            return self.not_found(partner_order_no);
        };
        let number = order.number;
        let paid_answer = state.paid_answers.get(&self.app.app_key);
        let earlier = paid_answer.or(order.earlier_answer.as_ref()).cloned();
        let spoil = take_spoil(state, number, |fault| fault != Fault::Replay || earlier.is_some());
        if let (Some(Fault::Replay), Some(earlier)) = (spoil.map(|spoil| spoil.fault), earlier) {
            return Outcome::Body(earlier);
        }
        let outcome = self.status(state, number, spoil);
        if let (Outcome::Body(body), None) = (&outcome, spoil) {
            self.remember(state, number, body);
        }
        outcome
    }

    pub(super) fn close(&self, state: &mut State, partner_order_no: &str) -> Outcome {
        let Some(order) = state.find_of_box(&self.app.app_key, partner_order_no) else {
            return self.not_found(partner_order_no);
        };
        let number = order.number;
        if order.is_open() {
            state.change(number, |order| order.close_by_box(self.now_ms));
        }
        let for_queries = |fault| matches!(fault, Fault::Replay | Fault::Stale);
        let spoil = take_spoil(state, number, |fault| !for_queries(fault));
        self.status(state, number, spoil)
    }

    /// The answer to query and close: where the order stands.
    fn status(&self, state: &mut State, number: u64, spoil: Option<Spoil>) -> Outcome {
        let Some(order) = state.get(number) else { return Outcome::Http500 };
        let (told, status) = (order.told, order.status);
        let answer = self.order_data(order);
        if told != status {
            state.change(number, |order| order.told = status);
        }
        self.spoilt(answer, spoil)
    }

    fn order_data(&self, order: &Order) -> OrderData {
        OrderData {
            status: Some(order.status),
            alipay_trade_no: order.scanned_ms.map(|_| order.trade_no.clone()),
            gmt_payment: order.paid_ms,
            awards: order.awards.iter().map(|award| award_data(award, self.place)).collect(),
            ..self.about(&order.data.partner_order_no, Some(order.data.price))
        }
    }

    fn not_found(&self, partner_order_no: &str) -> Outcome {
        let echo = self.about(partner_order_no, None);
        let message = "this app has no order of that number";
        self.body(&ServiceResult::refusal(ORDER_NOT_FOUND, message, echo))
    }

    fn about(&self, partner_order_no: &str, price: Option<Fen>) -> OrderData {
        OrderData {
            echo: self.echo(),
            partner_order_no: Some(partner_order_no.to_owned()),
            price,
            ..OrderData::default()
        }
    }

    /// What a replay of this order, or of another one of the app, can repeat.
    fn remember(&self, state: &mut State, number: u64, body: &str) {
        let Some(order) = state.get(number) else { return };
        if order.status == OrderStatus::TradeSuccess {
            state.paid_answers.insert(self.app.app_key.clone(), body.to_owned());
        }
        let Some(order) = state.get(number) else { return };
        let replays = order.setting.spoil.is_some_and(|spoil| spoil.fault == Fault::Replay);
        if replays && order.earlier_answer.is_none() {
            state.change(number, |order| order.earlier_answer = Some(body.to_owned()));
        }
    }

    fn spoilt(&self, mut data: OrderData, planned: Option<Spoil>) -> Outcome {
        match planned.map(|planned| planned.fault) {
            Some(Fault::Amount) => {
                let fen = data.price.map_or(1, Fen::get);
                data.price = Fen::new(fen + 1).or_else(|_| Fen::new(fen - 1)).ok();
            }
            Some(Fault::OtherOrder) => data.partner_order_no = Some("ANOTHER-ORDER".into()),
            Some(Fault::Stale) => {
                data.status = Some(OrderStatus::WaitBuyerPay);
                data.gmt_payment = None;
                data.awards.clear();
            }
            _ => {}
        }
        let outcome = self.body(&ServiceResult::success(data));
        match planned {
            Some(planned) => spoil(outcome, planned.fault, self.request_id),
            None => outcome,
        }
    }
}

/// Takes the spoil of the order if it is one of a fitting kind. Saves nothing otherwise.
fn take_spoil(state: &mut State, number: u64, fits: impl Fn(Fault) -> bool) -> Option<Spoil> {
    state.get(number)?.setting.spoil.filter(|spoil| spoil.times > 0)?;
    state.change(number, |order| order.take_spoil(|spoil| fits(spoil.fault))).flatten()
}
