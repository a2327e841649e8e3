//! What a client tells its owner.

use crate::core::award::{Activity, Gift};
use crate::core::code::{Code, Refusal};
use crate::core::facts::{AppKey, OrderId};
use crate::core::report::{
    AccountReport, AuthPhase, DrawReport, GiftReport, ItemReport, Profile, Report, State, WebReport,
};
use crate::core::user::User;
use crate::ipc::proto::Pay;

/// Names one accepted request within a client. Never 0, never reused.
pub type Op = u64;

/// What an event is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The engine answers; orders that are not final or not acked follow.
    Online,
    /// The engine is gone or refuses us. The client keeps trying.
    Offline,
    /// Show `report.qr_text`.
    Qr,
    /// The order as it stands: a change, an answer to `pay` or `query`, or a final state
    /// that is told again.
    Order,
    /// Answer to `orders`.
    Orders,
    /// Answer to everything else, and every refusal.
    Reply,
    /// `count` progress events were dropped; the orders they were about follow.
    Overflow,
    /// A line for a log: about the connection or, after `log.watch`, out of the engine's log.
    Log,
    /// Signing in: there is a code to show, it was scanned, or it has ended. `About::Account`
    /// has an `auth` member.
    Auth,
    /// The user has signed out, here or elsewhere. `About::Account`.
    Logout,
    /// Answer to `user_info`. `About::User`.
    User,
    /// Answer to `activities`. `About::Activities`.
    Activities,
    /// A draw as it stands: as `Order`. `About::Draw`.
    Draw,
    /// Answer to `gifts`. `About::Gifts`.
    Gifts,
    /// A gift that is being taken, as it stands: as `Order`. `About::Gift`.
    Gift,
    /// A page is to be shown, or to be taken away. `About::Web`.
    Web,
    /// The platform has switched something on or off. `About::Profile`.
    Profile,
}

/// Who opened the sign-in that ended well (protocol notes 1.3). The numbers are those of the
/// header (`ALITV_AUTH_FROM_*`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum AuthFrom {
    /// An `auth` of this client.
    #[default]
    Call = 0,
    /// Somebody else: another client of the app, or the firmware.
    Elsewhere = 2,
}

/// What an event is about beside an order.
#[derive(Clone, Debug, Default)]
pub enum About {
    /// Nothing.
    #[default]
    Nothing,
    /// `Auth`, `Logout`.
    Account(AccountReport, AuthFrom),
    /// `User`.
    User(User),
    /// `Activities`; may be empty.
    Activities(Vec<Activity>),
    /// `Draw`.
    Draw(Box<DrawReport>),
    /// `Gifts`; may be empty.
    Gifts(Vec<Gift>),
    /// `Gift`.
    Gift(GiftReport),
    /// `Web`.
    Web(WebReport),
    /// `Profile`, and whose it is.
    Profile(AppKey, Profile),
}

/// How much a log event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u32)]
pub enum Level {
    /// Somebody has to do something.
    Error = 1,
    /// It works, but not as it should.
    Warn = 2,
    /// Milestones.
    Info = 3,
    /// Every step.
    Debug = 4,
}

/// One event. Members that do not apply are empty, 0 or `None`.
#[derive(Clone, Debug)]
pub struct Event {
    /// What it is about.
    pub kind: Kind,
    /// `Code::OK`, or why a request was refused, an order failed, the engine is gone.
    pub result: Code,
    /// The request that this answers, or 0.
    pub op: Op,
    /// The tag given with that request, or 0.
    pub tag: u64,
    /// The order that it is about, also where there is no report.
    pub order_id: Option<OrderId>,
    /// The order as it stands.
    pub report: Option<Report>,
    /// What it is about, where that is no order.
    pub about: About,
    /// `Reply` with an error: the payment that was not accepted.
    pub refused: Option<Box<Pay>>,
    /// `Orders`: oldest first.
    pub orders: Vec<Report>,
    /// `Orders`: there are more than were asked for.
    pub more: bool,
    /// `Reply` to `request`: the result, or what comes with the error, as JSON.
    pub json: String,
    /// For logs, in English; not for players.
    pub message: String,
    /// `Overflow`: events dropped. `Log`: the `Level`.
    pub count: u32,
    /// `sandbox` or `production`, once the engine has said so.
    pub environment: std::sync::Arc<str>,
}

