//! `notify listen`: from a payment on a box to goods that are handed out once.

use std::collections::BTreeSet;
use std::fs;
use std::thread;
use std::time::Instant;

use alitv_pay::limits::{NOTIFY_COOL_DOWN_MS, NOTIFY_SOURCE_BURST};
use alitv_pay::merchant::ledger::{GrantState, OrderState};

use crate::stage::until;
use crate::world::{forged, losing_the_first_answer, World};

const REMEMBER: &str = "echo $ALITV_GRANT_ID >> DIR/goods";

#[test]
fn a_payment_on_a_box_hands_out_the_goods_once() {
    let mut world = World::new();
    let mut listener = world.listen_exec("cat >> DIR/json; echo $ALITV_GRANT_ID >> DIR/goods");
    world.add("T1", "600");
    world.show("T1", &listener.notify_url());
    world.pay("T1");
    let notify = world.await_ack("T1");
    assert_eq!(notify["attempts"][0]["answer"], "success");
    world.await_text("goods", "grant-T1\n");
    let goods: serde_json::Value = serde_json::from_str(&world.text("json")).unwrap();
    assert_eq!((&goods["order_no"], &goods["amount_fen"]), (&"T1".into(), &600.into()));
    assert!(!goods["trade_no"].as_str().unwrap().is_empty());
    for _ in 0..3 {
        world.resend("T1");
    }
    until("the grant to be delivered", || {
        let grant = world.desk.entry("T1").grant;
        matches!(grant, Some(GrantState::Delivered { .. })).then_some(())
    });
    let log = listener.log();
    assert!(log.contains("--> GET /notify 127.0.0.1 T1\n<-- [200] success "), "{log}");
    assert_eq!(listener.process.terminate(), 0);
    assert_eq!(world.text("goods"), "grant-T1\n");
    assert_eq!(world.questions(), 1, "what is final is not asked about");
}

#[test]
fn a_hundred_forged_notifies_grant_nothing_and_look_like_any_other_failure() {
    let mut world = World::new();
    let listener = world.listen_exec(REMEMBER);
    world.add("T1", "600");
    world.show("T1", &listener.notify_url());
    let began = Instant::now();
    let answers: BTreeSet<String> = thread::scope(|scope| {
        let senders: Vec<_> = (0..20)
            .map(|n| {
                let listener = &listener;
                scope.spawn(move || {
                    let order_no = |m: usize| match m % 2 {
                        0 => "T1".to_owned(),
                        _ => format!("X{n}-{m}"),
                    };
                    let targets = (0..5).map(|m| forged(&order_no(m)));
                    targets.map(|target| listener.get(&target)).collect::<Vec<_>>()
                })
            })
            .collect();
        senders.into_iter().flat_map(|sender| sender.join().unwrap()).collect()
    });
    let data = forged("T1");
    let others = [
        "notify".to_owned(),
        "notify?data=".into(),
        "notify?data=AAAA".into(),
        "notify?data=%2B%2B".into(),
        format!("{data}&data=AAAA"),
        format!("notify?data={}", "A".repeat(5_000)),
        "?x".into(),
    ];
    let others: BTreeSet<String> = others.iter().map(|target| listener.get(target)).collect();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers, others);
    assert!(answers.first().unwrap().ends_with("\r\n\r\nfail"));
    assert_eq!(world.desk.entry("T1").state, OrderState::Open);
    assert_eq!(world.text("goods"), "");
    // About the order that is open, and no more often than its pause allows.
    let pauses = 1 + began.elapsed().as_millis() as usize / NOTIFY_COOL_DOWN_MS as usize;
    assert!((1..=pauses).contains(&world.questions()), "{} questions", world.questions());

    world.pay("T1");
    world.await_text("goods", "grant-T1\n");
}

#[test]
fn a_source_that_calls_too_often_is_refused_and_the_platform_comes_again() {
    let mut world = World::new();
    let listener = world.listen_exec(REMEMBER);
    world.add("T1", "600");
    world.show("T1", &listener.notify_url());
    let count = NOTIFY_SOURCE_BURST as usize + 150;
    thread::scope(|scope| {
        for _ in 0..count {
            scope.spawn(|| assert!(listener.get("notify?data=AAAA").ends_with("fail")));
        }
    });
    let refused = listener.log().matches("the source calls too often").count();
    assert!(refused > 0 && refused < count, "{refused} of {count} were refused");
    world.pay("T1");
    world.await_text("goods", "grant-T1\n");
}

