//! A payment engine that does what a test tells it: real socket, real protocol, orders in a
//! table, no gateway and no timers.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{json, Value};

/// How the engine behaves; change it at any time.
#[derive(Clone, Debug, Default)]
pub struct Manners {
    /// `hello` is answered with this error.
    pub refuse_hello: Option<(i32, &'static str)>,
    /// Requests of this method are read and the connection is closed without an answer.
    pub die_on: Option<&'static str>,
    /// Requests of this method get this error.
    pub refuse: Option<(&'static str, i32, &'static str)>,
    /// Sent as it is instead of the answer to `watch`.
    pub garbage: Option<&'static str>,
    /// A new order is shown and paid at once.
    pub pays_at_once: bool,
    /// Requests of this method are answered when `release` says so.
    pub hold: Option<&'static str>,
    /// What further methods answer.
    pub results: BTreeMap<&'static str, Value>,
    /// Members of the answer to `watch` beside the orders: `apps`, `draws`, `gifts`, `more`.
    pub snapshot: BTreeMap<&'static str, Value>,
}

#[derive(Default)]
struct Table {
    manners: Manners,
    orders: BTreeMap<String, Value>,
    sessions: Vec<UnixStream>,
    /// Requests that were held back: whose they are, and their ids.
    held: Vec<(UnixStream, Value)>,
    /// Every request line that came, as `method` and `params`.
    seen: Vec<(String, Value)>,
    stopped: bool,
}

pub struct Fake {
    pub path: PathBuf,
    table: Arc<Mutex<Table>>,
    listener: Option<JoinHandle<()>>,
}

impl Fake {
    pub fn start(directory: &Path) -> Fake {
        Fake::start_with(directory, Manners::default())
    }

    pub fn start_with(directory: &Path, manners: Manners) -> Fake {
        let path = directory.join("alitv-pay.sock");
        let table = Arc::new(Mutex::new(Table { manners, ..Table::default() }));
        let mut fake = Fake { path, table, listener: None };
        fake.listen();
        fake
    }

    fn listen(&mut self) {
        let _ = std::fs::remove_file(&self.path);
        let listener = UnixListener::bind(&self.path).unwrap();
        let table = self.table.clone();
        table.lock().unwrap().stopped = false;
        self.listener = Some(std::thread::spawn(move || loop {
            let Ok((stream, _)) = listener.accept() else { return };
            let mut held = table.lock().unwrap();
            if held.stopped {
                return;
            }
            held.sessions.push(stream.try_clone().unwrap());
            drop(held);
            let table = table.clone();
            std::thread::spawn(move || serve(stream, &table));
        }));
    }

    /// Closes every connection and the socket, as a killed daemon does.
    pub fn stop(&mut self) {
        {
            let mut table = self.table.lock().unwrap();
            table.stopped = true;
            table.sessions.drain(..).for_each(|stream| drop(stream.shutdown(Shutdown::Both)));
        }
        // Wakes the thread in accept.
        let _ = UnixStream::connect(&self.path);
        if let Some(thread) = self.listener.take() {
            thread.join().unwrap();
        }
        let _ = std::fs::remove_file(&self.path);
    }

    /// Listens again with the same orders.
    pub fn restart(&mut self) {
        self.listen();
    }

    pub fn manners(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.table.lock().unwrap().manners);
    }

    /// Moves an order and tells everybody, as kind `qr` or `order`.
    pub fn set(&self, order_id: &str, kind: &str, changes: Value) {
        self.table.lock().unwrap().set(order_id, kind, changes);
    }

    /// Puts an order into the table that nobody asked for.
    pub fn put(&self, order_id: &str, changes: Value) {
        let mut table = self.table.lock().unwrap();
        let mut order = new_order(&json!({"order_id": order_id, "title": "t", "amount_fen": 1}));
        merge(&mut order, &changes);
        table.orders.insert(order_id.into(), order);
    }

    pub fn forget(&self, order_id: &str) {
        self.table.lock().unwrap().orders.remove(order_id);
    }

    pub fn order(&self, order_id: &str) -> Option<Value> {
        self.table.lock().unwrap().orders.get(order_id).cloned()
    }

    /// How many requests of this method came.
    pub fn count(&self, method: &str) -> usize {
        self.table.lock().unwrap().seen.iter().filter(|seen| seen.0 == method).count()
    }

    /// The params of the requests of this method, oldest first.
    pub fn asked(&self, method: &str) -> Vec<Value> {
        let table = self.table.lock().unwrap();
        table.seen.iter().filter(|seen| seen.0 == method).map(|seen| seen.1.clone()).collect()
    }

