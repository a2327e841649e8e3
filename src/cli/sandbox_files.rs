//! Files that a sandbox writes for the programs that are to talk to it. They hold secrets,
//! so they are made with mode 0600, anew.

use std::ffi::OsString;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::exit::{Fail, OTHER};
use crate::sandbox::{App, Running};

/// A configuration of the daemon, with its journal and its socket beside it.
///
/// # Errors
/// The file cannot be written, or its directory has a name that TOML cannot quote.
pub fn for_daemon(path: &Path, running: &Running) -> Result<(), Fail> {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let dir = dir.canonicalize().map_err(|error| not_written(path, &error))?;
    write(path, &daemon_config(&dir, running)?)
}

/// A configuration of the merchant's commands for the first app, and beside it the demo
/// merchant's private key, which is published and worth nothing elsewhere. The private half of
/// another key must be there already.
///
/// # Errors
/// The files cannot be written, or have a name that TOML cannot quote; the app has a key of its
/// own, and its private half is not there.
pub fn for_merchant(path: &Path, running: &Running) -> Result<(), Fail> {
    let name = path.file_name().ok_or_else(|| Fail::usage("no file name", "name a file"))?;
    let mut key_name = OsString::from(name);
    key_name.push(".key.pem");
    let key_path = path.with_file_name(&key_name);
    let app = running.apps.first();
    let app = app.ok_or_else(|| Fail::new(OTHER, "there is no app", "add one to the seed file"))?;
    let config = merchant_config(Path::new(&key_name), app, running)?;
    // The configuration comes last: whoever waits for it may rely on the key.
    if app.is_demo() {
        write(&key_path, App::RSA_PRIVATE_KEY_PEM)?;
    } else if !key_path.exists() {
        let why = format!("app {} has not the demo merchant's public key", app.app_key);
        let next = format!("put the private half of its own at {}", key_path.display());
        return Err(Fail::new(OTHER, why, next));
    }
    write(path, &config)
}

fn quoted(path: &Path) -> Result<String, Fail> {
    let text = path.to_str().filter(|text| !text.contains(['\'', '\n'])).map(str::to_owned);
    text.map(|text| format!("'{text}'")).ok_or_else(|| {
        Fail::usage(format!("{}: not a plain path", path.display()), "choose another name")
    })
}

/// An old file may have other rights, and may be in use: the new one takes its place whole.
fn write(path: &Path, text: &str) -> Result<(), Fail> {
    let fail = |error: std::io::Error| not_written(path, &error);
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(fail(error)),
        _ => {}
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(fail)?;
    file.write_all(text.as_bytes()).map_err(fail)
}

fn not_written(path: &Path, error: &std::io::Error) -> Fail {
    let next = "name a file in a directory you may write to";
    Fail::new(OTHER, format!("{}: {error}", path.display()), next)
}

fn daemon_config(dir: &Path, running: &Running) -> Result<String, Fail> {
    let beside = |name: &str| quoted(&dir.join(name));
    let mut text = format!(
        "environment = \"sandbox\"\n\
         gateway = \"alitv\"\n\
         allow_http = true\n\
         journal = {}\n\
         socket = {}\n\n\
         [alitv]\n\
         url = \"{}\"\n",
        beside("journal")?,
        beside("alitv-pay.sock")?,
        running.gateway_url
    );
    for app in &running.apps {
        text.push_str(&format!(
            "\n[[app]]  # {}\napp_key = \"{}\"\napp_secret = \"{}\"\n",
            app.name, app.app_key, app.app_secret
        ));
    }
    Ok(text)
}

fn merchant_config(key: &Path, app: &App, running: &Running) -> Result<String, Fail> {
    let gift_secret = match app.gift_secret == app.app_secret {
        true => String::new(),
        false => format!("secret = \"{}\"\n", app.gift_secret),
    };
    Ok(format!(
        "environment = \"sandbox\"\n\
         ledger = \"ledger.sqlite\"\n\n\
         [app]  # {}\n\
         app_key = \"{}\"\n\
         app_secret = \"{}\"\n\
         private_key = {}\n\n\
         [top]\n\
         url = \"{}\"\n\
         allow_http = true\n\n\
         [gifts]\n\
         url = \"{}\"\n\
         {gift_secret}\n\
         [notify]\n\
         listen = \"127.0.0.1:3000\"\n\
         url = \"http://127.0.0.1:3000/notify\"\n",
        app.name,
        app.app_key,
        app.app_secret,
        quoted(key)?,
        running.gateway_url,
        running.base_url
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::sandbox::{start, Options};

    #[test]
    fn a_key_and_a_gift_secret_of_ones_own_are_not_overwritten() {
        let seed = "[[app]]\napp_key = \"1\"\nname = \"One\"\ngift_secret = \"g1ft\"\n";
        let seed = Some(crate::sandbox::Seed::parse(seed).unwrap());
        let sandbox = start(Options { seed, ..Options::default() }).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (path, key) = (dir.path().join("m.toml"), dir.path().join("m.toml.key.pem"));
        let refused = for_merchant(&path, &sandbox).unwrap_err();
        assert!(format!("{refused:?}").contains("m.toml.key.pem"), "{refused:?}");
        assert!(!path.exists() && !key.exists());
        std::fs::write(&key, "mine").unwrap();
        for_merchant(&path, &sandbox).unwrap();
        assert_eq!(std::fs::read_to_string(&key).unwrap(), "mine");
        let config = std::fs::read_to_string(&path).unwrap();
        assert!(config.contains("[gifts]\nurl = ") && config.contains("\nsecret = \"g1ft\"\n\n"));
    }

    #[test]
    fn old_files_with_other_rights_give_way() {
        let sandbox = start(Options::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.toml");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        for_merchant(&path, &sandbox).unwrap();
        for name in ["m.toml", "m.toml.key.pem"] {
            let mode = std::fs::metadata(dir.path().join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[cfg(feature = "merchant")]
    #[test]
    fn the_merchants_file_is_one_that_its_commands_take() {
        let sandbox = start(Options::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("m.toml");
        for_merchant(&path, &sandbox).unwrap();
        let config = crate::merchant::config::Config::read(&path).unwrap();
        assert_eq!(config.app.app_key.as_str(), sandbox.apps[0].app_key);
        assert!(config.app.app_secret.matches(sandbox.apps[0].app_secret.as_bytes()));
        assert_eq!(config.app.private_key, dir.path().join("m.toml.key.pem"));
        assert_eq!(config.top.url, sandbox.gateway_url);
        assert_eq!(config.ledger, dir.path().join("ledger.sqlite"));
    }

    #[test]
    fn a_name_that_cannot_be_quoted_is_refused() {
        let sandbox = start(Options::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let fail = for_merchant(&dir.path().join("it's.toml"), &sandbox).unwrap_err();
        assert!(fail.message.contains("plain"), "{fail}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
