//! `rollback`, `hold` and `release`, from the command to what later passes do.

use headwater::image::Digest;

use crate::lifecycle::{WEB, pinned};
use crate::support::scene::{HOST, Run, Scene, deployment, stream};

/// A command, and the branch that it made.
fn typed(scene: &Scene, words: &[&str]) -> (Run, String) {
    let bare = scene.bare();
    let before = scene.bot_branches();
    let run = scene
        .run(&[words, &["--repository", &bare]].concat())
        .exits(0);
    let mut new = scene.bot_branches();
    new.retain(|branch| !before.contains(branch));
    assert_eq!(new.len(), 1, "{new:?}");
    (run, new.remove(0))
}

/// What the workload runs and the tag's newest image, at a revision.
fn runs(scene: &Scene, revision: &str, digest: &Digest) {
    let field = scene.file(revision, "apps/web.yaml");
    assert!(
        field.contains(&format!("{HOST}/acme/web:1@{digest}")),
        "{field}"
    );
    let text = scene.file(revision, "streams/web.yaml");
    let newest = text.split_once("items:").unwrap().1;
    let newest = newest.split("image: ").nth(1).unwrap();
    assert!(newest.starts_with(digest.as_str()), "{text}");
}

/// `dev/web:1` at its second image, merged.
fn at_second() -> (Scene, Digest, Digest) {
    let scene = pinned();
    let first = scene.image("acme/web", "1", "first");
    let second = scene.image("acme/web", "1", "second");
    scene.reconcile().exits(0);
    scene.merge(WEB);
    scene.settle();
    runs(&scene, "main", &second);
    (scene, first, second)
}

#[test]
fn what_was_rolled_back_stays_back_until_a_newer_one_comes() {
    let (scene, first, second) = at_second();
    let words = ["rollback", "default/web:1", "--reason", "login is broken"];
    let (_, branch) = typed(&scene, &words);
    assert_eq!(branch, "headwater/default/rollback-default-web-1");
    assert_eq!(
        scene.changed(&branch),
        ["apps/web.yaml", "streams/web.yaml"]
    );
    runs(&scene, &branch, &first);
    let message = scene.message(&branch);
    for line in [
        "rollback default/web:1 --reason login is broken\n",
        "Headwater-Command: rollback default/web:1 --reason 'login is broken'\n",
        &format!("Image-Previous: {second}\n"),
    ] {
        assert!(message.contains(line), "{line:?} is not in\n{message}");
    }
    // Not merged yet, it is somebody's own work.
    scene.settle();
    runs(&scene, "main", &second);

    scene.merge(&branch);
    let says = format!(
        "{} was rejected by headwater (login is broken)",
        second.short()
    );
    scene.settle().says(&says);
    assert_eq!(scene.bot_branches(), [""; 0]);
    runs(&scene, "main", &first);

    let third = scene.image("acme/web", "1", "third");
    scene.settle().never_says("rejected");
    assert_eq!(scene.bot_branch(), WEB);
    runs(&scene, WEB, &third);
    scene.merge(WEB);
    scene.settle();
    // What was rejected before is passed over, but for who names it.
    scene
        .run(&[
            "rollback",
            "default/web:1",
            "--steps",
            "2",
            "--repository",
            &scene.bare(),
        ])
        .exits(2)
        .says("dev/web:1 has one earlier image here, and not 2");
    let (_, branch) = typed(
        &scene,
        &["rollback", "default/web:1", "--to", second.as_str()],
    );
    runs(&scene, &branch, &second);
    scene.merge(&branch);
    scene
        .settle()
        .says(&format!("{} was rejected", third.short()));
    assert_eq!(scene.bot_branches(), [""; 0]);
}

#[test]
fn what_is_released_is_proposed_again() {
    let (scene, _, second) = at_second();
    let (_, branch) = typed(&scene, &["rollback", "default/web:1"]);
    scene.squash(&branch);
    scene.settle().says("was rejected");
    let (_, branch) = typed(&scene, &["release", "default/web:1"]);
    assert_eq!(scene.changed(&branch), ["streams/web.yaml"]);
    scene.merge(&branch);
    scene.settle().never_says("rejected");
    assert!(scene.bot_branches().contains(&WEB.to_owned()));
    runs(&scene, WEB, &second);
}

