//! The protocol as an OpenRPC document (`alitv-payd --openrpc`), for programs that make clients
//! or check requests. What params may hold comes from the table that reads them; a test plays
//! every method and param of the document against a server, and compares every result with its
//! type.

use serde_json::{json, Map, Value};

use super::desk::SERVER;
use super::members::{member, Shape, PRICES_MAX, TEXTS_MAX, TEXT_BYTES_MAX};
use super::proto::PROTOCOL;
use super::schemas::{Field, Type, EVENTS, SCHEMAS};
use crate::core::code::{Code, TABLE};
use crate::core::report::State;
use crate::limits::{AMOUNT_FEN_MAX, AMOUNT_FEN_MIN};

/// One method.
struct Method {
    name: &'static str,
    about: &'static str,
    /// Members that must be there.
    needed: &'static [&'static str],
    /// Members that may be absent.
    optional: &'static [&'static str],
    /// Name of its result's type.
    result: &'static str,
    /// Codes it may answer, beside those of the framing and -32602.
    errors: &'static [Code],
}

/// A method without params and errors of its own.
const fn plain(name: &'static str, result: &'static str, about: &'static str) -> Method {
    Method { name, about, needed: &[], optional: &[], result, errors: &[] }
}

/// A method that is about an app.
const fn about_app(name: &'static str, result: &'static str, about: &'static str) -> Method {
    Method { optional: APP, errors: APP_ERRORS, ..plain(name, result, about) }
}

const APP: &[&str] = &["app_key"];
const APP_ERRORS: &[Code] = &[Code::INVALID, Code::DENIED];
const PAY_ERRORS: &[Code] =
    &[Code::INVALID, Code::DENIED, Code::STRING, Code::STORAGE, Code::LIMIT, Code::CONFLICT];
const KEY_ERRORS: &[Code] = &[Code::INVALID, Code::DENIED, Code::NOT_FOUND, Code::STATE];
const DRAW_ERRORS: &[Code] = &[
    Code::INVALID,
    Code::DENIED,
    Code::RESOURCE,
    Code::STORAGE,
    Code::LIMIT,
    Code::CONFLICT,
    Code::UNAUTHORIZED,
];
const LOOK_UP_ERRORS: &[Code] = &[
    Code::INVALID,
    Code::DENIED,
    Code::LIMIT,
    Code::UNAUTHORIZED,
    Code::NETWORK,
    Code::GATEWAY,
    Code::SIGNATURE,
    Code::CLOCK,
];
const WEB_ERRORS: &[Code] = &[
    Code::INVALID,
    Code::DENIED,
    Code::STRING,
    Code::STATE,
    Code::NOT_READY,
    Code::GATEWAY,
    Code::RESOURCE,
];

