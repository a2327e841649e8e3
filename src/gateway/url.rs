//! Addresses from configuration and from gateways, read strictly: what is not plainly an
//! http or https URL with a plain host is none.

use super::Environment;
use crate::limits::{LINK_BYTES_MAX, QR_TEXT_BYTES_MAX};

/// The parts of a URL that decide where it leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Url<'a> {
    pub https: bool,
    /// Letters, digits, `-` and `.`; as written.
    pub host: &'a str,
    /// As written, or the scheme's own.
    pub port: u16,
    /// From the first `/`, `?` or `#` on.
    pub rest: &'a str,
}

impl Url<'_> {
    pub fn same_place(&self, other: &Url<'_>) -> bool {
        self.port == other.port && self.host.eq_ignore_ascii_case(other.host)
    }
}

/// Splits a URL. No user name, no IPv6 literal, nothing but printable ASCII.
pub(crate) fn parse(text: &str) -> Result<Url<'_>, &'static str> {
    if !text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\') {
        return Err("holds a character that must be percent-encoded");
    }
    let (https, after) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
        (Some(after), _) => (true, after),
        (_, Some(after)) => (false, after),
        _ => return Err("must begin with https:// or http://"),
    };
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    let (host, port) = match authority.split_once(':') {
        None => (authority, if https { 443 } else { 80 }),
        Some((host, digits)) => (host, parse_port(digits).ok_or("has no valid port")?),
    };
    if !is_host(host) {
        return Err("has no plain host name");
    }
    Ok(Url { https, host, port, rest })
}

/// Whether calls may be sent to `url`, which the configuration calls `key`. Plain http is for
/// a sandbox that allows it; so is, by that, every error that TLS does not vouch for.
///
/// # Errors
/// A sentence that names the key.
pub(crate) fn check_gateway(
    key: &str,
    url: &str,
    allow_http: bool,
    environment: Environment,
) -> Result<(), String> {
    let parsed = parse(url).map_err(|why| format!("{key} {why}"))?;
    if !parsed.rest.starts_with('/') || parsed.rest.contains(['?', '#']) {
        return Err(format!("{key} needs a path such as /router/rest and no query"));
    }
    if allow_http && environment != Environment::Sandbox {
        return Err("allow_http is for environment = \"sandbox\" only".into());
    }
    if !parsed.https && !allow_http {
        return Err(format!("{key} must be https, or a sandbox with allow_http"));
    }
    Ok(())
}

fn parse_port(digits: &str) -> Option<u16> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    digits.parse().ok().filter(|_| plain)
}

/// Labels of letters, digits and `-`, with dots between them.
pub(crate) fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(label)
}

/// Whether a host is one of `suffixes` or lies below one.
pub(crate) fn is_below(host: &str, suffixes: &[String]) -> bool {
    let host = host.to_ascii_lowercase();
    suffixes.iter().any(|suffix| {
        let rest = host.strip_suffix(&suffix.to_ascii_lowercase());
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    })
}

/// A code in capitals takes fewer modules, so its scheme may be in capitals too.
fn with_small_scheme(text: &str) -> String {
    match text.split_once("://") {
        Some((scheme, rest)) if scheme == "HTTPS" || scheme == "HTTP" => {
            format!("{}://{rest}", scheme.to_ascii_lowercase())
        }
        _ => text.to_owned(),
    }
}

/// Whether it is a web address of at most `LINK_BYTES_MAX`, wherever it leads.
pub(crate) fn is_link(text: &str) -> bool {
    text.len() <= LINK_BYTES_MAX && parse(&with_small_scheme(text)).is_ok()
}

/// Whether the text of a code may be shown: an allowed place, and short enough to scan.
pub(crate) fn may_show(
    text: &str,
    suffixes: &[String],
    sandbox: Option<&Url<'_>>,
) -> Result<(), &'static str> {
    if text.len() > QR_TEXT_BYTES_MAX {
        return Err("is too long to scan");
    }
    is_allowed(&with_small_scheme(text), suffixes, sandbox)
}

/// Whether a page may be opened on the box.
pub(crate) fn may_open(
    text: &str,
    suffixes: &[String],
    sandbox: Option<&Url<'_>>,
) -> Result<(), &'static str> {
    if text.len() > LINK_BYTES_MAX {
        return Err("is too long");
    }
    is_allowed(text, suffixes, sandbox)
}

