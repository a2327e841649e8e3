//! The same server inside somebody else's process: on one thread, at the far end of a
//! `socketpair`. In one process the engine of a journal is there once, shared and counted.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::config::Config;
use crate::core::code::{Code, Refusal};
use crate::core::facts::AppKey;
use crate::gateway::sys::with_signals_blocked;
use crate::ipc::control::{Attacher, Stopper};

/// Keeps the engine running. The engine of a journal ends, and its thread is joined, when the
/// last handle to it is dropped: that waits for a write to the disk, if one is going on.
pub struct Handle {
    number: u64,
    pid: u32,
}

struct Running {
    /// Never reused: a handle must not end the successor of its engine.
    number: u64,
    journal: PathBuf,
    /// A forked child has this entry and not its thread.
    pid: u32,
    fingerprint: [u8; 32],
    apps: Vec<AppKey>,
    handles: usize,
    attacher: Attacher,
    stopper: Stopper,
    thread: JoinHandle<()>,
}

/// All engines of this process. It is held while one starts or ends: two that want the same
/// journal must not meet in between.
static RUNNING: Mutex<Vec<Running>> = Mutex::new(Vec::new());
static NUMBER_LAST: AtomicU64 = AtomicU64::new(0);

fn running() -> MutexGuard<'static, Vec<Running>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the engine of `config`, or joins the one that this process has for that journal.
/// Returns a connection to it that may act for every app of the configuration. `uids`,
/// `token`, `socket` and `log` mean nothing here.
///
/// # Errors
/// CONFIG, STORAGE, RESOURCE; LOCKED if another process has the journal; CONFLICT if this
/// process runs it with another gateway or other apps or secrets.
pub fn spawn(config: Config) -> Result<(UnixStream, Handle), Refusal> {
    config.check().map_err(|text| Refusal::new(Code::CONFIG, text))?;
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.journal)
        .map_err(|error| storage(&config, error))?;
    let journal = config.journal.canonicalize().map_err(|error| storage(&config, error))?;
    let (near, far) = UnixStream::pair()
        .map_err(|error| Refusal::new(Code::RESOURCE, format!("no socket pair: {error}")))?;
    let pid = std::process::id();
    let mut all = running();
    // An engine that stopped by itself has let go of its journal.
    all.retain(|entry| entry.pid != pid || !entry.thread.is_finished());
    let known = all.iter_mut().find(|entry| entry.pid == pid && entry.journal == journal);
    let number = match known {
        Some(entry) => entry.join(&config, far)?,
        None => {
            let entry = Running::start(config, journal, pid, far)?;
            let number = entry.number;
            all.push(entry);
            number
        }
    };
    Ok((near, Handle { number, pid }))
}

fn storage(config: &Config, error: std::io::Error) -> Refusal {
    Refusal::new(Code::STORAGE, format!("journal {}: {error}", config.journal.display()))
}

impl Running {
    fn start(
        config: Config,
        journal: PathBuf,
        pid: u32,
        far: UnixStream,
    ) -> Result<Running, Refusal> {
        let fingerprint = config.fingerprint();
        let apps: Vec<AppKey> = config.apps.iter().map(|app| app.app_key.clone()).collect();
        let mut server = super::open(config, || Ok(None))?;
        let (attacher, stopper) = (server.attacher(), server.stopper());
        attacher.attach(far, apps.clone())?;
        let work = move || {
            if let Err(stop) = server.run() {
                log::error!("{stop}");
            }
        };
        let thread = Builder::new().name("alitv-engine".into());
        let thread = with_signals_blocked(|| thread.spawn(work))
            .map_err(|error| Refusal::new(Code::RESOURCE, format!("no thread: {error}")))?;
        let number = NUMBER_LAST.fetch_add(1, Ordering::Relaxed) + 1;
        let handles = 1;
        Ok(Running { number, journal, pid, fingerprint, apps, handles, attacher, stopper, thread })
    }

    /// One more handle; returns its number.
    fn join(&mut self, config: &Config, far: UnixStream) -> Result<u64, Refusal> {
        if config.fingerprint() != self.fingerprint {
            let text = "this process runs the journal with another gateway, apps or secrets";
            return Err(Refusal::new(Code::CONFLICT, text));
        }
        self.attacher.attach(far, self.apps.clone())?;
        self.handles += 1;
        Ok(self.number)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // After a fork the thread is in the parent, and so is the duty to end it.
        if self.pid != std::process::id() {
            return;
        }
        let mut all = running();
        let Some(place) = all.iter().position(|entry| entry.number == self.number) else { return };
        all[place].handles -= 1;
        if all[place].handles == 0 {
            let entry = all.swap_remove(place);
            entry.stopper.stop();
            // A panic of the engine was reported by the thread itself.
            let _ = entry.thread.join();
        }
    }
}
