//! What can be made to happen to an order: what the payer does, and what goes wrong with
//! the gateway's answers.

use serde::{Deserialize, Serialize};

use super::method::Method;
use crate::limits::{SANDBOX_ACT_MS, SANDBOX_SCAN_MS, SANDBOX_SLOW_MS, SANDBOX_TIMES_MAX};

/// What the payer does by himself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// Opens the code.
    Scan,
    /// Pays.
    Pay,
    /// Gives up: the order is closed.
    Cancel,
    /// Tries to pay without enough money.
    Insufficient,
}

/// How the payer behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Play {
    /// He waits for the phone page or the control API.
    Manual,
    /// These steps, so many milliseconds after the code was made.
    Steps(&'static [(i64, Step)]),
    /// Nobody comes, and the code lives for `SANDBOX_EXPIRE_MS` only.
    Expire,
    /// He scans, and pays at the moment in which the box closes the order.
    PaysOnClose,
    /// There is no order: precreate is refused.
    Refused,
}

/// How an answer is spoilt after the call was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// Status 500.
    Http500,
    /// No answer for longer than any caller waits.
    Timeout,
    /// JSON that breaks off.
    BadJson,
    /// A `result_sign` that is wrong in one character.
    BadSign,
    /// Error 7 of TOP: come back later.
    Throttle,
    /// A query repeats an answer that was given before.
    Replay,
    /// A query still says `WAIT_BUYER_PAY` of a paid order.
    Stale,
    /// An answer that says paid, for one fen more.
    Amount,
    /// An answer that says paid, about another order.
    OtherOrder,
    /// A question is not looked at: the box asks too often.
    SlowDown,
    /// The session ends before the call, which is answered with error 27.
    NoSession,
    /// The call is not carried out: refused with `SYSTEM_ERROR`, or `FAIL` by the gift gateway.
    SystemError,
    /// The deduction of a charge is refused.
    PayFail,
    /// The deduction of a charge waits for the payer.
    PayWaits,
}

/// What becomes of a charge that no rule forbids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deduction {
    /// The money is taken.
    Taken,
    /// It waits for the payer.
    Waits,
    /// There is no money to be had.
    Refused,
}

impl Fault {
    /// What becomes of a charge; none if it concerns something else.
    pub fn deduction(self) -> Option<Deduction> {
        match self {
            Fault::PayFail => Some(Deduction::Refused),
            Fault::PayWaits => Some(Deduction::Waits),
            _ => None,
        }
    }

    /// Whether it makes sense for a method that is not about an order.
    pub fn is_general(self) -> bool {
        matches!(
            self,
            Fault::Http500 | Fault::Timeout | Fault::BadJson | Fault::BadSign | Fault::Throttle
        )
    }
}

/// What goes wrong with the notify of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyFault {
    /// It is never sent.
    Lost,
    /// The first attempt is made after `SANDBOX_NOTIFY_LATE_S`.
    Late,
    /// It is sent twice at the same time.
    Twice,
    /// It is sent after that of the app's next order.
    Reordered,
    /// Somebody who holds the public key says that the unpaid order was paid.
    Forged,
    /// It is encrypted with a key that is not the merchant's.
    WrongKey,
}

/// What a scenario is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The next order.
    Order,
    /// The next call of a method.
    Method(Method),
    /// The next call, of whatever method, that speaks for a user.
    Session,
}

/// A fault, and when it strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spoil {
    /// What happens to the answer.
    pub fault: Fault,
    /// How many answers are still to be spoilt.
    pub times: u32,
    /// Only answers given after the order was paid.
    pub once_paid: bool,
}

/// One line of the table.
struct Row {
    name: &'static str,
    target: Target,
    play: Play,
    spoil: Option<Spoil>,
    notify: Option<NotifyFault>,
    text: &'static str,
}

/// A named course of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scenario(usize);

