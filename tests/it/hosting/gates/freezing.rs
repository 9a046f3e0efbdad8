//! Environments that take nothing for a time.

use crate::hosting::Hosted;
use crate::hosting::KINDS;
use crate::hosting::gates::{TO_PROD, configuration};
use crate::support::forge::{CheckState, Kind, State};

const FROZEN: &str = "automerge: true, freeze: {until: 2099-01-01T00:00:00Z, reason: year's end}";

#[test]
fn nothing_comes_new_while_it_is_frozen() {
    let hosted = Hosted::promoting(Kind::Gitea, FROZEN);
    hosted
        .reconcile()
        .exits(0)
        .says("frozen until 2099-01-01T00:00:00Z (year's end)");
    hosted.rests();
    assert_eq!(hosted.open(), [0; 0]);
    assert_eq!(hosted.scene.bot_branches(), [""; 0]);

    let scene = crate::hosting::gates::shop(FROZEN);
    scene.reconcile().exits(0);
    scene.reconcile().exits(0).says("frozen until");
    scene.is_settled();
    assert!(!crate::promotion::image_in(&scene, "env/prod").contains("@sha256:"));
}

#[test]
fn what_is_open_stays_and_waits() {
    for kind in KINDS {
        let hosted = Hosted::promoting(kind, "automerge: true, gates: {approvals: 1}");
        let head = hosted.scene.origin.rev(TO_PROD);
        hosted.scene.person.git(&["checkout", "-q", "main"]);
        let frozen = configuration(&format!("gates: {{approvals: 1}}, {FROZEN}"));
        hosted
            .scene
            .commit(&[("headwater.yaml", &frozen)], "freeze");
        hosted.check(TO_PROD, "ci/test", CheckState::Passing);
        hosted.forge.model().approve(1, "ada");
        hosted.scene.image("acme/web", "1", "second");
        hosted.pass();
        hosted.rests();
        assert_eq!(hosted.scene.origin.rev(TO_PROD), head);
        assert_eq!(hosted.state_of(1), State::Open);
        hosted.says_beside(kind, "frozen until 2099-01-01T00:00:00Z");

        let thawed = configuration("gates: {approvals: 1}, automerge: true");
        hosted.scene.person.git(&["checkout", "-q", "main"]);
        hosted.scene.commit(&[("headwater.yaml", &thawed)], "go on");
        hosted.reconcile().exits(0).says("merged pull request #1");
    }
}