const METHODS: &[Method] = &[
    Method {
        optional: &["client", "protocol", "token"],
        errors: &[Code::STRING, Code::DENIED, Code::PROTOCOL],
        ..plain("hello", "Welcome", "Says who is there and what both speak. Not needed.")
    },
    plain("status", "Status", "How the daemon and the gateway are."),
    plain("version", "Version", "Which version this is."),
    about_app("watch", "Snapshot", "What is not settled; events follow from here on."),
    about_app("unwatch", "Nothing", "No more events."),
    Method {
        optional: &["level"],
        errors: &[Code::DENIED],
        ..plain(
            "log.watch",
            "Nothing",
            "Lines of the daemon's log follow. For root and its own user.",
        )
    },
    plain("log.unwatch", "Nothing", "No more lines."),
    Method {
        needed: &["order_id", "title", "amount_fen"],
        optional: &["app_key", "subject_id", "notify_url", "expires_s"],
        errors: PAY_ERRORS,
        ..plain("pay", "Report", "Begins a payment, or finds it begun.")
    },
    Method {
        needed: &["order_id", "title", "amount_fen", "notify_url"],
        optional: &["app_key", "subject_id", "expires_s"],
        errors: PAY_ERRORS,
        ..plain("pay_from_server", "Report", "A payment of which the merchant's server hears.")
    },
    Method {
        needed: &["order_id", "title", "subject", "interval", "prices_fen", "notify_url"],
        optional: &["app_key", "description", "subject_id", "expires_s"],
        errors: PAY_ERRORS,
        ..plain("repay", "Report", "The first charge of a subscription.")
    },
    Method {
        needed: &["order_id"],
        errors: KEY_ERRORS,
        ..about_app("cancel", "Report", "Closes the order unless it is paid.")
    },
    Method {
        needed: &["order_id"],
        errors: KEY_ERRORS,
        ..about_app("query", "Report", "How the order stands; the gateway is asked as well.")
    },
    Method {
        needed: &["order_id", "sequence"],
        errors: KEY_ERRORS,
        ..about_app("ack", "Nothing", "The final state of an order, draw or gift is stored.")
    },
    Method {
        optional: &["app_key", "which", "limit"],
        ..about_app("orders", "Orders", "Lists orders, oldest first.")
    },
    Method {
        optional: &["app_key", "change"],
        errors: &[Code::INVALID, Code::DENIED, Code::LIMIT, Code::RESOURCE],
        ..plain("auth", "AccountReport", "Wants a user signed in who has authorised the app.")
    },
    Method {
        errors: KEY_ERRORS,
        ..about_app("auth.cancel", "AccountReport", "Gives the attempt to sign in up.")
    },
    about_app("auth.state", "AccountReport", "Who is signed in."),
    about_app("auth.logout", "AccountReport", "Signs the user out."),
    Method {
        errors: LOOK_UP_ERRORS,
        ..about_app("user.info", "User", "The user. Answered when the gateway has answered.")
    },
    Method {
        needed: &["kind"],
        optional: &["app_key", "params", "timeout_s"],
        errors: WEB_ERRORS,
        ..plain("web.open", "WebOpened", "Wants a page of the platform shown.")
    },
    Method {
        needed: &["web_id"],
        errors: &[Code::INVALID, Code::DENIED, Code::STRING, Code::NOT_FOUND],
        ..about_app("web.closed", "Nothing", "The page is off the screen.")
    },
    Method {
        optional: &["app_key", "event_key"],
        errors: LOOK_UP_ERRORS,
        ..plain(
            "lottery.activities",
            "Activities",
            "Lotteries. Answered when the gateway has answered.",
        )
    },
    Method {
        needed: &["draw_id", "event_key"],
        optional: &["app_key", "confirm_key", "behavior_key"],
        errors: DRAW_ERRORS,
        ..plain("lottery.draw", "DrawReport", "Draws, once for each draw_id.")
    },
    Method {
        errors: LOOK_UP_ERRORS,
        ..about_app(
            "gift.list",
            "Gifts",
            "The user's gifts. Answered when the gateway has answered.",
        )
    },
    Method {
        needed: &["gift_id"],
        errors: DRAW_ERRORS,
        ..about_app("gift.take", "GiftReport", "Takes a gift.")
    },
    Method {
        errors: &[Code::INVALID, Code::DENIED, Code::NOT_READY],
        ..about_app("qr_url", "QrUrl", "Text for a QR code that leads to the app's goods.")
    },
    Method {
        errors: &[Code::INVALID, Code::DENIED, Code::NOT_READY],
        ..about_app("profile", "Profile", "What the platform has switched on for the app.")
    },
];

/// The document.
pub fn document() -> Value {
    json!({
        "openrpc": "1.3.2",
        "info": {
            "title": "alitv-payd",
            "version": env!("CARGO_PKG_VERSION"),
            "description": format!(
                "Newline-delimited JSON-RPC 2.0 on a Unix socket, protocol {} to {}, as {SERVER} \
                 speaks it. docs/protocol.md tells it in prose.",
                PROTOCOL[0], PROTOCOL[1]
            ),
        },
        "methods": METHODS.iter().map(method).collect::<Vec<_>>(),
        "x-notifications": [
            notification("event", "Event", "What watch and unwatch switch on and off."),
            notification("log", "LogLine", "What log.watch and log.unwatch switch on and off."),
        ],
        "components": { "schemas": schemas(), "errors": errors() },
    })
}

