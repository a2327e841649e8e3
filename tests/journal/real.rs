//! The journal on files of this machine.

use std::io;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use alitv_pay::limits::{JOURNAL_HEADER_BYTES, SEGMENT_BYTES};
use alitv_pay::store::{Disk, Journal, JournalError, OpenError, Opened, RealDisk, Sizes};

use crate::model::{ack, Model, Rng, SMALL};

fn open(dir: &Path) -> Result<Opened<RealDisk>, OpenError> {
    Journal::open(RealDisk::open(dir).unwrap(), "sandbox")
}

/// Counts the calls that cost something.
struct Counting {
    disk: RealDisk,
    writes: u32,
    syncs: u32,
    others: u32,
}

impl Disk for &mut Counting {
    fn lock(&mut self) -> io::Result<bool> {
        self.disk.lock()
    }
    fn read(&mut self, name: &str, bytes_max: usize) -> io::Result<Option<Vec<u8>>> {
        self.others += 1;
        self.disk.read(name, bytes_max)
    }
    fn create(&mut self, name: &str) -> io::Result<()> {
        self.others += 1;
        self.disk.create(name)
    }
    fn write_at(&mut self, name: &str, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.writes += 1;
        self.disk.write_at(name, offset, bytes)
    }
    fn sync_data(&mut self, name: &str) -> io::Result<()> {
        self.syncs += 1;
        self.disk.sync_data(name)
    }
    fn rename(&mut self, from: &str, to: &str) -> io::Result<()> {
        self.others += 1;
        self.disk.rename(from, to)
    }
    fn remove(&mut self, name: &str) -> io::Result<()> {
        self.others += 1;
        self.disk.remove(name)
    }
    fn sync_dir(&mut self) -> io::Result<()> {
        self.others += 1;
        self.disk.sync_dir()
    }
    fn new_id(&mut self) -> io::Result<u64> {
        self.disk.new_id()
    }
}

/// What one to `commits` commits of `records` records each cost: writes, syncs, others.
fn cost(dir: &Path, commits: u64, records: u64) -> (u32, u32, u32) {
    let disk = RealDisk::open(dir).unwrap();
    let mut counting = Counting { disk, writes: 0, syncs: 0, others: 0 };
    let mut journal = Journal::open(&mut counting, "sandbox").unwrap().journal;
    for _ in 0..commits {
        (0..records).for_each(|number| journal.append(&ack(number)).unwrap());
        journal.commit().unwrap();
        journal.commit().unwrap();
    }
    drop(journal);
    (counting.writes, counting.syncs, counting.others)
}

#[test]
fn a_commit_is_one_write_and_one_sync() {
    let dir = tempfile::tempdir().unwrap();
    cost(dir.path(), 0, 0);
    let (writes, syncs, others) = cost(dir.path(), 0, 0);
    assert_eq!(cost(dir.path(), 10, 1), (writes + 10, syncs + 10, others));
    assert_eq!(cost(dir.path(), 10, 7), (writes + 10, syncs + 10, others));
}

#[test]
fn what_was_stored_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut model = Model::default();
    let mut rng = Rng(11);
    for _ in 0..10 {
        let disk = RealDisk::open(dir.path()).unwrap();
        let opened = Journal::open_sized(disk, "sandbox", SMALL).unwrap();
        assert!(model.allows(&opened.records));
        assert_eq!(opened.notes, [""; 0]);
        model.settle(opened.records);
        let mut journal = opened.journal;
        for _ in 0..20 {
            model.step(&mut journal, &mut rng).unwrap();
        }
    }
    let length = |name: &str| dir.path().join(name).metadata().unwrap().len();
    assert_eq!(length("segment-a"), SMALL.segment_bytes);
    assert_eq!(length("segment-b"), SMALL.segment_bytes);
    assert_eq!(length("header"), JOURNAL_HEADER_BYTES as u64);
}

#[test]
fn segments_are_written_not_sparse() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    for name in ["segment-a", "segment-b"] {
        let metadata = dir.path().join(name).metadata().unwrap();
        assert_eq!(metadata.len(), SEGMENT_BYTES);
        assert!(metadata.blocks() * 512 >= SEGMENT_BYTES, "{} blocks", metadata.blocks());
    }
}

#[test]
fn a_second_handle_is_locked_out() {
    let dir = tempfile::tempdir().unwrap();
    let first = open(dir.path()).unwrap();
    assert!(matches!(open(dir.path()), Err(OpenError::Locked)));
    drop(first);
    open(dir.path()).unwrap();
}

