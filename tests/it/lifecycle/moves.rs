//! First pins, and tags that move on, back, and while a branch is open.

use crate::lifecycle::{FIRST_PINS, WEB, moved, pinned, web};
use crate::support::scene::{HOST, deployment, stream};
use crate::support::wait;

/// The stream of [`web`] after imports of `digests`, newest first.
fn recorded(digests: &[&str]) -> String {
    let observed = format!(
        "  annotations:
    headwater.dev/observed: '{{\"1\":{{\"from\":\"{HOST}/acme/web:1\",\"importMode\":\"PreserveOriginal\"}}}}'
spec:
"
    );
    let mut text = stream("dev", "web", "1").replace("spec:\n", &observed);
    text.push_str("status:\n  tags:\n    - tag: \"1\"\n      items:\n");
    for digest in digests {
        text.push_str(&format!(
            "        - created: \"TIME\"
          dockerImageReference: {HOST}/acme/web@{digest}
          image: {digest}
          generation: 1
"
        ));
    }
    text
}

fn pin(digest: &str) -> String {
    deployment("dev", "web", "1").replace("web:1 #", &format!("web:1@{digest} #"))
}

#[test]
fn first_pins_come_in_one_branch_with_exactly_the_expected_bytes() {
    let scene = web();
    let first = scene.image("acme/web", "1", "first");
    scene
        .reconcile()
        .exits(0)
        .says("create headwater/default/first-pins")
        .says("wrote headwater/default/first-pins at ");
    assert_eq!(scene.bot_branch(), FIRST_PINS);
    assert_eq!(
        scene.changed(FIRST_PINS),
        ["apps/web.yaml", "streams/web.yaml"]
    );
    assert_eq!(scene.file(FIRST_PINS, "apps/web.yaml"), pin(first.as_str()));
    assert_eq!(
        scene.file(FIRST_PINS, "streams/web.yaml"),
        recorded(&[first.as_str()])
    );
    scene.is_settled();
}

#[test]
fn a_merged_branch_is_cleared_away_and_main_is_left_alone() {
    let scene = web();
    scene.reconcile().exits(0);
    let merged = scene.merge(FIRST_PINS);
    scene
        .reconcile()
        .exits(0)
        .says("delete headwater/default/first-pins: it is merged");
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert_eq!(scene.origin.rev("main"), merged);
    scene.is_settled();
}

