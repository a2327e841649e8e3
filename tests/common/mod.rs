//! A server in this process, a gateway that does what the test says, and a peer that talks
//! in lines. Everything waits with a generous deadline and nothing sleeps.
#![allow(dead_code)] // Each test file uses a part of it.

mod gateway;

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use alitv_pay::core::engine::Engine;
use alitv_pay::core::facts::AppKey;
use alitv_pay::gateway::{Environment, HttpAnswer, HttpRequest, Transport};
use alitv_pay::ipc::access::{Access, Rule};
use alitv_pay::ipc::control::{Attacher, Stopper};
use alitv_pay::ipc::server::{Parts, Server, Stop};
use alitv_pay::ipc::sys;
use alitv_pay::store::{Disk, Journal, RealDisk, Sizes};
use alitv_pay::wire::secret::Secret;
pub use gateway::FakeGateway;
use serde_json::Value;

/// Nothing on loopback takes this long, however busy the machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Nothing goes out.
pub struct NoTransport;

impl Transport for NoTransport {
    fn send(&self, _: &HttpRequest) -> Result<HttpAnswer, alitv_pay::core::call::Doubt> {
        unreachable!("the fake gateway sends nothing")
    }
}

pub fn app(text: &str) -> AppKey {
    AppKey::new(text).unwrap()
}

pub fn rule(app_key: &str, uids: &[u32], token: Option<&str>) -> Rule {
    let token = token.map(|token| Secret::new(token).unwrap());
    Rule { app_key: app(app_key), uids: uids.to_vec(), token }
}

/// A running server.
pub struct Running {
    pub gateway: Arc<FakeGateway>,
    pub path: PathBuf,
    pub attacher: Attacher,
    stopper: Stopper,
    thread: Option<JoinHandle<Result<(), Stop>>>,
}

/// The owner of the server, as far as the rules go: nobody that a test runs as.
pub const NOBODY: u32 = 65_533;

impl Running {
    /// One app, for whoever runs the test.
    pub fn start(dir: &Path) -> Running {
        let access = Access::new(NOBODY, vec![rule("23012345", &[sys::own_uid()], None)]);
        Running::with_access(dir, access, &["23012345"])
    }

    /// One app, of which everything is known that the gateway says without being asked.
    pub fn start_knowing(dir: &Path, gateway: FakeGateway) -> Running {
        let journal = dir.join("journal");
        std::fs::create_dir_all(&journal).unwrap();
        let access = Access::new(NOBODY, vec![rule("23012345", &[sys::own_uid()], None)]);
        let disk = RealDisk::open(&journal).unwrap();
        let server =
            Running::whole(dir, disk, Sizes::default(), access, &["23012345"], Arc::new(gateway));
        let mut peer = server.connect();
        while peer.ask(r#"{"id":1,"method":"profile"}"#).get("error").is_some() {
            thread::yield_now();
        }
        server
    }

    pub fn with_access(dir: &Path, access: Access, apps: &[&str]) -> Running {
        let journal = dir.join("journal");
        std::fs::create_dir_all(&journal).unwrap();
        Running::on_disk(dir, RealDisk::open(&journal).unwrap(), access, apps)
    }

    pub fn on_disk<D: Disk + Send + 'static>(
        dir: &Path,
        disk: D,
        access: Access,
        apps: &[&str],
    ) -> Running {
        Running::on_disk_sized(dir, disk, Sizes::default(), access, apps)
    }

    pub fn on_disk_sized<D: Disk + Send + 'static>(
        dir: &Path,
        disk: D,
        sizes: Sizes,
        access: Access,
        apps: &[&str],
    ) -> Running {
        Running::whole(dir, disk, sizes, access, apps, Arc::default())
    }

    fn whole<D: Disk + Send + 'static>(
        dir: &Path,
        disk: D,
        sizes: Sizes,
        access: Access,
        apps: &[&str],
        gateway: Arc<FakeGateway>,
    ) -> Running {
        let opened = Journal::open_sized(disk, "sandbox", sizes).unwrap();
        let mut engine = Engine::new(apps.iter().map(|key| app(key)));
        for record in opened.records {
            engine.replay(record).unwrap();
        }
        let path = dir.join("s");
        let _ = std::fs::remove_file(&path);
        let parts = Parts {
            engine,
            journal: opened.journal,
            gateway: gateway.clone(),
            transport: Arc::new(NoTransport),
            access,
            environment: Environment::Sandbox,
            listener: Some(sys::listen(&path).unwrap()),
        };
        let mut server = Server::new(parts).unwrap();
        let (stopper, attacher) = (server.stopper(), server.attacher());
        let thread = Some(thread::spawn(move || server.run()));
        Running { gateway, path, attacher, stopper, thread }
    }

    pub fn connect(&self) -> Peer {
        Peer::new(UnixStream::connect(&self.path).unwrap())
    }

    /// Ends it and says how it ended.
    pub fn stop(mut self) -> Result<(), Stop> {
        self.stopper.stop();
        self.wait()
    }

    /// Waits until it ends by itself.
    pub fn wait(&mut self) -> Result<(), Stop> {
        self.thread.take().unwrap().join().unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stopper.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.gateway.close();
    }
}

/// One end of a connection, in lines.
pub struct Peer {
    pub stream: UnixStream,
    reader: BufReader<UnixStream>,
}

impl Peer {
    pub fn new(stream: UnixStream) -> Peer {
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        let reader = BufReader::new(stream.try_clone().unwrap());
        Peer { stream, reader }
    }

    pub fn send(&mut self, line: &str) {
        self.send_raw(format!("{line}\n").as_bytes());
    }

    pub fn send_raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).unwrap();
    }

    /// The next line, or none at the end.
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.reader.read_line(&mut line) {
            Ok(0) => None,
            Ok(_) => {
                assert!(line.ends_with('\n'), "a line was cut off: {line:?}");
                Some(line.trim_end().to_owned())
            }
            // What the kernel says to a peer whose last line was not read.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            Err(error) => panic!("no line: {error}"),
        }
    }

    pub fn value(&mut self) -> Value {
        let line = self.line().expect("the connection was closed");
        serde_json::from_str(&line).expect(&line)
    }

    /// Sends a request and returns its answer; events in between are passed over.
    pub fn ask(&mut self, line: &str) -> Value {
        self.send(line);
        loop {
            let value = self.value();
            if value.get("method").is_none() {
                return value;
            }
        }
    }

    /// The next event for which `wanted` holds.
    pub fn event(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut value = self.value();
            if value.get("method").is_some() && wanted(&value["params"]) {
                return value["params"].take();
            }
        }
    }

    pub fn end(&mut self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }
}

/// The error code of an answer.
pub fn code(answer: &Value) -> i64 {
    answer["error"]["code"].as_i64().unwrap_or_else(|| panic!("no error: {answer}"))
}

/// Such as `{"id":1,"method":"pay","params":{…}}`.
pub fn pay_line(order_id: &str) -> String {
    format!(
        r#"{{"id":1,"method":"pay","params":{{"order_id":"{order_id}","title":"60 gems","amount_fen":600}}}}"#
    )
}
