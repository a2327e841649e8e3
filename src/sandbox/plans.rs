//! Which scenario the next order is played by.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::method::Method;
use super::scenario::{Deduction, Fault, Scenario, Setting, Spoil};
use crate::limits::SANDBOX_PLANS_MAX;

/// A scenario that waits for its orders.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Only for orders of this app.
    pub app_key: Option<String>,
    /// Only for the order of this number.
    pub order: Option<String>,
    /// For so many orders yet.
    pub orders: u32,
    /// What they are played by.
    pub setting: Setting,
}

/// Spoilt answers that wait for calls that are not about an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPlan {
    /// Only for calls of this app.
    pub app_key: Option<String>,
    /// Only for calls of this method; none: for any that speaks for a user.
    pub method: Option<Method>,
    /// Where it comes from.
    pub scenario: Scenario,
    /// What happens to the answer, and how often yet.
    pub spoil: Spoil,
}

impl CallPlan {
    fn fits(&self, method: Method, app_key: &str, speaks: bool) -> bool {
        let called = self.method.map_or(speaks, |wanted| wanted == method);
        called && self.is_for(app_key) && self.spoil.fault.deduction().is_none()
    }

    fn is_for(&self, app_key: &str) -> bool {
        self.app_key.as_deref().is_none_or(|key| key == app_key)
    }
}

/// All plans, and what is played without one.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Plans {
    waiting: VecDeque<Plan>,
    calls: VecDeque<CallPlan>,
    lasting: BTreeMap<String, Setting>,
    lasting_for_all: Option<Setting>,
}

impl Plans {
    /// Adds a plan behind the others.
    ///
    /// # Errors
    /// `SANDBOX_PLANS_MAX` plans are waiting already.
    pub fn add(&mut self, plan: Plan) -> Result<(), String> {
        if self.waiting.len() >= SANDBOX_PLANS_MAX {
            return Err(format!("{SANDBOX_PLANS_MAX} scenarios are waiting for orders already"));
        }
        self.waiting.push_back(plan);
        Ok(())
    }

    /// Adds spoilt answers behind the others.
    ///
    /// # Errors
    /// `SANDBOX_PLANS_MAX` are waiting already.
    pub fn add_call(&mut self, plan: CallPlan) -> Result<(), String> {
        if self.calls.len() >= SANDBOX_PLANS_MAX {
            return Err(format!("{SANDBOX_PLANS_MAX} scenarios are waiting for calls already"));
        }
        self.calls.extend(Some(plan).filter(|plan| plan.spoil.times > 0));
        Ok(())
    }

    /// What goes wrong with this call, counted as used. `speaks`: it has a session.
    pub fn take_call(&mut self, method: Method, app_key: &str, speaks: bool) -> Option<Fault> {
        self.take_fault(|plan| plan.fits(method, app_key, speaks))
    }

    /// What becomes of a charge that no rule forbids, counted as used; none: nothing is
    /// planned.
    pub fn take_deduction(&mut self, app_key: &str) -> Option<Deduction> {
        let fits = |plan: &CallPlan| plan.is_for(app_key);
        self.take_fault(|plan| fits(plan) && plan.spoil.fault.deduction().is_some())
            .and_then(Fault::deduction)
    }

    fn take_fault(&mut self, fits: impl Fn(&CallPlan) -> bool) -> Option<Fault> {
        let at = self.calls.iter().position(fits)?;
        let plan = &mut self.calls[at];
        let fault = plan.spoil.fault;
        plan.spoil.times -= 1;
        if plan.spoil.times == 0 {
            self.calls.remove(at);
        }
        Some(fault)
    }

    /// Spoilt answers that wait.
    pub fn waiting_calls(&self) -> impl Iterator<Item = &CallPlan> {
        self.calls.iter()
    }

    /// What every order of the app, or of any, is played by unless a plan says otherwise.
    pub fn set_lasting(&mut self, app_key: Option<String>, setting: Setting) {
        match app_key {
            Some(app_key) => {
                self.lasting.insert(app_key, setting);
            }
            None => self.lasting_for_all = Some(setting),
        }
    }

    /// The setting for a new order, its plan counted as used.
    pub fn take(&mut self, app_key: &str, order: &str) -> Setting {
        self.take_fitting(app_key, order, |_| true)
    }

