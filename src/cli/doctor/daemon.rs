//! The box's side: configuration, journal, socket, and how the daemon sees the gateway.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use super::findings::{quoted, Findings};
use super::network::{doubted, reach, Stamp};
use super::{chmod, space};
use crate::cli::args::Global;
use crate::cli::clock;
use crate::cli::session::Session;
use crate::core::call::{Ask, Call, Reply};
use crate::core::code::Code;
use crate::core::engine::Engine;
use crate::daemon::{self, config::CONFIG_PATH, Checked};
use crate::gateway::http::Http;
use crate::gateway::Gateway;
use crate::ipc::path::candidates;
use crate::ipc::proto::{self, AppRef, SDK_VERSION};
use crate::ipc::sys::own_uid;
use crate::limits::{JOURNAL_HEADER_BYTES, SEGMENT_BYTES};
use crate::store::{inspect, Inspected, OpenError};

/// Looks at the daemon, if one is set up here. The file of its configuration, if it is known.
pub fn look(named: Option<&Path>, global: &Global, findings: &mut Findings) -> Option<PathBuf> {
    let usual = Path::new(CONFIG_PATH);
    let file = named.or_else(|| Some(usual).filter(|path| path.exists()));
    let sockets = candidates(own_uid() == 0);
    let socket =
        global.socket.clone().or_else(|| sockets.iter().find(|path| path.exists()).cloned());
    if file.is_none() && socket.is_none() {
        let why =
            format!("there is no {CONFIG_PATH} and no socket: name a file with --daemon-config");
        findings.skip("daemon", why);
        return None;
    }
    let checked = file.and_then(|file| configuration(file, named.is_some(), findings));
    if let Some(checked) = &checked {
        journal(checked, findings);
    }
    let socket =
        global.socket.clone().or_else(|| Some(checked.as_ref()?.socket.clone())).or(socket);
    if let Some(socket) = socket {
        let start = match file.filter(|_| checked.is_some()) {
            Some(file) => format!("alitv-payd --config {}", quoted(&file.display())),
            None => "alitv-payd".into(),
        };
        connection(&socket, &start, global, findings);
    }
    if let (Some(checked), Some(file)) = (&checked, file) {
        if reach("daemon.reach", &checked.url, findings) {
            answers(checked, file, findings);
        }
    }
    file.map(Path::to_owned)
}

fn configuration(file: &Path, is_named: bool, findings: &mut Findings) -> Option<Checked> {
    let shown = quoted(&file.display());
    let check = format!("alitv-payd --check --config {shown}");
    match daemon::check(file) {
        Ok(checked) => {
            let apps = checked.apps.len();
            let text = format!("{}: {}, apps: {apps}", file.display(), checked.environment);
            match checked.warnings.first() {
                None => findings.ok("daemon.config", text),
                Some(warning) => {
                    let mend = chmod(file).or_else(|| chmod(&file_of(warning)?)).unwrap_or(check);
                    findings.warn("daemon.config", format!("{text}; {warning}"), mend);
                }
            }
            Some(checked)
        }
        Err(failure) if failure.exit == daemon::exit::NO_CONFIG => {
            if file.exists() && own_uid() != 0 {
                findings.skip("daemon.config", format!("{failure}: sudo alitv-pay doctor"));
            } else {
                let mend = match is_named {
                    true => format!("write one: alitv-pay sandbox --daemon-config {shown}"),
                    false => check,
                };
                findings.fail("daemon.config", failure.message, mend);
            }
            None
        }
        Err(failure) => {
            let named = file_of(&failure.message).and_then(|file| chmod(&file));
            let mend = chmod(file).or(named).unwrap_or(format!("correct it, then: {check}"));
            findings.fail("daemon.config", failure.message, mend);
            None
        }
    }
}

/// The file with a secret that a sentence about a configuration names, if it names one.
fn file_of(sentence: &str) -> Option<PathBuf> {
    let (_, rest) = sentence.split_once("_file of ")?;
    let path = rest.split(": ").nth(1)?;
    Some(PathBuf::from(path)).filter(|path| path.is_absolute())
}

