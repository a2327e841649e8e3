//! Events that wait for the owner. An entry about an item (order, draw, gift) or an app says
//! only *that* there is news; what it is, is looked up when the entry is read. So a burst of
//! changes is one event, and the same (item, sequence) cannot wait twice.
//!
//! Bounds: progress (states that are not final, `Qr`, `Log`) takes at most the owner's number
//! of entries; what does not fit is counted in one `Overflow`, behind which the items it was
//! about follow. Final states have a place each, as many as the mirror holds; answers have
//! the place of their request; the link has one; each app has one for every kind of news.

use std::collections::{BTreeSet, VecDeque};

use super::apps::Apps;
use super::event::{Event, Kind};
use super::mirror::Mirror;
use crate::core::facts::AppKey;
use crate::core::record::Key;

#[derive(Debug)]
enum Item {
    /// News of an order, a draw or a gift, or of an order's code.
    State {
        key: Key,
        counted: bool,
    },
    Qr {
        key: Key,
        counted: bool,
    },
    /// An answer about an item, as it came; told with the state known by then.
    Answer(Box<Event>),
    /// Complete as it is.
    Whole {
        event: Box<Event>,
        counted: bool,
    },
    Link(Box<Event>),
    /// An attempt to sign in has come further.
    Attempt(AppKey),
    Profile(AppKey),
    /// A sign-in ended that was not ours, or somebody signed out, or a page: the app's latest
    /// of its kind.
    OfApp(AppKey, Box<Event>),
    Overflow,
}

#[derive(Debug)]
pub(super) struct Queue {
    items: VecDeque<Item>,
    progress_max: usize,
    progress: usize,
    answers: usize,
    lost: u32,
    lost_items: BTreeSet<Key>,
}

impl Queue {
    pub fn new(progress_max: usize) -> Queue {
        Queue {
            items: VecDeque::new(),
            progress_max,
            progress: 0,
            answers: 0,
            lost: 0,
            lost_items: BTreeSet::new(),
        }
    }

    /// Answers that wait to be read.
    pub fn answers(&self) -> usize {
        self.answers
    }

    /// Entries that wait; some may turn out to have nothing to say.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Online or offline: the latest replaces an older one that nobody has read.
    pub fn push_link(&mut self, event: Event) {
        self.items.retain(|item| !matches!(item, Item::Link(_)));
        self.items.push_back(Item::Link(Box::new(event)));
    }

    /// An answer; its place was reserved by its request.
    pub fn push_answer(&mut self, event: Event) {
        self.answers += 1;
        let event = Box::new(event);
        self.items.push_back(match event.item() {
            Some(_) if event.kind != Kind::Reply => Item::Answer(event),
            _ => Item::Whole { event, counted: false },
        });
    }

    /// Something that concerns no request and may be lost.
    pub fn push_log(&mut self, event: Event) {
        if self.take_room(None) {
            self.items.push_back(Item::Whole { event: Box::new(event), counted: true });
        }
    }

    /// Something that concerns no request and may not be lost.
    pub fn push_notice(&mut self, event: Event) {
        self.items.push_back(Item::Whole { event: Box::new(event), counted: false });
    }

    /// There is news of an item. `is_final` takes a place of its own.
    pub fn push_state(&mut self, key: &Key, is_final: bool) {
        let waits = |item: &Item| matches!(item, Item::State { key: known, .. } if known == key);
        if self.items.iter().any(waits) || !(is_final || self.take_room(Some(key))) {
            return;
        }
        self.items.push_back(Item::State { key: key.clone(), counted: !is_final });
    }

    /// There is a code to show.
    pub fn push_qr(&mut self, key: &Key) {
        let waits = |item: &Item| matches!(item, Item::Qr { key: known, .. } if known == key);
        if !self.items.iter().any(waits) && self.take_room(Some(key)) {
            self.items.push_back(Item::Qr { key: key.clone(), counted: true });
        }
    }

    /// An attempt to sign in has come further.
    pub fn push_attempt(&mut self, app_key: &AppKey) {
        let waits = |item: &Item| matches!(item, Item::Attempt(known) if known == app_key);
        if !self.items.iter().any(waits) {
            self.items.push_back(Item::Attempt(app_key.clone()));
        }
    }

