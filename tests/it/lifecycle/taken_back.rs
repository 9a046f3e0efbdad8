//! Taken back stays back.

use crate::lifecycle::{FIRST_PINS, WEB, moved, pinned, web};
use crate::support::scene::{HOST, Scene, deployment, stream};

fn is_held(scene: &Scene, short_digest: &str) {
    scene
        .settle()
        .says(&format!("{short_digest} was taken back by Ada in "))
        .says(" on 2023-11-14T22:13:20Z; held until the source moves past it");
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_reverted_merge_is_held_until_the_tag_moves_on() {
    let scene = moved();
    let second = scene.image("acme/web", "1", "second");
    let merge = scene.merge(WEB);
    scene.settle();
    scene.revert(&merge, &["-m", "1"]);
    is_held(&scene, second.short());
    scene.commit(&[("README.md", "later\n")], "later");
    is_held(&scene, second.short());

    let third = scene.image("acme/web", "1", "third");
    scene.settle().never_says("taken back");
    assert_eq!(scene.bot_branch(), WEB);
    assert!(scene.file(WEB, "apps/web.yaml").contains(third.as_str()));
    assert!(
        !scene
            .file(WEB, "streams/web.yaml")
            .contains(second.as_str())
    );
}

#[test]
fn a_squashed_and_reverted_branch_is_held() {
    let scene = moved();
    let second = scene.image("acme/web", "1", "second");
    let squashed = scene.squash(WEB);
    scene.settle();
    scene.revert(&squashed, &[]);
    is_held(&scene, second.short());
}

#[test]
fn a_revert_before_the_leftover_branch_is_cleared_is_held_too() {
    let scene = moved();
    let second = scene.image("acme/web", "1", "second");
    let merge = scene.merge(WEB);
    scene.revert(&merge, &["-m", "1"]);
    is_held(&scene, second.short());
}

#[test]
fn reverted_first_pins_are_held() {
    let scene = web();
    let first = scene.image("acme/web", "1", "first");
    scene.reconcile().exits(0);
    let merge = scene.merge(FIRST_PINS);
    scene.revert(&merge, &["-m", "1"]);
    is_held(&scene, first.short());
}

#[test]
fn a_revert_of_the_revert_brings_the_image_back() {
    let scene = moved();
    let second = scene.image("acme/web", "1", "second");
    let merge = scene.merge(WEB);
    let revert = scene.revert(&merge, &["-m", "1"]);
    is_held(&scene, second.short());
    scene.revert(&revert, &[]);
    scene.settle().never_says("taken back");
}

#[test]
fn a_pin_set_back_by_hand_is_held_for_that_field_alone() {
    let scene = moved();
    let (first, second) = (
        scene.image("acme/web", "1", "first"),
        scene.image("acme/web", "1", "second"),
    );
    scene.merge(WEB);
    let blue =
        deployment("dev", "web", "1").replace("name: web\n  namespace", "name: blue\n  namespace");
    scene.commit(&[("apps/blue.yaml", &blue)], "another one");
    scene.settle();
    scene.merge(WEB);
    scene.settle();

    scene.edit("apps/web.yaml", |text| {
        text.replace(second.as_str(), first.as_str())
    });
    scene.settle().says(&format!(
        "dev/web:1  apps/web.yaml:11:18  {} was taken back by Ada",
        second.short()
    ));
    assert_eq!(scene.bot_branches(), [""; 0]);

    let third = scene.image("acme/web", "1", "third");
    scene.settle().never_says("taken back");
    assert!(scene.file(WEB, "apps/web.yaml").contains(third.as_str()));
    assert!(scene.file(WEB, "apps/blue.yaml").contains(third.as_str()));
}

#[test]
fn a_field_that_loses_its_pin_by_hand_is_held() {
    let scene = pinned();
    let first = scene.image("acme/web", "1", "first");
    scene.edit("apps/web.yaml", |text| {
        text.replace(&format!("@{first}"), "")
    });
    is_held(&scene, first.short());
}

#[test]
fn a_workload_that_is_removed_and_added_again_is_pinned_again() {
    let scene = pinned();
    let first = scene.image("acme/web", "1", "first");
    scene.person.git(&["rm", "-q", "apps/web.yaml"]);
    scene.commit(&[], "remove");
    scene.settle();
    scene.commit(&[("apps/web.yaml", &deployment("dev", "web", "1"))], "add");
    scene.settle();
    assert!(
        scene
            .file(WEB, "apps/web.yaml")
            .contains(&format!("{HOST}/acme/web:1@{first}"))
            || !scene.bot_branches().is_empty()
    );
}

#[test]
fn a_force_push_that_drops_the_merge_proposes_again() {
    let scene = moved();
    scene.merge(WEB);
    scene.settle();
    scene.person.git(&["reset", "-q", "--hard", "HEAD^"]);
    scene.person.git(&["push", "-q", "-f", "origin", "HEAD"]);
    scene.settle();
    assert_eq!(scene.bot_branch(), WEB);
}

#[test]
fn a_tag_that_flaps_is_held_when_its_second_coming_is_reverted() {
    let scene = moved();
    let second = scene.image("acme/web", "1", "second");
    scene.merge(WEB);
    scene.image("acme/web", "1", "first");
    scene.reconcile().exits(0);
    scene.merge(WEB);
    scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0);
    let merge = scene.merge(WEB);
    scene.settle();
    scene.revert(&merge, &["-m", "1"]);
    is_held(&scene, second.short());
}

