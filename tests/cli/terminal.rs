//! The demo on a terminal: a pseudo terminal plays it, the test reads and types.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use super::arguments::scan;
use super::run::alitv_pay;
use crate::stage::{Sandbox, TvBox, PATIENCE};

struct Terminal {
    master: File,
    slave: OwnedFd,
    child: Child,
    seen: String,
    before: libc::termios,
}

fn modes(fd: &impl AsRawFd) -> libc::termios {
    let mut modes = std::mem::MaybeUninit::zeroed();
    // SAFETY: tcgetattr writes one termios.
    unsafe {
        assert_eq!(libc::tcgetattr(fd.as_raw_fd(), modes.as_mut_ptr()), 0);
        modes.assume_init()
    }
}

impl Terminal {
    fn start(args: &[&str], environment: &[(&str, &str)]) -> Terminal {
        Terminal::start_in(40, args, environment)
    }

    /// `args` on a terminal of 80 columns that shows UTF-8, unless the environment says else.
    fn start_in(rows: u16, args: &[&str], environment: &[(&str, &str)]) -> Terminal {
        let (mut master, mut slave) = (0, 0);
        let size = libc::winsize { ws_row: rows, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        // SAFETY: openpty writes two descriptors, which are ours from then on.
        let (master, slave) = unsafe {
            let (name, modes) = (std::ptr::null_mut(), std::ptr::null());
            let made = libc::openpty(&mut master, &mut slave, name, modes, &size);
            assert_eq!(made, 0);
            (File::from_raw_fd(master), OwnedFd::from_raw_fd(slave))
        };
        let before = modes(&slave);
        let stdio = || Stdio::from(slave.try_clone().unwrap());
        let mut command = alitv_pay(args);
        command.env("LANG", "C.UTF-8").env("TERM", "xterm").envs(environment.iter().copied());
        command.stdin(stdio()).stdout(stdio()).stderr(stdio());
        // SAFETY: both calls are async-signal-safe; Ctrl-C needs a controlling terminal.
        unsafe {
            command.pre_exec(|| {
                libc::setsid();
                libc::ioctl(0, libc::TIOCSCTTY, 0);
                Ok(())
            });
        }
        let child = command.spawn().unwrap();
        Terminal { master, slave, child, seen: String::new(), before }
    }

    /// Reads until `text` was shown.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        let start = Instant::now();
        let mut bytes = [0; 4096];
        while !self.seen.contains(text) {
            assert!(start.elapsed() < PATIENCE, "no {text:?} in {}", self.seen);
            let mut polled =
                libc::pollfd { fd: self.master.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one pollfd.
            if unsafe { libc::poll(&mut polled, 1, 100) } == 1 {
                let count = self.master.read(&mut bytes).unwrap();
                self.seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        }
    }

    fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// The exit code. The terminal must be as it was.
    #[track_caller]
    fn ends(mut self) -> (i32, String) {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(start.elapsed() < PATIENCE, "still running: {}", self.seen);
            std::thread::sleep(Duration::from_millis(10));
        };
        let (before, after) = (self.before, modes(&self.slave));
        assert_eq!(before.c_lflag, after.c_lflag, "the modes of the terminal are restored");
        assert_eq!(before.c_cc, after.c_cc);
        (status.code().unwrap_or(-1), self.seen)
    }
}

#[test]
fn p_pays() {
    let mut terminal = Terminal::start(&["demo"], &[]);
    terminal.shows("press p");
    let white_on_black = "\x1b[40;37;1;97m";
    let rows = terminal.seen.lines().filter_map(|line| line.strip_prefix(white_on_black));
    let drawing: Vec<&str> = rows.map(|row| row.trim_end_matches("\x1b[0m")).collect();
    let text = scan(&drawing.join("\n"));
    assert!(text.starts_with("HTTP://127.0.0.1:") && terminal.seen.contains(&text), "{text}");
    terminal.types("p");
    terminal.shows("order.paid");
    terminal.shows("next");
    let (exit, seen) = terminal.ends();
    assert_eq!(exit, 0, "{seen}");
}

#[test]
fn auth_shows_a_code_and_ctrl_c_gives_up() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::start(dir.path());
    let tv = TvBox::new(dir.path(), &sandbox);
    let _daemon = tv.start();
    let args = ["auth", "--socket", tv.socket.to_str().unwrap()];
    let mut terminal = Terminal::start(&args, &[("ALITV_LANG", "zh")]);
    terminal.shows("请用手机扫码登录");
    let white_on_black = "\x1b[40;37;1;97m";
    let rows = terminal.seen.lines().filter_map(|line| line.strip_prefix(white_on_black));
    let drawing: Vec<&str> = rows.map(|row| row.trim_end_matches("\x1b[0m")).collect();
    let text = scan(&drawing.join("\n"));
    assert!(text.contains("/A/") && terminal.seen.contains(&text), "{text}");
    terminal.types("\x03");
    terminal.shows("auth.cancelled");
    let (exit, seen) = terminal.ends();
    assert_eq!(exit, 10, "{seen}");
    // Somebody signs in.
    let mut terminal = Terminal::start(&args, &[]);
    terminal.shows("scan with a phone to sign in");
    sandbox.sign_in(sandbox.app_key(), "100001");
    terminal.shows("auth.success");
    assert_eq!(terminal.ends().0, 0);
}

#[test]
fn c_cancels() {
    let mut terminal = Terminal::start(&["demo", "--no-color"], &[]);
    terminal.shows("press p");
    terminal.types("xc");
    terminal.shows("order.cancelled");
    let (exit, seen) = terminal.ends();
    assert_eq!(exit, 10, "{seen}");
    assert!(!seen.contains('\x1b'), "--no-color");
}

#[test]
fn ctrl_c_cancels_and_no_color_means_no_escapes() {
    let mut terminal = Terminal::start(&["demo"], &[("NO_COLOR", "1")]);
    terminal.shows("left  ");
    terminal.types("\x03");
    terminal.shows("order.cancelled");
    let (exit, seen) = terminal.ends();
    assert_eq!(exit, 10, "{seen}");
    assert!(!seen.contains('\x1b') && seen.contains('█'), "{seen}");
}

#[test]
fn a_small_terminal_is_told_and_the_payment_goes_on() {
    let mut terminal = Terminal::start_in(24, &["demo"], &[("LANG", "C")]);
    terminal.shows("press p");
    assert!(terminal.seen.contains("the terminal has 80 and 24"), "{}", terminal.seen);
    terminal.types("p");
    terminal.shows("order.paid");
    let (exit, seen) = terminal.ends();
    assert_eq!(exit, 0, "{seen}");
}
