//! What people close, or work on.

use crate::hosting::Hosted;
use crate::hosting::KINDS;
use crate::hosting::gates::{TO_PROD, plain_shop};
use crate::support::forge::{Kind, State};

#[test]
fn a_closed_promotion_is_not_opened_again_and_a_newer_commit_is_proposed() {
    for kind in KINDS {
        for has_images in [false, true] {
            let hosted = match has_images {
                true => Hosted::promoting(kind, "gates: {approvals: 1}"),
                false => {
                    let hosted = Hosted::new(kind, plain_shop("gates: {approvals: 1}"));
                    hosted.change("env/dev", "info");
                    hosted.pass();
                    hosted
                }
            };
            assert_eq!(hosted.open(), [1]);
            hosted.forge.model().close(1);
            hosted.pass();
            hosted.pass();
            hosted.rests();
            assert_eq!(hosted.open(), [0; 0]);

            hosted.change("env/dev", "warn");
            hosted.reconcile().exits(0).says("opened pull request #2");
            hosted.rests();
            assert_eq!(hosted.open(), [2]);
            let changed = hosted.scene.file(TO_PROD, "apps/config.yaml");
            assert_eq!(changed, "level: warn\n");
        }
    }
}

#[test]
fn a_persons_commit_on_the_branch_stops_the_bot() {
    let hosted = Hosted::promoting(Kind::Gitea, "automerge: true, gates: {approvals: 1}");
    hosted.scene.take(TO_PROD);
    let mine = [("apps/notes.txt", "mine")];
    hosted.scene.person.commit_files(&mine, "my own work");
    hosted.scene.give(TO_PROD);
    let mine = hosted.scene.person.rev("HEAD");
    hosted
        .reconcile()
        .exits(0)
        .says("commented on pull request #1");
    hosted.forge.model().approve(1, "ada");
    hosted.change("env/dev", "warn");
    hosted.pass();
    hosted.rests();
    assert_eq!(hosted.scene.origin.rev(TO_PROD), mine);
    assert_eq!(hosted.state_of(1), State::Open);
    assert_eq!(hosted.remarks(1).len(), 1);
}
