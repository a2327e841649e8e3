//! The merchant's client of the TOP gateway: asks where an order stands, takes charges of
//! subscriptions.
//!
//! Nothing in an answer is signed. It is believed because it came over https from the
//! configured host, or because it is play money; and of an order only what decrypts with the
//! merchant's key and names the order that was asked for. Everything else is in doubt, which
//! decides nothing. The client sends what it is told to send, once, or twice if the gateway
//! finds the timestamp wrong; it never waits.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::core::call::{Doubt, DoubtKind};
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, OrderId};
use crate::gateway::alitv::clean;
use crate::gateway::{url, Environment, HttpMethod, HttpRequest, Transport};
use crate::limits::{
    GATEWAY_TEXT_BYTES_MAX, HTTP_DEADLINE_S, MESSAGE_BYTES_MAX, THROTTLE_S_DEFAULT, THROTTLE_S_MAX,
};
use crate::wire::blocks::decrypt;
use crate::wire::device::{ServerDateData, ServiceResult, SERVER_DATE_GET, SYSTEM_ERROR};
use crate::wire::json::{read_object, JsonError};
use crate::wire::keys::PrivateKey;
use crate::wire::partner::{
    read_query, read_renewal, PartnerOrder, PartnerReply, PartnerStatus, RenewalCode, RenewalPay,
    ORDER_NOT_FOUND, ORDER_QUERY, RENEWAL_PAY,
};
use crate::wire::secret::Secret;
use crate::wire::sign::{sign, SignMethod};
use crate::wire::top::{parse_answer, Answer, ErrorResponse, Params};

/// Whom to ask, and as whom.
pub struct ClientConfig {
    /// Whether money is real.
    pub environment: Environment,
    /// Such as `https://eco.taobao.com/router/rest`.
    pub url: String,
    /// Allows an `http` URL; legal in the sandbox environment only.
    pub allow_http: bool,
    /// The app whose orders they are.
    pub app_key: AppKey,
    /// What requests are signed with.
    pub app_secret: Arc<Secret>,
}

/// The client. Share it between threads.
pub struct Client {
    app_key: AppKey,
    secret: Arc<Secret>,
    url: String,
    transport: Arc<dyn Transport>,
    /// How far the gateway's clock is ahead of ours, milliseconds; 0 until it says so.
    ahead_ms: AtomicI64,
}

/// What a question about an order came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryOutcome {
    /// The order that was asked for, as the platform has it.
    Order(PartnerOrder),
    /// The platform knows no such order of this app. An order that nobody has looked at on a
    /// phone may be answered so.
    NotFound,
    /// The question was refused. That says nothing about the order.
    Refused {
        /// A word of the platform, or the number of an `error_response` with its `sub_code`
        /// behind a slash, such as `25/isv.invalid-signature`. `advice::of_code` knows them.
        code: String,
        /// The platform's sentence.
        message: String,
    },
    /// Too often: ask again after `wait_s` seconds.
    Limited {
        /// 1 to `THROTTLE_S_MAX`.
        wait_s: u32,
    },
    /// No answer that can be believed.
    InDoubt(Doubt),
}

/// What a charge came to. Only `Status` says that the platform has carried it out; after
/// `InDoubt` it may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeOutcome {
    /// There is an order for the charge, and this is its status. The answer names neither
    /// order nor price: before goods are granted, ask for the order.
    Status(PartnerStatus),
    /// A rule of subscriptions forbids it.
    Refused(RenewalCode, String),
    /// Refused for another reason, as `QueryOutcome::Refused`.
    RefusedOther {
        /// As there.
        code: String,
        /// The platform's sentence.
        message: String,
    },
    /// Too often: not carried out; again after `wait_s` seconds.
    Limited {
        /// 1 to `THROTTLE_S_MAX`.
        wait_s: u32,
    },
    /// No answer that can be believed: the charge may have been carried out.
    InDoubt(Doubt),
}

