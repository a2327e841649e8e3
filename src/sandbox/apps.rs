//! The apps the sandbox knows, made at the start.

use serde::{Deserialize, Serialize};

use super::seed::{SeedApp, DEMO_KEY};
use crate::wire::keys::PublicKey;
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
    /// Signs the calls about gifts at the gift gateway.
    pub gift_secret: String,
    /// The merchant's public RSA key as PEM or one line; what is told to the merchant's server
    /// is encrypted with it. None: no key was uploaded.
    pub public_key: Option<String>,
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

    /// The gift secret as a key. None if a state file holds one that is no secret.
    pub fn gift_secret(&self) -> Option<Secret> {
        Secret::new(self.gift_secret.clone()).ok()
    }

    /// The public key. None if there is none, or if a state file holds one that is no key.
    pub fn public_key(&self) -> Option<PublicKey> {
        PublicKey::read(self.public_key.as_deref()?).ok()
    }

    /// Whether the public key is that of the demo merchant.
    pub fn is_demo(&self) -> bool {
        self.public_key.as_deref() == Some(App::RSA_PUBLIC_KEY_PEM)
    }

    /// The app of a seed, with `secret` if the seed names none.
    pub fn new(seed: &SeedApp, secret: impl FnOnce() -> String) -> App {
        let app_secret = seed.app_secret.clone().unwrap_or_else(secret);
        App {
            app_key: seed.app_key.as_str().to_owned(),
            gift_secret: seed.gift_secret.clone().unwrap_or_else(|| app_secret.clone()),
            app_secret,
            name: seed.name.clone(),
            public_key: seed.public_key.as_deref().map(key_text),
        }
    }
}

fn key_text(named: &str) -> String {
    if named == DEMO_KEY {
        return App::RSA_PUBLIC_KEY_PEM.to_owned();
    }
    named.to_owned()
}
