//! The OpenRPC document is true: a server takes what it says and refuses what it does not, and
//! its results have the members that the types have.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use alitv_pay::core::award::{Activity, Award, Gift};
use alitv_pay::core::code::Code;
use alitv_pay::core::report::{
    AccountReport, AuthReport, DrawReport, Event, GiftReport, Page, Profile, Report, WebReport,
};
use alitv_pay::core::user::User;
use alitv_pay::ipc::openrpc::document;
use alitv_pay::ipc::proto::*;
use common::{FakeGateway, Peer, Running};
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Visitor};
use serde::{forward_to_deserialize_any, Deserializer, Serialize};
use serde_json::{json, Map, Value};

fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value[member].as_array().unwrap_or_else(|| panic!("no list {member} in {value}"))
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_else(|| panic!("no text {member} in {value}"))
}

fn methods(document: &Value) -> &[Value] {
    list(document, "methods")
}

#[test]
fn it_names_every_method_and_no_other() {
    let document = document();
    let named: Vec<&str> = methods(&document).iter().map(|method| text(method, "name")).collect();
    assert_eq!(named.iter().copied().collect::<BTreeSet<_>>(), METHODS.into_iter().collect());
    assert_eq!(named.len(), METHODS.len());
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(value: &Value, root: &Value) {
        match value {
            Value::Object(members) => {
                if let Some(to) = members.get("$ref") {
                    let path = to.as_str().unwrap().trim_start_matches('#');
                    assert!(root.pointer(path).is_some(), "{to}");
                }
                members.values().for_each(|member| walk(member, root));
            }
            Value::Array(all) => all.iter().for_each(|one| walk(one, root)),
            _ => {}
        }
    }
    let document = document();
    walk(&document, &document);
}

#[test]
fn the_daemon_prints_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_alitv-payd")).arg("--openrpc").output().unwrap();
    assert!(output.status.success());
    assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), document());
}

/// Values that the schema allows, the first one the plainest.
fn inside(schema: &Value) -> Vec<Value> {
    if let Some(all) = schema.get("examples").or_else(|| schema.get("enum")) {
        return all.as_array().unwrap().clone();
    }
    let bound = |name: &str| schema.get(name).and_then(Value::as_u64);
    match text(schema, "type") {
        "string" => {
            let (min, max) = (bound("minLength").unwrap(), bound("maxLength").unwrap());
            vec![json!("x".repeat(min.max(1) as usize)), json!("宝".repeat(max as usize))]
        }
        "integer" => {
            let min = bound("minimum").unwrap();
            vec![json!(min), json!(bound("maximum").unwrap_or(min))]
        }
        "boolean" => vec![json!(false), json!(true)],
        "array" => {
            let items = inside(&schema["items"]);
            let most = vec![items[1].clone(); bound("maxItems").unwrap() as usize];
            vec![json!([items[0]]), Value::Array(most)]
        }
        _ => vec![json!({}), texts(bound("maxProperties").unwrap(), longest(schema))],
    }
}

fn longest(schema: &Value) -> u64 {
    schema["additionalProperties"]["maxLength"].as_u64().unwrap()
}

fn texts(count: u64, bytes: u64) -> Value {
    let long = |n| if n == 0 { "x".repeat(bytes as usize) } else { String::new() };
    let members: Map<String, Value> = (0..count).map(|n| (n.to_string(), json!(long(n)))).collect();
    Value::Object(members)
}

/// Values of the right kind that the schema does not allow.
fn outside(schema: &Value) -> Vec<Value> {
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
    let mut all = Vec::new();
    match text(schema, "type") {
        "string" if schema.get("enum").is_some() => {}
        "string" => {
            let max = bound("maxLength").unwrap();
            all.push(json!("x".repeat(max as usize + 1)));
            if bound("minLength") == Some(1) {
                all.push(json!(""));
            }
        }
        "integer" => {
            all.extend(bound("maximum").map(|max| json!(max + 1)));
            // Below 0 an unsigned integer is of another kind.
            all.extend(bound("minimum").filter(|min| *min > 0).map(|min| json!(min - 1)));
        }
        "array" if schema.get("examples").is_none() => {
            let items = &schema["items"];
            all.push(json!([]));
            all.push(json!([items["maximum"].as_i64().unwrap() + 1]));
            all.push(json!(vec![1; bound("maxItems").unwrap() as usize + 1]));
        }
        "object" => {
            all.push(texts(bound("maxProperties").unwrap() as u64 + 1, 1));
            all.push(texts(1, longest(schema) + 1));
        }
        _ => {}
    }
    all
}