    /// The setting for a new charge of a subscription, counted as used: nobody plays in one,
    /// but its notify can go wrong.
    pub fn take_for_charge(&mut self, app_key: &str, order: &str) -> Setting {
        self.take_fitting(app_key, order, |setting| setting.scenario.notify().is_some())
    }

    fn take_fitting(
        &mut self,
        app_key: &str,
        order: &str,
        takes: impl Fn(&Setting) -> bool,
    ) -> Setting {
        let fits = |plan: &Plan| {
            plan.app_key.as_deref().is_none_or(|key| key == app_key)
                && plan.order.as_deref().is_none_or(|number| number == order)
                && takes(&plan.setting)
        };
        if let Some(at) = self.waiting.iter().position(fits) {
            let plan = &mut self.waiting[at];
            let setting = plan.setting;
            plan.orders = plan.orders.saturating_sub(1);
            if plan.orders == 0 {
                self.waiting.remove(at);
            }
            return setting;
        }
        let lasting = self.lasting.get(app_key).copied().or(self.lasting_for_all);
        lasting.filter(takes).unwrap_or(Setting::of(Scenario::MANUAL))
    }

    /// Plans that wait.
    pub fn waiting(&self) -> impl Iterator<Item = &Plan> {
        self.waiting.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_deduction_waits_until_there_is_one() {
        let mut plans = Plans::default();
        for name in ["renewal.pay_fail", "renewal.pay_lost", "renewal.wait"] {
            let scenario = Scenario::parse(name).unwrap();
            let method = Some(Method::RenewalPay);
            let spoil = scenario.spoil().unwrap();
            plans.add_call(CallPlan { app_key: None, method, scenario, spoil }).unwrap();
        }
        let lost = plans.take_call(Method::RenewalPay, "1", false);
        assert_eq!(lost, Some(Fault::Http500));
        assert_eq!(plans.take_call(Method::RenewalPay, "1", false), None);
        assert_eq!(plans.take_deduction("1"), Some(Deduction::Refused));
        assert_eq!(plans.take_deduction("1"), Some(Deduction::Waits));
        assert_eq!(plans.take_deduction("1"), None);
    }

    fn plan(app_key: Option<&str>, order: Option<&str>, orders: u32, name: &str) -> Plan {
        let setting = Setting::of(Scenario::parse(name).unwrap());
        let own = |text: &str| text.to_owned();
        Plan { app_key: app_key.map(own), order: order.map(own), orders, setting }
    }

    #[test]
    fn the_first_fitting_plan_is_used_up() {
        let mut plans = Plans::default();
        plans.add(plan(Some("1"), None, 1, "success")).unwrap();
        plans.add(plan(None, Some("B"), 1, "expire")).unwrap();
        plans.add(plan(None, None, 2, "scanned")).unwrap();
        plans.set_lasting(Some("1".into()), Setting::of(Scenario::parse("cancel.buyer").unwrap()));
        let mut take = |app: &str, order: &str| plans.take(app, order).scenario.name();
        assert_eq!(take("2", "A"), "scanned");
        assert_eq!(take("2", "B"), "expire");
        assert_eq!(take("1", "C"), "success");
        assert_eq!(take("1", "D"), "scanned");
        assert_eq!(take("1", "E"), "cancel.buyer");
        assert_eq!(take("2", "F"), "manual");
    }

    #[test]
    fn a_charge_takes_only_what_goes_wrong_with_its_notify() {
        let mut plans = Plans::default();
        plans.add(plan(None, None, 1, "success")).unwrap();
        plans.add(plan(None, None, 1, "notify.lost")).unwrap();
        plans.set_lasting(None, Setting::of(Scenario::parse("expire").unwrap()));
        let mut take = || plans.take_for_charge("1", "C").scenario.name();
        assert_eq!((take(), take()), ("notify.lost", "manual"));
        assert_eq!(plans.take("1", "A").scenario.name(), "success");
    }

    #[test]
    fn plans_are_bounded() {
        let mut plans = Plans::default();
        for _ in 0..SANDBOX_PLANS_MAX {
            plans.add(plan(None, None, 1, "success")).unwrap();
        }
        assert!(plans.add(plan(None, None, 1, "success")).unwrap_err().contains("256"));
    }
}
