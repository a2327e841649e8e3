//! What an `alitv_client *` is: not an address, but an index and a generation. It is never
//! dereferenced, so a destroyed, foreign or made-up pointer is a code and not a crash.
//!
//! Each slot has one atomic word: generation, LIVE, CLOSING, and how many calls are inside.
//! Entering is one compare-and-swap and takes no lock, so that `alitv_interrupt` may run in
//! a signal handler. Whoever sets CLOSING waits until nobody is inside, and frees.

use std::ops::Deref;
use std::os::fd::RawFd;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::asked::{Asked, Asks};
use super::callbacks::Table;
use super::embedded::Engine;
use super::events::Holder;
use super::init::alitv_client;
use super::wakeup::Wakeup;
use crate::client::sys::EventFd;
use crate::client::{Client, Event, Level, Op};
use crate::core::code::{Code, Refusal};
use crate::limits::CLIENTS_MAX;

const USERS: u32 = (1 << 10) - 1;
const LIVE: u32 = 1 << 10;
const CLOSING: u32 = 1 << 11;
const GENERATION: u32 = 1 << 12;

/// Odd, so that no object of the program has that address.
const TOKEN_MARK: usize = 1;
const INDEX_BITS: u32 = CLIENTS_MAX.ilog2();
const _: () = assert!(CLIENTS_MAX.is_power_of_two());

struct Slot {
    word: AtomicU32,
    shared: AtomicPtr<Shared>,
}

static SLOTS: [Slot; CLIENTS_MAX] =
    [const { Slot { word: AtomicU32::new(0), shared: AtomicPtr::new(null_mut()) } }; CLIENTS_MAX];
/// Where the next search begins: a slot is used again as late as possible.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Everything behind a handle.
pub struct Shared {
    pid: u32,
    poisoned: AtomicBool,
    /// A callback destroyed the client that runs it.
    deferred: AtomicBool,
    /// The thread inside `alitv_next_event` or `alitv_dispatch`, 0 for none.
    pump: AtomicUsize,
    /// Dropped before the client, whose descriptor its thread polls.
    pub wakeup: Mutex<Option<Wakeup>>,
    client: Mutex<Client>,
    /// Locked while `client` is, never the other way round.
    asks: Mutex<Asks>,
    /// Belongs to the thread that pumps; what an event points to.
    pub holder: Mutex<Holder>,
    pub callbacks: Mutex<Table>,
    pub wait_fd: RawFd,
    pub interrupt: Arc<EventFd>,
    descriptors: Vec<RawFd>,
    socket: Arc<AtomicI32>,
    /// Embedded mode. Dropped last: our end of the stream is closed by then.
    engine: Option<Engine>,
}

impl Shared {
    pub fn new(client: Client, engine: Option<Engine>) -> Shared {
        let (descriptors, socket) = client.descriptors();
        Shared {
            pid: std::process::id(),
            poisoned: AtomicBool::new(false),
            deferred: AtomicBool::new(false),
            pump: AtomicUsize::new(0),
            wait_fd: client.fd(),
            interrupt: client.interrupt(),
            client: Mutex::new(client),
            asks: Mutex::default(),
            holder: Mutex::default(),
            callbacks: Mutex::default(),
            wakeup: Mutex::new(None),
            descriptors,
            socket,
            engine,
        }
    }

