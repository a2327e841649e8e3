//! Signing in, authorising and signing out, by the engine's behaviour.

mod bench;

use alitv_pay::core::call::{Ask, AuthStatus, CallNo, DoubtKind, Reply};
use alitv_pay::core::code::{Code, Refusal};
use alitv_pay::core::engine::Engine;
use alitv_pay::core::facts::AppKey;
use alitv_pay::core::lookup::Lookup;
use alitv_pay::core::record::Record;
use alitv_pay::core::report::{AccountReport, AccountState, AuthPhase, AuthReport, Event};
use alitv_pay::core::user::{Token, UserId};
use alitv_pay::limits::*;
use bench::{app, lost, Bench, USER};
use proptest::prelude::*;

const QR: &str = "https://qr.alipay.com/login";

trait Accounts {
    fn try_auth(&mut self, change: bool, attempt: &str) -> Result<AccountReport, Refusal>;
    fn auth(&mut self, attempt: &str) -> AccountReport;
    fn cancel(&mut self) -> Result<AccountReport, Refusal>;
    fn logout(&mut self) -> AccountReport;
    fn account(&self) -> AccountReport;
    /// Attempt, phase and result of everything that was told, and SIGNED_OUT where no attempt
    /// is in it.
    fn heard(&self) -> Vec<(String, AuthPhase, Code)>;
    fn ends(&self, attempt: &str) -> usize;
    fn show(&mut self, attempt: &str) -> CallNo;
    fn session_of(&self, call: CallNo) -> Option<String>;
}

impl Accounts for Bench {
    fn try_auth(&mut self, change: bool, attempt: &str) -> Result<AccountReport, Refusal> {
        let attempt = attempt.to_owned();
        self.with(|engine, clock, out| engine.auth(&app(), change, attempt, clock, out))
    }

    fn auth(&mut self, attempt: &str) -> AccountReport {
        self.try_auth(false, attempt).unwrap()
    }

    fn cancel(&mut self) -> Result<AccountReport, Refusal> {
        self.with(|engine, clock, out| engine.auth_cancel(&app(), clock, out))
    }

    fn logout(&mut self) -> AccountReport {
        self.with(|engine, clock, out| engine.logout(&app(), clock, out)).unwrap()
    }

    fn account(&self) -> AccountReport {
        self.engine.account(&app(), self.clock)
    }

    fn heard(&self) -> Vec<(String, AuthPhase, Code)> {
        let auths = reports(self).filter_map(|report| report.auth);
        auths.map(|auth| (auth.attempt, auth.phase, auth.result)).collect()
    }

    fn ends(&self, attempt: &str) -> usize {
        let over = |auth: &AuthReport| auth.attempt == attempt && auth.phase.is_over();
        reports(self).filter_map(|report| report.auth).filter(over).count()
    }

    /// An attempt whose code is on the screen, and the first question about it.
    fn show(&mut self, attempt: &str) -> CallNo {
        self.auth(attempt);
        self.answer(code());
        self.pass(5_000);
        let (call, question) = self.sent.last().unwrap();
        assert_eq!(question.ask, Ask::AuthQuery { attempt: attempt.into(), wait_s: 0 });
        *call
    }

    fn session_of(&self, call: CallNo) -> Option<String> {
        let (_, call) = self.sent.iter().find(|sent| sent.0 == call).unwrap();
        call.session.as_ref().map(|token| token.expose().to_owned())
    }
}

fn reports(bench: &Bench) -> impl Iterator<Item = AccountReport> + '_ {
    bench.told.iter().filter_map(|event| match event {
        Event::Account(report) => Some(report.clone()),
        _ => None,
    })
}

fn code() -> Reply {
    Reply::Code { qr_text: QR.into(), expires_s: 300, interval_s: 5 }
}

fn granted(user: &str, authorised: bool) -> Reply {
    let token = Token::new("token", format!("session-{user}")).unwrap();
    let user_id = UserId::new(user).unwrap();
    Reply::Auth(AuthStatus::Granted { user_id, token, authorised })
}

fn apply(attempt: &str) -> Ask {
    Ask::AuthApply { attempt: attempt.into() }
}