impl Event {
    pub(super) fn new(kind: Kind) -> Event {
        Event {
            kind,
            result: Code::OK,
            op: 0,
            tag: 0,
            order_id: None,
            report: None,
            about: About::Nothing,
            refused: None,
            orders: Vec::new(),
            more: false,
            json: String::new(),
            message: String::new(),
            count: 0,
            environment: "".into(),
        }
    }

    pub(super) fn about(kind: Kind, report: Report) -> Event {
        let result = match report.state {
            State::Refunded if report.result == Code::OK => Code::REFUNDED,
            _ => report.result,
        };
        Event {
            result,
            order_id: Some(report.order_id.clone()),
            message: report.message.clone().unwrap_or_default(),
            report: Some(report),
            ..Event::new(kind)
        }
    }

    /// An item as it stands.
    pub(super) fn of_item(item: ItemReport) -> Event {
        match item {
            ItemReport::Order(report) => Event::about(Kind::Order, report),
            ItemReport::Draw(report) => Event {
                result: report.result,
                order_id: Some(report.draw_id.clone()),
                message: report.message.clone().unwrap_or_default(),
                about: About::Draw(Box::new(report)),
                ..Event::new(Kind::Draw)
            },
            ItemReport::Gift(report) => Event {
                result: report.result,
                order_id: Some(report.id.clone()),
                message: report.message.clone().unwrap_or_default(),
                about: About::Gift(report),
                ..Event::new(Kind::Gift)
            },
        }
    }

    /// An attempt to sign in as it stands. `account` has one.
    pub(super) fn of_attempt(account: AccountReport, from: AuthFrom) -> Event {
        let auth = account.auth.as_ref();
        let phase = auth.map(|auth| auth.phase);
        let result = match auth.map_or(Code::OK, |auth| auth.result) {
            Code::OK if phase == Some(AuthPhase::Cancelled) => Code::AUTH_CANCELLED,
            Code::OK if phase == Some(AuthPhase::Failed) => Code::AUTH_OTHER,
            result => result,
        };
        let message = auth.and_then(|auth| auth.message.clone()).unwrap_or_default();
        Event { result, message, about: About::Account(account, from), ..Event::new(Kind::Auth) }
    }

    /// A page as it stands.
    pub(super) fn of_web(web: WebReport) -> Event {
        Event { result: web.result, about: About::Web(web), ..Event::new(Kind::Web) }
    }

    /// The item it is about.
    pub(super) fn item(&self) -> Option<ItemReport> {
        match (&self.report, &self.about) {
            (Some(report), _) => Some(ItemReport::Order(report.clone())),
            (None, About::Draw(report)) => Some(ItemReport::Draw((**report).clone())),
            (None, About::Gift(report)) => Some(ItemReport::Gift(report.clone())),
            _ => None,
        }
    }

    /// The page it is about.
    pub(super) fn web_id(&self) -> Option<&str> {
        match &self.about {
            About::Web(web) => Some(&web.web_id),
            _ => None,
        }
    }

    /// It says that somebody has signed in.
    pub(super) fn is_sign_in(&self) -> bool {
        let About::Account(account, _) = &self.about else { return false };
        account.auth.as_ref().is_some_and(|auth| auth.phase == AuthPhase::Success)
    }

    pub(super) fn refusal(kind: Kind, refusal: Refusal) -> Event {
        Event { result: refusal.code, message: refusal.message, ..Event::new(kind) }
    }
}