    /// The client, for a moment: nothing that waits runs while it is held.
    pub fn client(&self) -> MutexGuard<'_, Client> {
        lock(&self.client)
    }

    /// Makes a request, and notes what it is about before its answer can be taken.
    pub fn ask(
        &self,
        asked: Option<Asked>,
        ask: impl FnOnce(&mut Client) -> Result<Option<Op>, Refusal>,
    ) -> Result<Option<Op>, Refusal> {
        let mut client = self.client();
        let op = ask(&mut client)?;
        if let (Some(op), Some(asked)) = (op, asked) {
            lock(&self.asks).note(op, asked);
        }
        Ok(op)
    }

    /// The next event of the client or line of its engine, if there is one.
    pub fn next_event(&self) -> Option<Taken> {
        let mut client = self.client();
        let hand_over =
            |client: &mut Client| self.engine.as_ref().is_some_and(|e| e.hand_over_lines(client));
        hand_over(&mut client);
        // Looking for events takes the nudge back that a line gives: look for lines again.
        let event = client
            .next_event()
            .or_else(|| hand_over(&mut client).then(|| client.next_event())?)?;
        let asked = lock(&self.asks).settle(&event);
        Some(Taken { event, asked })
    }

    /// LOG events up to this level from here on; `None` for none.
    pub fn set_log_level(&self, level: Option<Level>) {
        let mut client = self.client();
        if let Some(engine) = &self.engine {
            engine.listen(level);
        }
        client.set_log_level(level);
    }

    /// May this call go on?
    pub fn check(&self) -> Result<(), Refusal> {
        self.check_process()?;
        if self.poisoned.load(Ordering::Acquire) {
            return Err(Refusal::new(Code::PANIC, "a bug was hit before: destroy the client"));
        }
        Ok(())
    }

    pub fn check_process(&self) -> Result<(), Refusal> {
        if self.is_foreign() {
            let text = "the client was opened in another process, before fork";
            return Err(Refusal::new(Code::FORKED, text));
        }
        Ok(())
    }

    fn is_foreign(&self) -> bool {
        self.pid != std::process::id()
    }

    pub fn poison(&self) {
        self.poisoned.store(true, Ordering::Release);
    }

    /// Makes this thread the one that takes events, until the guard is dropped.
    pub fn pump(&self) -> Result<Pumping<'_>, Refusal> {
        let me = this_thread();
        match self.pump.compare_exchange(0, me, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Ok(Pumping(self)),
            Err(owner) if owner == me => {
                let text = "called from a callback of this client";
                Err(Refusal::new(Code::REENTRANT, text))
            }
            Err(_) => {
                let text = "another thread takes events of this client";
                Err(Refusal::new(Code::BUSY, text))
            }
        }
    }

    fn pumps_here(&self) -> bool {
        self.pump.load(Ordering::Acquire) == this_thread()
    }

    /// In a forked child nothing may be touched that another thread of the parent might have
    /// been using: close what the child does not need, and forget the rest.
    fn abandon(&self) {
        let socket = self.socket.load(Ordering::Acquire);
        for fd in self.descriptors.iter().copied().chain([socket]).filter(|fd| *fd >= 0) {
            // SAFETY: the descriptor is this process's copy, and nobody here will use it.
            unsafe { libc::close(fd) };
        }
    }
}

/// An event that was taken out of the queue.
pub struct Taken {
    pub event: Event,
    /// What it answers, if that has a callback for its refusal.
    pub asked: Option<Asked>,
}

/// Held by the thread that takes events.
pub struct Pumping<'a>(&'a Shared);

impl Drop for Pumping<'_> {
    fn drop(&mut self) {
        self.0.pump.store(0, Ordering::Release);
    }
}

/// A poisoned lock means a panic, and that is noted in `poisoned`.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells threads apart; never 0.
fn this_thread() -> usize {
    thread_local!(static HERE: u8 = const { 0 });
    HERE.try_with(|here| std::ptr::from_ref(here) as usize).unwrap_or(1)
}

/// A call that is inside a client: while it lives, the client does.
pub struct Entered {
    slot: &'static Slot,
}

