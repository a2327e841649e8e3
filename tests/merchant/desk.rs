//! A merchant: a configuration, a ledger, and the commands that use them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use alitv_pay::core::facts::OrderId;
use alitv_pay::merchant::ledger::{Entry, Ledger};

use crate::run::{alitv_pay, Done};

/// Where a merchant works.
pub struct Desk {
    pub dir: PathBuf,
    pub config: PathBuf,
}

impl Desk {
    /// With an app whose gateway nobody need ask.
    pub fn alone(dir: &Path) -> Desk {
        Desk::with(dir, "http://127.0.0.1:9/router/rest", "23012345", "s3cret")
    }

    pub fn with(dir: &Path, url: &str, app_key: &str, app_secret: &str) -> Desk {
        let config = dir.join("merchant.toml");
        let text = format!(
            "environment = \"sandbox\"\nledger = \"ledger.sqlite\"\n\
             [app]\napp_key = \"{app_key}\"\napp_secret = \"{app_secret}\"\n\
             private_key = \"key.pem\"\n\
             [top]\nurl = \"{url}\"\nallow_http = true\n\
             [notify]\nlisten = \"127.0.0.1:0\"\n"
        );
        private(&config, &text);
        private(&dir.join("key.pem"), alitv_pay::sandbox::App::RSA_PRIVATE_KEY_PEM);
        Desk { dir: dir.to_owned(), config }
    }

    /// A command of this merchant.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = alitv_pay(args);
        command.current_dir(&self.dir).env("ALITV_PAY_MERCHANT", &self.config);
        command
    }

    /// Runs it to its end.
    pub fn run(&self, args: &[&str]) -> Done {
        self.command(args).output().unwrap().into()
    }

    pub fn ledger(&self) -> Ledger {
        Ledger::open(&self.dir.join("ledger.sqlite")).unwrap()
    }

    /// The order, which must be there.
    pub fn entry(&self, order_no: &str) -> Entry {
        self.ledger().find(&OrderId::new(order_no).unwrap()).unwrap().expect(order_no)
    }
}

/// Writes a file that nobody else may read.
pub fn private(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}
