//! The merchant's side: file, key, ledger, and whether the gateways and the notify URL answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::findings::{quoted, Findings};
use super::network::{doubted, is_here, reach, Stamp};
use super::{chmod, space};
use crate::cli::merchant::{asker, ledger_fail, MerchantArgs};
use crate::core::call::DoubtKind;
use crate::core::facts::OrderId;
use crate::core::user::UserId;
use crate::gateway::http::{fetch, Fetch, Http};
use crate::gateway::{url, HttpMethod};
use crate::limits::{DOCTOR_LEDGER_BYTES, HTTP_DEADLINE_S, KEY_TEXT_BYTES_MAX, RSA_BITS_WEAK};
use crate::merchant::advice::{of_code, of_doubt, of_gift};
use crate::merchant::config::{Config, ConfigError, GIFTS_URL_DEFAULT};
use crate::merchant::gifts::{self, GiftFilter, Outcome};
use crate::merchant::ledger::{Filter, Ledger, Which};
use crate::merchant::top::{Ask, Asker, QueryOutcome};
use crate::wire::keys::{PrivateKey, PublicKey};
use crate::wire::notify;

/// An order and a user that no platform has: the answer tells how the question was taken.
const NOBODY: &str = "alitv-pay-doctor";
/// Bytes of the probe: one block of a key of 2,048 bits, which no key opens to a notify.
const PROBE_BYTES: usize = 256;
/// What a receiver says to a notify that it does not understand, and room for more.
const NOTIFY_ANSWER_BYTES_MAX: usize = 256;

/// Looks at the merchant's side, if it is set up here. Its file, if there is one.
pub fn look(
    named: Option<&Path>,
    portal_key: Option<&Path>,
    findings: &mut Findings,
) -> Option<PathBuf> {
    let path = MerchantArgs { config: named.map(Path::to_owned) }.path();
    if named.is_none() && !path.exists() {
        let why = "there is no merchant.toml: name one with --merchant-config";
        findings.skip("merchant", why);
        return None;
    }
    let shown = quoted(&path.display());
    let config = match Config::read(&path) {
        Ok(config) => config,
        Err(error) => {
            let mend = match error.is_missing {
                true => format!("write one: alitv-pay sandbox --merchant-config {shown}"),
                false => chmod(&path).unwrap_or(format!(
                    "correct it; docs/merchant.md section 2 has every key: {shown}"
                )),
            };
            findings.fail("merchant.config", error.to_string(), mend);
            return Some(path);
        }
    };
    let app_key = &config.app.app_key;
    let text = format!("{}: {}, app {app_key}", path.display(), config.environment);
    findings.ok("merchant.config", text);
    let key = key(&config, findings);
    pairing(&config, key.as_ref(), portal_key, findings);
    let sound = ledger(&config, findings);
    if reach("merchant.reach", &config.top.url, findings) && key.is_some() {
        answers(&config, sound, findings);
    }
    gift_gateway(&config, findings);
    receiver(&config, findings);
    Some(path)
}

fn key(config: &Config, findings: &mut Findings) -> Option<PrivateKey> {
    let path = &config.app.private_key;
    let shown = quoted(&path.display());
    match config.private_key() {
        Ok(key) if key.bits() < RSA_BITS_WEAK => {
            let bits = key.bits();
            let text = format!("{} has {bits} bits: {RSA_BITS_WEAK} are usual", path.display());
            let mend =
                "alitv-pay keygen --out new   (then paste its portal line into the open platform)";
            findings.warn("merchant.key", text, mend);
            Some(key)
        }
        Ok(key) => {
            let text =
                format!("{}: {} bits, {}", path.display(), key.bits(), key.public().fingerprint());
            findings.ok("merchant.key", text);
            Some(key)
        }
        Err(error) => {
            findings.fail("merchant.key", error.to_string(), key_mend(&error, path, &shown));
            None
        }
    }
}

fn key_mend(error: &ConfigError, path: &Path, shown: &str) -> String {
    match (error.is_missing, chmod(path)) {
        (true, _) => {
            "make a pair: alitv-pay keygen; name its private half as app.private_key".into()
        }
        (false, Some(chmod)) => chmod,
        (false, None) => format!("see what it is: alitv-pay keys check {shown} --expect private"),
    }
}

