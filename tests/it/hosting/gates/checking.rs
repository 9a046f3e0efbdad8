//! Checks of the source's commit.

use crate::hosting::Hosted;
use crate::hosting::KINDS;
use crate::hosting::gates::{TO_PROD, shop};
use crate::support::forge::{CheckState, Failure, Kind};

#[test]
fn the_named_checks_have_to_pass_on_the_sources_commit() {
    for kind in KINDS {
        let hosted = Hosted::promoting(kind, "gates: {checks: [ci/e2e, ci/load]}");
        hosted.reconcile().exits(0).says("not begun");
        let dev = "env/dev";
        hosted.check(dev, "ci/load", CheckState::Passing);
        // Another's name that begins alike, and case, are other names.
        hosted.check(dev, "ci/e2e-smoke", CheckState::Passing);
        hosted.check(dev, "CI/e2e", CheckState::Passing);
        hosted.check(dev, "ci/e2", CheckState::Passing);
        hosted
            .reconcile()
            .exits(0)
            .says("ci/e2e on")
            .says("not begun");
        // On another commit it says nothing of this one.
        hosted.check("env/prod", "ci/e2e", CheckState::Passing);
        for (state, word) in [
            (CheckState::Pending, "running"),
            (CheckState::Failing, "failing"),
        ] {
            hosted.check(dev, "ci/e2e", state);
            hosted.reconcile().exits(0).says(word);
            hosted.rests();
            assert_eq!(hosted.open(), [0; 0]);
        }
        hosted.check(dev, "ci/e2e", CheckState::Passing);
        hosted.reconcile().exits(0).says("opened pull request #1");
        hosted.has_passed();
        hosted.rests();
        assert_eq!(hosted.gates_of(TO_PROD).1, 1);

        // Run again and failing, it holds the merge.
        hosted.check(dev, "ci/e2e", CheckState::Failing);
        hosted.rests();
        let (said, _) = hosted.gates_of(TO_PROD);
        assert_eq!(said.unwrap().0, CheckState::Pending);
    }
}

#[test]
fn a_check_that_runs_again_takes_nothing_back_that_is_open() {
    let hosted = Hosted::promoting(Kind::Gitea, "gates: {checks: [ci/e2e]}");
    hosted.check("env/dev", "ci/e2e", CheckState::Passing);
    hosted.pass();
    crate::promotion::on(&hosted.scene, "env/prod");
    hosted.scene.merge(TO_PROD);
    hosted.pass();
    // What prod has now passes still.
    hosted.change("env/dev", "info");
    hosted.check("env/dev", "ci/e2e", CheckState::Passing);
    hosted.rests();
    assert_eq!(hosted.open(), [2]);
    hosted.check("env/dev", "ci/e2e", CheckState::Pending);
    hosted.rests();
    assert_eq!(hosted.open(), [2]);
    let (state, told) = hosted.gates_of(TO_PROD).0.unwrap();
    assert_eq!(state, CheckState::Pending, "{told}");
}

#[test]
fn checks_that_cannot_be_asked_for_do_not_pass() {
    let hosted = Hosted::promoting(Kind::Gitea, "gates: {checks: [ci/e2e]}");
    hosted.check("env/dev", "ci/e2e", CheckState::Passing);
    for _ in 0..12 {
        hosted
            .forge
            .fail_next("GET", "/status", Failure::Status(503));
        hosted
            .forge
            .fail_next("GET", "/statuses", Failure::Status(503));
    }
    let said = hosted.pass();
    assert!(said.contains("waits for checks: ci/e2e on"), "{said}");
    assert!(!said.contains("not begun"), "{said}");
    assert_eq!(hosted.open(), [0; 0]);

    let scene = shop("gates: {checks: [ci/e2e]}");
    scene.reconcile().exits(0);
    scene
        .reconcile()
        .exits(0)
        .says("waits for checks")
        .says("there is no forge to ask");
    scene.is_settled();
    assert_eq!(scene.bot_branches(), [""; 0]);
}
