//! Many orders: who may start one, whose timer is next, which answer belongs to which
//! question, and how many queries may be held. Like `step` it only computes; the shell does
//! what the effects say, in their order, and nothing behind an `Append` before it is durable.

mod accounts;
mod gateway;
mod items;
mod lookups;
mod pages;
mod requests;
mod rewards;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use self::accounts::AccountSlot;
use self::gateway::Gateway;
pub use self::gateway::GatewayHealth;
use self::lookups::Asked;
use self::pages::Profiles;
pub use self::rewards::DrawWish;
use super::call::{Ask, Call, CallNo, DoubtKind, Reply};
use super::code::Refusal;
use super::facts::AppKey;
use super::item::Item;
use super::lookup::{Found, Ticket};
use super::order::Now;
use super::record::{Key, Record};
use super::report::Event;
use super::step::Input;
use super::user::Token;
use super::web::Web;
pub use super::which::Which;

/// What the shell's clocks say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Milliseconds since boot, sleep included (`CLOCK_BOOTTIME`).
    pub boot_ms: u64,
    /// Unix milliseconds (`CLOCK_REALTIME`); may be anything, and may jump.
    pub wall_ms: i64,
}

/// What the shell has to do. Order matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write it down; what follows waits until that is durable.
    Append(Record),
    /// Ask the gateway and bring exactly one reply back under this number.
    Send(CallNo, Call),
    /// Tell everybody who watches the app.
    Tell(Event),
    /// Tell whoever asked for the look-up of this ticket.
    Answer(Ticket, Result<Found, Refusal>),
}

/// The engine. One per journal.
pub struct Engine {
    apps: BTreeMap<AppKey, App>,
    items: BTreeMap<Key, Slot>,
    accounts: BTreeMap<AppKey, AccountSlot>,
    profiles: Profiles,
    /// Pages that are open.
    webs: BTreeMap<AppKey, Web>,
    /// Look-ups that go out again when the gateway's clock was asked.
    lookups_waiting: Vec<Asked>,
    timers: BTreeSet<(u64, Key)>,
    calls: BTreeMap<CallNo, InFlight>,
    call_last: CallNo,
    slot_last: u64,
    gateway: Gateway,
}

#[derive(Default)]
struct App {
    /// Boot milliseconds of what was started in the last minute.
    started: VecDeque<u64>,
    /// Items that are open, and items that wait for an ack.
    counts: [usize; 2],
    /// Look-ups that have no answer yet.
    lookups: usize,
}

struct Slot {
    item: Item,
    /// Grows with age: a larger number is a newer item.
    number: u64,
    /// The call whose answer the item waits for.
    call: Option<CallNo>,
    wake_at: Option<u64>,
}

struct InFlight {
    asker: Asker,
    app_key: AppKey,
    session: Option<Token>,
    held: bool,
}

/// Who waits for an answer of the gateway.
enum Asker {
    Probe,
    Item(Key),
    /// The attempt to sign in at the app of the call.
    Account,
    /// What the platform has switched on for that app.
    Profile,
    Lookup(Asked),
    Nobody,
}

impl Engine {
    /// An engine without orders, for these apps.
    pub fn new(apps: impl IntoIterator<Item = AppKey>) -> Engine {
        Engine {
            apps: apps.into_iter().map(|key| (key, App::default())).collect(),
            items: BTreeMap::new(),
            accounts: BTreeMap::new(),
            profiles: Profiles::default(),
            webs: BTreeMap::new(),
            lookups_waiting: Vec::new(),
            timers: BTreeSet::new(),
            calls: BTreeMap::new(),
            call_last: 0,
            slot_last: 0,
            gateway: Gateway::default(),
        }
    }

    /// Folds in one record of the journal, oldest first.
    ///
    /// # Errors
    /// The journal contradicts itself: do not start, keep the file.
    pub fn replay(&mut self, record: Record) -> Result<(), String> {
        match &record {
            Record::SignedIn { app_key, .. } | Record::SignedOut { app_key } => {
                self.replay_account(app_key, &record);
                Ok(())
            }
            _ => match record.key() {
                Some(key) => self.replay_item(&key, record),
                None => Ok(()),
            },
        }
    }

    /// Begins to work: asks the gateway who it is, takes up everything that is open and tells
    /// every final state that was not acked. Call it once, after the last `replay`.
    pub fn start(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        self.probe(clock, out);
        for key in self.keys(|_| true) {
            self.step(&key, Input::Resume, clock, out);
        }
        self.ask_profiles(clock, out);
    }

