//! The loop that owns the engine. One thread, no locks: it waits for lines, gateway replies
//! and timers, hands them to the engine, makes all that came of them durable with one sync,
//! and only then sends, tells and answers. While nothing happens it does not wake up.

use std::fmt;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use super::access::Access;
use super::control::{Attacher, Stopper};
use super::desk::{write_line, Caller, Desk};
use super::door::{refuse, Door};
use super::lines::Lines;
use super::proto::{Notification, RpcError};
use super::session::Session;
use super::sys::{self, EventFd, PollSet, Timer};
use crate::core::call::{Call, CallNo, Reply};
use crate::core::code::{Code, Refusal};
use crate::core::engine::{Clock, Effect, Engine};
use crate::core::lookup::{Found, Ticket};
use crate::core::report::{AccountReport, Event, ItemReport};
use crate::gateway::workers::Workers;
use crate::gateway::{Environment, Gateway, Transport};
use crate::limits::{
    COMPACT_PAUSE_MS, LAST_ROUNDS_MAX, ROUND_ACCEPTS_MAX, ROUND_LINES_MAX, SESSIONS_MAX,
};
use crate::store::{Disk, Journal, JournalError};

/// What a server is made of.
pub struct Parts<D: Disk> {
    /// With every record of `journal` replayed, not yet started.
    pub engine: Engine,
    /// Where its records go.
    pub journal: Journal<D>,
    /// What it pays through.
    pub gateway: Arc<dyn Gateway>,
    /// How that is reached.
    pub transport: Arc<dyn Transport>,
    /// Who may act for which app.
    pub access: Access,
    /// Told in `hello` and `status`.
    pub environment: Environment,
    /// Where clients come from, or none if they are only attached.
    pub listener: Option<UnixListener>,
}

/// Why a server stopped that nobody stopped.
#[derive(Debug)]
pub enum Stop {
    /// Something could not be stored. Nothing that depended on it has left the process; open
    /// the journal again to learn what is on disk.
    Journal(JournalError),
    /// The system refused to wait or to set a timer.
    System(io::Error),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Stop::Journal(error) => write!(f, "stopped, since the journal failed: {error}"),
            Stop::System(error) => write!(f, "stopped, since the system failed: {error}"),
        }
    }
}

impl std::error::Error for Stop {}

struct Peer {
    stream: UnixStream,
    session: Session,
}

/// Places in the poll set; connections follow.
const STOP: usize = 0;
const WAKE: usize = 1;
const TIMER: usize = 2;
const DOOR: usize = 3;
const PEERS: usize = 4;

/// Engine, journal and connections, and the loop over them.
pub struct Server<D: Disk> {
    desk: Desk,
    journal: Journal<D>,
    workers: Workers,
    door: Option<Door>,
    peers: Vec<Peer>,
    poll: PollSet,
    timer: Timer,
    stopper: Stopper,
    attacher: Attacher,
    /// Calls of this round, which wait for its commit.
    sends: Vec<(CallNo, Call)>,
    /// Events of this round, for the log.
    told: Vec<Event>,
    /// What was last wrong with the gateway.
    trouble: String,
    /// What this round could not store.
    failure: Option<JournalError>,
    event_line: Vec<u8>,
    compact_after_ms: u64,
    /// Number of the connection that was taken last.
    peer_last: u64,
    /// Lines of the log, if this program has one for us.
    log: Option<Lines>,
}

impl<D: Disk> Server<D> {
    /// Puts the parts together. Nothing happens before `run`.
    pub fn new(parts: Parts<D>) -> io::Result<Server<D>> {
        let wake = Arc::new(EventFd::new()?);
        let waker = wake.clone();
        let workers =
            Workers::new(parts.gateway.clone(), parts.transport, Arc::new(move || waker.set()));
        let environment = parts.environment.as_str().to_owned();
        let (gateway, access) = (parts.gateway, parts.access);
        Ok(Server {
            desk: Desk::new(parts.engine, gateway, access, environment, clock()),
            journal: parts.journal,
            workers,
            door: parts.listener.map(Door::new).transpose()?,
            peers: Vec::new(),
            poll: PollSet::default(),
            timer: Timer::new()?,
            stopper: Stopper::new()?,
            attacher: Attacher::new(wake),
            sends: Vec::new(),
            told: Vec::new(),
            trouble: String::new(),
            failure: None,
            event_line: Vec::new(),
            compact_after_ms: 0,
            peer_last: 0,
            log: None,
        })
    }

    /// Gives lines of the log to connections that ask for them and may read them.
    pub fn show_log(&mut self, lines: Lines) {
        lines.on_line(self.attacher.wake());
        self.desk.has_log = true;
        self.log = Some(lines);
    }

