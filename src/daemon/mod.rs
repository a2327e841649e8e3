//! The life of a server: configuration, journal, gateway, socket; as a program of its own
//! (`main`) or on a thread of somebody else's (`embedded`).

mod args;
pub mod config;
mod device_id;
pub mod embedded;
mod log;
mod notify;
mod socket;
mod sys;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, Write};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use ::log::{error, info, warn};

use self::args::{Command, HELP};
use self::config::{App, Config, Loaded};
use crate::core::code::{Code, Refusal};
use crate::core::engine::Engine;
use crate::core::facts::AppKey;
use crate::gateway::alitv::{AliTv, AliTvConfig, AppCredentials};
use crate::gateway::http::Http;
use crate::gateway::sys::with_signals_blocked;
use crate::gateway::Environment;
use crate::ipc::access::{Access, Rule};
use crate::ipc::desk::SERVER;
use crate::ipc::openrpc;
use crate::ipc::path::{default_listen, SOCKET_VARIABLE};
use crate::ipc::server::{Parts, Server, Stop};
use crate::ipc::sys::own_uid;
use crate::limits::DESCRIPTORS_WANTED;
use crate::store::{Journal, OpenError, RealDisk};

/// Exit codes of the daemon, after BSD's sysexits.h. `--help` explains them.
pub mod exit {
    /// The command line is wrong.
    pub const USAGE: u8 = 64;
    /// The configuration cannot be read.
    pub const NO_CONFIG: u8 = 66;
    /// The socket cannot be listened at.
    pub const SOCKET: u8 = 69;
    /// The system refused something that a daemon needs.
    pub const SYSTEM: u8 = 71;
    /// The journal cannot be opened, or is damaged.
    pub const JOURNAL_OPEN: u8 = 73;
    /// The journal could not be written while running.
    pub const JOURNAL_WRITE: u8 = 74;
    /// Another process holds the journal.
    pub const LOCKED: u8 = 75;
    /// The configuration is wrong.
    pub const CONFIG: u8 = 78;
}

/// Why a server could not be started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For a program: one of `exit`.
    pub exit: u8,
    /// For a C caller.
    pub code: Code,
    /// For people; names what is wrong.
    pub message: String,
}

impl Failure {
    fn new(exit: u8, code: Code, message: impl Into<String>) -> Failure {
        Failure { exit, code, message: message.into() }
    }

