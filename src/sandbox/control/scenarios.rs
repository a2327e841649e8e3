//! Scenarios: which come next, and for what.

use std::sync::Arc;

use axum::extract::State as Extracted;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{json, Value};

use super::super::fields::{required, ApiError, Fields};
use super::super::method::Method;
use super::super::plans::{CallPlan, Plan};
use super::super::scenario::{Scenario, Setting, Target};
use super::super::shared::Shared;
use super::super::state::State;
use super::orders::find;
use super::{check_app, conflict, whole, Answer, Body, Sandbox};
use crate::limits::{SANDBOX_PLAN_ORDERS_MAX, SANDBOX_TIMES_MAX};

/// The routes.
pub fn router() -> Router<Arc<Shared>> {
    Router::new().route("/scenarios", get(scenarios)).route("/scenario", post(choose))
}

async fn scenarios() -> Json<Value> {
    let row = |scenario: Scenario| {
        let times = scenario.spoil().map(|spoil| spoil.times);
        json!({ "name": scenario.name(), "text": scenario.text(), "times": times })
    };
    Json(json!({ "scenarios": Scenario::all().map(row).collect::<Vec<_>>() }))
}

/// What somebody wants to go wrong, or right.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Which scenario.
    pub scenario: Scenario,
    /// Whose payer plays.
    pub play: Option<Scenario>,
    /// How many answers are spoilt.
    pub times: Option<u32>,
    /// At which app only.
    pub app_key: Option<String>,
    /// For which order only.
    pub order: Option<String>,
    /// For how many orders.
    pub orders: Option<u32>,
    /// From now on.
    pub lasting: bool,
    /// For calls of this method instead of orders.
    pub method: Option<Method>,
}

impl Wish {
    /// The scenario as the table has it, for whatever is next.
    pub fn of(scenario: Scenario) -> Wish {
        Wish {
            scenario,
            play: None,
            times: None,
            app_key: None,
            order: None,
            orders: None,
            lasting: false,
            method: None,
        }
    }

    /// Reads the fields of one.
    ///
    /// # Errors
    /// The field that is wrong.
    pub fn read(fields: &mut Fields) -> Result<Wish, ApiError> {
        let times = fields.number("times", 0, i64::from(u32::MAX))?;
        let orders = fields.number("orders", 1, i64::from(SANDBOX_PLAN_ORDERS_MAX))?;
        Ok(Wish {
            scenario: required("scenario", scenario_field(fields, "scenario")?)?,
            play: scenario_field(fields, "play")?,
            times: times.and_then(|times| u32::try_from(times).ok()),
            app_key: fields.text("app_key")?,
            order: fields.text("order")?,
            orders: orders.and_then(|orders| u32::try_from(orders).ok()),
            lasting: fields.flag("default")?,
            method: method_field(fields)?,
        })
    }

    /// Does it, and says what became of it: `now`, `next` or `default`.
    ///
    /// # Errors
    /// The field that does not fit.
    pub fn apply(self, state: &mut State, now_ms: i64) -> Result<&'static str, ApiError> {
        check_app(state, self.app_key.as_deref())?;
        match (self.scenario.target(), self.method) {
            (Target::Order, None) => self.for_orders(state, now_ms),
            (Target::Order, Some(method)) => self.for_calls(state, Some(method)),
            (Target::Method(method), _) => self.for_calls(state, Some(method)),
            (Target::Session, method) => self.for_calls(state, method),
        }
    }

    fn for_orders(self, state: &mut State, now_ms: i64) -> Result<&'static str, ApiError> {
        if self.lasting && (self.order.is_some() || self.orders.is_some()) {
            return Err(ApiError::invalid("default", "goes with neither order nor orders"));
        }
        let setting = Setting::new(self.scenario, self.play, self.times)
            .map_err(|(field, message)| ApiError::invalid(field, message))?;
        let named = self.order.as_deref().map(|order| find(state, self.app_key.as_deref(), order));
        match named {
            Some(Ok(number)) => {
                state.replay(number, setting, now_ms);
                return Ok("now");
            }
            Some(Err(error)) if error.is_ambiguous() => return Err(error),
            _ => {}
        }
        if self.lasting {
            state.plans_mut().set_lasting(self.app_key, setting);
            return Ok("default");
        }
        let Wish { app_key, order, .. } = self;
        let plan = Plan { app_key, order, orders: self.orders.unwrap_or(1), setting };
        state.plans_mut().add(plan).map_err(|message| conflict("scenario", message))?;
        Ok("next")
    }

    /// Calls that are not about an order have no payer and no number.
    fn for_calls(
        self,
        state: &mut State,
        method: Option<Method>,
    ) -> Result<&'static str, ApiError> {
        let for_orders = [
            ("play", self.play.is_some()),
            ("order", self.order.is_some()),
            ("orders", self.orders.is_some()),
            ("default", self.lasting),
        ];
        if let Some((field, _)) = for_orders.iter().find(|row| row.1) {
            return Err(ApiError::invalid(field, "goes with orders only, not with calls"));
        }
        let name = self.scenario.name();
        if self.method.is_some() && self.method != method {
            return Err(ApiError::invalid("method", format!("{name} is for another method")));
        }
        let spoil = self.scenario.spoil();
        let general = self.scenario.target() != Target::Order
            || spoil.is_some_and(|s| s.fault.is_general() && !s.once_paid);
        let Some(mut spoil) = spoil.filter(|_| general) else {
            return Err(ApiError::invalid("method", format!("{name} is for orders only")));
        };
        if let Some(reason) = method.and_then(|method| method.cannot_have(spoil.fault)) {
            let why = format!("{name} means nothing here: {reason}");
            return Err(ApiError::invalid("method", why));
        }
        match self.times {
            Some(times) if times > SANDBOX_TIMES_MAX => {
                return Err(ApiError::invalid("times", format!("is 0 to {SANDBOX_TIMES_MAX}")));
            }
            Some(times) => spoil.times = times,
            None => {}
        }
        let plan = CallPlan { app_key: self.app_key, method, scenario: self.scenario, spoil };
        state.plans_mut().add_call(plan).map_err(|message| conflict("scenario", message))?;
        Ok("next")
    }
}

async fn choose(Extracted(shared): Sandbox, body: Body) -> Answer {
    let mut fields = Fields::read(&whole(body)?)?;
    let wish = Wish::read(&mut fields)?;
    fields.finish()?;
    let scenario = wish.scenario;
    let applied = shared.act(|state, now_ms| wish.apply(state, now_ms)).await?;
    Ok(Json(json!({ "scenario": scenario.name(), "applied": applied })))
}

fn method_field(fields: &mut Fields) -> Result<Option<Method>, ApiError> {
    let Some(text) = fields.text("method")? else { return Ok(None) };
    let unknown =
        || ApiError::invalid("method", format!("there is no {text:?}: {}", Method::names()));
    Method::parse(&text).map(Some).ok_or_else(unknown)
}

fn scenario_field(fields: &mut Fields, name: &str) -> Result<Option<Scenario>, ApiError> {
    let Some(text) = fields.text(name)? else { return Ok(None) };
    let unknown = || {
        let names: Vec<&str> = Scenario::all().map(Scenario::name).collect();
        ApiError::invalid(name, format!("there is no {text:?}: {}", names.join(", ")))
    };
    Scenario::parse(&text).map(Some).ok_or_else(unknown)
}