    /// Ends `run` from elsewhere.
    pub fn stopper(&self) -> Stopper {
        self.stopper.clone()
    }

    /// Adds peers from elsewhere.
    pub fn attacher(&self) -> Attacher {
        self.attacher.clone()
    }

    /// Serves until it is stopped. Call it once, on the thread that may block for the disk.
    ///
    /// # Errors
    /// What made it stop by itself. Orders are as the journal has them.
    pub fn run(&mut self) -> Result<(), Stop> {
        self.begin();
        self.desk.engine.start(self.desk.clock, &mut self.desk.effects);
        self.carry();
        self.finish()?;
        while self.round()? {}
        Ok(())
    }

    /// One turn of the loop; false when the server was stopped.
    fn round(&mut self) -> Result<bool, Stop> {
        let has_work = self.peers.iter().any(|peer| peer.session.has_work());
        let is_compacting = self.wants_compaction();
        self.arm().map_err(Stop::System)?;
        let ready = self.poll.wait(!has_work && !is_compacting).map_err(Stop::System)?;
        self.begin();
        if self.poll.found(STOP).readable {
            self.last_rounds()?;
            return Ok(false);
        }
        if is_compacting && (ready == 0 || !self.desk.has_room) {
            self.compact_in_peace().map_err(Stop::Journal)?;
        }
        self.take_woken();
        self.tick();
        for index in 0..self.peers.len() {
            self.serve(index);
        }
        self.accept();
        self.finish()?;
        Ok(true)
    }

    /// Carries out what peers had said when the end was asked for, such as the ack of a game
    /// that closes its client and with it the engine inside.
    fn last_rounds(&mut self) -> Result<(), Stop> {
        for _ in 0..LAST_ROUNDS_MAX {
            for index in 0..self.peers.len() {
                self.serve(index);
            }
            self.finish()?;
            self.arm().map_err(Stop::System)?;
            self.poll.wait(false).map_err(Stop::System)?;
            self.begin();
            let spoken = (0..self.peers.len()).any(|index| self.poll.found(PEERS + index).readable);
            if !spoken && !self.peers.iter().any(|peer| peer.session.has_work()) {
                break;
            }
        }
        Ok(())
    }

    /// Says what the next wait is for.
    fn arm(&mut self) -> io::Result<()> {
        let peers = self.peers.iter().filter_map(|peer| peer.session.deadline_ms());
        let door = self.door.as_ref().and_then(Door::deadline_ms);
        self.timer.set(peers.chain(door).chain(self.desk.engine.wake_at()).min())?;
        self.poll.clear();
        self.poll.add(self.stopper.event().as_raw_fd(), true, false);
        self.poll.add(self.attacher.event().as_raw_fd(), true, false);
        self.poll.add(self.timer.as_raw_fd(), true, false);
        // poll passes over a negative descriptor.
        self.poll.add(self.door.as_ref().and_then(Door::fd).unwrap_or(-1), true, false);
        for Peer { stream, session } in &self.peers {
            let (read, write) = (session.wants_read(), !session.unsent().is_empty());
            self.poll.add(stream.as_raw_fd(), read, write);
        }
        Ok(())
    }

    fn begin(&mut self) {
        self.desk.clock = clock();
        self.look_at_journal();
    }

    fn look_at_journal(&mut self) {
        self.desk.has_room = self.journal.has_room();
        self.desk.journal_bytes = self.journal.used_bytes();
    }

    /// Takes what other threads brought.
    fn take_woken(&mut self) {
        if !self.poll.found(WAKE).readable {
            return;
        }
        self.attacher.event().clear();
        for (call, reply) in self.workers.take() {
            self.log_trouble(&reply);
            self.desk.engine.reply(call, reply, self.desk.clock, &mut self.desk.effects);
            self.carry();
        }
        for (stream, apps) in self.attacher.take() {
            if self.peers.len() >= SESSIONS_MAX {
                let text = format!("{SESSIONS_MAX} connections are open");
                refuse(&stream, Refusal::new(Code::LIMIT, text));
                continue;
            }
            self.welcome(stream, Caller::new(None, apps));
        }
    }

    /// What is wrong with the gateway, once for each thing: an operator looks here first.
    fn log_trouble(&mut self, reply: &Reply) {
        let text = match reply {
            Reply::InDoubt(doubt) => format!("{}: {}", doubt.kind.code().name(), doubt.detail),
            Reply::Rejected { code, text } => format!("refused: {code} {text}"),
            _ => return self.trouble.clear(),
        };
        if text != self.trouble {
            log::warn!("gateway: {text}");
            self.trouble = text;
        }
    }

