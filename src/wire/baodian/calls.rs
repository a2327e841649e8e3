//! The two calls about gifts, both ends of each.

use serde::{Deserialize, Serialize};

use super::{Fields, NotGbk};
use crate::core::award::{GiftId, GiftStatus};
use crate::core::facts::AppKey;
use crate::core::user::UserId;
use crate::limits::{GATEWAY_TEXT_BYTES_MAX, GIFT_QUERY_ITEMS_MAX, ORDER_ID_BYTES_MAX};
use crate::wire::device::ParamError;
use crate::wire::gbk;
use crate::wire::json::{check_json, read_object, JsonError};
use crate::wire::numbers;

/// Where gift records of a user are asked for.
pub const GIFT_QUERY_PATH: &str = "/coin/query_game_gift_record.action";
/// Where a gift record is marked as given out.
pub const GIFT_MARK_PATH: &str = "/coin/mark_record_as_activated.action";

/// Refusal: a parameter is missing or wrong.
pub const ILLEGAL_ARGUMENT: &str = "ILLEGAL_ARGUMENT";
/// Refusal: `sign` does not match.
pub const ILLEGAL_SIGNATURE: &str = "ILLEGAL_SIGNATURE";
/// Refusal: `ts` is minutes away from the gateway's clock.
pub const SIGNATURE_EXPIRED: &str = "SIGNATURE_EXPIRED";
/// Refusal that decides nothing: the gateway has failed.
pub const FAIL: &str = "FAIL";

/// Which records are wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GiftFilter {
    /// All of them.
    All,
    /// Those of one status.
    Only(GiftStatus),
}

impl GiftFilter {
    const EVERY: [GiftFilter; 4] = [
        GiftFilter::All,
        GiftFilter::Only(GiftStatus::Pending),
        GiftFilter::Only(GiftStatus::Activated),
        GiftFilter::Only(GiftStatus::Expired),
    ];

    /// The value of `status`, 0 to 3.
    pub fn number(self) -> u32 {
        match self {
            GiftFilter::All => 0,
            GiftFilter::Only(status) => status as u32,
        }
    }

    /// Whether a record of that status is wanted.
    pub fn takes(self, status: GiftStatus) -> bool {
        self == GiftFilter::All || self == GiftFilter::Only(status)
    }

    fn read(text: &str) -> Option<GiftFilter> {
        GiftFilter::EVERY.into_iter().find(|filter| filter.number().to_string() == text)
    }
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoinCall {
    /// Gift records of the user.
    Query {
        /// Only of these items of the merchant; empty: of all. At most `GIFT_QUERY_ITEMS_MAX`.
        items: Vec<String>,
        /// Which records; the gateway's default is those that wait.
        filter: GiftFilter,
    },
    /// The goods of a record are given out.
    Mark {
        /// Which record.
        record_id: GiftId,
        /// The merchant's own number of giving it out; the gateway only records it.
        app_order_id: String,
    },
}

impl CoinCall {
    /// Checks what the merchant has written.
    ///
    /// # Errors
    /// Names the parameter and its bounds.
    pub fn check(&self) -> Result<(), ParamError> {
        match self {
            CoinCall::Query { items, .. } if items.len() > GIFT_QUERY_ITEMS_MAX => {
                let why = format!("must be {GIFT_QUERY_ITEMS_MAX} items at most");
                Err(ParamError::Invalid("game_item_id", why))
            }
            CoinCall::Query { items, .. } => items.iter().try_for_each(|item| {
                let why = "an item must not have a comma";
                if item.contains(',') {
                    return Err(ParamError::Invalid("game_item_id", why.into()));
                }
                check_text("game_item_id", item, GATEWAY_TEXT_BYTES_MAX)
            }),
            CoinCall::Mark { app_order_id, .. } => {
                check_text("app_order_id", app_order_id, ORDER_ID_BYTES_MAX)
            }
        }
    }
}

fn check_text(name: &'static str, text: &str, bytes_max: usize) -> Result<(), ParamError> {
    if !(1..=bytes_max).contains(&text.len()) || text.chars().any(char::is_control) {
        let why = format!("must be 1 to {bytes_max} bytes without control characters");
        return Err(ParamError::Invalid(name, why));
    }
    Ok(())
}

/// Which of the two calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoinAction {
    /// `GIFT_QUERY_PATH`.
    Query,
    /// `GIFT_MARK_PATH`.
    Mark,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoinRequest {
    /// `app_str_id`: the app's key.
    pub app_key: AppKey,
    /// `user_str_id`: whose records. The user must have authorised the app.
    pub user_id: UserId,
    /// `ts`: when it was made, Unix milliseconds.
    pub ts_ms: i64,
    /// What is asked.
    pub call: CoinCall,
}

impl CoinRequest {
    /// Where it goes.
    pub fn path(&self) -> &'static str {
        match self.call {
            CoinCall::Query { .. } => GIFT_QUERY_PATH,
            CoinCall::Mark { .. } => GIFT_MARK_PATH,
        }
    }

