//! `alitv-pay doctor` over set-ups that are broken in one way each. Where it names a command
//! that mends, the command is run and the doctor looks again.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{json, Value};

use super::run::{alitv_pay, Done};
use crate::stage::{until, Process, Sandbox, TvBox};

/// Everything on one machine, and all of it well.
struct Ward {
    dir: tempfile::TempDir,
    sandbox: Sandbox,
    tv: TvBox,
    daemon: Option<Process>,
}

impl Ward {
    fn new() -> Ward {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(dir.path());
        let tv = TvBox::new(dir.path(), &sandbox);
        let daemon = Some(tv.start());
        let ward = Ward { dir, sandbox, tv, daemon };
        let app = &ward.sandbox.ready["apps"][0];
        let key = app["rsa_private_key_pem"].as_str().unwrap();
        ward.write("key.pem", key);
        ward.write("portal.txt", app["rsa_public_key_pem"].as_str().unwrap());
        ward.merchant("");
        ward
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn word(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    /// With mode 0600.
    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::write(&path, text).unwrap();
        chmod(&path, 0o600);
    }

    /// The merchant's file, with more at its end.
    fn merchant(&self, more: &str) {
        let ready = &self.sandbox.ready;
        let text = format!(
            "environment = \"sandbox\"\n[app]\napp_key = {}\napp_secret = {}\n\
             private_key = \"key.pem\"\n[top]\nurl = {}\nallow_http = true\n\
             [gifts]\nurl = {}\n{more}",
            ready["apps"][0]["app_key"],
            ready["apps"][0]["app_secret"],
            ready["gateways"]["alitv"],
            ready["base_url"]
        );
        self.write("merchant.toml", &text);
    }

    fn doctor(&self) -> Command {
        let (daemon, merchant) = (self.tv.config.to_str().unwrap(), self.word("merchant.toml"));
        let mut command = alitv_pay(&["doctor", "--json", "--daemon-config", daemon]);
        command.args(["--merchant-config", &merchant]).current_dir(self.dir.path());
        command
    }

    fn look(&self) -> Told {
        Told::of(&mut self.doctor())
    }

    /// Runs a command of the doctor's as a user would.
    fn mends(&self, command: &str) {
        let done = self.shell(command).output().unwrap();
        assert!(done.status.success(), "{command}: {done:?}");
    }

    fn shell(&self, command: &str) -> Command {
        let programs = Path::new(env!("CARGO_BIN_EXE_alitv-pay")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), env!("PATH"));
        let mut shell = Command::new("sh");
        shell.args(["-c", command]).env("PATH", path).stdin(Stdio::null());
        shell.current_dir(self.dir.path());
        shell
    }

    fn end_daemon(&mut self) {
        assert_eq!(self.daemon.take().unwrap().terminate(), 0);
    }
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

/// What the doctor says.
struct Told {
    exit: i32,
    answer: Value,
}

impl Told {
    fn of(command: &mut Command) -> Told {
        let done: Done = command.output().unwrap().into();
        assert!(!done.stderr.contains("panicked"), "{done:?}");
        let answer = done.json().remove(0);
        assert_eq!(done.exit, i32::from(answer["verdict"] == "fail"), "{answer:#}");
        Told { exit: done.exit, answer }
    }

    #[track_caller]
    fn finding(&self, check: &str) -> &Value {
        let all = self.answer["findings"].as_array().unwrap();
        let found = all.iter().find(|finding| finding["check"] == check);
        found.unwrap_or_else(|| panic!("{check}: {:#}", self.answer))
    }

    #[track_caller]
    fn says(&self, check: &str, verdict: &str) -> String {
        let finding = self.finding(check);
        assert_eq!(finding["verdict"], verdict, "{finding}");
        finding["text"].as_str().unwrap().to_owned()
    }

    /// The command for something that fails, and that nothing else does.
    #[track_caller]
    fn only_failure(&self, check: &str) -> String {
        let all = self.answer["findings"].as_array().unwrap();
        let failed: Vec<&Value> = all.iter().filter(|found| found["verdict"] == "fail").collect();
        assert!(failed.len() == 1 && failed[0]["check"] == check, "{:#}", self.answer);
        self.mend(check)
    }

    #[track_caller]
    fn mend(&self, check: &str) -> String {
        let mend = self.finding(check)["mend"].as_str();
        mend.unwrap_or_else(|| panic!("{check}: {:#}", self.answer)).to_owned()
    }
}

/// A web server that says the same to everybody.
fn everybody_hears(status: &'static str, body: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/notify?shop=1", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let _ = stream.read(&mut [0; 4096]);
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}");
        }
    });
    url
}

