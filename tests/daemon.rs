//! The daemon as a process: how it starts, what it refuses, how it ends.

mod stage;

use std::fs;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use serde_json::json;
use stage::{until, Process, TvBox, PATIENCE};

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:9/router/rest";

fn tv_box(dir: &Path) -> TvBox {
    TvBox::with_apps(dir, NOWHERE, &[("23012345".into(), SECRET.into())])
}

fn payd(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_alitv-payd"))
        .args(args)
        .env_remove("ALITV_PAY_SOCKET")
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn code_of(output: &Output) -> i32 {
    output.status.code().unwrap()
}

/// Runs the daemon until it ends by itself.
fn refused(tv: &TvBox) -> Output {
    payd(&["--config", tv.config.to_str().unwrap()])
}

#[test]
fn ends_cleanly_on_both_signals_and_takes_its_socket_along() {
    for signal in [libc::SIGTERM, libc::SIGINT] {
        let dir = tempfile::tempdir().unwrap();
        let tv = tv_box(dir.path());
        let mut daemon = tv.start();
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert!(fs::metadata(&tv.socket).unwrap().file_type().is_socket());
        assert_eq!((mode(&tv.socket), mode(&dir.path().join("journal"))), (0o660, 0o700));
        assert_eq!(tv.connect().pay("A1")["state"], "created");
        // SAFETY: a signal to our own child, which was not waited for.
        unsafe { libc::kill(daemon.0.id() as i32, signal) };
        assert_eq!(until("the end", || daemon.exit()), 0, "{}", tv.log());
        assert!(!tv.socket.exists());
        assert!(tv.log().contains("stopped on request"), "{}", tv.log());
    }
}

#[test]
fn a_killed_daemon_leaves_a_socket_that_the_next_one_replaces() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let mut daemon = tv.start();
    tv.connect().pay("A1");
    daemon.kill();
    assert!(tv.socket.exists());
    let _daemon = tv.start();
    let orders = tv.connect().ok("orders", json!({}));
    assert_eq!(orders["orders"][0]["order_id"], "A1");
}

#[test]
fn a_second_daemon_keeps_off_journal_and_socket() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let _daemon = tv.start();
    let config = tv.config.to_str().unwrap();
    let other = dir.path().join("other.sock");
    for socket in [&tv.socket, &other] {
        let second = payd(&["--config", config, "--socket", socket.to_str().unwrap()]);
        assert_eq!(code_of(&second), 75, "{}", said(&second));
        assert!(said(&second).contains("another process"), "{}", said(&second));
    }
    assert!(!other.exists());
    assert!(tv.connect().ok("status", json!({})).is_object());

    let elsewhere = tempfile::tempdir().unwrap();
    let stranger = tv_box(elsewhere.path());
    let args = ["--config", stranger.config.to_str().unwrap(), "--socket"];
    let output = payd(&[&args[..], &[tv.socket.to_str().unwrap()]].concat());
    assert_eq!(code_of(&output), 69, "{}", said(&output));
    assert!(said(&output).contains("another server answers"), "{}", said(&output));
    assert!(tv.connect().ok("status", json!({})).is_object());
}

#[test]
fn each_way_to_fail_has_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let output = payd(&["--no-such"]);
    assert_eq!(code_of(&output), 64);
    assert!(said(&output).contains("--no-such") && said(&output).contains("Usage:"));
    assert_eq!(code_of(&payd(&["--config", "/nonexistent/x.toml"])), 66);

    fs::write(&tv.socket, "in the way").unwrap();
    let output = refused(&tv);
    assert_eq!(code_of(&output), 69, "{}", said(&output));
    assert!(said(&output).contains("left alone"), "{}", said(&output));
    fs::remove_file(&tv.socket).unwrap();

    let mut daemon = tv.start();
    tv.connect().pay("A1");
    assert_eq!(daemon.terminate(), 0);
    let segment = dir.path().join("journal/segment-a");
    let before = fs::read(&segment).unwrap();
    let mut damaged = before.clone();
    damaged[20] ^= 1;
    fs::write(&segment, &damaged).unwrap();
    let output = refused(&tv);
    assert_eq!(code_of(&output), 73, "{}", said(&output));
    assert!(said(&output).contains("segment-a"), "{}", said(&output));
    assert_eq!(fs::read(&segment).unwrap(), damaged, "a damaged journal is kept");
    fs::write(&segment, &before).unwrap();

    let text = fs::read_to_string(&tv.config).unwrap();
    let real = text.replace("\"sandbox\"", "\"production\"").replace("http://", "https://");
    fs::write(&tv.config, real.replace("allow_http = true", "")).unwrap();
    let output = refused(&tv);
    assert_eq!(code_of(&output), 73, "{}", said(&output));
    assert!(said(&output).contains("environment sandbox"), "{}", said(&output));
}