const MANUAL: Play = Play::Manual;
const SCANNED: Play = Play::Steps(&[(SANDBOX_SCAN_MS, Step::Scan)]);
const SUCCESS: Play = Play::Steps(&[(SANDBOX_SCAN_MS, Step::Scan), (SANDBOX_ACT_MS, Step::Pay)]);
const SLOW: Play = Play::Steps(&[(SANDBOX_SCAN_MS, Step::Scan), (SANDBOX_SLOW_MS, Step::Pay)]);
const CANCEL: Play = Play::Steps(&[(SANDBOX_SCAN_MS, Step::Scan), (SANDBOX_ACT_MS, Step::Cancel)]);
const NO_MONEY: Play =
    Play::Steps(&[(SANDBOX_SCAN_MS, Step::Scan), (SANDBOX_ACT_MS, Step::Insufficient)]);

const fn plain(name: &'static str, play: Play, text: &'static str) -> Row {
    Row { name, target: Target::Order, play, spoil: None, notify: None, text }
}

const fn spoilt(
    name: &'static str,
    (fault, times, once_paid): (Fault, u32, bool),
    text: &'static str,
) -> Row {
    let spoil = Some(Spoil { fault, times, once_paid });
    Row { name, target: Target::Order, play: SUCCESS, spoil, notify: None, text }
}

const fn call(
    name: &'static str,
    target: Target,
    (fault, times): (Fault, u32),
    text: &'static str,
) -> Row {
    let spoil = Some(Spoil { fault, times, once_paid: false });
    Row { name, target, play: MANUAL, spoil, notify: None, text }
}

const fn notify(name: &'static str, fault: NotifyFault, text: &'static str) -> Row {
    let notify = Some(fault);
    Row { name, target: Target::Order, play: SUCCESS, spoil: None, notify, text }
}