    /// Names the configuration file, if the fault is in it.
    fn of_file(mut self, path: &Path) -> Failure {
        if self.exit == exit::CONFIG {
            self.message = format!("{}: {}", path.display(), self.message);
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Refusal {
        Refusal::new(failure.code, failure.message)
    }
}

/// Opens the journal of a configuration and puts a server on it. `listen` is called when the
/// journal's lock is held: only then may a socket file be touched.
///
/// # Errors
/// What is wrong, for a program's exit code and for a C caller alike. Nothing was started.
pub fn open(
    config: Config,
    listen: impl FnOnce() -> Result<Option<UnixListener>, Failure>,
) -> Result<Server<RealDisk>, Failure> {
    let bad = |text: String| Failure::new(exit::CONFIG, Code::CONFIG, text);
    config.check().map_err(bad)?;
    let (environment, journal_dir) = (config.environment, config.journal.clone());
    let Split { gateway, apps, access } = split(config)?;
    let storage = |text: String| {
        let text = format!("journal {}: {text}", journal_dir.display());
        Failure::new(exit::JOURNAL_OPEN, Code::STORAGE, text)
    };
    let disk = RealDisk::open(&journal_dir).map_err(|error| storage(error.to_string()))?;
    let opened = Journal::open(disk, environment.as_str()).map_err(|error| match error {
        OpenError::Locked => {
            Failure { exit: exit::LOCKED, code: Code::LOCKED, ..storage(error.to_string()) }
        }
        error => storage(error.to_string()),
    })?;
    for note in &opened.notes {
        warn!("journal: {note}");
    }
    let device_id = device_id::of(&journal_dir)
        .map_err(|refusal| Failure::new(exit::SYSTEM, refusal.code, refusal.message))?;
    let gateway = Arc::new(gateway.named(|| device_id));
    let mut engine = Engine::new(apps);
    for record in opened.records {
        engine.replay(record).map_err(storage)?;
    }
    let parts = Parts {
        engine,
        journal: opened.journal,
        gateway,
        transport: Arc::new(Http::new()),
        access,
        environment,
        listener: listen()?,
    };
    Server::new(parts).map_err(|error| {
        Failure::new(exit::SYSTEM, Code::RESOURCE, format!("no descriptors for a server: {error}"))
    })
}

/// What becomes of the apps of a configuration.
struct Split {
    /// Holds the secrets.
    gateway: AliTv,
    apps: Vec<AppKey>,
    /// Holds the tokens.
    access: Access,
}

fn split(config: Config) -> Result<Split, Failure> {
    let (mut credentials, mut rules, mut apps) = (Vec::new(), Vec::new(), Vec::new());
    for app in config.apps {
        apps.push(app.app_key.clone());
        rules.push(Rule { app_key: app.app_key.clone(), uids: app.uids, token: app.token });
        credentials.push(AppCredentials { app_key: app.app_key, app_secret: app.app_secret });
    }
    let gateway = AliTv::new(AliTvConfig {
        url: config.url,
        environment: config.environment,
        allow_http: config.allow_http,
        qr_hosts: config.qr_hosts,
        device_id: config.device_id,
        apps: credentials,
    })
    .map_err(|refusal| Failure::new(exit::CONFIG, refusal.code, refusal.message))?;
    Ok(Split { gateway, apps, access: Access::new(own_uid(), rules) })
}

/// The daemon as a program. `args` are without the program's name.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let command = match args::parse(args) {
        Ok(command) => command,
        Err(text) => {
            eprintln!("alitv-payd: {text}\n\n{HELP}");
            return exit::USAGE.into();
        }
    };
    match command {
        Command::Help => print!("{HELP}"),
        Command::OpenRpc => {
            // Whoever closes the pipe early has read enough.
            let _ = writeln!(io::stdout(), "{:#}", openrpc::document());
        }
        Command::Version => println!("{SERVER}"),
        Command::Run { config, socket, check } => {
            let outcome = if check { explain(&config, socket) } else { serve(&config, socket) };
            if let Err(failure) = outcome {
                error!("{failure}");
                if !log::is_on_stderr() {
                    eprintln!("alitv-payd: {failure}");
                }
                return failure.exit.into();
            }
        }
    }
    ExitCode::SUCCESS
}

fn read(path: &Path) -> Result<Loaded, Failure> {
    Config::read(path).map_err(|error| {
        let exit = if error.is_missing { exit::NO_CONFIG } else { exit::CONFIG };
        Failure::new(exit, Code::CONFIG, error.to_string())
    })
}

/// What a configuration comes to.
pub struct Checked {
    /// Whether money is real.
    pub environment: Environment,
    /// URL of the gateway.
    pub url: String,
    /// Directory of the journal.
    pub journal: PathBuf,
    /// Where the daemon would listen.
    pub socket: PathBuf,
    /// The apps, in their order.
    pub apps: Vec<AppKey>,
    /// One English sentence each.
    pub warnings: Vec<String>,
    /// Asks the gateway in the apps' names.
    pub gateway: AliTv,
}

/// Everything that can be judged without touching anything.
///
/// # Errors
/// As the daemon's own, at its start.
pub fn check(path: &Path) -> Result<Checked, Failure> {
    let Loaded { config, warnings } = read(path)?;
    let (environment, url) = (config.environment, config.url.clone());
    let (journal, socket) = (config.journal.clone(), socket_path(None, &config));
    let Split { gateway, apps, .. } = split(config).map_err(|failure| failure.of_file(path))?;
    Ok(Checked { environment, url, journal, socket, apps, warnings, gateway })
}