#[test]
fn a_squashed_branch_is_cleared_away_too() {
    let scene = web();
    scene.reconcile().exits(0);
    scene.squash(FIRST_PINS);
    scene.settle().says("all that it proposed is merged");
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_moved_tag_gives_a_branch_of_its_stream_with_exactly_the_expected_bytes() {
    let scene = pinned();
    let first = scene.image("acme/web", "1", "first");
    let second = scene.image("acme/web", "1", "second");
    scene.settle();
    assert_eq!(scene.bot_branch(), WEB);
    assert_eq!(scene.changed(WEB), ["apps/web.yaml", "streams/web.yaml"]);
    assert_eq!(scene.file(WEB, "apps/web.yaml"), pin(second.as_str()));
    assert_eq!(
        scene.file(WEB, "streams/web.yaml"),
        recorded(&[second.as_str(), first.as_str()])
    );
    let message = scene.message(WEB);
    for line in [
        "Image-Stream: dev/web:1\n".to_owned(),
        format!("Image: {HOST}/acme/web:1@{second}\n"),
        format!("Image-Previous: {first}\n"),
        "Environment: default\n".to_owned(),
        "Headwater-Plan: ".to_owned(),
    ] {
        assert!(message.contains(&line), "{line:?} is not in\n{message}");
    }
    let trailers = scene
        .origin
        .git(&["log", "-1", "--format=%(trailers:only)", WEB]);
    assert_eq!(trailers.lines().count(), 5, "{trailers}");
}

#[test]
fn a_tag_that_moves_on_while_its_branch_is_open_rebuilds_the_branch() {
    let scene = moved();
    let first = scene.image("acme/web", "1", "first");
    let third = scene.image("acme/web", "1", "third");
    scene
        .reconcile()
        .exits(0)
        .says("rebuild headwater/default/dev.web: what is wanted has changed");
    assert_eq!(scene.bot_branch(), WEB);
    assert_eq!(
        scene
            .origin
            .git(&["rev-list", "--count", "main..headwater/default/dev.web"]),
        "1"
    );
    // What was never merged never ran: it is no item of the status.
    assert_eq!(
        scene.file(WEB, "streams/web.yaml"),
        recorded(&[third.as_str(), first.as_str()])
    );
    scene.is_settled();
}

#[test]
fn a_tag_that_moves_back_while_its_branch_is_open_takes_the_branch_away() {
    let scene = moved();
    scene.image("acme/web", "1", "first");
    scene.settle().says("nothing is left to do");
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn a_tag_that_returns_to_an_image_it_has_left_is_followed_again() {
    let scene = moved();
    scene.merge(WEB);
    scene.settle();
    let first = scene.image("acme/web", "1", "first");
    scene.settle();
    assert_eq!(scene.file(WEB, "apps/web.yaml"), pin(first.as_str()));
}

#[test]
fn a_base_that_moves_elsewhere_leaves_the_branch_alone() {
    let scene = moved();
    let head = scene.origin.rev(WEB);
    scene.commit(
        &[("README.md", "hello\n"), ("apps/x.yaml", "a: 1\n")],
        "more",
    );
    scene.edit("apps/web.yaml", |text| {
        format!("# The shop window.\n{text}")
    });
    scene.settle().says("keep headwater/default/dev.web");
    assert_eq!(scene.origin.rev(WEB), head);
}

#[test]
fn a_base_that_conflicts_rebuilds_the_branch_and_keeps_the_time_when_the_image_was_first_seen() {
    let scene = moved();
    let second = scene.image("acme/web", "1", "second");
    let created = |revision: &str| {
        let text = scene.origin.show(revision, "streams/web.yaml");
        let line = text.lines().find(|line| line.contains("created")).unwrap();
        line.to_owned()
    };
    let (head, seen) = (scene.origin.rev(WEB), created(WEB));
    let first_time = scene.origin.git(&["log", "-1", "--format=%ct", WEB]);
    let first_time: i64 = first_time.parse().unwrap();
    wait::until("the clock's next second", || {
        (jiff::Timestamp::now().as_second() > first_time).then_some(())
    });
    scene.edit("apps/web.yaml", |text| {
        text.replace("- name: web", "- name: window")
    });
    scene
        .reconcile()
        .exits(0)
        .says("rebuild headwater/default/dev.web: it conflicts with the tip");
    assert_ne!(scene.origin.rev(WEB), head);
    assert_eq!(created(WEB), seen);
    assert_eq!(
        scene.file(WEB, "apps/web.yaml"),
        pin(second.as_str()).replace("- name: web", "- name: window")
    );
    scene.is_settled();
}

#[test]
fn a_missing_tag_keeps_the_last_pin_and_its_open_branch() {
    let scene = moved();
    let head = scene.origin.rev(WEB);
    scene.image("acme/db", "1", "db");
    scene.commit(
        &[
            ("streams/db.yaml", &stream("dev", "db", "1")),
            ("streams/none.yaml", &stream("dev", "none", "1")),
        ],
        "two more",
    );
    let run = scene.reconcile().exits(3);
    run.says("dev/none:1")
        .says("keep headwater/default/dev.web")
        .says("create headwater/default/first-pins");
    assert_eq!(scene.origin.rev(WEB), head);
}

#[test]
fn a_field_that_cannot_be_edited_is_left_out_and_said() {
    let scene = moved();
    // Shared by an alias: not to be edited for one of them.
    scene.edit("apps/web.yaml", |text| {
        format!("{}x: *shared\n", text.replace("image: ", "image: &shared "))
    });
    scene
        .reconcile()
        .exits(3)
        .says("error: cannot be edited exactly");
    assert_eq!(scene.changed(WEB), ["streams/web.yaml"]);
}

#[test]
fn a_status_that_cannot_be_edited_keeps_the_open_branch() {
    let scene = moved();
    let head = scene.origin.rev(WEB);
    scene.edit("streams/web.yaml", |text| {
        let text = text.replace("      items:\n", "      items: &shared\n");
        format!("{text}x: *shared\n")
    });
    scene
        .reconcile()
        .exits(3)
        .says("streams/web.yaml:")
        .says("error: cannot be edited exactly");
    assert_eq!(scene.bot_branch(), WEB);
    assert_eq!(scene.origin.rev(WEB), head);
}

#[test]
fn first_pins_follow_what_moves_before_they_are_merged() {
    let scene = web();
    scene.image("acme/api", "1", "api");
    scene.commit(&[("streams/api.yaml", &stream("dev", "api", "1"))], "add");
    scene.reconcile().exits(0);
    let second = scene.image("acme/web", "1", "second");
    scene.settle();
    assert_eq!(scene.bot_branch(), FIRST_PINS);
    assert_eq!(
        scene.changed(FIRST_PINS),
        ["apps/web.yaml", "streams/api.yaml", "streams/web.yaml"]
    );
    assert_eq!(
        scene.file(FIRST_PINS, "apps/web.yaml"),
        pin(second.as_str())
    );
    assert_eq!(
        scene.file(FIRST_PINS, "streams/web.yaml"),
        recorded(&[second.as_str()])
    );
}

#[test]
fn fault_28_a_tag_that_goes_back_to_a_merged_image_says_so() {
    let scene = moved();
    scene.merge(WEB);
    scene.settle();
    let first = scene.image("acme/web", "1", "first");
    scene.settle().says("create headwater/default/dev.web");
    assert_eq!(scene.file(WEB, "apps/web.yaml"), pin(first.as_str()));
    let message = scene.origin.git(&["log", "-1", "--format=%B", WEB]);
    let subject = message.lines().next().unwrap();
    let short: String = first.encoded().chars().take(7).collect();
    let start = format!("move dev/web:1 BACK to {short} in default (first seen 20");
    assert!(subject.starts_with(&start), "{subject}");
    assert!(subject.chars().count() <= 72, "{subject}");
    assert!(message.contains("the tag moves BACK to it"), "{message}");
    // Merged, it is the newest again; the next one is an ordinary pin.
    scene.merge(WEB);
    scene.image("acme/web", "1", "third");
    scene.settle();
    let message = scene.origin.git(&["log", "-1", "--format=%B", WEB]);
    assert!(message.starts_with("pin dev/web:1 to "), "{message}");
}
