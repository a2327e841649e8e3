//! The files of the sandbox. Those it writes are for its owner only and never half.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde_json::json;

use super::apps::App;
use super::rng::Rng;
use super::seed::Seed;
use super::shared::wall_ms;
use super::state::State;
use super::Running;
use crate::limits::{SANDBOX_SEED_BYTES_MAX, SANDBOX_STATE_BYTES_MAX};

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
pub fn read_state(path: &Path, seed: Option<Seed>, rng: Rng) -> io::Result<State> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(State::new(seed.unwrap_or_default(), rng, wall_ms()));
        }
        Err(error) => return Err(about(path, error)),
    };
    let bytes = read_whole(file, SANDBOX_STATE_BYTES_MAX).map_err(|error| about(path, error))?;
    State::restore(&bytes, seed, rng).map_err(|text| about(path, invalid(text)))
}

/// The seed in a file.
pub fn read_seed(path: &Path) -> io::Result<Seed> {
    let read = || {
        let bytes = read_whole(File::open(path)?, SANDBOX_SEED_BYTES_MAX)?;
        let text = String::from_utf8(bytes).map_err(|_| invalid("is not UTF-8".into()))?;
        Seed::parse(&text).map_err(invalid)
    };
    read().map_err(|error| about(path, error))
}

fn read_whole(file: File, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(bytes_max + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        return Err(invalid(format!("larger than {bytes_max} bytes")));
    }
    Ok(bytes)
}

fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, text)
}

/// Everything a script needs to know.
pub fn write_ready(path: &Path, running: &Running) -> io::Result<()> {
    let app = |app: &App| {
        json!({
            "app_key": app.app_key,
            "app_secret": app.app_secret,
            "name": app.name,
            "gift_secret": app.gift_secret,
            "rsa_private_key_pem": app.is_demo().then_some(App::RSA_PRIVATE_KEY_PEM),
            "rsa_public_key_pem": app.public_key,
        })
    };
    let ready = json!({
        "base_url": running.base_url,
        "operator_url": running.operator_url,
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