/// `--check`: the same, for people.
fn explain(path: &Path, socket: Option<PathBuf>) -> Result<(), Failure> {
    let Loaded { config, warnings } = read(path)?;
    let mut lines = vec![
        format!("configuration {} is good", path.display()),
        format!("environment   {}", config.environment),
        format!("gateway       alitv at {}", config.url),
        format!("journal       {}", config.journal.display()),
        format!("socket        {}", socket_path(socket, &config).display()),
    ];
    for App { app_key, uids, token, .. } in &config.apps {
        let token = if token.is_some() { " with a token" } else { "" };
        let users = format!("uids {uids:?}{token}, root and {}", own_uid());
        lines.push(format!("app           {app_key} for {users}"));
    }
    split(config).map_err(|failure| failure.of_file(path))?;
    lines.extend(warnings.iter().map(|warning| format!("warning: {warning}")));
    println!("{}", lines.join("\n"));
    Ok(())
}

/// Command line, environment, configuration, default: the first one that says something.
fn socket_path(named: Option<PathBuf>, config: &Config) -> PathBuf {
    let by_variable = std::env::var_os(SOCKET_VARIABLE).filter(|path| !path.is_empty());
    named
        .or_else(|| by_variable.map(PathBuf::from))
        .or_else(|| config.socket.clone())
        .unwrap_or_else(|| default_listen(own_uid() == 0))
}

fn serve(path: &Path, socket: Option<PathBuf>) -> Result<(), Failure> {
    let Loaded { config, warnings } = read(path)?;
    let lines = log::start(&config.log).map_err(|error| {
        let text = format!("{}: log.file: {error}", path.display());
        Failure::new(exit::CONFIG, Code::CONFIG, text)
    })?;
    info!("{SERVER}, environment {}, configuration {}", config.environment, path.display());
    for warning in warnings {
        warn!("{warning}");
    }
    prepare_process();
    let socket = socket_path(socket, &config);
    let mut file = None;
    // Who sees the socket may ask for the end: a signal waits until there is somebody to hear it.
    let mut server = with_signals_blocked(|| {
        let opened = open(config, || {
            let (listener, made) = listen(&socket)?;
            file = made;
            Ok(Some(listener))
        });
        let server = opened.map_err(|failure| failure.of_file(path))?;
        let heard = sys::stop_on_signals(server.stopper().event().clone());
        heard.map(|()| server).map_err(|error| {
            Failure::new(exit::SYSTEM, Code::RESOURCE, format!("signals: {error}"))
        })
    })?;
    server.show_log(lines);
    notify::tell("READY=1");
    let outcome = server.run();
    notify::tell("STOPPING=1");
    // The socket goes while the lock is held, so that a successor's is not touched.
    drop(file);
    drop(server);
    outcome.map(|()| info!("stopped on request")).map_err(|stop| match &stop {
        Stop::Journal(_) => Failure::new(exit::JOURNAL_WRITE, Code::STORAGE, stop.to_string()),
        Stop::System(_) => Failure::new(exit::SYSTEM, Code::RESOURCE, stop.to_string()),
    })
}

/// What helps, and is not worth failing for.
fn prepare_process() {
    if let Err(error) = sys::want_descriptors(DESCRIPTORS_WANTED) {
        warn!("cannot ask for {DESCRIPTORS_WANTED} descriptors: {error}");
    }
    if let Err(error) = sys::forbid_dumps() {
        warn!("core files may hold secrets: {error}");
    }
}

/// The socket of the service manager, or one of our own.
fn listen(path: &Path) -> Result<(UnixListener, Option<socket::SocketFile>), Failure> {
    let refuse = |text: String| Failure::new(exit::SOCKET, Code::RESOURCE, text);
    if notify::inherited_sockets().map_err(refuse)? {
        let listener = sys::inherited_listener().map_err(|error| refuse(error.to_string()))?;
        info!("listening on the socket of the service manager");
        return Ok((listener, None));
    }
    let (listener, file) = socket::bind(path).map_err(refuse)?;
    info!("listening at {}", path.display());
    Ok((listener, Some(file)))
}