/// Names are those of the field where it has them; the first is the default.
const TABLE: &[Row] = &[
    plain("manual", MANUAL, "waits for the phone page or the control API"),
    plain("success", SUCCESS, "scanned after 0.5 s, paid after 1 s"),
    plain("success.slow", SLOW, "scanned after 0.5 s, paid after 30 s"),
    plain("scanned", SCANNED, "scanned after 0.5 s, then silence until it expires"),
    plain("cancel.buyer", CANCEL, "scanned after 0.5 s, cancelled on the phone after 1 s"),
    plain("expire", Play::Expire, "nobody scans; the code lives for 3 s"),
    plain(
        "balance_insufficient",
        NO_MONEY,
        "scanned after 0.5 s, not enough money after 1 s, still payable",
    ),
    plain(
        "success_after_cancel",
        Play::PaysOnClose,
        "scanned after 0.5 s; paid at the moment in which the box closes it",
    ),
    plain("precreate.refused", Play::Refused, "precreate is refused: ORDER_REFUSED, no order"),
    spoilt(
        "unknown_then_success",
        (Fault::Http500, 2, true),
        "as success; once the money is taken, status 500, then right answers",
    ),
    spoilt("gateway.500", (Fault::Http500, 3, false), "carried out, but answered with status 500"),
    spoilt("gateway.timeout", (Fault::Timeout, 1, false), "carried out, but not answered for 40 s"),
    spoilt("gateway.badjson", (Fault::BadJson, 3, false), "answered with JSON that breaks off"),
    spoilt("gateway.badsign", (Fault::BadSign, 3, false), "answered with a wrong result_sign"),
    spoilt("gateway.throttle", (Fault::Throttle, 2, false), "error 7: wait 2 more seconds"),
    spoilt(
        "gateway.replay",
        (Fault::Replay, 3, false),
        "queries repeat an earlier signed answer of this app, one that says paid if there is one",
    ),
    spoilt(
        "query.stale",
        (Fault::Stale, 3, true),
        "queries still say WAIT_BUYER_PAY of a paid order",
    ),
    spoilt(
        "amount.mismatch",
        (Fault::Amount, 3, true),
        "answers of a paid order name one fen more",
    ),
    spoilt(
        "order.mismatch",
        (Fault::OtherOrder, 3, true),
        "answers of a paid order name another order",
    ),
    notify("notify.lost", NotifyFault::Lost, "as success; the merchant's server is told nothing"),
    notify("notify.late", NotifyFault::Late, "as success; the notify is sent a minute later"),
    notify(
        "notify.twice",
        NotifyFault::Twice,
        "as success; two equal notifies are sent at the same time",
    ),
    notify(
        "notify.reordered",
        NotifyFault::Reordered,
        "as success; the notify is sent after that of the app's next order",
    ),
    notify(
        "notify.forged",
        NotifyFault::Forged,
        "as success; before it is paid, a forged notify says that it was",
    ),
    notify(
        "notify.wrong_key",
        NotifyFault::WrongKey,
        "as success; the notify is encrypted with another merchant's key",
    ),
    call(
        "draw.lost",
        Target::Method(Method::Draw),
        (Fault::Http500, 1),
        "the next draw is carried out, but answered with status 500",
    ),
    call(
        "gift.take_lost",
        Target::Method(Method::GiftTake),
        (Fault::Http500, 1),
        "the next taking of a gift is carried out, but answered with status 500",
    ),
    call(
        "gift.mark_lost",
        Target::Method(Method::GiftMark),
        (Fault::Http500, 1),
        "the next mark of a gift is carried out, but answered with status 500",
    ),
    call(
        "coin.query_fail",
        Target::Method(Method::CoinQuery),
        (Fault::SystemError, 1),
        "the next query at the gift gateway is answered with FAIL",
    ),
    call(
        "coin.mark_fail",
        Target::Method(Method::CoinMark),
        (Fault::SystemError, 1),
        "the next mark at the gift gateway is not carried out and answered with FAIL",
    ),
    call(
        "coin.mark_lost",
        Target::Method(Method::CoinMark),
        (Fault::Http500, 1),
        "the next mark at the gift gateway is carried out, but answered with status 500",
    ),
    call(
        "renewal.pay_fail",
        Target::Method(Method::RenewalPay),
        (Fault::PayFail, 1),
        "the deduction of the next charge is refused: RENEWAL_ORDER_PAY_FAIL",
    ),
    call(
        "renewal.wait",
        Target::Method(Method::RenewalPay),
        (Fault::PayWaits, 1),
        "the next charge waits for its payer for a day: WAIT_BUYER_PAY",
    ),
    call(
        "renewal.pay_lost",
        Target::Method(Method::RenewalPay),
        (Fault::Http500, 1),
        "the next charge is carried out, but answered with status 500",
    ),
    call(
        "renewal.throttle",
        Target::Method(Method::RenewalPay),
        (Fault::Throttle, 2),
        "the next charges are not looked at and get error 7: wait 2 more seconds",
    ),
    call(
        "auth.slow_down",
        Target::Method(Method::AuthQuery),
        (Fault::SlowDown, 2),
        "the next questions about an attempt get error 7: wait 2 more seconds",
    ),
    call(
        "session.revoked",
        Target::Session,
        (Fault::NoSession, 1),
        "the session of the next call that has one is over: error 27",
    ),
    call(
        "query.system_error",
        Target::Method(Method::PartnerQuery),
        (Fault::SystemError, 1),
        "the next query of a merchant's server is refused: SYSTEM_ERROR",
    ),
];

impl Scenario {
    /// Waits for the phone.
    pub const MANUAL: Scenario = Scenario(0);

    /// All of them.
    pub fn all() -> impl Iterator<Item = Scenario> {
        (0..TABLE.len()).map(Scenario)
    }

    /// Reads a name.
    pub fn parse(name: &str) -> Option<Scenario> {
        TABLE.iter().position(|row| row.name == name).map(Scenario)
    }

    /// Such as `success.slow`.
    pub fn name(self) -> &'static str {
        TABLE[self.0].name
    }

    /// What happens, in English.
    pub fn text(self) -> &'static str {
        TABLE[self.0].text
    }

    /// What it is about.
    pub fn target(self) -> Target {
        TABLE[self.0].target
    }

    /// Whether something goes wrong that is no doing of the payer's.
    fn goes_wrong(self) -> bool {
        self.spoil().is_some() || self.notify().is_some()
    }

    /// How the payer behaves.
    pub fn play(self) -> Play {
        TABLE[self.0].play
    }

    /// What goes wrong with answers, if anything.
    pub fn spoil(self) -> Option<Spoil> {
        TABLE[self.0].spoil
    }

    /// What goes wrong with the notify, if anything.
    pub fn notify(self) -> Option<NotifyFault> {
        TABLE[self.0].notify
    }
}

