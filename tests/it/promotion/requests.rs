//! `headwater promote`: what a person asks for stays until it is merged or closed.

use crate::promotion::{image_in, on, on_branches};
use crate::support::scene::{Run, Scene, deployment, stream};

const TO_STAGING: &str = "headwater/staging/from-dev";

fn promote(scene: &Scene, more: &[&str]) -> Run {
    let origin = scene.origin.path().display().to_string();
    let own = [
        "promote",
        "--from",
        "dev",
        "--to",
        "staging",
        "--repository",
        &origin,
    ];
    scene.run(&[own.as_slice(), more].concat())
}

/// The files in which the promotion differs from its target.
fn changed(scene: &Scene) -> Vec<String> {
    let text = scene
        .origin
        .git(&["diff", "--name-only", "env/staging", TO_STAGING]);
    text.lines().map(str::to_owned).collect()
}

/// With an image in dev, and a second one after it; the commits that brought them.
fn two_images() -> (Scene, [String; 2]) {
    let scene = on_branches("");
    scene.reconcile().exits(0);
    let first = scene.origin.rev("env/dev");
    scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0);
    let second = scene.origin.rev("env/dev");
    assert_ne!(first, second);
    (scene, [first, second])
}

#[test]
fn without_a_commit_it_is_what_the_pass_does() {
    let (scene, [_, second]) = two_images();
    scene
        .origin
        .git(&["update-ref", "-d", &format!("refs/heads/{TO_STAGING}")]);
    promote(&scene, &[]).exits(0).says("promotes dev at");
    assert_eq!(scene.bot_branches(), [TO_STAGING]);
    let message = scene.message(TO_STAGING);
    assert!(
        message.contains(&format!("Promoted-Commit: {second}")),
        "{message}"
    );
    assert!(!message.contains("Promoted-By"), "{message}");
    scene.settle();
    assert_eq!(scene.bot_branches(), [TO_STAGING]);
}

#[test]
fn a_commit_that_was_asked_for_stays_until_it_is_merged() {
    let (scene, [first, second]) = two_images();
    promote(&scene, &["--at", &first]).exits(0);
    let message = scene.message(TO_STAGING);
    assert!(
        message.contains(&format!("Promoted-Commit: {first}")),
        "{message}"
    );
    let asked_for = scene.origin.rev(TO_STAGING);
    scene.settle();
    assert_eq!(scene.origin.rev(TO_STAGING), asked_for);
    assert!(message.contains("Promoted-By: "), "{message}");
    on(&scene, "env/staging");
    scene.merge(TO_STAGING);
    scene.reconcile().exits(0);
    scene.settle();
    let message = scene.message(TO_STAGING);
    assert!(
        message.contains(&format!("Promoted-Commit: {second}")),
        "{message}"
    );
    scene.merge(TO_STAGING);
    scene.reconcile().exits(0);

    // Going back to the first: images alone, and by the same way.
    promote(&scene, &["--at", &first]).exits(0);
    assert!(scene.message(TO_STAGING).contains(" BACK "));
    on(&scene, "env/staging");
    scene.merge(TO_STAGING);
    let now = image_in(&scene, "env/staging");
    assert!(
        scene
            .file(&first, "apps/web.yaml")
            .contains(now.rsplit('@').next().unwrap())
    );
}

#[test]
fn one_stream_alone_leaves_the_others_waiting() {
    let scene = on_branches("");
    scene.image("acme/api", "1", "first");
    on(&scene, "env/dev");
    scene.commit(
        &[
            ("streams/api.yaml", &stream("shop", "api", "1")),
            ("apps/api.yaml", &deployment("shop", "api", "1")),
        ],
        "the api",
    );
    scene.reconcile().exits(0);
    scene.reconcile().exits(0);
    on(&scene, "env/staging");
    scene.merge(TO_STAGING);
    scene.settle();
    scene.image("acme/web", "1", "second");
    let api = scene.image("acme/api", "1", "second");
    on(&scene, "env/dev");
    scene.commit(&[("apps/config.yaml", "level: info\n")], "less noise");
    scene.reconcile().exits(0);
    promote(&scene, &["--only", "api"])
        .exits(0)
        .says("comes after the one that is proposed");
    assert_eq!(changed(&scene), ["apps/api.yaml", "streams/api.yaml"]);
    assert!(
        scene
            .file(TO_STAGING, "apps/api.yaml")
            .contains(api.as_str())
    );
    scene.settle();
    assert_eq!(changed(&scene), ["apps/api.yaml", "streams/api.yaml"]);
    on(&scene, "env/staging");
    scene.squash(TO_STAGING);
    // What was asked for is cleared away first.
    scene.reconcile().exits(0);
    scene.settle();
    assert_eq!(
        changed(&scene),
        ["apps/config.yaml", "apps/web.yaml", "streams/web.yaml"]
    );
}

#[test]
fn what_cannot_be_asked_for_is_named() {
    let (scene, [first, _]) = two_images();
    let run = |words: &[&str]| {
        let origin = scene.origin.path().display().to_string();
        scene.run(&[&["promote", "--repository", &origin], words].concat())
    };
    run(&["--from", "staging", "--to", "dev2"])
        .exits(2)
        .says("headwater.yaml has no environment dev2");
    run(&["--from", "dev", "--to", "prod"])
        .exits(2)
        .says("prod is promoted from staging, not from dev");
    run(&["--from", "dev", "--to", "dev"])
        .exits(2)
        .says("the same environment");
    run(&["--from", "staging", "--to", "prod", "--at", &first])
        .exits(3)
        .says("is none of the last 500 first-parent commits of env/staging");
    run(&["--from", "dev", "--to", "staging", "--only", "a b"])
        .exits(2)
        .says("`a b` is no stream");
}
