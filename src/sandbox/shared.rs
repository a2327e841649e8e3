//! What all handlers of one sandbox share: the state behind its lock, the clock, and the
//! signals to the timer and to the file. The lock is never held over I/O or an await.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{watch, Notify, Semaphore};

use super::access::Pass;
use super::calls::{Called, Calls};
use super::files::write_private;
use super::state::State;
use crate::limits::{SANDBOX_HANG_MS, SANDBOX_HELD_MAX};
use crate::wire::secret::Secret;

/// Takes one line for people.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// Where the sandbox is reached.
#[derive(Clone, Debug)]
pub struct Place {
    /// `http://HOST:PORT`.
    pub base_url: String,
    /// What precedes a code in a QR: the URL in capitals, so that it takes fewer modules.
    pub qr_prefix: String,
    /// The port, for the check of `Host`.
    pub port: u16,
    /// Any address of this machine is right, not only loopback.
    pub lan: bool,
}

/// One sandbox.
pub struct Shared {
    /// Where it is.
    pub place: Place,
    /// Opens the control API.
    pub control_token: Secret,
    /// Opens the operator's page.
    pub pass: Pass,
    /// Queries that may still be held.
    pub holds: Semaphore,
    /// Takes the request log.
    pub log: Log,
    state: Mutex<State>,
    call_log: Mutex<Calls>,
    retime: Notify,
    dirty: Notify,
    to_send: Notify,
    /// The version that is in the file; none without a file.
    saved: Option<watch::Sender<u64>>,
    stop: watch::Sender<bool>,
    calls: AtomicU64,
}

impl Shared {
    /// Puts a state to work.
    pub fn new(state: State, place: Place, control_token: Secret, log: Log, save: bool) -> Shared {
        Shared {
            place,
            pass: Pass::new(&control_token),
            control_token,
            holds: Semaphore::new(SANDBOX_HELD_MAX),
            log,
            saved: save.then(|| watch::Sender::new(state.version)),
            state: Mutex::new(state),
            call_log: Mutex::default(),
            retime: Notify::new(),
            dirty: Notify::new(),
            to_send: Notify::new(),
            stop: watch::Sender::new(false),
            calls: AtomicU64::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks at the state, or changes it, at the present moment of its clock. The second
    /// result is the version behind it.
    fn with<R>(&self, act: impl FnOnce(&mut State, i64) -> R) -> (R, u64) {
        let mut state = self.lock();
        let (version, due) = (state.version, state.due_ms());
        let before = wall_ms() + state.ahead_ms();
        state.settle(before);
        let result = act(&mut state, before);
        // The act may have moved the clock.
        let after = wall_ms() + state.ahead_ms();
        state.settle(after);
        let (version_after, due_after) = (state.version, state.due_ms());
        let can_send = state.notifies().can_send();
        drop(state);
        if due != due_after {
            self.retime.notify_one();
        }
        if version != version_after {
            self.dirty.notify_one();
        }
        if can_send {
            self.to_send.notify_one();
        }
        (result, version_after)
    }

    /// Looks.
    pub fn look<R>(&self, look: impl FnOnce(&State, i64) -> R) -> R {
        self.with(|state, now_ms| look(state, now_ms)).0
    }

    /// Acts, and comes back when the result is in the state file, if there is one.
    pub async fn act<R>(&self, act: impl FnOnce(&mut State, i64) -> R) -> R {
        let (result, version) = self.with(act);
        if let Some(saved) = &self.saved {
            // Fails only when the sender is gone, and `self` owns it.
            let _ = saved.subscribe().wait_for(|saved| *saved >= version).await;
        }
        result
    }

    /// Acts, and comes back at once; the file follows.
    pub fn act_now<R>(&self, act: impl FnOnce(&mut State, i64) -> R) -> R {
        self.with(act).0
    }

    /// Writes a call down.
    pub fn log_call(&self, call: Called) {
        let now_ms = self.look(|_, now_ms| now_ms);
        self.lock_calls().add(now_ms, call);
    }

    /// Looks at the calls. May be done while the state is looked at, not the other way round.
    pub fn look_at_calls<R>(&self, look: impl FnOnce(&Calls) -> R) -> R {
        look(&self.lock_calls())
    }

    fn lock_calls(&self) -> MutexGuard<'_, Calls> {
        self.call_log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new number for an answer.
    pub fn request_id(&self) -> String {
        format!("sandbox{:08x}", self.calls.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Ends everything that waits.
    pub fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Comes back when the sandbox is told to stop.
    pub async fn stopped(&self) {
        let _ = self.stop.subscribe().wait_for(|stop| *stop).await;
    }

    /// Comes back when no caller waits any more, or when the sandbox stops.
    pub async fn hang(&self) {
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(SANDBOX_HANG_MS)) => {}
            () = self.stopped() => {}
        }
    }

    /// Comes back when there may be a notify to send.
    pub async fn notifies_due(&self) {
        self.to_send.notified().await;
    }

    /// Lets time act on the orders, until the sandbox stops.
    pub async fn keep_time(&self) {
        loop {
            let due = self.look(|state, now_ms| state.due_ms().map(|due_ms| due_ms - now_ms));
            let wait = Duration::from_millis(due.unwrap_or(i64::MAX).clamp(1, 60_000) as u64);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.retime.notified() => {}
                () = self.stopped() => return,
            }
        }
    }

    /// Writes each change to the file, several at once when they come fast. Never ends by
    /// itself: answers wait for it until the last one is out.
    pub async fn keep_file(&self, path: PathBuf) {
        loop {
            self.dirty.notified().await;
            self.save(path.clone()).await;
        }
    }

    /// A file that cannot be written is a loud line, not an end: the orders go on.
    pub async fn save(&self, path: PathBuf) {
        let (version, bytes) = {
            let state = self.lock();
            (state.version, state.save())
        };
        let name = path.display().to_string();
        let written = match bytes {
            Ok(bytes) => tokio::task::spawn_blocking(move || write_private(&path, &bytes)).await,
            Err(error) => Ok(Err(error.into())),
        };
        let error = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        if let Some(error) = error {
            (self.log)(&format!("state file {name} was not written: {error}"));
        }
        if let Some(saved) = &self.saved {
            saved.send_replace(version);
        }
    }
}

/// The machine's clock, Unix milliseconds; 0 before 1970.
pub fn wall_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX / 2)
}
