//! Every notify, those that are over included: what it says, when it is sent next, and what
//! came of each attempt. Pure; the caller brings the time and does the sending.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::super::settings::NotifyMethod;
use crate::limits::{
    SANDBOX_NOTIFIES_MAX, SANDBOX_NOTIFY_ATTEMPTS_MAX, SANDBOX_NOTIFY_LADDER_S, SANDBOX_SENDS_MAX,
    SANDBOX_SENDS_PER_APP_MAX, SANDBOX_SENDS_SHARED_MAX,
};

/// Who wrote it, and with which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The platform, with the merchant's key.
    Real,
    /// Somebody who holds the merchant's public key. He sends once.
    Forged,
    /// The platform, with the key of somebody else.
    WrongKey,
}

impl Kind {
    /// As it is written in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Real => "real",
            Kind::Forged => "forged",
            Kind::WrongKey => "wrong_key",
        }
    }
}

/// What has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is to be sent.
    Waiting,
    /// The receiver has it.
    Acked,
    /// The last attempt failed.
    GivenUp,
    /// It is not sent, as a scenario wants it.
    Lost,
}

/// What is to be told, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewNotify {
    /// Of which app.
    pub app_key: String,
    /// The merchant's order number.
    pub order: String,
    /// Who wrote it.
    pub kind: Kind,
    /// Such as `TRADE_SUCCESS`.
    pub order_status: String,
    /// The JSON that is encrypted.
    pub message: String,
    /// The notify URL of the order.
    pub url: String,
    /// When it is sent first; none: never.
    pub due_ms: Option<i64>,
    /// It may go earlier: when a later one of the app was sent.
    pub held: bool,
}

/// One notify. Times are Unix milliseconds of the sandbox's clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Grows with age: a larger number is a newer one.
    pub number: u64,
    /// Of which app.
    pub app_key: String,
    /// The merchant's order number.
    pub order: String,
    /// Who wrote it.
    pub kind: Kind,
    /// Such as `TRADE_SUCCESS`.
    pub order_status: String,
    /// The JSON that is encrypted.
    pub message: String,
    /// The notify URL of the order.
    pub url: String,
    /// Where it stands.
    pub stage: Stage,
    /// When it was made.
    pub created_ms: i64,
    /// When it is sent next; past while it is being sent.
    pub due_ms: Option<i64>,
    /// It may go before it is due.
    pub held: bool,
    /// Failed attempts since it began, or began again.
    pub failed: usize,
    /// Attempts in all.
    pub sent: u64,
    /// The last `SANDBOX_NOTIFY_ATTEMPTS_MAX`, oldest first.
    pub attempts: VecDeque<Attempt>,
    /// It waits for a free place among those that are sent.
    #[serde(skip)]
    ready: bool,
    /// It is on its way.
    #[serde(skip)]
    sending: bool,
}

/// One attempt, when it is over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at_ms: i64,
    /// How long it took, on the machine's clock.
    pub took_ms: u64,
    /// How the data travelled.
    pub method: NotifyMethod,
    /// The parameter `data`; empty if nothing could be encrypted.
    pub data: String,
    /// HTTP status; none if nobody answered.
    pub status: Option<u16>,
    /// The beginning of the answer's body.
    pub answer: String,
    /// Why there is no answer.
    pub trouble: Option<String>,
    /// It was the answer that ends it.
    pub acked: bool,
}

impl Attempt {
    /// What came of it, in a few words: `200 success`, `nobody answered: ...`.
    pub fn outcome(&self) -> String {
        match (self.status, &self.trouble) {
            (Some(status), _) => format!("{status} {}", self.answer).trim_end().to_owned(),
            (None, Some(trouble)) => format!("failed: {trouble}"),
            (None, None) => "failed".into(),
        }
    }
}

impl Item {
    /// Whether it is on its way.
    pub fn is_sending(&self) -> bool {
        self.sending
    }

    /// Whether it will not be sent again by itself.
    pub fn is_over(&self) -> bool {
        self.stage != Stage::Waiting
    }

    /// When time will do something to it.
    pub fn timer_ms(&self) -> Option<i64> {
        self.due_ms.filter(|_| !self.is_over() && !self.ready && !self.sending)
    }