    /// Its parameters, without `sign`. What the gateway assumes by itself is left out.
    ///
    /// # Errors
    /// A text cannot be written in GBK.
    pub fn fields(&self) -> Result<Fields, NotGbk> {
        let mut fields = Fields::new();
        fields.set("app_str_id", self.app_key.as_str())?;
        fields.set("user_str_id", self.user_id.as_str())?;
        fields.set("ts", &self.ts_ms.to_string())?;
        match &self.call {
            CoinCall::Query { items, filter } => {
                fields.set("game_item_id", &items.join(","))?;
                if *filter != GiftFilter::Only(GiftStatus::Pending) {
                    fields.set("status", &filter.number().to_string())?;
                }
            }
            CoinCall::Mark { record_id, app_order_id } => {
                fields.set("record_id", &record_id.get().to_string())?;
                fields.set("app_order_id", app_order_id)?;
            }
        }
        Ok(fields)
    }

    /// Reads what a server received. Nothing about the signature is said by that.
    ///
    /// # Errors
    /// The parameter that is missing or wrong.
    pub fn read(action: CoinAction, fields: &Fields) -> Result<CoinRequest, ParamError> {
        let invalid = |name, why: &str| ParamError::Invalid(name, why.to_owned());
        let app_key = AppKey::new(required(fields, "app_str_id")?)
            .map_err(|refusal| invalid("app_str_id", &refusal.message))?;
        let user_id = UserId::new(required(fields, "user_str_id")?)
            .map_err(|refusal| invalid("user_str_id", &refusal.message))?;
        let ts_ms = digits(&required(fields, "ts")?)
            .ok_or_else(|| invalid("ts", "must be Unix milliseconds, decimal digits"))?;
        let call = match action {
            CoinAction::Query => read_query(fields)?,
            CoinAction::Mark => read_mark(fields)?,
        };
        call.check()?;
        Ok(CoinRequest { app_key, user_id, ts_ms, call })
    }
}

fn read_query(fields: &Fields) -> Result<CoinCall, ParamError> {
    let items = optional(fields, "game_item_id")?.unwrap_or_default();
    let items = items.split(',').filter(|item| !item.is_empty()).map(str::to_owned).collect();
    let filter = match optional(fields, "status")? {
        None => GiftFilter::Only(GiftStatus::Pending),
        Some(text) => GiftFilter::read(&text)
            .ok_or_else(|| ParamError::Invalid("status", "must be 0, 1, 2 or 3".into()))?,
    };
    Ok(CoinCall::Query { items, filter })
}

fn read_mark(fields: &Fields) -> Result<CoinCall, ParamError> {
    let record_id = GiftId::parse(&required(fields, "record_id")?).ok_or_else(|| {
        ParamError::Invalid("record_id", "must be decimal digits, 1 and above".into())
    })?;
    Ok(CoinCall::Mark { record_id, app_order_id: required(fields, "app_order_id")? })
}

fn digits(text: &str) -> Option<i64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn required(fields: &Fields, name: &'static str) -> Result<String, ParamError> {
    optional(fields, name)?.ok_or(ParamError::Missing(name))
}

/// An empty one counts as left out.
fn optional(fields: &Fields, name: &'static str) -> Result<Option<String>, ParamError> {
    let Some(bytes) = fields.bytes(name).filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    let text = gbk::decode(bytes).ok_or_else(|| ParamError::Invalid(name, "is not GBK".into()))?;
    Ok(Some(text.into_owned()))
}

