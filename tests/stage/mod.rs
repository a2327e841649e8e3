//! The whole stage as processes: a sandbox, a daemon, and the directory they live in. Each
//! test that needs them declares `mod stage;`, and none uses all of it.
#![allow(dead_code)]

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{json, Value};

/// Long enough for a loaded machine; nothing waits for it when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Polls until something is there.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A program of `c-examples`.
#[track_caller]
pub fn example(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("c-examples/build").join(name);
    assert!(path.exists(), "{} is missing: make -C c-examples", path.display());
    path
}

/// Compiles a program of C against the header and the library of this very test run, which
/// cargo puts beside the test binary.
#[track_caller]
pub fn compile_c(source: &Path, directory: &Path, standard: &str) -> PathBuf {
    let root = env!("CARGO_MANIFEST_DIR");
    let library = std::env::current_exe().unwrap().with_file_name("libalitv_pay.so");
    assert!(library.exists(), "{} is missing: cargo builds it with the tests", library.display());
    let soname = directory.join("libalitv_pay.so.0");
    if !soname.exists() {
        std::os::unix::fs::symlink(&library, soname).unwrap();
    }
    let program = directory.join(source.file_stem().unwrap());
    let output = Command::new(std::env::var("CC").unwrap_or_else(|_| "cc".into()))
        .arg(format!("-std={standard}"))
        .args(["-g", "-Wall", "-Wextra", "-Wpedantic", "-Wconversion", "-Werror", "-pthread"])
        .args([format!("-I{root}/include"), format!("-I{root}/tests/c")])
        .arg(source)
        .arg(library)
        .arg(format!("-Wl,-rpath,{}", directory.display()))
        .arg("-o")
        .arg(&program)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", source.display());
    program
}

/// A process that ends with the test.
pub struct Process(pub Child);

impl Process {
    pub fn spawn(command: &mut Command) -> Process {
        Process(command.stdin(Stdio::null()).spawn().unwrap_or_else(|e| panic!("{command:?}: {e}")))
    }

    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// SIGTERM, and the exit code.
    pub fn terminate(&mut self) -> i32 {
        // SAFETY: a signal to our own child, which was not waited for.
        unsafe { libc::kill(self.0.id() as i32, libc::SIGTERM) };
        self.0.wait().unwrap().code().unwrap_or(-1)
    }

