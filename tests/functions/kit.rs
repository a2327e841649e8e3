//! A stage with two apps, and the three ways to call a function.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use serde_json::{json, Value};
use tempfile::TempDir;

use crate::stage::{compile_c, until, Process, Rpc, Sandbox, TvBox};

/// Everything is switched on.
pub const GEMS: &str = "23012345";
/// Everything is switched off.
pub const RACER: &str = "23012346";

/// How a run ended.
#[derive(Debug)]
pub struct Done {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    fn of(command: &mut Command) -> Done {
        let output = command.stdin(Stdio::null()).output().unwrap();
        Done {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    #[track_caller]
    pub fn ends_with(self, exit: i32) -> Done {
        assert_eq!(self.exit, exit, "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }

    /// Every text is somewhere in the output.
    #[track_caller]
    pub fn says(self, texts: &[&str]) -> Done {
        for text in texts {
            let said = self.stdout.contains(text) || self.stderr.contains(text);
            assert!(said, "{text:?} is not in {self:?}");
        }
        self
    }

    /// The last line of stdout as JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        let line = self.stdout.lines().last().unwrap_or_default();
        serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// `tests/c/functions.c`, compiled once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let compiled = PROGRAM.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c/functions.c");
        let program = compile_c(&source, directory.path(), "gnu11");
        (directory, program)
    });
    &compiled.1
}

pub struct Stage {
    pub sandbox: Sandbox,
    pub tv: TvBox,
    pub daemon: Process,
    _dir: TempDir,
}

impl Stage {
    pub fn new() -> Stage {
        Stage::with_secrets(|_, secret| secret)
    }

    /// `change` says which secret the daemon has for an app.
    pub fn with_secrets(change: impl Fn(&str, String) -> String) -> Stage {
        let dir = tempfile::tempdir().unwrap();
        let sandbox = Sandbox::start(dir.path());
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let apps: Vec<(String, String)> = sandbox.ready["apps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|app| (text(&app["app_key"]), text(&app["app_secret"])))
            .map(|(key, secret)| (key.clone(), change(&key, secret)))
            .collect();
        let tv = TvBox::with_apps(dir.path(), &text(&sandbox.ready["gateways"]["alitv"]), &apps);
        let daemon = tv.start();
        Stage { sandbox, tv, daemon, _dir: dir }
    }

    fn c_command(&self, app: &str, words: &[&str]) -> Command {
        let mut command = Command::new(program());
        command.args(words).env("ALITV_PAY_SOCKET", &self.tv.socket).env("APP_KEY", app);
        command
    }

    /// Runs `tests/c/functions.c`.
    pub fn c(&self, words: &[&str]) -> Done {
        self.c_as(GEMS, words)
    }

    pub fn c_as(&self, app: &str, words: &[&str]) -> Done {
        Done::of(&mut self.c_command(app, words))
    }

    /// Starts it, and reads what it says until a line begins with `start`; that line.
    pub fn c_until(&self, words: &[&str], start: &str) -> (Talking, String) {
        let mut command = self.c_command(GEMS, words);
        Talking::until(&mut command, start)
    }

    fn cli_command(&self, app: &str, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_alitv-pay"));
        command.args(words).arg("--socket").arg(&self.tv.socket).args(["--app-key", app]);
        command.env_remove("ALITV_PAY_SOCKET").env("LC_ALL", "C");
        command
    }

    /// Runs `alitv-pay`.
    pub fn cli(&self, words: &[&str]) -> Done {
        self.cli_as(GEMS, words)
    }

    pub fn cli_as(&self, app: &str, words: &[&str]) -> Done {
        Done::of(&mut self.cli_command(app, words))
    }

    pub fn cli_until(&self, words: &[&str], start: &str) -> (Talking, String) {
        let mut command = self.cli_command(GEMS, words);
        Talking::until(&mut command, start)
    }

    /// Runs it in the background, with its output in a file.
    pub fn cli_spawn(&self, words: &[&str]) -> Running {
        let path = self.tv.dir.join("said");
        let mut command = self.cli_command(GEMS, words);
        let command = command.stdout(std::fs::File::create(&path).unwrap());
        Running { _process: Process::spawn(command), path }
    }

    pub fn rpc(&self) -> Socket {
        Socket { rpc: self.tv.connect(), app: GEMS }
    }

    pub fn rpc_as(&self, app: &'static str) -> Socket {
        Socket { rpc: self.tv.connect(), app }
    }

    /// A user of the sandbox signs in and authorises the app.
    pub fn sign_in(&self, user_id: &str) {
        let mut rpc = self.rpc();
        rpc.ok("auth", json!({ "change": true }));
        until("a code to sign in with", || {
            let account = rpc.ok("auth.state", json!({}));
            (account["auth"]["phase"] == "code").then_some(())
        });
        self.sandbox.sign_in(GEMS, user_id);
        until("the user to be authorised", || {
            let account = rpc.ok("auth.state", json!({}));
            let done = account["state"] == "authorised" && account["user_id"] == user_id;
            done.then_some(())
        });
    }
}

/// A program in the background; it ends with this.
pub struct Running {
    _process: Process,
    path: PathBuf,
}

impl Running {
    /// The first line it has said.
    pub fn said(&self) -> Option<String> {
        let text = std::fs::read_to_string(&self.path).unwrap();
        text.split_once('\n').map(|(line, _)| line.to_owned())
    }
}

/// A program that has said something and goes on.
pub struct Talking {
    child: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    said: Vec<String>,
}

impl Talking {
    #[track_caller]
    fn until(command: &mut Command, start: &str) -> (Talking, String) {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut talking = Talking { child, lines, said: Vec::new() };
        let line = talking.next(start);
        (talking, line)
    }

