//! The SDK that games are built with: do header and library belong together, and does the
//! library run with the C library of this machine?

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::findings::Findings;
use crate::cli::sys::glibc_version;
use crate::ipc::proto::SDK_VERSION;
use crate::limits::DOCTOR_FILE_BYTES_MAX;

const PREFIXES: [&str; 2] = ["/usr/local", "/usr"];
const HEADER: &str = "include/alitv_pay.h";
const LIBRARY: &str = "libalitv_pay.so";
/// What precedes the version in every library.
const MARK: &[u8] = b"ostv_";
const GLIBC: &[u8] = b"GLIBC_";

/// Major, minor, patch.
type Version = [u32; 3];

/// Looks at the first prefix that has a header or a library of ours.
pub fn look(named: Option<&Path>, findings: &mut Findings) {
    let prefixes: Vec<&Path> = match named {
        Some(dir) => vec![dir],
        None => PREFIXES.map(Path::new).to_vec(),
    };
    let found = prefixes.iter().find_map(|dir| {
        let header = Some(dir.join(HEADER)).filter(|path| path.exists());
        let library = library(dir);
        (header.is_some() || library.is_some()).then_some((header, library))
    });
    let Some((header, library)) = found else {
        let places: Vec<String> = prefixes.iter().map(|dir| dir.display().to_string()).collect();
        let why = format!("there is no SDK below {}: name its place with --sdk", places.join(", "));
        return match named {
            None => findings.skip("sdk", why),
            Some(_) => findings.fail("sdk", why, "name the directory above include and lib"),
        };
    };
    let header = header.and_then(|path| header_version(&path, findings));
    let library = library.and_then(|path| library_version(&path, findings));
    if let (Some(header), Some(library)) = (header, library) {
        together(header, library, findings);
    }
}

/// The shared library below `lib`, or below the directory of this machine's architecture.
fn library(prefix: &Path) -> Option<PathBuf> {
    let arch = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
    let dirs = ["lib", "lib64", &arch];
    dirs.iter().map(|dir| prefix.join(dir).join(LIBRARY)).find(|path| path.exists())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(DOCTOR_FILE_BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn header_version(path: &Path, findings: &mut Findings) -> Option<Version> {
    let name = path.display();
    match read(path).map(|bytes| defined(&String::from_utf8_lossy(&bytes))) {
        Ok(Some(version)) => {
            findings.ok("sdk.header", format!("{name} is {}", dotted(version)));
            Some(version)
        }
        Ok(None) => {
            let text = format!("{name} names no version");
            findings.fail("sdk.header", text, "install the header and the library of one version");
            None
        }
        Err(error) => {
            findings.skip("sdk.header", format!("{name}: {error}"));
            None
        }
    }
}

fn library_version(path: &Path, findings: &mut Findings) -> Option<Version> {
    let name = path.display();
    let bytes = match read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            findings.skip("sdk.library", format!("{name}: {error}"));
            return None;
        }
    };
    let version = numbers_behind(&bytes, MARK).find_map(|found| match found[..] {
        [major, minor, patch, _] => Some([major, minor, patch]),
        _ => None,
    });
    match version {
        None => {
            let text = format!("{name} is no library of this SDK");
            findings.fail("sdk.library", text, "install the header and the library of one version");
        }
        Some(version) if SDK_VERSION == format!("ostv_{}.0", dotted(version)) => {
            findings.ok("sdk.library", format!("{name} is {}, as this program", dotted(version)));
        }
        Some(version) => {
            let text = format!("{name} is {}, this program is {SDK_VERSION}", dotted(version));
            findings.warn(
                "sdk.library",
                text,
                "install library, daemon and program of one version",
            );
        }
    }
    runs_here(&bytes, findings);
    version
}

/// The newest symbol version of glibc that the library names is what it needs.
fn runs_here(library: &[u8], findings: &mut Findings) {
    let needed = numbers_behind(library, GLIBC).max();
    let running = glibc_version();
    let here = running.as_deref().and_then(|text| numbers(text.as_bytes()));
    match (needed, here) {
        (Some(needed), Some(here)) if needed > here => {
            let text =
                format!("the library needs glibc {}, here is {}", joined(&needed), joined(&here));
            findings.fail(
                "sdk.glibc",
                text,
                "take the library that was built for older systems, or build it here",
            );
        }
        (Some(needed), Some(here)) => {
            let text =
                format!("the library needs glibc {}, here is {}", joined(&needed), joined(&here));
            findings.ok("sdk.glibc", text);
        }
        (None, _) => findings.ok("sdk.glibc", "the library needs no glibc"),
        (_, None) => findings.skip("sdk.glibc", "this program does not run with glibc"),
    }
}

