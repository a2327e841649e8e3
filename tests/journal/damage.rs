//! Damage on the device, foreign files, other versions.

use alitv_pay::core::record::Record;
use alitv_pay::store::{Disk, Journal, OpenError, SimDisk};

use crate::model::{ack, open, SMALL};

/// A journal that was compacted into `segment-b` and got three commits of two records since.
/// `segment-a` holds an older generation.
fn sample() -> (SimDisk, Vec<Record>) {
    let disk = SimDisk::new(9);
    let mut journal = open(disk.clone()).unwrap().journal;
    let records: Vec<Record> = (100..108).map(ack).collect();
    for record in &records[..3] {
        journal.append(record).unwrap();
        journal.commit().unwrap();
    }
    journal.compact(records[..2].to_vec()).unwrap();
    for pair in records[2..].chunks(2) {
        pair.iter().for_each(|record| journal.append(record).unwrap());
        journal.commit().unwrap();
    }
    disk.clone().sync_dir().unwrap();
    (disk, records)
}

fn text(disk: &SimDisk, name: &str) -> String {
    let bytes = disk.content(name).unwrap();
    String::from_utf8(bytes).unwrap().trim_end_matches('\0').to_string()
}

/// Where each line of a segment begins, and where the last one ends.
fn lines(disk: &SimDisk, name: &str) -> Vec<usize> {
    let text = text(disk, name);
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// Flips every byte of every file and checks what becomes of it. `last_commit` is where the
/// last commit of the active `segment-b` begins, or its end if nothing may be missing.
fn flip_everywhere(disk: &SimDisk, records: &[Record], last_commit: usize, masks: &[u8]) {
    let end = *lines(disk, "segment-b").last().unwrap();
    for name in ["header", "header.next", "segment-a", "segment-b"] {
        let in_log = |offset| name == "segment-b" && offset < end;
        for offset in 0..disk.content(name).unwrap().len() {
            let one = [1 << (offset % 8)];
            for mask in if in_log(offset) { masks } else { &one } {
                let disk = disk.copy(0);
                disk.flip(name, offset, *mask);
                let result = open(disk);
                let context = format!("{name}, byte {offset}, mask {mask:#x}: {result:?}");
                match result {
                    Ok(opened) if opened.records == records => {
                        assert!(!in_log(offset), "{context}");
                    }
                    Ok(opened) => {
                        assert!(in_log(offset) && offset >= last_commit, "{context}");
                        assert!(records.starts_with(&opened.records), "{context}");
                        assert!(opened.records.len() >= records.len() - 2, "{context}");
                        assert!(!opened.notes.is_empty(), "{context}");
                    }
                    Err(OpenError::Corrupt { file, .. }) => {
                        assert_eq!(file, "segment-b", "{context}");
                        assert!(in_log(offset) && offset < last_commit, "{context}");
                    }
                    Err(_) => panic!("{context}"),
                }
            }
        }
    }
}

#[test]
fn no_flipped_byte_makes_a_wrong_record() {
    let (disk, records) = sample();
    let lines = lines(&disk, "segment-b");
    flip_everywhere(&disk, &records, lines[lines.len() - 3], &[0x01, 0x20, 0x80, 0xff]);
}

/// A damaged newline joins two records into one bad line; the second of them was a commit.
#[test]
fn no_flipped_byte_hides_a_commit_of_one_record() {
    let (disk, mut records) = sample();
    let mut journal = open(disk.clone()).unwrap().journal;
    for number in 200..202 {
        records.push(ack(number));
        journal.append(&ack(number)).unwrap();
        journal.commit().unwrap();
    }
    drop(journal);
    let lines = lines(&disk, "segment-b");
    flip_everywhere(&disk, &records, lines[lines.len() - 2], &[0x08]);
}

/// A snapshot was synced before the header named it: none of it may be missing.
#[test]
fn no_flipped_byte_shortens_a_snapshot() {
    let disk = SimDisk::new(0);
    let mut journal = open(disk.clone()).unwrap().journal;
    let records: Vec<Record> = (100..106).map(ack).collect();
    journal.compact(records.clone()).unwrap();
    drop(journal);
    disk.clone().sync_dir().unwrap();
    let end = *lines(&disk, "segment-b").last().unwrap();
    flip_everywhere(&disk, &records, end, &[0x01, 0x08]);
}

/// A record that stands where it cannot have been written: a device that mixed up sectors.
#[test]
fn a_record_in_the_wrong_place_is_damage() {
    let (disk, _) = sample();
    let segment = disk.content("segment-b").unwrap();
    let lines = lines(&disk, "segment-b");
    for line in 1..lines.len() - 1 {
        let mut disk = disk.copy(0);
        let copied = &segment[lines[line]..lines[line + 1]];
        disk.write_at("segment-b", 3_000, copied).unwrap();
        let error = open(disk).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { file: "segment-b", .. }), "{error}");
    }
}

