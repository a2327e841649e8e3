//! `alitv-pay demo`: sandbox, daemon and one order in one process, in a directory that is
//! removed at the end.

use std::io::IsTerminal;
use std::os::fd::RawFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use clap::{Args, ValueEnum};

use super::args::Global;
use super::exit::{of_state, Fail, OTHER};
use super::follow::{follow, Company, Watch};
use super::out::{Out, QrStyle};
use super::session::Session;
use super::{ack, clock, sys};
use crate::core::facts::{AppKey, OrderId};
use crate::core::report::{ItemReport, Report, State};
use crate::daemon::config::{App, Config, Log};
use crate::gateway::Environment;
use crate::ipc::control::Stopper;
use crate::ipc::proto;
use crate::limits::EXPIRES_S_DEFAULT;
use crate::money::Fen;
use crate::sandbox::{self, Action, Running};
use crate::wire::secret::Secret;

/// Options of `demo`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay demo                       press p to pay, c to cancel
  alitv-pay demo --lan                 scan the code with a phone on this network
  alitv-pay demo --auto success        for scripts: exit 0 once the order is paid
Exit codes are those of pay.")]
pub struct Demo {
    /// Play the phone: success, cancel or expire [default without a terminal: success]
    #[arg(long, value_enum, value_name = "HOW", hide_possible_values = true)]
    auto: Option<Auto>,
    /// Port of the sandbox; 0 takes a free one
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Let a phone on this network open the page
    #[arg(long)]
    lan: bool,
    /// Code drawn as auto, utf8, ascii, none or png=FILE
    #[arg(long, value_name = "HOW", default_value = "auto")]
    qr: QrStyle,
}

/// What the phone does by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Auto {
    /// Scans and pays
    Success,
    /// Scans and gives up
    Cancel,
    /// Lets the time run out
    Expire,
}

/// CNY 1.00.
const AMOUNT_FEN: i64 = 100;

/// The first line of `--json`.
#[derive(serde::Serialize)]
struct Started<'a> {
    time: String,
    event: &'static str,
    sandbox: &'a str,
    socket: &'a Path,
    app_key: &'a AppKey,
    order_id: &'a OrderId,
}

impl Demo {
    /// Runs it; the exit code tells the final state.
    ///
    /// # Errors
    /// Something of the machine is missing, or the order was left before its end.
    pub fn run(self, global: &Global, out: &mut Out) -> Result<u8, Fail> {
        sys::catch_interrupts();
        let home = Home::new()?;
        out.detail(&format!("journal   {}", home.journal().display()));
        let options = sandbox::Options { port: self.port, lan: self.lan, ..Default::default() };
        let running = sandbox::start(options)
            .map_err(|error| machine(format!("sandbox: {error}"), "choose another --port"))?;
        let app = &running.apps[0];
        let app_key = AppKey::new(app.app_key.as_str())?;
        let daemon = Daemon::start(&home, &running)?;
        let facts = facts(&app_key, out)?;
        let order_id = facts.order_id.clone();
        announce(out, &running, &home, &facts)?;

        let socket = Some(home.socket());
        let here = Global { socket, app_key: Some(app_key.clone()), ..global.clone() };
        let mut session = Session::open(&here)?;
        let op = session.client.pay(facts, 0)?;
        let watch = Watch { order_id: &order_id, op, qr: &self.qr, timeout: None };
        let mut stage = Stage::new(self.auto, self.lan, &running, &app_key);
        let ended = follow(&mut session, out, watch, &mut stage)?;
        drop(stage);
        ack::at_end(&mut session, out, &ItemReport::Order(ended.report.clone()), ended.printed);
        daemon.stop();
        out.note(NEXT);
        Ok(of_state(ended.report.state))
    }
}

const NEXT: &str = "next      alitv-pay sandbox --daemon-config dev.toml
          alitv-payd --config dev.toml";

fn facts(app_key: &AppKey, out: &Out) -> Result<proto::Pay, Fail> {
    let (year, month, day) = clock::civil(clock::now_ms().div_euclid(86_400_000));
    Ok(proto::Pay {
        app_key: Some(app_key.clone()),
        order_id: OrderId::new(format!("T{year:04}{month:02}{day:02}-0001"))?,
        title: out.lang.demo_title().to_owned(),
        amount_fen: Fen::new(AMOUNT_FEN).map_err(|e| machine(e.to_string(), "report this"))?,
        subject_id: None,
        notify_url: None,
        expires_s: Some(EXPIRES_S_DEFAULT),
    })
}

fn announce(out: &mut Out, running: &Running, home: &Home, pay: &proto::Pay) -> Result<(), Fail> {
    let socket = home.socket();
    out.note(&format!("sandbox   {}   plays Ali: gateway and phone", running.base_url));
    out.note(&format!("daemon    {}", socket.display()));
    out.note(&format!("order     {}   {}   {}", pay.order_id, pay.title, pay.amount_fen));
    let Some(app_key) = pay.app_key.as_ref().filter(|_| out.json) else { return Ok(()) };
    out.data_json(&Started {
        time: clock::rfc3339(clock::now_ms()),
        event: "demo.started",
        sandbox: &running.base_url,
        socket: &socket,
        app_key,
        order_id: &pay.order_id,
    })
}

fn machine(message: impl Into<String>, next: &str) -> Fail {
    Fail::new(OTHER, message, next)
}

