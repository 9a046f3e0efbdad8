//! `headwater pr` where there is no forge: bot branches are the pull requests.

use serde_json::Value;

use crate::lifecycle::{FIRST_PINS, WEB, moved, pinned, web};
use crate::support::git::HttpServer;
use crate::support::scene::{Run, Scene};

fn pr(scene: &Scene, arguments: &[&str]) -> Run {
    let bare = scene.bare();
    scene.run(&[&["pr"], arguments, &[bare.as_str()]].concat())
}

fn json(run: Run) -> Value {
    serde_json::from_str(&run.exits(0).stdout).unwrap()
}

/// A person's commit on the bot branch.
fn edit(scene: &Scene, path: &str, content: &str) {
    scene.take(WEB);
    scene.person.commit_files(&[(path, content)], "Also this");
    scene.give(WEB);
    scene.person.git(&["checkout", "-q", "main"]);
}

/// A person's edit of the lines that the bot branch edits.
fn edit_the_same_lines(scene: &Scene) {
    scene.edit("apps/web.yaml", |text| {
        text.replace("image: ", "image: other/")
    });
}

#[test]
fn open_branches_are_listed_with_what_they_propose() {
    let scene = moved();
    let digest = scene.image("acme/web", "1", "second");
    pr(&scene, &["list"])
        .exits(0)
        .says("BRANCH")
        .says(WEB)
        .says("open")
        .says("pin dev/web:1 to");
    let list = json(pr(&scene, &["list", "-o", "json"]));
    assert_eq!(list["kind"], "PullRequestList");
    let item = &list["items"][0];
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    assert_eq!(item["branch"], WEB);
    assert_eq!(item["base"], "main");
    assert_eq!(item["state"], "open");
    assert_eq!(item["head"], scene.origin.rev(WEB));
    assert_eq!(item["images"][0]["streamTag"], "dev/web:1");
    let image = item["images"][0]["image"].as_str().unwrap();
    assert!(image.ends_with(digest.as_str()), "{image}");
    pr(&scene, &["list", "--environment", "default"])
        .exits(0)
        .says(WEB);
    pr(&scene, &["list", "--environment", "none"])
        .exits(2)
        .says("there is default");
}

#[test]
fn each_state_has_its_word() {
    let state = |scene: &Scene, arguments: &[&str]| {
        let list = json(pr(scene, &[&["list", "-o", "json"], arguments].concat()));
        list["items"][0]["state"].clone()
    };
    let scene = moved();
    edit(&scene, "apps/extra.yaml", "a: 1\n");
    assert_eq!(state(&scene, &[]), "edited");
    pr(&scene, &["show", WEB])
        .exits(0)
        .says("edited: commit")
        .says("Also this");

    let scene = moved();
    edit_the_same_lines(&scene);
    assert_eq!(state(&scene, &[]), "conflict");
    pr(&scene, &["show", WEB])
        .exits(0)
        .says("conflict in apps/web.yaml");

    let scene = moved();
    scene.merge(WEB);
    assert_eq!(state(&scene, &[]), "merged");

    let scene = moved();
    pr(&scene, &["close", WEB]).exits(0);
    pr(&scene, &["list"])
        .exits(0)
        .says("no branch waits for anybody");
    assert_eq!(state(&scene, &["--closed"]), "closed");
    pr(&scene, &["list", "--ignored"])
        .exits(0)
        .says(WEB)
        .says("delete a branch to have it proposed again");
}

#[test]
fn a_branch_shows_its_message_and_its_diff() {
    let scene = moved();
    let digest = scene.image("acme/web", "1", "second");
    let shown = pr(&scene, &["show", WEB])
        .exits(0)
        .says("into    main")
        .says("state   open")
        .says("file    apps/web.yaml")
        .says("file    streams/web.yaml");
    let message = scene.origin.git(&["log", "-1", "--format=%B", WEB]);
    let message = message.replace(&scene.registry.host(), crate::support::scene::HOST);
    assert!(
        shown
            .stdout
            .ends_with(&format!("\n{}\n", message.trim_end()))
    );
    let document = json(pr(&scene, &["show", WEB, "-o", "json"]));
    assert_eq!(document["files"][0], "apps/web.yaml");

    // The base goes on elsewhere: its own changes are not the branch's.
    scene.commit(&[("README.md", "hello\n")], "elsewhere");
    let diff = pr(&scene, &["diff", WEB]).exits(0);
    assert!(
        diff.stdout.contains("+++ b/apps/web.yaml"),
        "{}",
        diff.stdout
    );
    assert!(diff.stdout.contains(digest.as_str()));
    assert!(!diff.stdout.contains("README"));
    pr(&scene, &["diff", "--exit-code", WEB]).exits(1);
    // The diff is one that Git applies to the base.
    let patch = diff
        .stdout
        .replace(crate::support::scene::HOST, &scene.registry.host());
    let file = scene.home().join("patch");
    std::fs::write(&file, patch).unwrap();
    let file = file.to_str().unwrap();
    scene.person.git(&["apply", "--check", file]);

    pr(&scene, &["show", "headwater/default/none"])
        .exits(2)
        .says("pr list");
    pr(&scene, &["show", "main"])
        .exits(2)
        .says("headwater/<environment>/<group>");
}

