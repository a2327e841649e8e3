//! The HTTP side of the notify receiver. One connection carries one request and one of two
//! answers: `success` or `fail`, with the same status, the same headers and at the same time
//! after the request, whatever went wrong: whoever can forge a notify must not learn from the
//! answer how far it came. `answer` is the only place that writes.

mod read;

use std::fmt::Write as _;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{watch, OwnedSemaphorePermit, Semaphore};

use self::read::{read, Unread};
use super::source::Network;
use crate::limits::{
    ACCEPT_PAUSE_MS, NOTIFY_CONNECTIONS_MAX, NOTIFY_DRAIN_MS, NOTIFY_FLOOR_MS, NOTIFY_LINGER_MS,
    NOTIFY_READ_MS, NOTIFY_STRANGERS_MAX, NOTIFY_WORKERS,
};

/// Most of an unread body that is taken in, and thrown away, so that its sender sees the answer.
const LINGER_BYTES_MAX: u64 = 1024 * 1024;

/// A request that was read whole. Nothing in it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// `GET` or `POST`.
    pub method: &'static str,
    /// Path of the URL, as it was sent.
    pub path: String,
    /// What stood behind the `?`, or "".
    pub query: String,
    /// Body of a POST, or "".
    pub form: String,
    /// Who asks: the peer, or whom a trusted proxy names.
    pub source: IpAddr,
}

/// What is made of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// Whether the sender need not come again.
    pub success: bool,
    /// The order it turned out to be about, or "".
    pub order: String,
    /// Why not, or "". For the log only.
    pub why: String,
}

/// Judges a request. Blocks as long as it needs; called on a thread that may.
pub type Judge = Arc<dyn Fn(&Heard) -> Said + Send + Sync>;

/// Takes two lines for each call: what came, and what was answered.
pub type Log = Arc<dyn Fn(&str) + Send + Sync>;

/// How to listen.
#[derive(Clone)]
pub struct Options {
    /// Address and port; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Who may call. Others are answered `fail` by the judge; here they get fewer connections,
    /// so that they cannot keep the platform out.
    pub allow: Vec<Network>,
    /// A proxy whose `X-Forwarded-For` names the source.
    pub trusted_proxy: Option<IpAddr>,
    /// Takes the log.
    pub log: Log,
}

/// A receiver at work on its own threads. Dropping it stops it.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

/// Listens, and comes back when it does.
///
/// # Errors
/// The address is taken, or there are no threads to be had.
pub fn start(options: Options, judge: Judge) -> io::Result<Running> {
    start_with(options, judge, Duration::from_millis(NOTIFY_READ_MS))
}

fn start_with(options: Options, judge: Judge, read_limit: Duration) -> io::Result<Running> {
    let address = options.listen;
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{address}: {e}"));
    let listener = std::net::TcpListener::bind(address).map_err(named)?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let runtime: Runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(NOTIFY_WORKERS)
        .enable_all()
        .build()?;
    let listener = {
        let _inside = runtime.enter();
        TcpListener::from_std(listener)?
    };
    let stop = watch::Sender::new(false);
    let shell = Arc::new(Shell {
        allowed: Arc::new(Semaphore::new(NOTIFY_CONNECTIONS_MAX)),
        strangers: Arc::new(Semaphore::new(NOTIFY_STRANGERS_MAX)),
        workers: Semaphore::new(NOTIFY_WORKERS),
        stop: stop.clone(),
        read_limit,
        options,
        judge,
    });
    let work = move || {
        runtime.block_on(serve(shell, listener));
        runtime.shutdown_timeout(Duration::from_millis(NOTIFY_DRAIN_MS));
    };
    let thread = std::thread::Builder::new().name("notify".into()).spawn(work)?;
    Ok(Running { address, stop, thread: Some(thread) })
}

impl Running {
    /// Ends it: takes no more calls, and answers those that it has.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        let Some(thread) = self.thread.take() else { return };
        self.stop.send_replace(true);
        // A panic of the thread was reported when it happened.
        let _ = thread.join();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

struct Shell {
    allowed: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    workers: Semaphore,
    stop: watch::Sender<bool>,
    read_limit: Duration,
    options: Options,
    judge: Judge,
}

async fn serve(shell: Arc<Shell>, listener: TcpListener) {
    let mut stopping = shell.stop.subscribe();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        match accepted {
            // Without a place it is closed: somebody who knocks that often comes again.
            Ok((stream, peer)) => {
                if let Some(place) = shell.place(peer.ip()) {
                    tokio::spawn(shell.clone().converse(stream, peer.ip(), place));
                }
            }
            // A descriptor may come free; until then there is nothing to do.
            Err(_) => tokio::time::sleep(Duration::from_millis(ACCEPT_PAUSE_MS)).await,
        }
    }
    drop(listener);
    let drain = Duration::from_millis(NOTIFY_DRAIN_MS);
    let _ = tokio::time::timeout(drain, shell.quiet()).await;
}