#[test]
fn a_header_of_another_journal_is_refused() {
    let (disk, _) = sample();
    let (other, _) = sample();
    let mut foreign = SimDisk::new(77);
    open(foreign.clone()).unwrap().journal.compact(vec![ack(1)]).unwrap();
    foreign.sync_dir().unwrap();
    for from in [&foreign, &other] {
        let mut disk = disk.copy(0);
        disk.write_at("header", 0, &from.content("header").unwrap()).unwrap();
        let same = text(from, "header") == text(&other, "header");
        match open(disk) {
            Ok(_) => assert!(same),
            Err(OpenError::Corrupt { file: "segment-b", offset: 0, .. }) => assert!(!same),
            Err(error) => panic!("{error}"),
        }
    }
}

/// Without a header, two segments that both go on from the same record: whichever was chosen,
/// the other one could hold a payment.
#[test]
fn two_newest_segments_are_refused() {
    let (disk, _) = sample();
    let (mut fork, _) = sample();
    let mut journal = open(fork.clone()).unwrap().journal;
    journal.compact(vec![ack(107)]).unwrap();
    drop(journal);
    fork.remove("header").unwrap();
    assert_eq!(open(fork.copy(0)).unwrap().records, [ack(107)]);
    let mut journal = open(disk.clone()).unwrap().journal;
    journal.append(&ack(300)).unwrap();
    journal.commit().unwrap();
    drop(journal);
    fork.sync_dir().unwrap();
    fork.write_at("segment-b", 0, &disk.content("segment-b").unwrap()).unwrap();
    let error = open(fork).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { .. }), "{error}");
}

/// What a refused journal holds must still be there for whoever comes to rescue it.
#[test]
fn a_refused_journal_is_left_as_it_is() {
    let (disk, _) = sample();
    disk.flip("segment-b", lines(&disk, "segment-b")[2] + 20, 1);
    let names = ["header", "header.next", "segment-a", "segment-b"];
    let before = names.map(|name| disk.content(name));
    let error = open(disk.clone()).unwrap_err();
    assert!(error.to_string().contains("segment-b, byte"), "{error}");
    assert_eq!(names.map(|name| disk.content(name)), before);
}

#[test]
fn a_lost_or_broken_header_is_found_again() {
    type Spoil = fn(&mut SimDisk);
    let spoils: [(&str, Spoil); 3] = [
        ("gone", |disk| disk.remove("header").unwrap()),
        ("empty", |disk| {
            disk.remove("header").unwrap();
            disk.create("header").unwrap();
        }),
        ("garbage", |disk| disk.write_at("header", 0, b"0123abcd {\"format\":1}").unwrap()),
    ];
    for (name, spoil) in spoils {
        let (mut disk, records) = sample();
        let header = text(&disk, "header");
        spoil(&mut disk);
        let opened = open(disk.clone()).unwrap();
        assert_eq!(opened.records, records, "{name}");
        assert!(opened.notes[0].contains("segment-b"), "{name}: {:?}", opened.notes);
        assert_eq!(text(&disk, "header"), header, "{name}");
    }
}

#[test]
fn a_broken_header_is_never_an_empty_journal() {
    for keep in [None, Some("segment-a"), Some("segment-b")] {
        let mut disk = SimDisk::new(0);
        for name in ["header", "segment-a", "segment-b"] {
            if name == "header" || keep == Some(name) {
                disk.create(name).unwrap();
                disk.write_at(name, 0, &vec![0; SMALL.segment_bytes as usize]).unwrap();
            }
        }
        let error = open(disk.clone()).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { file: "header", .. }), "{error}");
        disk.remove("header").unwrap();
        assert_eq!(open(disk).is_ok(), keep.is_none());
    }
}

/// Without a header, and with a newest segment that was appended to and then damaged, the
/// older segment must not be taken for the truth.
#[test]
fn an_older_segment_does_not_stand_in_for_a_damaged_one() {
    let (disk, _) = sample();
    for line in [0, 1, 2, 3, 5] {
        let mut disk = disk.copy(0);
        disk.remove("header").unwrap();
        disk.flip("segment-b", lines(&disk, "segment-b")[line] + 30, 4);
        let error = open(disk).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { .. }), "line {line}: {error}");
    }
}

