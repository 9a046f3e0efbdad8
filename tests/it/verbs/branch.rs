//! `--pull-request`: a commit on a branch of its own, which reconcile leaves alone.

use crate::support::scene::{HOST, Scene, deployment, stream};

/// The branch as if it had been made then.
fn made_in_january(scene: &Scene, branch: &str) {
    let then = "2026-01-01T00:00:00Z";
    let folder = scene.person.path();
    scene.person.git(&["fetch", "-q", "origin"]);
    let remote = format!("origin/{branch}");
    scene.person.git(&["stash", "-q"]);
    scene.person.git(&["checkout", "-q", "--detach", &remote]);
    let file = folder.join("streams/web.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (before, rest) = text.rsplit_once("tag: tip").unwrap();
    let (key, rest) = rest.split_once("created: \"").unwrap();
    let (_, rest) = rest.split_once('"').unwrap();
    let edited = format!("{before}tag: tip{key}created: \"{then}\"{rest}");
    std::fs::write(&file, edited).unwrap();
    let amended = std::process::Command::new("git")
        .args(["commit", "-q", "--amend", "--no-edit", "-a"])
        .current_dir(folder)
        .env("GIT_COMMITTER_DATE", then)
        .status();
    assert!(amended.unwrap().success());
    let to = format!("HEAD:refs/heads/{branch}");
    scene.person.git(&["push", "-q", "-f", "origin", &to]);
    scene.person.git(&["checkout", "-q", "main"]);
    scene.person.git(&["stash", "pop", "-q"]);
}

#[test]
fn a_command_makes_a_branch_that_reconcile_leaves_alone() {
    let scene = Scene::of(&[
        ("streams/web.yaml", &stream("shop", "web", "1")),
        ("web.yaml", &deployment("shop", "web", "tip")),
    ]);
    let digest = scene.image("acme/web", "1", "one");
    scene.reconcile();
    for branch in scene.bot_branches() {
        scene.merge(&branch);
    }
    scene.reconcile();
    assert_eq!(scene.bot_branches(), [""; 0]);

    // Edits that nobody has committed are not part of it.
    let edited = scene.person.path().join("streams/web.yaml");
    std::fs::write(&edited, "kind: broken: yaml\n").unwrap();
    let bare = scene.bare();
    let words = [
        "tag",
        "web:1",
        "web:tip",
        "--pull-request",
        "--repository",
        &bare,
    ];
    let run = scene.run(&words).exits(0);
    let says = format!("Tag web:tip set to web@{digest}.\n");
    assert_eq!(run.stdout, says);
    let branch = scene.bot_branch();
    assert_eq!(branch, "headwater/default/tag-web-1-web-tip");
    run.says(&format!("wrote {branch} at "));
    assert_eq!(scene.changed(&branch), ["streams/web.yaml", "web.yaml"]);
    assert!(scene.file(&branch, "web.yaml").contains(digest.as_str()));
    let message = scene.message(&branch);
    assert!(
        message.starts_with("tag web:1 web:tip\n\nTag web:tip set to "),
        "{message}"
    );
    for trailer in [
        "Headwater-Command: tag web:1 web:tip\n".to_owned(),
        "Image-Stream: shop/web:tip\n".to_owned(),
        format!("Image: {HOST}/acme/web@{digest}\n"),
        "Environment: default".to_owned(),
    ] {
        assert!(
            message.contains(&trailer),
            "{trailer:?} is not in\n{message}"
        );
    }
    assert!(!message.contains("Headwater-Plan"), "{message}");

    // The same again is there already; another one gets a name of its own.
    scene.run(&words).exits(0).says("has this change already");
    assert_eq!(scene.bot_branches(), [branch.as_str()]);

    // Also where the clock has gone on since: the branch was made at another time.
    made_in_january(&scene, &branch);
    scene.run(&words).exits(0).says("has this change already");
    assert_eq!(scene.bot_branches(), [branch.as_str()]);

    let before = scene.state();
    // It fails for the marker whose tag is not merged yet, and for nothing else.
    scene.reconcile().never_says(&branch);
    assert_eq!(scene.state(), before, "reconcile wrote something");
    scene.person.git(&["checkout", "-q", "--", "."]);
    scene.merge(&branch);
    // Merged, it goes as every merged branch does.
    scene.reconcile().exits(0).says("it is merged");
    scene.is_settled();
}

#[test]
fn a_clone_gets_the_branch_or_the_remote_does() {
    let scene = Scene::of(&[("streams/web.yaml", &stream("shop", "web", "1"))]);
    let clone = scene.person.path().to_str().unwrap().to_owned();
    let create = |name, more: &[&str]| {
        let mut words = vec!["-C", &clone, "create", "is", name, "--pull-request"];
        words.extend(more);
        scene.run(&words).exits(0)
    };
    create("here", &[]).says("to share it: git push origin headwater/default/create-is-here");
    assert_eq!(scene.bot_branches(), [""; 0]);
    assert!(!scene.person.path().join("streams/here.yaml").exists());
    create("there", &["--push", "origin"]).never_says("to share it");
    let branch = scene.bot_branch();
    assert_eq!(branch, "headwater/default/create-is-there");
    let trailer = "Headwater-Command: create is there\n";
    assert!(scene.message(&branch).contains(trailer));
    create("never", &["--dry-run", "--push", "origin"]).says("created (dry run)");
    assert_eq!(scene.bot_branch(), branch);
    scene
        .run(&[
            "delete",
            "is",
            "web",
            "--pull-request",
            "--repository",
            &scene.bare(),
        ])
        .exits(0);
    let branch = "headwater/default/delete-is-web";
    assert_eq!(scene.changed(branch), ["streams/web.yaml"]);
    scene
        .run(&[
            "create",
            "is",
            "x",
            "--repository",
            "https://git.example/x.git",
        ])
        .exits(2)
        .says("add --pull-request");
}
