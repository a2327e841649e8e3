//! Opening the file: making it, and refusing what is no ledger.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::{Ledger, LedgerError};
use crate::limits::{LEDGER_BUSY_MS, LEDGER_RETRY_MS, LEDGER_STATEMENTS_MAX};

/// "AlPL" in the header of the file: a ledger of ours.
const APPLICATION_ID: i64 = 0x416c_504c;
/// Raised with every change of the tables.
const VERSION: i64 = 1;
const SCHEMA: &str = include_str!("schema.sql");

impl Ledger {
    /// Opens a ledger, or makes an empty one, readable by its owner alone. The directory
    /// must be on a local file system: SQLite's shared memory does not work over a network.
    ///
    /// # Errors
    /// `NotALedger` and `Newer` for a file that something else has made; `Busy`, `Full`,
    /// `Damaged` and `Io`.
    pub fn open(path: &Path) -> Result<Ledger, LedgerError> {
        make_if_missing(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(Duration::from_millis(LEDGER_BUSY_MS))?;
        connection.set_prepared_statement_cache_capacity(LEDGER_STATEMENTS_MAX);
        make_ready(&mut connection, path)?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        Ok(Ledger { connection: Mutex::new(connection) })
    }
}

/// Looks at the file, and makes its tables if it is empty. SQLite does not wait for another
/// process that turns the write-ahead log on, so this does.
fn make_ready(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let deadline = Instant::now() + Duration::from_millis(LEDGER_BUSY_MS);
    loop {
        match try_make_ready(connection, path) {
            Err(LedgerError::Busy) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(LEDGER_RETRY_MS));
            }
            done => return done,
        }
    }
}

fn try_make_ready(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    // One reading of all of it: another process may be making the tables.
    let reading = connection.transaction()?;
    let ours = is_ours(&reading, path)?;
    reading.commit()?;
    if ours {
        return Ok(());
    }
    make_tables(connection, path)
}

/// Makes an empty file of mode 0600. By way of a second name: a process that opens and closes
/// a file which SQLite has open elsewhere in it would drop SQLite's locks.
fn make_if_missing(path: &Path) -> Result<(), LedgerError> {
    static MADE: AtomicU32 = AtomicU32::new(0);
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let mut new: OsString = path.into();
    new.push(format!(".new-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed)));
    let new = PathBuf::from(new);
    let as_error = |error: std::io::Error| LedgerError::file(path, &error);
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new).map_err(as_error)?;
    let linked = fs::hard_link(&new, path);
    fs::remove_file(&new).map_err(as_error)?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(as_error(error)),
        _ => sync_directory(path).map_err(as_error),
    }
}

fn sync_directory(path: &Path) -> std::io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

/// Whether this is a ledger that can be used; false for a file with nothing in it.
pub(super) fn is_ours(connection: &Connection, path: &Path) -> Result<bool, LedgerError> {
    let pragma = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let id = match pragma("application_id") {
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            return Err(LedgerError::NotALedger(path.to_owned()));
        }
        id => id?,
    };
    let version = pragma("user_version")?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    match (id, version) {
        (APPLICATION_ID, VERSION) => Ok(true),
        (APPLICATION_ID, found) if found > VERSION => {
            Err(LedgerError::Newer { path: path.to_owned(), found })
        }
        // What a process leaves that dies before its first transaction.
        (0, 0) if tables == 0 => Ok(false),
        _ => Err(LedgerError::NotALedger(path.to_owned())),
    }
}