    /// Brings back what came of a call. A number that is not known is ignored.
    pub fn reply(&mut self, call: CallNo, reply: Reply, clock: Clock, out: &mut Vec<Effect>) {
        let Some(in_flight) = self.calls.remove(&call) else { return };
        let InFlight { asker, app_key, session, .. } = in_flight;
        let was_online = self.gateway.trouble.is_none();
        self.note_health(&reply, clock);
        let clock_is_wrong = is_clock(&reply) && !matches!(asker, Asker::Probe);
        if reply == Reply::NoSession {
            self.end_session(&app_key, session.as_ref(), clock, out);
        }
        match asker {
            Asker::Probe => self.on_probe(call, reply, clock, out),
            Asker::Item(key) => {
                if self.takes_answer(&key, call) {
                    self.step(&key, Input::Reply(reply), clock, out);
                }
            }
            Asker::Account => self.on_account_reply(&app_key, call, reply, clock, out),
            Asker::Profile => self.on_profile(reply, clock, out),
            Asker::Lookup(asked) => self.on_lookup_reply(asked, reply, out),
            Asker::Nobody => {}
        }
        if clock_is_wrong {
            self.probe(clock, out);
        }
        if !was_online && self.gateway.trouble.is_none() {
            self.hurry_all(clock, out);
        }
    }

    /// Runs every timer that is due.
    pub fn tick(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        if self.gateway.probe_at.is_some_and(|at| clock.boot_ms >= at) {
            self.probe(clock, out);
        }
        // A timer that a step sets for this very moment waits for the next tick.
        let due: Vec<Key> = self
            .timers
            .iter()
            .take_while(|timer| timer.0 <= clock.boot_ms)
            .map(|timer| timer.1.clone())
            .collect();
        for key in due {
            self.step(&key, Input::Tick, clock, out);
        }
        self.tick_accounts(clock, out);
        self.tick_pages(clock, out);
    }

    /// Boot milliseconds at which `tick` has something to do; none while nothing is open.
    pub fn wake_at(&self) -> Option<u64> {
        let item = self.timers.first().map(|timer| timer.0);
        let others = [self.gateway.probe_at, self.accounts_wake_at(), self.pages_wake_at()];
        others.into_iter().chain([item]).flatten().min()
    }

    /// Whether this engine serves the app.
    pub fn has_app(&self, app_key: &AppKey) -> bool {
        self.apps.contains_key(app_key)
    }

    /// The shortest journal that replays into the present state.
    pub fn snapshot(&self) -> Vec<Record> {
        self.account_records().chain(self.item_records()).collect()
    }

    fn send(
        &mut self,
        asker: Asker,
        app_key: AppKey,
        session: Option<Token>,
        ask: Ask,
        out: &mut Vec<Effect>,
    ) -> CallNo {
        self.call_last += 1;
        let held = matches!(
            ask, Ask::Query { wait_s, .. } | Ask::AuthQuery { wait_s, .. } if wait_s > 0
        );
        let in_flight =
            InFlight { asker, app_key: app_key.clone(), session: session.clone(), held };
        self.calls.insert(self.call_last, in_flight);
        out.push(Effect::Send(self.call_last, Call { app_key, session, ask }));
        self.call_last
    }

    /// Whether the item still waits for this call; if so, it does not any more.
    fn takes_answer(&mut self, key: &Key, call: CallNo) -> bool {
        let Some(slot) = self.items.get_mut(key) else { return false };
        let current = slot.call == Some(call);
        slot.call = slot.call.filter(|_| !current);
        current
    }

    fn held(&self) -> usize {
        self.calls.values().filter(|call| call.held).count()
    }

    /// Enough to look at an item.
    fn time(&self, clock: Clock) -> Now {
        let Clock { boot_ms, wall_ms } = clock;
        Now { boot_ms, wall_ms, server_ms: self.known_server_ms(clock), wait_s: 0 }
    }

    /// Enough to let it move.
    fn now(&self, clock: Clock, number: u64) -> Now {
        let wait_s = if self.may_hold(number) { self.gateway.wait_s_max } else { 0 };
        Now { wait_s, ..self.time(clock) }
    }

    /// What speaks for the user of an item, while that one is signed in.
    fn session_of(&self, key: &Key) -> Option<Token> {
        let user_id = self.item(key)?.user_id()?;
        self.session_of_user(&key.app_key, user_id)
    }
}

fn is_clock(reply: &Reply) -> bool {
    matches!(reply, Reply::InDoubt(doubt) if doubt.kind == DoubtKind::Clock)
}
