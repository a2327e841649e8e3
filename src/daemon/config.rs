//! What a daemon is told: the file `alitv-pay.toml`, or the same as a value made in code.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

pub use crate::config_file::ConfigError;
use crate::config_file::{self, toml_text};
use crate::core::facts::AppKey;
use crate::gateway::alitv::is_device_id;
use crate::gateway::Environment;
use crate::limits::{
    APPS_MAX, CONFIG_BYTES_MAX, DEVICE_ID_BYTES_MAX, PATH_BYTES_MAX, QR_HOSTS_MAX,
    SECRET_BYTES_MAX, SOCKET_PATH_BYTES_MAX, UIDS_PER_APP_MAX,
};
use crate::wire::secret::Secret;

/// Where the file is, unless `--config` says otherwise.
pub const CONFIG_PATH: &str = "/etc/alitv-pay/alitv-pay.toml";

/// Everything a daemon or an embedded engine needs to know. `check` holds its bounds.
pub struct Config {
    /// Whether money is real.
    pub environment: Environment,
    /// Directory of the journal.
    pub journal: PathBuf,
    /// Where to listen, or none for the usual place. Not used in embedded mode.
    pub socket: Option<PathBuf>,
    /// Allows an `http` gateway; legal in the sandbox environment only.
    pub allow_http: bool,
    /// URL of the alitv gateway.
    pub url: String,
    /// Hosts that codes may lead to; empty means the gateway's own default.
    pub qr_hosts: Vec<String>,
    /// Names this box to the gateway, or none: one is made and kept beside the journal.
    pub device_id: Option<String>,
    /// Where log lines go. Not used in embedded mode.
    pub log: Log,
    /// One to `APPS_MAX` apps.
    pub apps: Vec<App>,
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// What is left out.
    pub level: log::LevelFilter,
    /// None: standard error.
    pub file: Option<PathBuf>,
}

impl Default for Log {
    fn default() -> Log {
        Log { level: log::LevelFilter::Info, file: None }
    }
}

/// One app, and who may act for it.
pub struct App {
    /// Its name at the platform.
    pub app_key: AppKey,
    /// What its calls are signed with.
    pub app_secret: Secret,
    /// Users that may act for it.
    pub uids: Vec<u32>,
    /// What such a user has to present as well.
    pub token: Option<Secret>,
}

/// A configuration, and what is worth a warning about it.
pub struct Loaded {
    /// Checked.
    pub config: Config,
    /// One English sentence each.
    pub warnings: Vec<String>,
}

impl Config {
    /// Reads and checks a file and the secret files it names.
    ///
    /// # Errors
    /// The first thing that is wrong: key, bound and file.
    pub fn read(path: &Path) -> Result<Loaded, ConfigError> {
        let mut warnings = Vec::new();
        let found = config_file::read(path, CONFIG_BYTES_MAX)
            .map_err(|error| ConfigError::missing(path, &error))?;
        let bad = |message: String| ConfigError::refused(path, message);
        let raw: RawConfig =
            toml::from_str(&found.text).map_err(|error| bad(toml_text(&error, &found.text)))?;
        let holds_secrets = raw.app.iter().any(|app| app.app_secret.is_some());
        let secret = found.open_to_others().filter(|_| holds_secrets);
        for text in [secret, found.changeable_by_others()].into_iter().flatten() {
            permit(raw.environment, text, &mut warnings).map_err(bad)?;
        }
        let config = raw.into_config(path, &mut warnings)?;
        config.check().map_err(bad)?;
        Ok(Loaded { config, warnings })
    }

    /// Holds every bound that does not need the outside.
    ///
    /// # Errors
    /// A sentence that names the key and the bound.
    pub fn check(&self) -> Result<(), String> {
        path("journal", &self.journal, PATH_BYTES_MAX)?;
        if let Some(socket) = &self.socket {
            path("socket", socket, SOCKET_PATH_BYTES_MAX)?;
        }
        if let Some(file) = &self.log.file {
            path("log.file", file, PATH_BYTES_MAX)?;
        }
        if self.allow_http && self.environment == Environment::Production {
            return Err("allow_http is legal with environment = \"sandbox\" only".into());
        }
        at_most("alitv.qr_hosts", self.qr_hosts.len(), QR_HOSTS_MAX)?;
        let plain = |host: &String| {
            let label = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
            (1..=253).contains(&host.len()) && host.bytes().all(label) && !host.starts_with('.')
        };
        if let Some(host) = self.qr_hosts.iter().find(|host| !plain(host)) {
            return Err(format!("alitv.qr_hosts: {host:?} is no plain host name"));
        }
        if !self.device_id.as_deref().is_none_or(is_device_id) {
            return Err(format!(
                "alitv.device_id must be 1 to {DEVICE_ID_BYTES_MAX} printable ASCII characters"
            ));
        }
        self.check_apps()
    }

    fn check_apps(&self) -> Result<(), String> {
        if self.apps.is_empty() {
            return Err(format!("app: at least one [[app]] is needed, at most {APPS_MAX}"));
        }
        at_most("app", self.apps.len(), APPS_MAX)?;
        for (number, app) in self.apps.iter().enumerate() {
            let key = &app.app_key;
            if self.apps[..number].iter().any(|other| other.app_key == *key) {
                return Err(format!("app.app_key {key} is there twice"));
            }
            at_most(&format!("app.uids of {key}"), app.uids.len(), UIDS_PER_APP_MAX)?;
            let same = |other: &App| other.token.is_some() && other.token == app.token;
            if self.apps[..number].iter().any(same) {
                return Err(format!("app.token_file of {key} has the token of another app"));
            }
        }
        Ok(())
    }