/// Values of another kind.
fn wrong(schema: &Value) -> Vec<Value> {
    let kinds = [
        ("integer", json!(7)),
        ("number", json!(1.5)),
        ("string", json!("§")),
        ("boolean", json!(true)),
        ("array", json!([{}])),
        ("object", json!({ "a": 1 })),
    ];
    let is = text(schema, "type");
    let other = kinds.into_iter().filter(|(kind, _)| *kind != is).map(|(_, value)| value);
    let word = schema.get("enum").map(|_| json!("another"));
    other.chain(word).collect()
}

struct Played<'a> {
    peer: Peer,
    errors: &'a Map<String, Value>,
}

impl Played<'_> {
    /// The error code that the server answers, or none.
    fn ask(&mut self, method: &Value, params: &BTreeMap<&str, Value>) -> Option<(i64, String)> {
        let name = text(method, "name");
        let answer =
            self.peer.ask(&json!({ "id": 1, "method": name, "params": params }).to_string());
        let error = answer.get("error")?;
        let code = error["code"].as_i64().unwrap();
        let documented = list(method, "errors").iter().any(|known| {
            let known = text(known, "$ref").rsplit('/').next().unwrap();
            self.errors[known]["code"] == code
        });
        assert!(documented || code == -32602, "{name} {params:?}: {answer}");
        Some((code, text(error, "message").to_owned()))
    }

    /// Refused for its member.
    fn refuses(&mut self, method: &Value, params: &BTreeMap<&str, Value>, member: &str) {
        let name = text(method, "name");
        let Some((code, message)) = self.ask(method, params) else {
            panic!("{name} takes {member} of {params:?}")
        };
        assert_eq!(code, -32602, "{name} {params:?}: {message}");
        assert!(message.starts_with(&format!("{member} must be")), "{name} {member}: {message}");
    }

    /// Taken, or refused for another reason than its params.
    fn takes(&mut self, method: &Value, params: &BTreeMap<&str, Value>) {
        if let Some((code, message)) = self.ask(method, params) {
            let about_params = [-32602, Code::INVALID.0.into(), Code::STRING.0.into()];
            let name = text(method, "name");
            assert!(!about_params.contains(&code), "{name} {params:?}: {code} {message}");
        }
    }
}

#[test]
fn the_daemon_takes_and_refuses_what_it_says() {
    let dir = tempfile::tempdir().unwrap();
    let server = Running::start_knowing(dir.path(), FakeGateway::with_profile());
    let document = document();
    let errors = document["components"]["errors"].as_object().unwrap();
    let mut played = Played { peer: server.connect(), errors };
    for method in methods(&document) {
        let params = list(method, "params");
        let plain = |param: &Value| inside(&param["schema"])[0].clone();
        let all: BTreeMap<&str, Value> =
            params.iter().map(|param| (text(param, "name"), plain(param))).collect();
        played.takes(method, &all);
        for param in params {
            let (name, schema) = (text(param, "name"), &param["schema"]);
            let with = |value: Value| {
                let mut changed = all.clone();
                changed.insert(name, value);
                changed
            };
            for value in inside(schema) {
                played.takes(method, &with(value));
            }
            for value in wrong(schema) {
                played.refuses(method, &with(value), name);
            }
            for value in outside(schema) {
                let refused = played.ask(method, &with(value.clone()));
                assert!(refused.is_some(), "{method} takes {name} of {value}");
            }
            let mut without = all.clone();
            without.remove(name);
            match param["required"].as_bool().unwrap() {
                true => {
                    played.refuses(method, &without, name);
                    played.refuses(method, &with(Value::Null), name);
                }
                false => {
                    played.takes(method, &without);
                    played.takes(method, &with(Value::Null));
                }
            }
        }
    }
}

