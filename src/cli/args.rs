//! What can be typed. Values are checked here by the types of the core, so that a refusal
//! names the field and the bound before anything is sent.

use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

use super::text::Lang;
use super::{
    ack, auth, cancel, daemon, doctor, gift, log, logout, lottery, orders, pay, profile, qr,
};
#[cfg(feature = "merchant")]
use super::{confirm_key, decrypt, encrypt, keygen, keys, sign, verify};
#[cfg(feature = "sandbox")]
use super::{demo, sandbox};
#[cfg(feature = "merchant")]
use super::{gifts, notify, order, reconcile, renew};
use super::{qr_url, query, repay, rpc, status, tail, user, version, web};
use crate::core::award::GiftId;
use crate::core::facts::{AppKey, EventKey, OrderId, GIFT_PREFIX};
use crate::core::user::Token;
use crate::money::Fen;

/// Alipay QR payments for TV boxes: try it, drive the daemon, look into orders.
#[derive(Debug, Parser)]
#[command(name = "alitv-pay", version, before_help = EXAMPLES, disable_help_subcommand = true)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

const EXAMPLES: &str = "\
Examples:
  alitv-pay demo                                    one payment, nothing to set up
  alitv-pay sandbox --lan                           play the Ali side on this network
  alitv-pay pay --title '60 gems' --amount 600      CNY 6.00; exit 0 if it was paid
  alitv-pay orders                                  what is open or not acknowledged
  alitv-pay auth                                    sign in with a code
  alitv-pay tail --json | jq .event                 follow everything that happens";

/// Options of every command.
#[derive(Args, Clone, Debug)]
pub struct Global {
    /// The daemon's socket [default: $ALITV_PAY_SOCKET, or the system's]
    #[arg(long, global = true, value_name = "PATH", help_heading = "Global options")]
    pub socket: Option<PathBuf>,
    /// The app, where you may act for several [default: $ALITV_PAY_APP_KEY]
    #[arg(long, global = true, value_name = "KEY", value_parser = app_key,
        env = "ALITV_PAY_APP_KEY", hide_env = true,
        help_heading = "Global options")]
    pub app_key: Option<AppKey>,
    /// Data as JSON, one value a line; this form is stable, the text is not
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// No progress on stderr
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub quiet: bool,
    /// Details on stderr
    #[arg(long, short, global = true, help_heading = "Global options")]
    pub verbose: bool,
    /// No colours, as with NO_COLOR=1
    #[arg(long, global = true, help_heading = "Global options")]
    pub no_color: bool,
    /// Language of sentences for people, en or zh [default: by the locale]
    #[arg(
        long,
        global = true,
        value_enum,
        hide_possible_values = true,
        help_heading = "Global options"
    )]
    pub lang: Option<Lang>,
}

/// The commands. The order within a group is that of `GROUPS`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sandbox, daemon and one order in this process: see the whole way once
    #[cfg(feature = "sandbox")]
    Demo(demo::Demo),
    /// Play the Ali side: gateway, phone, operator's page, notifications
    #[cfg(feature = "sandbox")]
    Sandbox(sandbox::Sandbox),
    /// Run the daemon; the same program as alitv-payd
    Daemon(daemon::Daemon),
    /// Take one payment and wait for its end (pay, payFromServer)
    Pay(pay::Pay),
    /// Take the first charge of a subscription (repayFromServer)
    Repay(repay::Repay),
    /// List orders of the box; add and list those of the merchant
    Orders(orders::Orders),
    /// Show one order of the box, and have the gateway asked about it
    Query(query::Query),
    /// Cancel an order
    Cancel(cancel::Cancel),
    /// Say that the goods of a final order, draw or gift are stored
    Ack(ack::Ack),
    /// Sign in or authorise with a code (checkAuthAndLogin, isAuth)
    Auth(auth::Auth),
    /// Sign the user out (onLogout)
    Logout(logout::Logout),
    /// Show who plays (getUserInfo)
    User(user::User),
    /// Pages of the platform (openWebviewOnStart, openWebviewOnExit)
    Web(web::Web),
    /// Activities and draws (getActivitesInfo, getLotteryResultWithPermission)
    Lottery(lottery::Lottery),
    /// Gifts of the user, on a box (queryGifts, takeGifts)
    Gift(gift::Gift),
    /// Link to the goods, for a code (getQRUrl)
    QrUrl(qr_url::QrUrl),
    /// Show what the platform has switched on for the app
    Profile(profile::Profile),
    /// Receive notifies and hand out the goods of paid orders
    #[cfg(feature = "merchant")]
    Notify(notify::Notify),
    /// Ask about every order that is not final; report what does not go together
    #[cfg(feature = "merchant")]
    Reconcile(reconcile::Reconcile),
    /// Ask the platform about an order, as the merchant's server
    #[cfg(feature = "merchant")]
    Order(order::Order),
    /// Take later charges of subscriptions (taobao.tvpay.partner.renewal.pay)
    #[cfg(feature = "merchant")]
    Renew(Box<renew::Renew>),
    /// Gift records of a user, for the merchant's server (gateway.6uu.com)
    #[cfg(feature = "merchant")]
    Gifts(gifts::Gifts),
    /// Make a merchant's RSA key pair
    #[cfg(feature = "merchant")]
    Keygen(keygen::Keygen),
    /// Say what a key file is, and what the portal wants of it
    #[cfg(feature = "merchant")]
    Keys(keys::Keys),
    /// Sign: SHA1WithRSA, or a TOP request
    #[cfg(feature = "merchant")]
    Sign(sign::Sign),
    /// Check such a signature
    #[cfg(feature = "merchant")]
    Verify(verify::Verify),
    /// Encrypt a notify's data, as the platform does
    #[cfg(feature = "merchant")]
    Encrypt(encrypt::Encrypt),
    /// Decrypt a notify's data
    #[cfg(feature = "merchant")]
    Decrypt(decrypt::Decrypt),
    /// Make the confirmKey of a draw
    #[cfg(feature = "merchant")]
    ConfirmKey(confirm_key::ConfirmKey),
    /// Find what is wrong with what is set up here, and say what mends it
    Doctor(doctor::Doctor),
    /// Show whether daemon and gateway are there (init)
    Status(status::Status),
    /// Follow what happens: what is unfinished first, then every event
    Tail(tail::Tail),
    /// Follow the daemon's log (logSwitch)
    Log(log::Log),
    /// Call a method of the socket protocol
    Rpc(rpc::Rpc),
    /// Draw a text as a QR code
    Qr(qr::Qr),
    /// Show the version of the SDK, here and in the daemon (getSdkVersion)
    Version(version::Version),
}

