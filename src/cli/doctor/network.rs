//! The way to a gateway, and its clock.

use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use super::findings::{quoted, Findings};
use crate::cli::clock;
use crate::core::call::{Doubt, DoubtKind};
use crate::gateway::url;
use crate::limits::{DOCTOR_SKEW_MS, HTTP_DEADLINE_S, TOP_SKEW_MS_MAX};

/// Whether the host of `url` has an address and somebody listens there.
pub fn reach(check: &'static str, address: &str, findings: &mut Findings) -> bool {
    let Ok(parsed) = url::parse(address) else {
        findings.skip(check, format!("{address} is no URL"));
        return false;
    };
    let (host, port) = (parsed.host.to_owned(), parsed.port);
    let began = Instant::now();
    let reached = within(Duration::from_secs(HTTP_DEADLINE_S), move || connect(&host, port));
    let host = parsed.host;
    match reached {
        Some(Ok(peer)) => {
            let ms = began.elapsed().as_millis();
            findings.ok(check, format!("{host} is {peer}, connected in {ms} ms"));
            return true;
        }
        Some(Err(Unreached::NoAddress(why))) => {
            let text = format!("{host} has no address: {why}");
            findings.fail(check, text, format!("look at the names: getent hosts {host}"));
        }
        Some(Err(Unreached::NoAnswer(why))) => {
            findings.fail(check, format!("{host}:{port}: {why}"), another_look(address));
        }
        None => {
            let text = format!("{host}:{port}: nothing within {HTTP_DEADLINE_S} s");
            findings.fail(check, text, another_look(address));
        }
    }
    false
}

/// What to do about an address where nobody answers.
fn another_look(address: &str) -> String {
    match url::parse(address) {
        Ok(parsed) if is_here(parsed.host) => {
            format!("start a sandbox: alitv-pay sandbox --port {}", parsed.port)
        }
        _ => format!("see how far it comes: curl -v {}", quoted(&address)),
    }
}

/// Whether a host of a URL is this machine.
pub fn is_here(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.starts_with("127.")
}

enum Unreached {
    NoAddress(String),
    NoAnswer(String),
}

fn connect(host: &str, port: u16) -> Result<SocketAddr, Unreached> {
    let addresses =
        (host, port).to_socket_addrs().map_err(|error| Unreached::NoAddress(error.to_string()))?;
    let mut why = Unreached::NoAddress("the name has none".into());
    for address in addresses {
        match TcpStream::connect_timeout(&address, Duration::from_secs(HTTP_DEADLINE_S)) {
            Ok(_) => return Ok(address),
            Err(error) => why = Unreached::NoAnswer(error.to_string()),
        }
    }
    Err(why)
}

/// Name resolution heeds no deadline: a thread that takes longer is left behind.
fn within<T: Send + 'static>(
    deadline: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, result) = sync_channel(1);
    // The receiver is gone if the deadline has passed; so is the need to know.
    thread::Builder::new().spawn(move || drop(done.send(work()))).ok()?;
    result.recv_timeout(deadline).ok()
}

/// When a question was sent and answered, by this machine's clock.
pub struct Stamp {
    sent_ms: i64,
}

impl Stamp {
    /// The question is being sent.
    pub fn now() -> Stamp {
        Stamp { sent_ms: clock::now_ms() }
    }

    /// Judges this machine's clock by that of a gateway which has just answered.
    pub fn judge(&self, check: &'static str, server_ms: i64, findings: &mut Findings) {
        // Half of the way there and back, as the answer was under way about so long.
        let here_ms = self.sent_ms + (clock::now_ms() - self.sent_ms) / 2;
        let ahead_ms = here_ms.saturating_sub(server_ms);
        let off_s = ahead_ms.abs() / 1_000;
        let side = if ahead_ms < 0 { "behind" } else { "ahead of" };
        let text = format!("this machine is {off_s} s {side} the gateway");
        let mend = format!("date -s @{}", server_ms / 1_000);
        if ahead_ms.abs() > TOP_SKEW_MS_MAX {
            let most_s = TOP_SKEW_MS_MAX / 1_000;
            let text = format!("{text}: calls that are more than {most_s} s off are refused");
            findings.fail(check, text, mend);
        } else if ahead_ms.abs() > DOCTOR_SKEW_MS {
            findings.warn(check, text, mend);
        } else {
            findings.ok(check, text);
        }
    }
}

/// A question without a usable answer, from an address that was reached.
pub fn doubted(check: &'static str, address: &str, doubt: &Doubt, findings: &mut Findings) {
    let mend = match doubt.kind {
        DoubtKind::Clock => "set the clock: timedatectl set-ntp true".to_owned(),
        DoubtKind::Network | DoubtKind::Gateway | DoubtKind::Signature => {
            format!("see what answers there: curl -v {}", quoted(&address))
        }
    };
    findings.fail(check, doubt.detail.clone(), mend);
}

#[cfg(test)]
mod tests {
    use super::super::findings::Verdict;
    use super::*;

    #[test]
    fn clocks_are_judged_by_their_distance() {
        for (off_ms, verdict) in [
            (0, Verdict::Ok),
            (DOCTOR_SKEW_MS - 1_000, Verdict::Ok),
            (DOCTOR_SKEW_MS + 2_000, Verdict::Warn),
            (TOP_SKEW_MS_MAX - 2_000, Verdict::Warn),
            (TOP_SKEW_MS_MAX + 2_000, Verdict::Fail),
        ] {
            for (off_ms, side) in [(off_ms, "behind"), (-off_ms, "ahead of")] {
                let mut findings = Findings::default();
                let stamp = Stamp::now();
                let server_ms = stamp.sent_ms + off_ms;
                stamp.judge("clock", server_ms, &mut findings);
                let found = &findings.0[0];
                assert_eq!(found.verdict, verdict, "{off_ms}");
                assert!(off_ms == 0 || found.text.contains(side), "{off_ms}: {}", found.text);
                let date = format!("date -s @{}", server_ms / 1_000);
                assert!(found.mend.as_ref().is_none_or(|mend| *mend == date));
            }
        }
    }

    #[test]
    fn a_port_without_a_listener_is_told_with_what_to_do() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        let address = format!("http://127.0.0.1:{port}/router/rest");
        let mut findings = Findings::default();
        assert!(reach("reach", &address, &mut findings));
        drop(free);
        assert!(!reach("reach", &address, &mut findings));
        let mend = findings.0[1].mend.clone().unwrap();
        assert!(mend.contains(&format!("alitv-pay sandbox --port {port}")), "{mend}");
        assert!(another_look("https://h.example/x?a=1&b").ends_with("'https://h.example/x?a=1&b'"));
    }
}
