//! Runs `alitv-pay` with a clean environment.

use std::process::{Command, Output, Stdio};

/// How a run ended.
#[derive(Debug)]
pub struct Done {
    pub exit: i32,
    pub stdout: String,
    pub stderr: String,
}

impl From<Output> for Done {
    fn from(output: Output) -> Done {
        Done {
            exit: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Done {
    /// Every line of stdout as JSON.
    pub fn json(&self) -> Vec<serde_json::Value> {
        let parse = |line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {self:?}"));
        self.stdout.lines().map(parse).collect()
    }

    /// The exit code, after which the outputs can be looked at.
    #[track_caller]
    pub fn ends_with(self, exit: i32) -> Done {
        assert_eq!(self.exit, exit, "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }
}

/// The binary, without anything of the environment that it heeds.
pub fn alitv_pay(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_alitv-pay"));
    command.args(args).stdin(Stdio::null()).env_clear().env("PATH", env!("PATH"));
    command
}

/// Runs it to its end.
pub fn run(args: &[&str]) -> Done {
    alitv_pay(args).output().unwrap().into()
}
