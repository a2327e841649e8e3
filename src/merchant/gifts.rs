//! Gift records at gateway.6uu.com: which wait for a user, and that one was given out.
//!
//! The platform documents that gateway with plain http and signs no answer, so whoever stands
//! between can invent records. An answer over http is a hint, over https it is the word of the
//! host. Goods are granted first, keyed by the record, and then the record is marked: a mark
//! that comes first and a crash behind it would lose the goods.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::config::Config;
use crate::core::award::GiftId;
use crate::core::call::{Doubt, DoubtKind};
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::core::user::UserId;
use crate::gateway::alitv::clean;
use crate::gateway::{HttpMethod, HttpRequest, Transport};
use crate::limits::{GATEWAY_TEXT_BYTES_MAX, HTTP_DEADLINE_S, MESSAGE_BYTES_MAX};
use crate::wire::baodian::{
    read_coin_marked, read_coin_records, CoinCall, CoinReply, CoinRequest, ILLEGAL_ARGUMENT,
    ILLEGAL_SIGNATURE, SIGNATURE_EXPIRED,
};
pub use crate::wire::baodian::{CoinRecord, GiftFilter};
use crate::wire::device::{ParamError, AUTH_REQUIRED, RECORD_NOT_FOUND, RECORD_STATUS_INVALID};
use crate::wire::json::JsonError;
use crate::wire::secret::Secret;

/// The client. It never waits and sends each request once.
pub struct Client {
    app_key: AppKey,
    secret: Arc<Secret>,
    url: String,
    transport: Arc<dyn Transport>,
}

/// What a question or a mark came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome<T> {
    /// The gateway says that it was done.
    Done(T),
    /// It was refused and not carried out. `advice::of_gift` knows the codes.
    Refused {
        /// Such as `RECORD_NOT_FOUND`.
        code: String,
        /// The gateway's sentence.
        message: String,
    },
    /// No answer, one that cannot be used, `FAIL`, or a code that is not known: a mark may have
    /// been carried out. Repeat it; `RECORD_STATUS_INVALID` then means that it probably was.
    InDoubt(Doubt),
}

impl Client {
    /// Of the merchant's file.
    pub fn new(config: &Config, transport: Arc<dyn Transport>) -> Client {
        Client {
            app_key: config.app.app_key.clone(),
            secret: config.gifts.secret.clone(),
            url: config.gifts.url.clone(),
            transport,
        }
    }

    /// The user's records: those of `items`, or all if there are none; those that `filter`
    /// takes. The user must have authorised the app. A gateway may bound the list.
    ///
    /// # Errors
    /// `Code::INVALID`, before anything is sent: an item that cannot be asked for, or more than
    /// `GIFT_QUERY_ITEMS_MAX`.
    pub fn query(
        &self,
        user_id: &UserId,
        items: &[String],
        filter: GiftFilter,
    ) -> Result<Outcome<Vec<CoinRecord>>, Refusal> {
        let call = CoinCall::Query { items: items.to_vec(), filter };
        self.call(user_id, call, |body| read_coin_records(body, user_id))
    }

    /// Says that the goods of a record were given out. `app_order_id` is the merchant's own
    /// number of that; the platform only keeps it.
    ///
    /// # Errors
    /// `Code::INVALID`, before anything is sent: an `app_order_id` of other than 1 to
    /// `ORDER_ID_BYTES_MAX` bytes, with control characters, or with some that GBK does not have.
    pub fn mark(
        &self,
        user_id: &UserId,
        record_id: GiftId,
        app_order_id: &str,
    ) -> Result<Outcome<()>, Refusal> {
        let call = CoinCall::Mark { record_id, app_order_id: app_order_id.to_owned() };
        self.call(user_id, call, |body| read_coin_marked(body, app_order_id))
    }

