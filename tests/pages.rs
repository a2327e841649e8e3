//! What the platform has switched on, and web pages, by the engine's behaviour.

mod bench;

use alitv_pay::core::call::{Ask, Call, CallNo, Reply};
use alitv_pay::core::code::{Code, Refusal};
use alitv_pay::core::engine::{Clock, Effect, Engine};
use alitv_pay::core::facts::AppKey;
use alitv_pay::core::report::{Event, Page, Profile, WebKind, WebReport};
use alitv_pay::core::web::Wanted;
use alitv_pay::limits::*;
use bench::{app, lost, Bench, BOOT_MS};

const PAGE: &str = "https://act.example.com/start?from=tv#top";

trait Pages {
    fn profile(&mut self) -> Option<Profile>;
    fn answer_profile(&mut self, reply: Reply);
    fn try_open(&mut self, wanted: Wanted) -> Result<Option<WebReport>, Refusal>;
    fn close(&mut self, web_id: &str) -> Result<(), Refusal>;
    fn webs(&self) -> Vec<(String, bool, Code)>;
    fn profiles_told(&self) -> Vec<Profile>;
}

impl Pages for Bench {
    fn profile(&mut self) -> Option<Profile> {
        self.with(|engine, clock, out| engine.profile(&app(), clock, out))
    }

    fn answer_profile(&mut self, reply: Reply) {
        let (call, _) = self.profiles.remove(0);
        self.reply(call, reply);
    }

    fn try_open(&mut self, wanted: Wanted) -> Result<Option<WebReport>, Refusal> {
        self.with(|engine, clock, out| engine.web_open(&app(), wanted, clock, out))
    }

    fn close(&mut self, web_id: &str) -> Result<(), Refusal> {
        self.with(|engine, _, out| engine.web_closed(&app(), web_id, out))
    }

    fn webs(&self) -> Vec<(String, bool, Code)> {
        let web = |event: &Event| match event {
            Event::Web(report) => Some((report.web_id.clone(), report.open, report.result)),
            _ => None,
        };
        self.told.iter().filter_map(web).collect()
    }

    fn profiles_told(&self) -> Vec<Profile> {
        let profile = |event: &Event| match event {
            Event::Profile { app_key, profile } if *app_key == app() => Some(profile.clone()),
            _ => None,
        };
        self.told.iter().filter_map(profile).collect()
    }
}

/// A platform with pages to start and to exit with.
fn switched_on() -> Profile {
    let page = |kind, url: &str| Page { kind, url: url.into() };
    Profile {
        pages: vec![page(WebKind::Start, PAGE), page(WebKind::Exit, "https://h/bye")],
        qr_url: Some("https://h/goods".into()),
        renewal: true,
    }
}

fn ready() -> Bench {
    let mut bench = Bench::probed(0);
    bench.answer_profile(Reply::Profile(switched_on()));
    bench
}

fn wanted(kind: WebKind, web_id: &str) -> Wanted {
    Wanted { kind, params: vec![], timeout_s: None, web_id: web_id.into() }
}

#[test]
fn the_platform_is_asked_at_the_start_and_told_when_it_changes() {
    let mut bench = Bench::probed(0);
    assert_eq!(bench.profiles.len(), 1);
    assert_eq!(bench.profile(), None);
    assert_eq!(bench.profiles.len(), 1, "one question at a time");
    bench.answer_profile(Reply::Profile(switched_on()));
    assert_eq!(bench.profile(), Some(switched_on()));
    assert_eq!(bench.profiles_told(), [switched_on()]);
    bench.pass(PROFILE_AGE_MS - 1);
    bench.profile();
    assert!(bench.profiles.is_empty(), "it is not old yet");
    bench.pass(1);
    assert_eq!(bench.profile(), Some(switched_on()), "the old one will do for now");
    bench.answer_profile(Reply::Profile(switched_on()));
    assert_eq!(bench.profiles_told().len(), 1, "nothing has changed");
    bench.pass(PROFILE_AGE_MS);
    bench.profile();
    bench.answer_profile(Reply::Profile(Profile::default()));
    assert_eq!(bench.profiles_told().last(), Some(&Profile::default()));
    assert_eq!(bench.engine.wake_at(), None, "nobody is woken up for it");
}