    pub fn exit(&mut self) -> Option<i32> {
        self.0.try_wait().unwrap().map(|status| status.code().unwrap_or(-1))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The Ali side.
pub struct Sandbox {
    process: Process,
    port: u16,
    state_file: PathBuf,
    ready_file: PathBuf,
    options: Vec<String>,
    /// The ready file.
    pub ready: Value,
}

impl Sandbox {
    pub fn start(dir: &Path) -> Sandbox {
        Sandbox::start_with(dir, &[])
    }

    /// With more of the command's options.
    pub fn start_with(dir: &Path, options: &[&str]) -> Sandbox {
        Sandbox::start_on(dir, 0, options.iter().map(|&option| option.to_owned()).collect())
    }

    fn start_on(dir: &Path, port: u16, options: Vec<String>) -> Sandbox {
        let (ready_file, state_file) = (dir.join("ready.json"), dir.join("sandbox-state.json"));
        let _ = fs::remove_file(&ready_file);
        let process = Process::spawn(
            Command::new(env!("CARGO_BIN_EXE_alitv-pay"))
                .args(["sandbox", "--port", &port.to_string(), "--ready-file"])
                .arg(&ready_file)
                .arg("--state")
                .arg(&state_file)
                .args(&options)
                .stdout(Stdio::null())
                .stderr(fs::File::create(dir.join("sandbox.log")).unwrap()),
        );
        let ready: Value = until("the sandbox's ready file", || {
            serde_json::from_slice(&fs::read(&ready_file).ok()?).ok()
        });
        let port = ready["base_url"].as_str().unwrap().rsplit(':').next().unwrap();
        let port = port.trim_end_matches('/').parse().unwrap();
        Sandbox { process, port, state_file, ready_file, options, ready }
    }

    /// Out of reach, with what it knows kept.
    pub fn stop(&mut self) {
        self.process.terminate();
    }

    /// Back at the same address with the same state.
    pub fn restart(&mut self) {
        let dir = self.ready_file.parent().unwrap().to_owned();
        assert!(self.state_file.exists(), "the sandbox kept its state");
        let (port, options) = (self.port, std::mem::take(&mut self.options));
        *self = Sandbox::start_on(&dir, port, options);
    }

    pub fn app_key(&self) -> &str {
        self.ready["apps"][0]["app_key"].as_str().unwrap()
    }

    /// One call of the control API.
    #[track_caller]
    pub fn control(&self, method: minreq::Method, path: &str, body: Value) -> Value {
        let url = format!("{}{path}", self.ready["control_url"].as_str().unwrap());
        let mut request = minreq::Request::new(method, url.clone())
            .with_timeout(10)
            .with_header("Content-Type", "application/json")
            .with_body(body.to_string());
        if let Some(token) = self.ready["control_token"].as_str() {
            request = request.with_header("Authorization", format!("Bearer {token}"));
        }
        let answer = request.send().unwrap_or_else(|e| panic!("{url}: {e}"));
        let text = answer.as_str().unwrap();
        assert_eq!(answer.status_code, 200, "{url}: {text}");
        serde_json::from_str(text).unwrap_or_else(|e| panic!("{url}: {e}: {text}"))
    }

    /// What the next order of any app goes through.
    pub fn scenario(&self, name: &str) {
        self.control(minreq::Method::Post, "/scenario", json!({ "scenario": name }));
    }

    /// What every order goes through from now on.
    pub fn scenario_of_all(&self, name: &str) {
        let body = json!({ "scenario": name, "default": true });
        self.control(minreq::Method::Post, "/scenario", body);
    }

    fn auth(&self, app_key: &str, does: &str, mut body: Value) {
        self.await_sign_in(app_key);
        body["app_key"] = app_key.into();
        self.control(minreq::Method::Post, &format!("/auth/latest/{does}"), body);
    }

    /// Waits until a code to sign in with is there that nobody has used.
    pub fn await_sign_in(&self, app_key: &str) {
        until("a code to sign in with", || {
            let path = format!("/auth?app_key={app_key}&limit=1");
            let attempts = self.control(minreq::Method::Get, &path, json!({}));
            let state = attempts["attempts"][0]["state"].as_str().unwrap_or("none").to_owned();
            ["waiting", "scanned", "asked"].contains(&state.as_str()).then_some(())
        });
    }

    /// A user uses the newest code, and authorises the app with nick and picture.
    pub fn sign_in(&self, app_key: &str, user_id: &str) {
        self.auth(app_key, "authorise", json!({ "user": user_id, "profile": true }));
    }

    /// A user signs in with the newest code, but does not authorise the app.
    pub fn sign_in_only(&self, app_key: &str, user_id: &str) {
        self.auth(app_key, "login", json!({ "user": user_id }));
        self.auth(app_key, "deny", json!({}));
    }

    /// The user of the newest code gives up.
    pub fn deny(&self, app_key: &str) {
        self.auth(app_key, "deny", json!({}));
    }

    /// The clock goes on.
    pub fn advance(&self, seconds: i64) {
        self.control(minreq::Method::Post, "/advance", json!({ "seconds": seconds }));
    }

    /// All sessions of a user end.
    pub fn revoke(&self, user_id: &str) {
        self.control(minreq::Method::Post, &format!("/users/{user_id}/logout"), json!({}));
    }

    /// What the phone does: `scan`, `pay`, `cancel`.
    pub fn phone(&self, order_id: &str, does: &str) {
        self.control(minreq::Method::Post, &format!("/orders/{order_id}/{does}"), json!({}));
    }
}

/// Where the daemon's files are, and how to start it.
pub struct TvBox {
    pub dir: PathBuf,
    pub config: PathBuf,
    pub socket: PathBuf,
}

impl TvBox {
    /// A configuration for this sandbox. The journal is in the same directory.
    pub fn new(dir: &Path, sandbox: &Sandbox) -> TvBox {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let apps: Vec<(String, String)> = sandbox.ready["apps"]
            .as_array()
            .unwrap()
            .iter()
            .take(1)
            .map(|app| (text(&app["app_key"]), text(&app["app_secret"])))
            .collect();
        TvBox::with_apps(dir, &text(&sandbox.ready["gateways"]["alitv"]), &apps)
    }

    /// A configuration for any gateway and these keys and secrets.
    pub fn with_apps(dir: &Path, gateway_url: &str, apps: &[(String, String)]) -> TvBox {
        let config = dir.join("alitv-pay.toml");
        let socket = dir.join("alitv-pay.sock");
        let mut text = format!(
            "environment = \"sandbox\"\ngateway = \"alitv\"\nallow_http = true\n\
             journal = {:?}\nsocket = {socket:?}\n\n[alitv]\nurl = {gateway_url:?}\n",
            dir.join("journal"),
        );
        // SAFETY: takes nothing and cannot fail.
        let uid = unsafe { libc::getuid() };
        for (key, secret) in apps {
            text +=
                &format!("\n[[app]]\napp_key = {key:?}\napp_secret = {secret:?}\nuids = [{uid}]\n");
        }
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        TvBox { dir: dir.to_owned(), config, socket }
    }

    /// The daemon's command line, to be run as it is or under another program.
    pub fn daemon_args(&self) -> Vec<String> {
        let daemon = env!("CARGO_BIN_EXE_alitv-payd");
        vec![daemon.into(), "--config".into(), self.config.to_str().unwrap().into()]
    }

    /// Starts the daemon and waits until it answers.
    pub fn start(&self) -> Process {
        self.start_under(&[])
    }

    /// The same under a wrapper such as `strace`; does not wait if there is one.
    pub fn start_under(&self, wrapper: &[&str]) -> Process {
        let args = self.daemon_args();
        let words: Vec<&str> =
            wrapper.iter().copied().chain(args.iter().map(String::as_str)).collect();
        let log =
            fs::OpenOptions::new().create(true).append(true).open(self.dir.join("daemon.log"));
        let mut process =
            Process::spawn(Command::new(words[0]).args(&words[1..]).stderr(log.unwrap()));
        if wrapper.is_empty() {
            until("the daemon's socket", || {
                assert_eq!(process.exit(), None, "the daemon ended: {}", self.log());
                UnixStream::connect(&self.socket).ok()
            });
        }
        process
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("daemon.log")).unwrap_or_default()
    }

    pub fn connect(&self) -> Rpc {
        Rpc::over(until("the daemon", || UnixStream::connect(&self.socket).ok()))
    }
}

/// A client that writes lines and reads lines.
pub struct Rpc {
    write: UnixStream,
    read: BufReader<UnixStream>,
    id: i64,
    /// Events that came before the answers they were read with.
    pub events: Vec<Value>,
}

impl Rpc {
    fn over(stream: UnixStream) -> Rpc {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let read = BufReader::new(stream.try_clone().unwrap());
        Rpc { write: stream, read, id: 0, events: Vec::new() }
    }

