//! The gateway and the phone, in memory. Queries are held until something changes.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use alitv_pay::core::award::{Activity, Award, Gift, GiftId, GiftStatus, LuckyType};
use alitv_pay::core::call::{Ask, AuthStatus, Call, DoubtKind, Drawn, Reply, Trade, TradeStatus};
use alitv_pay::core::code::{Code, Refusal};
use alitv_pay::core::facts::{DrawFacts, Facts, GiftFacts};
use alitv_pay::core::report::{Page, Profile, WebKind};
use alitv_pay::core::user::{Token, User, UserId};
use alitv_pay::gateway::{Gateway, HttpAnswer, Prepared, Transport};
use alitv_pay::ipc::sys;

use super::PATIENCE;

#[derive(Default)]
pub struct FakeGateway {
    state: Mutex<FakeState>,
    changed: Condvar,
}

#[derive(Default)]
struct FakeState {
    trades: BTreeMap<String, TradeStatus>,
    /// What a query said last, so that a held one answers what is news.
    told: BTreeMap<String, TradeStatus>,
    calls: Vec<String>,
    closed: bool,
    offline: bool,
    /// None: the gateway has no time to say it.
    profile: Option<Profile>,
    /// What the phone did with the code of the newest attempt.
    auth: Option<AuthStatus>,
    auth_told: Option<AuthStatus>,
    signed_out: bool,
    drawn: BTreeMap<String, Reply>,
    /// Look-ups are held back until this is false.
    busy: bool,
}

/// Such as `{"pages": […]}` of the platform.
pub fn profile() -> Profile {
    let page = |kind: WebKind| Page { kind, url: format!("https://h5.example/{}", kind.name()) };
    Profile {
        pages: vec![page(WebKind::Start), page(WebKind::Custom)],
        qr_url: Some("https://shop.example/goods".into()),
        renewal: true,
    }
}

fn award() -> Award {
    Award {
        award_id: "31".into(),
        name: "voucher".into(),
        award_type: 4,
        type_name: "discount".into(),
        amount: 1,
        hyperlink_url: "https://shop.example/voucher".into(),
        ..Award::default()
    }
}

fn rejected(code: &str) -> Reply {
    Reply::Rejected { code: code.into(), text: "no".into() }
}

impl FakeGateway {
    /// One that says at once what the platform has switched on.
    pub fn with_profile() -> FakeGateway {
        let gateway = FakeGateway::default();
        gateway.state().profile = Some(profile());
        gateway
    }

