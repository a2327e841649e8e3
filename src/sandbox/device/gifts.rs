//! Gift records: listing, taking, marking.

use super::super::gifts::GiftRecord;
use super::super::state::State;
use super::{not_authorised, Call, Outcome};
use crate::core::award::GiftStatus;
use crate::limits::GIFTS_MAX;
use crate::wire::device::{GiftData, GiftRequest, GiftsData, RecordData, ServiceResult};

impl Call<'_> {
    pub(super) fn gifts(&self, state: &State, status: GiftStatus) -> Outcome {
        let session = match self.session(state) {
            Ok(session) => session,
            Err(error) => return self.no_session(error),
        };
        let data = GiftsData { echo: self.echo(), ..GiftsData::default() };
        if state.users().grant(session.user_id.as_str(), &self.app.app_key).is_none() {
            return self.refuse(&not_authorised(), data);
        }
        let fits = |record: &&GiftRecord| {
            record.app_key == self.app.app_key
                && record.user_id == session.user_id
                && record.status == status
        };
        let records = state.gifts().oldest().filter(fits).take(GIFTS_MAX);
        let told = records.map(|record| RecordData {
            record_id: record.gift_id.get(),
            status: record.status,
            cp_item_id: record.cp_item_id.clone(),
        });
        self.body(&ServiceResult::success(GiftsData { records: Some(told.collect()), ..data }))
    }

    /// A taking that is known is answered whoever is signed in.
    pub(super) fn gift_take(&self, state: &mut State, asked: &GiftRequest) -> Outcome {
        let known = state.gifts().get(asked.record_id).is_some_and(|record| {
            record.app_key == self.app.app_key
                && record.taken_by.as_deref() == Some(&*asked.take_id)
        });
        if !known {
            match self.session(state) {
                Err(error) => return self.no_session(error),
                Ok(session) if session.user_id.as_str() != asked.user_id => {
                    return self.wrong_param("user_str_id", "is not the user of the session");
                }
                Ok(_) => {}
            }
            if state.users().grant(&asked.user_id, &self.app.app_key).is_none() {
                return self.refuse(&not_authorised(), self.gift_data(asked));
            }
        }
        let app_key = &self.app.app_key;
        match state.take_gift(app_key, &asked.user_id, asked.record_id, &asked.take_id) {
            Err(refused) => self.refuse(&refused, self.gift_data(asked)),
            Ok(record) => self.body(&ServiceResult::success(GiftData {
                cp_item_id: Some(record.cp_item_id),
                ..self.gift_data(asked)
            })),
        }
    }

    pub(super) fn gift_mark(&self, state: &mut State, asked: &GiftRequest) -> Outcome {
        let app_key = &self.app.app_key;
        match state.mark_gift(app_key, &asked.user_id, asked.record_id, &asked.take_id) {
            Err(refused) => self.refuse(&refused, self.gift_data(asked)),
            Ok(()) => self.body(&ServiceResult::success(self.gift_data(asked))),
        }
    }

    fn gift_data(&self, asked: &GiftRequest) -> GiftData {
        GiftData {
            echo: self.echo(),
            record_id: Some(asked.record_id.get()),
            app_order_id: Some(asked.take_id.clone()),
            ..GiftData::default()
        }
    }
}