    /// Sends a line as it stands.
    pub fn write_line(&mut self, line: &str) {
        self.write.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// The next line, whatever it is.
    pub fn line(&mut self) -> Value {
        let mut line = String::new();
        let n = self.read.read_line(&mut line).expect("the daemon says something in time");
        assert!(n > 0, "the daemon closed the connection");
        serde_json::from_str(&line).unwrap()
    }

    /// The whole answer line.
    pub fn call(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        let request = json!({ "id": self.id, "method": method, "params": params });
        self.write_line(&request.to_string());
        loop {
            let line = self.line();
            match line["method"].is_string() {
                true => self.events.push(line["params"].clone()),
                false => return line,
            }
        }
    }

    /// The result of a call that has to succeed.
    #[track_caller]
    pub fn ok(&mut self, method: &str, params: Value) -> Value {
        let answer = self.call(method, params);
        assert!(answer["error"].is_null(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The next event for which `wanted` holds, also of those that came before an answer.
    pub fn await_event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(at) = self.events.iter().position(&wanted) {
            return self.events.remove(at);
        }
        loop {
            let line = self.line();
            match line["params"].clone() {
                params if wanted(&params) => return params,
                params => self.events.push(params),
            }
        }
    }

    pub fn pay(&mut self, order_id: &str) -> Value {
        self.ok("pay", json!({ "order_id": order_id, "title": "60 gems", "amount_fen": 600 }))
    }

    /// Asks until the order is in one of these states.
    #[track_caller]
    pub fn await_state(&mut self, order_id: &str, states: &[&str]) -> Value {
        until(&format!("order {order_id} to be one of {states:?}"), || {
            let report = self.ok("query", json!({ "order_id": order_id }));
            states.contains(&report["state"].as_str().unwrap()).then_some(report)
        })
    }
}