    fn call<T>(
        &self,
        user_id: &UserId,
        call: CoinCall,
        read: impl FnOnce(&str) -> Result<CoinReply<T>, JsonError>,
    ) -> Result<Outcome<T>, Refusal> {
        let url = self.signed_url(user_id, call)?;
        let request = HttpRequest {
            method: HttpMethod::Get,
            url,
            body: String::new(),
            deadline_s: HTTP_DEADLINE_S,
        };
        Ok(match self.transport.send(&request) {
            Err(doubt) => Outcome::InDoubt(doubt),
            Ok(answer) => match read(&answer.body) {
                Err(error) => Outcome::InDoubt(doubt(&format!("the answer is none: {error}"))),
                Ok(CoinReply::Good(told)) => Outcome::Done(told),
                Ok(CoinReply::Refused { code, msg }) => refused(&code, &msg),
            },
        })
    }

    fn signed_url(&self, user_id: &UserId, call: CoinCall) -> Result<String, Refusal> {
        let invalid = |why: String| Refusal::new(Code::INVALID, why);
        call.check().map_err(|error| invalid(sentence(&error)))?;
        let request = CoinRequest {
            app_key: self.app_key.clone(),
            user_id: user_id.clone(),
            ts_ms: now_ms(),
            call,
        };
        let fields = request.fields().map_err(|error| invalid(error.to_string()))?;
        Ok(format!("{}{}?{}", self.url, request.path(), fields.query_string(&self.secret)))
    }
}

/// The codes with which the gateway says that nothing was done.
const REFUSALS: [&str; 6] = [
    ILLEGAL_ARGUMENT,
    ILLEGAL_SIGNATURE,
    SIGNATURE_EXPIRED,
    AUTH_REQUIRED,
    RECORD_NOT_FOUND,
    RECORD_STATUS_INVALID,
];

fn refused<T>(code: &str, msg: &str) -> Outcome<T> {
    let code = clean(code, GATEWAY_TEXT_BYTES_MAX);
    let message = clean(msg, MESSAGE_BYTES_MAX);
    match REFUSALS.contains(&&*code) {
        true => Outcome::Refused { code, message },
        false => Outcome::InDoubt(doubt(&format!("the gateway says {code}: {message}"))),
    }
}

fn sentence(error: &ParamError) -> String {
    match error {
        ParamError::Missing(name) => format!("{name} is missing"),
        ParamError::Invalid(name, why) => format!("{name} {why}"),
    }
}

