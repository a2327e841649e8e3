//! What a merchant's tools are told: the file `merchant.toml`.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use super::source::Network;
pub use crate::config_file::ConfigError;
use crate::config_file::{self, toml_text};
use crate::core::facts::{check_notify_url, AppKey};
use crate::gateway::{url, Environment};
use crate::limits::{CONFIG_BYTES_MAX, KEY_TEXT_BYTES_MAX, NETWORKS_MAX, PATH_BYTES_MAX};
use crate::wire::keys::PrivateKey;
use crate::wire::secret::Secret;

/// Where the file is, unless `--config`, `$ALITV_PAY_MERCHANT` or the working directory has one.
pub const CONFIG_PATH: &str = "/etc/alitv-pay/merchant.toml";

/// Where notifies are listened for, unless the file says otherwise.
pub const LISTEN_DEFAULT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// The host of the gift gateway (seed 002, 2.5.3).
pub const GIFTS_URL_DEFAULT: &str = "http://gateway.6uu.com";

/// One merchant's app, its keys and its ledger. Relative paths of the file are relative to
/// the file.
pub struct Config {
    /// Whether money is real.
    pub environment: Environment,
    /// SQLite file of orders and grants.
    pub ledger: PathBuf,
    /// Whose orders they are.
    pub app: AppConfig,
    /// Where the platform is asked.
    pub top: TopConfig,
    /// Where gifts are looked up and marked.
    pub gifts: GiftsConfig,
    /// Where the platform tells of payments.
    pub notify: NotifyConfig,
    /// The file that said so.
    pub origin: PathBuf,
}

/// Name and keys of an app.
pub struct AppConfig {
    /// Its name at the platform.
    pub app_key: AppKey,
    /// What calls to the platform are signed with.
    pub app_secret: Arc<Secret>,
    /// File of the RSA key whose public half the platform has.
    pub private_key: PathBuf,
}

/// The TOP gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopConfig {
    /// Such as `https://eco.taobao.com/router/rest`; https in production.
    pub url: String,
    /// Allows an `http` gateway; legal in the sandbox environment only.
    pub allow_http: bool,
}

/// The gift gateway.
pub struct GiftsConfig {
    /// Scheme, host and port, without a slash at the end.
    pub url: String,
    /// What its calls are signed with: the platform may name another secret than that of TOP.
    pub secret: Arc<Secret>,
}

/// The notify receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyConfig {
    /// Address and port.
    pub listen: SocketAddr,
    /// What the platform is told to call, in renewals.
    pub url: Option<String>,
    /// Who may call, at most `NETWORKS_MAX`.
    pub allow: Vec<Network>,
    /// A proxy in front, whose last entry in `X-Forwarded-For` is believed.
    pub trusted_proxy: Option<IpAddr>,
}

impl Default for NotifyConfig {
    fn default() -> NotifyConfig {
        NotifyConfig {
            listen: LISTEN_DEFAULT,
            url: None,
            allow: Network::LOOPBACK.to_vec(),
            trusted_proxy: None,
        }
    }
}

impl Config {
    /// Reads and checks the file. It holds the app's secret: whoever else may read or change
    /// it makes it unusable, in the sandbox too.
    ///
    /// # Errors
    /// The first thing that is wrong: key, bound and file.
    pub fn read(path: &Path) -> Result<Config, ConfigError> {
        let found = config_file::read(path, CONFIG_BYTES_MAX)
            .map_err(|error| ConfigError::missing(path, &error))?;
        let bad = |message: String| ConfigError::refused(path, message);
        closed(&found).map_err(bad)?;
        let raw: RawConfig =
            toml::from_str(&found.text).map_err(|error| bad(toml_text(&error, &found.text)))?;
        raw.into_config(path).map_err(bad)
    }

    /// Reads the merchant's key.
    ///
    /// # Errors
    /// The file cannot be read, others may read or change it, or it holds no private key.
    pub fn private_key(&self) -> Result<PrivateKey, ConfigError> {
        read_private_key(&self.app.private_key)
    }
}

/// Reads a private key from a file that nobody else may read or change.
///
/// # Errors
/// As `Config::private_key`.
pub fn read_private_key(path: &Path) -> Result<PrivateKey, ConfigError> {
    let found = config_file::read(path, KEY_TEXT_BYTES_MAX as u64)
        .map_err(|error| ConfigError::missing(path, &error))?;
    let bad = |message: String| ConfigError::refused(path, message);
    closed(&found).map_err(bad)?;
    PrivateKey::read(&found.text).map_err(|error| bad(error.to_string()))
}

