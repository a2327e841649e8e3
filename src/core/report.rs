//! What is said about an order, a draw, a gift, an account or a page: to the socket, to the C
//! caller, to the command line.

use serde::{Deserialize, Serialize};

use super::award::{Award, GiftId};
use super::code::Code;
use super::facts::{AppKey, EventKey, Interval, OrderId};
use super::record::Key;
use super::user::UserId;
use crate::money::Fen;

/// State of an order, a draw (CREATED, UNKNOWN, WON, LOST, FAILED) or a gift (CREATED,
/// UNKNOWN, GRANTED, FAILED). The numbers are those of the header (`ALITV_STATE_*`), the names
/// those of the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum State {
    /// Journalled; there is no code to scan yet.
    Created = 1,
    /// Waiting for somebody to scan and pay.
    Pending = 2,
    /// Scanned; waiting for the payer to confirm.
    Scanned = 3,
    /// Cancelled or out of time; hide the code. It may still turn out paid.
    Closing = 4,
    /// The gateway is out of reach or cannot be trusted. The engine keeps asking.
    Unknown = 5,
    /// Final: money received.
    Paid = 16,
    /// Final: closed on request, without money.
    Cancelled = 17,
    /// Final: closed because time ran out, without money.
    Expired = 18,
    /// Final: refused before anybody could pay.
    Failed = 19,
    /// Final: paid and given back before it could be reported as paid.
    Refunded = 20,
    /// Final, of a draw: something was won.
    Won = 21,
    /// Final, of a draw: nothing was won.
    Lost = 22,
    /// Final, of a gift: it is the player's. Give out the goods, then ack.
    Granted = 23,
}

impl State {
    /// All states, in the order of their numbers.
    pub const ALL: [State; 13] = [
        State::Created,
        State::Pending,
        State::Scanned,
        State::Closing,
        State::Unknown,
        State::Paid,
        State::Cancelled,
        State::Expired,
        State::Failed,
        State::Refunded,
        State::Won,
        State::Lost,
        State::Granted,
    ];

    /// Will not change any more.
    pub fn is_final(self) -> bool {
        self as u32 >= State::Paid as u32
    }

    /// The name on the socket, such as `paid`.
    pub fn name(self) -> &'static str {
        match self {
            State::Created => "created",
            State::Pending => "pending",
            State::Scanned => "scanned",
            State::Closing => "closing",
            State::Unknown => "unknown",
            State::Paid => "paid",
            State::Cancelled => "cancelled",
            State::Expired => "expired",
            State::Failed => "failed",
            State::Refunded => "refunded",
            State::Won => "won",
            State::Lost => "lost",
            State::Granted => "granted",
        }
    }

    /// The state of a header number.
    pub fn from_number(number: u32) -> Option<State> {
        State::ALL.into_iter().find(|state| *state as u32 == number)
    }
}

/// One order as it stands: the object that `pay`, `query`, `cancel`, `orders`, the snapshot
/// of `watch` and every event carry. Absent members do not apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The app that sells.
    pub app_key: AppKey,
    /// The merchant's order number.
    pub order_id: OrderId,
    /// Where it stands.
    pub state: State,
    /// Grows with everything that is told of this order; the larger one is newer. A final
    /// state that is told again keeps its number: that is what `ack` names.
    pub sequence: u64,
    /// Total.
    pub amount_fen: Fen,
    /// What the payer reads.
    pub title: String,
    /// Merchant's product id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_id: Option<String>,
    /// The gateway's own trade number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade_no: Option<String>,
    /// The code to show, while one may be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_text: Option<String>,
    /// Seconds that `qr_text` stays valid, counted when this was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
    /// 0, or why the order is UNKNOWN or FAILED.
    #[serde(default, skip_serializing_if = "is_ok")]
    pub result: Code,
    /// The gateway's error code, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_code: Option<String>,
    /// For logs, in English; not for players.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When the order was accepted, Unix milliseconds by the box's clock.
    pub created_ms: i64,
    /// When it was paid, Unix milliseconds by the gateway's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid_ms: Option<i64>,
    /// What the payer won by paying: deliver it with the goods.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub awards: Vec<Award>,
    /// Of the first charge of a subscription: how often it is charged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
    /// Who was signed in when the order was accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// A final state that the game said it had stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acked: bool,
}

