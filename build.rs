//! Tells the library when it was built, names the shared library, and writes
//! `$OUT_DIR/alitv_pay.h`. The header that is checked in is a copy; `tests/header.rs` compares.

use std::env;
use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The files of `src/ffi` that make sections, in the order of the header.
const SECTIONS: [&str; 15] = [
    "version",
    "results",
    "states",
    "init",
    "events",
    "callbacks",
    "wakeup",
    "account",
    "pay",
    "repay",
    "orders",
    "web",
    "lottery",
    "gifts",
    "request",
];
/// Last, so that the small helpers do not stand between a game and its payments.
const SECTION_LAST: &str = "qr";

fn main() {
    tell_build_time();
    name_shared_library();
    write_header();
}

/// A clock before this time is wrong (src/gateway/http.rs). `SOURCE_DATE_EPOCH` makes builds
/// repeatable.
fn tell_build_time() {
    println!("cargo:rerun-if-env-changed=SOURCE_DATE_EPOCH");
    let named = env::var("SOURCE_DATE_EPOCH").ok().and_then(|text| text.parse::<u64>().ok());
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    println!("cargo:rustc-env=ALITV_BUILD_UNIX_S={}", named.unwrap_or_else(now));
}

/// rustc gives a cdylib no soname; without one, programs would look for the file name that
/// they were linked with.
fn name_shared_library() {
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libalitv_pay.so.0");
}

fn write_header() {
    let root = env::var("CARGO_MANIFEST_DIR").expect("cargo sets it");
    let out = env::var("OUT_DIR").expect("cargo sets it");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=src/ffi");
    println!("cargo:rerun-if-changed=include/manual.h.in");
    let read = |path: &str| fs::read_to_string(Path::new(&root).join(path)).expect(path);
    let mut config = cbindgen::Config::from_file(Path::new(&root).join("cbindgen.toml"))
        .expect("cbindgen.toml is ours");
    config.after_includes = config.after_includes.map(|text| with_version(&text));
    let mut builder = cbindgen::Builder::new().with_config(config);
    let files = SECTIONS.iter().chain([&SECTION_LAST]);
    for file in files.clone() {
        builder = builder.with_src(Path::new(&root).join(format!("src/ffi/{file}.rs")));
    }
    let mut text = Vec::new();
    builder.generate().expect("src/ffi is C-compatible").write(&mut text);
    let mut text = String::from_utf8(text).expect("the sources are UTF-8");
    text = for_c89(&text);
    for file in files {
        text = with_heading(&text, file, &read(&format!("src/ffi/{file}.rs")));
    }
    let header = format!("{}\n{}", read("include/manual.h.in").trim_end(), text.trim_start());
    fs::write(Path::new(&out).join("alitv_pay.h"), header).expect("OUT_DIR is writable");
}

fn with_version(text: &str) -> String {
    ["MAJOR", "MINOR", "PATCH"].iter().fold(text.to_owned(), |text, part| {
        let value = env::var(format!("CARGO_PKG_VERSION_{part}")).expect("cargo sets it");
        text.replace(&format!("@{part}@"), &value)
    })
}

/// cbindgen writes `//` comments, which are C99; negative numbers without parentheses, with
/// which `x ALITV_E_NULL` would be a subtraction; and three lines for a comment of one.
fn for_c89(text: &str) -> String {
    let mut out: Vec<String> = Vec::new();
    for line in text.lines() {
        let line = old_style_comment(line.trim_end());
        let line = in_parentheses(&line);
        let one = (line.trim() == "*/").then(|| one_line_comment(&out)).flatten();
        if let Some(comment) = one {
            out.truncate(out.len() - 2);
            out.push(comment);
        } else if !(line.is_empty() && out.last().is_some_and(String::is_empty)) {
            out.push(line);
        }
    }
    out.join("\n") + "\n"
}

fn old_style_comment(line: &str) -> String {
    match line.split_once("//") {
        Some((code, comment)) if code.starts_with('#') || code.starts_with('}') => {
            format!("{} /* {} */", code.trim_end(), comment.trim())
        }
        _ => line.to_owned(),
    }
}

fn in_parentheses(line: &str) -> String {
    let value = line.strip_prefix("#define ALITV_").and_then(|rest| rest.split_once(' '));
    match value {
        Some((name, value)) if value.starts_with('-') => format!("#define ALITV_{name} ({value})"),
        _ => line.to_owned(),
    }
}

/// `/**`, ` * text` and the ` */` that comes next as one line, if it is short enough.
fn one_line_comment(lines: &[String]) -> Option<String> {
    let [.., open, text] = lines else { return None };
    let indent = open.strip_suffix("/**")?;
    let text = text.trim_start().strip_prefix("* ")?;
    let line = format!("{indent}/** {text} */");
    (line.len() <= 88).then_some(line)
}

/// Puts the heading of a section above the first function of its file.
fn with_heading(text: &str, file: &str, source: &str) -> String {
    let name = source
        .lines()
        .skip_while(|line| *line != "#[no_mangle]")
        .find_map(|line| line.split_once("extern \"C\" fn ")?.1.split_once('('))
        .map(|(name, _)| name)
        .unwrap_or_else(|| panic!("src/ffi/{file}.rs has no function for the header"));
    let function = text
        .match_indices(&format!("{name}("))
        .map(|(at, _)| at)
        .find(|at| {
            text[..*at].rsplit("\n\n").next().is_some_and(|block| block.contains("ALITV_API"))
        })
        .unwrap_or_else(|| panic!("{name} is not in the header"));
    // The comment of a function begins behind the last empty line before it.
    let begin = text[..function].rfind("\n\n").map_or(0, |at| at + 2);
    let rule = "-".repeat(76_usize.saturating_sub(file.len()));
    format!("{}/* ---- {file} {rule} */\n\n{}", &text[..begin], &text[begin..])
}