#[test]
fn where_nothing_is_set_up_nothing_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let told = Told::of(alitv_pay(&["doctor", "--json"]).current_dir(dir.path()));
    assert_eq!(told.exit, 0);
    assert!(told.says("merchant", "skip").contains("--merchant-config"));
    if !Path::new("/etc/alitv-pay/alitv-pay.toml").exists() {
        assert!(told.says("daemon", "skip").contains("--daemon-config"));
    }
}

#[test]
fn a_healthy_machine_passes_every_check() {
    let ward = Ward::new();
    let url = everybody_hears("200 OK", "fail");
    ward.merchant(&format!("[notify]\nurl = \"{url}\"\n"));
    let told = Told::of(ward.doctor().args(["--portal-key", &ward.word("portal.txt")]));
    let bad = ["fail", "warn"];
    let all = told.answer["findings"].as_array().unwrap();
    assert!(
        all.iter().all(|f| !bad.contains(&f["verdict"].as_str().unwrap())),
        "{:#}",
        told.answer
    );
    for check in [
        "daemon.config",
        "daemon.journal",
        "daemon.space",
        "daemon.socket",
        "daemon.version",
        "daemon.gateway",
        "daemon.reach",
        "daemon.answer",
        "daemon.clock",
        "merchant.config",
        "merchant.key",
        "merchant.pairing",
        "merchant.ledger",
        "merchant.space",
        "merchant.reach",
        "merchant.clock",
        "merchant.answer",
        "merchant.gifts",
        "merchant.notify",
    ] {
        told.says(check, "ok");
    }
    let text: Done = alitv_pay(&["doctor", "--daemon-config", ward.tv.config.to_str().unwrap()])
        .current_dir(ward.dir.path())
        .output()
        .unwrap()
        .into();
    let text = text.ends_with(0).stdout;
    assert!(
        text.contains("ok    daemon.socket") && text.contains("skip  merchant.pairing"),
        "{text}"
    );
}

#[test]
fn a_daemon_that_does_not_run_is_started_by_its_command() {
    let mut ward = Ward::new();
    ward.end_daemon();
    let told = ward.look();
    let mend = told.only_failure("daemon.socket");
    assert!(told.says("daemon.journal", "ok").contains("is whole"));
    let mut started = Process::spawn(ward.shell(&format!("exec {mend}")).stderr(Stdio::null()));
    until("the daemon", || (ward.look().exit == 0).then_some(()));
    assert_eq!(started.terminate(), 0);
}

#[test]
fn files_that_others_may_read_are_closed_by_the_command() {
    let ward = Ward::new();
    for name in ["merchant.toml", "key.pem"] {
        chmod(&ward.path(name), 0o644);
        let check = if name == "key.pem" { "merchant.key" } else { "merchant.config" };
        let mend = ward.look().only_failure(check);
        assert_eq!(mend, format!("chmod 600 {}", ward.word(name)));
        ward.mends(&mend);
        assert_eq!(ward.look().exit, 0);
    }
    chmod(&ward.tv.config, 0o644);
    let told = ward.look();
    assert!(told.says("daemon.config", "warn").contains("0644"));
    ward.mends(&told.mend("daemon.config"));
    ward.look().says("daemon.config", "ok");
}

#[test]
fn a_key_that_is_not_the_one_of_the_platform_is_found_out() {
    let ward = Ward::new();
    let portal = ward.word("portal.txt");
    ward.mends("alitv-pay keygen --out other && cp other.key.pem key.pem && chmod 600 key.pem");
    let told = Told::of(ward.doctor().args(["--portal-key", &portal]));
    let mend = told.only_failure("merchant.pairing");
    // What it says to paste makes the pair.
    let (_, command) = mend.split_once(": ").unwrap();
    let line = ward.shell(command).output().unwrap();
    fs::write(ward.path("portal.txt"), line.stdout).unwrap();
    let told = Told::of(ward.doctor().args(["--portal-key", &portal]));
    assert_eq!(told.exit, 0, "{:#}", told.answer);

    // With an order to ask about, the gateway's answer shows it without the portal.
    ward.tv.connect().pay("T1");
    ward.mends("alitv-pay orders add T1 --amount 600 --title '60 gems' --config merchant.toml");
    until("the order at the gateway", || {
        let told = ward.look();
        (told.finding("merchant.answer")["verdict"] == "fail").then_some(())
    });
    let told = ward.look();
    assert!(told.only_failure("merchant.answer").contains("alitv-pay keys show --portal"));
    ward.write("key.pem", ward.sandbox.ready["apps"][0]["rsa_private_key_pem"].as_str().unwrap());
    assert!(ward
        .look()
        .says("merchant.answer", "ok")
        .contains("WAIT_BUYER_PAY, read with this key"));
}