#[test]
fn a_segment_of_another_length_is_refused() {
    let (disk, records) = sample();
    let whole = disk.content("segment-b").unwrap();
    for length in [0, 100, whole.len() - 1, whole.len() + 1] {
        let mut disk = disk.copy(0);
        disk.remove("segment-b").unwrap();
        disk.create("segment-b").unwrap();
        let mut bytes = whole.clone();
        bytes.resize(length, 0);
        disk.write_at("segment-b", 0, &bytes).unwrap();
        let error = open(disk).unwrap_err();
        assert!(matches!(error, OpenError::Corrupt { file: "segment-b", .. }), "{error}");
    }
    for length in [0, 100, whole.len() + 1] {
        let mut disk = disk.copy(0);
        disk.remove("segment-a").unwrap();
        disk.create("segment-a").unwrap();
        disk.write_at("segment-a", 0, &vec![0; length]).unwrap();
        let opened = open(disk.clone()).unwrap();
        assert_eq!(opened.records, records);
        assert!(opened.notes[0].contains("segment-a: made anew"), "{:?}", opened.notes);
        assert_eq!(disk.content("segment-a").unwrap().len() as u64, SMALL.segment_bytes);
    }
}

/// A commit of several records is cut off at its first; the others are whole. The next
/// record, of the same length, must not bring them back.
#[test]
fn stale_records_behind_a_new_one_stay_dead() {
    for cut in 0..3 {
        let disk = SimDisk::new(0);
        let mut journal = open(disk.clone()).unwrap().journal;
        let records: Vec<Record> = (100..104).map(ack).collect();
        records.iter().for_each(|record| journal.append(record).unwrap());
        journal.commit().unwrap();
        drop(journal);
        disk.flip("segment-a", lines(&disk, "segment-a")[1 + cut] + 12, 1);

        let mut opened = open(disk.clone()).unwrap();
        assert_eq!(opened.records, records[..cut]);
        assert!(opened.notes[0].contains(&format!("({} records", 3 - cut)), "{:?}", opened.notes);
        opened.journal.append(&ack(200)).unwrap();
        opened.journal.commit().unwrap();
        drop(opened);
        let opened = open(disk).unwrap();
        let expected: Vec<Record> = records[..cut].iter().cloned().chain([ack(200)]).collect();
        assert_eq!((opened.records, opened.notes), (expected, vec![]));
    }
}

#[test]
fn another_environment_is_refused_and_changes_nothing() {
    let (disk, records) = sample();
    let ops = disk.ops();
    let before = text(&disk, "segment-b");
    let error = Journal::open_sized(disk.clone(), "production", SMALL).unwrap_err();
    assert!(ops < disk.ops());
    let OpenError::Environment { journal, asked } = &error else { panic!("{error}") };
    assert_eq!((&journal[..], &asked[..]), ("sandbox", "production"));
    assert_eq!(text(&disk, "segment-b"), before);
    assert_eq!(open(disk).unwrap().records, records);
}

#[test]
fn the_lock_is_exclusive_and_ends_with_its_holder() {
    let (disk, _) = sample();
    let opened = open(disk.clone()).unwrap();
    assert!(matches!(open(disk.clone()), Err(OpenError::Locked)));
    drop(opened);
    open(disk).unwrap();
}

/// Puts a line with a correct CRC behind the log.
fn put_behind(disk: &mut SimDisk, json: &str) {
    let line = format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes()));
    let end = *lines(disk, "segment-b").last().unwrap();
    disk.write_at("segment-b", end as u64, line.as_bytes()).unwrap();
    disk.sync_data("segment-b").unwrap();
}

#[test]
fn what_a_later_version_wrote_is_refused_and_kept() {
    let (disk, records) = sample();
    let lsn = 4 + 1 + records.len() + 1;
    let cases = [
        (format!(r#"{{"v":2,"lsn":{lsn},"gen":2,"kind":"ack"}}"#), "record format 2"),
        (format!(r#"{{"v":1,"lsn":{lsn},"gen":2,"kind":"gift","gift_id":"x"}}"#), "gift"),
        (format!(r#"{{"v":1,"lsn":{lsn},"gen":2,"kind":"ack","app_key":"1"}}"#), "sequence"),
    ];
    for (json, why) in cases {
        let mut disk = disk.copy(0);
        put_behind(&mut disk, &json);
        let before = text(&disk, "segment-b");
        let error = open(disk.clone()).unwrap_err();
        assert!(matches!(error, OpenError::Version { file: "segment-b", .. }), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert_eq!(text(&disk, "segment-b"), before);
    }
}

#[test]
fn lines_of_an_older_generation_are_not_records() {
    let (mut disk, records) = sample();
    let lsn = 4 + 1 + records.len() + 1;
    put_behind(&mut disk, &format!(r#"{{"v":1,"lsn":{lsn},"gen":1,"kind":"ack"}}"#));
    let opened = open(disk).unwrap();
    assert_eq!((opened.records, opened.notes.len()), (records, 1));
}

#[test]
fn other_sizes_are_another_version() {
    let (disk, _) = sample();
    let mut sizes = SMALL;
    sizes.segment_bytes += 1;
    let error = Journal::open_sized(disk, "sandbox", sizes).unwrap_err();
    assert!(matches!(error, OpenError::Version { file: "header", .. }), "{error}");
}
