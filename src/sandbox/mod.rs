//! The other side of the wire: the Ali gateway, the payer's phone as a web page, and a
//! control API for scripts. It listens on loopback unless `lan` is set, keeps its state in
//! memory unless it is given a file, and moves no money.
//!
//! ```no_run
//! use alitv_pay::sandbox::{start, Action, Options};
//!
//! let sandbox = start(Options::default())?;
//! let app = &sandbox.apps[0];
//! println!("{} {} {}", sandbox.gateway_url, app.app_key, app.app_secret);
//! // ... a box registers the order T1 there ...
//! sandbox.act(&app.app_key, "T1", Action::Pay).map_err(std::io::Error::other)?;
//! sandbox.stop();
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! docs/sandbox.md is the manual; scripts rely on what it says.

mod access;
mod action;
mod apps;
mod attempts;
mod calls;
mod check;
mod coin;
mod control;
mod device;
mod events;
mod fields;
mod files;
mod flow;
mod gifts;
mod gmt8;
mod links;
mod lottery;
mod method;
mod notifier;
mod operator;
mod order;
mod pages;
mod partner;
mod phone;
mod plans;
mod prize;
mod renewal;
mod rng;
mod scenario;
mod seed;
mod server;
mod settings;
mod shared;
mod signin;
mod span;
mod state;
mod texts;
mod top;
mod users;
mod web;

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

pub use action::{Action, AuthAction};
pub use apps::App;
pub use scenario::Scenario;
pub use seed::Seed;
pub use shared::Log;

use crate::limits::SANDBOX_NOTIFY_SCALE_MAX;
use crate::wire::secret::Secret;
use control::scenarios::Wish;
use rng::Rng;
use shared::{Place, Shared};
use state::State;

/// The port of `alitv-pay sandbox`.
pub const PORT_DEFAULT: u16 = 8420;

/// How to start a sandbox. The default is a private one on a free port of 127.0.0.1.
#[derive(Clone, Default)]
pub struct Options {
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// Listen on all addresses and name this machine's own in URLs, for a real phone.
    pub lan: bool,
    /// Written when the sandbox listens, removed when it stops.
    pub ready_file: Option<PathBuf>,
    /// Holds the state across restarts; made if it is not there.
    pub state_file: Option<PathBuf>,
    /// What it starts with and a reset goes back to; none is the seed that is built in.
    pub seed: Option<Seed>,
    /// Makes secrets, codes and tokens repeatable, and so worthless as secrets.
    pub seed_rng: Option<u64>,
    /// Divides the waits of the notifies: 1, or 0, leaves them as they are, at most
    /// `SANDBOX_NOTIFY_SCALE_MAX`.
    pub notify_scale: u32,
    /// Takes one line for each request that comes and each notify that goes; none is quiet.
    pub log: Option<Log>,
}

/// A sandbox at work on its own threads. Dropping it stops it.
pub struct Running {
    /// `http://HOST:PORT`: the list of orders, for people.
    pub base_url: String,
    /// Where a person at this machine sees and changes everything, in a browser.
    pub operator_url: String,
    /// Where boxes send their calls.
    pub gateway_url: String,
    /// Where scripts send theirs.
    pub control_url: String,
    /// What scripts have to show.
    pub control_token: String,
    /// The apps it knows.
    pub apps: Vec<App>,
    shared: Arc<Shared>,
    ready_file: Option<PathBuf>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a sandbox and comes back when it listens.
///
/// # Errors
/// The port is taken, a file cannot be read or written, or there are no threads to be had.
pub fn start(mut options: Options) -> io::Result<Running> {
    let mut rng = Rng::new(options.seed_rng)?;
    let control_token = rng.hex(32);
    if options.notify_scale > SANDBOX_NOTIFY_SCALE_MAX {
        let why = format!("the notify scale is at most {SANDBOX_NOTIFY_SCALE_MAX}");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    }
    let mut state = match &options.state_file {
        Some(path) => files::read_state(path, options.seed.take(), rng)?,
        None => State::new(options.seed.take().unwrap_or_default(), rng, shared::wall_ms()),
    };
    state.set_notify_scale(options.notify_scale.max(1));
    let apps = state.apps().to_vec();
    let (listener, place) = listen(&options)?;
    let (base_url, port) = (place.base_url.clone(), place.port);
    let token = Secret::new(control_token.clone()).map_err(io::Error::other)?;
    let log = options.log.unwrap_or_else(|| Arc::new(|_: &str| {}));
    let save = options.state_file.is_some();
    let shared = Arc::new(Shared::new(state, place, token, log, save));
    let thread = spawn(shared.clone(), listener, options.state_file)?;
    let mut running = Running {
        operator_url: format!("http://{}:{port}/operator", Ipv4Addr::LOCALHOST),
        gateway_url: format!("{base_url}/router/rest"),
        control_url: format!("{base_url}/control"),
        base_url,
        control_token,
        apps,
        shared,
        ready_file: None,
        thread: Some(thread),
    };
    if let Some(path) = options.ready_file {
        running.announce(&path)?;
    }
    Ok(running)
}

fn listen(options: &Options) -> io::Result<(TcpListener, Place)> {
    let address = if options.lan { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    let listener = TcpListener::bind(SocketAddrV4::new(address, options.port))
        .map_err(|e| io::Error::new(e.kind(), format!("port {}: {e}", options.port)))?;
    listener.set_nonblocking(true)?;
    let port = listener.local_addr()?.port();
    let host = if options.lan { lan_address() } else { Ipv4Addr::LOCALHOST };
    let base_url = format!("http://{host}:{port}");
    let qr_prefix = format!("{}/Q/", base_url.to_ascii_uppercase());
    Ok((listener, Place { base_url, qr_prefix, port, lan: options.lan }))
}

/// The address this machine would send from; loopback if it has no network. Connecting a
/// datagram socket sends nothing, and the address is one reserved for documentation.
fn lan_address() -> Ipv4Addr {
    let own = || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9))?;
        socket.local_addr()
    };
    match own().map(|address| address.ip()) {
        Ok(std::net::IpAddr::V4(address)) if !address.is_unspecified() => address,
        _ => Ipv4Addr::LOCALHOST,
    }
}

