//! The engine in this process, where the library was built with it.

use crate::client::{Client, Options};
use crate::core::code::{Code, Refusal};

/// What the fields for embedded mode say.
#[derive(Default)]
pub struct Plan {
    pub sandbox: bool,
    pub config_path: Option<String>,
    pub app_secret: Option<String>,
    pub gateway_url: Option<String>,
    pub journal_dir: Option<String>,
}

impl Plan {
    /// Fields that describe an engine, with their names.
    pub fn fields(&self) -> [(&'static str, &Option<String>); 4] {
        [
            ("config_path", &self.config_path),
            ("app_secret", &self.app_secret),
            ("gateway_url", &self.gateway_url),
            ("journal_dir", &self.journal_dir),
        ]
    }
}

/// There is none in this library.
pub enum Engine {}

/// Starts the engine, or joins the one that this process has for the same journal.
pub fn open(_plan: Plan, _options: Options) -> Result<(Client, Engine), Refusal> {
    let text = "mode EMBEDDED: this library was built without the engine; use the daemon";
    Err(Refusal::new(Code::INVALID, text))
}
