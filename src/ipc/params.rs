//! Params of a request, member by member, so that a refusal can name the member. A wrong
//! kind of JSON is -32602, a value out of its bounds the code of that bound.

use std::collections::BTreeMap;

use super::members::{needed, optional, Checked, Members};
use super::proto::{
    Ack, AppRef, Auth, Draw, Hello, ListActivities, ListOrders, LogWatch, OrderRef, Pay, Repay,
    TakeGift, Watch, WebClosed, WebOpen,
};
use crate::core::award::GiftId;
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, EventKey, OrderId};
use crate::core::user::Token;
use crate::limits::{CLIENT_NAME_CHARS_MAX, ORDERS_LIST_MAX, WEB_ID_BYTES_MAX};
use crate::money::Fen;

/// Reads a member: `need!` one that must be there, `may!` one that may be absent.
macro_rules! need {
    ($members:expr, $name:ident) => {
        needed(stringify!($name), $members.$name)
    };
}
macro_rules! may {
    ($members:expr, $name:ident) => {
        optional(stringify!($name), $members.$name)
    };
}

impl Members<'_> {
    /// For `hello`.
    pub fn hello(&self) -> Checked<Hello> {
        let client: String = may!(self, client)?.unwrap_or_default();
        if client.chars().count() > CLIENT_NAME_CHARS_MAX {
            let text = format!("client has more than {CLIENT_NAME_CHARS_MAX} characters");
            return Err(Refusal::new(Code::STRING, text).into());
        }
        Ok(Hello { client, protocol: may!(self, protocol)?, token: may!(self, token)? })
    }

    /// For `watch` and `unwatch`.
    pub fn watch(&self) -> Checked<Watch> {
        Ok(Watch { app_key: self.app_key()? })
    }

    /// For methods that are about an app and nothing else.
    pub fn app_ref(&self) -> Checked<AppRef> {
        Ok(AppRef { app_key: self.app_key()? })
    }

    /// For `log.watch`.
    pub fn log_watch(&self) -> Checked<LogWatch> {
        Ok(LogWatch { level: may!(self, level)? })
    }

    /// For `pay`.
    pub fn pay(&self) -> Checked<Pay> {
        Ok(Pay {
            app_key: self.app_key()?,
            order_id: self.order_id()?,
            title: need!(self, title)?,
            amount_fen: fen("amount_fen", need!(self, amount_fen)?)?,
            subject_id: may!(self, subject_id)?,
            notify_url: may!(self, notify_url)?,
            expires_s: may!(self, expires_s)?,
        })
    }

    /// For `pay_from_server`: a payment that the merchant's server hears of.
    pub fn pay_from_server(&self) -> Checked<Pay> {
        Ok(Pay { notify_url: Some(need!(self, notify_url)?), ..self.pay()? })
    }

    /// For `repay`.
    pub fn repay(&self) -> Checked<Repay> {
        let prices: Vec<i64> = need!(self, prices_fen)?;
        let price = |(place, price)| fen(&format!("prices_fen[{place}]"), price);
        Ok(Repay {
            app_key: self.app_key()?,
            order_id: self.order_id()?,
            title: need!(self, title)?,
            subject: need!(self, subject)?,
            interval: need!(self, interval)?,
            prices_fen: prices.into_iter().enumerate().map(price).collect::<Checked<_>>()?,
            description: may!(self, description)?,
            subject_id: may!(self, subject_id)?,
            notify_url: need!(self, notify_url)?,
            expires_s: may!(self, expires_s)?,
        })
    }

    /// For `cancel` and `query`.
    pub fn order_ref(&self) -> Checked<OrderRef> {
        Ok(OrderRef { app_key: self.app_key()?, order_id: self.order_id()? })
    }

    /// For `ack`.
    pub fn ack(&self) -> Checked<Ack> {
        let sequence = need!(self, sequence)?;
        Ok(Ack { app_key: self.app_key()?, order_id: self.order_id()?, sequence })
    }

    /// For `orders`.
    pub fn list(&self) -> Checked<ListOrders> {
        let limit: Option<usize> = may!(self, limit)?;
        if limit.is_some_and(|limit| !(1..=ORDERS_LIST_MAX).contains(&limit)) {
            let text = format!("limit must be an integer of 1 to {ORDERS_LIST_MAX}");
            return Err(Refusal::new(Code::INVALID, text).into());
        }
        let which = may!(self, which)?.unwrap_or_default();
        Ok(ListOrders { app_key: self.app_key()?, which, limit })
    }

    /// For `auth`.
    pub fn auth(&self) -> Checked<Auth> {
        let change = may!(self, change)?.unwrap_or_default();
        Ok(Auth { app_key: self.app_key()?, change })
    }

    /// For `web.open`.
    pub fn web_open(&self) -> Checked<WebOpen> {
        let params: Option<BTreeMap<String, String>> = may!(self, params)?;
        Ok(WebOpen {
            app_key: self.app_key()?,
            kind: need!(self, kind)?,
            params: params.unwrap_or_default(),
            timeout_s: may!(self, timeout_s)?,
        })
    }

    /// For `web.closed`.
    pub fn web_closed(&self) -> Checked<WebClosed> {
        let web_id: String = need!(self, web_id)?;
        if web_id.is_empty() || web_id.len() > WEB_ID_BYTES_MAX {
            let text = format!("web_id must have 1 to {WEB_ID_BYTES_MAX} bytes");
            return Err(Refusal::new(Code::STRING, text).into());
        }
        Ok(WebClosed { app_key: self.app_key()?, web_id })
    }

    /// For `lottery.activities`.
    pub fn activities(&self) -> Checked<ListActivities> {
        let event_key: Option<String> = may!(self, event_key)?;
        let event_key = event_key.map(|text| event_key_of("event_key", text)).transpose()?;
        Ok(ListActivities { app_key: self.app_key()?, event_key })
    }

    /// For `lottery.draw`.
    pub fn draw(&self) -> Checked<Draw> {
        let confirm_key: Option<String> = may!(self, confirm_key)?;
        let confirm_key = confirm_key.map(|text| Token::new("confirm_key", text)).transpose()?;
        let behavior_key: Option<String> = may!(self, behavior_key)?;
        let behavior_key =
            behavior_key.map(|text| event_key_of("behavior_key", text)).transpose()?;
        let draw_id: String = need!(self, draw_id)?;
        let draw_id =
            OrderId::new(draw_id).map_err(|refusal| renamed(refusal, "order_id", "draw_id"))?;
        let draw = Draw {
            app_key: self.app_key()?,
            draw_id,
            event_key: event_key_of("event_key", need!(self, event_key)?)?,
            confirm_key,
            behavior_key,
        };
        draw.check()?;
        Ok(draw)
    }

    /// For `gift.take`.
    pub fn take_gift(&self) -> Checked<TakeGift> {
        let text: String = need!(self, gift_id)?;
        let gift_id = GiftId::parse(&text).ok_or_else(|| {
            let text = format!("gift_id must be decimal digits, 1 to {}", i64::MAX);
            Refusal::new(Code::INVALID, text)
        })?;
        Ok(TakeGift { app_key: self.app_key()?, gift_id })
    }

    fn app_key(&self) -> Checked<Option<AppKey>> {
        let text: Option<String> = may!(self, app_key)?;
        Ok(text.map(AppKey::new).transpose()?)
    }

    fn order_id(&self) -> Checked<OrderId> {
        let text: String = need!(self, order_id)?;
        Ok(OrderId::new(text)?)
    }
}

