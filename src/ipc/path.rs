//! Where the socket is. Daemon and client agree on it here.

use std::ffi::OsString;
use std::path::PathBuf;

/// Names the socket to both sides, before every other rule.
pub const SOCKET_VARIABLE: &str = "ALITV_PAY_SOCKET";
/// The socket of a daemon that the firmware starts.
pub const SOCKET_SYSTEM: &str = "/run/alitv-pay/alitv-pay.sock";
/// Below `$XDG_RUNTIME_DIR`, for a daemon without root.
const SOCKET_BELOW_RUNTIME_DIR: &str = "alitv-pay/alitv-pay.sock";

/// Where a daemon may be listening, in the order in which a client tries. Never empty.
pub fn candidates(is_root: bool) -> Vec<PathBuf> {
    choose(is_root, std::env::var_os(SOCKET_VARIABLE), std::env::var_os("XDG_RUNTIME_DIR"))
}

/// Where a daemon listens that was told no path: the most private of the candidates.
pub fn default_listen(is_root: bool) -> PathBuf {
    candidates(is_root).pop().unwrap_or_else(|| PathBuf::from(SOCKET_SYSTEM))
}

fn choose(is_root: bool, named: Option<OsString>, runtime: Option<OsString>) -> Vec<PathBuf> {
    if let Some(path) = named.filter(|path| !path.is_empty()) {
        return vec![path.into()];
    }
    let mut paths = vec![PathBuf::from(SOCKET_SYSTEM)];
    let runtime = runtime.map(PathBuf::from).filter(|dir| dir.is_absolute());
    if let (false, Some(dir)) = (is_root, runtime) {
        paths.push(dir.join(SOCKET_BELOW_RUNTIME_DIR));
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(is_root: bool, named: &str, runtime: &str) -> Vec<String> {
        let some = |text: &str| Some(OsString::from(text));
        let paths = choose(is_root, some(named), some(runtime));
        paths.into_iter().map(|path| path.to_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn the_variable_wins_then_the_system_then_the_user() {
        let private = "/run/user/7/alitv-pay/alitv-pay.sock";
        assert_eq!(chosen(false, "/a/b", "/run/user/7"), ["/a/b"]);
        assert_eq!(chosen(false, "", "/run/user/7"), [SOCKET_SYSTEM, private]);
        assert_eq!(chosen(true, "", "/run/user/7"), [SOCKET_SYSTEM]);
        assert_eq!(chosen(false, "", "relative"), [SOCKET_SYSTEM]);
        assert_eq!(choose(false, None, None), [PathBuf::from(SOCKET_SYSTEM)]);
    }
}