/// One record of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CoinRecord {
    /// The merchant's item.
    pub cp_item_id: String,
    /// When the record was made, Unix milliseconds.
    #[serde(rename = "gmtCreate", deserialize_with = "numbers::text::deserialize")]
    pub created_ms: i64,
    /// What a mark names; written as a number, read from a number or a string.
    #[serde(deserialize_with = "numbers::text::deserialize")]
    pub record_id: i64,
    /// How it stands: 1, 2 or 3.
    #[serde(with = "status")]
    pub status: GiftStatus,
    /// Whose it is.
    #[serde(rename = "userStrId")]
    pub user_id: String,
}

/// A status as the gateway numbers it; read from a string too.
mod status {
    use serde::de::{Deserializer, Error};
    use serde::Serializer;

    use super::*;

    pub fn serialize<S: Serializer>(status: &GiftStatus, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u32(*status as u32)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<GiftStatus, D::Error> {
        let number = numbers::text::deserialize(from)?;
        match GiftFilter::read(&number.to_string()) {
            Some(GiftFilter::Only(status)) => Ok(status),
            _ => Err(D::Error::custom("status must be 1, 2 or 3")),
        }
    }
}

/// What the gateway says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CoinReply<T> {
    /// It was done.
    Good(T),
    /// It was not done; of `FAIL` and of codes that are not known that is not certain.
    Refused {
        /// Such as `RECORD_NOT_FOUND`.
        code: String,
        /// The gateway's sentence to it.
        msg: String,
    },
}

#[derive(Serialize)]
struct Good<'a> {
    is_success: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_order_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_list: Option<&'a [CoinRecord]>,
}

#[derive(Serialize)]
struct Bad<'a> {
    is_success: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_order_id: Option<&'a str>,
    error_code: &'a str,
    msg: &'a str,
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers can be written")
}

/// The answer to a query.
pub fn coin_records(records: &[CoinRecord]) -> String {
    json(&Good { is_success: "T", app_order_id: None, record_list: Some(records) })
}

/// The answer to a mark that was carried out.
pub fn coin_marked(app_order_id: &str) -> String {
    json(&Good { is_success: "T", app_order_id: Some(app_order_id), record_list: None })
}

/// The answer to what was refused; of a mark with its `app_order_id`, where that is known.
pub fn coin_refused(code: &str, msg: &str, app_order_id: Option<&str>) -> String {
    json(&Bad { is_success: "F", app_order_id, error_code: code, msg })
}

#[derive(Deserialize)]
struct Read {
    is_success: String,
    #[serde(default)]
    app_order_id: Option<String>,
    #[serde(default)]
    record_list: Option<Vec<CoinRecord>>,
    #[serde(default)]
    error_code: Option<ErrorCode>,
    #[serde(default)]
    msg: Option<String>,
}

/// The documents show words, and in one place a number.
#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorCode {
    Word(String),
    Number(i64),
}

fn read(body: &str) -> Result<CoinReply<Read>, JsonError> {
    check_json(body)?;
    let read: Read = read_object(body)?;
    match &*read.is_success {
        "T" => Ok(CoinReply::Good(read)),
        "F" => {
            let code = match read.error_code {
                Some(ErrorCode::Word(word)) => word,
                Some(ErrorCode::Number(number)) => number.to_string(),
                None => return Err(JsonError::new("a refusal has no error_code")),
            };
            Ok(CoinReply::Refused { code, msg: read.msg.unwrap_or_default() })
        }
        _ => Err(JsonError::new("is_success must be T or F")),
    }
}

/// Reads the answer to a query about `user_id`.
///
/// # Errors
/// It is no such answer, or tells of another user's record.
pub fn read_coin_records(
    body: &str,
    user_id: &UserId,
) -> Result<CoinReply<Vec<CoinRecord>>, JsonError> {
    let records = match read(body)? {
        CoinReply::Refused { code, msg } => return Ok(CoinReply::Refused { code, msg }),
        CoinReply::Good(read) => read.record_list,
    };
    let records = records.ok_or_else(|| JsonError::new("there is no record_list"))?;
    if records.iter().any(|record| record.user_id != user_id.as_str()) {
        return Err(JsonError::new("a record is of another user"));
    }
    if records.iter().any(|record| GiftId::new(record.record_id).is_none()) {
        return Err(JsonError::new("a recordId is not 1 or above"));
    }
    Ok(CoinReply::Good(records))
}