/// One draw as it stands: the object that `lottery.draw`, the snapshot of `watch` and `draw`
/// events carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrawReport {
    /// The app.
    pub app_key: AppKey,
    /// The draw, and what `ack` names.
    pub draw_id: OrderId,
    /// CREATED, UNKNOWN, WON, LOST or FAILED.
    pub state: State,
    /// As in `Report`.
    pub sequence: u64,
    /// Which activity.
    pub event_key: EventKey,
    /// Who draws.
    pub user_id: UserId,
    /// WON: what.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub award: Option<Award>,
    /// Points left, if the platform said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub points_left: Option<i64>,
    /// Free draws left, if the platform said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free_left: Option<i64>,
    /// 0, or why the draw is UNKNOWN or FAILED.
    #[serde(default, skip_serializing_if = "is_ok")]
    pub result: Code,
    /// The gateway's error code, verbatim, such as `POINTS_NOT_ENOUGH`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_code: Option<String>,
    /// For logs, in English; not for players.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was accepted, Unix milliseconds by the box's clock.
    pub created_ms: i64,
    /// The game said that it had stored what the final state means.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acked: bool,
}

/// One gift that is being taken, as it stands: the object that `gift.take`, the snapshot of
/// `watch` and `gift` events carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiftReport {
    /// The app.
    pub app_key: AppKey,
    /// What `ack` names: `gift-` and the platform's number.
    pub id: OrderId,
    /// The platform's number.
    pub gift_id: GiftId,
    /// The merchant's item; "" before GRANTED.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub cp_item_id: String,
    /// CREATED, UNKNOWN, GRANTED or FAILED.
    pub state: State,
    /// As in `Report`.
    pub sequence: u64,
    /// Whose gift it is.
    pub user_id: UserId,
    /// 0, or why it is UNKNOWN or FAILED: GIFT_TAKEN, GIFT_EXPIRED, NOT_FOUND or GATEWAY.
    #[serde(default, skip_serializing_if = "is_ok")]
    pub result: Code,
    /// The gateway's error code, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gateway_code: Option<String>,
    /// For logs, in English; not for players.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// When it was accepted, Unix milliseconds by the box's clock.
    pub created_ms: i64,
    /// The game said that the goods are stored.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub acked: bool,
    /// The platform has been told so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub activated: bool,
}

/// What the engine must not lose: an order, a draw or a gift, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ItemReport {
    /// A payment.
    Order(Report),
    /// A draw.
    Draw(DrawReport),
    /// A gift.
    Gift(GiftReport),
}

impl ItemReport {
    /// What it is about.
    pub fn key(&self) -> Key {
        let (app_key, id) = match self {
            ItemReport::Order(report) => (&report.app_key, &report.order_id),
            ItemReport::Draw(report) => (&report.app_key, &report.draw_id),
            ItemReport::Gift(report) => (&report.app_key, &report.id),
        };
        Key { app_key: app_key.clone(), order_id: id.clone() }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        match self {
            ItemReport::Order(report) => report.state,
            ItemReport::Draw(report) => report.state,
            ItemReport::Gift(report) => report.state,
        }
    }

    /// Of the last thing told.
    pub fn sequence(&self) -> u64 {
        match self {
            ItemReport::Order(report) => report.sequence,
            ItemReport::Draw(report) => report.sequence,
            ItemReport::Gift(report) => report.sequence,
        }
    }

    /// The game has stored its final state.
    pub fn acked(&self) -> bool {
        match self {
            ItemReport::Order(report) => report.acked,
            ItemReport::Draw(report) => report.acked,
            ItemReport::Gift(report) => report.acked,
        }
    }
}

/// Where the user of an app stands. The numbers are those of the header
/// (`ALITV_ACCOUNT_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[repr(u32)]
pub enum AccountState {
    /// Nobody is signed in.
    #[default]
    SignedOut = 0,
    /// Somebody is signed in, who has not authorised the app.
    SignedIn = 1,
    /// Somebody is signed in and has authorised the app: `isAuth`.
    Authorised = 2,
}

impl AccountState {
    /// The name on the socket, such as `signed_in`.
    pub fn name(self) -> &'static str {
        match self {
            AccountState::SignedOut => "signed_out",
            AccountState::SignedIn => "signed_in",
            AccountState::Authorised => "authorised",
        }
    }
}

/// How an attempt to sign in stands, or ended. The numbers are those of the header
/// (`ALITV_AUTH_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum AuthPhase {
    /// There is no code yet.
    Started = 1,
    /// Show `qr_text`.
    Code = 2,
    /// The user has opened the code.
    Scanned = 3,
    /// Ended: the user is signed in and has authorised the app.
    Success = 16,
    /// Ended: given up, on the box or on the phone.
    Cancelled = 17,
    /// Ended otherwise; `result` says why.
    Failed = 18,
}

impl AuthPhase {
    /// The name on the socket, such as `scanned`.
    pub fn name(self) -> &'static str {
        match self {
            AuthPhase::Started => "started",
            AuthPhase::Code => "code",
            AuthPhase::Scanned => "scanned",
            AuthPhase::Success => "success",
            AuthPhase::Cancelled => "cancelled",
            AuthPhase::Failed => "failed",
        }
    }

    /// Nothing more will come of this attempt.
    pub fn is_over(self) -> bool {
        self as u32 >= AuthPhase::Success as u32
    }
}

