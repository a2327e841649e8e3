//! `alitv-pay notify listen`: the receiver of notifies as a program.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{channel, Receiver as Ended, TryRecvError};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::exit::{Fail, DONE, OTHER};
use super::merchant::{asker, open_ledger, MerchantArgs};
use super::out::Out;
use super::{clock, show, sys};
use crate::limits::NOTIFY_TICK_MS;
use crate::merchant::config::Config;
use crate::merchant::deliver::{Deliverer, Target};
use crate::merchant::ledger::Ledger;
use crate::merchant::listen::{self, Heard, Said};
use crate::merchant::notify::{Call, Limits, Receiver, Verdict};

/// How often the end is looked for.
const LOOK: Duration = Duration::from_millis(100);

/// Options of `notify`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay notify listen --exec ./grant.sh
  alitv-pay notify listen --forward http://127.0.0.1:8080/grants
docs/merchant.md section 4 explains what a notify is worth.")]
pub struct Notify {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Receive notifies, ask the platform, and hand out the goods of paid orders
    Listen(Box<Listen>),
}

impl Notify {
    /// Runs until SIGINT or SIGTERM.
    ///
    /// # Errors
    /// No configuration, or the port, the key or the ledger cannot be used.
    pub fn run(self, out: &mut Out) -> Result<u8, Fail> {
        match self.what {
            What::Listen(listen) => listen.run(out),
        }
    }
}

/// Options of `notify listen`.
#[derive(Args, Debug)]
#[command(before_help = "\
Examples:
  alitv-pay notify listen --exec './grant.sh'           once for each paid order: exit 0 = stored
  alitv-pay notify listen --forward http://127.0.0.1:8080/grants          2xx = stored
  alitv-pay notify listen --json | while read -r grant; do …; done
A grant comes again under the same id until it is stored: store ALITV_GRANT_ID (in JSON:
grant_id; with --forward: Idempotency-Key) with the goods and pass over one that is there.
A command gets the grant as JSON on stdin and as $ALITV_GRANT_ID, $ALITV_ORDER_NO,
$ALITV_AMOUNT_FEN, $ALITV_SUBJECT, $ALITV_SUBJECT_ID, $ALITV_TRADE_NO, $ALITV_BUYER_LOGON_ID,
$ALITV_REF_ORDER_NO, $ALITV_SEQ, $ALITV_PAID_MS, $ALITV_ENVIRONMENT and $ALITV_ATTEMPT.")]
pub struct Listen {
    /// The private key [default: the configuration's]
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Run this for each grant, with sh -c
    #[arg(long, value_name = "COMMAND", conflicts_with = "forward")]
    exec: Option<String>,
    /// Post each grant there as JSON
    #[arg(long, value_name = "URL", value_parser = url)]
    forward: Option<String>,
    /// Port on 127.0.0.1; 0 takes a free one
    #[arg(long, conflicts_with = "listen")]
    port: Option<u16>,
    /// Address and port [default: the configuration's, which is 127.0.0.1:3000]
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// End when one grant was handed out
    #[arg(long)]
    once: bool,
    /// Write the URL as JSON once it listens; removed at the end
    #[arg(long, value_name = "FILE")]
    ready_file: Option<PathBuf>,
    #[command(flatten)]
    merchant: MerchantArgs,
}

fn url(text: &str) -> Result<String, String> {
    crate::gateway::url::parse(text).map(|_| text.to_owned()).map_err(str::to_owned)
}