    fn tick(&mut self) {
        if self.poll.found(TIMER).readable {
            self.timer.clear();
        }
        let now_ms = self.desk.clock.boot_ms;
        if self.desk.engine.wake_at().is_some_and(|at| at <= now_ms) {
            self.desk.engine.tick(self.desk.clock, &mut self.desk.effects);
            self.carry();
        }
        for peer in &mut self.peers {
            peer.session.expire(now_ms);
        }
        if let Some(door) = &mut self.door {
            door.resume(now_ms);
        }
    }

    /// Reads from one peer and carries out its lines.
    fn serve(&mut self, index: usize) {
        let found = self.poll.found(PEERS + index);
        let now_ms = self.desk.clock.boot_ms;
        let Some(peer) = self.peers.get_mut(index) else { return };
        if found.gone {
            peer.session.stop_talking();
        }
        if found.readable && peer.session.wants_read() {
            match peer.session.read_from(&mut &peer.stream, now_ms) {
                Ok(_) => {}
                Err(error) if is_passing(&error) => {}
                Err(_) => peer.session.end(now_ms),
            }
        }
        for _ in 0..ROUND_LINES_MAX {
            let Some(peer) = self.peers.get_mut(index) else { return };
            if !peer.session.serve_next(&mut self.desk) {
                break;
            }
            self.carry();
        }
    }

    fn accept(&mut self) {
        if !self.poll.found(DOOR).readable {
            return;
        }
        let now_ms = self.desk.clock.boot_ms;
        for _ in 0..ROUND_ACCEPTS_MAX {
            let Some(door) = &mut self.door else { return };
            let Some(stream) = door.next(now_ms) else { return };
            let uid = match sys::peer_uid(&stream) {
                Ok(uid) => uid,
                Err(error) => {
                    log::warn!("a connection without a known user is closed: {error}");
                    continue;
                }
            };
            let access = self.desk.access();
            let open = self.peers.iter().filter_map(|peer| peer.session.caller.uid);
            match door.gate.admit(uid, access.is_privileged(uid), open, now_ms) {
                Ok(()) => {
                    let apps = access.apps(uid);
                    self.welcome(stream, Caller::new(Some(uid), apps));
                }
                Err(refusal) => {
                    log::debug!("connection refused: {refusal}");
                    refuse(&stream, refusal);
                }
            }
        }
    }

    fn welcome(&mut self, stream: UnixStream, caller: Caller) {
        if let Err(error) = stream.set_nonblocking(true) {
            log::warn!("a connection is closed: {error}");
            return;
        }
        self.peer_last += 1;
        let caller = Caller { number: self.peer_last, ..caller };
        self.peers.push(Peer { stream, session: Session::new(caller) });
    }

    /// Takes over what the engine wants done, in its order. Calls and events wait for
    /// `finish`.
    fn carry(&mut self) {
        if self.desk.effects.is_empty() {
            return;
        }
        let mut effects = std::mem::take(&mut self.desk.effects);
        let mut is_in_snapshot = false;
        for effect in effects.drain(..) {
            match effect {
                Effect::Append(_) if is_in_snapshot => {}
                Effect::Append(record) => match self.journal.append(&record) {
                    Ok(()) => {}
                    // What the engine knows includes this record and those behind it.
                    Err(full @ JournalError::Full { .. }) => {
                        is_in_snapshot = true;
                        let done = self.compact();
                        self.note(done.and_then(|fits| if fits { Ok(()) } else { Err(full) }));
                    }
                    Err(error) => self.note(Err(error)),
                },
                Effect::Send(call_no, call) => self.sends.push((call_no, call)),
                Effect::Tell(event) => self.tell(event),
                Effect::Answer(ticket, found) => self.answer(ticket, found),
            }
        }
        self.desk.effects = effects;
        self.look_at_journal();
    }

    fn note(&mut self, outcome: Result<(), JournalError>) {
        if let Err(error) = outcome {
            self.failure.get_or_insert(error);
        }
    }

    /// Hands the answer to a look-up to whoever waits for it, if they are still there.
    fn answer(&mut self, ticket: Ticket, found: Result<Found, Refusal>) {
        let Some((number, line)) = self.desk.answer(ticket, found) else { return };
        let mut peers = self.peers.iter_mut();
        if let Some(peer) = peers.find(|peer| peer.session.caller.number == number) {
            peer.session.answer(line);
        }
    }

    /// Hands lines of the log to those who read it.
    fn show_lines(&mut self) {
        let Some(lines) = &self.log else { return };
        let wanted = self.peers.iter().filter_map(|peer| peer.session.caller.log_level);
        lines.set_level(wanted.max());
        let mut peers: Vec<&mut Session> = self
            .peers
            .iter_mut()
            .map(|peer| &mut peer.session)
            .filter(|session| session.caller.log_level.is_some())
            .collect();
        lines.drain(|line| {
            let wants = |session: &&mut &mut Session| session.caller.log_level >= Some(line.level);
            peers.iter_mut().filter(wants).for_each(|session| session.log(line));
        });
    }

