//! Look-ups by the engine's behaviour: each gets exactly one answer.

mod bench;

use alitv_pay::core::award::{Activity, Gift, GiftId, GiftStatus};
use alitv_pay::core::call::{Ask, DoubtKind, Reply};
use alitv_pay::core::code::{Code, Refusal};
use alitv_pay::core::facts::{AppKey, EventKey};
use alitv_pay::core::lookup::{Found, Lookup, Ticket};
use alitv_pay::core::record::Record;
use alitv_pay::core::report::AccountState;
use alitv_pay::core::user::{User, UserId};
use alitv_pay::limits::*;
use bench::{app, lost, Bench, SERVER_MS, USER};

const ALL: Lookup = Lookup::Activities { event_key: None };

trait Lookups {
    fn look_up(&mut self, lookup: Lookup, ticket: Ticket) -> Result<(), Refusal>;
    fn only_answer(&self) -> &(Ticket, Result<Found, Refusal>);
    fn session_of_last(&self) -> Option<String>;
}

impl Lookups for Bench {
    fn look_up(&mut self, lookup: Lookup, ticket: Ticket) -> Result<(), Refusal> {
        self.with(|engine, clock, out| engine.lookup(&app(), lookup, ticket, clock, out))
    }

    fn only_answer(&self) -> &(Ticket, Result<Found, Refusal>) {
        assert_eq!(self.answers.len(), 1, "{:?}", self.answers);
        &self.answers[0]
    }

    fn session_of_last(&self) -> Option<String> {
        let (_, call) = self.sent.last().unwrap();
        call.session.as_ref().map(|token| token.expose().to_owned())
    }
}

fn user(id: &str) -> User {
    let user_id = UserId::new(id).unwrap();
    User { user_id, nick: Some("n".into()), avatar_url: None, points: Some(7) }
}

fn gift() -> Gift {
    let gift_id = GiftId::new(77).unwrap();
    Gift { gift_id, cp_item_id: "sword".into(), status: GiftStatus::Pending }
}

#[test]
fn each_question_finds_its_own_answer() {
    let key = EventKey::new("spring").unwrap();
    let activity = Activity { event_key: "spring".into(), ..Activity::default() };
    let one = Lookup::Activities { event_key: Some(key.clone()) };
    let cases = [
        (Lookup::User, Ask::UserInfo, Reply::User(user(USER)), Found::User(user(USER))),
        (
            ALL,
            Ask::Activities { event_key: None },
            Reply::Activities(vec![]),
            Found::Activities(vec![]),
        ),
        (
            one,
            Ask::Activities { event_key: Some(key) },
            Reply::Activities(vec![activity.clone()]),
            Found::Activities(vec![activity]),
        ),
        (Lookup::Gifts, Ask::Gifts, Reply::Gifts(vec![gift()]), Found::Gifts(vec![gift()])),
    ];
    for (lookup, ask, reply, found) in cases {
        let mut bench = Bench::authorised();
        bench.look_up(lookup, 5).unwrap();
        assert_eq!(bench.asks(), [&ask]);
        assert_eq!(bench.session_of_last().as_deref(), Some("session-u-1"));
        assert!(bench.answers.is_empty(), "not before the gateway has answered");
        bench.answer(reply);
        assert_eq!(bench.only_answer(), &(5, Ok(found)));
    }
}

#[test]
fn answers_come_when_they_come() {
    let mut bench = Bench::authorised();
    bench.look_up(Lookup::User, 1).unwrap();
    bench.look_up(Lookup::Gifts, 2).unwrap();
    bench.look_up(ALL, 3).unwrap();
    let calls: Vec<u64> = bench.sent.drain(..).map(|(call, _)| call).collect();
    bench.reply(calls[2], Reply::Activities(vec![]));
    bench.reply(calls[0], lost());
    bench.reply(calls[1], Reply::Gifts(vec![]));
    bench.reply(calls[1], Reply::Gifts(vec![gift()]));
    let tickets: Vec<Ticket> = bench.answers.iter().map(|answer| answer.0).collect();
    assert_eq!(tickets, [3, 1, 2], "each once");
}

#[test]
fn who_may_not_ask_is_refused_at_once() {
    let mut bench = Bench::probed(0);
    for lookup in [Lookup::User, Lookup::Gifts] {
        let refusal = bench.look_up(lookup, 1).unwrap_err();
        assert_eq!(
            (refusal.code, refusal.message.as_str()),
            (Code::UNAUTHORIZED, "nobody is signed in")
        );
    }
    let other = AppKey::new("999").unwrap();
    let denied = bench.with(|engine, clock, out| engine.lookup(&other, ALL, 1, clock, out));
    assert_eq!(denied.unwrap_err().code, Code::DENIED);
    let user_id = UserId::new(USER).unwrap();
    let token = alitv_pay::core::user::Token::new("token", "session").unwrap();
    let record = Record::SignedIn { app_key: app(), user_id, token, authorised: false };
    let mut bench = Bench::after(vec![record]);
    bench.answer_probe(0);
    let refusal = bench.look_up(Lookup::User, 1).unwrap_err();
    assert_eq!(refusal.code, Code::UNAUTHORIZED);
    assert!(refusal.message.contains("not authorised"), "{refusal}");
    assert!(bench.sent.is_empty() && bench.answers.is_empty());
    bench.look_up(ALL, 1).unwrap();
    assert_eq!(bench.session_of_last(), None, "the app may not act for the user");
}