    /// As it is written in JSON.
    pub fn stage_name(&self) -> &'static str {
        match self.stage {
            Stage::Waiting if self.sending => "sending",
            Stage::Waiting if self.held => "held",
            Stage::Waiting => "waiting",
            Stage::Acked => "acked",
            Stage::GivenUp => "given_up",
            Stage::Lost => "lost",
        }
    }

    /// How many attempts fail before it is given up.
    fn attempts_max(&self) -> usize {
        match self.kind {
            Kind::Forged => 1,
            Kind::Real | Kind::WrongKey => SANDBOX_NOTIFY_LADDER_S.len(),
        }
    }
}

/// So many milliseconds of the sandbox's clock are a wait of `seconds` at this scale.
pub fn scaled_ms(seconds: i64, scale: u32) -> i64 {
    seconds * 1_000 / i64::from(scale.max(1))
}

/// All of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Queue {
    number_last: u64,
    items: BTreeMap<u64, Item>,
    /// What is due, by app, first come first served.
    #[serde(skip)]
    ready: BTreeMap<String, VecDeque<u64>>,
    /// How many of an app are on their way.
    #[serde(skip)]
    sending: BTreeMap<String, usize>,
}

impl Queue {
    /// Takes one up; the oldest that is over makes room. None: `SANDBOX_NOTIFIES_MAX` wait.
    pub fn add(&mut self, new: NewNotify, now_ms: i64) -> Option<u64> {
        if self.items.len() >= SANDBOX_NOTIFIES_MAX {
            let number = self.items.values().find(|item| item.is_over())?.number;
            self.items.remove(&number);
        }
        self.number_last += 1;
        let number = self.number_last;
        let item = Item {
            number,
            app_key: new.app_key,
            order: new.order,
            kind: new.kind,
            order_status: new.order_status,
            message: new.message,
            url: new.url,
            stage: if new.due_ms.is_some() { Stage::Waiting } else { Stage::Lost },
            created_ms: now_ms,
            due_ms: new.due_ms,
            held: new.held,
            failed: 0,
            sent: 0,
            attempts: VecDeque::new(),
            ready: false,
            sending: false,
        };
        self.items.insert(number, item);
        Some(number)
    }

    /// Forgets them; the numbers go on. What is on its way arrives, and is not looked at.
    pub fn clear(&mut self) {
        *self = Queue { number_last: self.number_last, ..Queue::default() };
    }

    /// One by its number.
    pub fn get(&self, number: u64) -> Option<&Item> {
        self.items.get(&number)
    }

    /// All, newest first.
    pub fn newest(&self) -> impl Iterator<Item = &Item> {
        self.items.values().rev()
    }

    /// Its time has come.
    pub fn ripen(&mut self, number: u64) {
        let Some(item) = self.items.get_mut(&number) else { return };
        if item.timer_ms().is_some() {
            (item.ready, item.held) = (true, false);
            self.ready.entry(item.app_key.clone()).or_default().push_back(number);
        }
    }

    /// The app whose turn it is: of those that have something ready, the one with the fewest
    /// on their way. None if it may not have more.
    fn next_app(&self) -> Option<String> {
        let own = |app_key: &str| self.sending.get(app_key).copied().unwrap_or(0);
        let app_key = self.ready.keys().min_by_key(|app_key| own(app_key))?;
        may_send(own(app_key), self.sending.values().sum()).then(|| app_key.clone())
    }

    /// Whether `take` would give something.
    pub fn can_send(&self) -> bool {
        self.next_app().is_some()
    }

    /// The next one that is to be sent at once, if there is a place for it.
    pub fn take(&mut self) -> Option<&Item> {
        let app_key = self.next_app()?;
        let waiting = self.ready.get_mut(&app_key)?;
        let number = waiting.pop_front();
        if waiting.is_empty() {
            self.ready.remove(&app_key);
        }
        let item = self.items.get_mut(&number?)?;
        (item.ready, item.sending) = (false, true);
        *self.sending.entry(app_key).or_default() += 1;
        Some(item)
    }

    /// What came of an attempt. None if it was forgotten meanwhile.
    pub fn done(
        &mut self,
        number: u64,
        attempt: Attempt,
        now_ms: i64,
        scale: u32,
    ) -> Option<&Item> {
        let item = self.items.get_mut(&number).filter(|item| item.sending)?;
        item.sending = false;
        let count = self.sending.get_mut(&item.app_key);
        if count.is_some_and(|count| {
            *count -= 1;
            *count == 0
        }) {
            self.sending.remove(&item.app_key);
        }
        item.failed += usize::from(!attempt.acked);
        item.sent += 1;
        (item.stage, item.due_ms) = match SANDBOX_NOTIFY_LADDER_S.get(item.failed) {
            _ if attempt.acked => (Stage::Acked, None),
            Some(wait_s) if item.failed < item.attempts_max() => {
                (Stage::Waiting, Some(now_ms + scaled_ms(*wait_s, scale)))
            }
            _ => (Stage::GivenUp, None),
        };
        if item.attempts.len() >= SANDBOX_NOTIFY_ATTEMPTS_MAX {
            item.attempts.pop_front();
        }
        item.attempts.push_back(attempt);
        Some(item)
    }

