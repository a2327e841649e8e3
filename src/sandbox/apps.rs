//! The apps the sandbox knows, made at the start.

use serde::{Deserialize, Serialize};

use super::seed::SeedApp;
use crate::wire::secret::Secret;

/// An app and its credentials. Sandbox secrets open nothing else and are shown to whoever
/// may read the ready file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct App {
    /// Names the app.
    pub app_key: String,
    /// Signs its calls: 32 hexadecimal digits.
    pub app_secret: String,
    /// The merchant's name, as the payer sees it.
    pub name: String,
}

impl App {
    /// Private half of the demo merchant's RSA pair, PKCS#8 PEM. Everybody knows it.
    pub const RSA_PRIVATE_KEY_PEM: &'static str =
        include_str!("demo-keys/public-demo-merchant-private.pem");
    /// Public half, SPKI PEM.
    pub const RSA_PUBLIC_KEY_PEM: &'static str =
        include_str!("demo-keys/public-demo-merchant-public.pem");

    /// The secret as a key. None if a state file holds one that is no secret.
    pub fn secret(&self) -> Option<Secret> {
        Secret::new(self.app_secret.clone()).ok()
    }

    /// The app of a seed, with `secret` if the seed names none.
    pub fn new(seed: &SeedApp, secret: impl FnOnce() -> String) -> App {
        App {
            app_key: seed.app_key.as_str().to_owned(),
            app_secret: seed.app_secret.clone().unwrap_or_else(secret),
            name: seed.name.clone(),
        }
    }
}