#[test]
fn the_lotteries_are_there_for_everybody() {
    let mut bench = Bench::probed(0);
    bench.look_up(ALL, 1).unwrap();
    assert_eq!(bench.session_of_last(), None);
    bench.answer(Reply::Activities(vec![]));
    assert_eq!(bench.only_answer(), &(1, Ok(Found::Activities(vec![]))));
}

#[test]
fn what_is_no_answer_is_refused_with_its_code() {
    let rejected = Reply::Rejected { code: "NO".into(), text: "not today".into() };
    let cases = [
        (lost(), Code::NETWORK, "cable"),
        (Reply::in_doubt(DoubtKind::Signature, "forged"), Code::SIGNATURE, "forged"),
        (Reply::in_doubt(DoubtKind::Gateway, "502"), Code::GATEWAY, "502"),
        (Reply::Throttled { after_s: 12 }, Code::LIMIT, "12 s"),
        (rejected, Code::GATEWAY, "NO: not today"),
        (Reply::Gifts(vec![]), Code::GATEWAY, "does not fit"),
        (Reply::User(user("u-2")), Code::SIGNATURE, "another user"),
    ];
    for (reply, code, words) in cases {
        let mut bench = Bench::authorised();
        bench.look_up(Lookup::User, 1).unwrap();
        bench.answer(reply);
        let refusal = bench.only_answer().1.clone().unwrap_err();
        assert_eq!(refusal.code, code);
        assert!(refusal.message.contains(words), "{refusal}");
        assert!(bench.sent.is_empty(), "a look-up is not repeated");
    }
}

fn wrong_clock() -> Reply {
    Reply::in_doubt(DoubtKind::Clock, "timestamp")
}

#[test]
fn a_wrong_clock_is_set_right_and_the_question_asked_once_more() {
    let mut bench = Bench::authorised();
    bench.look_up(Lookup::User, 1).unwrap();
    bench.answer(wrong_clock());
    assert_eq!(bench.asks(), [&Ask::Probe]);
    assert!(bench.answers.is_empty());
    bench.answer(Reply::Probed { server_ms: SERVER_MS + 9, wait_s_max: 0 });
    assert_eq!(bench.asks(), [&Ask::UserInfo]);
    bench.answer(Reply::User(user(USER)));
    assert_eq!(bench.only_answer(), &(1, Ok(Found::User(user(USER)))));
    bench.look_up(Lookup::Gifts, 2).unwrap();
    bench.answer(wrong_clock());
    bench.answer(lost());
    bench.answer(wrong_clock());
    assert_eq!(bench.answers[1].1.as_ref().unwrap_err().code, Code::CLOCK, "once is enough");
    bench.sent.retain(|(_, call)| call.ask != Ask::Probe);
    assert!(bench.sent.is_empty());
}

#[test]
fn a_session_that_is_over_signs_out_and_refuses() {
    let mut bench = Bench::authorised();
    bench.look_up(Lookup::Gifts, 1).unwrap();
    bench.answer(Reply::NoSession);
    assert_eq!(bench.only_answer().1.as_ref().unwrap_err().code, Code::UNAUTHORIZED);
    assert_eq!(bench.engine.account(&app(), bench.clock).state, AccountState::SignedOut);
    let mut bench = Bench::authorised();
    bench.look_up(ALL, 2).unwrap();
    bench.answer(Reply::NoSession);
    assert_eq!(bench.session_of_last(), None, "asked again as nobody");
    bench.answer(Reply::Activities(vec![]));
    assert_eq!(bench.only_answer(), &(2, Ok(Found::Activities(vec![]))));
    assert_eq!(bench.engine.account(&app(), bench.clock).state, AccountState::SignedOut);
}

#[test]
fn an_answer_about_who_was_here_before_is_not_given() {
    let mut bench = Bench::authorised();
    bench.look_up(Lookup::User, 1).unwrap();
    let (call, _) = bench.sent.pop().unwrap();
    bench.with(|engine, clock, out| engine.logout(&app(), clock, out)).unwrap();
    bench.reply(call, Reply::User(user(USER)));
    assert_eq!(bench.only_answer().1.as_ref().unwrap_err().code, Code::UNAUTHORIZED);
    let mut bench = Bench::authorised();
    bench.look_up(Lookup::Gifts, 1).unwrap();
    let (call, _) = bench.sent.pop().unwrap();
    bench.sign_in("u-2");
    bench.reply(call, Reply::Gifts(vec![gift()]));
    assert_eq!(bench.only_answer().1.as_ref().unwrap_err().code, Code::UNAUTHORIZED);
}

#[test]
fn look_ups_have_their_bound() {
    let mut bench = Bench::authorised();
    for ticket in 0..LOOKUPS_PER_APP_MAX as u64 {
        bench.look_up(ALL, ticket).unwrap();
    }
    let refusal = bench.look_up(ALL, 99).unwrap_err();
    assert_eq!(refusal.code, Code::LIMIT);
    assert!(refusal.message.contains(&LOOKUPS_PER_APP_MAX.to_string()), "{refusal}");
    bench.answer(lost());
    bench.look_up(ALL, 99).unwrap();
    while !bench.sent.is_empty() {
        bench.answer(wrong_clock());
    }
    assert_eq!(bench.answers.len(), LOOKUPS_PER_APP_MAX + 1);
    for ticket in 0..LOOKUPS_PER_APP_MAX as u64 {
        bench.look_up(ALL, ticket).unwrap();
    }
}