fn journal(checked: &Checked, findings: &mut Findings) {
    let dir = checked.journal.display();
    let mut needed = 2 * JOURNAL_HEADER_BYTES as u64;
    match inspect(&checked.journal, checked.environment.as_str()) {
        Ok(Inspected::Empty) => {
            needed += 2 * SEGMENT_BYTES;
            findings.ok("daemon.journal", format!("{dir} holds nothing yet"));
        }
        Ok(Inspected::InUse) => {
            let text = format!("{dir} is in use; it was checked when that began");
            findings.ok("daemon.journal", text);
        }
        Ok(Inspected::Whole { records, notes }) => {
            let count = records.len();
            let mut engine = Engine::new(checked.apps.iter().cloned());
            let replayed = records.into_iter().try_for_each(|record| engine.replay(record));
            match (replayed, notes.first()) {
                (Err(why), _) => damaged(&format!("{dir}: {why}"), findings),
                (Ok(()), None) => {
                    findings.ok("daemon.journal", format!("{dir} is whole: {count} records"));
                }
                (Ok(()), Some(note)) => {
                    let mend = "start the daemon: it mends that by itself";
                    findings.warn("daemon.journal", format!("{dir}: {note}"), mend);
                }
            }
        }
        Err(OpenError::Io { error, .. })
            if error.kind() == ErrorKind::PermissionDenied && own_uid() != 0 =>
        {
            let why = format!("{dir}: {error}: sudo alitv-pay doctor");
            findings.skip("daemon.journal", why);
        }
        Err(error) => damaged(&format!("{dir}: {error}"), findings),
    }
    space("daemon.space", &checked.journal, needed, findings);
}

fn damaged(text: &str, findings: &mut Findings) {
    let mend =
        "keep the directory, do not start the daemon in a loop: docs/operations.md section 5";
    findings.fail("daemon.journal", text, mend);
}

/// Whether the daemon can be talked to, and what it says of itself.
fn connection(socket: &Path, start: &str, global: &Global, findings: &mut Findings) {
    let shown = socket.display();
    if let Err(error) = UnixStream::connect(socket) {
        return match error.kind() {
            ErrorKind::PermissionDenied => forbidden(socket, findings),
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
                findings.fail("daemon.socket", format!("nobody listens at {shown}"), start);
            }
            _ => findings.fail("daemon.socket", format!("{shown}: {error}"), start),
        };
    }
    let global = Global { socket: Some(socket.to_owned()), ..global.clone() };
    let asked = Session::open(&global).and_then(|mut session| {
        let version: proto::Version = session.call("version", &AppRef::default())?;
        let status: proto::Status = session.call("status", &serde_json::json!({}))?;
        Ok((version, status))
    });
    match asked {
        Err(fail) => findings.failed("daemon.socket", fail),
        Ok((version, status)) => {
            let up_s = status.uptime_s;
            let text = format!("{shown}: {} answers, up {up_s} s", version.server);
            findings.ok("daemon.socket", text);
            same_version(&version, findings);
            as_the_daemon_sees_it(&status, findings);
        }
    }
}

fn forbidden(socket: &Path, findings: &mut Findings) {
    let shown = quoted(&socket.display());
    let rights = |path: &Path| {
        let found = path.metadata().ok()?;
        let (mode, uid, gid) = (found.mode() & 0o7777, found.uid(), found.gid());
        Some(format!("{} has mode {mode:04o}, uid {uid}, gid {gid}", path.display()))
    };
    let found = rights(socket).or_else(|| rights(socket.parent()?)).unwrap_or_default();
    let text = format!("uid {} may not talk to the daemon: {found}", own_uid());
    let place = if socket.exists() { shown } else { format!("$(dirname {shown})") };
    let mend =
        format!("sudo usermod -aG \"$(stat -c %G {place})\" \"$(id -un)\"   (and sign in again)");
    findings.fail("daemon.socket", text, mend);
}