/// Why the gateway's clock is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockError {
    /// The question was refused, as `QueryOutcome::Refused`: so will be every other.
    Refused {
        /// As there.
        code: String,
        /// The platform's sentence.
        message: String,
    },
    /// No answer that can be believed.
    InDoubt(Doubt),
}

impl From<Doubt> for ClockError {
    fn from(doubt: Doubt) -> ClockError {
        ClockError::InDoubt(doubt)
    }
}

/// Asks where an order stands.
pub trait Ask: Send + Sync {
    /// One question. Blocks as long as the gateway takes.
    fn order_query(&self, order: &OrderId) -> QueryOutcome;
}

/// A client with the key that its answers are encrypted to.
pub struct Asker {
    /// Who asks.
    pub client: Arc<Client>,
    /// The merchant's key.
    pub key: PrivateKey,
}

impl Ask for Asker {
    fn order_query(&self, order: &OrderId) -> QueryOutcome {
        self.client.order_query(order, &self.key)
    }
}

impl Client {
    /// Refuses an address that answers cannot be believed from.
    ///
    /// # Errors
    /// `Code::CONFIG` with a sentence about `top.url` or `allow_http`.
    pub fn new(config: ClientConfig, transport: Arc<dyn Transport>) -> Result<Client, Refusal> {
        url::check_gateway("top.url", &config.url, config.allow_http, config.environment)
            .map_err(|why| Refusal::new(Code::CONFIG, why))?;
        Ok(Client {
            app_key: config.app_key,
            secret: config.app_secret,
            url: config.url,
            transport,
            ahead_ms: AtomicI64::new(0),
        })
    }

    /// Where an order stands.
    pub fn order_query(&self, order: &OrderId, key: &PrivateKey) -> QueryOutcome {
        let mut own = Params::new();
        own.set("order_no", order.as_str());
        let sealed = match self.call(ORDER_QUERY, &own, read_query) {
            Ok(PartnerReply::Good(sealed)) => sealed,
            Ok(PartnerReply::Refused { code, .. }) if code == ORDER_NOT_FOUND => {
                return QueryOutcome::NotFound;
            }
            Ok(PartnerReply::Refused { code, message }) => {
                return match refusal(&code, &message) {
                    Ok((code, message)) => QueryOutcome::Refused { code, message },
                    Err(doubt) => QueryOutcome::InDoubt(doubt),
                };
            }
            Ok(PartnerReply::Error(error)) => {
                return match said(&error) {
                    Said::Limited { wait_s } => QueryOutcome::Limited { wait_s },
                    Said::Refused { code, message } => QueryOutcome::Refused { code, message },
                    Said::InDoubt(doubt) => QueryOutcome::InDoubt(doubt),
                };
            }
            Err(doubt) => return QueryOutcome::InDoubt(doubt),
        };
        open(&sealed, order, key).map_or_else(QueryOutcome::InDoubt, QueryOutcome::Order)
    }

    /// Takes a charge. The same charge sent again has the same number, by which the platform
    /// knows that it was taken.
    pub fn renewal_pay(&self, charge: &RenewalPay) -> ChargeOutcome {
        let mut own = Params::new();
        charge.clone().into_params(&mut own);
        match self.call(RENEWAL_PAY, &own, read_renewal) {
            Ok(PartnerReply::Good(status)) => ChargeOutcome::Status(status),
            Ok(PartnerReply::Refused { code, message }) => match RenewalCode::parse(&code) {
                Some(code) => ChargeOutcome::Refused(code, clean(&message, MESSAGE_BYTES_MAX)),
                None => match refusal(&code, &message) {
                    Ok((code, message)) => ChargeOutcome::RefusedOther { code, message },
                    Err(doubt) => ChargeOutcome::InDoubt(doubt),
                },
            },
            Ok(PartnerReply::Error(error)) => match said(&error) {
                Said::Limited { wait_s } => ChargeOutcome::Limited { wait_s },
                Said::Refused { code, message } => ChargeOutcome::RefusedOther { code, message },
                Said::InDoubt(doubt) => ChargeOutcome::InDoubt(doubt),
            },
            Err(doubt) => ChargeOutcome::InDoubt(doubt),
        }
    }