    /// Equal for two configurations whose engines would do the same. Does not give away the
    /// secrets in it.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut add = |bytes: &[u8]| {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        add(self.environment.as_str().as_bytes());
        add(&[u8::from(self.allow_http)]);
        add(self.url.as_bytes());
        add(&(self.qr_hosts.len() as u64).to_le_bytes());
        self.qr_hosts.iter().for_each(|host| add(host.as_bytes()));
        add(self.device_id.as_deref().unwrap_or("").as_bytes());
        let mut apps: Vec<&App> = self.apps.iter().collect();
        apps.sort_by(|a, b| a.app_key.cmp(&b.app_key));
        for app in apps {
            add(app.app_key.as_str().as_bytes());
            add(app.app_secret.as_bytes());
        }
        hash.finalize().into()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    environment: Environment,
    gateway: String,
    journal: PathBuf,
    socket: Option<PathBuf>,
    #[serde(default)]
    allow_http: bool,
    alitv: RawAliTv,
    #[serde(default)]
    log: RawLog,
    #[serde(default)]
    app: Vec<RawApp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAliTv {
    url: String,
    #[serde(default)]
    qr_hosts: Vec<String>,
    device_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLog {
    level: Option<String>,
    file: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApp {
    app_key: String,
    app_secret: Option<Secret>,
    app_secret_file: Option<PathBuf>,
    #[serde(default)]
    uids: Vec<u32>,
    token_file: Option<PathBuf>,
}

impl RawConfig {
    fn into_config(self, file: &Path, warnings: &mut Vec<String>) -> Result<Config, ConfigError> {
        let bad = |message: String| ConfigError::refused(file, message);
        match self.gateway.as_str() {
            "alitv" => {}
            "alipay" => {
                return Err(bad("gateway = \"alipay\" is not built yet: \"alitv\" is".into()))
            }
            other => return Err(bad(format!("gateway is {other:?}: \"alitv\" is known"))),
        }
        let level = self.log.level.as_deref().unwrap_or("info");
        let log = Log { level: level_of(level).map_err(bad)?, file: self.log.file };
        let mut apps = Vec::new();
        for app in self.app {
            apps.push(app.into_app(self.environment, file, warnings)?);
        }
        Ok(Config {
            environment: self.environment,
            journal: self.journal,
            socket: self.socket,
            allow_http: self.allow_http,
            url: self.alitv.url,
            qr_hosts: self.alitv.qr_hosts,
            device_id: self.alitv.device_id,
            log,
            apps,
        })
    }
}

impl RawApp {
    fn into_app(
        self,
        environment: Environment,
        file: &Path,
        warnings: &mut Vec<String>,
    ) -> Result<App, ConfigError> {
        let bad = |message: String| ConfigError::refused(file, message);
        let app_key =
            AppKey::new(self.app_key).map_err(|refusal| bad(format!("app.{}", refusal.message)))?;
        let mut from_file = |key: &str, path: &Path| {
            let found = config_file::read(path, SECRET_BYTES_MAX as u64 + 2)
                .map_err(|error| bad(format!("app.{key} of {app_key}: {error}")))?;
            for text in [found.open_to_others(), found.changeable_by_others()].into_iter().flatten()
            {
                let text = format!("app.{key} of {app_key}: {}: {text}", path.display());
                permit(environment, text, warnings).map_err(bad)?;
            }
            Secret::new(found.text.trim_end())
                .map_err(|error| bad(format!("app.{key} of {app_key}: {error}")))
        };
        let app_secret = match (self.app_secret, &self.app_secret_file) {
            (Some(secret), None) => secret,
            (None, Some(path)) => from_file("app_secret_file", path)?,
            _ => {
                let text = "app_secret or app_secret_file is needed, and not both";
                return Err(bad(format!("app {app_key}: {text}")));
            }
        };
        let token =
            self.token_file.as_deref().map(|path| from_file("token_file", path)).transpose()?;
        Ok(App { app_key, app_secret, uids: self.uids, token })
    }
}

fn level_of(text: &str) -> Result<log::LevelFilter, String> {
    let known = text.bytes().all(|b| b.is_ascii_lowercase());
    text.parse().ok().filter(|_| known).ok_or_else(|| {
        format!(
            "log.level is {text:?}: \"off\", \"error\", \"warn\", \"info\", \"debug\" or \"trace\""
        )
    })
}

fn path(key: &str, path: &Path, bytes_max: usize) -> Result<(), String> {
    let bytes = path.as_os_str().len();
    if bytes > bytes_max {
        return Err(format!("{key} has {bytes} bytes: allowed are {bytes_max}"));
    }
    if !path.is_absolute() {
        return Err(format!("{key} must be an absolute path"));
    }
    Ok(())
}

fn at_most(key: &str, count: usize, count_max: usize) -> Result<(), String> {
    if count > count_max {
        return Err(format!("{key} has {count} entries: allowed are {count_max}"));
    }
    Ok(())
}

/// Real secrets must not lie open; those of a sandbox may, with a warning.
fn permit(
    environment: Environment,
    text: String,
    warnings: &mut Vec<String>,
) -> Result<(), String> {
    match environment {
        Environment::Production => Err(text),
        Environment::Sandbox => {
            warnings.push(text);
            Ok(())
        }
    }
}
