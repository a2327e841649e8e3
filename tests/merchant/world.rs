//! The whole way: the platform (a sandbox), a box (a daemon), and the merchant's commands.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::thread;

use alitv_pay::wire::blocks;
use alitv_pay::wire::keys::PublicKey;
use alitv_pay::wire::notify::{target, Notify};
use alitv_pay::wire::partner::PartnerStatus;
use minreq::Method;
use serde_json::{json, Value};

use crate::desk::Desk;
use crate::stage::{until, Process, Rpc, Sandbox, TvBox, PATIENCE};

/// Notifies come again after 0.12 s, 0.3 s, 0.3 s, 1.8 s, ...
const SCALE: &str = "2000";

pub struct World {
    pub desk: Desk,
    pub sandbox: Sandbox,
    rpc: Rpc,
    _daemon: Process,
    dir: tempfile::TempDir,
}

impl World {
    pub fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let config = dir.path().join("merchant.toml");
        let path = config.to_str().unwrap();
        let options = ["--merchant-config", path, "--notify-scale", SCALE];
        let sandbox = Sandbox::start_with(dir.path(), &options);
        let tv = TvBox::new(dir.path(), &sandbox);
        let daemon = tv.start();
        let rpc = tv.connect();
        let desk = Desk { dir: dir.path().to_owned(), config };
        World { desk, sandbox, rpc, _daemon: daemon, dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// An order as the merchant makes it.
    pub fn add(&self, order_no: &str, fen: &str) {
        let add = ["orders", "add", order_no, "--amount", fen, "--title", "60 gems"];
        self.desk.run(&add).ends_with(0);
    }

    /// The box asks for 600 fen and shows a code.
    pub fn show(&mut self, order_no: &str, notify_url: &str) {
        let pay = json!({
            "order_id": order_no, "title": "60 gems", "amount_fen": 600, "notify_url": notify_url,
        });
        self.rpc.ok("pay", pay);
        self.rpc.await_state(order_no, &["pending", "scanned"]);
    }

    /// The phone pays.
    pub fn pay(&self, order_no: &str) {
        self.sandbox.phone(order_no, "pay");
    }

    /// What the platform did to tell of an order, newest notify first.
    pub fn notifies(&self, order_no: &str) -> Vec<Value> {
        let path = format!("/notifies?order={order_no}");
        let mut answer = self.sandbox.control(Method::Get, &path, json!({}));
        answer["notifies"].as_array_mut().unwrap().drain(..).collect()
    }

    /// Waits until the newest notify of an order is acknowledged.
    pub fn await_ack(&self, order_no: &str) -> Value {
        until("an acknowledged notify", || {
            let notify = self.notifies(order_no).into_iter().next()?;
            (notify["state"] == "acked").then_some(notify)
        })
    }

    /// Sends the newest notify of an order again, and waits until it is acknowledged.
    pub fn resend(&self, order_no: &str) {
        self.sandbox.control(Method::Post, &format!("/orders/{order_no}/resend"), json!({}));
        self.await_ack(order_no);
    }

    /// How often merchants have asked the platform about orders.
    pub fn questions(&self) -> usize {
        self.text("sandbox.log").matches("taobao.tvpay.partner.order.query").count()
    }

    pub fn listen(&self, options: &[&str]) -> Listener {
        Listener::start(self, options)
    }

    /// One that hands out goods with this shell command, `DIR` being the directory.
    pub fn listen_exec(&self, command: &str) -> Listener {
        let command = command.replace("DIR", self.dir.path().to_str().unwrap());
        self.listen(&["--exec", &command])
    }

    /// Waits until a file says so.
    pub fn await_text(&self, name: &str, wanted: &str) {
        until(&format!("{name} to be {wanted:?}"), || (self.text(name) == wanted).then_some(()));
    }
}

/// `alitv-pay notify listen`.
pub struct Listener {
    pub process: Process,
    pub url: String,
    dir: PathBuf,
}

impl Listener {
    fn start(world: &World, options: &[&str]) -> Listener {
        let ready = world.path("listen.json");
        let _ = fs::remove_file(&ready);
        let open = |name: &str| {
            let mut options = fs::OpenOptions::new();
            options.create(true).append(true).open(world.path(name)).unwrap()
        };
        let mut command = world.desk.command(&["notify", "listen", "--port", "0", "--ready-file"]);
        command.arg(&ready).args(options).stdout(open("listen.out")).stderr(open("listen.log"));
        let mut process = Process::spawn(command.stdin(Stdio::null()));
        let ready: Value = until("the listener's ready file", || {
            assert_eq!(process.exit(), None, "{}", world.text("listen.log"));
            serde_json::from_slice(&fs::read(&ready).ok()?).ok()
        });
        let url = ready["url"].as_str().unwrap().to_owned();
        Listener { process, url, dir: world.dir.path().to_owned() }
    }

    pub fn notify_url(&self) -> String {
        format!("{}notify", self.url)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.dir.join("listen.log")).unwrap()
    }

    /// The whole answer to a GET of a path and query.
    pub fn get(&self, target: &str) -> String {
        get(&self.url, target)
    }
}

fn address(url: &str) -> &str {
    url.strip_prefix("http://").unwrap().split('/').next().unwrap()
}

fn get(url: &str, target: &str) -> String {
    let request = format!("GET /{target} HTTP/1.1\r\nHost: h\r\n\r\n");
    send(url, request.as_bytes())
}

fn send(url: &str, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address(url)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What anybody can make who has the merchant's public key.
pub fn forged(order_no: &str) -> String {
    let key = PublicKey::read(alitv_pay::sandbox::App::RSA_PUBLIC_KEY_PEM).unwrap();
    let notify = Notify {
        partner_order_no: order_no.into(),
        alipay_trade_no: "2016062021001004340200666666".into(),
        order_status: PartnerStatus::TradeSuccess,
        buyer_logon_id: "138****6666".into(),
    };
    let data = blocks::encrypt(&key, notify.encode().as_bytes()).unwrap();
    target("notify", &data)
}

/// Stands before a listener and loses the answer to the first request.
pub fn losing_the_first_answer(url: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = format!("http://{}/notify", listener.local_addr().unwrap());
    let upstream = url.to_owned();
    thread::spawn(move || {
        for (n, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
                request.push(byte[0]);
            }
            let answer = send(&upstream, &request);
            if n > 0 {
                stream.write_all(answer.as_bytes()).unwrap();
            }
        }
    });
    own
}