#[test]
fn help_and_version_go_to_standard_output() {
    let help = payd(&["--help"]);
    assert_eq!(code_of(&help), 0);
    let text = String::from_utf8(help.stdout).unwrap();
    for exit in ["64", "66", "69", "71", "73", "74", "75", "78"] {
        assert!(text.contains(&format!("\n  {exit}  ")), "{exit}");
    }
    let version = payd(&["--version"]);
    assert_eq!(version.stdout, b"alitv-payd/0.1.0\n");
}

#[test]
fn a_service_manager_is_told_and_may_open_the_socket() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let notify_path = dir.path().join("notify");
    let notify = UnixDatagram::bind(&notify_path).unwrap();
    notify.set_read_timeout(Some(PATIENCE)).unwrap();
    let heard = || {
        let mut text = [0; 64];
        let count = notify.recv(&mut text).unwrap();
        String::from_utf8(text[..count].to_vec()).unwrap()
    };
    let path = dir.path().join("activated.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let script = "exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"";
    let log = fs::File::create(dir.path().join("daemon.log")).unwrap();
    let mut daemon = Process(
        Command::new("sh")
            .args(["-c", script, "sh"])
            .args(tv.daemon_args())
            .env("NOTIFY_SOCKET", &notify_path)
            .stdin(Stdio::from(OwnedFd::from(listener)))
            .stderr(log)
            .spawn()
            .unwrap(),
    );
    assert_eq!(heard(), "READY=1", "{}", tv.log());
    let activated = TvBox { socket: path.clone(), dir: tv.dir.clone(), config: tv.config.clone() };
    assert!(activated.connect().ok("status", json!({})).is_object());
    assert!(!tv.socket.exists(), "no socket of its own");
    assert_eq!(daemon.terminate(), 0, "{}", tv.log());
    assert_eq!(heard(), "STOPPING=1");
    assert!(path.exists(), "a socket of somebody else stays");
}

#[test]
fn descriptor_three_must_be_a_listening_socket() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    for (script, named) in [
        ("exec 3</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"", "socket"),
        ("LISTEN_PID=$$ LISTEN_FDS=2 exec \"$@\"", "LISTEN_FDS"),
    ] {
        let output =
            Command::new("sh").args(["-c", script, "sh"]).args(tv.daemon_args()).output().unwrap();
        assert_eq!(code_of(&output), 69, "{}", said(&output));
        assert!(said(&output).contains(named), "{}", said(&output));
    }
}

#[test]
fn without_descriptors_it_says_so_and_does_not_spin() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let script = "ulimit -n 17; exec \"$@\"";
    let daemon = Process(
        Command::new("sh")
            .args(["-c", script, "sh"])
            .args(tv.daemon_args())
            .stderr(fs::File::create(dir.path().join("daemon.log")).unwrap())
            .spawn()
            .unwrap(),
    );
    until("the socket", || UnixStream::connect(&tv.socket).ok());
    let mut peers = Vec::new();
    let refusal = until("a refusal", || {
        let mut peer = UnixStream::connect(&tv.socket).unwrap();
        peer.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
        let mut text = String::new();
        let _ = peer.read_to_string(&mut text);
        peers.push(peer);
        (!text.is_empty()).then_some(text)
    });
    assert!(refusal.contains("no descriptors left") && refusal.contains("RESOURCE"), "{refusal}");
    let ticks = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", daemon.0.id())).unwrap();
        let field = |nth: usize| stat.split(' ').nth(nth).unwrap().parse::<u64>().unwrap();
        field(13) + field(14)
    };
    until("a second of rest", || {
        let before = ticks();
        std::thread::sleep(Duration::from_secs(1));
        (ticks() - before < 5).then_some(())
    });
    peers.clear();
    until("a place", || {
        let mut game = UnixStream::connect(&tv.socket).ok()?;
        game.set_read_timeout(Some(PATIENCE)).unwrap();
        game.write_all(b"{\"id\":1,\"method\":\"status\"}\n").ok()?;
        let mut answer = [0; 64];
        let count = game.read(&mut answer).ok()?;
        String::from_utf8_lossy(&answer[..count]).contains("result").then_some(())
    });
}

