//! Rules of the house that a compiler does not know: which part may use which, where
//! `unsafe` may stand, and how long things may grow.

use std::fs;
use std::path::{Path, PathBuf};

/// The layers, lowest first. A part may use parts of lower layers and its own.
const LAYERS: [&[&str]; 4] = [
    &["money", "limits"],
    &["core", "wire"],
    &["client", "gateway", "store", "cashier"],
    &["cli", "config_file", "ffi", "ipc", "daemon", "merchant", "sandbox"],
];

/// What reaches over a layer, and why it may.
const EXCEPTIONS: [(&str, &str, &str); 2] = [
    // The protocol's types and framing are one file for both ends.
    ("client", "ipc", "line, proto, path and sys are shared by client and server"),
    // The TOP envelope is pure and names the reason of a refusal by its code.
    ("wire", "core", "codes and facts"),
];

fn sources() -> Vec<(PathBuf, String)> {
    fn walk(dir: &Path, into: &mut Vec<(PathBuf, String)>) {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, into);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                into.push((path, text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    walk(&root.join("src"), &mut files);
    files.sort();
    files
        .into_iter()
        .map(|(path, text)| (path.strip_prefix(root).unwrap().to_owned(), text))
        .collect()
}

/// The code of a file without its unit tests.
fn code(text: &str) -> &str {
    text.split("\n#[cfg(test)]\nmod tests {").next().unwrap()
}

fn part(path: &Path) -> String {
    let second = path.iter().nth(1).unwrap().to_str().unwrap();
    second.trim_end_matches(".rs").to_owned()
}

fn layer(part: &str) -> Option<usize> {
    LAYERS.iter().position(|parts| parts.contains(&part))
}

#[test]
fn arrows_run_one_way() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let from = part(&path);
        let Some(from_layer) = layer(&from) else { continue };
        for (number, line) in code(&text).lines().enumerate() {
            let line = line.split("//").next().unwrap();
            for used in line.split("crate::").skip(1) {
                let name: String =
                    used.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
                let Some(to_layer) = layer(&name) else { continue };
                let excepted = EXCEPTIONS.iter().any(|(a, b, _)| *a == from && *b == name);
                if to_layer > from_layer && !excepted {
                    wrong.push(format!("{}:{}: uses {name}", path.display(), number + 1));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "arrows run the wrong way:\n{}", wrong.join("\n"));
}

#[test]
fn each_part_keeps_to_what_it_may_touch() {
    let rules: [(&str, &[&str]); 5] = [
        ("core", &["std::fs", "std::net", "std::thread", "std::time", "serde_json", "log::"]),
        ("wire", &["std::fs", "std::net", "std::thread", "std::io", "minreq"]),
        ("money.rs", &["f32", "f64"]),
        ("store", &["std::net", "minreq"]),
        ("client", &["minreq", "std::thread"]),
    ];
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let part = path.iter().nth(1).unwrap().to_str().unwrap();
        for (_, banned) in rules.iter().filter(|rule| rule.0 == part) {
            for word in banned.iter().filter(|word| code(&text).contains(**word)) {
                wrong.push(format!("{} uses {word}", path.display()));
            }
        }
        if code(&text).contains("minreq::") && path != Path::new("src/gateway/http.rs") {
            wrong.push(format!("{} uses minreq; only gateway/http.rs may", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn unsafe_stands_where_it_is_expected() {
    let allowed = [
        "src/ffi/",
        "src/client/sys.rs",
        "src/gateway/sys.rs",
        "src/ipc/sys.rs",
        "src/daemon/sys.rs",
        "src/cli/sys.rs",
        "src/merchant/sys.rs",
        "src/store/sys.rs",
    ];
    let is_unsafe = |line: &str| {
        let line = line.split("//").next().unwrap();
        line.contains("unsafe {") || line.contains("unsafe fn") || line.contains("unsafe impl")
    };
    for (path, text) in sources() {
        let path = path.to_str().unwrap();
        if allowed.iter().any(|prefix| path.starts_with(prefix)) {
            continue;
        }
        assert!(!code(&text).lines().any(is_unsafe), "{path} has unsafe code");
    }
}

/// A usual measure, not a law: these are the ceilings at which a reader gets lost.
#[test]
fn nothing_grows_out_of_sight() {
    let mut wrong = Vec::new();
    for (path, text) in sources() {
        let lines = code(&text).lines().count();
        if lines > 600 {
            wrong.push(format!("{} has {lines} lines of code", path.display()));
        }
        for (number, line) in text.lines().enumerate() {
            if line.chars().count() > 110 {
                wrong.push(format!("{}:{} is too wide", path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_money_is_a_float() {
    for (path, text) in sources() {
        for (number, line) in text.lines().enumerate() {
            let float = line.contains("f64") || line.contains("f32");
            let money = line.contains("fen") || line.contains("amount") || line.contains("price");
            assert!(!(float && money), "{}:{}", path.display(), number + 1);
        }
    }
}

#[test]
fn every_bound_is_used() {
    let limits = fs::read_to_string("src/limits.rs").unwrap();
    let sources = sources();
    for line in limits.lines().filter(|line| line.starts_with("pub const ")) {
        let name = line["pub const ".len()..].split(':').next().unwrap();
        let used = sources
            .iter()
            .filter(|(path, _)| path != Path::new("src/limits.rs"))
            .any(|(_, text)| text.contains(name));
        assert!(used, "limits::{name} is not used by anything");
    }
}
