//! Merging by itself: when the gates pass and the forge's checks do, and never before.

use crate::hosting::Hosted;
use crate::hosting::KINDS;
use crate::hosting::gates::{TO_PROD, closed_window};
use crate::support::forge::{CheckState, Rule, State};

#[test]
fn it_is_merged_when_gates_and_checks_pass_and_never_before() {
    for kind in KINDS {
        let hosted = Hosted::promoting(kind, "automerge: true, gates: {approvals: 2}");
        assert_eq!(hosted.state_of(1), State::Open);
        hosted.waits_for("0 of 2");
        hosted.rests();

        hosted.check(TO_PROD, "ci/test", CheckState::Passing);
        hosted.pass();
        assert_eq!(hosted.state_of(1), State::Open, "nobody has approved it");
        hosted.forge.model().approve(1, "ada");
        hosted.pass();
        assert_eq!(hosted.state_of(1), State::Open, "one of two has");
        assert_eq!(hosted.pull(1).scheduled, None);
        hosted.says_beside(kind, "1 of 2 by ada");
        hosted.rests();

        hosted.forge.model().approve(1, "ben");
        for (check, word) in [
            (CheckState::Pending, "its checks run"),
            (CheckState::Failing, "its checks fail"),
        ] {
            hosted.check(TO_PROD, "ci/test", check);
            hosted.reconcile().exits(0).says(word);
            assert_eq!(hosted.state_of(1), State::Open);
            hosted.has_passed();
        }
        hosted.check(TO_PROD, "ci/test", CheckState::Passing);
        hosted.reconcile().exits(0).says("merged pull request #1");
        assert_eq!(hosted.state_of(1), State::Merged);
        hosted.pass();
        hosted.rests();
    }
}

#[test]
fn the_forge_is_never_asked_to_merge_later() {
    for kind in KINDS {
        let window = closed_window();
        let gates = format!("automerge: true, gates: {{windows: [{window}]}}");
        let hosted = Hosted::new(kind, crate::hosting::gates::shop(&gates));
        // What makes the forge's own scheduler worth asking.
        let mut rule = Rule::default();
        rule.checks.insert("ci/test".to_owned());
        hosted.forge.model().protect("env/prod", rule);
        hosted.forge.model().has_automerge = true;
        hosted.pass();
        hosted.pass();
        hosted.waits_for("windows");
        hosted.check(TO_PROD, "ci/test", CheckState::Passing);
        hosted.pass();
        assert_eq!(hosted.pull(1).scheduled, None);
        assert_eq!(hosted.state_of(1), State::Open);
    }
}

#[test]
fn what_nobody_has_seen_is_not_merged_by_an_approval_of_what_was_there() {
    for kind in KINDS {
        let hosted = Hosted::promoting(kind, "automerge: true, gates: {approvals: 1}");
        hosted.check(TO_PROD, "ci/test", CheckState::Pending);
        hosted.forge.model().approve(1, "ada");
        hosted.reconcile().exits(0).says("its checks run");
        let approved = hosted.scene.origin.rev(TO_PROD);
        // Prod moves on, and somebody asks for a branch that is made anew on it.
        crate::promotion::on(&hosted.scene, "env/prod");
        hosted.scene.edit("apps/web.yaml", |text| {
            text.replace("  name: web\n", "  name: web\n  labels: {team: shop}\n")
        });
        hosted.forge.model().set_label(1, "rebase");
        hosted.pass();
        assert_ne!(hosted.scene.origin.rev(TO_PROD), approved);
        hosted.check(TO_PROD, "ci/test", CheckState::Passing);
        assert_eq!(hosted.state_of(1), State::Open);
        hosted.waits_for("0 of 1");
        hosted.pass();
        assert_eq!(hosted.state_of(1), State::Open);
        hosted.forge.model().approve(1, "ada");
        hosted.reconcile().exits(0).says("merged pull request #1");
    }
}

#[test]
fn without_a_forge_it_is_committed_when_its_gates_pass() {
    let scene = crate::hosting::gates::shop("automerge: true");
    scene.reconcile().exits(0);
    scene.settle();
    let image = crate::promotion::image_in(&scene, "env/prod");
    assert_eq!(image, crate::promotion::image_in(&scene, "env/dev"));
    assert!(image.contains("@sha256:"), "{image}");

    let window = closed_window();
    let scene =
        crate::hosting::gates::shop(&format!("automerge: true, gates: {{windows: [{window}]}}"));
    scene.reconcile().exits(0);
    scene.reconcile().exits(0).says("windows");
    scene.is_settled();
    assert_eq!(scene.bot_branches(), [TO_PROD]);
    assert!(!crate::promotion::image_in(&scene, "env/prod").contains("@sha256:"));

    let scene = crate::hosting::gates::shop("automerge: true, gates: {approvals: 1}");
    scene.reconcile().exits(0);
    scene
        .reconcile()
        .exits(0)
        .says("approvals")
        .says("there is no forge to ask");
    scene.is_settled();
    assert_eq!(scene.bot_branches(), [TO_PROD]);
}