#[test]
fn what_is_no_private_key_is_named() {
    let ward = Ward::new();
    ward.write("key.pem", &fs::read_to_string(ward.path("portal.txt")).unwrap());
    let told = ward.look();
    let mend = told.only_failure("merchant.key");
    assert!(mend.contains(&format!("alitv-pay keys check {}", ward.word("key.pem"))), "{mend}");
    fs::remove_file(ward.path("key.pem")).unwrap();
    assert!(ward.look().only_failure("merchant.key").contains("alitv-pay keygen"));
    ward.mends("alitv-pay keygen --out small --bits 1024 && mv small.key.pem key.pem");
    assert!(ward.look().says("merchant.key", "warn").contains("1024 bits"));
}

#[test]
fn wrong_secrets_are_found_out() {
    let ward = Ward::new();
    let secret = ward.sandbox.ready["apps"][0]["app_secret"].as_str().unwrap();
    let replace = |name: &str| {
        let text = fs::read_to_string(ward.path(name)).unwrap();
        ward.write(name, &text.replace(secret, "another"));
    };
    replace("merchant.toml");
    let told = ward.look();
    assert!(told.mend("merchant.answer").contains("app_secret"));
    assert!(told.mend("merchant.gifts").contains("gifts.secret"));
    replace("alitv-pay.toml");
    let told = ward.look();
    assert!(told.says("daemon.answer", "fail").contains("Signature"));
    assert!(told.mend("daemon.answer").contains(ward.tv.config.to_str().unwrap()));
}

#[test]
fn a_wrong_clock_is_told_with_the_right_time() {
    let mut ward = Ward::new();
    ward.end_daemon();
    let shifted = |shift: &str| {
        let mut doctor = ward.doctor();
        let args: Vec<_> = doctor.get_args().map(ToOwned::to_owned).collect();
        let program = doctor.get_program().to_owned();
        doctor = Command::new("faketime");
        doctor.args(["-m", "-f", shift]).arg(program).args(args).current_dir(ward.dir.path());
        doctor.env("DONT_FAKE_MONOTONIC", "1").env_remove("ALITV_PAY_SOCKET");
        Told::of(&mut doctor)
    };
    for (shift, side) in [("-20m", "behind"), ("+20m", "ahead of")] {
        let told = shifted(shift);
        for check in ["daemon.clock", "merchant.clock"] {
            let text = told.says(check, "fail");
            assert!(
                text.contains(side) && text.contains("1200 s") || text.contains("1199 s"),
                "{text}"
            );
            let mend = told.mend(check);
            let seconds: u64 = mend.strip_prefix("date -s @").unwrap().parse().unwrap();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            assert!(now.abs_diff(seconds) <= 60, "{mend}");
        }
    }
    let told = shifted("-3m");
    told.says("merchant.clock", "warn");
}

#[test]
fn a_gateway_that_is_away_is_told_by_its_address() {
    let mut ward = Ward::new();
    ward.sandbox.stop();
    let told = ward.look();
    let port = ward.sandbox.ready["base_url"].as_str().unwrap().rsplit(':').next().unwrap();
    for check in ["daemon.reach", "merchant.reach"] {
        assert!(told.says(check, "fail").contains("refused"));
        let mend = told.mend(check);
        assert!(mend.contains(&format!("alitv-pay sandbox --port {port}")), "{mend}");
    }
    ward.sandbox.restart();
    let told = ward.look();
    told.says("daemon.reach", "ok");
    told.says("merchant.answer", "ok");
}

#[test]
fn notify_urls_are_tried_with_what_no_key_can_read() {
    let ward = Ward::new();
    let look = |url: &str| {
        ward.merchant(&format!("[notify]\nurl = \"{url}\"\n"));
        ward.look()
    };
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let told = look(&format!("http://{free}/notify"));
    let mend = told.only_failure("merchant.notify");
    let wanted = format!("alitv-pay notify listen --config {}", ward.word("merchant.toml"));
    assert!(mend.ends_with(&wanted), "{mend}");
    ward.merchant(&format!("[notify]\nlisten = \"{free}\"\nurl = \"http://{free}/notify\"\n"));
    let mut started = Process::spawn(
        ward.shell(&format!("exec {wanted}")).stdout(Stdio::null()).stderr(Stdio::null()),
    );
    until("the receiver", || (ward.look().exit == 0).then_some(()));
    ward.look().says("merchant.notify", "ok");
    assert_eq!(started.terminate(), 0);
    let told = look(&everybody_hears("200 OK", "success"));
    assert!(told.only_failure("merchant.notify").contains("docs/merchant.md section 4"));
    look(&everybody_hears("404 Not Found", "")).only_failure("merchant.notify");
    look(&everybody_hears("200 OK", "hello")).says("merchant.notify", "warn");
    let told = look("http://no-such-host.invalid/notify");
    assert!(told.only_failure("merchant.notify").contains("curl -v"));
}

