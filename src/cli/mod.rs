//! The command line. One file per subcommand; what they share is in `session` (the
//! conversation with the engine), `follow` (one order to its end), `wait` and `items` (anything
//! else to its end), `news` (events as lines), `out`, `show` and `exit`.

pub mod ack;
pub mod args;
pub mod auth;
pub mod cancel;
pub mod clock;
#[cfg(feature = "merchant")]
pub mod confirm_key;
pub mod daemon;
#[cfg(feature = "merchant")]
pub mod decrypt;
#[cfg(feature = "sandbox")]
pub mod demo;
pub mod doctor;
#[cfg(feature = "merchant")]
pub mod encrypt;
pub mod exit;
pub mod follow;
pub mod gift;
#[cfg(feature = "merchant")]
pub mod gifts;
#[cfg(feature = "merchant")]
pub mod input;
pub mod items;
#[cfg(feature = "merchant")]
pub mod keygen;
#[cfg(feature = "merchant")]
pub mod keys;
#[cfg(feature = "merchant")]
pub mod ledger;
pub mod lists;
pub mod log;
pub mod logout;
pub mod lottery;
#[cfg(feature = "merchant")]
pub mod merchant;
#[cfg(feature = "merchant")]
mod merchant_text;
pub mod news;
#[cfg(feature = "merchant")]
pub mod notify;
#[cfg(feature = "merchant")]
pub mod order;
pub mod orders;
pub mod out;
pub mod pay;
pub mod profile;
pub mod qr;
pub mod qr_url;
pub mod query;
#[cfg(feature = "merchant")]
pub mod reconcile;
#[cfg(feature = "merchant")]
pub mod renew;
pub mod repay;
pub mod rpc;
#[cfg(feature = "sandbox")]
pub mod sandbox;
#[cfg(feature = "sandbox")]
mod sandbox_files;
pub mod session;
pub mod show;
#[cfg(feature = "merchant")]
pub mod sign;
pub mod status;
pub mod sys;
pub mod tail;
pub mod text;
pub mod user;
#[cfg(feature = "merchant")]
pub mod verify;
pub mod version;
pub mod wait;
pub mod web;

use std::process::ExitCode;

use self::args::{Cli, Command, Global};
use self::exit::{Fail, USAGE};
use self::out::Out;

/// The whole program: reads the arguments of this process, runs the command, tells how it
/// ended.
pub fn main() -> ExitCode {
    let Cli { global, command } = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => {
            // Help goes to stdout, a complaint to stderr; if that is closed, nobody reads it.
            let _ = error.print();
            return if error.use_stderr() { USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    let mut out = Out::new(global.json, global.quiet, global.verbose, global.no_color, global.lang);
    match run(command, &global, &mut out) {
        Ok(exit) => exit,
        Err(fail) => {
            if !fail.is_silent() {
                let line = if global.json { fail.to_json() } else { fail.to_string() };
                out.complain(&line);
            }
            fail.exit.into()
        }
    }
}

fn run(command: Command, global: &Global, out: &mut Out) -> Result<ExitCode, Fail> {
    let exit = match command {
        #[cfg(feature = "sandbox")]
        Command::Demo(demo) => demo.run(global, out),
        Command::Daemon(daemon) => return Ok(daemon.run(global)),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(sandbox) => sandbox.run(out),
        Command::Pay(pay) => pay.run(global, out),
        Command::Repay(repay) => repay.run(global, out),
        Command::Orders(orders) => orders.run(global, out),
        Command::Tail(tail) => tail.run(global, out),
        Command::Cancel(cancel) => cancel.run(global, out),
        Command::Ack(ack) => ack.run(global, out),
        Command::Query(query) => query.run(global, out),
        Command::Rpc(rpc) => rpc.run(global, out),
        Command::Qr(qr) => qr.run(out),
        Command::Auth(auth) => auth.run(global, out),
        Command::Logout(logout) => logout.run(global, out),
        Command::User(user) => user.run(global, out),
        Command::Web(web) => web.run(global, out),
        Command::Lottery(lottery) => lottery.run(global, out),
        Command::Gift(gift) => gift.run(global, out),
        #[cfg(feature = "merchant")]
        Command::Gifts(gifts) => gifts.run(out),
        Command::QrUrl(qr_url) => qr_url.run(global, out),
        Command::Profile(profile) => profile.run(global, out),
        #[cfg(feature = "merchant")]
        Command::Keygen(keygen) => keygen.run(out),
        #[cfg(feature = "merchant")]
        Command::Keys(keys) => keys.run(out),
        #[cfg(feature = "merchant")]
        Command::Sign(sign) => sign.run(out),
        #[cfg(feature = "merchant")]
        Command::Verify(verify) => verify.run(out),
        #[cfg(feature = "merchant")]
        Command::Encrypt(encrypt) => encrypt.run(out),
        #[cfg(feature = "merchant")]
        Command::Decrypt(decrypt) => decrypt.run(out),
        #[cfg(feature = "merchant")]
        Command::ConfirmKey(confirm_key) => confirm_key.run(global, out),
        Command::Log(log) => log.run(global, out),
        Command::Doctor(doctor) => doctor.run(global, out),
        Command::Status(status) => status.run(global, out),
        #[cfg(feature = "merchant")]
        Command::Order(order) => order.run(out),
        #[cfg(feature = "merchant")]
        Command::Renew(renew) => renew.run(out),
        #[cfg(feature = "merchant")]
        Command::Notify(notify) => notify.run(out),
        #[cfg(feature = "merchant")]
        Command::Reconcile(reconcile) => reconcile.run(out),
        Command::Version(version) => version.run(global, out),
    };
    exit.map(ExitCode::from)
}
