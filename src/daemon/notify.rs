//! Tells a service manager how far the daemon is (`sd_notify`), without its library.

use std::env;
use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Sends one line such as `READY=1` to `NOTIFY_SOCKET`, if the daemon was started with one.
pub fn tell(state: &str) {
    let Some(address) = env::var_os("NOTIFY_SOCKET") else { return };
    if let Err(error) = send(&address, state) {
        log::warn!("NOTIFY_SOCKET {}: {error}", address.display());
    }
}

fn send(address: &OsStr, state: &str) -> io::Result<()> {
    let address = match address.as_bytes().split_first() {
        Some((b'@', name)) => SocketAddr::from_abstract_name(name)?,
        _ => SocketAddr::from_pathname(address)?,
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to_addr(state.as_bytes(), &address)?;
    Ok(())
}

/// How many sockets a service manager has opened for this very process.
///
/// # Errors
/// Not exactly one, or not a number.
pub fn inherited_sockets() -> Result<bool, String> {
    let read = |name| env::var(name).ok();
    count(read("LISTEN_PID"), read("LISTEN_FDS"), std::process::id())
}

fn count(pid: Option<String>, count: Option<String>, own_pid: u32) -> Result<bool, String> {
    let (Some(pid), Some(count)) = (pid, count) else { return Ok(false) };
    // Meant for a parent: what is open at descriptor 3 is none of our business.
    if pid.parse() != Ok(own_pid) {
        return Ok(false);
    }
    match count.as_str() {
        "1" => Ok(true),
        other => Err(format!("LISTEN_FDS is {other:?}: exactly 1 socket can be taken over")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reaches_a_path_and_an_abstract_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n");
        let by_path = UnixDatagram::bind(&path).unwrap();
        let name = format!("alitv-pay-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let by_name = UnixDatagram::bind_addr(&address).unwrap();
        for (to, socket) in [(path.into_os_string(), by_path), (format!("@{name}").into(), by_name)]
        {
            send(&to, "READY=1").unwrap();
            let mut got = [0; 32];
            let count = socket.recv(&mut got).unwrap();
            assert_eq!(&got[..count], b"READY=1");
        }
        assert!(send(OsStr::new("/nonexistent"), "READY=1").is_err());
    }

    #[test]
    fn sockets_of_somebody_else_are_left_alone() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(count(None, some("1"), 7), Ok(false));
        assert_eq!(count(some("7"), None, 7), Ok(false));
        assert_eq!(count(some("8"), some("1"), 7), Ok(false));
        assert_eq!(count(some("x"), some("1"), 7), Ok(false));
        assert_eq!(count(some("7"), some("1"), 7), Ok(true));
        assert!(count(some("7"), some("2"), 7).unwrap_err().contains("LISTEN_FDS"));
        assert!(count(some("7"), some(""), 7).is_err());
    }
}
