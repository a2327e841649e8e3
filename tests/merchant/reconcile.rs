//! `reconcile`: money and goods that do not go together are found without a notify.

use serde_json::Value;

use crate::stage::until;
use crate::world::World;

const FAST: [&str; 3] = ["reconcile", "--per-second", "50"];

fn look(world: &World, options: &[&str], exit: i32) -> Value {
    let args = [&FAST[..], options, &["--json"]].concat();
    world.desk.run(&args).ends_with(exit).json().remove(0)
}

#[test]
fn a_lost_notify_is_made_good_and_a_refund_is_found() {
    let mut world = World::new();
    world.sandbox.scenario("notify.lost");
    world.add("T1", "600");
    world.add("T2", "600");
    world.show("T1", "http://127.0.0.1:9/notify");
    until("a notify that is lost", || {
        let lost = world.notifies("T1").first().is_some_and(|notify| notify["state"] == "lost");
        lost.then_some(())
    });
    let report = look(&world, &[], 0);
    assert_eq!(report["granted"], serde_json::json!(["T1"]));
    assert_eq!((&report["asked"], &report["absent"]), (&2.into(), &1.into()));
    assert_eq!(report["paid_not_granted"][0]["order_no"], "T1");
    let report = look(&world, &["--grace", "0"], 18);
    assert_eq!(report["person_needed"], true);

    let mut listener = world.listen(&["--json", "--once"]);
    assert_eq!(until("the end", || listener.process.exit()), 0);
    assert!(world.text("listen.out").contains("grant-T1"));
    assert_eq!(look(&world, &["--grace", "0"], 0)["paid_not_granted"], serde_json::json!([]));

    world.sandbox.phone("T1", "refund");
    let report = look(&world, &[], 18);
    assert_eq!(report["closed"], serde_json::json!(["T1"]));
    assert_eq!(report["granted_not_paid"][0]["order_no"], "T1");
    assert_eq!(report["granted_not_paid"][0]["delivered"], true);
    let text = world.desk.run(&FAST).ends_with(18).stdout;
    assert!(text.contains("the money went back"), "{text}");
}

#[test]
fn a_platform_out_of_reach_makes_nothing_of_any_order() {
    let mut world = World::new();
    world.add("T1", "600");
    world.sandbox.stop();
    let report = look(&world, &[], 13);
    assert_eq!(report["unknown"][0]["order_no"], "T1");
    assert_eq!((&report["asked"], &report["person_needed"]), (&0.into(), &false.into()));
}
