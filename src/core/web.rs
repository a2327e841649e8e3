//! A web page of the platform that the host shows over the game. The engine makes its URL
//! and knows that it is open; a page that nobody says is closed is closed after its time.

use std::fmt::Write;

use super::code::{Code, Refusal};
use super::facts::AppKey;
use super::report::{Page, WebKind, WebReport};
use crate::limits::{
    WEB_OPEN_S_DEFAULT, WEB_OPEN_S_MAX, WEB_OPEN_S_MIN, WEB_PARAMS_MAX, WEB_PARAM_NAME_BYTES_MAX,
    WEB_PARAM_VALUE_BYTES_MAX, WEB_URL_BYTES_MAX,
};

/// What a caller wants to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which page.
    pub kind: WebKind,
    /// Names and values to add to the page's URL, in this order.
    pub params: Vec<(String, String)>,
    /// The page counts as closed after this; none: `WEB_OPEN_S_DEFAULT`.
    pub timeout_s: Option<u32>,
    /// Names this opening of the page: not to be guessed, never used before.
    pub web_id: String,
}

/// An open page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Web {
    report: WebReport,
    closes_at: u64,
}

impl Web {
    /// A page from now on. `wanted` has been through `check`.
    ///
    /// # Errors
    /// GATEWAY if the platform's URL is none to show; STRING if it is too long with the
    /// parameters.
    pub fn open(
        app_key: AppKey,
        page: &Page,
        wanted: Wanted,
        boot_ms: u64,
    ) -> Result<Web, Refusal> {
        let url = url(&page.url, &wanted.params)?;
        let timeout_ms = u64::from(wanted.timeout_s.unwrap_or(WEB_OPEN_S_DEFAULT)) * 1_000;
        let Wanted { kind, web_id, .. } = wanted;
        let report = WebReport { app_key, web_id, kind, url, open: true, result: Code::OK };
        Ok(Web { report, closes_at: boot_ms + timeout_ms })
    }

    /// The page as it stands.
    pub fn report(&self) -> WebReport {
        self.report.clone()
    }

    /// Names this opening of the page.
    pub fn id(&self) -> &str {
        &self.report.web_id
    }

    /// Boot milliseconds at which it counts as closed.
    pub fn closes_at(&self) -> u64 {
        self.closes_at
    }

    /// What is told at its end. `TIMEOUT`: nobody said that it is closed.
    pub fn closed(self, result: Code) -> WebReport {
        WebReport { open: false, result, ..self.report }
    }
}

impl Wanted {
    /// Checks what can be checked before it is known whether there is such a page.
    ///
    /// # Errors
    /// INVALID and STRING name the field and the bound.
    pub fn check(&self) -> Result<(), Refusal> {
        let refuse = |code, text: String| Err(Refusal::new(code, text));
        if let Some(s) = self.timeout_s.filter(|s| !(WEB_OPEN_S_MIN..=WEB_OPEN_S_MAX).contains(s)) {
            let allowed = format!("{WEB_OPEN_S_MIN} to {WEB_OPEN_S_MAX}");
            return refuse(Code::INVALID, format!("timeout_s is {s}: allowed are {allowed}"));
        }
        let count = self.params.len();
        if count > WEB_PARAMS_MAX {
            let text = format!("params has {count} entries: allowed are {WEB_PARAMS_MAX}");
            return refuse(Code::INVALID, text);
        }
        for (name, value) in &self.params {
            let (name_bytes, value_bytes) = (name.len(), value.len());
            if name.is_empty() || name_bytes > WEB_PARAM_NAME_BYTES_MAX {
                let allowed = format!("1 to {WEB_PARAM_NAME_BYTES_MAX}");
                let text =
                    format!("params has a name of {name_bytes} bytes: allowed are {allowed}");
                return refuse(Code::STRING, text);
            }
            if value_bytes > WEB_PARAM_VALUE_BYTES_MAX {
                return refuse(
                    Code::STRING,
                    format!(
                        "params has a value of {value_bytes} bytes for {name:?}: \
                         allowed are {WEB_PARAM_VALUE_BYTES_MAX}"
                    ),
                );
            }
        }
        Ok(())
    }
}

/// The page's URL with `params` in its query, percent-encoded; a fragment stays at the end.
fn url(page: &str, params: &[(String, String)]) -> Result<String, Refusal> {
    let rest = page.strip_prefix("https://").or_else(|| page.strip_prefix("http://"));
    let host = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or("");
    if host.is_empty() || host.contains('@') || !page.bytes().all(|b| b.is_ascii_graphic()) {
        let text = "the platform's page has no http or https URL that can be shown";
        return Err(Refusal::new(Code::GATEWAY, text));
    }
    let (front, fragment) = match page.find('#') {
        Some(at) => page.split_at(at),
        None => (page, ""),
    };
    let mut url = front.to_owned();
    for (name, value) in params {
        if !url.contains('?') {
            url.push('?');
        } else if !url.ends_with(['?', '&']) {
            url.push('&');
        }
        encode(&mut url, name);
        url.push('=');
        encode(&mut url, value);
    }
    url.push_str(fragment);
    if url.len() > WEB_URL_BYTES_MAX {
        let text =
            format!("params makes a URL of {} bytes: allowed are {WEB_URL_BYTES_MAX}", url.len());
        return Err(Refusal::new(Code::STRING, text));
    }
    Ok(url)
}