#[test]
fn a_merge_is_a_promotion_of_the_whole_branch() {
    for method in ["merge", "squash", "fast-forward"] {
        let scene = moved();
        let head = scene.origin.rev(WEB);
        let tip = scene.origin.rev("main");
        let wanted = scene.file(WEB, "apps/web.yaml");
        pr(&scene, &["merge", "--method", method, WEB])
            .exits(0)
            .says(&format!("merged {WEB} into main at"));
        assert_eq!(scene.bot_branches(), [""; 0]);
        assert_eq!(scene.file("main", "apps/web.yaml"), wanted);
        let parents = scene.origin.git(&["log", "-1", "--format=%P", "main"]);
        match method {
            "merge" => assert_eq!(parents.trim(), format!("{tip} {head}")),
            "squash" => {
                assert_eq!(parents.trim(), tip);
                let trailers = "--format=%(trailers:key=Image-Stream,valueonly)";
                let stream = scene.origin.git(&["log", "-1", trailers, "main"]);
                assert_eq!(stream.trim(), "dev/web:1");
            }
            _ => assert_eq!(scene.origin.rev("main"), head),
        }
        scene
            .person
            .git(&["pull", "-q", "--ff-only", "origin", "main"]);
        scene.settle();
        assert_eq!(scene.bot_branches(), [""; 0]);
    }
}

#[test]
fn a_persons_work_comes_along_with_links_and_modes() {
    let scene = moved();
    scene.take(WEB);
    scene.person.write("run.sh", "#!/bin/sh\n");
    scene.person.write("empty", "");
    std::os::unix::fs::symlink("run.sh", scene.person.path().join("link")).unwrap();
    scene.person.git(&["add", "run.sh", "empty", "link"]);
    scene.person.git(&["update-index", "--chmod=+x", "run.sh"]);
    scene.person.git(&["commit", "-q", "-m", "Also this"]);
    scene.give(WEB);
    scene.person.git(&["checkout", "-q", "-f", "main"]);
    scene.commit(&[("README.md", "hello\n")], "elsewhere");
    pr(&scene, &["merge", "--method", "squash", WEB]).exits(0);
    let tree = scene.origin.git(&["ls-tree", "main"]);
    for entry in ["100755 blob", "120000 blob", "\tempty", "\tREADME.md"] {
        assert!(tree.contains(entry), "{entry}: {tree}");
    }
}

#[test]
fn what_cannot_be_merged_is_refused_and_nothing_moves() {
    let scene = moved();
    edit_the_same_lines(&scene);
    let before = scene.state();
    pr(&scene, &["merge", WEB])
        .exits(3)
        .says("conflicts with main in apps/web.yaml")
        .says("`headwater reconcile` makes it anew");
    pr(&scene, &["diff", WEB])
        .exits(3)
        .says("conflicts with main");
    pr(&scene, &["merge", "--method", "fast-forward", WEB])
        .exits(3)
        .says("main has gone on since it was made");
    assert_eq!(scene.state(), before);

    let scene = moved();
    pr(&scene, &["close", WEB]).exits(0);
    pr(&scene, &["merge", WEB]).exits(2).says("is closed");

    let scene = moved();
    scene.merge(WEB);
    pr(&scene, &["merge", WEB])
        .exits(2)
        .says("is merged already");
}

#[test]
fn a_base_that_is_checked_out_is_not_moved_under_its_person() {
    let scene = pinned();
    scene.image("acme/web", "1", "second");
    let clone = scene.person.path().to_str().unwrap().to_owned();
    scene.run(&["reconcile", &clone]).exits(0);
    let before = scene.person.rev("main");
    scene
        .run(&["-C", &clone, "pr", "merge", WEB])
        .exits(3)
        .says("check out another branch there");
    assert_eq!(scene.person.rev("main"), before);
    scene.person.git(&["checkout", "-q", "-b", "elsewhere"]);
    scene.run(&["-C", &clone, "pr", "merge", WEB]).exits(0);
    assert_ne!(scene.person.rev("main"), before);
}

#[test]
fn over_http_and_against_one_who_is_faster() {
    let scene = web();
    let server = HttpServer::start(&scene.origin);
    let url = server.url();
    scene.run(&["reconcile", &url]).exits(0);
    scene.run(&["pr", "list", &url]).exits(0).says(FIRST_PINS);
    // The first push finds that somebody has moved the base in between.
    let faster = scene
        .person
        .commit_files(&[("README.md", "hello\n")], "faster");
    scene
        .person
        .git(&["push", "-q", "origin", "HEAD:refs/heads/faster"]);
    let hook = "#!/bin/sh\nread old new ref\n\
        if [ \"$ref\" = refs/heads/main ] && git rev-parse -q --verify refs/heads/faster; then\n\
        unset GIT_QUARANTINE_PATH\n\
        git update-ref refs/heads/main refs/heads/faster\n\
        git update-ref -d refs/heads/faster\nfi\n";
    let path = scene.origin.path().join("hooks/pre-receive");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, hook).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&path, executable).unwrap();
    scene
        .run(&["pr", "merge", FIRST_PINS, &url])
        .exits(0)
        .says("looking again")
        .says("merged");
    let log = scene.origin.git(&["log", "--format=%H", "main"]);
    assert!(log.contains(&faster), "{log}");
    assert_eq!(scene.bot_branches(), [""; 0]);
}
