//! Params of a request, member by member, so that a refusal can name the member. A wrong
//! kind of JSON is -32602, a value out of its bounds the code of that bound.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::proto::{Ack, Hello, ListOrders, OrderRef, Pay, RpcError, Watch, Which, INVALID_PARAMS};
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, OrderId};
use crate::limits::{
    AMOUNT_FEN_MAX, AMOUNT_FEN_MIN, CLIENT_NAME_CHARS_MAX, EXPIRES_S_MAX, EXPIRES_S_MIN,
    ORDERS_LIST_MAX,
};
use crate::money::Fen;

/// The members that methods of protocol 1 know. Others are ignored, null is absent.
#[derive(Default, Deserialize)]
pub struct Params<'a> {
    #[serde(borrow, default)]
    app_key: Option<&'a RawValue>,
    #[serde(borrow, default)]
    order_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    title: Option<&'a RawValue>,
    #[serde(borrow, default)]
    amount_fen: Option<&'a RawValue>,
    #[serde(borrow, default)]
    subject_id: Option<&'a RawValue>,
    #[serde(borrow, default)]
    notify_url: Option<&'a RawValue>,
    #[serde(borrow, default)]
    expires_s: Option<&'a RawValue>,
    #[serde(borrow, default)]
    sequence: Option<&'a RawValue>,
    #[serde(borrow, default)]
    which: Option<&'a RawValue>,
    #[serde(borrow, default)]
    limit: Option<&'a RawValue>,
    #[serde(borrow, default)]
    client: Option<&'a RawValue>,
    #[serde(borrow, default)]
    protocol: Option<&'a RawValue>,
    #[serde(borrow, default)]
    token: Option<&'a RawValue>,
}

type Checked<T> = Result<T, RpcError>;

impl<'a> Params<'a> {
    /// Takes the object apart; absent is the same as `{}`.
    pub fn read(raw: Option<&'a RawValue>) -> Checked<Params<'a>> {
        let Some(raw) = raw else { return Ok(Params::default()) };
        if !raw.get().starts_with('{') {
            return Err(wrong("params", "an object"));
        }
        serde_json::from_str(raw.get()).map_err(|error| RpcError {
            code: INVALID_PARAMS,
            message: format!("params: {error}"),
            data: None,
        })
    }

    /// For `hello`.
    pub fn hello(&self) -> Checked<Hello> {
        let client: String = optional("client", self.client, "a string")?.unwrap_or_default();
        if client.chars().count() > CLIENT_NAME_CHARS_MAX {
            let text = format!("client has more than {CLIENT_NAME_CHARS_MAX} characters");
            return Err(Refusal::new(Code::STRING, text).into());
        }
        let protocol = optional("protocol", self.protocol, "[oldest, newest], two integers")?;
        let token = optional("token", self.token, "a string")?;
        Ok(Hello { client, protocol, token })
    }

    /// For `watch` and `unwatch`.
    pub fn watch(&self) -> Checked<Watch> {
        Ok(Watch { app_key: self.app_key()? })
    }

    /// For `pay`.
    pub fn pay(&self) -> Checked<Pay> {
        let amount = format!("an integer of {AMOUNT_FEN_MIN} to {AMOUNT_FEN_MAX}");
        let amount_fen = needed("amount_fen", self.amount_fen, &amount)?;
        let expires = format!("an integer of {EXPIRES_S_MIN} to {EXPIRES_S_MAX}");
        Ok(Pay {
            app_key: self.app_key()?,
            order_id: self.order_id()?,
            title: needed("title", self.title, "a string")?,
            amount_fen: Fen::new(amount_fen)
                .map_err(|error| Refusal::new(Code::INVALID, error.to_string()))?,
            subject_id: optional("subject_id", self.subject_id, "a string")?,
            notify_url: optional("notify_url", self.notify_url, "a string")?,
            expires_s: optional("expires_s", self.expires_s, &expires)?,
        })
    }

    /// For `cancel` and `query`.
    pub fn order_ref(&self) -> Checked<OrderRef> {
        Ok(OrderRef { app_key: self.app_key()?, order_id: self.order_id()? })
    }

    /// For `ack`.
    pub fn ack(&self) -> Checked<Ack> {
        let sequence = needed("sequence", self.sequence, "an integer of 0 or more")?;
        Ok(Ack { app_key: self.app_key()?, order_id: self.order_id()?, sequence })
    }

    /// For `orders`.
    pub fn list(&self) -> Checked<ListOrders> {
        const WHICH: &str = "\"unfinished\", \"open\", \"unacked\" or \"all\"";
        let wanted = format!("an integer of 1 to {ORDERS_LIST_MAX}");
        let limit: Option<usize> = optional("limit", self.limit, &wanted)?;
        if limit.is_some_and(|limit| !(1..=ORDERS_LIST_MAX).contains(&limit)) {
            let text = format!("limit must be {wanted}");
            return Err(Refusal::new(Code::INVALID, text).into());
        }
        let which: Option<Which> = optional("which", self.which, WHICH)?;
        Ok(ListOrders { app_key: self.app_key()?, which: which.unwrap_or_default(), limit })
    }

    fn app_key(&self) -> Checked<Option<AppKey>> {
        let text: Option<String> = optional("app_key", self.app_key, "a string")?;
        Ok(text.map(AppKey::new).transpose()?)
    }

    fn order_id(&self) -> Checked<OrderId> {
        let text: String = needed("order_id", self.order_id, "a string")?;
        Ok(OrderId::new(text)?)
    }
}

fn needed<'a, T: Deserialize<'a>>(
    field: &str,
    raw: Option<&'a RawValue>,
    wanted: &str,
) -> Checked<T> {
    optional(field, raw, wanted)?.ok_or_else(|| wrong(field, wanted))
}

/// The refusal does not quote the value: it may be long, or a token.
fn optional<'a, T: Deserialize<'a>>(
    field: &str,
    raw: Option<&'a RawValue>,
    wanted: &str,
) -> Checked<Option<T>> {
    let read = raw.map(|raw| serde_json::from_str(raw.get())).transpose();
    read.map_err(|_| wrong(field, wanted))
}

fn wrong(field: &str, wanted: &str) -> RpcError {
    let message = format!("{field} must be {wanted}");
    RpcError { code: INVALID_PARAMS, message, data: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Checked<Params<'_>> {
        Params::read(Some(serde_json::from_str(text).unwrap()))
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