/// Reads the answer to a mark with `app_order_id`.
///
/// # Errors
/// It is no such answer, or is one to another mark.
pub fn read_coin_marked(body: &str, app_order_id: &str) -> Result<CoinReply<()>, JsonError> {
    match read(body)? {
        CoinReply::Refused { code, msg } => Ok(CoinReply::Refused { code, msg }),
        CoinReply::Good(read) => match read.app_order_id {
            Some(echo) if echo == app_order_id => Ok(CoinReply::Good(())),
            Some(_) => Err(JsonError::new("app_order_id is another one")),
            None => Err(JsonError::new("app_order_id is not repeated")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::secret::Secret;

    fn request(call: CoinCall) -> CoinRequest {
        CoinRequest {
            app_key: AppKey::new("21765432").unwrap(),
            user_id: UserId::new("654987asdf987sadf").unwrap(),
            ts_ms: 1_466_395_200_000,
            call,
        }
    }

    fn query(items: &[&str], filter: GiftFilter) -> CoinRequest {
        let items = items.iter().map(|item| (*item).to_owned()).collect();
        request(CoinCall::Query { items, filter })
    }

    fn mark(app_order_id: &str) -> CoinRequest {
        let record_id = GiftId::new(65_498).unwrap();
        request(CoinCall::Mark { record_id, app_order_id: app_order_id.into() })
    }

    #[test]
    fn requests_are_those_of_the_vectors() {
        let secret = Secret::new("5d0f3a9c71b84e26a2c4d8e6f1037b95").unwrap();
        for (request, sign) in [
            (query(&[], GiftFilter::Only(GiftStatus::Pending)), "edd4dedef1d6e5a8cbe2fd751f5a3f6b"),
            (query(&["4698796", "98964654"], GiftFilter::All), "27c1b0120a3e11d50ace52ce431d8cef"),
            (mark("1235654"), "3f033b719ff1e23fe5658aba3a456101"),
        ] {
            assert_eq!(request.fields().unwrap().sign(&secret), sign);
        }
    }

    #[test]
    fn requests_are_read_back() {
        let secret = Secret::new("s").unwrap();
        for filter in GiftFilter::EVERY {
            let asked = query(&["剑", "b c"], filter);
            let sent = asked.fields().unwrap().query_string(&secret);
            let fields = Fields::parse(&sent).unwrap();
            assert_eq!(CoinRequest::read(CoinAction::Query, &fields), Ok(asked));
        }
        let asked = mark("订单 1");
        let fields = Fields::parse(&asked.fields().unwrap().query_string(&secret)).unwrap();
        assert_eq!(CoinRequest::read(CoinAction::Mark, &fields), Ok(asked));
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let good = "app_str_id=1&user_str_id=u&ts=5&record_id=7&app_order_id=o&status=0";
        let read = |action, query: &str| CoinRequest::read(action, &Fields::parse(query).unwrap());
        assert!(read(CoinAction::Query, good).is_ok() && read(CoinAction::Mark, good).is_ok());
        for name in ["app_str_id", "user_str_id", "ts", "record_id", "app_order_id"] {
            for missing in
                [good.replace(name, "x"), good.replace(&format!("{name}="), &format!("{name}=&y"))]
            {
                let error = read(CoinAction::Mark, &missing).unwrap_err();
                assert_eq!(error, ParamError::Missing(name));
            }
        }
        let long = "o".repeat(ORDER_ID_BYTES_MAX + 1);
        for (name, bad) in [
            ("ts", "ts=5.0"),
            ("ts", "ts=-5"),
            ("record_id", "record_id=0"),
            ("app_order_id", "app_order_id=%0A"),
            ("app_order_id", "app_order_id=%FF"),
            ("app_order_id", &format!("app_order_id={long}")),
            ("user_str_id", "user_str_id=a+b"),
        ] {
            let query = good.split('&').filter(|part| !part.starts_with(&format!("{name}=")));
            let query = query.chain([bad]).collect::<Vec<_>>().join("&");
            let error = read(CoinAction::Mark, &query).unwrap_err();
            assert!(matches!(error, ParamError::Invalid(at, _) if at == name), "{bad}: {error:?}");
        }
        for bad in ["4", "-1", "01", "x"] {
            let query = good.replace("status=0", &format!("status={bad}"));
            let error = read(CoinAction::Query, &query).unwrap_err();
            assert!(matches!(error, ParamError::Invalid("status", _)), "{bad}");
        }
    }

    #[test]
    fn lists_of_items_are_bounded() {
        let list = |n: usize| {
            let items = vec!["i".to_owned(); n];
            CoinCall::Query { items, filter: GiftFilter::All }.check()
        };
        assert!(list(GIFT_QUERY_ITEMS_MAX).is_ok());
        assert!(list(GIFT_QUERY_ITEMS_MAX + 1).is_err());
        for bad in ["", "a,b", "a\n", &"x".repeat(GATEWAY_TEXT_BYTES_MAX + 1)] {
            assert!(query(&[bad], GiftFilter::All).call.check().is_err(), "{bad:?}");
        }
    }

    const SEED_SAMPLE: &str = r#"{"is_success":"T","record_list":[
        {"cpItemId":"4698796","gmtCreate":1433948755664,"recordId":65498,"status":1,
         "userStrId":"654987asdf987sadf"}]}"#;

    #[test]
    fn records_are_read_back_as_the_document_prints_them() {
        let user = UserId::new("654987asdf987sadf").unwrap();
        let record = CoinRecord {
            cp_item_id: "4698796".into(),
            created_ms: 1_433_948_755_664,
            record_id: 65_498,
            status: GiftStatus::Pending,
            user_id: "654987asdf987sadf".into(),
        };
        let told = coin_records(std::slice::from_ref(&record));
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
        assert_eq!(value(&told), value(SEED_SAMPLE));
        let good = Ok(CoinReply::Good(vec![record]));
        assert_eq!(read_coin_records(&told, &user), good);
        let texts = SEED_SAMPLE.replace(":65498", ":\"65498\"").replace(":1,", ":\"1\",");
        assert_eq!(read_coin_records(&texts, &user), good);
        assert_eq!(read_coin_records(&coin_records(&[]), &user), Ok(CoinReply::Good(vec![])));
        for spoiled in [
            SEED_SAMPLE.replace("\"T\"", "\"t\""),
            SEED_SAMPLE.replace("\"T\"", "true"),
            SEED_SAMPLE.replace("\"status\":1", "\"status\":0"),
            SEED_SAMPLE.replace("65498", "0"),
            SEED_SAMPLE.replace("record_list", "records"),
            SEED_SAMPLE.replace("\"is_success\"", "\"is_success\":\"F\",\"is_success\""),
            SEED_SAMPLE.replace("654987asdf987sadf", "other"),
            "[]".into(),
            String::new(),
        ] {
            assert!(read_coin_records(&spoiled, &user).is_err(), "{spoiled}");
        }
    }

    #[test]
    fn marks_and_refusals_are_read_back() {
        assert_eq!(read_coin_marked(&coin_marked("1235654"), "1235654"), Ok(CoinReply::Good(())));
        assert!(read_coin_marked(&coin_marked("1"), "2").is_err());
        assert!(read_coin_marked(r#"{"is_success":"T"}"#, "2").is_err());
        let refused = CoinReply::Refused { code: "FAIL".into(), msg: "system error".into() };
        let told = coin_refused("FAIL", "system error", Some("1"));
        assert_eq!(
            told,
            r#"{"is_success":"F","app_order_id":"1","error_code":"FAIL","msg":"system error"}"#
        );
        assert_eq!(read_coin_marked(&told, "1"), Ok(refused));
        let number = read_coin_marked(r#"{"is_success":"F","error_code":605}"#, "1");
        let refused = CoinReply::Refused { code: "605".into(), msg: String::new() };
        assert_eq!(number, Ok(refused));
        assert!(read_coin_marked(r#"{"is_success":"F"}"#, "1").is_err());
    }
}
