//! How often an app may call the gateway, and each of its methods.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

/// The limits of one app; none is none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Flow {
    /// For all calls of the app together.
    pub app: Option<FlowLimit>,
    /// For the calls of one method, by its whole name.
    pub apis: BTreeMap<String, FlowLimit>,
}

/// So many calls in each span of time. A span begins with a call that is let through; the call
/// that is one too many is banned, as is every other, until the span is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowLimit {
    /// 1 to `SANDBOX_FLOW_CALLS_MAX`.
    pub calls: u32,
    /// Length of the span, 1 to `SANDBOX_FLOW_SPAN_S_MAX`.
    pub per_s: u32,
}

/// A call is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Banned {
    /// By the limit of the method; else by that of the app.
    pub by_api: bool,
    /// Seconds after which calls pass again, at least 1.
    pub wait_s: u32,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    began_ms: i64,
    calls: u32,
}

/// What the apps have used up. Not kept across a restart. There are at most as many entries as
/// there are limits.
#[derive(Debug, Default)]
pub struct Flows(HashMap<(String, Option<String>), Span>);

impl Flows {
    /// Counts a call of a method of an app.
    ///
    /// # Errors
    /// It is one too many. Then it is not counted, neither for the app nor for the method.
    pub fn count(
        &mut self,
        app_key: &str,
        method: &str,
        flow: &Flow,
        now_ms: i64,
    ) -> Result<(), Banned> {
        let of_app = flow.app.map(|limit| ((app_key.to_owned(), None), limit));
        let of_api = flow.apis.get(method);
        let of_api = of_api.map(|limit| ((app_key.to_owned(), Some(method.to_owned())), *limit));
        for (name, limit) in of_app.iter().chain(&of_api) {
            if let Some(wait_s) = self.wait_s(name, *limit, now_ms) {
                return Err(Banned { by_api: name.1.is_some(), wait_s });
            }
        }
        for (name, limit) in of_app.into_iter().chain(of_api) {
            let span = self.0.entry(name).or_insert(Span { began_ms: now_ms, calls: 0 });
            if !is_on(*span, limit, now_ms) {
                *span = Span { began_ms: now_ms, calls: 0 };
            }
            span.calls += 1;
        }
        Ok(())
    }

    /// Forgets what an app has used up.
    pub fn forget(&mut self, app_key: &str) {
        self.0.retain(|name, _| name.0 != app_key);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    fn wait_s(
        &self,
        name: &(String, Option<String>),
        limit: FlowLimit,
        now_ms: i64,
    ) -> Option<u32> {
        let span = self.0.get(name).filter(|span| is_on(**span, limit, now_ms))?;
        let left_ms = span.began_ms + i64::from(limit.per_s) * 1_000 - now_ms;
        let wait_s = u32::try_from((left_ms + 999) / 1_000).unwrap_or(limit.per_s);
        (span.calls >= limit.calls).then_some(wait_s)
    }
}

fn is_on(span: Span, limit: FlowLimit, now_ms: i64) -> bool {
    (span.began_ms..span.began_ms + i64::from(limit.per_s) * 1_000).contains(&now_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(app: Option<(u32, u32)>, api: Option<(u32, u32)>) -> Flow {
        let limit = |(calls, per_s)| FlowLimit { calls, per_s };
        let apis = api.map(|api| ("m".to_owned(), limit(api)));
        Flow { app: app.map(limit), apis: apis.into_iter().collect() }
    }

    fn banned(by_api: bool, wait_s: u32) -> Result<(), Banned> {
        Err(Banned { by_api, wait_s })
    }

    #[test]
    fn a_ban_says_how_long_it_lasts_and_keeps_its_word() {
        let (mut flows, flow) = (Flows::default(), flow(Some((2, 10)), None));
        let mut call = |now_ms| flows.count("1", "m", &flow, now_ms);
        assert_eq!((call(0), call(3_001)), (Ok(()), Ok(())));
        assert_eq!(call(3_001), banned(false, 7));
        assert_eq!(call(9_999), banned(false, 1));
        assert_eq!(call(10_000), Ok(()));
        assert_eq!(call(10_000), Ok(()));
        assert_eq!(call(10_000), banned(false, 10));
        assert_eq!(call(20_000), Ok(()));
    }

    #[test]
    fn every_ban_ends_when_it_said() {
        for limit in [(1, 1), (3, 7), (2, 86_400)] {
            let flow = flow(None, Some(limit));
            for late_ms in [0, 1, 499, 999] {
                let mut flows = Flows::default();
                for _ in 0..limit.0 {
                    assert_eq!(flows.count("1", "m", &flow, 0), Ok(()));
                }
                let wait_s = flows.count("1", "m", &flow, late_ms).unwrap_err().wait_s;
                let end_ms = late_ms + i64::from(wait_s) * 1_000;
                assert_eq!(flows.count("1", "m", &flow, end_ms), Ok(()));
            }
        }
    }

    #[test]
    fn apps_and_methods_are_counted_apart_and_a_banned_call_is_not() {
        let (mut flows, flow) = (Flows::default(), flow(Some((3, 10)), Some((1, 100))));
        let mut call = |app: &str, method: &str, now_ms| flows.count(app, method, &flow, now_ms);
        assert_eq!(call("1", "m", 0), Ok(()));
        assert_eq!(call("1", "m", 0), banned(true, 100));
        assert_eq!(call("1", "m", 0), banned(true, 100));
        assert_eq!((call("1", "n", 0), call("1", "n", 0)), (Ok(()), Ok(())));
        assert_eq!(call("1", "n", 0), banned(false, 10));
        assert_eq!(call("2", "m", 0), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_bans_nobody_for_ever() {
        let (mut flows, flow) = (Flows::default(), flow(Some((1, 10)), None));
        assert_eq!(flows.count("1", "m", &flow, 1_000_000), Ok(()));
        assert_eq!(flows.count("1", "m", &flow, 0), Ok(()));
        assert_eq!(flows.count("1", "m", &flow, 0), banned(false, 10));
        flows.forget("1");
        assert_eq!(flows.count("1", "m", &flow, 0), Ok(()));
        assert_eq!(flows.0.len(), 1);
    }

    #[test]
    fn without_limits_nothing_is_kept() {
        let mut flows = Flows::default();
        assert_eq!(flows.count("1", "m", &Flow::default(), 0), Ok(()));
        assert!(flows.0.is_empty());
    }
}