    fn state(&self) -> MutexGuard<'_, FakeState> {
        self.state.lock().unwrap()
    }

    fn change(&self, change: impl FnOnce(&mut FakeState)) {
        change(&mut self.state());
        self.changed.notify_all();
    }

    /// The phone: what happens to an order from here on.
    pub fn set(&self, order_id: &str, status: TradeStatus) {
        self.change(|state| {
            state.trades.insert(order_id.to_owned(), status);
        });
    }

    pub fn pay(&self, order_id: &str) {
        self.set(order_id, TradeStatus::Success);
    }

    /// The phone: what it does with the code to sign in.
    pub fn sign_in(&self, status: AuthStatus) {
        self.change(|state| {
            state.auth = Some(status);
            state.signed_out = false;
        });
    }

    /// The user signs in, and authorises the app or does not.
    pub fn grant(&self, user_id: &str, authorised: bool) {
        let (user_id, token) = (UserId::new(user_id), Token::new("token", "top-secret"));
        let (user_id, token) = (user_id.unwrap(), token.unwrap());
        self.sign_in(AuthStatus::Granted { user_id, token, authorised });
    }

    /// The user signs out at the platform.
    pub fn sign_out(&self) {
        self.change(|state| state.signed_out = true);
    }

    /// Look-ups are answered when it is not busy any more.
    pub fn set_busy(&self, busy: bool) {
        self.change(|state| state.busy = busy);
    }

    /// Calls so far, such as `precreate A1`.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    pub fn set_offline(&self, offline: bool) {
        self.change(|state| state.offline = offline);
    }

    /// Ends held queries, so that no thread outlives its test for long.
    pub fn close(&self) {
        self.change(|state| state.closed = true);
    }

    fn trade(&self, facts: &Facts, status: TradeStatus) -> Reply {
        let paid = status == TradeStatus::Success;
        Reply::Status(Trade {
            status,
            trade_no: if paid { "2016T1".into() } else { String::new() },
            amount_fen: facts.amount_fen,
            paid_ms: paid.then_some(1_700_000_000_000),
            server_ms: Some(sys::wall_ms()),
            awards: Vec::new(),
        })
    }

    /// Waits until `wanted`, the end, or `wait`.
    fn hold(
        &self,
        wait: Duration,
        wanted: impl Fn(&FakeState) -> bool,
    ) -> MutexGuard<'_, FakeState> {
        let held = |state: &mut FakeState| !state.closed && !wanted(state);
        self.changed.wait_timeout_while(self.state(), wait, held).unwrap().0
    }

    fn query(&self, facts: &Facts, wait_s: u32) -> Reply {
        let id = facts.order_id.as_str();
        let mut state = self.hold(Duration::from_secs(wait_s.into()), |state| {
            let told = state.told.get(id).copied().unwrap_or(TradeStatus::NotScanned);
            state.trades.get(id) != Some(&told)
        });
        let Some(status) = state.trades.get(id).copied() else { return Reply::NoTrade };
        state.told.insert(id.to_owned(), status);
        drop(state);
        self.trade(facts, status)
    }

    fn close_trade(&self, facts: &Facts) -> Reply {
        let id = facts.order_id.as_str();
        let mut state = self.state();
        let status = state.trades.entry(id.to_owned()).or_insert(TradeStatus::Closed);
        if *status != TradeStatus::Success {
            *status = TradeStatus::Closed;
        }
        let status = *status;
        drop(state);
        self.changed.notify_all();
        self.trade(facts, status)
    }

    fn auth_query(&self, wait_s: u32) -> Reply {
        let wait = Duration::from_secs(wait_s.into());
        let mut state = self.hold(wait, |state| state.auth != state.auth_told);
        let auth = state.auth.clone();
        state.auth_told.clone_from(&auth);
        Reply::Auth(auth.unwrap_or(AuthStatus::Waiting))
    }

    fn look_up(&self, ask: &Ask) -> Reply {
        let state = self.hold(PATIENCE, |state| !state.busy);
        if state.signed_out && !matches!(ask, Ask::Activities { .. }) {
            return Reply::NoSession;
        }
        match ask {
            Ask::UserInfo => Reply::User(User {
                user_id: UserId::new("u1").unwrap(),
                nick: Some("宝宝".into()),
                avatar_url: None,
                points: Some(120),
            }),
            Ask::Gifts => Reply::Gifts(vec![Gift {
                gift_id: GiftId::new(7).unwrap(),
                cp_item_id: "sword".into(),
                status: GiftStatus::Pending,
            }]),
            _ => Reply::Activities(vec![Activity {
                activity_id: "5".into(),
                event_key: "spring".into(),
                lucky_type: LuckyType::Consuming,
                consume_amount: 10,
                awards: vec![award()],
                ..Activity::default()
            }]),
        }
    }

    fn draw(&self, facts: &DrawFacts) -> Reply {
        let award = match facts.event_key.as_str() {
            "poor" => return rejected("POINTS_NOT_ENOUGH"),
            "spring" => Some(award()),
            _ => None,
        };
        let drawn =
            Reply::Drawn(Box::new(Drawn { award, points_left: Some(110), free_left: Some(0) }));
        self.state().drawn.entry(facts.draw_id.to_string()).or_insert(drawn).clone()
    }

    fn take(&self, facts: &GiftFacts) -> Reply {
        match facts.gift_id.get() {
            7 => Reply::Taken { cp_item_id: "sword".into() },
            8 => rejected("RECORD_STATUS_INVALID"),
            9 => rejected("RECORD_EXPIRED"),
            _ => rejected("RECORD_NOT_FOUND"),
        }
    }
}

