//! What holds for every question about accounts, lotteries and gifts.

use alitv_pay::core::call::{DoubtKind, Reply};
use alitv_pay::gateway::{Gateway, HttpAnswer, Prepared};
use alitv_pay::limits::JSON_STRING_BYTES_MAX;
use alitv_pay::wire::device::ServiceResult;
use alitv_pay::wire::secret::Secret;
use serde_json::{json, Value};

use crate::cases::{cases, Case, Worth};
use crate::kit::*;

fn good(case: &Case, prepared: &Prepared) -> HttpAnswer {
    let result = ServiceResult::success(with_echo(prepared, &case.members));
    answer(case.method, &result, Some(&secret()))
}

fn worth(reply: &Reply) -> Worth {
    match reply {
        Reply::Rejected { .. } => Worth::Rejected,
        Reply::InDoubt(doubt) if doubt.kind == DoubtKind::Gateway => Worth::Doubt,
        Reply::NoSession => Worth::NoSession,
        Reply::Done => Worth::Done,
        other => panic!("{other:?}"),
    }
}

/// The members that only say what was asked, as a refusal has them.
fn repeated(case: &Case) -> Value {
    let mut members = json!({});
    for name in case.repeated {
        members[name] = case.members[name].clone();
    }
    members
}

#[test]
fn a_genuine_answer_is_believed() {
    for case in cases() {
        for url in [HTTP, HTTPS] {
            let reply = reply_to(url, &case.call, |p| good(&case, p));
            assert_eq!(reply, case.reply, "{:?}", case.call);
        }
    }
}

/// These methods are ours, or change something: https alone does not vouch for the answer.
#[test]
fn an_answer_must_be_signed_by_the_app_secret() {
    let other = Secret::new("another").unwrap();
    for case in cases() {
        for (url, key, nonce) in [
            (HTTPS, None, false),
            (HTTP, None, false),
            (HTTPS, None, true),
            (HTTPS, Some(&other), true),
            (HTTP, Some(&other), true),
        ] {
            let reply = reply_to(url, &case.call, |p| {
                let data = with_echo(p, &case.members);
                let data = if nonce { data } else { without(&data, "nonce") };
                answer(case.method, &ServiceResult::success(data), key)
            });
            assert_eq!(doubt_kind(&reply), DoubtKind::Signature, "{:?} {url}", case.call);
        }
    }
}

#[test]
fn an_answer_must_repeat_the_request() {
    for case in cases() {
        let names = ["nonce", "app_key"].iter().chain(case.repeated);
        for name in names {
            for value in [json!("another"), json!("8"), Value::Null] {
                // A record's number is no text, so that "another" is no number at all.
                if *name == "record_id" && value == json!("another") {
                    continue;
                }
                for success in [true, false] {
                    let reply = reply_to(HTTP, &case.call, |p| {
                        let members = if success { case.members.clone() } else { repeated(&case) };
                        let data = with_echo(p, &members);
                        let data = match value.is_null() {
                            true => without(&data, name),
                            false => with(&data, name, value.clone()),
                        };
                        let result = match success {
                            true => ServiceResult::success(data),
                            false => ServiceResult::refusal("SOME_REASON", "", data),
                        };
                        answer(case.method, &result, Some(&secret()))
                    });
                    let kind = doubt_kind(&reply);
                    assert_eq!(kind, DoubtKind::Signature, "{:?} {name} {value}", case.call);
                }
            }
        }
        let none: ServiceResult<Value> =
            ServiceResult { data: None, ..ServiceResult::success(json!(0)) };
        let reply = reply_to(HTTP, &case.call, |_| answer(case.method, &none, Some(&secret())));
        assert_eq!(doubt_kind(&reply), DoubtKind::Signature, "{:?} without data", case.call);
    }
}

#[test]
fn an_answer_to_another_request_is_not_believed() {
    for case in cases() {
        let gateway = gateway(HTTP);
        let first = gateway.encode(&case.call, SERVER_MS).unwrap();
        let second = gateway.encode(&case.call, SERVER_MS).unwrap();
        let replayed = gateway.decode(&case.call, &second, &good(&case, &first));
        assert_eq!(doubt_kind(&replayed), DoubtKind::Signature, "{:?}", case.call);
        for other in cases().iter().filter(|other| other.method != case.method) {
            let crossed = gateway.decode(&case.call, &second, &good(other, &second));
            assert_eq!(doubt_kind(&crossed), DoubtKind::Gateway, "{:?}", case.call);
        }
    }
}

#[test]
fn what_is_missing_is_not_made_up() {
    for case in cases() {
        for name in case.needed {
            let reply = reply_to_data(&case.call, case.method, &without(&case.members, name));
            assert_eq!(doubt_kind(&reply), DoubtKind::Gateway, "{:?} {name}", case.call);
            let reply = reply_to_data(&case.call, case.method, &with(&case.members, name, 0.5));
            assert_eq!(doubt_kind(&reply), DoubtKind::Gateway, "{:?} {name}", case.call);
        }
        // Whatever is not needed may be missing.
        for (name, _) in case.members.as_object().unwrap() {
            if !case.needed.contains(&name.as_str()) && !case.repeated.contains(&name.as_str()) {
                let reply = reply_to_data(&case.call, case.method, &without(&case.members, name));
                assert!(!matches!(reply, Reply::InDoubt(_)), "{:?} {name}: {reply:?}", case.call);
            }
        }
    }
}