fn same_version(version: &proto::Version, findings: &mut Findings) {
    let theirs = &version.sdk_version;
    if theirs == SDK_VERSION {
        return findings.ok("daemon.version", format!("{theirs}, as this program"));
    }
    let text = format!("the daemon that runs is {theirs}, this program is {SDK_VERSION}");
    let mend = "install both of one version, then restart the daemon: systemctl restart alitv-payd";
    findings.warn("daemon.version", text, mend);
}

fn as_the_daemon_sees_it(status: &proto::Status, findings: &mut Findings) {
    let code = status.gateway_result;
    if code != Code::OK {
        let text = format!("the daemon's last call: {} {}", code.name(), code.sentence());
        findings.fail(
            "daemon.gateway",
            text,
            "what stands below tells why; else its log: alitv-pay log",
        );
    } else if status.gateway_online {
        findings.ok("daemon.gateway", "the daemon's last call was answered");
    } else {
        findings.ok("daemon.gateway", "the daemon has not asked yet");
    }
}

/// Asks the gateway in the name of each app what time it is and what it offers. The second
/// question is signed, so that a wrong secret shows.
fn answers(checked: &Checked, file: &Path, findings: &mut Findings) {
    let http = Http::new();
    let mut clock_ms = None;
    for app_key in &checked.apps {
        let call = Call { app_key: app_key.clone(), session: None, ask: Ask::Probe };
        let stamp = Stamp::now();
        match checked.gateway.run(&call, clock::now_ms(), &http) {
            Reply::Probed { server_ms, .. } => clock_ms = Some((stamp, server_ms)),
            Reply::InDoubt(doubt) if is_about_the_app(&doubt.detail) => {
                let text = format!("app {app_key}: {}", doubt.detail);
                let mend = format!(
                    "compare its app_key and app_secret in {} with the open platform's",
                    quoted(&file.display())
                );
                findings.fail("daemon.answer", text, mend);
                return;
            }
            Reply::InDoubt(doubt) => {
                return doubted("daemon.answer", &checked.url, &doubt, findings)
            }
            Reply::Throttled { after_s } => {
                let text = format!("the gateway wants fewer calls: {after_s} s to wait");
                return findings.warn("daemon.answer", text, "run it again then");
            }
            other => {
                let text = format!("no answer to a question about the clock: {other:?}");
                return findings.fail("daemon.answer", text, "report this as a bug");
            }
        }
    }
    findings.ok("daemon.answer", "the gateway takes key and secret of each app");
    if let Some((stamp, server_ms)) = clock_ms {
        stamp.judge("daemon.clock", server_ms, findings);
    }
}

/// The platform's numbers for a signature that does not match, and for an app that it does
/// not know.
fn is_about_the_app(sentence: &str) -> bool {
    ["25 ", "29 "].iter().any(|number| sentence.starts_with(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_a_secret_is_found_in_the_sentence_about_it() {
        let sentence = "app.token_file of 23012345: /etc/x/token: mode 0644 lets others";
        assert_eq!(file_of(sentence), Some(PathBuf::from("/etc/x/token")));
        for other in ["", "mode 0644 lets others", "app.token_file of 1: gone", "x_file of : y: z"]
        {
            assert_eq!(file_of(other), None, "{other}");
        }
    }

    #[test]
    fn who_may_not_connect_is_told_the_group_to_join() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("a b.sock");
        for place in ["$(dirname '", "$(stat -c %G '"] {
            let mut findings = Findings::default();
            forbidden(&socket, &mut findings);
            let (text, mend) = (&findings.0[0].text, findings.0[0].mend.as_ref().unwrap());
            assert!(text.contains(", gid ") && mend.contains("sudo usermod -aG"), "{text} {mend}");
            assert!(mend.contains(place), "{mend}");
            std::fs::write(&socket, "").unwrap();
        }
    }
}