/// What a call is called in `calls`, and what it is about.
fn name(ask: &Ask) -> (&'static str, String) {
    match ask {
        Ask::Probe => ("probe", String::new()),
        Ask::Precreate(facts) => ("precreate", facts.order_id.to_string()),
        Ask::Query { facts, .. } => ("query", facts.order_id.to_string()),
        Ask::Close(facts) => ("close", facts.order_id.to_string()),
        Ask::Profile => ("profile", String::new()),
        Ask::AuthApply { .. } => ("auth_apply", String::new()),
        Ask::AuthQuery { .. } => ("auth_query", String::new()),
        Ask::AuthCancel { .. } => ("auth_cancel", String::new()),
        Ask::SignOut => ("sign_out", String::new()),
        Ask::UserInfo => ("user_info", String::new()),
        Ask::Activities { .. } => ("activities", String::new()),
        Ask::Draw(facts) => ("draw", facts.draw_id.to_string()),
        Ask::DrawQuery(facts) => ("draw_query", facts.draw_id.to_string()),
        Ask::Gifts => ("gifts", String::new()),
        Ask::GiftTake(facts) => ("gift_take", facts.id().to_string()),
        Ask::GiftMark(facts) => ("gift_mark", facts.id().to_string()),
    }
}

impl Gateway for FakeGateway {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn check(&self, facts: &Facts) -> Result<(), Refusal> {
        if facts.title.contains('&') {
            return Err(Refusal::new(
                Code::STRING,
                "title holds &, which this gateway cannot take",
            ));
        }
        Ok(())
    }

    fn encode(&self, _: &Call, _: i64) -> Result<Prepared, Refusal> {
        unreachable!("run is replaced")
    }

    fn decode(&self, _: &Call, _: &Prepared, _: &HttpAnswer) -> Reply {
        unreachable!("run is replaced")
    }

    fn run(&self, call: &Call, _: i64, _: &dyn Transport) -> Reply {
        let (name, id) = name(&call.ask);
        self.state().calls.push(format!("{name} {id}").trim_end().to_owned());
        if self.state().offline {
            return Reply::in_doubt(DoubtKind::Network, "unplugged");
        }
        match &call.ask {
            Ask::Probe => Reply::Probed { server_ms: sys::wall_ms(), wait_s_max: 20 },
            Ask::Precreate(_) => {
                self.state().trades.entry(id.clone()).or_insert(TradeStatus::NotScanned);
                let qr_text = format!("https://qr.alipay.com/bax{id}");
                Reply::Shown { qr_text, expires_s: 300, server_ms: None }
            }
            Ask::Query { facts, wait_s } => self.query(facts, *wait_s),
            Ask::Close(facts) => self.close_trade(facts),
            Ask::Profile => match self.state().profile.clone() {
                Some(profile) => Reply::Profile(profile),
                None => Reply::Throttled { after_s: 3_600 },
            },
            Ask::AuthApply { attempt } => {
                let mut state = self.state();
                (state.auth, state.auth_told) = (None, None);
                let qr_text = format!("https://login.example/{attempt}");
                Reply::Code { qr_text, expires_s: 180, interval_s: 5 }
            }
            Ask::AuthQuery { wait_s, .. } => self.auth_query(*wait_s),
            Ask::AuthCancel { .. } | Ask::SignOut | Ask::GiftMark(_) => Reply::Done,
            Ask::UserInfo | Ask::Activities { .. } | Ask::Gifts => self.look_up(&call.ask),
            Ask::Draw(facts) => self.draw(facts),
            Ask::DrawQuery(_) => self.state().drawn.get(&id).cloned().unwrap_or(Reply::NoTrade),
            Ask::GiftTake(facts) => self.take(facts),
        }
    }
}
