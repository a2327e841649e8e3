//! Activities and draws.

use super::super::lottery::{Activity, Draw, Drawn};
use super::super::state::{self, State};
use super::super::users::Session;
use super::{award_data, not_authorised, Call, Outcome};
use crate::core::user::{Token, UserId};
use crate::limits::ACTIVITIES_MAX;
use crate::wire::device::{
    ActivitiesData, ActivityData, DrawData, DrawRequest, DrawWord, ServiceResult, SessionError,
    DRAW_NOT_FOUND,
};

impl Call<'_> {
    pub(super) fn activities(&self, state: &State, event_key: Option<&str>) -> Outcome {
        let session = match self.session(state) {
            Ok(session) => Some(session),
            Err(SessionError::Missing) => None,
            Err(error) => return self.no_session(error),
        };
        let fits = |activity: &&Activity| {
            activity.app_key == self.app.app_key
                && activity.is_on(self.now_ms)
                && event_key.is_none_or(|key| key == activity.event_key.as_str())
        };
        let activities = state.lottery().activities.iter().filter(fits).take(ACTIVITIES_MAX);
        let told = activities.map(|activity| self.activity(state, activity, session.as_ref()));
        self.body(&ServiceResult::success(ActivitiesData {
            echo: self.echo(),
            event_key: event_key.map(str::to_owned),
            activities: Some(told.collect()),
        }))
    }

    fn activity(
        &self,
        state: &State,
        activity: &Activity,
        session: Option<&Session>,
    ) -> ActivityData {
        let left = |session: &Session| state.lottery().free_left(activity, &session.user_id);
        ActivityData {
            activity_id: activity.activity_id.clone(),
            event_key: activity.event_key.as_str().to_owned(),
            name: activity.name.clone(),
            start_time: activity.start_time.into(),
            end_time: activity.end_time.into(),
            lucky_type: activity.lucky_type as u32,
            consume_amount: activity.price().unwrap_or(0),
            access_amount: session.map_or(activity.free_draws(), left),
            activity_url: self.place.activity_page(activity),
            awards: activity
                .awards
                .iter()
                .map(|prize| award_data(&prize.award(false), self.place))
                .collect(),
        }
    }

    /// A draw that is known is answered whoever is signed in.
    pub(super) fn draw(&self, state: &mut State, asked: &DrawRequest) -> Outcome {
        let data = self.draw_data(&asked.draw_id);
        let Ok(user_id) = UserId::new(asked.user_id.as_str()) else {
            return self.wrong_param("user_str_id", "is no user id");
        };
        let ask = state::DrawRequest {
            app_key: &self.app.app_key,
            draw_id: &asked.draw_id,
            user_id: &user_id,
            event_key: &asked.event_key,
            confirm_key: asked.confirm_key.as_ref().map(Token::expose),
            behavior_key: asked.behavior_key.as_deref(),
        };
        match state.drawn(&ask) {
            Err(refused) => return self.refuse(&refused, data),
            Ok(Some(draw)) => return self.tell_draw(&draw),
            Ok(None) => {}
        }
        match self.session(state) {
            Err(error) => return self.no_session(error),
            Ok(session) if session.user_id != user_id => {
                return self.wrong_param("user_str_id", "is not the user of the session");
            }
            Ok(_) => {}
        }
        if state.users().grant(user_id.as_str(), &self.app.app_key).is_none() {
            return self.refuse(&not_authorised(), data);
        }
        match state.draw(&ask, self.now_ms) {
            Ok(draw) => self.tell_draw(&draw),
            Err(refused) => self.refuse(&refused, data),
        }
    }

    pub(super) fn draw_query(&self, state: &State, draw_id: &str) -> Outcome {
        match state.lottery().find_draw(&self.app.app_key, draw_id) {
            Some(draw) => self.tell_draw(draw),
            None => {
                let message = "this app has no draw of that id";
                let data = self.draw_data(draw_id);
                self.body(&ServiceResult::refusal(DRAW_NOT_FOUND, message, data))
            }
        }
    }

    fn draw_data(&self, draw_id: &str) -> DrawData {
        DrawData { echo: self.echo(), draw_id: Some(draw_id.to_owned()), ..DrawData::default() }
    }

    fn tell_draw(&self, draw: &Draw) -> Outcome {
        let data = DrawData {
            total_amount: Some(draw.points_left),
            access_amount: Some(draw.free_left),
            ..self.draw_data(&draw.draw_id)
        };
        let (draw_status, award) = match &draw.drawn {
            Drawn::Won(award) => (DrawWord::Won, Some(award_data(award, self.place))),
            Drawn::Lost => (DrawWord::Lost, None),
            Drawn::Refused { code, message } => {
                let data = DrawData { draw_status: Some(DrawWord::Refused), ..data };
                return self.body(&ServiceResult::refusal(code, message, data));
            }
        };
        let draw_status = Some(draw_status);
        self.body(&ServiceResult::success(DrawData { draw_status, award, ..data }))
    }
}
