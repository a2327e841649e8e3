//! Hands out what the ledger's outbox holds. At least once, and each time under the same
//! grant id: whoever is killed between the goods and the ledger cannot know whether they were
//! handed out, so they are handed out again. The receiver of the goods stores the id with them
//! and passes over one that is there.

mod exec;

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{sync_channel, Receiver, RecvTimeoutError, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

use super::ledger::{Grant, GrantId, Ledger};
use super::top::now_ms;
use crate::core::facts::OrderId;
use crate::gateway::http::{fetch, Fetch};
use crate::gateway::{Environment, HttpMethod};
use crate::limits::{
    DELIVER_ANSWER_BYTES_MAX, DELIVER_BACKOFF_MS_MAX, DELIVER_BACKOFF_MS_MIN, DELIVER_DEADLINE_S,
    DELIVER_PASS_MAX, DELIVER_POLL_MS, DELIVER_WORKERS, HTTP_DEADLINE_S,
};
use crate::money::Fen;
use crate::store::try_lock;

/// Takes a line of JSON. When it returns without an error, the reader has it.
pub type Lines = Box<dyn Fn(&str) -> io::Result<()> + Send + Sync>;

/// Takes a line for people.
pub type Log = Box<dyn Fn(&str) + Send + Sync>;

/// Who takes the goods.
pub enum Target {
    /// A shell command, run with `sh -c` for each grant: the grant as JSON on its standard
    /// input and as variables `ALITV_…` in its environment. Exit status 0 within
    /// `DELIVER_DEADLINE_S` is delivered.
    Exec(String),
    /// A URL that the grant is posted to as JSON, with its id in `Idempotency-Key`. Any status
    /// of 200 to 299 is delivered.
    Forward(String),
    /// Somebody who reads lines.
    Lines(Lines),
}

/// Paid goods, as whoever hands them out sees them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Goods {
    /// The same each time the goods come.
    pub grant_id: GrantId,
    /// The merchant's order number.
    pub order_no: OrderId,
    /// What was paid.
    pub amount_fen: Fen,
    /// What was bought.
    pub subject: String,
    /// Product id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// Alipay's number of the trade.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trade_no: Option<String>,
    /// Masked account of the payer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub buyer_logon_id: Option<String>,
    /// First order of the subscription that this is a later charge of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ref_order_no: Option<OrderId>,
    /// Number of that charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u32>,
    /// When we learned that it was paid, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_ms: Option<i64>,
    /// Whether the money was real.
    pub environment: Environment,
    /// 1 for the first time. A higher number says that it failed before, and not that it did
    /// nothing.
    pub attempt: u32,
}

impl Goods {
    fn of(grant: Grant, environment: Environment) -> Goods {
        let Grant { grant_id, entry, tries } = grant;
        Goods {
            grant_id,
            order_no: entry.order_no,
            amount_fen: entry.price_fen,
            subject: entry.subject,
            subject_id: entry.subject_id,
            trade_no: entry.trade_no,
            buyer_logon_id: entry.buyer_logon_id,
            seq: entry.charge.as_ref().map(|charge| charge.seq),
            ref_order_no: entry.charge.map(|charge| charge.ref_order_no),
            paid_ms: entry.paid_ms,
            environment,
            attempt: tries.saturating_add(1),
        }
    }
}

/// Hands out the goods of one ledger. Share it between threads.
pub struct Deliverer {
    ledger: Arc<Ledger>,
    lock_file: PathBuf,
    environment: Environment,
    target: Target,
    log: Log,
    bell: SyncSender<()>,
    rung: Mutex<Receiver<()>>,
    stopping: AtomicBool,
    delivered: AtomicU64,
}

impl Deliverer {
    /// Hands out what is in the ledger at `path`, of which `ledger` is an open one.
    pub fn new(
        ledger: Arc<Ledger>,
        path: &Path,
        environment: Environment,
        target: Target,
        log: Log,
    ) -> Deliverer {
        let (bell, rung) = sync_channel(1);
        let mut lock_file = path.as_os_str().to_owned();
        lock_file.push(".deliver");
        Deliverer {
            ledger,
            lock_file: lock_file.into(),
            environment,
            target,
            log,
            bell,
            rung: Mutex::new(rung),
            stopping: AtomicBool::new(false),
            delivered: AtomicU64::new(0),
        }
    }

    /// Says that there may be goods now.
    pub fn ring(&self) {
        // One that nobody has heard yet says the same.
        let _ = self.bell.try_send(());
    }

