//! Notifies decrypted in a second, against what openssl makes of RSA in the same run. Prints
//! ratios; judges nothing. One openssl "sign" is one private operation, as one block is;
//! decryption here is blinded, as it always is. Both count seconds of processor time, so that
//! what else runs on the machine does not matter.

use std::hint::black_box;
use std::process::Command;
use std::time::Duration;

use alitv_pay::wire::blocks;
use alitv_pay::wire::keys::{PrivateKey, PublicKey};
use alitv_pay::wire::notify::Notify;
use alitv_pay::wire::partner::PartnerStatus;

/// Rounds of all measurements in turn, so that a machine that changes its speed changes it
/// for all of them.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(1);

struct Subject {
    name: &'static str,
    bits: usize,
    blocks: usize,
    key: PrivateKey,
    data: String,
    per_second: Vec<u64>,
}

fn main() {
    let mut subjects = [
        Subject::new("1024 bits, two blocks (a notify)", 1024, 118),
        Subject::new("2048 bits, one block (a notify)", 2048, 147),
        Subject::new("2048 bits, two blocks", 2048, 246),
    ];
    let mut openssl = [(1024, Vec::new()), (2048, Vec::new())];
    for _ in 0..ROUNDS {
        for (bits, per_second) in &mut openssl {
            per_second.push(openssl_signs(*bits));
        }
        subjects.iter_mut().for_each(Subject::round);
    }
    println!("\n{:<34}{:>10}{:>16}{:>16}", "", "per s", "/ openssl", "blocks/openssl");
    for (bits, per_second) in &mut openssl {
        println!("{:<34}{:>10}", format!("openssl speed rsa{bits}, signs"), median(per_second));
    }
    for subject in &mut subjects {
        let base = openssl.iter_mut().find(|row| row.0 == subject.bits);
        subject.print(median(&mut base.expect("measured").1));
    }
}

impl Subject {
    /// A JSON of at least so many bytes, which makes the number of blocks.
    fn new(name: &'static str, bits: usize, bytes: usize) -> Subject {
        let key = PrivateKey::generate(bits).expect("a key");
        let public: PublicKey = key.public();
        let json = json(bytes);
        Subject {
            name,
            bits,
            blocks: json.len().div_ceil(public.block_bytes() - 11),
            data: blocks::encrypt(&public, json.as_bytes()).expect("it fits"),
            key,
            per_second: Vec::new(),
        }
    }

    fn round(&mut self) {
        let start = processor_time();
        let mut count = 0u128;
        while processor_time() - start < ROUND {
            let plain = blocks::decrypt(&self.key, black_box(&self.data)).expect("it decrypts");
            black_box(Notify::parse(&plain).expect("it is a notify"));
            count += 1;
        }
        let per_second = count * 1_000_000_000 / (processor_time() - start).as_nanos();
        self.per_second.push(u64::try_from(per_second).expect("it is small"));
    }

    fn print(&mut self, openssl: u64) {
        let per_second = median(&mut self.per_second);
        let of = |count: u64| format!("{}.{:02}", count / openssl, count % openssl * 100 / openssl);
        let blocks = per_second * self.blocks as u64;
        println!("{:<34}{per_second:>10}{:>16}{:>16}", self.name, of(per_second), of(blocks));
    }
}

fn json(bytes: usize) -> String {
    let notify = |buyer: String| Notify {
        partner_order_no: "1466394000000".into(),
        alipay_trade_no: "2016062021001004340200123456".into(),
        order_status: PartnerStatus::TradeSuccess,
        buyer_logon_id: buyer,
    };
    let short = notify("138****0000".into()).encode();
    let more = bytes.saturating_sub(short.len());
    notify(format!("138****0000{}", "0".repeat(more))).encode()
}

fn median(samples: &mut [u64]) -> u64 {
    samples.sort_unstable();
    samples[samples.len() / 2]
}

/// What this process has used of the processor.
fn processor_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: writes one timespec.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut time) };
    assert_eq!(done, 0, "Linux has this clock");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Private operations in a second, out of the last line of `openssl speed`: seconds per sign,
/// seconds per verify, signs and verifies per second.
fn openssl_signs(bits: usize) -> u64 {
    let subject = format!("rsa{bits}");
    let output = Command::new("openssl").args(["speed", "-seconds", "1", &subject]).output();
    let text = String::from_utf8(output.expect("openssl: tools/needs").stdout).expect("UTF-8");
    let row = text.lines().rev().find(|line| line.starts_with("rsa")).expect("a result");
    let signs = row.split_whitespace().rev().nth(1).expect("signs per second");
    signs.split('.').next().and_then(|whole| whole.parse().ok()).expect("a number")
}
