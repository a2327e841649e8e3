//! Where text goes: data to stdout, progress to stderr, and no escape sequence to anything
//! that is not a terminal.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsRawFd;

use serde::Serialize;

use super::exit::{Fail, OTHER};
use super::sys;
use super::text::Lang;
use crate::cashier::qr;
use crate::cashier::terminal::{self, Canvas};

/// Lines of a terminal that a code leaves to the text around it.
const ROWS_FOR_TEXT: usize = 2;

/// What the user asked for, and what the terminal can do.
pub struct Out {
    /// Data is JSON, one value a line.
    pub json: bool,
    /// No progress, only data and errors.
    pub quiet: bool,
    /// Details on stderr.
    pub verbose: bool,
    /// Language of the sentences for people.
    pub lang: Lang,
    colour: bool,
    utf8: bool,
    dark_on_light: bool,
    /// Cells of the status line that stands on stderr.
    status_width: usize,
}

/// One of the two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Data.
    Stdout,
    /// Progress.
    Stderr,
}

impl Stream {
    fn is_terminal(self) -> bool {
        match self {
            Stream::Stdout => io::stdout().is_terminal(),
            Stream::Stderr => io::stderr().is_terminal(),
        }
    }

    fn size(self) -> Option<(usize, usize)> {
        match self {
            Stream::Stdout => sys::terminal_size(io::stdout().as_raw_fd()),
            Stream::Stderr => sys::terminal_size(io::stderr().as_raw_fd()),
        }
    }
}

/// How a code is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum QrStyle {
    /// What fits the locale, on a terminal only.
    #[default]
    Auto,
    /// Half blocks.
    Utf8,
    /// ASCII.
    Ascii,
    /// Not at all; the text of the code is printed in any case.
    None,
    /// Into a PNG file.
    Png(String),
}

impl std::str::FromStr for QrStyle {
    type Err = String;
    fn from_str(text: &str) -> Result<QrStyle, String> {
        match text {
            "auto" => Ok(QrStyle::Auto),
            "utf8" => Ok(QrStyle::Utf8),
            "ascii" => Ok(QrStyle::Ascii),
            "none" => Ok(QrStyle::None),
            _ => match text.strip_prefix("png=") {
                Some(path) if !path.is_empty() => Ok(QrStyle::Png(path.to_owned())),
                _ => Err("qr must be auto, utf8, ascii, none or png=FILE".into()),
            },
        }
    }
}

impl Out {
    /// Looks at the environment: `NO_COLOR`, `TERM`, `COLORFGBG` and the locale.
    pub fn new(json: bool, quiet: bool, verbose: bool, no_color: bool, lang: Option<Lang>) -> Out {
        let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        let utf8 = locale.contains("utf-8") || locale.contains("utf8");
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        let ground = set("COLORFGBG").and_then(|value| value.rsplit(';').next()?.parse().ok());
        Out {
            json,
            quiet,
            verbose,
            lang: lang.unwrap_or_else(|| Lang::of_locale(utf8)),
            colour: !no_color && set("NO_COLOR").is_none() && !dumb,
            utf8,
            dark_on_light: matches!(ground, Some(7 | 15)),
            status_width: 0,
        }
    }

    /// One line of data, flushed: when this returns, the reader has it.
    ///
    /// # Errors
    /// The silent `Fail` if nobody reads any more, a telling one for a full disk.
    pub fn data(&mut self, line: &str) -> Result<(), Fail> {
        self.clear_status();
        let mut stdout = io::stdout().lock();
        let written = stdout
            .write_all(line.as_bytes())
            .and_then(|()| stdout.write_all(b"\n"))
            .and_then(|()| stdout.flush());
        written.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => Fail::silent(),
            _ => Fail::new(OTHER, format!("stdout: {error}"), "make room where stdout goes to"),
        })
    }

    /// One line of data as JSON.
    ///
    /// # Errors
    /// As `data`.
    pub fn data_json(&mut self, value: &impl Serialize) -> Result<(), Fail> {
        let line = serde_json::to_string(value)
            .map_err(|error| Fail::new(OTHER, format!("json: {error}"), "report this as a bug"))?;
        self.data(&line)
    }

    /// Progress: one line on stderr, unless `--quiet`.
    pub fn note(&mut self, line: &str) {
        if !self.quiet {
            self.complain(line);
        }
    }

    /// A detail: one line on stderr with `-v`.
    pub fn detail(&mut self, line: &str) {
        if self.verbose {
            self.complain(line);
        }
    }

    /// An error or a warning: one line on stderr in any case.
    pub fn complain(&mut self, line: &str) {
        self.clear_status();
        // Nobody is left to be told that stderr is closed.
        let _ = writeln!(io::stderr().lock(), "{line}");
    }

    /// A line on a terminal that the next output replaces. Written with blanks and carriage
    /// returns only, so that it works on any terminal.
    pub fn status(&mut self, text: &str) {
        if self.quiet || !Stream::Stderr.is_terminal() {
            return;
        }
        let columns = Stream::Stderr.size().map_or(80, |size| size.0);
        let text = super::show::cut(text, columns.saturating_sub(1));
        let width = super::show::width(&text);
        let blanks = " ".repeat(self.status_width.saturating_sub(width));
        let mut stderr = io::stderr().lock();
        let _ = write!(stderr, "\r{text}{blanks}").and_then(|()| stderr.flush());
        self.status_width = width;
    }

    /// Takes the status line away.
    pub fn clear_status(&mut self) {
        if self.status_width > 0 {
            let mut stderr = io::stderr().lock();
            let _ = write!(stderr, "\r{}\r", " ".repeat(self.status_width))
                .and_then(|()| stderr.flush());
            self.status_width = 0;
        }
    }

    /// Whether anybody looks at `stream`.
    pub fn is_terminal(&self, stream: Stream) -> bool {
        stream.is_terminal()
    }

    /// The drawing of `text` for `stream`, without its last newline; None where none is
    /// wanted.
    ///
    /// # Errors
    /// The text cannot be encoded, or the terminal is too small.
    pub fn qr(&self, text: &str, style: &QrStyle, stream: Stream) -> Result<Option<String>, Fail> {
        let on_terminal = stream.is_terminal();
        let blocks = match style {
            QrStyle::Auto if on_terminal => self.utf8,
            QrStyle::Auto | QrStyle::None | QrStyle::Png(_) => return Ok(None),
            QrStyle::Utf8 => true,
            QrStyle::Ascii => false,
        };
        let (columns, rows) = stream.size().unwrap_or((usize::MAX, usize::MAX));
        let canvas = Canvas {
            blocks,
            colour: self.colour && on_terminal,
            dark_on_light: self.dark_on_light,
            columns,
            rows: rows.saturating_sub(ROWS_FOR_TEXT),
        };
        let modules = qr::encode(text)?;
        let drawing = terminal::draw(&modules, &canvas).map_err(|needs| {
            Fail::new(
                OTHER,
                format!(
                    "the code needs {} columns and {} rows, the terminal has {columns} and {rows}",
                    needs.columns,
                    needs.rows + ROWS_FOR_TEXT,
                ),
                match blocks {
                    true => "enlarge the terminal, or write a picture with --qr png=FILE",
                    false => "enlarge the terminal, or try --qr utf8 or --qr png=FILE",
                },
            )
        })?;
        Ok(Some(drawing.trim_end_matches('\n').to_owned()))
    }
}
