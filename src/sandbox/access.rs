//! Who may use the operator's page: whoever sits at this machine, and whoever has shown the
//! control token. The forms carry a token of their own, since a page of another origin can
//! make the operator's browser send a form, but cannot read one.

use std::net::{IpAddr, SocketAddr};

use axum::extract::connect_info::Connected;
use axum::http::{header, HeaderMap};
use axum::serve::IncomingStream;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::server::Limited;
use crate::wire::secret::Secret;

/// Name of the cookie of who has shown the token.
const COOKIE: &str = "alitv_operator";
/// What a proxy adds: the peer is then not the one who asks.
const PROXY_HEADERS: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

impl Connected<IncomingStream<'_, Limited>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Limited>) -> Peer {
        Peer(*stream.remote_addr())
    }
}

/// What opens the operator's page and what its forms prove themselves by. Both follow from
/// the control token, so that they end with it.
pub struct Pass {
    cookie: String,
    form_token: String,
}

impl Pass {
    /// Of a sandbox with this control token.
    pub fn new(control_token: &Secret) -> Pass {
        Pass {
            cookie: derive(control_token, "operator cookie"),
            form_token: derive(control_token, "operator form"),
        }
    }

    /// Whether this peer, with these headers, may use the operator's page.
    pub fn admits(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let proxied = PROXY_HEADERS.iter().any(|name| headers.contains_key(*name));
        (peer.to_canonical().is_loopback() && !proxied) || self.is_shown(headers)
    }

    /// Whether the control token was shown, by its cookie.
    pub fn is_shown(&self, headers: &HeaderMap) -> bool {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut cookies = lines.flat_map(|line| line.split(';'));
        cookies.any(|cookie| {
            let value = cookie.trim().strip_prefix(COOKIE).and_then(|rest| rest.strip_prefix('='));
            value.is_some_and(|value| equal(value, &self.cookie))
        })
    }

    /// `Set-Cookie` for who has shown the control token.
    pub fn cookie(&self) -> String {
        format!("{COOKIE}={}; Path=/operator; HttpOnly; SameSite=Strict", self.cookie)
    }

    /// The hidden field of every form.
    pub fn form_token(&self) -> &str {
        &self.form_token
    }

    /// Whether a form came from a page of ours.
    pub fn is_genuine(&self, form_token: &str) -> bool {
        equal(form_token, &self.form_token)
    }
}

/// Compares without telling by time where two texts differ.
pub fn equal(presented: &str, own: &str) -> bool {
    presented.as_bytes().ct_eq(own.as_bytes()).into()
}

fn derive(key: &Secret, purpose: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(key.as_bytes());
    let mut mac = mac.expect("HMAC takes a key of any length");
    mac.update(purpose.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn pass() -> Pass {
        Pass::new(&Secret::new("a-control-token").unwrap())
    }

    fn with(name: &str, value: &str) -> HeaderMap {
        let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
        HeaderMap::from_iter([(name, HeaderValue::from_str(value).unwrap())])
    }

    fn admits(peer: &str, headers: &HeaderMap) -> bool {
        pass().admits(peer.parse().unwrap(), headers)
    }

    #[test]
    fn only_this_machine_and_holders_of_the_token_are_let_in() {
        let none = HeaderMap::new();
        for peer in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(admits(peer, &none), "{peer}");
            for name in PROXY_HEADERS {
                assert!(!admits(peer, &with(name, "127.0.0.1")), "{peer} {name}");
            }
        }
        let cookie = pass().cookie();
        let shown = with("cookie", &format!("a=b; {}", cookie.split(';').next().unwrap()));
        for peer in ["192.168.1.5", "0.0.0.0", "10.0.0.1", "::ffff:10.0.0.1", "fe80::1"] {
            assert!(!admits(peer, &none), "{peer}");
            assert!(admits(peer, &shown), "{peer}");
        }
    }

    #[test]
    fn only_the_whole_right_cookie_counts() {
        let right = pass().cookie().split(';').next().unwrap().to_owned();
        let other = Pass::new(&Secret::new("another").unwrap()).cookie();
        let form = format!("{COOKIE}={}", pass().form_token());
        for wrong in [
            "",
            &right[..right.len() - 1],
            &format!("{right}0"),
            &format!("x{right}"),
            &format!("{COOKIE}="),
            &format!("{COOKIE}=a-control-token"),
            other.split(';').next().unwrap(),
            &form,
        ] {
            assert!(!admits("10.0.0.1", &with("cookie", wrong)), "{wrong}");
        }
    }

    #[test]
    fn a_form_is_genuine_with_its_own_token_only() {
        let pass = pass();
        assert!(pass.is_genuine(pass.form_token()));
        for wrong in ["", "a-control-token", &pass.form_token()[1..], &pass.cookie] {
            assert!(!pass.is_genuine(wrong), "{wrong}");
        }
    }
}