/// Signed, and still no answer: two readers would see two things, or too much.
#[test]
fn doubled_members_and_endless_strings_are_no_answer() {
    for case in cases() {
        for (name, value) in case.members.as_object().unwrap() {
            let once = format!("\"{name}\":");
            let reply = reply_to(HTTP, &case.call, |p| {
                let data = with_echo(p, &case.members).to_string();
                let doubled = data.replacen(&once, &format!("{once}{value},{once}"), 1);
                assert_ne!(data, doubled);
                signed_text(case.method, &doubled)
            });
            assert_eq!(doubt_kind(&reply), DoubtKind::Gateway, "{:?} {name} twice", case.call);
        }
        let endless = "x".repeat(JSON_STRING_BYTES_MAX + 1);
        let reply = reply_to_data(&case.call, case.method, &with(&case.members, "new", endless));
        assert_eq!(doubt_kind(&reply), DoubtKind::Gateway, "{:?} endless", case.call);
    }
}

/// An answer with this text as its data, rightly signed.
fn signed_text(method: &str, data: &str) -> HttpAnswer {
    let data = serde_json::value::RawValue::from_string(data.to_owned()).unwrap();
    answer(method, &ServiceResult::success(data), Some(&secret()))
}

#[test]
fn a_refusal_is_believed_where_it_is_definite() {
    for case in cases() {
        let refuse = |code: &str| reply_to_refusal(&case.call, case.method, code, &repeated(&case));
        let reply = refuse("SOME_REASON");
        assert_eq!(worth(&reply), case.refusal, "{:?}", case.call);
        if let Reply::Rejected { code, text } = reply {
            assert_eq!((code.as_str(), text.as_str()), ("SOME_REASON", "no"));
        }
        for undecided in ["SYSTEM_ERROR", "isp.remote-service-timeout", ""] {
            assert_eq!(worth(&refuse(undecided)), Worth::Doubt, "{:?} {undecided}", case.call);
        }
        let no_session = match case.no_session {
            Worth::Doubt => case.refusal,
            other => other,
        };
        assert_eq!(worth(&refuse("SESSION_INVALID")), no_session, "{:?}", case.call);
    }
}

#[test]
fn errors_of_the_platform_are_believed_where_that_does_no_harm() {
    for case in cases() {
        let reply = |code, sub_code: &str, sub_msg: &str| {
            reply_to(HTTPS, &case.call, |_| error(code, sub_code, sub_msg))
        };
        for (code, sub_code) in [(25, "isv.invalid-signature"), (29, ""), (41, "isv.invalid-x")] {
            assert_eq!(worth(&reply(code, sub_code, "")), case.error, "{:?} {code}", case.call);
        }
        for (code, sub_code) in [(10, ""), (15, "isp.remote-service-error"), (999, "")] {
            assert_eq!(worth(&reply(code, sub_code, "")), Worth::Doubt, "{:?} {code}", case.call);
        }
        for code in [26, 27] {
            assert_eq!(worth(&reply(code, "", "")), case.no_session, "{:?} {code}", case.call);
        }
        let ban = "This ban will last for 12 more seconds";
        assert_eq!(reply(7, "", ban), Reply::Throttled { after_s: 12 }, "{:?}", case.call);
        assert_eq!(doubt_kind(&reply(31, "", "")), DoubtKind::Clock, "{:?}", case.call);
    }
}

/// Every byte of a genuine answer, replaced, left out or doubled.
#[test]
fn no_changed_byte_changes_what_is_said() {
    for case in cases() {
        let gateway = gateway(HTTPS);
        let prepared = gateway.encode(&case.call, SERVER_MS).unwrap();
        let genuine = good(&case, &prepared).body.into_bytes();
        for at in 0..genuine.len() {
            let replaced = [b'0', b'"', b'}', genuine[at] ^ 1, genuine[at] ^ 32].map(|byte| {
                let mut body = genuine.clone();
                body[at] = byte;
                body
            });
            let without = [&genuine[..at], &genuine[at + 1..]].concat();
            let doubled = [&genuine[..at], &genuine[at..=at], &genuine[at..]].concat();
            for body in replaced.into_iter().chain([without, doubled, genuine[..at].to_vec()]) {
                let Ok(body) = String::from_utf8(body) else { continue };
                let reply = gateway.decode(&case.call, &prepared, &text(body));
                let harmless = matches!(reply, Reply::InDoubt(_)) || reply == case.reply;
                assert!(harmless, "{:?} byte {at}: {reply:?}", case.call);
            }
        }
    }
}
