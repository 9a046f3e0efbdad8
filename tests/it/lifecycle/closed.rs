//! Closed stays closed: with no forge, a closed branch is its own tombstone.

use crate::lifecycle::{FIRST_PINS, WEB, moved};
use crate::support::scene::{Scene, deployment, stream};

fn close(scene: &Scene, branch: &str) {
    scene
        .run(&["pr", "close", branch, &scene.bare()])
        .exits(0)
        .says(&format!("closed {branch}: "));
}

#[test]
fn a_closed_branch_is_not_proposed_again_until_the_tag_moves_on() {
    let scene = moved();
    let second = scene.image("acme/web", "1", "second");
    close(&scene, WEB);
    let tombstone = scene.origin.rev(WEB);
    assert_eq!(scene.changed(WEB), [""; 0]);
    assert!(scene.message(WEB).contains("Headwater-Closed: "));
    scene
        .settle()
        .says("closed on headwater/default/dev.web; held until the source moves past it");
    assert_eq!(scene.origin.rev(WEB), tombstone);
    scene.commit(&[("README.md", "later\n")], "later");
    scene.settle();
    assert_eq!(scene.origin.rev(WEB), tombstone);

    let third = scene.image("acme/web", "1", "third");
    scene.settle().never_says("closed on");
    assert_eq!(scene.bot_branch(), WEB);
    assert!(scene.file(WEB, "apps/web.yaml").contains(third.as_str()));
    assert!(
        !scene
            .file(WEB, "streams/web.yaml")
            .contains(second.as_str())
    );
}

#[test]
fn a_tombstone_that_is_deleted_proposes_again() {
    let scene = moved();
    close(&scene, WEB);
    scene
        .person
        .git(&["push", "-q", "origin", &format!(":refs/heads/{WEB}")]);
    scene.settle();
    assert_eq!(scene.changed(WEB).len(), 2);
}

#[test]
fn the_other_images_of_a_closed_branch_stay_closed_when_one_moves_on() {
    let scene = Scene::new();
    for name in ["web", "api", "db"] {
        scene.image(&format!("acme/{name}"), "1", name);
        scene.commit(
            &[
                (&format!("streams/{name}.yaml"), &stream("dev", name, "1")),
                (&format!("apps/{name}.yaml"), &deployment("dev", name, "1")),
            ],
            name,
        );
    }
    scene.reconcile().exits(0);
    close(&scene, FIRST_PINS);
    scene.settle();
    scene.image("acme/api", "1", "api 2");
    scene
        .settle()
        .says("dev/web:1")
        .says("closed on headwater/default/first-pins");
    let again = "headwater/default/first-pins-2";
    assert_eq!(scene.bot_branches(), [FIRST_PINS, again]);
    assert_eq!(scene.changed(again), ["apps/api.yaml", "streams/api.yaml"]);
    scene.merge(again);
    scene
        .settle()
        .says("closed on headwater/default/first-pins");
    assert_eq!(scene.bot_branches(), [FIRST_PINS]);
    // And all of them once they have moved on.
    scene.image("acme/web", "1", "web 2");
    scene.image("acme/db", "1", "db 2");
    scene.settle().never_says("closed on");
    assert_eq!(scene.bot_branches(), [FIRST_PINS]);
    assert_eq!(scene.changed(FIRST_PINS).len(), 4);
}

#[test]
fn only_a_bot_branch_can_be_closed() {
    let scene = moved();
    scene
        .run(&["pr", "close", "main", &scene.bare()])
        .exits(2)
        .says("main");
    scene
        .run(&["pr", "close", "headwater/default/none", &scene.bare()])
        .exits(2)
        .says("headwater/default/none");
}

#[test]
fn a_new_workload_gets_the_recorded_image_while_the_next_one_is_closed() {
    let scene = moved();
    let first = scene.image("acme/web", "1", "first");
    scene.image("acme/web", "1", "second");
    close(&scene, WEB);
    let blue = deployment("dev", "web", "1").replacen("name: web", "name: blue", 1);
    scene.commit(&[("apps/blue.yaml", &blue)], "another one");
    scene.settle().says("closed on headwater/default/dev.web");
    let again = "headwater/default/dev.web-2";
    assert_eq!(scene.bot_branches(), [WEB, again]);
    assert_eq!(scene.changed(again), ["apps/blue.yaml"]);
    assert!(scene.file(again, "apps/blue.yaml").contains(first.as_str()));
    scene.merge(again);
    scene.settle();
    assert_eq!(scene.bot_branches(), [WEB]);
}