    /// The next line that has this text in it.
    #[track_caller]
    pub fn next(&mut self, text: &str) -> String {
        loop {
            let Some(line) = self.lines.next() else {
                let end = self.child.wait();
                panic!("it ended without saying {text:?}: {end:?} {:?}", self.said);
            };
            let line = line.unwrap();
            self.said.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    pub fn signal(&self, signal: i32) {
        // SAFETY: a signal to our own child, which was not waited for.
        unsafe { libc::kill(self.child.id() as i32, signal) };
    }

    /// Waits for its end.
    pub fn end(mut self) -> Done {
        self.said.extend(self.lines.by_ref().map(Result::unwrap));
        let output = self.child.wait_with_output().unwrap();
        Done {
            exit: output.status.code().unwrap_or(-1),
            stdout: self.said.join("\n"),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The socket, for one app.
pub struct Socket {
    rpc: Rpc,
    app: &'static str,
}

impl Socket {
    fn params(&self, params: Value) -> Value {
        let mut params = params;
        params["app_key"] = self.app.into();
        params
    }

    #[track_caller]
    pub fn ok(&mut self, method: &str, params: Value) -> Value {
        let params = self.params(params);
        self.rpc.ok(method, params)
    }

    /// The error's code and message.
    #[track_caller]
    pub fn error(&mut self, method: &str, params: Value) -> (i64, String) {
        let params = self.params(params);
        let answer = self.rpc.call(method, params);
        let error = &answer["error"];
        let code = error["code"].as_i64().unwrap_or_else(|| panic!("{method}: {answer}"));
        (code, error["message"].as_str().unwrap().to_owned())
    }

    /// Asks again while the gateway has not said which pages there are.
    #[track_caller]
    pub fn ready(&mut self, method: &str, params: Value) -> Value {
        let params = self.params(params);
        until(&format!("{method} to be known"), || {
            let answer = self.rpc.call(method, params.clone());
            (answer["error"]["code"] != -1205).then(|| answer["result"].clone())
        })
    }

    #[track_caller]
    pub fn await_order(&mut self, order_id: &str, state: &str) {
        until(&format!("order {order_id} to be {state}"), || {
            (self.ok("query", json!({ "order_id": order_id }))["state"] == state).then_some(())
        });
    }

    /// The next event for which `wanted` holds; `watch` comes first.
    #[track_caller]
    pub fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        self.rpc.await_event(wanted)
    }
}