/// Tells which members a type reads, and reads nothing.
struct Fields<'a>(&'a mut Vec<&'static str>);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(serde::de::Error::custom("no object"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.extend(fields);
        self.deserialize_any(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

fn keys(value: &Value) -> BTreeSet<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

/// A value of the schema, with all members or with those that must be there.
fn sample(root: &Value, schema: &Value, all: bool) -> Value {
    if let Some(to) = schema.get("$ref") {
        let schema = root.pointer(to.as_str().unwrap().trim_start_matches('#')).unwrap();
        let required: Vec<&str> =
            list(schema, "required").iter().map(|name| name.as_str().unwrap()).collect();
        let properties = schema["properties"].as_object().unwrap().iter();
        let wanted = properties.filter(|(name, _)| all || required.contains(&name.as_str()));
        return wanted.map(|(name, schema)| (name.clone(), sample(root, schema, all))).collect();
    }
    if let Some(words) = schema.get("enum") {
        return words[0].clone();
    }
    match text(schema, "type") {
        "string" => json!("7"),
        "boolean" => json!(all),
        "integer" if schema.get("maximum").is_some() => json!(Code::INVALID.0),
        "integer" => json!(1),
        _ if all => json!([sample(root, &schema["items"], all)]),
        _ => json!([]),
    }
}

fn compare<T: DeserializeOwned + Serialize>(document: &Value, name: &str) {
    let schema = &document["components"]["schemas"][name];
    let mut fields = Vec::new();
    let _ = T::deserialize(Fields(&mut fields));
    let fields: BTreeSet<String> = fields.into_iter().map(str::to_owned).collect();
    assert_eq!(fields, keys(&schema["properties"]), "{name}");
    let reference = json!({ "$ref": format!("#/components/schemas/{name}") });
    for all in [true, false] {
        let sample = sample(document, &reference, all);
        let value: T = serde_json::from_value(sample.clone())
            .unwrap_or_else(|error| panic!("{name}: {error}: {sample}"));
        let written = serde_json::to_value(&value).unwrap();
        assert_eq!(keys(&written), keys(&sample), "{name}, all: {all}");
    }
}

#[test]
fn its_objects_are_the_types() {
    let document = document();
    let mut compared = BTreeSet::from(["Nothing".to_owned(), "Event".into(), "AppProfile".into()]);
    macro_rules! compare {
        ($($name:ident)*) => {
            $(compare::<$name>(&document, stringify!($name));
              compared.insert(stringify!($name).to_owned());)*
        };
    }
    compare! {
        Welcome Status Version LogLine Snapshot AppSnapshot Orders Report DrawReport GiftReport
        Award AccountReport AuthReport User Profile Page WebOpened WebReport Activities Activity
        Gifts Gift QrUrl
    }
    assert_eq!(compared, keys(&document["components"]["schemas"]));
}

#[test]
fn its_events_are_the_events() {
    let document = document();
    let events = list(&document["components"]["schemas"]["Event"], "oneOf");
    for event in events {
        let [kind, schema] = [&list(event, "allOf")[0], &list(event, "allOf")[1]];
        let kind = text(&kind["properties"]["kind"], "const");
        let mut sample = sample(&document, schema, true);
        sample["kind"] = json!(kind);
        let event: Event = serde_json::from_value(sample.clone()).expect(kind);
        let written = serde_json::to_value(&event).unwrap();
        assert_eq!(keys(&written), keys(&sample), "{kind}");
        assert_eq!(written["kind"], kind);
    }
    // serde names all kinds that there are.
    let unknown: Result<Event, _> = serde_json::from_value(json!({ "kind": "another" }));
    let text = unknown.unwrap_err().to_string();
    assert_eq!(text.matches('`').count() / 2 - 1, events.len(), "{text}");
}