fn spawn(
    shared: Arc<Shared>,
    listener: TcpListener,
    state_file: Option<PathBuf>,
) -> io::Result<JoinHandle<()>> {
    let named = || Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime: Runtime = named()?;
    let listener = {
        let _inside = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let work = move || {
        runtime.block_on(server::serve(shared, listener, state_file));
        runtime.shutdown_timeout(Duration::from_secs(1));
    };
    std::thread::Builder::new().name("sandbox".into()).spawn(work)
}

impl Running {
    /// Does something to an order, as the phone, time or the bank would. A state file
    /// follows a moment later.
    ///
    /// # Errors
    /// There is no such order, or its state forbids it.
    pub fn act(&self, app_key: &str, order_id: &str, action: Action) -> Result<(), String> {
        self.shared.act_now(|state, now_ms| {
            let unknown = || format!("there is no order {order_id:?} of app {app_key:?}");
            let number = state.find(app_key, order_id).ok_or_else(unknown)?.number;
            state.change(number, |order| action.apply(order, now_ms)).ok_or_else(unknown)?
        })
    }

    /// Does something to the newest attempt of an app to sign in, as the user would on the
    /// phone. `user_id` says who signs in; who authorises shares nick and picture.
    ///
    /// # Errors
    /// There is no attempt or no such user, or its state forbids it.
    pub fn auth(
        &self,
        app_key: &str,
        action: AuthAction,
        user_id: Option<&str>,
    ) -> Result<(), String> {
        self.shared.act_now(|state, now_ms| {
            let newest = state.attempts().newest().find(|attempt| attempt.app_key == app_key);
            let unknown = || format!("nobody has tried to sign in at app {app_key:?}");
            let number = newest.ok_or_else(unknown)?.number;
            action.apply(state, number, user_id, true, now_ms)
        })
    }

    /// Ends all sessions of a user, as signing out in the settings of the box would. Says how
    /// many there were.
    pub fn revoke(&self, user_id: &str) -> usize {
        self.shared.act_now(|state, _| state.revoke(user_id, None))
    }

    /// Plays the next order, of whatever app, or the next call, by this scenario.
    ///
    /// # Errors
    /// Too many scenarios are waiting.
    pub fn play_next(&self, scenario: Scenario) -> Result<(), String> {
        let wish = Wish::of(scenario);
        let applied = self.shared.act_now(|state, now_ms| wish.apply(state, now_ms));
        applied.map(|_| ()).map_err(|error| error.to_string())
    }

    /// Moves the sandbox's clock on by so many seconds.
    ///
    /// # Errors
    /// It would be a century ahead.
    pub fn advance(&self, seconds: u32) -> Result<(), String> {
        self.shared.act_now(|state, _| state.advance(i64::from(seconds)))
    }

    /// Where everything is, for people: one line each.
    pub fn table(&self) -> String {
        let mut table = format!(
            "operator  {}   see and change everything, in a browser\n\
             sandbox   {}   orders and phone pages\n\
             gateway   {}\n\
             control   {}   token {}\n",
            self.operator_url,
            self.base_url,
            self.gateway_url,
            self.control_url,
            self.control_token
        );
        for app in &self.apps {
            let line =
                format!("app       {}   secret {}   {}\n", app.app_key, app.app_secret, app.name);
            table.push_str(&line);
        }
        table
    }

    /// Writes the ready file; it goes when the sandbox stops. For a caller that has more to
    /// prepare before scripts may begin than `Options::ready_file` waits for.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn announce(&mut self, path: &Path) -> io::Result<()> {
        files::write_ready(path, self)?;
        self.ready_file = Some(path.to_owned());
        Ok(())
    }

    /// Ends it: held queries are answered, the state is saved, the ready file is removed.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.shared.stop();
        // A panic of the thread was reported when it happened.
        let _ = thread.join();
        if let Some(path) = &self.ready_file {
            // Whoever removed it earlier did it for us.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}
