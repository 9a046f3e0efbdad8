//! Approvals: counted, and never lost.

use crate::hosting::Hosted;
use crate::hosting::KINDS;
use crate::hosting::gates::TO_PROD;
use crate::support::forge::{Failure, Kind, State};

#[test]
fn an_approved_promotion_keeps_its_commit_and_names_the_newer_one() {
    for kind in KINDS {
        let hosted = Hosted::promoting(kind, "gates: {approvals: 2}");
        let first = hosted.scene.origin.rev(TO_PROD);
        // Nobody has approved: what is newer takes its place.
        hosted.scene.image("acme/web", "1", "second");
        hosted.pass();
        hosted.pass();
        let head = hosted.scene.origin.rev(TO_PROD);
        assert_ne!(head, first);
        hosted.waits_for("0 of 2");

        hosted.forge.model().approve(1, "ada");
        let newer = hosted.change("env/dev", "info");
        hosted.pass();
        hosted.rests();
        assert_eq!(hosted.scene.origin.rev(TO_PROD), head);
        let body = hosted.body(1);
        assert!(body.contains(&newer[..7]), "{body}");
        hosted.says_beside(kind, "1 of 2 by ada");
        hosted.rests();

        // Taken back, it is free to move on.
        hosted.forge.model().dismiss(1, "ada");
        hosted.rests();
        assert_ne!(hosted.scene.origin.rev(TO_PROD), head);
        hosted.waits_for("0 of 2");
    }
}

#[test]
fn where_approvals_cannot_be_read_the_promotion_stays() {
    for listing in [false, true] {
        let hosted = Hosted::promoting(Kind::Gitea, "gates: {approvals: 2}");
        hosted.forge.model().approve(1, "ada");
        hosted.rests();
        let head = hosted.scene.origin.rev(TO_PROD);
        hosted.change("env/dev", "info");
        let path = if listing { "/pulls" } else { "/reviews" };
        for _ in 0..12 {
            hosted.forge.fail_next("GET", path, Failure::Status(503));
        }
        let _ = hosted.reconcile();
        assert_eq!(hosted.scene.origin.rev(TO_PROD), head, "{path}");
        assert_eq!(hosted.state_of(1), State::Open);
    }
}