impl Listen {
    fn run(self, out: &mut Out) -> Result<u8, Fail> {
        let mut config = self.merchant.read()?;
        if let Some(key) = &self.key {
            config.app.private_key = key.clone();
        }
        let address = match (self.listen, self.port) {
            (Some(address), _) => address,
            (None, Some(port)) => SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port),
            (None, None) => config.notify.listen,
        };
        sys::catch_interrupts();
        let ledger = Arc::new(open_ledger(&config)?);
        let asker = asker(&config)?;
        let key = asker.key.clone();
        let limits = Limits { allow: config.notify.allow.clone(), ..Limits::default() };
        let quiet = out.quiet;
        let receiver = Receiver::new(key, ledger.clone(), Arc::new(asker), limits)
            .with_log(move |call| say(&late(call), quiet));
        let receiver = Arc::new(receiver);
        let deliverer = self.deliverer(&config, ledger, out).map(Arc::new);
        let running = start(address, &config, &receiver, deliverer.clone(), quiet)?;
        let place = format!("http://{}/", running.address);
        out.note(&format!("notify    {place}   any path, GET and POST"));
        out.note(&format!("goods     {}", self.told(out)));
        let ready =
            self.ready_file.as_deref().map(|path| Ready::write(path, &place)).transpose()?;
        let ended = deliverer.clone().map(deliver);
        ask_again(receiver, deliverer.clone());
        let fail = self.wait(deliverer.as_deref(), ended.as_ref());
        drop(ready);
        running.stop();
        if let (Some(deliverer), Some(ended), None) = (deliverer, ended, &fail) {
            deliverer.stop();
            // A second signal leaves a command that hands out goods to itself.
            while matches!(ended.try_recv(), Err(TryRecvError::Empty)) && sys::interrupts() < 2 {
                thread::sleep(LOOK);
            }
        }
        fail.map_or(Ok(DONE), Err)
    }

    fn deliverer(&self, config: &Config, ledger: Arc<Ledger>, out: &Out) -> Option<Deliverer> {
        let target = match (&self.exec, &self.forward) {
            (Some(command), _) => Target::Exec(command.clone()),
            (None, Some(url)) => Target::Forward(url.clone()),
            (None, None) if out.json => Target::Lines(Box::new(print)),
            (None, None) => return None,
        };
        let quiet = out.quiet;
        let log = Box::new(move |line: &str| say(line, quiet));
        Some(Deliverer::new(ledger, &config.ledger, config.environment, target, log))
    }

    fn told(&self, out: &Out) -> String {
        match (&self.exec, &self.forward) {
            (Some(command), _) => format!("handed to: {}", show::clean(command)),
            (None, Some(url)) => format!("posted to {url}"),
            (None, None) if out.json => "printed here".into(),
            (None, None) => "stay in the ledger: name --exec, --forward or --json".into(),
        }
    }

    /// Waits for a signal, for the one grant, or for the end of whoever hands out goods.
    fn wait(
        &self,
        deliverer: Option<&Deliverer>,
        ended: Option<&Ended<io::Result<()>>>,
    ) -> Option<Fail> {
        while sys::interrupts() == 0 {
            if self.once && deliverer.is_some_and(|deliverer| deliverer.delivered() > 0) {
                break;
            }
            match ended.map(Ended::try_recv) {
                None | Some(Err(TryRecvError::Empty)) => {}
                Some(Ok(Err(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
                    return Some(Fail::silent());
                }
                Some(Ok(Err(error))) => {
                    let next = "see to it that the file can be written, and start again";
                    return Some(Fail::new(OTHER, format!("goods: {error}"), next));
                }
                Some(Ok(Ok(())) | Err(TryRecvError::Disconnected)) => {
                    let next = "its report is above; start again";
                    return Some(Fail::new(OTHER, "goods: handing out has ended", next));
                }
            }
            sys::wait_readable(&[], LOOK);
        }
        None
    }
}

fn start(
    address: SocketAddr,
    config: &Config,
    receiver: &Arc<Receiver>,
    deliverer: Option<Arc<Deliverer>>,
    quiet: bool,
) -> Result<listen::Running, Fail> {
    let receiver = receiver.clone();
    let judge = move |heard: &Heard| {
        let call = receiver.judge(heard.source, &heard.query, &heard.form, clock::now_ms());
        let said = said(&call);
        if let Some(deliverer) = deliverer.as_ref().filter(|_| said.success) {
            deliverer.ring();
        }
        said
    };
    let options = listen::Options {
        listen: address,
        allow: config.notify.allow.clone(),
        trusted_proxy: config.notify.trusted_proxy,
        log: Arc::new(move |lines| say(lines, quiet)),
    };
    listen::start(options, Arc::new(judge)).map_err(|error| {
        Fail::new(OTHER, format!("notify: {error}"), "choose another --port or --listen")
    })
}

fn said(call: &Call) -> Said {
    Said {
        success: call.outcome.verdict() == Verdict::Success,
        order: call.order_no.clone().unwrap_or_default(),
        why: call.outcome.to_string(),
    }
}

/// Of a notify whose question had to wait.
fn late(call: &Call) -> String {
    let order = call.order_no.as_deref().unwrap_or_default();
    show::clean(&format!("asked again {order}: {}", call.outcome))
}

/// Hands out goods on a thread of its own, and says how that ended.
fn deliver(deliverer: Arc<Deliverer>) -> Ended<io::Result<()>> {
    let (done, ended) = channel();
    thread::spawn(move || {
        // Nobody listens if the program is ending.
        let _ = done.send(deliverer.run());
    });
    ended
}

/// Asks about notifies whose question had to wait, for as long as the program runs. It may be
/// in the middle of a question when that ends: nothing is lost by it.
fn ask_again(receiver: Arc<Receiver>, deliverer: Option<Arc<Deliverer>>) {
    thread::spawn(move || loop {
        thread::sleep(Duration::from_millis(NOTIFY_TICK_MS));
        if receiver.tick(clock::now_ms()) > 0 {
            deliverer.iter().for_each(|deliverer| deliverer.ring());
        }
    });
}

/// Nobody need be reading.
fn say(lines: &str, quiet: bool) {
    if !quiet {
        let _ = writeln!(io::stderr().lock(), "{lines}");
    }
}

fn print(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes())?;
    stdout.write_all(b"\n")?;
    stdout.flush()
}

/// The ready file, until it is dropped.
struct Ready(PathBuf);

impl Ready {
    /// Whole from the moment it has its name.
    fn write(path: &Path, url: &str) -> Result<Ready, Fail> {
        let fail = |error: io::Error| {
            let next = "name a file in a directory you may write to";
            Fail::new(OTHER, format!("{}: {error}", path.display()), next)
        };
        let mut new = path.as_os_str().to_owned();
        new.push(".new");
        let mut options = OpenOptions::new();
        options.create(true).truncate(true).write(true).mode(0o600);
        let mut file = options.open(&new).map_err(fail)?;
        let text = serde_json::json!({ "url": url, "pid": std::process::id() }).to_string();
        file.write_all(text.as_bytes()).map_err(fail)?;
        std::fs::rename(&new, path).map_err(fail)?;
        Ok(Ready(path.to_owned()))
    }
}

impl Drop for Ready {
    fn drop(&mut self) {
        // Whoever removed it earlier did it for us.
        let _ = std::fs::remove_file(&self.0);
    }
}
