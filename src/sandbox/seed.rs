//! What a sandbox starts with and a reset goes back to: the seed file, in TOML or JSON.

use std::io;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::check::{self, Wrong};
use super::files;
use super::gifts::NewGift;
use super::lottery::Activity;
use super::prize::ProductPrize;
use super::settings::Settings;
use super::users::User;
use crate::core::facts::AppKey;

/// Stands for the public key of the demo merchant that is built in.
pub const DEMO_KEY: &str = "demo";

/// The whole of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seed {
    /// At least one.
    #[serde(alias = "app")]
    pub apps: Vec<SeedApp>,
    /// Who can sign in.
    #[serde(default, alias = "user")]
    pub users: Vec<User>,
    /// Lotteries.
    #[serde(default, alias = "activity")]
    pub activities: Vec<Activity>,
    /// Gifts that are laid out.
    #[serde(default, alias = "gift")]
    pub gifts: Vec<NewGift>,
    /// What paying for a product may win.
    #[serde(default, alias = "prize")]
    pub prizes: Vec<ProductPrize>,
}

/// An app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeedApp {
    /// Names it.
    pub app_key: AppKey,
    /// The merchant's name, as the payer sees it.
    pub name: String,
    /// Signs its calls; made at the start if it is left out.
    #[serde(default)]
    pub app_secret: Option<String>,
    /// Signs its calls about gifts; the app secret if it is left out.
    #[serde(default)]
    pub gift_secret: Option<String>,
    /// The merchant's public RSA key: PEM, one line, or `DEMO_KEY`. None: no key was uploaded.
    #[serde(default)]
    pub public_key: Option<String>,
    /// What is switched on.
    #[serde(default)]
    pub settings: Settings,
}

impl Seed {
    /// The seed that is built in, as text.
    pub const DEFAULT: &'static str = include_str!("seed/default.toml");

    /// Reads the seed in a file.
    ///
    /// # Errors
    /// The file cannot be read, or what `parse` says.
    pub fn read(path: &Path) -> io::Result<Seed> {
        files::read_seed(path)
    }

    /// Reads a seed: JSON if it begins with `{`, else TOML.
    ///
    /// # Errors
    /// The member that is to blame, and why.
    pub fn parse(text: &str) -> Result<Seed, String> {
        let seed: Seed = if text.trim_start().starts_with('{') {
            read(&mut serde_json::Deserializer::from_str(text))?
        } else {
            let reader = toml::de::Deserializer::parse(text).map_err(|error| error.to_string())?;
            read(reader)?
        };
        check::seed(&seed).map_err(|Wrong { field, why }| format!("{field}: {why}"))?;
        Ok(seed)
    }
}

impl Default for Seed {
    fn default() -> Seed {
        Seed::parse(Seed::DEFAULT).expect("a test reads the seed that is built in")
    }
}

/// An error names the member by its path.
fn read<'de, T: DeserializeOwned, D>(from: D) -> Result<T, String>
where
    D: serde::Deserializer<'de>,
    D::Error: std::fmt::Display,
{
    serde_path_to_error::deserialize(from).map_err(|error| {
        let path = error.path().to_string();
        format!("{path}: {}", error.into_inner())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_seed_that_is_built_in_is_good_and_rich() {
        let seed = Seed::parse(Seed::DEFAULT).unwrap();
        assert_eq!(seed, Seed::default());
        assert_eq!(seed.apps.len(), 2);
        let json = serde_json::to_string(&seed).unwrap();
        assert_eq!(Seed::parse(&json).unwrap(), seed);
    }
}