    /// The gateway's clock, Unix milliseconds. Later requests are signed with it.
    ///
    /// # Errors
    /// Nothing that can be believed, or a refusal, as a doubt.
    pub fn clock_ms(&self) -> Result<i64, Doubt> {
        self.clock().map_err(|error| match error {
            ClockError::Refused { message, .. } => doubt(DoubtKind::Gateway, message),
            ClockError::InDoubt(doubt) => doubt,
        })
    }

    /// As `clock_ms`, with a refusal for what it is.
    ///
    /// # Errors
    /// Nothing that can be believed, or a refusal.
    pub fn clock(&self) -> Result<i64, ClockError> {
        let answer = self.send(SERVER_DATE_GET, &Params::new())?;
        let node = match parse_answer(SERVER_DATE_GET, &answer).map_err(unusable)? {
            Answer::Error(error) => {
                return Err(match said(&error) {
                    Said::Refused { code, message } => ClockError::Refused { code, message },
                    Said::InDoubt(doubt) => ClockError::InDoubt(doubt),
                    Said::Limited { .. } => unusable(sentence(&error)).into(),
                });
            }
            Answer::Node(node) => node,
        };
        let result = node.raw("result").ok_or_else(|| unusable("the answer has no result"))?;
        let result: ServiceResult<ServerDateData> = read_object(result.get()).map_err(unusable)?;
        let server_ms = result.data.filter(|_| result.success).and_then(|data| data.server_date);
        let server_ms = server_ms.filter(|ms| *ms > 0).ok_or_else(|| unusable("no server_date"))?;
        self.ahead_ms.store(server_ms.saturating_sub(now_ms()), Ordering::Relaxed);
        Ok(server_ms)
    }

    /// Sends, and sends once more with the gateway's own clock if it finds ours wrong: such a
    /// request was not carried out.
    fn call<T>(
        &self,
        method: &str,
        own: &Params,
        read: fn(&str) -> Result<PartnerReply<T>, JsonError>,
    ) -> Result<PartnerReply<T>, Doubt> {
        let once = || read(&self.send(method, own)?).map_err(unusable);
        match once()? {
            PartnerReply::Error(error) if error.is_about_the_clock() => {
                self.clock_ms()?;
                once()
            }
            reply => Ok(reply),
        }
    }

    fn send(&self, method: &str, own: &Params) -> Result<String, Doubt> {
        let server_ms = now_ms().saturating_add(self.ahead_ms.load(Ordering::Relaxed));
        let sign_method = SignMethod::HmacSha256;
        let mut params = Params::common(method, self.app_key.as_str(), server_ms, sign_method);
        own.iter().for_each(|(name, value)| params.set(name, value));
        params.set("sign", sign(&params, &self.secret, sign_method));
        let request = HttpRequest {
            method: HttpMethod::Post,
            url: self.url.clone(),
            body: params.encode_form(),
            deadline_s: HTTP_DEADLINE_S,
        };
        Ok(self.transport.send(&request)?.body)
    }
}

/// What an `error_response` says to the caller.
enum Said {
    Limited { wait_s: u32 },
    Refused { code: String, message: String },
    InDoubt(Doubt),
}

/// The platform's numbers for a request that is wrong in itself, so that it did nothing.
const CALLERS_FAULT: [i64; 20] =
    [9, 11, 12, 13, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 32, 33, 34, 40, 41, 43];

