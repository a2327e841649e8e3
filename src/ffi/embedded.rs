//! The engine in this process, where the library was built with it.

use crate::client::{Client, Level, Options};
use crate::core::code::{Code, Refusal};

/// What the fields for embedded mode say.
#[derive(Default)]
pub struct Plan {
    pub sandbox: bool,
    pub config_path: Option<String>,
    pub app_secret: Option<String>,
    pub gateway_url: Option<String>,
    pub journal_dir: Option<String>,
}

impl Plan {
    /// Fields that describe an engine, with their names.
    pub fn fields(&self) -> [(&'static str, &Option<String>); 4] {
        [
            ("config_path", &self.config_path),
            ("app_secret", &self.app_secret),
            ("gateway_url", &self.gateway_url),
            ("journal_dir", &self.journal_dir),
        ]
    }
}

#[cfg(feature = "_engine")]
pub use with_engine::{open, Engine};
#[cfg(not(feature = "_engine"))]
pub use without_engine::{open, Engine};

#[cfg(not(feature = "_engine"))]
mod without_engine {
    use super::*;

    /// There is none in this library.
    pub enum Engine {}

    impl Engine {
        pub fn hand_over_lines(&self, _client: &mut Client) -> bool {
            match *self {}
        }

        pub fn listen(&self, _level: Option<Level>) {
            match *self {}
        }
    }

    pub fn open(_plan: Plan, _options: Options) -> Result<(Client, Engine), Refusal> {
        let text = "mode EMBEDDED: this library was built without the engine; use the daemon";
        Err(Refusal::new(Code::INVALID, text))
    }
}

#[cfg(feature = "_engine")]
mod with_engine {
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::client::sys::EventFd;
    use crate::core::facts::AppKey;
    use crate::daemon::config::{App, Config, Loaded, Log};
    use crate::daemon::embedded::{spawn, Handle};
    use crate::ffi::handle::lock;
    use crate::ffi::log::{self, Lines};
    use crate::gateway::Environment;
    use crate::wire::secret::Secret;

    /// The engine of this client, shared with others of the same journal, and its log.
    pub struct Engine {
        lines: Mutex<Option<Lines>>,
        nudge: Arc<EventFd>,
        /// Dropped last: the end of the engine is worth a line to other clients.
        _handle: Handle,
    }

    impl Engine {
        /// Puts the lines that the engine has logged among the events of the client. False:
        /// there were none.
        pub fn hand_over_lines(&self, client: &mut Client) -> bool {
            let lines = lock(&self.lines).as_ref().map(Lines::take).unwrap_or_default();
            let any = !lines.is_empty();
            lines.into_iter().for_each(|(level, text)| client.log(level, text));
            any
        }

        /// Lines up to this level from here on; `None` for none.
        pub fn listen(&self, level: Option<Level>) {
            *lock(&self.lines) = level.map(|level| log::listen(level, self.nudge.clone()));
        }
    }

    /// Starts the engine, or joins the one that this process has for the same journal.
    pub fn open(plan: Plan, options: Options) -> Result<(Client, Engine), Refusal> {
        let level = options.log_level;
        let nudge =
            EventFd::new().map_err(|error| Refusal::new(Code::RESOURCE, error.to_string()))?;
        let nudge = Arc::new(nudge);
        let lines = level.map(|level| log::listen(level, nudge.clone()));
        let Loaded { config, warnings } = plan.config(options.app_key.as_ref())?;
        let (stream, handle) = spawn(config)?;
        let mut client = Client::over(stream, options)?;
        client.watch_nudge(nudge.clone())?;
        for warning in warnings {
            client.log(Level::Warn, warning);
        }
        Ok((client, Engine { lines: Mutex::new(lines), nudge, _handle: handle }))
    }

    impl Plan {
        fn config(self, app_key: Option<&AppKey>) -> Result<Loaded, Refusal> {
            match &self.config_path {
                Some(path) => self.read_config(path),
                None => self.make_config(app_key),
            }
        }

        fn read_config(&self, path: &str) -> Result<Loaded, Refusal> {
            let given = self.fields().into_iter().skip(1).find(|field| field.1.is_some());
            let given = given.map(|field| field.0);
            if let Some(name) = given.or(self.sandbox.then_some("environment")) {
                let text = format!("{name} cannot be set beside config_path, which says it");
                return Err(Refusal::new(Code::INVALID, text));
            }
            Config::read(Path::new(path))
                .map_err(|error| Refusal::new(Code::CONFIG, format!("config_path: {error}")))
        }

        fn make_config(self, app_key: Option<&AppKey>) -> Result<Loaded, Refusal> {
            let missing = |name: &str| {
                let text = format!("{name} is NULL: mode EMBEDDED needs it, or config_path");
                Refusal::new(Code::NULL, text)
            };
            let app_key = app_key.cloned().ok_or_else(|| missing("app_key"))?;
            let secret = self.app_secret.ok_or_else(|| missing("app_secret"))?;
            let app_secret = Secret::new(secret)
                .map_err(|error| Refusal::new(Code::STRING, format!("app_secret: {error}")))?;
            let environment = match self.sandbox {
                true => Environment::Sandbox,
                false => Environment::Production,
            };
            let config = Config {
                environment,
                journal: PathBuf::from(self.journal_dir.ok_or_else(|| missing("journal_dir"))?),
                socket: None,
                allow_http: self.sandbox,
                url: self.gateway_url.ok_or_else(|| missing("gateway_url"))?,
                qr_hosts: Vec::new(),
                device_id: None,
                log: Log::default(),
                apps: vec![App { app_key, app_secret, uids: Vec::new(), token: None }],
            };
            Ok(Loaded { config, warnings: Vec::new() })
        }
    }
}
