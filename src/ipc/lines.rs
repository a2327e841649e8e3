//! Lines of the program's log on their way to connections that read it (`log.watch`). A program
//! with a logger of its own feeds it; nothing is kept while nobody reads.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use log::{Level, LevelFilter, Record};

use super::proto::{LogLevel, LogLine};
use super::sys::EventFd;
use crate::limits::{LOG_LINES_MAX, MESSAGE_BYTES_MAX};

thread_local! {
    /// Lines about the handing over of lines would never end.
    static HANDING_OVER: Cell<bool> = const { Cell::new(false) };
}

/// Where lines wait. Clones are one.
#[derive(Clone)]
pub struct Lines(Arc<Inner>);

struct Inner {
    /// What the program logs for itself.
    base: LevelFilter,
    /// What readers want, as a number of `log::LevelFilter`; 0: there is no reader.
    level: AtomicUsize,
    waiting: Mutex<Waiting>,
    wake: OnceLock<Arc<EventFd>>,
}

#[derive(Default)]
struct Waiting {
    lines: VecDeque<LogLine>,
    left_out: u32,
}

impl Lines {
    /// `base` is what the program logs for itself: readers may have more, never less.
    pub fn new(base: LevelFilter) -> Lines {
        Lines(Arc::new(Inner {
            base,
            level: AtomicUsize::new(0),
            waiting: Mutex::default(),
            wake: OnceLock::new(),
        }))
    }

    /// Takes a line in, if somebody reads. From any thread; never waits for a reader.
    pub fn push(&self, record: &Record) {
        let level = match record.level() {
            Level::Error => LogLevel::Error,
            Level::Warn => LogLevel::Warn,
            Level::Info => LogLevel::Info,
            Level::Debug => LogLevel::Debug,
            Level::Trace => return,
        };
        let is_wanted = record.level() as usize <= self.0.level.load(Ordering::Relaxed);
        if !is_wanted || HANDING_OVER.get() {
            return;
        }
        let line = LogLine { level, message: one_line(&record.args().to_string()) };
        let mut waiting = self.waiting();
        if waiting.lines.len() >= LOG_LINES_MAX {
            waiting.lines.pop_front();
            waiting.left_out = waiting.left_out.saturating_add(1);
        }
        waiting.lines.push_back(line);
        drop(waiting);
        if let Some(wake) = self.0.wake.get() {
            wake.set();
        }
    }

    /// Sets `wake` whenever a line was taken in.
    pub(super) fn on_line(&self, wake: Arc<EventFd>) {
        // A second server of one process would share the first one's lines; there is none.
        let _ = self.0.wake.set(wake);
    }

    /// Readers want lines up to this level, or there is none.
    pub(super) fn set_level(&self, level: Option<LogLevel>) {
        let filter = match level {
            None => LevelFilter::Off,
            Some(LogLevel::Error) => LevelFilter::Error,
            Some(LogLevel::Warn) => LevelFilter::Warn,
            Some(LogLevel::Info) => LevelFilter::Info,
            Some(LogLevel::Debug) => LevelFilter::Debug,
        };
        if self.0.level.swap(filter as usize, Ordering::Relaxed) != filter as usize {
            log::set_max_level(self.0.base.max(filter));
        }
    }

    /// Hands over what waits, oldest first.
    pub(super) fn drain(&self, mut take: impl FnMut(&LogLine)) {
        let Waiting { lines, left_out } = std::mem::take(&mut *self.waiting());
        HANDING_OVER.set(true);
        if left_out > 0 {
            take(&left_out_line(left_out));
        }
        lines.iter().for_each(take);
        HANDING_OVER.set(false);
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands for lines that were left out.
pub(super) fn left_out_line(count: u32) -> LogLine {
    LogLine { level: LogLevel::Warn, message: format!("{count} lines were left out") }
}

/// At most `MESSAGE_BYTES_MAX` bytes, without control characters.
fn one_line(text: &str) -> String {
    let fits = |(at, c): &(usize, char)| at + c.len_utf8() <= MESSAGE_BYTES_MAX;
    text.char_indices()
        .take_while(fits)
        .map(|(_, c)| c)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(lines: &Lines, level: Level, text: &str) {
        lines.push(&Record::builder().level(level).args(format_args!("{text}")).build());
    }

    fn drained(lines: &Lines) -> Vec<String> {
        let mut all = Vec::new();
        lines.drain(|line| {
            push(lines, Level::Error, "about the handing over");
            all.push(line.message.clone());
        });
        all
    }

    #[test]
    fn lines_wait_only_for_a_reader_and_only_so_many() {
        let lines = Lines::new(LevelFilter::Off);
        push(&lines, Level::Error, "nobody reads");
        lines.set_level(Some(LogLevel::Info));
        push(&lines, Level::Debug, "not wanted");
        push(&lines, Level::Info, "a\nb\u{7}");
        push(&lines, Level::Warn, &"宝".repeat(MESSAGE_BYTES_MAX));
        let read = drained(&lines);
        assert_eq!(read[0], "a b ");
        assert_eq!(read[1].chars().count(), MESSAGE_BYTES_MAX / 3);
        assert_eq!(drained(&lines), Vec::<String>::new());
        for n in 0..LOG_LINES_MAX + 2 {
            push(&lines, Level::Info, &n.to_string());
        }
        let read = drained(&lines);
        assert_eq!((&*read[0], &*read[1]), ("2 lines were left out", "2"));
        assert_eq!(read.len(), LOG_LINES_MAX + 1);
        lines.set_level(None);
        push(&lines, Level::Error, "nobody reads");
        assert!(drained(&lines).is_empty());
    }
}