#[test]
fn an_idle_daemon_sleeps() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let daemon = tv.start();
    let _watcher = tv.connect().ok("watch", json!({}));
    let switches = || {
        let status = fs::read_to_string(format!("/proc/{}/status", daemon.0.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt")).unwrap();
        line.to_owned()
    };
    until("a second without a wake-up", || {
        let before = switches();
        std::thread::sleep(Duration::from_secs(1));
        (switches() == before).then_some(())
    });
}

#[test]
fn the_log_has_orders_and_no_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let file = dir.path().join("payd.log");
    let text = fs::read_to_string(&tv.config).unwrap();
    let log = format!("\n[log]\nlevel = \"trace\"\nfile = {file:?}\n");
    fs::write(&tv.config, text + &log).unwrap();
    let mut daemon = tv.start();
    let mut game = tv.connect();
    game.ok("hello", json!({ "client": "test/1" }));
    game.pay("A1");
    assert_eq!(daemon.terminate(), 0);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("order A1: created") && text.contains("test/1"), "{text}");
    assert!(!text.contains(SECRET) && !tv.log().contains(SECRET));
    let first = text.lines().next().unwrap();
    assert!(first.contains("Z [INFO]") && first.starts_with("20"), "{first}");
}

#[test]
fn the_log_can_be_read_along() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let _daemon = tv.start();
    let mut reader = tv.connect();
    let mut game = tv.connect();
    let features = reader.ok("hello", json!({}))["features"].clone();
    assert!(features.as_array().unwrap().contains(&json!("log")), "{features}");
    reader.ok("log.watch", json!({ "level": "debug" }));
    game.ok("hello", json!({ "client": "read/1\u{1b}[2J" }));
    game.pay("A1");
    let mut seen = String::new();
    until("both lines", || {
        reader.ok("status", json!({}));
        for line in reader.events.drain(..) {
            seen += &format!("{} {}\n", line["level"], line["message"].as_str()?);
        }
        (seen.contains("\"debug\" hello from") && seen.contains("\"info\" app 23012345 order A1"))
            .then_some(())
    });
    assert!(
        seen.contains("read/1") && !seen.contains('\u{1b}') && !seen.contains(SECRET),
        "{seen}"
    );
    reader.ok("log.watch", json!({ "level": "info" }));
    game.ok("hello", json!({ "client": "not read/2" }));
    reader.ok("log.unwatch", json!({}));
    game.pay("A2");
    reader.ok("status", json!({}));
    let events = format!("{:?}", reader.events);
    assert!(!events.contains("not read/2") && !events.contains("A2"), "{events}");
}

#[test]
fn the_environment_and_the_command_line_name_the_socket() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let (by_variable, by_argument) = (dir.path().join("v.sock"), dir.path().join("a.sock"));
    for (args, path) in [(vec![], &by_variable), (vec!["--socket", "a.sock"], &by_argument)] {
        let mut daemon = Process::spawn(
            Command::new(env!("CARGO_BIN_EXE_alitv-payd"))
                .arg("--config")
                .arg(&tv.config)
                .args(args)
                .current_dir(dir.path())
                .env("ALITV_PAY_SOCKET", &by_variable)
                .stderr(Stdio::null()),
        );
        until("its socket", || UnixStream::connect(path).ok());
        assert!(!tv.socket.exists());
        assert_eq!(daemon.terminate(), 0);
    }
}