impl TryFrom<String> for Scenario {
    type Error = String;
    fn try_from(name: String) -> Result<Scenario, String> {
        Scenario::parse(&name).ok_or_else(|| format!("there is no scenario {name:?}"))
    }
}

impl From<Scenario> for String {
    fn from(scenario: Scenario) -> String {
        scenario.name().into()
    }
}

/// A scenario with its particulars: what an order is played by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Which.
    pub scenario: Scenario,
    /// Whose payer plays; the scenario's own unless chosen otherwise.
    pub play: Scenario,
    /// What goes wrong, if anything.
    pub spoil: Option<Spoil>,
}

impl Setting {
    /// The scenario, with another payer and another number of spoilt answers if given.
    ///
    /// # Errors
    /// The field that does not fit, and why.
    pub fn new(
        scenario: Scenario,
        play: Option<Scenario>,
        times: Option<u32>,
    ) -> Result<Setting, (&'static str, String)> {
        let mut spoil = scenario.spoil();
        if play.is_some() && scenario.target() != Target::Order {
            return Err(("play", format!("means nothing in {:?}", scenario.name())));
        }
        if play.is_some_and(|play| play.goes_wrong() || play.play() == Play::Refused) {
            let why = "must be a scenario in which only the payer plays";
            return Err(("play", why.into()));
        }
        match (&mut spoil, times) {
            (_, None) => {}
            (Some(spoil), Some(times)) if times <= SANDBOX_TIMES_MAX => spoil.times = times,
            (Some(_), Some(_)) => return Err(("times", format!("is 0 to {SANDBOX_TIMES_MAX}"))),
            (None, Some(_)) => {
                return Err(("times", format!("means nothing in {:?}", scenario.name())))
            }
        }
        if play.is_some() && !scenario.goes_wrong() {
            return Err(("play", format!("means nothing in {:?}", scenario.name())));
        }
        Ok(Setting { scenario, play: play.unwrap_or(scenario), spoil })
    }

    /// The scenario as the table has it.
    pub fn of(scenario: Scenario) -> Setting {
        Setting { scenario, play: scenario, spoil: scenario.spoil() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_unique() {
        for scenario in Scenario::all() {
            assert_eq!(Scenario::parse(scenario.name()), Some(scenario));
            let text = serde_json::to_string(&scenario).unwrap();
            assert_eq!(serde_json::from_str::<Scenario>(&text).unwrap(), scenario);
        }
        assert_eq!(Scenario::MANUAL.name(), "manual");
        assert!(serde_json::from_str::<Scenario>("\"nothing\"").is_err());
    }

    #[test]
    fn both_documents_list_every_scenario() {
        for doc in
            [include_str!("../../docs/sandbox.md"), include_str!("../../docs/sandbox.zh-CN.md")]
        {
            for scenario in Scenario::all() {
                let name = scenario.name();
                assert!(doc.contains(&format!("| `{name}` |")), "{name} is not documented");
            }
        }
    }

    #[test]
    fn particulars_that_mean_nothing_are_refused_by_name() {
        let named = |name| Scenario::parse(name).unwrap();
        let field = |s, play, times| Setting::new(named(s), play, times).unwrap_err().0;
        assert_eq!(field("success", None, Some(1)), "times");
        assert_eq!(field("success", Some(named("manual")), None), "play");
        assert_eq!(field("gateway.500", Some(named("gateway.500")), None), "play");
        assert_eq!(field("gateway.500", Some(named("precreate.refused")), None), "play");
        assert_eq!(field("gateway.500", Some(named("notify.lost")), None), "play");
        assert_eq!(field("notify.lost", None, Some(1)), "times");
        assert!(Setting::new(named("notify.lost"), Some(named("manual")), None).is_ok());
        assert_eq!(field("gateway.500", None, Some(SANDBOX_TIMES_MAX + 1)), "times");
        let most = Setting::new(named("gateway.500"), None, Some(SANDBOX_TIMES_MAX)).unwrap();
        assert_eq!(most.spoil.unwrap().times, SANDBOX_TIMES_MAX);
    }
}