fn closed(found: &config_file::Found) -> Result<(), String> {
    match found.open_to_others().or_else(|| found.changeable_by_others()) {
        None => Ok(()),
        Some(text) => Err(format!("{text} (chmod 600)")),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    environment: Environment,
    #[serde(default = "ledger_default")]
    ledger: PathBuf,
    app: RawApp,
    top: RawTop,
    #[serde(default)]
    gifts: RawGifts,
    #[serde(default)]
    notify: RawNotify,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawApp {
    app_key: String,
    app_secret: Secret,
    private_key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTop {
    url: String,
    #[serde(default)]
    allow_http: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawGifts {
    url: Option<String>,
    secret: Option<Secret>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawNotify {
    listen: Option<SocketAddr>,
    url: Option<String>,
    allow: Option<Vec<Network>>,
    trusted_proxy: Option<IpAddr>,
}

fn ledger_default() -> PathBuf {
    PathBuf::from("ledger.sqlite")
}

impl RawConfig {
    fn into_config(self, origin: &Path) -> Result<Config, String> {
        let dir = origin.parent().unwrap_or(Path::new(""));
        let app_key =
            AppKey::new(self.app.app_key).map_err(|refusal| format!("app.{}", refusal.message))?;
        let app = AppConfig {
            app_key,
            app_secret: Arc::new(self.app.app_secret),
            private_key: beside(dir, "app.private_key", &self.app.private_key)?,
        };
        url::check_gateway("top.url", &self.top.url, self.top.allow_http, self.environment)?;
        Ok(Config {
            environment: self.environment,
            ledger: beside(dir, "ledger", &self.ledger)?,
            gifts: self.gifts.into_config(&app.app_secret)?,
            app,
            top: TopConfig { url: self.top.url, allow_http: self.top.allow_http },
            notify: self.notify.into_config()?,
            origin: origin.to_owned(),
        })
    }
}

impl RawGifts {
    fn into_config(self, app_secret: &Arc<Secret>) -> Result<GiftsConfig, String> {
        let url = self.url.unwrap_or_else(|| GIFTS_URL_DEFAULT.to_owned());
        let url = url.strip_suffix('/').unwrap_or(&url).to_owned();
        let parsed = url::parse(&url).map_err(|why| format!("gifts.url {why}"))?;
        if !parsed.rest.is_empty() {
            return Err("gifts.url ends with its host or port: paths are added to it".into());
        }
        let secret = self.secret.map_or_else(|| app_secret.clone(), Arc::new);
        Ok(GiftsConfig { url, secret })
    }
}

impl RawNotify {
    fn into_config(self) -> Result<NotifyConfig, String> {
        let default = NotifyConfig::default();
        if let Some(url) = &self.url {
            check_notify_url(url)
                .map_err(|refusal| refusal.message.replacen("notify_url", "notify.url", 1))?;
        }
        let allow = self.allow.unwrap_or(default.allow);
        if !(1..=NETWORKS_MAX).contains(&allow.len()) {
            let count = allow.len();
            return Err(format!(
                "notify.allow has {count} entries: allowed are 1 to {NETWORKS_MAX}"
            ));
        }
        Ok(NotifyConfig {
            listen: self.listen.unwrap_or(default.listen),
            url: self.url,
            allow,
            trusted_proxy: self.trusted_proxy.map(|address| address.to_canonical()),
        })
    }
}

fn beside(dir: &Path, key: &str, path: &Path) -> Result<PathBuf, String> {
    let is_named = path.file_name().is_some();
    let path = dir.join(path);
    if path.as_os_str().len() > PATH_BYTES_MAX || !is_named {
        return Err(format!("{key} must name a file in at most {PATH_BYTES_MAX} bytes"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const SMALL: &str = "environment = \"sandbox\"\n\
        [app]\napp_key = \"23012345\"\napp_secret = \"s3cret\"\nprivate_key = \"key.pem\"\n\
        [top]\nurl = \"http://127.0.0.1:1/router/rest\"\nallow_http = true\n";

    struct File(tempfile::TempDir);

    impl File {
        fn new(text: &str, mode: u32) -> File {
            let file = File(tempfile::tempdir().unwrap());
            std::fs::write(file.path(), text).unwrap();
            std::fs::set_permissions(file.path(), PermissionsExt::from_mode(mode)).unwrap();
            file
        }

        fn path(&self) -> PathBuf {
            self.0.path().join("merchant.toml")
        }
    }

    fn read(text: &str) -> Result<Config, String> {
        Config::read(&File::new(text, 0o600).path()).map_err(|error| error.message)
    }

    fn refusal(text: &str) -> String {
        read(text).err().unwrap_or_else(|| panic!("was taken: {text}"))
    }

    #[test]
    fn a_small_file_has_useful_defaults() {
        let file = File::new(SMALL, 0o600);
        let config = Config::read(&file.path()).unwrap();
        assert_eq!(config.ledger, file.0.path().join("ledger.sqlite"));
        assert_eq!(config.app.private_key, file.0.path().join("key.pem"));
        assert_eq!(config.gifts.url, GIFTS_URL_DEFAULT);
        assert!(config.gifts.secret.matches(b"s3cret"));
        assert_eq!(config.notify, NotifyConfig::default());
    }

    #[test]
    fn everything_can_be_said() {
        let text = SMALL.replacen("[app]", "ledger = \"/var/lib/l.sqlite\"\n[app]", 1)
            + "[gifts]\nurl = \"http://127.0.0.1:8420/\"\nsecret = \"other\"\n\
               [notify]\nlisten = \"[::1]:3001\"\nurl = \"https://shop.example/n?a=1\"\n\
               allow = [\"10.0.0.0/8\", \"::1\"]\ntrusted_proxy = \"::ffff:127.0.0.1\"\n";
        let config = read(&text).unwrap();
        assert_eq!(config.ledger, Path::new("/var/lib/l.sqlite"));
        assert_eq!(config.gifts.url, "http://127.0.0.1:8420");
        assert!(config.gifts.secret.matches(b"other"));
        assert_eq!(config.notify.listen.port(), 3001);
        assert_eq!(config.notify.allow.len(), 2);
        assert_eq!(config.notify.trusted_proxy, Some(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    }

    #[test]
    fn a_file_that_others_may_read_or_change_is_refused_in_the_sandbox_too() {
        for mode in [0o640, 0o604, 0o620, 0o602, 0o644, 0o610] {
            let error = Config::read(&File::new(SMALL, mode).path()).err().unwrap();
            assert!(error.message.contains("0600") && !error.is_missing, "{mode:o} {error}");
        }
        for mode in [0o600, 0o400] {
            assert!(Config::read(&File::new(SMALL, mode).path()).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn production_needs_https() {
        let production = SMALL.replacen("sandbox", "production", 1);
        assert!(refusal(&production).contains("allow_http"));
        let production = production.replacen("allow_http = true\n", "", 1);
        assert!(refusal(&production).contains("top.url must be https"));
        let good = production.replacen("http://127.0.0.1:1", "https://eco.taobao.com", 1);
        assert_eq!(read(&good).unwrap().environment, Environment::Production);
    }

    #[test]
    fn a_wrong_value_is_told_by_its_key() {
        let cases = [
            ("sandbox\"", "test\"", "environment"),
            ("23012345", "a-b", "app.app_key"),
            ("s3cret", "s3 cret", "app_secret"),
            ("\"key.pem\"", "\"\"", "app.private_key"),
            ("\"key.pem\"", "\"..\"", "app.private_key"),
            ("http://127.0.0.1:1/", "ftp://x/", "top.url"),
            ("/router/rest", "", "top.url"),
            ("private_key", "private_kee", "private_kee"),
        ];
        for (from, to, key) in cases {
            let error = refusal(&SMALL.replacen(from, to, 1));
            assert!(error.contains(key) && !error.contains("s3 cret"), "{key}: {error}");
        }
        let tails = [
            ("[notify]\nlisten = \"3000\"\n", "listen"),
            ("[notify]\nurl = \"shop.example\"\n", "notify.url"),
            ("[notify]\nallow = []\n", "notify.allow"),
            ("[notify]\nallow = [\"10.0.0.1/8\"]\n", "allow"),
            ("[gifts]\nurl = \"http://h/coin\"\n", "gifts.url"),
            ("[gifts]\nsecret = \"\"\n", "secret"),
        ];
        for (tail, key) in tails {
            let error = refusal(&format!("{SMALL}{tail}"));
            assert!(error.contains(key), "{key}: {error}");
        }
    }

    #[test]
    fn the_key_is_read_with_the_same_care() {
        let file = File::new(SMALL, 0o600);
        let config = Config::read(&file.path()).unwrap();
        assert!(config.private_key().err().unwrap().is_missing);
        let path = file.0.path().join("key.pem");
        let demo = include_str!("../sandbox/demo-keys/public-demo-merchant-private.pem");
        for (text, mode, wanted) in
            [(demo, 0o644, Some("0600")), ("x", 0o600, Some("key")), (demo, 0o600, None)]
        {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            let error = config.private_key().err().map(|error| error.message);
            assert_eq!(error.is_none(), wanted.is_none(), "{error:?}");
            assert!(wanted.is_none_or(|word| error.unwrap().contains(word)), "{wanted:?}");
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_told_apart() {
        let error = Config::read(Path::new("/nowhere/merchant.toml")).err().unwrap();
        assert!(error.is_missing, "{error}");
    }
}