#[test]
fn environments_do_not_mix() {
    let dir = tempfile::tempdir().unwrap();
    drop(open(dir.path()).unwrap());
    let disk = RealDisk::open(dir.path()).unwrap();
    let error = Journal::open(disk, "production").unwrap_err();
    assert!(matches!(error, OpenError::Environment { .. }), "{error}");
}

const CHILD_DIR: &str = "ALITV_TEST_JOURNAL_DIR";

/// Runs `child` of this file in a process of its own.
fn spawn(dir: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["real::child", "--exact", "--nocapture"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Not a test but the other process: stores records for as long as it lives.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let mut opened = match open(Path::new(&dir)) {
        Ok(opened) => opened,
        Err(error) => return println!("refused: {error}"),
    };
    for number in opened.records.len() as u64.. {
        opened.journal.append(&ack(number)).unwrap();
        opened.journal.commit().unwrap();
        println!("stored: {}", number + 1);
    }
}

fn last_stored(line: &str) -> Option<usize> {
    line.split_once("stored: ").map(|(_, count)| count.trim().parse().unwrap())
}

#[test]
fn a_killed_process_lets_go_and_leaves_what_it_stored() {
    let dir = tempfile::tempdir().unwrap();
    let mut stored = 0;
    for _ in 0..5 {
        let mut child = spawn(dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let target = stored + 20;
        while stored < target {
            let line = lines.next().unwrap().unwrap();
            stored = last_stored(&line).unwrap_or(stored);
        }
        assert!(matches!(open(dir.path()), Err(OpenError::Locked)));
        let refused = spawn(dir.path()).wait_with_output().unwrap();
        assert!(String::from_utf8(refused.stdout).unwrap().contains("open in another process"));
        child.kill().unwrap();
        child.wait().unwrap();
        stored = lines.filter_map(|line| last_stored(&line.ok()?)).last().unwrap_or(stored);
        let found = open(dir.path()).unwrap().records;
        assert!(found.len() >= stored && found.len() <= stored + 1, "{stored}, {}", found.len());
        assert_eq!(found, (0..found.len() as u64).map(ack).collect::<Vec<_>>());
        stored = found.len();
    }
}

/// A file system of so many pages, or none where this process may not mount one.
struct Tmpfs(tempfile::TempDir);

impl Tmpfs {
    fn mount(kib: u64) -> Option<Tmpfs> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={kib}k,mode=0700"), "tmpfs"])
            .arg(dir.path())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(Tmpfs(dir))
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_refuses_to_start_or_never_gets_in_the_way() {
    // Pages for the directory's own files and two segments; sweep across what is needed.
    let sizes = Sizes { segment_bytes: 32 * 1024, reserve_bytes: 4_096, compact_bytes: 8_192 };
    let (mut refused, mut opened_count) = (0, 0);
    for kib in (4..=96).step_by(4) {
        let Some(tmpfs) = Tmpfs::mount(kib) else {
            eprintln!("skipped: may not mount a tmpfs here");
            return;
        };
        let dir = tmpfs.0.path().join("journal");
        let disk = RealDisk::open(&dir).unwrap();
        let opened = match Journal::open_sized(disk, "sandbox", sizes) {
            Ok(opened) => opened,
            Err(error) => {
                assert!(error.to_string().contains("needs 66560 bytes of disk"), "{error}");
                refused += 1;
                continue;
            }
        };
        opened_count += 1;
        let _ = std::fs::write(tmpfs.0.path().join("hog"), vec![1; 1 << 20]);
        assert!(std::fs::write(tmpfs.0.path().join("more"), vec![1; 8_192]).is_err());
        let mut model = Model::default();
        let mut journal = opened.journal;
        let mut rng = Rng(kib);
        for _ in 0..200 {
            model.step(&mut journal, &mut rng).unwrap();
        }
        drop(journal);
        let disk = RealDisk::open(&dir).unwrap();
        assert!(model.allows(&Journal::open_sized(disk, "sandbox", sizes).unwrap().records));
    }
    assert!(refused > 10 && opened_count > 3, "{refused} {opened_count}");
}

#[test]
fn the_reserve_of_a_real_journal_holds_hundreds_of_ends() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path()).unwrap().journal;
    assert!(journal.has_room() && !journal.wants_compaction());
    let mut count = 0;
    while journal.has_room() {
        journal.append(&ack(count)).unwrap();
        count += 1;
    }
    journal.commit().unwrap();
    let mut reserve = 0;
    while !matches!(journal.append(&ack(count + reserve)), Err(JournalError::Full { .. })) {
        reserve += 1;
    }
    assert!(reserve > 500, "the reserve holds {reserve} acks");
}