    /// Makes `run` come back, after what it is doing.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        self.ring();
    }

    /// How many were delivered since the start.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Acquire)
    }

    /// Hands out until `stop`. Of several processes with one ledger, one does; the others wait
    /// until it ends.
    ///
    /// # Errors
    /// The lock file cannot be used, or nobody reads the lines any more.
    pub fn run(&self) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let lock = options.open(&self.lock_file).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.lock_file.display()))
        })?;
        let mut said = false;
        while !try_lock(&lock)? {
            if !std::mem::replace(&mut said, true) {
                (self.log)("another process hands out the goods of this ledger; waiting for it");
            }
            if self.wait() {
                return Ok(());
            }
        }
        loop {
            let whole = self.pass(now_ms())? < DELIVER_PASS_MAX;
            if self.stopping.load(Ordering::Acquire) || (whole && self.wait()) {
                return Ok(());
            }
        }
    }

    /// Waits until the bell rings or some time has passed. True: stop.
    fn wait(&self) -> bool {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        match rung.recv_timeout(Duration::from_millis(DELIVER_POLL_MS)) {
            Ok(()) | Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
        self.stopping.load(Ordering::Acquire)
    }

    /// Hands out what is due, `DELIVER_WORKERS` at a time, and comes back when all of it was
    /// tried once. How many were tried. What fails waits, longer each time.
    ///
    /// # Errors
    /// Nobody reads the lines any more.
    pub fn pass(&self, now_ms: i64) -> io::Result<usize> {
        let due = match self.ledger.due_grants(now_ms, DELIVER_PASS_MAX) {
            Ok(due) => due,
            Err(error) => {
                (self.log)(&format!("goods: {error}"));
                return Ok(0);
            }
        };
        let goods: Vec<Goods> =
            due.into_iter().map(|grant| Goods::of(grant, self.environment)).collect();
        if let Target::Lines(lines) = &self.target {
            for goods in &goods {
                lines(&json(goods))?;
                self.done(goods, Ok(()));
            }
            return Ok(goods.len());
        }
        for some in goods.chunks(DELIVER_WORKERS) {
            if self.stopping.load(Ordering::Acquire) {
                break;
            }
            std::thread::scope(|scope| {
                for goods in some {
                    scope.spawn(|| self.done(goods, self.hand_out(goods)));
                }
            });
        }
        Ok(goods.len())
    }

    fn hand_out(&self, goods: &Goods) -> Result<(), String> {
        match &self.target {
            Target::Exec(command) => {
                exec::run(command, goods, Duration::from_secs(DELIVER_DEADLINE_S))
            }
            Target::Forward(url) => forward(url, goods),
            Target::Lines(lines) => lines(&json(goods)).map_err(|error| error.to_string()),
        }
    }

    /// Writes down how it went. What cannot be written down comes again.
    fn done(&self, goods: &Goods, how: Result<(), String>) {
        let now_ms = now_ms();
        let written = match &how {
            Ok(()) => self.ledger.delivered(&goods.grant_id, now_ms).map(|_| ()),
            Err(why) => {
                let until_ms = now_ms.saturating_add(backoff_ms(goods.attempt));
                self.ledger.postpone(&goods.grant_id, until_ms, why)
            }
        };
        let what = match &how {
            Ok(()) => format!("{} delivered", goods.grant_id),
            Err(why) => {
                format!("{} not delivered, attempt {}: {why}", goods.grant_id, goods.attempt)
            }
        };
        (self.log)(&what);
        match written {
            Ok(()) if how.is_ok() => {
                self.delivered.fetch_add(1, Ordering::AcqRel);
            }
            Ok(()) => {}
            Err(error) => (self.log)(&format!("{} comes again: {error}", goods.grant_id)),
        }
    }
}

/// Wait after so many attempts.
fn backoff_ms(attempts: u32) -> i64 {
    let doublings = attempts.saturating_sub(1).min(32);
    (DELIVER_BACKOFF_MS_MIN << doublings).min(DELIVER_BACKOFF_MS_MAX)
}

fn json(goods: &Goods) -> String {
    serde_json::to_string(goods).expect("texts and numbers are JSON")
}

