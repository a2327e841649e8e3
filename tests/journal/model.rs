//! What the journal has to hold, kept beside it; and records to put into it.

use alitv_pay::core::facts::{AppKey, Facts, OrderId};
use alitv_pay::core::record::{Key, Reason, Record};
use alitv_pay::core::report::State;
use alitv_pay::money::Fen;
use alitv_pay::store::{Disk, Journal, JournalError, OpenError, Opened, SimDisk, Sizes};

pub const SMALL: Sizes = Sizes { segment_bytes: 6_144, reserve_bytes: 1_024, compact_bytes: 2_048 };

pub fn open(disk: SimDisk) -> Result<Opened<SimDisk>, OpenError> {
    Journal::open_sized(disk, "sandbox", SMALL)
}

/// splitmix64, for what the tests choose.
pub struct Rng(pub u64);

impl Rng {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

pub fn key(number: u64) -> Key {
    let order_id = OrderId::new(format!("order-{number}")).unwrap();
    Key { app_key: AppKey::new("23012345").unwrap(), order_id }
}

/// The `number`th record: no two are equal; kind and length are the generator's choice.
pub fn record(number: u64, rng: &mut Rng) -> Record {
    let key = key(number);
    match rng.below(5) {
        0 => Record::Intent {
            facts: Facts {
                app_key: key.app_key,
                order_id: key.order_id,
                title: "宝".repeat(1 + rng.below(60) as usize),
                amount_fen: Fen::new(600).unwrap(),
                subject_id: None,
                notify_url: None,
                expires_s: Some(300),
                renewal: None,
                user_id: None,
            },
            created_ms: 1_790_000_000_000,
        },
        1 => Record::Closing { key, reason: Reason::Cancelled, sequence: number },
        2 => Record::Final {
            key,
            state: State::Paid,
            sequence: number,
            trade_no: Some("2026112522001".into()),
            paid_ms: Some(1_790_000_000_000),
            gateway_code: None,
            message: Some("m".repeat(rng.below(400) as usize)),
            awards: Vec::new(),
            at_ms: 1_790_000_000_001,
        },
        _ => ack(number),
    }
}

/// Records of one length, as long as `number` has three digits.
pub fn ack(number: u64) -> Record {
    Record::Ack { key: key(number), sequence: number }
}

/// What may be found when the journal is opened again.
#[derive(Default, Clone)]
pub struct Model {
    /// This must be there.
    pub stored: Vec<Record>,
    /// This many of these, from the first one on, may be there behind it.
    pub pending: Vec<Record>,
    /// Or this may be there instead.
    pub snapshot: Option<Vec<Record>>,
    next: u64,
}

impl Model {
    pub fn allows(&self, found: &[Record]) -> bool {
        let extended = found.strip_prefix(&self.stored[..]);
        extended.is_some_and(|rest| self.pending.starts_with(rest))
            || self.snapshot.as_deref() == Some(found)
    }

    /// What was found is what there is.
    pub fn settle(&mut self, found: Vec<Record>) {
        self.stored = found;
        self.pending.clear();
        self.snapshot = None;
    }

    /// Appends one to four records and commits, or compacts.
    pub fn step<D: Disk>(
        &mut self,
        journal: &mut Journal<D>,
        rng: &mut Rng,
    ) -> Result<(), JournalError> {
        if journal.wants_compaction() || rng.below(12) == 0 {
            return self.compact(journal, rng);
        }
        for _ in 0..1 + rng.below(4) {
            let record = record(self.next, rng);
            self.next += 1;
            match journal.append(&record) {
                Ok(()) => self.pending.push(record),
                Err(JournalError::Full { .. }) => return self.compact(journal, rng),
                Err(error) => return Err(error),
            }
        }
        if rng.below(8) == 0 {
            return Ok(());
        }
        self.commit(journal)
    }

    fn commit<D: Disk>(&mut self, journal: &mut Journal<D>) -> Result<(), JournalError> {
        journal.commit()?;
        self.stored.append(&mut self.pending);
        Ok(())
    }

    fn compact<D: Disk>(
        &mut self,
        journal: &mut Journal<D>,
        rng: &mut Rng,
    ) -> Result<(), JournalError> {
        let all: Vec<Record> = self.stored.iter().chain(&self.pending).cloned().collect();
        let kept = all.len().min(rng.below(6) as usize);
        let snapshot = all[all.len() - kept..].to_vec();
        self.snapshot = Some(snapshot.clone());
        match journal.compact(snapshot.clone()) {
            Ok(()) => self.settle(snapshot),
            Err(JournalError::Full { .. }) => {
                self.stored.append(&mut self.pending);
                self.snapshot = None;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
