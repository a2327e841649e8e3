//! Texts on their way out. Static ones are made once out of the tables of `core`; those of an
//! event live as long as the event.

use std::ffi::{c_char, CString};
use std::sync::OnceLock;

use crate::core::code::{Code, TABLE};
use crate::core::report::State;

/// Keeps C strings alive for pointers that were handed out.
#[derive(Default)]
pub struct Strings(Vec<CString>);

impl Strings {
    /// A C string that lives as long as this. A NUL in the text, which nobody has any use
    /// for, is shown as U+FFFD.
    pub fn keep(&mut self, text: &str) -> *const c_char {
        if text.is_empty() {
            return c"".as_ptr();
        }
        let text = c_string(text);
        let pointer = text.as_ptr();
        self.0.push(text);
        pointer
    }

    /// `keep`, with "" for none.
    pub fn keep_some(&mut self, text: Option<&str>) -> *const c_char {
        self.keep(text.unwrap_or(""))
    }
}

fn c_string(text: &str) -> CString {
    CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default()
}

/// A number with its name and its sentence.
struct Row {
    number: i64,
    name: CString,
    sentence: CString,
}

fn find(rows: &'static [Row], number: i64) -> Option<&'static Row> {
    rows.iter().find(|row| row.number == number)
}

fn results() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    let row = |&(code, name, sentence): &(Code, &str, &str)| Row {
        number: code.0.into(),
        name: c_string(&match code {
            Code::OK => "ALITV_OK".to_owned(),
            _ => format!("ALITV_E_{name}"),
        }),
        sentence: c_string(sentence),
    };
    ROWS.get_or_init(|| TABLE.iter().map(row).collect())
}

fn states() -> &'static [Row] {
    static ROWS: OnceLock<Vec<Row>> = OnceLock::new();
    let row = |state: State| Row {
        number: i64::from(state as u32),
        name: c_string(state.name()),
        sentence: CString::default(),
    };
    ROWS.get_or_init(|| State::ALL.into_iter().map(row).collect())
}

/// `ALITV_E_OFFLINE`.
pub fn result_name(result: i32) -> *const c_char {
    find(results(), result.into()).map_or(c"ALITV_E_UNKNOWN".as_ptr(), |row| row.name.as_ptr())
}

/// One sentence.
pub fn result_sentence(result: i32) -> *const c_char {
    let unknown = c"A code of a later version.".as_ptr();
    find(results(), result.into()).map_or(unknown, |row| row.sentence.as_ptr())
}

/// `paid`; "" for 0, which is no state.
pub fn state_name(state: u32) -> *const c_char {
    let other = if state == 0 { c"" } else { c"unknown" };
    find(states(), state.into()).map_or(other.as_ptr(), |row| row.name.as_ptr())
}