fn doubt(detail: &str) -> Doubt {
    Doubt { kind: DoubtKind::Gateway, detail: clean(detail, MESSAGE_BYTES_MAX) }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::core::award::GiftStatus;
    use crate::gateway::HttpAnswer;
    use crate::limits::{GIFT_QUERY_ITEMS_MAX, ORDER_ID_BYTES_MAX};
    use crate::wire::baodian::{coin_marked, coin_records, coin_refused, CoinAction, Fields, FAIL};

    /// Answers everything in the same way, and remembers where it was sent.
    struct Always(Result<String, Doubt>, Mutex<Vec<String>>);

    impl Transport for Always {
        fn send(&self, request: &HttpRequest) -> Result<HttpAnswer, Doubt> {
            assert_eq!((request.method, request.body.as_str()), (HttpMethod::Get, ""));
            self.1.lock().unwrap().push(request.url.clone());
            self.0.clone().map(|body| HttpAnswer { body })
        }
    }

    fn always(answer: Result<String, Doubt>) -> (Arc<Always>, Client) {
        let transport = Arc::new(Always(answer, Mutex::default()));
        let client = Client {
            app_key: AppKey::new("23012345").unwrap(),
            secret: Arc::new(Secret::new("s3cret").unwrap()),
            url: "http://127.0.0.1:1".into(),
            transport: transport.clone(),
        };
        (transport, client)
    }

    fn user() -> UserId {
        UserId::new("100003").unwrap()
    }

    fn record(number: i64) -> GiftId {
        GiftId::new(number).unwrap()
    }

    fn marked(answer: &str) -> Outcome<()> {
        always(Ok(answer.to_owned())).1.mark(&user(), record(7), "o-1").unwrap()
    }

    #[test]
    fn a_question_is_signed_with_the_gift_secret_and_stamped_in_milliseconds() {
        let told = CoinRecord {
            cp_item_id: "剑".into(),
            created_ms: 1_433_948_755_664,
            record_id: 7,
            status: GiftStatus::Pending,
            user_id: "100003".into(),
        };
        let (transport, client) = always(Ok(coin_records(std::slice::from_ref(&told))));
        let items = ["剑".to_owned(), "b c".to_owned()];
        let outcome = client.query(&user(), &items, GiftFilter::All).unwrap();
        assert_eq!(outcome, Outcome::Done(vec![told]));
        let sent = transport.1.lock().unwrap().remove(0);
        let (place, query) = sent.split_once('?').unwrap();
        assert_eq!(place, "http://127.0.0.1:1/coin/query_game_gift_record.action");
        let fields = Fields::parse(query).unwrap();
        assert_eq!(fields.verify(&Secret::new("s3cret").unwrap()), Ok(()));
        let read = CoinRequest::read(CoinAction::Query, &fields).unwrap();
        assert_eq!(read.call, CoinCall::Query { items: items.to_vec(), filter: GiftFilter::All });
        assert!((now_ms() - read.ts_ms).abs() < 60_000);
    }

    #[test]
    fn only_what_says_that_nothing_was_done_is_a_refusal() {
        assert_eq!(marked(&coin_marked("o-1")), Outcome::Done(()));
        for code in REFUSALS {
            let outcome = marked(&coin_refused(code, "no\u{1b}[2J", Some("o-1")));
            let wanted = Outcome::Refused { code: code.into(), message: "no[2J".into() };
            assert_eq!(outcome, wanted);
        }
        for answer in [
            coin_refused(FAIL, "system error", Some("o-1")),
            coin_refused("605", "请求失败", None),
            coin_refused("", "", None),
            coin_marked("o-2"),
            coin_records(&[]),
            "<html>".into(),
            String::new(),
        ] {
            assert!(matches!(marked(&answer), Outcome::InDoubt(_)), "{answer}");
        }
        let down = Doubt { kind: DoubtKind::Network, detail: "refused".into() };
        let outcome = always(Err(down.clone())).1.mark(&user(), record(7), "o-1");
        assert_eq!(outcome, Ok(Outcome::InDoubt(down)));
    }

    #[test]
    fn records_of_somebody_else_are_no_answer() {
        let other = CoinRecord {
            cp_item_id: "x".into(),
            created_ms: 1,
            record_id: 7,
            status: GiftStatus::Pending,
            user_id: "100001".into(),
        };
        let client = always(Ok(coin_records(&[other]))).1;
        let outcome = client.query(&user(), &[], GiftFilter::All).unwrap();
        assert!(matches!(outcome, Outcome::InDoubt(_)), "{outcome:?}");
    }

    #[test]
    fn what_cannot_be_asked_is_not_sent() {
        let (transport, client) = always(Ok(coin_marked("o-1")));
        for bad in ["", "a\n", "😀", &"x".repeat(ORDER_ID_BYTES_MAX + 1)] {
            let refusal = client.mark(&user(), record(7), bad).unwrap_err();
            assert!(refusal.message.contains("app_order_id"), "{}", refusal.message);
        }
        let many = vec!["i".to_owned(); GIFT_QUERY_ITEMS_MAX + 1];
        for bad in [&many[..], &["a,b".to_owned()], &[String::new()]] {
            let refusal = client.query(&user(), bad, GiftFilter::All).unwrap_err();
            assert!(refusal.message.contains("game_item_id"), "{}", refusal.message);
        }
        assert!(transport.1.lock().unwrap().is_empty());
    }
}
