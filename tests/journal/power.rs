//! Power cuts and kills at every operation.

use alitv_pay::store::{Fault, Journal, JournalError, SimDisk};

use crate::model::{open, Model, Rng};

/// Opens a disk that works: this must succeed, whatever happened to it before.
fn reopen(disk: SimDisk, model: &mut Model, context: &str) -> Journal<SimDisk> {
    let opened = open(disk).unwrap_or_else(|error| panic!("{context}: {error}"));
    assert!(
        model.allows(&opened.records),
        "{context}: found {:#?}\nexpected {:#?}\nthen any of {:#?}\nor {:#?}\nnotes {:?}",
        opened.records,
        model.stored,
        model.pending,
        model.snapshot,
        opened.notes
    );
    model.settle(opened.records);
    opened.journal
}

/// One life: power goes off within the next operations, perhaps while opening.
fn life(disk: &SimDisk, model: &mut Model, rng: &mut Rng, fault: Fault) -> bool {
    disk.set_fault(Some(fault));
    let Ok(opened) = open(disk.clone()) else { return true };
    assert!(model.allows(&opened.records));
    model.settle(opened.records);
    let mut journal = opened.journal;
    for _ in 0..40 {
        match model.step(&mut journal, rng) {
            Ok(()) => {}
            Err(JournalError::Io(_)) => return true,
            Err(error) => panic!("{error}"),
        }
    }
    false
}

#[test]
fn power_cuts_in_a_row_lose_nothing_that_was_stored() {
    let mut cuts = 0;
    for seed in 0..500 {
        let mut rng = Rng(seed);
        let mut disk = SimDisk::new(seed ^ 0x5eed);
        let mut model = Model::default();
        for round in 0..45 {
            let at = disk.ops() + rng.below(if round == 0 { 40 } else { 25 });
            cuts += u32::from(life(&disk, &mut model, &mut rng, Fault::PowerOff(at)));
            disk.power_cut();
            if rng.below(3) == 0 {
                // A process that is killed just after it opened, then the power.
                let context = format!("seed {seed}, round {round}");
                drop(reopen(disk.clone(), &mut model, &context));
                disk.power_cut();
            }
        }
        reopen(disk, &mut model, &format!("seed {seed}, at the end"));
    }
    assert!(cuts >= 20_000, "only {cuts} cut points");
}

/// A kill leaves what was written, synced or not, for the next process to see; a power cut
/// takes it away later. What the next process has built upon must not go with it.
#[test]
fn a_kill_and_then_a_power_cut_lose_nothing_that_was_read() {
    for seed in 0..200 {
        let mut rng = Rng(seed);
        let mut disk = SimDisk::new(seed);
        let mut model = Model::default();
        for round in 0..10 {
            let context = format!("seed {seed}, round {round}");
            let at = disk.ops() + rng.below(30);
            life(&disk, &mut model, &mut rng, Fault::IoForever(at));
            disk.set_fault(None);
            let mut journal = reopen(disk.clone(), &mut model, &context);
            for _ in 0..rng.below(5) {
                model.step(&mut journal, &mut rng).unwrap();
            }
            drop(journal);
            disk.power_cut();
            drop(reopen(disk.clone(), &mut model, &context));
        }
    }
}

/// Runs one script with the power going off at each of its operations in turn.
fn cut_everywhere(script: impl Fn(&mut Model, &mut Journal<SimDisk>) -> Result<(), JournalError>) {
    let prepared = SimDisk::new(1);
    let mut before = Model::default();
    {
        let mut journal = reopen(prepared.clone(), &mut before, "new");
        let mut rng = Rng(7);
        while journal.used_bytes() < 1_500 {
            before.step(&mut journal, &mut rng).unwrap();
        }
    }
    for at in 0.. {
        let mut fired = false;
        for seed in 0..40 {
            let mut disk = prepared.copy(seed);
            let mut model = before.clone();
            let context = format!("operation {at}, seed {seed}");
            let mut journal = reopen(disk.clone(), &mut model, &context);
            disk.set_fault(Some(Fault::PowerOff(disk.ops() + at)));
            fired |= script(&mut model, &mut journal).is_err();
            disk.power_cut();
            let mut journal = reopen(disk.clone(), &mut model, &context);
            model.step(&mut journal, &mut Rng(seed)).unwrap();
            drop(journal);
            reopen(disk, &mut model, &context);
        }
        if !fired {
            assert!(at > 1, "the script does nothing");
            return;
        }
    }
}

#[test]
fn a_compaction_may_stop_anywhere() {
    cut_everywhere(|model, journal| {
        for _ in 0..3 {
            let kept = model.stored.len() / 2;
            let snapshot = model.stored[kept..].to_vec();
            model.snapshot = Some(snapshot.clone());
            journal.compact(snapshot.clone())?;
            model.settle(snapshot);
        }
        Ok(())
    });
}

#[test]
fn making_a_journal_may_stop_anywhere() {
    for at in 0.. {
        let mut fired = false;
        for seed in 0..100 {
            let mut disk = SimDisk::new(seed);
            disk.set_fault(Some(Fault::PowerOff(at)));
            fired |= open(disk.clone()).is_err();
            disk.power_cut();
            let mut model = Model::default();
            let context = format!("operation {at}, seed {seed}");
            let mut journal = reopen(disk.clone(), &mut model, &context);
            model.step(&mut journal, &mut Rng(seed)).unwrap();
        }
        if !fired {
            assert!(at > 10);
            return;
        }
    }
}