fn signed_in(user: &str, authorised: bool) -> Record {
    let token = Token::new("token", format!("session-{user}")).unwrap();
    let user_id = UserId::new(user).unwrap();
    Record::SignedIn { app_key: app(), user_id, token, authorised }
}

/// Signed in by an earlier run of the engine.
fn after(user: &str, authorised: bool) -> Bench {
    let mut bench = Bench::after(vec![signed_in(user, authorised)]);
    bench.answer_probe(0);
    bench
}

#[test]
fn a_login_goes_from_code_to_success() {
    let mut bench = Bench::probed(0);
    let report = bench.auth("a");
    assert_eq!(report.state, AccountState::SignedOut);
    let auth = report.auth.unwrap();
    assert_eq!((auth.phase, auth.authorise, auth.qr_text), (AuthPhase::Started, false, None));
    assert_eq!(bench.asks(), [&apply("a")]);
    assert_eq!(bench.session_of(bench.sent[0].0), None);
    bench.answer(code());
    let auth = bench.account().auth.unwrap();
    assert_eq!(auth.qr_text.as_deref(), Some(QR));
    assert_eq!(auth.expires_s, Some(300));
    bench.pass(4_999);
    assert_eq!(bench.asks(), Vec::<&Ask>::new(), "the interval is kept");
    bench.pass(1);
    bench.answer(Reply::Auth(AuthStatus::Scanned));
    bench.pass(5_000);
    bench.answer(Reply::Auth(AuthStatus::Waiting));
    assert_eq!(bench.account().auth.unwrap().phase, AuthPhase::Scanned, "it stays scanned");
    bench.pass(5_000);
    bench.answer(granted(USER, true));
    let phases: Vec<AuthPhase> = bench.heard().into_iter().map(|heard| heard.1).collect();
    use AuthPhase::{Code as Shown, Scanned, Started, Success};
    assert_eq!(phases, [Started, Shown, Scanned, Success]);
    let last = reports(&bench).last().unwrap();
    assert_eq!(last.state, AccountState::Authorised);
    assert_eq!(last.user_id.map(String::from).as_deref(), Some(USER));
    assert_eq!(bench.account().auth, None, "an attempt that has ended is gone");
    assert_eq!(bench.journal, [signed_in(USER, true)]);
    assert_eq!(bench.engine.wake_at(), None, "nothing is left to do");
    let sequences: Vec<u64> = reports(&bench).map(|report| report.sequence).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
}

