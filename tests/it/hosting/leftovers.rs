//! Branches and pull requests of earlier runs.

use headwater::pull_request::MergeMethod;

use crate::hosting::Hosted;
use crate::lifecycle::{WEB, web};
use crate::support::forge::{Kind, State};

#[test]
fn fault_8_an_old_branch_is_taken_up_from_the_base_of_now() {
    let hosted = Hosted::moved();
    // An older run, before the forge was named.
    hosted.scene.run(&["reconcile", &hosted.git.url()]).exits(0);
    let old = hosted.scene.origin.rev(WEB);
    hosted.scene.image("acme/web", "1", "third");
    let tip = hosted.scene.commit(&[("README.md", "more")], "go on");
    hosted.reconcile().exits(0).says("opened pull request #2");
    hosted.is_settled();
    assert_ne!(hosted.scene.origin.rev(WEB), old);
    assert_eq!(hosted.scene.origin.rev(&format!("{WEB}^")), tip);
}

#[test]
fn fault_8_an_old_branch_whose_pull_request_was_closed_is_used_again() {
    let hosted = Hosted::proposed();
    hosted.forge.model().close(2);
    let third = hosted.scene.image("acme/web", "1", "third");
    hosted.reconcile().exits(0).says("opened pull request #3");
    hosted.is_settled();
    assert_eq!(hosted.open(), [3]);
    assert!(hosted.body(3).contains(third.as_str()));
    assert_eq!(hosted.forge.model().pull_request(2).state, State::Closed);
}

#[test]
fn fault_8_an_old_branch_whose_pull_request_was_merged_is_used_again() {
    for method in [MergeMethod::Merge, MergeMethod::Squash] {
        let hosted = Hosted::proposed();
        hosted.forge.model().merge(2, method).unwrap();
        let third = hosted.scene.image("acme/web", "1", "third");
        hosted.reconcile().exits(0).says("opened pull request #3");
        hosted.is_settled();
        assert_eq!(hosted.open(), [3]);
        assert!(hosted.body(3).contains(third.as_str()));
        let count = ["rev-list", "--count", &format!("main..{WEB}")];
        assert_eq!(hosted.scene.origin.git(&count), "1");
    }
}

#[test]
fn fault_45_a_name_that_the_forge_freed_is_used_again() {
    for method in [MergeMethod::Merge, MergeMethod::Squash] {
        let hosted = Hosted::proposed();
        hosted.forge.model().merge(2, method).unwrap();
        let branch = format!("refs/heads/{WEB}");
        hosted.scene.origin.git(&["update-ref", "-d", &branch]);
        hosted.scene.image("acme/web", "1", "third");
        hosted.reconcile().exits(0).says("opened pull request #3");
        hosted.is_settled();
        assert_eq!(hosted.open(), [3]);
    }
}

#[test]
fn fault_45_a_name_that_somebody_takes_in_the_meantime_is_not_overwritten_blindly() {
    let hosted = Hosted::new(Kind::Gitea, web());
    hosted.reconcile().exits(0);
    hosted.merge(1);
    hosted.scene.image("acme/web", "1", "second");
    // Between the listing and the push: the push expects that there is no such branch.
    let take = format!(
        "unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES
mkdir taken 2>/dev/null || exit 0
git update-ref refs/heads/{WEB} refs/heads/main"
    );
    hosted.scene.origin.hook("pre-receive", &take);
    hosted
        .reconcile()
        .exits(0)
        .says(&format!("lost {WEB}: it moved in the meantime"))
        .says("planning again")
        .says("opened pull request #2");
    hosted.is_settled();
    assert_eq!(hosted.open(), [2]);
}