fn said(error: &ErrorResponse) -> Said {
    if error.is_about_the_clock() {
        return Said::InDoubt(doubt(DoubtKind::Clock, sentence(error)));
    }
    if error.is_too_often() {
        let wait_s = error.ban_s().unwrap_or(THROTTLE_S_DEFAULT).clamp(1, THROTTLE_S_MAX);
        return Said::Limited { wait_s };
    }
    let callers = CALLERS_FAULT.contains(&error.code) || error.sub_code.starts_with("isv.");
    if callers && !error.sub_code.starts_with("isp.") {
        let code = match error.sub_code.as_str() {
            "" => error.code.to_string(),
            sub_code => format!("{}/{sub_code}", error.code),
        };
        let code = clean(&code, GATEWAY_TEXT_BYTES_MAX);
        return Said::Refused { code, message: sentence(error) };
    }
    Said::InDoubt(doubt(DoubtKind::Gateway, sentence(error)))
}

/// A refusal of the method itself; one that blames the platform decides nothing.
fn refusal(code: &str, message: &str) -> Result<(String, String), Doubt> {
    let (code, message) = (clean(code, GATEWAY_TEXT_BYTES_MAX), clean(message, MESSAGE_BYTES_MAX));
    match code == SYSTEM_ERROR || code.starts_with("isp.") {
        true => Err(doubt(DoubtKind::Gateway, format!("refused: {code} {message}"))),
        false => Ok((code, message)),
    }
}

/// Opens an order that was encrypted for us. That it decrypts proves nothing, since the key
/// it was encrypted with is public.
fn open(sealed: &str, order: &OrderId, key: &PrivateKey) -> Result<PartnerOrder, Doubt> {
    let not_ours = "the order cannot be read with this private key: the platform may have \
        another public key of yours";
    let text = decrypt(key, sealed).map_err(|_| doubt(DoubtKind::Signature, not_ours))?;
    let read = PartnerOrder::parse(&text).map_err(|_| doubt(DoubtKind::Signature, not_ours))?;
    if read.partner_order_no != order.as_str() {
        return Err(doubt(DoubtKind::Signature, "the answer is about another order"));
    }
    Ok(read)
}

fn sentence(error: &ErrorResponse) -> String {
    let parts = [&error.code.to_string(), &error.msg, &error.sub_code, &error.sub_msg];
    let said: Vec<&str> = parts.into_iter().map(String::as_str).filter(|s| !s.is_empty()).collect();
    said.join(" / ")
}

fn unusable(why: impl ToString) -> Doubt {
    doubt(DoubtKind::Gateway, why.to_string())
}

fn doubt(kind: DoubtKind, detail: impl AsRef<str>) -> Doubt {
    Doubt { kind, detail: clean(detail.as_ref(), MESSAGE_BYTES_MAX) }
}