#[test]
fn a_platform_that_says_no_has_nothing_switched_on() {
    let mut bench = Bench::probed(0);
    bench.answer_profile(Reply::Rejected { code: "NO_APP".into(), text: String::new() });
    assert_eq!(bench.profile(), Some(Profile::default()));
}

#[test]
fn without_an_answer_it_is_asked_again_more_and_more_rarely() {
    let mut bench = Bench::probed(0);
    let mut pauses = Vec::new();
    for _ in 0..10 {
        bench.answer_profile(lost());
        let asked_at = bench.clock.boot_ms;
        while bench.profiles.is_empty() {
            bench.pass(1_000);
        }
        pauses.push(bench.clock.boot_ms - asked_at);
    }
    assert_eq!(pauses[..3], [5_000, 10_000, 20_000]);
    assert_eq!(pauses.last(), Some(&PROFILE_RETRY_MS_MAX));
    bench.answer_profile(lost());
    bench.profile();
    assert!(bench.profiles.is_empty(), "a loop in a game does not flood the gateway");
    bench.pass(PROFILE_RETRY_MS_MIN);
    bench.profile();
    assert_eq!(bench.profiles.len(), 1, "somebody waits");
    bench.answer_profile(Reply::Throttled { after_s: 7 });
    bench.pass(6_999);
    assert!(bench.profiles.is_empty());
    bench.pass(1);
    assert_eq!(bench.profiles.len(), 1);
}

#[test]
fn a_gateway_that_is_back_is_asked_what_is_not_known() {
    let mut bench = Bench::new();
    for _ in 0..8 {
        bench.answer_profile(lost());
        bench.pass(PROFILE_RETRY_MS_MAX);
    }
    bench.answer_profile(lost());
    bench.pass(PROFILE_RETRY_MS_MIN);
    assert!(bench.profiles.is_empty(), "the next question is far off");
    bench.answer_probe(0);
    assert_eq!(bench.profiles.len(), 1);
    bench.answer_profile(Reply::Profile(switched_on()));
    bench.with(|engine, clock, out| engine.auth(&app(), false, "a".into(), clock, out)).unwrap();
    bench.answer(lost());
    bench.pass(2_000);
    bench.answer(Reply::Code { qr_text: "q".into(), expires_s: 300, interval_s: 5 });
    assert!(bench.profiles.is_empty(), "what is known is not asked again before it is old");
}

#[test]
fn many_apps_are_asked_about_one_after_the_other() {
    let apps: Vec<AppKey> = (1..=APPS_MAX).map(|n| AppKey::new(n.to_string()).unwrap()).collect();
    let dead = apps[APPS_MAX / 2].clone();
    let mut engine = Engine::new(apps);
    let mut clock = Clock { boot_ms: BOOT_MS, wall_ms: 0 };
    let mut out = Vec::new();
    engine.start(clock, &mut out);
    let (mut asked, mut lost_ones) = (0, 0);
    while clock.boot_ms < BOOT_MS + 3_600_000 {
        while let Some((no, call)) = take_profile(&mut out) {
            assert!(take_profile(&mut out).is_none(), "one at a time");
            // One app never gets an answer: the others do not have to wait for it.
            let is_dead = call.app_key == dead;
            let reply = if is_dead { lost() } else { Reply::Profile(switched_on()) };
            (asked, lost_ones) = (asked + 1, lost_ones + usize::from(is_dead));
            engine.reply(no, reply, clock, &mut out);
        }
        clock.boot_ms = engine.wake_at().unwrap();
        engine.tick(clock, &mut out);
    }
    assert_eq!(asked - lost_ones, APPS_MAX - 1, "each once");
    assert!((8..20).contains(&lost_ones), "{lost_ones} tries in an hour");
}

fn is_profile(effect: &Effect) -> bool {
    matches!(effect, Effect::Send(_, call) if call.ask == Ask::Profile)
}

