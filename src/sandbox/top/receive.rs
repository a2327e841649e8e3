//! What comes in at the front: the parameters of URL and body together, and in which form
//! the caller wants his answer.

use axum::body::{to_bytes, Body};
use axum::extract::Request;
use axum::http::{header, HeaderMap, Method};

use super::write::Style;
use crate::limits::SANDBOX_BODY_BYTES_MAX;
use crate::wire::device::ParamError;
use crate::wire::top::{ErrorResponse, Params};

/// The only type of body that is read.
const FORM: &str = "application/x-www-form-urlencoded";

/// A refusal of the front: code, msg, sub_code and sub_msg.
#[derive(Debug)]
pub struct TopError(i64, &'static str, String, String);

impl TopError {
    /// One that says why.
    pub fn new(
        code: i64,
        msg: &'static str,
        sub_code: &str,
        sub_msg: impl Into<String>,
    ) -> TopError {
        TopError(code, msg, sub_code.into(), sub_msg.into())
    }

    /// One whose number says it all.
    pub fn plain(code: i64, msg: &'static str) -> TopError {
        TopError::new(code, msg, "", "")
    }

    /// The text of the answer.
    pub fn encode(self, request_id: &str) -> String {
        let TopError(code, msg, sub_code, sub_msg) = self;
        let request_id = request_id.into();
        ErrorResponse { code, msg: msg.into(), sub_code, sub_msg, request_id }.encode()
    }
}

impl From<ParamError> for TopError {
    fn from(error: ParamError) -> TopError {
        let answer = error.answer("");
        let msg = match error {
            ParamError::Missing(_) => "Missing Required Arguments",
            ParamError::Invalid(..) => "Invalid Arguments",
        };
        TopError(answer.code, msg, answer.sub_code, answer.sub_msg)
    }
}

/// A request as it came.
pub struct Received {
    /// Its parameters, or why they cannot be used.
    pub params: Result<Params, TopError>,
    /// How it is to be answered; known of a request that is refused, too.
    pub style: Style,
    /// The answer is to be compressed.
    pub gzip: bool,
}

impl Received {
    /// Reads a request to its end.
    pub async fn read(request: Request<Body>) -> Received {
        let query = request.uri().query().unwrap_or("").to_owned();
        let gzip = takes_gzip(request.headers());
        let body = match request.method() {
            &Method::GET | &Method::POST => read_form(request).await,
            _ => Err(TopError::plain(9, "Http Action Not Allowed")),
        };
        let style = style_of(&query, body.as_deref().unwrap_or(""));
        let params = body.and_then(|body| {
            Params::union(&query, &body).map_err(|error| mismatch(error.to_string()))
        });
        Received { params, style, gzip }
    }
}

fn mismatch(why: impl Into<String>) -> TopError {
    TopError::new(41, "Invalid Arguments", "isv.parameters-mismatch", why)
}

async fn read_form(request: Request<Body>) -> Result<String, TopError> {
    let content_type = request.headers().get(header::CONTENT_TYPE).cloned();
    let body = to_bytes(request.into_body(), SANDBOX_BODY_BYTES_MAX).await.map_err(|_| {
        mismatch(format!("the body is unreadable or has more than {SANDBOX_BODY_BYTES_MAX} bytes"))
    })?;
    let content_type = content_type.as_ref().filter(|_| !body.is_empty());
    if let Some(content_type) = content_type {
        check_type(content_type.to_str().unwrap_or("?"))?;
    }
    String::from_utf8(body.into()).map_err(|_| mismatch("the body is not UTF-8"))
}

fn check_type(content_type: &str) -> Result<(), TopError> {
    let name = content_type.split(';').next().unwrap_or("").trim().to_ascii_lowercase();
    match &*name {
        FORM => Ok(()),
        "multipart/form-data" => {
            let why = "multipart bodies are for methods that take files, and there is none here";
            Err(mismatch(format!("{why}: send {FORM}")))
        }
        _ => Err(mismatch(format!("the body must be {FORM}, this is {name:?}"))),
    }
}

/// The first of each name counts; two make the request void, and it is still answered.
fn style_of(query: &str, body: &str) -> Style {
    let first = |name: &str| {
        let query = form_urlencoded::parse(query.as_bytes());
        let mut pairs = query.chain(form_urlencoded::parse(body.as_bytes()));
        pairs.find(|pair| pair.0 == name).map(|pair| pair.1)
    };
    Style::of(first("format").as_deref(), first("simplify").as_deref())
}

/// RFC 9110, 12.5.3, of which only what clients send: names, and a weight that may be nought.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines =
        headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let nought = |part: &str| {
            let weight = part.strip_prefix("q=").or_else(|| part.strip_prefix("Q="));
            weight.is_some_and(|weight| weight.bytes().all(|b| matches!(b, b'0' | b'.')))
        };
        named && !parts.any(nought)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compression_is_for_those_who_ask() {
        for (lines, takes) in [
            (&[][..], false),
            (&["gzip"], true),
            (&["deflate, GZIP;q=0.5"], true),
            (&["br", "gzip"], true),
            (&["gzip;q=0"], false),
            (&["gzip; q=0.000, deflate"], false),
            (&["identity"], false),
            (&["xgzip", "*"], false),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(header::ACCEPT_ENCODING, line.parse().unwrap());
            }
            assert_eq!(takes_gzip(&headers), takes, "{lines:?}");
        }
    }

    #[test]
    fn a_body_has_one_type_and_others_are_named() {
        for good in [FORM, "Application/X-WWW-Form-URLencoded ; charset=utf-8"] {
            assert!(check_type(good).is_ok(), "{good}");
        }
        for (bad, word) in [
            ("multipart/form-data; boundary=x", "multipart"),
            ("application/json", "application/json"),
            ("", "must be"),
        ] {
            let TopError(code, _, sub_code, why) = check_type(bad).unwrap_err();
            assert_eq!((code, &*sub_code), (41, "isv.parameters-mismatch"));
            assert!(why.contains(word) && why.contains(FORM), "{why}");
        }
    }

    #[test]
    fn a_request_that_is_refused_is_answered_as_it_asks() {
        for (query, body, style) in [
            ("", "", Style::Xml),
            ("format=json", "", Style::Json),
            ("a=1", "format=json&simplify=true", Style::Slim),
            ("format=json", "format=xml", Style::Json),
            ("format=%6Ason", "", Style::Json),
        ] {
            assert_eq!(style_of(query, body), style, "{query} {body}");
        }
    }
}
