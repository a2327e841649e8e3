//! What was found, as a file for support. It holds no secret: of the configuration only the
//! members that are none.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::{json, Value};

use super::findings::{quoted, Findings};
use crate::cli::clock;
use crate::cli::exit::{Fail, OTHER};
use crate::cli::sys::glibc_version;
use crate::ipc::proto::SDK_VERSION;

/// What stands in the place of a secret.
const HIDDEN: &str = "(hidden)";

/// Writes the file, anew and with mode 0600.
///
/// # Errors
/// It is there already, or cannot be written.
pub fn write(path: &Path, configurations: &[&Path], findings: &Findings) -> Result<(), Fail> {
    let files: Vec<Value> = configurations.iter().map(|file| configuration(file)).collect();
    let kernel = fs::read_to_string("/proc/version").unwrap_or_default();
    let bundle = json!({
        "made": clock::rfc3339(clock::now_ms()),
        "sdk_version": SDK_VERSION,
        "architecture": std::env::consts::ARCH,
        "kernel": kernel.trim(),
        "glibc": glibc_version(),
        "findings": findings.0,
        "configurations": files,
    });
    let fail = |error: std::io::Error| {
        let next =
            format!("name a new file: alitv-pay doctor --bundle {}", quoted(&"support.json"));
        Fail::new(OTHER, format!("{}: {error}", path.display()), next)
    };
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(0o600).open(path).map_err(fail)?;
    file.write_all(format!("{bundle:#}\n").as_bytes()).map_err(fail)
}

fn configuration(path: &Path) -> Value {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return json!({ "file": path, "error": error.to_string() }),
    };
    // The library's own sentence quotes the line, which may hold a secret.
    match toml::from_str::<Value>(&text) {
        Ok(value) => json!({ "file": path, "value": without_secrets(value) }),
        Err(_) => json!({ "file": path, "error": "is no TOML" }),
    }
}

fn without_secrets(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let told = members.into_iter().map(|(name, value)| match is_secret(&name) {
                true => (name, HIDDEN.into()),
                false => (name, without_secrets(value)),
            });
            Value::Object(told.collect())
        }
        Value::Array(entries) => entries.into_iter().map(without_secrets).collect(),
        // A URL may carry a token in its query, or a name and a password.
        Value::String(text) if text.contains("://") => {
            let (place, query) =
                text.split_once('?').map_or((&*text, ""), |(place, _)| (place, "?.."));
            let (scheme, rest) = place.split_once("://").unwrap_or(("", place));
            let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            Value::String(format!("{scheme}://{rest}{query}"))
        }
        other => other,
    }
}

/// Names of files stay: where a secret is, is none.
fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = ["secret", "token", "password", "passwd"];
    words.iter().any(|word| name.contains(word)) && !name.ends_with("_file")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_left_out_wherever_they_stand() {
        let text = "environment = \"sandbox\"\n[app]\napp_key = \"1\"\napp_secret = \"S3\"\n\
            app_secret_file = \"/etc/s\"\n[notify]\nurl = \"https://u:S3@h/n?token=S3\"\n\
            [[list]]\ndeep = { Token = \"S3\", x = [ { gift_secret = 3 } ] }\n";
        let told = without_secrets(toml::from_str(text).unwrap()).to_string();
        assert!(!told.contains("S3") && !told.contains('3'), "{told}");
        for kept in ["sandbox", "/etc/s", "https://h/n?..", HIDDEN] {
            assert!(told.contains(kept), "{kept}: {told}");
        }
    }
}