#[test]
fn nothing_returns_after_two_rollbacks() {
    let (scene, first, second) = at_second();
    let third = scene.image("acme/web", "1", "third");
    scene.reconcile().exits(0);
    scene.merge(WEB);
    scene.settle();
    for to in [&second, &first] {
        let (_, branch) = typed(&scene, &["rollback", "default/web:1"]);
        runs(&scene, &branch, to);
        scene.merge(&branch);
        scene
            .settle()
            .says(&format!("{} was rejected", third.short()));
        assert_eq!(scene.bot_branches(), [""; 0]);
        runs(&scene, "main", to);
    }
    scene
        .run(&["rollback", "default/web:1", "--repository", &scene.bare()])
        .exits(2)
        .says("dev/web:1 has no earlier image here");
}

#[test]
fn one_environment_goes_back_and_the_other_goes_on() {
    let configuration = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments:\n    - {name: dev, branch: env/dev}\n    - {name: prod, branch: env/prod}\n";
    let scene = Scene::of(&[
        ("headwater.yaml", configuration),
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("apps/web.yaml", &deployment("shop", "web", "1")),
    ]);
    for branch in ["env/dev", "env/prod"] {
        let place = format!("main:refs/heads/{branch}");
        scene.person.git(&["push", "-q", "origin", &place]);
    }
    let merge_all = || {
        for branch in scene.bot_branches() {
            let environment = branch.split('/').nth(1).unwrap().to_owned();
            scene.person.git(&["fetch", "-q", "origin"]);
            scene
                .person
                .git(&["checkout", "-q", &format!("env/{environment}")]);
            scene.person.git(&[
                "merge",
                "-q",
                "--ff-only",
                &format!("origin/env/{environment}"),
            ]);
            scene.merge(&branch);
        }
        scene.settle();
    };
    let first = scene.image("acme/web", "1", "first");
    scene.settle();
    merge_all();
    let second = scene.image("acme/web", "1", "second");
    scene.settle();
    merge_all();
    let (_, branch) = typed(&scene, &["rollback", "prod/shop/web:1"]);
    assert_eq!(branch, "headwater/prod/rollback-prod-shop-web-1");
    assert_eq!(
        scene.origin.rev(&format!("{branch}^")),
        scene.origin.rev("env/prod")
    );
    merge_all();
    assert_eq!(scene.bot_branches(), [""; 0]);
    runs(&scene, "env/prod", &first);
    runs(&scene, "env/dev", &second);

    let (_, branch) = typed(&scene, &["hold", "dev/web:1", "--reason", "the fair"]);
    assert_eq!(branch, "headwater/dev/hold-dev-web-1");
    merge_all();
    let third = scene.image("acme/web", "1", "third");
    scene
        .settle()
        .says("held by headwater (the fair) until the hold is taken out");
    runs(&scene, &scene.bot_branch(), &third);
    assert!(scene.bot_branch().starts_with("headwater/prod/"));
}

#[test]
fn environments_on_one_branch_go_back_apart() {
    let configuration = "apiVersion: headwater.dev/v1alpha1\nkind: Config\nspec:\n  environments:\n    - {name: dev, paths: [dev], namespaces: [shop-dev]}\n    - {name: prod, paths: [prod], namespaces: [shop-prod]}\n";
    let scene = Scene::of(&[
        ("headwater.yaml", configuration),
        ("dev/stream.yaml", &stream("shop-dev", "web", "1")),
        ("dev/web.yaml", &deployment("shop-dev", "web", "1")),
        ("prod/stream.yaml", &stream("shop-prod", "web", "1")),
        ("prod/web.yaml", &deployment("shop-prod", "web", "1")),
    ]);
    let merge_all = || {
        for branch in scene.bot_branches() {
            scene.merge(&branch);
        }
        scene.settle();
    };
    let first = scene.image("acme/web", "1", "first");
    scene.settle();
    merge_all();
    let second = scene.image("acme/web", "1", "second");
    scene.settle();
    merge_all();
    let (_, branch) = typed(&scene, &["rollback", "prod/web:1"]);
    assert_eq!(
        scene.changed(&branch),
        ["prod/stream.yaml", "prod/web.yaml"]
    );
    merge_all();
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert!(scene.file("main", "prod/web.yaml").contains(first.as_str()));
    assert!(scene.file("main", "dev/web.yaml").contains(second.as_str()));
}
