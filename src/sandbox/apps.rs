//! The apps the sandbox knows: two demo apps, made at the start.

use serde::{Deserialize, Serialize};

use super::rng::Rng;
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

    /// The two demo apps, with new secrets.
    pub fn demo(rng: &mut Rng) -> Vec<App> {
        [("23012345", "宝石花园 Gem Garden"), ("23012346", "星际赛车 Star Racer")]
            .into_iter()
            .map(|(app_key, name)| App {
                app_key: app_key.into(),
                app_secret: rng.hex(32),
                name: name.into(),
            })
            .collect()
    }
}