    fn tell(&mut self, event: Event) {
        self.event_line.clear();
        let line = Notification { jsonrpc: "2.0", method: "event", params: &event };
        write_line(&mut self.event_line, &line);
        for peer in &mut self.peers {
            if peer.session.caller.watching.contains(event.app_key()) {
                peer.session.tell(&self.event_line);
            }
        }
        self.told.push(event);
    }

    /// Makes the round durable and lets it out; or keeps it in and says so to who asked.
    fn finish(&mut self) -> Result<(), Stop> {
        let committed = match self.failure.take() {
            None => self.journal.commit(),
            Some(error) => Err(error),
        };
        if let Err(error) = committed {
            log::error!("{error}");
            let text = "the journal cannot be written; nothing was sent";
            let refusal = RpcError::from(Refusal::new(Code::STORAGE, text));
            self.peers.iter_mut().for_each(|peer| peer.session.settle(Some(&refusal)));
            self.flush();
            return Err(Stop::Journal(error));
        }
        self.show_lines();
        self.peers.iter_mut().for_each(|peer| peer.session.settle(None));
        // Answers first: somebody waits for them, and waking a worker takes a while.
        self.flush();
        for (call_no, call) in self.sends.drain(..) {
            let server_ms = self.desk.engine.server_ms(self.desk.clock);
            self.workers.submit(call_no, call, server_ms);
        }
        self.told.drain(..).for_each(|event| note(&event));
        Ok(())
    }

    /// Sends what the sockets take, and closes what is over.
    fn flush(&mut self) {
        for peer in &mut self.peers {
            while !peer.session.unsent().is_empty() {
                match sys::send(&peer.stream, peer.session.unsent()) {
                    Ok(count) => peer.session.sent(count),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) if is_passing(&error) => break,
                    Err(_) => peer.session.stop_talking(),
                }
            }
        }
        self.peers.retain(|peer| !peer.session.is_over());
    }

    /// Where there is no room, acked orders give way at once: a snapshot that keeps them
    /// would soon be full again.
    fn wants_compaction(&mut self) -> bool {
        let frees = !self.journal.has_room() && self.desk.engine.forget_acked();
        (frees || self.journal.wants_compaction())
            && self.desk.clock.boot_ms >= self.compact_after_ms
    }

    fn compact_in_peace(&mut self) -> Result<(), JournalError> {
        if !self.compact()? {
            log::warn!("the journal cannot be compacted; it goes on as it is");
            self.compact_after_ms = self.desk.clock.boot_ms.saturating_add(COMPACT_PAUSE_MS);
        }
        Ok(())
    }

    /// Writes the present state into the other segment. False: it does not fit, and nothing
    /// has changed but that acked orders are forgotten.
    fn compact(&mut self) -> Result<bool, JournalError> {
        self.desk.engine.prune(self.desk.clock);
        let mut fits = self.write_snapshot()?;
        if !fits && self.desk.engine.forget_acked() {
            fits = self.write_snapshot()?;
        }
        self.look_at_journal();
        Ok(fits)
    }

    fn write_snapshot(&mut self) -> Result<bool, JournalError> {
        match self.journal.compact(self.desk.engine.snapshot()) {
            Ok(()) => {
                log::info!("journal compacted to {} bytes", self.journal.used_bytes());
                Ok(true)
            }
            Err(JournalError::Full { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl<D: Disk> Drop for Server<D> {
    fn drop(&mut self) {
        self.attacher.close();
    }
}

/// What was told, for the log: no codes, no links, no tokens.
fn note(event: &Event) {
    let app_key = event.app_key();
    if let Some(item) = event.item() {
        let (id, state, sequence) = (item.key().order_id, item.state().name(), item.sequence());
        let what = match item {
            ItemReport::Order(_) => "order",
            ItemReport::Draw(_) => "draw",
            ItemReport::Gift(_) => "gift",
        };
        return log::info!("app {app_key} {what} {id}: {state}, sequence {sequence}");
    }
    match event {
        Event::Account(AccountReport { state, auth: Some(auth), .. }) => {
            log::info!("app {app_key} account: {state:?}, sign-in {:?}", auth.phase);
        }
        Event::Account(account) => log::info!("app {app_key} account: {:?}", account.state),
        Event::Web(web) => {
            let (kind, open) = (web.kind.name(), if web.open { "open" } else { "closed" });
            log::info!("app {app_key} page {kind}: {open}");
        }
        _ => log::debug!("app {app_key}: the platform has switched something on or off"),
    }
}

fn clock() -> Clock {
    Clock { boot_ms: sys::boot_ms(), wall_ms: sys::wall_ms() }
}

/// An error that says nothing about the connection.
fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