fn take_profile(out: &mut Vec<Effect>) -> Option<(CallNo, Call)> {
    let at = out.iter().position(is_profile)?;
    match out.remove(at) {
        Effect::Send(no, call) => Some((no, call)),
        _ => None,
    }
}

#[test]
fn a_page_is_opened_with_its_parameters_and_closed_by_its_host() {
    let mut bench = ready();
    let params = vec![("level".to_owned(), "3 & 4".to_owned())];
    let wish = Wanted { params, ..wanted(WebKind::Start, "w") };
    let report = bench.try_open(wish).unwrap().unwrap();
    assert_eq!(report.url, "https://act.example.com/start?from=tv&level=3%20%26%204#top");
    assert!(report.open && report.kind == WebKind::Start);
    assert_eq!(bench.engine.web(&app()), Some(report));
    assert_eq!(bench.close("other").unwrap_err().code, Code::NOT_FOUND);
    bench.close("w").unwrap();
    assert_eq!(bench.webs(), [("w".into(), true, Code::OK), ("w".into(), false, Code::OK)]);
    assert_eq!(bench.engine.web(&app()), None);
    assert_eq!(bench.close("w").unwrap_err().code, Code::NOT_FOUND);
    bench.pass(u64::from(WEB_OPEN_S_MAX) * 1_000);
    assert_eq!(bench.webs().len(), 2, "closed once");
}

#[test]
fn a_page_that_nobody_closes_is_closed() {
    for (timeout_s, closed_s) in [(None, WEB_OPEN_S_DEFAULT), (Some(20), 20)] {
        let mut bench = ready();
        let wish = Wanted { timeout_s, ..wanted(WebKind::Exit, "w") };
        bench.try_open(wish).unwrap().unwrap();
        bench.pass(u64::from(closed_s) * 1_000 - 1);
        assert_eq!(bench.webs().len(), 1);
        bench.pass(1);
        assert_eq!(bench.webs().last(), Some(&("w".into(), false, Code::TIMEOUT)));
        assert_eq!(bench.close("w").unwrap_err().code, Code::NOT_FOUND);
        assert_eq!(bench.engine.wake_at(), None);
    }
}

#[test]
fn one_page_at_a_time() {
    let mut bench = ready();
    bench.try_open(wanted(WebKind::Start, "a")).unwrap().unwrap();
    let refusal = bench.try_open(wanted(WebKind::Exit, "b")).unwrap_err();
    assert_eq!(refusal.code, Code::STATE);
    assert!(refusal.message.contains("start"), "{refusal}");
    bench.close("a").unwrap();
    bench.try_open(wanted(WebKind::Exit, "b")).unwrap().unwrap();
}

#[test]
fn a_page_that_is_not_switched_on_is_not_shown() {
    let mut bench = ready();
    assert_eq!(bench.try_open(wanted(WebKind::Custom, "w")), Ok(None));
    assert!(bench.webs().is_empty() && bench.engine.web(&app()).is_none());
}

#[test]
fn what_cannot_be_opened_says_why() {
    let mut bench = Bench::probed(0);
    let early = bench.try_open(wanted(WebKind::Start, "w")).unwrap_err();
    assert_eq!(early.code, Code::NOT_READY);
    let page = Page { kind: WebKind::Start, url: "file:///etc/passwd".into() };
    let profile = Profile { pages: vec![page], ..Profile::default() };
    bench.answer_profile(Reply::Profile(profile));
    let bad = bench.try_open(wanted(WebKind::Start, "w")).unwrap_err();
    assert_eq!(bad.code, Code::GATEWAY);
    let wish = Wanted { timeout_s: Some(1), ..wanted(WebKind::Start, "w") };
    assert_eq!(bench.try_open(wish).unwrap_err().code, Code::INVALID);
    let other = AppKey::new("999").unwrap();
    let wish = wanted(WebKind::Start, "w");
    let denied = bench.with(|engine, clock, out| engine.web_open(&other, wish, clock, out));
    assert_eq!(denied.unwrap_err().code, Code::DENIED);
    assert!(bench.webs().is_empty());
}