#[test]
fn killed_between_commit_and_goods_it_hands_out_under_the_same_name() {
    let mut world = World::new();
    let mut listener = world.listen(&[]);
    world.add("T1", "600");
    world.show("T1", &listener.notify_url());
    world.pay("T1");
    world.await_ack("T1");
    listener.process.kill();
    assert!(matches!(world.desk.entry("T1").grant, Some(GrantState::Due { tries: 0, .. })));

    // It outlives the kill, until the directory is gone at the latest.
    fs::write(world.path("run"), "").unwrap();
    let stay =
        "echo $ALITV_GRANT_ID >> DIR/goods; while [ -e DIR/run ]; do sleep 0.1; done; exit 1";
    let mut listener = world.listen_exec(stay);
    world.await_text("goods", "grant-T1\n");
    listener.process.kill();
    assert!(matches!(world.desk.entry("T1").grant, Some(GrantState::Due { tries: 0, .. })));

    let _listener = world.listen_exec(REMEMBER);
    world.await_text("goods", "grant-T1\ngrant-T1\n");
    until("the grant to be delivered", || {
        let grant = world.desk.entry("T1").grant;
        matches!(grant, Some(GrantState::Delivered { .. })).then_some(())
    });
}

#[test]
fn a_command_that_fails_is_run_until_it_works() {
    let mut world = World::new();
    let listener = world.listen_exec(
        "echo $ALITV_ATTEMPT >> DIR/tries; test -e DIR/well && echo $ALITV_GRANT_ID >> DIR/goods",
    );
    world.add("T1", "600");
    world.show("T1", &listener.notify_url());
    world.pay("T1");
    world.await_ack("T1");
    world.await_text("tries", "1\n2\n");
    assert_eq!(
        world.desk.run(&["orders", "ledger", "--which", "ungranted", "--json"]).json()[0]["orders"]
            [0]["order_no"],
        "T1"
    );
    fs::write(world.path("well"), "").unwrap();
    world.await_text("goods", "grant-T1\n");
}

#[test]
fn an_answer_that_is_lost_after_the_commit_is_given_again_and_grants_once() {
    let mut world = World::new();
    let listener = world.listen_exec(REMEMBER);
    let url = losing_the_first_answer(&listener.url);
    world.add("T1", "600");
    world.show("T1", &url);
    world.pay("T1");
    let notify = world.await_ack("T1");
    assert!(notify["sent"].as_u64().unwrap() >= 2, "{notify}");
    assert!(notify["attempts"][0]["status"].is_null(), "{notify}");
    world.resend("T1");
    world.await_text("goods", "grant-T1\n");
    assert_eq!(world.questions(), 1);
}

#[test]
fn lines_are_grants_and_once_ends_with_the_first() {
    let mut world = World::new();
    let mut listener = world.listen(&["--json", "--once"]);
    world.add("T1", "600");
    world.show("T1", &listener.notify_url());
    world.pay("T1");
    assert_eq!(until("the end", || listener.process.exit()), 0);
    let line: serde_json::Value = serde_json::from_str(&world.text("listen.out")).unwrap();
    assert_eq!((&line["grant_id"], &line["attempt"]), (&"grant-T1".into(), &1.into()));
    assert!(!world.path("listen.json").exists(), "the ready file goes with it");
}

#[test]
fn the_price_of_the_box_is_not_believed() {
    let mut world = World::new();
    let listener = world.listen_exec(REMEMBER);
    world.add("T1", "60000");
    world.show("T1", &listener.notify_url());
    world.pay("T1");
    until("a mismatch", || (world.desk.entry("T1").state == OrderState::Mismatch).then_some(()));
    assert!(world.notifies("T1")[0]["state"] != "acked");
    world.desk.run(&["orders", "accept", "T1"]).ends_with(0);
    world.await_text("goods", "grant-T1\n");
}

#[test]
fn what_cannot_be_used_is_told_before_it_listens() {
    let world = World::new();
    for (args, exit, word) in [
        (&["--exec", "true", "--forward", "http://h/"][..], 2, "--forward"),
        (&["--forward", "ftp://h/"], 2, "--forward"),
        (&["--key", "nowhere.pem"], 1, "keys check"),
        (&["--listen", "192.0.2.1:1"], 1, "--listen"),
    ] {
        let done = world.desk.run(&[&["notify", "listen"], args].concat()).ends_with(exit);
        assert!(done.stderr.contains(word), "{args:?}: {done:?}");
    }
}