    /// Begins one anew, whatever has become of it. False: there is none, or it is being sent.
    pub fn restart(&mut self, number: u64, now_ms: i64) -> bool {
        let Some(item) = self.items.get_mut(&number).filter(|i| !i.sending && !i.ready) else {
            return false;
        };
        (item.stage, item.failed, item.held) = (Stage::Waiting, 0, false);
        item.due_ms = Some(now_ms);
        true
    }

    /// Those of an app, older than this one, that were held back until it was sent.
    pub fn held_before(&self, app_key: &str, number: u64) -> Vec<u64> {
        let older = self.items.range(..number).map(|(_, item)| item);
        let held = older.filter(|item| item.held && item.app_key == app_key);
        held.map(|item| item.number).collect()
    }

    /// Lets a held one go. It is due at once.
    pub fn release(&mut self, number: u64, now_ms: i64) {
        if let Some(item) = self.items.get_mut(&number).filter(|item| item.held) {
            (item.held, item.due_ms) = (false, Some(now_ms));
        }
    }
}

/// Whether an app that has `own` of `all` on their way may have one more. Each app always finds
/// a place for one, so that receivers that hang hold up nobody else.
fn may_send(own: usize, all: usize) -> bool {
    match own {
        0 => all < SANDBOX_SENDS_MAX,
        _ => own < SANDBOX_SENDS_PER_APP_MAX && all < SANDBOX_SENDS_SHARED_MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::APPS_MAX;

    fn new(app_key: &str, order: &str) -> NewNotify {
        NewNotify {
            app_key: app_key.into(),
            order: order.into(),
            kind: Kind::Real,
            order_status: "TRADE_SUCCESS".into(),
            message: "{}".into(),
            url: "http://127.0.0.1/".into(),
            due_ms: Some(0),
            held: false,
        }
    }

    fn attempt(acked: bool) -> Attempt {
        Attempt {
            at_ms: 0,
            took_ms: 1,
            method: NotifyMethod::Get,
            data: String::new(),
            status: Some(200),
            answer: if acked { "success" } else { "fail" }.into(),
            trouble: None,
            acked,
        }
    }

    fn add(queue: &mut Queue, new: NewNotify) -> u64 {
        queue.add(new, 0).unwrap()
    }

    fn send(queue: &mut Queue, number: u64) {
        queue.ripen(number);
        assert_eq!(queue.take().unwrap().number, number);
    }

    #[test]
    fn the_ladder_has_eight_steps_and_ends() {
        for (scale, waits_s) in [
            (1, [240, 600, 600, 3_600, 7_200, 21_600, 54_000]),
            (60, [4, 10, 10, 60, 120, 360, 900]),
        ] {
            let mut queue = Queue::default();
            let number = add(&mut queue, new("1", "A"));
            let mut now_ms = 0;
            for wait_s in waits_s {
                send(&mut queue, number);
                let item = queue.done(number, attempt(false), now_ms, scale).unwrap();
                assert_eq!(item.due_ms, Some(now_ms + wait_s * 1_000));
                now_ms += wait_s * 1_000;
            }
            send(&mut queue, number);
            let item = queue.done(number, attempt(false), now_ms, scale).unwrap();
            assert_eq!((item.stage, item.due_ms, item.sent), (Stage::GivenUp, None, 8));
            queue.ripen(number);
            assert!(!queue.can_send());
        }
    }

    #[test]
    fn an_ack_ends_it_and_a_restart_begins_it_anew() {
        let mut queue = Queue::default();
        let number = add(&mut queue, new("1", "A"));
        send(&mut queue, number);
        assert!(!queue.restart(number, 5), "it is on its way");
        assert_eq!(queue.done(number, attempt(true), 0, 1).unwrap().stage, Stage::Acked);
        assert!(queue.done(number, attempt(false), 0, 1).is_none(), "it is told once");
        assert!(queue.restart(number, 5) && !queue.restart(99, 5));
        for _ in 0..SANDBOX_NOTIFY_LADDER_S.len() {
            send(&mut queue, number);
            queue.done(number, attempt(false), 0, 1);
        }
        assert_eq!(queue.get(number).unwrap().stage, Stage::GivenUp);
        assert_eq!(queue.get(number).unwrap().sent, 9);
    }

    #[test]
    fn attempts_that_are_kept_are_bounded() {
        let mut queue = Queue::default();
        let number = add(&mut queue, new("1", "A"));
        for _ in 0..SANDBOX_NOTIFY_ATTEMPTS_MAX + 3 {
            queue.restart(number, 0);
            send(&mut queue, number);
            queue.done(number, attempt(true), 0, 1);
        }
        let item = queue.get(number).unwrap();
        assert_eq!(item.attempts.len(), SANDBOX_NOTIFY_ATTEMPTS_MAX);
        assert_eq!(item.sent as usize, SANDBOX_NOTIFY_ATTEMPTS_MAX + 3);
    }

    #[test]
    fn a_forger_sends_once() {
        let mut queue = Queue::default();
        let number = add(&mut queue, NewNotify { kind: Kind::Forged, ..new("1", "A") });
        send(&mut queue, number);
        assert_eq!(queue.done(number, attempt(false), 0, 1).unwrap().stage, Stage::GivenUp);
    }

    #[test]
    fn apps_that_hang_leave_a_place_for_each_other() {
        let mut queue = Queue::default();
        for app in 0..APPS_MAX {
            for order in 0..SANDBOX_SENDS_PER_APP_MAX + 1 {
                let number = add(&mut queue, new(&format!("{app}"), &format!("{order}")));
                queue.ripen(number);
            }
        }
        let mut taken = BTreeMap::<String, usize>::new();
        while let Some(item) = queue.take() {
            *taken.entry(item.app_key.clone()).or_default() += 1;
        }
        assert_eq!(taken.len(), APPS_MAX, "each has one");
        assert!(taken.values().all(|count| *count == 1));

        let mut queue = Queue::default();
        let numbers: Vec<u64> = (0..9).map(|n| add(&mut queue, new("1", &n.to_string()))).collect();
        numbers.iter().for_each(|number| queue.ripen(*number));
        let mut taken = Vec::new();
        while let Some(item) = queue.take() {
            taken.push(item.number);
        }
        assert_eq!(taken, numbers[..SANDBOX_SENDS_PER_APP_MAX], "in their order, and no more");
        let other = add(&mut queue, new("2", "A"));
        send(&mut queue, other);
        queue.done(taken[0], attempt(true), 0, 1);
        assert_eq!(queue.take().unwrap().number, numbers[SANDBOX_SENDS_PER_APP_MAX]);
    }

    #[test]
    fn what_was_on_its_way_is_sent_again_after_a_restart() {
        let mut queue = Queue::default();
        let number = add(&mut queue, new("1", "A"));
        send(&mut queue, number);
        assert_eq!(queue.get(number).unwrap().timer_ms(), None);
        let text = serde_json::to_string(&queue).unwrap();
        let mut back: Queue = serde_json::from_str(&text).unwrap();
        assert_eq!(back.get(number).unwrap().timer_ms(), Some(0));
        send(&mut back, number);
    }

    #[test]
    fn a_full_queue_forgets_the_oldest_that_is_over_only() {
        let mut queue = Queue::default();
        for n in 0..SANDBOX_NOTIFIES_MAX {
            add(&mut queue, new("1", &n.to_string()));
        }
        assert_eq!(queue.add(new("1", "B"), 0), None);
        send(&mut queue, 5);
        queue.done(5, attempt(true), 0, 1);
        assert!(queue.add(new("1", "B"), 0).is_some());
        assert!(queue.get(5).is_none() && queue.get(1).is_some());
    }

    #[test]
    fn a_held_one_waits_for_a_later_one_of_its_app() {
        let mut queue = Queue::default();
        let held = add(&mut queue, NewNotify { held: true, due_ms: Some(9), ..new("1", "A") });
        let next = add(&mut queue, new("1", "B"));
        assert_eq!(queue.get(held).unwrap().stage_name(), "held");
        assert!(queue.held_before("2", next).is_empty());
        assert_eq!(queue.held_before("1", next), [held]);
        queue.release(held, 4);
        assert_eq!(queue.get(held).unwrap().timer_ms(), Some(4));
        assert_eq!(queue.get(held).unwrap().stage_name(), "waiting");
    }
}