fn forward(url: &str, goods: &Goods) -> Result<(), String> {
    let request = Fetch {
        method: HttpMethod::Post,
        url: url.to_owned(),
        content_type: Some("application/json"),
        body: json(goods),
        idempotency_key: Some(goods.grant_id.to_string()),
        body_bytes_max: DELIVER_ANSWER_BYTES_MAX,
        deadline_s: HTTP_DEADLINE_S,
    };
    match fetch(&request) {
        Ok(answer) if (200..300).contains(&answer.status) => Ok(()),
        Ok(answer) => Err(format!("HTTP status {}", answer.status)),
        Err(doubt) => Err(doubt.detail),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;

    use super::*;
    use crate::merchant::ledger::{GrantState, NewOrder};
    use crate::wire::partner::{PartnerOrder, PartnerStatus};

    struct Shop {
        dir: tempfile::TempDir,
        ledger: Arc<Ledger>,
        log: Arc<Mutex<Vec<String>>>,
    }

    impl Shop {
        fn new(order_nos: &[&str]) -> Shop {
            let dir = tempfile::tempdir().unwrap();
            let ledger = Arc::new(Ledger::open(&dir.path().join("ledger.sqlite")).unwrap());
            let shop = Shop { dir, ledger, log: Arc::default() };
            order_nos.iter().for_each(|no| shop.sell(no));
            shop
        }

        fn sell(&self, order_no: &str) {
            let order = NewOrder {
                order_no: OrderId::new(order_no).unwrap(),
                price_fen: Fen::new(600).unwrap(),
                subject: "60 $(gems) '\"宝石".into(),
                subject_id: None,
                plan: None,
                charge: None,
            };
            self.ledger.register(&order, 1).unwrap();
            let answer = PartnerOrder {
                partner_order_no: order_no.into(),
                alipay_trade_no: "2016062021001004340200123456".into(),
                order_status: PartnerStatus::TradeSuccess,
                price: order.price_fen,
                subject: order.subject.clone(),
                subject_id: String::new(),
                buyer_logon_id: "138\0****0000".into(),
            };
            self.ledger.settle(&order.order_no, &answer, 2).unwrap();
        }

        fn deliverer(&self, target: Target) -> Deliverer {
            let log = self.log.clone();
            Deliverer::new(
                self.ledger.clone(),
                &self.dir.path().join("ledger.sqlite"),
                Environment::Sandbox,
                target,
                Box::new(move |line| log.lock().unwrap().push(line.to_owned())),
            )
        }

        fn exec(&self, command: &str) -> Deliverer {
            let command = command.replace("DIR", self.dir.path().to_str().unwrap());
            self.deliverer(Target::Exec(command))
        }

        fn text(&self, name: &str) -> String {
            std::fs::read_to_string(self.dir.path().join(name)).unwrap()
        }

        fn grant(&self, order_no: &str) -> GrantState {
            self.ledger.find(&OrderId::new(order_no).unwrap()).unwrap().unwrap().grant.unwrap()
        }
    }

    #[test]
    fn a_command_gets_the_goods_as_json_and_as_variables_and_nothing_in_its_text() {
        let shop = Shop::new(&["T1"]);
        let command = "cat > DIR/json; printf '%s|%s|%s|%s|%s|%s' \"$ALITV_GRANT_ID\" \
            \"$ALITV_ORDER_NO\" \"$ALITV_AMOUNT_FEN\" \"$ALITV_SUBJECT\" \"$ALITV_ATTEMPT\" \
            \"$ALITV_BUYER_LOGON_ID\" > DIR/env; test -z \"${ALITV_SEQ+x}\"";
        assert_eq!(shop.exec(command).pass(now_ms()).unwrap(), 1);
        assert_eq!(shop.text("env"), "grant-T1|T1|600|60 $(gems) '\"宝石|1|138****0000");
        let json: serde_json::Value = serde_json::from_str(&shop.text("json")).unwrap();
        assert_eq!(json["grant_id"], "grant-T1");
        assert_eq!(json["amount_fen"], 600);
        assert_eq!(json["subject"], "60 $(gems) '\"宝石");
        assert_eq!(json["environment"], "sandbox");
        assert!(json.get("seq").is_none());
        assert!(matches!(shop.grant("T1"), GrantState::Delivered { .. }));
    }

    #[test]
    fn a_command_that_fails_is_run_again_under_the_same_id_after_a_wait() {
        let shop = Shop::new(&["T1"]);
        let deliverer = shop.exec("echo $ALITV_GRANT_ID $ALITV_ATTEMPT >> DIR/ids; exit 3");
        let mut now = now_ms();
        for tries in 1..=3 {
            assert_eq!(deliverer.pass(now).unwrap(), 1);
            let GrantState::Due { tries: found, due_ms } = shop.grant("T1") else { panic!() };
            assert_eq!(found, tries);
            assert!(due_ms > now);
            assert_eq!(deliverer.pass(due_ms - 1).unwrap(), 0, "not before its time");
            now = due_ms;
        }
        assert_eq!(shop.text("ids"), "grant-T1 1\ngrant-T1 2\ngrant-T1 3\n");
        let entry = shop.ledger.find(&OrderId::new("T1").unwrap()).unwrap().unwrap();
        assert_eq!(entry.why.unwrap(), "the command ended with exit status: 3");
        assert_eq!(deliverer.delivered(), 0);
        assert_eq!(shop.exec("exit 0").pass(now).unwrap(), 1);
        assert!(matches!(shop.grant("T1"), GrantState::Delivered { .. }));
    }

    #[test]
    fn waits_grow_up_to_a_bound() {
        assert_eq!([1, 2, 3].map(backoff_ms), [1_000, 2_000, 4_000]);
        assert_eq!([11, 40, u32::MAX].map(backoff_ms), [DELIVER_BACKOFF_MS_MAX; 3]);
    }

    #[test]
    fn one_order_that_fails_holds_up_no_other() {
        let shop = Shop::new(&["T1", "T2", "T3", "T4", "T5", "T6"]);
        let deliverer = shop.exec("test $ALITV_ORDER_NO != T1");
        assert_eq!(deliverer.pass(now_ms()).unwrap(), 6);
        assert_eq!(deliverer.delivered(), 5);
        assert!(matches!(shop.grant("T1"), GrantState::Due { .. }));
    }

    #[test]
    fn lines_are_delivered_when_they_are_written_and_not_otherwise() {
        let shop = Shop::new(&["T1", "T2"]);
        let written = Arc::new(Mutex::new(Vec::new()));
        let lines = written.clone();
        let target = Target::Lines(Box::new(move |line| {
            let mut lines = lines.lock().unwrap();
            if lines.len() == 1 {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            lines.push(line.to_owned());
            Ok(())
        }));
        assert!(shop.deliverer(target).pass(now_ms()).is_err());
        assert!(written.lock().unwrap()[0].starts_with(r#"{"grant_id":"grant-T1""#));
        assert!(matches!(shop.grant("T1"), GrantState::Delivered { .. }));
        assert!(matches!(shop.grant("T2"), GrantState::Due { tries: 0, .. }));
    }

    /// Answers one request after the other with these statuses; says what came.
    fn server(statuses: &'static [u16]) -> (String, std::thread::JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/goods", listener.local_addr().unwrap());
        let serve = move |status: &u16| {
            let (stream, _) = listener.accept().unwrap();
            let mut reader = BufReader::new(&stream);
            let mut head = String::new();
            while !head.ends_with("\r\n\r\n") {
                reader.read_line(&mut head).unwrap();
            }
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1).unwrap();
            let mut body = vec![0; length.split("\r\n").next().unwrap().parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
            (&stream).write_all(answer.as_bytes()).unwrap();
            head + &String::from_utf8(body).unwrap()
        };
        (url, std::thread::spawn(move || statuses.iter().map(serve).collect()))
    }

    #[test]
    fn a_server_gets_the_id_as_idempotency_key_and_any_2xx_is_delivered() {
        let shop = Shop::new(&["T1"]);
        let (url, server) = server(&[500, 302, 404, 204]);
        let deliverer = shop.deliverer(Target::Forward(url));
        let mut now = now_ms();
        for _ in 0..3 {
            deliverer.pass(now).unwrap();
            let GrantState::Due { due_ms, .. } = shop.grant("T1") else { panic!() };
            now = due_ms;
        }
        deliverer.pass(now).unwrap();
        assert!(matches!(shop.grant("T1"), GrantState::Delivered { .. }));
        for request in server.join().unwrap() {
            assert!(request.starts_with("POST /goods HTTP/1.1\r\n"), "{request}");
            assert!(request.contains("\r\nIdempotency-Key: grant-T1\r\n"), "{request}");
            assert!(request.contains("\r\nContent-Type: application/json\r\n"), "{request}");
            assert!(request.contains(r#"{"grant_id":"grant-T1","order_no":"T1""#), "{request}");
        }
    }

    #[test]
    fn one_process_hands_out_and_another_waits_until_it_ends() {
        let shop = Shop::new(&[]);
        let first = Arc::new(shop.exec("true"));
        let second = Arc::new(shop.exec("false"));
        let run = |deliverer: &Arc<Deliverer>| {
            let deliverer = deliverer.clone();
            std::thread::spawn(move || deliverer.run().unwrap())
        };
        let running = run(&first);
        shop.sell("T1");
        first.ring();
        while first.delivered() == 0 {
            std::thread::yield_now();
        }
        let waiting = run(&second);
        while !shop.log.lock().unwrap().iter().any(|line| line.contains("another process")) {
            std::thread::yield_now();
        }
        shop.sell("T2");
        first.ring();
        while first.delivered() == 1 {
            std::thread::yield_now();
        }
        first.stop();
        running.join().unwrap();
        shop.sell("T3");
        while matches!(shop.grant("T3"), GrantState::Due { tries: 0, .. }) {
            second.ring();
            std::thread::yield_now();
        }
        second.stop();
        waiting.join().unwrap();
    }
}