/// Whether the open platform has the public half of this key.
fn pairing(
    config: &Config,
    key: Option<&PrivateKey>,
    portal_key: Option<&Path>,
    findings: &mut Findings,
) {
    let Some(key) = key else { return };
    let Some(path) = portal_key else {
        let why = "save the public key that the open platform shows, and give it with --portal-key";
        return findings.skip("merchant.pairing", why);
    };
    let shown = quoted(&path.display());
    let read = crate::config_file::read(path, KEY_TEXT_BYTES_MAX as u64)
        .map_err(|error| error.to_string())
        .and_then(|found| PublicKey::read(&found.text).map_err(|error| error.to_string()));
    let own = key.public().fingerprint();
    match read {
        Err(why) => {
            let mend = format!("see what it is: alitv-pay keys check {shown} --expect public");
            findings.fail("merchant.pairing", format!("{}: {why}", path.display()), mend);
        }
        Ok(theirs) if theirs.fingerprint() == own => {
            findings.ok("merchant.pairing", format!("the open platform has this key: {own}"));
        }
        Ok(theirs) => {
            let text = format!(
                "the open platform has another key: {} there, {own} here",
                theirs.fingerprint()
            );
            let private = quoted(&config.app.private_key.display());
            let mend =
                format!("paste this line into its form: alitv-pay keys show --portal {private}");
            findings.fail("merchant.pairing", text, mend);
        }
    }
}

/// Whether the ledger is there and sound.
fn ledger(config: &Config, findings: &mut Findings) -> bool {
    let path = &config.ledger;
    let name = path.display();
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut sound = false;
    if path.exists() {
        match (Ledger::check(path), chmod(path)) {
            (Ok(orders), None) => {
                findings.ok("merchant.ledger", format!("{name} is sound: {orders} orders"));
                sound = true;
            }
            (Ok(orders), Some(chmod)) => {
                let text = format!("{name} is sound ({orders} orders), and open to others");
                findings.warn("merchant.ledger", text, chmod);
                sound = true;
            }
            (Err(error), _) => findings.failed("merchant.ledger", ledger_fail(error)),
        }
    } else if dir.is_dir() {
        findings
            .ok("merchant.ledger", format!("{name} is made by the first command that needs it"));
    } else {
        let mend = format!("install -d -m 0700 {}", quoted(&dir.display()));
        findings.fail("merchant.ledger", format!("{} is no directory", dir.display()), mend);
    }
    space("merchant.space", dir, DOCTOR_LEDGER_BYTES, findings);
    sound
}

/// Asks what time it is, and where the newest order stands: its answer opens with the right
/// key only.
fn answers(config: &Config, sound: bool, findings: &mut Findings) {
    let asker = match asker(config) {
        Ok(asker) => asker,
        Err(fail) => return findings.failed("merchant.answer", fail),
    };
    let stamp = Stamp::now();
    match asker.client.clock_ms() {
        Ok(server_ms) => stamp.judge("merchant.clock", server_ms, findings),
        Err(doubt) if doubt.detail.starts_with(|c: char| c.is_ascii_digit()) => {
            // The question below is told better.
            findings.skip("merchant.clock", doubt.detail);
        }
        Err(doubt) => return doubted("merchant.answer", &config.top.url, &doubt, findings),
    }
    let newest = sound.then(|| newest(config)).flatten();
    let is_known = newest.is_some();
    let Some(order) = newest.or_else(|| OrderId::new(NOBODY).ok()) else { return };
    judge_answer(config, &asker, &order, is_known, findings);
}

fn newest(config: &Config) -> Option<OrderId> {
    let listed = Ledger::open(&config.ledger).ok()?.list(&Filter::newest(Which::All, 1)).ok()?;
    listed.first().map(|entry| entry.order_no.clone())
}

fn judge_answer(
    config: &Config,
    asker: &Asker,
    order: &OrderId,
    is_known: bool,
    findings: &mut Findings,
) {
    const CHECK: &str = "merchant.answer";
    match asker.order_query(order) {
        QueryOutcome::Order(found) => {
            let text = format!("order {order} is {}, read with this key", found.order_status);
            findings.ok(CHECK, text);
        }
        QueryOutcome::NotFound => {
            let what =
                if is_known { "it has no order {} yet" } else { "no order to try the key with" };
            let what = what.replace("{}", order.as_str());
            findings.ok(CHECK, format!("the gateway takes app_key and app_secret; {what}"));
        }
        QueryOutcome::Refused { code, message } => {
            findings.fail(CHECK, message, of_code(&code).en);
        }
        QueryOutcome::Limited { wait_s } => {
            let text = format!("the gateway wants fewer calls: {wait_s} s to wait");
            findings.warn(CHECK, text, "run it again then");
        }
        QueryOutcome::InDoubt(doubt) if doubt.kind == DoubtKind::Signature => {
            let private = quoted(&config.app.private_key.display());
            let mend = format!(
                "paste this line into the open platform: alitv-pay keys show --portal {private}"
            );
            findings.fail(CHECK, doubt.detail, mend);
        }
        QueryOutcome::InDoubt(doubt) => {
            findings.fail(CHECK, doubt.detail, of_doubt(doubt.kind).en);
        }
    }
}