impl Shell {
    fn place(&self, peer: IpAddr) -> Option<OwnedSemaphorePermit> {
        let is_proxy = self.options.trusted_proxy == Some(peer.to_canonical());
        let known = is_proxy || self.options.allow.iter().any(|network| network.contains(peer));
        let places = if known { &self.allowed } else { &self.strangers };
        places.clone().try_acquire_owned().ok()
    }

    /// Waits until every connection has given its place back.
    async fn quiet(&self) {
        for (places, count) in
            [(&self.allowed, NOTIFY_CONNECTIONS_MAX), (&self.strangers, NOTIFY_STRANGERS_MAX)]
        {
            // Never closed, and a count that fits.
            let _ = places.acquire_many(u32::try_from(count).unwrap_or(u32::MAX)).await;
        }
    }

    async fn converse(
        self: Arc<Shell>,
        mut stream: TcpStream,
        peer: IpAddr,
        _place: OwnedSemaphorePermit,
    ) {
        let read = self.read(&mut stream, peer).await;
        let began = Instant::now();
        let (head, said) = match read {
            Ok(heard) => {
                let head = format!("{} {} {}", heard.method, clean(&heard.path), heard.source);
                (head, self.judge(heard).await)
            }
            Err(why) => (format!("? ? {peer}"), Said::fail(why.0)),
        };
        tokio::time::sleep(until_multiple_of_floor(began.elapsed())).await;
        // What the sender makes of it is told by whether it comes again.
        let _ = answer(&mut stream, said.success).await;
        (self.options.log)(&lines(&head, &said, began.elapsed()));
        linger(&mut stream).await;
    }

    async fn read(&self, stream: &mut TcpStream, peer: IpAddr) -> Result<Heard, Unread> {
        let mut stopping = self.stop.subscribe();
        tokio::select! {
            read = read(stream, peer, self.options.trusted_proxy) => read,
            () = tokio::time::sleep(self.read_limit) => Err(Unread("no whole request in time".into())),
            _ = stopping.wait_for(|stop| *stop) => Err(Unread("the receiver is ending".into())),
        }
    }

    async fn judge(&self, heard: Heard) -> Said {
        // As many wait as there are connections.
        let Ok(_worker) = self.workers.acquire().await else { return Said::fail("no worker") };
        let judge = self.judge.clone();
        let judged = tokio::task::spawn_blocking(move || judge(&heard)).await;
        judged.unwrap_or_else(|_| Said::fail("the judge gave up; its report is above"))
    }
}

impl Said {
    /// `fail`, with the reason for the log.
    pub fn fail(why: impl Into<String>) -> Said {
        Said { success: false, order: String::new(), why: why.into() }
    }
}

/// Answers leave at whole multiples of the floor: even a long question to the platform tells
/// no more than how many of them it took.
fn until_multiple_of_floor(elapsed: Duration) -> Duration {
    let floor = Duration::from_millis(NOTIFY_FLOOR_MS).as_nanos();
    let rest = floor - elapsed.as_nanos() % floor;
    Duration::from_nanos(u64::try_from(rest).unwrap_or(u64::MAX))
}

/// The platform takes the seven bytes `success` for delivered and all else for not.
async fn answer(stream: &mut TcpStream, success: bool) -> io::Result<()> {
    let body = if success { "success" } else { "fail" };
    let answer = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let limit = Duration::from_millis(NOTIFY_LINGER_MS);
    tokio::time::timeout(limit, stream.write_all(answer.as_bytes())).await??;
    stream.shutdown().await
}