/// An attempt to sign in or to authorise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthReport {
    /// Names the attempt.
    pub attempt: String,
    /// How it stands.
    pub phase: AuthPhase,
    /// The user is signed in already and is asked to authorise the app.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub authorise: bool,
    /// The code to show, while one may be shown; a browser of the box may open it as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub qr_text: Option<String>,
    /// Seconds that `qr_text` stays valid, counted when this was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_s: Option<u32>,
    /// 0, or why it failed.
    #[serde(default, skip_serializing_if = "is_ok")]
    pub result: Code,
    /// For logs, in English; not for players.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The account of an app: the result of `auth`, `auth.cancel`, `auth.logout` and `auth.state`,
/// a member of the snapshot of `watch`, and what `account` events carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountReport {
    /// The app.
    pub app_key: AppKey,
    /// Where its user stands.
    pub state: AccountState,
    /// Grows with everything that is told of this account while the engine runs.
    pub sequence: u64,
    /// Who is signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    /// The attempt that is going on or, in the event that ends it, has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<AuthReport>,
}

/// What a web page is for (protocol notes 1.1, rows 11 to 13). The numbers are those of the
/// header (`ALITV_WEB_*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[repr(u32)]
pub enum WebKind {
    /// Shown when the game starts.
    Start = 1,
    /// Shown when the game wants it.
    Custom = 2,
    /// Shown before the game quits.
    Exit = 3,
}

impl WebKind {
    /// All of them.
    pub const ALL: [WebKind; 3] = [WebKind::Start, WebKind::Custom, WebKind::Exit];

    /// The word on the socket.
    pub fn name(self) -> &'static str {
        match self {
            WebKind::Start => "start",
            WebKind::Custom => "custom",
            WebKind::Exit => "exit",
        }
    }
}

/// A page that the platform has switched on for an app.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Page {
    /// What it is for.
    pub kind: WebKind,
    /// Where it is; parameters are added as a query.
    pub url: String,
}

/// What the platform has switched on for an app: a member of the snapshot of `watch`, and what
/// `profile` events carry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Profile {
    /// Web pages, at most one of each kind.
    pub pages: Vec<Page>,
    /// Page for a QR code with the app's goods.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub qr_url: Option<String>,
    /// Subscriptions may be sold.
    pub renewal: bool,
}

/// A web page that is or was open: what `web` events carry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WebReport {
    /// The app.
    pub app_key: AppKey,
    /// Names this opening of the page.
    pub web_id: String,
    /// What it is for. `kind` on the socket is that of the event.
    #[serde(rename = "page")]
    pub kind: WebKind,
    /// What to show, with its parameters.
    pub url: String,
    /// False: take it off the screen.
    pub open: bool,
    /// Of a closed one: 0, or `TIMEOUT` if nobody said in time that it is closed.
    #[serde(default, skip_serializing_if = "is_ok")]
    pub result: Code,
}

fn is_ok(code: &Code) -> bool {
    *code == Code::OK
}

/// Something to tell everybody who watches the app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Event {
    /// Show `qr_text` until the order is CLOSING or final, or another code replaces it.
    Qr(Report),
    /// The order's state changed, or is told again.
    Order(Report),
    /// The draw's state changed, or is told again.
    Draw(DrawReport),
    /// The gift's state changed, or is told again.
    Gift(GiftReport),
    /// The account changed, or an attempt to sign in did.
    Account(AccountReport),
    /// The platform has switched something on or off.
    Profile {
        /// For which app.
        app_key: AppKey,
        /// All of it.
        #[serde(flatten)]
        profile: Profile,
    },
    /// A web page is to be shown or taken away.
    Web(WebReport),
}

impl Event {
    /// Whose it is.
    pub fn app_key(&self) -> &AppKey {
        match self {
            Event::Qr(report) | Event::Order(report) => &report.app_key,
            Event::Draw(report) => &report.app_key,
            Event::Gift(report) => &report.app_key,
            Event::Account(report) => &report.app_key,
            Event::Profile { app_key, .. } => app_key,
            Event::Web(report) => &report.app_key,
        }
    }

    /// The item it is about; none for accounts, profiles and pages.
    pub fn item(&self) -> Option<ItemReport> {
        Some(match self {
            Event::Qr(report) | Event::Order(report) => ItemReport::Order(report.clone()),
            Event::Draw(report) => ItemReport::Draw(report.clone()),
            Event::Gift(report) => ItemReport::Gift(report.clone()),
            Event::Account(_) | Event::Profile { .. } | Event::Web(_) => return None,
        })
    }
}
