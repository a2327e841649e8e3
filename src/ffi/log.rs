//! The lines that the engine logs in embedded mode, on their way to LOG events. The facade has
//! one logger for a process: it is installed when a client asks for lines and only if the host
//! has none.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, Once, Weak};

use super::handle::lock;
use crate::client::sys::EventFd;
use crate::client::Level;
use crate::limits::LOG_LINES_MAX;

/// The lines for one client. No more come once it is dropped.
pub struct Lines(Arc<Sink>);

struct Sink {
    level: Level,
    waiting: Mutex<VecDeque<(Level, String)>>,
    /// Wakes the client that waits for events.
    nudge: Arc<EventFd>,
}

static SINKS: Mutex<Vec<Weak<Sink>>> = Mutex::new(Vec::new());

struct Router;

/// Lines up to this level, from now on.
pub fn listen(level: Level, nudge: Arc<EventFd>) -> Lines {
    static INSTALL: Once = Once::new();
    INSTALL.call_once(|| {
        if log::set_logger(&Router).is_ok() {
            log::set_max_level(log::LevelFilter::Debug);
        }
    });
    let sink = Arc::new(Sink { level, waiting: Mutex::default(), nudge });
    let mut sinks = lock(&SINKS);
    sinks.retain(|known| known.strong_count() > 0);
    sinks.push(Arc::downgrade(&sink));
    Lines(sink)
}

impl Lines {
    /// What has come since the last time.
    pub fn take(&self) -> VecDeque<(Level, String)> {
        std::mem::take(&mut *lock(&self.0.waiting))
    }
}

impl log::Log for Router {
    fn enabled(&self, about: &log::Metadata) -> bool {
        // What the libraries below us say is for their own developers.
        about.target().starts_with(env!("CARGO_CRATE_NAME"))
    }

    fn log(&self, record: &log::Record) {
        let level = match record.level() {
            log::Level::Error => Level::Error,
            log::Level::Warn => Level::Warn,
            log::Level::Info => Level::Info,
            log::Level::Debug => Level::Debug,
            log::Level::Trace => return,
        };
        if !self.enabled(record.metadata()) {
            return;
        }
        let sinks: Vec<Arc<Sink>> = lock(&SINKS).iter().filter_map(Weak::upgrade).collect();
        for sink in sinks.iter().filter(|sink| level <= sink.level) {
            let mut waiting = lock(&sink.waiting);
            if waiting.len() >= LOG_LINES_MAX {
                waiting.pop_front();
            }
            waiting.push_back((level, record.args().to_string()));
            sink.nudge.set();
        }
    }

    fn flush(&self) {}
}