/// Unix milliseconds by the clock of this machine.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::*;
    use crate::gateway::HttpAnswer;
    use crate::money::Fen;
    use crate::wire::blocks::encrypt;
    use crate::wire::partner::{query_result, refused_result, renewal_result};
    use crate::wire::sign::verify;
    use crate::wire::time::parse_timestamp;
    use crate::wire::top::response;
    use serde_json::value::to_raw_value;
    use serde_json::{json, Value};

    /// Gives out what it was told to, and keeps what was sent.
    #[derive(Default)]
    struct Script {
        answers: Mutex<VecDeque<Result<String, Doubt>>>,
        sent: Mutex<Vec<Params>>,
    }

    impl Transport for Script {
        fn send(&self, request: &HttpRequest) -> Result<HttpAnswer, Doubt> {
            assert_eq!((request.method, request.url.as_str()), (HttpMethod::Post, URL));
            self.sent.lock().unwrap().push(Params::union("", &request.body).unwrap());
            let answer = self.answers.lock().unwrap().pop_front().expect("one call too many");
            answer.map(|body| HttpAnswer { body })
        }
    }

    const URL: &str = "http://127.0.0.1:9/router/rest";
    const KEY: &str = include_str!("../sandbox/demo-keys/public-demo-merchant-private.pem");

    struct Stage {
        script: Arc<Script>,
        asker: Asker,
    }

    fn config(environment: Environment, url: &str, allow_http: bool) -> ClientConfig {
        ClientConfig {
            environment,
            url: url.into(),
            allow_http,
            app_key: AppKey::new("23012345").unwrap(),
            app_secret: Arc::new(Secret::new("s3cret").unwrap()),
        }
    }

    fn stage(answers: impl IntoIterator<Item = Result<String, Doubt>>) -> Stage {
        let script = Arc::new(Script::default());
        *script.answers.lock().unwrap() = answers.into_iter().collect();
        let client = Client::new(config(Environment::Sandbox, URL, true), script.clone()).unwrap();
        let key = PrivateKey::read(KEY).unwrap();
        Stage { script, asker: Asker { client: Arc::new(client), key } }
    }

    fn query(answer: String) -> QueryOutcome {
        stage([Ok(answer)]).asker.order_query(&order_no())
    }

    fn pay(answer: String) -> ChargeOutcome {
        stage([Ok(answer)]).asker.client.renewal_pay(&charge())
    }

    fn order_no() -> OrderId {
        OrderId::new("R1_r1").unwrap()
    }

    fn charge() -> RenewalPay {
        RenewalPay {
            partner_notify_url: "http://cp.example.com/n".into(),
            partner_order_no: "R1_r1".into(),
            price: Fen::new(1_500).unwrap(),
            ref_order_no: "R1".into(),
            seq: 1,
            subject: "影视包月".into(),
            subject_id: "vip_month".into(),
        }
    }

    fn order() -> PartnerOrder {
        PartnerOrder {
            partner_order_no: "R1_r1".into(),
            alipay_trade_no: "2016072021001004220287654321".into(),
            order_status: PartnerStatus::TradeSuccess,
            price: Fen::new(1_500).unwrap(),
            subject: "影视包月".into(),
            subject_id: "vip_month".into(),
            buyer_logon_id: "138****0001".into(),
        }
    }

    fn body(method: &str, result: &Value) -> String {
        response(method, &[("result", &to_raw_value(result).unwrap())], "r1")
    }

    fn sealed(text: &str) -> String {
        let key = PrivateKey::read(KEY).unwrap().public();
        body(ORDER_QUERY, &query_result(&encrypt(&key, text.as_bytes()).unwrap()))
    }

    fn error(code: i64, sub_code: &str, sub_msg: &str) -> String {
        let error = ErrorResponse {
            code,
            msg: "said so".into(),
            sub_code: sub_code.into(),
            sub_msg: sub_msg.into(),
            request_id: "r1".into(),
        };
        error.encode()
    }

    fn date(server_ms: i64) -> String {
        let result =
            json!({ "success": true, "code": "success", "data": { "server_date": server_ms } });
        body(SERVER_DATE_GET, &result)
    }

    fn kind_of(outcome: &QueryOutcome) -> Option<DoubtKind> {
        match outcome {
            QueryOutcome::InDoubt(doubt) => Some(doubt.kind),
            _ => None,
        }
    }

    #[test]
    fn a_question_is_signed_and_its_answer_opened() {
        let stage = stage([Ok(sealed(&order().encode()))]);
        assert_eq!(stage.asker.order_query(&order_no()), QueryOutcome::Order(order()));
        let sent = stage.script.sent.lock().unwrap();
        assert_eq!(sent[0].get("method"), Some(ORDER_QUERY));
        assert_eq!(sent[0].get("order_no"), Some("R1_r1"));
        assert_eq!(verify(&sent[0], &Secret::new("s3cret").unwrap()), Ok(()));
        let sent_ms = parse_timestamp(sent[0].get("timestamp").unwrap()).unwrap();
        assert!((now_ms() - sent_ms).abs() < 60_000);
    }

    /// Each is an answer that somebody could send. None may pass for an order.
    #[test]
    fn what_is_not_the_order_asked_for_is_in_doubt() {
        let other = PartnerOrder { partner_order_no: "R1_r2".into(), ..order() };
        let good = sealed(&order().encode());
        let strange = PrivateKey::generate(1024).unwrap().public();
        let strange = encrypt(&strange, order().encode().as_bytes()).unwrap();
        let cases = [
            (sealed(&other.encode()), DoubtKind::Signature),
            (sealed("{}"), DoubtKind::Signature),
            (sealed(&order().encode().replace("1500", "15.00")), DoubtKind::Signature),
            (body(ORDER_QUERY, &query_result(&strange)), DoubtKind::Signature),
            (body(ORDER_QUERY, &query_result("QUJD")), DoubtKind::Signature),
            (body(ORDER_QUERY, &query_result("")), DoubtKind::Signature),
            (body(ORDER_QUERY, &query_result("not base64")), DoubtKind::Signature),
            (body(ORDER_QUERY, &json!(order())), DoubtKind::Gateway),
            (good.replace("tvpay_partner", "tvpay_other"), DoubtKind::Gateway),
            (good[..good.len() / 2].to_owned(), DoubtKind::Gateway),
            (good.replace("\"code\":\"success\"", "\"code\":\"FAIL\""), DoubtKind::Gateway),
            ("<html>".into(), DoubtKind::Gateway),
            (String::new(), DoubtKind::Gateway),
            ("success".into(), DoubtKind::Gateway),
            (body(ORDER_QUERY, &refused_result(SYSTEM_ERROR, "busy")), DoubtKind::Gateway),
            (body(ORDER_QUERY, &refused_result("", "")), DoubtKind::Gateway),
            (error(15, "isp.top-remote-connection-timeout", ""), DoubtKind::Gateway),
            (error(10, "", ""), DoubtKind::Gateway),
            (error(999, "", ""), DoubtKind::Gateway),
        ];
        for (answer, kind) in cases {
            assert_eq!(kind_of(&query(answer.clone())), Some(kind), "{answer}");
        }
        let down = Doubt { kind: DoubtKind::Network, detail: "refused".into() };
        let outcome = stage([Err(down.clone())]).asker.order_query(&order_no());
        assert_eq!(outcome, QueryOutcome::InDoubt(down));
    }

    #[test]
    fn refusals_are_told_apart_from_doubt() {
        let not_found = refused_result(ORDER_NOT_FOUND, "no such order");
        assert_eq!(query(body(ORDER_QUERY, &not_found)), QueryOutcome::NotFound);
        let cases = [
            (
                body(ORDER_QUERY, &refused_result("PUBLIC_KEY_NOT_SET", "none")),
                "PUBLIC_KEY_NOT_SET",
            ),
            (error(25, "", ""), "25"),
            (error(29, "isv.appkey-not-exists", ""), "29/isv.appkey-not-exists"),
            (
                error(11, "isv.permission-ip-whitelist-limit", ""),
                "11/isv.permission-ip-whitelist-limit",
            ),
            (error(15, "isv.trade-not-exist", ""), "15/isv.trade-not-exist"),
            (
                error(41, "isv.invalid-parameter:order_no", "long"),
                "41/isv.invalid-parameter:order_no",
            ),
        ];
        for (answer, wanted) in cases {
            match query(answer) {
                QueryOutcome::Refused { code, message } => {
                    assert!(code == wanted && !message.is_empty(), "{code} {message}");
                }
                other => panic!("{wanted}: {other:?}"),
            }
        }
    }

    #[test]
    fn a_ban_says_how_long() {
        let ban = |n: &str| format!("This ban will last for {n} more seconds");
        let sub_code = "accesscontrol.limited-by-app-access-count";
        for (sub_msg, wait_s) in [
            (ban("12"), 12),
            (ban("0"), 1),
            (ban("999999"), THROTTLE_S_MAX),
            (String::new(), THROTTLE_S_DEFAULT),
        ] {
            assert_eq!(query(error(7, sub_code, &sub_msg)), QueryOutcome::Limited { wait_s });
            assert_eq!(pay(error(7, sub_code, &sub_msg)), ChargeOutcome::Limited { wait_s });
        }
        let other = error(0, "isp.call-limited", "");
        assert_eq!(query(other), QueryOutcome::Limited { wait_s: THROTTLE_S_DEFAULT });
    }

    #[test]
    fn a_wrong_clock_is_set_by_the_gateway_and_the_request_sent_once_more() {
        let hour_ahead = now_ms() + 3_600_000;
        let answers = [error(31, "", ""), date(hour_ahead), sealed(&order().encode())];
        let stage = stage(answers.map(Ok));
        assert_eq!(stage.asker.order_query(&order_no()), QueryOutcome::Order(order()));
        let sent = stage.script.sent.lock().unwrap();
        let methods: Vec<_> = sent.iter().filter_map(|params| params.get("method")).collect();
        assert_eq!(methods, [ORDER_QUERY, SERVER_DATE_GET, ORDER_QUERY]);
        let last_ms = parse_timestamp(sent[2].get("timestamp").unwrap()).unwrap();
        assert!((hour_ahead - last_ms).abs() < 60_000);
    }

    #[test]
    fn a_clock_that_cannot_be_set_decides_nothing() {
        let cases: [Vec<String>; 4] = [
            vec![error(31, "", ""), date(now_ms()), error(31, "", "")],
            vec![error(31, "", ""), error(10, "", "")],
            vec![error(31, "", ""), date(0)],
            vec![error(31, "", ""), body(SERVER_DATE_GET, &json!({ "success": false }))],
        ];
        for answers in cases {
            let outcome = stage(answers.into_iter().map(Ok)).asker.client.renewal_pay(&charge());
            assert!(matches!(outcome, ChargeOutcome::InDoubt(_)), "{outcome:?}");
        }
    }

    #[test]
    fn a_charge_is_answered_by_a_status_or_a_word() {
        for word in ["TRADE_SUCCESS", "WAIT_BUYER_PAY", "TRADE_CLOSED", "TRADE_PENDING"] {
            let status = PartnerStatus::parse(word);
            let answer = body(RENEWAL_PAY, &renewal_result(&status));
            assert_eq!(pay(answer), ChargeOutcome::Status(status));
        }
        for code in RenewalCode::ALL {
            let answer = body(RENEWAL_PAY, &refused_result(code.as_str(), "no\u{1b}[2J"));
            assert_eq!(pay(answer), ChargeOutcome::Refused(code, "no[2J".into()));
        }
        let other = pay(body(RENEWAL_PAY, &refused_result("NEW_RULE", "no")));
        let wanted = ChargeOutcome::RefusedOther { code: "NEW_RULE".into(), message: "no".into() };
        assert_eq!(other, wanted);
        for doubtful in [
            body(RENEWAL_PAY, &refused_result(SYSTEM_ERROR, "")),
            body(RENEWAL_PAY, &refused_result("isp.remote-service-error", "")),
            error(15, "isp.remote-service-timeout", ""),
            body(RENEWAL_PAY, &query_result("QUJD")),
            sealed(&order().encode()),
        ] {
            let outcome = pay(doubtful.clone());
            assert!(matches!(outcome, ChargeOutcome::InDoubt(_)), "{doubtful}: {outcome:?}");
        }
    }

    #[test]
    fn production_is_asked_over_https_only() {
        let client = |environment, url, allow_http| {
            let refused =
                Client::new(config(environment, url, allow_http), Arc::new(Script::default()));
            refused.map(drop).map_err(|refusal| refusal.message)
        };
        let https = "https://eco.taobao.com/router/rest";
        assert_eq!(client(Environment::Production, https, false), Ok(()));
        for (environment, url, allow_http, word) in [
            (Environment::Production, URL, false, "https"),
            (Environment::Production, URL, true, "allow_http"),
            (Environment::Sandbox, URL, false, "https"),
            (Environment::Sandbox, "ftp://x/", true, "top.url"),
        ] {
            let refused = client(environment, url, allow_http).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
    }
}