/// Takes in what is still coming: a connection that is closed before that is reset, and its
/// peer may lose the answer.
async fn linger(stream: &mut TcpStream) {
    let mut rest = stream.take(LINGER_BYTES_MAX);
    let limit = Duration::from_millis(NOTIFY_LINGER_MS);
    let _ = tokio::time::timeout(limit, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
}

/// In the format of Stripe's command line.
fn lines(head: &str, said: &Said, took: Duration) -> String {
    let mut lines = format!("--> {head}");
    if !said.order.is_empty() {
        // Writing to a String cannot fail.
        let _ = write!(lines, " {}", clean(&said.order));
    }
    let word = if said.success { "success" } else { "fail" };
    let _ = write!(lines, "\n<-- [200] {word} {}ms", took.as_millis());
    if !said.why.is_empty() {
        let _ = write!(lines, ": {}", clean(&said.why));
    }
    lines
}

/// The log goes to a terminal, and a line of it must stay one.
fn clean(text: &str) -> String {
    const CHARS_MAX: usize = 200;
    let printable = |c: char| if c.is_control() { '?' } else { c };
    text.chars().take(CHARS_MAX).map(printable).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::io::{Read, Write};
    use std::net::{Shutdown, TcpStream as Peer};
    use std::sync::Mutex;

    const NOTHING: &str = "GET / HTTP/1.1\r\n\r\n";

    struct Ear {
        running: Running,
        heard: Arc<Mutex<Vec<Heard>>>,
        log: Arc<Mutex<Vec<String>>>,
    }

    /// One that says `success` to `data=good` and `fail` to all else.
    fn ear(trusted_proxy: Option<IpAddr>) -> Ear {
        let heard: Arc<Mutex<Vec<Heard>>> = Arc::default();
        let log: Arc<Mutex<Vec<String>>> = Arc::default();
        let (ours, lines) = (heard.clone(), log.clone());
        let options = Options {
            listen: SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 0),
            allow: Network::LOOPBACK.to_vec(),
            trusted_proxy,
            log: Arc::new(move |line| lines.lock().unwrap().push(line.to_owned())),
        };
        let judge = move |call: &Heard| {
            ours.lock().unwrap().push(call.clone());
            let success = call.query == "data=good" || call.form == "data=good";
            Said { success, order: "T1".into(), why: String::new() }
        };
        let read_limit = Duration::from_secs(2);
        Ear { running: start_with(options, Arc::new(judge), read_limit).unwrap(), heard, log }
    }

    impl Ear {
        fn connect(&self) -> Peer {
            let peer = Peer::connect(self.running.address).unwrap();
            peer.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
            peer
        }

        /// The whole answer to what is sent.
        fn answer(&self, request: &[u8]) -> String {
            let mut peer = self.connect();
            // It may be answered before all of it was taken in.
            let _ = peer.write_all(request);
            let mut answer = Vec::new();
            let _ = peer.read_to_end(&mut answer);
            String::from_utf8(answer).unwrap()
        }
    }

    fn post(body: &str) -> String {
        format!("POST /notify HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn success_is_seven_bytes() {
        let ear = ear(None);
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n\
                       4\r\ndata\r\n5\r\n=good\r\n0\r\n\r\n";
        for request in [
            "GET /any/path?data=good HTTP/1.1\r\nHost: h\r\n\r\n",
            "GET /?data=good HTTP/1.0\r\n\r\n",
            &post("data=good"),
            chunked,
        ] {
            let answer = ear.answer(request.as_bytes());
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert_eq!(body, "success", "{request}");
            assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
            assert!(head.contains("\r\nContent-Length: 7\r\n"), "{head}");
        }
        let log = ear.log.lock().unwrap().join("\n");
        assert!(log.starts_with("--> GET /any/path 127.0.0.1 T1\n<-- [200] success "), "{log}");
    }

    #[test]
    fn a_sender_that_waits_to_be_asked_for_the_body_is_asked() {
        let ear = ear(None);
        let mut peer = ear.connect();
        peer.write_all(b"POST / HTTP/1.1\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n")
            .unwrap();
        let mut go_on = [0; 25];
        peer.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
        peer.write_all(b"data=good").unwrap();
        let mut answer = String::new();
        peer.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("\r\n\r\nsuccess"), "{answer}");
    }

    #[test]
    fn whatever_is_no_notify_gets_the_same_answer() {
        let ear = ear(None);
        let wanted = ear.answer(NOTHING.as_bytes());
        assert!(
            wanted.ends_with(
                "Content-Length: 4\r\nCache-Control: no-store\r\n\
                                  Connection: close\r\n\r\nfail"
            ),
            "{wanted}"
        );
        let headers: String = (0..1_000).map(|n| format!("X-{n}: y\r\n")).collect();
        let long = "x".repeat(crate::limits::NOTIFY_HEAD_BYTES_MAX);
        let requests = [
            "HEAD /?data=good HTTP/1.1\r\n\r\n".to_owned(),
            "PUT /?data=good HTTP/1.1\r\nContent-Length: 9\r\n\r\ndata=good".to_owned(),
            "OPTIONS * HTTP/1.1\r\n\r\n".to_owned(),
            format!("GET /?data=good HTTP/1.1\r\n{headers}\r\n"),
            format!("GET /?data={long} HTTP/1.1\r\n\r\n"),
            format!("GET / HTTP/1.1\r\nX: {long}\r\n\r\n"),
            post(&format!("data={}", "x".repeat(1_000_000))),
            post("data=bad"),
            post(""),
            "POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n\u{e9}".to_owned(),
            "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(),
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_owned(),
            "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n".to_owned(),
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
            "\u{16}\u{3}\u{1}".repeat(100),
            "\r\n\r\n\r\n\0".to_owned(),
        ];
        std::thread::scope(|scope| {
            for request in &requests {
                let (ear, wanted) = (&ear, &wanted);
                scope.spawn(move || {
                    let short: String = request.chars().take(80).collect();
                    assert_eq!(&ear.answer(request.as_bytes()), wanted, "{short:?}");
                });
            }
        });
    }

    #[test]
    fn one_who_sends_half_and_leaves_or_goes_silent_gets_it_too() {
        let ear = ear(None);
        let wanted = ear.answer(NOTHING.as_bytes());
        for half in ["", "GET /?da", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\ndata"] {
            let mut peer = ear.connect();
            peer.write_all(half.as_bytes()).unwrap();
            peer.shutdown(Shutdown::Write).unwrap();
            let mut answer = String::new();
            peer.read_to_string(&mut answer).unwrap();
            assert_eq!(answer, wanted, "{half:?}");
        }
        let mut silent = ear.connect();
        silent.write_all(b"GET /?data=good HTTP/1.1\r\nX: ").unwrap();
        let mut answer = String::new();
        silent.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, wanted);
        assert_eq!(ear.heard.lock().unwrap().len(), 1, "nothing else was a request");
    }

    #[test]
    fn a_second_request_on_a_connection_is_not_read() {
        let ear = ear(None);
        let twice = format!("{}{}", post("data=good"), post("data=good"));
        let answer = ear.answer(twice.as_bytes());
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert_eq!(ear.heard.lock().unwrap().len(), 1);
    }

    #[test]
    fn strangers_cannot_take_the_places_of_the_platform() {
        let shell = Shell {
            allowed: Arc::new(Semaphore::new(2)),
            strangers: Arc::new(Semaphore::new(1)),
            workers: Semaphore::new(1),
            stop: watch::Sender::new(false),
            read_limit: Duration::ZERO,
            options: Options {
                listen: SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 0),
                allow: vec!["192.0.2.0/24".parse().unwrap()],
                trusted_proxy: Some("10.9.9.9".parse().unwrap()),
                log: Arc::new(|_| {}),
            },
            judge: Arc::new(|_| Said::fail("")),
        };
        let place = |address: &str| shell.place(address.parse().unwrap());
        let _one = place("203.0.113.1").unwrap();
        assert!(place("203.0.113.2").is_none(), "strangers share one place");
        let _two = place("192.0.2.1").unwrap();
        let _three = place("10.9.9.9").unwrap();
        assert!(place("192.0.2.2").is_none());
    }

    #[test]
    fn the_end_answers_who_is_being_judged() {
        let ear = ear(None);
        let mut peer = ear.connect();
        peer.write_all(post("data=good").as_bytes()).unwrap();
        while ear.heard.lock().unwrap().is_empty() {
            std::thread::yield_now();
        }
        let Ear { running, .. } = ear;
        running.stop();
        let mut answer = String::new();
        peer.read_to_string(&mut answer).unwrap();
        assert!(answer.ends_with("success"), "{answer}");
    }

    #[test]
    fn a_trusted_proxy_names_the_source() {
        let named = |proxy: Option<IpAddr>| {
            let ear = ear(proxy);
            ear.answer(b"GET / HTTP/1.1\r\nX-Forwarded-For: 10.0.0.7\r\n\r\n");
            let heard = ear.heard.lock().unwrap();
            heard[0].source.to_string()
        };
        assert_eq!(named(None), "127.0.0.1");
        assert_eq!(named(Some(IpAddr::from([127, 0, 0, 1]))), "10.0.0.7");
    }

    #[test]
    fn an_answer_leaves_at_a_multiple_of_the_floor() {
        let floor = Duration::from_millis(NOTIFY_FLOOR_MS);
        for took in [0, 1, 3, 499, 500, 501, 1_700].map(Duration::from_millis) {
            let whole = (took + until_multiple_of_floor(took)).as_nanos();
            assert_eq!(whole % floor.as_nanos(), 0, "{took:?}");
            assert!(whole > took.as_nanos() && until_multiple_of_floor(took) <= floor, "{took:?}");
        }
    }

    #[test]
    fn a_call_is_two_lines_whatever_was_sent() {
        let said = Said { success: false, order: "T1\n".into(), why: "a\r\n\u{1b}[2J".into() };
        let lines = lines("GET /notify 127.0.0.1", &said, Duration::from_millis(3));
        assert_eq!(lines, "--> GET /notify 127.0.0.1 T1?\n<-- [200] fail 3ms: a???[2J");
    }
}