/// Whether the gift gateway takes the secret. Where the file says nothing of gifts, nobody
/// may have any.
fn gift_gateway(config: &Config, findings: &mut Findings) {
    const CHECK: &str = "merchant.gifts";
    let own_secret = !Arc::ptr_eq(&config.gifts.secret, &config.app.app_secret);
    if config.gifts.url == GIFTS_URL_DEFAULT && !own_secret {
        return findings.skip(CHECK, "merchant.toml has no [gifts]");
    }
    let Ok(nobody) = UserId::new(NOBODY) else { return };
    let client = gifts::Client::new(config, Arc::new(Http::new()));
    match client.query(&nobody, &[], GiftFilter::All) {
        Ok(Outcome::Refused { code, message })
            if code.starts_with("ILLEGAL") || code == "SIGNATURE_EXPIRED" =>
        {
            findings.fail(CHECK, format!("{code}: {message}"), of_gift(&code).en);
        }
        Ok(Outcome::Done(_) | Outcome::Refused { .. }) => {
            findings.ok(CHECK, format!("{} takes the secret", config.gifts.url));
        }
        Ok(Outcome::InDoubt(doubt)) => doubted(CHECK, &config.gifts.url, &doubt, findings),
        Err(refusal) => findings.failed(CHECK, refusal.into()),
    }
}

/// Calls the notify URL with what no key can read. A receiver that works refuses it.
fn receiver(config: &Config, findings: &mut Findings) {
    const CHECK: &str = "merchant.notify";
    let Some(address) = &config.notify.url else {
        return findings.skip(CHECK, "notify.url is not set");
    };
    // What stands behind the `?` may be a token, and what is found is shown to others.
    let place = address.split('?').next().unwrap_or_default();
    let file = quoted(&config.origin.display());
    let here = url::parse(address).is_ok_and(|parsed| is_here(parsed.host));
    let mend = match here {
        true => format!("start it: alitv-pay notify listen --config {file}"),
        false => format!("see how far it comes: curl -v {}", quoted(&place)),
    };
    let mut data = [0; PROBE_BYTES];
    if let Err(error) = getrandom::fill(&mut data) {
        return findings.skip(CHECK, format!("no random numbers: {error}"));
    }
    let answer = fetch(&Fetch {
        method: HttpMethod::Get,
        url: notify::target(address, &base64(&data)),
        content_type: None,
        body: String::new(),
        idempotency_key: None,
        body_bytes_max: NOTIFY_ANSWER_BYTES_MAX,
        deadline_s: HTTP_DEADLINE_S,
    });
    match answer {
        Err(doubt) => findings.fail(CHECK, format!("{place}: {}", doubt.detail), mend),
        Ok(answer) => judge_receiver(place, answer.status, &answer.body, mend, findings),
    }
}

fn judge_receiver(place: &str, status: u16, body: &[u8], mend: String, findings: &mut Findings) {
    const CHECK: &str = "merchant.notify";
    let body = String::from_utf8_lossy(body);
    let body = body.trim();
    if body.eq_ignore_ascii_case("success") {
        let text =
            format!("{place} says success to what nobody can read: it would believe anybody");
        let mend = "decrypt before you answer, and say fail to what does not decrypt: \
                    docs/merchant.md section 4";
        return findings.fail(CHECK, text, mend);
    }
    match (status, body) {
        (200, "fail") => {
            findings.ok(CHECK, format!("{place} answers, and refuses what is no notify"));
        }
        (200..=299, _) => {
            let text = format!("{place} answers, but neither success nor fail");
            findings.warn(CHECK, text, format!("see what stands there: {mend}"));
        }
        _ => findings.fail(CHECK, format!("{place} answers with status {status}"), mend),
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::findings::Verdict;
    use super::*;

    #[test]
    fn a_receiver_that_believes_anybody_is_the_worst() {
        let judge = |status, body: &str| {
            let mut findings = Findings::default();
            judge_receiver("http://h/n", status, body.as_bytes(), "look".into(), &mut findings);
            let found = findings.0.remove(0);
            (found.verdict, found.text)
        };
        assert_eq!(judge(200, "fail").0, Verdict::Ok);
        assert_eq!(judge(200, "<html>hello").0, Verdict::Warn);
        assert_eq!(judge(404, "fail").0, Verdict::Fail);
        assert_eq!(judge(302, "").0, Verdict::Fail);
        for status in [200, 500] {
            let (verdict, text) = judge(status, "Success\n");
            assert!(verdict == Verdict::Fail && text.contains("believe anybody"), "{text}");
        }
    }
}