#[test]
fn damage_on_the_disk_is_found_and_left_alone() {
    let mut ward = Ward::new();
    ward.mends("alitv-pay orders add T1 --amount 600 --title '60 gems' --config merchant.toml");
    assert!(ward.look().says("merchant.ledger", "ok").contains("1 orders"));
    ward.end_daemon();
    let segment = ward.path("journal/segment-a");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[3] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    ward.write("ledger.sqlite", "this is a text, and long enough to be none of SQLite's headers");
    let told = ward.look();
    assert!(told.mend("daemon.journal").contains("docs/operations.md section 5"));
    assert!(told.says("daemon.journal", "fail").contains("segment-a"));
    assert!(told.says("merchant.ledger", "fail").contains("is not a ledger"));
    assert_eq!(fs::read(&segment).unwrap(), bytes);
}

#[test]
fn configurations_that_are_wrong_are_told_by_key() {
    let ward = Ward::new();
    ward.merchant("[notify]\nlisten = 3000\n");
    let told = ward.look();
    assert!(told.says("merchant.config", "fail").contains("listen"));
    let text = fs::read_to_string(&ward.tv.config).unwrap();
    ward.write("alitv-pay.toml", &text.replace("[alitv]", "colour = 1\n[alitv]"));
    let told = ward.look();
    assert!(told.says("daemon.config", "fail").contains("colour"));
    assert!(told.mend("daemon.config").contains("alitv-payd --check --config"));
    // The socket is looked at all the same where it is named.
    let socket = ward.tv.socket.to_str().unwrap();
    Told::of(ward.doctor().args(["--socket", socket])).says("daemon.socket", "ok");
}

#[test]
fn the_sdk_of_games_is_looked_at() {
    let ward = Ward::new();
    let sdk = ward.path("sdk");
    fs::create_dir_all(sdk.join("include")).unwrap();
    fs::create_dir_all(sdk.join("lib")).unwrap();
    let header = fs::read_to_string("include/alitv_pay.h").unwrap();
    let look = || Told::of(ward.doctor().args(["--sdk", sdk.to_str().unwrap()]));
    look().only_failure("sdk");
    fs::write(sdk.join("include/alitv_pay.h"), &header).unwrap();
    let library = std::env::current_exe().unwrap().with_file_name("libalitv_pay.so");
    fs::copy(library, sdk.join("lib/libalitv_pay.so")).unwrap();
    let told = look();
    for check in ["sdk.header", "sdk.library", "sdk.glibc", "sdk.together"] {
        told.says(check, "ok");
    }
    let newer = header.replace("ALITV_VERSION_MINOR 1", "ALITV_VERSION_MINOR 99");
    fs::write(sdk.join("include/alitv_pay.h"), newer).unwrap();
    assert!(look().only_failure("sdk.together").contains("install the library"));
    fs::write(sdk.join("lib/libalitv_pay.so"), "something else").unwrap();
    look().only_failure("sdk.library");
}

#[test]
fn the_bundle_holds_no_secret_and_overwrites_nothing() {
    let ward = Ward::new();
    ward.merchant(
        "secret = \"gift-secret-1\"\n[notify]\nurl = \"http://127.0.0.1:1/n?token=t0k3n\"\n",
    );
    let bundle = ward.word("support.json");
    Told::of(ward.doctor().args(["--bundle", &bundle]));
    let text = fs::read_to_string(&bundle).unwrap();
    let mode = fs::metadata(&bundle).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
    let key = fs::read_to_string(ward.path("key.pem")).unwrap();
    let secret = ward.sandbox.ready["apps"][0]["app_secret"].as_str().unwrap();
    for hidden in [secret, "gift-secret-1", "t0k3n", key.lines().nth(3).unwrap()] {
        assert!(!text.contains(hidden), "{hidden} in {text}");
    }
    let told: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["configurations"].as_array().unwrap().len(), 2);
    assert_eq!(told["configurations"][1]["value"]["app"]["app_key"], ward.sandbox.app_key());
    assert!(told["findings"].as_array().unwrap().contains(
        &json!({ "check": "merchant.pairing", "verdict": "skip",
            "text": "save the public key that the open platform shows, and give it with --portal-key" })
    ));
    let again: Done = ward.doctor().args(["--bundle", &bundle]).output().unwrap().into();
    assert!(again.ends_with(1).stderr.contains("support.json"));
    assert_eq!(fs::read_to_string(&bundle).unwrap(), text);
}
