//! The two files the sandbox writes, for its owner only and never half.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;

use super::apps::App;
use super::rng::Rng;
use super::state::State;
use super::Running;
use crate::limits::SANDBOX_STATE_BYTES_MAX;

/// Writes a file of mode 0600 under another name and moves it into place.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?.to_owned();
    name.push(format!(".{}.tmp", std::process::id()));
    let beside = path.with_file_name(name);
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    written.and_then(|()| fs::rename(&beside, path)).inspect_err(|_| {
        // Best effort: what counts is the first error.
        let _ = fs::remove_file(&beside);
    })
}

/// The state in a file, or a new one if there is no file.
pub fn read_state(path: &Path, rng: Rng) -> io::Result<State> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::new(rng)),
        Err(error) => return Err(about(path, error)),
    };
    let mut bytes = Vec::new();
    file.take(SANDBOX_STATE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|e| about(path, e))?;
    let invalid = |text: String| about(path, io::Error::new(io::ErrorKind::InvalidData, text));
    if bytes.len() as u64 > SANDBOX_STATE_BYTES_MAX {
        return Err(invalid(format!("larger than {SANDBOX_STATE_BYTES_MAX} bytes")));
    }
    let saved = serde_json::from_slice(&bytes).map_err(|error| invalid(error.to_string()))?;
    State::restore(saved, rng).map_err(invalid)
}

/// Everything a script needs to know.
pub fn write_ready(path: &Path, running: &Running) -> io::Result<()> {
    let app = |app: &App| {
        json!({
            "app_key": app.app_key,
            "app_secret": app.app_secret,
            "name": app.name,
            "rsa_private_key_pem": App::RSA_PRIVATE_KEY_PEM,
            "rsa_public_key_pem": App::RSA_PUBLIC_KEY_PEM,
        })
    };
    let ready = json!({
        "base_url": running.base_url,
        "gateways": { "alitv": running.gateway_url },
        "control_url": running.control_url,
        "control_token": running.control_token,
        "pid": std::process::id(),
        "apps": running.apps.iter().map(app).collect::<Vec<_>>(),
    });
    write_private(path, format!("{ready:#}\n").as_bytes()).map_err(|error| about(path, error))
}

fn about(path: &Path, error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