    /// What is switched on for an app has changed.
    pub fn push_profile(&mut self, app_key: &AppKey) {
        let waits = |item: &Item| matches!(item, Item::Profile(known) if known == app_key);
        if !self.items.iter().any(waits) {
            self.items.push_back(Item::Profile(app_key.clone()));
        }
    }

    /// A sign-in that nobody here waits for has ended, or somebody has signed out. It replaces
    /// an older one of its kind that nobody has read; but one that changed nothing does not
    /// take the place of one that says who plays.
    pub fn push_account(&mut self, app_key: &AppKey, event: Event) {
        let kind = event.kind;
        let told = |item: &Item| match item {
            Item::OfApp(known, older) => known == app_key && older.is_sign_in(),
            _ => false,
        };
        if kind == Kind::Auth && !event.is_sign_in() && self.items.iter().any(told) {
            return;
        }
        let same = |item: &Item| match item {
            Item::OfApp(known, older) => known == app_key && older.kind == kind,
            _ => false,
        };
        self.items.retain(|item| !same(item));
        self.items.push_back(Item::OfApp(app_key.clone(), Box::new(event)));
    }

    /// A page opened or closed. Of one that closed before anybody read that it was open,
    /// nothing is told.
    pub fn push_web(&mut self, app_key: &AppKey, event: Event) {
        let place = self.items.iter().position(|item| match item {
            Item::OfApp(_, older) => older.web_id().is_some() && older.web_id() == event.web_id(),
            _ => false,
        });
        match place {
            Some(place) => drop(self.items.remove(place)),
            None => self.items.push_back(Item::OfApp(app_key.clone(), Box::new(event))),
        }
    }

    fn take_room(&mut self, about: Option<&Key>) -> bool {
        if self.progress < self.progress_max {
            self.progress += 1;
            return true;
        }
        if self.lost == 0 {
            self.items.push_back(Item::Overflow);
        }
        self.lost = self.lost.saturating_add(1);
        self.lost_items.extend(about.cloned());
        false
    }

