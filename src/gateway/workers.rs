//! The threads that may wait for a gateway. The owner of the engine hands calls over and
//! takes replies back; neither ever blocks.

use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::sys::with_signals_blocked;
use super::{Gateway, Transport};
use crate::core::call::{Ask, Call, CallNo, DoubtKind, Reply};
use crate::limits::{CALLS_QUEUED_MAX, LOOKUP_WORKERS, WORKERS, WORKER_STACK_BYTES};

/// Up to `WORKERS` threads, started when there is something to do. Every submitted call gets
/// exactly one reply, unless this is dropped before.
pub struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    gateway: Arc<dyn Gateway>,
    transport: Arc<dyn Transport>,
    wake: Arc<dyn Fn() + Send + Sync>,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    /// Somebody looks at the screen and waits.
    first: VecDeque<Job>,
    /// Questions that are asked again and again, and news for the gateway.
    then: VecDeque<Job>,
    /// Look-ups: a game may make many, and none of them is a payment.
    lookups: VecDeque<Job>,
    /// Workers that do one.
    looking: usize,
    done: Vec<(CallNo, Reply)>,
    threads: usize,
    idle: usize,
    stopped: bool,
}

struct Job {
    number: CallNo,
    call: Call,
    server_ms: i64,
}

impl State {
    /// Jobs that a free worker would take.
    fn queued(&self) -> usize {
        let lookups = self.lookups.len().min(LOOKUP_WORKERS - self.looking);
        self.first.len() + self.then.len() + lookups
    }

    fn next(&mut self) -> Option<Job> {
        let job = self.first.pop_front().or_else(|| self.then.pop_front());
        if job.is_some() || self.looking >= LOOKUP_WORKERS {
            return job;
        }
        let job = self.lookups.pop_front();
        self.looking += usize::from(job.is_some());
        job
    }

    /// Where a call waits for its turn.
    fn line(&mut self, ask: &Ask) -> &mut VecDeque<Job> {
        match urgency(ask) {
            Urgency::First => &mut self.first,
            Urgency::Then => &mut self.then,
            Urgency::Lookup => &mut self.lookups,
        }
    }
}

/// Who goes before whom.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Urgency {
    First,
    /// Nobody notices if it is done a moment later.
    Then,
    Lookup,
}

fn urgency(ask: &Ask) -> Urgency {
    match ask {
        Ask::Query { .. }
        | Ask::AuthQuery { .. }
        | Ask::DrawQuery(_)
        | Ask::Profile
        | Ask::AuthCancel { .. }
        | Ask::SignOut
        | Ask::GiftMark(_) => Urgency::Then,
        Ask::UserInfo | Ask::Activities { .. } | Ask::Gifts => Urgency::Lookup,
        Ask::Probe
        | Ask::Precreate(_)
        | Ask::Close(_)
        | Ask::AuthApply { .. }
        | Ask::Draw(_)
        | Ask::GiftTake(_) => Urgency::First,
    }
}

impl Workers {
    /// Starts nothing. `wake` is called from a worker, or from `submit`, when `take` has
    /// something to give; it must not block or call back into this.
    pub fn new(
        gateway: Arc<dyn Gateway>,
        transport: Arc<dyn Transport>,
        wake: Arc<dyn Fn() + Send + Sync>,
    ) -> Workers {
        let (state, work) = (Mutex::default(), Condvar::new());
        Workers { shared: Arc::new(Shared { gateway, transport, wake, state, work }) }
    }

    /// Queues a call. `server_ms` is the best guess of the gateway's clock. With
    /// `CALLS_QUEUED_MAX` calls waiting, or no thread to be had, the reply is in doubt.
    pub fn submit(&self, number: CallNo, call: Call, server_ms: i64) {
        let mut state = self.shared.lock();
        let waiting = match urgency(&call.ask) {
            Urgency::Lookup => state.lookups.len(),
            Urgency::First | Urgency::Then => state.first.len() + state.then.len(),
        };
        if waiting >= CALLS_QUEUED_MAX {
            let reply = Reply::in_doubt(DoubtKind::Network, "too many calls wait for the gateway");
            drop(state);
            return self.shared.finish(number, reply);
        }
        let job = Job { number, call, server_ms };
        state.line(&job.call.ask).push_back(job);
        let wanted = state.queued() > state.idle && state.threads < WORKERS;
        state.threads += usize::from(wanted);
        drop(state);
        self.shared.work.notify_one();
        if wanted {
            self.start();
        }
    }

    /// The replies since the last time, in the order in which they came.
    pub fn take(&self) -> Vec<(CallNo, Reply)> {
        std::mem::take(&mut self.shared.lock().done)
    }

    fn start(&self) {
        let shared = self.shared.clone();
        let thread =
            thread::Builder::new().name("alitv-gateway".into()).stack_size(WORKER_STACK_BYTES);
        if let Err(error) = with_signals_blocked(|| thread.spawn(move || shared.work())) {
            self.shared.no_thread(&error.to_string());
        }
    }
}

impl Drop for Workers {
    /// Waiting threads end at once, the others when their call does; nobody waits for them.
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.work.notify_all();
    }
}

impl Shared {
    /// Nothing in here panics while it holds the lock.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(job) = self.wait() {
            let run = || self.gateway.run(&job.call, job.server_ms, &*self.transport);
            let reply = catch_unwind(AssertUnwindSafe(run))
                .unwrap_or_else(|_| Reply::in_doubt(DoubtKind::Gateway, "the gateway code failed"));
            if urgency(&job.call.ask) == Urgency::Lookup {
                self.lock().looking -= 1;
            }
            self.finish(job.number, reply);
        }
    }

    fn wait(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if state.stopped {
                return None;
            }
            if let Some(job) = state.next() {
                return Some(job);
            }
            state.idle += 1;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }

    fn finish(&self, number: CallNo, reply: Reply) {
        let mut state = self.lock();
        if state.stopped {
            return;
        }
        state.done.push((number, reply));
        drop(state);
        (self.wake)();
    }

    /// With other threads at work the job waits for one of them; without, it has failed.
    fn no_thread(&self, why: &str) {
        let mut state = self.lock();
        state.threads -= 1;
        let lost: Vec<Job> = if state.threads == 0 {
            let State { first, then, lookups, .. } = &mut *state;
            first.drain(..).chain(then.drain(..)).chain(lookups.drain(..)).collect()
        } else {
            Vec::new()
        };
        drop(state);
        for job in lost {
            let detail = format!("no thread for the call: {why}");
            self.finish(job.number, Reply::in_doubt(DoubtKind::Network, detail));
        }
    }
}
