//! Disks that fail, and disks that are full.

use std::io::ErrorKind;

use alitv_pay::core::record::Record;
use alitv_pay::core::report::State;
use alitv_pay::limits::RECORD_BYTES_MAX;
use alitv_pay::store::{Disk, Fault, Journal, JournalError, OpenError, SimDisk, Sizes};

use crate::model::{ack, key, open, Model, Rng, SMALL};

/// One journal's life, from nothing to a few compactions.
fn life(disk: SimDisk, model: &mut Model) -> Result<(), String> {
    let opened = open(disk).map_err(|error| error.to_string())?;
    assert!(model.allows(&opened.records));
    model.settle(opened.records);
    let mut journal = opened.journal;
    let mut rng = Rng(3);
    for _ in 0..30 {
        if let Err(error) = model.step(&mut journal, &mut rng) {
            check_poisoned(&mut journal);
            return Err(error.to_string());
        }
    }
    Ok(())
}

fn check_poisoned(journal: &mut Journal<SimDisk>) {
    let poisoned = |result| matches!(result, Err(JournalError::Poisoned(_)));
    assert!(poisoned(journal.append(&ack(1))));
    assert!(poisoned(journal.commit()));
    assert!(poisoned(journal.compact(Vec::new())));
}

/// After SQLite's test6.c: fail the n-th operation, for all n, until one run needs fewer.
fn fail_everywhere(fault: impl Fn(u64) -> Fault) {
    for at in 0.. {
        let disk = SimDisk::new(at);
        let mut model = Model::default();
        disk.set_fault(Some(fault(at)));
        let result = life(disk.clone(), &mut model);
        let used_up = disk.ops() <= at;
        disk.set_fault(None);
        let mut cut = disk.clone();
        let context = format!("operation {at}: {result:?}");
        let found = open(disk).unwrap_or_else(|error| panic!("{context}: {error}"));
        assert!(model.allows(&found.records), "{context}: {:#?}", found.records);
        model.settle(found.records);
        drop(found.journal);
        cut.power_cut();
        let found = open(cut).unwrap_or_else(|error| panic!("{context}, cut: {error}"));
        assert_eq!(found.records, model.stored, "{context}");
        if used_up {
            assert_eq!(result, Ok(()));
            assert!(at > 60, "only {at} operations");
            return;
        }
    }
}

#[test]
fn any_operation_may_fail_once() {
    fail_everywhere(Fault::IoOnce);
}

#[test]
fn any_operation_may_be_the_last_that_works() {
    fail_everywhere(Fault::IoForever);
}

#[test]
fn the_disk_may_seem_full_once() {
    fail_everywhere(Fault::FullOnce);
}

#[test]
fn the_disk_may_seem_full_from_any_operation_on() {
    fail_everywhere(Fault::FullForever);
}

#[test]
fn a_failed_sync_is_never_taken_back() {
    for seed in 0..50 {
        let mut disk = SimDisk::new(seed);
        let mut journal = open(disk.clone()).unwrap().journal;
        journal.append(&ack(100)).unwrap();
        disk.set_fault(Some(Fault::IoOnce(disk.ops() + 1)));
        assert!(matches!(journal.commit(), Err(JournalError::Io(_))));
        check_poisoned(&mut journal);
        drop(journal);
        let found = open(disk.clone()).unwrap().records;
        disk.power_cut();
        assert_eq!(open(disk).unwrap().records, found);
    }
}

/// A snapshot is read back before the header names it: a device that lies about a write must
/// not cost the segment that is whole.
#[test]
fn a_write_that_did_not_happen_spoils_no_compaction() {
    let disk = SimDisk::new(0);
    let mut journal = open(disk.clone()).unwrap().journal;
    (100..110).for_each(|number| journal.append(&ack(number)).unwrap());
    journal.commit().unwrap();
    drop(journal);
    disk.clone().sync_dir().unwrap();
    let mut fooled = 0;
    for at in 0..20 {
        let disk = disk.copy(0);
        let mut journal = open(disk.clone()).unwrap().journal;
        disk.set_fault(Some(Fault::LieOnce(disk.ops() + at)));
        fooled += u32::from(journal.compact(vec![ack(109)]).is_err());
        drop(journal);
        disk.set_fault(None);
        let found = open(disk).unwrap().records;
        assert!(found.len() == 10 || found == [ack(109)], "operation {at}: {found:?}");
    }
    assert_eq!(fooled, 1, "the write of the snapshot");
}

/// Two segments, two headers, in blocks of 4 KiB: what `SMALL` needs.
const BLOCKS: u64 = 2 * 2 + 2;