/// Unless another process has made them meanwhile.
fn make_tables(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if !is_ours(&transaction, path)? {
        transaction.execute_batch(SCHEMA)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::core::facts::OrderId;
    use crate::merchant::ledger::testing::{answer, new_order, TestLedger, NOW_MS};
    use crate::merchant::ledger::{Filter, OrderState, Which};
    use crate::wire::partner::PartnerStatus;

    #[test]
    fn a_new_ledger_is_its_owners_alone() {
        let ledger = TestLedger::with(&["A-1"]);
        let mut files = 0;
        for file in fs::read_dir(ledger.path().parent().unwrap()).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{:?}", file.path());
            files += 1;
        }
        assert_eq!(files, 3, "the file, its write-ahead log and its shared memory");
    }

    #[test]
    fn a_commit_is_on_the_device_and_rules_of_the_tables_hold() {
        let ledger = TestLedger::with(&["A-1"]);
        let connection = ledger.lock();
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        assert_eq!(pragma("synchronous"), Ok(2), "FULL");
        assert_eq!(pragma("foreign_keys"), Ok(1));
        let mode = connection.pragma_query_value(None, "journal_mode", |r| r.get::<_, String>(0));
        assert_eq!(mode.unwrap(), "wal");
        let wrong = [
            "UPDATE orders SET state = 'gifted'",
            "UPDATE orders SET state = 'paid'",
            "UPDATE orders SET state = 'closed'",
            "UPDATE orders SET price_fen = 0",
            "UPDATE orders SET price_fen = 6.5",
            "UPDATE orders SET price_fen = 'six'",
            "UPDATE orders SET subject = ''",
            "UPDATE orders SET seq = 1",
            "UPDATE orders SET seq = 12, ref_order_no = 'A-1'",
            "UPDATE orders SET seq = 1, ref_order_no = 'B-1'",
            "INSERT INTO orders (order_no, price_fen, subject, state, created_ms)
                VALUES ('A-1', 1, 'x', 'open', 1)",
            "INSERT INTO grants (order_no, state, tries, due_ms) VALUES ('B-1', 'due', 0, 0)",
            "INSERT INTO grants (order_no, state, tries, due_ms) VALUES ('A-1', 'sent', 0, 0)",
            "INSERT INTO grants (order_no, state, tries, due_ms)
                VALUES ('A-1', 'due', 0, 0), ('A-1', 'due', 0, 0)",
            "INSERT INTO plans (order_no, interval, prices_fen, subject, notify_url)
                VALUES ('A-1', 'week', '[600]', 'x', 'http://h')",
        ];
        for sql in wrong {
            let error = connection.execute(sql, []).expect_err(sql);
            assert!(matches!(LedgerError::from(error), LedgerError::Damaged(_)), "{sql}");
        }
    }

    #[test]
    fn what_was_written_is_there_after_opening_again() {
        let ledger = TestLedger::with(&["A-1", "B-1"]);
        let again = Ledger::open(&ledger.path()).unwrap();
        let all = Filter::newest(Which::All, 10);
        assert_eq!(again.list(&all), ledger.list(&all));
        assert_eq!(again.list(&all).unwrap().len(), 2);
    }

    #[test]
    fn a_file_of_another_kind_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let other = dir.path().join("other.sqlite");
        Connection::open(&other).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
        let numbered = dir.path().join("numbered.sqlite");
        let connection = Connection::open(&numbered).unwrap();
        connection.pragma_update(None, "application_id", 7).unwrap();
        drop(connection);
        let text = dir.path().join("short.txt");
        fs::write(&text, "hello\n").unwrap();
        let long = dir.path().join("long.txt");
        fs::write(&long, "hello\n".repeat(2_000)).unwrap();
        for path in [other, numbered, text, long] {
            let before = fs::read(&path).unwrap();
            let error = Ledger::open(&path).err().unwrap();
            assert_eq!(error, LedgerError::NotALedger(path.clone()));
            assert_eq!(fs::read(&path).unwrap(), before, "{path:?}");
        }
        let missing = Ledger::open(&dir.path().join("no/ledger.sqlite")).err().unwrap();
        assert!(matches!(&missing, LedgerError::Io(why) if why.contains("no/ledger")), "{missing}");
        let directory = Ledger::open(dir.path()).err().unwrap();
        assert!(matches!(directory, LedgerError::Io(_)), "{directory}");
    }

    #[test]
    fn a_later_version_is_refused_and_an_empty_file_is_made_a_ledger() {
        let ledger = TestLedger::with(&["A-1"]);
        ledger.lock().pragma_update(None, "user_version", VERSION + 1).unwrap();
        let error = Ledger::open(&ledger.path()).err().unwrap();
        let found = VERSION + 1;
        assert_eq!(error, LedgerError::Newer { path: ledger.path(), found });
        let empty = ledger.path().with_file_name("empty.sqlite");
        fs::write(&empty, "").unwrap();
        // What is left of a process that was killed before its first transaction.
        let begun = ledger.path().with_file_name("begun.sqlite");
        Connection::open(&begun).unwrap().pragma_update(None, "journal_mode", "WAL").unwrap();
        for path in [empty, begun] {
            assert!(Ledger::open(&path).unwrap().register(&new_order("A-1"), NOW_MS).is_ok());
        }
    }

    #[test]
    fn many_can_make_the_same_ledger_at_once() {
        for _ in 0..30 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("ledger.sqlite");
            std::thread::scope(|scope| {
                for n in 0..8 {
                    let path = &path;
                    scope.spawn(move || {
                        let ledger = Ledger::open(path).unwrap();
                        ledger.register(&new_order(&format!("A-{n}")), NOW_MS).unwrap();
                    });
                }
            });
            let all = Ledger::open(&path).unwrap().list(&Filter::newest(Which::All, 99)).unwrap();
            assert_eq!(all.len(), 8);
        }
    }

    #[test]
    fn a_full_device_is_an_error_and_nothing_is_half_done() {
        let ledger = TestLedger::with(&[]);
        let order_no = |n: usize| OrderId::new(format!("A-{n}")).unwrap();
        (0..300).for_each(|n| {
            ledger.register(&new_order(order_no(n).as_str()), NOW_MS).unwrap();
        });
        let pragma = |name: &str, pages: i64| {
            ledger.lock().pragma_update(None, name, pages).unwrap();
        };
        let count = ledger.lock().pragma_query_value(None, "page_count", |row| row.get(0)).unwrap();
        pragma("max_page_count", count);
        let mut refused = 0;
        for n in 0..300 {
            let paid = answer(order_no(n).as_str(), PartnerStatus::TradeSuccess);
            let settled = ledger.settle(&order_no(n), &paid, NOW_MS);
            let entry = ledger.find(&order_no(n)).unwrap().unwrap();
            match settled {
                Ok(_) => assert!(entry.state == OrderState::Paid && entry.grant.is_some()),
                Err(error) => {
                    assert_eq!(error, LedgerError::Full);
                    assert!(entry.state == OrderState::Open && entry.grant.is_none());
                    refused += 1;
                }
            }
        }
        assert!((1..300).contains(&refused), "{refused} of 300");
        assert_eq!(ledger.due_grants(NOW_MS, 300).unwrap().len(), 300 - refused);
        pragma("max_page_count", count + 100);
        assert!(ledger
            .settle(&order_no(299), &answer("A-299", PartnerStatus::TradeSuccess), 1)
            .is_ok());
    }

    #[test]
    fn a_ledger_that_another_process_holds_is_busy() {
        let ledger = TestLedger::with(&["A-1"]);
        let other = Connection::open(ledger.path()).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        ledger.lock().busy_timeout(Duration::from_millis(1)).unwrap();
        let order = new_order("B-1");
        assert_eq!(ledger.register(&order, NOW_MS), Err(LedgerError::Busy));
        assert_eq!(ledger.find(&order.order_no), Ok(None), "reading goes on");
        other.execute_batch("ROLLBACK").unwrap();
        assert!(ledger.register(&order, NOW_MS).is_ok());
    }
}