fn fen(name: &str, amount: i64) -> Checked<Fen> {
    let refuse = |error| Refusal::new(Code::INVALID, format!("{error}"));
    let refuse = |error| renamed(refuse(error), "amount_fen", name);
    Ok(Fen::new(amount).map_err(refuse)?)
}

fn event_key_of(name: &str, text: String) -> Checked<EventKey> {
    let refuse = |refusal| renamed(refusal, "event_key", name);
    Ok(EventKey::new(text).map_err(refuse)?)
}

/// The refusal of a type that is used for several members.
fn renamed(refusal: Refusal, from: &str, to: &str) -> Refusal {
    Refusal { message: refusal.message.replacen(from, to, 1), ..refusal }
}

#[cfg(test)]
mod tests {
    use super::super::proto::INVALID_PARAMS;
    use super::*;

    fn of(text: &str) -> Checked<Members<'_>> {
        Members::read(Some(serde_json::from_str(text).unwrap()))
    }

    fn pay_of(member: &str, value: &str) -> Checked<Pay> {
        let mut members = vec![
            ("order_id", "\"A1\""),
            ("title", "\"60 gems\""),
            ("amount_fen", "600"),
            ("app_key", "null"),
        ];
        members.retain(|row| row.0 != member);
        members.push((member, value));
        let object: Vec<String> =
            members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        of(&format!("{{{}}}", object.join(","))).and_then(|params| params.pay())
    }

    #[test]
    fn takes_a_payment_and_ignores_what_it_does_not_know() {
        let pay = pay_of("later", "{\"deep\":[1,2]}").unwrap();
        assert_eq!((pay.order_id.as_str(), pay.amount_fen.get()), ("A1", 600));
        assert_eq!((pay.app_key, pay.notify_url), (None, None));
    }

    #[test]
    fn each_member_of_another_kind_is_named() {
        let kinds = ["1.0", "1e9", "\"600\"", "true", "{}", "[]", "null", "9223372036854775808"];
        for kind in kinds {
            let error = pay_of("amount_fen", kind).unwrap_err();
            assert_eq!(error.code, INVALID_PARAMS, "{kind}");
            assert!(error.message.contains("amount_fen must be an integer of 1 to 99999999"));
        }
        for (member, value) in [
            ("order_id", "7"),
            ("order_id", "null"),
            ("order_id", "\"\\ud800\""),
            ("title", "[]"),
            ("app_key", "7"),
            ("subject_id", "7"),
            ("notify_url", "{}"),
            ("expires_s", "\"60\""),
            ("expires_s", "-1"),
        ] {
            let error = pay_of(member, value).unwrap_err();
            assert_eq!(error.code, INVALID_PARAMS, "{member} {value}");
            assert!(error.message.starts_with(member), "{}", error.message);
        }
    }

    #[test]
    fn values_out_of_bounds_have_their_own_code() {
        for (member, value) in [
            ("amount_fen", "0"),
            ("amount_fen", "-1"),
            ("amount_fen", "100000000"),
            ("order_id", "\"a b\""),
            ("app_key", "\"\""),
        ] {
            let error = pay_of(member, value).unwrap_err();
            assert_eq!(error.code, Code::INVALID.0, "{member} {value}");
            assert!(error.message.starts_with(member), "{}", error.message);
            assert_eq!(error.data.unwrap().name, "INVALID");
        }
    }

    #[test]
    fn params_are_an_object_with_each_member_once() {
        for text in ["[\"A1\"]", "7", "\"x\"", "true"] {
            let error = of(text).and_then(|params| params.pay()).unwrap_err();
            assert_eq!((error.code, &*error.message), (INVALID_PARAMS, "params must be an object"));
        }
        let error = of("{\"order_id\":\"a\",\"order_id\":\"b\"}")
            .and_then(|params| params.pay())
            .unwrap_err();
        assert!(error.message.contains("order_id"), "{}", error.message);
    }

    #[test]
    fn lists_and_greetings_have_bounds_too() {
        for (text, named) in [
            ("{\"limit\":0}", "limit"),
            ("{\"limit\":101}", "100"),
            ("{\"limit\":-1}", "limit"),
            ("{\"which\":\"some\"}", "which must be \"unfinished\""),
        ] {
            let error = of(text).and_then(|params| params.list()).unwrap_err();
            assert!(error.message.contains(named), "{}", error.message);
        }
        for (text, named) in [
            (format!("{{\"client\":\"{}\"}}", "x".repeat(CLIENT_NAME_CHARS_MAX + 1)), "client"),
            ("{\"protocol\":1}".into(), "protocol"),
            ("{\"token\":5}".into(), "token"),
        ] {
            let error = of(&text).and_then(|params| params.hello()).unwrap_err();
            assert!(error.message.starts_with(named), "{}", error.message);
        }
        let error = of("{\"order_id\":\"A\",\"sequence\":\"3\"}")
            .and_then(|params| params.ack())
            .unwrap_err();
        assert!(error.message.starts_with("sequence"), "{}", error.message);
    }
}
