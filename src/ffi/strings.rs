//! Static texts, made once out of the tables of `core`.

use std::ffi::{c_char, CString};
use std::sync::OnceLock;

use super::kept::c_string;
use crate::core::code::{Code, TABLE};
use crate::core::report::State;

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