/// https on its usual port, under one of `suffixes`; or, for a sandbox, on the very host and
/// port of the gateway, over http too.
fn is_allowed(
    text: &str,
    suffixes: &[String],
    sandbox: Option<&Url<'_>>,
) -> Result<(), &'static str> {
    let url = parse(text)?;
    if sandbox.is_some_and(|gateway| url.same_place(gateway)) {
        return Ok(());
    }
    match (url.https, url.port) {
        (false, _) => Err("is not https"),
        (true, 443) if is_below(url.host, suffixes) => Ok(()),
        (true, 443) => Err("leads to a host that is not allowed"),
        (true, _) => Err("leads to an unusual port"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split_where_browsers_split_them() {
        let url = parse("https://a.example-1.com:8443/p?q#f").unwrap();
        let expected = Url { https: true, host: "a.example-1.com", port: 8443, rest: "/p?q#f" };
        assert_eq!(url, expected);
        assert_eq!(parse("http://h").unwrap().port, 80);
        assert_eq!(parse("https://h?x").unwrap().rest, "?x");
        let bad = [
            "",
            "h",
            "//h/",
            "ftp://h/",
            "HTTPS://h/",
            "https:/h",
            "https:///",
            "https://:1/",
            "https://u@h/",
            "https://u:p@h/",
            "https://h:/",
            "https://h:0/",
            "https://h:065/",
            "https://h:65536/",
            "https://h:1:2/",
            "https://h:+1/",
            "https://[::1]/",
            "https://h /",
            "https://h\\@evil/",
            "https://h\t/",
            "https://支付.cn/",
            "https://h..x/",
            "https://.h/",
            "https://h./",
            "https://-h/",
            "https://h_x/",
            "https://h%2e/",
            "https://h/\u{202e}",
            "javascript://h/",
            "alipays://platformapi/",
            "data:text/html,x",
            "https://h/\0",
        ];
        for text in bad {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn codes_lead_to_allowed_hosts_only() {
        let hosts = ["qr.alipay.com".to_owned()];
        let show = |text: &str| may_show(text, &hosts, None);
        let longest = format!("https://qr.alipay.com/{}", "x".repeat(QR_TEXT_BYTES_MAX - 22));
        let good = [
            "https://qr.alipay.com/bax03",
            "https://QR.Alipay.com/x",
            "https://a.qr.alipay.com/",
            "https://qr.alipay.com:443/x",
            "https://qr.alipay.com",
            "https://qr.alipay.com?x",
            &longest,
        ];
        for text in good {
            assert_eq!(show(text), Ok(()), "{text}");
        }
        let too_long = format!("{longest}x");
        let bad = [
            "http://qr.alipay.com/x",
            "https://qr.alipay.com:444/x",
            "https://evilqr.alipay.com/x",
            "https://qr.alipay.com.evil.com/x",
            "https://evil.com/qr.alipay.com",
            "https://evil.com#qr.alipay.com",
            "https://evil.com?https://qr.alipay.com/",
            "https://qr.alipay.com@evil.com/",
            "https://qr.alipay.com:443@evil.com/",
            "https://evil.com\\.qr.alipay.com/",
            "https://alipay.com/x",
            "alipays://qr.alipay.com/",
            "https://qr.alıpay.com/x",
            &too_long,
        ];
        for text in bad {
            assert!(show(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pages_lead_to_allowed_hosts_and_may_be_longer_than_codes() {
        let open = |text: &str| may_open(text, &["alipay.com".to_owned()], None);
        let longest = format!("https://tv.alipay.com/{}", "x".repeat(LINK_BYTES_MAX - 22));
        assert_eq!(open(&longest), Ok(()));
        for bad in [&format!("{longest}x"), "https://evil.com/", "http://tv.alipay.com/", "x"] {
            assert!(open(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_sandbox_may_show_its_own_pages() {
        let gateway = parse("http://192.168.1.5:8420/router/rest").unwrap();
        let show = |text: &str| may_show(text, &["qr.alipay.com".to_owned()], Some(&gateway));
        assert_eq!(show("http://192.168.1.5:8420/pay/abc"), Ok(()));
        assert_eq!(show("HTTP://192.168.1.5:8420/Q/ABC"), Ok(()));
        assert_eq!(show("https://qr.alipay.com/x"), Ok(()));
        for text in
            ["http://192.168.1.5/pay", "http://192.168.1.6:8420/", "http://a@192.168.1.5:8420/"]
        {
            assert!(show(text).is_err(), "{text}");
        }
    }
}
