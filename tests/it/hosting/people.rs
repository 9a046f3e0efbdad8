//! Branches that people have worked on.

use crate::hosting::Hosted;
use crate::lifecycle::WEB;
use crate::support::forge::Rule;

#[test]
fn fault_9_a_branch_that_a_person_changed_is_not_touched_and_says_so_once() {
    let hosted = Hosted::proposed();
    let mine = hosted.take_over();
    let title = hosted.title(2);
    hosted
        .reconcile()
        .exits(0)
        .says("commented on pull request #2");
    let remarks = hosted.remarks(2);
    assert_eq!(remarks.len(), 1);
    assert!(remarks[0].contains("my own work"), "{remarks:?}");
    hosted.is_settled();

    // A newer digest is told in the same remark, and not pushed.
    let third = hosted.scene.image("acme/web", "1", "third");
    hosted.reconcile().exits(0);
    let remarks = hosted.remarks(2);
    assert_eq!(remarks.len(), 1);
    assert!(remarks[0].contains(third.as_str()), "{remarks:?}");
    assert_eq!(
        (hosted.scene.origin.rev(WEB), hosted.title(2)),
        (mine, title)
    );
    hosted.is_settled();
}

#[test]
fn fault_9_a_ticked_box_discards_what_is_on_the_branch() {
    let hosted = Hosted::proposed();
    let mine = hosted.take_over();
    hosted.reconcile().exits(0);
    hosted.forge.model().tick(2, "Rebuild this pull request");
    hosted
        .reconcile()
        .exits(0)
        .says("it was asked for on its pull request")
        .says("updated pull request #2");
    assert_ne!(hosted.scene.origin.rev(WEB), mine);
    assert!(!hosted.body(2).contains("- [x]"));
    hosted.is_settled();
}

#[test]
fn labels_ask_for_the_same() {
    let hosted = Hosted::proposed();
    let first = hosted.scene.origin.rev(WEB);
    hosted.scene.commit(&[("README.md", "more")], "go on");
    hosted.is_settled();

    hosted.forge.model().set_label(2, "rebase");
    hosted.reconcile().exits(0).says("updated pull request #2");
    let second = hosted.scene.origin.rev(WEB);
    assert_ne!(first, second);
    assert!(
        !hosted
            .forge
            .model()
            .pull_request(2)
            .labels
            .contains("rebase")
    );
    hosted.is_settled();

    hosted.forge.model().set_label(2, "stop-updating");
    hosted.scene.image("acme/web", "1", "third");
    hosted
        .reconcile()
        .exits(0)
        .says("has the label `stop-updating`");
    assert_eq!(hosted.scene.origin.rev(WEB), second);
    hosted.is_settled();
    hosted.forge.model().remove_label(2, "stop-updating");
    hosted.reconcile().exits(0).says("updated pull request #2");
    hosted.is_settled();

    hosted.forge.model().set_label(2, "keep-updated");
    hosted
        .scene
        .commit(&[("README.md", "and more")], "go on again");
    hosted.reconcile().exits(0).says("it is behind the tip");
    hosted.is_settled();
}

#[test]
fn fault_7_a_base_that_moves_rebuilds_only_where_the_forge_demands_it() {
    let hosted = Hosted::proposed();
    let first = hosted.scene.origin.rev(WEB);
    hosted.scene.commit(&[("README.md", "more")], "go on");
    hosted.is_settled();
    assert_eq!(hosted.scene.origin.rev(WEB), first);

    let rule = Rule {
        requires_up_to_date: true,
        ..Rule::default()
    };
    hosted.forge.model().protect("main", rule);
    hosted.reconcile().exits(0).says("it is behind the tip");
    assert_ne!(hosted.scene.origin.rev(WEB), first);
    hosted.is_settled();
}

#[test]
fn fault_6_a_base_that_was_rewritten_is_built_on_anew() {
    let hosted = Hosted::proposed();
    let scene = &hosted.scene;
    scene.person.git(&["checkout", "-q", "main"]);
    scene.person.git(&["pull", "-q", "origin", "main"]);
    scene
        .person
        .git(&["commit", "-q", "--amend", "-m", "the same by another name"]);
    scene
        .person
        .git(&["push", "-q", "-f", "origin", "HEAD:main"]);
    hosted
        .reconcile()
        .exits(0)
        .says("its base was rewritten")
        .says("updated pull request #2");
    assert_eq!(
        scene
            .origin
            .git(&["rev-list", "--count", &format!("main..{WEB}")])
            .trim(),
        "1"
    );
    hosted.is_settled();
}

#[test]
fn a_ticked_hold_is_a_pull_request_that_writes_it() {
    const HOLD: &str = "headwater/default/hold.dev.web@1";
    let hosted = Hosted::proposed();
    hosted.forge.model().tick(2, "Hold `dev/web:1`");
    hosted
        .reconcile()
        .exits(0)
        .says("opened pull request #3")
        .says("closed pull request #2")
        .says("the hold is proposed instead")
        .says(&format!("deleted {WEB}"));
    hosted.is_settled();
    assert_eq!(hosted.open(), [3]);
    assert!(
        hosted.title(3).starts_with("hold dev/web:1 at "),
        "{}",
        hosted.title(3)
    );
    let before = hosted.scene.file("main", "streams/web.yaml");
    let after = hosted.scene.file(HOLD, "streams/web.yaml");
    assert!(after.contains("headwater.dev/hold"), "{after}");
    assert!(after.contains("pull request #2"), "{after}");
    assert_eq!(hosted.scene.changed(HOLD), ["streams/web.yaml"]);
    assert_eq!(after.lines().count(), before.lines().count() + 2);

    // Closed, it declines the hold and not the image.
    hosted.forge.model().close(3);
    hosted.reconcile().exits(0).says("opened pull request #4");
    hosted.is_settled();
    hosted.forge.model().tick(4, "Hold `dev/web:1`");
    hosted.reconcile().exits(0).says("opened pull request #5");
    hosted.merge(5);
    hosted.reconcile().exits(0).says("held by pull request #4");
    hosted.is_settled();
    hosted.scene.image("acme/web", "1", "third");
    hosted.reconcile().exits(0).never_says("opened");
    assert_eq!(hosted.open(), [0; 0]);
}