/// A program may be built with a header of the same major version and a smaller or equal
/// minor one.
fn together(header: Version, library: Version, findings: &mut Findings) {
    let text = format!("header {}, library {}", dotted(header), dotted(library));
    if header[0] == library[0] && header[1] <= library[1] {
        return findings.ok("sdk.together", text);
    }
    let mend = "install the library of the header's version, or build with the library's header";
    findings.fail("sdk.together", format!("{text}: they do not fit"), mend);
}

/// The three numbers that a header defines.
fn defined(header: &str) -> Option<Version> {
    let number = |name: &str| {
        let wanted = format!("#define ALITV_VERSION_{name} ");
        let line = header.lines().find_map(|line| line.strip_prefix(&*wanted))?;
        line.trim().parse().ok()
    };
    Some([number("MAJOR")?, number("MINOR")?, number("PATCH")?])
}

/// The dotted numbers that stand directly behind a mark, wherever it is.
fn numbers_behind<'a>(bytes: &'a [u8], mark: &'a [u8]) -> impl Iterator<Item = Vec<u32>> + 'a {
    let starts = bytes.windows(mark.len()).enumerate().filter(move |(_, window)| *window == mark);
    starts.filter_map(move |(at, _)| numbers(&bytes[at + mark.len()..]))
}

/// Numbers with dots between them, from the first byte on.
fn numbers(bytes: &[u8]) -> Option<Vec<u32>> {
    let end = bytes.iter().position(|b| !b.is_ascii_digit() && *b != b'.').unwrap_or(bytes.len());
    let text = std::str::from_utf8(&bytes[..end.min(32)]).ok()?;
    text.split('.').map(|digits| digits.parse().ok()).collect()
}

fn dotted(version: Version) -> String {
    joined(&version)
}

fn joined(numbers: &[u32]) -> String {
    numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::super::findings::Verdict;
    use super::*;

    #[test]
    fn versions_are_read_from_header_and_library() {
        let header = include_str!("../../../include/alitv_pay.h");
        let version = defined(header).unwrap();
        assert_eq!(SDK_VERSION, format!("ostv_{}.0", dotted(version)));
        let library =
            b"\0ostv_x.x.x.x\0ostv_1.22.3.0\0GLIBC_2.4\0GLIBC_2.34\0GLIBC_PRIVATE\0GLIBC_2.3.4\0";
        assert_eq!(numbers_behind(library, MARK).collect::<Vec<_>>(), [[1, 22, 3, 0]]);
        assert_eq!(numbers_behind(library, GLIBC).max(), Some(vec![2, 34]));
        assert_eq!(numbers_behind(b"ostv_", MARK).next(), None);
        assert_eq!(numbers_behind(b"ostv_99999999999.1", MARK).next(), None);
    }

    #[test]
    fn a_newer_header_does_not_fit_an_older_library() {
        for (header, library, verdict) in [
            ([1, 2, 3], [1, 2, 0], Verdict::Ok),
            ([1, 1, 0], [1, 2, 0], Verdict::Ok),
            ([1, 3, 0], [1, 2, 9], Verdict::Fail),
            ([1, 0, 0], [2, 0, 0], Verdict::Fail),
        ] {
            let mut findings = Findings::default();
            together(header, library, &mut findings);
            assert_eq!(findings.0[0].verdict, verdict, "{header:?} {library:?}");
        }
    }

    #[test]
    fn a_library_of_tomorrow_does_not_run_today() {
        let mut findings = Findings::default();
        runs_here(b"GLIBC_2.2.5\0GLIBC_9.1\0", &mut findings);
        runs_here(b"GLIBC_2.2.5\0", &mut findings);
        let verdicts: Vec<Verdict> = findings.0.iter().map(|found| found.verdict).collect();
        assert_eq!(verdicts, [Verdict::Fail, Verdict::Ok]);
    }
}