/// Everything but the unreserved characters of RFC 3986.
fn encode(url: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            write!(url, "%{byte:02X}").expect("a String takes everything");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
    }

    fn wanted(params: &[(String, String)], timeout_s: Option<u32>) -> Wanted {
        let params = params.to_vec();
        Wanted { kind: WebKind::Exit, params, timeout_s, web_id: "w".into() }
    }

    #[test]
    fn parameters_go_into_the_query_of_every_shape_of_url() {
        let two = params(&[("level", "3"), ("to", "b")]);
        for (page, whole) in [
            ("https://h", "https://h?level=3&to=b"),
            ("https://h/p", "https://h/p?level=3&to=b"),
            ("http://h:80/p?x=1", "http://h:80/p?x=1&level=3&to=b"),
            ("https://h/p?", "https://h/p?level=3&to=b"),
            ("https://h/p?x=1&", "https://h/p?x=1&level=3&to=b"),
            ("https://h/p#top", "https://h/p?level=3&to=b#top"),
            ("https://h/p?x=1#a?b", "https://h/p?x=1&level=3&to=b#a?b"),
        ] {
            assert_eq!(url(page, &two).as_deref(), Ok(whole));
            assert_eq!(url(page, &[]).as_deref(), Ok(page));
        }
    }

    #[test]
    fn a_parameter_cannot_break_out_of_its_place() {
        let nasty = params(&[("a b&c", "=?#/\0\n\"<é宝"), ("t-._~", "")]);
        let expected = "https://h/?a%20b%26c=%3D%3F%23%2F%00%0A%22%3C%C3%A9%E5%AE%9D&t-._~=";
        assert_eq!(url("https://h/", &nasty).as_deref(), Ok(expected));
    }

    #[test]
    fn a_page_must_be_one_that_a_browser_of_the_box_may_open() {
        for bad in [
            "",
            "h/p",
            "ftp://h/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "HTTPS://h/",
            "https://",
            "https:///p",
            "https://?x",
            "https://u:p@h/",
            "https://h/ p",
            "https://h/\u{202e}",
        ] {
            let error = url(bad, &[]).unwrap_err();
            assert_eq!(error.code, Code::GATEWAY, "{bad}");
        }
    }

    #[test]
    fn what_a_caller_wants_is_refused_by_name() {
        let pair = |name: usize, value: usize| vec![("n".repeat(name), "v".repeat(value))];
        let many = |count: usize| vec![("n".to_owned(), "v".to_owned()); count];
        let (name, value) = (WEB_PARAM_NAME_BYTES_MAX, WEB_PARAM_VALUE_BYTES_MAX);
        for good in [pair(1, 0), pair(name, value), many(WEB_PARAMS_MAX), vec![]] {
            assert_eq!(wanted(&good, Some(WEB_OPEN_S_MIN)).check(), Ok(()));
            assert_eq!(wanted(&good, Some(WEB_OPEN_S_MAX)).check(), Ok(()));
        }
        for (bad, code, bound) in [
            (pair(0, 1), Code::STRING, name),
            (pair(name + 1, 1), Code::STRING, name),
            (pair(1, value + 1), Code::STRING, value),
            (many(WEB_PARAMS_MAX + 1), Code::INVALID, WEB_PARAMS_MAX),
        ] {
            let error = wanted(&bad, None).check().unwrap_err();
            assert_eq!(error.code, code);
            assert!(error.message.starts_with("params "), "{error}");
            assert!(error.message.ends_with(&bound.to_string()), "{error}");
        }
        for bad in [WEB_OPEN_S_MIN - 1, WEB_OPEN_S_MAX + 1] {
            let error = wanted(&[], Some(bad)).check().unwrap_err();
            assert!(error.message.starts_with("timeout_s is"), "{error}");
        }
    }

    #[test]
    fn a_url_has_its_bound() {
        let page = |bytes: usize| format!("https://h/{}", "x".repeat(bytes - 10));
        let one = params(&[("a", "b")]);
        let fits = url(&page(WEB_URL_BYTES_MAX - 4), &one).unwrap();
        assert_eq!(fits.len(), WEB_URL_BYTES_MAX);
        let error = url(&page(WEB_URL_BYTES_MAX - 3), &one).unwrap_err();
        assert_eq!(error.code, Code::STRING);
        assert!(error.message.contains(&WEB_URL_BYTES_MAX.to_string()), "{error}");
    }

    #[test]
    fn a_page_is_told_open_and_closed() {
        let app = AppKey::new("1").unwrap();
        let page = Page { kind: WebKind::Exit, url: "https://h/".into() };
        let web = Web::open(app.clone(), &page, wanted(&[], None), 7).unwrap();
        assert_eq!(web.closes_at(), 7 + u64::from(WEB_OPEN_S_DEFAULT) * 1_000);
        assert!(web.report().open && web.report().kind == WebKind::Exit);
        let closed = web.closed(Code::TIMEOUT);
        assert!(!closed.open && closed.result == Code::TIMEOUT && closed.web_id == "w");
        let web = Web::open(app, &page, wanted(&[], Some(20)), 7).unwrap();
        assert_eq!(web.closes_at(), 20_007);
    }
}