/// A private directory that is gone when this is dropped.
struct Home(PathBuf);

impl Home {
    fn new() -> Result<Home, Fail> {
        let next = "set TMPDIR to a directory you may write to";
        let mut random = [0u8; 8];
        getrandom::fill(&mut random)
            .map_err(|error| machine(format!("no random numbers: {error}"), next))?;
        let name = format!("alitv-pay-demo-{:016x}", u64::from_ne_bytes(random));
        let path = std::env::temp_dir().join(name);
        // Not recursive: a directory that is there already is not ours.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|error| machine(format!("{}: {error}", path.display()), next))?;
        Ok(Home(path))
    }

    fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    fn socket(&self) -> PathBuf {
        self.0.join("alitv-pay.sock")
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // Whatever cannot be removed lies in a directory for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The daemon's server on a thread, reachable like any other daemon.
struct Daemon {
    stopper: Stopper,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    fn start(home: &Home, running: &Running) -> Result<Daemon, Fail> {
        let next = "free some space, or set TMPDIR to another directory";
        let apps = running.apps.iter().map(|app| {
            let app_secret = Secret::new(app.app_secret.clone())
                .map_err(|error| machine(error.to_string(), "report this"))?;
            let app_key = AppKey::new(app.app_key.as_str())?;
            Ok(App { app_key, app_secret, uids: Vec::new(), token: None })
        });
        let config = Config {
            environment: Environment::Sandbox,
            journal: home.journal(),
            socket: Some(home.socket()),
            allow_http: true,
            url: running.gateway_url.clone(),
            qr_hosts: Vec::new(),
            device_id: None,
            log: Log::default(),
            apps: apps.collect::<Result<_, Fail>>()?,
        };
        let listener = UnixListener::bind(home.socket())
            .map_err(|error| machine(format!("{}: {error}", home.socket().display()), next))?;
        let mut server = crate::daemon::open(config, || Ok(Some(listener)))
            .map_err(|failure| machine(format!("daemon: {failure}"), next))?;
        let stopper = server.stopper();
        let serve = move || {
            if let Err(stop) = server.run() {
                // The client notices that the daemon is gone, too.
                eprintln!("daemon: {stop}");
            }
        };
        let thread = std::thread::Builder::new()
            .name("alitv-payd".into())
            .spawn(serve)
            .map_err(|error| machine(format!("no thread: {error}"), next))?;
        Ok(Daemon { stopper, thread: Some(thread) })
    }

    fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was reported when it happened.
            let _ = thread.join();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end();
    }
}

/// The phone, and who plays it: the keyboard, nobody, or a plan.
struct Stage<'a> {
    running: &'a Running,
    app_key: &'a AppKey,
    lan: bool,
    auto: Option<Auto>,
    keyboard: Option<sys::Keyboard>,
    /// What the plan did last, so that it does not do it twice.
    acted_in: Option<State>,
}

impl<'a> Stage<'a> {
    fn new(auto: Option<Auto>, lan: bool, running: &'a Running, app_key: &'a AppKey) -> Stage<'a> {
        let at_terminal = std::io::stdin().is_terminal();
        let auto = auto.or((!at_terminal).then_some(Auto::Success));
        let keyboard = if auto.is_none() { sys::Keyboard::open() } else { None };
        Stage { running, app_key, lan, auto, keyboard, acted_in: None }
    }

    /// One step of the plan for each state the order comes to.
    fn act_by_plan(&mut self, auto: Auto, order: &Report) -> Result<(), Fail> {
        if self.acted_in == Some(order.state) {
            return Ok(());
        }
        self.acted_in = Some(order.state);
        match (auto, order.state) {
            (Auto::Expire, State::Pending) => {
                let acted = self.running.advance(EXPIRES_S_DEFAULT + 1);
                acted.map_err(|text| machine(text, "report this"))
            }
            (_, State::Pending) => self.act(order, Action::Scan),
            (Auto::Success, State::Scanned) => self.act(order, Action::Pay),
            (Auto::Cancel, State::Scanned) => self.act(order, Action::Cancel),
            _ => Ok(()),
        }
    }

    fn act(&self, order: &Report, action: Action) -> Result<(), Fail> {
        self.running
            .act(self.app_key.as_str(), order.order_id.as_str(), action)
            .map_err(|text| machine(text, "report this"))
    }
}

impl Company for Stage<'_> {
    fn fd(&self) -> Option<RawFd> {
        self.keyboard.as_ref().map(sys::Keyboard::fd)
    }

    fn look(&mut self, order: Option<&Report>) -> Result<bool, Fail> {
        let Some(order) = order else { return Ok(false) };
        if let Some(auto) = self.auto {
            self.act_by_plan(auto, order)?;
        }
        let open = matches!(order.state, State::Pending | State::Scanned);
        while let Some(key) = self.keyboard.as_ref().and_then(sys::Keyboard::key) {
            match key {
                // Somebody may have paid or cancelled on the page a moment ago: that counts.
                b'p' | b'P' if open => drop(self.act(order, Action::Pay)),
                b'c' | b'C' | b'q' => return Ok(true),
                _ => {}
            }
        }
        Ok(false)
    }

    fn invitation(&self, out: &Out) -> String {
        out.lang.scan_demo(self.lan, self.keyboard.is_some()).to_owned()
    }
}