/// What a good file says, with one part replaced.
fn spoilt(dir: &Path, from: &str, to: &str) -> TvBox {
    let tv = tv_box(dir);
    let text = fs::read_to_string(&tv.config).unwrap();
    let changed = text.replacen(from, to, 1);
    assert_ne!(text, changed, "{from:?} is not in {text}");
    fs::write(&tv.config, changed).unwrap();
    tv
}

#[test]
fn a_bad_configuration_is_refused_by_key_and_bound() {
    let dir = tempfile::tempdir().unwrap();
    let secret_file = dir.path().join("secret");
    fs::write(&secret_file, "with blanks in it\n").unwrap();
    fs::set_permissions(&secret_file, fs::Permissions::from_mode(0o600)).unwrap();
    let secret = format!("app_secret = {SECRET:?}");
    let long_path = format!("socket = \"/{}\"\n#", "x".repeat(107));
    let long_journal = format!("journal = \"/{}\"\n#", "x".repeat(4096));
    let hosts = format!("[alitv]\nqr_hosts = [{}]", "\"a.b\",".repeat(17));
    let uids = format!("uids = [{}] #", "1,".repeat(65));
    let long_secret = format!("app_secret = \"{}\"", "x".repeat(129));
    let bad_file = format!("app_secret_file = {secret_file:?}");
    let app = "\n[[app]]\napp_key = \"x\"\napp_secret = \"y\"\n";
    let twice = format!("{}[[app]]", app.replace("\"x\"", "\"23012345\""));
    let many = format!(
        "{}[[app]]",
        (0..64).fold(String::new(), |text, number| {
            text + &app.replace("\"x\"", &format!("\"x{number}\""))
        })
    );
    let cases: Vec<(&str, &str, &[&str])> = vec![
        ("environment = \"sandbox\"", "", &["environment"]),
        ("\"sandbox\"", "\"test\"", &["environment", "sandbox", "production"]),
        ("\"sandbox\"", "7", &["line 1", "environment"]),
        ("gateway = \"alitv\"", "", &["gateway"]),
        ("gateway = \"alitv\"", "gateway = \"alipay\"", &["gateway", "alipay", "not built"]),
        ("gateway = \"alitv\"", "gateway = \"x\"", &["gateway", "\"x\"", "alitv"]),
        ("journal = ", "journall = ", &["journall", "unknown field"]),
        ("journal = \"/", "journal = \"", &["journal", "absolute"]),
        ("journal = ", &long_journal, &["journal", "4097", "4096"]),
        ("socket = \"/", "socket = \"", &["socket", "absolute"]),
        ("socket = ", &long_path, &["socket", "108", "107"]),
        ("allow_http = true", "allow_http = \"yes\"", &["allow_http", "bool"]),
        ("allow_http = true", "", &["alitv.url", "https"]),
        ("\"sandbox\"", "\"production\"", &["allow_http", "sandbox"]),
        ("[alitv]", "[alitw]", &["alitw", "unknown field"]),
        ("url = ", "uri = ", &["uri", "unknown field"]),
        ("/router/rest", "", &["alitv.url", "path"]),
        ("http://127", "ftp://127", &["alitv.url", "https://"]),
        ("[alitv]", &hosts, &["alitv.qr_hosts", "17", "16"]),
        ("[alitv]", "[alitv]\nqr_hosts = [\"a/b\"]", &["alitv.qr_hosts", "a/b"]),
        ("[alitv]", "[alitv]\ndevice_id = \"a b\"", &["alitv.device_id", "64"]),
        ("[alitv]", "[log]\nlevel = \"loud\"\n[alitv]", &["log.level", "loud", "debug"]),
        ("[alitv]", "[log]\nfile = \"x\"\n[alitv]", &["log.file", "absolute"]),
        ("[alitv]", "[log]\ncolour = 1\n[alitv]", &["colour", "unknown field"]),
        ("\n[[app]]", "\n[[ap]]", &["ap", "unknown field"]),
        ("app_key = \"23012345\"", "", &["app_key"]),
        ("\"23012345\"", "\"2301 2345\"", &["app.app_key", "32"]),
        (&secret, "", &["23012345", "app_secret or app_secret_file"]),
        (&secret, "app_secret = 12345678", &["app_secret", "must be a string"]),
        (&secret, &long_secret, &["app_secret", "128"]),
        (&secret, "app_secret_file = \"/nonexistent\"", &["app.app_secret_file", "No such file"]),
        (&secret, &bad_file, &["app.app_secret_file", "blanks", "128"]),
        ("uids = ", "token_file = \"/nonexistent\"\nuids = ", &["app.token_file", "No such file"]),
        ("uids = [", "uids = [-1, ", &["uids", "-1"]),
        ("uids = [", "uids = [\"root\", ", &["uids"]),
        ("uids = ", &uids, &["app.uids of 23012345", "65", "64"]),
        ("[[app]]", &twice, &["app.app_key 23012345", "twice"]),
        ("[[app]]", &many, &["app", "65", "64"]),
        ("gateway = ", "gateway ", &["line 2"]),
        ("environment", "\u{feff}\u{0}", &["line 1"]),
    ];
    assert!(cases.len() >= 25);
    for (from, to, named) in cases {
        let tv = spoilt(dir.path(), from, to);
        let config = tv.config.to_str().unwrap();
        let output = payd(&["--check", "--config", config]);
        let text = said(&output);
        assert_eq!(code_of(&output), 78, "{from:?} -> {to:?}: {text}");
        for word in named.iter().chain(&[config]) {
            assert!(text.contains(word), "{from:?} -> {to:?}: no {word:?} in {text}");
        }
        let shown = String::from_utf8_lossy(&output.stdout).into_owned() + &text;
        assert!(!shown.contains(SECRET) && !shown.contains("12345678 "), "{shown}");
    }
}

