//! Approvals: counted, and never lost.

use crate::hosting::Hosted;
use crate::hosting::KINDS;
use crate::hosting::gates::choosing::image;
use crate::hosting::gates::{TO_PROD, configuration, shop};
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

#[test]
fn what_will_never_pass_gives_way_although_it_is_approved() {
    let scene = shop("gates: {approvals: 2}");
    image(&scene, Some("1970-01-01T00:00:00Z"));
    let hosted = Hosted::new(Kind::Gitea, scene);
    hosted.pass();
    hosted.pass();
    hosted.forge.model().approve(1, "ada");
    hosted.scene.image("acme/web", "1", "second");
    hosted.rests();
    let first = hosted.scene.origin.rev(TO_PROD);
    let promoted = hosted.scene.origin.rev("env/dev");
    let message = hosted.scene.message(TO_PROD);
    assert!(!message.contains(&promoted), "{message}");

    // It does not say when it was made, and the newer one does.
    hosted.scene.person.git(&["checkout", "-q", "main"]);
    let aged = configuration("gates: {approvals: 2, minimumAge: 1h}");
    let aged = [("headwater.yaml", aged.as_str())];
    hosted.scene.commit(&aged, "ask for an age");
    hosted.rests();
    assert_ne!(hosted.scene.origin.rev(TO_PROD), first);
    let message = hosted.scene.message(TO_PROD);
    assert!(message.contains(&promoted), "{message}");
    assert_eq!(hosted.open(), [1]);
    hosted.waits_for("of 2");
}