    /// Waits until so many requests of this method came.
    pub fn wait_for(&self, method: &str, count: usize) {
        let until = Instant::now() + Duration::from_secs(30);
        while self.count(method) < count {
            assert!(Instant::now() < until, "no {method} came");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Tells everybody an event.
    pub fn tell(&self, params: Value) {
        self.say(&json!({"jsonrpc": "2.0", "method": "event", "params": params}).to_string());
    }

    /// Answers the newest request that was held back.
    pub fn release(&self, result: Value) {
        let held = self.table.lock().unwrap().held.pop();
        let (mut stream, id) = held.expect("nothing is held back");
        let answer = json!({"jsonrpc": "2.0", "id": id, "result": result});
        stream.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }

    /// Sends a raw line to everybody.
    pub fn say(&self, line: &str) {
        self.table.lock().unwrap().say(line);
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        if self.listener.is_some() {
            self.stop();
        }
    }
}

fn new_order(params: &Value) -> Value {
    let mut order = json!({
        "app_key": "23012345", "order_id": params["order_id"], "title": params["title"],
        "amount_fen": params["amount_fen"], "state": "created", "sequence": 1, "created_ms": 1,
    });
    if let Some(subject_id) = params.get("subject_id") {
        order["subject_id"] = subject_id.clone();
    }
    order
}

fn merge(order: &mut Value, changes: &Value) {
    for (name, value) in changes.as_object().unwrap() {
        order[name] = value.clone();
    }
}

impl Table {
    fn set(&mut self, order_id: &str, kind: &str, changes: Value) {
        let order = self.orders.get_mut(order_id).expect("no such order in the table");
        if changes.get("sequence").is_none() {
            order["sequence"] = json!(order["sequence"].as_u64().unwrap() + 1);
        }
        merge(order, &changes);
        let mut params = order.clone();
        params["kind"] = json!(kind);
        self.say(&json!({"jsonrpc": "2.0", "method": "event", "params": params}).to_string());
    }

    fn say(&mut self, line: &str) {
        for mut stream in &self.sessions {
            // In one piece: many small ones fill the socket's buffer.
            let _ = stream.write_all(format!("{line}\n").as_bytes());
        }
    }
}

fn serve(stream: UnixStream, table: &Mutex<Table>) {
    let mut writer = stream.try_clone().unwrap();
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let request: Value = serde_json::from_str(&line).expect("a client sent no JSON");
        let method = request["method"].as_str().unwrap().to_owned();
        let mut held = table.lock().unwrap();
        held.seen.push((method.clone(), request["params"].clone()));
        if held.manners.die_on == Some(method.as_str()) {
            let _ = writer.shutdown(Shutdown::Both);
            return;
        }
        if let (Some(garbage), "watch") = (held.manners.garbage, method.as_str()) {
            let _ = writer.write_all(format!("{garbage}\n").as_bytes());
            continue;
        }
        if held.manners.hold == Some(method.as_str()) {
            let stream = writer.try_clone().unwrap();
            held.held.push((stream, request["id"].clone()));
            continue;
        }
        let outcome = answer(&mut held, &method, &request["params"]);
        let accepted = outcome.is_ok();
        let answer = match outcome {
            Ok(result) => json!({"jsonrpc": "2.0", "id": request["id"], "result": result}),
            Err((code, message)) => json!({"jsonrpc": "2.0", "id": request["id"],
                "error": {"code": code, "message": message}}),
        };
        let _ = writer.write_all(format!("{answer}\n").as_bytes());
        if held.manners.pays_at_once && method == "pay" && accepted {
            let id = request["params"]["order_id"].as_str().unwrap();
            if held.orders[id]["state"] == "created" {
                let shown = json!({"state": "pending", "qr_text": "https://qr.alipay.com/x",
                    "expires_s": 300});
                held.set(id, "qr", shown);
                let paid = json!({"state": "paid", "trade_no": "2016", "paid_ms": 99,
                    "qr_text": null, "expires_s": null});
                held.set(id, "order", paid);
            }
        }
    }
}

fn answer(table: &mut Table, method: &str, params: &Value) -> Result<Value, (i32, String)> {
    let manners = table.manners.clone();
    if let Some((code, message)) = manners.refuse_hello.filter(|_| method == "hello") {
        return Err((code, message.into()));
    }
    if let Some((_, code, message)) = manners.refuse.filter(|refuse| refuse.0 == method) {
        return Err((code, message.into()));
    }
    let id = params["order_id"].as_str().unwrap_or("").to_owned();
    let known = table.orders.get(&id).cloned().ok_or((-1301, format!("no order {id}")));
    match method {
        "hello" => Ok(json!({"protocol": 1, "server": "fake/1", "app_keys": ["23012345"],
            "environment": "sandbox", "features": []})),
        "watch" | "orders" => {
            let unfinished = |order: &&Value| order["acked"] != json!(true);
            let orders: Vec<&Value> = table.orders.values().filter(unfinished).collect();
            let mut result = json!({ "orders": orders });
            for (name, value) in manners.snapshot.iter().filter(|_| method == "watch") {
                result[*name] = value.clone();
            }
            Ok(result)
        }
        "pay" => match known {
            Ok(order) if order["amount_fen"] != params["amount_fen"] => {
                Err((-1302, format!("order {id} exists with another amount_fen")))
            }
            Ok(order) => Ok(order),
            Err(_) => {
                table.orders.insert(id.clone(), new_order(params));
                Ok(table.orders[&id].clone())
            }
        },
        "query" => known,
        "cancel" => {
            known?;
            table.set(&id, "order", json!({"state": "closing", "qr_text": null}));
            Ok(table.orders[&id].clone())
        }
        "ack" if id.starts_with("draw-") || id.starts_with("gift-") => Ok(json!({})),
        "ack" => {
            known?;
            if let Some(order) = table.orders.get_mut(&id) {
                let covers = params["sequence"].as_u64() >= order["sequence"].as_u64();
                order["acked"] = json!(covers);
            }
            Ok(json!({}))
        }
        "status" => Ok(json!({"server": "fake/1"})),
        _ => match manners.results.get(method) {
            Some(result) => Ok(result.clone()),
            None => Err((-32601, format!("no method {method}"))),
        },
    }
}