#[test]
fn success_comes_after_the_record_and_logout_too() {
    let mut bench = Bench::probed(0);
    let call = bench.show("a");
    let mut order = Vec::new();
    let mut out = Vec::new();
    bench.engine.reply(call, granted(USER, true), bench.clock, &mut out);
    bench.engine.logout(&app(), bench.clock, &mut out).unwrap();
    for effect in &out {
        use alitv_pay::core::engine::Effect::*;
        order.push(match effect {
            Append(Record::SignedIn { .. }) => "signed in",
            Append(Record::SignedOut { .. }) => "signed out",
            Tell(Event::Account(report)) if report.auth.is_some() => "success",
            Tell(Event::Account(_)) => "logout",
            Send(_, call) if call.ask == Ask::SignOut => "to the gateway",
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(order, ["signed in", "success", "signed out", "logout", "to the gateway"]);
}

#[test]
fn who_is_authorised_is_told_so_at_once() {
    let mut bench = after(USER, true);
    let report = bench.auth("a");
    assert_eq!((report.state, report.auth), (AccountState::Authorised, None));
    assert_eq!((bench.told.len(), bench.sent.len()), (0, 0), "nothing follows");
}

#[test]
fn who_is_signed_in_is_asked_to_authorise() {
    let mut bench = after(USER, false);
    let report = bench.auth("a");
    assert_eq!(report.state, AccountState::SignedIn);
    assert!(report.auth.unwrap().authorise);
    let (call, _) = bench.sent[0];
    assert_eq!(bench.session_of(call).as_deref(), Some("session-u-1"));
    bench.answer(code());
    bench.pass(5_000);
    let (call, _) = bench.sent[0];
    assert_eq!(bench.session_of(call), None, "the grant may have replaced the session");
    bench.answer(granted(USER, true));
    assert_eq!(bench.account().state, AccountState::Authorised);
    assert_eq!(bench.heard().last().unwrap().1, AuthPhase::Success);
    assert!(bench.sent.is_empty(), "the session of the same user is not signed out");
}

#[test]
fn nobody_else_can_answer_a_request_to_authorise() {
    let mut bench = after(USER, false);
    bench.show("a");
    bench.answer(granted("u-2", true));
    assert_eq!(bench.heard().last().unwrap(), &("a".into(), AuthPhase::Failed, Code::AUTH_OTHER));
    let report = bench.account();
    assert_eq!(
        (report.state, report.user_id.map(String::from)),
        (AccountState::SignedIn, Some(USER.into()))
    );
    let (call, _) = bench.sent[0];
    assert_eq!(bench.asks(), [&Ask::SignOut]);
    assert_eq!(bench.session_of(call).as_deref(), Some("session-u-2"));
}

#[test]
fn a_login_without_authorisation_signs_in_and_ends_cancelled() {
    let mut bench = Bench::probed(0);
    bench.show("a");
    bench.answer(granted(USER, false));
    let last = reports(&bench).last().unwrap();
    assert_eq!(last.state, AccountState::SignedIn);
    let auth = last.auth.unwrap();
    assert_eq!((auth.phase, auth.result), (AuthPhase::Cancelled, Code::AUTH_CANCELLED));
    assert_eq!(bench.journal, [signed_in(USER, false)]);
}

#[test]
fn a_second_auth_joins_the_attempt() {
    let mut bench = Bench::probed(0);
    bench.auth("a");
    let told = bench.told.len();
    let report = bench.auth("b");
    assert_eq!(report.auth.unwrap().attempt, "a");
    assert_eq!((bench.told.len(), bench.asks()), (told, vec![&apply("a")]));
}

#[test]
fn a_newer_attempt_replaces_the_old_one_and_its_code() {
    let mut bench = Bench::probed(0);
    let old_question = bench.show("a");
    let report = bench.try_auth(true, "b").unwrap();
    assert_eq!(report.auth.unwrap().attempt, "b");
    assert!(bench.heard().contains(&("a".into(), AuthPhase::Cancelled, Code::AUTH_CANCELLED)));
    assert!(bench.asks().contains(&&Ask::AuthCancel { attempt: "a".into() }));
    bench.reply(old_question, granted("u-2", true));
    assert_eq!(bench.account().state, AccountState::SignedOut, "the old code signs nobody in");
    assert!(bench.journal.is_empty());
    bench.answer(code());
    bench.pass(5_000);
    bench.answer(granted(USER, true));
    assert_eq!(bench.journal, [signed_in(USER, true)]);
    assert_eq!((bench.ends("a"), bench.ends("b")), (1, 1));
}

#[test]
fn the_old_user_stays_until_the_new_one_has_signed_in() {
    let mut bench = after(USER, true);
    let report = bench.try_auth(true, "a").unwrap();
    assert_eq!(report.state, AccountState::Authorised);
    assert!(!report.auth.unwrap().authorise, "somebody else may sign in");
    bench.answer(code());
    bench.pass(5_000);
    bench.answer(Reply::Auth(AuthStatus::Denied));
    assert_eq!(bench.heard().last().unwrap().1, AuthPhase::Cancelled);
    assert_eq!(bench.account().user_id.map(String::from).as_deref(), Some(USER));
    bench.try_auth(true, "b").unwrap();
    bench.answer(code());
    bench.pass(5_000);
    bench.answer(granted("u-2", true));
    assert_eq!(bench.account().user_id.map(String::from).as_deref(), Some("u-2"));
    let (call, _) = bench.sent[0];
    assert_eq!(bench.asks(), [&Ask::SignOut], "the gateway may forget the old session");
    assert_eq!(bench.session_of(call).as_deref(), Some("session-u-1"));
}

#[test]
fn giving_up_ends_the_attempt_and_kills_the_code() {
    let mut bench = Bench::probed(0);
    assert_eq!(bench.cancel().unwrap_err().code, Code::NOT_FOUND);
    let question = bench.show("a");
    let report = bench.cancel().unwrap();
    assert_eq!(report.auth, None);
    assert_eq!(bench.ends("a"), 1);
    assert_eq!(bench.asks().last(), Some(&&Ask::AuthCancel { attempt: "a".into() }));
    bench.reply(question, granted(USER, true));
    assert_eq!(bench.account().state, AccountState::SignedOut);
    assert_eq!(bench.cancel().unwrap_err().code, Code::NOT_FOUND);
    bench.pass(600_000);
    assert_eq!(bench.ends("a"), 1);
}

#[test]
fn logout_ends_everything_once() {
    let mut bench = Bench::authorised();
    bench.try_auth(true, "b").unwrap();
    bench.answer(code());
    let report = bench.logout();
    assert_eq!((report.state, report.user_id, report.auth), (AccountState::SignedOut, None, None));
    assert_eq!(bench.ends("b"), 1);
    let last = reports(&bench).last().unwrap();
    assert_eq!((last.state, last.auth), (AccountState::SignedOut, None));
    assert_eq!(bench.journal.last(), Some(&Record::SignedOut { app_key: app() }));
    let (told, kept) = (bench.told.len(), bench.journal.len());
    bench.logout();
    assert_eq!((bench.told.len(), bench.journal.len()), (told, kept), "there is nobody left");
    let (call, _) = *bench.sent.last().as_ref().unwrap();
    assert_eq!(bench.session_of(*call).as_deref(), Some("session-u-1"));
}

#[test]
fn whatever_the_gateway_says_about_a_code_is_one_end() {
    let cases = [
        (Reply::Auth(AuthStatus::Denied), AuthPhase::Cancelled, Code::AUTH_CANCELLED),
        (Reply::Auth(AuthStatus::Expired), AuthPhase::Failed, Code::AUTH_EXPIRED),
        (rejected(), AuthPhase::Failed, Code::AUTH_OTHER),
    ];
    for (reply, phase, result) in cases {
        let mut bench = Bench::probed(0);
        bench.show("a");
        bench.answer(reply);
        assert_eq!(bench.heard().last().unwrap(), &("a".into(), phase, result));
        bench.pass(600_000);
        assert_eq!(bench.ends("a"), 1);
        assert!(bench.journal.is_empty() && bench.sent.is_empty());
    }
}

fn rejected() -> Reply {
    Reply::Rejected { code: "APP_OFF".into(), text: "no such app".into() }
}

#[test]
fn a_code_that_is_refused_fails_at_once_with_the_gateways_words() {
    let mut bench = Bench::probed(0);
    bench.auth("a");
    bench.answer(rejected());
    let auth = reports(&bench).last().unwrap().auth.unwrap();
    assert_eq!((auth.phase, auth.result), (AuthPhase::Failed, Code::AUTH_OTHER));
    assert_eq!(auth.message.as_deref(), Some("APP_OFF: no such app"));
}

#[test]
fn no_code_in_time_fails_with_what_was_wrong() {
    let trouble = [
        (lost(), Code::NETWORK),
        (Reply::in_doubt(DoubtKind::Signature, "not signed"), Code::SIGNATURE),
        (Reply::in_doubt(DoubtKind::Clock, "1970"), Code::CLOCK),
        (Reply::NoTrade, Code::GATEWAY),
        (Reply::NoSession, Code::GATEWAY),
        (Reply::Throttled { after_s: 9 }, Code::LIMIT),
    ];
    for (reply, code) in trouble {
        let mut bench = Bench::probed(0);
        bench.auth("a");
        let started = bench.clock.boot_ms;
        while bench.ends("a") == 0 {
            if let Some(at) = bench.sent.iter().position(|(_, call)| call.ask == apply("a")) {
                let (call, _) = bench.sent.remove(at);
                bench.reply(call, reply.clone());
            }
            bench.pass(100);
        }
        assert_eq!(bench.clock.boot_ms - started, AUTH_START_MS, "{reply:?}");
        assert_eq!(bench.heard().last().unwrap(), &("a".into(), AuthPhase::Failed, code));
    }
    let mut bench = Bench::probed(0);
    bench.auth("a");
    bench.pass(AUTH_START_MS);
    assert_eq!(bench.heard().last().unwrap().2, Code::NETWORK, "no answer at all");
    bench.answer(code());
    assert_eq!(bench.ends("a"), 1, "a code that comes later is nobody's");
    assert_eq!(bench.account().auth, None);
}

#[test]
fn a_code_ends_by_the_engines_timer() {
    let mut bench = Bench::probed(0);
    let question = bench.show("a");
    let left_ms = 300_000 - 5_000;
    bench.pass(left_ms - 1);
    assert_eq!(bench.ends("a"), 0);
    bench.pass(1);
    assert_eq!(bench.heard().last().unwrap(), &("a".into(), AuthPhase::Failed, Code::AUTH_EXPIRED));
    bench.reply(question, granted(USER, true));
    assert_eq!(bench.account().state, AccountState::SignedOut, "too late");
    assert!(bench.journal.is_empty());
}

/// Boot milliseconds between the next questions about the code, each answered by `reply`.
fn pauses(bench: &mut Bench, count: usize, reply: &Reply) -> Vec<u64> {
    let mut pauses = Vec::new();
    for _ in 0..count {
        let (call, _) = bench.sent.pop().expect("a question is out");
        bench.reply(call, reply.clone());
        let answered = bench.clock.boot_ms;
        while bench.sent.is_empty() {
            bench.pass(100);
        }
        pauses.push(bench.clock.boot_ms - answered);
    }
    pauses
}

#[test]
fn asking_slows_down_when_told_and_stays_slow() {
    let mut bench = Bench::probed(0);
    bench.show("a");
    let throttled = Reply::Throttled { after_s: 1 };
    assert_eq!(pauses(&mut bench, 2, &throttled), [10_000, 15_000]);
    let waiting = Reply::Auth(AuthStatus::Waiting);
    assert_eq!(pauses(&mut bench, 2, &waiting), [15_000, 15_000]);
    assert_eq!(pauses(&mut bench, 1, &Reply::Throttled { after_s: 40 }), [40_000]);
}

#[test]
fn the_gateways_interval_is_kept_within_its_bounds() {
    let cases = [
        (0, AUTH_INTERVAL_S_DEFAULT),
        (1, AUTH_INTERVAL_S_MIN),
        (20, 20),
        (9_999, AUTH_INTERVAL_S_MAX),
    ];
    for (interval_s, kept_s) in cases {
        let mut bench = Bench::probed(0);
        bench.auth("a");
        bench.answer(Reply::Code { qr_text: QR.into(), expires_s: 300, interval_s });
        bench.pass(u64::from(kept_s) * 1_000 - 1);
        assert!(bench.sent.is_empty(), "{interval_s}");
        bench.pass(1);
        assert_eq!(bench.sent.len(), 1, "{interval_s}");
    }
}

#[test]
fn without_answers_asking_backs_off_and_a_gateway_that_is_back_is_asked_soon() {
    let mut bench = Bench::probed(0);
    bench.show("a");
    assert_eq!(pauses(&mut bench, 5, &lost()), [5_000, 5_000, 5_000, 8_000, 16_000]);
    let phase = |bench: &Bench| bench.account().auth.unwrap().phase;
    assert_eq!(phase(&bench), AuthPhase::Code, "not knowing is no end");
    bench.answer(lost());
    bench.pass(5_000);
    assert!(bench.sent.is_empty(), "the next question is far off");
    let (profile, _) = bench.profiles.remove(0);
    bench.reply(profile, Reply::Profile(Default::default()));
    bench.pass(0);
    bench.answer(granted(USER, true));
    assert_eq!(bench.account().state, AccountState::Authorised);
}

#[test]
fn a_held_question_is_asked_at_once_and_never_floods() {
    let mut bench = Bench::probed(20);
    bench.auth("a");
    bench.answer(code());
    bench.pass(0);
    let held = Ask::AuthQuery { attempt: "a".into(), wait_s: 20 };
    assert_eq!(bench.asks(), [&held]);
    let at_once = pauses(&mut bench, 3, &Reply::Auth(AuthStatus::Waiting));
    assert_eq!(at_once, [POLL_MS_MIN; 3], "a gateway that does not hold");
    let slower = pauses(&mut bench, 1, &Reply::Throttled { after_s: 1 });
    assert_eq!(slower, [10_000]);
    let (call, _) = bench.sent.pop().unwrap();
    bench.pass(20_000);
    bench.reply(call, Reply::Auth(AuthStatus::Waiting));
    bench.pass(0);
    assert_eq!(bench.asks(), [&held]);
}

#[test]
fn held_questions_leave_workers_to_others() {
    let apps: Vec<AppKey> =
        ["1", "2", "3"].into_iter().map(|text| AppKey::new(text).unwrap()).collect();
    let mut engine = Engine::new(apps.clone());
    let clock = alitv_pay::core::engine::Clock { boot_ms: bench::BOOT_MS, wall_ms: 0 };
    let mut out = Vec::new();
    engine.start(clock, &mut out);
    let probe = sent(&out, |ask| *ask == Ask::Probe)[0];
    engine.reply(probe, Reply::Probed { server_ms: 1, wait_s_max: 20 }, clock, &mut out);
    for app in &apps {
        engine.auth(app, false, "a".into(), clock, &mut out).unwrap();
    }
    for call in sent(&out, |ask| matches!(ask, Ask::AuthApply { .. })) {
        engine.reply(call, code(), clock, &mut out);
    }
    engine.tick(clock, &mut out);
    let held = |ask: &Ask| matches!(ask, Ask::AuthQuery { wait_s, .. } if *wait_s > 0);
    assert_eq!(sent(&out, held).len(), HELD_MAX);
}

fn sent(out: &[alitv_pay::core::engine::Effect], wanted: impl Fn(&Ask) -> bool) -> Vec<CallNo> {
    out.iter()
        .filter_map(|effect| match effect {
            alitv_pay::core::engine::Effect::Send(no, call) if wanted(&call.ask) => Some(*no),
            _ => None,
        })
        .collect()
}

#[test]
fn a_session_that_is_over_signs_out_whoever_asks() {
    let mut bench = Bench::authorised();
    bench.with(|engine, clock, out| engine.lookup(&app(), Lookup::User, 1, clock, out)).unwrap();
    bench.answer(Reply::NoSession);
    let told: Vec<AccountReport> = reports(&bench).collect();
    assert_eq!(told.len(), 1);
    assert_eq!((told[0].state, &told[0].auth), (AccountState::SignedOut, &None));
    assert_eq!(bench.journal.last(), Some(&Record::SignedOut { app_key: app() }));
    assert_eq!(bench.asks(), Vec::<&Ask>::new(), "the gateway knows already");
}

#[test]
fn an_old_sessions_end_is_not_the_present_users() {
    let mut bench = Bench::authorised();
    bench.with(|engine, clock, out| engine.lookup(&app(), Lookup::User, 1, clock, out)).unwrap();
    let (old_call, _) = bench.sent.pop().unwrap();
    bench.sign_in("u-2");
    bench.reply(old_call, Reply::NoSession);
    assert_eq!(bench.account().user_id.map(String::from).as_deref(), Some("u-2"));
    assert_eq!(bench.account().state, AccountState::Authorised);
}

#[test]
fn authorising_without_a_valid_session_fails_and_signs_out() {
    let mut bench = after(USER, false);
    bench.auth("a");
    bench.answer(Reply::NoSession);
    assert_eq!(bench.heard().last().unwrap(), &("a".into(), AuthPhase::Failed, Code::UNAUTHORIZED));
    assert_eq!(bench.ends("a"), 1);
    assert_eq!(bench.account().state, AccountState::SignedOut);
    let auth = bench.auth("b").auth.unwrap();
    assert!(!auth.authorise, "now somebody may sign in");
}

#[test]
fn an_attempt_does_not_survive_a_restart_and_the_user_does() {
    let mut bench = Bench::authorised();
    bench.try_auth(true, "b").unwrap();
    bench.answer(code());
    let again = Bench::after(bench.journal.clone());
    let report = again.account();
    assert_eq!((report.state, report.auth), (AccountState::Authorised, None));
    assert!(again.told.is_empty() && again.asks() == [&Ask::Probe]);
    assert_eq!(Bench::after(bench.engine.snapshot()).account(), report_of(&again));
    bench.logout();
    let out = Bench::after(bench.journal.clone());
    assert_eq!(out.account().state, AccountState::SignedOut);
    assert_eq!(bench.engine.snapshot(), [], "nothing is kept of who has signed out");
}

fn report_of(bench: &Bench) -> AccountReport {
    bench.account()
}

#[test]
fn too_many_attempts_in_a_minute_are_refused() {
    let mut bench = Bench::probed(0);
    for n in 0..AUTHS_NEW_PER_MINUTE_MAX {
        bench.try_auth(true, &n.to_string()).unwrap();
    }
    let last = bench.account().auth.unwrap().attempt;
    let refusal = bench.try_auth(true, "one more").unwrap_err();
    assert_eq!(refusal.code, Code::LIMIT);
    assert!(refusal.message.contains(&AUTHS_NEW_PER_MINUTE_MAX.to_string()), "{refusal}");
    assert_eq!(bench.account().auth.unwrap().attempt, last, "the running one was left alone");
    assert_eq!(bench.auth("joins").auth.unwrap().attempt, last, "joining costs nothing");
    bench.pass(60_000);
    bench.try_auth(true, "later").unwrap();
}

#[test]
fn an_app_that_is_not_served_is_denied() {
    let mut bench = Bench::probed(0);
    let other = AppKey::new("999").unwrap();
    let denied = bench.with(|engine, clock, out| {
        [
            engine.auth(&other, false, "a".into(), clock, out).unwrap_err(),
            engine.auth_cancel(&other, clock, out).unwrap_err(),
            engine.logout(&other, clock, out).unwrap_err(),
        ]
    });
    assert!(denied.iter().all(|refusal| refusal.code == Code::DENIED));
    assert_eq!(bench.engine.account(&other, bench.clock).state, AccountState::SignedOut);
}

#[test]
fn the_user_of_an_app_that_is_not_served_is_kept() {
    let record = Record::SignedIn {
        app_key: AppKey::new("999").unwrap(),
        user_id: UserId::new(USER).unwrap(),
        token: Token::new("token", "t").unwrap(),
        authorised: true,
    };
    let bench = Bench::after(vec![record.clone()]);
    assert_eq!(bench.engine.snapshot(), [record]);
}

/// What may happen to an account, in any order.
#[derive(Clone, Debug)]
enum Step {
    Auth { change: bool },
    Cancel,
    Logout,
    Lookup,
    Answer { which: usize, reply: Reply },
    Pass(u64),
    Restart,
}

fn any_reply() -> impl Strategy<Value = Reply> {
    prop_oneof![
        4 => Just(code()),
        2 => Just(Reply::Code { qr_text: QR.into(), expires_s: 0, interval_s: 0 }),
        4 => (prop_oneof![Just(USER), Just("u-2")], any::<bool>())
            .prop_map(|(user, authorised)| granted(user, authorised)),
        2 => Just(Reply::Auth(AuthStatus::Waiting)),
        2 => Just(Reply::Auth(AuthStatus::Scanned)),
        1 => Just(Reply::Auth(AuthStatus::Denied)),
        1 => Just(Reply::Auth(AuthStatus::Expired)),
        1 => Just(Reply::NoSession),
        1 => Just(rejected()),
        1 => Just(lost()),
        1 => Just(Reply::Throttled { after_s: 7 }),
        1 => Just(Reply::Done),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => any::<bool>().prop_map(|change| Step::Auth { change }),
        1 => Just(Step::Cancel),
        1 => Just(Step::Logout),
        1 => Just(Step::Lookup),
        8 => (any::<usize>(), any_reply())
            .prop_map(|(which, reply)| Step::Answer { which, reply }),
        3 => prop_oneof![Just(1_000), Just(5_000), Just(61_000), Just(400_000)]
            .prop_map(Step::Pass),
        1 => Just(Step::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// Every attempt that began has ended once, goes on, or was lost by a restart; what is told
    /// is what a replay makes; and nothing is signed in that the gateway has not granted.
    #[test]
    fn any_sequence_keeps_the_account_true(steps in prop::collection::vec(any_step(), 1..60)) {
        let mut bench = Bench::probed(0);
        let mut begun = Vec::new();
        for (n, step) in steps.into_iter().enumerate() {
            bench.told.clear();
            let running = bench.account().auth.map(|auth| auth.attempt);
            let before = bench.account();
            let mut may_sign_in = false;
            match step {
                Step::Auth { change } => {
                    let _ = bench.try_auth(change, &n.to_string());
                }
                Step::Cancel => drop(bench.cancel()),
                Step::Logout => drop(bench.logout()),
                Step::Lookup => {
                    let ticket = n as u64;
                    let _ = bench.with(|engine, clock, out| {
                        engine.lookup(&app(), Lookup::User, ticket, clock, out)
                    });
                }
                Step::Answer { which, reply } if !bench.sent.is_empty() => {
                    let at = which % bench.sent.len();
                    let (call, what) = bench.sent.remove(at);
                    let current = Ask::AuthQuery {
                        attempt: running.clone().unwrap_or_default(),
                        wait_s: 0,
                    };
                    let grants = matches!(reply, Reply::Auth(AuthStatus::Granted { .. }));
                    may_sign_in = grants && what.ask == current;
                    bench.reply(call, reply);
                }
                Step::Answer { .. } => {}
                Step::Pass(ms) => bench.pass(ms),
                Step::Restart => {
                    let journal = bench.journal.clone();
                    bench = Bench::after(journal);
                    bench.answer_probe(0);
                    prop_assert_eq!(bench.account().user_id, before.user_id.clone());
                    prop_assert_eq!(bench.account().state, before.state);
                    begun.clear();
                }
            }
            // Whoever signed in did so by the newest code, in this very step.
            let after = bench.account();
            let authorised = |report: &AccountReport| report.state == AccountState::Authorised;
            let gained = after.user_id.is_some()
                && (after.user_id != before.user_id || (authorised(&after) && !authorised(&before)));
            prop_assert!(!gained || may_sign_in);
            // What was told: the last word is the present state, sequences grow by one.
            let told: Vec<AccountReport> = reports(&bench).collect();
            if let Some(last) = told.last() {
                prop_assert_eq!(last.state, after.state);
                prop_assert_eq!(last.sequence, after.sequence);
            }
            for pair in told.windows(2) {
                prop_assert_eq!(pair[0].sequence + 1, pair[1].sequence);
            }
            // Ends.
            for report in &told {
                let Some(auth) = &report.auth else { continue };
                if auth.phase == AuthPhase::Started {
                    prop_assert!(!begun.contains(&auth.attempt));
                    begun.push(auth.attempt.clone());
                }
                if auth.phase.is_over() {
                    let at = begun.iter().position(|attempt| *attempt == auth.attempt);
                    prop_assert!(at.is_some(), "{} ended twice or never began", auth.attempt);
                    begun.remove(at.unwrap());
                    if auth.phase == AuthPhase::Success {
                        prop_assert_eq!(report.state, AccountState::Authorised);
                    }
                }
            }
            let goes_on: Vec<String> = after.auth.iter().map(|auth| auth.attempt.clone()).collect();
            prop_assert_eq!(&goes_on, &begun);
            // A restart now would make the same of the journal.
            let replayed = Bench::after(bench.journal.clone()).account();
            prop_assert_eq!((replayed.state, replayed.user_id), (after.state, after.user_id));
        }
    }
}

/// Whoever only tried another account goes on as who they were.
#[test]
fn a_change_that_does_not_authorise_leaves_the_old_user() {
    let mut bench = Bench::authorised();
    bench.with(|engine, clock, out| engine.auth(&app(), true, "a2".into(), clock, out)).unwrap();
    let qr_text = "https://qr.alipay.com/login".into();
    bench.answer(Reply::Code { qr_text, expires_s: 300, interval_s: 5 });
    bench.pass(5_000);
    let token = Token::new("token", "session-u-2").unwrap();
    let user_id = UserId::new("u-2").unwrap();
    bench.answer(Reply::Auth(AuthStatus::Granted { user_id, token, authorised: false }));
    let account = bench.engine.account(&app(), bench.clock);
    assert_eq!(account.state, AccountState::Authorised);
    assert_eq!(account.user_id.unwrap().as_str(), USER);
    let Some(Event::Account(told)) = bench.told.last() else { panic!("{:?}", bench.told) };
    assert_eq!(told.auth.as_ref().map(|auth| auth.phase), Some(AuthPhase::Cancelled));
    let (_, sign_out) = bench.sent.last().unwrap();
    assert_eq!(sign_out.ask, Ask::SignOut);
    assert_eq!(sign_out.session.as_ref().unwrap().expose(), "session-u-2");
}