/// The groups of the merchant's side, which a build can leave out.
const MERCHANT: &str = "Merchant";
const KEYS: &str = "Merchant's keys and signatures";

/// What `--help` shows together.
const GROUPS: [(&str, &[&str]); 7] = [
    ("Try and run", &["demo", "sandbox", "daemon"]),
    ("Payments", &["pay", "repay", "orders", "query", "cancel", "ack"]),
    ("Account", &["auth", "logout", "user"]),
    ("Operations", &["web", "lottery", "gift", "qr-url", "profile"]),
    (MERCHANT, &["notify", "reconcile", "order", "renew", "gifts"]),
    (KEYS, &["keygen", "keys", "sign", "verify", "encrypt", "decrypt", "confirm-key"]),
    ("Tools", &["doctor", "status", "tail", "log", "rpc", "qr", "version"]),
];

impl Cli {
    /// Reads the arguments of this process.
    ///
    /// # Errors
    /// What clap has to say, help included.
    pub fn read() -> Result<Cli, clap::Error> {
        let matches = grouped().try_get_matches()?;
        Cli::from_arg_matches(&matches)
    }
}

/// The command with its subcommands in groups: clap itself lists them in one.
fn grouped() -> clap::Command {
    let command = Cli::command();
    let about = |name: &str| {
        let mut all = command.get_subcommands();
        let about = all.find(|sub| sub.get_name() == name).and_then(clap::Command::get_about);
        about.map(ToString::to_string)
    };
    let mut text = String::new();
    for (head, names) in GROUPS {
        let mut lines = names.iter().filter_map(|name| Some((name, about(name)?))).peekable();
        if lines.peek().is_some() {
            text += &format!("\n{head}:\n");
        }
        for (name, about) in lines {
            text += &format!("  {name:<11} {about}\n");
        }
    }
    command.help_template(format!(
        "{{before-help}}{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{text}\nOptions:\n{{options}}"
    ))
}

/// For `value_parser`.
pub fn amount(text: &str) -> Result<Fen, String> {
    Fen::parse(text).map_err(|error| error.to_string())
}

/// For `value_parser`.
pub fn order_id(text: &str) -> Result<OrderId, String> {
    OrderId::new(text).map_err(|refusal| refusal.message)
}

/// For `value_parser`.
pub fn app_key(text: &str) -> Result<AppKey, String> {
    AppKey::new(text).map_err(|refusal| refusal.message)
}

/// For `value_parser`.
pub fn event_key(text: &str) -> Result<EventKey, String> {
    EventKey::new(text).map_err(|refusal| refusal.message)
}

/// For `value_parser`.
pub fn token(text: &str) -> Result<Token, String> {
    Token::new("confirm_key", text).map_err(|refusal| refusal.message)
}

/// For `value_parser`.
pub fn gift_id(text: &str) -> Result<GiftId, String> {
    let text = text.strip_prefix(GIFT_PREFIX).unwrap_or(text);
    GiftId::try_from(text.to_owned()).map_err(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_are_consistent() {
        grouped().debug_assert();
    }

    fn begins_with_examples(command: &clap::Command) {
        let name = command.get_name();
        if name != "daemon" {
            let help = command.clone().render_long_help().to_string();
            assert!(help.starts_with("Example"), "{name}: {help}");
        }
        command.get_subcommands().for_each(begins_with_examples);
    }

    #[test]
    fn every_help_begins_with_examples() {
        begins_with_examples(&grouped());
    }

    #[test]
    fn the_groups_name_every_command_once() {
        let command = grouped();
        let mut real: Vec<&str> = command.get_subcommands().map(|sub| sub.get_name()).collect();
        let built = |head: &str| ![MERCHANT, KEYS].contains(&head) || cfg!(feature = "merchant");
        let groups = GROUPS.iter().filter(|group| built(group.0));
        let mut named: Vec<&str> = groups.flat_map(|group| group.1).copied().collect();
        if !cfg!(feature = "sandbox") {
            named.retain(|name| !["demo", "sandbox"].contains(name));
        }
        real.sort_unstable();
        named.sort_unstable();
        assert_eq!(real, named);
    }
}