impl Deref for Entered {
    type Target = Shared;
    fn deref(&self) -> &Shared {
        // SAFETY: the slot is LIVE and this call is counted, so the pointer is valid and is
        // not freed before `drop` below.
        unsafe { &*self.slot.shared.load(Ordering::Acquire) }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.slot.word.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Entered {
    /// `alitv_destroy` was called.
    pub fn is_closing(&self) -> bool {
        self.slot.word.load(Ordering::Acquire) & CLOSING != 0
    }

    /// Leaves; carries out a destroy that a callback of this very call asked for.
    pub fn leave_dispatch(self) {
        let (slot, deferred) = (self.slot, self.deferred.load(Ordering::Acquire));
        drop(self);
        if deferred {
            finish(slot);
        }
    }
}

fn token(index: usize, generation: u32) -> *mut alitv_client {
    let number = ((generation as usize) << (INDEX_BITS + 1)) | (index << 1) | TOKEN_MARK;
    std::ptr::without_provenance_mut(number)
}

fn read_token(client: *const alitv_client) -> Option<(&'static Slot, u32)> {
    let number = client.addr();
    let slot = &SLOTS[(number >> 1) % CLIENTS_MAX];
    let generation = u32::try_from(number >> (INDEX_BITS + 1)).ok()?;
    (number & TOKEN_MARK != 0).then_some((slot, generation))
}

/// Counts this call in, if the handle is good: else NULL, HANDLE or RESOURCE. Takes no lock
/// and no memory.
pub fn enter(client: *const alitv_client) -> Result<Entered, Code> {
    if client.is_null() {
        return Err(Code::NULL);
    }
    let (slot, generation) = read_token(client).ok_or(Code::HANDLE)?;
    let mut word = slot.word.load(Ordering::Acquire);
    loop {
        let usable = word & (LIVE | CLOSING) == LIVE && word / GENERATION == generation;
        if !usable {
            return Err(Code::HANDLE);
        }
        if word & USERS == USERS {
            return Err(Code::RESOURCE);
        }
        match slot.word.compare_exchange_weak(word, word + 1, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Ok(Entered { slot }),
            Err(other) => word = other,
        }
    }
}

/// Why `enter` said no.
pub fn explain(code: Code) -> Refusal {
    let text = match code {
        Code::NULL => "client is NULL",
        Code::HANDLE => "not a client, or one that was destroyed",
        _ => "too many calls at once",
    };
    Refusal::new(code, text)
}

/// Makes the one that waits for events return. For signal handlers: no lock, no allocation,
/// no thread-local.
pub fn interrupt(client: *const alitv_client) -> Code {
    match enter(client) {
        Ok(entered) if entered.is_foreign() => Code::FORKED,
        Ok(entered) => {
            entered.interrupt.set();
            Code::OK
        }
        Err(code) => code,
    }
}

/// Puts a client into a free slot.
pub fn insert(shared: Shared) -> Result<*mut alitv_client, Refusal> {
    let begin = NEXT.fetch_add(1, Ordering::Relaxed);
    let shared = Box::into_raw(Box::new(shared));
    for index in (0..CLIENTS_MAX).map(|step| begin.wrapping_add(step) % CLIENTS_MAX) {
        let slot = &SLOTS[index];
        let claimed =
            slot.shared.compare_exchange(null_mut(), shared, Ordering::AcqRel, Ordering::Acquire);
        if claimed.is_ok() {
            // From here on this thread alone changes the word, until it says LIVE.
            let generation = slot.word.load(Ordering::Acquire) / GENERATION;
            slot.word.store((generation * GENERATION) | LIVE, Ordering::Release);
            return Ok(token(index, generation));
        }
    }
    // SAFETY: made above and given to nobody.
    drop(unsafe { Box::from_raw(shared) });
    let text = format!("{CLIENTS_MAX} clients are open in this process");
    Err(Refusal::new(Code::LIMIT, text))
}

/// Ends a client; see `alitv_destroy`.
pub fn remove(client: *const alitv_client) -> Result<(), Refusal> {
    let entered = enter(client).map_err(explain)?;
    let slot = entered.slot;
    if slot.word.fetch_or(CLOSING, Ordering::AcqRel) & CLOSING != 0 {
        return Err(Refusal::new(Code::HANDLE, "another thread destroys this client"));
    }
    if entered.is_foreign() {
        entered.abandon();
        std::mem::forget(entered);
        // Threads that were inside are in the parent; nobody will leave.
        release(slot);
        return Ok(());
    }
    entered.interrupt.set();
    if entered.pumps_here() {
        entered.deferred.store(true, Ordering::Release);
        return Ok(());
    }
    drop(entered);
    finish(slot);
    Ok(())
}

/// Waits until nobody is inside, and frees. Calls inside are short, but for a callback that
/// runs on another thread.
fn finish(slot: &'static Slot) {
    let mut wait = Duration::from_micros(20);
    while slot.word.load(Ordering::Acquire) & USERS != 0 {
        std::thread::sleep(wait);
        wait = (wait * 2).min(Duration::from_millis(5));
    }
    let shared = slot.shared.load(Ordering::Acquire);
    // SAFETY: CLOSING keeps others out and nobody is inside; this is the only one that frees.
    drop(unsafe { Box::from_raw(shared) });
    release(slot);
}

fn release(slot: &'static Slot) {
    let word = slot.word.load(Ordering::Acquire);
    let generation = (word / GENERATION).wrapping_add(1);
    slot.word.store(generation.wrapping_mul(GENERATION), Ordering::Release);
    slot.shared.store(null_mut(), Ordering::Release);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Options;
    use crate::ffi::guard::with_client;

    fn insert_one() -> *mut alitv_client {
        let path = Some("/nonexistent/alitv.sock".into());
        let options = Options { socket_path: path, ..Options::default() };
        insert(Shared::new(Client::open(options).unwrap(), None)).unwrap()
    }

    fn entered(client: *const alitv_client) -> Code {
        enter(client).err().unwrap_or(Code::OK)
    }

    #[test]
    fn only_a_live_token_lets_in() {
        let client = insert_one();
        assert_eq!(entered(client), Code::OK);
        for bad in [0x1000, 0x1001, usize::MAX, client.addr() + 1, client.addr() ^ (1 << 12)] {
            assert_eq!(entered(std::ptr::without_provenance(bad)), Code::HANDLE, "{bad:x}");
        }
        assert_eq!(entered(std::ptr::null()), Code::NULL);
        remove(client).unwrap();
        assert_eq!(entered(client), Code::HANDLE);
        assert_eq!(remove(client).unwrap_err().code, Code::HANDLE);
    }

    #[test]
    fn a_panic_leaves_a_client_that_can_only_be_destroyed() {
        let client = insert_one();
        assert_eq!(with_client(client, |_| panic!("boom")), Code::PANIC.0);
        assert_eq!(with_client(client, |_| Ok(0)), Code::PANIC.0);
        remove(client).unwrap();
        assert_eq!(with_client(client, |_| Ok(0)), Code::HANDLE.0);
    }

    #[test]
    fn destroy_waits_for_calls_that_are_inside() {
        let client = insert_one();
        let inside = enter(client).ok().unwrap();
        let address = client.addr();
        let thread = std::thread::spawn(move || {
            remove(std::ptr::without_provenance(address)).unwrap();
        });
        while !inside.is_closing() {
            std::thread::yield_now();
        }
        assert_eq!(entered(client), Code::HANDLE);
        assert!(inside.check().is_ok(), "what is inside goes on");
        drop(inside);
        thread.join().unwrap();
    }

    #[test]
    fn many_threads_may_enter_and_one_destroys() {
        for _ in 0..50 {
            let address = insert_one().addr();
            let threads: Vec<_> = (0..4)
                .map(|n| {
                    std::thread::spawn(move || {
                        let client = std::ptr::without_provenance(address);
                        for _ in 0..200 {
                            let _ = enter(client).map(|inside| inside.check());
                            if n == 0 && interrupt(client) == Code::HANDLE {
                                return;
                            }
                        }
                        let _ = remove(client);
                    })
                })
                .collect();
            for thread in threads {
                thread.join().unwrap();
            }
            assert_eq!(entered(std::ptr::without_provenance(address)), Code::HANDLE);
        }
    }
}