#[test]
fn a_hold_survives_other_documents_in_its_files() {
    let scene = Scene::of(&[
        ("streams.yaml", &stream("dev", "web", "1")),
        ("apps.yaml", &deployment("dev", "web", "1")),
    ]);
    scene.image("acme/web", "1", "first");
    scene.reconcile().exits(0);
    scene.merge(FIRST_PINS);
    let second = scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0);
    let merge = scene.merge(WEB);
    scene.settle();
    scene.revert(&merge, &["-m", "1"]);
    is_held(&scene, second.short());
    scene.image("acme/api", "1", "api");
    scene.edit("streams.yaml", |text| {
        format!("{}---\n{text}", stream("dev", "api", "1"))
    });
    scene.edit("apps.yaml", |text| {
        format!("kind: Service\nmetadata: {{name: web}}\n---\n{text}")
    });
    scene
        .settle()
        .says(&format!("{} was taken back by Ada", second.short()));
    assert_eq!(scene.bot_branch(), FIRST_PINS);
    assert_eq!(scene.changed(FIRST_PINS), ["streams.yaml"]);
    assert!(
        !scene
            .file(FIRST_PINS, "streams.yaml")
            .contains(second.as_str())
    );
}

#[test]
fn a_new_workload_gets_the_recorded_image_while_the_next_one_is_held() {
    let scene = moved();
    let first = scene.image("acme/web", "1", "first");
    let second = scene.image("acme/web", "1", "second");
    let merge = scene.merge(WEB);
    scene.revert(&merge, &["-m", "1"]);
    is_held(&scene, second.short());
    let blue = deployment("dev", "web", "1").replacen("name: web", "name: blue", 1);
    scene.commit(&[("apps/blue.yaml", &blue)], "another one");
    scene
        .settle()
        .says(&format!("{} was taken back by Ada", second.short()));
    assert_eq!(scene.bot_branch(), WEB);
    assert_eq!(scene.changed(WEB), ["apps/blue.yaml"]);
    assert!(scene.file(WEB, "apps/blue.yaml").contains(first.as_str()));
    scene.merge(WEB);
    is_held(&scene, second.short());
}

#[test]
fn a_hold_follows_its_files_to_other_names() {
    let scene = moved();
    let second = scene.image("acme/web", "1", "second");
    let merge = scene.merge(WEB);
    scene.settle();
    scene.revert(&merge, &["-m", "1"]);
    for (old, new) in [
        ("streams", "images"),
        ("apps", "workloads"),
        ("images", "deploy"),
    ] {
        scene.person.git(&["mv", old, new]);
        scene.commit(&[], &format!("{old} is called {new}"));
        is_held(&scene, second.short());
    }
    let third = scene.image("acme/web", "1", "third");
    scene.settle();
    assert!(
        scene
            .file(WEB, "workloads/web.yaml")
            .contains(third.as_str())
    );
}