    /// The next event that still has something to say.
    pub fn pull(&mut self, mirror: &mut Mirror, apps: &mut Apps) -> Option<Event> {
        while let Some(item) = self.items.pop_front() {
            self.leave(&item);
            let event = match item {
                Item::State { key, .. } => mirror.tell_state(&key).map(Event::of_item),
                Item::Qr { key, .. } => {
                    mirror.tell_qr(&key).map(|report| Event::about(Kind::Qr, report))
                }
                Item::Answer(event) => Some(newest(*event, mirror)),
                Item::Attempt(app_key) => apps.tell_attempt(&app_key),
                Item::Profile(app_key) => apps.tell_profile(&app_key),
                Item::Whole { event, .. } | Item::Link(event) | Item::OfApp(_, event) => {
                    Some(*event)
                }
                Item::Overflow => Some(self.overflow()),
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// Drops entries at the front that have nothing to say any more; is one left?
    pub fn settle(&mut self, mirror: &Mirror, apps: &Apps) -> bool {
        while let Some(item) = self.items.front() {
            match item {
                Item::State { key, .. } if !mirror.owes_state(key) => {}
                Item::Qr { key, .. } if !mirror.owes_qr(key) => {}
                Item::Attempt(app_key) if !apps.owes_attempt(app_key) => {}
                Item::Profile(app_key) if !apps.owes_profile(app_key) => {}
                _ => return true,
            }
            if let Some(item) = self.items.pop_front() {
                self.leave(&item);
            }
        }
        false
    }

    fn leave(&mut self, item: &Item) {
        match item {
            Item::State { counted: true, .. }
            | Item::Qr { counted: true, .. }
            | Item::Whole { counted: true, .. } => self.progress -= 1,
            Item::Answer(_) => self.answers -= 1,
            Item::Whole { event, .. } if event.op != 0 => self.answers -= 1,
            _ => {}
        }
    }

    /// Behind it come the items that lost an event, whether there is room or not: there
    /// are no more of them than the mirror holds.
    fn overflow(&mut self) -> Event {
        let event = Event { count: self.lost, ..Event::new(Kind::Overflow) };
        self.lost = 0;
        for key in std::mem::take(&mut self.lost_items).into_iter().rev() {
            self.items.push_front(Item::Qr { key: key.clone(), counted: false });
            self.items.push_front(Item::State { key, counted: false });
        }
        event
    }
}

/// An answer with what is known by now: never older than what other events said.
fn newest(answer: Event, mirror: &mut Mirror) -> Event {
    let Some(report) = answer.item() else { return answer };
    let key = report.key();
    let known = mirror.get(&key).filter(|known| known.sequence() >= report.sequence()).cloned();
    mirror.told(&key);
    Event { op: answer.op, tag: answer.tag, ..Event::of_item(known.unwrap_or(report)) }
}

#[cfg(test)]
mod tests {
    use super::super::event::{About, AuthFrom};
    use super::super::mirror::tests::{key, report};
    use super::*;
    use crate::core::code::Code;
    use crate::core::report::{
        AccountReport, AccountState, AuthPhase, AuthReport, ItemReport, Report, State, WebKind,
        WebReport,
    };

    /// Kind, order and state, count.
    type Seen = (Kind, Option<(String, State)>, u32);

    struct Both {
        queue: Queue,
        mirror: Mirror,
        apps: Apps,
    }

    impl Both {
        fn new(progress_max: usize) -> Both {
            Both {
                queue: Queue::new(progress_max),
                mirror: Mirror::default(),
                apps: Apps::default(),
            }
        }

        fn tell(&mut self, report: Report) {
            let news = self.mirror.fold(ItemReport::Order(report.clone()), 0).unwrap();
            if news.state {
                self.queue.push_state(&key(&report), report.state.is_final());
            }
            if news.qr {
                self.queue.push_qr(&key(&report));
            }
        }

        fn read(&mut self) -> Vec<Seen> {
            let mut all = Vec::new();
            while let Some(event) = self.queue.pull(&mut self.mirror, &mut self.apps) {
                let about = event.report.map(|r| (r.order_id.to_string(), r.state));
                all.push((event.kind, about, event.count));
            }
            all
        }
    }

    fn order(id: &str, state: State) -> Seen {
        (Kind::Order, Some((id.into(), state)), 0)
    }

    #[test]
    fn a_burst_of_changes_is_one_event_with_the_last_state() {
        let mut both = Both::new(8);
        for (n, state) in [State::Created, State::Pending, State::Scanned].into_iter().enumerate() {
            both.tell(report("A", state, n as u64 + 1));
        }
        both.tell(report("A", State::Paid, 4));
        both.tell(report("A", State::Paid, 4));
        assert_eq!(both.read(), [order("A", State::Paid)]);
    }

    #[test]
    fn progress_is_dropped_and_told_as_overflow_with_the_present_state() {
        let mut both = Both::new(1);
        both.tell(report("A", State::Created, 1));
        both.tell(report("B", State::Created, 1));
        both.tell(report("C", State::Created, 1));
        both.tell(report("C", State::Pending, 2));
        let overflow = (Kind::Overflow, None, 3);
        assert_eq!(
            both.read(),
            [
                order("A", State::Created),
                overflow,
                order("B", State::Created),
                order("C", State::Pending)
            ]
        );
        both.tell(report("D", State::Created, 1));
        assert_eq!(both.read(), [order("D", State::Created)]);
    }

    #[test]
    fn finals_have_their_own_places() {
        let mut both = Both::new(1);
        both.tell(report("A", State::Created, 1));
        for n in 0..300 {
            both.tell(report(&format!("F{n}"), State::Paid, 1));
        }
        let read = both.read();
        assert_eq!(read.len(), 301);
        assert!(!read.iter().any(|event| event.0 == Kind::Overflow));
    }

    #[test]
    fn a_final_state_of_an_order_that_lost_its_progress_is_told_once() {
        let mut both = Both::new(1);
        both.tell(report("A", State::Created, 1));
        both.tell(report("B", State::Created, 1));
        both.tell(report("B", State::Paid, 2));
        let overflow = (Kind::Overflow, None, 1);
        assert_eq!(both.read(), [order("A", State::Created), overflow, order("B", State::Paid)]);
    }

    #[test]
    fn an_answer_carries_the_newest_state_and_stands_for_the_event() {
        let mut both = Both::new(8);
        let created = report("A", State::Created, 1);
        both.mirror.fold(ItemReport::Order(created.clone()), 0).unwrap();
        let answer = Event { op: 9, tag: 5, ..Event::about(Kind::Order, created) };
        both.queue.push_answer(answer);
        both.tell(report("A", State::Scanned, 3));
        assert_eq!(both.queue.answers(), 1);
        let event = both.queue.pull(&mut both.mirror, &mut both.apps).unwrap();
        assert_eq!((event.op, event.tag), (9, 5));
        assert_eq!(event.report.unwrap().state, State::Scanned);
        assert_eq!(both.read(), []);
        assert_eq!(both.queue.answers(), 0);
    }

    #[test]
    fn only_the_last_word_on_the_link_is_kept() {
        let mut both = Both::new(1);
        for kind in [Kind::Offline, Kind::Online, Kind::Offline, Kind::Online] {
            both.queue.push_link(Event::new(kind));
        }
        assert_eq!(both.read(), [(Kind::Online, None, 0)]);
    }

    #[test]
    fn settling_drops_what_has_nothing_to_say() {
        let mut both = Both::new(8);
        let pending =
            Report { qr_text: Some("https://q/1".into()), ..report("A", State::Pending, 1) };
        both.tell(pending.clone());
        assert!(both.queue.settle(&both.mirror, &both.apps));
        both.mirror.tell_state(&key(&pending));
        both.mirror.tell_qr(&key(&pending));
        assert!(!both.queue.settle(&both.mirror, &both.apps));
    }

    fn page(web_id: &str, open: bool) -> Event {
        let web = WebReport {
            app_key: AppKey::new("1").unwrap(),
            web_id: web_id.into(),
            kind: WebKind::Custom,
            url: "https://h/".into(),
            open,
            result: Code::OK,
        };
        Event { about: About::Web(web), ..Event::new(Kind::Web) }
    }

    fn ended(phase: AuthPhase) -> Event {
        let auth = AuthReport {
            attempt: "a".into(),
            phase,
            authorise: false,
            qr_text: None,
            expires_s: None,
            result: Code::OK,
            message: None,
        };
        let account = AccountReport {
            app_key: AppKey::new("1").unwrap(),
            state: AccountState::Authorised,
            sequence: 1,
            user_id: None,
            auth: Some(auth),
        };
        let about = About::Account(account, AuthFrom::Elsewhere);
        Event { about, ..Event::new(Kind::Auth) }
    }

    #[test]
    fn who_plays_is_told_though_somebody_gave_up_after_that() {
        let mut both = Both::new(1);
        let app_key = AppKey::new("1").unwrap();
        for phase in [AuthPhase::Cancelled, AuthPhase::Success, AuthPhase::Cancelled] {
            both.queue.push_account(&app_key, ended(phase));
        }
        let told = both.queue.pull(&mut both.mirror, &mut both.apps).unwrap();
        assert!(told.is_sign_in() && both.read().is_empty());
    }

    #[test]
    fn an_owner_who_reads_nothing_does_not_fill_the_memory_with_pages_and_sign_outs() {
        let mut both = Both::new(1);
        let app_key = AppKey::new("1").unwrap();
        let own = Event { op: 5, ..page("own", true) };
        both.queue.push_answer(own);
        both.queue.push_web(&app_key, page("own", false));
        for n in 0..1_000 {
            both.queue.push_web(&app_key, page(&n.to_string(), true));
            both.queue.push_web(&app_key, page(&n.to_string(), false));
            both.queue.push_account(&app_key, Event::new(Kind::Logout));
            both.queue.push_account(&app_key, Event::new(Kind::Auth));
        }
        let kinds: Vec<Kind> = both.read().into_iter().map(|seen| seen.0).collect();
        assert_eq!(kinds, [Kind::Web, Kind::Web, Kind::Logout, Kind::Auth]);
    }
}