#[test]
fn files_that_others_may_read_or_change_are_refused_where_money_is_real() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let config = tv.config.to_str().unwrap().to_owned();
    let check = |mode: u32| {
        fs::set_permissions(&tv.config, fs::Permissions::from_mode(mode)).unwrap();
        payd(&["--check", "--config", &config])
    };
    for (mode, word) in [(0o644, "0644"), (0o640, "0640"), (0o602, "0602")] {
        let output = check(mode);
        assert_eq!(code_of(&output), 0);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.contains("warning") && text.contains(word), "{text}");
    }
    let text = fs::read_to_string(&tv.config).unwrap();
    let real = text.replace("\"sandbox\"", "\"production\"").replace("allow_http = true", "");
    fs::write(&tv.config, real.replace("http://", "https://")).unwrap();
    for (mode, word) in [(0o644, "0644"), (0o640, "0640"), (0o606, "0606")] {
        let output = check(mode);
        assert_eq!(code_of(&output), 78);
        assert!(said(&output).contains(word), "{}", said(&output));
    }
    assert_eq!(code_of(&check(0o600)), 0);
}

#[test]
fn check_says_what_would_be_done_and_does_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let tv = tv_box(dir.path());
    let output = payd(&["--check", "--config", tv.config.to_str().unwrap()]);
    assert_eq!(code_of(&output), 0, "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    for word in ["is good", "sandbox", NOWHERE, "journal", "alitv-pay.sock", "23012345"] {
        assert!(text.contains(word), "{word}: {text}");
    }
    assert!(!text.contains(SECRET));
    assert!(!dir.path().join("journal").exists() && !tv.socket.exists());
    let mut nothing = String::new();
    assert_eq!((&output.stderr[..]).read_to_string(&mut nothing).unwrap(), 0);
}

#[test]
fn the_documents_show_a_configuration_that_works_and_all_exit_codes() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let help = String::from_utf8(payd(&["--help"]).stdout).unwrap();
    for name in ["operations.md", "operations.zh-CN.md"] {
        let text = fs::read_to_string(docs.join(name)).unwrap();
        let (_, rest) = text.split_once("```toml\n").expect(name);
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("example.toml");
        fs::write(&file, rest.split_once("```").unwrap().0).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
        let output = payd(&["--check", "--config", file.to_str().unwrap()]);
        assert_eq!(code_of(&output), 0, "{name}: {}", said(&output));
        let codes = help.lines().filter_map(|line| line.trim().split_once("  "));
        for (code, _) in codes.filter(|(code, _)| code.parse::<u8>().is_ok()) {
            assert!(text.contains(&format!("\n| {code} |")), "{name}: {code}");
        }
    }
}