fn method(method: &Method) -> Value {
    let params = |names: &[&str], required: bool| -> Vec<Value> {
        names.iter().filter_map(|name| param(name, required)).collect()
    };
    let mut all = params(method.needed, true);
    all.extend(params(method.optional, false));
    let errors = method.errors.iter().map(|code| reference("errors", code.name()));
    json!({
        "name": method.name,
        "summary": method.about,
        "paramStructure": "by-name",
        "params": all,
        "result": { "name": "result", "schema": reference("schemas", method.result) },
        "errors": errors.collect::<Vec<_>>(),
    })
}

fn param(name: &str, required: bool) -> Option<Value> {
    let member = member(name)?;
    Some(json!({
        "name": name,
        "summary": member.about,
        "required": required,
        "schema": shape(member.shape),
    }))
}

fn shape(shape: Shape) -> Value {
    match shape {
        Shape::Text { min, max } => json!({ "type": "string", "minLength": min, "maxLength": max }),
        Shape::Pattern { pattern, max, example } => json!({
            "type": "string", "minLength": 1, "maxLength": max, "pattern": pattern,
            "examples": [example],
        }),
        Shape::Integer { min, max: Some(max) } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        Shape::Integer { min, max: None } => json!({ "type": "integer", "minimum": min }),
        Shape::Flag => json!({ "type": "boolean" }),
        Shape::Word(words) => json!({ "type": "string", "enum": words }),
        Shape::Versions => json!({
            "type": "array", "items": { "type": "integer", "minimum": 0 },
            "minItems": 2, "maxItems": 2, "examples": [PROTOCOL],
        }),
        Shape::Prices => json!({
            "type": "array", "minItems": 1, "maxItems": PRICES_MAX,
            "items": {
                "type": "integer", "minimum": AMOUNT_FEN_MIN, "maximum": AMOUNT_FEN_MAX,
            },
        }),
        Shape::Texts => json!({
            "type": "object", "maxProperties": TEXTS_MAX,
            "additionalProperties": { "type": "string", "maxLength": TEXT_BYTES_MAX },
        }),
    }
}

fn notification(name: &str, schema: &str, about: &str) -> Value {
    json!({
        "name": name,
        "summary": about,
        "params": [{ "name": "params", "schema": reference("schemas", schema) }],
    })
}

fn reference(room: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{room}/{name}") })
}

fn schemas() -> Value {
    let mut all = Map::new();
    for (name, fields) in SCHEMAS {
        all.insert((*name).into(), object(fields));
    }
    let event = |(kind, schema): &(&str, &str)| {
        let kind = json!({
            "type": "object", "properties": { "kind": { "const": kind } }, "required": ["kind"],
        });
        json!({ "allOf": [kind, reference("schemas", schema)] })
    };
    let events: Vec<Value> = EVENTS.iter().map(event).collect();
    all.insert("Event".into(), json!({ "oneOf": events }));
    Value::Object(all)
}

fn object(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.name.to_owned(), typed(field.is))).collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| field.required).map(|field| field.name).collect();
    json!({ "type": "object", "properties": properties, "required": required })
}

fn typed(is: Type) -> Value {
    match is {
        Type::Text => json!({ "type": "string" }),
        Type::Integer => json!({ "type": "integer" }),
        Type::Flag => json!({ "type": "boolean" }),
        Type::Word(words) => json!({ "type": "string", "enum": words }),
        Type::State => {
            json!({ "type": "string", "enum": State::ALL.map(State::name) })
        }
        Type::Code => json!({ "type": "integer", "maximum": 0 }),
        Type::Texts => json!({ "type": "array", "items": { "type": "string" } }),
        Type::One(name) => reference("schemas", name),
        Type::Many(name) => json!({ "type": "array", "items": reference("schemas", name) }),
    }
}

fn errors() -> Value {
    let all = TABLE.iter().filter(|(code, ..)| *code != Code::OK);
    let error = |(code, name, sentence): &(Code, &str, &str)| {
        let error = json!({ "code": code.0, "message": sentence, "data": { "name": name } });
        ((*name).to_owned(), error)
    };
    Value::Object(all.map(error).collect())
}