#[test]
fn too_small_a_disk_is_said_to_be_so() {
    for blocks in 0..BLOCKS {
        let disk = SimDisk::new(blocks);
        disk.set_capacity(Some(blocks * 4_096));
        let error = open(disk.clone()).unwrap_err();
        assert!(error.to_string().contains("needs 13312 bytes"), "{error}");
        let OpenError::Io { error, .. } = error else { panic!("{error}") };
        assert_eq!(error.kind(), ErrorKind::StorageFull);
        assert!(disk.content("segment-a").is_none(), "the space is given back");
        disk.set_capacity(None);
        assert!(open(disk).unwrap().records.is_empty());
    }
}

#[test]
fn a_full_disk_stops_neither_records_nor_compaction() {
    let mut disk = SimDisk::new(0);
    disk.set_capacity(Some(BLOCKS * 4_096));
    let mut model = Model::default();
    let mut journal = open(disk.clone()).unwrap().journal;
    let mut rng = Rng(1);
    for _ in 0..500 {
        model.step(&mut journal, &mut rng).unwrap();
    }
    drop(journal);
    disk.power_cut();
    assert!(model.allows(&open(disk).unwrap().records));
}

#[test]
fn without_room_for_a_header_compaction_waits_and_records_do_not() {
    let disk = SimDisk::new(0);
    let mut journal = open(disk.clone()).unwrap().journal;
    let mut thief = disk.clone();
    thief.remove("header.next").unwrap();
    disk.set_fault(Some(Fault::FullOnce(disk.ops())));
    assert!(matches!(journal.compact(Vec::new()), Err(JournalError::Full { .. })));
    journal.append(&ack(100)).unwrap();
    journal.commit().unwrap();
    journal.compact(vec![ack(100)]).unwrap();
    drop(journal);
    assert_eq!(open(disk).unwrap().records, [ack(100)]);
}

#[test]
fn the_reserve_is_for_ends_and_the_segment_for_nothing_more() {
    let disk = SimDisk::new(0);
    let mut journal = open(disk.clone()).unwrap().journal;
    let mut stored = Vec::new();
    while journal.has_room() {
        stored.push(ack(100 + stored.len() as u64));
        journal.append(stored.last().unwrap()).unwrap();
        journal.commit().unwrap();
    }
    let left = SMALL.segment_bytes - journal.used_bytes();
    assert!(left < SMALL.reserve_bytes && left > SMALL.reserve_bytes - 200);
    assert!(journal.wants_compaction());
    loop {
        let record = ack(100 + stored.len() as u64);
        match journal.append(&record) {
            Ok(()) => stored.push(record),
            Err(JournalError::Full { bytes, bytes_left }) => {
                assert!(bytes > bytes_left && bytes_left < 100);
                break;
            }
            Err(error) => panic!("{error}"),
        }
        journal.commit().unwrap();
    }
    // What does not get smaller is not worth a compaction; nothing is lost by the try.
    assert!(matches!(journal.compact(stored.clone()), Err(JournalError::Full { .. })));
    journal.compact(stored[20..].to_vec()).unwrap();
    journal.append(&ack(999)).unwrap();
    journal.commit().unwrap();
    drop(journal);
    let found = open(disk).unwrap().records;
    assert_eq!((&found[..found.len() - 1], &found[found.len() - 1]), (&stored[20..], &ack(999)));
}

#[test]
fn a_record_has_a_largest_size() {
    let disk = SimDisk::new(0);
    let sizes = Sizes::default();
    let mut journal = Journal::open_sized(disk, "sandbox", sizes).unwrap().journal;
    let used = journal.used_bytes();
    let record = |length: usize| Record::Final {
        key: key(1),
        state: State::Paid,
        sequence: 1,
        trade_no: None,
        paid_ms: None,
        gateway_code: None,
        message: Some("m".repeat(length)),
        awards: Vec::new(),
        at_ms: 1,
    };
    journal.append(&record(0)).unwrap();
    let around = (journal.used_bytes() - used) as usize;
    let largest = RECORD_BYTES_MAX - around;
    // The first record of a commit is a little shorter than those that follow it.
    journal.commit().unwrap();
    journal.append(&record(largest)).unwrap();
    assert_eq!(journal.used_bytes() - used, (around + RECORD_BYTES_MAX) as u64);
    journal.commit().unwrap();
    let Err(JournalError::TooLarge { bytes, bytes_max }) = journal.append(&record(largest + 1))
    else {
        panic!("a record of {} bytes was taken", RECORD_BYTES_MAX + 1)
    };
    assert_eq!((bytes, bytes_max), (RECORD_BYTES_MAX + 1, RECORD_BYTES_MAX));
    journal.commit().unwrap();
}
